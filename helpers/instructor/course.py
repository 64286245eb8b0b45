"""An instructor's course folder: an nbgrader course, and what grading adds to it.

source/ release/ submitted/ autograded/ feedback/ gradebook.db   nbgrader's own
nbgrader_config.py   settings, also for nbgrader's own commands
grading/<lesson>/<student>.json   the outcome of each submission, in words
rubrics.md           how written answers are graded, with model answers
names.csv            who is who, where two students share a name; a person fills it in
.probe-secret        from which fresh probes are drawn; never hand it out
"""

import csv
import io
import json
import logging
import os
import re
import secrets
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from traitlets.config import Config, PyFileConfigLoader

from helpers.instructor.build import release_config
from helpers.instructor.exercises import load_lesson, load_lessons

CONFIG = '''"""nbgrader's settings of this course, for its own commands and for ours."""

from pathlib import Path

c = get_config()  # noqa: F821
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.course_id = {course_id!r}
c.ClearSolutions.code_stub = {{"python": {stub!r}}}
c.ClearSolutions.text_stub = {text!r}
'''
_FORMULA = re.compile(r'(?:\A|(?<![\s;,"])(?=[\s;,"]))[\s;,"]*+(?=[=+\-@＝＋－＠])')


class CourseError(ValueError):
    """A course folder that cannot be used; the message says why and what to do."""


class Course:
    """The course in a folder. Raises CourseError when there is none."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not (self.root / "nbgrader_config.py").is_file():
            raise CourseError(
                f"{self.root} holds no course; name its folder with --course, or make one "
                "in a new folder: python -m helpers.instructor release 01 --course ~/class"
            )

    @property
    def database(self) -> str:
        """The gradebook's address, as nbgrader is configured."""
        address: str = self.api().coursedir.db_url
        return address

    def config(self) -> Config:
        """The course's nbgrader_config.py, as nbgrader's own commands read it."""
        loader = PyFileConfigLoader("nbgrader_config.py", path=str(self.root))
        config: Config = loader.load_config()
        config.CourseDirectory.root = str(self.root)
        return config

    def api(self, extra: Mapping[str, Any] | None = None) -> Any:
        """nbgrader's API on this course, quiet. `extra` is merged into its configuration."""
        import nbgrader.api
        from nbgrader.apps.api import NbGraderAPI

        nbgrader.api.get_alembic_version = _newest_schema
        config = self.config()
        config.merge(Config(extra or {}))
        config.NbGraderAPI.log_level = "ERROR"
        with quiet():
            api = NbGraderAPI(config=config)
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        return api

    def read_release(self, stem: str) -> str:
        """The released notebook of a lesson, as text. Raises CourseError when there is none."""
        path = self.root / "release" / stem / f"{stem}.ipynb"
        if not path.is_file():
            raise CourseError(
                f"{stem} is not released in {self.root}; first: {self.command('release', stem)}"
            )
        return path.read_text(encoding="utf-8")

    def command(self, name: str, stem: str) -> str:
        """The command line that does this with a lesson of this course."""
        return f"python -m helpers.instructor {name} {stem[:2]} --course {self.root}"

    def submitted(self, stem: str) -> dict[str, Path]:
        """The folders handed in for a lesson, by student; also those that are no folders."""
        root = self.root / "submitted"
        found = sorted(root.iterdir()) if root.is_dir() else []
        return {p.name: p / stem for p in found if os.path.lexists(p / stem)}

    def students(self) -> list[str]:
        """Everybody in the gradebook."""
        with quiet(), self.api().gradebook as gradebook:
            return [student.id for student in gradebook.students]

    def unlisted(self, students: Iterable[str]) -> list[str]:
        """Who of these is not in the list of students, if one was imported.

        On a list, somebody has a name or an address; grading adds students without.
        """
        with quiet(), self.api().gradebook as gradebook:
            listed = {s.id for s in gradebook.students if s.first_name or s.last_name or s.email}
        return sorted(set(students) - listed) if listed else []

    def result_path(self, stem: str, student: str) -> Path:
        """Where the outcome of a submission is written."""
        return self.root / "grading" / stem / f"{student}.json"

    def read_result(self, stem: str, student: str) -> dict[str, Any]:
        """The recorded outcome of a submission; empty when there is none."""
        with suppress(OSError, ValueError):
            result: dict[str, Any] = json.loads(self.result_path(stem, student).read_text("utf-8"))
            return result
        return {}

    def secret(self, *, renew: bool = False) -> bytes:
        """What the probes of this course are drawn from; made on first use."""
        path = self.root / ".probe-secret"
        if renew or not path.is_file():
            write_atomically(path, secrets.token_hex(32), mode=0o600)
        return bytes.fromhex(path.read_text())


