"""The first page keeps its promises: lessons, minutes, links, pictures, commands."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

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


# --- the other files at the root


def test_binder_and_the_development_container_install_what_a_learner_has() -> None:
    lines = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8").split()
    assert lines[-2:] == ["-r", "../requirements.txt"]
    assert os.access(ROOT / ".binder" / "start", os.X_OK)
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make env"
    assert container["image"].endswith(
        (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    )


def test_the_image_has_the_requirements_and_no_oracle() -> None:
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "-r requirements.txt" in image
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"helpers/instructor", "notebooks/source", "tests"} <= set(ignored)


def test_the_citation_is_complete_and_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "CHANGELOG.md"])
def test_pages_point_at_what_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    paths = re.findall(r"`((?:helpers|tests|notebooks)/[\w/.]+)`", text)
    missing = [p for p in [*targets, *paths] if "NN" not in p and not (ROOT / p).exists()]
    assert missing == []
    assert len(text.splitlines()) < 80
