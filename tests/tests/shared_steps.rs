//! Every objective and every kind of network takes the same steps in several processes as in one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interflow_core::tch::{Kind, Tensor};
use interflow_tests::Playground;
use interflow_train::{Checkpoint, checkpoints};

/// In double precision, so that what is left between the runs is the order of sums.
const LONG: &str =
    "train tiny.toml --set precision='f64' --set train.checkpoint_every=0 --set train.ema_decay=0.9";

/// The weights and their average after the last step, in a row.
fn weights(playground: &Playground, out: &str, arguments: &str) -> Tensor {
    playground.succeed(&format!("{LONG} --out {out} {arguments}"));
    let run = playground.run_folder(out);
    let (step, file) = checkpoints::list(&run.join("checkpoints")).unwrap().remove(0);
    assert_eq!(step, 200);
    let checkpoint = Checkpoint::load(&file).unwrap();
    let all = checkpoint.model.iter().chain(checkpoint.ema.as_ref().unwrap());
    let rows: Vec<Tensor> = all.map(|(_, x)| x.reshape([-1])).collect();
    assert!(rows.iter().all(|row| row.kind() == Kind::Double));
    Tensor::cat(&rows, 0)
}

/// Checks that two and four processes come where one comes, and two to the same bits again.
#[track_caller]
fn check(playground: &Playground, settings: &str) {
    let one = weights(playground, "of-1", settings);
    let norm = |x: &Tensor| x.norm().double_value(&[]);
    let [two, four] =
        [2, 4].map(|n| weights(playground, &format!("of-{n}"), &format!("{settings} --processes {n}")));
    for (n, many) in [(2, &two), (4, &four)] {
        let off = norm(&(many - &one)) / norm(&one);
        assert!(off < 1e-8, "{n} processes: {off:.1e} off, with {settings}");
    }
    let again = weights(playground, "again", &format!("{settings} --processes 2"));
    assert!(again.equal(&two), "{settings}");
}

#[test]
fn a_velocity_and_a_denoiser() {
    check(&Playground::new(), "--set train.accumulate=2 --set objective={kind='velocity',form='g'}");
    let playground = Playground::new();
    let latents = "--set interpolant={kind='linear',gamma={kind='brownian',strength=1.0}}";
    check(
        &playground,
        &format!(
            "{latents} --set objective.kind='velocity-with-denoiser' \
                            --set denoiser={{kind='mlp',hidden=[16,16]}}"
        ),
    );
}

/// Of so many weights that their gradients travel while others are computed.
#[test]
fn a_wide_network() {
    let wide = "--set model={kind='mlp',hidden=[900,700]} --set train.batch=32 --set train.n_validation=64";
    check(&Playground::new(), &format!("{wide} --set train.accumulate=2"));
}

#[test]
fn flow_maps_of_every_condition() {
    for condition in ["lagrangian", "progressive", "eulerian", "mean-flow"] {
        let map = "--set model.flow_map={divergence_width=8}";
        let objective =
            format!("objective={{kind='flow-map',condition='{condition}',velocity_steps=20,ramp_steps=20}}");
        check(&Playground::new(), &format!("{map} --set {objective}"));
    }
}

/// Images of 8×8 pixels, by a U-Net with attention.
#[test]
fn a_u_net() {
    let playground = Playground::new();
    let images = "kind = \"images\"\nsource = { kind = \"digits\" }";
    playground.edit("kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }", images);
    let net = "model={kind='u-net',shape=[1,8,8],width=8,multipliers=[1,2],n_blocks=1,attention=[4],head_channels=8}";
    check(&playground, &format!("--set train.batch=8 --set train.n_validation=16 --set {net}"));
}
