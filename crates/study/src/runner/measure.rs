//! The numbers and the figures of a run that was trained.

use anyhow::Result;
use interflow_flow::evaluation::Results;
use interflow_flow::images::fid;
use interflow_flow::{Engine, Trained};
use interflow_solvers::SolverConfig;
use serde_json::Value;

use super::Runner;
use super::train::folder;
use crate::findings::Findings;
use crate::pictures;
use crate::report;
use crate::study::StudyConfig;
use crate::subject::Subject;

/// What processes that share the work measure together: held-out numbers, and the distances of images.
pub(super) fn share(runner: &Runner, trained: &Trained) -> Result<(Results, Option<Value>)> {
    let results = trained.evaluate()?;
    let is_of_images = trained.target.images().is_some();
    Ok((results, is_of_images.then(|| distances(runner, trained)).transpose()?))
}

/// The numbers of a finished run, and the sections of its report beyond them.
pub(super) fn measure(runner: &Runner, mut trained: Trained) -> Result<Findings> {
    let (results, fid) = share(runner, &trained)?;
    // The others are through with their part.
    trained.engine = trained.engine.with_work(runner.work.alone());
    let mut findings = match StudyConfig::of(&trained.config)? {
        Some(study) => study.run(&subject(&trained, &trained.engine)?)?,
        None => Findings::default(),
    };
    let own = std::mem::replace(&mut findings.results, results);
    findings.results.extend(own);
    if let Some(images) = trained.target.images() {
        findings.results.extend(pictures::reconstruct(&subject(&trained, &trained.engine)?, images)?);
        let fid = fid.unwrap_or_default();
        findings.blocks.extend(pictures::section(&fid));
        findings.results.insert("fid".into(), fid);
    }
    trained.engine = trained.engine.with_solver(picture_solver(&trained.config.solver))?;
    findings.results.extend(draw(&subject(&trained, &trained.engine)?)?);
    let quality = match report::quality(&subject(&trained, &trained.engine)?) {
        // The flow is as good without a word on its samples.
        Err(error) if !trained.engine.work().cancel().requested() => {
            tracing::warn!("the quality of samples is not told: {error:#}");
            Findings::default()
        }
        quality => quality?,
    };
    findings.results.extend(quality.results);
    findings.blocks.extend(quality.blocks);
    Ok(findings)
}

fn subject<'a>(trained: &'a Trained, engine: &'a Engine) -> Result<Subject<'a>> {
    Ok(Subject {
        config: &trained.config,
        engine,
        base: &trained.base,
        target: &trained.target,
        folder: folder(trained)?,
    })
}

/// Samples beside training images, null where there are no weights of Inception.
fn distances(runner: &Runner, trained: &Trained) -> Result<Value> {
    let mut config = trained.config.evaluation.fid.clone().unwrap_or_default();
    config.weights = config.weights.or_else(|| runner.inception.clone());
    let train = trained.target.images().map(|images| &images.train);
    Ok(fid::compare(&trained.engine, train, &config, &runner.data)?)
}

/// Draws the flow, and returns the numbers that belong to the pictures.
fn draw(subject: &Subject<'_>) -> Result<Results> {
    let numbers = match subject.target.images() {
        Some(images) => pictures::draw_sheets(subject, images)?,
        None => Results::new(),
    };
    report::draw_table(subject)?;
    if subject.base.dim() == 2 && subject.engine.space().given.is_nothing() {
        report::draw_flow(subject)?;
    }
    Ok(numbers)
}

/// A tolerance below what the eye can see, for pictures of tens of thousands of points.
fn picture_solver(solver: &SolverConfig) -> SolverConfig {
    SolverConfig { rtol: solver.rtol.max(1e-3), atol: solver.atol.max(1e-3), ..solver.clone() }
}
