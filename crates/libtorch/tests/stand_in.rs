//! The stand-in device against the CPU: the same bits, no mixing, and a true count of transfers.
#![cfg(feature = "stand-in")]
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]
#![allow(clippy::disallowed_methods, reason = "this crate knows nothing of core's backward passes")]

use interflow_libtorch::{
    AdamW, AdamWState, ProcessGroup, Transfers, autocast_bf16, device_memory, foreach_lerp_, foreach_mul_,
    foreach_scale_, fused_adamw_, linear_silu, pinned, stand_in, total_norm, transfers, upload,
};
use tch::{Device, Kind, Tensor};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn ours(x: &Tensor) -> Tensor {
    x.to_device(stand_in().unwrap())
}

#[track_caller]
fn same(ours: &Tensor, cpu: &Tensor) {
    assert_eq!((ours.device(), ours.size()), (stand_in().unwrap(), cpu.size()));
    assert!(ours.to_device(Device::Cpu).equal(cpu));
}

/// What a body costs. Tests of one file share the process, so all that count are in one test.
fn cost(body: impl FnOnce()) -> Transfers {
    let before = transfers();
    body();
    transfers() - before
}

fn counts() {
    let x = Tensor::randn([5, 3], CPU);
    assert_eq!(cost(|| drop(ours(&x))), Transfers { to_device: 1, to_host: 0 });
    let x = ours(&x);
    assert_eq!(cost(|| drop((&x * 2.0).relu().sum(Kind::Float))), Transfers { to_device: 0, to_host: 0 });
    assert_eq!(cost(|| drop(x.to_device(Device::Cpu))), Transfers { to_device: 0, to_host: 1 });
    assert_eq!(cost(|| assert!(x.double_value(&[1, 2]).is_finite())).to_host, 1);
    assert_eq!(cost(|| drop(x.gt(0.0).nonzero())), Transfers { to_device: 0, to_host: 1 });
    assert_eq!(cost(|| drop(x.index(&[Some(x.select(1, 0).gt(0.0))]))).to_host, 1);
}

fn views_share_their_storage() {
    let cpu = Tensor::arange(24, CPU).view([4, 6]);
    let x = ours(&cpu);
    for (mut a, mut b) in [
        (x.narrow(1, 2, 3), cpu.narrow(1, 2, 3)),
        (x.transpose(0, 1).unflatten(0, [2, 3]), cpu.transpose(0, 1).unflatten(0, [2, 3])),
    ] {
        let _ = (a.g_mul_scalar_(3.0), b.g_mul_scalar_(3.0));
        same(&a, &b);
    }
    for (a, b) in x.split(3, 1).iter().zip(cpu.split(3, 1)) {
        let _ = (a.shallow_clone().fill_(7.0), b.shallow_clone().fill_(7.0));
    }
    same(&x, &cpu);
    let (mut a, mut b) = (ours(&Tensor::ones([2], CPU)), Tensor::ones([2], CPU));
    let _ = (a.resize_([40]).fill_(1.5), b.resize_([40]).fill_(1.5));
    same(&a, &b);
}

fn gradients(weight: &Tensor, bias: &Tensor, x: &Tensor) -> Vec<Tensor> {
    let (weight, bias) = (weight.detach().set_requires_grad(true), bias.detach().set_requires_grad(true));
    let x = x.detach().set_requires_grad(true);
    let out = linear_silu(&x, &weight, Some(&bias)).unwrap();
    let out = out.view([2, 4, 3]).group_norm(2, None::<&Tensor>, None::<&Tensor>, 1e-5, false);
    let loss = (out.square().mean(Kind::Float) + out.exp().mean(Kind::Float)) * 2.0;
    Tensor::run_backward(&[loss], &[&weight, &bias, &x], false, true)
}

/// For some operations libtorch chooses another kernel by the device, so that they agree to rounding.
fn backward_passes_agree() {
    let (weight, bias, x) = (Tensor::randn([3, 5], CPU), Tensor::randn([3], CPU), Tensor::randn([8, 5], CPU));
    let (image, kernel) = (Tensor::randn([2, 3, 6, 6], CPU), Tensor::randn([4, 3, 3, 3], CPU));
    let convolved = |image: &Tensor, kernel: &Tensor| image.conv2d(kernel, None::<&Tensor>, 1, 1, 1, 1);
    let heads = Tensor::randn([2, 3, 5, 4], CPU);
    let attended = |x: &Tensor| {
        let x = x.detach().set_requires_grad(true);
        let mixed =
            Tensor::scaled_dot_product_attention(&x, &x, &x, None::<&Tensor>, 0.0, false, None, false);
        Tensor::run_backward(&[mixed.square().sum(Kind::Float)], &[x], false, false).remove(0)
    };
    let mut found = gradients(&ours(&weight), &ours(&bias), &ours(&x));
    let mut expected = gradients(&weight, &bias, &x);
    found.extend([convolved(&ours(&image), &ours(&kernel)), attended(&ours(&heads))]);
    expected.extend([convolved(&image, &kernel), attended(&heads)]);
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.device(), stand_in().unwrap());
        let off = (found.to_device(Device::Cpu) - expected).abs().max().double_value(&[]);
        assert!(off < 1e-4 && expected.abs().max().double_value(&[]) > 1e-3, "{number}: {off}");
    }
}

