//! Unpacks of the wheels what is needed to build and to run.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use zip::ZipArchive;

use super::tree::Flavour;
use crate::progress::Progress;

/// Libraries of a wheel that a CPU tree leaves out, half of its size. They come with `lib` before the name.
const CUDA: [&str; 4] = ["torch_cuda", "torch_nvshmem", "c10_cuda", "caffe2_nvrtc"];

/// Unpacks the wanted files of the wheels into the folder.
///
/// # Errors
/// If a wheel is damaged (each file's checksum is tested) or a file can't be written.
pub(crate) fn wheels<P: AsRef<Path>>(wheels: &[P], flavour: Flavour, into: &Path) -> Result<()> {
    let mut archives = Vec::new();
    for wheel in wheels {
        archives.push(open(wheel.as_ref())?);
    }
    let bytes = archives.iter_mut().map(|archive| wanted_bytes(archive, flavour)).sum::<Result<u64>>()?;
    let progress = Progress::start("unpacking libtorch", bytes);
    for (archive, wheel) in archives.iter_mut().zip(wheels) {
        let context = || format!("cannot unpack {}", wheel.as_ref().display());
        unpack(archive, flavour, into, &progress).with_context(context)?;
    }
    progress.finish();
    Ok(())
}

type Wheel = ZipArchive<BufReader<File>>;

/// Opens a wheel.
pub(crate) fn open(wheel: &Path) -> Result<Wheel> {
    let context = || format!("cannot read the wheel {}", wheel.display());
    let file = File::open(wheel).with_context(context)?;
    ZipArchive::new(BufReader::new(file)).with_context(context)
}

fn wanted_bytes(archive: &mut Wheel, flavour: Flavour) -> Result<u64> {
    let mut bytes = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index)?;
        if wanted(&entry.name()?, flavour) {
            bytes += entry.size();
        }
    }
    Ok(bytes)
}

fn unpack(archive: &mut Wheel, flavour: Flavour, into: &Path, progress: &Progress) -> Result<()> {
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_dir() || !wanted(&entry.name()?, flavour) {
            continue;
        }
        let name = entry.enclosed_name().context("a path that leads out of the folder")?;
        let path = into.join(name);
        fs::create_dir_all(path.parent().unwrap_or(into))?;
        io::copy(&mut entry, &mut File::create(&path)?).with_context(|| path.display().to_string())?;
        progress.advance(entry.size());
    }
    Ok(())
}

/// Whether a tree of this flavour has this file of a wheel.
fn wanted(name: &str, flavour: Flavour) -> bool {
    if let Some(library) = name.strip_prefix("torch/lib/lib") {
        let cuda = CUDA.iter().any(|part| library.starts_with(part));
        return !library.starts_with("torch_python") && (flavour == Flavour::Cuda || !cuda);
    }
    let nvidia_library = name.starts_with("nvidia/") && name.split('/').nth(2) == Some("lib");
    name.starts_with("torch/include/") || name.starts_with("torch/lib/") || nvidia_library
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    const FILES: [&str; 8] = [
        "torch/include/torch/version.h",
        "torch/lib/libc10.so",
        "torch/lib/libc10_cuda.so",
        "torch/lib/libtorch_cuda_linalg.so",
        "torch/lib/libtorch_python.so",
        "torch/nn/functional.py",
        "nvidia/cu13/lib/libcudart.so.13",
        "nvidia/cu13/include/cuda.h",
    ];

    fn wheel(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("torch.whl");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        for name in FILES {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn check(flavour: Flavour, expected: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        wheels(&[wheel(dir.path())], flavour, &dir.path().join("tree")).unwrap();
        for name in FILES {
            let content = fs::read_to_string(dir.path().join("tree").join(name)).ok();
            assert_eq!(content.as_deref(), expected.contains(&name).then_some(name), "{flavour}");
        }
    }

    #[test]
    fn cpu_tree_has_no_cuda_libraries() {
        check(Flavour::Cpu, &[FILES[0], FILES[1], FILES[6]]);
    }

    #[test]
    fn cuda_tree_has_them() {
        check(Flavour::Cuda, &[FILES[0], FILES[1], FILES[2], FILES[3], FILES[6]]);
    }

    #[test]
    fn damaged_wheel_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = wheel(dir.path());
        let half = fs::read(&wheel).unwrap();
        fs::write(&wheel, &half[..half.len() / 2]).unwrap();
        let error = wheels(&[wheel], Flavour::Cpu, dir.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the wheel"), "{error}");
    }
}
