//! Samples of a flow with a denoiser, without noise and with noise in proportion to γ, beside data.

use anyhow::Result;
use interflow_core::Points;
use interflow_core::rng::{Purpose, Stream};
use interflow_figure::{self as figure, Figure};
use interflow_flow::{Computed, FlowPath, NoiseConfig};
use interflow_metrics::energy_distance_test;
use interflow_solvers::{DiffusionConfig, Scheme, SdeConfig};
use serde_json::json;
use tch::Tensor;

use crate::drawing::points_2d;
use crate::findings::Findings;
use crate::subject::Subject;

/// Permutations of a two-sample test.
const N_PERMUTATIONS: usize = 199;
/// The most points on each side of one.
const MOST_POINTS: i64 = 2000;
/// Cells along one side of a picture.
const N_CELLS: usize = 72;

/// What is run.
pub(super) struct Runs<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) path: &'a FlowPath<'a>,
    /// Strengths of the noise; the flow itself comes first.
    pub(super) epsilons: &'a [f64],
    pub(super) steps: u32,
}

impl Runs<'_> {
    /// Carries points to the target, with noise unless the strength is 0.
    pub(super) fn carry(&self, epsilon: f64, x0: &Tensor) -> Result<Computed> {
        let (start, task) = (Points::from(x0.shallow_clone()), self.subject.engine.work().quietly());
        if epsilon <= 0.0 {
            return Ok(self.path.carry(&start, &task)?);
        }
        let noise = NoiseConfig {
            diffusion: DiffusionConfig { shape: self.path.regular_shape(), strength: epsilon },
            solver: SdeConfig { scheme: Scheme::Shark, steps: self.steps, ..SdeConfig::default() },
        };
        Ok(self.path.diffuse(&start, &noise, self.subject.seed(), &task)?)
    }

    /// The flow and each strength.
    pub(super) fn strengths(&self) -> impl Iterator<Item = f64> {
        std::iter::once(0.0).chain(self.epsilons.iter().copied())
    }

    /// A picture of points, and a name for it.
    pub(super) fn panel(&self, name: &str, x: &Tensor) -> Result<(String, Figure)> {
        Ok((name.to_owned(), figure::histogram_image(&points_2d(x)?, self.subject.target.extent(), N_CELLS)))
    }
}

/// The name of a run.
pub(super) fn name(epsilon: f64) -> String {
    if epsilon > 0.0 { format!("ε = {epsilon}") } else { "flow".to_owned() }
}

/// Carries `x0` with every strength, compares the ends with other points of the target, and adds a table, numbers and a figure.
pub(super) fn run(runs: &Runs<'_>, x0: &Tensor, data: &Tensor, findings: &mut Findings) -> Result<()> {
    let seed = runs.subject.seed();
    let most = |x: &Tensor| x.narrow(0, 0, x.size()[0].min(MOST_POINTS));
    let mut draw = Stream::new(seed, Purpose::Resample).at(0);
    let (mut panels, mut rows, mut numbers) = (vec![runs.panel("data", data)?], Vec::new(), Vec::new());
    for epsilon in runs.strengths() {
        let Computed { rows: samples, nfe } = runs.carry(epsilon, x0)?;
        let test = energy_distance_test(&most(&samples), &most(data), N_PERMUTATIONS, &mut draw)?;
        panels.push(runs.panel(&name(epsilon), &samples)?);
        let (distance, p) = (test.statistic, test.p_value);
        rows.push(vec![name(epsilon), nfe.to_string(), format!("{distance:.5}"), format!("{p:.3}")]);
        numbers.push(json!({ "epsilon": epsilon, "nfe": nfe, "energy_distance": distance, "p_value": p }));
    }
    runs.subject.save("noisy_samples.png", &figure::sheet(&panels, 3))?;
    let header = ["sampler", "NFE", "energy distance to data", "p"];
    findings.section(
        "Samples",
        &header,
        &rows,
        &[("noisy_samples.png", "Data, and samples by the flow and by the SDE")],
    );
    findings.results.insert("samples".into(), json!(numbers));
    Ok(())
}
