//! A smooth law through the quantiles of numbers.
//!
//! How many knots its spline has, and whether it stretches the number or its logarithm, is what half of the rows say of the law
//! that the other half gives.

use interflow_core::rng::{Draw, Stream};
use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::marginal::lattice::multiple;
use crate::marginal::{Bounds, Spline, Stretch, normal_mass};

/// A lattice of no more cells has a knot at every edge.
pub(super) const MOST_EDGES: usize = 64;
/// A lattice of more cells, up to so many, has one too if there are so many rows for each.
const MOST_EDGES_OF_MANY_ROWS: usize = 512;
const ROWS_PER_EDGE: usize = 500;
/// Rows for each knot of a spline.
const ROWS_PER_KNOT: usize = 20;
/// Rows that decide how many knots there are.
const MOST_ROWS: usize = 20_000;
/// A finer law has to gain so much of log-density a row, in nats.
const GAIN: f64 = 2e-3;

/// The spline of numbers on a lattice.
pub(super) fn on_lattice(sorted: &[f64], quantum: f64, bounds: Bounds) -> Result<(Bounds, Spline)> {
    let cells: Vec<i64> = sorted.iter().map(|value| (value / quantum).round() as i64).collect();
    let (first, last) = (cells[0], cells[cells.len() - 1]);
    let most = MOST_EDGES.max((cells.len() / ROWS_PER_EDGE).min(MOST_EDGES_OF_MANY_ROWS));
    if last.saturating_sub(first) >= most as i64 {
        let noise = Stream::named(0, "places in the cells of a lattice").at(0);
        return smooth(&spread(sorted, quantum, noise), false, bounds);
    }
    // Half a row beyond each end, in each cell that some hold, and in all others together.
    let n_cells = (last - first + 1) as usize;
    let mut counts = vec![0.0; n_cells];
    for cell in cells {
        counts[(cell - first) as usize] += 1.0;
    }
    let n_empty = counts.iter().filter(|count| **count == 0.0).count();
    for count in &mut counts {
        *count += if *count > 0.0 { 0.5 } else { 0.5 / n_empty as f64 };
    }
    let total: f64 = counts.iter().sum::<f64>() + 1.0;
    let (mut below, mut y, mut z) = (0.5, Vec::new(), Vec::new());
    for edge in 0..=n_cells {
        let x: f64 = multiple((first + edge as i64) as f64, quantum);
        if bounds.hold(&Tensor::from(x)).int64_value(&[]) != 0 {
            y.push(bounds.stretch(&Tensor::from(x)).y.double_value(&[]));
            z.push(Tensor::from(below / total).special_ndtri().double_value(&[]));
        }
        below += counts.get(edge).copied().unwrap_or(0.0);
    }
    if y.len() < 2 {
        // One cell between two bounds, or two with one edge: any slope tells the shares.
        let (y0, z0) = (y.first().copied().unwrap_or(0.0), z.first().copied().unwrap_or(0.0));
        (y, z) = (vec![y0, y0 + 1.0], vec![z0, z0 + 1.0]);
    }
    Ok((bounds, Spline::through(y, z)?))
}

/// Numbers anywhere in their cells, sorted.
fn spread(sorted: &[f64], quantum: f64, mut draw: Draw) -> Vec<f64> {
    let noise = draw.uniform(&[sorted.len() as i64], Kind::Double) * quantum;
    let mut values =
        Vec::<f64>::try_from(Tensor::from_slice(sorted) + noise).unwrap_or_else(|_| sorted.to_vec());
    values.sort_by(f64::total_cmp);
    values
}

