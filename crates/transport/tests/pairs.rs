//! Reflow's pairs: the flow's own map, whole files, rows that stay together, conditions that follow.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::VectorField;
use interflow_core::density::{ConditionalNormal, StandardNormal};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_solvers::SolverConfig;
use interflow_transport::{PairedFlow, Pairs};

/// The field that moves free coordinates by the condition in front of them: y ↦ y + c.
struct Shift;

impl VectorField for Shift {
    fn dim(&self) -> i64 {
        3
    }

    fn value(&self, _: &Tensor, x: &Tensor) -> Tensor {
        let c = x.narrow(1, 0, 1);
        Tensor::cat(&[c.zeros_like(), c.shallow_clone(), c], 1)
    }
}

/// Labels 1 to 3 with rows of sevens behind them.
struct Labelled;

impl Source for Labelled {
    fn dim(&self) -> i64 {
        3
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor {
        let labels = stream.at(step).integers(n, 3).to_kind(Kind::Float).unsqueeze(1) + 1.0;
        Tensor::cat(&[labels, Tensor::full([n, 2], 7.0, (Kind::Float, Device::Cpu))], 1)
    }
}

fn check(x0: &Tensor, x1: &Tensor) {
    let c = x1.narrow(1, 0, 1);
    assert!(x0.narrow(1, 0, 1).equal(&c), "conditions are part of both points");
    assert!(c.min().double_value(&[]) >= 1.0 && c.max().double_value(&[]) <= 3.0);
    let moved = x1.narrow(1, 1, 2) - x0.narrow(1, 1, 2) - c;
    assert!(moved.abs().max().double_value(&[]) < 1e-5, "pairs are rows of the flow's map");
}

#[test]
fn pairs_are_written_once_and_stay_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs.npy");
    let solver = SolverConfig::default().build().unwrap();
    let base = Fresh(ConditionalNormal { n_given: 1, normal: StandardNormal { dim: 2 } });
    let flow = PairedFlow {
        velocity: &Shift,
        place: (Kind::Float, Device::Cpu),
        solver: &solver,
        base: &base,
        target: &Labelled,
        n_given: 1,
        seed: 4,
    };
    let mut n_ticked = 0;
    flow.write_pairs(&file, 250, 64, |n| n_ticked += n).unwrap();
    assert_eq!((n_ticked, std::fs::read_dir(folder.path()).unwrap().count()), (250, 1));
    let pairs = Pairs::read(&file, 3).unwrap();
    let (base_stream, target_stream) = (Stream::new(9, Purpose::Base), Stream::new(9, Purpose::Target));
    for (sides, n) in [(pairs.training(), 225), (pairs.held_out(), 25)] {
        for step in [0, 3] {
            let [x0, x1] = [(0, &base_stream), (1, &target_stream)].map(|(side, stream)| {
                let side: &dyn Source = &*sides[side];
                side.batch(n, step, stream)
            });
            assert_eq!((x0.size(), x1.size()), (vec![n, 3], vec![n, 3]));
            check(&x0, &x1);
        }
    }
    let again = folder.path().join("again.npy");
    flow.write_pairs(&again, 250, 64, |_| {}).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap());
}

#[test]
fn failures_leave_no_file() {
    struct Bad;
    impl VectorField for Bad {
        fn dim(&self) -> i64 {
            2
        }
        fn value(&self, _: &Tensor, x: &Tensor) -> Tensor {
            x * f64::NAN
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let solver = SolverConfig::default().build().unwrap();
    let base = Fresh(StandardNormal { dim: 2 });
    let flow = PairedFlow {
        velocity: &Bad,
        place: (Kind::Float, Device::Cpu),
        solver: &solver,
        base: &base,
        target: &base,
        n_given: 0,
        seed: 4,
    };
    assert!(flow.write_pairs(&folder.path().join("pairs.npy"), 20, 8, |_| {}).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs.npy");
    interflow_data::table::write_npy(&file, &Tensor::zeros([30, 5], (Kind::Float, Device::Cpu))).unwrap();
    let message = Pairs::read(&file, 2).unwrap_err().to_string();
    assert!(message.contains("dimension 2") && message.contains("30 × 5"), "{message}");
    assert!(Pairs::read(&folder.path().join("none.npy"), 2).is_err());
}
