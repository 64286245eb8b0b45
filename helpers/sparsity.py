"""Experiments with L1: descent on a kink, sparse regression, correlated features, a network.

Regression follows the lesson's convention: J(w) = 1/(2n) ‖y − Xw‖² + λ‖w‖₁ for lasso, and
+ (λ/2) ‖w‖² for ridge. scikit-learn's Lasso has alpha = λ, its Ridge alpha = nλ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, nets, optimizers

Array = NDArray[np.float64]
METHODS = ("subgradient", "adam", "proximal")


@dataclass(frozen=True)
class Regression:
    """y = X @ w + noise: X (n, d), y (n,), the true w (d,), and fresh examples to test on."""

    X: Array
    y: Array
    w: Array
    X_test: Array
    y_test: Array

    def test_error(self, coefficients: Array) -> float:
        """Mean square error on the fresh examples."""
        return float(np.mean((self.X_test @ coefficients - self.y_test) ** 2))


def make_regression(
    n: int, d: int, n_true: int, rng: np.random.Generator, *, noise: float = 0.5,
    sizes: tuple[float, float] = (0.5, 2.0), n_test: int = 2000,
) -> Regression:  # fmt: skip
    """Gaussian features; `n_true` random coefficients of random sign and size, the others 0."""
    w = np.zeros(d)
    chosen = rng.choice(d, n_true, replace=False)
    w[chosen] = rng.choice([-1.0, 1.0], n_true) * rng.uniform(*sizes, n_true)
    X, X_test = rng.standard_normal((n, d)), rng.standard_normal((n_test, d))
    y = X @ w + noise * rng.standard_normal(n)
    return Regression(X, y, w, X_test, X_test @ w + noise * rng.standard_normal(n_test))


def descend(
    X: Array, y: Array, *, lam: Sequence[float], lr: Sequence[float], method: str, steps: int,
    record: Sequence[int] = (), start: Array,
) -> Array:  # fmt: skip
    """Minimizes R lasso objectives at once; coefficients at the steps `record`, (T, R, d).

    "subgradient" is plain descent with sign(w) for the derivative of |w|, as PyTorch has it; "adam"
    the same with Adam (all at lr[0]); "proximal" moves along the smooth part, then shrinks (ISTA:
    Daubechies et al. 2004; Beck & Teboulle 2009, eq. 1.4). lam, lr (R,); start (d,); float64.
    `record` is the last step when empty; 0 is the start. Raises ValueError for another method.
    """
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}; got {method!r}")
    features, targets, w = (torch.tensor(np.asarray(a, dtype=float)) for a in (X, y, start))
    lams, rates = (torch.tensor(np.asarray(a, dtype=float))[:, None] for a in (lam, lr))  # (R, 1)
    w = w.repeat(len(lams), 1)  # (R, d)
    adam = optimizers.Adam([w], lr=float(lr[0]))
    at, path = set(record or [steps]), []
    for step in range(steps + 1):
        if step in at:
            path.append(w.numpy().copy())
        smooth = (w @ features.T - targets) @ features / len(targets)  # (R, d)
        w.grad = smooth if method == "proximal" else smooth + lams * w.sign()
        if method == "adam":
            adam.step()
        else:
            w -= rates * w.grad
        if method == "proximal":
            shrink(w, rates * lams)
    return np.stack(path)


def shrink(w: Tensor, threshold: Tensor) -> None:
    """torch's softshrink in place, with a threshold of its own for each network or run."""
    w.sub_(w.clamp(-threshold, threshold))


@dataclass(frozen=True)
class Paths:
    """Lasso and ridge along λ on P problems: their test errors `lasso` and `ridge`, (P, len(lams)).

    Of lasso at one λ, (P,) each: `kept`, its sum of |w| over the true one, both on the right
    features, and `wrong`, the number of other features that are left.
    """

    lasso: Array
    ridge: Array
    kept: Array
    wrong: Array


def compare_paths(seeds: Sequence[int], lams: Array, *, at: float) -> Paths:
    """A problem for each seed: 40 examples, 20 features, 5 of which matter, noise of std 1.

    `lams` ascend; what lasso keeps is taken at the one of them that is nearest to `at`.
    """
    from sklearn.linear_model import lasso_path

    rows = []
    for seed in seeds:
        p = make_regression(40, 20, 5, np.random.default_rng([seed, 52]), noise=1.0)
        lasso = lasso_path(p.X, p.y, alphas=lams[::-1], tol=1e-8, max_iter=20_000)[1].T[::-1]
        penalized = p.X.T @ p.X + 40 * np.multiply.outer(lams, np.eye(20))  # (len(lams), 20, 20)
        ridge = np.linalg.solve(penalized, (p.X.T @ p.y)[:, None])[..., 0]  # (len(lams), 20)
        errors = ([p.test_error(w) for w in path] for path in (lasso, ridge))
        found, right = np.abs(lasso[np.abs(lams - at).argmin()]), p.w != 0
        kept = found[right].sum() / np.abs(p.w[right]).sum()
        rows.append((*errors, kept, (found[~right] != 0).sum()))
    return Paths(*(np.array(column) for column in zip(*rows, strict=True)))


