"""Hostile and broken submissions of the small lesson, each with what it deserves.

`tests/test_hostile.py` runs them through our grader, `tests/benchmarks/hostile_vs_nbgrader.py`
through stock nbgrader as well.
"""

from tests.hostile import cheating, files, messages, reading, resources
from tests.hostile.lab import Case

CASES: list[Case] = [
    *resources.CASES, *cheating.CASES, *reading.CASES, *messages.CASES, *files.CASES,
]  # fmt: skip
