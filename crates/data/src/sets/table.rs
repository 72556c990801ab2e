//! One's own table: from a file of rows to what a flow is trained and judged on.
//!
//! Columns are chosen, rows with missing values and constant columns are refused or dropped, rows are split, and
//! mean and deviation of the training rows standardise all. A dequantised column gets uniform noise of one
//! quantum, fresh at every visit of a training row and fixed for held-out rows; its scale is that of the noisy
//! values, `mean + q/2` and `√(deviation² + q²/12)`.

use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Points};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::columns::{Column, Columns};
use crate::error::{Result, content};
use crate::rows::{Dequantisation, Rows};
use crate::sheet::{Sheet, rows_where};
use crate::split::{Parts, Split};
use crate::table_dataset::TableDataset;

/// The distance of neighbouring integers.
const QUANTUM: f64 = 1.0;

/// How a file's rows become a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// The file, relative to the data folder.
    pub file: PathBuf,
    /// The columns to use, by name, or by number from 1 where there is no header; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The columns that the flow is given: it models the others, given these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// What becomes of rows with missing values.
    #[serde(default)]
    pub missing: Unfit,
    /// What becomes of columns that are constant on the training rows.
    #[serde(default)]
    pub constant: Unfit,
    /// The integer-valued columns that get noise, by name, or `all-integers`.
    #[serde(default)]
    pub dequantise: Vec<String>,
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
            columns: None,
            given: Vec::new(),
            missing: Unfit::Refuse,
            constant: Unfit::Refuse,
            dequantise: Vec::new(),
            split: Split::default(),
        }
    }

    /// Reads and prepares the table, which lies below the folder `data`; columns that are given become numbers beside
    /// the states.
    ///
    /// # Errors
    /// As [`Sheet::numbers`]; [`crate::Error::Content`] naming what is missing, constant or no integer where it has
    /// to be one, or for an impossible split.
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
            None => Sheet::read(&file),
            Some(columns) => Sheet::read_columns(&file, &[&self.given[..], columns].concat()),
        }
    }

    /// Prepares rows that were read already, from wherever: the config's file is not looked at.
    ///
    /// # Errors
    /// As [`TableConfig::load`].
    pub fn prepare(&self, sheet: Sheet) -> Result<TableDataset> {
        let mut table = Selection::of(sheet, self)?;
        table.settle_missing(self.missing)?;
        let n_rows = table.values.size()[0];
        let parts = self.split.parts(n_rows).map_err(|error| content(table.path(), error.to_string()))?;
        table.settle_constant(&parts.train, self.constant)?;
        let quanta = table.quanta(&self.dequantise)?;
        table.split(&parts, &quanta, self.split.seed)
    }
}

/// The chosen columns of a sheet, those that are given before the others.
struct Selection {
    sheet: Sheet,
    names: Vec<String>,
    /// The names of the columns that are given.
    given: Vec<String>,
    /// `[N, D]`
    values: Tensor,
}

impl Selection {
    /// The columns that the config chooses.
    fn of(sheet: Sheet, config: &TableConfig) -> Result<Self> {
        let mut places = sheet.places(Some(&config.given))?;
        let named = |places: &[usize]| places.iter().map(|&place| sheet.names()[place].clone()).collect();
        let given: Vec<String> = named(&places);
        let others = sheet.places(config.columns.as_deref())?;
        places.extend(others.into_iter().filter(|place| !given.contains(&sheet.names()[*place])));
        let names = named(&places);
        Ok(Self { values: sheet.numbers(&places)?, names, given, sheet })
    }

    fn path(&self) -> &Path {
        self.sheet.path()
    }

    fn settle_missing(&mut self, unfit: Unfit) -> Result<()> {
        let mask = self.values.isnan().any_dim(1, false);
        let rows = rows_where(&mask);
        if rows.is_empty() {
            return Ok(());
        }
        let found = format!("values are missing in {}", self.sheet.row_names(&rows));
        if unfit == Unfit::Refuse {
            let hint = "hint: --missing drop (missing = \"drop\" in a config) leaves these rows out";
            return Err(content(self.path(), format!("{found}\n{hint}")));
        }
        tracing::info!("{}: {found}; they are left out", self.path().display());
        self.values = self.values.index_select(0, &mask.logical_not().nonzero().view(-1));
        Ok(())
    }

    fn settle_constant(&mut self, train: &Tensor, unfit: Unfit) -> Result<()> {
        let rows = self.values.index_select(0, train);
        let varies = rows.amin(0i64, false).ne_tensor(&rows.amax(0i64, false));
        let constant = rows_where(&varies.logical_not());
        if constant.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = constant
            .iter()
            .map(|&d| format!("`{}` = {}", self.names[d], rows.double_value(&[0, d as i64])))
            .collect();
        let found = format!("constant on the training rows: {}", named.join(", "));
        if unfit == Unfit::Refuse || constant.len() == self.names.len() {
            let hint = "hint: --constant drop (constant = \"drop\" in a config) leaves constant columns out, \
                        and so does naming the others by --columns";
            return Err(content(self.path(), format!("{found}\n{hint}")));
        }
        tracing::info!("{}: {found}; left out", self.path().display());
        self.values = self.values.index_select(1, &varies.nonzero().view(-1));
        let mut place = 0..;
        self.names.retain(|_| place.next().is_none_or(|d| !constant.contains(&d)));
        Ok(())
    }

