"""A command with a time limit, whose output is logged as it comes."""

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Outcome:
    """How a command ended and what it printed."""

    # ok, failed, or timed out.
    state: str
    code: int | None
    seconds: float
    # The lines of JSON on stdout, and its other lines.
    found: list[dict] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    # The last lines on stderr.
    last: list[str] = field(default_factory=list)

    def numbers(self) -> dict:
        """What a summary says of it; the last words of a command that did not end well too."""
        told = {"state": self.state, "code": self.code, "seconds": round(self.seconds, 2)}
        return told if self.state == "ok" else {**told, "last_words": self.last[-12:]}


class Log:
    """A file that grows as lines come, each with the seconds since the start."""

    def __init__(self, path: Path):
        self.file = path.open("a", encoding="utf-8")
        self.start = time.monotonic()
        self.lock = threading.Lock()

    def write(self, line: str):
        with self.lock:
            self.file.write(f"{time.monotonic() - self.start:8.2f}  {line}\n")
            self.file.flush()


class Child:
    """A running command in a process group of its own."""

    def __init__(self, command: list, log: Log, env: dict):
        self.log, self.command = log, [str(word) for word in command]
        self.found, self.printed, self.last, self.start = [], [], [], time.monotonic()
        log.write("$ " + " ".join(self.command))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        self.process = subprocess.Popen(self.command, env=env, start_new_session=True, **pipes)
        readers = [(self.process.stdout, self._on_stdout), (self.process.stderr, self._on_stderr)]
        self.readers = [threading.Thread(target=self._read, args=reader, daemon=True) for reader in readers]
        for reader in self.readers:
            reader.start()

    def _read(self, pipe, on_line):
        for line in pipe:
            text = line.decode(errors="replace").rstrip()
            self.log.write(text)
            on_line(text)

    def _on_stdout(self, text: str):
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            self.found.append(value)
        else:
            self.printed.append(text)

    def _on_stderr(self, text: str):
        self.last = [*self.last[-30:], text]

    def send(self, number: signal.Signals):
        """Sends a signal to the command and all that it has started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def wait(self, limit: float, grace: float = 10) -> Outcome:
        """Waits for the end; a command that takes longer than `limit` seconds is interrupted, and killed `grace` later."""
        state = None
        for number, seconds in [(signal.SIGINT, limit), (signal.SIGKILL, grace), (None, 10)]:
            try:
                self.process.wait(max(0.1, seconds))
                break
            except subprocess.TimeoutExpired:
                state = "timed out"
                if number:
                    self.log.write(f"still running after {time.monotonic() - self.start:.0f} s: {number.name}")
                    self.send(number)
        for reader in self.readers:
            reader.join(5)
        code = self.process.poll()
        state = state or ("ok" if code == 0 else "failed")
        return Outcome(state, code, time.monotonic() - self.start, self.found, self.printed, self.last)


def run(command: list, log: Log, env: dict, limit: float) -> Outcome:
    """Runs a command to its end or its limit; one that cannot be started is an outcome too."""
    try:
        outcome = Child(command, log, env).wait(limit)
    except OSError as error:
        log.write(f"cannot start: {error}")
        outcome = Outcome("failed", None, 0.0, last=[str(error)])
    log.write(f"= {outcome.state}, code {outcome.code}, {outcome.seconds:.1f} s")
    return outcome
