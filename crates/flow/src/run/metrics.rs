//! The file of a run's numbers, `metrics.jsonl`: one JSON object a line.

use std::fs::File;
use std::io::{self, Write as _};

use serde_json::Value;

use super::folder::RunFolder;
use crate::error::{Result, io_error};

/// The records of a folder's metrics up to step `last`, none where there is no file.
pub(super) fn read(folder: &RunFolder, last: u64) -> Vec<Value> {
    std::fs::read_to_string(folder.metrics())
        .unwrap_or_default()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|record| record["step"].as_u64().is_some_and(|step| step <= last))
        .collect()
}

/// The file of a folder's metrics, to append to, with nothing after step `last`: a resumed run writes that again.
pub(super) fn open(folder: &RunFolder, last: u64) -> Result<File> {
    let mut kept = String::new();
    for record in read(folder, last) {
        kept.push_str(&record.to_string());
        kept.push('\n');
    }
    let path = folder.metrics();
    folder.write("metrics.jsonl", kept.as_bytes())?;
    File::options().append(true).open(&path).map_err(io_error("write the file", &path))
}

/// Adds `bytes` to the end of a file that was opened to append, all of them or none.
pub(super) fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let whole = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        // Without a part of the bytes the file stays readable; that this failed too is no news.
        let _ = file.set_len(whole);
    })
}
