"""Columns of dates and points of time, as the module takes them and as tables have them."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ._errors import DataError
from ._interflow import Column

NOT_A_TIME = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Times:
    """Dates or points of time, to the microsecond."""

    shown: np.ndarray
    """What calendar and clock show, ``[N]`` of datetime64[us]."""
    instants: np.ndarray | None
    """The same in universal time; none where nothing tells the zone."""
    are_days: bool
    """Whether all are beginnings of days."""

    @staticmethod
    def of_numpy(times: np.ndarray) -> Times:
        """Times of NumPy's, which have no zone."""
        shown = _microseconds(times)
        return Times(shown, None, _are_midnights(shown))

    @staticmethod
    def of_pandas(series: Any) -> Times:
        """A column of times of pandas."""
        zone = series.dt.tz
        shown = series.dt.tz_localize(None)
        if zone is None:
            return Times.of_numpy(shown.to_numpy())
        begun = _in_zone(shown.dt.normalize(), zone)
        are_days = bool((begun == series)[series.notna()].all())
        return Times(_microseconds(shown.to_numpy()), _microseconds(series.dt.tz_convert(None).to_numpy()), are_days)

    @staticmethod
    def of_arrow(column: Any) -> Times:
        """A column of times of Arrow."""
        import pyarrow.compute

        kind = column.type
        zone = zone_of(kind)
        if zone is None:
            unit = kind.unit if pyarrow.types.is_timestamp(kind) else "us"
            return Times.of_numpy(column.cast(pyarrow.timestamp(unit)).to_numpy())
        shown = pyarrow.compute.local_timestamp(column)
        begun = _in_arrow_zone(pyarrow.compute.floor_temporal(shown, unit="day"), zone)
        are_days = pyarrow.compute.all(pyarrow.compute.equal(begun, column)).as_py() is not False
        instants = column.cast(pyarrow.timestamp(kind.unit))
        return Times(_microseconds(shown.to_numpy()), _microseconds(instants.to_numpy()), are_days)

    @staticmethod
    def of_objects(values: Sequence[Any], missing: Sequence[bool]) -> Times | None:
        """Objects that are dates or times all, but for missing ones, and of which all or none have a zone; otherwise
        none."""
        present = [value for value, gone in zip(values, missing, strict=True) if not gone]
        if not present or not all(isinstance(value, (datetime.date, np.datetime64)) for value in present):
            return None
        have_zone = {getattr(value, "tzinfo", None) is not None for value in present}
        if len(have_zone) > 1:
            return None

        def array(read: Any) -> np.ndarray:
            read_or_missing = [NOT_A_TIME if gone else read(value) for value, gone in zip(values, missing, strict=True)]
            return np.array(read_or_missing, dtype="datetime64[us]")

        if not have_zone.pop():
            return Times.of_numpy(array(np.datetime64))
        instants = array(lambda value: np.datetime64(value.astimezone(datetime.timezone.utc).replace(tzinfo=None)))
        return Times(array(lambda value: np.datetime64(value.replace(tzinfo=None))), instants, False)

    @staticmethod
    def of_column(column: Column, values: torch.Tensor) -> Times:
        """Values ``[N]`` of a flow's column of times; none of a time of day."""
        times = column.moments(values).numpy().view("datetime64[us]")
        return Times(times, times if column.has_zone else None, column.is_of_days)

    def taken(self, places: np.ndarray) -> Times:
        """Those at these places, where -1 is none."""
        gone = places < 0

        def take(times: np.ndarray) -> np.ndarray:
            return np.append(times, NOT_A_TIME)[np.where(gone, len(times), places)]

        return Times(take(self.shown), None if self.instants is None else take(self.instants), self.are_days)

    def texts(self, column: Column | None = None) -> list[str]:
        """The times as a file has them, empty where one is missing: as the column of a flow has been written, or
        without it as dates where all are, otherwise as points of time, in universal time where they have a zone.

        Raises:
            DataError: if the column is of dates and these are not, or only one of both has a zone.
        """
        if column is None or column.format is None:
            return self._usual_texts(() if column is None else column.labels)
        if column.is_of_days:
            shown = self.shown.astype("datetime64[D]") if self.are_days else self.shown
            return _written(column, shown)
        if column.has_zone != (self.instants is not None):
            wanted, found = ("a", "none") if column.has_zone else ("no", "one")
            raise DataError(f"column `{column.name}` needs times with {wanted} time zone, found: {found}")
        return _written(column, self.shown if self.instants is None else self.instants)

    def series(self, dtype: Any) -> Any:
        """The times as a column of pandas, in the time zone of this kind of column if it has one."""
        import pandas

        if dtype is datetime.date:
            return pandas.Series(self.shown.astype("datetime64[D]").astype(object), dtype=object)
        if self.instants is not None:
            return pandas.Series(self.instants).dt.tz_localize("UTC")
        series = pandas.Series(self.shown)
        zone = zone_of(dtype)
        return series if zone is None else _in_zone(series, zone)

    def arrow(self, kind: Any) -> Any:
        """The times as a column of Arrow, in the time zone of this kind of column if it has one."""
        import pyarrow

        if self.instants is not None:
            return pyarrow.array(self.instants).cast(pyarrow.timestamp("us", "UTC"))
        column = pyarrow.array(self.shown)
        zone = zone_of(kind)
        return column if zone is None else _in_arrow_zone(column, zone)

    def _usual_texts(self, labels: Sequence[str]) -> list[str]:
        """The times as dates or points of time, and by the labels that say the same."""
        times = self.shown if self.are_days or self.instants is None else self.instants
        end = "" if self.are_days or self.instants is None else "Z"
        texts = np.datetime_as_string(times, unit="D" if self.are_days else "us").tolist()
        # The microseconds' last zeros, that all have, and the point.
        n_cut = 0 if self.are_days else _superfluous(times)
        usual = [f"{text[: len(text) - n_cut].replace('T', ' ')}{end}" for text in texts]
        said = {_time_of(label.removesuffix(end)): label for label in labels if label.endswith(end)}
        found = (said.get(time, text) for time, text in zip(times, usual, strict=True))
        return ["" if gone else text for text, gone in zip(found, np.isnat(times), strict=True)]


