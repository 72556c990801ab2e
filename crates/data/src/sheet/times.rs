//! Columns of dates and times.

use std::borrow::Cow;

use super::Sheet;
use crate::error::{Result, content};
use crate::form::{Clock, Form};

impl Sheet {
    /// The form of the column at `place` as one of dates or times, in the format that is recognised.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if none is, or only some have an offset from universal time.
    pub(crate) fn clock(&self, place: usize) -> Result<Form> {
        let found = self.clock_of(place, &self.different(place).texts)?;
        let problem = || {
            let hint = "hint: --kind NAME=time:FORMAT says how they are written, as in time:%d.%m.%Y";
            content(
                &self.path,
                format!("column `{}` holds no dates or times in a known format\n{hint}", self.names[place]),
            )
        };
        found.map(Form::Time).ok_or_else(problem)
    }

    /// The first format that all fields are written in, before others the one that writes them again as they stand.
    pub(super) fn clock_of(&self, place: usize, present: &[Cow<'_, str>]) -> Result<Option<Clock>> {
        let Some(first) = present.first() else { return Ok(None) };
        let reads = |clock: &Clock| {
            clock.number(first).is_some() && present.iter().all(|field| clock.number(field).is_some())
        };
        let reading: Vec<Clock> = Clock::known().into_iter().filter(reads).collect();
        let writes = |clock: &&Clock| present.iter().all(|field| clock.rewrites(field));
        let exact: Vec<&Clock> = reading.iter().filter(writes).collect();
        let candidates = if exact.is_empty() { reading.iter().collect() } else { exact };
        let Some(clock) = candidates.first() else {
            return self.check_offsets(place, present).map(|()| None);
        };
        let differs =
            |other: &&&Clock| present.iter().any(|field| other.number(field) != clock.number(field));
        if let Some(other) = candidates.iter().find(differs) {
            let problem = format!(
                "the dates of column `{name}` allow two readings, as {:?}: {} or {}\n\
                 hint: --kind {name}=time:{} or --kind {name}=time:{}",
                first,
                clock.format,
                other.format,
                clock.format,
                other.format,
                name = self.names[place],
            );
            return Err(content(&self.path, problem));
        }
        let fields = present.iter().map(Cow::as_ref);
        Ok(Some((*clock).clone().with_offset_of(fields.clone()).with_digits_of(&fields)))
    }

    /// Refuses times of which only some have an offset from universal time: nothing says how they compare.
    fn check_offsets(&self, place: usize, present: &[Cow<'_, str>]) -> Result<()> {
        let reads = |clocks: &[Clock], field: &str| clocks.iter().any(|clock| clock.number(field).is_some());
        let Some(first) = present.first() else { return Ok(()) };
        let own = Clock::reading_of(first);
        let Some(second) = present.iter().find(|field| !reads(&own, field)) else { return Ok(()) };
        let other = Clock::reading_of(second);
        let tell = |clocks: &[Clock]| clocks.iter().any(Clock::tells_offset);
        let are_times = present.iter().all(|field| reads(&own, field) || reads(&other, field));
        if !are_times || tell(&own) == tell(&other) {
            return Ok(());
        }
        let (with, without) = if tell(&own) { (first, second) } else { (second, first) };
        let row = |text: &Cow<'_, str>| self.fields(place).position(|field| field.as_ref() == Some(text));
        let at = |text| format!("{text:?} in {} {}", self.place_word(), self.line(row(text).unwrap_or(0)));
        let name = &self.names[place];
        let problem = format!(
            "some times of column `{name}` have an offset from universal time, {}, and some have none, {}\n\
             hint: write all of them with one (Z is universal time), or none of them",
            at(with),
            at(without)
        );
        Err(content(&self.path, problem))
    }

    /// The form of the column at `place` as one of dates or times in this format.
    pub(crate) fn clock_as(&self, place: usize, format: &str) -> Form {
        let different = self.different(place).texts;
        let fields = different.iter().map(Cow::as_ref);
        Form::Time(Clock::new(format).with_offset_of(fields.clone()).with_digits_of(&fields))
    }
}
