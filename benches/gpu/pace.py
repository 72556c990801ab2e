"""How fast a run goes, by the growth of the file of its metrics."""

import json
import threading
import time
from pathlib import Path


def newest(folder: Path) -> Path | None:
    """The newest run below a folder."""
    runs = [path for path in folder.glob("*") if (path / "config.toml").exists()]
    return max(runs, key=lambda path: path.name, default=None)


def records(run: Path | None) -> list[dict]:
    """The records of a run's metrics, without a line that is not whole yet."""
    file = run / "metrics.jsonl" if run else None
    if not file or not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


class Pace:
    """Looks twenty times a second how far the run has come that begins below a folder while this watches."""

    def __init__(self, folder: Path):
        self.folder, self.before, self.run = folder, newest(folder), None
        # Times with the last step that was recorded by then.
        self.marks: list[tuple[float, int]] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        size = 0
        while not self.over.wait(0.05):
            run = newest(self.folder)
            file = run / "metrics.jsonl" if run and run != self.before else None
            if not file or not file.exists() or file.stat().st_size == size:
                continue
            self.run, size = run, file.stat().st_size
            steps = [record["step"] for record in records(run)]
            if steps:
                self.marks.append((time.monotonic(), steps[-1]))

    def stop(self) -> dict:
        """The seconds of a step in the last three quarters of the steps seen, and where they ended."""
        self.over.set()
        self.thread.join(1)
        if not self.marks:
            return {}
        (end, last), known = self.marks[-1], records(self.run)
        told = {"steps": last, "loss": known[-1].get("loss")}
        start, first = next(mark for mark in self.marks if 4 * mark[1] >= last)
        return told | {"step_secs": (end - start) / (last - first)} if last > first else told
