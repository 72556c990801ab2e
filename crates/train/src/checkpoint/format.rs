//! Bytes of a checkpoint file: safetensors with a digest of everything in it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// What an unusable file calls for.
pub(super) const FALL_BACK: &str = "use the previous checkpoint in the same folder, or copy the file again";

const DIGEST: &str = "sha256";
const FORMAT: &str = "interflow_format";

/// The format that a file was written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// With one text, the run's config.
    One,
    /// With texts by name.
    #[default]
    Two,
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

/// Named texts and tensors.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) version: Version,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: BTreeMap<String, Tensor>,
}

/// A tensor's dtype, shape and bytes.
type Raw = (Dtype, Vec<usize>, Vec<u8>);

impl Contents {
    /// Adds tensors under names that begin with `prefix`.
    pub(super) fn put(&mut self, prefix: &str, tensors: Vec<(String, Tensor)>) {
        self.tensors.extend(tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
    }

    /// The tensors whose names begin with `prefix`, under the rest of their names.
    pub(super) fn with_prefix(&self, prefix: &str) -> Vec<(String, Tensor)> {
        let strip = |(name, tensor): (&String, &Tensor)| {
            name.strip_prefix(prefix).map(|rest| (rest.to_owned(), tensor.shallow_clone()))
        };
        self.tensors.iter().filter_map(strip).collect()
    }

    /// The file's bytes. Tensors go one by one, so that what is theirs alone is never held twice.
    pub(super) fn into_bytes(self, path: &Path) -> Result<Vec<u8>> {
        let mut raw: BTreeMap<String, Raw> = BTreeMap::new();
        for (name, tensor) in self.tensors {
            let read = read_tensor(path, &tensor)?;
            raw.insert(name, read);
        }
        let mut metadata = self.metadata;
        metadata.insert(FORMAT.to_owned(), self.version.name().to_owned());
        let mut views = Vec::with_capacity(raw.len());
        for (name, (dtype, shape, bytes)) in &raw {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            views.push((name.as_str(), view.map_err(|error| problem(path, error.to_string()))?));
        }
        let sum = digest(&metadata, views.iter().map(|(name, view)| (*name, view)));
        metadata.insert(DIGEST.to_owned(), sum);
        let metadata: HashMap<String, String> = metadata.into_iter().collect();
        safetensors::serialize(views, Some(metadata)).map_err(|error| problem(path, error.to_string()))
    }

    pub(super) fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self> {
        let unreadable = |error| problem(path, format!("truncated or not a safetensors file: {error}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let mut metadata: BTreeMap<String, String> =
            header.metadata().clone().unwrap_or_default().into_iter().collect();
        let Some(expected) = metadata.remove(DIGEST) else {
            return Err(problem(
                path,
                "no SHA-256 in the metadata: not a checkpoint of this program".to_owned(),
            ));
        };
        let views: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        let found = digest(&metadata, views.iter().map(|(name, view)| (name.as_str(), view)));
        if found != expected {
            return Err(problem(
                path,
                "the contents do not match their SHA-256: the file is damaged".to_owned(),
            ));
        }
        let version = version(path, metadata.remove(FORMAT).as_deref())?;
        let mut tensors = BTreeMap::new();
        for (name, view) in views {
            let tensor = make_tensor(path, &view)?;
            tensors.insert(name, tensor);
        }
        Ok(Self { version, metadata, tensors })
    }
}

/// The version of this name.
fn version(path: &Path, name: Option<&str>) -> Result<Version> {
    let known = [Version::One, Version::Two];
    known.into_iter().find(|version| name == Some(version.name())).ok_or_else(|| {
        let problem = format!("expected format version 1 or 2, found: {name:?}");
        let hint = "use the version of interflow that wrote the file";
        Error::Checkpoint { path: path.to_owned(), problem, hint }
    })
}

/// SHA-256 in hexadecimal over lengths and bytes of everything, in the order of names.
fn digest<'a>(
    metadata: &BTreeMap<String, String>,
    views: impl Iterator<Item = (&'a str, &'a TensorView<'a>)>,
) -> String {
    let mut hasher = Sha256::new();
    let mut feed = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for (name, value) in metadata {
        feed(name.as_bytes());
        feed(value.as_bytes());
    }
    for (name, view) in views {
        feed(name.as_bytes());
        feed(format!("{:?} {:?}", view.dtype(), view.shape()).as_bytes());
        feed(view.data());
    }
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read_tensor(path: &Path, tensor: &Tensor) -> Result<Raw> {
    let dtype = match tensor.kind() {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        kind => return Err(problem(path, format!("cannot hold tensors of kind {kind:?}"))),
    };
    let torch = |source| Error::Torch { operation: "reading a tensor", source };
    let tensor = tensor.f_to_device(Device::Cpu).and_then(|tensor| tensor.f_contiguous()).map_err(torch)?;
    let numel = tensor.numel();
    let mut bytes = vec![0; numel * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, numel).map_err(torch)?;
    Ok((dtype, tensor.size().iter().map(|&n| n as usize).collect(), bytes))
}

fn make_tensor(path: &Path, view: &TensorView<'_>) -> Result<Tensor> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        dtype => return Err(problem(path, format!("unexpected tensor type {dtype:?}"))),
    };
    let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
    Tensor::f_from_data_size(view.data(), &shape, kind)
        .map_err(|source| Error::Torch { operation: "making a tensor", source })
}

fn problem(path: &Path, problem: String) -> Error {
    Error::Checkpoint { path: path.to_owned(), problem, hint: FALL_BACK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_versions_are_refused() {
        let message = version(Path::new("state"), Some("3")).unwrap_err().to_string();
        assert!(message.contains("found: Some(\"3\")") && message.contains("hint: "), "{message}");
        assert_eq!(version(Path::new("state"), Some("1")).unwrap(), Version::One);
    }
}
