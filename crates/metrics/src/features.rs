//! What the distances between images need to know of their features.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

use crate::{Error, Moments, Result, RunningMoments};

const OPERATION: &str = "feature statistics";

/// Moments of features for the Fréchet distance, and some of the features for the kernel distance.
#[derive(Debug)]
pub struct FeatureStatistics {
    /// How many images they are of, where that is known.
    pub n: Option<i64>,
    /// Mean and covariance, which divides by n − 1.
    pub moments: Moments,
    /// The first features, `[K, D]` in single precision, where there are any.
    pub first: Option<Tensor>,
}

/// Takes in features batch by batch, in the memory of their covariance and of those that are kept.
#[derive(Debug)]
pub struct FeatureCollector {
    moments: RunningMoments,
    kept: Vec<Tensor>,
    n_free: i64,
}

impl FeatureCollector {
    /// A collector that keeps the first `n_kept` features.
    pub fn keeping(n_kept: i64) -> Self {
        Self { moments: RunningMoments::default(), kept: Vec::new(), n_free: n_kept }
    }

    /// Takes in features `[B, D]`.
    ///
    /// # Errors
    /// As [`RunningMoments::add`].
    pub fn add(&mut self, features: &Tensor) -> Result<()> {
        self.moments.add(features)?;
        let n = self.n_free.min(features.size()[0]);
        if n > 0 {
            self.kept.push(features.narrow(0, 0, n).to_device(Device::Cpu).to_kind(Kind::Float));
            self.n_free -= n;
        }
        Ok(())
    }

    /// The statistics of all that was taken in.
    ///
    /// # Errors
    /// [`Error::TooFew`] for fewer than two.
    pub fn finish(self) -> Result<FeatureStatistics> {
        let first = (!self.kept.is_empty()).then(|| Tensor::cat(&self.kept, 0));
        Ok(FeatureStatistics { n: Some(self.moments.n()), moments: self.moments.unbiased()?, first })
    }
}

impl FeatureStatistics {
    /// Reads an .npz file with arrays `mu` and `sigma`, as others publish them, or else a file of
    /// [`FeatureStatistics::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Statistics`] with what is wrong with the file.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::Statistics { path: path.to_owned(), problem };
        if path.extension().is_some_and(|ending| ending == "npz") {
            let arrays = Tensor::read_npz(path).map_err(|source| refuse(source.to_string()))?;
            return Self::from_arrays(&arrays).map_err(refuse);
        }
        let bytes = std::fs::read(path).map_err(|source| refuse(source.to_string()))?;
        Self::from_arrays(&arrays(&bytes).map_err(refuse)?).map_err(refuse)
    }

    /// The statistics as a safetensors file.
    ///
    /// # Errors
    /// [`Error::Torch`] if a tensor cannot be read.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let Moments { mean, covariance } = &self.moments;
        let mut named = vec![
            ("mu", Dtype::F64, mean.to_kind(Kind::Double)),
            ("sigma", Dtype::F64, covariance.to_kind(Kind::Double)),
        ];
        if let Some(n) = self.n {
            named.push(("n", Dtype::F64, Tensor::from_slice(&[n as f64])));
        }
        if let Some(first) = &self.first {
            named.push(("first", Dtype::F32, first.to_kind(Kind::Float)));
        }
        let torch = |source| Error::Torch { operation: OPERATION, source };
        let mut raw = Vec::new();
        for (name, dtype, tensor) in named {
            let tensor = tensor.to_device(Device::Cpu).contiguous();
            let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
            tensor.f_copy_data_u8(&mut bytes, tensor.numel()).map_err(torch)?;
            raw.push((
                name,
                dtype,
                tensor.size().iter().map(|side| *side as usize).collect::<Vec<_>>(),
                bytes,
            ));
        }
        raw.iter()
            .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?)))
            .collect::<std::result::Result<Vec<_>, _>>()
            .and_then(|views| safetensors::serialize(views, None))
            .map_err(|source| Error::Encode { operation: OPERATION, source })
    }

    fn from_arrays(arrays: &[(String, Tensor)]) -> std::result::Result<Self, String> {
        let find = |wanted: &str| {
            let found = arrays.iter().find(|(name, _)| name.trim_end_matches(".npy") == wanted);
            found.map(|(_, array)| array.shallow_clone())
        };
        let double = |wanted: &str| match find(wanted) {
            Some(array) => Ok(array.to_kind(Kind::Double)),
            None => Err(format!("there is no array {wanted}")),
        };
        let (mean, covariance) = (double("mu")?, double("sigma")?);
        let dim = mean.numel() as i64;
        if mean.size() != [dim] || covariance.size() != [dim, dim] {
            return Err(format!(
                "mu and sigma have the shapes {:?} and {:?}",
                mean.size(),
                covariance.size()
            ));
        }
        let first = find("first");
        if let Some(first) = first.as_ref().filter(|first| first.dim() != 2 || first.size()[1] != dim) {
            return Err(format!("features of {dim} values have the shape {:?}", first.size()));
        }
        let n = find("n").filter(|n| n.numel() == 1).map(|n| n.view(1).int64_value(&[0]));
        Ok(Self { n, moments: Moments { mean, covariance }, first })
    }
}

/// The arrays of a safetensors file.
fn arrays(bytes: &[u8]) -> std::result::Result<Vec<(String, Tensor)>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let array = |(name, view): (String, TensorView<'_>)| {
        let kind = match view.dtype() {
            Dtype::F64 => Kind::Double,
            Dtype::F32 => Kind::Float,
            dtype => return Err(format!("{name} is of kind {dtype:?}")),
        };
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        let tensor =
            Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|error| error.to_string())?;
        Ok((name, tensor))
    };
    file.tensors().into_iter().map(array).collect()
}
