//! `weigh`: samples of a flow as weighted samples of another law.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use interflow_data::table;
use interflow_metrics::Importance;
use serde_json::json;

use crate::args::WeighArgs;
use crate::output::{Output, print_line};
use crate::rows::sheet;
use crate::terminal;

/// Appends the logarithms of importance weights to a table of samples.
pub(crate) fn weigh(args: &WeighArgs) -> Result<ExitCode> {
    let output = Output::parse(&args.out, &[&args.file])?;
    let sheet = sheet(&args.file, &args.text)?;
    let column = |name: &String| -> Result<tch::Tensor> { Ok(sheet.log_numbers(name)?) };
    let (target, density) = (column(&args.log_target)?, column(&args.log_density)?);
    let found = Importance::of(&target, &density).context("cannot weigh the samples")?;
    let bytes = sheet.csv_with("log_weight", &table::texts(&found.log_weights)?)?;
    if matches!(output, Output::Npy(_) | Output::Picture(_)) {
        bail!("weighted samples go to a .csv file, asked for: {}", args.out);
    }
    output.write_csv(&bytes)?;
    let n = density.size()[0];
    let evidence =
        json!({ "mean": found.log_evidence.mean, "standard_error": found.log_evidence.standard_error });
    tracing::info!(
        "effective sample size {:.1} of {n}, log-evidence {:.4} ± {:.4} nats",
        found.effective_size,
        found.log_evidence.mean,
        found.log_evidence.standard_error
    );
    let account =
        json!({ "n": n, "effective_size": found.effective_size, "log_evidence": evidence, "out": args.out });
    match (args.json, matches!(output, Output::Stdout)) {
        (false, _) => {}
        (true, true) => terminal::say(&account),
        (true, false) => print_line(account)?,
    }
    Ok(ExitCode::SUCCESS)
}