def zone_of(kind: Any) -> Any:
    """The time zone of a kind of column of pandas or Arrow, if it has one."""
    return getattr(getattr(kind, "pyarrow_dtype", kind), "tz", None)


def _microseconds(times: np.ndarray) -> np.ndarray:
    kept = times.astype("datetime64[us]")
    if ((kept.astype(times.dtype) != times) & ~np.isnat(times)).any():
        logging.getLogger("interflow").warning("times are kept to the microsecond: nanoseconds are cut off")
    return kept


def _are_midnights(times: np.ndarray) -> bool:
    return bool((times.astype("datetime64[D]") == times)[~np.isnat(times)].all())


def _time_of(label: str) -> np.datetime64:
    """The time that a label says, none for another text."""
    try:
        return np.datetime64(label, "us")
    except ValueError:
        return NOT_A_TIME


def _superfluous(times: np.ndarray) -> int:
    """How many letters of times' microseconds say nothing, as all have zeros there."""
    microseconds = times[~np.isnat(times)].astype(np.int64) % 1_000_000
    for n_zeros in range(6, 0, -1):
        if not (microseconds % 10**n_zeros).any():
            return 7 if n_zeros == 6 else n_zeros
    return 0


def _in_zone(series: Any, zone: Any) -> Any:
    """What calendar and clock show there; the earlier of two, and the next where none is."""
    return series.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")


def _in_arrow_zone(column: Any, zone: str) -> Any:
    import pyarrow.compute

    return pyarrow.compute.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")


def _written(column: Column, times: np.ndarray) -> list[str]:
    return column.written(torch.from_numpy(times.astype("datetime64[us]").astype(np.int64)))
