//! The noise of the training loss's gradient, with latents in pairs ±z and without.
//!
//! The velocity's objective holds γ̇ z, which is infinite at the ends where γ is Brownian. In a pair of points that
//! share all but the sign of z it cancels to the order of γγ̇, which is finite.

use anyhow::Result;
use interflow_core::backward::{Graph, gradients};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Network, Points};
use interflow_train::ObjectiveForm;
use tch::{Kind, Tensor};

use crate::subject::Subject;

/// What the gradient is measured of.
pub(super) struct GradientNoise<'a> {
    /// The trained flow and its ends; its denoiser's objective is part of the loss, as in training.
    pub(super) subject: &'a Subject<'a>,
    /// Calls of the network for one gradient, an even number.
    pub(super) batch: i64,
    /// Gradients of which the variance is taken, at least 2.
    pub(super) n_gradients: i64,
}

/// How latents are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Latents {
    Single,
    Pairs,
}

/// The variance of one batch's gradient, summed over the parameters.
#[derive(Clone, Copy)]
pub(super) struct Variances {
    /// Every point with ends and a latent of its own.
    pub(super) single: f64,
    /// Half as many ends, each with z and −z.
    pub(super) pairs: f64,
}

impl GradientNoise<'_> {
    /// The variances at one time, or with times uniform over the regular ones.
    pub(super) fn at(&self, time: Option<f64>) -> Result<Variances> {
        Ok(Variances {
            single: self.variance(time, Latents::Single)?,
            pairs: self.variance(time, Latents::Pairs)?,
        })
    }

    fn variance(&self, time: Option<f64>, latents: Latents) -> Result<f64> {
        let interpolant = self.subject.engine.interpolant()?;
        let gradients: Vec<Tensor> = (0..self.n_gradients as u64)
            .map(|index| self.gradient(&interpolant, time, latents, index))
            .collect::<Result<_>>()?;
        let gradients = Tensor::stack(&gradients, 0).to_kind(Kind::Double);
        Ok(gradients.var_dim(0i64, true, false).sum(Kind::Double).double_value(&[]))
    }

    /// The gradient of batch `index` in all parameters, one after the other.
    fn gradient(
        &self,
        interpolant: &Interpolant,
        time: Option<f64>,
        latents: Latents,
        index: u64,
    ) -> Result<Tensor> {
        let n = if latents == Latents::Pairs { self.batch / 2 } else { self.batch };
        let Subject { engine, base, target, config, .. } = *self.subject;
        // Not those of the training steps.
        let seed = Stream::new(self.subject.seed(), Purpose::Validation).at(1).bits();
        let stream = |purpose| Stream::new(seed, purpose);
        let (x0, x1) = (
            base.held_out().batch(n, index, &stream(Purpose::Base)).x,
            target.held_out().batch(n, index, &stream(Purpose::Target)),
        );
        let coupling = config.coupling.build()?;
        let (x0, Points { x: x1, given }) =
            coupling.pair(x0, x1, &mut stream(Purpose::Coupling).at(index))?;
        let z = stream(Purpose::Latent).at(index).normal(&x1.size(), Kind::Float);
        let (first, last) = interpolant.regular_on();
        let t = match time {
            Some(time) => Tensor::full([n], time.clamp(first, last), (Kind::Float, z.device())),
            None => stream(Purpose::Time).at(index).uniform(&[n], Kind::Float) * (last - first) + first,
        };
        let options = (self.subject.kind(), engine.device());
        let place = |x: &Tensor| x.to_kind(options.0).to_device(options.1);
        let join = |x: &Tensor, other: &Tensor| match latents {
            Latents::Single => place(x),
            Latents::Pairs => place(&Tensor::cat(&[x, other], 0)),
        };
        let given = match latents {
            Latents::Single => given.place(options),
            Latents::Pairs => given.twice().place(options),
        };
        let (t, z) = (join(&t, &t), join(&z, &-&z));
        let point = interpolant.path(&t, &join(&x0, &x0), &join(&x1, &x1), Some(&z))?;
        let network = engine.network();
        let value = |network: &dyn Network| network.value(&t, &point.x, &given);
        let loss = ObjectiveForm::G.loss(&value(network), &point.path_derivative);
        let loss = match engine.denoiser() {
            Some(denoiser) => loss + ObjectiveForm::G.loss(&value(denoiser), &z),
            None => loss,
        };
        let parameters = network.parameters().tensors();
        let found = gradients("the gradient of a batch", &loss, &parameters, Graph::Freed)?;
        let flat: Vec<Tensor> = found.iter().map(|gradient| gradient.reshape([-1])).collect();
        Ok(Tensor::cat(&flat, 0))
    }
}
