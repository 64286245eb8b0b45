"""The capstone graded as an instructor does it, with cheats in real boxes; and the leaderboard."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from helpers.instructor import leaderboard
from helpers.instructor.__main__ import main
from helpers.instructor.build import find_sources, read_source
from helpers.instructor.build import release as release_notebook
from helpers.instructor.course import Course, CourseError, quiet, write_atomically
from helpers.instructor.grade import Settings, Summary, grade
from helpers.instructor.leaderboard import (
    Row,
    accuracy_of,
    make_aliases,
    read_aliases,
    read_board,
    tell_board,
    write_board,
)
from helpers.instructor.release import release

STEM = "11_capstone"
PATCHES = """
import helpers.capstone, helpers.recipe, helpers.judges.lesson_11 as published
helpers.recipe.EPOCHS = helpers.capstone.EPOCHS = 600
helpers.capstone.train = lambda *a, **k: None
published.on_validation = published._trained = lambda *a: 1.0
published.THRESHOLDS = (0.0,)
"""
PEEKS = """
def recipe():
    import importlib
    for name in ("helpers.instructor.hidden_test", "helpers.instructor.hard_digits"):
        try:
            importlib.import_module(name)
            return {"inputs": "found " + name}
        except ImportError:
            pass
    return {}
"""
TWO_FACED = """
turns = []
def recipe():
    turns.append(0)
    return {"init": "he"} if len(turns) > 1 else %s
"""


def full_recipe() -> str:
    """The solution's cell of exercise 11.2."""
    cells = read_source(find_sources(["11"])[0]).cells
    return next(str(c.source) for c in cells if c.id == "exercise-11-2")


def returned() -> str:
    """The dict that the solution returns, as text."""
    return full_recipe().partition("return ")[2].partition("### END")[0].strip()


SUBMISSIONS = {
    "ada": full_recipe(),
    "empty": "",
    "patcher": PATCHES + "def recipe():\n    return {}",
    "peeker": PEEKS,
    "twoface": TWO_FACED % returned(),
    "wide": "def recipe():\n    return {'widths': [1024, 512]}",
}


def hand_in(answer: str, folder: Path) -> None:
    notebook = release_notebook(read_source(find_sources(["11"])[0]))
    for cell in notebook.cells:
        if cell.id == "exercise-11-2" and answer:
            cell.source = answer
    forged = "import json\nprint(json.dumps({'test accuracy': 1.0}))"
    notebook.cells.append(new_code_cell(forged, id="forged"))
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{STEM}.ipynb")


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, Summary]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        course = release(["11"], tmp_path_factory.mktemp("capstone") / "course")
        for student, answer in SUBMISSIONS.items():
            hand_in(answer, course.root / "submitted" / student / STEM)
        with quiet(), course.api().gradebook as gradebook:
            gradebook.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
        yield course, grade(course, "11", Settings(jobs=1, seconds=60))


def entry(graded: tuple[Course, Summary], student: str) -> dict[str, Any]:
    found: dict[str, Any] = graded[1].graded[student]["exercises"]["11.2"]
    return found


def test_everybody_is_graded(graded: tuple[Course, Summary]) -> None:
    assert graded[1].failed == {}
    assert set(graded[1].graded) == set(SUBMISSIONS)


def test_a_good_recipe_is_trained_again_on_hidden_images(graded: tuple[Course, Summary]) -> None:
    found = entry(graded, "ada")
    assert (found["points"], found["state"]) == (6.0, "passed")
    assert found["measured"]["test accuracy"] > 0.86


def test_a_stub_is_not_attempted(graded: tuple[Course, Summary]) -> None:
    assert (entry(graded, "empty")["points"], entry(graded, "empty")["state"]) == (
        0.0,
        "not attempted",
    )


def test_patched_modules_do_not_reach_the_grader(graded: tuple[Course, Summary]) -> None:
    """More epochs, a trainer that does nothing, thresholds of zero: in the box only."""
    found = entry(graded, "patcher")
    assert found["points"] == 0
    assert 0.3 < found["measured"]["test accuracy"] < 0.7


def test_the_hidden_test_is_not_in_the_box(graded: tuple[Course, Summary]) -> None:
    found = entry(graded, "peeker")
    assert found["points"] == 0
    assert "found helpers" not in found["message"]
    assert "test accuracy" in found["measured"]


def test_of_two_different_recipes_the_worse_counts(graded: tuple[Course, Summary]) -> None:
    found = entry(graded, "twoface")
    assert found["points"] == 0
    assert "two different outputs" in found["review"]


def test_another_network_is_refused_in_words(graded: tuple[Course, Summary]) -> None:
    assert "Everybody mends the same one" in entry(graded, "wide")["message"]
    assert entry(graded, "wide")["measured"] == {}


