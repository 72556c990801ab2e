//! The graph of modules: an arrow leads to the module whose item is mentioned.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{mention::Mention, name, source::Module};

/// Arrows between modules, each with the first mention that makes it.
pub(super) struct Graph<'a> {
    arrows: BTreeMap<(usize, usize), &'a Mention>,
    parents: Vec<Option<usize>>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(modules: &'a [Module]) -> Self {
        let mut arrows = BTreeMap::new();
        for (from, module) in modules.iter().enumerate() {
            for mention in &module.contents.mentions {
                for to in name::definers(modules, from, &mention.path) {
                    if to != from {
                        arrows.entry((from, to)).or_insert(mention);
                    }
                }
            }
        }
        Self { arrows, parents: modules.iter().map(|module| module.parent).collect() }
    }

    pub(super) fn arrows(&self) -> impl Iterator<Item = (usize, usize)> {
        self.arrows.keys().copied()
    }

    /// The first mention in `from` of something that `to` defines.
    pub(super) fn example(&self, from: usize, to: usize) -> Option<&'a Mention> {
        self.arrows.get(&(from, to)).copied()
    }

    pub(super) fn are_siblings(&self, one: usize, other: usize) -> bool {
        self.parents[one] == self.parents[other]
    }

    pub(super) fn are_parent_and_child(&self, one: usize, other: usize) -> bool {
        self.parents[one] == Some(other) || self.parents[other] == Some(one)
    }
}

/// The shortest way between two nodes along arrows, both ends included.
pub(super) fn shortest_way(arrows: &BTreeSet<(usize, usize)>, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut pending = VecDeque::from([from]);
    while let Some(node) = pending.pop_front() {
        if node == to {
            return Some(walk_back(&before, from, to));
        }
        for &(_, next) in arrows.range((node, 0)..=(node, usize::MAX)) {
            before.entry(next).or_insert_with(|| {
                pending.push_back(next);
                node
            });
        }
    }
    None
}

fn walk_back(before: &BTreeMap<usize, usize>, from: usize, to: usize) -> Vec<usize> {
    let mut way = vec![to];
    let mut node = to;
    while node != from {
        node = before[&node];
        way.push(node);
    }
    way.reverse();
    way
}
