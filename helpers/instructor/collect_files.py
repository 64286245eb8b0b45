"""The files of an export, a folder or a zip file. They are read one at a time, within limits.

What a zip file says of itself is not believed.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from helpers.instructor.course import CourseError
from helpers.instructor.restore import MAX_FILE
from helpers.instructor.sanitize import one_line

MAX_PATH = 4096
MAX_METADATA = 20 << 20  # bytes
METADATA = "submission_metadata.yml"
_LINK = 0o120000  # the mode of a symbolic link in a zip file
# other ways of packing are unpacked without a limit: 147 bytes of bzip2 hold 160 MB of spaces
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class File(NamedTuple):
    """A file of an export. `read` raises CourseError with the reason when it is to be left out."""

    path: str
    read: Callable[[], bytes]


@contextmanager
def open_files(source: Path) -> Iterator[tuple[list[File], list[str]]]:
    """The notebooks and metadata of a folder or zip file, the least deep first; paths of others.

    They can be read inside the context. Raises CourseError for anything else.
    """
    if source.is_dir():
        yield _sort_out(_list_folder(source))
        return
    with _open_zip(source) as archive:
        entries = (e for e in archive.infolist() if not e.is_dir())
        yield _sort_out(File(e.filename, partial(_read_entry, archive, e)) for e in entries)


def printable(path: str) -> str:
    """A path as one line of text: its bytes may be none, or a terminal's commands."""
    return one_line(path, MAX_PATH)


def _list_folder(source: Path) -> Iterator[File]:
    for path in source.rglob("*"):
        if not path.is_dir():
            name = path.relative_to(source).as_posix()
            yield File(name, partial(_read_path, source, name))


def _open_zip(source: Path) -> zipfile.ZipFile:
    if not source.exists():
        raise CourseError(f"there is no file or folder {source}")
    if not zipfile.is_zipfile(source):
        damaged = "; is it damaged, or downloaded in part?" if source.suffix == ".zip" else ""
        raise CourseError(f"{source} is neither a folder nor a zip file that can be read{damaged}")
    try:
        return zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise CourseError(f"{source} is a broken zip file: {error}") from error


def _sort_out(listed: Iterable[File]) -> tuple[list[File], list[str]]:
    files: list[File] = []
    others: list[str] = []
    for file in listed:
        if _hidden(file.path):
            continue
        if _wanted(file.path):
            files.append(file)
        else:
            others.append(file.path)
    return sorted(files, key=lambda f: (f.path.count("/"), f.path)), sorted(others)


def _read_path(source: Path, name: str) -> bytes:
    path = source / name
    if path.is_symlink() or not path.is_file():
        raise CourseError("a link or a device")
    try:
        with path.open("rb") as file:
            return _read_within(file, _limit(name))
    except OSError as error:
        raise CourseError(f"cannot be read: {error.strerror}") from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.external_attr >> 16 & 0o170000 == _LINK:
        raise CourseError("a link or a device")
    if entry.flag_bits & 1:
        raise CourseError("encrypted")
    if entry.compress_type not in _METHODS:
        raise CourseError("cannot be read: packed otherwise than by deflate; unpack the zip file")
    try:
        with archive.open(entry) as file:
            return _read_within(file, _limit(entry.filename))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise CourseError(f"cannot be read: {printable(str(error))}") from error


def _read_within(file: IO[bytes], limit: int) -> bytes:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise CourseError(f"larger than {limit >> 20} MB")
    return content


def _hidden(name: str) -> bool:
    return any(re.match(r"__MACOSX|\.[^.]", part) for part in PurePosixPath(name).parts)


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name == METADATA or path.suffix == ".ipynb"


def _limit(name: str) -> int:
    return MAX_METADATA if name.endswith(".yml") else MAX_FILE
