//! Fields with known flows.
#![allow(dead_code)]

use interflow_core::VectorField;
use tch::{Kind, Tensor};

/// `[B, D]` points in f64.
pub(crate) fn points(values: &[f64], dim: i64) -> Tensor {
    Tensor::from_slice(values).view([-1, dim])
}

/// The largest absolute difference.
pub(crate) fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// `x' = λ x` in each of `dim` components: flow `e^{λt} x`, divergence `λ dim`.
pub(crate) struct Linear {
    pub(crate) rate: f64,
    pub(crate) dim: i64,
}

impl VectorField for Linear {
    fn dim(&self) -> i64 {
        self.dim
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        x * self.rate
    }
}

/// The harmonic oscillator `x' = ω y, y' = −ω x`: a rotation.
pub(crate) struct Rotation(pub(crate) f64);

impl Rotation {
    pub(crate) fn flow(&self, x: &Tensor, t: f64) -> Tensor {
        let (sin, cos) = (self.0 * t).sin_cos();
        let (a, b) = (x.select(1, 0), x.select(1, 1));
        Tensor::stack(&[&a * cos + &b * sin, &b * cos - &a * sin], 1)
    }
}

impl VectorField for Rotation {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        Tensor::stack(&[x.select(1, 1) * self.0, x.select(1, 0) * -self.0], 1)
    }
}

/// Logistic growth `x' = x (1 − x)`, one-dimensional.
pub(crate) struct Logistic;

impl Logistic {
    pub(crate) fn flow(x: &Tensor, t: f64) -> Tensor {
        let grown = x * t.exp();
        &grown / (&grown - x + 1.0)
    }
}

impl VectorField for Logistic {
    fn dim(&self) -> i64 {
        1
    }
    fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
        x * (x * -1.0 + 1.0)
    }
}

/// `x' = x cos t`: flow `x e^{sin t}`, divergence integral `sin t`.
pub(crate) struct Cosine;

impl VectorField for Cosine {
    fn dim(&self) -> i64 {
        1
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        x * t.cos().unsqueeze(1)
    }
}

/// `x' = −s x` with a stiffness per sample in the second, constant component.
pub(crate) struct Stiff;

impl VectorField for Stiff {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (a, s) = (x.select(1, 0), x.select(1, 1));
        Tensor::stack(&[(&a - t.sin()) * &s * -1.0, s.zeros_like()], 1)
    }
}

/// Ones until a time, then NaN.
pub(crate) struct Breaks(pub(crate) f64);

impl VectorField for Breaks {
    fn dim(&self) -> i64 {
        1
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let broken = t.gt(self.0).unsqueeze(1);
        x.ones_like().masked_fill(&broken, f64::NAN).to_kind(Kind::Double)
    }
}
