//! The preprocessing of UCI POWER on small files in the published layout, and its cache.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_data::{Error, Noise, Power, Splits};
use tch::{Kind, Tensor};

/// Rows of the file; each tenth lacks its values.
const N_ROWS: i32 = 1100;
const POWER: Power = Power { n_rows: N_ROWS as usize };
const HEADER: &str = "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;\
                      Sub_metering_1;Sub_metering_2;Sub_metering_3\r\n";

/// What row `i` holds: power and voltage in whole quanta, sub-meterings, minute; the minute tells rows apart.
fn quanta(i: i32) -> [i32; 6] {
    [i * 37 % 9000, 22_000 + i * 53 % 3000, i % 3, i % 7, i % 19, i]
}

/// The file's text with `shift` added to each row's power.
fn text(n_rows: i32, shift: i32) -> String {
    let mut text = HEADER.to_owned();
    for i in 0..n_rows {
        let [power, voltage, first, second, third, minute] = quanta(i);
        let (power, voltage) = (f64::from(power + shift) / 1e3, f64::from(voltage) / 1e2);
        let values = if i % 10 == 3 {
            "?;?;?;?;?;?;".to_owned()
        } else {
            format!("{power:.3};0.418;{voltage:.3};18.400;{first}.000;{second}.000;{third}.000")
        };
        write!(text, "16/12/2006;{:02}:{:02}:00;{values}\r\n", minute / 60, minute % 60).unwrap();
    }
    text
}

/// A data folder with the given file.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("power")).unwrap();
    fs::write(Power::file(folder.path()), text).unwrap();
    folder
}

fn load(folder: &Path) -> Splits {
    POWER.load(folder, Noise::Once).unwrap()
}

/// All training rows, once each.
fn train(splits: &Splits) -> Tensor {
    splits.train.batch(splits.train.n_rows(), 0, &Stream::new(0, Purpose::Target))
}

/// All rows before standardisation, `[N, 6]`, in units of their quanta.
fn in_quanta(splits: &Splits) -> Vec<Vec<f64>> {
    let rows = Tensor::cat(&[train(splits), splits.validation.copy(), splits.test.copy()], 0);
    let standardisation = &splits.standardisation;
    let values = rows.to_kind(Kind::Double) * &standardisation.deviation + &standardisation.mean;
    (values / Tensor::from_slice(&[1e-3, 1e-2, 1.0, 1.0, 1.0, 1.0])).try_into().unwrap()
}

#[test]
fn the_splits_share_the_complete_rows_out() {
    let folder = folder(&text(N_ROWS, 0));
    let splits = load(folder.path());
    let n_complete = 990;
    assert_eq!(splits.test.size(), [99, 6]);
    assert_eq!(splits.validation.size(), [89, 6]);
    assert_eq!(splits.train.n_rows(), n_complete - 99 - 89);
    assert_eq!((splits.test.kind(), train(&splits).kind()), (Kind::Float, Kind::Float));
    let rows = in_quanta(&splits);
    let minutes: Vec<i32> = rows.iter().map(|row| row[5].floor() as i32).collect();
    let found: BTreeSet<i32> = minutes.iter().copied().collect();
    let complete: BTreeSet<i32> = (0..N_ROWS).filter(|i| i % 10 != 3).collect();
    assert_eq!((found, minutes.len()), (complete, n_complete as usize));
    // Chance alone puts a tenth of the test rows into the last tenth of the file.
    let late = minutes[891..].iter().filter(|minute| **minute >= 990).count();
    assert!(late < 30, "{late} of 99 test rows are from the end of the file");
}

#[test]
fn noise_stays_within_one_quantum() {
    let folder = folder(&text(N_ROWS, 0));
    for noise in [Noise::Once, Noise::EveryVisit] {
        let rows = in_quanta(&POWER.load(folder.path(), noise).unwrap());
        let mut total = [0.0; 6];
        for row in &rows {
            let exact = quanta(row[5].floor() as i32).map(f64::from);
            for ((value, exact), total) in row.iter().zip(exact).zip(&mut total) {
                // Single precision resolves a hundredth of the finest quantum, that of the voltage.
                assert!((-0.01..1.01).contains(&(value - exact)), "{value} against {exact}");
                *total += value - exact;
            }
        }
        // The mean of 990 uniform numbers has a standard error of 0.0092; five of them are allowed.
        for total in total {
            assert!((total / rows.len() as f64 - 0.5).abs() < 0.046, "{noise:?}: {total}");
        }
    }
}

