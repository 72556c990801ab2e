//! What `cost` says of its measurements.

use anyhow::Result;
use interflow_figure as figure;
use interflow_flow::RunFolder;
use serde_json::{Value, json};

use super::measure::{Costs, Found, Gradient, Mark};
use crate::drawing::save;
use crate::findings::Findings;

/// Draws the test NLL against the time of training.
pub(super) fn draw(folder: &RunFolder, found: &Found) -> Result<()> {
    let line = |name: &str, marks: &[Mark]| {
        (name.to_owned(), marks.iter().map(|mark| (mark.seconds.max(1e-3).log10(), mark.nll)).collect())
    };
    let series = [line("interpolant", &found.interpolant), line("maximum likelihood", &found.likelihood)];
    let image = figure::curve_image(&series, "log₁₀ seconds of training", "test NLL (nats)");
    save(folder, "nll.png", &image)
}

/// Tables and numbers.
pub(super) fn findings(found: &Found) -> Findings {
    let Found { start, late, interpolant, likelihood } = found;
    let mut findings = Findings::default();
    let header = [
        "weights",
        "interpolant",
        "likelihood, direct (NFE there + back)",
        "likelihood, adjoint (NFE there + back)",
        "ratio, direct",
        "ratio, adjoint",
    ];
    let rows = [costs_row("at the start", start), costs_row("after the interpolant's training", late)];
    findings.section("Milliseconds per training iteration", &header, &rows, &[]);
    let rows: Vec<Vec<String>> = [("interpolant", interpolant), ("maximum likelihood", likelihood)]
        .into_iter()
        .flat_map(|(name, marks)| marks.iter().map(move |mark| mark_row(name, mark)))
        .collect();
    let header = ["trained on", "step", "seconds of training", "test NLL (nats)"];
    findings.section(
        "Test NLL against time",
        &header,
        &rows,
        &[("nll.png", "Test NLL by the time of training")],
    );
    findings.results.insert("start".into(), costs_json(start));
    findings.results.insert("late".into(), costs_json(late));
    findings.results.insert("interpolant".into(), curve_json(interpolant));
    findings.results.insert("likelihood".into(), curve_json(likelihood));
    findings
}

fn costs_row(name: &str, costs: &Costs) -> Vec<String> {
    let ratio = |gradient: &Gradient| format!("{:.0}", gradient.milliseconds / costs.interpolant);
    let gradient = |gradient: &Gradient| {
        format!("{:.0} ({} + {})", gradient.milliseconds, gradient.nfe.0, gradient.nfe.1)
    };
    vec![
        name.to_owned(),
        format!("{:.1}", costs.interpolant),
        gradient(&costs.direct),
        gradient(&costs.adjoint),
        ratio(&costs.direct),
        ratio(&costs.adjoint),
    ]
}

fn mark_row(name: &str, mark: &Mark) -> Vec<String> {
    let nll = format!("{:.3} ± {:.3}", mark.nll, mark.standard_error);
    vec![name.to_owned(), mark.step.to_string(), format!("{:.1}", mark.seconds), nll]
}

fn costs_json(costs: &Costs) -> Value {
    json!({
        "interpolant_ms": costs.interpolant,
        "direct_ms": costs.direct.milliseconds,
        "direct_nfe": costs.direct.nfe,
        "adjoint_ms": costs.adjoint.milliseconds,
        "adjoint_nfe": costs.adjoint.nfe,
        "ratio_direct": costs.direct.milliseconds / costs.interpolant,
        "ratio_adjoint": costs.adjoint.milliseconds / costs.interpolant,
    })
}

fn curve_json(marks: &[Mark]) -> Value {
    marks
        .iter()
        .map(|mark| json!({ "step": mark.step, "seconds": mark.seconds, "test_nll": mark.nll }))
        .collect()
}
