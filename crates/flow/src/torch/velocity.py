"""The velocity of an Interflow flow as a plain torch.nn.Module. It needs torch and nothing else.

    from velocity import load
    v = load("velocity.safetensors")
    v(t, x)          # [B, D] at times t, [B], and states x, [B, D]
    v(t, x, given)   # where states are given numbers [B, K], or classes [B]

Time 0 is the base and 1 the target: dx/dt = v(t, x) carries samples of the base to the target. States are in the
flow's own coordinates, in which the columns of a table are standardised. Weights have the names that the flow's
checkpoints give them.
"""

import json
import math
import struct
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {
    "relu": F.relu,
    "silu": F.silu,
    "gelu": F.gelu,
    "elu": F.elu,
    "tanh": torch.tanh,
    "softplus": F.softplus,
}
DTYPES = {"F32": torch.float32, "F64": torch.float64, "BF16": torch.bfloat16, "I64": torch.int64}


def load(path):
    """The velocity in a safetensors file: weights, and its form as JSON in the file's metadata."""
    data = Path(path).read_bytes()
    (n,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + n]), bytearray(data[8 + n :])
    form = json.loads(header.pop("__metadata__")["velocity"])
    weights = {}
    for name, about in header.items():
        first, last = about["data_offsets"]
        numbers = torch.frombuffer(body[first:last] or bytearray(8), dtype=DTYPES[about["dtype"]])
        weights[name] = numbers[: math.prod(about["shape"])].reshape(about["shape"])
    velocity = velocity_of(form).to(next(iter(weights.values())).dtype)
    velocity.load_state_dict(weights)
    return velocity


def velocity_of(form):
    """The module of this form, with fresh weights."""
    kinds = {"mlp": Mlp, "residual-mlp": ResidualMlp, "u-net": UNet}
    velocity = kinds[form["model"]["kind"]](form["model"], form["dim"], form["given"])
    velocity.fill = form["fill"]
    if form["axes"]:
        velocity.gaussian = Gaussian(form["axes"], form["interpolant"])
    return velocity


def schedule(kind, t):
    """α, β and their derivatives."""
    if kind == "linear":
        return 1 - t, t, -torch.ones_like(t), torch.ones_like(t)
    if kind == "encoding-decoding":
        value, slope = (math.pi * t).cos() ** 2, -math.pi * (2 * math.pi * t).sin()
        first, second = (t < 0.5).to(t), (t > 0.5).to(t)
        return value * first, value * second, slope * first, slope * second
    angle = t * (math.pi / 2)
    alpha, beta = (math.pi / 2 - angle).sin(), angle.sin()
    return alpha, beta, -math.pi / 2 * beta, math.pi / 2 * angle.cos()


def gamma(config, t):
    """γ² and γ γ̇ of the path's latent."""
    kind = config["kind"]
    if kind == "brownian":
        return config["strength"] * t * (1 - t), config["strength"] / 2 * (1 - 2 * t)
    if kind == "quadratic":
        return (t * (1 - t)) ** 2, t * (1 - t) * (1 - 2 * t)
    sine = (math.pi * t).sin() ** 2
    return sine**2, sine * math.pi * (2 * math.pi * t).sin()


class Velocity(nn.Module):
    """A network, alone or with what a flow has around it."""

    def __init__(self):
        super().__init__()
        self.gaussian = None
        # Whether states come with coordinates that are known, which do not move: `given` ends in two numbers for each
        # coordinate, whether it is known and its value if so.
        self.fill = False

    def forward(self, t, x, given=None):
        if self.fill:
            dim = x.shape[1]
            known, values = given[:, -2 * dim : -dim], given[:, -dim:]
            return self.value(t, x * (1 - known) + values, given[:, :-dim]) * (1 - known)
        if self.gaussian is None:
            return self.value(t, x, given)
        return self.gaussian(t, x, lambda inner: self.value(t, inner, given))


