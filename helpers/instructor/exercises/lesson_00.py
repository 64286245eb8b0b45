"""Lesson 00, warm-up: scaling."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from helpers.compare import SINGLE, Judged
from helpers.instructor.exercise import Exercise, Lesson, Probe, Written
from helpers.instructor.exercises.lesson_00_more import (
    ACTIVATION,
    ACTIVATION_GRAD,
    DEAD_FRACTION,
    MAXOUT,
)

Array = NDArray[np.float64]
Sets = tuple[Array, Array]


def _draw_sets(rng: np.random.Generator, features: int) -> Sets:
    """A training and a test set of different sizes, scales and means; the test set goes farther."""
    n, m = int(rng.integers(4, 9)), int(rng.integers(3, 5))
    scale = 10.0 ** rng.uniform(-1, 2, features)
    mean = scale * rng.choice([-1.0, 1.0], features) * rng.uniform(0.6, 2, features)
    train = mean + scale * rng.uniform(-1, 1, (n, features))
    test = mean + scale * rng.uniform(-1.3, 1.3, (m, features))
    test[0] = train.max(0) + scale * rng.uniform(0.2, 0.6, features)
    test[1] = train.min(0) - scale * rng.uniform(0.2, 0.6, features)
    return np.round(train, 3), np.round(test, 3)


def _draw_with_tiny(rng: np.random.Generator, features: int) -> Sets:
    """The same; the first feature is in units in which its values are tiny (farads, say)."""
    train, test = _draw_sets(rng, features)
    units = np.r_[10.0 ** -rng.integers(10, 13), np.ones(features - 1)]
    return train * units, test * units


# 00.1 min–max


def _min_max(train: Array, test: Array) -> Sets:
    scaler = MinMaxScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def _by_range(
    low: Callable[[Array, Array], Any],
    high: Callable[[Array, Array], Any],
) -> Callable[[Array, Array], Sets]:
    """Scales both sets to a range that is wrong."""

    def scale(train: Array, test: Array) -> Sets:
        a, b = low(train, test), high(train, test)
        return (train - a) / (b - a), (test - a) / (b - a)

    return scale


def _each_row(x: Array) -> Array:
    low, high = x.min(1, keepdims=True), x.max(1, keepdims=True)
    return (x - low) / (high - low)


def _by_all(x: Array) -> Array:
    return np.asarray((x - x.min()) / (x.max() - x.min()))


def _without_brackets(train: Array, test: Array) -> Sets:
    low, high = train.min(0), train.max(0)
    return train - low / high - low, test - low / high - low


def _one_bracket(train: Array, test: Array) -> Sets:
    low, high = train.min(0), train.max(0)
    return (train - low) / high - low, (test - low) / high - low


def _other_bracket(train: Array, test: Array) -> Sets:
    low, high = train.min(0), train.max(0)
    return train - low / (high - low), test - low / (high - low)


def _divided_by_max(train: Array, test: Array) -> Sets:
    low, high = train.min(0), train.max(0)
    return (train - low) / high, (test - low) / high


MIN_MAX = Exercise(
    id="00.1",
    title="Every feature to the range from 0 to 1",
    function="min_max",
    points=1,
    oracle=_min_max,
    mistakes={
        "You scale the test set by its own smallest and largest values. The same number would then "
        "mean different things in the two sets. Use the training set's for both.": (
            lambda train, test: (_min_max(train, test)[0], _min_max(test, test)[0])
        ),
        "You clip the test set to [0, 1]. A test value beyond the training range may well become "
        "more than 1 or less than 0: clipped, it would be a different value.": (
            lambda train, test: (_min_max(train, test)[0], _min_max(train, test)[1].clip(0, 1))
        ),
        "You use one smallest and one largest value for all features. Each column has its own: "
        "`train.min(axis=0)` gives one for each column.": _by_range(
            lambda train, test: train.min(), lambda train, test: train.max()
        ),
        "You take the range of training and test set together. The test set stands for data that "
        "do not exist yet: use the training set only.": _by_range(
            lambda train, test: np.r_[train, test].min(0),
            lambda train, test: np.r_[train, test].max(0),
        ),
        "You scale every row (one example) to its own range. A feature is a column: its range goes "
        "down the rows, `axis=0`.": lambda train, test: (_each_row(train), _each_row(test)),
        "You divide by the largest value. Divide by the width of the range, largest − smallest: "
        "else the largest does not become 1.": _divided_by_max,
        "Brackets are missing: / comes before −. Put both differences in brackets, (x − smallest) "
        "and (largest − smallest).": _without_brackets,
        "Brackets are missing below the line: / comes before −. Divide by (largest − smallest).": (
            _one_bracket
        ),
        "Brackets are missing above the line: / comes before −. Divide (x − smallest).": (
            _other_bracket
        ),
        "You divide by the largest value and subtract nothing. The smallest value must become 0: "
        "subtract it first, then divide by largest − smallest.": (
            lambda train, test: (train / train.max(0), test / train.max(0))
        ),
        "Two things: each column needs its own range (`axis=0`), and the test set is scaled by the "
        "training set's.": lambda train, test: (_by_all(train), _by_all(test)),
        "Your test set comes out as it was. Either you do not scale it, or you take the two "
        "numbers from `train` after that was overwritten (then they are 0 and 1): a model that was "
        "trained on scaled features must be given features scaled in the same way.": (
            lambda train, test: (_min_max(train, test)[0], test)
        ),
        "You standardize (mean 0, std 1). Asked is min–max: smallest to 0, largest to 1.": (
            lambda train, test: _standardize(train, test)
        ),
        "You scale to the range from −1 to 1; asked is 0 to 1.": (
            lambda train, test: tuple(2 * x - 1 for x in _min_max(train, test))
        ),
        "You subtract x from the largest value, so that the largest becomes 0 and the smallest 1. "
        "It is x − smallest.": lambda train, test: tuple(1 - x for x in _min_max(train, test)),
        "You subtract the mean. The smallest value must become 0: subtract the smallest.": (
            lambda train, test: tuple((x - train.mean(0)) / np.ptp(train, 0) for x in (train, test))
        ),
        "You subtract the test set's own smallest value. The same number would then mean different "
        "things in the two sets. Use the training set's for both.": (
            lambda train, test: tuple((x - x.min(0)) / np.ptp(train, 0) for x in (train, test))
        ),
        "You return the two sets in the wrong order: (train, test), please.": (
            lambda train, test: _min_max(train, test)[::-1]
        ),
        "You add something tiny to the width. Where a feature's own values are tiny, that is all "
        "that counts. No width is 0 here: divide by largest − smallest as it is.": _by_range(
            lambda train, test: train.min(0), lambda train, test: train.max(0) + 1e-8
        ),
    },
    probes=lambda rng: [
        *(_draw_sets(rng, features) for features in (2, 3, 1)),
        _draw_with_tiny(rng, 4),
    ],
    compare=SINGLE,
)


# 00.2 standardize


def _standardize(train: Array, test: Array) -> Sets:
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def _by_moments(
    *,
    mean: Callable[[Array], Any] = lambda x: x.mean(0),
    std: Callable[[Array], Any] = lambda x: x.std(0),
    repair: Callable[[Any], Any] = lambda s: np.where(s == 0, 1, s),
) -> Callable[[Array, Array], Sets]:
    """Standardizes by statistics of the training set that are wrong in one respect."""

    def scale(train: Array, test: Array) -> Sets:
        m, s = mean(train), repair(std(train))
        return (train - m) / s, (test - m) / s

    return scale


def _together(train: Array, test: Array) -> Sets:
    scaler = StandardScaler().fit(np.r_[train, test])
    return scaler.transform(train), scaler.transform(test)


def _rows(train: Array, test: Array) -> Sets:
    return _standardize(train.T, train.T)[0].T, _standardize(test.T, test.T)[0].T


def _zeroed(train: Array, test: Array) -> Sets:
    constant = np.ptp(train, axis=0) == 0
    return _standardize(train, test)[0], np.where(constant, 0.0, _standardize(train, test)[1])


def _standardize_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    flat: list[Probe] = []
    for features, constants in ((2, 1), (4, 2)):
        train, test = _draw_with_tiny(rng, features)
        chosen = 1 + rng.permutation(features - 1)[:constants]
        exact = rng.integers(1, 10, constants) / 4  # their mean is exact, too
        train[:, chosen] = exact * rng.choice([-1, 1], constants)
        flat.append((train, test))
    varied: list[Probe] = [_draw_sets(rng, features) for features in (3, 2, 1)]
    return {"features that vary": varied, "a constant feature": flat}


STANDARDIZE = Exercise(
    id="00.2",
    title="Mean 0 and standard deviation 1",
    function="standardize",
    points=2,
    oracle=_standardize,
    mistakes={
        "You standardize the test set with its own mean and std. Use the training set's: at test "
        "time there may be a single example, and its own std is 0.": (
            lambda train, test: (_standardize(train, test)[0], _standardize(test, test)[0])
        ),
        "You use one mean and one std for all features. Each column has its own: axis=0.": (
            _by_moments(mean=lambda x: x.mean(), std=lambda x: x.std())
        ),
        "A feature that is constant in the training set has std 0, and you divide by it. Use 1 in "
        "place of such a std.": _by_moments(repair=lambda s: s),
        "Two things: the test set is standardized by the training set's mean and std, not by its "
        "own; and a std of 0 must become 1 before you divide.": (
            lambda train, test: tuple((x - x.mean(0)) / x.std(0) for x in (train, test))
        ),
        "You add something tiny to the std. Where a feature is constant in training, a test value "
        "that differs by 1 becomes a hundred million or so. Use 1 in place of a std of 0.": (
            _by_moments(repair=lambda s: s + 1e-8)
        ),
        "You replace a std of 0, and add something tiny to the others. Where a feature's own "
        "values are tiny, that is all that counts: divide by the std as it is.": (
            _by_moments(repair=lambda s: np.where(s == 0, 1, s + 1e-8))
        ),
        "You set a constant feature to 0 in the test set, too. Asked is std 1 in place of 0: a "
        "test value that differs from the training mean stays visible.": _zeroed,
        "You divide by the variance. The standard deviation is its square root.": _by_moments(
            std=lambda x: x.var(0)
        ),
        "Your std divides by n − 1 (ddof=1). Here it is the mean square, divided by n: `std()` of "
        "NumPy as it is.": _by_moments(std=lambda x: x.std(0, ddof=1)),
        "You take mean and std of training and test set together. The test set stands for data "
        "that do not exist yet: use the training set only.": _together,
        "You standardize every row (one example). A feature is a column: its mean goes down the "
        "rows, axis=0.": _rows,
        "You divide by the std, but do not subtract the mean.": _by_moments(mean=lambda x: 0.0),
        "You subtract the mean, but do not divide by the std.": _by_moments(std=lambda x: 1.0),
        "You divide the test set by the right std, and do not subtract the mean. If you do, you "
        "take it from `train` after that was overwritten: then it is 0.": (
            lambda train, test: (
                _standardize(train, test)[0],
                _by_moments(mean=lambda x: 0.0)(train, test)[1],
            )
        ),
        "Your test set comes out as it was. Either you do not scale it, or you take mean and std "
        "from `train` after that was overwritten (then they are 0 and 1): a model that was trained "
        "on standardized features must be given features standardized in the same way.": (
            lambda train, test: (_standardize(train, test)[0], test)
        ),
        "You divide first and subtract the mean afterwards: (x − mean) needs its brackets.": (
            lambda train, test: tuple(
                x / np.where(np.ptp(train, axis=0) == 0, 1, train.std(0)) - train.mean(0)
                for x in (train, test)
            )
        ),
        "You divide the mean alone by the std: / comes before −. (x − mean) needs its brackets.": (
            lambda train, test: tuple(
                x - train.mean(0) / np.where(np.ptp(train, axis=0) == 0, 1, train.std(0))
                for x in (train, test)
            )
        ),
        "You subtract the test set's own mean. The same number would then mean different things in "
        "the two sets. Use the training set's mean and std for both.": (
            lambda train, test: (
                _standardize(train, test)[0],
                _standardize(train, test - test.mean(0) + train.mean(0))[1],
            )
        ),
        "You divide the test set by its own std. Use the training set's mean and std for both.": (
            lambda train, test: (
                _standardize(train, test)[0],
                (test - train.mean(0)) / test.std(0),
            )
        ),
        "You replace every std below 1, as np.maximum(std, 1) does. Only a std of exactly 0 "
        "becomes 1: a feature that varies little is stretched like all others.": (
            _by_moments(repair=lambda s: np.maximum(s, 1))
        ),
        "The two branches of np.where are exchanged: `np.where(std == 0, 1, std)` is 1 where the "
        "std is 0, and the std elsewhere.": _by_moments(repair=lambda s: np.where(s == 0, s, 1)),
        "np.nan_to_num comes too late: in the test set it is no 0 / 0, and a value divided by 0 "
        "becomes the largest number there is. Replace the std of 0 before you divide.": (
            lambda train, test: tuple(
                np.nan_to_num((x - train.mean(0)) / train.std(0)) for x in (train, test)
            )
        ),
        "You leave a constant feature as it is. Its mean is subtracted like all the others; it is "
        "the std alone that becomes 1.": (
            lambda train, test: tuple(
                np.where(np.ptp(train, axis=0) == 0, x, z)
                for x, z in zip((train, test), _standardize(train, test), strict=True)
            )
        ),
        "You sum the squares and do not divide by n: the std is the root of their mean.": (
            _by_moments(std=lambda x: x.std(0) * np.sqrt(len(x)))
        ),
        "You take a std for 0 that is only small, as np.isclose or std < 1e-8 do. A feature in "
        "units in which its values are tiny has such a std, and it varies: only exactly 0 "
        "becomes 1.": _by_moments(repair=lambda s: np.where(s < 1e-8, 1, s)),
        "You scale to the range from 0 to 1 (min–max). Asked is mean 0 and std 1.": _min_max,
    },
    probes=_standardize_probes,
    compare=SINGLE,
)


# 00.3 whiten


def _whiten(x: Array) -> Array:
    """scikit-learn's, which divides by n − 1, brought to n."""
    return PCA(whiten=True).fit_transform(x) * np.sqrt(len(x) / (len(x) - 1))


