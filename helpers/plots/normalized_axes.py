"""Lesson 05: the cube of axes, with the cells lit that share one mean and one variance."""

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from helpers.explore import Explorable, explore
from helpers.plots.cells import Cells
from helpers.plots.style import PALETTE, label_axes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
GREY = "#666666"

KINDS = ("batch", "layer", "instance", "group")
GROUPS = (1, 2, 3, 6)
CHOICES = {kind: (kind, 1) for kind in KINDS[:3]} | {f"group: {g}": ("group", g) for g in GROUPS}
IMAGES, CHANNELS, PIXELS = 4, 6, 4
LIT = PALETTE[1]
DEPTH = np.array([0.42, 0.36])  # where the axis of images points, on paper
FACES = {  # corners (channel, pixel, image) of the faces that are seen, and how bright each is
    "front": (((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)), 1.0),
    "top": (((0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)), 1.25),
    "side": (((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)), 0.75),
}
MEANING = {
    "batch": ("N, H, W", "nn.BatchNorm2d(6)", "yes", "only over H, W"),
    "layer": ("C, H, W", "nn.LayerNorm([6, H, W])", "no", "nothing changes"),
    "instance": ("H, W", "nn.InstanceNorm2d(6)", "no", "nothing changes"),
    "group": ("H, W and a group's channels", "nn.GroupNorm({groups}, 6)", "no", "nothing changes"),
}


def number_sets(kind: str, groups: int) -> Ints:
    """Which set every (image, channel) belongs to, (IMAGES, CHANNELS): one mean, one variance each.

    Raises ValueError for another kind, or groups that do not divide the channels.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}; got {kind!r}")
    if groups < 1 or CHANNELS % groups:
        raise ValueError(f"groups divides the {CHANNELS} channels; got {groups}")
    image, channel = np.indices((IMAGES, CHANNELS))
    return {
        "batch": channel,
        "layer": image,
        "instance": image * CHANNELS + channel,
        "group": image * groups + channel // (CHANNELS // groups),
    }[kind].astype(np.int64)


def _draw_cube(ax: Axes) -> tuple[PolyCollection, Ints, Array]:
    """The cells' faces from back to front, the (image, channel) of each and its brightness."""
    polygons, owners, bright = [], [], []
    for n in reversed(range(IMAGES)):
        for c in range(CHANNELS):
            for p in range(PIXELS):
                for corners, light in FACES.values():
                    at = np.array(corners) * 0.9 + (c, p, n)
                    polygons.append(at[:, :2] + at[:, 2:] * DEPTH)
                    owners.append((n, c))
                    bright.append(light)
    cells = PolyCollection(polygons, linewidths=0.5)
    ax.add_collection(cells)
    ax.set(xlim=(-1.1, 8.1), ylim=(-1.0, 5.9), aspect="equal")
    ax.axis("off")
    ax.annotate("channels C →", (0, -0.35), va="top", color=GREY)
    ax.annotate("H, W →", (-0.15, 0), rotation=90, ha="right", va="bottom", color=GREY)
    along = {"rotation": np.rad2deg(np.arctan2(*DEPTH[::-1])), "rotation_mode": "anchor"}
    ax.annotate("images N →", (6.05, -0.1), va="top", color=GREY, **along)  # below the side faces
    return cells, np.array(owners), np.array(bright)


def _face_colors(lit: NDArray[np.bool_], bright: Array) -> tuple[Array, Array]:
    base = np.array(to_rgb(LIT))
    faces = np.empty((len(lit), 4))
    faces[:, :3] = np.where(lit[:, None], np.clip(base * bright[:, None], 0, 1), 0.8)
    faces[:, 3] = np.where(lit, 1.0, 0.13)
    edges = np.where(lit[:, None], (1, 1, 1, 1.0), (0.5, 0.5, 0.5, 0.35))
    return faces, edges


