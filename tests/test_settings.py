"""What `helpers.environment` reads and sets: the seed of a run, and the number of threads."""

import json
import os
import subprocess
import sys

import pytest

from helpers.environment import course_seed
from tests.running import ROOT

LOAD = """
import json
import numpy, sklearn.utils.extmath  # before helpers, as in the lessons
import helpers
import scipy.linalg, torch  # after it
from threadpoolctl import threadpool_info
threads = {lib["filepath"]: lib["num_threads"] for lib in threadpool_info()}
print(json.dumps({"torch": torch.get_num_threads(), **threads}))
"""


def test_seed_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_SEED", raising=False)
    assert course_seed() == 0
    monkeypatch.setenv("COURSE_SEED", "12")
    assert course_seed() == 12


@pytest.mark.parametrize("text", ["", "-1", "1.5", "three", "1e3"])
def test_a_seed_that_is_no_whole_number_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_SEED", text)
    with pytest.raises(ValueError, match=f"at least 0, such as 3; got '{text}'"):
        course_seed()


def count_threads(**wish: str) -> dict[str, int]:
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(command, cwd=ROOT, env=kept | wish, capture_output=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    assert len(found) >= 4, found  # torch, OpenMP, and the BLAS of NumPy and of SciPy
    return found


def test_one_thread_for_libraries_loaded_before_and_after() -> None:
    assert set(count_threads().values()) == {1}


def test_a_number_that_was_asked_for_stays() -> None:
    cores = len(os.sched_getaffinity(0))  # OpenBLAS takes no more threads than these
    assert set(count_threads(OMP_NUM_THREADS="2").values()) == {2, min(2, cores)}
