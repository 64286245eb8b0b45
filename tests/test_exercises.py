"""Every exercise of every lesson: solutions pass, mistakes are told apart, mutants are noticed.

Mutants that survive stand in tests/mutants/lesson_NN.toml, by name, with the reason. A reason that
begins with "equivalent" says that no input can tell the mutant from the solution.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.check import judge, load_task
from helpers.compare import Close, Judged, find_problem
from helpers.instructor.exercise import BANK_SEED, Exercise, distinct_on, make_task
from helpers.instructor.exercises import load_exercises, load_lessons
from helpers.instructor.mutants import find_survivors
from helpers.instructor.solutions import load_solution, solution_namespace
from helpers.judging import (
    NOT_ATTEMPTED,
    PASSED,
    WRONG,
    Outcome,
    Task,
    Verdict,
    call_answer,
    judge_outcomes,
)
from helpers.values import encode

EXERCISES = load_exercises()
LESSONS = load_lessons()
ALL_INPUTS = ("11.2",)  # it takes no arguments
by_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)


def verdict_on(task: Task, answer: Callable[..., Any]) -> Verdict:
    outcomes = [call_answer(answer, probe) for probe in task.probes]
    return judge_outcomes(task, outcomes, [f"a{i}" for i in range(len(task.probes[0]))])


def fresh_task(exercise: Exercise, seed: int) -> Task:
    return make_task(exercise, np.random.default_rng(seed), mistakes=False)


@by_exercise
def test_solution_passes_on_20_seeds(exercise: Exercise) -> None:
    solution = load_solution(exercise.id)
    for seed in range(20):
        verdict = verdict_on(fresh_task(exercise, seed), solution)
        assert verdict.state == PASSED, f"seed {seed}: {verdict.message}"


@by_exercise
def test_published_bank_passes_the_solution(exercise: Exercise) -> None:
    verdict = judge(exercise.id, load_solution(exercise.id))
    assert verdict.state == PASSED, verdict.message
    assert verdict.passed == verdict.total


@by_exercise
def test_every_mistake_is_told_its_own_message(exercise: Exercise) -> None:
    task = load_task(exercise.id)
    stale = f"the bank is not of this exercise: make build LESSONS={exercise.id[:2]}"
    assert [m.message for m in task.mistakes] == list(exercise.mistakes), stale
    for message, wrong in exercise.mistakes.items():
        verdict = judge(exercise.id, wrong)
        assert verdict.state == WRONG, f"passed: {message}"
        assert verdict.mistake == message, f"told {verdict.message!r} instead of {message!r}"


@by_exercise
def test_every_mistake_fails_on_fresh_probes(exercise: Exercise) -> None:
    tasks = [fresh_task(exercise, 1000 + seed) for seed in range(5)]
    for message, wrong in exercise.mistakes.items():
        runs = [[call_answer(wrong, probe) for probe in task.probes] for task in tasks]
        for seed, (task, outcomes) in enumerate(zip(tasks, runs, strict=True)):
            verdict = judge_outcomes(task, outcomes, [f"a{i}" for i in range(len(task.probes[0]))])
            assert verdict.state == WRONG, f"seed {seed} passed: {message}"
            assert verdict.passed < verdict.total
        luck = chance_to_pass(tasks, runs)
        assert luck < 0.005, f"by luck about {luck:.1%} of gradings pass this, draw more: {message}"


def chance_to_pass(tasks: list[Task], runs: list[list[Outcome]]) -> float:
    """How likely no probe of a grading notices a mistake, from how often each did not in these.

    0 for random answers, and where the number of probes is drawn too.
    """
    if isinstance(tasks[0].compare, Judged) or len({len(run) for run in runs}) > 1:
        return 0.0
    right = [
        [
            not (o.error or o.changed_input or find_problem(o.output, wanted, task.compare))
            for o, wanted in zip(run, task.expected, strict=True)
        ]
        for task, run in zip(tasks, runs, strict=True)
        if isinstance(task.compare, Close)
    ]
    return float(np.prod(np.mean(right, axis=0)))


def test_probes_that_notice_a_mistake_by_luck_only_are_caught() -> None:
    """Rounding hides it from two thirds of the probes: six of them let it pass once in 11 times."""
    probes: list[tuple[float, ...]] = [(x,) for x in np.linspace(0, 1, 30)]
    wrong = [call_answer(lambda x: int(x < 2 / 3), probe) for probe in probes]
    tasks = [
        Task("99.1", "f", 1, Close(), tuple(probes[i::5]), ("all",) * 6, expected=(1,) * 6)
        for i in range(5)
    ]
    runs = [wrong[i::5] for i in range(5)]
    assert chance_to_pass(tasks, runs) == 0  # its last probe always notices
    rng = np.random.default_rng(0)
    runs = [[wrong[i] for i in rng.choice(30, 6)] for _ in range(5)]
    assert 0.01 < chance_to_pass(tasks, runs) < 0.4


@by_exercise
def test_grading_asks_for_other_probes_than_the_published(exercise: Exercise) -> None:
    """A learner can read the published ones: an answer that knows them by heart earns nothing."""
    published, other = (draw_probes(exercise, seed) for seed in (BANK_SEED, 1))
    if exercise.id in ALL_INPUTS:
        assert published == other
    else:
        assert published != other, f"the probes of {exercise.id} do not come from `rng`"


def draw_probes(exercise: Exercise, seed: int) -> list[Any]:
    drawn = exercise.probes(np.random.default_rng(seed))
    groups = drawn.values() if isinstance(drawn, Mapping) else [drawn]
    return [encode(list(probe)) for group in groups for probe in group]


@by_exercise
def test_stub_is_not_attempted(exercise: Exercise) -> None:
    def stub(*arguments: Any) -> Any:
        raise NotImplementedError

    verdict = judge(exercise.id, stub)
    assert (verdict.state, verdict.passed) == (NOT_ATTEMPTED, 0)


@by_exercise
@pytest.mark.parametrize("constant", [None, 0.0, 1.0, "text", np.zeros(3), [], {}, (0.0, 0.0)])
def test_constant_answers_earn_nothing(exercise: Exercise, constant: Any) -> None:
    verdict = judge(exercise.id, lambda *arguments: constant)
    assert verdict.state == WRONG
    assert verdict.passed == 0, f"{constant!r} earns {verdict.parts}"


@by_exercise
def test_returning_an_input_earns_nothing(exercise: Exercise) -> None:
    count = len(load_task(exercise.id).probes[0])
    for index in range(count):
        verdict = judge(exercise.id, lambda *arguments, index=index: arguments[index])
        assert verdict.state == WRONG
        assert verdict.passed == 0, f"returning argument {index} earns {verdict.parts}"


@by_exercise
def test_function_has_the_name_and_a_docstring(exercise: Exercise) -> None:
    function = solution_namespace(exercise.id)[exercise.function]
    assert function.__doc__, f"{exercise.function} has no docstring for the learner"


@by_exercise
def test_values_of_mistakes_differ_from_the_expected(exercise: Exercise) -> None:
    task = load_task(exercise.id)
    if isinstance(task.compare, Close):
        blind = [m.message for m in task.mistakes if not distinct_on(task, m)]
    else:
        blind = [m.message for m in task.mistakes if not (m.properties or m.outcomes)]
    assert blind == []


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if not e.open_ended], ids=lambda e: e.id)
def test_mutants_are_noticed(exercise: Exercise, record_property: Callable[..., None]) -> None:
    explained = known_survivors(exercise.id)
    count, survivors = find_survivors(exercise.id, exercise.function)
    assert count > 0
    unexplained = [name for name in survivors if name not in explained]
    assert unexplained == [], f"{exercise.id}: not noticed: {unexplained}"
    stale = [name for name in explained if name not in survivors]
    assert stale == [], f"{exercise.id}: explained, but noticed or gone: {stale}"
    equivalent = sum(reason.startswith("equivalent") for reason in explained.values())
    score = (count - len(survivors)) / (count - equivalent)
    record_property("mutation_score", f"{count - len(survivors)}/{count - equivalent}")
    assert score >= 0.95, f"{exercise.id}: only {score:.0%} of the mutants are noticed"


def known_survivors(exercise_id: str) -> dict[str, str]:
    path = Path(__file__).parent / "mutants" / f"lesson_{exercise_id[:2]}.toml"
    if not path.is_file():
        return {}
    reasons: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8")).get(exercise_id, {})
    return reasons


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_a_lesson_is_worth_ten_points(lesson: Any) -> None:
    """A new exercise takes its points from others, and from their headings in the source."""
    given = {e.id: e.points for e in lesson.exercises}
    assert sum(given.values()) == 8, f"the exercises of a lesson earn 8 points together; {given}"
    by_hand = {w.id: w.points for w in lesson.written}
    assert sum(by_hand.values()) == 2, f"written questions earn 2 points together; {by_hand}"


def test_a_planted_hole_in_a_bank_is_caught() -> None:
    """A probe bank that cannot see a mistake is refused by the tests above."""
    exercise = EXERCISES[0]
    blind = {"Nothing is wrong with this one.": exercise.oracle}
    task = make_task(exercise, np.random.default_rng(0))
    verdicts = [verdict_on(task, wrong).state for wrong in blind.values()]
    assert verdicts == [PASSED]


def test_planted_probes_that_do_not_draw_are_caught() -> None:
    fixed = replace(EXERCISES[0], probes=lambda rng: [(np.ones(2), 0.5)])
    with pytest.raises(AssertionError, match=rf"probes of {fixed.id} do not come from `rng`"):
        test_grading_asks_for_other_probes_than_the_published(fixed)
