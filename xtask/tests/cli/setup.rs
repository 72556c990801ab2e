//! `cargo xtask setup` on machines that have, or lack, this and that.

use std::{fs, path::Path, process::Command};

use crate::workspace::{Workspace, linked, stderr, stdout};

/// Runs `setup`, which must fail with a message that has all these parts, and leave no half-made tree.
fn check_failure(workspace: &Workspace, parts: &[&str]) {
    let output = workspace.xtask(&["setup"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    for part in parts {
        assert!(stderr(&output).contains(part), "no {part:?} in {}", stderr(&output));
    }
    let left = fs::read_dir(workspace.path("cache/interflow")).unwrap().flatten();
    assert!(
        left.map(|entry| entry.file_name())
            .all(|name| Path::new(&name).extension().is_some_and(|it| it == "lock"))
    );
    assert_eq!(linked(workspace), Path::new("nothing"));
}

/// A Python without torch, whose pip fails with these words.
fn python(workspace: &Workspace, words: &str) {
    let text = format!("#!/bin/sh\ncase \"$*\" in *pip*) echo \"{words}\" >&2; exit 1 ;; esac\necho\n");
    workspace.script("bin/python3", &text);
}

#[test]
fn without_python_the_message_names_both_ways_out() {
    check_failure(&Workspace::new(), &["there is no python3", "install Python 3 with pip", "LIBTORCH"]);
}

#[test]
fn without_pip_the_message_says_how_to_get_it() {
    let workspace = Workspace::new();
    python(&workspace, "python3: No module named pip");
    check_failure(&workspace, &["python3 has no pip", "python3 -m ensurepip", "LIBTORCH"]);
}

#[test]
fn offline_the_message_says_so() {
    let workspace = Workspace::new();
    python(&workspace, "connection broken by 'NewConnectionError'");
    check_failure(&workspace, &["pip cannot reach its index", "check the network", "LIBTORCH"]);
}

#[test]
fn libtorch_of_the_user_comes_first() {
    let workspace = Workspace::new();
    let own = workspace.libtorch("own", "2.11.0+cpu");
    let output = workspace.xtask(&["setup"]).env("LIBTORCH", &own).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output).trim(), own.to_str().unwrap());
    assert_eq!(linked(&workspace), own);
}

#[test]
fn libtorch_of_another_version_is_passed_over() {
    let workspace = Workspace::new();
    let (old, new) = (workspace.libtorch("old", "2.5.1"), workspace.libtorch("site/torch", "2.11.0"));
    workspace.script("bin/python3", &format!("#!/bin/sh\necho {}\n", new.display()));
    let output = workspace.xtask(&["setup"]).env("LIBTORCH", &old).output().unwrap();
    assert!(stderr(&output).contains("libtorch 2.5.1, but Interflow needs 2.11.0"), "{}", stderr(&output));
    assert_eq!(linked(&workspace), new);
}

#[test]
fn what_the_link_points_at_is_kept() {
    let workspace = Workspace::new();
    let own = workspace.libtorch("own", "2.11.0");
    std::os::unix::fs::symlink(&own, workspace.path(".libtorch")).unwrap();
    let output = workspace.xtask(&["setup"]).env("LIBTORCH", workspace.path(".libtorch")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "nothing changed, so there is nothing to say");
}

/// What a shell that evaluates these lines then says of this variable.
fn evaluated(lines: &str, variable: &str, before: &str) -> String {
    let script = format!("{lines}\nprintf %s \"${variable}\"");
    let output = Command::new("sh").args(["-c", &script]).env_clear().env(variable, before).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn lines_for_the_shell_are_all_that_goes_to_stdout() {
    let workspace = Workspace::new();
    let own = workspace.libtorch("o \"$wn", "2.11.0");
    let output = workspace.xtask(&["setup", "--env"]).env("LIBTORCH", &own).output().unwrap();
    let lines = stdout(&output);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(stderr(&output).contains(".libtorch -> "), "{}", stderr(&output));
    let own = own.to_str().unwrap();
    assert_eq!(evaluated(&lines, "LIBTORCH", ""), own);
    let loader = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
    assert_eq!(evaluated(&lines, loader, ""), format!("{own}/lib"));
    assert_eq!(evaluated(&lines, loader, "/a b:/c"), format!("{own}/lib:/a b:/c"));
}

#[test]
fn lines_for_the_shell_are_plain() {
    let workspace = Workspace::new();
    let own = workspace.libtorch("own", "2.11.0");
    let output = workspace.xtask(&["setup", "--env"]).env("LIBTORCH", &own).output().unwrap();
    let own = own.display();
    assert!(stdout(&output).starts_with(&format!("export LIBTORCH=\"{own}\"\nexport ")));
}
