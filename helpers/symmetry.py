"""What equal starting weights do: one hidden layer, trained from five starts.

Plain NumPy with `einsum`, on purpose: it treats every unit with the same additions in the same
order. An optimized matrix product may not, and then rounding errors alone part equal units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers import data

Array = NDArray[np.float64]

STARTS = ("constant 0.1", "constant + noise", "zero", "zero output layer", "random")
UNITS, CLASSES, BATCH, LR, STEPS, EVERY = 16, 10, 32, 0.5, 400, 10


@dataclass(frozen=True)
class Twins:
    """One start, trained with S seeds. `steps` (T,) are those at which the rest was noted.

    `rows` (T, UNITS, 64) are the hidden units' incoming weights of the first seed, `apart` (T, S)
    the largest difference between two units of a network, `rank` (S,) that of the trained weights,
    `accuracy` (T, S) on the test images.
    """

    steps: NDArray[np.int64]
    rows: Array
    apart: Array
    rank: NDArray[np.int64]
    accuracy: Array


def train_twins(start: str, seeds: Sequence[int]) -> Twins:
    """Trains 64-16-10 tanh networks on the digits with SGD from a start of `STARTS`.

    Raises ValueError for another start.
    """
    if start not in STARTS:
        raise ValueError(f"start is one of {', '.join(STARTS)}; got {start!r}")
    splits = data.splits(seeds, n_train=1000, n_test=300)
    rngs = [np.random.default_rng([seed, 102]) for seed in seeds]
    hidden, output = (
        np.stack(pair) for pair in zip(*(_start(start, r) for r in rngs), strict=True)
    )
    notes = []
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            hits = _forward(splits.x_test, hidden, output)[1].argmax(-1) == splits.y_test
            apart = np.ptp(hidden, axis=1).max(-1)
            notes.append((step, hidden[0].copy(), apart, hits.mean(1)))
        picked = np.stack([rng.integers(0, 1000, BATCH) for rng in rngs])  # (S, B)
        x = np.take_along_axis(splits.x_train, picked[..., None], axis=1)  # (S, B, 64)
        _sgd_step(x, np.take_along_axis(splits.y_train, picked, axis=1), hidden, output)
    steps, rows, apart, accuracy = (np.array(column) for column in zip(*notes, strict=True))
    return Twins(steps, rows, apart, np.linalg.matrix_rank(hidden), accuracy)


def _start(start: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Weights in and out of the hidden units: (UNITS, 64) and (UNITS, CLASSES)."""
    normal_in, normal_out = rng.standard_normal((UNITS, 64)), rng.standard_normal((UNITS, CLASSES))
    equal_in, equal_out = np.full_like(normal_in, 0.1), np.full_like(normal_out, 0.1)
    random_in = normal_in * np.sqrt(2 / (64 + UNITS))
    random_out = normal_out * np.sqrt(2 / (UNITS + CLASSES))
    return {
        "zero": (0 * equal_in, 0 * equal_out),
        "constant 0.1": (equal_in, equal_out),
        "constant + noise": (equal_in + 1e-3 * normal_in, equal_out),
        "zero output layer": (random_in, 0 * equal_out),
        "random": (random_in, random_out),
    }[start]


def _forward(x: Array, hidden: Array, output: Array) -> tuple[Array, Array]:
    """Hidden activations (S, n, UNITS) and logits (S, n, CLASSES)."""
    h = np.tanh(np.einsum("snd,shd->snh", x, hidden))
    return h, np.einsum("snh,shk->snk", h, output)


def _sgd_step(x: Array, labels: NDArray[np.int64], hidden: Array, output: Array) -> None:
    """One step down the mean cross-entropy, in place."""
    h, logits = _forward(x, hidden, output)
    error = np.exp(logits - logits.max(-1, keepdims=True))
    error /= error.sum(-1, keepdims=True)  # softmax, then ∂loss/∂logits
    error -= np.eye(CLASSES)[labels]
    error /= x.shape[1]
    back = np.einsum("snk,shk->snh", error, output) * (1 - h * h)
    output -= LR * np.einsum("snh,snk->shk", h, error)
    hidden -= LR * np.einsum("snh,snd->shd", back, x)
