"""`grade`: every submission of a lesson, from file to gradebook; nothing aborts the batch.

A submission's own trouble is its outcome: it gets a score, a reason in words, and a flag where a
person should look. Trouble of this machine is no outcome: it is reported, and tried again by the
next run, which takes up where the last one stopped.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode
from tqdm import tqdm

from helpers.compare import Judged
from helpers.instructor.contain import Blown, run_contained
from helpers.instructor.course import Course, CourseError, lesson_stem, write_atomically
from helpers.instructor.exercise import make_task
from helpers.instructor.exercises import load_lesson
from helpers.instructor.kernels.choose import OPEN, WARM, choose_box
from helpers.instructor.kernels.warm import ADDRESS, NoBox, readable_paths, zygote_address
from helpers.instructor.probing import Findings, examine
from helpers.instructor.record import Recorder, read_timestamp
from helpers.instructor.restore import Unreadable, read_cells, restore
from helpers.instructor.session import Session
from helpers.judges import find_judge
from helpers.judging import Task

VERSION = 1  # of the outcomes; a higher one grades everything again
GRADING_SEEDS = 3  # of a judge that trains networks of its own
_TOTAL = 6  # a notebook may take this many times what a cell may


@dataclass(frozen=True)
class Settings:
    """How a lesson is graded. `seconds` bounds a cell; `jobs` submissions run at a time."""

    jobs: int = 1
    seconds: float = 30.0
    trust: bool = False
    force: bool = False
    dask: str = ""


@dataclass(frozen=True)
class Job:
    """What a worker needs for one submission; plain data, so that it may run on another machine."""

    student: str
    content: str  # the notebook's path
    release: str  # the released notebook's text
    tasks: Mapping[str, Task]
    kernel: str
    seconds: float
    seed: int


@dataclass
class Summary:
    """What a run did: students graded now, taken over from earlier runs, and not graded at all."""

    graded: dict[str, dict[str, Any]]
    kept: list[str]
    failed: dict[str, str]

    @property
    def review(self) -> list[str]:
        """The students whose submission a person should look at."""
        return [s for s, result in self.graded.items() if result["needs_review"]]


def grade(course: Course, lesson_name: str, settings: Settings | None = None) -> Summary:
    """Grades what was handed in for a lesson. Raises CourseError, and NoBox if nothing can run."""
    settings = settings or Settings()
    stem = lesson_stem(lesson_name)
    release = _read_release(course, stem)
    kernel = choose_box(trust=settings.trust)
    if kernel != OPEN:
        _require_out_of_sight(course)
    with _only_grader(course):
        return _Batch(course, stem, release, kernel, settings).run()


def draw_tasks(number: str, secret: bytes) -> dict[str, Task]:
    """A lesson's exercises on fresh probes, which follow from the secret alone."""
    tasks = {}
    for exercise in load_lesson(number).exercises:
        digest = hashlib.sha256(secret + exercise.id.encode()).digest()
        rng = np.random.default_rng(list(digest))
        task = make_task(exercise, rng)
        if exercise.graded_by:
            seeds = tuple(rng.integers(2**31, size=GRADING_SEEDS).tolist())
            task = replace(task, compare=Judged(exercise.graded_by, seeds))
        tasks[exercise.id] = task
    return tasks


def _read_release(course: Course, stem: str) -> str:
    path = course.root / "release" / stem / f"{stem}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"{stem} is not released in {course.root}; first: "
            f"python -m helpers.instructor release {stem[:2]} --course {course.root}"
        )
    return path.read_text(encoding="utf-8")


def _require_out_of_sight(course: Course) -> None:
    """A box reads the system, this Python and the learner's package: a course is in none of it."""
    for path in map(Path, readable_paths()):
        if course.root.is_relative_to(path.resolve()):
            raise CourseError(
                f"{course.root} lies in {path}, which every answer can read: other students' "
                "files and the probes' secret with it. Move the course, for example to your home"
            )


