//! `cargo xtask test`.

use anyhow::Result;

use crate::{
    cargo,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// Provides libtorch, then becomes `cargo test`, so that cargo's summary and exit status are the last word.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu)?;
    let mut command = cargo::command(workspace, "test");
    if !selects_packages(args) {
        command.arg("--workspace");
    }
    Err(cargo::become_it(command.args(args)))
}

fn selects_packages(args: &[String]) -> bool {
    let mut own = args.iter().take_while(|arg| *arg != "--");
    own.any(|arg| arg.starts_with("-p") || arg.starts_with("--package") || arg == "--workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_selected_by_cargo_arguments_only() {
        let check =
            |args: &[&str]| selects_packages(&args.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(check(&["-p", "interflow-core"]));
        assert!(check(&["--package=interflow-core"]));
        assert!(!check(&["--release"]));
        assert!(!check(&["--", "-p"]));
    }
}
