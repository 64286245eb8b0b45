"""A lesson of three exercises, so that tests of grading depend on no real lesson's content."""

import sys
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
