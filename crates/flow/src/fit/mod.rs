//! A flow of a table without a config: the size of the network and the length of training are chosen from the table.
//!
//! ```
//! use interflow_core::{Given, Points, tch::Tensor};
//! use interflow_data::Table;
//! use interflow_flow::{FitOptions, SampleOptions, fit};
//!
//! # fn main() -> interflow_flow::Result<()> {
//! // A hundred rows of two columns; a file is read by `Table::read`.
//! let rows: Vec<f64> = (0..100).flat_map(|i| [f64::from(i), f64::from(i * i % 31)]).collect();
//! let columns = Some(vec!["age".to_owned(), "height".to_owned()]);
//! let table = Table { columns, values: Tensor::from_slice(&rows).view([100, 2]) };
//!
//! // Heights given ages; a few steps do for an example. Heights are whole numbers, and so are their samples.
//! let options = FitOptions { given: vec!["age".to_owned()], steps: Some(20), ..FitOptions::default() };
//! let flow = fit(&table, &options)?;
//!
//! // Ten heights at the age of 42, and the probability of 2 at that age.
//! let age = |n| Given::Numbers(Tensor::from(42.0).expand([n, 1], false));
//! let heights = flow.sample_with(10, &SampleOptions::default().given(age(10)))?;
//! assert_eq!(heights.points.x.size(), [10, 1]);
//! let point = Points { x: Tensor::from(2.0).view([1, 1]), given: age(1) };
//! assert!(flow.log_density(&point, 1.0)?.double_value(&[0]).is_finite());
//! # Ok(())
//! # }
//! ```

mod choice;
mod defaults;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interflow_data::{
    ColumnKind, Dataset as _, DatasetConfig, DependentColumns, Limits, Marginals, Sheet, Table, TableConfig,
    TableDataset, TextFormat, Unfit,
};
use interflow_train::TrainConfig;
use serde::Deserialize;

use crate::config::{ExperimentConfig, TargetConfig, as_name};
use crate::error::{Result, io_error, refuse};
use crate::experiment::Experiment;
use crate::flow::Flow;
use crate::run::RunFolder;

/// How a table is fitted. [`FitOptions::default`] models all columns jointly, whatever they hold, including missing
/// values.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_data::Table;
/// use interflow_flow::{FitOptions, fit};
/// use tch::{Device, Kind, Tensor};
///
/// let values = Tensor::randn([300, 2], (Kind::Double, Device::Cpu));
/// let table = Table { columns: Some(vec!["c".into(), "y".into()]), values };
/// let options = FitOptions { given: vec!["c".into()], steps: Some(5), ..FitOptions::default() };
/// let flow = fit(&table, &options)?;
/// assert_eq!(flow.columns().map(|columns| columns.state_names()), Some(vec!["y".to_owned()]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// How the text of a file is read. What is not set here is recognised from the file.
    pub text: TextFormat,
    /// The columns to use, each by its name, as `#3` by its place, or by its number from 1 if there is no header.
    /// Without it, all.
    pub columns: Option<Vec<String>>,
    /// The columns, by name or place, to leave out.
    pub drop: Vec<String>,
    /// The columns, by name or place, that are conditions: the flow models the other columns given these.
    pub given: Vec<String>,
    /// The kinds of columns, by name or place, where they are not what they look like.
    pub kinds: BTreeMap<String, ColumnKind>,
    /// The bounds of columns of numbers, dates or times, by name or place. No sample lies outside.
    pub bounds: BTreeMap<String, Limits>,
    /// How the numbers of a column are mapped to the flow's coordinates.
    pub marginals: Marginals,
    /// What is done with rows that have missing values.
    pub missing: Unfit,
    /// What is done with columns that are constant on the training rows.
    pub constant: Unfit,
    /// What is done with columns that are linear functions of others.
    pub dependent: DependentColumns,
    /// Whether the flow also learns to fill holes, that is missing values of a row given the others.
    pub fill: Fill,
    /// The integer-valued columns, by name, that are dequantised by uniform noise; or the single name `all-integers`.
    pub dequantise: Vec<String>,
    /// Whether short trainings choose how the table is trained on.
    pub trials: Trials,
    /// The number of training steps. Without it, it is chosen from the number of rows.
    pub steps: Option<u64>,
    /// The seed of all random numbers; 0 without it.
    pub seed: Option<u64>,
    /// Further keys of the experiment's config, each as `key.path=value`.
    pub set: Vec<String>,
}

