"""Judges of random transforms: what was done to each image is read back from its pixels.

The probes' images have no zero and no value twice, so that a pixel tells where it came from; the
labels of mixup are one class an image, so that a mixed label tells who was mixed, and how much.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.judges import (
    ONE_DRAW,
    OTHER_SOURCE,
    Call,
    Property,
    Unfit,
    as_part,
    exactly,
    farthest,
    mean_of,
    products_by_distance,
    require_array,
    require_pair,
    share,
    spread_of,
)

Array = np.ndarray
Draw = tuple[int, int, Array]  # max_shift or size, seed, and two numbers of each image (n, 2)
Spans = Callable[[int], tuple[range, range]]  # of an amount, the values of the two numbers


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

    def spans(most: int) -> tuple[range, range]:
        return range(-most, most + 1), range(-most, most + 1)

    return [
        *as_part(
            "whole shifts with zeros behind",
            exactly("share of images that are their own, shifted", np.mean(_flat(whole)), 1),
            exactly("share of images within max_shift", np.mean(_flat(near)), 1),
            follows,
        ),
        *as_part(
            "a shift for every image",
            *_evenly(draws, ("dx", "dy"), spans),
            *_apart(draws, ("dx", "dy"), spans),
            *_each_its_own(draws, spans),
            follows,
        ),
    ]


def cutout(calls: Sequence[Call]) -> list[Property]:
    """Judges `cutout(images, size, rng)`; sizes with many images have the first call's shape."""
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

    def spans(size: int) -> tuple[range, range]:
        return range(height - size + 1), range(width - size + 1)

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
            *_evenly(draws, ("top row", "left column"), spans),
            *_apart(draws, ("top", "left"), spans),
            *_each_its_own(draws, spans),
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


def _evenly(draws: Sequence[Draw], names: tuple[str, str], spans: Spans) -> list[Property]:
    """Every value that is allowed comes equally often."""
    return [
        share(f"{names[k]} = {v} (of {len(values)} values)", found[:, k] == v, 1 / len(values))
        for k in (0, 1)
        for a in _amounts(draws)
        for found in [np.concatenate(_pooled(draws, a))]
        for values in [spans(a)[k]]
        for v in values
    ]


def _apart(draws: Sequence[Draw], names: tuple[str, str], spans: Spans) -> list[Property]:
    """The two numbers do not depend on each other, nor on those of the next image."""
    properties, free = [], False
    for a in _amounts(draws):
        ways, sets = [len(values) for values in spans(a)], _pooled(draws, a)
        everyone = np.concatenate(sets)
        both = (everyone == np.median(everyone, 0).astype(int)).all(1)
        properties.append(share(f"both in the middle (amount {a})", both, 1 / (ways[0] * ways[1])))
        for k in (0, 1):
            pairs = np.concatenate([s[0:-1:2, k] == s[1::2, k] for s in sets])
            properties.append(share(f"{names[k]} as in the next image", pairs, 1 / ways[k]))
            free |= len({int((s[:, k] == everyone[0, k]).sum()) for s in sets}) > 1
    return [*properties, exactly("how often a value comes differs from draw to draw", free, 1)]


def _each_its_own(draws: Sequence[Draw], spans: Spans) -> list[Property]:
    """No image depends on another one of its batch, next to it or not, nor on its place there."""
    squares = sums = 0.0
    cells = batches = 0
    for a in _amounts(draws):
        one, other = spans(a)
        ways = len(one) * len(other)
        for found in _pooled(draws, a):
            cell = (found[:, 0] - one[0]) * len(other) + found[:, 1] - other[0]
            counts = np.bincount(cell.clip(0, ways - 1), minlength=ways)
            squares += float(np.square(counts - len(found) / ways).sum()) * ways / len(found)
            sums += float(np.square(_standardized(found, spans(a)).sum(0)).sum()) / len(found)
            cells, batches = cells + ways - 1, batches + 1
    return [
        spread_of("scatter of how often each pair comes in a batch", squares, dof=cells),
        spread_of("scatter of a batch's mean", sums, dof=2 * batches),
        _correlation(draws, spans),
        exactly("images that get the same in every batch", _never_moved(draws), 0),
    ]


def _standardized(found: Array, spans: tuple[range, range]) -> Array:
    """Both numbers less their mean, over their std, if all values are equally likely."""
    middle = np.array([(values[0] + values[-1]) / 2 for values in spans])
    spread = np.array([np.sqrt((len(values) ** 2 - 1) / 12) for values in spans])
    return np.asarray((found - middle) / spread)


