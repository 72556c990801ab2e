"""Writes inception_features.npy, features of two images by pytorch-fid's network with weights from a closed form, and
inception_weights.txt, these weights' names and shapes.

Needs torch, torchvision and pytorch-fid 0.3.0: python inception.py
"""

import numpy as np
import torch
from pytorch_fid import inception


def uniform(stream: int, n: int) -> np.ndarray:
    """n numbers in [0, 1): the splitmix64 hash of stream * 2**32 + index."""
    with np.errstate(over="ignore"):
        z = (np.arange(n, dtype=np.uint64) + np.uint64(stream << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def weight(name: str, stream: int, shape: torch.Size) -> torch.Tensor:
    u = uniform(stream, int(np.prod(shape)))
    if name.endswith("conv.weight"):
        # He's deviation: the mean square of the features stays near 1 through the layers.
        u = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith(("bn.weight", "running_var")):
        u = u + 0.5
    else:
        u = (u - 0.5) * 0.2
    return torch.from_numpy(u.astype(np.float32)).reshape(shape)


SHAPES = {}


def weights(network: torch.nn.Module) -> dict:
    """Weights by name; a weight's stream is its place in the sorted names."""
    SHAPES.update({name: w.shape for name, w in network.state_dict().items() if w.is_floating_point()})
    return {name: weight(name, stream, SHAPES[name]) for stream, name in enumerate(sorted(SHAPES))}


class Capture:
    """Stands in for the published weights, of which the network is told when it asks for them."""

    def __enter__(self):
        self.load, self.url = torch.nn.Module.load_state_dict, inception.load_state_dict_from_url
        load = self.load
        inception.load_state_dict_from_url = lambda *_, **__: None
        torch.nn.Module.load_state_dict = lambda net, _: load(net, weights(net), strict=False)
        return self

    def __exit__(self, *_):
        torch.nn.Module.load_state_dict, inception.load_state_dict_from_url = self.load, self.url


if __name__ == "__main__":
    with Capture():
        network = inception.InceptionV3().eval()
    image = torch.from_numpy(uniform(1000, 2 * 3 * 20 * 24).reshape(2, 3, 20, 24).astype(np.float32))
    with torch.no_grad():
        features = network(image)[0].squeeze(3).squeeze(2)
    print(features.shape, features.mean(), features.std(), features.max())
    np.save("inception_features.npy", features.numpy())
    with open("inception_weights.txt", "w") as file:
        for name, shape in sorted(SHAPES.items()):
            print(name, *shape, file=file)
