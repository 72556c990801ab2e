"""Measures Interflow where a GPU is, in minutes, from what `cargo xtask gpu pack` has packed.

    python3 run.py --out results --minutes 8

Every step is made of processes of their own with a time limit, so that none stops the others; `log.txt` grows as they talk,
and `summary.json` is written anew after each. README.md beside this file says what the steps are. Needs Python's standard
library; the comparisons need torch, whose libtorch the programs take unless LIBTORCH names another.
"""

import argparse
import json
import os
import platform
import tempfile
import time
import traceback
from pathlib import Path

from child import Log
from monitor import Monitor
from packed import libtorch, prepare
from steps import RESERVE, STEPS, Bench, Step

HERE = Path(__file__).resolve().parent


class Summary:
    """What is known so far, in a file that is whole at every time."""

    def __init__(self, path: Path):
        self.path, self.content = path, {"started": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "steps": {}}

    def write(self):
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self.path)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [step.name for step in STEPS]
    parser.add_argument("--packed", type=Path, default=HERE.parents[1], help="the folder of the packed pieces")
    parser.add_argument("--out", type=Path, default=Path("results"), help="where results go")
    parser.add_argument("--work", type=Path, help="where programs, data and runs lie meanwhile")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--threads", type=int, help="of the CPU; without it all, in a rehearsal one")
    parser.add_argument("--minutes", type=float, default=8.0, help="for everything; the last step gets what is left")
    parser.add_argument("--only", nargs="*", default=names, choices=names, metavar="STEP", help=", ".join(names))
    parser.add_argument("--skip", nargs="*", default=[], choices=names, metavar="STEP")
    parser.add_argument("--rehearse", action="store_true", help="everything in miniature")
    options = parser.parse_args()
    options.threads = options.threads or (1 if options.rehearse else os.cpu_count())
    return options


def environments(threads: int) -> tuple[dict, dict, str | None]:
    """For our programs, for Python, and the folder of libtorch."""
    plain = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": str(threads)}
    library, folders = libtorch()
    path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    return {**plain, "LD_LIBRARY_PATH": path}, plain, str(library) if library else None


def reserve(after: Step, steps: list[Step]) -> float:
    """The seconds that later steps are to have."""
    return sum(RESERVE.get(step.name, 0.0) for step in steps[steps.index(after) + 1 :])


def take(step: Step, bench: Bench, seconds: float) -> dict:
    """A step's part of the summary, whatever becomes of it."""
    start = time.monotonic()
    try:
        told = step.run(bench, seconds) if seconds > 5 else {"state": "skipped", "why": "no time left"}
    except Exception:
        told = {"state": "failed", "error": traceback.format_exc().splitlines()[-12:]}
    return {**told, "took": round(time.monotonic() - start, 1), "had": round(seconds, 1)}


def main():
    options = arguments()
    start = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    work = options.work or Path(tempfile.mkdtemp(prefix="interflow-gpu-"))
    log, summary = Log(options.out / "log.txt"), Summary(options.out / "summary.json")
    env, plain_env, library = environments(options.threads)
    place = prepare(options.packed, work)
    monitor = Monitor(options.out / "gpu.csv")
    rehearsal = options.rehearse
    bench = Bench(place, options.out, log, monitor, options.device, options.threads, rehearsal, env, plain_env)
    summary.content |= {
        "device": options.device,
        "threads": options.threads,
        "rehearsal": rehearsal,
        "python": platform.python_version(),
        "system": platform.platform(),
        "libtorch": library,
        "data": place.about_data,
        "unpacking_secs": round(time.monotonic() - start, 1),
    }
    summary.write()
    steps = [step for step in STEPS if step.name in options.only and step.name not in options.skip]
    for step in steps:
        left = 60 * options.minutes - (time.monotonic() - start)
        keep = reserve(step, steps) * min(1.0, options.minutes / 8)
        seconds = min(step.limit, left - keep)
        log.write(f"== {step.name}, {seconds:.0f} s of {left:.0f} s")
        summary.content["steps"][step.name] = take(step, bench, seconds)
        summary.content["seconds"] = round(time.monotonic() - start, 1)
        summary.write()
        print(f"{step.name}: {summary.content['steps'][step.name]['state']}", flush=True)
    monitor.stop()


if __name__ == "__main__":
    main()
