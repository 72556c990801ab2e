//! Dates and times of day as numbers.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// What stands in a format for a fraction of a second of any number of digits.
const ANY_DIGITS: &str = "%.f";

/// The day that days and seconds are counted from.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// The format of dates and times, in the notation of `strftime`, such as `%Y-%m-%d`. In memory dates are days since
/// 1970-01-01, points of time are seconds since its beginning, and times of day are seconds since midnight. If the
/// format has an offset from universal time (`%z`, `%:z`), seconds count in universal time, so that rows with
/// different offsets can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The format.
    pub format: String,
    /// The offset from universal time, in seconds, with which times are written if the format has one: the offset of
    /// all rows, or 0 if they differ.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: i32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(offset: &i32) -> bool {
    *offset == 0
}

/// A field as a number with the offset that it was written with, 0 where it has none.
#[derive(Debug, Clone, Copy)]
struct Reading {
    number: f64,
    offset: i32,
}

/// What a format tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Date,
    Moment,
    TimeOfDay,
}

impl Clock {
    /// Times in this format; if it has an offset, they are written in universal time.
    pub fn new(format: impl Into<String>) -> Self {
        Self { format: format.into(), offset: 0 }
    }

    /// The formats that are recognised, those of which one may be taken for another beside each other.
    pub(crate) fn known() -> Vec<Self> {
        const DATES: [&str; 16] = [
            "%Y-%m-%d",
            "%Y/%m/%d",
            "%Y.%m.%d",
            "%d.%m.%Y",
            "%-d.%-m.%Y",
            "%m/%d/%Y",
            "%-m/%-d/%Y",
            "%d/%m/%Y",
            "%-d/%-m/%Y",
            "%m-%d-%Y",
            "%d-%m-%Y",
            "%b %d %Y",
            "%b %-d %Y",
            "%b %d, %Y",
            "%d %b %Y",
            "%d-%b-%Y",
        ];
        const MORE_DATES: [&str; 8] =
            ["%B %d, %Y", "%d %B %Y", "%m/%d/%y", "%-m/%-d/%y", "%d/%m/%y", "%d.%m.%y", "%Y-%m", "%b %Y"];
        const TIMES: [&str; 4] = ["%H:%M:%S", "%H:%M", "%H:%M:%S%.f", "%-H:%M"];
        let dates = || DATES.into_iter().chain(MORE_DATES);
        let moments = dates().flat_map(|date| {
            TIMES.into_iter().flat_map(move |time| {
                ["T", " "].into_iter().flat_map(move |between| {
                    ["", "Z", "+00:00", " UTC", "%:z", "%z", "%:::z", " %:z", " %z"]
                        .into_iter()
                        .map(move |zone| format!("{date}{between}{time}{zone}"))
                })
            })
        });
        let dates_alone = dates().map(str::to_owned);
        let times_alone = TIMES.into_iter().map(str::to_owned);
        dates_alone.chain(times_alone).chain(moments).map(Self::new).collect()
    }

    /// Those of the formats that are recognised in which a field is written.
    pub(crate) fn reading_of(field: &str) -> Vec<Self> {
        if !field.bytes().any(|byte| byte.is_ascii_digit()) {
            return Vec::new();
        }
        Self::known().into_iter().filter(|clock| clock.number(field).is_some()).collect()
    }

    fn told(&self) -> Told {
        match (self.has("YyFDGgCcx"), self.has("HIklTRrXcM")) {
            (true, false) => Told::Date,
            (true, true) => Told::Moment,
            _ => Told::TimeOfDay,
        }
    }

    /// Whether the format has one of these directives, `%d` or, with a flag, `%-d`.
    fn has(&self, letters: &str) -> bool {
        let mut signs = self.format.chars();
        while let Some(sign) = signs.next() {
            if sign == '%' {
                let letter = signs.find(|sign| !"-_0^#.:".contains(*sign) && !sign.is_ascii_digit());
                if letter.is_some_and(|letter| letters.contains(letter)) {
                    return true;
                }
            }
        }
        false
    }

