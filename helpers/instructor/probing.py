"""Runs a restored notebook in a box, and asks its answers for outcomes (`answers` judges them).

Cells run in the order of the notebook. The lesson's own cells give their imports and definitions
only, not their figures and training: an answer needs no more. Should a name be missing that the
rest of these cells sets, all of it is run, too. A cell that ends its kernel is left out of the next
try, so that the other answers count.

An answer may be asked twice, when names were missing. Which time counts never depends on what was
right: of two guesses, the better one would be worth more than one.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from helpers.instructor.answers import Finding, ask, find_undefined, no_function, not_judged
from helpers.instructor.sanitize import clean_text
from helpers.instructor.session import Ended, Result, Session
from helpers.judging import Task

MAX_TRIES = 6  # kernels that one notebook may end
_PLACE = re.compile(r"(.*) \([^()]*, line (\d+)\)", re.DOTALL)  # how Python ends a SyntaxError
_BUSY = (
    "the lesson's own cells did not run to their end ({}); if this machine was busy, grade again "
    "with --timeout 120 --student NAME"
)


@dataclass
class Findings:
    """Of a whole notebook: findings by exercise, outputs by cell id, and remarks for a person."""

    exercises: dict[str, Finding] = field(default_factory=dict)
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    troubled: dict[str, str] = field(default_factory=dict)  # exercise -> what its cell did
    errors: dict[str, str] = field(default_factory=dict)  # exercise -> the error of its cell
    missing: set[str] = field(default_factory=set)  # names that were not defined
    unsure: bool = False  # for want of a name, a cell that the learner added did not run


@dataclass(frozen=True)
class Step:
    """A cell to run, or (when `task` is set) an exercise to ask for."""

    id: str
    source: str = ""
    own: bool = True  # the learner's: an answer or an added cell
    task: Task | None = None

    @property
    def exercise(self) -> str:
        """The exercise that it answers or asks for, such as 01.2; "" when it is another cell."""
        if self.task:
            return self.task.id
        return exercise_of(self.id) if self.own else ""


def exercise_of(cell: str) -> str:
    """The exercise that the cell of this id answers, such as 01.2; "" when it is another cell."""
    answer = cell.startswith("exercise-")
    return cell.removeprefix("exercise-").replace("-", ".") if answer else ""


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
        statements = _parse(source)
    except SyntaxError:
        return source
    return "\n".join(ast.unparse(node) for node in statements if _is_kept(node))


def left_out_names(steps: Sequence[Step]) -> set[str]:
    """The names that cells of the lesson set in what `keep_definitions` leaves out of them."""
    names: set[str] = set()
    for step in steps:
        if not step.own:
            with suppress(SyntaxError):
                left = [node for node in _parse(step.source) if not _is_kept(node)]
                inner = [node for statement in left for node in ast.walk(statement)]
                loops = [node.target for node in inner if isinstance(node, ast.comprehension)]
                own = {name for target in loops for name in ast.walk(target)}  # no cell's names
                stored = [n for n in inner if isinstance(n, ast.Name) and n not in own]
                names |= {n.id for n in stored if isinstance(n.ctx, ast.Store)}
    return names


def _parse(source: str) -> list[ast.stmt]:
    return ast.parse("\n".join(s for s in source.splitlines() if not s.startswith(("%", "!")))).body


def _is_kept(node: ast.stmt) -> bool:
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return isinstance(node, definitions) or _is_constant(node)


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
    if findings.missing:  # most have none: then the cells need not be parsed again
        whole = plan_steps(notebook, tasks, whole=True)
        if findings.missing & left_out_names(whole):
            findings = join_findings(findings, _examine(whole, open_session, seed))
    for task in tasks.values():
        reason = findings.remarks[-1] if findings.remarks else "there is no cell of its check"
        finding = findings.exercises.setdefault(task.id, not_judged(task, reason))
        finding.review = finding.review or findings.troubled.get(task.id, "")
        if finding.review and finding.review not in findings.remarks:
            finding.review = f"exercise {task.id}: {finding.review}"
    findings.remarks = list(dict.fromkeys(findings.remarks))
    return findings


def join_findings(first: Findings, again: Findings) -> Findings:
    """Of two runs of a notebook: what counts for each exercise, and the remarks of both.

    The second counts where the first wanted a name, if anything came back then.
    """
    joined = Findings(outputs=first.outputs | again.outputs)
    joined.remarks = [*first.remarks, *again.remarks]
    for name in first.exercises | again.exercises:
        one, two = first.exercises.get(name), again.exercises.get(name)
        second = two and two.judged and (first.unsure or not one or one.undefined)
        counts = again if second or not one else first
        joined.exercises[name] = counts.exercises[name]
        if name in counts.troubled:
            joined.troubled[name] = counts.troubled[name]
    return joined


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
                for running in steps:
                    _ask_again(running, session, findings, seed)
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
        findings.exercises[step.task.id] = _ask(step.task, session, findings, seed)


def _ask(task: Task, session: Session, findings: Findings, seed: int) -> Finding:
    finding = ask(session, task, seed)
    if finding.missing and task.id in findings.errors:
        return no_function(task, findings.errors[task.id])
    return finding


def _note_result(step: Step, result: Result, findings: Findings) -> None:
    if step.own:
        findings.outputs[step.id] = result.outputs
        if result.stopped:
            _note_trouble(step, f"was {result.stopped}", findings)
        elif result.error and step.exercise:
            findings.errors[step.exercise] = tell_error(result)
    elif result.stopped:
        findings.remarks.append(_BUSY.format(f"one was {result.stopped}"))
    for output in result.outputs:
        if output.get("ename") == "NameError":
            findings.missing |= find_undefined(output["evalue"])
            findings.unsure |= step.own and not step.exercise


def tell_error(result: Result) -> str:
    """The error that ended a cell, in one line: `SyntaxError, line 1: expected ':'`."""
    name = clean_text(result.error, 100)
    texts = [o["evalue"] for o in result.outputs if o.get("ename") == name]
    text = " ".join(texts[-1].split())[:300] if texts else ""
    place = _PLACE.fullmatch(text)
    if place:
        return f"{name}, line {place[2]}: {place[1]}"
    return f"{name}: {text}" if text else name


def _ask_again(step: Step, session: Session, findings: Findings, seed: int) -> None:
    """An answer may use a function that stands further down; ask again when all has run."""
    if step.task and findings.exercises[step.task.id].undefined:
        again = _ask(step.task, session, findings, seed)
        findings.missing |= again.undefined
        if again.judged:
            findings.exercises[step.task.id] = again


def _note_end(step: Step, reason: str, findings: Findings) -> None:
    if not step.own:
        findings.remarks.append(_BUSY.format(reason))
        return
    _note_trouble(step, f"ended the kernel: {reason}", findings)
    if step.task:
        finding = not_judged(step.task, reason)
        finding.review = findings.remarks[-1]  # so that a person reads it once
        findings.exercises[step.task.id] = finding


def _note_trouble(step: Step, what: str, findings: Findings) -> None:
    name = f"exercise {step.exercise}" if step.exercise else "a cell that the learner added"
    findings.remarks.append(f"{name} {what}")
    if step.exercise:
        findings.troubled[step.exercise] = findings.remarks[-1]
        findings.errors[step.exercise] = f"it {what}"
