"""Answers that may be hostile: each earns what it deserves, is contained, and the batch goes on.

All of them are one class, with three honest students among them, graded once by `grade` through
nbgrader's gradebook (`tests/hostile/graded.py`); each test looks at what became of one.
"""

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import small_lesson
from tests.hostile import CASES
from tests.hostile.graded import HONEST, NETWORK, WRITE, Graded, grade_once, listen, student_of
from tests.hostile.lab import POINTS, Case
from tests.small_lesson import NAME


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with small_lesson.installed():
        yield grade_once(shared)


@pytest.mark.parametrize("case", [*CASES, NETWORK, WRITE], ids=lambda case: case.name)
def test_case(case: Case, graded: Graded) -> None:
    """Points, recorded twice; the reason; what is shown, and that it is harmless."""
    student = student_of(case)
    result, outputs = graded.read_result(student), graded.read_outputs(student)
    entries = result["exercises"]
    told = {name: entry["message"] for name, entry in entries.items()}
    earned = {name: entry["points"] for name, entry in entries.items()}
    assert earned == pytest.approx(dict(case.earned)), f"{told}; {result['reason']}"
    recorded = {f"check-{name.replace('.', '-')}": v for name, v in case.earned.items()}
    assert graded.scores[student] == pytest.approx(recorded)
    assert case.reason in result["reason"]
    assert result["needs_review"] == (result["reason"] != "graded")
    if case.review is not None:
        assert result["needs_review"] == case.review, result["reason"]
    shown = "".join(output.get("text", "") + json.dumps(output) for output in outputs)
    for word in case.shown:
        assert word in shown, shown[:2000]
    for word in case.hidden:
        assert word not in shown, shown[:2000]
    assert len(shown) < 4 << 20
    assert_harmless(outputs)


def assert_harmless(outputs: list[dict[str, Any]]) -> None:
    """What a page would show as it is: HTML without scripts, pictures that no quote can leave."""
    kinds = {"text/plain", "text/html", "image/png", "image/jpeg"}
    for output in outputs:
        data = output.get("data", {})
        assert set(data) <= kinds
        html = data.get("text/html", "")
        assert not re.search(r"(?i)<(script|img|svg|iframe|style|a)\b|\son\w+=", html)
        assert re.fullmatch(r"[\w+/=\s]*", data.get("image/png", ""))


def test_the_batch_goes_on(graded: Graded) -> None:
    """Nobody is left out, and who is honest among them has all points."""
    everybody = {*map(student_of, [*CASES, NETWORK, WRITE]), *HONEST}
    assert len(everybody) == len(CASES) + 2 + len(HONEST)
    assert graded.failed == {}
    assert set(graded.scores) == everybody
    for student in HONEST:
        result = graded.read_result(student)
        assert (result["score"], result["reason"]) == (sum(POINTS.values()), "graded")
        assert sum(graded.scores[student].values()) == sum(POINTS.values())


def test_nothing_of_the_boxes_is_left(graded: Graded) -> None:
    assert graded.left == []
    assert not (Path(graded.root) / ".grading-work").exists()


def test_the_listeners_can_be_reached() -> None:
    """Else the next test would prove nothing."""
    with listen() as (port, name, reached):
        socket.create_connection(("127.0.0.1", port)).close()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"\0{name}")
        for _ in range(250):
            if len(reached) == 2:
                break
            threading.Event().wait(0.02)
        assert sorted(reached) == ["abstract", "loopback"]


def test_no_network(graded: Graded) -> None:
    """Neither the world, nor this machine's own servers: told by the answer, and by the servers."""
    assert "reached: []" in json.dumps(graded.read_outputs(student_of(NETWORK)))
    assert graded.reached == []


def test_nothing_is_written(graded: Graded) -> None:
    """To the gradebook, to another submission, to the course."""
    assert graded.changed == []
    assert graded.manual == []
    submitted = Path(graded.root) / "submitted" / HONEST[-1] / NAME
    assert [path.name for path in submitted.iterdir()] == [f"{NAME}.ipynb"]
