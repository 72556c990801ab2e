"""The perceptron of `crates/models/src/mlp.rs` in PyTorch: its training step, sampling and log-density, timed.

Needs pip's torch, torchdiffeq for the solves, and a C++ compiler for what is compiled:

    python mlp.py train --threads 1
    python mlp.py solve --threads 1
    python mlp.py train --device cuda --peers eager "eager bf16" graphed "graphed bf16"

One line of JSON per measurement on stdout, with the names that `cargo bench --bench flow` gives them.
"""

import argparse
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

# Layers, width, dimension, batch.
SIZES = [(3, 64, 2, 256), (3, 256, 2, 512), (3, 256, 2, 4096), (4, 512, 43, 4096)]
N_FREQUENCIES = 8


class Mlp(nn.Module):
    """`v(t, x)` of x and 2t − 1, sin πkt, cos πkt for k = 1 … 8; SiLU; all weights drawn."""

    def __init__(self, dim: int, width: int, n_layers: int):
        super().__init__()
        sizes = [dim + 1 + 2 * N_FREQUENCIES] + [width] * n_layers + [dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.normal_(layer.bias, std=layer.out_features**-0.5)
        self.register_buffer("k", math.pi * torch.arange(1, N_FREQUENCIES + 1))

    def forward(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        t = t.unsqueeze(1)
        phase = t * self.k
        h = torch.cat([x, 2 * t - 1, phase.sin(), phase.cos()], 1)
        for layer in self.layers[:-1]:
            h = F.silu(layer(h))
        return self.layers[-1](h)


class Step:
    """A training step: both ends and times drawn, the trigonometric path, the loss, AdamW and the weights' average."""

    def __init__(self, network: nn.Module, dim: int, batch: int, peer: str, device: str = "cpu"):
        self.network, self.dim, self.batch, self.device = network.to(device), dim, batch, torch.device(device)
        self.weights = list(network.parameters())
        self.average = [w.detach().clone() for w in self.weights]
        graphed = "graphed" in peer
        options = {"lr": 1e-3, "weight_decay": 0.0, "fused": True, "capturable": graphed}
        self.optimizer = torch.optim.AdamW(self.weights, **options)
        self.bf16 = "bf16" in peer
        self.loss = torch.compile(self.eager_loss) if "compiled" in peer else self.eager_loss
        self.update = self.graphed() if graphed else self.eager_update

    def eager_loss(self, t, x0, x1):
        angle = (t * (math.pi / 2)).unsqueeze(1)
        cos, sin = angle.cos(), angle.sin()
        x = cos * x0 + sin * x1
        derivative = (cos * x1 - sin * x0) * (math.pi / 2)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            value = self.network(t, x)
        value = value.float()
        return ((value - 2 * derivative) * value).sum(1).mean()

    def eager_update(self) -> torch.Tensor:
        """Everything but looking at the gradient's norm, which it returns."""
        t = torch.rand(self.batch, device=self.device)
        x0, x1 = (torch.randn(self.batch, self.dim, device=self.device) for _ in range(2))
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(t, x0, x1)
        loss.backward()
        norm = torch.nn.utils.get_total_norm([w.grad for w in self.weights])
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1e-3)
        return norm

    def graphed(self):
        """The update as one CUDA graph."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.eager_update()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            norm = self.eager_update()

        def update():
            graph.replay()
            return norm

        return update

    def __call__(self):
        if not math.isfinite(self.update().item()):
            raise SystemExit("the gradient is not finite")


def seconds(body, least: float = 1.0, rounds: int = 5) -> float:
    """The median over rounds of the time of one call, each round as many calls as take `least` / `rounds` seconds."""

    def timed(n: int) -> float:
        wait()
        start = time.perf_counter()
        for _ in range(n):
            body()
        wait()
        return (time.perf_counter() - start) / n

    timed(3)
    n = max(1, int(least / rounds / max(timed(1), 1e-6)))
    times = [timed(n) for _ in range(rounds)]
    return sorted(times)[rounds // 2]


def wait():
    """Waits for the work of a GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def say(name: str, peer: str, secs: float, **more):
    print(json.dumps({"name": name, "peer": peer, "threads": torch.get_num_threads(), "seconds": secs, **more}), flush=True)


def train(variants, only, device):
    for n_layers, width, dim, batch in SIZES:
        name = f"train/step/{n_layers}x{width}-d{dim}-b{batch}"
        for peer in variants if only in name else []:
            torch.manual_seed(0)
            step = Step(Mlp(dim, width, n_layers), dim, batch, peer, device)
            say(name, peer, seconds(step, least=2.0), device=device)


class Flow(nn.Module):
    """The right-hand side for torchdiffeq, with the log-density's rate beside the velocity; counts its calls."""

    def __init__(self, network: Mlp, divergence=None):
        super().__init__()
        self.network, self.divergence, self.calls = network, divergence, 0

    def velocity(self, t, x):
        return self.network(t.to(x.dtype).expand(x.shape[0]), x)

    def forward(self, t, y):
        self.calls += 1
        if self.divergence is None:
            return self.velocity(t, y)
        x = y[:, :-1].contiguous()
        value, divergence = self.divergence(lambda x: self.velocity(t, x), x)
        return torch.cat([value, divergence.unsqueeze(1)], 1)


def by_backward_passes(f, x):
    """The exact divergence by one backward pass per dimension."""
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        value = f(x)
        total = torch.zeros(x.shape[0])
        for d in range(x.shape[1]):
            (gradient,) = torch.autograd.grad(value[:, d].sum(), x, retain_graph=True)
            total += gradient[:, d]
    return value.detach(), total


def by_forward_mode(f, x):
    """The exact divergence by forward-mode differentiation along every unit direction."""
    basis = torch.eye(x.shape[1])

    def column(e):
        return torch.func.jvp(f, (x,), (e.expand_as(x),))[1] @ e

    return f(x), torch.func.vmap(column)(basis).sum(0)


def by_probe(probes):
    """Hutchinson's estimate along fixed probes, by one backward pass."""

    def divergence(f, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            value = f(x)
            (product,) = torch.autograd.grad((value * probes).sum(), x)
        return value.detach(), (product * probes).sum(1)

    return divergence


def load(dim: int, width: int, n_layers: int, folder: str | None) -> Mlp:
    torch.manual_seed(0)
    network = Mlp(dim, width, n_layers)
    if folder is not None:
        from safetensors.torch import load_file

        saved = load_file(f"{folder}/{n_layers}x{width}-d{dim}.safetensors")
        names = [f"hidden.{i}" for i in range(n_layers)] + ["output"]
        for layer, name in zip(network.layers, names):
            layer.weight.data, layer.bias.data = saved[f"{name}.weight"], saved[f"{name}.bias"]
    return network


def solve(folder: str | None, only: str):
    from torchdiffeq import odeint

    name = "solve/sample/3x256-d2-n10000"
    if only in name:
        network = load(2, 256, 3, folder)
        x = torch.randn(10_000, 2, generator=torch.Generator().manual_seed(1))

        def sample(tolerance=1e-5):
            flow = Flow(network)
            with torch.no_grad():
                end = odeint(flow, x, torch.tensor([0.0, 1.0]), rtol=tolerance, atol=tolerance, method="dopri5")[1]
            return end, flow.calls

        exact = sample(1e-7)[0]
        end, calls = sample()
        error = (end - exact).square().mean().sqrt().item()
        say(name, "torchdiffeq", seconds(sample), calls=calls, error=error)

    network = load(43, 512, 4, folder)
    x = torch.randn(1000, 43, generator=torch.Generator().manual_seed(1))
    probes = torch.randn(1000, 43, generator=torch.Generator().manual_seed(2)).sign()

    def log_density(divergence, x, tolerance=1e-5):
        flow = Flow(network, divergence)
        y = torch.cat([x, torch.zeros(len(x), 1)], 1)
        with torch.no_grad():
            end = odeint(flow, y, torch.tensor([1.0, 0.0]), rtol=tolerance, atol=tolerance, method="dopri5")[1]
        z, q = end[:, :-1], end[:, -1]
        return -0.5 * z.square().sum(1) - 43 / 2 * math.log(2 * math.pi) + q, flow.calls

    ways = [
        ("exact", "forward mode", by_forward_mode, by_forward_mode),
        ("exact", "backward passes", by_backward_passes, by_backward_passes),
        ("hutchinson", "a backward pass", by_probe(probes), by_probe(probes[:100])),
    ]
    for way, peer, divergence, of_few in ways:
        name = f"solve/log-density/4x512-d43-n1000/{way}"
        if only not in name:
            continue
        start = time.perf_counter()
        found, calls = log_density(divergence, x)
        secs = time.perf_counter() - start
        # Against a tighter solve of a hundred of the rows.
        exact = log_density(of_few, x[:100], 1e-7)[0]
        error = (found[:100] - exact).square().mean().sqrt().item()
        say(name, f"torchdiffeq, {peer}", secs, calls=calls, mean=found.mean().item(), error=error)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "solve"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="of training steps")
    parser.add_argument(
        "--peers",
        nargs="*",
        default=["eager", "eager bf16", "compiled", "compiled bf16"],
        help="ways to take a step: eager, compiled or graphed (a CUDA graph), with bf16 or without",
    )
    parser.add_argument("--only", default="", help="only measurements whose name holds this")
    parser.add_argument("--weights", help="a folder with the networks' weights as safetensors")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}", file=sys.stderr)
    if options.what == "train":
        train(options.peers, options.only, options.device)
    else:
        solve(options.weights, options.only)


if __name__ == "__main__":
    main()
