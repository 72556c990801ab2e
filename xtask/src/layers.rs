//! The architecture's arrows: who may depend on whom.
//!
//! A crate may depend only on crates of a lower layer, so siblings never see each other and there's no way back.
//! That holds for build dependencies and dev-dependencies too: a test that needs a higher layer belongs to the
//! crate of that layer, or to `tests/`. ARCHITECTURE.md names exactly the crates that exist.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{cargo, workspace::Workspace};

/// The layers, lowest first. A crate that is in none may not exist; one that's named may be missing.
const LAYERS: &[&[&str]] = &[
    &["interflow-libtorch", "interflow-core"],
    &["interflow-models", "interflow-solvers", "interflow-data", "interflow-metrics"],
    &["interflow-train"],
    &["interflow-transport"],
    &["interflow-flow", "interflow-figure"],
    &["interflow-study", "interflow"],
    &["interflow-cli", "interflow-python"],
    &["interflow-tests", "interflow-benches"],
    &["interflow-fuzz"],
];

/// The crate for those who use Interflow as a library. The program has the same name.
const FACADE: &str = "interflow";

/// Crates that depend on no other crate of the workspace, nor on libtorch, and why.
const APART: [(&str, &str); 2] =
    [("xtask", "it's what provides libtorch"), ("interflow-figure", "it draws plain numbers")];

/// What libtorch comes with.
const LIBTORCH: [&str; 2] = ["tch", "torch-sys"];

/// Checks the workspace's arrows and ARCHITECTURE.md; the error lists everything that's wrong.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let packages = packages(&cargo::metadata(workspace)?)?;
    let mut faults = arrows(&packages);
    match fs::read_to_string(workspace.root().join("ARCHITECTURE.md")) {
        Ok(text) => faults.extend(architecture(&text, &packages)),
        Err(error) => faults.push(format!("cannot read ARCHITECTURE.md: {error}")),
    }
    if !faults.is_empty() {
        bail!("the layers don't hold\n  {}\nhint: the rules are in xtask/src/layers.rs", faults.join("\n  "));
    }
    Ok(())
}

/// A package of the workspace and the names of all its dependencies.
struct Package {
    name: String,
    dependencies: Vec<String>,
    /// Whether it lies in `crates/`: those make up the architecture.
    in_crates: bool,
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(|package| Package::parse(package).context("unexpected cargo metadata")).collect()
}

impl Package {
    fn parse(package: &Value) -> Option<Self> {
        let dependencies = package["dependencies"].as_array()?;
        let manifest = Path::new(package["manifest_path"].as_str()?);
        Some(Self {
            name: package["name"].as_str()?.to_owned(),
            dependencies: dependencies
                .iter()
                .filter_map(|it| Some(it["name"].as_str()?.to_owned()))
                .collect(),
            in_crates: manifest.parent()?.parent()?.ends_with("crates"),
        })
    }
}

fn arrows(packages: &[Package]) -> Vec<String> {
    let known: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let pairs = packages.iter().flat_map(|package| package.dependencies.iter().map(move |to| (package, to)));
    let faults = pairs.filter(|(_, to)| known.contains(to.as_str()) || LIBTORCH.contains(&to.as_str()));
    let homeless =
        packages.iter().filter(|package| package.name != "xtask" && layer(&package.name).is_none());
    let homeless = homeless.map(|package| format!("{} is in no layer", package.name));
    faults.filter_map(|(package, to)| fault(&package.name, to)).chain(homeless).collect()
}

