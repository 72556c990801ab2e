"""The module in Rust, behind `interflow`'s own functions and classes."""

import os
from pathlib import Path
from typing import Any, final

import torch

from ._tables import Rows

__version__: str

def keep_freed_memory() -> bool: ...
def shared(tensor: torch.Tensor) -> torch.Tensor: ...
def fit(rows: Rows, args: dict[str, Any], run: dict[str, Any]) -> Flow: ...
def train(config: tuple[str, str] | str, set: list[str], run: dict[str, Any]) -> Flow: ...

@final
class Column:
    """A column of the table that a flow was fitted to."""

    name: str
    given: bool
    kind: str
    labels: list[str]
    discrete: bool
    format: str | None
    is_of_days: bool
    has_zone: bool
    def moments(self, values: torch.Tensor) -> torch.Tensor: ...
    def written(self, moments: torch.Tensor) -> list[str]: ...

@final
class Step:
    """A training step, every so many."""

    step: int
    steps: int
    loss: float
    grad_norm: float
    learning_rate: float
    step_secs: float

@final
class Validation:
    """A check on held-out points."""

    step: int
    steps: int
    objective: float

@final
class Flow:
    columns: list[Column] | None
    dim: int
    n_classes: int
    images: tuple[int, int, int, int] | None
    seed: int
    device: str
    step: int
    manifest: str
    folder: Path | None
    @staticmethod
    def load(path: str | os.PathLike[str], device: str) -> Flow: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    def sample(self, args: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None, int]: ...
    def log_prob(
        self, rows: Rows, given: Rows | torch.Tensor | None, t: float, calls: int | None, draws: int | None
    ) -> torch.Tensor: ...
    def score(self, rows: Rows, given: Rows | torch.Tensor | None, t: float) -> torch.Tensor: ...
    def encode(self, rows: Rows, given: Rows | torch.Tensor | None, calls: int | None) -> torch.Tensor: ...
    def decode(self, base: torch.Tensor, given: Rows | torch.Tensor | None, calls: int | None) -> torch.Tensor: ...
    def velocity(self, t: torch.Tensor, x: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor: ...
    def module(self) -> tuple[str, dict[str, torch.Tensor]]: ...
    def with_weights(self, weights: dict[str, torch.Tensor]) -> Flow: ...
    def export_torch(self, folder: str | os.PathLike[str]) -> None: ...
    def texts(self, values: torch.Tensor) -> list[list[str]]: ...
