"""Tables and flows that the tests share. Flows are trained once, for a few steps: what they have learned is not the
question."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import interflow


def people(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Rows of all kinds: numbers, whole numbers, texts, truth values, dates and holes."""
    draw = np.random.default_rng(seed)
    age = draw.integers(18, 80, n)
    height = 170 + 8 * draw.standard_normal(n) - 0.05 * age
    frame = pd.DataFrame(
        {
            "age": age,
            "height": height,
            "weight": 0.8 * height - 70 + 6 * draw.standard_normal(n),
            "town": pd.Categorical(draw.choice(["Linz", "Ulm", "Wels"], n, p=[0.5, 0.3, 0.2])),
            "member": draw.random(n) < 0.4,
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, n), unit="D"),
        }
    )
    frame.loc[draw.random(n) < 0.1, "weight"] = np.nan
    return frame


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return people()


@pytest.fixture(scope="session")
def numbers() -> np.ndarray:
    """400 rows of three numbers that depend on each other."""
    draw = np.random.default_rng(1)
    x = draw.standard_normal(400)
    return np.stack([x, x**2 + 0.3 * draw.standard_normal(400), 10 + 2 * draw.standard_normal(400)], axis=1)


@pytest.fixture(scope="session")
def flow(numbers: np.ndarray) -> interflow.Flow:
    """A flow of the numbers."""
    return interflow.fit(numbers, steps=200)


@pytest.fixture(scope="session")
def conditional(frame: pd.DataFrame) -> interflow.Flow:
    """A flow of the people, given their ages and towns."""
    return interflow.fit(frame, given=["age", "town"], steps=60)


@pytest.fixture(scope="session")
def program() -> Path:
    """The program `interflow`, which INTERFLOW_PROGRAM names."""
    named = os.environ.get("INTERFLOW_PROGRAM")
    if not named:
        pytest.skip("INTERFLOW_PROGRAM names no program to compare with")
    return Path(named)


@pytest.fixture(scope="session")
def run(program: Path):
    """Runs the program with these arguments, and gives back what it wrote to stdout."""

    def run(*args: str | os.PathLike[str]) -> str:
        done = subprocess.run([program, *args], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
