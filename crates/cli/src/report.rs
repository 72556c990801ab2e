//! The figures and the report of a run.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use interflow_figure as figure;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use crate::config::ExperimentConfig;
use crate::end::End;
use crate::flow::Flow;
use crate::output::{numbers, points_2d};
use crate::run_folder::RunFolder;

/// Cells along one side of a density picture.
const GRID: usize = 96;
/// Points of a histogram.
const N_SAMPLES: u64 = 20_000;
/// Trajectories in a picture, and the times they are drawn through.
const N_TRAJECTORIES: i64 = 120;
const N_TIMES: usize = 41;

/// Draws the loss curves.
pub(crate) fn draw_losses(folder: &RunFolder, losses: &[(f64, f64)], held_out: &[(f64, f64)]) -> Result<()> {
    let series =
        [("training".to_owned(), losses.to_vec()), ("held-out, uniform times".to_owned(), held_out.to_vec())];
    let image = figure::curve_image(&series, "step", "objective");
    Ok(figure::save_png(&folder.figures().join("loss.png"), &image)?)
}

/// Draws transport costs against the steps of training, one line for each named run.
pub(crate) fn draw_costs(folder: &RunFolder, series: &[(String, Vec<(f64, f64)>)]) -> Result<()> {
    let image = figure::curve_image(series, "step", "held-out transport cost");
    Ok(figure::save_png(&folder.figures().join("costs.png"), &image)?)
}

/// Draws a two-dimensional flow: true density, samples, densities along the path, trajectories.
pub(crate) fn draw_flow(folder: &RunFolder, flow: &Flow, base: &End, target: &End) -> Result<()> {
    let extent = base.extent().max(target.extent());
    let seed = flow.config.seed;
    let kind = flow.config.precision.kind();
    let x0 = match base.sampling_points(0, N_SAMPLES as i64, seed, kind) {
        Ok(points) => points,
        Err(_) => base.test_points(N_SAMPLES as i64, seed, kind),
    };
    let (samples, _) = flow.carry(&x0, 0.0, 1.0, |_| {})?;
    let data = target.test_points(N_SAMPLES as i64, seed, kind);
    let histogram = |x: &Tensor| -> Result<_> { Ok(figure::histogram_image(&points_2d(x)?, extent, GRID)) };
    let mut panels = Vec::new();
    if base.density().is_none() {
        panels.push(("base data".to_owned(), histogram(&x0)?));
    }
    match target.density() {
        Some(density) => {
            let values = numbers(&density.log_density(&grid(GRID, extent, Kind::Double)).exp())?;
            panels.push(("true density".to_owned(), figure::density_image(&values, GRID)));
        }
        None => panels.push(("data".to_owned(), histogram(&data)?)),
    }
    panels.push(("samples".to_owned(), histogram(&samples)?));
    if base.density().is_some() {
        for t in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let (log_density, _) = flow.log_density(base, &grid(GRID, extent, kind), t, |_| {})?;
            panels.push((
                format!("density, t = {t}"),
                figure::density_image(&numbers(&log_density.exp())?, GRID),
            ));
        }
    }
    let paths = trajectories(flow, &x0.narrow(0, 0, N_TRAJECTORIES.min(x0.size()[0])))?;
    panels.push(("trajectories".to_owned(), figure::trajectories_image(&paths, extent, 480)));
    Ok(figure::save_png(&folder.figures().join("flow.png"), &figure::sheet(&panels, 4))?)
}

/// The centres of `n × n` cells that fill [−extent, extent]², `[n², 2]`, the lowest row first.
pub(crate) fn grid(n: usize, extent: f64, kind: Kind) -> Tensor {
    let centre = |cell: usize| (2.0 * (cell as f64 + 0.5) / n as f64 - 1.0) * extent;
    let values: Vec<f64> =
        (0..n).flat_map(|row| (0..n).flat_map(move |column| [centre(column), centre(row)])).collect();
    Tensor::from_slice(&values).view([-1, 2]).to_kind(kind)
}

