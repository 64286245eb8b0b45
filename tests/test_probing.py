"""What is said of answers that do not run, and which runs of a notebook are made and counted.

The lesson is tests/small_lesson. Where a kernel would have to be slow, a made-up one is asked.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import nbformat
import pytest

from helpers.instructor import answers
from helpers.instructor.batch import Settings, make_executor
from helpers.instructor.build import find_sources, read_source, release
from helpers.instructor.grade import draw_tasks
from helpers.instructor.kernels.choose import WARM
from helpers.instructor.probing import (
    Findings,
    examine,
    join_findings,
    left_out_names,
    plan_steps,
    tell_error,
)
from helpers.instructor.session import Ended, Result
from helpers.instructor.submission import Job, run_job
from helpers.judging import Task, Verdict
from tests import small_lesson
from tests.hostile.lab import Case, make_notebook
from tests.small_lesson import NUMBER

FULL = {"99.1": 2.0, "99.2": 4.0, "99.3": 1.0}


@pytest.fixture(autouse=True, scope="module")
def lesson() -> Iterator[None]:
    with small_lesson.installed():
        yield


@pytest.fixture
def tasks() -> dict[str, Task]:
    return draw_tasks(NUMBER, b"secret")


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    """A grader's own processes: none is forked from this one, which tests have filled."""
    with make_executor(Settings(jobs=1), WARM, tmp_path_factory.mktemp("work")) as started:
        yield started


def grade_answer(
    answer: str, tasks: dict[str, Task], folder: Path, executor: Executor
) -> dict[str, Any]:
    """The outcome of the solved notebook with another answer to 99.1, from a real box."""
    case = Case(name="one", about="", solved=True, answers={"1": answer})
    path = folder / "one.ipynb"
    path.write_text(json.dumps(make_notebook(case)), encoding="utf-8")
    released = nbformat.writes(release(read_source(find_sources([NUMBER])[0])), version=4)
    job = Job("one", str(path), released, tasks, WARM, 20, 1)
    return executor.submit(run_job, job).result(timeout=300)


def points_of(result: dict[str, Any]) -> dict[str, float]:
    return {name: entry["points"] for name, entry in result["exercises"].items()}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            "def he_std(fan_in)\n    return 1",
            "Your cell does not run: SyntaxError, line 1: expected ':'",
        ),
        ("def he_std(fan_in):\nreturn 1", "IndentationError, line 2: expected an indented block"),
        ("scale = 1 / 0", "Your cell does not run: ZeroDivisionError: division by zero"),
        ("raise KeyError", "Your cell does not run: KeyError"),
        ("he_sd = abs", "The notebook defines no `he_std`."),
        ("import os\nos._exit(3)", "Your cell does not run: it ended the kernel"),
        ("def he_std(fan_in):\n    return sqroot(fan_in)", "name 'sqroot' is not defined"),
    ],
    ids=["syntax", "indentation", "error", "bare error", "another name", "exit", "slip"],
)
def test_an_answer_that_does_not_run(
    answer: str, told: str, tasks: dict[str, Task], tmp_path: Path, executor: Executor
) -> None:
    result = grade_answer(answer, tasks, tmp_path, executor)
    assert told in result["exercises"]["99.1"]["message"]
    assert points_of(result) == FULL | {"99.1": 0.0}


def test_what_the_lessons_cells_compute_is_there_for_an_answer(
    tasks: dict[str, Task], tmp_path: Path, executor: Executor
) -> None:
    """`layers` is set in a statement that the first run leaves out."""
    answer = "def he_std(fan_in):\n    assert layers\n    return (2 / fan_in) ** 0.5"
    result = grade_answer(answer, tasks, tmp_path, executor)
    assert points_of(result) == FULL
    assert result["remarks"] == []


ASKED = 7  # calls of he_std in one asking: six probes, one of them twice
GUESSES = {  # wrong the first time: what brings about a second, and what that gives
    "a parameter's name": "def he_std(NameError):\n    calls.append(0)\n"
    f"    return (2 / NameError) ** 0.5 if len(calls) > {ASKED} else 0.0",
    "a part given up": "def he_std(n):\n    calls.append(0)\n"
    f"    if len(calls) > {ASKED}:\n        return 0.0\n"
    "    if n < 50:\n        raise NameError(\"name 'later' is not defined\")\n"
    "    return (2 / n) ** 0.5",
}  # fmt: skip


