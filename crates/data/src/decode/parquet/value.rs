//! What the stored values of a column mean.

use half::f16;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::schema::types::ColumnDescriptor;

use super::super::records::Value;

/// What a column's integers or bytes stand for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    /// Themselves.
    Plain,
    /// Numbers without a sign.
    Unsigned,
    /// Numbers in units of a power of ten, 10⁻ˢ for this s.
    Decimal(i32),
    /// Days since 1970.
    Date,
    /// A time of day.
    Time(Unit),
    /// A moment, or a date with a time of day.
    Moment {
        unit: Unit,
        /// Whether it is a moment in universal time.
        universal: bool,
    },
    /// Bytes that are letters.
    Text,
    /// Two bytes that are a number in half precision.
    Half,
}

/// A unit of time, of which a second has so many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    per_second: i64,
    name: &'static str,
}

const MILLIS: Unit = Unit { per_second: 1_000, name: "milliseconds" };
const MICROS: Unit = Unit { per_second: 1_000_000, name: "microseconds" };
const NANOS: Unit = Unit { per_second: 1_000_000_000, name: "nanoseconds" };

impl From<&TimeUnit> for Unit {
    fn from(unit: &TimeUnit) -> Self {
        match unit {
            TimeUnit::MILLIS => MILLIS,
            TimeUnit::MICROS => MICROS,
            TimeUnit::NANOS => NANOS,
        }
    }
}

impl Meaning {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        match column.logical_type_ref() {
            Some(LogicalType::Integer(kind)) if !kind.is_signed => Self::Unsigned,
            Some(LogicalType::Decimal(kind)) => Self::Decimal(kind.scale),
            Some(LogicalType::Date) => Self::Date,
            Some(LogicalType::Time(kind)) => Self::Time((&kind.unit).into()),
            Some(LogicalType::Timestamp(kind)) => {
                Self::Moment { unit: (&kind.unit).into(), universal: kind.is_adjusted_to_u_t_c }
            }
            Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => Self::Text,
            Some(LogicalType::Float16) => Self::Half,
            Some(_) => Self::Plain,
            None => Self::of_converted(column),
        }
    }

    /// As older files say it.
    fn of_converted(column: &ColumnDescriptor) -> Self {
        match column.converted_type() {
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Self::Unsigned,
            ConvertedType::DECIMAL => Self::Decimal(column.type_scale()),
            ConvertedType::DATE => Self::Date,
            ConvertedType::TIME_MILLIS => Self::Time(MILLIS),
            ConvertedType::TIME_MICROS => Self::Time(MICROS),
            ConvertedType::TIMESTAMP_MILLIS => Self::Moment { unit: MILLIS, universal: true },
            ConvertedType::TIMESTAMP_MICROS => Self::Moment { unit: MICROS, universal: true },
            ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Self::Text,
            _ => Self::Plain,
        }
    }

    /// A value of 32 bits.
    pub(super) fn small(self, value: i32) -> Value {
        match self {
            Self::Unsigned => Value::Integer(i64::from(value.cast_unsigned())),
            _ => self.large(value.into()),
        }
    }

    /// A value of 64 bits.
    pub(super) fn large(self, value: i64) -> Value {
        match self {
            Self::Unsigned if value < 0 => Value::Text(value.cast_unsigned().to_string()),
            Self::Decimal(scale) => Value::Text(decimal(value.into(), scale)),
            Self::Date => Value::Text(date(value)),
            Self::Time(unit) => Value::Text(time_of_day(value, unit)),
            Self::Moment { unit, universal } => Value::Text(moment(value.into(), unit, universal)),
            _ => Value::Integer(value),
        }
    }

    /// A value of bytes; what is wrong with it otherwise.
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<Value, String> {
        match self {
            Self::Text => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err("a text is not encoded as UTF-8".to_owned()),
            },
            Self::Decimal(scale) => Ok(Value::Text(decimal(big_endian(bytes)?, scale))),
            Self::Half => match bytes {
                [low, high] => Ok(Value::Text(f16::from_le_bytes([*low, *high]).to_string())),
                _ => Err(format!("expected a number of 2 bytes, found: {}", bytes.len())),
            },
            _ => Ok(Value::Bytes(bytes.to_vec())),
        }
    }
}

