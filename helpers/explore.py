"""Figures that follow sliders.

    fig, ax = plt.subplots()
    (line,) = ax.plot(x, np.sin(x))

    def update(frequency):
        line.set_ydata(np.sin(frequency * x))
        return line

    explore(fig, update, alt="A sine wave", frequency=(0.5, 5.0, 1.0))

The artists are made once; `update` moves them. Only they are drawn again, and the picture goes
to the browser as PNG bytes: no flicker, and a new picture in ten to forty milliseconds.
"""

import asyncio
import base64
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from helpers._controls import (
    Log,
    assign,
    is_integer_range,
    is_slider,
    make_control,
    sweep_values,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Explorable", "Log", "explore", "live", "sweep"]

DRAINED = 0.003  # seconds without a slider event: the queue is empty, the newest value is known
ROUNDING = 3  # of 255, what pasting layers may lose against a full draw
LONGEST_WAIT = 0.1  # seconds after which a picture is due, however fast events come in

_live: list["Explorable"] = []  # they live as long as their page, not as long as a variable


def explore(
    fig: "Figure",
    update: Callable[..., Any],
    *,
    alt: str | Callable[..., str],
    labels: Mapping[str, str] | None = None,
    play: str | None = None,
    **controls: Any,
) -> "Explorable":
    """A figure with controls; make fig in the same cell, or it is shown twice.

    update: called with the value of every control by name; moves artists and returns them all,
        titles too (one artist, or any nesting of lists).
    alt: what the picture shows, in words: a text, or a function of the same values.
    labels: what to call a control on the page, {"std": "weight std"}; default: its name.
    play: the name of an integer slider that gets a play button.
    controls: name=(lo, hi, start) for a slider, of integers if all three are; Log(lo, hi, start)
        for one whose steps multiply; a list of options, the first is the start; True or False
        for a box to tick; or any ipywidget with a value.
    Raises ValueError for a control, a label or an alt text that is none of these, and whatever
    `update` raises in its first call. Later errors of `update` are shown below the figure.
    """
    return Explorable(fig, update, alt=alt, labels=labels or {}, play=play, controls=controls)


class Explorable:
    """A live figure. In a notebook: controls and picture; elsewhere the picture and its text."""

    def __init__(
        self,
        fig: "Figure",
        update: Callable[..., Any],
        *,
        alt: str | Callable[..., str],
        labels: Mapping[str, str],
        play: str | None,
        controls: Mapping[str, Any],
    ) -> None:
        from helpers._canvas import Canvas
        from helpers._page import Page

        _refuse(controls, labels, play)
        _take_from_pyplot(fig)
        self.controls = {k: make_control(k, c, labels.get(k, k)) for k, c in controls.items()}
        self.png, self.text = b"", ""
        self._update, self._alt, self._canvas = update, alt, Canvas(fig)
        self._lock = threading.RLock()  # JupyterLab moves sliders from a thread of its own
        self._due: asyncio.TimerHandle | None = None
        self._events, self._last_event, self._listening = 0, -math.inf, True
        self._draw()
        self._page = Page(self.controls, self._canvas.width, self._canvas.height, play)
        self._page.show(self.png, self.text)
        for widget in self.controls.values():
            widget.observe(self._on_event, "value")
        self.start = self.values
        self._cell, self._run = _cell_and_run()
        self._replace_earlier_runs()
        _live.append(self)

    @property
    def values(self) -> dict[str, Any]:
        """The present value of every control."""
        return {name: widget.value for name, widget in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Move controls and draw the picture; raises what `update` raises.

        Raises ValueError for a control that is not there or a value that it cannot take.
        """
        for name in values:
            if name not in self.controls:
                raise ValueError(f"the controls are {', '.join(self.controls)}; got {name!r}")
        with self._lock:
            before, self._listening = self.values, False
            try:
                for name, value in values.items():
                    assign(name, self.controls[name], value)
            except ValueError:
                for name, value in before.items():
                    self.controls[name].value = value
                raise
            finally:
                self._listening = True
            self._draw()
            self._page.show(self.png, self.text)

    def close(self) -> None:
        """Take the figure off the page and free its memory."""
        if self in _live:
            _live.remove(self)
        if self._due is not None:
            self._due.cancel()
        self._page.close()

    def check_picture(self) -> None:
        """Raise RuntimeError when the picture differs from a full draw of the figure."""
        import numpy as np

        with self._lock:
            quick = self._canvas.paint(None).astype(int)
            full = self._canvas.paint_plainly()
        differ = np.abs(quick - full).max(axis=2) > ROUNDING
        if differ.any():
            raise RuntimeError(
                f"{differ.sum()} pixels differ from a full draw at {self.values}: "
                "update changes something in place that it does not return"
            )

    def _draw(self) -> None:
        from helpers._canvas import encode_png

        values = self.values
        pixels = self._canvas.paint(self._update(**values))
        text = self._alt(**values) if callable(self._alt) else self._alt
        if not (isinstance(text, str) and text.strip()):
            raise ValueError(f"alt says what the picture shows, in words; got {text!r}")
        self.png, self.text = encode_png(pixels), text

    def _on_event(self, _: Any) -> None:
        """Draw at once after a pause, then the newest values only: others are passed over."""
        self._events += 1
        last, self._last_event = self._last_event, time.monotonic()
        if not self._listening or self._due is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: no events to wait for
            self._follow()
            return
        if self._last_event - last > LONGEST_WAIT:  # one key, or where a drag begins
            self._follow()
        else:
            self._wait(loop, until=loop.time() + LONGEST_WAIT)

    def _wait(self, loop: asyncio.AbstractEventLoop, until: float) -> None:
        seen = self._events

        def look() -> None:
            if self._events > seen and loop.time() < until:
                self._wait(loop, until)
            else:
                self._due = None
                self._follow()

        self._due = loop.call_later(DRAINED, look)

    def _follow(self) -> None:
        """Draw what a slider asked for; an error goes to the page, for nobody else sees it."""
        with self._lock:
            try:
                self._draw()
            except Exception as error:
                self._page.complain(error, self._update)
            else:
                self._page.show(self.png, self.text)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live view, the picture and its text, in one output."""
        data = self._page.view() | {
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": self.text,
        }
        size = {"width": self._canvas.width, "height": self._canvas.height, "alt": self.text}
        return data, {"image/png": size}

    def _replace_earlier_runs(self) -> None:
        """A cell that runs again shows new figures; those of its last run are closed."""
        for other in live():
            if self._cell and other._cell == self._cell and other._run != self._run:
                other.close()


def live() -> list[Explorable]:
    """The explorables of this kernel that are on a page, oldest first."""
    return list(_live)


def sweep(explorable: Explorable, points: int = 7) -> int:
    """Move every control over its whole range, the others at their start; then put all back.

    Sliders take `points` values, both ends among them. Returns the number of pictures drawn.
    Raises what `update` raises, and RuntimeError when two options give two pictures with one text,
    or when a picture is not the one that a full draw of the figure gives: that is slow, so of a
    slider's pictures only those at its ends are held against one.
    """
    if points < 2:
        raise ValueError(f"points is at least 2, for both ends of a slider; got {points}")
    before, drawn = explorable.values, 0
    try:
        for name, widget in explorable.controls.items():
            values = sweep_values(widget, points)
            heard: dict[str, bytes] = {}
            for value in values:
                explorable.set(**{**explorable.start, name: value})
                if not is_slider(widget):
                    _require_told(explorable, name, heard)
                if not is_slider(widget) or value in (values[0], values[-1]):
                    explorable.check_picture()
                drawn += 1
    finally:
        explorable.set(**before)
    return drawn


def _require_told(explorable: Explorable, name: str, heard: dict[str, bytes]) -> None:
    """Refuses a second picture with a text that is `heard` already, which keeps the first ones."""
    if heard.setdefault(explorable.text, explorable.png) != explorable.png:
        raise RuntimeError(
            f"alt says the same of two pictures, the later at {name}={explorable.values[name]!r}: "
            "who cannot see them hears no change"
        )


def _refuse(controls: Mapping[str, Any], labels: Mapping[str, str], play: str | None) -> None:
    if not controls:
        raise ValueError("explore needs at least one control, such as std=(0.1, 2.0, 1.0)")
    for name in [*labels, *([play] if play else [])]:
        if name not in controls:
            raise ValueError(f"labels and play name controls: {', '.join(controls)}; got {name!r}")
    if play and not is_integer_range(controls[play]):
        raise ValueError(f"play names an integer slider; got {play}={controls[play]!r}")


def _take_from_pyplot(fig: "Figure") -> None:
    """Without this the notebook would show the figure a second time, at the end of the cell."""
    from matplotlib import pyplot as plt

    plt.close(fig)


def _cell_and_run() -> tuple[str | None, str | None]:
    """Ids of the notebook cell that runs now, and of this run of it; None outside of one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return None, None
    parent = shell.kernel.get_parent("shell")
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
