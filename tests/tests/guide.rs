//! The commands of README.md and of the guide: each runs, on a small scale, or is at least one that the program takes.
//!
//! A block ```` ```sh ```` runs, in a folder with the files that it names; one with more words behind `sh` says what it needs
//! instead, and is held against the command line. What `cargo xtask` takes is tested there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::process::Command;

use interflow_tests::{Playground, interflow, workspace};

/// A command of a page, as words.
struct Line {
    page: PathBuf,
    words: Vec<String>,
    /// Whether the block says that it needs something which is not here.
    needs: bool,
}

impl Line {
    /// What `interflow` is called with, if the line calls it.
    fn arguments(&self) -> Option<Vec<String>> {
        if self.words[0] == "cargo" {
            return None;
        }
        let place = self.words.iter().position(|word| word == "interflow" || word.ends_with("/interflow"))?;
        Some(
            self.words[place + 1..].iter().take_while(|word| *word != "|" && *word != ">").cloned().collect(),
        )
    }
}

/// The pages with commands.
fn pages() -> Vec<PathBuf> {
    let guide = std::fs::read_dir(workspace().join("docs/guide")).unwrap();
    let mut pages: Vec<PathBuf> = guide.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    pages.push(workspace().join("README.md"));
    pages.sort();
    pages
}

/// The commands of a page's shell blocks.
fn lines(page: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut found = Vec::new();
    for block in text.split("\n```sh").skip(1) {
        let (rest, commands) = block.split_once('\n').unwrap();
        let commands = commands.split_once("\n```").unwrap().0.replace("\\\n", " ");
        found.extend(commands.lines().map(words).filter(|words| !words.is_empty()).map(|words| Line {
            page: page.to_owned(),
            words,
            needs: !rest.trim().is_empty(),
        }));
    }
    found
}

/// The words of a command as a shell takes them, without its comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(open)) if letter == open => quote = None,
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// A folder with what the pages' commands take.
fn playground() -> Playground {
    let playground = Playground::new();
    std::os::unix::fs::symlink(workspace().join("configs"), playground.path().join("configs")).unwrap();
    let house = |i: u32| {
        let area = 40.0 + f64::from(i * 37 % 101) + f64::from(i % 13) / 8.0;
        let town = ["Bergen", "Oslo"][i as usize % 2];
        let price = 3.0 * area + f64::from(i * 7 % 31);
        format!("{price:.2},{area:.3},{},{town},{}\n", 1 + i % 5, 1920 + i * 17 % 100)
    };
    let rows: Vec<String> = (0..200).map(house).collect();
    let table = |rows: &[String]| format!("price,area,rooms,town,built\n{}", rows.concat());
    playground.write("data.csv", &table(&rows));
    let holes: Vec<String> = rows.iter().take(5).map(|row| row.replace("Oslo", "")).collect();
    playground.write("holes.csv", &table(&holes));
    playground.write("conditions.csv", "town\nOslo\nBergen\n");
    playground.write("points.csv", "x1,x2\n0.5,1\n-1.5,2.25\n");
    playground
}

/// Settings with which a training of the guide ends within seconds.
const SMALL: &str = "--threads 1 --set train.steps=4 --set train.warmup_steps=0 --set train.batch=64 --set train.n_validation=64";

/// What one command prints, in a playground; training is cut short.
fn run(playground: &Playground, line: &Line, folder: Option<&str>) -> String {
    let mut arguments = line.arguments().unwrap();
    for argument in &mut arguments {
        *argument = argument.replace("RUN", folder.unwrap_or("RUN"));
    }
    let mut command = playground.command("");
    let trains = ["train", "fit"].contains(&arguments[0].as_str());
    command.args(&arguments);
    if trains && !arguments.contains(&"--resume".to_owned()) {
        command.args(SMALL.split(' '));
    }
    let output = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let page = line.page.display();
    assert!(output.status.success(), "{page}: interflow {}: {stderr}", arguments.join(" "));
    stdout.into_owned()
}

#[test]
fn the_commands_of_the_guide_run() {
    let playground = playground();
    for page in pages() {
        let mut folder = None;
        for line in lines(&page).iter().filter(|line| !line.needs && line.arguments().is_some()) {
            let printed = run(&playground, line, folder.as_deref());
            if let Some(first) = printed.lines().next().filter(|first| first.starts_with("runs/")) {
                let is_run = playground.path().join(first).join("config.toml").is_file();
                folder = if is_run { Some(first.to_owned()) } else { folder };
            }
        }
    }
}

#[test]
fn commands_that_need_more_are_ones_that_the_program_takes() {
    let all: Vec<Line> = pages().iter().flat_map(|page| lines(page)).collect();
    assert!(all.len() > 40, "only {} commands are found", all.len());
    for line in all.iter().filter(|line| line.needs) {
        let Some(arguments) = line.arguments() else { continue };
        // Whatever stands before it is parsed, and nothing is done.
        let output = Command::new(interflow()).args(&arguments).arg("--help").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}: {stderr}", line.page.display(), arguments.join(" "));
        for config in arguments.iter().filter(|word| word.starts_with("configs/")) {
            assert!(workspace().join(config).is_file(), "{}: {config}", line.page.display());
        }
    }
}

#[test]
fn links_of_pages_lead_somewhere() {
    let folders = ["docs", "docs/guide", "docs/notes", "configs", "."].map(|folder| workspace().join(folder));
    for folder in folders {
        for page in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if page.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&page).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
            {
                let file = link.split('#').next().unwrap();
                let is_known = link.contains("://") || file.is_empty();
                assert!(is_known || folder.join(file).exists(), "{}: {link}", page.display());
            }
        }
    }
}
