//! The workspace's own configs describe experiments.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use interflow_flow::ExperimentConfig;

/// Studies that train nothing have configs of their own kind.
const UNTRAINED: [&str; 2] = ["cost", "gmm-exact"];

#[test]
fn every_config_is_read_and_written_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut n = 0;
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|ending| ending != "toml") || UNTRAINED.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let config =
            ExperimentConfig::from_toml(&text, &name, &[]).unwrap_or_else(|error| panic!("{error:?}"));
        let again = ExperimentConfig::from_toml(&config.to_toml().unwrap(), &name, &[]).unwrap();
        assert_eq!(config, again, "{name}");
        n += 1;
    }
    assert!(n > 20, "only {n} configs were found");
}
