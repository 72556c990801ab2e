//! The fields of a stochastic equation.

use interflow_core::VectorField;
use tch::Tensor;

use crate::diffusion::Diffusion;

/// The stochastic equation `dX = (v + ε s) dt + √(2ε) dW`, whose marginals are those of the flow of `v`.
#[derive(Debug, Clone, Copy)]
pub struct Sde<'a> {
    /// The flow's velocity.
    pub velocity: &'a dyn VectorField,
    /// The source of the score.
    pub score: ScoreSource<'a>,
    /// The strength of the noise.
    pub diffusion: &'a Diffusion,
}

/// From what the score of a path is computed.
#[derive(Debug, Clone, Copy)]
pub enum ScoreSource<'a> {
    /// From the velocity, without further calls, for a Gaussian base that is independent of the target.
    Velocity,
    /// A field that is the score itself.
    Field(&'a dyn VectorField),
    /// From a denoiser, as `s = −η/γ`, for any base and coupling.
    Denoiser(&'a dyn VectorField),
}

impl Sde<'_> {
    /// The closed interval of times with noise; outside it the flow is followed.
    pub(crate) fn noisy_on(&self) -> (f64, f64) {
        match self.score {
            ScoreSource::Velocity => self.diffusion.regular_on(),
            ScoreSource::Field(_) => self.diffusion.conversion().interpolant().regular_on(),
            ScoreSource::Denoiser(_) => self.diffusion.denoiser_regular_on(),
        }
    }
}

/// The fields of some rows of a batch.
pub(super) struct Fields<'a> {
    pub(super) velocity: Box<dyn VectorField + 'a>,
    pub(super) score: Score<'a>,
}

/// [`ScoreSource`] for some rows of a batch.
pub(super) enum Score<'a> {
    Velocity,
    Field(Box<dyn VectorField + 'a>),
    Denoiser(Box<dyn VectorField + 'a>),
}

impl<'a> Fields<'a> {
    /// The fields of the whole batch.
    pub(super) fn new(sde: &Sde<'a>) -> Self {
        let score = match sde.score {
            ScoreSource::Velocity => Score::Velocity,
            ScoreSource::Field(score) => Score::Field(Box::new(score)),
            ScoreSource::Denoiser(denoiser) => Score::Denoiser(Box::new(denoiser)),
        };
        Self { velocity: Box::new(sde.velocity), score }
    }

    /// The fields of the rows with these numbers.
    pub(super) fn for_rows(&self, rows: &Tensor) -> Fields<'_> {
        let score = match &self.score {
            Score::Velocity => Score::Velocity,
            Score::Field(score) => Score::Field(of_rows(&**score, rows)),
            Score::Denoiser(denoiser) => Score::Denoiser(of_rows(&**denoiser, rows)),
        };
        Fields { velocity: of_rows(&*self.velocity, rows), score }
    }
}

fn of_rows<'f>(field: &'f (dyn VectorField + 'f), rows: &Tensor) -> Box<dyn VectorField + 'f> {
    field.for_rows(rows).unwrap_or_else(|| Box::new(field))
}
