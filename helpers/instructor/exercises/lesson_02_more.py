"""Lesson 02, second part: the exercises on regression and on priors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import distributions

from helpers.compare import close
from helpers.instructor.exercise import Exercise

Array = NDArray[Any]


def _data(rng: np.random.Generator, n: int, d: int, *, center: float) -> tuple[Array, Array]:
    """Features and targets whose means are far from zero when center is."""
    X = rng.standard_normal((n, d)) + center * rng.uniform(1, 2, d)
    y = X @ rng.standard_normal(d) + 0.3 * rng.standard_normal(n) + 3 * center
    return X, y


def _sklearn_ridge(X: Array, y: Array, alpha: float) -> tuple[Array, float]:
    model = Ridge(alpha=alpha, solver="svd").fit(X, y)
    return model.coef_, float(model.intercept_)


def _ridge(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    return _sklearn_ridge(X, y, len(y) * lam)


def _penalized_intercept(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    ones = np.column_stack([X, np.ones(len(y))])
    both = np.linalg.solve(ones.T @ ones + len(y) * lam * np.eye(ones.shape[1]), ones.T @ y)
    return both[:-1], float(both[-1])


def _no_intercept(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    d = X.shape[1]
    return np.linalg.solve(X.T @ X + len(y) * lam * np.eye(d), X.T @ y), 0.0


def _not_centered(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    w, _ = _no_intercept(X, y, lam)
    return w, float(y.mean() - X.mean(0) @ w)


def _y_centered(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    w, _ = _no_intercept(X, y - y.mean(), lam)
    return w, float(y.mean() - X.mean(0) @ w)


def _one_mean(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    w, _ = _no_intercept(X - X.mean(), y - y.mean(), lam)
    return w, float(y.mean() - X.mean(0) @ w)


def _standardized(X: Array, y: Array, lam: float, *, back: bool) -> tuple[Array, float]:
    std = X.std(0)
    w = _ridge(X / std, y, lam)[0] / (std if back else 1.0)
    return w, float(y.mean() - X.mean(0) @ w)


def _ridge_probes(rng: np.random.Generator) -> dict[str, list[tuple[Any, ...]]]:
    lams = [float(v) for v in rng.uniform(0.1, 1.0, 4)]
    d = int(rng.integers(2, 5))
    return {
        "more examples than features": [
            (*_data(rng, 9, d, center=1.0), lams[0]),
            (*_data(rng, 7, 3, center=0.5), lams[1]),
            (*_data(rng, 8, 2, center=1.0), 0.0),
            (*_data(rng, 6, 1, center=1.0), lams[0]),
        ],
        "more features than examples": [
            (*_data(rng, 4, 7, center=1.0), lams[2]),
            (*_data(rng, 3, 5, center=0.5), lams[3]),
        ],
    }


RIDGE = Exercise(
    id="02.4",
    title="Ridge regression in closed form",
    function="ridge",
    points=1,
    oracle=_ridge,
    mistakes={
        "You penalize the intercept as well. Center X and y first, solve for w, and get b from "
        "the means.": _penalized_intercept,
        "You left out n. With 1/(2n) before the sum of squares, the matrix is XᵀX + nλI: here λ "
        "is too weak by a factor n.": lambda X, y, lam: _sklearn_ridge(X, y, lam),
        "There is no intercept in your solution. Center X and y, and compute b at the end.": (
            _no_intercept
        ),
        "There is no intercept in your solution, and n is missing: center X and y, solve "
        "(XᵀX + nλI) w = Xᵀy, then compute b.": lambda X, y, lam: _no_intercept(X, y, lam / len(y)),
        "You did not center X and y before you solve for w. The formula for b alone does not make "
        "up for it.": _not_centered,
        "Your w is right, but b is 0. It is mean(y) − mean(X)·w.": lambda X, y, lam: (
            _ridge(X, y, lam)[0],
            0.0,
        ),
        "You centered X with one mean for all features: each column has its own, X.mean(0).": (
            _one_mean
        ),
        "Your w is right, but b is the mean of y. It is mean(y) − mean(X)·w.": lambda X, y, lam: (
            _ridge(X, y, lam)[0],
            float(y.mean()),
        ),
        "You doubled λ. The penalty is (λ/2)‖w‖², whose gradient is λw.": lambda X, y, lam: _ridge(
            X, y, 2 * lam
        ),
        "You halved λ. The ½ stands before both terms and cancels: the matrix is XᵀX + nλI.": (
            lambda X, y, lam: _ridge(X, y, lam / 2)
        ),
        "You centered y but not X.": _y_centered,
        "Your w is right, but b has the wrong sign in it: it is mean(y) − mean(X)·w.": (
            lambda X, y, lam: (w := _ridge(X, y, lam)[0], float(y.mean() + X.mean(0) @ w))
        ),
        "You divided λ by n. The gradient has 1/n before XᵀX, so n comes to λ as a factor.": (
            lambda X, y, lam: _ridge(X, y, lam / len(y) ** 2)
        ),
        "You counted n twice: XᵀX/n + λI or XᵀX + nλI.": lambda X, y, lam: _ridge(
            X, y, lam * len(y)
        ),
        "You divided the features by their standard deviation, so the penalty counts every weight "
        "in another unit. Subtract the means, no more.": lambda X, y, lam: _standardized(
            X, y, lam, back=True
        ),
        "You divided the features by their standard deviation, so your w belongs to other "
        "features. Subtract the means, no more.": lambda X, y, lam: _standardized(
            X, y, lam, back=False
        ),
        "You subtracted the penalty: the λ has to come in with a plus.": lambda X, y, lam: (
            _solve_centered(X, y, -lam)
        ),
    },
    probes=_ridge_probes,
    compare=close(rtol=1e-6, atol=1e-8),
)


def _solve_centered(X: Array, y: Array, lam: float) -> tuple[Array, float]:
    Xc, yc = X - X.mean(0), y - y.mean()
    w = np.linalg.solve(Xc.T @ Xc + len(y) * lam * np.eye(X.shape[1]), Xc.T @ yc)
    return w, float(y.mean() - X.mean(0) @ w)


Step = Callable[[torch.Tensor, torch.Tensor, float, float], torch.Tensor]


def _proximal(w: torch.Tensor, gradient: torch.Tensor, lr: float, lam: float) -> torch.Tensor:
    return F.softshrink(w - lr * gradient, lr * lam)


def _descend(
    X: Array, y: Array, lam: float, steps: int, *, step: Step = _proximal, scale: float = 1.0,
    divide: bool = True,
) -> Array:  # fmt: skip
    """ISTA in torch, its gradient by autograd, with places to go wrong."""
    features, targets = torch.tensor(X), torch.tensor(y)
    n = len(y)
    largest = float(torch.linalg.matrix_norm(features, ord=2)) ** 2 / n
    w = torch.zeros(X.shape[1], dtype=torch.float64)
    for _ in range(steps):
        point = w.clone().requires_grad_()
        loss = 0.5 * F.mse_loss(features @ point, targets, reduction="mean" if divide else "sum")
        (gradient,) = torch.autograd.grad(loss, point)
        w = step(w, gradient, scale / largest, lam)
    return np.asarray(w.numpy())


def _slow(X: Array, y: Array, lam: float, steps: int) -> Array:
    return _descend(X, y, lam, steps, scale=1 / len(y))


def _root(X: Array, y: Array, lam: float, steps: int) -> Array:
    largest = np.linalg.norm(X, 2) ** 2 / len(y)
    return _descend(X, y, lam, steps, scale=float(np.sqrt(largest)))


def _all_eigenvalues(X: Array, y: Array, lam: float, steps: int) -> Array:
    return _descend(X, y, lam, steps, scale=float(np.linalg.norm(X, 2) / np.linalg.norm(X)) ** 2)


def _frobenius(X: Array, y: Array, lam: float, steps: int) -> Array:
    largest = np.linalg.norm(X, 2) ** 2
    return _descend(X, y, lam, steps, scale=float(largest / np.linalg.norm(X.T @ X)))


def _smallest(X: Array, y: Array, lam: float, steps: int) -> Array:
    """The smallest eigenvalue for L: it is 0 where a feature never occurs, and 0/0 follows."""
    size = np.linalg.eigvalsh(X.T @ X / len(y))[0]
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        z = w - X.T @ (X @ w - y) / len(y) / size
        w = np.sign(z) * np.maximum(np.abs(z) - lam / size, 0.0)
    return w


def _small_to_zero(X: Array, y: Array, lam: float, steps: int) -> Array:
    w = _descend(X, y, lam, steps)
    return np.where(np.abs(w) < 1e-3, 0.0, w)


def _threshold_at_end(X: Array, y: Array, lam: float, steps: int) -> Array:
    w = torch.tensor(_descend(X, y, 0.0, steps))
    return np.asarray(F.softshrink(w, lam).numpy())


def _lasso_probes(rng: np.random.Generator) -> dict[str, list[tuple[Any, ...]]]:
    def draw(n: int, d: int) -> tuple[Array, Array]:
        return _data(rng, n, d, center=0.0)

    lams = [float(v) for v in rng.uniform(0.1, 0.4, 5)]
    X, y = draw(12, 3)
    uneven = draw(14, 2)[0] * [1, 6]  # np.linalg.eigvals has its largest last
    wide = draw(4, 6)[0] * [1, 1, 1, 1, 0, 0]  # of features that never occur the eigenvalue is 0
    nothing = 1.01 * float(np.abs(X.T @ y).max()) / len(y)  # the λ that leaves no weight
    return {
        "the first steps": [
            (*draw(9, 4), lams[0], 1),
            (*draw(14, 3), lams[1], 2),
            (wide, draw(4, 6)[1], lams[2], 3),
            (*draw(8, 3), lams[3], 0),
            (*draw(7, 1), lams[4], 2),
            (uneven, uneven @ rng.standard_normal(2), lams[0], 2),
        ],
        "many steps": [
            (*draw(20, 4), lams[4], 300), (X, y, nothing, 50), (*draw(15, 3), 0.0, 200),
            (*_small_weights(rng, lams[1]), lams[1], 3),
        ],
    }  # fmt: skip


def _small_weights(rng: np.random.Generator, lam: float) -> tuple[Array, Array]:
    """Orthogonal features (L = 1): of the solution's weights two are below a millionth, not 0."""
    X = np.linalg.qr(rng.standard_normal((8, 4)))[0] * np.sqrt(8)
    w = np.array([rng.uniform(0.5, 2), 0.0, *rng.uniform([2e-7, -9e-7], [9e-7, -2e-7])])
    pulls = np.array([lam, 0.4 * lam, lam, -lam])  # of the first feature Xᵀy/n is w + λ
    return X, X @ (w + pulls)


