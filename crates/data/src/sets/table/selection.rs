//! The columns of a sheet that a flow is fitted to.

use std::path::Path;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Points};
use tch::{Device, Kind, Tensor};

use super::{DependentColumns, TableConfig, Unfit, collinearity, moments, oddities};
use crate::columns::{Column, Columns};
use crate::error::{Error, Result, content};
use crate::rows::{Dequantisation, Rows};
use crate::sheet::names::pasted;
use crate::sheet::{Sheet, brief, is_whole, rows_where};
use crate::split::Parts;
use crate::table_dataset::TableDataset;

/// The distance of neighbouring integers.
const QUANTUM: f64 = 1.0;

/// The chosen columns of a sheet, those that are given before the others.
pub(super) struct Selection {
    sheet: Sheet,
    names: Vec<String>,
    /// The names of the columns that are given.
    given: Vec<String>,
    /// `[N, D]`
    values: Tensor,
}

impl Selection {
    /// The columns that the config chooses.
    pub(super) fn of(sheet: Sheet, config: &TableConfig) -> Result<Self> {
        let named = |places: &[usize]| -> Vec<String> {
            places.iter().map(|&place| sheet.names()[place].clone()).collect()
        };
        let (given, others) = config.places(&sheet)?;
        let places = [&given[..], &others].concat();
        let values = sheet.numbers(&places).map_err(|error| with_the_others(error, &sheet, &others))?;
        let (names, given) = (named(&places), named(&given));
        Ok(Self { sheet, names, given, values })
    }

    /// How many rows are left.
    pub(super) fn n_rows(&self) -> i64 {
        self.values.size()[0]
    }

    pub(super) fn path(&self) -> &Path {
        self.sheet.path()
    }

    pub(super) fn settle_missing(&mut self, unfit: Unfit) -> Result<()> {
        let mask = self.values.isnan().any_dim(1, false);
        let rows = rows_where(&mask);
        if rows.is_empty() {
            return Ok(());
        }
        let mut found = format!("values are missing in {}", self.sheet.row_names(&rows));
        let counts = self.values.isnan().sum_dim_intlist(0i64, false, Kind::Int64);
        let mostly: Vec<&String> = self
            .names
            .iter()
            .enumerate()
            .filter(|(d, _)| 2 * counts.int64_value(&[*d as i64]) > self.n_rows())
            .map(|(_, name)| name)
            .collect();
        if !mostly.is_empty() {
            found = format!("{found}\nhint: --drop {} leaves out what is mostly missing", pasted(&mostly));
        }
        if unfit == Unfit::Refuse {
            let hint = "hint: --missing drop (missing = \"drop\" in a config) leaves these rows out";
            return Err(content(self.path(), format!("{found}\n{hint}")));
        }
        if rows.len() as i64 == self.n_rows() {
            return Err(content(self.path(), format!("no row is without a missing value: {found}")));
        }
        tracing::info!("{}: {found}; they are left out", self.path().display());
        self.values = self.values.index_select(0, &mask.logical_not().nonzero().view(-1));
        Ok(())
    }

    pub(super) fn settle_constant(&mut self, train: &Tensor, unfit: Unfit) -> Result<()> {
        let rows = self.values.index_select(0, train);
        let varies = rows.amin(0i64, false).ne_tensor(&rows.amax(0i64, false));
        let constant = rows_where(&varies.logical_not());
        if constant.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = constant
            .iter()
            .map(|&d| format!("`{}` = {}", self.names[d], brief(rows.double_value(&[0, d as i64]))))
            .collect();
        let found = format!("constant on the training rows: {}", named.join(", "));
        if unfit == Unfit::Refuse || constant.len() == self.names.len() {
            let hint = "hint: --constant drop (constant = \"drop\" in a config) leaves constant columns out, \
                        and so does naming the others by --columns";
            return Err(content(self.path(), format!("{found}\n{hint}")));
        }
        tracing::info!("{}: {found}; left out", self.path().display());
        self.leave_out(&constant);
        Ok(())
    }

