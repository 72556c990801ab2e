"""What nvidia-smi says of the GPU while steps run."""

import subprocess
import threading
import time
from pathlib import Path

FIELDS = ["memory.used", "utilization.gpu", "power.draw", "clocks.sm"]


class Monitor:
    """Asks once a second, into a file of its own, and remembers how much memory was taken when; does nothing without a GPU."""

    def __init__(self, path: Path):
        self.path, self.taken, self.process = path, [], None
        command = ["nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits", "-l", "1"]
        try:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except OSError:
            return
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        start = time.monotonic()
        with self.path.open("w", encoding="utf-8") as file:
            file.write(",".join(["seconds", *FIELDS]) + "\n")
            for line in self.process.stdout:
                now = time.monotonic()
                file.write(f"{now - start:.1f},{line.strip()}\n")
                file.flush()
                try:
                    self.taken.append((now, float(line.split(",")[0])))
                except ValueError:
                    pass

    def peak_mib(self, since: float) -> float | None:
        """The most memory that was seen taken since a time of `time.monotonic`."""
        return max((mib for at, mib in list(self.taken) if at >= since), default=None)

    def stop(self):
        if self.process:
            self.process.terminate()
