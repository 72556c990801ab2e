//! What steps have to say and nobody has looked at yet.

use tch::{Device, Kind, TchError, Tensor};

use crate::error::{Error, Result};

/// The losses and the gradients' norms of the last steps, where the network is: to read a number of a GPU is to wait for all
/// that it has to do, so they are read all together, when one of them is reported or the weights are used.
#[derive(Debug, Default)]
pub(super) struct Unread {
    steps: Vec<u64>,
    /// Each step's loss and norm, scalars.
    scalars: Vec<[Tensor; 2]>,
}

/// The numbers of the last step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    pub(super) loss: f64,
    pub(super) grad_norm: f64,
}

impl Unread {
    /// Adds a step's loss and norm.
    pub(super) fn push(&mut self, step: u64, loss: &Tensor, norm: Tensor) {
        self.steps.push(step);
        self.scalars.push([loss.detach(), norm]);
    }

    /// The last step's numbers, none if all were read.
    ///
    /// # Errors
    /// [`Error::NotFinite`] naming the first unread step whose gradient is not finite.
    pub(super) fn read(&mut self) -> Result<Option<Numbers>> {
        let (steps, scalars) = (std::mem::take(&mut self.steps), std::mem::take(&mut self.scalars));
        if steps.is_empty() {
            return Ok(None);
        }
        let numbers = together(&scalars).and_then(Vec::<f64>::try_from);
        let numbers = numbers.map_err(|source| Error::Torch { operation: "reading losses", source })?;
        let mut last = None;
        for (step, pair) in steps.into_iter().zip(numbers.chunks_exact(2)) {
            let (loss, grad_norm) = (pair[0], pair[1]);
            if !grad_norm.is_finite() {
                return Err(Error::NotFinite { step, loss, grad_norm });
            }
            last = Some(Numbers { loss, grad_norm });
        }
        Ok(last)
    }
}

/// Losses and norms in turn, `[2n]`, on the CPU, by one transfer.
fn together(scalars: &[[Tensor; 2]]) -> std::result::Result<Tensor, TchError> {
    let mut all = Vec::with_capacity(2 * scalars.len());
    for [loss, norm] in scalars {
        all.push(loss.f_reshape([0i64; 0])?.f_to_device(norm.device())?);
        all.push(norm.shallow_clone());
    }
    Tensor::f_stack(&all, 0)?.f_to_kind(Kind::Double)?.f_to_device(Device::Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(norms: &[f64]) -> Unread {
        let mut unread = Unread::default();
        for (step, norm) in (7..).zip(norms) {
            unread.push(step, &Tensor::from(-norm as f32), Tensor::from(*norm));
        }
        unread
    }

    #[test]
    fn the_last_step_is_read_once() {
        let mut three = unread(&[1.0, 2.5, 0.5]);
        assert_eq!(three.read().unwrap(), Some(Numbers { loss: -0.5, grad_norm: 0.5 }));
        assert_eq!(three.read().unwrap(), None);
    }

    #[test]
    fn the_first_step_that_is_not_finite_is_named() {
        let error = unread(&[1.0, 2.0, f64::INFINITY, f64::NAN, 3.0]).read().unwrap_err();
        let Error::NotFinite { step, loss, grad_norm } = error else { panic!("{error}") };
        assert_eq!((step, loss, grad_norm), (9, f64::NEG_INFINITY, f64::INFINITY));
    }
}
