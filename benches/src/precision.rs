//! In which precision a device is to compute.

use tch::Kind;

/// A kind of floating-point numbers, and whether products of them may be rounded to TF32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// The kind of floating-point numbers.
    pub kind: Kind,
    /// Whether products and convolutions in single precision may round their factors to the 10 bits of TF32, which only NVIDIA's
    /// GPUs do.
    pub tf32: bool,
}

impl Precision {
    /// Every precision that a device is asked for, the finest first.
    pub const ALL: [Self; 3] = [
        Self { kind: Kind::Double, tf32: false },
        Self { kind: Kind::Float, tf32: false },
        Self { kind: Kind::Float, tf32: true },
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self { kind: Kind::Double, .. } => "f64",
            Self { tf32: true, .. } => "tf32",
            _ => "f32",
        }
    }

    /// The precision of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::name).join(", ")))
    }
}
