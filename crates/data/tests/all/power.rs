//! The preprocessing of UCI POWER on small files in the published layout, and its cache.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_data::{Column, Dataset, Error, Marginals, PlaceLaw, Power, TableDataset};
use tch::{Kind, Tensor};

/// Rows of the file; each tenth lacks its values.
const N_ROWS: i32 = 1100;
const POWER: Power = Power {
    fresh_noise: false,
    dequantise: PlaceLaw::Uniform {},
    marginals: Marginals::Plain,
    n_rows: N_ROWS as usize,
};
const FRESH: Power = Power { fresh_noise: true, ..POWER };
const BELLS: Power = Power { dequantise: PlaceLaw::TruncatedNormal { width: 3.0 }, ..FRESH };
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

fn load(folder: &Path) -> TableDataset {
    POWER.load(folder).unwrap()
}

/// All training rows, once each.
fn train(splits: &TableDataset) -> Tensor {
    epoch(splits, 0)
}

fn epoch(splits: &TableDataset, number: u64) -> Tensor {
    let train = splits.training_part();
    train.batch(train.n_rows(), number, &Stream::new(0, Purpose::Target)).x
}

fn validation(splits: &TableDataset) -> Tensor {
    splits.validation_part().all().x
}

fn test(splits: &TableDataset) -> &Tensor {
    &splits.test_part().x
}

/// A number of each column, `[6]`.
fn of_columns(splits: &TableDataset, number: fn(&Column) -> f64) -> Tensor {
    Tensor::from_slice(&splits.columns().unwrap().iter().map(number).collect::<Vec<_>>())
}

/// All rows before standardisation, `[N, 6]`, in units of their quanta.
fn in_quanta(splits: &TableDataset) -> Vec<Vec<f64>> {
    let rows = Tensor::cat(&[train(splits), validation(splits), test(splits).copy()], 0);
    let (mean, deviation) = (
        of_columns(splits, |column| column.scale().unwrap().mean),
        of_columns(splits, |column| column.scale().unwrap().deviation),
    );
    let values = rows.to_kind(Kind::Double) * deviation + mean;
    (values / Tensor::from_slice(&[1e-3, 1e-2, 1.0, 1.0, 1.0, 1.0])).try_into().unwrap()
}

