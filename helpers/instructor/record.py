"""Records an outcome with nbgrader: its converters, gradebook and penalties, but not its Execute.

nbgrader reads the restored notebook; the outputs of graded cells are the grader's own words.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader.api import MissingEntry
from nbgrader.converters.autograde import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import parse_utc

from helpers.instructor.course import Course, CourseError, explain_failure, quiet
from helpers.instructor.sanitize import clean_markdown, clean_text, without_colors

MAX_TIMESTAMP = 100  # bytes
MAX_SHOWN = 100_000  # characters of a learner's code: coloring takes some 50 µs for each
MAX_COLORS = 5_000  # codes of colors in all outputs; 130,000 took 16 s and made a page of 7 MB
# No learner's HTML has a class or a style, so what looks like a frame of these is one. Nothing is
# drawn outside of the frame that it is in: some formulas are drawn beyond their place.
FRAMES = """\
*Within dashed frames: written or printed by the learner. What the grader says is outside of them.*

<style>
.celltag_learner .output_wrapper, .text_cell .nbgrader_cell > .panel-body {
  border: 2px dashed #d55e00; contain: paint; margin: 4px 0; overflow: auto; padding: 4px 8px;
}
.celltag_learner .output_wrapper::before, .text_cell .nbgrader_cell > .panel-body::before {
  color: #a34700; content: "printed by the learner's code"; display: block; font-size: 12px;
}
.text_cell .nbgrader_cell > .panel-body::before { content: "written by the learner"; }
.celltag_grader .output_wrapper { border-left: 4px solid #0072b2; }
</style>
"""


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
        cut_colors(nb)
        frame(nb)
        return nb, resources


def frame(notebook: NotebookNode) -> None:
    """Tells the pages, as classes of cells, whose output each is, and adds how each looks."""
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code":
            graders = marks.get("grade") and not marks.get("solution")
            cell.metadata.tags = ["grader" if graders else "learner"]
    notebook.cells.insert(0, new_markdown_cell(FRAMES, id="frames"))


def cut_colors(notebook: NotebookNode) -> None:
    """Leaves so many codes of colors as a page shows in a second; the outputs after are plain."""
    left = MAX_COLORS
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            left -= json.dumps(output).count("\\u001b")
            if left < 0:
                output.update(without_colors(output))


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
    told = without_colors(score["message"])  # it may hold words of the learner's
    message = f"{score['passed']} of {score['total']} parts are right.\n{told}"
    if score["points"] <= 0:
        lines = message.splitlines() or [""]
        return [new_output("error", ename="Check", evalue=lines[0], traceback=lines)]
    words = new_output("stream", name="stdout", text=message + "\n")
    value = {"text/plain": repr(float(score["points"]))}
    return [words, new_output("execute_result", data=value, execution_count=None)]


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
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_TIMESTAMP:
            return "", ""
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "", "timestamp.txt cannot be read; taken as handed in without one"
    try:
        parse_utc(text)
    except Exception:  # whatever it holds: one student's file must not stop the class
        return "", "timestamp.txt is not a time; taken as handed in without one"
    return text, ""