def _correlation(draws: Sequence[Draw], spans: Spans) -> Property:
    """The correlation of images at the distance where it is largest, in standard errors.

    Where a distance and its opposite are the same every pair is counted twice: √2 of these errors.
    """
    errors = []
    for a in _amounts(draws):
        z = _standardized(np.stack(_pooled(draws, a)), spans(a))  # (S, n, 2)
        own = products_by_distance(np.concatenate([z[..., 0], z[..., 1]])) / np.sqrt(z.size)
        waves = np.fft.fft(z, axis=1)
        crossed = np.fft.ifft((waves[..., 0] * waves[..., 1].conj()).sum(0)).real
        errors += [own, crossed / np.sqrt(z.size / 2)]
    name = "correlation of images at the distance where it is largest, in standard errors"
    return farthest(name, np.concatenate(errors), std=1)


def _never_moved(draws: Sequence[Draw]) -> int:
    """How many places, from the first or from the last one, have one result in all batches."""
    still = []
    for a in _amounts(draws):
        sets = np.stack(_pooled(draws, a))  # (S, n, 2)
        still.append((sets == sets[0]).all((0, 2)))
    shortest = min(map(len, still))
    ends = np.array([s[:shortest] for s in still]), np.array([s[-shortest:] for s in still])
    return sum(int(end.all(0).sum()) for end in ends)


def _follows_rng(draws: Sequence[Draw]) -> Property:
    """Another seed gives other numbers.

    Raises `Unfit` where the same seed does so, too, and where none does, though the images of a
    batch differ.
    """
    first: dict[tuple[int, int], Array] = {}
    if not all(np.array_equal(first.setdefault((a, s), found), found) for a, s, found in draws):
        raise Unfit("value", OTHER_SOURCE)  # no known mistake can say it: it would need a state
    many = {of: found for of, found in first.items() if len(found) >= 10}
    large = [(a, found.tobytes()) for (a, _), found in many.items()]
    fixed = len(set(large)) == len({a for a, _ in many}) < len(many)
    if fixed and any((found != found[0]).any() for found in many.values()):
        raise Unfit("value", ONE_DRAW)
    return exactly("follows rng: another seed, another draw", len(set(large)) == len(large), 1)


def mixup(calls: Sequence[Call]) -> list[Property]:
    """Judges `mixup(x, y, alpha, rng)`.

    In most batches y is the identity matrix: each image a class of its own. Of these, all of one
    size, partners and weights are judged; of the others only that labels are mixed as images.
    """
    everything = [_read_mix(call) for call in calls]
    batches = [
        mix for mix, call in zip(everything, calls, strict=True) if len(call.arguments[0]) > 9
    ]
    draws = [
        (round(100 * m.alpha), m.seed, np.stack([m.weight, m.who - np.arange(len(m.who))], 1))
        for m in batches
    ]
    follows = _follows_rng(draws)
    once = list({(m.alpha, m.seed): m for m in batches}.values())
    small = [
        m.known
        for m, call in zip(everything, calls, strict=True)
        if 1 < len(call.arguments[0]) < 10
    ]
    least = min(np.mean(_flat([m.known for m in once])), np.mean(_flat(small)))
    moved = exactly("most are mixed with another one", least > 0.5, 1)
    return [
        *as_part(
            "partners",
            exactly("share of rows of x that mix two images", _mean(everything, "good"), 1),
            *_partners(once), moved, follows,
        ),
        *as_part("weights", *_weights(once), *_free_weights(once), follows),
        *as_part(
            "labels as images",
            exactly("share of mixed labels that sum to 1", _mean(everything, "whole"), 1),
            exactly("share of labels that name the partner", _mean(everything, "named"), 1),
            exactly("share of labels mixed as their images", _mean(everything, "agree"), 1),
            moved, follows,
        ),
    ]  # fmt: skip


@dataclass(frozen=True)
class Mix:
    """A batch as it was read back; of each row who was its partner, and its weight.

    `known`: whether the row moved far enough to tell; one that did not is its own partner here.
    `good`: x mixes two images; `agree`, `whole`, `named`: y is mixed as x, sums to 1, and has the
    partner's class.
    """

    alpha: float
    seed: int
    who: Array
    weight: Array
    known: Array
    good: Array
    agree: Array
    whole: Array
    named: Array


def _read_mix(call: Call) -> Mix:
    x, y, alpha, seed = call.arguments
    pair = require_pair(call.output, "two arrays (x, y), mixed")
    mixed = require_array(pair[0], x.shape, what="x"), require_array(pair[1], y.shape, what="y")
    who, weight, known, good = _unmix(x, np.asarray(mixed[0], dtype=float))
    wanted = weight[:, None] * y + (1 - weight[:, None]) * y[who]
    agree = good & np.isclose(mixed[1], wanted, atol=1e-4).all(1)
    whole = np.isclose(mixed[1].sum(1), 1)
    named = mixed[1][np.arange(len(x)), y[who].argmax(1)] > 1e-12
    return Mix(alpha, seed.value, who, weight, known, good, agree, whole, named)


