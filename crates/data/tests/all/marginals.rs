//! Tables of any kind: what columns are taken for, their laws, and the coordinates these make.
use std::fmt::Write as _;
use std::path::PathBuf;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source as _;
use interflow_core::{Given, Points};
use interflow_data::{
    Column, Columns, Dataset, Form, Marginal, Marginals, Result, Scores, Sheet, TableConfig, TableDataset,
    Unfit,
};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

/// A table of every kind of column.
fn zoo(n: usize) -> String {
    let mut draw = Stream::named(0, "a table of a test").at(0);
    let uniform = Vec::<f64>::try_from(draw.uniform(&[8 * n as i64], Kind::Double)).unwrap();
    let normal = Vec::<f64>::try_from(draw.normal(&[n as i64], Kind::Double)).unwrap();
    let mut text = "animal,tame,day,minute,price,stars,share,weight\n".to_owned();
    for i in 0..n {
        let u = &uniform[8 * i..];
        let animal = ["eel", "cat", "dog"][(3.0 * u[0] * u[0]) as usize];
        let (month, day) = (1 + (12.0 * u[1]) as u32, 1 + (28.0 * u[2]) as u32);
        let price = if u[3] < 0.3 { 0.0 } else { (normal[i]).exp() };
        let share = if u[4] < 0.2 { "NA".to_owned() } else { format!("{}", u[5].powf(0.7)) };
        let tame = if u[6] < 0.4 { "yes" } else { "no" };
        let minute = format!("{:02}:{:02}", 8 + (8.0 * u[7]) as u32, 15 * ((4.0 * u[0]) as u32));
        writeln!(
            text,
            "{animal},{tame},{day:02}.{month:02}.2021,{minute},{price},{},{share},{}",
            1 + (5.0 * u[3]) as u32,
            75.0 + 10.0 * normal[i] * u[1],
        )
        .unwrap();
    }
    text
}

fn load(text: &str, change: impl FnOnce(&mut TableConfig)) -> Result<TableDataset> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), text).unwrap();
    let mut config = TableConfig::new(PathBuf::from("a.csv"));
    (config.marginals, config.missing, config.constant) = (Marginals::Fitted, Unfit::Keep, Unfit::Keep);
    change(&mut config);
    config.load(folder.path())
}

fn sheet(text: &str) -> Sheet {
    Sheet::parse("a.csv".as_ref(), text.as_bytes(), &interflow_data::TextFormat::default()).unwrap()
}

fn vec(x: &Tensor) -> Vec<f64> {
    Vec::try_from(x.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

fn column<'a>(columns: &'a Columns, name: &str) -> &'a Column {
    columns.iter().find(|column| column.name == name).unwrap()
}

fn law(column: &Column) -> &Scores {
    let Marginal::Scores(law) = &column.marginal else { panic!("no law: {column:?}") };
    law
}

/// One column with this law.
fn alone(law: &str) -> Columns {
    let law: Scores = toml::from_str(law).unwrap();
    let marginal = Marginal::Scores(law);
    Columns::new(vec![Column { marginal, ..Column::affine("x", 0.0, 1.0) }]).unwrap()
}

/// A law with a missing share, atoms on both sides, and numbers between bounds.
const MIXED: &str = "missing = 0.1\nbefore = [{ value = 0.0, share = 0.2 }, { value = 1.0, share = 0.05 }]\n\
                     after = [{ value = 9.0, share = 0.15 }]\n[stretch]\nshare = 0.5\nbounds = \"1..8\"\n\
                     [stretch.spline]\ny = [-1.0, 0.0, 2.0]\nz = [-1.5, 0.3, 1.0]\n";

