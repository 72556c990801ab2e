"""What a flow does."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import interflow


def test_samples_are_functions_of_seed_and_number(flow):
    samples = flow.sample(10, seed=3)
    assert np.array_equal(samples, flow.sample(10, seed=3))
    assert not np.array_equal(samples, flow.sample(10, seed=4))
    assert np.allclose(samples[4:], flow.sample(6, seed=3, first=4), atol=1e-4)


def test_encode_and_decode_are_inverses(flow, numbers):
    z = flow.encode(numbers[:50])
    assert np.abs(flow.decode(z) - numbers[:50]).max() < 1e-2


def test_samples_come_with_their_log_densities(flow):
    samples, nats = flow.sample(20, log_prob=True)
    assert np.allclose(flow.log_prob(samples), nats, atol=1e-2)


def test_samples_by_noise_and_along_other_paths(flow):
    for options in (
        {"sde": True},
        {"sde": 0.5},
        {"sde": {"steps": 16, "scheme": "heun"}},
        {"along": "linear"},
        {"observed": {"x1": (1.0, 0.2)}},
    ):
        assert np.isfinite(flow.sample(5, **options)).all(), options


def test_log_densities_at_other_times(flow, numbers):
    assert np.isfinite(flow.log_prob(numbers[:5], 0.5)).all()
    assert np.isfinite(flow.log_prob(numbers[:5], t=0.0)).all()


def test_callbacks_see_steps_and_checks(numbers):
    seen = []
    interflow.fit(numbers, steps=40, callback=seen.append, set={"train.log_every": 10})
    steps = [report for report in seen if isinstance(report, interflow.Step)]
    checks = [report for report in seen if isinstance(report, interflow.Validation)]
    assert [report.step for report in steps] == [10, 20, 30, 40] and steps[0].steps == 40
    assert checks and np.isfinite([check.objective for check in checks]).all()


def test_configs_are_dicts_and_files(tmp_path):
    config = {
        "name": "moons",
        "base": {"kind": "standard-normal"},
        "target": {"kind": "synthetic", "density": {"kind": "two-moons"}},
        "interpolant": {"kind": "linear"},
        "model": {"kind": "mlp", "hidden": [16, 16]},
        "train": {"steps": 10, "n_validation": 100},
    }
    flow = interflow.train(config, out=tmp_path)
    assert flow.dim == 2 and flow.step == 10 and flow.columns == []
    assert flow.sample(7).shape == (7, 2)
    assert flow.folder.is_relative_to(tmp_path)
    assert np.array_equal(interflow.Flow.load(flow.folder).sample(7), flow.sample(7))
    again = interflow.train(flow.folder / "config.toml", set={"train.steps": 4})
    assert again.step == 4


def test_a_flow_says_what_it_is(conditional):
    assert repr(conditional) == "Flow(height, weight, member, joined given age, town; step 60)"
    assert "[model]" in conditional.manifest


def test_flow_maps_take_a_number_of_calls():
    config = {
        "name": "moons",
        "base": {"kind": "standard-normal"},
        "target": {"kind": "synthetic", "density": {"kind": "two-moons"}},
        "interpolant": {"kind": "linear"},
        "objective": {"kind": "flow-map"},
        "model": {"kind": "mlp", "hidden": [16, 16], "flow_map": {"divergence_width": 8}},
        "train": {"steps": 4, "n_validation": 100},
    }
    flow = interflow.train(config)
    samples = flow.sample(6, calls=2)
    assert samples.shape == (6, 2) and flow.log_prob(samples, calls=2).shape == (6,)
    with pytest.raises(interflow.Error):
        interflow.train({**config, "objective": {"kind": "velocity"}, "model": {"kind": "mlp", "hidden": [8]}}).sample(
            3, calls=2
        )


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda flow: pickle.loads(pickle.dumps(flow))])
def test_flows_are_copied_and_pickled(conditional, frame, copy_of):
    same = copy_of(conditional)
    given = frame.head(5)
    pd.testing.assert_frame_equal(same.sample(given=given, seed=1), conditional.sample(given=given, seed=1))
    assert np.array_equal(same.log_prob(frame), conditional.log_prob(frame), equal_nan=True)
    assert (same.columns, same.step) == (conditional.columns, conditional.step)
