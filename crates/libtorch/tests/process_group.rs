//! Processes that compute together: each test runs itself again, once for every process.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::needless_pass_by_value,
    reason = "a failed helper is a failed test, the process that started this one listens, and numbers are small"
)]

mod together;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use interflow_libtorch::{Error, Keeper, MeetingPoint, Place, ProcessGroup};
use tch::{Device, Kind, Tensor};

use together::{DONE, check_killed, check_pass_mean, end, own, place, processes};

/// Over all processes: the sum of rank + 1, times what the process 0 has.
fn summed(size: usize, shape: &[i64], kind: Kind) -> Tensor {
    let factor = (size * (size + 1) / 2) as i64;
    (own(0, shape, Kind::Int64) * factor).to_kind(kind)
}

const KINDS: [Kind; 4] = [Kind::Float, Kind::Double, Kind::BFloat16, Kind::Int64];
const SHAPES: [&[i64]; 5] = [&[], &[1], &[3, 5], &[0, 4], &[1000, 7]];

fn check_everything(group: ProcessGroup) {
    let (rank, size) = (group.rank(), group.size());
    let all = |f: &dyn Fn(&[i64], Kind) -> Tensor| -> Vec<Tensor> {
        KINDS.iter().flat_map(|kind| SHAPES.map(|shape| f(shape, *kind))).collect()
    };
    let sums = all(&|shape, kind| own(rank, shape, kind));
    group.sum_(&sums).unwrap();
    for (found, expected) in sums.iter().zip(all(&|shape, kind| summed(size, shape, kind))) {
        assert!(found.equal(&expected) && found.kind() == expected.kind());
    }

    // In place: a weight and a view with gaps are overwritten where they are.
    let weight = own(rank, &[6, 4], Kind::Double).set_requires_grad(true);
    let wide = own(rank, &[6, 8], Kind::Double);
    group.mean_(&[weight.shallow_clone(), wide.narrow(1, 2, 4)]).unwrap();
    let expected = summed(size, &[6, 4], Kind::Double) / size as f64;
    assert!(weight.requires_grad() && weight.is_leaf() && weight.detach().equal(&expected));
    let expected = summed(size, &[6, 8], Kind::Double) / size as f64;
    assert!(wide.narrow(1, 2, 4).equal(&expected.narrow(1, 2, 4)));
    assert!(wide.narrow(1, 0, 2).equal(&own(rank, &[6, 8], Kind::Double).narrow(1, 0, 2)));

    let copies = all(&|shape, kind| own(rank, shape, kind));
    group.broadcast_(&copies).unwrap();
    for (found, expected) in copies.iter().zip(all(&|shape, kind| own(0, shape, kind))) {
        assert!(found.equal(&expected));
    }

    let gathered = group.all_gather(&own(rank, &[2, 3], Kind::Float)).unwrap();
    assert_eq!(gathered.len(), size);
    for (rank, found) in gathered.iter().enumerate() {
        assert!(found.equal(&own(rank, &[2, 3], Kind::Float)));
    }

    // Of process r there are r rows.
    let rows = group.gather_rows(&own(rank, &[rank as i64, 3], Kind::Float)).unwrap();
    let expected: Vec<Tensor> = (0..size).map(|rank| own(rank, &[rank as i64, 3], Kind::Float)).collect();
    assert!(rows.equal(&Tensor::cat(&expected, 0)));

    group.set(&format!("of {rank}"), &[rank as u8, 0, 255]).unwrap();
    for rank in 0..size {
        assert_eq!(group.get(&format!("of {rank}")).unwrap(), [rank as u8, 0, 255]);
    }
    group.set("empty", &[]).unwrap();
    assert!(group.get("empty").unwrap().is_empty());
    group.barrier().unwrap();
}

#[test]
fn two_processes_exchange_what_they_have() {
    processes("two_processes_exchange_what_they_have", 2, check_everything);
}

#[test]
fn three_processes_exchange_what_they_have() {
    processes("three_processes_exchange_what_they_have", 3, check_everything);
}

#[test]
fn more_than_a_bucket_is_summed() {
    processes("more_than_a_bucket_is_summed", 2, |group| {
        let shapes: [&[i64]; 3] = [&[5_000_000], &[17], &[9_000_000]];
        let list = shapes.map(|shape| own(group.rank(), shape, Kind::Float));
        group.sum_(&list).unwrap();
        for (found, shape) in list.iter().zip(shapes) {
            assert!(found.equal(&summed(2, shape, Kind::Float)));
        }
    });
}

#[test]
fn whole_numbers_have_no_mean() {
    processes("whole_numbers_have_no_mean", 2, |group| {
        let error = group.mean_(&[own(0, &[3], Kind::Int64)]).unwrap_err();
        assert!(error.to_string().contains("expected floating-point numbers, found: Int64"), "{error}");
        group.barrier().unwrap();
    });
}

