//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};

use crate::check;

/// The workspace's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Provide libtorch and point the link `.libtorch` at it
    ///
    /// Looked for in this order: $LIBTORCH, what `.libtorch` points at already, a Python torch, the per-user
    /// cache, the wheel through pip. Prints the folder. To choose afresh, remove `.libtorch` first.
    Setup(Setup),
    /// Run one of the experiments in configs/
    Experiment(Experiment),
    /// Show where a data set comes from, where it has to lie, and whether it is whole, or fetch it
    Data(Data),
    /// Run all tests, doctests included; arguments go to `cargo test`
    Test(Passthrough),
    /// Write docs/results.md and README.md's table from the files in docs/results
    Results(Results),
    /// fmt, layers, modules, tidy, results, clippy, docs, tests: the cheapest first, stopping at the first that fails
    Check(Check),
    /// The stages of `check` less the tests, which `.ci/run` runs by the README's own command
    Ci,
    /// Read damaged inputs until COUNT of each reader are read; arguments go to the search (`-- --help`)
    Fuzz(Passthrough),
    /// Run the benchmarks; a filter and other arguments go to criterion
    Bench(Passthrough),
    /// Build the Python package's wheel against the same libtorch, into target/python/wheels, and test it if asked for
    Python(Python),
    /// What is measured where a GPU is (benches/gpu)
    #[command(subcommand)]
    Gpu(Gpu),
}

#[derive(Args)]
pub(crate) struct Python {
    /// Folder for the wheel
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Optimise it, for use
    #[arg(long)]
    pub(crate) release: bool,
    /// Install the wheel with pip's torch in target/python/test and run its tests; other arguments go to pytest
    #[arg(long)]
    pub(crate) test: bool,
    #[arg(last = true, value_name = "ARGS", requires = "test")]
    pub(crate) args: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum Gpu {
    /// Build the programs and pack them with all they need into target/gpu, in pieces that can be carried
    Pack(Pack),
}

#[derive(Args)]
pub(crate) struct Pack {
    /// Folder with the data sets, of which cifar10 is packed too; without it the driver trains on noise
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Setup {
    /// Insist on a libtorch with CUDA
    #[arg(long)]
    pub(crate) cuda: bool,
    /// Print what a shell needs to build and run other workspaces: eval "$(cargo xtask setup --env)"
    #[arg(long)]
    pub(crate) env: bool,
}

#[derive(Args)]
pub(crate) struct Experiment {
    /// The experiment: a file configs/NAME.toml
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// List the experiments
    #[arg(long)]
    pub(crate) list: bool,
    /// Folder with the data sets, else the one that `INTERFLOW_DATA` names, else data/ in the workspace
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Download the data sets that it needs and that are not there
    #[arg(long)]
    pub(crate) fetch: bool,
    /// Download from here instead of from the publishers: URL/FILE for each FILE
    #[arg(long, value_name = "URL", requires = "fetch", value_parser = mirror)]
    pub(crate) mirror: Option<String>,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// cpu, cuda or cuda:N
    #[arg(long, value_parser = device)]
    pub(crate) device: Option<String>,
    /// Seed of every random draw
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads for tensor operations: a number, or auto for what is fastest at the time
    #[arg(long, value_name = "N|auto", value_parser = threads)]
    pub(crate) threads: Option<String>,
    /// Share the work with as many processes on this machine
    #[arg(long, value_name = "N")]
    pub(crate) processes: Option<NonZeroUsize>,
    /// Continue the run in this folder
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<PathBuf>,
    /// Study the flow of this checkpoint or run folder instead of training one
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub(crate) from: Option<PathBuf>,
    /// Override entries of the config
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = assignment)]
    pub(crate) set: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Data {
    /// The data set
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// List the data sets
    #[arg(long)]
    pub(crate) list: bool,
    /// Folder with the data sets, else the one that `INTERFLOW_DATA` names, else data/ in the workspace
    #[arg(long = "data", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Download it from its publisher unless it is there
    #[arg(long, conflicts_with = "list")]
    pub(crate) fetch: bool,
    /// Download from here instead of from the publisher: URL/FILE for each FILE
    #[arg(long, value_name = "URL", requires = "fetch", value_parser = mirror)]
    pub(crate) mirror: Option<String>,
    /// Hash the files instead of comparing their sizes only
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Args)]
pub(crate) struct Results {
    /// First add the result of this run folder to docs/results
    #[arg(long, value_name = "RUN")]
    pub(crate) add: Option<PathBuf>,
    /// What the run was made on, instead of its processor's name
    #[arg(long, value_name = "NAME", requires = "add")]
    pub(crate) machine: Option<String>,
}

