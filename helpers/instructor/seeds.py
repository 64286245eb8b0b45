"""Reruns lessons with other seeds, so that no claim stands on one lucky run."""

import json
import os
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from helpers.instructor.build import QUIET, read_source, release


class Run(NamedTuple):
    """A lesson with one seed: its claims in order, what stopped it ("" if nothing), CPU seconds.

    A claim is a dict: its `statement`, the smallest and largest value `measured`, its `bounds` in
    words, and whether it `holds`.
    """

    claims: list[dict[str, Any]]
    problem: str
    seconds: float

    @property
    def trouble(self) -> str:
        """How many claims fail, and what stopped the run; "" if all is well."""
        failed = sum(not claim["holds"] for claim in self.claims)
        told = f"{failed} of {len(self.claims)} claims fail" if failed else ""
        return "; ".join(filter(None, (told, self.problem)))

    @property
    def summary(self) -> str:
        """In one line: the trouble, or that there is none, and what it cost."""
        return f"{self.trouble or 'ok'} ({self.seconds:.1f} s of CPU)"


def run_seeds(sources: Sequence[Path], seeds: Sequence[int], *, show_all: bool = False) -> int:
    """Runs each lesson, unfilled, once a seed; returns 1 if a claim or a cell failed, else 0.

    Prints the claims that failed, with what was measured on all seeds; with `show_all`, all.
    """
    failures = 0
    bar = tqdm(total=len(sources) * len(seeds), desc="lessons × seeds", disable=None)
    for source in sources:
        runs = {}
        for seed in seeds:
            run = runs[seed] = run_lesson(source, seed)
            failures += bool(run.trouble)
            tqdm.write(f"{source.stem} seed {seed}: {run.summary}")
            bar.update()
        for line in tell_claims(runs, show_all=show_all):
            tqdm.write(f"  {line}")
    bar.close()
    return 1 if failures else 0


def run_lesson(source: Path, seed: int) -> Run:
    """Executes a learner's notebook with a seed, all of it, whatever becomes of its claims."""
    notebook = release(read_source(source))
    before, problem = _child_seconds(), ""
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", extra_arguments=[*QUIET]
        )
        claims = Path(folder) / "claims.jsonl"
        environment = {
            **os.environ,
            "COURSE_SEED": str(seed),
            "COURSE_CLAIMS": str(claims),
            "COURSE_PROGRESS": str(Path(folder) / "progress.json"),
            "OMP_NUM_THREADS": "1",
        }
        try:
            client.execute(env=environment, cwd=str(source.parents[1]))
        except CellExecutionError as error:
            problem = f"{error.ename}: {error.evalue}"
        lines = claims.read_text(encoding="utf-8").splitlines() if claims.exists() else []
    return Run([json.loads(line) for line in lines], problem, _child_seconds() - before)


def tell_claims(runs: Mapping[int, Run], *, show_all: bool = False) -> list[str]:
    """A line for each claim that failed on a seed (or for all): where, and its values on all."""
    found: dict[tuple[str, int], dict[int, dict[str, Any]]] = {}
    for seed, run in runs.items():
        seen: Counter[str] = Counter()
        for claim in run.claims:
            seen[claim["statement"]] += 1  # in a loop one statement may be claimed several times
            found.setdefault((claim["statement"], seen[claim["statement"]]), {})[seed] = claim
    return [_tell(by_seed) for by_seed in found.values() if show_all or _failed(by_seed)]


def _failed(by_seed: Mapping[int, Mapping[str, Any]]) -> list[int]:
    return [seed for seed, claim in by_seed.items() if not claim["holds"]]


def _tell(by_seed: Mapping[int, Mapping[str, Any]]) -> str:
    claims = list(by_seed.values())
    low, high = (pick(c["measured"][i] for c in claims) for i, pick in enumerate((min, max)))
    failed = ", ".join(map(str, _failed(by_seed)))
    told = f"fails on {failed}" if failed else "holds"
    first = claims[0]
    return f"{first['statement']}: {low:.3g} … {high:.3g}, {first['bounds']}: {told}"


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
