//! `fit`: a flow of a table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use interflow::data::{ColumnKind, TextFormat};
use interflow::flow::Threads;
use interflow::flow::device;
use interflow::flow::fit::{TableFit, Trials, of_sheet};
use interflow::{Experiment, ExperimentConfig, FitOptions, Result};
use pyo3::prelude::*;

use crate::attention::{Attention, Watcher};
use crate::choice::{choice, parsed};
use crate::flow::Flow;
use crate::table::Rows;

/// The arguments of `fit`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct FitArgs {
    columns: Option<Vec<String>>,
    drop: Vec<String>,
    given: Vec<String>,
    kinds: BTreeMap<String, String>,
    bounds: BTreeMap<String, String>,
    marginals: String,
    missing: String,
    constant: String,
    dependent: String,
    fill: String,
    dequantise: Vec<String>,
    trials: String,
    steps: Option<u64>,
    seed: Option<u64>,
    set: Vec<String>,
}

impl FitArgs {
    fn options(self) -> PyResult<FitOptions> {
        let kind = |(name, kind): (String, String)| Ok((name, parsed::<ColumnKind>("kinds", &kind)?));
        let bounds = |(name, bounds): (String, String)| Ok((name, parsed("bounds", &bounds)?));
        Ok(FitOptions {
            text: TextFormat::default(),
            columns: self.columns,
            drop: self.drop,
            given: self.given,
            kinds: self.kinds.into_iter().map(kind).collect::<PyResult<_>>()?,
            bounds: self.bounds.into_iter().map(bounds).collect::<PyResult<_>>()?,
            marginals: choice("marginals", &self.marginals)?,
            missing: choice("missing", &self.missing)?,
            constant: choice("constant", &self.constant)?,
            dependent: choice("dependent", &self.dependent)?,
            fill: choice("fill", &self.fill)?,
            dequantise: self.dequantise,
            trials: choice("trials", &self.trials)?,
            steps: self.steps,
            seed: self.seed,
            set: self.set,
        })
    }
}

/// Where and how training runs.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct RunArgs {
    data: PathBuf,
    out: Option<PathBuf>,
    resume: Option<PathBuf>,
    device: String,
    threads: Option<String>,
    callback: Option<Py<PyAny>>,
}

/// Fits a table.
#[pyfunction]
pub(crate) fn fit(py: Python<'_>, rows: Rows, args: FitArgs, run: RunArgs) -> PyResult<Flow> {
    let options = args.options()?;
    trained(py, run, move |experiment| {
        let fit = of_sheet(rows.sheet()?, &options)?;
        let TableFit { config, data, .. } = match options.trials {
            Trials::Auto => fit.choose(experiment)?,
            Trials::No => fit,
        };
        Ok(experiment(config).target(Box::new(data)))
    })
}

/// Makes the experiment of a config, which Python may interrupt.
pub(crate) type Make<'a> = &'a dyn Fn(ExperimentConfig) -> Experiment<'static>;

/// The flow of an experiment that is made and trained without Python's interpreter lock.
pub(crate) fn trained(
    py: Python<'_>,
    run: RunArgs,
    experiment: impl FnOnce(Make<'_>) -> Result<Experiment<'static>> + Send,
) -> PyResult<Flow> {
    let threads = run.threads.map(|threads| parsed::<Threads>("threads", &threads)).transpose()?;
    let attention = Attention::default();
    let mut watcher = Watcher { attention: attention.clone(), callback: run.callback, steps: 0 };
    let flow = attention.during(py, || {
        let device = device::parse(&run.device)?;
        let make = |config| {
            let experiment = Experiment::new(config).data(&run.data).device(device).work(attention.work());
            match threads {
                Some(threads) => experiment.threads(threads),
                None => experiment,
            }
        };
        let mut experiment = experiment(&make)?;
        if let Some(out) = run.out {
            experiment = experiment.out(out);
        }
        if let Some(resume) = run.resume {
            experiment = experiment.resume(resume);
        }
        let prepared = experiment.prepare()?;
        watcher.steps = prepared.config().train.steps;
        let trained = prepared.observe(&mut watcher).train()?;
        let folder = trained.folder.as_ref().map(|folder| folder.path().to_owned());
        Ok((trained.into_flow(), folder))
    });
    flow.map(|(flow, folder)| Flow::new(flow, folder))
}
