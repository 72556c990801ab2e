//! What reads inputs.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use interflow_core::rng::Stream;

use crate::mutation;

/// Something that reads inputs from elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// Its name.
    pub name: &'static str,
    /// Inputs that it reads, of which damaged ones are made.
    pub whole: fn() -> Result<Vec<Vec<u8>>>,
    /// Reads an input, in a folder of its own where that takes a file.
    pub read: fn(&[u8], &Path) -> Result<()>,
}

impl Reader {
    /// Its inputs under `seed`.
    ///
    /// # Errors
    /// If its whole inputs cannot be made.
    pub fn inputs(self, seed: u64) -> Result<Inputs> {
        let whole = (self.whole)().with_context(|| format!("cannot make inputs of {}", self.name))?;
        if whole.is_empty() {
            bail!("{} has no inputs", self.name);
        }
        let stream = Stream::named(seed, &format!("damaged inputs of {}", self.name));
        Ok(Inputs { whole, stream })
    }
}

/// The inputs of a reader under a seed.
#[derive(Debug)]
pub struct Inputs {
    whole: Vec<Vec<u8>>,
    stream: Stream,
}

impl Inputs {
    /// Input number `index`: the first are whole, all others damaged.
    pub fn get(&self, index: u64) -> Vec<u8> {
        match usize::try_from(index).ok().and_then(|index| self.whole.get(index)) {
            Some(whole) => whole.clone(),
            None => mutation::damaged(&self.whole, &mut self.stream.at(index)),
        }
    }

    /// How many inputs are whole.
    pub fn n_whole(&self) -> u64 {
        self.whole.len() as u64
    }
}
