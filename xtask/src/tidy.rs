//! Rules of house style that no compiler checks.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{config, workspace::Workspace};

/// Files of crates that are longer want splitting.
const MAX_LINES: usize = 400;

/// Names that say nothing of what's inside.
const VAGUE: [&str; 6] = ["util", "utils", "common", "misc", "helper", "helpers"];

/// The only crate that may hold `unsafe`, and the one file beside it, which reads pointers out of Python's capsules.
const FFI: &str = "crates/libtorch";
const CAPSULES: &str = "crates/python/src/capsule.rs";

/// Registries are for cargo and pip to choose, homes are someone's. In pieces, so that this file passes itself.
const PRIVATE: [&str; 8] = [
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("download.pytorch", ".org"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
];

/// Checks all files that git does not ignore; the error lists everything that's wrong.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let root = workspace.root();
    let mut files = Vec::new();
    collect(root, &ignored(root), &mut files)?;
    files.sort();
    let mut faults = Vec::new();
    for path in &files {
        // What is not text (pictures, archives) has no style.
        if let Ok(text) = fs::read_to_string(root.join(path)) {
            faults.extend(of_file(path, &text));
        }
    }
    faults.extend(of_configs(&workspace.configs())?);
    if !faults.is_empty() {
        bail!(
            "the workspace is not tidy\n  {}\nhint: the rules are in xtask/src/tidy.rs",
            faults.join("\n  ")
        );
    }
    Ok(())
}

/// The names in the root that git ignores.
fn ignored(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let names = text.lines().map(|line| line.trim().trim_matches('/').to_owned());
    names.chain([".git".to_owned()]).filter(|name| !name.is_empty()).collect()
}

fn collect(dir: &Path, ignored: &[String], files: &mut Vec<PathBuf>) -> Result<()> {
    let mut pending = vec![PathBuf::new()];
    while let Some(folder) = pending.pop() {
        let context = || format!("cannot list {}", dir.join(&folder).display());
        for entry in fs::read_dir(dir.join(&folder)).with_context(context)? {
            let entry = entry.with_context(context)?;
            let path = folder.join(entry.file_name());
            if ignored.iter().any(|name| path == Path::new(name)) {
                continue;
            }
            let kind = entry.file_type().with_context(context)?;
            let list = if kind.is_dir() { &mut pending } else { &mut *files };
            list.push(path);
        }
    }
    Ok(())
}

fn of_file(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if is_rust(path) && in_crate_source(path) && lines > MAX_LINES {
        faults.push(format!("{shown}: {lines} lines, more than {MAX_LINES}: split it by nouns"));
    }
    if let Some(name) = vague(path).filter(|_| is_rust(path)) {
        faults.push(format!("{shown}: `{name}` says nothing: name what is inside"));
    }
    if lifts_unsafe(path, text) {
        faults.push(format!("{shown}: unsafe code belongs to {FFI}; to send a signal, run `kill`"));
    }
    // The lock file's URLs are cargo's own.
    if !path.ends_with("Cargo.lock") {
        faults.extend(
            private(text).map(|(line, part)| format!("{shown}:{line}: names a registry or a home: {part}")),
        );
    }
    faults
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn in_crate_source(path: &Path) -> bool {
    let mut parts = path.iter();
    parts.next().is_some_and(|part| part == "crates") && parts.nth(1).is_some_and(|part| part == "src")
}

fn vague(path: &Path) -> Option<&'static str> {
    let stem = path.with_extension("");
    VAGUE.into_iter().find(|name| stem.iter().any(|part| part == *name))
}

fn private(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let numbered = text.lines().zip(1..);
    numbered.filter_map(|(line, number)| Some((number, PRIVATE.into_iter().find(|part| names(line, part))?)))
}

/// Whether the line holds this host, or this folder at the beginning of a path.
fn names(line: &str, part: &str) -> bool {
    line.match_indices(part).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !part.starts_with('/') || before.is_none_or(|c| !(c.is_alphanumeric() || "._-~/}".contains(c)))
    })
}

