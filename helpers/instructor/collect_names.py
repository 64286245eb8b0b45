"""Whose a file of an export is: the names that Canvas, Moodle and Gradescope give to files."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from helpers.instructor.collect_files import METADATA
from helpers.instructor.course import CourseError

MAX_NAME = 200  # bytes; file systems allow 255

# Path in the export, below its root -> student. Only the first component tells whose a file is:
# the folders below are the student's. The first pattern that fits counts.
PATTERNS = {
    "moodle": r"(?P<student>[^/]+?)_(?P<key>\d{1,20})_assignsubmission_\w+?_(?:/(?:.*/)?)?"
    r"(?P<file>[^/]*)",
    "canvas": r"(?P<student>[^/_]+)_(?:LATE_)?(?P<key>\d{1,20})_\d+_(?P<file>[^/]+)",
    "gradescope": r"(?P<student>submission_(?P<key>\d{1,20}))/(?:.*/)?(?P<file>[^/]+)",
    "nbgrader": r"(?P<student>[^/]+)/{stem}/(?:.*/)?(?P<file>[^/]+)",
    "folders": r"(?P<student>[^/]+)/(?:.*/)?(?P<file>[^/]+)",
    "files": r"(?P<student>[^/]+?)(?:[_-]{stem})?(?P<file>\.ipynb)",
}


@dataclass(frozen=True)
class Found:
    """One notebook of an export: whose, under which file name, and its bytes."""

    student: str
    key: str  # the platform's number, which tells two students of one name apart
    name: str
    path: str
    content: bytes
    time: str = ""


def compile_patterns(pattern: str | None, stem: str) -> list[re.Pattern[str]]:
    """The instructor's own pattern, or all known ones. Raises CourseError for an unfit one."""
    texts = [pattern] if pattern else [p.replace("{stem}", stem) for p in PATTERNS.values()]
    try:
        compiled = [re.compile(text) for text in texts]
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}") from error
    if any("student" not in p.groupindex for p in compiled):
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
    marks = [re.compile(PATTERNS[name]) for name in ("moodle", "canvas")]
    flat = ["/".join(p[1:]) for p in notebooks if len(p) == 2]
    named = all(any(m.fullmatch(name) for m in marks) for name in flat)
    return f"{root}/" if named and all(len(p) > 1 for p in parts) else ""


def name_notebook(
    match: re.Match[str],
    path: str,
    content: bytes,
    submitters: dict[str, tuple[str, str]],
    stem: str,
) -> Found:
    """Whose notebook a path that fits a pattern is. Raises CourseError when no name is left."""
    groups = match.groupdict()
    student, time = submitters.get(groups["student"], (groups["student"], ""))
    known = groups["student"] in submitters
    name = groups.get("file") or PurePosixPath(path).name
    # Canvas numbers what is handed in again: name-1.ipynb
    again = re.sub(r"-\d+(?=\.ipynb$)", "", name)
    lesson = again in (f"{stem}.ipynb", ".ipynb")
    name = f"{stem}.ipynb" if lesson else f"{slug(name.removesuffix('.ipynb'))}.ipynb"
    key = "" if known else groups.get("key") or ""
    return Found(slug(student), key, name, path, content, time)


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


def read_gradescope(content: bytes) -> dict[str, tuple[str, str]]:
    """Gradescope's submission_metadata.yml: folder -> (email or name of who handed in, when).

    Raises CourseError when it is not of that form.
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


def _read_submitter(entry: dict[str, object]) -> tuple[str, str]:
    submitters = entry[":submitters"]
    first = submitters[0]  # type: ignore[index]
    who = first.get(":sid") or first.get(":email") or first.get(":name")
    time = entry.get(":created_at")
    return str(who), str(time) if time else ""
