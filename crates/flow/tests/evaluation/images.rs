//! Bits per dimension, pixels and neighbours of images.

use interflow_core::density::StandardNormal;
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Points, Space};
use interflow_data::{Dataset, ImageParts, ImageShape, ImageSource, Images, PlaceLaw};
use interflow_flow::config::{EvaluationConfig, FidConfig, ImageEvaluationConfig};
use interflow_flow::evaluation::{Results, evaluate};
use interflow_flow::images::{ImageSpace, fid, nearest, spread, test_noise};
use interflow_flow::manifest::{BaseManifest, ImageManifest, TargetManifest};
use interflow_flow::{Base, BaseLaw, Engine, Ensemble, Flow, Target, Work};
use interflow_metrics::Estimate;
use interflow_models::{ModelConfig, UNetConfig};
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use crate::affine::Affine;
use crate::{config, keys, mean_of, space, stream};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 3, width: 4 };
const N_LEVELS: i64 = 16;
const CLASSES: GivenSpace = GivenSpace::Class { n_classes: 3 };

/// `n` images whose levels are independent and uniform, of three classes in turn.
fn images(n: i64, index: u64) -> Images {
    let levels = stream("images").at(index).integers(n * SHAPE.dim(), N_LEVELS);
    let pixels = levels.to_kind(Kind::Uint8).view([n, SHAPE.dim()]);
    Images::new(SHAPE, N_LEVELS, 3, &pixels, (0..n).map(|i| i % 3).collect()).unwrap()
}

/// Images that are given their class.
struct Set(ImageParts);

impl Set {
    fn new(places: PlaceLaw) -> Self {
        let parts = ImageParts { train: images(40, 0), validation: images(5, 1), test: images(60, 2) };
        Self(parts.with_places(places))
    }
}

impl Dataset for Set {
    fn space(&self) -> Space {
        space(SHAPE.dim(), CLASSES)
    }

    fn training(&self) -> Box<dyn Source> {
        Box::new(ImageSource::new(self.0.train.clone()).with_classes(0.0))
    }

    fn held_out(&self) -> Box<dyn Source> {
        self.training()
    }

    fn test(&self, _n: i64, _seed: u64) -> Points {
        panic!("images are measured by their levels")
    }

    fn images(&self) -> Option<&ImageParts> {
        Some(&self.0)
    }
}

fn engine(affine: Affine, dequantise: PlaceLaw) -> Engine {
    let images = ImageManifest { channels: 1, height: 3, width: 4, n_levels: N_LEVELS, dequantise };
    let target = TargetManifest { images: Some(images), ..TargetManifest::default() };
    affine.engine(BaseManifest::StandardNormal {}, target)
}

/// What is measured with two draws of the noise.
fn evaluated(engine: &Engine, set: Set) -> Results {
    let images = ImageEvaluationConfig { n_dequantise: 2, ..ImageEvaluationConfig::default() };
    let config = EvaluationConfig { images: Some(images), ..config(100) };
    let base = Base::of_law(BaseLaw::Normal(StandardNormal { dim: SHAPE.dim() }));
    evaluate(engine, &config, &base, &Target::Data(Box::new(set))).unwrap()
}

/// Bits/dim by truncated normal noise are the expectation, over the levels and the noise, of the law's log-density less the
/// noise's; by more draws at once they are fewer.
#[test]
fn bits_per_dim_account_for_the_noise() {
    let affine = Affine::new(space(SHAPE.dim(), CLASSES));
    let bells = PlaceLaw::TruncatedNormal { width: 3.0 };
    let set = Set::new(bells);
    let classes = Given::Class(Tensor::from_slice(set.0.test.labels()));
    // N(0, 1) within ±3: its mass, its variance, and the entropy of the place z/6 + ½.
    let (mass, height) = (0.997_300_203_936_740_4, 0.004_431_848_411_938_008);
    let variance = 1.0 - 6.0 * height / mass;
    let entropy = 0.5 * std::f64::consts::TAU.ln() + 0.5 * variance + f64::ln(mass / 6.0);
    // The mean square of the middles of 16 cells of [−1, 1), and the noise's.
    let square = (256.0 - 1.0) / (3.0 * 256.0) + variance * (2.0 / 16.0 / 6.0_f64).powi(2);
    let squares = (affine.mean(&classes).square() + square) / affine.scale.square();
    let nats = squares * 0.5 + affine.scale.log() + 0.5 * std::f64::consts::TAU.ln() - entropy;
    let expectation = nats.mean(Kind::Double).double_value(&[]) / std::f64::consts::LN_2 + 3.0;

    let results = evaluated(&engine(affine, bells), set);
    let (bits, standard_error) = mean_of(&results, "bits_per_dim");
    assert!((bits - expectation).abs() < 4.0 * standard_error, "{bits} ± {standard_error} {expectation}");
    let importance = mean_of(&results, "bits_per_dim_importance").0;
    assert!(importance < bits && importance > bits - 0.1, "{importance} {bits}");
}

