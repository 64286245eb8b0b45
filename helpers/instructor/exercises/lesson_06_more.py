"""Lesson 06, bagging and ensembles: votes and a round of AdaBoost."""

from typing import Any

import numpy as np
import torch
from scipy.stats import gmean, mode

from helpers.instructor.exercise import Exercise

Array = np.ndarray
Rng = np.random.Generator


def _torch_average(probs: Array) -> Array:
    return torch.from_numpy(probs).mean(0).argmax(-1).numpy()


def _plurality(labels: Array, n_classes: int) -> Array:
    """scipy's mode: the most frequent value, the smallest of equals."""
    return np.asarray(mode(labels, axis=0, keepdims=False).mode)


def _average_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def draw(k: int, n: int, classes: int) -> Array:
        logits = rng.normal(size=(k, n, classes)) * rng.uniform(0.5, 3, (k, 1, 1))
        probs = np.exp(logits)
        return np.round(probs / probs.sum(-1, keepdims=True), 4)

    def wanted(probs: Array, agree: bool) -> Array:
        """Only the columns where the majority does, or does not, agree with the average.

        First come those where two classes are nearly level: there rules that are nearly right part.
        """
        same = _plurality(probs.argmax(-1), probs.shape[-1]) == _torch_average(probs)
        means = np.sort(probs.mean(0), axis=-1)  # (n, K)
        lead = means[:, -1] - means[:, -2]
        order = np.argsort(lead, kind="stable")
        return probs[:, order[(same == agree)[order] & (lead[order] > 1e-3)]]

    def probes(agree: bool) -> list[tuple[Any, ...]]:
        found = [wanted(draw(k, 200, c), agree) for k, c in ((3, 4), (5, 3), (4, 6))]
        return [(probs[:, :count],) for probs, count in zip(found, (7, 5, 6), strict=True)]

    few = [(draw(3, 1, 4),), (draw(1, 4, 3),)]  # one example; one member
    return {"majority agrees": probes(True) + few, "majority does not": probes(False)}


AVERAGE_VOTE = Exercise(
    id="06.4",
    title="Average the probabilities, then decide",
    function="average_vote",
    points=1,
    oracle=_torch_average,
    probes=_average_probes,
    mistakes={
        "You let each member decide first (argmax), and count. Average the probabilities, and "
        "decide once.": lambda p: _plurality(p.argmax(-1), p.shape[-1]),
        "You return the averaged probabilities: take their argmax over the classes.": lambda p: (
            p.mean(0)
        ),
        "You follow the member that is most sure. Take the mean over members, not the "
        "maximum.": lambda p: p.max(0).argmax(-1),
        "You multiply the probabilities (or average their logarithms). One member that is sure "
        "then has a veto; here the arithmetic mean is asked.": lambda p: gmean(p, axis=0).argmax(
            -1
        ),
        "You use the first member only.": lambda p: p[0].argmax(-1),
        "You average the predicted class numbers: 1 and 3 do not make a 2.": lambda p: np.rint(
            p.argmax(-1).mean(0)
        ).astype(int),
        "You take the median over the members. The mean is asked: it uses how sure each one "
        "is.": lambda p: np.median(p, axis=0).argmax(-1),
        "Your classes are numbered from 1; they run from 0 to K − 1.": lambda p: (
            _torch_average(p) + 1
        ),
        "You chose the smallest mean probability: argmax, not argmin.": lambda p: p.mean(0).argmin(
            -1
        ),
    },
)


def _largest_of_ties(labels: Array, n_classes: int) -> Array:
    return n_classes - 1 - _plurality(n_classes - 1 - labels, n_classes)


def _first_voter(labels: Array, n_classes: int) -> Array:
    counts = (labels[:, None, :] == np.arange(n_classes)[:, None]).sum(0)  # (C, n)
    best = counts.max(0)
    return np.array([
        next(v for v in votes if counts[v, i] == best[i]) for i, votes in enumerate(labels.T)
    ])  # fmt: skip


def _absolute(labels: Array, n_classes: int) -> Array:
    winner = _plurality(labels, n_classes)
    return np.where((labels == winner).sum(0) > len(labels) / 2, winner, -1)


