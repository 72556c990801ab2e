//! Laws behind pointers are laws.

use std::ops::Range;
use std::sync::Arc;

use tch::{Kind, Tensor};

use super::{Density, Sampler};
use crate::error::Result;
use crate::rng::{Draw, Stream};

/// Forwards [`Sampler`] and [`Density`] through pointers.
macro_rules! forward_law {
    ($($pointer:ty),*) => {$(
        impl<S: Sampler + ?Sized> Sampler for $pointer {
            fn dim(&self) -> i64 {
                (**self).dim()
            }
            fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
                (**self).sample(n, draw, kind)
            }
            fn sample_part(&self, n: i64, rows: Range<i64>, draw: &mut Draw, kind: Kind) -> Tensor {
                (**self).sample_part(n, rows, draw, kind)
            }
            fn sample_rows(&self, first: u64, n: i64, stream: &Stream, kind: Kind) -> Tensor {
                (**self).sample_rows(first, n, stream, kind)
            }
        }

        impl<S: Density + ?Sized> Density for $pointer {
            fn log_density(&self, x: &Tensor) -> Result<Tensor> {
                (**self).log_density(x)
            }
        }
    )*};
}

forward_law!(&S, Box<S>, Arc<S>);
