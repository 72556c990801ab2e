//! A column of a table and of a flow's samples, and the window that shows most of it.

use crate::axes::Axis;

/// Bars of a histogram, at most.
const N_BINS: usize = 40;
/// The share of values beyond each side of the window.
const TAIL: f64 = 0.004;

/// One column of a table: the values of the data and those of a flow's samples, in the table's units. The two may
/// differ in number; values that are not finite are left out of figures.
#[derive(Debug, Clone)]
pub struct TableColumn {
    /// The column's name.
    pub name: String,
    /// The data's values, row by row.
    pub data: Vec<f64>,
    /// The samples' values, sample by sample.
    pub samples: Vec<f64>,
    /// The distance between neighbouring values if they lie on a grid, such as 1 for integers: bars of a histogram
    /// then hold whole grid points. `None` for continuous values.
    pub quantum: Option<f64>,
    /// Words at some of the values, for numbers that stand for texts or dates. Without words the axis has round
    /// numbers.
    pub words: Vec<(f64, String)>,
}

/// The bars' edges: `n` bars of equal width from `low`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bins {
    pub(crate) low: f64,
    pub(crate) width: f64,
    pub(crate) n: usize,
}

impl TableColumn {
    /// The axis of its values.
    pub(crate) fn axis(&self, bins: Bins) -> Axis {
        Axis::new((bins.low, bins.high()), &self.name, 4).with_words(&self.words)
    }

    /// The bars that cover all data but the outermost tails, with some air.
    pub(crate) fn bins(&self) -> Bins {
        let (low, high) = self.bulk();
        let Some(quantum) = self.quantum else {
            let air = 0.06 * (high - low);
            return Bins { low: low - air, width: (high - low + 2.0 * air) / N_BINS as f64, n: N_BINS };
        };
        let n_values = (high - low) / quantum + 3.0;
        let width = quantum * (n_values / N_BINS as f64).ceil();
        Bins { low: low - 1.5 * quantum, width, n: (n_values * quantum / width).ceil() as usize }
    }

    /// The range of the data without the outermost tails.
    fn bulk(&self) -> (f64, f64) {
        let mut values: Vec<f64> = self.data.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let cut = (TAIL * values.len() as f64) as usize;
        let ends = |cut: usize| Some((*values.get(cut)?, *values.iter().rev().nth(cut)?));
        let wide = [ends(cut), ends(0)].into_iter().flatten().find(|(low, high)| low < high);
        // Far from 0 a double has no neighbours at half a unit.
        let around = |value: &f64| {
            let half = (1e-9 * value.abs()).max(0.5);
            (value - half, value + half)
        };
        let narrow = || values.first().map(around);
        wide.or_else(narrow).unwrap_or((0.0, 1.0))
    }
}

impl Bins {
    /// The upper end of the last bar.
    pub(crate) fn high(self) -> f64 {
        self.low + self.width * self.n as f64
    }

    /// The share of `values` in each bar; those beyond the bars count as values, but in no bar.
    pub(crate) fn shares(self, values: &[f64]) -> Vec<f64> {
        let mut shares = vec![0.0; self.n];
        let share = 1.0 / values.len().max(1) as f64;
        for value in values {
            let place = (value - self.low) / self.width;
            if let Some(bar) = shares.get_mut(place as usize).filter(|_| place >= 0.0) {
                *bar += share;
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data: Vec<f64>, quantum: Option<f64>) -> TableColumn {
        TableColumn { name: "a".to_owned(), samples: data.clone(), data, quantum, words: Vec::new() }
    }

    #[test]
    fn an_outlier_does_not_widen_the_window() {
        let mut data: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
        data[0] = 1e9;
        let bins = column(data, None).bins();
        assert!(bins.low > -0.2 && bins.high() < 1.2, "{bins:?}");
    }

    #[test]
    fn one_value_has_a_window_around_it_however_large() {
        for value in [0.0, -7.0, 9.3e18, -1e200] {
            let bins = column(vec![value; 3], None).bins();
            assert!(bins.low < value && value < bins.high() && bins.width > 0.0, "{bins:?}");
        }
    }

    #[test]
    fn bars_of_a_grid_hold_as_many_grid_points_each() {
        for top in [3, 39, 500] {
            let data: Vec<f64> = (0..=top).map(f64::from).collect();
            let bins = column(data, Some(1.0)).bins();
            let off = (bins.low - 0.5).rem_euclid(1.0);
            assert!(off.abs() < 1e-9 && bins.width.fract().abs() < 1e-9 && bins.n <= 42, "{bins:?}");
            assert!(bins.low < 3.0 && bins.high() > f64::from(top) - 3.0, "{bins:?}");
        }
    }

    #[test]
    fn shares_count_every_value_once() {
        let bins = Bins { low: 0.0, width: 1.0, n: 3 };
        assert_eq!(bins.shares(&[0.5, 1.5, 1.6, -0.1, 3.0, f64::NAN, 2.0, 2.9]), [0.125, 0.25, 0.25]);
        assert_eq!(column(vec![], None).bins().shares(&[]), vec![0.0; N_BINS]);
        let constant = column(vec![4.0, 4.0], None).bins().shares(&[4.0]);
        assert!((constant.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
