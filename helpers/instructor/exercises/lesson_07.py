"""Lesson 07, early stopping: rules on curves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.instructor.exercise import Exercise, Lesson, Probe, Written
from helpers.instructor.exercises.lesson_07_more import ALPHA, FIT, GD_FILTER, RIDGE_FILTER

Array = NDArray[np.float64]
Pair = tuple[int, int]
Rule = Callable[[Array, int, float], Any]
GRID = 64  # losses and min_delta are multiples of 1/64: sums and differences are exact


# 07.1 patience and min_delta


def _torch_stop(losses: Array, patience: int, min_delta: float) -> Pair:
    """The first cut of the learning rate by ReduceLROnPlateau is where the rule stops."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience - 1, threshold=min_delta, threshold_mode="abs"
    )
    best, lowest = 0, float("inf")
    for t, loss in enumerate(losses.tolist()):
        plateau.step(loss)
        if plateau.best < lowest:
            best, lowest = t, plateau.best
        if optimizer.param_groups[0]["lr"] < 1:
            return t, best
    return len(losses) - 1, best


def _stop_by(
    *,
    better: Callable[[Array, int, int, float], Any] = lambda x, t, best, d: x[t] < x[best] - d,
    over: Callable[[int, int], bool] = lambda waited, patience: waited >= patience,
    told: Callable[[Array, int, int], Any] = lambda x, stop, best: (stop, best),
    resets: bool = True,
) -> Rule:
    """A wrong rule: each argument is one place where learners go astray."""

    def rule(losses: Array, patience: int, min_delta: float) -> Any:
        best, waited = 0, 0
        for t in range(1, len(losses)):
            if better(losses, t, best, min_delta):
                best, waited = t, 0 if resets else waited
            else:
                waited += 1
                if over(waited, patience):
                    return told(losses, t, best)
        return told(losses, len(losses) - 1, best)

    return rule


def _increases(losses: Array, patience: int, min_delta: float) -> Pair:
    """Stops after so many increases in a row, each against the epoch before it."""
    waited = 0
    for t in range(1, len(losses)):
        waited = waited + 1 if losses[t] > losses[t - 1] + min_delta else 0
        if waited >= patience:
            return t, int(np.argmin(losses[: t + 1]))
    return len(losses) - 1, int(np.argmin(losses))


def _whole_curve(losses: Array, patience: int, min_delta: float) -> Pair:
    """Looks up the lowest loss of the whole curve, and waits from there."""
    best = int(np.argmin(losses))
    return min(best + patience, len(losses) - 1), best


def _asks_first(losses: Array, patience: int, min_delta: float) -> Pair:
    """Asks whether patience has run out before it looks at the loss of the epoch."""
    best = 0
    for t in range(1, len(losses)):
        if t - best >= patience:
            return t, best
        best = t if losses[t] < losses[best] - min_delta else best
    return len(losses) - 1, best


def _from(level: float, *, first: int, start: int = 0, best_epoch: int = 0) -> Rule:
    """The best loss is `level` to begin with; `first` is what a bad epoch `start` counts for."""

    def rule(losses: Array, patience: int, min_delta: float) -> Pair:
        best, lowest, waited = best_epoch, level, first - 1
        for t in range(start, len(losses)):
            if losses[t] < lowest - min_delta:
                best, lowest, waited = t, float(losses[t]), 0
            else:
                waited += 1
                if waited >= patience:
                    return t, best
        return len(losses) - 1, best

    return rule


def _behind_the_end(losses: Array, patience: int, min_delta: float) -> Pair:
    best = _torch_stop(losses, patience, min_delta)[1]
    return best + patience, best


def _one_too_far(losses: Array, patience: int, min_delta: float) -> Pair:
    stop, best = _torch_stop(losses, patience, min_delta)
    stopped = stop - best >= patience
    return (stop if stopped else len(losses)), best


def _draw_curve(rng: np.random.Generator, length: int) -> Array:
    """A noisy U on the grid, so coarse that ties occur."""
    place = np.linspace(-1.0, 1.3, length) - rng.uniform(-0.4, 0.4)
    noise = rng.normal(0, 0.12, length)
    return np.round((1 + place**2 + noise) * 16) * 4 / GRID


