//! The map between a table's units and a flow's coordinates.
use interflow_core::{Given, GivenSpace, Space};
use interflow_data::{Column, Columns};
use proptest::prelude::*;
use tch::{Kind, Tensor};

fn column(name: &str, mean: f64, deviation: f64, quantum: Option<f64>) -> Column {
    Column::affine(name, mean, deviation).with_quantum(quantum)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

proptest! {
    #[test]
    fn restoring_undoes_standardising(
        mean in prop::array::uniform3(-1e3..1e3f64),
        deviation in prop::array::uniform3(1e-3..1e3f64),
        x in prop::collection::vec(-1e4..1e4f64, 15),
    ) {
        let columns = (0..3).map(|d| column(&format!("c{d}"), mean[d], deviation[d], None)).collect();
        let columns = Columns::new(columns).unwrap();
        let x = Tensor::from_slice(&x).view([5, 3]);
        let back = columns.restore(&columns.standardise(&x).unwrap().points.x).unwrap();
        prop_assert!(largest(&(back - x)) < 1e-7);
    }

    /// A sample anywhere in a cell is rounded down to the grid, and a grid value stands for its cell's middle.
    #[test]
    fn values_of_a_quantum_come_back_exactly(
        cells in prop::collection::vec(-100_000..100_000i32, 1..20),
        share in 0.001..0.999f64,
        quantum in prop::sample::select(vec![1.0, 0.1, 0.01, 0.001, 0.5]),
        mean in -100.0..100.0f64,
    ) {
        let columns = Columns::new(vec![column("a", mean, 7.0, Some(quantum))]).unwrap();
        // What decimal text says: cells · 0.1 = cells/10.
        let per_unit = (1.0f64 / quantum).round();
        let grid: Vec<f64> = cells.iter().map(|cell| f64::from(*cell) / per_unit).collect();
        let x = Tensor::from_slice(&grid).view([-1, 1]);
        let middle = columns.standardise(&x).unwrap().points.x;
        prop_assert!(largest(&(&middle * 7.0 + mean - &x - 0.5 * quantum)) < 1e-8);
        let somewhere = middle + (share - 0.5) * quantum / 7.0;
        let back = Vec::<f64>::try_from(columns.restore(&somewhere).unwrap().view(-1)).unwrap();
        prop_assert_eq!(back, grid);
    }
}

#[test]
fn the_jacobian_is_the_volume_of_a_standardised_unit_box() {
    let columns = Columns::new(vec![column("a", 5.0, 0.25, None), column("b", -1.0, 40.0, None)]).unwrap();
    let corners = Tensor::from_slice(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]).view([3, 2]);
    let z = columns.standardise(&corners).unwrap().points.x;
    let side = |corner, d| z.double_value(&[corner, d]) - z.double_value(&[0, d]);
    let log_jacobian = columns.standardise(&corners).unwrap().log_jacobian;
    assert!(largest(&(log_jacobian - (side(1, 0) * side(2, 1)).ln())) < 1e-12);
}