#[test]
fn the_columns_restore_the_files_numbers() {
    let folder = folder(&text(N_ROWS, 0));
    let splits = load(folder.path());
    let columns = splits.standardisation.power_columns().unwrap();
    assert_eq!(columns.names()[..2], ["Global_active_power", "Voltage"]);
    let rows: Vec<Vec<f64>> = columns.restore(&train(&splits)).unwrap().try_into().unwrap();
    let mut n_off = 0;
    for row in &rows {
        let exact = quanta(row[5] as i32).map(f64::from);
        let exact = [exact[0] / 1e3, exact[1] / 1e2, exact[2], exact[3], exact[4], exact[5]];
        n_off += row.iter().zip(exact).filter(|(value, exact)| (**value - exact).abs() > 1e-12).count();
    }
    // Noise within single precision's error of a cell's edge may fall into the next cell, rarely.
    assert!(n_off <= 3, "{n_off} of {} numbers are off", 6 * rows.len());
}

#[test]
fn training_and_validation_rows_together_are_standardised() {
    let folder = folder(&text(N_ROWS, 0));
    let splits = load(folder.path());
    let known = Tensor::cat(&[train(&splits), splits.validation.copy()], 0).to_kind(Kind::Double);
    let mean: Vec<f64> = known.mean_dim(0i64, false, Kind::Double).try_into().unwrap();
    let deviation: Vec<f64> = known.std_dim(0i64, false, false).try_into().unwrap();
    assert!(mean.iter().all(|mean| mean.abs() < 1e-6), "{mean:?}");
    assert!(deviation.iter().all(|deviation| (deviation - 1.0).abs() < 1e-6), "{deviation:?}");
}

#[test]
fn only_noise_at_every_visit_differs_between_epochs() {
    let folder = folder(&text(N_ROWS, 0));
    let sorted = |splits: &Splits, epoch| {
        let rows = splits.train.batch(splits.train.n_rows(), epoch, &Stream::new(0, Purpose::Target));
        rows.select(1, 5).sort(0, false).0
    };
    let [once, fresh] =
        [Noise::Once, Noise::EveryVisit].map(|noise| POWER.load(folder.path(), noise).unwrap());
    assert_eq!(sorted(&once, 0), sorted(&once, 1));
    assert_ne!(sorted(&fresh, 0), sorted(&fresh, 1));
    assert_eq!((once.validation, once.test), (fresh.validation, fresh.test));
}

fn cache(folder: &Path) -> PathBuf {
    Power::file(folder).with_extension("interflow-cache")
}

#[test]
fn the_cache_gives_what_the_file_gives() {
    let folder = folder(&text(N_ROWS, 0));
    let first = load(folder.path());
    // The file is replaced behind the cache's back: same size, same time, other numbers.
    let source = Power::file(folder.path());
    let time = source.metadata().unwrap().modified().unwrap();
    fs::write(&source, text(N_ROWS, 0).replace(";1.000;", ";2.000;")).unwrap();
    File::options().write(true).open(&source).unwrap().set_modified(time).unwrap();
    let second = load(folder.path());
    assert_eq!(first.test, second.test);
    assert_eq!(train(&first), train(&second));
    fs::remove_file(cache(folder.path())).unwrap();
    assert_ne!(train(&first), train(&load(folder.path())));
}

#[test]
fn a_changed_file_gets_a_new_cache() {
    let folder = folder(&text(N_ROWS, 0));
    let old = load(folder.path());
    fs::write(Power::file(folder.path()), text(N_ROWS, 1500)).unwrap();
    let new = load(folder.path());
    let shift = new.standardisation.mean - old.standardisation.mean;
    assert!((shift.double_value(&[0]) - 1.5).abs() < 1e-6, "{shift:?}");
    assert!(shift.narrow(0, 1, 5).abs().max().double_value(&[]) < 1e-12, "{shift:?}");
}

