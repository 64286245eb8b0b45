"""The hostile suite through our grader and through stock nbgrader, side by side.

    python -m tests.benchmarks.hostile_vs_nbgrader [--only WORDS ...] [--seconds 10]

Stock nbgrader runs what it grades, so it is run inside bubblewrap, with a course folder of its own
that it can spoil; what could harm the machine even so (bombs, floods, endless loops that take
nbgrader along) is not handed to it, and marked "not run". A case is right when the points are
those that its honest answers deserve.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

import helpers
from helpers.instructor.build import dump, find_sources, read_source
from helpers.instructor.build import release as release_notebook
from helpers.instructor.course import Course
from helpers.instructor.exercise import encode_bank
from helpers.instructor.exercises import load_lesson
from helpers.instructor.grade import draw_tasks
from helpers.instructor.kernels.choose import WARM
from helpers.instructor.kernels.warm import readable_paths
from helpers.instructor.release import release
from helpers.instructor.submission import Job, find_notebook, run_job
from tests import small_lesson
from tests.hostile import CASES, resources
from tests.hostile.lab import Case, hand_in
from tests.small_lesson import NAME, NUMBER

NOT_RUN = {case.name for case in resources.CASES} - {
    "endless loop", "endless recursion", "sys.exit in a cell", "sys.exit in an answer",
    "os._exit in a cell", "os._exit in an answer", "quit()",
} | {"output without end", "a pipe"}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One case: the points deserved, ours, and nbgrader's (None: not run; text: what happened)."""

    name: str
    deserved: float
    ours: float | str
    stock: float | str | None


def run_ours(case: Case, folder: Path) -> float | str:
    """The points that our grader gives."""
    hand_in(case, folder)
    path, _ = find_notebook(folder, NAME)
    released = dump(release_notebook(read_source(find_sources([NUMBER])[0])))
    tasks = draw_tasks(NUMBER, b"benchmark")
    job = Job(case.name, str(path), released, tasks, WARM, case.seconds, seed=7)
    result = run_job(job)
    return float(sum(entry["points"] for entry in result["exercises"].values()))


def make_library(folder: Path) -> Path:
    """The learner's package with the small lesson's probes: what stock check cells call."""
    package = Path(helpers.__file__).parent
    ignore = shutil.ignore_patterns("instructor", "__pycache__")
    shutil.copytree(package, folder / "helpers", ignore=ignore)
    bank = folder / "helpers" / "checks" / f"{NUMBER}.json"
    bank.write_text(encode_bank(load_lesson(NUMBER)), encoding="utf-8")
    return folder


def run_stock(case: Case, template: Path, library: Path, seconds: int) -> float | str:
    """The points that `nbgrader autograde` gives, or what became of it."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "course"
        shutil.copytree(template, root)
        hand_in(case, root / "submitted" / "student" / NAME)
        nbgrader = str(Path(sys.executable).parent / "nbgrader")
        command = [nbgrader, "autograde", NAME, f"--ExecutePreprocessor.timeout={seconds}"]
        try:
            done = subprocess.run(
                [*wrap(root, library), *command], capture_output=True, text=True, timeout=180,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "hung"
        return read_score(root, done.returncode)


def wrap(root: Path, library: Path) -> list[str]:
    """Bubblewrap around nbgrader: the course is writable, the network is its own."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
    for path in readable_paths():
        if path in (str(Path(helpers.__file__).parent), str(library)):
            continue
        linked = Path(path).is_symlink()
        command += ["--symlink", os.readlink(path), path] if linked else ["--ro-bind", path, path]
    command += ["--tmpfs", "/tmp", "--bind", str(root), str(root), "--ro-bind", str(library)]
    settings = {"HOME": "/tmp", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(library)}
    settings["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command += [str(library), "--chdir", str(root), "--clearenv"]
    for key, value in settings.items():
        command += ["--setenv", key, value]
    return [*command, "--"]


def read_score(root: Path, code: int) -> float | str:
    """What the gradebook says after a run that ended with this exit code."""
    from nbgrader.api import MissingEntry

    with Course(root).api().gradebook as gradebook:
        try:
            submission = gradebook.find_submission(NAME, "student")
        except MissingEntry:
            return "no score, batch failed" if code else "no score"
        scored = [g for notebook in submission.notebooks for g in notebook.grades]
        if not any(g.auto_score is not None for g in scored if g.name.startswith("check")):
            return "no score, batch failed" if code else "no score"
        return float(sum(g.auto_score or 0 for g in scored if g.name.startswith("check")))


def tell(value: float | str | None) -> str:
    """A cell of the table."""
    if value is None:
        return "not run"
    return value if isinstance(value, str) else f"{value:g}"


def print_row(row: Row) -> None:
    """A line of the table, below the bar that shows how far it is."""
    cells = f"{row.deserved:>8g} | {tell(row.ours):>4} | {tell(row.stock)}"
    tqdm.write(f"| {row.name:<44} | {cells} |", file=sys.stdout)
    sys.stdout.flush()


def print_sums(rows: list[Row]) -> None:
    """How often each was right."""
    ran = [row for row in rows if row.stock is not None]
    ours = sum(row.ours == row.deserved for row in rows)
    stock = sum(row.stock == row.deserved for row in ran)
    more = sum(isinstance(r.stock, float) and r.stock > r.deserved for r in ran)
    print(f"\nright: ours {ours} of {len(rows)}; nbgrader {stock} of the {len(ran)} that were run,")
    print(f"and it gave more than deserved {more} times.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], help="cases whose name has one of these")
    parser.add_argument("--seconds", type=int, default=10, help="for a cell, in nbgrader")
    parser.add_argument("--json", type=Path, help="write the rows to this file as well")
    options = parser.parse_args()
    rows = run(options.only, options.seconds)
    if options.json:
        plain: list[dict[str, Any]] = [vars(row) for row in rows]
        options.json.write_text(json.dumps(plain, indent=1))


def run(words: list[str], seconds: int) -> list[Row]:
    """Runs the cases whose name has one of the words (all without any) and prints the table."""
    with small_lesson.installed(), tempfile.TemporaryDirectory() as name:
        print(f"| {'case':<44} | deserves | ours | nbgrader |\n|---|---|---|---|", flush=True)
        rows = compare(words, seconds, Path(name))
    print_sums(rows)
    return rows


def compare(words: list[str], seconds: int, folder: Path) -> list[Row]:
    """Runs the cases; all of them when no words are given."""
    template = release([NUMBER], folder / "template").root
    library = make_library(folder / "library")
    chosen = [c for c in CASES if not words or any(word in c.name for word in words)]
    rows = []
    for number, case in enumerate(tqdm(chosen, unit="case")):
        student = folder / f"ours-{number}" / "submitted" / "student" / NAME
        solved = student.parents[2] / "source" / NAME
        shutil.copytree(template / "source" / NAME, solved)
        ours = run_ours(case, student)
        stock = None if case.name in NOT_RUN else run_stock(case, template, library, seconds)
        rows.append(Row(case.name, float(sum(case.earned.values())), ours, stock))
        print_row(rows[-1])
    return rows


if __name__ == "__main__":
    main()
