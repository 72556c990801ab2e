//! The law of one column, found in its training rows.
//!
//! Values that make up a part of the rows by themselves are atoms, numbers that are all multiples of a quantum lie on a lattice,
//! and what is left is a smooth law through its quantiles.

use std::collections::BTreeMap;

use super::kind::ColumnKind;
use super::limits::Limits;
use super::quantiles::{MOST_EDGES, on_lattice, smooth};
use crate::error::{Error, Result};
use crate::form::{Form, LARGEST_CELL};
use crate::marginal::lattice::{count, multiple};
use crate::marginal::{Atom, Bounds, Parts, Scores, Stretch};
use crate::sheet::is_whole;

/// A value that makes up so much of the rows, and is so much more frequent than the next, is an atom.
const ATOM_SHARE: f64 = 0.02;
const ATOM_LEAD: f64 = 5.0;
/// Fewer rows show no atom.
const ATOM_ROWS: usize = 5;
/// Values that are no lattice's and come again as often as this in the mean are a few numbers, all of them atoms.
const ROWS_PER_VALUE: usize = 20;
/// More values are no few, however often they come again: a new row may hold another one.
const MOST_VALUES: usize = 512;
/// Numbers that are no integers are on a lattice only if its values come again as often as this in the mean.
const LATTICE_REPEATS: usize = 4;

/// What is known of a column before its values are looked at.
#[derive(Debug, Default)]
pub(in crate::sets) struct Known<'a> {
    pub(in crate::sets) kind: Option<&'a ColumnKind>,
    pub(in crate::sets) bounds: Option<Bounds>,
}

/// A value with the number of training rows that hold it, which may be none: what can be is told by all rows, how often by
/// those for training.
#[derive(Debug, Clone, Copy)]
struct Run {
    value: f64,
    count: usize,
}

impl Run {
    /// The values of `all` rows with their counts among the rows for training, both sorted.
    fn all(training: &[f64], all: &[f64]) -> Vec<Self> {
        let values = all.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|run| run[0]);
        let count = |value: f64| {
            training.partition_point(|other| *other <= value)
                - training.partition_point(|other| *other < value)
        };
        values.map(|value| Self { value, count: count(value) }).collect()
    }
}

/// The law of the training rows `training`, of `all` rows, NaN where values are missing.
///
/// # Errors
/// [`Error::Rows`] for values that contradict what is known.
pub(in crate::sets) fn of(training: &[f64], all: &[f64], form: &Form, known: &Known<'_>) -> Result<Scores> {
    let seen = sorted(all);
    let present = match sorted(training) {
        // What none of the rows for training has, others may tell.
        none if none.is_empty() => seen.clone(),
        present => present,
    };
    let mut parts = match form {
        Form::Category { labels } => categories(&present, labels.len()),
        _ => numbers(&present, &seen, form, known)?,
    };
    let n_missing = training.iter().filter(|value| value.is_nan()).count();
    let may_miss = seen.len() < all.len();
    let present_share = 1.0 - if may_miss { smoothed(n_missing, training.len(), 2) } else { 0.0 };
    parts.missing = 1.0 - present_share;
    if present.is_empty() {
        return Parts { missing: 1.0, ..Parts::default() }.try_into();
    }
    for atom in parts.before.iter_mut().chain(&mut parts.after) {
        atom.share *= present_share;
    }
    if let Some(stretch) = &mut parts.stretch {
        stretch.share *= present_share;
    }
    parts.try_into()
}

/// The values that are not missing, sorted.
fn sorted(values: &[f64]) -> Vec<f64> {
    // −0 is 0.
    let mut present: Vec<f64> =
        values.iter().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
    present.sort_by(f64::total_cmp);
    present
}

/// The share of `count` rows among `n`, with half a row more for each of `kinds` (Krichevsky and Trofimov, 1981): none is 0.
fn smoothed(count: usize, n: usize, kinds: usize) -> f64 {
    (count as f64 + 0.5) / (n as f64 + 0.5 * kinds as f64)
}

fn categories(sorted: &[f64], n_labels: usize) -> Parts {
    let mut counts = vec![0; n_labels];
    for &place in sorted {
        if let Some(count) = counts.get_mut(place as usize) {
            *count += 1;
        }
    }
    let atom = |(place, &count): (usize, &usize)| Atom {
        value: place as f64,
        share: smoothed(count, sorted.len(), n_labels),
    };
    Parts { before: counts.iter().enumerate().map(atom).collect(), ..Parts::default() }
}

