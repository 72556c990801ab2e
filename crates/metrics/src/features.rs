//! Statistics of the features of images, from which distances between sets of images follow.

use std::path::Path;

use interflow_libtorch::ProcessGroup;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

use crate::{Error, Moments, Result, RunningMoments};

const OPERATION: &str = "feature statistics";

/// The moments of features for the Fréchet distance, and the first of the features themselves for the kernel
/// distance.
#[derive(Debug)]
pub struct FeatureStatistics {
    /// The number of images, if it is known.
    pub n: Option<i64>,
    /// Mean and covariance of the features; the covariance divides by n − 1.
    pub moments: Moments,
    /// The first K features, `[K, D]` in single precision, if any were kept.
    pub first: Option<Tensor>,
}

/// Collects the statistics of features batch by batch. It needs memory for one covariance and for the features that
/// it keeps.
#[derive(Debug)]
pub struct FeatureCollector {
    moments: RunningMoments,
    kept: Vec<Tensor>,
    n_free: i64,
}

impl FeatureCollector {
    /// A collector that keeps the first `n_kept` features beside their moments.
    pub fn keeping(n_kept: i64) -> Self {
        Self { moments: RunningMoments::default(), kept: Vec::new(), n_free: n_kept }
    }

    /// Adds features `[B, D]`.
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

    /// The collector of the features of all processes, each of dimension `dim`.
    ///
    /// # Errors
    /// [`Error::Kernel`] if another process has ended.
    pub fn pooled(self, dim: i64, group: &ProcessGroup) -> Result<Self> {
        let own = match self.kept.len() {
            0 => Tensor::zeros([0, dim], (Kind::Float, Device::Cpu)),
            _ => Tensor::cat(&self.kept, 0),
        };
        let kept = vec![group.gather_rows(&own)?];
        Ok(Self { moments: self.moments.pooled(dim, group)?, kept, n_free: 0 })
    }

    /// The statistics of all features that were added.
    ///
    /// # Errors
    /// [`Error::TooFew`] for fewer than two features.
    pub fn finish(self) -> Result<FeatureStatistics> {
        let first = (!self.kept.is_empty()).then(|| Tensor::cat(&self.kept, 0));
        Ok(FeatureStatistics { n: Some(self.moments.n()), moments: self.moments.unbiased()?, first })
    }
}

impl FeatureStatistics {
    /// Reads a file with the bytes of [`FeatureStatistics::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Statistics`] naming what is wrong with the file.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::Statistics { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|source| refuse(source.to_string()))?;
        Self::from_arrays(&tensors(&bytes).map_err(refuse)?).map_err(refuse)
    }

    /// The statistics that others published: the mean `[D]` and the covariance `[D, D]` of features, from the file
    /// `path`, which errors name.
    ///
    /// # Errors
    /// [`Error::Statistics`] unless the shapes agree, all numbers are finite and the covariance is symmetric.
    pub fn published(path: &Path, mean: &Tensor, covariance: &Tensor) -> Result<Self> {
        let moments = moments(mean, covariance);
        let moments = moments.map_err(|problem| Error::Statistics { path: path.to_owned(), problem })?;
        Ok(Self { n: None, moments, first: None })
    }

    /// The statistics as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Torch`] if a tensor cannot be read, [`Error::Encode`] if the file cannot be written.
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
        let find = |wanted: &str| arrays.iter().find(|(name, _)| name == wanted).map(|(_, array)| array);
        let needed = |wanted: &str| find(wanted).ok_or_else(|| format!("there is no array {wanted}"));
        let moments = moments(needed("mu")?, needed("sigma")?)?;
        let dim = moments.mean.numel() as i64;
        let first = find("first").map(|first| first.to_kind(Kind::Float));
        if let Some(first) = &first {
            if first.dim() != 2 || first.size()[1] != dim {
                return Err(format!("features of {dim} values have the shape {:?}", first.size()));
            }
            check_finite("first", first)?;
        }
        let n = find("n").map(count).transpose()?;
        Ok(Self { n, moments, first })
    }
}

/// How far a covariance may be from symmetric, relative to its largest entry: files hold rounded numbers.
const ROUNDING: f64 = 1e-6;

/// Moments in double precision of a mean and a covariance that can be one.
fn moments(mean: &Tensor, covariance: &Tensor) -> std::result::Result<Moments, String> {
    let dim = mean.numel() as i64;
    if dim == 0 || mean.size() != [dim] || covariance.size() != [dim, dim] {
        return Err(format!("mu and sigma have the shapes {:?} and {:?}", mean.size(), covariance.size()));
    }
    let [mean, covariance] =
        [mean, covariance].map(|array| array.to_device(Device::Cpu).to_kind(Kind::Double));
    check_finite("mu", &mean)?;
    check_finite("sigma", &covariance)?;
    let largest = |x: &Tensor| x.abs().max().double_value(&[]);
    let asymmetry = largest(&(&covariance - covariance.tr()));
    if asymmetry > ROUNDING * largest(&covariance) {
        return Err(format!("sigma is not symmetric, largest difference: {asymmetry}"));
    }
    let least = covariance.diagonal(0, 0, 1).min().double_value(&[]);
    if least < 0.0 {
        return Err(format!("sigma has a negative variance, found: {least}"));
    }
    Ok(Moments { mean, covariance })
}

fn check_finite(name: &str, array: &Tensor) -> std::result::Result<(), String> {
    let all = array.isfinite().all().int64_value(&[]) == 1;
    if all { Ok(()) } else { Err(format!("a value of {name} is not finite")) }
}

/// The number of images, a whole number that was saved as a floating-point one.
fn count(n: &Tensor) -> std::result::Result<i64, String> {
    /// Below it, all whole numbers are numbers in double precision.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = if n.numel() == 1 { n.view(1).double_value(&[0]) } else { f64::NAN };
    let whole = value.fract() == 0.0 && (1.0..EXACT).contains(&value);
    if whole { Ok(value as i64) } else { Err(format!("expected a number of images n, found: {value}")) }
}

/// The tensors of a safetensors file.
pub(crate) fn tensors(bytes: &[u8]) -> std::result::Result<Vec<(String, Tensor)>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let kind = match view.dtype() {
            Dtype::F64 => Kind::Double,
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            // Counters of training steps lie beside weights.
            Dtype::I64 => Kind::Int64,
            dtype => return Err(format!("expected floating-point numbers in {name}, found: {dtype:?}")),
        };
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        let tensor =
            Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|error| error.to_string())?;
        Ok((name, tensor))
    };
    file.tensors().into_iter().map(tensor).collect()
}
