//! What a path leads to, through imports and re-exports.

use std::collections::BTreeSet;

use super::source::Module;

/// The modules that define what this path, written in the module `from`, leads to. None for a path to a module
/// or out of the crate; several where a function and a type share the name.
pub(super) fn definers(modules: &[Module], from: usize, path: &[String]) -> BTreeSet<usize> {
    let meanings = Search { modules, open: Vec::new() }.follow(from, path);
    let definer = |meaning| if let Meaning::ItemOf(module) = meaning { Some(module) } else { None };
    meanings.into_iter().filter_map(definer).collect()
}

/// What a path can mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Module(usize),
    /// Something that the module defines.
    ItemOf(usize),
}

struct Search<'a> {
    modules: &'a [Module],
    /// The imports being followed, by module and index: one that leads to itself leads nowhere.
    open: Vec<(usize, usize)>,
}

impl Search<'_> {
    fn follow(&mut self, from: usize, path: &[String]) -> BTreeSet<Meaning> {
        let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
        let mut meanings = match first.as_str() {
            "crate" => BTreeSet::from([Meaning::Module(0)]),
            "self" => BTreeSet::from([Meaning::Module(from)]),
            _ => self.lookup(from, first),
        };
        for name in rest {
            meanings = self.step(meanings, name);
        }
        meanings
    }

    /// From a module to a name in it. An item's own names, as a variant or a function of a type, are the item's.
    fn step(&mut self, meanings: BTreeSet<Meaning>, name: &str) -> BTreeSet<Meaning> {
        let modules: Vec<_> = modules_in(&meanings);
        if modules.is_empty() {
            return meanings;
        }
        modules.into_iter().flat_map(|module| self.lookup(module, name)).collect()
    }

    fn lookup(&mut self, module: usize, name: &str) -> BTreeSet<Meaning> {
        let Module { parent, children, contents, .. } = &self.modules[module];
        if name == "super" {
            return parent.map(Meaning::Module).into_iter().collect();
        }
        let mut found: BTreeSet<_> = children.get(name).copied().map(Meaning::Module).into_iter().collect();
        if name == "*" || contents.definitions.contains(name) {
            found.insert(Meaning::ItemOf(module));
        }
        for (index, import) in contents.imports.iter().enumerate() {
            if (import.name == name || import.name == "*") && !self.open.contains(&(module, index)) {
                self.open.push((module, index));
                found.extend(self.imported(module, &import.path, name));
                self.open.pop();
            }
        }
        found
    }

    fn imported(&mut self, module: usize, path: &[String], name: &str) -> BTreeSet<Meaning> {
        match path.split_last() {
            Some((last, all_of)) if last == "*" => {
                let sources = self.follow(module, all_of);
                modules_in(&sources).into_iter().flat_map(|source| self.lookup(source, name)).collect()
            }
            _ => self.follow(module, path),
        }
    }
}

fn modules_in(meanings: &BTreeSet<Meaning>) -> Vec<usize> {
    let module = |meaning: &Meaning| if let Meaning::Module(module) = meaning { Some(*module) } else { None };
    meanings.iter().filter_map(module).collect()
}
