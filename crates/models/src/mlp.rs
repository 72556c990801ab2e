//! The multilayer perceptron `v(t, x)`: features of x and t, hidden layers, a linear output.

use std::sync::Arc;

use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use interflow_core::interpolant::Schedule;
use interflow_core::rng::Draw;
use interflow_core::{Given, Network, Parameters, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::activation::Activation;
use crate::error::Result;
use crate::error::{check_dim, check_memory, check_positive};
use crate::flow_map::{DivergenceHead, FlowMapConfig, state_and_tangent, times_and_tangent};
use crate::given_inputs::given_inputs;
use crate::layer::{Layer, product};
use crate::state_features::StateFeatures;
use crate::state_inputs::StateInputs;
use crate::tangent;
use crate::time_embedding::TimeEmbedding;
use crate::time_inputs::TimeInputs;

/// The config of a multilayer perceptron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// The width of each hidden layer.
    pub hidden: Vec<i64>,
    /// The nonlinearity after each hidden layer.
    #[serde(default)]
    pub activation: Activation,
    /// The features of the time that the network gets.
    #[serde(default)]
    pub time_embedding: TimeEmbedding,
    /// Waves of the state, which the network gets besides the state itself; by default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_features: Option<StateFeatures>,
    /// If set, the network is a flow map; without it, it is a velocity alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_map: Option<FlowMapConfig>,
}

impl MlpConfig {
    /// A perceptron with hidden layers of these widths, and everything else by default.
    pub fn new(hidden: Vec<i64>) -> Self {
        Self {
            hidden,
            activation: Activation::default(),
            time_embedding: TimeEmbedding::default(),
            state_features: None,
            flow_map: None,
        }
    }

    /// A network for points of `space`, which may be a dimension alone, with weights from `draw`. Hidden weights are
    /// normal with variance 2/fan-in. The output layer starts at zero, which is the mean velocity between centred
    /// ends.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if there is no hidden layer, or a size is not positive.
    pub fn init(&self, space: impl Into<Space>, draw: &mut Draw, options: (Kind, Device)) -> Result<Mlp> {
        let space = space.into();
        check_memory(self.n_scalars(space)?, options.0)?;
        let mut parameters = Parameters::new();
        let mut layers = Vec::with_capacity(self.hidden.len() + 1);
        let mut fan_in = self.n_inputs(space);
        for (index, &width) in self.hidden.iter().enumerate() {
            let weight = draw.normal(&[width, fan_in], options.0) * (2.0 / fan_in as f64).sqrt();
            layers.push(Layer::add(&mut parameters, &format!("hidden.{index}"), &weight, options));
            fan_in = width;
        }
        let zero = Tensor::zeros([space.dim, fan_in], options);
        layers.push(Layer::add(&mut parameters, "output", &zero, options));
        let of_head = (self.head_fan_in(), self.activation);
        let head = DivergenceHead::init(self.flow_map, of_head, &mut parameters, draw, options);
        let (state_inputs, time_inputs) = (self.state_inputs(space.dim), self.time_embedding.into());
        Ok(Mlp { config: self.clone(), space, state_inputs, time_inputs, parameters, layers, head })
    }

    /// The number of scalar weights of a network for points of `space`, computed without making the weights.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if a size is not allowed.
    pub fn n_scalars(&self, space: Space) -> Result<f64> {
        self.check(space)?;
        let n_inputs = self.n_inputs(space);
        let fans_in = [&n_inputs].into_iter().chain(&self.hidden);
        let widths = self.hidden.iter().chain([&space.dim]);
        let trunk: f64 =
            widths.zip(fans_in).map(|(&width, &fan_in)| width as f64 * (fan_in + 1) as f64).sum();
        let head = self.flow_map.map_or(0.0, |config| config.n_scalars(self.head_fan_in()));
        Ok(trunk + head)
    }

