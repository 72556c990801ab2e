//! The rows of a batch that are still on their way.

use tch::{Kind, Tensor};

use crate::term::Term;

/// The rows that have not stopped; every tensor has one row for each of them.
pub(crate) struct Active<'a> {
    whole: &'a dyn Term,
    /// The term for these rows, where it is not the same for every row.
    part: Option<Box<dyn Term + 'a>>,
    /// Their numbers in the whole batch.
    pub(crate) rows: Tensor,
    /// Their times, f64.
    pub(crate) t: Tensor,
    /// Their states.
    pub(crate) y: Tensor,
    /// The rate there, where it is known.
    pub(crate) k1: Option<Tensor>,
}

impl<'a> Active<'a> {
    /// All rows of a batch at one time.
    pub(crate) fn new(whole: &'a dyn Term, y: &Tensor, from: f64) -> Self {
        let (n, device) = (y.size()[0], y.device());
        Self {
            whole,
            part: None,
            rows: Tensor::arange(n, (Kind::Int64, device)),
            t: Tensor::full([n], from, (Kind::Double, device)),
            y: y.shallow_clone(),
            k1: None,
        }
    }

    /// The term for these rows.
    pub(crate) fn term(&self) -> &dyn Term {
        self.part.as_deref().unwrap_or(self.whole)
    }

    /// How many rows there are.
    pub(crate) fn n_rows(&self) -> i64 {
        self.rows.size()[0]
    }

    /// Goes on with the rows that have these numbers among those here.
    pub(crate) fn keep(&mut self, left: &Tensor) {
        let pick = |x: &Tensor| x.index_select(0, left);
        self.rows = pick(&self.rows);
        self.t = pick(&self.t);
        self.y = pick(&self.y);
        self.k1 = self.k1.as_ref().map(pick);
        self.part = self.whole.for_rows(&self.rows);
    }
}
