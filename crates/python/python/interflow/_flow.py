"""A trained flow."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from . import _interflow
from ._errors import Error
from ._interflow import Column
from ._tables import Container, Layout, Rows, array, array_of, columns_of, container_of, layout_of, written
from .velocity import velocity_of

Calls = int | None

# What torch's inference mode makes never takes gradients, which training and scores need.
_normal = torch.inference_mode(False)


class Grid(NamedTuple):
    """A log-density on a grid of two columns."""

    x: np.ndarray
    """Values of the first column, ``[n]``, ascending."""
    y: np.ndarray
    """Values of the second column, ``[n]``, ascending."""
    log_prob: np.ndarray
    """Log-densities in nats, ``[n, n]``: that at ``(x[i], y[j])`` is ``log_prob[j, i]``, as `pcolormesh` needs it."""


class Flow:
    """A trained flow: samples, encodings, exact log-densities and scores, in the units of its table.

    Points are arrays or tensors ``[N, D]`` of the columns that the flow models, with what they are given in ``given``;
    or data frames with its columns, those that are given among them. Arrays come back as NumPy arrays, tensors as
    tensors that share the memory of the result. Log-densities carry no gradients: `to_torch` gives a module that does.
    """

    def __init__(self, core: _interflow.Flow, layout: Layout | None = None) -> None:
        """For `fit`, `train` and `Flow.load`, which make flows."""
        self._core = core
        self._layout = layout

    @staticmethod
    @_normal
    def load(path: str | os.PathLike[str], device: str = "cpu") -> Flow:
        """The flow of a run folder or of a checkpoint file; its data are not needed, and no code of it is run.

        Raises:
            NotFoundError: if there is no checkpoint.
            Error: if it is damaged, or this version cannot use it.
        """
        return Flow(_interflow.Flow.load(path, device))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint file, whole or not at all, for `Flow.load` and the program `interflow`."""
        self._core.save(path)

    @property
    def columns(self) -> list[Column]:
        """The columns of its table, those that are given before the others; empty for a flow of another target."""
        return self._core.columns or []

    @property
    def dim(self) -> int:
        """D, the number of columns that it models."""
        return self._core.dim

    @property
    def n_classes(self) -> int:
        """How many classes it tells apart; 0 for a flow without classes."""
        return self._core.n_classes

    @property
    def seed(self) -> int:
        """The seed of its samples where no other is asked for."""
        return self._core.seed

    @property
    def step(self) -> int:
        """The training step of its weights."""
        return self._core.step

    @property
    def folder(self) -> Path | None:
        """The folder of the run that trained it, if it was written (`out`)."""
        return self._core.folder

    @property
    def manifest(self) -> str:
        """All that a checkpoint says of it, as TOML."""
        return self._core.manifest

    @_normal
    def sample(
        self,
        n: int = 1,
        *,
        given: Any = None,
        seed: int | None = None,
        first: int = 0,
        calls: Calls = None,
        sde: bool | float | Mapping[str, Any] = False,
        along: Literal["linear", "trigonometric"] | None = None,
        observed: Mapping[str, float | tuple[float, float]] | None = None,
        guidance: float | None = None,
        log_prob: bool = False,
        into: Container | None = None,
    ) -> Any:
        """Draws ``n`` samples, for each row of ``given`` where there are some.

        Args:
            n: How many.
            given: What samples are given: a dict as ``{"age": 42}``, rows of a data frame or an array ``[M, K]``, of
                which each gets ``n`` samples; a class, or ``M`` of them.
            seed: The seed; sample i is a function of it and i. The flow's own without it.
            first: The number of the first sample.
            calls: Calls of the network, for a flow map.
            sde: Samples by the stochastic equation with the same law: its noise's strength, or a dict of ``epsilon``,
                ``diffusion``, ``scheme``, ``steps`` and ``tolerance``.
            along: Another path between the same ends.
            observed: Columns that were observed with noise, as ``{"height": (1.8, 0.1)}``, value and deviation.
            guidance: The weight of classifier-free guidance.
            log_prob: Whether samples come with their log-densities, which the same solve tells.
            into: ``numpy``, ``torch``, ``pandas`` or ``arrow``. Without it what the flow was fitted to, else what
                ``given`` is, else an array where it can hold the columns.

        Returns:
            The samples: an array ``[N, D]`` without what was given, or a frame of all columns; images ``[N, C, H, W]``
            of levels. With ``log_prob`` a pair of these and log-densities in nats, ``[N]``.
        """
        args = {
            "n": n,
            "given": self._conditions(given),
            "seed": seed,
            "first": first,
            "calls": calls,
            "along": along,
            "sde": _noise(sde),
            "observed": [_observation(name, value) for name, value in (observed or {}).items()],
            "guidance": guidance,
            "log_prob": log_prob,
        }
        x, known, nats, _ = self._core.sample(args)
        layout = self._layout_of_samples(given, into)
        samples = self._written(layout, x, known)
        return samples if nats is None else (samples, array(layout, nats))

    @_normal
    def log_prob(
        self, x: Any, t: float = 1.0, *, given: Any = None, calls: Calls = None, draws: int | None = None
    ) -> Any:
        """Log-densities of rows at time ``t`` in nats, ``[N]`` of float64; -inf for a row that cannot be.

        Args:
            x: The rows, ``[N, D]`` or a frame. An array has the columns in the order of samples; a wider one, of which
                the flow uses some or is given some, may come as the flow was fitted to it.
            t: The time on the path, from 0 (base) to 1 (target).
            given: What each row is given, or all are, if ``x`` does not say it.
            calls: Calls of the network, for a flow map that has learned divergences.
            draws: The mean density at so many places in the cells of categories, whole numbers, atoms, missing values
                and levels of pixels, nearer to their probability than one place, which is the default.
        """
        rows, layout = self._rows(x, given)
        return array(layout, self._core.log_prob(rows, self._conditions(given), t, calls, draws))

    @_normal
    def score(self, x: Any, t: float, *, given: Any = None) -> Any:
        """The score of rows, the gradient of their log-density at time ``t`` below 1, ``[N, D]``."""
        rows, layout = self._rows(x, given)
        return array(layout, self._core.score(rows, self._conditions(given), t))

    @_normal
    def encode(self, x: Any, *, given: Any = None, calls: Calls = None) -> Any:
        """Carries rows to the base, ``[N, D]``: nearly independent standard normal numbers where the base is normal."""
        rows, layout = self._rows(x, given)
        return array(layout, self._core.encode(rows, self._conditions(given), calls))

    @_normal
    def decode(self, z: Any, *, given: Any = None, calls: Calls = None, into: Container | None = None) -> Any:
        """Carries points ``[N, D]`` of the base to rows, as `encode` carried them there."""
        base = array_of(z)
        conditions = self._conditions(given)
        x = self._core.decode(base, conditions, calls)
        layout = layout_of(z) if into is None else Layout(into)
        return array(layout, x) if into in (None, "numpy", "torch") else self._written(layout, x, None)

    @_normal
    def density_grid(
        self,
        n: int = 100,
        *,
        bounds: tuple[tuple[float, float], tuple[float, float]] | None = None,
        t: float = 1.0,
        given: Any = None,
    ) -> Grid:
        """The log-density of a flow of two columns on a grid of ``n`` by ``n``, in the units of its table.

        Args:
            n: Values of each column.
            bounds: The least and greatest value of each column; those that hold 99 % of 2000 samples and a margin
                without it.
            t: The time on the path, from 0 (base) to 1 (target).
            given: What all points are given.
        """
        if self.dim != 2:
            raise Error(f"a grid needs a flow of two columns, found: {self.dim}")
        if bounds is None:
            samples = np.asarray(self.sample(2000, given=given, into="numpy"), dtype=np.float64)
            low, high = np.nanquantile(samples, [0.005, 0.995], axis=0)
            margin = 0.1 * (high - low)
            low, high = low - margin, high + margin
        else:
            low, high = zip(*bounds, strict=True)
        x, y = (np.linspace(low[place], high[place], n) for place in range(2))
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        return Grid(x, y, self.log_prob(points, t, given=given).reshape(n, n))

    @_normal
    def velocity(self, t: torch.Tensor, x: torch.Tensor, given: torch.Tensor | None = None) -> torch.Tensor:
        """The velocity ``[B, D]`` at times ``[B]`` and states ``[B, D]`` in the flow's own coordinates, without
        gradients.

        In these coordinates the columns of a table are standardised; ``given`` is what the network sees, ``[B, K]``
        numbers or ``[B]`` classes. `to_torch` gives the same as a module.
        """
        return self._core.velocity(t, x, given)

    @_normal
    def to_torch(self) -> torch.nn.Module:
        """The velocity as a plain `torch.nn.Module`, ``v(t, x, given)``, with copies of the weights."""
        form, weights = self._core.module()
        # A new module draws its first weights, which are not the caller's random numbers to lose.
        with torch.random.fork_rng(devices=[]):
            module: torch.nn.Module = velocity_of(json.loads(form))
        module.to(next(iter(weights.values())).dtype).load_state_dict(weights)
        return module.eval()

    @_normal
    def with_weights(self, weights: Mapping[str, torch.Tensor]) -> Flow:
        """The same flow with other weights of its velocity: the ``state_dict()`` of a module of `to_torch`.

        Raises:
            Error: if a weight is missing, superfluous or of another shape.
        """
        return Flow(self._core.with_weights(dict(weights)), self._layout)

    def export_torch(self, folder: str | os.PathLike[str]) -> None:
        """Writes `velocity.py` and `velocity.safetensors` into a folder: the velocity, without Interflow."""
        self._core.export_torch(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        """For copies and pickles: what `save` writes, the device and how tables are written."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "flow.safetensors")
            self.save(path)
            return _restored, (path.read_bytes(), self._core.device, self._layout)

    def __repr__(self) -> str:
        names = [column.name for column in self.columns if not column.given]
        what = ", ".join(names[:6] + ["…"] * (len(names) > 6)) if names else f"{self.dim} coordinates"
        given = [column.name for column in self.columns if column.given]
        return f"Flow({what}{' given ' + ', '.join(given) if given else ''}; step {self.step})"

    def _rows(self, x: Any, given: Any) -> tuple[Rows, Layout]:
        """A caller's points, and how results are written for it."""
        named = columns_of(x, self.columns)
        if named is not None:
            return named, Layout("numpy")
        rows = array_of(x)
        if self._core.images is not None and rows.ndim == 4:
            rows = rows.flatten(1)
        if rows.ndim != 2:
            raise Error(f"expected rows [N, {self.dim}], found: {list(rows.shape)}")
        columns = [column for column in self.columns if given is None or not column.given]
        names = [column.name for column in columns]
        width = len(names) or self.dim
        is_of_frame = self._layout is not None and self._layout.container in ("pandas", "arrow")
        # Columns of an array are numbered: of a wider one that the flow was fitted to it may have left some out.
        is_numbered = not is_of_frame and bool(names) and all(re.fullmatch(r"x[1-9]\d*", name) for name in names)
        if given is None and is_numbered and rows.shape[1] > width:
            return (rows, [f"x{place + 1}" for place in range(rows.shape[1])]), layout_of(x)
        if rows.shape[1] != width:
            raise Error(f"expected rows of {width} columns, found: {rows.shape[1]}")
        # With what is given among them they are a whole table, and otherwise as samples are.
        are_as_samples = is_of_frame or not any(column.given for column in columns)
        return (rows, names if names and are_as_samples else None), layout_of(x)

    def _conditions(self, given: Any) -> Rows | torch.Tensor | None:
        """What points are given, as the module takes it."""
        if given is None:
            return None
        if self.n_classes:
            return torch.as_tensor(np.asarray(given), dtype=torch.int64).reshape(-1)
        named = columns_of(given, self.columns)
        if named is not None:
            return named
        names = [column.name for column in self.columns if column.given]
        rows = array_of(given)
        if rows.ndim < 2:
            rows = rows.reshape(-1, max(len(names), 1))
        return rows, names if names and rows.shape[1] == len(names) else None

    def _layout_of_samples(self, given: Any, into: Container | None) -> Layout:
        if into is not None:
            known = self._layout
            return known if known is not None and known.container == into else Layout(into)
        if self._layout is not None:
            return self._layout
        container = container_of(given)
        if container in ("pandas", "arrow", "torch"):
            return layout_of(given)
        return Layout("numpy" if all(column.kind == "number" for column in self.columns) else "pandas")

    def _written(self, layout: Layout, x: torch.Tensor, given: torch.Tensor | None) -> Any:
        """States, and what they were given, as the caller's kind of table."""
        images = self._core.images
        if images is not None:
            channels, height, width, n_levels = images
            kind = torch.uint8 if n_levels <= 256 else torch.int32
            return array(layout, x.to(kind).reshape(-1, channels, height, width))
        columns = self.columns
        states = [column for column in columns if not column.given]
        if not columns:
            if layout.container in ("numpy", "torch"):
                return array(layout, x)
            raise Error('the flow has no columns\nhint: ask for an array by into="numpy"')
        if layout.container in ("numpy", "torch"):
            return written(layout, states, x, [])
        if given is None or len(states) == len(columns):
            return written(layout, states, x, self._core.texts(x))
        values = torch.cat([given.to(x.dtype), x], 1)
        return written(layout, columns, values, self._core.texts(values))


def _restored(checkpoint: bytes, device: str, layout: Layout | None) -> Flow:
    """The flow of a checkpoint's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "flow.safetensors")
        path.write_bytes(checkpoint)
        flow = Flow.load(path, device)
    flow._layout = layout
    return flow


def _noise(sde: bool | float | Mapping[str, Any]) -> dict[str, Any] | None:
    """The stochastic equation that an argument asks for."""
    if sde is False:
        return None
    usual = {"epsilon": 1.0, "diffusion": None, "scheme": "shark", "steps": 128, "tolerance": None}
    if isinstance(sde, Mapping):
        unknown = sorted(set(sde) - set(usual))
        if unknown:
            raise Error(f"sde has epsilon, diffusion, scheme, steps and tolerance, found: {', '.join(unknown)}")
        return {**usual, **sde}
    return usual if sde is True else {**usual, "epsilon": float(sde)}


def _observation(name: str, value: float | Sequence[float]) -> tuple[str, float, float]:
    """A column's name, its observed value, and the deviation of the noise: 0.1 where none is said."""
    if isinstance(value, Sequence):
        value, std = value
        return name, float(value), float(std)
    return name, float(value), 0.1
