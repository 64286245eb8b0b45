"""Is an output what was expected, and if not, in which respect.

`Close` compares values entry by entry. `Judged` names a judge in `helpers.judges`, which looks at
properties of random outputs instead.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

COMPLAINTS = ("type", "shape", "non-finite", "value")  # in the order in which they are told
MOST_WORDS, MOST_LETTERS = 6, 40  # of a list, and of each of its words, that a message writes out


@dataclass(frozen=True)
class Close:
    """|got − expected| ≤ atol + rtol·|expected|, entry by entry; NaN only where NaN is expected."""

    rtol: float = 1e-6
    atol: float = 1e-9


@dataclass(frozen=True)
class Judged:
    """The outputs are judged by `helpers.judges.<name>`, such as "lesson_04.dropout_mask".

    With `seeds`, the judge is given them: secret ones, for what the grader itself draws at random.
    """

    name: str
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What is wrong with one output: a kind of COMPLAINTS, and a sentence that says it."""

    kind: str
    text: str


def close(*, rtol: float = 1e-6, atol: float = 1e-9) -> Close:
    """How an exercise says: compare the values, within these tolerances (both at least 0)."""
    if rtol < 0 or atol < 0:
        raise ValueError(f"tolerances are at least 0; got rtol={rtol}, atol={atol}")
    return Close(rtol, atol)


SINGLE = close(rtol=1e-5, atol=3e-6)  # values of about 1: an answer may compute in float32


def find_problem(got: Any, expected: Any, within: Close, where: str = "") -> Problem | None:
    """The first problem of `got`, or None. `where` names the part, such as " item 2"."""
    if type(got).__module__.split(".")[0] == "torch":
        return Problem("type", f"got a torch {type(got).__name__}{where}; turn it into NumPy first")
    if isinstance(expected, str) or expected is None:
        return _find_in_label(got, expected, where)
    if isinstance(expected, Mapping):
        return _find_in_dict(got, expected, within, where)
    if isinstance(expected, list | tuple):
        return _find_in_sequence(got, expected, within, where)
    return _find_in_array(got, expected, within, where)


def _find_in_label(got: Any, expected: str | None, where: str) -> Problem | None:
    if not isinstance(got, type(expected)):
        return Problem("type", _types(got, "text" if expected else "None", where))
    got = got if got is None else str(got)  # NumPy's text is text: an entry of np.array(["a"])
    same = bool(got == expected)
    return None if same else Problem("value", f"got {got!r}{where}, expected {expected!r}")


def _find_in_dict(
    got: Any, expected: Mapping[Any, Any], within: Close, where: str
) -> Problem | None:
    keys = ", ".join(repr(k) for k in expected)
    if not isinstance(got, Mapping):
        return Problem("type", _types(got, f"a dict with the keys {keys}", where))
    if set(got) != set(expected):
        return Problem("shape", f"got the keys {list(got)}{where}, expected {keys}")
    found = (find_problem(got[k], expected[k], within, f"{where} under {k!r}") for k in expected)
    return _worst(found)


def _find_in_sequence(
    got: Any, expected: list[Any] | tuple[Any, ...], within: Close, where: str
) -> Problem | None:
    if not isinstance(got, list | tuple):
        kind = "list" if isinstance(expected, list) else "tuple"
        return Problem("type", _types(got, f"a {kind} of {_number(expected)}", where))
    if len(got) != len(expected):
        return Problem("shape", f"got {_count(got)}{where}, expected {_count(expected)}")
    pairs = enumerate(zip(got, expected, strict=True))
    return _worst(find_problem(g, e, within, f"{where} in item {i}") for i, (g, e) in pairs)


def _number(items: Sequence[Any]) -> str:
    return f"{len(items)} item{'s' if len(items) != 1 else ''}"


