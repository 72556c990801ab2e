//! Several processes that share the work: they come to what one comes to, and end together, whatever happens to one of them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use interflow_tests::{Playground, partial_files, signal, wait, wait_for_checkpoint};
use interflow_train::{Checkpoint, checkpoints};
use serde_json::Value;

/// A run that takes minutes, with a checkpoint every few steps.
const LONG: &str = "train tiny.toml --set train.steps=1000000 --set train.checkpoint_every=20 --processes 2";

fn newest(run: &Path) -> Checkpoint {
    let (_, file) = checkpoints::list(&run.join("checkpoints")).unwrap().remove(0);
    Checkpoint::load(&file).unwrap()
}

fn numbers(checkpoint: &Checkpoint) -> Vec<f64> {
    let lists = [&checkpoint.model, &checkpoint.optimizer.exp_avg, &checkpoint.optimizer.exp_avg_sq];
    lists
        .into_iter()
        .flatten()
        .flat_map(|(_, x)| {
            Vec::<f64>::try_from(x.to_kind(interflow_core::tch::Kind::Double).reshape([-1])).unwrap()
        })
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The processes that a launcher has started, by rank.
fn workers(launcher: u32) -> BTreeMap<usize, u32> {
    let children =
        std::fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap_or_default();
    let rank = |process: &u32| {
        let environment = std::fs::read(format!("/proc/{process}/environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables.find_map(|variable| text(variable).strip_prefix("RANK=").map(|rank| rank.parse().unwrap()))
    };
    let processes = children.split_whitespace().map(|process| process.parse().unwrap());
    processes.filter_map(|process| Some((rank(&process)?, process))).collect()
}

/// Sends a signal to a process that is not a child of this one.
fn send(process: u32, name: &str) {
    Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
}

/// Starts a long run that writes below `out` and waits for its first checkpoint.
fn begin(playground: &Playground, arguments: &str, out: &str) -> Child {
    let mut command = playground.command(&format!("{arguments} --out {out}"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_checkpoint(&playground.path().join(out).join("tiny"));
    child
}

/// How a run ended, and what it said.
fn end(mut child: Child) -> (Option<i32>, String) {
    let status = wait(&mut child);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    (status.code(), said)
}

/// Goes on with a long run to a step, in `n` processes.
fn resume(playground: &Playground, run: &Path, steps: u64, n: usize) {
    let run = run.display();
    playground.succeed(&format!(
        "train tiny.toml --set train.steps={steps} --set train.checkpoint_every=20 --processes {n} --resume {run}"
    ));
}

fn result(run: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(run.join("result.json")).unwrap()).unwrap()
}

#[test]
fn several_processes_come_to_what_one_comes_to() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --out alone");
    let output = playground.run("experiment tiny.toml --out of-2 --processes 2");
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.contains("2 processes share the work"), "{said}");
    let run = playground.run_folder("of-2");
    let relative = run.strip_prefix(playground.path()).unwrap();
    assert_eq!(printed.lines().next().unwrap(), relative.to_str().unwrap());
    assert!(run.join("report.md").is_file() && run.join("figures/loss.png").is_file());
    assert!(result(&run)["test_nll"]["mean"].is_number());
    let (one, two) = (newest(&playground.run_folder("alone")), newest(&run));
    assert_eq!((one.step, two.step), (200, 200));
    let (one, two) = (numbers(&one), numbers(&two));
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let off: Vec<f64> = one.iter().zip(&two).map(|(a, b)| a - b).collect();
    assert!(norm(&off) < 1e-4 * norm(&one), "{} of {}", norm(&off), norm(&one));
    // The same again is the same to the bit.
    playground.succeed("train tiny.toml --out again --processes 2");
    assert!(numbers(&newest(&playground.run_folder("again"))) == two);
    // Three do not divide 64.
    playground.succeed("train tiny.toml --out of-3 --processes 3 --set train.batch=63");
    assert_eq!(newest(&playground.run_folder("of-3")).step, 200);
}

#[test]
fn samples_and_densities_of_several_processes_are_those_of_one() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml");
    let run = playground.run_folder("runs").display().to_string();
    let read = |name: &str| -> Vec<Vec<f64>> {
        let file = std::fs::read_to_string(playground.path().join(name)).unwrap();
        let numbers = |line: &str| line.split(',').map(|number| number.parse().unwrap()).collect();
        file.lines().skip(1).map(numbers).collect()
    };
    for n in [1, 2, 3] {
        let with = format!("--processes {n}");
        playground.succeed(&format!("sample {run} -n 301 -o x-{n}.csv {with}"));
        playground.succeed(&format!("log-prob {run} x-1.csv -o p-{n}.csv {with}"));
        playground.succeed(&format!("encode {run} x-1.csv -o z-{n}.csv {with}"));
        // Fewer rows than processes.
        playground.succeed(&format!("sample {run} -n 2 -o few-{n}.csv {with}"));
        for name in ["x", "p", "z", "few"] {
            let (one, many) = (read(&format!("{name}-1.csv")), read(&format!("{name}-{n}.csv")));
            assert_eq!((one.len(), one[0].len()), (many.len(), many[0].len()), "{name}");
            let pairs = one.iter().flatten().zip(many.iter().flatten());
            let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            // Steps are chosen batch by batch.
            assert!(off < 2e-2, "{name} of {n}: {off}");
        }
    }
    let [one, two] =
        ["", "--processes 2"].map(|with| playground.succeed(&format!("evaluate {run} {with} --json")));
    let nll = |text: &str| serde_json::from_str::<Value>(text).unwrap()["test_nll"]["mean"].as_f64().unwrap();
    assert!((nll(&one) - nll(&two)).abs() < 1e-2, "{one} {two}");
    let said = playground.fail(&format!("log-prob {run} - --processes 2"));
    assert!(said.contains("what comes from stdin comes to one process only"), "{said}");
}

/// Whichever process is killed, whenever: one message at once, nothing half-written, and the run goes on as if nothing had
/// been.
#[test]
fn a_process_that_is_killed_ends_all_and_the_run_goes_on() {
    let playground = Playground::new();
    let mut ends = Vec::new();
    for (round, victim) in [0, 1, 1, 0, 1, 0, 0, 1, 1, 0].into_iter().enumerate() {
        let out = format!("killed-{round}");
        let child = begin(&playground, LONG, &out);
        // At some moment of a step, of a checkpoint, or between.
        std::thread::sleep(Duration::from_millis(37 * (round as u64 % 7)));
        let at = Instant::now();
        send(workers(child.id())[&victim], "KILL");
        let (code, said) = end(child);
        assert!(at.elapsed() < Duration::from_secs(30), "{:?}", at.elapsed());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("process {victim} was ended by signal 9")), "{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(!said.contains("panicked") && !said.contains("frame #"), "{said}");
        if victim == 1 {
            assert!(said.contains("go on with --resume"), "{said}");
            assert!(partial_files(&playground.path().join(&out)).is_empty());
        }
        ends.push((out, newest(&playground.run_folder(&format!("killed-{round}"))).step));
    }
    // All go on to the same step and the same bits as one that was never stopped.
    let last = ends.iter().map(|(_, step)| *step).max().unwrap() + 50;
    playground.succeed(&format!(
        "train tiny.toml --set train.steps={last} --set train.checkpoint_every=20 --processes 2 --out whole"
    ));
    let whole = numbers(&newest(&playground.run_folder("whole")));
    for (out, _) in ends {
        let run = playground.run_folder(&out);
        resume(&playground, &run, last, 2);
        let found = newest(&run);
        assert_eq!(found.step, last);
        assert!(numbers(&found) == whole, "{out}");
        assert!(partial_files(&run).is_empty());
    }
    // And with another number of processes, up to the order of sums.
    let run = playground.run_folder("killed-0");
    resume(&playground, &run, last + 20, 1);
    assert_eq!(newest(&run).step, last + 20);
}