def _stop_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(step: int) -> list[Probe]:
        d = step / GRID
        drawn: list[Probe] = [
            (_draw_curve(rng, int(rng.integers(14, 40))), patience, d)
            for patience in (1, 2, 2, 3, 3, 4, 5, 6)
        ]
        falling = 2.0 - np.arange(int(rng.integers(6, 12))) * 3 * max(step, 4) / GRID
        drawn.append((falling, 2, d))  # never stops: the last epoch is the best
        drawn.append((falling[::-1].copy(), 3, d))  # the first epoch is the best
        drawn.append((np.repeat(falling, 2), 2, d))  # every loss twice: a tie is no improvement
        drawn.append((np.array([1.5]), 1, d))
        return drawn

    def drifting(step: int) -> Array:
        """Falls by up to min_delta an epoch: what counts is the sum since the last best one."""
        return 1.5 - np.cumsum(rng.integers(0, step + 1, int(rng.integers(14, 24)))) / GRID

    def level(by: float, patience: int, d: float) -> Probe:
        return (_draw_curve(rng, int(rng.integers(14, 40))) + by, patience, d)

    steps = 1.5 - np.arange(10) * 8 / GRID  # falls by exactly min_delta an epoch
    drift = 1.5 - np.arange(12) * 4 / GRID  # falls by half of it: every second epoch counts
    exact: list[Probe] = [(steps, 2, 8 / GRID), (drift, 4, 8 / GRID), (drift, 2, 8 / GRID)]
    drifts: list[Probe] = [(drifting(8), p, 8 / GRID) for p in (2, 3, 4, 5)]
    coarse = (_draw_curve(rng, 20) * 8, 3, 1.0)
    ends: list[Probe] = [
        (np.array([1.5, 1.75, 1.0]), 1, 0.0),  # stops at epoch 1
        (np.array([1.5, 1.0]), 1, 0.0),
        (_draw_curve(rng, 12), 30, 0.0),  # more patience than epochs
        (_draw_curve(rng, 40), 9, 0.0),
        (np.sort(_draw_curve(rng, 9)) - 8, 3, 0.0),  # below 0, and the first epoch is the best
    ]
    return {
        "min_delta of zero": draw(0) + ends + [level(b, 3, 0.0) for b in (-3.0, -2.5, 5000.0)],
        "min_delta above zero": draw(8)
        + exact
        + drifts
        + draw(5)[:8]
        + [coarse, level(-3.0, 3, 8 / GRID), level(5000.0, 2, 8 / GRID)],
    }