/// What's wrong with this arrow, if anything is.
fn fault(from: &str, to: &str) -> Option<String> {
    if let Some((_, reason)) = APART.iter().find(|(name, _)| *name == from) {
        return Some(format!("{from} must not depend on {to}: {reason}"));
    }
    if LIBTORCH.contains(&to) {
        return None;
    }
    match (layer(from), layer(to)) {
        (Some(upper), Some(lower)) if upper > lower => None,
        (Some(one), Some(other)) if one == other => {
            Some(format!("{from} must not depend on its sibling {to}"))
        }
        _ => Some(format!("{from} must not depend on {to}: arrows point to lower layers only")),
    }
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

/// Compares the crates named in the text with those that exist. All in `crates/` must be named.
fn architecture(text: &str, packages: &[Package]) -> Vec<String> {
    let named = named_crates(text);
    let exists = |name: &str| packages.iter().any(|package| package.name == name);
    let unknown = named.iter().filter(|name| **name != FACADE && !exists(name));
    let unknown = unknown.map(|name| format!("ARCHITECTURE.md names a crate that doesn't exist: {name}"));
    let unnamed =
        packages.iter().filter(|package| package.in_crates && !named.contains(package.name.as_str()));
    let unnamed = unnamed.map(|package| format!("ARCHITECTURE.md doesn't name the crate {}", package.name));
    unknown.chain(unnamed).collect()
}

/// Every `interflow-…` in the text, be it in backticks or in a diagram, and the façade if it's in backticks.
fn named_crates(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_/.".contains(c)));
    let words = words.map(|word| word.trim_end_matches(['-', '.', '/']));
    let crates = words.filter(|word| word.starts_with("interflow-") && !word.contains(['.', '/']));
    crates.chain(text.split('`').skip(1).step_by(2).filter(|quoted| *quoted == FACADE)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(arrows: &[(&str, &[&str])]) -> Vec<Package> {
        let package = |(name, to): &(&str, &[&str])| {
            let kinds = [Value::Null, json!("build"), json!("dev")];
            let dependencies: Vec<_> = to
                .iter()
                .zip(kinds.iter().cycle())
                .map(|(to, kind)| json!({"name": to, "kind": kind}))
                .collect();
            json!({"name": name, "manifest_path": format!("/w/crates/{name}/Cargo.toml"), "dependencies": dependencies})
        };
        packages(&json!({"packages": arrows.iter().map(package).collect::<Vec<_>>()})).unwrap()
    }

    fn check(packages: &[(&str, &[&str])], expected: &[&str]) {
        assert_eq!(arrows(&workspace(packages)), expected);
    }

    #[test]
    fn arrows_downwards_hold() {
        check(
            &[
                ("interflow-core", &["tch", "serde"]),
                ("interflow-data", &["interflow-core"]),
                ("interflow-train", &["interflow-core", "interflow-data"]),
                ("interflow-figure", &["image"]),
                ("interflow-flow", &["interflow-train"]),
                ("interflow-study", &["interflow-flow", "interflow-figure"]),
                ("interflow", &["interflow-flow", "interflow-core"]),
                ("interflow-cli", &["interflow-train", "interflow-core", "interflow"]),
                ("interflow-tests", &["interflow-cli"]),
                ("xtask", &["clap"]),
            ],
            &[],
        );
    }

    #[test]
    fn arrows_upwards_do_not() {
        check(
            &[("interflow-core", &["interflow-train"]), ("interflow-train", &[])],
            &["interflow-core must not depend on interflow-train: arrows point to lower layers only"],
        );
    }

    #[test]
    fn siblings_are_strangers_in_dev_dependencies_too() {
        check(
            &[
                ("interflow-models", &[]),
                ("interflow-core", &[]),
                ("interflow-solvers", &["a", "b", "interflow-models"]),
            ],
            &["interflow-solvers must not depend on its sibling interflow-models"],
        );
    }

    #[test]
    fn xtask_stands_apart() {
        let reason = "it's what provides libtorch";
        check(
            &[("xtask", &["tch", "interflow-core"]), ("interflow-core", &[])],
            &[
                &format!("xtask must not depend on tch: {reason}"),
                &format!("xtask must not depend on interflow-core: {reason}"),
            ],
        );
        check(
            &[("interflow-tests", &["xtask"]), ("xtask", &[])],
            &["interflow-tests must not depend on xtask: arrows point to lower layers only"],
        );
    }

    #[test]
    fn pictures_are_of_plain_numbers() {
        check(
            &[("interflow-figure", &["image", "interflow-core", "tch"]), ("interflow-core", &[])],
            &[
                "interflow-figure must not depend on interflow-core: it draws plain numbers",
                "interflow-figure must not depend on tch: it draws plain numbers",
            ],
        );
    }

    #[test]
    fn every_crate_has_a_layer() {
        check(&[("interflow-extra", &[])], &["interflow-extra is in no layer"]);
    }

    #[test]
    fn architecture_names_exactly_the_crates() {
        let packages = workspace(&[("interflow-core", &[]), ("interflow-data", &[])]);
        assert!(architecture("`interflow-core` ← `interflow-data`.", &packages).is_empty());
        let diagram = "```\ninterflow-core  time\ninterflow-gone  old\n```\nsee ~/.cache/interflow-x/y";
        assert_eq!(
            architecture(diagram, &packages),
            [
                "ARCHITECTURE.md names a crate that doesn't exist: interflow-gone",
                "ARCHITECTURE.md doesn't name the crate interflow-data",
            ]
        );
    }

    #[test]
    fn the_facade_is_named_by_its_bare_word() {
        let packages = workspace(&[("interflow", &[]), ("interflow-core", &[])]);
        assert!(architecture("### `interflow`\n\nAbove `interflow-core`.", &packages).is_empty());
        let missing = ["ARCHITECTURE.md doesn't name the crate interflow"];
        assert_eq!(architecture("The word interflow, `interflow-core` interflow `x`.", &packages), missing);
        assert!(architecture("The program `interflow`.", &[]).is_empty());
    }
}
