//! Several processes train together: they take the steps of one, and end together.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use std::{env, fs};

use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_libtorch::{Keeper, MeetingPoint, Place, ProcessGroup};
use interflow_models::MlpConfig;
use interflow_solvers::{Sensitivity, SolverConfig};
use interflow_train::objective::HeldOut;
use interflow_train::{
    Accumulate, Checkpoint, Error, Gradient, MaximumLikelihood, Objective, Observer, Result, RunState,
    Setting, Silent, StopReason, TermCheck, TrainConfig, Trainer, TrainingStep, VelocityMatching,
};
use support::{normals, short, train_with};

/// What a process is to do, where it is one of a test's: test, case, rank, size, port, folder.
const PART: &str = "INTERFLOW_TEST_PART";
/// What a process says at the end, for a test not to pass by running nothing.
const DONE: &str = "this process has done its part";

/// What all processes of a test do.
type Body = fn(ProcessGroup, &Case);

/// What differs from case to case.
struct Case {
    steps: u64,
    parts: i64,
    /// The checkpoint to go on from, if there is one of this name in the folder.
    from: String,
    folder: PathBuf,
}

impl Case {
    fn new(folder: &Path, steps: u64) -> Self {
        Self { steps, parts: 1, from: String::new(), folder: folder.to_owned() }
    }

    fn text(&self) -> String {
        format!("{};{};{};{}", self.steps, self.parts, self.from, self.folder.display())
    }

    fn read(text: &str) -> Self {
        let parts: Vec<&str> = text.split(';').collect();
        let (steps, parts_of_batch) = (parts[0].parse().unwrap(), parts[1].parse().unwrap());
        Self { steps, parts: parts_of_batch, from: parts[2].to_owned(), folder: parts[3].into() }
    }
}

/// Does this process's part, if it is one of the test's; otherwise runs the test, which starts them.
fn test(name: &'static str, body: Body, test: impl FnOnce(&dyn Fn(&Case, usize))) {
    let Ok(part) = env::var(PART) else {
        return test(&|case: &Case, size: usize| start(name, case, size));
    };
    let (place, case) = part.split_once('|').unwrap();
    let numbers: Vec<usize> = place.split(' ').map(|number| number.parse().unwrap()).collect();
    let (rank, size, port) = (numbers[0], numbers[1], numbers[2] as u16);
    let timeout = Duration::from_mins(2);
    let (keeper, host) = (Keeper::Launcher { attempt: 0 }, MeetingPoint::HOST.to_owned());
    let group =
        ProcessGroup::join(Place { rank, size, local_rank: rank, host, port, keeper, timeout }).unwrap();
    // One that is refused at once may not leave before all others are there.
    group.barrier().unwrap();
    body(group, &Case::read(case));
    #[allow(clippy::print_stdout, reason = "the process that started this one listens")]
    {
        println!("{DONE}");
    }
}

/// Runs `size` processes of a test, all of which have to do their part.
fn start(name: &str, case: &Case, size: usize) {
    let point = MeetingPoint::open().unwrap();
    let port = point.port();
    let child = |rank: usize| -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(PART, format!("{rank} {size} {port}|{}", case.text()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = (0..size).map(child).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for (rank, output) in outputs.iter().enumerate() {
        let (text, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && text.contains(DONE), "process {rank}: {text}\n{complaint}");
    }
}

fn config(case: &Case) -> TrainConfig {
    TrainConfig {
        batch: 32,
        accumulate: Accumulate::Parts(case.parts),
        validate_every: 20,
        clip_norm: Some(1.0),
        warmup_steps: 10,
        ..short(case.steps)
    }
}

/// Hidden layers of few weights, and of so many that their gradients travel during the backward pass.
const NARROW: [i64; 2] = [16, 16];
const WIDE: [i64; 2] = [800, 700];

/// In double precision, on a path whose latents come in pairs.
fn trainer_of(objective: impl Objective + 'static, case: &Case, seed: u64) -> Trainer {
    trainer_with(objective, case, seed, NARROW)
}

fn trainer_with(objective: impl Objective + 'static, case: &Case, seed: u64, hidden: [i64; 2]) -> Trainer {
    let interpolant = Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }));
    // Every process has weights of its own until it takes over those of the first.
    let init = &mut Stream::new(seed, Purpose::Init).at(u64::from(std::process::id()));
    let network = MlpConfig::new(hidden.to_vec()).init(2, init, (Kind::Double, Device::Cpu)).unwrap();
    let mut trainer = train_with(objective, config(case), normals(interpolant, 2), network, seed).unwrap();
    if !case.from.is_empty() {
        trainer.restore(&Checkpoint::load(&case.folder.join(&case.from)).unwrap()).unwrap();
    }
    trainer
}

