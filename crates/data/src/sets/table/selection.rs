//! The columns of a sheet that a flow is fitted to.

mod quanta;

use std::path::Path;

use interflow_core::rng::{Purpose, Stream};
use tch::{Kind, Tensor};

use super::describe::describe;
use super::kind::ColumnKind;
use super::law::{self, Known};
use super::reading::{by_place, forms, with_the_others};
use super::sources::{dequantised, in_cells, single, source};
use super::{DependentColumns, Marginals, TableConfig, Unfit, collinearity, moments, oddities};
use crate::column::Column;
use crate::columns::Columns;
use crate::error::{Result, content};
use crate::form::Form;
use crate::marginal::{Bounds, Marginal};
use crate::sheet::names::pasted;
use crate::sheet::{Sheet, brief, rows_where};
use crate::split::Parts;
use crate::table_dataset::TableDataset;

/// The chosen columns of a sheet, those that are given before the others.
pub(super) struct Selection<'a> {
    sheet: Sheet,
    config: &'a TableConfig,
    columns: Vec<Chosen>,
    /// `[N, D]`, NaN for what is missing.
    values: Tensor,
    /// Whether the log hears of what is found.
    aloud: bool,
}

/// A column that is in use.
struct Chosen {
    name: String,
    given: bool,
    form: Form,
    kind: Option<ColumnKind>,
    bounds: Option<Bounds>,
}

impl<'a> Selection<'a> {
    /// The columns that the config chooses.
    pub(super) fn of(sheet: Sheet, config: &'a TableConfig, aloud: bool) -> Result<Self> {
        let (given, others) = config.places(&sheet)?;
        let places = [&given[..], &others].concat();
        if places.is_empty() {
            return Err(content(
                sheet.path(),
                "no column is left to be modelled\nhint: drop fewer".to_owned(),
            ));
        }
        let kinds = by_place(&sheet, &config.kinds)?;
        let bounds = by_place(&sheet, &config.bounds)?;
        let asked: Vec<usize> = kinds.keys().chain(bounds.keys()).copied().collect();
        if let Some(place) = asked.into_iter().find(|place| !places.contains(place)) {
            let problem = format!(
                "a kind or bounds are said of a column that is not in use: `{}`",
                sheet.names()[place]
            );
            return Err(content(sheet.path(), problem));
        }
        let forms = forms(&sheet, &places, &kinds, config.marginals)
            .map_err(|error| with_the_others(error, &sheet, &others))?;
        let mut values = Vec::with_capacity(places.len());
        for (&place, form) in places.iter().zip(&forms) {
            values.push(sheet.values_in(place, form)?);
        }
        let values = Tensor::stack(&values, 1);
        let chosen = |(&place, form): (&usize, Form)| -> Result<Chosen> {
            let name = sheet.names()[place].clone();
            let bounds = match bounds.get(&place).map(|limits| limits.of(&form)).transpose() {
                Ok(bounds) => bounds,
                Err(problem) => return Err(content(sheet.path(), format!("column `{name}` {problem}"))),
            };
            let kind = kinds.get(&place).copied().cloned();
            Ok(Chosen { name, given: given.contains(&place), form, kind, bounds })
        };
        let columns = places.iter().zip(forms).map(chosen).collect::<Result<_>>()?;
        // What is asked of the sheet from here on is where its rows are.
        let sheet = sheet.without_fields();
        let selection = Self { sheet, config, columns, values, aloud };
        selection.warn_of_idle_bounds();
        Ok(selection)
    }

    /// Says in the log which bounds do nothing.
    fn warn_of_idle_bounds(&self) {
        for column in self.columns.iter().filter(|column| column.given && column.bounds.is_some()) {
            self.warn(&format!(
                "column `{}` is a condition, and may be any: its bounds do nothing",
                column.name
            ));
        }
    }

    /// The names of the columns.
    fn names(&self) -> Vec<&String> {
        self.columns.iter().map(|column| &column.name).collect()
    }

