//! The arrows within a crate: which module uses what another one defines.
//!
//! Modules that use each other cannot be understood one at a time. So a circle of modules is refused, unless it
//! consists of a parent and direct children of it, as where children use what their parent defines and the parent
//! uses them. A re-export counts as a use of the module that defines the item, so `use crate::Error` leads to
//! `crate::error` and not to the root. Code under `#[cfg(test)]` may do as it likes.
//!
//! Read are paths: in `use`, in expressions and types, in macro calls and in attributes. A method call names no
//! module, but the type that it is called on came from somewhere.

mod circle;
mod graph;
mod mention;
mod name;
mod source;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{cargo, workspace::Workspace};

/// The kinds of targets that hold a package's own code, as cargo names them.
const KINDS: [&str; 5] = ["lib", "rlib", "cdylib", "proc-macro", "bin"];

/// Checks every library and program of the workspace; the error lists all circles with a line for each arrow.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut faults = Vec::new();
    for target in targets(&cargo::metadata(workspace)?)? {
        let found = faults_of(&target.root, workspace.root())?;
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", target.name)));
    }
    if !faults.is_empty() {
        bail!(
            "modules use each other in circles: {}\n  {}\n\
             hint: move what both sides need into a module of its own; the rule is in xtask/src/modules/mod.rs",
            faults.len(),
            faults.join("\n  ")
        );
    }
    Ok(())
}

/// A library or a program of a package.
struct Target {
    name: String,
    /// The file at the root of its modules.
    root: PathBuf,
}

fn targets(metadata: &Value) -> Result<Vec<Target>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut found = Vec::new();
    for package in packages {
        let targets = package["targets"].as_array().context("cargo metadata lists no targets")?;
        for target in targets.iter().filter(|target| holds_code(target)) {
            let text = |value: &Value| value.as_str().map(str::to_owned).context("unexpected cargo metadata");
            found.push(Target { name: text(&package["name"])?, root: text(&target["src_path"])?.into() });
        }
    }
    Ok(found)
}

fn holds_code(target: &Value) -> bool {
    let kinds = target["kind"].as_array().into_iter().flatten().filter_map(Value::as_str);
    kinds.into_iter().any(|kind| KINDS.contains(&kind))
}

/// The circles of the target with this root file, each on several lines; files are named from `base`.
fn faults_of(root: &Path, base: &Path) -> Result<Vec<String>> {
    let modules = source::read(root)?;
    let graph = graph::Graph::of(&modules);
    let circles = circle::forbidden(&graph);
    Ok(circles.iter().map(|circle| described(circle, &graph, &modules, base)).collect())
}

