"""Lesson 00, continued: activations, their derivatives, maxout, dead units."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from helpers.compare import SINGLE
from helpers.instructor.exercise import Exercise, Probe

Array = NDArray[np.float64]
Rule = Callable[[Array, float], Any]
NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "silu")
TORCH: dict[str, Callable[..., torch.Tensor]] = {
    "sigmoid": lambda x, alpha: torch.sigmoid(x),
    "tanh": lambda x, alpha: torch.tanh(x),
    "relu": lambda x, alpha: torch.relu(x),
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "silu": lambda x, alpha: F.silu(x),
}


def _activate(name: str, x: Array, alpha: float) -> Array:
    return TORCH[name](torch.from_numpy(x), alpha).numpy()


def _gradient(name: str, x: Array, alpha: float) -> Array:
    at = torch.from_numpy(x).requires_grad_()
    (slope,) = torch.autograd.grad(TORCH[name](at, alpha).sum(), at)
    return slope.numpy()


def _but(right: Callable[[str, Array, float], Any], **rules: Rule) -> Callable[..., Any]:
    """PyTorch's answer, but for the functions that have another rule."""

    def answer(name: str, x: Array, alpha: float) -> Any:
        return rules[name](x, alpha) if name in rules else right(name, x, alpha)

    return answer


def _sigmoid(x: Array) -> Array:
    return _activate("sigmoid", x, 1.0)


def _tanh_by_exp(x: Array, alpha: float) -> Array:
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


def _choose_by_if(x: Array, alpha: float) -> Any:
    return x if x > 0 else alpha * x  # raises ValueError: x holds many numbers


