"""Judge of bootstrap samples: what makes indices a sample with replacement, and what is left out.

No part holds for an answer that draws nothing: each asks for some indices to be left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.compare import name_type
from helpers.judges import (
    OTHER_SOURCE,
    Call,
    Property,
    Unfit,
    as_part,
    exactly,
    farthest,
    mean_of,
    products_by_distance,
    require_pair,
    share,
    spread_of,
)

Draw = tuple[int, int, np.ndarray, np.ndarray]  # n, seed, indices, out of bag


def bootstrap(calls: Sequence[Call]) -> list[Property]:
    """Judges `bootstrap(n, rng)`, which gives (indices, out_of_bag)."""
    draws = [_read(call) for call in calls]
    sizes = sorted({n for n, _, _, _ in draws if n > 1})
    drawn, left_out, scatter = [], [], []
    for n in sizes:
        samples = _once(draws, n)
        drawn += _evenly(n, samples)
        counts = np.array([n - len(np.unique(sample)) for sample in samples])
        left_out.append(_left_out(n, counts))
        scatter.append(_standardized(n, counts))
    follows = exactly("same seed: same sample; other seed: other sample", _follows_rng(draws), 1)
    inside = float(np.mean([((i >= 0) & (i < n)).all() for n, _, i, _ in draws]))
    return [
        *as_part(
            "drawn with replacement",
            exactly("samples with all indices from 0 to n − 1", inside, 1),
            *drawn,
            *left_out,
            spread_of(
                "scatter of that number from sample to sample",
                float(np.sum(np.concatenate(scatter) ** 2)),
                dof=sum(map(len, scatter)),
            ),
            _correlation(_once(draws, sizes[-1])),
            follows,
        ),
        *as_part("out of bag", *_complements(draws), follows),
    ]


def _evenly(n: int, samples: np.ndarray) -> list[Property]:
    """That all indices are drawn equally often; `samples` is (draws, n)."""
    first, last = samples == 0, samples == n - 1
    return [
        share(f"n = {n}: share of draws that are index 0", first, 1 / n),
        share(f"n = {n}: share of draws that are index n − 1", last, 1 / n),
        share(f"n = {n}: share of draws that are one of these two", first | last, 2 / n),
        share(f"n = {n}: share of draws in the lower half", samples < n // 2, n // 2 / n),
    ]


def _read(call: Call) -> Draw:
    n, seed = call.arguments
    pair = require_pair(call.output, "two arrays (indices, out_of_bag)")
    indices, out_of_bag = _integers(pair[0], "indices"), _integers(pair[1], "out_of_bag")
    if len(indices) != n:
        swapped = len(out_of_bag) == n
        more = "fewer" if len(indices) < n else "more"
        told = "the two are swapped" if swapped else f"indices has {more} than n entries"
        raise Unfit("shape", f"{told}, expected n indices and then those left out")
    return n, seed.value, indices, out_of_bag


def _integers(array: Any, name: str) -> np.ndarray:
    if not isinstance(array, np.ndarray):
        raise Unfit("type", f"got {name_type(array)} for {name}, expected an array")
    if array.dtype.kind not in "iu" and array.size:  # np.array([]) is of floats
        raise Unfit("type", f"got values of dtype {array.dtype} for {name}, expected integers")
    if array.ndim != 1:
        raise Unfit("shape", f"got {array.ndim} axes for {name}, expected one")
    return array


def _once(draws: Sequence[Draw], n: int) -> np.ndarray:
    """The samples of size n, (draws, n); a seed that comes twice is counted once.

    An answer that ignores its generator gives one sample over and over: that is one draw.
    """
    by_seed = {seed: indices for size, seed, indices, _ in draws if size == n}
    samples = np.stack(list(by_seed.values()))
    return samples[:1] if (samples == samples[0]).all() else samples


def _correlation(samples: np.ndarray) -> Property:
    """How far counts of two indices hang together: i and i + s, or i and s − i, for each s.

    Counts of free draws have the covariance −1/n. The std is that of where a pair counts twice.
    Holds in any order.
    """
    n = samples.shape[1]
    counts = np.stack([np.bincount(s.clip(0, n - 1), minlength=n) for s in samples]) - 1.0
    mirrored = np.fft.ifft(np.fft.fft(counts) ** 2).real.sum(0)
    found = np.concatenate([products_by_distance(counts), mirrored]) / counts.size
    name = f"n = {n}: correlation of the counts of two indices, where it is largest"
    return farthest(name, found, std=float(np.sqrt(2 / counts.size)))


def _occupancy(n: int) -> tuple[float, float]:
    """Mean and std of the number of indices that n draws leave out.

    The mean is n(1 − 1/n)ⁿ; the variance follows from pairs, both left out by (1 − 2/n)ⁿ.
    """
    mean = n * (1 - 1 / n) ** n
    variance = mean + n * (n - 1) * (1 - 2 / n) ** n - mean**2
    return mean, float(np.sqrt(max(variance, 0)))


def _left_out(n: int, counts: np.ndarray) -> Property:
    mean, std = _occupancy(n)
    return mean_of(f"n = {n}: mean number of indices that are never drawn", counts, mean, std=std)


def _standardized(n: int, counts: np.ndarray) -> np.ndarray:
    mean, std = _occupancy(n)
    return (counts - mean) / std


def _complements(draws: Sequence[Draw]) -> list[Property]:
    never, whole, single = [], [], []
    kept = [len(np.unique(indices)) / n for n, _, indices, _ in draws if n > 10]
    some = [0.2 < share < 1 for share in kept]
    for n, _, indices, out_of_bag in draws:
        never.append(not np.isin(out_of_bag, indices).any())
        whole.append(np.isin(np.arange(n), np.concatenate([indices, out_of_bag])).all())
        single.append(len(np.unique(out_of_bag)) == len(out_of_bag))
    return [
        exactly("larger samples that leave some indices out, not most", float(np.mean(some)), 1),
        exactly("samples whose out_of_bag has no drawn index", float(np.mean(never)), 1),
        exactly("samples whose out_of_bag has all other indices", float(np.mean(whole)), 1),
        exactly("samples whose out_of_bag has no index twice", float(np.mean(single)), 1),
    ]


def _follows_rng(draws: Sequence[Draw]) -> bool:
    """Whether another seed gives another sample. Raises `Unfit` where the same seed does."""
    first: dict[tuple[int, int], np.ndarray] = {}
    for n, seed, indices, _ in draws:
        if not np.array_equal(first.setdefault((n, seed), indices), indices):
            raise Unfit("value", OTHER_SOURCE)
    large = [sample.tobytes() for (n, _), sample in first.items() if n > 10]
    return len(set(large)) == len(large)