fn trainer(case: &Case) -> Trainer {
    trainer_of(VelocityMatching::default(), case, 5)
}

/// Leaves the start of all runs of a test in its folder.
fn save_start(folder: &Path) {
    let _ = support::saved(&folder.join("start"), &trainer(&Case::new(folder, 1)).state());
}

/// Trains, and saves what came out under this process's name.
fn train_and_save(group: ProcessGroup, case: &Case) {
    let (rank, size) = (group.rank(), group.size());
    let mut trainer = trainer(case).with_group(group).unwrap();
    // The others have nothing of the state but its step and seed, until they take it over.
    if rank > 0 {
        let mut state = trainer.network().parameters().tensors();
        state.extend(trainer.ema_network().parameters().tensors());
        state.extend(trainer.state().optimizer.exp_avg.into_iter().map(|(_, moment)| moment));
        tch::no_grad(|| state.into_iter().for_each(|mut x| drop(x.fill_(7.0))));
    }
    let outcome = trainer.run(&mut Silent).unwrap();
    assert_eq!((outcome.steps, outcome.stop), (case.steps, StopReason::Finished));
    let _ = support::saved(&case.folder.join(format!("{size}-{rank}")), &trainer.state());
}

fn loaded(folder: &Path, name: &str) -> Checkpoint {
    Checkpoint::load(&folder.join(name)).unwrap()
}

/// All weights, averages and moments.
fn numbers(checkpoint: &Checkpoint) -> Tensor {
    let lists = [
        &checkpoint.model,
        checkpoint.ema.as_ref().unwrap(),
        &checkpoint.optimizer.exp_avg,
        &checkpoint.optimizer.exp_avg_sq,
    ];
    let flat: Vec<Tensor> = lists.into_iter().flatten().map(|(_, x)| x.reshape([-1])).collect();
    Tensor::cat(&flat, 0)
}

#[track_caller]
fn assert_close(a: &Checkpoint, b: &Checkpoint) {
    let (a, b) = (numbers(a), numbers(b));
    assert!(a.kind() == Kind::Double && a.numel() > 1000);
    let error = ((&a - &b).norm() / b.norm()).double_value(&[]);
    assert!(error < 1e-10, "{error}");
}

#[track_caller]
fn assert_same(a: &Checkpoint, b: &Checkpoint) {
    assert!(numbers(a).equal(&numbers(b)));
    assert_eq!((a.step, a.n_worse), (b.step, b.n_worse));
    assert_eq!(a.best_objective.map(f64::to_bits), b.best_objective.map(f64::to_bits));
}

#[test]
fn two_and_four_processes_take_the_steps_of_one() {
    test("two_and_four_processes_take_the_steps_of_one", train_and_save, |start| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        save_start(folder);
        let case = |parts| Case { parts, from: "start".to_owned(), ..Case::new(folder, 50) };
        let mut alone = trainer(&case(1));
        alone.run(&mut Silent).unwrap();
        let alone = support::saved(&folder.join("alone"), &alone.state());
        let moved = (numbers(&alone) - numbers(&loaded(folder, "start"))).norm().double_value(&[]);
        assert!(moved > 0.1, "training has to move the weights: {moved}");
        for (size, parts) in [(2, 1), (2, 4), (4, 2)] {
            start(&case(parts), size);
            let first = loaded(folder, &format!("{size}-0"));
            assert_close(&first, &alone);
            for rank in 1..size {
                assert_same(&loaded(folder, &format!("{size}-{rank}")), &first);
            }
            start(&case(parts), size);
            assert_same(&loaded(folder, &format!("{size}-0")), &first);
        }
    });
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one() {
    test("a_resumed_run_is_the_uninterrupted_one", train_and_save, |start| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        save_start(folder);
        let case = |steps, from: &str| Case { from: from.to_owned(), ..Case::new(folder, steps) };
        start(&case(50, "start"), 2);
        let whole = loaded(folder, "2-0");
        start(&case(30, "start"), 2);
        fs::rename(folder.join("2-0"), folder.join("half")).unwrap();
        start(&case(50, "half"), 2);
        assert_same(&loaded(folder, "2-0"), &whole);
        start(&case(50, "half"), 4);
        assert_close(&loaded(folder, "4-0"), &whole);
        let mut alone = trainer(&case(50, "half"));
        alone.run(&mut Silent).unwrap();
        assert_close(&support::saved(&folder.join("alone"), &alone.state()), &whole);
    });
}