def _most_of(labels: Array, classes: range) -> Array:
    """The place in `classes` of the most frequent of them; the first of equals."""
    counts = [(labels == c).sum(0) for c in classes]
    return np.asarray(np.argmax(counts, axis=0))


def _label_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def votes(k: int, classes: int, *, tied: bool, count: int) -> tuple[Any, ...]:
        drawn = rng.integers(0, classes, (k, 400))
        counts = np.sort((drawn[:, None] == np.arange(classes)[:, None]).sum(0), axis=0)
        return drawn[:, (counts[-1] == counts[-2]) == tied][:, :count], classes

    three_level = rng.permuted(np.tile([[1], [1], [2], [2], [4], [4]], 4), axis=0)
    return {
        "one class ahead": [
            votes(5, 3, tied=False, count=12),
            votes(7, 6, tied=False, count=15),
            votes(4, 20, tied=False, count=9),
            votes(3, 4, tied=False, count=1),
            (rng.integers(0, 3, (1, 5)), 3),  # one member
        ],
        "ties": [votes(4, 3, tied=True, count=14), votes(6, 5, tied=True, count=16),
                 (three_level, 5), (np.array([[3, 0, 2], [1, 4, 0]]), 5)],
    }  # fmt: skip


MAJORITY_VOTE = Exercise(
    id="06.5",
    title="Let each member decide, then count",
    function="majority_vote",
    points=1,
    oracle=_plurality,
    probes=_label_probes,
    mistakes={
        "You average the class numbers: votes for 1 and for 3 do not make a 2. Count the votes of "
        "each class.": lambda labels, c: np.rint(labels.mean(0)).astype(int),
        "You take the median of the class numbers. Classes have no order: count the "
        "votes.": lambda labels, c: np.median(labels, axis=0).astype(int),
        "Ties go to the smallest class number; yours go to the largest.": _largest_of_ties,
        "Ties go to the smallest class number; yours go to the member who voted "
        "first.": _first_voter,
        "You ask for more than half of the votes. The class with the most votes wins, whatever "
        "their share.": _absolute,
        "You ask for more than half of the votes, and give class 0 where no class has it. The "
        "class with the most votes wins.": lambda labels, c: np.maximum(_absolute(labels, c), 0),
        "You never count the last class: range(n_classes) goes up to n_classes − 1.": (
            lambda labels, c: _most_of(labels, range(c - 1))
        ),
        "You count from class 1 on: class 0 has votes, too, and the argmax of the counts is then "
        "one too small.": lambda labels, c: _most_of(labels, range(1, c)),
        "You count over the wrong axis: labels has shape (k, n), and each column is one "
        "vote.": lambda labels, c: _plurality(labels.T, c),
        "You use the first member only. All members vote: count over axis 0.": lambda labels, c: (
            labels[0]
        ),
        "Your classes are numbered from 1; they run from 0 to n_classes − 1.": lambda labels, c: (
            _plurality(labels, c) + 1
        ),
        "You return how many votes the winner has; return which class it is.": lambda labels, c: (
            labels == _plurality(labels, c)
        ).sum(0),
        "You return the counts: take the class that has the largest.": lambda labels, c: (
            labels[:, None] == np.arange(c)[:, None]
        ).sum(0),
    },
)


def _adaboost(weights: Array, correct: Array) -> tuple[float, Array]:
    """The closed form: after the round the wrong examples carry half the weight."""
    error = float(weights @ ~correct)
    new = np.where(correct, weights / (2 * (1 - error)), weights / (2 * error))
    return float(np.arctanh(1 - 2 * error)), new  # artanh(1 − 2ε) = ½ ln((1 − ε)/ε)


def _with_alpha(weights: Array, correct: Array, alpha: float) -> tuple[float, Array]:
    new = weights * np.exp(np.where(correct, -alpha, alpha))
    return float(alpha), new / new.sum()


def _unweighted(weights: Array, correct: Array) -> tuple[float, Array]:
    return _with_alpha(weights, correct, float(np.arctanh(2 * np.mean(correct) - 1)))


def _flipped(weights: Array, correct: Array) -> tuple[float, Array]:
    alpha = _adaboost(weights, correct)[0]
    return alpha, _with_alpha(weights, correct, -alpha)[1]


