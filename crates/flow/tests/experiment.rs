//! Experiments: trained in memory and into folders, stopped, resumed, and made of parts from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use interflow_core::coupling::Coupling;
use interflow_core::interpolant::{Interpolant, Schedule, ScheduleCoefficients};
use interflow_core::rng::Draw;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Points, rng};
use interflow_data::{Rows, Table, TableDataset};
use interflow_flow::{
    Cancel, Experiment, ExperimentConfig, FitOptions, Flow, NoProgress, Trained, Work, checkpoint, fit,
};
use interflow_models::MlpConfig;
use interflow_train::{Checkpoint, Observer, RunState, StepReport};

fn tiny(overrides: &[&str]) -> ExperimentConfig {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    ExperimentConfig::from_toml(include_str!("tiny.toml"), "tiny.toml", &overrides).unwrap()
}

fn samples(flow: &Flow) -> Vec<f32> {
    Vec::try_from(flow.sample(7, 3).unwrap().view(-1)).unwrap()
}

/// A safetensors file's header, whose order of keys is free, and its tensors' bytes.
type Parts = (serde_json::Value, Vec<u8>);

/// Trains into a folder and returns what came of it with the parts of the newest checkpoint.
fn train(experiment: Experiment<'_>) -> (Trained, Parts) {
    let trained = experiment.train().unwrap();
    let folder = trained.folder.clone().unwrap();
    let bytes = std::fs::read(interflow_flow::checkpoint::find(folder.path()).unwrap()).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (trained, (serde_json::from_slice(header).unwrap(), tensors.to_vec()))
}

#[test]
fn a_flow_in_memory_is_that_of_its_checkpoint() {
    let out = tempfile::tempdir().unwrap();
    let (trained, _) = train(Experiment::new(tiny(&["train.steps=30"])).out(out.path()));
    assert!(trained.check.as_ref().unwrap().objective().mean.is_finite());
    assert_eq!(trained.history.losses.len(), 3);
    let folder = trained.folder.clone().unwrap();
    let loaded = Flow::load(folder.path()).unwrap();
    assert_eq!(loaded.manifest(), trained.manifest());
    let flow = trained.into_flow();
    assert_eq!(samples(&flow), samples(&loaded));
    // Without a folder nothing else changes.
    let in_memory = Experiment::new(tiny(&["train.steps=30"])).train().unwrap();
    assert!(in_memory.folder.is_none());
    assert_eq!(samples(&in_memory.into_flow()), samples(&loaded));
}

#[test]
fn a_trained_flow_is_evaluated_by_name() {
    let trained = Experiment::new(tiny(&["train.steps=20"])).train().unwrap();
    let results = trained.evaluate().unwrap();
    let names: Vec<&str> = results.keys().map(String::as_str).collect();
    let account = ["experiment", "seed", "steps", "train_secs", "objective", "self_check"];
    assert_eq!(names[..6], account);
    assert_eq!(names[6..], ["test_nll", "n_test", "nfe", "true_nll"]);
    assert_eq!(results["steps"], 20);
}

/// Cancels the work at a step.
struct CancelAt(u64, Cancel);

impl Observer for CancelAt {
    fn on_step(&mut self, report: &StepReport) {
        if report.step == self.0 {
            self.1.request();
        }
    }
}

#[test]
fn cancelled_training_saves_its_state_and_goes_on_with_the_same_bits() {
    let out = tempfile::tempdir().unwrap();
    let config = || tiny(&["train.steps=60"]);
    let (_, whole) = train(Experiment::new(config()).out(out.path().join("whole")));
    let cancel = Cancel::default();
    let mut observer = CancelAt(20, cancel.clone());
    let work = Work::new(NoProgress, cancel);
    let experiment = Experiment::new(config()).out(out.path().join("cut")).work(work).observe(&mut observer);
    let (cut, _) = train(experiment);
    assert!(cut.is_interrupted() && cut.check.is_none());
    assert_eq!(cut.outcome.steps, 20);
    assert!(cut.evaluate().unwrap_err().is_cancelled());
    let folder = cut.folder.unwrap();
    // As if it had taken long until then.
    let times = folder.path().join("training-time.jsonl");
    std::fs::write(&times, std::fs::read_to_string(&times).unwrap().replace("\"secs\":", "\"secs\":1000"))
        .unwrap();
    let (resumed, parts) = train(Experiment::new(config()).resume(folder.path()));
    assert!(resumed.outcome.train_secs > 1000.0, "{}", resumed.outcome.train_secs);
    assert_eq!((resumed.outcome.steps, resumed.history.losses.len()), (60, 6));
    assert_eq!(parts.0, whole.0);
    assert!(parts.1 == whole.1, "the final weights or the optimiser's state differ");
}

