"""Lesson 06, bagging and ensembles: its exercises."""

from itertools import combinations
from typing import Any

import numpy as np
import torch

from helpers.compare import SINGLE, Judged
from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises.lesson_06_more import (
    ADABOOST_ROUND,
    AVERAGE_VOTE,
    MAJORITY_VOTE,
)
from helpers.values import Seed

Array = np.ndarray
Rng = np.random.Generator


def _variance_of_mean(v: Any, c: Any, k: int) -> Any:
    """wᵀ Σ w of equal weights, with the covariance matrix written out."""
    one = np.full(k, 1 / k)
    common = np.multiply.outer(np.asarray(c), np.ones((k, k)))
    own = np.multiply.outer(np.asarray(v) - np.asarray(c), np.eye(k))
    found = one @ (common + own) @ one
    return float(found) if np.ndim(found) == 0 else found


def _variance_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(k: int, *, independent: bool, shape: tuple[int, ...] = ()) -> tuple[Any, ...]:
        v = np.round(rng.uniform(0.4, 3, shape), 2)
        c = 0 * v if independent else np.round(v * rng.uniform(0.2, 0.9, shape), 3)
        return (v, c, k) if shape else (float(v), float(c), k)

    return {
        "independent errors": [probe(k, independent=True) for k in (2, 7)],
        "correlated errors": [
            *(probe(k, independent=False) for k in (1, 2, 3, int(rng.integers(8, 40)))),
            probe(5, independent=False, shape=(4,)),
            probe(3, independent=False, shape=(2, 3)),
            (v := round(float(rng.uniform(0.4, 3)), 2), v, 4),  # as bad as one
            (v, round(-v / 7, 3), 5),  # members that make up for each other
            (np.array([v, 2 * v]), np.round(np.array([-v / 8, v / 3]), 3), 4),
            (3, 2, int(rng.integers(4, 9))),
        ],
    }


ENSEMBLE_VARIANCE = Exercise(
    id="06.1",
    title="The error of a mean of k",
    function="ensemble_variance",
    points=1,
    oracle=_variance_of_mean,
    probes=_variance_probes,
    mistakes={
        "v/k holds for independent errors only. The cross terms e_i·e_j have mean c: count "
        "them.": lambda v, c, k: v / k,
        "There are k(k−1) cross terms, and the sum is divided by k²: (k−1)/k of c is left. You "
        "forgot that division.": lambda v, c, k: v / k + (k - 1) * c,
        "You count each pair once. In the square of a sum it stands twice: e_i·e_j and "
        "e_j·e_i.": lambda v, c, k: v / k + (k - 1) * c / (2 * k),
        "You count k² cross terms, but k of these are the squares.": lambda v, c, k: v / k + c,
        "You divide the sum by k; the mean is squared, so it is k².": lambda v, c, k: (
            v + (k - 1) * c
        ),
        "That is the square of the sum. The mean is the sum divided by k, so divide by k².": (
            lambda v, c, k: k * v + k * (k - 1) * c
        ),
        "You count one square and k − 1 products. There are k squares and k(k−1) products.": (
            lambda v, c, k: (v + (k - 1) * c) / k**2
        ),
        "You swapped v and c: of the k² terms, k are squares and have the mean v.": (
            lambda v, c, k: _variance_of_mean(c, v, k)
        ),
        "That is a standard deviation: leave out the root.": lambda v, c, k: np.sqrt(
            _variance_of_mean(v, c, k)
        ),
        "c is a mean product of errors already, not a correlation: do not multiply it by "
        "v.": lambda v, c, k: v / k + (k - 1) / k * c * v,
    },
)


def _bootstrap_probes(rng: Rng) -> list[tuple[Any, ...]]:
    seed = int(rng.integers(1_000_000))
    small = [(5, Seed(seed + i)) for i in range(200)]
    middle = [(23, Seed(seed + 200 + i)) for i in range(25)]
    large = [(300, Seed(seed + 300 + i)) for i in range(40)]
    return [*small, *middle, *large, large[0], (1, Seed(seed + 400))]


def _torch_bootstrap(n: int, rng: Rng) -> tuple[Array, Array]:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    drawn = torch.multinomial(torch.ones(n), n, replacement=True, generator=generator)
    left = torch.bincount(drawn, minlength=n) == 0
    return drawn.numpy(), left.nonzero().squeeze(1).numpy()


def _rest(n: int, indices: Array) -> Array:
    return np.setdiff1d(np.arange(n), indices)


