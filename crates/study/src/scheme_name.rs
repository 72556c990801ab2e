//! What stochastic methods are called in figures and tables.

use interflow_solvers::Scheme;

/// The method's name as the literature writes it.
pub(crate) fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::EulerMaruyama => "Euler–Maruyama",
        Scheme::Heun => "Heun",
        Scheme::Shark => "ShARK",
    }
}
