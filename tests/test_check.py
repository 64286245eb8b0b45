"""What `check` says: the three states, the order of complaints, the diagnosis, strict mode."""

import functools
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import check as check_function
from helpers.check import (
    MOST_PRINTED,
    CheckFailed,
    _judge,
    _Shown,
    arguments,
    check,
    decode_task,
    judge,
    load_bank,
    load_task,
)
from helpers.compare import Close, Judged, close, find_problem
from helpers.instructor.exercise import Exercise, ExerciseError, Lesson, encode_task, make_task
from helpers.instructor.solutions import load_solution
from helpers.judges import Call, Property, Unfit, find_judge, mean_of, require_array, share
from helpers.judging import (
    Outcome,
    Task,
    Verdict,
    argument_names,
    call_answer,
    judge_outcomes,
    show_call,
)
from helpers.values import Seed, same


def scale(x: np.ndarray, factor: float) -> np.ndarray:
    """The right answer of the exercise under test."""
    return factor * x


def make_exercise(**changes: Any) -> Exercise:
    settings: dict[str, Any] = {
        "id": "99.1",
        "title": "Scaling",
        "function": "scale",
        "points": 2,
        "oracle": scale,
        "mistakes": {
            "You divided.": lambda x, f: x / f,
            "You added.": lambda x, f: x + f,
            "You forgot the array.": lambda x, f: np.float64(f),
        },
        "probes": lambda rng: {
            "vectors": [(rng.normal(size=3), 2.5), (rng.normal(size=4), 0.5)],
            "matrices": [(rng.normal(size=(3, 5)), -3.0)],
        },
    }
    return Exercise(**{**settings, **changes})


@pytest.fixture
def task() -> Task:
    return make_task(make_exercise(), np.random.default_rng(0))


def verdict_on(task: Task, answer: Callable[..., Any]) -> Verdict:
    outcomes = [call_answer(answer, probe) for probe in task.probes]
    return judge_outcomes(task, outcomes, ["x", "factor"])


def test_right_answer(task: Task) -> None:
    verdict = verdict_on(task, scale)
    assert (verdict.state, verdict.passed, verdict.total) == ("passed", 2, 2)


def test_a_part_that_is_right_earns_its_share(task: Task) -> None:
    verdict = verdict_on(task, lambda x, factor: factor * x if x.ndim == 1 else x)
    assert (verdict.state, verdict.passed, verdict.total) == ("wrong", 1, 2)
    assert verdict.parts == {"vectors": True, "matrices": False}
    assert "Right already: vectors." in verdict.message


def test_known_mistake_is_named_with_its_call(task: Task) -> None:
    verdict = verdict_on(task, lambda x, factor: x / factor)
    assert verdict.mistake == "You divided."
    assert "scale(x=[" in verdict.message


def with_error(x: np.ndarray, factor: float) -> np.ndarray:
    ratio = len(x) / 0
    return ratio * x


def changed_in_place(x: np.ndarray, factor: float) -> np.ndarray:
    x *= factor
    return x


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (with_error, "ZeroDivisionError"),
        (with_error, "ratio = len(x) / 0"),
        (lambda x, f: sys.exit("enough"), "Your function raised SystemExit: enough"),
        (lambda x, f: None, "is a `return` missing?"),
        (lambda x, f: list(f * x), "Got a list, expected an array of shape (3,)"),
        (lambda x, f: f * x[:-1], "Got shape (2,), expected (3,)"),
        (lambda x, f: f * x * np.nan, "nan"),
        (lambda x, f: f * x + 1e-3, "expected"),
        (changed_in_place, "changes its input `x` in place"),
        (lambda x, f: (f * x).astype(object), "dtype object"),
        (lambda x, f: "text", "Got a str"),
    ],
)
def test_complaints(task: Task, answer: Callable[..., Any], words: str) -> None:
    verdict = verdict_on(task, answer)
    assert verdict.state == "wrong"
    assert words in verdict.message


class Scaler:
    """A callable object: its call and its methods have `self` first, which is no argument."""

    def __call__(self, x: np.ndarray, factor: float) -> np.ndarray:
        return x + factor

    method = __call__


@pytest.mark.parametrize(
    "answer",
    [Scaler(), Scaler().method, functools.cache(Scaler())],
)
def test_arguments_are_named_as_the_answer_names_them(answer: Callable[..., Any]) -> None:
    assert argument_names(answer, 2) == ["x", "factor"]


