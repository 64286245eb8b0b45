"""Lesson 01: is a random matrix orthogonal, of the right gain, and any one as likely as another."""

from collections.abc import Sequence

import numpy as np

from helpers.judges import Call, Property, Unfit, exactly, mean_of, require_array

SLACK = 1e-6  # rounding; a random matrix that is not orthogonal is off by 0.1 and more


def orthogonal(calls: Sequence[Call]) -> list[Property]:
    """Judges `orthogonal(rows, cols, gain, rng)`.

    Needs tall, wide and square shapes, one seed twice, and many calls of one small shape, whose
    first entries show whether all orthogonal matrices are equally likely (Mezzadri 2007).
    """
    matrices = [
        require_array(c.output, c.arguments[:2], what=f"orthogonal{c.arguments[:2]}") for c in calls
    ]
    _require_random(calls, matrices)
    gains = [c.arguments[2] for c in calls]
    sizes = [float(np.linalg.norm(m) / np.sqrt(min(m.shape))) for m in matrices]
    off = [_crookedness(m) for m in matrices]
    tall = [o for m, o in zip(matrices, off, strict=True) if m.shape[0] >= m.shape[1]]
    wide = [o for m, o in zip(matrices, off, strict=True) if m.shape[0] < m.shape[1]]
    if min(max(tall), max(wide)) > SLACK:
        raise Unfit("value", _tell_crooked(matrices))
    errors = [s / g - 1 for s, g in zip(sizes, gains, strict=True)]
    first = _first_entries(calls, matrices)
    worst = max(errors, key=abs)
    return [
        exactly("columns of tall matrices: largest cosine", max(tall), 0, tolerance=SLACK),
        exactly("rows of wide matrices: largest cosine", max(wide), 0, tolerance=SLACK),
        exactly("length of columns or rows: relative error", worst, 0, tolerance=SLACK),
        mean_of(
            "first entry: mean over many matrices, 0 if all are equally likely", first, 0, std=1
        ),
    ]


def _require_random(calls: Sequence[Call], matrices: Sequence[np.ndarray]) -> None:
    """An answer that ignores its generator earns nothing for being orthogonal."""
    again = [
        np.array_equal(matrices[i], matrices[j]) == (calls[i].arguments[3] == calls[j].arguments[3])
        for i in range(len(calls))
        for j in range(i)
        if calls[i].arguments[:3] == calls[j].arguments[:3] and matrices[i].size > 1
    ]
    if not all(again):
        text = (
            "the output does not follow rng: draw with the generator that you are given, and "
            "only with it"
        )
        raise Unfit("value", text)


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


def _first_entries(calls: Sequence[Call], matrices: Sequence[np.ndarray]) -> np.ndarray:
    """First entries of all matrices of the commonest shape, over the std that they should have."""
    shapes = [m.shape for m in matrices]
    commonest = max(set(shapes), key=shapes.count)
    return np.array([
        m[0, 0] * np.sqrt(max(m.shape)) / c.arguments[2]
        for c, m in zip(calls, matrices, strict=True)
        if m.shape == commonest
    ])  # fmt: skip
