//! The wheels that hold libtorch, pinned for each platform.
//!
//! Wheels differ between Python versions only in `libtorch_python`, which is not used. So one of them is asked
//! for whatever Python runs pip, and one hash holds.

use std::env::consts::{ARCH, OS};

use anyhow::{Context as _, Result};

/// A wheel as pip is asked for it.
pub(crate) struct Wheel {
    /// `name==version`.
    pub(crate) requirement: &'static str,
    pub(crate) sha256: &'static str,
    pub(crate) bytes: u64,
}

/// What to fetch for one platform.
pub(crate) struct Platform {
    os: &'static str,
    arch: &'static str,
    /// The wheels of a CPU tree, torch first.
    pub(crate) wheels: &'static [Wheel],
    /// The size of the CPU tree unpacked from them.
    pub(crate) unpacked_bytes: u64,
}

/// The Linux builds' `libtorch_cpu.so` needs libcudart and libcupti, also where there is no GPU: they are small.
const PLATFORMS: &[Platform] = &[
    Platform {
        os: "linux",
        arch: "x86_64",
        wheels: &[
            Wheel {
                requirement: "torch==2.11.0",
                sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
                bytes: 530_604_548,
            },
            Wheel {
                requirement: "nvidia-cuda-runtime==13.0.96",
                sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
                bytes: 2_243_632,
            },
            Wheel {
                requirement: "nvidia-cuda-cupti==13.0.85",
                sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
                bytes: 10_715_597,
            },
        ],
        unpacked_bytes: 600_000_000,
    },
    Platform {
        os: "linux",
        arch: "aarch64",
        wheels: &[
            Wheel {
                requirement: "torch==2.11.0",
                sha256: "d91aac77f24082809d2c5a93f52a5f085032740a1ebc9252a7b052ef5a4fddc6",
                bytes: 419_718_178,
            },
            Wheel {
                requirement: "nvidia-cuda-runtime==13.0.96",
                sha256: "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55",
                bytes: 2_261_060,
            },
            Wheel {
                requirement: "nvidia-cuda-cupti==13.0.85",
                sha256: "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151",
                bytes: 10_310_827,
            },
        ],
        unpacked_bytes: 450_000_000,
    },
    Platform {
        os: "macos",
        arch: "aarch64",
        wheels: &[Wheel {
            requirement: "torch==2.11.0",
            sha256: "7b6a60d48062809f58595509c524b88e6ddec3ebe25833d6462eeab81e5f2ce4",
            bytes: 80_529_712,
        }],
        unpacked_bytes: 300_000_000,
    },
];

impl Platform {
    /// The platform that xtask runs on.
    ///
    /// # Errors
    /// If PyTorch publishes no wheel of this version for it.
    pub(crate) fn current() -> Result<&'static Self> {
        Self::named(OS, ARCH)
    }

    /// The wheel tags that fit; on Linux those of every glibc from 2.17 to 2.28, as each wheel has its own.
    pub(crate) fn tags(&self) -> Vec<String> {
        if self.os == "macos" {
            return vec!["macosx_11_0_arm64".to_owned()];
        }
        let named = (17..=28).rev().map(|minor| format!("manylinux_2_{minor}_{}", self.arch));
        named.chain([format!("manylinux2014_{}", self.arch)]).collect()
    }

    /// How much pip downloads for a CPU tree.
    pub(crate) fn download_bytes(&self) -> u64 {
        self.wheels.iter().map(|wheel| wheel.bytes).sum()
    }

    fn named(os: &str, arch: &str) -> Result<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.os == os && platform.arch == arch).with_context(|| {
            format!(
                "no libtorch wheel is known for this platform: {os} on {arch}\n\
                 hint: build or find libtorch {} and set LIBTORCH to its folder",
                super::VERSION
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_one() {
        for wheel in PLATFORMS.iter().flat_map(|platform| platform.wheels) {
            assert_eq!(wheel.sha256.len(), 64, "{}", wheel.requirement);
            assert!(wheel.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", wheel.requirement);
        }
    }

    #[test]
    fn torch_comes_first_and_has_the_version() {
        for platform in PLATFORMS {
            assert_eq!(platform.wheels[0].requirement, format!("torch=={}", crate::libtorch::VERSION));
        }
    }

    #[test]
    fn unknown_platform_has_a_way_out() {
        let error = Platform::named("macos", "x86_64").err().unwrap().to_string();
        assert!(error.contains("macos on x86_64") && error.contains("LIBTORCH"), "{error}");
    }
}
