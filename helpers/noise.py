"""Experiments of lesson 09: noisy copies of the inputs, and what noise on the weights costs."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, flatness, nets

Floats = NDArray[np.float64]
COPIES = (1, 10, 100, 1000)


class NoisyCopies:
    """Least squares on M copies of the inputs, every entry with its own noise N(0, σ²).

    X (n, d), y (n,). The draws are made once: E₁, …, E_M. For any σ the sums over the copies that
    least squares needs follow from three sums that do not depend on σ.
    """

    def __init__(self, X: Floats, y: Floats, *, rng: np.random.Generator) -> None:
        self.X, self.y = X, y
        self.sums: dict[int, tuple[Floats, Floats]] = {}  # M: (ΣE (n, d), ΣEᵀE (d, d))
        total, squares = np.zeros(X.shape), np.zeros((X.shape[1],) * 2)
        for made in range(1, max(COPIES) + 1):
            drawn = rng.standard_normal(X.shape)
            total += drawn
            squares += drawn.T @ drawn
            if made in COPIES:
                self.sums[made] = total / made, squares / made

    def fit(self, sigma: float, copies: int) -> Floats:
        """The least-squares weights (d,) on `copies` noisy copies (one of COPIES) together.

        Raises ValueError for another number.
        """
        if copies not in self.sums:
            raise ValueError(f"copies is one of {', '.join(map(str, COPIES))}; got {copies}")
        mean, squares = self.sums[copies]
        cross = self.X.T @ mean
        gram = self.X.T @ self.X + sigma * (cross + cross.T) + sigma**2 * squares  # (d, d)
        moment = (self.X + sigma * mean).T @ self.y
        return np.asarray(np.linalg.lstsq(gram, moment, rcond=None)[0])


def centered_digits(seed: int, *, n: int) -> tuple[Floats, Floats]:
    """n digits (n, 64), columns centered, and ±1 for even or odd, centered, (n,)."""
    split = data.splits([seed], n_train=n)
    x, y = split.x_train[0], np.where(split.y_train[0] % 2 == 0, 1.0, -1.0)
    return x - x.mean(0), y - y.mean()


def train_clean(
    activation: str, *, seeds: Sequence[int], steps: int
) -> tuple[nets.MLPs, Tensor, Tensor]:
    """Networks 64-64-10 trained on 200 digits with right labels: (networks, x, labels)."""
    split = data.splits(seeds, n_train=flatness.N_TRAIN, pixel_noise=0.2)
    x, y = nets.tensors(split.x_train, split.y_train)
    init = "he" if activation == "relu" else "xavier"
    model = nets.MLPs(flatness.SIZES, seeds=seeds, activation=activation, init=init)
    nets.train(
        model, x, y, steps=steps, batch_size=16, generator=torch.Generator().manual_seed(seeds[0]),
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=0.1),
    )  # fmt: skip
    return model, x, y


@torch.no_grad()
def loss_increase(
    model: nets.MLPs, x: Tensor, y: Tensor, *, sigmas: Sequence[float], pairs: int, seed: int
) -> Floats:
    """How much noise N(0, σ²) on all weights and biases raises the loss on average: (σ, S).

    Draws come in pairs w ± e: the slope cancels, what is left is curvature.
    """
    generator = torch.Generator().manual_seed(seed)
    before, start = nets.loss_of(model, x, y), [p.clone() for p in model.parameters()]
    found = np.zeros((len(sigmas), len(before)))
    for _ in range(pairs):
        drawn = [torch.randn(p.shape, generator=generator) for p in start]
        for row, sigma in zip(found, sigmas, strict=True):
            for step in (sigma, -sigma):
                for p, w, e in zip(model.parameters(), start, drawn, strict=True):
                    p.copy_(w + step * e)
                row += nets.loss_of(model, x, y) - before
    for p, w in zip(model.parameters(), start, strict=True):
        p.copy_(w)
    return found / (2 * pairs)
