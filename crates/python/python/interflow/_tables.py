"""Tables of all kinds as the module takes them, and its results as tables of the same kind.

The module takes a table as a pair of an array ``[N, W]`` (a tensor of float64) and its columns' names, or as a dict of
columns, each a tensor ``[N]`` or a list of texts that are empty where a value is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import torch

from ._errors import DataError
from ._interflow import Column

Container = Literal["numpy", "torch", "pandas", "arrow"]
# Below it a double tells every whole number from its neighbours.
EXACT = 2.0**53
Rows = tuple[torch.Tensor, list[str] | None] | dict[str, torch.Tensor | list[str]]


@dataclass(frozen=True)
class Layout:
    """How a caller writes tables: results come back alike."""

    container: Container
    dtypes: Mapping[str, Any] = field(default_factory=dict)
    """The kinds of a frame's columns by their names as texts."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """The names of a frame's columns by the same as texts."""
    device: torch.device | None = None
    """Where a tensor lies."""


def container_of(table: Any) -> Container | None:
    """What kind of table this is; none for a dict and for what is no table."""
    if isinstance(table, torch.Tensor):
        return "torch"
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(table, pandas.DataFrame):
        return "pandas"
    if hasattr(table, "__arrow_c_stream__"):
        return "arrow"
    if isinstance(table, (np.ndarray, Sequence)) and not isinstance(table, str):
        return "numpy"
    return None


def layout_of(table: Any) -> Layout:
    """How this table is written."""
    container = container_of(table)
    if container == "torch":
        return Layout("torch", device=table.device)
    if container == "pandas":
        names = {str(name): name for name in table.columns}
        return Layout("pandas", {str(name): dtype for name, dtype in table.dtypes.items()}, names)
    if container == "arrow":
        return Layout("arrow", {part.name: part.type for part in _arrow(table).schema})
    return Layout("numpy")


def array_of(table: Any) -> torch.Tensor:
    """An array, or a sequence of rows, as a tensor of float64 on the CPU; without a copy where it is one already."""
    if isinstance(table, torch.Tensor):
        return table.detach().to("cpu", torch.float64)
    try:
        array = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"the table is not an array of numbers: {error}\nhint: texts and times need a data frame") from None
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def columns_of(table: Any) -> dict[str, torch.Tensor | list[str]] | None:
    """A data frame's columns, or a dict's; none for an array."""
    container = container_of(table)
    if container == "pandas":
        titles = _titles(table.columns)
        return {title: _pandas_column(table[name]) for title, name in zip(titles, table.columns, strict=True)}
    if container == "arrow":
        arrow = _arrow(table)
        return {name: _arrow_column(arrow.column(place)) for place, name in enumerate(_titles(arrow.column_names))}
    if isinstance(table, Mapping):
        return dict(zip(_titles(table), map(_plain_column, table.values()), strict=True))
    return None


def written(layout: Layout, columns: Sequence[Column], values: torch.Tensor, texts: Sequence[Sequence[str]]) -> Any:
    """Values ``[N, W]`` of columns as a table; ``texts`` are the same as a file has them."""
    if layout.container in ("numpy", "torch"):
        for column in columns:
            if column.kind != "number":
                hint = 'hint: ask for a data frame by into="pandas"'
                raise DataError(f"column `{column.name}` is not numbers: an array cannot hold it\n{hint}")
        return array(layout, values)
    parts = {
        column.name: _values(column, values[:, place].numpy(), texts[place]) for place, column in enumerate(columns)
    }
    if layout.container == "arrow":
        import pyarrow

        kinds = layout.dtypes
        return pyarrow.table({name: _arrow_array(part, kinds.get(name)) for name, part in parts.items()})
    import pandas

    dtypes, names = layout.dtypes, layout.names
    return pandas.DataFrame({names.get(name, name): _series(part, dtypes.get(name)) for name, part in parts.items()})


def array(layout: Layout, values: torch.Tensor) -> Any:
    """Numbers as the caller's kind of array: a tensor for tensors, a NumPy array for all else."""
    if layout.container == "torch":
        return values if layout.device is None else values.to(layout.device)
    return values.numpy()


def _titles(names: Iterable[Any]) -> list[str]:
    """The names of columns as texts, which have to differ."""
    titles = [str(name) for name in names]
    if len(set(titles)) < len(titles):
        raise DataError(f"columns need different names, found: {', '.join(titles)}")
    return titles


def _arrow(table: Any) -> Any:
    import pyarrow

    return table if isinstance(table, pyarrow.Table) else pyarrow.table(table)


def _plain_column(values: Any) -> torch.Tensor | list[str]:
    """A column that is a scalar, a sequence or an array."""
    if isinstance(values, str):
        return [values]
    array = np.atleast_1d(np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values))
    if array.dtype.kind in "iu" and _are_large(array):
        return _texts(array.tolist())
    if array.dtype.kind in "biuf":
        return torch.from_numpy(array.astype(np.float64))
    if array.dtype.kind == "M":
        return _times(array)
    return _texts(array.tolist())


