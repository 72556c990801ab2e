//! Lists of names on the command line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use interflow_data::parse_names;

/// Names between commas, of which some may stand in quotes.
#[derive(Debug, Clone)]
pub(crate) struct NameList(Vec<String>);

impl NameList {
    /// Parses a list such as `age,"price, net"`.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        parse_names(list).map(Self)
    }

    /// The names of all lists.
    pub(crate) fn names(lists: &[Self]) -> Vec<String> {
        lists.iter().flat_map(|list| list.0.iter().cloned()).collect()
    }
}

/// What is said of columns by name: NAME=WHAT between commas.
#[derive(Debug, Clone)]
pub(crate) struct Said<T>(Vec<(String, T)>);

impl<T: FromStr<Err: Display> + Clone> Said<T> {
    /// Parses a list such as `zip=category,"price, net"=number`.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        let pair = |text: String| {
            let (name, what) =
                text.rsplit_once('=').ok_or_else(|| format!("expected NAME=…, found: {text}"))?;
            let what = what.trim().parse::<T>().map_err(|error| error.to_string())?;
            Ok((name.trim().to_owned(), what))
        };
        parse_names(list)?.into_iter().map(pair).collect::<Result<_, String>>().map(Self)
    }

    /// What all lists say, the last of a column.
    pub(crate) fn all(lists: &[Self]) -> BTreeMap<String, T> {
        lists.iter().flat_map(|list| list.0.iter().cloned()).collect()
    }
}