LASSO = Exercise(
    id="02.5",
    title="Lasso by proximal steps (ISTA)",
    function="lasso",
    points=2,
    oracle=_descend,
    mistakes={
        "You threshold by λ. The step size belongs in it: the threshold is λ times the step "
        "size.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: F.softshrink(w - lr * g, lam)
        ),
        "This is the subgradient step, with sign(w). It never arrives at zero: take the gradient "
        "of the smooth part only, then soft-threshold.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: w - lr * (g + lam * torch.sign(w))
        ),
        "Your gradient lacks the 1/n, so the steps are n times too large.": (
            lambda X, y, lam, steps: _descend(X, y, lam, steps, divide=False)
        ),
        "Your steps are n times too small: L is the largest eigenvalue of XᵀX/n, not of XᵀX.": (
            _slow
        ),
        "You took the largest singular value of X/√n for L. Its square is the eigenvalue.": _root,
        "Your L is the sum of all eigenvalues, so your steps are too small: np.linalg.norm(X) "
        "without a 2 is the root of the sum of all squares. L is the largest eigenvalue alone.": (
            _all_eigenvalues
        ),
        "You soft-threshold once, after the last step, and by λ. It belongs into every step.": (
            _threshold_at_end
        ),
        "Your steps are twice too large: the gradient of 1/(2n)‖y − Xw‖² is Xᵀ(Xw − y)/n.": (
            lambda X, y, lam, steps: _descend(X, y, lam, steps, scale=2.0)
        ),
        "You multiply by L, in the step and in the threshold. The step size is 1/L: divide.": (
            lambda X, y, lam, steps: _descend(
                X, y, lam, steps, step=lambda w, g, lr, lam: F.softshrink(w - g / lr, lam / lr)
            )
        ),
        "Your steps are half as large as they may be, and your threshold, too: L is the largest "
        "eigenvalue of XᵀX/n, not twice that.": (
            lambda X, y, lam, steps: _descend(X, y, lam, steps, scale=0.5)
        ),
        "Your threshold is half of what it should be: λ/L.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: F.softshrink(w - lr * g, lr * lam / 2)
        ),
        "You soft-threshold before the gradient step; it comes after.": lambda X, y, lam, steps: (
            _descend(
                X, y, lam, steps, step=lambda w, g, lr, lam: F.softshrink(w, lr * lam) - lr * g
            )
        ),
        "You go uphill: the gradient step has a minus.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: F.softshrink(w + lr * g, lr * lam)
        ),
        "This is the step of L2, w / (1 + t): it makes weights smaller and none of them zero. Take "
        "soft-thresholding.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: (w - lr * g) / (1 + lr * lam)
        ),
        "Your L is the root of the sum of all squares in XᵀX/n, so your steps are too small. "
        "np.linalg.norm takes that of a matrix (Frobenius) unless you give it a 2. L is the "
        "largest eigenvalue.": _frobenius,
        "You took the smallest eigenvalue for L: such steps are too large, and where it is 0 they "
        "are infinite. np.linalg.eigvalsh sorts upwards: the largest is the last one.": _smallest,
        "Your weights stay at zero. If you multiply by sign(w), that is 0 at the start: take the "
        "sign of z, the point after the gradient step.": lambda X, y, lam, steps: np.zeros(
            X.shape[1]
        ),
        "Your threshold is n times too large: with the gradient Xᵀ(Xw − y)/n the penalty is λ, "
        "without n, and the threshold λ/L.": lambda X, y, lam, steps: _descend(
            X, y, lam * len(y), steps
        ),
        "You set small weights to zero. Soft-thresholding gives zeros to the last bit; a weight "
        "that it leaves, however small, belongs to the solution.": _small_to_zero,
        "You left λ out: this is least squares.": lambda X, y, lam, steps: _descend(
            X, y, 0.0, steps
        ),
        "Your loop makes one step too many.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps + 1
        ),
        "Your loop makes one step too few.": lambda X, y, lam, steps: _descend(
            X, y, lam, max(steps - 1, 0)
        ),
        "You left n out everywhere, so your loss is n times larger and λ counts n times less. Here "
        "the gradient is Xᵀ(Xw − y)/n, and L belongs to XᵀX/n.": lambda X, y, lam, steps: _descend(
            X, y, lam / len(y), steps
        ),
        "This is hard thresholding: it leaves the large weights as they are. Move them towards "
        "zero as well.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: F.hardshrink(w - lr * g, lr * lam)
        ),
        "Your threshold sends every negative weight to zero: shrink its size, and keep its "
        "sign.": lambda X, y, lam, steps: _descend(
            X, y, lam, steps, step=lambda w, g, lr, lam: F.relu(w - lr * g - lr * lam)
        ),
        "Your threshold is λ times L. It is λ times the step size, λ/L.": lambda X, y, lam, steps: (
            _descend(
                X, y, lam, steps, step=lambda w, g, lr, lam: F.softshrink(w - lr * g, lam / lr)
            )
        ),
    },
    probes=_lasso_probes,
    compare=close(rtol=1e-6, atol=1e-8),
)


