"""From slider to pixels in a real browser, for every explorable, against ipywidgets.interact.

    python -m tests.benchmarks.explore_browser [NN ...]

Each lesson is opened in JupyterLab, run to its end, and given one more cell in which `interact`
calls the same update on the same figure and shows it with the inline backend. Then, for the first
slider of each figure and of its rival: PRESSES arrow keys one by one, then a drag over SECONDS.

latency: from the key to the frame in which the new picture is painted (median and p95).
frames: pictures a second while dragging; lag: from the mouse's release to the last picture.
jump: by how many pixels the figure's height changed; blank: in a second drag, recorded by the
browser, how many frames had nothing where the picture is (flicker).

Nothing is asserted; the figures go to build/benchmarks/explore_browser.json. Run it on a quiet
machine: times are of the wall.
"""

import base64
import io
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import numpy as np
from PIL import Image
from tqdm import tqdm

from tests.lab import EXPLORABLE, EXPOSE_APP, NotebookPage, start_browser, start_lab, take_hold
from tests.running import NOTEBOOKS, ROOT, count_explorables

RESULT = ROOT / "build" / "benchmarks" / "explore_browser.json"
PRESSES = 20
SECONDS = 2.0  # of one drag
QUIET = 400  # milliseconds without a new picture: all that was asked for has been drawn
RIVAL = ".jp-OutputArea-output .widget-interact"

RIVALS = """
import warnings
from IPython.display import display
from ipywidgets import interactive
from helpers.explore import live

def _copy(widget):
    names = ("base", "min", "max", "step", "options", "value", "description", "readout_format")
    return type(widget)(**{n: getattr(widget, n) for n in names if widget.has_trait(n)})

def _rival(explorable):
    def plot(**values):
        explorable._update(**values)
        display(explorable._canvas.fig)
    display(interactive(plot, **{k: _copy(w) for k, w in explorable.controls.items()}))

%matplotlib inline
for _explorable in live():
    _rival(_explorable)
"""

WATCH = """box => {  // once for each figure: when keys and pictures come, and what shakes
    const seen = box.seen = {asked: 0, shown: [], heights: [], watching: false};
    box.addEventListener('keydown', () => { seen.asked = performance.now(); }, true);
    window.addEventListener('pointerup', () => { seen.released = performance.now(); }, true);
    document.addEventListener('load', event => {
        if (event.target.tagName === 'IMG' && box.contains(event.target))
            requestAnimationFrame(() => setTimeout(() => seen.shown.push(performance.now())));
    }, true);
    seen.look = () => {  // during a drag only: it costs time itself
        seen.heights.push(box.getBoundingClientRect().height);
        if (seen.watching) requestAnimationFrame(seen.look);
    };
}"""
SETTLED = f"""box => box.seen.shown.length > 0 &&
    performance.now() - Math.max(box.seen.asked, box.seen.shown.at(-1)) > {QUIET}"""


def add_rivals(path: Path, folder: Path) -> None:
    """A copy of a notebook with one more cell: its figures under interact."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(RIVALS, id="rivals"))
    nbformat.write(notebook, folder / path.name)


class Figure:
    """One figure on the page: an explorable, or its rival."""

    def __init__(self, notebook: NotebookPage, box: Any) -> None:
        self.notebook, self.box = notebook, box
        self.handle = box.locator(".noUi-handle").first
        self.track = box.locator(".noUi-base").first

    def settle(self) -> None:
        self.notebook.wait_idle()
        element = self.box.element_handle()
        self.notebook.page.wait_for_function(SETTLED, arg=element, timeout=60_000, polling=50)

    def measure(self) -> dict[str, Any]:
        self.handle.scroll_into_view_if_needed()
        self.box.evaluate(WATCH)
        waits = self.press_keys()
        return {
            "median_ms": statistics.median(waits),
            "p95_ms": statistics.quantiles(waits, n=20)[-1],
            **self.drag(),
        }

    def press_keys(self) -> list[float]:
        """Milliseconds from each key to its picture; the first, which makes layers, is left out."""
        waits = []
        lowest, highest, now = (
            float(self.handle.get_attribute(f"aria-value{end}") or 0)
            for end in ("min", "max", "now")
        )
        forth, back = ("ArrowRight", "ArrowLeft")[:: 1 if now - lowest < highest - now else -1]
        for i in range(PRESSES + 1):
            self.handle.press(forth if i % 2 == 0 else back)
            self.settle()
            waits.append(self.box.evaluate("box => box.seen.shown.at(-1) - box.seen.asked"))
        return waits[1:]

    def drag(self) -> dict[str, float]:
        """From one end of the slider to the other and back, at a hand's pace."""
        mouse, track = self.notebook.page.mouse, self.track.bounding_box()
        _, y = take_hold(self.notebook.page, self.handle)
        self.box.evaluate(
            "box => { box.seen.shown = []; box.seen.watching = true; box.seen.look(); }"
        )
        for share in positions():
            mouse.move(track["x"] + share * track["width"], y)
        mouse.up()
        self.settle()
        seen = self.box.evaluate("box => { box.seen.watching = false; return box.seen; }")
        shown, released, heights = (seen[key] for key in ("shown", "released", "heights"))
        frames = sum(at <= released for at in shown)
        return {
            "frames_a_second": frames / SECONDS,
            "lag_ms": max(shown[-1] - released, 0.0),
            "jump_px": max(heights) - min(heights),
        }

    def count_blank_frames(self) -> int:
        """Drags while the browser records what it paints; frames with hardly a line in them."""
        page = self.notebook.page
        picture = self.box.locator("img").first.bounding_box()
        recorder, frames = page.context.new_cdp_session(page), []

        def keep(frame: dict[str, Any]) -> None:
            frames.append(frame["data"])
            recorder.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

        recorder.on("Page.screencastFrame", keep)
        recorder.send("Page.startScreencast", {"format": "png"})
        self.drag()
        recorder.remove_listener("Page.screencastFrame", keep)  # some are still on their way
        recorder.send("Page.stopScreencast")
        recorder.detach()
        width = page.viewport_size["width"]
        contrasts = np.array([contrast(frame, picture, width) for frame in frames])
        return int((contrasts < np.median(contrasts) / 2).sum())


