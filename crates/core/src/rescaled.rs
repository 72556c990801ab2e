//! A velocity of one interpolant as the velocity of another between the same base and target, by rescaling time and
//! space.
//!
//! Two paths without a latent pass through the same points up to scale: where `b(t)/a(t) = β(s)/α(s)`,
//! `a x0 + b x1 = c (α x0 + β x1)`. With the angle θ = atan2(β, α), the radius r = √(α² + β²) and W = αβ̇ − α̇β (so
//! that θ̇ = W/r²), the clock is s(t) with θ(s) = θ'(t), the scale is c = r'(t)/r(s), and
//!
//! ```text
//! v'_t(x) = (ċ/c) x + c ṡ v_s(x/c),    ṡ = θ̇'(t)/θ̇(s),    ċ/c = ṙ'/r' − ṡ ṙ/r.
//! ```
//!
//! All of it is regular on the closed interval [0, 1], for all laws of the ends and all couplings. So a network that
//! was trained along one interpolant can be sampled along another.

use std::sync::Arc;

use tch::Tensor;

use crate::error::{Error, Result};
use crate::field::{VectorField, Velocity};
use crate::interpolant::{Interpolant, ScheduleCoefficients};

/// A velocity `F` of one interpolant as the velocity of another.
#[derive(Debug, Clone)]
pub struct Rescaled<F> {
    velocity: F,
    clock: Clock,
}

impl<F: VectorField> Velocity<F> {
    /// Turns this velocity, which belongs to the path `from`, into that of the path `to` between the same base and
    /// target.
    ///
    /// # Errors
    /// [`Error::Interpolant`] if a path has a latent, a correction, or a ratio α/β that does not decrease strictly.
    pub fn rescaled(self, from: Interpolant, to: Interpolant) -> Result<Velocity<Rescaled<F>>> {
        Ok(Velocity(Rescaled { velocity: self.0, clock: Clock::new(from, to)? }))
    }
}

/// The change of time and scale from one path to another.
#[derive(Debug, Clone)]
pub struct Clock {
    from: Arc<Interpolant>,
    to: Arc<Interpolant>,
}

/// A moment of the new path in terms of the old path; each tensor has the shape of the times.
#[derive(Debug)]
pub struct Moment {
    /// The time s on the old path.
    pub time: Tensor,
    /// The rate ṡ at which the old time passes.
    pub speed: Tensor,
    /// The scale c, the ratio of the new path's point to the old path's.
    pub scale: Tensor,
    /// The relative growth rate ċ/c of the scale.
    pub growth: Tensor,
}

impl Clock {
    /// The clock of the path `to` that tells times of the path `from`.
    ///
    /// # Errors
    /// As [`Velocity::rescaled`].
    pub fn new(from: Interpolant, to: Interpolant) -> Result<Self> {
        for path in [&from, &to] {
            path.check_uncorrected("rescaling a velocity")?;
            if path.has_latent() {
                return Err(refusal("paths without a latent γ z"));
            }
            let t = Tensor::linspace(0.0, 1.0, 257, (tch::Kind::Double, tch::Device::Cpu));
            if path.coefficients(&t).wronskian.min().double_value(&[]) <= 0.0 {
                return Err(refusal("α/β to fall steadily, W = α β̇ − α̇ β > 0"));
            }
        }
        Ok(Self { from: Arc::new(from), to: Arc::new(to) })
    }

    /// The moments at times `t` of the new path, of any shape.
    pub fn at(&self, t: &Tensor) -> Moment {
        let new = Polar::of(&self.to.schedule(t));
        let time = self.from.time_at(&new.alpha, &new.beta);
        let old = Polar::of(&self.from.schedule(&time));
        let speed = new.turning / old.turning;
        let growth = new.stretching - &speed * old.stretching;
        Moment { time, speed, scale: new.radius / old.radius, growth }
    }
}

/// (α, β) as radius and angle, with the logarithmic derivative of the one and the derivative of the other.
struct Polar {
    alpha: Tensor,
    beta: Tensor,
    radius: Tensor,
    turning: Tensor,
    stretching: Tensor,
}

impl Polar {
    fn of(c: &ScheduleCoefficients) -> Self {
        let square = c.alpha.square() + c.beta.square();
        Self {
            alpha: c.alpha.shallow_clone(),
            beta: c.beta.shallow_clone(),
            turning: (&c.alpha * &c.beta_dot - &c.alpha_dot * &c.beta) / &square,
            stretching: (&c.alpha * &c.alpha_dot + &c.beta * &c.beta_dot) / &square,
            radius: square.sqrt(),
        }
    }
}

impl<F: VectorField> Rescaled<F> {
    /// The moment of each row as columns, and the old path's points.
    fn moment(&self, t: &Tensor, x: &Tensor) -> (Tensor, Moment, Tensor) {
        let m = self.clock.at(t);
        let column = |x: &Tensor| x.unsqueeze(1);
        let y = x / column(&m.scale);
        let columns = Moment {
            time: column(&m.time),
            speed: column(&m.speed),
            scale: column(&m.scale),
            growth: column(&m.growth),
        };
        (m.time, columns, y)
    }
}

impl<F: VectorField> VectorField for Rescaled<F> {
    fn dim(&self) -> i64 {
        self.velocity.dim()
    }

    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        self.velocity.check_points(operation, x)
    }

    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let (s, m, y) = self.moment(t, x);
        m.growth * x + m.scale * m.speed * self.velocity.value(&s, &y)
    }

    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        let (s, m, y) = self.moment(t, x);
        let (v, form) = self.velocity.value_and_quadratic_form(&s, &y, u);
        let length = u.square().sum_dim_intlist(1i64, false, None);
        let form = m.growth.squeeze_dim(1) * length + m.speed.squeeze_dim(1) * form;
        (m.growth * x + m.scale * m.speed * v, form)
    }

    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let velocity = self.velocity.for_rows(rows)?;
        Some(Box::new(Rescaled { velocity, clock: self.clock.clone() }))
    }

    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        let (s, m, y) = self.moment(t, x);
        let (v, divergence) = self.velocity.value_and_divergence(&s, &y);
        let rate = m.growth.squeeze_dim(1) * self.dim() as f64 + m.speed.squeeze_dim(1) * divergence;
        (m.growth * x + m.scale * m.speed * v, rate)
    }
}

fn refusal(requirement: &'static str) -> Error {
    Error::Interpolant { operation: "rescaling a velocity", requirement }
}
