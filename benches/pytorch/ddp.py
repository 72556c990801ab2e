"""The steps of `together`, taken by PyTorch: alone, or by DistributedDataParallel over gloo in as many processes as the
environment says. `scaling.py` starts it."""

import argparse
import json
import math
import os
import time

import torch
from torch import nn

from mlp import SIZES, Mlp
from u_net import UNet, bench_config

Parallel = nn.parallel.DistributedDataParallel


class Step:
    """Both ends and times drawn, the interpolant's loss, the gradient's norm, AdamW, the weights' average."""

    def __init__(self, network: nn.Module, dim: int, batch: int, parallel: bool):
        self.weights = list(network.parameters())
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimizer = torch.optim.AdamW(self.weights, fused=True)
        self.network = Parallel(network, gradient_as_bucket_view=True) if parallel else network
        self.size = (batch, dim)

    def __call__(self):
        x0, x1, t = torch.randn(self.size), torch.randn(self.size), torch.rand(self.size[0])
        angle = t[:, None] * (math.pi / 2)
        cos, sin = angle.cos(), angle.sin()
        value = self.network(t, cos * x0 + sin * x1)
        derivative = (cos * x1 - sin * x0) * (math.pi / 2)
        self.optimizer.zero_grad(set_to_none=True)
        ((value - 2 * derivative) * value).sum(1).mean().backward()
        norm = torch.nn.utils.get_total_norm([weight.grad for weight in self.weights])
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1e-3)
        if not math.isfinite(norm.item()):
            raise SystemExit("the gradient is not finite")


def seconds(step, round: float, parallel: bool) -> float:
    """The median over five rounds, each of about so many seconds, of the time of a step."""

    def timed(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            step()
        return (time.perf_counter() - start) / n

    timed(4)
    n = torch.tensor([max(1, int(round / timed(2)))])
    if parallel:
        # All take as many.
        torch.distributed.broadcast(n, 0)
    return sorted(timed(int(n)) for _ in range(5))[2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--round", type=float, default=2.0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n_processes = int(os.environ.get("WORLD_SIZE", "1"))
    parallel = n_processes > 1
    if parallel:
        torch.distributed.init_process_group("gloo")
    cases = [
        (f"train/step/{layers}x{width}-d{dim}-b{batch}", lambda a=(dim, width, layers): Mlp(*a), dim, batch)
        for layers, width, dim, batch in SIZES
    ]
    cases.append(("train/step/u-net-b16", lambda: UNet(bench_config()), 3 * 32 * 32, 16))
    for name, make, dim, batch in cases:
        if options.only not in name:
            continue
        torch.manual_seed(0)
        found = seconds(Step(make(), dim, batch, parallel), options.round, parallel)
        if int(os.environ.get("RANK", "0")) == 0:
            line = {"name": name, "peer": "DDP", "processes": n_processes, "seconds": found}
            print(json.dumps(line), flush=True)
    if parallel:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
