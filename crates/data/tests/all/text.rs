//! Tables as people write them: each is read as its writer meant it, or refused with the option that decides.
use std::path::Path;

use interflow_data::{Decimal, Header, Result, Separator, Sheet, TextFormat, Thousands};

fn parse_as(bytes: &[u8], format: &TextFormat) -> Result<Sheet> {
    Sheet::parse(Path::new("people.csv"), bytes, format)
}

fn parse(text: impl AsRef<[u8]>) -> Sheet {
    parse_as(text.as_ref(), &TextFormat::default()).unwrap()
}

/// Fails unless the columns have these names and all rows these numbers, −1 for a missing one.
fn check(sheet: &Sheet, names: &[&str], numbers: &[f64]) {
    assert_eq!(sheet.names(), names);
    let places = sheet.places(None).unwrap();
    let found = sheet.numbers(&places).unwrap().nan_to_num(-1.0, None, None);
    let found = Vec::<f64>::try_from(found.contiguous().view(-1)).unwrap();
    assert_eq!(found.len(), numbers.len(), "{found:?}");
    assert!(found.iter().zip(numbers).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}, expected {numbers:?}");
}

/// The numbers of a text, read with what is known of it.
fn check_as(text: &str, format: &TextFormat, names: &[&str], numbers: &[f64]) {
    check(&parse_as(text.as_bytes(), format).unwrap(), names, numbers);
}

/// Fails unless reading all columns is refused with each of `parts`.
fn refused(text: impl AsRef<[u8]>, parts: &[&str]) {
    refused_as(text, &TextFormat::default(), parts);
}

