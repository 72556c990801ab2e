"""What a `summary.json` of run.py says, as tables for README.md: python3 read.py results/summary.json"""

import json
import sys
from pathlib import Path


def table(head: list[str], rows: list[list]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def shown(value, digits: int = 3) -> str:
    if isinstance(value, dict):
        return f"{shown(value.get('mean'), 4)} ± {shown(value.get('standard_error'), 2)}"
    return "" if value is None else f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def outcomes(steps: dict) -> str:
    rows = [[name, step.get("state"), shown(step.get("took")), step.get("why", "")] for name, step in steps.items()]
    return table(["step", "state", "seconds", ""], rows)


def agreement(steps: dict) -> str:
    rows = []
    for name in [name for name in steps if name.startswith("agree-")]:
        step = steps[name]
        apart = [f"{it['check']} ({shown(it.get('difference')) or it.get('error', '')[:80]})" for it in step.get("apart", [])]
        of_all = f"{step.get('agree')} of {step.get('checks')}"
        rows.append([name[6:], of_all, shown(step.get("largest")), ", ".join(apart), len(step.get("not_reached", []))])
    return table(["precision", "agree", "largest difference of these", "apart", "not reached"], rows)


def training_steps(step: dict, peak: dict) -> str:
    """Milliseconds of the steps of both, the ratio to PyTorch's fastest of the same kind, and the share of the peak."""
    theirs = [it for it in step.get("pytorch", {}).get("found", []) if "peer" in it]
    flops = next((it["flops"] for it in step.get("pytorch", {}).get("found", []) if "flops" in it), None)
    ours = step.get("ours", {}).get("found", [])
    rows = []
    for it in [*ours, *theirs]:
        kind = kind_of(it)
        seconds, name = it.get("seconds"), it.get("name", it.get("network"))
        same = [other for other in theirs if kind == kind_of(other) and other.get("name", name) == it.get("name", name)]
        fastest = min((other["seconds"] for other in same if "seconds" in other), default=None)
        ratio = seconds / fastest if seconds and fastest else None
        share = flops / seconds / 1e12 / peak[kind] if flops and seconds and peak.get(kind) else None
        ms = it["error"][:60] if "error" in it else shown(1e3 * seconds)
        rows.append([name, it["peer"], ms, shown(ratio), shown(share)])
    return table(["step", "by", "ms", "over PyTorch's fastest", "share of the peak"], rows)


def kind_of(measurement: dict) -> str:
    return "bf16" if "bf16" in measurement["peer"] else "f32"


def accumulation(steps: dict) -> str:
    rows = []
    for name in [name for name in steps if name.startswith("cifar10-accumulate-")]:
        step = steps[name]
        rows.append([name[19:], shown(step.get("step_secs")), step.get("peak_memory_mib") or "", shown(step.get("loss"), 5)])
    return table(["parts of a batch", "seconds of a step", "peak of memory, MiB", "loss"], rows)


def cifar10(step: dict) -> str:
    training, evaluation = step.get("training", {}), step.get("evaluation", {})
    rows = [
        ["steps", training.get("steps")],
        ["images/s", shown(step.get("images_per_sec"), 4)],
        ["bits/dim", shown(evaluation.get("bits_per_dim"))],
        ["bits/dim of a Gaussian", shown(evaluation.get("gaussian_bits_per_dim"))],
        ["calls", evaluation.get("nfe")],
        ["sheet", step.get("sheet", {}).get("file")],
        ["peak of memory, MiB", step.get("peak_memory_mib")],
    ]
    return table(["cifar10", ""], [[name, "" if value is None else value] for name, value in rows])


def main():
    summary = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    steps = summary["steps"]
    found = steps.get("devices", {}).get("peak", {}).get("found", [])
    peak = {it["product"]: it["tflops"] for it in found if "product" in it}
    kept = ["started", "device", "threads", "rehearsal", "data", "libtorch", "seconds"]
    print(table(["", ""], [[key, summary.get(key)] for key in kept] + [[it, f"{peak[it]:.4g} TFLOP/s"] for it in peak]))
    print(outcomes(steps))
    print(agreement(steps))
    for name in ["u-net", "mlp"]:
        print(training_steps(steps.get(name, {}), peak))
    print(accumulation(steps))
    print(cifar10(steps.get("cifar10", {})))


if __name__ == "__main__":
    main()
