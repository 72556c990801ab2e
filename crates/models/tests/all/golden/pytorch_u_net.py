"""Writes pytorch_u_net.npy, `[2, 288]`: velocities of PyTorch's U-Net (benches/pytorch/u_net.py) with weights from a closed form.

Needs torch and numpy: python pytorch_u_net.py
"""

import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parents[4] / "benches" / "pytorch"))

from u_net import Config, UNet  # noqa: E402


def waves(shape, phase: float) -> torch.Tensor:
    """`sin(1.3 i + phase)` for the i-th number."""
    n = int(np.prod(shape))
    return torch.sin(1.3 * torch.arange(n, dtype=torch.float64) + phase).reshape(shape)


config = Config(
    (3, 12, 8), 8, (1, 2), patch=2, n_blocks=1, attention=(3,), linear_attention=(6,), head_channels=4, n_groups=4, n_frequencies=3
)
network = UNet(config).double()
weights = network.state_dict()
for phase, name in enumerate(sorted(weights)):
    shape = weights[name].shape
    weights[name] = waves(shape, phase) / np.sqrt(np.prod(shape[1:])) + float("norm.weight" in name)
network.load_state_dict(weights)
t = torch.tensor([0.2, 0.7], dtype=torch.float64)
np.save(HERE / "pytorch_u_net.npy", network(t, waves((2, 288), 0.5)).detach().numpy())