#[test]
fn bits_per_dim_are_those_of_the_flows_law() {
    let affine = Affine::new(space(SHAPE.dim(), CLASSES));
    let uniform = PlaceLaw::default();
    let set = Set::new(uniform);
    let test = set.0.test.clone();
    let image_space = ImageSpace::of(engine(Affine::new(affine.space), uniform).manifest()).unwrap();

    // The mean over two draws of the noise, by the density in closed form.
    let draws: Vec<Tensor> = (0..2u64)
        .map(|draw| {
            let points = image_space.points(&test, &spread(60, 60), draw * 60, &test_noise(5));
            let bits = affine.log_density(&points) / (-12.0 * std::f64::consts::LN_2) + 3.0;
            assert_eq!(bits.size(), [60]);
            bits
        })
        .collect();
    let expected = Estimate::from_values(&Tensor::stack(&draws, 0).mean_dim(0i64, false, Kind::Double));
    // The expectation over uniform x in [−1, 1): E (x − m)² = 1/3 + m².
    let classes = Given::Class(Tensor::from_slice(test.labels()));
    let squares = (affine.mean(&classes).square() + 1.0 / 3.0) / affine.scale.square();
    let nats = squares * 0.5 + affine.scale.log() + 0.5 * std::f64::consts::TAU.ln();
    let expectation = nats.mean(Kind::Double).double_value(&[]) / std::f64::consts::LN_2 + 3.0;

    let results = evaluated(&engine(affine, uniform), set);

    let (bits, standard_error) = mean_of(&results, "bits_per_dim");
    assert!((bits - expected.mean).abs() < 1e-4, "{bits} against {expected:?}");
    assert!((standard_error - expected.standard_error).abs() < 1e-4);
    assert!((bits - expectation).abs() < 4.0 * standard_error, "{bits} ± {standard_error} {expectation}");
    let below = mean_of(&results, "gaussian_bits_per_dim").0 - bits;
    assert!((mean_of(&results, "bits_per_dim_below_gaussian").0 - below).abs() < 1e-9);
    let names = [
        "bits_per_dim",
        "bits_per_dim_importance",
        "gaussian_axes",
        "gaussian_bits_per_dim",
        "bits_per_dim_below_gaussian",
        "bits_per_dim_settings",
        "n_train",
        "n_test",
        "nfe",
    ];
    assert_eq!(keys(&results), names);
    assert_eq!((&results["gaussian_axes"], &results["n_test"]), (&json!("principal"), &json!(60)));
    let settings = &results["bits_per_dim_settings"];
    assert_eq!((&settings["n_dequantise"], &settings["n_probes"]), (&json!(2), &Value::Null));
}

#[test]
fn pixels_come_back_from_points_with_their_classes() {
    let engine = engine(Affine::new(space(SHAPE.dim(), CLASSES)), PlaceLaw::default());
    let (space, set) = (ImageSpace::of(engine.manifest()).unwrap(), images(9, 3));
    let points = space.points(&set, &[8, 0, 5], 2, &test_noise(1));
    let pixels = space.pixels(&points.x);
    assert_eq!(pixels, set.pixels_of(&[8, 0, 5]));
    assert_eq!(points.given.tensor(), Some(&Tensor::from_slice(&[2i64, 0, 2])));
    assert_eq!(space.levels(&pixels).unwrap().len(), 36);
    assert!(space.levels(&pixels.view([-1])).is_err());
    assert_eq!((space.sides(), space.n_levels(), space.n_classes()), ([1, 3, 4], 16, 3));
}

#[test]
fn base_points_take_the_classes_in_turn_and_depend_on_their_numbers_alone() {
    let engine = engine(Affine::new(space(SHAPE.dim(), CLASSES)), PlaceLaw::default());
    let space = ImageSpace::of(engine.manifest()).unwrap();
    let (all, some) = (space.base_points(&engine, 0, 7), space.base_points(&engine, 4, 3));
    let (all, some) = (all.unwrap(), some.unwrap());
    assert_eq!(some.given.tensor(), Some(&Tensor::from_slice(&[1i64, 2, 0])));
    assert_eq!(all.narrow(4, 3).x, some.x);
}

