"""One definition of an exercise, used three times: probe bank, learner's check, grading."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from helpers.compare import Close, Judged, close, find_problem
from helpers.judges import NoJudge, Unfit
from helpers.judging import (
    PASSED,
    Mistake,
    Outcome,
    Task,
    argument_names,
    call_answer,
    judge_outcomes,
    properties_of,
)
from helpers.values import Seed, encode, fresh

Probe = tuple[Any, ...]
Probes = Sequence[Probe] | Mapping[str, Sequence[Probe]]
BANK_SEED = 20_260  # the published probes; grading draws its own
BY_VALUE = Close()
LAST_DIGITS = close(rtol=1e-9, atol=1e-12)  # what processors round differently; no mistake
REPLICATES = 16  # how often a random mistake is run to learn its properties
SLIPS = ("NameError", "UnboundLocalError", "AttributeError", "ImportError", "ModuleNotFoundError")


class ExerciseError(ValueError):
    """A lesson or an exercise that is not defined well; the message says what is to be mended."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise whose answer is one function.

    `graded_by` names another judge for grading, on the trusted side, which is given secret seeds.
    `open_ended`: many answers are right, and a small change of one is not wrong (no mutants).

    `oracle` computes the right answer, independently of the solution (PyTorch, SciPy, a closed
    form). `mistakes` maps what a learner is told to a function that makes that mistake; at least 3.
    `probes(rng)` gives argument tuples (a `Seed` where the answer takes a generator), as a list, or
    as a dict from the name of a part, which earns its share of the points, to its list.
    """

    id: str
    title: str
    function: str
    points: int
    oracle: Callable[..., Any]
    mistakes: Mapping[str, Callable[..., Any]]
    probes: Callable[[np.random.Generator], Probes]
    compare: Close | Judged = BY_VALUE
    graded_by: str = ""
    open_ended: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d\d\.\d+", self.id):
            raise ExerciseError(
                f"an exercise id is a lesson and a number, as in '01.2'; got {self.id!r}"
            )
        if len(self.mistakes) < 3:
            count = len(self.mistakes)
            raise ExerciseError(f"exercise {self.id} needs at least 3 known mistakes; got {count}")
        if not isinstance(self.points, int) or self.points < 1:
            told = f"earns at least 1 point, a whole number; got {self.points!r}"
            raise ExerciseError(f"exercise {self.id} {told}")
        if not self.title.strip():
            raise ExerciseError(f"exercise {self.id} has no title")
        if not all(message.strip() for message in self.mistakes):
            raise ExerciseError(f"exercise {self.id} has a mistake without a message")


@dataclass(frozen=True, kw_only=True)
class Written:
    """A written answer, graded by hand: its points are the sum over the rubric's lines."""

    id: str
    title: str
    rubric: Mapping[str, int]

    @property
    def points(self) -> int:
        """What a full answer earns."""
        return sum(self.rubric.values())


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson's exercises. `number` is "01", `name` the file's: notebooks/01_<name>.ipynb."""

    number: str
    name: str
    title: str
    minutes: int
    exercises: tuple[Exercise, ...]
    written: tuple[Written, ...]

    def __post_init__(self) -> None:
        ids = [e.id for e in self.exercises] + [w.id for w in self.written]
        twice = [name for i, name in enumerate(ids) if name in ids[:i]]
        if twice:
            raise ExerciseError(f"lesson {self.number} lists {twice[0]} twice")
        self._require_own_names()
        foreign = [name for name in ids if not name.startswith(f"{self.number}.")]
        if foreign:
            told = f"its tasks are {self.number}.1, …; got {foreign[0]!r}"
            raise ExerciseError(f"lesson {self.number}: {told}")

    def _require_own_names(self) -> None:
        """One notebook holds all functions: a second of one name would hide the first."""
        first: dict[str, str] = {}
        for exercise in self.exercises:
            other = first.setdefault(exercise.function, exercise.id)
            if other != exercise.id:
                told = f"{other} and {exercise.id} are both called {exercise.function!r}"
                raise ExerciseError(f"lesson {self.number}: {told}; the later would hide the other")

    @property
    def stem(self) -> str:
        """The file name without its ending, as in "01_initialization"."""
        return f"{self.number}_{self.name}"

    def find(self, exercise_id: str) -> Exercise:
        """The exercise of this id. Raises ExerciseError naming those that the lesson has."""
        found = [e for e in self.exercises if e.id == exercise_id]
        if not found:
            listed = ", ".join(e.id for e in self.exercises)
            raise ExerciseError(
                f"lesson {self.number} has no exercise {exercise_id!r}; it has {listed}"
            )
        return found[0]


def make_task(exercise: Exercise, rng: np.random.Generator, *, mistakes: bool = True) -> Task:
    """Draws probes, asks the oracle for what is expected, and runs the known mistakes on them.

    Without `mistakes`, an answer is judged as well, but no mistake is recognized.
    Raises ExerciseError when the oracle itself fails, or does not satisfy its own judge.
    """
    drawn = exercise.probes(rng)
    groups = drawn if isinstance(drawn, Mapping) else {"all": drawn}
    task = Task(
        id=exercise.id,
        function=exercise.function,
        points=exercise.points,
        compare=exercise.compare,
        probes=tuple(probe for group in groups.values() for probe in group),
        parts=tuple(name for name, group in groups.items() for _ in group),
    )
    outcomes = [call_answer(exercise.oracle, probe) for probe in task.probes]
    for probe, outcome in zip(task.probes, outcomes, strict=True):
        if outcome.error or outcome.changed_input:
            trouble = outcome.error_text or f"changed {outcome.changed_input}"
            raise ExerciseError(f"the oracle of {exercise.id} on {probe!r}: {trouble}")
    if isinstance(exercise.compare, Close):
        task = replace(task, expected=tuple(o.output for o in outcomes))
    else:
        _require_just(task, outcomes)
    known = exercise.mistakes.items() if mistakes else ()
    return replace(task, mistakes=tuple(_run_mistake(task, text, wrong) for text, wrong in known))


def _require_just(task: Task, outcomes: Sequence[Outcome]) -> None:
    try:
        found = properties_of(task, outcomes)
    except NoJudge as error:
        raise ExerciseError(f"exercise {task.id}: {error}") from error
    if not found:
        raise ExerciseError(f"the judge of {task.id} returned no properties: it accepts everything")
    broken = [p for p in found if not p.holds]
    if broken:
        raise ExerciseError(f"the oracle of {task.id} does not satisfy its own judge: {broken}")


def _run_mistake(task: Task, message: str, wrong: Callable[..., Any]) -> Mistake:
    outcomes = tuple(call_answer(wrong, probe) for probe in task.probes)
    if isinstance(task.compare, Close):
        return Mistake(message, outcomes)
    failed = next((o for o in outcomes if o.error), None)
    if failed:
        return Mistake(message, (failed,))
    try:
        properties_of(task, outcomes)
    except Unfit as unfit:
        return Mistake(message, (Outcome(error=f"Unfit: {unfit.problem.text}"),))
    runs = [_replicate(task, wrong, offset=1000 * (r + 1)) for r in range(REPLICATES)]
    means, spreads = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1)
    return Mistake(message, properties=tuple(means.tolist()), spreads=tuple(spreads.tolist()))


def _replicate(task: Task, answer: Callable[..., Any], *, offset: int) -> list[float]:
    """The answer's properties on the same probes, with other seeds."""
    shifted = replace(task, probes=tuple(_shift_seeds(p, offset) for p in task.probes))
    outcomes = [call_answer(answer, probe) for probe in shifted.probes]
    return [p.got for p in properties_of(shifted, outcomes)]


