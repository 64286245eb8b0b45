"""Lesson 02, L1 and L2 geometry: its exercises."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from helpers.compare import Judged, close
from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises.lesson_02_more import LASSO, MAP_LAMBDA, RIDGE
from helpers.values import Seed


def _torch_penalty(parameters: Sequence[np.ndarray], kind: str) -> float:
    weights = torch.tensor(_flat(parameters))
    if kind == "l1":
        return float(F.l1_loss(weights, torch.zeros_like(weights), reduction="sum"))
    return float(F.mse_loss(weights, torch.zeros_like(weights), reduction="sum")) / 2


def _flat(parameters: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(p.ravel() for p in parameters if p.ndim > 1)])


def _norms(parameters: Sequence[np.ndarray]) -> list[float]:
    return [float(np.linalg.norm(p)) for p in parameters if p.ndim > 1]


def _networks(rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Weights and biases of small networks of three layouts: no place holds always the same.

    Kernels have no bias; the second begins with one; the last is a single matrix.
    """
    a, b, c = (int(size) for size in rng.choice(np.arange(2, 7), 3, replace=False))
    layouts: list[list[tuple[int, ...]]] = [
        [(a, b), (b,), (2, 1, 3, 3), (b, c), (c,)],
        [(9,), (1, 2), (b, 1), (1,), (3, a, 2), (2, 1, 2, 1, 2), (c,), (12,), (1, 1)],
        [(b, c)],
    ]
    return [[rng.standard_normal(shape) for shape in shapes] for shapes in layouts]


PENALTY = Exercise(
    id="02.1",
    title="The two penalties of a network",
    function="penalty",
    points=1,
    oracle=_torch_penalty,
    mistakes={
        "Your L2 is the norm: leave out the square root. The penalty is half the sum of the "
        "squares, so that its gradient is w.": lambda p, k: (
            float(np.linalg.norm(_flat(p))) if k == "l2" else _torch_penalty(p, k)
        ),
        "Your L2 lacks the factor ½. In this lesson it is there, so that the gradient is w and "
        "not 2w.": lambda p, k: _torch_penalty(p, k) * (2 if k == "l2" else 1),
        "You added up norms: the penalty is half the sum of their squares.": lambda p, k: (
            sum(_norms(p)) if k == "l2" else _torch_penalty(p, k)
        ),
        "You added up half the norms: halve their squares.": lambda p, k: (
            sum(_norms(p)) / 2 if k == "l2" else _torch_penalty(p, k)
        ),
        "You took the mean of each array: sum over all weights.": lambda p, k: float(
            sum(_torch_penalty([x], k) / x.size for x in p if x.ndim > 1)
        ),
        "You took the absolute value after the sum, so that positive and negative weights of an "
        "array cancel first.": lambda p, k: (
            float(sum(abs(x.sum()) for x in p if x.ndim > 1)) if k == "l1" else _torch_penalty(p, k)
        ),
        "You take every second array. A layer may have no bias: look at the number of dimensions "
        "of each array.": lambda p, k: _torch_penalty([np.atleast_2d(x) for x in p[::2]], k),
        "You took means. A mean shrinks the penalty of a large network: sum over all "
        "weights.": lambda p, k: _torch_penalty(p, k) / _flat(p).size,
        "You penalize the biases too. Leave out the one-dimensional arrays.": lambda p, k: (
            _torch_penalty([x.reshape(1, -1) for x in p], k)
        ),
        "You only count matrices. A convolution kernel has four dimensions and holds weights "
        "too: leave out one-dimensional arrays only.": lambda p, k: _torch_penalty(
            [x for x in p if x.ndim <= 2], k
        ),
        "Your L1 lacks the absolute value: positive and negative weights cancel.": lambda p, k: (
            float(_flat(p).sum()) if k == "l1" else _torch_penalty(p, k)
        ),
        "You only count the first array: go through the whole list.": lambda p, k: _torch_penalty(
            [np.atleast_2d(p[0])], k
        ),
        "You count the first array of weights only: is `return` inside the loop?": (
            lambda p, k: _torch_penalty([next(x for x in p if x.ndim > 1)], k)
        ),
        "You count the biases and leave out the weights. Biases have one dimension, weights two "
        "or more.": lambda p, k: _torch_penalty([x[None] for x in p if x.ndim == 1], k),
        "np.linalg.norm(p, 1) of a matrix is its largest column sum, and of more dimensions an "
        "error. The L1 penalty is the sum of all absolute values.": lambda p, k: (
            float(sum(np.linalg.norm(x, 1) for x in p if x.ndim > 1))
            if k == "l1"
            else _torch_penalty(p, k)
        ),
        "You give the L1 penalty, whatever `kind` says.": lambda p, k: _torch_penalty(p, "l1"),
        "You give the L2 penalty, whatever `kind` says.": lambda p, k: _torch_penalty(p, "l2"),
        "You leave out weights with an axis of length 1. A matrix of one row has two dimensions: "
        "count them with `ndim`, whatever their lengths.": lambda p, k: _torch_penalty(
            [x for x in p if x.squeeze().ndim > 1], k
        ),
        "Your L1 has the factor ½ of L2. Only the squares have it: the derivative of |w| is ±1 "
        "without.": lambda p, k: _torch_penalty(p, k) / (2 if k == "l1" else 1),
        "You swapped the two kinds.": lambda p, k: _torch_penalty(p, "l2" if k == "l1" else "l1"),
    },
    probes=lambda rng: {kind: [(n, kind) for n in _networks(rng)] for kind in ("l1", "l2")},
)


