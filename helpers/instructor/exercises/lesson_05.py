"""Lesson 05, batch normalization and its relatives: its exercises."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises.lesson_05_more import FOLD_BATCH_NORM, NORMALIZE, NORMALIZED

Array = np.ndarray
Rng = np.random.Generator


def _t(*arrays: Array) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(a, dtype=np.float64)) for a in arrays]


def _normal(rng: Rng, *shape: int) -> Array:
    """Numbers with few digits (the probes are stored as text), every feature with its own scale."""
    spread = rng.uniform(0.5, 3, shape[-1:])
    return np.round(rng.normal(size=shape) * spread + rng.uniform(-4, 4, shape[-1:]), 3)


def _scales(rng: Rng, d: int) -> tuple[Array, Array]:
    """γ and β: never 0, 1 or equal to each other, of both signs."""
    signs = rng.choice([-1, 1], d)
    return signs * np.round(rng.uniform(0.4, 0.9, d), 3), np.round(rng.uniform(1.5, 3, d), 3)


def _eps(rng: Rng, *, large: bool = True) -> float:
    return round(float(rng.uniform(0.3, 1.5)), 3) if large else 1e-5


# --- forward, training -------------------------------------------------------------------------


def _train_oracle(x: Array, gamma: Array, beta: Array, eps: float) -> Array:
    """Instance normalization of one image whose channels are the features: batches of 1, too."""
    columns = _t(x.T[None])[0]  # (1, d, n)
    if len(x) == 1:  # torch refuses: the variance of one value is 0, the output is β
        return np.broadcast_to(beta, x.shape).copy()
    scale, shift = _t(gamma, beta)
    out = F.instance_norm(columns, weight=scale, bias=shift, eps=eps)
    return out[0].T.numpy().copy()


def _train_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, d: int, *, large: bool) -> tuple[Any, ...]:
        return (_normal(rng, n, d), *_scales(rng, d), _eps(rng, large=large))

    def still(n: int, d: int, *, large: bool) -> tuple[Any, ...]:
        """One feature is the same in the whole batch: quarters, whose mean is exact."""
        drawn = probe(n, d, large=large)
        drawn[0][:, 1] = np.round(4 * drawn[0][0, 1]) / 4
        return drawn

    return {
        "a small ε": [probe(6, 3, large=False), probe(3, 5, large=False)],
        "a large ε": [probe(4, 2, large=True), probe(2, 6, large=True), probe(4, 1, large=True)],
        "a batch of one, a constant feature": [
            *(probe(1, 4, large=large) for large in (True, False)),
            *(still(5, 3, large=large) for large in (True, False)),
        ],
    }


BATCH_NORM_TRAIN = Exercise(
    id="05.1",
    title="The transform, in training",
    function="batch_norm_train",
    points=1,
    oracle=_train_oracle,
    compare=NORMALIZED,
    probes=_train_probes,
    mistakes={
        "You divide the variance by n − 1. Inside the transform batch normalization uses the "
        "biased variance, divided by n.": lambda x, g, b, e: (
            g * (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + e) + b
        ),
        "Your ε is outside of the root: it belongs to the variance, √(σ² + ε).": (
            lambda x, g, b, e: g * (x - x.mean(0)) / (x.std(0) + e) + b
        ),
        "You normalize over the features of each example. That is layer normalization; the "
        "statistics of batch normalization are over the batch, one for each "
        "feature.": lambda x, g, b, e: (
            g * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + e) + b
        ),
        "You use one mean and one variance for all features: every feature has its "
        "own.": lambda x, g, b, e: g * (x - x.mean()) / np.sqrt(x.var() + e) + b,
        "You divide by the variance; divide by its root.": lambda x, g, b, e: (
            g * (x - x.mean(0)) / (x.var(0) + e) + b
        ),
        "You add ε to the standard deviation and take the root of that. Under the root stands the "
        "variance: √(σ² + ε).": lambda x, g, b, e: g * (x - x.mean(0)) / np.sqrt(x.std(0) + e) + b,
        "Your ε is 1e-5, whatever `eps` says.": lambda x, g, b, e: _train_oracle(x, g, b, 1e-5),
        "You do not subtract the mean of the batch.": lambda x, g, b, e: (
            g * x / np.sqrt(x.var(0) + e) + b
        ),
        "You swapped γ and β: γ multiplies, β is added.": lambda x, g, b, e: _train_oracle(
            x, b, g, e
        ),
        "You multiply by γ after β was added: out = γ·x̂ + β.": lambda x, g, b, e: (
            g * (_train_oracle(x, np.ones_like(g), np.zeros_like(b), e) + b)
        ),
        "You forgot ε.": lambda x, g, b, e: g * (x - x.mean(0)) / x.std(0) + b,
        "You left out γ and β: the output is γ·x̂ + β.": lambda x, g, b, e: (
            (x - x.mean(0)) / np.sqrt(x.var(0) + e)
        ),
        "You forgot γ: the output is γ·x̂ + β.": lambda x, g, b, e: _train_oracle(
            x, np.ones_like(g), b, e
        ),
        "You forgot β: the output is γ·x̂ + β.": lambda x, g, b, e: _train_oracle(
            x, g, np.zeros_like(b), e
        ),
        "Parentheses are missing: only the mean is divided by the root. Write "
        "(x − mean) / √(var + ε).": lambda x, g, b, e: (
            g * x - x.mean(0) / np.sqrt(x.var(0) + e) + b
        ),
        "You take the statistics over axis 1, the features. Batch normalization takes them over "
        "the batch, axis 0: one mean and one variance for each feature.": lambda x, g, b, e: (
            g * (x - x.mean(1)) / np.sqrt(x.var(1) + e) + b
        ),
    },
)

# --- running statistics ------------------------------------------------------------------------


def _running_oracle(mean: Array, var: Array, x: Array, momentum: float) -> tuple[Array, Array]:
    layer = torch.nn.BatchNorm1d(x.shape[1], momentum=momentum).double()
    assert layer.running_mean is not None
    assert layer.running_var is not None
    old_mean, old_var, batch = _t(mean, var, x)
    layer.running_mean.copy_(old_mean)
    layer.running_var.copy_(old_var)
    layer(batch)
    return layer.running_mean.numpy().copy(), layer.running_var.numpy().copy()


def _running_with(
    mean: Array, var: Array, batch_mean: Array, batch_var: Array, momentum: float
) -> tuple[Array, Array]:
    return mean + momentum * (batch_mean - mean), var + momentum * (batch_var - var)


def _changed_in_place(mean: Array, var: Array, x: Array, momentum: float) -> tuple[Array, Array]:
    new = _running_oracle(mean, var, x, momentum)
    mean[:], var[:] = new
    return new


def _running_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, d: int, momentum: float) -> tuple[Any, ...]:
        mean, var = np.round(rng.normal(0, 3, d), 3), np.round(rng.uniform(0.2, 6, d), 3)
        return mean, var, _normal(rng, n, d), momentum

    middle = round(float(rng.uniform(0.55, 0.9)), 2)
    return {
        "PyTorch's default": [probe(7, 3, 0.1), probe(3, 5, 0.1)],
        "another momentum": [
            probe(5, 2, middle),
            probe(2, 4, round(1.2 - middle, 2)),
            probe(4, 3, 1.0),  # the past is forgotten
            probe(6, 1, middle),
        ],
    }


UPDATE_RUNNING = Exercise(
    id="05.2",
    title="Running statistics",
    function="update_running",
    points=1,
    oracle=_running_oracle,
    compare=NORMALIZED,
    probes=_running_probes,
    mistakes={
        "Your batch variance is divided by n. The running one estimates the variance of the data, "
        "so it averages the unbiased ones, divided by n − 1.": lambda m, v, x, a: _running_with(
            m, v, x.mean(0), x.var(0), a
        ),
        "Your momentum is reversed. In PyTorch it is the weight of the new batch, 0.1; in Keras "
        "that of the past, 0.99.": lambda m, v, x, a: _running_oracle(m, v, x, 1 - a),
        "Your momentum is reversed, and your batch variance is divided by n. Momentum is the "
        "weight of the new batch, and the running variance averages unbiased ones (n − 1).": (
            lambda m, v, x, a: _running_with(m, v, x.mean(0), x.var(0), 1 - a)
        ),
        "Your momentum is 0.1, whatever `momentum` says.": lambda m, v, x, a: _running_oracle(
            m, v, x, 0.1
        ),
        "For the variance your momentum is reversed; it is the weight of the new batch there, "
        "too.": lambda m, v, x, a: (
            _running_oracle(m, v, x, a)[0],
            _running_oracle(m, v, x, 1 - a)[1],
        ),
        "Your running variance averages standard deviations; average variances.": (
            lambda m, v, x, a: _running_with(m, v, x.mean(0), x.std(0, ddof=1), a)
        ),
        "You average standard deviations and square the average, which is less than the average of "
        "the squares. Average the variances themselves.": lambda m, v, x, a: (
            m + a * (x.mean(0) - m),
            ((1 - a) * np.sqrt(v) + a * x.std(0, ddof=1)) ** 2,
        ),
        "You apply n/(n − 1) twice: the variance with ddof=1 is unbiased already.": (
            lambda m, v, x, a: _running_with(
                m, v, x.mean(0), x.var(0, ddof=1) * len(x) / (len(x) - 1), a
            )
        ),
        "You take the variance around the running mean; take it around the batch's own "
        "mean.": lambda m, v, x, a: _running_with(
            m, v, x.mean(0), ((x - m) ** 2).sum(0) / (len(x) - 1), a
        ),
        "You return the statistics of the batch: they must be averaged with the running "
        "ones.": lambda m, v, x, a: (x.mean(0), x.var(0, ddof=1)),
        "Your statistics are over the features of each example; average over the batch, "
        "axis 0.": lambda m, v, x, a: _running_with(m, v, x.mean(1), x.var(1, ddof=1), a),
        "You change running_mean and running_var in place; return new arrays.": _changed_in_place,
        "You use one mean and one variance for all features: every feature has its own, "
        "axis 0.": lambda m, v, x, a: _running_with(m, v, x.mean(), x.var(ddof=1), a),
        "You add the batch's statistics and keep all of the past: it keeps only the weight "
        "1 − momentum.": lambda m, v, x, a: (m + a * x.mean(0), v + a * x.var(0, ddof=1)),
        "Your factor is upside down: the unbiased variance is the biased one times n/(n − 1), so "
        "it is larger.": lambda m, v, x, a: _running_with(
            m, v, x.mean(0), x.var(0) * (len(x) - 1) / len(x), a
        ),
        "You swapped the two: return (mean, variance).": lambda m, v, x, a: _running_oracle(
            m, v, x, a
        )[::-1],
    },
)

# --- eval mode ---------------------------------------------------------------------------------


def _eval_oracle(x: Array, g: Array, b: Array, mean: Array, var: Array, eps: float) -> Array:
    batch, scale, shift, m, v = _t(x, g, b, mean, var)
    return F.batch_norm(batch, m, v, scale, shift, training=False, eps=eps).numpy()


def _eval_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, d: int, *, large: bool) -> tuple[Any, ...]:
        mean, var = np.round(rng.normal(0, 3, d), 3), np.round(rng.uniform(0.2, 6, d), 3)
        return (_normal(rng, n, d), *_scales(rng, d), mean, var, _eps(rng, large=large))

    still = probe(4, 3, large=True)
    still[4][1] = 0  # a feature that has never varied
    return {
        "batches": [
            probe(6, 3, large=False),
            probe(3, 5, large=True),
            probe(4, 1, large=True),
            still,
        ],
        "a single example": [probe(1, 4, large=True), probe(1, 2, large=False)],
    }


BATCH_NORM_EVAL = Exercise(
    id="05.3",
    title="The transform, in use",
    function="batch_norm_eval",
    points=1,
    oracle=_eval_oracle,
    compare=NORMALIZED,
    probes=_eval_probes,
    mistakes={
        "You use the batch's own mean and variance. In eval mode the output of an example must "
        "not depend on its neighbors: use the running ones.": lambda x, g, b, m, v, e: (
            _train_oracle(x, g, b, e)
        ),
        "You divide by the running variance; divide by its root.": lambda x, g, b, m, v, e: (
            g * (x - m) / (v + e) + b
        ),
        "Your ε is outside of the root: √(running_var + ε).": lambda x, g, b, m, v, e: (
            g * (x - m) / (np.sqrt(v) + e) + b
        ),
        "You forgot ε.": lambda x, g, b, m, v, e: g * (x - m) / np.sqrt(v) + b,
        "Parentheses are missing: only the mean is divided by the root. Write "
        "(x − running_mean) / √(running_var + ε).": lambda x, g, b, m, v, e: (
            g * x - m / np.sqrt(v + e) + b
        ),
        "You forgot γ: the output is γ·x̂ + β.": lambda x, g, b, m, v, e: _eval_oracle(
            x, np.ones_like(g), b, m, v, e
        ),
        "Your ε is 1e-5, whatever `eps` says.": lambda x, g, b, m, v, e: _eval_oracle(
            x, g, b, m, v, 1e-5
        ),
        "You use the running mean with the batch's own variance; both are the running "
        "ones.": lambda x, g, b, m, v, e: g * (x - m) / np.sqrt(x.var(0) + e) + b,
        "You use the batch's own mean with the running variance; both are the running "
        "ones.": lambda x, g, b, m, v, e: g * (x - x.mean(0)) / np.sqrt(v + e) + b,
        "You left out γ and β: they belong to eval mode as well.": lambda x, g, b, m, v, e: (
            (x - m) / np.sqrt(v + e)
        ),
        "You swapped γ and β: γ multiplies, β is added.": lambda x, g, b, m, v, e: _eval_oracle(
            x, b, g, m, v, e
        ),
        "You multiply by γ after β was added: out = γ·x̂ + β.": lambda x, g, b, m, v, e: (
            g * ((x - m) / np.sqrt(v + e) + b)
        ),
        "You forgot β: the output is γ·x̂ + β.": lambda x, g, b, m, v, e: (
            g * (x - m) / np.sqrt(v + e)
        ),
    },
)

# --- backward ----------------------------------------------------------------------------------


def _backward_oracle(
    grad_out: Array, x: Array, gamma: Array, eps: float
) -> tuple[Array, Array, Array]:
    upstream, batch, scale = _t(grad_out, x, gamma)
    batch.requires_grad_()
    scale.requires_grad_()
    shift = torch.zeros_like(scale, requires_grad=True)
    out = F.batch_norm(batch, None, None, scale, shift, training=True, eps=eps)
    dx, dgamma, dbeta = torch.autograd.grad(out, (batch, scale, shift), upstream)
    return dx.numpy(), dgamma.numpy(), dbeta.numpy()


def _hat(x: Array, eps: float, ddof: int = 0) -> tuple[Array, Array]:
    std = np.sqrt(x.var(0, ddof=ddof) + eps)
    return (x - x.mean(0)) / std, std


def _with_dx(kind: str, g: Array, x: Array, gamma: Array, eps: float) -> Any:
    """The right gradients of γ and β beside a dx in which a part is missing."""
    _, dgamma, dbeta = _backward_oracle(g, x, gamma, eps)
    x_hat, std = _hat(x, eps)
    centered = g - g.mean(0)
    dx = {
        "constants": gamma / std * g,
        "constant variance": gamma / std * centered,
        "no mean": gamma / std * (g - x_hat * (g * x_hat).mean(0)),
        "sign": gamma / std * (centered + x_hat * (g * x_hat).mean(0)),
        "no gamma": (centered - x_hat * (g * x_hat).mean(0)) / std,
        "sums": gamma / std * (g - dbeta - x_hat * dgamma),
        "variance": gamma / std**2 * (centered - x_hat * (g * x_hat).mean(0)),
        "no std": gamma * (centered - x_hat * (g * x_hat).mean(0)),
        "both signs": gamma / std * (g + g.mean(0) + x_hat * (g * x_hat).mean(0)),
        "not normalized": gamma / std * (centered - x_hat * std * (g * x_hat).mean(0)),
    }[kind]
    return dx, dgamma, dbeta


def _unbiased_backward(g: Array, x: Array, gamma: Array, eps: float, *, less: int) -> Any:
    """From another variance; the last term divides by n − less."""
    x_hat, std = _hat(x, eps, ddof=1)
    dgamma = (g * x_hat).sum(0)
    dx = gamma / std * (g - g.mean(0) - x_hat * dgamma / (len(x) - less))
    return dx, dgamma, g.sum(0)


def _without_eps(g: Array, x: Array, gamma: Array, eps: float) -> Any:
    x_hat, std = _hat(x, 0.0)  # torch refuses ε = 0
    dgamma = (g * x_hat).sum(0)
    return gamma / std * (g - g.mean(0) - x_hat * dgamma / len(x)), dgamma, g.sum(0)


def _two_stds(
    g: Array, x: Array, gamma: Array, eps: float, *, hat: float, factor: float, outside: float = 0.0
) -> Any:
    """With an ε of its own in x̂ and in the factor γ/std, and one that is added to both roots."""
    x_hat = (x - x.mean(0)) / (np.sqrt(x.var(0) + hat) + outside)
    dgamma, dbeta = (g * x_hat).sum(0), g.sum(0)
    std = np.sqrt(x.var(0) + factor) + outside
    return gamma / std * (g - dbeta / len(x) - x_hat * dgamma / len(x)), dgamma, dbeta


def _reworked(change: Any, g: Array, x: Array, gamma: Array, eps: float) -> Any:
    return change(*_backward_oracle(g, x, gamma, eps))


def _backward_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, d: int, *, large: bool) -> tuple[Any, ...]:
        gamma, _ = _scales(rng, d)
        grad = np.round(rng.normal(size=(n, d)) + rng.uniform(-2, 2, d), 3)
        return grad, _normal(rng, n, d), gamma, _eps(rng, large=large)

    still = probe(4, 3, large=True)
    still[1][:, 2] = np.round(4 * still[1][0, 2]) / 4  # the same in the whole batch
    return {
        "a small ε": [probe(6, 3, large=False), probe(3, 5, large=False)],
        "a large ε": [
            probe(5, 2, large=True),
            probe(2, 4, large=True),
            probe(4, 1, large=True),
            still,
        ],
    }


BATCH_NORM_BACKWARD = Exercise(
    id="05.4",
    title="The way back",
    function="batch_norm_backward",
    points=2,
    oracle=_backward_oracle,
    compare=NORMALIZED,
    probes=_backward_probes,
    mistakes={
        "You treat mean and variance as constants. They depend on x, too: every example moves the "
        "statistics that all others are normalized with.": lambda g, x, w, e: _with_dx(
            "constants", g, x, w, e
        ),
        "You treat the variance as a constant: the term with x̂ · mean(grad_out · x̂) is "
        "missing, or 0 (as a product of two means is: the mean of x̂ is 0).": (
            lambda g, x, w, e: _with_dx("constant variance", g, x, w, e)
        ),
        "You treat the mean as a constant: the term mean(grad_out) is missing.": (
            lambda g, x, w, e: _with_dx("no mean", g, x, w, e)
        ),
        "The term with x̂ · mean(grad_out · x̂) has the wrong sign: both terms are taken away from "
        "grad_out.": lambda g, x, w, e: _with_dx("sign", g, x, w, e),
        "Both terms have the wrong sign: they are taken away from grad_out.": (
            lambda g, x, w, e: _with_dx("both signs", g, x, w, e)
        ),
        "You forgot 1/std in the gradient of x: the factor is γ / √(σ² + ε).": (
            lambda g, x, w, e: _with_dx("no std", g, x, w, e)
        ),
        "You forgot γ in the gradient of x.": lambda g, x, w, e: _with_dx("no gamma", g, x, w, e),
        "In the gradient of x you subtract sums over the batch where means belong: divide by "
        "n.": lambda g, x, w, e: _with_dx("sums", g, x, w, e),
        "Your variance is divided by n − 1 (ddof=1); the transform uses the biased one, divided by "
        "n.": lambda g, x, w, e: _unbiased_backward(g, x, w, e, less=0),
        "Your variance is divided by n − 1, and so is your mean of grad_out · x̂. The transform "
        "divides by n.": lambda g, x, w, e: _unbiased_backward(g, x, w, e, less=1),
        "You forgot ε: x̂ and std are those of the transform, √(σ² + ε).": _without_eps,
        "Your x̂ has its ε, the factor γ/std has not: both divide by √(σ² + ε), or a feature that "
        "does not vary divides by 0.": lambda g, x, w, e: _two_stds(g, x, w, e, hat=e, factor=0.0),
        "Your factor γ/std has its ε, x̂ has not: both divide by √(σ² + ε), or a feature that does "
        "not vary divides 0 by 0.": lambda g, x, w, e: _two_stds(g, x, w, e, hat=0.0, factor=e),
        "Your ε is outside of the root: it belongs to the variance, √(σ² + ε).": (
            lambda g, x, w, e: _two_stds(g, x, w, e, hat=0.0, factor=0.0, outside=e)
        ),
        "You divide by the variance; the factor is γ/√(σ² + ε).": lambda g, x, w, e: _with_dx(
            "variance", g, x, w, e
        ),
        "Your last term has x − μ where x̂ belongs.": lambda g, x, w, e: _with_dx(
            "not normalized", g, x, w, e
        ),
        "You multiplied the gradient of γ by γ: y = γ·x̂ + β, so it is the sum of "
        "grad_out · x̂.": lambda g, x, w, e: _reworked(
            lambda dx, dg, db: (dx, w * dg, db), g, x, w, e
        ),
        "You swapped the gradients of γ and β.": lambda g, x, w, e: _reworked(
            lambda dx, dg, db: (dx, db, dg), g, x, w, e
        ),
        "Your gradients of γ and β are means over the batch; every example adds its part, so they "
        "are sums.": lambda g, x, w, e: _reworked(
            lambda dx, dg, db: (dx, dg / len(x), db / len(x)), g, x, w, e
        ),
        "Your gradient of γ uses x; γ multiplies the normalized x̂.": lambda g, x, w, e: _reworked(
            lambda dx, dg, db: (dx, (g * x).sum(0), db), g, x, w, e
        ),
    },
)

LESSON = Lesson(
    number="05",
    name="batch_norm",
    title="Batch normalization and its relatives",
    minutes=130,
    exercises=(
        BATCH_NORM_TRAIN,
        UPDATE_RUNNING,
        BATCH_NORM_EVAL,
        BATCH_NORM_BACKWARD,
        NORMALIZE,
        FOLD_BATCH_NORM,
    ),
    written=(
        Written(
            id="05.w",
            title="A bias before batch normalization",
            rubric={
                "Shows that the output does not depend on the bias (the batch mean takes it away), "
                "and that its gradient, the sum of the gradients of x over the batch, is 0": 1,
                "Says what follows: leave the bias out, β takes its place; and where the argument "
                "ends (eval mode, or the bias of the next layer)": 1,
            },
        ),
    ),
)
