//! Rows of a data set as a source of training points.

use std::sync::{Mutex, MutexGuard, PoisonError};

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Points, Space};
use tch::{Device, Kind, Tensor};

use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::marginal::Cells;
use crate::place_law::PlaceLaw;

/// Dequantisation and standardisation: each time a row is visited, it gets fresh noise of one quantum in each column,
/// and is then standardised.
#[derive(Debug)]
pub struct Dequantisation {
    /// The law of the noise within a quantum, one for each column; if empty, all are uniform.
    pub places: Vec<PlaceLaw>,
    /// Each column's quantum, `[D]`.
    pub quantum: Tensor,
    /// The mean of the noisy values, which is subtracted, `[D]`.
    pub mean: Tensor,
    /// The standard deviation of the noisy values, by which the difference is divided, `[D]`.
    pub deviation: Tensor,
}

/// Fresh places in their cells, at every visit of a row, for values that are cells of their coordinates.
#[derive(Debug)]
pub(crate) struct CellNoise {
    /// Which coordinates may be cells, `[K]`.
    places: Tensor,
    /// The mass beyond each cell and its own, `[N, K]`, 0 for points; and which side it lies on.
    outside: Tensor,
    mass: Tensor,
    side: Tensor,
}

impl CellNoise {
    /// The noise of coordinates by their places, with their cells, of which a few at a time are in double precision; nothing
    /// where there are none.
    pub(crate) fn of(cells: impl Iterator<Item = (i64, Cells)>) -> Option<Self> {
        let (mut places, mut outside, mut mass, mut side) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (place, cells) in cells {
            let single = |part: &Tensor| part.to_kind(Kind::Float);
            places.push(place);
            outside.push(single(&cells.outside));
            mass.push(single(&cells.mass));
            side.push(single(&cells.side));
        }
        let stack = |parts: &[Tensor]| Tensor::stack(parts, 1);
        (!places.is_empty()).then(|| Self {
            places: Tensor::from_slice(&places),
            outside: stack(&outside),
            mass: stack(&mass),
            side: stack(&side),
        })
    }

    /// The states `x` of the rows `visited`, with places drawn anew.
    fn draw(&self, x: &Tensor, visited: &Tensor, noise: &Tensor) -> Tensor {
        let of = |part: &Tensor| part.index_select(0, visited);
        let (mass, fixed) = (of(&self.mass), x.index_select(1, &self.places));
        let place = of(&self.outside) + inner(noise) * &mass;
        let z = of(&self.side) * place.clamp_min(f64::from(f32::MIN_POSITIVE)).special_ndtri();
        x.index_copy(1, &self.places, &fixed.where_self(&mass.le(0.0), &z))
    }
}

/// What is drawn anew at every visit of a row.
#[derive(Debug)]
enum Noise {
    Quanta(Dequantisation),
    Cells(CellNoise),
}

/// Rows of a data set with their conditions, in a new random order in each epoch, each row once.
#[derive(Debug)]
pub struct Rows {
    states: Mutex<Tensor>,
    given: Mutex<Given>,
    n: i64,
    space: Space,
    noise: Option<Mutex<Noise>>,
    epochs: Epochs,
}

impl Rows {
    /// A source of the states `x`, `[N, D]`, without conditions.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there is at least one row of at least one column.
    pub fn new(x: Tensor) -> Result<Self> {
        let (n, dim) = axes(&x)?;
        Ok(Self {
            states: Mutex::new(x),
            given: Mutex::default(),
            n,
            space: Space::from(dim),
            noise: None,
            epochs: Epochs::new(n),
        })
    }

    /// A source that dequantises and standardises each state of `x`, `[N, D]`, when it is visited.
    ///
    /// # Errors
    /// As [`Rows::new`].
    pub fn dequantised(x: Tensor, dequantisation: Dequantisation) -> Result<Self> {
        Ok(Self { noise: Some(Mutex::new(Noise::Quanta(dequantisation))), ..Self::new(x)? })
    }

    /// The same states with some of their coordinates anywhere in their cells.
    pub(crate) fn in_cells(self, noise: Option<CellNoise>) -> Self {
        Self { noise: noise.map(|noise| Mutex::new(Noise::Cells(noise))), ..self }
    }

    /// The same with the rows of `numbers`, `[N, K]`, as the conditions of the states.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are as many rows of numbers as states, of at least one column.
    pub fn given(self, numbers: Tensor) -> Result<Self> {
        let (n, n_given) = axes(&numbers)?;
        if n != self.n {
            let problem = format!("expected conditions of {} rows, found: {n}", self.n);
            return Err(Error::Rows { problem });
        }
        let space = Space { given: GivenSpace::Numbers { n: n_given }, ..self.space };
        Ok(Self { given: Mutex::new(Given::Numbers(numbers)), space, ..self })
    }

    /// The number of rows.
    pub fn n_rows(&self) -> i64 {
        self.n
    }

    /// All rows in their own order, without dequantisation.
    pub fn all(&self) -> Points {
        Points { x: lock(&self.states).shallow_clone(), given: lock(&self.given).shallow_clone() }
    }
}

impl Source for Rows {
    fn space(&self) -> Space {
        self.space
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        if n <= 0 {
            let x = Tensor::zeros([0, self.space.dim], (Kind::Float, Device::Cpu));
            return Points { x, given: lock(&self.given).narrow(0, 0) };
        }
        let visited = Tensor::from_slice(&self.epochs.visited(step * n as u64, n as u64, stream));
        let given = lock(&self.given).select(&visited);
        let x = lock(&self.states).index_select(0, &visited);
        let Some(noise) = &self.noise else { return Points { x, given } };
        let mut draw = stream.with_purpose(Purpose::Dequantise).at(step);
        let x = match &*lock(noise) {
            Noise::Quanta(Dequantisation { places, quantum, mean, deviation }) => {
                let noisy = x.shallow_clone() + PlaceLaw::draw(places, &x.size(), &mut draw) * quantum;
                ((noisy - mean) / deviation).to_kind(Kind::Float)
            }
            Noise::Cells(cells) => {
                let noise = draw.uniform(&[n, cells.places.size()[0]], Kind::Float);
                cells.draw(&x, &visited, &noise)
            }
        };
        Points { x, given }
    }
}

/// Places within cells, uniform in [0, 1), without the ends of a cell: they may be infinitely far.
pub(crate) fn inner(places: &Tensor) -> Tensor {
    places.clamp(2f64.powi(-25), 1.0 - 2f64.powi(-24))
}

/// The numbers of rows and columns of `x`.
fn axes(x: &Tensor) -> Result<(i64, i64)> {
    match x.size()[..] {
        [n, dim] if n > 0 && dim > 0 => Ok((n, dim)),
        ref size => Err(Error::Rows { problem: format!("expected rows [N, D], found: {size:?}") }),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
