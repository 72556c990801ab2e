//! Reflow's pairs: the flow's own map, whole files, rows that stay together, conditions that follow.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::density::StandardNormal;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_core::{Given, GivenSpace, Network, Parameters, Points, Result, Space};
use interflow_solvers::{Method, SolverConfig};
use interflow_transport::{PairedFlow, Pairs};

/// The field that moves points by what they are given, a number or a class: x ↦ x + factor · c, or by 1 where they are given
/// nothing.
struct Shift {
    space: Space,
    factor: f64,
    parameters: Parameters,
}

impl Shift {
    fn new(given: GivenSpace, factor: f64) -> Self {
        Self { space: Space { dim: 2, given }, factor, parameters: Parameters::new() }
    }
}

impl Network for Shift {
    fn space(&self) -> Space {
        self.space
    }

    fn value(&self, _: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        let c = given
            .tensor()
            .map_or_else(|| x.ones_like(), |c| c.to_kind(x.kind()).view([x.size()[0], 1]).expand_as(x));
        c * self.factor
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn duplicate(&self) -> Result<Box<dyn Network>> {
        Ok(Box::new(Self::new(self.space.given, self.factor)))
    }
}

/// Rows of sevens, given labels 1 to 3.
struct Labelled(Space);

impl Source for Labelled {
    fn space(&self) -> Space {
        self.0
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let labels = stream.at(step).integers(n, 3) + 1;
        let given = match self.0.given {
            GivenSpace::Numbers { .. } => Given::Numbers(labels.to_kind(Kind::Float).unsqueeze(1)),
            GivenSpace::Class { .. } => Given::Class(labels),
            _ => Given::Nothing,
        };
        Points { x: Tensor::full([n, 2], 7.0, (Kind::Float, Device::Cpu)), given }
    }
}

/// Pairs are rows of the flow's map, with their conditions.
fn check(x0: &Points, x1: &Points, space: Space) {
    assert!(x0.given.is_nothing());
    assert!(x1.given.check("a test", space.given, x1.len()).is_ok());
    let moved = &x1.x - &x0.x;
    let expected = match x1.given.tensor() {
        None => moved.ones_like(),
        Some(c) => {
            assert!(c.min().double_value(&[]) >= 1.0 && c.max().double_value(&[]) <= 3.0);
            c.to_kind(Kind::Float).view([x1.len(), 1]).expand_as(&moved)
        }
    };
    assert!((moved - expected).abs().max().double_value(&[]) < 1e-5, "pairs are rows of the flow's map");
}

#[test]
fn pairs_are_written_once_and_stay_together() {
    let folder = tempfile::tempdir().unwrap();
    let solver = SolverConfig { method: Method::Rk4, steps: Some(4), ..SolverConfig::default() };
    let solver = solver.build().unwrap();
    let base = Fresh(StandardNormal { dim: 2 });
    let spaces = [GivenSpace::Nothing {}, GivenSpace::Numbers { n: 1 }, GivenSpace::Class { n_classes: 4 }];
    for (given, width) in spaces.into_iter().zip([4, 5, 5]) {
        let file = folder.path().join(format!("{width}.npy"));
        let network = Shift::new(given, 1.0);
        let target = Labelled(network.space);
        let flow = PairedFlow { network: &network, solver: &solver, base: &base, target: &target, seed: 4 };
        let mut n_ticked = 0;
        flow.write_pairs(&file, 250, 64, |n| n_ticked += n).unwrap();
        assert_eq!(n_ticked, 250);
        let rows = interflow_data::Table::read(&file).unwrap().values;
        assert_eq!(rows.size(), [250, width]);
        let pairs = Pairs::read(&file, network.space).unwrap();
        let (base_stream, target_stream) = (Stream::new(9, Purpose::Base), Stream::new(9, Purpose::Target));
        for (sides, n) in [(pairs.training(), 225), (pairs.held_out(), 25)] {
            assert_eq!((sides[0].space(), sides[1].space()), (Space::from(2), network.space));
            for step in [0, 3] {
                let [x0, x1] = [(0, &base_stream), (1, &target_stream)].map(|(side, stream)| {
                    let side: &dyn Source = &*sides[side];
                    side.batch(n, step, stream)
                });
                assert_eq!((x0.x.size(), x1.x.size()), (vec![n, 2], vec![n, 2]));
                check(&x0, &x1, network.space);
            }
        }
        let again = folder.path().join("again.npy");
        flow.write_pairs(&again, 250, 64, |_| {}).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

/// Rows one after the other, as those of a table: row i of batch k of n is given the number k n + i.
struct InOrder;

impl Source for InOrder {
    fn space(&self) -> Space {
        Space { dim: 2, given: GivenSpace::Numbers { n: 1 } }
    }

    fn batch(&self, n: i64, step: u64, _: &Stream) -> Points {
        let numbers = Tensor::arange(n, (Kind::Float, Device::Cpu)) + (step as i64 * n) as f64;
        Points {
            x: Tensor::zeros([n, 2], (Kind::Float, Device::Cpu)),
            given: Given::Numbers(numbers.unsqueeze(1)),
        }
    }
}

#[test]
fn a_last_batch_that_is_smaller_repeats_no_conditions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs.npy");
    let solver = SolverConfig { method: Method::Rk4, steps: Some(4), ..SolverConfig::default() };
    let solver = solver.build().unwrap();
    let (network, base) = (Shift::new(GivenSpace::Numbers { n: 1 }, 1.0), Fresh(StandardNormal { dim: 2 }));
    let flow = PairedFlow { network: &network, solver: &solver, base: &base, target: &InOrder, seed: 4 };
    flow.write_pairs(&file, 20, 8, |_| {}).unwrap();
    let conditions = interflow_data::Table::read(&file).unwrap().values.select(1, 0);
    assert!(conditions.to_kind(Kind::Float).equal(&Tensor::arange(20, (Kind::Float, Device::Cpu))));
}

#[test]
fn failures_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let solver = SolverConfig::default().build().unwrap();
    let base = Fresh(StandardNormal { dim: 2 });
    let network = Shift::new(GivenSpace::Nothing {}, f64::NAN);
    let flow = PairedFlow { network: &network, solver: &solver, base: &base, target: &base, seed: 4 };
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
    assert!(Pairs::read(&file, Space { dim: 2, given: GivenSpace::Numbers { n: 1 } }).is_ok());
    assert!(Pairs::read(&folder.path().join("none.npy"), 2).is_err());
}
