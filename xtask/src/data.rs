//! `cargo xtask data`.

use std::{
    io::{Write as _, stdout},
    path::Path,
};

use anyhow::{Context as _, Result};

use crate::{
    catalogue::{Catalogue, Check, DataSet},
    config,
    fetch::{Fetch, Patience},
    flags,
    workspace::Workspace,
};

/// Lists the data sets, or shows one, fetched if asked for; one that isn't whole is an error that says how to get it.
pub(crate) fn run(workspace: &Workspace, flags: &flags::Data) -> Result<()> {
    let check = if flags.verify { Check::Hash } else { Check::Size };
    let dir = workspace.data(flags.dir.as_deref());
    let catalogue = Catalogue::read(workspace)?;
    match &flags.name {
        Some(name) if !flags.list => {
            let set = named(&catalogue, name)?;
            if flags.fetch {
                Fetch { dir: &dir, mirror: flags.mirror.as_deref(), patience: Patience::USUAL }.set(set)?;
            }
            show(set, &dir, check)
        }
        _ => catalogue.all().try_for_each(|set| list(set, &dir, check)),
    }
}

fn named<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a DataSet> {
    catalogue.named(name).with_context(|| {
        let known = catalogue.all().map(|set| set.name.clone()).collect::<Vec<_>>();
        format!("no such data set: {name}\nhint: {}, or see --list", config::suggestion(name, &known))
    })
}

fn list(set: &DataSet, dir: &Path, check: Check) -> Result<()> {
    let files = set.files(dir, check);
    let state = files.iter().find_map(|file| file.state(dir, check).err());
    let state = state.map_or_else(|| "present".to_owned(), |error| format!("{error:#}"));
    let bytes: Option<u64> = files.iter().map(|file| file.bytes(dir)).sum();
    let megabytes = bytes.map_or_else(|| "?".to_owned(), |bytes| (bytes / 1_000_000).to_string());
    line(&format!("{:<18} {megabytes:>6} MB  {state:<8}  {} ({})", set.name, set.title, set.licence))
}

fn show(set: &DataSet, dir: &Path, check: Check) -> Result<()> {
    set.require(dir, check)?;
    line(&format!("{}\n{} ({})", set.title, set.source, set.licence))?;
    let how = if check == Check::Hash { "verified" } else { "present, right size" };
    set.files(dir, check)
        .iter()
        .try_for_each(|file| line(&format!("{}  {how}", dir.join(&file.path).display())))
}

fn line(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}").context("cannot print the list")
}
