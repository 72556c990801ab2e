//! Lists of tensors, end to end in a few long ones: an exchange costs a millisecond, however short it is.

use tch::{Device, TchError, Tensor};

/// The most bytes that are exchanged at once, for the memory of their copies not to grow with a network.
pub(super) const BUCKET: usize = 32 << 20;

/// Neighbours of one kind on one device, as many as go into a bucket of so many bytes, at least one.
pub(super) fn buckets(tensors: &[Tensor], most: usize) -> impl Iterator<Item = &[Tensor]> {
    let mut bytes = 0;
    tensors.chunk_by(move |a, b| {
        bytes += size_in_bytes(a);
        let alike = a.kind() == b.kind() && a.device() == b.device();
        let together = alike && bytes + size_in_bytes(b) <= most;
        if !together {
            bytes = 0;
        }
        together
    })
}

fn size_in_bytes(x: &Tensor) -> usize {
    x.numel() * x.kind().elt_size_in_bytes()
}

/// Copies of the tensors' numbers, end to end on a device.
pub(super) fn end_to_end(tensors: &[Tensor], device: Device) -> std::result::Result<Tensor, TchError> {
    let flat: std::result::Result<Vec<Tensor>, TchError> =
        tensors.iter().map(|x| x.detach().f_reshape([-1])).collect();
    Tensor::f_cat(&flat?, 0)?.f_to_device(device)
}

/// Overwrites the tensors by numbers end to end.
pub(super) fn put_back(tensors: &[Tensor], flat: &Tensor) -> std::result::Result<(), TchError> {
    let mut from = 0;
    let flat = tensors.first().map_or_else(|| Ok(flat.shallow_clone()), |x| flat.f_to_device(x.device()))?;
    for x in tensors {
        let n = x.size().iter().product::<i64>();
        x.shallow_clone().f_copy_(&flat.f_narrow(0, from, n)?.f_view_as(x)?)?;
        from += n;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn buckets_hold_neighbours_of_one_kind_and_no_more_than_fits() {
        let of = |kind: Kind, n: i64| Tensor::zeros([n], (kind, Device::Cpu));
        let most = i64::try_from(BUCKET / 4).unwrap();
        let list = [
            of(Kind::Float, 3),
            of(Kind::Float, most - 3),
            of(Kind::Float, 1),
            of(Kind::Double, 2),
            of(Kind::Double, most),
            of(Kind::Double, 0),
            of(Kind::Double, 1),
        ];
        let lengths: Vec<usize> = buckets(&list, BUCKET).map(<[Tensor]>::len).collect();
        assert_eq!(lengths, [2, 1, 1, 1, 2]);
    }
}
