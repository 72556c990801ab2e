//! The command line.

mod about;
mod ensemble;
mod flow;
mod images;
mod machine;
mod names;
mod noise;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use interflow_data::{ColumnKind, DependentColumns, Limits, Marginals, Unfit};
use interflow_flow::Fill;
use interflow_flow::fit::Trials;
use interflow_libtorch::Products;

use self::noise::named;

pub(crate) use about::{CompletionsArgs, ExportArgs, ManArgs, RunsArgs};
pub(crate) use ensemble::EnsembleArgs;
pub(crate) use flow::FlowArgs;
pub(crate) use images::FidArgs;
use machine::MachineArgs;
pub(crate) use names::{NameList, Said};
pub(crate) use noise::{DensityArgs, Holes, LogProbArgs, PathArgs, ScoreArgs};
pub(crate) use text::TextArgs;

use crate::processes::ProcessArgs;
use crate::waiting::Waiting;

/// Continuous normalizing flows by stochastic interpolants.
#[derive(Debug, Parser)]
#[command(name = "interflow", version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How threads wait for the slowest of them: active, awake, as without it, or passive, asleep, which leaves their cores
    /// to others and slows down small operations.
    #[arg(long, global = true, value_enum)]
    pub(crate) wait: Option<Waiting>,
    /// What computes products of matrices in single precision on the CPU: libtorch or onednn. Without it onednn on AMD's
    /// processors, where it is the faster, and libtorch on others.
    #[arg(long, global = true, value_name = "LIBRARY", value_parser = parse_products)]
    pub(crate) products: Option<Products>,
    /// How the work is shared out.
    #[command(flatten)]
    pub(crate) processes: ProcessArgs,
}

fn parse_products(name: &str) -> Result<Products, String> {
    let found = Products::ALL.into_iter().find(|products| products.name() == name);
    found.ok_or_else(|| format!("expected {}", Products::ALL.map(Products::name).join(" or ")))
}

/// The commands of `interflow`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a flow as CONFIG says, evaluate it, draw its figures and write a report.
    Experiment(RunArgs),
    /// Train a flow as CONFIG says and save its checkpoints.
    Train(RunArgs),
    /// Fit a flow to the table FILE without a config, evaluate it, draw its figures and write a report.
    ///
    /// Rows are shuffled (`target.split.seed`) and split 80 : 10 : 10 into training, validation and test set
    /// (`target.split.validation`, `target.split.test`); training rows give each column's scale. Sizes of network and
    /// training follow the table's; `--set KEY=VALUE` overrides any key. Densities and samples are in the file's
    /// units.
    Fit(FitArgs),
    /// Draw samples of the target from a checkpoint.
    Sample(SampleArgs),
    /// Log-densities (nats) of the rows of FILE under the flow.
    LogProb(LogProbArgs),
    /// Scores ∇log ρ at the rows of FILE, for a flow with a Gaussian base or with a denoiser.
    Score(ScoreArgs),
    /// The density of a two-dimensional flow on a grid.
    Density(DensityArgs),
    /// Carry the rows of FILE from the target to the base.
    Encode(EncodeArgs),
    /// Evaluate a checkpoint on the held-out set of its config.
    Evaluate(EvaluateArgs),
    /// Compare samples of a flow of images with its training images: FID and KID.
    Fid(FidArgs),
    /// Fill the holes of rows by samples of what is missing given what is there.
    Impute(ImputeArgs),
    /// Weigh samples of a flow as samples of another law, by its unnormalised log-density: importance weights, effective sample
    /// size, evidence.
    Weigh(WeighArgs),
    /// Write a flow's velocity as a module of PyTorch, which needs no Interflow: velocity.py and velocity.safetensors.
    Export(ExportArgs),
    /// Describe a checkpoint: step, seed, network, config.
    Inspect(InspectArgs),
    /// List the run folders in FOLDER, the newest last: name, begin, step, test NLL.
    Runs(RunsArgs),
    /// Write a shell's completions to stdout.
    ///
    /// For bash: `interflow completions bash > ~/.local/share/bash-completion/completions/interflow`; for zsh a file
    /// `_interflow` in a folder of `$fpath`; for fish `~/.config/fish/completions/interflow.fish`.
    Completions(CompletionsArgs),
    /// Write the manual's pages into FOLDER.
    Man(ManArgs),
}

