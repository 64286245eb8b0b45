"""SGD on a bowl with noisy gradients: the expected loss under any schedule, computed exactly.

Along an eigenvector with curvature λ, one step is w ← (1 − ηλ)w − ηξ with noise of variance σ²λ, so
that E[w²] ← (1 − ηλ)² E[w²] + η²σ²λ. No sampling is needed.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from helpers import optimizers

Floats = NDArray[np.float64]
CURVATURES = np.geomspace(0.01, 1, 9)
STEPS, SHARP_STEPS, SHARPER = 300, 40, 6.0
PATIENCE = 10
LOST = 100.0  # times the loss at the start


def expected_loss(rates: Floats, *, noise: float, sharp: bool) -> Floats:
    """E[½ Σ λw²] over its value at the start, before each step and after the last: (steps + 1,).

    rates: (steps,); noise: σ; sharp: at first all curvatures are SHARPER times as high, and fall to
    their own value within SHARP_STEPS: a model of a deep network's start. A run whose loss passes
    LOST is over, as it is in a network: NaN from there on.
    """
    squares = np.ones_like(CURVATURES)
    losses = np.full(len(rates) + 1, np.nan)
    losses[0] = 1.0
    for step, factor in enumerate(sharpness(len(rates), sharp=sharp)):
        squares = _advance(squares, rates[step], noise, factor)
        losses[step + 1] = CURVATURES @ squares / CURVATURES.sum()
        if losses[step + 1] > LOST:
            break
    return losses


def _advance(squares: Floats, rate: float, noise: float, factor: float) -> Floats:
    steep = factor * CURVATURES
    return (1 - rate * steep) ** 2 * squares + (rate * noise) ** 2 * steep


def sharpness(steps: int, *, sharp: bool) -> Floats:
    """What multiplies the curvatures at each step, (steps,)."""
    if not sharp:
        return np.ones(steps)
    return 1 + (SHARPER - 1) * np.clip(1 - np.arange(steps) / SHARP_STEPS, 0, 1)


def plateau_rates(peak: float, *, warmup: int, noise: float, sharp: bool) -> Floats:
    """The rates (STEPS,) of torch's ReduceLROnPlateau, which sees the expected loss.

    After the warm-up it divides the rate by 3 where PATIENCE steps brought less than 1 %.
    """
    optimizer = optimizers.SGD([torch.zeros(1)], lr=peak)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=1 / 3, patience=PATIENCE, threshold=0.01
    )
    squares, rates = np.ones_like(CURVATURES), []
    for step, factor in enumerate(sharpness(STEPS, sharp=sharp)):
        rate = optimizer.param_groups[0]["lr"] * min(1.0, (step + 1) / max(warmup, 1))
        rates.append(rate)
        squares = np.minimum(_advance(squares, rate, noise, factor), 1e9)
        if step >= warmup:
            plateau.step(float(CURVATURES @ squares))
    return np.array(rates)