def contrast(frame: str, place: dict[str, float], width: int) -> float:
    """The standard deviation of the gray values in a place of a recorded frame (base64 PNG)."""
    image = Image.open(io.BytesIO(base64.b64decode(frame))).convert("L")
    scale = image.width / width
    left, top = place["x"] * scale, max(place["y"], 0) * scale
    right, bottom = left + place["width"] * scale, (place["y"] + place["height"]) * scale
    return float(np.asarray(image.crop((left, top, right, bottom))).std())


def positions() -> Iterator[float]:
    """Where the mouse is along the track, sixty times a second for SECONDS."""
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < SECONDS:
        yield 1 - abs(1 - 2 * elapsed / SECONDS)
        time.sleep(1 / 60)


def measure_lesson(browser: Any, address: str, path: Path) -> Iterator[dict[str, Any]]:
    notebook = NotebookPage(browser, address, path.name)
    notebook.run_all()
    pairs = [notebook.page.locator(kind).all() for kind in (EXPLORABLE, RIVAL)]
    for number, (ours, rival) in enumerate(zip(*pairs, strict=True), 1):
        if not ours.locator(".noUi-handle").count():
            continue  # buttons only: nothing to drag
        figure, other = Figure(notebook, ours), Figure(notebook, rival)
        yield {
            "lesson": path.stem,
            "figure": number,
            "explore": figure.measure() | {"blank": figure.count_blank_frames()},
            "interact": other.measure() | {"blank": "-"},  # it takes its picture away itself
        }
    notebook.close()


HEADER = (
    f"{'figure':28} {'':9} {'median ms':>9} {'p95 ms':>7} {'frames/s':>8} {'lag ms':>7} "
    "jump px blank"
)
LINE = (
    "{:28} {:9} {median_ms:9.0f} {p95_ms:7.0f} {frames_a_second:8.1f} {lag_ms:7.0f} "
    "{jump_px:7.0f} {blank:>5}"
)


def main(lessons: Sequence[str]) -> None:
    chosen = [p for p in NOTEBOOKS if not lessons or p.stem[:2] in lessons]
    rows: list[dict[str, Any]] = []
    print(HEADER)
    with TemporaryDirectory() as name:
        home = Path(name)
        folder = home / "notebooks"
        folder.mkdir()
        for path in chosen:
            add_rivals(path, folder)
        bar = tqdm(total=sum(map(count_explorables, chosen)), unit="figure", disable=None)
        with start_lab(folder, home, EXPOSE_APP) as address, start_browser() as browser, bar:
            for path in chosen:
                for row in measure_lesson(browser, address, path):
                    rows.append(row)
                    show(row, bar)
                    save(rows)


def save(rows: Sequence[dict[str, Any]]) -> None:
    """After each figure, so that an interrupted run is not lost."""
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")


def show(row: dict[str, Any], bar: Any) -> None:
    for way in ("explore", "interact"):
        bar.write(LINE.format(f"{row['lesson']} {row['figure']}", way, **row[way]))
    bar.update()


if __name__ == "__main__":
    main(sys.argv[1:])
