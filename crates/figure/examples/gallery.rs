//! Draws one figure of every kind from made-up numbers, as SVG, PNG and PDF, into the folder that is named:
//! `cargo run -p interflow-figure --example gallery -- FOLDER`.

use std::error::Error;
use std::path::Path;

use interflow_figure::{
    Figure, Pixels, TableColumn, course_image, curve_image, density_image, histogram_image, image_grid,
    marginals_image, pairs_image, sheet, trajectories_image,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder for the figures is missing")?;
    std::fs::create_dir_all(&folder)?;
    for (name, figure) in figures() {
        let path = Path::new(&folder).join(name);
        std::fs::write(path.with_extension("png"), figure.png()?)?;
        std::fs::write(path.with_extension("svg"), figure.svg()?)?;
        std::fs::write(path.with_extension("pdf"), figure.pdf())?;
    }
    Ok(())
}

fn figures() -> Vec<(&'static str, Figure)> {
    vec![
        ("density", checkerboard()),
        ("samples", histogram_image(&points(20_000), 4.0, 96)),
        ("trajectories", trajectories_image(&paths(), 4.0)),
        ("curves", curve_image(&curves(3), "t", "log₁₀ Fisher information of ρₜ")),
        ("many-curves", curve_image(&curves(9), "log₁₀ NFE", "log₁₀ distance")),
        ("course", course_image(&losses(), "step", "objective")),
        ("marginals", marginals_image(&columns(5))),
        ("pairs", pairs_image(&columns(4))),
        ("flow", sheet(&panels(), 4)),
        ("pictures", sheet(&[("ε = ½, 12 calls".to_owned(), grid(8)), ("encoded".to_owned(), grid(5))], 1)),
    ]
}

/// Numbers in [0, 1) that look random and are the same each time.
fn random(index: usize, stream: u64) -> f64 {
    let mut state =
        (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((state ^ (state >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(index: usize, stream: u64) -> f64 {
    let (radius, angle) = (random(index, 2 * stream), random(index, 2 * stream + 1));
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn checkerboard() -> Figure {
    let n = 96;
    let cell = |place: usize| (place * 8 / n) as i64 - 4;
    let value = |place: usize| {
        let (x, y) = (cell(place % n), cell(place / n));
        if (x.div_euclid(2) + y.div_euclid(2)) % 2 == 0 && x.abs().max(y.abs()) < 5 {
            1.0 / 32.0
        } else {
            0.0
        }
    };
    density_image(&(0..n * n).map(value).collect::<Vec<_>>(), n, 4.0)
}

fn points(n: usize) -> Vec<[f64; 2]> {
    let ring = |index: usize| {
        let angle = std::f64::consts::TAU * (index % 8) as f64 / 8.0;
        [2.5 * angle.cos() + 0.3 * normal(index, 1), 2.5 * angle.sin() + 0.3 * normal(index, 2)]
    };
    (0..n).map(ring).collect()
}

fn paths() -> Vec<Vec<[f64; 2]>> {
    let path = |(index, [x, y]): (usize, [f64; 2])| {
        let start = [normal(index, 3), normal(index, 4)];
        let at = |step: i32| {
            let t = f64::from(step) / 40.0;
            [
                start[0] + t * (x - start[0]) + 0.3 * (3.0 * t).sin() * (1.0 - t),
                start[1] + t * t * (y - start[1]),
            ]
        };
        (0..=40).map(at).collect()
    };
    points(120).into_iter().enumerate().map(path).collect()
}

fn curves(n: usize) -> Vec<(String, Vec<(f64, f64)>)> {
    let line = |index: usize| {
        let rate = 1.0 + index as f64;
        let points =
            (0..=50).map(|i| f64::from(i) / 50.0).map(|t| (t, (rate * t).sin() - 0.3 * rate)).collect();
        (format!("ε = {}, γ(t) = √(a t(1−t))", 0.5 * index as f64), points)
    };
    (0..n).map(line).collect()
}

fn losses() -> Vec<(String, Vec<(f64, f64)>)> {
    let loss = |i: usize| (10.0 * i as f64, 1.2 + 2.0 * (-0.01 * i as f64).exp() + 0.15 * normal(i, 5));
    let check = |i: usize| (1000.0 * i as f64, 1.2 + 2.0 * (-(i as f64)).exp());
    vec![
        ("training".to_owned(), (0..1000).map(loss).collect()),
        ("held-out, uniform times".to_owned(), (1..=10).map(check).collect()),
    ]
}

fn columns(n: usize) -> Vec<TableColumn> {
    let names =
        ["Größe °C", "ρ(x₁), g/cm³", "income, €", "a column whose name is far too long for its axis", "ε"];
    let column = |index: usize| {
        let value = |row: usize, stream: u64| {
            let shared = normal(row, stream);
            20.0 + 4.0 * (index as f64 - 1.0) * shared + 3.0 * normal(row, stream + 10 + index as u64)
        };
        let round = |value: f64| if index == 2 { value.round() } else { value };
        TableColumn {
            name: names[index % names.len()].to_owned(),
            data: (0..3000).map(|row| round(value(row, 20))).collect(),
            samples: (0..3000).map(|row| round(value(row, 40) + 0.4)).collect(),
            quantum: (index == 2).then_some(1.0),
            words: Vec::new(),
        }
    };
    (0..n).map(column).collect()
}

fn panels() -> Vec<(String, Figure)> {
    let mut panels = vec![
        ("true density".to_owned(), checkerboard()),
        ("samples".to_owned(), histogram_image(&points(20_000), 4.0, 96)),
    ];
    for t in [0.0, 0.25, 0.5, 0.75, 1.0] {
        panels.push((format!("density, t = {t}"), checkerboard()));
    }
    panels.push(("trajectories".to_owned(), trajectories_image(&paths(), 4.0)));
    panels
}

fn grid(side: usize) -> Figure {
    let levels: Vec<u8> = (0..10 * side * side).map(|index| (random(index, 9) * 17.0) as u8).collect();
    image_grid(&Pixels { levels: &levels, shape: [1, side as u32, side as u32], n_levels: 17 }, 10).into()
}
