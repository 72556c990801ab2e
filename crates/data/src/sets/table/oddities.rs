//! What a flow finds hard in a column: it is a density on the whole line, and smooth.

use tch::Tensor;

use super::TableConfig;
use super::describe::said;
use crate::form::Form;
use crate::marginal::Stretch;
use crate::sheet::names::pasted;
use crate::sheet::{brief, is_whole};

/// Fewer rows show nothing.
const FEWEST: usize = 20;
/// The scores of the middle half of the rows are this far apart at least: those of normal numbers 1.35.
const MIDDLE_HALF: f64 = 0.25;

/// What is odd in the column called `name`, as warnings.
pub(super) fn of(name: &str, mut column: Vec<f64>, dequantised: bool, fitted: bool) -> Vec<String> {
    column.sort_by(f64::total_cmp);
    let odd = if fitted {
        // A fitted law is of lattices and tails too, but knows no index.
        [index(name, &column), None]
    } else {
        [discrete(name, &column, dequantised), tails(name, &column)]
    };
    odd.into_iter().flatten().map(|odd| format!("column `{name}` {odd}")).collect()
}

/// What is odd in sorted values that number the rows.
fn index(name: &str, sorted: &[f64]) -> Option<String> {
    let (&first, &last) = (sorted.first()?, sorted.last()?);
    let whole = sorted.iter().all(|value| is_whole(*value));
    let different = sorted.windows(2).all(|pair| pair[0] < pair[1]);
    let n = sorted.len();
    (whole && different && n >= FEWEST).then(|| {
        let what = if (last - first + 1.0 - n as f64).abs() < 0.5 {
            "numbers the rows"
        } else {
            "is another whole number in each row"
        };
        format!(
            "{what}, as an index or id does, and is modelled like data\nhint: --drop {} leaves it out",
            pasted(&[name])
        )
    })
}

/// What is odd in sorted values that repeat, or are whole numbers.
fn discrete(name: &str, sorted: &[f64], dequantised: bool) -> Option<String> {
    let (n, [.., last]) = (sorted.len(), sorted) else { return None };
    let (first, argument) = (sorted[0], pasted(&[name]));
    let runs: Vec<&[f64]> = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).collect();
    let whole = sorted.iter().all(|value| is_whole(*value));
    let longest = runs.iter().max_by_key(|run| run.len())?;
    let share = longest.len() as f64 / n as f64;
    // Values that all repeat are steps, one that does is a peak.
    let is_peak = runs.iter().filter(|run| 3 * run.len() > longest.len()).count() == 1;
    match runs.len() {
        2 => Some(format!(
            "holds two values only, {} and {}: as a quantity it gets samples beside them\n\
             hint: --given {argument} models the other columns given it",
            brief(first),
            brief(*last)
        )),
        distinct if whole && distinct == n && n >= FEWEST => index(name, sorted),
        _ if whole && dequantised => None,
        _ if whole => Some(format!(
            "holds integers only, on which a density is unbounded\nhint: --dequantise {argument}, or {}",
            TableConfig::ALL_INTEGERS
        )),
        _ if share > 0.1 && is_peak && n >= FEWEST => Some(format!(
            "is {} in {:.0} % of the rows: a density has no such peak, and samples lie near it instead of on it",
            brief(longest[0]),
            100.0 * share
        )),
        distinct if 5 * distinct <= n && n >= FEWEST => Some(format!(
            "holds {distinct} different values only, on which a density is unbounded\n\
             hint: --dequantise is for whole numbers, so bring them to such{}",
            factor(&runs).map_or_else(String::new, |factor| format!(": here, multiply by {factor}"))
        )),
        _ => None,
    }
}

/// What makes whole numbers of values.
fn factor(runs: &[&[f64]]) -> Option<u32> {
    let whole = |factor: &u32| {
        runs.iter().map(|run| run[0] * f64::from(*factor)).all(|value| (value - value.round()).abs() < 1e-9)
    };
    [2, 3, 4, 5, 6, 8, 10, 12, 20, 25, 50, 100, 1000].into_iter().find(whole)
}

/// What is odd at the ends of sorted values.
fn tails(name: &str, sorted: &[f64]) -> Option<String> {
    let n = sorted.len();
    if n < FEWEST {
        return None;
    }
    let (first, median, last) = (sorted[0], sorted[n / 2], sorted[n - 1]);
    let range = sorted[3 * n / 4] - sorted[n / 4];
    let far = farthest(sorted);
    if range > 0.0 && (far - median).abs() > 1000.0 * range {
        return Some(format!(
            "has the median {} but goes as far as {}, which alone sets its scale: the others become one point\n\
             hint: leave out such rows, or --drop {}",
            brief(median),
            brief(far),
            pasted(&[name])
        ));
    }
    (first > 0.0 && last - median > 6.0 * (median - first) && median > first).then(|| {
        format!(
            "is positive with a long tail, from {} by the median {} to {}: samples may be negative\n\
             hint: its logarithm is easier to model",
            brief(first),
            brief(median),
            brief(last)
        )
    })
}

