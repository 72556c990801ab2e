//! The checkerboard: a density with jumps, and entropy ln 32.

use tch::{Kind, Tensor};

use super::points;
use crate::density::{Density, Sampler};
use crate::error::Result;
use crate::rng::Draw;
use crate::shape::check_states;

/// The squares' side.
const SIDE: f64 = 2.0;
/// How many squares there are along an axis.
const SQUARES: f64 = 4.0;
/// The board's lower left corner, on both axes.
const CORNER: f64 = -4.0;
/// The area of the eight squares that carry mass.
const AREA: f64 = 32.0;

/// Uniform on 8 of the 16 squares of side 2 in [−4, 4]², those whose column and row number sum to an even
/// number (the lower left square is one).
#[derive(Debug, Clone, Copy, Default)]
pub struct Checkerboard;

impl Sampler for Checkerboard {
    fn dim(&self) -> i64 {
        2
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        // Away from the upper edges, where rounding to f32 would step into the next square.
        let inside = draw.uniform(&[2, n], Kind::Double).clamp_max(1.0 - 2f64.powi(-20));
        let column = draw.integers(n, 4);
        let row = draw.integers(n, 2) * 2 + column.remainder(2);
        let x = (column + inside.select(0, 0)) * SIDE + CORNER;
        let y = (row + inside.select(0, 1)) * SIDE + CORNER;
        points(&x, &y, kind)
    }
}

impl Density for Checkerboard {
    fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        check_states("a log-density", x, self.dim())?;
        let square = ((x - CORNER) / SIDE).floor();
        let on_board = square.ge(0.0).logical_and(&square.lt(SQUARES)).all_dim(1, false);
        let filled = square.sum_dim_intlist(1i64, false, x.kind()).remainder(2.0).eq(0.0);
        let outside = on_board.logical_and(&filled).logical_not();
        // A constant that keeps NaN points NaN.
        let inside = x.detach().sum_dim_intlist(1i64, false, x.kind()) * 0.0 - AREA.ln();
        Ok(inside.masked_fill(&outside, f64::NEG_INFINITY))
    }
}
