//! How the columns of a sheet that are in use are read.

use std::collections::BTreeMap;

use super::Marginals;
use super::kind::ColumnKind;
use crate::error::{Error, Result, content};
use crate::form::Form;
use crate::sheet::Sheet;
use crate::sheet::names::pasted;

/// What is said of columns by name, by their places.
pub(super) fn by_place<'a, T>(
    sheet: &Sheet,
    said: &'a BTreeMap<String, T>,
) -> Result<BTreeMap<usize, &'a T>> {
    let names: Vec<String> = said.keys().cloned().collect();
    Ok(sheet.places(Some(&names))?.into_iter().zip(said.values()).collect())
}

/// How the values of the columns at `places` are written; all columns that are of no use are named at once.
pub(super) fn forms(
    sheet: &Sheet,
    places: &[usize],
    kinds: &BTreeMap<usize, &ColumnKind>,
    marginals: Marginals,
) -> Result<Vec<Form>> {
    sheet.check_usable(places, |place| {
        matches!(kinds.get(&place), None | Some(ColumnKind::Number | ColumnKind::Lattice(_)))
    })?;
    // A mean and a deviation are of numbers as they stand.
    let of_numbers = |place| match marginals {
        Marginals::Fitted => sheet.form_of_numbers(place),
        Marginals::Plain => Ok(Form::Number),
    };
    let (mut problems, mut unusable) = (Vec::new(), Vec::new());
    let mut forms = Vec::new();
    for &place in places {
        let form = match kinds.get(&place) {
            Some(ColumnKind::Category) => sheet.categories(place),
            Some(ColumnKind::Time(None)) => sheet.clock(place),
            Some(ColumnKind::Time(Some(format))) => Ok(sheet.clock_as(place, format)),
            // Who says that they are numbers takes what a double holds of them.
            Some(_) => Ok(of_numbers(place).unwrap_or_default()),
            None => match sheet.form(place) {
                Ok(Form::Number) => of_numbers(place),
                form => form,
            },
        };
        match form {
            Ok(form) => forms.push(form),
            Err(Error::Content { problem, .. }) => {
                problems.push(problem);
                unusable.push(&sheet.names()[place]);
            }
            Err(other) => return Err(other),
        }
    }
    if problems.is_empty() {
        return Ok(forms);
    }
    let hint = format!("hint: --drop {} leaves out what cannot be used", pasted(&unusable));
    Err(content(sheet.path(), format!("{}\n{hint}", problems.join("\n"))))
}

/// The error that columns are no numbers, with a hint that chooses the others.
pub(super) fn with_the_others(error: Error, sheet: &Sheet, places: &[usize]) -> Error {
    let usable = sheet.usable(places);
    match error {
        Error::Content { path, problem } if (1..places.len()).contains(&usable.len()) => {
            let names: Vec<&String> = usable.iter().map(|&place| &sheet.names()[place]).collect();
            let problem = format!("{problem}\nhint: --columns {} uses the others", pasted(&names));
            Error::Content { path, problem }
        }
        other => other,
    }
}
