"""`rubrics.md` in a course's folder: how the written answers of its lessons are to be graded."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat

from helpers.instructor.course import Course, write_atomically
from helpers.instructor.exercise import ExerciseError, Lesson, Written
from helpers.instructor.exercises import load_lesson

FILE = "rubrics.md"
HEAD = """\
# Rubrics of the written answers

For those who grade, not for learners: model answers are in it. `release` writes it anew.
"""


def write_rubrics(course: Course) -> Path:
    """Writes the rubrics of all lessons in the course's `source/`; returns the path."""
    parts = [HEAD]
    for path in sorted((course.root / "source").glob("*/*.ipynb")):
        with suppress(ExerciseError):  # an assignment of the instructor's own
            lesson = load_lesson(path.stem[:2])
            if path.stem == lesson.stem:
                parts += _tell_lesson(lesson, path)
    target = course.root / FILE
    write_atomically(target, "\n".join(parts))
    return target


def _tell_lesson(lesson: Lesson, path: Path) -> Iterator[str]:
    solved = nbformat.read(path, as_version=4)
    answers = {c.id: re.sub(r"^### (BEGIN|END) SOLUTION\n?", "", c.source, flags=re.MULTILINE)
               for c in solved.cells}  # fmt: skip
    for question in lesson.written:
        cell = f"written-{question.id.replace('.', '-')}"
        yield _tell(question, cell, answers[cell])


def _tell(question: Written, cell: str, answer: str) -> str:
    lines = [f"- **{_count(points)}**: {text}" for text, points in question.rubric.items()]
    quoted = [f"> {line}".rstrip() for line in answer.strip().split("\n")]
    head = f"## {question.id} {question.title} ({_count(question.points)})"
    told = f"The cell `{cell}`. A full answer earns {_count(question.points)}:"
    return "\n".join([head, "", told, "", *lines, "", "A model answer:", "", *quoted, ""])


def _count(points: int) -> str:
    return "1 point" if points == 1 else f"{points} points"
