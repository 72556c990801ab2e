//! The kinds of numbers that an array may hold.

use half::f16;

/// Why objects are not read.
pub(super) const PICKLE: &str = "an array of objects is a pickle, which is a program and is not run here\n\
     hint: save plain numbers, in Python: numpy.save(file, array.astype(float))";

/// A kind of numbers with the order of its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    kind: Kind,
    /// Whether the highest byte comes first.
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    I1,
    I2,
    I4,
    I8,
    U1,
    U2,
    U4,
    U8,
    F2,
    F4,
    F8,
}

/// The kinds with their names in a header.
const KINDS: [(&str, Kind); 12] = [
    ("b1", Kind::Bool),
    ("i1", Kind::I1),
    ("i2", Kind::I2),
    ("i4", Kind::I4),
    ("i8", Kind::I8),
    ("u1", Kind::U1),
    ("u2", Kind::U2),
    ("u4", Kind::U4),
    ("u8", Kind::U8),
    ("f2", Kind::F2),
    ("f4", Kind::F4),
    ("f8", Kind::F8),
];

impl Numbers {
    /// The kind of a header's `descr`, such as `<f8`; why it is none otherwise.
    pub(super) fn parse(descr: &str) -> Result<Self, String> {
        let (order, name) = match descr.chars().next() {
            Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
            _ => ('=', descr),
        };
        if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
            return Ok(Self { kind: *kind, big_endian: order == '>' });
        }
        Err(match name.chars().next() {
            Some('O') => PICKLE.to_owned(),
            Some('[') => "expected an array of numbers, found: one of named fields\n\
                 hint: save plain numbers, in Python: numpy.lib.recfunctions.structured_to_unstructured(array)"
                .to_owned(),
            _ => {
                let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                format!("expected an array of numbers ({}), found: {descr}", known.join(", "))
            }
        })
    }

    pub(super) fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or("", |(name, _)| name)
    }

    pub(super) fn are_bytes(self) -> bool {
        self.kind == Kind::U1
    }

    /// How many bytes a number takes.
    pub(super) fn n_bytes(self) -> usize {
        match self.kind {
            Kind::Bool | Kind::I1 | Kind::U1 => 1,
            Kind::I2 | Kind::U2 | Kind::F2 => 2,
            Kind::I4 | Kind::U4 | Kind::F4 => 4,
            Kind::I8 | Kind::U8 | Kind::F8 => 8,
        }
    }

    /// Refuses `values` of which a double keeps the first digits only: whole numbers from 2^53 on, such as ids.
    pub(super) fn check_digits(self, values: &[f64]) -> Result<(), String> {
        const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
        let is_wide = matches!(self.kind, Kind::I8 | Kind::U8);
        match values.iter().find(|value| is_wide && value.abs() >= EXACT) {
            None => Ok(()),
            Some(value) => Err(format!(
                "whole numbers of an array keep their digits below 2^53 only, found: {value:e}\n\
                 hint: write them as CSV, or save array.astype(float) if the first 16 digits are enough"
            )),
        }
    }

    /// Appends the numbers of `bytes` to `values`; a truth value is 0 or 1.
    pub(super) fn extend(self, values: &mut Vec<f64>, bytes: &[u8]) {
        /// The numbers in either order of bytes.
        macro_rules! extend {
            ($kind:ty, $size:literal, $value:expr) => {{
                let (numbers, _) = bytes.as_chunks::<$size>();
                let value: fn($kind) -> f64 = $value;
                if self.big_endian {
                    values.extend(numbers.iter().map(|bytes| value(<$kind>::from_be_bytes(*bytes))));
                } else {
                    values.extend(numbers.iter().map(|bytes| value(<$kind>::from_le_bytes(*bytes))));
                }
            }};
        }
        match self.kind {
            Kind::Bool => extend!(u8, 1, |value| f64::from(value != 0)),
            Kind::I1 => extend!(i8, 1, f64::from),
            Kind::I2 => extend!(i16, 2, f64::from),
            Kind::I4 => extend!(i32, 4, f64::from),
            Kind::I8 => extend!(i64, 8, |value| value as f64),
            Kind::U1 => extend!(u8, 1, f64::from),
            Kind::U2 => extend!(u16, 2, f64::from),
            Kind::U4 => extend!(u32, 4, f64::from),
            Kind::U8 => extend!(u64, 8, |value| value as f64),
            Kind::F2 => extend!(f16, 2, f64::from),
            Kind::F4 => extend!(f32, 4, f64::from),
            Kind::F8 => extend!(f64, 8, |value| value),
        }
    }
}
