"""Figures of lesson 08: images in rows, accuracies of policies, the transform gallery."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.augmentation import CLASSES, Canvas, erased, pixel_noise, warp
from helpers.augmented import Runs
from helpers.explore import Explorable, explore
from helpers.plots.cells import Cells
from helpers.plots.curves import curve
from helpers.plots.style import MARKERS, PALETTE, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN, PINK = PALETTE[:4]
GREY = "#666666"
LOOKS = {  # a policy that comes more than once looks the same in all figures: index into PALETTE
    "no augmentation": 0, "shift ±1.5 px": 1, "shift, turn": 2, "online": 2,
    "chosen with knowledge (1)": 2, "one of many": 3, "one of many (1 training)": 3,
    "cut-out 3×3": 4, "mixup": 5,
}  # fmt: skip


def looks(names: Sequence[str]) -> list[int]:
    """The index of each name's color and marker: its own, or the next that is free here."""
    taken = {LOOKS[name] for name in names if name in LOOKS}
    free = iter([i for i in (1, 5, 6, 4, 3, 0, 2) if i not in taken] + list(range(7)))
    return [LOOKS[name] if name in LOOKS else next(free) for name in names]


def plot_rows(rows: Mapping[str, Floats]) -> Figure:
    """One row of images (n, h, w) for each name, all of one size and on the same gray scale."""
    widest = max(len(images) for images in rows.values())
    h, w = next(iter(rows.values())).shape[1:]
    mosaic = np.zeros((len(rows), h, widest, w))  # one picture: an axis each would take seconds
    for line, images in zip(mosaic, rows.values(), strict=True):
        line[:, : len(images)] = np.moveaxis(images, 0, 1)
    fig, ax = plt.subplots(figsize=(9.6, 0.85 * len(rows) + 0.2))
    ax.imshow(mosaic.reshape(len(rows) * h, -1), cmap="gray_r", vmin=0, vmax=1)
    ax.vlines(np.arange(1, widest) * w - 0.5, -0.5, len(rows) * h - 0.5, color="#BBBBBB", lw=1)
    ax.hlines(np.arange(1, len(rows)) * h - 0.5, -0.5, widest * w - 0.5, color="#BBBBBB", lw=1)
    ax.set_yticks((np.arange(len(rows)) + 0.5) * h - 0.5, list(rows))
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set(visible=True, color="#BBBBBB")
    return fig


