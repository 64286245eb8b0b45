"""The build: deterministic, complete, nothing of a solution in what a learner gets."""

import ast
import os
import re
import shutil
import sys
from copy import deepcopy
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from helpers.instructor import build as builder
from helpers.instructor.__main__ import main
from helpers.instructor.build import (
    BANKS,
    NOTEBOOKS,
    BuildError,
    build_solved,
    build_texts,
    dump,
    find_sources,
    find_stale,
    is_current,
    read_source,
    release,
)
from helpers.instructor.exercise import ExerciseError
from helpers.instructor.exercises import load_lesson

SOURCES = find_sources()
by_source = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)


def read_built(source: Path) -> NotebookNode:
    """The committed notebook of a source: a test below says that it is what the source builds."""
    return nbformat.read(NOTEBOOKS / f"{source.stem}.ipynb", as_version=4)


def test_there_are_lessons() -> None:
    assert len(SOURCES) >= 2


def test_committed_files_are_what_the_sources_build() -> None:
    built = build_texts()
    assert [p for p, text in built.items() if not is_current(p, text)] == [], "run make build"
    assert set(built) == {*NOTEBOOKS.glob("*.ipynb"), *BANKS.glob("*.json")}
    again = build_texts(lessons=["04"])  # it has random answers, whose mistakes are run many times
    assert len(again) == 2
    assert again.items() <= built.items()


def test_a_changed_notebook_and_an_orphan_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "SOURCES", tmp_path)
    source = shutil.copy(find_source("03"), tmp_path)
    notebooks, banks = tmp_path / "notebooks", tmp_path / "checks"
    builder.build(notebooks=notebooks, banks=banks)
    assert find_stale(notebooks=notebooks, banks=banks) == []
    changed = notebooks / f"{Path(source).stem}.ipynb"
    changed.write_text(changed.read_text(encoding="utf-8") + " ", encoding="utf-8")
    orphan = banks / "98.json"
    orphan.write_text("{}", encoding="utf-8")
    assert find_stale(notebooks=notebooks, banks=banks) == [changed, orphan]
    assert find_stale(lessons=["03"], notebooks=notebooks, banks=banks) == [changed]


@pytest.mark.parametrize(
    ("held", "current"),
    [
        ('{"a": [0.0325095707451, 8.2e-15], "n": 3}', True),  # as another processor rounds
        ('{"a": [0.0325095708451, 8.2e-15], "n": 3}', False),
        ('{"a": [0.032509570745, 8.2e-11], "n": 3}', False),
        ('{"a": [0.032509570745, 8.2e-15], "n": 4}', False),
        ('{"a": [0.032509570745, 8.2e-15], "n": 3.0}', False),
        ('{"a": [0.032509570745, 8.2e-15, 1.0], "n": 3}', False),
        ('{"b": [0.032509570745, 8.2e-15], "n": 3}', False),
        ('{"a":  [0.032509570745, 8.2e-15], "n": 3}', False),
        ("<<<<<<< HEAD", False),
        ("\udcff", False),
    ],
)
def test_only_the_last_digits_of_a_bank_may_differ(
    held: str, current: bool, tmp_path: Path
) -> None:
    made = '{"a": [0.032509570745, 1.0e-14], "n": 3}'
    for name, expected in [("98.json", current), ("98_name.ipynb", False)]:
        path = tmp_path / name
        assert not is_current(path, made)  # not there yet
        path.write_text(held, encoding="utf-8", errors="surrogateescape")
        assert is_current(path, made) is expected


def test_the_build_leaves_what_differs_in_last_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = partial(
        builder.build, lessons=["03"], notebooks=tmp_path / "notebooks", banks=tmp_path / "checks"
    )
    _, bank = build()
    held = bank.read_text(encoding="utf-8")
    monkeypatch.setattr(builder, "encode_bank", lambda lesson: nudged(held, 1e-11))
    assert build() == []
    assert bank.read_text(encoding="utf-8") == held
    monkeypatch.setattr(builder, "encode_bank", lambda lesson: nudged(held, 1e-8))
    assert build() == [bank]
    assert bank.read_text(encoding="utf-8") == nudged(held, 1e-8)