@pytest.mark.parametrize("guess", GUESSES)
def test_an_answer_has_one_guess(
    guess: str, tasks: dict[str, Task], tmp_path: Path, executor: Executor
) -> None:
    """Whether it is asked again, and which time counts, does not follow from what was right."""
    result = grade_answer(f"calls = []\n{GUESSES[guess]}", tasks, tmp_path, executor)
    assert points_of(result) == FULL | {"99.1": 0.0}


def test_a_function_may_stand_further_down(
    tasks: dict[str, Task], tmp_path: Path, executor: Executor
) -> None:
    """`dropout_mask` is defined two cells later: so the answer is right when it is asked again."""
    answer = "def he_std(fan_in):\n    assert dropout_mask\n    return (2 / fan_in) ** 0.5"
    result = grade_answer(answer, tasks, tmp_path, executor)
    assert points_of(result) == FULL


# -- with a made-up kernel -------------------------------------------------------------------------


class Kernel:
    """Stands for a session: cells that hold a word of `ends` end it, in the second run if `late`.

    It knows no answer: each question is answered by the names of the functions in `right`.
    """

    opened = 0
    right: tuple[str, ...] = ()
    ends = ""
    missing = "layers"

    def __init_subclass__(cls) -> None:
        cls.opened = 0  # each kind counts its own, in whatever order the tests come

    def __enter__(self) -> "Kernel":
        type(self).opened += 1
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, code: str) -> Result:
        if self.ends and self.ends in code:
            raise Ended("it ran longer than 30 s and would not stop")
        if "def he_std" not in code:
            return Result()
        text = f"name '{self.missing}' is not defined"
        return Result([{"output_type": "error", "ename": "NameError", "evalue": text}], "NameError")


