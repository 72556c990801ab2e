//! The network's layers in order, under the names of the published weights.
//!
//! Blocks are named by their letters in Szegedy et al. 2016 as PyTorch has them: A, C and E keep the image's size, B and
//! D halve it.

use super::layer::Layer;
use super::weights::Weights;
use crate::Result;

/// All layers up to the last pool.
pub(super) fn layers(weights: &mut Weights) -> Result<Vec<Layer>> {
    let mut block = Block { weights, name: String::new() };
    let mut layers = vec![
        block.halving("Conv2d_1a_3x3", 3, 32)?,
        block.valid("Conv2d_2a_3x3", 32, 32)?,
        block.same("Conv2d_2b_3x3", 32, 64, [3, 3])?,
        Layer::HalvingMaxPool,
        block.same("Conv2d_3b_1x1", 64, 80, [1, 1])?,
        block.valid("Conv2d_4a_3x3", 80, 192)?,
        Layer::HalvingMaxPool,
    ];
    for (name, channels, pool) in [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)] {
        layers.push(block.of(name).a(channels, pool)?);
    }
    layers.push(block.of("Mixed_6a").b(288)?);
    for (name, inner) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
        layers.push(block.of(name).c(768, inner)?);
    }
    layers.push(block.of("Mixed_7a").d(768)?);
    layers.push(block.of("Mixed_7b").e(1280, Layer::AveragePool)?);
    layers.push(block.of("Mixed_7c").e(2048, Layer::MaxPool)?);
    Ok(layers)
}

/// Builds the layers of one block.
struct Block<'a> {
    weights: &'a mut Weights,
    /// What the layers' names begin with.
    name: String,
}

impl Block<'_> {
    fn of(&mut self, name: &str) -> Block<'_> {
        Block { weights: self.weights, name: format!("{name}.") }
    }

    /// A convolution that keeps the image's size.
    fn same(&mut self, name: &str, n_in: i64, n_out: i64, [height, width]: [i64; 2]) -> Result<Layer> {
        let name = format!("{}{name}", self.name);
        self.weights.conv(&name, [n_out, n_in, height, width], 1, [height / 2, width / 2])
    }

    /// A 3×3 convolution without padding.
    fn valid(&mut self, name: &str, n_in: i64, n_out: i64) -> Result<Layer> {
        self.weights.conv(&format!("{}{name}", self.name), [n_out, n_in, 3, 3], 1, [0, 0])
    }

    /// A 3×3 convolution at every second place, without padding.
    fn halving(&mut self, name: &str, n_in: i64, n_out: i64) -> Result<Layer> {
        self.weights.conv(&format!("{}{name}", self.name), [n_out, n_in, 3, 3], 2, [0, 0])
    }

    fn a(&mut self, n_in: i64, n_pool: i64) -> Result<Layer> {
        Ok(Layer::Branches(vec![
            vec![self.same("branch1x1", n_in, 64, [1, 1])?],
            vec![self.same("branch5x5_1", n_in, 48, [1, 1])?, self.same("branch5x5_2", 48, 64, [5, 5])?],
            vec![
                self.same("branch3x3dbl_1", n_in, 64, [1, 1])?,
                self.same("branch3x3dbl_2", 64, 96, [3, 3])?,
                self.same("branch3x3dbl_3", 96, 96, [3, 3])?,
            ],
            vec![Layer::AveragePool, self.same("branch_pool", n_in, n_pool, [1, 1])?],
        ]))
    }

    fn b(&mut self, n_in: i64) -> Result<Layer> {
        Ok(Layer::Branches(vec![
            vec![self.halving("branch3x3", n_in, 384)?],
            vec![
                self.same("branch3x3dbl_1", n_in, 64, [1, 1])?,
                self.same("branch3x3dbl_2", 64, 96, [3, 3])?,
                self.halving("branch3x3dbl_3", 96, 96)?,
            ],
            vec![Layer::HalvingMaxPool],
        ]))
    }

    fn c(&mut self, n_in: i64, n: i64) -> Result<Layer> {
        Ok(Layer::Branches(vec![
            vec![self.same("branch1x1", n_in, 192, [1, 1])?],
            vec![
                self.same("branch7x7_1", n_in, n, [1, 1])?,
                self.same("branch7x7_2", n, n, [1, 7])?,
                self.same("branch7x7_3", n, 192, [7, 1])?,
            ],
            vec![
                self.same("branch7x7dbl_1", n_in, n, [1, 1])?,
                self.same("branch7x7dbl_2", n, n, [7, 1])?,
                self.same("branch7x7dbl_3", n, n, [1, 7])?,
                self.same("branch7x7dbl_4", n, n, [7, 1])?,
                self.same("branch7x7dbl_5", n, 192, [1, 7])?,
            ],
            vec![Layer::AveragePool, self.same("branch_pool", n_in, 192, [1, 1])?],
        ]))
    }

    fn d(&mut self, n_in: i64) -> Result<Layer> {
        Ok(Layer::Branches(vec![
            vec![self.same("branch3x3_1", n_in, 192, [1, 1])?, self.halving("branch3x3_2", 192, 320)?],
            vec![
                self.same("branch7x7x3_1", n_in, 192, [1, 1])?,
                self.same("branch7x7x3_2", 192, 192, [1, 7])?,
                self.same("branch7x7x3_3", 192, 192, [7, 1])?,
                self.halving("branch7x7x3_4", 192, 192)?,
            ],
            vec![Layer::HalvingMaxPool],
        ]))
    }

    fn e(&mut self, n_in: i64, pool: Layer) -> Result<Layer> {
        Ok(Layer::Branches(vec![
            vec![self.same("branch1x1", n_in, 320, [1, 1])?],
            vec![self.same("branch3x3_1", n_in, 384, [1, 1])?, self.row_and_column("branch3x3_2")?],
            vec![
                self.same("branch3x3dbl_1", n_in, 448, [1, 1])?,
                self.same("branch3x3dbl_2", 448, 384, [3, 3])?,
                self.row_and_column("branch3x3dbl_3")?,
            ],
            vec![pool, self.same("branch_pool", n_in, 192, [1, 1])?],
        ]))
    }

    fn row_and_column(&mut self, name: &str) -> Result<Layer> {
        Ok(Layer::Branches(vec![
            vec![self.same(&format!("{name}a"), 384, 384, [1, 3])?],
            vec![self.same(&format!("{name}b"), 384, 384, [3, 1])?],
        ]))
    }
}
