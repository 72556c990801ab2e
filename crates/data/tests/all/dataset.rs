//! Data sets through the trait: one from outside of the crate, images with classes, whitened rows.

#![allow(clippy::unwrap_used)]

use interflow_core::density::{Sampler, StandardNormal};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::{Given, GivenSpace, Points, Space};
use interflow_data::table::write_npy;
use interflow_data::{Dataset, DatasetConfig, Error, Rows, TableDataset};
use tch::{Device, Kind, Tensor};

/// A data set that no registry knows.
struct Normals;

impl Dataset for Normals {
    fn space(&self) -> Space {
        Space::from(3)
    }

    fn training(&self) -> Box<dyn Source> {
        Box::new(Fresh(StandardNormal { dim: 3 }))
    }

    fn held_out(&self) -> Box<dyn Source> {
        self.training()
    }

    fn test(&self, n: i64, seed: u64) -> Points {
        let mut draw = Stream::named(seed, "a test's data set").at(0);
        StandardNormal { dim: 3 }.sample(n, &mut draw, Kind::Float).into()
    }
}

#[test]
fn a_data_set_of_ones_own_needs_four_methods() {
    let own: Box<dyn Dataset> = Box::new(Normals);
    // It may be handed to another thread.
    let own = std::thread::spawn(move || own).join().unwrap();
    assert_eq!((own.test(5, 1).x, own.log_jacobian(5, 1).double_value(&[])), (Normals.test(5, 1).x, 0.0));
    assert!(own.columns().is_none() && own.whitening().is_none() && own.images().is_none());
    assert!(own.training_points(0).is_none() && own.training_rows(0).is_none());
}

fn load(text: &str, folder: &std::path::Path) -> Box<dyn Dataset> {
    toml::from_str::<DatasetConfig>(text).unwrap().load(folder).unwrap()
}

fn classes(points: &Points) -> Vec<i64> {
    let Given::Class(classes) = &points.given else { panic!("no classes: {:?}", points.given) };
    Vec::try_from(classes).unwrap()
}

#[test]
fn images_are_given_their_class_if_asked_for() {
    let digits = "kind = \"images\"\nsource = { kind = \"digits\" }\nclass_conditional = { dropout = 0.5 }";
    let dataset = load(digits, std::path::Path::new("/nowhere"));
    assert_eq!(dataset.space(), Space { dim: 64, given: GivenSpace::Class { n_classes: 10 } });
    let test = dataset.test(7, 3);
    assert_eq!(
        (test.x.size(), &classes(&test)[..]),
        (vec![7, 64], &dataset.images().unwrap().test.labels()[..7])
    );
    assert_eq!(dataset.test(10_000, 3).len(), dataset.images().unwrap().test.n());
    let stream = Stream::new(1, Purpose::Target);
    let dropped = |source: Box<dyn Source>| {
        classes(&source.batch(100, 2, &stream)).into_iter().filter(|class| *class == 10).count()
    };
    assert!((20..80).contains(&dropped(dataset.training())));
    assert_eq!(dropped(dataset.held_out()), 0);
    let plain = load("kind = \"images\"\nsource = { kind = \"digits\" }", std::path::Path::new("/nowhere"));
    assert_eq!((plain.space(), plain.test(7, 3).x), (Space::from(64), test.x));
    assert_eq!(plain.training().batch(9, 4, &stream).x, dataset.training().batch(9, 4, &stream).x);
}

#[test]
fn whitened_rows_are_trained_on_and_rows_are_tested_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("miniboone")).unwrap();
    let rows = |n: i64, seed| {
        let normal = Stream::new(seed, Purpose::Test).at(0).normal(&[n, 3], Kind::Float);
        let mix = Tensor::from_slice(&[2f32, 0.0, 0.0, 1.0, 0.5, 0.0, -3.0, 1.0, 4.0]).view([3, 3]);
        normal.matmul(&mix) + 5.0
    };
    for (part, n) in [("val", 300), ("train_head1523", 100), ("test", 50)] {
        write_npy(&folder.path().join(format!("miniboone/miniboone_{part}.f32.npy")), &rows(n, n as u64))
            .unwrap();
    }
    let plain = load("kind = \"miniboone-reduced\"", folder.path());
    let whitened = load("kind = \"miniboone-reduced\"\nwhiten = true", folder.path());
    assert_eq!(plain.test(50, 0).x, rows(50, 50));
    assert_eq!(whitened.test(50, 0).x, rows(50, 50));
    let points = whitened.training_points(4).unwrap().x;
    let covariance = points.tr().matmul(&points) / 360.0;
    assert!((covariance - Tensor::eye(3, (Kind::Float, Device::Cpu))).abs().max().double_value(&[]) < 1e-4);
    let off = whitened.training_rows(4).unwrap().x - plain.training_points(4).unwrap().x;
    assert!(off.abs().max().double_value(&[]) < 1e-4);
    assert_eq!(plain.training_rows(4).unwrap().x, plain.training_points(4).unwrap().x);
}

#[test]
fn parts_of_different_columns_are_refused() {
    let zeros = |n: i64, dim: i64| Tensor::zeros([n, dim], (Kind::Float, Device::Cpu));
    let rows = |n, dim| Rows::new(zeros(n, dim)).unwrap();
    let given = |n, dim| rows(n, dim).given(zeros(n, 1)).unwrap();
    assert!(TableDataset::new(given(5, 2), given(3, 2), given(2, 2).all()).is_ok());
    for refused in [
        TableDataset::new(rows(5, 2), rows(3, 3), zeros(2, 2).into()),
        TableDataset::new(rows(5, 2), given(3, 2), zeros(2, 2).into()),
        TableDataset::new(rows(5, 2), rows(3, 2), zeros(2, 3).into()),
        TableDataset::new(given(5, 2), given(3, 2), zeros(2, 2).into()),
    ] {
        assert!(matches!(refused, Err(Error::Rows { .. })));
    }
}
