//! The mean density of several flows.

use interflow_core::density::StandardNormal;
use interflow_core::{GivenSpace, Points};
use interflow_data::{Rows, TableDataset};
use interflow_flow::evaluation::{evaluate, evaluate_together};
use interflow_flow::manifest::{BaseManifest, TargetManifest};
use interflow_flow::{Base, BaseLaw, DensityOptions, Ensemble, Flow, Target};
use tch::{Kind, Tensor};

use crate::affine::Affine;
use crate::{config, mean_of, space, stream};

/// A Gaussian of three coordinates, `wider` times as wide as the first.
fn law(wider: f64) -> Affine {
    let mut affine = Affine::new(space(3, GivenSpace::Nothing {}));
    affine.scale *= wider;
    affine
}

fn flow(law: Affine) -> Flow {
    Flow::from(law.engine(BaseManifest::StandardNormal {}, TargetManifest::default()))
}

fn points(n: i64) -> Points {
    stream("ensemble").at(0).normal(&[n, 3], Kind::Double).into()
}

/// `log((ρ₁ + ρ₂)/2)`, by the densities in closed form.
fn expected(points: &Points) -> Tensor {
    let densities = [law(1.0), law(1.7)].map(|law| law.log_density(points).exp());
    ((&densities[0] + &densities[1]) * 0.5).log()
}

#[test]
fn the_density_is_the_mean_of_the_flows() {
    let points = points(7);
    let ensemble = Ensemble::new(vec![flow(law(1.0)), flow(law(1.7))]).unwrap();
    let options = DensityOptions::default();
    let found = ensemble.log_density_with(&points, 1.0, &options).unwrap();
    assert!(found.rows.allclose(&expected(&points), 1e-4, 1e-4, false));
    let alone = |flow: &Flow| flow.log_density_with(&points, 1.0, &options).unwrap().nfe;
    assert_eq!(found.nfe, ensemble.flows().iter().map(alone).sum::<u64>());
}

#[test]
fn its_test_nll_is_below_the_mean_of_theirs() {
    let part = || Rows::new(points(40).x).unwrap();
    let target = || Target::Data(Box::new(TableDataset::new(part(), part(), points(40)).unwrap()));
    let base = Base::of_law(BaseLaw::Normal(StandardNormal { dim: 3 }));
    let nll = |wider| {
        let results = evaluate(flow(law(wider)).engine(), &config(40), &base, &target()).unwrap();
        mean_of(&results, "test_nll").0
    };
    let ensemble = Ensemble::new(vec![flow(law(1.0)), flow(law(1.7))]).unwrap();
    let results = evaluate_together(&ensemble, &config(40), &base, &target()).unwrap();
    let together = mean_of(&results, "test_nll").0;
    let closed = -expected(&points(40)).mean(Kind::Double).double_value(&[]);
    assert!((together - closed).abs() < 1e-4, "{together} for {closed}");
    assert!(together < f64::midpoint(nll(1.0), nll(1.7)));
}

#[test]
fn flows_of_different_data_are_refused() {
    assert!(Ensemble::new(Vec::new()).is_err());
    let other = Affine::new(space(2, GivenSpace::Nothing {}));
    let error = Ensemble::new(vec![flow(law(1.0)), flow(other)]).unwrap_err().to_string();
    assert!(error.contains("flow 2 of them has another dimension"), "{error}");
}
