//! Numbers with their derivative along one direction.
//!
//! A flow map is differentiated forwards, in its times and its state, and what comes of it is trained by a backward pass:
//! the rules here are ordinary operations, so that the one can go through the other. They are few, since all but the
//! norms, the activation and the mixing of attention is linear; and the same layers serve a velocity, whose numbers carry
//! no tangent and cost none. (Libtorch has forward derivatives of its own. They want a level that the whole process
//! shares, and know neither the fused attention nor linear layers that are one node of the graph.)

use tch::Tensor;

use crate::activation::Activation;

/// A tensor and its derivative of the same shape, where it has one that is not zero.
#[derive(Debug)]
pub(super) struct Dual {
    pub(super) value: Tensor,
    pub(super) tangent: Option<Tensor>,
}

impl Dual {
    /// What does not change along the direction.
    pub(super) fn fixed(value: Tensor) -> Self {
        Self { value, tangent: None }
    }

    /// The same by a linear map.
    pub(super) fn map(&self, linear: impl Fn(&Tensor) -> Tensor) -> Self {
        Self { value: linear(&self.value), tangent: self.tangent.as_ref().map(linear) }
    }

    /// The same by an affine map whose linear part is `linear`.
    pub(super) fn map_affine(
        &self,
        affine: impl FnOnce(&Tensor) -> Tensor,
        linear: impl FnOnce(&Tensor) -> Tensor,
    ) -> Self {
        Self { value: affine(&self.value), tangent: self.tangent.as_ref().map(linear) }
    }

    /// The sum with another, which may be smaller along some axes.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let value = &self.value + &other.value;
        let whole = |tangent: &Tensor| tangent.expand(value.size(), false);
        let tangent = match (&self.tangent, &other.tangent) {
            (Some(a), Some(b)) => Some(a + b),
            (one, None) | (None, one) => one.as_ref().map(whole),
        };
        Self { value, tangent }
    }

    /// `x σ(x)` of each number.
    pub(super) fn silu(&self) -> Self {
        let Some(tangent) = &self.tangent else { return Self::fixed(self.value.silu()) };
        let (value, tangent) = Activation::Silu.value_and_tangent(&self.value, tangent);
        Self { value, tangent: Some(tangent) }
    }

    /// The softmax along an axis.
    pub(super) fn softmax(&self, axis: i64) -> Self {
        let value = self.value.softmax(axis, None);
        let tangent = self.tangent.as_ref().map(|tangent| {
            let bent = &value * tangent;
            &bent - &value * bent.sum_dim_intlist(axis, true, None)
        });
        Self { value, tangent }
    }

    /// The matrix product with another.
    pub(super) fn matmul(&self, other: &Self) -> Self {
        let left = self.tangent.as_ref().map(|tangent| tangent.matmul(&other.value));
        let right = other.tangent.as_ref().map(|tangent| self.value.matmul(tangent));
        let tangent = match (left, right) {
            (Some(a), Some(b)) => Some(a + b),
            (one, None) | (None, one) => one,
        };
        Self { value: self.value.matmul(&other.value), tangent }
    }

    /// This and another side by side along an axis.
    pub(super) fn beside(&self, other: &Self, axis: i64) -> Self {
        let value = Tensor::cat(&[&self.value, &other.value], axis);
        if self.tangent.is_none() && other.tangent.is_none() {
            return Self::fixed(value);
        }
        let tangents = [self, other].map(Self::tangent_or_zero);
        Self { value, tangent: Some(Tensor::cat(&tangents, axis)) }
    }

    /// The derivative, in full where it is zero.
    pub(super) fn tangent_or_zero(&self) -> Tensor {
        self.tangent.as_ref().map_or_else(|| self.value.zeros_like(), Tensor::shallow_clone)
    }

    /// A second handle on the same numbers.
    pub(super) fn shallow_clone(&self) -> Self {
        self.map(Tensor::shallow_clone)
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};
    use tch::Kind;

    use super::*;

    /// Central differences, with and without a tangent on either side.
    #[test]
    fn rules_are_those_of_differences() {
        let mut draw = Stream::new(1, Purpose::Test).at(0);
        let mut matrix = |rows: i64, columns: i64| draw.normal(&[2, rows, columns], Kind::Double);
        let parts = [matrix(3, 4), matrix(3, 4), matrix(4, 5), matrix(4, 5), matrix(3, 1), matrix(3, 1)];
        let [a, da, b, db, c, dc] = &parts;
        let of = |h: f64, [left, right]: [f64; 2]| {
            let [a, b, c] = [a + da * (left * h), b + db * (right * h), c + dc * (right * h)];
            [a, b, c].map(Dual::fixed)
        };
        let rule = |[a, b, c]: &[Dual; 3]| {
            let h = a.plus(c).silu().beside(&a.softmax(1), 2).map(|x| x * 2.0);
            h.map(|x| x.narrow(2, 1, 4)).matmul(b)
        };
        let h = 1e-6;
        for moving in [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]] {
            let expected = (rule(&of(h, moving)).value - rule(&of(-h, moving)).value) / (2.0 * h);
            let tangent = |share: f64, d: &Tensor| (share > 0.0).then(|| d.shallow_clone());
            let duals = [(a, da, moving[0]), (b, db, moving[1]), (c, dc, moving[1])]
                .map(|(x, d, share)| Dual { value: x.shallow_clone(), tangent: tangent(share, d) });
            let found = rule(&duals).tangent.unwrap();
            assert!((found - expected).abs().max().double_value(&[]) < 1e-8);
        }
        assert!(rule(&of(0.0, [0.0; 2])).tangent.is_none());
    }
}
