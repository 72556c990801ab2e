//! A trained flow.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use interflow::Result;
use interflow::core::{Given, GivenSpace, Points};
use interflow::data::Columns;
use interflow::flow::{CarryOptions, DensityOptions, device};
use interflow::tch::{Kind, Tensor};
use pyo3::prelude::*;

use crate::attention::Attention;
use crate::capsule::Shared;
use crate::column::Column;
use crate::mutex::lock;
use crate::points::{Conditions, expanded, table_rows};
use crate::samples::SampleArgs;
use crate::table::Rows;

/// A trained flow, for one caller at a time.
#[pyclass(frozen, module = "interflow")]
pub(crate) struct Flow {
    own: Mutex<interflow::Flow>,
    attention: Attention,
    /// The folder of the run that it comes from, if it has one.
    #[pyo3(get)]
    folder: Option<PathBuf>,
}

/// Samples, what they were given, their log-densities and the calls of the network.
type Samples = (Shared, Option<Shared>, Option<Shared>, u64);

impl Flow {
    /// The flow for Python, which may interrupt what it does.
    pub(crate) fn new(flow: interflow::Flow, folder: Option<PathBuf>) -> Self {
        let attention = Attention::default();
        Self { own: Mutex::new(flow.with_work(attention.work())), attention, folder }
    }

    /// What `work` makes of the flow without Python's interpreter lock.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&interflow::Flow) -> Result<T> + Send,
    ) -> PyResult<T> {
        self.attention.during(py, || work(&lock(&self.own)))
    }

    /// What the flow says of itself.
    fn said<T: Send>(&self, py: Python<'_>, word: impl FnOnce(&interflow::Flow) -> T + Send) -> T {
        py.detach(|| word(&lock(&self.own)))
    }
}

