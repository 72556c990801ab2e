//! Experiments as users write them.

use std::path::Path;

use anyhow::Result;
use interflow_study::{ConfigText, Runner};

use crate::reader::Reader;

/// An experiment's config.
pub(crate) const CONFIG: Reader = Reader { name: "config", whole, read };

fn whole() -> Result<Vec<Vec<u8>>> {
    let texts = [
        include_str!("../../../../configs/checkerboard.toml"),
        include_str!("../../../../configs/power.toml"),
        include_str!("../../../../configs/digits.toml"),
        include_str!("../../../../configs/imagenet32.toml"),
        include_str!("../../../../configs/ot-gaussians.toml"),
        include_str!("../../../../configs/gamma-eight-gaussians.toml"),
        include_str!("../../../../configs/rings-to-checkerboard.toml"),
    ];
    Ok(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

fn read(input: &[u8], _: &Path) -> Result<()> {
    Runner::read(&ConfigText { text: std::str::from_utf8(input)?, place: "config.toml", overrides: &[] })?;
    Ok(())
}