    /// What `wanted` says becomes of columns that are linear functions of others on the training rows. Conditions and
    /// columns with noise of their own have no part in it. `quanta` are the columns'.
    pub(super) fn settle_dependent(
        &mut self,
        train: &Tensor,
        quanta: &mut Vec<f64>,
        wanted: DependentColumns,
    ) -> Result<()> {
        if train.size()[0] <= self.names.len() as i64 {
            return Ok(());
        }
        let mut found = collinearity::of(&self.values.index_select(0, train));
        found.retain(|column| quanta[column.place] <= 0.0 && !self.given.contains(&self.names[column.place]));
        if found.is_empty() {
            return Ok(());
        }
        let quoted = |places: &[usize]| -> String {
            places.iter().map(|&d| format!("`{}`", self.names[d])).collect::<Vec<_>>().join(", ")
        };
        let each = found.iter().map(|one| format!("`{}` of {}", self.names[one.place], quoted(&one.on)));
        let said = format!(
            "columns are linear functions of others, {}: there is no density of them all",
            each.collect::<Vec<_>>().join("; ")
        );
        let places: Vec<usize> = found.iter().map(|column| column.place).collect();
        let n_states = self.names.len() - self.given.len();
        match wanted {
            DependentColumns::Refuse => {
                let hint =
                    "hint: --dependent drop leaves them out, --dependent keep models them all the same";
                return Err(content(self.path(), format!("{said}\n{hint}")));
            }
            DependentColumns::Drop if places.len() < n_states => {
                tracing::warn!(
                    "{}: {said}; they are left out\nhint: --dependent keep models them, with an NLL that means little",
                    self.path().display()
                );
                self.leave_out(&places);
                let mut place = 0..;
                quanta.retain(|_| place.next().is_none_or(|d| !places.contains(&d)));
            }
            _ => tracing::warn!("{}: {said}, and their NLL means little", self.path().display()),
        }
        Ok(())
    }

    /// Removes the columns at `places`.
    fn leave_out(&mut self, places: &[usize]) {
        let kept: Vec<i64> =
            (0..self.names.len()).filter(|d| !places.contains(d)).map(|d| d as i64).collect();
        self.values = self.values.index_select(1, &Tensor::from_slice(&kept));
        let mut place = 0..;
        self.names.retain(|_| place.next().is_none_or(|d| !places.contains(&d)));
    }

    /// Each column's quantum, 0 for those that are not dequantised.
    pub(super) fn quanta(&self, wanted: &[String]) -> Result<Vec<f64>> {
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
        let integral = Vec::<f64>::try_from(x.contiguous()).is_ok_and(|x| x.into_iter().all(is_whole));
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

    /// Says in the log what a flow will find hard in these columns.
    pub(super) fn log_oddities(&self, train: &Tensor, quanta: &[f64]) {
        let mut warnings = Vec::new();
        for (d, name) in self.names.iter().enumerate().filter(|(_, name)| !self.given.contains(name)) {
            let column =
                Vec::<f64>::try_from(self.values.select(1, d as i64).contiguous()).unwrap_or_default();
            warnings.extend(oddities::of(name, column, quanta[d] > 0.0));
        }
        let n_train = train.size()[0];
        if n_train <= self.names.len() as i64 {
            warnings.push(format!(
                "{n_train} rows for training are no more than there are columns, {}: such a flow tells little of other \
                 rows\nhint: more rows, or fewer columns by --columns",
                self.names.len()
            ));
        }
        for warning in warnings {
            tracing::warn!("{}: {warning}", self.path().display());
        }
    }

    pub(super) fn split(&self, parts: &Parts, quanta: &[f64], seed: u64) -> Result<TableDataset> {
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
        let moments = moments::of(train, quanta);
        let column = |((name, &quantum), (mean, deviation)): ((&String, &f64), (f64, f64))| Column {
            name: name.clone(),
            mean,
            deviation,
            quantum: (quantum > 0.0).then_some(quantum),
            given: self.given.contains(name),
        };
        Columns::new(self.names.iter().zip(quanta).zip(moments).map(column).collect())
    }
}

/// The error that columns are no numbers, with a hint that chooses the others.
fn with_the_others(error: Error, sheet: &Sheet, places: &[usize]) -> Error {
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
