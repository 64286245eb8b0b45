"""Mechanical mutants of a solution: would the check notice if one small thing were wrong?

Each mutant changes one place: an operator, a comparison, a constant, a pair of arguments, a sign,
a flag, or leaves out one statement. Texts, docstrings and raised errors are left alone.
"""

import ast
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from helpers.check import load_task
from helpers.instructor.solutions import exercise_cell, solution_namespace
from helpers.judging import PASSED, Task, argument_names, call_answer, judge_outcomes

SECONDS = 10  # a mutant that runs longer than this (all probes) counts as noticed

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
Edit = Callable[[Any], ast.AST | None]


@dataclass(frozen=True)
class Mutant:
    """A changed solution: `name` says what was changed, `source` is the whole cell."""

    name: str
    source: str


def make_mutants(source: str) -> list[Mutant]:
    """All mutants of a cell's source, in the order of the text, each with a name of its own."""
    count = len(list(_places(ast.parse(source))))
    mutants: dict[str, str] = {}
    for index in range(count):
        tree = ast.parse(source)
        parent, field, position, edit = list(_places(tree))[index]
        old = getattr(parent, field) if position is None else getattr(parent, field)[position]
        before = ast.unparse(old)
        line = source.splitlines()[old.lineno - 1].strip()
        new = edit(old)
        _put(parent, field, position, new)
        ast.fix_missing_locations(tree)
        after = ast.unparse(new) if new is not None else "(left out)"
        name = f"{line} | {before.splitlines()[0]} → {after.splitlines()[0]}"
        while name in mutants:
            name += " (again)"
        mutants[name] = ast.unparse(tree)
    return [Mutant(name, text) for name, text in mutants.items()]


def _put(parent: ast.AST, field: str, position: int | None, new: ast.AST | None) -> None:
    if position is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[position] = new if new is not None else ast.Pass()


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, Edit]]:
    """Every place that can be changed, with the edit that changes it."""
    for parent in ast.walk(tree):
        if isinstance(parent, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
            continue
        for field, value in ast.iter_fields(parent):
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for position, child in items:
                if isinstance(child, ast.AST) and not _is_hidden(parent, field, child):
                    yield from ((parent, field, position, e) for e in _edits(child))


def _is_hidden(parent: ast.AST, field: str, child: ast.AST) -> bool:
    """Annotations, defaults' types, docstrings and what is raised are not mutated."""
    if field in {"annotation", "returns", "decorator_list"} or isinstance(child, ast.Raise):
        return True
    is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
    return is_text or isinstance(parent, ast.Raise)


def _edits(node: ast.AST) -> list[Edit]:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return [_change_operator]
    if isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        return [_change_operator, lambda n: None]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        return [_change_comparison]
    if isinstance(node, ast.BoolOp):
        return [_change_junction]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        return [lambda n: n.operand]
    if isinstance(node, ast.Constant):
        return _edits_of_constant(node)
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        return [_swap_arguments]
    if isinstance(node, ast.Expr) or _stores_into_array(node):
        return [lambda n: None]
    return []


def _stores_into_array(node: ast.AST) -> bool:
    """`h[i] = …`: leaving it out still runs, unlike leaving out `h = …`."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)


def _edits_of_constant(node: ast.Constant) -> list[Edit]:
    if isinstance(node.value, bool):
        return [lambda n: ast.copy_location(ast.Constant(not n.value), n)]
    if isinstance(node.value, int):
        return [
            lambda n: ast.copy_location(ast.Constant(n.value + 1), n),
            lambda n: ast.copy_location(ast.Constant(n.value - 1), n),
        ]
    if isinstance(node.value, float):
        return [lambda n: ast.copy_location(ast.Constant(n.value * 2 if n.value else 1.0), n)]
    return []


def _change_operator(node: Any) -> ast.AST:
    node.op = OPERATORS[type(node.op)]()
    return node


def _change_comparison(node: Any) -> ast.AST:
    node.ops[0] = COMPARISONS[type(node.ops[0])]()
    return node


def _change_junction(node: Any) -> ast.AST:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return node


def _swap_arguments(node: Any) -> ast.AST:
    node.args[0], node.args[1] = node.args[1], node.args[0]
    return node


class _TooLong(BaseException):
    """Ends a mutant that does not end; no `except Exception` of an answer may swallow it."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(signum: int, frame: Any) -> None:
        raise _TooLong

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def survives(exercise_id: str, function: str, mutant: Mutant, task: Task) -> bool:
    """Whether the check passes a mutant, that is, does not notice it."""
    try:
        with _time_limit(SECONDS):
            answer = solution_namespace(exercise_id, cell=mutant.source)[function]
            outcomes = []
            for probe in task.probes:
                outcomes.append(call_answer(answer, probe))
                if outcomes[-1].error:
                    return False
            names = argument_names(answer, len(task.probes[0]))
            return judge_outcomes(task, outcomes, names).state == PASSED
    except (_TooLong, Exception):  # a mutant may break anything: broken is noticed
        return False


def find_survivors(exercise_id: str, function: str) -> tuple[int, list[str]]:
    """How many mutants an exercise's solution has, and the names of those that survive."""
    task = load_task(exercise_id)
    mutants = make_mutants(exercise_cell(exercise_id))
    return len(mutants), [m.name for m in mutants if survives(exercise_id, function, m, task)]