/// A moment as the oldest files hold it: nanoseconds of a day in two words, and the day by the Julian calendar.
pub(super) fn oldest(words: &[u32]) -> Value {
    const JULIAN_1970: i128 = 2_440_588;
    const NANOS_PER_DAY: i128 = 86_400_000_000_000;
    let [low, high, day] = [0, 1, 2].map(|place| i128::from(words.get(place).copied().unwrap_or(0)));
    let nanos = (day - JULIAN_1970) * NANOS_PER_DAY + (high << 32) + low;
    Value::Text(moment(nanos, NANOS, false))
}

/// An integer of up to 16 bytes, the highest first.
fn big_endian(bytes: &[u8]) -> Result<i128, String> {
    if bytes.len() > 16 {
        return Err(format!("expected a decimal number of up to 16 bytes, found: {}", bytes.len()));
    }
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    Ok(bytes.iter().fold(sign, |number, byte| (number << 8) | i128::from(*byte)))
}

/// `value` · 10^−`scale` with all its digits.
fn decimal(value: i128, scale: i32) -> String {
    let Some(places) = usize::try_from(scale).ok().filter(|places| (1..=99).contains(places)) else {
        return if scale == 0 { value.to_string() } else { format!("{value}e{}", -i64::from(scale)) };
    };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

/// `2026-01-31`, or the number with its unit where no calendar goes.
fn date(days: i64) -> String {
    let date = Span::new().try_days(days).and_then(|span| Date::constant(1970, 1, 1).checked_add(span));
    date.map_or_else(|_| format!("{days} days since 1970"), |date| date.to_string())
}

/// `23:59:59.5`, or the number with its unit where a day does not last so long.
fn time_of_day(value: i64, unit: Unit) -> String {
    let nanos = i128::from(value) * i128::from(NANOS.per_second / unit.per_second);
    let time = i64::try_from(nanos).ok().filter(|nanos| *nanos >= 0).and_then(|nanos| {
        let span = Span::new().try_nanoseconds(nanos).ok()?;
        Time::midnight().checked_add(span).ok()
    });
    time.map_or_else(|| format!("{value} {} of a day", unit.name), |time| time.to_string())
}

/// `2026-01-31T23:59:59.5`, with a `Z` in universal time, or the number with its unit where no calendar goes.
fn moment(value: i128, unit: Unit, universal: bool) -> String {
    let nanos = value.checked_mul(i128::from(NANOS.per_second / unit.per_second));
    match nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok()) {
        Some(moment) if universal => moment.to_string(),
        Some(moment) => TimeZone::UTC.to_datetime(moment).to_string(),
        None => format!("{value} {} since 1970", unit.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_all_their_digits() {
        for (value, scale, expected) in [
            (12345, 2, "123.45"),
            (-5, 2, "-0.05"),
            (7, 0, "7"),
            (3, -2, "3e2"),
            (i128::MIN, 1, "-17014118346046923173168730371588410572.8"),
        ] {
            assert_eq!(decimal(value, scale), expected);
        }
        assert_eq!(big_endian(&[0xff, 0xfe]).unwrap(), -2);
        assert_eq!(big_endian(&[0x01, 0x00]).unwrap(), 256);
        assert!(big_endian(&[0; 17]).is_err());
    }

    #[test]
    fn times_have_text_at_any_distance() {
        assert_eq!(date(20_000), "2024-10-04");
        assert_eq!(date(i64::from(i32::MAX)), "2147483647 days since 1970");
        assert_eq!(date(i64::MIN), "-9223372036854775808 days since 1970");
        assert_eq!(moment(1_500, MILLIS, true), "1970-01-01T00:00:01.5Z");
        assert_eq!(moment(-1, MICROS, false), "1969-12-31T23:59:59.999999");
        assert_eq!(moment(i64::MAX.into(), MICROS, true), "9223372036854775807 microseconds since 1970");
        assert_eq!(time_of_day(86_399_000, MILLIS), "23:59:59");
        assert_eq!(time_of_day(86_400_000, MILLIS), "86400000 milliseconds of a day");
        assert_eq!(time_of_day(i64::MIN, NANOS), "-9223372036854775808 nanoseconds of a day");
        let Value::Text(oldest) = oldest(&[u32::MAX; 3]) else { panic!("no text") };
        assert!(oldest.ends_with("nanoseconds since 1970"), "{oldest}");
    }
}
