//! The classifier two-sample test: how well a network can tell two samples apart.

use interflow_core::backward::{Graph, gradients};
use interflow_core::rng::Stream;
use interflow_core::shape::check_points;
use tch::{Device, Kind, Reduction, Tensor};

use crate::estimate::Estimate;
use crate::{Error, Result};

/// Units of each of the two hidden layers, and how they are trained.
const WIDTH: i64 = 64;
const EPOCHS: u64 = 60;
const BATCH: i64 = 200;
const RATE: f64 = 3e-3;
/// Each part is judged by the classifier of the others.
const FOLDS: i64 = 2;

/// The fraction of points of which a classifier can tell whether they come from `a`, `[N, D]`, or from `b`, `[M, D]`
/// (Lopez-Paz and Oquab, 2017): ½ if the laws are equal, 1 if they are told apart perfectly. A perceptron with two
/// hidden layers is trained on one half of the standardised points and judged on the other half, and vice versa. Of
/// the larger sample only as many points are used as the smaller one has. Row i of `a` and row i of `b` are in the
/// same half: if both have the same condition, a classifier trained on one of them would recognise the other by its
/// condition.
///
/// # Errors
/// [`Error::TooFew`] for fewer than ten points in a sample, [`Error::NotFinite`], or a shape that does not fit.
pub fn classifier_accuracy(a: &Tensor, b: &Tensor, stream: &Stream) -> Result<Estimate> {
    const OPERATION: &str = "the classifier test";
    let dim = a.size().get(1).copied().unwrap_or(0);
    check_points(OPERATION, a, dim)?;
    check_points(OPERATION, b, dim)?;
    let n = a.size()[0].min(b.size()[0]);
    if n < 10 {
        return Err(Error::TooFew { operation: OPERATION, needed: 10, found: n });
    }
    let first = |x: &Tensor| x.narrow(0, 0, n).to_device(Device::Cpu).to_kind(Kind::Float);
    let x = Tensor::cat(&[first(a), first(b)], 0);
    if x.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::NotFinite { operation: OPERATION });
    }
    let centred = &x - x.mean_dim(0i64, true, Kind::Float);
    let scale = centred.std_dim(0i64, false, true).clamp_min(1e-12);
    let label = Tensor::cat(
        &[Tensor::zeros([n], (Kind::Float, Device::Cpu)), Tensor::ones([n], (Kind::Float, Device::Cpu))],
        0,
    );
    let x = centred / scale;
    let folds: Vec<i64> =
        stream.at(0).permutation(n as usize).into_iter().map(|place| i64::from(place) % FOLDS).collect();
    let fold = Tensor::from_slice(&folds).repeat([2]);
    let mut right = Vec::new();
    for number in 0..FOLDS {
        let held_out = fold.eq(number);
        let rows = |mask: &Tensor| mask.nonzero().view(-1);
        let (known, judged) = (rows(&held_out.logical_not()), rows(&held_out));
        let of = |rows: &Tensor| (x.index_select(0, rows), label.index_select(0, rows));
        let (known, judged) = (of(&known), of(&judged));
        let classifier = Classifier::trained(&known.0, &known.1, stream, number.unsigned_abs() + 1)?;
        right.push(classifier.logit(&judged.0).gt(0.0).to_kind(Kind::Float).eq_tensor(&judged.1));
    }
    Ok(Estimate::from_values(&Tensor::cat(&right, 0).to_kind(Kind::Double)))
}

/// A perceptron with one output.
struct Classifier {
    weights: Vec<Tensor>,
    biases: Vec<Tensor>,
}

impl Classifier {
    fn trained(x: &Tensor, label: &Tensor, stream: &Stream, number: u64) -> Result<Self> {
        let (n, dim) = (x.size()[0], x.size()[1]);
        let mut draw = stream.at(number);
        let sides = [(dim, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)];
        let weight = |(fan_in, fan_out): (i64, i64)| {
            let weight = draw.normal(&[fan_in, fan_out], Kind::Float) * (2.0 / fan_in as f64).sqrt();
            weight.set_requires_grad(true)
        };
        let weights: Vec<Tensor> = sides.into_iter().map(weight).collect();
        let bias = |(_, fan_out): (i64, i64)| {
            Tensor::zeros([fan_out], (Kind::Float, Device::Cpu)).set_requires_grad(true)
        };
        let classifier = Self { weights, biases: sides.into_iter().map(bias).collect() };
        let handles = classifier.weights.iter().chain(&classifier.biases);
        let parameters: Vec<Tensor> = handles.map(Tensor::shallow_clone).collect();
        let mut adam = Adam::new(&parameters);
        for epoch in 0..EPOCHS {
            let order: Vec<i64> = draw.permutation(n as usize).into_iter().map(i64::from).collect();
            let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * epoch as f64 / EPOCHS as f64).cos());
            for rows in order.chunks(BATCH as usize) {
                let rows = Tensor::from_slice(rows);
                let logit = classifier.logit(&x.index_select(0, &rows));
                let target = label.index_select(0, &rows);
                let none = None::<Tensor>;
                let loss = logit.binary_cross_entropy_with_logits(
                    &target,
                    none.as_ref(),
                    none.as_ref(),
                    Reduction::Mean,
                );
                let gradients = gradients("the classifier test", &loss, &parameters, Graph::Freed)?;
                adam.step(&parameters, &gradients, rate);
            }
        }
        Ok(classifier)
    }

    /// Positive where `x`, `[B, D]`, seems of the second sample, `[B]`.
    fn logit(&self, x: &Tensor) -> Tensor {
        let mut x = x.shallow_clone();
        for (layer, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            x = x.matmul(weight) + bias;
            if layer + 1 < self.weights.len() {
                x = x.relu();
            }
        }
        x.squeeze_dim(1)
    }
}

