"""The face of the course: every layer's activations, and their spread over depth beside theory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.initialization import (
    BEYOND,
    WEIGHT_VARS,
    Draws,
    Signals,
    measure_signals,
    verdict,
)
from helpers.meanfield import Prediction, predict_signals
from helpers.plots.cells import Cells
from helpers.plots.style import FIELD_MAP, PALETTE

Update = Callable[..., list[Any]]
Describe = Callable[..., str]

PANELS, BINS = 6, 50
BLUE, ORANGE, GREEN = PALETTE[0], PALETTE[1], PALETTE[2]
INK, QUIET = "#222222", "#6B6B6B"
LEFT, RIGHT, GAP = 0.075, 0.985, 0.018  # of the figure's width
STD_RANGE, GRADIENT_RANGE = (-8, 2), (-8, 4)  # decades
# What a histogram spans: values outside are counted in its last bins.
SPANS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (-3 / (BINS - 1), 3.0)}
ENDS = {"sigmoid": ("0", "1"), "tanh": ("−1", "1"), "relu": ("0", "≥ 3")}


@dataclass(frozen=True)
class Panel:
    """One layer: its histogram over its barcode (inputs are rows, units are columns)."""

    histogram: Axes
    healthy: Any
    saturated: Any
    barcode: Any
    title: Any
    ends: tuple[Any, Any] | None  # what the axis spans, below the first panel only


@dataclass(frozen=True)
class Track:
    """A quantity over depth on a log axis: dots are measured, the line is theory."""

    axes: Axes
    dots: tuple[Any, ...]
    lines: tuple[Any, ...]


def signal_figure(draws: Draws) -> tuple[Figure, Update, Describe]:
    """The figure, `update(activation, scheme, gain, depth)` and its text, for `explore`.

    What is drawn is scaled from `draws`; nothing is sampled in an update.
    """
    fig = plt.figure(figsize=(9.6, 6.3), layout="none")
    headline = fig.text(LEFT, 0.945, "", fontsize=16, fontweight="bold", color=INK)
    setting = fig.text(LEFT, 0.902, "", fontsize=11, color=QUIET)
    panels = [_make_panel(fig, k) for k in range(PANELS)]
    fig.text(0.012, 0.71, "activations", rotation=90, fontsize=10, color=QUIET, va="center")
    fig.text(0.012, 0.495, "24 inputs", rotation=90, fontsize=10, color=QUIET, va="center")
    _explain_rows(fig)
    forward = _make_track(fig, 0, STD_RANGE, (BLUE, ORANGE), ("o", "s"))
    backward = _make_track(fig, 1, GRADIENT_RANGE, (GREEN,), ("^",))
    _name_tracks(fig)
    last: dict[str, Any] = {}

    def update(activation: str, scheme: str, gain: float, depth: int) -> list[Any]:
        signals = measure_signals(
            draws, activation=activation, scheme=scheme, gain=gain, depth=depth
        )
        theory = predict_signals(activation, depth, weight_var=gain**2 * WEIGHT_VARS[scheme])
        shown = np.round(np.linspace(0, depth - 1, PANELS)).astype(int)
        words = verdict(signals)
        headline.set(text=words, color=GREEN if words == "Healthy" else ORANGE)
        setting.set_text(f"{activation}, {scheme}, gain {gain:.2f}, {depth} layers")
        moved = [_fill_panel(p, signals, k) for p, k in zip(panels, shown, strict=True)]
        spreads, expected = (signals.log_std, signals.log_across), (theory.std, theory.across)
        moved.append(_fill_track(forward, spreads, expected))
        moved.append(_fill_track(backward, (signals.log_gradient,), (theory.gradient,)))
        last["text"] = describe_signals(signals, theory, f"{activation}, {scheme}, gain {gain:.2f}")
        return [headline, setting, *moved]

    def describe(**_: Any) -> str:
        return str(last["text"])

    return fig, update, describe


def _make_panel(fig: Figure, k: int) -> Panel:
    width = (RIGHT - LEFT - (PANELS - 1) * GAP) / PANELS
    left = LEFT + k * (width + GAP)
    top = fig.add_axes((left, 0.615, width, 0.19))
    top.set(xlim=(0, 1), ylim=(0, 1.04), yticks=[], xticks=[])
    top.spines[["left", "bottom"]].set_visible(False)
    top.axhline(0, color="#AAAAAA", linewidth=1.2)
    edges = np.linspace(0, 1, BINS + 1)
    healthy = top.stairs(np.zeros(BINS), edges, fill=True, color=BLUE)
    saturated = top.stairs(np.zeros(BINS), edges, fill=True, color=ORANGE)
    title = top.text(0, 1.06, "", transform=top.transAxes, fontsize=9.5, color=INK)
    place: dict[str, Any] = {
        "transform": top.transAxes,
        "fontsize": 10,
        "color": QUIET,
        "va": "top",
    }
    ends = (top.text(0, -0.04, "", **place), top.text(1, -0.04, "", **place, ha="right"))
    below = fig.add_axes((left, 0.428, width, 0.13))
    below.set_axis_off()
    rows = np.zeros((24, 40))
    barcode = Cells(below, rows, aspect="auto", clim=(0, 1), cmap=FIELD_MAP)
    return Panel(top, healthy, saturated, barcode, title, ends if k == 0 else None)


def _fill_panel(panel: Panel, signals: Signals, k: int) -> list[Any]:
    low, high = SPANS[signals.activation]
    h, scale = signals.layers[k], signals.scales[k]
    counts = _count(h, low / scale, high / scale, zeros=signals.activation == "relu")
    beyond = _beyond(signals.activation)
    weight = 0.0 if signals.activation == "relu" else 0.3  # ReLU's zeros would flatten the rest
    tallest = max(counts[~beyond].max(), weight * counts[beyond].max(), 1)
    share = np.minimum(counts / tallest, 1.0)
    panel.healthy.set_data(np.where(beyond, 0, share))
    panel.saturated.set_data(np.where(beyond, share, 0))
    shade = np.clip((h[:24, :40].astype(np.float64) * scale - low) / (high - low), 0, 1)
    panel.barcode.set_data(shade)
    panel.title.set_text(f"layer {k + 1}: std {_short(signals.log_std[k], decades=3)}")
    for text, end in zip(panel.ends or (), ENDS[signals.activation], strict=bool(panel.ends)):
        text.set_text(end)
    return [panel.healthy, panel.saturated, panel.barcode, panel.title, panel.ends]


def _count(h: NDArray[np.float32], low: float, high: float, *, zeros: bool) -> NDArray[Any]:
    """Counts in BINS equal bins; the ends take what lies outside, zeros have a bin of their own."""
    flat = h.ravel()
    with np.errstate(over="ignore"):
        places = (flat - np.float32(low)) * np.float32(BINS / (high - low))
    places = np.clip(places, 0, BINS - 1).astype(np.int64)
    if zeros:
        places = np.maximum(places, 1)
        places[flat == 0] = 0
    return np.bincount(places, minlength=BINS)


def _beyond(activation: str) -> NDArray[np.bool_]:
    """Which bins are saturated; for ReLU, the one of the zeros."""
    low, high = SPANS[activation]
    middles = low + (high - low) * (np.arange(BINS) + 0.5) / BINS
    return np.asarray((middles < BEYOND[activation][0]) | (middles > BEYOND[activation][1]))


def _make_track(
    fig: Figure, k: int, decades: tuple[int, int], colors: tuple[str, ...], markers: tuple[str, ...]
) -> Track:
    width = (RIGHT - LEFT - 0.075) / 2
    ax = fig.add_axes((LEFT + k * (width + 0.075), 0.06, width, 0.255))
    ax.set(xlim=(-0.03, 1.03), ylim=decades, xticks=[])
    ticks = range(decades[0], decades[1] + 1, 2)
    ax.set_yticks(ticks, ["1" if t == 0 else f"$10^{{{t}}}$" for t in ticks], fontsize=10)
    ax.axhline(0, color="#BBBBBB", linewidth=1)
    lines: list[Any] = []
    dots: list[Any] = []
    for color, marker in zip(colors, markers, strict=True):
        size = 8.5 if not dots else 4.5  # the second ones must not hide the first
        lines.append(ax.plot([], [], color=color, linewidth=1.6, alpha=0.75)[0])
        dots.append(ax.plot([], [], marker, color=color, markersize=size, clip_on=False)[0])
        dots[-1].set(markeredgecolor="white", markeredgewidth=0.6, zorder=3 + len(dots))
    place: dict[str, Any] = {"transform": ax.transAxes, "fontsize": 10, "color": QUIET}
    ax.text(0.03, -0.04, "first layer", **place, va="top")
    ax.text(0.97, -0.04, "last layer", **place, va="top", ha="right")
    return Track(ax, tuple(dots), tuple(lines))


def _explain_rows(fig: Figure) -> None:
    notes = (
        (0.597, "orange: slope (nearly) zero; ReLU’s exact zeros"),
        (0.418, "one row an input, one column a unit: stripes mean that all inputs give the same"),
    )
    for y, note in notes:
        fig.text(RIGHT, y, note, fontsize=10, color=QUIET, ha="right", va="top")


def _name_tracks(fig: Figure) -> None:
    """Titles whose words have the colors and the markers of what they name."""
    second = LEFT + (RIGHT - LEFT - 0.075) / 2 + 0.075
    for x, text, color in (
        (LEFT, "Std of activations:", INK),
        (LEFT + 0.152, "● overall", BLUE),
        (LEFT + 0.235, "■ across inputs", ORANGE),
        (LEFT + 0.368, "lines: theory", QUIET),
        (second, "Std of gradients:", INK),
        (second + 0.146, "▲ ∂loss/∂z", GREEN),
        (second + 0.248, "line: theory", QUIET),
    ):
        fig.text(x, 0.338, text, color=color, fontsize=11)


def _fill_track(track: Track, measured: tuple[Any, ...], expected: tuple[Any, ...]) -> list[Any]:
    depth = len(measured[0])
    x, bounds = np.arange(depth) / max(depth - 1, 1), track.axes.get_ylim()
    for dots, line, values, curve in zip(track.dots, track.lines, measured, expected, strict=True):
        dots.set_data(x, np.clip(values, *bounds))  # a dot off the scale waits at its edge
        line.set_data(x, _log(curve))
    return [*track.lines, *track.dots]


def describe_signals(signals: Signals, theory: Prediction, setting: str) -> str:
    """What the figure shows, in words: the verdict, then measured values with theory beside."""
    depth = len(signals.layers)
    expected = np.log10(theory.gradient[0]) - np.log10(theory.gradient[-1])
    idle = "exactly zero" if signals.activation == "relu" else "saturated"
    return (
        f"{setting}, {depth} layers. {verdict(signals)}. Activation std: "
        f"{_short(signals.log_std[0])} in layer 1, {_short(signals.log_std[-1])} in layer {depth} "
        f"(theory {_short(_log(theory.std)[-1])}), {_short(signals.log_across[-1])} across inputs; "
        f"{signals.saturated[-1]:.0%} {idle} there. The gradient's std in layer 1 is "
        f"{_short(signals.log_returned)} times that in layer {depth} (theory {_short(expected)})."
    )


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log10(np.maximum(values, 1e-300)))


def _short(log10: float, *, decades: int = 4) -> str:
    """10**log10 with two digits; powers of ten beyond some decades. Never overflows."""
    if log10 <= -299:
        return "0"
    if abs(log10) < decades:
        return f"{10**log10:#.2g}".rstrip(".") if log10 < 2 else f"{10**log10:,.0f}"
    return f"10{str(round(log10)).translate(_RAISED)}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
