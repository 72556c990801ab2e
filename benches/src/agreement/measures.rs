//! The measures of `interflow-metrics`, of points that lie on a device.

use interflow_metrics::{
    Estimate, FeatureCollector, GaussianFit, Inception, Moments, bits_per_dim, energy_distance_test,
    frechet_distance, kernel_distance, wasserstein2_gaussian,
};
use tch::{Device, Kind, Tensor};

use super::place::draw;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("metrics/two-sample", two_sample).within(Tolerance::Rounding(10.0)),
    Check::new("metrics/moments", moments).within(Tolerance::Rounding(10.0)),
    Check::new("metrics/inception", inception).within(Tolerance::Single(10.0)),
];

/// Two samples, the second one shifted.
fn samples(place: Place) -> [Tensor; 2] {
    [place.normal(0, &[300, 3]), place.normal(1, &[200, 3]) * 1.2 + 0.3]
}

/// The p-value too: the permutations are those of the seed.
fn two_sample(place: Place) -> Found {
    let [a, b] = samples(place);
    let test = energy_distance_test(&a, &b, 99, &mut draw(5))?;
    let mixed = energy_distance_test(&a, &b.to_device(Device::Cpu), 0, &mut draw(5))?;
    let kernel = kernel_distance(&a, &b, 100, 5, &mut draw(6))?;
    Ok(Values::new()
        .with_number("the energy distance", test.statistic)
        .with_number("its p-value", test.p_value)
        .with_number("the energy distance with one sample on the CPU", mixed.statistic)
        .with_number("the kernel distance", kernel.mean)
        .with_number("its deviation", kernel.deviation))
}

fn moments(place: Place) -> Found {
    let [a, b] = samples(place);
    let fit = GaussianFit::fit(&a)?;
    let (a, b) = (Moments::of(&a)?, Moments::of(&b)?);
    let of_fit = fit.log_density(&samples(place)[1])?;
    let Estimate { mean, standard_error } = Estimate::from_values(&of_fit);
    Ok(Values::new()
        .with_number("the log-density's mean", mean)
        .with_number("its standard error", standard_error)
        .with("bits per dimension", &bits_per_dim(&of_fit, 3, 256))
        .with("the mean", &a.mean)
        .with("the covariance", &a.covariance)
        .with("the fit's log-density", &of_fit)
        .with_number("Fréchet's distance", frechet_distance(&a, &b)?)
        .with_number("W2", wasserstein2_gaussian(&a, &b)?))
}

/// The names and shapes of Inception's weights, a line each.
const INCEPTION: &str = include_str!("../../../crates/metrics/tests/golden/inception_weights.txt");

/// Inception's form with weights from a closed form, in single precision as always.
fn inception(place: Place) -> Found {
    let mut weights = Vec::new();
    let mut draw = draw(8);
    for line in INCEPTION.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let shape = words.map(str::parse).collect::<Result<Vec<i64>, _>>()?;
        let fan_in: i64 = shape.iter().skip(1).product();
        let numbers = draw.normal(&shape, Kind::Float);
        let weight = if name.ends_with("conv.weight") {
            numbers * (2.0 / fan_in as f64).sqrt()
        } else if name.ends_with("bn.weight") || name.ends_with("running_var") {
            numbers.abs() * 0.2 + 0.7
        } else {
            numbers * 0.1
        };
        weights.push((name.to_owned(), weight));
    }
    let network = Inception::from_weights(weights, place.device)?;
    let features = network.features(&(place.uniform(0, &[2, 3, 20, 24]) * 2.0 - 1.0))?;
    let mut collector = FeatureCollector::keeping(2);
    collector.add(&features)?;
    let statistics = collector.finish()?;
    Ok(Values::new().with("features", &features).with("their mean", &statistics.moments.mean))
}
