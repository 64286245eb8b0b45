"""A class from the instructor's side, without running answers: due dates, lists, rubrics, pages.

What grading makes of answers is in tests/test_grading.py.
"""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.instructor.batch import Batch, Settings
from helpers.instructor.course import Course, quiet
from helpers.instructor.export import export
from helpers.instructor.grade import draw_tasks
from helpers.instructor.release import release
from helpers.instructor.restore import read_cells
from helpers.instructor.submission import nothing
from tests import small_lesson
from tests.hostile.lab import Case, hand_in
from tests.small_lesson import NAME, NUMBER

SOLVED = Case(name="solved", about="", solved=True)
FULL = 7.0  # of the checks; 2 more are the written answer's


@pytest.fixture(autouse=True, scope="module")
def lesson() -> Iterator[None]:
    with small_lesson.installed():
        yield


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return release([NUMBER], tmp_path / "course")


def record(course: Course, student: str, *, remarks: list[str] | None = None) -> dict[str, Any]:
    """What grading records of a right submission, without running it; returns the outcome."""
    folder = course.root / "submitted" / student / NAME
    if not folder.exists():
        hand_in(SOLVED, folder)
    tasks = draw_tasks(NUMBER, course.secret())
    right = {"state": "right", "message": "Right."}
    exercises = {
        name: nothing(task, "") | right | {"points": float(task.points), "passed": task.total}
        for name, task in tasks.items()
    }
    result = {
        "status": "graded",
        "exercises": exercises,
        "remarks": remarks or [],
        "outputs": {},
        "notebook": (folder / f"{NAME}.ipynb").read_text(encoding="utf-8"),
    }
    assert read_cells(folder / f"{NAME}.ipynb")
    batch = Batch(course, NAME, course.read_release(NAME), tasks, "", Settings())
    batch._record(result, student, folder, "", [])
    return batch.summary.graded[student]


def run_nbgrader(course: Course, *command: str) -> str:
    """nbgrader's own command in the course's folder, as the instructor's page shows it."""
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        [bin_folder / "nbgrader", *command],
        cwd=course.root,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
    )
    return done.stdout + done.stderr


def exported(course: Course) -> dict[str, dict[str, str]]:
    """The lines of a new scores.csv by student."""
    path = course.root.parent / "scores.csv"
    export(course, path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def give_points(course: Course, student: str, cell: str, points: float) -> None:
    """As formgrader does it."""
    with quiet(), course.api().gradebook as gradebook:
        grade = gradebook.find_grade(cell, NAME, NAME, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


# -- deadlines -------------------------------------------------------------------------------------


def test_a_due_date_counts_whenever_it_is_set(course: Course) -> None:
    """And for points that are given later; nothing is graded again."""
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    for student in ("early", "late", "untimed"):
        record(course, student)
    times = {"early": "2026-11-20 11:59:59 UTC", "late": "2026-11-20 12:00:01 UTC"}
    for student, time in times.items():
        (course.root / "submitted" / student / NAME / "timestamp.txt").write_text(time)
    run_nbgrader(course, "db", "assignment", "add", NAME, "--duedate=2026-11-20 12:00:00 UTC")
    give_points(course, "late", "written-99-w", 2.0)
    rows = exported(course)
    assert {s: float(row["score"]) for s, row in rows.items()} == {
        "early": FULL, "late": 0.0, "untimed": FULL
    }  # fmt: skip
    assert float(rows["late"]["late_penalty"]) == FULL + 2
    assert rows["late"]["timestamp"] == "2026-11-20 12:00:01"
    run_nbgrader(course, "db", "assignment", "add", NAME, "--duedate=2026-11-21 12:00:00 UTC")
    assert float(exported(course)["late"]["score"]) == FULL + 2
