//! The settings with which flow maps are learned, as written in a config.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::jumps::JumpTimes;
use crate::error::{Result, check_range};

/// The condition off the diagonal s = t by which a network becomes the flow map of its own velocity (\[BAV25\]). `sg`
/// stops the gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MapCondition {
    /// `∂_t X_{s,t}(x) = sg[v_t(X_{s,t}(x))]`: the end of a jump moves with the velocity there.
    #[default]
    Lagrangian,
    /// `X_{s,t}(x) = sg[X_{r,t}(X_{s,r}(x))]` with r between s and t: a jump equals two shorter ones.
    Progressive,
    /// `u_{s,t} − (t − s)(∂_s u_{s,t} + ∇u_{s,t} v) = v` with `v = sg[v_s]`: all points of a trajectory land on the
    /// same point.
    Eulerian,
    /// `u_{s,t} = sg[ẋ_s + (t − s)(∂_s u_{s,t} + ∇u_{s,t} ẋ_s)]`, the Eulerian condition with the path derivative in
    /// place of the velocity (\[G25\]). No derivative is trained, so steps are cheap, but the gradient has more
    /// noise.
    MeanFlow,
}

/// How the divergence of the velocity is computed from which the average divergence is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DivergenceTarget {
    /// Exactly, with one derivative for each coordinate.
    Exact,
    /// By Hutchinson's estimate with one probe of random signs for each point \[HS81\].
    Hutchinson,
}

impl DivergenceTarget {
    /// Exactly in up to 8 dimensions, by an estimate in more.
    pub(super) fn usual(dim: i64) -> Self {
        if dim <= 8 { Self::Exact } else { Self::Hutchinson }
    }
}

/// The settings of [`super::FlowMapMatching`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowMapMatchingConfig {
    /// The condition off the diagonal s = t.
    pub condition: MapCondition,
    /// The run folder or checkpoint of a trained velocity of the same path, which takes the place of the network's
    /// own velocity in the condition (distillation). Without it the network teaches itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// The fraction of a step's points that lie on the diagonal, in [1/2, 1). These are the points of the batch; off
    /// the diagonal there are (1/fraction − 1) times as many jumps between its pairs.
    pub diagonal_share: f64,
    /// The law of the times of jumps.
    pub times: JumpTimes,
    /// The weight of the condition off the diagonal, relative to the velocity's objective on it.
    pub weight: f64,
    /// The weight of the squared error of the average divergence, which is multiplied by α(t) + `divergence_floor` at
    /// the time t of landing, because divergences grow like 1/α towards a target with edges.
    pub divergence_weight: f64,
    /// What keeps that weight positive where α vanishes. For a target with spikes, whose divergences grow like 1/α
    /// nearly everywhere, 0 keeps the last times from deciding on the sum.
    pub divergence_floor: f64,
    /// How the divergences are computed from which the average divergence is learned. Without it, exactly in up to 8
    /// dimensions and by Hutchinson's estimate above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence: Option<DivergenceTarget>,
    /// The number of steps at the beginning in which only the velocity is learned.
    pub velocity_steps: u64,
    /// The number of steps after these in which the weight off the diagonal rises to its full value.
    pub ramp_steps: u64,
}

impl Default for FlowMapMatchingConfig {
    fn default() -> Self {
        Self {
            condition: MapCondition::default(),
            teacher: None,
            diagonal_share: 0.7,
            times: JumpTimes::default(),
            weight: 1.0,
            divergence_weight: 0.2,
            divergence_floor: 0.05,
            divergence: None,
            velocity_steps: 1500,
            ramp_steps: 1000,
        }
    }
}

impl FlowMapMatchingConfig {
    /// Rejects values that make no sense.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the first one that is out of its range.
    pub fn check(&self) -> Result<()> {
        let share = self.diagonal_share;
        check_range("diagonal_share", "in [1/2, 1)", share, (0.5..1.0).contains(&share))?;
        let weights = [
            ("weight", self.weight),
            ("divergence_weight", self.divergence_weight),
            ("divergence_floor", self.divergence_floor),
        ];
        for (name, weight) in weights {
            check_range(name, "finite and not negative", weight, weight >= 0.0 && weight.is_finite())?;
        }
        self.times.check()
    }

    /// The share of the full weight that the condition has after `step` steps; `None` while the velocity is learned alone.
    pub(super) fn ramp(&self, step: u64) -> Option<f64> {
        let after = step.checked_sub(self.velocity_steps)?;
        Some(((after + 1) as f64 / self.ramp_steps.max(1) as f64).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_rises_after_the_velocitys_own_steps() {
        let config = FlowMapMatchingConfig { velocity_steps: 3, ramp_steps: 4, ..Default::default() };
        let found: Vec<_> = [0, 2, 3, 4, 6, 7, 100].into_iter().map(|step| config.ramp(step)).collect();
        assert_eq!(found, [None, None, Some(0.25), Some(0.5), Some(1.0), Some(1.0), Some(1.0)]);
        let at_once = FlowMapMatchingConfig { velocity_steps: 0, ramp_steps: 0, ..config };
        assert_eq!(at_once.ramp(0), Some(1.0));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(FlowMapMatchingConfig::default().check().is_ok());
        let of = |change: fn(&mut FlowMapMatchingConfig)| {
            let mut config = FlowMapMatchingConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(of(|config| config.diagonal_share = 0.4).starts_with("diagonal_share must be in [1/2, 1)"));
        assert!(of(|config| config.weight = -1.0).starts_with("weight must be"));
        assert!(of(|config| config.divergence_weight = f64::NAN).starts_with("divergence_weight must be"));
        assert!(of(|config| config.times.end_share = 1.5).starts_with("times end_share must be in [0, 1]"));
    }
}
