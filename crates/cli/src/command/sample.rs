//! `sample`: draws from the target.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use interflow_core::{Given, Points, memory};
use interflow_data::Columns;
use interflow_flow::FlowPath;
use interflow_flow::manifest::ImageManifest;
use interflow_flow::{Flow, SampleOptions, Work};
use interflow_libtorch::ProcessGroup;
use serde_json::json;
use tch::Tensor;

use super::open::{extent, has_ending, open, say};
use crate::args::{NameList, SampleArgs};
use crate::image_output::ImageOutput;
use crate::observation::observed;
use crate::output::{Output, check_distinct};
use crate::rows::{LOG_DENSITY, Written, check_class, column_names, conditions};

/// Samples drawn where nobody says how many.
const USUAL: u64 = 1000;

/// Draws samples.
pub(crate) fn sample(args: &SampleArgs, work: &Work) -> Result<ExitCode> {
    let mut inputs: Vec<&Path> = vec![&args.flow.checkpoint];
    inputs.extend(args.given.as_deref());
    check_distinct(Path::new(&args.out), &inputs)?;
    let output = match Output::parse(&args.out, &inputs) {
        // Images may go to a folder, which has no ending.
        Err(error) if has_ending(&args.out) => return Err(error),
        output => output,
    };
    let flow = open(&args.flow, work)?;
    if let Some(images) = flow.manifest().target.images {
        return sample_images(args, flow, images, work);
    }
    let output = output?;
    if args.log_prob
        && flow.columns().is_some_and(|columns| columns.names().iter().any(|name| name == LOG_DENSITY))
    {
        bail!(
            "the flow has a column `{LOG_DENSITY}` of its own\nhint: leave out --log-prob, or fit it under another name"
        );
    }
    let options = options(args, &flow)?;
    let n = options.given.tensor().map_or(args.n.unwrap_or(USUAL), |given| given.size()[0].unsigned_abs());
    let samples = flow.sample_with(n, &options)?;
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    if output.is_picture() {
        let x = in_coordinates(&flow, &samples.points)?;
        output.write(&[], &x, extent(&flow))?;
    } else {
        let rows = Written::of(&flow, &samples.points);
        output.write_rows(&rows.with(LOG_DENSITY, samples.log_density.as_ref()))?;
    }
    say(&args.flow, &json!({ "n": n, "nfe": samples.nfe, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}

/// How the arguments want samples to be drawn.
fn options(args: &SampleArgs, flow: &Flow) -> Result<SampleOptions> {
    let names = flow.columns().map_or_else(|| column_names(flow.space().dim), Columns::state_names);
    let path = FlowPath::new(flow.engine(), args.path.along)?;
    Ok(SampleOptions {
        first: 0,
        seed: Some(args.flow.seed_of_samples()),
        given: given(args, flow)?,
        along: args.path.along,
        noise: args.path.noise(path.regular_shape()),
        observed: observed(&NameList::names(&args.observe), args.noise, &names)?,
        guidance: args.guidance,
        calls: args.calls,
        log_density: args.log_prob,
    })
}

/// What the samples are given: rows of a file, or one class for all.
fn given(args: &SampleArgs, flow: &Flow) -> Result<Given> {
    let Some(class) = args.class else {
        return conditions(args.given.as_deref(), &args.text, flow, args.n.unwrap_or(1));
    };
    check_class(class, flow)?;
    let n = args.n.unwrap_or(USUAL);
    memory::check(format!("the class of {n} samples"), 8.0 * n as f64)?;
    Ok(Given::class(class, n as i64))
}

/// A picture's window is that of the flow's coordinates.
fn in_coordinates(flow: &Flow, points: &Points) -> Result<Tensor> {
    match flow.columns() {
        Some(columns) => Ok(columns.standardise(&Written::of(flow, points).values)?.points.x),
        None => Ok(points.x.shallow_clone()),
    }
}

/// Draws images, batch by batch, under one bar.
fn sample_images(args: &SampleArgs, flow: Flow, images: ImageManifest, work: &Work) -> Result<ExitCode> {
    if args.path.sde || args.given.is_some() || !args.observe.is_empty() || args.log_prob {
        bail!(
            "--sde, --given, --observe and --log-prob are not for images\nhint: --class chooses the class of a flow that has some"
        );
    }
    let output = ImageOutput::parse(&args.out)?;
    if let Some(class) = args.class {
        check_class(class, &flow)?;
    }
    let n = args.n.unwrap_or_else(|| output.n_usual());
    if output.holds_all() {
        let bytes = 8.0 * n as f64 * flow.space().dim as f64;
        memory::check(format!("a sheet of {n} images"), bytes)?;
    }
    let n_processes = work.group().map_or(1, ProcessGroup::size) as u64;
    let batch = n_processes * flow.manifest().batch.unsigned_abs();
    let flow = flow.with_work(work.hidden());
    let task = work.begin("sample", n);
    let mut nfe = 0;
    let draw = |first: u64| -> Result<Tensor> {
        let rows = batch.min(n - first);
        let given = args.class.map_or(Given::Nothing, |class| Given::class(class, rows as i64));
        let options = SampleOptions {
            first,
            seed: Some(args.flow.seed_of_samples()),
            given,
            along: args.path.along,
            guidance: args.guidance,
            calls: args.calls,
            ..SampleOptions::default()
        };
        let samples = flow.sample_with(rows, &options)?;
        nfe = nfe.max(samples.nfe);
        task.advance(rows);
        Ok(samples.points.x)
    };
    let mut drawn = (0..n).step_by(batch as usize).map(draw);
    if !work.leads() {
        return drawn.try_for_each(|images| images.map(drop)).map(|()| ExitCode::SUCCESS);
    }
    output.write(&images, n, drawn)?;
    say(&args.flow, &json!({ "n": n, "nfe": nfe, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}