/// The one of sorted values that is farthest from their median.
fn farthest(sorted: &[f64]) -> f64 {
    let (first, median, last) = (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    if last - median > median - first { last } else { first }
}

/// What is odd in sorted numbers under the law that was fitted to them: some are so far out that it is theirs alone, or
/// that it does not reach them.
pub(super) fn outliers(name: &str, form: &Form, sorted: &[f64], law: &Stretch) -> Option<String> {
    let n = sorted.len();
    if n < FEWEST {
        return None;
    }
    let ends = [0, n / 4, 3 * n / 4, n - 1].map(|place| sorted[place]);
    let scores = Vec::<f64>::try_from(law.scores(&Tensor::from_slice(&ends))).ok()?;
    let is_narrow = law.spline.n_knots() == 2 && ends[1] < ends[2] && scores[2] - scores[1] < MIDDLE_HALF;
    let reach = scores[3].max(-scores[0]);
    if !is_narrow && reach <= Stretch::FARTHEST {
        return None;
    }
    let what = if is_narrow {
        "which sets its scale: the others become one point"
    } else {
        "which its law does not reach: the NLL of such rows means little"
    };
    let far = said(form, farthest(sorted));
    Some(format!(
        "column `{name}` has the median {} but goes as far as {far}, {what}\n\
         hint: --missing-marks={} if that stands for a missing value; else leave out such rows, or --drop {}",
        said(form, sorted[n / 2]),
        pasted(&[&far]),
        pasted(&[name])
    ))
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::Stream;
    use tch::Kind;

    use super::super::law::{self, Known};
    use super::*;

    fn odd(column: impl Iterator<Item = f64>) -> String {
        of("a b", column.collect(), false, false).join("\n")
    }

    #[test]
    fn each_kind_of_hard_column_is_named() {
        let wave = |i: i32| (f64::from(i) * 0.7).sin();
        for (odd, part) in [
            (odd((0..99).map(f64::from)), "numbers the rows"),
            (odd((0..99).map(|i| f64::from(i * i))), "another whole number in each row"),
            (odd((0..99).map(|i| f64::from(i % 7))), "--dequantise 'a b'"),
            (odd((0..99).map(|i| f64::from(i % 2))), "two values only, 0 and 1"),
            (odd((0..99).map(|i| f64::from(i % 9) / 2.0)), "multiply by 2"),
            (odd((0..99).map(|i| if i % 3 == 0 { wave(i) } else { 0.0 })), "is 0 in 68 % of the rows"),
            (odd((0..99).map(|i| 1e300 * wave(i)).chain([2e306])), "as far as 2e306"),
            (odd((0..99).map(|i| if i == 50 { 1e9 } else { wave(i) })), "as far as 1e9"),
            (odd((0..99).map(|i| (3.0 * wave(i)).exp())), "samples may be negative"),
        ] {
            assert!(odd.contains(part), "{part:?} is not in: {odd}");
        }
        assert_eq!(odd((0..99).map(wave)), "");
        assert_eq!(odd((0..99).map(|i| 1e300 * wave(i))), "");
        assert!(of("a", (0..99).map(|i| f64::from(i % 7)).collect(), true, false).is_empty());
    }

    /// The warning of a thousand normal numbers around 10, of which the first are replaced.
    fn among_normal(replaced: &[f64]) -> Option<String> {
        let normal = Stream::named(0, "columns of a test").at(0).normal(&[1000], Kind::Double) * 5.0 + 10.0;
        let mut values = Vec::<f64>::try_from(normal).unwrap();
        values[..replaced.len()].copy_from_slice(replaced);
        let law = law::of(&values, &values, &Form::Number, &Known::default()).unwrap();
        values.sort_by(f64::total_cmp);
        outliers("a", &Form::Number, &values, law.stretch().unwrap())
    }

    #[test]
    fn outliers_that_a_law_is_lost_to_are_named() {
        for (value, n) in [(-999.0, 2), (-999.0, 8), (99_999.0, 3), (1e9, 1)] {
            let odd = among_normal(&vec![value; n]).unwrap();
            assert!(odd.contains(&format!("as far as {}, which", brief(value))), "{n}: {odd}");
        }
        assert_eq!(among_normal(&[]), None);
        assert_eq!(among_normal(&[60.0, -30.0]), None);
    }
}
