"""Answers that may be hostile: each case earns what it deserves, and is contained.

Most cases are graded one by one, so that they can run side by side; `test_batch_goes_on` hands in
the worst of them together, through nbgrader's gradebook.
"""

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.instructor.build import dump, find_sources, read_source
from helpers.instructor.build import release as release_notebook
from helpers.instructor.grade import Job, draw_tasks, find_notebook, run_job
from helpers.instructor.kernels.choose import choose_box
from helpers.instructor.kernels.warm import zygote_address
from tests import small_lesson
from tests.hostile import CASES, reading
from tests.hostile.lab import Case, hand_in, without
from tests.small_lesson import NAME, NUMBER


@pytest.fixture(autouse=True)
def lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    small_lesson.install(monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of a course with a solved notebook in it, for those who look for one."""
    source = tmp_path / "course" / "source" / NAME / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(dump(read_source(find_sources([NUMBER])[0])))
    return tmp_path / "course"


def grade_case(case: Case, course: Path) -> dict[str, Any]:
    """The outcome of a case, as `grade` gets it from its workers."""
    folder = course / "submitted" / "student" / NAME
    hand_in(case, folder)
    path, remarks = find_notebook(folder, NAME)
    release = dump(release_notebook(read_source(find_sources([NUMBER])[0])))
    tasks = draw_tasks(NUMBER, b"a secret of this test")
    job = Job("student", str(path), release, tasks, choose_box(), case.seconds, seed=7)
    result = run_job(job)
    result["remarks"] = [*remarks, *result["remarks"]]
    return result


def reasons(result: dict[str, Any]) -> str:
    reviews = [e["review"] for e in result["exercises"].values() if e["review"]]
    return "; ".join([*result["remarks"], *reviews])


def text_of(outputs: dict[str, Any]) -> str:
    return "".join(o.get("text", "") + json.dumps(o) for many in outputs.values() for o in many)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, course: Path) -> None:
    result = grade_case(case, course)
    earned = {name: entry["points"] for name, entry in result["exercises"].items()}
    told = {name: entry["message"] for name, entry in result["exercises"].items()}
    assert earned == pytest.approx(dict(case.earned)), f"{told}; {reasons(result)}"
    assert re.search(re.escape(case.reason), reasons(result)), reasons(result)
    if case.review is not None:
        assert bool(reasons(result)) == case.review, reasons(result)
    shown = text_of(result["outputs"])
    for word in case.shown:
        assert word in shown, shown[:2000]
    for word in case.hidden:
        assert word not in shown, shown[:2000]
    assert len(shown) < 4 << 20
    assert_harmless(result["outputs"])
    assert not find_boxed_processes(), "something of the box is still alive"


def assert_harmless(outputs: dict[str, Any]) -> None:
    """What a page would show as it is: HTML without scripts, pictures that no quote can leave."""
    kinds = {"text/plain", "text/html", "image/png", "image/jpeg"}
    for output in (o for many in outputs.values() for o in many):
        data = output.get("data", {})
        assert set(data) <= kinds
        assert not re.search(
            r"(?i)<(script|img|svg|iframe|style|a)\b|\son\w+=", data.get("text/html", "")
        )
        assert re.fullmatch(r"[\w+/=\s]*", data.get("image/png", ""))


def find_boxed_processes() -> list[psutil.Process]:
    """Processes of kernels: the children of the warm process that this test owns."""
    zygote = psutil.Process(int(zygote_address().split("/")[2]))
    _, alive = psutil.wait_procs(zygote.children(recursive=True), timeout=60)
    return list(alive)


@pytest.fixture
def listeners() -> Iterator[tuple[int, str, list[str]]]:
    """Servers of this machine: on the loopback's port, and on an abstract Unix socket."""
    reached: list[str] = []
    name = "course-test-abstract"
    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(f"\0{name}")
    unix.listen()

    def accept(server: socket.socket, kind: str) -> None:
        try:
            server.accept()[0].close()
            reached.append(kind)
        except OSError:
            return  # closed by the test

    for server, kind in ((tcp, "loopback"), (unix, "abstract")):
        threading.Thread(target=accept, args=(server, kind), daemon=True).start()
    yield tcp.getsockname()[1], name, reached
    for server in (tcp, unix):
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_the_listeners_can_be_reached(listeners: tuple[int, str, list[str]]) -> None:
    """Else the next test would prove nothing."""
    port, name, reached = listeners
    socket.create_connection(("127.0.0.1", port)).close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{name}")
    for _ in range(100):
        if len(reached) == 2:
            break
        threading.Event().wait(0.02)
    assert sorted(reached) == ["abstract", "loopback"]


def test_no_network(course: Path, listeners: tuple[int, str, list[str]]) -> None:
    port, name, reached = listeners
    source = reading.NETWORK.format(port=port, abstract=name)
    case = Case(name="network", about="", solved=True, first=source, seconds=10)
    result = grade_case(case, course)
    assert "reached: []" in text_of(result["outputs"])
    assert reached == []


def test_nothing_is_written(course: Path) -> None:
    """To the gradebook, to another submission, to the course."""
    gradebook = course / "gradebook.db"
    neighbor = course / "submitted" / "other" / NAME / f"{NAME}.ipynb"
    neighbor.parent.mkdir(parents=True)
    files = [gradebook, neighbor, course / "source" / NAME / f"{NAME}.ipynb"]
    for path in files[:2]:
        path.write_bytes(b"as it was")
    for path in files:
        path.chmod(0o666)  # the box holds, not the mode
    before = {path: path.read_bytes() for path in files}
    source = reading.WRITE.format(paths=[str(p) for p in files])
    result = grade_case(Case(name="write", about="", solved=True, first=source), course)
    shown = text_of(result["outputs"])
    assert "attempts done" in shown
    assert "wrote" not in shown
    assert {path: path.read_bytes() for path in files} == before
    assert result["exercises"]["99.2"]["points"] == without()["99.2"]
