//! What was observed of the samples to be drawn: columns by name, with noise.

use anyhow::{Context, Result, anyhow, bail};
use interflow_core::guidance::Observation;

/// The observations `NAME=VALUE` or `NAME=VALUE~STD` of columns with these names, in the columns' units; `noise` is the
/// deviation where none is written.
pub(crate) fn observed(texts: &[String], noise: f64, names: &[String]) -> Result<Vec<Observation>> {
    let parse =
        |text: &String| observation(text, noise, names).with_context(|| format!("in --observe {text}"));
    let found = texts.iter().map(parse).collect::<Result<Vec<_>>>()?;
    for (i, observation) in found.iter().enumerate() {
        if found[..i].iter().any(|other| other.coordinate == observation.coordinate) {
            bail!("--observe names a column twice: {}", texts[i]);
        }
    }
    Ok(found)
}

fn observation(text: &str, noise: f64, names: &[String]) -> Result<Observation> {
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
    use super::*;

    fn one(text: &str) -> Result<Vec<Observation>> {
        observed(&[text.to_owned()], 0.5, &["x1", "x2", "x3"].map(str::to_owned))
    }

    #[test]
    fn observations_name_a_column_a_value_and_perhaps_its_deviation() {
        assert_eq!(one("x2=1.5").unwrap(), [Observation { coordinate: 1, value: 1.5, std: 0.5 }]);
        assert_eq!(one("x3 = 12 ~ 2").unwrap(), [Observation { coordinate: 2, value: 12.0, std: 2.0 }]);
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
            let message = format!("{:#}", one(text).unwrap_err());
            assert!(message.contains(part) && message.contains(text), "{message}");
        }
        let names = ["x1", "x2"].map(str::to_owned);
        let twice = observed(&["x1=1".to_owned(), "x1=2".to_owned()], 0.1, &names).unwrap_err();
        assert!(twice.to_string().contains("twice"));
    }
}
