"""Judges of random answers: each looks at properties of the outputs, never at single values.

A judge is a function `judge(calls) -> list[Property]`, in `helpers/judges/lesson_NN.py`, over all
calls of one check. A statistical property allows z = 5 standard errors, so that a right answer
fails about once in two million checks, and a neighboring formula does not pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from helpers.compare import Problem, name_type

Z = 5.0
FAR = 8.0  # standard errors of the largest of thousands of values, instead of 5 of one

OTHER_SOURCE = (
    "two calls with equal generators gave different results: draw from `rng` only, not from "
    "np.random or a generator of your own"
)
ONE_DRAW = (
    "generators with different seeds gave the same result: draw from `rng`, not from a generator "
    "with a seed of your own"
)


@dataclass(frozen=True)
class Call:
    """One call of an answer: the probe's arguments (a `Seed` for a generator) and the output."""

    arguments: tuple[Any, ...]
    output: Any


@dataclass(frozen=True)
class Property:
    """One property: the value it has, the value it should have, and how far off it may be.

    Properties of one `part` earn its share of the points together; without one, each on its own.
    """

    name: str
    got: float
    expected: float
    tolerance: float
    part: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value is within the tolerance; NaN never is."""
        return bool(abs(self.got - self.expected) <= self.tolerance)


class AtLeast(Property):
    """A property that holds when the value reaches the expected one."""

    @property
    def holds(self) -> bool:
        """Whether the value is high enough; NaN never is."""
        return bool(self.got >= self.expected)


class Unfit(Exception):
    """Raised by a judge when an output has the wrong type or shape, so that nothing can be said.

    `arguments` are those of the call that gave it, where the judge told them (`looking_at`).
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(kind, text)
        self.arguments: tuple[Any, ...] | None = None


@contextmanager
def looking_at(call: Call) -> Iterator[None]:
    """An `Unfit` that is raised inside knows this call: it is the one to show."""
    try:
        yield
    except Unfit as unfit:
        unfit.arguments = call.arguments
        raise


Judge = Callable[..., list[Property]]
TRUSTED = "helpers.instructor."  # a judge that only the grader can find


class NoJudge(ValueError):
    """There is no judge of this name."""


def find_judge(name: str) -> Judge:
    """The judge of a name such as "lesson_04.dropout_mask". Raises NoJudge if there is none.

    A name that begins with `TRUSTED` is a full one: such a judge is not in a learner's package.
    """
    module, _, function = name.rpartition(".")
    place = module if name.startswith(TRUSTED) else f"helpers.judges.{module}"
    try:
        found = getattr(import_module(place), function)
    except (ImportError, AttributeError) as error:
        raise NoJudge(f"no judge {name!r} in helpers/judges/: {error}") from error
    judge: Judge = found
    return judge


def require_array(output: Any, shape: tuple[int, ...], *, what: str = "the output") -> np.ndarray:
    """The output as an array of this shape; raises `Unfit` with a sentence when it is not one."""
    if not isinstance(output, np.ndarray):
        missing = ": is a `return` missing?" if output is None else ""
        got = f"got {name_type(output)} for {what}"
        raise Unfit("type", f"{got}, expected an array of shape {shape}{missing}")
    if output.dtype.kind not in "biuf":
        raise Unfit("type", f"got values of dtype {output.dtype} for {what}, expected numbers")
    if output.shape != shape:
        raise Unfit("shape", f"got shape {output.shape} for {what}, expected {shape}")
    if output.dtype.kind == "f" and not np.isfinite(output).all():
        raise Unfit("non-finite", f"{what} has entries that are NaN or infinite")
    return output


def require_pair(output: Any, what: str) -> tuple[Any, Any]:
    """Both items of a tuple or list of two; raises `Unfit` with a sentence when it is not one.

    what: such as "two arrays (indices, out_of_bag)".
    """
    if isinstance(output, tuple | list) and len(output) == 2:
        return output[0], output[1]
    missing = ": is a `return` missing?" if output is None else ""
    count = len(output) if isinstance(output, tuple | list) else None
    items = "" if count is None else f" of {count} item{'s' * (count != 1)}"
    raise Unfit("type", f"got {name_type(output)}{items}, expected {what}{missing}")


def as_part(name: str, *properties: Property) -> list[Property]:
    """The same properties, as one part: it is right when all of them hold."""
    return [replace(p, part=name) for p in properties]


def exactly(name: str, got: float, expected: float, *, tolerance: float = 1e-9) -> Property:
    """A property that holds to rounding error."""
    return Property(name, float(got), float(expected), tolerance)


def at_least(name: str, got: float, low: float) -> Property:
    """A property that holds when a value is `low` or more."""
    return AtLeast(name, float(got), float(low), 0.0)


def share(name: str, hits: np.ndarray, probability: float) -> Property:
    """The share of independent hits (booleans, any shape) is a probability, within z·SE."""
    error = np.sqrt(probability * (1 - probability) / hits.size)
    return Property(name, float(np.mean(hits)), probability, Z * float(error) + 1e-12)


def mean_of(name: str, values: np.ndarray, expected: float, *, std: float) -> Property:
    """The mean of independent values of a known std, within z·SE."""
    error = std / np.sqrt(values.size)
    return Property(name, float(np.mean(values)), expected, Z * float(error) + 1e-12)


def spread_of(name: str, squares: float, *, dof: int) -> Property:
    """How far values scatter, next to what they should: `squares` is a sum of standardized squares.

    It should be chi-square with `dof` degrees of freedom. The cube root of its mean is nearly
    normal even for few (Wilson and Hilferty 1931, "The distribution of chi-square").
    """
    error = np.sqrt(2 / (9 * dof))
    return Property(name, float(np.cbrt(squares / dof)), 1 - float(error) ** 2, Z * float(error))


def products_by_distance(rows: np.ndarray) -> np.ndarray:
    """Of values in rows (s, n): the sum of the products of all pairs d apart, d = 1 … n − 1.

    The rows are rings: entry n is entry 0 again, so that every distance has s·n pairs. Of
    standardized values without correlation each sum has mean 0 and std √(s·n), or √2 of that
    where d = n / 2 counts every pair twice.
    """
    waves = np.fft.fft(rows, axis=1)
    return np.asarray(np.fft.ifft((np.abs(waves) ** 2).sum(0)).real[1:])


def farthest(name: str, values: np.ndarray, *, std: float) -> Property:
    """The one of many values of mean 0 and this std that is farthest from 0, within `FAR` of it.

    NaN, which never holds, when there are no values.
    """
    largest = values[np.abs(values).argmax()] if values.size else np.nan
    return Property(name, float(largest), 0.0, FAR * std)


def repeats(name: str, first: np.ndarray, again: np.ndarray) -> Property:
    """The same seed gave the same output twice: the answer draws from the generator it is given."""
    return exactly(name, float(np.array_equal(first, again)), 1.0)


def varies(name: str, one: np.ndarray, other: np.ndarray) -> Property:
    """Two seeds gave different outputs: the answer really draws."""
    return exactly(name, float(not np.array_equal(one, other)), 1.0)
