"""Optimizers on a ravine, a quadratic of two variables: many ravines and rates at once.

All six methods act on each number alone, so that one optimizer can walk thousands of ravines. Its
learning rate is 1: a rate η is a change of variables instead. With w = s·u, a step in u of size 1
is a step in w of size s² for methods that use the gradient, and of size s for those that divide it
by its own size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from helpers import geometry, optimizers

Floats = NDArray[np.float64]
METHODS = ("SGD", "momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam")
DIVIDING = METHODS[3:]  # they divide the gradient by its own size
START = (-6.0, 1.5)  # along the flat direction and along the steep one
RATES = 1e-3 * 2 ** (np.arange(41) / 3)  # to about 10; three of them double the rate
DOUBLE = 3
CONDITIONS, TILTS, STEPS = (100, 10, 1000), (0, 15, 45), 250
SMALL = 1e-4  # the race is over where the loss is this part of the loss at the start


def make_optimizer(
    method: str, parameter: torch.Tensor, *, momentum: float = 0.9
) -> torch.optim.Optimizer:
    """torch's optimizer of this name at rate 1; `momentum` is also Adam's β₁.

    Raises ValueError for another name than those in METHODS.
    """
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}; got {method!r}")
    if method == "AdaGrad":
        return optimizers.Adagrad([parameter], lr=1.0)
    if method == "RMSProp":
        return optimizers.RMSprop([parameter], lr=1.0)
    if method == "Adam":
        return optimizers.Adam([parameter], lr=1.0, betas=(momentum, 0.999))
    kept = 0.0 if method == "SGD" else momentum
    return optimizers.SGD([parameter], lr=1.0, momentum=kept, nesterov=method == "Nesterov")


def walk(
    method: str,
    hessians: Floats,
    starts: Floats,
    rates: Floats,
    *,
    steps: int,
    momentum: float = 0.9,
) -> Floats:
    """Paths (steps + 1, n, 2) on the losses ½ wᵀHw: n ravines (n, 2, 2), starts (n, 2), rates (n,).

    A walk that diverges goes on, to infinity and to NaN.
    """
    scale = torch.tensor(rates if method in DIVIDING else np.sqrt(rates))[:, None]  # (n, 1)
    bowls = torch.tensor(hessians)
    point = torch.tensor(starts) / scale
    optimizer = make_optimizer(method, point, momentum=momentum)
    path = [torch.tensor(starts)]
    for _ in range(steps):
        gradient = torch.einsum("nij,nj->ni", bowls, point * scale)  # in w, (n, 2)
        point.grad = gradient * scale  # in u
        optimizer.step()
        path.append(point * scale)
    return torch.stack(path).numpy()


@dataclass(frozen=True)
class Race:
    """One ravine: `losses` (methods, rates, steps + 1) over the loss at the start, and `paths`."""

    condition: float
    tilt: float
    losses: Floats
    paths: NDArray[np.float32]  # (methods, rates, steps + 1, 2)

    def finish(self) -> NDArray[np.int64]:
        """The first step from which the loss stays below SMALL, (methods, rates).

        steps + 1 where it does not: crossing the line on the way to somewhere else is no finish.
        """
        above = ~(self.losses <= SMALL)  # also where it is NaN
        return self.losses.shape[2] - above[:, :, ::-1].argmax(2)

    def best(self) -> NDArray[np.int64]:
        """The index of each method's best rate: the first to finish, else the lowest last loss."""
        last = np.nan_to_num(self.losses[:, :, -1], nan=1.0, posinf=1.0)
        return np.argmin(self.finish() + np.clip(last, 0, 1) / 2, axis=1)


def race(
    settings: Sequence[tuple[float, float]],
    *,
    steps: int = STEPS,
    rates: Floats = RATES,
    methods: Sequence[str] = METHODS,
    momentum: float = 0.9,
    start: Sequence[float] = START,
) -> list[Race]:
    """The methods at all rates on ravines of (condition, tilt in degrees), from `start`.

    `start` lies in the ravine's own axes, so that without a tilt and with one the loss at the start
    and all that gradient descent does are the same. `momentum` is that of momentum and Nesterov,
    and Adam's β₁.
    """
    pairs = np.array([(*s, r) for s in settings for r in rates])  # (n, 3)
    condition, tilt, rate = pairs.T
    hessians = geometry.hessians(condition, tilt)
    axes = np.stack([geometry.polar(1.0, tilt), geometry.polar(1.0, tilt + 90)], axis=1)
    starts = np.einsum("k,nkj->nj", np.asarray(start), axes)  # (n, 2)
    shape = (steps + 1, len(settings), len(rates))
    walks = np.stack(
        [walk(m, hessians, starts, rate, steps=steps, momentum=momentum) for m in methods]
    )
    losses = _relative_losses(hessians, walks).reshape(len(methods), *shape)
    with np.errstate(all="ignore"):
        paths = walks.astype(np.float32).reshape(len(methods), *shape, 2)
    return [
        Race(*setting, np.moveaxis(losses[:, :, i], 1, 2), np.moveaxis(paths[:, :, i], 1, 2))
        for i, setting in enumerate(settings)
    ]


def _relative_losses(hessians: Floats, walks: Floats) -> Floats:
    """½ wᵀHw over that of the start, (methods, steps + 1, n), for walks (methods, steps + 1, n, 2).

    Of a walk that diverges: infinity and NaN.
    """
    with np.errstate(all="ignore"):
        slopes = np.einsum("nij,mtnj->mtni", hessians, walks)
        losses: Floats = 0.5 * (slopes * walks).sum(-1)
        return losses / losses[:, :1]


def momentum_steps(condition: float, *, momentum: float) -> int:
    """The fewest steps of momentum to the finish in an upright ravine, over all RATES."""
    (found,) = race([(condition, 0)], methods=["momentum"], momentum=momentum)
    return int(found.finish().min())
