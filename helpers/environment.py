"""What the environment asks for: the seed of this run, and whether checks are strict."""

import os


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


SEED: int = course_seed()
