"""Runs a notebook under nbval, cut off from the network, and tells what happened."""

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tests.nbval_strict import FAILURES
from tests.nest import POSSIBLE, open_nest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT = 120  # seconds

# Runs after the last cell: what the kernel used, then every explorable over its whole range.
LAST_CELL = """
import json, pathlib, time
_told = {{"cpu_seconds": time.process_time(), "pictures": []}}  # of this kernel, all threads
_report = pathlib.Path({report!r})
_report.write_text(json.dumps(_told))
from helpers.explore import live, sweep
_told["pictures"] = [sweep(explorable, points=3) for explorable in live()] if {sweeping} else []
_report.write_text(json.dumps(_told))
"""
EXPLORES = re.compile(r"^(?!\s*def ).*\bexplore(_\w+)?\(", re.MULTILINE)
COLORS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Run:
    """One run of a notebook.

    failures: cell name -> what failed; "Cell 0" is the first code cell, the last is LAST_CELL.
    cpu_seconds: of the kernel, its start included, the sweep not; nan if it died.
    pictures: how many each explorable drew while it was swept.
    """

    exit_code: int
    failures: dict[str, str]
    cpu_seconds: float
    pictures: list[int]
    output: str

    @property
    def passed(self) -> bool:
        return self.exit_code == 0 and not self.failures

    def explain(self) -> str:
        """For the message of an assertion."""
        told = "\n\n".join(f"{k}\n{v}" for k, v in self.failures.items()) or self.output
        return COLORS.sub("", told)


def run_notebook(
    path: Path,
    folder: Path,
    *,
    strict: bool = False,
    sweeping: bool = True,
    threads: int | None = 1,
) -> Run:
    """Run a copy of the notebook in folder; strict makes a check that is not passed raise.

    threads: for the numerical libraries; None leaves them as a learner has them, in a kernel that
    starts cold.
    """
    report, failures = folder / "report.json", folder / "failures.json"
    notebook = nbformat.read(path, as_version=4)
    last = LAST_CELL.format(sweeping=sweeping, report=str(report))
    notebook.cells.append(nbformat.v4.new_code_cell(last, id="last-cell"))
    copy = folder / path.name
    nbformat.write(notebook, copy)
    environment = _environment(folder, strict, threads) | {FAILURES: str(failures)}
    log = folder / "nbval.log"
    if warm := POSSIBLE and threads == 1:
        exit_code = open_nest().run(_nbval(copy), environment, log)
    else:
        exit_code = _run_cold(_nbval(copy), environment, log)
    told = json.loads(report.read_text()) if report.exists() else {}
    return Run(
        exit_code=exit_code,
        failures=json.loads(failures.read_text()) if failures.exists() else {},
        cpu_seconds=told.get("cpu_seconds", math.nan) + (open_nest().seconds if warm else 0),
        pictures=told.get("pictures", []),
        output=log.read_text(errors="replace"),
    )


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook with these code cells, for tests that need one of their own."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    cells = [nbformat.v4.new_code_cell(s, id=f"cell-{i}") for i, s in enumerate(sources)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)
    return path


def count_explorables(path: Path) -> int:
    """How many code cells of a notebook make an explorable: explore(...), plots.explore_x(...)."""
    cells = nbformat.read(path, as_version=4).cells
    return sum(bool(c.cell_type == "code" and EXPLORES.search(c.source)) for c in cells)


def _run_cold(arguments: list[str], environment: dict[str, str], log: Path) -> int:
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return done.returncode


def _nbval(notebook: Path) -> list[str]:
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    own = ["-p", "nbval.plugin", "-p", "tests.nbval_strict", "-p", "no:cacheprovider"]
    place = ["-c", os.devnull, f"--rootdir={notebook.parent}", "--color=no", "-q"]
    return [*options, *own, *place, str(notebook)]


def _environment(folder: Path, strict: bool, threads: int | None) -> dict[str, str]:
    """This process's, less what would change a learner's run, with the network blocked."""
    changing = ("PYTEST", "COURSE_", "MPLBACKEND", "NBGRADER", "STRICT_CHECKS", "OMP_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(changing)}
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # hypothesis alone takes a second to import
        "PYTHONPATH": str(ROOT / "tests" / "offline"),
        "COURSE_PROGRESS": str(folder / "progress.json"),
        "COURSE_SEED": os.environ.get("COURSE_SEED", "0"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    if strict:
        environment["STRICT_CHECKS"] = "1"
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    return environment
