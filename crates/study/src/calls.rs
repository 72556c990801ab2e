//! What a number of network calls buys.

use interflow_solvers::Scheme;

/// The steps that cost `nfe` calls of the velocity.
pub(crate) fn steps_for(scheme: Scheme, nfe: u32) -> u32 {
    match scheme {
        Scheme::EulerMaruyama => nfe,
        Scheme::Heun | Scheme::Shark => (nfe / 2).max(1),
    }
}
