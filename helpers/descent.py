"""Linear models for lesson 07: the path of gradient descent beside the path of ridge regression.

Descent is stepped and ridge is solved: neither uses a formula in the eigenvalues.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers import data

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def descend(hessian: Floats, optimum: Floats, *, lr: float, steps: int) -> Floats:
    """Gradient descent from zero on ½(w − w*)ᵀH(w − w*): (steps + 1, d), step by step."""
    path = [np.zeros_like(optimum)]
    for _ in range(steps):
        path.append(path[-1] - lr * hessian @ (path[-1] - optimum))
    return np.stack(path)


def ridge_path(hessian: Floats, optimum: Floats, alphas: Floats) -> Floats:
    """The minimum of the same loss plus (α/2)‖w‖² for each α ≥ 0: (len(alphas), d)."""
    systems = hessian + np.asarray(alphas)[:, None, None] * np.eye(len(optimum))  # (A, d, d)
    right = np.broadcast_to((hessian @ optimum)[:, None], (len(systems), len(optimum), 1))
    return np.asarray(np.linalg.solve(systems, right)[..., 0])


def nearest_alpha(hessian: Floats, optimum: Floats, point: Floats) -> float:
    """The α whose ridge solution is nearest to a point, to about 1 %."""
    alphas = np.geomspace(1e-5, 1e3, 1861)
    gaps = np.linalg.norm(ridge_path(hessian, optimum, alphas) - point, axis=1)
    return float(alphas[gaps.argmin()])


def path_gaps(condition: float, *, lr: float, steps: int) -> Floats:
    """How far descent is from ridge after 1, …, steps steps, over its distance from zero: (T, 2).

    First with α = 1/(lr·t), then with the nearest α. The bowl has the eigenvalues 1 and
    1/condition, its optimum (0.8, 0.8) in their frame. Raises ValueError for a condition below 1.
    """
    if condition < 1:
        raise ValueError(f"condition is λ₁/λ₂, at least 1; got {condition}")
    hessian, optimum = np.diag([1.0, 1 / condition]), np.array([0.8, 0.8])
    walked = descend(hessian, optimum, lr=lr, steps=steps)[1:]  # (T, 2)
    matched = 1 / (lr * np.arange(1, steps + 1))
    nearest = np.array([nearest_alpha(hessian, optimum, point) for point in walked])
    solved = np.stack([ridge_path(hessian, optimum, alphas) for alphas in (matched, nearest)], 1)
    gaps = np.linalg.norm(walked[:, None] - solved, axis=2)  # (T, 2)
    return np.asarray(gaps / np.linalg.norm(walked, axis=1)[:, None])


@dataclass(frozen=True)
class Task:
    """Linear classification of digits by least squares on one-hot labels, for S seeds at once.

    hessian (S, 64, 64) = XᵀX/n, moment (S, 64, 10) = XᵀY/n of centered data; lr is 1/λ_max, (S,).
    """

    hessian: Floats
    moment: Floats
    lr: Floats
    x_mean: Floats
    y_mean: Floats

    def outputs(self, weights: Floats, x: Floats) -> Floats:
        """Outputs (S, n, T, 10) for weights (T, S, 64, 10) and images (S, n, 64)."""
        times, seeds, pixels, classes = weights.shape
        side_by_side = weights.transpose(1, 2, 0, 3).reshape(seeds, pixels, times * classes)
        flat = (x - self.x_mean) @ side_by_side  # (S, n, T · 10)
        return np.asarray(flat.reshape(*x.shape[:2], times, classes) + self.y_mean[:, :, None])


def make_task(x: Floats, y: Ints) -> Task:
    """From images (S, n, 64) and labels (S, n)."""
    targets = np.eye(10)[y]  # (S, n, 10)
    x_mean, y_mean = x.mean(1, keepdims=True), targets.mean(1, keepdims=True)
    centered = x - x_mean
    turned = centered.transpose(0, 2, 1) / x.shape[1]  # (S, 64, n)
    hessian = turned @ centered
    lr = 1 / np.linalg.eigvalsh(hessian)[:, -1]
    return Task(hessian, turned @ (targets - y_mean), lr, x_mean, y_mean)


def descend_far(task: Task, doublings: int) -> tuple[Ints, Floats]:
    """Steps 1, 2, 4, …, 2^doublings and the weights of gradient descent there, (T, S, 64, 10).

    t steps from zero and then t more: W₂ₜ = Wₜ + MᵗWₜ with M = I − ηH, so squaring M goes far.
    """
    lr = task.lr[:, None, None]
    power = np.eye(64) - lr * task.hessian  # M^t
    weights = [lr * task.moment]
    for _ in range(doublings):
        weights.append(weights[-1] + power @ weights[-1])
        power = power @ power
    return 2 ** np.arange(doublings + 1), np.stack(weights)


def solve_ridge(task: Task, alphas: Floats) -> Floats:
    """Ridge weights (A, S, 64, 10) for α (A, S): the minimum of ½ mean error² + (α/2)‖W‖²."""
    return np.stack(
        [np.linalg.solve(task.hessian + a[:, None, None] * np.eye(64), task.moment) for a in alphas]
    )


def hits(task: Task, weights: Floats, x: Floats, y: Ints) -> Floats:
    """Accuracy (T, S) of weights (T, S, 64, 10) on images (S, n, 64)."""
    return _share(task.outputs(weights, x).argmax(3), y)


def errors(task: Task, weights: Floats, x: Floats, y: Ints) -> Floats:
    """Mean squared error (T, S) of weights (T, S, 64, 10) against one-hot labels."""
    return _error(task.outputs(weights, x), y)


def _share(guesses: Ints, y: Ints) -> Floats:
    """The share of right guesses (S, n, T), as (T, S)."""
    return np.asarray((guesses == y[:, :, None]).mean(1).T)


def _error(outputs: Floats, y: Ints) -> Floats:
    """The mean squared error of outputs (S, n, T, 10), as (T, S)."""
    missed = outputs - np.eye(10)[y][:, :, None]  # (S, n, T, 10)
    return np.asarray(np.einsum("sntk,sntk->ts", missed, missed) / y.shape[1])


@dataclass(frozen=True)
class Twins:
    """Descent and ridge on the same data at α = 1/(ηt), each array (T, S).

    `gap` is ‖W_t − W_ridge‖ / ‖W_t‖, `same` the share of test images with the same guess; the
    pairs `error` and `val_accuracy` (on 400 validation images) and `accuracy` (on 500 test images)
    are (descent, ridge).
    """

    steps: Ints
    gap: Floats
    same: Floats
    error: tuple[Floats, Floats]
    val_accuracy: tuple[Floats, Floats]
    accuracy: tuple[Floats, Floats]

    def lead(self, *, by_error: bool) -> Floats:
        """Test accuracy of descent less ridge, (S,), each at its own best step on validation."""
        scores = self.error if by_error else tuple(-a for a in self.val_accuracy)
        here = np.arange(self.same.shape[1])
        ends = [a[s.argmin(0), here] for a, s in zip(self.accuracy, scores, strict=True)]
        return np.asarray(ends[0] - ends[1])


def compare_paths(
    seeds: Sequence[int], *, n_train: int, label_noise: float, pixel_noise: float, doublings: int
) -> Twins:
    """Fits digits by gradient descent and by ridge at every doubling of the steps."""
    split = data.splits(seeds, n_train=n_train, n_val=400, n_test=500,
                        label_noise=label_noise, pixel_noise=pixel_noise)  # fmt: skip
    task = make_task(split.x_train, split.y_train)
    steps, walked = descend_far(task, doublings)
    solved = solve_ridge(task, 1 / (steps[:, None] * task.lr))
    size = np.square(walked).sum((2, 3))
    seen, unseen = (
        [task.outputs(w, x) for w in (walked, solved)] for x in (split.x_val, split.x_test)
    )
    guesses = [outputs.argmax(3) for outputs in unseen]  # each (S, n_test, T)
    return Twins(
        steps,
        np.sqrt(np.square(walked - solved).sum((2, 3)) / size),
        np.asarray((guesses[0] == guesses[1]).mean(1).T),
        (_error(seen[0], split.y_val), _error(seen[1], split.y_val)),
        (_share(seen[0].argmax(3), split.y_val), _share(seen[1].argmax(3), split.y_val)),
        (_share(guesses[0], split.y_test), _share(guesses[1], split.y_test)),
    )


@dataclass(frozen=True)
class Price:
    """What holding out a share costs, arrays (shares, S) of test accuracies.

    `stopped`: trained on the rest, stopped by the held-out part; `retrained`: then trained again on
    everything for as many steps; `hindsight`: trained on the rest, stopped by the test set itself.
    `to_the_end` (S,) trains on everything and never stops.
    """

    shares: tuple[float, ...]
    stopped: Floats
    retrained: Floats
    hindsight: Floats
    to_the_end: Floats


def price_of_validation(
    shares: Sequence[float], *, seeds: Sequence[int], n: int = 300, doublings: int = 13
) -> Price:
    """n labeled digits, 30 % of the labels wrong; a share of them is held out for stopping."""
    split = data.splits(seeds, n_train=n, n_test=600, label_noise=0.3, pixel_noise=0.2)
    x, y, test = split.x_train, split.y_train, (split.x_test, split.y_test)
    here = np.arange(len(seeds))
    whole = make_task(x, y)
    full = hits(whole, descend_far(whole, doublings)[1], *test)  # (T, S)
    rows = []
    for share in shares:
        held = round(share * n)
        task = make_task(x[:, held:], y[:, held:])
        weights = descend_far(task, doublings)[1]
        chosen = errors(task, weights, x[:, :held], y[:, :held]).argmin(0)
        part = hits(task, weights, *test)
        rows.append((part[chosen, here], full[chosen, here], part.max(0)))
    stopped, retrained, hindsight = (np.stack(column) for column in zip(*rows, strict=True))
    return Price(tuple(shares), stopped, retrained, hindsight, full[-1])
