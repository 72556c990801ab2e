//! Points off the diagonal: starts on the path and times of landing, in both directions.

use interflow_core::Given;
use interflow_core::flow_map::Jump;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::Draw;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::batch::Batch;
use crate::batches::place;
use crate::error::{Result, check_range};

/// The law of the times (s, t) at which jumps start and land, on the interpolant's regular interval. The defaults
/// were the best of a few that were tried: exact ends halve the error of a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JumpTimes {
    /// The fraction of starts s that lie at an end of the path, half of them at each end; the others are uniform.
    pub end_share: f64,
    /// The fraction of landing times t that are late, `1 − (1 − u)²` with u uniform; the others are uniform.
    pub late_share: f64,
    /// The fraction of jumps of length 0, t = s, where the conditions determine the average divergence on the
    /// diagonal.
    pub short_share: f64,
}

impl Default for JumpTimes {
    fn default() -> Self {
        Self { end_share: 0.5, late_share: 0.5, short_share: 0.125 }
    }
}

impl JumpTimes {
    /// Refuses shares outside of [0, 1].
    pub(super) fn check(&self) -> Result<()> {
        let shares = [
            ("times end_share", self.end_share),
            ("times late_share", self.late_share),
            ("times short_share", self.short_share),
        ];
        shares
            .into_iter()
            .try_for_each(|(name, share)| check_range(name, "in [0, 1]", share, (0.0..=1.0).contains(&share)))
    }

    /// Times s and t of `n` jumps in [low, high], and times between them, each `[n]` in double precision on the CPU.
    pub(super) fn draw(&self, n: i64, (low, high): (f64, f64), draw: &mut Draw) -> [Tensor; 3] {
        let mut uniform = || draw.uniform(&[n], Kind::Double);
        let (which, u) = (uniform(), uniform());
        let ends = which.lt(0.5 * self.end_share).to_kind(Kind::Double);
        let s = u.where_self(&which.ge(self.end_share), &ends);
        let (which, u) = (uniform(), uniform());
        let late: Tensor = &u * 2.0 - u.square();
        let t = late.where_self(&which.lt(self.late_share), &u);
        let t = s.where_self(&uniform().lt(self.short_share), &t);
        let between = &s + (&t - &s) * uniform();
        [s, t, between].map(|time| time * (high - low) + low)
    }
}

/// Points on the path at the times where jumps start, with those where they land.
pub(super) struct Jumps {
    from: Tensor,
    to: Tensor,
    x: Tensor,
    given: Given,
    /// The path's derivatives at the starts, `[N, D]`.
    pub(super) path_derivative: Tensor,
    /// Times between start and landing, `[N]`.
    pub(super) between: Tensor,
}

impl Jumps {
    /// Jumps between the ends of a batch's rows `picked`, `[N]`, at times ([`JumpTimes::draw`]) `[N]`.
    pub(super) fn new(
        batch: &Batch,
        picked: &[i64],
        times: [Tensor; 3],
        interpolant: &Interpolant,
    ) -> Result<Self> {
        let to = (batch.x.kind(), batch.x.device());
        let picked = Tensor::from_slice(picked).to_device(to.1);
        let pick = |x: &Tensor| x.index_select(0, &picked);
        let [s, t, between] = times.map(|time| place(&time, to));
        let (from, latent) = (s?, batch.latent.as_ref().map(pick));
        let point =
            interpolant.path_at_known_times(&from, &pick(&batch.x0), &pick(&batch.x1), latent.as_ref())?;
        let (x, path_derivative) = (point.x, point.path_derivative);
        Ok(Self { from, to: t?, x, given: batch.given.select(&picked), path_derivative, between: between? })
    }

    /// The jumps.
    pub(super) fn jump(&self) -> Jump<'_> {
        Jump { from: &self.from, to: &self.to, x: &self.x, given: &self.given }
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn half_the_starts_are_ends_and_landings_are_late() {
        let draw = &mut Stream::new(1, Purpose::Test).at(0);
        let n = 40_000;
        let [s, t, _] = JumpTimes { short_share: 0.0, ..JumpTimes::default() }.draw(n, (0.1, 0.9), draw);
        let share = |x: Tensor| x.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        let deviation = (0.25f64 * 0.75 / n as f64).sqrt();
        for end in [0.1, 0.9] {
            assert!((share((&s - end).abs().lt(1e-12)) - 0.25).abs() < 4.0 * deviation);
        }
        // E[u] = 1/2 and E[1 − (1 − u)²] = 2/3, whose variances are 1/12 and 4/45.
        let expected = 0.1 + 0.8 * 0.5 * (0.5 + 2.0 / 3.0);
        assert!((share(t.shallow_clone()) - expected).abs() < 4.0 * 0.8 * (0.1 / n as f64).sqrt());
        assert!(t.min().double_value(&[]) >= 0.1 && t.max().double_value(&[]) <= 0.9);
        let [s, t, between] = JumpTimes::default().draw(n, (0.0, 1.0), draw);
        assert!((share(s.eq_tensor(&t)) - 0.125).abs() < 4.0 * (0.11f64 / n as f64).sqrt());
        assert!(((&between - &s) * (&t - &between)).min().double_value(&[]) >= 0.0);
    }
}