fn described(circle: &[usize], graph: &graph::Graph, modules: &[source::Module], base: &Path) -> String {
    let closed: Vec<_> = circle.iter().chain(circle.first()).copied().collect();
    let names: Vec<_> = closed.iter().map(|&it| modules[it].name.as_str()).collect();
    let arrows = closed.windows(2).filter_map(|pair| {
        let mention = graph.example(pair[0], pair[1])?;
        let from = &modules[pair[0]];
        let file = from.file.strip_prefix(base).unwrap_or(&from.file).display();
        let (line, path) = (mention.line, mention.path.join("::"));
        Some(format!("\n      {} -> {}: {file}:{line}: {path}", from.name, modules[pair[1]].name))
    });
    names.join(" -> ") + &arrows.collect::<String>()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    /// The circles of a crate with these files, without their examples.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let first_line = |fault: &String| fault.lines().next().map(str::to_owned);
        faults(files).iter().filter_map(first_line).collect()
    }

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        faults_of(&dir.path().join(files[0].0), dir.path()).unwrap()
    }

    /// The circles of a crate in one file.
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(circles(&[("lib.rs", text)]), expected, "{text}");
    }

    #[test]
    fn uses_one_way_are_no_circle() {
        check(
            "mod a { use crate::{b::B, c}; fn f(_: B) { c::f() } }
             mod b { pub struct B; impl B { fn f(&self) { super::c::f() } } }
             mod c { pub fn f() {} }",
            &[],
        );
    }

    #[test]
    fn siblings_that_use_each_other_are_named_with_lines() {
        let found = faults(&[
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a.rs", "//! A.\nuse crate::b::B;\npub struct A(B);"),
            ("src/b/mod.rs", "\n\npub struct B;\nimpl B { fn a(&self) -> Option<super::a::A> { None } }"),
        ]);
        let expected = "a -> b -> a\n      \
                        a -> b: src/a.rs:2: crate::b::B\n      \
                        b -> a: src/b/mod.rs:4: super::a::A";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_parent_and_its_children_may_use_each_other() {
        check(
            "mod a { mod b { use super::{A, c::C}; pub fn f(_: A, _: C) {} } mod c { pub struct C(super::A); }
             pub struct A; fn g() { b::f() } }",
            &[],
        );
        check(
            "mod a { pub struct A; mod b { pub struct B(super::A); mod c { pub struct C(super::B); } use c::C; } use b::B; }",
            &[],
        );
    }

    #[test]
    fn children_in_a_circle_stay_one_beside_their_parent() {
        check(
            "mod a { mod b { pub struct B(super::A, super::c::C); } mod c { pub struct C(super::b::B); }
             pub struct A; use b::B; }",
            &["a::b -> a::c -> a::b"],
        );
    }

    #[test]
    fn grandparents_close_a_circle() {
        check(
            "mod a { pub mod b { pub fn f() -> crate::Root { crate::Root } } pub fn g() { b::f(); } }
             pub struct Root; fn h() { a::g() }",
            &["crate -> a -> a::b -> crate"],
        );
    }

    #[test]
    fn re_exports_lead_to_the_definition() {
        let error = "mod error { pub struct Error; } pub use error::Error;";
        check(
            &format!("{error} mod a {{ use crate::Error; pub fn f(_: Error) {{}} }} fn g() {{ a::f() }}"),
            &[],
        );
        check(
            "pub use a::A; pub use self::b::{B as Bee}; mod a { pub struct A(crate::Bee); } mod b { pub struct B(super::A); }",
            &["a -> b -> a"],
        );
        check(
            "pub use a::*; mod a { pub struct A; fn f() { crate::b::f() } } mod b { use crate::A; pub fn f() {} }",
            &["a -> b -> a"],
        );
    }

    #[test]
    fn modules_and_functions_of_one_name_are_told_apart() {
        check(
            "mod a; mod b; pub use a::a; pub use b::b;"
                .replace("mod a;", "mod a { use crate::b; pub fn a() { b::other(); b() } }")
                .replace("mod b;", "mod b { pub fn b() {} pub fn other() { crate::a() } }")
                .as_str(),
            &["a -> b -> a"],
        );
    }

    #[test]
    fn macros_and_attributes_are_read() {
        check(
            "mod a { pub fn f() { println!(\"{}\", [crate::b::B]) } }
             mod b { pub struct B(#[serde(with = \"crate::a\", default = \"crate::a::f\")] u8); }",
            &["a -> b -> a"],
        );
    }

    #[test]
    fn tests_do_not_count() {
        check(
            "mod a { #[cfg(test)] mod tests { use crate::b::B; } #[cfg(all(test, unix))] use crate::b::f; pub struct A; }
             mod b { pub struct B(crate::a::A); impl B { #[cfg(test)] fn g() { crate::a::tests::f() } } }
             #[cfg(test)] mod missing;",
            &[],
        );
        check(
            "mod a { #[cfg(not(test))] use crate::b::B; pub struct A; } mod b { pub struct B(crate::a::A); }",
            &["a -> b -> a"],
        );
    }

    #[test]
    fn names_of_other_crates_are_none_of_ours() {
        check(
            "mod a { use error::Error; use ::b::B; use std::fmt; pub struct A; }
             mod b { pub struct B(crate::a::A); } mod error { pub struct Error(crate::a::A); }",
            &[],
        );
    }

    #[test]
    fn every_circle_is_listed() {
        check(
            "mod a { pub fn f() { crate::b::f(); crate::c::f() } } mod b { pub fn f() { crate::a::f() } }
             mod c { pub fn f() { crate::d::f() } } mod d { pub fn f() { crate::a::f() } }
             mod e { pub fn f() { crate::a::f() } }",
            &["a -> b -> a", "a -> c -> d -> a"],
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("lib.rs");
        fs::write(&root, "mod gone;").unwrap();
        let error = faults_of(&root, dir.path()).unwrap_err().to_string();
        assert!(error.contains("lib.rs: no file of the module: gone"), "{error}");
    }

    #[test]
    fn libraries_and_programs_are_targets() {
        let target = |kind: &str| json!({"kind": [kind], "src_path": format!("/w/{kind}.rs")});
        let kinds = ["lib", "bin", "test", "custom-build", "bench", "example"].map(target);
        let found = targets(&json!({"packages": [{"name": "one", "targets": kinds}]})).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.root.as_path())).collect();
        assert_eq!(found, [("one", Path::new("/w/lib.rs")), ("one", Path::new("/w/bin.rs"))]);
    }
}