def _without_replacement(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.permutation(n)
    return indices, _rest(n, indices)


def _subsample(n: int, rng: Rng) -> tuple[Array, Array]:
    order = rng.permutation(n)
    size = n - max(1, round(n / np.e)) if n > 1 else 1
    return order[:size], order[size:]


def _second_draw(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(0, n, n)
    return indices, np.unique(rng.integers(0, n, n))


def _rest_of_second(n: int, rng: Rng) -> tuple[Array, Array]:
    return rng.integers(0, n, n), _rest(n, rng.integers(0, n, n))


def _nothing_left(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(0, n, n)
    return indices, np.setdiff1d(indices, np.arange(n))


def _rounded(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = np.rint(rng.uniform(0, n - 1, n)).astype(int)
    return indices, _rest(n, indices)


def _too_low(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(0, max(n - 1, 1), n)
    return indices, _rest(n, indices)


def _from_one(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(1, n + 1, n)
    return indices, np.setdiff1d(np.arange(1, n + 1), indices)


def _from_one_left_from_zero(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(1, n + 1, n)
    return indices, _rest(n, indices)


def _own_generator(n: int, rng: Rng) -> tuple[Array, Array]:
    return _torch_bootstrap(n, np.random.default_rng(0))


def _in_bag(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(0, n, n)
    return indices, np.unique(indices)


def _as_mask(n: int, rng: Rng) -> tuple[Array, Array]:
    indices = rng.integers(0, n, n)
    return indices, ~np.isin(np.arange(n), indices)


BOOTSTRAP = Exercise(
    id="06.2",
    title="A bootstrap sample",
    function="bootstrap",
    points=1,
    oracle=_torch_bootstrap,
    compare=Judged("lesson_06.bootstrap"),
    probes=_bootstrap_probes,
    mistakes={
        "You draw without replacement: every index comes once, nothing is left out, and all "
        "members get the same training set.": _without_replacement,
        "A bootstrap sample has n entries. An index that was drawn twice stands in it twice: that "
        "example counts double.": _subsample,
        "Your out_of_bag is a draw of its own. It holds the indices that the first draw "
        "missed.": _second_draw,
        "The last index, n − 1, is never drawn: the upper end of rng.integers is not "
        "included.": _too_low,
        "Your out_of_bag is what a second draw misses. It holds the indices that the first draw "
        "missed.": _rest_of_second,
        "Your out_of_bag is empty. np.setdiff1d(a, b) is what is in a and not in b: all indices "
        "come first, the drawn ones second.": _nothing_left,
        "You round uniform numbers from 0 to n − 1: the first and the last index come half as "
        "often as the others. rng.integers gives all the same chance.": _rounded,
        "Your indices run from 1 to n; NumPy's run from 0 to n − 1.": _from_one,
        "Your draws run from 1 to n, so index 0 is always left out, and n is no example: "
        "rng.integers(low, high) includes low, not high.": _from_one_left_from_zero,
        "Your sample does not come from `rng`: the same generator must give the same sample, and "
        "another generator another one.": _own_generator,
        "Your out_of_bag holds the indices that *were* drawn. Return those that were not.": _in_bag,
        "Your out_of_bag is a mask of True and False. Return the indices "
        "themselves (np.flatnonzero).": _as_mask,
        "You swapped the two: return (indices, out_of_bag).": lambda n, rng: _torch_bootstrap(
            n, rng
        )[::-1],
    },
)


def _v_c(errors: Array) -> tuple[float, float]:
    """Mean of squares, and the mean over pairs of members, one pair after the other."""
    pairs = [np.mean(one * other) for one, other in combinations(errors, 2)]
    return float(np.mean([np.mean(e * e) for e in errors])), float(np.mean(pairs))


def _pairs_sum(errors: Array) -> float:
    return _v_c(errors)[1] * len(errors) * (len(errors) - 1)


def _with_diagonal(errors: Array) -> tuple[float, float]:
    return _v_c(errors)[0], float(np.mean(errors.mean(0) ** 2))


def _one_centered(errors: Array) -> tuple[float, float]:
    return float(np.var(errors)), _v_c(errors - errors.mean())[1]


def _unbiased(errors: Array) -> tuple[float, float]:
    v, c = _v_c(errors)
    n = errors.shape[1]
    return v * n / (n - 1), c * n / (n - 1)


def _error_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def errors(k: int, n: int, mean: float) -> tuple[Any, ...]:
        drawn = rng.normal(size=(k, n)) * rng.uniform(0.5, 2, (k, 1)) + rng.normal(size=n)
        drawn += mean * rng.uniform(0.5, 2, (k, 1)) - drawn.mean(1, keepdims=True)
        return (np.round(drawn, 3),)

    def centered(k: int, n: int) -> tuple[Any, ...]:
        half = errors(k, n, 0)[0]
        return (np.concatenate([half, -half], axis=1),)  # of mean 0 to the last digit

    def opposed(n: int) -> tuple[Any, ...]:
        """Two members that make up for each other: c < 0."""
        one = centered(2, n)[0][0]
        return (np.stack([one, np.round(-0.6 * one, 3)]),)

    return {
        "errors of mean 0": [centered(2, 3), centered(4, 2), centered(3, 5), opposed(4)],
        "errors with a mean": [
            errors(2, 6, 0.7), errors(5, 3, -1.2), errors(3, 8, 0.4), errors(3, 1, 0.9)
        ],
    }  # fmt: skip


def _numpy_cov(errors: Array) -> tuple[float, float]:
    k, matrix = len(errors), np.cov(errors)  # (k, k)
    trace = float(np.trace(matrix))
    return trace / k, (float(matrix.sum()) - trace) / (k * (k - 1))


def _numpy_corrcoef(errors: Array) -> tuple[float, float]:
    k, matrix = len(errors), np.corrcoef(errors)  # (k, k)
    trace = float(np.trace(matrix))
    return trace / k, (float(matrix.sum()) - trace) / (k * (k - 1))


ESTIMATE_V_C = Exercise(
    id="06.3",
    title="v and c from the errors of a few members",
    function="estimate_v_c",
    points=2,
    oracle=_v_c,
    compare=SINGLE,
    probes=_error_probes,
    mistakes={
        "You subtract each member's mean error first. The formula has no centering: v is the mean "
        "of e², with what all members have in common.": lambda e: _v_c(
            e - e.mean(1, keepdims=True)
        ),
        "You subtract the mean of all errors first. The formula has no centering: v is the mean "
        "of e².": _one_centered,
        "That is np.cov as it comes: it subtracts each member's mean error, and divides by n − 1. "
        "The formula does neither.": _numpy_cov,
        "That is np.corrcoef as it comes: it subtracts each member's mean error and divides by the "
        "spreads, so its diagonal is 1. v and c are means of the plain squares and "
        "products.": _numpy_corrcoef,
        "Your c still has the k squares in it (i = j). Average over the pairs of different members "
        "only.": _with_diagonal,
        "You divide the sum over pairs by k²; there are k(k−1) pairs of different members.": (
            lambda e: (_v_c(e)[0], _pairs_sum(e) / len(e) ** 2)
        ),
        "Your c is half of what it should be: the sum over i < j has k(k−1)/2 terms, that over all "
        "i ≠ j has k(k−1).": lambda e: (_v_c(e)[0], _v_c(e)[1] / 2),
        "Your c is a correlation: leave out the division by v.": lambda e: (
            _v_c(e)[0],
            _v_c(e)[1] / _v_c(e)[0],
        ),
        "You took members for examples: errors has shape (k, n), one row a member.": lambda e: _v_c(
            e.T
        ),
        "Your c is twice what it should be: the sum over all i ≠ j has k(k−1) terms, that over "
        "i < j has half as many.": lambda e: (_v_c(e)[0], 2 * _v_c(e)[1]),
        "Your v is right, but your c is a covariance: it subtracts each member's mean error. The "
        "formula has no centering.": lambda e: (
            _v_c(e)[0],
            _v_c(e - e.mean(1, keepdims=True))[1],
        ),
        "Your c is right, but your v is a variance: it subtracts the mean error. v is the mean of "
        "e².": lambda e: (float(np.var(e)), _v_c(e)[1]),
        "Your c is a mean correlation (np.corrcoef): it subtracts each member's mean error and "
        "divides by the spreads. c is the mean of the plain products.": lambda e: (
            _v_c(e)[0],
            float(np.mean(np.corrcoef(e)[np.triu_indices(len(e), 1)])),
        ),
        "You average over all k² entries of a matrix that is zero outside i < j. Divide the sum by "
        "the number of pairs, k(k−1)/2.": lambda e: (_v_c(e)[0], _pairs_sum(e) / 2 / len(e) ** 2),
        "You forgot to divide by n: v and c are means over the examples.": lambda e: (
            e.shape[1] * _v_c(e)[0],
            e.shape[1] * _v_c(e)[1],
        ),
        "You divide by k where n belongs: v and c are means over the n examples.": lambda e: (
            e.shape[1] / len(e) * _v_c(e)[0],
            e.shape[1] / len(e) * _v_c(e)[1],
        ),
        "You divide by n − 1. Nothing was estimated and subtracted here: divide by n.": _unbiased,
        "Your c is that of the first two members. Average over all pairs.": lambda e: (
            _v_c(e)[0],
            _v_c(e[:2])[1],
        ),
        "You swapped the two: return (v, c).": lambda e: _v_c(e)[::-1],
    },
)


LESSON = Lesson(
    number="06",
    name="bagging",
    title="Bagging and ensembles",
    minutes=90,
    exercises=(
        ENSEMBLE_VARIANCE,
        BOOTSTRAP,
        ESTIMATE_V_C,
        AVERAGE_VOTE,
        MAJORITY_VOTE,
        ADABOOST_ROUND,
    ),
    written=(
        Written(
            id="06.w",
            title="Equal members, unequal ensembles",
            rubric={
                "Names the members' error covariance (or correlation, or disagreement) as the "
                "cause, with the formula: equal v, different c": 1,
                "Says what to measure and on which data (not the test set that the claim is made "
                "on), and what result would confirm or refute it": 1,
            },
        ),
    ),
)
