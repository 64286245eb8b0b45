"""Lesson 00: is an output a whitened copy of the input, whichever way it is turned."""

from collections.abc import Sequence

import numpy as np

from helpers.judges import Call, Property, as_part, exactly, require_array

SLACK = 2e-5  # rounding, of float32, too; n in place of n − 1 changes a variance by over 1/100


def whiten(calls: Sequence[Call]) -> list[Property]:
    """Judges `whiten(x)`: mean 0, variance 1 in every direction, and x with nothing lost.

    A whitened copy may be turned and mirrored (PCA, ZCA, Cholesky: Kessy et al. 2018), so that only
    what does not depend on it is looked at.
    """
    outputs = [require_array(c.output, c.arguments[0].shape).astype(np.float64) for c in calls]
    pairs = [(c.arguments[0], z) for c, z in zip(calls, outputs, strict=True)]
    covariances = [np.atleast_2d(np.cov(z.T, bias=True)) for z in outputs]
    variances = [np.linalg.eigvalsh(covariance) for covariance in covariances]
    values = {  # what is measured on each data set, and what it should be
        "distance of the mean from 0": ([float(np.linalg.norm(z.mean(0))) for z in outputs], 0),
        "smallest variance in any direction": ([float(v[0]) for v in variances], 1),
        "largest variance in any direction": ([float(v[-1]) for v in variances], 1),
        "largest correlation of two features": ([_largest_correlation(c) for c in covariances], 0),
        "share of x that is lost": ([_lost(z, x) for x, z in pairs], 0),
        "share of the result that is not from x": ([_lost(x, z) for x, z in pairs], 0),
    }
    found = [
        exactly(name, _farthest(got, expected), expected, tolerance=SLACK)
        for name, (got, expected) in values.items()
    ]
    return as_part("whitened", *found)


def _farthest(values: Sequence[float], expected: float) -> float:
    return max(values, key=lambda value: abs(value - expected))


def _largest_correlation(covariance: np.ndarray) -> float:
    std = np.sqrt(np.maximum(covariance.diagonal(), 1e-300))
    off = covariance / np.outer(std, std) * (1 - np.eye(len(std)))
    return float(np.abs(off).max())


def _lost(source: np.ndarray, target: np.ndarray) -> float:
    """The share of the target's variance that no affine function of the source gives."""
    ones = np.c_[source, np.ones(len(source))]
    rest = target - ones @ np.linalg.lstsq(ones, target, rcond=None)[0]
    whole = np.square(target - target.mean(0)).sum()
    return float(np.square(rest).sum() / whole) if whole > 0 else 1.0
