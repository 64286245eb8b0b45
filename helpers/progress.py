"""What you have done so far, and what is left.

An exercise counts as it is now: one that was passed and fails again after a change earns nothing
until it passes again, and says "passed before".
"""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.judging import NOT_ATTEMPTED, PASSED, WRONG
from helpers.records import Records, record, recorded

__all__ = ["ExerciseProgress", "LessonProgress", "Progress", "progress", "record"]

BANKS = Path(__file__).parent / "checks"
MARKS = {PASSED: "✓", WRONG: "✗", NOT_ATTEMPTED: "○"}
# Legible on white and on black, as in `check`; shape and words carry the meaning, color helps.
COLORS = {PASSED: "#009E73", WRONG: "#D55E00", NOT_ATTEMPTED: "inherit"}
LEGEND = ", ".join(f"{mark} {state}" for state, mark in MARKS.items())


@dataclass(frozen=True)
class ExerciseProgress:
    """One exercise: its state now, its points, and whether it was passed at some time."""

    id: str
    title: str
    points: float
    state: str
    ever_passed: bool

    @property
    def earned(self) -> float:
        """All points when the answer passes now, else 0."""
        return self.points if self.state == PASSED else 0

    @property
    def words(self) -> str:
        """The state in words."""
        return self.state + (" (passed before)" if self.ever_passed and not self.earned else "")