/// The law of sorted numbers.
fn numbers(sorted: &[f64], all: &[f64], form: &Form, known: &Known<'_>) -> Result<Parts> {
    let (Some(&first), Some(&last), false) = (all.first(), all.last(), sorted.is_empty()) else {
        return Ok(Parts::default());
    };
    if let Some(bounds) = known.bounds
        && (bounds.lower.is_some_and(|lower| first < lower) || bounds.upper.is_some_and(|upper| last > upper))
    {
        let (first, last, bounds) = (form.said(first), form.said(last), Limits::said(bounds, form));
        let problem = format!("values from {first} to {last} are not within the bounds {bounds}");
        return Err(Error::Rows { problem });
    }
    let runs = Run::all(sorted, all);
    let n = sorted.len();
    let quantum = quantum(&runs, form, known.kind)?;
    let continuous = known.kind == Some(&ColumnKind::Number);
    // Of a lattice most values between the ends occur: 1, 10, 100 are none of integers.
    let is_sparse = |quantum: f64| (last - first) / quantum + 1.0 > 2.0 * runs.len() as f64;
    let come_again = runs.len() <= MOST_VALUES && n >= ROWS_PER_VALUE * runs.len();
    let few = runs.len() <= 2 || (quantum.is_none_or(is_sparse) && come_again);
    if runs.len() == 1 || (few && known.kind.is_none()) {
        return Ok(atoms_alone(&runs, n));
    }
    // Where 0 is only the number that others are counted from, nothing is bounded by it.
    let has_origin = !form.is_number();
    let bounds = match known.bounds {
        Some(bounds) => bounds,
        None if continuous => Bounds::default(),
        None => found(&runs, quantum, n, has_origin),
    };
    let peaks = peaks(&runs, quantum, bounds, continuous);
    let rest: Vec<f64> =
        sorted.iter().copied().filter(|value| !peaks.contains_key(&value.to_bits())).collect();
    let share = |count: usize| smoothed(count, n, peaks.len() + 1);
    let Some(&middle) = rest.get(rest.len() / 2) else { return Ok(atoms_alone(&runs, n)) };
    let atom = |(&bits, &count): (&u64, &usize)| Atom { value: f64::from_bits(bits), share: share(count) };
    let (mut before, mut after): (Vec<Atom>, Vec<Atom>) =
        peaks.iter().map(atom).partition(|atom| atom.value < middle);
    before.sort_by(|a, b| a.value.total_cmp(&b.value));
    after.sort_by(|a, b| a.value.total_cmp(&b.value));
    let bounds = beside(bounds, quantum, (&runs, &peaks));
    let (bounds, spline) = match quantum {
        Some(quantum) => on_lattice(&rest, quantum, bounds)?,
        None => smooth(&rest, known.bounds.is_none() && !continuous && !has_origin && first > 0.0, bounds)?,
    };
    let stretch = Stretch { share: share(rest.len()), bounds, quantum, spline };
    Ok(Parts { missing: 0.0, before, stretch: Some(stretch), after })
}

/// All values as atoms.
fn atoms_alone(runs: &[Run], n: usize) -> Parts {
    let atom = |run: &Run| Atom { value: run.value, share: smoothed(run.count, n, runs.len()) };
    Parts { before: runs.iter().map(atom).collect(), ..Parts::default() }
}

/// The distance of neighbouring values, where they lie on a lattice.
fn quantum(runs: &[Run], form: &Form, kind: Option<&ColumnKind>) -> Result<Option<f64>> {
    const USUAL: [f64; 20] = [
        86_400.0, 3600.0, 1800.0, 900.0, 300.0, 1000.0, 60.0, 100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.25, 0.2,
        0.1, 0.05, 0.01, 0.005, 0.001,
    ];
    let on = |quantum: f64| {
        runs.iter().all(|run| {
            let n = count(run.value, quantum);
            n.abs() < LARGEST_CELL && n.fract() == 0.0 && (quantum < 1.0 || is_whole(run.value))
        })
    };
    let time = matches!(form, Form::Time(_));
    match kind {
        Some(ColumnKind::Number) => Ok(None),
        Some(ColumnKind::Lattice(Some(quantum))) if on(*quantum) => Ok(Some(*quantum)),
        Some(ColumnKind::Lattice(Some(quantum))) => {
            Err(Error::Rows { problem: format!("not all values are multiples of {quantum}") })
        }
        wanted => {
            let usual = USUAL
                .into_iter()
                .filter(|quantum| time || ![86_400.0, 3600.0, 1800.0, 900.0, 300.0, 60.0].contains(quantum));
            let usual = usual.filter(|quantum| runs.len() > 1 && on(*quantum)).find(|_| true);
            // Numbers that are counted from one of them have their own step, whatever that is.
            let found =
                if let Form::Integer { .. } = form { step(runs).filter(|step| on(*step)) } else { usual };
            let asked = wanted.is_some() && !time;
            let n: usize = runs.iter().map(|run| run.count).sum();
            match found {
                None if asked => {
                    Err(Error::Rows { problem: "values are multiples of no usual quantum".to_owned() })
                }
                Some(quantum) if quantum < 1.0 && !asked && n < LATTICE_REPEATS * runs.len() => Ok(None),
                found => Ok(found),
            }
        }
    }
}