def nudged(bank: str, relative: float) -> str:
    return builder.FLOAT.sub(lambda m: repr(float(m[0]) * (1 + relative)), bank)


def find_source(number: str) -> Path:
    return next(p for p in SOURCES if p.stem.startswith(number))


@by_source
def test_no_statement_of_a_solution_survives(source: Path) -> None:
    """No line of three words or more between the marks stands anywhere in the learner's files."""
    learner = read_built(source)
    text = "\n".join(cell.source for cell in learner.cells)
    assert "BEGIN SOLUTION" not in text
    text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)  # a hint may give a line
    leaked = [line for line in solution_lines(source) if line in text]
    assert leaked == []


def solution_lines(source: Path) -> list[str]:
    lines, inside = [], False
    exercise = False
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            exercise = "exercise=" in line or "written=" in line
        if "### BEGIN SOLUTION" in line or "### END SOLUTION" in line:
            inside = "BEGIN" in line
        elif inside and exercise and len(line.split()) >= 4 and "import" not in line:
            lines.append(line.strip().removeprefix("# "))
    assert lines, f"{source.name} holds no solutions at all"
    return lines


def test_a_planted_solution_is_caught() -> None:
    solved = read_source(SOURCES[0])
    cell = next(c for c in solved.cells if c.id.startswith("exercise-"))
    planted = nbformat.v4.new_markdown_cell("### BEGIN SOLUTION\nsecret\n### END SOLUTION")
    solved.cells.append(planted)
    with pytest.raises(BuildError, match="survives or is misplaced"):
        release(solved)
    assert "### BEGIN SOLUTION" in cell.source


def test_learners_notebooks_equal_nbgraders_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbgrader's own generate_assignment, on the solved notebooks, gives the same cells."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    # nbgrader starts `alembic` by name to make its gradebook
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    course = tmp_path / "course"
    build_solved(course / "source" / "lessons")
    config = Config(builder.release_config())
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "course"
    result = NbGraderAPI(config=config).generate_assignment("lessons")
    assert result["success"], result["log"]
    for source in SOURCES:
        made, ours = (
            nbformat.read(folder / f"{source.stem}.ipynb", as_version=4)
            for folder in (course / "release" / "lessons", NOTEBOOKS)
        )
        assert [plain(c) for c in made.cells] == [plain(c) for c in ours.cells], source.stem


def plain(cell: NotebookNode) -> dict[str, object]:
    return {k: v for k, v in cell.items() if k not in {"outputs", "execution_count"}}


@by_source
def test_cells_are_short_and_ids_are_unique(source: Path) -> None:
    notebook = read_built(source)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.outputs == [] and c.execution_count is None for c in code)
    long = [c.id for c in code if len(c.source.splitlines()) > 32]
    assert long == [], "a code cell has about 20 lines, 32 at most"


