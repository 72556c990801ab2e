//! Sheets of samples: by solver and cost, along the path, between base points, beside training images.

use anyhow::Result;
use image::RgbImage;
use interflow_data::ImageParts;
use interflow_figure as figure;
use interflow_metrics::Estimate;
use interflow_solvers::{Method, Solver, SolverConfig};
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use super::neighbours::nearest;
use super::space::{ImageSpace, spread};
use crate::end::End;
use crate::flow::Flow;
use crate::run_folder::RunFolder;

/// Samples in a row of a sheet that compares solvers or times.
const IN_A_ROW: i64 = 10;
/// The times of the path's sheet.
const TIMES: [f64; 7] = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0];
/// Pairs of base points, and points from the first to the second of a pair.
const N_PAIRS: i64 = 6;
const N_BETWEEN: usize = 9;
/// Samples whose neighbours are shown, and neighbours of each.
const N_SHOWN: i64 = 8;
const N_NEIGHBOURS: i64 = 6;

/// Draws all sheets into the run's folder and returns the numbers that belong to them.
pub(crate) fn draw(
    folder: &RunFolder,
    flow: &Flow,
    base: &End,
    images: &ImageParts,
) -> Result<Map<String, Value>> {
    let space = flow.image_space()?;
    let side = i64::from(flow.config.evaluation.images().side);
    let x0 = space.base_points(&flow.config, base, 0, side * side)?;
    let samples = space.pixels(&flow.carry(&x0, 0.0, 1.0, |_| {})?.0);
    let save = |name: &str, picture: &RgbImage| figure::save_png(&folder.figures().join(name), picture);
    save("samples.png", &space.picture(&samples, side as usize)?)?;
    let first = x0.narrow(0, 0, IN_A_ROW.min(x0.size()[0]));
    save("solvers.png", &by_solver(flow, &space, &first)?)?;
    save("path.png", &along_path(flow, &space, &first)?)?;
    save("interpolation.png", &between(flow, base, &space)?)?;
    let (picture, numbers) = beside_neighbours(&space, &samples, images)?;
    save("neighbours.png", &picture)?;
    Ok(numbers)
}

/// Rows of the same samples by Euler's method with few calls of the network and by the flow's own solver.
fn by_solver(flow: &Flow, space: &ImageSpace, x0: &Tensor) -> Result<RgbImage> {
    let mut rows = Vec::new();
    for steps in flow.config.evaluation.images().nfe {
        let solver = fixed(Method::Euler, steps)?;
        rows.push(solved(flow, space, x0, (&solver, "euler"))?);
    }
    let name = method_name(flow.config.solver.method);
    rows.push(solved(flow, space, x0, (&flow.solver, &name))?);
    Ok(figure::sheet(&rows, 1))
}

/// A method on a fixed grid.
pub(super) fn fixed(method: Method, steps: u32) -> Result<Solver> {
    Ok(SolverConfig { method, steps: Some(steps), ..SolverConfig::default() }.build()?)
}

fn method_name(method: Method) -> String {
    format!("{method:?}").to_lowercase()
}

/// One row of samples under the name of the solver and what it cost.
fn solved(
    flow: &Flow,
    space: &ImageSpace,
    x0: &Tensor,
    (solver, name): (&Solver, &str),
) -> Result<(String, RgbImage)> {
    let solve = |batch: &Tensor, _| Ok(solver.solve(&flow.velocity, batch, 0.0, 1.0)?);
    let (x, nfe) = flow.in_batches(x0, (0.0, 1.0), solve, |_| {})?;
    Ok((format!("{name}, {nfe} calls"), space.picture(&space.pixels(&x), x.size()[0] as usize)?))
}

/// Rows of the same points at several times.
fn along_path(flow: &Flow, space: &ImageSpace, x0: &Tensor) -> Result<RgbImage> {
    let (states, _) = flow.solver.solve_saving(&flow.velocity, &flow.admit(x0)?, &TIMES)?;
    let row = |(x, t): (&Tensor, f64)| -> Result<_> {
        Ok((format!("t = {t}"), space.picture(&space.pixels(x), x.size()[0] as usize)?))
    };
    let rows = states.iter().zip(TIMES).map(row).collect::<Result<Vec<_>>>()?;
    Ok(figure::sheet(&rows, 1))
}

