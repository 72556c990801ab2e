//! Lists of column names as they are written on a command line: separated by commas, like a line of CSV.

/// Parses a list of names such as `age,"price, net"`.
///
/// # Errors
/// A description of what is wrong with the list.
pub fn parse_names(list: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(list.as_bytes());
    match reader.records().next() {
        None => Ok(Vec::new()),
        Some(Ok(record)) => Ok(record.iter().map(|name| name.trim().to_owned()).collect()),
        Some(Err(error)) => Err(format!("expected names between commas: {error}")),
    }
}

/// The names as a list that can be pasted behind an option in a shell.
pub(crate) fn pasted(names: &[impl AsRef<str>]) -> String {
    let quoted = |name: &str| {
        if name.contains([',', '"', '\n']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.to_owned()
        }
    };
    let list: Vec<String> = names.iter().map(|name| quoted(name.as_ref())).collect();
    let list = list.join(",");
    let safe = |sign: char| sign.is_alphanumeric() || "_,./:=+-%@".contains(sign);
    if !list.is_empty() && list.chars().all(safe) {
        list
    } else {
        format!("'{}'", list.replace('\'', "'\\''"))
    }
}

/// The order in which columns called `names` stand in a file without names, by their places in `names`: that of their
/// numbers where they are x1, x2, … and none is left out, as all columns of such a file are; their own otherwise.
pub fn file_order(names: &[impl AsRef<str>]) -> Vec<usize> {
    let place = |number: usize| {
        let wanted = format!("x{number}");
        names.iter().position(|name| name.as_ref() == wanted)
    };
    let numbered: Option<Vec<usize>> = (1..=names.len()).map(place).collect();
    numbered.unwrap_or_else(|| (0..names.len()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_columns_of_a_file_without_names_stand_by_their_numbers_and_others_as_they_are() {
        assert_eq!(file_order(&["x3", "x1", "x2"]), [1, 2, 0]);
        assert_eq!(file_order(&["x3", "x1"]), [0, 1]);
        assert_eq!(file_order(&["x2", "y", "x1"]), [0, 1, 2]);
    }

    #[test]
    fn what_is_pasted_is_parsed_again() {
        for (names, expected) in [
            (&["a", "b"][..], "a,b"),
            (&["x", "price, net"], "'x,\"price, net\"'"),
            (&["#1", "a#2"], "'#1,a#2'"),
            (&["say \"no\""], "'\"say \"\"no\"\"\"'"),
        ] {
            let pasted = pasted(names);
            assert_eq!(pasted, expected);
            assert_eq!(parse_names(pasted.trim_matches('\'')).unwrap(), names);
        }
    }
}