@by_source
def test_a_lesson_has_what_every_lesson_has(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert text.count("predict(") >= 3
    assert text.count("claim(") >= 5
    for words in ("be able to", "Where textbooks disagree", "References", "Summary"):
        assert words in text, f"{source.stem} says nothing of {words!r}"
    hints = text.count("<summary>Hint")
    assert hints >= 3 * len(load_lesson(source.stem[:2]).exercises)
    assert "fetch" not in text
    assert "/tmp/" not in text


@by_source
def test_predictions_hide_their_source(source: Path) -> None:
    """The source of a predict cell holds the answer: it is folded until someone unfolds it."""
    notebook = read_built(source)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    cells = [c for c in code if re.search(r"^predict\(", c.source, re.MULTILINE)]
    shown = [c.id for c in cells if not c.metadata.get("jupyter", {}).get("source_hidden")]
    assert len(cells) >= 3
    assert shown == []


@by_source
def test_probe_bank_is_numbers_and_small(source: Path) -> None:
    bank = (BANKS / f"{source.stem[:2]}.json").read_text(encoding="utf-8")
    assert len(bank) < 200_000
    code = re.findall(r"\bdef \w+\(|\blambda [\w, ]+:|\bimport \w+", bank)
    assert code == []


def test_no_solution_in_the_learners_package() -> None:
    """Outside instructor/ and judges/, no function of helpers bears an exercise's name."""
    wanted = {e.function for s in SOURCES for e in load_lesson(s.stem[:2]).exercises}
    package = Path(builder.__file__).parents[1]
    found = {
        node.name
        for path in package.rglob("*.py")
        if not {"instructor", "judges"} & set(path.parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert wanted
    assert wanted & found == set()


MARK = '# %% exercise="01.1"\ndef f():\n    ### BEGIN SOLUTION\n    pass\n    ### END SOLUTION\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# %%\n### BEGIN SOLUTION\n1\n### END SOLUTION\n", "a cell that is no exercise"),
        (MARK + MARK, "marked twice"),
        ('# %% exercise="01.1"\ndef f():\n    pass\n', "has no ### BEGIN SOLUTION"),
        (
            '# %% exercise="01.1"\ndef f():\n    ### BEGIN SOLUTION\n    pass\n',
            "exercise 01.1 has no ### END SOLUTION",
        ),
        ('# %% check="01.1"\ncheck("01.1", other)\n', "must be: check"),
        ('# %% check="01.1"\ncheck("01.1", init_std)\n', "stands before its exercise"),
        (MARK.replace("01.1", "01.77"), r"exercise 01.77: lesson 01 has no exercise '01.77'"),
        ('# %% [markdown] written="01.x"\n# text\n', "no written question"),
        ("# %%\n1\n", "cells are missing"),
    ],
)
def test_a_source_that_cannot_be_built_says_why(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / f"{load_lesson('01').stem}.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BuildError, match=words):
        read_source(path)


def test_a_source_of_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "01_other.py"
    path.write_text("# %%\n1\n", encoding="utf-8")
    with pytest.raises(BuildError, match="names its file"):
        read_source(path)


def test_languages_are_taken_apart(tmp_path: Path) -> None:
    original = SOURCES[0].read_text(encoding="utf-8")
    twins = '# %% [markdown] lang="en"\n# Hello\n\n# %% [markdown] lang="ko"\n# 안녕\n\n'
    path = tmp_path / SOURCES[0].name
    path.write_text(twins + original, encoding="utf-8")
    english, korean = read_source(path), read_source(path, "ko")
    assert english.cells[0].source == "Hello"
    assert korean.cells[0].source == "안녕"
    assert len(english.cells) == len(korean.cells)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--check", "--lessons", "03"]) == 0
    assert main(["build", "--solved", str(tmp_path), "--lessons", "01"]) == 0
    assert [p.name for p in tmp_path.iterdir()] == [f"{load_lesson('01').stem}.ipynb"]
    assert main(["build", "--solved", str(tmp_path), "--lessons", "77"]) == 1
    assert "no lesson 77; there are: " in capsys.readouterr().err


def test_an_exercise_that_is_not_defined_well_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(lesson: object) -> str:
        raise ExerciseError("the oracle of 03.1 fails")

    monkeypatch.setattr(builder, "encode_bank", broken)
    assert main(["build", "--check", "--lessons", "03"]) == 1
    assert capsys.readouterr().err == "error: the oracle of 03.1 fails\n"


def test_dump_validates() -> None:
    broken = deepcopy(read_source(SOURCES[0]))
    broken.cells[0].cell_type = "nonsense"
    with pytest.raises(nbformat.ValidationError):
        dump(broken)


def test_unknown_lesson_is_named() -> None:
    with pytest.raises(ValueError, match="no lesson '77'"):
        load_lesson("77")
