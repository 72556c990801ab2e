//! Running means of noisy numbers.

/// Fewer points than this are drawn as they are.
const LEAST: usize = 60;
/// The share of the points that one mean is over.
const SHARE: f64 = 0.08;
/// The share of points at either end that is not shown if it lies far out.
const TAIL: f64 = 0.01;

/// The mean of each point and its neighbours; nothing for few points. Near the beginning, where numbers often fall fast,
/// there are as few neighbours on either side as there are points before; near the end only those before are many.
pub(crate) fn smoothed(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let finite: Vec<(f64, f64)> =
        points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let n = finite.len();
    if n < LEAST {
        return None;
    }
    let reach = ((SHARE * n as f64 / 2.0) as usize).max(3);
    let mean = |middle: usize| {
        let before = reach.min(middle);
        let after = before.min(n - 1 - middle);
        let window = &finite[middle - before..=middle + after];
        (finite[middle].0, window.iter().map(|point| point.1).sum::<f64>() / window.len() as f64)
    };
    Some((0..n).map(mean).collect())
}

/// The numbers between which all but the outermost lie.
pub(crate) fn quantiles(points: &[(f64, f64)]) -> Vec<f64> {
    let mut values: Vec<f64> = points.iter().map(|point| point.1).filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let cut = (TAIL * values.len() as f64) as usize;
    [values.get(cut), values.iter().rev().nth(cut)].into_iter().flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_stays_one() {
        let line: Vec<(f64, f64)> = (0..500).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        let mean = smoothed(&line).unwrap();
        assert!(mean.iter().zip(&line).take(470).all(|(a, b)| (a.1 - b.1).abs() < 1e-9));
        assert!((mean[499].1 - line[499].1).abs() < 25.0);
        assert_eq!(smoothed(&line[..20]), None);
    }

    #[test]
    fn the_outermost_are_left_out() {
        let mut points: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), f64::from(i % 10))).collect();
        points[0].1 = 1e9;
        assert_eq!(quantiles(&points), [0.0, 9.0]);
        assert!(quantiles(&[]).is_empty());
    }
}