#[test]
fn other_tensors_and_other_work_are_errors() {
    processes("other_tensors_and_other_work_are_errors", 2, |group| {
        let other = 1 - group.rank();
        let error = group.sum_(&[own(0, &[3 + group.rank() as i64], Kind::Float)]).unwrap_err();
        let expected = format!("process {other} does something else, or has other tensors");
        assert!(error.to_string().contains(&expected), "{error}");
        let x = own(0, &[3], Kind::Float);
        let outcome =
            if group.rank() == 0 { group.sum_(&[x]) } else { group.broadcast_(&[x.shallow_clone()]) };
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains(&expected), "{error}");
        let outcome = if group.rank() == 0 { group.barrier() } else { group.sum_(&[x_of_one()]) };
        assert!(matches!(outcome, Err(Error::Group { .. })));
    });
}

fn x_of_one() -> Tensor {
    own(0, &[1], Kind::Float)
}

#[test]
fn a_process_that_ends_is_an_error_of_the_others_at_once() {
    processes("a_process_that_ends_is_an_error_of_the_others_at_once", 3, |group| {
        let x = [own(group.rank(), &[1000], Kind::Float)];
        group.sum_(&x).unwrap();
        if group.rank() == 1 {
            group.leave_word("the disk is full");
            return;
        }
        let error = group.sum_(&x).unwrap_err();
        let message = error.to_string();
        assert!(
            message.ends_with("failed in a sum with the others: process 1 has ended: the disk is full"),
            "{message}"
        );
        let Error::Group { rank, size, .. } = error else { panic!("{error}") };
        assert_eq!((rank, size), (group.rank(), 3));
        assert!(group.sum_(&x).is_err(), "the group is of no use any more");
    });
}

#[test]
fn a_process_that_is_killed_is_named() {
    processes("a_process_that_is_killed_is_named", 3, |group| {
        check_killed(&group, &[own(group.rank(), &[1000], Kind::Float)]);
    });
}

#[test]
fn a_process_that_hangs_is_an_error_after_the_timeout_and_one_that_works_is_waited_for() {
    let name = "a_process_that_hangs_is_an_error_after_the_timeout_and_one_that_works_is_waited_for";
    processes(name, 2, |group| {
        if group.rank() == 1 {
            // Longer than the timeout.
            std::thread::sleep(Duration::from_secs(8));
            group.set("who hangs", std::process::id().to_string().as_bytes()).unwrap();
            group.barrier().unwrap();
            println!("{DONE}");
            end("STOP", std::process::id());
            return;
        }
        group.barrier().unwrap();
        let start = Instant::now();
        let message = group.barrier().unwrap_err().to_string();
        assert!(
            message.ends_with("in a barrier with the others: process 1 shows no sign of life"),
            "{message}"
        );
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        let other = String::from_utf8(group.get("who hangs").unwrap()).unwrap();
        end("KILL", other.parse().unwrap());
    });
}

#[test]
fn who_serves_the_store_may_say_why_a_process_ended() {
    let point = MeetingPoint::open().unwrap();
    let group = ProcessGroup::join(place(0, 1, point.port())).unwrap();
    point.leave_word("process 7 was killed").unwrap();
    let place = Place { timeout: Duration::from_secs(1), ..place(0, 1, point.port()) };
    let impatient = ProcessGroup::join(place).unwrap();
    let message = impatient.get("what nobody leaves").unwrap_err().to_string();
    assert!(message.ends_with("process 7 was killed"), "{message}");
    drop(group);
}

#[test]
fn a_meeting_point_that_ends_is_an_error() {
    let point = MeetingPoint::open().unwrap();
    let place = place(0, 1, point.port());
    let group = ProcessGroup::join(place).unwrap();
    group.set("a", &[1]).unwrap();
    drop(point);
    let message = group.get("a").unwrap_err().to_string();
    assert!(message.ends_with("who started the processes has ended, or cannot be reached"), "{message}");
}

#[test]
fn a_master_or_processes_that_are_not_there_are_errors() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (rank, size) in [(1, 2), (0, 2)] {
        let place =
            Place { timeout: Duration::from_secs(2), keeper: Keeper::First, ..place(rank, size, port) };
        let error = ProcessGroup::join(place).unwrap_err();
        let expected =
            format!("process {rank} of {size} cannot join the others at 127.0.0.1:{port} within 2 s");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn gradients_are_averaged_during_the_pass_by_two() {
    processes("gradients_are_averaged_during_the_pass_by_two", 2, |group| {
        check_pass_mean(group, Device::Cpu);
    });
}

#[test]
fn gradients_are_averaged_during_the_pass_by_three() {
    processes("gradients_are_averaged_during_the_pass_by_three", 3, |group| {
        check_pass_mean(group, Device::Cpu);
    });
}
