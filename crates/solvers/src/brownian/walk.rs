//! One sample's tree of intervals, walked from left to right and grown where it is asked for.

use interflow_core::rng::Draw;

/// An interval of the tree, in marks of `2^-level`. The halves of node i are the nodes 2i and 2i + 1.
#[derive(Debug)]
pub(crate) struct Node {
    id: u64,
    /// Where it starts.
    pub(crate) start: u64,
    /// Its length.
    pub(crate) length: u64,
    /// The increment, `[D]`.
    pub(crate) w: Vec<f64>,
    /// The space-time Lévy area, `[D]`.
    pub(crate) area: Vec<f64>,
}

/// What lies ahead of one sample.
#[derive(Debug)]
pub(crate) struct Walk {
    draw: Draw,
    level: u32,
    /// The nearest interval on top; at most one for each level.
    ahead: Vec<Node>,
}

impl Walk {
    /// The walk from 0 to 1 in `dim` dimensions.
    pub(crate) fn new(mut draw: Draw, dim: usize, level: u32) -> Self {
        let [w, area] = normals(&mut draw, dim, 0);
        let area = area.iter().map(|n| n * (1.0f64 / 12.0).sqrt()).collect();
        let root = Node { id: 1, start: 0, length: 1 << level, w, area };
        Self { draw, level, ahead: vec![root] }
    }

    /// The next interval, halved until it is no longer than `longest` and ends no later than `end`; none at `end`.
    pub(crate) fn next_within(&mut self, longest: u64, end: u64) -> Option<&Node> {
        while let Some(node) = self.ahead.pop_if(|node| node.start < end) {
            if node.length <= longest && node.start + node.length <= end {
                self.ahead.push(node);
                return self.ahead.last();
            }
            let halves = self.split(&node);
            self.ahead.extend(halves);
        }
        None
    }

    /// Leaves the next interval behind.
    pub(crate) fn pass(&mut self) -> Option<Node> {
        self.ahead.pop()
    }

    /// Leaves everything ahead behind.
    pub(crate) fn stop(&mut self) {
        self.ahead.clear();
    }

    /// An interval's length in time.
    pub(crate) fn span(&self, length: u64) -> f64 {
        length as f64 / (1u64 << self.level) as f64
    }

    /// The halves of a node, the first one last.
    fn split(&mut self, node: &Node) -> [Node; 2] {
        let h = self.span(node.length);
        let (z_size, n_size) = ((h / 16.0).sqrt(), (h / 12.0).sqrt());
        let [z, n] = normals(&mut self.draw, node.w.len(), node.id);
        let half = node.length / 2;
        let part = |id, start, sign: f64| {
            let numbers = node.w.iter().zip(&node.area).zip(z.iter().zip(&n));
            let (w, area) = numbers
                .map(|((w, area), (z, n))| {
                    let (z, n) = (z * z_size, n * n_size);
                    (w * 0.5 + (area * 1.5 + z) * sign, (area * 0.25 - z * 0.5) + n * (0.5 * sign))
                })
                .unzip();
            Node { id, start, length: half, w, area }
        };
        [part(2 * node.id + 1, node.start + half, -1.0), part(2 * node.id, node.start, 1.0)]
    }
}

/// The two standard normals `[D]` of a node; 0 is the root's own pair.
fn normals(draw: &mut Draw, dim: usize, slot: u64) -> [Vec<f64>; 2] {
    draw.seek(slot, 2 * dim);
    let [mut first, mut second] = [Vec::with_capacity(dim), Vec::with_capacity(dim)];
    draw.extend_normal(&mut first, dim);
    draw.extend_normal(&mut second, dim);
    [first, second]
}
