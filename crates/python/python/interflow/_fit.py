"""From a table or a config to a flow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from . import _interflow
from ._flow import Flow
from ._interflow import Step, Validation
from ._tables import Rows, array_of, categories_of, columns_of, container_of, layout_of

Callback = Callable[[Step | Validation], object]


@torch.inference_mode(False)
def fit(
    table: Any,
    *,
    given: Sequence[str | int] = (),
    columns: Sequence[str | int] | None = None,
    drop: Sequence[str | int] = (),
    steps: int | None = None,
    seed: int | None = None,
    callback: Callback | None = None,
    kinds: Mapping[str | int, str] | None = None,
    bounds: Mapping[str | int, str | tuple[float | None, float | None]] | None = None,
    marginals: Literal["fitted", "plain"] = "fitted",
    missing: Literal["keep", "drop", "refuse"] = "keep",
    constant: Literal["keep", "drop", "refuse"] = "keep",
    dependent: Literal["drop", "keep", "refuse"] = "drop",
    fill: Literal["auto", "yes", "no"] = "auto",
    dequantise: Sequence[str | int] = (),
    trials: Literal["auto", "no"] = "auto",
    device: str = "cpu",
    threads: int | Literal["auto"] | None = None,
    out: str | os.PathLike[str] | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002
) -> Flow:
    """Fits a flow to the rows of a table; network and training are chosen by the table's size, as `interflow fit` does.

    Columns are named as in the data frame; those of an array ``[N, W]`` by their places from 0.

    Args:
        table: An array or a tensor ``[N, W]``, a data frame of pandas, a table of Arrow or whatever exports one
            (polars), or a dict of columns. A frame's columns may hold texts among a few, dates and times, and miss
            values.
        given: The columns that the flow is given: it models the others, given these.
        columns: The columns to use, in the order in which samples have them; all without it.
        drop: The columns to leave out.
        steps: Training steps; chosen from N without it.
        seed: The seed of every random number; 0 without it.
        callback: Is called with a `Step` every so many steps and a `Validation` after each held-out check. An exception
            of its stops the training and is raised here.
        kinds: What columns are, where it is not what they look like: ``number``, ``lattice``, ``lattice:0.25``,
            ``category``, ``time`` or ``time:%d.%m.%Y``.
        bounds: What values of a column lie between, as ``(0, None)`` or ``"0.."``.
        marginals: How numbers become coordinates: by a law that is fitted to each column, or by its mean and deviation.
        missing: What becomes of missing values: one value more, or their rows dropped or refused.
        constant: What becomes of constant columns.
        dependent: What becomes of columns that are linear functions of others.
        fill: Whether the flow learns to fill holes too; where values are missing, without it.
        dequantise: Integer columns that get noise of one quantum, with ``marginals="plain"``.
        trials: Whether short trainings choose how the table is trained on, where the training is long enough.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads of a tensor operation while training.
        out: A folder for the run's own folder with its checkpoints and metrics; without it all stays in memory.
        set: Single keys of the experiment's config, as ``{"train.batch": 512}``.

    Returns:
        The trained flow, which writes samples as this table is written; after a dict as a loaded flow does.

    Raises:
        DataError: if the table does not go with the options.
        TrainingError: if training diverges.
        KeyboardInterrupt: on Ctrl-C, after the state is saved where there is a folder.
    """
    named = columns_of(table)
    rows: Rows = (array_of(table), None) if named is None else named
    args: dict[str, Any] = {
        "columns": None if columns is None else _names(columns, named),
        "drop": _names(drop, named),
        "given": _names(given, named),
        "kinds": _by_name(kinds or {}, named),
        "bounds": {name: _bounds(pair) for name, pair in _by_name(bounds or {}, named).items()},
        "marginals": marginals,
        "missing": missing,
        "constant": constant,
        "dependent": dependent,
        "fill": fill,
        "dequantise": _names(dequantise, named),
        "trials": trials,
        "steps": steps,
        "seed": seed,
        "set": _overrides(set),
    }
    args["kinds"] = {**_kinds(categories_of(table), list(named or {}), args), **args["kinds"]}
    run = _run(device=device, threads=threads, out=out, callback=callback)
    layout = None if container_of(table) is None else layout_of(table)
    return Flow(_interflow.fit(rows, args, run), layout)


@torch.inference_mode(False)
def train(
    config: Mapping[str, Any] | str | os.PathLike[str],
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002
    callback: Callback | None = None,
    data: str | os.PathLike[str] = "data",
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    threads: int | Literal["auto"] | None = None,
) -> Flow:
    """Trains what a config says: a dict of its tables and keys, or a TOML file such as those in `configs/`.

    Args:
        config: The config, or the path of its file. A dict may leave out all but `target` and `model`.
        set: Single keys set anew, as ``{"train.steps": 100}``.
        callback: As in `fit`.
        data: The folder of the data sets.
        out: A folder for the run's own folder with its checkpoints and metrics; without it all stays in memory.
        resume: A run folder or a checkpoint to go on from.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads of a tensor operation while training, whatever the config says.

    Raises:
        ConfigError: for an unknown key, a value of the wrong type, or one that makes no sense.
        NotFoundError: if there is no such file.
    """
    text: tuple[str, str] | str
    if isinstance(config, Mapping):
        text = json.dumps(_stated(config), default=os.fspath)
    else:
        text = (Path(config).read_text(encoding="utf-8"), os.fspath(config))
    run = _run(data=data, device=device, threads=threads, out=out, resume=resume, callback=callback)
    return Flow(_interflow.train(text, _overrides(set), run))


def _run(**run: Any) -> dict[str, Any]:
    threads = run.pop("threads")
    usual = {"data": "data", "out": None, "resume": None}
    return {**usual, **run, "threads": None if threads is None else str(threads)}


def _names(columns: Sequence[str | int], named: Mapping[str, Any] | None) -> list[str]:
    """Columns by their names, or by their places from 0."""
    if isinstance(columns, (str, int)):
        columns = [columns]
    return [_name(column, named) for column in columns]


def _name(column: str | int, named: Mapping[str, Any] | None) -> str:
    is_name = isinstance(column, str) or (named is not None and str(column) in named)
    return str(column) if is_name else f"#{int(column) + 1}"


def _by_name(options: Mapping[str | int, Any], named: Mapping[str, Any] | None) -> dict[str, Any]:
    return {_name(column, named): option for column, option in options.items()}


def _kinds(categories: set[str], names: list[str], args: Mapping[str, Any]) -> dict[str, str]:
    """That columns are categories which the table says to be such; of those in use, and where nothing else is said."""
    kinds = {}
    for place, name in enumerate(names):
        own = {name, f"#{place + 1}"}
        is_used = args["columns"] is None or own & {*args["columns"], *args["given"]}
        if name in categories and is_used and not own & {*args["drop"], *args["kinds"]}:
            kinds[name] = "category"
    return kinds


def _bounds(pair: str | tuple[float | None, float | None]) -> str:
    if isinstance(pair, str):
        return pair
    return "..".join("" if bound is None else repr(float(bound)) for bound in pair)


def _overrides(keys: Mapping[str, Any] | None) -> list[str]:
    """Keys as the command line sets them; numbers, texts, truth values and lists are the same in JSON and TOML."""
    return [f"{key}={json.dumps(value, default=os.fspath)}" for key, value in (keys or {}).items()]


def _stated(config: Any) -> Any:
    """A config without what is none, which TOML has no word for."""
    if isinstance(config, Mapping):
        return {str(key): _stated(value) for key, value in config.items() if value is not None}
    return config
