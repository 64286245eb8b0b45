"""Experiments of lesson 03: weight decay in torch's optimizers, seen from outside.

Every update is made by `torch.optim`: nothing here says how an optimizer decays a weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, optimizers

Floats = NDArray[np.float64]
OPTIMIZERS = ("SGD", "SGD, momentum 0.9", "Adam", "AdamW")
WAYS = ("(λ/2)‖w‖² in the loss", "weight_decay=λ", "w multiplied by 1 − ηλ")


def optimizer_of(
    name: str, groups: Sequence[dict[str, object]], lr: float
) -> torch.optim.Optimizer:
    """torch's optimizer for a name of OPTIMIZERS over parameter groups. Raises ValueError."""
    if name.startswith("SGD") and name in OPTIMIZERS:
        momentum = 0.9 if "momentum" in name else 0.0
        return optimizers.SGD(groups, lr=lr, momentum=momentum, foreach=False)
    if name in OPTIMIZERS:
        return getattr(optimizers, name)(groups, lr=lr, foreach=False)
    raise ValueError(f"optimizer is one of {', '.join(OPTIMIZERS)}; got {name!r}")


@dataclass(frozen=True)
class Ways:
    """Three runs: `norms` (steps + 1, 3) is ‖w‖₂ in the order of WAYS; `gaps` (steps + 1, 2) is
    the largest |difference| of a weight between the first run and each of the other two, and
    `between` (steps + 1,) that between those two."""

    norms: Floats
    gaps: Floats
    between: Floats


@lru_cache(maxsize=256)
def three_ways(
    optimizer: str, *, lr: float, weight_decay: float, seed: int = 0, steps: int = 120
) -> Ways:
    """Softmax regression on digits, trained three times in float64 on the same batches.

    The runs differ only in how λ enters: see WAYS. Raises ValueError for another optimizer.
    """
    x, targets = _batches(seed, steps)
    start = torch.empty(64, 10, dtype=torch.float64)
    start.normal_(0, 0.3, generator=torch.Generator().manual_seed(seed))
    runs = [start.clone() for _ in WAYS]
    decays = (0.0, weight_decay, 0.0)
    groups = [{"params": [w], "weight_decay": d} for w, d in zip(runs, decays, strict=True)]
    stepper = optimizer_of(optimizer, groups, lr)
    kept = [torch.stack(runs)]  # (3, 64, 10)
    for batch, target in zip(x, targets, strict=True):
        errors = torch.softmax(batch @ kept[-1], -1) - target  # (3, B, 10)
        grads = batch.T @ errors / len(batch)  # (3, 64, 10): of the mean cross-entropy
        grads[0] += weight_decay * kept[-1][0]  # of the penalty (λ/2)‖w‖²
        for w, grad in zip(runs, grads, strict=True):
            w.grad = grad
        runs[2].mul_(1 - lr * weight_decay)
        stepper.step()
        kept.append(torch.stack(runs))
    history = torch.stack(kept).flatten(2)  # (steps + 1, 3, 640)
    gaps = (history[:, :1] - history[:, 1:]).abs().amax(2)
    between = (history[:, 1] - history[:, 2]).abs().amax(1)
    return Ways(history.norm(dim=2).numpy(), gaps.numpy(), between.numpy())


@lru_cache(maxsize=4)
def _batches(seed: int, steps: int) -> tuple[Tensor, Tensor]:
    """Batches of 32 digits: pixels (steps, 32, 64), one-hot labels (steps, 32, 10), float64."""
    digits = data.digits()
    picked = np.random.default_rng([seed, 3]).integers(len(digits.labels), size=(steps, 32))
    targets = F.one_hot(torch.tensor(digits.labels[picked]), 10).double()
    return torch.tensor(digits.images[picked]), targets


