//! Images as a source of training points.

#![allow(clippy::unwrap_used)]

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Space};
use interflow_data::{ImageShape, ImageSource, Images, PlaceLaw, Quantisation};
use tch::{Device, Kind, Tensor};

const SHAPE: ImageShape = ImageShape { channels: 2, height: 3, width: 4 };
const LEVELS: Quantisation = Quantisation { n_levels: 256, places: PlaceLaw::Uniform {} };
const N: i64 = 10;
const STREAM: Stream = Stream::new(5, Purpose::Target);

/// Ten images of 24 different levels each; image i's first level is 20 i and its class i mod 3.
fn images() -> Images {
    let options = (Kind::Int64, Device::Cpu);
    let pixels = Tensor::arange(N, options).view([N, 1]) * 20 + Tensor::arange(SHAPE.dim(), options);
    let labels = (0..N).map(|i| i % 3).collect();
    Images::new(SHAPE, 256, 3, &pixels.to_kind(Kind::Uint8), labels).unwrap()
}

/// The numbers of the images in rows of levels that are not mirrored.
fn numbers(levels: &Tensor) -> Vec<i64> {
    (levels.select(1, 0).to_kind(Kind::Int64).divide_scalar_mode(20, "floor")).try_into().unwrap()
}

/// The classes that points are given.
fn classes(given: &Given) -> Vec<i64> {
    let Given::Class(classes) = given else { panic!("no classes: {given:?}") };
    Vec::try_from(classes).unwrap()
}

#[test]
fn a_batch_holds_whole_images_each_once_in_an_epoch() {
    let source = ImageSource::new(images());
    let batch = source.batch(N, 3, &STREAM).x;
    assert_eq!((batch.size(), batch.kind()), (vec![N, 24], Kind::Float));
    let levels = LEVELS.quantise(&batch);
    let mut found = numbers(&levels);
    assert_eq!(images().pixels_of(&found), levels);
    found.sort_unstable();
    assert_eq!(found, (0..N).collect::<Vec<_>>());
}

#[test]
fn a_batch_is_a_function_of_stream_and_step_and_its_noise_is_fresh() {
    let (one, other) = (ImageSource::new(images()), ImageSource::new(images()));
    let _ = one.batch(7, 0, &STREAM);
    assert_eq!(one.batch(7, 5, &STREAM).x, other.batch(7, 5, &STREAM).x);
    assert_ne!(one.batch(7, 5, &STREAM).x, one.batch(7, 5, &Stream::new(6, Purpose::Target)).x);
    // Every image is visited in both epochs, with other noise.
    let sorted = |epoch| one.batch(N, epoch, &STREAM).x.select(1, 0).sort(0, false).0;
    let (first, second) = (sorted(0), sorted(1));
    assert_eq!(LEVELS.quantise(&first), LEVELS.quantise(&second));
    assert_eq!(first.eq_tensor(&second).any().int64_value(&[]), 0);
}

#[test]
fn half_of_the_images_are_mirrored_left_to_right() {
    let source = ImageSource::new(images()).flipped();
    let n = 40 * N;
    let levels = LEVELS.quantise(&source.batch(n, 0, &STREAM).x).view([n, 2, 3, 4]);
    let rising = levels.select(3, 0).lt_tensor(&levels.select(3, 3)).view([n, 6]);
    // All rows of all channels of an image agree.
    let whole = rising.eq_tensor(&rising.narrow(1, 0, 1)).all().int64_value(&[]);
    assert_eq!(whole, 1);
    let kept = rising.select(1, 0);
    let upright = levels.where_self(&kept.view([n, 1, 1, 1]), &levels.flip([3]));
    assert_eq!(upright, images().pixels_of(&numbers(&upright.view([n, 24]))).view([n, 2, 3, 4]));
    // Four standard deviations of a binomial count.
    let share = kept.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    assert!((share - 0.5).abs() < 4.0 * 0.5 / (n as f64).sqrt(), "{share}");
}

#[test]
fn the_class_is_given_and_some_are_dropped() {
    let n = 40 * N;
    let source = ImageSource::new(images()).with_classes(0.2);
    assert_eq!(source.space(), Space { dim: 24, given: GivenSpace::Class { n_classes: 3 } });
    let batch = source.batch(n, 1, &STREAM);
    assert!(batch.given.check("a test", source.space().given, n).is_ok());
    let found = classes(&batch.given);
    let numbers = numbers(&LEVELS.quantise(&batch.x));
    let dropped = found.iter().filter(|class| **class == 3).count() as f64;
    for (class, number) in found.iter().zip(numbers) {
        assert!(*class == 3 || *class == number % 3, "{class} for image {number}");
    }
    let (mean, deviation) = (0.2 * n as f64, (n as f64 * 0.16).sqrt());
    assert!((dropped - mean).abs() < 4.0 * deviation, "{dropped}");
    let all = ImageSource::new(images()).with_classes(0.0).batch(n, 1, &STREAM);
    assert_eq!(classes(&all.given).into_iter().max(), Some(2));
    // The images are those of the source without classes.
    assert_eq!(all.x, ImageSource::new(images()).batch(n, 1, &STREAM).x);
    assert_eq!(source.batch(0, 1, &STREAM).given.tensor().unwrap().size(), [0]);
}
