//! How attention mixes the places of a feature map.

use tch::Tensor;

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
    pub(super) fn apply(self, q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
        match self {
            Self::Softmax => {
                Tensor::scaled_dot_product_attention(q, k, v, None::<&Tensor>, 0.0, false, None, false)
            }
            Self::Linear => {
                let scale = 1.0 / (q.size()[3] as f64).sqrt();
                let gathered = k.softmax(2, None).transpose(2, 3).matmul(v);
                (q.softmax(3, None) * scale).matmul(&gathered)
            }
        }
    }
}