def test_arguments_without_names_are_counted() -> None:
    assert argument_names(lambda x, *rest: x, 3) == ["x", "argument 2", "argument 3"]
    assert argument_names(max, 2) == ["argument 1", "argument 2"]


def test_torch_tensor_is_told_how_to_convert(task: Task) -> None:
    import torch

    verdict = verdict_on(task, lambda x, f: torch.from_numpy(f * x))
    assert "torch Tensor" in verdict.message


def test_order_of_complaint_is_error_type_shape_nonfinite_value(task: Task) -> None:
    def answer(x: np.ndarray, factor: float) -> Any:
        return {3: x + 9, 4: [1.0]}.get(len(x), x * np.inf) if x.ndim == 1 else x[0]

    assert "Got a list" in verdict_on(task, answer).message


def test_stub_is_not_attempted(task: Task) -> None:
    def stub(x: np.ndarray, factor: float) -> Any:
        raise NotImplementedError

    assert verdict_on(task, stub).state == "not attempted"


def _unwritten_for(ndim: int, wrong: float = 0.0) -> Callable[..., Any]:
    def part(x: np.ndarray, factor: float) -> Any:
        if x.ndim == ndim:
            raise NotImplementedError
        return factor * x + wrong

    return part


@pytest.mark.parametrize("ndim", [1, 2])
def test_part_of_an_answer_counts_whichever_probe_comes_first(task: Task, ndim: int) -> None:
    verdict = verdict_on(task, _unwritten_for(ndim))
    assert verdict.state == "wrong"
    assert verdict.passed > 0
    assert verdict.message.startswith("Not written for this call yet: NotImplementedError\n  line ")
    assert "Right already: " in verdict.message


def test_a_wrong_value_is_told_before_what_is_unwritten(task: Task) -> None:
    message = verdict_on(task, _unwritten_for(1, wrong=1.0)).message
    assert "got" in message
    assert "Not written" not in message


def test_large_arrays_show_the_first_wrong_entry() -> None:
    expected = np.arange(20.0).reshape(4, 5)
    got = expected.copy()
    got[2, 3] += 1
    problem = find_problem(got, expected, close())
    assert problem is not None
    assert "entry [2, 3]: got 14, expected 13 (1 of 20 entries differ)" in problem.text


def test_close_numbers_are_told_with_digits_that_differ() -> None:
    problem = find_problem(np.full(12, 0.2739864), np.full(12, 0.2739861), close(rtol=1e-7))
    assert problem is not None
    assert "got 0.2739864, expected 0.2739861 (12 of 12" in problem.text
    few = find_problem(np.array([0.5, 0.2500003]), np.array([0.5, 0.25]), close(rtol=1e-7))
    assert few is not None
    assert few.text == "got [0.5 , 0.2500003], expected [0.5 , 0.25]"
    whole = find_problem(np.array([2, 1]), np.array([2, 2]), Close())
    assert whole is not None
    assert whole.text == "got [2, 1], expected [2, 2]"  # not 2., which an answer may not be


@pytest.mark.parametrize(
    ("got", "expected", "kind", "words"),
    [
        (np.array([1.0]), np.array([1]), "type", "expected integers"),
        (np.array([1]), np.array([True]), "type", "True or False"),
        ({"a": 1.0}, {"b": 1.0}, "shape", "keys"),
        ([1.0], {"b": 1.0}, "type", "dict with the keys 'b'"),
        ((1.0,), (1.0, 2.0), "shape", "got 1 item, expected 2 items"),
        (["a"], ["a", "b"], "shape", "got 1 item ('a'), expected 2 items ('a', 'b')"),
        ([], ["z" * 50], "shape", "got 0 items, expected 1 item ('" + "z" * 40 + "')"),
        (1.0, (1.0, 2.0), "type", "tuple of 2 items"),
        ((1.0, "x"), (1.0, "y"), "value", "in item 1"),
        (1, "y", "type", "expected text"),
        (np.float64(np.inf), 1.0, "non-finite", "inf"),
        ([1.0, np.nan], [1.0, 1.0], "non-finite", "in item 1"),
    ],
)
def test_problems_by_kind(got: Any, expected: Any, kind: str, words: str) -> None:
    problem = find_problem(got, expected, close())
    assert problem is not None
    assert (problem.kind, words in problem.text) == (kind, True), problem.text


