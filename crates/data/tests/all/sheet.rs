//! Files of rows as they stand.
use interflow_data::{Result, Sheet, table};
use tch::{Kind, Tensor};

fn sheet(name: &str, text: &str) -> Result<Sheet> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Sheet::read(&path)
}

fn refusal<T: std::fmt::Debug>(result: Result<T>, parts: &[&str]) {
    let message = result.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn numbers(sheet: &Sheet, places: &[usize]) -> Vec<f64> {
    Vec::try_from(sheet.numbers(places).unwrap().contiguous().view(-1)).unwrap()
}

#[test]
fn a_header_is_a_first_line_without_numbers() {
    assert_eq!(sheet("a.csv", " a ,b\n1,2\n").unwrap().names(), ["a", "b"]);
    assert_eq!(sheet("a.csv", "1,2\n3,4\n").unwrap().names(), ["x1", "x2"]);
    let gaps = sheet("a.csv", "NA,?\n3,4\n").unwrap();
    assert_eq!((gaps.names().len(), gaps.n_rows()), (2, 2));
}

/// A header of numbers alone is one only above numbered rows, as pandas writes it; elsewhere it is doubted.
#[test]
fn numbers_may_name_columns() {
    let frame = sheet("a.csv", ",0,1\n0,0.3,-1.2\n1,2.5,0.1\n").unwrap();
    assert_eq!((frame.names(), frame.n_rows()), (&names(&["#1", "0", "1"])[..], 2));
    for text in
        [",0,1\n2024-01-01,0.3,-1.2\n2024-01-02,2.5,0.1\n", "town,2019,2020\nUlm,1.5,2.5\nLinz,3.5,0.5\n"]
    {
        let sheet = sheet("a.csv", text).unwrap();
        let notes = sheet.notes().join("\n");
        assert!(sheet.n_rows() == 3 && notes.contains("--header yes"), "{text}: {notes}");
    }
    for text in [",0,1\n5,0,1\n7,1,0\n", "Ulm,3,4.5\nLinz,1,3.5\nGraz,4,5.5\n"] {
        let sheet = sheet("a.csv", text).unwrap();
        assert!(sheet.n_rows() == 3 && sheet.notes().is_empty(), "{text}: {:?}", sheet.notes());
    }
}

#[test]
fn every_spelling_of_a_missing_value_is_not_a_number() {
    let sheet = sheet("a.csv", "a,b\n1,\n2,NA\n3, nan \n4,?\n5,NULL\n6,None\n7,n/a\n8,9\n").unwrap();
    let values = numbers(&sheet, &[1]);
    assert!(values[..7].iter().all(|value| value.is_nan()), "{values:?}");
    assert!((values[7] - 9.0).abs() < 1e-12);
    refusal(sheet.complete_numbers(&[0, 1]), &["7 rows", "lines 2, 3, 4, 5, 6, 7, 8"]);
    assert_eq!(sheet.complete_numbers(&[0]).unwrap().size(), [8, 1]);
}

#[test]
fn columns_are_chosen_by_name_or_by_number_without_a_header() {
    let named = sheet("a.csv", "a,b,a\n1,2,3\n").unwrap();
    assert_eq!(named.places(Some(&names(&["b"]))).unwrap(), [1]);
    refusal(named.places(Some(&names(&["a"]))), &["more than one column `a`: a#1, a#3"]);
    refusal(named.places(Some(&names(&["c"]))), &["no column `c`", "a#1, b, a#3"]);
    refusal(named.places(Some(&names(&["2"]))), &["no column `2`"]);
    refusal(named.places(Some(&names(&["b", "b"]))), &["twice"]);
    let bare = sheet("a.csv", "1,2,3\n4,5,6\n").unwrap();
    assert_eq!(bare.places(Some(&names(&["3", "x1"]))).unwrap(), [2, 0]);
    assert_eq!(numbers(&bare, &[2, 0]), [3.0, 1.0, 6.0, 4.0]);
    refusal(bare.places(Some(&names(&["4"]))), &["no column `4`"]);
    // A flow's columns: in order if there are just as many, by number otherwise.
    assert_eq!(bare.places_of(&names(&["a", "b", "c"])).unwrap(), [0, 1, 2]);
    assert_eq!(bare.places_of(&names(&["x1", "x3"])).unwrap(), [0, 2]);
    refusal(bare.places_of(&names(&["a", "b"])), &["no column `a`"]);
}

#[test]
fn text_infinity_and_ragged_lines_are_refused_with_their_place() {
    let rows = sheet("a.csv", "a,b\n1,x\n2,inf\n").unwrap();
    refusal(rows.numbers(&[0, 1]), &["line 2", "`b`", "\"x\""]);
    assert_eq!(numbers(&rows, &[0]), [1.0, 2.0]);
    refusal(sheet("a.csv", "a,b\n1,2\n3,inf\n").unwrap().numbers(&[1]), &["line 3", "not finite"]);
    refusal(sheet("a.csv", "a,b\n1,2\n3\n"), &["line 3", "2 fields", "1"]);
    refusal(sheet("a.csv", "a,b\n"), &["no rows"]);
    refusal(sheet("a.csv", ""), &["no rows"]);
    refusal(sheet("a.npy", "a,b\n1,2\n"), &["not a whole NPY file"]);
}

#[test]
fn a_column_more_leaves_the_others_as_they_are() {
    let text = "id,\"a, b\"\n\"x \"\"y\"\"\",1.50\nNA,2\n";
    let bytes = sheet("a.csv", text).unwrap().csv_with("p", &names(&["-1", "-2"])).unwrap();
    let expected = "id,\"a, b\",p\n\"x \"\"y\"\"\",1.50,-1\nNA,2,-2\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    assert!(sheet("a.csv", text).unwrap().csv_with("p", &names(&["-1"])).is_err());
}

#[test]
fn a_table_without_a_header_is_written_with_one_that_reads_back() {
    let first = sheet("a.csv", "1,2\n3,4\n").unwrap();
    let bytes = first.csv_with("p", &names(&["-1", "-2"])).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text, "x1,x2,p\n1,2,-1\n3,4,-2\n");
    let again = sheet("a.csv", &text).unwrap();
    assert_eq!(numbers(&again, &again.places_of(first.names()).unwrap()), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn arrays_have_numbered_columns_and_may_miss_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let write = |values: &[f64]| table::write_npy(&path, &Tensor::from_slice(values).view([-1, 3])).unwrap();
    write(&[1.0, 2.0, 3.0, 4.0, f64::NAN, 6.0]);
    let sheet = Sheet::read(&path).unwrap();
    assert_eq!((sheet.names(), sheet.n_rows()), (&names(&["x1", "x2", "x3"])[..], 2));
    assert_eq!(sheet.places(Some(&names(&["3"]))).unwrap(), [2]);
    refusal(sheet.complete_numbers(&[0, 1]), &["1 row: row 2"]);
    assert_eq!(sheet.complete_numbers(&[2, 0]).unwrap().kind(), Kind::Double);
    write(&[1.0, 2.0, 3.0, 4.0, f64::INFINITY, 6.0]);
    refusal(Sheet::read(&path).unwrap().numbers(&[1]), &["row 2", "not finite"]);
}
