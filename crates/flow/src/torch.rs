//! A flow's velocity for PyTorch: a readable Python file of plain modules, and a file of weights under the same
//! names.

use std::collections::HashMap;
use std::path::Path;

use interflow_core::{Given, Network, atomic, shape};
use interflow_models::VelocityAndDenoiser;
use interflow_train::{AxesKind, PreconditionConfig};
use interflow_transport::{restore_path, saved_path};
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::engine::Engine;
use crate::error::{During as _, Error, Result, io_error, torch};
use crate::flow::Flow;

/// The text of a Python file with every kind of network as a plain `torch.nn.Module`. It needs nothing but torch.
pub const VELOCITY_PY: &str = include_str!("torch/velocity.py");

/// What the network's weights are called where a denoiser stands beside it.
const BESIDE_DENOISER: &str = "velocity.";

impl Flow {
    /// The description from which [`VELOCITY_PY`] makes the module of this flow: the form of its network, and the
    /// Gaussian and the known coordinates around it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for a flow with a network or an interpolant that a program gave, which no text can
    /// describe.
    pub fn velocity_form(&self) -> Result<Value> {
        self.engine().undescribed().check_saved()?;
        let manifest = self.manifest();
        let axes = match (manifest.precondition, &manifest.target.images) {
            (Some(PreconditionConfig::Gaussian { axes: AxesKind::Cosine }), Some(images)) => {
                Some(images.sides().to_vec())
            }
            (Some(PreconditionConfig::Gaussian { .. }), _) => Some(vec![manifest.space.dim]),
            _ => None,
        };
        Ok(json!({
            "dim": manifest.space.dim,
            "given": manifest.network_space().given,
            "model": manifest.model,
            "interpolant": manifest.interpolant,
            "axes": axes,
            "fill": manifest.target.fill,
        }))
    }

    /// The velocity `[B, D]` at times `t`, `[B]`, of states `x`, `[B, D]`, in the flow's own coordinates, as the
    /// Python module computes it. `given` is in those coordinates too.
    ///
    /// # Errors
    /// [`interflow_core::Error`] if the shapes do not fit the flow.
    pub fn velocity(&self, t: &Tensor, x: &Tensor, given: &Given) -> Result<Tensor> {
        const OPERATION: &str = "the velocity";
        let (space, network) = (self.space(), self.engine().network());
        space.check(OPERATION, x, given)?;
        shape::check_times(OPERATION, t, x.size()[0])?;
        let options = (network.parameters().kind(), network.parameters().device());
        let own = |x: &Tensor| x.to_kind(options.0).to_device(options.1);
        let given = match given {
            Given::Numbers(numbers) => Given::Numbers(own(numbers)),
            Given::Class(class) => Given::Class(class.to_device(options.1)),
            Given::Nothing => Given::Nothing,
        };
        Ok(tch::no_grad(|| network.value(&own(t), &own(x), &given)))
    }

    /// The weights of the velocity's network, under their names in the Python module. Those of a denoiser are not
    /// among them.
    pub fn velocity_weights(&self) -> Vec<(String, Tensor)> {
        let weights = self.engine().network().parameters().detached_copy();
        if self.engine().denoiser().is_none() {
            return weights;
        }
        let own =
            |(name, weight): (String, Tensor)| Some((name.strip_prefix(BESIDE_DENOISER)?.to_owned(), weight));
        weights.into_iter().filter_map(own).collect()
    }

    /// The same flow with other weights of the velocity's network, under the names of [`Flow::velocity_weights`],
    /// such as those of a module that was trained further in Python.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] as in [`Flow::velocity_form`]; if a weight is missing, superfluous or of another
    /// shape.
    pub fn with_velocity_weights(&self, weights: Vec<(String, Tensor)>) -> Result<Self> {
        let engine = self.engine();
        engine.undescribed().check_saved()?;
        let mut network = engine.network().duplicate()?;
        let weights = if engine.denoiser().is_none() { weights } else { beside_denoiser(&*network, weights) };
        network.parameters_mut().assign(&weights).during("cannot use these weights")?;
        let mut path = engine.manifest().fresh_path(engine.device())?;
        if let (Some(path), Some(learned)) = (&mut path, engine.learned_path()) {
            restore_path(path.parameters_mut(), &saved_path(learned))?;
        }
        let found = Engine::new(engine.manifest().clone(), network, path, engine.step())?;
        Ok(Self::from(found.with_work(engine.work().clone())))
    }

    /// Writes `velocity.py` and `velocity.safetensors` into a folder, which is made if necessary. They do not need
    /// Interflow: `velocity.load("velocity.safetensors")` is the module.
    ///
    /// # Errors
    /// As [`Flow::velocity_form`], and if a file cannot be written.
    pub fn export_torch(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        let bytes = weights_file(&self.velocity_form()?, &self.velocity_weights())?;
        std::fs::create_dir_all(folder).map_err(io_error("make the folder", folder))?;
        for (name, bytes) in [("velocity.py", VELOCITY_PY.as_bytes()), ("velocity.safetensors", &bytes)] {
            let path = folder.join(name);
            atomic::write(&path, bytes).map_err(io_error("write the file", &path))?;
        }
        Ok(())
    }
}

/// All weights of a velocity with a denoiser, those of the velocity's network anew.
fn beside_denoiser(network: &dyn Network, weights: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    let denoiser = format!("{}.", VelocityAndDenoiser::DENOISER);
    let others =
        network.parameters().detached_copy().into_iter().filter(|(name, _)| name.starts_with(&denoiser));
    let own = weights.into_iter().map(|(name, weight)| (format!("{BESIDE_DENOISER}{name}"), weight));
    own.chain(others).collect()
}

/// A safetensors file of the weights with the form in its metadata.
fn weights_file(form: &Value, weights: &[(String, Tensor)]) -> Result<Vec<u8>> {
    let refused = |error: SafeTensorError| Error::refused(format!("the weights cannot be written: {error}"));
    let raw = weights.iter().map(|(_, weight)| bytes_of(weight)).collect::<Result<Vec<_>>>()?;
    let mut views = Vec::with_capacity(raw.len());
    for ((name, weight), (dtype, bytes)) in weights.iter().zip(&raw) {
        let shape = weight.size().into_iter().map(|side| side as usize).collect();
        views.push((name.as_str(), TensorView::new(*dtype, shape, bytes).map_err(refused)?));
    }
    let metadata = HashMap::from([("velocity".to_owned(), form.to_string())]);
    safetensors::serialize(views, Some(metadata)).map_err(refused)
}

/// A weight's kind and numbers, in single precision unless it is in double.
fn bytes_of(weight: &Tensor) -> Result<(Dtype, Vec<u8>)> {
    let (kind, dtype) = match weight.kind() {
        Kind::Double => (Kind::Double, Dtype::F64),
        _ => (Kind::Float, Dtype::F32),
    };
    let flat = weight.to_device(Device::Cpu).to_kind(kind).contiguous().view(-1);
    let bytes = if kind == Kind::Double {
        let numbers = Vec::<f64>::try_from(&flat).map_err(torch("read a weight"))?;
        numbers.into_iter().flat_map(f64::to_le_bytes).collect()
    } else {
        let numbers = Vec::<f32>::try_from(&flat).map_err(torch("read a weight"))?;
        numbers.into_iter().flat_map(f32::to_le_bytes).collect()
    };
    Ok((dtype, bytes))
}
