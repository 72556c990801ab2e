//! Lists of names on the command line.

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
