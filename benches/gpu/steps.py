"""The steps of the driver: each runs programs and says what was found."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import child
from child import Child, Log, Outcome
from monitor import Monitor
from packed import Place

# Seconds that are kept at the end to save, evaluate and sample.
CLOSING = 90.0

@dataclass
class Bench:
    """What the steps share."""

    place: Place
    out: Path
    log: Log
    monitor: Monitor
    device: str
    threads: int
    # Everything in miniature, to try the driver itself.
    rehearsal: bool
    # For our programs, with libtorch on the loader's path; and for Python, which brings its own.
    env: dict
    plain_env: dict

    def ours(self, program: str, arguments: list, limit: float) -> Outcome:
        return child.run([self.place.bin / program, *arguments], self.log, self.env, limit)

    def pytorch(self, script: str, arguments: list, limit: float) -> Outcome:
        command = [sys.executable, self.place.pytorch / script, *arguments]
        return child.run(command, self.log, self.plain_env, limit)

    def interflow(self, command: str, config: str, sets: list[str], limit: float) -> Outcome:
        """`interflow train` or `experiment` with overrides of the config."""
        return self.ours("interflow", self.training(command, config, sets), limit)

    def training(self, command: str, config: str, sets: list[str]) -> list:
        options = ["--device", self.device, "--threads", self.threads, "--data", self.place.data]
        overrides = [word for key in sets for word in ("--set", key)]
        return [command, self.place.configs / config, "--out", self.place.runs, "--json", *options, *overrides]


@dataclass
class Step:
    """A step with the most seconds that it may take. `run` gets the seconds it has and returns what a summary says."""

    name: str
    limit: float
    run: Callable[[Bench, float], dict]


def left(deadline: float) -> float:
    return deadline - time.monotonic()


def devices(bench: Bench, limit: float) -> dict:
    deadline = time.monotonic() + limit
    smi = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    told = child.run(smi, bench.log, bench.plain_env, 20)
    seen = bench.ours("gpu", ["devices"], left(deadline))
    side = 512 if bench.rehearsal else 8192
    peak = bench.pytorch("peak.py", ["--device", bench.device, "--side", side, "--threads", bench.threads], left(deadline))
    return {
        "nvidia_smi": told.printed,
        "libtorch": seen.numbers() | (seen.found[-1] if seen.found else {}),
        "peak": peak.numbers() | {"found": peak.found},
        "state": "ok" if seen.state == peak.state == "ok" else "failed",
    }


def agreement(precision: str) -> Step:
    """Every check of `gpu agree`; where the program dies of one, that one has died, and another process goes on behind it."""

    def run(bench: Bench, limit: float) -> dict:
        deadline = time.monotonic() + limit
        arguments = ["agree", "--device", bench.device, "--precision", precision]
        if bench.rehearsal and precision != "f64":
            arguments += ["--only", "libtorch/"]
        names = bench.ours("gpu", [*arguments, "--list"], min(30, limit)).printed
        reports: list[dict] = []
        deaths = 0
        while len(reports) < len(names) and left(deadline) > 1 and deaths < 5:
            first = names[len(reports)]
            found = bench.ours("gpu", [*arguments, "--from", first], left(deadline))
            reports += found.found
            deaths = 0 if found.found else deaths + 1
            if found.state == "timed out":
                break
            if len(reports) < len(names):
                words = " ".join(found.last[-3:])
                reports.append({"check": names[len(reports)], "agrees": False, "error": f"died, {found.code}: {words}"})
        with (bench.out / "agreement.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(report)}\n" for report in reports)
        apart = [report for report in reports if not report["agrees"]]
        return {
            "state": "ok" if names and len(reports) == len(names) and not apart else "failed",
            "checks": len(names),
            "agree": len(reports) - len(apart),
            "not_reached": names[len(reports) :],
            "apart": apart,
            "largest": max((report["difference"] or 0.0 for report in reports if report.get("agrees")), default=None),
        }

    return Step(f"agree-{precision}", {"f64": 120, "f32": 60, "tf32": 60}[precision], run)


def digits(bench: Bench, limit: float) -> dict:
    sets = ["train.steps=4", "evaluation.n_test=4", "solver.steps=4"] if bench.rehearsal else []
    done = bench.interflow("experiment", "digits.toml", sets, limit)
    kept = ["steps", "train_secs", "bits_per_dim", "gaussian_bits_per_dim", "nfe"]
    found = done.found[-1] if done.found else {}
    return done.numbers() | {key: found[key] for key in kept if key in found}


# What makes cifar10 small enough for a CPU.
SMALL = [
    "model.width=32",
    "model.multipliers=[1, 2]",
    "model.linear_attention=[16]",
    "model.head_channels=32",
    "train.batch=8",
    "train.n_validation=16",
    "solver.steps=2",
]


def cifar10_sets(bench: Bench, sets: list[str]) -> list[str]:
    return ["train.checkpoint_every=0", "train.validate_every=0", *(SMALL if bench.rehearsal else []), *sets]


def accumulate(parts: int) -> Step:
    def run(bench: Bench, limit: float) -> dict:
        steps = 4 if bench.rehearsal else 20
        sets = [f"train.steps={steps}", f"train.log_every={steps // 4}", f"train.accumulate={parts}"]
        since = time.monotonic()
        done = bench.interflow("train", "cifar10.toml", cifar10_sets(bench, sets), limit)
        run = newest(bench.place.runs / "cifar10")
        told = done.numbers() | {"peak_memory_mib": bench.monitor.peak_mib(since)} | speed(run)
        forget(run)
        return told

    return Step(f"cifar10-accumulate-{parts}", 45, run)


def newest(folder: Path) -> Path | None:
    """The newest run below a folder."""
    runs = [path for path in folder.glob("*") if (path / "config.toml").exists()]
    return max(runs, key=lambda path: path.stat().st_mtime, default=None)


def forget(run: Path | None):
    """Removes a run's checkpoints, gigabytes each."""
    for file in run.rglob("*.safetensors") if run else []:
        file.unlink()


