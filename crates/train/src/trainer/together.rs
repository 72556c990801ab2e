//! Training in several processes, each of which computes the gradient of its rows of every batch.

use interflow_libtorch::{PassMean, ProcessGroup, Share};
use interflow_metrics::Estimate;
use tch::Tensor;

use super::Trainer;
use crate::error::{Error, Result};
use crate::objective::{Gradient, Setting};
use crate::self_check::{Balance, TermCheck};

/// The processes that train together, and what they have agreed on.
#[derive(Debug)]
pub(super) struct Together {
    group: ProcessGroup,
    /// What averages large gradients while they are computed.
    pass_mean: Option<PassMean>,
    /// Whether one of them wants to stop.
    stop: bool,
}

impl Together {
    pub(super) fn share(&self) -> Share {
        self.group.share()
    }

    pub(super) fn stop(&self) -> bool {
        self.stop
    }

    /// Whether others do the reporting and the saving.
    pub(super) fn is_quiet(&self) -> bool {
        self.group.rank() > 0
    }

    /// Refuses what cannot be shared out.
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        let (processes, config) = (self.group.size(), setting.config);
        let refuse = |part: String, hint: &'static str| Err(Error::Processes { processes, part, hint });
        let share = processes as i64 * config.accumulate.parts();
        if config.batch % share != 0 {
            let part = format!("batch: {}, accumulate: {}", config.batch, config.accumulate);
            return refuse(part, "let batch be a multiple of the processes times accumulate");
        }
        if setting.has_companion {
            return refuse("a path that is learned".to_owned(), "take one process, or a path that is not");
        }
        Ok(())
    }

    pub(super) fn pass_mean(&self) -> Option<&PassMean> {
        self.pass_mean.as_ref()
    }

    /// Replaces a gradient and its loss by the mean over the processes, and learns whether one of them wants to stop.
    pub(super) fn average(&mut self, gradient: &Gradient, stop: bool) -> Result<()> {
        // Of the loss's kind and on its device, for one exchange to do.
        let flag = |flag: bool| {
            let flag = Tensor::from_slice(&[f64::from(u8::from(flag))]);
            flag.to_kind(gradient.loss.kind()).to_device(gradient.loss.device())
        };
        let set = |flag: &Tensor| flag.double_value(&[0]) > 0.0;
        let mut all = vec![flag(stop), gradient.loss.shallow_clone()];
        let of_weights = gradient.of_weights.iter().map(Tensor::shallow_clone);
        if let Some(pass_mean) = &self.pass_mean {
            // An objective may have changed in one process what the backward pass had averaged.
            let open = flag(!pass_mean.made(&gradient.of_weights)?);
            all.push(open.shallow_clone());
            self.group.mean_(&all)?;
            if set(&open) {
                self.group.mean_(&of_weights.collect::<Vec<_>>())?;
            }
        } else {
            all.extend(of_weights);
            self.group.mean_(&all)?;
        }
        self.stop |= set(&all[0]);
        Ok(())
    }

    /// The terms of a check of which every process has made a share, of so many pairs here.
    pub(super) fn pooled(&self, n_own: i64, own: Vec<TermCheck>) -> Result<Vec<TermCheck>> {
        let numbers = own.iter().flat_map(numbers_of);
        let mine: Vec<f64> = std::iter::once(n_own as f64).chain(numbers).collect();
        let all = self.group.all_gather(&Tensor::from_slice(&mine))?;
        let pooled = |place: usize| {
            let of = |numbers: &Tensor| {
                let at = |place: usize| numbers.double_value(&[place as i64]);
                (at(0), Estimate { mean: at(1 + place), standard_error: at(2 + place) })
            };
            Estimate::pooled(&all.iter().map(of).collect::<Vec<_>>())
        };
        let terms = own.into_iter().enumerate().map(|(index, term)| {
            let first = index * NUMBERS_OF_TERM;
            let balance =
                term.balance.map(|_| Balance { minus_square: pooled(first + 2), gap: pooled(first + 4) });
            TermCheck { objective: pooled(first), balance, ..term }
        });
        Ok(terms.collect())
    }

    /// The largest of the processes' numbers.
    pub(super) fn most(&self, own: i64) -> Result<i64> {
        let all = self.group.all_gather(&Tensor::from_slice(&[own]))?;
        Ok(all.iter().map(|number| number.int64_value(&[0])).max().unwrap_or(own))
    }

    /// The process 0's number, for decisions that all have to take alike.
    pub(super) fn of_first(&self, number: f64) -> Result<f64> {
        let shared = Tensor::from_slice(&[number]);
        self.group.broadcast_(&[shared.shallow_clone()])?;
        Ok(shared.double_value(&[0]))
    }

    /// Refuses to go on from different steps or seeds.
    fn check_same_run(&self, own: [(&'static str, u64); 4]) -> Result<()> {
        let numbers = own.map(|(_, number)| number.cast_signed());
        for (rank, found) in self.group.all_gather(&Tensor::from_slice(&numbers))?.iter().enumerate() {
            let found: [u64; 4] = std::array::from_fn(|i| found.int64_value(&[i as i64]).cast_unsigned());
            if let Some(((name, own), found)) =
                own.into_iter().zip(found).find(|((_, own), found)| own != found)
            {
                let rank_of_own = self.group.rank();
                let part = format!(
                    "different runs, {name} of process {rank_of_own}: {own}, of process {rank}: {found}"
                );
                let hint = "start all processes with the same config, seed and checkpoint";
                return Err(Error::Processes { processes: self.group.size(), part, hint });
            }
        }
        Ok(())
    }
}

/// How many numbers [`numbers_of`] gives.
const NUMBERS_OF_TERM: usize = 6;

/// A term's means with their standard errors; zeros for what it has none of.
fn numbers_of(term: &TermCheck) -> [f64; NUMBERS_OF_TERM] {
    let Estimate { mean, standard_error } = term.objective;
    let [square, gap] = term.balance.map_or([Estimate { mean: 0.0, standard_error: 0.0 }; 2], |balance| {
        [balance.minus_square, balance.gap]
    });
    [mean, standard_error, square.mean, square.standard_error, gap.mean, gap.standard_error]
}

impl Trainer {
    /// The same run together with other processes. Each has to make a run with the same config, problem, network,
    /// objective and seed, and to call [`Trainer::run`] when the others do.
    ///
    /// The batch of a step is the same as on one process, and process r of N passes the rows r·B/N to (r + 1)·B/N
    /// through its network. If pairs depend on other rows, every process draws and pairs all of them. Losses and
    /// gradients are averaged over the processes, large ones on the CPU while [`crate::TrainingStep::gradient_of`] computes them,
    /// before the gradient's norm is taken and clipped, so N processes take
    /// the same step as one, up to the order of sums (and to what a network drops, which is drawn for each process).
    /// With the same number of processes and threads a run computes the same bits again. Weights, average and
    /// optimiser are those of process 0 from the start of every [`Trainer::run`]. Held-out checks are divided, and
    /// all processes get the same result. Only the observer of process 0 is told of the run; the others are asked for
    /// [`crate::Observer::interrupted`], with which any of them stops all, one step later.
    ///
    /// # Errors
    /// [`Error::Processes`] if the batch cannot be divided by the processes and its parts, or if there is a
    /// companion; a refusal of the objective, which is told the number of processes; [`Error::Kernel`] if the weights are
    /// more than 4 MB and another process, which has to make the same call, has others or has ended; or a failure of the
    /// system to start threads.
    pub fn with_group(self, group: ProcessGroup) -> Result<Self> {
        let mut trainer = Self { together: Some(Together { group, pass_mean: None, stop: false }), ..self };
        trainer.check_setting(trainer.companion.is_some())?;
        let weights = trainer.network.parameters().tensors();
        if let Some(together) = trainer.together.as_mut()
            && PassMean::pays_for(&together.group, &weights)?
        {
            together.pass_mean = Some(PassMean::new(&together.group, &weights)?);
        }
        // What was to be made ahead was of all rows.
        if trainer.prepared.is_some() { trainer.overlapped() } else { Ok(trainer) }
    }

    /// Refuses a setting that the objective or the processes cannot be used in.
    pub(super) fn check_setting(&self, has_companion: bool) -> Result<()> {
        let processes = self.together.as_ref().map_or(1, |together| together.group.size());
        let Self { config, problem, network, .. } = self;
        let setting = Setting { config, problem, network: &**network, has_companion, processes };
        self.together.as_ref().map_or(Ok(()), |together| together.check(&setting))?;
        self.objective.check(&setting)
    }

    /// Takes over the state of the process 0.
    pub(super) fn take_first_state(&mut self) -> Result<()> {
        let Some(together) = &mut self.together else { return Ok(()) };
        together.stop = false;
        together.check_same_run([
            ("step", self.step),
            ("seed", self.seed),
            ("steps", self.config.steps),
            ("checks without a new best", self.patience.n_worse.into()),
        ])?;
        let best = together.of_first(self.patience.best.unwrap_or(f64::NAN))?;
        self.patience.best = (!best.is_nan()).then_some(best);
        let mut state = self.network.parameters().tensors();
        if let Some(ema) = &self.ema {
            state.extend(ema.network().parameters().tensors());
        }
        let moments = self.optimizer.state();
        state.extend(moments.exp_avg.into_iter().chain(moments.exp_avg_sq).map(|(_, moment)| moment));
        Ok(together.group.broadcast_(&state)?)
    }
}
