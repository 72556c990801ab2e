"""The package and the program are the same library: equal tables give equal flows, samples and densities."""

import json

import numpy as np
import pandas as pd
import pytest

import interflow
from conftest import people


def worlds_apart(a, b) -> float:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    assert a.shape == b.shape
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(a - b)).max())


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> tuple[pd.DataFrame, str]:
    """A table and the CSV file of it."""
    path = tmp_path_factory.mktemp("table") / "people.csv"
    frame = people(500, seed=3)
    frame["member"] = frame["member"].astype(int)
    frame.to_csv(path, index=False)
    return frame, str(path)


@pytest.mark.parametrize("given", [[], ["age", "town"]])
def test_fit_sample_and_log_prob_are_the_programs(table, given, run, tmp_path):
    frame, path = table
    options = [argument for name in given for argument in ("--given", name)]
    account = run("fit", path, *options, "--set", "train.steps=120", "--out", str(tmp_path), "--json")
    of_program = interflow.Flow.load(json.loads(account)["run"])
    flow = interflow.fit(frame, given=given, set={"train.steps": 120})

    conditions = frame[given].head(40) if given else None
    n = 1 if given else 40
    samples = flow.sample(n, given=conditions, seed=5)
    arguments = ["--seed", "5", "--n", str(n)]
    if given:
        conditions.to_csv(tmp_path / "given.csv", index=False)
        arguments += ["--given", str(tmp_path / "given.csv")]
    folder = json.loads(account)["run"]
    run("sample", folder, *arguments, "--out", str(tmp_path / "samples.csv"))
    expected = pd.read_csv(tmp_path / "samples.csv", parse_dates=["joined"])
    assert list(samples.columns) == list(expected.columns)
    for name in samples.columns:
        if samples[name].dtype.kind in "if":
            assert worlds_apart(samples[name], expected[name]) < 1e-6 * (1 + expected[name].abs().max()), name
        else:
            assert (samples[name].astype(str) == expected[name].astype(str)).all(), name

    run("log-prob", folder, path, "--out", str(tmp_path / "nats.csv"))
    expected = pd.read_csv(tmp_path / "nats.csv")["log_density"]
    for found in (flow, of_program):
        assert worlds_apart(found.log_prob(frame), expected) < 1e-6


def test_scores_and_encodings_are_the_programs(flow, numbers, run, tmp_path):
    flow.save(tmp_path / "flow.safetensors")
    np.save(tmp_path / "rows.npy", numbers[:30])
    run("encode", str(tmp_path / "flow.safetensors"), str(tmp_path / "rows.npy"), "--out", str(tmp_path / "z.npy"))
    assert worlds_apart(flow.encode(numbers[:30]), np.load(tmp_path / "z.npy")) < 1e-6
    for t in (0.0, 0.4):
        run(
            "score",
            str(tmp_path / "flow.safetensors"),
            str(tmp_path / "rows.npy"),
            "--time",
            str(t),
            "--out",
            str(tmp_path / "score.npy"),
        )
        assert worlds_apart(flow.score(numbers[:30], t), np.load(tmp_path / "score.npy")) < 1e-6


def test_errors_have_the_programs_words(program, tmp_path):
    import subprocess

    done = subprocess.run([program, "inspect", str(tmp_path / "no")], capture_output=True, text=True, check=False)
    with pytest.raises(interflow.NotFoundError) as error:
        interflow.Flow.load(tmp_path / "no")
    assert done.stderr.strip() == f"error: {error.value}"