    /// How many numbers the first layer reads.
    fn n_inputs(&self, space: Space) -> i64 {
        let n_times = if self.flow_map.is_some() { 2 } else { 1 };
        let n_time = n_times * self.time_embedding.n_features();
        space.given.n_inputs() + self.state_inputs(space.dim).n() + n_time
    }

    /// The hidden layer that the second output reads: the last but one, which leaves it one of its own.
    fn head_layer(&self) -> usize {
        self.hidden.len().saturating_sub(2)
    }

    fn head_fan_in(&self) -> i64 {
        self.hidden.get(self.head_layer()).copied().unwrap_or(0)
    }

    fn check(&self, space: Space) -> Result<()> {
        check_dim(space.dim)?;
        space.given.check()?;
        check_positive("the number of hidden layers", self.hidden.len() as i64)?;
        self.hidden.iter().try_for_each(|&width| check_positive("each width in hidden", width))?;
        self.time_embedding.check()?;
        self.flow_map.as_ref().map_or(Ok(()), FlowMapConfig::check)?;
        self.state_inputs(space.dim).check()
    }

    fn state_inputs(&self, dim: i64) -> StateInputs {
        StateInputs::new(dim, self.state_features)
    }
}

/// A multilayer perceptron as a velocity.
#[derive(Debug)]
pub struct Mlp {
    config: MlpConfig,
    space: Space,
    state_inputs: StateInputs,
    time_inputs: TimeInputs,
    parameters: Parameters,
    layers: Vec<Layer>,
    /// The average divergence, for a flow map that learns it.
    head: Option<DivergenceHead>,
}

impl Mlp {
    /// The config of the network.
    pub fn config(&self) -> &MlpConfig {
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

    fn layer_name(&self, index: usize) -> String {
        if index + 1 < self.layers.len() { format!("hidden.{index}") } else { "output".to_owned() }
    }

    fn hidden_layers(&self) -> &[Layer] {
        &self.layers[..self.layers.len() - 1]
    }

    fn output_layer(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }

    /// What is seen of the time; of a flow map's, that it starts and lands at t.
    fn time(&self, t: &Tensor) -> Tensor {
        match self.config.flow_map {
            None => self.time_inputs.value(t),
            Some(_) => self.time_inputs.diagonal(t),
        }
    }

    /// The first layer's input `[B, F]`: the conditions, what is seen of the state, the time's features.
    fn inputs(&self, state: &Tensor, time: &Tensor, given: &Given) -> Tensor {
        match given_inputs(self.space.given, given, state) {
            None => Tensor::cat(&[state, time], 1),
            Some(given) => Tensor::cat(&[&given, state, time], 1),
        }
    }

    /// The first layer's weights for what is seen of the state, `[H, n]`.
    fn state_columns(&self) -> Tensor {
        self.layers[0].weight.narrow(1, self.space.given.n_inputs(), self.state_inputs.n())
    }

    fn jvp(&self, t: &Tensor, x: &Tensor, given: &Given, u: &Tensor) -> (Tensor, Tensor) {
        let (state, mut tangent) = self.state_inputs.value_and_tangent(t, x, u);
        let mut h = self.inputs(&state, &self.time(t), given);
        for (index, layer) in self.hidden_layers().iter().enumerate() {
            let weight = if index == 0 { self.state_columns() } else { layer.weight.shallow_clone() };
            let activation = self.config.activation;
            (h, tangent) = activation.value_and_tangent(&layer.apply(&h), &product(&tangent, &weight));
        }
        let output = self.output_layer();
        (output.apply(&h), product(&tangent, &output.weight))
    }

    fn divergence(&self, t: &Tensor, x: &Tensor, given: &Given) -> (Tensor, Tensor) {
        let (state, mut tangents) = self.state_inputs.value_and_unit_tangents(t, x, &self.state_columns());
        let (mut h, mut slope) =
            self.value_and_slope(&self.layers[0], &self.inputs(&state, &self.time(t), given));
        for layer in &self.hidden_layers()[1..] {
            tangents = product(&(tangents * &slope), &layer.weight);
            (h, slope) = self.value_and_slope(layer, &h);
        }
        let output = self.output_layer();
        (output.apply(&h), tangent::contract(output, &tangents, &slope))
    }

    fn value_and_slope(&self, layer: &Layer, h: &Tensor) -> (Tensor, Tensor) {
        self.config.activation.value_and_slope(&layer.apply(h))
    }
}

impl Network for Mlp {
    fn space(&self) -> Space {
        self.space
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        let inputs = self.inputs(&self.state_inputs.value(t, x), &self.time(t), given);
        let hidden =
            self.hidden_layers().iter().fold(inputs, |h, layer| layer.activate(&h, self.config.activation));
        self.output_layer().apply(&hidden)
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
        let widest = self.config.hidden.iter().copied().max().unwrap_or(1);
        tch::no_grad(|| tangent::in_chunks(widest, t, x, given, |t, x, given| self.divergence(t, x, given)))
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        (1..self.config.hidden.len()).map(|index| format!("hidden.{index}.weight")).collect()
    }

