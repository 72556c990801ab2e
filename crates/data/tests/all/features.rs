//! Without its feature a decoder is an error that names the feature.

#![allow(clippy::unwrap_used)]
#![cfg(not(any(feature = "hdf5", feature = "images", feature = "parquet")))]

use std::fs;

use interflow_data::{Bsds300, Error, Folder, ParquetImages, Sheet, Split};

#[track_caller]
fn check(error: &Error, file: &str, feature: &str) {
    let message = error.to_string();
    assert!(message.contains(file), "{message}");
    assert!(
        message.ends_with(&format!("\nhint: build interflow-data with its feature `{feature}`")),
        "{message}"
    );
}

#[test]
fn each_decoder_names_its_feature() {
    let data = tempfile::tempdir().unwrap();
    let put = |file: &str| {
        let path = data.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "any").unwrap();
    };
    put("a.parquet");
    put("pets/a.png");
    put("bsds300/BSDS300.hdf5");
    check(&Sheet::read(&data.path().join("a.parquet")).unwrap_err(), "a.parquet", "parquet");
    let pictures = ParquetImages { path: "a.parquet".into(), side: 8, split: Split::default() };
    check(&pictures.load(data.path()).unwrap_err(), "a.parquet", "parquet");
    let folder = Folder { path: "pets".into(), side: 8, split: Split::default() };
    check(&folder.load(data.path()).unwrap_err(), "a.png", "images");
    check(&Bsds300::PUBLISHED.load(data.path()).unwrap_err(), "BSDS300.hdf5", "hdf5");
}
