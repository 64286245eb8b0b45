"""Lesson 04, dropout: the exercises whose answers are not random."""

from itertools import product
from typing import Any

import numpy as np
import torch

from helpers.instructor.exercise import Exercise

Array = np.ndarray
Rng = np.random.Generator


def keep_probs(rng: Rng) -> tuple[float, float]:
    """A small and a large one, far from 1/2, so that keeping and dropping cannot be confused."""
    return round(rng.uniform(0.2, 0.4), 2), round(rng.uniform(0.65, 0.85), 2)


def _autograd(grad_out: Array, mask: Array, keep_prob: float) -> Array:
    x = torch.ones(grad_out.shape, dtype=torch.float64, requires_grad=True)
    kept = torch.from_numpy(np.asarray(mask, dtype=np.float64))
    (x * kept / keep_prob).backward(torch.from_numpy(grad_out))  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return x.grad.numpy() + 0.0  # -0 looks odd in a message


def _backward_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(shape: tuple[int, ...], kind: type) -> tuple[Any, ...]:
        keep_prob = round(rng.uniform(0.2, 0.9), 2)
        mask: Array = (rng.random(shape) < 0.5).astype(kind)
        mask.flat[:2] = [0, 1]
        return np.round(rng.normal(size=shape), 3), mask, keep_prob

    whole = np.round(rng.normal(size=(2, 3)), 3), np.ones((2, 3)), 1.0  # nothing is dropped
    numbers = [*(probe(shape, float) for shape in ((3, 5), (1, 4), (2, 3, 4))), probe((4, 3), int)]
    return {
        "masks of numbers": [*numbers, whole],
        "masks of True and False": [probe((4, 2), bool), probe((6,), bool)],
    }


DROPOUT_BACKWARD = Exercise(
    id="04.4",
    title="The way back through the mask",
    function="dropout_backward",
    points=1,
    oracle=_autograd,
    probes=_backward_probes,
    mistakes={
        "You forgot the scale: out = x · mask / keep_prob, so the gradient is divided by "
        "keep_prob as well.": lambda g, m, q: g * m,
        "You forgot the mask: a dropped unit had no part in the output, so it gets no "
        "gradient.": lambda g, m, q: g / q,
        "You multiply by keep_prob; the forward pass divides by it, and so does the backward "
        "pass.": lambda g, m, q: g * m * q,
        "You divide by 1 − keep_prob; divide by the probability of keeping.": lambda g, m, q: (
            g * m / (1 - q)
        ),
        "You let the dropped units have the gradient and the kept ones none.": lambda g, m, q: (
            g * (1 - np.asarray(m, float)) / q
        ),
        "You divide by keep_prob twice: out is divided by it once, and so is the "
        "gradient.": lambda g, m, q: g * m / q**2,
        "That is the derivative of one entry of out. The chain rule multiplies it with the "
        "gradient that arrives, grad_out.": lambda g, m, q: np.asarray(m, float) / q,
        "The kept units are right, but the dropped ones let grad_out through. They had no part in "
        "the output: their gradient is 0.": lambda g, m, q: np.where(m, g / q, g),
        "You divide the gradient of the dropped units, and that of the kept ones stays as it is. "
        "The kept ones are divided by keep_prob, the dropped ones get 0.": lambda g, m, q: np.where(
            m, g, g / q
        ),
    },
)


def _softmax(z: Array) -> Array:
    return torch.softmax(torch.from_numpy(z), -1).numpy()


def _all_networks(W: Array, b: Array, x: Array, q: float) -> tuple[Array, Array]:
    """The probabilities of every sub-network, (2^d, K), and how likely each is, (2^d,)."""
    masks = np.array(list(product((0.0, 1.0), repeat=len(x))))  # (2^d, d)
    likely = np.prod(np.where(masks == 1, q, 1 - q), axis=1)
    return _softmax((masks * x) @ W + b), likely


def _means(W: Array, b: Array, x: Array, keep_prob: float) -> tuple[Array, Array]:
    """The geometric mean comes from weight scaling, not from the sub-networks."""
    probs, likely = _all_networks(W, b, x, keep_prob)
    return likely @ probs, _softmax((keep_prob * x) @ W + b)


def _unnormalized(W: Array, b: Array, x: Array, q: float) -> tuple[Array, Array]:
    probs, likely = _all_networks(W, b, x, q)
    return likely @ probs, np.exp(likely @ np.log(probs))


def _scaled_networks(W: Array, b: Array, x: Array, q: float) -> tuple[Array, Array]:
    probs, likely = _all_networks(W, b, x / q, q)
    return likely @ probs, _softmax(x @ W + b)


def _without_bias(W: Array, b: Array, x: Array, q: float) -> tuple[Array, Array]:
    return _means(W, np.zeros_like(b), x, q)


