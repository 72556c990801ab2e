//! Rows and conditions from files, as points of a flow.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use interflow_core::{Given, GivenSpace, Points, memory};
use interflow_data::{Columns, Sheet, npy, table};
use interflow_flow::{Flow, TableRows};
use tch::{Kind, Tensor};

use crate::args::{RowsArgs, TextArgs};

/// The name that stands for stdin.
const STDIN: &str = "-";

/// The column of log-densities that commands append.
pub(crate) const LOG_DENSITY: &str = "log_density";

/// Rows of a file as points of a flow.
pub(crate) struct RowsOfFile {
    /// The rows.
    pub(crate) table: TableRows,
    /// The file, where the flow's target is a table.
    pub(crate) sheet: Option<Sheet>,
    /// The columns of that table.
    columns: Option<Columns>,
}

impl RowsOfFile {
    /// Reads the rows that `args` name as points of `flow`.
    pub(crate) fn read(args: &RowsArgs, flow: &Flow) -> Result<Self> {
        let used = || format!("cannot use the rows of {}", args.file.display());
        let (sheet, values) = match flow.columns() {
            None => (None, numbers(args, flow)?),
            Some(columns) => {
                let sheet = sheet(&args.file, &args.text)?;
                let values =
                    sheet.values_of(columns.iter()).context("the flow needs the columns of its table")?;
                (Some(sheet), values)
            }
        };
        let points = points(&values, args.class, flow).with_context(used)?;
        Ok(Self { table: TableRows { points, values }, sheet, columns: flow.columns().cloned() })
    }

    /// The rows' columns with one more, `[N, 1]`, as an array without names, if they are numbers.
    pub(crate) fn array_with(&self, column: &Tensor) -> Result<Tensor> {
        let values = &self.table.values;
        let all = Tensor::cat(&[values, &column.to_device(values.device()).to_kind(values.kind())], 1);
        self.columns.as_ref().map_or_else(|| Ok(all.shallow_clone()), |columns| array(columns, &all))
    }
}

/// The numbers in a file whose columns have no names for the flow: rows, or images `[N, C, H, W]` as rows.
fn numbers(args: &RowsArgs, flow: &Flow) -> Result<Tensor> {
    if flow.manifest().target.images.is_some()
        && args.file != Path::new("-")
        && let Some(array) = npy::array(&args.file)?
    {
        let n = array.size().first().copied().unwrap_or(0);
        return Ok(if array.numel() == 0 { array } else { array.reshape([n, -1]) });
    }
    Ok(sheet(&args.file, &args.text)?.table()?.values)
}

/// Refuses a class that the flow has not.
pub(crate) fn check_class(class: i64, flow: &Flow) -> Result<()> {
    match flow.space().given {
        GivenSpace::Class { n_classes } if class < n_classes => Ok(()),
        GivenSpace::Class { n_classes } => {
            bail!("the flow's classes are the numbers below {n_classes}, found: {class}")
        }
        _ => bail!("the flow has no classes\nhint: leave out --class"),
    }
}

/// The states of rows `[N, K + D]`, and the conditions before them; a class may be that of all rows instead.
fn points(values: &Tensor, class: Option<i64>, flow: &Flow) -> Result<Points> {
    let space = flow.space();
    if let Some(class) = class {
        check_class(class, flow)?;
        let alone = Points { x: values.shallow_clone(), given: Given::class(class, values.size()[0]) };
        return check_width(values, space.dim).map(|()| alone);
    }
    let space = flow.columns().map_or(space, Columns::rows_space);
    let n_given = match space.given {
        GivenSpace::Numbers { n } => n,
        GivenSpace::Class { .. } => 1,
        _ => 0,
    };
    check_width(values, n_given + space.dim).with_context(|| match space.given {
        GivenSpace::Class { .. } => {
            "each row begins with its class\nhint: --class NUMBER for rows of one class"
        }
        _ => "not the flow's points",
    })?;
    let given = values.narrow(1, 0, n_given);
    let given = match space.given {
        GivenSpace::Class { .. } => Given::Class(given.squeeze_dim(1).round().to_kind(Kind::Int64)),
        GivenSpace::Numbers { .. } => Given::Numbers(given),
        _ => Given::Nothing,
    };
    Ok(Points { x: values.narrow(1, n_given, space.dim), given })
}

/// Refuses rows of another number of columns.
fn check_width(values: &Tensor, wanted: i64) -> Result<()> {
    match values.size()[..] {
        [_, found] if found == wanted => Ok(()),
        ref found => bail!("expected rows of {wanted} columns, found: {}", found.get(1).unwrap_or(&1)),
    }
}

