"""`collect`: what students handed in elsewhere, put where nbgrader looks for it.

Folders, and the zip files that Canvas, Moodle and Gradescope give to download, told apart by the
names of the files in them (`collect_names`). Names and contents are the students': nothing is
unpacked to a path of theirs, and nothing is read beyond its limit (`collect_files`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from helpers.instructor.collect_files import METADATA, printable, read_files
from helpers.instructor.collect_names import (
    Found,
    compile_patterns,
    find_root,
    name_notebook,
    plain_path,
    read_gradescope,
)
from helpers.instructor.course import Course, CourseError, lesson_stem


@dataclass
class Collected:
    """What a collection did: notebooks by student, and what was left out, with the reason."""

    students: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def collect(
    source: Path, course: Course, lesson_name: str, *, pattern: str | None = None
) -> Collected:
    """Copies the notebooks of a folder or zip file to `submitted/<student>/<lesson>/`.

    `pattern`: a regular expression over a file's path, with a group `student`. Raises CourseError
    for a source that is neither, a broken zip file, or when nothing fits.
    """
    stem = lesson_stem(lesson_name)
    collected = Collected()
    found = list(_find(source, stem, compile_patterns(pattern, stem), collected, own=bool(pattern)))
    if not found:
        raise CourseError(f"no notebook was recognized in {source}; see --pattern")
    keys: dict[str, set[str]] = {}
    for item in found:
        keys.setdefault(item.student, set()).add(item.key)
    chosen: dict[tuple[str, str], Found] = {}
    for item in found:
        several = len(keys[item.student]) > 1
        target = (f"{item.student}-{item.key}" if several else item.student, item.name)
        if target in chosen:
            item, other = _choose(chosen[target], item)
            collected.skipped[printable(other.path)] = f"{printable(item.path)} is taken instead"
        chosen[target] = item
    for (student, name), item in tqdm(chosen.items(), desc="collect", unit="notebook"):
        _place(course.root / "submitted" / student / stem, name, item)
        collected.students.setdefault(student, []).append(name)
    return collected


def _choose(one: Found, later: Found) -> tuple[Found, Found]:
    """Of two files of one name: the one less deep, or else the one that sorts last; the other."""
    deeper = later.path.count("/") > one.path.count("/")
    return (one, later) if deeper else (later, one)


def _find(
    source: Path, stem: str, patterns: list[re.Pattern[str]], collected: Collected, *, own: bool
) -> Iterator[Found]:
    """The notebooks that patterns fit; `own` ones are the instructor's, for the whole path."""
    contents = read_files(source, collected.skipped)
    root = find_root(list(contents), stem)
    submitters: dict[str, tuple[str, str]] = {}
    for path in [p for p in contents if PurePosixPath(p).name == METADATA]:
        content = contents.pop(path)
        if path in (METADATA, root + METADATA):
            submitters = read_gradescope(content)
        else:
            collected.skipped[printable(path)] = "not at the root of the export"
    for path, content in contents.items():
        below = path if own else plain_path(path).removeprefix(root)
        match = next((m for p in patterns if (m := p.fullmatch(below))), None)
        try:
            if match is None:
                raise CourseError("its path fits no pattern")
            yield name_notebook(match, path, content, submitters, stem)
        except CourseError as error:
            collected.skipped[printable(path)] = str(error)


def _place(folder: Path, name: str, item: Found) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(item.content)
    if item.time:
        (folder / "timestamp.txt").write_text(item.time, encoding="utf-8")