def _pandas_column(series: Any) -> torch.Tensor | list[str]:
    import pandas

    dtype = series.dtype
    if pandas.api.types.is_integer_dtype(dtype) and _are_large(series.dropna()):
        return _texts(series.astype(object).tolist())
    if pandas.api.types.is_numeric_dtype(dtype) and not pandas.api.types.is_complex_dtype(dtype):
        return torch.from_numpy(series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True))
    if pandas.api.types.is_datetime64_any_dtype(dtype):
        return _times(series.dt.tz_localize(None).to_numpy())
    return _texts(series.astype(object).tolist())


def _arrow_column(column: Any) -> torch.Tensor | list[str]:
    import pyarrow

    kind = column.type
    types = pyarrow.types
    if types.is_integer(kind) and _are_large(column.drop_null().to_numpy()):
        return _texts(column.to_pylist())
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
        kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        numbers = column.cast(pyarrow.float64(), safe=False).to_numpy()
        return torch.from_numpy(np.array(numbers, dtype=np.float64))
    if types.is_timestamp(kind) or types.is_date(kind):
        return _times(column.cast(pyarrow.timestamp("us"), safe=False).to_numpy())
    return _texts(column.to_pylist())


def _are_large(integers: Any) -> bool:
    """Whether doubles would not keep all digits of these."""
    return len(integers) > 0 and max(-int(integers.min()), int(integers.max())) > EXACT


def _texts(values: Sequence[Any]) -> list[str]:
    """Values as a file has them."""
    return ["" if _missing(value) else str(value) for value in values]


def _missing(value: Any) -> bool:
    # What is missing differs from itself (NaN, NaT), is None, or is pandas.NA, which has no truth.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _times(times: np.ndarray) -> list[str]:
    """Times of NumPy: days where they are midnights all, seconds otherwise."""
    missing = np.isnat(times)
    days = times.astype("datetime64[D]")
    are_days = (days.astype(times.dtype) == times)[~missing].all()
    texts = np.datetime_as_string(days if are_days else times.astype("datetime64[s]"))
    return ["" if gone else str(text).replace("T", " ") for text, gone in zip(texts, missing, strict=True)]


def _values(column: Column, numbers: np.ndarray, texts: Sequence[str]) -> Any:
    """A column's values as NumPy has them: whole ones where each has a probability, texts, times."""
    if column.kind == "time":
        return np.array([text or "NaT" for text in texts], dtype="datetime64[s]") if _are_dates(texts) else list(texts)
    if column.kind == "category":
        return [text or None for text in texts]
    if column.kind == "integer":
        return _integers(texts)
    if (column.discrete or column.given) and np.all((numbers == np.round(numbers)) & (np.abs(numbers) < EXACT)):
        return numbers.astype(np.int64)
    return numbers


def _integers(texts: Sequence[str]) -> np.ndarray:
    """Integers of any size; of NumPy's kind where it holds them all."""
    integers = np.array([int(text) if text else None for text in texts], dtype=object)
    try:
        return integers.astype(np.int64)
    except (OverflowError, TypeError):
        return integers


def _are_dates(texts: Sequence[str]) -> bool:
    """Whether the texts are dates as NumPy reads them, with or without a time of day."""
    try:
        np.array([text or "NaT" for text in texts], dtype="datetime64[s]")
    except ValueError:
        return False
    return True


def _series(values: Any, dtype: Any) -> Any:
    """A column of pandas, of its former kind where it can be of that."""
    import pandas

    series = pandas.Series(values)
    if dtype is None or series.dtype == dtype:
        return series
    is_numeric = pandas.api.types.is_numeric_dtype(dtype)
    if is_numeric and isinstance(values, list):
        # Categories that were numbers.
        series = pandas.to_numeric(series)
    try:
        former = series.astype(dtype)
    except (OverflowError, TypeError, ValueError):
        # Holes and larger integers have no place among integers of NumPy's.
        return series
    is_exact = not is_numeric or pandas.api.types.is_float_dtype(dtype) or _are_equal(series, former)
    return former if is_exact else series


def _are_equal(numbers: Any, others: Any) -> bool:
    """Whether two columns of pandas have the same numbers and holes: a cast may have cut them off."""
    present = numbers.notna()
    return bool((others.notna() == present).all() and (numbers[present] == others[present]).all())


def _arrow_array(values: Any, kind: Any) -> Any:
    """A column of Arrow, of its former kind where it can be of that."""
    import pyarrow

    missing = np.isnan(values) if isinstance(values, np.ndarray) and values.dtype.kind == "f" else None
    try:
        column = pyarrow.array(values, mask=missing)
    except OverflowError:
        # Integers beyond those of 64 bits with a sign.
        column = pyarrow.array([None if value is None else Decimal(value) for value in values])
    if kind is None or column.type == kind:
        return column
    if pyarrow.types.is_boolean(kind) and not set(column.drop_null().to_pylist()) <= {0, 1}:
        return column
    try:
        if pyarrow.types.is_dictionary(kind):
            coded = column.cast(kind.value_type).dictionary_encode()
            return pyarrow.DictionaryArray.from_arrays(coded.indices.cast(kind.index_type), coded.dictionary)
        return column.cast(kind)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
        return column
