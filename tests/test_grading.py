"""Grading as an instructor does it: release, collect, grade, feedback, export, and nbgrader's own.

The lesson is tests/small_lesson. What hostile answers do is in tests/test_hostile.py.
"""

import base64
import csv
import html
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html_mistune
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.dbutil import write_alembic_ini
from PIL import Image

from helpers.instructor import grade as grading
from helpers.instructor.__main__ import main
from helpers.instructor.batch import Batch
from helpers.instructor.build import find_sources, read_source
from helpers.instructor.build import release as release_notebook
from helpers.instructor.collect import Collected, collect
from helpers.instructor.collect_names import read_gradescope, slug
from helpers.instructor.course import (
    Course,
    CourseError,
    harmless,
    lesson_stem,
    quiet,
    read_table,
    write_atomically,
)
from helpers.instructor.export import export
from helpers.instructor.feedback import feedback
from helpers.instructor.grade import Settings, Summary, grade
from helpers.instructor.kernels.warm import NoBox
from helpers.instructor.record import (
    MAX_COLORS,
    MAX_SHOWN,
    cut_code,
    cut_colors,
    frame,
    tell_score,
)
from helpers.instructor.release import comparable, release
from helpers.instructor.restore import MAX_FILE
from helpers.instructor.sanitize import clean_data, clean_html, clean_markdown, clean_output
from tests import small_lesson
from tests.hostile.lab import Case, hand_in, make_notebook
from tests.small_lesson import NAME, NUMBER

HALF = "def he_std(fan_in):\n    return (2 / fan_in) ** 0.5 if fan_in < 50 else 0.0"
CLASS = {
    "full": Case(name="full", about="", solved=True),
    "half": Case(name="half", about="", solved=True, answers={"1": HALF}),
    "empty": Case(name="empty", about=""),
    "dead": Case(name="dead", about="", solved=True, answers={"2": "import os\nos._exit(3)"}),
}
SCORES = {"full": 7.0, "half": 6.0, "empty": 0.0, "dead": 3.0, "absent": 0.0, "broken": 0.0}


@pytest.fixture(autouse=True, scope="module")
def lesson() -> Iterator[None]:
    with small_lesson.installed():
        yield


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, Summary]:
    """A course with a small class: graded once; tests that change it take a copy."""
    course = release([NUMBER], tmp_path_factory.mktemp("graded") / "course")
    for student, case in CLASS.items():
        hand_in(case, course.root / "submitted" / student / NAME)
    broken = course.root / "submitted" / "broken" / NAME
    broken.mkdir(parents=True)
    (broken / f"{NAME}.ipynb").write_text("{")
    with quiet(), course.api().gradebook as gradebook:
        gradebook.add_student("absent")
    return course, grade(course, NUMBER, Settings(jobs=1, seconds=10))


@pytest.fixture
def course(graded: tuple[Course, Summary], tmp_path: Path) -> Course:
    """A copy of the graded course."""
    shutil.copytree(graded[0].root, tmp_path / "course")
    return Course(tmp_path / "course")


def score_of(course: Course, student: str) -> float:
    with quiet(), course.api().gradebook as gradebook:
        return float(gradebook.find_submission(NAME, student).score)


# -- release ---------------------------------------------------------------------------------------


def test_a_new_gradebook_has_nbgraders_newest_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `alembic heads` names it; the program need not be on PATH."""
    write_alembic_ini(str(tmp_path / "alembic.ini"), "sqlite://")
    ask = [sys.executable, "-m", "alembic", "-c", str(tmp_path / "alembic.ini"), "heads"]
    newest = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()[0]
    monkeypatch.setenv("PATH", str(tmp_path))
    course = release([NUMBER], tmp_path / "course")
    with sqlite3.connect(course.root / "gradebook.db") as gradebook:
        assert gradebook.execute("SELECT * FROM alembic_version").fetchall() == [(newest,)]


def test_release_is_the_learners_notebook(graded: tuple[Course, Summary]) -> None:
    course, _ = graded
    released = nbformat.read(course.root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    built = release_notebook(read_source(find_sources([NUMBER])[0]))
    assert comparable(released) == comparable(built)
    source = (course.root / "source" / NAME / f"{NAME}.ipynb").read_text()
    assert "BEGIN SOLUTION" in source
    assert "BEGIN SOLUTION" not in json.dumps(released)


def test_release_again_keeps_the_course(course: Course) -> None:
    secret = course.secret()
    assert release([NAME], course.root).secret() == secret


@pytest.mark.parametrize("name", ["98", "99_other", "", "../99"])
def test_release_of_an_unknown_lesson(name: str, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="there is no lesson"):
        release([name], tmp_path / "course")


def test_release_into_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CourseError, match="not empty"):
        release([NUMBER], tmp_path)


def test_the_secret_is_private(graded: tuple[Course, Summary]) -> None:
    mode = (graded[0].root / ".probe-secret").stat().st_mode & 0o777
    assert mode == 0o600


# -- grade -----------------------------------------------------------------------------------------


def test_everybody_has_an_outcome(graded: tuple[Course, Summary]) -> None:
    course, summary = graded
    assert summary.failed == {}
    assert {s: r["score"] for s, r in summary.graded.items()} == pytest.approx(SCORES)
    assert summary.review == ["broken", "dead"] or sorted(summary.review) == ["broken", "dead"]
    assert summary.graded["absent"]["reason"] == "nothing was handed in"
    assert "not valid JSON" in summary.graded["broken"]["reason"]
    assert "exit code 3" in summary.graded["dead"]["reason"]
    for student, score in SCORES.items():
        assert course.read_result(NAME, student)["score"] == pytest.approx(score)


def test_the_gradebook_agrees(graded: tuple[Course, Summary]) -> None:
    course, _ = graded
    recorded = {s: score_of(course, s) for s in SCORES if s != "absent"}
    assert recorded == pytest.approx({s: v for s, v in SCORES.items() if s != "absent"})


def test_partial_credit_says_what_is_right(graded: tuple[Course, Summary]) -> None:
    entry = graded[1].graded["half"]["exercises"]["99.1"]
    assert (entry["passed"], entry["total"], entry["points"]) == (1, 2, 1.0)
    assert "Right already: narrow" in entry["message"]


def test_review_flags_are_nbgraders(graded: tuple[Course, Summary]) -> None:
    with quiet(), graded[0].api().gradebook as gradebook:
        flagged = gradebook.find_grade("check-99-2", NAME, NAME, "dead").needs_manual_grade
        calm = gradebook.find_grade("check-99-1", NAME, NAME, "dead").needs_manual_grade
        written = gradebook.find_grade("written-99-w", NAME, NAME, "full").needs_manual_grade
        untouched = gradebook.find_grade("written-99-w", NAME, NAME, "empty")
        assert (flagged, calm, written) == (True, False, True)
        assert (untouched.auto_score, untouched.needs_manual_grade) == (0, False)


def test_a_second_run_has_nothing_to_do(course: Course) -> None:
    again = grade(course, NUMBER, Settings(seconds=10))
    assert sorted(again.kept) == sorted(set(SCORES) - {"absent"})
    assert set(again.graded) == {"absent"}


def test_what_is_handed_in_again_is_graded_again(course: Course) -> None:
    folder = course.root / "submitted" / "empty" / NAME
    shutil.rmtree(folder)
    hand_in(CLASS["half"], folder)
    again = grade(course, NUMBER, Settings(seconds=10))
    assert set(again.graded) == {"absent", "empty"}
    assert score_of(course, "empty") == pytest.approx(6.0)


def test_manual_points_survive_regrading(course: Course) -> None:
    with quiet(), course.api().gradebook as gradebook:
        written = gradebook.find_grade("written-99-w", NAME, NAME, "full")
        written.manual_score, written.needs_manual_grade = 1.5, False
        gradebook.find_grade("check-99-1", NAME, NAME, "half").extra_credit = 0.25
        gradebook.db.commit()
    assert score_of(course, "full") == pytest.approx(8.5)
    grade(course, NUMBER, Settings(seconds=10, force=True))
    assert score_of(course, "full") == pytest.approx(8.5)
    assert score_of(course, "half") == pytest.approx(6.25)


def test_only_the_students_that_are_named_are_graded_again(course: Course) -> None:
    summary = grade(course, NUMBER, Settings(seconds=10, students=("half", "empty")))
    assert set(summary.graded) == {"half", "empty"}
    assert summary.kept == []
    with pytest.raises(CourseError, match=r"from absent, nobody; the students of whom it is: .*"):
        grade(course, NUMBER, Settings(students=("absent", "nobody", "half")))


def test_fresh_probes_are_for_all(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    secret = course.secret()
    options = ["--course", str(course.root), "--fresh-probes", "--student", "half"]
    assert main(["grade", NUMBER, *options]) == 1
    assert "--fresh-probes is for all students alike" in capsys.readouterr().err
    assert course.secret() == secret


def test_scores_are_the_same_for_any_j(course: Course) -> None:
    summary = grade(course, NUMBER, Settings(jobs=3, seconds=10, force=True))
    assert {s: r["score"] for s, r in summary.graded.items()} == pytest.approx(SCORES)


def test_a_killed_grader_goes_on_where_it_stopped(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the gradebook and the outcome of the second submission."""
    for path in (course.root / "grading" / NAME).iterdir():
        path.unlink()
    written: list[str] = []

    def write(path: Path, text: str, **options: Any) -> None:
        if path.stem != "absent" and len(written) == 1:
            raise KeyboardInterrupt
        if path.stem != "absent":
            written.append(path.stem)
        write_atomically(path, text, **options)

    monkeypatch.setattr("helpers.instructor.batch.write_atomically", write)
    with pytest.raises(KeyboardInterrupt):
        grade(course, NUMBER, Settings(seconds=10))
    monkeypatch.undo()
    small_lesson.install(monkeypatch)
    again = grade(course, NUMBER, Settings(seconds=10))
    assert again.kept == written
    assert set(again.graded) == set(SCORES) - set(written)
    assert {s: course.read_result(NAME, s)["score"] for s in SCORES} == pytest.approx(SCORES)


