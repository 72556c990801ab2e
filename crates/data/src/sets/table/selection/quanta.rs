//! Which columns are dequantised, and by how much.

use super::Selection;
use crate::error::{Result, content};
use crate::sets::table::TableConfig;
use crate::sheet::is_whole;

/// The distance of neighbouring integers.
const QUANTUM: f64 = 1.0;

impl Selection<'_> {
    /// Each column's quantum, 0 for those that are not dequantised.
    pub(in crate::sets::table) fn quanta(&self, wanted: &[String]) -> Result<Vec<f64>> {
        let (all, wanted): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|name| name == TableConfig::ALL_INTEGERS);
        let places = self.sheet.places(Some(&wanted))?;
        let asked: Vec<&String> = places.iter().map(|&place| &self.sheet.names()[place]).collect();
        if let Some(name) = asked.iter().find(|name| !self.names().contains(name)) {
            return Err(content(self.path(), format!("a column to dequantise is not in use: `{name}`")));
        }
        let columns = self.columns.iter().enumerate();
        columns.map(|(d, column)| self.quantum(d, asked.contains(&&column.name), !all.is_empty())).collect()
    }

    fn quantum(&self, d: usize, asked: bool, all: bool) -> Result<f64> {
        let (column, x) = (&self.columns[d], self.values.select(1, d as i64));
        let name = &column.name;
        if column.given {
            if asked {
                let problem = format!("column `{name}` is a condition, which needs no dequantisation");
                return Err(content(self.path(), problem));
            }
            return Ok(0.0);
        }
        let whole = |x: Vec<f64>| x.into_iter().all(|x| x.is_nan() || is_whole(x));
        let integral = column.form.is_number() && Vec::<f64>::try_from(x.contiguous()).is_ok_and(whole);
        match (integral, asked) {
            (true, _) => Ok(if asked || all { QUANTUM } else { 0.0 }),
            (false, true) => {
                let problem =
                    format!("column `{name}` cannot be dequantised: it does not hold integers only");
                Err(content(self.path(), problem))
            }
            (false, false) => Ok(0.0),
        }
    }
}
