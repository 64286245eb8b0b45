"""What judges of random answers share: pairs, and correlations looked for at every distance."""

from typing import Any

import numpy as np
import pytest

from helpers.judges import FAR, Unfit, farthest, products_by_distance, require_pair


@pytest.mark.parametrize("output", [(1, 2), [1, 2]])
def test_a_pair_is_a_tuple_or_a_list(output: Any) -> None:
    assert require_pair(output, "two numbers") == (1, 2)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (None, "got None, expected two numbers: is a `return` missing?"),
        ((1, 2, 3), "got a tuple of 3 items, expected two numbers"),
        ([1], "got a list of 1 item, expected two numbers"),
        (np.zeros(2), "got an array, expected two numbers"),
    ],
)
def test_what_is_no_pair_is_told(output: Any, told: str) -> None:
    with pytest.raises(Unfit) as caught:
        require_pair(output, "two numbers")
    assert caught.value.problem.text == told


def test_products_are_those_of_rings() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 6))
    by_hand = [(rows * np.roll(rows, d, axis=1)).sum() for d in range(1, 6)]
    np.testing.assert_allclose(products_by_distance(rows), by_hand)


@pytest.mark.parametrize("apart", [1, 7, 50])
def test_a_correlation_is_found_at_any_distance(apart: int) -> None:
    free = np.random.default_rng(1).normal(size=(40, 100))
    tied = (free + np.roll(free, apart, axis=1)) / np.sqrt(2)
    for rows, holds in ((free, True), (tied, False)):
        errors = products_by_distance(rows) / np.sqrt(rows.size)
        assert farthest("correlation", errors, std=1).holds == holds


def test_the_farthest_of_nothing_never_holds() -> None:
    assert not farthest("nothing", np.array([]), std=1).holds
    found = farthest("three", np.array([1.0, -FAR - 0.1, 2.0]), std=1)
    assert (found.got, found.holds) == (-FAR - 0.1, False)
