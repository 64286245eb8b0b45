"""`check("01.1", init_std)`: is an answer right, and if not, what is wrong with it.

Reads the probe bank `helpers/checks/NN.json`: inputs, expected outputs, and the outputs of known
mistakes. It holds numbers and no code, so there is no solution in it to read.
"""

import html
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

from helpers.compare import Close, Judged, name_type
from helpers.environment import strict_checks
from helpers.judging import (
    NOT_ATTEMPTED,
    PASSED,
    WRONG,
    Mistake,
    Outcome,
    Task,
    Verdict,
    argument_names,
    call_answer,
    is_shown_whole,
    judge_outcomes,
)
from helpers.values import decode, fresh

BANKS = Path(__file__).parent / "checks"
MOST_PRINTED = 4000  # characters that answers print, in one check


class CheckFailed(AssertionError):
    """Raised by `check` in strict mode when an answer is not passed; the text is the verdict's."""


def check(exercise_id: str, answer: Callable[..., Any]) -> None:
    """Runs an answer on the stored probes, shows the verdict, and notes it in your progress.

    Raises ValueError for an unknown exercise. With STRICT_CHECKS=1, or under nbgrader, raises
    `CheckFailed` when the answer is not passed.
    """
    from IPython.display import display

    from helpers.progress import record

    task = load_task(exercise_id)
    verdict = _judge(task, answer)
    record("exercise", exercise_id, verdict.state)
    display(_Shown(exercise_id, verdict, _tell_call(task, verdict.probe)))
    if strict_checks() and verdict.state != PASSED:
        raise CheckFailed(f"{exercise_id}: {verdict.state}. {verdict.message}")


def judge(exercise_id: str, answer: Callable[..., Any]) -> Verdict:
    """The verdict on an answer, without showing it. Raises ValueError for an unknown exercise."""
    return _judge(load_task(exercise_id), answer)


def _judge(task: Task, answer: Callable[..., Any]) -> Verdict:
    if not callable(answer):
        usage = f"check needs the function itself: check({task.id!r}, {task.function})"
        return Verdict(WRONG, 0, 1, f"{usage}; got {name_type(answer)}.")
    with _Excerpt().shown():
        outcomes = [call_answer(answer, probe) for probe in task.probes]
    return judge_outcomes(task, outcomes, argument_names(answer, len(task.probes[0])))


class _Excerpt(io.TextIOBase):
    """Shows the first MOST_PRINTED characters of what is printed, and counts those left out.

    An answer is called on many probes: what it prints to find a fault would fill the page.
    """

    def __init__(self) -> None:
        self.page, self.room, self.left_out = sys.stdout, MOST_PRINTED, 0

    def write(self, text: str) -> int:
        shown, rest = text[: self.room], text[self.room :]
        self.room -= len(shown)
        self.left_out += len(rest)
        self.page.write(shown)
        return len(text)

    def flush(self) -> None:
        self.page.flush()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Stands in for stdout meanwhile; at the end tells how much was left out."""
        try:
            with redirect_stdout(self):
                yield
        finally:
            if self.left_out:
                told = f"{self.left_out:,} more characters that your function printed"
                self.page.write(f"\n[… {told}]\n")


def arguments(exercise_id: str, probe: int) -> tuple[Any, ...]:
    """New copies of what an answer is called with on a probe, to try it on them by hand.

    Raises ValueError for an unknown exercise or probe; probes are counted from 0.
    """
    probes = load_task(exercise_id).probes
    if not 0 <= probe < len(probes):
        raise ValueError(f"{exercise_id} has the probes 0 to {len(probes) - 1}; got {probe}")
    return fresh(probes[probe])


def load_task(exercise_id: str) -> Task:
    """The task of an exercise from its bank. Raises ValueError naming the ones that exist."""
    lesson = exercise_id.partition(".")[0] if isinstance(exercise_id, str) else ""
    known = load_bank(lesson)["exercises"] if (BANKS / f"{lesson}.json").is_file() else {}
    if exercise_id not in known:
        listed = ", ".join(known) or ", ".join(p.stem + ".x" for p in sorted(BANKS.glob("*.json")))
        raise ValueError(f"there is no exercise {exercise_id!r}; there are: {listed}")
    return decode_task(exercise_id, known[exercise_id])


@cache
def load_bank(lesson: str) -> dict[str, Any]:
    """The probe bank of a lesson such as "01", as read from its JSON file."""
    bank: dict[str, Any] = json.loads((BANKS / f"{lesson}.json").read_text(encoding="utf-8"))
    return bank


def decode_task(exercise_id: str, entry: dict[str, Any]) -> Task:
    """A task from its JSON form (made by `helpers.instructor.exercise.encode_task`)."""
    compare = entry["compare"]
    expected = tuple(decode(value) for value in entry["expected"])
    return Task(
        id=exercise_id,
        function=entry["function"],
        points=entry["points"],
        compare=Judged(compare["judge"]) if "judge" in compare else Close(**compare),
        probes=tuple(decode(probe) for probe in entry["probes"]),
        parts=tuple(entry["parts"]),
        expected=expected,
        mistakes=tuple(_decode_mistake(m, expected) for m in entry["mistakes"]),
    )


def _decode_mistake(entry: dict[str, Any], expected: tuple[Any, ...]) -> Mistake:
    """A mistake; where it gives what is expected, the bank holds null."""
    outcomes = tuple(
        Outcome(decode(o["output"]), o.get("error", ""), changed_input=o.get("changed", ""))
        if o
        else Outcome(expected[i])
        for i, o in enumerate(entry.get("outcomes", []))
    )
    properties = tuple(float(p) for p in entry.get("properties", []))
    spreads = tuple(float(s) for s in entry.get("spreads", []))
    return Mistake(entry["message"], outcomes, properties, spreads)


def _tell_call(task: Task, probe: int | None) -> str:
    """How to repeat the call that a message shows, when its arguments are too long to be read."""
    if probe is None or all(map(is_shown_whole, task.probes[probe])):
        return ""
    call = f'{task.function}(*arguments("{task.id}", {probe}))'
    return f"\n  To repeat it: from helpers.check import arguments; {call}"


class _Shown:
    """A verdict as a colored box in a notebook, as plain text elsewhere; words carry it all."""

    def __init__(self, exercise_id: str, verdict: Verdict, more: str = "") -> None:
        self.title = f"{_TITLES[verdict.state]} {exercise_id}"
        self.state, self.message = verdict.state, verdict.message + more

    def __repr__(self) -> str:
        return f"{self.title}: {self.message}"

    def _repr_html_(self) -> str:
        first, _, rest = self.message.partition("\n")
        detail = "\n".join(line.removeprefix("  ") for line in rest.splitlines())
        block = f'<pre style="margin:.4em 0 0;white-space:pre-wrap">{html.escape(detail)}</pre>'
        return (
            f'<div role="status" style="border-left:4px solid {_COLORS[self.state]};'
            f'padding:.4em .8em;margin:.3em 0"><b>{self.title}</b> {html.escape(first)}'
            f"{block if detail else ''}</div>"
        )


_TITLES = {PASSED: "✓ Passed", WRONG: "✗ Not yet:", NOT_ATTEMPTED: "○ To do:"}
_COLORS = {PASSED: "#009E73", WRONG: "#D55E00", NOT_ATTEMPTED: "#999999"}
