//! The NPY format of NumPy, which holds one array.
//!
//! `\x93NUMPY`, the version, the header's length, a header `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }`,
//! and the numbers. The header is a literal of Python; a general parser of those takes exponential time on some of them,
//! so this one knows the three keys and nothing else. What a header claims is held against what the file holds before
//! anything is allocated.

mod kind;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;

use tch::{Kind, Tensor};

use self::kind::Numbers;
use crate::error::{Result, content, unreadable};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read. Those of arrays of numbers have about a hundred bytes.
const MAX_HEADER: usize = 10_000;
/// Numbers that are read at once.
const BLOCK: usize = 1 << 16;

/// An array's numbers, not read yet, and what its header says of them.
pub(crate) struct Array<R> {
    numbers: Numbers,
    /// Whether the first axis varies fastest.
    fortran: bool,
    shape: Vec<usize>,
    /// How many numbers there are, the shape's product.
    n: usize,
    reader: R,
}

impl<R: Read> Array<R> {
    /// Reads the header of an array that takes `n_bytes` with it; what is wrong with it otherwise.
    pub(crate) fn open(mut reader: R, n_bytes: u64) -> std::result::Result<Self, String> {
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(damaged)?;
        if let [0x80, 2..=5, ..] = start {
            return Err(kind::PICKLE.to_owned());
        }
        if start[..6] != *MAGIC {
            return Err("not a whole NPY file: it does not begin as one".to_owned());
        }
        let (n_prefix, n_header) = match start[6] {
            1 => (10, usize::from(u16::from_le_bytes(exact(&mut reader)?))),
            2 | 3 => (12, u32::from_le_bytes(exact(&mut reader)?) as usize),
            version => return Err(format!("expected an NPY file of version 1, 2 or 3, found: {version}")),
        };
        if n_header > MAX_HEADER {
            return Err(format!("not an NPY file of numbers: its header has {n_header} bytes"));
        }
        let mut header = vec![0; n_header];
        reader.read_exact(&mut header).map_err(damaged)?;
        let Header { numbers, fortran, shape } = Header::parse(&header)?;
        let n = shape.iter().try_fold(1usize, |n, axis| n.checked_mul(*axis));
        let claimed = n.and_then(|n| n.checked_mul(numbers.n_bytes())).map(|claimed| claimed as u64);
        let held = n_bytes.saturating_sub(n_prefix + n_header as u64);
        match (n, claimed) {
            (Some(n), Some(claimed)) if claimed == held => Ok(Self { numbers, fortran, shape, n, reader }),
            _ => Err(format!(
                "not a whole NPY file: an array of {} has shape {shape:?}, found: {held} bytes of it",
                numbers.name()
            )),
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the numbers are bytes in row-major order, as they stand in the file.
    pub(crate) fn is_plain_bytes(&self) -> bool {
        self.numbers.are_bytes() && !self.fortran
    }

    /// What the header says, for errors.
    pub(crate) fn description(&self) -> String {
        format!("{} {:?}", self.numbers.name(), self.shape)
    }

    /// What follows the header.
    pub(crate) fn into_reader(self) -> R {
        self.reader
    }

    /// The numbers in the file's order, in double precision; what is wrong with the file otherwise.
    pub(crate) fn values(mut self) -> std::result::Result<Vec<f64>, String> {
        let size = self.numbers.n_bytes();
        let (mut values, mut block) = (Vec::new(), vec![0; BLOCK.min(self.n) * size]);
        for first in (0..self.n).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(self.n - first) * size];
            self.reader.read_exact(block).map_err(damaged)?;
            self.numbers.extend(&mut values, block);
            self.numbers.check_digits(&values[first..])?;
        }
        // An archive's checksum is compared at a member's end only.
        match self.reader.read(&mut [0]).map_err(damaged)? {
            0 => Ok(values),
            _ => Err("not a whole NPY file: it goes on after its last number".to_owned()),
        }
    }

    /// The array in double precision, of the shape that it has in the file.
    pub(crate) fn tensor(self) -> std::result::Result<Tensor, String> {
        let shape: Vec<i64> = self.shape.iter().map(|axis| *axis as i64).collect();
        let fortran = self.fortran;
        let values = self.values()?;
        if values.is_empty() {
            return Ok(Tensor::zeros(shape, (Kind::Double, tch::Device::Cpu)));
        }
        let values = Tensor::from_slice(&values);
        if !fortran {
            return Ok(values.view(&shape[..]));
        }
        let reversed: Vec<i64> = shape.iter().rev().copied().collect();
        let axes: Vec<i64> = (0..shape.len() as i64).rev().collect();
        Ok(values.view(&reversed[..]).permute(axes).contiguous())
    }