#[test]
fn another_config_does_not_go_on() {
    let out = tempfile::tempdir().unwrap();
    let (trained, _) = train(Experiment::new(tiny(&["train.steps=20"])).out(out.path()));
    let folder = trained.folder.unwrap();
    let resume = |overrides: &[&str]| Experiment::new(tiny(overrides)).resume(folder.path()).prepare();
    let Err(error) = resume(&["train.steps=20", "train.batch=32"]) else { panic!("another batch went on") };
    assert!(error.to_string().contains("train.batch: 64 in the checkpoint, now 32\n"), "{error}");
    let run = resume(&["train.steps=30", "threads=2"]).unwrap();
    assert_eq!(run.trainer().step(), 20);
}

#[test]
fn a_run_of_an_earlier_version_is_not_resumed() {
    let run = tempfile::tempdir().unwrap();
    std::fs::create_dir(run.path().join("checkpoints")).unwrap();
    std::fs::write(run.path().join("config.toml"), "").unwrap();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/v1/mlp.safetensors");
    std::fs::copy(old, run.path().join("checkpoints/step-0000000200.safetensors")).unwrap();
    let Err(error) = Experiment::new(tiny(&[])).resume(run.path()).prepare() else { panic!("it went on") };
    let message = error.to_string();
    assert!(message.contains("earlier version") && message.contains("hint: "), "{message}");
}

/// Writes down what an observer from outside is told.
#[derive(Default)]
struct Notes {
    steps: u64,
    checkpoints: Vec<u64>,
}

impl Observer for Notes {
    fn on_step(&mut self, _: &StepReport) {
        self.steps += 1;
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), interflow_train::Failure> {
        self.checkpoints.push(state.step);
        Ok(())
    }
}

#[test]
fn several_observers_watch_a_run() {
    let (mut first, mut second) = (Notes::default(), Notes::default());
    let run = Experiment::new(tiny(&["train.steps=30", "train.checkpoint_every=20"])).observe(&mut first);
    run.prepare().unwrap().observe(&mut second).train().unwrap();
    for notes in [&first, &second] {
        assert_eq!((notes.steps, &notes.checkpoints[..]), (3, &[20, 30][..]));
    }
}

/// Pairs each base point with the target point beside it.
struct Shifted;

impl Coupling for Shifted {
    fn pair(&self, x0: Tensor, x1: Points, _: &mut Draw) -> interflow_core::Result<(Tensor, Points)> {
        Ok((x0.roll([1], [0]), x1))
    }
}

/// α = (1 − t)², β = t.
#[derive(Debug)]
struct Squared;

impl Schedule for Squared {
    fn coefficients(&self, t: &Tensor) -> ScheduleCoefficients {
        let rest: Tensor = 1.0 - t;
        ScheduleCoefficients {
            alpha: rest.square(),
            alpha_dot: -2.0 * &rest,
            beta: t.shallow_clone(),
            beta_dot: t.ones_like(),
        }
    }
}

#[test]
fn parts_come_from_outside() {
    let config = || tiny(&["train.steps=20"]);
    let mut draw = rng::Stream::named(0, "a network of one's own").at(0);
    let network = MlpConfig::new(vec![16]).init(2, &mut draw, (Kind::Float, Device::Cpu)).unwrap();
    let trained = Experiment::new(config())
        .network(Box::new(network))
        .interpolant(|| Interpolant::new(Squared, None))
        .train()
        .unwrap();
    let flow = trained.into_flow();
    assert_eq!(flow.sample(3, 0).unwrap().size(), [3, 2]);
    // Its own path is no trigonometric one: the score at a time is that of `Squared`.
    let x = Tensor::from_slice(&[0.3f32, -0.2]).view([1, 2]);
    assert!(flow.score(&x, 0.5).unwrap().isfinite().all().int64_value(&[]) == 1);

    let out = tempfile::tempdir().unwrap();
    let saved = Experiment::new(config()).interpolant(|| Interpolant::new(Squared, None)).out(out.path());
    let Err(error) = saved.prepare() else { panic!("a path that no manifest describes was saved") };
    assert!(error.to_string().contains("no checkpoint can describe an interpolant"), "{error}");
    assert_eq!(out.path().read_dir().unwrap().count(), 0, "a run folder was made");
}

