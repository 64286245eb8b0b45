"""Runs of notebooks in forks of a warm process: like cold ones, and independent of each other."""

import gc
import json
import os
from pathlib import Path

import pytest

from tests.nest import POSSIBLE, Nest
from tests.running import run_notebook, write_notebook

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="forks of a warm process are for Linux")

TELL = """
import json, os, pathlib, random, sys
import numpy as np, torch
pathlib.Path({file!r}).write_text(json.dumps({{
    "left": "left_behind" in globals() or hasattr(np, "left_behind"),
    "own": [n for n in sys.modules if n.split(".")[0] in ("helpers", "tests")],
    "path": sys.path,
    "folder": os.getcwd(),
    "main": sys.modules["__main__"].__dict__ is globals(),
    "draws": [random.random(), np.random.random(), torch.rand(1).item()],
    "threads": torch.get_num_threads(),
}}))
left_behind = np.left_behind = True
"""


def tell(folder: Path, *, threads: int | None = 1) -> dict[str, object]:
    """What a kernel finds at its start."""
    folder.mkdir()
    source = TELL.format(file=str(folder / "told.json"))
    run = run_notebook(
        write_notebook(folder / "tell.ipynb", source), folder, sweeping=False, threads=threads
    )
    assert run.passed, run.explain()
    told: dict[str, object] = json.loads((folder / "told.json").read_text())
    return told


def test_a_warm_kernel_finds_what_a_cold_one_finds(tmp_path: Path) -> None:
    """Nothing of the run before, nothing of this project, its own folder, its own random draws."""
    first, second = tell(tmp_path / "first"), tell(tmp_path / "second")
    cold = tell(tmp_path / "cold", threads=None)
    assert set(first["draws"]).isdisjoint(second["draws"])  # type: ignore[call-overload]
    assert first["threads"] == second["threads"] == 1
    for told, name in ((first, "first"), (second, "second"), (cold, "cold")):
        assert told["folder"] == str(tmp_path / name)
        assert told["path"] == cold["path"]
        assert (told["left"], told["own"], told["main"]) == (False, [], True)


def test_a_warm_process_that_died_is_said(tmp_path: Path) -> None:
    nest = Nest()
    assert 0 < nest.seconds < 120
    nest.process.kill()
    nest.process.wait()
    with pytest.raises(RuntimeError, match="ended; its words are above"):
        nest.run([], {}, tmp_path / "log")
    nest.stop()


def test_a_warm_process_that_does_not_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe or a process left open warns when it is collected, and here a warning fails."""
    monkeypatch.setattr("tests.nest.SERVE", "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="ended; its words are above"):
        Nest()
    gc.collect()


def test_a_fork_that_fails_is_no_success(tmp_path: Path) -> None:
    nest = Nest()
    arguments, alone = (
        ["-c", os.devnull, "--no-such-option"],
        {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert nest.run(arguments, alone, tmp_path / "log") == 4  # pytest's "wrong usage"
    assert "--no-such-option" in (tmp_path / "log").read_text()
    assert nest.run([], {}, tmp_path / "none" / "log") == 1  # this log cannot be opened
    nest.stop()
