"""Sources to notebooks and probe banks: one source a lesson, the same every time.

`notebooks/source/NN_name.py` + `exercises/lesson_NN.py` → `notebooks/NN_name.ipynb` (the learner's,
made by nbgrader's own preprocessors) + `helpers/checks/NN.json`.
"""

import hashlib
import math
import re
from copy import deepcopy
from functools import partial
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from helpers.instructor.exercise import LAST_DIGITS, Exercise, ExerciseError, Lesson, encode_bank
from helpers.instructor.exercises import load_lesson

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "notebooks" / "source"
NOTEBOOKS = ROOT / "notebooks"
BANKS = ROOT / "helpers" / "checks"
SCHEMA_VERSION = 3
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
QUIET = ("--log-level=ERROR",)  # a kernel warns of its open connection, which is to this machine
SOLUTION_MARK, SOLUTION_END = "### BEGIN SOLUTION", "### END SOLUTION"
FLOAT = re.compile(r"-?\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)")  # not a whole number


class BuildError(ValueError):
    """A source that cannot be built; the message names the file, the cell and what is wrong."""


def build(
    *,
    lessons: list[str] | None = None,
    notebooks: Path = NOTEBOOKS,
    banks: Path = BANKS,
    language: str = "en",
) -> list[Path]:
    """Writes learner notebooks and probe banks (all lessons by default); returns paths written.

    What `is_current` is left as it is.
    """
    made = build_texts(lessons=lessons, notebooks=notebooks, banks=banks, language=language)
    changed = [path for path, text in made.items() if not is_current(path, text)]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
    return changed


def find_stale(
    *, lessons: list[str] | None = None, notebooks: Path = NOTEBOOKS, banks: Path = BANKS
) -> list[Path]:
    """The committed files that are not what the sources build (see `is_current`).

    When all lessons are compared, files that no source builds are found, too.
    """
    expected = build_texts(lessons=lessons, notebooks=notebooks, banks=banks)
    stale = [path for path, text in expected.items() if not is_current(path, text)]
    orphans = [] if lessons else [*notebooks.glob("*.ipynb"), *banks.glob("*.json")]
    return stale + [p for p in orphans if p not in expected]


def build_texts(
    *,
    lessons: list[str] | None = None,
    notebooks: Path = NOTEBOOKS,
    banks: Path = BANKS,
    language: str = "en",
) -> dict[Path, str]:
    """What the build writes: the path of each generated file and its text."""
    texts = {}
    for source in find_sources(lessons):
        lesson = load_lesson(source.stem[:2])
        texts[notebooks / f"{source.stem}.ipynb"] = dump(release(read_source(source, language)))
        texts[banks / f"{lesson.number}.json"] = encode_bank(lesson)
    return texts


def is_current(path: Path, text: str) -> bool:
    """Whether a file holds this text: a notebook byte for byte, a bank but for its last digits.

    Sums and exponentials round differently on other processors (OpenBLAS, SIMD), and a digit more
    or less kept in a bank would only move where that shows.
    """
    if not path.is_file():
        return False
    held, made = path.read_bytes(), text.encode()
    return held == made or (path.suffix == ".json" and _differ_in_last_digits(held, made))


def _differ_in_last_digits(held: bytes, made: bytes) -> bool:
    """Whether two texts are the same but for floats that are nearly equal, or nearly zero."""
    a, b = held.decode(errors="replace"), made.decode()
    if FLOAT.split(a) != FLOAT.split(b):
        return False
    is_close = partial(math.isclose, rel_tol=LAST_DIGITS.rtol, abs_tol=LAST_DIGITS.atol)
    return all(map(is_close, *(map(float, FLOAT.findall(text)) for text in (a, b))))