/// The law of sorted numbers with a density: the best of several, as one half of the rows judges the other's. Positive numbers
/// may be stretched by their logarithm (`may_bound`), if no bound says it already.
pub(super) fn smooth(sorted: &[f64], may_bound: bool, bounds: Bounds) -> Result<(Bounds, Spline)> {
    let step = sorted.len().div_ceil(MOST_ROWS);
    let some: Vec<f64> = sorted.iter().copied().step_by(step).collect();
    let half = |odd: usize| -> Vec<f64> { some.iter().copied().skip(odd).step_by(2).collect() };
    let (even, odd) = (half(0), half(1));
    let mut tried = vec![bounds];
    if may_bound && bounds.is_open() && sorted.first().is_some_and(|first| *first > 0.0) {
        tried.push(Bounds { lower: Some(0.0), upper: None });
    }
    let mut best: Option<(f64, Bounds, usize)> = None;
    for bounds in tried {
        for n_knots in [2, 3, 5, 9, 17, 33, 65] {
            if n_knots > 2 && even.len() < ROWS_PER_KNOT * n_knots {
                break;
            }
            let judged = |from: &[f64], by: &[f64]| {
                fitted(from, bounds, n_knots).ok().map(|spline| density(&spline, bounds, by))
            };
            let (Some(a), Some(b)) = (judged(&even, &odd), judged(&odd, &even)) else { continue };
            let found = 0.5 * (a + b);
            if found.is_finite() && best.is_none_or(|(most, ..)| found > most + GAIN) {
                best = Some((found, bounds, n_knots));
            }
        }
    }
    let (bounds, n_knots) = best.map_or((bounds, 2), |(_, bounds, n_knots)| (bounds, n_knots));
    Ok((bounds, fitted(sorted, bounds, n_knots)?))
}

/// The mean log-density of `values` under a law, in nats.
fn density(spline: &Spline, bounds: Bounds, values: &[f64]) -> f64 {
    let n = values.len() as i64;
    let scores = Stretch { share: 1.0, bounds, quantum: None, spline: spline.clone() };
    scores.log_density(&Tensor::from_slice(values)).view([n]).mean(Kind::Double).double_value(&[])
}

/// The spline through `n_knots` quantiles of sorted numbers; with two, the line of mean and deviation.
fn fitted(sorted: &[f64], bounds: Bounds, n_knots: usize) -> Result<Spline> {
    let y = bounds.stretch(&Tensor::from_slice(sorted)).y;
    let y = Vec::<f64>::try_from(y).unwrap_or_default();
    let y: Vec<f64> = y.into_iter().filter(|y| y.is_finite()).collect();
    let n = y.len() as f64;
    if n_knots <= 2 || y.len() < 2 * n_knots {
        return line(&y);
    }
    // The outermost knots have a few rows beyond them.
    let outside = (5.0 / n).min(0.1);
    let reach = -Tensor::from(outside).special_ndtri().double_value(&[]);
    let scores: Vec<f64> =
        (0..n_knots).map(|i| reach * (2.0 * i as f64 / (n_knots - 1) as f64 - 1.0)).collect();
    let masses = Vec::<f64>::try_from(normal_mass(&Tensor::from_slice(&scores))).unwrap_or_default();
    let quantile = |mass: f64| {
        let at = (mass * n - 0.5).clamp(0.0, n - 1.0);
        let (below, share) = (at.floor() as usize, at.fract());
        y[below] + share * (y[(below + 1).min(y.len() - 1)] - y[below])
    };
    let (mut at, mut to): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let smallest = 1e-6 * (quantile(0.75) - quantile(0.25)).max(1e-300);
    for (score, mass) in scores.into_iter().zip(masses) {
        let y = quantile(mass);
        if at.last().is_none_or(|last| y > last + smallest) {
            at.push(y);
            to.push(score);
        }
    }
    if at.len() < 2 { line(&y) } else { Spline::through(at, to) }
}

/// The line that brings numbers to mean 0 and deviation 1.
fn line(y: &[f64]) -> Result<Spline> {
    let n = y.len().max(1) as f64;
    let largest = y.iter().fold(f64::MIN_POSITIVE, |largest, y| largest.max(y.abs()));
    let mean = y.iter().map(|y| y / largest).sum::<f64>() / n;
    let variance = y.iter().map(|y| (y / largest - mean).powi(2)).sum::<f64>() / n;
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    let (below, above) = ((mean - deviation) * largest, (mean + deviation) * largest);
    if below >= above {
        let problem = format!("values around {below} differ by less than numbers of that size can tell");
        return Err(Error::Rows { problem });
    }
    Spline::through(vec![below, above], vec![-1.0, 1.0])
}
