//! What processes tell each other by name.

use std::ffi::{CString, c_char, c_void};

use tch::Tensor;

use super::{ProcessGroup, plain};
use crate::call::{made, outcome};
use crate::error::Result;

unsafe extern "C" {
    fn interflow_group_set(
        group: *mut c_void,
        lasting: bool,
        key: *const c_char,
        value: *const u8,
        n: usize,
    ) -> *mut c_char;
    fn interflow_group_has(
        group: *mut c_void,
        lasting: bool,
        key: *const c_char,
        result: *mut bool,
    ) -> *mut c_char;
    fn interflow_group_get(
        group: *mut c_void,
        lasting: bool,
        key: *const c_char,
        result: *mut *mut c_void,
    ) -> *mut c_char;
}

/// The name under which a process that has to end says why.
pub(super) const WORD: &str = "the last word";

impl ProcessGroup {
    /// Leaves bytes under a name for [`ProcessGroup::get`] in whatever process.
    ///
    /// # Errors
    /// [`crate::Error::Group`] if the store does not answer: who keeps it has ended.
    pub fn set(&self, name: &str, value: &[u8]) -> Result<()> {
        self.set_in(false, name, value)
    }

    /// The bytes that some process leaves under a name, for which this one waits.
    ///
    /// # Errors
    /// [`crate::Error::Group`] if nothing is there within the timeout, or the store does not answer.
    pub fn get(&self, name: &str) -> Result<Vec<u8>> {
        const OPERATION: &str = "waiting for a value";
        let name = self.name(OPERATION, name)?;
        let bytes = self.read(false, &name).map_err(|error| self.lost(OPERATION, plain(error)))?;
        Vec::<u8>::try_from(bytes).map_err(|error| self.failed(OPERATION, error.to_string()))
    }

    /// Leaves bytes under a name for the processes that a launcher starts again after these ([`crate::Keeper::Launcher`]).
    ///
    /// # Errors
    /// As [`ProcessGroup::set`].
    pub fn set_lasting(&self, name: &str, value: &[u8]) -> Result<()> {
        self.set_in(true, name, value)
    }

    /// The bytes that some process has left under a name, in this attempt or an earlier one, if it has.
    pub fn lasting(&self, name: &str) -> Option<Vec<u8>> {
        self.found(true, name)
    }

    /// Tells the others why this process is about to end, for their errors to say so. It never fails: where the others cannot
    /// be told, they see that this process is gone.
    pub fn leave_word(&self, reason: &str) {
        let word = format!("process {} has ended: {reason}", self.rank());
        if self.last_word().is_none() {
            // The others find out without it, too.
            let _ = self.set(WORD, word.as_bytes());
        }
    }

    /// What the first process that had to end has told the others.
    pub(super) fn last_word(&self) -> Option<String> {
        String::from_utf8(self.found(false, WORD)?).ok()
    }

    fn set_in(&self, lasting: bool, name: &str, value: &[u8]) -> Result<()> {
        const OPERATION: &str = "leaving a value";
        let name = self.name(OPERATION, name)?;
        // SAFETY: the group is one that was joined; name and value outlive the call.
        let message =
            unsafe { interflow_group_set(self.raw(), lasting, name.as_ptr(), value.as_ptr(), value.len()) };
        self.outcome(OPERATION, message)
    }

    /// What is there by now.
    fn found(&self, lasting: bool, name: &str) -> Option<Vec<u8>> {
        let (name, mut found) = (CString::new(name).ok()?, false);
        // SAFETY: the group is one that was joined; name and answer outlive the call.
        let message = unsafe { interflow_group_has(self.raw(), lasting, name.as_ptr(), &raw mut found) };
        outcome("looking for a value", message).ok()?;
        let bytes = found.then(|| self.read(lasting, &name))?.ok()?;
        Vec::<u8>::try_from(bytes).ok()
    }

    fn read(&self, lasting: bool, name: &CString) -> Result<Tensor> {
        made("reading a value", |result| {
            // SAFETY: the group is one that was joined; name and result outlive the call.
            unsafe { interflow_group_get(self.raw(), lasting, name.as_ptr(), result) }
        })
    }

    fn name(&self, operation: &'static str, name: &str) -> Result<CString> {
        CString::new(name).map_err(|_| self.failed(operation, format!("a name with a zero in it: {name:?}")))
    }
}
