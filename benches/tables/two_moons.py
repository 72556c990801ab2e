"""The two moons task of the simulation-based inference benchmark (Lueckmann et al. 2021): a posterior from simulations.

    python3 benches/tables/two_moons.py simulate FOLDER [N]      # FOLDER/simulations.csv, observations.csv
    interflow fit FOLDER/simulations.csv --given x1,x2 --out FOLDER/runs
    interflow sample RUN --given FOLDER/observations.csv -n 1000 -o FOLDER/samples.csv
    interflow sample RUN --given FOLDER/held_out.csv -n 100 -o FOLDER/ranks.csv
    python3 benches/tables/two_moons.py judge FOLDER

The prior of theta is uniform on [-1, 1]^2, and

    x = (r cos a + 0.25 - |t1 + t2|/sqrt 2, r sin a + (t2 - t1)/sqrt 2),  a ~ U(-pi/2, pi/2), r ~ N(0.1, 0.01^2).

Given x, (r, a) are drawn and the two thetas that they leave are equally likely: exact posterior samples, less those
outside the prior. `judge` says for each of ten observations how well a classifier tells the flow's samples from these
(C2ST of the benchmark: a perceptron, five folds; 0.5 is the best), and whether the ranks of 500 held-out parameters
among samples given their data are uniform (simulation-based calibration). Needs numpy, pandas, scikit-learn and scipy.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 11
N_OBSERVATIONS = 10
N_HELD_OUT = 500


def moon(n, rng):
    angle = rng.uniform(-np.pi / 2, np.pi / 2, n)
    radius = rng.normal(0.1, 0.01, n)
    return np.stack([radius * np.cos(angle) + 0.25, radius * np.sin(angle)], 1)


def simulate(theta, rng):
    shift = np.stack([-np.abs(theta.sum(1)), theta[:, 1] - theta[:, 0]], 1) / np.sqrt(2)
    return moon(len(theta), rng) + shift


def posterior(x, n, rng):
    """Exact posterior samples given x."""
    found = np.zeros((0, 2))
    while len(found) < n:
        total, difference = ((x - moon(4 * n, rng)) * np.sqrt(2)).T
        # |t1 + t2| = -total, t2 - t1 = difference.
        total, difference = total[total <= 0], difference[total <= 0]
        sign = rng.choice([-1.0, 1.0], len(total))
        theta = np.stack([sign * total - difference, sign * total + difference], 1) / 2
        found = np.concatenate([found, theta[np.abs(theta).max(1) <= 1]])
    return found[:n]


def table(theta, x):
    return pd.DataFrame(np.concatenate([x, theta], 1), columns=["x1", "x2", "t1", "t2"])


def write(folder, n):
    rng = np.random.default_rng(SEED)
    for name, count in [("simulations", n), ("observations", N_OBSERVATIONS), ("held_out", N_HELD_OUT)]:
        theta = rng.uniform(-1, 1, (count, 2))
        table(theta, simulate(theta, rng)).to_csv(folder / f"{name}.csv", index=False)


def c2st(ours, exact):
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    mean, deviation = exact.mean(0), exact.std(0)
    rows = (np.concatenate([ours, exact]) - mean) / deviation
    labels = np.repeat([0, 1], [len(ours), len(exact)])
    network = MLPClassifier(hidden_layer_sizes=(20, 20), max_iter=1000, solver="adam", random_state=SEED)
    folds = KFold(n_splits=5, shuffle=True, random_state=SEED)
    return cross_val_score(network, rows, labels, cv=folds, scoring="accuracy").mean()


def judge(folder):
    from scipy.stats import chisquare

    rng = np.random.default_rng(SEED + 1)
    parameters = ["t1", "t2"]
    observed = pd.read_csv(folder / "observations.csv")[["x1", "x2"]].to_numpy()
    samples = pd.read_csv(folder / "samples.csv")[parameters].to_numpy().reshape(len(observed), -1, 2)
    scores = [c2st(ours, posterior(x, len(ours), rng)) for x, ours in zip(observed, samples)]
    print("C2ST:", " ".join(f"{score:.3f}" for score in scores), f"mean {np.mean(scores):.3f}")
    held_out = pd.read_csv(folder / "held_out.csv")[parameters].to_numpy()
    ranks = pd.read_csv(folder / "ranks.csv")[parameters].to_numpy().reshape(len(held_out), -1, 2)
    for place, name in enumerate(parameters):
        rank = (ranks[:, :, place] < held_out[:, None, place]).sum(1)
        counts = np.histogram(rank, bins=np.linspace(0, ranks.shape[1] + 1, 11))[0]
        print(f"SBC {name}: p = {chisquare(counts).pvalue:.3f}, ranks {counts}")


if __name__ == "__main__":
    command, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    if command == "simulate":
        write(folder, int(sys.argv[3]) if len(sys.argv) > 3 else 10_000)
    else:
        judge(folder)
