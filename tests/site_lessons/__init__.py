"""Two lessons that show what a page can hold, so that its tests depend on no real lesson."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.instructor import build
from helpers.instructor.exercise import Lesson
from tests.running import ROOT

SOURCES = Path(__file__).parent
LESSONS = [
    Lesson(number=number, name=name, title=title, minutes=5, exercises=(), written=())
    for number, name, title in [("98", "studio", "A studio"), ("99", "glossary", "The end")]
]


def install(monkeypatch: pytest.MonkeyPatch, sources: Path = SOURCES) -> None:
    """Lessons 98 and 99 are the only ones until the test ends; kernels have no network."""
    for lesson in LESSONS:
        module = f"helpers.instructor.exercises.lesson_{lesson.number}"
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(LESSON=lesson))
    monkeypatch.setattr(build, "SOURCES", sources)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "offline"))
