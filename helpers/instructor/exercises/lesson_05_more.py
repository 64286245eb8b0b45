"""Lesson 05, the relatives and folding: its last two exercises."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_linear_bn_weights

from helpers.compare import close
from helpers.instructor.exercise import Exercise

Array = np.ndarray
Rng = np.random.Generator
NORMALIZED = close(rtol=1e-5, atol=2e-5)  # as SINGLE; a small std takes a digit more


def _group_norm(x: Array, groups: int, eps: float) -> Array:
    return F.group_norm(torch.from_numpy(x), groups, eps=eps).numpy()


def _normalize_oracle(x: Array, kind: str, groups: int, eps: float) -> Array:
    batch = torch.from_numpy(x)
    if kind == "layer":
        return F.layer_norm(batch, x.shape[1:], eps=eps).numpy()
    if kind == "instance":
        return F.instance_norm(batch, eps=eps).numpy()
    return _group_norm(x, groups, eps)


def _over(x: Array, axes: tuple[int, ...], eps: float, ddof: int = 0) -> Array:
    centered = x - x.mean(axes, keepdims=True)
    return centered / np.sqrt(x.var(axes, keepdims=True, ddof=ddof) + eps)


def _instead(kind: str, wrong: Any, x: Array, asked: str, groups: int, eps: float) -> Array:
    """Right, but for one of the three kinds."""
    return np.asarray(wrong if asked == kind else _normalize_oracle(x, asked, groups, eps))


def _interleaved(x: Array, groups: int, eps: float) -> Array:
    """Groups of every groups-th channel, in place of neighbors."""
    c = x.shape[1]
    order = np.arange(c).reshape(c // groups, groups).T.ravel()
    out = np.empty_like(x)
    out[:, order] = _group_norm(np.ascontiguousarray(x[:, order]), groups, eps)
    return out


def _unbiased(x: Array, kind: str, groups: int, eps: float) -> Array:
    sets = {"layer": 1, "instance": x.shape[1], "group": groups}[kind]
    return _over(x.reshape(len(x), sets, -1), (2,), eps, ddof=1).reshape(x.shape)


def _outside(x: Array, kind: str, groups: int, eps: float) -> Array:
    sets = {"layer": 1, "instance": x.shape[1], "group": groups}[kind]
    flat = x.reshape(len(x), sets, -1)
    centered = flat - flat.mean(2, keepdims=True)
    return (centered / (flat.std(2, keepdims=True) + eps)).reshape(x.shape)


def _changed(
    x: Array, kind: str, groups: int, eps: float, *, center: bool = True, power: float = 0.5
) -> Array:
    """Without the mean, or another power of the variance."""
    sets = {"layer": 1, "instance": x.shape[1], "group": groups}[kind]
    flat = x.reshape(len(x), sets, -1)
    mean = flat.mean(2, keepdims=True) if center else 0.0
    return ((flat - mean) / (flat.var(2, keepdims=True) + eps) ** power).reshape(x.shape)


def _channels_in_group(x: Array, groups: int, eps: float) -> Array:
    return _group_norm(x, x.shape[1] // groups, eps)


def _spatial_group(x: Array, groups: int, eps: float) -> Array:
    """Means over a group's channels, at every position."""
    n, c, h, w = x.shape
    return _over(x.reshape(n, groups, c // groups, h, w), (2,), eps).reshape(x.shape)


def _swapped(x: Array, kind: str, groups: int, eps: float) -> Array:
    other = {"layer": "instance", "instance": "layer", "group": "group"}[kind]
    return _normalize_oracle(x, other, groups, eps)


def _normalize_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(shape: tuple[int, ...], kind: str, groups: int, *, large: bool) -> tuple[Any, ...]:
        channel = rng.uniform(-3, 3, (1, shape[1], 1, 1))
        x = rng.normal(size=shape) * rng.uniform(0.5, 3, (shape[0], shape[1], 1, 1)) + channel
        eps = round(float(rng.uniform(0.3, 1.5)), 3) if large else 1e-5
        return np.round(x, 2), kind, groups, eps

    return {
        "layer": [
            probe((3, 4, 2, 3), "layer", 2, large=False),
            probe((2, 6, 1, 2), "layer", 6, large=True),
        ],
        "instance": [
            probe((2, 4, 3, 2), "instance", 2, large=False),
            probe((1, 6, 2, 2), "instance", 1, large=True),
        ],
        "group": [
            probe((2, 6, 2, 1), "group", 2, large=False),
            probe((3, 6, 1, 2), "group", 3, large=True),
            probe((1, 8, 2, 2), "group", 2, large=True),
            probe((2, 3, 2, 2), "group", 1, large=True),
            probe((2, 4, 1, 3), "group", 4, large=True),
        ],
    }


NORMALIZE = Exercise(
    id="05.5",
    title="Layer, instance and group normalization",
    function="normalize",
    points=2,
    oracle=_normalize_oracle,
    compare=NORMALIZED,
    probes=_normalize_probes,
    mistakes={
        'For "layer" you normalize over the channels at every pixel, as transformers do. Here one '
        "mean belongs to a whole image: channels, height and width.": lambda x, k, g, e: _instead(
            "layer", _over(x, (1,), e), x, k, g, e
        ),
        'For "instance" you average over the images, too: that is batch normalization. Every '
        "channel of every image has its own mean.": lambda x, k, g, e: _instead(
            "instance", _over(x, (0, 2, 3), e), x, k, g, e
        ),
        "Your groups take every groups-th channel. A group is made of neighbors: with 6 channels "
        "and 2 groups, channels 0 to 2 and 3 to 5.": lambda x, k, g, e: _instead(
            "group", _interleaved(x, g, e), x, k, g, e
        ),
        "You took `groups` for the number of channels in a group; it is the number of "
        "groups.": lambda x, k, g, e: _instead("group", _channels_in_group(x, g, e), x, k, g, e),
        'For "group" you leave out height and width: the mean is over a group\'s channels *and* '
        "all pixels.": lambda x, k, g, e: _instead("group", _spatial_group(x, g, e), x, k, g, e),
        "You use `groups` for every kind. Layer normalization has one set per image, "
        "instance normalization one per channel.": lambda x, k, g, e: _group_norm(x, g, e),
        "You divide the variance by one less than the number of values; all normalizations use "
        "the biased variance.": _unbiased,
        "Your ε is outside of the root.": _outside,
        "You forgot ε.": lambda x, k, g, e: _changed(x, k, g, 0.0),
        "You divide by the variance; divide by its root.": lambda x, k, g, e: _changed(
            x, k, g, e, power=1
        ),
        "You do not subtract the mean of the set.": lambda x, k, g, e: _changed(
            x, k, g, e, center=False
        ),
        'For "layer" you average over the images, too. Every image has its own mean and '
        "variance.": lambda x, k, g, e: _instead("layer", _over(x, (0, 1, 2, 3), e), x, k, g, e),
        'You swapped "layer" and "instance".': _swapped,
    },
)

# --- folding -----------------------------------------------------------------------------------


def _fold_oracle(
    W: Array, b: Array, gamma: Array, beta: Array, mean: Array, var: Array, eps: float
) -> tuple[Array, Array]:
    tensors = [torch.from_numpy(np.array(a)) for a in (W.T, b, mean, var, gamma, beta)]
    weight, bias, *rest = tensors
    folded, shift = fuse_linear_bn_weights(weight, bias, rest[0], rest[1], eps, rest[2], rest[3])
    return folded.detach().numpy().T.copy(), shift.detach().numpy().copy()


def _with_scale(scale: Array, W: Array, b: Array, beta: Array, mean: Array) -> tuple[Any, Any]:
    return W * scale, (b - mean) * scale + beta


def _scaled_rows(
    W: Array, b: Array, gamma: Array, beta: Array, mean: Array, var: Array, eps: float
) -> tuple[Array, Array]:
    _, bias = _fold_oracle(W, b, gamma, beta, mean, var, eps)
    return (gamma / np.sqrt(var + eps))[:, None] * W, bias


def _scaled_rows_if_square(W: Array, *rest: Any) -> tuple[Array, Array]:
    """A layout that is guessed from the shape: right, but for as many units as inputs."""
    return (_scaled_rows if W.shape[0] == W.shape[1] else _fold_oracle)(W, *rest)


def _scaled_by_matrix(
    W: Array, b: Array, gamma: Array, beta: Array, mean: Array, var: Array, eps: float
) -> tuple[Array, Array]:
    _, bias = _fold_oracle(W, b, gamma, beta, mean, var, eps)
    return np.diag(gamma / np.sqrt(var + eps)) @ W, bias


def _another_bias(
    bias: Any, W: Array, b: Array, g: Array, beta: Array, m: Array, v: Array, e: float
) -> tuple[Array, Array]:
    folded, _ = _fold_oracle(W, b, g, beta, m, v, e)
    return folded, bias(b, g / np.sqrt(v + e), beta, m)


def _fold_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(fan_in: int, fan_out: int, *, large: bool) -> tuple[Any, ...]:
        def draw(low: float, high: float, *shape: int) -> Array:
            return np.round(rng.uniform(low, high, shape) * rng.choice([-1, 1], shape), 3)

        W, b = draw(0.2, 2, fan_in, fan_out), draw(0.5, 2, fan_out)
        gamma, beta, mean = draw(0.4, 0.9, fan_out), draw(1.2, 3, fan_out), draw(3.5, 6, fan_out)
        eps = round(float(rng.uniform(0.3, 1.5)), 3) if large else 1e-5
        return W, b, gamma, beta, mean, np.round(rng.uniform(1.5, 6, fan_out), 3), eps

    return {
        "a small ε": [probe(4, 3, large=False), probe(2, 5, large=False)],
        "a large ε": [probe(3, 3, large=True), probe(1, 4, large=True), probe(4, 1, large=True)],
    }


FOLD_BATCH_NORM = Exercise(
    id="05.6",
    title="Folding into the layer before",
    function="fold_batch_norm",
    points=1,
    oracle=_fold_oracle,
    compare=NORMALIZED,
    probes=_fold_probes,
    mistakes={
        "The running mean has the wrong sign in your bias: it is subtracted.": (
            lambda *a: _another_bias(lambda b, s, beta, m: (b + m) * s + beta, *a)
        ),
        "You divide by the running variance; divide by the root of running_var + ε.": (
            lambda W, b, g, beta, m, v, e: _with_scale(g / (v + e), W, b, beta, m)
        ),
        "Your new bias forgets the old one: (bias − running_mean) is scaled, then β is added.": (
            lambda *a: _another_bias(lambda b, s, beta, m: beta - m * s, *a)
        ),
        "You add the old bias without scaling it: γ/√(running_var + ε) multiplies all that the "
        "layer gave, the bias as well.": (
            lambda *a: _another_bias(lambda b, s, beta, m: b - m * s + beta, *a)
        ),
        "You do not scale the running mean: it is subtracted before the scaling, so write "
        "(bias − running_mean) · scale + β.": (
            lambda *a: _another_bias(lambda b, s, beta, m: b * s - m + beta, *a)
        ),
        "You do not subtract the running mean: write (bias − running_mean) · scale + β.": (
            lambda *a: _another_bias(lambda b, s, beta, m: b * s + beta, *a)
        ),
        "You scale β as well: it is added after the scaling, (bias − running_mean) · scale + β.": (
            lambda *a: _another_bias(lambda b, s, beta, m: (b - m + beta) * s, *a)
        ),
        "You forgot β in the new bias.": (
            lambda *a: _another_bias(lambda b, s, beta, m: (b - m) * s, *a)
        ),
        "You scale the rows of the weights. Here h @ weight, so the outputs are its "
        "columns.": _scaled_rows,
        "You leave the weights as they are: they are scaled as well, by γ / √(running_var + ε).": (
            lambda W, *rest: (W.copy(), _fold_oracle(W, *rest)[1])
        ),
        "You subtract the old bias from the mean: it is bias − running_mean.": (
            lambda *a: _another_bias(lambda b, s, beta, m: (m - b) * s + beta, *a)
        ),
        "Where weight is square you scale its rows. A unit's weights are a column, whatever the "
        "shape: weight · scale.": _scaled_rows_if_square,
        "You multiply the diagonal matrix from the left, which scales rows. The outputs are "
        "columns: weight @ diag, or weight · scale.": _scaled_by_matrix,
        "Your ε is outside of the root.": lambda W, b, g, beta, m, v, e: _with_scale(
            g / (np.sqrt(v) + e), W, b, beta, m
        ),
        "You forgot ε.": lambda W, b, g, beta, m, v, e: _with_scale(g / np.sqrt(v), W, b, beta, m),
        "You forgot γ.": lambda W, b, g, beta, m, v, e: _with_scale(
            1 / np.sqrt(v + e), W, b, beta, m
        ),
    },
)
