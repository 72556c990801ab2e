//! In which precision a device is to compute.

use tch::{Device, Kind};

/// A kind of floating-point numbers, and whether products of them may be rounded to TF32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// The kind of floating-point numbers.
    pub kind: Kind,
    /// Whether products and convolutions in single precision may round their factors to the 11 bits of TF32.
    pub tf32: bool,
}

/// The variables that decide on TF32 when libtorch and NVIDIA's libraries are loaded, and what each precision needs of them.
const TF32: [(&str, &str); 2] = [("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1"), ("NVIDIA_TF32_OVERRIDE", "0")];

impl Precision {
    /// Every precision.
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

    /// The one place that decides on TF32: makes sure that a CUDA device multiplies numbers in single precision as asked for.
    /// libtorch's own choice is TF32 for convolutions and none for products of matrices.
    ///
    /// # Errors
    /// If the process was started without the variable that this precision needs.
    pub fn choose(self, device: Device) -> anyhow::Result<()> {
        if self.kind != Kind::Float || device == Device::Cpu {
            return Ok(());
        }
        let (name, value) = if self.tf32 { TF32[0] } else { TF32[1] };
        let found = std::env::var(name).unwrap_or_default();
        anyhow::ensure!(found == value, "{} on {device:?} needs {name}={value}, found: {found:?}", self.name());
        Ok(())
    }
}
