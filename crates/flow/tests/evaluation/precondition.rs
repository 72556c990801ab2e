//! The Gaussian that preconditions a network.

use interflow_core::GivenSpace;
use interflow_core::density::StandardNormal;
use interflow_data::Dataset as _;
use interflow_flow::{Base, BaseLaw, ExperimentConfig, Target, Work, precondition};
use interflow_metrics::GaussianFit;

use crate::affine::Affine;
use crate::space;

const CONFIG: &str = r#"
name = "affine"
seed = 5
threads = 1
precision = "f64"
base = { kind = "standard-normal" }
target = { kind = "synthetic", density = { kind = "rings" } }
interpolant = { kind = "trigonometric" }
coupling = { kind = "independent" }
model = { kind = "mlp", hidden = [4] }
solver = {}
evaluation = { n_test = 10, batch = 10 }
precondition = { kind = "gaussian" }
[train]
steps = 1
batch = 1
"#;

#[test]
fn the_axes_are_those_of_the_training_rows() {
    let config = ExperimentConfig::from_toml(CONFIG, "a test", &[]).unwrap();
    let base = Base::of_law(BaseLaw::Normal(StandardNormal { dim: 3 }));
    let table = Affine::new(space(3, GivenSpace::Nothing {})).table(200, 30);
    let (rows, test) = (table.training_points(5).unwrap(), table.test(30, 0));
    let target = Target::Data(Box::new(table));
    let axes = precondition::axes(&config, &base, &target, &Work::default()).unwrap().unwrap();
    let gap =
        axes.log_density(&test.x).unwrap() - GaussianFit::fit(&rows.x).unwrap().log_density(&test.x).unwrap();
    assert!(gap.abs().max().double_value(&[]) < 1e-9, "{gap:?}");

    let cosine = config.with(&["precondition.axes=\"cosine\"".to_owned()]).unwrap();
    let refused = precondition::axes(&cosine, &base, &target, &Work::default()).unwrap_err();
    assert_eq!(refused.to_string(), "in [precondition]");
}

#[test]
fn conditions_are_not_preconditioned() {
    let config = ExperimentConfig::from_toml(CONFIG, "a test", &[]).unwrap();
    let base = Base::of_law(BaseLaw::Normal(StandardNormal { dim: 3 }));
    let table = Affine::new(space(3, GivenSpace::Numbers { n: 2 })).table(200, 30);
    let refused = precondition::axes(&config, &base, &Target::Data(Box::new(table)), &Work::default());
    assert!(refused.unwrap_err().to_string().ends_with("no conditions"));
}
