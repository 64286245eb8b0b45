"""A submission, restored by allow-list: of a learner's file, only the text of answers is kept.

Start from the released notebook; take the sources of answer cells by `grade_id`. Cells that the
learner added are run, since an answer may need them, and shown; nothing else of the file counts:
no metadata, no output, no edited check.
"""

import json
import os
import re
import stat
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

MAX_FILE = 20 << 20  # bytes
MAX_CELLS = 1000
MAX_SOURCE = 1 << 20  # characters of a cell


class Unreadable(ValueError):
    """A file that is no notebook; the message says why, for the learner and the grader."""


@dataclass(frozen=True)
class Cell:
    """What is read of a submitted cell: all other fields are the learner's to forge."""

    kind: str
    source: str
    name: str  # its grade_id, else its id, else ""


@dataclass
class Restored:
    """The notebook to grade, and what a person should know about the file (`remarks`).

    `lost`: what became of answer cells that were not found by their names, by grade_id.
    """

    notebook: NotebookNode
    remarks: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)


def read_cells(path: Path) -> list[Cell]:
    """The cells of a submitted file. Raises `Unreadable` with the reason in words."""
    document = _parse(_read_text(path))
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise Unreadable("the file is not a notebook of format 4")
    if len(document["cells"]) > MAX_CELLS:
        raise Unreadable(f"the notebook has more than {MAX_CELLS} cells")
    return [cell for raw in document["cells"] if (cell := _read_cell(raw))]


def _read_text(path: Path) -> str:
    """The text of a regular file; links are not followed, pipes are not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        fd = os.open(path, flags)
    except OSError as error:
        raise Unreadable(f"the file cannot be opened: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unreadable("there is a folder or a device in place of the file")
        content = _read_bytes(fd)
    finally:
        os.close(fd)
    if len(content) > MAX_FILE:
        raise Unreadable(f"the file is larger than {MAX_FILE >> 20} MB")
    if not content.strip():
        raise Unreadable("the file is empty")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("the file is not text in UTF-8") from None


def _read_bytes(fd: int) -> bytes:
    with os.fdopen(fd, "rb", closefd=False) as file:
        return file.read(MAX_FILE + 1)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("the file is not valid JSON") from None


def _read_cell(raw: Any) -> Cell | None:
    if not isinstance(raw, dict):
        return None
    source = raw.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        return None
    metadata = raw.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    names = (marks.get("grade_id") if isinstance(marks, dict) else None, raw.get("id"))
    name = next((n for n in names if isinstance(n, str) and n), "")
    return Cell(str(raw.get("cell_type")), _clean(source), name)


def _clean(source: str) -> str:
    """Without the characters that no notebook, gradebook or page can hold."""
    return source.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def restore(cells: list[Cell], release: NotebookNode) -> Restored:
    """The released notebook with the learner's answers, and with the learner's own cells."""
    restored = Restored(deepcopy(release))
    cells = _name_lost_answers(cells, release, restored.lost)
    restored.remarks += restored.lost.values()
    answers = _find_answers(cells, release, restored)
    extra = _find_extra(cells, release)
    result: list[NotebookNode] = _own_cells(extra.get(-1, []), -1)
    for index, cell in enumerate(restored.notebook.cells):
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution"):
            *earlier, cell.source = answers.get(marks["grade_id"]) or [cell.source]
            result += _own_cells(earlier, index, "again")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        result += [cell, *_own_cells(extra.get(index, []), index)]
    restored.notebook.cells = result
    _remark_on_checks(cells, release, restored.remarks)
    return restored


def _own_cells(sources: list[str], index: int, kind: str = "own") -> list[NotebookNode]:
    return [
        new_code_cell(s, id=f"{kind}-{index + 1}-{i}", metadata={"course": {"own": True}})
        for i, s in enumerate(sources)
    ]


def _answer_cells(release: NotebookNode) -> dict[str, NotebookNode]:
    """The released notebook's answer cells, by grade_id."""
    marked = [(c.metadata.get("nbgrader", {}), c) for c in release.cells]
    return {marks["grade_id"]: c for marks, c in marked if marks.get("solution")}


def _name_lost_answers(
    cells: list[Cell], release: NotebookNode, lost: dict[str, str]
) -> list[Cell]:
    """The cells, with names for those that some editor has taken from answers.

    A cell of code that defines the function of an answer that is not there is that answer; what
    the learner wrote in cells of text is the written one.
    """
    cells, sources = list(cells), {c.source for c in release.cells}
    names = {c.id for c in release.cells}
    own = [i for i, c in enumerate(cells) if c.name not in names and c.source not in sources]
    present = {c.name for c in cells}
    for name, answer in _answer_cells(release).items():
        found = [] if name in present else [i for i in own if _may_be(cells[i], answer)]
        if not found:
            continue
        text = cells[found[-1]].source
        if answer.cell_type == "markdown":
            text = "\n\n".join(cells[i].source for i in found)
        cells[found[-1]] = replace(cells[found[-1]], name=name, source=text)
        lost[name] = f"{name} has lost its mark; a cell of the learner's own was taken for it"
    return cells


def _may_be(cell: Cell, answer: NotebookNode) -> bool:
    if cell.kind != answer.cell_type or not cell.source.strip():
        return False
    function = re.search(r"^def \w+\(", answer.source, re.MULTILINE)
    return not function or any(s.startswith(function[0]) for s in cell.source.splitlines())


def _find_answers(
    cells: list[Cell], release: NotebookNode, restored: Restored
) -> dict[str, list[str]]:
    """The sources submitted for each answer cell, in order; copies of the empty stub left out."""
    stubs = {name: cell.source for name, cell in _answer_cells(release).items()}
    found: dict[str, list[str]] = {}
    for cell in cells:
        if cell.name in stubs:
            found.setdefault(cell.name, []).append(cell.source)
    for name, sources in found.items():
        written = list(dict.fromkeys(s for s in sources if s != stubs[name]))
        if len(written) > 1:
            restored.remarks.append(f"{name} is there {len(written)} times; the last one counts")
        found[name] = written or [stubs[name]]
    gone = [name for name in stubs if name not in found]
    if gone:
        restored.remarks.append(f"deleted: {', '.join(gone)}; taken as not answered")
        restored.lost |= dict.fromkeys(gone, restored.remarks[-1])
    return found


def _find_extra(cells: list[Cell], release: NotebookNode) -> dict[int, list[str]]:
    """The learner's own code cells, by the released cell that they follow (-1: they come first).

    An edited cell of the lesson counts as the learner's own, after the original.
    """
    positions = {c.id: i for i, c in enumerate(release.cells)}
    by_source = {c.source: i for i, c in reversed(list(enumerate(release.cells)))}
    marked = {c.id for c in release.cells if "nbgrader" in c.metadata}
    extra: dict[int, list[str]] = {}
    anchor = -1
    for cell in cells:
        position = positions.get(cell.name, by_source.get(cell.source))
        if position is not None:
            anchor = position
        known = cell.source in by_source or cell.name in marked
        if cell.kind == "code" and cell.source.strip() and not known:
            extra.setdefault(anchor, []).append(cell.source)
    return extra


def _remark_on_checks(cells: list[Cell], release: NotebookNode, remarks: list[str]) -> None:
    submitted = {c.name: c.source for c in cells}
    for cell in release.cells:
        marks: Mapping[str, Any] = cell.metadata.get("nbgrader", {})
        name = marks.get("grade_id")
        edited = name in submitted and submitted[name].strip() != cell.source.strip()
        if marks.get("locked") and edited:
            remarks.append(f"the text of {name} was changed; the original counts")