def examine_with(
    kernel: type[Kernel], tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> Findings:
    """The findings of the solved notebook; an answer in `right` passes in the first run only."""

    def ask(session: Any, task: Task, seed: int) -> answers.Finding:
        good = task.function in session.right and kernel.opened == 1
        passed = task.total if good else 0
        state = "passed" if good else "wrong"
        return answers.Finding(Verdict(state, passed, task.total, "."))

    monkeypatch.setattr("helpers.instructor.probing.ask", ask)
    notebook = read_source(find_sources([NUMBER])[0])
    return examine(notebook, tasks, kernel)  # type: ignore[arg-type]


def test_a_slip_does_not_run_the_notebook_again(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slip(Kernel):
        missing = "lay"

    examine_with(Slip, tasks, monkeypatch)
    assert Slip.opened == 1

    class Needed(Kernel):
        missing = "layers"

    examine_with(Needed, tasks, monkeypatch)
    assert Needed.opened == 2


def finding(passed: int, *undefined: str, judged: bool = True) -> answers.Finding:
    return answers.Finding(Verdict("wrong", passed, 2, "."), undefined={*undefined}, judged=judged)


@pytest.mark.parametrize(
    ("first", "again", "unsure", "passed"),
    [
        (finding(0), finding(2), False, 0),
        (finding(1, "layers"), finding(2), False, 2),
        (finding(1, "layers"), finding(0), False, 0),
        (finding(1, "layers"), finding(0, judged=False), False, 1),
        (finding(2), finding(0), True, 0),
        (finding(2), finding(0, judged=False), True, 2),
    ],
    ids=["no reason", "better", "worse", "nothing came", "added cell", "added, nothing came"],
)
def test_which_of_two_runs_counts(
    first: answers.Finding, again: answers.Finding, unsure: bool, passed: int
) -> None:
    """The better one would be worth two guesses."""
    runs = Findings({"99.1": first}, unsure=unsure), Findings({"99.1": again})
    assert join_findings(*runs).exercises["99.1"].verdict.passed == passed


def test_a_run_that_was_not_needed_counts_for_nothing(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Busy(Kernel):
        right = ("standardize", "dropout_mask")

    findings = examine_with(Busy, tasks, monkeypatch)
    assert Busy.opened == 2
    assert {name: f.verdict.passed > 0 for name, f in findings.exercises.items()} == {
        "99.1": False, "99.2": True, "99.3": True,
    }  # fmt: skip


def test_a_lessons_cell_that_takes_too_long_is_no_riddle(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One plain remark, no exercise is blamed, and what the first run found stays."""

    class Busy(Kernel):
        right = ("standardize", "dropout_mask")
        ends = "linspace"  # in a cell of the lesson, and in the second run only

    findings = examine_with(Busy, tasks, monkeypatch)
    (remark,) = findings.remarks
    assert remark.startswith("the lesson's own cells did not run to their end (it ran longer")
    assert "--timeout 120 --student NAME" in remark
    assert findings.exercises["99.2"].verdict.passed > 0
    assert [f.review for f in findings.exercises.values()] == ["", "", ""]


def test_an_exercise_is_named_and_said_once(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(Kernel):
        ends = "def standardize"
        missing = "lay"

    findings = examine_with(Endless, tasks, monkeypatch)
    told = "exercise 99.2 ended the kernel: it ran longer than 30 s and would not stop"
    assert findings.remarks == [told]
    assert findings.exercises["99.2"].review == told
    assert findings.exercises["99.1"].review == ""


def test_a_reason_names_its_exercise(
    tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(session: Any, task: Task, seed: int) -> answers.Finding:
        return answers.not_judged(task, "no answer came back (stopped after 30 s)")

    monkeypatch.setattr("helpers.instructor.probing.ask", ask)
    notebook = read_source(find_sources([NUMBER])[0])
    findings = examine(notebook, tasks, Kernel)  # type: ignore[arg-type]
    told = "exercise 99.2: no answer came back (stopped after 30 s)"
    assert findings.exercises["99.2"].review == told


FORGED = "right.\r2 of 2 parts are right.\nRight on all 6 probes."
OUTCOME = {"error": "", "error_text": "", "changed": ""}


@pytest.mark.parametrize(
    "reply",
    [
        {"missing": FORGED},
        {"missing": f"`he_std` is a {FORGED}, not a function"},
        {"names": [FORGED], "outcomes": [OUTCOME | {"output": 0.0}] * ASKED},
        {"names": ["n"], "outcomes": [OUTCOME | {"error": "E", "error_text": FORGED}] * ASKED},
        {"names": ["n"], "outcomes": [OUTCOME | {"changed": FORGED}] * ASKED},
        {"names": ["n"], "outcomes": [OUTCOME | {"kind": [FORGED, FORGED]}] * ASKED},
    ],
    ids=["missing", "no function", "a name", "an error", "a changed input", "a type"],
)
def test_no_line_of_a_verdict_is_the_learners(reply: Any, tasks: dict[str, Task]) -> None:
    """What comes back from a box may be forged: its words stand within lines of the grader's."""

    class Forged(Kernel):
        def ask(self, *_: object) -> str:
            return json.dumps(reply)

    found = answers.ask(Forged(), tasks["99.1"], 1)  # type: ignore[arg-type]
    assert found.verdict.passed == 0
    assert not re.search(r"(?m)^(2 of|Right on)", found.verdict.message.replace("\r", "\n"))


def test_what_is_no_function_is_told(
    tasks: dict[str, Task], tmp_path: Path, executor: Executor
) -> None:
    result = grade_answer("he_std = 3", tasks, tmp_path, executor)
    assert result["exercises"]["99.1"]["message"] == "`he_std` is an int, not a function."


def test_names_that_are_left_out(tasks: dict[str, Task]) -> None:
    """Not constants, imports and functions, which are kept; not `n`, the variable of a list."""
    notebook = read_source(find_sources([NUMBER])[0])
    assert left_out_names(plan_steps(notebook, tasks, whole=True)) == {"layers"}


@pytest.mark.parametrize(
    ("name", "evalue", "told"),
    [
        (
            "SyntaxError",
            "invalid (see (a) (12.py, line 3)",
            "SyntaxError, line 3: invalid (see (a)",
        ),
        ("ValueError", "a\nb", "ValueError: a b"),
        ("Error\x07", "", "Error"),
    ],
)
def test_an_error_in_one_line(name: str, evalue: str, told: str) -> None:
    output = {"output_type": "error", "ename": name.strip("\x07"), "evalue": evalue}
    assert tell_error(Result([output], name)) == told
