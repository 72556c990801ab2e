//! The circles in a graph of modules that are none of a parent and its children.
//!
//! A circle that keeps to arrows between parents and children, or between siblings, lies within one family, since
//! two families share one module at most. So a circle is forbidden for one of two reasons: an arrow of it joins
//! modules that are neither; or it joins siblings only, without their parent.

use std::collections::BTreeSet;

use super::graph::{Graph, shortest_way};

type Arrows = BTreeSet<(usize, usize)>;

/// Forbidden circles, shortest first, no two of which share an arrow: each has to be broken by itself. Without an
/// arrow of each there are none left, or others come to light.
pub(super) fn forbidden(graph: &Graph<'_>) -> Vec<Vec<usize>> {
    let mut arrows: Arrows = graph.arrows().collect();
    let mut circles = Vec::new();
    while let Some(circle) = shortest(graph, &arrows) {
        for (from, to) in circle.iter().zip(circle.iter().cycle().skip(1)) {
            arrows.remove(&(*from, *to));
        }
        circles.push(circle);
    }
    circles
}

fn shortest(graph: &Graph<'_>, arrows: &Arrows) -> Option<Vec<usize>> {
    let siblings: Arrows =
        arrows.iter().copied().filter(|&(from, to)| graph.are_siblings(from, to)).collect();
    let strangers = arrows
        .iter()
        .filter(|&&(from, to)| !graph.are_siblings(from, to) && !graph.are_parent_and_child(from, to));
    let among_siblings = siblings.iter().filter_map(|&(from, to)| shortest_way(&siblings, to, from));
    let at_large = strangers.filter_map(|&(from, to)| shortest_way(arrows, to, from));
    let mut circle = among_siblings.chain(at_large).min_by_key(Vec::len)?;
    let least = (0..circle.len()).min_by_key(|&at| circle[at])?;
    circle.rotate_left(least);
    Some(circle)
}
