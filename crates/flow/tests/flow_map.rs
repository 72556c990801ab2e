//! A flow map through the library: few calls in the data's units, distillation, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::interpolant::ScheduleKind;
use interflow_core::target::DiagonalGaussian;
use interflow_core::tch::{Kind, Tensor};
use interflow_flow::{
    CarryOptions, Computed, DensityOptions, Experiment, ExperimentConfig, Flow, SampleOptions, Threads,
};
use interflow_models::{FlowMapConfig, MlpConfig, ModelConfig};
use interflow_train::{FlowMapMatchingConfig, ObjectiveConfig};

/// A flow to N(1, 0.5²) in three dimensions; a flow map with `objective`, and else a velocity.
fn config(steps: u64, objective: Option<FlowMapMatchingConfig>) -> ExperimentConfig {
    let flow_map = objective.is_some().then_some(FlowMapConfig { divergence_width: Some(16) });
    let model = ModelConfig::Mlp(MlpConfig { flow_map, ..MlpConfig::new(vec![32, 32]) });
    let target = DiagonalGaussian { dim: 3, mean: 1.0, std: 0.5, last_std: None };
    let mut config = ExperimentConfig::new(interflow_core::target::DensityConfig::Gaussian(target), model);
    (config.train.steps, config.train.batch, config.train.n_validation) = (steps, 128, 100);
    (config.train.ema_decay, config.train.clip_norm) = (Some(0.98), Some(1.0));
    config.train.optimizer.learning_rate = 5e-3;
    if let Some(objective) = objective {
        config.objective = ObjectiveConfig::FlowMap(objective);
    }
    config
}

fn at_once() -> FlowMapMatchingConfig {
    FlowMapMatchingConfig { velocity_steps: 0, ramp_steps: 100, ..Default::default() }
}

/// Points of time `from` carried to `to` in this many calls.
fn carried(flow: &Flow, x: &Tensor, (from, to): (f64, f64), calls: u32) -> interflow_flow::Result<Tensor> {
    Ok(flow.carry_with(x, from, to, &CarryOptions::default().calls(calls))?.rows)
}

/// Log-densities in this many calls.
fn log_density(flow: &Flow, x: &Tensor, t: f64, calls: u32) -> interflow_flow::Result<Computed> {
    flow.log_density_with(x, t, &DensityOptions::default().calls(calls))
}

fn trained(config: ExperimentConfig) -> Flow {
    Experiment::new(config).train().unwrap().into_flow()
}

fn root_mean_square(x: &Tensor) -> f64 {
    x.to_kind(Kind::Double).square().mean(Kind::Double).sqrt().double_value(&[])
}

/// What a few calls give is near what the solver gives, and all of it survives saving and loading.
#[test]
fn few_calls_stand_for_a_solver() {
    let flow = trained(config(600, Some(at_once())));
    let by_solver = flow.sample(400, 5).unwrap();
    for calls in [1, 4] {
        let found = flow.sample_with(400, &SampleOptions::default().seed(5).calls(calls)).unwrap();
        assert_eq!((found.nfe, found.points.x.size()), (u64::from(calls), vec![400, 3]));
        let gap = root_mean_square(&(&found.points.x - &by_solver));
        assert!(gap < 0.1, "samples in {calls} calls are {gap} off");
        let gap = root_mean_square(
            &(carried(&flow, &by_solver, (1.0, 0.0), calls).unwrap() - flow.encode(&by_solver).unwrap()),
        );
        assert!(gap < 0.2, "encodings in {calls} calls are {gap} off");
        let few = log_density(&flow, &by_solver, 1.0, calls).unwrap();
        let gap = root_mean_square(&(few.rows - flow.log_density(&by_solver, 1.0).unwrap()));
        assert!(gap < 0.4, "log-densities in {calls} calls are {gap} off");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.safetensors");
    flow.save(&file).unwrap();
    let loaded = Flow::load(&file).unwrap().with_threads(Threads::Auto);
    let of = |flow: &Flow| log_density(flow, &by_solver, 1.0, 2).unwrap().rows;
    assert!(of(&flow).allclose(&of(&loaded), 1e-5, 1e-5, false));
}

/// A map of parts of the way is a map of times in between.
#[test]
fn densities_and_carries_stop_in_between() {
    let flow = trained(config(2, Some(at_once())));
    let x = flow.sample(7, 0).unwrap();
    // Two halves of one jump each are the whole way in two.
    let half = carried(&flow, &x, (1.0, 0.5), 1).unwrap();
    let ends = carried(&flow, &half, (0.5, 0.0), 1).unwrap();
    let whole = carried(&flow, &x, (1.0, 0.0), 2).unwrap();
    assert!(root_mean_square(&(ends - whole)) < 1e-6);
    assert_eq!(log_density(&flow, &half, 0.5, 3).unwrap().rows.size(), [7]);
    // At the base nothing is left to carry.
    let at_base = log_density(&flow, &half, 0.0, 1).unwrap().rows;
    assert!(root_mean_square(&(at_base - flow.log_density(&half, 0.0).unwrap())) < 1e-5);
}

#[test]
fn what_cannot_be_had_in_few_calls_is_refused() {
    let plain = trained(config(2, None));
    let x = plain.sample(3, 0).unwrap();
    let calls = |calls| SampleOptions::default().calls(calls);
    let refused = |error: interflow_flow::Error, part: &str| {
        let message = format!("{error}");
        assert!(message.contains(part), "{message}");
    };
    refused(plain.sample_with(3, &calls(2)).unwrap_err(), "objective] kind = \"flow-map\"");
    refused(carried(&plain, &x, (1.0, 0.0), 2).unwrap_err(), "needs a flow map");
    refused(log_density(&plain, &x, 1.0, 2).unwrap_err(), "needs a flow map");
    let mut no_head = config(2, Some(at_once()));
    let flow_map = Some(FlowMapConfig::default());
    no_head.model = ModelConfig::Mlp(MlpConfig { flow_map, ..MlpConfig::new(vec![8]) });
    let no_head = trained(no_head);
    assert!(no_head.sample_with(3, &calls(1)).is_ok());
    refused(log_density(&no_head, &x, 1.0, 2).unwrap_err(), "a divergence_width");
    refused(no_head.sample_with(3, &calls(0)).unwrap_err(), "at least 1 call");
    let along = calls(1).along(ScheduleKind::Linear);
    refused(no_head.sample_with(3, &along).unwrap_err(), "with another interpolant");
}

#[test]
fn a_map_is_distilled_from_a_flow_of_the_same_path_only() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = Experiment::new(config(3, None)).out(folder.path()).train().unwrap();
    let teacher = teacher.folder.unwrap().path().to_owned();
    let taught = config(3, Some(FlowMapMatchingConfig { teacher: Some(teacher), ..at_once() }));
    let check = Experiment::new(taught.clone()).train().unwrap().check.unwrap();
    assert!(check.term("jump").is_some() && check.term("divergence").is_some());
    let mut other = taught;
    other.interpolant.kind = ScheduleKind::Linear;
    let error = Experiment::new(other).train().unwrap_err().to_string();
    assert!(error.contains("in [objective] teacher: the flow has another interpolant"), "{error}");
}
