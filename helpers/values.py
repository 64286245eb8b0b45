"""Plain values to JSON and back: probe banks, and what a grader reads from a learner's process.

No pickle: what can be written is None, bool, int, float, str, arrays of numbers, and lists,
tuples and dicts of these. A `Seed` stands for a fresh random generator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES = frozenset({"float64", "float32", "int64", "int32", "int8", "uint8", "bool"})
MAX_DEPTH = 12


@dataclass(frozen=True)
class Seed:
    """An argument that becomes `np.random.default_rng(value)` when an answer is called."""

    value: int


def encode(value: Any, depth: int = 0) -> Any:
    """The JSON form of a plain value.

    Raises TypeError for what is not plain (it names the type), ValueError when nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"a value nested deeper than {MAX_DEPTH} levels cannot be stored")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return _encode_array(np.asarray(value))
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return _number(value)
    return _encode_container(value, depth)


def _encode_container(value: Any, depth: int) -> dict[str, Any]:
    if isinstance(value, Seed):
        return {"seed": value.value}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [encode(item, depth + 1) for item in value]}
    if isinstance(value, Mapping):
        pairs = [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in value.items()]
        return {"dict": pairs}
    raise TypeError(
        f"a {type(value).__name__} is not a plain value; use arrays, numbers, text, lists"
    )


def _encode_array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.name not in DTYPES:
        allowed = ", ".join(sorted(DTYPES))
        raise TypeError(f"an array of dtype {array.dtype} is not plain; allowed: {allowed}")
    flat = [_number(v) for v in array.ravel().tolist()]
    return {"array": flat, "dtype": array.dtype.name, "shape": list(array.shape)}


def _number(value: float) -> float | str:
    """JSON has no NaN or infinity: they are written as the texts nan, inf and -inf."""
    return value if np.isfinite(value) else str(float(value))


def decode(node: Any, depth: int = 0) -> Any:
    """The value of a JSON form made by `encode`. Raises ValueError when it is not one."""
    if depth > MAX_DEPTH:
        raise ValueError(f"a value nested deeper than {MAX_DEPTH} levels is not accepted")
    if node is None or isinstance(node, bool | int | float):
        return node
    if isinstance(node, str):
        return float(node) if node in {"nan", "inf", "-inf"} else node
    if isinstance(node, dict):
        for kind, reader in _READERS.items():
            if kind in node:
                return reader(node, depth)
    raise ValueError(f"not the stored form of a value: {str(node)[:60]}")


def _decode_array(node: dict[str, Any], depth: int) -> np.ndarray:
    if node.get("dtype") not in DTYPES:
        raise ValueError(f"an array of dtype {str(node.get('dtype'))[:20]!r} is not accepted")
    data = [float(v) if isinstance(v, str) else v for v in node["array"]]
    return np.array(data, dtype=node["dtype"]).reshape(node["shape"])


def _decode_dict(node: dict[str, Any], depth: int) -> dict[Any, Any]:
    return {decode(k, depth + 1): decode(v, depth + 1) for k, v in node["dict"]}


_READERS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "array": _decode_array,
    "seed": lambda node, depth: Seed(int(node["seed"])),
    "list": lambda node, depth: [decode(item, depth + 1) for item in node["list"]],
    "tuple": lambda node, depth: tuple(decode(item, depth + 1) for item in node["tuple"]),
    "dict": _decode_dict,
}


def fresh(value: Any) -> Any:
    """A deep copy of a plain value in which every `Seed` became a new generator."""
    if isinstance(value, Seed):
        return np.random.default_rng(value.value)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(fresh(item) for item in value)
    if isinstance(value, dict):
        return {k: fresh(v) for k, v in value.items()}
    return value


def same(a: Any, b: Any) -> bool:
    """Whether two plain values are equal to the last bit (NaN equals NaN); seeds are skipped."""
    if isinstance(b, Seed):
        return True
    if isinstance(b, np.ndarray):
        numeric = b.dtype.kind == "f"
        return isinstance(a, np.ndarray) and np.array_equal(a, b, equal_nan=numeric)
    if isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in b)
    if isinstance(b, float) and b != b:
        return isinstance(a, float) and a != a
    return bool(a == b)