#[test]
fn a_process_that_hangs_ends_all_within_the_timeout() {
    let playground = Playground::new();
    for victim in [1, 0] {
        let child = begin(&playground, &format!("{LONG} --timeout 3"), &format!("hung-{victim}"));
        let at = Instant::now();
        send(workers(child.id())[&victim], "STOP");
        let (code, said) = end(child);
        assert!(at.elapsed() < Duration::from_secs(45), "{:?}", at.elapsed());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("process {victim} shows no sign of life")), "{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
    }
}

#[test]
fn ctrl_c_saves_one_checkpoint_and_a_second_one_ends_all() {
    let playground = Playground::new();
    let child = begin(&playground, LONG, "runs");
    signal(&child, "INT");
    let (code, said) = end(child);
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(said.matches("interrupted; the state is saved").count(), 1, "{said}");
    assert!(!said.contains("error"), "{said}");
    let run = playground.run_folder("runs");
    let step = newest(&run).step;
    assert!(said.contains("go on with --resume") && partial_files(&run).is_empty());
    resume(&playground, &run, step + 5, 2);
    assert_eq!(newest(&run).step, step + 5);

    let child = begin(&playground, LONG, "twice");
    // Two that cannot answer, for the second signal to come before the first has had its effect.
    let processes = workers(child.id());
    for process in processes.values() {
        send(*process, "STOP");
    }
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let (code, said) = end(child);
    assert_eq!(code, Some(130), "{said}");
    assert!(processes.values().all(|process| !Path::new(&format!("/proc/{process}")).exists()));
}

