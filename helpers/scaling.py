"""Experiments of lesson 00 on scaling: how fast descent is, and whose statistics to use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers import data

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLAT = 1e-10  # curvatures below this share of the largest are 0 but for rounding
FARTHEST = 10**12  # steps


def draw_homes(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """n homes: x (n, 2) of area in m² and number of rooms, correlated; y (n, 1), a price.

    No area is below 20 m², rooms are counted: 1 or more.
    """
    z = rng.standard_normal((n, 2)) @ np.linalg.cholesky([[1, 0.8], [0.8, 1]]).T
    area = np.maximum(20, 77 * np.exp(0.3 * z[:, 0]))  # mean 80, std 25
    x = np.c_[area, np.maximum(1, np.round(3 + z[:, 1]))]
    price = 4 * x[:, 0] + 30 * x[:, 1] + 50 + rng.normal(0, 20, n)
    return x, price[:, None]


def prepare(train: Floats, test: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Both sets in five versions, by scikit-learn: raw, mean 0, min–max, standardized, whitened.

    All statistics are those of the training set. Whitening keeps the directions that vary.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    rank = int(np.linalg.matrix_rank(train - train.mean(0)))
    scalers = {
        "mean 0": StandardScaler(with_std=False),
        "min–max": MinMaxScaler(),
        "standardized": StandardScaler(),
        "whitened": PCA(rank, whiten=True),
    }
    versions = {"raw": (train, test)}
    for name, scaler in scalers.items():
        versions[name] = scaler.fit_transform(train), scaler.transform(test)
    return versions


def one_hot(labels: Ints) -> Floats:
    """(n, 10) targets from (n,) labels."""
    return np.eye(data.N_CLASSES)[labels]


@dataclass(frozen=True)
class Descent:
    """Gradient descent from zero weights on ½·mean squared error, in closed form.

    curvatures: (d,) eigenvalues of the loss, rising; directions: (features + 1, d), its
    eigenvectors, the intercept last; optimum: (d, K), the best weights along them.
    The learning rate is 1/λ₁, with λ₁ the largest curvature.
    """

    curvatures: Floats
    directions: Floats
    optimum: Floats

    @property
    def condition(self) -> float:
        """λ₁ over the smallest curvature that is not 0."""
        return float(self.curvatures[-1] / self.curvatures[0])

    def left(self, steps: int) -> Floats:
        """The share of the way that is still missing along each direction, (d,)."""
        return np.asarray((1 - self.curvatures / self.curvatures[-1]) ** steps)

    def excess(self, steps: int) -> float:
        """Loss above the lowest one after so many steps, as a share of that at the start."""
        parts = self.curvatures * np.square(self.optimum).sum(1)  # (d,)
        return float(np.sum(np.square(self.left(steps)) * parts) / parts.sum())

    def steps_to(self, share: float) -> int:
        """The first step at which `excess` is at most `share`, in (0, 1)."""
        if not 0 < share < 1:
            raise ValueError(f"share is a part of the excess at the start, in (0, 1); got {share}")
        return first_step(lambda t: self.excess(t) <= share)

    def outputs(self, x: Floats, steps: int) -> Floats:
        """The model's outputs (m, K) for x (m, features) after so many steps."""
        weights = self.directions @ ((1 - self.left(steps))[:, None] * self.optimum)
        return np.asarray(x @ weights[:-1] + weights[-1])


def descend(x: Floats, y: Floats) -> Descent:
    """Gradient descent of a linear model with intercept: x (n, features), targets y (n, K)."""
    ones = np.c_[x, np.ones(len(x))]
    curvatures, directions = np.linalg.eigh(ones.T @ ones / len(x))
    kept = curvatures > FLAT * curvatures[-1]
    curvatures, directions = curvatures[kept], directions[:, kept]
    optimum = directions.T @ (ones.T @ y / len(x)) / curvatures[:, None]
    return Descent(curvatures, directions, optimum)


