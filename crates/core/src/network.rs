//! What training needs of a network: a vector field with named weights.

use tch::Tensor;

use crate::rng::Draw;
use crate::{Parameters, Result, VectorField};

/// A vector field with trainable weights.
pub trait Network: VectorField + Send {
    /// The weights.
    fn parameters(&self) -> &Parameters;

    /// The weights, to overwrite.
    fn parameters_mut(&mut self) -> &mut Parameters;

    /// The names of the weight matrices from one hidden layer to the next, for optimisers that treat matrices as
    /// such; none unless the network says so.
    fn hidden_matrices(&self) -> Vec<String> {
        Vec::new()
    }

    /// The field that predicts the latent beside this velocity, `η_t(x) = E[z | x_t = x]`, if the network holds one;
    /// its weights are among the network's.
    fn denoiser(&self) -> Option<&dyn Network> {
        None
    }

    /// The value `[B, D]` as training sees it, where a network may drop parts at random by `draw`. That of
    /// [`VectorField::value`] unless the network says otherwise.
    fn value_in_training(&self, t: &Tensor, x: &Tensor, draw: &mut Draw) -> Tensor {
        let _ = draw;
        self.value(t, x)
    }

    /// A network of the same form with its own copy of the weights.
    ///
    /// # Errors
    /// If libtorch cannot allocate the copy.
    fn duplicate(&self) -> Result<Box<dyn Network>>;
}
