"""Every lesson's exercises: `load_lesson("01")`, `load_lessons()`."""

from importlib import import_module
from pathlib import Path

from helpers.instructor.exercise import Exercise, ExerciseError, Lesson


def load_lessons() -> list[Lesson]:
    """All lessons that have exercises, in order."""
    names = sorted(p.stem for p in Path(__file__).parent.glob("lesson_[0-9][0-9].py"))
    return [load_lesson(name.removeprefix("lesson_")) for name in names]


def load_lesson(number: str) -> Lesson:
    """The lesson of a number such as "01". Raises ExerciseError when there is none."""
    try:
        module = import_module(f"{__name__}.lesson_{number}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.lesson_{number}":
            raise
        missing = f"there is no lesson {number!r}: helpers/instructor/exercises/lesson_{number}.py"
        raise ExerciseError(f"{missing} is missing") from None
    lesson: Lesson = module.LESSON
    return lesson


def load_exercises() -> list[Exercise]:
    """All exercises of all lessons, in order."""
    return [exercise for lesson in load_lessons() for exercise in lesson.exercises]