#[test]
fn conditions_come_first_and_have_no_part_in_the_jacobian() {
    let given = |name: &str| column(name, 1.0, 7.0, None).with_given(true);
    let columns = Columns::new(vec![given("a"), given("b"), column("c", 0.0, 0.5, None)]).unwrap();
    assert_eq!(columns.space(), Space { dim: 1, given: GivenSpace::Numbers { n: 2 } });
    assert_eq!((columns.given_names(), columns.state_names()), (names(&["a", "b"]), names(&["c"])));
    assert_eq!(columns.names(), names(&["a", "b", "c"]));
    let row = Tensor::from_slice(&[8.0, -6.0, 3.0]).view([1, 3]);
    assert!(largest(&(columns.standardise(&row).unwrap().log_jacobian - 2.0f64.ln())) < 1e-12);
    let x = Tensor::from_slice(&[8.0, -6.0]).view([1, 2]);
    let Given::Numbers(z) = columns.standardise_given(&x).unwrap() else { panic!("no numbers") };
    assert!(largest(&(&z - Tensor::from_slice(&[1.0, -1.0]))) < 1e-12);
    assert!(largest(&(columns.restore_given(&z).unwrap() - &x)) < 1e-12);
    // A whole row is parted into its state and what that is given.
    let points = columns.standardise(&Tensor::from_slice(&[8.0, -6.0, 3.0]).view([1, 3])).unwrap().points;
    assert_eq!((points.x.size(), points.x.double_value(&[0, 0])), (vec![1, 1], 6.0));
    assert_eq!(*points.given.tensor().unwrap(), z);
    assert!((columns.restore(&points.x).unwrap().double_value(&[0, 0]) - 3.0).abs() < 1e-12);
    assert!(columns.restore(&Tensor::zeros([1, 3], (Kind::Double, tch::Device::Cpu))).is_err());
    assert!(Columns::new(vec![column("c", 0.0, 1.0, None), given("a")]).is_err());
    assert!(Columns::new(vec![given("a")]).is_err());
}

#[test]
fn columns_without_conditions_are_given_nothing() {
    let columns = Columns::new(vec![column("a", 1.0, 2.0, None), column("b", 0.0, 1.0, None)]).unwrap();
    let points = columns.standardise(&Tensor::from_slice(&[3.0, 4.0]).view([1, 2])).unwrap().points;
    assert!(points.given.is_nothing() && columns.given_names().is_empty());
    let none = Tensor::zeros([1, 0], (Kind::Double, tch::Device::Cpu));
    assert!(columns.standardise_given(&none).unwrap().is_nothing());
    assert_eq!(columns.restore_given(&none).unwrap().size(), [1, 0]);
}

#[test]
fn other_columns_and_impossible_scales_are_refused() {
    let columns = Columns::new(vec![column("a", 0.0, 1.0, None), column("b", 0.0, 1.0, None)]).unwrap();
    let three = Tensor::zeros([4, 3], (Kind::Double, tch::Device::Cpu));
    assert!(columns.standardise(&three).unwrap_err().to_string().contains("2 columns"));
    assert!(columns.restore(&three.view([-1])).is_err());
    let scales = [(0.0, 0.0, None), (f64::NAN, 1.0, None), (0.0, f64::INFINITY, None), (0.0, 1.0, Some(0.0))];
    for (mean, deviation, quantum) in scales {
        let message = Columns::new(vec![column("bad", mean, deviation, quantum)]).unwrap_err().to_string();
        assert!(message.contains("`bad`"), "{message}");
    }
    assert!(Columns::new(vec![]).is_err());
}

#[test]
fn text_keeps_every_digit_and_is_checked() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Config {
        columns: Columns,
    }
    let all = vec![column("a, \"b\"", 1.0 / 3.0, 1e-300, None), column("c", 1e17, 3.25, Some(0.1))];
    let columns = Columns::new(all).unwrap();
    let text = toml::to_string(&Config { columns: columns.clone() }).unwrap();
    assert_eq!(toml::from_str::<Config>(&text).unwrap().columns, columns);
    let broken = text.replace("deviation = 3.25", "deviation = -3.25");
    assert!(toml::from_str::<Config>(&broken).unwrap_err().to_string().contains("`c`"));
}

#[test]
fn columns_agree_up_to_rounding_only() {
    let of = |name: &str, mean, quantum| Columns::new(vec![column(name, mean, 2.0, quantum)]).unwrap();
    let one = of("a", 3.0, None);
    assert!(one.agrees_with(&of("a", 3.0 + 1e-12, None)));
    assert!(!one.agrees_with(&of("a", 3.001, None)));
    assert!(!one.agrees_with(&of("b", 3.0, None)));
    assert!(!one.agrees_with(&of("a", 3.0, Some(1.0))));
}
