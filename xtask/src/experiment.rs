//! `cargo xtask experiment`.

use std::{
    ffi::OsString,
    io::{Write as _, stdout},
    path::{Path, absolute},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow};

use crate::{
    cargo,
    catalogue::{Catalogue, Check, DataSet},
    config::{self, Config},
    fetch::{Fetch, Patience},
    flags,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Lists the experiments, or checks that one can run, builds the program and becomes it.
pub(crate) fn run(workspace: &Workspace, flags: &flags::Experiment) -> Result<()> {
    match &flags.name {
        Some(name) if !flags.list => start(workspace, name, flags),
        _ => list(&workspace.configs()),
    }
}

fn start(workspace: &Workspace, name: &str, flags: &flags::Experiment) -> Result<()> {
    let config = Config::read(&workspace.configs(), name)?;
    let data = workspace.data(flags.data.as_deref());
    let catalogue = Catalogue::read(workspace)?;
    let needed = config.data_sets(&catalogue, &flags.set);
    if flags.fetch {
        let fetch = Fetch { dir: &data, mirror: flags.mirror.as_deref(), patience: Patience::USUAL };
        needed.iter().filter(|set| !set.is_whole(&data, Check::Size)).try_for_each(|set| fetch.set(set))?;
    }
    require(&needed, &data).map_err(|error| {
        let ready = ready(&workspace.configs(), &catalogue, &data).unwrap_or_default();
        let alternatives = alternatives(ready, config.target().as_deref());
        anyhow!("cannot run the experiment `{name}`: {error:#}{alternatives}")
    })?;

    libtorch::provide(workspace, Flavour::Cpu)?;
    cargo::run(cargo::command(workspace, "build").args(["--release", "--package", "interflow-cli"]))?;
    let program = cargo::target_dir(workspace)?.join("release/interflow");
    let data = if needed.is_empty() { flags.data.as_deref() } else { Some(data.as_path()) };
    Err(cargo::become_it(&mut command(workspace, &program, &arguments(name, flags, data)?)))
}

fn require(needed: &[&DataSet], data: &Path) -> Result<()> {
    needed.iter().try_for_each(|set| set.require(data, Check::Size))
}

/// A hint at the experiments that can run now, those whose target is of the same kind first.
fn alternatives(mut ready: Vec<(String, Config)>, kind: Option<&str>) -> String {
    ready.sort_by_key(|(_, config)| config.target().as_deref() != kind);
    let names: Vec<&str> = ready.iter().map(|(name, _)| name.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => format!("\nhint: this can run now: cargo xtask experiment {name}"),
        [name, others @ ..] => format!(
            "\nhint: this can run now: cargo xtask experiment {name}\n      \
             as can the experiments: {}",
            others.join(", ")
        ),
    }
}

/// The experiments whose data are there, if they need any.
fn ready(configs: &Path, catalogue: &Catalogue, data: &Path) -> Result<Vec<(String, Config)>> {
    let config = |name: String| Some((Config::read(configs, &name).ok()?, name));
    let ready = config::names(configs)?.into_iter().filter_map(config);
    let ready = ready.filter(|(config, _)| require(&config.data_sets(catalogue, &[]), data).is_ok());
    Ok(ready.map(|(config, name)| (name, config)).collect())
}

fn list(configs: &Path) -> Result<()> {
    let names = config::names(configs)?;
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for name in names {
        let config = Config::read(configs, &name)?;
        writeln!(stdout(), "{name:<width$}  {}", config.description()).context("cannot print the list")?;
    }
    Ok(())
}

/// The program, started in the workspace's root with libtorch on the loader's path.
fn command(workspace: &Workspace, program: &Path, arguments: &[OsString]) -> Command {
    let mut command = Command::new(workspace.runner());
    command.arg(program).args(arguments).current_dir(workspace.root());
    command
}

/// The program's arguments. It runs in the root, so paths given relative to elsewhere are made absolute.
fn arguments(name: &str, flags: &flags::Experiment, data: Option<&Path>) -> Result<Vec<OsString>> {
    let mut arguments: Vec<OsString> = vec!["experiment".into(), format!("configs/{name}.toml").into()];
    for (flag, path) in [
        ("--data", data),
        ("--out", flags.out.as_deref()),
        ("--resume", flags.resume.as_deref()),
        ("--from", flags.from.as_deref()),
    ] {
        if let Some(path) = path {
            let path = absolute(path).with_context(|| format!("not a path, {flag} {}", path.display()))?;
            arguments.extend([flag.into(), path.into()]);
        }
    }
    let seed = flags.seed.map(|seed| seed.to_string());
    let processes = flags.processes.map(|processes| processes.to_string());
    for (flag, value) in [
        ("--device", flags.device.clone()),
        ("--seed", seed),
        ("--threads", flags.threads.clone()),
        ("--processes", processes),
    ] {
        arguments.extend(value.into_iter().flat_map(|value| [flag.into(), value.into()]));
    }
    arguments.extend(flags.set.iter().flat_map(|set| ["--set".into(), set.into()]));
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::flags::{Command as Subcommand, Flags};

    fn parsed(args: &[&str]) -> flags::Experiment {
        let command = Flags::parse_from(["xtask", "experiment"].iter().chain(args)).command;
        let Subcommand::Experiment(flags) = command else { panic!("not an experiment") };
        flags
    }

    fn check(args: &[&str], expected: &[&str]) {
        let flags = parsed(args);
        let data = flags.data.as_deref();
        assert_eq!(arguments("moons", &flags, data).unwrap(), expected);
    }

    #[test]
    fn nothing_asked_nothing_passed() {
        check(&["moons"], &["experiment", "configs/moons.toml"]);
    }

    #[test]
    fn every_option_is_passed_on() {
        check(
            &[
                "moons",
                "--data=/d",
                "--out=/o",
                "--device=cuda:1",
                "--seed=7",
                "--threads=2",
                "--processes=3",
                "--resume=/r",
                "--set=a.b=1",
            ],
            &[
                "experiment",
                "configs/moons.toml",
                "--data",
                "/d",
                "--out",
                "/o",
                "--resume",
                "/r",
                "--device",
                "cuda:1",
                "--seed",
                "7",
                "--threads",
                "2",
                "--processes",
                "3",
                "--set",
                "a.b=1",
            ],
        );
    }

    #[test]
    fn a_flow_to_study_is_passed_on() {
        check(&["moons", "--from=/f"], &["experiment", "configs/moons.toml", "--from", "/f"]);
    }

    #[test]
    fn relative_paths_are_made_absolute() {
        let arguments = arguments("moons", &parsed(&["moons", "--out", "o"]), None).unwrap();
        assert_eq!(arguments[3], absolute("o").unwrap());
    }
}
