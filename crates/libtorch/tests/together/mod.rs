//! What tests of processes that compute together have in common: each runs itself again, once for every process.
#![allow(dead_code, reason = "each file of tests needs a part")]

use std::env;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use interflow_libtorch::{Error, Keeper, MeetingPoint, PartsBefore, PassMean, Place, ProcessGroup};
use tch::{Device, Kind, Tensor};

const RANK: &str = "INTERFLOW_TEST_RANK";
const SIZE: &str = "INTERFLOW_TEST_SIZE";
const PORT: &str = "INTERFLOW_TEST_PORT";
/// What a process says at the end, for a test not to pass by running nothing.
pub(crate) const DONE: &str = "this process has done its part";

fn number(variable: &str) -> Option<usize> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

pub(crate) fn place(rank: usize, size: usize, port: u16) -> Place {
    let keeper = Keeper::Launcher { attempt: 0 };
    let host = MeetingPoint::HOST.to_owned();
    Place { rank, size, local_rank: rank, host, port, keeper, timeout: Duration::from_secs(6) }
}

/// Runs `body` in `size` processes; `name` is the test's own.
pub(crate) fn processes(name: &str, size: usize, body: fn(ProcessGroup)) {
    processes_with(name, size, &[], body);
}

/// The same with more variables in their environment.
pub(crate) fn processes_with(name: &str, size: usize, variables: &[(&str, &str)], body: fn(ProcessGroup)) {
    if let Some(rank) = number(RANK) {
        if number(SIZE) == Some(size) {
            let port = number(PORT).unwrap() as u16;
            body(ProcessGroup::join(place(rank, size, port)).unwrap());
            println!("{DONE}");
        }
        return;
    }
    let point = MeetingPoint::open().unwrap();
    let port = point.port();
    let start = |rank: usize| -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .envs([(RANK, rank.to_string()), (SIZE, size.to_string()), (PORT, port.to_string())])
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = (0..size).map(start).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for (rank, output) in outputs.iter().enumerate() {
        let (text, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // One that was killed on purpose has said before that it did its part.
        let fine = output.status.success() || output.status.code().is_none();
        assert!(fine && text.contains(DONE), "process {rank}: {text}\n{complaint}");
    }
}

/// Numbers that differ from process to process and from place to place, small enough for every kind to be exact.
pub(crate) fn own(rank: usize, shape: &[i64], kind: Kind) -> Tensor {
    let n: i64 = shape.iter().product();
    let x = Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(13) * (rank as i64 + 1);
    x.reshape(shape).to_kind(kind)
}

/// Sends a signal to a process.
pub(crate) fn end(signal: &str, process: u32) {
    let sent = Command::new("kill").args([format!("-{signal}"), process.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Weights that fill several buckets, of which one is reached by no loss.
fn weights(kind: Kind, device: Device) -> Vec<Tensor> {
    let of = |shape: &[i64]| own(0, shape, kind).to_device(device).set_requires_grad(true);
    vec![of(&[3]), of(&[700, 1000]), of(&[2]), of(&[900, 1000]), of(&[1200, 1000]), of(&[5])]
}

/// A loss that has another gradient in every process: that of weight i is i + 1 times the process's own numbers.
fn loss(weights: &[Tensor], rank: usize, part: i64) -> Tensor {
    let terms = weights.iter().zip(1i64..).filter(|(_, i)| *i != 3).map(|(weight, i)| {
        (weight * own(rank, &weight.size(), weight.kind()).to_device(weight.device())).sum(weight.kind())
            * (i * part)
    });
    terms.reduce(|a, b| a + b).unwrap()
}

#[allow(clippy::disallowed_methods, reason = "what makes sure of a graph lies above this crate")]
fn backward(loss: &Tensor, weights: &[Tensor]) -> Result<Vec<Tensor>, Error> {
    let operation = "a backward pass";
    Tensor::f_run_backward(&[loss], weights, false, false)
        .map_err(|error| Error::Torch { operation, message: error.to_string() })
}

/// Averages gradients of weights on a device while they are computed.
pub(crate) fn check_pass_mean(group: ProcessGroup, device: Device) {
    let (rank, size) = (group.rank(), group.size() as i64);
    for kind in [Kind::Float, Kind::Double] {
        let weights = weights(kind, device);
        assert!(PassMean::pays_for(&group, &weights).unwrap());
        assert!(!PassMean::pays_for(&group, &weights[..1]).unwrap());
        let mean = PassMean::new(&group, &weights).unwrap();
        let reached: Vec<Tensor> =
            weights.iter().enumerate().filter(|(i, _)| *i != 2).map(|(_, x)| x.shallow_clone()).collect();
        // Over all processes, the mean of rank + 1.
        let expected = |i: usize, factor: f64| {
            let numbers = own(0, &weights[i].size(), Kind::Double) * (0.5 * (size + 1) as f64 * factor);
            if i == 2 { numbers.zeros_like() } else { numbers }
        };
        for part in [1, 2] {
            let loss = loss(&weights, rank, part);
            let (found, means) = mean.of(None, || backward(&loss, &reached)).unwrap();
            assert_eq!((found.len(), means.len()), (5, 6));
            for (i, found) in means.iter().enumerate() {
                assert_eq!(found.kind(), kind);
                let off = (found.to_device(Device::Cpu).to_kind(Kind::Double)
                    - expected(i, (part * (i as i64 + 1)) as f64))
                .abs();
                assert!(off.max().double_value(&[]) < 1e-3, "gradient {i}");
            }
            assert!(mean.made(&means).unwrap());
            assert!(!mean.made(&means).unwrap(), "asked twice");
        }
        // Half of the mean is that of a part before.
        let before: Vec<Tensor> =
            backward(&loss(&weights, rank, 3), &reached).unwrap().iter().map(Tensor::copy).collect();
        let zero = weights[2].detach().zeros_like();
        let (first, others) = before.split_at(2);
        let before: Vec<Tensor> =
            first.iter().chain([&zero]).chain(others).map(Tensor::shallow_clone).collect();
        let last = loss(&weights, rank, 1);
        let parts = PartsBefore { mean: &before, share_of_last: 0.5 };
        let (_, means) = mean.of(Some(parts), || backward(&last, &reached)).unwrap();
        for (i, found) in means.iter().enumerate() {
            let off = (found.to_device(Device::Cpu).to_kind(Kind::Double)
                - expected(i, 2.0 * (i as f64 + 1.0)))
            .abs();
            assert!(off.max().double_value(&[]) < 1e-3, "gradient {i} of two parts");
        }
        let short = PartsBefore { mean: &before[1..], share_of_last: 0.5 };
        assert!(mean.of(Some(short), || Ok::<(), Error>(())).is_err());
        // What has been changed in place is not what the pass made.
        let _ = means[0].shallow_clone().fill_(0.0);
        assert!(!mean.made(&means).unwrap());
        // A pass that fails leaves nothing behind, nor does a backward pass that nobody asked to average.
        let failed: Result<((), _), _> =
            mean.of(None, || Err(Error::Torch { operation: "x", message: "y".to_owned() }));
        assert!(failed.is_err());
        let alone = backward(&loss(&weights, rank, 1), &reached).unwrap();
        assert!(alone[0].to_device(Device::Cpu).to_kind(Kind::Double).equal(&own(rank, &[3], Kind::Double)));
    }
    group.barrier().unwrap();
    // One that fails when a part of its gradients is under way leaves a group that nothing can be done with.
    let weights = weights(Kind::Float, device);
    let mean = PassMean::new(&group, &weights).unwrap();
    assert!(mean.watches(&weights) && !mean.watches(&weights[1..]));
    let last = weights[4..].iter().map(|x| x.square().sum(Kind::Float)).reduce(|a, b| a + b).unwrap();
    let failed: Result<((), _), _> = mean.of(None, || {
        backward(&last, &weights[4..])?;
        Err(Error::Torch { operation: "x", message: "y".to_owned() })
    });
    assert!(failed.is_err());
    let error = group.barrier().unwrap_err().to_string();
    assert!(error.contains("an exchange before has failed"), "{error}");
    assert!(mean.of(None, || Ok::<(), Error>(())).is_err());
}

/// Lets process 1 be killed during a sum, which the others hear of by its name and within a bound.
pub(crate) fn check_killed(group: &ProcessGroup, x: &[Tensor]) {
    group.sum_(x).unwrap();
    if group.rank() == 1 {
        println!("{DONE}");
        end("KILL", std::process::id());
        unreachable!("it was killed");
    }
    let start = Instant::now();
    let message = group.sum_(x).unwrap_err().to_string();
    assert!(message.ends_with("process 1 shows no sign of life"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
