"""Whose a file of an export is: the names that Canvas, Moodle and Gradescope give to files."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

import yaml

from helpers.instructor.build import find_sources
from helpers.instructor.collect_files import METADATA, File
from helpers.instructor.course import CourseError

_LESSON = re.compile(rb'"course"\s*:\s*\{\s*"lesson"\s*:\s*"(\d\d)"')
MAX_NAME = 200  # bytes; file systems allow 255

# Path in the export, below its root -> student, by the name of what gives such paths. Only the
# first component tells whose a file is: the folders below are the student's. The first pattern
# that fits counts.
PATTERNS = {
    "Moodle": r"(?P<student>[^/]+?)_(?P<key>\d{1,20})_assignsubmission_[a-z]+"
    r"(?:_?/(?:.*/)?|_)(?P<file>[^/]*)",
    "Canvas": r"(?P<student>[^/_]+)_(?P<late>LATE_)?(?P<key>\d{1,20})_\d+_(?P<file>[^/]+)",
    "Gradescope": r"(?P<student>submission_(?P<key>\d{1,20}))/(?:.*/)?(?P<file>[^/]+)",
    "nbgrader's folders": r"(?P<student>[^/]+)/{stem}/(?:.*/)?(?P<file>[^/]+)",
    "a folder for each student": r"(?P<student>[^/]+)/(?:.*/)?(?P<file>[^/]+)",
    "a file for each student": r"(?P<student>[^/]+?)(?:[_-]{stem})?(?P<file>\.ipynb)",
}


class OtherLesson(CourseError):
    """A notebook of another lesson than the one that is collected."""


class Owner(NamedTuple):
    """Whose a file is, as the export has it, and when it came."""

    student: str
    key: str = ""  # see Found
    time: str = ""
    late: bool = False

    @property
    def label(self) -> str:
        """The name with the platform's number."""
        return f"{self.student}_{self.key}" if self.key else self.student


@dataclass(frozen=True)
class Found:
    """One notebook of an export: whose, under which file name, and what reads its bytes."""

    student: str
    key: str  # the platform's number, which tells two students of one name apart in this export
    name: str
    path: str
    read: Callable[[], bytes]
    time: str = ""
    label: str = ""  # the student's name as the export has it, with the number
    platform: str = ""
    late: bool = False  # says the platform


def compile_patterns(pattern: str | None, stem: str) -> dict[str, re.Pattern[str]]:
    """The instructor's own pattern, or all known ones. Raises CourseError for an unfit one."""
    texts = {"--pattern": pattern} if pattern else PATTERNS
    try:
        compiled = {n: re.compile(t.replace("{stem}", stem)) for n, t in texts.items()}
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}") from error
    if any("student" not in p.groupindex for p in compiled.values()):
        raise CourseError("--pattern needs a group (?P<student>...)")
    return compiled


def plain_path(path: str) -> str:
    """A path without the parts that lead nowhere, or out."""
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def find_root(paths: list[str], stem: str) -> str:
    """The folder, with a slash, that an export wraps all in; "" where the first one is a student's.

    With a single folder the names decide: one of a platform's or of nbgrader's is a student's.
    """
    parts = [plain_path(p).split("/") for p in paths]
    first = {p[0] for p in parts}
    notebooks = [p for p in parts if p[-1] != METADATA]
    if len(first) != 1 or not notebooks:
        return ""
    root = first.pop()
    if re.fullmatch(r"submission_\d+|.+_\d+_assignsubmission_.*", root):
        return ""
    if all(len(p) > 2 and p[1] == stem for p in notebooks):
        return ""
    marks = [re.compile(PATTERNS[name]) for name in ("Moodle", "Canvas")]
    flat = ["/".join(p[1:]) for p in notebooks if len(p) == 2]
    named = all(any(m.fullmatch(name) for m in marks) for name in flat)
    return f"{root}/" if named and all(len(p) > 1 for p in parts) else ""


