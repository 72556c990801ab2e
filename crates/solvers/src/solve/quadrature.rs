//! Integrals by a quadrature within steps by error: for rates that are dear and integrals that act on nothing.
//!
//! The method then solves for the points alone. An integral follows from its rates g at the nodes of Lobatto's rule with
//! four nodes, which is exact to degree 5: at both ends of the step, and at two shares of it on the dense output. The rate
//! at the end is the next step's at the start, so that a step costs three, where Dormand and Prince's method has weights
//! for five.
//!
//! The error `h σ g[s, 0, a, 1 − a, 1]` joins that of the points: a divided difference of order 4 by one more node s, which
//! is the last one inside the row's step before, or the middle of its first step. An integral's error chooses the steps as
//! it would in the method itself, which also keeps the points close where they matter most to the integral.

use tch::{Kind, Tensor};

use super::active::Active;
use super::ledger::Ledger;
use super::pace::Pace;
use super::verdict::{Plan, Verdict};
use crate::dense::Dense;
use crate::error::Result;
use crate::step::{Attempt, Integrals, Start, Stepper};

/// √5: the inner nodes are at `a = (1 − 1/√5) / 2` and `1 − a`.
const ROOT: f64 = 2.236_067_977_499_79;
const INNER: [f64; 2] = [0.5 - 0.5 / ROOT, 0.5 + 0.5 / ROOT];
/// σ: what the error estimate of Dormand and Prince's method, `Σ e c⁴`, makes of the same divided difference.
const SENSITIVITY: f64 = 2.63e-4;

/// Steps by error of another pace, with integrals by quadrature.
pub(crate) struct ByQuadrature<P> {
    pace: P,
    /// The last inner node of each row's last accepted step; `None` before the first step.
    before: Option<Node>,
    /// The last inner node of the step that is being judged.
    latest: Option<Node>,
    /// Whether every row has a step before, after which the host need not ask the device again.
    begun: bool,
}

/// A time at which rates of integrals are known.
struct Node {
    /// The times, `[n]` in f64, NaN for rows without one.
    t: Tensor,
    /// The rates, `[n, K]` in f64.
    rates: Tensor,
}

impl Node {
    /// No node for any row of a step.
    fn unknown(step: &Dense<'_>) -> Self {
        let t = step.start.t.full_like(f64::NAN);
        let rates = t.new_zeros([t.size()[0], step.term.n_integrals()], (Kind::Double, t.device()));
        Self { t, rates }
    }
}

impl<P> ByQuadrature<P> {
    /// How many rates of integrals a step needs beyond those of the step before.
    pub(crate) const RATES_A_STEP: usize = 3;

    /// The steps of `pace`.
    pub(crate) fn new(pace: P) -> Self {
        Self { pace, before: None, latest: None, begun: false }
    }

    /// The share of the step at which each row has one more node, `[n]`, and the rates of its integrals there, `[n, K]`.
    fn one_more(&mut self, step: &Dense<'_>) -> Result<(Tensor, Tensor)> {
        let before = self.before.get_or_insert_with(|| Node::unknown(step));
        let (share, rates) = ((&before.t - step.start.t) / step.start.h, before.rates.shallow_clone());
        if self.begun {
            return Ok((share, rates));
        }
        let without = share.isnan().nonzero().squeeze_dim(1);
        if without.size()[0] == 0 {
            self.begun = true;
            return Ok((share, rates));
        }
        let pick = |x: Tensor| x.index_select(0, &without);
        let part = step.term.for_rows(&without);
        let term = part.as_deref().unwrap_or(step.term);
        let middle = step.stepper.rate(term, &pick(step.start.time(0.5)), &pick(step.inside(0.5)?))?;
        let rates = rates.index_copy(0, &without, &of_integrals(step, &middle));
        Ok((share.index_fill(0, &without, 0.5), rates))
    }
}

