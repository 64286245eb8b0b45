"""Every notebook in real JupyterLab: Run All, then every control moves its picture."""

import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab import (
    EXPLORABLE,
    EXPOSE_APP,
    NotebookPage,
    find_chromium,
    start_browser,
    start_lab,
    take_hold,
)
from tests.running import NOTEBOOKS, ROOT, count_explorables, write_notebook

pytestmark = pytest.mark.browser

SCREENSHOTS = ROOT / "tests" / "screenshots"
HASH = """img => {
    const c = document.createElement('canvas');
    [c.width, c.height] = [480, 240];
    const g = c.getContext('2d', {willReadFrequently: true});
    g.drawImage(img, 0, 0, 480, 240);
    let hash = 0;
    for (const pixel of new Uint32Array(g.getImageData(0, 0, 480, 240).data.buffer))
        hash = (Math.imul(hash, 31) + pixel) | 0;
    return hash;
}"""
NUMBER = """selector => {  // names that playwright finds faster than a selector with :has
    const all = [...document.querySelectorAll(selector)];
    all.forEach((figure, i) => { figure.dataset.figure = i; });
    return all.length;
}"""
CHANGED = f"([img, before]) => img.complete && ({HASH})(img) !== before"
AT_REST = """e => {  // asked every 50 ms: JupyterLab lays cells out as they come into view
    const now = JSON.stringify(e.getBoundingClientRect()) + (e.src ?? '');
    e.restFor = now === e.restAt ? e.restFor + 1 : 0;
    e.restAt = now;
    return e.restFor >= 3;
}"""
FOCUS_RESTS = """e => {  // asked every 50 ms: takes the focus back until it stays
    e.heldFor = document.activeElement === e ? (e.heldFor ?? 0) + 1 : 0;
    if (!e.heldFor) e.focus({preventScroll: true});
    return e.heldFor >= 3;
}"""
POSITION = "e => e.parentElement.style.transform"  # aria-valuenow has one decimal only
ARRIVED = {  # an echo of an earlier move may move the handle, too
    "End": "e => e.ariaValueNow === e.ariaValueMax",
    "Home": "e => e.ariaValueNow === e.ariaValueMin",
}
PATIENCE = 45_000  # milliseconds until a picture has to follow, on a machine with much to do
NARROW = 800  # pixels: a small window, JupyterLab's file list open
OVERFLOW = """e => {
    const cell = e.closest('.jp-OutputArea-output'), right = cell.getBoundingClientRect().right;
    const parts = [...e.querySelectorAll('img, .widget-slider, button, select')];
    const beyond = parts.map(part => part.getBoundingClientRect().right - right);
    return Math.max(cell.scrollWidth - cell.clientWidth, ...beyond);
}"""
DEAF = """e => ['mousedown', 'pointerdown'].forEach(
    kind => e.addEventListener(kind, event => event.stopPropagation(), {capture: true}))"""