fn refused_as(text: impl AsRef<[u8]>, format: &TextFormat, parts: &[&str]) {
    let all = |sheet: Sheet| sheet.numbers(&sheet.places(None)?);
    let message = parse_as(text.as_ref(), format).and_then(all).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// Fails unless something that contains `part` is said of the text.
fn noted(sheet: &Sheet, part: &str) {
    let notes = sheet.notes();
    assert!(notes.iter().any(|note| note.contains(part)), "{part:?} is not in: {notes:?}");
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

const PLAIN: &str = "größe,b\n1.5,2\n-3,4e1\n";
const PLAIN_NUMBERS: [f64; 4] = [1.5, 2.0, -3.0, 40.0];

#[test]
fn a_plain_table_is_read_without_a_word() {
    for text in
        [PLAIN, &PLAIN.replace('\n', "\r\n"), &PLAIN.replace('\n', "\r"), "größe,b\n\n1.5, 2\n -3,4e1"]
    {
        let sheet = parse(text);
        check(&sheet, &["größe", "b"], &PLAIN_NUMBERS);
        assert_eq!(sheet.notes(), [""; 0]);
    }
}

#[test]
fn an_encoding_is_known_by_its_mark_or_stated() {
    let marked = |text: &str| format!("\u{feff}{text}");
    for bytes in [
        marked(PLAIN).into_bytes(),
        utf16(&marked(PLAIN), u16::to_le_bytes),
        utf16(&marked(PLAIN), u16::to_be_bytes),
    ] {
        check(&parse(bytes), &["größe", "b"], &PLAIN_NUMBERS);
    }
    noted(&parse(utf16(&marked(PLAIN), u16::to_le_bytes)), "encoding utf-16le");
    let latin1: Vec<u8> = PLAIN.chars().map(|sign| sign as u8).collect();
    refused(&latin1, &["people.csv, line 1", "windows-1252", "--encoding windows-1252"]);
    refused(utf16(PLAIN, u16::to_le_bytes), &["--encoding utf-16le"]);
    refused(utf16("a,b\n1,2\n", u16::to_be_bytes), &["--encoding utf-16be"]);
    let as_encoding = |name: &str| TextFormat { encoding: Some(name.to_owned()), ..TextFormat::default() };
    for name in ["windows-1252", "latin1", "ISO-8859-1"] {
        check(&parse_as(&latin1, &as_encoding(name)).unwrap(), &["größe", "b"], &PLAIN_NUMBERS);
    }
    let bare = utf16(PLAIN, u16::to_be_bytes);
    check(&parse_as(&bare, &as_encoding("utf-16be")).unwrap(), &["größe", "b"], &PLAIN_NUMBERS);
    refused_as(PLAIN, &as_encoding("klingon"), &["no encoding", "klingon"]);
    refused_as(b"a\n\xff\xff\n", &as_encoding("euc-kr"), &["euc-kr"]);
    refused([0xff, 0xfe, 0, 0, b'a', 0, 0, 0], &["UTF-32", "UTF-8"]);
    refused(b"a,b\n1,\x00\x01\x02\x00\x07\xff", &["not text"]);
}

#[test]
fn separators_are_recognised_or_stated() {
    for (text, name) in [
        ("a;b\n1.5;2\n3;4\n", "`;`"),
        ("a\tb\n1.5\t2\n3\t4\n", "tab"),
        ("a|b\n1.5|2\n3|4\n", "`|`"),
        ("a b\n1.5   2\n  3 4\n", "blanks"),
        ("a;b\n\"1.5\";2\n3;4\n", "`;`"),
    ] {
        let sheet = parse(text);
        check(&sheet, &["a", "b"], &[1.5, 2.0, 3.0, 4.0]);
        noted(&sheet, &format!("separator {name}"));
    }
    for text in ["sep=;\na;b\n1;2\n", "\"SEP=;\"\r\na;b\r\n1;2\r\n", "sep=|\na|b\n1|2\n", "sep=,\na,b\n1,2\n"]
    {
        check(&parse(text), &["a", "b"], &[1.0, 2.0]);
    }
    let by = |separator: &str| {
        let separator = Some(Separator::try_from(separator.to_owned()).unwrap());
        TextFormat { separator, ..TextFormat::default() }
    };
    check_as("a:b\n1:2\n", &by(":"), &["a", "b"], &[1.0, 2.0]);
    check_as("a b\n1\t 2\n", &by("blanks"), &["a", "b"], &[1.0, 2.0]);
    check_as("a\tb\n1\t2\n", &by("\\t"), &["a", "b"], &[1.0, 2.0]);
    for wrong in ["", ";;", "a", "1", ".", "\""] {
        assert!(Separator::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
    }
    // Signs within text are no separators.
    let sheet = parse("id,note\n1,to be; or not\n2,a | b\n");
    assert_eq!(sheet.names(), ["id", "note"]);
    check(&parse("\"a;b\",c\n1,2\n"), &["a;b", "c"], &[1.0, 2.0]);
}

#[test]
fn a_decimal_comma_is_recognised_where_nothing_else_is_possible() {
    // All commas stand before three digits, but between semicolons they are decimal marks by custom.
    let sheet = parse("a;b\n10,251;2,845\n9,736;4\n");
    check(&sheet, &["a", "b"], &[10.251, 2.845, 9.736, 4.0]);
    noted(&sheet, "separator `;`, decimal comma");
    check(&parse("a\tb\n1,5\t2\n-0,25\t1,5e3\n"), &["a", "b"], &[1.5, 2.0, -0.25, 1500.0]);
    check(&parse("a,b\n\"1,5\",2\n\"0,25\",3\n"), &["a", "b"], &[1.5, 2.0, 0.25, 3.0]);
    check(&parse("a;b\n1.234,5;2\n1.234.567;0,5\n"), &["a", "b"], &[1234.5, 2.0, 1_234_567.0, 0.5]);
    // A point between semicolons stays one.
    check(&parse("a;b\n10.251;2.84\n9.736;4\n"), &["a", "b"], &[10.251, 2.84, 9.736, 4.0]);
    noted(&parse("a;b\n10.251;2.845\n9.736;4\n"), "--thousands .");
}

#[test]
fn marks_that_allow_two_readings_are_refused_by_name() {
    refused("a;b\n1,5;1.234\n2,5;3\n", &["`b`", "\"1.234\"", "line 2", "--thousands .", "--decimal ."]);
    refused("a\tb\n1,234\t5\n", &["`a`", "\"1,234\"", "--thousands ,", "--decimal ,"]);
    refused("a,b\n\"1,234\",5\n", &["`a`", "--thousands ,"]);
    refused("a;b\n1,5;2.5\n", &["decimal point", "decimal comma", "\"2.5\"", "\"1,5\"", "--decimal"]);
    let format = |decimal, thousands| TextFormat { decimal, thousands, ..TextFormat::default() };
    let (comma, point) = (Some(Decimal::Comma), Some(Decimal::Point));
    let german = format(comma, Some(Thousands::Point));
    check_as("a;b\n1,5;1.234\n2,5;3\n", &german, &["a", "b"], &[1.5, 1234.0, 2.5, 3.0]);
    check_as("a\tb\n1,234\t5\n", &format(comma, None), &["a", "b"], &[1.234, 5.0]);
    check_as("a\tb\n1,234\t5\n", &format(None, Some(Thousands::Comma)), &["a", "b"], &[1234.0, 5.0]);
    check_as("a;b\n1 234;5\n", &format(None, Some(Thousands::Blank)), &["a", "b"], &[1234.0, 5.0]);
    check_as("x\n10,5\n2,25\n", &format(comma, None), &["x"], &[10.5, 2.25]);
    refused_as("a;b\n1,5;2.5\n", &format(comma, None), &["`b`", "\"2.5\""]);
    refused_as("a;b\n1,5;2.5\n", &format(point, None), &["`a`", "\"1,5\""]);
    refused_as(PLAIN, &format(comma, Some(Thousands::Comma)), &["decimal and the thousands"]);
}

#[test]
fn thousands_money_and_percent_are_read_where_they_allow_one_reading() {
    let sheet = parse("a,b\n10.5,\"2,845.00\"\n9.7,\"8,817\"\n");
    check(&sheet, &["a", "b"], &[10.5, 2845.0, 9.7, 8817.0]);
    noted(&sheet, "commas between thousands");
    check(&parse("a,b\n1,\"1,234,567\"\n2,5\n"), &["a", "b"], &[1.0, 1_234_567.0, 2.0, 5.0]);
    check(&parse("a;b\n1;1'234.5\n2;5\n"), &["a", "b"], &[1.0, 1234.5, 2.0, 5.0]);
    check(&parse("a;b\n1,5;1\u{a0}234,5\n2;5\n"), &["a", "b"], &[1.5, 1234.5, 2.0, 5.0]);
    check(&parse("a,b\n$1.50,12.5%\n-$2,-3 %\n"), &["a", "b"], &[1.5, 12.5, -2.0, -3.0]);
    check(&parse("a;b\n1,50 €;1\n−2 €;2\n"), &["a", "b"], &[1.5, 1.0, -2.0, 2.0]);
    refused("a,b\n12%,1\n0.5,2\n", &["`a`", "different units", "\"12%\"", "\"0.5\"", "line 3"]);
    refused("a,b\n$1,1\n€2,2\n", &["`a`", "different units"]);
    refused("a,b\n1,\"12,34.5\"\n", &["`b`", "\"12,34.5\""]);
}

#[test]
fn lines_that_are_no_rows_are_comments_or_skipped() {
    let skipping = |lines: &[u64]| TextFormat { skip_rows: lines.to_vec(), ..TextFormat::default() };
    check(&parse("# a,b\n1,2\n3,4\n"), &["a", "b"], &[1.0, 2.0, 3.0, 4.0]);
    check(&parse("# made by us\n#a b\n1 2\n3 4\n# the end\n"), &["a", "b"], &[1.0, 2.0, 3.0, 4.0]);
    check(&parse("# made by us, today\na,b\n1,2\n"), &["a", "b"], &[1.0, 2.0]);
    check(&parse("# made by us, the lab\n1,2\n3,4\n"), &["made by us", "the lab"], &[1.0, 2.0, 3.0, 4.0]);
    check(&parse("#1,2\n3,4\n5,6\n"), &["x1", "x2"], &[3.0, 4.0, 5.0, 6.0]);
    let title = "Export of 2024-01-01\na,b\n1,2\n3,4\n";
    refused(title, &["line 1", "expected 2 fields", "found: 1", "--skip-rows 1"]);
    check_as(title, &skipping(&[1]), &["a", "b"], &[1.0, 2.0, 3.0, 4.0]);
    let units = "a,b\nkm,s\n1,2\n3,4\n";
    refused(units, &["`a`", "`b`", "\"km\" in line 2", "--skip-rows 2"]);
    check_as(units, &skipping(&[2]), &["a", "b"], &[1.0, 2.0, 3.0, 4.0]);
    let joined = "a,b\n1,2\n3,4\na,b\n5,6\n7,8\n";
    refused(joined, &["\"a\" in line 4", "--skip-rows 4"]);
    let total = "a,b\n1,2\n3,4\nsum 10\n";
    refused(total, &["line 4", "--skip-rows 4"]);
    // Lines keep their numbers.
    let sheet = parse_as(b"title\r\na,b\r\nkm,s\r\n1,2\r\n3,?\r\n", &skipping(&[1, 3])).unwrap();
    let message = sheet.complete_numbers(&[0, 1]).unwrap_err().to_string();
    assert!(message.contains("1 row: line 5"), "{message}");
}

#[test]
fn a_separator_too_many_is_no_column() {
    for text in ["a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n", "a,b,\n1,2\n3,4\n", "a;b;\n1;2;\n3;4;\n"] {
        check(&parse(text), &["a", "b"], &[1.0, 2.0, 3.0, 4.0]);
    }
    noted(&parse("a,b,\n1,2,\n3,4,\n"), "left out: #3");
    check(&parse("1,\n"), &["x1", "x2"], &[1.0, -1.0]);
    check(&parse("a,,b\n1,,2\n3,,4\n"), &["a", "b"], &[1.0, 2.0, 3.0, 4.0]);
    check(&parse("1,2,\n3,4,\n"), &["x1", "x2"], &[1.0, 2.0, 3.0, 4.0]);
    // A value below an empty title is one.
    check(&parse("a,b,\n1,2,\n3,4,5\n"), &["a", "b", "#3"], &[1.0, 2.0, -1.0, 3.0, 4.0, 5.0]);
    // Row names without a title, as R writes them.
    refused("a,b\nr1,1,2\nr2,3,4\n", &["line 1", "expected 3 fields", "found: 2"]);
}

#[test]
fn columns_without_a_name_of_their_own_have_their_places() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let sheet = parse(",a,a,2\n0,1,2,3\n1,4,5,6\n");
    check(&sheet, &["#1", "a#2", "a#3", "2"], &[0.0, 1.0, 2.0, 3.0, 1.0, 4.0, 5.0, 6.0]);
    noted(&sheet, "told apart by their places: a#2, a#3");
    for (asked, places) in
        [(&["#1"][..], &[0][..]), (&["#2", "a#3"], &[1, 2]), (&["2"], &[3]), (&["#4"], &[3])]
    {
        assert_eq!(sheet.places(Some(&names(asked))).unwrap(), places, "{asked:?}");
    }
    for (asked, part) in
        [("a", "more than one column `a`: a#2, a#3"), ("#5", "no column `#5`"), ("4", "no column `4`")]
    {
        let message = sheet.places(Some(&names(&[asked]))).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    assert!(sheet.places(Some(&names(&["#2", "a#2"]))).is_err());
    // A column that is really called so goes first.
    assert_eq!(parse("#2,b\n1,2\n").names(), ["2", "b"]);
    assert_eq!(parse("b,c,#2\n1,2,3\n").places(Some(&names(&["#2"]))).unwrap(), [2]);
    // What is written has the file's own titles.
    let written = sheet.csv_with("p", &names(&["7", "8"])).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), ",a,a,2,p\n0,1,2,3,7\n1,4,5,6,8\n");
}

/// What is written has one notation, that of the numbers that join it; texts stay as they are.
#[test]
fn numbers_are_written_as_plain_ones_whatever_their_marks() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let sheet = parse("x;share;cost;note\n2,5;12,5%;;1,5 m\n 1.234,5;7%;-€3;2,5 m\n12;8%;€1e3;03\n");
    let written = String::from_utf8(sheet.csv_with("p", &names(&["0.5", "1", "2"])).unwrap()).unwrap();
    assert_eq!(
        written,
        "x,share,cost,note,p\n2.5,12.5,,\"1,5 m\",0.5\n1234.5,7,-3,\"2,5 m\",1\n12,8,1000,03,2\n"
    );
    let filled = sheet.csv_filled(&names(&["cost"]), &[names(&["4.5", "5", "6"])], 1).unwrap();
    let filled = String::from_utf8(filled).unwrap();
    assert_eq!(filled.lines().nth(1), Some("2.5,12.5,4.5,\"1,5 m\""));
    let numbers = parse(&filled).numbers(&[0, 1, 2]).unwrap();
    assert_eq!(Vec::<f64>::try_from(numbers.select(0, 0)).unwrap(), [2.5, 12.5, 4.5]);
}