class Gaussian(nn.Module):
    """The velocity to the Gaussian with the data's moments; a network corrects it along the Gaussian's axes."""

    def __init__(self, sides, path):
        super().__init__()
        self.path, dim = path, math.prod(sides)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("variances", torch.ones(dim))
        self.directions = nn.Module()
        for place, side in enumerate(sides):
            self.directions.register_buffer(str(place), torch.eye(side))

    def along(self, y, back=False):
        """Rows times the axes, or times their transpose."""
        turned, rest = y, y.shape[1]
        for axes in self.directions.buffers():
            axes = axes.T if back else axes
            rest //= len(axes)
            turned = axes.T @ turned.reshape(-1, len(axes), rest)
        return turned.reshape(y.shape)

    def forward(self, t, x, network):
        alpha, beta, alpha_dot, beta_dot = schedule(self.path["kind"], t[:, None])
        square = alpha**2 + beta**2 * self.variances
        slope = alpha * alpha_dot + beta * beta_dot * self.variances
        latent = self.path.get("gamma")
        if latent is None and self.path["kind"] == "encoding-decoding":
            latent = {"kind": "sine-squared"}
        if latent:
            gamma_square, gamma_gamma_dot = gamma(latent, t[:, None])
            square, slope = square + gamma_square, slope + gamma_gamma_dot
        correction = (alpha_dot * beta - alpha * beta_dot).abs() * alpha * beta * self.variances.sqrt() / square
        y = self.along(x - beta * self.mean)
        output = self.along(network(self.along(y * square.rsqrt(), back=True)))
        return self.along(y * slope / square + output * correction, back=True) + beta_dot * self.mean


class Time:
    """The features `[B, n]` of times `[B]`."""

    def __init__(self, config, twice):
        self.kind, self.n, self.twice = config["kind"], config.get("n_frequencies", 0), twice
        self.n_log, self.schedule = config.get("n_log_frequencies", 0), config.get("schedule", "trigonometric")
        self.n_features = {"sinusoidal": 2 * self.n, "fourier": 1 + 2 * self.n}.get(self.kind, 1)
        self.n_features += 1 + 2 * self.n_log if self.n_log else 0
        self.n_features *= 1 + twice

    def __call__(self, t):
        t = t[:, None]
        if self.kind == "sinusoidal":
            phase = t * 1000 * 10000 ** (-torch.arange(self.n).to(t) / self.n)
            features = torch.cat([phase.sin(), phase.cos()], 1)
        elif self.kind == "fourier":
            features = self.waves(t, self.n)
            if self.n_log:
                clock = schedule(self.schedule, t)[0].clamp_min(1e-4).log() / math.log(1e-4)
                features = torch.cat([features, self.waves(clock, self.n_log)], 1)
        else:
            features = 2 * t - 1
        # A flow map sees two times, which are one where it is a velocity.
        return torch.cat([features, features], 1) if self.twice else features

    def waves(self, t, n):
        phase = t * torch.arange(1, n + 1).to(t) * math.pi
        return torch.cat([2 * t - 1, phase.sin(), phase.cos()], 1)


class State:
    """What a perceptron sees of states `[B, D]`: themselves, and waves of theirs."""

    def __init__(self, config, dim):
        self.config, self.n_features = config, dim
        if config:
            self.damped = config.get("damping", "by-noise") == "by-noise"
            self.both = self.damped and config.get("ends", "target") == "both"
            self.n_features += dim * 2 * config["n_octaves"] * (1 + self.both)

    def __call__(self, t, x):
        if not self.config:
            return x
        omega = 2.0 ** torch.arange(self.config["n_octaves"]).to(x)
        if self.damped:
            alpha, beta, *_ = schedule(self.config.get("schedule", "trigonometric"), t[:, None])
            ends = [(alpha, beta), (beta, alpha)] if self.both else [(alpha, beta)]
            scales = [omega / (near**2 + 1e-4).sqrt() for _, near in ends]
            damping = [torch.exp(-0.5 * (scale * far) ** 2) for scale, (far, _) in zip(scales, ends, strict=True)]
            scale, damping = torch.cat(scales, 1)[:, None], torch.cat(damping, 1)[:, None]
        else:
            scale, damping = omega, 1
        y = x[:, :, None] * scale
        return torch.cat([x, torch.cat([y.sin() * damping, y.cos() * damping], 2).flatten(1)], 1)


