//! The way down, the middle and the way up.

use super::assembly::Assembly;
use super::attention::Attention;
use super::block::ResidualBlock;
use super::config::UNetConfig;
use super::dual::Dual;
use super::layer::Convolution;
use super::mixing::Mixing;
use crate::dropout::Dropout;

/// A residual block with or without attention after it.
#[derive(Debug)]
struct Unit {
    block: ResidualBlock,
    attention: Option<Attention>,
}

/// Blocks of one level and the convolution that leads to the next one.
#[derive(Debug)]
struct Level {
    units: Vec<Unit>,
    resample: Option<Convolution>,
}

/// All levels: `[B, width, H, W]` in, `[B, width · multipliers[0], H, W]` out.
#[derive(Debug)]
pub(super) struct Path {
    /// From the largest maps to the smallest.
    down: Vec<Level>,
    middle: [Unit; 2],
    /// From the smallest maps to the largest.
    up: Vec<Level>,
}

impl Path {
    pub(super) fn new(assembly: &mut Assembly<'_>, config: &UNetConfig) -> Self {
        let channels = config.channels();
        let last = channels.len() - 1;
        let mixing = |level: usize| config.attention_at(config.heights()[level]);
        // What the way down leaves for the way up, and the channels of the present maps.
        let (mut left, mut present) = (vec![config.width], config.width);
        let mut down = Vec::new();
        for (level, &to) in channels.iter().enumerate() {
            let mut units = Vec::new();
            for index in 0..config.n_blocks {
                let name = format!("down.{level}.{index}");
                units.push(Unit::new(assembly, &name, [present, to], (mixing(level), config)));
                present = to;
                left.push(to);
            }
            let resample = (level < last).then(|| {
                left.push(to);
                Convolution::new(assembly, &format!("down.{level}.resample"), [to; 2], 3).halving()
            });
            down.push(Level { units, resample });
        }
        let mixings = [Some(Mixing::Softmax), None];
        let middle = [0, 1].map(|index| {
            Unit::new(assembly, &format!("middle.{index}"), [present; 2], (mixings[index], config))
        });
        let mut up = Vec::new();
        for (level, &to) in channels.iter().enumerate().rev() {
            let mut units = Vec::new();
            for index in 0..=config.n_blocks {
                let name = format!("up.{level}.{index}");
                let from = present + left.pop().unwrap_or_default();
                units.push(Unit::new(assembly, &name, [from, to], (mixing(level), config)));
                present = to;
            }
            let resample =
                (level > 0).then(|| Convolution::new(assembly, &format!("up.{level}.resample"), [to; 2], 3));
            up.push(Level { units, resample });
        }
        Self { down, middle, up }
    }

    /// Whether a parameter of the network leads from maps to maps: not from the image or to it, and not from the time.
    pub(super) fn is_hidden(name: &str) -> bool {
        ["down.", "middle.", "up."].iter().any(|part| name.starts_with(part))
            && !name.ends_with(".shift.weight")
    }

    /// The maps at the end for maps `h` after the first convolution and features of time and class, `[B, E]`.
    pub(super) fn apply(&self, mut h: Dual, features: &Dual, dropout: &mut Dropout<'_>) -> Dual {
        let mut left = vec![h.shallow_clone()];
        for level in &self.down {
            for unit in &level.units {
                h = unit.apply(&h, features, dropout);
                left.push(h.shallow_clone());
            }
            if let Some(halve) = &level.resample {
                h = halve.apply(&h);
                left.push(h.shallow_clone());
            }
        }
        for unit in &self.middle {
            h = unit.apply(&h, features, dropout);
        }
        for level in &self.up {
            for unit in &level.units {
                let joined = left.pop().map(|skip| h.beside(&skip, 1));
                h = unit.apply(joined.as_ref().unwrap_or(&h), features, dropout);
            }
            if let Some(convolution) = &level.resample {
                h = convolution.apply(&doubled(&h));
            }
        }
        h
    }
}

impl Unit {
    /// A block of `[in, out]` channels, with attention where asked for.
    fn new(
        assembly: &mut Assembly<'_>,
        name: &str,
        channels: [i64; 2],
        (mixing, config): (Option<Mixing>, &UNetConfig),
    ) -> Self {
        let block = ResidualBlock::new(assembly, name, channels, config);
        let attention = mixing.map(|mixing| {
            Attention::new(assembly, &format!("{name}.attention"), channels[1], (mixing, config))
        });
        Self { block, attention }
    }

    fn apply(&self, h: &Dual, features: &Dual, dropout: &mut Dropout<'_>) -> Dual {
        let h = self.block.apply(h, features, dropout);
        match &self.attention {
            None => h,
            Some(attention) => attention.apply(&h),
        }
    }
}

/// The maps with each number repeated in a square of side 2.
fn doubled(h: &Dual) -> Dual {
    h.map(|h| {
        let size = h.size();
        h.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
    })
}
