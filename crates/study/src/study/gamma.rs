//! A velocity and a denoiser on a path with a latent: whether both give the same score, by how much pairs of latents
//! ±z reduce the gradient's noise, and the samples of flow and stochastic equation.

use anyhow::{Result, bail};
use interflow_core::density::MixturePath;
use interflow_core::{Given, VectorField, Velocity};
use interflow_figure as figure;
use interflow_flow::{ExperimentConfig, FlowPath};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::gradient_noise::{GradientNoise, Variances};
use super::mixture;
use super::noisy_samples::{self, Runs};
use crate::findings::Findings;
use crate::subject::Subject;

/// The settings of the measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GammaConfig {
    /// The times at which fields are compared and the variance of the gradient is measured.
    pub times: Vec<f64>,
    /// The number of points on the path at each time.
    pub n: i64,
    /// The number of points on the path from which one gradient is computed; even.
    pub gradient_batch: i64,
    /// The number of gradients from which the variance is estimated.
    pub n_gradients: i64,
    /// The strengths ε₀ of the noise, which is proportional to γ.
    pub epsilons: Vec<f64>,
    /// The number of steps of the stochastic solver.
    pub steps: u32,
    /// The number of samples of each run, and of data points.
    pub n_samples: i64,
}

impl GammaConfig {
    /// Rejects experiments without a denoiser or an exact score, and counts that make no sense.
    pub(super) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        if experiment.denoiser.is_none() {
            bail!("the study gamma needs a [denoiser]");
        }
        if self.gradient_batch < 2 || self.gradient_batch % 2 != 0 || self.n_gradients < 2 {
            bail!(
                "gradient_batch must be even and n_gradients at least 2, found: {} and {}",
                self.gradient_batch,
                self.n_gradients
            );
        }
        mixture::check(experiment, &self.times)
    }
}

/// Relative root-mean-square distances of denoisers at one time.
struct Distances {
    time: f64,
    /// The learned η and the exact one.
    learned: f64,
    /// `−γ s` by the learned velocity and the exact η.
    of_velocity: f64,
    /// The learned η and `−γ s` by the learned velocity.
    apart: f64,
}

/// Measures and draws.
pub(super) fn run(config: &GammaConfig, subject: &Subject<'_>) -> Result<Findings> {
    let mut findings = Findings::default();
    fields(config, subject, &mut findings)?;
    gradients(config, subject, &mut findings)?;
    let path = FlowPath::new(subject.engine, None)?;
    let x0 = subject.base.law().sample(0, config.n_samples, subject.seed(), subject.kind())?;
    let runs = Runs { subject, path: &path, epsilons: &config.epsilons, steps: config.steps };
    let data = subject.target.test(config.n_samples, subject.seed().wrapping_add(1), subject.kind()).x;
    noisy_samples::run(&runs, &x0, &data, &mut findings)?;
    Ok(findings)
}

/// η = −γ s, learned and exact, by time.
fn fields(config: &GammaConfig, subject: &Subject<'_>, findings: &mut Findings) -> Result<()> {
    let exact = mixture::exact_path(subject.engine)?;
    let distances: Vec<Distances> =
        config.times.iter().map(|&time| compare(config, subject, &exact, time)).collect::<Result<_>>()?;
    let curve = |name: &str, which: fn(&Distances) -> f64| {
        (name.to_owned(), distances.iter().map(|d| (d.time, which(d).log10())).collect::<Vec<_>>())
    };
    let curves = [
        curve("learned against exact", |d| d.learned),
        curve("of the velocity against exact", |d| d.of_velocity),
        curve("learned against that of the velocity", |d| d.apart),
    ];
    let chart = figure::curve_image(&curves, "t", "log₁₀ relative distance");
    subject.save("denoisers.png", &chart)?;
    let shown = |x: f64| format!("{x:.4}");
    let rows: Vec<Vec<String>> = distances
        .iter()
        .map(|d| vec![d.time.to_string(), shown(d.learned), shown(d.of_velocity), shown(d.apart)])
        .collect();
    let header = ["t", "learned η, exact", "−γ s by the velocity, exact", "learned η, −γ s by the velocity"];
    findings.section(
        "Relative distances of denoisers",
        &header,
        &rows,
        &[("denoisers.png", "Relative distances of denoisers by time")],
    );
    let numbers: Vec<_> = distances
        .iter()
        .map(|d| json!({ "time": d.time, "learned": d.learned, "of_velocity": d.of_velocity, "apart": d.apart }))
        .collect();
    findings.results.insert("denoiser_distances".into(), json!(numbers));
    Ok(())
}

