//! What a column is taken for, in words.

use super::limits::Limits;
use crate::column::Column;
use crate::form::Form;
use crate::marginal::{Bounds, Marginal, Scores};
use crate::sheet::brief;

/// A column's kind, bounds and frequent values: `numbers on a lattice of 0.01, bounds 0.., 12 % are 0`.
pub(super) fn describe(column: &Column) -> String {
    let Marginal::Scores(scores) = &column.marginal else { return "numbers".to_owned() };
    let mut parts = vec![kind(column, scores)];
    if let Some(stretch) = scores.stretch() {
        if !stretch.bounds.is_open() {
            let last = |upper: f64| upper - stretch.quantum.unwrap_or(0.0);
            let bounds = Bounds { lower: stretch.bounds.lower, upper: stretch.bounds.upper.map(last) };
            parts.push(format!("bounds {}", Limits::said(bounds, &column.form)));
        }
        if column.form.is_number() && stretch.quantum.is_none() {
            parts.push(match stretch.spline.n_knots() {
                2 => "normal".to_owned(),
                n => format!("{n} knots"),
            });
        }
        for atom in scores.atoms() {
            let value = said(&column.form, atom.value);
            parts.push(format!("{:.1} % are {value}", 100.0 * atom.share));
        }
    }
    if scores.missing() > 0.0 {
        parts.push(format!("{:.1} % missing", 100.0 * scores.missing()));
    }
    if column.given {
        parts.push("given".to_owned());
    }
    parts.join(", ")
}

fn kind(column: &Column, scores: &Scores) -> String {
    match (&column.form, scores.stretch()) {
        (Form::Category { labels }, _) => {
            let shown: Vec<&str> = labels.iter().take(4).map(String::as_str).collect();
            let more = if labels.len() > shown.len() { ", …" } else { "" };
            format!("{} categories: {}{more}", labels.len(), shown.join(", "))
        }
        (Form::Time(clock), _) => format!("times written {}, in {}", clock.format, clock.unit()),
        (form @ (Form::Number | Form::Integer { .. }), None) => {
            let values: Vec<String> = scores.atoms().map(|atom| said(form, atom.value)).take(4).collect();
            let more = if scores.atoms().count() > values.len() { ", …" } else { "" };
            format!("a few numbers: {}{more}", values.join(", "))
        }
        (Form::Integer { .. }, Some(stretch)) => match stretch.quantum {
            Some(quantum) if quantum > 1.0 => format!("large integers in steps of {quantum}"),
            _ => "large integers".to_owned(),
        },
        (Form::Number, Some(stretch)) => match stretch.quantum {
            Some(1.0) => "integers".to_owned(),
            Some(quantum) => format!("numbers on a lattice of {quantum}"),
            None => "numbers".to_owned(),
        },
    }
}

/// A value as a message says it.
pub(super) fn said(form: &Form, value: f64) -> String {
    if form.is_number() { brief(value) } else { form.said(value) }
}
