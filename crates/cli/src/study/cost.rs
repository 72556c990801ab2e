//! `cost`: the same network trained on the interpolant's objective and by maximum likelihood through a solver:
//! milliseconds per iteration, at the start and after training, and the test NLL against the time spent.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use interflow_core::Network;
use interflow_core::coupling::Independent;
use interflow_core::density::{Sampler, StandardNormal};
use interflow_core::interpolant::InterpolantConfig;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::{Target, TargetConfig};
use interflow_figure as figure;
use interflow_models::ModelConfig;
use interflow_solvers::{Divergence, Sensitivity, likelihood_gradient, log_density};
use interflow_train::{LikelihoodConfig, Observer, Problem, TrainConfig, Trainer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use super::Findings;
use crate::args::RunArgs;
use crate::observer::progress_bar;
use crate::run_folder::RunFolder;
use crate::{config, device, interrupt};

const PLACE: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The comparison as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostExperiment {
    name: String,
    seed: u64,
    threads: u32,
    /// What is learned, from a standard normal base.
    target: TargetConfig,
    interpolant: InterpolantConfig,
    model: ModelConfig,
    /// Both trainings, except for their number of steps.
    train: TrainConfig,
    /// Maximum likelihood; its solver also measures the test NLL.
    likelihood: LikelihoodConfig,
    study: CostStudy,
}

/// The only kind of this study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum CostStudy {
    /// Cost per iteration and per nat.
    Cost(CostConfig),
}

/// How much is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostConfig {
    /// After which steps of the interpolant's training the test NLL is taken.
    interpolant_marks: Vec<u64>,
    /// The same for maximum likelihood.
    likelihood_marks: Vec<u64>,
    /// Test points.
    n_test: i64,
    /// Timed iterations of the interpolant's training.
    n_interpolant: u32,
    /// Timed iterations of maximum likelihood.
    n_likelihood: u32,
}

/// Milliseconds per iteration and calls of the network.
struct Costs {
    interpolant: f64,
    direct: Gradient,
    adjoint: Gradient,
}

/// The cost of a likelihood's gradient.
struct Gradient {
    milliseconds: f64,
    nfe: (u64, u64),
}

/// A point of a curve.
struct Mark {
    step: u64,
    seconds: f64,
    nll: f64,
    standard_error: f64,
}

impl CostExperiment {
    /// Measures, draws and reports; returns the run's folder and the findings.
    pub(super) fn run(args: &RunArgs) -> Result<(RunFolder, Findings)> {
        let mut experiment: Self = config::read_as(&args.config, &args.options.set)?;
        experiment.seed = args.options.seed.unwrap_or(experiment.seed);
        experiment.check().context("in [study]")?;
        device::set_threads(args.options.threads, experiment.threads);
        let text = toml::to_string_pretty(&experiment).context("cannot write the resolved config")?;
        let folder =
            RunFolder::create_with(&args.options.out, &experiment.name, experiment.seed, &text, "cpu")?;
        let findings = experiment.measure(&folder)?;
        folder.write_json("result.json", &Value::Object(findings.result.clone()))?;
        folder.write("report.md", format!("# {}\n{}", experiment.name, findings.text).as_bytes())?;
        Ok((folder, findings))
    }

    fn check(&self) -> Result<()> {
        let study = self.study();
        for (name, marks) in
            [("interpolant_marks", &study.interpolant_marks), ("likelihood_marks", &study.likelihood_marks)]
        {
            if marks.is_empty() || !marks.is_sorted() {
                bail!("{name} wants rising numbers of steps, found: {marks:?}");
            }
        }
        if study.n_test < 2 || study.n_interpolant == 0 || study.n_likelihood == 0 {
            bail!("n_test must be at least 2, n_interpolant and n_likelihood at least 1");
        }
        if self.train.likelihood.is_some() {
            bail!("the likelihood is set in [likelihood], not in [train.likelihood]");
        }
        Ok(())
    }

    fn study(&self) -> &CostConfig {
        let CostStudy::Cost(study) = &self.study;
        study
    }

