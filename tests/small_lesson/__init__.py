"""A lesson of three exercises, so that tests of grading depend on no real lesson's content."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.instructor import build
from tests.small_lesson import lesson_99

SOURCES = Path(__file__).parent
NUMBER, NAME = "99", "99_small"


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lesson 99 can be built, released and graded until the test ends."""
    monkeypatch.setitem(sys.modules, "helpers.instructor.exercises.lesson_99", lesson_99)
    monkeypatch.setattr(build, "SOURCES", SOURCES)


@contextmanager
def installed() -> Iterator[None]:
    """The same for more than one test, with one thread for each process that grades."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
