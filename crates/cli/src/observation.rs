//! What was observed of the samples to be drawn: coordinates by name, with noise.

use anyhow::{Context, Result, anyhow, bail};
use interflow_core::guidance::{Observation, Observed};
use interflow_data::Columns;

use crate::output::column_names;

/// The observations `NAME=VALUE` or `NAME=VALUE~STD` in the columns' units, in the flow's coordinates; `noise` is the
/// deviation where none is written.
pub(crate) fn observed(
    texts: &[String],
    noise: f64,
    columns: Option<&Columns>,
    dim: i64,
) -> Result<Observed> {
    let names = columns.map_or_else(|| column_names(dim), Columns::names);
    let parse = |text: &String| {
        observation(text, noise, &names, columns).with_context(|| format!("in --observe {text}"))
    };
    let found = texts.iter().map(parse).collect::<Result<Vec<_>>>()?;
    for (i, observation) in found.iter().enumerate() {
        if found[..i].iter().any(|other| other.coordinate == observation.coordinate) {
            bail!("--observe names a column twice: {}", texts[i]);
        }
    }
    Ok(Observed(found))
}

fn observation(text: &str, noise: f64, names: &[String], columns: Option<&Columns>) -> Result<Observation> {
    let (name, value) = text.split_once('=').context("expected NAME=VALUE or NAME=VALUE~STD")?;
    let (value, std) = value.split_once('~').map_or((value, None), |(value, std)| (value, Some(std)));
    let name = name.trim();
    let coordinate = names
        .iter()
        .position(|other| other == name)
        .ok_or_else(|| anyhow!("the flow has no column of this name\nhint: it has {}", names.join(", ")))?;
    let (value, std) = (number(value)?, std.map_or(Ok(noise), number)?);
    if std <= 0.0 {
        bail!("the noise's deviation must be positive, found: {std}");
    }
    let (value, std) = match columns.and_then(|columns| columns.iter().nth(coordinate)) {
        Some(column) => ((value - column.mean) / column.deviation, std / column.deviation),
        None => (value, std),
    };
    Ok(Observation { coordinate: coordinate as i64, value, std })
}

fn number(text: &str) -> Result<f64> {
    let value: f64 = text.trim().parse().map_err(|_| anyhow!("expected a number, found: {text}"))?;
    if !value.is_finite() {
        bail!("expected a finite number, found: {text}");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use interflow_data::Column;

    use super::*;

    fn one(text: &str, columns: Option<&Columns>) -> Result<Observed> {
        observed(&[text.to_owned()], 0.5, columns, 3)
    }

    #[test]
    fn observations_are_in_the_columns_units() {
        let found = one("x2=1.5", None).unwrap().0[0];
        assert_eq!(found, Observation { coordinate: 1, value: 1.5, std: 0.5 });
        let column = |name: &str| Column {
            name: name.to_owned(),
            mean: 10.0,
            deviation: 4.0,
            quantum: None,
            given: false,
        };
        let columns = Columns::new(vec![column("a"), column("b"), column("c")]).unwrap();
        let found = one("c = 12 ~ 2", Some(&columns)).unwrap().0[0];
        assert_eq!(found, Observation { coordinate: 2, value: 0.5, std: 0.5 });
    }

    #[test]
    fn senseless_observations_are_refused() {
        for (text, part) in [
            ("x9=1", "x1, x2, x3"),
            ("x1", "NAME=VALUE"),
            ("x1=a", "number"),
            ("x1=inf", "finite"),
            ("x1=1~0", "positive"),
        ] {
            let message = format!("{:#}", one(text, None).unwrap_err());
            assert!(message.contains(part) && message.contains(text), "{message}");
        }
        let twice = observed(&["x1=1".to_owned(), "x1=2".to_owned()], 0.1, None, 2).unwrap_err();
        assert!(twice.to_string().contains("twice"));
    }
}
