//! Log-densities in few calls against those of the flow's solver, point by point.

use std::time::Instant;

use anyhow::Result;
use interflow_core::Points;
use interflow_flow::images::ImageSpace;
use interflow_flow::{DivergenceConfig, Engine};
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::{FewCallsConfig, cell, object};
use crate::findings::Findings;
use crate::subject::Subject;

/// The most dimensions in which the map's log-determinant is taken.
const MOST_DIMENSIONS: i64 = 64;

/// How numbers differ from those that they stand for: mean, root mean square, and the median of their sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gap {
    mean: f64,
    rms: f64,
    median: f64,
}

impl Gap {
    fn between(found: &Tensor, expected: &Tensor) -> Self {
        let gap = double(found) - double(expected);
        let mean = |x: &Tensor| x.mean(Kind::Double).double_value(&[]);
        let median = gap.abs().median().double_value(&[]);
        Self { mean: mean(&gap), rms: mean(&gap.square()).sqrt(), median }
    }

    fn cells(self) -> [String; 3] {
        [self.mean, self.rms, self.median].map(cell)
    }

    fn json(self) -> Value {
        object(&[("mean", self.mean), ("rms", self.rms), ("median", self.median)])
    }
}

/// Adds the gaps to the solver's log-densities, the bits/dim of images, the seconds that both take, and the gaps between the learned divergences and
/// the log-determinant of the map.
pub(super) fn measure(config: &FewCallsConfig, subject: &Subject<'_>, findings: &mut Findings) -> Result<()> {
    let engine = subject.engine;
    let points = subject.target.test(config.n_density, subject.seed(), subject.kind());
    let task = engine.work().quietly();
    let began = Instant::now();
    let solver = engine.log_density(&points, 1.0, &task)?;
    let solver_secs = began.elapsed().as_secs_f64();
    let images = ImageSpace::of(engine.manifest()).ok();
    let bits = |log_density: &Tensor| {
        let space = images.as_ref()?;
        let bits = space.bits_per_dim(log_density, &points.x);
        Some(bits.mean(Kind::Double).double_value(&[]))
    };
    let (mut rows, mut numbers) = (Vec::new(), Map::new());
    for &calls in &config.calls {
        let began = Instant::now();
        let few = engine.jump_log_density(&points, 1.0, calls, &task)?;
        let secs = began.elapsed().as_secs_f64();
        let gap = Gap::between(&few.rows, &solver.rows);
        let determinant = determinant(config, engine, &points, calls)?;
        let of_determinant = determinant.map_or([(); 3].map(|()| "–".to_owned()), Gap::cells);
        let row =
            [vec![calls.to_string()], gap.cells().into(), of_determinant[1..].to_vec(), vec![cell(secs)]];
        let of_images = bits(&few.rows);
        rows.push([row.concat(), of_images.map(cell).into_iter().collect()].concat());
        let determinant = determinant.map(Gap::json);
        let mut found = json!({ "to_solver": gap.json(), "to_determinant": determinant, "secs": secs });
        if let Some(bits) = of_images {
            found["bits_per_dim"] = json!(bits);
        }
        numbers.insert(calls.to_string(), found);
    }
    findings.results.insert("few_call_log_density".into(), Value::Object(numbers));
    findings.results.insert("solver_log_density_secs".into(), json!(solver_secs));
    let solver_bits = bits(&solver.rows);
    let of_solver = solver_bits.map_or_else(String::new, |bits| format!(", {bits:.4} bits/dim"));
    if let Some(bits) = solver_bits {
        findings.results.insert("solver_bits_per_dim".into(), json!(bits));
    }
    let noise = match engine.manifest().divergence {
        DivergenceConfig::Hutchinson { .. } => ", with the noise of its probes, which RMS and median include",
        _ => "",
    };
    let title = format!(
        "Log-densities in few calls, in nats: against the solver's ({} calls, {solver_secs:.1} s{of_solver}{noise}) at {} test points, \
         and the learned divergences against the map's own log-determinant",
        solver.nfe,
        points.len()
    );
    let header =
        ["calls", "mean", "RMS", "median", "determinant RMS", "determinant median", "seconds", "bits/dim"];
    let n_columns = if images.is_some() { 8 } else { 7 };
    findings.section(&title, &header[..n_columns], &rows, &[]);
    Ok(())
}

/// How what the log-density falls by on the way to the base differs from the log-determinant of the way.
fn determinant(config: &FewCallsConfig, engine: &Engine, points: &Points, calls: u32) -> Result<Option<Gap>> {
    if engine.space().dim > MOST_DIMENSIONS {
        return Ok(None);
    }
    let map = engine.flow_map()?;
    let points = points.narrow(0, config.n_determinant.min(points.len()));
    let (fall, determinant) = engine.with_states(&points, 1.0, |batch| {
        let fall = map.carry(&batch.x, &batch.given, 1.0, 0.0, calls).fall;
        (fall, map.log_determinant(&batch.x, &batch.given, 1.0, 0.0, calls))
    })?;
    Ok(fall.map(|fall| Gap::between(&fall, &determinant)))
}

fn double(x: &Tensor) -> Tensor {
    x.to_device(Device::Cpu).to_kind(Kind::Double)
}
