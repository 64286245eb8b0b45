"""Runs an answer on probes and says what is wrong with it: shared by `check` and the grader.

`call_answer` runs; `judge_outcomes` decides from stored outcomes alone, so that a grader can run
an answer in another process and judge it here.
"""

import inspect
import linecache
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from helpers.compare import COMPLAINTS, Close, Judged, Problem, find_problem
from helpers.judges import AtLeast, Call, Property, Unfit, Z, find_judge
from helpers.values import fresh, same

PASSED, WRONG, NOT_ATTEMPTED = "passed", "wrong", "not attempted"
MOST_ENTRIES, MOST_ITEMS = 6, 3  # of an array, and of a list, that a message writes out


@dataclass(frozen=True)
class Outcome:
    """What one call gave: an output, or the type and text of an error."""

    output: Any = None
    error: str = ""
    error_text: str = ""
    changed_input: str = ""

    @property
    def is_unwritten(self) -> bool:
        """Whether the call met the line that stands where an answer is still to be written."""
        return self.error == "NotImplementedError"


@dataclass(frozen=True)
class Mistake:
    """A known mistake: its message, and what it gives on the probes.

    Values are in `outcomes`. Of random answers, `properties` holds the mean of each property over
    several runs, `spreads` its standard deviation from run to run.
    """

    message: str
    outcomes: tuple[Outcome, ...] = ()
    properties: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()


