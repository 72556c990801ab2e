"""Tables of all kinds as the module takes them, and its results as tables of the same kind.

The module takes a table as a pair of an array ``[N, W]`` (a tensor of float64) and its columns' names, or as a dict of
columns, each a tensor ``[N]`` or a list of texts that are empty where a value is missing.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import torch

from ._errors import DataError
from ._interflow import Column
from ._times import Times

Container = Literal["numpy", "torch", "pandas", "arrow"]
# Below it a double tells every whole number from its neighbours.
EXACT = 2.0**53
# No more different values are categories, as in the library (MOST_LABELS in crates/data/src/sheet/forms.rs).
MOST_CATEGORIES = 256
Rows = tuple[torch.Tensor, list[str] | None] | dict[str, torch.Tensor | list[str]]
Values = torch.Tensor | list[str] | Times


@dataclass(frozen=True)
class Layout:
    """How a caller writes tables: results come back alike."""

    container: Container
    dtypes: Mapping[str, Any] = field(default_factory=dict)
    """The kinds of a frame's columns by their names as texts; of objects that are dates or times the class."""
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
        return Layout("pandas", {str(name): _pandas_kind(series) for name, series in table.items()}, names)
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
        raise DataError(
            f"the table is not an array of numbers: {error}\nhint: texts and times need a data frame"
        ) from None
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def columns_of(table: Any, fitted: Sequence[Column] = ()) -> dict[str, torch.Tensor | list[str]] | None:
    """A data frame's columns, or a dict's; none for an array. Times are written as those of a flow, ``fitted``, are."""
    container = container_of(table)
    if container == "pandas":
        found = dict(zip(_titles(table.columns), (_pandas_column(series) for _, series in table.items()), strict=True))
    elif container == "arrow":
        arrow = _arrow(table)
        found = dict(zip(_titles(arrow.column_names), map(_arrow_column, arrow.columns), strict=True))
    elif isinstance(table, Mapping):
        found = dict(zip(_titles(table), map(_plain_column, table.values()), strict=True))
    else:
        return None
    known = {column.name: column for column in fitted}
    return {
        title: values.texts(known.get(title)) if isinstance(values, Times) else values
        for title, values in found.items()
    }


def categories_of(table: Any) -> set[str]:
    """The names of those columns that a data frame says to be categories, if these are few enough."""
    container = container_of(table)
    if container == "pandas":
        import pandas

        return {
            str(name)
            for name, series in table.items()
            if isinstance(series.dtype, pandas.CategoricalDtype) and series.nunique() <= MOST_CATEGORIES
        }
    if container == "arrow":
        import pyarrow

        arrow = _arrow(table)
        return {
            part.name
            for part, column in zip(arrow.schema, arrow.columns, strict=True)
            if pyarrow.types.is_dictionary(part.type) and len(column.unique()) <= MOST_CATEGORIES
        }
    return set()


def written(layout: Layout, columns: Sequence[Column], values: torch.Tensor, texts: Sequence[Sequence[str]]) -> Any:
    """Values ``[N, W]`` of columns as a table; ``texts`` are the same as a file has them."""
    if layout.container in ("numpy", "torch"):
        for column in columns:
            if column.kind != "number":
                hint = 'hint: ask for a data frame by into="pandas"'
                raise DataError(f"column `{column.name}` is not numbers: an array cannot hold it\n{hint}")
        return array(layout, values)
    kinds = layout.dtypes
    parts = {
        column.name: _values(column, values[:, place], texts[place], kinds.get(column.name))
        for place, column in enumerate(columns)
    }
    if layout.container == "arrow":
        import pyarrow

        return pyarrow.table({name: _arrow_array(part, kinds.get(name)) for name, part in parts.items()})
    import pandas

    names = layout.names
    return pandas.DataFrame({names.get(name, name): _series(part, kinds.get(name)) for name, part in parts.items()})


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


def _plain_column(values: Any) -> Values:
    """A column that is a scalar, a sequence or an array."""
    if isinstance(values, str):
        return [values]
    array = np.atleast_1d(np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values))
    if array.dtype.kind in "iu" and _are_large(array):
        return _texts(array.tolist())
    if array.dtype.kind in "biuf":
        return torch.from_numpy(array.astype(np.float64))
    if array.dtype.kind == "M":
        return Times.of_numpy(array)
    return _objects(array.tolist())


def _pandas_column(series: Any) -> Values:
    import pandas

    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return _taken(_pandas_column(pandas.Series(dtype.categories)), series.cat.codes.to_numpy())
    if pandas.api.types.is_integer_dtype(dtype) and _are_large(series.dropna()):
        return _texts(series.astype(object).tolist())
    if pandas.api.types.is_numeric_dtype(dtype) and not pandas.api.types.is_complex_dtype(dtype):
        return torch.from_numpy(series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True))
    if pandas.api.types.is_datetime64_any_dtype(dtype):
        is_of_arrow = isinstance(dtype, pandas.ArrowDtype)
        return Times.of_arrow(series.array.__arrow_array__()) if is_of_arrow else Times.of_pandas(series)
    return _objects(series.astype(object).tolist())


