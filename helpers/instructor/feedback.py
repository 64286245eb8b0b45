"""`feedback`: an HTML page for every graded submission, made by nbgrader."""

from tqdm import tqdm

from helpers.instructor.course import Course, CourseError, explain_failure, lesson_stem, quiet
from helpers.instructor.penalties import update_penalties


def feedback(course: Course, lesson_name: str) -> dict[str, str]:
    """Writes feedback/<student>/<lesson>/<lesson>.html; returns the students it failed for.

    Raises CourseError when nothing is graded yet.
    """
    stem = lesson_stem(lesson_name)
    graded = sorted((course.root / "autograded").glob(f"*/{stem}/{stem}.ipynb"))
    if not graded:
        raise CourseError(
            f"no submission of {stem} is graded yet; first: {course.command('grade', stem)}"
        )
    update_penalties(course, stem)
    api, failed = course.api(), {}
    for path in tqdm(graded, desc="feedback", unit="student"):
        student = path.parents[1].name
        with quiet():
            outcome = api.generate_feedback(stem, student_id=student, force=True)
        if not outcome["success"]:
            failed[student] = explain_failure(outcome)
    return failed
