//! What a report says of the run itself: when and with what it was made, and how to make it again.

use anyhow::{Context as _, Result};
use interflow_flow::RunFolder;
use serde_json::Value;

use super::rows::readable;
use crate::document::Block;

/// What a run's folder says of the run: config, environment, how it was started.
pub(super) struct About {
    path: String,
    config: String,
    environment: Value,
}

/// What of the environment is shown, and under which name.
const SHOWN: [(&str, &str); 10] = [
    ("interflow", "Interflow"),
    ("libtorch", "libtorch"),
    ("device", "device"),
    ("threads", "threads"),
    ("products", "products of matrices"),
    ("bf16", "bfloat16 in hardware"),
    ("cpu", "processor"),
    ("os", "system"),
    ("arch", "architecture"),
    ("git_commit", "commit of the working directory"),
];

impl About {
    /// Reads the records of a run's folder.
    pub(super) fn of(folder: &RunFolder) -> Result<Self> {
        let file = folder.config_file();
        let config = std::fs::read_to_string(&file);
        Ok(Self {
            path: folder.path().display().to_string(),
            config: config.with_context(|| format!("cannot read the config: {}", file.display()))?,
            environment: folder.environment().unwrap_or_default(),
        })
    }

    /// Seed, length and begin on one line; `taken` are the steps of a finished run, which may have stopped early.
    pub(super) fn line(&self, taken: Option<i64>) -> Block {
        let config: toml::Table = toml::from_str(&self.config).unwrap_or_default();
        let number = |value: Option<&toml::Value>| value.and_then(toml::Value::as_integer);
        let seed = number(config.get("seed")).map(|seed| format!("seed {seed}"));
        let steps = number(config.get("train").and_then(|train| train.get("steps")));
        let steps = steps.map(|steps| match taken.filter(|taken| *taken < steps) {
            Some(taken) => format!("{taken} of at most {steps} steps"),
            None => format!("{steps} steps"),
        });
        let begun = self.environment["started"].as_str().and_then(|time| {
            // To the minute.
            time.get(..16).map(|minute| format!("begun {} UTC", minute.replace('T', " ")))
        });
        let parts = [seed, steps, begun];
        Block::paragraph(parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }

    /// The sections at the end: how to make the run again, the environment, the config.
    pub(super) fn sections(&self) -> Vec<Block> {
        let shown = |(key, name): &(&str, &str)| {
            let value = self.environment.get(*key).filter(|value| !value.is_null())?;
            Some(vec![(*name).to_owned(), readable(value)])
        };
        let environment: Vec<Vec<String>> = SHOWN.iter().filter_map(shown).collect();
        let config = Block::Code { language: "toml".to_owned(), text: self.config.clone() };
        vec![
            Block::heading("To reproduce"),
            Block::paragraph(
                "The first line is how the run was started, the second one makes the same run from the config that it \
                 followed. On the CPU, with the same program and as many threads, both give the same bits.",
            ),
            Block::Code { language: "sh".to_owned(), text: self.commands() },
            Block::heading("Environment"),
            Block::table(&["", ""], &environment),
            Block::Folded { summary: "Config".to_owned(), blocks: vec![config] },
        ]
    }

    /// The command by which an unfinished run goes on; none if it is not known how it was started.
    pub(super) fn resumption(&self) -> Option<Block> {
        let words = self.environment["command"].as_array()?.iter().filter_map(Value::as_str);
        let mut words: Vec<String> = words.map(quoted).collect();
        if !words.iter().any(|word| word == "--resume") {
            // A variant goes on with the comparison that it is a part of.
            let whole = self.path.split_once("/variants/").map_or(&*self.path, |(whole, _)| whole);
            words.extend(["--resume".to_owned(), quoted(whole)]);
        }
        let text = words.join(" ");
        Some(Block::Code { language: "sh".to_owned(), text })
    }

    /// The commands that make the run.
    fn commands(&self) -> String {
        let started = self.environment["command"].as_array();
        let words = started.into_iter().flatten().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>();
        let mut again = vec![
            "interflow".to_owned(),
            "experiment".to_owned(),
            quoted(&format!("{}/config.toml", self.path)),
        ];
        if let Some(threads) = self.environment["threads"].as_i64() {
            again.extend(["--threads".to_owned(), threads.to_string()]);
        }
        if let Some(device) = self.environment["device"].as_str().filter(|device| *device != "cpu") {
            again.extend(["--device".to_owned(), device.to_owned()]);
        }
        let lines = [words.join(" "), again.join(" ")];
        lines.iter().filter(|line| !line.is_empty()).cloned().collect::<Vec<_>>().join("\n")
    }
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn about() -> About {
        let command = json!(["interflow", "fit", "my data.csv"]);
        About {
            path: "runs/moons/1".to_owned(),
            config: "seed = 3\n[train]\nsteps = 20\n".to_owned(),
            environment: json!({ "started": "2026-11-30T12:34:56Z", "threads": 2, "device": "cpu", "command": command }),
        }
    }

    #[test]
    fn a_run_is_told_on_one_line() {
        let line = |taken| about().line(taken);
        let whole = Block::paragraph("seed 3 · 20 steps · begun 2026-11-30 12:34 UTC");
        assert_eq!([line(None), line(Some(20))], [whole.clone(), whole]);
        let stopped = Block::paragraph("seed 3 · 15 of at most 20 steps · begun 2026-11-30 12:34 UTC");
        assert_eq!(line(Some(15)), stopped);
    }

    #[test]
    fn commands_can_be_pasted() {
        let expected =
            "interflow fit 'my data.csv'\ninterflow experiment runs/moons/1/config.toml --threads 2";
        assert_eq!(about().commands(), expected);
        assert_eq!(quoted("it's"), r"'it'\''s'");
        let text = "interflow fit 'my data.csv' --resume runs/moons/1".to_owned();
        let resumption = Some(Block::Code { language: "sh".to_owned(), text });
        let variant = About { path: "runs/moons/1/variants/plain/2".to_owned(), ..about() };
        assert_eq!([about(), variant].map(|about| about.resumption()), [resumption.clone(), resumption]);
    }
}
