"""`collect`: what students handed in elsewhere, put where nbgrader looks for it.

Folders, and the zip files that Canvas, Moodle and Gradescope give to download, told apart by the
names of the files in them (`collect_names`). Names and contents are the students': nothing is
unpacked to a path of theirs, and nothing is read beyond its limit (`collect_files`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
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
from helpers.instructor.collect_who import Names
from helpers.instructor.course import Course, CourseError, lesson_stem


@dataclass
class Collected:
    """What a collection did: notebooks by student, and what was left out, with the reason.

    `platforms` says by whose way of naming files each student was recognized; `unclear` holds the
    names as exported of which nobody has said whose they are.
    """

    students: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    platforms: dict[str, set[str]] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)


def collect(
    source: Path, course: Course, lesson_name: str, *, pattern: str | None = None
) -> Collected:
    """Copies the notebooks of a folder or zip file to `submitted/<student>/<lesson>/`.

    `pattern`: a regular expression over a file's path, with a group `student`. Raises CourseError
    for a source that is neither, a broken zip file, a lesson not released, or when nothing fits.
    """
    stem = lesson_stem(lesson_name)
    course.read_release(stem)
    collected = Collected()
    export = _Export(source, stem, compile_patterns(pattern, stem), collected.skipped)
    found = list(export.find())
    if not found:
        reasons = [f"\n  {path}: {why}" for path, why in list(collected.skipped.items())[:5]]
        raise CourseError(
            f"no notebook was recognized in {source}; see --pattern{''.join(reasons)}"
        )
    export.note_others(found)
    chosen = _choose_all(found, course, collected)
    for (student, name), item in tqdm(chosen.items(), desc="collect", unit="notebook"):
        _place(course.root / "submitted" / student / stem, name, item)
        collected.students.setdefault(student, []).append(name)
        collected.platforms.setdefault(item.platform, set()).add(student)
    return collected


def _choose_all(
    found: Sequence[Found], course: Course, collected: Collected
) -> dict[tuple[str, str], Found]:
    """One notebook for each student and file name; what is not taken is noted."""
    names = Names(course)
    names.note_shared(found)
    chosen: dict[tuple[str, str], Found] = {}
    for item in found:
        try:
            target = (names.student_of(item), item.name)
        except CourseError as error:
            collected.skipped[printable(item.path)] = str(error)
            collected.unclear.add(item.label)
            continue
        if target in chosen:
            item, other = _choose(chosen[target], item)
            collected.skipped[printable(other.path)] = f"{printable(item.path)} is taken instead"
        chosen[target] = item
    return chosen


def _choose(one: Found, later: Found) -> tuple[Found, Found]:
    """Of two files of one name: the one less deep, or else the one that sorts last; the other."""
    deeper = later.path.count("/") > one.path.count("/")
    return (one, later) if deeper else (later, one)


class _Export:
    """The files of an export. An own pattern is the instructor's, for the whole path."""

    def __init__(
        self, source: Path, stem: str, patterns: dict[str, re.Pattern[str]], skipped: dict[str, str]
    ) -> None:
        self.stem, self.patterns, self.skipped = stem, patterns, skipped
        self.others: list[str] = []  # files that are no notebooks
        self.contents = read_files(source, skipped, self.others)
        self.root = "" if "--pattern" in patterns else find_root(list(self.contents), stem)
        self.submitters: dict[str, tuple[str, str, bool]] = {}
        for path in [p for p in self.contents if PurePosixPath(p).name == METADATA]:
            content = self.contents.pop(path)
            if path in (METADATA, self.root + METADATA):
                self.submitters = read_gradescope(content)
            else:
                skipped[printable(path)] = "not at the root of the export"

    def find(self) -> Iterator[Found]:
        """The notebooks that patterns fit."""
        for path, content in self.contents.items():
            try:
                yield self._name(path, content)
            except CourseError as error:
                self.skipped[printable(path)] = str(error)

    def _name(self, path: str, content: bytes) -> Found:
        below = path if "--pattern" in self.patterns else self._below(path)
        for platform, pattern in self.patterns.items():
            match = pattern.fullmatch(below)
            if match:
                found = name_notebook(match, path, content, self.submitters, self.stem)
                return replace(found, platform=platform)
        raise CourseError("its path fits no pattern")

    def _below(self, path: str) -> str:
        return plain_path(path).removeprefix(self.root)

    def note_others(self, found: Sequence[Found]) -> None:
        """Says of whom only other files came, such as a PDF: one file a student."""
        known = {(item.student, item.key) for item in found}
        for path in self.others:
            try:
                item = self._name(path, b"")
            except CourseError:  # of no student, unless it stands alone
                student, key = self._below(path), ""
                if "/" in student:
                    continue
            else:
                student, key = item.student, item.key
            if (student, key) not in known:
                known.add((student, key))
                self.skipped[printable(path)] = "not a notebook"


def _place(folder: Path, name: str, item: Found) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(item.content)
    if item.time:
        (folder / "timestamp.txt").write_text(item.time, encoding="utf-8")