def find_owner(match: re.Match[str], submitters: Mapping[str, tuple[str, str, bool]]) -> Owner:
    """Whose a file is that a pattern fits."""
    groups = match.groupdict()
    given = groups["student"]
    student, time, sure = submitters.get(given, (given, "", False))
    key = "" if sure else groups.get("key") or ""
    return Owner(student, key, time, bool(groups.get("late")))


def name_notebook(match: re.Match[str], owner: Owner, file: File, stem: str) -> Found:
    """What a notebook that a pattern fits is to be called, and whose it is.

    Raises CourseError when no name is left, OtherLesson for a file that is named as another.
    """
    _require_fit(file.path, owner.student, stem)
    name = match.groupdict().get("file") or PurePosixPath(file.path).name
    # Canvas numbers what is handed in again: name-1.ipynb
    again = re.sub(r"-\d+(?=\.ipynb$)", "", name)
    lesson = again in (f"{stem}.ipynb", ".ipynb")
    name = f"{stem}.ipynb" if lesson else f"{slug(name.removesuffix('.ipynb'))}.ipynb"
    student = slug(owner.student)
    return Found(
        student, owner.key, name, file.path, file.read, owner.time, owner.label, late=owner.late
    )


def _require_fit(path: str, student: str, stem: str) -> None:
    other = find_other_lesson(path, stem)
    if other:
        raise OtherLesson(f"is named as another lesson, {other}")
    if re.fullmatch(rf"{re.escape(stem)}[\W\d_]*", student):
        raise CourseError("no student can be read from its path; see --pattern")


def find_other_lesson(path: str, stem: str) -> str:
    """The lesson that a file is named after, if it is another one; else ""."""
    name = PurePosixPath(path).name.removesuffix(".ipynb")
    stems = [source.stem for source in find_sources()]
    named = [s for s in stems if re.search(rf"(^|[_-]){re.escape(s)}[\W\d_]*$", name)]
    return named[0] if named and stem not in named else ""


def require_lesson(content: bytes, stem: str) -> None:
    """Raises OtherLesson for a notebook whose metadata names other lessons only.

    Whatever the file holds: in a cell's text or output these quotes have backslashes.
    """
    named = {number.decode() for number in _LESSON.findall(content)}
    if named and stem[:2] not in named:
        raise OtherLesson(f"is lesson {min(named)} by its contents")


def slug(name: str) -> str:
    """A student's name as the name of a folder: letters, digits, dots, dashes; 200 bytes at most.

    Raises CourseError when nothing is left.
    """
    plain = unicodedata.normalize("NFKC", name).strip().lower()
    kept = re.sub(r"[^\w.@-]+", "-", plain).strip("-._")
    kept = kept.encode()[:MAX_NAME].decode(errors="ignore")
    if not kept:
        raise CourseError(f"a name cannot be read from {name[:200]!r}; see --pattern")
    return kept


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Without aliases: a few lines of them unfold to gigabytes, and Gradescope writes none."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


def read_gradescope(content: bytes) -> dict[str, tuple[str, str, bool]]:
    """Gradescope's submission_metadata.yml: folder -> who handed in, when, and whether it is sure.

    A number or an address is one person's, a name may be two persons'. Raises CourseError when it
    is not of that form.
    """
    try:
        # Ruby's keys begin with a colon: {submission_1: {":submitters": [{":email": ...}]}}
        entries = yaml.load(content, _PlainLoader)
        return {
            str(folder): _read_submitter(entry)
            for folder, entry in entries.items()
            if isinstance(entry, dict) and entry.get(":submitters")
        }
    except (yaml.YAMLError, AttributeError, TypeError, IndexError, RecursionError) as error:
        raise CourseError(f"submission_metadata.yml cannot be read: {error}") from error


def _read_submitter(entry: dict[str, object]) -> tuple[str, str, bool]:
    submitters = entry[":submitters"]
    first = submitters[0]  # type: ignore[index]
    sure = first.get(":sid") or first.get(":email")
    time = entry.get(":created_at")
    return str(sure or first.get(":name")), str(time) if time else "", bool(sure)
