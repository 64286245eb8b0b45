"""Committees of scikit-learn's models: bagged boundaries, boosted weights, a fair comparison."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.datasets import make_moons
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from helpers import data

MEMBERS = ("logistic regression", "7 neighbors", "naive Bayes", "one tree")


@dataclass(frozen=True)
class Moons:
    """Two half moons (n, 2) with labels 0 and 1, some wrong; a clean test set and a grid."""

    x: np.ndarray
    y: np.ndarray
    wrong: np.ndarray  # (n,) bool: which training labels are wrong
    x_test: np.ndarray
    y_test: np.ndarray
    x_axis: np.ndarray
    y_axis: np.ndarray

    @property
    def grid(self) -> np.ndarray:
        """All points of the grid, (len(y_axis)·len(x_axis), 2)."""
        return np.stack(np.meshgrid(self.x_axis, self.y_axis), -1).reshape(-1, 2)


def make_noisy_moons(seed: int, *, n: int = 160, label_noise: float = 0.15) -> Moons:
    """Two half moons of which round(label_noise·n) training labels are wrong."""
    x, right = make_moons(n, noise=0.2, random_state=seed)
    x_test, y_test = make_moons(1000, noise=0.2, random_state=seed + 500_000)
    wrong = np.zeros(n, bool)
    wrong[np.random.default_rng([seed, 6]).permutation(n)[: round(label_noise * n)]] = True
    axes = np.linspace(-1.7, 2.7, 89), np.linspace(-1.2, 1.7, 59)
    return Moons(x, np.where(wrong, 1 - right, right), wrong, x_test, y_test, *axes)


@dataclass(frozen=True)
class Bagged:
    """The share of the first 1…K members that vote for class 1: (K, points)."""

    on_grid: np.ndarray
    on_test: np.ndarray


def bag(model: ClassifierMixin, moons: Moons, *, k: int, seed: int) -> Bagged:
    """Fits k copies of a model, each on a bootstrap sample, with scikit-learn's bagging."""
    bagged = BaggingClassifier(model, k, random_state=seed).fit(moons.x, moons.y)
    return Bagged(_vote_shares(bagged, moons.grid), _vote_shares(bagged, moons.x_test))


def _vote_shares(bagged: BaggingClassifier, points: np.ndarray) -> np.ndarray:
    votes = np.cumsum([member.predict(points) for member in bagged.estimators_], axis=0)
    return np.asarray(votes / np.arange(1, len(votes) + 1)[:, None])


def bagging_gains(model: ClassifierMixin, seeds: Sequence[int], *, k: int) -> np.ndarray:
    """Test accuracy of k bagged members' vote less their mean accuracy on half moons, (S,)."""
    gains = []
    for seed in seeds:
        moons = make_noisy_moons(seed)
        bagged = BaggingClassifier(model, k, random_state=seed).fit(moons.x, moons.y)
        votes = np.array([member.predict(moons.x_test) for member in bagged.estimators_])
        right = ((votes.mean(0) > 0.5) == moons.y_test).mean()
        gains.append(right - (votes == moons.y_test).mean())
    return np.array(gains)


def repeated_errors(model: ClassifierMixin, seeds: Sequence[int], *, k: int) -> np.ndarray:
    """Of the wrong labels in half moons' training set, the share that a bagged member repeats (mean
    over k members), and the share that their vote repeats: (S, 2)."""
    found = []
    for seed in seeds:
        moons = make_noisy_moons(seed)
        bagged = BaggingClassifier(model, k, random_state=seed).fit(moons.x, moons.y)
        x, y = moons.x[moons.wrong], moons.y[moons.wrong]
        repeats = np.array([member.predict(x) == y for member in bagged.estimators_])  # (k, wrong)
        found.append((repeats.mean(), (repeats.mean(0) > 0.5).mean()))
    return np.array(found)


@dataclass(frozen=True)
class Boosted:
    """AdaBoost round by round: margin F(x) on grid and test set (T, points), weights (T+1, n)."""

    on_grid: np.ndarray
    on_test: np.ndarray
    weights: np.ndarray
    correct: np.ndarray  # (T, n) bool: which training points round t's model has right


def boost(moons: Moons, *, rounds: int, depth: int, seed: int) -> Boosted:
    """scikit-learn's AdaBoost of shallow trees, and the weights that its rounds must have had.

    The weights before round t are proportional to exp(−y F(x)) of the rounds before it, y = ±1
    (Friedman, Hastie & Tibshirani 2000, section 4).
    """
    tree = DecisionTreeClassifier(max_depth=depth)
    model = AdaBoostClassifier(tree, n_estimators=rounds, random_state=seed).fit(moons.x, moons.y)
    alphas = model.estimator_weights_[: len(model.estimators_), None] / 2  # SAMME has no ½

    def margins(points: np.ndarray) -> np.ndarray:
        votes = np.array([2 * m.predict(points) - 1 for m in model.estimators_])
        return np.asarray(np.cumsum(alphas * votes, axis=0))

    signs, fits = 2 * moons.y - 1, margins(moons.x)
    scores = np.exp(-signs * np.concatenate([np.zeros((1, len(signs))), fits]))
    weights = scores / scores.sum(1, keepdims=True)
    correct = np.array([m.predict(moons.x) == moons.y for m in model.estimators_])
    return Boosted(margins(moons.grid), margins(moons.x_test), weights, correct)


