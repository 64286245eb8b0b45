"""`feedback`: an HTML page for every graded submission, made by nbgrader."""

import html
import re
from pathlib import Path

from tqdm import tqdm

from helpers.instructor.course import (
    Course,
    CourseError,
    explain_failure,
    lesson_stem,
    quiet,
    write_atomically,
)
from helpers.instructor.exercise import Lesson
from helpers.instructor.exercises import load_lesson
from helpers.instructor.penalties import update_penalties


def feedback(course: Course, lesson_name: str) -> dict[str, str]:
    """Writes feedback/<student>/<lesson>/<lesson>.html; returns the students it failed for.

    Raises CourseError when nothing is graded yet.
    """
    stem = lesson_stem(lesson_name)
    graded = sorted((course.root / "autograded").glob(f"*/{stem}/{stem}.ipynb"))
    if not graded:
        raise CourseError(
            f"no submission of {stem} is graded yet; first: {course.command('grade', stem)}"
        )
    lesson = load_lesson(stem[:2])
    update_penalties(course, stem)
    api, failed = course.api(), {}
    for path in tqdm(graded, desc="feedback", unit="student"):
        student = path.parents[1].name
        with quiet():
            outcome = api.generate_feedback(stem, student_id=student, force=True)
        if not outcome["success"]:
            failed[student] = explain_failure(outcome)
            continue
        name_contents(course.root / "feedback" / student / stem / f"{stem}.html", lesson)
    return failed


def name_contents(path: Path, lesson: Lesson) -> None:
    """Writes what each line of a page's contents is about, where nbgrader has `Test cell`."""
    names = {}
    for exercise in lesson.exercises:
        function = html.escape(exercise.function)
        names[f"check-{exercise.id}"] = f"{exercise.id} <code>{function}</code>"
        names[f"comment-exercise-{exercise.id}"] = f"Comment on {exercise.id}"
    for question in lesson.written:
        names[f"written-{question.id}"] = f"{question.id} {html.escape(question.title)}"
        names[f"comment-written-{question.id}"] = f"Comment on {question.id}"
    by_cell = {cell.replace(".", "-"): name for cell, name in names.items()}

    def rename(link: re.Match[str]) -> str:
        name = by_cell.get(link["cell"])
        return f'<a href="#{link["cell"]}">{name}' if name else link[0]

    before, mark, rest = path.read_text(encoding="utf-8").partition('<div id="toc">')
    contents, end, after = rest.partition("</div>")  # nothing of a learner's is in it
    contents = re.sub(r'<a href="#(?P<cell>[\w-]+)">[^<]*', rename, contents)
    mode = path.stat().st_mode & 0o777
    write_atomically(path, before + mark + contents + end + after, mode=mode)
