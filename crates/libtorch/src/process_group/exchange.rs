//! What processes exchange: sums, means, broadcasts and gatherings of tensors.

use std::ffi::{c_char, c_void};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;

use tch::{Device, Kind, TchError, Tensor};

use super::ProcessGroup;
use super::buckets::{BUCKET, buckets, end_to_end, put_back};
use crate::call::{Pointers, pointers};
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_nccl_is_there() -> bool;
    fn interflow_group_meet(group: *mut c_void, x: *const c_void) -> *mut c_char;
    fn interflow_group_sum(group: *mut c_void, x: *const c_void) -> *mut c_char;
    fn interflow_group_broadcast(group: *mut c_void, x: *const c_void) -> *mut c_char;
    fn interflow_group_gather(
        group: *mut c_void,
        x: *const c_void,
        results: Pointers,
        n: usize,
    ) -> *mut c_char;
}

/// Where tensors of a GPU are exchanged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Through {
    /// In the host's memory.
    Host,
    /// On the GPU, where all processes have NCCL.
    Sums,
}

impl ProcessGroup {
    /// Replaces tensors by their sums over the processes, the same to the bit on all of them, without a record of gradients.
    ///
    /// # Errors
    /// [`Error::Group`] if another process has ended, shows no sign of life, or has other tensors.
    pub fn sum_(&self, tensors: &[Tensor]) -> Result<()> {
        const OPERATION: &str = "a sum";
        self.exchange_(OPERATION, tensors, Through::Sums, |flat| self.add(OPERATION, flat))
    }

    /// Replaces tensors of floating-point numbers by their means over the processes, otherwise as [`ProcessGroup::sum_`].
    ///
    /// # Errors
    /// As [`ProcessGroup::sum_`], and [`Error::ListMismatch`] for whole numbers.
    pub fn mean_(&self, tensors: &[Tensor]) -> Result<()> {
        const OPERATION: &str = "a mean";
        check_floating(OPERATION, tensors)?;
        self.exchange_(OPERATION, tensors, Through::Sums, |flat| {
            self.add(OPERATION, flat)?;
            let mean = flat.shallow_clone().f_div_scalar_(i64::try_from(self.size()).unwrap_or(i64::MAX));
            mean.map(drop).map_err(|error| self.failed(OPERATION, error.to_string()))
        })
    }

    /// The sums over the processes, as part of an operation.
    fn add(&self, operation: &'static str, flat: &Tensor) -> Result<()> {
        // SAFETY: the group is one that was joined, and the tensor outlives the call.
        self.outcome(operation, unsafe { interflow_group_sum(self.raw(), flat.as_ptr().cast()) })
    }

    /// Replaces tensors by those of the process 0, without a record of gradients.
    ///
    /// # Errors
    /// As [`ProcessGroup::sum_`].
    pub fn broadcast_(&self, tensors: &[Tensor]) -> Result<()> {
        const OPERATION: &str = "a broadcast";
        self.exchange_(OPERATION, tensors, Through::Host, |flat| {
            // SAFETY: the group is one that was joined, and the tensor outlives the call.
            self.outcome(OPERATION, unsafe { interflow_group_broadcast(self.raw(), flat.as_ptr().cast()) })
        })
    }

    /// Every process's tensor, in the order of their ranks. They are of one kind and one shape.
    ///
    /// # Errors
    /// As [`ProcessGroup::sum_`].
    pub fn all_gather(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        const OPERATION: &str = "a gathering";
        let list = [x.shallow_clone()];
        self.check_same(OPERATION, &list)?;
        let found = self.gathered(OPERATION, &x.detach().to_device(Device::Cpu).contiguous())?;
        Ok(found.into_iter().map(|found| found.to_device(x.device())).collect())
    }

    /// The rows of every process's tensor, one below the other in the order of their ranks. Tensors are of one kind and, but
    /// for the number of rows, of one shape.
    ///
    /// # Errors
    /// As [`ProcessGroup::sum_`].
    pub fn gather_rows(&self, x: &Tensor) -> Result<Tensor> {
        const OPERATION: &str = "a gathering of rows";
        let refused = |error: TchError| self.failed(OPERATION, error.to_string());
        let n = x.size().first().copied().unwrap_or(1);
        let counts = self.all_gather(&Tensor::from_slice(&[n]))?;
        let counts: Vec<i64> = counts.iter().map(|count| count.int64_value(&[0])).collect();
        let most = counts.iter().copied().max().unwrap_or(n);
        // Filled up to as many rows for all, and cut again.
        let rows = x.detach().f_atleast_1d().map_err(refused)?;
        let mut size = rows.size();
        size[0] = most - n;
        let filled =
            Tensor::f_cat(&[&rows, &rows.f_new_zeros(&size, (x.kind(), x.device())).map_err(refused)?], 0);
        let all = self.all_gather(&filled.map_err(refused)?)?;
        let own = all.iter().zip(counts).map(|(rows, n)| rows.f_narrow(0, 0, n));
        let own = own.collect::<std::result::Result<Vec<_>, _>>().map_err(refused)?;
        Tensor::f_cat(&own, 0).map_err(refused)
    }

