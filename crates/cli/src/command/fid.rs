//! `fid`: samples of a flow of images beside its training images.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::use_flow::open;
use crate::args::FidArgs;
use crate::end::End;
use crate::images::{self, FidConfig};
use crate::output::print_line;
use crate::report;

/// Fréchet and kernel distance by the features of Inception.
pub(crate) fn fid(args: &FidArgs) -> Result<ExitCode> {
    let (mut flow, base) = open(&args.flow)?;
    flow.image_space()?;
    flow.config.seed = args.flow.seed;
    let target = match &args.statistics {
        Some(_) => None,
        None => Some(End::load(&flow.config.target, &args.flow.data, None)?),
    };
    let fid = FidConfig {
        weights: Some(args.weights.clone()),
        statistics: args.statistics.clone(),
        n_samples: args.n,
    };
    let train = target.as_ref().and_then(End::images).map(|images| &images.train);
    let found = images::compare(&flow, &base, train, &fid, &args.flow.data)?;
    if args.flow.json {
        print_line(&found)?;
    } else {
        let result = Map::from_iter([("step".to_owned(), json!(flow.step))]);
        let found = found.as_object().cloned().unwrap_or_default();
        for (name, value) in report::rows(&result.into_iter().chain(found).collect::<Map<String, Value>>()) {
            print_line(format_args!("{name:>20}  {value}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
