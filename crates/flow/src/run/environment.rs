//! What a run's numbers may depend on beside its config.

use std::path::Path;

use serde_json::{Value, json};
use tch::Device;

use crate::device;

/// The versions, the machine, the command that the process was started by, and the commit of the working directory, as JSON.
pub(crate) fn environment(device: Device) -> Value {
    json!({
        "interflow": env!("CARGO_PKG_VERSION"),
        "libtorch": interflow_libtorch::version(),
        "device": device::name(device),
        "threads": tch::get_num_threads(),
        "products": interflow_libtorch::products().name(),
        "bf16": interflow_libtorch::has_bf16(),
        "cpu": processor(),
        "command": command(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "git_commit": git_commit(),
        "started": jiff::Timestamp::now().to_string(),
    })
}

/// The name of the processor, where the system tells it in a file, as Linux does.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The words that the process was started by, of its program the file's name alone.
fn command() -> Vec<String> {
    let mut words: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(program) = words.first_mut()
        && let Some(name) = Path::new(program.as_str()).file_name()
    {
        *program = name.to_string_lossy().into_owned();
    }
    words
}

/// The commit of the working directory, if there is one.
fn git_commit() -> Option<String> {
    let output = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
