//! Durations, which the format itself takes for bare integers.

use serde_json::Value;

/// The columns of durations and their units, as pandas notes them in a file's metadata: `ns`, `us`, `ms` or `s`.
pub(super) fn durations(pandas: &str) -> Vec<(String, String)> {
    let note: Value = serde_json::from_str(pandas).unwrap_or_default();
    let columns = note["columns"].as_array().map_or(&[][..], Vec::as_slice);
    let duration = |column: &Value| {
        let unit = column["numpy_type"].as_str()?.strip_prefix("timedelta64[")?.strip_suffix(']')?;
        Some((column["field_name"].as_str()?.to_owned(), unit.to_owned()))
    };
    columns.iter().filter_map(duration).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_pandas_is_read_and_any_other_passed_over() {
        let note = r#"{"columns": [{"field_name": "d", "numpy_type": "timedelta64[ns]"},
                                   {"field_name": "x", "numpy_type": "float64"}, {}, 3]}"#;
        assert_eq!(durations(note), [("d".to_owned(), "ns".to_owned())]);
        for other in ["", "[]", "{\"columns\": 3}", "{"] {
            assert!(durations(other).is_empty());
        }
    }
}
