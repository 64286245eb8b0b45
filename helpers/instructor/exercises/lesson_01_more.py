"""Lesson 01's exercises on many layers: forward, layer_statistics, orthogonal."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch

from helpers.compare import SINGLE, Judged, close
from helpers.instructor.exercise import Exercise
from helpers.values import Seed

ACTIVATIONS = ("sigmoid", "tanh", "relu")
Arrays = list[np.ndarray]
Statistics = dict[str, np.ndarray]


def _run(x: np.ndarray, weights: Arrays, activation: str) -> tuple[Arrays, Arrays]:
    """PyTorch's pre-activations and activations."""
    h, before, after = torch.from_numpy(x), [], []
    for w in weights:
        z = h @ torch.from_numpy(w)
        h = getattr(torch, activation)(z)
        before.append(z.numpy())
        after.append(h.numpy())
    return before, after


def _activate_input(x: np.ndarray, weights: Arrays, activation: str) -> Arrays:
    return _run(getattr(torch, activation)(torch.from_numpy(x)).numpy(), weights, activation)[1]


def _skip_last(x: np.ndarray, weights: Arrays, activation: str) -> Arrays:
    before, after = _run(x, weights, activation)
    return [*after[:-1], before[-1]]


def _no_chain(x: np.ndarray, weights: Arrays, activation: str) -> Arrays:
    """Each layer's pre-activation goes on to the next: the network is linear up to there."""
    h, out = x, []
    for w in weights:
        h = h @ w
        out.append(_run(h, [np.eye(h.shape[1])], activation)[1][0])
    return out


def _probe_networks(rng: np.random.Generator) -> dict[str, list[tuple[np.ndarray, Arrays, str]]]:
    """Every activation is a part: unequal widths; one input; one layer; six of equal widths."""

    def draw(name: str, samples: int, sizes: list[int]) -> tuple[np.ndarray, Arrays, str]:
        weights = [rng.normal(0, 0.9, s) for s in pairwise(sizes)]
        return rng.normal(0, 1.5, (samples, sizes[0])), weights, name

    widths = [int(w) for w in rng.permutation([2, 3, 4, 5])]
    return {
        name: [
            draw(name, 6, widths),
            draw(name, 1, widths[:3]),
            draw(name, 7, widths[1:3]),
            draw(name, 2, [6] * 7),
        ]
        for name in ACTIVATIONS
    }


FORWARD = Exercise(
    id="01.4",
    title="Forward through all layers",
    function="forward",
    points=1,
    oracle=lambda x, weights, activation: _run(x, weights, activation)[1],
    mistakes={
        "These are pre-activations: apply the activation before you store a layer's output.": (
            lambda x, weights, activation: _run(x, weights, activation)[0]
        ),
        "You store the right activation, but pass the pre-activation on to the next layer.": (
            _no_chain
        ),
        "You applied the activation to the input; the first layer gets x itself.": _activate_input,
        "Your list starts with the input; wanted are the outputs of the layers only.": (
            lambda x, weights, activation: [x, *_run(x, weights, activation)[1]]
        ),
        "You returned the last layer only; wanted is a list with every layer's output.": (
            lambda x, weights, activation: _run(x, weights, activation)[1][-1]
        ),
        "You left out the last layer's activation; here every layer has one.": _skip_last,
        "Your products are W h with weights of shape (fan_in, fan_out) and inputs in rows: "
        "write h @ W.": lambda x, weights, activation: [weights[0] @ x],
    },
    probes=_probe_networks,
    compare=SINGLE,
)

LIMITS = {"sigmoid": (0.02, 0.98), "tanh": (-0.96, 0.96)}


def _statistics(
    layers: Arrays,
    activation: str,
    *,
    across: Callable[[np.ndarray], float] = lambda h: float(np.sqrt(h.var(0).mean())),
    ddof: int = 0,
    sides: tuple[bool, bool] = (True, True),
    overall: Callable[[np.ndarray], float] | None = None,
    strict: bool = True,
) -> Statistics:
    low, high = LIMITS.get(activation, (None, None))
    rows = []
    for h in layers:
        std = overall(h) if overall else torch.tensor(h).std(correction=ddof).item()
        if low is None or high is None:
            beyond = h == 0
        else:
            beyond = ((h < low) & sides[0]) | ((h > high) & sides[1])
            beyond |= ((h == low) | (h == high)) & (not strict)
        rows.append((std, across(h), beyond.mean()))
    return dict(zip(("std", "across", "saturated"), np.array(rows, float).T, strict=True))


def _percent(layers: Arrays, activation: str) -> Statistics:
    found = _statistics(layers, activation)
    return found | {"saturated": 100 * found["saturated"]}


