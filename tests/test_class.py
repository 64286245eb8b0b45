"""A class from the instructor's side, without running answers: due dates, lists, rubrics, pages.

What grading makes of answers is in tests/test_grading.py.
"""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.instructor.__main__ import main
from helpers.instructor.batch import Batch, Settings, join_remarks
from helpers.instructor.build import ROOT, dump, read_source
from helpers.instructor.course import Course, quiet, write_atomically
from helpers.instructor.export import export
from helpers.instructor.grade import draw_tasks
from helpers.instructor.record import read_timestamp
from helpers.instructor.release import release
from helpers.instructor.restore import read_cells
from helpers.instructor.rubrics import write_rubrics
from helpers.instructor.submission import nothing
from tests import small_lesson
from tests.hostile.lab import Case, hand_in, make_notebook, marks
from tests.small_lesson import NAME, NUMBER, lesson_99

SOLVED = Case(name="solved", about="", solved=True)
README = ROOT / "helpers" / "instructor" / "README.md"
FULL = 7.0  # of the checks; 2 more are the written answer's


@pytest.fixture(autouse=True, scope="module")
def lesson() -> Iterator[None]:
    with small_lesson.installed():
        yield


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return release([NUMBER], tmp_path / "course")


def record(course: Course, student: str, *, remarks: list[str] | None = None) -> dict[str, Any]:
    """What grading records of a right submission, without running it; returns the outcome."""
    folder = course.root / "submitted" / student / NAME
    if not folder.exists():
        hand_in(SOLVED, folder)
    tasks = draw_tasks(NUMBER, course.secret())
    right = {"state": "right", "message": "Right."}
    exercises = {
        name: nothing(task, "") | right | {"points": float(task.points), "passed": task.total}
        for name, task in tasks.items()
    }
    result = {
        "status": "graded",
        "exercises": exercises,
        "remarks": remarks or [],
        "outputs": {},
        "notebook": (folder / f"{NAME}.ipynb").read_text(encoding="utf-8"),
    }
    assert read_cells(folder / f"{NAME}.ipynb")
    batch = Batch(course, NAME, course.read_release(NAME), tasks, "", Settings())
    batch._record(result, student, folder, "", [])
    return batch.summary.graded[student]


def run_nbgrader(course: Course, *command: str) -> str:
    """nbgrader's own command in the course's folder, as the instructor's page shows it."""
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        [bin_folder / "nbgrader", *command],
        cwd=course.root,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
    )
    return done.stdout + done.stderr


