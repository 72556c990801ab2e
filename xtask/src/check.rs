//! `cargo xtask check` and `cargo xtask ci`: stages, the cheapest first.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{
    cargo, layers,
    libtorch::{self, Flavour},
    modules, results, test, tidy,
    workspace::Workspace,
};

/// One stage by its name.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    name: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

/// Every stage.
pub(crate) const ALL: &[Stage] = &[
    Stage { name: "fmt", run: fmt },
    Stage { name: "layers", run: layers::check },
    Stage { name: "modules", run: modules::check },
    Stage { name: "tidy", run: tidy::check },
    Stage { name: "results", run: results::check },
    Stage { name: "setup", run: setup },
    Stage { name: "clippy", run: clippy },
    Stage { name: "docs", run: docs },
    Stage { name: "test", run: tests },
];

/// The stages less the tests.
pub(crate) const WITHOUT_TESTS: &[Stage] = ALL.split_at(ALL.len() - 1).0;

/// The stage of this name alone, or every stage.
pub(crate) fn chosen(only: Option<&str>) -> Vec<Stage> {
    ALL.iter().copied().filter(|stage| only.is_none_or(|name| name == stage.name)).collect()
}

/// The names of all stages, in their order.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter().map(|stage| stage.name).collect()
}

/// Runs the stages up to the first that fails, with a line for each.
pub(crate) fn run(workspace: &Workspace, stages: &[Stage]) -> Result<()> {
    let started = Instant::now();
    for stage in stages {
        let started = Instant::now();
        let outcome = (stage.run)(workspace);
        let state = if outcome.is_ok() { "ok" } else { "FAILED" };
        eprintln!("{:<8} {state} in {:.1} s", stage.name, started.elapsed().as_secs_f64());
        outcome.with_context(|| format!("stage {}", stage.name))?;
    }
    if stages.len() > 1 {
        eprintln!("all {} stages passed in {:.1} s", stages.len(), started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn fmt(workspace: &Workspace) -> Result<()> {
    let run = cargo::run(cargo::command(workspace, "fmt").args(["--all", "--check"]));
    run.context("not formatted (run `cargo fmt`), or no rustfmt (run `rustup component add rustfmt`)")
}

fn setup(workspace: &Workspace) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu).map(drop)
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let mut clippy = cargo::command(workspace, "clippy");
    let run = cargo::run(clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]));
    run.context("clippy objects, or is missing (run `rustup component add clippy`)")
}

fn docs(workspace: &Workspace) -> Result<()> {
    let mut doc = cargo::command(workspace, "doc");
    cargo::run(doc.args(["--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests(workspace: &Workspace) -> Result<()> {
    cargo::run(test::command(workspace).args(test::EVERYTHING))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn the_first_failure_stops() {
        let stage = |name, run: fn(&Workspace) -> Result<()>| Stage { name, run };
        let unreached = |_: &Workspace| -> Result<()> { panic!("ran on after a failure") };
        let stages =
            [stage("first", |_| Ok(())), stage("second", |_| bail!("it broke")), stage("third", unreached)];
        let error = run(&Workspace::at("/".as_ref()), &stages).unwrap_err();
        assert_eq!(format!("{error:#}"), "stage second: it broke");
    }

    #[test]
    fn one_stage_can_be_chosen() {
        let names = |only| chosen(only).iter().map(|stage| stage.name).collect::<Vec<_>>();
        assert_eq!(names(Some("modules")), ["modules"]);
        assert_eq!(names(None), super::names());
    }

    #[test]
    fn only_the_tests_are_left_out() {
        let names = |stages: &[Stage]| stages.iter().map(|stage| stage.name).collect::<Vec<_>>();
        assert_eq!(names(ALL), [names(WITHOUT_TESTS), vec!["test"]].concat());
    }
}