#[pymethods]
impl Flow {
    /// The flow of a run folder or a checkpoint file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, device: &str) -> PyResult<Self> {
        let load = || interflow::Flow::load_on(path, device::parse(device)?);
        Attention::default().during(py, load).map(|flow| Self::new(flow, None))
    }

    /// Writes a checkpoint file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.with(py, |flow| flow.save(path))
    }

    /// The columns of the flow's table, those that are given first; none for a flow of another target.
    #[getter]
    fn columns(&self, py: Python<'_>) -> Option<Vec<Column>> {
        self.said(py, |flow| flow.columns().map(|columns| columns.iter().map(Column::from).collect()))
    }

    /// How many coordinates a state has.
    #[getter]
    fn dim(&self, py: Python<'_>) -> i64 {
        self.said(py, |flow| flow.space().dim)
    }

    /// How many classes the flow tells apart, 0 where it is given none.
    #[getter]
    fn n_classes(&self, py: Python<'_>) -> i64 {
        self.said(py, |flow| match flow.space().given {
            GivenSpace::Class { n_classes } => n_classes,
            _ => 0,
        })
    }

    /// Channels, height, width and levels of the images that states are; none for other states.
    #[getter]
    fn images(&self, py: Python<'_>) -> Option<(i64, i64, i64, i64)> {
        self.said(py, |flow| {
            flow.manifest().target.images.map(|it| (it.channels, it.height, it.width, it.n_levels))
        })
    }

    /// The seed of its samples.
    #[getter]
    fn seed(&self, py: Python<'_>) -> u64 {
        self.said(py, |flow| flow.engine().seed())
    }

    /// The name of the device that it lies on.
    #[getter]
    fn device(&self, py: Python<'_>) -> String {
        self.said(py, |flow| device::name(flow.engine().device()))
    }

    /// The training step of its weights.
    #[getter]
    fn step(&self, py: Python<'_>) -> u64 {
        self.said(py, |flow| flow.engine().step())
    }

    /// What a checkpoint says of it, as TOML.
    #[getter]
    fn manifest(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |flow| flow.manifest().to_toml())
    }

    /// Draws samples.
    fn sample(&self, py: Python<'_>, args: SampleArgs) -> PyResult<Samples> {
        let draw = args.draw()?;
        let found = self.with(py, |flow| draw.from(flow))?;
        let given = found.points.given.tensor().map(|given| Shared(given.shallow_clone()));
        Ok((Shared(found.points.x), given, found.log_density.map(Shared), found.nfe))
    }

    /// Log-densities of rows at time `t` in nats, `[N]`.
    fn log_prob(
        &self,
        py: Python<'_>,
        rows: Rows,
        given: Conditions,
        t: f64,
        calls: Option<u32>,
        draws: Option<u32>,
    ) -> PyResult<Shared> {
        let options = DensityOptions { calls, draws };
        let found =
            self.with(py, |flow| flow.log_density_of_rows(&table_rows(flow, rows, given)?, t, &options))?;
        Ok(Shared(found.rows.to_kind(Kind::Double)))
    }

    /// Scores of rows at time `t`, `[N, D]`.
    fn score(&self, py: Python<'_>, rows: Rows, given: Conditions, t: f64) -> PyResult<Shared> {
        self.with(py, |flow| flow.score_of_rows(&table_rows(flow, rows, given)?, t)).map(Shared)
    }

    /// Carries rows to the base, `[N, D]`.
    fn encode(&self, py: Python<'_>, rows: Rows, given: Conditions, calls: Option<u32>) -> PyResult<Shared> {
        let found = self.with(py, |flow| {
            let points = table_rows(flow, rows, given)?.points;
            flow.carry_with(&points, 1.0, 0.0, &CarryOptions { calls })
        })?;
        Ok(Shared(found.rows))
    }

    /// Carries points of the base to rows, `[N, D]`.
    fn decode(
        &self,
        py: Python<'_>,
        base: Shared,
        given: Conditions,
        calls: Option<u32>,
    ) -> PyResult<Shared> {
        let x = base.0;
        let found = self.with(py, move |flow| {
            let given = expanded(given.of(flow)?, x.size().first().copied().unwrap_or(0));
            let points = Points { x, given };
            flow.carry_with(&points, 0.0, 1.0, &CarryOptions { calls })
        })?;
        Ok(Shared(found.rows))
    }

    /// The velocity `[B, D]` at times `[B]` and states `[B, D]`, in the flow's own coordinates.
    fn velocity(&self, py: Python<'_>, t: Shared, x: Shared, given: Option<Shared>) -> PyResult<Shared> {
        let (t, x, given) = (t.0, x.0, given.map(|given| given.0));
        let velocity = self.with(py, move |flow| {
            let given = match (flow.space().given, given) {
                (GivenSpace::Class { .. }, Some(classes)) => Given::Class(classes.to_kind(Kind::Int64)),
                (_, Some(numbers)) => Given::Numbers(numbers),
                (_, None) => Given::Nothing,
            };
            flow.velocity(&t, &x, &given)
        })?;
        Ok(Shared(velocity))
    }

    /// What makes the module of the velocity, as JSON, and its weights by their names.
    fn module(&self, py: Python<'_>) -> PyResult<(String, BTreeMap<String, Shared>)> {
        let (form, weights) =
            self.with(py, |flow| Ok((flow.velocity_form()?.to_string(), flow.velocity_weights())))?;
        Ok((form, weights.into_iter().map(|(name, weight)| (name, Shared(weight))).collect()))
    }

    /// The same flow with other weights of the velocity's network.
    fn with_weights(&self, py: Python<'_>, weights: BTreeMap<String, Shared>) -> PyResult<Self> {
        let weights: Vec<(String, Tensor)> =
            weights.into_iter().map(|(name, weight)| (name, weight.0)).collect();
        let flow = self.with(py, move |flow| flow.with_velocity_weights(weights))?;
        Ok(Self::new(flow, None))
    }

    /// Writes the velocity's module and weights for PyTorch into a folder.
    fn export_torch(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        self.with(py, |flow| flow.export_torch(folder))
    }

    /// The values `[N, W]` of all columns, or of those of the state alone, as a file has them, column by column.
    fn texts(&self, py: Python<'_>, values: Shared) -> PyResult<Vec<Vec<String>>> {
        let values = values.0;
        self.with(py, move |flow| {
            let columns = flow.columns().into_iter().flat_map(Columns::iter);
            let n = flow.columns().map_or(0, |columns| columns.iter().count());
            let skipped =
                n.saturating_sub(values.size().get(1).copied().unwrap_or(0).unsigned_abs() as usize);
            Ok(Columns::texts(columns.skip(skipped), &values)?)
        })
    }
}
