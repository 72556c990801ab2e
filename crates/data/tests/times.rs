//! Columns of dates and times: read as points of time, and written back as they stood.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::PathBuf;

use interflow_data::{
    Columns, Dataset, Form, Marginal, Marginals, Result, Sheet, TableConfig, TableDataset, TextFormat, Unfit,
};

/// A table of one number and the time of each row.
fn table(times: &[String]) -> String {
    let rows: Vec<String> =
        times.iter().enumerate().map(|(i, time)| format!("{},\"{time}\"", i % 7)).collect();
    format!("x,when\n{}\n", rows.join("\n"))
}

fn load(text: &str, change: impl FnOnce(&mut TableConfig)) -> Result<TableDataset> {
    let sheet = Sheet::parse("a.csv".as_ref(), text.as_bytes().to_vec(), &TextFormat::default()).unwrap();
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
    let sheet = Sheet::parse("a.csv".as_ref(), text.into_bytes(), &TextFormat::default()).unwrap();
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
