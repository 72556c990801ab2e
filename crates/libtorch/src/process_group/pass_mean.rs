//! The mean over the processes of the gradients of a backward pass, which is exchanged while the pass goes on.
//!
//! The last layers' gradients are known first, and travel while those of the layers before them are computed. c10d's own
//! `Reducer` does the same for gradients that libtorch gathers in the weights, and changes the order of its buckets after
//! the first pass; here gradients are results of a function, and a run that is resumed has to add in the same order.

use std::ffi::{c_char, c_void};

use tch::{Device, Tensor};

use super::{ProcessGroup, Raw};
use crate::call::{Pointers, outcome, pointers};
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_pass_mean_new(
        group: *mut c_void,
        weights: Pointers,
        bucket_of: *const usize,
        n: usize,
        result: *mut *mut c_void,
    ) -> *mut c_char;
    fn interflow_pass_mean_free(mean: *mut c_void) -> *mut c_char;
    fn interflow_pass_mean_begin(mean: *mut c_void, before: Pointers, n: usize, share: f64) -> *mut c_char;
    fn interflow_pass_mean_end(mean: *mut c_void, results: *mut *mut c_void) -> *mut c_char;
    fn interflow_pass_mean_cancel(mean: *mut c_void, idle: *mut bool) -> *mut c_char;
    fn interflow_pass_mean_made(
        mean: *mut c_void,
        tensors: Pointers,
        n: usize,
        result: *mut bool,
    ) -> *mut c_char;
}

/// The bytes that are exchanged at once. Smaller ones travel earlier, and every exchange costs a millisecond.
const BUCKET: usize = 4 << 20;

const OPERATION: &str = "a mean in a backward pass";

/// Means over the processes of gradients, each of which begins to be exchanged as soon as a backward pass has computed it
/// and those before it. It watches the weights until it is dropped.
///
/// ```
/// use interflow_libtorch::{PassMean, ProcessGroup};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> interflow_libtorch::Result<()> {
/// let weights = [Tensor::ones([3], (Kind::Float, Device::Cpu)).set_requires_grad(true)];
/// let mean = PassMean::new(&ProcessGroup::alone()?, &weights)?;
/// let loss = weights[0].square().sum(Kind::Float);
/// let pass = || Ok::<_, interflow_libtorch::Error>(Tensor::run_backward(&[&loss], &weights, false, false));
/// let (own, shared) = mean.of(None, pass)?;
/// assert_eq!(own[0], shared[0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PassMean {
    group: ProcessGroup,
    mean: Raw,
    /// Where the weights' numbers lie.
    places: Vec<usize>,
}

/// The mean gradient of the parts of a batch that were computed before the last one.
#[derive(Debug, Clone, Copy)]
pub struct PartsBefore<'a> {
    /// A gradient for each weight.
    pub mean: &'a [Tensor],
    /// The last part's share of the batch, by which it is weighted.
    pub share_of_last: f64,
}

impl PassMean {
    /// Whether it is worth its own exchanges: gradients that fill more than one bucket, on the CPU, or on a GPU where all
    /// processes have NCCL.
    ///
    /// # Errors
    /// [`crate::Error::Group`] if another process has ended or asks something else.
    pub fn pays_for(group: &ProcessGroup, weights: &[Tensor]) -> Result<bool> {
        let bytes = |x: &Tensor| x.numel() * x.kind().elt_size_in_bytes();
        if weights.iter().map(bytes).sum::<usize>() <= BUCKET {
            return Ok(false);
        }
        let all_on = |is: fn(Device) -> bool| weights.iter().all(|x| is(x.device()));
        Ok(all_on(|device| device == Device::Cpu) || (all_on(Device::is_cuda) && group.has_nccl()?))
    }

    /// Watches `weights`, which record gradients and are the same on all processes.
    ///
    /// # Errors
    /// [`crate::Error::Group`] if another process has ended or has other weights, or the weights are on a GPU and a process has
    /// no NCCL; [`crate::Error::Torch`] if a weight records no gradients.
    pub fn new(group: &ProcessGroup, weights: &[Tensor]) -> Result<Self> {
        if let Some(weight) = weights.iter().find(|x| x.device().is_cuda()) {
            group.meet(OPERATION, weight)?;
        }
        group.check_same(OPERATION, weights)?;
        let places = places(weights);
        // Gradients of the last layers come first.
        let weights: Vec<Tensor> = weights.iter().rev().map(Tensor::shallow_clone).collect();
        let buckets = super::buckets::buckets(&weights, BUCKET);
        let bucket_of: Vec<usize> =
            buckets.enumerate().flat_map(|(index, bucket)| vec![index; bucket.len()]).collect();
        let list = pointers(&weights);
        let mut mean = std::ptr::null_mut();
        // SAFETY: the group is one that was joined, which the result's handle keeps; all else outlives the call.
        let message = unsafe {
            interflow_pass_mean_new(group.raw(), list.as_ptr(), bucket_of.as_ptr(), list.len(), &raw mut mean)
        };
        outcome("watching weights", message)?;
        Ok(Self { group: group.clone(), mean: Raw(mean), places })
    }