#[test]
fn a_header_of_numbers_is_doubted_and_stated() {
    let years = "1990,1991,1992\n10.25,2.84,4\n9.73,8.81,6\n11.2,25.5,3\n";
    noted(&parse(years), "--header yes");
    let with = |header| TextFormat { header: Some(header), ..TextFormat::default() };
    let numbers = [10.25, 2.84, 4.0, 9.73, 8.81, 6.0, 11.2, 25.5, 3.0];
    check_as(years, &with(Header::Yes), &["1990", "1991", "1992"], &numbers);
    let sheet = parse_as(years.as_bytes(), &with(Header::No)).unwrap();
    assert_eq!((sheet.n_rows(), sheet.notes().len()), (4, 0));
    noted(&parse("0,1,2\n0.3,0.1,0.7\n0.2,0.5,0.1\n"), "--header yes");
    // Data that begin with whole numbers are none to doubt.
    assert_eq!(parse("1,2\n3,1.5\n0,2.5\n").notes(), [""; 0]);
    assert_eq!(parse("5,2\n3,1\n7,3\n").notes(), [""; 0]);
    // Text above numbers is a header, whatever else is in it.
    let mixed = parse("year,1990\n1,2\n3,4\n");
    check(&mixed, &["year", "1990"], &[1.0, 2.0, 3.0, 4.0]);
    noted(&mixed, "is read as a header");
    check_as("a,b\n1,2\n", &with(Header::Yes), &["a", "b"], &[1.0, 2.0]);
    refused_as("a,b\n1,2\n", &with(Header::No), &["`x1`", "\"a\" in line 1", "--skip-rows 1"]);
}

