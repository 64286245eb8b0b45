"""Asks an answer for its outputs, inside the box. The text of this file is sent there.

It may use the learner's package only; what it sends back is judged outside, as hostile input.
"""

import json
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from helpers.compare import name_type
from helpers.judging import Outcome, argument_names, call_answer
from helpers.values import DTYPES, MAX_DEPTH, decode, encode

MIME = "application/vnd.course.outcomes"
MAX_TEXT = 2000  # characters of an error's text


def answer_probes(namespace: Mapping[str, Any], function: str, probes: str) -> str:
    """Calls namespace[function] on each probe (JSON, as `values.encode` writes it).

    Returns JSON: {"names": [...], "outcomes": [...]}, or {"missing": "why"} if it is no function.
    """
    if function not in namespace:
        return json.dumps({"missing": f"the notebook defines no `{function}`"})
    answer = namespace[function]
    if not callable(answer):
        return json.dumps({"missing": f"`{function}` is {name_type(answer)}, not a function"})
    arguments = [decode(probe) for probe in json.loads(probes)]
    outcomes = [pack(call_completely(answer, tuple(a))) for a in arguments]
    names = argument_names(answer, len(arguments[0])) if arguments else []
    return json.dumps({"names": [str(n) for n in names], "outcomes": outcomes})


def call_completely(answer: Callable[..., Any], probe: tuple[Any, ...]) -> Outcome:
    """The outcome, also of an answer that asks Python to exit."""
    try:
        return call_answer(answer, probe)
    except BaseException as error:  # SystemExit; KeyboardInterrupt is how the grader ends a call
        if isinstance(error, KeyboardInterrupt):
            raise
        name = type(error).__name__
        return Outcome(error=name, error_text=f"{name}: it asked Python to exit")


def pack(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON; an output that is not plain data is told by the name of its type."""
    packed: dict[str, Any] = {
        "error": outcome.error[:100],
        "error_text": outcome.error_text[:MAX_TEXT],
        "changed": str(outcome.changed_input)[:100],
    }
    if outcome.error:
        return packed
    try:
        packed["output"] = encode(plain(outcome.output))
        json.dumps(packed["output"])
    except Exception:  # a hostile object may raise anything
        packed["kind"] = describe(outcome.output)
    return packed


def plain(value: Any, depth: int = 0) -> Any:
    """The same value in the types that can be sent: other floats and integers are widened."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):  # np.str_ is one, and a np.generic, too
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.name in DTYPES:
            return array
        return array.astype({"f": "float64", "i": "int64", "u": "int64"}[array.dtype.kind])
    if isinstance(value, list | tuple):
        return (
            [plain(v, depth + 1) for v in value]
            if isinstance(value, list)
            else tuple(plain(v, depth + 1) for v in value)
        )
    if isinstance(value, Mapping):
        return {plain(k, depth + 1): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def describe(value: Any) -> list[str]:
    """The module and the name of a value's type, such as ["torch", "Tensor"]."""
    kind = type(value)
    name = kind.__name__
    if isinstance(value, np.ndarray):
        name = f"array of dtype {value.dtype}"
    return [str(kind.__module__).split(".")[0][:50], str(name)[:80]]
