//! The density of a flow against a path whose density has a closed form.

mod fields;

use fields::{distance, points};
use interflow_core::density::{GaussianMixture, MixturePath};
use interflow_core::interpolant::Interpolant;
use interflow_solvers::{Divergence, Method, SolverConfig, log_density};

/// Fails where the flow's density is not the path's.
#[allow(clippy::unwrap_used)]
fn check(interpolant: Interpolant, method: Method) {
    let rho0 = GaussianMixture::spherical(&points(&[0.0, 0.0], 2), 1.0).unwrap();
    let rho1 = GaussianMixture::spherical(&points(&[2.0, 0.0, -2.0, 1.0], 2), 0.6).unwrap();
    let path = MixturePath::new(&rho0, &rho1, interpolant).unwrap();
    let solver = SolverConfig { method, rtol: 1e-9, atol: 1e-9, ..SolverConfig::default() }.build().unwrap();
    let x = points(&[1.8, 0.3, -1.5, 0.9, 0.1, 0.4, 3.0, -1.0], 2);
    for t in [0.3, 1.0] {
        let found = log_density(&solver, &path.velocity(), &rho0, &Divergence::Exact, &x, t).unwrap();
        let exact = path.log_density(&x.select(1, 0).full_like(t), &x);
        let difference = distance(&found.log_density, &exact);
        assert!(difference < 1e-6, "{method:?} at {t}: {difference}");
    }
}

#[test]
fn the_flow_of_a_mixture_path_has_its_density() {
    check(Interpolant::linear(), Method::Dopri5);
    check(Interpolant::trigonometric(), Method::Tsit5);
}
