"""Reruns lessons with other seeds, so that no claim stands on one lucky run."""

import os
import resource
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from helpers.instructor.build import QUIET, read_source, release


def run_seeds(sources: Sequence[Path], seeds: Sequence[int]) -> int:
    """Runs each lesson, unfilled, once a seed; prints what fails; returns 1 if anything did."""
    failures = 0
    runs = [(source, seed) for source in sources for seed in seeds]
    for source, seed in tqdm(runs, desc="lessons × seeds"):
        problem, seconds = run_lesson(source, seed)
        failures += bool(problem)
        tqdm.write(f"{source.stem} seed {seed}: {problem or 'ok'} ({seconds:.1f} s of CPU)")
    return 1 if failures else 0


def run_lesson(source: Path, seed: int) -> tuple[str, float]:
    """Executes a learner's notebook with a seed; returns the failure ("" if none), CPU seconds."""
    notebook = release(read_source(source))
    before = _child_seconds()
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", extra_arguments=[*QUIET]
        )
        environment = {
            **os.environ,
            "COURSE_SEED": str(seed),
            "COURSE_PROGRESS": str(Path(folder) / "progress.json"),
            "OMP_NUM_THREADS": "1",
        }
        try:
            client.execute(env=environment, cwd=str(source.parents[1]))
        except CellExecutionError as error:
            return str(error).strip().splitlines()[-1], _child_seconds() - before
    return "", _child_seconds() - before


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