def plot_policies(rows: Mapping[str, Floats], *, title: str, lowest: float = 0.0) -> Figure:
    """A row of dots for each name, one a seed, (S,), with the mean; the first is the reference."""
    fig, ax = plt.subplots(figsize=(9.6, 0.42 * len(rows) + 1.2))
    places, first = np.arange(len(rows))[::-1], next(iter(rows.values())).mean()
    ax.axvline(first, color=GREY, lw=1, ls=(0, (4, 2)), zorder=1)
    for i, y, values in zip(looks(list(rows)), places, rows.values(), strict=True):
        color, marker = PALETTE[i], MARKERS[i]
        ax.plot(values, np.full(len(values), y), ls="", marker=marker, color=color, ms=6, alpha=0.6)
        ax.vlines(values.mean(), y - 0.28, y + 0.28, color=color, lw=3)
        ax.text(1.01, y, f"{values.mean():.3f}", transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(places, list(rows))
    ax.set(xlim=(lowest, None), ylim=(-0.6, len(rows) - 0.4))
    ax.grid(visible=False, axis="y")
    label_axes(ax, title=title, x="test accuracy (dots: seeds, bars and numbers: means)")
    return fig


def spoken(rows: Mapping[str, Floats]) -> str:
    """The means of `plot_policies`' rows in words, for its alt text."""
    return "; ".join(f"{name}: test accuracy {values.mean():.3f}" for name, values in rows.items())


def plot_over_time(runs: Runs, names: Sequence[str]) -> Figure:
    """Test accuracy over updates for some arms: mean and ± one standard deviation."""
    fig, ax = plt.subplots(figsize=(9.6, 4))
    ends = {name: float(runs.of(name).mean()) for name in names}
    places, last = {}, -1.0
    for name in sorted(ends, key=lambda name: ends[name]):  # labels keep a line's distance
        places[name] = last = max(ends[name], last + 0.035)
    for i, name in zip(looks(names), names, strict=True):
        line = curve(ax, runs.steps, runs.test[:, runs.names.index(name)], label=name, index=i)
        ax.text(runs.steps[-1] * 1.01, places[name], name, color=line.get_color(), va="center")
    ax.set(xlim=(0, runs.steps[-1] * 1.24), ylim=(0, None))
    ax.set_xticks([s for s in runs.steps if s % 100 == 0])
    label_axes(ax, title="Test accuracy, mean ± 1 std over seeds", x="updates", y="test accuracy")
    return fig


def plot_confusion(rows: Mapping[str, Floats], digits: Sequence[int]) -> Figure:
    """What true digits are taken for, a panel each: bars of the mean shares, dots of the seeds.

    rows: for each name the shares (S, true, guessed).
    """
    fig, axes = plt.subplots(1, len(digits), figsize=(9.6, 3.2), sharey=True)
    width = 0.8 / len(rows)
    for ax, digit in zip(axes, digits, strict=True):
        for i, (name, confused) in enumerate(rows.items()):
            at, shares = np.arange(CLASSES) + (i - (len(rows) - 1) / 2) * width, confused[:, digit]
            ax.bar(at, np.nanmean(shares, 0), width, color=PALETTE[i], label=name)
            ax.plot(np.tile(at, (len(shares), 1)), shares, ls="", marker=".", color="black", ms=4)
        ax.set_xticks(range(CLASSES))
        ax.set_ylim(0, 1)
        ax.grid(visible=False, axis="x")
        label_axes(ax, title=f"What a {digit} is taken for", x="network's answer")
    axes[0].set_ylabel("share")
    axes[-1].legend(loc="upper left")
    return fig


# the gallery

Images = torch.Tensor
Change = Callable[[Images, float], Images]


def _fixed(policy_of: Callable[[float], object]) -> Change:
    """A random policy with the same draws at every strength."""

    def change(images: Images, amount: float) -> Images:
        policy = policy_of(amount)
        return policy(images, torch.Generator().manual_seed(3)) if callable(policy) else images

    return change


class Transform(NamedTuple):
    """One of the gallery: its strengths, weakest first, how to tell one, and what it does."""

    amounts: tuple[float, ...]
    told: str
    change: Change


def _even(most: float) -> tuple[float, ...]:
    return tuple(most * level / LEVELS for level in range(LEVELS + 1))


LEVELS, SAMPLES = 12, 6
ANGLES = (0, 6, 12, 18, 24, 30, 36, 45, 60, 90, 120, 150, 180)  # most is lost in the first half
TRANSFORMS = {
    "turn": Transform(ANGLES, "by {:.0f}°", lambda x, a: warp(x, degrees=a)),
    "shift": Transform(_even(6), "right by {:.1f} px", lambda x, a: warp(x, right=a)),
    "zoom": Transform(_even(1.5), "by a factor of {:.2f}", lambda x, a: warp(x, zoom=1 + a)),
    "shrink": Transform(_even(0.72), "by a factor of {:.2f}", lambda x, a: warp(x, zoom=1 - a)),
    "noise": Transform(_even(1.2), "of std {:.1f}", _fixed(pixel_noise)),
    "cut-out": Transform(
        _even(12), "of {:.0f} × {:.0f} px", _fixed(lambda a: erased(round(a)) if a else None)
    ),
}


def explore_gallery(runs: Runs, canvas: Canvas) -> Explorable:
    """Ten digits under a transform; a network that knows upright ones says what it reads."""
    figure = _Gallery(runs, canvas)
    return explore(
        figure.fig, figure.update, alt=figure.alt, labels={"sample": "other digits"},
        transform=list(TRANSFORMS), strength=(0, LEVELS, 4), sample=(1, SAMPLES, 1),
    )  # fmt: skip


class _Gallery:
    def __init__(self, runs: Runs, canvas: Canvas) -> None:
        self.runs, images, labels = runs, canvas.x_test[0], canvas.y_test[0]
        by_class = [torch.nonzero(labels == c).squeeze(1) for c in range(CLASSES)]
        shown = torch.stack([rows[:SAMPLES] for rows in by_class], 1).flatten()  # samples, classes
        self.tiles: dict[tuple[str, int], Floats] = {}
        self.guesses: dict[tuple[str, int], NDArray[np.int64]] = {}
        self.shares: dict[tuple[str, int], Floats] = {}
        for name, transform in TRANSFORMS.items():
            for level, amount in enumerate(transform.amounts):
                self._note((name, level), transform.change(images, amount), labels, shown)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=(2, 1))
        self._draw_tiles(left)
        self._draw_shares(right)

    @torch.no_grad()
    def _note(self, key: tuple[str, int], images: Images, labels: Images, shown: Images) -> None:
        guesses = self.runs.mlps(images[None])[0].argmax(-1)
        hits = (guesses == labels).double()
        self.shares[key] = np.array([float(hits[labels == c].mean()) for c in range(CLASSES)])
        self.guesses[key] = guesses[shown].view(SAMPLES, CLASSES).numpy()
        side = round(images.shape[1] ** 0.5)
        tiles = images[shown].view(SAMPLES, 2, 5, side, side)
        tall = torch.nn.functional.pad(tiles, (1, 1, 1, 4), value=float("nan"))
        self.tiles[key] = tall.permute(0, 1, 3, 2, 4).reshape(SAMPLES, 2 * (side + 5), -1).numpy()

    def _draw_tiles(self, ax: Axes) -> None:
        picture = self.tiles["turn", 0][0]
        self.picture = Cells(ax, picture, cmap="gray_r", clim=(0, 1))
        side, wide = picture.shape[0] // 2 - 5, picture.shape[1] // 5
        self.words = [
            ax.text((c % 5 + 0.5) * wide - 0.5, (c // 5) * (side + 5) + side + 2.4, "",
                    ha="center", va="center", size=11)
            for c in range(CLASSES)
        ]  # fmt: skip
        ax.set_axis_off()
        ax.set_facecolor("#EEEEEE")
        self.title = ax.set_title(" ")

    def _draw_shares(self, ax: Axes) -> None:
        self.stems = ax.hlines(range(CLASSES), 0, 1, color=BLUE, lw=5)
        self.mean = ax.axvline(0, color=ORANGE, lw=1.5, ls="--")
        ax.set(xlim=(0, 1), ylim=(9.6, -0.6))
        ax.set_yticks(range(CLASSES))
        ax.grid(visible=False, axis="y")
        label_axes(ax, x="share still read right (dashed: mean)", y="class")
        ax.set_title("All test images")

    def update(self, transform: str, strength: int, sample: int) -> list[Artist]:
        key = (transform, strength)
        self.picture.set_data(self.tiles[key][sample - 1])
        for c, (word, guess) in enumerate(
            zip(self.words, self.guesses[key][sample - 1], strict=True)
        ):
            word.set_text(f"{c}" if guess == c else f"{c} → {guess}")
            word.set_color("black" if guess == c else ORANGE)
        shares = self.shares[key]
        self.stems.set_segments([[(0, c), (share, c)] for c, share in enumerate(shares)])
        self.mean.set_xdata([shares.mean()] * 2)
        self.title.set_text(self._named(transform, strength))
        return [self.picture, *self.words, self.stems, self.mean, self.title]

    @staticmethod
    def _named(transform: str, strength: int) -> str:
        amounts, told, _ = TRANSFORMS[transform]
        amount = amounts[strength]
        amount = 1 + amount if transform == "zoom" else amount
        amount = 1 - amount if transform == "shrink" else amount
        return f"{transform} {told.format(amount, amount)}: what would you call them?"

    def alt(self, transform: str, strength: int, sample: int) -> str:
        key = (transform, strength)
        wrong = [f"{c} as {g}" for c, g in enumerate(self.guesses[key][sample - 1]) if c != g]
        named = self._named(transform, strength).split(":")[0]
        read = f"reads {', '.join(wrong)}" if wrong else "reads all ten right"
        return f"{named}: the network {read}; of all images {self.shares[key].mean():.0%} right."