    fn measure(&self, folder: &RunFolder) -> Result<Findings> {
        let study = self.study();
        let mut trainer = self.trainer(self.network()?, false)?;
        let start = self.costs(trainer.network())?;
        let interpolant = self.curve(&mut trainer, &study.interpolant_marks, "interpolant")?;
        let late = self.costs(trainer.network())?;
        let mut trainer = self.trainer(self.network()?, true)?;
        let likelihood = self.curve(&mut trainer, &study.likelihood_marks, "maximum likelihood")?;
        draw(folder, &interpolant, &likelihood)?;
        Ok(findings(&start, &late, &interpolant, &likelihood))
    }

    fn target(&self) -> Result<Arc<Target>> {
        Ok(Arc::new(self.target.build()?))
    }

    fn network(&self) -> Result<Box<dyn Network>> {
        let dim = self.target()?.dim();
        Ok(self.model.init(dim, &mut Stream::new(self.seed, Purpose::Init).at(0), PLACE)?)
    }

    fn trainer(&self, network: Box<dyn Network>, by_likelihood: bool) -> Result<Trainer> {
        let (target, base) = (self.target()?, StandardNormal { dim: network.dim() });
        let fresh = || -> Box<dyn Source> { Box::new(Fresh(target.clone())) };
        let problem = Problem {
            interpolant: self.interpolant.build()?,
            coupling: Box::new(Independent),
            base: Box::new(Fresh(base)),
            base_density: Some(Arc::new(base)),
            target: fresh(),
            held_out_base: Box::new(Fresh(base)),
            held_out_target: fresh(),
        };
        let config = TrainConfig {
            steps: u64::MAX,
            log_every: 0,
            checkpoint_every: 0,
            validate_every: 0,
            likelihood: by_likelihood.then(|| self.likelihood.clone()),
            ..self.train.clone()
        };
        Ok(Trainer::new(config, problem, network, self.seed)?)
    }

    /// Times one iteration of each kind at the network's present weights.
    fn costs(&self, network: &dyn Network) -> Result<Costs> {
        let n = self.study().n_interpolant;
        let mut trainer = self.trainer(network.duplicate()?, false)?;
        // The first steps allocate.
        advance(&mut trainer, 3)?;
        let seconds = advance(&mut trainer, u64::from(n))?;
        Ok(Costs {
            interpolant: 1e3 * seconds / f64::from(n),
            direct: self.gradient_cost(network, Sensitivity::Direct)?,
            adjoint: self.gradient_cost(network, Sensitivity::Adjoint)?,
        })
    }

    fn gradient_cost(&self, network: &dyn Network, sensitivity: Sensitivity) -> Result<Gradient> {
        let (n, solver) = (self.study().n_likelihood, self.likelihood.solver.build()?);
        let base = StandardNormal { dim: network.dim() };
        let x = self.points(Purpose::Target, self.train.batch)?;
        let probes = Stream::new(self.seed, Purpose::Probe).at(0).signs(&x.size(), PLACE.0);
        let (start, mut nfe) = (Instant::now(), (0, 0));
        for _ in 0..n {
            interrupt::check()?;
            let found = likelihood_gradient(&solver, network, &base, &probes, &x, sensitivity)?;
            nfe = (found.forward.nfe, found.backward.nfe);
        }
        Ok(Gradient { milliseconds: 1e3 * start.elapsed().as_secs_f64() / f64::from(n), nfe })
    }

    fn points(&self, purpose: Purpose, n: i64) -> Result<Tensor> {
        Ok(self.target()?.sample(n, &mut Stream::new(self.seed, purpose).at(1), PLACE.0))
    }

    /// Trains from mark to mark; the time is that of training alone.
    fn curve(&self, trainer: &mut Trainer, marks: &[u64], name: &'static str) -> Result<Vec<Mark>> {
        let bar = progress_bar(marks[marks.len() - 1], name);
        let mut seconds = 0.0;
        let mut curve = Vec::new();
        for &mark in marks {
            seconds += advance(trainer, mark - trainer.step())?;
            let (nll, standard_error) = self.test_nll(trainer.ema_network())?;
            tracing::info!(
                "{name}, step {mark}: test NLL {nll:.3} ± {standard_error:.3} after {seconds:.1} s"
            );
            bar.set_position(mark);
            curve.push(Mark { step: mark, seconds, nll, standard_error });
        }
        bar.finish_and_clear();
        Ok(curve)
    }

