"""Every notebook runs from top to bottom: as a learner gets it, and solved."""

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.instructor.build import build_solved
from tests.running import (
    NOTEBOOKS,
    ROOT,
    Run,
    count_explorables,
    run_notebook,
    write_notebook,
)

BAD_CELLS = {
    "Cell 0": ("1 / 0", "ZeroDivisionError"),
    "Cell 1": ("import sys; print('oops', file=sys.stderr)", "writes to stderr"),
    "Cell 2": ("# NBVAL_SKIP\npass", "marked skip"),
    "Cell 3": ("# NBVAL_RAISES_EXCEPTION\n1 / 0", "marked check_exception"),
    "Cell 4": (  # a UDP socket's connect sends nothing, whatever this test does
        "import socket\nsocket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
        "the network is blocked in tests; tried to reach '192.0.2.1'",
    ),
    "Cell 5": (
        "import urllib.request\nurllib.request.urlopen('http://course.invalid')",
        "the network is blocked in tests; tried to reach 'course.invalid'",
    ),
}
BROKEN_EXPLORABLE = """
from matplotlib import pyplot as plt
from helpers import explore
fig, ax = plt.subplots()
(line,) = ax.plot([0, 1], [0, 1])
def update(width):
    line.set_linewidth(1 / (5 - width))
    return line
explore(fig, update, alt="a line", width=(1, 5, 2))
"""


def ids(path: Path) -> str:
    return path.stem


def require_good(run: Run, path: Path) -> None:
    """No cell failed, and every explorable was swept."""
    assert run.passed, run.explain()
    assert len(run.pictures) >= count_explorables(path), "an explorable was not swept"
    assert all(n >= 2 for n in run.pictures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_unfilled_notebook_runs(
    path: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    run = run_notebook(path, tmp_path)
    record_property("cpu_seconds", run.cpu_seconds)
    require_good(run, path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_solved_notebook_passes_every_check(
    path: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    (solved,) = build_solved(tmp_path / "solved", lessons=[path.stem[:2]])
    run = run_notebook(solved, tmp_path, strict=True, sweeping=False)  # the unfilled run sweeps
    record_property("cpu_seconds", run.cpu_seconds)
    assert run.passed, run.explain()


def test_a_lesson_without_a_notebook_does_not_go_unnoticed() -> None:
    sources = sorted(p.stem for p in (ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
    assert [p.stem for p in NOTEBOOKS] == sources


def test_bad_cells_are_found(tmp_path: Path) -> None:
    sources = [source for source, _ in BAD_CELLS.values()]
    run = run_notebook(write_notebook(tmp_path / "bad.ipynb", *sources), tmp_path)
    assert not run.passed
    assert set(run.failures) == set(BAD_CELLS)
    for name, (_, message) in BAD_CELLS.items():
        assert message in run.failures[name]


def test_broken_explorable_is_found(tmp_path: Path) -> None:
    run = run_notebook(write_notebook(tmp_path / "bad.ipynb", BROKEN_EXPLORABLE), tmp_path)
    assert list(run.failures) == ["Cell 1"]  # the appended one
    assert "ZeroDivisionError" in run.failures["Cell 1"]


def test_good_notebook_passes(tmp_path: Path) -> None:
    good = BROKEN_EXPLORABLE.replace("5 - width", "6 - width")
    path = write_notebook(tmp_path / "good.ipynb", good, "import os; os.environ['COURSE_PROGRESS']")
    run = run_notebook(path, tmp_path)
    require_good(run, path)
    assert run.pictures == [3]
    assert 0 < run.cpu_seconds < 120


def test_strict_run_rejects_an_unfilled_notebook(tmp_path: Path) -> None:
    """The solved runs would pass on anything if strict mode did not reach the kernel."""
    path = next(p for p in NOTEBOOKS if "check(" in p.read_text(encoding="utf-8"))
    run = run_notebook(path, tmp_path, strict=True, sweeping=False)
    assert not run.passed


def test_unknown_path_is_no_success(tmp_path: Path) -> None:
    run = run_notebook(write_notebook(tmp_path / "empty.ipynb"), tmp_path, sweeping=False)
    assert run.passed  # only the appended cell
    with pytest.raises(FileNotFoundError):
        run_notebook(tmp_path / "missing.ipynb", tmp_path)
