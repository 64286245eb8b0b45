"""Lesson 04, dropout and inverted dropout: its exercises."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from helpers.compare import Judged
from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises.lesson_04_more import (
    DROPOUT_BACKWARD,
    DROPOUT_RIDGE,
    WEIGHT_SCALING_EXACT,
    Array,
    Rng,
    keep_probs,
)
from helpers.values import Seed


def _mask_probes(rng: Rng) -> list[tuple[Any, ...]]:
    seed = int(rng.integers(1_000_000))
    probes: list[tuple[Any, ...]] = []
    for i, keep_prob in enumerate(keep_probs(rng)):
        shapes = [(60, 50)] * 16 + [(240,), (8, 9, 5)]
        probes += [(s, keep_prob, Seed(seed + 100 * i + k)) for k, s in enumerate(shapes)]
        probes.append((shapes[0], keep_prob, Seed(seed + 100 * i)))  # again: must repeat
    return [*probes, ((9, 7), 1.0, Seed(seed))]


def _layer_probes(rng: Rng) -> list[tuple[Any, ...]]:
    seed = int(rng.integers(1_000_000))
    probes: list[tuple[Any, ...]] = []
    for i, keep_prob in enumerate(keep_probs(rng)):
        x = _inputs(rng, (10, 18))
        probes += [(x, keep_prob, Seed(seed + 100 * i + k), True) for k in (*range(16), 0)]
        trained: list[tuple[int, ...]] = [(6, 6, 8), (160,)]
        tested: list[tuple[int, ...]] = [(5, 6), (7,), (2, 3, 4)]
        probes += [(_inputs(rng, s), keep_prob, Seed(seed + 100 * i + 90), True) for s in trained]
        probes += [(_inputs(rng, s), keep_prob, Seed(seed + 100 * i), False) for s in tested]
    return [*probes, *((_inputs(rng, (4, 5)), 1.0, Seed(seed), t) for t in (True, False))]


def _inverted_probes(rng: Rng) -> list[tuple[Any, ...]]:
    """Those of a layer, and inputs of which about half are 0, as behind a ReLU."""
    probes = _layer_probes(rng)
    seed = int(rng.integers(1_000_000))
    for keep_prob in dict.fromkeys(q for _, q, _, training in probes if training and q < 1):
        x = _inputs(rng, (20, 18)) * (rng.random((20, 18)) < 0.5) + 0.0  # no -0
        probes.append((x, keep_prob, Seed(seed), True))
    return probes


def _inputs(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Numbers of both signs, none near 0, with few digits (the probes are stored as text)."""
    return np.round(rng.uniform(0.5, 3, shape), 2) * rng.choice([-1, 1], shape)


def _torch_mask(shape: tuple[int, ...], keep_prob: float, rng: Rng) -> Array:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    mask = torch.full(shape, keep_prob, dtype=torch.float64).bernoulli(generator=generator)
    return mask.numpy()


DROPOUT_MASK = Exercise(
    id="04.1",
    title="A mask of coin tosses",
    function="dropout_mask",
    points=1,
    oracle=_torch_mask,
    compare=Judged("lesson_04.dropout_mask"),
    probes=_mask_probes,
    mistakes={
        "You keep with probability 1 − keep_prob: a unit is kept where the random number is "
        "below keep_prob.": lambda shape, q, rng: (rng.random(shape) > q) * 1.0,
        "Your mask is divided by keep_prob already. That is a part of inverted dropout; the mask "
        "itself holds zeros and ones.": lambda shape, q, rng: (rng.random(shape) < q) / q,
        "All rows share one mask: draw a number for every entry of `shape`, so that every example "
        "gets a thinned network of its own.": lambda shape, q, rng: (
            np.broadcast_to(rng.random(shape[-1]) < q, shape) * 1.0
        ),
        "One coin decides for the whole array: all units are kept, or none. Draw a number for "
        "every entry of `shape`.": lambda shape, q, rng: np.full(shape, (rng.random() < q) * 1.0),
        "You keep exactly the share keep_prob of the units. In dropout every unit tosses its own "
        "coin, so the number kept varies.": lambda shape, q, rng: (
            (rng.permutation(int(np.prod(shape))).reshape(shape) < round(q * np.prod(shape))) * 1.0
        ),
        "Your mask does not come from `rng`: the same generator must give the same mask, and "
        "another generator another one.": lambda shape, q, rng: (
            (np.random.default_rng(0).random(shape) < q) * 1.0
        ),
        "You toss fair coins: keep_prob has no effect.": lambda shape, q, rng: rng.integers(
            0, 2, shape
        ),
    },
)


