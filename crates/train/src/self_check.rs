//! The held-out self-check, which uses that `G(v̂) = −E|v̂|²` at the minimiser, whatever the exact velocity is.

use interflow_metrics::Estimate;

/// The value of an objective on held-out pairs, term by term.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelfCheck {
    /// The step after which it was computed.
    pub step: u64,
    /// The number of held-out pairs that were used.
    pub n: i64,
    /// The terms of the objective, at least one. The first is reported as the objective of the run.
    pub terms: Vec<TermCheck>,
}

impl SelfCheck {
    /// The value of the first term: `G(v̂) = E[|v̂|² − 2 ẋ·v̂]` for a velocity, the mean negative log-likelihood in
    /// nats for maximum likelihood. It is NaN if there is no term.
    pub fn objective(&self) -> Estimate {
        let nothing = Estimate { mean: f64::NAN, standard_error: f64::NAN };
        self.terms.first().map_or(nothing, |term| term.objective)
    }

    /// The balance of the first term, if it has one.
    pub fn balance(&self) -> Option<Balance> {
        self.terms.first().and_then(|term| term.balance)
    }

    /// The term of this name.
    pub fn term(&self, name: &str) -> Option<&TermCheck> {
        self.terms.iter().find(|term| term.name == name)
    }

    /// The number that training minimises: the sum of the means of all terms.
    pub fn trained_objective(&self) -> f64 {
        self.terms.iter().map(|term| term.objective.mean).sum()
    }
}

/// One term of an objective on held-out pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TermCheck {
    /// The name of the term, such as `velocity`.
    pub name: &'static str,
    /// The value of the term.
    pub objective: Estimate,
    /// What the value must equal at the minimiser, if that is known without knowing the minimiser.
    pub balance: Option<Balance>,
}

/// What a term `G(f) = E[|f|² − 2 y·f]` is compared with: it equals `−E|f|²` at its minimiser `f = E[y | x_t = x]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// `−E|f|²`.
    pub minus_square: Estimate,
    /// The gap `G(f) + E|f|²`, which is 0 at the minimiser. It is computed sample by sample, and is thereby far more
    /// precise than the difference of the two means.
    pub gap: Estimate,
}
