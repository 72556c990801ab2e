//! `density`: the density of a two-dimensional flow on a grid.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use interflow_core::Points;
use interflow_core::number::Shown;
use interflow_data::table;
use interflow_figure as figure;
use interflow_flow::Work;
use interflow_flow::check_time;
use interflow_study::report;
use serde_json::json;
use tch::{Kind, Tensor};

use super::open::{extent, open};
use crate::args::DensityArgs;
use crate::output::{check_distinct, numbers, print_line, write_figure};

/// A kind of file that holds a grid.
enum GridFile {
    Picture,
    Matrix,
    Rows,
}

/// Evaluates the density and writes it.
pub(crate) fn density(args: &DensityArgs, work: &Work) -> Result<ExitCode> {
    let files: Vec<GridFile> = args.out.iter().map(|path| grid_file(path)).collect::<Result<_>>()?;
    args.out.iter().try_for_each(|path| check_distinct(path, &[&args.flow.checkpoint]))?;
    check_time(args.time)?;
    let flow = open(&args.flow, work)?;
    let engine = flow.engine();
    if flow.space().dim != 2 || !flow.space().given.is_nothing() {
        let found = match flow.space() {
            space if space.given.is_nothing() => format!("{} dimensions", space.dim),
            space => format!("{} dimensions with conditions", space.dim),
        };
        bail!("a grid needs a flow in two dimensions without conditions, found: {found}");
    }
    let extent = args.extent.unwrap_or(extent(&flow).max(engine.base().extent()));
    if !(extent.is_finite() && extent > 0.0) {
        bail!("--extent must be positive and finite, found: {}", Shown(extent));
    }
    let n = args.grid as usize;
    let points = report::grid(n, extent, flow.manifest().precision.kind());
    let task = engine.work().begin("density", points.size()[0].unsigned_abs());
    let found = engine.log_density(&Points::from(points.shallow_clone()), args.time, &task)?;
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    let (log_density, nfe) = (found.rows, found.nfe);
    for (path, file) in args.out.iter().zip(&files) {
        write(path, file, (&points, extent), &log_density)?;
    }
    // The midpoint rule: what lies outside the grid is missing from it.
    let cell = (2.0 * extent / n as f64).powi(2);
    let mass = log_density.to_kind(Kind::Double).exp().sum(Kind::Double).double_value(&[]) * cell;
    if args.flow.json {
        print_line(json!({ "time": args.time, "extent": extent, "grid": n, "mass": mass, "nfe": nfe }))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn grid_file(path: &Path) -> Result<GridFile> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("png" | "svg") => Ok(GridFile::Picture),
        Some("npy") => Ok(GridFile::Matrix),
        Some("csv") => Ok(GridFile::Rows),
        _ => bail!("a density's file ends in .png, .svg, .npy or .csv, found: {}", path.display()),
    }
}

fn write(path: &Path, file: &GridFile, (points, extent): (&Tensor, f64), log_density: &Tensor) -> Result<()> {
    let side = (log_density.size()[0] as f64).sqrt().round() as i64;
    match file {
        GridFile::Picture => {
            let values = numbers(&log_density.exp())?;
            write_figure(path, &figure::density_image(&values, side as usize, extent))?;
        }
        GridFile::Matrix => table::write_npy(path, &log_density.view([side, side]))?,
        GridFile::Rows => {
            let names = ["x1", "x2", "log_density"].map(str::to_owned);
            let log_density = log_density.to_device(points.device()).unsqueeze(1);
            table::write_csv(path, Some(names.as_slice()), &Tensor::cat(&[points, &log_density], 1))?;
        }
    }
    Ok(())
}