#[test]
fn a_damaged_cache_is_rebuilt() {
    let folder = folder(&text(N_ROWS, 0));
    let expected = load(folder.path());
    let whole = fs::read(cache(folder.path())).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let (last, half) = (whole.len() - 1, whole.len() / 2);
    let flips = [0, 20, 60, half, last].map(flipped);
    let cuts = [0, 30, last].map(|n| whole[..n].to_vec());
    for damaged in flips.into_iter().chain(cuts) {
        fs::write(cache(folder.path()), damaged).unwrap();
        let found = load(folder.path());
        assert_eq!((&expected.test, train(&expected)), (&found.test, train(&found)));
        assert_eq!(fs::read(cache(folder.path())).unwrap(), whole);
    }
}

/// Loads what must be refused, and returns the error with its message; nothing may be cached.
fn refused(text: &str) -> (Error, String) {
    let folder = folder(text);
    let error = POWER.load(folder.path(), Noise::Once).unwrap_err();
    assert!(!cache(folder.path()).exists());
    let message = error.to_string();
    assert!(message.contains("household_power_consumption.txt"), "{message}");
    (error, message)
}

#[test]
fn a_missing_file_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let error = POWER.load(folder.path(), Noise::Once).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Missing { name: "power", .. }), "{message}");
    assert!(message.contains(&Power::file(folder.path()).display().to_string()), "{message}");
    assert!(message.contains("cargo xtask data power"), "{message}");
}

#[test]
fn a_file_of_another_length_is_refused() {
    let whole = text(N_ROWS, 0);
    let line = whole.len() - whole.trim_end().rfind('\n').unwrap() - 1;
    let cut = |n: usize| whole[..whole.len() - n].to_owned();
    for (text, expected) in [
        // At a line's end, within a line, within the last number, before the line's end.
        (cut(line), N_ROWS - 1),
        (cut(line + 20), N_ROWS - 2),
        (cut(4), N_ROWS - 1),
        (cut(1), N_ROWS - 1),
        (HEADER.to_owned(), 0),
        (String::new(), 0),
        (text(N_ROWS + 1, 0), N_ROWS + 1),
        (whole.replacen(HEADER, "", 1), N_ROWS - 1),
    ] {
        let (error, message) = refused(&text);
        assert!(message.contains("1100") && message.contains("cargo xtask data power"), "{message}");
        let Error::Incomplete { found, .. } = error else { panic!("{message}") };
        assert_eq!(found, expected as usize, "{message}");
    }
}

#[test]
fn a_cache_of_a_file_of_another_length_does_not_count() {
    let folder = folder(&text(500, 0));
    assert!(Power { n_rows: 500 }.load(folder.path(), Noise::Once).is_ok());
    assert!(matches!(POWER.load(folder.path(), Noise::Once), Err(Error::Incomplete { found: 500, .. })));
}

#[test]
fn damaged_lines_are_named() {
    let whole = text(N_ROWS, 0);
    for (old, new, problem) in [
        ("00:02:00;0.074", "00:02:00;O.074", "O.074"),
        ("00:02:00;", "0002;", "hh:mm:ss"),
        ("00:02:00;", "00:02:00;1;", "10"),
        ("00:02:00;0.074", "00:02:00;inf", "inf"),
    ] {
        let (error, message) = refused(&whole.replacen(old, new, 1));
        assert!(matches!(error, Error::Line { line: 4, .. }), "{message}");
        assert!(message.contains(problem), "{message}");
    }
    let missing = "16/12/2006;17:24:00;?;?;?;?;?;?;\n".repeat(N_ROWS as usize);
    let (error, message) = refused(&format!("{HEADER}{missing}"));
    assert!(matches!(error, Error::Content { .. }) && message.contains("no complete row"), "{message}");
}