    /// How many rows are left.
    pub(super) fn n_rows(&self) -> i64 {
        self.values.size()[0]
    }

    pub(super) fn path(&self) -> &Path {
        self.sheet.path()
    }

    pub(super) fn settle_missing(&mut self, unfit: Unfit) -> Result<()> {
        if unfit == Unfit::Keep {
            return Ok(());
        }
        let mask = self.values.isnan().any_dim(1, false);
        let rows = rows_where(&mask);
        if rows.is_empty() {
            return Ok(());
        }
        let mut found = format!("values are missing in {}", self.sheet.row_names(&rows));
        let counts = self.values.isnan().sum_dim_intlist(0i64, false, Kind::Int64);
        let mostly: Vec<&String> = self
            .names()
            .into_iter()
            .enumerate()
            .filter(|(d, _)| 2 * counts.int64_value(&[*d as i64]) > self.n_rows())
            .map(|(_, name)| name)
            .collect();
        if !mostly.is_empty() {
            found = format!("{found}\nhint: --drop {} leaves out what is mostly missing", pasted(&mostly));
        }
        if unfit == Unfit::Refuse {
            let hint = "hint: --missing drop (missing = \"drop\" in a config) leaves these rows out, --missing keep models \
                        that they are missing";
            return Err(content(self.path(), format!("{found}\n{hint}")));
        }
        if rows.len() as i64 == self.n_rows() {
            return Err(content(self.path(), format!("no row is without a missing value: {found}")));
        }
        self.inform(&format!("{found}; they are left out"));
        self.values = self.values.index_select(0, &mask.logical_not().nonzero().view(-1));
        Ok(())
    }

    pub(super) fn settle_constant(&mut self, train: &Tensor, unfit: Unfit) -> Result<()> {
        if unfit == Unfit::Keep {
            return Ok(());
        }
        let rows = self.values.index_select(0, train);
        // Next to values that are missing, one value is two.
        let varies = rows.amin(0i64, false).ne_tensor(&rows.amax(0i64, false));
        let constant = rows_where(&varies.logical_not());
        if constant.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = constant
            .iter()
            .map(|&d| {
                let column = &self.columns[d];
                let value = rows.double_value(&[0, d as i64]);
                let value = match &column.form {
                    Form::Number => brief(value),
                    form => form.said(value),
                };
                format!("`{}` = {value}", column.name)
            })
            .collect();
        let found = format!("constant on the training rows: {}", named.join(", "));
        if unfit == Unfit::Refuse || constant.len() == self.columns.len() {
            let hint = "hint: --constant drop (constant = \"drop\" in a config) leaves constant columns out, \
                        and so does naming the others by --columns";
            return Err(content(self.path(), format!("{found}\n{hint}")));
        }
        self.inform(&format!("{found}; left out"));
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
        let numeric: Vec<usize> = (0..self.columns.len()).filter(|&d| self.is_plain(d)).collect();
        if train.size()[0] <= numeric.len() as i64 || numeric.is_empty() {
            return Ok(());
        }
        let places: Vec<i64> = numeric.iter().map(|&d| d as i64).collect();
        let rows = self.values.index_select(0, train).index_select(1, &Tensor::from_slice(&places));
        let mut found = collinearity::of(&rows);
        for one in &mut found {
            one.place = numeric[one.place];
            one.on.iter_mut().for_each(|place| *place = numeric[*place]);
        }
        found.retain(|one| quanta[one.place] <= 0.0 && !self.columns[one.place].given);
        if found.is_empty() {
            return Ok(());
        }
        let quoted = |places: &[usize]| -> String {
            places.iter().map(|&d| format!("`{}`", self.columns[d].name)).collect::<Vec<_>>().join(", ")
        };
        let each =
            found.iter().map(|one| format!("`{}` of {}", self.columns[one.place].name, quoted(&one.on)));
        let said = format!(
            "columns are linear functions of others, {}: there is no density of them all",
            each.collect::<Vec<_>>().join("; ")
        );
        let places: Vec<usize> = found.iter().map(|column| column.place).collect();
        let n_states = self.columns.iter().filter(|column| !column.given).count();
        match wanted {
            DependentColumns::Refuse => {
                let hint =
                    "hint: --dependent drop leaves them out, --dependent keep models them all the same";
                return Err(content(self.path(), format!("{said}\n{hint}")));
            }
            DependentColumns::Drop if places.len() < n_states => {
                self.warn(&format!(
                    "{said}; they are left out\nhint: --dependent keep models them, with an NLL that means little"
                ));
                self.leave_out(&places);
                let mut place = 0..;
                quanta.retain(|_| place.next().is_none_or(|d| !places.contains(&d)));
            }
            _ => self.warn(&format!("{said}, and their NLL means little")),
        }
        Ok(())
    }

