//! Fields as every reader of CSV takes them.

use std::borrow::Cow;

use super::Sheet;

impl Sheet {
    /// For each column whether it is of numbers.
    pub(super) fn are_numbers(&self) -> Vec<bool> {
        (0..self.columns.len()).map(|place| self.problem_of(place).is_none()).collect()
    }

    /// A field as it stands in the file; but where that says a number in a way of its own, as `2,5` or `$5`, that number.
    pub(super) fn plain_field(&self, row: usize, place: usize, is_number: bool) -> Cow<'_, str> {
        let field = self.field(row, place);
        let trimmed = field.trim();
        match self.numerals.amount(trimmed).filter(|amount| is_number && trimmed.parse() != Ok(amount.value))
        {
            Some(amount) => amount.value.to_string().into(),
            None => field,
        }
    }
}