@dataclass(frozen=True)
class LessonProgress:
    """One lesson: its exercises, and how many predictions were made and were right.

    `written` holds (id, title, points) of answers that an instructor reads; they are not counted.
    """

    number: str
    title: str
    exercises: tuple[ExerciseProgress, ...]
    predictions: int
    right: int
    written: tuple[tuple[str, str, float], ...] = ()

    @property
    def earned(self) -> float:
        """Points earned now."""
        return sum(exercise.earned for exercise in self.exercises)

    @property
    def points(self) -> float:
        """Points that can be earned."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def next(self) -> ExerciseProgress | None:
        """The first exercise that is not passed."""
        return next((e for e in self.exercises if e.state != PASSED), None)


@dataclass(frozen=True)
class Progress:
    """A table, text in a terminal, HTML in a notebook: a row a lesson, or by exercise.

    `other_predictions` were made in a notebook that is none of the lessons.
    """

    lessons: tuple[LessonProgress, ...]
    by_exercise: bool = False
    other_predictions: int = 0

    def rows(self) -> list[list[str]]:
        """Header, rows and a total, as text."""
        if self.by_exercise:
            return _exercise_rows(self.lessons[0])
        return _lesson_rows(self.lessons, self.other_predictions)

    def __repr__(self) -> str:
        if not self.lessons:
            return "There are no lessons here yet."
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], "", LEGEND])

    def _repr_html_(self) -> str:
        if not self.lessons:
            return f"<p>{self!r}</p>"
        header, *body, total = self.rows()
        head = "".join(f'<th scope="col" style="{_CELL}">{html.escape(c)}</th>' for c in header)
        rows = "".join(f"<tr>{_html_cells(row)}</tr>" for row in body)
        last = f'<tr style="font-weight:bold;border-top:{_RULE}">{_html_cells(total)}</tr>'
        return (
            f'<table style="border-collapse:collapse;color:{_TEXT}">'
            f'<thead><tr style="border-bottom:{_RULE}">{head}</tr></thead>'
            f"<tbody>{rows}{last}</tbody></table>"
            f'<p style="color:{_TEXT};font-size:90%">{_colored(LEGEND)}</p>'
        )


def progress(lesson: str | None = None) -> Progress:
    """What is done and what is left: all lessons, or the exercises of one: progress("01").

    Raises ValueError that names the lessons when there is no such lesson, RuntimeError when the
    list of exercises is damaged.
    """
    numbers = sorted(path.stem for path in BANKS.glob("*.json"))
    if lesson is not None and lesson not in numbers:
        known = ", ".join(numbers) or "none yet"
        raise ValueError(f"lesson is the number of a lesson, one of: {known}; got {lesson!r}")
    records = recorded()
    chosen = numbers if lesson is None else [lesson]
    lessons = tuple(_lesson(_bank(number), records) for number in chosen)
    placed = [_prediction_lesson(key, e) in numbers for key, e in records["prediction"].items()]
    return Progress(lessons, by_exercise=lesson is not None, other_predictions=placed.count(False))


def _bank(number: str) -> dict[str, Any]:
    path = BANKS / f"{number}.json"
    try:
        bank: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RuntimeError(
            f"{path} is damaged ({error}). Restore it with: git checkout -- helpers/checks"
        ) from error
    return bank


def _lesson(bank: Mapping[str, Any], records: Records) -> LessonProgress:
    done, number = records["exercise"], bank["lesson"]
    exercises = tuple(
        ExerciseProgress(
            key, task["title"], task["points"],
            done.get(key, {}).get("state", NOT_ATTEMPTED),
            done.get(key, {}).get("ever_passed", False),
        )
        for key, task in bank["exercises"].items()
    )  # fmt: skip
    made = [e for k, e in records["prediction"].items() if _prediction_lesson(k, e) == number]
    right = sum(entry.get("correct") is True for entry in made)
    written = tuple((w["id"], w["title"], w["points"]) for w in bank.get("written", []))
    return LessonProgress(number, bank["title"], exercises, len(made), right, written)


def _prediction_lesson(key: str, entry: Mapping[str, Any]) -> str:
    """The lesson of a prediction: its own word, else the start of its key ("01.p2")."""
    return str(entry.get("lesson") or key[:2])


def _lesson_rows(lessons: tuple[LessonProgress, ...], other: int) -> list[list[str]]:
    rows = [["Lesson", "Exercises", "Points", "Predictions", "Next"]]
    for lesson in lessons:
        marks = "".join(MARKS[exercise.state] for exercise in lesson.exercises)
        following = f"{lesson.next.id} {lesson.next.title}" if lesson.next else "done"
        predictions = _predictions(lesson.predictions, lesson.right)
        name = f"{lesson.number} {lesson.title}"
        rows.append([name, marks, _of(lesson.earned, lesson.points), predictions, following])
    exercises = [exercise for lesson in lessons for exercise in lesson.exercises]
    passed = sum(exercise.state == PASSED for exercise in exercises)
    points = _of(sum(ls.earned for ls in lessons), sum(ls.points for ls in lessons))
    made = sum(lesson.predictions for lesson in lessons) + other
    return [*rows, ["All", _of(passed, len(exercises)), points, f"{made} made", ""]]


def _exercise_rows(lesson: LessonProgress) -> list[list[str]]:
    rows = [[f"Lesson {lesson.number}", lesson.title, "State", "Points"]]
    for exercise in lesson.exercises:
        state = f"{MARKS[exercise.state]} {exercise.words}"
        points = _of(exercise.earned, exercise.points)
        rows.append([exercise.id, exercise.title, state, points])
    rows += [
        [key, title, "an instructor reads it", f"{points:g}, by hand"]
        for key, title, points in lesson.written
    ]
    predictions = f"predictions: {_predictions(lesson.predictions, lesson.right)}"
    return [*rows, ["All", predictions, "", _of(lesson.earned, lesson.points)]]


def _predictions(made: int, right: int) -> str:
    return f"{made} made, {right} right" if made else "none yet"


def _of(part: float, whole: float) -> str:
    return f"{part:g} of {whole:g}"


_TEXT = "var(--jp-ui-font-color1, inherit)"
_RULE = "1px solid var(--jp-border-color1, #888)"
_CELL = "text-align:left;padding:.25em .9em .25em 0"
_NOWRAP = ";white-space:nowrap"
_SHORT = 24  # characters: marks and counts stay on one line, titles may take two


def _html_cells(row: list[str]) -> str:
    styles = [_CELL + (_NOWRAP if len(cell) <= _SHORT else "") for cell in row]
    return "".join(
        f'<td style="{style}">{_colored(cell)}</td>'
        for style, cell in zip(styles, row, strict=True)
    )


def _colored(text: str) -> str:
    escaped = html.escape(text)
    for state, mark in MARKS.items():
        escaped = escaped.replace(mark, f'<b style="color:{COLORS[state]}">{mark}</b>')
    return escaped
