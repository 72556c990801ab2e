//! A store where the processes of one machine meet, served by who starts them.

use std::ffi::{CString, c_char, c_void};

use super::place::Keeper;
use super::{Raw, WORD};
use crate::call::outcome;
use crate::error::{Error, Result};

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
    /// [`Error::Torch`] if the system allows none.
    pub fn open() -> Result<Self> {
        const OPERATION: &str = "serving a store";
        let refused =
            |error: std::ffi::NulError| Error::Torch { operation: OPERATION, message: error.to_string() };
        let host = CString::new(Self::HOST).map_err(refused)?;
        let (mut port, mut store) = (0, std::ptr::null_mut());
        // SAFETY: host, port and store outlive the call.
        let message = unsafe { interflow_store_serve(host.as_ptr(), &raw mut port, &raw mut store) };
        outcome(OPERATION, message)?;
        Ok(Self { store: Raw(store), port })
    }

    /// Tells the processes why one of them has ended, for their errors to say so.
    ///
    /// # Errors
    /// [`Error::Torch`] if the store does not answer.
    pub fn leave_word(&self, word: &str) -> Result<()> {
        let refused = |error: std::ffi::NulError| Error::Torch {
            operation: "leaving a word",
            message: error.to_string(),
        };
        let prefix = CString::new((Keeper::Launcher { attempt: 0 }).prefix()).map_err(refused)?;
        let key = CString::new(WORD).map_err(refused)?;
        // SAFETY: the store is open; texts and value outlive the call.
        let message = unsafe {
            interflow_store_set(self.store.0, prefix.as_ptr(), key.as_ptr(), word.as_ptr(), word.len())
        };
        outcome("leaving a word", message)
    }

    /// Its port.
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
