//! Feature statistics are those of all features, and files keep them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::{Error, FeatureCollector, FeatureStatistics, frechet_distance};
use tch::{Device, Kind, Tensor};

#[test]
fn files_keep_the_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let x = Stream::new(4, Purpose::Test).at(0).normal(&[30, 3], Kind::Float);
    let mut collector = FeatureCollector::keeping(8);
    for batch in x.split(5, 0) {
        collector.add(&batch).unwrap();
    }
    let found = collector.finish().unwrap();
    assert_eq!(found.first.as_ref().unwrap(), &x.narrow(0, 0, 8));
    let exact = x.to_kind(Kind::Double).tr().cov(1, None::<&Tensor>, None::<&Tensor>);
    assert!((&found.moments.covariance - exact).abs().max().double_value(&[]) < 1e-12);

    let file = folder.path().join("statistics.safetensors");
    std::fs::write(&file, found.to_bytes().unwrap()).unwrap();
    let read = FeatureStatistics::read(&file).unwrap();
    assert_eq!((read.n, read.first), (Some(30), found.first));
    assert_eq!(read.moments.covariance, found.moments.covariance);

    // As others publish them.
    let published =
        FeatureStatistics::published(&file, &read.moments.mean, &read.moments.covariance).unwrap();
    assert!(published.n.is_none() && published.first.is_none());
    assert!(frechet_distance(&published.moments, &read.moments).unwrap() < 1e-12);
}

/// A file of these tensors, all of them in double precision.
fn refused(tensors: &[(&str, Tensor)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.safetensors");
    Tensor::write_safetensors(tensors, &file).unwrap();
    let error = FeatureStatistics::read(&file).unwrap_err();
    assert!(matches!(error, Error::Statistics { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("a.safetensors"), "{message}");
    message
}

fn identity() -> Tensor {
    Tensor::eye(2, (Kind::Double, Device::Cpu))
}

#[test]
fn files_that_cannot_be_statistics_are_refused_by_name() {
    let mean = || ("mu", Tensor::from_slice(&[1.0, 2.0]));
    let whole = || [mean(), ("sigma", identity())];
    let check = |tensors: &[(&str, Tensor)], part: &str| {
        let message = refused(tensors);
        assert!(message.contains(part), "no {part:?} in: {message}");
    };
    check(&[mean()], "no array sigma");
    check(&[mean(), ("sigma", Tensor::from_slice(&[1.0, 2.0]))], "shapes [2] and [2]");
    check(&[mean(), ("sigma", Tensor::from_slice(&[1.0, 0.5, 0.0, 1.0]).view([2, 2]))], "not symmetric");
    check(&[mean(), ("sigma", -identity())], "negative variance, found: -1");
    check(&[mean(), ("sigma", identity() * f64::INFINITY)], "sigma is not finite");
    check(&[("mu", Tensor::from_slice(&[1.0, f64::NAN])), ("sigma", identity())], "mu is not finite");
    for n in [f64::NAN, f64::INFINITY, 1e300, -4.0, 2.5, 0.0] {
        let [mean, covariance] = whole();
        check(&[mean, covariance, ("n", Tensor::from_slice(&[n]))], "expected a number of images n");
    }
    for (first, part) in [
        (Tensor::zeros([3], (Kind::Float, Device::Cpu)), "shape [3]"),
        (identity() / 0.0, "first is not finite"),
    ] {
        let [mean, covariance] = whole();
        check(&[mean, covariance, ("first", first)], part);
    }
}

/// Each cut of a file is refused; a file with one byte changed is refused or has finite moments.
#[test]
fn damaged_files_are_refused_or_finite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.safetensors");
    let whole = FeatureStatistics::published(&file, &Tensor::from_slice(&[1.0, 2.0]), &identity()).unwrap();
    let whole = FeatureStatistics { n: Some(7), ..whole }.to_bytes().unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        FeatureStatistics::read(&file)
    };
    assert_eq!(read(&whole).unwrap().n, Some(7));
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} bytes");
    }
    for place in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[place] ^= flip;
            if let Ok(found) = read(&damaged) {
                let moments = found.moments;
                assert_eq!(moments.covariance.isfinite().all().int64_value(&[]), 1);
                assert_eq!(moments.covariance.size(), [2, 2]);
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let message = FeatureStatistics::read("none.safetensors".as_ref()).unwrap_err().to_string();
    assert!(message.contains("none.safetensors"), "{message}");
}
