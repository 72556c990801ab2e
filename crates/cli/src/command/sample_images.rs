//! `sample` for a flow of images.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;
use tch::Tensor;

use super::use_flow::say;
use crate::args::SampleArgs;
use crate::end::End;
use crate::flow::Flow;
use crate::flow_path::FlowPath;
use crate::images::{ImageOutput, ImageSpace};
use crate::observer::progress_bar;

/// Draws images, batch by batch.
pub(super) fn sample_images(
    args: &SampleArgs,
    mut flow: Flow,
    base: &End,
    space: ImageSpace,
) -> Result<ExitCode> {
    if args.path.sde || args.given.is_some() || !args.observe.is_empty() {
        bail!(
            "--sde, --given and --observe are not for images\nhint: --class chooses the class of a flow that has some"
        );
    }
    if let Some(class) = args.class.filter(|class| *class >= space.n_classes) {
        bail!("the flow's classes are the numbers below {}, found: {class}", space.n_classes);
    }
    let output = ImageOutput::parse(&args.out)?;
    flow.config.seed = args.flow.seed;
    let n = args.n.unwrap_or_else(|| output.n_usual());
    let batch = flow.config.evaluation.batch as u64;
    let bar = progress_bar(n, "sample");
    let path = FlowPath::new(&flow, args.path.along)?;
    let mut nfe = 0;
    let draw = |first: u64| -> Result<Tensor> {
        let x0 = space.base_points(&flow.config, base, first, batch.min(n - first) as i64)?;
        if let Some(class) = args.class {
            let _ = x0.narrow(1, 0, 1).fill_(class as f64);
        }
        let (samples, calls) = path.carry(&x0, |n| bar.inc(n))?;
        nfe = nfe.max(calls);
        Ok(space.pixels(&samples))
    };
    output.write(&space, n, (0..n).step_by(batch as usize).map(draw))?;
    bar.finish_and_clear();
    say(&args.flow, &json!({ "n": n, "nfe": nfe, "out": args.out }))?;
    Ok(ExitCode::SUCCESS)
}
