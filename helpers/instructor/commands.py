"""The commands of an instructor: release, collect, grade, feedback, export, leaderboard."""

import argparse
import sys
from collections.abc import Collection, Iterable, Sized
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.instructor.course import Course
    from helpers.instructor.grade import Summary

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SHOWN = 20  # names of students that are listed
LINE = 2000  # characters of a line about one student


def add_commands(commands: "Commands") -> None:
    """Adds the parsers of these commands. What they need is imported when they run."""
    _add_release(commands)
    _add_collect(commands)
    _add_grade(commands)
    made = _add(commands, "feedback", "write an HTML page for every graded submission")
    made.add_argument("lesson", metavar="LESSON", help="01, or 01_initialization")
    made.set_defaults(run=_feedback)
    told = _add(commands, "export", "write all scores to a CSV file")
    told.add_argument("file", type=Path, metavar="scores.csv", help="where to write them")
    told.set_defaults(run=_export)
    _add_leaderboard(commands)


def _add(commands: "Commands", name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument(
        "--course",
        type=Path,
        default=Path("."),
        metavar="DIR",
        help="the course's folder; the current one by default",
    )
    return parser


def _add_release(commands: "Commands") -> None:
    parser = _add(commands, "release", "make lessons into assignments of an nbgrader course")
    parser.add_argument("lessons", nargs="+", metavar="LESSON", help="01, or 01_initialization")
    parser.add_argument(
        "--course-id",
        default="init-and-regularization",
        metavar="NAME",
        help="the name that nbgrader gives a new course (%(default)s)",
    )
    parser.set_defaults(run=_release)


def _add_collect(commands: "Commands") -> None:
    parser = _add(
        commands, "collect", "take in a folder, or a zip file of Canvas, Moodle or Gradescope"
    )
    parser.add_argument("source", type=Path, metavar="DIR_OR_ZIP", help="what was handed in")
    parser.add_argument(
        "--lesson", required=True, metavar="LESSON", help="01, or 01_initialization"
    )
    parser.add_argument(
        "--pattern", metavar="REGEX", help="how to read a path: 'work/(?P<student>[^/]+)/.*'"
    )
    parser.set_defaults(run=_collect)


def _add_grade(commands: "Commands") -> None:
    parser = _add(commands, "grade", "grade what was handed in; a run takes up where one stopped")
    parser.add_argument("lesson", metavar="LESSON", help="01, or 01_initialization")
    parser.add_argument(
        "-j",
        "--jobs",
        type=_positive,
        default=1,
        metavar="N",
        help="submissions graded at a time (1); at most as many as there are cores",
    )
    parser.add_argument(
        "--dask", default="", metavar="ADDRESS", help="use this Dask cluster, tcp://host:8786"
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=30,
        metavar="S",
        help="seconds for a cell, and for the probes of an exercise (30); a notebook may take six "
        "times as long",
    )
    parser.add_argument("--force", action="store_true", help="grade again what has not changed")
    parser.add_argument(
        "--student",
        nargs="+",
        default=[],
        metavar="NAME",
        help="grade only these students, and again if nothing has changed",
    )
    parser.add_argument(
        "--fresh-probes", action="store_true", help="draw new probes; grades everything again"
    )
    parser.add_argument(
        "--trust-submissions",
        action="store_true",
        help="run answers as you, without a box: they can read and write all that you can",
    )
    parser.set_defaults(run=_grade)


def _add_leaderboard(commands: "Commands") -> None:
    parser = _add(commands, "leaderboard", "list who reached what in the capstone, best first")
    parser.add_argument(
        "--aliases", type=Path, metavar="CSV", help="columns student, alias: who asked for one"
    )
    parser.add_argument(
        "--anonymous", action="store_true", help="give everybody an alias, from the course's secret"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write it to a CSV file")
    parser.set_defaults(run=_leaderboard)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"at least 1; got {text}")
    return value


def _release(options: argparse.Namespace) -> int:
    from helpers.instructor.release import release
    from helpers.instructor.rubrics import FILE as RUBRICS

    course = release(options.lessons, options.course, course_id=options.course_id)
    print(f"released in {course.root}; hand out the notebooks in {course.root / 'release'}")
    print(f"how to grade written answers is in {course.root / RUBRICS}; keep it to yourself")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from helpers.instructor.collect import collect
    from helpers.instructor.course import Course

    course = Course(options.course)
    done = collect(options.source, course, options.lesson, pattern=options.pattern)
    for name, reason in done.skipped.items():
        print(f"left out: {name!r}: {reason}", file=sys.stderr)
    for platform, students in done.platforms.items():
        print(f"{platform}: {count(students, 'student')}: {_list(students)}")
    left = f"{count(done.skipped, 'file')} left out"
    print(f"collected {count(done.students, 'student')}; {left}")
    for platform in sorted(set(done.late.values())):
        late = [student for student, said in done.late.items() if said == platform]
        print(f"handed in late, says {platform}: {_list(late)}")
    _warn_of_unlisted(course, done.students)
    if done.mostly_other:
        others = count(done.other - done.taken, "student")
        there = f"{others} handed in other lessons only, {count(done.taken, 'student')} this one"
        told = f"{there}. Is it the right file, and the right --lesson?"
        print(f"error: {told}", file=sys.stderr)
    return 1 if done.unclear or done.mostly_other else 0


def _warn_of_unlisted(course: "Course", students: Iterable[str]) -> None:
    unlisted = course.unlisted(students)
    if unlisted:
        told = f"not in the student list, where id must be this name: {_list(unlisted)}"
        print(told, file=sys.stderr)


def _list(students: Collection[str]) -> str:
    """The first names of a list of students, in order, and how many more there are."""
    more = f" ... and {len(students) - SHOWN} more" if len(students) > SHOWN else ""
    return ", ".join(sorted(students)[:SHOWN]) + more


def count(things: Sized, noun: str) -> str:
    """`1 file` or `2 files`."""
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


def _grade(options: argparse.Namespace) -> int:
    from helpers.instructor.course import Course, CourseError
    from helpers.instructor.grade import Settings, grade

    course = Course(options.course)
    if options.fresh_probes and options.student:
        raise CourseError("--fresh-probes is for all students alike: leave --student out")
    if options.fresh_probes:
        course.secret(renew=True)
    if options.trust_submissions:
        print("Every answer runs as you, without a box. Trust them all.", file=sys.stderr)
    settings = Settings(
        jobs=options.jobs,
        seconds=options.timeout,
        trust=options.trust_submissions,
        force=options.force,
        dask=options.dask,
        students=tuple(options.student),
    )
    return _report(course, options.lesson, grade(course, options.lesson, settings))


def _report(course: "Course", lesson: str, summary: "Summary") -> int:
    from helpers.instructor.course import lesson_stem, quiet
    from helpers.instructor.export import count_waiting
    from helpers.instructor.sanitize import one_line

    for student in summary.review:
        told = f"look at {student}: {summary.graded[student]['reason']}"
        print(one_line(told, LINE))
    for student, reason in summary.failed.items():
        print(one_line(f"not graded: {student}: {reason}", LINE), file=sys.stderr)
    stem = lesson_stem(lesson)
    absent, kept, failed = map(len, (summary.absent, summary.kept, summary.failed))
    graded, review = len(summary.graded) - absent, len(summary.review)
    nothing = f", handed in nothing {absent}" if absent else ""
    print(f"graded {graded} ({review} to look at), unchanged {kept}, not graded {failed}{nothing}")
    if not graded + kept + failed:
        first = f"python -m helpers.instructor collect DIR_OR_ZIP --lesson {stem[:2]}"
        told = f"nothing of {stem} is collected; first: {first} --course {course.root}"
        print(f"error: {told}", file=sys.stderr)
        return 1
    with quiet(), course.api().gradebook as gradebook:
        waiting = count_waiting(gradebook, stem).total()
    if waiting:
        answers = "written answer waits" if waiting == 1 else "written answers wait"
        print(f"{waiting} {answers} for points in formgrader")
    return 1 if summary.failed else 0


def _feedback(options: argparse.Namespace) -> int:
    from helpers.instructor.course import Course, lesson_stem, quiet
    from helpers.instructor.export import count_waiting
    from helpers.instructor.feedback import feedback
    from helpers.instructor.sanitize import one_line

    course = Course(options.course)
    failed = feedback(course, options.lesson)
    for student, reason in failed.items():
        print(one_line(f"no feedback for {student}: {reason}", LINE), file=sys.stderr)
    with quiet(), course.api().gradebook as gradebook:
        waiting = count_waiting(gradebook, lesson_stem(options.lesson), given=False).total()
    if waiting:
        one = waiting == 1
        answers = "written answer still waits" if one else "written answers still wait"
        told = f"{waiting} {answers}: these pages show 0 points for {'it' if one else 'them'}"
        print(told, file=sys.stderr)
    print(f"the pages are in {options.course / 'feedback'}")
    return 1 if failed else 0


def _export(options: argparse.Namespace) -> int:
    from helpers.instructor.course import Course
    from helpers.instructor.export import WAITING, export

    course = Course(options.course)
    rows = export(course, options.file)
    _warn_of_unlisted(course, (row["student"] for row in rows if row["status"] != "missing"))
    waiting = [row for row in rows if row["status"] == WAITING]
    if waiting:
        print(f"{count(waiting, 'line')} with 0 points: {WAITING}", file=sys.stderr)
    print(f"wrote {count(rows, 'line')} to {options.file}")
    return 0


def _leaderboard(options: argparse.Namespace) -> int:
    from helpers.instructor import leaderboard as boards
    from helpers.instructor.course import Course, require_folder

    if options.csv:
        require_folder(options.csv)
    aliases = boards.read_aliases(options.aliases) if options.aliases else {}
    course = Course(options.course)
    rows, without = boards.read_board(course, aliases=aliases, anonymous=options.anonymous)
    print(boards.tell_board(rows, without))
    if options.csv:
        boards.write_board(rows, options.csv)
    return 0
