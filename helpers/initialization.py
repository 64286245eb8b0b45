"""Signals through random networks of equal width: forward, backward, and what they amount to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Stats = NDArray[np.float64]

WIDTH = 100
# fan_in·Var(w) of a square layer. The last two are fixed stds, whatever the width.
WEIGHT_VARS = {
    "Xavier (= LeCun here)": 1.0,
    "He": 2.0,
    "orthogonal": 1.0,
    "PyTorch's nn.Linear": 1 / 3,
    "std 1": float(WIDTH),
    "std 0.01": 1e-4 * WIDTH,
}
BEYOND = {"sigmoid": (0.02, 0.98), "tanh": (-0.96, 0.96), "relu": (0.0, np.inf)}  # saturated
TINY = 1e-300


@dataclass(frozen=True)
class Draws:
    """What is random, drawn once: every network of one seed is a scaling of the same matrices.

    `inputs` and `top` (gradient at the top) are N(0, 1), (samples, width); each of `matrices` is
    (depth, width, width) with width·Var(w) = 1.
    """

    inputs: Array
    top: Array
    matrices: dict[str, Array]


@dataclass(frozen=True)
class Signals:
    """Layers 1..L of one network. `layers` are activations (samples, width), divided by `scales`.

    Stds are log10, (L,): of ReLU networks they would overflow. `saturated` is a share: beyond
    `BEYOND`, or exactly 0 for ReLU.
    """

    activation: str
    layers: list[Array]
    scales: Stats
    log_std: Stats
    log_across: Stats
    log_gradient: Stats
    saturated: Stats

    @property
    def log_returned(self) -> float:
        """log10 of the gradient's std in layer 1 over that in the last layer."""
        return float(self.log_gradient[0] - self.log_gradient[-1])


def draw(seed: int, *, samples: int = 256, width: int = WIDTH, depth: int = 30) -> Draws:
    """Inputs, top gradient, and normal, uniform and orthogonal matrices, all float32."""
    rng = np.random.default_rng([seed, 101])
    shape = (depth, width, width)
    normal = rng.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(width))
    half = np.sqrt(3 / width)
    uniform = rng.uniform(-half, half, shape).astype(np.float32)
    orthogonal = np.linalg.qr(normal.astype(np.float64))[0].astype(np.float32)
    inputs, top = rng.standard_normal((2, samples, width), dtype=np.float32)
    return Draws(inputs, top, {"normal": normal, "uniform": uniform, "orthogonal": orthogonal})


def find_matrices(draws: Draws, scheme: str) -> Array:
    """The unit-variance matrices of a scheme of `WEIGHT_VARS`, (depth, width, width)."""
    if scheme not in WEIGHT_VARS:
        raise ValueError(f"scheme is one of {', '.join(WEIGHT_VARS)}; got {scheme!r}")
    kinds = {"orthogonal": "orthogonal", "PyTorch's nn.Linear": "uniform"}
    return draws.matrices[kinds.get(scheme, "normal")]


def measure_signals(
    draws: Draws, *, activation: str, scheme: str, gain: float, depth: int
) -> Signals:
    """One forward and one backward pass through `depth` layers h ← φ(h W), without biases.

    The std of every weight is the scheme's times `gain`. Raises ValueError for unknown names or
    more layers than were drawn.
    """
    if activation not in BEYOND:
        raise ValueError(f"activation is one of {', '.join(BEYOND)}; got {activation!r}")
    bases = find_matrices(draws, scheme)
    if not 1 <= depth <= len(bases):
        raise ValueError(f"depth is from 1 to {len(bases)}, the layers drawn; got {depth}")
    weights = bases[:depth] * np.float32(gain * np.sqrt(WEIGHT_VARS[scheme]))
    layers, log_scales = _forward(draws.inputs, weights, activation)
    spreads = np.array([_spreads(h) for h in layers])
    log_std, log_across = np.log10(np.maximum(spreads.T, TINY)) + log_scales
    return Signals(
        activation=activation,
        layers=layers,
        scales=10.0 ** np.clip(log_scales, -300, 300),
        log_std=log_std,
        log_across=log_across,
        log_gradient=_backward(draws.top, layers, weights, activation),
        saturated=np.array([_saturated(h, activation) for h in layers]),
    )


