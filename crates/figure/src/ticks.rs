//! Round numbers for an axis.

/// The round numbers (1, 2 or 5 times a power of ten apart) in `[low, high]`, about `n_wanted` of them.
pub(crate) fn ticks(low: f64, high: f64, n_wanted: usize) -> Vec<f64> {
    let step = step(low, high, n_wanted);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|k| k as f64 * step).collect()
}

/// A tick as text: as many decimals as the step needs, and `k` or `M` on an axis that reaches to numbers as great as
/// `greatest`.
pub(crate) fn label(value: f64, step: f64, greatest: f64) -> String {
    plain(value, step, greatest).replace('-', "−")
}

/// The same with the minus of programs.
fn plain(value: f64, step: f64, greatest: f64) -> String {
    if value.abs() < 1e-9 * step {
        return "0".to_owned();
    }
    let (unit, suffix) = match greatest.abs().max(step) {
        v if v >= 1e15 => return format!("{value:.2e}"),
        v if v >= 1e6 && step >= 1e4 => (1e6, "M"),
        v if v >= 1e4 && step >= 100.0 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let step = step / unit;
    if step < 1e-5 {
        return format!("{value:.1e}");
    }
    let n_decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    format!("{:.n_decimals$}{suffix}", value / unit)
}

/// The distance between ticks.
fn step(low: f64, high: f64, n_wanted: usize) -> f64 {
    let rough = (high - low) / n_wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        let all = ticks(low, high, 5);
        all.iter().map(|v| label(*v, all[1] - all[0], high.abs().max(low.abs()))).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-0.03, 0.07), ["−0.02", "0", "0.02", "0.04", "0.06"]);
        assert_eq!(labels(9_990.0, 10_010.0), ["9990", "9995", "10000", "10005", "10010"]);
        assert_eq!(labels(0.0, 14_000.0), ["0", "5k", "10k"]);
        assert_eq!(labels(0.0, 50_000.0), ["0", "10k", "20k", "30k", "40k", "50k"]);
    }
}
