"""`python -m helpers.instructor COMMAND`: what an instructor, an author and CI run."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.instructor.build import (
    ROOT,
    BuildError,
    build,
    build_solved,
    find_sources,
    find_stale,
)
from helpers.instructor.commands import add_commands, count
from helpers.instructor.course import CourseError
from helpers.instructor.exercise import ExerciseError
from helpers.instructor.kernels.warm import NoBox


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0 good, 1 found something wrong, 2 bad usage."""
    options = _parser().parse_args(arguments)
    try:
        result: int = options.run(options)
    except (BuildError, CourseError, ExerciseError, NoBox) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not error.filename:  # not about a file: a mistake of ours, to be seen whole
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.instructor", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("build", help="make the learner's notebooks and the probe banks")
    made.add_argument(
        "--check", action="store_true", help="write nothing; fail when files are stale"
    )
    made.add_argument(
        "--solved", type=Path, metavar="DIR", help="write solved notebooks to DIR only"
    )
    made.add_argument(
        "--lessons", nargs="+", metavar="NN", help="only these lessons; all by default"
    )
    made.set_defaults(run=_build)
    seeds = commands.add_parser("seeds", help="rerun the lessons' claims on other seeds")
    seeds.add_argument("lessons", nargs="*", metavar="NN", help="lesson numbers; all by default")
    seeds.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        default=[0, 1, 2, 3, 4],
        metavar="N",
        help="0 to 4 by default",
    )
    seeds.add_argument(
        "--all", action="store_true", help="tell every claim's values, not only of those that fail"
    )
    seeds.set_defaults(run=_seeds)
    _add_site(commands)
    add_commands(commands)
    return parser


def _add_site(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    site = commands.add_parser("site", help="make pages that need no kernel and no network")
    site.add_argument("--lessons", nargs="+", metavar="NN", help="only these; all by default")
    site.add_argument(
        "--out", type=Path, default=ROOT / ".site", metavar="DIR", help="where to (.site)"
    )
    site.add_argument(
        "--repository", default="", metavar="URL", help="link the README there, not the file"
    )
    site.set_defaults(run=_site)


def _build(options: argparse.Namespace) -> int:
    if options.solved:
        written = build_solved(options.solved, lessons=options.lessons)
        print(f"wrote {count(written, 'solved notebook')} to {options.solved}")
        return 0
    if not options.check:
        written = build(lessons=options.lessons)
        print(f"wrote {count(written, 'file')}{':' * bool(written)}")
        for path in written:
            print(f"  {_short(path)}")
        return 0
    stale = find_stale(lessons=options.lessons)
    for path in stale:
        print(f"not what the sources build: {_short(path)}; run python -m helpers.instructor build")
    return 1 if stale else 0


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _seeds(options: argparse.Namespace) -> int:
    from helpers.instructor.seeds import run_seeds

    sources = find_sources(options.lessons or None)
    return run_seeds(sources, options.seeds, show_all=options.all)


def _site(options: argparse.Namespace) -> int:
    from helpers.instructor.site import build_site

    made = build_site(options.out, lessons=options.lessons, repository=options.repository)
    print(f"wrote {count(made, 'page')}; open {options.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