def test_nothing_of_a_killed_run_stays(course: Course) -> None:
    stale = course.root / ".grading-work" / "grading-stale" / "kernel.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    grade(course, NUMBER, Settings(seconds=10))
    assert not (course.root / ".grading-work").exists()


def test_two_graders_do_not_work_at_once(course: Course) -> None:
    with grading._only_grader(course), pytest.raises(CourseError, match="another grader"):
        grade(course, NUMBER)


def test_trouble_of_the_machine_is_no_outcome(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported, nothing is recorded, and the next run tries again."""

    def break_down(future: Any) -> Any:
        raise NoBox("no space left")

    monkeypatch.setattr("concurrent.futures.Future.result", break_down)
    summary = grade(course, NUMBER, Settings(seconds=10, force=True))
    assert set(summary.failed) == set(SCORES) - {"absent"}
    monkeypatch.undo()
    small_lesson.install(monkeypatch)
    assert score_of(course, "full") == pytest.approx(7.0)


def test_an_outcome_that_cannot_be_recorded_does_not_stop_the_others(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the grader, brought about by one submission: it is told, and nothing is lost."""
    write = Batch._write

    def stumble(batch: Batch, student: str, result: dict[str, Any], mark: str) -> None:
        if student == "full":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates\nnot allowed")
        write(batch, student, result, mark)

    monkeypatch.setattr(Batch, "_write", stumble)
    course.result_path(NAME, "full").unlink()
    summary = grade(course, NUMBER, Settings(seconds=10, force=True))
    assert set(summary.graded) == set(SCORES) - {"full"}
    assert summary.failed["full"].startswith("an error of the grader: UnicodeEncodeError: ")
    assert len(summary.failed["full"].splitlines()) == 1
    monkeypatch.undo()
    small_lesson.install(monkeypatch)
    assert set(grade(course, NUMBER, Settings(seconds=10)).graded) == {"full", "absent"}


def test_of_a_file_that_is_too_large_no_more_is_read_than_needed(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tmp_path / "huge.ipynb"
    with huge.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room on the disk
    tracemalloc.start()
    batch = Batch(course, NAME, "release", {}, "", Settings())
    assert batch._fingerprint(huge, []) != batch._fingerprint(tmp_path / "none.ipynb", [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MAX_FILE


def test_grading_what_is_not_released(course: Course) -> None:
    shutil.rmtree(course.root / "release")
    with pytest.raises(CourseError, match="is not released"):
        grade(course, NUMBER)


def test_probes_follow_from_the_secret() -> None:
    one, same, other = (grading.draw_tasks(NUMBER, secret) for secret in (b"a", b"a", b"b"))
    assert one["99.1"].probes == same["99.1"].probes
    assert one["99.1"].probes != other["99.1"].probes


def test_without_a_box(course: Course) -> None:
    """--trust-submissions: an ordinary kernel, the same scores."""
    for student in ("dead", "empty", "broken"):
        shutil.rmtree(course.root / "submitted" / student)
    summary = grade(course, NUMBER, Settings(seconds=20, trust=True, force=True))
    scores = {s: r["score"] for s, r in summary.graded.items() if s in ("full", "half")}
    assert scores == pytest.approx({"full": 7.0, "half": 6.0})


def test_a_course_that_answers_could_read_is_refused(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable = ["/usr", str(course.root.parent)]
    monkeypatch.setattr("helpers.instructor.grade.readable_paths", lambda: readable)
    with pytest.raises(CourseError, match=r"which every answer can read(.|\n)*Move the course"):
        grade(course, NUMBER)


# -- collect ---------------------------------------------------------------------------------------


def notebook_text(student: str) -> str:
    return json.dumps(make_notebook(CLASS[student]))


EXPORTS = {
    "canvas": {
        "doejane_LATE_101_9001_99_small-1.ipynb": ("doejane", "full"),
        "roejohn_102_9002_99_small.ipynb": ("roejohn", "half"),
    },
    "moodle": {
        "Jane Doe_5501_assignsubmission_file_/99_small.ipynb": ("jane-doe", "full"),
        "Éva Kovács_5502_assignsubmission_file_99_small.ipynb": ("éva-kovács", "half"),
        "Bob O'Neil-Li_2002_assignsubmission_file/99_small.ipynb": ("bob-o-neil-li", "half"),
        "Ann_3_assignsubmission_file/week 1/99_small.ipynb": ("ann", "full"),
    },
    "moodle folders": {
        "Bob O'Neil-Li_2002_assignsubmission_file/99_small.ipynb": ("bob-o-neil-li", "half"),
    },
    "gradescope": {
        "assignment_77_export/submission_1/99_small.ipynb": ("jane@uni.edu", "full"),
        "assignment_77_export/submission_2/99_small.ipynb": ("s-1002", "half"),
    },
    "nbgrader": {"jane/99_small/99_small.ipynb": ("jane", "full")},
    "folders": {"jane/99_small.ipynb": ("jane", "full"), "john/99_small.ipynb": ("john", "half")},
    "files": {"jane_99_small.ipynb": ("jane", "full"), "john.ipynb": ("john", "half")},
}
GRADESCOPE = """
submission_1:
  :submitters:
  - :name: Jane Doe
    :email: jane@uni.edu
  :created_at: 2026-03-01 10:00:00 UTC
submission_2:
  :submitters:
  - :name: John Roe
    :sid: S 1002
"""


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "folder"])
@pytest.mark.parametrize("platform_name", EXPORTS)
def test_collect(platform_name: str, zipped: bool, course: Course, tmp_path: Path) -> None:
    shutil.rmtree(course.root / "submitted")
    files = {name: notebook_text(kind) for name, (_, kind) in EXPORTS[platform_name].items()}
    if platform_name == "gradescope":
        files["assignment_77_export/submission_metadata.yml"] = GRADESCOPE
    source = make_export(files, tmp_path, zipped=zipped)
    done = collect(source, course, NUMBER)
    expected = dict(EXPORTS[platform_name].values())
    assert set(done.students) == set(expected)
    assert done.skipped == {}
    for student, kind in expected.items():
        path = course.root / "submitted" / student / NAME / f"{NAME}.ipynb"
        assert path.read_text() == notebook_text(kind)


def make_export(files: dict[str, str], folder: Path, *, zipped: bool) -> Path:
    if zipped:
        path = folder / "export.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return path
    for name, text in files.items():
        (folder / "export" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "export" / name).write_text(text)
    return folder / "export"


def test_collect_takes_the_newest_of_canvas(course: Course, tmp_path: Path) -> None:
    names = {f"doejane_101_{n}_99_small-{n}.ipynb": notebook_text("half") for n in (1, 2)}
    names["doejane_101_3_99_small-3.ipynb"] = notebook_text("full")
    collect(make_export(names, tmp_path, zipped=True), course, NUMBER)
    path = course.root / "submitted" / "doejane" / NAME / f"{NAME}.ipynb"
    assert path.read_text() == notebook_text("full")


def collect_moodle(course: Course, folder: Path, *names: str) -> Collected:
    """Collects a zip file as Moodle makes it, of names with Moodle's number ("Jane Doe_1")."""
    folder.mkdir(exist_ok=True)
    files = {f"{name}_assignsubmission_file/99_small.ipynb": "{}" for name in names}
    return collect(make_export(files, folder, zipped=True), course, NUMBER)


def decide(course: Course, name: str, student: str) -> None:
    """What an instructor does in a spreadsheet."""
    path = course.root / "names.csv"
    text = path.read_text(encoding="utf-8-sig")
    assert f"{name},\n" in text
    path.write_text(text.replace(f"{name},\n", f"{name},{student}\n"), encoding="utf-8-sig")


def test_two_students_of_one_name_are_asked_about(course: Course, tmp_path: Path) -> None:
    """Moodle's number changes from lesson to lesson: only a person can tell."""
    done = collect_moodle(course, tmp_path / "1", "Jane Doe_1", "Jane Doe_2", "Bob_3")
    assert sorted(done.students) == ["bob"]
    assert done.unclear == {"Jane Doe_1", "Jane Doe_2"}
    told = next(iter(done.skipped.values()))
    assert "more than one student is called jane-doe; write who Jane Doe_1 is" in told
    assert not (course.root / "submitted" / "jane-doe").exists()
    decide(course, "Jane Doe_1", "jane.a")
    decide(course, "Jane Doe_2", "Jane B")
    done = collect_moodle(course, tmp_path / "1", "Jane Doe_1", "Jane Doe_2", "Bob_3")
    assert sorted(done.students) == ["bob", "jane-b", "jane.a"]
    assert (done.skipped, done.unclear) == ({}, set())


def test_a_name_once_shared_stays_in_question(course: Course, tmp_path: Path) -> None:
    """In the next lesson only one of them hands in, with another number."""
    collect_moodle(course, tmp_path / "1", "Jane Doe_1", "Jane Doe_2")
    done = collect_moodle(course, tmp_path / "2", "jane doe_77")
    assert (done.students, done.unclear) == ({}, {"jane doe_77"})
    decide(course, "jane doe_77", "jane.a")
    done = collect_moodle(course, tmp_path / "2", "jane doe_77")
    assert sorted(done.students) == ["jane.a"]


def test_a_namesake_who_comes_later_takes_nobodys_place(course: Course, tmp_path: Path) -> None:
    collect_moodle(course, tmp_path / "1", "Jane Doe_1")
    done = collect_moodle(course, tmp_path / "2", "Jane Doe_71", "Jane Doe_72")
    assert done.students == {}
    told = list(done.skipped.values())
    assert all("submitted/jane-doe is one of them, from before" in text for text in told)


def test_gradescopes_addresses_need_no_decision(course: Course, tmp_path: Path) -> None:
    """Two of one name without an address are asked about; one address is one person."""
    same = GRADESCOPE.replace("John Roe", "Jane Doe").replace("    :sid: S 1002\n", "")
    for marks, unclear in ((GRADESCOPE, set()), (same, set()), (
        same.replace("    :email: jane@uni.edu\n", ""), {"Jane Doe_1", "Jane Doe_2"}
    )):  # fmt: skip
        files = dict.fromkeys(EXPORTS["gradescope"], "{}")
        files["assignment_77_export/submission_metadata.yml"] = marks
        assert collect(make_export(files, tmp_path, zipped=True), course, NUMBER).unclear == unclear


def test_names_in_a_spreadsheets_own_csv(course: Course, tmp_path: Path) -> None:
    """Semicolons, a further column, an empty line; a name that would be a formula."""
    path = course.root / "names.csv"
    path.write_text("name;note;student\nJane Doe_1;late;jane.a\n;;\n", encoding="utf-8-sig")
    done = collect_moodle(course, tmp_path / "1", "Jane Doe_1", "Jane Doe_2", "=Eve_1", "=Eve_2")
    assert sorted(done.students) == ["jane.a"]
    rows = {row["name"]: row for row in read_table(path, ["name", "student"])}
    assert rows["Jane Doe_1"] == {"name": "Jane Doe_1", "note": "late", "student": "jane.a"}
    assert {"Jane Doe_2", "'=Eve_1", "'=Eve_2"} <= set(rows)
    path.write_text("name,student\nAnn Lee\n")  # written beforehand
    assert collect_moodle(course, tmp_path / "2", "Ann Lee_8").unclear == {"Ann Lee_8"}
    path.write_text("who,student\n")
    with pytest.raises(CourseError, match="needs the columns name and student; it has who, stud"):
        collect_moodle(course, tmp_path / "1", "Jane Doe_1")


def test_collect_of_another_lesson(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [Path("01_initialization.py"), Path("99_small.py")]
    monkeypatch.setattr("helpers.instructor.collect_names.find_sources", lambda: sources)
    wrong = {
        "jane/01_initialization.ipynb": "{}", "doejane_101_9001_01_initialization-1.ipynb": "{}",
        "Jo_1_assignsubmission_file_01_initialization (2).ipynb": "{}",
    }  # fmt: skip
    (tmp_path / "all").mkdir()
    with pytest.raises(CourseError, match="named as another lesson, 01_initialization"):
        collect(make_export(wrong, tmp_path / "all", zipped=True), course, NUMBER)
    files = wrong | {"ann/99_small.ipynb": "{}", "bob/answers.ipynb": "{}"}
    done = collect(make_export(files, tmp_path, zipped=True), course, NUMBER)
    assert sorted(done.students) == ["ann", "bob"]
    assert set(done.skipped) == set(wrong)


def test_collect_of_what_is_not_released(course: Course, tmp_path: Path) -> None:
    shutil.rmtree(course.root / "release")
    with pytest.raises(
        CourseError, match=r"99_small is not released in .*; first: python -m .* re"
    ):
        collect(make_export({"jane/a.ipynb": "{}"}, tmp_path, zipped=True), course, NUMBER)


def test_collect_names_nobody_after_the_lesson(course: Course, tmp_path: Path) -> None:
    files = {"99_small.ipynb": "{}", "99_small (1).ipynb": "{}", "jane/99_small.ipynb": "{}"}
    done = collect(make_export(files, tmp_path, zipped=True), course, NUMBER)
    assert sorted(done.students) == ["jane"]
    assert set(done.skipped) == {"99_small.ipynb", "99_small (1).ipynb"}
    assert "no student can be read" in done.skipped["99_small.ipynb"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "folder"])
def test_collect_goes_on_at_many_files(
    zipped: bool, course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learner's `.git` or a thousand notebooks must not keep the class out."""
    monkeypatch.setattr("helpers.instructor.collect.MAX_FILES", 5)
    files = {"jane/a.ipynb": "{}"} | {f"eve/{n}.js": "" for n in range(9)}
    files |= {f"eve/.git/{n}.ipynb": "" for n in range(9)}
    done = collect(make_export(files, tmp_path, zipped=zipped), course, NUMBER)
    assert (sorted(done.students), done.skipped) == (["jane"], {"eve/0.js": "not a notebook"})
    files |= {f"eve/0/{n}.ipynb": "{}" for n in range(9)} | {f"eve/{NAME}.ipynb": "{}"}
    files |= {f"eve/0/{n}/submission_metadata.yml": "" for n in range(9)}
    files |= {f"x\n/x\n/{n}.ipynb": "{}" for n in range(9)}  # these fit no pattern
    done = collect(make_export(files, tmp_path, zipped=zipped), course, NUMBER)
    fitless = {rf"x\n/x\n/{n}.ipynb": "its path fits no pattern" for n in range(5)}
    assert done.skipped == fitless | {
        "eve": "19 notebooks; only the first 5 are looked at",
        r"x\n": "9 notebooks; only the first 5 are looked at",
    }
    own = [f"{NAME}.ipynb", *(f"{n}.ipynb" for n in range(4))]
    assert done.students == {"jane": ["a.ipynb"], "eve": own}


def test_gradescopes_addresses_are_read_before_many_notebooks(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.instructor.collect.MAX_FILES", 2)
    files = {f"all/submission_1/{n}.ipynb": "{}" for n in range(9)}
    files |= {"all/submission_2/a.ipynb": "{}", "all/submission_metadata.yml": GRADESCOPE}
    done = collect(make_export(files, tmp_path, zipped=True), course, NUMBER)
    assert done.students == {"jane@uni.edu": ["0.ipynb", "1.ipynb"], "s-1002": ["a.ipynb"]}
    assert done.skipped == {"jane@uni.edu": "9 notebooks; only the first 2 are looked at"}


def test_collect_holds_one_notebook_at_a_time(course: Course, tmp_path: Path) -> None:
    """A small zip file must not fill memory, nor a learner's notebooks the disk."""
    path, spaces = tmp_path / "export.zip", b" " * (20 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*"abcdef", NAME):
            archive.writestr(f"eve/{name}.ipynb", spaces)
        archive.writestr("eve/bomb.ipynb", spaces * 8)
        for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):  # these unpack without a limit
            archive.writestr(f"eve/g{kind}.ipynb", spaces * 8, kind)
        archive.writestr("jane/a.ipynb", "{}")
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        done = collect(path, course, NUMBER)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 << 20
    own = [f"{NAME}.ipynb", *(f"{name}.ipynb" for name in "abcd")]
    assert done.students == {"eve": own, "jane": ["a.ipynb"]}
    full = "the student's notebooks exceed 100 MB with it"
    large = "larger than 20 MB"
    packed = "cannot be read: packed otherwise than by deflate; unpack the zip file"
    assert done.skipped == {
        "eve/bomb.ipynb": large, "eve/e.ipynb": full, "eve/f.ipynb": full,
        "eve/g12.ipynb": packed, "eve/g14.ipynb": packed,
    }  # fmt: skip
    placed = (course.root / "submitted" / "eve" / NAME).iterdir()
    assert sorted(p.name for p in placed) == sorted(own)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "folder"])
def test_collect_takes_the_best_that_can_be_read(
    zipped: bool, course: Course, tmp_path: Path
) -> None:
    """What is too large neither replaces a notebook nor lies beside it; alone it is nothing."""
    large = " " * ((20 << 20) + 1)
    files = {f"eve/{folder}/a.ipynb": folder for folder in ("x/y", "m", "n")}
    files |= {"eve/a.ipynb": large, "eve/z/a.ipynb": large}
    done = collect(make_export(files, tmp_path, zipped=zipped), course, NUMBER)
    told, taken = "larger than 20 MB", "eve/n/a.ipynb is taken instead"
    others = {"eve/m/a.ipynb": taken, "eve/x/y/a.ipynb": taken}
    assert done.skipped == others | {"eve/a.ipynb": told, "eve/z/a.ipynb": told}
    assert (course.root / "submitted" / "eve" / NAME / "a.ipynb").read_text() == "n"
    (tmp_path / "bad").mkdir()
    with pytest.raises(CourseError, match=r"no notebook was recog(.|\n)*bob/a.ipynb: larger than"):
        collect(
            make_export({"bob/a.ipynb": large}, tmp_path / "bad", zipped=zipped), course, NUMBER
        )
    assert not (course.root / "submitted" / "bob").exists()


@pytest.mark.parametrize("kind", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_collect_leaves_out_what_does_not_unpack(kind: int, course: Course, tmp_path: Path) -> None:
    path, name = tmp_path / "export.zip", "eve/a.ipynb"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("jane/a.ipynb", "{}")
        archive.writestr(name, "{}" * 1000, kind)
    content = path.read_bytes()
    at = content.index(name.encode()) + len(name) + 6
    path.write_bytes(content[:at] + b"\xff" * 10 + content[at + 10 :])
    done = collect(path, course, NUMBER)
    assert sorted(done.students) == ["jane"]
    assert "cannot be read" in done.skipped[name]


def test_collect_tells_names_without_commands(course: Course, tmp_path: Path) -> None:
    """Of a file's name nothing moves the cursor, and nothing begins a line."""
    files = {"eve/x\x1b[1A\r.ipynb": "{}", "eve/d/x\x1b[1A\r.ipynb": "{}"}
    done = collect(make_export(files, tmp_path, zipped=True), course, NUMBER)
    taken = {r"eve/d/x\x1b[1A\r.ipynb": r"eve/x\x1b[1A\r.ipynb is taken instead"}
    assert done.skipped == taken


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "folder"])
def test_collect_tells_of_other_files(zipped: bool, course: Course, tmp_path: Path) -> None:
    """Of those who handed in no notebook, one file each."""
    files = {
        "doejane_101_9001_99_small.ipynb": "{}", "doejane_101_9002_notes.pdf": "",
        "davecanvas_102_9003_notes.pdf": "", "davecanvas_102_9004_more.pdf": "",
        "alone.pdf": "", ".DS_Store": "", "eve/report.docx": "",
    }  # fmt: skip
    done = collect(make_export(files, tmp_path, zipped=zipped), course, NUMBER)
    assert sorted(done.students) == ["doejane"]
    assert set(done.skipped.values()) == {"not a notebook"}
    assert len(done.skipped) == 3
    told = " ".join(done.skipped)
    assert all(name in told for name in ("davecanvas", "alone.pdf", "eve/report.docx"))


def test_collect_says_whom_it_found(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--lesson", NUMBER, "--course", str(course.root)]
    files = {f"s{i:02}_{i}_7_99_small.ipynb": "{}" for i in range(23)} | {"x/99_small.ipynb": "{}"}
    assert main(["collect", str(make_export(files, tmp_path, zipped=True)), *where]) == 0
    told = capsys.readouterr().out
    assert "Canvas: 23 students: s00, s01," in told
    assert "s19 ... and 3 more" in told
    assert "a folder for each student: 1 student: x\n" in told
    assert "collected 24 students; 0 files left out" in told
    files = {f"Jo_{i}_assignsubmission_file/99_small.ipynb": "{}" for i in (1, 2)}
    assert main(["collect", str(make_export(files, tmp_path, zipped=True)), *where]) == 1
    assert "write who Jo_1 is into" in capsys.readouterr().err


NESTED = {  # the student's own path, that would be another's; whose it is
    "gradescope": ("assignment_77_export/submission_2/submission_1/99_small.ipynb", "s-1002"),
    "moodle": ("Eve X_6_assignsubmission_file_/Jane Doe_5501_assignsubmission_file_/99_small.ipynb",
               "eve-x"),
    "folders": ("eve/jane/99_small.ipynb", "eve"),
    "nbgrader": ("eve/99_small/jane/99_small/99_small.ipynb", "eve"),
}  # fmt: skip


@pytest.mark.parametrize("platform_name", NESTED)
def test_collect_is_not_led_by_folders_in_a_submission(
    platform_name: str, course: Course, tmp_path: Path
) -> None:
    """Nobody chooses whose their file is, nor when it came."""
    shutil.rmtree(course.root / "submitted")
    nested, owner = NESTED[platform_name]
    plain = EXPORTS[platform_name]
    files = {name: notebook_text(kind) for name, (_, kind) in plain.items()} | {nested: "{}"}
    if platform_name == "gradescope":
        files["assignment_77_export/submission_metadata.yml"] = GRADESCOPE
        forged = "assignment_77_export/submission_2/submission_metadata.yml"
        files[forged] = GRADESCOPE.replace("2026", "2001")
    done = collect(make_export(files, tmp_path, zipped=True), course, NUMBER)
    for student, kind in plain.values():
        path = course.root / "submitted" / student / NAME / f"{NAME}.ipynb"
        assert path.read_text() == notebook_text(kind)
    assert set(done.students) == {owner} | {student for student, _ in plain.values()}
    if platform_name == "gradescope":
        taken = "assignment_77_export/submission_2/99_small.ipynb is taken instead"
        assert done.skipped == {nested: taken, forged: "not at the root of the export"}
        stamp = course.root / "submitted" / "jane@uni.edu" / NAME / "timestamp.txt"
        assert stamp.read_text().startswith("2026")


def test_collect_with_a_root_folder(course: Course, tmp_path: Path) -> None:
    """One folder around all is not a student."""
    for name in ("canvas", "moodle", "moodle folders", "folders"):
        folder = tmp_path / name
        folder.mkdir()
        files = {f"week 1/{path}": "{}" for path in EXPORTS[name]}
        done = collect(make_export(files, folder, zipped=True), course, NUMBER)
        assert set(done.students) == {student for student, _ in EXPORTS[name].values()}


def test_collect_goes_on_after_a_bad_name(course: Course, tmp_path: Path) -> None:
    long = "é" * 120
    bad = {"???/99_small.ipynb": "{}", "eve/!!!.ipynb": "{}", f"zoe/{long}.ipynb": "{}"}
    files = bad | {f"{long}/99_small.ipynb": "{}", "jane/99_small.ipynb": "{}"}
    done = collect(make_export(files, tmp_path, zipped=True), course, NUMBER)
    assert set(done.students) == {"jane", "zoe", "é" * 100}
    assert set(done.skipped) == {"???/99_small.ipynb", "eve/!!!.ipynb"}
    assert "cannot be read from" in done.skipped["eve/!!!.ipynb"]


def test_collect_goes_on_after_a_broken_entry(course: Course, tmp_path: Path) -> None:
    files = {"eve/99_small.ipynb": "{broken}", "jane/99_small.ipynb": "{}"}
    path = make_export(files, tmp_path, zipped=True)
    path.write_bytes(path.read_bytes().replace(b"{broken}", b"{BROKEN}"))
    done = collect(path, course, NUMBER)
    assert set(done.students) == {"jane"}
    assert "cannot be read" in done.skipped["eve/99_small.ipynb"]


def test_collect_from_a_hostile_zip(course: Course, tmp_path: Path) -> None:
    """No path leads out, no link is made, nothing beyond its limit is read."""
    path = tmp_path / "export.zip"
    link = zipfile.ZipInfo("eve/99_small.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../evil/99_small.ipynb", "{}")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb/99_small.ipynb", bytes(30 << 20))
        archive.writestr("__MACOSX/jane/99_small.ipynb", "{}")
        archive.writestr("jane/99_small.ipynb", "{}")
    before = {p for p in tmp_path.rglob("*") if "submitted" not in p.parts}
    done = collect(path, course, NUMBER)
    assert set(done.students) == {"evil", "jane"}
    assert done.skipped["eve/99_small.ipynb"] == "a link or a device"
    assert "larger than 20 MB" in done.skipped["bomb/99_small.ipynb"]
    assert {p for p in tmp_path.rglob("*") if "submitted" not in p.parts} == before
    assert not (course.root / "submitted" / "eve").exists()


def test_collect_with_a_pattern(course: Course, tmp_path: Path) -> None:
    source = make_export({"w1/team_7.x/answer.ipynb": "{}"}, tmp_path, zipped=False)
    done = collect(source, course, NUMBER, pattern=r"w1/(?P<student>team_\d)\.x/(?P<file>.*)")
    assert done.students == {"team_7": ["answer.ipynb"]}


@pytest.mark.parametrize(
    ("pattern", "match"), [("(", "no regular expression"), ("x", "needs a group")]
)
def test_collect_with_a_bad_pattern(
    pattern: str, match: str, course: Course, tmp_path: Path
) -> None:
    with pytest.raises(CourseError, match=match):
        collect(tmp_path, course, NUMBER, pattern=pattern)


def test_collect_errors(course: Course, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="there is no file or folder"):
        collect(tmp_path / "nowhere.zip", course, NUMBER)
    (tmp_path / "part.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(CourseError, match=r"neither a folder nor a zip .*downloaded in part"):
        collect(tmp_path / "part.zip", course, NUMBER)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(CourseError, match="no notebook was recognized"):
        collect(tmp_path / "nothing", course, NUMBER)
    with pytest.raises(CourseError, match="cannot be read from"):
        slug("///")
    with pytest.raises(CourseError, match=r"submission_metadata\.yml cannot be read"):
        read_gradescope(b"{")
    bomb = b"a: &a [1, 1]\nb: &b [*a, *a]\nsubmission_1: {':submitters': [*b, *b]}\n"
    with pytest.raises(CourseError, match="aliases are not accepted"):
        read_gradescope(bomb)


# -- feedback and export ---------------------------------------------------------------------------


def test_feedback_tells_the_verdict(course: Course) -> None:
    assert feedback(course, NUMBER) == {}
    page = (course.root / "feedback" / "half" / NAME / f"{NAME}.html").read_text()
    assert "1 of 2 parts are right" in page
    assert "Right already: narrow" in page
    broken = (course.root / "feedback" / "broken" / NAME / f"{NAME}.html").read_text()
    assert "not valid JSON" in broken


def test_feedback_before_grading(course: Course) -> None:
    shutil.rmtree(course.root / "autograded")
    with pytest.raises(CourseError, match="is graded yet"):
        feedback(course, NUMBER)


def test_export(course: Course, tmp_path: Path) -> None:
    hand_in(CLASS["full"], course.root / "submitted" / "late" / NAME)
    hand_in(CLASS["full"], course.root / "submitted" / "absent" / NAME)
    assert len(export(course, tmp_path / "scores.csv")) == len(SCORES) + 1
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    scores = {s: float(row["score"]) for s, row in rows.items()}
    assert scores == pytest.approx(SCORES | {"late": 0.0})
    assert rows["late"]["reason"].startswith("collected, not graded; first: python -m")
    assert rows["absent"]["status"] == "collected, not graded"  # had nothing when it was graded
    assert {row["max_score"] for row in rows.values()} == {"9"}
    review = {s for s, row in rows.items() if row["needs_review"] == "True"}
    assert review == {"full", "half", "dead", "broken"}
    assert {s for s, row in rows.items() if row["reason"] == "graded"} == {"empty"}
    assert rows["full"]["reason"] == "1 written answer waits for points"
    assert re.match(r".*exit code 3.*; 1 written answer waits for points$", rows["dead"]["reason"])


def test_export_of_who_handed_in_nothing(course: Course, tmp_path: Path) -> None:
    """Whether grading has run since, or not."""
    (course.root / "grading" / NAME / "absent.json").unlink()
    for _ in range(2):
        (row,) = (r for r in export(course, tmp_path / "a.csv") if r["student"] == "absent")
        assert (row["status"], row["reason"]) == ("missing", "nothing was handed in")
        grade(course, NUMBER, Settings(seconds=10))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t1", "\n1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("plain") == "plain"


@pytest.mark.parametrize("mark", [";", "; ", "\t", ",", '"', '";"'])
def test_no_part_of_a_cell_is_a_formula(mark: str) -> None:
    """A spreadsheet may divide lines elsewhere than we do: with a decimal comma, at semicolons."""
    text = f"the file is named x{mark}=HYPERLINK(A1){mark}.ipynb"
    parts = re.split(r'[;\t,"]', str(harmless(text)))
    assert not [part for part in parts if re.match(r"\s*[=+\-@]", part)]
    assert str(harmless(text)).replace("'", "") == text
    assert harmless(" =1") == " '=1"
    assert harmless("\t=1") == "'\t'=1"
    assert harmless("a-b; c = 1, d@e.org") == "a-b; c = 1, d@e.org"


def test_nbgraders_own_commands_work(course: Course) -> None:
    """Its export and its feedback, from the command line, on what we recorded."""
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    for command in (["export", "--to", "own.csv"], ["generate_feedback", NAME]):
        done = subprocess.run(
            [str(bin_folder / "nbgrader"), *command], cwd=course.root, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    with (course.root / "own.csv").open(newline="") as file:
        rows = {r["student_id"]: float(r["score"]) for r in csv.DictReader(file)}
    assert rows == pytest.approx(SCORES)
    assert (course.root / "feedback" / "full" / NAME / f"{NAME}.html").is_file()


# -- sanitizing ------------------------------------------------------------------------------------


def test_markdown_keeps_formulas_and_loses_html() -> None:
    text = "> quoted $a < b$ and **bold** [link](https://x.org) `code`"
    cleaned = clean_markdown(text)
    assert cleaned == text.replace("<", "&lt;")
    assert "<" not in clean_markdown("<b onclick=x>")
    assert "javascript:" not in clean_markdown("[x](JavaScript:alert(1))").lower()
    assert "\\href" not in clean_markdown("$\\href{javascript:x}{y}$")


LINKS = [
    "[a](&#106;avascript:alert(1))", "[a](jav&#x61;script:alert(1))", "[a](javascript:alert(1))",
    "[a](&#x6a;avascript&colon;alert(1))", "[a](&amp;#106;avascript:alert(1))",
    "[a](&amp;amp;#106;avascript:x)", "[a]\n\n[a]: &#106;avascript:alert(1)", "[a](//evil/p)",
    "[a][b]\n\n[b]:\n  javascript:alert(1)", "> [a](\n> javascript:alert(1))", "[a](/logout)",
    "![x](&#100;ata:image/svg+xml,x)", "![x](http://evil/p.png)", "![x](/logout)",
    "![x][y]\n\n[y]: http://evil/p.png", "\\\\![x](http://evil/p)", "![x](attachment:no.png)",
    "[![x](http://evil/p.png)](https://evil)", "<javascript:alert(1)>", "[a](<javascript:x>)",
    "[a](\\javascript:x)", "[a](\u00a0javascript:x)", "[a](java\x01script:x)", "[a]( 'http://')",
    "[a\\](x)](vbscript:x)", "| a |\n|---|\n| [a](data:x) |", "# [a](file:///etc/passwd)",
]  # fmt: skip


@pytest.mark.parametrize("text", LINKS)
def test_markdown_links_lead_to_the_web_only(text: str) -> None:
    """As the pages show it: every address begins with http, https, mailto or #; no image."""
    page = markdown2html_mistune(clean_markdown(text))
    found = re.findall(r"(?i)\b(href|src)\s*=\s*[\"']([^\"']*)", page)
    wrong = [a for _, a in found if not re.match(r"https?://|mailto:|#", html.unescape(a))]
    assert wrong == []
    assert "<img" not in page


def test_markdown_keeps_links_and_matrices() -> None:
    kept = "[a](https://x.org) [b](mailto:me@x.org) [c](#below) [d][e]\n\n[e]: http://x.org/e"
    page = markdown2html_mistune(clean_markdown(kept))
    addresses = re.findall(r'href="([^"]*)"', page)
    assert addresses == ["https://x.org", "mailto:me@x.org", "#below", "http://x.org/e"]
    matrix = r"$\begin{pmatrix}1&0\\0&a\end{pmatrix}$"
    assert clean_markdown(matrix) == matrix
    assert "mmlToken" not in clean_markdown(r"$\mmlToken{mi}[href='javascript:x']{a}$")


@pytest.mark.parametrize("clean", [clean_markdown, clean_html])
def test_formulas_stay_in_their_cell(clean: Callable[[str], str]) -> None:
    """They could paint over others, and end the page by nesting."""
    for macro in (
        "raise 9em",
        "smash",
        "rlap",
        "llap",
        "rule{9em}{9em}",
        "kern-9em",
        "hspace{-9em}",
    ):
        assert clean(rf"$\{macro} {{x}}$").startswith(r"$\text")
    assert clean(r"$x" + r"\! " * 900 + "y$") == r"$x\!y$"
    for many in (r"\begin{array}{c}", r"\displaystyle "):
        assert clean(many * 30) == many * 30
        assert many[:5] not in clean(many * 31)
    assert "def" not in clean(r"$\def\a#1{#1#1}$")
    nested = "^{" * 200 + "x" + "}" * 200
    assert clean(nested) == "^{" * 30 + "^" * 170 + "x" + "}" * 30
    assert clean(r"$\frac{1}{2}\! \lowercase{a}$ }") == r"$\frac{1}{2}\! \lowercase{a}$ }"


def test_a_table_spans_no_thousands_of_columns() -> None:
    """3000 cells over 1000 columns each kept a browser busy for half a minute."""
    cell = '<table><tbody><tr><td colspan="{}">x</td></tr></tbody></table>'
    assert clean_html(cell.format(12)) == cell.format(12)
    for value in ("1000", "0", "-1", "1e3", "٣"):
        assert clean_html(cell.format(value)) == cell.format(1).replace(' colspan="1"', "")


HEADINGS = [
    "# check-99-1", "#check-99-1", "> ## check-99-1", "- 1. # check-99-1", "# check-**99**-1 #",
    "check-99-1\n===", "check-99-1\n=-", "- `check-99-1`\n  ---", "x\n:   check-99-1\n    --",
    "a\r# check-99-1", "~~~\n~~~\ncheck-99-1\n---", "# check 99 1",
]  # fmt: skip


@pytest.mark.parametrize("text", HEADINGS)
def test_no_heading_takes_the_place_of_a_field(text: str) -> None:
    """formgrader finds a field for points by its id: what stands in it would count elsewhere."""
    assert 'id="check-99-1"' in markdown2html_mistune(text)
    page = markdown2html_mistune(clean_markdown(text))
    assert 'id="check-99-1"' not in page
    assert re.search(r"<h\d id=", page)


def test_markdown_keeps_its_lines() -> None:
    """Where no heading and no block of code begins, nothing is added or left out."""
    kept = "```\n---\n```\n\n---\n\n1.5 - 2\n\n| a |\n|---|\n\n~~~~\n~~~\n~~~~\n\n```x``` y"
    assert clean_markdown(kept) == kept


@pytest.mark.parametrize(
    "fence", ["```{}\n{}\n```", "> - ~~~ {} `\n>   {}\n>   ~~~", "\r````{}\r{}"]
)
def test_blocks_of_code_have_no_language_but_python(fence: str) -> None:
    """In some of hundreds of languages, coloring takes half a minute; the mermaid draws."""
    for language in ("amdgpu", "aspectj", "mermaid"):
        page = markdown2html_mistune(clean_markdown(fence.format(language, "A " * 9000)))
        assert "<pre><code>A A" in page
        assert language not in page
    assert clean_markdown("```python\nx = 1\n```") == "```python\nx = 1\n```"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("\\begin{a}" * 11_000, 10), ("\\\\[<" * 9000, 1), ("\\\\(<" * 9000, 1)],
    ids=["environments", "displays", "formulas"],
)
def test_markdown_is_shown_in_seconds(text: str, seconds: float) -> None:
    """Feedback has no time limit: the whole text took 50 s, 7000 formulas without an end 8 s."""
    before = time.process_time()
    page = markdown2html_mistune(clean_markdown(text))
    assert time.process_time() - before < seconds
    assert "cut here" in page


def test_markdown_keeps_formulas_in_brackets() -> None:
    for kept in (r"\\(x\\) \\[y\\]", r"$$\begin{matrix}1\\[2pt]0\end{matrix}$$"):
        assert clean_markdown(kept * 30) == kept * 30


def test_no_more_code_is_shown_than_a_page_can_color() -> None:
    """Twenty cells of a million characters took twenty minutes; the lesson's own cells stay."""
    own = [new_code_cell("$" * 60_000, metadata={"course": {"own": True}}) for _ in range(3)]
    lesson = new_code_cell("x = 1\n" * 50_000)
    notebook = new_notebook(cells=[*own, lesson])
    cut_code(notebook)
    assert own[0].source == "$" * 60_000
    assert own[1].source == "$" * (MAX_SHOWN - 60_000) + "\n[… cut here]"
    assert own[2].source == "\n[… cut here]"
    assert len(lesson.source) == 300_000


def test_no_more_colors_are_shown_than_a_page_can_hold() -> None:
    """130,000 codes in one megabyte took 16 s; those of ten errors of IPython stay."""
    some = new_output("error", ename="E", traceback=["\x1b[31mx\x1b[39;49m"] * (MAX_COLORS // 2))
    many = new_output("stream", text="\x1b[1mx\x1b[9" * 30_000)
    shown = new_output("display_data", data={"text/plain": "\x1b[4my\x1b"})
    cells = [new_code_cell(outputs=[output]) for output in (some, many, shown)]
    cut_colors(new_notebook(cells=cells))
    assert cells[0].outputs[0].traceback[-1] == "\x1b[31mx\x1b[39;49m"
    assert cells[1].outputs[0].text == "x" * 30_000
    assert cells[2].outputs[0].data == {"text/plain": "y"}


def test_the_words_of_a_learner_color_no_verdict() -> None:
    score = {"passed": 0, "total": 1, "points": 0.0, "message": "It raised \x1b[8mx\x1b[7my"}
    (failed,) = tell_score(score)
    assert failed.traceback == ["0 of 1 parts are right.", "It raised xy"]
    assert tell_score(score | {"points": 1.0})[0].text.endswith("It raised xy\n")


def test_each_cell_tells_whose_output_it_shows() -> None:
    """By a class that no learner can give: what is drawn is framed by it, also a picture."""
    check = {"nbgrader": {"grade": True, "solution": False}}
    answer = {"nbgrader": {"grade": False, "solution": True}, "tags": ["grader"]}
    own = {"course": {"own": True}, "tags": ["grader"]}
    cells = [new_code_cell("x", metadata=m) for m in (check, answer, own)]
    notebook = new_notebook(cells=cells)
    frame(notebook)
    tags = [cell.metadata.tags for cell in notebook.cells[1:]]
    assert tags == [["grader"], ["learner"], ["learner"]]
    assert "<style>" in notebook.cells[0].source
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    assert [w.split()[0] for w in page.split("celltag_")[-3:]] == [
        'grader"',
        'learner"',
        'learner"',
    ]
    assert "class" not in clean_html('<div class="celltag_grader">x</div>')


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_no_picture_is_larger_than_a_browser_can_unpack(form: str) -> None:
    """A few kilobytes can hold a square of 30,000 points a side: 3.6 GB on a page."""

    def draw(width: int, height: int) -> dict[str, str]:
        file = io.BytesIO()
        Image.new("1" if form == "png" else "L", (width, height)).save(file, form)
        return {f"image/{form}": base64.b64encode(file.getvalue()).decode()}

    kept = draw(4000, 3000)
    assert clean_data(kept)[f"image/{form}"] == kept[f"image/{form}"]
    assert clean_data(draw(6000, 6000)) == {"text/plain": ""}
    head = base64.b64decode(kept[f"image/{form}"])[:12]
    assert clean_data({f"image/{form}": base64.b64encode(head).decode()}) == {"text/plain": ""}


def test_outputs_are_built_anew() -> None:
    output = clean_output("execute_result", {"data": {"text/plain": "1"}, "execution_count": "<x>"})
    assert output == {"output_type": "display_data", "data": {"text/plain": "1"}, "metadata": {}}
    assert clean_output("stream", {"name": "<x>", "text": ["a", "b"]})["name"] == "stdout"
    assert clean_data({"image/png": '"><script>'}) == {"text/plain": ""}
    assert clean_html("<b>x</b><script>y</script>") == "<b>x</b>y"
    with pytest.raises(ValueError, match="not an output"):
        clean_output("comm_open", {})


# -- the command line ------------------------------------------------------------------------------


def test_commands_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, where = tmp_path / "course", ["--course", str(tmp_path / "course")]
    files = {"jane/99_small.ipynb": notebook_text("full"), "x/99_small.ipynb": "{"}
    source = make_export(files, tmp_path, zipped=True)
    assert main(["release", NUMBER, *where]) == 0
    assert main(["collect", str(source), "--lesson", NUMBER, *where]) == 0
    assert main(["grade", NUMBER, "-j", "1", "--timeout", "10", *where]) == 0
    assert main(["feedback", NAME, *where]) == 0
    assert main(["export", str(tmp_path / "scores.csv"), *where]) == 0
    told, progress = capsys.readouterr()
    assert "graded 2 (1 to look at), unchanged 0, not graded 0\n" in told
    assert "\n1 written answer waits for points in formgrader\n" in told
    assert "wrote 2 lines to" in told
    assert "look at x: the file is not valid JSON" in told
    for bar in ("release", "collect", "99_small", "feedback"):
        assert f"{bar}: 100%" in progress
    assert (root / "feedback" / "jane" / NAME / f"{NAME}.html").is_file()


@pytest.mark.parametrize("command", ["release", "collect", "grade", "feedback", "export"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    assert leaving.value.code == 0
    assert "--course DIR" in capsys.readouterr().out


def test_errors_are_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", NUMBER, "--course", str(tmp_path)]) == 1
    assert "holds no course; name its folder with --course, or make one" in capsys.readouterr().err
    with pytest.raises(SystemExit) as leaving:
        main(["grade", NUMBER, "-j", "0"])
    assert leaving.value.code == 2
    with pytest.raises(CourseError, match="there is no lesson '97'"):
        lesson_stem("97")
    assert lesson_stem("1") == lesson_stem("01") == "01_initialization"


@pytest.mark.parametrize("command", [["export"], ["leaderboard", "--csv"]])
def test_a_folder_that_is_missing(
    command: list[str], course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--course", str(course.root)]
    assert main([*command, str(tmp_path / "no" / "scores.csv"), *where]) == 1
    assert f"error: the folder {tmp_path / 'no'} does not exist" in capsys.readouterr().err
    assert main([*command, str(tmp_path), *where]) == 1
    assert "is a folder; name a file in it" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/secret.zip")

    where = ["collect", "a", "--lesson", NUMBER]
    monkeypatch.setattr("helpers.instructor.course.Course.__init__", refuse)
    assert main(where) == 1
    assert capsys.readouterr().err == "error: /secret.zip: Permission denied\n"

    def break_down(*_: object) -> None:
        raise OSError("of no file")

    monkeypatch.setattr("helpers.instructor.course.Course.__init__", break_down)
    with pytest.raises(OSError, match="of no file"):
        main(where)


def test_lists_of_students_hold_no_commands(
    course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names come from a list of students, and folders: one could write over the lines above it."""
    name, where = "eve\x1b[1A\r\ngraded", ["--course", str(course.root)]
    done = Summary({name: {"status": "graded", "needs_review": True, "reason": "x\x1b[1A"}}, [], {})
    done.failed["zoe\n"] = "full\x1b[2K"
    monkeypatch.setattr("helpers.instructor.grade.grade", lambda *_: done)
    monkeypatch.setattr("helpers.instructor.feedback.feedback", lambda *_: {name: "\r"})
    assert main(["grade", NUMBER, *where]) == 1
    assert main(["feedback", NUMBER, *where]) == 1
    told, errors = capsys.readouterr()
    assert r"look at eve\x1b[1A\r\ngraded: x\x1b[1A" in told.splitlines()
    assert r"not graded: zoe\n: full\x1b[2K" in errors.splitlines()
    assert r"no feedback for eve\x1b[1A\r\ngraded: \r" in errors.splitlines()


def test_counts_of_who_handed_in_nothing(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--course", str(course.root)]
    assert main(["grade", NUMBER, *where]) == 0
    told = capsys.readouterr().out
    assert "graded 0 (0 to look at), unchanged 5, not graded 0, handed in nothing 1\n" in told
    assert "written answers wait for points in formgrader" in told
    shutil.rmtree(course.root / "submitted")
    assert main(["grade", NUMBER, *where]) == 1
    told = capsys.readouterr().err
    assert "nothing of 99_small is collected; first: python -m helpers.instructor collect" in told
