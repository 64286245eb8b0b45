"""`collect`: what students handed in elsewhere, put where nbgrader looks for it.

Folders, and the zip files that Canvas, Moodle and Gradescope give to download, told apart by the
names of the files in them (`collect_names`). Names and contents are the students': nothing is
unpacked to a path of theirs, nothing is read beyond its limit (`collect_files`), and who hands in
too much loses by it alone.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from helpers.instructor.collect_files import METADATA, File, open_files, printable
from helpers.instructor.collect_names import (
    Found,
    OtherLesson,
    Owner,
    compile_patterns,
    find_owner,
    find_root,
    name_notebook,
    plain_path,
    read_gradescope,
    require_lesson,
)
from helpers.instructor.collect_who import Names
from helpers.instructor.course import Course, CourseError, lesson_stem

MAX_FILES = 200  # notebooks of one learner
MAX_SPACE = 100 << 20  # bytes of one learner's notebooks for one lesson
LATE = "late.txt"  # beside a notebook of which the platform says that it came late
_Fit = tuple[re.Match[str], Owner, str]


@dataclass
class Collected:
    """What a collection did: notebooks by student, and what was left out, with the reason.

    `platforms` says by whose way of naming files each student was recognized; `unclear` holds the
    names as exported of which nobody has said whose they are, `other` those of whom a notebook of
    another lesson was left out, `taken` those of whom one was taken; `late` the students whose
    notebook came late, and who says so.
    """

    students: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    platforms: dict[str, set[str]] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    late: dict[str, str] = field(default_factory=dict)

    def leave_out(self, path: str, reason: CourseError | str, whose: str = "") -> None:
        """Notes that a file, or a folder, is not taken."""
        self.skipped[printable(path)] = str(reason)
        if isinstance(reason, OtherLesson):
            self.other.add(whose)

    @property
    def mostly_other(self) -> bool:
        """Whether more handed in another lesson only than were taken."""
        return len(self.other - self.taken) > len(self.taken)


def collect(
    source: Path, course: Course, lesson_name: str, *, pattern: str | None = None
) -> Collected:
    """Copies the notebooks of a folder or zip file to `submitted/<student>/<lesson>/`.

    `pattern`: a regular expression over a file's path, with a group `student`. Raises CourseError
    for a source that is neither, a broken zip file, a lesson not released, or when nothing fits.
    """
    stem = lesson_stem(lesson_name)
    course.read_release(stem)
    patterns = compile_patterns(pattern, stem)
    collected = Collected()
    with open_files(source) as (files, others):
        export = _Export(files, stem, patterns, collected)
        found = list(export.find())
        export.note_others(others, found)
        grouped = _group(found, course, collected)
        for student, notebooks in tqdm(grouped.items(), desc="collect", unit="student"):
            _place(course.root / "submitted" / student / stem, notebooks, collected)
    if not collected.students and not collected.unclear:
        reasons = [f"\n  {path}: {why}" for path, why in list(collected.skipped.items())[:5]]
        raise CourseError(
            f"no notebook was recognized in {source}; see --pattern{''.join(reasons)}"
        )
    return collected


def _group(
    found: Sequence[Found], course: Course, collected: Collected
) -> dict[str, dict[str, list[Found]]]:
    """The files by student and name; those of which nobody has said whose they are are noted."""
    names = Names(course)
    names.note_shared(found)
    grouped: dict[str, dict[str, list[Found]]] = {}
    for item in found:
        try:
            notebooks = grouped.setdefault(names.student_of(item), {})
        except CourseError as error:
            collected.leave_out(item.path, error)
            collected.unclear.add(item.label)
            continue
        notebooks.setdefault(item.name, []).append(item)
    return grouped


def _place(folder: Path, notebooks: Mapping[str, list[Found]], collected: Collected) -> None:
    """Writes a student's notebooks, the one that has the lesson's name first, while there is room.

    The time is that of the first.
    """
    student, room = folder.parent.name, MAX_SPACE
    for name in sorted(notebooks, key=lambda n: (n != f"{folder.name}.ipynb", n)):
        item = _write_one(folder / name, notebooks[name], room, collected)
        if not item:
            continue
        room -= (folder / name).stat().st_size
        if student not in collected.students:
            _note_time(folder, item, collected)
        collected.students.setdefault(student, []).append(name)
        collected.taken.add(item.label)
        collected.platforms.setdefault(item.platform, set()).add(student)


def _note_time(folder: Path, item: Found, collected: Collected) -> None:
    if item.time:
        (folder / "timestamp.txt").write_text(item.time, encoding="utf-8")
    (folder / LATE).unlink(missing_ok=True)
    if item.late:
        collected.late[folder.parent.name] = item.platform
        told = f"handed in late, says {item.platform}"
        (folder / LATE).write_text(told + "\n", encoding="utf-8")


def _write_one(
    target: Path, items: Sequence[Found], room: int, collected: Collected
) -> Found | None:
    """Writes and returns, of files of one name, the least deep one that can be read.

    Of several the one that sorts last. The others are noted.
    """
    taken = None
    for item in sorted(items, key=lambda i: (-i.path.count("/"), i.path), reverse=True):
        try:
            if taken:
                raise CourseError(f"{printable(taken.path)} is taken instead")
            content = item.read()
            require_lesson(content, target.parent.name)
            if len(content) > room:
                raise CourseError(f"the student's notebooks exceed {MAX_SPACE >> 20} MB with it")
        except CourseError as error:
            collected.leave_out(item.path, error, item.label)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        taken = item
    return taken


class _Export:
    """The files of an export. An own pattern is the instructor's, for the whole path."""

    def __init__(
        self,
        files: Sequence[File],
        stem: str,
        patterns: dict[str, re.Pattern[str]],
        collected: Collected,
    ) -> None:
        self.stem, self.patterns, self.collected = stem, patterns, collected
        self.root = "" if "--pattern" in patterns else find_root([f.path for f in files], stem)
        metadata = (METADATA, self.root + METADATA)
        self.files = [f for f in files if f.path not in metadata]
        self.submitters: dict[str, tuple[str, str, bool]] = {}
        for file in [f for f in files if f.path in metadata]:
            try:
                content = file.read()
            except CourseError as error:
                collected.leave_out(file.path, error)
            else:
                self.submitters = read_gradescope(content)

    def find(self) -> Iterator[Found]:
        """The notebooks that patterns fit, of each learner the first ones."""
        counts: Counter[str] = Counter()
        for file in self.files:
            fit = self._fit(file.path)
            whose = fit[1].label if fit else self._below(file.path).partition("/")[0]
            counts[whose] += 1
            if counts[whose] > MAX_FILES:
                continue
            try:
                yield self._name(file, fit)
            except CourseError as error:
                self.collected.leave_out(file.path, error, whose)
        for whose, count in counts.items():
            if count > MAX_FILES:
                told = f"{count} notebooks; only the first {MAX_FILES} are looked at"
                self.collected.leave_out(whose, told)

    def _name(self, file: File, fit: _Fit | None) -> Found:
        if PurePosixPath(file.path).name == METADATA:
            raise CourseError("not at the root of the export")
        if not fit:
            raise CourseError("its path fits no pattern")
        match, owner, platform = fit
        return replace(name_notebook(match, owner, file, self.stem), platform=platform)

    def _fit(self, path: str) -> _Fit | None:
        """The first pattern that fits a path: how, whose the file is by it, and its platform."""
        below = self._below(path)
        for platform, pattern in self.patterns.items():
            match = pattern.fullmatch(below)
            if match:
                return match, find_owner(match, self.submitters), platform
        return None

    def _below(self, path: str) -> str:
        return path if "--pattern" in self.patterns else plain_path(path).removeprefix(self.root)

    def note_others(self, others: Sequence[str], found: Sequence[Found]) -> None:
        """Says of whom only other files came, such as a PDF: one file a student."""
        known = {item.label for item in found}
        for path in others:
            fit = self._fit(path)
            whose = fit[1].label if fit else self._below(path)
            if not fit and "/" in whose:  # of no student, unless it stands alone
                continue
            if whose not in known:
                known.add(whose)
                self.collected.leave_out(path, "not a notebook")