    /// The unit of the numbers in memory.
    pub fn unit(&self) -> &'static str {
        if self.told() == Told::Date { "days" } else { "seconds" }
    }

    /// The same clock with the offset that all `fields` are written with, if they share one.
    #[must_use]
    pub(crate) fn with_offset_of<'a>(self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        if !self.has("z") {
            return self;
        }
        let mut offsets = fields.into_iter().filter_map(|field| Some(self.reading(field)?.offset));
        let first = offsets.next().unwrap_or(0);
        let shared = offsets.all(|offset| offset == first);
        Self { offset: if shared { first } else { 0 }, ..self }
    }

    /// The same clock with as many digits of a second as all `fields` have, or as the finest needs, up to microseconds.
    #[must_use]
    pub(crate) fn with_digits_of<'a>(self, fields: &(impl Iterator<Item = &'a str> + Clone)) -> Self {
        const FINEST: usize = 6;
        if !self.format.contains(ANY_DIGITS) {
            return self;
        }
        let needed = fields.clone().filter_map(|field| self.digits(field)).max().unwrap_or(0);
        let fewest = needed.clamp(1, FINEST);
        let with = |n: usize| {
            let format = self.format.replace(ANY_DIGITS, &format!("%.{n}f"));
            Self { format, ..self.clone() }
        };
        let rewriting =
            (fewest..=9).map(with).find(|clock| fields.clone().all(|field| clock.rewrites(field)));
        rewriting.unwrap_or_else(|| with(fewest))
    }

    /// How many digits of a second a field needs.
    fn digits(&self, field: &str) -> Option<usize> {
        let nanoseconds = format!("{:09}", self.parsed(field)?.subsec_nanosecond()?);
        Some(nanoseconds.trim_end_matches('0').len())
    }

    /// Whether times are written with their offset from universal time, or in it.
    pub fn tells_offset(&self) -> bool {
        self.has("z") || ["Z", "UTC", "+00:00"].iter().any(|zone| self.format.ends_with(zone))
    }

    /// The number of a field, if it is written so.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        Some(self.reading(field)?.number)
    }

    /// Whether a field, with the offset that it has, is written again as it stands.
    pub(crate) fn rewrites(&self, field: &str) -> bool {
        self.reading(field).is_some_and(|Reading { number, offset }| self.text_at(number, offset) == field)
    }

    fn reading(&self, field: &str) -> Option<Reading> {
        let mut parsed = self.parsed(field)?;
        if parsed.year().is_some_and(|year| year < 1000) {
            // 04.01.26 has a year of two digits, and no year 26.
            return None;
        }
        if parsed.day().is_none() && parsed.day_of_year().is_none() {
            parsed.set_day(Some(1)).ok()?;
        }
        let seconds = |time: Time| {
            let whole =
                f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second());
            whole + f64::from(time.subsec_nanosecond()) * 1e-9
        };
        let days = |date: Date| Some(f64::from(EPOCH.until(date).ok()?.get_days()));
        let offset = parsed.offset().map_or(0, Offset::seconds);
        let number = match self.told() {
            Told::Date => days(parsed.to_date().ok()?)?,
            Told::TimeOfDay => seconds(parsed.to_time().ok()?),
            Told::Moment => {
                let moment: DateTime = parsed.to_datetime().ok()?;
                days(moment.date())? * 86_400.0 + seconds(moment.time()) - f64::from(offset)
            }
        };
        Some(Reading { number, offset })
    }

    /// The parts of a field; a Z at the end is the offset +00:00.
    fn parsed(&self, field: &str) -> Option<BrokenDownTime> {
        let parse = |field: &str| BrokenDownTime::parse(&self.format, field).ok();
        match field.strip_suffix('Z').filter(|_| self.format.ends_with('z')) {
            Some(local) if self.format.ends_with(":z") => parse(&format!("{local}+00:00")),
            Some(local) => parse(&format!("{local}+0000")),
            None => parse(field),
        }
    }

    /// A number as it is written; the nearest one that can be.
    pub(crate) fn text(&self, number: f64) -> String {
        self.text_at(number, self.offset)
    }

    /// The point of time of a number in memory, rounded as it is written: in microseconds since 1970 began, in universal
    /// time where the format has an offset. `None` for a time of day, which is at no point of time, and for years that
    /// cannot be read.
    pub fn microseconds(&self, number: f64) -> Option<i64> {
        let written = self.number(&self.text(number))?;
        match self.told() {
            Told::Date => Some((written * 86_400e6) as i64),
            Told::Moment => Some((written * 1e6).round() as i64),
            Told::TimeOfDay => None,
        }
    }

    /// How a point of time is written that is counted as [`Clock::microseconds`] are; `None` if something of it would be
    /// lost, such as the time of day where the format is one of dates.
    pub fn text_of_microseconds(&self, microseconds: i64) -> Option<String> {
        let seconds = microseconds as f64 / 1e6;
        let number = if self.told() == Told::Date { seconds / 86_400.0 } else { seconds };
        (self.microseconds(number) == Some(microseconds)).then(|| self.text(number))
    }

    fn text_at(&self, number: f64, offset: i32) -> String {
        let number = number.clamp(-2e11, 2e11);
        let midnight = EPOCH.at(0, 0, 0, 0);
        let moment = match self.told() {
            Told::Date => after_days(midnight, number.round()),
            told => {
                let number = if told == Told::TimeOfDay {
                    number.clamp(0.0, 86_400.0 - self.resolution())
                } else {
                    number + f64::from(offset)
                };
                // Whole microseconds, unlike seconds, are exact in a double until the year 2255.
                let step = (self.resolution() * 1e6).round();
                let microseconds = (number * 1e6 / step).round() * step;
                let days = (microseconds / 86_400e6).floor();
                let rest = (microseconds - days * 86_400e6) as i64;
                let day = after_days(midnight, days);
                day.checked_add(rest.microseconds()).unwrap_or(day)
            }
        };
        let mut parts = BrokenDownTime::from(moment);
        parts.set_offset(Offset::from_seconds(offset).ok());
        parts.to_string(&self.format).unwrap_or_default()
    }

    /// Seconds between neighbouring points that can be written.
    fn resolution(&self) -> f64 {
        let fixed = (1..=5).find(|digits| self.format.contains(&format!("%.{digits}f")));
        match fixed {
            Some(digits) => 0.1_f64.powi(digits),
            None if self.has("fN") => 1e-6,
            None if self.has("STrXc") => 1.0,
            None => 60.0,
        }
    }
}