    fn test_nll(&self, network: &dyn Network) -> Result<(f64, f64)> {
        let x = self.points(Purpose::Test, self.study().n_test)?;
        let probes = Stream::new(self.seed, Purpose::Probe).at(1).signs(&x.size(), PLACE.0);
        let (solver, base) = (self.likelihood.solver.build()?, StandardNormal { dim: network.dim() });
        let found = log_density(&solver, &network, &base, &Divergence::Hutchinson { probes }, &x, 1.0)?;
        let nll = interflow_metrics::Estimate::from_values(&-found.log_density);
        Ok((nll.mean, nll.standard_error))
    }
}

/// Stops a training after a number of steps, and at the first Ctrl-C.
struct Limit(Cell<u64>);

impl Observer for Limit {
    fn interrupted(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left == 0 || interrupt::check().is_err()
    }
}

/// Takes `steps` steps and returns the seconds they took.
fn advance(trainer: &mut Trainer, steps: u64) -> Result<f64> {
    let start = Instant::now();
    trainer.run(&mut Limit(Cell::new(steps)))?;
    interrupt::check()?;
    Ok(start.elapsed().as_secs_f64())
}

fn draw(folder: &RunFolder, interpolant: &[Mark], likelihood: &[Mark]) -> Result<()> {
    let line = |name: &str, marks: &[Mark]| {
        (name.to_owned(), marks.iter().map(|mark| (mark.seconds.max(1e-3).log10(), mark.nll)).collect())
    };
    let series = [line("interpolant", interpolant), line("maximum likelihood", likelihood)];
    let image = figure::curve_image(&series, "log10 seconds of training", "test NLL (nats)");
    Ok(figure::save_png(&folder.figures().join("nll.png"), &image)?)
}

fn findings(start: &Costs, late: &Costs, interpolant: &[Mark], likelihood: &[Mark]) -> Findings {
    let mut findings = Findings::default();
    let row = |name: &str, costs: &Costs| {
        let ratio = |gradient: &Gradient| format!("{:.0}", gradient.milliseconds / costs.interpolant);
        let gradient = |gradient: &Gradient| {
            format!("{:.0} ({} + {})", gradient.milliseconds, gradient.nfe.0, gradient.nfe.1)
        };
        vec![
            name.to_owned(),
            format!("{:.1}", costs.interpolant),
            gradient(&costs.direct),
            gradient(&costs.adjoint),
            ratio(&costs.direct),
            ratio(&costs.adjoint),
        ]
    };
    let header = [
        "weights",
        "interpolant",
        "likelihood, direct (NFE there + back)",
        "likelihood, adjoint (NFE there + back)",
        "ratio, direct",
        "ratio, adjoint",
    ];
    let rows = [row("at the start", start), row("after the interpolant's training", late)];
    findings.section("Milliseconds per training iteration", &header, &rows, &[]);
    let rows: Vec<Vec<String>> = [("interpolant", interpolant), ("maximum likelihood", likelihood)]
        .into_iter()
        .flat_map(|(name, marks)| {
            marks.iter().map(move |mark| {
                let nll = format!("{:.3} ± {:.3}", mark.nll, mark.standard_error);
                vec![name.to_owned(), mark.step.to_string(), format!("{:.1}", mark.seconds), nll]
            })
        })
        .collect();
    let header = ["trained on", "step", "seconds of training", "test NLL (nats)"];
    findings.section("Test NLL against time", &header, &rows, &["nll.png"]);
    let costs = |costs: &Costs| {
        json!({
            "interpolant_ms": costs.interpolant,
            "direct_ms": costs.direct.milliseconds,
            "direct_nfe": costs.direct.nfe,
            "adjoint_ms": costs.adjoint.milliseconds,
            "adjoint_nfe": costs.adjoint.nfe,
            "ratio_direct": costs.direct.milliseconds / costs.interpolant,
            "ratio_adjoint": costs.adjoint.milliseconds / costs.interpolant,
        })
    };
    let curve = |marks: &[Mark]| -> Value {
        marks
            .iter()
            .map(|mark| json!({ "step": mark.step, "seconds": mark.seconds, "test_nll": mark.nll }))
            .collect()
    };
    findings.result.insert("start".into(), costs(start));
    findings.result.insert("late".into(), costs(late));
    findings.result.insert("interpolant".into(), curve(interpolant));
    findings.result.insert("likelihood".into(), curve(likelihood));
    findings
}
