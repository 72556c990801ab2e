//! Samples in few calls against data, beside those of Euler's method and of the flow's solver.

use anyhow::{Result, bail};
use interflow_core::Points;
use interflow_figure::{self as figure, Figure};
use interflow_flow::images::ImageSpace;
use interflow_flow::{Computed, Engine};
use interflow_metrics::energy_distance;
use interflow_solvers::{Method, SolverConfig};
use serde_json::{Map, Value, json};
use tch::Tensor;

use super::{FewCallsConfig, cell, object};
use crate::drawing::points_2d;
use crate::findings::Findings;
use crate::pictures::picture;
use crate::subject::Subject;

/// Cells along one side of a picture of samples.
const N_CELLS: usize = 64;

/// Base points and data of each draw.
struct Draw {
    x0: Points,
    data: Tensor,
}

/// Images of each panel of a sheet, in rows of the side.
const SIDE: i64 = 8;

/// Adds energy distances, without bias and as the mean of all draws, and in two dimensions, or of images, a sheet of samples.
pub(super) fn measure(config: &FewCallsConfig, subject: &Subject<'_>, findings: &mut Findings) -> Result<()> {
    let engine = subject.engine;
    let draws = draws(config, subject)?;
    let mut panels = vec![("data".to_owned(), &draws[0].data)];
    let by_solver = carry(&draws, |x0| Ok(engine.carry(x0, 0.0, 1.0, &engine.work().quietly())?))?;
    let solver = distance(&draws, &by_solver)?;
    let mut rows =
        vec![vec!["solver".to_owned(), nfe(&by_solver).to_string(), cell(1e3 * solver), "–".into()]];
    let mut numbers = Map::new();
    let mut by_calls = Vec::new();
    for &calls in &config.calls {
        let jumps = carry(&draws, |x0| Ok(engine.jump(x0, 0.0, 1.0, calls, &engine.work().quietly())?))?;
        let of_map = distance(&draws, &jumps)?;
        let of_euler = distance(&draws, &carry(&draws, |x0| euler(engine, x0, calls))?)?;
        rows.push(vec!["flow map".to_owned(), calls.to_string(), cell(1e3 * of_map), cell(1e3 * of_euler)]);
        let found = [("energy_distance", of_map), ("energy_distance_of_euler", of_euler)];
        numbers.insert(calls.to_string(), object(&found));
        by_calls.push((calls, jumps));
    }
    for (calls, jumps) in &by_calls {
        let calls = if *calls == 1 { "1 call".to_owned() } else { format!("{calls} calls") };
        panels.push((calls, &jumps[0].rows));
    }
    panels.push((format!("solver, {} calls", nfe(&by_solver)), &by_solver[0].rows));
    draw(subject, &panels)?;
    findings.results.insert("few_call_samples".into(), Value::Object(numbers));
    findings.results.insert("solver_energy_distance".into(), json!(solver));
    let title = format!(
        "Samples in few calls: energy distance to data × 10³, without bias, {} draws of {}",
        config.n_draws, config.n
    );
    let header = ["sampler", "calls", "flow map or solver", "Euler's method"];
    let figures = [("few_calls.png", "Data, and samples by calls of the network")];
    findings.section(&title, &header, &rows, &figures);
    Ok(())
}

/// Disjoint draws of base points and data.
fn draws(config: &FewCallsConfig, subject: &Subject<'_>) -> Result<Vec<Draw>> {
    let (n, seed, kind) = (config.n, subject.seed(), subject.kind());
    let data = subject.target.test(n * config.n_draws, seed, kind).x;
    let found = data.size()[0];
    if found < n * config.n_draws {
        bail!("{} draws of {n} data need more test points, found: {found}", config.n_draws);
    }
    let draw = |index: i64| {
        let first = index * n;
        let x0 = Points::from(subject.base.law().sample(first.unsigned_abs(), n, seed, kind)?);
        Ok(Draw { x0, data: data.narrow(0, first, n) })
    };
    (0..config.n_draws).map(draw).collect()
}

fn carry(draws: &[Draw], by: impl Fn(&Points) -> Result<Computed>) -> Result<Vec<Computed>> {
    draws.iter().map(|draw| by(&draw.x0)).collect()
}

fn nfe(found: &[Computed]) -> u64 {
    found.iter().map(|found| found.nfe).max().unwrap_or(0)
}

/// The mean energy distance of the draws' samples to their data.
fn distance(draws: &[Draw], samples: &[Computed]) -> Result<f64> {
    let mut sum = 0.0;
    for (draw, samples) in draws.iter().zip(samples) {
        sum += energy_distance(&samples.rows, &draw.data)?;
    }
    Ok(sum / draws.len() as f64)
}

/// By so many steps of Euler's method along the diagonal, as without a map.
fn euler(engine: &Engine, x0: &Points, steps: u32) -> Result<Computed> {
    let solver =
        SolverConfig { method: Method::Euler, steps: Some(steps), ..SolverConfig::default() }.build()?;
    Ok(engine.carry_by(x0, 0.0, 1.0, &engine.work().quietly(), |batch, _first| {
        let solution = solver.solve(&engine.network().at(&batch.given), &batch.x, 0.0, 1.0)?;
        Ok((solution.x, solution.statistics.nfe))
    })?)
}

/// The sheet of samples in two dimensions or of images; no figure of others.
fn draw(subject: &Subject<'_>, panels: &[(String, &Tensor)]) -> Result<()> {
    let panels = match ImageSpace::of(subject.engine.manifest()) {
        Ok(space) => panels.iter().map(|panel| images(&space, panel)).collect::<Result<Vec<_>>>()?,
        Err(_) if subject.engine.space().dim == 2 => {
            let extent = subject.target.extent();
            let panel = |(name, x): &(String, &Tensor)| {
                Ok((name.clone(), figure::histogram_image(&points_2d(x)?, extent, N_CELLS)))
            };
            panels.iter().map(panel).collect::<Result<Vec<_>>>()?
        }
        Err(_) => return Ok(()),
    };
    subject.save("few_calls.png", &figure::sheet(&panels, 3))
}

/// The first images of a panel.
fn images(space: &ImageSpace, (name, x): &(String, &Tensor)) -> Result<(String, Figure)> {
    let first = x.narrow(0, 0, (SIDE * SIDE).min(x.size()[0]));
    Ok((name.clone(), picture(space, &space.pixels(&first), SIDE as usize)?.into()))
}
