"""Judges of random transforms: what was done to each image is read back from its pixels.

The probes' images have no zero and no value twice, so that a pixel tells where it came from; the
labels of mixup are one class an image, so that a mixed label tells who was mixed, and how much.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.judges import (
    Call,
    Property,
    Unfit,
    as_part,
    exactly,
    mean_of,
    require_array,
    share,
)

Array = np.ndarray
Draw = tuple[int, int, Array]  # max_shift or size, seed, and two numbers of each image (n, 2)
_OTHER_SOURCE = (
    "two calls with equal generators gave different results: draw from `rng` only, not from "
    "np.random or a generator of your own"
)


def random_shift(calls: Sequence[Call]) -> list[Property]:
    """Judges `random_shift(images, max_shift, rng)`."""
    draws, whole, near = [], [], []
    for call in calls:
        images, most, seed = call.arguments
        shifts, good = _shifts(images, require_array(call.output, images.shape))
        draws.append((most, seed.value, shifts))
        whole.append(good)
        near.append(np.abs(shifts).max(1) <= most)
    follows = _follows_rng(draws)
    return [
        *as_part(
            "whole shifts with zeros behind",
            exactly("share of images that are their own, shifted", np.mean(_flat(whole)), 1),
            exactly("share of images within max_shift", np.mean(_flat(near)), 1),
            follows,
        ),
        *as_part(
            "a shift for every image",
            *_evenly(draws, "dx", 0, lambda most: np.arange(-most, most + 1)),
            *_evenly(draws, "dy", 1, lambda most: np.arange(-most, most + 1)),
            *_apart(draws, ("dx", "dy"), lambda most: (2 * most + 1, 2 * most + 1)),
            follows,
        ),
    ]


def cutout(calls: Sequence[Call]) -> list[Property]:
    """Judges `cutout(images, size, rng)`; all images have the same height and width."""
    draws, kept, square = [], [], []
    for call in calls:
        images, size, seed = call.arguments
        output = require_array(call.output, images.shape)
        kept.append(((output == 0) | np.isclose(output, images)).all((1, 2)))
        corners, good = _squares(output == 0, size)
        draws.append((size, seed.value, corners))
        square.append(good)
    height, width = calls[0].arguments[0].shape[1:]
    follows = _follows_rng(draws)
    return [
        *as_part(
            "a blank square, the rest untouched",
            exactly(
                "share of images with one blank square of this size", np.mean(_flat(square)), 1
            ),
            exactly("share of images untouched outside of it", np.mean(_flat(kept)), 1),
            follows,
        ),
        *as_part(
            "a place for every image",
            *_evenly(draws, "top row", 0, lambda size: np.arange(height - size + 1)),
            *_evenly(draws, "left column", 1, lambda size: np.arange(width - size + 1)),
            *_apart(draws, ("top", "left"), lambda size: (height - size + 1, width - size + 1)),
            follows,
        ),
    ]


def _shifts(images: Array, output: Array) -> tuple[Array, Array]:
    """(dx, dy) of each image, and whether the image is its own, shifted by whole pixels.

    Each pixel with ink tells where it came from; all of an image must tell the same.
    """
    n, h, w = images.shape
    order = np.argsort(images, axis=None)
    values = images.ravel()[order]
    source = order[np.searchsorted(values, output - 1e-6).clip(0, len(order) - 1)]  # (n, h, w)
    image, row, col = np.unravel_index(source, images.shape)
    ink = output != 0
    known = np.isclose(images.ravel()[source], output) & (image == np.arange(n)[:, None, None])
    moves = np.stack([np.arange(w) - col, np.arange(h)[:, None] - row], 3)  # (n, h, w, 2)
    most = np.where(ink[..., None], moves, -h * w).max((1, 2))  # (n, 2)
    least = np.where(ink[..., None], moves, h * w).min((1, 2))
    stay = (h - np.abs(most[:, 1])).clip(0) * (w - np.abs(most[:, 0])).clip(0)
    alike = (most == least).all(1) & (known | ~ink).all((1, 2)) & (ink.sum((1, 2)) == stay)
    return most, alike


def _squares(blank: Array, size: int) -> tuple[Array, Array]:
    """The upper left corner of each image's blank pixels, and whether they are such a square."""
    lines = [
        blank.sum(2) > 0,
        blank.sum(1) > 0,
    ]  # rows and columns with a blank pixel, (n, h), (n, w)
    corners = np.stack([np.where(b.sum(1) > 0, b.argmax(1), -1) for b in lines], 1)
    ends = np.stack([b.shape[1] - b[:, ::-1].argmax(1) for b in lines], 1)
    good = (ends - corners == size).all(1) & (blank.sum((1, 2)) == size**2)
    return corners, good


