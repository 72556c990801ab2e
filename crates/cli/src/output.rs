//! Where points go: CSV on stdout, or a CSV, NPY, PNG or SVG file by its ending.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use interflow_core::atomic;
use interflow_data::table;
use interflow_figure as figure;
use tch::{Kind, Tensor};

use crate::rows::{RowsOfFile, Written};

/// Where points go.
pub(crate) enum Output {
    /// CSV on stdout.
    Stdout,
    /// A .csv file.
    Csv(std::path::PathBuf),
    /// A .npy file.
    Npy(std::path::PathBuf),
    /// A .png or .svg file with a histogram of two-dimensional points.
    Picture(std::path::PathBuf),
}

/// Refuses an output that is one of the files that are read, by whatever name or link: it would replace them.
pub(crate) fn check_distinct(output: &Path, inputs: &[&Path]) -> Result<()> {
    // A pipe or a device holds nothing that could be lost.
    if atomic::is_stream(output) {
        return Ok(());
    }
    let same = |input: &&&Path| same_file::is_same_file(output, input).unwrap_or(false);
    match inputs.iter().find(same) {
        None => Ok(()),
        Some(input) => {
            let (output, input) = (output.display(), input.display());
            bail!("the output would replace the input {input}, asked for: {output}\nhint: name another file")
        }
    }
}

impl Output {
    /// The output that `name` means, which must be none of the files that are read; refused before any work is done.
    pub(crate) fn parse(name: &str, inputs: &[&Path]) -> Result<Self> {
        if ["-", "/dev/stdout"].contains(&name) {
            return Ok(Self::Stdout);
        }
        check_distinct(Path::new(name), inputs)?;
        let path = Path::new(name);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            bail!("the output's folder does not exist: {}", folder.display());
        }
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv(path.to_owned())),
            Some("npy") => Ok(Self::Npy(path.to_owned())),
            Some("png" | "svg") => Ok(Self::Picture(path.to_owned())),
            // Pipes of a shell, `>(...)`, have names of its own.
            _ if atomic::is_stream(path) => Ok(Self::Csv(path.to_owned())),
            _ => bail!("an output file ends in .csv, .npy, .png or .svg, found: {name}"),
        }
    }

    /// Whether it is a picture.
    pub(crate) fn is_picture(&self) -> bool {
        matches!(self, Self::Picture(_))
    }

    /// Writes points `[N, D]` under the given column names.
    pub(crate) fn write(&self, columns: &[String], points: &Tensor, extent: f64) -> Result<()> {
        match self {
            Self::Stdout => to_stdout(&table::csv_bytes(Some(columns), points)?),
            Self::Csv(path) => Ok(table::write_csv(path, Some(columns), points)?),
            Self::Npy(path) => Ok(table::write_npy(path, points)?),
            Self::Picture(path) => {
                let points = points_2d(points)?;
                write_figure(path, &figure::histogram_image(&points, extent, 200))
            }
        }
    }

    /// Writes a table as CSV.
    pub(crate) fn write_csv(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Stdout => to_stdout(bytes),
            Self::Csv(path) => Ok(table::write_whole(path, bytes)?),
            Self::Npy(path) | Self::Picture(path) => {
                bail!("a table goes to a .csv file, asked for: {}", path.display())
            }
        }
    }

    /// Writes rows as they stand in a file.
    pub(crate) fn write_rows(&self, rows: &Written) -> Result<()> {
        match self {
            Self::Stdout => to_stdout(&rows.csv()?),
            Self::Csv(path) => Ok(table::write_whole(path, &rows.csv()?)?),
            Self::Npy(path) => Ok(table::write_npy(path, &rows.numbers()?)?),
            Self::Picture(_) => bail!("rows go to a .csv or .npy file"),
        }
    }

    /// Refuses to append a column of a name that the rows' file has already, where its columns are written too.
    pub(crate) fn check_new(&self, rows: &RowsOfFile, name: &str) -> Result<()> {
        match &rows.sheet {
            Some(sheet) if !matches!(self, Self::Npy(_)) => Ok(sheet.check_new(name)?),
            _ => Ok(()),
        }
    }

    /// Writes the rows of a table's file with the column `name` of `values`, `[N]`, appended: as they stand in the
    /// file as CSV, the flow's columns as NPY. Only that column for rows that are no table's.
    pub(crate) fn append(&self, rows: &RowsOfFile, name: &str, values: &Tensor) -> Result<()> {
        let column = values.unsqueeze(1);
        let Some(sheet) = &rows.sheet else { return self.write(&[name.to_owned()], &column, 1.0) };
        match self {
            Self::Stdout => to_stdout(&sheet.csv_with(name, &table::texts(values)?)?),
            Self::Csv(path) => Ok(table::write_whole(path, &sheet.csv_with(name, &table::texts(values)?)?)?),
            Self::Npy(path) => Ok(table::write_npy(path, &rows.array_with(&column)?)?),
            Self::Picture(_) => bail!("a table with {name} goes to a .csv or .npy file"),
        }
    }
}

/// Whoever read stdout has closed it.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads stdout any more")]
pub(crate) struct ReaderGone;

/// Writes bytes to stdout, all of them.
pub(crate) fn to_stdout(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| {
        if is_gone(&error) {
            return ReaderGone.into();
        }
        anyhow::Error::from(error).context("cannot write to stdout")
    })
}

/// Whether stdout could not be written because its reader has gone: a pipe's, or the person before a closed terminal, which
/// answers as a broken disk does.
fn is_gone(error: &std::io::Error) -> bool {
    const EIO: i32 = 5;
    let is_terminal = || atomic::is_stream(Path::new("/dev/stdout"));
    error.kind() == std::io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO) && is_terminal()
}

/// Prints a line to stdout.
pub(crate) fn print_line(line: impl std::fmt::Display) -> Result<()> {
    to_stdout(format!("{line}\n").as_bytes())
}

/// Writes a figure as SVG to a file of that ending, as PNG to any other, whole or not at all.
pub(crate) fn write_figure(path: &Path, figure: &figure::Figure) -> Result<()> {
    let is_svg = path.extension().is_some_and(|ending| ending == "svg");
    write_picture(path, &if is_svg { figure.svg()?.into_bytes() } else { figure.png()? })
}

/// Writes a picture as a PNG file, whole or not at all.
pub(crate) fn write_png(path: &Path, picture: &figure::RgbImage) -> Result<()> {
    write_picture(path, &figure::png(picture)?)
}

fn write_picture(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic::write(path, bytes).with_context(|| format!("cannot write the picture: {}", path.display()))
}

/// Numbers of a tensor in row-major order.
pub(crate) fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    let flat = x.to_kind(Kind::Double).to_device(tch::Device::Cpu).contiguous().view(-1);
    Vec::<f64>::try_from(&flat).context("cannot read a tensor")
}

/// Two-dimensional points as pairs.
pub(crate) fn points_2d(x: &Tensor) -> Result<Vec<[f64; 2]>> {
    if x.size().get(1) != Some(&2) {
        bail!("a picture of points needs two dimensions, found: {:?}", x.size());
    }
    Ok(numbers(x)?.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
}