TRIES = 5  # of a key, half a second apart
BLINDNESS = ("protanopia", "deuteranopia", "tritanopia")
PAGE_HEIGHT = 2000  # pixels of one screenshot of a notebook
GOOD_FIGURE = """
from matplotlib import pyplot as plt
from helpers import explore
fig, ax = plt.subplots(figsize=(6, 2))
(line,) = ax.plot([0, 1], [0, 1])
def update(height, color, dashed):
    line.set_ydata([0, height])
    line.set_color(color)
    line.set_linestyle("--" if dashed else "-")
    return line
explore(fig, update, alt=lambda height, color, dashed: f"A {color} line up to {height}",
        height=(0.0, 1.0, 0.5), color=["blue", "red"], dashed=False)
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on a copy of the notebooks, so that what it saves does not touch them."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns(".*", "source"))
    (folder / "own").mkdir()
    write_notebook(folder / "own" / "good.ipynb", GOOD_FIGURE)
    write_notebook(folder / "own" / "frozen.ipynb", GOOD_FIGURE.replace("[0, height]", "[0, 1]"))
    broken = GOOD_FIGURE.replace("    line.set_ydata", "    1 / (height < 0.9)\n    line.set_ydata")
    write_notebook(folder / "own" / "broken.ipynb", broken, "1 / 0")
    with start_lab(folder, home, EXPOSE_APP) as started:
        yield started
    assert "ping timeout" not in (home / "server.log").read_text()  # no connection was given up


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_browser() as context:
        yield context


class Figure:
    """One explorable on the page."""

    def __init__(self, notebook: NotebookPage, box: Any) -> None:
        self.notebook, self.box = notebook, box
        self.image = box.locator("> .widget-image")

    def bring_into_view(self, part: Any) -> None:
        """Scroll to a part of the figure, and wait until the page has come to rest."""
        part.scroll_into_view_if_needed()
        self.wait_for_rest(part)

    def wait_for_rest(self, part: Any) -> None:
        self.notebook.page.wait_for_function(
            AT_REST, arg=part.element_handle(), timeout=PATIENCE, polling=50
        )

    def hash(self) -> int:
        value: int = self.image.evaluate(HASH)
        return value

    def wait_for_change(self, before: int, what: str) -> None:
        """AssertionError when the picture stays the same; then waits until all is drawn."""
        from playwright.sync_api import TimeoutError as Waited

        arguments = [self.image.element_handle(), before]
        try:
            self.notebook.page.wait_for_function(
                CHANGED, arg=arguments, timeout=PATIENCE, polling=100
            )
        except Waited:
            raise AssertionError(f"{what}: the picture did not change; {self.tell()}") from None
        self.notebook.wait_idle()
        self.wait_for_rest(self.image)

    def tell(self) -> str:
        """The state of the figure, for the message of an assertion."""
        values = self.box.locator(".noUi-handle").evaluate_all(
            "all => all.map(e => `${e.ariaValueMin} ≤ ${e.ariaValueNow} ≤ ${e.ariaValueMax}`)"
        )
        note = self.box.locator("[role=status], [role=alert]").inner_text()
        return f"sliders at {values}; its words: {note}"

    def require_calm(self, height: float, what: str) -> None:
        """No jump of the layout, no error, and words for those who cannot see the picture."""
        assert abs(self.box.bounding_box()["height"] - height) < 1, f"{what}: the layout jumped"
        alerts = self.box.locator("[role=alert]")
        assert alerts.count() == 0, f"{what}: {alerts.first.inner_text()}"
        assert self.box.locator("[role=status]").inner_text().strip(), f"{what}: no words"

    def drag(self, handle: Any, distance: float) -> None:
        x, y = take_hold(self.notebook.page, handle)
        self.notebook.page.mouse.move(x + distance, y, steps=6)
        self.notebook.page.mouse.up()

    def press(self, handle: Any, key: str, what: str) -> None:
        """Press a key until the handle has moved where it says; AssertionError after TRIES.

        On a busy machine a key was lost at times. The mouse's button is released before the next
        try, in case a drag is still going on.
        """
        before = handle.evaluate(POSITION)
        for _ in range(TRIES):
            self.notebook.page.wait_for_function(
                FOCUS_RESTS, arg=handle.element_handle(), timeout=PATIENCE, polling=50
            )
            self.notebook.page.keyboard.press(key)
            moved = handle.evaluate(POSITION) != before
            if moved and handle.evaluate(ARRIVED.get(key, "e => true")):
                return
            self.notebook.page.wait_for_timeout(500)
            self.notebook.page.mouse.up()
        raise AssertionError(f"{what}: {TRIES} presses did not move the handle; {self.tell()}")

    def try_slider(self, slider: Any, name: str) -> None:
        handle, track = slider.locator(".noUi-handle"), slider.locator(".noUi-base")
        self.bring_into_view(handle)
        height, room = self.box.bounding_box()["height"], track.bounding_box()
        position = handle.bounding_box()["x"] - room["x"]
        before = self.hash()
        self.drag(handle, room["width"] * (0.4 if position < room["width"] / 2 else -0.4))
        self.wait_for_change(before, f"{name}: drag")
        self.require_calm(height, f"{name}: drag")
        lowest = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemin")
        for key in ("End", "Home") if lowest else ("Home", "End"):
            before = self.hash()
            self.press(handle, key, f"{name}: {key}")
            self.wait_for_change(before, f"{name}: {key}")
            self.require_calm(height, f"{name}: {key}")
        self.press(handle, "ArrowRight" if lowest else "ArrowLeft", f"{name}: arrow")
        self.notebook.wait_idle()
        self.require_calm(height, f"{name}: arrow")

    def try_choice(self, choose: Callable[[], Any], name: str) -> None:
        self.bring_into_view(self.image)
        height, before = self.box.bounding_box()["height"], self.hash()
        choose()
        self.wait_for_change(before, name)
        self.require_calm(height, name)

    def try_all(self) -> int:
        """Move every control; returns how many there are."""
        sliders, groups, boxes, menus = (
            self.box.locator(kind).all()
            for kind in (".widget-slider", ".widget-toggle-buttons", "[type=checkbox]", "select")
        )
        for i, slider in enumerate(sliders):
            self.try_slider(slider, f"slider {i}")
        for group in groups:
            self.try_choice(group.locator("button:not(.mod-active)").first.click, "buttons")
        for box in boxes:
            self.try_choice(box.click, "checkbox")
        for menu in menus:
            last = menu.locator("option").count() - 1
            self.try_choice(partial(menu.select_option, index=last), "menu")
        return len(sliders) + len(groups) + len(boxes) + len(menus)


def open_and_run(browser: Any, address: str, name: str) -> tuple[NotebookPage, list[Figure]]:
    notebook = NotebookPage(browser, address, name)
    notebook.run_all()
    count = notebook.page.evaluate(NUMBER, EXPLORABLE)
    boxes = [notebook.page.locator(f"css:light=[data-figure='{i}']") for i in range(count)]
    return notebook, [Figure(notebook, box) for box in boxes]


def photograph(notebook: NotebookPage, figures: list[Figure], folder: Path, pages: bool) -> None:
    """Each figure; with `pytest --pages` as color-blind people see it, too, and the notebook."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    photograph_figures(figures, folder)
    if pages:
        eyes = notebook.page.context.new_cdp_session(notebook.page)
        for kind in (*BLINDNESS, "none"):
            eyes.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
            if kind != "none":
                photograph_figures(figures, folder, f"-{kind}")
        photograph_pages(notebook.page, folder)


