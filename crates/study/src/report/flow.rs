//! The figures of a two-dimensional flow.

use anyhow::Result;
use interflow_core::{Given, Points};
use interflow_figure::{self as figure, Figure};
use tch::{Kind, Tensor};

use crate::drawing::{numbers, points_2d};
use crate::subject::Subject;

/// Cells along one side of a density picture.
const GRID: usize = 96;
/// Points of a histogram.
const N_SAMPLES: i64 = 20_000;
/// Trajectories in a picture, and the times they are drawn through.
const N_TRAJECTORIES: i64 = 120;
const N_TIMES: usize = 41;
/// For how many hundredths of a second a frame of the animation is shown.
const DELAY: u16 = 12;
/// The times whose densities are drawn.
const TIMES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// Draws a two-dimensional flow without conditions: `flow.png` with the true density, samples, densities along the
/// path and trajectories, and `flow-in-time.png`, an animation of samples and trajectories.
///
/// # Errors
/// If the flow is not two-dimensional or has conditions, a solver fails, the work is cancelled, or the picture cannot
/// be written.
pub fn draw_flow(subject: &Subject<'_>) -> Result<()> {
    let (engine, base, target) = (subject.engine, subject.base, subject.target);
    let (extent, seed, kind) = (subject.extent(), subject.seed(), subject.kind());
    let x0 = base.points(N_SAMPLES, seed, kind);
    let start = Points::from(x0.shallow_clone());
    let samples = engine.carry(&start, 0.0, 1.0, &engine.work().quietly())?.rows;
    let data = target.test(N_SAMPLES, seed, kind).x;
    let histogram = |x: &Tensor| -> Result<_> { Ok(figure::histogram_image(&points_2d(x)?, extent, GRID)) };
    let mut panels = Vec::new();
    if base.law().density().is_none() {
        panels.push(("base data".to_owned(), histogram(&x0)?));
    }
    match target.density() {
        Some(density) => {
            let values = numbers(&density.log_density(&grid(GRID, extent, Kind::Double))?.exp())?;
            panels.push(("true density".to_owned(), figure::density_image(&values, GRID, extent)));
        }
        None => panels.push(("data".to_owned(), histogram(&data)?)),
    }
    panels.push(("samples".to_owned(), histogram(&samples)?));
    if base.law().density().is_some() {
        panels.extend(densities(subject, extent)?);
    }
    let paths = trajectories(subject, &x0.narrow(0, 0, N_TRAJECTORIES.min(x0.size()[0])))?;
    panels.push(("trajectories".to_owned(), figure::trajectories_image(&paths, extent)));
    subject.save("flow.png", &figure::sheet(&panels, 4))?;
    animate(subject, &x0, &paths)
}

/// Draws the points `x0`, `[N, 2]`, on their way to the target, `flow-in-time.png`: where they are by then, and the trajectories
/// so far.
fn animate(subject: &Subject<'_>, x0: &Tensor, paths: &[Vec<[f64; 2]>]) -> Result<()> {
    let (engine, extent) = (subject.engine, subject.extent());
    let times: Vec<f64> = (0..N_TIMES).step_by(2).map(|i| i as f64 / (N_TIMES - 1) as f64).collect();
    let velocity = engine.network().at(&Given::Nothing);
    let (saved, _) = engine.solver().solve_saving(&velocity, &subject.admit(x0)?, &times)?;
    let frame = |(number, (x, t)): (usize, (&Tensor, &f64))| -> Result<Figure> {
        let so_far: Vec<_> = paths.iter().map(|path| path[..=2 * number].to_vec()).collect();
        let panels = [
            (format!("samples, t = {t:.2}"), figure::histogram_image(&points_2d(x)?, extent, GRID)),
            ("trajectories".to_owned(), figure::trajectories_image(&so_far, extent)),
        ];
        Ok(figure::sheet(&panels, 2))
    };
    let frames = saved.iter().zip(&times).enumerate().map(frame).collect::<Result<Vec<_>>>()?;
    subject.save_animation("flow-in-time.png", &frames, DELAY)
}

/// The flow's densities along its path.
fn densities(subject: &Subject<'_>, extent: f64) -> Result<Vec<(String, Figure)>> {
    let cells = Points::from(grid(GRID, extent, subject.kind()));
    let task = subject.engine.work().begin("densities", (TIMES.len() * GRID * GRID) as u64);
    let panel = |t: f64| -> Result<(String, Figure)> {
        let log_density = subject.engine.log_density(&cells, t, &task)?.rows;
        let picture = figure::density_image(&numbers(&log_density.exp())?, GRID, extent);
        Ok((format!("density, t = {t}"), picture))
    };
    TIMES.into_iter().map(panel).collect()
}

/// The centres of `n × n` cells that fill [−extent, extent]², `[n², 2]`, the lowest row first.
pub fn grid(n: usize, extent: f64, kind: Kind) -> Tensor {
    let centre = |cell: usize| (2.0 * (cell as f64 + 0.5) / n as f64 - 1.0) * extent;
    let values: Vec<f64> =
        (0..n).flat_map(|row| (0..n).flat_map(move |column| [centre(column), centre(row)])).collect();
    Tensor::from_slice(&values).view([-1, 2]).to_kind(kind)
}

/// The paths of points `x0`, `[N, 2]`, through the flow.
pub(crate) fn trajectories(subject: &Subject<'_>, x0: &Tensor) -> Result<Vec<Vec<[f64; 2]>>> {
    let engine = subject.engine;
    let times: Vec<f64> = (0..N_TIMES).map(|i| i as f64 / (N_TIMES - 1) as f64).collect();
    let velocity = engine.network().at(&Given::Nothing);
    let (saved, _) = engine.solver().solve_saving(&velocity, &subject.admit(x0)?, &times)?;
    let mut paths = vec![Vec::with_capacity(N_TIMES); x0.size()[0] as usize];
    for x in &saved {
        for (path, point) in paths.iter_mut().zip(points_2d(x)?) {
            path.push(point);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_the_centres_of_its_cells() {
        let found = numbers(&grid(2, 4.0, Kind::Double)).unwrap();
        assert_eq!(found, [-2.0, -2.0, 2.0, -2.0, -2.0, 2.0, 2.0, 2.0]);
    }
}
