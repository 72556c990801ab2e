//! The quality of a table's flow: its samples compared with rows that training never saw, column by column, pair by
//! pair and as a whole.
//!
//! Numbers are compared in the table's units; comparisons of several columns at once are in the flow's coordinates,
//! which have one scale. If a flow has conditions, each sample is drawn given those of a held-out row.

use anyhow::Result;
use interflow_core::rng::Stream;
use interflow_core::{Given, Points};
use interflow_data::{Column, Columns};
use interflow_flow::evaluation::Results;
use interflow_metrics::{
    Estimate, classifier_accuracy, kolmogorov_distance, kolmogorov_p_value, nearest_distance, total_variation,
};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::document::Block;
use crate::drawing::numbers;
use crate::findings::Findings;
use crate::subject::Subject;

/// Rows and samples that are compared, and fewer where all pairs of them are.
const N_ROWS: i64 = 5000;
const N_NEAREST: i64 = 1000;
/// Held-out rows whose conditions are sampled again and again, and samples of each.
const N_RANKED: i64 = 200;
const N_DRAWS: i64 = 99;
/// A column's distance of which chance has so little a part is a warning.
const SUSPICIOUS: f64 = 1e-4;

/// Held-out rows and samples beside each other.
struct Compared<'a> {
    columns: &'a Columns,
    /// In the flow's coordinates.
    rows: Points,
    samples: Tensor,
    training: Points,
}

/// The quality of a table's flow, as numbers and a section of the report; empty for other targets.
///
/// # Errors
/// If a solver fails or the work is cancelled.
pub fn quality(subject: &Subject<'_>) -> Result<Findings> {
    let (engine, seed) = (subject.engine, subject.seed());
    let Some(data) = subject.target.dataset() else { return Ok(Findings::default()) };
    let (Some(columns), Some(training), None) =
        (data.columns(), data.training_points(seed), data.whitening())
    else {
        return Ok(Findings::default());
    };
    let rows = data.test(N_ROWS, seed);
    if rows.len() < 20 {
        return Ok(Findings::default());
    }
    // A base of data has as many points as it has.
    let x0 = subject.base.points(N_ROWS.min(rows.len().max(1000)), seed, subject.kind());
    let turn = Tensor::arange(x0.size()[0], (Kind::Int64, Device::Cpu)).remainder(rows.len());
    let start = Points { x: x0, given: rows.given.select(&turn) };
    let samples = engine.carry(&start, 0.0, 1.0, &engine.work().quietly())?.rows;
    let samples = samples.to_device(Device::Cpu).to_kind(Kind::Double);
    let compared = Compared { columns, rows, samples, training };
    let mut results = Results::new();
    let mut blocks = vec![Block::heading("Samples beside held-out rows")];
    let table = compared.columns()?;
    blocks.extend(table.blocks);
    let stream = Stream::named(seed, "the quality of samples");
    let whole = compared.whole(&stream)?;
    blocks.extend(whole.blocks);
    results.insert("columns".into(), Value::Array(table.entries));
    results.extend(whole.results);
    if columns.given().next().is_some() && subject.base.law().density().is_some() {
        let calibration = calibration(subject, &compared)?;
        blocks.extend(calibration.blocks);
        results.extend(calibration.results);
    }
    for warning in &table.warnings {
        tracing::warn!("{warning}");
    }
    let results = [("quality".to_owned(), Value::Object(results))].into_iter().collect();
    Ok(Findings { results, blocks })
}

/// What the columns say.
struct Table {
    blocks: Vec<Block>,
    entries: Vec<Value>,
    warnings: Vec<String>,
}

