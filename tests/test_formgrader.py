"""nbgrader's formgrader in a real browser, on what we graded: manual points, and no script runs."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from helpers.instructor.course import Course, quiet
from helpers.instructor.feedback import feedback
from helpers.instructor.grade import Settings, grade
from helpers.instructor.record import FRAMES
from helpers.instructor.release import release
from tests import small_lesson
from tests.hostile.files import HTML_OUTPUT, RAISE_HTML, write_scripts
from tests.hostile.lab import Case, hand_in
from tests.lab import free_port, start_browser
from tests.small_lesson import NAME, NUMBER

SCREENSHOTS = Path(__file__).parent / "screenshots"
FORGED = """
print("Grade cell: check-99-1   Score: 6.0 / 6.0")
display(HTML("</div></div></div><div class='celltag_grader'>" + "</div>" * 9 + "Score: 6.0 / 6.0"))
"""
EVE = Case(
    name="eve",
    about="scripts wherever a learner can put one, and a score of her own",
    solved=True,
    first=HTML_OUTPUT + FORGED,
    answers={"1": RAISE_HTML},
    change=write_scripts,
)
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with small_lesson.installed():
        made = release([NUMBER], tmp_path_factory.mktemp("formgrader") / "course")
        hand_in(EVE, made.root / "submitted" / "eve" / NAME)
        summary = grade(made, NUMBER, Settings(seconds=20))
        assert summary.failed == {}
        feedback(made, NUMBER)
        with quiet(), made.api().gradebook as gradebook:  # as grading flags a cell
            gradebook.find_grade("check-99-2", NAME, NAME, "eve").needs_manual_grade = True
            gradebook.db.commit()
        yield made


@pytest.fixture(scope="module")
def address(course: Course) -> Iterator[str]:
    """formgrader's address, served by an ordinary Jupyter server in the course's folder."""
    port = free_port()
    log = course.root.parent / "server.log"
    options = [
        f"--port={port}", "--no-browser", "--IdentityProvider.token=", "--allow-root",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
        f"--ServerApp.root_dir={course.root}",
    ]  # fmt: skip
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options],
            cwd=course.root, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/formgrader/", log)
        yield f"http://127.0.0.1:{port}/formgrader"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(url: str, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no server at {url}:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    def route(request: Route) -> None:
        """Only this machine: MathJax and the like come from elsewhere, and are not needed."""
        local = request.request.url.startswith(("http://127.0.0.1", "file:", "data:"))
        if local:
            request.continue_()
        else:
            request.abort()

    with start_browser() as context:
        context.route("**/*", route)
        yield context.new_page()


def submission_url(course: Course, address: str) -> str:
    with quiet(), course.api().gradebook as gradebook:
        notebook = gradebook.find_submission_notebook(NAME, NAME, "eve")
        return f"{address}/submissions/{notebook.id}"


def scripted_elements(page: Page) -> list[str]:
    """Elements that came from the learner and could run or load something.

    The grader's own style is none: no other has its text.
    """
    found: list[str] = page.evaluate(
        """frames => [...document.querySelectorAll('.nb_cell, .cell, .jp-Cell')].flatMap(cell =>
            [...cell.querySelectorAll('script, iframe, object, embed, svg[onload], style, *')]
            .filter(e => e.tagName != 'STYLE' || e.textContent.trim() != frames)
            .filter(e => ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE'].includes(e.tagName)
                || [...e.attributes].some(a => a.name.startsWith('on')
                    || /^\\s*(javascript|vbscript):/i.test(a.value)))
            .map(e => e.outerHTML.slice(0, 200)))""",
        FRAMES.partition("<style>")[2].partition("</style>")[0].strip(),
    )
    return found


def test_no_script_runs_in_formgrader(course: Course, address: str, page: Page) -> None:
    page.goto(submission_url(course, address))
    page.wait_for_selector("#written-99-w")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "formgrader.png", full_page=True)
    assert "hacked" not in page.title()
    assert scripted_elements(page) == []
    assert "Half of the inputs are zero." in page.inner_text("body")


def test_no_script_runs_in_feedback(course: Course, page: Page) -> None:
    path = course.root / "feedback" / "eve" / NAME / f"{NAME}.html"
    page.goto(path.as_uri())
    page.wait_for_selector("body")
    assert "hacked" not in page.title()
    assert scripted_elements(page) == []
    page.screenshot(path=SCREENSHOTS / "feedback.png", full_page=True)


UNFRAMED = """() => {  // texts of the learner's outputs and answer that are in no dashed frame
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    const framed = e => e && (getComputedStyle(e).borderTopStyle == 'dashed' ||
        framed(e.parentElement));
    while (texts.nextNode()) {
        const text = texts.currentNode;
        const source = text.parentElement.closest('.input');
        if (/Score: 6.0|Half of the inputs/.test(text.data) && !source)
            found.push([framed(text.parentElement), text.data.slice(0, 80)]);
    }
    return found;
}"""
DRAWN = """() => {  // whether a formula that leaves its place is seen below its cell
    const answer = document.querySelector('.text_cell .nbgrader_cell .rendered_html');
    const panel = answer.closest('.nbgrader_cell');
    answer.innerHTML = '<b style="display:block; position:relative; top:208px">x</b>';
    panel.scrollIntoView({block: 'center'});
    const place = panel.getBoundingClientRect(), formula = answer.firstChild;
    const seen = y => document.elementFromPoint(place.x + 40, place.bottom + y);
    return Array.from({length: 200}, (_, y) => seen(y + 1)).includes(formula);
}"""


@pytest.mark.parametrize("kind", ["formgrader", "feedback"])
def test_what_a_learner_shows_stays_in_its_frame(
    kind: str, course: Course, address: str, page: Page
) -> None:
    """It could look like the grader's score, or be drawn over it."""
    path = course.root / "feedback" / "eve" / NAME / f"{NAME}.html"
    page.goto(path.as_uri() if kind == "feedback" else submission_url(course, address))
    page.wait_for_selector(".celltag_learner .output_wrapper")
    found = page.evaluate(UNFRAMED)
    assert len(found) >= 3  # printed, displayed, written
    assert [text for framed, text in found if not framed] == []
    grader = page.locator(".celltag_grader .output_wrapper").first
    assert grader.evaluate("e => getComputedStyle(e).borderTopStyle") == "none"
    page.screenshot(path=SCREENSHOTS / f"frames_{kind}.png", full_page=True)
    assert not page.evaluate(DRAWN)
    page.add_style_tag(content="* { contain: none !important; overflow: visible !important }")
    assert page.evaluate(DRAWN)  # else nothing is proved


