//! A table of your own: from a file of rows to a data set.
//!
//! Columns are chosen, rows with missing values and constant columns are kept, refused or dropped, rows are split,
//! and the map of each column to its coordinate is fitted to the training rows. A dequantised column gets uniform
//! noise of one quantum, fresh at every visit of a training row and fixed for held-out rows; its scale is that of the
//! noisy values, `mean + q/2` and `√(deviation² + q²/12)`.

mod collinearity;
mod describe;
pub(super) mod kind;
pub(super) mod law;
pub(super) mod limits;
mod moments;
mod oddities;
mod quantiles;
mod reading;
mod selection;
pub(super) mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::kind::ColumnKind;
use self::limits::Limits;
use self::selection::Selection;
use crate::columns::Columns;
use crate::dataset::Dataset as _;
use crate::error::{Result, content};
use crate::sheet::Sheet;
use crate::sheet::format::TextFormat;
use crate::split::Split;
use crate::table_dataset::TableDataset;

/// How the rows of a file become a data set, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// The path of the file, relative to the data folder.
    pub file: PathBuf,
    /// How the text of the file is read. What is not set here is recognised from the file.
    #[serde(default, skip_serializing_if = "TextFormat::is_default")]
    pub text: TextFormat,
    /// The columns to use, each by its name, as `#3` by its place, or by its number from 1 if there is no header.
    /// Without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The columns, by name or place, to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// The columns, by name or place, that are conditions: the flow models the other columns given these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// The kinds of columns, by name or place, where they are not what they look like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, ColumnKind>,
    /// The bounds of columns of numbers, dates or times, by name or place. No sample lies outside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bounds: BTreeMap<String, Limits>,
    /// How the numbers of a column are mapped to the flow's coordinates.
    #[serde(default, skip_serializing_if = "Marginals::is_plain")]
    pub marginals: Marginals,
    /// What is done with rows that have missing values.
    #[serde(default)]
    pub missing: Unfit,
    /// What is done with columns that are constant on the training rows.
    #[serde(default)]
    pub constant: Unfit,
    /// What is done with columns that are linear functions of others on the training rows.
    #[serde(default)]
    pub dependent: DependentColumns,
    /// The integer-valued columns, by name, that are dequantised by uniform noise; or the single name `all-integers`.
    #[serde(default)]
    pub dequantise: Vec<String>,
    /// Whether the flow also learns to fill holes: it can then be told any of its columns, and models the others
    /// given these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fill: bool,
    /// The fractions of held-out rows.
    #[serde(default)]
    pub split: Split,
}

/// What is done with rows or columns to which a density cannot be fitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// They are an error, which names them.
    #[default]
    Refuse,
    /// They are left out.
    Drop,
    /// They are modelled: a missing value as one more value, a constant column as a value with probability 1.
    Keep,
}

/// How the numbers of a column become a coordinate of a flow, unless the column's kind says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marginals {
    /// They are standardised by their mean and standard deviation.
    #[default]
    Plain,
    /// They become normal scores under a fitted law, in which lattices, frequent values, bounds and tails are found.
    Fitted,
}

impl Marginals {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// What is done with columns that are linear functions of others, so that all columns together have no density.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependentColumns {
    /// They are left out, with a warning: the other columns determine them.
    #[default]
    Drop,
    /// They are modelled like the others, with a warning: the NLL then has no lower bound.
    Keep,
    /// They are an error, which names them.
    Refuse,
}

impl TableConfig {
    /// The name that stands for every integer-valued column in [`TableConfig::dequantise`].
    pub const ALL_INTEGERS: &str = "all-integers";

    /// Tables are the user's own files.
    pub(crate) const CARDS: &'static [&'static str] = &[];

    /// The defaults for `file`: all columns, none dequantised, and the default split.
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            text: TextFormat::default(),
            columns: None,
            drop: Vec::new(),
            given: Vec::new(),
            kinds: BTreeMap::new(),
            bounds: BTreeMap::new(),
            marginals: Marginals::Plain,
            missing: Unfit::Refuse,
            constant: Unfit::Refuse,
            dependent: DependentColumns::Drop,
            dequantise: Vec::new(),
            fill: false,
            split: Split::default(),
        }
    }

    /// The places in a sheet of the columns that are conditions, and of the other chosen columns.
    ///
    /// # Errors
    /// As [`Sheet::places`].
    pub fn places(&self, sheet: &Sheet) -> Result<(Vec<usize>, Vec<usize>)> {
        let given = sheet.places(Some(&self.given))?;
        let dropped = sheet.places(Some(&self.drop))?;
        let mut others = sheet.places(self.columns.as_deref())?;
        others.retain(|place| !given.contains(place) && !dropped.contains(place));
        Ok((given, others))
    }

    /// Reads and prepares the table, whose file lies below the folder `data`. Given columns become conditions.
    ///
    /// # Errors
    /// As [`Sheet::read_as`] and [`Sheet::numbers`]; [`crate::Error::Content`] naming what is missing, constant, or
    /// not an integer where it has to be one, or for an impossible split.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        self.prepare(self.sheet(data)?)
    }

    /// Reads the file, which lies below the folder `data`. Of a format whose columns can be read separately, only the
    /// chosen ones are read.
    ///
    /// # Errors
    /// As [`Sheet::read_columns`].
    pub fn sheet(&self, data: &Path) -> Result<Sheet> {
        let file = data.join(&self.file);
        match &self.columns {
            None => Sheet::read_as(&file, &self.text),
            Some(columns) => Sheet::read_columns(&file, &[&self.given[..], columns].concat(), &self.text),
        }
    }

    /// Prepares rows that were read already; the config's file is not used. Oddities of the data are reported in the
    /// log.
    ///
    /// # Errors
    /// As [`TableConfig::load`].
    pub fn prepare(&self, sheet: Sheet) -> Result<TableDataset> {
        sheet.log_notes();
        self.prepared(sheet, true)
    }

    /// The columns that [`TableConfig::prepare`] makes of a sheet, without reports in the log.
    ///
    /// # Errors
    /// As [`TableConfig::load`].
    pub fn columns_of(&self, sheet: Sheet) -> Result<Option<Columns>> {
        Ok(self.prepared(sheet, false)?.columns().cloned())
    }

    fn prepared(&self, sheet: Sheet, aloud: bool) -> Result<TableDataset> {
        let mut table = Selection::of(sheet, self, aloud)?;
        table.settle_missing(self.missing)?;
        let n_rows = table.n_rows();
        let parts = self.split.parts(n_rows).map_err(|error| content(table.path(), error.to_string()))?;
        table.settle_constant(&parts.train, self.constant)?;
        let mut quanta = table.quanta(&self.dequantise)?;
        table.settle_dependent(&parts.train, &mut quanta, self.dependent)?;
        table.log_oddities(&parts.train, &quanta);
        let data = table.split(&parts, &quanta, self.split.seed)?;
        Ok(if self.fill { data.with_known_coordinates() } else { data })
    }
}
