//! Tables longer than what is read of them at once.
use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use interflow_data::{Error, Result, Sheet, TextFormat};

const N_ROWS: usize = 60_000;

/// A table of some three megabytes, in which signs of two to four bytes stand at all offsets.
fn table() -> String {
    let mut text = "number,sign,half\n".to_owned();
    for row in 0..N_ROWS {
        let sign = ["é", "語", "🙂", "ok"][row % 4].repeat(row % 11 + 1);
        writeln!(text, "{row},{sign},{}.5", row * 3).unwrap();
    }
    text
}

fn parse_as(bytes: &[u8], format: &TextFormat) -> Result<Sheet> {
    Sheet::parse(Path::new("long.csv"), bytes, format)
}

fn problem(bytes: &[u8]) -> String {
    parse_as(bytes, &TextFormat::default()).unwrap_err().to_string()
}

/// Fails unless the numbers of the table are read.
fn check(sheet: &Sheet) {
    let found = sheet.numbers(&[0, 2]).unwrap();
    let found = Vec::<f64>::try_from(found.contiguous().view(-1)).unwrap();
    let exact = (0..N_ROWS).flat_map(|row| [row as f64, (row * 3) as f64 + 0.5]);
    assert!(found.len() == 2 * N_ROWS && found.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn a_long_table_is_the_same_in_every_encoding_and_compressed() {
    let text = table();
    check(&parse_as(text.as_bytes(), &TextFormat::default()).unwrap());
    let marked = [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat();
    check(&parse_as(&marked, &TextFormat::default()).unwrap());
    let wide: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    check(&parse_as(&wide, &TextFormat::default()).unwrap());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    check(&parse_as(&gzip, &TextFormat::default()).unwrap());
    let message = problem(&gzip[..gzip.len() - 9]);
    assert!(message.contains("not a whole gzip file"), "{message}");
}

#[test]
fn a_broken_byte_far_down_is_named_by_its_line() {
    let mut bytes = table().into_bytes();
    let at = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(50_000).unwrap().0;
    bytes[at - 1] = 0xff;
    let message = problem(&bytes);
    assert!(message.contains("line 50001") && message.contains("not in UTF-8"), "{message}");
    let mut cut = table().into_bytes();
    cut.truncate(cut.len() - 4);
    cut.extend([0xf0, 0x9f, 0x99]);
    let message = problem(&cut);
    assert!(message.contains(&format!("line {}", N_ROWS + 1)), "{message}");
}

#[test]
fn a_ragged_line_far_down_is_named_and_can_be_left_out() {
    let text = table();
    let at = text.lines().take(40_000).map(|line| line.len() + 1).sum();
    let (before, after) = text.split_at(at);
    let ragged = format!("{before}\"open,1\n{after}");
    let message = problem(ragged.as_bytes());
    assert!(message.contains("line 40001"), "{message}");
    let format = TextFormat { skip_rows: vec![40_001], ..TextFormat::default() };
    check(&parse_as(ragged.as_bytes(), &format).unwrap());
}

#[test]
fn a_preamble_may_be_long() {
    let note = "# measured by hand, on paper\n".repeat(100_000);
    check(&parse_as((note + &table()).as_bytes(), &TextFormat::default()).unwrap());
}

#[test]
fn a_gzip_file_may_begin_with_much_of_the_same() {
    let row = format!("{},1\n", "0".repeat(50_000));
    let mut text = row.repeat(800);
    // As many bytes again as no compression makes shorter than a third.
    let mut state = 1_u64;
    for _ in 0..40_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        writeln!(text, "{state},{state}").unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("same.csv.gz");
    std::fs::write(&path, gzip.finish().unwrap()).unwrap();
    assert_eq!(Sheet::read(&path).unwrap().n_rows(), 40_800);
}

#[test]
fn rows_longer_than_the_beginning_are_cut_as_others_are() {
    let long = "x".repeat(600);
    let titles = (1..=2000).map(|probe| format!("Probe {probe} {long}")).collect::<Vec<_>>().join("\t");
    let row = vec!["1.5"; 2000].join("\t");
    let sheet = parse_as(format!("{titles}\n{row}\n{row}\n").as_bytes(), &TextFormat::default()).unwrap();
    assert_eq!((sheet.names().len(), sheet.n_rows()), (2000, 2));
}

#[test]
fn lines_keep_their_numbers_where_the_first_is_long() {
    // The beginning that is looked at first ends between the return and the feed, or in the first line.
    for (length, end) in [((1 << 20) - 1, "\r\n"), (2 << 20, "\r\n"), (2 << 20, "\r"), (2 << 20, "\n")] {
        let first = format!("{},b", "x".repeat(length - 2));
        let text = [first.as_str(), "1,2", "", "3", "4,5", ""].join(end);
        let message = problem(text.as_bytes());
        assert!(message.contains("line 4"), "{length} {end:?}: {message}");
        let format = TextFormat { skip_rows: vec![4], ..TextFormat::default() };
        assert_eq!(parse_as(text.as_bytes(), &format).unwrap().n_rows(), 2);
    }
}

#[test]
fn the_first_byte_that_is_no_text_is_named() {
    let message = problem(b"a,b\n\xff,1\n2,\x00\n");
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn a_source_that_cannot_be_read_to_its_end_is_an_error() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(table().as_bytes()).unwrap();
    let mut gzip = gzip.finish().unwrap();
    gzip.truncate(gzip.len() / 2);
    for bytes in [table().into_bytes(), gzip] {
        let source = Cursor::new(bytes).chain(Broken);
        let error = Sheet::parse(Path::new("long.csv"), source, &TextFormat::default()).unwrap_err();
        assert!(
            matches!(&error, Error::Io { source, .. } if source.to_string() == "the disk is gone"),
            "{error:?}"
        );
    }
}
