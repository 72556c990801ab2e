//! Round numbers for an axis.

/// The round numbers (1, 2 or 5 times a power of ten apart) in `[low, high]`, about `n_wanted` of them.
pub(crate) fn ticks(low: f64, high: f64, n_wanted: usize) -> Vec<f64> {
    let step = step(low, high, n_wanted);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|k| k as f64 * step).collect()
}

/// A tick as text: as many decimals as the step needs, `k` and `M` for great numbers.
pub(crate) fn label(value: f64, step: f64) -> String {
    plain(value, step).replace('-', "−")
}

/// The same with the minus of programs.
fn plain(value: f64, step: f64) -> String {
    let (unit, suffix) = match value.abs().max(step) {
        v if v >= 1e15 => return format!("{value:.2e}"),
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let step = step / unit;
    if value.abs() < 1e-9 * step {
        return "0".to_owned();
    }
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
        all.iter().map(|v| label(*v, all[1] - all[0])).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-0.03, 0.07), ["−0.02", "0", "0.02", "0.04", "0.06"]);
        assert_eq!(labels(0.0, 50_000.0), ["0", "10k", "20k", "30k", "40k", "50k"]);
    }
}
