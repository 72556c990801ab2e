//! The checks that `benches/gpu` runs on a GPU, run here: all of them have to be worth running.

use interflow_benches::agreement::{Report, checks, checks_from};
use interflow_benches::precision::Precision;
use tch::{Device, Kind};

const DOUBLE: Precision = Precision { kind: Kind::Double, tf32: false };

/// The device that is held against the CPU.
const DEVICE: Device = Device::Cpu;

/// Every check computes something at both places, and the same to 1e-9 in double precision.
#[test]
fn the_device_agrees_with_the_cpu() {
    let reports: Vec<Report> = checks().iter().map(|check| check.run(DOUBLE, DEVICE)).collect();
    let apart: Vec<&Report> = reports.iter().filter(|report| !report.agrees).collect();
    assert!(apart.is_empty(), "{apart:#?}");
}

#[test]
fn checks_have_names_of_their_own_by_which_one_can_go_on() {
    let names: Vec<&str> = checks().iter().map(|check| check.name()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
    let rest: Vec<&str> = checks_from(names[10]).unwrap().iter().map(|check| check.name()).collect();
    assert_eq!(rest, names[10..]);
    assert!(checks_from("no/such").is_err());
}
