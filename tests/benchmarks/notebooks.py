"""CPU seconds of every notebook, unfilled and solved: python -m tests.benchmarks.notebooks [NN ...]

A lesson's budget is 20 s of CPU on two cores, unfilled, the kernel's start included. Nothing is
asserted; the figures go to build/benchmarks/notebooks.json. Run it on a quiet machine.
"""

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.instructor.build import build_solved
from tests.running import NOTEBOOKS, ROOT, Run, run_notebook

RESULT = ROOT / "build" / "benchmarks" / "notebooks.json"


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(path: Path, *, solved: bool) -> dict[str, object]:
    """One run, its threads left as a learner has them: seconds of the kernel, of all, of wall."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        if solved:
            (path,) = build_solved(folder / "solved", lessons=[path.stem[:2]])
        cpu, wall = children_seconds(), time.perf_counter()
        run: Run = run_notebook(path, folder, strict=solved, sweeping=False, threads=None)
        return {
            "notebook": path.stem,
            "mode": "solved" if solved else "unfilled",
            "passed": run.passed,
            "kernel_cpu_seconds": round(run.cpu_seconds, 2),
            "children_cpu_seconds": round(children_seconds() - cpu, 2),  # nbval's own are in it
            "wall_seconds": round(time.perf_counter() - wall, 2),
        }


def main(lessons: Sequence[str]) -> None:
    print(f"{'notebook':28} {'mode':9} {'kernel CPU':>10} {'all CPU':>8} {'wall':>6}  passed")
    rows = []
    for path in NOTEBOOKS:
        if lessons and path.stem[:2] not in lessons:
            continue
        for solved in (False, True):
            row = measure(path, solved=solved)
            rows.append(row)
            print("{:28} {:9} {:10} {:8} {:6}  {}".format(*(row[k] for k in COLUMNS)), flush=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine, "runs": rows}, indent=1) + "\n")


COLUMNS = (
    "notebook", "mode", "kernel_cpu_seconds", "children_cpu_seconds", "wall_seconds", "passed",
)  # fmt: skip

if __name__ == "__main__":
    main(sys.argv[1:])
