//! Arguments of what scores are for: sampling with noise, scores and densities at any time.

use std::path::PathBuf;

use clap::Args;
use interflow_core::interpolant::ScheduleKind;
use interflow_flow::NoiseConfig;
use interflow_solvers::{DiffusionConfig, DiffusionShape, Scheme, SdeConfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{EnsembleArgs, FlowArgs, RowsArgs};

/// Which path samples take.
#[derive(Debug, Clone, Args)]
pub(crate) struct PathArgs {
    /// Sample along another interpolant between the same ends: linear or trigonometric.
    #[arg(long, value_parser = named::<ScheduleKind>)]
    pub(crate) along: Option<ScheduleKind>,
    /// Sample by the stochastic equation with the flow's marginals instead of the flow.
    #[arg(long)]
    pub(crate) sde: bool,
    /// The factor of the noise's strength ε(t).
    #[arg(long, requires = "sde", default_value_t = 1.0)]
    pub(crate) epsilon: f64,
    /// How the strength varies: regular, constant, vanishing, alpha or gamma. Without it regular, or gamma for a flow
    /// with a denoiser: with both the noise is regular up to the ends.
    #[arg(long, requires = "sde", value_parser = named::<DiffusionShape>)]
    pub(crate) diffusion: Option<DiffusionShape>,
    /// The stochastic method: euler-maruyama, heun or shark.
    #[arg(long, requires = "sde", value_parser = named::<Scheme>, default_value = "shark")]
    pub(crate) scheme: Scheme,
    /// The stochastic method's steps.
    #[arg(long, requires = "sde", default_value_t = 128)]
    pub(crate) steps: u32,
    /// Steps by an error of this size instead, relative and absolute, for each sample its own.
    #[arg(long, requires = "sde", conflicts_with = "steps")]
    pub(crate) tolerance: Option<f64>,
}

impl PathArgs {
    /// The noise that was asked for, if any was, with the strength's shape where none was named.
    pub(crate) fn noise(&self, shape: DiffusionShape) -> Option<NoiseConfig> {
        let shape = self.diffusion.unwrap_or(shape);
        let diffusion = DiffusionConfig { shape, strength: self.epsilon };
        let solver = SdeConfig { scheme: self.scheme, steps: self.steps, tolerance: self.tolerance };
        self.sde.then_some(NoiseConfig { diffusion, solver })
    }
}

/// Arguments of `log-prob`.
#[derive(Debug, Args)]
pub(crate) struct LogProbArgs {
    /// The rows.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// The flows beside it, where the mean of several densities is wanted.
    #[command(flatten)]
    pub(crate) beside: EnsembleArgs,
    /// The time of the density on the path, from 0 (base) to 1 (target).
    #[arg(short, long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) time: f64,
    /// Of rows with holes: the density of what they hold and of the holes being where they are (modelled), or of what they hold
    /// given where the holes are (given), which is an estimate.
    #[arg(long, default_value = "modelled", value_parser = named::<Holes>, value_name = "modelled|given")]
    pub(crate) holes: Holes,
    /// In this many calls of the network instead of a solver's steps, for a flow map that has learned divergences.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) calls: Option<u32>,
    /// Categories, numbers on a lattice, atoms, missing values and levels of pixels at this many places in the cells that they
    /// have in the flow's coordinates, whose densities are averaged: nearer to their probability, in as many times the calls.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) draws: u32,
}

/// What the holes of a row are to its log-density.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Holes {
    /// Part of what is modelled.
    Modelled,
    /// What the rest is given.
    Given,
}

/// Arguments of `score`.
#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// The rows.
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
    /// The time of the density on the path, from 0 (base) to just below 1 (target).
    #[arg(short, long, allow_negative_numbers = true)]
    pub(crate) time: f64,
}

/// Arguments of `density`.
#[derive(Debug, Args)]
pub(crate) struct DensityArgs {
    /// The flow.
    #[command(flatten)]
    pub(crate) flow: FlowArgs,
    /// Cells along one side of the square grid.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) grid: u32,
    /// Half the side of the square around 0, instead of one that shows both ends, in the flow's coordinates: those
    /// of a table are standardised.
    #[arg(long)]
    pub(crate) extent: Option<f64>,
    /// The time of the density on the path, from 0 (base) to 1 (target).
    #[arg(short, long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) time: f64,
    /// A .png or .svg picture of the density, a .npy matrix of log-densities (row 0 the lowest y) or a .csv of both;
    /// may be repeated.
    #[arg(short, long, required = true)]
    pub(crate) out: Vec<PathBuf>,
}

/// A value by the name that configs use.
pub(super) fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    toml::Value::String(name.to_owned())
        .try_into()
        .map_err(|error: toml::de::Error| error.message().to_owned())
}