def _draw(
    radius: float, budget: float, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """|w₁| and |w₂| of random optima: a Gaussian direction, scaled to the radius."""
    w = rng.standard_normal((draws, 2))
    w *= radius / np.linalg.norm(w, axis=1, keepdims=True)
    return np.abs(w[:, 0]), np.abs(w[:, 1])


def _axis_probability(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    """By projection on the L1 ball through torch: the zeros are counted, not derived."""
    a, b = (torch.tensor(v) for v in _draw(radius, budget, draws, rng))
    threshold = torch.maximum((a + b - budget) / 2, torch.maximum(a, b) - budget)
    threshold = threshold.clamp_min(0)  # inside the diamond nothing is taken away
    smaller = F.relu(torch.minimum(a, b) - threshold)
    return float((smaller == 0).double().mean())


def _at_corners(w1: np.ndarray, w2: np.ndarray, budget: float) -> float:
    """The share of points (w₁, w₂) that lie nearest to a corner of the diamond."""
    return float(np.mean(np.abs(np.abs(w1) - np.abs(w2)) >= budget))


def _in_square(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    w = rng.uniform(-radius, radius, (draws, 2))
    return _at_corners(w[:, 0], w[:, 1], budget)


def _gaussian(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    w = radius * rng.standard_normal((draws, 2))
    return _at_corners(w[:, 0], w[:, 1], budget)


def _one_axis(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    a, b = _draw(radius, budget, draws, rng)
    return float(np.mean(a - b >= budget))


def _edges(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    a, b = _draw(radius, budget, draws, rng)
    return float(np.mean(np.abs(a - b) <= budget))


def _signed(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    angle = rng.uniform(0, 2 * np.pi, draws)
    return float(np.mean(np.abs(radius * (np.cos(angle) - np.sin(angle))) >= budget))


def _two_angles(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    w1 = radius * np.cos(rng.uniform(0, 2 * np.pi, draws))
    w2 = radius * np.sin(rng.uniform(0, 2 * np.pi, draws))
    return _at_corners(w1, w2, budget)


def _without_pi(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    angle = rng.uniform(0, 2, draws)
    return _at_corners(radius * np.cos(angle), radius * np.sin(angle), budget)


def _outside(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    a, b = _draw(radius, budget, draws, rng)
    return float(np.mean(a + b >= budget))


def _formula(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    ratio = min(budget / radius, 1.0) / np.sqrt(2)
    return float(1 - 4 / np.pi * np.arcsin(ratio))


def _own_generator(radius: float, budget: float, draws: int, rng: np.random.Generator) -> float:
    return _axis_probability(radius, budget, draws, np.random.default_rng(0))


def _axis_probes(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    problems = [
        (float(radius), float(radius * ratio))
        for radius, ratio in zip(rng.uniform(0.5, 3, 3), (0.25, 0.5, 0.8), strict=True)
    ]
    seeds = [int(seed) for seed in rng.choice(10_000, 34, replace=False)]
    first = [(*problems[0], 20_000, Seed(seed)) for seed in (seeds[0], *seeds[:30])]
    others = [(*p, 20_000, Seed(seed)) for p, seed in zip(problems[1:], seeds[30:32], strict=True)]
    few = (*problems[1], 7, Seed(seeds[32]))
    wide = (1.0, float(rng.uniform(1.05, 1.3)), 500, Seed(seeds[33]))
    return [*first, *others, few, wide]


AXIS_PROBABILITY = Exercise(
    id="02.2",
    title="The probability of a zero, by Monte Carlo",
    function="axis_probability",
    points=2,
    oracle=_axis_probability,
    mistakes={
        "You drew w* in a square. Draw an angle between 0 and 2π, and put w* on the circle of "
        "this radius.": _in_square,
        "You drew both coordinates from a normal distribution, so the radius varies. Put w* on "
        "the circle.": _gaussian,
        "Your answer does not depend on the radius: w* has length R, so multiply cos and sin by "
        "it.": lambda r, s, n, g: _axis_probability(1.0, s, n, g),
        "You draw the angle twice, once for each coordinate. A point on the circle has one angle, "
        "in its cos and in its sin.": _two_angles,
        "Your angles end at 2. A full turn is 2π.": _without_pi,
        "You have the radius and the budget the wrong way round.": lambda r, s, n, g: (
            _axis_probability(s, r, n, g)
        ),
        "You return percent; asked is a probability, between 0 and 1.": lambda r, s, n, g: (
            100 * _axis_probability(r, s, n, g)
        ),
        "You count one of the two axes only. The zero may be in w₁ or in w₂: compare the absolute "
        "difference with the budget.": _one_axis,
        "You count the optima that land on an edge. An exact zero is the other case.": _edges,
        "You compared w₁ − w₂. All four quadrants count alike: compare |w₁| and |w₂|.": _signed,
        "You returned the formula. Here the probability is to be estimated from random draws, so "
        "that it can test the formula.": _formula,
        "Your draws do not come from `rng`: every generator gives the same estimate.": (
            _own_generator
        ),
        "You count the optima outside of the diamond. Ask which of them lie nearest to a corner.": (
            _outside
        ),
        "You returned the number of hits; divide it by the number of draws.": lambda r, s, n, g: (
            n * _axis_probability(r, s, n, g)
        ),
    },
    probes=_axis_probes,
    compare=Judged("lesson_02.axis_probability"),
)


def _soft(w: np.ndarray, t: float) -> np.ndarray:
    shrunk: np.ndarray = F.softshrink(torch.tensor(w), t).numpy() + 0.0  # no −0 in messages
    return shrunk


def _soft_by_rows(w: np.ndarray, t: float) -> np.ndarray:
    """Loops over the rows of a matrix; the entries of a third axis are no numbers to it."""
    rows = [[math.copysign(max(abs(v) - t, 0.0), v) for v in row] for row in np.atleast_2d(w)]
    return np.reshape(rows, w.shape)


def _soft_probes(rng: np.random.Generator) -> dict[str, list[tuple[Any, ...]]]:
    t = float(rng.uniform(0.3, 1.2))
    row = np.array([-3 * t, -t, -t / 2, 0.0, t / 3, t, 2 * t])  # at the threshold, on both sides
    return {
        "a vector": [(row, t), (2 * rng.standard_normal(6), float(rng.uniform(0.2, 1)))],
        "two axes and more": [
            (rng.standard_normal((3, 4)), float(rng.uniform(0.2, 1))),
            (rng.standard_normal((2, 3)), 0.0),
            (rng.standard_normal((2, 3, 2)), float(rng.uniform(0.2, 1))),
            (rng.standard_normal((2, 1, 2, 3)), float(rng.uniform(0.2, 1))),
        ],
    }


SOFT_THRESHOLD = Exercise(
    id="02.3",
    title="Soft-thresholding",
    function="soft_threshold",
    points=1,
    oracle=_soft,
    mistakes={
        "This is hard thresholding: it removes the small weights but leaves the large ones as "
        "they are. Move the large ones towards zero by t as well.": lambda w, t: np.where(
            np.abs(w) > t, w, 0.0
        ),
        "The sign is lost: negative weights came out positive. Multiply by the sign of w.": (
            lambda w, t: np.abs(_soft(w, t))
        ),
        "A weight smaller than t must stop at zero; yours jumps to the other side.": lambda w, t: (
            w - t * np.sign(w)
        ),
        "You clipped w to [−t, t]. That is the part that has to go, not the part that stays.": (
            lambda w, t: np.clip(w, -t, t)
        ),
        "This is the step of L2, w / (1 + t). L1 takes the same amount t from every weight.": (
            lambda w, t: w / (1 + t)
        ),
        "You moved weights away from zero: subtract t from |w|.": lambda w, t: w + t * np.sign(w),
        "Negative weights come out as 0. Those below −t move up by t, to w + t; with "
        "np.maximum(|w| − t, 0), times the sign of w, both sides are right.": (
            lambda w, t: np.maximum(w - t, 0.0)
        ),
        "Python's `max` asks for one answer, and w holds many numbers. `np.maximum` compares entry "
        "by entry.": lambda w, t: np.sign(w) * max(np.abs(w) - t, 0),
        "Weights below −t move away from zero in your function: there it is w + t.": (
            lambda w, t: np.where(np.abs(w) > t, w - t, 0.0)
        ),
        "np.minimum keeps the part that is below t. Take the larger of |w| − t and 0.": (
            lambda w, t: np.sign(w) * np.minimum(np.abs(w) - t, 0.0)
        ),
        "You multiplied the size by w. It has the size already: multiply by the sign of w.": (
            lambda w, t: w * np.abs(_soft(w, t))
        ),
        "Your loops know vectors and matrices only; w may have more axes (a kernel has four). "
        "np.sign, np.abs and np.maximum take any shape: no loop is needed.": _soft_by_rows,
    },
    probes=_soft_probes,
    compare=close(rtol=1e-9, atol=1e-12),
)

LESSON = Lesson(
    number="02",
    name="l1_l2",
    title="L1 and L2 geometry",
    minutes=115,
    exercises=(
        PENALTY,
        AXIS_PROBABILITY,
        SOFT_THRESHOLD,
        RIDGE,
        LASSO,
        MAP_LAMBDA,
    ),
    written=(
        Written(
            id="02.w",
            title="Why a disc never gives an exact zero",
            rubric={
                "On the circle the normal at w points along w, so w₂ = 0 asks for ∂f/∂w₂ = 0 "
                "there: an equality, which a random f meets with probability 0.": 1,
                "At a corner of the diamond a whole cone of directions is normal: |∂f/∂w₂| ≤ λ is "
                "enough, an inequality, which a random f meets with positive probability.": 1,
            },
        ),
    ),
)