def _points(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Both signs, away from 0."""
    return np.round(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.2, 3.0, shape), 3)


def _activation_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(name: str) -> list[Probe]:
        low, high = (0.05, 0.3) if name == "leaky_relu" else (0.4, 0.8)
        alpha = float(np.round(rng.uniform(low, high), 3))
        near, far = rng.uniform(0.15, 0.8, 2), rng.uniform(1.2, 3, 3)
        line = np.round(np.r_[-near, near, -far[:2], far[2:]], 3)  # also between 0 and ±1
        tails, width = rng.uniform(4, 9, 2), int(rng.integers(2, 5))
        edges = np.round(np.r_[0.0, -1000.0, 1000.0, -tails[0], tails[1]], 3)
        return [
            (name, line, alpha),
            (name, _points(rng, (2, width)), float(np.round(3 * alpha, 3))),
            (name, _points(rng, (2, 1, width)), alpha),
            (name, edges, alpha),
        ]

    return {name: draw(name) for name in NAMES}


ACTIVATION = Exercise(
    id="00.4",
    title="Six activation functions",
    function="activation",
    points=1,
    oracle=_activate,
    mistakes={
        "leaky_relu: the slope α belongs to the negative side; positive inputs pass unchanged.": (
            _but(_activate, leaky_relu=lambda x, a: np.where(x > 0, a * x, x))
        ),
        "elu: the negative side is α·(exp(x) − 1); you left out α.": (
            _but(_activate, elu=lambda x, a: np.where(x > 0, x, np.expm1(np.minimum(x, 0))))
        ),
        "elu: α stands before exp(x) − 1, not in the exponent.": (
            _but(_activate, elu=lambda x, a: np.where(x > 0, x, np.expm1(a * np.minimum(x, 0))))
        ),
        "elu: the negative side is α·(exp(x) − 1); without the −1 it jumps at 0.": (
            _but(_activate, elu=lambda x, a: np.where(x > 0, x, a * np.exp(np.minimum(x, 0))))
        ),
        "elu: α stands before the whole of exp(x) − 1, so this needs its brackets. At 0 the two "
        "sides must meet.": (
            _but(_activate, elu=lambda x, a: np.where(x > 0, x, a * np.exp(np.minimum(x, 0)) - 1))
        ),
        "elu: the negative side is α·(exp(x) − 1), below 0. You have 1 − exp(x): its mirror "
        "image.": (
            _but(_activate, elu=lambda x, a: np.where(x > 0, x, -a * np.expm1(np.minimum(x, 0))))
        ),
        "elu: the larger of the two sides is not always the right one: for x > 0, α·(exp(x) − 1) "
        "overtakes x. np.where(x > 0, …) chooses by the sign.": (
            _but(_activate, elu=lambda x, a: np.maximum(x, a * (np.exp(x) - 1)))
        ),
        "leaky_relu: below 0 your function is 0, that of ReLU. There it is α·x.": (
            _but(_activate, leaky_relu=lambda x, a: np.maximum(x, 0))
        ),
        "leaky_relu: the larger of x and α is no slope: α must be multiplied by x.": (
            _but(_activate, leaky_relu=lambda x, a: np.maximum(x, a))
        ),
        "leaky_relu: your slope is 0.01, whatever α says. Use `alpha`.": (
            _but(_activate, leaky_relu=lambda x, a: np.where(x > 0, x, 0.01 * x))
        ),
        "leaky_relu: the negative side is α·x, which is negative. Yours has the other sign.": (
            _but(_activate, leaky_relu=lambda x, a: np.where(x > 0, x, -a * x))
        ),
        "elu: you add two sides, each times its mask. At x = 1000 that is 0 · inf = NaN: the "
        "mask does not keep exp from overflowing. np.where chooses instead.": (
            _but(_activate, elu=lambda x, a: (x > 0) * x + (x <= 0) * a * (np.exp(x) - 1))
        ),
        "sigmoid: exp(x) / (1 + exp(x)) is inf / inf = NaN at x = 1000. 1 / (1 + exp(−x)) is the "
        "same function and does not break.": (
            _but(_activate, sigmoid=lambda x, a: np.exp(x) / (1 + np.exp(x)))
        ),
        "silu: x · exp(x) / (1 + exp(x)) is inf / inf = NaN at x = 1000. x / (1 + exp(−x)) is the "
        "same function and does not break.": (
            _but(_activate, silu=lambda x, a: x * np.exp(x) / (1 + np.exp(x)))
        ),
        "sigmoid and silu: exp(x) / (1 + exp(x)) is inf / inf = NaN at x = 1000. "
        "1 / (1 + exp(−x)) is the same function and does not break.": (
            _but(
                _activate,
                sigmoid=lambda x, a: np.exp(x) / (1 + np.exp(x)),
                silu=lambda x, a: x * np.exp(x) / (1 + np.exp(x)),
            )
        ),
        "sigmoid: the exponent has the wrong sign. It must rise from 0 to 1.": (
            _but(_activate, sigmoid=lambda x, a: _sigmoid(-x))
        ),
        "sigmoid and silu: the exponent has the wrong sign. The sigmoid must rise from 0 to 1.": (
            _but(_activate, sigmoid=lambda x, a: _sigmoid(-x), silu=lambda x, a: x * _sigmoid(-x))
        ),
        "tanh: written with exp it is inf / inf = NaN at x = 1000. np.tanh takes care of that.": (
            _but(_activate, tanh=_tanh_by_exp)
        ),
        "tanh: 2·sigmoid(x) − 1 has the right limits and half the slope. tanh is "
        "2·sigmoid(2x) − 1, or np.tanh.": _but(_activate, tanh=lambda x, a: 2 * _sigmoid(x) - 1),
        "silu: the sigmoid of x must be multiplied by x.": (
            _but(_activate, silu=lambda x, a: _sigmoid(x))
        ),
        "silu: α has no place in it; it is x · sigmoid(x).": (
            _but(_activate, silu=lambda x, a: x * _sigmoid(a * x))
        ),
        "relu: np.minimum keeps the negative inputs and makes the positive ones 0. Take the larger "
        "of x and 0.": _but(_activate, relu=lambda x, a: np.minimum(x, 0)),
        "relu: negative inputs become 0, not their absolute value.": (
            _but(_activate, relu=lambda x, a: np.abs(x))
        ),
        "relu: `if x > 0` and Python's `max(x, 0)` ask for one answer, and x holds many numbers. "
        "`np.maximum(x, 0)` compares entry by entry.": _but(_activate, relu=_choose_by_if),
        "relu, leaky_relu, elu: `if x > 0` asks for one answer, and x holds many numbers. "
        "`np.where(x > 0, a, b)` chooses entry by entry.": (
            _but(_activate, relu=_choose_by_if, leaky_relu=_choose_by_if, elu=_choose_by_if)
        ),
        "leaky_relu, elu: `if x > 0` asks for one answer, and x holds many numbers. "
        "`np.where(x > 0, a, b)` chooses entry by entry.": (
            _but(_activate, leaky_relu=_choose_by_if, elu=_choose_by_if)
        ),
    },
    probes=_activation_probes,
    compare=SINGLE,
)


ACTIVATION_GRAD = Exercise(
    id="00.5",
    title="Their derivatives",
    function="activation_grad",
    points=1,
    oracle=_gradient,
    mistakes={
        "leaky_relu: the slope is α on the negative side and 1 on the positive one.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x > 0, a, 1.0))
        ),
        "elu: the derivative of α·(exp(x) − 1) is α·exp(x); you left out α.": (
            _but(_gradient, elu=lambda x, a: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))))
        ),
        "elu: the derivative of α·(exp(x) − 1) is α·exp(x). The −1 is a constant: it goes.": (
            _but(_gradient, elu=lambda x, a: np.where(x > 0, 1.0, a * np.expm1(np.minimum(x, 0))))
        ),
        "sigmoid: exp(−x) / (1 + exp(−x))² is inf / inf = NaN at x = −1000. With s = sigmoid(x) "
        "it is s·(1 − s), which does not break.": (
            _but(_gradient, sigmoid=lambda x, a: np.exp(-x) / (1 + np.exp(-x)) ** 2)
        ),
        "sigmoid: in s·(1 − s), s is the sigmoid of x. You put x itself in its place.": (
            _but(_gradient, sigmoid=lambda x, a: x * (1 - x))
        ),
        "tanh: in 1 − t², t is tanh(x). You put x itself in its place.": (
            _but(_gradient, tanh=lambda x, a: 1 - x**2)
        ),
        "sigmoid and tanh: in s·(1 − s) and 1 − t², s is sigmoid(x) and t is tanh(x). You put x "
        "itself in their place.": (
            _but(_gradient, sigmoid=lambda x, a: x * (1 - x), tanh=lambda x, a: 1 - x**2)
        ),
        "tanh: the derivative is 1 − tanh(x)²; you left out the square.": (
            _but(_gradient, tanh=lambda x, a: 1 - np.tanh(x))
        ),
        "relu, leaky_relu or elu at x = 0: the function has a kink there. The course does as "
        "PyTorch does and takes the slope of the left side: only x > 0 has slope 1.": (
            _but(
                _gradient,
                relu=lambda x, a: np.where(x >= 0, 1.0, 0.0),
                leaky_relu=lambda x, a: np.where(x >= 0, 1.0, a),
                elu=lambda x, a: np.where(x >= 0, 1.0, a * np.exp(np.minimum(x, 0))),
            )
        ),
        "relu at x = 0: the function has a kink there. The course does as PyTorch does and takes "
        "the slope of the left side: 0.": (
            _but(_gradient, relu=lambda x, a: np.where(x >= 0, 1.0, 0.0))
        ),
        "leaky_relu at x = 0: the function has a kink there. The course does as PyTorch does and "
        "takes the slope of the left side: α.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x >= 0, 1.0, a))
        ),
        "elu at x = 0: the function has a kink there (unless α is 1). The course does as PyTorch "
        "does and takes the slope of the left side: α.": (
            _but(_gradient, elu=lambda x, a: np.where(x >= 0, 1.0, a * np.exp(np.minimum(x, 0))))
        ),
        "relu, leaky_relu and elu at x = 0: a difference over both sides of a kink gives the mean "
        "of two slopes. Asked is the slope of the left side; write the derivatives as formulas.": (
            _but(
                _gradient,
                relu=lambda x, a: np.heaviside(x, 0.5),
                leaky_relu=lambda x, a: a + (1 - a) * np.heaviside(x, 0.5),
                elu=lambda x, a: np.where(x == 0, (1 + a) / 2, _gradient("elu", x, a)),
            )
        ),
        "relu at x = 0: you take the mean of two slopes. The course does as PyTorch does and takes "
        "the slope of the left side: 0.": (_but(_gradient, relu=lambda x, a: np.heaviside(x, 0.5))),
        "leaky_relu: below 0 the function is α·x, its slope is α. You return the value.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x > 0, 1.0, a * x))
        ),
        "leaky_relu: your slope below 0 is 0.01, whatever α says. Use `alpha`.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x > 0, 1.0, 0.01))
        ),
        "leaky_relu: below 0 its slope is α; yours has the other sign.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x > 0, 1.0, -a))
        ),
        "relu: its slope is 1 above 0 and 0 below. np.sign gives −1 below.": (
            _but(_gradient, relu=lambda x, a: np.sign(x))
        ),
        "sigmoid: the derivative is s·(1 − s) = s − s²; you have 1 − s².": (
            _but(_gradient, sigmoid=lambda x, a: 1 - _sigmoid(x) ** 2)
        ),
        "leaky_relu: below 0 its slope is α, not 0. That is the point of it.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x > 0, 1.0, 0.0))
        ),
        "relu: you return the function's value; its slope is 1 wherever x > 0.": (
            _but(_gradient, relu=lambda x, a: np.maximum(x, 0))
        ),
        "elu: you add two sides, each times its mask. At x = 1000 that is 0 · inf = NaN: the "
        "mask does not keep exp from overflowing. np.where chooses instead.": (
            _but(_gradient, elu=lambda x, a: (x > 0) + (x <= 0) * a * np.exp(x))
        ),
        "sigmoid: you return the sigmoid itself; its derivative is s·(1 − s).": (
            _but(_gradient, sigmoid=lambda x, a: _sigmoid(x))
        ),
        "tanh: t·(1 − t) has the sigmoid's form. The derivative of tanh is 1 − t².": (
            _but(_gradient, tanh=lambda x, a: np.tanh(x) * (1 - np.tanh(x)))
        ),
        "silu: in the second term, x · sigmoid′(x), the factor x is missing.": (
            _but(_gradient, silu=lambda x, a: _sigmoid(x) * (2 - _sigmoid(x)))
        ),
        "silu: in the second term, x · sigmoid′(x), you have x·(1 − s). sigmoid′ is s·(1 − s).": (
            _but(_gradient, silu=lambda x, a: _sigmoid(x) + x * (1 - _sigmoid(x)))
        ),
        "silu: it is a product, x · sigmoid(x). The product rule gives two terms: "
        "sigmoid(x) + x · sigmoid′(x).": (
            _but(_gradient, silu=lambda x, a: _sigmoid(x) * (1 - _sigmoid(x)))
        ),
        "silu: of the two terms of the product rule, x · sigmoid′(x) is missing.": (
            _but(_gradient, silu=lambda x, a: _sigmoid(x))
        ),
        "silu: of the two terms of the product rule, sigmoid(x) is missing.": (
            _but(_gradient, silu=lambda x, a: x * _sigmoid(x) * (1 - _sigmoid(x)))
        ),
        "tanh: you return tanh itself; its derivative is 1 − t².": (
            _but(_gradient, tanh=lambda x, a: np.tanh(x))
        ),
        "elu: you return the function's value; its slope is 1 for x > 0 and α·exp(x) below.": (
            _but(_gradient, elu=lambda x, a: _activate("elu", x, a))
        ),
        "silu: you return the function's value; asked is its slope.": (
            _but(_gradient, silu=lambda x, a: x * _sigmoid(x))
        ),
        "leaky_relu: you return the function's value; its slope is 1 for x > 0 and α below.": (
            _but(_gradient, leaky_relu=lambda x, a: np.where(x > 0, x, a * x))
        ),
        "You return the functions' values; asked are their derivatives.": _activate,
    },
    probes=_activation_probes,
    compare=SINGLE,
)


# 00.6 maxout


def _maxout(x: Array, weights: Array, biases: Array) -> Array:
    """torch's: every piece is a linear layer."""
    a, w, b = (torch.from_numpy(t) for t in (x, weights, biases))
    pieces = [F.linear(a, piece.T, bias) for piece, bias in zip(w, b, strict=True)]
    return torch.stack(pieces).amax(0).numpy()


def _pieces(x: Array, weights: Array, biases: Array) -> Array:
    """(k, n, units)"""
    return np.asarray(x @ weights + biases[:, None])


def _farthest_piece(x: Array, weights: Array, biases: Array) -> Array:
    pieces = _pieces(x, weights, biases)
    return np.take_along_axis(pieces, np.abs(pieces).argmax(0)[None], 0)[0]


def _maxout_probes(rng: np.random.Generator) -> list[Probe]:
    """Also a single example, piece, unit; in the last every piece is far below 0."""
    drawn: list[Probe] = []
    sizes = ((3, 2, 5, 4), (5, 4, 2, 3), (1, 3, 4, 2), (2, 3, 3, 1), (4, 2, 1, 3))
    for n, d, units, k in sizes:
        x, weights, biases = (
            np.round(rng.normal(0, 1.5, shape), 2) for shape in ((n, d), (k, d, units), (k, units))
        )
        drawn.append((x, weights, biases))
    x, weights, biases = drawn[-1]
    drawn[-1] = (x, weights, biases - float(rng.integers(1500, 4000)))
    return drawn


MAXOUT = Exercise(
    id="00.6",
    title="A maxout layer",
    function="maxout",
    points=1,
    oracle=_maxout,
    mistakes={
        "You take the maximum over the units. Each unit has its own k pieces: take the maximum "
        "over the pieces, so that (n, units) is left.": (
            lambda x, weights, biases: _pieces(x, weights, biases).max(2).T
        ),
        "You take the maximum over the units, which are the last axis of the pieces. Each unit has "
        "its own k pieces: take the maximum over those, so that (n, units) is left.": (
            lambda x, weights, biases: _pieces(x, weights, biases).max(2)
        ),
        "You subtract the biases: a piece is xW + b.": (
            lambda x, weights, biases: _pieces(x, weights, -biases).max(0)
        ),
        "You take the maximum over the examples. Each example keeps its own row: take the maximum "
        "over the pieces.": lambda x, weights, biases: _pieces(x, weights, biases).max(1),
        "You take the maximum before the biases are added. They belong to the pieces: add them "
        "first.": lambda x, weights, biases: (x @ weights).max(0) + biases.max(0),
        "The biases are missing: a piece is xW + b.": (
            lambda x, weights, biases: (x @ weights).max(0)
        ),
        "You add the pieces up. A maxout unit passes on only the largest of them.": (
            lambda x, weights, biases: _pieces(x, weights, biases).sum(0)
        ),
        "You average the pieces; that is a linear layer again. Take the largest.": (
            lambda x, weights, biases: _pieces(x, weights, biases).mean(0)
        ),
        "You also take the maximum with 0. Maxout has no 0 in it: a unit may be negative.": (
            lambda x, weights, biases: np.maximum(_maxout(x, weights, biases), 0)
        ),
        "You take absolute values. The largest value counts, with its sign.": (
            lambda x, weights, biases: np.abs(_pieces(x, weights, biases)).max(0)
        ),
        "You take the piece with the largest absolute value. The largest value counts: −3 is "
        "smaller than 1.": _farthest_piece,
        "You return the number of the largest piece (argmax). Asked is its value: max.": (
            lambda x, weights, biases: _pieces(x, weights, biases).argmax(0).astype(float)
        ),
        "NumPy lines shapes up from the right: biases of (k, units) beside (k, n, units) meet n, "
        "not k. Make them (k, 1, units): `biases[:, None, :]`.": (
            lambda x, weights, biases: (x @ weights + biases).max(0)
        ),
        "You take two pieces. There are k of them, `len(weights)`: one is possible, and four.": (
            lambda x, weights, biases: _pieces(x, weights[:2], biases[:2])[[0, 1]].max(0)
        ),
        "You take the smallest piece; asked is the largest.": (
            lambda x, weights, biases: _pieces(x, weights, biases).min(0)
        ),
    },
    probes=_maxout_probes,
    compare=SINGLE,
)


# 00.7 dead units


def _dead_fraction(preactivations: Array) -> float:
    """A unit is dead when no example sends a gradient back through its ReLU."""
    z = torch.tensor(preactivations, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch.relu(z).sum(), z)
    return float((gradient.abs().sum(0) == 0).double().mean())


def _draw_layer(rng: np.random.Generator, n: int) -> Probe:
    """Units that are dead, dead with a 0, alive for one example, for some, and always."""
    negative = -rng.uniform(0.1, 5, (n, 4 + int(rng.integers(3))))
    negative[int(rng.integers(n)), 0] = 0.0  # still dead: the slope at 0 is 0
    once = -rng.uniform(0.5, 5, (n, 3))
    once[int(rng.integers(n))] = rng.uniform(0.01, 0.3, 3)
    rare = -rng.uniform(0.1, 0.3, (n, 1))  # off for most, and yet its mean is above 0
    rare[int(rng.integers(n))] = rng.uniform(4, 6)
    some = rng.uniform(0.1, 3, (n, 2))
    some[int(rng.integers(n))] *= -1
    units = np.concatenate([negative, once, rare, some, rng.uniform(0.1, 3, (n, 2))], axis=1)
    units = np.round(np.concatenate([units, -rng.uniform(0.5, 5, (n, 1))], axis=1), 3)
    units[int(rng.integers(n)), -1] = 10.0 ** -rng.uniform(9, 11)  # alive, if only just
    return (units[:, rng.permutation(units.shape[1])],)


def _dead_probes(rng: np.random.Generator) -> list[Probe]:
    alone = np.array([[-1.0, 0.0, 2.0, -0.5, 0.25]])  # a single example
    layers = [_draw_layer(rng, int(rng.integers(5, 9))) for _ in range(3)]
    (last,) = layers.pop()
    asleep = np.r_[last, -np.abs(last[:1]) - 0.1]  # one example switches every unit off
    sides = rng.uniform(0.1, 3, (2, 4, 3)).round(3)
    all_dead, none_dead = -sides[0], sides[1] * rng.permuted([[1], [-1], [1], [-1]], axis=0)
    return [*layers, (asleep,), (alone,), (all_dead[:, :1],), (all_dead,), (none_dead,)]


DEAD_FRACTION = Exercise(
    id="00.7",
    title="How many units are dead?",
    function="dead_fraction",
    points=1,
    oracle=_dead_fraction,
    mistakes={
        "You count single values that are not above 0. A unit that is off for some examples is at "
        "work; dead is one that is off for all of them.": lambda z: float((z <= 0).mean()),
        "You count units that are off for at least one example. Dead is one that is off for all "
        "of them: all, not any.": lambda z: float((z <= 0).any(0).mean()),
        "You give one answer, 0 or 1, for all units together. Either you ask about the whole array "
        "at once (`.all(axis=0)` asks each column), or you divide with //: it drops the share.": (
            lambda z: float((z <= 0).all().mean())
        ),
        "You look along the rows: the share of examples that switch off every unit. Units are "
        "columns: all(axis=0).": lambda z: float((z <= 0).all(1).mean()),
        "A pre-activation of exactly 0 is off, too: ReLU gives 0 and its slope there is 0. "
        "Use <= 0.": lambda z: float((z < 0).all(0).mean()),
        "You count units whose mean is not above 0. One example above 0 is enough to keep a unit "
        "alive: look at every example.": lambda z: float((z.mean(0) <= 0).mean()),
        "You count units that are off for more than half of the examples. Dead is one that is off "
        "for all of them.": lambda z: float(((z <= 0).mean(0) > 0.5).mean()),
        "You divide the number of dead units by the number of examples. The share is of the units: "
        "divide by the number of columns.": lambda z: float((z <= 0).all(0).sum() / len(z)),
        "You divide the number of dead units by the number of all entries. The share is of the "
        "units: divide by the number of columns.": lambda z: float((z <= 0).all(0).sum() / z.size),
        "You return one True or False for each unit. The share is their mean.": (
            lambda z: (z <= 0).all(0)
        ),
        "You ask where z is 0 or above: that is at work, not off. Off means at most 0.": (
            lambda z: float((z >= 0).all(0).mean())
        ),
        "You return percent; asked is a number between 0 and 1.": (
            lambda z: 100 * _dead_fraction(z)
        ),
        "You return the share of units that are alive; asked is the share of dead ones.": (
            lambda z: 1 - _dead_fraction(z)
        ),
        "You return how many units are dead; asked is their share, between 0 and 1.": (
            lambda z: float((z <= 0).all(0).sum())
        ),
        "You look for zeros. These are pre-activations: before the ReLU a unit that is off is "
        "negative or 0.": lambda z: float((z == 0).all(0).mean()),
        "You call units dead that are always on. Off means a pre-activation of at most 0.": (
            lambda z: float((z > 0).all(0).mean())
        ),
    },
    probes=_dead_probes,
)
