"""`grade`: every submission of a lesson, from file to gradebook; nothing aborts the batch.

A submission's own trouble is its outcome: it gets a score, a reason in words, and a flag where a
person should look. Trouble of this machine is no outcome: it is reported, and tried again by the
next run, which takes up where the last one stopped.

What one submission goes through is in `submission`, what a class goes through in `batch`.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from helpers.compare import Judged
from helpers.instructor.batch import Batch, Settings, Summary
from helpers.instructor.course import Course, CourseError, lesson_stem
from helpers.instructor.exercise import make_task
from helpers.instructor.exercises import load_lesson
from helpers.instructor.kernels.choose import OPEN, choose_box
from helpers.instructor.kernels.warm import readable_paths
from helpers.instructor.penalties import update_penalties
from helpers.judging import Task

__all__ = ["Settings", "Summary", "draw_tasks", "grade"]

GRADING_SEEDS = 3  # of a judge that trains networks of its own


def grade(course: Course, lesson_name: str, settings: Settings | None = None) -> Summary:
    """Grades what was handed in for a lesson. Raises CourseError, and NoBox if nothing can run."""
    settings = settings or Settings()
    stem = lesson_stem(lesson_name)
    release = course.read_release(stem)
    kernel = choose_box(trust=settings.trust)
    if kernel != OPEN:
        _require_out_of_sight(course)
    with _only_grader(course):
        tasks = draw_tasks(stem[:2], course.secret())
        summary = Batch(course, stem, release, tasks, kernel, settings).run()
        update_penalties(course, stem)  # also of those that have not changed
        return summary


def draw_tasks(number: str, secret: bytes) -> dict[str, Task]:
    """A lesson's exercises on fresh probes, which follow from the secret alone."""
    tasks = {}
    for exercise in load_lesson(number).exercises:
        digest = hashlib.sha256(secret + exercise.id.encode()).digest()
        rng = np.random.default_rng(list(digest))
        task = make_task(exercise, rng)
        if exercise.graded_by:
            seeds = tuple(rng.integers(2**31, size=GRADING_SEEDS).tolist())
            task = replace(task, compare=Judged(exercise.graded_by, seeds))
        tasks[exercise.id] = task
    return tasks


def _require_out_of_sight(course: Course) -> None:
    """A box reads the system, this Python and the learner's package: a course is in none of it."""
    for path in map(Path, readable_paths()):
        if course.root.is_relative_to(path.resolve()):
            raise CourseError(
                f"{course.root} lies in {path}, which every answer can read: other students' "
                "files and the probes' secret with it. Move the course, for example to your home"
            )


@contextmanager
def _only_grader(course: Course) -> Iterator[None]:
    """Two graders on one course would write over each other."""
    if os.name != "posix":  # Windows has no such lock
        yield
        return
    import fcntl

    with open(course.root / ".grading-lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(f"another grader is at work on {course.root}") from None
        yield
