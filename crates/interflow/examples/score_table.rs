//! Loads a run of the program `interflow` and writes the log-density of each row of a table; without arguments it fits a
//! small table first.
//!
//! `cargo run --release -p interflow --example score_table [RUN TABLE.csv]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use std::path::{Path, PathBuf};

use interflow::core::rng::Stream;
use interflow::data::{Sheet, Table, table};
use interflow::tch::Kind;
use interflow::{Experiment, FitOptions, Flow, flow::fit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let (run, file) = match (arguments.next(), arguments.next()) {
        (Some(run), Some(file)) => (PathBuf::from(run), PathBuf::from(file)),
        _ => fitted(folder.path())?,
    };

    let flow = Flow::load(&run)?;
    let columns = flow.columns().ok_or("the run's flow is not one of a table")?;
    let sheet = Sheet::read(&file)?;
    let rows = sheet.complete_numbers(&sheet.places_of(&columns.names())?)?;
    let nats = flow.log_density(&rows, 1.0)?;
    println!(
        "{} rows, mean log-density {:.4} nats",
        rows.size()[0],
        nats.mean(Kind::Double).double_value(&[])
    );

    let least = nats.argmin(0, false).int64_value(&[]);
    println!("the least likely row is number {}: {:?}", least + 1, Vec::<f64>::try_from(rows.get(least))?);
    Ok(())
}

/// A run on a small table of two columns, and the table.
fn fitted(folder: &Path) -> Result<(PathBuf, PathBuf), Box<dyn std::error::Error>> {
    let mut draw = Stream::named(0, "examples/score_table").at(0);
    let values = draw.normal(&[500, 2], Kind::Double) * 2.0 + 5.0;
    let file = folder.join("table.csv");
    table::write_csv(&file, Some(&["a".to_owned(), "b".to_owned()]), &values)?;
    let table = Table::read(&file)?;
    let options = FitOptions { steps: Some(20), ..FitOptions::default() };
    let config = fit::config_for(&file, &options)?;
    println!("fitted to {} rows first", table.values.size()[0]);
    let trained = Experiment::new(config).out(folder.join("runs")).train()?;
    let run = trained.folder.as_ref().map(|folder| folder.path().to_owned()).ok_or("no run folder")?;
    Ok((run, file))
}
