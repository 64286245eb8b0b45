"""Search for hyper-parameters: real trials in bulk, a measured landscape, grids and random draws.

Points of a search are rows in the unit cube [0, 1]^d; `SPACE` says what they mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import loguniform, uniform
from torch import Tensor

from helpers import data, nets, optimizers

Floats = NDArray[np.float64]
Tick = Callable[[], object]
SIZES = (64, 16, 10)
N_TRAIN, N_VAL, N_HELD_OUT, BATCH, STEPS = 200, 100, 600, 16, 100
SPACE = {  # frozen distributions: their inverse maps a unit interval to values
    "learning rate": loguniform(1e-3, 10),
    "weight decay": loguniform(1e-5, 1e-1),
    "label smoothing": uniform(0, 0.2),
    "init gain": loguniform(0.5, 2),
}
MIDDLE = 0.5


@dataclass(frozen=True)
class Trials:
    """What became of n trials: `hits` (n, N_HELD_OUT), which held-out images were right."""

    hits: NDArray[np.bool_]

    @property
    def val(self) -> Floats:
        """Accuracy on the first N_VAL held-out images, (n,): all that a search may see."""
        return self.hits[:, :N_VAL].mean(1)

    @property
    def test(self) -> Floats:
        """Accuracy on the other held-out images, (n,)."""
        return self.hits[:, N_VAL:].mean(1)


def to_values(points: Floats) -> Floats:
    """Hyper-parameters (n, 4) for points (n, d <= 4); those left out take their middle value."""
    whole = np.full((len(points), len(SPACE)), MIDDLE)
    whole[:, : points.shape[1]] = points
    return np.stack([d.ppf(u) for d, u in zip(SPACE.values(), whole.T, strict=True)], axis=1)


def run_trials(
    points: Floats, splits: Sequence[int], *, seed: int, tick: Tick | None = None
) -> Trials:
    """Trains one network a point: 200 noisy digits (10 % wrong labels), 100 steps of plain SGD.

    splits: the data split of every trial, a seed of `data.splits`; trials of one split see the
    same images. `seed` starts the networks, each from other weights.
    """
    hits = np.empty((len(points), N_HELD_OUT), dtype=bool)
    for split in dict.fromkeys(splits):
        rows = np.flatnonzero(np.asarray(splits) == split)
        hits[rows] = _train(points[rows], split, [seed + int(row) for row in rows], tick)
    return Trials(hits)


def _train(
    points: Floats, split: int, seeds: Sequence[int], tick: Tick | None
) -> NDArray[np.bool_]:
    parts = data.splits([split], n_train=N_TRAIN, n_test=N_HELD_OUT,
                        label_noise=0.1, pixel_noise=0.25)  # fmt: skip
    x, y, _, _, x_held, y_held = (p[0] for p in nets.tensors(*parts[:6]))
    rate, decay, smoothing, gain = torch.tensor(to_values(points), dtype=torch.float32).T
    model = nets.MLPs(SIZES, seeds=seeds)
    with torch.no_grad():
        for weights in model.weights:
            weights *= gain[:, None, None]
    count = len(points)
    nets.train(
        model, x.expand(count, -1, -1), y.expand(count, -1), steps=STEPS, batch_size=BATCH,
        optimizer=optimizers.SGD(model.parameters(), lr=1.0), arms=count,
        generator=torch.Generator().manual_seed(split),
        loss=lambda logits, labels: rate * smoothed(logits, labels, smoothing),
        penalty=lambda: rate * decay / 2 * sum(w.square().sum((1, 2)) for w in model.weights),
        after_step=lambda step: _call(tick),
    )  # fmt: skip
    with torch.no_grad():
        return (model(x_held).argmax(-1) == y_held).numpy()


def smoothed(logits: Tensor, labels: Tensor, smoothing: Tensor) -> Tensor:
    """Cross-entropy with label smoothing (S,) of each network, (S,); labels (S, B).

    As torch's `label_smoothing`, which takes one number for all.
    """
    logs = F.log_softmax(logits, -1)  # (S, B, K)
    right = logs.gather(2, labels[:, :, None])[:, :, 0]  # (S, B)
    return -((1 - smoothing) * right.mean(1) + smoothing * logs.mean((1, 2)))


def grid(per_axis: int, dimensions: int, rng: np.random.Generator) -> Floats:
    """A grid of per_axis ** dimensions points in the unit cube, (n, d), shifted at random.

    The shift, up to half a cell each way, is fair: no grid knows beforehand where to lie.
    """
    places = (np.arange(per_axis) + 0.5) / per_axis
    shifts = rng.uniform(-0.5, 0.5, dimensions) / per_axis
    axes = np.meshgrid(*(places + s for s in shifts), indexing="ij")
    return np.stack([a.ravel() for a in axes], axis=1)


METHODS = ("grid", "random", "coarse to fine")
HALF_WIDTH = 0.15  # of the box around the best coarse point: 0.3 of every axis


@dataclass(frozen=True)
class Landscape:
    """Measured accuracy over (learning rate, weight decay): `accuracy` (rates, decays).

    `places`: where on the two unit intervals it was measured. `trials`: the runs behind it.
    """

    places: tuple[Floats, Floats]
    accuracy: Floats
    trials: Trials

    def at(self, points: Floats) -> Floats:
        """The accuracy at points (..., 2) of the unit square, linear between what was measured."""
        found = RegularGridInterpolator(self.places, self.accuracy)(np.clip(points, 0, 1))
        return np.asarray(found, dtype=float)


def measure_landscape(
    splits: Sequence[int], *, shape: tuple[int, int] = (17, 5), seed: int, tick: Tick | None = None
) -> Landscape:
    """Trains a network on every split at every point of a fine grid of the unit square."""
    places = (np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1]))
    points = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1).reshape(-1, 2)
    n = len(points)
    trials = run_trials(
        np.tile(points, (len(splits), 1)), [s for s in splits for _ in range(n)], seed=seed,
        tick=tick,
    )  # fmt: skip
    accuracy = trials.hits.mean(1).reshape(len(splits), *shape).mean(0)
    return Landscape(places, accuracy, trials)


@dataclass(frozen=True)
class Searches:
    """Repeated searches: `points` (repeats, budget, 2), the index `best` of the one each picked,
    and `accuracy` (repeats,), what the landscape has there."""

    points: Floats
    best: NDArray[np.int64]
    accuracy: Floats


def repeat_search(
    land: Landscape, method: str, budget: int, *, repeats: int, rng: np.random.Generator,
    scale: str = "log",
) -> Searches:  # fmt: skip
    """Searches the landscape; a trial's score has the noise of N_VAL validation images.

    budget: a square number for a grid. scale "linear" spreads grid, draws and the box around the
    best coarse point evenly over the values, not over their logarithms. Raises ValueError for
    another method or scale.
    """
    if method not in METHODS or scale not in ("log", "linear"):
        raise ValueError(f"method is one of {', '.join(METHODS)}, scale is log or linear; "
                         f"got {method!r}, {scale!r}")  # fmt: skip
    if method == "grid":
        points = np.stack([grid(round(budget**0.5), 2, rng) for _ in range(repeats)])
    else:
        points = rng.random((repeats, budget, 2))
    place = _on_linear_axes if scale == "linear" else np.asarray
    scores = _score(land, place(points), rng)
    if method == "coarse to fine":
        coarse = budget // 2
        boxes = _boxes_around(_pick(points[:, :coarse], scores[:, :coarse]))  # (repeats, 2, 2)
        fine = boxes[:, :1] + rng.random((repeats, budget - coarse, 2)) * np.diff(boxes, axis=1)
        points[:, coarse:] = fine
        scores[:, coarse:] = _score(land, place(fine), rng)
    best, points = scores.argmax(1), place(points)
    return Searches(points, best, land.at(_pick(points, scores)))


def _score(land: Landscape, points: Floats, rng: np.random.Generator) -> Floats:
    hits = rng.binomial(N_VAL, land.at(points))  # as many of N_VAL images as chance allows
    return hits / N_VAL


def _pick(points: Floats, scores: Floats) -> Floats:
    return points[np.arange(len(points)), scores.argmax(1)]  # (repeats, 2)


def _boxes_around(centers: Floats) -> Floats:
    """Lower and upper corners (repeats, 2, 2) of boxes inside the unit square."""
    corners = np.stack([centers - HALF_WIDTH, centers + HALF_WIDTH], axis=1)
    return np.clip(corners, 0, 1)


def _on_linear_axes(points: Floats) -> Floats:
    """Where points lie on the unit square's log axes when they are spread evenly over values."""
    axes = list(SPACE.values())[:2]
    columns = [
        axis.cdf(axis.ppf(0) + u * (axis.ppf(1) - axis.ppf(0)))
        for axis, u in zip(axes, np.moveaxis(points, -1, 0), strict=True)
    ]
    return np.stack(columns, axis=-1)


def optimism(
    trials: Trials, *, n_val: int, counts: Sequence[int], repeats: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The best of k trials: its score on n_val images, and its accuracy on all other images.

    Both (len(counts), repeats), over fresh draws of the k trials and of the validation images from
    those held out. Raises ValueError for more trials or images than there are.
    """
    n, held = trials.hits.shape
    if max(counts) > n or not 0 < n_val < held:
        raise ValueError(f"counts are at most {n}, n_val below {held}; got {counts}, {n_val}")
    scores, honest = np.empty((2, len(counts), repeats))
    for r in range(repeats):
        order, images = rng.permutation(n), rng.permutation(held)
        val = trials.hits[order][:, images[:n_val]].mean(1)
        rest = trials.hits[order][:, images[n_val:]].mean(1)
        for i, k in enumerate(counts):
            best = val[:k].argmax()
            scores[i, r], honest[i, r] = val[best], rest[best]
    return scores, honest


def _call(tick: Tick | None) -> None:
    if tick:
        tick()