#[test]
fn without_who_started_them_processes_end() {
    let playground = Playground::new();
    let mut child = begin(&playground, LONG, "runs");
    let processes = workers(child.id());
    assert_eq!(processes.len(), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = |process: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        status.is_empty() || status.contains(") Z ")
    };
    let at = Instant::now();
    while !processes.values().all(gone) {
        assert!(at.elapsed() < Duration::from_mins(1), "they go on without it");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Starts one process of two at a port.
fn one_of_two(playground: &Playground, rank: usize, port: u16, arguments: &str) -> Child {
    let variables = [
        ("RANK", rank.to_string()),
        ("WORLD_SIZE", "2".to_owned()),
        ("LOCAL_RANK", rank.to_string()),
        ("MASTER_ADDR", "127.0.0.1".to_owned()),
        ("MASTER_PORT", port.to_string()),
    ];
    let mut command = playground.command(arguments);
    command.envs(variables).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn processes_with_other_configs_or_data_are_refused_with_the_difference() {
    let playground = Playground::new();
    playground.write("a.csv", &table(0));
    playground.write("b.csv", &table(1));
    let fit = |file: &str| {
        format!("fit {file} --marginals plain --set train.steps=20 --set train.validate_every=20")
    };
    let cases = [
        (
            "train tiny.toml".to_owned(),
            "train tiny.toml --set train.batch=32".to_owned(),
            "config: train.batch, process 0: 64, process 1: 32",
        ),
        (fit("a.csv"), fit("b.csv"), "config: name, process 0: \"a\", process 1: \"b\""),
    ];
    for (first, second, expected) in cases {
        let port = free_port();
        let children = [&first, &second].map(String::as_str);
        let children = [0, 1].map(|rank| one_of_two(&playground, rank, port, children[rank]));
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(
                said.contains("the processes do not have the same to do") && said.contains(expected),
                "{said}"
            );
        }
        assert!(!playground.path().join("runs").exists(), "a run folder was made");
    }
    // Other numbers in a file of the same name.
    std::fs::create_dir(playground.path().join("other")).unwrap();
    playground.write("other/a.csv", &table(1));
    let port = free_port();
    let folders = [playground.path().to_owned(), playground.path().join("other")];
    let children = [0, 1].map(|rank| in_folder(&playground, &folders[rank], rank, port, &fit("a.csv")));
    for child in children {
        let said = text(&child.wait_with_output().unwrap().stderr);
        assert!(said.contains("the processes do not have the same to do"), "{said}");
    }
}

fn in_folder(playground: &Playground, folder: &Path, rank: usize, port: u16, arguments: &str) -> Child {
    let mut command = playground.command(arguments);
    command.current_dir(folder).env("RANK", rank.to_string()).env("WORLD_SIZE", "2");
    command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A table of two columns, another one for each seed.
fn table(seed: u32) -> String {
    let row = |i: u32| {
        let x = f64::from((i * 7919 + seed * 104_729) % 1009) / 1009.0;
        format!("{x},{}\n", x * x + f64::from((i * 31 + seed) % 17) / 17.0)
    };
    std::iter::once("a,b\n".to_owned()).chain((1..400).map(row)).collect()
}

#[test]
fn what_makes_no_sense_is_refused() {
    let playground = Playground::new();
    let failed = |arguments: &str, variables: &[(&str, &str)]| {
        let mut command = playground.command(arguments);
        let output: Output = command.envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let said = failed("train tiny.toml", &[("RANK", "1"), ("WORLD_SIZE", "2")]);
    assert!(said.contains("MASTER_ADDR is not set") && said.contains("hint: "), "{said}");
    let place = [("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1")];
    let said = failed("train tiny.toml --timeout 2", &place);
    assert!(said.contains("process 1 of 2 cannot join the others at 127.0.0.1:1 within 2 s"), "{said}");
    let said = failed("train tiny.toml --processes 3", &place);
    assert!(
        said.contains("the environment says that 2 processes share the work, and --processes 3"),
        "{said}"
    );
    let said = failed("train tiny.toml --processes 3", &[]);
    assert!(said.contains("training in 3 processes does not go with batch: 64"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    let said = failed("inspect runs --processes 2", &[]);
    assert!(said.contains("there is no work to share"), "{said}");
}

/// The folder of a Python with torch that has `torchrun`, if there is one.
fn torchrun() -> Option<PathBuf> {
    let asked = Command::new("python3").args(["-c", "import torch.distributed.run"]).output().ok()?;
    asked.status.success().then(|| PathBuf::from("python3"))
}

#[test]
fn torchrun_starts_and_restarts_processes() {
    let Some(python) = torchrun() else {
        eprintln!("skipped: python3 has no torch here");
        return;
    };
    let playground = Playground::new();
    let run = |arguments: &str| {
        let mut command = Command::new(&python);
        command.args(["-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2"]);
        command.args(["--max-restarts", "1", "--standalone"]).arg(interflow_tests::interflow());
        command.args(arguments.split_whitespace()).current_dir(playground.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let output = run("experiment tiny.toml --out runs").wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(newest(&playground.run_folder("runs")).step, 200);

    // Killed once, the run is finished by the processes that torchrun starts again.
    let steps = "train tiny.toml --set train.steps=3000 --set train.checkpoint_every=20 --out again";
    let child = run(steps);
    wait_for_checkpoint(&playground.path().join("again/tiny"));
    send(workers(child.id())[&1], "KILL");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("started again, the run goes on in"), "{}", text(&output.stderr));
    assert_eq!(newest(&playground.run_folder("again")).step, 3000);
}

/// Two network namespaces with a cable between them, as two machines; `$A` and `$B` run a command on either.
const TWO_MACHINES: &str = "
mount -t tmpfs tmpfs /run && ip netns add a && ip netns add b &&
ip link add va netns a type veth peer name vb netns b &&
ip -n a addr add 10.77.0.1/24 dev va && ip -n a link set va up && ip -n a link set lo up &&
ip -n b addr add 10.77.0.2/24 dev vb && ip -n b link set vb up && ip -n b link set lo up || exit 77
export WORLD_SIZE=2 MASTER_ADDR=10.77.0.1 MASTER_PORT=29511 LOCAL_RANK=0
A='ip netns exec a env RANK=0' B='ip netns exec b env RANK=1'
";

/// Runs a script where there are two machines; nothing, with a word why, where the system does not let us have them.
fn on_two_machines(playground: &Playground, script: &str) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--mount", "sh", "-c"]).arg(format!("{TWO_MACHINES}{script}"));
    command.current_dir(playground.path()).env("OMP_NUM_THREADS", "1");
    let output = command.env("INTERFLOW", interflow_tests::interflow()).output().ok();
    let output = output.filter(|output| ![Some(1), Some(77)].contains(&output.status.code()));
    if output.is_none() {
        eprintln!("skipped: no network namespaces can be made here");
    }
    output
}

#[test]
fn two_machines_train_like_one() {
    let playground = Playground::new();
    let script = "
$A $INTERFLOW train tiny.toml --out machines & $B $INTERFLOW train tiny.toml --out machines; wait $! && exit 5";
    let Some(output) = on_two_machines(&playground, script) else { return };
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    playground.succeed("train tiny.toml --out one --processes 2");
    let [machines, one] = ["machines", "one"].map(|out| numbers(&newest(&playground.run_folder(out))));
    assert!(machines == one);

    // The cable is pulled.
    let script = "
LONG='train tiny.toml --set train.steps=1000000 --timeout 4 --out cut'
$A $INTERFLOW $LONG & first=$!
$B $INTERFLOW $LONG & second=$!
sleep 6; ip -n a link set va down
wait $first; echo a $? >&2; wait $second; echo b $? >&2; exit 5";
    let Some(output) = on_two_machines(&playground, script) else { return };
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(5) && said.contains("a 1") && said.contains("b 1"), "{said}");
    assert!(said.contains("error: ") && !said.contains("panicked"), "{said}");
}
