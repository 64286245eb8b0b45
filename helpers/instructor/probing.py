"""Runs a restored notebook in a box, and asks its answers for outcomes (`answers` judges them).

Cells run in the order of the notebook. The lesson's own cells give their imports and definitions
only, not their figures and training: an answer needs no more. Should a name be missing, all of it
is run. A cell that ends its kernel is left out of the next try, so that the other answers count.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from helpers.instructor.answers import Finding, ask, not_judged
from helpers.instructor.session import Ended, Result, Session
from helpers.judging import Task

MAX_TRIES = 6  # kernels that one notebook may end


@dataclass
class Findings:
    """Of a whole notebook: findings by exercise, outputs by cell id, and remarks for a person."""

    exercises: dict[str, Finding] = field(default_factory=dict)
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    troubled: dict[str, str] = field(default_factory=dict)  # exercise -> what its cell did
    missing_name: bool = False


@dataclass(frozen=True)
class Step:
    """A cell to run, or (when `task` is set) an exercise to ask for."""

    id: str
    source: str = ""
    own: bool = True  # the learner's: an answer or an added cell
    task: Task | None = None


def plan_steps(notebook: NotebookNode, tasks: Mapping[str, Task], *, whole: bool) -> list[Step]:
    """What to run, in order. A check cell is never run: its exercise is asked for instead."""
    steps = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        marks = cell.metadata.get("nbgrader", {})
        task = tasks.get(cell.id.removeprefix("check-").replace("-", "."))
        if marks.get("grade") and not marks.get("solution"):
            steps += [Step(cell.id, task=task)] if task else []
        elif marks.get("solution") or "course" in cell.metadata:
            steps.append(Step(cell.id, cell.source))
        else:
            source = cell.source if whole else keep_definitions(cell.source)
            steps += [Step(cell.id, source, own=False)] if source.strip() else []
    return steps


def keep_definitions(source: str) -> str:
    """The imports, functions and classes of a cell of the lesson, and constants set to literals."""
    try:
        tree = ast.parse("\n".join(s for s in source.splitlines() if not s.startswith(("%", "!"))))
    except SyntaxError:
        return source
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    kept = [n for n in tree.body if isinstance(n, definitions) or _is_constant(n)]
    return "\n".join(ast.unparse(node) for node in kept)


def _is_constant(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True


def examine(
    notebook: NotebookNode,
    tasks: Mapping[str, Task],
    open_session: Callable[[], Session],
    *,
    seed: int = 0,
) -> Findings:
    """Runs a restored notebook and judges its answers. Never raises for what the notebook does."""
    findings = _examine(plan_steps(notebook, tasks, whole=False), open_session, seed)
    if findings.missing_name:
        findings = _examine(plan_steps(notebook, tasks, whole=True), open_session, seed)
    for task in tasks.values():
        reason = findings.remarks[-1] if findings.remarks else "there is no cell of its check"
        finding = findings.exercises.setdefault(task.id, not_judged(task, reason))
        finding.review = finding.review or findings.troubled.get(task.id, "")
    return findings


def _examine(steps: Sequence[Step], open_session: Callable[[], Session], seed: int) -> Findings:
    findings = Findings()
    banned: set[str] = set()
    for _ in range(MAX_TRIES):
        running = Step("")
        try:
            with open_session() as session:
                for running in steps:
                    if running.id not in banned:
                        _take_step(running, session, findings, seed)
                _ask_again(steps, session, findings, seed)
            return findings
        except Ended as ended:
            banned.add(running.id)
            _note_end(running, str(ended), findings)
    return findings


def _take_step(step: Step, session: Session, findings: Findings, seed: int) -> None:
    if step.task is None:
        result = session.run(step.source)
        _note_result(step, result, findings)
    elif step.task.id not in findings.exercises:
        findings.exercises[step.task.id] = ask(session, step.task, seed)


def _note_result(step: Step, result: Result, findings: Findings) -> None:
    if step.own:
        findings.outputs[step.id] = result.outputs
        if result.error.startswith("stopped"):
            _note_trouble(step, f"cell {step.id} was {result.error}", findings)
    findings.missing_name |= result.error == "NameError"


def _ask_again(steps: Sequence[Step], session: Session, findings: Findings, seed: int) -> None:
    """An answer may use a function that stands further down; ask again when all has run."""
    for step in steps:
        if step.task and "NameError" in findings.exercises[step.task.id].verdict.message:
            again = ask(session, step.task, seed)
            findings.missing_name |= "NameError" in again.verdict.message
            if again.verdict.passed > 0:
                findings.exercises[step.task.id] = again


def _note_end(step: Step, reason: str, findings: Findings) -> None:
    _note_trouble(step, f"cell {step.id} ended the kernel: {reason}", findings)
    if step.task:
        findings.exercises[step.task.id] = not_judged(step.task, reason)


def _note_trouble(step: Step, text: str, findings: Findings) -> None:
    findings.remarks.append(text)
    if step.id.startswith("exercise-"):
        findings.troubled[step.id.removeprefix("exercise-").replace("-", ".")] = text
