"""Lesson 05: the cube of axes, and the statistics of batches of different sizes."""

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from helpers.explore import Explorable, Log, explore
from helpers.plots.style import PALETTE, label_axes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
GREY = "#666666"

KINDS = ("batch", "layer", "instance", "group")
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
    ax.annotate("images N →", (6.25, 0.15), rotation=40, color=GREY, rotation_mode="anchor")
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
    fig, (left, middle, right) = plt.subplots(
        1, 3, figsize=(10, 3.5), width_ratios=(1.5, 0.85, 1.1)
    )
    cells, owners, bright = _draw_cube(left)
    title = left.set_title(" ")
    grid = middle.imshow(np.zeros((IMAGES, CHANNELS)), cmap="Oranges", vmin=-0.1, vmax=1.6)
    middle.set_xticks(range(CHANNELS), [str(c + 1) for c in range(CHANNELS)])
    middle.set_yticks(range(IMAGES), [str(n + 1) for n in range(IMAGES)])
    middle.grid(visible=False)
    label_axes(middle, title="number of the set", x="channel", y="image")
    numbers = [
        middle.text(c, n, "", ha="center", va="center")
        for n in range(IMAGES)
        for c in range(CHANNELS)
    ]
    right.axis("off")
    facts = right.text(0, 0.86, "", va="top", linespacing=1.75, transform=right.transAxes)

    def update(kind: str, groups: int, which: int) -> list[Any]:
        sets = number_sets(kind, groups)
        chosen = sets == (which - 1) % (sets.max() + 1)  # (IMAGES, CHANNELS)
        faces, edges = _face_colors(chosen[owners[:, 0], owners[:, 1]], bright)
        cells.set(facecolors=faces, edgecolors=edges)
        grid.set_data(chosen.astype(float))
        for text, number in zip(numbers, sets.ravel(), strict=True):
            text.set_text(str(number + 1))
        title.set_text(f"{kind} norm: the mean is over {MEANING[kind][0]}")
        facts.set_text("\n".join(tell(kind, groups)))
        return [cells, grid, *numbers, title, facts]

    def alt(kind: str, groups: int, which: int) -> str:
        sets = number_sets(kind, groups)
        index = (which - 1) % (int(sets.max()) + 1)
        images, channels = np.nonzero(sets == index)
        return (
            f"A cube of {IMAGES} images, {CHANNELS} channels, {PIXELS} pixels. {kind} norm, set "
            f"{index + 1} is lit: images {_span(images)}, channels {_span(channels)}, all pixels. "
            + " ".join(f"{line}." for line in tell(kind, groups)[1:])
        )

    return explore(
        fig, update, alt=alt, kind=list(KINDS), groups=[1, 2, 3, 6],
        which=(1, IMAGES * CHANNELS, 1),
        labels={"groups": "groups (of GN)", "which": "which set"},
    )  # fmt: skip


def tell(kind: str, groups: int) -> list[str]:
    """What this normalization means, a line a fact."""
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


BATCHES = 400
SHOWN = 60  # batches that an image is put into
STEPS = 300
BINS = 60


def explore_statistics(z: Array, *, seed: int) -> Explorable:
    """One unit's inputs z (n,): batch means by batch size, outputs in training, running mean."""
    rng = np.random.default_rng([seed, 51])
    picks = rng.integers(len(z), size=(max(BATCHES, STEPS), 128))
    mean, std = z.mean(), z.std()
    images = np.quantile(z, [0.05, 0.3, 0.5, 0.7, 0.95], method="nearest")  # (5,)
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.9))
    means = _MeansPanel(axes[0], mean, std)
    outputs = _OutputsPanel(axes[1], (images - mean) / std, rng)
    lag = _LagPanel(axes[2], mean, std)

    def update(size: int, momentum: float) -> list[Any]:
        drawn = z[picks[:, :size]]  # (batches, size)
        return [
            *means.move(drawn[:BATCHES].mean(1), size),
            *outputs.move(normalize_in(drawn[:SHOWN, : size - 1], images), size),
            *lag.move(drawn[:STEPS].mean(1), size, momentum),
        ]

    def alt(size: int, momentum: float) -> str:
        drawn = z[picks[:, :size]]
        spread = normalize_in(drawn[:SHOWN, : size - 1], images).std(0).mean()
        left_over = (1 - momentum) ** STEPS
        return (
            f"Batches of {size}: their means have a standard deviation of "
            f"{drawn[:BATCHES].mean(1).std() / std:.2f} of the unit's (theory {size**-0.5:.2f}). "
            f"An image's output varies by {spread:.2f} from batch to batch. With momentum "
            f"{momentum:.2g} the running mean holds {left_over:.1%} of its start after {STEPS} "
            "batches."
        )

    sizes = ipywidgets.SelectionSlider(
        options=[2, 4, 8, 16, 32, 64, 128], value=32, description="batch size"
    )
    return explore(fig, update, alt=alt, size=sizes, momentum=Log(0.001, 1.0, 0.1))