def _count(items: Sequence[Any]) -> str:
    """`1 item` or `2 items`; of a few words they are told, too: `2 items ('shift', 'turn')`."""
    told = _number(items)
    if 0 < len(items) <= MOST_WORDS and all(isinstance(item, str) for item in items):
        told += f" ({', '.join(repr(item[:MOST_LETTERS]) for item in items)})"
    return told


def _worst(problems: Any) -> Problem | None:
    found = [p for p in problems if p is not None]
    return min(found, key=lambda p: COMPLAINTS.index(p.kind)) if found else None


def _find_in_array(got: Any, expected: Any, within: Close, where: str) -> Problem | None:
    wanted = np.asarray(expected)
    problem = _find_wrong_type(got, expected, wanted, where)
    if problem:
        return problem
    array = np.asarray(got)
    if array.shape != wanted.shape:
        shapes = f"got shape {array.shape}{where}, expected {wanted.shape}"
        return Problem("shape", shapes)
    if wanted.dtype.kind == "b":
        wrong = array != wanted
        return _describe("value", array, wanted, wrong, where) if wrong.any() else None
    numbers, target = array.astype(np.float64), wanted.astype(np.float64)
    wrong = ~np.isfinite(numbers) & np.isfinite(target)
    if wrong.any():
        return _describe("non-finite", array, wanted, wrong, where)
    equal = np.isclose(numbers, target, rtol=within.rtol, atol=within.atol, equal_nan=True)
    return None if equal.all() else _describe("value", array, wanted, ~equal, where)


def _find_wrong_type(got: Any, expected: Any, wanted: np.ndarray, where: str) -> Problem | None:
    scalar = wanted.ndim == 0
    number = isinstance(got, Real | np.bool_) or (isinstance(got, np.ndarray) and scalar)
    if not (number if scalar else isinstance(got, np.ndarray)):
        name = "a number" if scalar else f"an array of shape {wanted.shape}"
        return Problem("type", _types(got, name, where))
    kind = np.asarray(got).dtype.kind
    allowed = {"b": "b", "i": "iu", "u": "iu"}.get(wanted.dtype.kind, "fiu")
    if kind in allowed:
        return None
    names = {"b": "True or False", "i": "integers", "u": "integers", "f": "numbers"}
    return Problem(
        "type",
        f"got values of dtype {np.asarray(got).dtype}{where}, expected {names[wanted.dtype.kind]}",
    )


def _types(got: Any, expected: str, where: str) -> str:
    if got is None:
        return f"got None{where}, expected {expected}: is a `return` missing?"
    return f"got {name_type(got)}{where}, expected {expected}"


def name_type(value: Any) -> str:
    """What a message calls a value: "None", "a list", "an int", "an array"."""
    name = "array" if isinstance(value, np.ndarray) else type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _describe(
    kind: str, got: np.ndarray, expected: np.ndarray, wrong: np.ndarray, where: str
) -> Problem:
    """Shows small arrays whole; of large ones the first wrong entry and how many are wrong."""
    if got.size <= 8:
        one, other = _tell_apart(lambda digits: (_short(got, digits), _short(expected, digits)))
        return Problem(kind, f"got {one}{where}, expected {other}")
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    one, other = _tell_apart(lambda digits: (f"{got[index]:.{digits}g}",
                                             f"{expected[index]:.{digits}g}"))  # fmt: skip
    entry = f"entry {list(index)}{where}: got {one}, expected {other}"
    return Problem(kind, f"{entry} ({int(wrong.sum())} of {got.size} entries differ)")


def _tell_apart(write: Callable[[int], tuple[str, str]]) -> tuple[str, str]:
    """Two numbers as text with 6 digits, or as many as it takes until the texts differ."""
    texts = (write(digits) for digits in range(6, 18))
    return next(((one, other) for one, other in texts if one != other), write(17))


def _short(array: np.ndarray, digits: int) -> str:
    text = np.array2string(array, precision=digits, separator=", ", floatmode="maxprec")
    return " ".join(text.split())