#[test]
fn the_splits_share_the_complete_rows_out() {
    let folder = folder(&text(N_ROWS, 0));
    let splits = load(folder.path());
    let n_complete = 990;
    assert_eq!(test(&splits).size(), [99, 6]);
    assert_eq!(validation(&splits).size(), [89, 6]);
    assert_eq!(splits.training_part().n_rows(), n_complete - 99 - 89);
    assert_eq!((test(&splits).kind(), train(&splits).kind()), (Kind::Float, Kind::Float));
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
    for noise in [POWER, FRESH, BELLS] {
        let rows = in_quanta(&noise.load(folder.path()).unwrap());
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

/// The places' log-densities are taken off: three times the entropy of N(0, 1) within ±3, on a cell of length 1, in the mean.
#[test]
fn densities_are_those_of_the_quanta() {
    let folder = folder(&text(N_ROWS, 0));
    let found = |power: Power| power.load(folder.path()).unwrap().log_jacobian(99, 0);
    let uniform = found(POWER);
    assert_eq!((uniform.size(), uniform.count_nonzero(None::<i64>).int64_value(&[])), (vec![99], 0));
    let found = found(BELLS);
    let (mass, height) = (0.997_300_203_936_740_4, 0.004_431_848_411_938_008);
    let variance = 1.0 - 6.0 * height / mass;
    let entropy = 0.5 * std::f64::consts::TAU.ln() + 0.5 * variance + f64::ln(mass / 6.0);
    let mean = found.mean(Kind::Double).double_value(&[]) / 3.0;
    // The deviation of z²/2 is 1/√2 at most, over 297 places.
    assert!((mean - entropy).abs() < 4.0 * 0.71 / 297f64.sqrt(), "{mean} for {entropy}");
}

#[test]
fn the_columns_restore_the_files_numbers() {
    let folder = folder(&text(N_ROWS, 0));
    let splits = load(folder.path());
    let columns = splits.columns().unwrap();
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
    let known = Tensor::cat(&[train(&splits), validation(&splits)], 0).to_kind(Kind::Double);
    let mean: Vec<f64> = known.mean_dim(0i64, false, Kind::Double).try_into().unwrap();
    let deviation: Vec<f64> = known.std_dim(0i64, false, false).try_into().unwrap();
    assert!(mean.iter().all(|mean| mean.abs() < 1e-6), "{mean:?}");
    assert!(deviation.iter().all(|deviation| (deviation - 1.0).abs() < 1e-6), "{deviation:?}");
}

#[test]
fn only_noise_at_every_visit_differs_between_epochs() {
    let folder = folder(&text(N_ROWS, 0));
    let sorted = |splits: &TableDataset, number| epoch(splits, number).select(1, 5).sort(0, false).0;
    let [once, fresh] = [POWER, FRESH].map(|noise| noise.load(folder.path()).unwrap());
    assert_eq!(sorted(&once, 0), sorted(&once, 1));
    assert_ne!(sorted(&fresh, 0), sorted(&fresh, 1));
    assert_eq!((validation(&once), test(&once)), (validation(&fresh), test(&fresh)));
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
    assert_eq!(test(&first), test(&second));
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
    let mean = |splits| of_columns(splits, |column| column.scale().unwrap().mean);
    let shift = mean(&new) - mean(&old);
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
        assert_eq!((test(&expected), train(&expected)), (test(&found), train(&found)));
        assert_eq!(fs::read(cache(folder.path())).unwrap(), whole);
    }
}

/// Loads what must be refused, and returns the error with its message; nothing may be cached.
fn refused(text: &str) -> (Error, String) {
    let folder = folder(text);
    let error = POWER.load(folder.path()).unwrap_err();
    assert!(!cache(folder.path()).exists());
    let message = error.to_string();
    assert!(message.contains("household_power_consumption.txt"), "{message}");
    (error, message)
}

#[test]
fn a_missing_file_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let error = POWER.load(folder.path()).unwrap_err();
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
    assert!(Power { n_rows: 500, ..POWER }.load(folder.path()).is_ok());
    assert!(matches!(POWER.load(folder.path()), Err(Error::Incomplete { found: 500, .. })));
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

const FITTED: Power = Power { marginals: Marginals::Fitted, ..FRESH };
const QUANTUM: [f64; 6] = [1e-3, 1e-2, 1.0, 1.0, 1.0, 1.0];

/// The held-out rows in whole quanta and their places, as the plain data set has them, both `[N, 6]`.
fn cells_and_places(splits: &TableDataset) -> (Tensor, Tensor) {
    let mean = of_columns(splits, |column| column.scale().unwrap().mean);
    let deviation = of_columns(splits, |column| column.scale().unwrap().deviation);
    let noisy = (test(splits).to_kind(Kind::Double) * deviation + mean) / Tensor::from_slice(&QUANTUM);
    let cells = noisy.floor();
    (cells.shallow_clone(), noisy - cells)
}

/// The rows of the fitted data set are those of the plain one, each noisy value by its normal score, and the log-density's
/// correction is the logarithm of the map's derivative, here by differences.
#[test]
fn fitted_columns_are_a_change_of_variables_of_the_same_rows() {
    let folder = folder(&text(N_ROWS, 0));
    let [plain, fitted] = [FRESH, FITTED].map(|power| power.load(folder.path()).unwrap());
    let (cells, places) = cells_and_places(&plain);
    // Single precision resolves a hundredth of the finest quantum: rows that it may move to another cell are left out.
    let inner = places.gt(0.03).logical_and(&places.lt(0.97)).all_dim(1, false);
    let of = |x: &Tensor| x.index_select(0, &inner.nonzero().squeeze_dim(1));
    let (cells, places) = (of(&cells), of(&places));
    assert!(cells.size()[0] > 50, "{:?}", cells.size());
    let columns = fitted.columns().unwrap();
    let rows = cells * Tensor::from_slice(&QUANTUM);
    let at = |shift: f64| columns.standardise_by(&rows, &(&places + shift)).unwrap();
    let off = (at(0.0).points.x - of(test(&fitted))).abs().max().double_value(&[]);
    assert!(off < 0.02, "{off}");

    let step = 1e-4;
    let slope = (at(step).points.x - at(-step).points.x) / (2.0 * step) / Tensor::from_slice(&QUANTUM);
    // Places of cells above the median are counted from their upper ends.
    let by_differences = slope.abs().log().sum_dim_intlist(1i64, false, Kind::Double);
    let deviation = of_columns(&plain, |column| column.scale().unwrap().deviation);
    let expected = by_differences + deviation.log().sum(Kind::Double);
    let found = of(&fitted.log_jacobian(99, 0));
    let off = (found - expected).abs().max().double_value(&[]);
    assert!(off < 0.05, "{off}");
}

#[test]
fn fitted_columns_are_normal_and_drawn_anew() {
    let folder = folder(&text(N_ROWS, 0));
    let fitted = FITTED.load(folder.path()).unwrap();
    let (first, second) = (epoch(&fitted, 0), epoch(&fitted, 1));
    for d in 0..6 {
        let column = first.select(1, d);
        let (mean, deviation) = (column.mean(Kind::Double), column.std(false));
        let numbers = (mean.double_value(&[]), deviation.double_value(&[]));
        // 802 rows: a standard error of 0.035 and 0.025. The minutes of the file are only the first 1100 of the 1440.
        assert!(numbers.0.abs() < 0.15 && (numbers.1 - 1.0).abs() < 0.12, "column {d}: {numbers:?}");
    }
    let sorted = |x: &Tensor| x.select(1, 2).sort(0, false).0;
    assert!(!sorted(&first).equal(&sorted(&second)));
    // Every value is one of its file's.
    let rows: Vec<Vec<f64>> = fitted.columns().unwrap().restore(&first).unwrap().try_into().unwrap();
    let n_off = rows.iter().filter(|row| (row[4] - f64::from(quanta(row[5] as i32)[4])).abs() > 1e-9).count();
    assert!(n_off <= 3, "{n_off} rows of {}", rows.len());
}

#[test]
fn fitted_columns_want_uniform_fresh_noise() {
    let folder = folder(&text(N_ROWS, 0));
    for power in [POWER, BELLS] {
        let error = Power { marginals: Marginals::Fitted, ..power }.load(folder.path()).unwrap_err();
        assert!(error.to_string().contains("fresh_noise = true"), "{error}");
    }
}