/// Whether a flow learns to fill holes (missing values) in addition to modelling whole rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// The flow learns to fill holes.
    Yes,
    /// The flow learns to model whole rows only.
    No,
    /// It learns to if values are missing in the table and rows with missing values are kept.
    #[default]
    Auto,
}

/// Whether short trainings choose how a table is trained on: the times at which it is trained, and whether the
/// network corrects a Gaussian.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trials {
    /// They choose, if the table and the training are large enough for a tenth of its steps to tell something.
    #[default]
    Auto,
    /// There are none: training follows the config.
    No,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            text: TextFormat::default(),
            columns: None,
            drop: Vec::new(),
            given: Vec::new(),
            kinds: BTreeMap::new(),
            bounds: BTreeMap::new(),
            marginals: Marginals::Fitted,
            missing: Unfit::Keep,
            constant: Unfit::Keep,
            dependent: DependentColumns::default(),
            fill: Fill::Auto,
            dequantise: Vec::new(),
            trials: Trials::Auto,
            steps: None,
            seed: None,
            set: Vec::new(),
        }
    }
}

impl FitOptions {
    /// How a file's rows become a data set.
    fn table(&self, file: PathBuf) -> TableConfig {
        TableConfig {
            text: self.text.clone(),
            columns: self.columns.clone(),
            drop: self.drop.clone(),
            given: self.given.clone(),
            kinds: self.kinds.clone(),
            bounds: self.bounds.clone(),
            marginals: self.marginals,
            missing: self.missing,
            constant: self.constant,
            dependent: self.dependent,
            dequantise: self.dequantise.clone(),
            ..TableConfig::new(file)
        }
    }

    /// The fit of a sheet in `file`.
    fn of(&self, name: String, file: PathBuf, sheet: Sheet) -> Result<TableFit> {
        let table = self.table(file);
        let (given, others) = table.places(&sheet)?;
        let size = (sheet.n_rows(), given.len() + others.len());
        // What is set of the target counts before its rows are looked at.
        let draft = self.config(defaults::for_table(name.clone(), table.clone(), size, None)?)?;
        let data = rows_of(&draft)?.prepare(sheet)?;
        let columns = data.columns();
        let may_miss =
            || columns.into_iter().flatten().any(|column| !column.given && column.marginal.may_miss());
        let fill = self.fill == Fill::Yes || (self.fill == Fill::Auto && may_miss());
        let table = TableConfig { fill, ..table };
        let config = self.config(defaults::for_table(name, table, size, columns)?)?;
        let fills = rows_of(&config)?.fill;
        let chosen = ["train.time", "precondition"];
        let is_settled =
            self.set.iter().any(|set| chosen.iter().any(|key| set.trim_start().starts_with(key)));
        let data = if fills { data.with_known_coordinates() } else { data };
        Ok(TableFit { config, data, is_settled })
    }

    /// The config with what is said of training, and with single keys.
    fn config(&self, mut config: ExperimentConfig) -> Result<ExperimentConfig> {
        config.seed = self.seed.unwrap_or(config.seed);
        if let Some(steps) = self.steps {
            defaults::set_steps(&mut config, steps);
        }
        config.with(&self.set)
    }
}

/// How the rows of a fit's target are read.
fn rows_of(config: &ExperimentConfig) -> Result<&TableConfig> {
    match &config.target {
        TargetConfig::Data(DatasetConfig::Table(rows)) => Ok(rows),
        _ => refuse("a fit is of a table: its target cannot be set to something else"),
    }
}

