//! Results as Markdown.

use super::record::{Record, Reference};

/// What the page says above its table.
const HEAD: &str = "\
# Results

What was measured, one number of each experiment, as its config is unless a note says otherwise. `cargo xtask results` writes this
page from [docs/results](results), one file for each number, which `cargo xtask results --add RUN` makes of a run folder; what else
was found is in the [notes](notes/README.md). A result stands as mean ± standard error; NLL in nats or bits per dimension is better
where it is lower. Minutes are those of training alone. A reference without a source elsewhere was measured beside the number, on the
same points.
";

/// The page.
pub(super) fn whole(records: &[Record]) -> String {
    let header =
        ["experiment", "metric", "measured", "reference", "seed", "steps", "minutes", "machine", "date"];
    let row = |record: &Record| {
        let metric = match &record.note {
            Some(note) => format!("{}; {note}", record.metric),
            None => record.metric.clone(),
        };
        let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let told: Vec<String> = record.references.iter().map(Reference::told).collect();
        vec![
            format!("`{}`", record.experiment),
            metric,
            record.measured(),
            told.join("; "),
            number(record.seed),
            number(record.steps),
            record.minutes.map(minutes).unwrap_or_default(),
            record.machine.clone(),
            record.date.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    format!("{HEAD}\n{}", lines(&header, &rows))
}

/// How many references README.md's table has for a number.
const N_REFERENCES: usize = 2;

/// README.md's table: the numbers that have a place in it.
pub(super) fn table(records: &[Record]) -> String {
    let mut chosen: Vec<&Record> = records.iter().filter(|record| record.readme.is_some()).collect();
    chosen.sort_by_key(|record| record.readme);
    let row = |record: &&Record| {
        let references = record.references.iter().take(N_REFERENCES);
        let told: Vec<String> = references.map(Reference::told).collect();
        let time = record.minutes.map(|value| format!("{} min", minutes(value))).unwrap_or_default();
        vec![format!("`{}`, {}", record.experiment, record.metric), record.measured(), told.join("; "), time]
    };
    let rows: Vec<Vec<String>> = chosen.iter().map(row).collect();
    lines(&["experiment", "here", "for comparison", "training"], &rows)
}

/// Minutes to two digits, and whole ones from ten.
fn minutes(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn lines(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    let rule = vec!["---".to_owned(); header.len()];
    let all = [header, rule].into_iter().chain(rows.iter().cloned());
    let lines: Vec<String> = all.map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    lines.concat()
}

/// The text with what stands between two marks, each on a line of its own, replaced.
pub(super) fn between(text: &str, (begin, end): (&str, &str), inside: &str) -> Option<String> {
    let (head, rest) = text.split_once(begin)?;
    let (_, tail) = rest.split_once(end)?;
    Some([head, begin, "\n\n", inside, "\n", end, tail].concat())
}

#[cfg(test)]
mod tests {
    use super::super::record::example;
    use super::*;

    #[test]
    fn a_row_says_all_that_is_known() {
        let page = whole(&[example()]);
        let row = "| `moons` | test NLL | −2.4075 ± 0.0078 nats | 2.4, the true density | 0 | 6000 | 2.1 | \
                   One CPU core (shared) | 2026-11-30 |\n";
        assert!(page.ends_with(row), "{page}");
    }

    #[test]
    fn the_table_has_the_chosen_in_their_order() {
        let named = |name: &str, readme| Record { experiment: name.to_owned(), readme, ..example() };
        let table = table(&[named("b", Some(2)), named("c", None), named("a", Some(1))]);
        let names: Vec<&str> = table.lines().skip(2).map(|line| &line[3..4]).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let text = between("a\n<x>\nold\n<y>\nb\n", ("<x>", "<y>"), "new\n");
        assert_eq!(text.unwrap(), "a\n<x>\n\nnew\n\n<y>\nb\n");
        assert_eq!(between("a", ("<x>", "<y>"), "new"), None);
    }
}