def _shift_seeds(value: Any, offset: int) -> Any:
    if isinstance(value, Seed):
        return Seed(value.value + offset)
    if isinstance(value, list | tuple):
        return type(value)(_shift_seeds(item, offset) for item in value)
    return fresh(value)


def encode_task(exercise: Exercise) -> dict[str, Any]:
    """The JSON form of an exercise with the published probes: numbers and texts only.

    Raises ExerciseError when its oracle fails, or when a mistake fails in a way that is the
    author's slip.
    """
    task = make_task(exercise, np.random.default_rng(BANK_SEED))
    _require_meant(exercise, task)
    _require_told_apart(exercise, task)
    compare = task.compare
    return {
        "title": exercise.title,
        "function": task.function,
        "points": task.points,
        "compare": {"judge": compare.name}
        if isinstance(compare, Judged)
        else {"rtol": compare.rtol, "atol": compare.atol},
        "parts": list(task.parts),
        "probes": [encode(probe) for probe in task.probes],
        "expected": [encode(rounded(value)) for value in task.expected],
        "mistakes": [_encode_mistake(task, m) for m in task.mistakes],
    }


def _require_meant(exercise: Exercise, task: Task) -> None:
    """A learner may divide by zero; a name that is not there was misspelt by the author."""
    if not task.probes:
        raise ExerciseError(f"exercise {exercise.id} has no probes")
    for known, wrong in zip(task.mistakes, exercise.mistakes.values(), strict=True):
        slip = next((o.error_text for o in known.outcomes if o.error in SLIPS), "")
        if slip or not _takes(wrong, len(task.probes[0])):
            told = slip or f"it does not take {len(task.probes[0])} arguments, as the probes have"
            raise ExerciseError(f"a mistake of {exercise.id}, {known.message[:60]!r}: {told}")