#[test]
fn each_column_is_what_it_looks_like_and_kinds_and_bounds_overrule_that() {
    let data = load(&zoo(2000), |_| {}).unwrap();
    let columns = data.columns().unwrap();
    assert_eq!(column(columns, "animal").form.labels(), ["cat", "dog", "eel"]);
    assert_eq!(column(columns, "tame").form.labels(), ["no", "yes"]);
    let format = |name| match &column(columns, name).form {
        Form::Time(clock) => clock.format.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((format("day").as_str(), format("minute").as_str()), ("%d.%m.%Y", "%H:%M"));
    assert_eq!(column(columns, "minute").marginal.quantum(), Some(900.0));
    let price = law(column(columns, "price"));
    assert_eq!(price.atoms().map(|atom| atom.value).collect::<Vec<_>>(), [0.0]);
    assert!((price.atoms().next().unwrap().share - 0.3).abs() < 0.04);
    assert_eq!(price.stretch().unwrap().bounds.lower, Some(0.0));
    assert_eq!(column(columns, "stars").marginal.quantum(), Some(1.0));
    let share = law(column(columns, "share"));
    assert!((share.missing() - 0.2).abs() < 0.04, "{}", share.missing());
    assert_eq!(share.stretch().unwrap().bounds.upper, Some(1.0));
    assert!(column(columns, "weight").marginal.quantum().is_none());

    let said = load(&zoo(2000), |config| {
        config.kinds.insert("stars".to_owned(), "category".parse().unwrap());
        config.kinds.insert("price".to_owned(), "number".parse().unwrap());
        config.bounds.insert("weight".to_owned(), "0..200".parse().unwrap());
    });
    let said = said.unwrap();
    let columns = said.columns().unwrap();
    assert_eq!(column(columns, "stars").form.labels(), ["1", "2", "3", "4", "5"]);
    assert_eq!(law(column(columns, "price")).atoms().count(), 0);
    assert_eq!(law(column(columns, "weight")).stretch().unwrap().bounds.to_string(), "0..200");
}

#[test]
fn codes_sparse_numbers_and_short_years_are_what_they_are() {
    let row = |i: usize| {
        let (zip, status) = (["007", "08", "123"][i % 3], [200, 301, 404, 500][i % 4]);
        let odd = if i == 50 { "0.123".to_owned() } else { (i % 7).to_string() };
        format!("{zip},{status},{odd},{:02}.{:02}.26,{}", 1 + i % 28, 1 + i % 12, i % 9)
    };
    let rows: Vec<String> = (0..400).map(row).collect();
    let data = load(&format!("zip,status,odd,day,count\n{}\n", rows.join("\n")), |_| {}).unwrap();
    let columns = data.columns().unwrap();
    assert_eq!(column(columns, "zip").form.labels(), ["007", "08", "123"]);
    for (name, n) in [("status", 4), ("odd", 8)] {
        let law = law(column(columns, name));
        assert!(law.stretch().is_none() && law.atoms().count() == n, "{name}: {law:?}");
    }
    let Form::Time(clock) = &column(columns, "day").form else { panic!("no time") };
    assert_eq!(clock.format, "%d.%m.%y");
    assert_eq!(column(columns, "count").marginal.quantum(), Some(1.0));
}

#[test]
fn what_a_flow_was_never_given_is_refused() {
    let data =
        load(&zoo(300), |config| config.given = vec!["animal".to_owned(), "weight".to_owned()]).unwrap();
    let columns = data.columns().unwrap();
    let of = |animal: f64, weight: f64| {
        columns.standardise_given(&Tensor::from_slice(&[animal, weight]).view([1, 2]))
    };
    // A number may be any.
    assert!(of(2.0, 1e4).is_ok());
    assert!(of(-1.0, 75.0).unwrap_err().to_string().contains("`animal`"));
    assert!(of(3.0, 75.0).unwrap_err().to_string().contains("`animal`"));
    assert!(of(0.0, f64::NAN).unwrap_err().to_string().contains("`weight`"));
    let rows = Tensor::zeros([2, 8], (Kind::Double, Device::Cpu));
    assert!(columns.standardise_by(&rows, &Tensor::zeros([2, 8], (Kind::Double, Device::Cpu))).is_err());
}

#[test]
fn what_is_said_of_columns_is_held_against_them() {
    let refusal = |name: &str, kind: Option<&str>, bounds: Option<&str>| {
        let result = load(&zoo(500), |config| {
            config.drop = vec!["weight".to_owned()];
            if let Some(kind) = kind {
                config.kinds.insert(name.to_owned(), kind.parse().unwrap());
            }
            if let Some(bounds) = bounds {
                config.bounds.insert(name.to_owned(), bounds.parse().unwrap());
            }
        });
        result.unwrap_err().to_string()
    };
    for (message, parts) in [
        (refusal("price", Some("lattice"), None), ["`price`", "no usual quantum"]),
        (refusal("price", Some("lattice:0.5"), None), ["`price`", "multiples of 0.5"]),
        (refusal("price", None, Some("0.5..")), ["`price`", "within the bounds 0.5.."]),
        (refusal("animal", Some("number"), None), ["`animal`", "text"]),
        (refusal("animal", Some("time"), None), ["`animal`", "time:FORMAT"]),
        (refusal("day", Some("time:%Y"), None), ["`day`", "needs %Y"]),
        (refusal("nothing", Some("number"), None), ["no column", "`nothing`"]),
        (refusal("weight", Some("number"), None), ["`weight`", "not in use"]),
        (refusal("animal", None, Some("0..")), ["`animal`", "categories, which have no bounds\nhint: "]),
        (refusal("day", None, Some("2021-01-01..")), ["`day`", "as in 01.01.1970.., found: 2021-01-01.."]),
        (refusal("day", None, Some("01.06.2021..")), ["`day`", "not within the bounds 01.06.2021.."]),
        (refusal("price", Some("category"), None), ["`price` has", "hint: leave out --kind price=category"]),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn text_of_too_many_kinds_and_dates_with_two_readings_are_refused_by_name() {
    let row = |i: u32| format!("{i},name {i},{}/{}/2020", 1 + i % 9, 1 + i % 7);
    let rows: Vec<String> = (0..60).map(row).collect();
    let message = load(&format!("x,who,when\n{}\n", rows.join("\n")), |_| {}).unwrap_err().to_string();
    for part in [
        "`who`",
        "60 different values in 60 rows",
        "--drop who,when",
        "`when`",
        "two readings",
        "--kind when=time:%",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// Values come back as they were written, whatever they are, and a row has the probability that its columns say.
#[test]
fn rows_come_back_from_coordinates_as_they_were_written() {
    let text = zoo(500);
    let data = load(&text, |_| {}).unwrap();
    let columns = data.columns().unwrap();
    let rows = sheet(&text).values_of(columns.iter()).unwrap();
    let found = columns.standardise(&rows).unwrap();
    let back = columns.restore(&found.points.x).unwrap();
    let gap = (&back - &rows).nan_to_num(0.0, None::<f64>, None::<f64>);
    assert!(gap.abs().max().double_value(&[]) < 1e-9);
    assert!(back.isnan().equal(&rows.isnan()));
    let written = Columns::texts(columns.iter(), &rows).unwrap();
    for (line, row) in text.lines().skip(1).zip(0..) {
        let fields: Vec<&str> = line.split(',').collect();
        for (d, field) in fields.into_iter().enumerate() {
            assert_eq!(written[d][row], field.replace("NA", ""), "row {row}");
        }
    }
    let text = toml::to_string(&Manifest { columns: columns.clone() }).unwrap();
    assert_eq!(&toml::from_str::<Manifest>(&text).unwrap().columns, columns);
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Manifest {
    columns: Columns,
}

/// By itself each column's coordinate is standard normal, on rows that the law never saw too.
#[test]
fn coordinates_are_normal_at_every_visit_and_differ_within_cells_only() {
    let data = load(&zoo(6000), |_| {}).unwrap();
    let columns = data.columns().unwrap();
    let train = data.training_part();
    let epoch = |number| train.batch(train.n_rows(), number, &Stream::new(1, Purpose::Target)).x;
    for z in [epoch(0), data.validation_part().all().x, data.test_part().x.shallow_clone()] {
        for (d, name) in columns.names().iter().enumerate() {
            let z = z.select(1, d as i64).to_kind(Kind::Double);
            let n = z.numel() as f64;
            let uniform = z.special_ndtr().sort(0, false).0;
            let steps = (Tensor::arange(n as i64, (Kind::Double, Device::Cpu)) + 0.5) / n;
            let distance = (uniform - steps).abs().max().double_value(&[]);
            // Kolmogorov's distance at a chance of 1 in 10 000, and what a fitted law may be off.
            assert!(distance < 2.2 / n.sqrt() + 0.01, "{name}: {distance} of {n}");
        }
    }
    let sorted = |z: &Tensor, d: i64| z.select(1, d).sort(0, false).0;
    let restored = |z: &Tensor| columns.restore(z).unwrap();
    let (first, again) = (epoch(0), epoch(1));
    for (column, d) in columns.iter().zip(0..) {
        let same = sorted(&first, d).equal(&sorted(&again, d));
        assert_eq!(same, column.name == "weight", "{}", column.name);
        let values = |z: &Tensor| sorted(&restored(z).nan_to_num(-1.0, None::<f64>, None::<f64>), d);
        let gap = (values(&first) - values(&again)).abs().max().double_value(&[]);
        assert!(gap < 1e-3, "{}: {gap}", column.name);
    }
}

/// Probabilities of values and densities of numbers make up 1, and are those that coordinates have under the normal law.
#[test]
fn a_mixed_law_has_the_mass_of_its_coordinates() {
    let columns = alone(MIXED);
    let weight = |x: &Tensor| {
        let found = columns.standardise(&x.view([-1, 1])).unwrap();
        let normal = found.points.x.view(-1).square() * -0.5 - 0.5 * std::f64::consts::TAU.ln();
        (normal + found.log_jacobian).exp()
    };
    let n = 200_000;
    let x = (Tensor::arange(n, (Kind::Double, Device::Cpu)) + 0.5) * (7.0 / n as f64) + 1.0;
    let numbers = weight(&x).sum(Kind::Double).double_value(&[]) * 7.0 / n as f64;
    assert!((numbers - 0.5).abs() < 1e-6, "{numbers}");
    let atoms = vec(&weight(&Tensor::from_slice(&[f64::NAN, 0.0, 1.0, 9.0, 8.5, 0.5])));
    for (found, expected) in atoms.iter().zip([0.1, 0.2, 0.05, 0.15, 0.0, 0.0]) {
        assert!((found - expected).abs() < 1e-12, "{atoms:?}");
    }
    // What normal coordinates become.
    let z = ((Tensor::arange(n, (Kind::Double, Device::Cpu)) + 0.5) / n as f64).special_ndtri();
    let x = columns.restore(&z.view([-1, 1])).unwrap().view(-1);
    let share = |mask: Tensor| mask.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    let expected = [
        (share(x.isnan()), 0.1),
        (share(x.eq(0.0)), 0.2),
        (share(x.eq(1.0)), 0.05),
        (share(x.eq(9.0)), 0.15),
    ];
    for (found, expected) in expected {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
    let numbers = x.masked_select(&x.gt(1.0).logical_and(&x.lt(9.0)));
    assert!(numbers.min().double_value(&[]) > 1.0 && numbers.max().double_value(&[]) < 8.0);
}

proptest! {
    /// A lattice's cells have all the mass, between bounds and without, and far in the tails.
    #[test]
    fn the_cells_of_a_lattice_make_up_one(
        mean in -5.0..5.0f64, scale in 0.3..30.0f64, quantum in prop::sample::select(vec![1.0, 0.5, 0.25, 2.0]), bounded: bool,
    ) {
        let bounds = if bounded { "bounds = \"-10..10\"\n" } else { "" };
        let y = if bounded { format!("[{}, {}]", mean / 10.0 - 1.0, mean / 10.0 + 1.0) } else { format!("[{}, {}]", mean - scale, mean + scale) };
        let columns = alone(&format!("[stretch]\nshare = 1.0\nquantum = {quantum}\n{bounds}[stretch.spline]\ny = {y}\nz = [-1.0, 1.0]\n"));
        let reach = if bounded { 10.0 } else { ((mean.abs() + 9.0 * scale) / quantum).ceil() * quantum };
        let n = (2.0 * reach / quantum) as i64 + i64::from(!bounded);
        let x = Tensor::arange(n, (Kind::Double, Device::Cpu)) * quantum - reach;
        let found = columns.standardise(&x.view([-1, 1])).unwrap();
        let z = found.points.x.view(-1);
        let normal = z.square() * -0.5 - 0.5 * std::f64::consts::TAU.ln();
        let sum = ((normal + found.log_jacobian).exp() * quantum).sum(Kind::Double).double_value(&[]);
        prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        let gap = (columns.restore(&z.view([-1, 1])).unwrap().view(-1) - &x).abs();
        // Farther out a cell is there no more: its mass is below that of any number.
        prop_assert!(gap.masked_fill(&z.abs().gt(20.0), 0.0).max().double_value(&[]) < 1e-9);
        let off = columns.standardise(&(&x + 0.4 * quantum).view([-1, 1])).unwrap().log_jacobian;
        prop_assert!(off.isneginf().all().int64_value(&[]) == 1);
    }
}

/// Conditions of any kind are numbers beside the state, and come back.
#[test]
fn conditions_of_every_kind_travel_beside_their_states() {
    let names = ["animal", "share", "price"];
    let data = load(&zoo(300), |config| config.given = names.map(str::to_owned).to_vec()).unwrap();
    let columns = data.columns().unwrap();
    // Three labels; a number and whether it is missing; a number.
    assert_eq!(columns.space().given, interflow_core::GivenSpace::Numbers { n: 6 });
    assert_eq!(columns.rows_space().given, interflow_core::GivenSpace::Numbers { n: 3 });
    let rows = sheet(&zoo(300)).values_of(columns.iter()).unwrap();
    let Points { given, .. } = columns.standardise(&rows).unwrap().points;
    let Given::Numbers(numbers) = given else { panic!("no numbers") };
    assert_eq!(numbers.size(), [300, 6]);
    assert!(numbers.isfinite().all().int64_value(&[]) == 1);
    let back = columns.restore_given(&numbers).unwrap();
    let gap = (back - rows.narrow(1, 0, 3)).nan_to_num(0.0, None::<f64>, None::<f64>);
    assert!(gap.abs().max().double_value(&[]) < 1e-9);
    assert_eq!(data.test(5, 0).given.tensor().map(Tensor::size), Some(vec![5, 6]));
}

#[test]
fn what_a_flow_cannot_know_has_no_density_and_what_must_not_miss_is_refused() {
    let data = load(&zoo(300), |_| {}).unwrap();
    let columns = data.columns().unwrap();
    let mut lines: Vec<String> = zoo(300).lines().take(3).map(str::to_owned).collect();
    lines[1] = format!("emu{}", &lines[1][3..]);
    let rows = sheet(&lines.join("\n")).values_of(columns.iter()).unwrap();
    let found = columns.standardise(&rows).unwrap();
    let log_jacobian = vec(&found.log_jacobian);
    assert!(log_jacobian[0].is_infinite() && log_jacobian[1].is_finite(), "{log_jacobian:?}");
    assert!(found.points.x.isfinite().all().int64_value(&[]) == 1);
    lines[2] = format!(",{}", lines[2].split_once(',').unwrap().1);
    let message = sheet(&lines.join("\n")).values_of(columns.iter()).unwrap_err().to_string();
    assert!(message.contains("`animal`") && message.contains("line 3"), "{message}");
}

/// The derivative of the coordinates and of their own log-density, against differences.
#[test]
fn slopes_of_a_smooth_law_are_those_of_differences() {
    let law = "[stretch]\nshare = 1.0\nbounds = \"0..\"\n[stretch.spline]\ny = [-1.0, 0.0, 2.0]\nz = [-1.5, 0.3, 1.0]\n";
    let columns = alone(law);
    let x = Tensor::from_slice(&[0.2, 0.7, 1.9, 9.0]).view([4, 1]);
    let (slope, bend) = columns.slopes(&x).unwrap();
    let h = 1e-6;
    let (up, down) = (columns.standardise(&(&x + h)).unwrap(), columns.standardise(&(&x - h)).unwrap());
    let difference = (up.points.x - down.points.x) / (2.0 * h);
    assert!((slope / difference - 1.0).abs().max().double_value(&[]) < 1e-6);
    let difference = ((up.log_jacobian - down.log_jacobian) / (2.0 * h)).view([4, 1]);
    assert!((bend - difference).abs().max().double_value(&[]) < 1e-6);
    assert!(alone(MIXED).slopes(&x).unwrap_err().to_string().contains("`x`"));
    let (z, slope) = columns.tangent(0, 0.7).unwrap();
    let direct = columns.standardise(&Tensor::from_slice(&[0.7]).view([1, 1])).unwrap();
    assert!((z - direct.points.x.double_value(&[0, 0])).abs() < 1e-12);
    assert!((slope.ln() - direct.log_jacobian.double_value(&[0])).abs() < 1e-12);
}
