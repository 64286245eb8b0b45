"""`seeds`: a lesson runs to its end whatever becomes of its claims, and all that fail are told."""

from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from helpers.instructor import seeds
from helpers.instructor.__main__ import main
from helpers.instructor.build import find_sources
from helpers.instructor.seeds import Run, run_lesson, run_seeds, tell_claims

START = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\nfrom helpers import *"
CLAIMS = """
claim("the seed is small", SEED, high=1)
claim("one is one", 1, low=1, high=1)
claim("the seed is small", 10 * SEED, high=15)
"""


@pytest.fixture
def lesson(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The source of a lesson's cells after the first, which imports; a test may change them."""
    cells = [CLAIMS]

    def read(source: Path) -> NotebookNode:
        return new_notebook(cells=[new_code_cell(text) for text in [START, *cells]])

    monkeypatch.setattr(seeds, "read_source", read)
    monkeypatch.setattr(seeds, "release", lambda notebook: notebook)
    return cells


def test_every_claim_of_a_run_is_recorded(lesson: list[str]) -> None:
    run = run_lesson(find_sources(["00"])[0], 2)
    told = [(claim["statement"], claim["holds"]) for claim in run.claims]
    small = ("the seed is small", False)
    assert told == [small, ("one is one", True), small]
    assert run.claims[0]["measured"] == [2.0, 2.0]
    assert run.summary.startswith("2 of 3 claims fail (")


def test_failed_claims_are_told_with_what_was_measured_on_all_seeds(
    lesson: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_seeds(find_sources(["00"]), [0, 2]) == 1
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told[0].startswith("00_warm_up seed 0: ok (")
    assert told[2:] == [
        "the seed is small: 0 … 2, at most 1: fails on 2",
        "the seed is small: 0 … 20, at most 15: fails on 2",
    ]


def test_all_claims_are_told_when_asked(
    lesson: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["seeds", "00", "--seeds", "0", "--all"]) == 0
    assert "  one is one: 1 … 1, exactly 1: holds\n" in capsys.readouterr().out


def test_a_cell_that_fails_stops_the_run_and_is_told(
    lesson: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lesson += ["1 / 0", CLAIMS]
    assert run_seeds(find_sources(["00"]), [0]) == 1
    assert "00_warm_up seed 0: ZeroDivisionError: division by zero (" in capsys.readouterr().out
    lesson[0] = "claim('the seed is large', SEED, low=1)"
    run = run_lesson(find_sources(["00"])[0], 0)
    assert run.summary.startswith("1 of 1 claims fail; ZeroDivisionError: division by zero (")


def test_a_claim_that_is_missing_on_a_seed_is_told_for_the_others() -> None:
    held = {"statement": "x", "measured": [1.0, 2.0], "bounds": "at most 3", "holds": True}
    lost = held | {"measured": [4.0, 5.0], "holds": False}
    runs = {0: Run([held], "", 1.0), 1: Run([], "stopped", 1.0), 7: Run([lost], "", 1.0)}
    assert tell_claims(runs) == ["x: 1 … 5, at most 3: fails on 7"]
    assert tell_claims({0: runs[0]}) == []