impl Command {
    /// Refuses what several processes cannot share.
    pub(crate) fn check_shared(&self) -> anyhow::Result<()> {
        let stdin = match self {
            Self::Export(_)
            | Self::Inspect(_)
            | Self::Runs(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Weigh(_) => {
                anyhow::bail!("there is no work to share\nhint: take one process")
            }
            Self::Fit(args) => args.file.as_path(),
            Self::LogProb(args) => args.rows.file.as_path(),
            Self::Score(args) => args.rows.file.as_path(),
            Self::Encode(args) => args.rows.file.as_path(),
            Self::Impute(args) => args.rows.file.as_path(),
            Self::Sample(args) => args.given.as_deref().unwrap_or(Path::new("")),
            _ => Path::new(""),
        };
        if stdin == Path::new("-") {
            anyhow::bail!(
                "what comes from stdin comes to one process only\nhint: write it into a file first"
            );
        }
        Ok(())
    }
}

/// Which experiment runs, and how.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The experiment's TOML file.
    pub(crate) config: PathBuf,
    /// The folder that holds the data sets.
    #[arg(long, env = "INTERFLOW_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    /// How it runs.
    #[command(flatten)]
    pub(crate) options: RunOptions,
    /// Study the flow of this checkpoint or run folder, trained before, instead of training (`experiment` only).
    #[arg(long, conflicts_with = "resume")]
    pub(crate) from: Option<PathBuf>,
}

/// Arguments of `fit`.
#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    /// The table: text (CSV or like it, also compressed by gzip), an NPY array of rows, alone or in an NPZ archive, or a
    /// Parquet file, told by its content; `-` is text from stdin, which is kept in the folder of runs.
    pub(crate) file: PathBuf,
    /// The columns to use, by name, as '#3' by place, or by number from 1 where there is no header; all without it. A
    /// name with a comma stands in quotes, as in 'x,"price, net"'.
    #[arg(long, value_parser = NameList::parse, value_name = "NAME,...")]
    pub(crate) columns: Option<Vec<NameList>>,
    /// The columns to leave out, by name or place.
    #[arg(long, value_parser = NameList::parse, value_name = "NAME,...")]
    pub(crate) drop: Vec<NameList>,
    /// Conditions: columns that the others are modelled given, by name or place.
    #[arg(long, value_parser = NameList::parse, value_name = "NAME,...")]
    pub(crate) given: Vec<NameList>,
    /// What columns are, instead of what they look like: number, lattice, lattice:0.25, category, time or time:%d.%m.%Y.
    #[arg(long, value_parser = Said::<ColumnKind>::parse, value_name = "NAME=KIND,...")]
    pub(crate) kind: Vec<Said<ColumnKind>>,
    /// Bounds of columns, outside which no sample lies, as in price=0.., share=0..1 or, written as the column's dates are,
    /// day=2020-01-01...
    #[arg(long, value_parser = Said::<Limits>::parse, value_name = "NAME=LOWER..UPPER,...")]
    pub(crate) bounds: Vec<Said<Limits>>,
    /// How numbers become coordinates: by a law that is fitted to each column (fitted), or by mean and deviation (plain).
    #[arg(long, default_value = "fitted", value_parser = named::<Marginals>)]
    pub(crate) marginals: Marginals,
    /// What becomes of missing values: they are modelled (keep), their rows are left out (drop), or they are refused (refuse).
    #[arg(long, default_value = "keep", value_parser = named::<Unfit>)]
    pub(crate) missing: Unfit,
    /// What becomes of constant columns: keep, drop or refuse.
    #[arg(long, default_value = "keep", value_parser = named::<Unfit>)]
    pub(crate) constant: Unfit,
    /// What becomes of columns that are linear functions of others: drop, keep or refuse.
    #[arg(long, default_value = "drop", value_parser = named::<DependentColumns>)]
    pub(crate) dependent: DependentColumns,
    /// Whether the flow learns to fill holes (`interflow impute`), beside modelling whole rows: yes, no, or auto, which is yes
    /// where values are missing and kept.
    #[arg(long, default_value = "auto", value_parser = named::<Fill>, value_name = "YES|NO|AUTO")]
    pub(crate) fill: Fill,
    /// Whether short trainings, a tenth of the steps each, choose the law of the times, and whether the network corrects a
    /// Gaussian, by the NLL of the validation rows: auto, or no.
    #[arg(long, default_value = "auto", value_parser = named::<Trials>, value_name = "AUTO|NO")]
    pub(crate) trials: Trials,
    /// The number of training steps, instead of the one that is chosen by the number of rows. Training stops earlier where the
    /// held-out objective no longer improves.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps: Option<u64>,
    /// The integer-valued columns to dequantise, or all-integers; their samples are integers.
    #[arg(long, value_parser = NameList::parse, value_name = "NAME,...")]
    pub(crate) dequantise: Vec<NameList>,
    /// How its text is read.
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// How it runs.
    #[command(flatten)]
    pub(crate) options: RunOptions,
}

/// Where and how a run happens.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The folder under which run folders are made.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    /// What it is computed on.
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// The seed, instead of the config's.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Go on with the interrupted run in this folder.
    #[arg(long)]
    pub(crate) resume: Option<PathBuf>,
    /// Inception's weights, by which an experiment on images compares its samples: those that pytorch-fid publishes,
    /// as a safetensors file.
    #[arg(long, env = "INTERFLOW_INCEPTION", value_name = "FILE")]
    pub(crate) inception: Option<PathBuf>,
    /// Overrides a config key, as in `--set train.steps=100`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// One JSON object on stdout that holds the run folder and the result, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// No machine holds more samples; a count beyond would not fit where it is multiplied.