def test_one_item_is_not_called_items() -> None:
    problem = find_problem(1.0, ["a"], close())
    assert problem is not None
    assert problem.text.endswith("a list of 1 item")


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1, 1.0), (np.float32(0.5), 0.5), (np.array(2.0), 2.0), ([1.0], (1.0,)), (np.nan, np.nan),
        (np.str_("high"), "high"), (list(np.array(["shift"])), ["shift"]),
    ],
)  # fmt: skip
def test_harmless_differences_are_accepted(got: Any, expected: Any) -> None:
    assert find_problem(got, expected, close()) is None


def test_bank_holds_numbers_only_and_gives_the_same_task() -> None:
    exercise = make_exercise()
    entry = encode_task(exercise)
    task = decode_task(exercise.id, entry)
    verdict = verdict_on(task, lambda x, f: x + f)
    assert verdict.mistake == "You added."
    assert "lambda" not in str(entry)


def test_random_answers_are_judged_by_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    def coin(calls: list[Call]) -> list[Property]:
        draws = [require_array(c.output, (c.arguments[0],)) for c in calls]
        return [share("share of ones", np.concatenate(draws) == 1, 0.3)]

    monkeypatch.setattr("helpers.judging.find_judge", lambda name: coin)
    exercise = make_exercise(
        function="flip",
        oracle=lambda n, rng: (rng.random(n) < 0.3).astype(float),
        compare=Judged("coin"),
        probes=lambda rng: [(4000, Seed(1)), (5000, Seed(2))],
        mistakes={
            "You keep with 1 − p.": lambda n, rng: (rng.random(n) < 0.7).astype(float),
            "The share is a half.": lambda n, rng: (rng.random(n) < 0.5).astype(float),
            "One too few.": lambda n, rng: rng.random(n - 1),
        },
    )
    task = make_task(exercise, np.random.default_rng(0))
    right = verdict_on(task, exercise.oracle)
    assert (right.state, right.message[:43]) == (
        "passed",
        "Right in every property.\n  share of ones: 0",
    )
    for message, wrong in exercise.mistakes.items():
        assert verdict_on(task, wrong).mistake == message
    unknown = verdict_on(task, lambda n, rng: (rng.random(n) < 0.9).astype(float))
    assert unknown.mistake == ""
    assert "share of ones: got 0.8961, expected 0.3 ±" in unknown.message


def test_of_many_right_properties_only_the_parts_are_told() -> None:
    task = load_task("04.1")
    message = verdict_on(task, load_solution("04.1")).message
    assert message.splitlines()[0].startswith("Right in all ")
    assert message.splitlines()[1:] == ["  share kept", "  a coin for every entry"]


def test_statistical_tolerance_is_five_standard_errors() -> None:
    found = mean_of("mean", np.full(100, 0.49), 0.0, std=1.0)
    assert found.holds
    assert not replace(found, got=0.51).holds
    assert not replace(found, got=float("nan")).holds


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (None, "type"),
        ([1.0, 2.0], "type"),
        (np.array(["a", "b"]), "type"),
        (np.ones(3), "shape"),
        (np.array([1.0, np.nan]), "non-finite"),
    ],
)
def test_unfit_outputs(output: Any, kind: str) -> None:
    with pytest.raises(Unfit) as caught:
        require_array(output, (2,))
    assert caught.value.problem.kind == kind


@pytest.mark.parametrize("name", ["lesson_99.nothing", "lesson_99", ""])
def test_unknown_judge(name: str) -> None:
    with pytest.raises(ValueError, match="no judge"):
        find_judge(name)


