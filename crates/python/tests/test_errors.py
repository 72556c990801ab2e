"""What is wrong is an exception with the program's words, and the interpreter goes on."""

import numpy as np
import pandas as pd
import pytest

import interflow


@pytest.mark.parametrize(
    ("table", "options", "part"),
    [
        (np.zeros((10, 0)), {}, ""),
        (np.array([["a", "b"]]), {}, "not an array of numbers"),
        (np.full((50, 2), np.inf), {}, "finite"),
        (np.ones((3, 2)), {}, ""),
        (np.zeros(5), {}, ""),
        (np.zeros((3, 2, 2)), {}, ""),
        (pd.DataFrame({"a": ["x"] * 50}), {"given": ["b"]}, "b"),
        (pd.DataFrame({"a": []}), {}, "no rows"),
        (pd.DataFrame([[1, 2]] * 50, columns=["a", "a"]), {}, "different names"),
        ({"a": [1.0, 2.0], "b": [1.0]}, {}, "found: 1"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"kinds": {"a": "colour"}}, "colour"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"bounds": {"a": (3, 1)}}, "bound"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"missing": "ignore"}, "ignore"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"device": "tpu"}, "tpu"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"threads": 0}, "threads"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"set": {"train.stepz": 3}}, "stepz"),
        (pd.DataFrame({"a": np.arange(50.0)}), {"given": ["a"]}, ""),
    ],
)
def test_tables_and_options_are_refused(table, options, part):
    with pytest.raises(interflow.Error) as error:
        interflow.fit(table, steps=2, **options)
    assert part in str(error.value)
    assert isinstance(error.value, ValueError)


def test_points_are_refused(flow, conditional, frame, numbers):
    for ask, part in [
        (lambda: flow.log_prob(np.zeros((4, 2))), "expected rows of 3 columns, found: 2"),
        (lambda: flow.log_prob(np.zeros(3)), "expected rows"),
        (lambda: flow.log_prob(numbers, t=2.0), "2"),
        (lambda: flow.log_prob(np.full((1, 3), np.nan)), "missing"),
        (lambda: flow.sample(3, given={"age": 3}), "given nothing"),
        (lambda: flow.sample(3, calls=4), "flow map"),
        (lambda: flow.sample(3, sde={"epsilonn": 1}), "epsilonn"),
        (lambda: flow.sample(3, sde={"scheme": "leapfrog"}), "leapfrog"),
        (lambda: flow.sample(3, observed={"x9": 1.0}), "x9"),
        (lambda: flow.sample(3, observed={"x1": (1.0, 0.0)}), "positive"),
        (lambda: flow.sample(3, along="spiral"), "spiral"),
        (lambda: flow.sample(3, guidance=2.0), "classes"),
        (lambda: flow.sample(10**15), "memory"),
        (lambda: flow.density_grid(), "two columns"),
        (lambda: conditional.sample(3), "need conditions: age, town"),
        (lambda: conditional.sample(3, given={"age": 30}), "town"),
        (lambda: conditional.sample(3, given={"age": 30, "town": "Graz"}), ""),
        (lambda: conditional.sample(3, given=frame.head(2), into="numpy"), "not numbers"),
        (lambda: conditional.log_prob(frame.drop(columns="height")), "height"),
        (lambda: conditional.encode(numbers), "columns"),
    ]:
        with pytest.raises(interflow.Error) as error:
            ask()
        assert part in str(error.value), str(error.value)
    assert flow.sample(2).shape == (2, 3)


def test_negative_numbers_are_refused(flow):
    for options in ({"n": -1}, {"n": 2, "seed": -1}, {"n": 2, "calls": -1}):
        with pytest.raises((OverflowError, ValueError, TypeError)):
            flow.sample(**options)


def test_configs_are_refused():
    for config, part in [
        ({}, "target"),
        ({"name": "a", "steps": 3}, "steps"),
        ({"name": object}, ""),
    ]:
        with pytest.raises((interflow.ConfigError, TypeError)) as error:
            interflow.train(config)
        assert part in str(error.value)
    with pytest.raises(FileNotFoundError):
        interflow.train("no/such.toml")


def test_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        interflow.Flow.load(tmp_path / "no")
    (tmp_path / "bad.safetensors").write_bytes(b"\x10" + b"x" * 200)
    with pytest.raises(interflow.Error):
        interflow.Flow.load(tmp_path / "bad.safetensors")


def test_exceptions_of_callbacks_are_raised(numbers):
    class OwnError(Exception):
        pass

    def stop(report):
        raise OwnError(report.step)

    with pytest.raises(OwnError):
        interflow.fit(numbers, steps=10**6, trials="no", callback=stop)
