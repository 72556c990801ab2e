//! Several processes, on one machine or on many, that compute together: libtorch's own engine for it, over gloo, and NCCL.

mod buckets;
mod environment;
mod exchange;
mod meeting_point;
mod pass_mean;
mod place;
mod share;
mod signs_of_life;
mod values;

use std::ffi::{CString, c_char, c_int, c_void};
use std::net::{TcpListener, UdpSocket};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub use self::meeting_point::MeetingPoint;
pub use self::pass_mean::{PartsBefore, PassMean};
pub use self::place::{Keeper, Place};
pub use self::share::Share;
use self::signs_of_life::SignsOfLife;
use self::values::WORD;
use crate::call::outcome;
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_group_join(
        host: *const c_char,
        port: u16,
        listener: c_int,
        serves: bool,
        prefix: *const c_char,
        address: *const c_char,
        rank: c_int,
        size: c_int,
        timeout_ms: i64,
        result: *mut *mut c_void,
    ) -> *mut c_char;
    fn interflow_group_abort(group: *mut c_void) -> *mut c_char;
    fn interflow_group_leave(group: *mut c_void) -> *mut c_char;
}

/// A pointer to something of libtorch's that any thread may use.
#[derive(Debug, Clone, Copy)]
struct Raw(*mut c_void);

// SAFETY: stores and groups lock what they share; nothing of theirs is known thread by thread.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

/// Processes that compute together, as one of them sees them; clones are handles on one group. All processes have to make the
/// same calls in the same order. A call that does not repeat the last one begins by comparing what they are about to do, so that
/// another order is an error and no confusion; a [`PassMean`] compares once, when it is made. After an error the group is of no
/// use any more.
///
/// A call waits for the others as long as they show signs of life, which each process gives once a second on a thread of its
/// own: a process may work for as long as it has to, while one that has ended, or hangs, is an error of the others at once or
/// after [`Place::timeout`]. An hour is the longest wait.
///
/// Tensors may lie on a GPU. Their sums and means are NCCL's where all processes have it ([`ProcessGroup::has_nccl`]); all else
/// is exchanged through the host's memory.
///
/// ```
/// use interflow_libtorch::ProcessGroup;
/// use tch::Tensor;
///
/// # fn main() -> interflow_libtorch::Result<()> {
/// let group = ProcessGroup::alone()?;
/// let x = [Tensor::from_slice(&[1.0, 2.0])];
/// group.mean_(&x)?;
/// assert_eq!(x[0], Tensor::from_slice(&[1.0, 2.0]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ProcessGroup(Arc<Joined>);

/// What the handles on a group share.
#[derive(Debug)]
struct Joined {
    /// Ends before the group does.
    signs: Option<SignsOfLife>,
    group: Raw,
    place: Place,
    /// Whether a call has failed.
    failed: AtomicBool,
    /// What tells the last exchange from others.
    last: AtomicI64,
    /// Whether all processes have NCCL, once that was asked.
    nccl: OnceLock<bool>,
}

impl ProcessGroup {
    /// Joins the others, and waits until all are there.
    ///
    /// # Errors
    /// [`Error::Join`] if they do not come within the timeout, or the place is none: a rank that is not below the size.
    pub fn join(place: Place) -> Result<Self> {
        Self::joined(place, None)
    }

    /// The same for the process 0, with a listener that is bound to its port already: to a port that was free, and to
    /// `127.0.0.1` where all processes are on this machine.
    ///
    /// # Errors
    /// As [`ProcessGroup::join`].
    pub fn host(place: Place, listener: TcpListener) -> Result<Self> {
        Self::joined(place, Some(listener))
    }

    /// A group of this process alone, for what works with a group to be tried without others.
    ///
    /// # Errors
    /// [`Error::Join`] if the system allows no store.
    pub fn alone() -> Result<Self> {
        let host = "127.0.0.1".to_owned();
        let mut place = Place {
            rank: 0,
            size: 1,
            local_rank: 0,
            host,
            port: 0,
            keeper: Keeper::First,
            timeout: Place::TIMEOUT,
        };
        let listener = TcpListener::bind(place.address());
        let listener = listener.map_err(|error| refused(&place, error.to_string()))?;
        place.port = listener.local_addr().map_err(|error| refused(&place, error.to_string()))?.port();
        Self::host(place, listener)
    }

    fn joined(place: Place, listener: Option<TcpListener>) -> Result<Self> {
        let (Ok(rank), Ok(size)) = (c_int::try_from(place.rank), c_int::try_from(place.size)) else {
            return Err(refused(&place, "there are too many processes"));
        };
        if rank >= size {
            return Err(refused(&place, "ranks go from 0 to below the number of processes"));
        }
        let text =
            |text: &str| CString::new(text).map_err(|_| refused(&place, "the host's name has a zero in it"));
        let (host, prefix) = (text(&place.host)?, text(&place.keeper.prefix())?);
        let address = text(&own_address(&place).unwrap_or_default())?;
        let timeout = i64::try_from(place.timeout.as_millis()).unwrap_or(i64::MAX).max(1);
        let mut group = ptr::null_mut();
        let listener = listener.map_or(-1, descriptor);
        // SAFETY: the texts and `group` outlive the call; a listener is an open one, which from here on is libtorch's.
        let message = unsafe {
            interflow_group_join(
                host.as_ptr(),
                place.port,
                listener,
                place.serves(),
                prefix.as_ptr(),
                address.as_ptr(),
                rank,
                size,
                timeout,
                &raw mut group,
            )
        };
        outcome("joining", message).map_err(|error| refused(&place, plain(error)))?;
        let group = Raw(group);
        // From here on dropped like any other.
        let mut joined = Joined {
            signs: None,
            group,
            place,
            failed: AtomicBool::new(false),
            last: AtomicI64::new(0),
            nccl: OnceLock::new(),
        };
        let signs = SignsOfLife::start(group, (rank, size), joined.place.timeout);
        joined.signs = Some(signs.map_err(|error| refused(&joined.place, plain(error)))?);
        Ok(Self(Arc::new(joined)))
    }

