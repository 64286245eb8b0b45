"""The course as pages that need no kernel and no network: `python -m helpers.instructor site`.

`notebooks/source/*.py` → the learner's notebook, run unfilled → frames of its explorables →
`.site/NN_name.html` with `NN_name/*.webp` beside it, one style sheet, one script, a start page.
"""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from helpers.instructor.build import QUIET, ROOT, BuildError, find_sources, read_source, release
from helpers.instructor.exercises import load_lesson
from helpers.instructor.site_formulas import FormulaError
from helpers.instructor.site_outputs import FigureError, mark_cells, place_outputs
from helpers.instructor.site_pages import TEMPLATES, Page, convert, read_headings
from helpers.instructor.site_start import read_summaries, write_start

MOST = 3_000_000  # bytes of a page with everything that it loads
FRAMES = 2_300_000  # of these, for the frames of explorables
ASSETS = ("site.css", "site.js")
README = ROOT / "README.md"
CELL_TIMEOUT = 300  # seconds
CHANGING = ("COURSE_", "STRICT_CHECKS", "NBGRADER", "MPLBACKEND", "PYTEST")
LAST_CELL = """
from pathlib import Path
from helpers.instructor.site_frames import save_frames
save_frames(Path({folder!r}), budget={budget})
"""


class SiteError(BuildError):
    """A page that cannot be made; the message names the lesson and what is wrong."""


@dataclass(frozen=True)
class Made:
    """A page that was written: bytes with all that it loads, seconds it took, its pictures."""

    page: Page
    bytes: int
    seconds: float
    pictures: int


def build_site(out: Path, *, lessons: list[str] | None = None, repository: str = "") -> list[Made]:
    """Writes the pages of these lessons (all by default) and the start page.

    repository: where the course's repository is on the web; "" links the README's file.
    Pages of other lessons that are there already stay, and are linked.
    Raises SiteError when a notebook fails, or when a page is too big.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, out / name)
    chosen = find_sources(lessons)
    sources = [s for s in find_sources() if s in chosen or (out / f"{s.stem}.html").is_file()]
    notebooks = {source.stem: release(read_source(source)) for source in sources}
    pages = [describe(stem, notebook) for stem, notebook in notebooks.items()]
    link = link_readme(out, repository)
    made = []
    for page in pages:
        if page.stem in {source.stem for source in chosen}:
            made.append(make_page(page, notebooks[page.stem], pages, out=out, readme=link))
            tell(made[-1])
    write_start(out, pages, readme=README, link=link)
    return made


def describe(stem: str, notebook: NotebookNode) -> Page:
    """What the site says about a lesson before it has run."""
    lesson = load_lesson(stem[:2])
    headings, first = read_headings(notebook)
    return Page(
        stem=stem,
        number=lesson.number,
        title=lesson.title,
        minutes=lesson.minutes,
        summary=read_summaries(README).get(stem, ""),
        description=first,
        headings=headings,
    )


def make_page(
    page: Page, notebook: NotebookNode, pages: Sequence[Page], *, out: Path, readme: str = ""
) -> Made:
    """Runs a notebook and writes its page and its pictures; see `build_site`."""
    began = time.monotonic()
    folder = out / page.stem
    shutil.rmtree(folder, ignore_errors=True)
    executed = execute(notebook, folder)
    mark_cells(executed)
    try:
        place_outputs(executed, folder)
        html = convert(executed, page, pages, readme=readme)
    except (FigureError, FormulaError) as error:
        raise SiteError(f"{page.stem}: {error}") from error
    (folder / "frames.json").unlink()
    path = out / page.address
    path.write_text(html, encoding="utf-8")
    pictures = list(folder.iterdir())
    loaded = [path, *(out / name for name in ASSETS), *pictures]
    size = sum(file.stat().st_size for file in loaded)
    if size > MOST:
        raise SiteError(f"{page.stem}: the page takes {size:,} bytes, more than {MOST:,}")
    return Made(page, size, time.monotonic() - began, len(pictures))


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook with its outputs; frames of its explorables are written into the folder.

    Raises SiteError when a cell fails.
    """
    last = LAST_CELL.format(folder=str(folder.resolve()), budget=FRAMES)
    copy = nbformat.from_dict(notebook)
    copy.cells = [*copy.cells, nbformat.v4.new_code_cell(last, id="frames")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(CHANGING)}
    with TemporaryDirectory() as home:
        environment |= {"COURSE_PROGRESS": f"{home}/progress.json", "OMP_NUM_THREADS": "1"}
        client = NotebookClient(
            copy, timeout=CELL_TIMEOUT, kernel_name="python3", extra_arguments=[*QUIET]
        )
        try:
            client.execute(env=environment, cwd=str(ROOT / "notebooks"))
        except CellExecutionError as error:
            lesson = notebook.metadata.get("course", {}).get("lesson", "")
            raise SiteError(f"lesson {lesson} does not run: {error}") from error
    copy.cells.pop()
    return copy


def link_readme(out: Path, repository: str) -> str:
    """The README's address: in the repository on the web, else the file, from the pages."""
    if repository:
        return f"{repository.rstrip('/')}#readme"
    return Path(os.path.relpath(README, out)).as_posix()


def tell(made: Made) -> None:
    """One line about a page."""
    print(
        f"{made.page.address}: {made.bytes / 1e6:.2f} MB, {made.pictures} pictures, "
        f"{made.seconds:.0f} s",
        flush=True,
    )