    /// Whether it is these weights that it watches, in this order.
    pub fn watches(&self, weights: &[Tensor]) -> bool {
        places(weights) == self.places
    }

    /// The result of `pass`, which differentiates by the weights once, and the means over the processes of the gradients
    /// that it computes, in the weights' order; zero for a weight that it does not reach. If the batch has parts that were
    /// computed before, what is averaged is the mean of all parts.
    ///
    /// # Errors
    /// That of `pass`, after which the group is of no use if a part of the gradients is under way already; or
    /// [`crate::Error::Group`] if another process has ended or shows no sign of life.
    pub fn of<T, E: From<Error>>(
        &self,
        before: Option<PartsBefore<'_>>,
        pass: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<(T, Vec<Tensor>), E> {
        self.begin(before)?;
        let running = Running(self);
        let result = pass()?;
        let means = self.end()?;
        drop(running);
        Ok((result, means))
    }

    fn begin(&self, before: Option<PartsBefore<'_>>) -> Result<()> {
        self.group.check_usable(OPERATION)?;
        let (parts, share) = before.map_or((&[][..], 1.0), |before| (before.mean, before.share_of_last));
        let reversed: Vec<Tensor> = parts.iter().rev().map(Tensor::shallow_clone).collect();
        let list = pointers(&reversed);
        // SAFETY: the pointer is that of this value's own, and the list outlives the call.
        let message = unsafe { interflow_pass_mean_begin(self.mean.0, list.as_ptr(), list.len(), share) };
        outcome(OPERATION, message)
    }

    fn end(&self) -> Result<Vec<Tensor>> {
        let mut results = vec![std::ptr::null_mut(); self.places.len()];
        // SAFETY: the pointer is that of this value's own, and there is a place for each weight's result.
        let message = unsafe { interflow_pass_mean_end(self.mean.0, results.as_mut_ptr()) };
        self.group.outcome(OPERATION, message)?;
        // SAFETY: a call without a message has left new tensors there, which are ours alone.
        Ok(results.into_iter().rev().map(|x| unsafe { Tensor::from_ptr(x.cast()) }).collect())
    }

    /// Whether `gradients` are those that the last pass returned, untouched since. It is to be asked once after a pass.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch fails.
    pub fn made(&self, gradients: &[Tensor]) -> Result<bool> {
        let reversed: Vec<Tensor> = gradients.iter().rev().map(Tensor::shallow_clone).collect();
        let list = pointers(&reversed);
        let mut result = false;
        // SAFETY: the pointer is that of this value's own; the list and the result outlive the call.
        let message =
            unsafe { interflow_pass_mean_made(self.mean.0, list.as_ptr(), list.len(), &raw mut result) };
        outcome(OPERATION, message)?;
        Ok(result)
    }
}

fn places(weights: &[Tensor]) -> Vec<usize> {
    weights.iter().map(|x| x.data_ptr() as usize).collect()
}

impl Drop for PassMean {
    fn drop(&mut self) {
        // SAFETY: the pointer is that of this value's own, and is freed once.
        let message = unsafe { interflow_pass_mean_free(self.mean.0) };
        // Nothing is left to be done about a failure.
        let _ = outcome("leaving weights", message);
    }
}

/// A pass that goes on; where it fails, or panics, what it began is given up.
struct Running<'a>(&'a PassMean);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut idle = false;
        // SAFETY: the pointer is that of a value that outlives this one, and the result outlives the call.
        let message = unsafe { interflow_pass_mean_cancel(self.0.mean.0, &raw mut idle) };
        if outcome(OPERATION, message).is_err() || !idle {
            // Others may wait for the rest of it, and the next exchange here would meet what they have of this one.
            self.0.group.give_up();
        }
    }
}