def compare_recovery(seeds: Sequence[int], *, n: int = 150, d: int = 200) -> dict[str, Array]:
    """20 true coefficients of 200: per method (seeds, 3) of true found, false found, test error.

    "lasso" uses λ = 1.2 σ √(2 ln d / n) (the form of Bickel et al. 2009), "lasso, CV"
    the λ that predicts best in 5 folds; "ridge, CV" keeps its 20 largest coefficients as found.
    """
    from sklearn.linear_model import Lasso, LassoCV, RidgeCV

    rows: dict[str, list[list[float]]] = {"lasso": [], "lasso, CV": [], "ridge, CV": []}
    lam = 1.2 * 0.5 * np.sqrt(2 * np.log(d) / n)
    models = {
        "lasso": Lasso(alpha=lam, fit_intercept=False, max_iter=5000),
        "lasso, CV": LassoCV(alphas=30, cv=5, fit_intercept=False, max_iter=5000),
        "ridge, CV": RidgeCV(alphas=np.logspace(-2, 4, 30), fit_intercept=False),
    }
    for seed in seeds:
        problem = make_regression(n, d, 20, np.random.default_rng([seed, 2]))
        for name, model in models.items():
            w = model.fit(problem.X, problem.y).coef_
            found = w != 0
            if name == "ridge, CV":
                found = np.abs(w) >= np.sort(np.abs(w))[-20]
            right = float((found & (problem.w != 0)).sum())
            rows[name].append([right, found.sum() - right, problem.test_error(w)])
    return {name: np.array(values) for name, values in rows.items()}


def compare_dense(seeds: Sequence[int], *, n: int = 100, d: int = 200) -> Array:
    """All d coefficients are small but not 0: test errors (seeds, 2) of lasso and ridge, by CV."""
    from sklearn.linear_model import LassoCV, RidgeCV

    errors = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 3])
        w, X = 0.3 * rng.standard_normal(d), rng.standard_normal((n + 2000, d))
        y = X @ w + 0.5 * rng.standard_normal(n + 2000)
        problem = Regression(X[:n], y[:n], w, X[n:], y[n:])
        models = (
            LassoCV(alphas=30, cv=5, fit_intercept=False, max_iter=5000),
            RidgeCV(alphas=np.logspace(-2, 4, 30), fit_intercept=False),
        )
        errors.append([problem.test_error(m.fit(X[:n], y[:n]).coef_) for m in models])
    return np.array(errors)


def twin_features(
    count: int, rng: np.random.Generator, *, lams: Sequence[float], noise: float = 0.3, n: int = 50
) -> tuple[Array, Array]:
    """Two features that are one signal with a little noise: lasso and ridge, (len(lams), count, 2).

    y is twice the signal plus `noise` (a std); `lams` ascend.
    """
    from sklearn.linear_model import lasso_path

    lasso, ridge = np.empty((2, len(lams), count, 2))
    down = np.array(lams)[::-1]
    for i in range(count):
        signal = rng.standard_normal((n, 1))
        X = signal + 0.05 * rng.standard_normal((n, 2))
        y = 2 * signal[:, 0] + noise * rng.standard_normal(n)
        lasso[:, i] = lasso_path(X, y, alphas=down, tol=1e-9, max_iter=100_000)[1].T[::-1]
        penalized = X.T @ X + n * np.multiply.outer(lams, np.eye(2))  # (len(lams), 2, 2)
        ridge[:, i] = np.linalg.solve(penalized, X.T @ y)
    return lasso, ridge


def sparse_networks(
    lams: Sequence[float], *, seeds: Sequence[int], n_train: int = 300, steps: int = 600,
    lr: float = 0.1,
) -> dict[str, dict[str, Array]]:  # fmt: skip
    """Digits networks 64-100-10 with L1 on their weights, by "subgradient" and by "proximal".

    For each, (len(lams), seeds): "accuracy" on test images, "zeros", the share of weights that are
    exactly 0, and "small", the share below 1e-3. All runs share images, first weights, batches.
    """
    runs, count = 2 * len(lams), len(seeds)
    split = data.splits(seeds, n_train=n_train, n_test=1000, standardize=True)
    x, y, x_test, y_test = (
        torch.cat([tensor] * runs)
        for tensor in nets.tensors(split.x_train, split.y_train, split.x_test, split.y_test)
    )
    model = nets.MLPs([64, 100, 10], seeds=list(seeds) * runs)
    lam = torch.tensor(list(lams)).repeat_interleave(count)  # (len(lams)·S,)
    none = torch.zeros_like(lam)
    in_loss, after = torch.cat([lam, none]), torch.cat([none, lam])  # subgradient, then proximal

    def proximal_step(_: int) -> None:
        with torch.no_grad():
            for weights in model.weights:
                shrink(weights, lr * after[:, None, None])

    nets.train(
        model, x, y, steps=steps, batch_size=50,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=lr),
        generator=torch.Generator().manual_seed(seeds[0]), arms=runs,
        penalty=lambda: in_loss * sum(w.abs().sum((1, 2)) for w in model.weights),
        after_step=proximal_step,
    )  # fmt: skip
    weights = torch.cat([w.detach().flatten(1) for w in model.weights], 1).abs()  # (R·S, all)
    measured = {
        "accuracy": nets.accuracy(model, x_test, y_test),
        "zeros": (weights == 0).double().mean(1).numpy(),
        "small": (weights < 1e-3).double().mean(1).numpy(),
    }
    half = len(lams) * count
    return {
        name: {k: v[cut].reshape(len(lams), count) for k, v in measured.items()}
        for name, cut in (("subgradient", slice(half)), ("proximal", slice(half, None)))
    }
