"""All submissions of a lesson: who is to be graded, where they run, and what is written of them."""

import hashlib
import json
import multiprocessing
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from tqdm import tqdm

from helpers.instructor.course import Course, CourseError, write_atomically
from helpers.instructor.kernels.choose import WARM
from helpers.instructor.kernels.warm import ADDRESS, NoBox, zygote_address
from helpers.instructor.record import Recorder, read_timestamp
from helpers.instructor.restore import MAX_FILE
from helpers.instructor.sanitize import one_line
from helpers.instructor.submission import Job, find_notebook, nothing, run_job
from helpers.judging import Task

if TYPE_CHECKING:
    from distributed import Client

_CHANGED = re.compile(r"the text of (\S+) was changed; the original counts")
CONNECT_TIMEOUT = 10  # seconds
VERSION = 3  # of the outcomes; a higher one grades everything again


@dataclass(frozen=True)
class Settings:
    """How a lesson is graded. `seconds` bounds a cell; `jobs` submissions run at a time.

    `students`: only these, also where nothing has changed; all when it is empty.
    """

    jobs: int = 1
    seconds: float = 30.0
    trust: bool = False
    force: bool = False
    dask: str = ""
    students: tuple[str, ...] = ()


@dataclass
class Summary:
    """What a run did: students graded now, taken over from earlier runs, and not graded at all."""

    graded: dict[str, dict[str, Any]]
    kept: list[str]
    failed: dict[str, str]

    @property
    def absent(self) -> list[str]:
        """The students who handed in nothing; they are in `graded`, with no points."""
        return [s for s, result in self.graded.items() if result["status"] == "missing"]

    @property
    def review(self) -> list[str]:
        """The students whose submission a person should look at."""
        return [s for s, result in self.graded.items() if result["needs_review"]]


class Batch:
    """One run over one lesson."""

    def __init__(
        self,
        course: Course,
        stem: str,
        release: str,
        tasks: Mapping[str, Task],
        kernel: str,
        settings: Settings,
    ) -> None:
        self.course, self.stem, self.release = course, stem, release
        self.tasks, self.kernel, self.settings = tasks, kernel, settings
        self.secret = course.secret()
        self.work = course.root / ".grading-work"  # what a killed run left there goes now
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.recorder = Recorder(course, stem, self.work / "restored")
        self.summary = Summary({}, [], {})

    def run(self) -> Summary:
        submitted = self.course.submitted(self.stem)
        if self.settings.students:
            submitted = self._choose(submitted)
        else:
            for student in self.course.students():
                if student not in submitted:
                    self._note_missing(student)
        jobs = [job for s, folder in submitted.items() if (job := self._prepare(s, folder))]
        try:
            self._run_jobs(jobs, len(submitted))
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
        return self.summary

    def _choose(self, submitted: Mapping[str, Path]) -> dict[str, Path]:
        """The submissions of `settings.students`. Raises CourseError for who handed in nothing."""
        unknown = [name for name in self.settings.students if name not in submitted]
        if unknown:
            known = ", ".join(submitted) or "none"
            raise CourseError(
                f"nothing of {self.stem} is collected from {', '.join(unknown)}; the students of "
                f"whom it is: {known}"
            )
        return {name: submitted[name] for name in self.settings.students}

    def _prepare(self, student: str, folder: Path) -> tuple[Job, Path, str, list[str]] | None:
        """The job of a submission; None when an earlier run did the same."""
        path, remarks = find_notebook(folder, self.stem)
        _, trouble = read_timestamp(folder)
        remarks += [trouble] if trouble else []
        mark = self._fingerprint(path, remarks)
        recorded = self.course.read_result(self.stem, student)
        again = self.settings.force or self.settings.students
        same = recorded.get("fingerprint") == mark and not again
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
                read = file.read(MAX_FILE + 1)  # no more of it is ever looked at
            digest.update(hashlib.sha256(read).digest())
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
        """Records an outcome. Whatever one submission brings about, the others are graded."""
        try:
            self._record(future.result(), job.student, folder, mark, remarks)
        except (NoBox, CourseError, OSError) as error:
            self.summary.failed[job.student] = str(error)
        except Exception as error:
            told = one_line(f"{type(error).__name__}: {error}", 300)
            self.summary.failed[job.student] = f"an error of the grader: {told}"

    def _record(
        self, result: dict[str, Any], student: str, folder: Path, mark: str, remarks: list[str]
    ) -> None:
        notebook = result.pop("notebook")
        outputs = result.pop("outputs")
        timestamp, _ = read_timestamp(folder)
        result["remarks"] = [*remarks, *result["remarks"]]
        scores = {
            f"check-{name.replace('.', '-')}": entry for name, entry in result["exercises"].items()
        }
        document = nbformat.reads(notebook, as_version=4)
        self.recorder.record(student, document, outputs, scores, timestamp)
        self._write(student, result, mark)

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
            "reason": "; ".join(join_remarks(reasons)) or "graded",
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


def join_remarks(remarks: Sequence[str]) -> list[str]:
    """Remarks as they are told: those about single checks that were changed become one."""
    changed = [match[1] for text in remarks if (match := _CHANGED.fullmatch(text))]
    if len(changed) < 2:
        return list(remarks)
    runs: list[list[str]] = []  # of names whose numbers follow each other
    for name in changed:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    parts = [part for run in runs for part in (run if len(run) < 3 else [f"{run[0]} to {run[-1]}"])]
    *first, last = parts
    names = f"{', '.join(first)} and {last}" if first else last
    joined = f"{names} were changed; the originals count"
    told = (joined if _CHANGED.fullmatch(text) else text for text in remarks)
    return list(dict.fromkeys(told))


def _follows(before: str, name: str) -> bool:
    (stem, _, number), (other, _, following) = before.rpartition("-"), name.rpartition("-")
    counted = number.isdecimal() and following.isdecimal()
    return counted and stem == other and int(following) == int(number) + 1


@contextmanager
def make_executor(settings: Settings, kernel: str, work: Path) -> Iterator[Executor]:
    """Where submissions run: processes of this machine, or a Dask cluster.

    `work` is where the processes of this machine put their temporary files.
    """
    if settings.dask:
        with connect_to_cluster(settings.dask) as client:
            workers = len(client.ncores())
            print(f"{workers} Dask worker{'s' * (workers != 1)} at {settings.dask}", flush=True)
            yield client.get_executor()
        return
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(work)}
    if kernel == WARM:
        environment[ADDRESS] = zygote_address()
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    context.set_forkserver_preload([__name__])  # imported once, not in each process
    with ProcessPoolExecutor(
        settings.jobs, mp_context=context, initializer=_set_environment, initargs=(environment,)
    ) as pool:
        yield pool


def connect_to_cluster(address: str) -> "Client":
    """A client of the Dask scheduler at `address`. Raises CourseError when there is none."""
    try:
        from distributed import Client  # only needed here
    except ModuleNotFoundError:
        raise CourseError("--dask needs Dask: pip install distributed") from None
    try:
        return Client(address, timeout=CONNECT_TIMEOUT)
    except (OSError, ValueError) as error:
        told = f"no Dask scheduler answers at {address} ({error})"
        raise CourseError(f"{told}; it is printed where `dask scheduler` runs") from None


def _set_environment(values: Mapping[str, str]) -> None:
    os.environ.update(values)
