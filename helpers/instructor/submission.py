"""One submission, from a student's file to its outcome, in a process that may end without harm.

A submission's own trouble is its outcome: it gets a score, a reason in words, and a flag where a
person should look. Trouble of this machine (`NoBox`) is no outcome.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from nbformat import NotebookNode

from helpers.compare import Judged
from helpers.instructor.contain import Blown, run_contained
from helpers.instructor.kernels.choose import OPEN, WARM
from helpers.instructor.kernels.warm import ADDRESS, NoBox, zygote_address
from helpers.instructor.probing import Findings, examine, exercise_of
from helpers.instructor.restore import Unreadable, read_cells, restore
from helpers.instructor.sanitize import one_line
from helpers.instructor.session import Session
from helpers.judges import find_judge
from helpers.judging import Task

_TOTAL = 6  # a notebook may take this many times what a cell may


@dataclass(frozen=True)
class Job:
    """What a worker needs for one submission; plain data, so that it may run on another machine."""

    student: str
    content: str  # the notebook's path
    release: str  # the released notebook's text
    tasks: Mapping[str, Task]
    kernel: str
    seconds: float
    seed: int


def find_notebook(folder: Path, stem: str) -> tuple[Path, list[str]]:
    """The notebook that was handed in, and a remark when it has another name.

    The path may lead nowhere; reading it tells why.
    """
    path = folder / f"{stem}.ipynb"
    if folder.is_symlink() or folder.parent.is_symlink():
        return folder / "link", ["the folder is a link to somewhere else"]
    if os.path.lexists(path) or not folder.is_dir():
        return path, []
    others = sorted(p for p in folder.glob("*.ipynb") if p.is_file() and not p.is_symlink())
    if len(others) == 1:
        return others[0], [f"the file is named {one_line(others[0].name, 80)}"]
    names = f"{len(others)} other notebooks" if others else "no notebook"
    return path, [f"there is no {stem}.ipynb, and {names}"]


def run_job(job: Job) -> dict[str, Any]:
    """Grades one submission in a process that may end without harm. Raises NoBox."""
    address = {ADDRESS: zygote_address()} if job.kernel == WARM else {}
    limit = job.seconds * (_TOTAL + 2) + 60
    for task in job.tasks.values():
        if isinstance(task.compare, Judged):
            find_judge(task.compare.name)  # what it imports counts against no submission's memory
    if job.kernel != OPEN:
        _preload()

    def work() -> dict[str, Any]:
        os.environ.update(address)
        return grade_submission(job)

    try:
        result: dict[str, Any] = run_contained(work, seconds=limit)
    except Blown as blown:
        result = _without_answers(job, f"it could not be graded: {blown}")
    if "no_box" in result:
        raise NoBox(result["no_box"])
    return result


def _preload() -> None:
    """What a boxed kernel's start imports and looks up: once in this worker.

    Each submission has a forked process of its own, and did it again: 0.05 CPU seconds.
    """
    import helpers.instructor.kernels.provisioners  # noqa: F401  not on Windows: needs fcntl

    KernelProvisionerFactory.instance()


def grade_submission(job: Job) -> dict[str, Any]:
    """The outcome of one submission as plain data."""
    release = nbformat.reads(job.release, as_version=4)
    try:
        restored = restore(read_cells(Path(job.content)), release)
    except Unreadable as error:
        return _without_answers(job, str(error))
    until = time.monotonic() + _TOTAL * job.seconds

    def open_session() -> Session:
        left = max(until - time.monotonic(), 1.0)
        return Session(job.kernel, seconds=job.seconds, total=left)

    try:
        findings = examine(restored.notebook, job.tasks, open_session, seed=job.seed)
    except NoBox as error:
        return {"no_box": str(error)}
    for name, remark in restored.lost.items():
        finding = findings.exercises.get(exercise_of(name))
        if finding:  # so that formgrader lists it, too
            finding.review = finding.review or remark
    exercises = _score(job.tasks, findings)
    return {
        "status": "graded",
        "exercises": exercises,
        "remarks": list(dict.fromkeys([*restored.remarks, *findings.remarks])),
        "outputs": findings.outputs,
        "notebook": _dump(restored.notebook),
    }


def _score(tasks: Mapping[str, Task], findings: Findings) -> dict[str, dict[str, Any]]:
    entries = {}
    for name, task in tasks.items():
        finding = findings.exercises[name]
        verdict = finding.verdict
        entries[name] = {
            "points": task.points * verdict.passed / max(verdict.total, 1),
            "max_points": task.points,
            "state": verdict.state,
            "passed": verdict.passed,
            "total": verdict.total,
            "message": verdict.message,
            "measured": verdict.measured,
            "review": finding.review,
        }
    return entries


def nothing(task: Task, review: str) -> dict[str, Any]:
    """The entry of an exercise for which there is no answer."""
    return {
        "points": 0.0,
        "max_points": task.points,
        "state": "wrong" if review else "not attempted",
        "passed": 0,
        "total": task.total,
        "message": f"Your notebook could not be graded: {review}." if review else "Nothing here.",
        "review": review,
    }


def _without_answers(job: Job, reason: str) -> dict[str, Any]:
    release = nbformat.reads(job.release, as_version=4)
    return {
        "status": "unreadable",
        "exercises": {name: nothing(task, reason) for name, task in job.tasks.items()},
        "remarks": [reason],
        "outputs": {},
        "notebook": _dump(release),
    }


def _dump(notebook: NotebookNode) -> str:
    text: str = nbformat.writes(notebook, version=4)
    return text