/// `unsafe` needs the workspace's lint to be lifted, by an attribute or a manifest.
fn lifts_unsafe(path: &Path, text: &str) -> bool {
    let lifting: &[&str] = if is_rust(path) {
        &[concat!("allow(", "unsafe_code"), concat!("expect(", "unsafe_code")]
    } else if path.ends_with("Cargo.toml") {
        &["unsafe_code = \"allow\"", "unsafe_code = \"warn\""]
    } else {
        &[]
    };
    !path.starts_with(FFI) && path != Path::new(CAPSULES) && lifting.iter().any(|how| text.contains(how))
}

/// Every config is explained in the folder's README.
fn of_configs(configs: &Path) -> Result<Vec<String>> {
    if !configs.exists() {
        return Ok(Vec::new());
    }
    let readme = fs::read_to_string(configs.join("README.md")).unwrap_or_default();
    let words: Vec<_> = readme.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c))).collect();
    let unexplained = config::names(configs)?.into_iter().filter(|name| !words.contains(&name.as_str()));
    Ok(unexplained.map(|name| format!("configs/README.md: does not mention {name}.toml")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(of_file(path.as_ref(), text), expected);
    }

    #[test]
    fn the_workspace_is_tidy() {
        super::check(&Workspace::open().unwrap()).unwrap();
    }

    #[test]
    fn long_sources_are_named() {
        let text = "//\n".repeat(401);
        check(
            "crates/core/src/a/b.rs",
            &text,
            &["crates/core/src/a/b.rs: 401 lines, more than 400: split it by nouns"],
        );
        check("crates/core/src/b.rs", &"//\n".repeat(400), &[]);
        check("crates/core/tests/b.rs", &text, &[]);
    }

    #[test]
    fn vague_names_are_named() {
        check(
            "crates/core/src/utils.rs",
            "",
            &["crates/core/src/utils.rs: `utils` says nothing: name what is inside"],
        );
        check(
            "tests/common/mod.rs",
            "",
            &["tests/common/mod.rs: `common` says nothing: name what is inside"],
        );
        check("crates/core/src/commonly.rs", "", &[]);
    }

    #[test]
    fn registries_and_homes_are_named() {
        let home = concat!("/ho", "me/");
        check(
            "README.md",
            &format!("fine\ncd {home}me"),
            &[&format!("README.md:2: names a registry or a home: {home}")],
        );
        check("README.md", &format!("$DIR{home}x and docs{home}x"), &[]);
        check("Cargo.lock", PRIVATE[2], &[]);
        check("ci.yml", PRIVATE[0], &[&format!("ci.yml:1: names a registry or a home: {}", PRIVATE[0])]);
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn unsafe_code_has_one_home() {
        let lift = concat!("#[allow(", "unsafe_code)]");
        let fault = |path: &str| {
            format!("{path}: unsafe code belongs to crates/libtorch; to send a signal, run `kill`")
        };
        check("crates/libtorch/src/lib.rs", lift, &[]);
        check("crates/core/src/rng.rs", lift, &[&fault("crates/core/src/rng.rs")]);
        check("crates/libtorch/Cargo.toml", "unsafe_code = \"allow\"", &[]);
        check("tests/Cargo.toml", "unsafe_code = \"allow\"", &[&fault("tests/Cargo.toml")]);
    }

    #[test]
    fn unexplained_configs_are_named() {
        let dir = folder(&[("README.md", "`moons.toml`: two moons"), ("moons.toml", ""), ("moon.toml", "")]);
        assert_eq!(of_configs(dir.path()).unwrap(), ["configs/README.md: does not mention moon.toml"]);
    }

    #[test]
    fn ignored_folders_are_left_alone() {
        let dir = folder(&[(".gitignore", "/target\n"), ("target/utils.rs", ""), ("src/target/a.rs", "")]);
        let mut files = Vec::new();
        collect(dir.path(), &ignored(dir.path()), &mut files).unwrap();
        files.sort();
        assert_eq!(files, [Path::new(".gitignore"), Path::new("src/target/a.rs")]);
    }
}