    /// Each column's quantum, 0 for those that are not dequantised.
    fn quanta(&self, wanted: &[String]) -> Result<Vec<f64>> {
        let (all, wanted): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|name| name == TableConfig::ALL_INTEGERS);
        let places = self.sheet.places(Some(&wanted))?;
        let asked: Vec<&String> = places.iter().map(|&place| &self.sheet.names()[place]).collect();
        if let Some(name) = asked.iter().find(|name| !self.names.contains(name)) {
            return Err(content(self.path(), format!("a column to dequantise is not in use: `{name}`")));
        }
        let columns = self.names.iter().enumerate();
        columns.map(|(d, name)| self.quantum(d, asked.contains(&name), !all.is_empty())).collect()
    }

    fn quantum(&self, d: usize, asked: bool, all: bool) -> Result<f64> {
        let (name, x) = (&self.names[d], self.values.select(1, d as i64));
        if self.given.contains(name) {
            if asked {
                let problem = format!("column `{name}` is a condition, which needs no dequantisation");
                return Err(content(self.path(), problem));
            }
            return Ok(0.0);
        }
        let integral = x.eq_tensor(&x.round()).all().int64_value(&[]) == 1;
        match (integral, asked || all) {
            (true, true) => return Ok(QUANTUM),
            (true, false) => tracing::warn!(
                "column `{name}` holds integers only, on which a density is unbounded\n\
                 hint: --dequantise {name}, or {}",
                TableConfig::ALL_INTEGERS
            ),
            (false, _) if asked => {
                let problem =
                    format!("column `{name}` cannot be dequantised: it does not hold integers only");
                return Err(content(self.path(), problem));
            }
            (false, _) => {}
        }
        Ok(0.0)
    }

    fn split(&self, parts: &Parts, quanta: &[f64], seed: u64) -> Result<TableDataset> {
        let train = self.values.index_select(0, &parts.train);
        let columns = self.columns(&train, quanta)?;
        let numbers =
            |number: fn(&Column) -> f64| Tensor::from_slice(&columns.iter().map(number).collect::<Vec<_>>());
        let (mean, deviation, quantum) =
            (numbers(|column| column.mean), numbers(|column| column.deviation), Tensor::from_slice(quanta));
        let mut noise = Stream::new(seed, Purpose::Dequantise).at(0);
        let mut standardised = |rows: &Tensor| {
            let rows = self.values.index_select(0, rows);
            let noisy = &rows + noise.uniform(&rows.size(), Kind::Double) * &quantum;
            columns.part(&((noisy - &mean) / &deviation).to_kind(Kind::Float))
        };
        let (validation, test) = (standardised(&parts.validation), standardised(&parts.test));
        let train = if quanta.iter().any(|quantum| *quantum > 0.0) {
            dequantised(&columns, columns.part(&train))?
        } else {
            plain(standardised(&parts.train))?
        };
        let log_jacobian = columns.log_jacobian();
        let dataset = TableDataset::new(train, plain(validation)?, test)?;
        Ok(dataset.with_columns(columns).with_log_jacobian(log_jacobian))
    }

    /// Names and scales from the training rows.
    fn columns(&self, train: &Tensor, quanta: &[f64]) -> Result<Columns> {
        let (mean, variance) = (train.mean_dim(0i64, false, Kind::Double), train.var_dim(0i64, false, false));
        let column = |(d, (name, &quantum)): (usize, (&String, &f64))| Column {
            name: name.clone(),
            mean: mean.double_value(&[d as i64]) + 0.5 * quantum,
            deviation: (variance.double_value(&[d as i64]) + quantum * quantum / 12.0).sqrt(),
            quantum: (quantum > 0.0).then_some(quantum),
            given: self.given.contains(name),
        };
        Columns::new(self.names.iter().zip(quanta).enumerate().map(column).collect())
    }
}

/// A source of states in the table's units, which are dequantised and standardised at every visit.
fn dequantised(columns: &Columns, raw: Points) -> Result<Rows> {
    let numbers =
        |number: fn(&Column) -> f64| Tensor::from_slice(&columns.states().map(number).collect::<Vec<_>>());
    let dequantisation = Dequantisation {
        quantum: numbers(|column| column.quantum.unwrap_or(0.0)),
        mean: numbers(|column| column.mean),
        deviation: numbers(|column| column.deviation),
    };
    let given = match raw.given {
        Given::Numbers(numbers) => columns.standardise_given(&numbers)?.place((Kind::Float, Device::Cpu)),
        nothing => nothing,
    };
    beside(Rows::dequantised(raw.x, dequantisation)?, given)
}

/// A source of standardised points.
fn plain(points: Points) -> Result<Rows> {
    beside(Rows::new(points.x)?, points.given)
}

/// The rows with what they are given.
fn beside(rows: Rows, given: Given) -> Result<Rows> {
    match given {
        Given::Numbers(numbers) => rows.given(numbers),
        _ => Ok(rows),
    }
}
