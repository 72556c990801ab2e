//! Feature statistics are those of all features, and files keep them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::{Error, FeatureCollector, FeatureStatistics, frechet_distance};
use tch::{Kind, Tensor};

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
    let file = folder.path().join("statistics.npz");
    let arrays = [("mu", &read.moments.mean), ("sigma", &read.moments.covariance)];
    Tensor::write_npz(&arrays, &file).unwrap();
    let published = FeatureStatistics::read(&file).unwrap();
    assert!(published.n.is_none() && published.first.is_none());
    assert!(frechet_distance(&published.moments, &read.moments).unwrap() < 1e-12);
}

#[test]
fn broken_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str| {
        let error = FeatureStatistics::read(&folder.path().join(name)).unwrap_err();
        assert!(matches!(error, Error::Statistics { .. }));
        error.to_string()
    };
    std::fs::write(folder.path().join("a.safetensors"), b"no tensors").unwrap();
    let x = Tensor::from_slice(&[1.0, 2.0]);
    Tensor::write_npz(&[("mu", &x), ("sigma", &x)], folder.path().join("b.npz")).unwrap();
    Tensor::write_npz(&[("mu", &x)], folder.path().join("c.npz")).unwrap();
    assert!(refused("a.safetensors").contains("a.safetensors"));
    assert!(refused("b.npz").contains("shapes [2] and [2]"));
    assert!(refused("c.npz").contains("no array sigma"));
    assert!(refused("none.npz").contains("none.npz"));
}
