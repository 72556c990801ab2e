"""What concerns the whole process: imports, threads, signals, the log."""

import copy
import logging
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import torch

import interflow


def python(code: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize("first", ["import torch, interflow", "import interflow, torch"])
def test_imports_in_both_orders_share_one_libtorch(first):
    done = python(
        f"""
        {first}
        import numpy as np
        flow = interflow.fit(np.random.default_rng(0).standard_normal((100, 2)), steps=3)
        assert torch.isfinite(flow.log_prob(torch.zeros(3, 2))).all()
        libraries = {{line.split()[-1] for line in open("/proc/self/maps") if "libtorch_cpu" in line}}
        print(len(libraries), *libraries)
        """
    )
    assert done.returncode == 0, done.stderr
    if sys.platform == "linux":
        count, library = done.stdout.split()
        assert count == "1" and "site-packages/torch/lib" in library


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is asked")
def test_freed_memory_is_kept_when_asked_for():
    done = python(
        """
        import torch, interflow

        def resident():
            pages = int(open("/proc/self/statm").read().split()[1])
            return pages * 4096

        def grown():
            before = resident()
            torch.ones(64 << 18)
            return resident() - before

        print(grown())
        assert interflow.keep_freed_memory()
        print(grown())
        """
    )
    assert done.returncode == 0, done.stderr
    back, kept = map(int, done.stdout.split())
    assert back < 16 << 20 and kept > 48 << 20


def test_without_the_right_torch_the_error_says_which():
    for torch_py, found in [("raise ModuleNotFoundError(name='torch')", ""), ("__version__ = '2.4.0+cpu'", "2.4.0")]:
        done = python(
            f"""
            import sys, tempfile, pathlib
            folder = pathlib.Path(tempfile.mkdtemp())
            (folder / "torch.py").write_text({torch_py!r})
            sys.path.insert(0, str(folder))
            import interflow
            """
        )
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-2:]
        assert last[0].startswith("ImportError: interflow needs torch 2.11.0") and found in last[0]
        assert last[1] == "hint: pip install torch==2.11.0"


def test_other_threads_go_on_while_the_library_works(numbers):
    counts = []
    done = threading.Event()

    def count():
        n = 0
        while not done.is_set():
            n += 1
            time.sleep(0.001)
        counts.append(n)

    thread = threading.Thread(target=count)
    thread.start()
    began = time.perf_counter()
    interflow.fit(numbers, steps=400)
    took = time.perf_counter() - began
    done.set()
    thread.join()
    assert counts[0] > 100 * took, (counts, took)


def test_one_flow_serves_several_threads(flow, numbers):
    expected = flow.log_prob(numbers[:50])
    found = [None] * 4

    def work(place):
        found[place] = flow.log_prob(numbers[:50])

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(each, expected) for each in found)


INTERRUPTED = """
import os, signal, sys, threading, time
# What a shell starts in the background ignores interrupts from the start.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, interflow
rows = np.random.default_rng(0).standard_normal((300, 3))
flow = interflow.fit(rows, steps=3)
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
began = time.perf_counter()
try:
    {work}
except KeyboardInterrupt:
    print(time.perf_counter() - began)
assert flow.sample(2).shape == (2, 3)
"""


@pytest.mark.parametrize(
    "work",
    [
        "interflow.fit(rows, steps=10**6)",
        "flow.sample(3_000_000)",
        "interflow.fit(rows, steps=10**6, trials='no', out=sys.argv[1])",
    ],
)
def test_ctrl_c_stops_work(work, tmp_path):
    code = INTERRUPTED.format(work=work)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert 0.9 < float(done.stdout) < 20
    if "out=" in work:
        (checkpoint,) = tmp_path.rglob("*.safetensors")
        assert interflow.Flow.load(checkpoint).step > 0


def test_the_log_is_pythons(caplog):
    draw = np.random.default_rng(0)
    x = draw.standard_normal(200)
    with caplog.at_level(logging.INFO, logger="interflow"):
        interflow.fit({"x": x, "twice": 2 * x, "y": draw.standard_normal(200)}, steps=2)
    assert any(record.levelname == "WARNING" and "twice" in record.getMessage() for record in caplog.records)


def test_torchs_threads_stay_as_they_were(numbers):
    before = torch.get_num_threads()
    interflow.fit(numbers, steps=2, threads=1)
    assert torch.get_num_threads() == before


def test_training_and_scores_do_not_depend_on_torchs_mode(numbers, flow):
    rows = numbers[:5]
    expected, score = interflow.fit(numbers, steps=20).log_prob(rows), flow.score(rows, 0.5)
    with torch.no_grad():
        assert np.array_equal(flow._core.score((torch.tensor(rows), None), None, 0.5).numpy(), score)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            trained = interflow.fit(numbers, steps=20)
            assert np.array_equal(trained.log_prob(rows), expected), mode
            assert np.array_equal(flow.score(torch.tensor(rows), 0.5).numpy(), score), mode
            assert not torch.is_grad_enabled() and torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
        assert np.isfinite(trained.score(rows, 0.5)).all()
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_torchs_threads_stay_as_they_were_when_a_flow_chooses_its_own(numbers):
    flow = interflow.fit(numbers, steps=2, threads="auto")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(7)
        flow.sample(5)
        flow.log_prob(numbers[:5])
        assert torch.get_num_threads() == 7
    finally:
        torch.set_num_threads(before)


def test_torchs_random_numbers_stay_the_callers(flow, numbers, tmp_path):
    config = {
        "name": "moons",
        "base": {"kind": "standard-normal"},
        "target": {"kind": "synthetic", "density": {"kind": "two-moons"}},
        "interpolant": {"kind": "linear"},
        "model": {"kind": "residual-mlp", "width": 8, "n_blocks": 1, "dropout": 0.2},
        "train": {"steps": 4, "n_validation": 100},
    }
    torch.manual_seed(5)
    state = torch.get_rng_state()
    works = {
        "train": lambda: interflow.train(config),
        "train elsewhere": lambda: [thread.join() for thread in _started(lambda: interflow.train(config))],
        "refuse": lambda: pytest.raises(interflow.Error, interflow.train, {**config, "base": {"kind": "none"}}),
        "fit": lambda: interflow.fit(numbers, steps=4),
        "sample": lambda: flow.sample(5),
        "log_prob": lambda: flow.log_prob(numbers[:5]),
        "score": lambda: flow.score(numbers[:5], 0.5),
        "encode": lambda: flow.decode(flow.encode(numbers[:5])),
        "to_torch": flow.to_torch,
        "export": lambda: flow.export_torch(tmp_path),
        "copy": lambda: copy.deepcopy(flow),
    }
    for name, work in works.items():
        work()
        assert torch.equal(torch.get_rng_state(), state), name


def _started(work):
    """Several threads that do this work."""
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    return threads