fn multi_tensor_kernels_work() {
    let list = |device: Device| -> Vec<Tensor> {
        (1..4).map(|n| Tensor::linspace(0.1, 1.0, n * 3, CPU).to_device(device)).collect()
    };
    let run = |device: Device| {
        let (params, grads) = (list(device), list(device));
        let zeros = || params.iter().map(Tensor::zeros_like).collect::<Vec<_>>();
        let (means, squares) = (zeros(), zeros());
        let steps: Vec<Tensor> =
            params.iter().map(|p| p.new_ones([0i64; 0], (Kind::Float, device))).collect();
        let state = AdamWState {
            params: &params,
            grads: &grads,
            exp_avgs: &means,
            exp_avg_sqs: &squares,
            steps: &steps,
        };
        let numbers = AdamW { learning_rate: 0.1, beta1: 0.9, beta2: 0.99, weight_decay: 0.1, epsilon: 1e-8 };
        fused_adamw_(state, numbers).unwrap();
        foreach_lerp_(&params, &grads, 0.25).unwrap();
        foreach_mul_(&params, 1.5).unwrap();
        foreach_scale_(&params, &Tensor::full([0i64; 0], 0.5, (Kind::Float, device))).unwrap();
        (total_norm(&params).unwrap(), params)
    };
    let reads = transfers().to_host;
    let (found, expected) = (run(stand_in().unwrap()), run(Device::Cpu));
    assert_eq!(transfers().to_host, reads, "nothing is read back");
    assert!((found.0.double_value(&[]) - expected.0.double_value(&[])).abs() < 1e-6);
    for (a, b) in found.1.iter().zip(&expected.1) {
        assert!((a.to_device(Device::Cpu) - b).abs().max().double_value(&[]) < 1e-6);
    }
}

fn uploads_keep_the_numbers() {
    let device = stand_in().unwrap();
    let x = Tensor::randn([5, 3], CPU);
    let there = upload(&pinned(&x).unwrap(), device).unwrap();
    same(&there, &x);
    assert_eq!(cost(|| drop(upload(&there, device).unwrap())), Transfers { to_device: 0, to_host: 0 });
    assert_eq!(device_memory(device).unwrap(), None, "nobody counts its memory");
}

/// Over the host's memory, and back to where they were.
fn processes_exchange_what_lies_there() {
    let group = ProcessGroup::alone().unwrap();
    let x = [Tensor::randn([5, 3], CPU), Tensor::randn([2], CPU), Tensor::randn([4, 1, 2], CPU)];
    let list = [ours(&x[0]), ours(&x[1]), x[2].copy()];
    let before = transfers();
    group.mean_(&list).unwrap();
    assert_eq!(transfers() - before, Transfers { to_device: 1, to_host: 1 }, "two tensors at once");
    group.broadcast_(&list).unwrap();
    same(&list[0], &x[0]);
    same(&list[1], &x[1]);
    assert!(list[2].device() == Device::Cpu && list[2].equal(&x[2]));
    same(&group.all_gather(&list[0]).unwrap()[0], &x[0]);
}

fn mixing_is_refused() {
    let (x, y) = (Tensor::randn([3, 3], CPU), ours(&Tensor::randn([3, 3], CPU)));
    for refusal in [x.f_add(&y), y.f_matmul(&x), Tensor::f_cat(&[&x, &y], 0), y.f_where_self(&y.gt(0.0), &x)]
    {
        let message = refusal.unwrap_err().to_string();
        assert!(message.contains("same device"), "{message}");
    }
    // A number without an axis may come from anywhere.
    assert!(y.f_add(&Tensor::from(2.0f32)).is_ok());
}

#[test]
fn the_stand_in_is_a_second_device() {
    stand_in().unwrap();
    counts();
    views_share_their_storage();
    backward_passes_agree();
    multi_tensor_kernels_work();
    uploads_keep_the_numbers();
    processes_exchange_what_lies_there();
    mixing_is_refused();
    let x = ours(&Tensor::randn([4, 4], CPU));
    let product = autocast_bf16(x.device(), || x.matmul(&x)).unwrap();
    assert_eq!(product.kind(), Kind::BFloat16);
}