def make_methods(seed: int) -> dict[str, Any]:
    """The compared classifiers by name; the committees are made of the four members."""
    members = {
        "logistic regression": LogisticRegression(C=0.1, max_iter=200),
        "7 neighbors": KNeighborsClassifier(7),
        "naive Bayes": GaussianNB(var_smoothing=0.05),
        "one tree": DecisionTreeClassifier(random_state=seed),
    }
    named = [(name, clone(model)) for name, model in members.items()]
    meta = LogisticRegression(C=0.1, max_iter=200)
    small_tree = DecisionTreeClassifier(max_depth=4)
    return {
        **members,
        "average of the four": VotingClassifier(named, voting="soft"),
        "average without the tree": VotingClassifier(named[:3], voting="soft"),
        "majority of the four": VotingClassifier(named, voting="hard"),
        "stacking of the four": StackingClassifier(named, meta, cv=3),
        "20 bagged trees": BaggingClassifier(n_estimators=20, random_state=seed),
        "20 boosted trees": AdaBoostClassifier(small_tree, n_estimators=20, random_state=seed),
        "random forest": RandomForestClassifier(20, random_state=seed),
        "one SVM": SVC(C=2),
    }


def _noisy_digits(seeds: Sequence[int], label_noise: float) -> data.Splits:
    """The digits on which section 7 compares: 300 to learn from, 700 to be judged by."""
    return data.splits(seeds, n_train=300, n_test=700, label_noise=label_noise, pixel_noise=0.25)


def compare_methods(
    seeds: Sequence[int],
    *,
    label_noise: float,
    tick: Callable[[], object] = lambda: None,
) -> dict[str, np.ndarray]:
    """Test accuracy of every method, (S,) each: 300 noisy digits, the same split for all."""
    split = _noisy_digits(seeds, label_noise)
    found: dict[str, list[float]] = {}
    for i, seed in enumerate(seeds):
        for name, model in make_methods(seed).items():
            model.fit(split.x_train[i], split.y_train[i])
            found.setdefault(name, []).append(model.score(split.x_test[i], split.y_test[i]))
            tick()
    return {name: np.array(scores) for name, scores in found.items()}


def bagged_probs(
    name: str, seeds: Sequence[int], *, k: int, label_noise: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of k bagged copies of a method, (k, S, n, 10), and the test labels (S, n).

    The digits are those of `compare_methods`. Raises KeyError for an unknown method.
    """
    split = _noisy_digits(seeds, label_noise)
    found = []
    for i, seed in enumerate(seeds):
        bagged = BaggingClassifier(make_methods(seed)[name], k, random_state=seed)
        bagged.fit(split.x_train[i], split.y_train[i])
        found.append([m.predict_proba(split.x_test[i]) for m in bagged.estimators_])
    return np.stack(found, axis=1), split.y_test


def out_of_bag_scores(
    seeds: Sequence[int], *, k: int, label_noise: float = 0.0
) -> dict[str, np.ndarray]:
    """Accuracy of k bagged trees on 300 digits: "training", "out of bag" and "new", (S,) each.

    The first two are judged by the training labels, with the wrong ones; the labels of "new" are
    right.
    """
    split = data.splits(seeds, n_train=300, n_test=700, pixel_noise=0.1, label_noise=label_noise)
    found: dict[str, list[float]] = {"training": [], "out of bag": [], "new": []}
    for i, seed in enumerate(seeds):
        model = BaggingClassifier(n_estimators=k, oob_score=True, random_state=seed)
        model.fit(split.x_train[i], split.y_train[i])
        found["training"].append(model.score(split.x_train[i], split.y_train[i]))
        found["out of bag"].append(model.oob_score_)
        found["new"].append(model.score(split.x_test[i], split.y_test[i]))
    return {name: np.array(scores) for name, scores in found.items()}


def bagged_linear(seeds: Sequence[int], *, C: float, k: int) -> dict[str, np.ndarray]:
    """Test accuracy of one logistic regression, "single", and of k "bagged", (S,) each.

    300 noisy digits with 20 % wrong labels; C is scikit-learn's inverse strength of the penalty.
    The solver's tolerance is coarse, to save time.
    """
    split = _noisy_digits(seeds, 0.2)
    found: dict[str, list[float]] = {"single": [], "bagged": []}
    for i, seed in enumerate(seeds):
        single = LogisticRegression(C=C, tol=1e-2, max_iter=500)
        bagged = BaggingClassifier(clone(single), k, random_state=seed)
        for name, model in (("single", single), ("bagged", bagged)):
            model.fit(split.x_train[i], split.y_train[i])
            found[name].append(model.score(split.x_test[i], split.y_test[i]))
    return {name: np.array(scores) for name, scores in found.items()}