def _require_told_apart(exercise: Exercise, task: Task) -> None:
    """On the published probes every mistake is noticed, and none gives what another gives."""
    names = argument_names(exercise.oracle, len(task.probes[0]))
    by_value = isinstance(task.compare, Close)
    for known, wrong in zip(task.mistakes, exercise.mistakes.values(), strict=True):
        outcomes = known.outcomes if by_value else [call_answer(wrong, p) for p in task.probes]
        verdict = judge_outcomes(task, outcomes, names)
        told = f"exercise {exercise.id}, the mistake {known.message[:60]!r}"
        if verdict.state == PASSED:
            which = "probes see no difference to" if by_value else "judge takes it for"
            raise ExerciseError(f"{told}: the {which} a right answer")
        if by_value and verdict.mistake != known.message:
            same = f"it gives the same on all probes as {verdict.mistake[:60]!r}"
            raise ExerciseError(f"{told}: {same}; draw probes on which they part")


def _takes(answer: Callable[..., Any], count: int) -> bool:
    try:
        signature = inspect.signature(answer)
    except ValueError:  # some functions of C have none
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def rounded(value: Any) -> Any:
    """A plain value with its floats at 12 digits: the others are mostly the machine's."""
    if isinstance(value, float):  # np.float64 is one
        return float(f"{value:.12g}")
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return np.array([float(f"{v:.12g}") for v in value.ravel()]).reshape(value.shape)
    if isinstance(value, list | tuple):
        return type(value)(rounded(item) for item in value)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value


def _encode_mistake(task: Task, mistake: Mistake) -> dict[str, Any]:
    """With what it gives on each probe, null where that is what is expected."""
    entry: dict[str, Any] = {"message": mistake.message}
    if mistake.properties:
        entry["properties"] = [float(f"{p:.12g}") for p in mistake.properties]
        entry["spreads"] = [float(f"{s:.6g}") if s > 1e-12 else 0.0 for s in mistake.spreads]
    elif isinstance(task.compare, Judged):
        entry["outcomes"] = [_encode_outcome(o) for o in mistake.outcomes]
    else:
        pairs = zip(mistake.outcomes, task.expected, strict=True)
        entry["outcomes"] = [None if _agrees(o, e) else _encode_outcome(o) for o, e in pairs]
    return entry


def _agrees(outcome: Outcome, expected: Any) -> bool:
    right = not (outcome.error or outcome.changed_input)
    return right and find_problem(outcome.output, expected, LAST_DIGITS) is None


def _encode_outcome(outcome: Outcome) -> dict[str, Any]:
    entry = {"output": encode(rounded(outcome.output))}
    if outcome.error:
        entry["error"] = outcome.error
    if outcome.changed_input:
        entry["changed"] = outcome.changed_input
    return entry


def encode_bank(lesson: Lesson) -> str:
    """The text of helpers/checks/NN.json: one line an exercise."""
    lines = [f"{json.dumps(e.id)}: {_dump(encode_task(e))}" for e in lesson.exercises]
    head = {"lesson": lesson.number, "title": lesson.title, "minutes": lesson.minutes}
    written = [{"id": w.id, "title": w.title, "points": w.points} for w in lesson.written]
    fields = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items()]
    fields.append(f'"written": {_dump(written)}')
    fields.append('"exercises": {\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def distinct_on(task: Task, mistake: Mistake) -> bool:
    """Whether a mistake differs from what is expected on at least one probe (`Close` only)."""
    assert isinstance(task.compare, Close)
    pairs = zip(mistake.outcomes, task.expected, strict=True)
    return any(
        o.error or o.changed_input or find_problem(o.output, e, task.compare) for o, e in pairs
    )
