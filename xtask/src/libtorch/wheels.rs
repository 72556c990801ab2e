//! From pinned wheels to a tree in the cache: disk, download, hashes, unpacking.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::{
    cache::Place,
    disk,
    pip::{self, Dependencies, Request},
    platform::{Platform, Wheel},
    tree::{Flavour, Tree},
    unpack,
};
use crate::digest;

/// The NVIDIA wheels that torch asks for on Linux, about.
const CUDA_DOWNLOAD_BYTES: u64 = 2_300_000_000;

/// Free space for a tree with CUDA, wheels and all.
const CUDA_DISK_BYTES: u64 = 10_000_000_000;

/// Provides the tree at this place of the cache, fetching the wheels if it isn't there and whole.
///
/// # Errors
/// If the platform has no wheel, the disk is too full, or the download fails or is not what was expected.
pub(crate) fn provide(place: &Place, flavour: Flavour) -> Result<Tree> {
    place.provide(|work, tree| {
        pip::require()?;
        let platform = Platform::current()?;
        match flavour {
            Flavour::Cpu => fill_cpu(platform, work, tree),
            Flavour::Cuda => fill_cuda(platform, work, tree),
        }
    })?;
    Tree::open(&place.torch(), flavour).context("the tree in the cache is unusable")
}

fn fill_cpu(platform: &Platform, work: &Path, tree: &Path) -> Result<()> {
    // Besides the wheels, once either pip's temporary copies or the unpacked tree.
    let download = platform.download_bytes();
    disk::require(work, download + download.max(platform.unpacked_bytes))?;
    let wheels = pinned(platform, platform.wheels, work)?;
    unpack::wheels(&wheels, Flavour::Cpu, tree)
}

/// The NVIDIA wheels are many and change with torch, so no hashes of theirs are kept here: pip checks them
/// against what its index says.
fn fill_cuda(platform: &Platform, work: &Path, tree: &Path) -> Result<()> {
    if cfg!(not(target_os = "linux")) {
        bail!("there is no libtorch with CUDA for this platform\nhint: leave --cuda out");
    }
    disk::require(work, CUDA_DISK_BYTES)?;
    let mut wheels = pinned(platform, &platform.wheels[..1], work)?;
    let requirements = nvidia_requirements(&metadata(&wheels[0])?);
    let request = Request {
        requirements,
        dependencies: Dependencies::Follow,
        tags: platform.tags(),
        bytes: CUDA_DOWNLOAD_BYTES,
    };
    wheels.extend(pip::download(&request, work, "nvidia")?);
    unpack::wheels(&wheels, Flavour::Cuda, tree)
}

/// Downloads these wheels and checks them against their hashes.
fn pinned(platform: &Platform, wheels: &[Wheel], work: &Path) -> Result<Vec<PathBuf>> {
    let line = |wheel: &Wheel| format!("{} --hash=sha256:{}", wheel.requirement, wheel.sha256);
    let request = Request {
        requirements: wheels.iter().map(line).collect(),
        dependencies: Dependencies::Skip,
        tags: platform.tags(),
        bytes: wheels.iter().map(|wheel| wheel.bytes).sum(),
    };
    let files = pip::download(&request, work, "wheels")?;
    wheels.iter().map(|wheel| verified(wheel, &files)).collect()
}

/// The downloaded file of this wheel. pip has checked the hash already; what's unpacked should not hang on that.
fn verified(wheel: &Wheel, files: &[PathBuf]) -> Result<PathBuf> {
    let (name, version) = wheel.requirement.split_once("==").context("a requirement without a version")?;
    let start = format!("{}-{version}-", name.replace('-', "_"));
    let is_it =
        |file: &&PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start));
    let file =
        files.iter().find(is_it).with_context(|| format!("pip downloaded no {}", wheel.requirement))?;
    digest::require(file, wheel.sha256).context(
        "the wheel is not the one expected, nothing was unpacked\nhint: check the mirror that pip uses",
    )?;
    Ok(file.clone())
}

fn metadata(torch: &Path) -> Result<String> {
    let name = format!("torch-{}.dist-info/METADATA", super::VERSION);
    let context = || format!("cannot read {name} in {}", torch.display());
    let mut text = String::new();
    unpack::open(torch)?
        .by_name(&name)
        .with_context(context)?
        .read_to_string(&mut text)
        .with_context(context)?;
    Ok(text)
}

/// The libraries among the wheel's requirements, less the markers; the rest is for Python.
fn nvidia_requirements(metadata: &str) -> Vec<String> {
    let requirements = metadata.lines().filter_map(|line| line.strip_prefix("Requires-Dist: "));
    let libraries =
        requirements.filter(|line| line.starts_with("nvidia-") || line.starts_with("cuda-toolkit"));
    libraries.filter_map(|line| line.split(';').next()).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const WHEEL: Wheel = Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        bytes: 3,
    };

    fn downloaded(content: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nvidia_cuda_runtime-13.0.96-py3-none-any.whl");
        fs::write(&path, content).unwrap();
        (dir, path)
    }

    #[test]
    fn expected_wheel_passes() {
        let (_dir, path) = downloaded("abc");
        assert_eq!(verified(&WHEEL, std::slice::from_ref(&path)).unwrap(), path);
    }

    #[test]
    fn other_content_is_refused() {
        let (_dir, path) = downloaded("abd");
        let error = format!("{:#}", verified(&WHEEL, &[path]).unwrap_err());
        assert!(error.contains("nothing was unpacked") && error.contains("wrong SHA-256"), "{error}");
    }

    #[test]
    fn absent_wheel_is_named() {
        let error = verified(&WHEEL, &[]).unwrap_err().to_string();
        assert_eq!(error, "pip downloaded no nvidia-cuda-runtime==13.0.96");
    }

    #[test]
    fn only_libraries_are_required() {
        let metadata = "Name: torch\nRequires-Dist: filelock\n\
            Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == \"Linux\"\n\
            Requires-Dist: cuda-bindings<14,>=13.0.3; platform_system == \"Linux\"\n\
            Requires-Dist: nvidia-nccl-cu13==2.28.9; platform_system == \"Linux\"\n";
        assert_eq!(
            nvidia_requirements(metadata),
            ["cuda-toolkit[cublas,cudart]==13.0.2", "nvidia-nccl-cu13==2.28.9"]
        );
    }
}
