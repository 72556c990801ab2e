//! The modules of a target, read from its files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use syn::{Expr, ExprLit, Item, ItemMod, Lit, Meta};

use super::mention::{Contents, is_for_tests};

/// A module with what is written in it.
pub(super) struct Module {
    /// The path below the root, `a::b`; the root itself is `crate`.
    pub(super) name: String,
    pub(super) file: PathBuf,
    /// `None`: the root.
    pub(super) parent: Option<usize>,
    /// The modules in it, less those for tests.
    pub(super) children: BTreeMap<String, usize>,
    pub(super) contents: Contents,
}

/// All modules that can be reached from the root file, the root first.
///
/// # Errors
/// If a file is missing or isn't Rust.
pub(super) fn read(root: &Path) -> Result<Vec<Module>> {
    let mut reader = Reader { modules: Vec::new() };
    let place = Place { name: "crate".to_owned(), parent: None, file: root, folder: parent(root) };
    reader.add(place, &parse(root)?)?;
    Ok(reader.modules)
}

struct Reader {
    modules: Vec<Module>,
}

/// Where a module is written.
struct Place<'a> {
    name: String,
    parent: Option<usize>,
    file: &'a Path,
    /// Where the files of its children lie.
    folder: &'a Path,
}

impl Reader {
    fn add(&mut self, place: Place<'_>, items: &[Item]) -> Result<usize> {
        let index = self.modules.len();
        self.modules.push(Module {
            name: place.name,
            file: place.file.to_owned(),
            parent: place.parent,
            children: BTreeMap::new(),
            contents: Contents::of(items),
        });
        for item in items {
            if let Item::Mod(child) = item
                && !is_for_tests(&child.attrs)
            {
                let found = self.add_child(index, child, place.file, place.folder)?;
                self.modules[index].children.insert(child.ident.to_string(), found);
            }
        }
        Ok(index)
    }

    fn add_child(&mut self, parent: usize, child: &ItemMod, file: &Path, folder: &Path) -> Result<usize> {
        let ident = child.ident.to_string();
        let name = match self.modules[parent].parent {
            None => ident.clone(),
            Some(_) => format!("{}::{ident}", self.modules[parent].name),
        };
        let own_folder = folder.join(&ident);
        if let Some((_, items)) = &child.content {
            return self.add(Place { name, parent: Some(parent), file, folder: &own_folder }, items);
        }
        let own_file = file_of(child, file, folder)
            .with_context(|| format!("{}: no file of the module: {ident}", file.display()))?;
        let is_folders_own = own_file.ends_with("mod.rs") || given_file(child).is_some();
        let folder = if is_folders_own { self::parent(&own_file).to_owned() } else { own_folder };
        let items = parse(&own_file)?;
        self.add(Place { name, parent: Some(parent), file: &own_file, folder: &folder }, &items)
    }
}

fn parse(file: &Path) -> Result<Vec<Item>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
    Ok(parsed.items)
}

fn file_of(child: &ItemMod, file: &Path, folder: &Path) -> Option<PathBuf> {
    let usual = || ["", "/mod"].map(|end| folder.join(format!("{}{end}.rs", child.ident)));
    let candidates = match given_file(child) {
        Some(given) => vec![parent(file).join(given)],
        None => usual().to_vec(),
    };
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// The file that `#[path = "…"]` names.
fn given_file(child: &ItemMod) -> Option<String> {
    child.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

fn parent(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}
