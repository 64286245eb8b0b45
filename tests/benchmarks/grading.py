"""Seconds and CPU seconds a submission: our `grade` against stock `nbgrader autograde`.

    python -m tests.benchmarks.grading [--lesson 01] [--counts 6 60 300] [--stock 60] [-j 2]

Solved notebooks of a lesson are handed in by as many students. CPU is of all processes together:
this one is made the one that orphans fall to, so that all of them are waited for and counted.
"""

import argparse
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from helpers.instructor.course import Course, lesson_stem
from helpers.instructor.release import release

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Measured:
    """One run: wall and CPU seconds, and the largest process in MB."""

    count: int
    wall: float
    cpu: float
    peak: float

    def row(self, name: str) -> str:
        """A line of the table, per submission."""
        each = f"{self.wall / self.count:8.2f} {self.cpu / self.count:8.2f}"
        return f"{name:<28} {self.count:5d} {each} {self.cpu:9.1f} {self.peak:7.0f}"


def measure(command: list[str], count: int, folder: Path) -> Measured:
    """Runs a command to its end and counts what it and all its processes used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
    }
    log = folder / "run.log"
    started = time.perf_counter()
    with log.open("w") as output:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=output, stderr=output, check=False
        )
    wall = time.perf_counter() - started
    _wait_for_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(count, wall, cpu, after.ru_maxrss / 1024)


def _wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def make_class(root: Path, lesson: str, count: int) -> Course:
    """A course in which `count` students handed in the solved notebook."""
    course = release([lesson], root)
    stem = lesson_stem(lesson)
    source = root / "source" / stem / f"{stem}.ipynb"
    for number in range(count):
        folder = root / "submitted" / f"student-{number:03d}" / stem
        folder.mkdir(parents=True)
        shutil.copy(source, folder)
    return course


def run_ours(lesson: str, count: int, jobs: int) -> Measured:
    """`python -m helpers.instructor grade`, its start included."""
    with tempfile.TemporaryDirectory() as name:
        course = make_class(Path(name) / "course", lesson, count)
        command = [sys.executable, "-m", "helpers.instructor", "grade", lesson, "-j", str(jobs)]
        return measure(command, count, course.root)


def run_stock(lesson: str, count: int) -> Measured:
    """`nbgrader autograde` as it comes: it executes the whole notebook in a cold kernel."""
    with tempfile.TemporaryDirectory() as name:
        course = make_class(Path(name) / "course", lesson, count)
        nbgrader = str(Path(sys.executable).parent / "nbgrader")
        command = [nbgrader, "autograde", lesson_stem(lesson), "--ExecutePreprocessor.timeout=600"]
        return measure(command, count, course.root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lesson", default="01")
    parser.add_argument("--counts", type=int, nargs="+", default=[6, 60, 300])
    parser.add_argument("--stock", type=int, default=60, help="submissions for stock nbgrader")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    print(f"{'':<28} {'count':>5} {'s each':>8} {'CPU each':>8} {'CPU s':>9} {'peak MB':>7}")
    ours = []
    for count in options.counts:
        ours.append(run_ours(options.lesson, count, options.jobs))
        print(ours[-1].row(f"ours, -j {options.jobs}"), flush=True)
    if options.stock:
        stock = run_stock(options.lesson, options.stock)
        print(stock.row("nbgrader autograde"), flush=True)
        nearest = min(ours, key=lambda m: abs(m.count - options.stock))
        factor = (stock.cpu / stock.count) / (nearest.cpu / nearest.count)
        print(f"CPU a submission: {factor:.1f} times less than nbgrader, at {nearest.count}")
    if len(ours) > 1:
        first, last = ours[0], ours[-1]
        slope = (last.cpu - first.cpu) / (last.count - first.count)
        start = first.cpu - first.count * slope
        print(f"each further submission: {slope:.2f} CPU s; the start: {start:.1f} CPU s")


if __name__ == "__main__":
    main()