class Perceptron(Velocity):
    """What both perceptrons share: what they see, and their heads."""

    def __init__(self, config, dim, given):
        super().__init__()
        self.activation = ACTIVATIONS[config.get("activation", "silu")]
        flow_map = config.get("flow_map")
        self.time = Time(config.get("time_embedding", {"kind": "fourier", "n_frequencies": 8}), bool(flow_map))
        self.state = State(config.get("state_features"), dim)
        self.given = given
        self.n_inputs = self.state.n_features + given.get("n", given.get("n_classes", 0))

    def add_head(self, config, width):
        """The divergence of a flow map, which a velocity does not need; its weights belong to the flow."""
        n = (config.get("flow_map") or {}).get("divergence_width")
        if n:
            self.divergence = nn.ModuleDict({"hidden": nn.Linear(width, n), "output": nn.Linear(n, 1)})

    def seen(self, t, x, given):
        state = self.state(t, x)
        if self.given["kind"] == "nothing":
            return state
        if self.given["kind"] == "class":
            given = (given[:, None] == torch.arange(self.given["n_classes"], device=x.device)).to(x)
        return torch.cat([given, state], 1)


class Mlp(Perceptron):
    def __init__(self, config, dim, given):
        super().__init__(config, dim, given)
        widths = [self.n_inputs + self.time.n_features, *config["hidden"]]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths[:-1], widths[1:], strict=True))
        self.output = nn.Linear(widths[-1], dim)
        self.add_head(config, config["hidden"][max(len(config["hidden"]) - 2, 0)])

    def value(self, t, x, given):
        h = torch.cat([self.seen(t, x, given), self.time(t)], 1)
        for layer in self.hidden:
            h = self.activation(layer(h))
        return self.output(h)


class TimedLinear(nn.Linear):
    """A linear layer with weights for the time beside."""

    def __init__(self, n_inputs, n_outputs, n_time):
        super().__init__(n_inputs, n_outputs)
        self.time = nn.Parameter(torch.randn(n_outputs, n_time) / max(n_time, 1) ** 0.5)

    def forward(self, x, time):
        return super().forward(x) + time @ self.time.T


class Block(nn.Module):
    def __init__(self, width, n_time):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.time = nn.Parameter(torch.randn(width, n_time) * 0.3 / max(n_time, 1) ** 0.5)


class ResidualMlp(Perceptron):
    def __init__(self, config, dim, given):
        super().__init__(config, dim, given)
        width, n_time = config["width"], self.time.n_features
        self.input = TimedLinear(self.n_inputs, width, n_time)
        self.block = nn.ModuleList(Block(width, n_time) for _ in range(config["n_blocks"]))
        self.output = nn.Linear(width, dim)
        self.dropout = config.get("dropout", 0.0)
        self.add_head(config, width)

    def value(self, t, x, given):
        time = self.time(t)
        h = self.input(self.seen(t, x, given), time)
        for block in self.block:
            inner = self.activation(block.first(self.activation(h)) + time @ block.time.T)
            h = h + block.second(F.dropout(inner, self.dropout, self.training))
        return self.output(self.activation(h))


