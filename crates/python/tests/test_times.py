"""Times and dates come back as they were written, and rows of them are read as the flow's column was."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import interflow
from interflow._times import Times

N = 120
DRAW = np.random.default_rng(6)
DAYS = pd.Series(pd.Timestamp("2021-03-01") + pd.to_timedelta(DRAW.integers(0, 900, N), unit="D"))
SECONDS = DAYS + pd.to_timedelta(DRAW.integers(1, 86_400, N), unit="s")
MICROSECONDS = SECONDS + pd.to_timedelta(DRAW.integers(1, 10**6, N), unit="us")


def in_zone(times: pd.Series, zone: str) -> pd.Series:
    return times.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")


def fitted(times) -> tuple[interflow.Flow, pd.DataFrame]:
    frame = pd.DataFrame({"x": np.linspace(0, 1, len(times)), "when": times})
    return interflow.fit(frame, steps=2, trials="no"), frame


def of_days(times: pd.Series) -> bool:
    return bool((times.dt.tz_localize(None).dt.normalize() == times.dt.tz_localize(None)).all())


@pytest.mark.parametrize(
    ("zone", "unit"), [(None, "us"), (None, "ns"), ("Europe/Berlin", "us"), ("Asia/Kolkata", "ns"), ("UTC", "us")]
)
@pytest.mark.parametrize("times", [DAYS, SECONDS, MICROSECONDS], ids=["days", "seconds", "microseconds"])
def test_frames_keep_kind_and_zone_of_times(times, zone, unit):
    times = (times if zone is None else in_zone(times, zone)).dt.as_unit(unit)
    flow, frame = fitted(times)
    samples = flow.sample(40)
    assert samples["when"].dtype == times.dtype
    assert of_days(samples["when"]) == of_days(times)
    assert np.isfinite(flow.log_prob(samples)).all() and np.isfinite(flow.log_prob(frame)).all()
    fractions = samples["when"].dt.microsecond
    assert (fractions % 1000 != 0).any() == (times.dt.microsecond != 0).any()
    assert samples["when"].between(times.min() - pd.Timedelta("900D"), times.max() + pd.Timedelta("900D")).all()


@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "America/Sao_Paulo"])
@pytest.mark.parametrize("times", [DAYS, SECONDS, MICROSECONDS], ids=["days", "seconds", "microseconds"])
def test_given_times_come_back_exactly(times, zone):
    times = times if zone is None else in_zone(times, zone)
    frame = pd.DataFrame({"x": np.linspace(0, 1, N), "when": times})
    flow = interflow.fit(frame, given=["when"], steps=2, trials="no")
    pd.testing.assert_series_equal(flow.sample(given=frame)["when"], times, check_names=False)


@pytest.mark.parametrize("digits", [1, 3, 4])
def test_fractions_have_as_many_digits_as_the_data(digits):
    flow, _ = fitted(SECONDS + pd.to_timedelta(DRAW.integers(1, 10**digits, N) * 10 ** (6 - digits), unit="us"))
    assert flow.columns[1].format == f"%Y-%m-%d %H:%M:%S%.{digits}f"
    assert (flow.sample(40)["when"].dt.microsecond % 10 ** (6 - digits) == 0).all()


def test_nanoseconds_are_cut_off_aloud(caplog):
    flow, frame = fitted(MICROSECONDS.dt.as_unit("ns") + pd.Timedelta(7, "ns"))
    assert any("microsecond" in record.getMessage() for record in caplog.records)
    assert np.isfinite(flow.log_prob(frame)).all()


@pytest.mark.parametrize("kind", ["timestamp[us][pyarrow]", "timestamp[us, tz=Europe/Berlin][pyarrow]"])
@pytest.mark.parametrize("times", [DAYS, MICROSECONDS], ids=["days", "microseconds"])
def test_frames_of_arrow_columns(times, kind):
    is_of_zone = "tz" in kind
    kind = pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin" if is_of_zone else None))
    flow, _ = fitted((in_zone(times, "Europe/Berlin") if is_of_zone else times).astype(kind))
    samples = flow.sample(20)
    assert samples["when"].dtype == kind and np.isfinite(flow.log_prob(samples)).all()


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("times", [DAYS, MICROSECONDS], ids=["days", "microseconds"])
def test_arrow_keeps_kind_and_zone_of_times(times, zone):
    _, frame = fitted(times if zone is None else in_zone(times, zone))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    flow = interflow.fit(table, steps=2, trials="no")
    samples = flow.sample(20)
    assert samples.schema.field("when").type == table.schema.field("when").type
    assert of_days(samples["when"].to_pandas()) == of_days(times)
    assert np.isfinite(flow.log_prob(samples)).all()
    assert np.array_equal(flow.log_prob(table), flow.log_prob(frame))


def test_a_loaded_flow_writes_times_with_a_zone_in_universal_time(tmp_path):
    flow, frame = fitted(in_zone(MICROSECONDS, "Europe/Berlin"))
    flow.save(tmp_path / "flow.safetensors")
    loaded = interflow.Flow.load(tmp_path / "flow.safetensors")
    assert str(loaded.sample(3)["when"].dt.tz) == loaded.sample(3, into="arrow")["when"].type.tz == "UTC"
    for kind in ("pandas", "arrow"):
        assert np.isfinite(loaded.log_prob(loaded.sample(10, into=kind))).all()
    assert (loaded.sample(10)["when"] == flow.sample(10)["when"]).all()
    assert np.array_equal(loaded.log_prob(frame), flow.log_prob(frame))


def test_dates_for_a_flow_of_points_of_time_are_midnights():
    flow, _ = fitted(MICROSECONDS)
    mixed = pd.to_datetime(["2022-01-02 00:00:00", "2022-01-02 00:00:01"])
    expected = flow.log_prob(pd.DataFrame({"x": [0.5, 0.6], "when": mixed}))
    date = datetime.date(2022, 1, 2)
    for when in (pd.to_datetime(["2022-01-02"]), [date], np.array(["2022-01-02"], dtype="datetime64[D]")):
        assert flow.log_prob(pd.DataFrame({"x": [0.5], "when": when})) == pytest.approx(expected[0], abs=1e-5)
    assert flow.log_prob({"x": [0.5], "when": date}) == pytest.approx(expected[0], abs=1e-5)
    assert flow.encode({"x": [0.5], "when": [date]}).shape == (1, 2)


def test_points_of_time_for_a_flow_of_dates_are_refused_unless_they_are_midnights():
    flow, frame = fitted(DAYS)
    problem = r"column `when` needs %Y-%m-%d, found: 202\d-\d\d-\d\d \d\d:"
    for rows in (pd.DataFrame({"x": [0.5], "when": MICROSECONDS[:1]}), {"x": [0.5], "when": SECONDS.iloc[0]}):
        for work in (flow.log_prob, flow.encode):
            with pytest.raises(interflow.DataError, match=problem):
                work(rows)
    midnights = pd.DataFrame({"x": frame["x"], "when": list(DAYS.dt.to_pydatetime())}, dtype=object)
    assert np.array_equal(flow.log_prob(midnights.astype({"x": float})), flow.log_prob(frame))


def test_finer_times_than_the_flow_was_fitted_to_are_refused():
    flow, frame = fitted(SECONDS)
    with pytest.raises(interflow.DataError, match=r"column `when` needs .*, found: .*\.\d{6}"):
        flow.log_prob(frame.assign(when=MICROSECONDS))


def test_a_zone_is_told_of_all_times_or_of_none():
    flow, frame = fitted(in_zone(SECONDS, "Europe/Berlin"))
    elsewhere = frame.assign(when=frame["when"].dt.tz_convert("Asia/Tokyo"))
    assert np.array_equal(flow.log_prob(elsewhere), flow.log_prob(frame))
    with pytest.raises(interflow.DataError, match="column `when` needs times with a time zone, found: none"):
        flow.log_prob(frame.assign(when=SECONDS))
    flow, _ = fitted(SECONDS)
    with pytest.raises(interflow.DataError, match="column `when` needs times with no time zone, found: one"):
        flow.log_prob(frame)


def test_dates_that_are_objects_come_back_as_such():
    flow, frame = fitted(pd.Series([None if i % 7 == 0 else day.date() for i, day in enumerate(DAYS)], dtype=object))
    samples = flow.sample(100)
    kinds = {type(value) for value in samples["when"] if value is not None}
    assert samples["when"].dtype == object and kinds == {datetime.date} and samples["when"].isna().any()
    assert np.isfinite(flow.log_prob(samples)).all() and np.isfinite(flow.log_prob(frame)).all()


@pytest.mark.parametrize("zone", [None, datetime.timezone.utc])
def test_times_that_are_objects_come_back_as_such(zone):
    moments = [moment.replace(tzinfo=zone) for moment in SECONDS.dt.to_pydatetime()]
    flow, _ = fitted(pd.Series(moments, dtype=object))
    samples = flow.sample(20)
    assert samples["when"].dtype == object and all(isinstance(value, datetime.datetime) for value in samples["when"])
    assert all((value.tzinfo is None) == (zone is None) for value in samples["when"])
    assert np.isfinite(flow.log_prob(samples)).all()


@pytest.mark.parametrize("format", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%fZ"])
def test_times_that_are_texts_come_back_as_they_were_written(format):
    texts = MICROSECONDS.dt.strftime(format)
    flow, _ = fitted(texts)
    samples = flow.sample(20)
    assert samples["when"].dtype == texts.dtype and samples["when"].str.len().unique() == texts.str.len().unique()
    assert pd.to_datetime(samples["when"], format=format).notna().all()
    assert np.isfinite(flow.log_prob(samples)).all()


def test_days_begin_where_the_zone_says():
    # Of these days one has no midnight.
    days = in_zone(pd.Series(pd.date_range("2018-10-30", "2018-11-10")), "America/Sao_Paulo")
    times = Times.of_pandas(days)
    assert times.are_days and times.texts()[5] == "2018-11-04" and days[5].hour == 1
    assert not Times.of_pandas(days + pd.Timedelta("1h")).are_days
    assert not Times.of_pandas(days.dt.tz_convert("UTC")).are_days
