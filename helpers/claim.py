"""A statement of the lesson with its measured value and its bounds."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers.environment import claims_file


class ClaimError(AssertionError):
    """A claim whose measured value lies outside its bounds."""


def claim(
    statement: str, measured: Any, *, low: float | None = None, high: float | None = None
) -> None:
    """Print the statement with its measured value, or raise when the value is out of bounds.

    measured: a number, or an array (NumPy or torch) of which every entry must be inside.
    low, high: bounds, both inclusive; one of them may be left out.
    Raises ClaimError when an entry is outside or NaN; ValueError when there is nothing to hold
    the claim against: no bound, low above high, a NaN bound, no entries, or no real numbers.
    With COURSE_CLAIMS=FILE it is written there, and nothing is raised that is out of bounds.
    """
    bounds = _describe_bounds(low, high)
    values = _real_numbers(measured)
    ends = [float(values.min()), float(values.max())]  # NaN wins both
    holds = _inside(ends, low, high)
    file = claims_file()
    if file:
        _record(file, statement, ends, bounds, holds)
    elif not holds:
        raise ClaimError(f"{statement}: measured {_describe(ends, low, high)}, expected {bounds}")
    print(f"{'✓' if holds else '✗'} {statement}: measured {_describe(ends, low, high)}, {bounds}")


def _record(path: Path, statement: str, ends: list[float], bounds: str, holds: bool) -> None:
    entry = {"statement": statement, "measured": ends, "bounds": bounds, "holds": holds}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _inside(ends: list[float], low: float | None, high: float | None) -> bool:
    return all((low is None or x >= low) and (high is None or x <= high) for x in ends) and not any(
        map(math.isnan, ends)
    )


def _describe_bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        raise ValueError("a claim needs a bound: low, high or both; got neither")
    if any(bound is not None and math.isnan(bound) for bound in (low, high)):
        raise ValueError(f"the bounds of a claim are numbers; got low={low}, high={high}")
    if low is None:
        return f"at most {high:.6g}"
    if high is None:
        return f"at least {low:.6g}"
    if low > high:
        raise ValueError(f"low is the lower bound, at most high; got low={low}, high={high}")
    if low == high:
        return f"exactly {low:.6g}"
    lowest, highest = f"{low:.6g}", f"{high:.6g}"
    return f"{lowest} but for rounding" if lowest == highest else f"between {lowest} and {highest}"


def _real_numbers(measured: Any) -> npt.NDArray[np.float64]:
    if hasattr(measured, "detach"):  # a torch tensor, perhaps with a gradient
        measured = measured.detach().cpu()
    array = np.asarray(measured)
    if array.dtype.kind not in "biuf" or array.size == 0:
        raise ValueError(
            f"measured is a real number or a non-empty array of them; got {array.dtype} "
            f"of shape {array.shape}"
        )
    return array.astype(np.float64).ravel()


def _describe(ends: list[float], low: float | None, high: float | None) -> str:
    """Three digits, or as many as it takes to see on which side of the bounds they are."""
    for digits in range(3, 18):  # 17 digits are exact
        shown = [f"{end:.{digits}g}" for end in ends]
        if _inside([float(x) for x in shown], low, high) == _inside(ends, low, high):
            break
    return shown[0] if shown[0] == shown[1] else " … ".join(shown)