    /// The process's number, from 0.
    pub fn rank(&self) -> usize {
        self.place().rank
    }

    /// How many processes there are.
    pub fn size(&self) -> usize {
        self.place().size
    }

    /// The process's place among the others.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    fn raw(&self) -> *mut c_void {
        self.0.group.0
    }

    fn outcome(&self, operation: &'static str, message: *mut c_char) -> Result<()> {
        outcome(operation, message).map_err(|error| self.lost(operation, plain(error)))
    }

    /// Leaves the group without use, since an exchange of it has no end.
    fn give_up(&self) {
        self.0.failed.store(true, Ordering::Relaxed);
        // SAFETY: the group is one that was joined.
        let message = unsafe { interflow_group_abort(self.raw()) };
        // What has failed before is what there is to be said.
        let _ = outcome("giving up", message);
    }

    /// Refuses a group of which an exchange has failed.
    fn check_usable(&self, operation: &'static str) -> Result<()> {
        if self.0.failed.load(Ordering::Relaxed) {
            return Err(self.failed(operation, "an exchange before has failed".to_owned()));
        }
        Ok(())
    }

    /// The error of an exchange that the others did not take part in.
    fn lost(&self, operation: &'static str, message: String) -> Error {
        self.give_up();
        self.failed(operation, self.cause().unwrap_or(message))
    }

    /// Why the others cannot be reached any more, as far as it can be found out.
    fn cause(&self) -> Option<String> {
        let start = Instant::now();
        loop {
            let silent = self.0.signs.as_ref()?.silent();
            if let Some(word) = silent.as_ref().and_then(|_| self.last_word()) {
                return Some(word);
            }
            match silent {
                None => return Some(self.0.place.keeper.gone().to_owned()),
                Some(silent) if !silent.is_empty() => return Some(no_sign_of(&silent)),
                Some(_) if start.elapsed() > SignsOfLife::patience() => return None,
                Some(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn failed(&self, operation: &'static str, message: String) -> Error {
        Error::Group { rank: self.rank(), size: self.size(), operation, message }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        let signs = self.signs.take();
        if self.failed.load(Ordering::Relaxed) {
            // An exchange may still be under way, whose end nobody is going to wait for: what it uses stays.
            if let Some(signs) = signs {
                signs.abandon();
            }
            return;
        }
        drop(signs);
        // SAFETY: the group is one that was joined, and is left once.
        let message = unsafe { interflow_group_leave(self.group.0) };
        // Nothing is left to be done about a failure.
        let _ = outcome("leaving", message);
    }
}

/// The error of a process that does not come to the others.
fn refused(place: &Place, message: impl Into<String>) -> Error {
    Error::Join {
        rank: place.rank,
        size: place.size,
        address: place.address(),
        secs: place.timeout.as_secs_f64(),
        message: message.into(),
    }
}

/// What is said of silent processes.
fn no_sign_of(silent: &[usize]) -> String {
    match silent {
        [one] => format!("process {one} shows no sign of life"),
        many => {
            let list: Vec<String> = many.iter().map(ToString::to_string).collect();
            format!("processes {} show no sign of life", list.join(", "))
        }
    }
}

/// The address of this machine from which it reaches the host where processes meet, for the others to talk to; none if there
/// is no way to that host.
fn own_address(place: &Place) -> Option<String> {
    // Nothing is sent: a datagram socket only looks up the way.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect((place.host.as_str(), place.port)).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

/// The listener as libtorch takes it over.
#[cfg(unix)]
fn descriptor(listener: TcpListener) -> c_int {
    use std::os::fd::IntoRawFd;
    listener.into_raw_fd()
}

/// Elsewhere libtorch opens a listener of its own at the port that was free.
#[cfg(not(unix))]
fn descriptor(listener: TcpListener) -> c_int {
    drop(listener);
    -1
}

/// libtorch's own message, without the place in its source where gloo's begin.
fn plain(error: Error) -> String {
    let message = match error {
        Error::Torch { message, .. } => message,
        other => other.to_string(),
    };
    match message.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((_, rest)) => rest.to_owned(),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_that_is_none_is_refused() {
        let place = Place {
            rank: 2,
            size: 2,
            local_rank: 2,
            host: "127.0.0.1".to_owned(),
            port: 1,
            keeper: Keeper::First,
            timeout: Duration::from_secs(1),
        };
        let error = ProcessGroup::join(place).unwrap_err();
        assert!(error.to_string().contains("process 2 of 2 cannot join"), "{error}");
    }

    #[test]
    fn silent_processes_are_named() {
        assert_eq!(no_sign_of(&[3]), "process 3 shows no sign of life");
        assert_eq!(no_sign_of(&[0, 2]), "processes 0, 2 show no sign of life");
    }

    #[test]
    fn a_message_is_without_its_place() {
        let of = |message: &str| plain(Error::Torch { operation: "x", message: message.to_owned() });
        assert_eq!(of("[a/pair.cc:12] Connection closed [::1]:5"), "Connection closed [::1]:5");
        assert_eq!(of("Connection refused"), "Connection refused");
    }
}