def _forward(x: Array, keep_prob: float, rng: Rng, training: bool) -> Array:
    return x * _torch_mask(x.shape, keep_prob, rng) if training else x * keep_prob


DROPOUT_FORWARD = Exercise(
    id="04.2",
    title="Original dropout: scale at test time",
    function="dropout_forward",
    points=1,
    oracle=_forward,
    compare=Judged("lesson_04.dropout_forward"),
    probes=_layer_probes,
    mistakes={
        "At test time you pass x on as it is. All units are there now, and the next layer gets "
        "1/keep_prob times what it was trained on: scale by keep_prob.": lambda x, q, rng, t: (
            _forward(x, q, rng, True) if t else x.copy()
        ),
        "You scale while training and not at test time. The original does it the other way round: "
        "it leaves the kept units as they are. (Dividing them is inverted dropout, the next "
        "exercise.)": lambda x, q, rng, t: _forward(x, q, rng, True) / q if t else x.copy(),
        "You scale while training, too. The original leaves the kept units as they are; it scales "
        "at test time only, in place of the mask.": lambda x, q, rng, t: (
            _forward(x, q, rng, t) * (q if t else 1)
        ),
        "You took keep_prob for the probability of dropping.": lambda x, q, rng, t: _forward(
            x, 1 - q, rng, t
        ),
        "You drop units at test time as well: look at `training`.": lambda x, q, rng, t: _forward(
            x, q, rng, True
        ),
        "You drop and scale in both modes: look at `training`. While training the kept units stay "
        "as they are, at test time nothing is dropped.": lambda x, q, rng, t: (
            _forward(x, q, rng, True) * q
        ),
        "You drop and divide in both modes. The original never divides; it drops while training, "
        "and scales at test time.": lambda x, q, rng, t: _forward(x, q, rng, True) / q,
        "You drop nothing while training, and scale in both modes. The mask belongs to training, "
        "the scale to test time.": lambda x, q, rng, t: x * q,
        "While training the kept units are right, but the dropped ones are not 0. Scaling is for "
        "test time; a dropped unit puts out 0.": lambda x, q, rng, t: (
            np.where(_torch_mask(x.shape, q, rng) == 1, x, x * q) if t else x * q
        ),
        "At test time you scale, and drop units as well. Scaling takes the place of the mask: "
        "nothing is dropped.": lambda x, q, rng, t: _forward(x, q, rng, True) * (1 if t else q),
        "At test time you divide by keep_prob; multiply by it: a whole layer gives too much, not "
        "too little.": lambda x, q, rng, t: _forward(x, q, rng, True) if t else x / q,
        "All rows share one mask: draw it with the shape of x.": lambda x, q, rng, t: (
            x * (rng.random(x.shape[-1]) < q) if t else x * q
        ),
        "One coin decides for the whole layer: all units are kept, or none. Draw a number for "
        "every entry of x.": lambda x, q, rng, t: x * (rng.random() < q) if t else x * q,
        "Your two cases are swapped: drop with training=True, scale with "
        "training=False.": lambda x, q, rng, t: _forward(x, q, rng, not t),
        "At test time you scale by 1 − keep_prob, the probability of dropping; scale by "
        "keep_prob.": lambda x, q, rng, t: _forward(x, q if t else 1 - q, rng, t),
        "While training you keep with probability 1 − keep_prob: a unit is kept where the random "
        "number is below keep_prob.": lambda x, q, rng, t: _forward(x, 1 - q if t else q, rng, t),
    },
)


