//! Columns of numbers that a double can hardly tell apart.
use std::path::PathBuf;

use interflow_data::{
    Column, Columns, Dataset, Form, Marginals, Result, Sheet, Table, TableConfig, TableDataset, TextFormat,
};
use proptest::prelude::*;
use tch::Tensor;

fn sheet(text: &str) -> Sheet {
    Sheet::parse("a.csv".as_ref(), text.as_bytes(), &TextFormat::default()).unwrap()
}

fn fitted(sheet: Sheet) -> Result<TableDataset> {
    let config = TableConfig { marginals: Marginals::Fitted, ..TableConfig::new(PathBuf::from("a.csv")) };
    config.prepare(sheet)
}

/// A table of 300 rows of these ids and a number.
fn table<I: std::fmt::Display>(id: impl Fn(i64) -> I) -> String {
    let rows: Vec<String> = (0..300).map(|i| format!("{},{}", id(i), (i as f64 * 0.7).sin())).collect();
    format!("id,x\n{}\n", rows.join("\n"))
}

fn is_finite(x: &Tensor) -> bool {
    x.isfinite().all().int64_value(&[]) == 1
}

#[test]
fn large_whole_numbers_keep_their_digits_and_have_densities() {
    let cases: [(&str, &dyn Fn(i64) -> i64); 5] = [
        ("ids from 2^53 on", &|i| (1 << 53) + 1 + i),
        ("ids just below it, which come again", &|i| (1 << 53) - 400 + i * i % 20),
        ("nanoseconds", &|i| 1_672_531_200_000_000_000 + i * 1_000_000_007),
        ("the ends of the integers", &|i| i64::MAX - 3 * i),
        ("large negative numbers", &|i| i64::MIN + 2 * i),
    ];
    for (name, id) in cases {
        let text = table(id);
        let data = fitted(sheet(&text)).unwrap();
        let columns = data.columns().unwrap();
        assert!(matches!(columns.iter().next().unwrap().form, Form::Integer { .. }), "{name}");
        let rows = sheet(&text).values_of(columns.iter()).unwrap();
        let found = columns.standardise(&rows).unwrap();
        assert!(is_finite(&found.points.x) && is_finite(&found.log_jacobian), "{name}");
        let back = columns.restore(&found.points.x).unwrap();
        let written = Columns::texts(columns.iter(), &back).unwrap();
        let expected: Vec<String> = (0..300).map(|i| id(i).to_string()).collect();
        assert_eq!(written[0], expected, "{name}");
    }
}

#[test]
fn numbers_far_from_each_other_stay_numbers() {
    let of = |id: &dyn Fn(i64) -> i64| {
        let data = fitted(sheet(&table(id))).unwrap();
        data.columns().unwrap().iter().next().unwrap().form.clone()
    };
    assert_eq!(of(&|i| i * 30_000_000_000_000_000), Form::Number);
    assert_eq!(of(&|i| i * i * 1_000_000_000), Form::Number);
}

#[test]
fn whole_numbers_beyond_64_bits_are_told_apart_or_refused() {
    let near = |i: i64| (1_u128 << 63) + 7 * u128::from(i.unsigned_abs());
    let text = table(near);
    let data = fitted(sheet(&text)).unwrap();
    // As a checkpoint's manifest has them.
    let columns = toml::Value::try_from(data.columns().unwrap()).unwrap();
    let written = toml::Table::from_iter([("columns".to_owned(), columns)]).to_string();
    let columns: Columns = written.parse::<toml::Table>().unwrap()["columns"].clone().try_into().unwrap();
    assert_eq!(Some(&columns), data.columns());
    let rows = sheet(&text).values_of(columns.iter()).unwrap();
    let back = columns.restore(&columns.standardise(&rows).unwrap().points.x).unwrap();
    let expected: Vec<String> = (0..300).map(|i| near(i).to_string()).collect();
    assert_eq!(Columns::texts(columns.iter(), &back).unwrap()[0], expected);

    let hash = |i: i64| (i.unsigned_abs() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let error = fitted(sheet(&table(hash))).unwrap_err().to_string();
    for part in ["column `id`", "2^63", "--kind id=number", "--drop id"] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    let mut said = TableConfig { marginals: Marginals::Fitted, ..TableConfig::new(PathBuf::from("a.csv")) };
    said.kinds.insert("id".to_owned(), "number".parse().unwrap());
    assert!(said.prepare(sheet(&table(hash))).is_ok());
}

#[test]
fn large_whole_numbers_keep_their_step() {
    for (origin, step) in [(1_000_000_000_000_001_i64, 2), (i64::MAX - 3000, 7), (i64::MIN, 1_000_000)] {
        let data = fitted(sheet(&table(|i| origin + step * (i * 7 % 300)))).unwrap();
        let columns = data.columns().unwrap();
        assert_eq!(columns.iter().next().unwrap().marginal.quantum(), Some(step as f64));
        let z = Tensor::arange_start_step(-3.0, 3.0, 0.01, (tch::Kind::Double, tch::Device::Cpu));
        let x = columns.restore(&Tensor::stack(&[&z, &z], 1)).unwrap();
        for id in &Columns::texts(columns.iter(), &x).unwrap()[0] {
            let distance = id.parse::<i128>().unwrap() - i128::from(origin);
            assert_eq!(distance % i128::from(step), 0, "{id}");
        }
    }
}

/// In memory numbers are doubles already.
#[test]
fn large_doubles_have_densities() {
    let of = |x: &dyn Fn(i64) -> f64| {
        let values: Vec<f64> = (0..300).flat_map(|i| [x(i), (i as f64 * 0.7).sin()]).collect();
        let columns = Some(vec!["id".to_owned(), "x".to_owned()]);
        fitted(Sheet::from(&Table { columns, values: Tensor::from_slice(&values).view([300, 2]) }))
    };
    for start in [2f64.powi(53) - 400.0, 1e15, 1e18] {
        let step = (start * 1e-15).max(1.0);
        let data = of(&|i| start + step * (i * i % 37) as f64).unwrap();
        let test = data.test_part();
        assert!(is_finite(&test.x) && is_finite(&data.log_jacobian(30, 0)), "{start}");
    }
}

proptest! {
    #[test]
    fn a_large_integer_is_read_and_written_alike(origin: i64, distance in 0..(1_i64 << 53)) {
        let value = i128::from(origin) + i128::from(distance);
        prop_assume!(i64::try_from(value).is_ok());
        let column = Column { form: Form::Integer { origin: origin.into() }, ..Column::affine("id", 0.0, 1.0) };
        let read = sheet(&format!("id\n{value}\n{value}\n")).values_of([&column].into_iter()).unwrap();
        let written = Columns::texts([&column].into_iter(), &read).unwrap();
        prop_assert_eq!(&written[0][0], &value.to_string());
    }
}
