//! How attention mixes the places of a feature map.

use tch::Tensor;

use super::dual::Dual;

/// How queries Q, keys K and values V, each of n places and d channels, are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mixing {
    /// `softmax(QKᵀ/√d) V`.
    Softmax,
    /// `softmax(Q) (softmax(Kᵀ) V) / √d` (\[SZYL21\]): n × d² products in place of n² × d.
    Linear,
}

impl Mixing {
    /// What they are mixed to, `[B, heads, places, d]`, for queries, keys and values of that shape.
    pub(super) fn apply(self, [q, k, v]: &[Dual; 3]) -> Dual {
        let scale = 1.0 / (q.value.size()[3] as f64).sqrt();
        match self {
            // One kernel, which has no tangents.
            Self::Softmax if [q, k, v].iter().all(|part| part.tangent.is_none()) => {
                let [q, k, v] = [&q.value, &k.value, &v.value];
                let none = None::<&Tensor>;
                Dual::fixed(Tensor::scaled_dot_product_attention(q, k, v, none, 0.0, false, None, false))
            }
            Self::Softmax => {
                let scores = q.map(|q| q * scale).matmul(&k.map(|k| k.transpose(2, 3)));
                scores.softmax(3).matmul(v)
            }
            Self::Linear => {
                let gathered = k.softmax(2).map(|k| k.transpose(2, 3)).matmul(v);
                q.softmax(3).map(|q| q * scale).matmul(&gathered)
            }
        }
    }
}
