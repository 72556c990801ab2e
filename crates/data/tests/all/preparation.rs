//! From a file to standardised parts.
use std::path::PathBuf;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Points, Space};
use interflow_data::{Columns, Dataset, DependentColumns, Result, Split, TableConfig, TableDataset, Unfit};
use tch::{Kind, Tensor};

/// Row i has id i, an integer `count`, a small `level` and `same`, which is constant.
fn text(n: usize) -> String {
    let row = |i: usize| format!("{i},{},{},3", i * i % 17, (i as f64 * 0.7).sin() * 1e-3);
    let rows: Vec<String> = (0..n).map(row).collect();
    format!("id,count,level,same\n{}\n", rows.join("\n"))
}

fn load(text: &str, change: impl FnOnce(&mut TableConfig)) -> Result<TableDataset> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), text).unwrap();
    let mut config = TableConfig::new(PathBuf::from("a.csv"));
    change(&mut config);
    config.load(folder.path())
}

fn choose(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// All training rows once, as epoch `number` visits them.
fn epoch(splits: &TableDataset, number: u64) -> Tensor {
    let train = splits.training_part();
    train.batch(train.n_rows(), number, &Stream::new(1, Purpose::Target)).x
}

fn columns(splits: &TableDataset) -> &Columns {
    splits.columns().unwrap()
}

fn validation(splits: &TableDataset) -> Tensor {
    splits.validation_part().all().x
}

fn test(splits: &TableDataset) -> Tensor {
    splits.test_part().x.shallow_clone()
}

fn column(x: &Tensor, d: i64) -> Vec<f64> {
    Vec::try_from(x.to_kind(Kind::Double).select(1, d).contiguous()).unwrap()
}

fn refusal(result: Result<TableDataset>, parts: &[&str]) {
    let message = result.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn the_parts_hold_every_row_once_in_the_tables_units() {
    let splits = load(&text(200), |config| config.columns = Some(choose(&["level", "id"]))).unwrap();
    assert_eq!((validation(&splits).size(), test(&splits).size()), (vec![20, 2], vec![20, 2]));
    assert_eq!(columns(&splits).names(), ["level", "id"]);
    let all = Tensor::cat(&[&epoch(&splits, 0), &validation(&splits), &test(&splits)], 0);
    let restored = columns(&splits).restore(&all).unwrap();
    let mut rows: Vec<(f64, f64)> = column(&restored, 1).into_iter().zip(column(&restored, 0)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (i, (id, level)) in rows.into_iter().enumerate() {
        assert!((id - i as f64).abs() < 1e-3, "row {i}: {id}");
        assert!((level - (i as f64 * 0.7).sin() * 1e-3).abs() < 1e-9, "row {i}: {level}");
    }
}

#[test]
fn training_rows_alone_set_the_scale() {
    let splits = load(&text(300), |config| config.columns = Some(choose(&["id", "level"]))).unwrap();
    let train = epoch(&splits, 0).to_kind(Kind::Double);
    for d in 0..2 {
        let x = train.select(1, d);
        assert!(x.mean(Kind::Double).double_value(&[]).abs() < 1e-6);
        assert!((x.std(false).double_value(&[]) - 1.0).abs() < 1e-6);
    }
    // The held-out rows, on the same scale, keep a mean of their own.
    assert!(test(&splits).mean_dim(0i64, false, Kind::Double).abs().max().double_value(&[]) > 1e-3);
}

#[test]
fn the_split_is_a_function_of_its_seed() {
    let with = |seed| {
        let change = |config: &mut TableConfig| {
            config.columns = Some(choose(&["id"]));
            config.split = Split { seed, validation: 0.2, test: 0.3 };
        };
        load(&text(100), change).unwrap()
    };
    assert_eq!(test(&with(1)).size(), [30, 1]);
    assert!(test(&with(1)).equal(&test(&with(1))));
    assert!(!test(&with(1)).equal(&test(&with(2))));
}

#[test]
fn rows_with_missing_values_are_refused_by_their_lines_or_dropped() {
    let broken = text(60).replace("\n7,", "\nNA,").replace("\n30,", "\n?,");
    let chosen = Some(choose(&["id", "level"]));
    refusal(load(&broken, |c| c.columns.clone_from(&chosen)), &["2 rows", "lines 9, 32", "--missing drop"]);
    let drop = |config: &mut TableConfig| {
        config.columns = chosen;
        config.missing = Unfit::Drop;
    };
    let dropped = load(&broken, drop).unwrap();
    assert_eq!(
        dropped.training_part().n_rows() + test(&dropped).size()[0] + validation(&dropped).size()[0],
        58
    );
    // Columns that are not used may miss what they like.
    load(&broken, |config| config.columns = Some(choose(&["level", "count"]))).unwrap();
}

#[test]
fn constant_columns_are_refused_by_name_or_dropped() {
    refusal(load(&text(50), |_| {}), &["`same` = 3", "--constant drop"]);
    let dropped = load(&text(50), |config| config.constant = Unfit::Drop).unwrap();
    assert_eq!(columns(&dropped).names(), ["id", "count", "level"]);
    assert_eq!(test(&dropped).size(), [5, 3]);
    let alone = |config: &mut TableConfig| {
        config.columns = Some(choose(&["same"]));
        config.constant = Unfit::Drop;
    };
    refusal(load(&text(50), alone), &["`same` = 3"]);
}

#[test]
fn a_dequantised_column_is_noisy_at_every_visit_and_restores_to_its_integers() {
    let change = |config: &mut TableConfig| {
        config.columns = Some(choose(&["level", "count"]));
        config.dequantise = vec!["all-integers".to_owned()];
    };
    let splits = load(&text(120), change).unwrap();
    let quanta: Vec<_> = columns(&splits).iter().map(|column| column.marginal.quantum()).collect();
    assert_eq!(quanta, [None, Some(1.0)]);
    let (first, again) = (epoch(&splits, 0), epoch(&splits, 1));
    let sorted = |rows: &Tensor| {
        let mut counts = column(rows, 1);
        counts.sort_by(f64::total_cmp);
        counts
    };
    let integers = |rows: &Tensor| sorted(&columns(&splits).restore(rows).unwrap());
    assert_ne!(sorted(&first), sorted(&again));
    assert_eq!(integers(&first), integers(&again));
    for value in [&first, &test(&splits), &validation(&splits)].into_iter().flat_map(integers) {
        assert!(value.fract().abs() < 1e-12 && (0.0..17.0).contains(&value), "{value}");
    }
    // The scale is that of the noisy values: 96 draws of variance 1/12 over a deviation of about 5 leave ±0.006.
    let counts = first.select(1, 1).to_kind(Kind::Double);
    assert!(counts.mean(Kind::Double).double_value(&[]).abs() < 0.025);
    assert!((counts.std(false).double_value(&[]) - 1.0).abs() < 0.025);
}

#[test]
fn conditions_come_first_and_are_not_dequantised() {
    let change = |config: &mut TableConfig| {
        config.columns = Some(choose(&["level", "count", "id"]));
        config.given = choose(&["count", "level"]);
        config.dequantise = choose(&["all-integers"]);
    };
    let splits = load(&text(50), change).unwrap();
    assert_eq!(
        (columns(&splits).names(), columns(&splits).given_names()),
        (choose(&["count", "level", "id"]), choose(&["count", "level"]))
    );
    let quanta: Vec<_> = columns(&splits).iter().map(|column| column.marginal.quantum()).collect();
    assert_eq!(quanta, [None, None, Some(1.0)]);
    let ask = |dequantise: &str| {
        load(&text(50), |config| {
            config.columns = Some(choose(&["id"]));
            config.given = choose(&["count"]);
            config.dequantise = choose(&[dequantise]);
        })
    };
    refusal(ask("count"), &["`count`", "a condition"]);
    assert_eq!(columns(&ask("id").unwrap()).names(), ["count", "id"]);
    let all = |config: &mut TableConfig| {
        config.columns = Some(choose(&["id"]));
        config.given = choose(&["id"]);
    };
    refusal(load(&text(50), all), &["not a condition"]);
}

#[test]
fn only_integers_in_use_are_dequantised() {
    let ask = |columns: &[&str], name: &str| {
        load(&text(50), |config| {
            config.columns = Some(choose(columns));
            config.dequantise = vec![name.to_owned()];
        })
    };
    refusal(ask(&["id", "level"], "level"), &["`level`", "integers only"]);
    refusal(ask(&["id", "level"], "count"), &["not in use", "`count`"]);
    refusal(ask(&["id", "level"], "nothing"), &["no column `nothing`"]);
    assert!(ask(&["id", "level"], "id").is_ok());
}

/// State and condition of a row are both functions of its number, whatever part and order it is in.
#[test]
fn conditions_travel_beside_their_states_through_every_part() {
    let change = |config: &mut TableConfig| {
        config.columns = Some(choose(&["id", "count"]));
        config.given = choose(&["level"]);
        config.dequantise = choose(&["count"]);
    };
    let splits = load(&text(150), change).unwrap();
    assert_eq!(splits.space(), Space { dim: 2, given: GivenSpace::Numbers { n: 1 } });
    let columns = columns(&splits);
    let check = |points: Points| {
        let Given::Numbers(given) = points.given else { panic!("no numbers") };
        assert_eq!(points.x.kind(), given.kind());
        let (ids, counts) = (
            column(&columns.restore(&points.x).unwrap(), 0),
            column(&columns.restore(&points.x).unwrap(), 1),
        );
        let levels = column(&columns.restore_given(&given).unwrap(), 0);
        for ((id, count), level) in ids.into_iter().zip(counts).zip(levels) {
            let id = id.round() as usize;
            assert!((level - (id as f64 * 0.7).sin() * 1e-3).abs() < 1e-9, "row {id}: {level}");
            assert!((count - (id * id % 17) as f64).abs() < 1e-12, "row {id}: {count}");
        }
    };
    check(splits.training_points(3).unwrap());
    check(splits.training().batch(70, 2, &Stream::new(1, Purpose::Target)));
    check(splits.held_out().batch(15, 0, &Stream::new(1, Purpose::Target)));
    check(splits.test(1000, 0));
    assert_eq!(splits.test(4, 0).len(), 4);
    let deviation: f64 = columns.scales().unwrap().iter().map(|(_, deviation)| deviation.ln()).sum();
    assert!((splits.log_jacobian(1000, 0) + deviation).abs().max().double_value(&[]) < 1e-12);
}

#[test]
fn columns_that_others_determine_are_left_out_kept_or_refused() {
    let row = |i: usize| {
        let (a, b) = ((i as f64 * 0.7).sin(), (i as f64 * 1.3).cos());
        format!("{a},{b},{},{a}", 2.0 * a - b + 5.0)
    };
    let text = format!("a,b,s,copy\n{}\n", (0..100).map(row).collect::<Vec<_>>().join("\n"));
    let names =
        |wanted: DependentColumns| columns(&load(&text, |config| config.dependent = wanted).unwrap()).names();
    assert_eq!(names(DependentColumns::default()), ["a", "b"]);
    assert_eq!(names(DependentColumns::Keep), ["a", "b", "s", "copy"]);
    refusal(
        load(&text, |config| config.dependent = DependentColumns::Refuse),
        &["`s` of `a`, `b`; `copy` of `a`", "--dependent drop"],
    );
    // Conditions may be what they are, and one column has to be left.
    let given = load(&text, |config| config.given = choose(&["a", "b"])).unwrap();
    assert_eq!(columns(&given).names(), ["a", "b", "s", "copy"]);
    let conditions = load(&text, |config| {
        config.given = choose(&["s", "copy"]);
        config.columns = Some(choose(&["s", "copy", "b"]));
    });
    assert_eq!(columns(&conditions.unwrap()).names(), ["s", "copy", "b"]);
}
