//! A trained flow: samples, encodings and densities that belong together.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::sync::OnceLock;

use interflow_core::interpolant::ScheduleKind;
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_flow::{Experiment, ExperimentConfig, Flow, SampleOptions};

/// A flow to eight Gaussians, trained once for the tests of this file.
fn with_flow<T>(body: impl FnOnce(&Flow) -> T) -> T {
    static FLOW: OnceLock<std::sync::Mutex<Flow>> = OnceLock::new();
    let flow = FLOW.get_or_init(|| {
        let overrides = ["solver.rtol=1e-5".to_owned(), "solver.atol=1e-5".to_owned()];
        let config = ExperimentConfig::from_toml(include_str!("tiny.toml"), "tiny.toml", &overrides).unwrap();
        std::sync::Mutex::new(Experiment::new(config).train().unwrap().into_flow())
    });
    body(&flow.lock().unwrap())
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

#[test]
fn encoding_leads_back_to_the_base_points() {
    with_flow(|flow| {
        let x0 = flow.engine().base().sample(0, 50, 4, Kind::Float).unwrap();
        let samples = flow.sample(50, 4).unwrap();
        let off = largest(&(flow.encode(&samples).unwrap() - &x0));
        assert!(off < 2e-3, "encoded samples are {off} off their base points");
        // Half of the way and the other half are the whole way.
        let half = flow.carry(&x0, 0.0, 0.5).unwrap();
        let off = largest(&(flow.carry(&half, 0.5, 1.0).unwrap() - &samples));
        assert!(off < 2e-3, "two halves end {off} off the whole");
    });
}

/// The midpoints of `n × n` cells of the square `[-width, width]²` and a cell's area.
fn grid(n: i64, width: f64) -> (Tensor, f64) {
    let step = 2.0 * width / n as f64;
    let axis = Tensor::arange(n, (Kind::Double, Device::Cpu)) * step + (0.5 * step - width);
    let axes = Tensor::meshgrid_indexing(&[&axis, &axis], "ij");
    (Tensor::stack(&axes, -1).view([-1, 2]), step * step)
}

#[test]
fn densities_integrate_to_one() {
    with_flow(|flow| {
        for t in [0.0, 0.6, 1.0] {
            let (points, cell) = grid(70, 7.0);
            let mass = flow.log_density(&points, t).unwrap().exp().sum(Kind::Double).double_value(&[]) * cell;
            assert!((mass - 1.0).abs() < 0.02, "the density at {t} integrates to {mass}");
        }
    });
}

#[test]
fn the_score_is_the_gradient_of_the_log_density() {
    with_flow(|flow| {
        let x = Tensor::from_slice(&[0.5f64, -0.3, 1.2, 0.4, -0.7, -1.1]).view([3, 2]);
        let (t, h) = (0.4, 1e-2);
        let score = flow.score(&x, t).unwrap();
        for axis in 0..2 {
            let mut step = [0.0, 0.0];
            step[axis] = h;
            let step = Tensor::from_slice(&step);
            let difference =
                flow.log_density(&(&x + &step), t).unwrap() - flow.log_density(&(&x - &step), t).unwrap();
            // The velocity is not exact: its own density and the score that it tells differ a little.
            let off = largest(&(difference / (2.0 * h) - score.select(1, axis as i64)));
            assert!(off < 0.5, "the score is {off} off");
        }
    });
}

#[test]
fn a_sample_is_a_function_of_seed_and_number() {
    with_flow(|flow| {
        let all = flow.sample(30, 9).unwrap();
        let options = SampleOptions { first: 10, ..SampleOptions::default() }.seed(9);
        let part = flow.sample_with(5, &options).unwrap().points.x;
        // Products of matrices round otherwise in batches of another size.
        assert!(largest(&(part - all.narrow(0, 10, 5))) < 1e-4);
        assert!(largest(&(flow.sample(30, 8).unwrap() - &all)) > 0.1);
    });
}

#[test]
fn another_path_has_the_same_ends() {
    with_flow(|flow| {
        let own = flow.sample(20, 1).unwrap();
        let options = SampleOptions::default().seed(1).along(ScheduleKind::Linear);
        let along = flow.sample_with(20, &options).unwrap().points.x;
        let off = largest(&(along - own));
        assert!(off < 5e-3, "the linear path ends {off} off");
    });
}

#[test]
fn times_beyond_the_path_are_refused() {
    with_flow(|flow| {
        let x = Tensor::zeros([1, 2], (Kind::Float, Device::Cpu));
        assert!(flow.carry(&x, 0.0, 1.5).unwrap_err().to_string().contains("1.5"));
        assert!(flow.log_density(&x, -0.1).unwrap_err().to_string().contains("-0.1"));
        let wide = Tensor::zeros([1, 3], (Kind::Float, Device::Cpu));
        assert!(flow.encode(&wide).is_err());
    });
}

#[test]
fn more_samples_than_can_be_are_refused() {
    with_flow(|flow| {
        for n in [u64::MAX, i64::MAX as u64] {
            let error = flow.sample(n, 0).unwrap_err();
            assert!(error.to_string().contains("samples of dimension 2 needs"), "{error}");
        }
    });
}
