//! Posterior means: what a point on the path tells about its end points and latent.

use tch::Tensor;

use super::{Conversion, check_time};
use crate::error::Result;
use crate::field::{VectorField, Velocity};
use crate::shape::{check_like, check_times};

/// The means of the end points and of the latent given `x_t = x`, each `[B, D]`.
#[derive(Debug)]
pub struct PosteriorMeans {
    /// `E[x0 | x_t = x]`.
    pub base: Tensor,
    /// `E[x1 | x_t = x]`.
    pub target: Tensor,
    /// `E[z | x_t = x]`, if the path has a latent.
    pub latent: Option<Tensor>,
}

impl Conversion {
    /// The closed interval of times at which [`Conversion::posterior_means`] are defined: [0, 1] without a latent,
    /// and otherwise the times at which the score follows from the velocity and β is not tiny.
    pub fn posterior_regular_on(&self) -> (f64, f64) {
        if self.interpolant().has_latent() {
            return (self.velocity_regular_on().0.max(self.score_regular_on().0), self.score_regular_on().1);
        }
        self.interpolant().regular_on()
    }

    /// The posterior means at time `t` and points `x`, `[B, D]`.
    ///
    /// Without a latent `E[x0|x] = (β̇ x − β v)/W` and `E[x1|x] = (α v − α̇ x)/W` for any base.
    ///
    /// # Errors
    /// [`crate::Error::Time`] outside [`Conversion::posterior_regular_on`], [`crate::Error::Shape`] or
    /// [`crate::Error::Kind`] for points that do not fit the field or the base.
    pub fn posterior_means<F: VectorField>(
        &self,
        velocity: &Velocity<F>,
        t: f64,
        x: &Tensor,
    ) -> Result<PosteriorMeans> {
        check_time("the posterior means", self.posterior_regular_on(), t)?;
        self.check_points("the posterior means", x)?;
        velocity.check_points("the posterior means", x)?;
        let t = x.select(1, 0).full_like(t);
        self.means_of_value(&t, x, &velocity.value(&t, x))
    }

    /// The posterior means where the velocity has the values `v`, at times that the caller has checked.
    fn means_of_value(&self, t: &Tensor, x: &Tensor, v: &Tensor) -> Result<PosteriorMeans> {
        check_times("the posterior means", t, x.size()[0])?;
        check_like("the posterior means", x, v)?;
        let column = t.unsqueeze(1);
        let c = self.interpolant().coefficients(&column);
        let path = &c.schedule;
        let Some(g) = &c.latent else {
            return Ok(PosteriorMeans {
                base: (&path.beta_dot * x - &path.beta * v) / &c.wronskian,
                target: (&path.alpha * v - &path.alpha_dot * x) / &c.wronskian,
                latent: None,
            });
        };
        let s = self.weighted_score(t, x, v) / self.score_weight(&column);
        let mut base = self.parts.base.apply(&s, |variance| variance * &path.alpha * -1.0);
        if let Some(mean) = self.parts.base.mean(x) {
            base += mean;
        }
        let latent = s * &g.gamma * -1.0;
        let target = (x - &path.alpha * &base - &g.gamma * &latent) / &path.beta;
        Ok(PosteriorMeans { base, target, latent: Some(latent) })
    }
}
