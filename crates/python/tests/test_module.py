"""The velocity as a plain module of PyTorch: equal to the flow's, there and back, for every kind of network."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import interflow

MOONS = {
    "name": "moons",
    "base": {"kind": "standard-normal"},
    "target": {"kind": "synthetic", "density": {"kind": "two-moons"}},
    "interpolant": {"kind": "trigonometric"},
    "train": {"steps": 20, "batch": 64, "n_validation": 64, "warmup_steps": 1},
}
DIGITS = {
    **MOONS,
    "name": "digits",
    "target": {"kind": "images", "source": {"kind": "digits"}},
    "train": {"steps": 4, "batch": 8, "n_validation": 16, "warmup_steps": 1},
}
U_NET = {"kind": "u-net", "shape": [1, 8, 8], "width": 8, "multipliers": [1, 2], "n_groups": 4, "head_channels": 8}
FOURIER = {"kind": "fourier", "n_frequencies": 3, "n_log_frequencies": 2, "schedule": "linear"}
GAUSSIAN = {"kind": "gaussian"}

MODELS = {
    "mlp": {**MOONS, "model": {"kind": "mlp", "hidden": [16, 24]}},
    "mlp, centred time": {
        **MOONS,
        "model": {"kind": "mlp", "hidden": [16], "activation": "gelu", "time_embedding": {"kind": "centred"}},
    },
    "mlp with waves": {
        **MOONS,
        "model": {
            "kind": "mlp",
            "hidden": [16, 16],
            "activation": "tanh",
            "time_embedding": FOURIER,
            "state_features": {"n_octaves": 3, "ends": "both", "schedule": "linear"},
        },
    },
    "mlp with undamped waves": {
        **MOONS,
        "model": {"kind": "mlp", "hidden": [16], "state_features": {"n_octaves": 2, "damping": "off"}},
    },
    "mlp in double precision": {**MOONS, "precision": "f64", "model": {"kind": "mlp", "hidden": [16]}},
    "residual mlp": {**MOONS, "model": {"kind": "residual-mlp", "width": 16, "n_blocks": 2, "dropout": 0.1}},
    "residual mlp with waves": {
        **DIGITS,
        "interpolant": {"kind": "linear", "gamma": {"kind": "brownian", "strength": 0.5}},
        "precondition": GAUSSIAN,
        "model": {
            "kind": "residual-mlp",
            "width": 16,
            "n_blocks": 1,
            "activation": "elu",
            "time_embedding": {"kind": "sinusoidal", "n_frequencies": 5},
            "state_features": {"n_octaves": 3},
        },
    },
    "preconditioned mlp": {
        **DIGITS,
        "interpolant": {"kind": "trigonometric", "gamma": {"kind": "sine-squared"}},
        "precondition": GAUSSIAN,
        "model": {"kind": "mlp", "hidden": [16], "activation": "softplus"},
    },
    "flow map": {
        **MOONS,
        "objective": {"kind": "flow-map"},
        "model": {"kind": "mlp", "hidden": [16, 16], "activation": "relu", "flow_map": {"divergence_width": 8}},
    },
    "velocity with denoiser": {
        **MOONS,
        "interpolant": {"kind": "linear", "gamma": {"kind": "quadratic"}},
        "objective": {"kind": "velocity-with-denoiser"},
        "model": {"kind": "mlp", "hidden": [16]},
        "denoiser": {"kind": "mlp", "hidden": [8]},
    },
    "u-net": {
        **DIGITS,
        "precondition": {**GAUSSIAN, "axes": "cosine"},
        "model": {**U_NET, "attention": [4], "linear_attention": [8]},
    },
    "u-net given classes": {
        **DIGITS,
        "target": {"kind": "images", "source": {"kind": "digits"}, "class_conditional": {}},
        "model": {**U_NET, "patch": 2, "n_blocks": 1, "n_learned_frequencies": 3, "dropout": 0.1},
    },
    "u-net flow map": {
        **DIGITS,
        "objective": {"kind": "flow-map"},
        "precondition": GAUSSIAN,
        "model": {**U_NET, "n_blocks": 1, "flow_map": {"divergence_width": 4}},
    },
}


def arguments(flow: interflow.Flow, n: int = 12):
    """Times, states and conditions for the flow's velocity."""
    draw = torch.Generator().manual_seed(0)
    kind = torch.float64 if 'precision = "f64"' in flow.manifest else torch.float32
    t = torch.linspace(0.02, 0.98, n, dtype=kind)
    x = torch.randn(n, flow.dim, generator=draw).to(kind)
    return (t, x) if not flow.n_classes else (t, x, torch.arange(n) % (flow.n_classes + 1))


