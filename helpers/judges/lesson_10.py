"""Judge of log-uniform draws: their logarithms are spread evenly, independent, and come from rng.

Every part asks for scatter and for a generator that is followed: no constant earns anything.
"""

from collections.abc import Sequence

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
    spread_of,
)

LARGE = 20  # draws of so many or more never agree by chance
BINS = 16
Draw = tuple[float, float, int, np.ndarray]  # low, high, seed, values


def log_uniform(calls: Sequence[Call]) -> list[Property]:
    """Judges `log_uniform(low, high, n, rng)`: n values, as likely in each decade."""
    draws = [_read(call) for call in calls]
    follows = exactly("drawn from rng alone: a seed gives its own draws", _follows(draws), 1)
    places = _places(draws)  # of each value between the ends, on a log axis: uniform in [0, 1]
    inside = np.mean((places > -1e-9) & (places < 1 + 1e-9))
    spread = [
        exactly("share of values between low and high", float(inside), 1),
        mean_of("mean place between the ends, on a log axis", places, 0.5, std=12**-0.5),
        mean_of("variance of that place", (places - 0.5) ** 2, 1 / 12, std=180**-0.5),
        mean_of("place to the power of 6", places**6, 1 / 7, std=(1 / 13 - 1 / 49) ** 0.5),
        *_evenness(draws),
        follows,
    ]
    rows = _large(draws)
    neighbors = np.concatenate([(row[:-1:2] - 0.5) * (row[1::2] - 0.5) for row in rows])
    each = np.array([row.mean() for row in rows]) - 0.5  # one sample, one mean
    squares = 12 * np.array([len(row) for row in rows]) * each**2  # standardized
    free = [
        mean_of("product of neighboring places about the middle", neighbors, 0, std=1 / 12),
        spread_of("scatter of a sample's mean over the seeds, next to a right one's",
                  float(squares.sum()), dof=len(rows)),
        _correlation(rows),
        exactly("values that stand at one place in all samples", _never_moved(draws), 0),
        exactly("samples whose values all differ", _all_differ(rows), 1),
        exactly("values are in no order", float(not any(_ordered(row) for row in rows)), 1),
        follows,
    ]  # fmt: skip
    return as_part("spread evenly over the decades", *spread) + as_part("independent draws", *free)


def _read(call: Call) -> Draw:
    low, high, n, seed = call.arguments
    return low, high, seed.value, require_array(call.output, (n,), what="the array of values")


def _once(draws: Sequence[Draw]) -> list[Draw]:
    """Each (range, size, seed) once: a repeated call adds no evidence."""
    return list({(low, high, s, v.size): (low, high, s, v) for low, high, s, v in draws}.values())


def _on_log_axis(draw: Draw) -> np.ndarray:
    low, high, _, values = draw
    with np.errstate(all="ignore"):
        places = np.log(values / low) / np.log(high / low)
    return np.nan_to_num(places, nan=-9.0, posinf=9.0, neginf=-9.0)


def _places(draws: Sequence[Draw]) -> np.ndarray:
    return np.concatenate([_on_log_axis(draw) for draw in _once(draws)])


def _large(draws: Sequence[Draw]) -> list[np.ndarray]:
    return [_on_log_axis(draw) for draw in _once(draws) if draw[3].size >= LARGE]


def _ranges(draws: Sequence[Draw]) -> list[list[np.ndarray]]:
    """The large samples of each range, as places on its log axis."""
    ends = dict.fromkeys((low, high) for low, high, *_ in draws)
    return [_large([d for d in draws if d[:2] == end]) for end in ends]


def _evenness(draws: Sequence[Draw]) -> list[Property]:
    """As many values in each of `BINS` equal pieces of each range, and inside of these pieces.

    The second asks where a value stands in a piece of a 1000th: who draws from a grid stands at the
    same place in each, and who rounds does so too.
    """
    found = []
    for name, scale in (("pieces of a range", 1), ("a thousandth, looked at closely", 1000)):
        squares, dof = 0.0, 0
        for rows in _ranges(draws):
            places = np.concatenate(rows) * scale
            at = (places % 1 if scale > 1 else places.clip(0, 1)) * BINS
            counts = np.bincount(at.astype(int).clip(0, BINS - 1), minlength=BINS)
            even = counts.sum() / BINS
            squares, dof = squares + float(np.square(counts - even).sum() / even), dof + BINS - 1
        found.append(spread_of(f"scatter of counts: {name}", squares, dof=dof))
    return found


def _correlation(rows: Sequence[np.ndarray]) -> Property:
    """The correlation of values at the distance where it is largest, in standard errors."""
    errors = []
    for size in {row.size for row in rows}:
        z = np.sqrt(12) * (np.stack([row for row in rows if row.size == size]) - 0.5)
        errors.append(products_by_distance(z) / np.sqrt(z.size))
    name = "correlation of values at the distance where it is largest, in standard errors"
    return farthest(name, np.concatenate(errors), std=1)


def _never_moved(draws: Sequence[Draw]) -> int:
    """How many values, from the first or the last on, are the same in all samples of a range."""
    sets = [np.stack(rows) for rows in _ranges(draws) if rows]
    return max(int(np.isclose(rows, rows[0], rtol=0).all(0).sum()) for rows in sets)


def _ordered(row: np.ndarray) -> bool:
    return bool((np.diff(row) >= 0).all() or (np.diff(row) <= 0).all())


def _all_differ(rows: Sequence[np.ndarray]) -> float:
    return float(np.mean([len(np.unique(row)) == len(row) for row in rows]))


def _follows(draws: Sequence[Draw]) -> bool:
    """Whether another seed gives other values.

    Raises `Unfit` where the same seed does so, too, and where none does, though the values are no
    grid.
    """
    first: dict[tuple[float, float, int, int], np.ndarray] = {}
    for draw in draws:
        low, high, seed, values = draw
        earlier = first.setdefault((low, high, seed, values.size), values)
        if not np.array_equal(earlier, values):
            raise Unfit("value", OTHER_SOURCE)
    large = [(d[:2], _on_log_axis(d).round(9)) for d in _once(draws) if d[3].size >= LARGE]
    distinct = {(ends, places.tobytes()) for ends, places in large}
    fixed = len(distinct) == len({ends for ends, _ in large}) < len(large)
    if fixed and any(np.ptp(np.diff(places)) > 1e-6 for _, places in large):
        raise Unfit("value", ONE_DRAW)
    return len(distinct) == len(large)
