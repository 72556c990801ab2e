//! Which columns of a sheet are meant by their names or places.

use super::Sheet;
use super::names::file_order;
use crate::error::{Result, content};

impl Sheet {
    /// The places of the columns called `names`, all places without it. `#3` is the third column of the file, unless
    /// one is called so; where there is no header, the number alone does.
    ///
    /// # Errors
    /// [`crate::Error::Content`] for a name that is not there or stands twice.
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

    /// The places of a flow's columns `names`: by name, or in a file's order ([`file_order`]) where it has no
    /// header and just as many columns.
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
