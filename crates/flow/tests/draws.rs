//! Probabilities of discrete values by several places in their cells: together they are 1, and each is how often samples
//! have the values.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_core::rng::Stream;
use interflow_data::{ColumnKind, Table};
use interflow_flow::{DensityOptions, FitOptions, Flow, fit};
use tch::{Device, Kind, Tensor};

/// 2000 rows of two categories out of 0, 1, 2, of which the second is the first in three rows of four and the next
/// otherwise.
fn dependent() -> Table {
    let n = 2000;
    let mut draw = Stream::named(0, "dependent categories").at(0);
    let first = draw.categories(n, &[0.5, 0.3, 0.2]).to_kind(Kind::Double);
    let step = draw.categories(n, &[0.75, 0.25]).to_kind(Kind::Double);
    let second = (&first + step).remainder(3.0);
    let columns = Some(vec!["a".to_owned(), "b".to_owned()]);
    Table { columns, values: Tensor::stack(&[first, second], 1) }
}

fn flow() -> Flow {
    let set =
        ["model.hidden=[32,32]", "train.optimizer.learning_rate=1e-2", "train.ema_decay=0.98", "threads=1"];
    let kinds = ["a", "b"].map(|name| (name.to_owned(), ColumnKind::Category));
    let options = FitOptions {
        kinds: kinds.into(),
        steps: Some(500),
        set: set.map(str::to_owned).to_vec(),
        ..FitOptions::default()
    };
    fit(&dependent(), &options).unwrap()
}

#[test]
fn probabilities_of_all_rows_are_1_together_and_those_of_samples() {
    let flow = flow();
    let values = Tensor::arange(3, (Kind::Double, Device::Cpu));
    let rows = Tensor::cartesian_prod(&[&values, &values]);
    let probabilities = |draws: u32| {
        let found = flow.log_density_with(&rows, 1.0, &DensityOptions::default().draws(draws)).unwrap();
        (found.rows.exp(), found.nfe)
    };
    let (of_many, calls_of_many) = probabilities(256);
    let total = of_many.sum(Kind::Double).double_value(&[]);
    assert!((total - 1.0).abs() < 0.03, "{total}");
    // Samples count what their cells hold.
    let n = 20_000;
    let samples = flow.sample(n, 1).unwrap();
    let same = samples.unsqueeze(1).eq_tensor(&rows.unsqueeze(0)).all_dim(2, false);
    let share = same.to_kind(Kind::Double).mean_dim(0i64, false, Kind::Double);
    let off = (&of_many - share).abs().max().double_value(&[]);
    assert!(off < 0.02, "{off}: {of_many}");
    // The middle of the cells alone is no probability here, and takes fewer calls.
    let (of_one, calls_of_one) = probabilities(1);
    assert!((of_one - of_many).abs().max().double_value(&[]) > 0.02);
    assert!(calls_of_many > 100 * calls_of_one, "{calls_of_many} {calls_of_one}");
    assert!(flow.log_density_with(&rows, 1.0, &DensityOptions::default().draws(0)).is_err());
}

#[test]
fn one_draw_is_the_middle() {
    let flow = flow();
    let rows = Tensor::from_slice(&[0.0, 1.0, 2.0, 2.0]).view([2, 2]);
    let middle = flow.columns().unwrap().standardise(&rows).unwrap();
    let task = flow.engine().work().begin("the middle", 2);
    let expected = flow.engine().log_density(&middle.points, 1.0, &task).unwrap().rows + middle.log_jacobian;
    for options in [DensityOptions::default(), DensityOptions::default().draws(1)] {
        let found = flow.log_density_with(&rows, 1.0, &options).unwrap().rows;
        assert!((found - &expected).abs().max().double_value(&[]) < 1e-9);
    }
}
