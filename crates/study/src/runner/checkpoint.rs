//! The study of a flow that was trained before.

use std::path::Path;

use anyhow::{Context as _, Result};
use interflow_flow::{Base, Engine, ExperimentConfig, FlowManifest, RunFolder, Target, Threads, checkpoint};
use interflow_train::Checkpoint;

use super::{Finished, Runner};
use crate::report;
use crate::study::StudyConfig;
use crate::subject::Subject;

impl Runner {
    /// Runs the study of `config` on the flow of the checkpoint or run folder `from`, in a run folder of its own.
    ///
    /// # Errors
    /// If the config has no study, or one that does not suit the flow; if there is no checkpoint, or it does not say
    /// on what it was trained; if the data are not those that it was trained on; and as [`StudyConfig::run`].
    pub fn study_checkpoint(&self, config: &ExperimentConfig, from: &Path) -> Result<Finished> {
        let study = StudyConfig::of(config)?
            .context("--from studies a trained flow: the config needs a table [study]")?;
        let checkpoint = Checkpoint::load(&checkpoint::find(from)?)?;
        let mut own = checkpoint::experiment(&checkpoint)?;
        own.name.clone_from(&config.name);
        own.seed = self.seed.unwrap_or(own.seed);
        own.study.clone_from(&config.study);
        study.check(&own)?;
        let threads = match own.threads {
            Threads::Auto => Threads::Auto,
            Threads::Fixed(_) => Threads::all(),
        };
        let threads = Threads::resolve(self.threads, threads);
        threads.set();
        let target = Target::load(&own.target, &self.data)?;
        let base = Base::load(&own.base, target.space().dim, &self.data)?;
        let manifest = checkpoint::manifest(&checkpoint)?;
        manifest.check_same_data(&FlowManifest::of(&own, &base, &target))?;
        let engine = Engine::restore(manifest, &checkpoint, self.device)?.with_work(self.work.clone());
        let engine = engine.with_seed(own.seed).with_threads(threads);
        let folder = RunFolder::create(&self.out, &own, self.device)?;
        let subject =
            Subject { config: &own, engine: &engine, base: &base, target: &target, folder: &folder };
        let findings = study.run(&subject)?;
        report::write(&folder, &own, &findings)?;
        Ok(Finished { folder, results: findings.results })
    }
}
