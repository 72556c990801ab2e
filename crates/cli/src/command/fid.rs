//! `fid`: samples of a flow of images beside its training images.

use std::process::ExitCode;

use anyhow::Result;
use interflow_data::ImageParts;
use interflow_flow::config::FidConfig;
use interflow_flow::images::{ImageSpace, fid as distance};
use interflow_flow::{Target, Work, checkpoint};
use interflow_study::report;
use serde_json::{Map, Value, json};

use super::open::open_with_checkpoint;
use crate::args::FidArgs;
use crate::output::print_line;

/// Fréchet and kernel distance by the features of Inception.
pub(crate) fn fid(args: &FidArgs, work: &Work) -> Result<ExitCode> {
    let (flow, checkpoint) = open_with_checkpoint(&args.flow, work)?;
    let flow = flow.with_seed(args.flow.seed_of_samples());
    let _ = ImageSpace::of(flow.manifest())?;
    let target = match &args.statistics {
        Some(_) => None,
        None => Some(Target::load(&checkpoint::experiment(&checkpoint)?.target, &args.flow.data)?),
    };
    let config = FidConfig {
        weights: Some(args.weights.clone()),
        statistics: args.statistics.clone(),
        n_samples: args.n,
    };
    let train = target.as_ref().and_then(Target::images).map(|images: &ImageParts| &images.train);
    let found = distance::compare(flow.engine(), train, &config, &args.flow.data)?;
    if !work.leads() {
        return Ok(ExitCode::SUCCESS);
    }
    if args.flow.json {
        print_line(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let result = Map::from_iter([("step".to_owned(), json!(flow.engine().step()))]);
    let found = found.as_object().cloned().unwrap_or_default();
    for (name, value) in report::rows(&result.into_iter().chain(found).collect::<Map<String, Value>>()) {
        print_line(format_args!("{name:>20}  {value}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