/// The table in a file, or in what stdin holds if that is `-`.
pub(crate) fn sheet(file: &Path, text: &TextArgs) -> Result<Sheet> {
    let sheet = if file == Path::new(STDIN) {
        Sheet::parse(Path::new("stdin"), std::io::stdin().lock(), &text.format())?
    } else {
        Sheet::read_as(file, &text.format())?
    };
    sheet.log_notes();
    Ok(sheet)
}

/// All that stdin holds, if `file` is `-`.
pub(crate) fn stdin(file: &Path) -> Result<Option<Vec<u8>>> {
    if file != Path::new(STDIN) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read stdin")?;
    Ok(Some(bytes))
}

/// The conditions of samples that a file's rows are, each row `repeats` times; none for a flow that is given no numbers.
pub(crate) fn conditions(file: Option<&Path>, text: &TextArgs, flow: &Flow, repeats: u64) -> Result<Given> {
    let names = flow.columns().map_or_else(Vec::new, Columns::given_names);
    match (file, names.is_empty()) {
        (None, true) => Ok(Given::Nothing),
        (Some(_), true) => bail!("the flow has no conditions\nhint: leave out --given"),
        (None, false) => {
            bail!("the flow's samples need conditions\nhint: --given FILE with columns: {}", names.join(", "))
        }
        (Some(file), false) => {
            let sheet = sheet(file, text)?;
            let given = flow.columns().into_iter().flat_map(Columns::given);
            let values = sheet.values_of(given)?;
            memory::check(
                format!("{} conditions, {repeats} times", sheet.n_rows()),
                8.0 * values.numel() as f64 * repeats as f64,
            )?;
            Ok(Given::Numbers(values.repeat_interleave_self_int(repeats as i64, 0, None)))
        }
    }
}

/// Rows as they are written.
pub(crate) struct Written {
    /// The names of their columns: those of the flow's table, or `x1 … xD`.
    pub(crate) names: Vec<String>,
    /// `[N, K + D]`, with NaN for what is missing.
    pub(crate) values: Tensor,
    /// The columns of a flow's table.
    pub(crate) columns: Option<Columns>,
}

impl Written {
    /// A flow's points.
    pub(crate) fn of(flow: &Flow, points: &Points) -> Self {
        let values = match &points.given {
            Given::Numbers(given) if flow.columns().is_some() => {
                let given = given.to_kind(points.x.kind()).to_device(points.x.device());
                Tensor::cat(&[&given, &points.x], 1)
            }
            _ => points.x.shallow_clone(),
        };
        let names = flow.columns().map_or_else(|| column_names(points.x.size()[1]), Columns::names);
        Self { names, values, columns: flow.columns().cloned() }
    }

    /// The same with one column of numbers more, `[N]`.
    pub(crate) fn with(mut self, name: &str, values: Option<&Tensor>) -> Self {
        if let Some(values) = values {
            self.names.push(name.to_owned());
            self.values = Tensor::cat(&[self.values.to_kind(Kind::Double), values.unsqueeze(1)], 1);
        }
        self
    }

    /// The rows as CSV.
    pub(crate) fn csv(&self) -> Result<Vec<u8>> {
        let Some(columns) = &self.columns else {
            return Ok(table::csv_bytes(Some(&self.names), &self.values)?);
        };
        let n = columns.names().len() as i64;
        let mut texts = Columns::texts(columns.iter(), &self.values.narrow(1, 0, n))?;
        for more in n..self.values.size()[1] {
            texts.push(table::texts(&self.values.select(1, more))?);
        }
        Ok(table::csv_of_texts(&self.names, &texts)?)
    }

    /// The rows as an array of numbers, if they are such, in the order of a file without names.
    pub(crate) fn numbers(&self) -> Result<Tensor> {
        self.columns
            .as_ref()
            .map_or_else(|| Ok(self.values.shallow_clone()), |columns| array(columns, &self.values))
    }
}

/// Rows of all `columns`, `[N, W]` with any others behind them, as an array in the order of a file without names, if all
/// are numbers.
pub(crate) fn array(columns: &Columns, rows: &Tensor) -> Result<Tensor> {
    match columns.iter().find(|column| !column.form.is_number()) {
        Some(column) => bail!("column `{}` is not numbers\nhint: write to a .csv file", column.name),
        None => Ok(columns.in_file_order(rows)),
    }
}

/// Column names `x1 … xD`.
pub(crate) fn column_names(dim: i64) -> Vec<String> {
    (1..=dim).map(|d| format!("x{d}")).collect()
}
