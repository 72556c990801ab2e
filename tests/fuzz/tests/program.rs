//! The program under damaged configs and odd arguments: it may refuse them, and must end in good order.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use interflow_core::rng::{Draw, Stream};
use interflow_fuzz::readers;
use interflow_tests::{Playground, interflow};

/// More time than a refusal or two steps of training take on a busy machine.
const LONGEST: Duration = Duration::from_mins(1);
/// Then it is interrupted, and has this long to end.
const LONGEST_END: Duration = Duration::from_secs(20);
/// The address space that it may fill, in kB: a bound that spares the machine.
const MOST_KB: u64 = 12 << 20;

/// How many configs and argument lines: few always, many by `INTERFLOW_FUZZ_CONFIGS` and `INTERFLOW_FUZZ_ARGUMENTS`.
fn count(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |count| count.parse().unwrap())
}

/// How the program ended, with what it said; none if it did not even when it was interrupted.
fn run(arguments: &[String], folder: &Path) -> Option<(ExitStatus, String)> {
    let said = folder.join("said");
    let mut program = Command::new("sh")
        .args(["-c", &format!("ulimit -v {MOST_KB}; exec \"$0\" \"$@\"")])
        .arg(interflow())
        .args(arguments)
        .current_dir(folder)
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut interrupted = false;
    let status = loop {
        if let Some(status) = program.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LONGEST && !interrupted {
            interrupted = true;
            let id = program.id().to_string();
            Command::new("kill").args(["-INT", &id]).status().unwrap();
        }
        if begun.elapsed() > LONGEST + LONGEST_END {
            program.kill().unwrap();
            program.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Some((status, String::from_utf8_lossy(&std::fs::read(said).unwrap()).into_owned()))
}

/// What is wrong with how the program ended, if anything is.
fn fault(arguments: &[String], folder: &Path) -> Option<String> {
    let Some((status, said)) = run(arguments, folder) else { return Some("it hangs".to_owned()) };
    let tail = || said.chars().rev().take(600).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    match status.code() {
        None => Some(format!("{status}: {}", tail())),
        Some(_) if said.contains("panicked") => Some(format!("it panicked: {}", tail())),
        Some(0 | 1 | 2 | 130) => None,
        Some(code) => Some(format!("exit code {code}: {}", tail())),
    }
}

#[test]
fn damaged_configs_are_refused_or_trained() {
    let inputs = readers::named("config").unwrap().inputs(2).unwrap();
    let playground = Playground::new();
    let arguments =
        "train damaged.toml --threads 1 --set train.steps=2 --out runs".split(' ').map(str::to_owned);
    let arguments: Vec<String> = arguments.collect();
    let mut faults = Vec::new();
    for number in inputs.n_whole()..inputs.n_whole() + count("INTERFLOW_FUZZ_CONFIGS", 25) {
        let config = inputs.get(number);
        std::fs::write(playground.path().join("damaged.toml"), &config).unwrap();
        if let Some(fault) = fault(&arguments, playground.path()) {
            faults.push(format!("config {number}: {fault}\n{}", String::from_utf8_lossy(&config)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Lines that the program understands, with RUN for a run folder.
const LINES: [&str; 9] = [
    "sample RUN -n 3 -o out.csv --seed 1",
    "sample RUN -n 2 --sde --steps 4 --epsilon 1.0",
    "log-prob RUN points.csv -o out.csv --time 0.5",
    "encode RUN points.csv -o out.npy",
    "score RUN points.csv --time 0.5",
    "density RUN --out out.png --grid 8 --time 1.0",
    "evaluate RUN --json",
    "inspect RUN --json",
    "train tiny.toml --set train.steps=2 --threads 1 --out runs --seed 3",
];

/// Words that somebody may write, or a script.
const WORDS: [&str; 24] = [
    "0",
    "-1",
    "1e308",
    "nan",
    "inf",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "",
    "--",
    "-",
    "..",
    "/",
    "/dev/null",
    "nowhere.csv",
    "points.csv",
    "--threads",
    "--device",
    "cuda",
    "--set",
    "a.b=",
    "train.batch=99999999999",
    "--along",
    "\u{1f980}",
];

fn below(draw: &mut Draw, n: usize) -> usize {
    (draw.bits() % n as u64) as usize
}

/// A line with one to three words replaced, left out, doubled or added.
fn odd(run: &str, draw: &mut Draw) -> Vec<String> {
    let line = LINES[below(draw, LINES.len())].replace("RUN", run);
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for _ in 0..=below(draw, 3) {
        let (place, word) = (1 + below(draw, words.len()), WORDS[below(draw, WORDS.len())].to_owned());
        match (below(draw, 4), place < words.len()) {
            (0, true) => words[place] = word,
            (1, true) => drop(words.remove(place)),
            (2, true) => words.insert(place, words[place].clone()),
            _ => words.insert(place.min(words.len()), word),
        }
    }
    words
}

#[test]
fn odd_arguments_are_refused_or_done() {
    let playground = Playground::new();
    playground.write("points.csv", "0.1,0.2\n-1.5,3\n");
    playground.succeed("train tiny.toml --set train.steps=2 --out trained");
    let run = playground.run_folder("trained").display().to_string();
    let stream = Stream::named(3, "odd arguments");
    let mut faults = Vec::new();
    for number in 0..count("INTERFLOW_FUZZ_ARGUMENTS", 25) {
        let words = odd(&run, &mut stream.at(number));
        if let Some(fault) = fault(&words, playground.path()) {
            faults.push(format!("{words:?}: {fault}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
