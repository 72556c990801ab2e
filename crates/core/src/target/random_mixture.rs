//! A Gaussian mixture of any dimension: a stand-in for tabular data whose log-density is known.

use tch::{Device, Kind, Tensor};

use crate::density::GaussianMixture;
use crate::error::{Error, Result};
use crate::memory;
use crate::rng::{Purpose, Stream};

/// A mixture of `n_components` correlated Gaussians in `dim` dimensions, the same one at every call. Means have
/// variance 1 per coordinate; a covariance has eigenvalues between 0.05 and about 1.
///
/// # Errors
/// [`Error::OutOfRange`] unless both numbers are positive.
pub fn random_mixture(dim: i64, n_components: i64) -> Result<GaussianMixture> {
    for (name, value) in [("dim", dim), ("n_components", n_components)] {
        if value < 1 {
            return Err(Error::OutOfRange { name, requirement: "positive", value: value as f64 });
        }
    }
    let (n, d) = (n_components as f64, dim as f64);
    memory::check(format!("a mixture of {n_components} components in dimension {dim}"), 8.0 * n * d * d)?;
    let mut draw = Stream::new(0, Purpose::Target).at(0);
    let means = draw.normal(&[n_components, dim], Kind::Double);
    let factors = draw.normal(&[n_components, dim, dim], Kind::Double) * (0.5 / (dim as f64).sqrt());
    let narrow = Tensor::eye(dim, (Kind::Double, Device::Cpu)) * 0.05;
    let covariances = factors.matmul(&factors.transpose(1, 2)) + narrow;
    GaussianMixture::new(&vec![1.0; n_components as usize], &means, &covariances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::Sampler as _;

    #[test]
    fn it_has_its_size_and_is_always_the_same() {
        let (a, b) = (random_mixture(5, 3).unwrap(), random_mixture(5, 3).unwrap());
        assert_eq!((a.dim(), a.means().size()), (5, vec![3, 5]));
        assert!(a.covariances().equal(&b.covariances()));
        assert!(random_mixture(0, 3).is_err() && random_mixture(5, 0).is_err());
    }
}