def _map_lambda(kind: str, noise_var: float, scale: float, n: int) -> float:
    """σ²/n times the slope of the negative log prior at w = 1, by autograd."""
    zero = torch.zeros((), dtype=torch.float64)
    priors = {"gaussian": distributions.Normal, "laplace": distributions.Laplace}
    prior = priors[kind](zero, torch.tensor(scale, dtype=torch.float64))
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(-prior.log_prob(w), w)
    return noise_var / n * float(slope)


MAP_LAMBDA = Exercise(
    id="02.6",
    title="From a prior to λ",
    function="map_lambda",
    points=1,
    oracle=_map_lambda,
    mistakes={
        "The scale has to be inverted: a narrow prior is a strong penalty.": lambda k, v, s, n: (
            v / n * (s**2 if k == "gaussian" else s)
        ),
        "You left out n. With 1/(2n) before the sum of squares, the prior counts for less as n "
        "grows.": lambda k, v, s, n: n * _map_lambda(k, v, s, n),
        "Your formula for the Gaussian prior has the standard deviation; it is the variance that "
        "appears in the density.": lambda k, v, s, n: v / (n * s),
        "You squared the scale of the Laplace prior. Its density is exp(−|w|/b)/(2b): b stands "
        "there unsquared.": lambda k, v, s, n: v / (n * s**2),
        "You took the root of noise_var. It is a variance already, and the variance is what the "
        "log-likelihood has.": lambda k, v, s, n: _map_lambda(k, v**0.5, s, n),
        "You have a factor ½ too much for the Gaussian: the ½ is in the penalty (λ/2)‖w‖² "
        "already.": lambda k, v, s, n: _map_lambda(k, v, s, n) / (2 if k == "gaussian" else 1),
        "You have a factor 2 too much. Both ½ cancel when the log posterior is multiplied by "
        "σ²/n.": lambda k, v, s, n: 2 * _map_lambda(k, v, s, n),
        "You have a factor ½ too much for the Laplace prior: the 2b before its exponential is "
        "constant in w.": lambda k, v, s, n: _map_lambda(k, v, s, n) / (2 if k == "laplace" else 1),
        "You have a factor 2 too much for the Laplace prior: the 2b before its exponential is "
        "constant in w, so λ is σ²/(nb).": lambda k, v, s, n: (
            _map_lambda(k, v, s, n) * (2 if k == "laplace" else 1)
        ),
        "You have a factor 2 too much for the Gaussian: the ½ of the density and the ½ of the "
        "penalty (λ/2)‖w‖² cancel.": lambda k, v, s, n: (
            _map_lambda(k, v, s, n) * (2 if k == "gaussian" else 1)
        ),
        "You left out noise_var. The noisier the data, the more the prior counts.": (
            lambda k, v, s, n: _map_lambda(k, 1.0, s, n)
        ),
        "You squared noise_var. It is a variance already.": lambda k, v, s, n: _map_lambda(
            k, v**2, s, n
        ),
        "You swapped the two priors.": lambda k, v, s, n: _map_lambda(
            "laplace" if k == "gaussian" else "gaussian", v, s, n
        ),
        "You multiplied by n instead of dividing.": lambda k, v, s, n: (
            n**2 * _map_lambda(k, v, s, n)
        ),
    },
    probes=lambda rng: {
        kind: [
            (kind, float(rng.uniform(0.2, 3)), float(scale), int(rng.integers(3, 90)))
            for scale in (rng.uniform(0.1, 0.6), rng.uniform(1.4, 4))
        ]
        for kind in ("gaussian", "laplace")
    },
)
