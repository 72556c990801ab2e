//! Sheets of samples: by solver and NFE, along the path, between base points, and beside training images.

use anyhow::Result;
use interflow_core::Points;
use interflow_data::ImageParts;
use interflow_figure::{self as figure, Figure};
use interflow_flow::evaluation::{Results, mean};
use interflow_flow::images::{ImageSpace, nearest, spread};
use interflow_solvers::{Method, Solver, SolverConfig};
use serde_json::json;
use tch::{Kind, Tensor};

use super::picture::picture;
use crate::subject::Subject;

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

/// A flow of images.
struct Sheets<'a> {
    subject: Subject<'a>,
    space: ImageSpace,
}

/// Draws all sheets of samples of a flow of images, and returns the numbers that belong to them.
///
/// # Errors
/// If the flow is not one of images, its base is known by its data only, a solver fails, the work is cancelled, or a
/// picture cannot be written.
pub fn draw_sheets(subject: &Subject<'_>, images: &ImageParts) -> Result<Results> {
    let engine = subject.engine;
    let space = ImageSpace::of(engine.manifest())?;
    let sheets = Sheets { subject: *subject, space };
    let side = i64::from(subject.config.evaluation.images().side);
    let x0 = space.base_points(engine, 0, side * side)?;
    let samples = space.pixels(&engine.carry(&x0, 0.0, 1.0, &engine.work().quietly())?.rows);
    subject.save("samples.png", &picture(&space, &samples, side as usize)?.into())?;
    let first = x0.narrow(0, IN_A_ROW.min(x0.len()));
    subject.save("solvers.png", &sheets.by_solver(&first)?)?;
    subject.save("path.png", &sheets.along_path(&first)?)?;
    subject.save("interpolation.png", &sheets.between()?)?;
    let (neighbours, numbers) = sheets.beside_neighbours(&samples, images)?;
    subject.save("neighbours.png", &neighbours)?;
    Ok(numbers)
}

impl Sheets<'_> {
    /// Images of the flow's states `x`, `[N, D]`, in one row.
    fn row(&self, x: &Tensor) -> Result<Figure> {
        Ok(picture(&self.space, &self.space.pixels(x), x.size()[0] as usize)?.into())
    }

    /// Rows of the same samples by Euler's method with few calls of the network and by the flow's own solver.
    fn by_solver(&self, x0: &Points) -> Result<Figure> {
        let mut rows = Vec::new();
        for steps in self.subject.config.evaluation.images().nfe {
            let euler = SolverConfig { method: Method::Euler, steps: Some(steps), ..SolverConfig::default() };
            rows.push(self.solved(x0, (&euler.build()?, "euler"))?);
        }
        let engine = self.subject.engine;
        let name = format!("{:?}", engine.manifest().solver.method).to_lowercase();
        rows.push(self.solved(x0, (engine.solver(), &name))?);
        Ok(figure::sheet(&rows, 1))
    }

    /// One row of samples under the name of the solver and what it cost.
    fn solved(&self, x0: &Points, (solver, name): (&Solver, &str)) -> Result<(String, Figure)> {
        let engine = self.subject.engine;
        let found = engine.carry_by(x0, 0.0, 1.0, &engine.work().quietly(), |batch, _first| {
            let solution = solver.solve(&engine.network().at(&batch.given), &batch.x, 0.0, 1.0)?;
            Ok((solution.x, solution.statistics.nfe))
        })?;
        Ok((format!("{name}, {} calls", found.nfe), self.row(&found.rows)?))
    }

    /// Rows of the same points at several times.
    fn along_path(&self, x0: &Points) -> Result<Figure> {
        let engine = self.subject.engine;
        let start = engine.admit(x0)?;
        let velocity = engine.network().at(&start.given);
        let (states, _) = engine.solver().solve_saving(&velocity, &start.x, &TIMES)?;
        let row = |(x, t): (&Tensor, f64)| -> Result<_> { Ok((format!("t = {t}"), self.row(x)?)) };
        let rows = states.iter().zip(TIMES).map(row).collect::<Result<Vec<_>>>()?;
        Ok(figure::sheet(&rows, 1))
    }

    /// Each row a path of samples from one base point to another, along the great circle between them; all of a row are of
    /// the class of its start.
    fn between(&self) -> Result<Figure> {
        let engine = self.subject.engine;
        let x0 = self.space.base_points(engine, 0, 2 * N_PAIRS)?;
        let (starts, ends) = (x0.narrow(0, N_PAIRS), x0.narrow(N_PAIRS, N_PAIRS));
        let share = |index: usize| index as f64 / (N_BETWEEN - 1) as f64;
        let columns: Vec<Tensor> =
            (0..N_BETWEEN).map(|index| great_circle(&starts.x, &ends.x, share(index))).collect();
        let given = starts.given.map(|rows| rows.repeat_interleave_self_int(N_BETWEEN as i64, 0, None));
        let x0 = Points { x: Tensor::stack(&columns, 1).flatten(0, 1), given };
        let samples = engine.carry(&x0, 0.0, 1.0, &engine.work().quietly())?.rows;
        Ok(picture(&self.space, &self.space.pixels(&samples), N_BETWEEN)?.into())
    }

    /// Each row a sample and the training images nearest to it; and how far that is, beside the same of test images.
    fn beside_neighbours(&self, samples: &Tensor, images: &ImageParts) -> Result<(Figure, Results)> {
        let task = self.subject.engine.work().quietly();
        let of_samples = nearest(&images.train, samples, N_NEIGHBOURS, &task)?;
        let test = images.test.pixels_of(&spread(images.test.n(), samples.size()[0]));
        let of_test = nearest(&images.train, &test, 1, &task)?;
        let mut rows = Vec::new();
        for (index, numbers) in of_samples.numbers.iter().take(N_SHOWN as usize).enumerate() {
            rows.push(samples.narrow(0, index as i64, 1).to_kind(Kind::Uint8));
            rows.push(images.train.pixels_of(numbers).to_kind(Kind::Uint8));
        }
        let n_columns = 1 + of_samples.numbers.first().map_or(0, Vec::len);
        let sheet = picture(&self.space, &Tensor::cat(&rows, 0), n_columns)?.into();
        let distances =
            json!({ "samples": mean(&of_samples.distance), "test_images": mean(&of_test.distance) });
        Ok((sheet, Results::from_iter([("nearest_training_image_levels".to_owned(), distances)])))
    }
}

/// The points at `share` of the way from `a` to `b`, both `[N, D]`, along an arc: a straight line would pass through
/// points too near the origin for a Gaussian.
fn great_circle(a: &Tensor, b: &Tensor, share: f64) -> Tensor {
    let length = |x: &Tensor| x.square().sum_dim_intlist(1i64, true, Kind::Double).sqrt();
    let cosine = (a * b).sum_dim_intlist(1i64, true, Kind::Double) / (length(a) * length(b));
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let weight = |share: f64| ((&angle * share).sin() / angle.sin()).to_kind(a.kind());
    a * weight(1.0 - share) + b * weight(share)
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