def _flat(lists: Sequence[Any]) -> Array:
    return np.concatenate([np.asarray(one, dtype=float) for one in lists])


def _pooled(draws: Sequence[Draw], amount: int) -> list[Array]:
    """The numbers of all draws of one amount; a seed that comes twice is counted once."""
    return list({seed: found for a, seed, found in draws if a == amount}.values())


def _amounts(draws: Sequence[Draw]) -> list[int]:
    """The amounts that enough images were drawn for."""
    amounts = dict.fromkeys(a for a, _, _ in draws)
    return [a for a in amounts if sum(map(len, _pooled(draws, a))) > 100]


def _evenly(draws: Sequence[Draw], name: str, column: int, values: Any) -> list[Property]:
    """Every value that is allowed comes equally often."""
    return [
        share(f"{name} = {v} (of {len(values(a))} values)", found == v, 1 / len(values(a)))
        for a in _amounts(draws)
        for found in [np.concatenate(_pooled(draws, a))[:, column]]
        for v in values(a)
    ]


def _apart(draws: Sequence[Draw], names: tuple[str, str], counts: Any) -> list[Property]:
    """The two numbers do not depend on each other, nor on those of the next image."""
    properties, free = [], False
    for a in _amounts(draws):
        ways, sets = counts(a), _pooled(draws, a)
        everyone = np.concatenate(sets)
        both = (everyone == np.median(everyone, 0).astype(int)).all(1)
        properties.append(share(f"both in the middle (amount {a})", both, 1 / (ways[0] * ways[1])))
        for k in (0, 1):
            pairs = np.concatenate([s[0:-1:2, k] == s[1::2, k] for s in sets])
            properties.append(share(f"{names[k]} as in the next image", pairs, 1 / ways[k]))
            free |= len({int((s[:, k] == everyone[0, k]).sum()) for s in sets}) > 1
    return [*properties, exactly("how often a value comes differs from draw to draw", free, 1)]


def _follows_rng(draws: Sequence[Draw]) -> Property:
    """Another seed gives other numbers. Raises `Unfit` where the same seed does so, too."""
    first: dict[tuple[int, int], Array] = {}
    if not all(np.array_equal(first.setdefault((a, s), found), found) for a, s, found in draws):
        raise Unfit("value", _OTHER_SOURCE)  # no known mistake can say it: it would need a state
    large = [(a, found.tobytes()) for (a, _), found in first.items() if len(found) > 10]
    return exactly("follows rng: another seed, another draw", len(set(large)) == len(large), 1)


def mixup(calls: Sequence[Call]) -> list[Property]:
    """Judges `mixup(x, y, alpha, rng)`; y is the identity matrix: each image a class of its own."""
    batches = [_read_mix(call) for call in calls]
    draws = [(round(100 * a), s, np.stack([lam, who], 1)) for a, s, who, lam, *_ in batches]
    follows = _follows_rng(draws)
    partners = np.stack([who for _, _, who, *_ in batches])
    n = partners.shape[1]
    alike = np.mean([(np.sort(who) == np.arange(n)).all() for who in partners])
    once = {(a, s): (who, lam) for a, s, who, lam, *_ in batches}
    unique = np.stack([who for who, _ in once.values()])
    return [
        *as_part(
            "partners",
            exactly("share of rows of x that mix two images", _mean(batches, 4), 1),
            exactly("share of batches in which everyone is a partner once", float(alike), 1),
            exactly("another seed: another order", _orders_differ(once), 1),
            share("share paired with the next image", unique == (np.arange(n) + 1) % n, 1 / n),
            exactly("most are mixed with another one", np.mean(unique != np.arange(n)) > 0.5, 1),
            follows,
        ),
        *as_part("weights", *_weights(once), follows),
        *as_part(
            "labels as images",
            exactly("share of mixed labels that sum to 1", _mean(batches, 6), 1),
            exactly("share of labels that name the partner", _mean(batches, 7), 1),
            exactly("share of labels mixed as their images", _mean(batches, 5), 1),
            exactly("most are mixed with another one", np.mean(unique != np.arange(n)) > 0.5, 1),
            follows,
        ),
    ]