class Attention(nn.Module):
    def __init__(self, channels, mixing, config):
        super().__init__()
        self.norm = nn.GroupNorm(config["n_groups"], channels)
        self.projections, self.output = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mixing, self.head_channels = mixing, config["head_channels"]

    def forward(self, h):
        batch, channels = h.shape[:2]
        parts = self.projections(self.norm(h).flatten(2).transpose(1, 2))
        parts = parts.view(batch, -1, 3, channels // self.head_channels, self.head_channels)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if self.mixing == "softmax":
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = q.softmax(3) * self.head_channels**-0.5 @ (k.softmax(2).transpose(2, 3) @ v)
        return h + self.output(mixed.transpose(1, 2).reshape(batch, -1, channels)).transpose(1, 2).reshape(h.shape)


class Unit(nn.Module):
    """A residual block with or without attention after it."""

    def __init__(self, start, end, mixing, config):
        super().__init__()
        self.first_norm = nn.GroupNorm(config["n_groups"], start)
        self.first = nn.Conv2d(start, end, 3, padding=1)
        self.shift = nn.Linear(4 * config["width"], end)
        self.second_norm = nn.GroupNorm(config["n_groups"], end)
        self.second = nn.Conv2d(end, end, 3, padding=1)
        self.skip = nn.Conv2d(start, end, 1) if start != end else nn.Identity()
        self.attention = Attention(end, mixing, config) if mixing else nn.Identity()
        self.dropout = config.get("dropout", 0.0)

    def forward(self, h, features):
        inner = self.first(F.silu(self.first_norm(h))) + self.shift(features)[:, :, None, None]
        inner = F.dropout(F.silu(self.second_norm(inner)), self.dropout, self.training)
        return self.attention(self.second(inner) + self.skip(h))


def level(units, resample):
    """Units named 0, 1, … and the convolution to the next level."""
    parts = {str(index): unit for index, unit in enumerate(units)}
    return nn.ModuleDict(parts | ({"resample": resample} if resample else {}))


class UNet(Velocity):
    def __init__(self, config, dim, given):
        super().__init__()
        self.shape, self.patch, width = config["shape"], config["patch"], config["width"]
        channels = [width * multiplier for multiplier in config["multipliers"]]
        folded, n_features, last = self.shape[0] * self.patch**2, 4 * width, len(channels) - 1
        n_learned, flow_map = config.get("n_learned_frequencies", 0), config.get("flow_map")
        self.embedding, self.twice = Time(config["time_embedding"], False), bool(flow_map)
        n_time = (self.embedding.n_features + 2 * n_learned) * (1 + self.twice)
        self.time = nn.ModuleDict({"first": nn.Linear(n_time, n_features), "second": nn.Linear(n_features, n_features)})
        if n_learned:
            self.time.register_parameter("frequencies", nn.Parameter(torch.randn(n_learned)))
        if given["kind"] == "class":
            self.classes = nn.Parameter(torch.randn(given["n_classes"] + 1, n_features))
        self.input = nn.Conv2d(folded, width, 3, padding=1)

        def mixing(index):
            height = self.shape[1] // (self.patch << index)
            linear = "linear" if height in config.get("linear_attention", ()) else None
            return "softmax" if height in config.get("attention", ()) else linear

        left, present, self.down, self.up = [width], width, nn.ModuleList(), nn.ModuleDict()
        for index, end in enumerate(channels):
            starts = [present] + [end] * (config["n_blocks"] - 1)
            units = [Unit(start, end, mixing(index), config) for start in starts]
            left += [end] * (len(units) + (index < last))
            self.down.append(level(units, nn.Conv2d(end, end, 3, 2, 1) if index < last else None))
            present = end
        self.middle = nn.ModuleList(Unit(present, present, kind, config) for kind in ("softmax", None))
        for index, end in reversed(list(enumerate(channels))):
            starts = [present] + [end] * config["n_blocks"]
            units = [Unit(start + left.pop(), end, mixing(index), config) for start in starts]
            self.up[str(index)] = level(units, nn.Conv2d(end, end, 3, padding=1) if index else None)
            present = end
        self.output_norm = nn.GroupNorm(config["n_groups"], channels[0])
        self.output = nn.Conv2d(channels[0], folded, 3, padding=1)
        n = (flow_map or {}).get("divergence_width")
        if n:
            self.divergence = nn.ModuleDict({"hidden": nn.Conv2d(channels[0], n, 1), "output": nn.Conv2d(n, 1, 1)})

    def features(self, t, given):
        features = self.embedding(t)
        if hasattr(self.time, "frequencies"):
            phase = t[:, None] * self.time.frequencies * math.tau
            features = torch.cat([features, phase.sin(), phase.cos()], 1)
        if self.twice:
            features = torch.cat([features, features], 1)
        features = self.time["second"](F.silu(self.time["first"](features)))
        return F.silu(features if given is None else features + self.classes[given])

    def value(self, t, x, given):
        features = self.features(t, given)
        h = self.input(F.pixel_unshuffle(x.view(-1, *self.shape), self.patch))
        left = [h]
        for part in self.down:
            for name, module in part.items():
                h = module(h) if name == "resample" else module(h, features)
                left.append(h)
        for unit in self.middle:
            h = unit(h, features)
        for part in self.up.values():
            for name, module in part.items():
                if name == "resample":
                    h = module(F.interpolate(h, scale_factor=2))
                else:
                    h = module(torch.cat([h, left.pop()], 1), features)
        return F.pixel_shuffle(self.output(F.silu(self.output_norm(h))), self.patch).flatten(1)
