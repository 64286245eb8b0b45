"""What the environment asks for: the seed of this run, strict checks, where claims go, threads."""

import os
from pathlib import Path

from threadpoolctl import threadpool_limits


def course_seed() -> int:
    """The seed of this run, a non-negative int from COURSE_SEED (default 0).

    Raises ValueError when COURSE_SEED is not a non-negative integer.
    """
    text = os.environ.get("COURSE_SEED", "0")
    if not text.isdecimal():
        raise ValueError(f"COURSE_SEED must be an integer of at least 0, such as 3; got {text!r}")
    return int(text)


def strict_checks() -> bool:
    """Whether a check that is not passed raises: STRICT_CHECKS=1, or nbgrader is running."""
    return os.environ.get("STRICT_CHECKS", "0") == "1" or "NBGRADER_EXECUTION" in os.environ


def claims_file() -> Path | None:
    """The file that claims are written to instead of being raised: COURSE_CLAIMS, for authors."""
    name = os.environ.get("COURSE_CLAIMS")
    return Path(name) if name else None


def use_one_thread() -> None:
    """One thread for the numerical libraries, unless OMP_NUM_THREADS asks for another number.

    The lessons' matrices are small: a second thread costs more than it gives, and it adds in
    another order, so that the last digits would depend on the machine. Libraries that are loaded
    already are told so; those that come later look into the environment.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        threadpool_limits(limits=1)
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


SEED: int = course_seed()