#[test]
fn every_usual_mark_of_a_missing_value_is_known_and_others_are_stated() {
    for mark in ["", "NA", "#N/A", "-", "<NA>", ".", "n.a.", "#DIV/0!", "NULL", "\\N", "nan", "NaT", "–", "?"]
    {
        let sheet = parse(format!("a,b\n1,2\n3,{mark}\n"));
        check(&sheet, &["a", "b"], &[1.0, 2.0, 3.0, -1.0]);
    }
    let marks = |marks: &[&str]| {
        let missing_marks = marks.iter().map(|mark| (*mark).to_owned()).collect();
        TextFormat { missing_marks, ..TextFormat::default() }
    };
    refused(
        "a,b\n1,2\n3,k.A.\n4,5\n6,k.A.\n7,8\n",
        &["`b`", "numbers but for 2 fields", "line 3", "--missing-marks=k.A."],
    );
    check_as("a,b\n1,2\n3,K.A.\n", &marks(&["k.A."]), &["a", "b"], &[1.0, 2.0, 3.0, -1.0]);
    check_as("a,b\n1,-999\n-999.0,4\n", &marks(&["-999"]), &["a", "b"], &[1.0, -1.0, -1.0, 4.0]);
}

#[test]
fn all_columns_that_are_no_numbers_are_named_at_once() {
    let text = "a,sex,day,flag,\"price, net\"\n1,male,2024-01-02,True,5\n2,female,2024-01-03,False,6\n";
    refused(
        text,
        &[
            "columns hold no numbers",
            "`sex` (text, \"male\" in line 2)",
            "`day` (dates or times, \"2024-01-02\" in line 2)",
            "`flag` (truth values, \"True\" in line 2)",
        ],
    );
    refused("a,t\n1,12:30\n2,12:31:05\n", &["`t` (dates or times"]);
    refused("a,t\n1,31.12.2024\n2,01.01.2025\n", &["`t` (dates or times"]);
}

#[test]
fn one_column_of_times_is_neither_cut_at_blanks_nor_named_by_its_first_row() {
    let rows = "2024-01-02 03:04:05\n2024-01-03 03:04:05\n2024-01-03 13:04:05\n";
    for (text, name, n_rows) in [
        (rows.to_owned(), "x1", 3),
        (format!("when\n{rows}"), "when", 3),
        // Dates above numbers are titles.
        ("2024-01\n1\n3\n".to_owned(), "2024-01", 2),
    ] {
        let sheet = parse(&text);
        assert_eq!((sheet.names(), sheet.n_rows()), (&[name.to_owned()][..], n_rows), "{text}");
    }
}