def _rotated(
    scale: Callable[[Array], Any], *, center: bool = True, moment: bool = False
) -> Callable[[Array], Array]:
    """Turns x to its principal axes and divides by a function of the eigenvalues."""

    def turn(x: Array) -> Array:
        d = x - x.mean(0)
        values, vectors = np.linalg.eigh((x.T @ x if moment else d.T @ d) / len(x))
        return np.asarray((d if center else x) @ vectors / scale(values))

    return turn


def _turned_back(x: Array) -> Array:
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return np.asarray((x - x.mean(0)) @ vectors.T / np.sqrt(values))


def _draw_cloud(rng: np.random.Generator, n: int, features: int) -> Probe:
    """Correlated features of different scales, away from zero."""
    mix = rng.normal(size=(features, features)) + 2 * np.eye(features)
    cloud = rng.uniform(-1, 1, (n, features)) @ mix * rng.uniform(0.5, 4, features)
    return (np.round(cloud + rng.choice([-1.0, 1.0], features) * rng.uniform(1, 5, features), 4),)


WHITEN = Exercise(
    id="00.3",
    title="The identity as covariance",
    function="whiten",
    points=1,
    oracle=_whiten,
    mistakes={
        "Your result is uncorrelated with variance 1, but its mean is not 0: subtract the mean "
        "of every feature from x before you turn it.": _rotated(np.sqrt, center=False),
        "Your matrix is xᵀx/n of data that are not centered: that is no covariance. Subtract the "
        "mean of every feature first.": _rotated(np.sqrt, center=False, moment=True),
        "You center only after the covariance was computed: xᵀx/n of data that are not centered is "
        "no covariance.": _rotated(np.sqrt, moment=True),
        "You divide by the eigenvalues. They are variances; to make them 1, divide by their "
        "square roots.": _rotated(lambda values: values),
        "You multiply by the square roots of the eigenvalues: the wide directions get wider. "
        "Divide.": _rotated(lambda values: 1 / np.sqrt(values)),
        "You turn the data to their principal axes and stop there. They are uncorrelated now; "
        "divide each by its standard deviation, too.": _rotated(lambda values: 1.0),
        "You standardize each feature: variance 1, but the features are still correlated. Turn "
        "them to the eigenvectors of the covariance first.": (lambda x: _standardize(x, x)[0]),
        "Your covariance divides by n − 1, as np.cov does. Here it is divided by n: "
        "np.cov(..., bias=True).": lambda x: PCA(whiten=True).fit_transform(x),
        "You add something tiny to the eigenvalues. Where the variances themselves are tiny, that "
        "is all that is left of them: here no eigenvalue is 0.": (
            _rotated(lambda values: np.sqrt(values + 1e-5))
        ),
        "You only subtract the mean.": lambda x: x - x.mean(0),
        "You turn the data by `vectors.T`. The directions are the columns of `vectors`, so it is "
        "`centered @ vectors`.": _turned_back,
        "You divide by the std of the features as they were. Turned data have other variances: the "
        "eigenvalues.": lambda x: _rotated(lambda values: 1.0)(x) / x.std(0),
        "Your columns have length 1; asked is variance 1. Multiply by the square root of n.": (
            lambda x: _whiten(x) / np.sqrt(len(x))
        ),
    },
    probes=lambda rng: [
        _draw_cloud(rng, int(rng.integers(14, 30)), 2),
        _draw_cloud(rng, int(rng.integers(14, 30)), 3),
        _draw_cloud(rng, int(rng.integers(20, 30)), 5),
        (_draw_cloud(rng, int(rng.integers(14, 30)), 3)[0] * 10.0 ** -rng.uniform(2, 2.5),),
    ],
    compare=Judged("lesson_00.whiten"),
)


WRITTEN = Written(
    id="00.w",
    title="Two colleagues and their statistics",
    rubric={
        "Says for both what goes wrong in principle (information of the test set is used; the "
        "same input gets different numbers, depending on its company) and which of them does "
        "harm here, with measured figures from the lesson.": 1,
        "Gives the rule that follows (statistics of the training set, stored with the model) and "
        "says why the first colleague should follow it all the same, although nothing could be "
        "measured.": 1,
    },
)

LESSON = Lesson(
    number="00",
    name="warm_up",
    title="Warm-up: scaling and activations",
    minutes=85,
    exercises=(
        MIN_MAX,
        STANDARDIZE,
        WHITEN,
        ACTIVATION,
        ACTIVATION_GRAD,
        MAXOUT,
        DEAD_FRACTION,
    ),
    written=(WRITTEN,),
)
