//! Random streams: reproducible, independent, of the right law.

use interflow_core::rng::{Purpose, Stream};
use proptest::prelude::*;
use tch::{Kind, Tensor};

fn mean(x: &Tensor) -> f64 {
    x.mean(Kind::Double).double_value(&[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_draw_is_a_function_of_seed_purpose_and_index(seed: u64, index: u64) {
        let bits = |seed, purpose, index| Stream::new(seed, purpose).at(index).bits();
        let here = bits(seed, Purpose::Base, index);
        prop_assert_eq!(here, bits(seed, Purpose::Base, index));
        prop_assert_ne!(here, bits(seed, Purpose::Target, index));
        prop_assert_ne!(here, bits(seed, Purpose::Base, index.wrapping_add(1)));
        prop_assert_ne!(here, bits(seed.wrapping_add(1), Purpose::Base, index));
    }

    #[test]
    fn a_row_does_not_depend_on_its_batch(seed: u64, first in 0u64..1000, skip in 0i64..5) {
        let stream = Stream::new(seed, Purpose::Sampling);
        let rows = stream.normal_rows(first, 6, 3, Kind::Double);
        let alone = stream.normal_rows(first + skip as u64, 1, 3, Kind::Double);
        prop_assert_eq!(rows.narrow(0, skip, 1), alone);
        let signs = stream.sign_rows(first, 6, 3, Kind::Double);
        prop_assert_eq!(signs.narrow(0, skip, 1), stream.sign_rows(first + skip as u64, 1, 3, Kind::Double));
    }

    /// 20 000 rows of 7 numbers have three blocks.
    #[test]
    fn a_part_of_many_rows_is_that_of_all(
        seed: u64, used in 0i64..4, first in 0i64..20_000, length in 0i64..9000, small: bool,
    ) {
        let n = if small { 300 } else { 20_000 };
        let (start, end) = (first.min(n), (first + length).min(n));
        let draw = || {
            let mut draw = Stream::new(seed, Purpose::Base).at(3);
            let _ = draw.normal(&[used], Kind::Float);
            draw
        };
        let (mut of_all, mut of_part) = (draw(), draw());
        let all = of_all.normal_part(n, 7, 0..n, Kind::Float);
        let part = of_part.normal_part(n, 7, start..end, Kind::Float);
        prop_assert_eq!(part.size(), vec![end - start, 7]);
        prop_assert!(part.equal(&all.narrow(0, start, end - start)));
        prop_assert_eq!(of_all.bits(), of_part.bits());
        // What few rows are does not depend on their having blocks.
        prop_assert!(!small || all.equal(&draw().normal(&[n, 7], Kind::Float)));
    }

    #[test]
    fn a_permutation_permutes(seed: u64, n in 0usize..40) {
        let mut order = Stream::new(seed, Purpose::Shuffle).at(0).permutation(n);
        order.sort_unstable();
        prop_assert_eq!(order, (0..n as u32).collect::<Vec<_>>());
    }
}

/// n = 40 000; each mean within 5σ/√n.
#[test]
fn moments_are_the_laws_moments() {
    let n = 40_000;
    let bound = |std: f64| 5.0 * std / (n as f64).sqrt();
    for kind in [Kind::Float, Kind::Double] {
        let mut draw = Stream::new(11, Purpose::Test).at(4);
        let z = draw.normal(&[n], kind);
        assert!(mean(&z).abs() < bound(1.0));
        assert!((mean(&z.square()) - 1.0).abs() < bound(2f64.sqrt()));
        let u = draw.uniform(&[n], kind);
        assert!((mean(&u) - 0.5).abs() < bound(12f64.sqrt().recip()));
        assert!((mean(&u.square()) - 1.0 / 3.0).abs() < bound((4.0f64 / 45.0).sqrt()));
        assert!(mean(&draw.signs(&[n], kind)).abs() < bound(1.0));
        let category = draw.categories(n, &[1.0, 3.0]);
        assert!((mean(&category.to_kind(kind)) - 0.75).abs() < bound(0.75f64.sqrt() / 2.0));
    }
}

/// n = 20 000 pairs; correlations within 5/√n.
#[test]
fn neighbouring_streams_are_uncorrelated() {
    let n = 20_000;
    let draw = |purpose, index| Stream::new(11, purpose).at(index).normal(&[n], Kind::Double);
    let here = draw(Purpose::Base, 0);
    for other in [draw(Purpose::Base, 1), draw(Purpose::Target, 0), draw(Purpose::Latent, 0)] {
        assert!(mean(&(&here * other)).abs() < 5.0 / (n as f64).sqrt());
    }
}

/// Four blocks of 32 768 rows of two numbers: each with the moments of the law, and none like another.
#[test]
fn blocks_of_rows_are_independent() {
    let n = 32_768;
    let mut draw = Stream::new(5, Purpose::Base).at(1);
    let blocks = draw.normal_part(4 * n, 2, 0..4 * n, Kind::Double).split(n, 0);
    let bound = |std: f64| 5.0 * std / (2.0 * n as f64).sqrt();
    for (i, block) in blocks.iter().enumerate() {
        assert!(mean(block).abs() < bound(1.0));
        assert!((mean(&block.square()) - 1.0).abs() < bound(2f64.sqrt()));
        for other in &blocks[..i] {
            assert!(mean(&(block * other)).abs() < bound(1.0));
        }
    }
}
