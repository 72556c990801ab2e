//! NPZ archives of arrays, as NumPy's `savez` writes them: ZIP files of NPY files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use tch::Tensor;
use zip::ZipArchive;

use crate::decode::{Expansion, guarded};
use crate::error::{Error, Result, content, unreadable};
use crate::npy::Array;

/// Images that are read at once.
const BLOCK: usize = 256;
/// No byte of a deflated stream stands for more than this many.
const MAX_DEFLATION: u64 = 1032;
const ENDING: &str = ".npy";

/// The arrays with these names, in double precision and in their own shapes.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be read, [`Error::Content`] naming an array that is missing, is damaged,
/// holds no numbers, or would take far more memory than the file.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is not one for all lifetimes of a reader"
)]
pub fn arrays(path: &Path, names: &[&str]) -> Result<Vec<Tensor>> {
    guarded(path, || {
        let mut archive = Archive::open(path)?;
        names.iter().map(|name| archive.array(name, |array| array.tensor())).collect()
    })
}

/// Whether a zip archive holds arrays, and so is no workbook.
pub(crate) fn holds_arrays(path: &Path) -> bool {
    guarded(path, || Ok(!Archive::open(path)?.names().is_empty())).unwrap_or(false)
}

/// The archive's only array, or else that called `arr_0`, as rows `[N, D]` in double precision, finite or not.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is not one for all lifetimes of a reader"
)]
pub(crate) fn rows(path: &Path) -> Result<Tensor> {
    guarded(path, || {
        let mut archive = Archive::open(path)?;
        let names = archive.names();
        let name = match &names[..] {
            [] => return Err(content(path, "the archive holds no arrays".to_owned())),
            [name] => name,
            names => names.iter().find(|name| *name == "arr_0").ok_or_else(|| several(path, names))?,
        };
        archive.array(name, |array| array.rows())
    })
}

fn several(path: &Path, names: &[String]) -> Error {
    let problem = format!(
        "expected an archive of one array or with one called arr_0, found: {}\n\
         hint: save the table alone, in Python: numpy.save(\"table.npy\", numpy.load(\"{}\")[\"{}\"])",
        names.join(", "),
        path.display(),
        names[0]
    );
    content(path, problem)
}

/// Tells `each` of every image of an archive: its number, its bytes and its label. The archive holds `data`, bytes
/// `[N, dim]`, and `labels`, numbers `[N]`.
pub(crate) fn labelled_images(
    path: &Path,
    dim: usize,
    each: impl FnMut(usize, &[u8], f64) -> Result<()>,
) -> Result<()> {
    guarded(path, || {
        let mut archive = Archive::open(path)?;
        // Held against the labels' before these are read: a few bytes can stand for many labels.
        let n = archive.array("data", |data| match data.shape() {
            [n, found] if *found == dim && data.is_plain_bytes() => Ok(*n),
            _ => Err(format!("expected data of bytes [N, {dim}], found: {}", data.description())),
        })?;
        let labels = archive.array("labels", |labels| match labels.shape() {
            [found] if *found == n => labels.values(),
            _ => Err(format!("expected labels [{n}] like the data, found: {}", labels.description())),
        })?;
        archive.images(dim, &labels, each)
    })
}

/// An open archive.
struct Archive {
    path: PathBuf,
    n_bytes: u64,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(unreadable(path))?;
        let n_bytes = file.metadata().map_err(unreadable(path))?.len();
        let zip = ZipArchive::new(BufReader::new(file))
            .map_err(|error| content(path, format!("not a whole npz archive: {error}")))?;
        Ok(Self { path: path.to_owned(), n_bytes, zip })
    }

    /// The arrays' names.
    fn names(&self) -> Vec<String> {
        let arrays =
            self.zip.file_names().filter_map(|name| Some(name.ok()?.strip_suffix(ENDING)?.to_owned()));
        arrays.collect()
    }

    /// What `read` makes of an array.
    fn array<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Array<&mut dyn Read>) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let (path, expansion) = (self.path.clone(), Expansion::of(self.n_bytes));
        let refuse = |problem: String| content(&path, format!("{name}: {problem}"));
        let names = self.names();
        if !names.iter().any(|known| known == name) {
            let problem = format!("there is no array {name} among: {}", names.join(", "));
            return Err(content(&path, problem));
        }
        let damaged = |error| refuse(format!("not a whole npz archive: {error}"));
        let mut member = self.zip.by_name(&format!("{name}{ENDING}")).map_err(damaged)?;
        let (packed, n_bytes) = (member.compressed_size(), member.size());
        if packed > self.n_bytes || n_bytes > packed.saturating_mul(MAX_DEFLATION) {
            let problem = format!("not a whole npz archive: {packed} bytes cannot hold {n_bytes}");
            return Err(refuse(problem));
        }
        let array = Array::open(&mut member as &mut dyn Read, n_bytes).map_err(&refuse)?;
        let n_values = array.shape().iter().product::<usize>() as u64;
        if !array.is_plain_bytes() {
            expansion.check(n_values.saturating_mul(8)).map_err(&refuse)?;
        }
        read(array).map_err(refuse)
    }

    /// Tells `each` of every image of the array `data`, whose header has been checked.
    fn images(
        &mut self,
        dim: usize,
        labels: &[f64],
        mut each: impl FnMut(usize, &[u8], f64) -> Result<()>,
    ) -> Result<()> {
        let path = self.path.clone();
        let damaged = |problem: String| content(&path, format!("data: not a whole npz archive: {problem}"));
        let mut member = self.zip.by_name("data.npy").map_err(|error| damaged(error.to_string()))?;
        let n_bytes = member.size();
        let reader = Array::open(&mut member, n_bytes).map_err(&damaged)?.into_reader();
        let mut block = vec![0; BLOCK.min(labels.len()) * dim];
        for (number, labels) in labels.chunks(BLOCK).enumerate() {
            let block = &mut block[..labels.len() * dim];
            reader.read_exact(block).map_err(|error| damaged(error.to_string()))?;
            for (offset, (image, label)) in block.chunks_exact(dim).zip(labels).enumerate() {
                each(number * BLOCK + offset, image, *label)?;
            }
        }
        // The archive's checksum is compared at the member's end only.
        match reader.read(&mut [0]).map_err(|error| damaged(error.to_string()))? {
            0 => Ok(()),
            _ => Err(damaged("it goes on after the last image".to_owned())),
        }
    }
}