EARLY_STOP = Exercise(
    id="07.1",
    title="Patience and min_delta",
    function="early_stop",
    points=2,
    oracle=_torch_stop,
    mistakes={
        "You count increases in a row, each against the epoch before. Patience counts epochs "
        "since the best one: a small dip on the way up does not start it anew.": _increases,
        "You compare with the epoch before. An epoch is better when it is below the best one so "
        "far (by more than min_delta).": _stop_by(better=lambda x, t, best, d: x[t] < x[t - 1] - d),
        "You return the epoch where training stops as the best one. The best epoch is the one "
        "whose weights you would restore, at least `patience` epochs earlier.": _stop_by(
            told=lambda x, stop, best: (stop, stop)
        ),
        "You return (best, stop); asked is (stop, best).": _stop_by(
            told=lambda x, stop, best: (best, stop)
        ),
        "A tie counts as better in your rule (<=). A loss must be strictly below the best minus "
        "min_delta; else a flat curve would never stop.": _stop_by(
            better=lambda x, t, best, d: x[t] <= x[best] - d
        ),
        "Your rule never stops: it looks through the whole curve, also behind the epoch where "
        "patience has run out. At that time nobody knows what would come.": _stop_by(
            over=lambda waited, patience: False
        ),
        "You look up the lowest loss of the whole curve. A rule must decide while training runs: "
        "walk through the epochs, and stop as soon as patience has run out.": _whole_curve,
        "You stop at the right epoch, but your best epoch is the lowest loss of the whole curve. "
        "Epochs behind the stop never happen: nobody can restore their weights.": _stop_by(
            told=lambda x, stop, best: (stop, int(np.argmin(x)))
        ),
        "You stop one epoch late: patience 1 stops at the first epoch that is not better.": (
            _stop_by(over=lambda waited, patience: waited > patience)
        ),
        "You stop one epoch early: patience 2 allows one epoch that is not better, and stops at "
        "the second.": _stop_by(over=lambda waited, patience: waited >= patience - 1),
        "Lower is better for a loss; your rule waits for a higher one.": _stop_by(
            better=lambda x, t, best, d: x[t] > x[best] + d
        ),
        "Your rule ignores min_delta.": _stop_by(better=lambda x, t, best, d: x[t] < x[best]),
        "min_delta has the wrong sign: it makes an improvement harder to count, so the loss "
        "must be below the best *minus* min_delta.": _stop_by(
            better=lambda x, t, best, d: x[t] < x[best] + d
        ),
        "Your best epoch is the lowest loss seen. It is the last epoch that counted as better: "
        "the one that patience is counted from.": _stop_by(
            told=lambda x, stop, best: (stop, int(np.argmin(x[: stop + 1])))
        ),
        "You compare with the lowest loss seen. Compare with the loss of the best epoch: an epoch "
        "that is lower by min_delta or less does not become the best, so it must not set the bar "
        "for later ones.": _stop_by(better=lambda x, t, best, d: x[t] < x[:t].min() - d),
        "Your best loss is 0 to begin with, and no positive loss is below that. Epoch 0 is the "
        "best to begin with: start from losses[0].": _from(0.0, first=0),
        "Your best loss is 0 to begin with, so even epoch 0 counts as a bad one. Epoch 0 is the "
        "best to begin with: start from losses[0], and count from epoch 1.": _from(0.0, first=1),
        "Your best loss is 0 to begin with, so from epoch 1 on no positive loss counts as better. "
        "The best before epoch 1 is losses[0].": _from(0.0, first=1, start=1),
        "Your best loss is 0 to begin with and your best epoch −1, and no positive loss takes "
        "their place. Epoch 0 is the best to begin with.": _from(0.0, first=1, best_epoch=-1),
        "Your best loss is 1 to begin with, and a loss may be larger: then epoch 0 counts as a bad "
        "one. Epoch 0 is the best to begin with: start from losses[0].": _from(1.0, first=1),
        "Your best loss is 1 to begin with, also when epoch 1 comes. The best before epoch 1 is "
        "losses[0].": _from(1.0, first=1, start=1),
        "You never look at epoch 0: your best loss is infinite when epoch 1 comes, so that one "
        "counts as better whatever its loss is. The best before it is losses[0].": _from(
            np.inf, first=1, start=1
        ),
        "min_delta is a difference here, not a share of the best loss.": _stop_by(
            better=lambda x, t, best, d: x[t] < x[best] * (1 - d)
        ),
        "Your counter is never set back to zero when a new best epoch comes.": _stop_by(
            resets=False
        ),
        "When patience never runs out, training stops at the last epoch. Its index is "
        "len(losses) − 1.": _one_too_far,
        "You return best + patience as the stop, also where the curve is over before that: then "
        "training stops at the last epoch, len(losses) − 1.": _behind_the_end,
        "You ask whether patience has run out before you look at the epoch. First: is it better? "
        "Only an epoch that is not better can end the training.": _asks_first,
        "You count from 1. Epoch 0 is the first entry of the curve.": _stop_by(
            told=lambda x, stop, best: (stop + 1, best + 1)
        ),
        "Your stop is one too high. It is the index of the last epoch that was trained, counted "
        "from 0 like the best one, not the number of epochs.": _stop_by(
            told=lambda x, stop, best: (stop + 1, best)
        ),
    },
    probes=_stop_probes,
)


# 07.2 a smoother curve


def _convolved(losses: Array, window: int) -> Array:
    n, ones = len(losses), np.ones(window)
    return np.convolve(losses, ones)[:n] / np.convolve(np.ones(n), ones)[:n]


def _mean_of(first: Callable[[int, int], int], last: Callable[[int, int], int]) -> Any:
    """Means over losses[first:last + 1], the ends as functions of epoch and window."""

    def smoothed(losses: Array, window: int) -> Array:
        n = len(losses)
        ends = [(max(0, first(t, window)), min(n - 1, last(t, window))) for t in range(n)]
        return np.array([losses[a : b + 1].mean() if b >= a else losses[a] for a, b in ends])

    return smoothed


def _wrapped(losses: Array, window: int) -> Array:
    """A slice that begins at t − window + 1, also where that is negative."""
    slices = [losses[t - window + 1 : t + 1] for t in range(len(losses))]
    return np.array([part.mean() if part.size else np.nan for part in slices])


def _without_the_last(losses: Array, window: int) -> Array:
    """A slice that ends at t, and so excludes epoch t."""
    slices = [losses[max(0, t - window + 1) : t] for t in range(len(losses))]
    return np.array([part.mean() if part.size else np.nan for part in slices])


def _padded(losses: Array, window: int) -> Array:
    longer = np.r_[np.full(window - 1, losses[0]), losses]
    return np.convolve(longer, np.ones(window) / window, mode="valid")


def _raw_at_first(losses: Array, window: int) -> Array:
    full = np.arange(len(losses)) >= window - 1
    return np.where(full, _convolved(losses, window), losses)


def _nan_at_first(losses: Array, window: int) -> Array:
    """As pandas does it: no mean before the window is full."""
    full = np.arange(len(losses)) >= window - 1
    return np.where(full, _convolved(losses, window), np.nan)


