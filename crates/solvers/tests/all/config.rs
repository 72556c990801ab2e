//! The configuration as data, and single precision.

use interflow_solvers::{Method, SolverConfig};
use tch::Kind;

use crate::fields::{Rotation, distance, points};

#[test]
fn single_precision_points_stay_single_precision() {
    let x = points(&[0.6, -0.3, 1.5, 0.2], 2);
    let field = Rotation(3.0);
    let solver = SolverConfig::default().build().unwrap();
    let found = solver.solve(&field, &x.to_kind(Kind::Float), 1.0, 0.0).unwrap().x;
    assert_eq!(found.kind(), Kind::Float);
    assert!(distance(&found.to_kind(Kind::Double), &field.flow(&x, -1.0)) < 1e-3);
}

#[test]
fn nothing_to_do_costs_nothing() {
    let solver = SolverConfig::default().build().unwrap();
    let x = points(&[0.6, -0.3], 2);
    let still = solver.solve(&Rotation(1.0), &x, 0.5, 0.5).unwrap();
    assert_eq!((still.statistics.nfe, distance(&still.x, &x).to_bits()), (0, 0));
    let nobody = solver.solve(&Rotation(1.0), &x.narrow(0, 0, 0), 0.0, 1.0).unwrap();
    assert_eq!(nobody.x.size(), [0, 2]);
}

#[test]
fn settings_are_read_strictly_with_defaults() {
    let read: SolverConfig = toml::from_str("method = \"rk4\"\nsteps = 20").unwrap();
    assert_eq!(read, SolverConfig { method: Method::Rk4, steps: Some(20), ..SolverConfig::default() });
    assert!(toml::from_str::<SolverConfig>("step = 20").is_err());
}
