//! From an experiment to a run that is ready to train.

use interflow_train::{Problem, Trainer};
use interflow_transport::{Pairs, PathAscent};

use super::Experiment;
use super::agreement;
use super::own::Own;
use super::run::Run;
use super::size;
use crate::base::Base;
use crate::config::ExperimentConfig;
use crate::error::{Result, refuse};
use crate::evaluation;
use crate::images::ImageSpace;
use crate::manifest::{FlowManifest, Pairing};
use crate::precondition;
use crate::reflow;
use crate::run::{Place, ResumePoint, restart};
use crate::target::Target;
use crate::teacher;
use crate::threads::Threads;
use crate::work::Work;

impl<'a> Experiment<'a> {
    /// Loads the data, builds the network and, if results are to be written, makes the run folder.
    ///
    /// # Errors
    /// If the config is refused, the data cannot be loaded, the run cannot be resumed with this config and these data, or
    /// the folder cannot be written.
    pub fn prepare(mut self) -> Result<Run<'a>> {
        let config = self.config;
        config.check()?;
        self.own.check(&config)?;
        let resume = self.resume.or_else(|| self.work.group().and_then(restart::remembered));
        let resumed = resume.as_deref().map(ResumePoint::open).transpose()?;
        let outside = self.own.outside();
        if let Some(point) = &resumed {
            point.check(&config, &outside)?;
        }
        let undescribed = self.own.undescribed();
        if self.out.is_some() || resumed.is_some() {
            undescribed.check_saved()?;
        }
        let threads = Threads::resolve(self.threads, config.threads);
        threads.set();
        let (base, target) = self.work.in_turn(|| ends(&config, &mut self.own, &self.data))?;
        size::check(&config, target.space())?;
        evaluation::check_memory(&config.evaluation, &base, &target)?;
        let mut manifest = FlowManifest::of(&config, &base, &target);
        if self.own.coupling.is_some() {
            // Nothing is known of it, and a score follows from the velocity for independent pairs only.
            manifest.pairing = Pairing::Coupled;
        }
        if manifest.target.images.is_some() {
            ImageSpace::of(&manifest)?.check_model(&manifest.model)?;
        }
        if let Some(point) = &resumed {
            point.check_data(&manifest)?;
        }
        agreement::check(&self.work, &config, &manifest, (&base, &target))?;
        let leads = self.work.leads();
        let out = self.out.filter(|_| leads);
        let mut place = Place::new(out, resumed.as_ref().map(|point| point.folder().clone()), &outside);
        let pairs = reflow::pairs(&config, &mut place, (&base, &target), (self.device, &self.work))?;
        let parts = Parts { config: &config, manifest: &manifest, own: self.own, work: &self.work };
        let mut trainer = parts.trainer((&base, &target), pairs, self.device)?;
        if let Some(choice) = threads.choice(self.device) {
            trainer = trainer.with_threads(choice);
        }
        let folder = match &resumed {
            Some(point) => {
                point.restore(&mut trainer)?;
                if leads {
                    point.take_over(&config, &outside, threads)?;
                }
                leads.then(|| point.folder().clone())
            }
            None => place.folder(&config, self.device)?,
        };
        if let Some(group) = self.work.group() {
            if self.device.is_cuda() && !group.has_nccl()? && leads {
                tracing::warn!(
                    "no NCCL (libnccl.so.2) in every process: gradients go through the host's memory"
                );
            }
            trainer = trainer.with_group(group.clone())?;
            restart::remember(group, folder.as_ref())?;
        }
        let run = Run {
            config,
            manifest,
            folder,
            base,
            target,
            trainer,
            outside,
            undescribed,
            device: self.device,
            threads,
            explicit_threads: self.threads,
            work: self.work,
            observers: self.observers,
        };
        announce(&run);
        Ok(run)
    }
}

/// Says what is going to be trained and where it is written.
fn announce(run: &Run<'_>) {
    let place = run
        .folder()
        .map_or("in memory".to_owned(), |folder| format!("run folder {}", folder.path().display()));
    tracing::info!(
        "{}: {} weights, dimension {}, threads {}, {place}",
        run.config().name,
        run.trainer().network().parameters().n_scalars(),
        run.base().dim(),
        run.threads,
    );
}

/// The ends of the flow: those from outside, or the config's, unless they are loaded.
fn ends(config: &ExperimentConfig, own: &mut Own, data: &std::path::Path) -> Result<(Base, Target)> {
    let target = match own.target.take().or_else(|| own.loaded.take()) {
        Some(target) => Target::Data(target),
        None => Target::load(&config.target, data)?,
    };
    let dim = target.space().dim;
    let base = match own.base.take() {
        Some(base) => Base::of_data(base)?,
        None => Base::load(&config.base, dim, data)?,
    };
    if base.dim() != dim {
        return refuse(format!("base and target differ in dimension: {} and {dim}", base.dim()));
    }
    Ok((base, target))
}

/// What a trainer is made of beside the data.
struct Parts<'a> {
    config: &'a ExperimentConfig,
    manifest: &'a FlowManifest,
    own: Own,
    work: &'a Work,
}

impl Parts<'_> {
    fn trainer(
        self,
        (base, target): (&Base, &Target),
        pairs: Option<Pairs>,
        device: tch::Device,
    ) -> Result<Trainer> {
        let Self { config, manifest, own, work } = self;
        let network = match own.network {
            Some(network) => network,
            None => manifest.network(device, precondition::axes(config, base, target, work)?.as_ref())?,
        };
        let path = manifest.fresh_path(device)?;
        let mut problem = Problem {
            interpolant: own
                .interpolant
                .map_or_else(|| manifest.path_of(path.as_ref()), |make| Ok(make.interpolant()))?,
            coupling: own.coupling.map_or_else(|| config.coupling.build(), Ok)?,
            base: base.training(),
            base_density: base.law().density(),
            target: target.training(),
            held_out_base: base.held_out(),
            held_out_target: target.held_out(),
        };
        if let Some(pairs) = pairs {
            [problem.base, problem.target] = pairs.training();
            [problem.held_out_base, problem.held_out_target] = pairs.held_out();
        }
        let objective = match (own.objective, config.objective.teacher()) {
            (Some(own), _) => own,
            (None, None) => config.objective.build()?,
            (None, Some(from)) => {
                config.objective.build_with(Some(teacher::velocity(from, config, manifest, device)?))?
            }
        };
        let trainer = Trainer::new(config.train.clone(), problem, network, objective, config.seed)?;
        let (Some(path), Some(search)) = (path, &config.path) else { return Ok(trainer) };
        let ascent = PathAscent::new(search.clone(), path, config.train.steps)?;
        Ok(trainer.with_companion(Box::new(ascent))?)
    }
}