def _exponential(losses: Array, window: int) -> Array:
    out = [losses[0]]
    for loss in losses[1:]:
        out.append(out[-1] + (loss - out[-1]) / window)
    return np.array(out)


def _short(losses: Array, window: int) -> Array:
    """np.convolve's mode "valid", which swaps its arguments when the window is longer."""
    return np.convolve(losses, np.ones(window), mode="valid") / window


def _smooth_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(n: int, window: int) -> Probe:
        return (np.round(rng.uniform(0.5, 2.5, n), 3), window)

    return {
        "windows shorter than the curve": [
            *(draw(int(rng.integers(7, 15)), w) for w in (2, 3, 4, 5)), draw(17, 12)
        ],
        "a window of one, windows as long as the curve or longer": [
            draw(6, 1), draw(5, 5), draw(4, 7), draw(3, 4),
            draw(4, 8), draw(3, 10), draw(1, 1), draw(1, 3),
        ],
    }  # fmt: skip


SMOOTH = Exercise(
    id="07.2",
    title="The mean of the last epochs",
    function="smooth",
    points=1,
    oracle=_convolved,
    mistakes={
        "Your window looks into the future: it lies around the epoch. While training runs, only "
        "this epoch and earlier ones are known.": _mean_of(
            lambda t, w: t - w // 2, lambda t, w: t - w // 2 + w - 1
        ),
        "Your window reaches as far ahead of the epoch as back, and so looks into the future. It "
        "ends at the epoch: losses[max(0, t - window + 1) : t + 1].": _mean_of(
            lambda t, w: t - w // 2, lambda t, w: t + w // 2
        ),
        "Your window lies ahead of the epoch: it averages this epoch and later ones.": _mean_of(
            lambda t, w: t, lambda t, w: t + w - 1
        ),
        'np.convolve in its mode "same" puts the window around the epoch, looks into the future '
        "and pads with zeros. Asked is the mean of this epoch and the window − 1 before it.": (
            lambda x, w: np.convolve(x, np.ones(w) / w, mode="same")
        ),
        "You divide the first sums by the whole window although it is not full yet: the curve "
        "begins far too low, and its first epoch would look like the best.": (
            lambda x, w: np.convolve(x, np.ones(w))[: len(x)] / w
        ),
        "You leave out the epochs where the window is not full. Return one value for every "
        "epoch; at the beginning average the epochs that there are.": _short,
        "Your window holds one epoch too many: `window` counts this epoch, too.": _mean_of(
            lambda t, w: t - w, lambda t, w: t
        ),
        "Your window leaves out the present epoch: the mean is over this one and the "
        "window − 1 before it.": _mean_of(lambda t, w: t - w, lambda t, w: t - 1),
        "At the beginning `t - window + 1` is negative, and Python counts a negative index from "
        "the end: the slice is empty, its mean NaN. Begin at max(0, t - window + 1).": _wrapped,
        "That is exponential smoothing: it never forgets an old epoch. Asked is the plain mean "
        "over the last `window` epochs.": _exponential,
        "A slice excludes its end: losses[a:t] leaves out epoch t, and at epoch 0 it is empty. "
        "End the slice at t + 1.": _without_the_last,
        "You repeat the first loss where the window is not full, so it counts several times. "
        "Average the epochs that there are, each once.": _padded,
        "You leave the first epochs as they are. Where the window is not full, average the "
        "epochs that there are.": _raw_at_first,
        "The first epochs are NaN in your curve. Where the window is not full yet, average the "
        "epochs that there are: the first value is losses[0].": _nan_at_first,
        "That is the mean of all epochs so far. The window forgets: only the last `window` "
        "epochs count.": lambda x, w: np.cumsum(x) / np.arange(1, len(x) + 1),
        "That is the sum over the window: divide by the number of epochs in it.": (
            lambda x, w: np.convolve(x, np.ones(w))[: len(x)]
        ),
    },
    probes=_smooth_probes,
)

WRITTEN = Written(
    id="07.w",
    title="Patience 1 or patience 20: the expected cost of each",
    rubric={
        "Names both costs of both rules with figures from the plot or the table: accuracy lost "
        "on average and in the worst runs (patience 1), epochs spent and, without restoring, "
        "accuracy lost (patience 20).": 1,
        "Weighs them for a stated case (price of an epoch against price of an error, number of "
        "runs, restored or not) and ends with a choice that follows from the weighing.": 1,
    },
)

LESSON = Lesson(
    number="07",
    name="early_stopping",
    title="Early stopping: the cheapest regularizer",
    minutes=90,
    exercises=(EARLY_STOP, SMOOTH, FIT, GD_FILTER, RIDGE_FILTER, ALPHA),
    written=(WRITTEN,),
)