impl Compared<'_> {
    /// Each column of the state by itself, in its own units.
    fn columns(&self) -> Result<Table> {
        let (mut lines, mut entries, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (rows, samples) = (self.columns.restore(&self.rows.x)?, self.columns.restore(&self.samples)?);
        let training = self.columns.restore(&self.training.x)?;
        for (column, d) in self.columns.states().zip(0..) {
            let of = |x: &Tensor| numbers(&x.select(1, d));
            let found = Marginal::of(column, &of(&rows)?, &of(&samples)?, &of(&training)?);
            lines.push(found.line(column));
            if found.p_value < SUSPICIOUS {
                warnings.push(format!(
                    "samples of column `{}` differ from held-out rows by {:.3} ({}), hardly by chance",
                    column.name, found.distance, found.kind
                ));
            }
            entries.push(found.entry(column));
        }
        let header = ["column", "distance", "by chance", "5 %", "50 %", "95 %", "beyond", "missing"];
        let legend = "Each cell with two numbers has the held-out rows' first, then the samples'. The distance is Kolmogorov's of \
                       the distribution functions for numbers, the total variation for a few values; chance is that of one as \
                       large between rows and samples of one law. Beyond: the share outside the training rows' range.";
        let blocks = vec![Block::table(&header, &lines), Block::paragraph(legend)];
        Ok(Table { blocks, entries, warnings })
    }

    /// All columns together, in the flow's coordinates.
    fn whole(&self, stream: &Stream) -> Result<Findings> {
        let joint = |given: &Given, x: &Tensor| match given {
            Given::Numbers(numbers) if self.columns.given().next().is_some() => {
                Tensor::cat(&[numbers.to_kind(Kind::Double), x.to_kind(Kind::Double)], 1)
            }
            _ => x.to_kind(Kind::Double),
        };
        let n = self.samples.size()[0];
        let turn = Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(self.rows.len());
        let samples = joint(&self.rows.given.select(&turn), &self.samples);
        let (rows, training) =
            (joint(&self.rows.given, &self.rows.x), joint(&self.training.given, &self.training.x));
        let told = classifier_accuracy(&rows, &samples, stream)?;
        let first = |x: &Tensor| x.narrow(0, 0, x.size()[0].min(N_NEAREST));
        let near = |x: &Tensor| -> Result<f64> {
            Ok(nearest_distance(&first(x), &training.narrow(0, 0, training.size()[0].min(4 * N_ROWS)))?
                .median()
                .double_value(&[]))
        };
        let (of_rows, of_samples) = (near(&rows)?, near(&samples)?);
        let correlation = |x: &Tensor| x.tr().corrcoef();
        let width = rows.size()[1];
        let (off, pair) = if width > 1 {
            let off =
                (correlation(&rows) - correlation(&samples)).abs().nan_to_num(0.0, None::<f64>, None::<f64>);
            let place = off.argmax(None, false).int64_value(&[]);
            let pair =
                format!(" ({} and {})", self.name(place / width, width), self.name(place % width, width));
            (off.max().double_value(&[]), pair)
        } else {
            (0.0, String::new())
        };
        let text = format!(
            "A classifier tells samples from held-out rows with an accuracy of {:.3} ± {:.3} (½: it sees no difference in \
             these {} rows). The median distance to the nearest training row is {of_samples:.3} for samples and {of_rows:.3} for held-out rows, in the flow's \
             coordinates (much nearer samples would be copies). Correlations of two coordinates differ by {off:.3} at most{pair}.",
            told.mean,
            told.standard_error,
            self.rows.len()
        );
        let results = [
            (
                "classifier_accuracy".to_owned(),
                json!({ "mean": told.mean, "standard_error": told.standard_error }),
            ),
            ("nearest_training_row".to_owned(), json!({ "held_out": of_rows, "samples": of_samples })),
            ("correlation_off_by".to_owned(), json!(off)),
        ];
        Ok(Findings { results: results.into_iter().collect(), blocks: vec![Block::paragraph(text)] })
    }

    /// The name of one of `width` coordinates: those of the conditions come first, of which a category has several.
    fn name(&self, coordinate: i64, width: i64) -> String {
        let states = self.columns.state_names();
        let n_given = usize::try_from(width).unwrap_or_default().saturating_sub(states.len());
        let given = self.columns.given_names();
        let given = if given.len() == n_given { given } else { vec!["a condition".to_owned(); n_given] };
        let place = usize::try_from(coordinate).unwrap_or_default();
        given.into_iter().chain(states).nth(place).unwrap_or_default()
    }
}

/// One column of rows and samples.
struct Marginal {
    kind: &'static str,
    distance: f64,
    p_value: f64,
    quantiles: Option<([f64; 3], [f64; 3])>,
    beyond: f64,
    missing: (f64, f64),
}

