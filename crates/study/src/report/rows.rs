//! The numbers of a result as texts.

use interflow_flow::evaluation::Results;
use serde_json::Value;

/// The names and values of a result as texts, with estimates as mean ± standard error. The quality of samples, which
/// is a table of its own, is left out.
pub fn rows(results: &Results) -> Vec<(String, String)> {
    results
        .iter()
        .filter(|(name, _)| *name != "quality")
        .map(|(name, value)| (name.clone(), readable(value)))
        .collect()
}

/// A value as a text, estimates as mean ± standard error.
pub(super) fn readable(value: &Value) -> String {
    match (value["mean"].as_f64(), value["standard_error"].as_f64()) {
        (Some(mean), Some(error)) => format!("{mean:.4} ± {error:.4}"),
        _ => match value {
            Value::Number(number) if number.is_f64() => decimal(number.as_f64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                format!("{} entries in result.json", items.len())
            }
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| format!("{name} {}", readable(field)))
                .collect::<Vec<_>>()
                .join(", "),
            other => other.to_string(),
        },
    }
}

/// Four digits behind the point, or three that count where these would be zeros.
fn decimal(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-3 { format!("{number:.2e}") } else { format!("{number:.4}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_readable() {
        let results: Results = [
            ("nll", json!({ "mean": 1.5, "standard_error": 0.25 })),
            ("p", json!({ "forward": 0.5, "n": 3 })),
            ("error", json!(7.25e-10)),
            ("list", json!([{ "a": 1 }, { "a": 2 }])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        let texts: Vec<String> = rows(&results).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["1.5000 ± 0.2500", "forward 0.5000, n 3", "7.25e-10", "2 entries in result.json"]);
    }
}