def records(run: Path | None) -> list[dict]:
    file = run / "metrics.jsonl" if run else None
    if not file or not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def speed(run: Path | None) -> dict:
    """The median time of a step in a run's records but the first, which is of the steps that warm up."""
    steps = [record for record in records(run) if "step_secs" in record]
    times = sorted(record["step_secs"] for record in steps[1:])
    if not times:
        return {}
    median = times[len(times) // 2]
    last = steps[-1]
    return {"steps": last["step"], "loss": last.get("loss"), "step_secs": median}


def u_net(bench: Bench, limit: float) -> dict:
    deadline = time.monotonic() + limit
    network, batch = ("u-net", 2) if bench.rehearsal else ("cifar10", 100)
    common = ["--device", bench.device, "--threads", bench.threads, "--batch", batch]
    since = time.monotonic()
    ours = bench.ours("gpu", ["steps", network, *common], left(deadline) / 2)
    peak = bench.monitor.peak_mib(since)
    variants = ["eager f32", "eager bf16", "eager bf16 channels-last"]
    if not bench.rehearsal:
        variants += ["compiled bf16", "compiled bf16 channels-last"]
    steps = 2 if bench.rehearsal else 15
    arguments = [*common, "--network", network, "--json", "--flops", "--steps", steps, "--variants", *variants]
    theirs = bench.pytorch("u_net.py", arguments, left(deadline))
    return {
        "state": "ok" if ours.state == theirs.state == "ok" else "failed",
        "ours": ours.numbers() | {"found": ours.found, "peak_memory_mib": peak},
        "pytorch": theirs.numbers() | {"found": theirs.found},
    }


def mlp(bench: Bench, limit: float) -> dict:
    """Interflow has no CUDA graphs yet; where it has, a variant of `gpu steps mlp` belongs beside the others."""
    deadline = time.monotonic() + limit
    only = ["--only", "3x64"] if bench.rehearsal else []
    common = ["--device", bench.device, "--threads", bench.threads, *only]
    ours = bench.ours("gpu", ["steps", "mlp", *common], left(deadline) / 2)
    on_cuda = bench.device != "cpu"
    peers = ["eager", "eager bf16", *(["graphed", "graphed bf16"] if on_cuda else [])]
    peers += [] if bench.rehearsal else ["compiled", "compiled bf16"]
    theirs = bench.pytorch("mlp.py", ["train", *common, "--peers", *peers], left(deadline))
    return {
        "state": "ok" if ours.state == theirs.state == "ok" else "failed",
        "ours": ours.numbers() | {"found": ours.found, "graphs": None},
        "pytorch": theirs.numbers() | {"found": theirs.found},
    }


def cifar10(bench: Bench, limit: float) -> dict:
    """Trains for what time is left but the closing, then measures bits/dim of 256 test images and draws a sheet of samples."""
    closing = 20.0 if bench.rehearsal else CLOSING
    deadline = time.monotonic() + limit
    sets = ["train.log_every=5", "evaluation.n_test=256", "evaluation.batch=256", "solver.rtol=1e-4", "solver.atol=1e-4"]
    # Half an hour's schedule would not be felt in minutes; the average forgets the beginning within a thousand steps.
    sets += ["train.accumulate=1", "train.ema_decay=0.999"]
    if bench.rehearsal:
        sets += ["evaluation.n_test=4", "train.log_every=1", "evaluation.batch=4"]
    since = time.monotonic()
    command = bench.training("train", "cifar10.toml", cifar10_sets(bench, sets))
    trainer = Child([bench.place.bin / "interflow", *command], bench.log, bench.env)
    try:
        trainer.process.wait(max(5.0, limit - closing))
    except subprocess.TimeoutExpired:
        trainer.send(signal.SIGINT)
    trained = trainer.wait(max(5.0, left(deadline) - closing / 3))
    run = newest(bench.place.runs / "cifar10")
    told = {"training": trained.numbers() | speed(run), "peak_memory_mib": bench.monitor.peak_mib(since)}
    if "step_secs" in told["training"]:
        batch = 8 if bench.rehearsal else 400
        told["images_per_sec"] = batch / told["training"]["step_secs"]
    if run is None:
        return told | {"state": "failed"}
    (bench.out / "cifar10-metrics.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records(run)))
    options = ["--device", bench.device, "--threads", bench.threads, "--data", bench.place.data, "--json"]
    sheet = bench.out / "cifar10-samples.png"
    n = 4 if bench.rehearsal else 64
    sampled = bench.ours("interflow", ["sample", run, "-n", n, "-o", sheet, *options], left(deadline))
    evaluated = bench.ours("interflow", ["evaluate", run, *options], left(deadline))
    told["sheet"] = sampled.numbers() | {"file": sheet.name if sheet.exists() else None}
    told["evaluation"] = evaluated.numbers() | (evaluated.found[-1] if evaluated.found else {})
    # Training was interrupted, as it was meant to be.
    told["state"] = "ok" if sampled.state == evaluated.state == "ok" and trained.code in (0, 130) else "failed"
    return told


STEPS = [
    Step("devices", 60, devices),
    agreement("f64"),
    agreement("f32"),
    agreement("tf32"),
    Step("digits", 60, digits),
    *(accumulate(parts) for parts in (4, 2, 1)),
    Step("u-net", 150, u_net),
    Step("mlp", 90, mlp),
    Step("cifar10", float("inf"), cifar10),
]
# Seconds that other steps leave to the last one.
RESERVE = {"cifar10": 180.0}