def exported(course: Course) -> dict[str, dict[str, str]]:
    """The lines of a new scores.csv by student."""
    path = course.root.parent / "scores.csv"
    export(course, path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def give_points(course: Course, student: str, cell: str, points: float) -> None:
    """As formgrader does it."""
    with quiet(), course.api().gradebook as gradebook:
        grade = gradebook.find_grade(cell, NAME, NAME, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


# -- release ---------------------------------------------------------------------------------------


def test_rubrics_are_in_the_course_and_not_in_the_release(course: Course) -> None:
    text = (course.root / "rubrics.md").read_text(encoding="utf-8")
    (question,) = lesson_99.LESSON.written
    assert f"## {question.id} {question.title} ({question.points} points)" in text
    for line, points in question.rubric.items():
        assert f"- **{points} point{'s' * (points > 1)}**: {line}" in text
    solved = (course.root / "source" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    answer = marks(json.loads(solved), "written-99-w")["source"]
    assert f"> {answer[1].strip()}" in text
    assert "SOLUTION" not in text
    assert [p.name for p in (course.root / "release" / NAME).iterdir()] == [f"{NAME}.ipynb"]


def test_rubrics_of_another_assignment_and_of_a_lesson_released_earlier(course: Course) -> None:
    own = course.root / "source" / "quiz" / "quiz.ipynb"
    own.parent.mkdir()
    own.write_text("{}")
    solved = read_source(ROOT / "notebooks" / "source" / "00_warm_up.py")
    write_atomically(course.root / "source" / "00_warm_up" / "00_warm_up.ipynb", dump(solved))
    write_rubrics(course)
    text = (course.root / "rubrics.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", text, re.MULTILINE) == ["00.w", "99.w"]


# -- deadlines -------------------------------------------------------------------------------------


def test_a_due_date_counts_whenever_it_is_set(course: Course) -> None:
    """And for points that are given later; nothing is graded again."""
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    for student in ("early", "late", "untimed"):
        record(course, student)
    times = {"early": "2026-11-20 11:59:59 UTC", "late": "2026-11-20 12:00:01 UTC"}
    for student, time in times.items():
        (course.root / "submitted" / student / NAME / "timestamp.txt").write_text(time)
    run_nbgrader(course, "db", "assignment", "add", NAME, "--duedate=2026-11-20 12:00:00 UTC")
    give_points(course, "late", "written-99-w", 2.0)
    rows = exported(course)
    assert {s: float(row["score"]) for s, row in rows.items()} == {
        "early": FULL, "late": 0.0, "untimed": FULL
    }  # fmt: skip
    assert float(rows["late"]["late_penalty"]) == FULL + 2
    assert rows["late"]["timestamp"] == "2026-11-20 12:00:01"
    run_nbgrader(course, "db", "assignment", "add", NAME, "--duedate=2026-11-21 12:00:00 UTC")
    assert float(exported(course)["late"]["score"]) == FULL + 2


NO_TIMES = ["soon", "2026-11-20 12:00:01 99999999999999999999", "1.5h10000000010000000099999999999"]


@pytest.mark.parametrize("text", NO_TIMES)
def test_a_time_that_is_none_stops_nobody(text: str, tmp_path: Path) -> None:
    (tmp_path / "timestamp.txt").write_text(text)
    told = "timestamp.txt is not a time; taken as handed in without one"
    assert read_timestamp(tmp_path) == ("", told)


def test_a_time_that_cannot_be_read_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "timestamp.txt").write_bytes(b"\xff")
    told = "timestamp.txt cannot be read; taken as handed in without one"
    assert read_timestamp(tmp_path) == ("", told)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert read_timestamp(tmp_path) == ("", told)


def test_a_time_that_was_mended_is_graded_again(course: Course) -> None:
    folder = course.root / "submitted" / "ann" / NAME
    hand_in(SOLVED, folder)
    batch = Batch(course, NAME, course.read_release(NAME), {}, "", Settings())
    found = []
    for text in ("soon", "2026-11-20 12:00:01 UTC", "2026-11-21 12:00:01 UTC"):
        (folder / "timestamp.txt").write_text(text)
        prepared = batch._prepare("ann", folder)
        assert prepared
        found.append(prepared[2])
    assert found[0] != found[1] == found[2]  # a valid time is no part of what was graded


# -- feedback --------------------------------------------------------------------------------------


def test_feedback_names_the_exercises_and_what_waits(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for student in ("ann", "bob"):
        record(course, student)
    with quiet(), course.api().gradebook as gradebook:
        gradebook.find_comment("exercise-99-1", NAME, NAME, "ann").manual_comment = "Neat."
        gradebook.db.commit()
    run = ["feedback", NUMBER, "--course", str(course.root)]
    assert main(run) == 0
    told = "2 written answers still wait: these pages show 0 points for them\n"
    assert told in capsys.readouterr().err
    page = (course.root / "feedback" / "ann" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    contents = page.partition('<div id="toc">')[2].partition("</div>")[0]
    names = re.findall(r'<li><a href="#(.+?)">(.*?)</a>', contents)
    (written,) = lesson_99.LESSON.written
    assert names[:2] == [
        ("comment-exercise-99-1", "Comment on 99.1"),
        ("check-99-1", "99.1 <code>he_std</code>"),
    ]
    assert names[-1] == ("written-99-w", f"99.w {written.title}")
    assert "Test cell" not in contents
    assert page.rstrip().endswith("</html>")
    give_points(course, "ann", "written-99-w", 1.0)
    record(course, "ann")  # graded again, it waits again, but with its points
    assert main(run) == 0
    told = "1 written answer still waits: these pages show 0 points for it\n"
    assert told in capsys.readouterr().err
    give_points(course, "bob", "written-99-w", 0.0)
    assert main(run) == 0
    assert "still wait" not in capsys.readouterr().err


# -- export ----------------------------------------------------------------------------------------


def test_a_spreadsheet_reads_the_scores(course: Course, tmp_path: Path) -> None:
    """Umlauts, by the mark at the start; two decimals; points by hand are where they belong."""
    record(course, "zoë")
    give_points(course, "zoë", "check-99-1", 2 / 3)
    give_points(course, "zoë", "written-99-w", 1 / 3)
    row = exported(course)["zoë"]
    assert (tmp_path / "scores.csv").read_bytes().startswith(b"\xef\xbb\xbflesson,student,")
    scores = {name: row[name] for name in ("code_score", "written_score", "score", "max_score")}
    assert scores == {
        "code_score": "5.67", "written_score": "0.33", "score": "6", "max_score": "9"
    }  # fmt: skip


def test_remarks_that_repeat_are_one(course: Course) -> None:
    changed = "the text of check-99-{} was changed; the original counts"
    remarks = [changed.format(n) for n in (1, 2, 3, 5)] + ["the file is named x.ipynb"]
    told = "check-99-1 to check-99-3 and check-99-5 were changed; the originals count"
    result = record(course, "ann", remarks=remarks)
    assert result["reason"] == f"{told}; the file is named x.ipynb"
    assert result["remarks"] == remarks
    assert exported(course)["ann"]["reason"].startswith(told)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1,), "the text of check-99-1 was changed; the original counts"),
        ((1, 2), "check-99-1 and check-99-2 were changed; the originals count"),
        ((1, 3), "check-99-1 and check-99-3 were changed; the originals count"),
        ((9, 10, 11), "check-99-9 to check-99-11 were changed; the originals count"),
        ((1, 2, 4, 6, 7, 8), "check-99-1, check-99-2, check-99-4 and check-99-6 to check-99-8 "
         "were changed; the originals count"),
    ],
)  # fmt: skip
def test_joined_remarks(numbers: tuple[int, ...], told: str) -> None:
    remarks = [f"the text of check-99-{n} was changed; the original counts" for n in numbers]
    assert join_remarks([*remarks, "other"]) == [told, "other"]