#[test]
fn checks_are_those_of_one_and_work_ahead_changes_nothing() {
    let body: Body = |group, case| {
        let alone = trainer(case).self_check(1500).unwrap();
        let together = trainer(case).with_group(group.clone()).unwrap().self_check(1500).unwrap();
        assert_eq!((alone.n, together.n, together.terms.len()), (1500, 1500, 1));
        for (one, many) in [
            (alone.objective(), together.objective()),
            (alone.balance().unwrap().gap, together.balance().unwrap().gap),
            (alone.balance().unwrap().minus_square, together.balance().unwrap().minus_square),
        ] {
            assert!((one.mean - many.mean).abs() < 1e-9, "{one:?} {many:?}");
            assert!((one.standard_error - many.standard_error).abs() < 1e-9, "{one:?} {many:?}");
        }
        let [plain, ahead] = [false, true].map(|ahead| {
            let trainer = trainer(case);
            let trainer = if ahead { trainer.overlapped().unwrap() } else { trainer };
            let mut trainer = trainer.with_group(group.clone()).unwrap();
            trainer.run(&mut Silent).unwrap();
            let weights: Vec<Tensor> =
                trainer.network().parameters().tensors().iter().map(|x| x.reshape([-1])).collect();
            Tensor::cat(&weights, 0)
        });
        assert!(plain.equal(&ahead));
    };
    test("checks_are_those_of_one_and_work_ahead_changes_nothing", body, |start| {
        let folder = tempfile::tempdir().unwrap();
        save_start(folder.path());
        start(&Case { from: "start".to_owned(), ..Case::new(folder.path(), 10) }, 2);
    });
}

/// The velocity's objective, whose gradient is not finite in one process at one step.
struct Broken(bool);

impl Objective for Broken {
    fn check(&self, _: &Setting<'_>) -> Result<()> {
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let found = VelocityMatching::default().gradient(step)?;
        if self.0 && step.step == 3 {
            let _ = found.of_weights[1].shallow_clone().fill_(f64::NAN);
        }
        Ok(found)
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        VelocityMatching::default().held_out(held_out)
    }
}

#[test]
fn what_is_not_finite_in_one_ends_all() {
    let body: Body = |group, case| {
        for hidden in [NARROW, WIDE] {
            let broken = Broken(group.rank() == 1);
            let mut trainer = trainer_with(broken, case, 5, hidden).with_group(group.clone()).unwrap();
            let error = trainer.run(&mut Silent).unwrap_err();
            assert!(matches!(error, Error::NotFinite { step: 4, .. }), "{error}");
            assert_eq!(trainer.step(), 3);
        }
    };
    test("what_is_not_finite_in_one_ends_all", body, |start| start(&Case::new(Path::new(""), 50), 2));
}

/// The velocity's objective, to the gradient of whose second weight a number is added.
struct Pushed(f64);

impl Objective for Pushed {
    fn check(&self, _: &Setting<'_>) -> Result<()> {
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let mut found = VelocityMatching::default().gradient(step)?;
        found.of_weights[1] = &found.of_weights[1] + self.0;
        Ok(found)
    }

    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        VelocityMatching::default().held_out(held_out)
    }
}

#[test]
fn what_an_objective_adds_in_each_process_is_averaged_too() {
    let body: Body = |group, case| {
        let weights = |push: f64| {
            let mut trainer = trainer_with(Pushed(push), case, 5, WIDE).with_group(group.clone()).unwrap();
            trainer.run(&mut Silent).unwrap();
            let all: Vec<Tensor> =
                trainer.network().parameters().tensors().iter().map(|x| x.detach().reshape([-1])).collect();
            Tensor::cat(&all, 0)
        };
        let off = |a: &Tensor, b: &Tensor| ((a - b).norm() / b.norm()).double_value(&[]);
        // 0 in one process and 1 in the other, or the mean in both.
        let uneven = weights(group.rank() as f64);
        let all = group.all_gather(&uneven).unwrap();
        assert!(all[0].equal(&all[1]));
        let even = weights(0.5);
        assert!(off(&uneven, &even) < 1e-12, "{}", off(&uneven, &even));
        assert!(off(&weights(0.0), &even) > 1e-6);
    };
    let name = "what_an_objective_adds_in_each_process_is_averaged_too";
    test(name, body, |start| start(&Case { parts: 2, ..Case::new(Path::new(""), 5) }, 2));
}

