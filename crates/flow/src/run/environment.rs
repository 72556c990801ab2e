//! What a run's numbers may depend on beside its config.

use serde_json::{Value, json};
use tch::Device;

use crate::device;

/// The versions, the machine and the commit of the working directory, as JSON.
pub(crate) fn environment(device: Device) -> Value {
    json!({
        "interflow": env!("CARGO_PKG_VERSION"),
        "libtorch": interflow_libtorch::version(),
        "device": device::name(device),
        "threads": tch::get_num_threads(),
        "products": interflow_libtorch::products().name(),
        "bf16": interflow_libtorch::has_bf16(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "git_commit": git_commit(),
        "started": jiff::Timestamp::now().to_string(),
    })
}

/// The commit of the working directory, if there is one.
fn git_commit() -> Option<String> {
    let output = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
