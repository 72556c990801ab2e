//! Sums by NCCL, between processes that each have a GPU: all but the GPU and NCCL itself, whose places stand-ins take.
#![cfg(all(feature = "stand-in", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::needless_pass_by_value,
    reason = "a failed helper is a failed test, the process that started this one listens, and numbers are small"
)]

mod together;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use interflow_libtorch::{ProcessGroup, Transfers, stand_in, transfers};
use tch::{Device, Kind, Tensor};

use together::{check_killed, check_pass_mean, own, processes, processes_with};

/// Where the library lies, and what it shares.
const FOLDER: &str = "INTERFLOW_TEST_FOLDER";

/// A folder with the library that takes NCCL's place, for one test.
fn folder_with_nccl(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nccl/stand_in.cpp");
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let mut command = Command::new(compiler);
    command.args(["-std=c++17", "-O1", "-shared", "-fPIC", "-pthread", "-o"]);
    let status = command.arg(folder.join("libnccl.so.2")).arg(source).status().unwrap();
    assert!(status.success());
    folder
}

/// Runs `body` in `size` processes that find the library.
fn processes_with_nccl(name: &str, size: usize, body: fn(ProcessGroup)) {
    if env::var_os(FOLDER).is_some() {
        return processes(name, size, body);
    }
    let folder = folder_with_nccl(name);
    let text = folder.to_str().unwrap();
    let paths = [text.to_owned(), env::var("LD_LIBRARY_PATH").unwrap_or_default()].join(":");
    processes_with(name, size, &[(FOLDER, text), ("LD_LIBRARY_PATH", &paths)], body);
    fs::remove_dir_all(folder).unwrap();
}

fn gpu() -> Device {
    stand_in().unwrap()
}

fn on_the_gpu(group: &ProcessGroup, shape: &[i64], kind: Kind) -> Tensor {
    own(group.rank(), shape, kind).to_device(gpu())
}

fn host(x: &Tensor) -> Tensor {
    x.to_device(Device::Cpu)
}

#[test]
fn sums_stay_on_the_gpu() {
    processes_with_nccl("sums_stay_on_the_gpu", 3, |group| {
        assert!(group.has_nccl().unwrap());
        for kind in [Kind::Float, Kind::Double] {
            let x = [
                on_the_gpu(&group, &[700, 3], kind),
                on_the_gpu(&group, &[], kind),
                on_the_gpu(&group, &[0, 4], kind),
            ];
            for round in 0..3 {
                let before = transfers();
                group.sum_(&x).unwrap();
                group.mean_(&x).unwrap();
                assert_eq!(transfers() - before, Transfers { to_device: 0, to_host: 0 }, "round {round}");
            }
            // The first sum is over ranks + 1, six in all; every round after it multiplies by three.
            let expected = own(0, &[700, 3], kind) * (6.0 * 3.0f64.powi(2));
            assert!(host(&x[0]).equal(&expected.to_kind(kind)) && x[0].device() == gpu());
        }
        let far = host(&group.all_gather(&on_the_gpu(&group, &[2, 3], Kind::Float)).unwrap()[2]);
        assert!(far.equal(&own(2, &[2, 3], Kind::Float)));
        let first = on_the_gpu(&group, &[5], Kind::Int64);
        group.broadcast_(&[first.shallow_clone()]).unwrap();
        assert!(host(&first).equal(&own(0, &[5], Kind::Int64)));
        let refused = group.sum_(&[on_the_gpu(&group, &[3], Kind::Bool)]).unwrap_err().to_string();
        assert!(refused.contains("NCCL adds no tensors of kind Bool"), "{refused}");
    });
}

#[test]
fn gradients_on_a_gpu_are_averaged_during_the_pass() {
    processes_with_nccl("gradients_on_a_gpu_are_averaged_during_the_pass", 2, |group| {
        check_pass_mean(group, gpu());
    });
}

#[test]
fn a_process_that_is_killed_ends_the_sum_on_the_gpu() {
    processes_with_nccl("a_process_that_is_killed_ends_the_sum_on_the_gpu", 2, |group| {
        check_killed(&group, &[on_the_gpu(&group, &[1000], Kind::Float)]);
    });
}

#[test]
fn without_nccl_sums_go_through_the_host() {
    processes("without_nccl_sums_go_through_the_host", 2, |group| {
        let x = [on_the_gpu(&group, &[7, 3], Kind::Float)];
        assert!(!group.has_nccl().unwrap());
        group.sum_(&x).unwrap();
        assert!(host(&x[0]).equal(&(own(0, &[7, 3], Kind::Float) * 3.0)));
    });
}
