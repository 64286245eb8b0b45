"""Experiments of lesson 00 on inputs that are all positive: how one unit's weights zig-zag."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from helpers.scaling import Floats, Ints

GOAL = np.array([1.5, -1.5])  # the weights to be found; the start is −GOAL


@dataclass(frozen=True)
class Walks:
    """Stochastic gradient descent of one unit with two weights, for S seeds.

    weights: (steps + 1, S, 2); gradients: (steps, S, 2). `GOAL` are the weights to be found.
    """

    weights: Floats
    gradients: Floats

    @property
    def steps(self) -> Ints:
        """The first step within a tenth of the start's distance from the goal, (S,); or all."""
        far = np.linalg.norm(self.weights - GOAL, axis=2)  # (steps + 1, S)
        near = far <= 0.1 * far[0]
        return np.where(near.any(0), near.argmax(0), len(self.gradients))

    @property
    def same_sign(self) -> Floats:
        """The share of gradients whose two entries have the same sign, up to that step, (S,)."""
        same = np.cumsum(self.gradients.prod(2) > 0, axis=0)
        return np.asarray(same[self.steps - 1, np.arange(same.shape[1])] / self.steps)

    @property
    def detour(self) -> Floats:
        """The length of the path up to that step over the straight way, (S,); 1 is no detour."""
        seeds = np.arange(self.weights.shape[1])
        moves = np.linalg.norm(np.diff(self.weights, axis=0), axis=2)
        length = np.cumsum(moves, axis=0)[self.steps - 1, seeds]
        straight = np.linalg.norm(self.weights[self.steps, seeds] - self.weights[0], axis=1)
        return np.asarray(length / straight)


def walk(
    mean: float, *, batch_size: int, lr: float, seeds: Iterable[int], steps: int = 150
) -> Walks:
    """One sigmoid unit learns GOAL from −GOAL, by cross-entropy, from the unit GOAL's outputs.

    Its two inputs are uniform with width 1 around `mean`: positive for mean 0.5 and above.
    """
    rngs = [np.random.default_rng([seed, 7]) for seed in seeds]
    x = np.stack([rng.random((steps, batch_size, 2)) for rng in rngs], axis=1) - 0.5 + mean
    targets = 1 / (1 + np.exp(-x @ GOAL))  # (steps, S, B)
    weights, gradients = [np.tile(-GOAL, (len(rngs), 1))], []
    for batch, target in zip(x, targets, strict=True):
        z = np.einsum("sbi,si->sb", batch, weights[-1])
        error = 1 / (1 + np.exp(-z)) - target  # (S, B)
        gradients.append(np.einsum("sb,sbi->si", error, batch) / batch_size)
        weights.append(weights[-1] - lr * gradients[-1])
    return Walks(np.array(weights), np.array(gradients))


def fastest_walk(
    mean: float, *, batch_size: int, seeds: Iterable[int], rates: Iterable[float]
) -> Walks:
    """The walk at the learning rate that needs the fewest steps on average."""
    seeds = list(seeds)
    tried = [walk(mean, batch_size=batch_size, lr=lr, seeds=seeds) for lr in rates]
    return min(tried, key=lambda walks: float(walks.steps.mean()))
