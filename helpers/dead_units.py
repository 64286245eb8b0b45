"""Experiments of lesson 00 on activations: gradients through depth, and units that die."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, nets

Floats = NDArray[np.float64]
WIDTHS = (64, 64, 64, 10)


def _maxout(z: Tensor) -> Tensor:
    """The larger of two pieces: (S, n, 2·width) → (S, n, width)."""
    return torch.maximum(*z.chunk(2, dim=-1))


# activation and n·Var(w); maxout's layers compute two pieces a unit
DEEP: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "sigmoid, Xavier": (torch.sigmoid, 1.0),
    "tanh, Xavier": (torch.tanh, 1.0),
    "ReLU, Xavier": (torch.relu, 1.0),
    "ReLU, He": (torch.relu, 2.0),
    "maxout, Xavier": (_maxout, 1.0),
}


@dataclass(frozen=True)
class Backward:
    """Gradients in deep networks: `norms` (depth, S) of the loss's gradient by pre-activations.

    `slopes` (depth, S) is the mean of φ′(z)² over units and inputs; n·Var(w) is `variance`.
    """

    norms: Floats
    slopes: Floats
    variance: float

    @property
    def expected(self) -> Floats:
        """What the product of √(n·Var(w)·mean φ′²) predicts, relative to the last layer, (depth,).

        (Glorot and Bengio 2010, eq. 6 and following.)
        """
        factors = np.sqrt(self.variance * self.slopes.mean(1))[:-1]  # layer l → l + 1
        return np.r_[np.cumprod(factors[::-1])[::-1], 1.0]


def backward_through(
    kind: str, seeds: Sequence[int], *, depth: int = 20, width: int = 64, n: int = 200
) -> Backward:
    """Gradients by the pre-activations of every layer on standardized digits, before training.

    kind: one of DEEP. Raises ValueError for another one.
    """
    if kind not in DEEP:
        raise ValueError(f"kind is one of {', '.join(DEEP)}; got {kind!r}")
    activation, variance = DEEP[kind]
    split = data.splits(seeds, n_train=n, standardize=True)
    h, labels = nets.tensors(split.x_train, split.y_train)
    generator = torch.Generator().manual_seed(int(seeds[0]))
    layers = []
    for _ in range(depth):
        columns = 2 * width if activation is _maxout else width
        drawn = torch.randn(len(seeds), h.shape[2], columns, generator=generator)
        z = (h @ (drawn * (variance / h.shape[2]) ** 0.5)).requires_grad_()
        z.retain_grad()
        h = activation(z)
        layers.append((z, h))
    last = torch.randn(len(seeds), width, 10, generator=generator) / width**0.5
    nets.cross_entropy(h @ last, labels).sum().backward()  # type: ignore[no-untyped-call]
    norms = torch.stack([_grad(z).flatten(1).norm(dim=1) for z, _ in layers])
    slopes = [_mean_square_slope(activation, z) for z, _ in layers]
    return Backward(norms.double().numpy(), torch.stack(slopes).numpy(), variance)


def _grad(z: Tensor) -> Tensor:
    assert z.grad is not None
    return z.grad


def _mean_square_slope(activation: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Mean over inputs and units of φ′², (S,); of maxout: per unit, the piece that is passed."""
    z = z.detach().double().requires_grad_()
    h = activation(z)
    h.sum().backward()  # type: ignore[no-untyped-call]
    return _grad(z).square().sum((1, 2)) / h[0].numel()


@dataclass(frozen=True)
class Trained:
    """Trained networks of S seeds at several learning rates.

    active: (rates, S, units), the share of the training images for which a hidden unit is above 0;
    accuracy: (rates, S) on test images.
    """

    active: Floats
    accuracy: Floats


ARMS = ("ReLU", "ReLU, bias 0.1", "ReLU, standardized", "leaky ReLU")
BIAS, SLOPE = 0.1, 0.1


def train_arms(rates: Sequence[float], seeds: Sequence[int], *, steps: int) -> dict[str, Trained]:
    """Two hidden layers on 600 digits with Adam, four ways (ARMS), the same batches for all.

    Inputs are raw pixels in [0, 1] except in "ReLU, standardized"; biases start at 0 except in
    "ReLU, bias 0.1"; the leaky slope is 0.1.
    """
    trained = [_train(lr, seeds, steps) for lr in rates]
    active = np.stack([a for a, _ in trained])  # (rates, arms, S, units)
    accuracy = np.stack([a for _, a in trained])  # (rates, arms, S)
    return {name: Trained(active[:, i], accuracy[:, i]) for i, name in enumerate(ARMS)}


def _train(lr: float, seeds: Sequence[int], steps: int) -> tuple[Floats, Floats]:
    count, arms = len(seeds), len(ARMS)
    plain = data.splits(seeds, n_train=600, n_test=500)
    scaled = data.splits(seeds, n_train=600, n_test=500, standardize=True)
    versions = [plain, plain, scaled, plain]
    x, test = nets.tensors(
        *(np.concatenate([getattr(v, name) for v in versions]) for name in ("x_train", "x_test"))
    )
    y, answers = (labels.repeat(arms, 1) for labels in nets.tensors(plain.y_train, plain.y_test))
    model = _start(seeds)
    adam = nets.make_optimizer(model.parameters(), "adam", lr=lr)
    batches = torch.Generator().manual_seed(int(seeds[0]))
    nets.train(model, x, y, steps=steps, optimizer=adam, generator=batches, batch_size=32,
               arms=arms)  # fmt: skip
    with torch.no_grad():
        hidden = torch.cat(model.layers(x)[:-1], dim=2)  # (arms·S, n, units)
    active = (hidden > 0).double().mean(1).numpy().reshape(arms, count, -1)
    return active, nets.accuracy(model, test, answers).reshape(arms, count)


def _start(seeds: Sequence[int]) -> nets.MLPs:
    """All arms beside each other; an arm's networks start with the same weights as the others'."""
    count = len(seeds)
    model = nets.MLPs(WIDTHS, seeds=list(seeds) * len(ARMS))
    bias, slope = (torch.zeros(len(model.seeds), 1, 1) for _ in range(2))
    bias[ARMS.index("ReLU, bias 0.1") * count :][:count] = BIAS
    slope[ARMS.index("leaky ReLU") * count :][:count] = SLOPE
    with torch.no_grad():
        for biases in list(model.biases)[:-1]:
            biases += bias
    model.activation = lambda z: torch.maximum(z, slope * z)  # slope 0: ReLU
    return model
