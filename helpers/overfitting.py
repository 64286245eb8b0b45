"""Overfitting made visible: polynomials through noisy points, a network that learns any labels."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.polynomial import legendre
from numpy.typing import NDArray

from helpers import data, nets

Array = NDArray[np.float64]
NOISE = 0.3  # std of the noise on the polynomial's targets


def truth(x: Array) -> Array:
    """The function behind the noisy points, on [−1, 1]."""
    return np.sin(np.pi * x)


def noisy_points(n: int, rng: np.random.Generator, *, noise: float = NOISE) -> tuple[Array, Array]:
    """x evenly jittered over [−1, 1], sorted, and y = truth(x) + noise: (n,), (n,)."""
    cells = np.linspace(-1, 1, n + 1)
    x = rng.uniform(cells[:-1], cells[1:])  # one a cell: no large hole, for any seed
    return x, truth(x) + noise * rng.standard_normal(n)


def fit_polynomial(x: Array, y: Array, degree: int) -> Array:
    """Least-squares coefficients in Legendre's basis, (degree + 1,): well conditioned on [−1, 1].

    Raises ValueError when there are fewer points than coefficients.
    """
    if not 0 <= degree < len(x):
        raise ValueError(f"degree is at least 0 and below the number of points {len(x)}; "
                         f"got {degree}")  # fmt: skip
    basis = legendre.legvander(x, degree)  # (n, degree + 1)
    return np.asarray(np.linalg.lstsq(basis, y, rcond=None)[0], dtype=float)


def rms_errors(x: Array, y: Array, degrees: Sequence[int]) -> tuple[Array, Array]:
    """Root mean square error on the points, and on new ones of the same noise: two (degrees,).

    The second is exact but for a fine grid: √(mean (fit − truth)² + NOISE²).
    """
    grid = np.linspace(-1, 1, 1001)
    train, new = [], []
    for degree in degrees:
        c = fit_polynomial(x, y, degree)
        train.append(np.mean((legendre.legval(x, c) - y) ** 2))
        new.append(np.mean((legendre.legval(grid, c) - truth(grid)) ** 2) + NOISE**2)
    return np.sqrt(train), np.sqrt(new)


def network_curves(
    noises: Sequence[float],
    *,
    seeds: Sequence[int],
    n_train: int = 200,
    width: int = 256,
    steps: int = 600,
    every: int = 20,
) -> tuple[NDArray[np.int64], dict[str, Array]]:
    """Steps (T,), and "train loss", "val loss", "train acc", "val acc", each (T, noises, seeds).

    "wrong acc" is the share of the wrong training labels that the network gives; NaN without any.
    Networks 64-width-10 on digits whose training labels are wrong for each share in `noises`. A
    seed has the same images, initial weights and batches for every share: only labels differ.
    """
    parts = [
        data.splits(seeds, n_train=n_train, n_test=300, label_noise=noise, standardize=True)
        for noise in noises
    ]
    x, y, x_val, y_val = (
        torch.cat([nets.tensors(getattr(part, name))[0] for part in parts])
        for name in ("x_train", "y_train", "x_test", "y_test")
    )
    wrong = np.concatenate([part.y_train != part.y_train_clean for part in parts])  # (noises·S, n)
    model = nets.MLPs([64, width, 10], seeds=list(seeds) * len(noises))
    history = nets.train(
        model, x, y, steps=steps, every=every, batch_size=50,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=0.05, momentum=0.9),
        generator=torch.Generator().manual_seed(seeds[0]), arms=len(noises),
        measure=lambda: {
            "train loss": nets.loss_of(model, x, y),
            "val loss": nets.loss_of(model, x_val, y_val),
            "train acc": nets.accuracy(model, x, y),
            "val acc": nets.accuracy(model, x_val, y_val),
            "wrong acc": _share_stored(model, x, y, wrong),
        },
    )  # fmt: skip
    shaped = {name: history[name].reshape(-1, len(noises), len(seeds)) for name in history.records}
    return np.array(history.steps), shaped


def _share_stored(
    model: nets.MLPs, x: torch.Tensor, y: torch.Tensor, wrong: NDArray[np.bool_]
) -> Array:
    """Of the examples `wrong` (networks, n), the share to which each network gives the label y."""
    with torch.no_grad():
        given = (model(x).argmax(-1) == y).numpy() & wrong
    count = wrong.sum(1)
    return np.where(count > 0, given.sum(1) / np.maximum(count, 1), np.nan)
