"""A table of known law, and how far a flow of it is off.

    python known_law.py write 20000 law.csv     # rows for `interflow fit law.csv`
    python known_law.py judge PROGRAM RUN       # PROGRAM is the interflow binary, RUN the run folder

Three categories a, b | a, c | a, b; a number x | a with a density; y with an atom at 0 and positive numbers, given b and x; a share
z in (0, 1), given c. A fifth of x and of z is missing, whatever the row holds. Needs NumPy.
"""

import csv
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

A, B, C = ["ant", "bee", "cow"], ["no", "yes"], ["n", "e", "s", "w"]
P_A = np.array([0.5, 0.3, 0.2])
P_B = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]])
P_C = np.array(
    [
        [[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]],
        [[0.1, 0.6, 0.2, 0.1], [0.1, 0.1, 0.4, 0.4]],
        [[0.05, 0.05, 0.2, 0.7], [0.3, 0.3, 0.3, 0.1]],
    ]
)
MEAN, DEVIATION = np.array([0.0, 1.5, -1.0]), np.array([1.0, 0.5, 0.7])
P_ZERO = np.array([0.3, 0.1])
MISSING = 0.2


def draw(n, seed):
    """Rows (a, b, c, x, y, z, missing): numbers, and which of x and z are missing, [n, 2]."""
    rng = np.random.default_rng(seed)
    a = rng.choice(3, n, p=P_A)
    b = (rng.random(n) < P_B[a, 1]).astype(int)
    c = (rng.random(n)[:, None] > np.cumsum(P_C[a, b], 1)).sum(1)
    x = MEAN[a] + DEVIATION[a] * rng.normal(size=n)
    y = np.where(rng.random(n) < P_ZERO[b], 0.0, np.exp(0.5 * b + 0.5 * x + 0.4 * rng.normal(size=n)))
    z = 1 / (1 + np.exp(-(0.8 * (c - 1.5) + 0.6 * rng.normal(size=n))))
    return a, b, c, x, y, z, rng.random((n, 2)) < MISSING


def log_density(a, b, c, x, y, z, missing):
    """Of the observed part of each row and of what is missing in it, in nats."""
    normal = lambda v, m, s: -0.5 * ((v - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)
    gone_x, gone_z = missing.T
    total = np.log(P_A[a]) + np.log(P_B[a, b]) + np.log(P_C[a, b, c])
    total += np.where(gone_x, np.log(MISSING), np.log(1 - MISSING) + normal(x, MEAN[a], DEVIATION[a]))
    # Without x, log y is normal given a.
    mean = 0.5 * b + 0.5 * np.where(gone_x, MEAN[a], x)
    deviation = np.where(gone_x, np.sqrt(0.25 * DEVIATION[a] ** 2 + 0.16), 0.4)
    log_y = np.log(np.where(y > 0, y, 1.0))
    total += np.where(y > 0, np.log(1 - P_ZERO[b]) + normal(log_y, mean, deviation) - log_y, np.log(P_ZERO[b]))
    logit = np.log(z / (1 - z))
    share = normal(logit, 0.8 * (c - 1.5), 0.6) - np.log(z * (1 - z))
    return total + np.where(gone_z, np.log(MISSING), np.log(1 - MISSING) + share)


def write(path, rows, without_a=False):
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow("abcxyz")
        for a, b, c, x, y, z, (gone_x, gone_z) in zip(*rows):
            shown = ["" if without_a else A[a], B[b], C[c]]
            out.writerow(shown + ["" if gone_x else repr(float(x)), repr(float(y)), "" if gone_z else repr(float(z))])


def total_variation(first, second, n):
    shares = [np.bincount(values, minlength=n) / len(values) for values in (first, second)]
    return 0.5 * np.abs(shares[0] - shares[1]).sum()


def kolmogorov(first, second):
    first, second = (np.sort(values[~np.isnan(values)]) for values in (first, second))
    both = np.concatenate([first, second])
    place = lambda values: np.searchsorted(values, both, "right") / len(values)
    return np.abs(place(first) - place(second)).max()


def judge(program, run):
    def rows_of(*arguments):
        command = [program, *map(str, arguments), "--threads", "1"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return list(csv.DictReader(io.StringIO(text)))

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        rows = draw(4000, 1)
        write(file, rows)
        found = np.array([float(row["log_density"]) for row in rows_of("log-prob", run, file, "--draws", 64)])
        gap = log_density(*rows) - found
        print(f"log-density: too low by {gap.mean():.4f} ± {gap.std() / len(gap) ** 0.5:.4f} nats in the mean")

        samples, truth = rows_of("sample", run, "-n", 20000), draw(400_000, 2)
        category = {name: np.array([labels.index(row[name]) for row in samples]) for name, labels in zip("abc", (A, B, C))}
        number = {name: np.array([float(row[name] or "nan") for row in samples]) for name in "xyz"}
        true_number = {"x": np.where(truth[6][:, 0], np.nan, truth[3]), "y": truth[4], "z": np.where(truth[6][:, 1], np.nan, truth[5])}
        true_category = dict(zip("abc", truth))
        size = {"a": 3, "b": 2, "c": 4}
        for first, second in ("ab", "ac", "bc"):
            joint = lambda values: values[first] * size[second] + values[second]
            distance = total_variation(joint(category), joint(true_category), size[first] * size[second])
            print(f"total variation of ({first}, {second}): {distance:.4f}")
        for name in "xyz":
            within = [
                (kolmogorov(number[name][category[of] == k], true_number[name][true_category[of] == k]), f"{of} = {k}")
                for of in "abc"
                for k in range(size[of])
            ]
            distance, place = max(within)
            print(f"Kolmogorov distance of {name}: {kolmogorov(number[name], true_number[name]):.4f}, at most {distance:.4f} given {place}")
        print(f"y is 0: {(number['y'] == 0).mean():.4f}, in truth {(truth[4] == 0).mean():.4f}; least y {number['y'].min():.3g}")

        holes = draw(300, 3)
        write(file, holes, without_a=True)
        counts = np.zeros((300, 3))
        for place, row in enumerate(rows_of("impute", run, file, "-n", 200)):
            counts[place // 200, A.index(row["a"])] += 1
        guess = (counts + 0.5) / (counts.sum(1, keepdims=True) + 1.5)
        joint = np.stack([log_density(np.full(300, k), *holes[1:]) for k in range(3)], 1)
        posterior = np.exp(joint - joint.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        score = lambda p: np.log(p[np.arange(300), holes[0]]).mean()
        print(f"log-score of an imputed a: {score(guess):.4f}, of the exact conditional {score(posterior):.4f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", n, path]:
            write(path, draw(int(n), 0))
        case ["judge", program, run]:
            judge(program, run)
        case _:
            sys.exit(__doc__)
