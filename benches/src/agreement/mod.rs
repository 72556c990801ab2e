//! Whether a device computes what the CPU computes: every part of the library that touches a device, from equal numbers.
//!
//! A [`Check`] computes some values at a [`Place`]; it is run on the CPU and on the device, and the two are compared. Nothing
//! is measured against a stored number, so the list says the same of every machine. [`checks`] is the whole list.

mod check;
mod flows;
mod kernels;
mod mathematics;
mod measures;
mod networks;
mod noise;
mod place;
mod report;
mod solves;
mod training;
mod transport;
mod values;

pub use self::check::{Check, Tolerance};
pub use self::place::Place;
pub use self::report::Report;
pub use self::values::Values;

/// What a check computes, or why it could not.
pub type Found = anyhow::Result<Values>;

/// Every check, in the order of the crates that they are of.
pub fn checks() -> Vec<Check> {
    [
        kernels::CHECKS,
        mathematics::CHECKS,
        networks::CHECKS,
        solves::CHECKS,
        noise::CHECKS,
        measures::CHECKS,
        training::CHECKS,
        transport::CHECKS,
        flows::CHECKS,
    ]
    .concat()
}

/// The checks from the one of this name on, for a process that goes on where another one ended.
///
/// # Errors
/// If there is none of this name.
pub fn checks_from(name: &str) -> anyhow::Result<Vec<Check>> {
    let mut checks = checks();
    let place = checks.iter().position(|check| check.name() == name);
    let place = place.ok_or_else(|| anyhow::anyhow!("no such check: {name}"))?;
    Ok(checks.split_off(place))
}
