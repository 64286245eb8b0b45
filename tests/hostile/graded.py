"""The hostile submissions as one class, graded once by `grade`; each test looks at its own.

Workers of pytest-xdist share the class: the first that needs it grades, the others wait.
"""

import hashlib
import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
from filelock import FileLock

from helpers.instructor.course import Course, quiet
from helpers.instructor.grade import Settings, grade
from helpers.instructor.kernels.warm import zygote_address
from helpers.instructor.release import release
from tests.hostile import CASES, reading
from tests.hostile.lab import PATIENT, QUICK, Case, hand_in, without
from tests.small_lesson import NAME, NUMBER

JOBS = 3  # on two cores: some of the answers sleep
HONEST = ("a-honest", "case-m-honest", "z-honest")  # graded before, among and after the others
# their sources are made when it is known what there is to reach, and to write
NETWORK = Case(name="network", about="no way out", solved=True, earned=without())
WRITE = Case(name="write", about="nothing to write", solved=True, earned=without(),
             shown=("attempts done",), hidden=("wrote",))  # fmt: skip


@dataclass(frozen=True)
class Graded:
    """What became of the class.

    scores: points of the gradebook by student and check cell; manual: points given by hand. left:
    processes that outlived grading. reached: the servers of this machine that an answer reached.
    changed: files of the course that an answer was told to write to, and that were written to.
    """

    root: str
    failed: dict[str, str]
    scores: dict[str, dict[str, float]]
    manual: list[float]
    left: list[str]
    reached: list[str]
    changed: list[str]

    def read_result(self, student: str) -> dict[str, Any]:
        """The recorded outcome of a student."""
        return Course(Path(self.root)).read_result(NAME, student)

    def read_outputs(self, student: str) -> list[dict[str, Any]]:
        """All outputs that formgrader and feedback would show of a student."""
        path = Path(self.root) / "autograded" / student / NAME / f"{NAME}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        return [dict(output) for cell in cells for output in cell.get("outputs", [])]


def student_of(case: Case) -> str:
    """Whose folder a case is handed in to."""
    return "case-" + re.sub(r"\W+", "-", case.name).strip("-")


def grade_once(shared: Path) -> Graded:
    """The graded class, in a folder that all workers share."""
    done = shared / "hostile.json"
    with FileLock(shared / "hostile.lock"):
        if not done.exists():
            shutil.rmtree(shared / "hostile", ignore_errors=True)  # of a worker that failed
            done.write_text(json.dumps(asdict(grade_class(shared / "hostile"))))
    return Graded(**json.loads(done.read_text()))


def grade_class(root: Path) -> Graded:
    """Hands all cases in and grades them: first those that only wait for their time to be up."""
    course = release([NUMBER], root)
    for student in HONEST:
        honest = Case(name="honest", about="", solved=True)
        hand_in(honest, root / "submitted" / student / NAME)
    files = find_targets(root)
    before = {path: hash_file(path) for path in files}
    failed: dict[str, str] = {}
    with listen() as (port, name, reached):
        network = reading.NETWORK.format(port=port, abstract=name)
        write = reading.WRITE.format(paths=[str(p) for p in [root / "gradebook.db", *files]])
        cases = [*CASES, replace(NETWORK, first=network), replace(WRITE, first=write)]
        for seconds in (QUICK, PATIENT):
            for case in (c for c in cases if c.seconds == seconds):
                hand_in(case, root / "submitted" / student_of(case) / NAME)
            failed |= grade(course, NUMBER, Settings(jobs=JOBS, seconds=seconds)).failed
    changed = [str(path) for path in files if hash_file(path) != before[path]]
    scores, manual = read_gradebook(course)
    return Graded(str(root), failed, scores, manual, find_boxed_processes(), reached, changed)


def find_targets(root: Path) -> list[Path]:
    """Files that nobody may write: the secret, the solved notebook, another's submission."""
    targets = [
        root / ".probe-secret",
        root / "source" / NAME / f"{NAME}.ipynb",
        root / "submitted" / HONEST[-1] / NAME / f"{NAME}.ipynb",
    ]
    for path in [root / "gradebook.db", *targets]:
        path.chmod(0o666)  # the box holds, not the mode
    return targets


def hash_file(path: Path) -> str:
    """A digest of what a file holds."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_gradebook(course: Course) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Points of check cells by student, and all points given by hand."""
    scores: dict[str, dict[str, float]] = {}
    manual = []
    with quiet(), course.api().gradebook as gradebook:
        for submission in gradebook.assignment_submissions(NAME):
            grades = [g for notebook in submission.notebooks for g in notebook.grades]
            checks = {g.name: float(g.auto_score or 0) for g in grades if "check" in g.name}
            scores[submission.student.id] = checks
            manual += [float(g.manual_score) for g in grades if g.manual_score]
    return scores, manual


def find_boxed_processes() -> list[str]:
    """Processes of kernels that are still there: children of the warm process of these tests."""
    zygote = psutil.Process(int(zygote_address().split("/")[2]))
    _, alive = psutil.wait_procs(zygote.children(recursive=True), timeout=60)
    return [str(process) for process in alive]


@contextmanager
def listen() -> Iterator[tuple[int, str, list[str]]]:
    """Servers of this machine: the loopback's port, an abstract socket's name, who was reached."""
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