def explore_axes() -> Explorable:
    """The cube N × C × (H, W): the cells that share one mean and one variance are lit."""
    from ipywidgets import ToggleButtons

    figure = _Cube()
    buttons = ToggleButtons(
        options=list(CHOICES), description="kind", style={"button_width": "auto"}
    )
    return explore(
        figure.fig, figure.update, alt=figure.alt, choice=buttons, which=(1, IMAGES * CHANNELS, 1),
        labels={"which": "which set"},
    )  # fmt: skip


class _Cube:
    def __init__(self) -> None:
        self.fig, (left, middle, right) = plt.subplots(
            1, 3, figsize=(10, 3.5), width_ratios=(1.5, 0.85, 1.1)
        )
        self.cells, self.owners, self.bright = _draw_cube(left)
        self.title = left.set_title(" ")
        self._draw_numbers(middle)
        right.axis("off")
        self.facts = right.text(0, 0.86, "", va="top", linespacing=1.75, transform=right.transAxes)

    def _draw_numbers(self, ax: Axes) -> None:
        self.grid = Cells(ax, np.zeros((IMAGES, CHANNELS)), cmap="Oranges", clim=(-0.1, 1.6))
        ax.set_xticks(range(CHANNELS), [str(c + 1) for c in range(CHANNELS)])
        ax.set_yticks(range(IMAGES), [str(n + 1) for n in range(IMAGES)])
        ax.grid(visible=False)
        label_axes(ax, title="number of the set", x="channel", y="image")
        self.numbers = [
            ax.text(c, n, "", ha="center", va="center")
            for n in range(IMAGES)
            for c in range(CHANNELS)
        ]

    def update(self, choice: str, which: int) -> list[Any]:
        kind, groups = CHOICES[choice]
        sets = number_sets(kind, groups)
        chosen = sets == (which - 1) % (sets.max() + 1)  # (IMAGES, CHANNELS)
        faces, edges = _face_colors(chosen[self.owners[:, 0], self.owners[:, 1]], self.bright)
        self.cells.set(facecolors=faces, edgecolors=edges)
        self.grid.set_data(chosen.astype(float))
        for text, number in zip(self.numbers, sets.ravel(), strict=True):
            text.set_text(str(number + 1))
        self.title.set_text(f"{kind} norm: the mean is over {MEANING[kind][0]}")
        self.facts.set_text("\n".join(tell(kind, groups)))
        return [self.cells, self.grid, *self.numbers, self.title, self.facts]

    def alt(self, choice: str, which: int) -> str:
        kind, groups = CHOICES[choice]
        sets = number_sets(kind, groups)
        index = (which - 1) % (int(sets.max()) + 1)
        images, channels = np.nonzero(sets == index)
        return (
            f"A cube of {IMAGES} images, {CHANNELS} channels, {PIXELS} pixels. {kind} norm, set "
            f"{index + 1} is lit: images {_span(images)}, channels {_span(channels)}, all pixels. "
            + " ".join(f"{line}." for line in tell(kind, groups)[1:])
        )


def tell(kind: str, groups: int) -> list[str]:
    """What this normalization means, a line per fact."""
    sets = int(number_sets(kind, groups).max()) + 1
    _, torch_name, mixes, single = MEANING[kind]
    same = {1: "the same as layer norm", CHANNELS: "the same as instance norm"}
    lines = [
        torch_name.format(groups=groups),
        f"means and variances: {sets}",
        f"values in each: {IMAGES * CHANNELS * PIXELS // sets}",
        f"depends on the other images: {mixes}",
        f"a batch of one image: {single}",
        f"running statistics: {'yes' if kind == 'batch' else 'no'}",
    ]
    return [*lines, same[groups]] if kind == "group" and groups in same else lines


def _span(values: Ints) -> str:
    low, high = int(values.min()) + 1, int(values.max()) + 1
    return str(low) if low == high else f"{low} to {high}"