    /// Whether a column is of numbers of which none is missing and that differ.
    fn is_plain(&self, d: usize) -> bool {
        let x = self.values.select(1, d as i64);
        let holds = |mask: Tensor| mask.any().int64_value(&[]) != 0;
        self.columns[d].form.is_number() && !holds(x.isnan()) && holds(x.ne_tensor(&x.select(0, 0)))
    }

    /// Removes the columns at `places`.
    fn leave_out(&mut self, places: &[usize]) {
        let kept: Vec<i64> =
            (0..self.columns.len()).filter(|d| !places.contains(d)).map(|d| d as i64).collect();
        self.values = self.values.index_select(1, &Tensor::from_slice(&kept));
        let mut place = 0..;
        self.columns.retain(|_| place.next().is_none_or(|d| !places.contains(&d)));
    }

    /// Says in the log what a flow will find hard in these columns.
    pub(super) fn log_oddities(&self, train: &Tensor, quanta: &[f64]) {
        let mut warnings = Vec::new();
        let fitted = self.config.marginals == Marginals::Fitted;
        for (d, column) in self.columns.iter().enumerate() {
            if column.given || !matches!(column.form, Form::Number | Form::Integer { .. }) {
                continue;
            }
            let values = self.values.select(1, d as i64);
            let values = values.masked_select(&values.isnan().logical_not());
            let values = Vec::<f64>::try_from(values.contiguous()).unwrap_or_default();
            warnings.extend(oddities::of(&column.name, values, quanta[d] > 0.0, fitted));
        }
        let n_train = train.size()[0];
        if n_train <= self.columns.len() as i64 {
            warnings.push(format!(
                "{n_train} rows for training are no more than there are columns, {}: such a flow tells little of other \
                 rows\nhint: more rows, or fewer columns by --columns",
                self.columns.len()
            ));
        }
        for warning in &warnings {
            self.warn(warning);
        }
    }

    fn inform(&self, said: &str) {
        if self.aloud {
            tracing::info!("{}: {said}", self.path().display());
        }
    }

    fn warn(&self, said: &str) {
        if self.aloud {
            tracing::warn!("{}: {said}", self.path().display());
        }
    }

    pub(super) fn split(&self, parts: &Parts, quanta: &[f64], seed: u64) -> Result<TableDataset> {
        let train = self.values.index_select(0, &parts.train);
        let columns = self.fit(&train, quanta)?;
        self.log_kinds(&columns);
        self.log_outliers(&columns, &train);
        let mut noise = Stream::new(seed, Purpose::Dequantise).at(0);
        let dim = columns.space().dim;
        let mut standardised = |rows: &Tensor| {
            let rows = self.values.index_select(0, rows);
            // Conditions have no use for theirs.
            let share = noise.uniform(&rows.size(), Kind::Double);
            columns.standardise_by(&rows, &share.narrow(1, rows.size()[1] - dim, dim))
        };
        let (validation, test) = (standardised(&parts.validation)?, standardised(&parts.test)?);
        let plain = columns.scales().is_some();
        let train = match () {
            () if !plain => in_cells(&columns, &train)?,
            () if quanta.iter().any(|quantum| *quantum > 0.0) => dequantised(&columns, &train)?,
            () => source(single(&columns.standardise(&train)?.points))?,
        };
        let log_jacobian = test.log_jacobian;
        let dataset = TableDataset::new(train, source(single(&validation.points))?, single(&test.points))?;
        Ok(dataset.with_columns(columns).with_log_jacobian(log_jacobian))
    }

