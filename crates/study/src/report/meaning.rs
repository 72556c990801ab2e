//! What the numbers of `result.json` are, in a few words.

/// The numbers that most runs have.
const MEANINGS: [(&str, &str); 17] = [
    ("steps", "training steps that were taken"),
    ("train_secs", "seconds of training, without evaluation"),
    ("objective", "the training objective on held-out data; its value is not a likelihood"),
    ("self_check", "held-out objective + E|v̂|²: 0 for the exact velocity"),
    ("test_nll", "mean −log density of test points, nats"),
    ("test_nll_standardised", "the same in the flow's own coordinates"),
    ("true_nll", "the same of the true density"),
    ("gaussian_nll", "the same of a Gaussian fitted to the training rows"),
    ("bits_per_dim", "mean −log₂ probability of a test image, per number"),
    ("gaussian_bits_per_dim", "the same of a Gaussian fitted to the training images"),
    ("bits_per_dim_below_gaussian", "how much lower bits_per_dim is than the Gaussian's, on the same images"),
    ("n_train", "training rows"),
    ("n_test", "test points"),
    ("nfe", "network calls of the log-densities' solver"),
    ("energy_distance", "distance of samples and held-out points: 0 for the same law"),
    ("transport_cost", "∫ E|v|² dt, at least the squared Wasserstein distance of the ends"),
    ("straightness", "∫ E|v − (X₁ − X₀)|² dt: 0 for straight ways at constant speed"),
];

/// What the number `name` is; empty where it is not one of those.
pub(super) fn meaning(name: &str) -> &'static str {
    MEANINGS.iter().find(|(known, _)| *known == name).map_or("", |(_, meaning)| meaning)
}
