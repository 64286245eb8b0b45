"""Signals in wide random networks: what the layers' spread should be, before any is drawn.

Without biases a pre-activation is N(0, q) over the random weights, whatever the input. Mean-field
theory follows three numbers from layer to layer: q; the correlation of two inputs; and the variance
of the gradient (Poole et al. 2016, eqs. 3-5; Schoenholz et al. 2017, eqs. 2-10).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A plain sum over a fine grid: for smooth functions as exact as Gauss-Hermite quadrature, and
# still right for tanh(10 z), which is nearly a step. The grid is symmetric and leaves out 0, so
# that the kink of ReLU falls between two points.
GRID = np.linspace(-8.0, 8.0, 800)
DENSITY = np.exp(-(GRID**2) / 2)
DENSITY /= DENSITY.sum()
TERMS = 80  # of the Hermite series


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(z / 2))  # never overflows


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "tanh": lambda z: np.asarray(np.tanh(z)),
    "relu": lambda z: np.maximum(z, 0),
}
SLOPES: dict[str, Callable[[Array], Array]] = {
    "identity": np.ones_like,
    "sigmoid": lambda z: _sigmoid(z) * _sigmoid(-z),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: (z > 0).astype(float),
}


@dataclass(frozen=True)
class Prediction:
    """Theory for layers 1..L, each array (L,).

    Of the activations: `std` over units and inputs, `across` over inputs only, `cosine` of two
    inputs. `gradient` is the std of ∂loss/∂z for a unit-variance gradient at the top.
    """

    std: Array
    across: Array
    cosine: Array
    gradient: Array


def predict_signals(
    activation: str,
    depth: int,
    *,
    weight_var: float,
    bias_var: float = 0.0,
    input_var: float = 1.0,
    input_cosine: float = 0.0,
) -> Prediction:
    """The signals of a wide network whose weights have fan_in·Var(w) = `weight_var`.

    `input_var` is the mean square of the inputs, `input_cosine` the cosine of two of them. Layers
    are of equal width, so that fan_out·Var(w) is `weight_var` too. Raises ValueError for an unknown
    activation or a depth below 1.
    """
    if activation not in FUNCTIONS:
        raise ValueError(f"activation is one of {', '.join(FUNCTIONS)}; got {activation!r}")
    if depth < 1:
        raise ValueError(f"depth is the number of layers, at least 1; got {depth}")
    square, apart = input_var, 1 - input_cosine  # of the inputs: E[h²], 1 − cosine
    rows = []
    for _ in range(depth):
        q = weight_var * square + bias_var
        apart = weight_var * square * apart / q if q > 0 else 0.0  # a shared bias brings them near
        total, mean, spread = _moments(activation, q, apart)
        slope = float(DENSITY @ SLOPES[activation](np.sqrt(q) * GRID) ** 2)
        square, apart = total, (spread / total if total > 0 else 0.0)
        rows.append((np.sqrt(max(total - mean**2, 0.0)), np.sqrt(spread), 1 - apart, slope))
    std, across, cosine, slopes = np.array(rows).T
    factors = np.append(weight_var * slopes[:-1], slopes[-1])  # χ of each layer; no W above the top
    gradient = np.sqrt(np.cumprod(factors[::-1])[::-1])
    return Prediction(std, across, cosine, gradient)


def _moments(activation: str, q: float, apart: float) -> tuple[float, float, float]:
    """E[φ²], E[φ] and the variance of φ over inputs, for z ~ N(0, q) and 1 − correlation `apart`.

    With φ(√q z) = Σ aₖ Heₖ(z), two inputs of correlation c have E[φφ'] = Σ aₖ² cᵏ. Summing
    aₖ²(1 − cᵏ) instead keeps all digits when the inputs have nearly become one.
    """
    scale = np.sqrt(q)
    values = FUNCTIONS[activation](scale * GRID)
    coefficients = _hermite() @ (DENSITY * values)  # (TERMS,)
    total = float(DENSITY @ values**2)
    powers = np.arange(TERMS)
    with np.errstate(divide="ignore"):  # log 0 for orthogonal inputs: c^k is 0 from k = 1 on
        differ = -np.expm1(np.append(0.0, powers[1:] * np.log1p(-min(apart, 1.0))))  # 1 − cᵏ
    beyond = max(total - float(coefficients @ coefficients), 0.0)  # the terms that were left out
    spread = float(coefficients**2 @ differ) + beyond * float(differ[-1])
    return total, float(coefficients[0]), spread


@cache
def _hermite() -> Array:
    """Orthonormal Hermite polynomials on the grid, (TERMS, len(GRID))."""
    rows = [np.ones_like(GRID), GRID]
    for k in range(1, TERMS - 1):
        rows.append((GRID * rows[k] - np.sqrt(k) * rows[k - 1]) / np.sqrt(k + 1))
    return np.array(rows)


def critical_gain(activation: str, *, bias_var: float = 0.0) -> float:
    """The gain σ_w at which two nearly equal inputs neither meet nor part (χ = 1 at the fixed q).

    Found by bisection (Schoenholz et al. 2017, section 3).
    """
    low, high = 0.1, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        q = _fixed_point(activation, middle**2, bias_var)
        chi = middle**2 * float(DENSITY @ SLOPES[activation](np.sqrt(q) * GRID) ** 2)
        low, high = (middle, high) if chi < 1 else (low, middle)
    return (low + high) / 2


def _fixed_point(activation: str, weight_var: float, bias_var: float) -> float:
    q = 1.0
    for _ in range(500):
        square = float(DENSITY @ FUNCTIONS[activation](np.sqrt(q) * GRID) ** 2)
        q = min(weight_var * square + bias_var, 1e6)  # ReLU's q grows without end
    return q