/// A table that is ready to be fitted: the config of the experiment, and the data.
#[derive(Debug)]
pub struct TableFit {
    /// The config of the experiment that fits the table.
    pub config: ExperimentConfig,
    /// The data of the experiment's target, already read and split, for [`Experiment::loaded`].
    pub data: TableDataset,
    /// Whether the options set what short trainings choose otherwise.
    is_settled: bool,
}

impl TableFit {
    /// The fit with the training times, and with or without a Gaussian to correct, that gave the lowest NLL on the
    /// table's validation rows in short trainings. `trial` makes the experiment of each from its config. Nothing
    /// changes if the table is too small or training too short for trials to tell anything, or if the options set
    /// what is to be chosen. A trial that fails is passed over with a warning.
    ///
    /// # Errors
    /// [`crate::Error::Cancelled`] if the work is cancelled.
    pub fn choose<'a>(self, trial: impl Fn(ExperimentConfig) -> Experiment<'a>) -> Result<Self> {
        if self.is_settled {
            return Ok(self);
        }
        let config = choice::choose(self.config, &self.data, trial)?;
        Ok(Self { config, ..self })
    }

    /// The fit with the choices that were made for an earlier run, unless the options set them. `run` is a run folder
    /// or a checkpoint in one.
    ///
    /// # Errors
    /// If the config of the run folder cannot be read.
    pub fn chosen_for(self, run: &Path) -> Result<Self> {
        if self.is_settled {
            return Ok(self);
        }
        let (own, config) = (RunFolder::of(run)?.config()?, self.config);
        let train = TrainConfig { time: own.train.time, ..config.train };
        Ok(Self { config: ExperimentConfig { precondition: own.precondition, train, ..config }, ..self })
    }
}

/// Fits a flow to a table in memory.
///
/// # Errors
/// If the table does not fit the options, or training fails.
pub fn fit(table: &Table, options: &FitOptions) -> Result<Flow> {
    Ok(experiment(table, options)?.train()?.into_flow())
}

/// The experiment that fits a table in memory, so that it can be trained on another device, observed, or written to a
/// run folder. The short trainings that choose how it is trained ([`Trials`]) run in this call already.
///
/// # Errors
/// If the table does not fit the options.
pub fn experiment<'a>(table: &Table, options: &FitOptions) -> Result<Experiment<'a>> {
    let fit = of_sheet(Sheet::from(table), options)?;
    let TableFit { config, data, .. } = match options.trials {
        Trials::Auto => fit.choose(Experiment::new)?,
        Trials::No => fit,
    };
    Ok(Experiment::new(config).target(Box::new(data)))
}

/// The config and the data for fitting a sheet, whose columns may also hold texts, dates and times.
///
/// # Errors
/// If the sheet does not fit the options.
pub fn of_sheet(sheet: Sheet, options: &FitOptions) -> Result<TableFit> {
    options.of("table".to_owned(), PathBuf::new(), sheet)
}

/// The config for fitting a table in a text, NPY, NPZ or Parquet file.
///
/// # Errors
/// As [`of_file`].
pub fn config_for(file: &Path, options: &FitOptions) -> Result<ExperimentConfig> {
    Ok(of_file(file, options)?.config)
}

/// The config and the data for fitting a table in a text, NPY, NPZ or Parquet file, which is read once.
///
/// # Errors
/// If the file cannot be read, or does not fit the options.
pub fn of_file(file: &Path, options: &FitOptions) -> Result<TableFit> {
    let file = file.canonicalize().map_err(io_error("read the table", file))?;
    let name =
        file.file_stem().map_or_else(|| "table".to_owned(), |stem| as_name(&stem.to_string_lossy(), "table"));
    let sheet = options.table(file.clone()).sheet(Path::new(""))?;
    options.of(name, file, sheet)
}
