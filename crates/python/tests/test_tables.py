"""Arrays come back as arrays, tensors as tensors, frames as frames with their columns' names and kinds."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import interflow
from interflow import _interflow


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