def _in_bytes(W: Array, b: Array, x: Array, q: float) -> tuple[Array, Array]:
    """The masks are the bits of 0 … 2^d − 1, each taken modulo 256."""
    numbers = np.arange(2 ** len(x)).astype(np.uint8).astype(int)
    masks = (numbers[:, None] >> np.arange(len(x))) & 1
    likely = np.prod(np.where(masks == 1, q, 1 - q), axis=1)
    probs = _softmax((masks * x) @ W + b)
    geometric = np.exp(likely @ np.log(probs))
    return likely @ probs, geometric / geometric.sum()


def _mean_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(d: int, k: int, keep_prob: float) -> tuple[Any, ...]:
        W, b = np.round(rng.normal(size=(d, k)), 2), np.round(rng.normal(size=k), 2)
        return W, b, np.round(rng.normal(1, 1, size=d), 2), keep_prob

    low, high = keep_probs(rng)
    return {
        "fair coins": [probe(2, 3, 0.5), probe(4, 2, 0.5)],
        "any keep_prob": [
            probe(1, 2, low), probe(3, 5, high), probe(6, 3, low), probe(10, 2, high)
        ],
    }  # fmt: skip


WEIGHT_SCALING_EXACT = Exercise(
    id="04.5",
    title="All sub-networks, averaged in two ways",
    function="weight_scaling_exact",
    points=2,
    oracle=_means,
    probes=_mean_probes,
    mistakes={
        "You give every mask the same weight. A mask that keeps k of d inputs has probability "
        "keep_prob^k · (1 − keep_prob)^(d−k).": lambda W, b, x, q: _means_of_equals(W, b, x),
        "Your geometric mean does not sum to 1: divide it by its sum over the "
        "classes.": _unnormalized,
        "You swapped the two: return (arithmetic, geometric).": lambda W, b, x, q: _means(
            W, b, x, q
        )[::-1],
        "You took keep_prob for the probability of dropping.": lambda W, b, x, q: _means(
            W, b, x, 1 - q
        ),
        "You divide the kept inputs by keep_prob. Here the masks are those of original dropout: "
        "zeros and ones.": _scaled_networks,
        "Your second mean is the arithmetic one, too. For the geometric mean, average the "
        "logarithms.": lambda W, b, x, q: (_means(W, b, x, q)[0],) * 2,
        "Your first mean is weight scaling: you average before the softmax. The arithmetic mean is "
        "of the probabilities, after it.": lambda W, b, x, q: (_means(W, b, x, q)[1],) * 2,
        "You forgot the bias b: dropout thins the inputs, not the bias.": _without_bias,
        "You write the masks' numbers into 8 bits (np.uint8): from 9 inputs on, masks that keep "
        "the others are missing, and some come several times.": _in_bytes,
    },
)


def _means_of_equals(W: Array, b: Array, x: Array) -> tuple[Array, Array]:
    return _means(W, b, x, 0.5)


def _expected_loss_minimum(X: Array, y: Array, p: float) -> Array:
    """Solves the normal equations of the expected loss; moments by going through the coins."""
    d = X.shape[1]
    coins = list(product((0.0, 1.0 / (1 - p)), repeat=2))  # of two different inputs
    likely = [(1 - p if a else p) * (1 - p if b else p) for a, b in coins]
    pair = sum(w * a * b for w, (a, b) in zip(likely, coins, strict=True))
    own = sum(w * a * a for w, (a, _) in zip(likely, coins, strict=True))
    second = np.where(np.eye(d) == 1, own, pair)  # E[m mᵀ]
    return np.asarray(np.linalg.solve(second * (X.T @ X), X.T @ y))  # E[m] = 1


def _ridge(X: Array, y: Array, penalty: Array) -> Array:
    return np.asarray(np.linalg.solve(X.T @ X + penalty, X.T @ y))


def _diagonal(X: Array) -> Array:
    return np.diag(np.diag(X.T @ X))


def _plain(X: Array, y: Array) -> Array:
    """Plain least squares by its normal equations, which fail for fewer rows than columns."""
    return np.asarray(np.linalg.solve(X.T @ X, X.T @ y))


def _original_weights(X: Array, y: Array, p: float) -> Array:
    return np.asarray(_ridge(X, y, p / (1 - p) * _diagonal(X)) / (1 - p))