    /// The array as rows `[N, D]` in double precision, one axis as one column.
    pub(crate) fn rows(self) -> std::result::Result<Tensor, String> {
        let (n, dim) = match self.shape[..] {
            [n] => (n, 1),
            [n, dim] => (n, dim),
            ref shape => return Err(format!("expected an array [N, D], found shape: {shape:?}")),
        };
        if n == 0 || dim == 0 {
            return Err("the table has no rows".to_owned());
        }
        Ok(self.tensor()?.view([n as i64, dim as i64]))
    }
}

/// The array of an NPY file, in its own shape and in double precision; `None` if the file is not an NPY file.
///
/// # Errors
/// [`crate::Error::Io`] for a file that cannot be read, [`crate::Error::Content`] for one that is damaged or holds no
/// numbers.
pub fn array(path: &Path) -> Result<Option<Tensor>> {
    let mut file = File::open(path).map_err(unreadable(path))?;
    let mut magic = [0; MAGIC.len()];
    if file.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Ok(None);
    }
    file.rewind().map_err(unreadable(path))?;
    let n_bytes = file.metadata().map_err(unreadable(path))?.len();
    let array = Array::open(BufReader::new(file), n_bytes).and_then(Array::tensor);
    array.map(Some).map_err(|problem| content(path, problem))
}

/// The array of an NPY file as `[N, D]` in double precision, finite or not.
pub(crate) fn read(path: &Path) -> Result<Tensor> {
    let file = File::open(path).map_err(unreadable(path))?;
    let n_bytes = file.metadata().map_err(unreadable(path))?.len();
    let rows = Array::open(BufReader::new(file), n_bytes).and_then(Array::rows);
    rows.map_err(|problem| content(path, problem))
}

/// Refuses a value that is not finite and says where it is.
pub(crate) fn check_finite(path: &Path, values: &Tensor) -> Result<()> {
    let places = values.isfinite().logical_not().nonzero();
    if places.size()[0] == 0 {
        return Ok(());
    }
    let place = |axis| places.int64_value(&[0, axis]);
    let (row, column) = (place(0), place(1));
    let value = values.double_value(&[row, column]);
    let problem = format!("row {}, column {} is not finite, found: {value}", row + 1, column + 1);
    Err(content(path, problem))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn damaged(error: io::Error) -> String {
    format!("not a whole NPY file: {error}")
}

fn exact<const N: usize>(reader: &mut impl Read) -> std::result::Result<[u8; N], String> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

/// What a header says.
struct Header {
    numbers: Numbers,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &[u8]) -> std::result::Result<Self, String> {
        let malformed = || {
            "not a whole NPY file: its header is not a dictionary of descr, fortran_order and shape"
                .to_owned()
        };
        let mut rest = Rest(std::str::from_utf8(text).map_err(|_| malformed())?);
        let (mut numbers, mut fortran, mut shape) = (None, None, None);
        rest.token("{").ok_or_else(malformed)?;
        while rest.token("}").is_none() {
            let key = rest.quoted().ok_or_else(malformed)?;
            rest.token(":").ok_or_else(malformed)?;
            match key {
                "descr" => numbers = Some(Numbers::parse(rest.description().ok_or_else(malformed)?)?),
                "fortran_order" => fortran = Some(rest.truth().ok_or_else(malformed)?),
                "shape" => shape = Some(rest.shape().ok_or_else(malformed)?),
                _ => return Err(malformed()),
            }
            if rest.token(",").is_none() {
                rest.token("}").ok_or_else(malformed)?;
                break;
            }
        }
        match (numbers, fortran, shape) {
            (Some(numbers), Some(fortran), Some(shape)) if rest.0.trim().is_empty() => {
                Ok(Self { numbers, fortran, shape })
            }
            _ => Err(malformed()),
        }
    }
}

/// What is left of a header. Each of its methods takes what it is named after from the beginning, if that is there.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn token(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
        let (inside, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        Some(inside)
    }

    /// The kind of numbers, or the bracket that a list of named fields begins with.
    fn description(&mut self) -> Option<&'a str> {
        if self.0.trim_start().starts_with('[') { Some("[") } else { self.quoted() }
    }

    fn truth(&mut self) -> Option<bool> {
        match (self.token("True"), self.token("False")) {
            (Some(()), None) => Some(true),
            (None, Some(())) => Some(false),
            _ => None,
        }
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.token("(")?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let inside = inside.trim();
        let axes = inside.strip_suffix(',').unwrap_or(inside);
        if axes.is_empty() {
            return Some(Vec::new());
        }
        // Python 2 wrote long integers with an L.
        axes.split(',').map(|axis| axis.trim().trim_end_matches('L').parse().ok()).collect()
    }
}
