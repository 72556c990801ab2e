//! What a jump's flow between Gaussians is along each axis.
//!
//! With s² = α² + β² λ + γ² the variance along an axis at time s, the flow map from N(0, I) to N(m, S) is
//!
//! ```text
//! X_{s,t}(x) = β_t m + (s_t/s_s)(x − β_s m),    (t − s) D_{s,t} = Σ log(s_t/s_s),
//! ```
//!
//! and a network is to correct it on the scale on which a jump can differ from it. A correction c F of the velocity at a time
//! between moves the landing by `s_t (c/s) F`, so that the scale is `s_t K` with K like the mean of c/s on the way:
//!
//! ```text
//! K_{s,t} = |α_s β_t − α_t β_s|/|t − s| · √λ (α_s β_t + α_t β_s)/2 / (s_s s_t √((s_s² + s_t²)/2)),
//! ```
//!
//! which is c/s itself on the diagonal and, unlike c at either end, not zero for the jump over the whole path.

use interflow_core::interpolant::Interpolant;
use tch::{Kind, Tensor};

/// The factors of jumps, `[B, D]` where they belong to axes and `[B, 1]` where not, in double precision.
pub(super) struct JumpFactors {
    /// `β_s`, by which the mean is taken off.
    pub(super) mean: Tensor,
    /// `1/s_s`, from points to the network's inputs.
    pub(super) input: Tensor,
    /// `(s_t/s_s − 1)/(t − s)`, from points to the Gaussian's average velocity.
    pub(super) gaussian: Tensor,
    /// `s_t K`, from the network's outputs to average velocities.
    pub(super) correction: Tensor,
    /// `(β_t − β_s)/(t − s)`, of the mean.
    pub(super) drift: Tensor,
    /// The Gaussian's average divergence.
    pub(super) divergence: Tensor,
    /// The mean of K over the axes, from the network's average divergences to those of its correction.
    pub(super) of_divergence: Tensor,
}

/// Jumps shorter than this have the quotients' limits at their midpoint: far shorter than a path takes to bend, and long
/// enough for differences in double precision.
const SHORT: f64 = 1e-5;
/// The step of derivatives in time: at an end of the path they are one-sided.
const STEP: f64 = 1e-7;

/// Coefficients at times `[B, 1]`.
struct At {
    alpha: Tensor,
    beta: Tensor,
    /// The variances along the axes and half their derivatives, `[B, D]`.
    square: Tensor,
    slope: Tensor,
    beta_dot: Tensor,
    wronskian: Tensor,
}

impl At {
    fn new(interpolant: &Interpolant, t: &Tensor, variances: &Tensor) -> Self {
        let c = interpolant.coefficients(t);
        let path = &c.schedule;
        let mut square = path.alpha.square() + path.beta.square() * variances;
        let mut slope = &path.alpha * &path.alpha_dot + &path.beta * &path.beta_dot * variances;
        if let Some(latent) = &c.latent {
            square += latent.gamma.square();
            slope += &latent.gamma_gamma_dot;
        }
        let [alpha, beta, beta_dot] = [&path.alpha, &path.beta, &path.beta_dot].map(Tensor::shallow_clone);
        Self { alpha, beta, square, slope, beta_dot, wronskian: c.wronskian }
    }
}

impl JumpFactors {
    /// Those of jumps between times `[B, 1]`, with variances `[1, D]` along the axes, all in double precision.
    pub(super) fn new(interpolant: &Interpolant, [from, to]: [&Tensor; 2], variances: &Tensor) -> Self {
        let length = to - from;
        let short = length.abs().lt(SHORT);
        let divided = |difference: Tensor, limit: &Tensor| {
            limit.where_self(
                &short,
                &(difference / length.where_self(&short.logical_not(), &length.ones_like())),
            )
        };
        let at = |t: &Tensor| At::new(interpolant, t, variances);
        let (start, end, middle) = (at(from), at(to), at(&((from + to) * 0.5)));
        let growth = divided((&end.square / &start.square).log() * 0.5, &(&middle.slope / &middle.square));
        let exponent = &growth * &length;
        let small = exponent.eq(0.0);
        let ratio = exponent.expm1() / exponent.where_self(&small.logical_not(), &exponent.ones_like());
        let (crossed, alike) = (&start.alpha * &end.beta, &end.alpha * &start.beta);
        let turn = divided(&crossed - &alike, &middle.wronskian).abs();
        let together = ((&start.square + &end.square) * 0.5 * &start.square).sqrt();
        // s_t K.
        let correction = turn * (crossed + alike) * 0.5 * variances.sqrt() / together;
        let k = &correction * end.square.rsqrt();
        Self {
            input: start.square.rsqrt(),
            gaussian: &growth * exponent.ones_like().where_self(&small, &ratio),
            drift: divided(&end.beta - &start.beta, &middle.beta_dot),
            divergence: growth.sum_dim_intlist(1i64, true, Kind::Double),
            of_divergence: k.mean_dim(1i64, true, Kind::Double),
            mean: start.beta,
            correction,
        }
    }

    /// Their derivatives in the time of the start, or in that of landing, by differences within the path's times.
    pub(super) fn rates(
        interpolant: &Interpolant,
        times: [&Tensor; 2],
        moving: MovingTime,
        variances: &Tensor,
    ) -> Self {
        let (low, high) = interpolant.regular_on();
        let moved = |by: f64| {
            let [from, to] = times;
            let at = |t: &Tensor| (t + by).clamp(low, high);
            match moving {
                MovingTime::Start => ([&at(from), to].map(Tensor::shallow_clone), at(from)),
                MovingTime::Landing => ([from, &at(to)].map(Tensor::shallow_clone), at(to)),
            }
        };
        let ((before, first), (after, last)) = (moved(-STEP), moved(STEP));
        let [before, after] =
            [before, after].map(|[from, to]| Self::new(interpolant, [&from, &to], variances));
        let distance = last - first;
        before.combined(&after, |before, after| (after - before) / &distance)
    }

    /// What `of` makes of each pair of factors.
    fn combined(&self, other: &Self, of: impl Fn(&Tensor, &Tensor) -> Tensor) -> Self {
        Self {
            mean: of(&self.mean, &other.mean),
            input: of(&self.input, &other.input),
            gaussian: of(&self.gaussian, &other.gaussian),
            correction: of(&self.correction, &other.correction),
            drift: of(&self.drift, &other.drift),
            divergence: of(&self.divergence, &other.divergence),
            of_divergence: of(&self.of_divergence, &other.of_divergence),
        }
    }

    /// The same in another precision.
    pub(super) fn to_kind(&self, kind: Kind) -> Self {
        self.combined(self, |factor, _| factor.to_kind(kind))
    }
}

/// The time of a jump that moves.
#[derive(Debug, Clone, Copy)]
pub(super) enum MovingTime {
    /// s.
    Start,
    /// t.
    Landing,
}
