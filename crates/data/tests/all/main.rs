//! The tests of the crate as one program, which is linked once and shares the cores evenly.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod bsds300;
mod cifar10;
mod columns;
mod dataset;
mod features;
mod file_content;
mod folder;
mod gas;
mod hepmass;
mod hostile_pictures;
mod idx;
mod image_source;
mod imagenet32;
mod large_numbers;
mod lattices;
mod long_text;
mod marginals;
mod miniboone;
mod npy;
mod parquet;
mod parquet_file;
mod parquet_images;
mod pictures;
mod power;
mod prefetch;
mod preparation;
mod registry;
mod rows;
mod sheet;
mod table;
mod text;
mod times;
mod whitening;
