//! The map between Gaussian ends against its closed form.
//!
//! Along an independently coupled path from N(0, I) to N(m, diag σ²) the coordinates of `x_t` are independent with means
//! `m_t = β m` and variances `σ_t² = α² + β² σ² + γ²`, and `X_{s,t}(x) = m_t + (σ_t/σ_s)(x − m_s)`,
//! `(t − s) D_{s,t} = Σ log(σ_t/σ_s)`.

use anyhow::Result;
use interflow_core::Given;
use interflow_core::density::Gaussian;
use interflow_core::flow_map::Jump;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::DensityConfig;
use interflow_flow::config::TargetConfig;
use interflow_transport::CouplingConfig;
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::{FewCallsConfig, cell};
use crate::findings::Findings;
use crate::subject::Subject;

/// From where to where.
const TIMES: [(f64, f64); 5] = [(0.0, 1.0), (1.0, 0.0), (0.0, 0.5), (0.5, 1.0), (0.25, 0.75)];

/// Where the ends are Gaussian, adds the relative errors of one jump: of landings to their distance from the start, and of
/// what the log-density falls by.
pub(super) fn measure(config: &FewCallsConfig, subject: &Subject<'_>, findings: &mut Findings) -> Result<()> {
    let Some(law) = law(subject)? else { return Ok(()) };
    let map = subject.engine.flow_map()?;
    let path = Marginals { law: &law, interpolant: subject.engine.interpolant()? };
    let z = Stream::new(subject.seed(), Purpose::Test)
        .at(3)
        .normal(&[config.n, law.mean().numel() as i64], Kind::Double);
    let (mut rows, mut numbers) = (Vec::new(), Map::new());
    for (s, t) in TIMES {
        let (start, end) = (path.at(s), path.at(t));
        let (exact_start, exact) = (start.point(&z), end.point(&z));
        let x = subject.admit(&exact_start)?;
        let [from, to] = [s, t].map(|time| x.select(1, 0).full_like(time));
        let jump = Jump { from: &from, to: &to, x: &x, given: &Given::Nothing };
        let average = tch::no_grad(|| map.average(&jump));
        let root = |x: &Tensor| x.square().mean(Kind::Double).sqrt().double_value(&[]);
        let double = |x: Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
        let error = root(&(double(average.landing(&jump)) - &exact)) / root(&(&exact - exact_start));
        let growth = (end.deviations.log() - start.deviations.log()).sum(Kind::Double).double_value(&[]);
        let fall = average.fall(&jump).map(|fall| root(&(double(fall) - growth)) / growth.abs());
        let shown = fall.map_or("–".to_owned(), |fall| cell(100.0 * fall));
        rows.push(vec![format!("{s} to {t}"), cell(100.0 * error), shown]);
        let found = json!({ "map_error": error, "divergence_error": fall });
        numbers.insert(format!("{s} to {t}"), found);
    }
    findings.results.insert("map_against_closed_form".into(), Value::Object(numbers));
    let title = "One jump against the closed form: relative errors in per cent";
    findings.section(title, &["times", "landing", "log-density"], &rows, &[]);
    Ok(())
}

/// The target, where the map is known.
fn law(subject: &Subject<'_>) -> Result<Option<Gaussian>> {
    let independent = matches!(subject.config.coupling, CouplingConfig::Independent {});
    if !independent || !subject.engine.base().is_standard_normal() {
        return Ok(None);
    }
    match &subject.config.target {
        TargetConfig::Synthetic(law) => match &law.density {
            DensityConfig::Gaussian(gaussian) => Ok(Some(gaussian.build()?)),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The laws of the path's points.
struct Marginals<'a> {
    law: &'a Gaussian,
    interpolant: Interpolant,
}

/// A law of independent normal coordinates.
struct Marginal {
    mean: Tensor,
    deviations: Tensor,
}

impl Marginals<'_> {
    fn at(&self, t: f64) -> Marginal {
        let c = self.interpolant.coefficients(&Tensor::from_slice(&[t]));
        let (alpha, beta) = (&c.schedule.alpha, &c.schedule.beta);
        let of_target = self.law.covariance().diagonal(0, 0, 1);
        let mut variances = alpha.square() + beta.square() * of_target;
        if let Some(latent) = &c.latent {
            variances += latent.gamma.square();
        }
        Marginal { mean: beta * self.law.mean(), deviations: variances.sqrt() }
    }
}

impl Marginal {
    fn point(&self, z: &Tensor) -> Tensor {
        &self.mean + &self.deviations * z
    }
}
