"""The first page keeps its promises: lessons, minutes, links, pictures, commands."""

import re
import subprocess
import sys

from helpers.instructor.build import ROOT
from helpers.instructor.exercises import load_lessons

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_lists_every_lesson_with_its_minutes() -> None:
    rows = re.findall(r"^\| (\d\d) \| \[(.+?)\]\((.+?)\) \| (\d+) \|", README, re.MULTILINE)
    wanted = [
        (lesson.number, lesson.title, f"notebooks/{lesson.stem}.ipynb", str(lesson.minutes))
        for lesson in load_lessons()
    ]
    assert rows == wanted


def test_every_link_and_picture_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert len(targets) > 5
    assert [t for t in targets if not (ROOT / t).exists()] == []


def test_the_picture_is_under_a_megabyte() -> None:
    pictures = list((ROOT / ".github" / "pictures").iterdir())
    assert pictures
    assert sum(p.stat().st_size for p in pictures) < 1_000_000


def test_the_instructors_commands_exist() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "helpers.instructor", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    commands = set(re.findall(r"python -m helpers\.instructor (\w+)", README))
    assert commands
    assert [c for c in commands if c not in shown] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert targets == {"lab", "test"}
    assert [t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []
