"""What deep random networks do to directions: Jacobian spectra, and inputs that meet or part."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CRITICAL_GAINS = {"linear": 1.0, "tanh": 1.0, "relu": 2**0.5}  # no biases, small inputs


def jacobian_spectra(
    rng: np.random.Generator, *, activation: str, orthogonal: bool, depth: int, width: int = 100
) -> Array:
    """Singular values of ∂h_l/∂x for l = 1..depth, largest first, (depth, width).

    Each layer has the activation's critical gain; the input is 0.1·N(0, 1), where tanh is nearly
    linear. Below 1e-16 of the largest, float64 knows nothing (Saxe et al. 2014, section 3;
    Pennington et al. 2017). Raises ValueError for an unknown activation.
    """
    if activation not in CRITICAL_GAINS:
        raise ValueError(f"activation is one of {', '.join(CRITICAL_GAINS)}; got {activation!r}")
    h, jacobian = 0.1 * rng.standard_normal(width), np.eye(width)
    spectra = []
    for _ in range(depth):
        w = rng.standard_normal((width, width)) / np.sqrt(width)
        if orthogonal:
            w = np.linalg.qr(w)[0]
        z = CRITICAL_GAINS[activation] * (h @ w)
        h, slope = _activate(z, activation)
        jacobian = CRITICAL_GAINS[activation] * (jacobian @ w) * slope  # rows: inputs
        spectra.append(np.linalg.svd(jacobian, compute_uv=False))
    return np.array(spectra)


def _activate(z: Array, activation: str) -> tuple[Array, Array]:
    """φ(z) and φ'(z)."""
    if activation == "tanh":
        h = np.tanh(z)
        return h, 1 - h**2
    if activation == "relu":
        return np.maximum(z, 0), (z > 0).astype(float)
    return z, np.ones_like(z)


def count_kept(spectra: Array) -> NDArray[np.int64]:
    """How many singular values are above a tenth of the largest, along the last axis."""
    return np.asarray((spectra > 0.1 * spectra[..., :1]).sum(-1))


def meet_or_part(
    rng: np.random.Generator,
    gains: Sequence[float],
    *,
    starts: Sequence[float],
    depth: int = 30,
    width: int = 200,
    bias_std: float = 0.3,
) -> Array:
    """Cosines of two inputs' activations in every layer of a tanh network.

    `starts` are the cosines of the inputs; returns (gains, starts, depth + 1), the inputs first.
    All gains and pairs go through the same random matrices and biases.
    """
    pairs = np.stack([_make_pair(rng, c, width) for c in starts])  # (starts, 2, width)
    h = np.broadcast_to(pairs, (len(gains), *pairs.shape))
    scale = np.asarray(gains, float)[:, None, None, None] / np.sqrt(width)
    found = [_cosine(h)]
    for _ in range(depth):
        w, b = rng.standard_normal((width, width)), bias_std * rng.standard_normal(width)
        h = np.tanh(scale * (h @ w) + b)
        found.append(_cosine(h))
    return np.stack(found, -1)


def _make_pair(rng: np.random.Generator, cosine: float, width: int) -> Array:
    """Two vectors of mean square 1 whose cosine is exact, (2, width)."""
    q = np.linalg.qr(rng.standard_normal((width, 2)))[0].T * np.sqrt(width)
    return np.stack([q[0], cosine * q[0] + np.sqrt(1 - cosine**2) * q[1]])


def _cosine(h: Array) -> Array:
    a, b = h[..., 0, :], h[..., 1, :]
    return (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