def test_check_shows_and_records(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("STRICT_CHECKS", raising=False)

    def init_std(scheme: str, fan_in: int, fan_out: int) -> Any:
        raise NotImplementedError

    check("01.1", init_std)
    assert "To do: 01.1: Not attempted yet." in capsys.readouterr().out
    assert "01.1" in (tmp_path / "progress.json").read_text()


@pytest.mark.parametrize("fails", [False, True])
def test_what_an_answer_prints_is_shown_but_not_without_end(
    task: Task, fails: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def talking(x: np.ndarray, factor: float) -> np.ndarray:
        print("x is", x)
        print("abcdefg\n" * 10_000)
        if fails:
            raise KeyboardInterrupt
        return factor * x

    with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
        _judge(task, talking)
    shown = capsys.readouterr().out
    assert shown.startswith("x is [")
    assert len(shown) < MOST_PRINTED + 100
    total = sum(len(f"x is {x}\n") + 80_001 for x, _ in task.probes[: 1 if fails else None])
    assert shown.endswith(
        f"\n[… {total - MOST_PRINTED:,} more characters that your function printed]\n"
    )


def test_what_an_answer_prints_is_shown_as_it_is_when_it_is_short(
    task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    _judge(task, lambda x, factor: print(factor))
    assert capsys.readouterr().out == "".join(f"{factor}\n" for _, factor in task.probes)


def test_an_error_whose_text_fails_is_told_by_its_name(task: Task) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    def answer(x: np.ndarray, factor: float) -> np.ndarray:
        raise OddError

    outcome = call_answer(answer, task.probes[0])
    assert outcome.error == "OddError"
    assert outcome.error_text.startswith("OddError\n  line ")


@pytest.mark.parametrize("variable", ["STRICT_CHECKS", "NBGRADER_EXECUTION"])
def test_strict_check_raises(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv(variable, "1")
    with pytest.raises(CheckFailed, match="not attempted"):
        check("01.1", _raise_not_implemented)


def _raise_not_implemented(*arguments: Any) -> Any:
    raise NotImplementedError


@pytest.mark.parametrize("exercise_id", ["01.99", "77.1", "", 3])
def test_unknown_exercise_is_named(exercise_id: Any) -> None:
    with pytest.raises(ValueError, match=r"there is no exercise .*; there are: "):
        judge(exercise_id, scale)


def test_calling_the_function_by_mistake_is_explained() -> None:
    first = next(iter(load_bank("01")["exercises"].values()))["function"]
    verdict = judge("01.1", 0.5)  # type: ignore[arg-type]
    assert f"check('01.1', {first})" in verdict.message


def test_markup_in_a_message_is_escaped() -> None:
    shown = _Shown("01.1", Verdict("wrong", 0, 1, "<script>alert(1)</script>\n  <b>x</b>"))
    assert "<script>" not in shown._repr_html_()
    assert "&lt;b&gt;x" in shown._repr_html_()


def test_long_arguments_are_shown_short() -> None:
    text = show_call("f", ["x", "rng", "items"], (np.ones((9, 9)), Seed(4), [1, 2, 3, 4]))
    assert text == "f(x=array of shape (9, 9), rng=default_rng(4), items=list of 4 items)"


def test_a_call_with_long_arguments_can_be_repeated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line below the message, run as it stands, calls the answer as the check did."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("STRICT_CHECKS", raising=False)
    calls = []

    def lasso(*given: Any) -> None:
        calls.append(given)

    check("02.5", lasso)
    told = capsys.readouterr().out
    repeat = told.split("To repeat it: ")[1]
    number = int(repeat.rpartition(", ")[2].rstrip(")\n"))
    exec(repeat, {"lasso": lasso})
    assert same(calls[-1], calls[number])
    check("01.1", lambda *_: None)
    assert "repeat" not in capsys.readouterr().out  # its arguments are there to be read


def test_arguments_are_new_copies() -> None:
    first = arguments("02.5", 1)
    first[0][:] = 0
    assert not same(first, arguments("02.5", 1))
    rng, again = (arguments("04.1", 0)[2] for _ in range(2))
    assert rng.random() == again.random()


@pytest.mark.parametrize("probe", [-1, 1000])
def test_unknown_probe_is_named(probe: int) -> None:
    with pytest.raises(ValueError, match=rf"02.5 has the probes 0 to \d+; got {probe}"):
        arguments("02.5", probe)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "1.1"}, "exercise id"),
        ({"mistakes": {}}, "at least 3 known mistakes"),
        ({"points": 0}, "at least 1 point"),
        ({"points": "1"}, "a whole number; got '1'"),
        ({"title": " "}, "no title"),
        ({"mistakes": {"": scale, "a": scale, "b": scale}}, "without a message"),
    ],
)
def test_exercise_definitions_are_validated(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_exercise(**changes)


def test_an_oracle_that_fails_is_named() -> None:
    with pytest.raises(ExerciseError, match=r"oracle of 99\.1"):
        make_task(make_exercise(oracle=with_error), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, f: x * factor, "name 'factor' is not defined"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x, f: x.total(), "has no attribute 'total'"),
        (lambda x: x, "does not take 2 arguments"),
    ],
)
def test_a_mistake_that_fails_by_the_authors_slip_is_no_mistake(
    wrong: Callable[..., Any], words: str
) -> None:
    mistakes = make_exercise().mistakes
    with pytest.raises(ExerciseError, match=rf"of 99\.1, 'You slip\.': .*{words}"):
        encode_task(make_exercise(mistakes={**mistakes, "You slip.": wrong}))