    /// Returns when all processes have come here.
    ///
    /// # Errors
    /// [`Error::Group`] if another process has ended, shows no sign of life, or does something else.
    pub fn barrier(&self) -> Result<()> {
        self.check_same("a barrier", &[])
    }

    /// Whether every process has NCCL, by which tensors of GPUs are added where they lie. All processes have to ask at the
    /// same time; the answer is the same for all, and does not change.
    ///
    /// # Errors
    /// As [`ProcessGroup::sum_`].
    pub fn has_nccl(&self) -> Result<bool> {
        const OPERATION: &str = "looking for NCCL";
        if let Some(known) = self.0.nccl.get() {
            return Ok(*known);
        }
        self.check_same(OPERATION, &[])?;
        // SAFETY: the call takes nothing.
        let own = unsafe { interflow_nccl_is_there() };
        let all = self.gathered(OPERATION, &Tensor::from_slice(&[i64::from(own)]))?;
        let all = all.iter().all(|there| there.int64_value(&[0]) == 1);
        Ok(*self.0.nccl.get_or_init(|| all))
    }

    /// Meets the other processes on the GPU where a tensor lies.
    pub(super) fn meet(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        if !self.has_nccl()? {
            return Err(self.failed(operation, "not every process has NCCL (libnccl.so.2)".to_owned()));
        }
        // SAFETY: the group is one that was joined, and the tensor outlives the call.
        self.outcome(operation, unsafe { interflow_group_meet(self.raw(), x.as_ptr().cast()) })
    }

    /// Passes tensors to `exchange` many at a time, end to end in one that is overwritten, and puts back what comes out.
    fn exchange_(
        &self,
        operation: &'static str,
        tensors: &[Tensor],
        through: Through,
        exchange: impl Fn(&Tensor) -> Result<()>,
    ) -> Result<()> {
        self.check_same(operation, tensors)?;
        tch::no_grad(|| {
            for bucket in buckets(tensors, BUCKET) {
                let refused = |error: TchError| self.failed(operation, error.to_string());
                let device = bucket.first().map_or(Device::Cpu, Tensor::device);
                let stays = through == Through::Sums && device.is_cuda() && self.has_nccl()?;
                let flat = end_to_end(bucket, if stays { device } else { Device::Cpu }).map_err(refused)?;
                exchange(&flat)?;
                put_back(bucket, &flat).map_err(refused)?;
            }
            Ok(())
        })
    }

    /// Compares the processes' next operations, and the kinds and the shapes of their tensors: gloo takes it ill if they differ.
    /// One that repeats the last is not compared again, for steps of training to cost one exchange: where another process does
    /// something else then, gloo meets a message of another length, which ends both with a worse message, and NCCL waits for an
    /// hour.
    pub(super) fn check_same(&self, operation: &'static str, tensors: &[Tensor]) -> Result<()> {
        self.check_usable(operation)?;
        let own = fingerprint(operation, tensors);
        if !tensors.is_empty() && self.0.last.swap(own, Ordering::Relaxed) == own {
            return Ok(());
        }
        self.0.last.store(own, Ordering::Relaxed);
        let all = self.gathered(operation, &Tensor::from_slice(&[own]))?;
        match all.iter().position(|other| other.int64_value(&[0]) != own) {
            None => Ok(()),
            Some(rank) => {
                // What was refused is no exchange that could be repeated.
                self.0.last.store(0, Ordering::Relaxed);
                Err(self
                    .failed(operation, format!("process {rank} does something else, or has other tensors")))
            }
        }
    }

    fn gathered(&self, operation: &'static str, x: &Tensor) -> Result<Vec<Tensor>> {
        let results: Vec<Tensor> = (0..self.size()).map(|_| x.empty_like()).collect();
        let to = pointers(&results);
        // SAFETY: the group is one that was joined; the tensor and the results, one for each process, outlive the call.
        let message =
            unsafe { interflow_group_gather(self.raw(), x.as_ptr().cast(), to.as_ptr(), results.len()) };
        self.outcome(operation, message)?;
        Ok(results)
    }
}

fn check_floating(operation: &'static str, tensors: &[Tensor]) -> Result<()> {
    let floating = |x: &Tensor| matches!(x.kind(), Kind::Half | Kind::BFloat16 | Kind::Float | Kind::Double);
    match tensors.iter().position(|x| !floating(x)) {
        None => Ok(()),
        Some(i) => Err(Error::ListMismatch {
            operation,
            problem: format!("tensor {i}: expected floating-point numbers, found: {:?}", tensors[i].kind()),
        }),
    }
}

/// A number that differs where operations, kinds or shapes do, or only some tensors lie on a GPU.
fn fingerprint(operation: &str, tensors: &[Tensor]) -> i64 {
    let mut hasher = DefaultHasher::new();
    operation.hash(&mut hasher);
    for x in tensors {
        (format!("{:?}", x.kind()), x.size(), x.device().is_cuda()).hash(&mut hasher);
    }
    hasher.finish().cast_signed()
}
