"""Learning rates of lesson 10: runs at several rates and schedules, the range test, a noisy bowl.

Plain SGD at rate η on a loss is SGD at rate 1 on η times the loss: one batch of networks trains at
as many rates and schedules as there are, with the same data, start and batches for each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import lr_scheduler

from helpers import data, nets, optimizers

Floats = NDArray[np.float64]
Tick = Callable[[], object]
SHAPES = ("constant", "step", "cosine", "linear", "exponential")


@lru_cache(maxsize=512)
def factors(shape: str, *, steps: int, warmup: int = 0, drops: int = 2) -> Floats:
    """What a torch scheduler multiplies the peak rate by at each step, (steps,).

    Warm-up is linear, the shape follows it. "step" divides by 10 `drops` times, at equal distances;
    "exponential" ends near 1/100. Raises ValueError for another shape or a warm-up that is no part.
    """
    if shape not in SHAPES:
        raise ValueError(f"shape is one of {', '.join(SHAPES)}; got {shape!r}")
    if not 0 <= warmup < steps:
        raise ValueError(f"warmup is a number of steps, from 0 to {steps - 1}; got {warmup}")
    optimizer = optimizers.SGD([torch.zeros(1)], lr=1.0)
    schedule = _decay(optimizer, shape, steps - warmup, drops)
    if warmup > 1:
        rise = lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
        schedule = lr_scheduler.SequentialLR(optimizer, [rise, schedule], milestones=[warmup])
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(found, dtype=float)


def _decay(
    optimizer: torch.optim.Optimizer, shape: str, steps: int, drops: int
) -> lr_scheduler.LRScheduler:
    if shape == "step":
        places = [round(steps * (i + 1) / (drops + 1)) for i in range(drops)]
        return lr_scheduler.MultiStepLR(optimizer, places, gamma=0.1)
    if shape == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if shape == "linear":
        return lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    if shape == "exponential":
        return lr_scheduler.ExponentialLR(optimizer, gamma=0.01 ** (1 / steps))
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


@dataclass(frozen=True)
class Arms:
    """Paired runs: `train` and `val` loss and `accuracy` (test), each (len(steps), arms, S)."""

    steps: NDArray[np.int64]
    train: Floats
    val: Floats
    accuracy: Floats


def run_arms(
    schedules: Floats,
    seeds: Sequence[int],
    *,
    n_train: int = 800,
    label_noise: float = 0.0,
    pixel_noise: float = 0.3,
    batch_size: int = 16,
    every: int = 50,
    hidden: int = 64,
    tick: Tick | None = None,
) -> Arms:
    """Trains 64-hidden-10 networks by plain SGD on the digits, one arm a schedule.

    schedules: (arms, steps), the learning rate at every step. An arm that diverges shows NaN.
    """
    arms, steps = schedules.shape
    split = data.splits(seeds, n_train=n_train, n_val=300, n_test=600,
                        label_noise=label_noise, pixel_noise=pixel_noise)  # fmt: skip
    x, y, x_val, y_val, x_test, y_test = (
        part.repeat(arms, *[1] * (part.dim() - 1)) for part in nets.tensors(*split[:6])
    )
    model = nets.MLPs((64, hidden, 10), seeds=[*seeds] * arms)
    rates = torch.tensor(schedules, dtype=torch.float32).repeat_interleave(len(seeds), 0)
    clock = iter(range(steps))
    history = nets.train(
        model, x, y, steps=steps, every=every, batch_size=batch_size, arms=arms,
        optimizer=optimizers.SGD(model.parameters(), lr=1.0),
        generator=torch.Generator().manual_seed(seeds[0]),
        loss=lambda logits, labels: rates[:, next(clock)] * nets.cross_entropy(logits, labels),
        after_step=lambda step: _call(tick),
        measure=lambda: {
            "train": nets.loss_of(model, x[:, :300], y[:, :300]),
            "val": nets.loss_of(model, x_val, y_val),
            "accuracy": nets.accuracy(model, x_test, y_test),
        },
    )  # fmt: skip
    shape = (-1, arms, len(seeds))
    found = (history[name].reshape(shape) for name in ("train", "val", "accuracy"))
    return Arms(np.array(history.steps), *found)


def range_test(
    seeds: Sequence[int], *, low: float = 1e-3, high: float = 10.0, steps: int = 120
) -> tuple[Floats, Floats]:
    """The rate grows from low to high in one run of plain SGD: (rates (steps,), losses (steps, S)).

    The loss is that of each batch, before its update (Smith 2017, section 3.3).
    """
    split = data.splits(seeds, n_train=800, pixel_noise=0.3)
    x, y = nets.tensors(split.x_train, split.y_train)
    model = nets.MLPs((64, 64, 10), seeds=seeds)
    rates, losses = np.geomspace(low, high, steps), []

    def note(logits: Tensor, labels: Tensor) -> Tensor:
        loss = nets.cross_entropy(logits, labels)
        losses.append(loss.detach().double().numpy())
        return loss

    nets.train(
        model, x, y, steps=steps, batch_size=16, loss=note, schedule=lambda step: rates[step],
        optimizer=optimizers.SGD(model.parameters(), lr=1.0),
        generator=torch.Generator().manual_seed(seeds[0]),
    )  # fmt: skip
    return rates, np.stack(losses)


def deep_warmup(
    warmup: int, seeds: Sequence[int], *, lr: float = 0.03, depth: int = 8, steps: int = 200
) -> Floats:
    """Test accuracy (S,) of `depth` hidden ReLU layers under Adam, warm-up and then cosine."""
    split = data.splits(seeds, n_train=800, n_test=600)
    x, y, x_test, y_test = nets.tensors(split.x_train, split.y_train, split.x_test, split.y_test)
    model = nets.MLPs((64, *[64] * depth, 10), seeds=seeds)
    shape = factors("cosine", steps=steps, warmup=warmup)
    nets.train(
        model, x, y, steps=steps, batch_size=32, schedule=lambda step: shape[step],
        optimizer=optimizers.Adam(model.parameters(), lr=lr, fused=True),
        generator=torch.Generator().manual_seed(seeds[0]),
    )  # fmt: skip
    return nets.accuracy(model, x_test, y_test)


def _call(tick: Tick | None) -> None:
    if tick:
        tick()