/// The paths of points `x0`, `[N, 2]`, through the flow.
pub(crate) fn trajectories(flow: &Flow, x0: &Tensor) -> Result<Vec<Vec<[f64; 2]>>> {
    let times: Vec<f64> = (0..N_TIMES).map(|i| i as f64 / (N_TIMES - 1) as f64).collect();
    let (saved, _) = flow.solver.solve_saving(&flow.velocity, &flow.admit(x0)?, &times)?;
    let mut paths = vec![Vec::with_capacity(N_TIMES); x0.size()[0] as usize];
    for x in &saved {
        for (path, point) in paths.iter_mut().zip(points_2d(x)?) {
            path.push(point);
        }
    }
    Ok(paths)
}

/// Writes `report.md`: the numbers beside the reference, the figures embedded.
pub(crate) fn write(
    folder: &RunFolder,
    config: &ExperimentConfig,
    result: &Map<String, Value>,
    sections: &str,
) -> Result<()> {
    let mut text = format!("# {}\n\n| quantity | value |\n|---|---|\n", config.name);
    for (name, value) in rows(result) {
        writeln!(text, "| {name} | {value} |")?;
    }
    if !config.evaluation.reference_nll.is_empty() {
        text.push_str("\n## Reference, test NLL (nats)\n\n| model | NLL |\n|---|---|\n");
        for (name, nll) in &config.evaluation.reference_nll {
            writeln!(text, "| {name} | {nll} |")?;
        }
    }
    for figure in ["marginals", "pairs", "flow", "loss", "costs"] {
        if folder.figures().join(format!("{figure}.png")).is_file() {
            writeln!(text, "\n![{figure}](figures/{figure}.png)")?;
        }
    }
    text.push_str(&image_sheets(&folder.figures())?);
    text.push_str(sections);
    folder.write("report.md", text.as_bytes())
}

/// The sheets of a flow of images, and what they show.
const IMAGE_SHEETS: [(&str, &str); 6] = [
    ("samples", "Samples"),
    ("solvers", "The same samples by Euler's method and the flow's solver, at growing cost"),
    ("path", "The same samples along the path"),
    ("neighbours", "Samples, each with the training images nearest to it"),
    ("interpolation", "Samples between two base points, along the great circle"),
    ("reconstruction", "Test images, encoded and decoded again"),
];
/// How many of the sheets drawn in training the report shows.
const N_PROGRESS: usize = 3;

/// The report's section of sheets, empty where there are none.
fn image_sheets(figures: &Path) -> Result<String> {
    let mut text = String::new();
    let mut show = |name: &str, title: &str| -> Result<()> {
        if figures.join(format!("{name}.png")).is_file() {
            writeln!(text, "\n## {title}\n\n![{name}](figures/{name}.png)")?;
        }
        Ok(())
    };
    for (name, title) in IMAGE_SHEETS {
        show(name, title)?;
    }
    let mut sheets: Vec<(u64, String)> = std::fs::read_dir(figures)?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let step = name.strip_prefix("samples-")?.strip_suffix(".png")?;
            Some((step.parse().ok()?, name.strip_suffix(".png")?.to_owned()))
        })
        .collect();
    sheets.sort();
    for index in spread(sheets.len(), N_PROGRESS) {
        let (step, name) = &sheets[index];
        show(name, &format!("Samples at step {step}"))?;
    }
    Ok(text)
}

/// `n` of the numbers 0..`of`, the first and the last among them.
fn spread(of: usize, n: usize) -> Vec<usize> {
    if of <= n { (0..of).collect() } else { (0..n).map(|index| index * (of - 1) / (n - 1)).collect() }
}

/// A result as name and text, estimates as mean ± standard error.
pub(crate) fn rows(result: &Map<String, Value>) -> Vec<(String, String)> {
    result.iter().map(|(name, value)| (name.clone(), readable(value))).collect()
}

fn readable(value: &Value) -> String {
    match (value["mean"].as_f64(), value["standard_error"].as_f64()) {
        (Some(mean), Some(error)) => format!("{mean:.4} ± {error:.4}"),
        _ => match value {
            Value::Number(number) if number.is_f64() => format!("{:.4}", number.as_f64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                format!("{} entries in result.json", items.len())
            }
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| format!("{name} {}", readable(field)))
                .collect::<Vec<_>>()
                .join(", "),
            other => other.to_string(),
        },
    }
}
