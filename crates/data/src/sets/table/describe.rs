//! What a column is taken for, in words.

use super::limits::Limits;
use crate::column::Column;
use crate::form::Form;
use crate::marginal::{Bounds, Marginal, Scores};
use crate::sheet::brief;

/// A column's kind, bounds and frequent values: `numbers on a lattice of 0.01, bounds 0.., 12 % are 0`.
pub(super) fn describe(column: &Column) -> String {
    let Marginal::Scores(scores) = &column.marginal else { return "numbers".to_owned() };
    let mut said = vec![kind(column, scores)];
    if let Some(stretch) = scores.stretch() {
        if !stretch.bounds.is_open() {
            let last = |upper: f64| upper - stretch.quantum.unwrap_or(0.0);
            let bounds = Bounds { lower: stretch.bounds.lower, upper: stretch.bounds.upper.map(last) };
            said.push(format!("bounds {}", Limits::said(bounds, &column.form)));
        }
        if column.form.is_number() && stretch.quantum.is_none() {
            said.push(match stretch.spline.n_knots() {
                2 => "normal".to_owned(),
                n => format!("{n} knots"),
            });
        }
        for atom in scores.atoms() {
            said.push(format!("{:.1} % are {}", 100.0 * atom.share, brief(atom.value)));
        }
    }
    if scores.missing() > 0.0 {
        said.push(format!("{:.1} % missing", 100.0 * scores.missing()));
    }
    if column.given {
        said.push("given".to_owned());
    }
    said.join(", ")
}

fn kind(column: &Column, scores: &Scores) -> String {
    match (&column.form, scores.stretch()) {
        (Form::Category { labels }, _) => {
            let shown: Vec<&str> = labels.iter().take(4).map(String::as_str).collect();
            let more = if labels.len() > shown.len() { ", …" } else { "" };
            format!("{} categories: {}{more}", labels.len(), shown.join(", "))
        }
        (Form::Time(clock), _) => format!("times written {}, in {}", clock.format, clock.unit()),
        (Form::Number, None) => {
            let values: Vec<String> = scores.atoms().map(|atom| brief(atom.value)).take(4).collect();
            let more = if scores.atoms().count() > values.len() { ", …" } else { "" };
            format!("a few numbers: {}{more}", values.join(", "))
        }
        (Form::Number, Some(stretch)) => match stretch.quantum {
            Some(1.0) => "integers".to_owned(),
            Some(quantum) => format!("numbers on a lattice of {quantum}"),
            None => "numbers".to_owned(),
        },
    }
}
