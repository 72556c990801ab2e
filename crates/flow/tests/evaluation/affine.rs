//! A flow that carries N(0, I) to a Gaussian exactly, by straight lines.

use interflow_core::interpolant::{InterpolantConfig, ScheduleKind};
use interflow_core::rng::Draw;
use interflow_core::{Given, GivenSpace, Network, Parameters, Points, Space};
use interflow_data::{Rows, TableDataset};
use interflow_flow::manifest::{BaseManifest, Pairing, TargetManifest};
use interflow_flow::{DivergenceConfig, Engine, FlowManifest, Precision, Threads};
use interflow_models::{MlpConfig, ModelConfig};
use interflow_solvers::SolverConfig;
use tch::{Kind, Tensor};

/// The law `shift + c W + scale ε` of states given c, ε ~ N(0, I), and its flow `x0 ↦ shift + c W + scale x0` along
/// straight lines.
#[derive(Debug)]
pub(crate) struct Affine {
    pub(crate) space: Space,
    /// `[D]`.
    pub(crate) scale: Tensor,
    /// `[D]`.
    pub(crate) shift: Tensor,
    /// W, `[K, D]`: a row for each number or class that states are given.
    pub(crate) of_given: Tensor,
    parameters: Parameters,
}

impl Affine {
    pub(crate) fn new(space: Space) -> Self {
        let numbers = |shape: &[i64], index| super::stream("affine").at(index).normal(shape, Kind::Double);
        Self {
            space,
            scale: numbers(&[space.dim], 0).abs() * 0.5 + 0.5,
            shift: numbers(&[space.dim], 1),
            of_given: numbers(&[space.given.n_inputs(), space.dim], 2),
            parameters: Parameters::new(),
        }
    }

    /// The mean of states that are given this, `[B, D]` or `[1, D]`.
    pub(crate) fn mean(&self, given: &Given) -> Tensor {
        let moved = match given {
            Given::Nothing => self.shift.zeros_like().unsqueeze(0),
            Given::Numbers(numbers) => numbers.to_kind(Kind::Double).matmul(&self.of_given),
            Given::Class(class) => self.of_given.index_select(0, class),
        };
        moved + &self.shift
    }

    /// `log ρ(x)` given the conditions, in nats, `[B]`.
    pub(crate) fn log_density(&self, points: &Points) -> Tensor {
        let z = (points.x.to_kind(Kind::Double) - self.mean(&points.given)) / &self.scale;
        let terms = z.square() * -0.5 - self.scale.log() - 0.5 * std::f64::consts::TAU.ln();
        terms.sum_dim_intlist(1i64, false, Kind::Double)
    }

    /// The entropy of the law, in nats.
    pub(crate) fn entropy(&self) -> f64 {
        let log_det = self.scale.log().sum(Kind::Double).double_value(&[]);
        log_det + 0.5 * self.space.dim as f64 * (std::f64::consts::TAU.ln() + 1.0)
    }

    /// `n` points, of numbers from N(0, I) where states are given some.
    pub(crate) fn sample(&self, n: i64, draw: &mut Draw) -> Points {
        let given = match self.space.given {
            GivenSpace::Numbers { n: k } => Given::Numbers(draw.normal(&[n, k], Kind::Double)),
            _ => Given::Nothing,
        };
        let x = draw.normal(&[n, self.space.dim], Kind::Double) * &self.scale + self.mean(&given);
        Points { x, given }
    }

    /// A table of the law with the given numbers of training and of test rows.
    pub(crate) fn table(&self, n_train: i64, n_test: i64) -> TableDataset {
        let stream = super::stream("table");
        let rows = |n, index| {
            let points = self.sample(n, &mut stream.at(index));
            let rows = Rows::new(points.x).unwrap();
            match points.given {
                Given::Numbers(numbers) => rows.given(numbers).unwrap(),
                _ => rows,
            }
        };
        TableDataset::new(rows(n_train, 0), rows(10, 1), self.sample(n_test, &mut stream.at(2))).unwrap()
    }

    /// The flow from a base to what the states are at the target.
    pub(crate) fn engine(self, base: BaseManifest, target: TargetManifest) -> Engine {
        let manifest = FlowManifest { base, target, ..manifest(self.space) };
        Engine::new(manifest, Box::new(self), None, 0).unwrap()
    }

    fn copy(&self) -> Self {
        Self {
            space: self.space,
            scale: self.scale.copy(),
            shift: self.shift.copy(),
            of_given: self.of_given.copy(),
            parameters: Parameters::new(),
        }
    }
}

/// The description of a flow in double precision from N(0, I).
pub(crate) fn manifest(space: Space) -> FlowManifest {
    FlowManifest {
        name: "affine".to_owned(),
        seed: 5,
        precision: Precision::F64,
        threads: Threads::Fixed(1),
        pairing: Pairing::Independent,
        batch: 128,
        divergence: DivergenceConfig::Exact {},
        space,
        base: BaseManifest::StandardNormal {},
        target: TargetManifest::default(),
        interpolant: InterpolantConfig { kind: ScheduleKind::Trigonometric, gamma: None },
        path: None,
        model: ModelConfig::Mlp(MlpConfig::new(vec![4])),
        precondition: None,
        denoiser: None,
        solver: SolverConfig::default(),
    }
}

impl Network for Affine {
    fn space(&self) -> Space {
        self.space
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        let (t, mean) = (t.unsqueeze(1), self.mean(given));
        let x0 = (x - &t * &mean) / ((&self.scale - 1.0) * t + 1.0);
        x0 * (&self.scale - 1.0) + mean
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        Ok(Box::new(self.copy()))
    }
}
