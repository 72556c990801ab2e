"""A bar for training, in a terminal or a notebook."""

from __future__ import annotations

from typing import Any

from ._interflow import Step, Validation


class ProgressBar:
    """A callback that shows training as a bar of tqdm: ``interflow.fit(table, callback=interflow.ProgressBar())``."""

    def __init__(self, **options: Any) -> None:
        """A bar; ``options`` go to tqdm."""
        try:
            from tqdm.auto import tqdm
        except ModuleNotFoundError:
            raise ImportError("a progress bar needs tqdm\nhint: pip install tqdm") from None
        self._begin = lambda steps: tqdm(total=steps, unit="step", **options)
        self._bar: Any = None
        self._numbers: dict[str, str] = {}

    def __call__(self, report: Step | Validation) -> None:
        """Shows a step, or a check on held-out points."""
        if self._bar is None:
            self._bar = self._begin(report.steps)
        if isinstance(report, Step):
            self._numbers["loss"] = f"{report.loss:.3f}"
        else:
            self._numbers["held out"] = f"{report.objective:.3f}"
        self._bar.set_postfix(self._numbers, refresh=False)
        self._bar.update(report.step - self._bar.n)
        if report.step == report.steps:
            self._bar.close()