def _ridge_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, d: int, p: float) -> tuple[Any, ...]:
        X = np.round(rng.normal(size=(n, d)) * rng.uniform(0.5, 3, d) + 0.5, 2)
        return X, np.round(rng.normal(size=n) + X.sum(1), 2), p

    def staircase(n: int, d: int, p: float) -> tuple[Any, ...]:
        """Fewer rows than columns, and whole numbers: the elimination in XᵀX does not round.

        So a solver says that XᵀX is singular, where rounding would give it any large numbers.
        """
        X = np.triu(rng.integers(1, 4, (n, d)) * rng.choice([-1.0, 1.0], (n, d)), 1)
        X[:, :n] += np.diag(rng.choice([-4.0, 4.0], n))
        return X, np.round(rng.normal(size=n) + X.sum(1), 2), p

    return {
        "more rows than columns": [probe(9, 3, 0.3), probe(12, 5, 0.65), probe(7, 1, 0.2)],
        "too many columns to enumerate": [probe(30, 24, 0.25)],
        "more columns than rows": [staircase(4, 5, 0.5), staircase(2, 3, 0.75)],
    }


DROPOUT_RIDGE = Exercise(
    id="04.6",
    title="Dropout as ridge regression",
    function="dropout_ridge",
    points=1,
    oracle=_expected_loss_minimum,
    probes=_ridge_probes,
    mistakes={
        "Your penalty is (1−p)/p; it is p/(1−p), and grows with the share of dropped "
        "inputs.": lambda X, y, p: _ridge(X, y, (1 - p) / p * _diagonal(X)),
        "You subtract the penalty from XᵀX; add it. The variance that dropped inputs bring is a "
        "loss on top of the squared error.": lambda X, y, p: _ridge(
            X, y, -p / (1 - p) * _diagonal(X)
        ),
        "Your answer is plain least squares times 1 − p. A penalty with the whole matrix XᵀX comes "
        "to the same. Coins of different inputs are independent, so only its diagonal belongs "
        "there.": lambda X, y, p: (1 - p) * np.linalg.pinv(X) @ y,
        "Your matrix is singular for n < d; for n > d your answer is plain least squares times "
        "1 − p. A penalty with the whole matrix XᵀX does both; only its diagonal belongs there: "
        "coins of different inputs are independent.": lambda X, y, p: (1 - p) * _plain(X, y),
        "Your answer is plain least squares: p has no effect. Dropped inputs add noise to Xw, and "
        "its variance is the penalty.": lambda X, y, p: np.linalg.pinv(X) @ y,
        "Your matrix is singular for n < d, and for n > d your answer is plain least squares: p "
        "has no effect. The penalty is missing; it would also make the matrix "
        "regular.": lambda X, y, p: _plain(X, y),
        "That is plain ridge: every weight has the same penalty. Dropout weighs them with the "
        "diagonal of XᵀX.": lambda X, y, p: _ridge(X, y, p / (1 - p) * np.eye(X.shape[1])),
        "You add the diagonal as a vector: NumPy adds it to every row of XᵀX. Make it a diagonal "
        "matrix with a second np.diag.": lambda X, y, p: _ridge(
            X, y, p / (1 - p) * np.diag(X.T @ X)
        ),
        "You penalize with p; inverted dropout has the variance p/(1−p).": lambda X, y, p: _ridge(
            X, y, p * _diagonal(X)
        ),
        "You penalize with 1/(1−p), the mean square of the scaled mask. The square of its mean, 1, "
        "is in XᵀX already: p/(1−p) is left.": lambda X, y, p: _ridge(X, y, _diagonal(X) / (1 - p)),
        "You penalize with p(1−p), the variance of a mask of zeros and ones. Inverted dropout "
        "divides the mask by 1−p, and its variance by (1−p)².": lambda X, y, p: _ridge(
            X, y, p * (1 - p) * _diagonal(X)
        ),
        "You divide the penalty by the number of examples; XᵀX is a sum over them "
        "already.": lambda X, y, p: _ridge(X, y, p / (1 - p) * _diagonal(X) / len(X)),
        "You divide XᵀX by the number of examples, and neither the penalty nor Xᵀy. All three are "
        "sums over the examples, or all three are means.": lambda X, y, p: (
            len(X) * _ridge(X, y, len(X) * p / (1 - p) * _diagonal(X))
        ),
        "Next to XᵀX and Xᵀy your penalty is n times too large. All three are sums over the "
        "examples, or all three are means.": lambda X, y, p: _ridge(
            X, y, len(X) * p / (1 - p) * _diagonal(X)
        ),
        "Your weights are n times too large: Xᵀy is a sum over the examples, so the matrix "
        "beside w is one, too.": lambda X, y, p: len(X) * _ridge(X, y, p / (1 - p) * _diagonal(X)),
        "Your weights are n times too small: Xᵀy is a mean over the examples, so the matrix "
        "beside w must be one, too.": lambda X, y, p: (
            _ridge(X, y, p / (1 - p) * _diagonal(X)) / len(X)
        ),
        "You return the weights of original dropout, which are 1/(1−p) times as large. With "
        "inverted dropout the weights are used as they are.": _original_weights,
    },
)