def _unmix(x: Array, mixed: Array) -> tuple[Array, Array, Array, Array]:
    """Each row as weight · own + (1 − weight) · partner: the partner that fits best.

    What moved less than 1e-5 does not tell its partner. Errors of float32 are far smaller.
    """
    n = len(x)
    along = x[None] - x[:, None]  # (n, n, d): from own to partner
    length = (along**2).sum(2) + np.eye(n)
    step = ((mixed - x)[:, None] * along).sum(2) / length  # 1 − weight
    error = (((mixed - x)[:, None] - step[..., None] * along) ** 2).sum(2)  # (n, n)
    known = error.diagonal() > 1e-10
    who = np.where(known, (error + np.eye(n) * 1e9).argmin(1), np.arange(n))
    rows = np.arange(n)
    weight = np.where(known, 1 - step[rows, who], 1)
    good = (error[rows, who] < 1e-10) & (weight > -1e-6) & (weight < 1 + 1e-6)
    return who, weight, known & (who != rows), good


def _mean(batches: Sequence[Mix], item: str) -> float:
    return float(np.mean(_flat([getattr(mix, item) for mix in batches])))


def _partners(once: Sequence[Mix]) -> list[Property]:
    """One random order: no partner twice, all orders equally likely, anew for every seed."""
    n = len(once[0].who)
    alike = np.mean([len(set(m.who[m.known])) == m.known.sum() for m in once])
    orders = [(m.alpha, m.who.tobytes()) for m in once]
    telling = [m.who for m in once if m.alpha >= 1]  # a small alpha leaves some as they are
    who = np.stack(telling)
    pairs = np.array([(who == j).sum(0) for j in range(n)])  # how often i met j
    squares = np.square(pairs - len(who) / n).sum() * n / len(who) * (n - 1) / n
    back = np.concatenate([w[w] == np.arange(n) for w in telling])
    others = _flat([w != np.arange(n) for w in telling]) > 0
    back = back[others] if others.any() else np.ones(100)
    following = np.stack([m.who for m in once]) == (np.arange(n) + 1) % n
    return [
        exactly("share of batches in which nobody is a partner twice", float(alike), 1),
        exactly("another seed: another order", len(set(orders)) == len(orders), 1),
        share("share paired with the next image", following, 1 / n),
        spread_of("scatter of how often two images meet", float(squares), dof=(n - 1) ** 2),
        exactly("share whose partner's partner they are", back.mean(), 1 / (n - 1), tolerance=0.3),
        exactly("some are their own partner, by chance", not others.all(), 1),
    ]  # fmt: skip


def _weights(once: Sequence[Mix]) -> list[Property]:
    """Beta(α, α) has mean ½, variance 1/(4(2α + 1)), fourth central moment 3/(16(2α+1)(2α+3))."""
    properties = []
    for alpha in dict.fromkeys(m.alpha for m in once):
        lam = np.concatenate([m.weight[m.known] for m in once if m.alpha == alpha])
        lam = lam if lam.size else np.zeros(100)  # nobody was mixed
        variance = 1 / (4 * (2 * alpha + 1))
        fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
        spread = float(np.sqrt(fourth - variance**2))
        name = f"α = {alpha:g}: "
        properties += [
            mean_of(f"{name}mean weight", lam, 0.5, std=float(np.sqrt(variance))),
            mean_of(f"{name}variance of the weights", (lam - 0.5) ** 2, variance, std=spread),
        ]
    return properties


def _free_weights(once: Sequence[Mix]) -> list[Property]:
    """No weight depends on another one of its batch. Who met itself shows none."""
    pairs = [(m.weight[:-1:2], m.weight[1::2], m.known[:-1:2] & m.known[1::2]) for m in once]
    first, second, both = (np.concatenate(column) for column in zip(*pairs, strict=True))
    first, second = (first[both], second[both]) if both.any() else (np.ones(100), np.ones(100))
    inner = np.abs(first - 0.5) < 0.499  # weights near the ends may agree to the last digit
    same = np.isclose(first, second, rtol=0, atol=1e-6)[inner]
    shared = float(same.mean()) if same.size else 1.0
    z = np.stack([m.known * (m.weight - 0.5) * np.sqrt(4 * (2 * m.alpha + 1)) for m in once])
    sizes = np.maximum([m.known.sum() for m in once], 1)
    far = products_by_distance(z) / np.sqrt(sizes.sum())
    name = "correlation of weights at the distance where it is largest, in standard errors"
    return [
        share("neighbors whose weights are both below ½", (first < 0.5) & (second < 0.5), 0.25),
        exactly("share of neighbors with the same weight", shared, 0, tolerance=0.05),
        spread_of("scatter of a batch's mean weight", float((z.sum(1) ** 2 / sizes).sum()),
                  dof=len(once)),
        farthest(name, far, std=1),
    ]  # fmt: skip
