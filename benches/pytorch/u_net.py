"""The U-Net of `crates/models/src/u_net` in PyTorch, and the time of its training step.

Needs nothing but pip's torch and a C++ compiler: python u_net.py --threads 2

On a GPU, one line of JSON per measurement: python u_net.py --device cuda --network cifar10 --batch 400 --json
"""

import argparse
import json
import math
import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Config:
    """As `UNetConfig`, with its defaults; no classes, no dropout."""

    shape: tuple[int, int, int]
    width: int
    multipliers: tuple[int, ...]
    patch: int = 1
    n_blocks: int = 2
    attention: tuple[int, ...] = ()
    linear_attention: tuple[int, ...] = ()
    head_channels: int = 64
    n_groups: int = 8
    # Of sinusoidal times; the time is only centred for 0.
    n_frequencies: int = 64
    n_learned_frequencies: int = 0

    def mixing(self, level: int) -> str | None:
        height = self.shape[1] // (self.patch << level)
        return "softmax" if height in self.attention else "linear" if height in self.linear_attention else None


class Attention(nn.Module):
    def __init__(self, channels: int, mixing: str, config: Config):
        super().__init__()
        self.norm = nn.GroupNorm(config.n_groups, channels)
        self.projections = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.mixing, self.head_channels = mixing, config.head_channels

    def forward(self, h):
        batch, channels = h.shape[:2]
        parts = self.projections(self.norm(h).flatten(2).transpose(1, 2))
        parts = parts.view(batch, -1, 3, channels // self.head_channels, self.head_channels)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if self.mixing == "softmax":
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = q.softmax(3) * self.head_channels**-0.5 @ (k.softmax(2).transpose(2, 3) @ v)
        mixed = mixed.transpose(1, 2).reshape(batch, -1, channels)
        return h + self.output(mixed).transpose(1, 2).reshape(h.shape)


class Unit(nn.Module):
    """A residual block with or without attention after it."""

    def __init__(self, start: int, end: int, mixing: str | None, config: Config):
        super().__init__()
        self.first_norm = nn.GroupNorm(config.n_groups, start)
        self.first = nn.Conv2d(start, end, 3, padding=1)
        self.shift = nn.Linear(4 * config.width, end)
        self.second_norm = nn.GroupNorm(config.n_groups, end)
        self.second = nn.Conv2d(end, end, 3, padding=1)
        self.skip = nn.Conv2d(start, end, 1) if start != end else nn.Identity()
        self.attention = Attention(end, mixing, config) if mixing else nn.Identity()

    def forward(self, h, features):
        inner = self.first(F.silu(self.first_norm(h))) + self.shift(features)[:, :, None, None]
        return self.attention(self.second(F.silu(self.second_norm(inner))) + self.skip(h))


class Level(nn.ModuleDict):
    """Units named 0, 1, … and the convolution to the next level."""

    def __init__(self, units: list[Unit], resample: nn.Module | None):
        super().__init__({str(index): unit for index, unit in enumerate(units)})
        self.units = units
        self.resample = resample


class UNet(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        channels = [config.width * multiplier for multiplier in config.multipliers]
        folded, n_features = config.shape[0] * config.patch**2, 4 * config.width
        n_time = max(1, 2 * config.n_frequencies) + 2 * config.n_learned_frequencies
        self.time = nn.ModuleDict(
            {"first": nn.Linear(n_time, n_features), "second": nn.Linear(n_features, n_features)}
        )
        if config.n_learned_frequencies:
            self.frequencies = nn.Parameter(torch.randn(config.n_learned_frequencies))
        self.input = nn.Conv2d(folded, config.width, 3, padding=1)
        left, present, last = [config.width], config.width, len(channels) - 1
        down, up = [], {}
        for level, end in enumerate(channels):
            units = []
            for _ in range(config.n_blocks):
                units.append(Unit(present, end, config.mixing(level), config))
                present = end
                left.append(end)
            if level < last:
                left.append(end)
            down.append(Level(units, nn.Conv2d(end, end, 3, 2, 1) if level < last else None))
        self.down = nn.ModuleList(down)
        self.middle = nn.ModuleList(Unit(present, present, mixing, config) for mixing in ["softmax", None])
        for level, end in reversed(list(enumerate(channels))):
            units = []
            for _ in range(config.n_blocks + 1):
                units.append(Unit(present + left.pop(), end, config.mixing(level), config))
                present = end
            up[str(level)] = Level(units, nn.Conv2d(end, end, 3, padding=1) if level > 0 else None)
        self.up = nn.ModuleDict(up)
        self.output_norm = nn.GroupNorm(config.n_groups, channels[0])
        self.output = nn.Conv2d(channels[0], folded, 3, padding=1)

    def features(self, t):
        n, t = self.config.n_frequencies, t[:, None]
        phases = [t * (1000 * 10000 ** (-torch.arange(n, dtype=t.dtype, device=t.device) / n))] if n else []
        phases += [t * self.frequencies * math.tau] if self.config.n_learned_frequencies else []
        waves = [wave for phase in phases for wave in (phase.sin(), phase.cos())]
        embedded = torch.cat(waves if n else [2 * t - 1, *waves], 1)
        return F.silu(self.time["second"](F.silu(self.time["first"](embedded))))

    def forward(self, t, x):
        """The velocity `[B, C·H·W]` at times `[B]` and images `[B, C·H·W]`."""
        features = self.features(t)
        h = self.input(F.pixel_unshuffle(x.view(-1, *self.config.shape), self.config.patch))
        left = [h]
        for level in self.down:
            for unit in level.units:
                h = unit(h, features)
                left.append(h)
            if level.resample:
                h = level.resample(h)
                left.append(h)
        for unit in self.middle:
            h = unit(h, features)
        for level in self.up.values():
            for unit in level.units:
                h = unit(torch.cat([h, left.pop()], 1), features)
            if level.resample:
                h = level.resample(F.interpolate(h, scale_factor=2))
        h = self.output(F.silu(self.output_norm(h)))
        return F.pixel_shuffle(h, self.config.patch).flatten(1)


def bench_config() -> Config:
    """That of `benches/benches/u_net.rs`."""
    return Config((3, 32, 32), 64, (1, 2), patch=2, attention=(8,))


def cifar10_config() -> Config:
    """That of `configs/cifar10.toml`."""
    every = (32, 16, 8, 4, 2)
    return Config((3, 32, 32), 256, (1, 2, 2, 2, 2), linear_attention=every, n_frequencies=0, n_learned_frequencies=8)


CONFIGS = {"u-net": bench_config, "cifar10": cifar10_config}


@dataclass
class Variant:
    """A way to take steps."""

    device: str = "cpu"
    bf16: bool = False
    compiled: bool = False
    channels_last: bool = False
    # The batch in so many parts.
    accumulate: int = 1

    def name(self) -> str:
        words = ["compiled" if self.compiled else "eager", "bf16" if self.bf16 else "f32"]
        return " ".join(words + ["channels-last"] * self.channels_last)


class Training:
    """Steps as `interflow` takes them: draw both ends, the interpolant's loss, AdamW, an exponential average."""

    def __init__(self, network: UNet, batch: int, variant: Variant):
        memory = torch.channels_last if variant.channels_last else torch.contiguous_format
        self.network = network.to(variant.device, memory_format=memory)
        self.apply = torch.compile(self.network) if variant.compiled else self.network
        self.weights = list(self.network.parameters())
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimizer = torch.optim.AdamW(self.weights, fused=True)
        self.size = (batch // variant.accumulate, math.prod(network.config.shape))
        self.variant = variant

    def part(self):
        device = torch.device(self.variant.device)
        x0, x1 = torch.randn(self.size, device=device), torch.randn(self.size, device=device)
        angle = torch.rand(self.size[0], device=device) * (torch.pi / 2)
        alpha, beta = angle.cos()[:, None], angle.sin()[:, None]
        with torch.autocast(device.type, torch.bfloat16, enabled=self.variant.bf16):
            v = self.apply(angle / (torch.pi / 2), alpha * x0 + beta * x1).float()
        speed = (torch.pi / 2) * (alpha * x1 - beta * x0)
        loss = (v * (v - 2 * speed)).sum(1).mean() / self.variant.accumulate
        loss.backward()
        return loss.detach()

    def step(self):
        self.optimizer.zero_grad()
        loss = sum(self.part() for _ in range(self.variant.accumulate))
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1e-3)
        return loss.item()


def seconds_per_step(training: Training, n_steps: int) -> tuple[float, float]:
    """Median and least of `n_steps` steps after three to warm up. A step ends with reading the loss, but for the last
    updates, whose time falls into the next step."""
    times = []
    for _ in range(3 + n_steps):
        start = time.perf_counter()
        training.step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:]), min(times[3:])