# -- the list of students --------------------------------------------------------------------------


def test_who_is_not_in_the_student_list_is_named(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the columns of the instructor's page; without a list, nobody is named."""
    files = {f"{name}/99_small.ipynb": "{}" for name in ("doejane", "evex")}
    assert run_collect(course, tmp_path, files) == 0
    record(course, "old")  # is then in the gradebook, but in no list
    assert "student list" not in capsys.readouterr().err
    page = README.read_text(encoding="utf-8")
    (listed,) = re.findall(r"^id,first_name.*?(?=^```)", page, re.MULTILINE | re.DOTALL)
    (course.root / "students.csv").write_text(listed, encoding="utf-8")
    run_nbgrader(course, "db", "student", "import", "students.csv")
    told = "not in the student list, where id must be this name: "
    assert run_collect(course, tmp_path, files) == 0
    assert f"\n{told}evex\n" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "a.csv"), "--course", str(course.root)]) == 0
    assert f"{told}evex, old\n" in capsys.readouterr().err
    assert exported(course)["doejane"]["email"] == "jane@example.org"


# -- collect ---------------------------------------------------------------------------------------


def make_zip(folder: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return folder / "export.zip"


def of_lesson(number: str) -> str:
    return json.dumps({"cells": [], "metadata": {"course": {"lesson": number}}, "nbformat": 4})


def run_collect(course: Course, folder: Path, files: dict[str, str]) -> int:
    source = make_zip(folder, files)
    return main(["collect", str(source), "--lesson", NUMBER, "--course", str(course.root)])


def test_canvas_says_who_is_late(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solved = json.dumps(make_notebook(SOLVED))
    files = {
        "doejane_LATE_101_9001_99_small.ipynb": solved,
        "roejohn_102_9002_99_small.ipynb": solved,
        "roejohn_102_9004_LATE_1_2.ipynb": solved,  # a name of his own
    }
    assert run_collect(course, tmp_path, files) == 0
    assert "\nhanded in late, says Canvas: doejane\n" in capsys.readouterr().out
    record(course, "doejane")
    record(course, "roejohn")
    reasons = {student: row["reason"] for student, row in exported(course).items()}
    waiting = "1 written answer waits for points"
    assert reasons == {
        "doejane": f"handed in late, says Canvas; {waiting}", "roejohn": waiting
    }  # fmt: skip
    in_time = {"doejane_101_9003_99_small-1.ipynb": solved}
    assert run_collect(course, tmp_path, in_time) == 0
    assert "late" not in capsys.readouterr().out
    assert exported(course)["doejane"]["reason"] == waiting


def test_a_notebook_says_which_lesson_it_is(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever its file is called; text in a cell that looks like it is none."""
    quoting = json.dumps({"cells": [{"source": of_lesson("02")}]})
    files = {
        "ann/99_small.ipynb": of_lesson("02"), "bob/99_small.ipynb": of_lesson("99"),
        "eve/99_small.ipynb": "{}", "zoe/Untitled.ipynb": quoting,
    }  # fmt: skip
    assert run_collect(course, tmp_path, files) == 0
    told, errors = capsys.readouterr()
    assert "left out: 'ann/99_small.ipynb': is lesson 02 by its contents\n" in errors
    assert "collected 3 students; 1 file left out" in told
    assert not (course.root / "submitted" / "ann").exists()


def test_most_students_with_another_lesson_are_an_error(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {f"s{i}/99_small.ipynb": of_lesson("02") for i in range(3)} | {
        "eve/Untitled1.ipynb": "{}"
    }
    assert run_collect(course, tmp_path, files) == 1
    told = "3 students handed in other lessons only, 1 student this one. Is it the right file"
    assert f"error: {told}, and the right --lesson?" in capsys.readouterr().err
    whole = {f"ann/{n:02}.ipynb": of_lesson(f"{n:02}") for n in range(12)}  # the whole course
    assert run_collect(course, tmp_path, whole | {"ann/99_small.ipynb": of_lesson("99")}) == 0
