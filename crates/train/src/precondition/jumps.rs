//! The preconditioned network as a flow map: the Gaussian's jumps, corrected.

use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use tch::{Kind, Tensor};

use super::jump_factors::{JumpFactors, MovingTime};
use super::{GaussianResidual, exactly};

/// What is seen of jumps from the coordinates of the Gaussian.
struct Sight {
    /// `(x − β_s m) Q`, `[B, D]`.
    y: Tensor,
    factors: JumpFactors,
    /// Points as the network sees them, `[B, D]`.
    input: Tensor,
}

/// How that changes along a direction.
struct SightTangent {
    /// The derivatives of y and of the input; none where the points stay.
    state: Option<[Tensor; 2]>,
    /// The derivatives of the factors; none where the times stay.
    rates: Option<JumpFactors>,
}

impl GaussianResidual {
    fn sight(&self, jump: &Jump<'_>) -> Sight {
        let kind = jump.x.kind();
        let factors =
            self.with_times(jump, |times, variances| JumpFactors::new(&self.interpolant, times, variances));
        let factors = factors.to_kind(kind);
        let y = self.axes.along(&(jump.x - &factors.mean * self.axes.mean().unsqueeze(0)));
        let input = self.axes.back(&(&y * &factors.input));
        Sight { y, factors, input }
    }

    /// What `of` finds for the jumps' times `[B, 1]` and the variances `[1, D]`, in double precision: factors are differences
    /// of what may be close.
    fn with_times<T>(&self, jump: &Jump<'_>, of: impl FnOnce([&Tensor; 2], &Tensor) -> T) -> T {
        let [from, to] = [jump.from, jump.to].map(|t| t.unsqueeze(1).to_kind(Kind::Double));
        of([&from, &to], &self.axes.variances().unsqueeze(0).to_kind(Kind::Double))
    }

    fn sight_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>, sight: &Sight) -> SightTangent {
        let rates = |moving: MovingTime| {
            let rates = self.with_times(jump, |times, variances| {
                JumpFactors::rates(&self.interpolant, times, moving, variances)
            });
            rates.to_kind(jump.x.kind())
        };
        match direction {
            Direction::To => SightTangent { state: None, rates: Some(rates(MovingTime::Landing)) },
            Direction::Along(velocity) => {
                let rates = rates(MovingTime::Start);
                let y = self.axes.along(&(*velocity - &rates.mean * self.axes.mean().unsqueeze(0)));
                let input = &y * &sight.factors.input + &sight.y * &rates.input;
                SightTangent { state: Some([y, self.axes.back(&input)]), rates: Some(rates) }
            }
            Direction::State(u) => {
                let y = self.axes.along(u);
                let input = self.axes.back(&(&y * &sight.factors.input));
                SightTangent { state: Some([y, input]), rates: None }
            }
        }
    }

    /// The jumps with what the network found of them.
    fn corrected(&self, sight: &Sight, found: &Average) -> Average {
        let Sight { y, factors, .. } = sight;
        let correction = self.axes.along(&found.velocity.to_kind(y.kind())) * &factors.correction;
        let drift = &factors.drift * self.axes.mean().unsqueeze(0);
        let divergence = found.divergence.as_ref().map(|found| {
            found.to_kind(y.kind()) * factors.of_divergence.squeeze_dim(1) + factors.divergence.squeeze_dim(1)
        });
        Average { velocity: self.axes.back(&(y * &factors.gaussian + correction)) + drift, divergence }
    }

    /// The derivative of that, for the network's values and derivatives.
    fn corrected_tangent(
        &self,
        sight: &Sight,
        tangent: &SightTangent,
        (found, rate): (&Average, &Average),
    ) -> Average {
        let Sight { y, factors, .. } = sight;
        let along = |average: &Average| self.axes.along(&average.velocity.to_kind(y.kind()));
        let of_divergence = |average: &Average, factors: &JumpFactors| {
            let divergence = average.divergence.as_ref()?.to_kind(y.kind());
            Some(divergence * factors.of_divergence.squeeze_dim(1))
        };
        let mut terms = vec![along(rate) * &factors.correction];
        terms.extend(tangent.state.as_ref().map(|[y, _]| y * &factors.gaussian));
        let Some(rates) = &tangent.rates else {
            return Average {
                velocity: self.axes.back(&sum(&terms)),
                divergence: of_divergence(rate, factors),
            };
        };
        terms.extend([y * &rates.gaussian, along(found) * &rates.correction]);
        let drift = &rates.drift * self.axes.mean().unsqueeze(0);
        let parts = of_divergence(rate, factors).zip(of_divergence(found, rates));
        let divergence = parts.map(|(a, b)| a + b + rates.divergence.squeeze_dim(1));
        Average { velocity: self.axes.back(&sum(&terms)) + drift, divergence }
    }

    /// The network, which is a flow map where this is looked at as one.
    fn inner(&self) -> &dyn FlowMap {
        match self.network.flow_map() {
            Some(map) => map,
            None => unreachable!("a network of one time is looked at as a flow map"),
        }
    }
}

/// The sum of one tensor or more.
fn sum(terms: &[Tensor]) -> Tensor {
    terms[1..].iter().fold(terms[0].shallow_clone(), |sum, term| sum + term)
}

impl FlowMap for GaussianResidual {
    fn has_divergence(&self) -> bool {
        self.network.flow_map().is_some_and(FlowMap::has_divergence)
    }

    fn average(&self, jump: &Jump<'_>) -> Average {
        let device = jump.x.device();
        let sight = exactly(device, || self.sight(jump));
        let found = self.inner().average(&Jump { x: &sight.input, ..*jump });
        exactly(device, || self.corrected(&sight, &found))
    }

    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average) {
        let device = jump.x.device();
        let sight = exactly(device, || self.sight(jump));
        let tangent = exactly(device, || self.sight_tangent(jump, direction, &sight));
        let seen = match (direction, &tangent.state) {
            (Direction::Along(_), Some([_, input])) => Direction::Along(input),
            (Direction::State(_), Some([_, input])) => Direction::State(input),
            _ => Direction::To,
        };
        let found = self.inner().average_and_tangent(&Jump { x: &sight.input, ..*jump }, &seen);
        exactly(device, || {
            let rate = self.corrected_tangent(&sight, &tangent, (&found.0, &found.1));
            (self.corrected(&sight, &found.0), rate)
        })
    }
}
