"""A digit that is turned, what many masks say of it, and how sure they are on the whole."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from helpers.explore import Explorable, explore
from helpers.plots.cells import Cells
from helpers.plots.curves import curve
from helpers.plots.style import PALETTE, label_axes

BLUE = PALETTE[0]
CLASSES = 10


class Opinions(NamedTuple):
    """What many masks say of turned images; A angles, M masks, K classes, S seeds.

    images: (digits, A, 64). masks: (digits, A, M, K). The rest is over `n_images` others, (A, S):
    accuracy of the mean over masks; thinned, scaled: confidence of that mean and of weight scaling;
    disagreement: the share of masks that call another class than the mean does.
    """

    angles: Sequence[int]
    labels: Sequence[int]
    images: np.ndarray
    masks: np.ndarray
    accuracy: np.ndarray
    thinned: np.ndarray
    scaled: np.ndarray
    disagreement: np.ndarray
    n_images: int


def turned_digit(opinions: Opinions) -> Explorable:
    """A digit that is turned: every mask's opinion, their mean, and confidence over the angle."""
    from ipywidgets import SelectionSlider

    figure = _Turned(opinions)
    options = [(f"{angle}°", angle) for angle in opinions.angles]
    slider = SelectionSlider(options=options, description="angle")
    return explore(
        figure.fig, figure.update, alt=figure.alt, angle=slider, digit=list(figure.names)
    )


class _Turned:
    def __init__(self, opinions: Opinions) -> None:
        self.opinions = opinions
        self.names = {f"{label}": i for i, label in enumerate(opinions.labels)}
        self.fig, (left, middle, right) = plt.subplots(
            1, 3, figsize=(10, 3.9), width_ratios=(0.55, 1.2, 1.3)
        )
        self.picture = Cells(left, np.zeros((8, 8)), cmap="gray_r", clim=(0, 1))
        left.axis("off")
        self._draw_masks(middle)
        _confidence_curves(right, opinions)
        self.here = right.axvline(0, color="#888888", linewidth=1)

    def _draw_masks(self, ax: Axes) -> None:
        self.bars = ax.bar(range(CLASSES), np.zeros(CLASSES), color=BLUE, alpha=0.5)
        count = self.opinions.masks.shape[2]
        self.jitter = np.linspace(-0.3, 0.3, count)[:, None] + np.arange(CLASSES)  # (M, K)
        (self.dots,) = ax.plot([], [], ".", color="#444444", markersize=3)
        self.title = ax.set_title("")
        ax.set(ylim=(-0.02, 1.02), xticks=range(CLASSES))
        label_axes(ax, x=f"class (bar: mean, dots: {count} masks)", y="probability")

    def update(self, angle: int, digit: str) -> list[Artist]:
        at, row = self.opinions.angles.index(angle), self.names[digit]
        probs = self.opinions.masks[row, at]  # (M, K)
        mean = probs.mean(0)
        self.picture.set_data(self.opinions.images[row, at].reshape(8, 8))
        for bar, height in zip(self.bars, mean, strict=True):
            bar.set_height(height)
        self.dots.set_data(self.jitter.ravel(), probs.ravel())
        self.title.set_text(f"The {digit}, called {mean.argmax()} with {mean.max():.2f}")
        self.here.set_xdata([angle, angle])
        return [self.picture, *self.bars, self.dots, self.title, self.here]

    def alt(self, angle: int, digit: str) -> str:
        opinions = self.opinions
        at = opinions.angles.index(angle)
        mean = opinions.masks[self.names[digit], at].mean(0)
        return (
            f"The {digit} turned by {angle} degrees; the mean over masks calls it {mean.argmax()} "
            f"with probability {mean.max():.2f}. Over {opinions.n_images} images: accuracy of "
            f"the mean over masks {opinions.accuracy[at].mean():.2f}, its confidence "
            f"{opinions.thinned[at].mean():.2f}, that of weight scaling "
            f"{opinions.scaled[at].mean():.2f}."
        )


def _confidence_curves(ax: Axes, opinions: Opinions) -> None:
    runs = (opinions.scaled, opinions.thinned, opinions.accuracy)
    names = ("confidence, weight scaling", "confidence, mean over masks", "accuracy of that mean")
    for index, (values, name) in enumerate(zip(runs, names, strict=True)):
        curve(ax, opinions.angles, values, label=name, index=index, marker=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=9, labelspacing=0.2)
    ax.set(ylim=(0, 1.02), xticks=(0, 45, 90, 135, 180))
    label_axes(ax, x="turned by (degrees)", y=f"mean over {opinions.n_images} test images")
