//! Whole runs and trained flows of `interflow-flow`: what the program does on a device.

use interflow_core::guidance::Observation;
use interflow_core::interpolant::ScheduleKind;
use interflow_core::target::DensityConfig;
use interflow_flow::evaluation::Results;
use interflow_flow::{Experiment, ExperimentConfig, Flow, NoiseConfig, Precision, SampleOptions};
use interflow_models::{MlpConfig, ModelConfig};
use interflow_solvers::{DiffusionConfig, DiffusionShape, SdeConfig};
use tch::Kind;

use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("flow/two-dimensions", two_dimensions).within(Tolerance::Rounding(300.0)),
    Check::new("flow/digits", digits).within(Tolerance::Rounding(1000.0)),
];

fn precision(place: Place) -> Precision {
    if place.kind == Kind::Double { Precision::F64 } else { Precision::F32 }
}

/// Trains a perceptron between two densities for a few steps and asks the flow for all that it can tell.
fn two_dimensions(place: Place) -> Found {
    let model = ModelConfig::Mlp(MlpConfig::new(vec![32, 32]));
    let mut config = ExperimentConfig::new(DensityConfig::EightGaussians {}, model);
    config.precision = precision(place);
    (config.train.steps, config.train.batch, config.train.n_validation) = (20, 64, 128);
    config.train.mixed_precision = interflow_train::MixedPrecision::Off;
    (config.evaluation.n_test, config.evaluation.batch) = (50, 20);
    let trained = Experiment::new(config).device(place.device).train()?;
    let numbers = numbers(&trained.evaluate()?);
    let flow = trained.into_flow();
    let samples = flow.sample(50, 1)?;
    let noise = NoiseConfig {
        diffusion: DiffusionConfig { shape: DiffusionShape::Regular, strength: 0.5 },
        solver: SdeConfig { steps: 16, ..SdeConfig::default() },
    };
    let sample = |options: SampleOptions| flow.sample_with(20, &options.seed(2));
    let observed = Observation { coordinate: 0, value: 1.0, std: 0.3 };
    Ok(numbers
        .with("samples", &samples)
        .with("samples along a line", &sample(SampleOptions::default().along(ScheduleKind::Linear))?.points.x)
        .with("samples with noise", &sample(SampleOptions::default().noise(noise))?.points.x)
        .with("samples given an observation", &sample(SampleOptions::default().observed(observed))?.points.x)
        .with("encoded samples", &flow.encode(&samples)?)
        .with("log-densities", &flow.log_density(&samples, 1.0)?)
        .with("log-densities on the way", &flow.log_density(&samples, 0.5)?)
        .with("scores", &flow.score(&samples, 0.5)?))
}

/// Two steps of `configs/digits.toml` without its dropout, which differs between devices.
fn digits(place: Place) -> Found {
    let mut config = ExperimentConfig::from_toml(
        include_str!("../../../configs/digits.toml"),
        "digits.toml",
        &overrides(),
    )?;
    config.precision = precision(place);
    config.train.mixed_precision = interflow_train::MixedPrecision::Off;
    let trained = Experiment::new(config).device(place.device).train()?;
    let numbers = numbers(&trained.evaluate()?);
    let flow: Flow = trained.into_flow();
    let samples = flow.sample(6, 1)?;
    Ok(numbers.with("samples", &samples).with("log-densities", &flow.log_density(&samples, 1.0)?))
}

fn overrides() -> Vec<String> {
    let keys = [
        "threads=1",
        "model.dropout=0.0",
        "train.steps=2",
        "train.batch=16",
        "train.warmup_steps=0",
        "train.n_validation=16",
        "evaluation.n_test=6",
        "evaluation.batch=6",
        "evaluation.n_two_sample=10",
    ];
    keys.map(str::to_owned).to_vec()
}

/// The numbers of an evaluation, without the times that it took.
fn numbers(results: &Results) -> Values {
    let mut pending: Vec<(String, serde_json::Value)> =
        results.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut values = Values::new();
    while let Some((name, value)) = pending.pop() {
        match value {
            serde_json::Value::Number(number) if !name.contains("secs") => {
                values = values.with_number(name, number.as_f64().unwrap_or(f64::NAN));
            }
            serde_json::Value::Object(parts) => {
                pending.extend(parts.into_iter().map(|(part, value)| (format!("{name}.{part}"), value)));
            }
            _ => {}
        }
    }
    values
}
