"""Arrays come back as arrays, tensors as tensors, frames as frames with their columns' names and kinds."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import interflow
from interflow import _interflow, _tables


def test_tensors_are_shared_both_ways():
    for tensor in (
        torch.arange(12, dtype=torch.float64).reshape(3, 4),
        torch.arange(12, dtype=torch.float32).reshape(3, 4).T,
        torch.arange(12).reshape(3, 4)[:, 1:3],
        torch.zeros(0, 3),
    ):
        same = _interflow.shared(tensor)
        assert same.data_ptr() == tensor.data_ptr() and same.stride() == tensor.stride() and same.dtype == tensor.dtype
        assert torch.equal(same, tensor)
    array = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(_interflow.shared(torch.from_numpy(array)).numpy(), array)


def test_memory_outlives_its_first_owner():
    tensor = torch.arange(1000, dtype=torch.float64)
    same = _interflow.shared(tensor)
    del tensor
    torch.randn(1000, dtype=torch.float64)
    assert same.sum() == 999 * 500
    same += 1
    assert same[0] == 1


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="expected a torch.Tensor, found"):
        _interflow.shared([1.0])


def test_arrays_for_arrays_and_tensors_for_tensors(flow, numbers):
    assert isinstance(flow.sample(5), np.ndarray) and flow.sample(5).shape == (5, 3)
    found = flow.log_prob(numbers)
    assert isinstance(found, np.ndarray) and found.shape == (400,) and found.dtype == np.float64
    tensor = torch.from_numpy(numbers)
    found = flow.log_prob(tensor)
    assert isinstance(found, torch.Tensor) and found.dtype == torch.float64
    assert np.array_equal(found.numpy(), flow.log_prob(numbers))
    for result in (flow.encode(tensor), flow.score(tensor, 0.5)):
        assert isinstance(result, torch.Tensor) and result.shape == (400, 3)
    assert isinstance(flow.sample(5, into="torch"), torch.Tensor)
    assert list(flow.sample(5, into="pandas").columns) == ["x1", "x2", "x3"]
    assert isinstance(interflow.fit(tensor, steps=2).sample(3), torch.Tensor)


def test_sequences_and_odd_strides_are_arrays(flow, numbers):
    expected = flow.log_prob(numbers[:8])
    for rows in (numbers[:8].tolist(), np.asfortranarray(numbers[:8]), torch.from_numpy(numbers[:8]).T.contiguous().T):
        assert np.allclose(np.asarray(flow.log_prob(rows)), expected, atol=1e-12)
    assert np.allclose(flow.log_prob(numbers[7::-1]), expected[::-1], atol=1e-5)
    assert np.allclose(flow.log_prob(numbers[:8].astype(np.float32)), expected, atol=1e-3)


def test_a_frame_keeps_names_and_kinds(conditional, frame):
    samples = conditional.sample(given=frame.head(50))
    assert list(samples.columns) == ["age", "town", "height", "weight", "member", "joined"]
    for name in samples.columns:
        assert samples[name].dtype == frame[name].dtype, name
    assert (samples[["age", "town"]].reset_index(drop=True) == frame[["age", "town"]].head(50)).all().all()
    assert conditional.log_prob(samples).shape == (50,)


def test_a_loaded_flow_knows_its_columns(conditional, frame, tmp_path):
    conditional.save(tmp_path / "flow.safetensors")
    flow = interflow.Flow.load(tmp_path / "flow.safetensors")
    assert flow.columns == conditional.columns
    assert [column.name for column in flow.columns if column.given] == ["age", "town"]
    samples = flow.sample(3, given={"age": 42, "town": "Ulm"})
    assert (samples["age"] == 42).all() and (samples["town"] == "Ulm").all() and samples["age"].dtype.kind == "i"
    assert samples["joined"].dtype.kind == "M"
    assert np.allclose(flow.log_prob(frame), conditional.log_prob(frame), atol=1e-6, equal_nan=True)


def test_arrow_for_arrow(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    flow = interflow.fit(table, steps=2)
    samples = flow.sample(5)
    assert isinstance(samples, pa.Table) and samples.column_names == table.column_names
    for part in table.schema:
        assert samples.schema.field(part.name).type == part.type, part.name
    assert np.array_equal(flow.log_prob(table), flow.log_prob(frame), equal_nan=True)


def test_dicts_are_tables_too(numbers):
    flow = interflow.fit({"a": numbers[:, 0], "b": numbers[:, 1]}, given=["a"], steps=2, seed=4)
    assert flow.log_prob({"a": [0.5], "b": [0.2]}).shape == (1,)
    assert flow.log_prob(np.array([[0.2]]), given={"a": 0.5}) == flow.log_prob({"a": [0.5], "b": [0.2]})


def test_columns_of_an_array_are_named_by_place(numbers):
    flow = interflow.fit(numbers, given=[1], steps=5)
    assert [column.name for column in flow.columns] == ["x2", "x1", "x3"]
    whole = flow.log_prob(numbers)
    apart = flow.log_prob(numbers[:, [0, 2]], given=numbers[:, 1])
    assert np.array_equal(whole, apart)
    assert flow.sample(4, given=0.3).shape == (4, 2)
    assert flow.sample(2, given=[[0.3], [0.4]]).shape == (4, 2)


def test_bounds_and_kinds(frame):
    flow = interflow.fit(frame[["age", "height"]], bounds={"height": (0, None)}, kinds={"age": "category"}, steps=5)
    assert [column.kind for column in flow.columns] == ["category", "number"]
    samples = flow.sample(50)
    assert samples["age"].dtype == frame["age"].dtype and (samples["height"] > 0).all()


def test_a_grid_is_in_the_tables_units(numbers):
    flow = interflow.fit(pd.DataFrame(numbers[:, :2], columns=["a", "b"]), steps=100)
    grid = flow.density_grid(20, bounds=((-2, 2), (-1, 5)))
    assert grid.log_prob.shape == (20, 20) and grid.x[0] == -2 and grid.y[-1] == 5
    assert grid.log_prob[3, 7] == pytest.approx(flow.log_prob({"a": [grid.x[7]], "b": [grid.y[3]]})[0], abs=1e-4)
    assert flow.density_grid(5).log_prob.shape == (5, 5)


def test_log_densities_of_discrete_rows_sum_their_cells():
    row = np.arange(300)
    says = np.where((row % 3 == 0) == (row % 7 == 0), "no", "yes")
    frame = pd.DataFrame({"a": np.array(["ant", "bee", "cow"])[row % 3], "b": says})
    flow = interflow.fit(frame, steps=300, set={"train.optimizer.learning_rate": 1e-2, "model.hidden": [16]})
    pairs = pd.DataFrame([(a, b) for a in ("ant", "bee", "cow") for b in ("yes", "no")], columns=["a", "b"])
    of_many = flow.log_prob(pairs, draws=64)
    assert abs(np.exp(of_many).sum() - 1) < 0.05
    assert np.abs(of_many - flow.log_prob(pairs)).max() > 1e-2  # the middle is no probability here
    assert np.array_equal(flow.log_prob(pairs, draws=1), flow.log_prob(pairs))
    with pytest.raises(interflow.Error, match="1 to 65536 draws"):
        flow.log_prob(pairs, draws=0)


@pytest.mark.parametrize("columns", [[0, 2], [2, 0], [1, 2, 3]])
def test_arrays_of_some_columns_stand_by_their_places_and_whole_ones_by_their_numbers(columns):
    rows = np.random.default_rng(2).standard_normal((200, 4)) * [1, 2, 3, 4]
    flow = interflow.fit(rows, columns=columns, steps=5)
    some = flow.log_prob(rows[:, columns])
    assert np.array_equal(some, flow.log_prob(rows))
    assert np.isfinite(flow.log_prob(flow.sample(10))).all()


@pytest.mark.parametrize("options", [{"columns": [1, 0]}, {"columns": [2, 1, 0]}, {"columns": [1, 0], "given": [2]}])
def test_arrays_are_read_in_the_order_of_samples(options, tmp_path):
    rows = np.random.default_rng(2).standard_normal((300, 3)) * [1, 20, 0.05]
    rows = rows[:, : max(options["columns"] + options.get("given", [])) + 1]
    flow = interflow.fit(rows, steps=100, trials="no", **options)
    order = options["columns"]
    known = {"given": rows[:100, 2]} if "given" in options else {}
    assert [column.name for column in flow.columns if not column.given] == [f"x{place + 1}" for place in order]
    samples, nats = flow.sample(1 if known else 100, log_prob=True, **known)
    assert np.allclose(np.std(samples, 0), np.std(rows[:, order], 0), rtol=0.5)
    flow.save(tmp_path / "flow.safetensors")
    for same in (flow, interflow.Flow.load(tmp_path / "flow.safetensors")):
        assert np.allclose(same.log_prob(samples, **known), nats, atol=1e-2)
        assert np.abs(same.decode(same.encode(samples, **known), **known) - samples).max() < 0.2
    chosen = {f"x{place + 1}": rows[:, place] for place in order + options.get("given", [])}
    all_known = {"given": rows[:, 2]} if known else {}
    assert np.allclose(flow.log_prob(rows[:, order], **all_known), flow.log_prob(chosen), atol=1e-5)


def test_what_arrays_are_given_is_read_in_the_order_in_which_it_was_chosen():
    rows = np.random.default_rng(2).standard_normal((200, 3)) * [1, 20, 5]
    flow = interflow.fit(rows, given=[1, 0], steps=5, trials="no")
    expected = flow.log_prob({f"x{place + 1}": rows[:, place] for place in range(3)})
    assert np.array_equal(flow.log_prob(rows[:, [2]], given=rows[:, [1, 0]]), expected)
    assert np.array_equal(flow.log_prob(rows), expected)
    assert np.array_equal(flow.log_prob(rows[:, [2]], given=rows), expected)


def test_arrays_for_a_flow_of_a_frame_are_in_its_order():
    rows = np.random.default_rng(2).standard_normal((200, 2)) * [1, 5]
    frame = pd.DataFrame(rows, columns=["x2", "x1"])
    flow = interflow.fit(frame, steps=5)
    assert np.array_equal(flow.log_prob(rows), flow.log_prob(frame))
    with pytest.raises(interflow.Error, match="expected rows of 2 columns, found: 3"):
        flow.log_prob(np.zeros((4, 3)))


def test_a_flow_of_a_dict_writes_what_it_can(frame, numbers):
    flow = interflow.fit({"town": frame["town"].tolist(), "age": frame["age"].to_numpy()}, steps=2)
    samples = flow.sample(3)
    assert isinstance(samples, pd.DataFrame) and list(samples.columns) == ["town", "age"]
    assert isinstance(interflow.fit({"a": numbers[:, 0], "b": numbers[:, 1]}, steps=2).sample(3), np.ndarray)


def test_names_that_are_no_texts_stay():
    rows = np.random.default_rng(2).standard_normal((100, 3))
    frame = pd.DataFrame(rows, columns=[0, 7, "x"])
    samples = interflow.fit(frame, given=[7], steps=2).sample(given={7: [0.5, 0.6]})
    assert list(samples.columns) == [7, 0, "x"] and samples[7].tolist() == [0.5, 0.6]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(np.zeros((50, 2)), columns=[0, "0"]),
        {0: np.zeros(50), "0": np.zeros(50)},
        pa.table([pa.array(np.zeros(50))] * 2, names=["a", "a"]),
    ],
)
def test_names_that_are_equal_as_texts_are_refused(table):
    with pytest.raises(interflow.DataError, match="different names"):
        interflow.fit(table, steps=2)


@pytest.mark.parametrize("arrow", [False, True])
def test_numbers_are_not_cut_off_to_be_of_a_former_kind(arrow):
    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"flag": draw.random(300) < 0.5, "n": draw.integers(0, 9, 300), "byte": np.uint8(1)})
    frame["byte"] = draw.integers(0, 200, 300).astype(np.uint8)
    table = pa.Table.from_pandas(frame, preserve_index=False) if arrow else frame
    samples = interflow.fit(table, steps=2, marginals="plain").sample(50)
    for name in frame.columns:
        values = np.asarray(samples[name], dtype=np.float64)
        assert (values != np.round(values)).any(), name


def test_columns_are_of_their_former_kind_only_where_they_can_be():
    whole, half = pd.Series([0.0, 1.0, np.nan]), pd.Series([0.5, 1.0, 300.0])
    assert _tables._series(whole, "boolean").tolist()[:2] == [False, True]
    assert _tables._series(whole, pd.Int8Dtype()).dtype == "Int8"
    for values, dtype in [(whole, bool), (whole, np.int64), (half, bool), (half, np.int64), (half[2:], np.uint8)]:
        assert _tables._series(values, np.dtype(dtype)).dtype == np.float64, dtype
    assert _tables._series(pd.Series([300]), np.dtype(np.uint8)).tolist() == [300]
    integers = np.array([2**70, -1, None], dtype=object)
    assert _tables._series(integers, np.dtype(np.uint64)).tolist() == [2**70, -1, None]
    assert _tables._arrow_array(integers, pa.uint64()).to_pylist() == [2**70, -1, None]


def test_large_whole_numbers_stay_what_they_are():
    numbers = np.random.default_rng(4).integers(0, 2, 200) * 3e18 * 4
    flow = interflow.fit({"big": numbers, "x": np.arange(200.0)}, given=["big"], steps=2)
    samples = flow.sample(given={"big": [1.2e19], "x": None}, into="pandas")
    assert samples["big"].tolist() == [1.2e19]


@pytest.mark.parametrize("start", [2**44, 2**60, 2**63])
def test_large_integers_are_integers(start):
    ids = np.uint64(start) + np.random.default_rng(5).integers(0, 1000, 300).astype(np.uint64)
    frame = pd.DataFrame({"id": ids, "x": np.arange(300.0)})
    flow = interflow.fit(frame, given=["id"], steps=2)
    assert flow.columns[0].kind == "integer"
    for table in (frame, pa.Table.from_pandas(frame, preserve_index=False), {"id": ids.tolist()}):
        samples = flow.sample(given=table, into="pandas")
        assert samples["id"].dtype == np.uint64 and samples["id"].tolist() == ids.tolist()
    flow = interflow.fit(pa.Table.from_pandas(frame, preserve_index=False), steps=2)
    samples = flow.sample(50)
    assert samples["id"].type == pa.uint64() and min(samples["id"].to_pylist()) >= start - 1000


def test_texts_are_missing_only_where_the_table_says_so():
    values = np.resize(np.array(["none", "NA", "-", None, "some"], dtype=object), 200)
    frame = pd.DataFrame({"label": values, "x": np.arange(200.0)})
    for table in (frame, frame.astype({"label": "category"}), {"label": values.tolist(), "x": frame["x"]}):
        flow = interflow.fit(table, given=["label"], steps=2)
        assert sorted(flow.columns[0].labels) == ["-", "NA", "none", "some"]
    numbers = interflow.fit(pd.DataFrame({"a": [1.5, None, np.nan, 2.5, 4.0] * 40}), steps=2)
    assert numbers.sample(200, into="pandas")["a"].isna().any()


CATEGORIES = {
    "truth values": [False, True],
    "whole numbers": [1, 2, 10],
    "numbers": [0.5, 1.0, 2.5],
    "texts of digits": ["1", "02", "7"],
    "dates": pd.to_datetime(["2021-01-01", "2021-05-06", "2022-07-08"]),
    "times": pd.DatetimeIndex(["2021-01-01 00:00:00.0", "2021-05-06 10:00:00.5"]),
    "times of a zone": pd.to_datetime(["2021-01-01", "2021-05-06"]).tz_localize("Europe/Berlin"),
    "objects": [datetime.date(2021, 1, 1), datetime.date(2021, 2, 3)],
    "large": [2**60, 2**60 + 1],
}


@pytest.mark.parametrize("given", [[], ["kind"]], ids=["", "given"])
@pytest.mark.parametrize("has_holes", [False, True], ids=["", "holes"])
@pytest.mark.parametrize("categories", CATEGORIES.values(), ids=CATEGORIES)
def test_categories_of_all_kinds_come_back(categories, has_holes, given):
    codes = np.random.default_rng(8).integers(-has_holes, len(categories), 200)
    kind = pd.Categorical.from_codes(codes, pd.Index(categories), ordered=True)
    frame = pd.DataFrame({"x": np.linspace(0, 1, 200), "kind": kind})
    flow = interflow.fit(frame, given=given, steps=2, trials="no")
    assert next(column for column in flow.columns if column.name == "kind").kind == "category"
    samples = flow.sample(given=frame) if given else flow.sample(200)
    assert samples["kind"].dtype == kind.dtype
    assert set(samples["kind"].dropna()) == set(categories) and samples["kind"].isna().any() == has_holes
    assert np.isfinite(flow.log_prob(samples)).all()
    if given:
        assert samples["kind"].equals(frame["kind"])
    # Some of the categories, and values that are none, are the same to the flow.
    first = frame[frame["kind"] == categories[0]]
    expected = flow.log_prob(first)
    assert np.array_equal(flow.log_prob(first.assign(kind=first["kind"].cat.remove_unused_categories())), expected)
    assert np.array_equal(flow.log_prob(first.assign(kind=[categories[0]] * len(first))), expected)


def test_categories_may_be_said_to_be_something_else_or_left_out():
    kind = pd.Categorical(np.resize([1, 2, 10], 200))
    frame = pd.DataFrame({"x": np.linspace(0, 1, 200), "kind": kind, "other": kind, "y": np.linspace(1, 0, 200) ** 2})
    for kinds in ({"kind": "number"}, {1: "number"}):
        flow = interflow.fit(frame, kinds=kinds, drop=["other"], steps=2, trials="no")
        assert [column.kind for column in flow.columns] == ["number", "number", "number"]
        assert np.isfinite(flow.sample(20)["kind"].to_numpy(dtype=float)).all()
    flow = interflow.fit(frame, columns=["x", "y"], given=[2], steps=2, trials="no")
    assert [(column.name, column.kind) for column in flow.columns][0] == ("other", "category")


def test_dictionaries_of_arrow_are_categories():
    values = np.resize([1, 2, 10], 200)
    table = pa.table({"x": np.linspace(0, 1, 200), "kind": pa.array(values).dictionary_encode()})
    flow = interflow.fit(table, steps=2, trials="no")
    samples = flow.sample(50)
    assert flow.columns[1].labels == ["1", "2", "10"] and set(samples["kind"].to_pylist()) == {1, 2, 10}
    assert samples.schema.field("kind").type == table.schema.field("kind").type
    assert np.isfinite(flow.log_prob(samples)).all()