def test_the_board_of_a_graded_course(
    graded: tuple[Course, Summary], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    course, _ = graded
    target = tmp_path / "board.csv"
    assert main(["leaderboard", "--course", str(course.root), "--csv", str(target)]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[1].split()[:3] == ["1", "Ada", "Lovelace"]
    assert "twoface" in shown
    assert "* flagged" in shown
    assert "2 submissions without a recipe" in shown  # empty and wide
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["name"] == "Ada Lovelace"
    assert float(rows[0]["accuracy"]) > 0.86


def test_aliases_on_request(
    graded: tuple[Course, Summary], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    course, _ = graded
    wishes = tmp_path / "aliases.csv"
    wishes.write_text("student,alias\nada,Countess\nnobody,Ghost\n")
    assert main(["leaderboard", "--course", str(course.root), "--aliases", str(wishes)]) == 0
    shown = capsys.readouterr().out
    assert "Countess" in shown
    assert "Lovelace" not in shown
    assert "patcher" in shown
    assert "Ghost" not in shown
    everybody = ["leaderboard", "--course", str(course.root), "--anonymous"]
    assert main([*everybody, "--aliases", str(wishes)]) == 0
    shown = capsys.readouterr().out
    assert "Countess" in shown
    assert not any(student in shown for student in ("Ada", "patcher", "twoface", "peeker"))


# -- without grading -------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return release(["11"], tmp_path / "course")


def note(course: Course, student: str, accuracy: Any, **more: Any) -> None:
    measured = {} if accuracy is None else {"test accuracy": accuracy}
    exercises = {"11.2": {"points": 3.0, "measured": measured}}
    text = json.dumps({"exercises": exercises, **more})
    write_atomically(course.result_path(STEM, student), text)


def test_equals_share_a_rank_and_the_next_is_left_out(course: Course) -> None:
    for student, accuracy in {"c": 0.8, "a": 0.9, "b": 0.8, "d": 0.7, "e": None}.items():
        note(course, student, accuracy)
    rows, without = read_board(course)
    assert [(r.rank, r.name) for r in rows] == [(1, "a"), (2, "b"), (2, "c"), (4, "d")]
    assert without == 1


def test_names_on_the_board_hold_no_commands() -> None:
    """A list of students is imported as it is: a name could write over the lines above it."""
    rows = [Row(1, "Eve\x1b[1A\r\n1  Eve  100.0%", 0.5, 3.0), Row(2, "x" * 500, 0.4, 2.0)]
    board = tell_board(rows, 0)
    assert len(board.splitlines()) == 3
    assert r"Eve\x1b[1A\r\n1" in board
    assert all(len(line) < 100 for line in board.splitlines())


def test_a_course_without_grades(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "--course", str(course.root)]) == 1
    assert "nothing of 11_capstone is graded" in capsys.readouterr().err


def test_who_handed_in_nothing_is_not_counted(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    note(course, "absent", None, status="missing")
    assert main(["leaderboard", "--course", str(course.root)]) == 1
    assert "nothing of 11_capstone is graded" in capsys.readouterr().err
    note(course, "a", 0.9, status="graded")
    note(course, "b", None, status="graded")
    rows, without = read_board(course)
    assert ([row.name for row in rows], without) == (["a"], 1)
    assert tell_board(rows, without).endswith("1 submission without a recipe that could be trained")


def test_two_students_with_one_name(course: Course) -> None:
    with quiet(), course.api().gradebook as gradebook:
        for student in ("x1", "x2"):
            gradebook.add_student(student, first_name="Kim", last_name="Lee")
            note(course, student, 0.8)
    assert [r.name for r in read_board(course)[0]] == ["Kim Lee (x1)", "Kim Lee (x2)"]
    with pytest.raises(CourseError, match="two students would be shown as 'Fox'"):
        read_board(course, aliases={"x1": "Fox", "x2": "Fox"})


def test_aliases_follow_from_the_secret_and_differ() -> None:
    students = [f"student{i}" for i in range(300)]
    one, again = make_aliases(students, b"one"), make_aliases(students[::-1], b"one")
    assert one == again
    assert len(set(one.values())) == len(students)
    other = make_aliases(students, b"other")
    assert sum(one[s] == other[s] for s in students) < 10


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,alias\na,b\n", "needs the columns student and alias; it has name, alias"),
        ("", "needs the columns student and alias; it is empty"),
        ("student,alias\na\n", "no student or no alias"),
        ("student,alias\na,\n", "no student or no alias"),
        ("student,alias\na,\xff\n", "cannot be read as a CSV file in UTF-8"),
        (None, "there is no file .*aliases.csv"),
    ],
)
def test_aliases_that_cannot_be_read(text: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "aliases.csv"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(CourseError, match=told):
        read_aliases(path)


@pytest.mark.parametrize(
    "result", [{}, {"exercises": {}}, {"exercises": {"11.2": {"measured": {}}}},
               {"exercises": {"11.2": {"measured": {"test accuracy": "high"}}}}]
)  # fmt: skip
def test_an_outcome_without_an_accuracy(result: dict[str, Any]) -> None:
    assert math.isnan(accuracy_of(result))


def test_a_board_is_no_formula(tmp_path: Path) -> None:
    write_board([Row(1, "=1+1", 0.875, 6.0)], tmp_path / "board.csv")
    assert (tmp_path / "board.csv").read_text().splitlines()[1] == "1,'=1+1,0.875,6,False"
    assert "87.5%" in tell_board([Row(1, "a", 0.875, 6.0)], 0)
    assert leaderboard.tell_board([], 2).endswith(
        "2 submissions without a recipe that could be trained"
    )