def first_step(reached: Callable[[int], bool]) -> int:
    """The first step at which something is reached that stays so; at most FARTHEST."""
    high = 1
    while high < FARTHEST and not reached(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


@dataclass(frozen=True)
class Speed:
    """Descent on digits for S seeds, with one preparation of the pixels.

    condition, arrival: (S,), the condition number and the steps to 1 % of the excess at the start;
    excess, accuracy: (T, S), after `times` steps: loss above the lowest one, test accuracy.
    """

    condition: Floats
    arrival: Ints
    excess: Floats
    accuracy: Floats


def compare_on_digits(
    seeds: Sequence[int], times: Sequence[int], *, n_train: int = 300, pixel_noise: float = 0.2
) -> dict[str, Speed]:
    """A linear model on one-hot labels, each preparation with its own learning rate 1/λ₁."""
    rows: dict[str, list[tuple[Floats, ...]]] = {}
    for seed in seeds:
        split = data.splits([seed], n_train=n_train, pixel_noise=pixel_noise)
        versions = prepare(split.x_train[0], split.x_test[0])
        for name, (train, test) in versions.items():
            run = descend(train, one_hot(split.y_train[0]))
            guesses = np.array([run.outputs(test, t).argmax(1) for t in times])  # (T, m)
            rows.setdefault(name, []).append(
                (
                    np.array(run.condition),
                    np.array(run.steps_to(0.01)),
                    np.array([run.excess(t) for t in times]),
                    np.mean(guesses == split.y_test[0], axis=1),
                )
            )
    return {
        name: Speed(*(np.stack(column, axis=-1) for column in zip(*runs, strict=True)))
        for name, runs in rows.items()
    }


def fit_linear(x: Floats, labels: Ints, *, alpha: float = 10.0) -> Callable[[Floats], Ints]:
    """Ridge on one-hot labels, alpha·‖w‖² beside the sum of squares: a function x → labels."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=alpha).fit(x, one_hot(labels))
    return lambda inputs: np.asarray(model.predict(inputs).argmax(1))


def accuracy_by_statistics(seed: int, *, n_train: int = 300) -> dict[str, float]:
    """Test accuracy of a linear model on standardized digits, by whose mean and std were used.

    "training set" is the right way; "all data" are training and test set together; "test set" its
    own; "mixed batches of 32" and "of 2" the own ones of batches in random order; "test batches of
    one class" those of batches that hold 50 images of one digit.
    """
    from sklearn.preprocessing import StandardScaler

    split = data.splits([seed], n_train=n_train)
    x, y, test, answers = split.x_train[0], split.y_train[0], split.x_test[0], split.y_test[0]
    right, leaky = StandardScaler().fit(x), StandardScaler().fit(np.r_[x, test])
    model, other = fit_linear(right.transform(x), y), fit_linear(leaky.transform(x), y)

    def own(batch: Floats) -> Ints:
        return model(StandardScaler().fit_transform(batch))

    def mixed(size: int) -> float:
        kept = len(test) // size * size
        batches = test[:kept].reshape(-1, size, test.shape[1])
        std = batches.std(1, keepdims=True)
        batches = (batches - batches.mean(1, keepdims=True)) / np.where(std == 0, 1, std)
        return float(np.mean(model(batches.reshape(kept, -1)) == answers[:kept]))

    single = [np.mean(own(test[answers == k][:50]) == k) for k in range(data.N_CLASSES)]
    return {
        "training set": float(np.mean(model(right.transform(test)) == answers)),
        "all data": float(np.mean(other(leaky.transform(test)) == answers)),
        "test set": float(np.mean(own(test) == answers)),
        "mixed batches of 32": mixed(32),
        "mixed batches of 2": mixed(2),
        "test batches of one class": float(np.mean(single)),
    }


def accuracy_on_noise(seed: int, *, leaky: bool, n: int = 60, features: int = 2000) -> float:
    """Cross-validated accuracy where there is nothing to learn: noise features, random labels.

    The 20 features that correlate most with the labels are chosen on all data (leaky) or on the
    training part of each of five folds; then the nearest class mean decides. The truth is 0.5.
    """
    rng = np.random.default_rng([seed, 3])
    x, y = rng.standard_normal((n, features)), rng.permutation(np.repeat([-1.0, 1.0], n // 2))
    hits = 0
    for fold in range(5):
        test = np.arange(n) % 5 == fold
        seen = np.ones(n, dtype=bool) if leaky else ~test
        chosen = np.argsort(-np.abs(y[seen] @ (x[seen] - x[seen].mean(0))))[:20]
        z, labels = x[:, chosen], y[~test]
        means = [z[~test][labels == sign].mean(0) for sign in (-1, 1)]
        near = [np.square(z[test] - mean).sum(1) for mean in means]
        hits += int(np.sum(np.where(near[0] < near[1], -1, 1) == y[test]))
    return hits / n
