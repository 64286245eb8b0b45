"""What the browser shows of an explorable: controls in a grid, the picture, a line of words."""

import html
import linecache
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as W
from traitlets import Unicode

NARROWEST_COLUMN = 330  # pixels: a slider with its name and its value
BESIDE_NONE = "2px 0"  # the width is all of the cell's: a margin would stand over its edge


_STYLE = """<style>
.course-explore .widget-inline-hbox { align-items: center; }
.course-explore .widget-label { text-align: left; flex: none; }
.course-explore .widget-readout { min-width: 52px; text-align: right; }
.course-explore .widget-toggle-buttons { display: flex; align-items: center; height: auto; }
.course-explore .widget-toggle-buttons .widget-toggle-button { margin: 2px 4px 2px 0; }
.course-explore .widget-play { flex: none; width: auto; height: auto; }
.course-explore .widget-play .jupyter-button { width: 30px; min-width: 30px; margin: 0 0 0 4px;
  padding: 0; }
</style>"""


class Picture(W.Image):  # type: ignore[misc]
    """An image whose tooltip may be set: Image(tooltip=...) crashes its view (ipywidgets 3860)."""

    description = Unicode("").tag(sync=True)


class Page:
    """The widgets of one explorable, for a picture of width x height CSS pixels."""

    def __init__(
        self, controls: Mapping[str, Any], width: int, height: int, play: str | None
    ) -> None:
        self.picture = Picture(
            width=width,
            height=height,
            layout={"max_width": "100%", "height": "auto", "margin": BESIDE_NONE},
        )
        self.width = width
        self.note = W.HTML(layout={"max_width": f"{width}px", "margin": "0 0 8px 0"})
        rows = [_row(name, widget, play) for name, widget in controls.items()]
        _align(list(controls.values()))
        self.controls = W.GridBox(rows, layout=_grid(width))
        style = W.HTML(_STYLE, layout={"display": "none"})
        self.box = W.VBox([style, self.controls, self.picture, self.note])
        self.box.add_class("course-explore")

    def show(self, png: bytes, text: str) -> None:
        """A new picture, and what it shows in words."""
        with self.picture.hold_sync():
            self.picture.value = png
            self.picture.tooltip = text  # the image's accessible name
        if self.note.layout.min_height is None:
            self.note.layout.min_height = self._room(text)
        self.note.value = (
            '<div role="status" style="line-height: 1.4; color: var(--jp-ui-font-color1)">'
            f"{html.escape(text)}</div>"
        )

    def _room(self, text: str) -> str:
        """Room for one line more than the first words take: the page stays still when they change.

        A character is about 7 pixels wide, a line 18.2 high (13 px at 1.4).
        """
        lines = -(-len(text) * 7 // self.width) + 1
        return f"{max(lines, 2) * 18.2 + 4:.0f}px"

    def complain(self, error: Exception, update: Callable[..., Any]) -> None:
        """Say below the picture, which stays, what went wrong in `update`, and where."""
        where = _where(error, update)
        what = html.escape("".join(traceback.format_exception_only(error)).strip())
        self.note.value = (
            '<div role="alert" style="line-height: 1.4; padding: 4px 10px; '
            'border-left: 4px solid var(--jp-error-color1, #d32f2f)">'
            f"<b>{what}</b><br>{where}The picture shows the last values that worked.</div>"
        )

    def view(self) -> dict[str, Any]:
        """The part of a mimebundle that a notebook with this kernel shows alive."""
        mime = "application/vnd.jupyter.widget-view+json"
        return {mime: {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}}

    def close(self) -> None:
        """Take everything off the page."""
        _close(self.box)


def _close(widget: Any) -> None:
    """A widget, all that is in it, and the two small widgets that hold its looks."""
    for part in getattr(widget, "children", ()):
        _close(part)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
        if isinstance(part, W.Widget):
            part.close()


def _grid(width: int) -> dict[str, str]:
    column = f"minmax(min(100%, {NARROWEST_COLUMN}px), 1fr)"
    return {
        "grid_template_columns": f"repeat(auto-fit, {column})",
        "grid_gap": "0 24px",
        "width": "100%",
        "margin": BESIDE_NONE,
        "max_width": f"{min(width, 3 * NARROWEST_COLUMN - 1)}px",  # two columns at most
    }


def _align(widgets: list[Any]) -> None:
    """One width for all names, so that the sliders begin below each other."""
    longest = max(len(widget.description) for widget in widgets)
    for widget in widgets:
        if hasattr(widget.style, "description_width"):
            widget.style.description_width = f"{min(0.55 * longest + 1, 14):.1f}em"
        widget.layout.width = "auto"


def _row(name: str, widget: Any, play: str | None) -> Any:
    """The control, followed by a play button if it is the one to play."""
    if name != play:
        return widget
    button = W.Play(min=widget.min, max=widget.max, step=widget.step, value=widget.value)
    button.interval, button.show_repeat = 150, False  # milliseconds
    button.link = W.jslink((button, "value"), (widget, "value"))
    widget.layout.flex = "1 1 auto"
    return W.HBox([widget, button], layout={"width": "auto", "align_items": "center"})


def _where(error: Exception, update: Callable[..., Any]) -> str:
    """The line of `update` that the error passed through; of whatever raised it, else."""
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [pair for pair in frames if pair[0].f_code is getattr(update, "__code__", None)]
    frame, line = (own or frames)[-1]
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    return f"line {line} of the cell: <code>{html.escape(source)}</code><br>" if source else ""
