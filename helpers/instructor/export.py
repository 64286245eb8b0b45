"""`export`: the scores of everybody in every lesson as a CSV file, one line each."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from tqdm import tqdm

from helpers.instructor.collect import LATE
from helpers.instructor.course import Course, harmless, quiet, require_folder
from helpers.instructor.penalties import update_penalties
from helpers.instructor.sanitize import one_line

COLUMNS = (
    "lesson", "student", "last_name", "first_name", "email", "score", "max_score", "code_score",
    "written_score", "late_penalty", "timestamp", "status", "needs_review", "reason",
)  # fmt: skip
MAX_LATE = 100  # bytes
WAITING = "collected, not graded"


def export(course: Course, path: Path) -> list[dict[str, Any]]:
    """Writes the scores, and returns the lines. A lesson not handed in, or not graded, counts 0.

    Raises CourseError when there is no such folder.
    """
    require_folder(path)
    with quiet(), course.api().gradebook as gradebook:
        lessons = [lesson.name for lesson in gradebook.assignments]
    for lesson in lessons:
        update_penalties(course, lesson)
    with quiet(), course.api().gradebook as gradebook:
        rows = list(_list_rows(course, gradebook))
    # the mark at the start is for spreadsheets, which would break umlauts without it
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({k: harmless(_round(v)) for k, v in row.items()} for row in rows)
    return rows


def _round(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def count_waiting(gradebook: Gradebook, lesson: str, *, given: bool = True) -> Counter[str]:
    """How many written answers of each student wait for points in formgrader.

    `given`: also those that were graded again after somebody gave points, which they still have.
    """
    written = (
        gradebook.db.query(SubmittedAssignment.student_id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .filter(Assignment.name == lesson, Grade.needs_manual_grade)
        .filter(BaseCell.name.like("written-%"))
    )
    if not given:
        written = written.filter(Grade.manual_score.is_(None))
    return Counter(student for (student,) in written)


def _list_rows(course: Course, gradebook: Gradebook) -> Iterator[dict[str, Any]]:
    students = {student.id: student for student in gradebook.students}
    for lesson in sorted(gradebook.assignments, key=lambda a: a.name):
        collected = course.submitted(lesson.name)
        waiting = count_waiting(gradebook, lesson.name)
        everybody = sorted({*students, *collected})
        # on a terminal only: in a log, three empty bars a lesson say nothing
        for name in tqdm(everybody, f"export {lesson.name}", unit="student", disable=None):
            student = students.get(name)  # None: not graded yet in any lesson
            yield {
                "lesson": lesson.name,
                "student": name,
                "last_name": getattr(student, "last_name", None),
                "first_name": getattr(student, "first_name", None),
                "email": getattr(student, "email", None),
                "max_score": lesson.max_score,
                "status": "missing",
                "reason": "nothing was handed in",
                **_find_outcome(course, lesson.name, name, waiting[name], name in collected),
                **_find_scores(gradebook, lesson.name, name),
            }


def _find_outcome(
    course: Course, lesson: str, student: str, waiting: int, collected: bool
) -> dict[str, str]:
    result = course.read_result(lesson, student)
    if collected and result.get("status", "missing") == "missing":
        return {"status": WAITING, "reason": f"{WAITING}; first: {course.command('grade', lesson)}"}
    reasons = [result["reason"]] if result else []
    reasons += _read_late(course, lesson, student)
    if waiting:
        told = "1 written answer waits" if waiting == 1 else f"{waiting} written answers wait"
        reasons.append(f"{told} for points")
    told = "; ".join(r for r in reasons if r != "graded") or "graded"
    return {"status": result["status"], "reason": told} if result else {}


def _read_late(course: Course, lesson: str, student: str) -> list[str]:
    """What the platform said when the submission was collected."""
    path = course.root / "submitted" / student / lesson / LATE
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_LATE:
        return []
    return [one_line(path.read_text(encoding="utf-8", errors="replace").strip(), MAX_LATE)]


def _find_scores(gradebook: Gradebook, lesson: str, student: str) -> dict[str, Any]:
    try:
        submission = gradebook.find_submission(lesson, student)
    except MissingEntry:
        return {"score": 0.0, "code_score": 0.0, "written_score": 0.0, "needs_review": False}
    return {
        "score": max(submission.score - submission.late_submission_penalty, 0.0),
        "code_score": submission.code_score,
        "written_score": submission.written_score,
        "late_penalty": submission.late_submission_penalty,
        "timestamp": submission.timestamp,
        "needs_review": submission.needs_manual_grade,
    }