/// The greatest common divisor of whole numbers of which one is 0; none of 0 alone.
fn step(runs: &[Run]) -> Option<f64> {
    let divisor = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let step = runs.iter().map(|run| run.value.abs() as u64).fold(0, divisor);
    (step > 0).then_some(step as f64)
}

/// The bounds that numbers have by nature: 0 for those that crowd above it, 1 or 100 above shares and percents, and on a lattice
/// of few values both ends, where these are not rare.
fn found(runs: &[Run], quantum: Option<f64>, n: usize, has_origin: bool) -> Bounds {
    let (first, last) = (runs[0], runs[runs.len() - 1]);
    let (least, most) = (first.value, last.value);
    let middle = median(runs, n);
    let mut bounds = Bounds::default();
    if quantum.is_some() && runs.len() <= MOST_EDGES {
        let usual = n as f64 / runs.len() as f64;
        let abrupt = |run: Run| run.count as f64 > 0.3 * usual;
        bounds.lower = abrupt(first).then_some(least);
        bounds.upper = abrupt(last).then_some(most);
    }
    if has_origin {
        return bounds;
    }
    if least >= 0.0 && (least == 0.0 || least < 0.25 * middle) {
        bounds.lower = bounds.lower.or(Some(0.0));
    }
    if most <= 0.0 && (most == 0.0 || most > 0.25 * middle) {
        bounds.upper = bounds.upper.or(Some(0.0));
    }
    for top in [1.0, 100.0] {
        if bounds.lower == Some(0.0)
            && most <= top
            && most >= 0.95 * top
            && quantum.is_none_or(|quantum| quantum < top)
        {
            bounds.upper = bounds.upper.or(Some(top));
        }
    }
    bounds
}

fn median(runs: &[Run], n: usize) -> f64 {
    let mut seen = 0;
    let middle = runs.iter().find(|run| {
        seen += run.count;
        2 * seen >= n
    });
    middle.map_or(0.0, |run| run.value)
}

/// The atoms among numbers with their rows, by their bits. On a lattice only its ends can be: they may be peaks of a smooth law's
/// rounding elsewhere. Off a lattice a bound is one too, if a value lies on it.
fn peaks(runs: &[Run], quantum: Option<f64>, bounds: Bounds, continuous: bool) -> BTreeMap<u64, usize> {
    let n: usize = runs.iter().map(|run| run.count).sum();
    let usual = {
        let mut counts: Vec<usize> = runs.iter().map(|run| run.count).collect();
        counts.sort_unstable();
        counts[counts.len() / 2]
    };
    let peak = |(place, run): &(usize, &Run)| {
        let Run { count, value } = **run;
        let at_end = *place == 0 || *place + 1 == runs.len();
        let frequent = count >= ATOM_ROWS
            && count as f64 >= ATOM_SHARE * n as f64
            && count as f64 >= ATOM_LEAD * usual as f64;
        let at_bound = bounds.lower == Some(value) || bounds.upper == Some(value);
        match quantum {
            // Knots at every edge tell the shares of few cells as they are.
            Some(_) => frequent && at_end && runs.len() > MOST_EDGES,
            None => (frequent && !continuous) || at_bound,
        }
    };
    runs.iter().enumerate().filter(peak).map(|(_, run)| (run.value.to_bits(), run.count)).collect()
}

/// The bounds of the numbers beside the atoms; those of a lattice end behind its last cell, and where an atom stands at an end
/// the next cell is the first.
fn beside(bounds: Bounds, quantum: Option<f64>, (runs, peaks): (&[Run], &BTreeMap<u64, usize>)) -> Bounds {
    let Some(quantum) = quantum else { return bounds };
    let peak =
        |run: Option<&Run>| run.map(|run| run.value).filter(|value| peaks.contains_key(&value.to_bits()));
    let lower = peak(runs.first()).map(|peak| count(peak, quantum) + 1.0);
    let lower = lower.or(bounds.lower.map(|lower| count(lower, quantum).ceil()));
    let upper = peak(runs.last()).map(|peak| count(peak, quantum));
    let upper = upper.or(bounds.upper.map(|upper| count(upper, quantum).floor() + 1.0));
    // −0 is 0.
    let number = |n: f64| multiple(n, quantum) + 0.0;
    Bounds { lower: lower.map(number), upper: upper.map(number) }
}