def perturbed(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights that no layer has left at zero."""
    draw = torch.Generator().manual_seed(1)
    trained = dict(module.named_parameters())
    return {
        name: weight + 0.1 * torch.randn(weight.shape, generator=draw).to(weight) if name in trained else weight
        for name, weight in module.state_dict().items()
    }


def gap(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max() / (1 + b.abs().max()))


@pytest.mark.parametrize("name", MODELS)
def test_the_module_is_the_flows_velocity(name, tmp_path):
    flow = interflow.train(MODELS[name])
    at = arguments(flow)
    module = flow.to_torch()
    with torch.no_grad():
        assert gap(module(*at), flow.velocity(*at)) < 1e-5
        # The way back, with weights that have all a part in the velocity.
        changed = flow.with_weights(perturbed(module))
        assert gap(changed.velocity(*at), flow.velocity(*at)) > 1e-3
        module.load_state_dict(perturbed(module))
        assert gap(module(*at), changed.velocity(*at)) < 1e-5
    changed.save(tmp_path / "flow.safetensors")
    assert torch.equal(interflow.Flow.load(tmp_path / "flow.safetensors").velocity(*at), changed.velocity(*at))


def test_conditions_and_known_coordinates(conditional):
    columns = sum(column.given for column in conditional.columns)
    assert columns == 2 and "fill = true" in conditional.manifest
    module = conditional.to_torch()
    n_known = 2 * conditional.dim
    n_own = module.n_inputs - module.state.n_features - conditional.dim
    t, x = torch.linspace(0, 1, 9), torch.randn(9, conditional.dim)
    known = (torch.rand(9, conditional.dim) < 0.3).float()
    given = torch.cat([torch.randn(9, n_own), known, known * torch.randn(9, conditional.dim)], 1)
    assert given.shape[1] == n_own + n_known
    with torch.no_grad():
        assert gap(module(t, x, given), conditional.velocity(t, x, given)) < 1e-5


def test_the_files_need_no_interflow(tmp_path, run):
    flow = interflow.train(MODELS["preconditioned mlp"], out=tmp_path / "runs")
    flow.export_torch(tmp_path / "package")
    run("export", str(flow.folder), "--torch", str(tmp_path / "program"))
    t, x = arguments(flow)
    np.save(tmp_path / "x.npy", x.numpy())
    code = """
        import sys
        import numpy as np
        import torch
        from velocity import load

        v = load("velocity.safetensors")
        x = torch.from_numpy(np.load("../x.npy"))
        np.save("v.npy", v(torch.linspace(0.02, 0.98, len(x)), x).detach().numpy())
        assert "interflow" not in sys.modules
    """
    for folder in ("package", "program"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path / folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert gap(torch.from_numpy(np.load(tmp_path / folder / "v.npy")), flow.velocity(t, x)) < 1e-5
    assert (tmp_path / "package/velocity.py").read_text() == (tmp_path / "program/velocity.py").read_text()
    files = [(tmp_path / folder / "velocity.safetensors").read_bytes() for folder in ("package", "program")]
    assert files[0] == files[1]


def test_gradients_go_through_the_module(flow):
    module = flow.to_torch()
    x = torch.randn(5, 3, requires_grad=True)
    module(torch.full((5,), 0.5), x).square().sum().backward()
    assert x.grad.abs().sum() > 0 and all(weight.grad is not None for weight in module.parameters())


def test_other_weights_are_refused(flow):
    weights = flow.to_torch().state_dict()
    for wrong, part in [
        ({**weights, "more": torch.zeros(1)}, "more"),
        ({name: weight for name, weight in weights.items() if name != "output.bias"}, "output.bias"),
        ({**weights, "output.bias": torch.zeros(7)}, "output.bias"),
    ]:
        with pytest.raises(interflow.Error, match=part):
            flow.with_weights(wrong)
    for arguments in [(torch.zeros(2), torch.zeros(3, 3)), (torch.zeros(2), torch.zeros(2, 4))]:
        with pytest.raises(interflow.Error):
            flow.velocity(*arguments)
