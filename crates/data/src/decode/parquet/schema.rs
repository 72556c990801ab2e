//! Which leaves of a file's schema are read, and what columns they become.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

use super::super::records::Value;
use super::value::Meaning;
use crate::error::{Result, content};

/// A leaf of the schema that is read.
pub(super) struct Leaf {
    /// The name of its column, or of its columns without their numbers.
    pub(super) name: String,
    /// Its place among all leaves.
    pub(super) place: usize,
    pub(super) descriptor: Arc<ColumnDescriptor>,
    pub(super) shape: Shape,
}

/// What a row has of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value.
    Scalar,
    /// A list of values.
    Vector {
        /// The definition level from which on a list has an element.
        element: i16,
        /// How many elements the first list has that has some.
        n: Option<usize>,
    },
}

impl Leaf {
    /// The names of its columns.
    pub(super) fn columns(&self) -> Vec<String> {
        match self.shape {
            Shape::Scalar => vec![self.name.clone()],
            Shape::Vector { n, .. } => {
                (1..=n.unwrap_or(0)).map(|number| format!("{}[{number}]", self.name)).collect()
            }
        }
    }

    /// Whether its values are bytes of any number that stand for no text and no number.
    pub(super) fn holds_files(&self) -> bool {
        self.descriptor.physical_type() == Physical::BYTE_ARRAY
            && matches!(Meaning::of(&self.descriptor), Meaning::Plain)
    }

    /// The same as a vector of `n_elements`, if it is one.
    pub(super) fn with_elements(mut self, n_elements: Option<usize>) -> Self {
        if let Shape::Vector { n, .. } = &mut self.shape {
            *n = n_elements;
        }
        self
    }

    /// Appends a row's values, of which a missing or empty vector has none.
    pub(super) fn append(&self, values: Vec<Value>, row: &mut Vec<Value>) -> std::result::Result<(), String> {
        if let Shape::Vector { n, .. } = self.shape {
            let n = n.unwrap_or(0);
            if values.is_empty() {
                row.extend(std::iter::repeat_n(Value::Text(String::new()), n));
                return Ok(());
            }
            if values.len() != n {
                return Err(format!(
                    "column `{}` has lists of different lengths, expected {n} elements, found: {}\n\
                     hint: name the columns to use, without it",
                    self.name,
                    values.len()
                ));
            }
        }
        row.extend(values);
        Ok(())
    }
}

/// The leaves called `wanted`, without it all that can be read.
pub(super) fn leaves(path: &Path, schema: &SchemaDescriptor, wanted: Option<&[String]>) -> Result<Vec<Leaf>> {
    let (mut leaves, mut unreadable) = (Vec::new(), Vec::new());
    for place in 0..schema.num_columns() {
        let root = schema.get_column_root(place);
        match leaf(place, root, schema.column(place)) {
            Some(leaf) => leaves.push(leaf),
            None => unreadable.push(root.name().to_owned()),
        }
    }
    unreadable.dedup();
    let Some(wanted) = wanted else {
        if !unreadable.is_empty() {
            let names = unreadable.join(", ");
            tracing::warn!("{}: columns of nested lists are left out: {names}", path.display());
        }
        return Ok(leaves);
    };
    // A vector is asked for as a whole or by its elements.
    let is = |leaf: &Leaf, name: &str| {
        let element = leaf.shape != Shape::Scalar
            && name.strip_prefix(&leaf.name).is_some_and(|rest| rest.starts_with('['));
        leaf.name == name || element
    };
    if let Some(name) = wanted.iter().find(|name| !leaves.iter().any(|leaf| is(leaf, name))) {
        let nested = unreadable.contains(name);
        let names: Vec<&str> = leaves.iter().map(|leaf| leaf.name.as_str()).collect();
        return Err(content(
            path,
            if nested {
                format!("a column of nested lists cannot be read: {name}")
            } else {
                format!("there is no column `{name}` among: {}", names.join(", "))
            },
        ));
    }
    leaves.retain(|leaf| wanted.iter().any(|name| is(leaf, name)));
    Ok(leaves)
}

/// A leaf below a column of the file, unless it is a list of lists or of groups.
fn leaf(place: usize, root: &Type, descriptor: Arc<ColumnDescriptor>) -> Option<Leaf> {
    let parts = descriptor.path().parts();
    if descriptor.max_rep_level() == 0 {
        let is_file =
            parts.len() == 2 && parts[1] == "bytes" && descriptor.physical_type() == Physical::BYTE_ARRAY;
        let name = if is_file { root.name().to_owned() } else { parts.join(".") };
        return Some(Leaf { name, place, descriptor, shape: Shape::Scalar });
    }
    let element = element_level(root).filter(|_| descriptor.max_rep_level() == 1)?;
    let shape = Shape::Vector { element, n: None };
    Some(Leaf { name: root.name().to_owned(), place, descriptor, shape })
}

/// The definition level from which on a list has an element, where every group down to the leaf has one part only.
fn element_level(root: &Type) -> Option<i16> {
    let (mut node, mut level, mut element) = (root, 0, None);
    loop {
        let repetition = node.get_basic_info().has_repetition().then(|| node.get_basic_info().repetition());
        level += i16::from(matches!(repetition, Some(Repetition::OPTIONAL | Repetition::REPEATED)));
        if repetition == Some(Repetition::REPEATED) {
            element = Some(level);
        }
        if !node.is_group() {
            return element;
        }
        match node.get_fields() {
            [part] => node = part,
            _ => return None,
        }
    }
}