Mixed = tuple[float, int, Array, Array, Array, Array, Array, Array]


def _orders_differ(once: dict[tuple[float, int], tuple[Array, Array]]) -> bool:
    """Whether no two seeds of one alpha give the same partners."""
    orders = [(alpha, who.tobytes()) for (alpha, _), (who, _) in once.items()]
    return len(set(orders)) == len(orders)


def _read_mix(call: Call) -> Mixed:
    """alpha, seed; then of each row: partner and weight in x, whether x is a mix, and whether y
    agrees, sums to 1, names the partner.
    """
    x, y, alpha, seed = call.arguments
    output = call.output
    if not isinstance(output, tuple) or len(output) != 2:
        missing = ": is a `return` missing?" if output is None else ""
        got = f"a tuple of {len(output)}" if isinstance(output, tuple) else type(output).__name__
        got = "None" if output is None else got
        raise Unfit("type", f"got {got}, expected two arrays (x, y), mixed{missing}")
    mixed = require_array(output[0], x.shape, what="x"), require_array(output[1], y.shape, what="y")
    who, weight, good = _unmix(x, np.asarray(mixed[0], dtype=float))
    wanted = weight[:, None] * y + (1 - weight[:, None]) * y[who]
    agree = np.isclose(mixed[1], wanted, atol=1e-6).all(1)
    whole = np.isclose(mixed[1].sum(1), 1)
    named = mixed[1][np.arange(len(x)), y[who].argmax(1)] > 1e-12
    return alpha, seed.value, who, weight, good, agree & good, whole, named


def _unmix(x: Array, mixed: Array) -> tuple[Array, Array, Array]:
    """Each row as weight · own + (1 − weight) · partner: the partner that fits best."""
    n = len(x)
    along = x[None] - x[:, None]  # (n, n, d): from own to partner
    length = (along**2).sum(2) + np.eye(n)
    step = ((mixed - x)[:, None] * along).sum(2) / length  # 1 − weight
    error = (((mixed - x)[:, None] - step[..., None] * along) ** 2).sum(2)  # (n, n)
    unmoved = error.diagonal() < 1e-18
    who = np.where(unmoved, np.arange(n), (error + np.eye(n) * 1e9).argmin(1))
    rows = np.arange(n)
    weight = 1 - step[rows, who]
    good = (error[rows, who] < 1e-12) & (weight > -1e-9) & (weight < 1 + 1e-9)
    return who, weight, good


def _mean(batches: Sequence[Mixed], item: int) -> float:
    return float(np.mean([np.asarray(batch[item]) for batch in batches]))


def _weights(once: dict[tuple[float, int], tuple[Array, Array]]) -> list[Property]:
    """Beta(α, α) has mean ½, variance 1/(4(2α + 1)), fourth central moment 3/(16(2α+1)(2α+3))."""
    properties = []
    for alpha in dict.fromkeys(a for a, _ in once):
        sets = [(who, lam) for (a, _), (who, lam) in once.items() if a == alpha]
        lam = np.concatenate([w[who != np.arange(len(who))] for who, w in sets])
        lam = lam if lam.size else np.zeros(100)  # nobody was mixed
        variance = 1 / (4 * (2 * alpha + 1))
        fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
        spread = float(np.sqrt(fourth - variance**2))
        name = f"α = {alpha:g}: "
        properties += [
            mean_of(f"{name}mean weight", lam, 0.5, std=float(np.sqrt(variance))),
            mean_of(f"{name}variance of the weights", (lam - 0.5) ** 2, variance, std=spread),
        ]
    pairs = np.concatenate([np.stack([w[0:-1:2], w[1::2]], 1) for _, w in once.values()])
    mixed = [(who != np.arange(len(who))).reshape(-1, 2).all(1) for who, _ in once.values()]
    pairs = pairs[np.concatenate(mixed)]  # whoever met itself shows no weight
    pairs = pairs if pairs.size else np.ones((100, 2))
    same = np.isclose(pairs[:, 0], pairs[:, 1], atol=1e-9).mean()
    return [
        *properties,
        share("neighbors whose weights are both below ½", np.asarray((pairs < 0.5).all(1)), 0.25),
        exactly("share of neighbors with the same weight", float(same), 0),
    ]