def _same_limits(layers: Arrays, activation: str) -> Statistics:
    """tanh's limits for the sigmoid too."""
    found = _statistics(layers, activation)
    if activation == "sigmoid":
        found["saturated"] = np.array([np.mean(np.abs(h) > 0.96) for h in layers])
    return found


def _probe_layers(rng: np.random.Generator) -> dict[str, list[tuple[Arrays, str]]]:
    """Every activation is a part: saturated, healthy and collapsed layers, limits met exactly."""

    def draw(name: str, scale: float, samples: int, widths: list[int]) -> tuple[Arrays, str]:
        layers = []
        for width in widths:
            z = rng.normal(0, scale, (samples, width)) + rng.normal(0.5, scale, width)
            layers.append(getattr(torch, name)(torch.from_numpy(z)).numpy())
        return layers, name

    edges = {"sigmoid": (0.02, 0.98), "tanh": (-0.96, 0.96), "relu": (0.0, 1e-12)}
    probes = {}
    for name in ACTIVATIONS:
        sizes = [int(w) for w in rng.integers(3, 7, 3)]
        exact = rng.uniform(0.1, 0.9, (3, 4))
        exact[0, :2] = edges[name]
        exact[1, 0] = -0.99 if name == "tanh" else 0.001
        probes[name] = [draw(name, 2.5, 5, sizes), ([exact], name), draw(name, 1.0, 1, sizes[:2])]
    return probes


LAYER_STATISTICS = Exercise(
    id="01.5",
    title="Three statistics of every layer",
    function="layer_statistics",
    points=1,
    oracle=_statistics,
    mistakes={
        "`across` has the wrong axis: axis 0 runs over the inputs, axis 1 over the units. Take "
        "each unit's variance over the inputs.": lambda layers, activation: _statistics(
            layers, activation, across=lambda h: float(np.sqrt(h.var(1).mean()))
        ),
        "For `across` you averaged the stds of the units. Variances add, stds do not: average "
        "the variances, then take the root.": lambda layers, activation: _statistics(
            layers, activation, across=lambda h: float(h.std(0).mean())
        ),
        "For `across` you measured how the units' means differ. That is the other part of the "
        "spread: what is the same for every input.": lambda layers, activation: _statistics(
            layers, activation, across=lambda h: float(h.mean(0).std())
        ),
        "`across` is a variance: its square root is missing.": lambda layers, activation: (
            _statistics(layers, activation, across=lambda h: float(h.var(0).mean()))
        ),
        "You divided by n − 1 (ddof=1). The spread of these very numbers divides by n.": (
            lambda layers, activation: _statistics(layers, activation, ddof=1)
        ),
        "You counted saturation on the upper side only; low outputs have a slope of nearly zero "
        "as well.": lambda layers, activation: _statistics(layers, activation, sides=(False, True)),
        "For tanh you left out the absolute value: an output of −0.99 is saturated as well.": (
            lambda layers, activation: _statistics(
                layers, activation, sides=(activation != "tanh", True)
            )
        ),
        "For the sigmoid you counted outputs above 0.98 only; those below 0.02 have a slope of "
        "nearly zero as well.": lambda layers, activation: _statistics(
            layers, activation, sides=(activation != "sigmoid", True)
        ),
        "For the sigmoid you counted outputs below 0.02 only; those above 0.98 have a slope of "
        "nearly zero as well.": lambda layers, activation: _statistics(
            layers, activation, sides=(True, activation != "sigmoid")
        ),
        "For `std` you averaged the stds of the units, which leaves out how their means differ. "
        "Wanted is the std of all entries at once, h.std().": lambda layers, activation: (
            _statistics(layers, activation, overall=lambda h: float(h.std(0).mean()))
        ),
        "`std` is a variance: its square root is missing.": lambda layers, activation: _statistics(
            layers, activation, overall=lambda h: float(h.var())
        ),
        "You count outputs that meet a limit exactly as saturated. Strictly beyond it is asked: "
        "compare with < and >, not with <= and >=.": lambda layers, activation: _statistics(
            layers, activation, strict=False
        ),
        "`saturated` is a share between 0 and 1, not a percentage.": _percent,
        "You used tanh's limits for the sigmoid: its outputs lie between 0 and 1, and its limits "
        "are 0.02 and 0.98.": _same_limits,
    },
    probes=_probe_layers,
    compare=close(rtol=1e-6, atol=1e-9),
)