def verdict(signals: Signals) -> str:
    """What depth does to the signals, and to the gradient on its way back, in a few words.

    Between the first and the last layer a factor of 10 counts as fading or growing, one of 100 as
    vanished or exploded. In the last layer inputs align when more than half of the variance is
    offsets of the units, the same for all inputs; they have collapsed when more than 99 % is.
    """
    found = [_tell_change("activations", signals.log_std[-1] - signals.log_std[0])]
    across = signals.log_across[-1] - signals.log_std[-1]
    if across < -1:
        found.append("inputs have collapsed")
    elif across < np.log10(0.5) / 2:
        found.append("inputs align")
    if signals.activation != "relu" and signals.saturated[-1] > 0.5:
        found.append(f"{signals.saturated[-1]:.0%} saturated".replace("%", " %"))
    found.append(_tell_change("gradients", signals.log_returned))
    text = ", ".join(filter(None, found)) or "healthy"
    return text[0].upper() + text[1:]


def _tell_change(what: str, decades: float) -> str:
    """Nothing to say within a factor of 10."""
    if abs(decades) <= 1:
        return ""
    down, up = ("fade", "grow") if abs(decades) <= 2 else ("vanish", "explode")
    return f"{what} {up if decades > 0 else down}"


def _forward(x: Array, weights: Array, activation: str) -> tuple[list[Array], Stats]:
    """Activations and log10 of the scale that each was divided by.

    ReLU networks are positively homogeneous: each layer may be rescaled, and none overflows.
    """
    h, layers, logs, log = x, [], [], 0.0
    for w in weights:
        z = h @ w
        if activation == "relu":
            h = np.maximum(z, 0, out=z)
            scale = max(float(h.std()), 1e-30)
            h /= np.float32(scale)
            log += np.log10(scale)
        elif activation == "tanh":
            h = np.tanh(z, out=z)
        else:
            h = np.tanh(z * np.float32(0.5), out=z) * np.float32(0.5) + np.float32(0.5)
        layers.append(h)
        logs.append(log)
    return layers, np.array(logs)


def _backward(top: Array, layers: list[Array], weights: Array, activation: str) -> Stats:
    """log10 of the std of ∂loss/∂z, (L,), for the gradient `top` at the last activations.

    A gradient is linear in the one above it: each is rescaled, and none under- or overflows.
    """
    gradient, log, logs = top, 0.0, []
    for k in range(len(layers) - 1, -1, -1):
        h = layers[k]
        if activation == "relu":
            gradient = gradient * (h > 0)
        elif activation == "tanh":
            gradient = gradient * (1 - h * h)
        else:
            gradient = gradient * (h * (1 - h))
        flat = gradient.ravel()
        size = float(np.sqrt(flat @ flat / flat.size))  # its mean is 0
        if size > 0:
            gradient *= np.float32(1 / size)
        log += np.log10(max(size, 1e-45))
        logs.append(log)
        gradient = gradient @ weights[k].T
    return np.array(logs[::-1])


def _spreads(h: Array) -> tuple[float, float]:
    """Std over everything, and root mean square over units of the std across samples."""
    n, top = len(h), float(np.abs(h).max())
    if 0 < top < 1e-15:  # its squares would underflow
        std, across = _spreads(h / np.float32(top))
        return top * std, top * across
    means = np.ones(n, np.float32) @ h / np.float32(n)  # (units,)
    centered = (h - means).ravel()
    variance = float(centered @ centered) / h.size  # a dot product is three times faster than std
    return float(np.sqrt(variance + means.var(dtype=np.float64))), float(np.sqrt(variance))


def _saturated(h: Array, activation: str) -> float:
    low, high = BEYOND[activation]
    if activation == "relu":
        return 1 - np.count_nonzero(h) / h.size
    return (np.count_nonzero(h < low) + np.count_nonzero(h > high)) / h.size
