//! How samples are drawn, as Python says it.

use interflow::core::guidance::Observation;
use interflow::core::interpolant::ScheduleKind;
use interflow::data::Columns;
use interflow::solvers::{DiffusionConfig, DiffusionShape, Scheme, SdeConfig};
use interflow::{Flow, FlowPath, NoiseConfig, Result, SampleOptions};
use pyo3::prelude::*;

use crate::choice::choice;
use crate::points::{Conditions, refuse, repeated};

/// The arguments of `Flow.sample`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct SampleArgs {
    /// How many, for each row that samples are given.
    n: u64,
    given: Conditions,
    seed: Option<u64>,
    first: u64,
    calls: Option<u32>,
    along: Option<String>,
    sde: Option<Noise>,
    /// Columns that were observed, with their values and the noise's deviations.
    observed: Vec<(String, f64, f64)>,
    guidance: Option<f64>,
    log_prob: bool,
}

/// The stochastic equation.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Noise {
    epsilon: f64,
    diffusion: Option<String>,
    scheme: String,
    steps: u32,
    tolerance: Option<f64>,
}

/// The same with every choice made.
pub(crate) struct Draw {
    n: u64,
    conditions: Conditions,
    options: SampleOptions,
    noise: Option<(Option<DiffusionShape>, f64, SdeConfig)>,
    observed: Vec<(String, f64, f64)>,
}

impl SampleArgs {
    pub(crate) fn draw(self) -> PyResult<Draw> {
        let along = self.along.map(|name| choice::<ScheduleKind>("along", &name)).transpose()?;
        let options = SampleOptions {
            first: self.first,
            seed: self.seed,
            along,
            guidance: self.guidance,
            calls: self.calls,
            log_density: self.log_prob,
            ..SampleOptions::default()
        };
        let noise = self.sde.map(Noise::chosen).transpose()?;
        Ok(Draw { n: self.n, conditions: self.given, options, noise, observed: self.observed })
    }
}

impl Noise {
    fn chosen(self) -> PyResult<(Option<DiffusionShape>, f64, SdeConfig)> {
        let shape = self.diffusion.map(|name| choice("diffusion", &name)).transpose()?;
        let scheme: Scheme = choice("scheme", &self.scheme)?;
        Ok((shape, self.epsilon, SdeConfig { scheme, steps: self.steps, tolerance: self.tolerance }))
    }
}

impl Draw {
    /// Draws the samples.
    pub(crate) fn from(self, flow: &Flow) -> Result<interflow::Samples> {
        let path = FlowPath::new(flow.engine(), self.options.along)?;
        let noise = self.noise.map(|(shape, strength, solver)| {
            let shape = shape.unwrap_or_else(|| path.regular_shape());
            NoiseConfig { diffusion: DiffusionConfig { shape, strength }, solver }
        });
        let given = repeated(self.conditions.of(flow)?, self.n as i64);
        let n = given.tensor().map_or(self.n, |given| given.size()[0].unsigned_abs());
        let observed = self.observed.iter().map(|one| observation(one, flow)).collect::<Result<_>>()?;
        flow.sample_with(n, &SampleOptions { given, noise, observed, ..self.options })
    }
}

/// The observation of a column, by its name.
fn observation((name, value, std): &(String, f64, f64), flow: &Flow) -> Result<Observation> {
    let names = flow
        .columns()
        .map_or_else(|| (1..=flow.space().dim).map(|d| format!("x{d}")).collect(), Columns::state_names);
    match names.iter().position(|other| other == name) {
        Some(place) => Ok(Observation { coordinate: place as i64, value: *value, std: *std }),
        None => refuse(format!("the flow has no column {name}\nhint: it has {}", names.join(", "))),
    }
}
