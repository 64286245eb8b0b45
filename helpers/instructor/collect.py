"""`collect`: what students handed in elsewhere, put where nbgrader looks for it.

Folders, and the zip files that Canvas, Moodle and Gradescope give to download, told apart by the
names of the files in them. Names and contents are the students': nothing is unpacked to a path of
theirs, and nothing is read beyond its limit.
"""

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml
from tqdm import tqdm

from helpers.instructor.course import Course, CourseError, lesson_stem
from helpers.instructor.restore import MAX_FILE

MAX_FILES = 20_000
MAX_NAME = 200  # bytes; file systems allow 255
MAX_METADATA = 20 << 20  # bytes
_LINK = 0o120000  # the mode of a symbolic link in a zip file

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
_METADATA = "submission_metadata.yml"


@dataclass(frozen=True)
class Found:
    """One notebook of an export: whose, under which file name, and its bytes."""

    student: str
    key: str  # the platform's number, which tells two students of one name apart
    name: str
    path: str
    content: bytes
    time: str = ""


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
    found = list(_find(source, stem, _compile(pattern, stem), collected, own=bool(pattern)))
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
            collected.skipped[_printable(other.path)] = f"{_printable(item.path)} is taken instead"
        chosen[target] = item
    for (student, name), item in tqdm(chosen.items(), desc="collect", unit="notebook"):
        _place(course.root / "submitted" / student / stem, name, item)
        collected.students.setdefault(student, []).append(name)
    return collected


def _choose(one: Found, later: Found) -> tuple[Found, Found]:
    """Of two files of one name: the one less deep, or else the one that sorts last; the other."""
    deeper = later.path.count("/") > one.path.count("/")
    return (one, later) if deeper else (later, one)


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def _compile(pattern: str | None, stem: str) -> list[re.Pattern[str]]:
    texts = [pattern] if pattern else [p.replace("{stem}", stem) for p in PATTERNS.values()]
    try:
        compiled = [re.compile(text) for text in texts]
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}") from error
    if any("student" not in p.groupindex for p in compiled):
        raise CourseError("--pattern needs a group (?P<student>...)")
    return compiled


def _find(
    source: Path, stem: str, patterns: list[re.Pattern[str]], collected: Collected, *, own: bool
) -> Iterator[Found]:
    """The notebooks that patterns fit; `own` ones are the instructor's, for the whole path."""
    if source.is_dir():
        files = _read_folder(source, collected)
    elif zipfile.is_zipfile(source):
        files = _read_zip(source, collected)
    else:
        raise CourseError(f"{source} is neither a folder nor a zip file")
    contents = dict(files)
    root = find_root(list(contents), stem)
    submitters: dict[str, tuple[str, str]] = {}
    for path in [p for p in contents if PurePosixPath(p).name == _METADATA]:
        content = contents.pop(path)
        if path in (_METADATA, root + _METADATA):
            submitters = read_gradescope(content)
        else:
            collected.skipped[_printable(path)] = "not at the root of the export"
    for path, content in contents.items():
        below = path if own else _plain(path).removeprefix(root)
        match = next((m for p in patterns if (m := p.fullmatch(below))), None)
        try:
            if match is None:
                raise CourseError("its path fits no pattern")
            yield _name(match, path, content, submitters, stem)
        except CourseError as error:
            collected.skipped[_printable(path)] = str(error)


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def find_root(paths: list[str], stem: str) -> str:
    """The folder, with a slash, that an export wraps all in; "" where the first one is a student's.

    With a single folder the names decide: one of a platform's or of nbgrader's is a student's.
    """
    parts = [_plain(p).split("/") for p in paths]
    first = {p[0] for p in parts}
    notebooks = [p for p in parts if p[-1] != _METADATA]
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


def _name(
    match: re.Match[str],
    path: str,
    content: bytes,
    submitters: dict[str, tuple[str, str]],
    stem: str,
) -> Found:
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


def _read_folder(source: Path, collected: Collected) -> Iterator[tuple[str, bytes]]:
    for count, path in enumerate(sorted(source.rglob("*"))):
        if count > MAX_FILES:
            raise CourseError(f"{source} holds more than {MAX_FILES} files")
        name = path.relative_to(source).as_posix()
        if not _wanted(name) or path.is_dir():
            continue
        if path.is_symlink() or not path.is_file():
            collected.skipped[_printable(name)] = "a link or a device"
        elif path.stat().st_size > _limit(name):
            collected.skipped[_printable(name)] = f"larger than {MAX_FILE >> 20} MB"
        else:
            yield name, path.read_bytes()


def _read_zip(source: Path, collected: Collected) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_FILES:
                raise CourseError(f"{source} holds more than {MAX_FILES} files")
            for entry in sorted(entries, key=lambda e: e.filename):
                if entry.is_dir() or not _wanted(entry.filename):
                    continue
                content = _read_entry(archive, entry)
                if isinstance(content, str):
                    collected.skipped[_printable(entry.filename)] = content
                else:
                    yield entry.filename, content
    except zipfile.BadZipFile as error:
        raise CourseError(f"{source} is a broken zip file: {error}") from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | str:
    """Its bytes, or why it is left out. What it says of its size is not believed."""
    if entry.external_attr >> 16 & 0o170000 == _LINK:
        return "a link or a device"
    if entry.flag_bits & 1:
        return "encrypted"
    limit = _limit(entry.filename)
    try:
        with archive.open(entry) as file:
            content = file.read(limit + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        return f"cannot be read: {error}"
    return content if len(content) <= limit else f"larger than {limit >> 20} MB"


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(re.match(r"__MACOSX|\.[^.]", part) for part in path.parts)
    return path.name == _METADATA or (path.suffix == ".ipynb" and not hidden)


def _limit(name: str) -> int:
    return MAX_METADATA if name.endswith(".yml") else MAX_FILE


def _place(folder: Path, name: str, item: Found) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(item.content)
    if item.time:
        (folder / "timestamp.txt").write_text(item.time, encoding="utf-8")
