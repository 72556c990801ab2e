//! Names of experiments and variants, which become names of folders.

use serde::{Deserialize, Serialize};

use super::wrong;
use crate::error::Result;

/// The most bytes of a name: the longest that file systems take, less what a run's folders and files add to it.
const MOST_BYTES: usize = 200;

/// Signs that file names cannot have on some system, or that would lead to another folder.
const REFUSED: [char; 9] = ['/', '\\', '<', '>', ':', '"', '|', '?', '*'];

/// Names of Windows's devices, with any ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// One of several variants of an experiment, which differ in a few keys.
///
/// ```
/// use interflow_flow::config::Variant;
///
/// let variant = Variant { name: "Minibatch OT, 256".to_owned(), set: vec!["coupling.kind=exact".to_owned()] };
/// assert_eq!(variant.folder_name(), "minibatch-ot-256");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name in tables and figures.
    pub name: String,
    /// The keys that it sets, each as `key.path=value`. In the coupling `reflow`, a `from` that begins with `@` names
    /// an earlier variant.
    #[serde(default)]
    pub set: Vec<String>,
}

impl Variant {
    /// The name of the folder that holds its runs: the lower-case letters and digits of its name, with all other
    /// signs between them replaced by single hyphens.
    pub fn folder_name(&self) -> String {
        let words = self.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
    }
}

/// Refuses variants whose runs would have no folder, or one in common.
pub(super) fn check_variants(variants: &[Variant]) -> Result<()> {
    for (index, variant) in variants.iter().enumerate() {
        let folder = variant.folder_name();
        check_name(&folder).map_err(|problem| {
            let name = &variant.name;
            wrong("[[variants]]", format!("the letters and digits of the name {name:?} {problem}"))
        })?;
        if let Some(other) = variants[..index].iter().find(|other| other.folder_name() == folder) {
            let names = format!("{:?} and {:?}", other.name, variant.name);
            return Err(wrong(
                "[[variants]]",
                format!("names must differ in their letters and digits, which name folders, found: {names}"),
            ));
        }
    }
    Ok(())
}

/// The name that is most like `text` among those that a folder can have; `otherwise` where nothing of it can be.
pub(crate) fn as_name(text: &str, otherwise: &str) -> String {
    let allowed = |c: char| if REFUSED.contains(&c) || c.is_control() { '-' } else { c };
    let mut name: String = text.chars().map(allowed).collect();
    while name.len() > MOST_BYTES {
        name.pop();
    }
    let name = name.trim().trim_end_matches('.').trim_end();
    if check_name(name).is_ok() { name.to_owned() } else { otherwise.to_owned() }
}

/// What is wrong with a name as that of a folder, on any system.
pub(super) fn check_name(name: &str) -> std::result::Result<(), String> {
    let device = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_port =
        |port: &str| device.strip_prefix(port).is_some_and(|n| matches!(n.as_bytes(), [b'1'..=b'9']));
    let problem = if name.is_empty() || name.chars().all(|c| c == '.') {
        "must name a folder of its own".to_owned()
    } else if name.len() > MOST_BYTES {
        format!("must have at most {MOST_BYTES} bytes")
    } else if name.contains(|c: char| REFUSED.contains(&c) || c.is_control()) {
        format!("must be a folder's name, without {} and control signs", REFUSED.iter().collect::<String>())
    } else if name.trim() != name || name.ends_with('.') {
        "must not begin or end with a blank, nor end with a dot".to_owned()
    } else if DEVICES.contains(&device.as_str()) || is_port("com") || is_port("lpt") {
        "must not be that of a device of Windows".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{problem}, found: {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_are_taken_and_others_refused() {
        for name in ["tiny", "D = 2, α", ".hidden", "a.b", "console", "com10", "x".repeat(200).as_str()] {
            assert_eq!(check_name(name), Ok(()));
        }
        let long = "x".repeat(201);
        let refused = [
            "", ".", "..", "...", "/tmp/x", "a/b", "a\\b", "a\0b", "a\nb", " a", "a\t", "a.", "CON",
            "nul.txt",
        ];
        for name in refused.into_iter().chain(["LPT1", "com9.x", "C:", "a?", long.as_str()]) {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_is_made_of_any_text() {
        let long = "é".repeat(150);
        for (text, name) in [("people", "people"), (" a:b. ", "a-b"), ("..", "table"), ("CON", "table")] {
            assert_eq!(as_name(text, "table"), name);
        }
        assert_eq!(as_name(&long, "table"), "é".repeat(100));
    }

    #[test]
    fn variants_need_folders_of_their_own() {
        let named = |names: &[&str]| -> Vec<Variant> {
            names.iter().map(|name| Variant { name: (*name).to_owned(), set: Vec::new() }).collect()
        };
        assert!(check_variants(&named(&["D = 2: α and β", "D = 3"])).is_ok());
        for names in [&["α"][..], &[".."], &["a b", "A, b"], &["nul"]] {
            let message = check_variants(&named(names)).unwrap_err().to_string();
            assert!(message.contains("[[variants]]"), "{message}");
        }
    }
}
