"""The code of docs/python.md, as a reader would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "python.md"


def test_the_guide_runs(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL))
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "posterior.png").stat().st_size > 10_000
    assert sorted(path.name for path in (tmp_path / "for-torch").iterdir()) == ["velocity.py", "velocity.safetensors"]
