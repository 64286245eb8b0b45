"""A lesson's solutions as running code: its imports and its exercise cells, and nothing else.

That a solution needs no other cell is part of what is promised: later cells never need an answer,
and an answer never needs a figure's code.
"""

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.instructor.build import find_sources, read_source


@cache
def read_solved(number: str) -> NotebookNode:
    """The solved notebook of a lesson number such as "01"."""
    (source,) = find_sources([number])
    return read_source(source)


def exercise_cell(exercise_id: str) -> str:
    """The solved source of an exercise's cell."""
    grade_id = f"exercise-{exercise_id.replace('.', '-')}"
    cells = read_solved(exercise_id[:2]).cells
    return next(c.source for c in cells if c.id == grade_id)


def solution_namespace(exercise_id: str, *, cell: str | None = None) -> dict[str, Any]:
    """The names that an exercise's solution sees: imports, earlier answers, and its own cell.

    `cell` takes the place of the exercise's own source (a stub, a mutant).
    """
    grade_id = f"exercise-{exercise_id.replace('.', '-')}"
    namespace: dict[str, Any] = {"__name__": "lesson"}
    cells = [c for c in read_solved(exercise_id[:2]).cells if c.cell_type == "code"]
    for code in cells:
        _run_imports(code.source, namespace)
    for code in cells:
        if code.id == grade_id:
            exec(compile(cell or code.source, f"<{exercise_id}>", "exec"), namespace)
            return namespace
        if code.id.startswith("exercise-"):
            exec(compile(code.source, f"<{code.id}>", "exec"), namespace)
    raise ValueError(f"no cell of exercise {exercise_id!r} in its lesson's source")


def load_solution(exercise_id: str) -> Callable[..., Any]:
    """The solution of an exercise as a function."""
    from helpers.instructor.exercises import load_lesson

    name = load_lesson(exercise_id[:2]).find(exercise_id).function
    solution: Callable[..., Any] = solution_namespace(exercise_id)[name]
    return solution


def _run_imports(source: str, namespace: dict[str, Any]) -> None:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    tree = ast.parse("\n".join(lines))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:
        module = ast.Module(body=[node], type_ignores=[])
        exec(compile(module, str(Path(__file__)), "exec"), namespace)
