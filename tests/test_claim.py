"""claim: prints what holds, raises what does not."""

import contextlib
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.claim import ClaimError, claim

numbers = st.floats(allow_nan=False, allow_infinity=False)


def test_prints_the_value_with_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    claim("the std is kept", 0.8341, low=0.6, high=1.4)
    assert capsys.readouterr().out == "✓ the std is kept: measured 0.834, between 0.6 and 1.4\n"


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"low": 2}, "at least 2"),
        ({"high": 3.5}, "at most 3.5"),
        ({"low": 3, "high": 3}, "exactly 3"),
        ({"low": 3 - 1e-9, "high": 3 + 1e-9}, "3 but for rounding"),
    ],
)
def test_says_one_sided_and_exact_bounds(
    bounds: dict[str, float], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    claim("x", 3, **bounds)
    assert capsys.readouterr().out == f"✓ x: measured 3, {words}\n"


@pytest.mark.parametrize(
    "measured", [np.array([[1.0, 2.0], [1.5, 3.0]]), [1, 3, 2], torch.tensor([1.0, 3.0])]
)
def test_an_array_shows_its_range(measured: object, capsys: pytest.CaptureFixture[str]) -> None:
    claim("x", measured, low=0, high=4)
    assert "measured 1 … 3, between 0 and 4" in capsys.readouterr().out


def test_takes_a_tensor_with_a_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    claim("x", torch.ones(3, requires_grad=True), low=1)
    assert "measured 1, at least 1" in capsys.readouterr().out


def test_takes_a_truth_value(capsys: pytest.CaptureFixture[str]) -> None:
    claim("the rows stay equal", np.True_, low=1)
    assert "measured 1, at least 1" in capsys.readouterr().out
    with pytest.raises(ClaimError):
        claim("the rows stay equal", False, low=1)


@given(numbers, numbers, numbers)
def test_raises_exactly_when_outside(value: float, a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    if low <= value <= high:
        claim("x", value, low=low, high=high)
    else:
        with pytest.raises(ClaimError):
            claim("x", value, low=low, high=high)


@pytest.mark.parametrize(
    "measured", [[0.5, 1.1], [-0.1, 0.5], [0.5, np.nan], np.nan, np.inf, -np.inf]
)
def test_one_bad_entry_is_enough(measured: object) -> None:
    with pytest.raises(ClaimError):
        claim("x", measured, low=0, high=1)


@pytest.mark.parametrize("bounds", [{"low": 0.0}, {"high": 0.0}])
def test_nan_is_on_no_side(bounds: dict[str, float]) -> None:
    with pytest.raises(ClaimError, match="nan"):
        claim("x", np.nan, **bounds)


def test_shows_digits_until_the_side_is_clear(capsys: pytest.CaptureFixture[str]) -> None:
    claim("x", 0.99961, low=0.9996, high=0.9997)
    assert "measured 0.9996, between 0.9996 and 0.9997" in capsys.readouterr().out
    with pytest.raises(ClaimError, match=r"measured 1\.0000001, expected at most 1"):
        claim("x", 1.0000001, high=1)


@given(numbers, numbers)
def test_the_printed_value_is_on_the_side_of_the_true_one(value: float, bound: float) -> None:
    out = io.StringIO()
    if value >= bound:
        with contextlib.redirect_stdout(out):
            claim("x", value, low=bound)
    else:
        with pytest.raises(ClaimError) as caught:
            claim("x", value, low=bound)
        out.write(str(caught.value))
    shown = float(out.getvalue().split("measured ")[1].split(",")[0])
    assert (shown >= bound) == (value >= bound)


def test_error_names_statement_value_and_bounds() -> None:
    with pytest.raises(ClaimError) as caught:
        claim("dropout helps", 1.00004, low=0, high=1)
    assert str(caught.value) == "dropout helps: measured 1.00004, expected between 0 and 1"


def test_error_is_an_assertion_error() -> None:
    assert issubclass(ClaimError, AssertionError)


@pytest.mark.parametrize(
    ("measured", "bounds", "message"),
    [
        (1, {}, "got neither"),
        (1, {"low": 2, "high": 1}, "got low=2, high=1"),
        (1, {"low": np.nan}, "got low=nan"),
        (1, {"low": 0, "high": np.nan}, "high=nan"),
        ([], {"low": 0}, r"shape \(0,\)"),
        ("0.5", {"low": 0}, "real number"),
        (1j, {"low": 0}, "complex128"),
        (None, {"low": 0}, "object"),
    ],
)
def test_refuses_what_is_no_claim(measured: object, bounds: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claim("x", measured, **bounds)


def test_with_a_file_for_claims_nothing_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "claims.jsonl"
    monkeypatch.setenv("COURSE_CLAIMS", str(file))
    claim("x", [3, math.nan], high=4)
    claim("y", [3, 5], low=3)
    with pytest.raises(ValueError, match="needs a bound"):
        claim("z", 3)
    first, second = map(json.loads, file.read_text().splitlines())
    assert second == {"statement": "y", "measured": [3, 5], "bounds": "at least 3", "holds": True}
    assert not first["holds"]
    assert capsys.readouterr().out.splitlines() == [
        "✗ x: measured nan, at most 4",
        "✓ y: measured 3 … 5, at least 3",
    ]