    fn flow_map(&self) -> Option<&dyn FlowMap> {
        self.config.flow_map.map(|_| self as &dyn FlowMap)
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        let mut parameters = Parameters::new();
        let layers = self.layers.iter().enumerate();
        let layers = layers.map(|(index, layer)| layer.duplicate(&mut parameters, &self.layer_name(index)));
        let layers = layers.collect();
        let head = self.head.as_ref().map(|head| head.duplicate(&mut parameters));
        let (state_inputs, time_inputs) = (self.state_inputs.clone(), self.time_inputs.clone());
        let config = self.config.clone();
        Ok(Box::new(Self { config, space: self.space, state_inputs, time_inputs, parameters, layers, head }))
    }
}

impl FlowMap for Mlp {
    fn has_divergence(&self) -> bool {
        self.head.is_some()
    }

    fn average(&self, jump: &Jump<'_>) -> Average {
        let state = self.state_inputs.value(jump.from, jump.x);
        let mut h = self.inputs(&state, &self.time_inputs.pair(jump.from, jump.to), jump.given);
        let mut divergence = None;
        for (index, layer) in self.hidden_layers().iter().enumerate() {
            h = layer.activate(&h, self.config.activation);
            if let Some(head) = self.head.as_ref().filter(|_| index == self.config.head_layer()) {
                divergence = Some(head.value(&h));
            }
        }
        Average { velocity: self.output_layer().apply(&h), divergence }
    }

    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average) {
        let (state, state_tangent) = state_and_tangent(&self.state_inputs, jump, direction);
        let (time, time_tangent) = times_and_tangent(&self.time_inputs, jump, direction);
        let n_given = self.space.given.n_inputs();
        let mut h = self.inputs(&state, &time, jump.given);
        let mut tangent = Tensor::cat(&[state_tangent, time_tangent], 1);
        let (mut divergence, mut divergence_tangent) = (None, None);
        for (index, layer) in self.hidden_layers().iter().enumerate() {
            // Conditions do not move.
            let skipped = if index == 0 { n_given } else { 0 };
            let weight = layer.weight.narrow(1, skipped, layer.weight.size()[1] - skipped);
            let activation = self.config.activation;
            (h, tangent) = activation.value_and_tangent(&layer.apply(&h), &product(&tangent, &weight));
            if let Some(head) = self.head.as_ref().filter(|_| index == self.config.head_layer()) {
                let (value, slope) = head.value_and_tangent(&h, &tangent);
                (divergence, divergence_tangent) = (Some(value), Some(slope));
            }
        }
        let output = self.output_layer();
        let tangent = Average { velocity: product(&tangent, &output.weight), divergence: divergence_tangent };
        (Average { velocity: output.apply(&h), divergence }, tangent)
    }
}