def photograph_figures(figures: list[Figure], folder: Path, suffix: str = "") -> None:
    """Each figure as a PNG file."""
    for i, figure in enumerate(figures, 1):
        figure.bring_into_view(figure.box)
        figure.box.screenshot(path=folder / f"figure-{i:02}{suffix}.png")


def require_fit(notebook: NotebookPage, figures: list[Figure], folder: Path) -> None:
    """In a narrow window, in JupyterLab's dark theme, no figure is wider than its cell."""
    page = notebook.page
    notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    page.set_viewport_size({"width": NARROW, "height": 1000})
    for i, figure in enumerate(figures, 1):
        figure.bring_into_view(figure.box)
        assert figure.box.evaluate(OVERFLOW) <= 1, f"figure {i} is cut off in a narrow window"
        figure.box.screenshot(path=folder / f"figure-{i:02}-dark.png")
    notebook.command("apputils:change-theme", theme="JupyterLab Light")


def photograph_pages(page: Any, folder: Path) -> None:
    page.set_viewport_size({"width": 1400, "height": PAGE_HEIGHT})
    page.mouse.move(0, 0)
    scroller = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    scroller.evaluate("e => e.scrollTo(0, 0)")
    for i in range(1, 40):
        page.wait_for_timeout(200)  # late layout, such as formulas that come into view
        page.screenshot(path=folder / f"page-{i:02}.png", scale="css")
        if scroller.evaluate("e => e.scrollTop + e.clientHeight >= e.scrollHeight - 2"):
            return
        scroller.evaluate("e => e.scrollBy(0, e.clientHeight - 100)")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_in_jupyterlab(
    path: Path, address: str, browser: Any, request: pytest.FixtureRequest
) -> None:
    notebook, figures = open_and_run(browser, address, path.name)
    pages = request.config.getoption("--pages")
    photograph(notebook, figures, SCREENSHOTS / path.stem, pages)
    assert notebook.errors() == []
    assert notebook.page.locator(".jupyter-widgets-error-widget").count() == 0
    assert len(figures) >= count_explorables(path)
    notebook.page.set_viewport_size({"width": 1400, "height": 1000})
    for i, figure in enumerate(figures, 1):
        print(f"figure {i}")  # shown when it fails
        assert figure.try_all() >= 1
    require_fit(notebook, figures, SCREENSHOTS / path.stem)
    assert notebook.problems == []
    notebook.close()


def test_good_figure_passes(address: str, browser: Any, tmp_path: Path) -> None:
    notebook, (figure,) = open_and_run(browser, address, "own/good.ipynb")
    assert notebook.errors() == []
    assert figure.try_all() == 3
    assert re.search("red line up to 0", figure.box.locator("[role=status]").inner_text())
    require_fit(notebook, [figure], tmp_path)
    figure.image.evaluate("e => { e.style.maxWidth = 'none'; e.style.width = '1500px'; }")
    with pytest.raises(AssertionError, match="figure 1 is cut off"):
        require_fit(notebook, [figure], tmp_path)
    notebook.close()


def test_frozen_figure_is_found(
    address: str, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_browser.PATIENCE", 6_000)
    notebook, (figure,) = open_and_run(browser, address, "own/frozen.ipynb")
    with pytest.raises(AssertionError, match="slider 0: drag: the picture did not change"):
        figure.try_all()
    notebook.close()


def test_a_handle_that_keys_do_not_move_is_found(address: str, browser: Any) -> None:
    notebook, (figure,) = open_and_run(browser, address, "own/good.ipynb")
    handle = figure.box.locator(".noUi-handle")
    figure.bring_into_view(handle)
    figure.press(handle, "End", "slider 0: End")
    with pytest.raises(AssertionError, match="slider 0: End: 5 presses did not move the handle; s"):
        figure.press(handle, "End", "slider 0: End")
    notebook.close()


def test_a_handle_that_cannot_be_held_is_found(address: str, browser: Any) -> None:
    notebook, (figure,) = open_and_run(browser, address, "own/good.ipynb")
    handle = figure.box.locator(".noUi-handle")
    figure.bring_into_view(handle)
    handle.evaluate(DEAF)
    with pytest.raises(AssertionError, match="5 presses of the mouse did not take hold of the sl"):
        figure.drag(handle, 100)
    notebook.close()


def test_errors_of_cells_and_figures_are_found(address: str, browser: Any) -> None:
    notebook, (figure,) = open_and_run(browser, address, "own/broken.ipynb")
    assert notebook.errors() == ["code cell 1: ZeroDivisionError: division by zero"]
    with pytest.raises(AssertionError, match=r"(the layout jumped|ZeroDivisionError)"):
        figure.try_all()
    notebook.close()


def test_missing_chromium_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        find_chromium()
