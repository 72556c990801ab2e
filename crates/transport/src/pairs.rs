//! Reflow (\[LGL23\]): pairs `(x0, X_1(x0))` of a flow are computed once, kept in a file, and used as the coupling of
//! a new training.
//!
//! Both marginals are those of the flow, and its map pairs them. Straight paths between paired points cross less
//! often, so the next flow is straighter and its transport cost is no larger.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use interflow_core::atomic::Partial;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Network, Points, Space};
use interflow_data::{Rows, Table};
use interflow_solvers::Solver;
use npyz::WriterBuilder as _;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result, torch};

/// One pair in so many is held out.
const HELD_OUT: i64 = 10;

/// A flow and the sources of the points that it pairs.
#[derive(Debug)]
pub struct PairedFlow<'a> {
    /// The network of its velocity.
    pub network: &'a dyn Network,
    /// The solver that integrates it.
    pub solver: &'a Solver,
    /// The source of base points x0.
    pub base: &'a dyn Source,
    /// The source of target points, of which only the conditions are used.
    pub target: &'a dyn Source,
    /// The seed of base points and conditions.
    pub seed: u64,
}

impl PairedFlow<'_> {
    /// Writes `n` pairs into the NPY file `path`, as rows (c, x0, x1) in single precision. Here c is the condition of
    /// the pair: K numbers, the number of a class, or nothing. The file appears whole or not at all, and only `batch`
    /// pairs are in memory at a time; after each batch `tick` gets the number of its pairs.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written, or a failure of the solver.
    pub fn write_pairs(&self, path: &Path, n: i64, batch: i64, mut tick: impl FnMut(u64)) -> Result<()> {
        let failed = |source| Error::Io { operation: "write", path: path.to_owned(), source };
        let mut fill = |file: &mut File| -> std::result::Result<(), Failure> {
            let shape = [n as u64, width(self.network.space()) as u64];
            let options = npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape);
            let mut writer = options.writer(BufWriter::new(file)).begin_nd()?;
            for (index, first) in (0..n).step_by(batch.max(1) as usize).enumerate() {
                let rows = batch.max(1).min(n - first);
                writer.extend(self.pairs(rows, index as u64, batch.max(1))?)?;
                tick(rows as u64);
            }
            writer.finish()?;
            Ok(())
        };
        let mut partial = Partial::create(path).map_err(failed)?;
        fill(partial.file()).map_err(|failure| match failure {
            Failure::Io(source) => failed(source),
            Failure::Other(error) => error,
        })?;
        partial.persist(path).map_err(failed)
    }

    /// The numbers of the first `n` of the `of` pairs of batch `index`.
    fn pairs(&self, n: i64, index: u64, of: i64) -> Result<Vec<f32>> {
        let draw =
            |source: &dyn Source, purpose| source.rows(of, index, &Stream::new(self.seed, purpose), 0..n);
        let x0 = draw(self.base, Purpose::Sampling).x;
        let given = draw(self.target, Purpose::Target).given;
        let parameters = self.network.parameters();
        let placement = (parameters.kind(), parameters.device());
        let placed = x0.to_kind(placement.0).to_device(placement.1);
        let velocity = self.network.at(&given.place(placement));
        let x1 = self.solver.solve(&velocity, &placed, 0.0, 1.0)?.x;
        let mut columns = vec![x0, x1.to_device(Device::Cpu).to_kind(Kind::Float)];
        if let Some(given) = given.tensor() {
            columns.insert(0, given.to_device(Device::Cpu).to_kind(Kind::Float).view([n, -1]));
        }
        let pairs = Tensor::cat(&columns, 1);
        Vec::<f32>::try_from(pairs.contiguous().view(-1)).map_err(torch("reading pairs"))
    }
}

/// How many numbers of a row are what the pair is given.
fn n_given(given: GivenSpace) -> i64 {
    match given {
        GivenSpace::Numbers { n } => n,
        GivenSpace::Class { .. } => 1,
        _ => 0,
    }
}

/// How many numbers a row has.
fn width(space: Space) -> i64 {
    n_given(space.given) + 2 * space.dim
}

/// Why a file of pairs was not written.
enum Failure {
    Io(io::Error),
    Other(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The pairs of a flow, as two sources whose base and target points belong together row by row.
#[derive(Debug, Clone)]
pub struct Pairs {
    training: Arc<Rows>,
    held_out: Arc<Rows>,
    space: Space,
}

impl Pairs {
    /// Reads a file that [`PairedFlow::write_pairs`] wrote; `space` is that of the target points. A tenth of the
    /// pairs is held out.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the rows have another width or are fewer than ten; [`Error::Data`] if the file cannot
    /// be read.
    pub fn read(path: &Path, space: impl Into<Space>) -> Result<Self> {
        let space = space.into();
        let rows = Table::read(path)?.values;
        let (n, found) = rows.size2().map_err(torch("reading pairs"))?;
        let n_held_out = n / HELD_OUT;
        if found != width(space) || n_held_out == 0 {
            let (dim, expected) = (space.dim, width(space));
            let problem = format!(
                "expected at least {HELD_OUT} pairs of dimension {dim}, rows of {expected} numbers, found: {n} × {found}"
            );
            return Err(Error::Mismatch { what: "a file of pairs", problem });
        }
        let part = |first, n| Rows::new(rows.narrow(0, first, n).to_kind(Kind::Float)).map(Arc::new);
        Ok(Self { training: part(n_held_out, n - n_held_out)?, held_out: part(0, n_held_out)?, space })
    }

    /// The sources of the base points and the target points of the training pairs.
    pub fn training(&self) -> [Box<dyn Source>; 2] {
        self.sides(&self.training)
    }

    /// The sources of the base points and the target points of the held-out pairs.
    pub fn held_out(&self) -> [Box<dyn Source>; 2] {
        self.sides(&self.held_out)
    }

    fn sides(&self, rows: &Arc<Rows>) -> [Box<dyn Source>; 2] {
        let (first, dim) = (n_given(self.space.given), self.space.dim);
        let side = |first, space| -> Box<dyn Source> { Box::new(Side { rows: rows.clone(), first, space }) };
        [side(first, Space::from(dim)), side(first + dim, self.space)]
    }
}

/// One side of the pairs: whatever it is asked for, both sides visit the same rows.
struct Side {
    rows: Arc<Rows>,
    /// The first of its states' columns in a row.
    first: i64,
    space: Space,
}

impl Source for Side {
    fn space(&self) -> Space {
        self.space
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let rows = self.rows.batch(n, step, &stream.with_purpose(Purpose::Coupling)).x;
        let given = match self.space.given {
            GivenSpace::Numbers { n } => Given::Numbers(rows.narrow(1, 0, n)),
            GivenSpace::Class { .. } => Given::Class(rows.select(1, 0).to_kind(Kind::Int64)),
            _ => Given::Nothing,
        };
        Points { x: rows.narrow(1, self.first, self.space.dim), given }
    }
}
