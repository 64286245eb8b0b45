"""`release`: lessons as assignments of an nbgrader course, with source, release and gradebook."""

from pathlib import Path

import nbformat
from tqdm import tqdm

from helpers.instructor.build import dump, find_sources, read_source
from helpers.instructor.build import release as release_notebook
from helpers.instructor.course import (
    Course,
    CourseError,
    explain_failure,
    lesson_stem,
    make_course,
    quiet,
    write_atomically,
)
from helpers.instructor.rubrics import write_rubrics


def release(
    lessons: list[str], root: Path, *, course_id: str = "init-and-regularization"
) -> Course:
    """Makes or updates the course in `root` with these lessons ("01" or "01_initialization").

    Raises CourseError when a lesson is unknown or nbgrader refuses it.
    """
    stems = [lesson_stem(name) for name in lessons]
    course = make_course(root, course_id)
    course.secret()
    for stem in tqdm(stems, desc="release", unit="lesson"):
        _release_one(course, stem)
    write_rubrics(course)
    return course


def _release_one(course: Course, stem: str) -> None:
    (source,) = find_sources([stem[:2]])
    solved = read_source(source)
    write_atomically(course.root / "source" / stem / f"{stem}.ipynb", dump(solved))
    with quiet():
        outcome = course.api().generate_assignment(stem, force=True, create=True)
    if not outcome["success"]:
        raise CourseError(f"nbgrader does not release {stem}: {explain_failure(outcome)}")
    path = course.root / "release" / stem / f"{stem}.ipynb"
    if comparable(nbformat.read(path, as_version=4)) != comparable(release_notebook(solved)):
        raise CourseError(
            f"{stem}: nbgrader's release differs from the learner's notebook; "
            "is ClearSolutions set otherwise in nbgrader_config.py?"
        )


def comparable(notebook: nbformat.NotebookNode) -> list[tuple[str, str, dict[str, object]]]:
    """The cells as they must agree: their kind, text and marks."""
    return [
        (cell.cell_type, cell.source, dict(cell.metadata.get("nbgrader", {})))
        for cell in notebook.cells
    ]
