//! One computation that two devices have to agree on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use interflow_libtorch::with_tf32;
use tch::{Device, Kind};

use super::{Found, Place, Report, Values};
use crate::devices::synchronize;
use crate::precision::Precision;

/// How far two devices may be apart, as a share of the largest number of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Tolerance {
    /// By rounding: 1e-9 in double precision; in single precision 1e-4, with TF32 1e-2, both times this number, by which the
    /// computation amplifies rounding.
    Rounding(f64),
    /// As much as single precision allows, whatever precision is asked for: of computations that have no other.
    Single(f64),
    /// This share, whatever precision is asked for: of products in bfloat16.
    Share(f64),
}

impl Tolerance {
    /// The share that a precision allows.
    pub fn share(self, precision: Precision) -> f64 {
        let single = if precision.tf32 { 1e-2 } else { 1e-4 };
        match self {
            Self::Rounding(_) if precision.kind == Kind::Double => 1e-9,
            Self::Rounding(growth) | Self::Single(growth) => single * growth,
            Self::Share(share) => share,
        }
    }
}

/// A computation with its name, such as `models/u-net`.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    name: &'static str,
    compute: fn(Place) -> Found,
    tolerance: Tolerance,
}

impl Check {
    /// A computation that amplifies rounding little.
    pub(super) const fn new(name: &'static str, compute: fn(Place) -> Found) -> Self {
        Self { name, compute, tolerance: Tolerance::Rounding(1.0) }
    }

    /// The same with another tolerance.
    pub(super) const fn within(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Computes it on the CPU and on `device` and compares. What fails or panics on either is a report too.
    pub fn run(&self, precision: Precision, device: Device) -> Report {
        let (cpu, cpu_secs) = self.computed(precision, Device::Cpu);
        let (own, device_secs) = self.computed(precision, device);
        let tolerance = self.tolerance.share(precision);
        let mut report = Report::new(self.name, precision, tolerance);
        report.seconds = [cpu_secs, device_secs];
        match compared(cpu, own) {
            Ok((distance, on_device)) => {
                report.difference = Some(distance.largest);
                report.of = distance.of;
                report.on_device = on_device.any_on(device);
                report.agrees = distance.largest <= tolerance;
            }
            Err(error) => report.error = Some(format!("{error:#}")),
        }
        report
    }

    /// What it computes on a device, and the seconds that took.
    fn computed(&self, precision: Precision, device: Device) -> (Found, f64) {
        let place = Place { kind: precision.kind, device };
        let start = Instant::now();
        let found = catch_unwind(AssertUnwindSafe(|| with_tf32(precision.tf32, || (self.compute)(place))));
        let found = found.unwrap_or_else(|panic| Err(anyhow::anyhow!("it panicked: {}", message(&*panic))));
        let found = found.map_err(|error| error.context(format!("on {:?}", place.device)));
        synchronize(place.device);
        (found, start.elapsed().as_secs_f64())
    }
}

/// The distance of a device's values from the CPU's, and the former.
fn compared(cpu: Found, own: Found) -> anyhow::Result<(super::values::Distance, Values)> {
    let (cpu, own) = (cpu?, own?);
    Ok((cpu.distance(&own)?, own))
}

/// The first line of what a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Precision = Precision { kind: Kind::Double, tf32: false };

    fn report(compute: fn(Place) -> Found) -> Report {
        Check::new("a check", compute).run(DOUBLE, Device::Cpu)
    }

    #[test]
    fn equal_numbers_agree_and_others_do_not() {
        let equal = report(|place| Ok(Values::new().with("x", &place.normal(0, &[3]))));
        assert!(equal.agrees && equal.on_device && equal.error.is_none(), "{equal:?}");
        let chance = report(|_| {
            let now = std::time::UNIX_EPOCH.elapsed()?.as_nanos() as f64;
            Ok(Values::new().with_number("the time", now.sin()))
        });
        assert!(!chance.agrees && chance.error.is_none(), "{chance:?}");
    }

    #[test]
    fn failures_and_panics_are_reports() {
        let failed = report(|_| anyhow::bail!("no such thing"));
        assert_eq!(failed.error.as_deref(), Some("on Cpu: no such thing"));
        let panicked = report(|_| panic!("two\nlines"));
        assert_eq!(panicked.error.as_deref(), Some("on Cpu: it panicked: two"));
        assert!(!failed.agrees && !panicked.agrees);
    }

    #[test]
    fn tolerances_follow_the_precision() {
        let single = Precision { kind: Kind::Float, tf32: false };
        let tf32 = Precision { tf32: true, ..single };
        assert!((Tolerance::Rounding(3.0).share(DOUBLE) - 1e-9).abs() < 1e-15);
        assert!((Tolerance::Rounding(3.0).share(single) - 3e-4).abs() < 1e-12);
        assert!((Tolerance::Rounding(3.0).share(tf32) - 3e-2).abs() < 1e-12);
        assert!((Tolerance::Single(3.0).share(DOUBLE) - 3e-4).abs() < 1e-12);
        assert!((Tolerance::Share(0.1).share(single) - 0.1).abs() < 1e-12);
    }
}
