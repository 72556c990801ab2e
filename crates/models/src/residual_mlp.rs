//! The residual perceptron: a wide stream to which each block adds a correction, with the time as an input of every
//! block.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::sync::Arc;

use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use interflow_core::interpolant::Schedule;
use interflow_core::rng::Draw;
use interflow_core::{Given, Network, Parameters, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::activation::Activation;
use crate::dropout::Dropout;
use crate::error::{Error, Result};
use crate::error::{check_blocks, check_dim, check_memory, check_positive, check_share};
use crate::flow_map::{DivergenceHead, FlowMapConfig, state_and_tangent, times_and_tangent};
use crate::given_inputs::given_inputs;
use crate::layer::{Layer, duplicate, product};
use crate::residual_block::Block;
use crate::state_features::StateFeatures;
use crate::state_inputs::StateInputs;
use crate::tangent;
use crate::time_embedding::TimeEmbedding;
use crate::time_inputs::TimeInputs;

/// The config of a residual perceptron.
///
/// Let σ be the activation, τ the features of the time, and z the conditions with the state and its waves. Then
/// `h = W z + b + T τ`, then for each block `h ← h + B σ(A σ(h) + a + T' τ) + b'`, and at the end `v = C σ(h) + c`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualMlpConfig {
    /// The width of the stream and of every block.
    pub width: i64,
    /// The number of blocks, of two layers each.
    pub n_blocks: i64,
    /// The activation function.
    #[serde(default)]
    pub activation: Activation,
    /// The features of the time that the network gets.
    #[serde(default)]
    pub time_embedding: TimeEmbedding,
    /// Waves of the state, which the network gets besides the state itself; by default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_features: Option<StateFeatures>,
    /// The fraction of every block's inner activations σ(A …) that is dropped in training, in [0, 1).
    #[serde(default)]
    pub dropout: f64,
    /// If set, the network is a flow map, which drops nothing; without it, it is a velocity alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_map: Option<FlowMapConfig>,
}

impl ResidualMlpConfig {
    /// A residual perceptron with a stream of this width and this many blocks, and everything else by default.
    pub fn new(width: i64, n_blocks: i64) -> Self {
        Self {
            width,
            n_blocks,
            activation: Activation::default(),
            time_embedding: TimeEmbedding::default(),
            state_features: None,
            dropout: 0.0,
            flow_map: None,
        }
    }

    /// A network for points of `space`, which may be a dimension alone, with weights from `draw`. The state (with the
    /// conditions) and its waves each contribute half of the stream's variance at the start; blocks and the output
    /// layer start at zero.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not positive, or the dropout is not in [0, 1).
    pub fn init(
        &self,
        space: impl Into<Space>,
        draw: &mut Draw,
        options: (Kind, Device),
    ) -> Result<ResidualMlp> {
        let space = space.into();
        check_memory(self.n_scalars(space)?, options.0)?;
        let (width, n_time) = (self.width, self.n_time());
        let mut parameters = Parameters::new();
        let mut normal = |columns: i64, deviation: f64| {
            draw.normal(&[width, columns], options.0) * (deviation / (columns.max(1) as f64).sqrt())
        };
        let n_waves = self.state_inputs(space.dim).n() - space.dim;
        let n_plain = space.given.n_inputs() + space.dim;
        let of_state = Tensor::cat(&[normal(n_plain, FRAC_1_SQRT_2), normal(n_waves, FRAC_1_SQRT_2)], 1);
        let input = Layer::add(&mut parameters, INPUT, &of_state, options);
        let input_time = parameters.add(INPUT_TIME, &normal(n_time, 1.0).to_device(options.1));
        let mut blocks = Vec::new();
        for index in 0..self.n_blocks {
            let [first, time, second] = Block::names(index);
            let zero = Tensor::zeros([width, width], options);
            blocks.push(Block {
                first: Layer::add(&mut parameters, &first, &normal(width, SQRT_2), options),
                time: parameters.add(time, &normal(n_time, 0.3).to_device(options.1)),
                second: Layer::add(&mut parameters, &second, &zero, options),
            });
        }
        let output =
            Layer::add(&mut parameters, OUTPUT, &Tensor::zeros([space.dim, width], options), options);
        let of_head = (width, self.activation);
        let head = DivergenceHead::init(self.flow_map, of_head, &mut parameters, draw, options);
        Ok(ResidualMlp {
            config: self.clone(),
            space,
            state_inputs: self.state_inputs(space.dim),
            time_inputs: self.time_embedding.into(),
            parameters,
            input,
            input_time,
            blocks,
            output,
            head,
        })
    }