@contextmanager
def _only_grader(course: Course) -> Iterator[None]:
    """Two graders on one course would write over each other."""
    if os.name != "posix":  # Windows has no such lock
        yield
        return
    import fcntl

    with open(course.root / ".grading-lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(f"another grader is at work on {course.root}") from None
        yield


class _Batch:
    """One run over one lesson."""

    def __init__(
        self, course: Course, stem: str, release: str, kernel: str, settings: Settings
    ) -> None:
        self.course, self.stem, self.release = course, stem, release
        self.kernel, self.settings = kernel, settings
        self.secret = course.secret()
        self.tasks = draw_tasks(stem[:2], self.secret)
        self.work = course.root / ".grading-work"  # what a killed run left there goes now
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.recorder = Recorder(course, stem, self.work / "restored")
        self.summary = Summary({}, [], {})

    def run(self) -> Summary:
        submitted = self.course.submitted(self.stem)
        for student in self.course.students():
            if student not in submitted:
                self._note_missing(student)
        jobs = [job for s, folder in submitted.items() if (job := self._prepare(s, folder))]
        try:
            self._run_jobs(jobs, len(submitted))
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
        return self.summary

    def _prepare(self, student: str, folder: Path) -> tuple[Job, Path, str, list[str]] | None:
        """The job of a submission; None when an earlier run did the same."""
        path, remarks = find_notebook(folder, self.stem)
        mark = self._fingerprint(path, remarks)
        recorded = self.course.read_result(self.stem, student)
        same = recorded.get("fingerprint") == mark and not self.settings.force
        if same and self.recorder.is_recorded(student):
            self.summary.kept.append(student)
            return None
        seed = int(mark[:8], 16)
        job = Job(
            student, str(path), self.release, self.tasks, self.kernel, self.settings.seconds, seed
        )
        return job, folder, mark, remarks

    def _fingerprint(self, path: Path, remarks: list[str]) -> str:
        """Of all that the outcome follows from."""
        digest = hashlib.sha256(f"{VERSION}{remarks}".encode() + self.secret)
        digest.update(self.release.encode())
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def _run_jobs(self, jobs: list[tuple[Job, Path, str, list[str]]], count: int) -> None:
        running: dict[Future[dict[str, Any]], tuple[Job, Path, str, list[str]]] = {}
        waiting = list(reversed(jobs))
        with (
            make_executor(self.settings, self.kernel, self.work) as executor,
            tqdm(total=count, initial=count - len(jobs), desc=self.stem, unit="submission") as bar,
        ):
            while waiting or running:
                while waiting and len(running) < 2 * self.settings.jobs:
                    entry = waiting.pop()
                    running[executor.submit(run_job, entry[0])] = entry
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    self._finish(future, *running.pop(future))
                    bar.update()

    def _finish(
        self, future: Future[dict[str, Any]], job: Job, folder: Path, mark: str, remarks: list[str]
    ) -> None:
        try:
            result = future.result()
        except (NoBox, OSError) as error:
            self.summary.failed[job.student] = str(error)
            return
        notebook = result.pop("notebook")
        outputs = result.pop("outputs")
        timestamp, trouble = read_timestamp(folder)
        result["remarks"] = [*remarks, *([trouble] if trouble else []), *result["remarks"]]
        scores = {
            f"check-{name.replace('.', '-')}": entry for name, entry in result["exercises"].items()
        }
        document = nbformat.reads(notebook, as_version=4)
        try:
            self.recorder.record(job.student, document, outputs, scores, timestamp)
        except CourseError as error:
            self.summary.failed[job.student] = str(error)
            return
        self._write(job.student, result, mark)

    def _write(self, student: str, result: dict[str, Any], mark: str) -> None:
        """The outcome in words: the last thing that is written, so the sign that all is done."""
        exercises = result["exercises"].values()
        reviews = [e["review"] for e in exercises if e["review"]]
        reasons = list(dict.fromkeys([*result["remarks"], *reviews]))
        missing = result["status"] == "missing"
        result |= {
            "student": student,
            "lesson": self.stem,
            "score": sum(e["points"] for e in exercises),
            "max_score": sum(e["max_points"] for e in exercises),
            "needs_review": bool(reasons) and not missing,
            "reason": "; ".join(reasons) or "graded",
            "fingerprint": mark,
        }
        text = json.dumps(result, indent=1, ensure_ascii=False, sort_keys=True)
        write_atomically(self.course.result_path(self.stem, student), text + "\n")
        self.summary.graded[student] = result

    def _note_missing(self, student: str) -> None:
        exercises = {name: nothing(task, "") for name, task in self.tasks.items()}
        remarks = ["nothing was handed in"]
        result = {"exercises": exercises, "remarks": remarks, "status": "missing"}
        self._write(student, result, "")


def find_notebook(folder: Path, stem: str) -> tuple[Path, list[str]]:
    """The notebook that was handed in, and a remark when it has another name.

    The path may lead nowhere; reading it tells why.
    """
    path = folder / f"{stem}.ipynb"
    if folder.is_symlink() or folder.parent.is_symlink():
        return folder / "link", ["the folder is a link to somewhere else"]
    if os.path.lexists(path) or not folder.is_dir():
        return path, []
    others = sorted(p for p in folder.glob("*.ipynb") if p.is_file() and not p.is_symlink())
    if len(others) == 1:
        return others[0], [f"the file is named {others[0].name[:80]}"]
    names = f"{len(others)} other notebooks" if others else "no notebook"
    return path, [f"there is no {stem}.ipynb, and {names}"]


@contextmanager
def make_executor(settings: Settings, kernel: str, work: Path) -> Iterator[Executor]:
    """Where submissions run: processes of this machine, or a Dask cluster.

    `work` is where the processes of this machine put their temporary files.
    """
    if settings.dask:
        from distributed import Client  # only needed here

        with Client(settings.dask) as client:
            yield client.get_executor()
        return
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(work)}
    if kernel == WARM:
        environment[ADDRESS] = zygote_address()
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    with ProcessPoolExecutor(
        settings.jobs, mp_context=context, initializer=_set_environment, initargs=(environment,)
    ) as pool:
        yield pool


