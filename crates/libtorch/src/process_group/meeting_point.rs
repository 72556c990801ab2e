//! A store where the processes of one machine meet, served by who starts them.

use std::ffi::{c_char, c_void};

use super::place::Keeper;
use super::{Raw, WORD};
use crate::call::{outcome, text};
use crate::error::Result;

unsafe extern "C" {
    fn interflow_store_serve(host: *const c_char, port: *mut u16, result: *mut *mut c_void) -> *mut c_char;
    fn interflow_store_set(
        store: *mut c_void,
        prefix: *const c_char,
        key: *const c_char,
        value: *const u8,
        n: usize,
    ) -> *mut c_char;
    fn interflow_store_close(store: *mut c_void);
}

/// A store where the processes of one machine meet, served as long as this lives by who starts them
/// ([`crate::Keeper::Launcher`]): its port is free for certain, and it outlives whichever process ends first.
///
/// ```
/// use interflow_libtorch::{Keeper, MeetingPoint, Place, ProcessGroup};
///
/// # fn main() -> interflow_libtorch::Result<()> {
/// let point = MeetingPoint::open()?;
/// let place = Place {
///     rank: 0,
///     size: 1,
///     local_rank: 0,
///     host: MeetingPoint::HOST.to_owned(),
///     port: point.port(),
///     keeper: Keeper::Launcher { attempt: 0 },
///     timeout: Place::TIMEOUT,
/// };
/// ProcessGroup::join(place)?.barrier()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MeetingPoint {
    store: Raw,
    port: u16,
}

impl MeetingPoint {
    /// The host at which it is: this machine, to itself.
    pub const HOST: &'static str = "127.0.0.1";

    /// Serves a store at a port that is free.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the system allows none.
    pub fn open() -> Result<Self> {
        const OPERATION: &str = "serving a store";
        let host = text(OPERATION, Self::HOST)?;
        let (mut port, mut store) = (0, std::ptr::null_mut());
        // SAFETY: host, port and store outlive the call.
        let message = unsafe { interflow_store_serve(host.as_ptr(), &raw mut port, &raw mut store) };
        outcome(OPERATION, message)?;
        Ok(Self { store: Raw(store), port })
    }

    /// Tells the processes why one of them has ended, for their errors to say so.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the store does not answer.
    pub fn leave_word(&self, word: &str) -> Result<()> {
        const OPERATION: &str = "leaving a word";
        let prefix = text(OPERATION, &Keeper::Launcher { attempt: 0 }.prefix())?;
        let key = text(OPERATION, WORD)?;
        // SAFETY: the store is open; texts and value outlive the call.
        let message = unsafe {
            interflow_store_set(self.store.0, prefix.as_ptr(), key.as_ptr(), word.as_ptr(), word.len())
        };
        outcome(OPERATION, message)
    }

    /// The port of this machine at which the processes meet.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for MeetingPoint {
    fn drop(&mut self) {
        // SAFETY: the store was opened, and is closed once.
        unsafe { interflow_store_close(self.store.0) };
    }
}
