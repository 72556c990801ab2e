//! The named tensors of a network, which are trained, averaged, saved and loaded.

use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The named weights of a network, in a fixed order.
///
/// Clones of the handle share the tensors; [`Parameters::detached_copy`] copies the numbers.
#[derive(Debug, Default)]
pub struct Parameters {
    entries: Vec<(String, Tensor)>,
}

impl Parameters {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trained weight with the numbers of `value`, as a leaf that collects gradients. Returns a tensor that
    /// shares the leaf's memory, which is its own: training writes into it.
    pub fn add(&mut self, name: impl Into<String>, value: &Tensor) -> Tensor {
        let leaf = value.detach().copy().set_requires_grad(true);
        let handle = leaf.shallow_clone();
        self.entries.push((name.into(), leaf));
        handle
    }

    /// Adds all weights of `part` with `prefix` before their names. They are the same leaves, so gradients and later
    /// numbers are shared.
    pub fn include(&mut self, prefix: &str, part: &Self) {
        let entries =
            part.entries.iter().map(|(name, leaf)| (format!("{prefix}{name}"), leaf.shallow_clone()));
        self.entries.extend(entries);
    }

    /// Adds numbers that belong to the network and are saved with it, but are not trained. Returns a tensor that
    /// shares their memory, which is their own.
    pub fn fix(&mut self, name: impl Into<String>, value: &Tensor) -> Tensor {
        let fixed = value.detach().copy();
        let handle = fixed.shallow_clone();
        self.entries.push((name.into(), fixed));
        handle
    }

    /// The names and tensors of all weights, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The trained weights, in order, sharing their memory.
    pub fn tensors(&self) -> Vec<Tensor> {
        self.trained().map(|(_, tensor)| tensor.shallow_clone()).collect()
    }

    /// The names and tensors of the trained weights, in order.
    pub fn trained(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.iter().filter(|(_, tensor)| tensor.requires_grad())
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of trained scalars, in all tensors together.
    pub fn n_scalars(&self) -> i64 {
        self.trained().map(|(_, tensor)| tensor.numel() as i64).sum()
    }

    /// The floating-point kind of the first weight, `Float` for an empty set.
    pub fn kind(&self) -> Kind {
        self.entries.first().map_or(Kind::Float, |(_, tensor)| tensor.kind())
    }

    /// The device of the first weight, the CPU for an empty set.
    pub fn device(&self) -> Device {
        self.entries.first().map_or(Device::Cpu, |(_, tensor)| tensor.device())
    }

    /// A copy of all names and numbers, which collects no gradients.
    pub fn detached_copy(&self) -> Vec<(String, Tensor)> {
        tch::no_grad(|| {
            self.entries.iter().map(|(name, value)| (name.clone(), value.detach().copy())).collect()
        })
    }

    /// Overwrites the weights in place with the values of the same names.
    ///
    /// # Errors
    /// [`Error::ParameterMismatch`] for a missing, superfluous, repeated or differently shaped entry; nothing is
    /// overwritten then.
    pub fn assign(&mut self, values: &[(String, Tensor)]) -> Result<()> {
        for (i, (name, value)) in values.iter().enumerate() {
            if values[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(mismatch(name, "given twice".to_owned()));
            }
            if !self.entries.iter().any(|(own, _)| own == name) {
                return Err(mismatch(
                    name,
                    format!("not a weight of this network, shape: {:?}", value.size()),
                ));
            }
        }
        let sources =
            self.entries.iter().map(|(name, own)| find(values, name, own)).collect::<Result<Vec<_>>>()?;
        tch::no_grad(|| {
            for ((_, own), source) in self.entries.iter_mut().zip(sources) {
                own.copy_(source);
            }
        });
        Ok(())
    }
}

fn find<'a>(values: &'a [(String, Tensor)], name: &str, own: &Tensor) -> Result<&'a Tensor> {
    let Some((_, value)) = values.iter().find(|(other, _)| other == name) else {
        return Err(mismatch(name, "missing".to_owned()));
    };
    if value.size() != own.size() {
        return Err(mismatch(name, format!("expected shape {:?}, found: {:?}", own.size(), value.size())));
    }
    Ok(value)
}

fn mismatch(name: &str, problem: String) -> Error {
    Error::ParameterMismatch { name: name.to_owned(), problem }
}