#[test]
fn a_coupling_from_outside_tells_no_score() {
    let out = tempfile::tempdir().unwrap();
    let train = |coupled: bool| {
        let experiment = Experiment::new(tiny(&["train.steps=20"])).out(out.path());
        let experiment = if coupled { experiment.coupling(Box::new(Shifted)) } else { experiment };
        experiment.train().unwrap()
    };
    let x = Tensor::from_slice(&[0.3f32, -0.2]).view([1, 2]);
    assert!(train(false).into_flow().score(&x, 0.5).is_ok());
    let trained = train(true);
    let kept = Flow::load(trained.folder.as_ref().unwrap().path()).unwrap();
    for flow in [trained.into_flow(), kept] {
        assert_eq!(flow.sample(3, 0).unwrap().size(), [3, 2]);
        let error = flow.score(&x, 0.5).unwrap_err();
        assert!(error.to_string().contains("independent coupling only"), "{error}");
    }
}

#[test]
fn data_come_from_outside() {
    let mut draw = rng::Stream::named(0, "data of one's own").at(0);
    let mut rows = |n: i64| draw.normal(&[n, 3], Kind::Float) * 0.5 + 2.0;
    let data = TableDataset::new(
        Rows::new(rows(200)).unwrap(),
        Rows::new(rows(50)).unwrap(),
        Points::from(rows(50)),
    )
    .unwrap();
    let config = tiny(&["train.steps=20", "train.n_validation=40", "evaluation.n_test=40"]);
    let trained = Experiment::new(config).target(Box::new(data)).train().unwrap();
    assert_eq!(trained.manifest().space.dim, 3);
    let results = trained.evaluate().unwrap();
    assert_eq!((&results["n_train"], &results["n_test"]), (&200.into(), &40.into()));
    assert_eq!(trained.into_flow().sample(4, 0).unwrap().size(), [4, 3]);
}

#[test]
fn a_run_says_which_parts_came_from_outside_its_config() {
    let out = tempfile::tempdir().unwrap();
    let config = || tiny(&["train.steps=20"]);
    let (trained, _) = train(Experiment::new(config()).coupling(Box::new(Shifted)).out(out.path()));
    let folder = trained.folder.unwrap();
    let text = std::fs::read_to_string(folder.config_file()).unwrap();
    assert!(text.starts_with(
        "# What this config says of these parts was not used, they came from a program: coupling\n"
    ));
    assert_eq!(folder.config().unwrap(), config());
    // The run goes on with that part, and not without it; its held-out data are those of the config.
    let longer = || Experiment::new(tiny(&["train.steps=30"])).resume(folder.path());
    let Err(error) = longer().prepare() else { panic!("it went on with another coupling") };
    assert!(error.to_string().contains("coupling then, none now"), "{error}");
    assert_eq!(longer().coupling(Box::new(Shifted)).train().unwrap().outcome.steps, 30);
    let checkpoint = Checkpoint::load(&checkpoint::find(folder.path()).unwrap()).unwrap();
    assert_eq!(checkpoint::experiment(&checkpoint).unwrap().train.steps, 30);
}

#[test]
fn no_config_names_data_from_outside() {
    let out = tempfile::tempdir().unwrap();
    let values =
        Tensor::from_slice(&(0..120).map(|i| f64::from(i * i % 37)).collect::<Vec<_>>()).view([60, 2]);
    let options = FitOptions { steps: Some(20), ..FitOptions::default() };
    let experiment = fit::experiment(&Table { columns: None, values }, &options).unwrap();
    let folder = experiment.out(out.path()).train().unwrap().folder.unwrap();
    let checkpoint = Checkpoint::load(&checkpoint::find(folder.path()).unwrap()).unwrap();
    assert_eq!(checkpoint::outside(&checkpoint), ["target"]);
    let error = checkpoint::experiment(&checkpoint).unwrap_err();
    assert!(error.to_string().contains("the target of this run came from a program"), "{error}");
    assert_eq!(Flow::load(folder.path()).unwrap().sample(3, 0).unwrap().size(), [3, 2]);
}
