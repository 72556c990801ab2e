//! One's own table: from a file of rows to what a flow is trained and judged on.
//!
//! Columns are chosen, rows with missing values and constant columns are refused or dropped, rows are split, and
//! mean and deviation of the training rows standardise all. A dequantised column gets uniform noise of one
//! quantum, fresh at every visit of a training row and fixed for held-out rows; its scale is that of the noisy
//! values, `mean + q/2` and `√(deviation² + q²/12)`.

mod collinearity;
mod describe;
pub(super) mod kind;
mod law;
pub(super) mod limits;
mod moments;
mod oddities;
mod quantiles;
mod reading;
mod selection;
mod sources;

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

/// How a file's rows become a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// The file, relative to the data folder.
    pub file: PathBuf,
    /// How its text is read; what is not said is recognised.
    #[serde(default, skip_serializing_if = "TextFormat::is_default")]
    pub text: TextFormat,
    /// The columns to use, by name, as `#3` by place, or by number from 1 where there is no header; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The columns that are left out of these, by name or place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// The columns that the flow is given: it models the others, given these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// What columns are, by name or place, instead of what they look like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, ColumnKind>,
    /// The bounds of columns of numbers, dates or times, by name or place: no sample lies outside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bounds: BTreeMap<String, Limits>,
    /// How numbers become coordinates.
    #[serde(default, skip_serializing_if = "Marginals::is_plain")]
    pub marginals: Marginals,
    /// What becomes of rows with missing values.
    #[serde(default)]
    pub missing: Unfit,
    /// What becomes of columns that are constant on the training rows.
    #[serde(default)]
    pub constant: Unfit,
    /// What becomes of columns that are linear functions of others on the training rows.
    #[serde(default)]
    pub dependent: DependentColumns,
    /// The integer-valued columns that get noise, by name, or `all-integers`.
    #[serde(default)]
    pub dequantise: Vec<String>,
    /// Whether the flow learns to fill holes: it can then be told any of its columns, and has the law of the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fill: bool,
    /// The held-out shares.
    #[serde(default)]
    pub split: Split,
}

/// What becomes of rows or columns that a density cannot be fitted to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// An error names them.
    #[default]
    Refuse,
    /// They are left out.
    Drop,
    /// They are modelled: a missing value as one more, a constant column as a certainty.
    Keep,
}

/// How a column of numbers becomes a coordinate of a flow, where nothing else is said of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marginals {
    /// By its mean and deviation.
    #[default]
    Plain,
    /// By a law that is fitted to it: lattices, frequent values, bounds and tails are found.
    Fitted,
}

impl Marginals {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// What becomes of columns that are linear functions of others, so that there is no density of them all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependentColumns {
    /// They are left out, with a warning: the others determine them.
    #[default]
    Drop,
    /// They are modelled like the others, with a warning: the NLL is then without a bound.
    Keep,
    /// An error names them.
    Refuse,
}

impl TableConfig {
    /// Stands for every integer-valued column in [`TableConfig::dequantise`].
    pub const ALL_INTEGERS: &str = "all-integers";

    /// Tables are the user's own files.
    pub(crate) const CARDS: &'static [&'static str] = &[];

    /// All columns of `file`, nothing dropped, nothing dequantised, the usual split.
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

    /// The places in a sheet of the columns that are given, and of the others that are chosen.
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

    /// Reads and prepares the table, which lies below the folder `data`; columns that are given become numbers beside
    /// the states.
    ///
    /// # Errors
    /// As [`Sheet::read_as`] and [`Sheet::numbers`]; [`crate::Error::Content`] naming what is missing, constant or no
    /// integer where it has to be one, or for an impossible split.
    pub fn load(&self, data: &Path) -> Result<TableDataset> {
        self.prepare(self.sheet(data)?)
    }

    /// Reads the file, which lies below the folder `data`, and of its columns those that the config chooses, where a
    /// file's columns can be read apart.
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

    /// Prepares rows that were read already, from wherever: the config's file is not looked at. What may go wrong with
    /// them is said in the log.
    ///
    /// # Errors
    /// As [`TableConfig::load`].
    pub fn prepare(&self, sheet: Sheet) -> Result<TableDataset> {
        sheet.log_notes();
        self.prepared(sheet, true)
    }

    /// The columns that [`TableConfig::prepare`] makes of a sheet, without a word in the log.
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
