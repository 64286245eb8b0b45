"""How a hostile submission is described and made."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell

from helpers.instructor.build import find_sources, read_source, release
from tests.small_lesson import NAME, NUMBER

POINTS = {"99.1": 2.0, "99.2": 4.0, "99.3": 1.0}
QUICK, PATIENT = 8.0, 30.0  # seconds for a cell: what never ends, and what may be slow
NOTHING = dict.fromkeys(POINTS, 0.0)
Document = dict[str, Any]


def without(*exercises: str) -> dict[str, float]:
    """Full points but for these exercises."""
    return {name: 0.0 if name in exercises else points for name, points in POINTS.items()}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A submission: the solved notebook or the empty one, changed; or a file made by hand.

    answers: the source of exercise cells, by number ("1"). first, last: cells at both ends.
    earned: the points that it deserves. review: whether a person must be told. reason: a part of
    what they are told. seconds: for a cell, QUICK where it will run until it is stopped.
    """

    name: str
    about: str
    solved: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    last: str = ""
    change: Callable[[Document], None] | None = None
    place: Callable[[Path], None] | None = None
    earned: Mapping[str, float] = field(default_factory=lambda: dict(NOTHING))
    review: bool | None = None
    reason: str = ""
    seconds: float = PATIENT
    shown: Sequence[str] = ()  # printed by the case's own cells
    hidden: Sequence[str] = ()  # must not be in any output


def make_notebook(case: Case) -> Document:
    """The submitted notebook of a case as JSON."""
    solved = read_source(find_sources([NUMBER])[0])
    notebook = solved if case.solved else release(solved)
    for cell in notebook.cells:
        if cell.id.startswith("exercise-"):
            cell.source = case.answers.get(cell.id[-1], cell.source)
    if case.first:
        notebook.cells.insert(0, new_code_cell(case.first, id="first"))
    if case.last:
        notebook.cells.append(new_code_cell(case.last, id="last"))
    document: Document = json.loads(nbformat.writes(notebook, version=4))
    if case.change:
        case.change(document)
    return document


def hand_in(case: Case, folder: Path) -> None:
    """Puts the case's submission into a student's folder of the lesson."""
    folder.mkdir(parents=True)
    if case.place:
        case.place(folder)
    else:
        (folder / f"{NAME}.ipynb").write_text(json.dumps(make_notebook(case)), encoding="utf-8")


def marks(document: Document, grade_id: str) -> Document:
    """The cell of this grade_id in a notebook's JSON."""
    cells: list[Document] = document["cells"]
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def checks(document: Document) -> list[Document]:
    """The check cells of a notebook's JSON."""
    cells: list[Document] = document["cells"]
    return [c for c in cells if c["metadata"].get("nbgrader", {}).get("locked")]