#[test]
fn a_network_for_other_images_is_refused() {
    let engine = engine(Affine::new(space(SHAPE.dim(), CLASSES)), PlaceLaw::default());
    let space = ImageSpace::of(engine.manifest()).unwrap();
    let net = |shape| ModelConfig::UNet(UNetConfig::new(shape, 8, vec![1]));
    assert!(space.check_model(&net([1, 3, 4])).is_ok());
    let message = space.check_model(&net([1, 4, 3])).unwrap_err().to_string();
    assert!(message.ends_with("[1, 3, 4], found: [1, 4, 3]"), "{message}");
}

#[test]
fn an_image_of_the_set_is_nearest_to_itself() {
    let (set, task) = (images(30, 4), Work::default().quietly());
    let found = nearest(&set, &set.pixels_of(&[7, 21, 3]), 4, &task).unwrap();
    let (first, n): (Vec<i64>, Vec<usize>) = found.numbers.iter().map(|row| (row[0], row.len())).unzip();
    assert_eq!((first, n), (vec![7, 21, 3], vec![4, 4, 4]));
    assert!(found.distance.max().double_value(&[]) < 0.01);
    assert!(nearest(&set, &set.pixels(0, 1).narrow(1, 0, 5), 4, &task).is_err());
}

#[test]
fn nothing_is_compared_without_inceptions_weights() {
    let engine = engine(Affine::new(space(SHAPE.dim(), CLASSES)), PlaceLaw::default());
    let folder = tempfile::tempdir().unwrap();
    let found = fid::compare(&engine, Some(&images(9, 5)), &FidConfig::default(), folder.path()).unwrap();
    assert_eq!(found, Value::Null);
}

/// A flow of images whose run had this seed.
fn flow_of(seed: u64) -> Flow {
    Flow::from(engine(Affine::new(space(SHAPE.dim(), CLASSES)), PlaceLaw::default())).with_seed(seed)
}

fn some_levels() -> Tensor {
    stream("levels").at(0).integers(6 * SHAPE.dim(), N_LEVELS).view([6, SHAPE.dim()])
}

#[test]
fn flows_beside_each_other_see_the_same_dequantised_images() {
    let points = Points { x: some_levels(), given: Given::class(1, 6) };
    let alone = flow_of(3).log_density(&points, 1.0).unwrap();
    // Two of the same network, which differ in their run's seed alone, are that network.
    let found = Ensemble::new(vec![flow_of(3), flow_of(4)]).unwrap().log_density(&points, 1.0).unwrap();
    assert!(found.allclose(&alone, 1e-6, 1e-6, false));
    assert!(!flow_of(4).log_density(&points, 1.0).unwrap().allclose(&alone, 1e-6, 1e-6, false));
}

#[test]
fn levels_are_no_states_of_an_earlier_time() {
    let of =
        |x: &Tensor| flow_of(0).log_density(&Points { x: x.shallow_clone(), given: Given::class(1, 6) }, 0.5);
    for levels in [some_levels().to_kind(Kind::Uint8), some_levels().to_kind(Kind::Double)] {
        let error = of(&levels).unwrap_err().to_string();
        assert!(
            error.contains("levels of pictures are points of time 1") && error.contains("hint: "),
            "{error}"
        );
    }
    let states = stream("states").at(0).normal(&[6, SHAPE.dim()], Kind::Double);
    assert!(of(&states).is_ok() && of(&states.zeros_like()).is_ok());
}

#[test]
fn levels_go_in_and_come_out_whatever_their_kind_and_shape() {
    let (flow, levels) = (flow_of(0), some_levels());
    let points = |x: Tensor| Points { x, given: Given::class(1, 6) };
    let bytes = points(levels.to_kind(Kind::Uint8).view([6, 1, 3, 4]));
    let nats = flow.log_density(&bytes, 1.0).unwrap();
    for kind in [Kind::Uint8, Kind::Int, Kind::Int64, Kind::Float, Kind::Double] {
        assert_eq!(flow.log_density(&points(levels.to_kind(kind)), 1.0).unwrap(), nats, "{kind:?}");
    }
    let encoded = flow.encode(&bytes).unwrap();
    let back = flow.carry(&points(encoded), 0.0, 1.0).unwrap();
    assert_eq!((back.kind(), back.to_kind(Kind::Int64)), (Kind::Uint8, levels.shallow_clone()));
    for (wrong, said) in [(&levels * 2, "0 to 15, found: from 0 to 30"), (&levels - 0.5, "fractions")] {
        let error = flow.log_density(&points(wrong), 1.0).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