def _orthogonal(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    """PyTorch's, drawn from a seed that rng gives."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    empty = torch.empty(rows, cols, dtype=torch.float64)
    return torch.nn.init.orthogonal_(empty, gain, generator=generator).numpy()


def _qr(
    rows: int, cols: int, rng: np.random.Generator, *, low: float | None = None, signs: bool = False
) -> np.ndarray:
    """With `low`, of numbers that are uniform from there to 1."""
    shape = (max(rows, cols), min(rows, cols))
    drawn = rng.standard_normal(shape) if low is None else rng.uniform(low, 1, shape)
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r)) if signs else q
    return q if rows >= cols else q.T


def _short_wide(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    """QR of a wide matrix gives a square Q: columns are missing."""
    q, r = np.linalg.qr(rng.standard_normal((rows, cols)))
    return gain * q * np.sign(np.diag(r))


def _normal(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    return gain * rng.standard_normal((rows, cols)) / np.sqrt(max(rows, cols))


def _normalized(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    w = rng.standard_normal((rows, cols))
    return gain * w / np.linalg.norm(w, axis=0 if rows >= cols else 1, keepdims=True)


def _own_generator(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    return gain * _qr(rows, cols, np.random.default_rng(0), signs=True)


def _probe_orthogonal(rng: np.random.Generator) -> list[tuple[int, int, float, Seed]]:
    """Tall, wide, square, long and short columns; one seed twice; many small ones at the end."""
    seeds = [Seed(int(s)) for s in rng.integers(1, 2**31, 209)]
    tall, wide = int(rng.integers(6, 12)), int(rng.integers(6, 12))
    gain = float(rng.uniform(1.2, 2.5))
    probes = [
        (tall, 4, gain, seeds[0]), (3, wide, gain, seeds[1]), (5, 5, 0.5, seeds[2]),
        (4, 1, gain, seeds[3]), (1, 1, gain, seeds[4]), (tall, 4, gain, seeds[0]),
        (tall, 4, gain, seeds[5]), (2, 4, gain, seeds[6]), (2, 4, gain, seeds[7]),
        (1000, 1, gain, seeds[208]),
    ]  # fmt: skip
    shapes = [(2, 2)] * 80 + [(1, 2)] * 60 + [(2, 1)] * 60
    return probes + [(*shape, 1.0, s) for shape, s in zip(shapes, seeds[8:208], strict=True)]


ORTHOGONAL = Exercise(
    id="01.6",
    title="An orthogonal matrix",
    function="orthogonal",
    points=2,
    oracle=_orthogonal,
    mistakes={
        "A wide matrix comes out transposed, or short of columns: QR needs the tall shape. "
        "Decompose (cols, rows) and transpose the result.": lambda rows, cols, gain, rng: (
            gain * _qr(max(rows, cols), min(rows, cols), rng, signs=True)
        ),
        "QR of a wide matrix gives a square Q, so columns are missing. Decompose (cols, rows) "
        "and transpose.": _short_wide,
        "The gain is applied twice.": lambda rows, cols, gain, rng: (
            gain**2 * _qr(rows, cols, rng, signs=True)
        ),
        "Your columns have the length √gain. The gain is not the square of a column's length, it "
        "multiplies the matrix.": lambda rows, cols, gain, rng: (
            gain**0.5 * _qr(rows, cols, rng, signs=True)
        ),
        "The gain is ignored.": lambda rows, cols, gain, rng: _qr(rows, cols, rng, signs=True),
        "The matrix is orthogonal, but the first entry is always on one side of 0: QR picks the "
        "signs by a rule of its own. Multiply each column of Q by the sign of R's diagonal.": (
            lambda rows, cols, gain, rng: gain * _qr(rows, cols, rng)
        ),
        "Tall matrices are right, but the first entry of a wide one is always on one side of 0: "
        "there, too, multiply by the sign of R's diagonal before you transpose.": (
            lambda rows, cols, gain, rng: gain * _qr(rows, cols, rng, signs=rows >= cols)
        ),
        "The matrix is orthogonal, but you decomposed uniform numbers: some directions come more "
        "often than others. Start from normal ones.": lambda rows, cols, gain, rng: (
            gain * _qr(rows, cols, rng, low=0.0, signs=True)
        ),
        "The matrix is orthogonal, but you decomposed numbers that are uniform around 0: some "
        "directions still come more often than others. Start from normal ones.": (
            lambda rows, cols, gain, rng: gain * _qr(rows, cols, rng, low=-1.0, signs=True)
        ),
        "These are normal random numbers of the right size, but their columns are not orthogonal: "
        "decompose them with QR.": _normal,
        "Columns of length 1 are not enough: any two of them must be orthogonal.": _normalized,
        "Draw from rng, the generator that you are given, and only from it.": _own_generator,
    },
    probes=_probe_orthogonal,
    compare=Judged("lesson_01.orthogonal"),
)

EXERCISES = (FORWARD, LAYER_STATISTICS, ORTHOGONAL)