def _pandas_kind(series: Any) -> Any:
    """The kind of a column of pandas; of objects that are dates or times all their class."""
    if series.dtype == object and isinstance(_pandas_column(series), Times):
        are_dates = all(type(value) is datetime.date for value in series.dropna())
        return datetime.date if are_dates else datetime.datetime
    return series.dtype


def _arrow_column(column: Any) -> Values:
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
        return Times.of_arrow(column)
    return _objects(column.to_pylist())


def _taken(values: Values, places: np.ndarray) -> Values:
    """The values at these places, where -1 is none."""
    if isinstance(values, Times):
        return values.taken(places)
    if isinstance(values, torch.Tensor):
        with_hole = torch.cat([values, torch.tensor([torch.nan], dtype=torch.float64)])
        return with_hole[torch.from_numpy(places.astype(np.int64))]
    return [values[place] if place >= 0 else "" for place in places]


def _objects(values: Sequence[Any]) -> Times | list[str]:
    """Values as times where all are, otherwise as a file has them."""
    missing = [_missing(value) for value in values]
    times = Times.of_objects(values, missing)
    return _texts(values) if times is None else times


def _are_large(integers: Any) -> bool:
    """Whether doubles would not keep all digits of these."""
    return len(integers) > 0 and max(-int(integers.min()), int(integers.max())) > EXACT


def _texts(values: Sequence[Any]) -> list[str]:
    """Values as a file has them."""
    return ["" if _missing(value) else str(value) for value in values]


def _missing(value: Any) -> bool:
    # What is missing differs from itself (NaN, NaT), is None, or is pandas.NA, which has no truth.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _values(column: Column, values: torch.Tensor, texts: Sequence[str], kind: Any) -> Any:
    """A column's values as NumPy has them: whole ones where each has a probability, texts, times that were no texts."""
    if column.kind == "time" and str(column.format).startswith("%Y-%m-%d") and not _is_of_texts(kind):
        return Times.of_column(column, values)
    if column.kind in ("category", "time"):
        return [text or None for text in texts]
    if column.kind == "integer":
        return _integers(texts)
    numbers = values.numpy()
    if (column.discrete or column.given) and np.all((numbers == np.round(numbers)) & (np.abs(numbers) < EXACT)):
        return numbers.astype(np.int64)
    return numbers


def _is_of_texts(kind: Any) -> bool:
    """Whether this kind of column of pandas or Arrow holds texts."""
    return str(kind).split("[")[0] in ("object", "str", "string", "large_string", "string_view")


def _integers(texts: Sequence[str]) -> np.ndarray:
    """Integers of any size; of NumPy's kind where it holds them all."""
    integers = np.array([int(text) if text else None for text in texts], dtype=object)
    try:
        return integers.astype(np.int64)
    except (OverflowError, TypeError):
        return integers


def _series(values: Any, dtype: Any) -> Any:
    """A column of pandas, of its former kind where it can be of that."""
    import pandas

    are_categories = isinstance(dtype, pandas.CategoricalDtype)
    if are_categories and isinstance(values, list):
        return _categorical(values, dtype)
    series = values.series(dtype) if isinstance(values, Times) else pandas.Series(values)
    if dtype is datetime.date or dtype is None or series.dtype == dtype:
        return series
    if dtype is datetime.datetime:
        return series.astype(object)
    if are_categories and not series.dropna().isin(dtype.categories).all():
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


def _categorical(texts: Sequence[str | None], dtype: Any) -> Any:
    """Texts as a column of pandas of these categories, or as they stand where one is none of them."""
    import pandas

    values = _pandas_column(pandas.Series(dtype.categories))
    read: Any = float if isinstance(values, torch.Tensor) else str
    labels: Any = values.texts() if isinstance(values, Times) else values
    # A file has texts without the blanks around them.
    places = {read(label) if read is float else label.strip(): place for place, label in enumerate(labels)}
    codes = [-1 if text is None else places.get(read(text)) for text in texts]
    if None in codes:
        return pandas.Series(texts)
    return pandas.Series(pandas.Categorical.from_codes(codes, dtype=dtype))


def _are_equal(numbers: Any, others: Any) -> bool:
    """Whether two columns of pandas have the same numbers and holes: a cast may have cut them off."""
    present = numbers.notna()
    return bool((others.notna() == present).all() and (numbers[present] == others[present]).all())


def _arrow_array(values: Any, kind: Any) -> Any:
    """A column of Arrow, of its former kind where it can be of that."""
    import pyarrow

    missing = np.isnan(values) if isinstance(values, np.ndarray) and values.dtype.kind == "f" else None
    try:
        column = values.arrow(kind) if isinstance(values, Times) else pyarrow.array(values, mask=missing)
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
