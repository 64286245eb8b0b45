"""`export`: the scores of everybody in every lesson as a CSV file, one line each."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from tqdm import tqdm

from helpers.instructor.course import Course, harmless, quiet

COLUMNS = (
    "lesson", "student", "last_name", "first_name", "email", "score", "max_score", "auto_score",
    "written_score", "late_penalty", "timestamp", "status", "needs_review", "reason",
)  # fmt: skip


def export(course: Course, path: Path) -> int:
    """Writes the scores; returns the number of lines. A lesson not handed in counts 0."""
    with quiet(), course.api().gradebook as gradebook:
        rows = list(_list_rows(course, gradebook))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({k: harmless(v) for k, v in row.items()} for row in rows)
    return len(rows)


def _list_rows(course: Course, gradebook: Gradebook) -> Iterator[dict[str, Any]]:
    for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
        students = sorted(gradebook.students, key=lambda s: s.id)
        for student in tqdm(students, desc=f"export {assignment.name}", unit="student"):
            result = course.read_result(assignment.name, student.id)
            row = {
                "lesson": assignment.name,
                "student": student.id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "email": student.email,
                "max_score": assignment.max_score,
                "status": result.get("status", "not graded"),
                "reason": result.get("reason", ""),
            }
            yield row | _find_scores(gradebook, assignment.name, student.id)


def _find_scores(gradebook: Gradebook, lesson: str, student: str) -> dict[str, Any]:
    try:
        submission = gradebook.find_submission(lesson, student)
    except MissingEntry:
        return {"score": 0.0, "auto_score": 0.0, "written_score": 0.0, "needs_review": False}
    return {
        "score": max(submission.score - submission.late_submission_penalty, 0.0),
        "auto_score": submission.code_score,
        "written_score": submission.written_score,
        "late_penalty": submission.late_submission_penalty,
        "timestamp": submission.timestamp,
        "needs_review": submission.needs_manual_grade,
    }
