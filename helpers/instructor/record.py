"""Records an outcome with nbgrader: its converters, gradebook and penalties, but not its Execute.

nbgrader reads the restored notebook; the outputs of graded cells are the grader's own words.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.api import MissingEntry
from nbgrader.converters.autograde import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import parse_utc

from helpers.instructor.course import Course, CourseError, explain_failure, quiet
from helpers.instructor.sanitize import clean_markdown, clean_text

MAX_TIMESTAMP = 100  # bytes
MAX_SHOWN = 100_000  # characters of a learner's code: coloring takes some 50 µs for each


class ApplyOutcome(NbGraderPreprocessor):  # type: ignore[misc]
    """Takes the place of nbgrader's Execute: puts outputs and verdicts into the cells."""

    outputs: ClassVar[Mapping[str, Sequence[Mapping[str, Any]]]] = {}
    scores: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        cut_code(nb)
        for cell in nb.cells:
            marks = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "markdown" and marks.get("solution"):
                cell.source = clean_markdown(cell.source)
            elif cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(dict(o)) for o in self.outputs.get(cell.id, [])]
                if marks.get("grade") and not marks.get("solution"):
                    cell.outputs = tell_score(self.scores[marks["grade_id"]])
        return nb, resources


def cut_code(notebook: NotebookNode) -> None:
    """Leaves so much of the learner's code as a page shows in seconds. All of it has run."""
    left = MAX_SHOWN
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and (marks.get("solution") or "course" in cell.metadata):
            length = len(cell.source)
            cell.source = clean_text(cell.source, left)
            left = max(left - length, 0)


def tell_score(score: Mapping[str, Any]) -> list[NotebookNode]:
    """The outputs of a check cell from which nbgrader reads this score."""
    message = f"{score['passed']} of {score['total']} parts are right.\n{score['message']}"
    if score["points"] <= 0:
        lines = message.splitlines() or [""]
        return [new_output("error", ename="Check", evalue=lines[0], traceback=lines)]
    told = new_output("stream", name="stdout", text=message + "\n")
    value = {"text/plain": repr(float(score["points"]))}
    return [told, new_output("execute_result", data=value, execution_count=None)]


class Recorder:
    """Records the outcomes of one lesson, one after the other.

    `folder` is for the restored notebooks while nbgrader reads them.
    """

    def __init__(self, course: Course, stem: str, folder: Path) -> None:
        self.course, self.stem, self.folder = course, stem, folder
        default = Autograde.class_traits()["autograde_preprocessors"].default()
        steps = [ApplyOutcome, *(p for p in default if p.__name__ != "Execute")]
        self.api = course.api({
            "Autograde": {"autograde_preprocessors": steps},
            "CourseDirectory": {"submitted_directory": str(self.folder)},
            "Exporter": {"optimistic_validation": True},  # once, not after each step
        })  # fmt: skip

    def record(
        self,
        student: str,
        notebook: NotebookNode,
        outputs: Mapping[str, Sequence[Mapping[str, Any]]],
        scores: Mapping[str, Mapping[str, Any]],
        timestamp: str,
    ) -> None:
        """Writes the autograded notebook and the gradebook's entries. Raises CourseError."""
        folder = self.folder / student / self.stem
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{self.stem}.ipynb")
        if timestamp:
            (folder / "timestamp.txt").write_text(timestamp, encoding="utf-8")
        ApplyOutcome.outputs, ApplyOutcome.scores = outputs, scores
        with quiet():
            outcome = self.api.autograde(self.stem, student, force=True, create=True)
        shutil.rmtree(folder)
        if not outcome["success"]:
            raise CourseError(f"nbgrader does not record {student}: {explain_failure(outcome)}")
        flagged = [name for name, score in scores.items() if score["review"]]
        self._flag(student, flagged)

    def _flag(self, student: str, names: Sequence[str]) -> None:
        """Marks cells so that formgrader lists them as needing a person."""
        if not names:
            return
        with quiet(), self.api.gradebook as gradebook:
            for name in names:
                grade = gradebook.find_grade(name, self.stem, self.stem, student)
                grade.needs_manual_grade = True
            gradebook.db.commit()

    def is_recorded(self, student: str) -> bool:
        """Whether the gradebook has this submission, and the folder its notebook."""
        path = self.course.root / "autograded" / student / self.stem / f"{self.stem}.ipynb"
        with quiet(), self.api.gradebook as gradebook:
            try:
                gradebook.find_submission(self.stem, student)
            except MissingEntry:
                return False
        return path.is_file()


def read_timestamp(folder: Path) -> tuple[str, str]:
    """When it was handed in, as nbgrader can read it, and what is wrong with it if it cannot."""
    path = folder / "timestamp.txt"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_TIMESTAMP:
        return "", ""
    try:
        text = path.read_text(encoding="utf-8").strip()
        parse_utc(text)
    except (ValueError, OverflowError):  # UnicodeDecodeError is a ValueError
        return "", "timestamp.txt is not a time; taken as handed in without one"
    return text, ""
