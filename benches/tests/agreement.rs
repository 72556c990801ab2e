//! The checks that `benches/gpu` runs on a GPU, run here on a device that stands in for one: the CPU's kernels, behind the
//! walls between a GPU's tensors and the CPU's.

use interflow_benches::agreement::{Check, Report, checks, checks_from};
use interflow_benches::precision::Precision;
use interflow_libtorch::{stand_in, transfers};
use tch::Kind;

const DOUBLE: Precision = Precision { kind: Kind::Double, tf32: false };

/// Every check computes something at both places, and the same to 1e-9 in double precision; and none of them passes because it
/// never went to the device.
#[test]
fn the_device_agrees_with_the_cpu() {
    let device = stand_in().unwrap();
    let run = |check: &Check| {
        let before = transfers().to_device;
        let report = check.run(DOUBLE, device);
        (report, transfers().to_device - before)
    };
    let reports: Vec<(Report, u64)> = checks().iter().map(run).collect();
    let apart: Vec<&Report> =
        reports.iter().map(|(report, _)| report).filter(|report| !report.agrees).collect();
    assert!(apart.is_empty(), "{apart:#?}");
    let idle: Vec<&str> =
        reports.iter().filter(|(_, uploads)| *uploads == 0).map(|(report, _)| report.check).collect();
    assert!(idle.is_empty(), "never on the device: {idle:?}");
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