@dataclass(frozen=True)
class Task:
    """All that is needed to judge an answer. `parts` names the part that each probe belongs to."""

    id: str
    function: str
    points: int
    compare: Close | Judged
    probes: tuple[tuple[Any, ...], ...]
    parts: tuple[str, ...]
    expected: tuple[Any, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    @property
    def total(self) -> int:
        """How many parts there are; several probes may belong to one."""
        return len(set(self.parts))


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer: `passed` of `total` parts are right, and a message in words.

    `mistake` is the message of the known mistake that was recognised, else empty.
    """

    state: str
    passed: int
    total: int
    message: str
    mistake: str = ""
    parts: dict[str, bool] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)  # of a random answer, by property
    probe: int | None = None  # which call the message shows, by its place among the probes


def call_answer(answer: Callable[..., Any], probe: tuple[Any, ...]) -> Outcome:
    """Calls an answer on copies of a probe's arguments; notes an error or a changed argument."""
    arguments = fresh(probe)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            output = answer(*arguments)
        except (Exception, SystemExit) as error:  # whatever it raises is shown to the learner
            return Outcome(error=type(error).__name__, error_text=_tell_error(answer, error))
    changed = [i for i, (a, b) in enumerate(zip(arguments, probe, strict=True)) if not same(a, b)]
    name = argument_names(answer, len(probe))[changed[0]] if changed else ""
    return Outcome(output=output, changed_input=name)


def argument_names(answer: Callable[..., Any], count: int) -> list[str]:
    """The names of an answer's first `count` parameters, or "argument 1" … where it has none."""
    try:
        kinds = list(inspect.signature(answer).parameters.values())
    except (TypeError, ValueError):  # some that are not written in Python have none
        kinds = []
    names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = names[:count]
    return names + [f"argument {i + 1}" for i in range(len(names), count)]


def _tell_error(answer: Callable[..., Any], error: BaseException) -> str:
    """`ValueError: …, in line 3: "x = y / n"`: the deepest line in the answer's own file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = getattr(getattr(answer, "__code__", None), "co_filename", None)
    mine = [f for f in frames if f.filename == own]
    try:
        text = str(error)
    except Exception:  # a class of the learner's own, whose text fails
        text = ""
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if not mine or mine[-1].lineno is None:
        return told
    line = (mine[-1].line or linecache.getline(mine[-1].filename, mine[-1].lineno)).strip()
    return f"{told}\n  line {mine[-1].lineno}, in {mine[-1].name}: {line}"


def judge_outcomes(task: Task, outcomes: Sequence[Outcome], names: Sequence[str]) -> Verdict:
    """The verdict on an answer's outcomes, one a probe; `names` are its parameters' names."""
    if all(outcome.is_unwritten for outcome in outcomes):
        return Verdict(NOT_ATTEMPTED, 0, task.total, "Not attempted yet.")
    if isinstance(task.compare, Judged):
        return _judge_properties(task, outcomes, names)
    return _judge_values(task, outcomes, names)


def _judge_values(task: Task, outcomes: Sequence[Outcome], names: Sequence[str]) -> Verdict:
    assert isinstance(task.compare, Close)
    found = [
        _problem(o, expected, task.compare)
        for o, expected in zip(outcomes, task.expected, strict=True)
    ]
    parts = dict.fromkeys(task.parts, True)
    for part, problem in zip(task.parts, found, strict=True):
        parts[part] = parts[part] and problem is None
    passed = sum(parts.values())
    if passed == len(parts):
        return Verdict(PASSED, passed, passed, _praise(len(task.probes)), parts=parts)
    mistake = _recognize_values(task, outcomes)
    first = _worst(found)
    problem = found[first]
    assert problem is not None
    call = show_call(task.function, names, task.probes[first])
    message = f"{mistake or problem.text}\n  {call}"
    if mistake and problem.kind in ("value", "error"):
        message += f"\n  {problem.text}"
    right = [name for name, good in parts.items() if good]
    if right:
        message += f"\n  Right already: {', '.join(right)}."
    return Verdict(WRONG, passed, len(parts), message, mistake=mistake, parts=parts, probe=first)


def _praise(count: int) -> str:
    return f"Right on all {count} probes." if count > 1 else "Right."


def _problem(outcome: Outcome, expected: Any, within: Close) -> Problem | None:
    if outcome.is_unwritten:
        return Problem("unwritten", f"Not written for this call yet: {outcome.error_text}")
    if outcome.error:
        return Problem("error", f"Your function raised {outcome.error_text}")
    if outcome.changed_input:
        text = (
            f"Your function changes its input `{outcome.changed_input}` in place; work on a copy."
        )
        return Problem("changed", text)
    problem = find_problem(outcome.output, expected, within)
    return problem and Problem(problem.kind, problem.text[0].upper() + problem.text[1:])


def _worst(problems: Sequence[Problem | None]) -> int:
    """The index of the problem that is told: errors first, then by COMPLAINTS, then the first."""
    order = ("error", *COMPLAINTS, "changed", "unwritten")
    ranked = [(order.index(p.kind), i) for i, p in enumerate(problems) if p is not None]
    return min(ranked)[1]


def _recognize_values(task: Task, outcomes: Sequence[Outcome]) -> str:
    """The message of the known mistake that gives what this answer gives on every probe."""
    assert isinstance(task.compare, Close)
    for mistake in task.mistakes:
        pairs = zip(outcomes, mistake.outcomes, strict=True)
        if all(_alike(got, known, task.compare) for got, known in pairs):
            return mistake.message
    return ""


def _alike(got: Outcome, known: Outcome, within: Close) -> bool:
    if got.error or known.error:
        return got.error == known.error
    if bool(got.changed_input) != bool(known.changed_input):
        return False
    return find_problem(got.output, known.output, within) is None


def properties_of(task: Task, outcomes: Sequence[Outcome]) -> list[Property]:
    """The properties of random outcomes. Raises `Unfit` when an output is of the wrong kind."""
    assert isinstance(task.compare, Judged)
    calls = [Call(probe, o.output) for probe, o in zip(task.probes, outcomes, strict=True)]
    judge, seeds = find_judge(task.compare.name), task.compare.seeds
    return judge(calls, seeds) if seeds else judge(calls)


def _judge_properties(task: Task, outcomes: Sequence[Outcome], names: Sequence[str]) -> Verdict:
    for i, (probe, outcome) in enumerate(zip(task.probes, outcomes, strict=True)):
        if outcome.error or outcome.changed_input:
            problem = _problem(outcome, None, Close())
            assert problem is not None
            mistake = _recognize_error(task, outcome.error) if outcome.error else ""
            message = f"{mistake or problem.text}\n  {show_call(task.function, names, probe)}"
            message += f"\n  {problem.text}" if mistake else ""
            return Verdict(WRONG, 0, 1, message, mistake=mistake, probe=i)
    try:
        found = properties_of(task, outcomes)
    except Unfit as unfit:
        text = unfit.problem.text[0].upper() + unfit.problem.text[1:]
        mistake = _recognize_error(task, f"Unfit: {unfit.problem.text}")
        i = next((i for i, probe in enumerate(task.probes) if probe is unfit.arguments), 0)
        call = show_call(task.function, names, task.probes[i])
        return Verdict(WRONG, 0, 1, f"{mistake or text}\n  {call}", mistake=mistake, probe=i)
    parts = dict.fromkeys((p.part or p.name for p in found), True)
    for p in found:
        parts[p.part or p.name] &= p.holds
    passed, measured = sum(parts.values()), {p.name: p.got for p in found}
    if passed == len(parts):
        return Verdict(PASSED, passed, passed, _praise_all(found), parts=parts, measured=measured)
    mistake = _recognize_properties(task, found)
    low = all(p.holds or isinstance(p, AtLeast) for p in found)
    reason = "Not every threshold is reached" if low else _NOT_RIGHT
    told = [mistake or f"{reason}.", *_tell_failed(found)]
    right = [name for name, good in parts.items() if good]
    if right:
        told.append(f"Right already: {', '.join(right)}.")
    message = "\n  ".join(told)
    return Verdict(
        WRONG, passed, len(parts), message, mistake=mistake, parts=parts, measured=measured
    )


def _praise_all(found: Sequence[Property], most: int = 5) -> str:
    """A few properties are told with their values; of many only what they say together."""
    listed = list(dict.fromkeys(f"{p.name}: {p.got:.4g}" for p in found))
    if len(listed) > most:
        listed = list(dict.fromkeys(p.part or p.name for p in found))
        return "\n  ".join([f"Right in all {len(found)} properties that were looked at:", *listed])
    return "\n  ".join(["Right in every property.", *listed])


_NOT_RIGHT = "These properties are not those of a right answer"


def _tell_failed(found: Sequence[Property], most: int = 4) -> list[str]:
    """What failed, in words; of the thresholds of one property the next, not those beyond it."""
    wrong = [p for p in found if not p.holds]
    names = [p.name if isinstance(p, AtLeast) else "" for p in wrong]
    told = [p for i, p in enumerate(wrong) if not names[i] or names[i] not in names[:i]]
    failed = list(dict.fromkeys(_tell_property(p) for p in told))
    more = len(failed) - most
    return failed[:most] + ([f"… and {more} more"] if more > 0 else [])


def _tell_property(p: Property) -> str:
    margin = f" ± {p.tolerance:.2g}" if p.tolerance > 1e-6 else ""
    least = "at least " if isinstance(p, AtLeast) else ""
    return f"{p.name}: got {p.got:.4g}, expected {least}{p.expected:.4g}{margin}"


def _recognize_error(task: Task, error: str) -> str:
    known = (m for m in task.mistakes if m.outcomes and m.outcomes[0].error == error)
    return next((m.message for m in known), "")


def _recognize_properties(task: Task, found: Sequence[Property]) -> str:
    """The known mistake whose properties fail where these fail, and lie nearest to them."""
    best, nearest = "", 1.0
    for mistake in task.mistakes:
        if len(mistake.properties) != len(found):
            continue
        known = zip(found, mistake.properties, mistake.spreads, strict=True)
        distance = max(_distance(p, mean, spread) for p, mean, spread in known)
        if distance <= nearest:
            best, nearest = mistake.message, distance
    return best


def _distance(p: Property, mean: float, spread: float) -> float:
    """How far a property lies from a mistake's, where 1 is the farthest that chance explains.

    A mistake may scatter where a right answer is exact, so its own spread counts, too; and where
    it scatters over the border, it may hold in one run and fail in another.
    """
    to_border = abs(abs(mean - p.expected) - p.tolerance)
    if replace(p, got=mean).holds != p.holds and to_border > Z * spread:
        return float("inf")
    return abs(mean - p.got) / (p.tolerance + Z * spread)


def show_call(function: str, names: Sequence[str], probe: tuple[Any, ...]) -> str:
    """`init_std(scheme='he', fan_in=3, fan_out=5)`: a probe as the call that it makes."""
    values = [f"{name}={_brief(value)}" for name, value in zip(names, probe, strict=False)]
    return f"{function}({', '.join(values)})"


def is_shown_whole(value: Any) -> bool:
    """Whether `show_call` writes an argument out, or only tells its shape or length."""
    if isinstance(value, np.ndarray):
        return value.size <= MOST_ENTRIES
    if isinstance(value, list | tuple):
        return len(value) <= MOST_ITEMS and all(map(is_shown_whole, value))
    return True


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size > MOST_ENTRIES:
            return f"array of shape {value.shape}"
        return " ".join(np.array2string(value, precision=4, separator=", ").split())
    if hasattr(value, "value") and type(value).__name__ == "Seed":
        return f"default_rng({value.value})"
    if isinstance(value, list | tuple) and len(value) > MOST_ITEMS:
        return f"{type(value).__name__} of {len(value)} items"
    if isinstance(value, list | tuple):
        inner = ", ".join(_brief(v) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
