//! Columns of numbers on a lattice, from the table to the law.
use std::fmt::Write as _;

use interflow_data::{Columns, Marginals, Sheet, TableConfig, TextFormat};
use tch::{Device, Kind, Tensor};

fn sheet(text: &str) -> Sheet {
    Sheet::parse("a.csv".as_ref(), text.as_bytes(), &TextFormat::default()).unwrap()
}

/// The columns of a table of one column, of the kind that is named or else of the one that is found.
fn fitted(text: &str, kind: Option<&str>) -> Columns {
    let mut config = TableConfig::new("a.csv".into());
    config.marginals = Marginals::Fitted;
    config.kinds = kind.map(|kind| ("x".to_owned(), kind.parse().unwrap())).into_iter().collect();
    config.columns_of(sheet(text)).unwrap().unwrap()
}

/// A new row may hold a price that no row had.
#[test]
fn prices_of_many_values_are_a_lattice_however_often_they_come_again() {
    let mut text = "x\n".to_owned();
    for i in 0..30_000_u32 {
        let cents = 1000 + 7 * (i % 900) * (i % 900 % 13 + 1);
        writeln!(text, "{}.{:02}", cents / 100, cents % 100).unwrap();
    }
    let columns = fitted(&text, None);
    assert_eq!(columns.iter().next().unwrap().marginal.quantum(), Some(0.01));
}

/// 40 cells of 0.1 are 4, but 4.1 − 0.1 is 3.9999999999999996.
#[test]
fn the_last_value_of_a_lattice_is_one_of_its_multiples() {
    let mut text = "x\n".to_owned();
    for i in 0..1000 {
        writeln!(text, "{:.1}", 2.0 + f64::from(i % 21) / 10.0).unwrap();
    }
    let columns = fitted(&text, None);
    let z = Tensor::linspace(-9.0, 9.0, 500, (Kind::Double, Device::Cpu)).view([-1, 1]);
    let written = Columns::texts(columns.iter(), &columns.restore(&z).unwrap()).unwrap();
    assert_eq!((&*written[0][0], &*written[0][499]), ("2", "4"));
    assert!(written[0].iter().all(|text| text.len() <= 3), "{written:?}");
}

#[test]
fn large_values_of_a_lattice_are_possible() {
    let values: Vec<String> =
        (0..800_u64).map(|i| format!("{:.2}", (28_230_122 + 37 * (i * i % 997)) as f64 / 100.0)).collect();
    let text = format!("x\n{}\n", values.join("\n"));
    let columns = fitted(&text, Some("lattice:0.01"));
    columns.check_possible(&sheet(&text).values_of(columns.iter()).unwrap()).unwrap();
}