def build_solved(folder: Path, *, lessons: list[str] | None = None) -> list[Path]:
    """Writes the solved notebooks of these lessons (all by default) to a folder; returns paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in find_sources(lessons):
        path = folder / f"{source.stem}.ipynb"
        path.write_text(dump(read_source(source)), encoding="utf-8")
        written.append(path)
    return written


def find_sources(lessons: list[str] | None = None) -> list[Path]:
    """The sources of these lesson numbers, in order. Raises BuildError for an unknown one."""
    found = {p.stem[:2]: p for p in sorted(SOURCES.glob("[0-9][0-9]_*.py"))}
    unknown = [number for number in lessons or [] if number not in found]
    if unknown:
        raise BuildError(f"no lesson {', '.join(unknown)}; there are: {', '.join(found)}")
    return [found[number] for number in lessons or found]


def read_source(path: Path, language: str = "en") -> NotebookNode:
    """The solved notebook of a source, its cells marked for nbgrader, its ids fixed."""
    lesson = load_lesson(path.stem[:2])
    if path.stem != lesson.stem:
        raise BuildError(f"{path.name}: lesson {lesson.number} names its file {lesson.stem}.py")
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.cells = [c for c in notebook.cells if c.metadata.get("lang", language) == language]
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL, language_info={"name": "python"}, course={"lesson": lesson.number}
    )
    marked: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        _mark(cell, lesson, path, marked)
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.id = grade_id or hashlib.sha256(f"{path.stem}:{index}".encode()).hexdigest()[:8]
    _require_complete(lesson, path, marked)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _mark(cell: NotebookNode, lesson: Lesson, path: Path, marked: set[str]) -> None:
    """Turns the source's short marks (exercise, check, written) into nbgrader's metadata."""
    marks = {
        k: cell.metadata.pop(k) for k in ("exercise", "check", "written") if k in cell.metadata
    }
    for name in ("lang", "lines_to_next_cell"):  # marks of the source only
        cell.metadata.pop(name, None)
    if cell.cell_type == "code" and cell.source.startswith("predict("):
        cell.metadata["jupyter"] = {"source_hidden": True}  # it holds the answer
    if not marks:
        if SOLUTION_MARK in cell.source:
            raise BuildError(
                f"{path.name}: a solution in a cell that is no exercise; an exercise begins with "
                f'# %% exercise="{lesson.number}.1":\n{cell.source}'
            )
        return
    (kind, name), *rest = marks.items()
    if rest or f"{kind} {name}" in marked:
        raise BuildError(f"{path.name}: {kind} {name} is marked twice")
    marked.add(f"{kind} {name}")
    if kind == "written":
        _mark_written(cell, lesson, path, name)
        return
    try:
        exercise = lesson.find(name)
    except ExerciseError as error:
        raise BuildError(f"{path.name}: {kind} {name}: {error}") from error
    if kind == "check":
        _mark_check(cell, exercise, path, after=marked)
        return
    for mark in (SOLUTION_MARK, SOLUTION_END):
        if mark not in cell.source:
            raise BuildError(f"{path.name}: exercise {name} has no {mark}")
    _set(cell, f"exercise-{name}", grade=False, solution=True, locked=False)


def _mark_written(cell: NotebookNode, lesson: Lesson, path: Path, name: str) -> None:
    points = next((w.points for w in lesson.written if w.id == name), None)
    if points is None:
        raise BuildError(f"{path.name}: lesson {lesson.number} has no written question {name!r}")
    _set(cell, f"written-{name}", grade=True, solution=True, locked=False, points=points)


def _mark_check(cell: NotebookNode, exercise: Exercise, path: Path, *, after: set[str]) -> None:
    name = exercise.id
    if cell.source.strip() != f'check("{name}", {exercise.function})':
        raise BuildError(f'{path.name}: check {name} must be: check("{name}", {exercise.function})')
    if f"exercise {name}" not in after:
        raise BuildError(f"{path.name}: check {name} stands before its exercise, or without one")
    _set(cell, f"check-{name}", grade=True, solution=False, locked=True, points=exercise.points)


def _set(
    cell: NotebookNode, name: str, *, grade: bool, solution: bool, locked: bool, points: int = -1
) -> None:
    marks = {
        "grade_id": name.replace(".", "-"),
        "grade": grade,
        "locked": locked,
        "schema_version": SCHEMA_VERSION,
        "solution": solution,
        "task": False,
    }
    cell.metadata["nbgrader"] = NotebookNode({**marks, "points": points} if grade else marks)


def _require_complete(lesson: Lesson, path: Path, marked: set[str]) -> None:
    wanted = {f"{kind} {e.id}" for e in lesson.exercises for kind in ("exercise", "check")}
    wanted |= {f"written {w.id}" for w in lesson.written}
    if marked != wanted:
        missing = ", ".join(sorted(wanted - marked))
        raise BuildError(f"{path.name}: these cells are missing: {missing}")


def release(solved: NotebookNode) -> NotebookNode:
    """The learner's notebook: what nbgrader's release makes of a solved one.

    Raises BuildError when a solution's mark survives.
    """
    from nbgrader import preprocessors

    notebook = deepcopy(solved)
    resources: dict[str, object] = {}
    for name in ("LockCells", "ClearSolutions", "ClearHiddenTests", "ComputeChecksums"):
        preprocessor = getattr(preprocessors, name)(config=release_config())
        try:
            notebook, resources = preprocessor.preprocess(notebook, resources)
        except RuntimeError as error:  # how nbgrader tells of marks in the wrong cell
            raise BuildError(f"a solution's mark survives or is misplaced: {error}") from error
    notebook, _ = preprocessors.CheckCellMetadata().preprocess(notebook, resources)
    for cell in notebook.cells:
        if re.search(r"###\s*(BEGIN|END)\s+(SOLUTION|HIDDEN)", cell.source):
            raise BuildError(
                f"a solution's mark survives in the learner's notebook:\n{cell.source}"
            )
    return notebook


def release_config() -> Config:
    """nbgrader's settings for the release, the same in the build and in an instructor's course."""
    config = Config()
    config.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
    config.ClearSolutions.text_stub = "*Your answer here.*"
    return config


def dump(notebook: NotebookNode) -> str:
    """The bytes of a notebook as text: validated, keys sorted, a newline at the end."""
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook, version=4)
    return text.rstrip("\n") + "\n"