/// Each row a path of samples from one base point to another, along the great circle between them.
fn between(flow: &Flow, base: &End, space: &ImageSpace) -> Result<RgbImage> {
    let x0 = space.base_points(&flow.config, base, 0, 2 * N_PAIRS)?;
    let (starts, ends) = (x0.narrow(0, 0, N_PAIRS), x0.narrow(0, N_PAIRS, N_PAIRS));
    let n_given = space.n_given();
    let columns: Vec<Tensor> = (0..N_BETWEEN)
        .map(|index| {
            let share = index as f64 / (N_BETWEEN - 1) as f64;
            let moving = |x: &Tensor| x.narrow(1, n_given, space.shape().dim());
            let x = great_circle(&moving(&starts), &moving(&ends), share);
            // The row keeps the class of its start.
            Tensor::cat(&[&starts.narrow(1, 0, n_given), &x], 1)
        })
        .collect();
    let x0 = Tensor::stack(&columns, 1).flatten(0, 1);
    let (samples, _) = flow.carry(&x0, 0.0, 1.0, |_| {})?;
    space.picture(&space.pixels(&samples), N_BETWEEN)
}

/// The points at `share` of the way from `a` to `b`, `[N, D]`, along an arc: a straight line would pass through
/// points too near the origin for a Gaussian.
fn great_circle(a: &Tensor, b: &Tensor, share: f64) -> Tensor {
    let length = |x: &Tensor| x.square().sum_dim_intlist(1i64, true, Kind::Double).sqrt();
    let cosine = (a * b).sum_dim_intlist(1i64, true, Kind::Double) / (length(a) * length(b));
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let weight = |share: f64| ((&angle * share).sin() / angle.sin()).to_kind(a.kind());
    a * weight(1.0 - share) + b * weight(share)
}

/// Each row a sample and the training images nearest to it; and how far that is, beside the same of test images.
fn beside_neighbours(
    space: &ImageSpace,
    samples: &Tensor,
    images: &ImageParts,
) -> Result<(RgbImage, Map<String, Value>)> {
    let of_samples = nearest(&images.train, samples, N_NEIGHBOURS)?;
    let test = images.test.pixels_of(&spread(images.test.n(), samples.size()[0]));
    let of_test = nearest(&images.train, &test, 1)?;
    let mut rows = Vec::new();
    for (index, numbers) in of_samples.numbers.iter().take(N_SHOWN as usize).enumerate() {
        rows.push(samples.narrow(0, index as i64, 1));
        rows.push(images.train.pixels_of(numbers));
    }
    let n_columns = 1 + of_samples.numbers.first().map_or(0, Vec::len);
    let picture = space.picture(&Tensor::cat(&rows, 0), n_columns)?;
    let account = |distance: &Tensor| {
        let Estimate { mean, standard_error } = Estimate::from_values(distance);
        json!({ "mean": mean, "standard_error": standard_error })
    };
    let distances =
        json!({ "samples": account(&of_samples.distance), "test_images": account(&of_test.distance) });
    Ok((picture, Map::from_iter([("nearest_training_image_levels".to_owned(), distances)])))
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn a_great_circle_keeps_the_length_and_meets_its_ends() {
        let mut draw = Stream::new(1, Purpose::Test).at(0);
        let unit = |x: Tensor| &x / x.square().sum_dim_intlist(1i64, true, Kind::Double).sqrt();
        let [a, b] = [0, 1].map(|_| unit(draw.normal(&[5, 7], Kind::Double)));
        let gap = |x: &Tensor, y: &Tensor| (x - y).abs().max().double_value(&[]);
        assert!(gap(&great_circle(&a, &b, 0.0), &a) < 1e-12 && gap(&great_circle(&a, &b, 1.0), &b) < 1e-12);
        let middle = great_circle(&a, &b, 0.5);
        assert!(gap(&middle, &unit(&a + &b)) < 1e-12);
    }
}
