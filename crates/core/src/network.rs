//! Networks: fields over (t, x, conditions) with named weights.

pub mod flow_map;

use std::fmt;

use tch::Tensor;

use self::flow_map::FlowMap;
use crate::error::Result;
use crate::field::VectorField;
use crate::field::{divergence_of, quadratic_form_of};
use crate::given::Given;
use crate::parameters::Parameters;
use crate::rng::Draw;
use crate::shape::{check_floating, check_placement};
use crate::space::Space;

/// A field `f(t, x, c)` of time, state and conditions, with trainable weights. With the conditions of one batch it is
/// a [`VectorField`], [`At`].
///
/// # Shapes
/// `t` is `[B]`, `x` is `[B, D]`, `given` has B rows, all on the weights' device; floating-point numbers are of the weights'
/// kind. Row i of a result depends on row i of the arguments only.
pub trait Network: Send {
    /// The dimension D of the state, and the conditions that the network takes.
    fn space(&self) -> Space;

    /// The weights.
    fn parameters(&self) -> &Parameters;

    /// The weights, to be overwritten.
    fn parameters_mut(&mut self) -> &mut Parameters;

    /// The field's value, `[B, D]`; it can be differentiated where gradients are recorded.
    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor;

    /// The value `[B, D]` in training, where a network may drop activations at random with `draw`. The default is
    /// [`Network::value`].
    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        let _ = draw;
        self.value(t, x, given)
    }

    /// The value `[B, D]` and the quadratic form `uᵀ (∂f/∂x) u`, `[B]`, in one direction `u`, `[B, D]`. The default
    /// takes one backward pass.
    fn value_and_quadratic_form(
        &self,
        t: &Tensor,
        x: &Tensor,
        given: &Given,
        u: &Tensor,
    ) -> (Tensor, Tensor) {
        quadratic_form_of(|t, x| self.value(t, x, given), t, x, u)
    }

    /// The value `[B, D]` and the exact divergence `∇·f`, `[B]`. The default takes D backward passes.
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        divergence_of(|t, x| self.value(t, x, given), t, x)
    }

    /// The names of the weight matrices from one hidden layer to the next, for optimisers that treat matrices
    /// specially. The default is none.
    fn hidden_matrices(&self) -> Vec<String> {
        Vec::new()
    }

    /// The part of this name, for a network that consists of several which are trained as one. The weights of a part
    /// are among the network's.
    fn part(&self, name: &str) -> Option<&dyn Network> {
        let _ = name;
        None
    }

    /// The network as a flow map, if it is one. The default is `None`.
    fn flow_map(&self) -> Option<&dyn FlowMap> {
        None
    }

    /// A network of the same form with its own copy of the weights.
    ///
    /// # Errors
    /// If libtorch cannot allocate the copy.
    fn duplicate(&self) -> Result<Box<dyn Network>>;
}

impl fmt::Debug for dyn Network + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("space", &self.space())
            .field("n_weights", &self.parameters().n_scalars())
            .finish_non_exhaustive()
    }
}

impl dyn Network + '_ {
    /// The network as a vector field in (t, x) for points with the conditions `given`; see [`At::new`] for a network
    /// whose type is known.
    pub fn at<'a>(&'a self, given: &Given) -> At<'a> {
        At::new(self, given)
    }

    /// Checks that the network can take points `x`, `[B, D]`, with the conditions `given`: all numbers have the
    /// floating-point kind of the weights, and everything is on their device.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Given`] naming `operation`.
    pub fn check_points(&self, operation: &'static str, x: &Tensor, given: &Given) -> Result<()> {
        self.space().check(operation, x, given)?;
        check_floating(operation, x)?;
        let weights = self.parameters();
        if weights.is_empty() {
            return Ok(());
        }
        check_placement(operation, x, (weights.kind(), weights.device()))?;
        given.tensor().map_or(Ok(()), |given| {
            let kind = if given.is_floating_point() { weights.kind() } else { given.kind() };
            check_placement(operation, given, (kind, weights.device()))
        })
    }
}

/// A network together with the conditions of a batch: a vector field for as many rows as there are conditions.
#[derive(Debug)]
pub struct At<'a> {
    network: &'a (dyn Network + 'a),
    given: Given,
}

impl<'a> At<'a> {
    /// The network as a vector field in (t, x) for points with the conditions `given`.
    pub fn new(network: &'a (dyn Network + 'a), given: &Given) -> Self {
        Self { network, given: given.shallow_clone() }
    }
}

impl VectorField for At<'_> {
    fn dim(&self) -> i64 {
        self.network.space().dim
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.network.check_points(operation, x, &self.given)
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        self.network.value(t, x, &self.given)
    }

    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        self.network.value_and_quadratic_form(t, x, &self.given, u)
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        self.network.value_and_divergence(t, x, &self.given)
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        if self.given.is_nothing() {
            return None;
        }
        Some(Box::new(Self { network: self.network, given: self.given.select(rows) }))
    }
}
