//! A Gaussian in terms of its axes, along each of which it has its own mean and variance.
//!
//! The axes are the columns of a rotation Q. They are the eigenvectors of a covariance, `[D, D]`, or, for images that
//! are too large for that or too few to estimate it, the products of a cosine along the rows, one along the columns
//! and a colour. The eigenvectors of images come close to cosines, because neighbouring pixels are alike wherever
//! they are \[ANR74\].

use std::f64::consts::PI;

use interflow_core::{Parameters, shape};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The kind of axes of a Gaussian that is fitted to training data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AxesKind {
    /// The eigenvectors of the covariance.
    #[default]
    Principal,
    /// Cosines along the rows and the columns of images, and a rotation of their colours.
    Cosine,
}

/// The least variance along an axis, as a share of the largest: degenerate data keep the velocity finite. Below that of
/// the noise by which images are dequantised, which is 3e-9 of the largest of the flowers at 128×128.
const LEAST_VARIANCE: f64 = 1e-10;

const OPTIONS: (Kind, Device) = (Kind::Double, Device::Cpu);

/// A Gaussian in terms of its axes.
#[derive(Debug)]
pub struct PrincipalAxes {
    /// The mean m, `[D]`.
    mean: Tensor,
    /// Axes by columns: one matrix `[D, D]`, or square matrices of which the rotation is the Kronecker product.
    directions: Vec<Tensor>,
    /// The variance along each, `[D]`.
    variances: Tensor,
}

impl PrincipalAxes {
    /// The Gaussian N(`mean`, `covariance`), with `mean` `[D]` and `covariance` `[D, D]`, in double precision.
    ///
    /// # Errors
    /// [`interflow_core::Error::Shape`] if the shapes do not fit together; [`Error::Torch`] if libtorch finds no
    /// axes, as for a covariance with a NaN.
    pub fn of(mean: &Tensor, covariance: &Tensor) -> Result<Self> {
        let dim = mean.numel() as i64;
        shape::check_same("principal axes", &mean.unsqueeze(1).expand([dim, dim], false), covariance)?;
        let (variances, directions) = eigenvectors(covariance)?;
        Ok(Self::new(mean, vec![directions], &variances))
    }

    fn new(mean: &Tensor, directions: Vec<Tensor>, variances: &Tensor) -> Self {
        let least = variances.max().double_value(&[]) * LEAST_VARIANCE;
        Self { mean: mean.to_kind(Kind::Double), directions, variances: variances.clamp_min(least) }
    }

    /// The Gaussian N(0, I), whose numbers a checkpoint will overwrite.
    pub fn standard(dim: i64) -> Self {
        Self::standard_product(&[dim])
    }

    /// The Gaussian N(0, I) along cosines, for images of this shape `[C, H, W]`, whose numbers a checkpoint will
    /// overwrite.
    pub fn standard_cosine(shape: [i64; 3]) -> Self {
        Self::standard_product(&shape)
    }

    fn standard_product(sides: &[i64]) -> Self {
        let dim = sides.iter().product::<i64>();
        Self {
            mean: Tensor::zeros([dim], OPTIONS),
            directions: sides.iter().map(|&side| Tensor::eye(side, OPTIONS)).collect(),
            variances: Tensor::ones([dim], OPTIONS),
        }
    }

    /// The dimension D.
    pub fn dim(&self) -> i64 {
        self.mean.numel() as i64
    }

    /// m, `[D]`.
    pub(crate) fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// λ, `[D]`.
    pub(crate) fn variances(&self) -> &Tensor {
        &self.variances
    }

    /// `y Q` for rows `y`, `[B, D]`: what they are along the axes.
    pub(crate) fn along(&self, y: &Tensor) -> Tensor {
        self.turned(y, Tensor::shallow_clone)
    }

    /// `y Qᵀ` for rows `y`, `[B, D]`, along the axes.
    pub(crate) fn back(&self, y: &Tensor) -> Tensor {
        self.turned(y, Tensor::tr)
    }

    /// The rows with `matrix` of each direction multiplied from the right along the direction's own place.
    fn turned(&self, y: &Tensor, matrix: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let (mut turned, mut rest) = (y.shallow_clone(), self.dim());
        for direction in &self.directions {
            let side = direction.size()[0];
            rest /= side;
            let matrix = matrix(direction);
            turned = if rest == 1 {
                turned.reshape([-1, side]).matmul(&matrix)
            } else {
                matrix.tr().matmul(&turned.reshape([-1, side, rest]))
            };
        }
        turned.reshape(y.size())
    }