const MOST_SAMPLES: u64 = 1_000_000_000_000;

/// Arguments of `sample`.
#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The flow.
    #[command(flatten)]
    pub(crate) flow: FlowArgs,
    /// The path to the samples.
    #[command(flatten)]
    pub(crate) path: PathArgs,
    /// How many samples: 1000 without it, or with --given one for each row.
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(..=MOST_SAMPLES))]
    pub(crate) n: Option<u64>,
    /// A table as `fit` reads it whose rows are the conditions of a flow that has some; -n counts for each row.
    #[arg(long, value_name = "FILE")]
    pub(crate) given: Option<PathBuf>,
    /// How the text of the conditions is read.
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// The class of all samples of a flow of images that has classes, instead of each class in turn.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) class: Option<i64>,
    /// How strictly samples keep to their class, by classifier-free guidance: 1 as trained, more exaggerates it.
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) guidance: Option<f64>,
    /// Sample in this many calls of the network instead of a solver's steps, for a flow trained with the objective flow-map.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..),
        conflicts_with_all = ["along", "sde", "guidance", "observe"])]
    pub(crate) calls: Option<u32>,
    /// A column `log_density` beside the samples, from the same solve.
    #[arg(long, conflicts_with_all = ["along", "sde", "guidance", "observe", "calls"])]
    pub(crate) log_prob: bool,
    /// Sample given noisy observations of columns, approximately: NAME=VALUE or, with the noise's deviation,
    /// NAME=VALUE~STD, in the columns' units. For flows with a Gaussian base on a path without latent.
    #[arg(long, value_parser = NameList::parse, value_name = "NAME=VALUE,...")]
    pub(crate) observe: Vec<NameList>,
    /// The deviation of the observations' noise where none is written.
    #[arg(long, requires = "observe", value_name = "STD", default_value_t = 0.1)]
    pub(crate) noise: f64,
    /// A .csv, .npy or (in two dimensions) .png or .svg file; `-` is CSV on stdout. Images go to a .png sheet, a .npy array of
    /// their levels or, one by one, to a folder.
    #[arg(short, long, default_value = "-")]
    pub(crate) out: String,
}

/// Arguments of `impute`.
#[derive(Debug, Args)]
pub(crate) struct ImputeArgs {
    /// The rows.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// How many times each row is filled, anew each time.
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) n: u64,
}

/// Arguments of `weigh`.
#[derive(Debug, Args)]
pub(crate) struct WeighArgs {
    /// A table of samples with their log-densities, as `sample --log-prob` writes it, and another column of those under the other
    /// law.
    pub(crate) file: PathBuf,
    /// The column of the other law's log-densities in nats, known up to a constant.
    #[arg(long, value_name = "NAME")]
    pub(crate) log_target: String,
    /// The column of the flow's log-densities in nats.
    #[arg(long, value_name = "NAME", default_value = "log_density")]
    pub(crate) log_density: String,
    /// How its text is read.
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// A .csv file that gets the table with one column more, `log_weight`; `-` is CSV on stdout.
    #[arg(short, long, default_value = "-")]
    pub(crate) out: String,
    /// One JSON object on stdout that says what was found.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `encode`.
#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// The rows.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// Encode in this many calls of the network instead of a solver's steps, for a flow trained with the objective flow-map.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) calls: Option<u32>,
}

/// Arguments of commands that read rows.
#[derive(Debug, Args)]
pub(crate) struct RowsArgs {
    /// The flow.
    #[command(flatten)]
    pub(crate) flow: FlowArgs,
    /// A table of points, one per row, as `fit` reads it; `-` is text from stdin. For a flow of images an array of their
    /// levels, as `sample -o levels.npy` writes it.
    pub(crate) file: PathBuf,
    /// The class of all images in FILE, for a flow of images that has classes.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) class: Option<i64>,
    /// How its text is read.
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// A .csv or .npy file; `-` is CSV on stdout.
    #[arg(short, long, default_value = "-")]
    pub(crate) out: String,
}

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The flow.
    #[command(flatten)]
    pub(crate) flow: FlowArgs,
    /// The flows beside it, where the mean of several densities is evaluated.
    #[command(flatten)]
    pub(crate) beside: EnsembleArgs,
    /// Overrides a key of the run's config below `evaluation` or `solver`, as in `--set evaluation.n_test=100000`; may be
    /// repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// With --sde also an upper bound on the test NLL of the stochastic equation's samples.
    #[command(flatten)]
    pub(crate) path: PathArgs,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A checkpoint, or a run folder whose newest checkpoint is meant.
    pub(crate) checkpoint: PathBuf,
    /// The description as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
