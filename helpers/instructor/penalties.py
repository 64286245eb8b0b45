"""Late penalties, as nbgrader is configured, of the due dates, times and points that there are now.

nbgrader works them out while it grades: a due date that is set later, or points that are given by
hand later, would change nothing.
"""

from nbgrader.api import MissingEntry
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc

from helpers.instructor.course import Course, quiet
from helpers.instructor.record import read_timestamp


def update_penalties(course: Course, stem: str) -> None:
    """Writes the times of `submitted/` and the penalties of a lesson into the gradebook."""
    api = course.api()
    step = AssignLatePenalties(config=api.config)
    step.init_plugin()
    submitted = course.submitted(stem)
    with quiet(), api.gradebook as gradebook:
        try:
            submissions = gradebook.find_assignment(stem).submissions
        except MissingEntry:
            return
        for submission in submissions:
            student = submission.student.id
            if student in submitted:
                text, _ = read_timestamp(submitted[student])
                submission.timestamp = parse_utc(text) if text else None
            late = submission.total_seconds_late
            for notebook in submission.notebooks:
                penalty = None
                if late:
                    ask = step.plugin_inst.late_submission_penalty
                    penalty = ask(student, notebook.score, late)
                if penalty is not None:
                    penalty = min(max(penalty, 0.0), notebook.score)
                notebook.late_submission_penalty = penalty
        gradebook.db.commit()