#[derive(Args)]
pub(crate) struct Check {
    /// Run this stage alone
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(check::names()))]
    pub(crate) only: Option<String>,
}

#[derive(Args)]
pub(crate) struct Passthrough {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

fn device(text: &str) -> Result<String, String> {
    let number = text.strip_prefix("cuda:").map(str::parse::<u32>);
    match (text, number) {
        ("cpu" | "cuda", _) | (_, Some(Ok(_))) => Ok(text.to_owned()),
        _ => Err("expected cpu, cuda or cuda:N".to_owned()),
    }
}

fn mirror(text: &str) -> Result<String, String> {
    match text.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => Ok(text.to_owned()),
        _ => Err("expected an address that begins with https:// or http://".to_owned()),
    }
}

fn threads(text: &str) -> Result<String, String> {
    match text.parse::<std::num::NonZeroU32>() {
        Err(_) if text != "auto" => Err("expected auto or a number from 1".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.is_empty() => Ok(text.to_owned()),
        _ => Err("expected KEY=VALUE (the experiment's name goes before --set)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn passthrough_keeps_every_argument() {
        let flags = Flags::parse_from(["xtask", "test", "-p", "interflow-core", "--", "--nocapture"]);
        let Command::Test(test) = flags.command else { panic!("not a test command") };
        assert_eq!(test.args, ["-p", "interflow-core", "--", "--nocapture"]);
    }

    #[test]
    fn set_takes_several_values_and_repeats() {
        let flags = Flags::parse_from(["xtask", "experiment", "a", "--set", "x=1", "y=2", "--set", "z=3"]);
        let Command::Experiment(experiment) = flags.command else { panic!("not an experiment") };
        assert_eq!(experiment.set, ["x=1", "y=2", "z=3"]);
    }

    /// Comments aside, the commands of pages have no words in quotes that this program takes.
    #[test]
    fn the_commands_of_readme_and_guide_are_taken() {
        let root = crate::workspace::Workspace::open().unwrap().root().to_owned();
        let guide = std::fs::read_dir(root.join("docs/guide")).unwrap();
        let pages = guide.map(|entry| entry.unwrap().path()).chain([root.join("README.md")]);
        let mut n = 0;
        for page in pages {
            let text = std::fs::read_to_string(&page).unwrap();
            for line in text.lines().filter(|line| line.starts_with("cargo xtask ")) {
                let command = line.split_once('#').map_or(line, |(command, _)| command);
                let words = command.split_whitespace().skip(1);
                let flags = Flags::try_parse_from(words);
                let flags = flags.unwrap_or_else(|error| panic!("{}: {line}: {error}", page.display()));
                if let Command::Experiment(Experiment { name: Some(name), .. }) = flags.command {
                    assert!(root.join("configs").join(format!("{name}.toml")).is_file(), "{line}");
                }
                n += 1;
            }
        }
        assert!(n > 5, "only {n} commands are found");
    }

    #[test]
    fn a_misspelt_device_is_refused() {
        assert!(device("cuda:1").is_ok());
        assert!(device("gpu").is_err());
        assert!(device("cuda:x").is_err());
    }
}