/// Wants to stop when it was asked so often, and counts what it is told.
struct Impatient {
    patience: u32,
    asked: Cell<u32>,
    told: u32,
}

impl Observer for Impatient {
    fn on_checkpoint(&mut self, _: &RunState<'_>) -> std::result::Result<(), interflow_train::Failure> {
        self.told += 1;
        Ok(())
    }

    fn on_step(&mut self, _: &interflow_train::StepReport) {
        self.told += 1;
    }

    fn interrupted(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.asked.get() > self.patience
    }
}

#[test]
fn any_process_stops_all_and_the_first_alone_is_told() {
    let body: Body = |group, case| {
        let rank = group.rank();
        let patience = if rank == 1 { 10 } else { u32::MAX };
        let mut observer = Impatient { patience, asked: Cell::new(0), told: 0 };
        let mut trainer = trainer(case).with_group(group).unwrap();
        let outcome = trainer.run(&mut observer).unwrap();
        assert_eq!((outcome.steps, outcome.stop), (11, StopReason::Interrupted));
        // A report of step 10, and the checkpoint of the end.
        assert_eq!(observer.told, if rank == 0 { 2 } else { 0 });
    };
    test("any_process_stops_all_and_the_first_alone_is_told", body, |start| {
        start(&Case::new(Path::new(""), 50), 2);
    });
}

#[test]
fn a_process_that_ends_is_an_error_of_the_others() {
    let body: Body = |group, case| {
        let steps = if group.rank() == 1 { 5 } else { case.steps };
        let rank = group.rank();
        if rank == 1 {
            // It takes part at the start, with the number of steps that the others have, and then ends.
            let stopped = Broken(false);
            let mut trainer = trainer_of(stopped, case, 5).with_group(group).unwrap();
            let outcome = trainer.run(&mut Failing(steps));
            assert!(matches!(outcome, Err(Error::Observer { step: 5, .. })));
            return;
        }
        let error = trainer(case).with_group(group).unwrap().run(&mut Silent).unwrap_err();
        assert!(error.to_string().contains("process 0 of 2 failed in a mean with the others"), "{error}");
    };
    test("a_process_that_ends_is_an_error_of_the_others", body, |start| {
        start(&Case::new(Path::new(""), 50), 2);
    });
}

/// Fails before the step after so many.
struct Failing(u64);

impl Observer for Failing {
    fn check(&mut self) -> std::result::Result<(), interflow_train::Failure> {
        if self.0 == 0 {
            return Err("enough".into());
        }
        self.0 -= 1;
        Ok(())
    }
}

#[test]
fn what_cannot_be_shared_out_is_refused() {
    let body: Body = |group, case| {
        let own_seed = 5 + group.rank() as u64;
        if group.size() == 3 {
            let error = trainer(case).with_group(group).unwrap_err().to_string();
            assert!(error.contains("training in 3 processes does not go with batch: 32"), "{error}");
        } else if case.parts == 1 {
            let mut trainer =
                trainer_of(VelocityMatching::default(), case, own_seed).with_group(group).unwrap();
            let error = trainer.run(&mut Silent).unwrap_err().to_string();
            assert!(error.contains("different runs, seed of process "), "{error}");
        } else {
            let solver = SolverConfig::default();
            let objective = MaximumLikelihood::new(Sensitivity::default(), &solver).unwrap();
            let single = Case { parts: 1, ..Case::read(&case.text()) };
            let config = config(&single);
            let mut problem = normals(Interpolant::linear(), 2);
            let normal = interflow_core::density::StandardNormal { dim: 2 };
            problem.base_density = Some(std::sync::Arc::new(normal));
            let network = support::Mlp::new(2, 8, 1);
            let trainer = train_with(objective, config, problem, network, 5).unwrap();
            let error = trainer.with_group(group).unwrap_err().to_string();
            assert!(error.contains("the objective likelihood does not go with 2 processes"), "{error}");
        }
    };
    test("what_cannot_be_shared_out_is_refused", body, |start| {
        let case = |parts| Case { parts, ..Case::new(Path::new(""), 50) };
        start(&case(1), 3);
        start(&case(1), 2);
        start(&case(2), 2);
    });
}
