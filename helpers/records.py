"""Remembers results between kernels: one small JSON file, safe to write from two notebooks.

The file is $COURSE_PROGRESS, else notebooks/.progress.json. Strict runs (tests, nbgrader) keep
their records in memory unless COURSE_PROGRESS names a file: they must not change a learner's.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.environment import strict_checks
from helpers.judging import NOT_ATTEMPTED, PASSED, WRONG

Records = dict[str, dict[str, dict[str, Any]]]  # kind -> key -> entry

KINDS = ("exercise", "prediction")
STATES = (PASSED, WRONG, NOT_ATTEMPTED)
DEFAULT_PATH = Path(__file__).resolve().parent.parent / "notebooks" / ".progress.json"
LOCK_SECONDS = 2.0

_unsaved: Records = {kind: {} for kind in KINDS}
_said: set[str] = set()


def record(kind: str, key: str, value: Mapping[str, Any] | str) -> None:
    """Remembers one result, over an earlier one with the same key; never stops a lesson.

    kind "exercise": key is the exercise id such as "01.1"; value a state, "passed", "wrong" or
        "not attempted", or a mapping with that under "state".
    kind "prediction": key names the question; value a mapping, by custom with "correct" (bool).
        "lesson" ("01") is filled in from the notebook's name where JupyterLab tells it.
    When the file cannot be written, this says so once and keeps the record in memory.
    Raises ValueError for another kind or state, TypeError for what JSON cannot hold.
    """
    if kind not in KINDS:
        raise ValueError(f'kind is "exercise" or "prediction"; got {kind!r}')
    new: Records = {other: {} for other in KINDS}
    new[kind][key] = _entry(kind, value)
    _unsaved.update(_merged(_unsaved, new))
    if (path := records_path()) is not None:
        _save(path)


def recorded() -> Records:
    """All records: those in the file, and over them those that could not be saved."""
    path = records_path()
    on_disk: Records = {kind: {} for kind in KINDS}
    if path is not None:
        try:
            on_disk = _parse(path)
        except ValueError:  # look again under the lock: another kernel may be mending it
            on_disk = _load_under_lock(path)
        except OSError as error:
            _say_unsaved(error)
    return _merged(on_disk, _unsaved)


def records_path() -> Path | None:
    """Where records go; None means memory only."""
    if named := os.environ.get("COURSE_PROGRESS"):
        return Path(named).expanduser()
    return None if strict_checks() else DEFAULT_PATH


def _entry(kind: str, value: Mapping[str, Any] | str) -> dict[str, Any]:
    entry = {"state": value} if isinstance(value, str) else dict(value)
    if kind == "exercise" and entry.get("state") not in STATES:
        raise ValueError(f"state is one of {', '.join(STATES)}; got {entry.get('state')!r}")
    if kind == "prediction" and (lesson := _lesson_of_this_notebook()):
        entry.setdefault("lesson", lesson)
    copy: dict[str, Any] = json.loads(json.dumps(entry))
    return copy


def _lesson_of_this_notebook() -> str | None:
    """The number "01" in a kernel that JupyterLab started for 01_anything.ipynb."""
    name = os.environ.get("JPY_SESSION_NAME", "").replace("\\", "/").rpartition("/")[2]
    found = re.match(r"(\d\d)_", name)
    return found[1] if found else None


def _merged(old: Records, new: Records) -> Records:
    """The newer entry of each key; an exercise remembers that it was passed at some time."""
    merged = {kind: old[kind] | new[kind] for kind in KINDS}
    for key, entry in merged["exercise"].items():
        before = old["exercise"].get(key, {}).get("ever_passed", False)
        entry["ever_passed"] = before or entry["state"] == PASSED or entry.get("ever_passed", False)
    return merged


def _save(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            _write(path, _merged(_load(path), _unsaved))
    except (OSError, NotImplementedError) as error:
        _say_unsaved(error)
    else:
        for entries in _unsaved.values():
            entries.clear()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one kernel reads and writes; a file system without locks raises, see `_save`."""
    from filelock import FileLock

    with FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_SECONDS):
        yield


def _write(path: Path, records: Records) -> None:
    """Replaces the file in one step, so that a reader never sees half of it."""
    new = path.with_name(path.name + ".new")  # its name is ours: the lock is held
    new.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(new, path)


def _load_under_lock(path: Path) -> Records:
    try:
        with _locked(path):
            return _load(path)
    except (OSError, NotImplementedError) as error:
        _say_unsaved(error)
        return {kind: {} for kind in KINDS}


def _load(path: Path) -> Records:
    """The file's records; a damaged file is set aside and named. The lock is held."""
    try:
        return _parse(path)
    except ValueError as error:
        aside = _free_name(path)
        os.replace(path, aside)
        print(f"Your progress file was damaged ({error}). It is now {aside}; a new one begins.")
        return {kind: {} for kind in KINDS}


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _parse(path: Path) -> Records:
    """The records in a file, none when there is no file; ValueError when it is not ours."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {kind: {} for kind in KINDS}
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, not an object")
    records: Records = {kind: content.get(kind, {}) for kind in KINDS}
    for kind, entries in records.items():
        if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
            raise ValueError(f"its {kind} entries are not objects")
    for key, entry in records["exercise"].items():
        if entry.get("state") not in STATES:
            raise ValueError(f"exercise {key} has the state {entry.get('state')!r}")
    return records


def _say_unsaved(error: Exception) -> None:
    if "unsaved" not in _said:
        _said.add("unsaved")
        print(
            f"Your progress is not saved ({error}). It is kept while this kernel runs; "
            "set COURSE_PROGRESS to a file that can be written to keep it longer."
        )