impl<P: Pace> Pace for ByQuadrature<P> {
    fn begin(
        &mut self,
        stepper: &Stepper<'_>,
        active: &mut Active<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<()> {
        self.pace.begin(stepper, active, ledger)
    }

    fn plan(&mut self, active: &Active<'_>) -> Plan {
        self.pace.plan(active)
    }

    fn integrals(&self) -> Integrals {
        Integrals::ByQuadrature
    }

    fn complete(&mut self, step: &mut Dense<'_>) -> Result<()> {
        let inner = |share: f64| -> Result<Tensor> {
            let rate = step.stepper.rate(step.term, &step.start.time(share), &step.inside(share)?)?;
            Ok(of_integrals(step, &rate))
        };
        let rates = [
            of_integrals(step, &step.attempt.stages[0]),
            inner(INNER[0])?,
            inner(INNER[1])?,
            of_integrals(step, &step.end_rate()?),
        ];
        let (share, more) = self.one_more(step)?;
        let h = step.start.h.unsqueeze(1);
        let gained = (&rates[0] + &rates[3] + (&rates[1] + &rates[2]) * 5.0) * &h / 12.0;
        let error = divided_difference(&rates, &share.unsqueeze(1), &more) * h * SENSITIVITY;
        self.latest = Some(Node { t: step.start.time(INNER[1]), rates: rates[2].shallow_clone() });
        let integrals = of_integrals(step, step.start.y) + gained;
        let dim = step.term.dim();
        let attempt = &mut step.attempt;
        attempt.y = with_integrals(&attempt.y, dim, &integrals);
        attempt.error = attempt.error.as_ref().map(|of_points| with_integrals(of_points, dim, &error));
        Ok(())
    }

    fn judge(&mut self, start: &Start<'_>, plan: &Plan, attempt: &Attempt) -> Verdict {
        let verdict = self.pace.judge(start, plan, attempt);
        if let (Some(before), Some(latest)) = (&mut self.before, self.latest.take()) {
            before.t = latest.t.where_self(&verdict.accepted, &before.t);
            before.rates = latest.rates.where_self(&verdict.accepted.unsqueeze(1), &before.rates);
        }
        verdict
    }

    fn keep(&mut self, left: &Tensor) {
        self.pace.keep(left);
        if let Some(Node { t, rates }) = &mut self.before {
            (*t, *rates) = (t.index_select(0, left), rates.index_select(0, left));
        }
    }
}

/// The columns of the integrals, `[n, K]` in f64, in states or rates, `[n, D + K]`.
fn of_integrals(step: &Dense<'_>, values: &Tensor) -> Tensor {
    values.narrow(1, step.term.dim(), step.term.n_integrals()).to_kind(Kind::Double)
}

/// The states or errors `[n, D + K]` with these numbers, `[n, K]`, for the integrals.
fn with_integrals(values: &Tensor, dim: i64, integrals: &Tensor) -> Tensor {
    Tensor::cat(&[values.narrow(1, 0, dim), integrals.to_kind(values.kind())], 1)
}

/// `g[s, 0, a, 1 − a, 1]` of the rates at the rule's nodes and at `share`, the number s, `[n, 1]`.
fn divided_difference(rates: &[Tensor; 4], share: &Tensor, more: &Tensor) -> Tensor {
    let [start, first, second, end] = rates;
    let apart = |node: f64| share * -1.0 + node;
    let outer = end / apart(1.0) - start / apart(0.0);
    let inner = first / apart(INNER[0]) - second / apart(INNER[1]);
    let squares = share * (share - 1.0);
    outer * 5.0 + inner * (5.0 * ROOT) + more / (&squares * (&squares + 0.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(f: impl Fn(f64) -> f64, at: f64) -> Tensor {
        Tensor::from_slice(&[f(at)]).unsqueeze(1)
    }

    #[test]
    fn the_divided_difference_is_that_of_its_five_nodes() {
        for (power, expected) in [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0), (4, 1.0)] {
            for share in [-3.0, -0.3, -0.01, 0.5] {
                let g = |t: f64| t.powi(power);
                let rates = [0.0, INNER[0], INNER[1], 1.0].map(|at| column(g, at));
                let found = divided_difference(&rates, &column(|t| t, share), &column(g, share));
                assert!((found.double_value(&[0, 0]) - expected).abs() < 1e-10, "{power} at {share}");
            }
        }
    }

    #[test]
    fn the_sensitivity_is_that_of_dormand_and_princes_estimate() {
        let tableau = crate::method::Method::Dopri5.tableau();
        let weights = tableau.error_weights().unwrap();
        let sum: f64 = weights.iter().zip(tableau.times()).map(|(e, c)| e * c.powi(4)).sum();
        assert!((sum.abs() / SENSITIVITY - 1.0).abs() < 0.01, "{sum}");
    }
}