@dataclass(frozen=True)
class NoiseRun:
    """Weights that see only noise: `mean` and `std` over them, (optimizer, λ, time, scale)."""

    optimizers: tuple[str, ...]
    decays: tuple[float, ...]
    scales: Floats
    steps: NDArray[np.int64]
    lr: float
    mean: Floats
    std: Floats


def decay_under_noise(
    scales: Floats,
    *,
    decays: Sequence[float],
    seed: int,
    lr: float = 2e-3,
    steps: int = 1000,
    count: int = 100,
    optimizers: Sequence[str] = ("SGD", "Adam", "AdamW"),
) -> NoiseRun:
    """Starts `count` weights at 1 for every scale c and feeds each gradients from N(0, c²).

    The gradients have mean zero: what systematically moves a weight is its decay alone.
    All optimizers and all λ see the same gradients.
    """
    means, stds = [], []
    for name in optimizers:
        generator = torch.Generator().manual_seed(seed)
        runs = [torch.ones(len(scales), count, dtype=torch.float64) for _ in decays]
        groups = [{"params": [w], "weight_decay": d} for w, d in zip(runs, decays, strict=True)]
        stepper = optimizer_of(name, groups, lr)
        kept = [torch.stack(runs)]
        for step in range(1, steps + 1):
            noise = torch.randn(runs[0].shape, generator=generator, dtype=torch.float64)
            for w in runs:
                w.grad = noise * torch.as_tensor(scales)[:, None]
            stepper.step()
            if step % 20 == 0:
                kept.append(torch.stack(runs))
        weights = torch.stack(kept, 1).numpy()  # (λ, time, scale, count)
        means.append(weights.mean(3))
        stds.append(weights.std(3))
    times = np.arange(0, steps + 1, 20)
    return NoiseRun(
        tuple(optimizers), tuple(decays), scales, times, lr, np.stack(means), np.stack(stds)
    )  # fmt: skip


def mean_field(run: NoiseRun, weight_decay: float) -> Floats:
    """The expected path of a coupled adaptive decay, (time, scale), for λ inside the gradient.

    dw/dt = −ηλw / √v: the mean gradient over the root of its second moment, where v is the mean of
    c² + (λw)² over the past. A step k back has the weight 0.999ᵏ: Adam's memory by default.
    """
    lr, c = run.lr, run.scales
    w, squares, memory = np.ones(len(c)), np.zeros(len(c)), 0.0
    path = [w]
    for step in range(1, int(run.steps[-1]) + 1):
        squares = 0.999 * squares + c**2 + (weight_decay * w) ** 2
        memory = 0.999 * memory + 1
        w = w - lr * weight_decay * w / np.sqrt(squares / memory)
        if step % 20 == 0:
            path.append(w)
    return np.stack(path)


@lru_cache(maxsize=256)
def pure_decay(product: float, *, momentum: float, steps: int = 60) -> Floats:
    """A weight that starts at 1 and has no gradient under torch's SGD: (steps + 1,).

    `product` is ηλ.
    """
    w = torch.ones((), dtype=torch.float64)
    w.grad = torch.zeros_like(w)
    stepper = optimizers.SGD([w], lr=1.0, momentum=momentum, weight_decay=product, foreach=False)
    path = [1.0]
    for _ in range(steps):
        stepper.step()
        path.append(w.item())
    return np.array(path)


def growth_per_step(product: Floats | float, momentum: Floats | float) -> Floats:
    """The factor by which |w| grows a step in the long run; above 1 it diverges.

    The larger root of z² − (1 + μ − ηλ)z + μ = 0, from w' = w + μ(w − w_before) − ηλw
    (Polyak 1964). `product` is ηλ; arrays broadcast.
    """
    middle = 1 + np.asarray(momentum) - np.asarray(product)
    root = np.sqrt(middle**2 - 4 * np.asarray(momentum) + 0j)
    both = np.stack([np.abs((middle + root) / 2), np.abs((middle - root) / 2)])
    return np.asarray(both.max(0), dtype=np.float64)
