//! The multilayer perceptron `v(t, x)`: features of x and t, hidden layers, a linear output.

mod tangent;

use interflow_core::rng::Draw;
use interflow_core::{Network, Parameters, VectorField};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{Activation, Error, Result, StateFeatures, TimeEmbedding};

/// A multilayer perceptron's form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// The width of each hidden layer.
    pub hidden: Vec<i64>,
    /// The nonlinearity after each hidden layer.
    #[serde(default)]
    pub activation: Activation,
    /// How the network sees the time.
    #[serde(default)]
    pub time_embedding: TimeEmbedding,
    /// Damped waves of the state beside the state itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_features: Option<StateFeatures>,
}

impl MlpConfig {
    /// Hidden layers of the given widths, everything else by default.
    pub fn new(hidden: Vec<i64>) -> Self {
        Self {
            hidden,
            activation: Activation::default(),
            time_embedding: TimeEmbedding::default(),
            state_features: None,
        }
    }

    /// A network for points of dimension `dim`. Hidden weights are normal with variance 2/fan-in; the output
    /// layer starts at zero, the mean velocity of two centred ends.
    ///
    /// # Errors
    /// [`Error::Size`] if there is no hidden layer, or a size is not positive.
    pub fn init(&self, dim: i64, draw: &mut Draw, options: (Kind, Device)) -> Result<Mlp> {
        self.check(dim)?;
        let mut parameters = Parameters::new();
        let mut layers = Vec::with_capacity(self.hidden.len() + 1);
        let mut fan_in = self.n_inputs(dim);
        for (index, &width) in self.hidden.iter().enumerate() {
            let weight = draw.normal(&[width, fan_in], options.0) * (2.0 / fan_in as f64).sqrt();
            layers.push(Layer::add(&mut parameters, &format!("hidden.{index}"), &weight, options));
            fan_in = width;
        }
        let zero = Tensor::zeros([dim, fan_in], options);
        layers.push(Layer::add(&mut parameters, "output", &zero, options));
        Ok(Mlp { config: self.clone(), dim, parameters, layers })
    }

    fn check(&self, dim: i64) -> Result<()> {
        let positive = |name, found: i64| {
            if found > 0 {
                return Ok(());
            }
            Err(Error::Size { name, requirement: "positive", found: found.to_string() })
        };
        positive("dim", dim)?;
        positive("the number of hidden layers", self.hidden.len() as i64)?;
        self.hidden.iter().try_for_each(|&width| positive("each width in hidden", width))?;
        self.time_embedding.check()?;
        self.state_features.map_or(Ok(()), StateFeatures::check)
    }

    /// Inputs of the first layer: x, its waves, the time's features.
    fn n_inputs(&self, dim: i64) -> i64 {
        let waves = self.state_features.map_or(0, StateFeatures::n_per_coordinate);
        dim * (1 + waves) + self.time_embedding.n_features()
    }
}

/// A linear layer's weights, `[out, in]` and `[out]`.
#[derive(Debug)]
struct Layer {
    weight: Tensor,
    bias: Tensor,
}

impl Layer {
    fn add(parameters: &mut Parameters, name: &str, weight: &Tensor, options: (Kind, Device)) -> Self {
        let bias = Tensor::zeros([weight.size()[0]], options);
        Self {
            weight: parameters.add(format!("{name}.weight"), &weight.to_device(options.1)),
            bias: parameters.add(format!("{name}.bias"), &bias),
        }
    }

    fn apply(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}

/// A multilayer perceptron velocity.
#[derive(Debug)]
pub struct Mlp {
    config: MlpConfig,
    dim: i64,
    parameters: Parameters,
    layers: Vec<Layer>,
}

impl Mlp {
    /// Its form.
    pub fn config(&self) -> &MlpConfig {
        &self.config
    }

    fn hidden_layers(&self) -> &[Layer] {
        &self.layers[..self.layers.len() - 1]
    }

    fn output_layer(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }

    /// The first layer's input `[B, F]`.
    fn inputs(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let time = self.config.time_embedding.embed(t);
        match self.config.state_features {
            None => Tensor::cat(&[x, &time], 1),
            Some(features) => Tensor::cat(&[x, &features.value(t, x).flatten(1, 2), &time], 1),
        }
    }
}

impl VectorField for Mlp {
    fn dim(&self) -> i64 {
        self.dim
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let hidden = self
            .hidden_layers()
            .iter()
            .fold(self.inputs(t, x), |h, layer| self.config.activation.value(&layer.apply(&h)));
        self.output_layer().apply(&hidden)
    }

    fn value_and_jvp(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        tch::no_grad(|| tangent::value_and_jvp(self, t, x, u))
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        tch::no_grad(|| tangent::value_and_divergence(self, t, x))
    }
}

impl Network for Mlp {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        let mut parameters = Parameters::new();
        let mut handles = self
            .parameters
            .detached_copy()
            .into_iter()
            .map(|(name, value)| parameters.add(name, &value))
            .collect::<Vec<_>>()
            .into_iter();
        let mut layers = Vec::with_capacity(self.layers.len());
        while let (Some(weight), Some(bias)) = (handles.next(), handles.next()) {
            layers.push(Layer { weight, bias });
        }
        Ok(Box::new(Self { config: self.config.clone(), dim: self.dim, parameters, layers }))
    }
}
