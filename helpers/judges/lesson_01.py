"""Lesson 01: is a random matrix orthogonal, of the right gain, and any one as likely as another.

No part holds for an answer that hardly draws: each asks for directions that vary.
"""

from collections.abc import Sequence

import numpy as np

from helpers.judges import (
    Call,
    Property,
    Unfit,
    Z,
    as_part,
    exactly,
    looking_at,
    mean_of,
    require_array,
    share,
)

LONG = 1000  # entries of a column whose kurtosis is looked at
SLACK = 1e-6  # rounding; a random matrix that is not orthogonal is off by 0.1 and more


def orthogonal(calls: Sequence[Call]) -> list[Property]:
    """Judges `orthogonal(rows, cols, gain, rng)`.

    Needs tall, wide and square shapes, one seed twice, and many calls of shapes (2, 2), (1, 2) and
    (2, 1), which show whether all orthogonal matrices are equally likely (Mezzadri 2007). So does
    one column of 1000 entries or more, if there is one.
    """
    matrices = [_require_matrix(call) for call in calls]
    _require_random(calls, matrices)
    gains = [c.arguments[2] for c in calls]
    sizes = [float(np.linalg.norm(m) / np.sqrt(min(m.shape))) for m in matrices]
    off = [_crookedness(m) for m in matrices]
    tall = [o for m, o in zip(matrices, off, strict=True) if m.shape[0] >= m.shape[1]]
    wide = [o for m, o in zip(matrices, off, strict=True) if m.shape[0] < m.shape[1]]
    if min(max(tall), max(wide)) > SLACK:
        with looking_at(calls[off.index(max(off))]):
            raise Unfit("value", _tell_crooked(matrices))
    errors = [s / g - 1 for s, g in zip(sizes, gains, strict=True)]
    small = np.array([m for m in matrices if m.shape == (2, 2)])  # (many, 2, 2)
    angle = np.arctan2(small[:, 1, 0], small[:, 0, 0])  # of each first column
    varied = [_mean_cosine(2, angle), _mean_cosine(4, angle)]
    worst = max(errors, key=abs)
    parts = {
        "columns of tall matrices: largest cosine": (max(tall), 0),
        "rows of wide matrices: largest cosine": (max(wide), 0),
        "length of columns or rows: relative error": (worst, 0),
    }
    found = []
    for name, (got, expected) in parts.items():
        found += as_part(name, exactly(name, got, expected, tolerance=SLACK), *varied)
    turned = share("share of 2×2 matrices that mirror", np.linalg.det(small) < 0, 0.5)
    single = [_mean_first(shape, matrices) for shape in ((1, 2), (2, 1))]
    single += [_kurtosis(m.ravel()) for m in matrices if m.shape[1] == 1 and len(m) >= LONG]
    return found + as_part("all equally likely", _mean_cosine(1, angle), *varied, turned, *single)


def _mean_first(shape: tuple[int, int], matrices: Sequence[np.ndarray]) -> Property:
    """The mean of the first entry, cos θ, of many matrices that are a single row or column."""
    vectors = np.array([m.ravel() for m in matrices if m.shape == shape])
    angle = np.arctan2(vectors[:, 1], vectors[:, 0])
    name = f"mean of cos θ, many {shape[0]}×{shape[1]} matrices"
    return mean_of(name, np.cos(angle), 0, std=0.5**0.5)


def _kurtosis(column: np.ndarray) -> Property:
    """Entries of a long random direction are nearly normal: their kurtosis is 3n/(n + 2).

    Its variance is nearly 24/n, that of the sample kurtosis of n normal numbers.
    """
    n = len(column)
    got = n * np.sum(column**4) / np.sum(column**2) ** 2
    name = f"kurtosis of the {n} entries of a single column"
    return Property(name, float(got), 3 * n / (n + 2), Z * (24 / n) ** 0.5)


def _require_matrix(call: Call) -> np.ndarray:
    rows, cols = call.arguments[:2]
    with looking_at(call):
        return require_array(call.output, (rows, cols), what=f"orthogonal({rows}, {cols})")


def _mean_cosine(times: int, angle: np.ndarray) -> Property:
    """The mean of cos kθ of independent angles: 0 when all directions are equally likely."""
    name = f"mean of cos {times if times > 1 else ''}θ, first columns of many 2×2 matrices"
    return mean_of(name, np.cos(times * angle), 0, std=0.5**0.5)


def _require_random(calls: Sequence[Call], matrices: Sequence[np.ndarray]) -> None:
    """An answer that ignores its generator earns nothing for being orthogonal."""
    text = (
        "the output does not follow rng: draw with the generator that you are given, and only "
        "with it"
    )
    pairs = [(i, j) for i in range(len(calls)) for j in range(i) if matrices[i].size > 1]
    for i, j in pairs:
        (*sizes, seed), (*others, other) = calls[i].arguments, calls[j].arguments
        if sizes == others and _alike(matrices[i], matrices[j]) != (seed == other):
            with looking_at(calls[i]):
                raise Unfit("value", text)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for rounding; two small random matrices may be near each other by chance."""
    near = SLACK * float(np.abs(one).max()) if one.size > 4 else 0.0
    return bool(np.abs(one - other).max() <= near)


def _crookedness(matrix: np.ndarray) -> float:
    """How far the shorter side's vectors are from orthogonal and equally long; 0 if they are."""
    m = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    gram = m.T @ m
    size = max(float(np.trace(gram)) / len(gram), 1e-300)
    return float(np.abs(gram / size - np.eye(len(gram))).max())


def _tell_crooked(matrices: Sequence[np.ndarray]) -> str:
    lengths = [np.linalg.norm(m, axis=0 if m.shape[0] >= m.shape[1] else 1) for m in matrices]
    even = all(np.ptp(each) <= SLACK * each.max() for each in lengths)
    what = "are equally long, but not orthogonal" if even else "are not orthogonal"
    return f"the columns of tall matrices and the rows of wide ones {what}"