def flops_of_step(network: UNet, batch: int, variant: Variant) -> int:
    """The floating-point operations of a step's products and convolutions, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    training = Training(network, batch, variant)
    with FlopCounterMode(display=False) as counter:
        training.step()
    return counter.get_total_flops()


def profiled(training: Training):
    seconds_per_step(training, 1)
    activities = [torch.profiler.ProfilerActivity.CPU]
    on_cuda = training.variant.device.startswith("cuda")
    if on_cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        training.step()
    order = "self_cuda_time_total" if on_cuda else "self_cpu_time_total"
    print(profile.key_averages().table(sort_by=order, row_limit=15, max_name_column_width=45))


def variants(args) -> list[Variant]:
    def made(words: str) -> Variant:
        return Variant(
            args.device, "bf16" in words, "compiled" in words, "channels-last" in words, accumulate=args.accumulate
        )

    return [made(words) for words in args.variants]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--accumulate", type=int, default=1, help="the batch in so many parts")
    parser.add_argument("--network", choices=CONFIGS, default="u-net")
    parser.add_argument("--variants", nargs="*", default=["eager f32", "compiled f32", "eager bf16", "compiled bf16"])
    parser.add_argument("--json", action="store_true", help="a line of JSON per measurement")
    parser.add_argument("--flops", action="store_true", help="count the operations of a step too")
    parser.add_argument("--profile", action="store_true", help="say where an eager step's time goes")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    def network() -> UNet:
        torch.manual_seed(0)
        return UNet(CONFIGS[args.network]())

    def say(line: str, **numbers):
        print(json.dumps({"network": args.network, "batch": args.batch, **numbers}) if args.json else line, flush=True)

    n_weights = sum(weight.numel() for weight in network().parameters())
    about = f"{n_weights} weights, batch {args.batch}, {args.threads} threads, torch {torch.__version__}"
    say(about, weights=n_weights, device=args.device, threads=args.threads, torch=torch.__version__)
    if args.flops:
        flops = flops_of_step(network(), args.batch, Variant(args.device, bf16=True, accumulate=args.accumulate))
        say(f"{flops / 1e9:.1f} GFLOP a step", flops=flops)
    for variant in variants(args):
        if args.profile and variant.compiled:
            continue
        training = Training(network(), args.batch, variant)
        if args.profile:
            profiled(training)
            continue
        try:
            median, least = seconds_per_step(training, args.steps)
        except Exception as error:  # One variant that fails is not all.
            say(f"{variant.name()}: {error}", peer=variant.name(), error=f"{type(error).__name__}: {error}"[:500])
            continue
        finally:
            del training
        text = f"{variant.name()}: {1e3 * median:.0f} ms a step, {1e3 * least:.0f} at least"
        say(text, peer=variant.name(), accumulate=args.accumulate, seconds=median, least=least)


if __name__ == "__main__":
    main()