def _inverted(x: Array, keep_prob: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    with torch.random.fork_rng(devices=[]):  # F.dropout draws from torch's global generator
        torch.default_generator.set_state(generator.get_state())
        scale = F.dropout(torch.ones(x.shape, dtype=torch.float64), 1 - keep_prob, training).numpy()
    return x * scale, (scale > 0) * 1.0


def _rescaled(scale: Any, x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    """Inverted dropout whose kept outputs are multiplied by `scale` in place of 1/keep_prob."""
    return _scaled_by(scale, x, q, rng) if training else _inverted(x, q, rng, False)


def _scaled_mask(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    out, mask = _inverted(x, q, rng, training)
    return out, mask / q if training else mask


def _scaled_by(scale: float, x: Array, q: float, rng: Rng) -> tuple[Array, Array]:
    _, mask = _inverted(x, q, rng, True)
    return x * mask * scale, mask


def _mask_of_dropped(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    out, mask = _inverted(x, q, rng, training)
    return out, 1 - mask if training else mask


def _mask_of_output(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    out, mask = _inverted(x, q, rng, training)
    return out, (out != 0) * 1.0 if training else mask


def _second_mask(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    out, _ = _inverted(x, q, rng, training)
    return out, _inverted(x, q, rng, training)[1]


def _no_mask(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array | None]:
    return _inverted(x, q, rng, True) if training else (x, None)


def _divided_by_dropped(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    """As `_rescaled(1 / (1 - q), …)`, but NumPy's division by 0 gives infinities, not an error."""
    _, mask = _inverted(x, q, rng, training)
    return (x * mask / (1 - q) if training else x), mask


def _drawn_in_testing(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    out, mask = _inverted(x, q, rng, True)
    return (out if training else x), mask


def _nothing_dropped(x: Array, q: float, rng: Rng, training: bool) -> tuple[Array, Array]:
    _, mask = _inverted(x, q, rng, training)
    return (np.where(mask == 1, x / q, x) if training else x), mask


def _in_testing(factor: float, x: Array, q: float, rng: Rng, training: bool) -> Any:
    out, mask = _inverted(x, q, rng, training)
    return (out if training else out * factor), mask


INVERTED_DROPOUT = Exercise(
    id="04.3",
    title="Inverted dropout: scale while training",
    function="inverted_dropout",
    points=2,
    oracle=_inverted,
    compare=Judged("lesson_04.inverted_dropout"),
    probes=_inverted_probes,
    mistakes={
        "You do not scale the kept units: divide them by keep_prob while training, so that the "
        "expectation is x.": lambda x, q, rng, t: _rescaled(1, x, q, rng, t),
        "You divide by 1 − keep_prob; divide by the probability of keeping.": lambda x, q, rng, t: (
            _rescaled(1 / (1 - q), x, q, rng, t)
        ),
        "You divide out by 1 − keep_prob, and at keep_prob 1 that is 0. Divide by the probability "
        "of keeping.": _divided_by_dropped,
        "You divide by keep_prob twice: dividing once makes the expectation x.": (
            lambda x, q, rng, t: _rescaled(1 / q**2, x, q, rng, t)
        ),
        "You multiply by keep_prob; divide by it.": lambda x, q, rng, t: _rescaled(q, x, q, rng, t),
        "You took keep_prob for the probability of dropping.": lambda x, q, rng, t: _inverted(
            x, 1 - q, rng, t
        ),
        "You drop units at test time as well: with training=False return x and a mask of "
        "ones.": lambda x, q, rng, t: _inverted(x, q, rng, True),
        "You scale twice: x is divided by keep_prob while training, so nothing is left to do at "
        "test time.": lambda x, q, rng, t: _in_testing(q, x, q, rng, t),
        "At test time you return a mask with zeros, as if it were drawn before the `if`. Nothing "
        "is dropped there: return ones.": _drawn_in_testing,
        "Where a unit is dropped, your out is not 0. The mask says which outputs are 0, not only "
        "which are divided by keep_prob.": _nothing_dropped,
        "You draw twice: the mask that you return is not the one that made out.": _second_mask,
        "With training=False you return None for the mask; return one of ones, in the shape of "
        "x.": _no_mask,
        "Your mask is the wrong way round: it must be 1 where a unit is kept, 0 where it is "
        "dropped.": _mask_of_dropped,
        "You read the mask off the output (out != 0). Where x is 0, a kept unit is 0 as well: "
        "return the mask that you drew.": _mask_of_output,
        "While training you keep with probability 1 − keep_prob: a unit is kept where the random "
        "number is below keep_prob.": lambda x, q, rng, t: (
            _scaled_by(1 / q, x, 1 - q, rng) if t else _inverted(x, q, rng, t)
        ),
        "Your two cases are swapped: drop and divide with training=True, return x and a mask of "
        "ones with training=False.": lambda x, q, rng, t: _inverted(x, q, rng, not t),
        "The mask that you return is divided by keep_prob; return zeros and ones (the backward "
        "pass does the scaling itself).": lambda x, q, rng, t: _scaled_mask(x, q, rng, t),
    },
)

LESSON = Lesson(
    number="04",
    name="dropout",
    title="Dropout and inverted dropout",
    minutes=90,
    exercises=(
        DROPOUT_MASK,
        DROPOUT_FORWARD,
        INVERTED_DROPOUT,
        DROPOUT_BACKWARD,
        WEIGHT_SCALING_EXACT,
        DROPOUT_RIDGE,
    ),
    written=(
        Written(
            id="04.w",
            title="A network whose accuracy changes between two calls",
            rubric={
                "Names the cause: dropout still active (training mode, no eval()), and why that "
                "makes the result random": 1,
                "Gives a test that tells this cause from another one, and the repair, with what "
                "the accuracy should do after it": 1,
            },
        ),
    ),
)
