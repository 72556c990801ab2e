//! `cargo xtask results`: what was measured, as a page and as a table in README.md, from one small file each.
//!
//! `docs/results/EXPERIMENT--MACHINE.json` holds one number of one run. The page and the table are written from these files and
//! from nothing else, and `cargo xtask check` holds them against them.

mod page;
mod record;
mod run;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use self::record::Record;
use crate::workspace::Workspace;

/// Where README.md's table begins and ends.
const BEGIN: &str = "<!-- results: written by `cargo xtask results` -->";
const END: &str = "<!-- end of results -->";

/// Adds the result of a run folder, made on `machine` rather than on what the run calls its processor, and writes the page and the table.
pub(crate) fn run(workspace: &Workspace, add: Option<&Path>, machine: Option<&str>) -> Result<()> {
    if let Some(run) = add {
        let record = run::record(run, machine)?;
        let file = workspace.results().join(record.file_name());
        fs::write(&file, record.text()?).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote {}", file.display());
    }
    for (file, text) in files(workspace)? {
        let path = workspace.root().join(file);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Checks that the page and the table are those of the files.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for (file, text) in files(workspace)? {
        if read(&workspace.root().join(file))? != text {
            bail!("{file} is not what docs/results says\nhint: run `cargo xtask results`");
        }
    }
    Ok(())
}

/// The files that are written, with their texts.
fn files(workspace: &Workspace) -> Result<[(&'static str, String); 2]> {
    let records = Record::all(&workspace.results())?;
    let readme = read(&workspace.root().join("README.md"))?;
    let readme = page::between(&readme, (BEGIN, END), &page::table(&records));
    let readme = readme.context("README.md lacks the marks of its table of results")?;
    Ok([("docs/results.md", page::whole(&records)), ("README.md", readme)])
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_and_table_are_up_to_date() {
        check(&Workspace::open().unwrap()).unwrap();
    }
}
