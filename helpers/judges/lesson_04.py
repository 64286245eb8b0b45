"""Judges of random masks: what makes them Bernoulli masks, and what dropout does with them.

No property holds for a constant, so that an answer that draws nothing earns nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from helpers.judges import (
    OTHER_SOURCE,
    Call,
    Property,
    Unfit,
    as_part,
    exactly,
    farthest,
    looking_at,
    require_array,
    require_pair,
    share,
    spread_of,
)

Draw = tuple[float, int, np.ndarray]  # keep_prob, seed, which units are kept
ROUNDING = 1e-6  # relative: an answer may compute in float32
BY_DROPPED = "out is divided by 1 − keep_prob, which is 0 at keep_prob 1"


def dropout_mask(calls: Sequence[Call]) -> list[Property]:
    """Judges `dropout_mask(shape, keep_prob, rng)`: masks of zeros and ones."""
    draws = []
    for call in calls:
        shape, keep_prob, seed = call.arguments
        with looking_at(call):
            mask = require_array(call.output, shape, what="the mask")
        draws.append((keep_prob, seed.value, mask))
    shares = []
    for keep_prob, masks in _by_keep_prob(draws):
        entries, at = _joined(masks), f"at keep_prob {keep_prob:g}"
        shares.append(share(f"share of ones {at}", entries == 1, keep_prob))
        shares.append(share(f"share of zeros {at}", entries == 0, 1 - keep_prob))
    whole = _joined([mask for keep_prob, _, mask in draws if keep_prob == 1])
    shares.append(exactly("share of ones at keep_prob 1", np.mean(whole == 1), 1))
    return as_part("share kept", *shares, *_own_draws(draws)) + _coins(draws)


def dropout_forward(calls: Sequence[Call]) -> list[Property]:
    """Judges `dropout_forward(x, keep_prob, rng, training)`: original dropout."""
    outputs = []
    for call in calls:
        with looking_at(call):
            outputs.append(require_array(call.output, call.arguments[0].shape))
    training, testing = _split(calls, outputs)
    shares = []
    for keep_prob, ratios in _by_keep_prob(training):
        ratio = _joined(ratios)
        name = f"training, keep_prob {keep_prob:g}: share of inputs passed on"
        shares.append(share(f"{name} unchanged", np.isclose(ratio, 1, rtol=ROUNDING), keep_prob))
        shares.append(share(f"{name} as 0", ratio == 0, 1 - keep_prob))
    shares.append(_all_kept(training))
    scales = [
        _ratio(f"testing, keep_prob {q:g}: output / input", ratio, q) for q, _, ratio in testing
    ]
    return [
        *as_part("training", *shares, *_own_draws(training)),
        *as_part("testing", *scales, _drops(training), *_own_draws(training)),
        *_coins(training),
    ]


def inverted_dropout(calls: Sequence[Call]) -> list[Property]:
    """Judges `inverted_dropout(x, keep_prob, rng, training)`, which gives (out, mask)."""
    read: list[tuple[Call, np.ndarray, np.ndarray]] = []
    for call in calls:
        with looking_at(call):
            try:
                read.append((call, *_out_and_mask(call)))
            except Unfit as unfit:
                divided = unfit.problem.kind == "non-finite" and _divided_by_dropped(read)
                raise (Unfit("non-finite", BY_DROPPED) if divided else unfit) from None
    some_zero = [(call, mask) for call, _, mask in read if not call.arguments[0].all()]
    whole = [entry for entry in read if entry[0].arguments[0].all()]
    calls, outputs, masks = (list(column) for column in zip(*whole, strict=True))
    training, testing = _split(calls, outputs)
    shares = []
    for keep_prob, ratios in _by_keep_prob(training):
        ratio, name = _joined(ratios), f"training, keep_prob {keep_prob:g}: "
        shares.append(share(f"{name}share of inputs kept", ratio != 0, keep_prob))
        shares.append(_ratio(f"{name}kept output / input", ratio[ratio != 0], 1 / keep_prob))
    shares.append(_all_kept(training))
    drawn = _own_draws(training)
    same = np.mean(np.isclose(_joined([ratio for _, _, ratio in testing]), 1, rtol=ROUNDING))
    return [
        *as_part("training", *shares, *drawn),
        *as_part(
            "the mask",
            *_masks(calls, masks, training),
            *_coins_at_zero(some_zero),
            _drops(training),
            *drawn,
        ),
        *as_part(
            "testing", exactly("testing: share of x unchanged", same, 1), _drops(training), *drawn
        ),
        *_coins(training),
    ]


def _masks(
    calls: Sequence[Call], masks: Sequence[np.ndarray], training: Sequence[Draw]
) -> list[Property]:
    drawn = [m for m, call in zip(masks, calls, strict=True) if call.arguments[3]]
    still = [m for m, call in zip(masks, calls, strict=True) if not call.arguments[3]]
    agree = [np.mean(m == (ratio != 0)) for m, (_, _, ratio) in zip(drawn, training, strict=True)]
    name = "training: share of the mask that is 1 where out is kept, 0 where it is dropped"
    ones = exactly("testing: share of ones in the mask", np.mean(_joined(still) == 1), 1)
    return [exactly(name, float(np.mean(agree)), 1), ones]


def _coins_at_zero(calls: Sequence[tuple[Call, np.ndarray]]) -> Iterator[Property]:
    """Where x is 0, out is 0 either way: the coin is to be seen in the mask alone."""
    for call, mask in calls:
        x, keep_prob, _, _ = call.arguments
        name = f"training, keep_prob {keep_prob:g}: share of ones in the mask where x is 0"
        yield share(name, mask[x == 0] == 1, keep_prob)


def _out_and_mask(call: Call) -> tuple[np.ndarray, np.ndarray]:
    shape = call.arguments[0].shape
    out, mask = require_pair(call.output, "the two arrays (out, mask)")
    return require_array(out, shape, what="out"), require_array(mask, shape, what="the mask")


def _divided_by_dropped(read: Sequence[tuple[Call, np.ndarray, np.ndarray]]) -> bool:
    """Whether what training kept is x / (1 − keep_prob)."""
    drawn = [(call.arguments, out) for call, out, _ in read if call.arguments[3]]
    factors = [np.ones(0), *((out / x)[out != 0] * (1 - q) for (x, q, _, _), out in drawn)]
    found = _joined(factors)
    return found.size > 0 and np.allclose(found, 1, rtol=ROUNDING)


def _split(calls: Sequence[Call], outputs: Sequence[np.ndarray]) -> tuple[list[Draw], list[Draw]]:
    """Training and testing calls, each with output / input (inputs are never 0)."""
    sides: tuple[list[Draw], list[Draw]] = ([], [])
    for call, output in zip(calls, outputs, strict=True):
        x, keep_prob, seed, training = call.arguments
        sides[0 if training else 1].append((keep_prob, seed.value, output / x))
    return sides


def _by_keep_prob(draws: Sequence[Draw]) -> Iterator[tuple[float, list[np.ndarray]]]:
    """Each keep_prob below 1 with its outputs; a seed that comes twice is counted once."""
    for keep_prob in dict.fromkeys(q for q, _, _ in draws if q < 1):
        once = {(seed, d.shape): d for q, seed, d in draws if q == keep_prob}
        yield keep_prob, list(once.values())


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays])


def _farthest(values: np.ndarray, expected: float) -> float:
    """The value that is farthest from the expected one; NaN when there is none."""
    if values.size == 0:
        return float("nan")
    return float(values.flat[np.argmax(np.abs(values - expected))])


def _ratio(name: str, ratios: np.ndarray, expected: float) -> Property:
    return exactly(name, _farthest(ratios, expected), expected, tolerance=ROUNDING * expected)


def _all_kept(training: Sequence[Draw]) -> Property:
    ratio = _joined([ratio for q, _, ratio in training if q == 1])
    return _ratio("training, keep_prob 1: output / input", ratio, 1)


def _drops(draws: Sequence[Draw]) -> Property:
    both = all(0 < np.mean(_joined(d) != 0) < 1 for _, d in _by_keep_prob(draws))
    return exactly("training keeps something and drops something", both, 1)


def _coins(draws: Sequence[Draw]) -> list[Property]:
    """One coin for every entry: alike in no row or column, of a free number, drawn from `rng`."""
    draws = [(q, seed, mask != 0) for q, seed, mask in draws if q < 1]
    flat = {q: [m for m in masks if m.ndim == 2] for q, masks in _by_keep_prob(draws)}
    keep_prob, masks = next(iter(flat.items()))
    rows = _joined([m[0:-1:2] & m[1::2] for m in masks])  # pairs that share no entry
    columns = _joined([m[:, 0:-1:2] & m[:, 1::2] for m in masks])
    at = f"at keep_prob {keep_prob:g}"
    return as_part(
        "a coin for every entry",
        share(f"pairs in neighboring rows both kept, {at}", rows, keep_prob**2),
        share(f"pairs in neighboring columns both kept, {at}", columns, keep_prob**2),
        *_agreements(draws),
        _correlation(draws),
        _scatter(draws),
        exactly("seeds with a mask of their own, as share", _distinct(draws), 1),
        *_own_draws(draws),
    )


def _agreements(draws: Sequence[Draw]) -> Iterator[Property]:
    """Two free masks agree in a share q² + (1 − q)²: of two seeds, and of neighbors in 3 axes."""
    for q, masks in _by_keep_prob(draws):
        free, at = q**2 + (1 - q) ** 2, f"at keep_prob {q:g}"
        large = [m for m in masks if m.ndim == 2]
        pairs = [a == b for a, b in zip(large[0::2], large[1::2], strict=False)]
        yield share(f"entries in which two seeds' masks agree, {at}", _joined(pairs), free)
        for axis, name in enumerate(("first", "second", "third")):
            turned = [np.moveaxis(m, axis, 0) for m in masks if m.ndim == 3]
            alike = _joined([m[0:-1:2] == m[1::2] for m in turned])
            yield share(f"three axes: neighbors on the {name} one that agree, {at}", alike, free)
        line = _joined([m[0:-1:2] == m[1::2] for m in masks if m.ndim == 1])
        yield share(f"one axis: neighbors that agree, {at}", line, free)


def _correlation(draws: Sequence[Draw]) -> Property:
    """The correlation of entries at one distance (cyclic), at the distance where it is largest.

    Of a mask and itself turned around, too: an entry may hang together with one across the middle.
    The std is that of distances where every pair is counted twice.
    """
    sums, size = [], 0
    for q, masks in _by_keep_prob(draws):
        flat = np.stack([(m - q) / np.sqrt(q * (1 - q)) for m in masks if m.ndim == 2])
        waves, size = np.fft.fft2(flat), flat.size
        sums.append(np.fft.ifft2(np.abs(waves) ** 2).real.sum(0).ravel()[1:])  # not the distance 0
        sums.append(np.fft.ifft2(waves**2).real.sum(0).ravel())  # entry i with s − i, for each s
    name = "correlation of entries, or with those across a center, where it is largest"
    return farthest(name, np.concatenate(sums) / size, std=float(np.sqrt(2 / size)))


def _scatter(draws: Sequence[Draw]) -> Property:
    """How far the number kept scatters around its own mean, over masks of one shape."""
    squares, dof = 0.0, 0
    for q, masks in _by_keep_prob(draws):
        alike = [m for m in masks if m.shape == masks[0].shape]
        numbers = np.array([m.sum() for m in alike])
        squares += float(np.var(numbers)) * len(alike) / (q * (1 - q) * alike[0].size)
        dof += len(alike) - 1
    return spread_of("scatter of the number kept, from draw to draw", squares, dof=dof)


def _distinct(draws: Sequence[Draw]) -> float:
    """Large masks of free coins never coincide; those drawn from a stock of a few soon do."""
    large = [m.tobytes() for _, masks in _by_keep_prob(draws) for m in masks if m.ndim == 2]
    return len(set(large)) / len(large)


def _own_draws(draws: Sequence[Draw]) -> list[Property]:
    """What every part asks for: masks that follow rng, and that are not nearly one mask.

    Two masks agree in a share q² + (1 − q)² of their entries. The margin leaves room for masks
    whose entries are not independent: that is another part's matter.
    """
    masks = [(q, seed, mask != 0) for q, seed, mask in draws if q < 1]
    excess = []
    for q, alike in _by_keep_prob(masks):
        large = [m for m in alike if m.shape == alike[0].shape]
        pairs = zip(large[0::2], large[1::2], strict=False)
        excess.append(np.mean([np.mean(a == b) for a, b in pairs]) - q**2 - (1 - q) ** 2)
    follows = _follows_rng(masks)
    return [
        exactly("every seed has a mask of its own", follows, 1),
        exactly("two seeds' masks agree too often by", np.mean(excess), 0, tolerance=0.3),
    ]


def _follows_rng(draws: Sequence[Draw]) -> bool:
    """Whether seeds have masks that differ. Raises Unfit where a seed does not repeat its mask.

    A quarter of the masks may coincide: where all rows share one, that happens by chance.
    """
    first: dict[tuple[Any, ...], np.ndarray] = {}
    for keep_prob, seed, mask in draws:
        earlier = first.setdefault((keep_prob, mask.shape, seed), mask)
        if not np.array_equal(earlier, mask):
            raise Unfit("value", OTHER_SOURCE)
    large = [mask.tobytes() for mask in first.values() if mask.ndim == 2]
    return len(set(large)) >= 0.75 * len(large)
