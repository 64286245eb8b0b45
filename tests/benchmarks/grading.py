"""Seconds and CPU seconds a submission: our `grade` against stock `nbgrader autograde`.

    python -m tests.benchmarks.grading [--lesson 01] [--counts 6 60 300] [--stock 60] [-j 2]

Solved notebooks of a lesson are handed in by as many students. CPU is of all processes together:
each run has a process of its own that orphans fall to, so that all are waited for and counted.
`python -m tests.benchmarks` prints this table and the hostile one.
"""

import argparse
import ctypes
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from helpers.instructor.course import Course, lesson_stem
from helpers.instructor.release import release

_PRCTL = ctypes.CDLL(None).prctl
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


def measure(command: list[str], count: int, course: Path, name: str) -> Measured:
    """Runs a command in a course to its end; counts what it and all its processes used."""
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
    }
    _PRCTL(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    log = course / "run.log"
    started = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=course, env=environment, stdout=output, stderr=output
        )
        code = _await(process, course, count, name)
    wall = time.perf_counter() - started
    _wait_for_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return Measured(count, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _await(process: "subprocess.Popen[bytes]", course: Path, count: int, name: str) -> int:
    """Shows how many submissions are graded while it runs; returns the exit code."""
    with tqdm(total=count, desc=name, unit="submission", leave=False) as bar:
        while process.poll() is None:
            bar.n = sum(1 for _ in course.glob("autograded/*/*/*.ipynb"))
            bar.refresh()
            time.sleep(0.5)
    return process.returncode


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
        return measure(command, count, course.root, "ours")


def run_stock(lesson: str, count: int) -> Measured:
    """`nbgrader autograde` as it comes: it executes the whole notebook in a cold kernel."""
    with tempfile.TemporaryDirectory() as name:
        course = make_class(Path(name) / "course", lesson, count)
        nbgrader = str(Path(sys.executable).parent / "nbgrader")
        command = [nbgrader, "autograde", lesson_stem(lesson), "--ExecutePreprocessor.timeout=600"]
        return measure(command, count, course.root, "nbgrader")


def run_apart(function: Callable[..., Measured], *arguments: object) -> Measured:
    """Calls one of these in a process of its own: what it waits for is that run's alone."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def compare(lesson: str, counts: list[int], stock: int, jobs: int) -> None:
    """Measures and prints the table, a line after each run."""
    print(f"{'':<28} {'count':>5} {'s each':>8} {'CPU each':>8} {'CPU s':>9} {'peak MB':>7}")
    ours = []
    for count in counts:
        ours.append(run_apart(run_ours, lesson, count, jobs))
        print(ours[-1].row(f"ours, -j {jobs}"), flush=True)
    if len(ours) > 1:
        first, last = ours[0], ours[-1]
        slope = (last.cpu - first.cpu) / (last.count - first.count)
        start = first.cpu - first.count * slope
        print(f"each further submission: {slope:.2f} CPU s; the start: {start:.1f} CPU s")
    if stock:
        theirs = run_apart(run_stock, lesson, stock)
        print(theirs.row("nbgrader autograde"), flush=True)
        nearest = min(ours, key=lambda m: abs(m.count - stock))
        factor = (theirs.cpu / theirs.count) / (nearest.cpu / nearest.count)
        print(f"CPU a submission: {factor:.1f} times less than nbgrader, at {nearest.count}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lesson", default="01")
    parser.add_argument("--counts", type=int, nargs="+", default=[6, 60, 300])
    parser.add_argument("--stock", type=int, default=60, help="submissions for stock nbgrader")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    options = parser.parse_args()
    compare(options.lesson, options.counts, options.stock, options.jobs)


if __name__ == "__main__":
    main()