def test_the_detector_sees_scripts(page: Page) -> None:
    """Else the two tests above would prove nothing."""
    page.set_content("<div class=cell><img src=x onerror=1><a href='javascript:1'>x</a></div>")
    assert len(scripted_elements(page)) == 2


def test_points_that_stay_as_they_are_take_a_cell_off_the_list(
    course: Course, address: str, page: Page
) -> None:
    """As the instructor's page says; graded again, the cell is back."""
    assert _waits(course)
    page.goto(submission_url(course, address))
    _wait_for_points(page)
    box = page.locator("#check-99-2")
    box.fill(box.get_attribute("placeholder") or "")
    box.press("Tab")
    until = time.monotonic() + 20
    while _waits(course) and time.monotonic() < until:
        time.sleep(0.2)
    assert not _waits(course)
    grade(course, NUMBER, Settings(seconds=20, force=True))
    assert _waits(course)


def test_points_given_by_hand_are_kept(course: Course, address: str, page: Page) -> None:
    page.goto(submission_url(course, address))
    _wait_for_points(page)
    box = page.locator("#written-99-w")
    box.fill("1.5")
    box.press("Tab")
    assert _eventually(course, 1.5)
    page.goto(f"{address}/gradebook")
    grade(course, NUMBER, Settings(seconds=20, force=True))
    assert _manual_score(course) == 1.5
    page.goto(submission_url(course, address))
    page.wait_for_function("document.querySelector('#written-99-w').value == '1.5'")


def _wait_for_points(page: Page) -> None:
    """Until the boxes have what the gradebook has: what is typed before is lost."""
    page.wait_for_function("document.querySelector('#check-99-2').placeholder")


def _waits(course: Course) -> bool:
    with quiet(), course.api().gradebook as gradebook:
        waits: bool = gradebook.find_grade("check-99-2", NAME, NAME, "eve").needs_manual_grade
        return waits


def _manual_score(course: Course) -> float | None:
    with quiet(), course.api().gradebook as gradebook:
        score: float | None = gradebook.find_grade("written-99-w", NAME, NAME, "eve").manual_score
        return score


def _eventually(course: Course, score: float) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if _manual_score(course) == score:
            return True
        time.sleep(0.2)
    return False