    /// The columns with their scales and laws, from the training rows.
    fn fit(&self, train: &Tensor, quanta: &[f64]) -> Result<Columns> {
        let moments = moments::of(train, quanta);
        let lawful: Vec<bool> = (0..self.columns.len()).map(|d| self.wants_law(d)).collect();
        let some = lawful.iter().any(|lawful| *lawful);
        let column = |d: usize, (mean, deviation): (f64, f64)| -> Result<Column> {
            let (chosen, quantum) = (&self.columns[d], quanta[d]);
            let plain = Column::affine(&chosen.name, mean, deviation)
                .with_quantum((quantum > 0.0).then_some(quantum))
                .with_given(chosen.given);
            // Noise of a quantum and noise of cells are drawn in different ways.
            if !lawful[d] && (quantum <= 0.0 || !some) {
                return Ok(plain);
            }
            let numbers = |rows: &Tensor| {
                Vec::<f64>::try_from(rows.select(1, d as i64).contiguous()).unwrap_or_default()
            };
            let lattice = ColumnKind::Lattice(Some(quantum));
            let kind = match chosen.kind.as_ref() {
                // A condition may be any number, whatever those of the table were.
                _ if chosen.given => Some(&ColumnKind::Number),
                _ if quantum > 0.0 => Some(&lattice),
                kind => kind,
            };
            let known = Known { kind, bounds: chosen.bounds.filter(|_| !chosen.given) };
            let law = law::of(&numbers(train), &numbers(&self.values), &chosen.form, &known);
            let law =
                law.map_err(|error| content(self.path(), format!("column `{}`: {error}", chosen.name)))?;
            Ok(Column { form: chosen.form.clone(), marginal: Marginal::Scores(law), ..plain })
        };
        let columns = moments.into_iter().enumerate().map(|(d, moments)| column(d, moments));
        Columns::new(columns.collect::<Result<_>>()?)
    }

    /// Whether a column becomes a coordinate by a fitted law: because it is no plain numbers, or where laws are wanted.
    fn wants_law(&self, d: usize) -> bool {
        /// Numbers beyond are scaled as they are; their slopes and logarithms would be none.
        const MODERATE: std::ops::Range<f64> = 1e-100..1e100;
        let chosen = &self.columns[d];
        if chosen.kind.is_some() || chosen.bounds.is_some() || !self.is_plain(d) {
            return true;
        }
        let largest = self.values.select(1, d as i64).abs().max().double_value(&[]);
        self.config.marginals == Marginals::Fitted && MODERATE.contains(&largest)
    }

    /// Says in the log which columns have numbers in the training rows `train` that their law is lost to.
    fn log_outliers(&self, columns: &Columns, train: &Tensor) {
        for (column, x) in columns.iter().zip(train.unbind(1)) {
            let Marginal::Scores(law) = &column.marginal else { continue };
            let Some(stretch) = law.stretch() else { continue };
            let is_atom = |value: f64| law.atoms().any(|atom| atom.value.to_bits() == value.to_bits());
            let mut values = Vec::<f64>::try_from(x.contiguous()).unwrap_or_default();
            values.retain(|value| !value.is_nan() && !is_atom(*value));
            values.sort_by(f64::total_cmp);
            if let Some(warning) = oddities::outliers(&column.name, &column.form, &values, stretch) {
                self.warn(&warning);
            }
        }
    }

    /// Says in the log what each column is taken for, where that was found.
    fn log_kinds(&self, columns: &Columns) {
        if self.config.marginals == Marginals::Fitted {
            columns
                .iter()
                .for_each(|column| self.inform(&format!("column `{}`: {}", column.name, describe(column))));
        }
    }
}
