"""Figures of lesson 08: what a policy does to each class, and the triangle of mixup."""

import ipywidgets
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.tri import Triangulation
from numpy.typing import NDArray
from torch import Tensor

from helpers.augmentation import CLASSES
from helpers.augmented import Runs
from helpers.explore import Explorable, explore
from helpers.plots.cells import Cells
from helpers.plots.style import FIELD_MAP, PALETTE, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#666666"


def explore_classes(runs: Runs) -> Explorable:
    """Accuracy over the strength of a policy, per class; the first arm is no augmentation.

    The other arms are the policies in their order of strength, the mildest first; the last one is
    of another kind and stands apart.
    """
    figure = _Classes(runs)
    policies = figure.policies
    start = policies[-1]
    against = {f"{runs.names[0]}": 0, f"{policies[0]}": 1}
    return explore(
        figure.fig, figure.update, alt=figure.alt,
        labels={"policy": "policy", "digit": "class shown"},
        policy=ipywidgets.SelectionSlider(options=policies, value=start, description="policy"),
        digit=(0, 9, 9),
        against=ipywidgets.ToggleButtons(options=against, value=0, description="against"),
    )  # fmt: skip


class _Classes:
    def __init__(self, runs: Runs) -> None:
        self.names, self.policies = list(runs.names), list(runs.names[1:])
        found = np.stack([runs.per_class(name) for name in runs.names])  # (A, S, 10)
        self.per_class = np.nanmean(found, 1)  # (A, 10)
        self.each, self.overall = found, runs.test[-1].mean(1)  # (A,)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=(1.3, 1))
        self._draw_curves(left)
        self._draw_bars(right)

    def _draw_curves(self, ax: Axes) -> None:
        count = len(self.names)
        x = self._apart(np.arange(count, dtype=float))
        ax.plot(x, self._apart(self.per_class), color="#BBBBBB", lw=0.9, marker=".", ms=4)
        ax.plot(x, self._apart(self.overall), color="black", lw=3, marker="o", label="mean of all")
        (self.one,) = ax.plot(x, x, color=ORANGE, lw=2.5, ls="--", marker="s", label="class shown")
        ax.axhline(self.overall[0], color="black", lw=1, ls=":", label="mean, no augmentation")
        self.here = ax.axvline(0, ymax=0.9, color=BLUE, lw=8, alpha=0.18)
        ax.set_xticks(range(count), [n.replace("no ", "no\n") for n in self.names], fontsize=9)
        ax.set(ylim=(0, 1.14), xlim=(-0.4, count - 0.6), yticks=np.arange(6) / 5)
        ax.legend(loc="upper center", fontsize=9, ncols=3)
        label_axes(ax, y="test accuracy", x="policy")
        self.left_title = ax.set_title(" ")

    @staticmethod
    def _apart(values: Floats) -> Floats:
        """With gaps after the first and before the last: no line joins them to the others."""
        return np.insert(np.asarray(values, dtype=float), [1, len(values) - 1], np.nan, axis=0)

    def _draw_bars(self, ax: Axes) -> None:
        self.bars = ax.barh(range(CLASSES), np.zeros(CLASSES), height=0.7, color=BLUE)
        (self.dots,) = ax.plot([], [], ls="", marker=".", color="black", ms=4)
        self.mean = ax.axvline(0, color="black", lw=1.5, ls="--")
        ax.axvline(0, color=GREY, lw=1)
        ax.set(xlim=(-0.9, 0.6), ylim=(9.6, -0.6))
        ax.set_yticks(range(CLASSES))
        ax.grid(visible=False, axis="y")
        label_axes(ax, x="difference per class (dashed: mean)", y="class")
        self.title = ax.set_title(" ")

    def update(self, policy: str, digit: int, against: int) -> list[Artist]:
        i = self.names.index(policy)
        self.one.set_ydata(self._apart(self.per_class[:, digit]))
        self.here.set_xdata([i, i])
        gain = self.per_class[i] - self.per_class[against]
        for c, (bar, width) in enumerate(zip(self.bars, gain, strict=True)):
            bar.set_width(width)
            bar.set_facecolor(GREEN if width >= 0 else ORANGE)
            bar.set_hatch("//" if c == digit else "")
        seeds = self.each[i] - self.each[against]  # (S, 10)
        self.dots.set_data(seeds.ravel(), np.tile(np.arange(CLASSES), len(seeds)))
        change = self.overall[i] - self.overall[against]
        self.mean.set_xdata([change, change])
        self.left_title.set_text(f"Class {digit} under each policy")
        self.title.set_text(f"{policy} less {self.names[against]}")
        return [self.one, self.here, *self.bars, self.dots, self.mean, self.left_title, self.title]

    def alt(self, policy: str, digit: int, against: int) -> str:
        i = self.names.index(policy)
        gain = 100 * (self.per_class[i] - self.per_class[against])
        change = 100 * (self.overall[i] - self.overall[against])
        return (
            f"{policy} against {self.names[against]}: mean {change:+.0f} points, class {digit} "
            f"{gain[digit]:+.0f}; most lost: class {gain.argmin()} ({gain.min():+.0f}), most "
            f"gained: class {gain.argmax()} ({gain.max():+.0f})."
        )


