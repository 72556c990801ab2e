//! Likelihoods of test points beside closed forms.

use std::sync::Arc;

use interflow_core::density::{GaussianMixture, MixturePath};
use interflow_core::interpolant::Interpolant;
use interflow_core::target::Target as Law;
use interflow_core::{Given, GivenSpace, Network, Parameters, Space, VectorField as _};
use interflow_flow::evaluation::{evaluate, mean, noisy_nll};
use interflow_flow::manifest::{BaseManifest, TargetManifest};
use interflow_flow::{Base, BaseLaw, Cancel, Engine, FlowPath, NoProgress, NoiseConfig, Target, Work};
use interflow_solvers::{DiffusionConfig, SdeConfig};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::affine::{Affine, manifest};
use crate::{config, keys, mean_of, number, space};

fn normal(dim: i64) -> Base {
    Base::of_law(BaseLaw::Normal(interflow_core::density::StandardNormal { dim }))
}

/// Checks the results on a table of the affine law against its density and its entropy.
fn check(given: GivenSpace, log_jacobian: f64) {
    let affine = Affine::new(space(3, given));
    let entropy = affine.entropy() - log_jacobian;
    let table = affine.table(4000, 1500).with_log_jacobian(log_jacobian);
    let closed_form = mean(&-(affine.log_density(table.test_part()) + log_jacobian));
    let engine = affine.engine(BaseManifest::StandardNormal {}, TargetManifest::default());
    let target = Target::Data(Box::new(table));
    let results = evaluate(&engine, &config(1500), &normal(3), &target).unwrap();
    let (nll, standard_error) = mean_of(&results, "test_nll");
    assert!((nll - number(&closed_form, "mean")).abs() < 1e-4, "{nll} against {closed_form}");
    assert!((nll - entropy).abs() < 4.0 * standard_error, "{nll} ± {standard_error} against {entropy}");
    assert_eq!((&results["n_train"], &results["n_test"]), (&4000.into(), &1500.into()));
    // A Gaussian's excess is half its numbers over the rows that it was fitted to.
    let (gaussian, _) = mean_of(&results, "gaussian_nll");
    assert!((gaussian - nll).abs() < 0.01, "{gaussian} against {nll}");
}

#[test]
fn a_tables_nll_is_that_of_its_law() {
    check(GivenSpace::Nothing {}, 0.0);
}

#[test]
fn conditions_are_given_to_the_flow_and_to_the_gaussian() {
    check(GivenSpace::Numbers { n: 2 }, 0.7);
}

#[test]
fn the_results_keep_their_names_and_their_order() {
    let affine = Affine::new(space(2, GivenSpace::Nothing {}));
    let table = affine.table(50, 20).with_log_jacobian(-1.5);
    let engine = affine.engine(BaseManifest::StandardNormal {}, TargetManifest::default());
    let results = evaluate(&engine, &config(100), &normal(2), &Target::Data(Box::new(table))).unwrap();
    let expected = ["test_nll", "test_nll_standardised", "gaussian_nll", "n_train", "n_test", "nfe"];
    assert_eq!(keys(&results), expected);
    let gap = mean_of(&results, "test_nll").0 - mean_of(&results, "test_nll_standardised").0;
    assert!((gap - 1.5).abs() < 1e-9, "{gap}");
    assert_eq!(results["n_test"], 20);
}

#[test]
fn no_gaussian_fits_fewer_rows_than_dimensions() {
    let affine = Affine::new(space(3, GivenSpace::Nothing {}));
    let table = affine.table(3, 20);
    let engine = affine.engine(BaseManifest::StandardNormal {}, TargetManifest::default());
    let results = evaluate(&engine, &config(20), &normal(3), &Target::Data(Box::new(table))).unwrap();
    assert_eq!(results["gaussian_nll"], Value::Null);
}

#[test]
fn cancelled_work_yields_no_results() {
    let affine = Affine::new(space(2, GivenSpace::Nothing {}));
    let target = Target::Data(Box::new(affine.table(50, 20)));
    let cancel = Cancel::default();
    cancel.request();
    let engine = affine.engine(BaseManifest::StandardNormal {}, TargetManifest::default());
    let engine = engine.with_work(Work::new(NoProgress, cancel));
    assert!(evaluate(&engine, &config(20), &normal(2), &target).unwrap_err().is_cancelled());
}

/// The exact velocity from N(0, I) to a mixture.
struct Exact {
    path: MixturePath,
    parameters: Parameters,
}

impl Network for Exact {
    fn space(&self) -> Space {
        self.path.dim().into()
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn value(&self, t: &Tensor, x: &Tensor, _given: &Given) -> Tensor {
        self.path.velocity().value(t, x)
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        Ok(Box::new(Self { path: self.path.clone(), parameters: Parameters::new() }))
    }
}

#[test]
fn the_nll_of_an_exact_flow_is_the_true_one_with_noise_and_without() {
    let mixture = |means: &[f64], std| {
        GaussianMixture::spherical(&Tensor::from_slice(means).view([-1, 2]), std).unwrap()
    };
    let (rho0, rho1) = (mixture(&[0.0, 0.0], 1.0), mixture(&[1.5, 0.0, -1.0, 1.0, 0.0, -2.0], 0.6));
    let path = MixturePath::new(&rho0, &rho1, Interpolant::trigonometric()).unwrap();
    let network = Box::new(Exact { path, parameters: Parameters::new() });
    let engine = Engine::new(manifest(2.into()), network, None, 0).unwrap();
    let target = Target::Synthetic(Arc::new(Law::known(rho1, 4.0)));
    let results = evaluate(&engine, &config(200), &normal(2), &target).unwrap();
    assert_eq!(keys(&results), ["test_nll", "n_test", "nfe", "true_nll"]);
    let (found, truth) = (mean_of(&results, "test_nll").0, mean_of(&results, "true_nll").0);
    assert!((found - truth).abs() < 1e-3, "{found} against {truth}");

    let path = FlowPath::new(&engine, None).unwrap();
    let noise = NoiseConfig {
        diffusion: DiffusionConfig { shape: path.regular_shape(), strength: 1.0 },
        solver: SdeConfig { steps: 200, ..SdeConfig::default() },
    };
    let noisy = noisy_nll(&path, &noise, &engine, &config(200), &target).unwrap();
    assert!((number(&noisy, "mean") - truth).abs() < 0.05, "{noisy} against {truth}");
}

#[test]
fn a_mean_of_known_values_has_their_standard_error() {
    let values = Tensor::arange(4, (Kind::Double, Device::Cpu));
    let found = mean(&values);
    assert!((number(&found, "mean") - 1.5).abs() < 1e-12);
    // The deviation is √(5/3).
    assert!((number(&found, "standard_error") - (5.0f64 / 12.0).sqrt()).abs() < 1e-12);
}