    /// The number of scalar weights of a network for points of `space`, computed without making the weights.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed.
    pub fn n_scalars(&self, space: Space) -> Result<f64> {
        self.check(space)?;
        let n_state = space.given.n_inputs() + self.state_inputs(space.dim).n();
        let [width, n_state, n_time, dim] = [self.width, n_state, self.n_time(), space.dim].map(|n| n as f64);
        let block = 2.0 * width * (width + 1.0) + width * n_time;
        let head = self.flow_map.map_or(0.0, |config| config.n_scalars(self.width));
        Ok(width * (n_state + 1.0 + n_time) + self.n_blocks as f64 * block + dim * (width + 1.0) + head)
    }

    /// How many numbers the network sees of the time, or of a jump's two.
    fn n_time(&self) -> i64 {
        let n_times = if self.flow_map.is_some() { 2 } else { 1 };
        n_times * self.time_embedding.n_features()
    }

    fn check(&self, space: Space) -> Result<()> {
        check_dim(space.dim)?;
        space.given.check()?;
        check_positive("width", self.width)?;
        check_blocks(self.n_blocks)?;
        check_share("dropout", self.dropout)?;
        self.time_embedding.check()?;
        if let Some(flow_map) = &self.flow_map {
            flow_map.check()?;
            if self.dropout > 0.0 {
                let (name, requirement) = ("dropout", "0 in a flow map");
                return Err(Error::Size { name, requirement, found: self.dropout.to_string() });
            }
        }
        self.state_inputs(space.dim).check()
    }

    fn state_inputs(&self, dim: i64) -> StateInputs {
        StateInputs::new(dim, self.state_features)
    }
}

const INPUT: &str = "input";
const INPUT_TIME: &str = "input.time";
const OUTPUT: &str = "output";

/// A residual perceptron as a velocity.
#[derive(Debug)]
pub struct ResidualMlp {
    config: ResidualMlpConfig,
    space: Space,
    state_inputs: StateInputs,
    time_inputs: TimeInputs,
    parameters: Parameters,
    input: Layer,
    input_time: Tensor,
    blocks: Vec<Block>,
    output: Layer,
    /// The average divergence, for a flow map that learns it.
    head: Option<DivergenceHead>,
}

impl ResidualMlp {
    /// The config of the network.
    pub fn config(&self) -> &ResidualMlpConfig {
        &self.config
    }

    /// The same network with `schedule` in place of those that its config names: waves of the state and a logarithmic
    /// clock read α and β from it. It is for a path whose schedule no config can name, and is not recorded in
    /// [`Self::config`]; the weights are the same for every schedule.
    #[must_use]
    pub fn along(mut self, schedule: Arc<dyn Schedule>) -> Self {
        self.state_inputs = self.state_inputs.along(schedule.clone());
        self.time_inputs = self.time_inputs.along(schedule);
        self
    }

    /// What is seen of the time; of a flow map's, that it starts and lands at t.
    fn time(&self, t: &Tensor) -> Tensor {
        match self.config.flow_map {
            None => self.time_inputs.value(t),
            Some(_) => self.time_inputs.diagonal(t),
        }
    }

    /// The stream before the first block `[B, H]`.
    fn enter(&self, state: &Tensor, time: &Tensor, given: &Given) -> Tensor {
        let seen = match given_inputs(self.space.given, given, state) {
            None => state.shallow_clone(),
            Some(given) => Tensor::cat(&[&given, state], 1),
        };
        self.input.apply(&seen) + product(time, &self.input_time)
    }

    /// The first layer's weights for what is seen of the state, `[H, n]`.
    fn state_columns(&self) -> Tensor {
        self.input.weight.narrow(1, self.space.given.n_inputs(), self.state_inputs.n())
    }

    /// Carries tangents of any leading shape, `[…, B, H]`, with the stream to where it is activated for the last time, the
    /// time's features having the derivative `time_tangent`, `[B, E]`, or none.
    fn carry(
        &self,
        mut h: Tensor,
        (time, time_tangent): (&Tensor, Option<&Tensor>),
        mut tangents: Tensor,
    ) -> (Tensor, Tensor) {
        let activation = self.config.activation;
        for block in &self.blocks {
            let (value, bent) = activation.value_and_tangent(&h, &tangents);
            let inner = block.first.apply(&value) + product(time, &block.time);
            let mut inner_tangents = product(&bent, &block.first.weight);
            if let Some(tangent) = time_tangent {
                inner_tangents += product(tangent, &block.time);
            }
            let (value, bent) = activation.value_and_tangent(&inner, &inner_tangents);
            // Not in place: a gradient may still need the stream as it was.
            h = &h + block.second.apply(&value);
            // Not in place: the first tangents may be the same for all rows.
            tangents = product(&bent, &block.second.weight) + tangents;
        }
        (h, tangents)
    }