def normalize_in(others: Array, images: Array) -> Array:
    """Each of the images (k,) normalized together with the rows of others (m, size − 1): (m, k)."""
    count, rest = others.shape
    joined = np.empty((count, len(images), rest + 1))
    joined[:, :, :rest] = others[:, None]
    joined[:, :, rest] = images
    return F.layer_norm(torch.from_numpy(joined), (rest + 1,)).numpy()[
        :, :, -1
    ]  # one row, one batch


class _MeansPanel:
    """Histogram of batch means, with the normal curve of standard deviation σ/√B."""

    def __init__(self, ax: Axes, mean: float, std: float) -> None:
        self.mean, self.std = mean, std
        self.low, self.high = mean - 2.2 * std, mean + 2.2 * std
        self.edges = np.linspace(self.low, self.high, BINS + 1)
        self.bars = ax.stairs(np.zeros(BINS), self.edges, fill=True, color=PALETTE[5])
        (self.theory,) = ax.plot([], [], color="black", lw=1.2, ls=(0, (4, 2)))
        ax.axvline(mean, color=GREY, lw=1)
        ax.set(xlim=(self.low, self.high), ylim=(0, 1.25), yticks=[])
        label_axes(ax, x="mean of a batch", y="density (scaled)")
        ax.text(0.03, 0.9, "dashed: N(μ, σ²/B)", transform=ax.transAxes, color=GREY, fontsize=9)
        self.title = ax.set_title(" ")

    def move(self, means: Array, size: int) -> list[Any]:
        counts, _ = np.histogram(means, self.edges, density=True)
        width = self.std / np.sqrt(size)
        peak = 1 / (width * np.sqrt(2 * np.pi))
        x = np.linspace(self.low, self.high, 300)
        self.bars.set_data(np.minimum(counts / peak, 1.24))
        self.theory.set_data(x, np.exp(-(((x - self.mean) / width) ** 2) / 2))
        self.title.set_text(f"Means of batches of {size}")
        return [self.bars, self.theory, self.title]


class _OutputsPanel:
    """What five images become in training, in many batches, and in eval mode."""

    def __init__(self, ax: Axes, exact: Array, rng: np.random.Generator) -> None:
        self.places = np.arange(len(exact)) + rng.uniform(-0.25, 0.25, (SHOWN, len(exact)))
        (self.dots,) = ax.plot([], [], ".", color=PALETTE[0], ms=4, alpha=0.6)
        spots = np.arange(len(exact))
        ax.hlines(exact, spots - 0.4, spots + 0.4, color=PALETTE[1], lw=2.5)
        ax.text(0.03, 0.9, "— eval mode", transform=ax.transAxes, color=PALETTE[1], fontsize=9)
        ax.set(ylim=(-3.6, 3.6), xlim=(-0.6, len(exact) - 0.4))
        ax.set_xticks(spots, [str(i + 1) for i in spots])
        label_axes(ax, x="image", y="output (γ = 1, β = 0)")
        self.title = ax.set_title(" ")

    def move(self, outputs: Array, size: int) -> list[Any]:
        self.dots.set_data(self.places.ravel(), np.clip(outputs, -3.5, 3.5).ravel())
        self.title.set_text(f"{SHOWN} batches of {size}")
        return [self.dots, self.title]


class _LagPanel:
    """The running mean over the batches, from 0, with the band in which it settles."""

    def __init__(self, ax: Axes, mean: float, std: float) -> None:
        self.mean, self.std = mean, std
        self.band = ax.axhspan(mean, mean, color=PALETTE[2], alpha=0.2, lw=0)
        (self.line,) = ax.plot([], [], color=PALETTE[2], lw=1.5)
        ax.axhline(mean, color=GREY, lw=1)
        far = max(abs(mean), 0.4 * std)
        ax.set(xlim=(0, STEPS), ylim=(min(0, mean) - 0.7 * far, max(0, mean) + 0.7 * far))
        label_axes(ax, x="batches seen")
        self.title = ax.set_title(" ")

    def move(self, means: Array, size: int, momentum: float) -> list[Any]:
        path = _average(means, momentum)
        settled = self.std / np.sqrt(size) * np.sqrt(momentum / (2 - momentum))
        self.line.set_data(np.arange(len(path)), path)
        self.band.set_y(self.mean - settled)
        self.band.set_height(2 * settled)
        self.title.set_text(f"Running mean, momentum {momentum:.2g}")
        return [self.line, self.band, self.title]


def _average(values: Sequence[float] | Array, momentum: float) -> Array:
    """The exponential average of values from 0, before the first and after each of them."""
    path = [0.0]
    for value in values:
        path.append(path[-1] + momentum * (float(value) - path[-1]))
    return np.array(path)