def make_course(root: Path, course_id: str) -> Course:
    """The course in a folder, made if there is none. Raises CourseError for an unfit folder."""
    config = root / "nbgrader_config.py"
    if not config.exists():
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise CourseError(f"{root} is not empty and holds no course; name a new folder")
        root.mkdir(parents=True, exist_ok=True)
        stubs = release_config().ClearSolutions
        text = CONFIG.format(
            course_id=course_id, stub=stubs.code_stub["python"], text=stubs.text_stub
        )
        config.write_text(text, encoding="utf-8")
    return Course(root)


def lesson_stem(name: str) -> str:
    """The stem of a lesson, such as "01_initialization", from it or its number.

    Raises CourseError naming the lessons that there are.
    """
    stem = ""
    full = name.zfill(2) if name.isdecimal() else name  # 1 is 01
    if re.fullmatch(r"\d\d(_\w+)?", full):
        with suppress(ValueError):
            stem = load_lesson(full[:2]).stem
    if full not in (stem, stem[:2]) or not stem:
        there = ", ".join(lesson.stem for lesson in load_lessons())
        raise CourseError(f"there is no lesson {name!r}; there are: {there}")
    return stem


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Writes a file so that at any moment it is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The lines of a CSV file (commas or semicolons) that has these columns. Raises CourseError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        semicolons = ";" in text.partition("\n")[0]
        rows = csv.DictReader(io.StringIO(text), delimiter=";" if semicolons else ",")
        there, lines = list(rows.fieldnames or []), list(rows)
    except FileNotFoundError:
        raise CourseError(f"there is no file {path}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as a CSV file in UTF-8: {error}") from error
    if any(column not in there for column in columns):
        has = f"it has {', '.join(there)}" if there else "it is empty"
        raise CourseError(f"{path} needs the columns {' and '.join(columns)}; {has}")
    return [{k: (v or "").strip() for k, v in row.items() if k} for row in lines]


def harmless(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula, whatever it takes to divide a line.

    Where a decimal comma is in use that is a semicolon; quotes do not keep it, nor line ends.
    """
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, str):
        return value
    text = _FORMULA.sub(_quote_formula, value)
    return f"'{text}" if text[:1] in ("\t", "\r", "\n") else text


def _quote_formula(before: re.Match[str]) -> str:
    divides = before.start() == 0 or set(before[0]) & set(';,"\t\r\n')
    return f"{before[0]}'" if divides else before[0]


def require_folder(path: Path) -> None:
    """Before the work: that a file can be written there. Raises CourseError."""
    if not path.resolve().parent.is_dir():
        raise CourseError(f"the folder {path.resolve().parent} does not exist; make it first")
    if path.is_dir():
        raise CourseError(f"{path} is a folder; name a file in it")


@contextmanager
def quiet() -> Iterator[None]:
    """nbgrader's own warnings (of its database layer, of deprecated calls) are not the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def explain_failure(outcome: Mapping[str, Any]) -> str:
    """What nbgrader says of a command that failed: its log names the error, its trace does not."""
    text = str(outcome.get("log") or outcome.get("error") or "")
    errors = re.findall(r"^\s*([\w.]*(?:Error|Exception|Missing\w*)\b.*)$", text, re.MULTILINE)
    lines = errors or text.strip().splitlines() or ["nbgrader gave no reason"]
    return str(lines[-1]).strip()


def _newest_schema() -> str:
    """The version of nbgrader's database, from its own files.

    nbgrader starts the program `alembic` for it: seconds for each new gradebook, and an error
    where that program is not on PATH, as in an environment that is not activated.
    """
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())
