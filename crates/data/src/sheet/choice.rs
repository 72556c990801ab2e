//! Which columns of a sheet are meant by their names or places.

use super::Sheet;
use super::names::file_order;
use crate::error::{Result, content};

impl Sheet {
    /// The places, counted from 0, of the columns `names`; all places without names. `#3` is the third column of the
    /// file, unless a column has that name; if there is no header, the number alone suffices.
    ///
    /// # Errors
    /// [`crate::Error::Content`] for a name that does not exist or occurs twice.
    pub fn places(&self, names: Option<&[String]>) -> Result<Vec<usize>> {
        let Some(names) = names else { return Ok((0..self.names.len()).collect()) };
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let place = self.place(name)?;
            if places.contains(&place) {
                return Err(content(&self.path, format!("column `{name}` is asked for twice")));
            }
            places.push(place);
        }
        Ok(places)
    }

    fn place(&self, name: &str) -> Result<usize> {
        let called = |name: &str| self.names.iter().position(|other| other == name);
        let at = |number: &str| {
            let number: usize = number.parse().ok()?;
            self.columns.iter().position(|column| column.place + 1 == number)
        };
        let bare = |name: &str| if self.has_header { None } else { at(name) };
        if let Some(place) = called(name).or_else(|| at(name.strip_prefix('#')?)).or_else(|| bare(name)) {
            return Ok(place);
        }
        let same: Vec<&str> =
            self.columns.iter().filter(|column| column.title == name).map(|column| &*column.name).collect();
        let problem = match same.len() {
            0 => format!("there is no column `{name}` among: {}", self.names.join(", ")),
            _ => format!("there is more than one column `{name}`: {}", same.join(", ")),
        };
        Err(content(&self.path, problem))
    }

    /// The places of the columns `names` of a flow: by name or, if the file has no header and as many columns, in the
    /// order of the file that the flow was fitted to ([`file_order`]).
    ///
    /// # Errors
    /// As [`Sheet::places`].
    pub fn places_of(&self, names: &[String]) -> Result<Vec<usize>> {
        if !self.has_header && self.names.len() == names.len() {
            let mut places = vec![0; names.len()];
            file_order(names).into_iter().enumerate().for_each(|(place, column)| places[column] = place);
            return Ok(places);
        }
        self.places(Some(names))
    }
}
