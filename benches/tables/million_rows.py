"""A table of many rows and ten columns of every kind, to measure reading, sampling and scoring on.

    python million_rows.py 1000000 million.csv

Four numbers (one in a thousand of the third is missing, the fourth is zero in a third of the rows), cents, a count, a date, a time to
the second, a category of five and one of two hundred. Needs NumPy. How long a command takes and how much memory it needs at most is
what `/usr/bin/time -v` says of it.
"""

import sys

import numpy as np

BLOCK = 100_000


def block(n, rng):
    """The fields of `n` rows, column by column."""
    normal = rng.normal(size=(n, 4))
    height = 170 + 10 * normal[:, 0]
    weight = 0.8 * (height - 100) + 8 * normal[:, 1]
    gap = np.where(rng.random(n) < 1e-3, "", np.char.mod("%.6f", normal[:, 2] + 0.5 * normal[:, 0]))
    rain = np.where(rng.random(n) < 1 / 3, 0.0, np.exp(normal[:, 3]))
    day = np.datetime64("2015-01-01") + rng.integers(0, 3652, n)
    second = np.datetime64("2015-01-01T00:00:00") + rng.integers(0, 315_532_800, n)
    town = np.char.mod("town %d", np.minimum(rng.geometric(0.02, n), 200))
    return [
        np.char.mod("%.6f", height),
        np.char.mod("%.6f", weight),
        gap,
        np.char.mod("%.6g", rain),
        np.char.mod("%.2f", rng.gamma(2.0, 20.0, n)),
        np.char.mod("%d", rng.poisson(7, n)),
        day.astype(str),
        second.astype(str),
        np.array(["red", "green", "blue", "black", "white"])[rng.integers(0, 5, n)],
        town,
    ]


def main():
    n, path = int(sys.argv[1]), sys.argv[2]
    rng = np.random.default_rng(0)
    with open(path, "w") as out:
        out.write("height,weight,gap,rain,price,count,day,time,colour,town\n")
        for start in range(0, n, BLOCK):
            columns = block(min(BLOCK, n - start), rng)
            out.writelines(",".join(row) + "\n" for row in zip(*columns))


if __name__ == "__main__":
    main()
