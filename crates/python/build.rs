//! Lets the module find libtorch in the Python package `torch`, which is installed beside this one.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let here = if cfg!(target_os = "macos") { "@loader_path" } else { "$ORIGIN" };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-rpath,{here}/../torch/lib");
}
