//! What a manifest must satisfy: a file may come from anywhere.

use interflow_core::known;
use interflow_train::{AxesKind, Checkpoint, MOST_POINTS, PreconditionConfig};
use tch::Tensor;

use super::{BaseManifest, FlowManifest};
use crate::divergence::DivergenceConfig;
use crate::error::{During as _, Result, refuse};

impl FlowManifest {
    /// Rejects numbers that make no sense, as a config's are, and parts that do not go with each other.
    pub(super) fn check(&self) -> Result<()> {
        self.check_numbers().and_then(|()| self.check_parts()).and_then(|()| self.check_ends()).during(
            "the checkpoint's manifest makes no sense\nhint: the file belongs to no run of this program; use another checkpoint",
        )
    }

    fn check_numbers(&self) -> Result<()> {
        let counts = [("batch", self.batch, MOST_POINTS), ("the dimension", self.space.dim, 1 << 40)];
        for (name, count, most) in counts {
            if !(1..=most).contains(&count) {
                return refuse(format!("{name} must be at least 1 and at most {most}, found: {count}"));
            }
        }
        self.threads.check()?;
        if let DivergenceConfig::Hutchinson { n_probes: 0 } = self.divergence {
            return refuse("divergence.n_probes must be at least 1, found: 0");
        }
        Ok(self.space.given.check()?)
    }

    fn check_parts(&self) -> Result<()> {
        self.solver.build().during("in [solver]")?;
        let interpolant = self.interpolant.build().during("in [interpolant]")?;
        self.model.n_scalars(self.network_space()).during("in [model]")?;
        if let Some(denoiser) = &self.denoiser {
            denoiser.n_scalars(self.space).during("in [denoiser]")?;
            if !interpolant.has_latent() {
                return refuse("a denoiser needs a path with a latent");
            }
        }
        self.path.as_ref().map_or(Ok(()), interflow_transport::PathFamily::check).during("in [path]")
    }

    fn check_ends(&self) -> Result<()> {
        let dim = self.space.dim;
        let of_columns = |columns: &interflow_data::Columns| {
            if self.target.fill { known::space(columns.space()) } else { columns.space() }
        };
        if let Some(found) = self.target.columns.as_ref().map(of_columns)
            && found != self.space
        {
            let wanted = self.space;
            return refuse(format!("the columns are not the flow's, expected: {wanted:?}, found: {found:?}"));
        }
        if self.target.fill && self.target.columns.is_none() {
            return refuse("only the flow of a table fills holes");
        }
        if let Some(images) = &self.target.images {
            let n =
                images.sides().iter().try_fold(1i64, |n, side| n.checked_mul(*side).filter(|_| *side > 0));
            if n != Some(dim) || !(2..=256).contains(&images.n_levels) {
                return refuse(format!(
                    "the images are not the flow's states of dimension {dim}, found: {images:?}"
                ));
            }
        }
        if let Some(extent) = self.target.extent.filter(|extent| !(extent.is_finite() && *extent > 0.0)) {
            return refuse(format!("the window's extent must be positive and finite, found: {extent:?}"));
        }
        let of_base = match &self.base {
            BaseManifest::StandardNormal {} => dim,
            BaseManifest::Synthetic(_) => self.base_law().during("in [base]")?.dim(),
            BaseManifest::Data { columns } => columns.as_ref().map_or(dim, |columns| columns.space().dim),
        };
        if of_base != dim {
            return refuse(format!(
                "the base is not of the flow's dimension, expected: {dim}, found: {of_base}"
            ));
        }
        Ok(())
    }

    /// Refuses a checkpoint with fewer numbers than the manifest's network and path have at least: it says so before any of
    /// them is made, for a manifest may name any size.
    ///
    /// # Errors
    /// [`crate::Error::Refused`].
    pub(crate) fn check_weights(&self, checkpoint: &Checkpoint) -> Result<()> {
        let mut n = self.model.n_scalars(self.network_space())?;
        if let Some(denoiser) = &self.denoiser {
            n += denoiser.n_scalars(self.space)?;
        }
        if let Some(PreconditionConfig::Gaussian { axes }) = self.precondition {
            let sides = match (axes, &self.target.images) {
                (AxesKind::Cosine, Some(images)) => images.sides().to_vec(),
                _ => vec![self.space.dim],
            };
            n += sides.into_iter().map(|side| (side as f64).powi(2)).sum::<f64>();
        }
        let path = self.path.as_ref().map_or(0.0, |path| path.n_scalars(self.space.dim));
        let parts = [("network", n, checkpoint.network_weights()), ("path", path, &checkpoint.companion)];
        for (part, wanted, weights) in parts {
            let found = count(weights);
            if wanted > found {
                return refuse(format!(
                    "its weights are not of the {part} that its manifest describes, expected: at least {wanted:.0} \
                     numbers, found: {found}\nhint: the file belongs to no run of this program; use another checkpoint"
                ));
            }
        }
        Ok(())
    }
}

/// How many numbers tensors hold.
fn count(tensors: &[(String, Tensor)]) -> f64 {
    tensors.iter().map(|(_, tensor)| tensor.numel() as f64).sum()
}
