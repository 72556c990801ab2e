"""Training and log-densities through Python beside the program: processor seconds of the same work on one thread.

    python speed.py target/release/interflow [ROUNDS]

Both train by the config that a fit of a table has written, and score the same rows. What starting, reading and writing cost is not
compared: the seconds are those of much work less those of little, in turns. The least of the rounds is compared, since what else
the machine does only adds to it; all are printed.
Needs the wheel of `cargo xtask python --release`, NumPy, and a program of the same sources.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import interflow
import numpy as np
import torch

STEPS = (200, 3200)
ROWS = (200, 8200)


class Program:
    """The program, whose work is done in a process of its own."""

    used = resource.RUSAGE_CHILDREN

    def __init__(self, path, folder):
        self.path, self.folder = path, folder
        self.run = Path(self("fit", folder / "table.csv", "--trials", "no", "--set", "train.steps=300", "--out", folder))

    def __call__(self, *arguments):
        command = [self.path, *map(str, arguments), "--threads", "1"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.split("\n")[0]

    def train(self, steps):
        self("train", self.run / "config.toml", "--set", f"train.steps={steps}", "--out", self.folder / "runs")

    def score(self, rows):
        file = self.folder / f"{len(rows)}.csv"
        np.savetxt(file, rows, delimiter=",", header="a,b,c,d,e,f", comments="")
        self("log-prob", self.run, file, "-o", self.folder / "scored.csv")


class Package:
    """The Python package, in this process."""

    used = resource.RUSAGE_SELF

    def __init__(self, run):
        torch.set_num_threads(1)
        interflow.keep_freed_memory()
        self.run, self.flow = run, interflow.Flow.load(run)

    def train(self, steps):
        interflow.train(self.run / "config.toml", set={"train.steps": steps}, threads=1, callback=lambda report: None)

    def score(self, rows):
        self.flow.log_prob(rows)


def seconds(who, work, size):
    """The processor seconds that `work` of a size takes."""
    before = resource.getrusage(who.used)
    work(size)
    after = resource.getrusage(who.used)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    folder = Path(tempfile.mkdtemp())
    draw = np.random.default_rng(0)
    table = draw.normal(size=(20_000, 6)) @ draw.normal(size=(6, 6)) + draw.standard_exponential((20_000, 1))
    np.savetxt(folder / "table.csv", table, delimiter=",", header="a,b,c,d,e,f", comments="")
    program = Program(sys.argv[1], folder)
    package = Package(program.run)
    for name, work, little, much in [
        (f"{STEPS[1] - STEPS[0]} steps of training", "train", *STEPS),
        (f"log-densities of {ROWS[1] - ROWS[0]} rows", "score", *(table[:n] for n in ROWS)),
    ]:
        times = [[], []]
        for _ in range(rounds):
            for who, found in zip((program, package), times):
                does = getattr(who, work)
                found.append(seconds(who, does, much) - seconds(who, does, little))
        by_program, by_package = map(min, times)
        print(f"{name}: program {by_program:.2f} s, Python {by_package:.2f} s, ratio {by_package / by_program:.3f}")
        print("   ", [[round(time, 2) for time in found] for found in times], flush=True)


if __name__ == "__main__":
    main()
