"""Plain values survive the way to JSON and back; everything else is refused by name."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.instructor.asking import pack
from helpers.judging import Outcome
from helpers.values import MAX_DEPTH, Seed, decode, encode, fresh, same

SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text()
WORDS = {"nan", "inf", "-inf"}
ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
VALUES = st.recursive(
    SCALARS.filter(lambda v: v not in WORDS) | ARRAYS | st.builds(Seed, st.integers(0, 99)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5).filter(lambda k: k not in WORDS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_round_trip_is_exact(value: Any) -> None:
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert equal(back, value)


def equal(a: Any, b: Any) -> bool:
    if isinstance(b, Seed):
        return bool(a == b)
    if isinstance(b, np.ndarray):
        nan = b.dtype.kind == "f"
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=nan)
    if isinstance(b, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(b, dict):
        return list(a) == list(b) and all(equal(a[k], b[k]) for k in b)
    return type(a) is type(b) and (a == b or (a != a and b != b))


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ({1, 2}, TypeError, "set is not a plain value"),
        (np.array([object()]), TypeError, "dtype object"),
        (np.array([1j]), TypeError, "complex128"),
    ],
)
def test_what_is_not_plain_is_refused(value: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        encode(value)


def test_deep_nesting_is_refused_both_ways() -> None:
    value: Any = 1.0
    node: Any = 1.0
    for _ in range(MAX_DEPTH + 1):
        value, node = [value], {"list": [node]}
    with pytest.raises(ValueError, match="nested deeper"):
        encode(value)
    with pytest.raises(ValueError, match="nested deeper"):
        decode(node)


@pytest.mark.parametrize("node", [{}, {"what": 1}, [1], {"array": [1], "dtype": "O", "shape": [1]}])
def test_a_form_that_is_not_ours_is_refused(node: Any) -> None:
    with pytest.raises(ValueError, match=r"stored form|not accepted"):
        decode(node)


def test_fresh_copies_and_seeds() -> None:
    array = np.ones(3)
    copied, (rng,) = fresh((array, [Seed(3)]))
    copied[0] = 9
    assert array[0] == 1
    assert rng.random() == np.random.default_rng(3).random()
    assert fresh({"a": array})["a"] is not array


def test_same_takes_a_nan_for_a_nan() -> None:
    assert same(np.nan, float("nan"))
    assert same([1.0, np.nan], [1.0, np.nan])
    assert not same(1.0, np.nan)
    assert not same(np.nan, 1.0)
    assert not same("nan", np.nan)


def test_same_sees_a_changed_entry() -> None:
    before = {"a": [np.array([1.0, np.nan])], "b": "x"}
    after = fresh(before)
    assert same(after, before)
    after["a"][0][0] = 2.0
    assert not same(after, before)


def test_text_of_numpy_leaves_a_box_as_text() -> None:
    """An entry of np.array(["high", "low"]) is a right answer where "high" is."""
    packed = pack(Outcome(["nan", np.str_("high")]))
    assert packed["output"] == {"list": ["nan", "high"]}
    assert "kind" not in packed
