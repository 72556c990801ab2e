//! Arguments of how the text of a table is read.

use clap::Args;
use interflow_data::{Decimal, Header, Separator, TextFormat, Thousands};

use super::NameList;
use super::noise::named;

/// How the text of a table is read; what is not said is recognised.
#[derive(Debug, Clone, Args)]
pub(crate) struct TextArgs {
    /// The text's encoding, as utf-16le or windows-1252; by its byte order mark or UTF-8 without it.
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    encoding: Option<String>,
    /// What stands between fields: one sign, tab or blanks.
    #[arg(long, value_parser = named::<Separator>, value_name = "SIGN", help_heading = HEADING)]
    separator: Option<Separator>,
    /// The decimal mark: . or ,
    #[arg(long, value_parser = named::<Decimal>, value_name = "MARK", help_heading = HEADING)]
    decimal: Option<Decimal>,
    /// What stands between thousands: , or . or ' or blank.
    #[arg(long, value_parser = named::<Thousands>, value_name = "MARK", help_heading = HEADING)]
    thousands: Option<Thousands>,
    /// Whether the first line names the columns: yes or no.
    #[arg(long, value_parser = named::<Header>, value_name = "YES|NO", help_heading = HEADING)]
    header: Option<Header>,
    /// Lines to leave out, counted from 1, as 1,3 or 1-4: titles, units, totals.
    #[arg(long, value_parser = Lines::parse, value_name = "LINE,...", help_heading = HEADING)]
    skip_rows: Option<Lines>,
    /// What stands for a missing value beside an empty field and NA, N/A, n.a., #N/A, #NA, <NA>, NaN, null, (null), \N,
    /// None, nil, nat, missing, ?, -, --, ., .., #DIV/0!, #VALUE!, #REF!, #NUM!, #NAME?, #NULL! in any case of letters.
    #[arg(long, value_parser = NameList::parse, allow_hyphen_values = true, value_name = "MARK,...", help_heading = HEADING)]
    missing_marks: Vec<NameList>,
}

const HEADING: &str = "Text of a table";

impl TextArgs {
    /// What is known of the text.
    pub(crate) fn format(&self) -> TextFormat {
        TextFormat {
            encoding: self.encoding.clone(),
            separator: self.separator,
            decimal: self.decimal,
            thousands: self.thousands,
            header: self.header,
            skip_rows: self.skip_rows.as_ref().map_or_else(Vec::new, |lines| lines.0.clone()),
            missing_marks: NameList::names(&self.missing_marks),
        }
    }
}

/// The numbers of lines.
#[derive(Debug, Clone)]
struct Lines(Vec<u64>);

impl Lines {
    /// Parses numbers and ranges between commas.
    fn parse(list: &str) -> Result<Self, String> {
        const MOST: u64 = 100_000;
        let wrong = || format!("expected numbers of lines from 1, as 1,3 or 1-4, found: {list}");
        let mut lines = Vec::new();
        for range in list.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
            let (first, last) = (number(first)?, number(last)?);
            if first == 0 || last < first || last - first >= MOST {
                return Err(wrong());
            }
            lines.extend(first..=last);
        }
        Ok(Self(lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbers_and_ranges() {
        assert_eq!(Lines::parse("1, 3-5").unwrap().0, [1, 3, 4, 5]);
        for wrong in ["", "0", "3-1", "a", "1-", "1-9999999999"] {
            assert!(Lines::parse(wrong).unwrap_err().contains("from 1"), "{wrong}");
        }
    }
}
