"""Reads an export, a folder or a zip file, within limits.

What a zip file says of itself is not believed.
"""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from helpers.instructor.course import CourseError
from helpers.instructor.restore import MAX_FILE
from helpers.instructor.sanitize import one_line

MAX_FILES = 20_000  # notebooks; what else a learner hands in is not read
MAX_PATH = 4096
MAX_METADATA = 20 << 20  # bytes
METADATA = "submission_metadata.yml"
_LINK = 0o120000  # the mode of a symbolic link in a zip file


def read_files(source: Path, skipped: dict[str, str], others: list[str]) -> dict[str, bytes]:
    """The notebooks and Gradescope's metadata in a folder or zip file, by path.

    What is left out is noted in `skipped`, files of another kind in `others`. Raises CourseError
    for anything else.
    """
    if source.is_dir():
        return dict(_read_folder(source, skipped, others))
    if not source.exists():
        raise CourseError(f"there is no file or folder {source}")
    if zipfile.is_zipfile(source):
        return dict(_read_zip(source, skipped, others))
    damaged = "; is it damaged, or downloaded in part?" if source.suffix == ".zip" else ""
    raise CourseError(f"{source} is neither a folder nor a zip file that can be read{damaged}")


def printable(path: str) -> str:
    """A path as one line of text: its bytes may be none, or a terminal's commands."""
    return one_line(path, MAX_PATH)


def _read_folder(
    source: Path, skipped: dict[str, str], others: list[str]
) -> Iterator[tuple[str, bytes]]:
    count = 0
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_dir() or _hidden(name):
            continue
        if not _wanted(name):
            others.append(name)
            continue
        count += 1
        _require_few(source, count)
        if path.is_symlink() or not path.is_file():
            skipped[printable(name)] = "a link or a device"
        elif path.stat().st_size > _limit(name):
            skipped[printable(name)] = f"larger than {MAX_FILE >> 20} MB"
        else:
            yield name, path.read_bytes()


def _read_zip(
    source: Path, skipped: dict[str, str], others: list[str]
) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            names = [e.filename for e in entries]
            _require_few(source, sum(_wanted(n) and not _hidden(n) for n in names))
            for entry in sorted(entries, key=lambda e: e.filename):
                if entry.is_dir() or _hidden(entry.filename):
                    continue
                if not _wanted(entry.filename):
                    others.append(entry.filename)
                    continue
                content = _read_entry(archive, entry)
                if isinstance(content, str):
                    skipped[printable(entry.filename)] = content
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
    except (
        zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error, lzma.LZMAError,
    ) as error:  # fmt: skip
        return f"cannot be read: {error}"
    return content if len(content) <= limit else f"larger than {limit >> 20} MB"


def _require_few(source: Path, count: int) -> None:
    if count > MAX_FILES:
        raise CourseError(f"{source} holds more than {MAX_FILES} notebooks")


def _hidden(name: str) -> bool:
    return any(re.match(r"__MACOSX|\.[^.]", part) for part in PurePosixPath(name).parts)


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name == METADATA or path.suffix == ".ipynb"


def _limit(name: str) -> int:
    return MAX_METADATA if name.endswith(".yml") else MAX_FILE
