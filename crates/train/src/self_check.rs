//! The held-out self-check: at the minimiser `G(v̂) = −E|v̂|²`, whatever the exact velocity is.

use interflow_metrics::Estimate;

/// An objective's value on held-out pairs, term by term.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelfCheck {
    /// After which step.
    pub step: u64,
    /// How many held-out pairs were used.
    pub n: i64,
    /// The objective's terms, at least one. What is reported as the run's objective is the first.
    pub terms: Vec<TermCheck>,
}

impl SelfCheck {
    /// The first term's value: `G(v̂) = E[|v̂|² − 2 ẋ·v̂]` for a velocity, the mean negative log-likelihood in nats for
    /// maximum likelihood. Not a number if there is no term.
    pub fn objective(&self) -> Estimate {
        let nothing = Estimate { mean: f64::NAN, standard_error: f64::NAN };
        self.terms.first().map_or(nothing, |term| term.objective)
    }

    /// What the first term is held against, where there is something to hold it against.
    pub fn balance(&self) -> Option<Balance> {
        self.terms.first().and_then(|term| term.balance)
    }

    /// The term of this name.
    pub fn term(&self, name: &str) -> Option<&TermCheck> {
        self.terms.iter().find(|term| term.name == name)
    }

    /// What training makes small: the sum of all terms' means.
    pub fn trained_objective(&self) -> f64 {
        self.terms.iter().map(|term| term.objective.mean).sum()
    }
}

/// One term of an objective on held-out pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TermCheck {
    /// The term's name, such as `velocity`.
    pub name: &'static str,
    /// Its value.
    pub objective: Estimate,
    /// What the value has to equal at the minimiser, where that is known without knowing the minimiser.
    pub balance: Option<Balance>,
}

/// What a term `G(f) = E[|f|² − 2 y·f]` is held against: it is `−E|f|²` at its minimiser `f = E[y | x_t = x]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// `−E|f|²`.
    pub minus_square: Estimate,
    /// `G(f) + E|f|²` sample by sample, far more precise than the difference of the two; 0 at the minimiser.
    pub gap: Estimate,
}