fn compare(config: &GammaConfig, subject: &Subject<'_>, exact: &MixturePath, time: f64) -> Result<Distances> {
    let (first, last) = exact.interpolant().regular_on();
    let (t, point) = mixture::points(exact, config.n, subject.seed(), time.clamp(first, last))?;
    let path = FlowPath::new(subject.engine, None)?;
    let Some(denoiser) = subject.engine.denoiser() else { bail!("the study gamma needs a [denoiser]") };
    let of_velocity = path.conversion_of_velocity()?.denoiser(Velocity(path.velocity(&Given::Nothing)?))?;
    let x = subject.admit(&point.x)?;
    let times = t.to_kind(x.kind()).to_device(x.device());
    let double = |x: Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
    let (learned, of_velocity) = tch::no_grad(|| {
        (double(denoiser.at(&Given::Nothing).value(&times, &x)), double(of_velocity.value(&times, &x)))
    });
    let gamma = exact.interpolant().coefficients(&t.unsqueeze(1)).latent.map(|latent| latent.gamma);
    let exact = exact.score().value(&t, &point.x) * gamma.unwrap_or_else(|| t.zeros_like()) * -1.0;
    let size = |x: &Tensor| x.square().mean(Kind::Double).sqrt().double_value(&[]);
    let relative = |a: &Tensor, b: &Tensor| size(&(a - b)) / size(&exact);
    Ok(Distances {
        time,
        learned: relative(&learned, &exact),
        of_velocity: relative(&of_velocity, &exact),
        apart: relative(&learned, &of_velocity),
    })
}

/// The gradient's variance by time and over all times.
fn gradients(config: &GammaConfig, subject: &Subject<'_>, findings: &mut Findings) -> Result<()> {
    let noise = GradientNoise { subject, batch: config.gradient_batch, n_gradients: config.n_gradients };
    let at: Vec<(f64, Variances)> =
        config.times.iter().map(|&time| Ok((time, noise.at(Some(time))?))).collect::<Result<_>>()?;
    let overall = noise.at(None)?;
    let curve = |name: &str, which: fn(&Variances) -> f64| {
        (name.to_owned(), at.iter().map(|(time, v)| (*time, which(v).log10())).collect::<Vec<_>>())
    };
    let curves = [curve("single z", |v| v.single), curve("pairs of z, −z", |v| v.pairs)];
    let chart = figure::curve_image(&curves, "t", "log₁₀ variance of the gradient");
    subject.save("gradient_noise.png", &chart)?;
    let row = |name: String, v: &Variances| {
        vec![
            name,
            format!("{:.3e}", v.single),
            format!("{:.3e}", v.pairs),
            format!("{:.1}", v.single / v.pairs),
        ]
    };
    let mut rows: Vec<Vec<String>> = at.iter().map(|(time, v)| row(time.to_string(), v)).collect();
    rows.push(row("uniform".to_owned(), &overall));
    let header = ["t", "single latents", "pairs ±z", "ratio"];
    let title = format!(
        "Variance of the loss's gradient, {} calls of the network for each of {} gradients",
        config.gradient_batch, config.n_gradients
    );
    findings.section(&title, &header, &rows, &[("gradient_noise.png", "Variance of the gradient by time")]);
    let number = |v: &Variances| json!({ "single": v.single, "pairs": v.pairs });
    let by_time: Vec<_> = at.iter().map(|(time, v)| json!({ "time": time, "variance": number(v) })).collect();
    findings.results.insert("gradient_variance".into(), number(&overall));
    findings.results.insert("gradient_variance_by_time".into(), json!(by_time));
    Ok(())
}