/// The moment so many days after another, at the end of the calendar where that lies beyond.
fn after_days(moment: DateTime, days: f64) -> DateTime {
    let beyond = if days < 0.0 { DateTime::MIN } else { DateTime::MAX };
    let days = days.clamp(-4_000_000.0, 4_000_000.0) as i64;
    moment.checked_add(days.days()).unwrap_or(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_time_come_back_from_every_format_that_holds_them() {
        // 2021-03-04 05:06:07.089012
        let fine = 1_614_834_367_089_012;
        let day = fine / 86_400_000_000 * 86_400_000_000;
        for (format, holds, text) in [
            ("%Y-%m-%d", day, "2021-03-04"),
            ("%Y-%m-%d %H:%M:%S", day, "2021-03-04 00:00:00"),
            ("%Y-%m-%dT%H:%M", fine / 60_000_000 * 60_000_000, "2021-03-04T05:06"),
            ("%d.%m.%Y %H:%M:%S%.3fZ", fine / 1000 * 1000, "04.03.2021 05:06:07.089Z"),
            ("%Y-%m-%d %H:%M:%S%.6f", fine, "2021-03-04 05:06:07.089012"),
        ] {
            let clock = Clock::new(format);
            assert_eq!(clock.text_of_microseconds(holds).as_deref(), Some(text), "{format}");
            assert_eq!(clock.microseconds(clock.number(text).unwrap()), Some(holds), "{format}");
        }
    }

    #[test]
    fn microseconds_of_this_century_are_told_apart() {
        let clock = Clock::new("%Y-%m-%d %H:%M:%S%.6fZ");
        for i in 0..2000 {
            let microseconds = 946_684_800_000_000 + i * 1_577_847_123_457;
            assert!(clock.text_of_microseconds(microseconds).is_some(), "{microseconds}");
        }
    }

    #[test]
    fn what_a_format_would_lose_is_not_written() {
        let noon = 43_200_000_000;
        for (format, microseconds) in
            [("%Y-%m-%d", noon), ("%Y-%m", 14 * 2 * noon), ("%Y-%m-%d %H:%M", 1_000_000), ("%H:%M", noon)]
        {
            assert_eq!(Clock::new(format).text_of_microseconds(microseconds), None, "{format}");
        }
        assert_eq!(Clock::new("%Y-%m-%d %H:%M:%S%.3f").text_of_microseconds(noon + 1), None);
    }

    #[test]
    fn an_offset_does_not_move_points_of_time() {
        let clock = Clock { offset: 7200, ..Clock::new("%Y-%m-%dT%H:%M:%S%:z") };
        let text = clock.text_of_microseconds(0);
        assert_eq!(text.as_deref(), Some("1970-01-01T02:00:00+02:00"));
        assert_eq!(clock.microseconds(0.0), Some(0));
    }
}
