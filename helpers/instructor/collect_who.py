"""Two students of one name: a person decides who is who, in the course's names.csv.

The number that a platform puts behind a name tells two students apart in one export only: Moodle
draws it anew for each assignment. So no number becomes part of a student's name here, and a name
that was shared once is asked about in every later export.
"""

import csv
import io
from collections.abc import Sequence

from helpers.instructor.collect_names import Found, slug
from helpers.instructor.course import (
    Course,
    CourseError,
    harmless,
    read_table,
    write_atomically,
)

COLUMNS = ("name", "student")


class Names:
    """The lines of names.csv: a name as an export has it, such as Ann_2001, and the student."""

    def __init__(self, course: Course) -> None:
        self.root, self.path = course.root, course.root / "names.csv"
        self.rows = read_table(self.path, COLUMNS) if self.path.exists() else []
        self.students = {_split(row["name"]): row["student"] for row in self.rows if row["name"]}

    def note_shared(self, found: Sequence[Found]) -> None:
        """Adds a line, its student left open, for each new bearer of a name that is shared."""
        numbers: dict[str, set[str]] = {}
        for item in found:
            numbers.setdefault(item.student, set()).add(item.key)
        shared = {name for name, keys in numbers.items() if len(keys) > 1} | self._shared()
        new = {
            (item.student, item.key): item.label
            for item in found
            if item.student in shared and (item.student, item.key) not in self.students
        }
        if not new:
            return
        empty = dict.fromkeys(self.rows[0] if self.rows else COLUMNS, "")
        self.rows += [empty | {"name": str(harmless(label))} for label in new.values()]
        self.students |= dict.fromkeys(new, "")
        self._write()

    def student_of(self, item: Found) -> str:
        """Whose a notebook is. Raises CourseError when its name is shared and nobody decided."""
        if item.student not in self._shared():
            return item.student
        student = self.students.get((item.student, item.key), "")
        if student:
            return slug(student)
        taken = (self.root / "submitted" / item.student).exists()
        older = f"; submitted/{item.student} is one of them, from before" if taken else ""
        raise CourseError(
            f"more than one student is called {item.student}{older}; write who {item.label} is "
            f"into {self.path}, then collect again"
        )

    def _shared(self) -> set[str]:
        return {name for name, _ in self.students}

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]))
        writer.writeheader()
        writer.writerows(self.rows)
        # the mark at the start is for spreadsheets, which would break umlauts without it
        write_atomically(self.path, "\ufeff" + text.getvalue(), mode=0o600)


def _split(label: str) -> tuple[str, str]:
    """A name and its number; the number is "" when there is none."""
    name, _, number = label.rpartition("_")
    return (slug(name), number) if name and number.isdecimal() else (slug(label), "")
