//! Columns of dates and times: read as points of time, and written back as they stood.
use std::path::PathBuf;

use interflow_data::{
    Columns, Dataset, Form, Marginal, Marginals, Result, Sheet, TableConfig, TableDataset, TextFormat, Unfit,
};
use tch::{Device, Kind, Tensor};

/// A table of one number and the time of each row.
fn table(times: &[String]) -> String {
    let rows: Vec<String> =
        times.iter().enumerate().map(|(i, time)| format!("{},\"{time}\"", i % 7)).collect();
    format!("x,when\n{}\n", rows.join("\n"))
}

fn load(text: &str, change: impl FnOnce(&mut TableConfig)) -> Result<TableDataset> {
    let sheet = Sheet::parse("a.csv".as_ref(), text.as_bytes(), &TextFormat::default()).unwrap();
    let mut config = TableConfig::new(PathBuf::from("a.csv"));
    (config.marginals, config.missing, config.constant) = (Marginals::Fitted, Unfit::Keep, Unfit::Keep);
    change(&mut config);
    config.prepare(sheet)
}

/// The times as they come back after they were read, and what they are as numbers.
fn round_trip(times: &[String], change: impl FnOnce(&mut TableConfig)) -> (String, Vec<String>, Vec<f64>) {
    let text = table(times);
    let data = load(&text, change).unwrap();
    let columns: Vec<_> = data.columns().unwrap().iter().filter(|column| column.name == "when").collect();
    let Form::Time(clock) = &columns[0].form else { panic!("no times: {:?}", columns[0].form) };
    let sheet = Sheet::parse("a.csv".as_ref(), text.as_bytes(), &TextFormat::default()).unwrap();
    let values = sheet.values_of(columns.iter().copied()).unwrap();
    let written = Columns::texts(columns.iter().copied(), &values).unwrap().concat();
    (clock.format.clone(), written, Vec::try_from(values.view(-1)).unwrap())
}

fn times(n: u32, of: impl Fn(u32) -> String) -> Vec<String> {
    (0..n).map(of).collect()
}

#[test]
fn times_with_an_offset_are_instants_and_come_back_with_it() {
    for (zone, seconds, format) in [
        ("+02:00", -7200.0, "%Y-%m-%dT%H:%M:%S%:z"),
        ("-0330", 12_600.0, "%Y-%m-%dT%H:%M:%S%z"),
        (" +0200", -7200.0, "%Y-%m-%dT%H:%M:%S %z"),
        ("+02", -7200.0, "%Y-%m-%dT%H:%M:%S%:::z"),
        ("Z", 0.0, "%Y-%m-%dT%H:%M:%SZ"),
    ] {
        let times = times(60, |i| format!("1970-01-{:02}T10:{i:02}:00{zone}", 1 + i % 28));
        let (found, written, numbers) = round_trip(&times, |_| {});
        assert_eq!((found.as_str(), &written), (format, &times));
        assert!((numbers[0] - (36_000.0 + seconds)).abs() < 1e-6, "{zone}: {}", numbers[0]);
    }
}

#[test]
fn times_of_several_offsets_come_back_in_universal_time() {
    let zones = ["+02:00", "+01:00", "Z"];
    let times = times(60, |i| format!("2023-01-02 {:02}:15:00.5{}", 3 + i % 20, zones[i as usize % 3]));
    let (_, written, numbers) = round_trip(&times, |_| {});
    assert_eq!(
        written[..3],
        ["2023-01-02 01:15:00.5+00:00", "2023-01-02 03:15:00.5+00:00", "2023-01-02 05:15:00.5+00:00"]
    );
    assert!((numbers[1] - numbers[0] - 7200.0).abs() < 1e-6);
}

#[test]
fn a_format_that_is_said_has_the_rows_offset() {
    let times = times(60, |i| format!("{:02}/02/2023 10:{i:02} +0530", 1 + i % 12));
    assert!(load(&table(&times), |_| {}).unwrap_err().to_string().contains("two readings"));
    let format = "%d/%m/%Y %H:%M %z";
    let said = |config: &mut TableConfig| {
        config.kinds.insert("when".to_owned(), format!("time:{format}").parse().unwrap());
    };
    let (found, written, _) = round_trip(&times, said);
    assert_eq!((found.as_str(), written), (format, times));
}