def _unnormalized(weights: Array, correct: Array) -> tuple[float, Array]:
    alpha = _adaboost(weights, correct)[0]
    return alpha, weights * np.exp(np.where(correct, -alpha, alpha))


def _half_updated(weights: Array, correct: Array) -> tuple[float, Array]:
    alpha = _adaboost(weights, correct)[0]
    new = weights * np.exp(np.where(correct, 0, alpha))
    return alpha, new / new.sum()


def _mean_weight(weights: Array, correct: Array) -> tuple[float, Array]:
    error = float(weights[~correct].mean())
    return _with_alpha(weights, correct, float(np.arctanh(1 - 2 * error)))


def _forgets(weights: Array, correct: Array) -> tuple[float, Array]:
    alpha = _adaboost(weights, correct)[0]
    return alpha, _with_alpha(np.ones_like(weights), correct, alpha)[1]


def _twice(weights: Array, correct: Array) -> tuple[float, Array]:
    return _with_alpha(weights, correct, 2 * _adaboost(weights, correct)[0])


def _round_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, wrong: int, *, equal: bool) -> tuple[Any, ...]:
        raw = np.ones(n) if equal else rng.uniform(0.2, 3, n)
        correct = np.ones(n, bool)
        correct[rng.permutation(n)[:wrong]] = False
        return raw / raw.sum(), correct

    return {
        "equal weights": [
            probe(n, wrong, equal=True) for n, wrong in ((5, 1), (9, 4), (2, 1), (7, 5))
        ],
        "uneven weights": [
            probe(7, 2, equal=False),
            probe(11, 3, equal=False),
            probe(8, 6, equal=False),  # worse than chance: α < 0
        ],
    }


ADABOOST_ROUND = Exercise(
    id="06.6",
    title="One round of AdaBoost",
    function="adaboost_round",
    points=2,
    oracle=_adaboost,
    probes=_round_probes,
    mistakes={
        "Your error counts every example alike. It is the *weight* of the examples that are "
        "wrong.": _unweighted,
        "You forgot the ½: α = ½ ln((1 − ε)/ε).": _twice,
        "Your weights go the wrong way: the examples that are wrong get heavier.": _flipped,
        "Your new weights do not sum to 1: divide them by their sum.": _unnormalized,
        "You change only one group. With the ½ in α, the wrong examples are multiplied by exp(α) "
        "and the right ones by exp(−α).": _half_updated,
        "You start from equal weights each round. Multiply the weights that you were "
        "given.": _forgets,
        "α has the wrong sign: a model that is mostly right gets a positive α. (`correct` is True "
        "where it is right.)": lambda w, correct: _adaboost(w, ~correct),
        "Your α has the wrong sign, and so the weights go the wrong way, too. Is your ε the weight "
        "of the *wrong* examples, and is it 1 − ε over ε in the logarithm?": lambda w, correct: (
            -_adaboost(w, correct)[0],
            _flipped(w, correct)[1],
        ),
        "Your weights are right, but your α is twice too large. Here it is ½ ln((1 − ε)/ε); the "
        "form without ½ is the one in which only wrong examples change.": lambda w, correct: (
            2 * _adaboost(w, correct)[0],
            _adaboost(w, correct)[1],
        ),
        "Your ε is the mean weight of the wrong examples; it is their sum.": _mean_weight,
        "Your logarithm has the base 2; the natural one is meant, np.log.": lambda w, correct: (
            _with_alpha(w, correct, _adaboost(w, correct)[0] / np.log(2))
        ),
        "You take the size of α without its sign. A model that is worse than chance (ε > ½) gets a "
        "negative α: its vote is turned around.": lambda w, correct: _with_alpha(
            w, correct, abs(_adaboost(w, correct)[0])
        ),
        "Your weights are right, but your α has lost its sign. A model that is worse than chance "
        "(ε > ½) gets a negative α: its vote is turned around.": lambda w, correct: (
            abs(_adaboost(w, correct)[0]),
            _adaboost(w, correct)[1],
        ),
        "You swapped the two: return (alpha, weights).": lambda w, correct: _adaboost(w, correct)[
            ::-1
        ],
    },
)
