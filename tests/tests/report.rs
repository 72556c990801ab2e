//! The report of a run as a page: everything inside, nothing dangling, and names of columns that look like markup.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::path::Path;

use interflow_tests::Playground;
use serde_json::Value;

/// The values of an attribute, in order; `opening` ends with its quote.
fn values<'a>(page: &'a str, opening: &str) -> Vec<&'a str> {
    page.split(opening).skip(1).map(|rest| rest.split_once('"').unwrap().0).collect()
}

/// The page with so many drawings in it, which needs no other file, and whose tags and names fit together.
fn check(page: &Path, n_drawings: usize) -> String {
    let text = std::fs::read_to_string(page).unwrap();
    assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n"), "{text}");
    assert_eq!(text.matches("<svg ").count(), n_drawings);
    assert!(!text.contains("<script") && !text.contains("@import") && !text.contains("<link"));
    let names = values(&text, " id=\"");
    let known: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(known.len(), names.len(), "a name stands twice");
    for address in [values(&text, " src=\""), values(&text, " href=\"")].concat() {
        let inside = address.strip_prefix('#').is_some_and(|name| known.contains(name));
        assert!(inside || address.starts_with("data:image/png;base64,"), "{address:.80}");
    }
    for rest in text.split("url(#").skip(1) {
        assert!(known.contains(rest.split_once(')').unwrap().0), "{rest:.80}");
    }
    check_nesting(&text);
    text
}

/// Checks that every element ends, in the order in which they begin.
fn check_nesting(text: &str) {
    const VOID: [&str; 3] = ["meta", "img", "!DOCTYPE"];
    let mut open = Vec::new();
    // What a stylesheet holds is no markup.
    let (head, rest) = text.split_once("<style>").unwrap();
    let body = [head, rest.split_once("</style>").unwrap().1].concat();
    for tag in body.split('<').skip(1) {
        let tag = tag.split_once('>').unwrap().0;
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag:.80}"),
            None if tag.ends_with('/') || VOID.contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, [] as [&str; 0]);
}

#[test]
fn a_table_whose_names_look_like_markup_has_a_page() {
    let playground = Playground::new();
    let row = |i: u32| {
        let x = f64::from(i * 37 % 101) / 10.0;
        let town = ["Köln", "<i>Rom</i>"][i as usize % 2];
        format!("{x:.3},{:.3},{:.3},{town}\n", 2.0 * x + f64::from(i % 7), x.sin())
    };
    let table: String = (0..300).map(row).collect();
    playground.write("odd.csv", &format!("<b>,Größe °C,a|b,Ort & Land\n{table}"));
    let settings = "--threads 1 --set train.steps=100 --json";
    let printed = playground.succeed(&format!("fit odd.csv {settings}"));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let run = playground.path().join(printed["run"].as_str().unwrap());
    let page = check(&run.join("report.html"), 3);
    for part in
        ["<td>&lt;b&gt;</td>", "<td>Größe °C</td>", "<td>a|b</td>", "<td>Ort &amp; Land</td>", "libtorch"]
    {
        assert!(page.contains(part), "{part} is not in the page");
    }
    assert!(page.contains(&format!("<pre><code>interflow fit odd.csv {settings}\n")));
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.contains("| a\\|b |") && report.contains("| \\<b> |"), "{report}");
    for figure in ["marginals", "pairs", "loss"] {
        assert!(report.contains(&format!("](figures/{figure}.png)")), "{figure} is not in {report}");
    }
}

#[test]
fn a_report_shows_a_flow_and_how_to_make_it_again() {
    let playground = Playground::new();
    playground.succeed("experiment tiny.toml --threads 1 --set train.steps=60");
    let run = playground.run_folder("runs");
    let page = check(&run.join("report.html"), 2);
    assert!(page.contains("the true density, on the same points"), "{page}");
    let told = page.split_once("interflow experiment ").unwrap().1.split_once('\n').unwrap().1;
    let told = told.split_once("</code>").unwrap().0.strip_prefix("interflow ").unwrap();
    playground.succeed(&format!("{told} --out again"));
    let result = |run: &Path| -> Value {
        serde_json::from_str(&std::fs::read_to_string(run.join("result.json")).unwrap()).unwrap()
    };
    assert_eq!(result(&run)["test_nll"], result(&playground.run_folder("again"))["test_nll"]);
}