    /// What the outputs read, `[B, H]`, of a state and a time as they are seen.
    fn stream(&self, state: &Tensor, time: &Tensor, given: &Given, dropout: &mut Dropout<'_>) -> Tensor {
        let activation = self.config.activation;
        let h = self.blocks.iter().fold(self.enter(state, time, given), |h, block| {
            let inner = block.first.apply(&activation.value(&h)) + product(time, &block.time);
            let inner = dropout.numbers(activation.value(&inner), self.config.dropout);
            // Not in place: the gradient still needs the stream as it was.
            &h + block.second.apply(&inner)
        });
        activation.value(&h)
    }

    fn forward(&self, t: &Tensor, x: &Tensor, given: &Given, dropout: &mut Dropout<'_>) -> Tensor {
        self.output.apply(&self.stream(&self.state_inputs.value(t, x), &self.time(t), given, dropout))
    }

    fn jvp(&self, t: &Tensor, x: &Tensor, given: &Given, u: &Tensor) -> (Tensor, Tensor) {
        let (state, tangent) = self.state_inputs.value_and_tangent(t, x, u);
        let time = self.time(t);
        let h = self.enter(&state, &time, given);
        let tangent = product(&tangent, &self.state_columns());
        let (h, tangent) = self.carry(h, (&time, None), tangent);
        let (value, tangent) = self.config.activation.value_and_tangent(&h, &tangent);
        (self.output.apply(&value), product(&tangent, &self.output.weight))
    }

    fn divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        let (state, tangents) = self.state_inputs.value_and_unit_tangents(t, x, &self.state_columns());
        let time = self.time(t);
        let h = self.enter(&state, &time, given);
        let (h, tangents) = self.carry(h, (&time, None), tangents);
        let (value, slope) = self.config.activation.value_and_slope(&h);
        (self.output.apply(&value), tangent::contract(&self.output, &tangents, &slope))
    }
}

impl Network for ResidualMlp {
    fn space(&self) -> Space {
        self.space
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        self.forward(t, x, given, &mut Dropout::Off)
    }

    fn value_and_quadratic_form(
        &self,
        t: &Tensor,
        x: &Tensor,
        given: &Given,
        u: &Tensor,
    ) -> (Tensor, Tensor) {
        tch::no_grad(|| {
            let (value, derivative) = self.jvp(t, x, given, u);
            (value, (derivative * u).sum_dim_intlist(1i64, false, None))
        })
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        let width = self.config.width;
        tch::no_grad(|| tangent::in_chunks(width, t, x, given, |t, x, given| self.divergence(t, x, given)))
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        (0..self.blocks.len())
            .flat_map(|index| ["first", "second"].map(|layer| format!("block.{index}.{layer}.weight")))
            .collect()
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        self.forward(t, x, given, &mut Dropout::On(draw))
    }

    fn flow_map(&self) -> Option<&dyn FlowMap> {
        self.config.flow_map.map(|_| self as &dyn FlowMap)
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        let mut parameters = Parameters::new();
        let input = self.input.duplicate(&mut parameters, INPUT);
        let input_time = duplicate(&mut parameters, INPUT_TIME, &self.input_time);
        let blocks = (0..).zip(&self.blocks).map(|(index, block)| block.duplicate(&mut parameters, index));
        let blocks = blocks.collect();
        let output = self.output.duplicate(&mut parameters, OUTPUT);
        let head = self.head.as_ref().map(|head| head.duplicate(&mut parameters));
        Ok(Box::new(Self {
            config: self.config.clone(),
            space: self.space,
            state_inputs: self.state_inputs.clone(),
            time_inputs: self.time_inputs.clone(),
            parameters,
            input,
            input_time,
            blocks,
            output,
            head,
        }))
    }
}

impl FlowMap for ResidualMlp {
    fn has_divergence(&self) -> bool {
        self.head.is_some()
    }

    fn average(&self, jump: &Jump<'_>) -> Average {
        let state = self.state_inputs.value(jump.from, jump.x);
        let time = self.time_inputs.pair(jump.from, jump.to);
        let stream = self.stream(&state, &time, jump.given, &mut Dropout::Off);
        let divergence = self.head.as_ref().map(|head| head.value(&stream));
        Average { velocity: self.output.apply(&stream), divergence }
    }

    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average) {
        let (state, state_tangent) = state_and_tangent(&self.state_inputs, jump, direction);
        let (time, time_tangent) = times_and_tangent(&self.time_inputs, jump, direction);
        let h = self.enter(&state, &time, jump.given);
        let tangent =
            product(&state_tangent, &self.state_columns()) + product(&time_tangent, &self.input_time);
        let (h, tangent) = self.carry(h, (&time, Some(&time_tangent)), tangent);
        let (stream, tangent) = self.config.activation.value_and_tangent(&h, &tangent);
        let of_head = self.head.as_ref().map(|head| head.value_and_tangent(&stream, &tangent));
        let (divergence, divergence_tangent) = of_head.unzip();
        let tangent =
            Average { velocity: product(&tangent, &self.output.weight), divergence: divergence_tangent };
        (Average { velocity: self.output.apply(&stream), divergence }, tangent)
    }
}
