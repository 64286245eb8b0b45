"""`leaderboard`: who reached what in the capstone, from what grading recorded; aliases on request.

The accuracy is the grader's own: a recipe trained again with secret seeds, on hidden images.
"""

import csv
import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.instructor.course import (
    Course,
    CourseError,
    harmless,
    lesson_stem,
    quiet,
    read_table,
)
from helpers.instructor.sanitize import one_line

LESSON, EXERCISE, MEASURED = "11", "11.2", "test accuracy"
MAX_NAME = 60  # characters of a name on the board
FIRST = (
    "amber", "brave", "calm", "clever", "coral", "eager", "gentle", "golden",
    "jolly", "keen", "lucky", "mellow", "noble", "quick", "quiet", "silver",
)  # fmt: skip
SECOND = (
    "badger", "crane", "dolphin", "falcon", "fox", "heron", "ibex", "koala",
    "lynx", "marten", "otter", "owl", "panda", "robin", "seal", "wren",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the board. `rank` is shared by equals; `review` marks a flagged submission."""

    rank: int
    name: str
    accuracy: float
    points: float
    review: bool = False


def read_board(
    course: Course, *, aliases: Mapping[str, str] | None = None, anonymous: bool = False
) -> tuple[list[Row], int]:
    """The rows of a course, best first, and how many submissions have no accuracy.

    `aliases` maps students to what to call them; `anonymous` gives everybody else an alias, too.
    Raises CourseError when nothing was graded, or when two students would have one name.
    """
    stem = lesson_stem(LESSON)
    every = {s: course.read_result(stem, s) for s in _graded(course, stem)}
    found = {s: result for s, result in every.items() if result.get("status") != "missing"}
    if not found:
        raise CourseError(
            f"nothing of {stem} is graded in {course.root}; first: {course.command('grade', stem)}"
        )
    scored = {s: r for s, r in found.items() if not math.isnan(accuracy_of(r))}
    names = _names(course, list(scored), aliases or {}, anonymous)
    accuracies = {s: accuracy_of(result) for s, result in scored.items()}
    rows = [
        Row(
            1 + sum(other > accuracies[student] for other in accuracies.values()),
            names[student],
            accuracies[student],
            float(result["exercises"][EXERCISE]["points"]),
            bool(result.get("needs_review")),
        )
        for student, result in scored.items()
    ]
    return sorted(rows, key=lambda row: (row.rank, row.name)), len(found) - len(scored)


def accuracy_of(result: Mapping[str, Any]) -> float:
    """The test accuracy in a recorded outcome; NaN when there is none."""
    entry = result.get("exercises", {}).get(EXERCISE, {})
    value = entry.get("measured", {}).get(MEASURED)
    return float(value) if isinstance(value, int | float) else math.nan


def make_aliases(students: Sequence[str], secret: bytes) -> dict[str, str]:
    """An alias for each student: it follows from the secret, and tells nothing without it."""
    aliases: dict[str, str] = {}
    marked = {s: hmac.digest(secret, s.encode(), "sha256") for s in students}
    for student in sorted(students, key=marked.__getitem__):
        mark = marked[student]
        stem = f"{FIRST[mark[0] % len(FIRST)]} {SECOND[mark[1] % len(SECOND)]}"
        taken = sum(a == stem or a.startswith(f"{stem} ") for a in aliases.values())
        aliases[student] = f"{stem} {taken + 1}" if taken else stem
    return aliases


def read_aliases(path: Path) -> dict[str, str]:
    """Aliases from a CSV file with the columns student and alias. Raises CourseError."""
    pairs = [(row["student"], row["alias"]) for row in read_table(path, ("student", "alias"))]
    if any(not student or not alias for student, alias in pairs):
        raise CourseError(f"{path}: a line has no student or no alias")
    return dict(pairs)


def tell_board(rows: Sequence[Row], without: int) -> str:
    """The board as text."""
    names = [one_line(row.name, MAX_NAME) for row in rows]  # a list of students may hold anything
    width = max([4, *map(len, names)])
    lines = [f"{'rank':>4}  {'name':{width}}  accuracy  points"]
    for row, name in zip(rows, names, strict=True):
        mark = "  *" if row.review else ""
        line = f"{row.rank:>4}  {name:{width}}  {row.accuracy:>8.1%}  {row.points:>6g}{mark}"
        lines.append(line)
    if any(row.review for row in rows):
        lines.append("* flagged: look at it before you show this board")
    if without:
        noun = "submission" if without == 1 else "submissions"
        lines.append(f"{without} {noun} without a recipe that could be trained")
    return "\n".join(lines)


def write_board(rows: Sequence[Row], path: Path) -> None:
    """The board as a CSV file that no spreadsheet takes for formulas."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["rank", "name", "accuracy", "points", "flagged"])
        for row in rows:
            values = (row.rank, row.name, round(row.accuracy, 4), row.points, row.review)
            writer.writerow([harmless(value) for value in values])


def _graded(course: Course, stem: str) -> list[str]:
    return sorted(path.stem for path in (course.root / "grading" / stem).glob("*.json"))


def _names(
    course: Course, students: Sequence[str], aliases: Mapping[str, str], anonymous: bool
) -> dict[str, str]:
    names = make_aliases(students, course.secret()) if anonymous else _full_names(course, students)
    names |= {student: aliases[student] for student in students if student in aliases}
    shared = [name for name in names.values() if list(names.values()).count(name) > 1]
    if shared:
        raise CourseError(f"two students would be shown as {shared[0]!r}; give one another alias")
    return names


def _full_names(course: Course, students: Sequence[str]) -> dict[str, str]:
    """First and last name where the gradebook has them and they are unique, else the id."""
    with quiet(), course.api().gradebook as gradebook:
        known = {
            s.id: " ".join(part for part in (s.first_name, s.last_name) if part)
            for s in gradebook.students
        }
    named = {student: known.get(student) or student for student in students}
    every = list(named.values())
    return {s: name if every.count(name) == 1 else f"{name} ({s})" for s, name in named.items()}
