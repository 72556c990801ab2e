"""Training steps of Interflow and of PyTorch side by side, as the table of ../README.md.

    cargo build --release -p interflow-benches --bin measure
    python table.py ../../target/release/measure

Measures in turns, so that a slower minute of the machine slows all alike, and prints medians over the rounds. `python`
needs torch; libtorch's folder of libraries has to be on LD_LIBRARY_PATH for the program.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

PEERS = ["Interflow f32", "eager", "compiled", "Interflow bf16", "eager bf16", "compiled bf16"]
SIZES = ["3x64-d2-b256", "3x256-d2-b512", "3x256-d2-b4096", "4x512-d43-b4096"]


def lines(command, env=None):
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout
    return [json.loads(line) for line in output.splitlines()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", help="the program `measure`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    mlp = str(Path(__file__).with_name("mlp.py"))
    # PyTorch brings libraries of its own.
    plain = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    found = defaultdict(list)
    for round in range(options.rounds):
        for threads in map(str, options.threads):
            for size in SIZES:
                print(f"round {round + 1}, {threads} threads, {size}", file=sys.stderr)
                ours = lines([options.program, "train", "--threads", threads, "--only", size])
                theirs = lines([sys.executable, mlp, "train", "--threads", threads, "--only", size], env=plain)
                for line in ours + theirs:
                    found[line["threads"], size, line["peer"]].append(line["seconds"])
    print("| step | threads | " + " | ".join(PEERS) + " | f32 / eager | bf16 / eager bf16 | bf16 / eager f32 |")
    print("|---|---|" + "---|" * (len(PEERS) + 3))
    for (threads, size) in sorted({key[:2] for key in found}, key=lambda key: (key[0], SIZES.index(key[1]))):
        ms = {peer: statistics.median(found[threads, size, peer]) * 1e3 for peer in PEERS}
        ratios = [("Interflow f32", "eager"), ("Interflow bf16", "eager bf16"), ("Interflow bf16", "eager")]
        cells = [f"{ms[peer]:.3g}" for peer in PEERS] + [f"{ms[a] / ms[b]:.2f}" for a, b in ratios]
        print(f"| {size} | {threads} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