#[test]
fn bounds_of_dates_are_written_as_the_dates_are() {
    let times = times(400, |i| format!("2021-{:02}-{:02}", 1 + i * 37 % 363 / 31, 1 + i * 37 % 28));
    let bounded = |config: &mut TableConfig| {
        config.bounds.insert("when".to_owned(), "2021-01-01..2022-12-31".parse().unwrap());
    };
    let data = load(&table(&times), bounded).unwrap();
    let Marginal::Scores(law) = &data.columns().unwrap().iter().last().unwrap().marginal else {
        panic!("no law")
    };
    let bounds = law.stretch().unwrap().bounds;
    // Both ends belong to a lattice, whose last cell ends a day later.
    assert_eq!((bounds.lower, bounds.upper), (Some(18_628.0), Some(19_358.0)));
}

/// Times of a table's samples, wherever on the line.
fn samples(data: &TableDataset) -> Vec<String> {
    let columns = data.columns().unwrap();
    let z = Tensor::arange_start_step(-3.0, 3.0, 0.01, (Kind::Double, Device::Cpu));
    let x = columns.restore(&Tensor::stack(&[&z, &z], 1)).unwrap();
    Columns::texts(columns.iter(), &x).unwrap().remove(1)
}

#[test]
fn fractions_of_a_second_come_back_with_the_digits_of_the_finest() {
    for (zone, digits) in [("", 1), ("", 3), ("Z", 3), ("+02:00", 2), ("", 6)] {
        let ticks = 10_u32.pow(digits);
        let fraction = |i: u32| format!("{:01$}", i * 7919 % ticks, digits as usize);
        let times =
            times(120, |i| format!("2023-01-{:02} 10:00:{:02}.{}{zone}", 1 + i % 28, i % 60, fraction(i)));
        let (_, written, _) = round_trip(&times, |_| {});
        assert_eq!(written, times);
        for sample in samples(&load(&table(&times), |_| {}).unwrap()) {
            let fraction = sample.trim_end_matches(zone).rsplit('.').next().unwrap();
            assert_eq!(fraction.len(), digits as usize, "{sample}");
        }
    }
    // Of rows with different numbers of digits the most, and of nanoseconds as many as a double tells.
    let some = times(60, |i| format!("10:00:{:02}{}", i % 60, ["", ".5", ".25"][i as usize % 3]));
    let (format, written, _) = round_trip(&some, |_| {});
    assert_eq!(
        (format.as_str(), &written[..3]),
        ("%H:%M:%S%.2f", &["10:00:00.00", "10:00:01.50", "10:00:02.25"].map(String::from)[..])
    );
    let long = times(60, |i| format!("10:00:{:02}.{:09}", i % 60, i * 1000));
    assert_eq!(round_trip(&long, |_| {}).1, long);
}

#[test]
fn times_of_which_only_some_have_an_offset_are_refused() {
    for (zone, n) in [("+02:00", 60), ("Z", 60), (" +0100", 60), (" UTC", 4)] {
        let zones = ["", zone, zone];
        let times = times(n, |i| format!("2023-01-02 03:{i:02}:00{}", zones[i as usize % 3]));
        let error = load(&table(&times), |_| {}).unwrap_err().to_string();
        let [with, without] = [format!("{:?} in line 3", times[1]), format!("{:?} in line 2", times[0])];
        for part in ["column `when`", "offset", &with, &without, "Z is universal time"] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
}

#[test]
fn a_bound_of_dates_is_no_number_of_days() {
    let times = times(60, |i| format!("2021-01-{:02}", 1 + i % 28));
    let bounded = |config: &mut TableConfig| {
        config.bounds.insert("when".to_owned(), "5..".parse().unwrap());
    };
    let error = load(&table(&times), bounded).unwrap_err().to_string();
    for part in ["column `when`", "found: 5..", "hint: --bounds NAME=1970-01-01.."] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}
