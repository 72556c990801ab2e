//! Inception against `pytorch-fid`'s, with weights that both make from a closed form (`golden/inception.py`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::sync::OnceLock;

use interflow_metrics::{Error, Inception};
use tch::{Device, Kind, Tensor};

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A number in [0, 1) by the splitmix64 hash.
fn uniform(stream: u64, index: u64) -> f64 {
    let z = ((stream << 32) + index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn tensor(stream: u64, shape: &[i64], map: impl Fn(f64) -> f64) -> Tensor {
    let n: i64 = shape.iter().product();
    let values: Vec<f32> = (0..n as u64).map(|index| map(uniform(stream, index)) as f32).collect();
    Tensor::from_slice(&values).view(shape)
}

fn weight(name: &str, stream: u64, shape: &[i64]) -> Tensor {
    let fan_in: i64 = shape[1..].iter().product();
    tensor(stream, shape, |u| {
        if name.ends_with("conv.weight") {
            (2.0 * u - 1.0) * (6.0 / fan_in as f64).sqrt()
        } else if name.ends_with("bn.weight") || name.ends_with("running_var") {
            u + 0.5
        } else {
            (u - 0.5) * 0.2
        }
    })
}

/// The weights under the names and in the shapes of the published file, made once.
fn weights() -> Vec<(String, Tensor)> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| std::fs::read_to_string(golden("inception_weights.txt")).unwrap());
    let parse = |(stream, line): (usize, &str)| {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        let shape: Vec<i64> = words.map(|word| word.parse().unwrap()).collect();
        let tensor = weight(&name, stream as u64, &shape);
        (name, tensor)
    };
    text.lines().enumerate().map(parse).collect()
}

#[test]
fn features_are_those_of_the_reference() {
    let network = Inception::from_weights(weights(), Device::Cpu).unwrap();
    let x = tensor(1000, &[2, 3, 20, 24], |u| u) * 2.0 - 1.0;
    let features = network.features(&x).unwrap();
    let expected = Tensor::read_npy(golden("inception_features.npy")).unwrap();
    assert_eq!(features.size(), [2, Inception::N_FEATURES]);
    // Features are of size 4 to 40.
    let error = (features - &expected).abs().max().double_value(&[]);
    assert!(error < 1e-4, "{error}");

    let grey = x.narrow(1, 1, 1);
    let alike = network.features(&Tensor::cat(&[&grey, &grey, &grey], 1)).unwrap();
    assert_eq!(network.features(&grey).unwrap(), alike);
    assert!(matches!(network.features(&x.narrow(1, 0, 2)), Err(Error::Core(_))));
}

#[test]
fn a_file_with_other_weights_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inception.safetensors");
    let refused = |weights: &[(String, Tensor)]| {
        Tensor::write_safetensors(weights, &file).unwrap();
        Inception::load(&file, Device::Cpu).unwrap_err().to_string()
    };
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let first = ("Conv2d_1a_3x3.conv.weight".to_owned(), zeros(&[32, 3, 3, 2]));
    assert!(refused(&[first]).contains("must have the shape [32, 3, 3, 3], found: [32, 3, 3, 2]"));
    assert!(refused(&[("other".to_owned(), zeros(&[1]))]).contains("no weight Conv2d_1a_3x3.conv.weight"));
    let first = ("Conv2d_1a_3x3.conv.weight".to_owned(), zeros(&[32, 3, 3, 3]) / 0.0);
    let message = refused(&[first]);
    assert!(
        message.contains("Conv2d_1a_3x3.conv.weight is not finite")
            && message.contains("inception.safetensors"),
        "{message}"
    );
    std::fs::write(&file, b"no weights").unwrap();
    assert!(matches!(Inception::load(&file, Device::Cpu), Err(Error::Weights { .. })));
}
