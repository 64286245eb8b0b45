"""Lesson 10, continued: sanity checks, learning curves, and the search."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import loguniform

from helpers.compare import Judged
from helpers.instructor.exercise import Exercise, Probe
from helpers.values import Seed

Array = NDArray[np.float64]
Rng = np.random.Generator


# 10.4 the loss before training


def _torch_initial(n_classes: int) -> float:
    """The cross-entropy of equal logits."""
    logits = torch.zeros(1, n_classes, dtype=torch.float64)
    return float(torch.nn.functional.cross_entropy(logits, torch.zeros(1, dtype=torch.int64)))


INITIAL_LOSS = Exercise(
    id="10.4",
    title="The loss before training",
    function="initial_loss",
    points=1,
    oracle=_torch_initial,
    mistakes={
        "The sign: the loss is −log(1/K), which is positive.": lambda k: -_torch_initial(k),
        "That is the probability of the right class. The loss is minus its logarithm.": lambda k: (
            1 / k
        ),
        "Cross-entropy uses the natural logarithm; yours is to base 2.": lambda k: np.log2(k),
        "Cross-entropy uses the natural logarithm; yours is to base 10.": lambda k: np.log10(k),
        "You average over the classes. Only the right class counts: −log of its "
        "probability.": lambda k: np.log(k) / k,
        "That is the loss for ten classes only: use n_classes.": lambda k: np.log(10.0),
        "You sum over the classes. Only the right class counts: −log of its probability.": (
            lambda k: k * np.log(k)
        ),
        "You add the other classes, as in a loss of K yes-or-no questions. Cross-entropy charges "
        "the right class only.": lambda k: np.log(k) - (k - 1) * np.log1p(-1 / k),
        "That is the error rate of a guess, 1 − 1/K. Asked is the cross-entropy.": lambda k: (
            1 - 1 / k
        ),
    },
    probes=lambda rng: [(2,), (10,), (int(rng.integers(11, 90)),), (1000,)],
)


# 10.5 reading curves

RULES = ("high", "low", "overfit", "good")


def _decided(train: Array, val: Array) -> str:
    """The rule as a table of tests, the first that holds."""
    broken = not np.isfinite(train).all() or np.greater_equal(train[-1], train[0])
    tests = (broken, 2 * train[-1] > train[0], val[-1] > 1.1 * np.min(val), True)
    return RULES[tests.index(True)]


def _diagnose_by(
    *,
    broken: Callable[[Array], Any] = lambda x: not np.isfinite(x).all() or x[-1] >= x[0],
    slow: Callable[[Array], Any] = lambda x: x[-1] > x[0] / 2,
    over: Callable[[Array, Array], Any] = lambda x, v: v[-1] > 1.1 * v.min(),
    order: str = "high low overfit",
    names: Callable[[str], str] = lambda name: name,
    feed: Callable[[Array, Array], tuple[Array, Array]] = lambda x, v: (x, v),
) -> Callable[[Array, Array], str]:
    """A wrong reading: each argument is one place where learners go astray."""

    def diagnose(train: Array, val: Array) -> str:
        x, v = feed(train, val)
        tests = {"high": lambda: broken(x), "low": lambda: slow(x), "overfit": lambda: over(x, v)}
        return names(next((name for name in order.split() if tests[name]()), "good"))

    return diagnose


def _by_validation(train: Array, val: Array) -> str:
    if not np.isfinite(val).all() or val[-1] >= val[0]:
        return "high"
    if val[-1] > val[0] / 2:
        return "low"
    return "overfit" if val[-1] > 1.1 * val.min() else "good"


def _low_by_validation(train: Array, val: Array) -> str:
    found = _diagnose_by(slow=lambda x: val[-1] > val[0] / 2)
    return found(train, val)


def _swap_rates(name: str) -> str:
    return {"low": "high", "high": "low"}.get(name, name)


def _fall(rng: Rng, n: int, end: float, *, start: float = 2.4) -> Array:
    """A noisy curve from start to end, both exact."""
    path = end + (start - end) * np.exp(-np.linspace(0, 5, n)) + rng.uniform(-0.01, 0.01, n)
    path[0], path[-1] = start, end
    return np.round(path, 3)


def _u(rng: Rng, n: int, rise: float, *, bottom: float = 0.8) -> Array:
    """A validation curve that falls to a bottom and ends at rise times it."""
    here = int(rng.integers(2, n - 2))
    path = np.concatenate([np.linspace(2.4, bottom, here + 1),
                           np.linspace(bottom, rise * bottom, n - here)[1:]])  # fmt: skip
    return np.round(path, 3)


def _near_half(rng: Rng) -> Probe:
    """A last training loss a little above or below half the first one, whichever it is."""
    n, start = int(rng.integers(3, 16)), float(np.round(rng.uniform(0.8, 5), 2))
    share = 0.5 + rng.choice([-1, 1]) * rng.uniform(0.003, 0.015)
    return _fall(rng, n, share * start, start=start), _fall(rng, n, 0.7 * start, start=start)


def _near_tenth(rng: Rng) -> Probe:
    """A last validation loss a little above or below 1.1 times the lowest, whichever it is."""
    n, bottom = int(rng.integers(5, 16)), float(np.round(rng.uniform(0.5, 2), 2))
    rise = 1.1 + rng.choice([-1, 1]) * rng.uniform(0.004, 0.02)
    return _fall(rng, n, 0.2), _u(rng, n, rise, bottom=bottom)


def _put(curve: Array, values: dict[int, float]) -> Array:
    """The curve with other values at some steps."""
    changed = curve.copy()
    changed[list(values)] = list(values.values())
    return changed


def _diagnose_probes(rng: Rng) -> dict[str, list[Probe]]:
    longer = int(rng.integers(8, 14))  # a call with six numbers is shown in full
    return {
        "the learning rate": [
            *_not_finite(rng, 6), *_ups_and_downs(rng, 6), *_short(rng),
            (_fall(rng, longer, 1.4), _u(rng, longer, 1.0)), *(_near_half(rng) for _ in range(8)),
        ],
        "overfitting": [
            *_overfitted(rng, 6), (_fall(rng, longer, 0.4), _u(rng, longer, 1.4)),
            *_last_above_lowest(rng), *(_near_tenth(rng) for _ in range(8)),
        ],
    }  # fmt: skip


def _not_finite(rng: Rng, n: int) -> list[Probe]:
    """Training losses that are not finite at the end, in between, or at first."""
    nan, inf = np.nan, np.inf
    up = np.round(np.linspace(2.4, 3.1, n), 3)
    ends_in_nan = _put(up, dict.fromkeys(range(4, n), nan))
    return [
        (ends_in_nan, ends_in_nan),
        (_put(_fall(rng, n, 0.4), {n - 2: inf, n - 1: inf}), _u(rng, n, 1.0)),
        (_put(_fall(rng, n, 0.3), {2: inf, 4: 0.9}), _u(rng, n, 1.02)),
        (_put(_fall(rng, n, 0.35), {3: nan}), _u(rng, n, 1.03)),
        (_put(_fall(rng, n, 0.4), {0: nan}), _u(rng, n, 1.03)),
        (_put(_fall(rng, n, 0.4), {3: -inf}), _u(rng, n, 1.03)),
    ]


def _ups_and_downs(rng: Rng, n: int) -> list[Probe]:
    """Finite training losses whose first, last, lowest and highest tell different stories."""
    up = np.round(np.linspace(2.4, 3.1, n), 3)
    hump = _put(np.round(np.linspace(3.2, 2.5, n), 3), {0: 2.4})
    return [
        (up, up + 0.1),
        (hump, _u(rng, n, 1.05)),  # rises at once, and does not come back to where it began
        (_put(_fall(rng, n, 2.4), {1: 1.0, n // 2: 0.5}), _u(rng, n, 1.5)),  # ends as it began
        (_put(_fall(rng, n, 0.5), {n - 2: 2.6}), _u(rng, n, 1.04)),  # late above the start
        (_put(_fall(rng, n, 0.5), {1: 2.9}), _u(rng, n, 1.05)),  # rises at first, and then falls
        # more than half the first loss, and less than half the highest
        (_put(_fall(rng, n, 1.5), {1: 3.4}), _u(rng, n, 1.05)),
        # the lowest loss says "good", the last one says "low"
        (_put(_fall(rng, n, 1.5), {n - 2: 0.6}), _fall(rng, n, 1.55)),
        (_fall(rng, n, 2.395), _fall(rng, n, 2.35)),
        (_fall(rng, n, 1.3), _u(rng, n, 1.3)),
        (_fall(rng, n, 1.2), _fall(rng, n, 1.25)),
        (_fall(rng, n, 0.9), _fall(rng, n, 2.0)),
    ]


def _short(rng: Rng) -> list[Probe]:
    """Two losses each, and four from another start."""
    return [
        (_fall(rng, 4, 0.5, start=0.9), _fall(rng, 4, 0.6, start=1.0)),
        (_fall(rng, 2, 1, start=3), _fall(rng, 2, 0.6, start=0.5)),
        (_fall(rng, 2, 2, start=3), _fall(rng, 2, 0.6, start=0.5)),
    ]


def _overfitted(rng: Rng, n: int) -> list[Probe]:
    """Good training losses; the validation loss ends above its lowest, or not."""
    fine, worse = _fall(rng, n, 0.9), _fall(rng, n, 0.2)
    return [
        (fine, _u(rng, n, 1.3)), (fine, _u(rng, n, 1.1, bottom=1.0)),
        (worse, _u(rng, n, 1.07)), (worse, _u(rng, n, 1.15)),
        (fine, _u(rng, n, 2.0, bottom=0.4)),
        (worse, np.append(_fall(rng, n - 2, 0.7), [1.2, 0.72])),
        (worse, np.append(_u(rng, n - 1, 1.5), 0.81)), (worse, np.full(n, 2.0)),
        (worse, _u(rng, n, 4.0)),
        (_fall(rng, n, 1.2), np.append(_fall(rng, n - 1, 0.5), 0.55)),
        (worse, _u(rng, n, 1.3, bottom=0.2)), (worse, _u(rng, n, 1.06, bottom=2.0)),
        (worse, np.append(_fall(rng, n - 1, 0.7), np.inf)),  # sure, and wrong
        (worse, _put(_u(rng, n, 1.05), {2: np.inf})),
    ]  # fmt: skip


def _last_above_lowest(rng: Rng) -> list[Probe]:
    """Validation losses that begin at their lowest."""
    ends = ((2, 1.15), (3, 1.05), (3, 1.15))
    return [(_fall(rng, k, 0.3), np.linspace(1, last, k)) for k, last in ends]


DIAGNOSE = Exercise(
    id="10.5",
    title="Reading learning curves",
    function="diagnose",
    points=1,
    oracle=_decided,
    mistakes={
        "A loss of NaN slips through: every comparison with NaN is False, and so your rule does "
        "not see that training broke down. Ask for np.isfinite(train).all() first.": _diagnose_by(
            broken=lambda x: x[-1] >= x[0]
        ),
        "You look at the last training loss only; a loss that was not finite anywhere on the way "
        "means “high”.": _diagnose_by(broken=lambda x: not np.isfinite(x[-1]) or x[-1] >= x[0]),
        "An infinite loss slips through: np.isnan does not see it. Ask for np.isfinite.": (
            _diagnose_by(broken=lambda x: np.isnan(x).any() or x[-1] >= x[0])
        ),
        "Your “high” also asks whether the validation loss is finite. Rule 1 is about the training "
        "loss only.": lambda x, v: "high" if not np.isfinite(v).all() else _decided(x, v),
        "“high” also holds where the training loss ends where it began, or above.": _diagnose_by(
            broken=lambda x: not np.isfinite(x).all()
        ),
        "A training loss that ends exactly where it began is “high”, too: at least as large.": (
            _diagnose_by(broken=lambda x: not np.isfinite(x).all() or x[-1] > x[0])
        ),
        "Exactly half the first training loss is not “low” yet: more than half is.": _diagnose_by(
            slow=lambda x: x[-1] >= x[0] / 2
        ),
        "Exactly 1.1 times the lowest validation loss is not “overfit” yet: more than that "
        "is.": _diagnose_by(over=lambda x, v: v[-1] >= 1.1 * v.min()),
        "You ask for a rise of 0.1. Asked is a tenth of the lowest validation loss: 1.1 *times* "
        "it.": _diagnose_by(over=lambda x, v: v[-1] > v.min() + 0.1),
        "For “low” you compare with the highest training loss. Compare with the first.": (
            _diagnose_by(slow=lambda x: x[-1] > x.max() / 2)
        ),
        "“low” and “high” are swapped: a rate that is too low learns slowly.": _diagnose_by(
            names=_swap_rates
        ),
        "For “low” you take the lowest training loss. Take the last one.": _diagnose_by(
            slow=lambda x: x.min() > x[0] / 2
        ),
        "You test for overfitting before “low”. A network that has hardly learned has not "
        "overfitted: the order is high, low, overfit, good.": _diagnose_by(
            order="high overfit low"
        ),
        "You test for overfitting first: the order is high, low, overfit, good.": _diagnose_by(
            order="overfit high low"
        ),
        "For “low” you take the validation loss. Take the training loss.": _low_by_validation,
        "You compare the validation loss with the one before. Overfitting is a rise from its "
        "*lowest* value.": _diagnose_by(over=lambda x, v: v[-1] > 1.1 * v[-2]),
        "You compare the validation loss with its first value. Overfitting is a rise from its "
        "*lowest* value.": _diagnose_by(over=lambda x, v: v[-1] > 1.1 * v[0]),
        "You call it overfitting where validation loss is above training loss. A gap is normal; "
        "the sign is a validation loss that rises again.": _diagnose_by(
            over=lambda x, v: v[-1] > 1.1 * x[-1]
        ),
        "Any rise counts as overfitting in your rule. Curves are noisy: ask for more than "
        "10 %.": _diagnose_by(over=lambda x, v: v[-1] > v.min()),
        "Your rule never says “overfit”.": _diagnose_by(order="high low"),
        "You call a run “high” whose training loss was once above its first value. Rule 1 asks "
        "about the last one.": _diagnose_by(
            broken=lambda x: not np.isfinite(x).all() or x.max() > x[0] or x[-1] >= x[0]
        ),
        "You test for “low” before “high”: the order is high, low, overfit, good.": _diagnose_by(
            order="low high overfit"
        ),
        "You take the two curves the wrong way round: train comes first.": _diagnose_by(
            feed=lambda x, v: (v, x)
        ),
        "You judge the learning rate by the validation loss. It shows in the training "
        "loss.": _by_validation,
    },
    probes=_diagnose_probes,
)


# 10.6 random search in log space


def _scipy_draw(low: float, high: float, n: int, rng: Rng) -> Array:
    return np.asarray(loguniform(low, high).rvs(n, random_state=rng))


def _clipped(low: float, high: float, n: int, rng: Rng) -> Array:
    middle, width = np.log(low * high) / 2, np.log(high / low) / 4
    return np.clip(np.exp(rng.normal(middle, width, n)), low, high)


def _powers_of_ten(low: float, high: float, n: int, rng: Rng) -> Array:
    first, last = np.ceil(np.log10(low)), np.floor(np.log10(high))
    return np.asarray(10.0 ** rng.integers(int(first), int(last) + 1, n))


def _one_a_stratum(low: float, high: float, n: int, rng: Rng) -> Array:
    places = (rng.permutation(n) + rng.random(n)) / n
    return np.asarray(low * (high / low) ** places)


def _log_probes(rng: Rng) -> list[Probe]:
    seed = int(rng.integers(1_000_000))
    low = float(f"{10 ** rng.uniform(-5, -4.1):.3g}")
    high = float(f"{low * 10 ** rng.uniform(2.5, 4):.3g}")  # all below 1
    many = [(low, high, 80, Seed(seed + i)) for i in range(24)]
    other = [(0.5, 3.0, 41, Seed(seed + 100 + i)) for i in range(16)]
    top = round(float(rng.uniform(50, 500)), 1)
    above = [(2.0, top, 40, Seed(seed + 200 + i)) for i in range(16)]
    return [*many, *other, *above, many[0], (0.5, 3.0, 1, Seed(seed))]


LOG_UNIFORM = Exercise(
    id="10.6",
    title="Random draws in log space",
    function="log_uniform",
    points=1,
    oracle=_scipy_draw,
    compare=Judged("lesson_10.log_uniform"),
    mistakes={
        "You draw evenly between low and high: nearly all values fall into the highest decade. "
        "Draw the logarithm evenly.": lambda low, high, n, rng: rng.uniform(low, high, n),
        "You return the logarithms. Undo the logarithm at the end.": lambda low, high, n, rng: (
            rng.uniform(np.log(low), np.log(high), n)
        ),
        "You undo the wrong logarithm: log10 goes with 10**, log with exp.": (
            lambda low, high, n, rng: np.exp(rng.uniform(np.log10(low), np.log10(high), n))
        ),
        "You undo the wrong logarithm: 10** goes with log10, and log with exp.": (
            lambda low, high, n, rng: 10 ** rng.uniform(np.log(low), np.log(high), n)
        ),
        "low and high are the ends themselves, not powers of ten: take their logarithms "
        "first.": lambda low, high, n, rng: 10 ** rng.uniform(low, high, n),
        "Your values are evenly spaced: that is a grid. Draw them from rng.": (
            lambda low, high, n, rng: np.geomspace(low, high, n)
        ),
        "You shuffle a grid (np.geomspace): each of its values comes once. Draw the logarithms "
        "themselves.": lambda low, high, n, rng: rng.permutation(np.geomspace(low, high, n)),
        "You choose among the values of a grid (np.geomspace), so that some come twice and those "
        "between them never. Draw the logarithms themselves.": lambda low, high, n, rng: rng.choice(
            np.geomspace(low, high, n), n
        ),
        "You draw one value in each of n equal parts. Independent draws can meet in one part, and "
        "leave another one empty.": _one_a_stratum,
        "You draw whole powers of ten. The exponent is any number between log10(low) and "
        "log10(high): rng.uniform, not rng.integers.": _powers_of_ten,
        "You draw 1/value evenly: nearly all values lie in the lowest decade. Draw the logarithm "
        "evenly.": lambda low, high, n, rng: 1 / rng.uniform(1 / high, 1 / low, n),
        "You draw a single value and repeat it: give rng.uniform the size n.": (
            lambda low, high, n, rng: np.full(n, _scipy_draw(low, high, 1, rng)[0])
        ),
        "You do not draw from the rng that you are given: the same seed gives the same values, "
        "another seed others.": lambda low, high, n, rng: _scipy_draw(
            low, high, n, np.random.default_rng(0)
        ),
        "Your logarithms are normal, not uniform: the middle decades come too often.": _clipped,
        "You sort the values. A search that is stopped early would have seen small rates "
        "only.": lambda low, high, n, rng: np.sort(_scipy_draw(low, high, n, rng)),
    },
    probes=_log_probes,
)


# 10.7 from coarse to fine

Results = Array


def _refined(results: Results, keep: int) -> tuple[float, float]:
    """By masks: rank every row, then look left and right of those that are kept."""
    values, scores = results.T
    scores = np.where(np.isnan(scores), -np.inf, scores)
    kept = np.argsort(np.argsort(-scores, kind="stable")) < keep
    low, high = values[kept].min(), values[kept].max()
    below, above = values[values < low], values[values > high]
    return (
        float(below.max() if below.size else low / 10),
        float(above.min() if above.size else high * 10),
    )


def _refine_by(
    *,
    score: Callable[[Array], Array] = lambda s: np.where(np.isnan(s), -np.inf, s),
    count: Callable[[int, int], int] = lambda keep, n: keep,
    beyond: tuple[float, float] = (0.1, 10.0),
    outside: Callable[[float, float], tuple[float, float]] | None = None,
) -> Callable[[Results, int], tuple[float, float]]:
    """A wrong refinement: each argument is one place where learners go astray."""

    def refine(results: Results, keep: int) -> tuple[float, float]:
        values, scores = results.T
        kept = values[np.argsort(-score(scores), kind="stable")[: count(keep, len(values))]]
        low, high = kept.min(), kept.max()
        if outside:
            return outside(low, high)
        below, above = values[values < low], values[values > high]
        return (
            float(below.max() if below.size else low * beyond[0]),
            float(above.min() if above.size else high * beyond[1]),
        )

    return refine


def _nan_first(results: Results, keep: int) -> tuple[float, float]:
    """np.argsort puts NaN last: the last `keep` are those that diverged."""
    values, scores = results.T
    kept = values[np.argsort(scores, kind="stable")[-keep:]]
    below, above = values[values < kept.min()], values[values > kept.max()]
    return (
        float(below.max() if below.size else kept.min() / 10),
        float(above.min() if above.size else kept.max() * 10),
    )


def _neighbors_in_table(results: Results, keep: int) -> tuple[float, float]:
    """Takes the rows above and below in the table, which is in the order of the trials."""
    values, scores = results.T
    order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")[:keep]
    first, last = order.min(), order.max()
    low = values[first - 1] if first > 0 else values[first] / 10
    high = values[last + 1] if last + 1 < len(values) else values[last] * 10
    return float(low), float(high)


def _without_lost(results: Results, keep: int) -> tuple[float, float]:
    return _refined(results[~np.isnan(results[:, 1])], keep)


def _widest(results: Results, keep: int) -> tuple[float, float]:
    """The ends of all values tried, where any lie beyond the kept ones."""
    values, (low, high) = results[:, 0], _refined(results, keep)
    return min(float(values.min()), low), max(float(values.max()), high)


def _default_among_them(results: Results, keep: int) -> tuple[float, float]:
    """What is meant for an empty side stands among the candidates, too."""
    values, scores = results.T
    kept = values[np.argsort(-np.where(np.isnan(scores), -np.inf, scores))[:keep]]
    low, high = kept.min(), kept.max()
    below, above = values[values < low], values[values > high]
    return float(np.append(below, low / 10).max()), float(np.append(above, high * 10).min())


def _sorted_apart(results: Results, keep: int) -> tuple[float, float]:
    """np.sort with axis 0 sorts each column for itself."""
    return _refined(np.sort(np.where(np.isnan(results), -np.inf, results), axis=0), keep)


def _all_tried(results: Results, keep: int) -> tuple[float, float]:
    return float(results[:, 0].min()), float(results[:, 0].max())


def _refine_probes(rng: Rng) -> dict[str, list[Probe]]:
    def draw(n: int, keep: int, peak: float, *, lost: int = 0, lift: float = 0.0) -> Probe:
        places = np.sort(rng.uniform(0, 1, n))
        bend = 0.9 + lift - 0.6 * (places - peak) ** 2
        scores = np.round(bend + rng.uniform(-0.01, 0.01, n), 7)  # no ties
        values = 10 ** (-4 + 4 * places)
        if lost:
            scores[-lost:] = np.nan  # the highest rates diverge
        rows = np.stack([[float(f"{v:.4g}") for v in values], scores], axis=1)
        return (rows[rng.permutation(n)], keep)

    def low_end_lost() -> Probe:
        """The smallest values diverge, as momenta may; the others reach above 1."""
        rows, keep = draw(8, 4, 0.45, lift=-3)  # who counts NaN as 0 keeps just these four
        order = np.argsort(rows[:, 0])
        rows[order[:3], 1] = np.nan
        rows[order[3], 1] = 0.01  # the best, next to those
        rows[:, 0] = np.array([float(f"{v:.4g}") for v in 40 * rows[:, 0]])
        return (rows, keep)

    def far_apart() -> Probe:
        """Both neighbors of the best are further away than a factor of 10."""
        values = [float(f"{10.0**k * rng.uniform(1, 3):.4g}") for k in (-4.5, -2.5, -0.5)]
        scores = np.round(rng.uniform(0.3, 0.8, 3) + np.eye(3)[1], 7)
        return (np.stack([values, scores], axis=1)[rng.permutation(3)], 1)

    return {
        "the best lie inside": [
            draw(3, 1, 0.5, lift=-2), draw(9, 3, 0.5), draw(12, 2, 0.4), draw(7, 1, 0.5),
            far_apart(),
        ],
        "the best lie at the border": [
            draw(3, 2, 1.2), draw(8, 2, -0.2), draw(9, 3, 1.2), draw(5, 5, 0.5), draw(1, 1, 0.5)
        ],
        "some runs diverged": [
            draw(3, 1, 0.4, lost=1), draw(3, 2, 0.4, lost=1, lift=-2),
            draw(9, 2, 0.4, lost=2, lift=-2), draw(9, 3, 0.4, lost=2), draw(8, 2, 0.9, lost=3),
            draw(7, 4, 0.3, lost=3), draw(8, 3, 0.5, lost=3, lift=-200), low_end_lost(),
        ],
    }  # fmt: skip


REFINE_RANGE = Exercise(
    id="10.7",
    title="From coarse to fine",
    function="refine_range",
    points=1,
    oracle=_refined,
    mistakes={
        "np.argsort puts NaN last, so your “best” runs are those that diverged. Count NaN as the "
        "worst score.": _nan_first,
        "You keep the worst runs: a higher score is better.": _refine_by(
            score=lambda s: -np.where(np.isnan(s), np.inf, s)
        ),
        "You keep the lowest scores, and with them the runs that diverged: a higher score is "
        "better.": _refine_by(score=lambda s: -np.where(np.isnan(s), -np.inf, s)),
        "You count NaN as 0. Scores can be negative, and then 0 is the best of all: count it as "
        "−∞.": _refine_by(score=np.nan_to_num),
        "At the border you go a factor of 2 further. Asked is a factor of 10, a whole "
        "decade.": _refine_by(beyond=(0.5, 2.0)),
        "You leave out the runs that diverged. Their scores are the worst, but their values were "
        "tried: a range can end at one of them.": _without_lost,
        "Your new range ends at the best values themselves, so that the optimum next to them "
        "is shut out. Go on to the next value tried on each side.": _refine_by(
            outside=lambda low, high: (float(low), float(high))
        ),
        "Your range stops at the border of the first search. If the best lie there, better ones "
        "may lie outside: go a factor of 10 further.": _refine_by(beyond=(1.0, 1.0)),
        "You take the neighbors in the table. The trials are in no order: look for the next "
        "smaller and the next larger *value*.": _neighbors_in_table,
        "You take the lowest and the highest value tried. Take those next to the kept "
        "ones.": _widest,
        "You return (high, low); asked is (low, high).": lambda r, keep: _refined(r, keep)[::-1],
        "You keep one run too few.": _refine_by(count=lambda keep, n: max(1, keep - 1)),
        "You keep one run only; `keep` says how many.": _refine_by(count=lambda keep, n: 1),
        "You always widen by a factor of 10, also where neighbors were tried: the range hardly "
        "shrinks.": _refine_by(outside=lambda low, high: (float(low / 10), float(high * 10))),
        "The two factors at the border are swapped: divide the low end by 10, multiply the high "
        "end.": _refine_by(beyond=(10.0, 0.1)),
        "You take the factor of 10 also where a neighbor was tried further away than that. It is "
        "for a side on which nothing was tried.": _default_among_them,
        "You sort values and scores apart, so that they no longer belong together: sort the rows, "
        "or use np.argsort.": _sorted_apart,
        "You return the range of all values tried: nothing was refined.": _all_tried,
        "You keep one run too many.": _refine_by(count=lambda keep, n: keep + 1),
    },
    probes=_refine_probes,
)
