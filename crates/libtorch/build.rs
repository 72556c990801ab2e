//! Compiles the shim against libtorch's headers; torch-sys links libtorch itself, from the same variables.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// What decides where libtorch is.
const VARIABLES: [&str; 4] = ["LIBTORCH", "LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI", "LIBTORCH_USE_PYTORCH"];

/// The files of the C++ side.
const SHIM: [&str; 11] = [
    "autocast",
    "device",
    "dlpack",
    "foreach",
    "group",
    "library",
    "linear",
    "mask",
    "nccl",
    "pass_mean",
    "tf32",
];

/// The one more with the feature `stand-in`.
const STAND_IN: &str = "stand_in";

/// Where torch-sys looks when no variable is set.
const SYSTEM: &str = "/usr";

/// Prints the C++ ABI, then the folders with headers.
const ASK_PYTHON: &str = "\
import torch
from torch.utils import cpp_extension
print(int(torch._C._GLIBCXX_USE_CXX11_ABI), *cpp_extension.include_paths(), sep='\\n')";

const HINTS: [&str; 4] = [
    "hint: one of three ways to provide libtorch 2.11.0 is enough:",
    "  eval \"$(cargo xtask setup --env)\"   in a checkout of Interflow, which fetches it once per user",
    "  export LIBTORCH=DIR                 where DIR has its lib/ and include/",
    "  export LIBTORCH_USE_PYTORCH=1       where python3 has torch 2.11.0",
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=src/shim");
    for name in VARIABLES {
        println!("cargo::rerun-if-env-changed={name}");
    }
    match Headers::find() {
        Ok(headers) => {
            compile(&headers);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("cargo::error=Interflow needs libtorch: {problem}");
            for line in HINTS {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn compile(headers: &Headers) {
    let stand_in = set("CARGO_FEATURE_STAND_IN").map(|_| STAND_IN);
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .opt_level(1)
        .includes(&headers.folders)
        .include("src/shim")
        .define("USE_C10D_GLOO", None)
        .define("_GLIBCXX_USE_CXX11_ABI", headers.abi.as_str())
        .files(SHIM.into_iter().chain(stand_in).map(|name| format!("src/shim/{name}.cpp")))
        .compile("interflow_shim");
}

/// What the compiler has to know of libtorch.
struct Headers {
    folders: Vec<PathBuf>,
    /// 1 for the present C++ ABI of the standard library, 0 for the one before it.
    abi: String,
}

impl Headers {
    /// Looks where torch-sys looks, in the same order.
    fn find() -> Result<Self, String> {
        let headers = match set("LIBTORCH_USE_PYTORCH") {
            Some(_) => Self::of_python()?,
            None => Self::of_folder(&folder()?),
        };
        if headers.folders.iter().any(|folder| folder.join("torch/version.h").exists()) {
            Ok(headers)
        } else {
            Err(format!("no headers (torch/version.h) in {}", shown(&headers.folders)))
        }
    }

    fn of_folder(root: &Path) -> Self {
        let folders = ["include", "include/torch/csrc/api/include"].map(|folder| root.join(folder));
        Self { folders: folders.to_vec(), abi: set("LIBTORCH_CXX11_ABI").unwrap_or_else(|| "1".to_owned()) }
    }

    fn of_python() -> Result<Self, String> {
        let python = if set("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
        let output = Command::new(python).args(["-c", ASK_PYTHON]).output();
        let output = output
            .map_err(|error| format!("LIBTORCH_USE_PYTORCH is set, but {python} does not run: {error}"))?;
        let (answer, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut lines = answer.lines().map(str::to_owned);
        match lines.next() {
            Some(abi) => Ok(Self { folders: lines.map(PathBuf::from).collect(), abi }),
            None => Err(format!(
                "LIBTORCH_USE_PYTORCH is set, but {python} has no torch: {}",
                complaint.lines().last().unwrap_or_default()
            )),
        }
    }
}

fn folder() -> Result<PathBuf, String> {
    let named = set("LIBTORCH_INCLUDE").or_else(|| set("LIBTORCH")).map(PathBuf::from);
    let system = || Path::new(SYSTEM).join("lib/libtorch.so").exists().then(|| PathBuf::from(SYSTEM));
    named.or_else(system).ok_or_else(|| "LIBTORCH is not set".to_owned())
}

fn set(variable: &str) -> Option<String> {
    env::var(variable).ok()
}

fn shown(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
