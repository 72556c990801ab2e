//! A network whose calls get the threads that are fastest.
//!
//! Solvers call a network hundreds of times on batches of the same size: their times tell how many threads pay off.

use std::cell::RefCell;
use std::collections::HashMap;

use interflow_core::rng::Draw;
use interflow_core::{FlowMap, Given, Network, Parameters, Space};
use interflow_libtorch::ThreadChoice;
use tch::Tensor;

/// What is asked of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    Value,
    QuadraticForm,
    Divergence,
}

/// A network with one choice of threads for each kind of call and magnitude of batch.
pub(super) struct Paced {
    network: Box<dyn Network>,
    choices: RefCell<HashMap<(Call, u32), ThreadChoice>>,
}

impl Paced {
    /// The same network with its threads chosen.
    pub(super) fn new(network: Box<dyn Network>) -> Self {
        Self { network, choices: RefCell::default() }
    }

    /// What `ask` answers on `x`.
    fn call<T>(&self, call: Call, x: &Tensor, ask: impl FnOnce(&dyn Network) -> T) -> T {
        let rows = x.size().first().map_or(1, |rows| (*rows).max(1));
        let key = (call, rows.ilog2());
        let mut choice = self.choices.borrow_mut().remove(&key).unwrap_or_default();
        let answer = choice.time(rows as f64, || ask(&*self.network));
        self.choices.borrow_mut().insert(key, choice);
        answer
    }
}

impl Network for Paced {
    fn space(&self) -> Space {
        self.network.space()
    }

    fn parameters(&self) -> &Parameters {
        self.network.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.network.parameters_mut()
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        self.call(Call::Value, x, |network| network.value(t, x, given))
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        self.network.value_in_training(t, x, given, draw)
    }

    fn value_and_quadratic_form(
        &self,
        t: &Tensor,
        x: &Tensor,
        given: &Given,
        u: &Tensor,
    ) -> (Tensor, Tensor) {
        self.call(Call::QuadraticForm, x, |network| network.value_and_quadratic_form(t, x, given, u))
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        self.call(Call::Divergence, x, |network| network.value_and_divergence(t, x, given))
    }

    fn hidden_matrices(&self) -> Vec<String> {
        self.network.hidden_matrices()
    }

    fn part(&self, name: &str) -> Option<&dyn Network> {
        self.network.part(name)
    }

    fn flow_map(&self) -> Option<&dyn FlowMap> {
        self.network.flow_map()
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        self.network.duplicate()
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};
    use interflow_models::MlpConfig;
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn its_answers_are_the_networks() {
        let draw = &mut Stream::new(0, Purpose::Init).at(0);
        let network = MlpConfig::new(vec![8]).init(2, draw, (Kind::Double, Device::Cpu)).unwrap();
        let (t, x) = (
            Tensor::from_slice(&[0.1, 0.5, 0.9]),
            Tensor::from_slice2(&[[1.0, 2.0], [0.5, -1.0], [0.0, 3.0]]),
        );
        let given = Given::Nothing;
        let (value, divergence) = network.value_and_divergence(&t, &x, &given);
        let paced = Paced::new(Box::new(network));
        let before = tch::get_num_threads();
        for _ in 0..3 {
            assert!(paced.value(&t, &x, &given).allclose(&value, 1e-12, 1e-12, false));
            assert!(paced.value_and_divergence(&t, &x, &given).1.allclose(&divergence, 1e-12, 1e-12, false));
        }
        tch::set_num_threads(before);
    }
}
