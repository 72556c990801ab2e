//! What tells the class of each picture of a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Result, content};
use crate::sheet::Sheet;

/// What is known of the classes of a part's pictures, in their order.
pub(super) struct Labels {
    told: Told,
    /// The table that told it.
    pub(super) table: Option<PathBuf>,
}

enum Told {
    Numbers(Vec<i64>),
    Names(Vec<String>),
}

impl Labels {
    /// The labels of the pictures `paths` below `folder`: by a table `labels.csv` in it or beside it, or else by their
    /// subfolders.
    pub(super) fn of(folder: &Path, paths: &[PathBuf]) -> Result<Self> {
        let above = folder.parent().unwrap_or(folder);
        let tables = [folder.join("labels.csv"), above.join("labels.csv")];
        if let Some(table) = tables.into_iter().find(|table| table.is_file()) {
            return Ok(Self { told: by_table(&table, folder, paths)?, table: Some(table) });
        }
        let subfolder = |path: &PathBuf| {
            let inside = path.strip_prefix(folder).unwrap_or(path);
            inside.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned()
        };
        Ok(Self { told: Told::Names(paths.iter().map(subfolder).collect()), table: None })
    }

    /// The classes of each part's pictures, and how many classes there are: numbers as they are, or the places of names
    /// among those of all parts.
    pub(super) fn classes(parts: &[Self]) -> (Vec<Vec<i64>>, i64) {
        let numbers = parts.iter().map(|part| match &part.told {
            Told::Numbers(numbers) => Some(numbers.clone()),
            Told::Names(_) => None,
        });
        if let Some(numbers) = numbers.collect::<Option<Vec<_>>>() {
            let n_classes = numbers.iter().flatten().max().map_or(1, |most| most + 1);
            return (numbers, n_classes);
        }
        let names: Vec<Vec<String>> = parts.iter().map(Self::names).collect();
        let known: BTreeSet<&Path> = names.iter().flatten().map(Path::new).collect();
        let known: Vec<&Path> = known.into_iter().collect();
        tracing::debug!("classes from 0: {known:?}");
        let class = |name: &String| known.binary_search(&Path::new(name)).unwrap_or(0) as i64;
        (names.iter().map(|names| names.iter().map(class).collect()).collect(), known.len() as i64)
    }

    fn names(&self) -> Vec<String> {
        match &self.told {
            Told::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
            Told::Names(names) => names.clone(),
        }
    }
}

/// The labels by a table whose first column holds paths or file names and whose second one integers from 0 or from 1,
/// or names.
fn by_table(table: &Path, folder: &Path, paths: &[PathBuf]) -> Result<Told> {
    let sheet = Sheet::read(table)?;
    let [first, second, ..] = sheet.names() else {
        return Err(content(table, "expected columns of file names and of classes".to_owned()));
    };
    let mut rows: BTreeMap<String, String> = sheet.texts(0).into_iter().zip(sheet.texts(1)).collect();
    // A table of text without a header looks as if its first row were one.
    rows.entry(first.clone()).or_insert_with(|| second.clone());
    let label = |path: &PathBuf| {
        let inside = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let label = rows.get(inside.as_ref()).or_else(|| rows.get(name.as_ref())).map(|label| label.trim());
        let missing = || content(table, format!("there is no label for {}", path.display()));
        label.filter(|label| !label.is_empty()).map(str::to_owned).ok_or_else(missing)
    };
    let labels = paths.iter().map(label).collect::<Result<Vec<String>>>()?;
    let Some(numbers) = labels.iter().map(|label| whole(label)).collect::<Option<Vec<i64>>>() else {
        return Ok(Told::Names(labels));
    };
    // Of the whole table, so that parts of the set agree.
    let least = rows.values().filter_map(|label| whole(label.trim())).min().unwrap_or(0);
    let least = least.clamp(0, 1);
    Ok(Told::Numbers(numbers.into_iter().map(|number| number - least).collect()))
}

/// The integer that a text stands for, as `3` or `3.0`.
fn whole(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}