/// Kingma and Ba's optimiser with decay of the weights, in its plainest form.
struct Adam {
    moments: Vec<(Tensor, Tensor)>,
    step: i32,
}

impl Adam {
    fn new(parameters: &[Tensor]) -> Self {
        let moments = parameters.iter().map(|x| (x.detach().zeros_like(), x.detach().zeros_like())).collect();
        Self { moments, step: 0 }
    }

    fn step(&mut self, parameters: &[Tensor], gradients: &[Tensor], rate: f64) {
        const FIRST: f64 = 0.9;
        const SECOND: f64 = 0.999;
        const DECAY: f64 = 1e-3;
        self.step += 1;
        let (first, second) = (1.0 - FIRST.powi(self.step), 1.0 - SECOND.powi(self.step));
        for ((parameter, gradient), (mean, square)) in parameters.iter().zip(gradients).zip(&mut self.moments)
        {
            *mean = &*mean * FIRST + gradient * (1.0 - FIRST);
            *square = &*square * SECOND + gradient.square() * (1.0 - SECOND);
            let step = (&*mean / first) / ((&*square / second).sqrt() + 1e-8);
            tch::no_grad(|| {
                let _ =
                    parameter.shallow_clone().g_sub_(&(step * rate + parameter.detach() * (rate * DECAY)));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_laws_are_told_apart_by_chance_and_others_as_well_as_can_be() {
        let stream = Stream::named(0, "a classifier test");
        let draw = |number: u64| stream.at(100 + number).normal(&[1500, 3], Kind::Double);
        let same = classifier_accuracy(&draw(0), &draw(1), &stream).unwrap();
        assert!((same.mean - 0.5).abs() < 0.04, "{same:?}");
        // N(0, 1) and N(2, 1) in one coordinate: the best is right at Φ(1) = 0.841.
        let shift = Tensor::from_slice(&[2.0, 0.0, 0.0]);
        let apart = classifier_accuracy(&draw(2), &(draw(3) + shift), &stream).unwrap();
        assert!((apart.mean - 0.8413).abs() < 0.03, "{apart:?}");
        // The same marginals, but of a coordinate and its copy: told by their product alone.
        let one = draw(4);
        let tied = Tensor::cat(&[one.narrow(1, 0, 2), one.narrow(1, 0, 1)], 1);
        assert!(classifier_accuracy(&draw(5), &tied, &stream).unwrap().mean > 0.9);
        let again = classifier_accuracy(&draw(0), &draw(1), &stream).unwrap();
        assert_eq!(same, again);
    }

    #[test]
    fn a_condition_that_two_points_share_tells_nothing() {
        let stream = Stream::named(0, "a classifier test");
        let draw = |number: u64, dim: i64| stream.at(100 + number).normal(&[400, dim], Kind::Double);
        let condition = draw(0, 6);
        let with = |number| Tensor::cat(&[&condition, &draw(number, 1)], 1);
        let same = classifier_accuracy(&with(1), &with(2), &stream).unwrap();
        assert!((same.mean - 0.5).abs() < 0.05, "{same:?}");
    }

    #[test]
    fn few_points_and_numbers_that_are_none_are_refused() {
        let stream = Stream::named(0, "a classifier test");
        let few = Tensor::zeros([9, 2], (Kind::Double, Device::Cpu));
        assert!(matches!(classifier_accuracy(&few, &few, &stream), Err(Error::TooFew { found: 9, .. })));
        let none = Tensor::full([20, 2], f64::NAN, (Kind::Double, Device::Cpu));
        assert!(matches!(classifier_accuracy(&none, &none, &stream), Err(Error::NotFinite { .. })));
    }
}
