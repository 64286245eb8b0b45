"""Figures of the capstone: the patients, the runs of a lab book, and who is taken for whom."""

from collections.abc import Mapping, Sequence

import ipywidgets
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import NDArray

from helpers.explore import Explorable, explore
from helpers.labbook import Entry, LabBook
from helpers.plots.cells import Cells
from helpers.plots.style import FIELD_MAP, MARKERS, PALETTE, label_axes

TARGET = 0.8
BLUE, ORANGE = PALETTE[:2]
GREY, LEFT_OUT = "#666666", "#D0D0D0"
MEASURES = {"accuracy": ("train_accuracy", "val_accuracy"), "loss": ("train_loss", "val_loss")}
LOWEST_LOSS, HIGHEST_LOSS = 0.02, 20.0
TICKS = {"accuracy": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), "loss": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)}


def plot_images(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Figure:
    """Images (n, 16, 16) in rows of ten, the label above each."""
    rows = -(-len(images) // 10)
    fig, axes = plt.subplots(rows, 10, figsize=(9.6, 1.15 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, label in zip(axes.flat, images, labels, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(str(label), loc="center", fontsize=11, pad=2)
    return fig


def plot_runs(entries: Sequence[Entry], *, most: int = 20) -> Figure:
    """Validation accuracy of the last `most` runs, in the order of the book: a dot a seed.

    Raises ValueError for an empty book.
    """
    if not entries:
        raise ValueError("the lab book is empty: there is no run to show")
    shown = list(entries)[-most:]
    fig, ax = plt.subplots(figsize=(9.6, 1.1 + 0.36 * len(shown)))
    for row, entry in enumerate(shown):
        ax.plot(entry.scores, np.full(len(entry.scores), row), "o", color=BLUE, ms=5, alpha=0.5)
        ax.vlines(entry.mean, row - 0.3, row + 0.3, color=BLUE, lw=3)
    ax.axvline(TARGET, color=ORANGE, lw=1.5, ls="--")
    ax.text(TARGET, -0.75, f" target {100 * TARGET:.0f} %", color=ORANGE, size=10, va="center")
    ax.set_yticks(range(len(shown)), [f"{_clip(e.name)}   {e.number}" for e in shown])
    ax.set_ylim(len(shown) - 0.4, -1.1)
    ax.set_xlim(0, 1)
    ax.grid(visible=False, axis="y")
    label_axes(ax, title="The lab book: a dot a seed, a bar the mean", x="validation accuracy")
    return fig


def plot_cures(gains: Mapping[str, NDArray[np.float64]]) -> Figure:
    """What each treatment changes against the sick baseline: a dot a seed, a bar the mean."""
    fig, ax = plt.subplots(figsize=(9.6, 1.3 + 0.45 * len(gains)))
    for row, values in enumerate(gains.values()):
        color, marker = PALETTE[row % len(PALETTE)], MARKERS[row % len(MARKERS)]
        ax.plot(values, np.full(len(values), row), ls="", marker=marker, color=color, ms=7)
        ax.vlines(values.mean(), row - 0.32, row + 0.32, color=color, lw=3)
    ax.axvline(0, color=GREY, lw=1)
    ax.set_yticks(range(len(gains)), list(gains))
    ax.set_ylim(len(gains) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    x = "change of validation accuracy against the sick baseline, same seeds"
    label_axes(ax, title="Each cure alone: a dot a seed, a bar the mean", x=x)
    return fig


def explore_book(book: LabBook, *, run: int | None = None, second: int | None = None) -> Explorable:
    """The curves of two runs of the book, picked by hand.

    `run` and `second` are the numbers to begin with, otherwise the oldest and the newest. Raises
    ValueError for an empty book, and for a number that is not in it.
    """
    figure = _Curves(book)
    pick = [(name, number) for number, name in figure.names.items()]
    first, last = (pick[i][1] if n is None else book.find(n).number
                   for i, n in ((0, run), (-1, second)))  # fmt: skip
    return explore(
        figure.fig, figure.update, alt=figure.alt, labels={"second": "compared with"},
        run=ipywidgets.Dropdown(options=pick, value=first, description="run"),
        second=ipywidgets.Dropdown(options=pick[::-1], value=last, description="compared with"),
        measure=list(MEASURES),
    )  # fmt: skip


def _names(book: LabBook) -> dict[int, str]:
    if not book.entries:
        raise ValueError("the lab book is empty: there is no run to show")
    return {e.number: f"{e.number} {_clip(e.name)}" for e in book.entries}


def _clip(name: str, most: int = 32) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


class _Curves:
    def __init__(self, book: LabBook) -> None:
        self.names = _names(book)
        self.entries = {entry.number: entry for entry in book.entries}
        self.fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
        self.lines: list[list[Line2D]] = []
        self.titles: list[Text] = []
        self.bounds: list[Artist] = []
        self.grids: list[list[Line2D]] = []
        for ax, color in zip(axes, (BLUE, ORANGE), strict=True):
            self._draw(ax, color)
        left = axes[0]
        self.label = left.set_ylabel(" ")
        across = left.get_yaxis_transform()  # x in parts of the axis, y in data
        self.ticks = [
            left.text(-0.02, y, "", transform=across, ha="right", va="center", size=10)
            for y in TICKS["accuracy"]
        ]
        name = left.text(0.3, TARGET, "target", color=GREY, size=10, va="bottom")
        self.bounds.append(name)
        self._explain()

    def _explain(self) -> None:
        (train, val, edge), (_, other, far) = (lines[:3] for lines in self.lines)
        named = {"training (noisy labels)": train, "validation: mean": (val, other),
                 "lowest, highest seed": (edge, far)}  # fmt: skip
        self.fig.legend(
            list(named.values()), list(named), loc="outside lower center", ncols=3,
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)}, handlelength=3,
        )  # fmt: skip

    def _draw(self, ax: Axes, color: str) -> None:
        epochs, nothing = np.arange(16), np.zeros(16)
        (train,) = ax.plot(epochs, nothing, color=GREY, ls="--")
        (val,) = ax.plot(epochs, nothing, color=color, lw=2.5)
        edges = [ax.plot(epochs, nothing, color=color, lw=0.8, alpha=0.6)[0] for _ in range(2)]
        ax.grid(visible=False, axis="y")
        ruled = {"color": mpl.rcParams["grid.color"], "lw": mpl.rcParams["grid.linewidth"]}
        self.grids.append([ax.axhline(y, zorder=0.5, **ruled) for y in TICKS["accuracy"]])
        self.bounds.append(ax.axhline(TARGET, color=GREY, lw=1, ls=(0, (2, 2))))
        self.lines.append([train, val, *edges])
        ax.set(xlim=(0, 15), ylim=(0, 1.02), xlabel="epoch")
        ax.set_yticks(TICKS["accuracy"], ["0.00"] * len(TICKS["accuracy"]))
        ax.tick_params(
            axis="y", labelcolor="none", length=0
        )  # these only keep room for `self.ticks`
        self.titles.append(ax.set_title(" "))

    @staticmethod
    def _height(values: NDArray[np.float64], measure: str) -> NDArray[np.float64]:
        """Where a value is drawn, in [0, 1]; losses on a logarithmic scale."""
        if measure == "accuracy":
            return values
        low, high = np.log(LOWEST_LOSS), np.log(HIGHEST_LOSS)
        clipped = np.clip(np.nan_to_num(values, nan=np.inf), LOWEST_LOSS, HIGHEST_LOSS)
        return np.asarray((np.log(clipped) - low) / (high - low))

    def update(self, run: int, second: int, measure: str) -> list[Artist]:
        for lines, title, number in zip(self.lines, self.titles, (run, second), strict=True):
            entry = self.entries[number]
            train, val = (entry.curve(name) for name in MEASURES[measure])  # (16, S)
            rows = [train.mean(1), val.mean(1), val.min(1), val.max(1)]
            for line, row in zip(lines, rows, strict=True):
                line.set_ydata(self._height(row, measure))
            title.set_text(f"{self.names[number]}: {entry.mean:.3f}")
        for bound in self.bounds:
            bound.set_visible(measure == "accuracy")
        self.label.set_text(measure if measure == "accuracy" else "loss, logarithmic")
        curves = [line for lines in self.lines for line in lines]
        return [*self.titles, *self.bounds, self.label, *self._set_ticks(measure), *curves]

    def _set_ticks(self, measure: str) -> list[Artist]:
        """Round numbers where they are drawn, with a line of the grid at each."""
        values = TICKS[measure]
        heights = self._height(np.array(values), measure)
        for text, value, height in zip(self.ticks, values, heights, strict=True):
            text.set(text=f"{value:g}", y=height)
        for lines in self.grids:
            for line, height in zip(lines, heights, strict=True):
                line.set_ydata([height, height])
        return [*self.ticks, *(line for lines in self.grids for line in lines)]

    def alt(self, run: int, second: int, measure: str) -> str:
        told = []
        for number in (run, second):
            entry = self.entries[number]
            train, val = (entry.curve(name)[-1].mean() for name in MEASURES[measure])
            told.append(f"Run {self.names[number]}: training {train:.2f}, validation {val:.2f}")
        return f"The {measure} over 15 epochs. {'. '.join(told)} at the end."


def explore_confusion(book: LabBook) -> Explorable:
    """Which class a run takes for which. Raises ValueError for an empty book."""
    figure = _Confusion(book)
    pick = [(name, number) for number, name in figure.names.items()]
    return explore(
        figure.fig, figure.update, alt=figure.alt, labels={"true": "true class"},
        run=ipywidgets.Dropdown(options=pick, description="run"), true=(0, 9, 8),
    )  # fmt: skip


class _Confusion:
    def __init__(self, book: LabBook) -> None:
        self.names = _names(book)
        self.shares = {e.number: _error_shares(e) for e in book.entries}  # percent
        self.means = {entry.number: entry.mean for entry in book.entries}
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=(1.15, 1))
        top = max(10.0, max(float(share.max()) for share in self.shares.values()))
        self._draw_field(left, top)
        self._draw_bars(right, top)

    def _draw_field(self, ax: Axes, top: float) -> None:
        norm = Normalize(0, top)
        ax.set_facecolor(LEFT_OUT)
        self.image = Cells(ax, np.zeros((10, 10)), cmap=FIELD_MAP, norm=norm)
        self.fig.colorbar(self.image, ax=ax, fraction=0.046, pad=0.03)
        (self.mark,) = ax.plot([], [], color="white", lw=2)
        ax.set_xticks(range(10))
        ax.set_yticks(range(10))
        ax.grid(visible=False)
        label_axes(ax, x="class given", y="true class")
        self.title = ax.set_title(" ")

    def _draw_bars(self, ax: Axes, top: float) -> None:
        self.bars = ax.bar(range(10), np.zeros(10), color=BLUE, width=0.7)
        ax.set(ylim=(0, 1.05 * top))
        ax.set_xticks(range(10))
        ax.grid(visible=False, axis="x")
        label_axes(ax, x="class given", y="% of the true class")
        self.caption = ax.set_title(" ")

    def update(self, run: int, true: int) -> list[Artist]:
        share = self.shares[run]
        self.image.set_data(np.where(np.eye(10) > 0, np.nan, share))
        y = [true - 0.5, true - 0.5, true + 0.5, true + 0.5, true - 0.5]
        self.mark.set_data([-0.5, 9.5, 9.5, -0.5, -0.5], y)
        for bar, height in zip(self.bars, share[true], strict=True):
            bar.set_height(height)
        self.title.set_text(f"{self.names[run]}: errors, % of each row")
        self.caption.set_text(f"{share[true].sum():.0f} % of the {true}s are taken for …")
        return [self.image, self.mark, *self.bars, self.title, self.caption]

    def alt(self, run: int, true: int) -> str:
        share = self.shares[run]
        row, column = np.unravel_index(int(share.argmax()), share.shape)
        one, other = (f"{'an' if digit == 8 else 'a'} {digit}" for digit in (row, column))
        return (
            f"Run {self.names[run]}, validation accuracy {self.means[run]:.2f}. Most often {one} "
            f"is taken for {other}: {share[row, column]:.0f} %. Of the {true}s, "
            f"{share[true].sum():.0f} % are wrong."
        )


def _error_shares(entry: Entry) -> NDArray[np.float64]:
    """Percent of each true class (row) given to each class (column); the diagonal is 0."""
    counts = np.array(entry.confusion, dtype=float)
    shares = 100 * counts / counts.sum(1, keepdims=True)
    np.fill_diagonal(shares, 0)
    return shares
