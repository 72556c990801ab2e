"""Weak scaling beside PyTorch: a step of one process against one of several at as many times the batch, each on one thread.

    cargo build --release -p interflow-benches --bin together
    python scaling.py ../../target/release/together

Measures in turns and prints medians over the rounds. `python` needs torch; libtorch's folder of libraries has to be on
LD_LIBRARY_PATH for the program. The efficiency is the time of the step of one process divided by that of several.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def measured(command: list[str], n: int, env: dict) -> list[dict]:
    """What the first of `n` processes prints."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    processes = []
    for rank in range(n):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(n)} | place if n > 1 else {}
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env | own))
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"failed: {command}")
    return [json.loads(line) for line in outputs[0].splitlines()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", help="the program `together`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    plain = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    ddp = str(Path(__file__).with_name("ddp.py"))
    peers = [([options.program], dict(os.environ)), ([sys.executable, ddp], plain)]
    found = defaultdict(list)
    for round in range(options.rounds):
        for n in (1, options.processes):
            for command, env in peers:
                print(f"round {round + 1}, {n} processes, {command[-1]}", file=sys.stderr)
                for line in measured([*command, "--only", options.only], n, env):
                    found[line["name"], line["peer"], line["processes"]].append(line["seconds"])
    ms = {key: statistics.median(times) * 1e3 for key, times in found.items()}
    names = list(dict.fromkeys(name for name, _, _ in ms))
    n = options.processes
    print(f"| step | Interflow, 1 | {n} | efficiency | DDP, 1 | {n} | efficiency | Interflow / DDP, {n} |")
    print("|---" * 8 + "|")
    for name in names:
        cells = []
        for peer in ("Interflow", "DDP"):
            one, many = ms[name, peer, 1], ms[name, peer, n]
            cells += [f"{one:.3g}", f"{many:.3g}", f"{one / many:.2f}"]
        ratio = ms[name, "Interflow", n] / ms[name, "DDP", n]
        print(f"| {name.split('/')[-1]} | " + " | ".join(cells) + f" | {ratio:.2f} |")


if __name__ == "__main__":
    main()