def _set_environment(values: Mapping[str, str]) -> None:
    os.environ.update(values)


def run_job(job: Job) -> dict[str, Any]:
    """Grades one submission in a process that may end without harm. Raises NoBox."""
    address = {ADDRESS: zygote_address()} if job.kernel == WARM else {}
    limit = job.seconds * (_TOTAL + 2) + 60
    for task in job.tasks.values():
        if isinstance(task.compare, Judged):
            find_judge(task.compare.name)  # what it imports counts against no submission's memory

    def work() -> dict[str, Any]:
        os.environ.update(address)
        return grade_submission(job)

    try:
        result: dict[str, Any] = run_contained(work, seconds=limit)
    except Blown as blown:
        result = _without_answers(job, f"it could not be graded: {blown}")
    if "no_box" in result:
        raise NoBox(result["no_box"])
    return result


def grade_submission(job: Job) -> dict[str, Any]:
    """The outcome of one submission as plain data."""
    release = nbformat.reads(job.release, as_version=4)
    try:
        restored = restore(read_cells(Path(job.content)), release)
    except Unreadable as error:
        return _without_answers(job, str(error))
    until = time.monotonic() + _TOTAL * job.seconds

    def open_session() -> Session:
        left = max(until - time.monotonic(), 1.0)
        return Session(job.kernel, seconds=job.seconds, total=left)

    try:
        findings = examine(restored.notebook, job.tasks, open_session, seed=job.seed)
    except NoBox as error:
        return {"no_box": str(error)}
    exercises = _score(job.tasks, findings)
    return {
        "status": "graded",
        "exercises": exercises,
        "remarks": list(dict.fromkeys([*restored.remarks, *findings.remarks])),
        "outputs": findings.outputs,
        "notebook": _dump(restored.notebook),
    }


def _score(tasks: Mapping[str, Task], findings: Findings) -> dict[str, dict[str, Any]]:
    entries = {}
    for name, task in tasks.items():
        finding = findings.exercises[name]
        verdict = finding.verdict
        entries[name] = {
            "points": task.points * verdict.passed / max(verdict.total, 1),
            "max_points": task.points,
            "state": verdict.state,
            "passed": verdict.passed,
            "total": verdict.total,
            "message": verdict.message,
            "measured": verdict.measured,
            "review": finding.review,
        }
    return entries


def nothing(task: Task, review: str) -> dict[str, Any]:
    """The entry of an exercise for which there is no answer."""
    return {
        "points": 0.0,
        "max_points": task.points,
        "state": "wrong" if review else "not attempted",
        "passed": 0,
        "total": len(dict.fromkeys(task.parts)),
        "message": f"Your notebook could not be graded: {review}." if review else "Nothing here.",
        "review": review,
    }


def _without_answers(job: Job, reason: str) -> dict[str, Any]:
    release = nbformat.reads(job.release, as_version=4)
    return {
        "status": "unreadable",
        "exercises": {name: nothing(task, reason) for name, task in job.tasks.items()},
        "remarks": [reason],
        "outputs": {},
        "notebook": _dump(release),
    }


def _dump(notebook: NotebookNode) -> str:
    text: str = nbformat.writes(notebook, version=4)
    return text