def test_a_mistake_may_fail_as_a_learner_would() -> None:
    mistakes = {**make_exercise().mistakes, "You stack them.": lambda x, f: np.stack([x, f])}
    entry = encode_task(make_exercise(mistakes=mistakes))
    assert entry["mistakes"][-1]["outcomes"][0]["error"] == "ValueError"


def test_the_bank_leaves_out_where_a_mistake_is_right() -> None:
    def without_sign(x: np.ndarray, factor: float) -> np.ndarray:
        return abs(factor) * x + 1e-13  # rounds in another way

    exercise = make_exercise(mistakes={**make_exercise().mistakes, "No sign.": without_sign})
    entry = encode_task(exercise)
    right, also, wrong = entry["mistakes"][-1]["outcomes"]
    assert right is also is None
    assert wrong["output"]
    task = decode_task(exercise.id, entry)
    for outcome, (x, factor) in zip(task.mistakes[-1].outcomes, task.probes, strict=True):
        np.testing.assert_allclose(outcome.output, abs(factor) * x)
    assert verdict_on(task, lambda x, f: abs(f) * x).mistake == "No sign."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, f: f * x, "the probes see no difference to a right answer"),
        (lambda x, f: x * (1 / f), "the same on all probes as 'You divided"),
    ],
)
def test_a_mistake_that_nothing_tells_apart_is_refused(
    wrong: Callable[..., Any], words: str
) -> None:
    mistakes = {**make_exercise().mistakes, "Another.": wrong}
    with pytest.raises(ExerciseError, match=rf"99\.1, the mistake 'Another\.': .*{words}"):
        encode_task(make_exercise(mistakes=mistakes))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lesson_04.no_such_judge", "no judge 'lesson_04.no_such_judge'"),
        ("lesson_99.judge", "no judge 'lesson_99.judge'"),
        ("lesson_04.nothing", "returned no properties"),
        ("lesson_04.everything", "'You divided.': the judge takes it for a right answer"),
    ],
)
def test_a_judge_that_is_missing_or_accepts_everything_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    from helpers.judges import exactly, lesson_04

    monkeypatch.setattr(lesson_04, "nothing", lambda calls: [], raising=False)
    accepting = [exactly("whether it was called", 1, 1)]
    monkeypatch.setattr(lesson_04, "everything", lambda calls: accepting, raising=False)
    with pytest.raises(ExerciseError, match=rf"99\.1.*{words}"):
        encode_task(make_exercise(compare=Judged(name)))


def test_an_exercise_without_probes_is_refused() -> None:
    with pytest.raises(ExerciseError, match=r"99\.1 has no probes"):
        encode_task(make_exercise(probes=lambda rng: []))


@pytest.mark.parametrize(
    ("ids", "words"),
    [(("99.1", "99.1"), r"lists 99\.1 twice"), (("99.1", "98.2"), r"tasks are 99\.1, .*'98\.2'")],
)
def test_a_lessons_tasks_are_its_own_and_all_different(ids: tuple[str, ...], words: str) -> None:
    tasks = tuple(make_exercise(id=name, function=f"f{i}") for i, name in enumerate(ids))
    with pytest.raises(ExerciseError, match=words):
        Lesson(number="99", name="x", title="X", minutes=1, exercises=tasks, written=())


def test_lesson_names_its_exercises() -> None:
    lesson = Lesson(
        number="99", name="x", title="X", minutes=1, exercises=(make_exercise(),), written=()
    )
    assert lesson.find("99.1").function == "scale"
    with pytest.raises(ValueError, match=r"it has 99\.1"):
        lesson.find("99.2")


def test_negative_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        close(rtol=-1)


def test_vocabulary_exports_the_function_not_the_module() -> None:
    assert check_function is check
    assert isinstance(Close(), Close)
    assert Outcome().error == ""


def test_two_exercises_of_a_lesson_cannot_have_one_name() -> None:
    tasks = (make_exercise(id="99.1"), make_exercise(id="99.2"))
    with pytest.raises(ExerciseError, match=r"99\.1 and 99\.2 are both called 'scale'"):
        Lesson(number="99", name="x", title="X", minutes=1, exercises=tasks, written=())
