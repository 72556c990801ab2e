"""Prints the golden numbers of frechet.rs: python frechet.py (needs numpy and scipy).

Features are closed forms, so that the test can make them too.
"""

import numpy as np
from scipy import linalg


def features(n: int, dim: int, phase: float) -> np.ndarray:
    i, j = np.meshgrid(np.arange(1, n + 1), np.arange(1, dim + 1), indexing="ij")
    return np.sin(phase + 0.7 * i * j + 0.3 * i**2) + 0.1 * phase * np.cos(1.3 * j)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The formula with the root of the product, as it is usually computed."""
    c, s = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shift = a.mean(0) - b.mean(0)
    cross = linalg.sqrtm(c @ s)
    return shift @ shift + np.trace(c) + np.trace(s) - 2 * np.trace(np.real(cross))


for n, m, dim in [(200, 150, 5), (400, 300, 24), (12, 300, 24), (10, 14, 24), (9, 9, 40)]:
    print(n, m, dim, repr(distance(features(n, dim, 0.0), features(m, dim, 2.0))))
