"""The geometry of L1 and L2 in a plane: where a quadratic touches the diamond or the disc.

A quadratic is f(w) = ½ (w − w*)ᵀ H (w − w*): w* is its lowest point, `target` below, and H its
`hessian`. Everything is computed for many problems at once, with closed forms along each edge.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CORNERS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
HALVINGS = 80  # of an interval that spans 24 powers of ten: more than float64 resolves


def polar(radius: float | Array, degrees: float | Array) -> Array:
    """Points at a radius and an angle, (..., 2)."""
    turns = np.deg2rad(degrees)
    return np.stack([radius * np.cos(turns), radius * np.sin(turns)], axis=-1)


def hessians(condition: float | Array, tilt: float | Array) -> Array:
    """Matrices (..., 2, 2) with eigenvalues 1 and `condition` (at least 1).

    `tilt`, in degrees, is the direction of the long axis of the ellipses: the flat direction.
    """
    condition, tilt = np.broadcast_arrays(np.asarray(condition, float), np.asarray(tilt, float))
    if (condition < 1).any():
        raise ValueError(f"condition is the ratio of eigenvalues, at least 1; got {condition}")
    flat, steep = polar(np.ones_like(tilt), tilt), polar(np.ones_like(tilt), tilt + 90)
    outer = "...i,...j->...ij"
    steep_part = np.einsum(outer, steep, steep)
    return np.einsum(outer, flat, flat) + condition[..., None, None] * steep_part


def quadratic(points: Array, hessian: Array, target: Array) -> Array:
    """f at points (..., 2)."""
    gap = points - target
    return 0.5 * np.einsum("...i,...ij,...j->...", gap, hessian, gap)


def optimum_on_diamond(hessian: Array, target: Array, budget: float | Array) -> Array:
    """The lowest point of f with |w₁| + |w₂| ≤ budget, (..., 2); corners are exact.

    hessian (..., 2, 2), target (..., 2) and budget (...) are broadcast. Each edge is a segment, on
    which the minimum of a parabola is known; the best of the four edges is taken.
    """
    budget = _checked(budget)
    shape = np.broadcast_shapes(hessian.shape[:-2], target.shape[:-1], budget.shape)
    best, lowest = np.broadcast_to(target, (*shape, 2)).copy(), np.full(shape, np.inf)
    for first, second in zip(CORNERS, np.roll(CORNERS, -1, axis=0), strict=True):
        start, edge = budget[..., None] * first, budget[..., None] * (second - first)
        slope = np.einsum("...i,...ij,...j->...", edge, hessian, target - start)
        share = np.clip(slope / np.einsum("...i,...ij,...j->...", edge, hessian, edge), 0, 1)
        at_end = np.where(share == 1, 1.0, 0.0)[..., None]  # start + edge would round
        point = (1 - at_end) * (start + share[..., None] * edge) + at_end * (
            budget[..., None] * second
        )
        value = quadratic(point, hessian, target)
        better = value < lowest
        best = np.where(better[..., None], point, best)
        lowest = np.where(better, value, lowest)
    inside = np.abs(target).sum(-1) <= budget
    return np.where(inside[..., None], target, best)


def optimum_in_disc(hessian: Array, target: Array, budget: float | Array) -> Array:
    """The lowest point of f with ‖w‖₂ ≤ budget, (..., 2); arguments as in `optimum_on_diamond`.

    (H + λI)⁻¹ H w* for the one λ that gives the norm `budget`, by bisection in log λ (Hoerl &
    Kennard 1970); w* itself when it lies in the disc.
    """
    budget = _checked(budget)
    values, vectors = np.linalg.eigh(hessian)
    rotated = np.einsum("...ij,...i->...j", vectors, target)  # in the axes of the ellipse
    shape = np.broadcast_shapes(rotated.shape[:-1], budget.shape)
    low, high = np.full(shape, -12.0), np.full(shape, 12.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        shrunk = rotated * values / (values + 10.0 ** middle[..., None])  # (..., 2)
        long = np.linalg.norm(shrunk, axis=-1) > budget
        low, high = np.where(long, middle, low), np.where(long, high, middle)
    inside = np.linalg.norm(target, axis=-1) <= budget
    return np.where(inside[..., None], target, np.einsum("...ij,...j->...i", vectors, shrunk))


def lands_on_axis(points: Array) -> NDArray[np.bool_]:
    """Whether one of the two coordinates is exactly zero, (...)."""
    return (points == 0).any(-1)


def zeros_after_projection(points: Array, budget: float) -> NDArray[np.int64]:
    """How many coordinates are exactly 0 in the point of the L1 ball nearest to each row, (n,).

    Only the count: the k-th largest coordinate stays as long as k of it exceed what must go
    (Duchi et al. 2008, Fig. 1).
    """
    largest = np.sort(np.abs(points), axis=1)[:, ::-1]  # (n, d)
    ranks = np.arange(1, points.shape[1] + 1)
    stays = ranks * largest > np.cumsum(largest, axis=1) - budget  # (n, d)
    inside = np.abs(points).sum(1) <= budget
    kept: NDArray[np.int64] = np.where(inside, (points != 0).sum(1), stays.sum(1))
    return points.shape[1] - kept


def _checked(budget: float | Array) -> Array:
    sizes = np.asarray(budget, dtype=float)
    if not (sizes > 0).all():
        raise ValueError(f"budget is the size of the ball, above 0; got {budget}")
    return sizes