    /// `log ρ(x)` in nats, `[B]`, at points `x`, `[B, D]`, in double precision.
    ///
    /// # Errors
    /// [`crate::Error::Core`] for points of another dimension.
    pub fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        shape::check_points("the log-density of a Gaussian", x, self.dim())?;
        let y = self.along(&(x.to_kind(Kind::Double) - &self.mean));
        let terms = y.square() / &self.variances + (&self.variances * (2.0 * PI)).log();
        Ok(terms.sum_dim_intlist(1i64, false, Kind::Double) * -0.5)
    }

    /// Copies for a network's weights of the given kind on the given device.
    pub(crate) fn fix_in(&self, parameters: &mut Parameters, (kind, device): (Kind, Device)) -> Self {
        let mut fix = |name: &str, x: &Tensor| parameters.fix(name, &x.to_device(device).to_kind(kind));
        let mean = fix("gaussian.mean", &self.mean);
        let directions = self.directions.iter().enumerate();
        let directions =
            directions.map(|(place, x)| fix(&format!("gaussian.directions.{place}"), x)).collect();
        Self { mean, directions, variances: fix("gaussian.variances", &self.variances) }
    }
}

/// Accumulates the Gaussian along cosines of images that come batch by batch, in double precision.
#[derive(Debug)]
pub struct CosineAxes {
    shape: [i64; 3],
    /// Cosines along the rows and along the columns.
    cosines: PrincipalAxes,
    n: i64,
    /// `Σ y`, `[H·W, C]`, y being an image along the cosines.
    sum: Tensor,
    /// `Σ y yᵀ` over colours, `[H·W, C, C]`.
    products: Tensor,
}

impl CosineAxes {
    /// An accumulator for images of this shape `[C, H, W]`.
    pub fn new(shape: [i64; 3]) -> Self {
        let [channels, height, width] = shape;
        let directions = vec![Tensor::eye(channels, OPTIONS), cosines(height), cosines(width)];
        let n_places = height * width;
        Self {
            shape,
            cosines: PrincipalAxes { directions, ..PrincipalAxes::standard_cosine(shape) },
            n: 0,
            sum: Tensor::zeros([n_places, channels], OPTIONS),
            products: Tensor::zeros([n_places, channels, channels], OPTIONS),
        }
    }

    /// Adds images `x`, `[B, C·H·W]`.
    ///
    /// # Errors
    /// [`interflow_core::Error::Shape`] if they have another size.
    pub fn add(&mut self, x: &Tensor) -> Result<()> {
        shape::check_points("axes along cosines", x, self.cosines.dim())?;
        let [channels, height, width] = self.shape;
        let y = self.cosines.along(&x.detach().to_device(Device::Cpu).to_kind(Kind::Double));
        // [H·W, B, C]
        let y = y.view([-1, channels, height * width]).permute([2, 0, 1]);
        self.sum += y.sum_dim_intlist(1i64, false, Kind::Double);
        self.products += y.transpose(1, 2).matmul(&y);
        self.n += y.size()[1];
        Ok(())
    }

    /// The Gaussian with a mean and a variance along each axis. Its colours are those that correlate least: the
    /// eigenvectors of the sum of the covariances at all cosines, each divided by its trace.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for fewer than two images; [`Error::Torch`] if a number is not finite.
    pub fn axes(&self) -> Result<PrincipalAxes> {
        if self.n < 2 {
            let (name, requirement) = ("the number of training images", "2 or more");
            return Err(Error::OutOfRange { name, requirement, value: self.n as f64 });
        }
        let n = self.n as f64;
        let mean = &self.sum / n;
        let covariances = &self.products / n - mean.unsqueeze(2) * mean.unsqueeze(1);
        let diagonal = |of: &Tensor| of.diagonal(0, 1, 2);
        let traces = diagonal(&covariances).sum_dim_intlist(1i64, true, Kind::Double);
        let alike = &covariances / traces.clamp_min(f64::MIN_POSITIVE).unsqueeze(2);
        let (_, colours) = eigenvectors(&alike.sum_dim_intlist(0i64, false, Kind::Double))?;
        let variances = diagonal(&colours.tr().matmul(&covariances).matmul(&colours)).tr().reshape([-1]);
        let mean = self.cosines.back(&mean.tr().reshape([1, -1])).view([-1]);
        let cosines = self.cosines.directions.iter().skip(1).map(Tensor::shallow_clone);
        Ok(PrincipalAxes::new(&mean, std::iter::once(colours).chain(cosines).collect(), &variances))
    }
}

/// Eigenvalues, ascending, and eigenvectors by columns.
fn eigenvectors(covariance: &Tensor) -> Result<(Tensor, Tensor)> {
    let failed = |source| Error::Torch { operation: "principal axes", source };
    covariance.to_kind(Kind::Double).f_linalg_eigh("L").map_err(failed)
}

/// The orthonormal cosines `√((2 − δ_k0)/n) cos(πk(j + ½)/n)` at the places j, by columns k, `[n, n]`.
fn cosines(n: i64) -> Tensor {
    let number = Tensor::arange(n, OPTIONS);
    let phase = (&number + 0.5).outer(&number) * (PI / n as f64);
    let scale = Tensor::full([n], 2.0 / n as f64, OPTIONS);
    let _ = scale.narrow(0, 0, 1).fill_(1.0 / n as f64);
    phase.cos() * scale.sqrt()
}