impl Marginal {
    fn of(column: &Column, rows: &[f64], samples: &[f64], training: &[f64]) -> Self {
        let of_few = !column.form.labels().is_empty();
        let missing = |values: &[f64]| {
            values.iter().filter(|value| value.is_nan()).count() as f64 / values.len() as f64
        };
        let ends = training.iter().filter(|value| !value.is_nan());
        let (least, most) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
            (least.min(*value), most.max(*value))
        });
        let outside = samples.iter().filter(|value| **value < least || **value > most).count();
        let distance =
            if of_few { total_variation(rows, samples) } else { kolmogorov_distance(rows, samples) };
        let present = |values: &[f64]| values.iter().filter(|value| !value.is_nan()).count();
        let (n, m) = (present(rows), present(samples));
        let p_value = if n == 0 || m == 0 {
            1.0
        } else if of_few {
            // Of a few values the distribution functions, too, differ by no more than the shares do.
            kolmogorov_p_value(kolmogorov_distance(rows, samples), n, m)
        } else {
            kolmogorov_p_value(distance, n, m)
        };
        Self {
            kind: if of_few { "total variation" } else { "Kolmogorov" },
            distance,
            p_value,
            quantiles: (!of_few).then(|| (quantiles(rows), quantiles(samples))),
            beyond: outside as f64 / samples.len() as f64,
            missing: (missing(rows), missing(samples)),
        }
    }

    /// A line of the report's table.
    fn line(&self, column: &Column) -> Vec<String> {
        let written = |value: f64| {
            let text = column.form.texts(&Tensor::from_slice(&[value])).unwrap_or_default().concat();
            match text.parse::<f64>() {
                Ok(number) if column.form.is_number() => format!("{number:.4}"),
                _ => text,
            }
        };
        let cell = |place: usize| {
            self.quantiles.as_ref().map_or_else(String::new, |(rows, samples)| {
                format!("{} / {}", written(rows[place]), written(samples[place]))
            })
        };
        let missing = match self.missing {
            (0.0, 0.0) => String::new(),
            (rows, samples) => format!("{:.1} % / {:.1} %", 100.0 * rows, 100.0 * samples),
        };
        vec![
            column.name.clone(),
            format!("{:.3}", self.distance),
            format!("{:.2}", self.p_value),
            cell(0),
            cell(1),
            cell(2),
            format!("{:.1} %", 100.0 * self.beyond),
            missing,
        ]
    }

    fn entry(&self, column: &Column) -> Value {
        json!({
            "name": column.name,
            "distance": self.distance,
            "distance_kind": self.kind,
            "p_value": self.p_value,
            "beyond_training_range": self.beyond,
            "missing": { "held_out": self.missing.0, "samples": self.missing.1 },
        })
    }
}

/// The values below which 5, 50 and 95 percent lie.
fn quantiles(values: &[f64]) -> [f64; 3] {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|share| {
        let place = (share * sorted.len() as f64) as usize;
        sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    })
}

/// Whether samples given a row's conditions lie about the row itself as often as they should: its rank among them is uniform if
/// the flow is calibrated (Talts et al., 2018), and the middle half of them holds it half of the time.
fn calibration(subject: &Subject<'_>, compared: &Compared<'_>) -> Result<Findings> {
    let n = compared.rows.len().min(N_RANKED);
    let rows = compared.rows.narrow(0, n);
    let again = Tensor::arange(n, (Kind::Int64, Device::Cpu)).repeat_interleave_self_int(N_DRAWS, 0, None);
    let start = Points {
        x: subject.base.points(n * N_DRAWS, subject.seed().wrapping_add(1), subject.kind()),
        given: rows.given.select(&again),
    };
    let samples = subject.engine.carry(&start, 0.0, 1.0, &subject.engine.work().quietly())?.rows;
    let samples = samples.to_device(Device::Cpu).to_kind(Kind::Double).view([n, N_DRAWS, -1]);
    let x = rows.x.to_kind(Kind::Double).unsqueeze(1);
    let rank = samples.less_tensor(&x).to_kind(Kind::Double).sum_dim_intlist(1i64, false, Kind::Double);
    let (mut lines, mut entries) = (Vec::new(), Vec::new());
    for (column, d) in compared.columns.states().zip(0..) {
        let place = (rank.select(1, d) + 0.5) / (N_DRAWS + 1) as f64;
        let uniform: Vec<f64> = (0..10_000).map(|i| (f64::from(i) + 0.5) / 10_000.0).collect();
        let p_value =
            kolmogorov_p_value(kolmogorov_distance(&numbers(&place)?, &uniform), n as usize, 100_000);
        let within = |share: f64| {
            Estimate::from_values(&(&place - 0.5).abs().lt(0.5 * share).to_kind(Kind::Double)).mean
        };
        lines.push(vec![
            column.name.clone(),
            format!("{p_value:.2}"),
            format!("{:.0} %", 100.0 * within(0.5)),
            format!("{:.0} %", 100.0 * within(0.9)),
        ]);
        entries.push(json!({
            "name": column.name, "ranks_p_value": p_value, "within_50": within(0.5), "within_90": within(0.9),
        }));
    }
    let header = ["column", "ranks uniform by chance", "in the middle 50 %", "in the middle 90 %"];
    let legend = format!(
        "Calibration: {n} held-out rows among {N_DRAWS} samples each, given the same conditions. Ranks of a calibrated flow are \
         uniform; a small number in the second column says that they are not."
    );
    let blocks = vec![Block::table(&header, &lines), Block::paragraph(legend)];
    Ok(Findings {
        results: [("calibration".to_owned(), Value::Array(entries))].into_iter().collect(),
        blocks,
    })
}