# mixup between three images

FINE = 24  # steps along an edge of the triangle


def barycentric(fine: int) -> Floats:
    """All weights of three that are multiples of 1/fine, (points, 3); each row sums to 1."""
    both = [(i, j) for i in range(fine + 1) for j in range(fine + 1 - i)]
    return np.array([(fine - i - j, i, j) for i, j in both]) / fine


def explore_triangle(
    networks: dict[str, Runs], arms: dict[str, str], images: Tensor, labels: Tensor
) -> Explorable:
    """Mixtures of three training images: where does the network's answer follow the mixed label?

    `arms` names the arm of each network's runs; its first seed is shown, `images` (n, D) are its.
    """
    figure = _Triangle(networks, arms, images, labels)
    return explore(
        figure.fig, figure.update, alt=figure.alt,
        labels={"away": "away from the first", "third": "toward the third"},
        network=list(networks), digits=list(figure.triples), away=(0.0, 1.0, 0.5),
        third=(0.0, 1.0, 0.3),
    )  # fmt: skip


class _Triangle:
    TRIPLES = ((3, 5, 8), (4, 6, 9), (0, 1, 7))
    CORNERS = np.array([(0.5, 0.75**0.5), (0.0, 0.0), (1.0, 0.0)])

    def __init__(
        self, networks: dict[str, Runs], arms: dict[str, str], images: Tensor, labels: Tensor
    ) -> None:
        self.weights, self.networks, self.arms = barycentric(FINE), networks, arms
        self.triples = {" · ".join(map(str, t)): t for t in self.TRIPLES}
        first = [int((labels == c).nonzero()[0]) for c in range(CLASSES)]
        self.images = {
            name: images[[first[c] for c in t]].numpy() for name, t in self.triples.items()
        }
        mixed = torch.tensor(self.weights, dtype=torch.float32)
        self.field = {
            (n, t): self._distance(self._answer(n, mixed @ torch.tensor(self.images[t])), t)
            for n in networks
            for t in self.triples
        }
        self.fig = plt.figure(figsize=(10, 4.4))
        left, middle, right = self.fig.subplots(1, 3, width_ratios=(1.6, 0.8, 1.3))
        self._draw_field(left)
        self._draw_image(middle)
        self._draw_bars(right)

    @torch.no_grad()
    def _answer(self, network: str, images: Tensor) -> Floats:
        """Probabilities (points, 10) of the arm's first seed."""
        runs = self.networks[network]
        i = runs.names.index(self.arms[network]) * runs.test.shape[2]
        return np.asarray(runs.mlps(images)[i].softmax(-1).numpy(), dtype=float)

    def _wanted(self, weights: Floats, triple: str) -> Floats:
        labels = np.zeros((len(weights), CLASSES))
        labels[:, list(self.triples[triple])] = weights
        return labels

    def _distance(self, answers: Floats, triple: str) -> Floats:
        """Half the sum of |probability − mixed label|: 0 is the label itself, 1 all elsewhere."""
        return np.asarray(np.abs(answers - self._wanted(self.weights, triple)).sum(1) / 2)

    def _draw_field(self, ax: Axes) -> None:
        x, y = (self.weights @ self.CORNERS).T
        mesh = ax.tripcolor(
            Triangulation(x, y), np.zeros(len(x)), shading="gouraud", cmap=FIELD_MAP, vmin=0, vmax=1
        )
        self.mesh = mesh
        (self.dot,) = ax.plot([], [], "o", ms=11, mfc="white", mec="black", mew=2)
        self.corners = [
            ax.text(1.16 * x - 0.08, 1.16 * y - 0.05, "", ha="center", va="center",
                    size=14, weight="bold")
            for x, y in self.CORNERS.tolist()
        ]  # fmt: skip
        ax.set(xlim=(-0.13, 1.13), ylim=(-0.12, 1.02), aspect="equal")
        ax.set_axis_off()
        bar = self.fig.colorbar(mesh, ax=ax, shrink=0.75, pad=0.06)
        bar.set_label("distance from the mixed label", size=10, labelpad=6)
        ax.set_title("All mixtures of three digits")

    def _draw_image(self, ax: Axes) -> None:
        self.picture = Cells(ax, np.zeros((12, 12)), cmap="gray_r", clim=(0, 1))
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.set_title("This mixture")
        ax.set_ylabel(" ", size=14)  # keeps the color bar's label at a distance

    def _draw_bars(self, ax: Axes) -> None:
        places = np.arange(CLASSES)
        self.label = ax.bar(places - 0.2, np.zeros(CLASSES), 0.38, color=GREY, label="mixed label")
        self.given = ax.bar(
            places + 0.2, np.zeros(CLASSES), 0.38, color=ORANGE, hatch="//", label="network"
        )
        ax.set(ylim=(0, 1.25), xticks=places)
        ax.set_yticks([0, 0.5, 1])
        ax.grid(visible=False, axis="x")
        ax.legend(loc="upper center", ncols=2)
        label_axes(ax, x="class", y="share, probability", title="Label and answer")

    def at(self, away: float, third: float) -> Floats:
        """The three weights of the slider's values, (1, 3)."""
        return np.array([[1 - away, away * (1 - third), away * third]])

    def read(self, network: str, digits: str, away: float, third: float) -> tuple[Floats, Floats]:
        """The mixed image (D,) and the network's probabilities for it, (10,)."""
        image = self.at(away, third) @ self.images[digits]
        return image[0], self._answer(network, torch.tensor(image, dtype=torch.float32))[0]

    def update(self, network: str, digits: str, away: float, third: float) -> list[Artist]:
        weights = self.at(away, third)
        image, answer = self.read(network, digits, away, third)
        self.mesh.set_array(self.field[network, digits])
        self.dot.set_data(*(weights @ self.CORNERS).T)
        side = round(image.size**0.5)
        self.picture.set_data(image.reshape(side, side))
        for text, digit in zip(self.corners, self.triples[digits], strict=True):
            text.set_text(str(digit))
        for bars, heights in ((self.label, self._wanted(weights, digits)[0]), (self.given, answer)):
            for bar, height in zip(bars, heights, strict=True):
                bar.set_height(height)
        return [self.mesh, self.dot, self.picture, *self.corners, *self.label, *self.given]

    def alt(self, network: str, digits: str, away: float, third: float) -> str:
        weights, (_, answer) = self.at(away, third), self.read(network, digits, away, third)
        parts = zip(weights[0], self.triples[digits], strict=True)
        mix = ", ".join(f"{w:.0%} of a {d}" for w, d in parts)
        far = np.abs(answer - self._wanted(weights, digits)[0]).sum() / 2
        return (
            f"{mix}. {network}: most likely {answer.argmax()} ({answer.max():.0%}), "
            f"distance from the mixed label {far:.2f}; over the triangle "
            f"{self.field[network, digits].mean():.2f}."
        )
