"""Figures of lesson 06 on two half moons: bagged boundaries, and AdaBoost round by round."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from contourpy import LineType, contour_generator
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection

from helpers.committees import Bagged, Boosted, Moons
from helpers.explore import Explorable, explore
from helpers.plots.cells import Cells
from helpers.plots.style import FIELD_MAP, PALETTE, label_axes

GREY = "#666666"
WHITE, YELLOW = "#FFFFFF", PALETTE[7]
SURE = 2.0  # votes F beyond ±2 have the field's end colors


class Field:
    """A field over the plane with its boundary, and the training points: made once, then moved."""

    def __init__(self, ax: Axes, moons: Moons, *, low: float, high: float) -> None:
        self.moons, self.level = moons, (low + high) / 2
        x, y = moons.x_axis, moons.y_axis
        extent = (x[0], x[-1], y[0], y[-1])
        self.image = Cells(
            ax, np.zeros((len(y), len(x))), origin="lower", extent=extent, aspect="auto",
            clim=(low, high), cmap=FIELD_MAP, alpha=0.85,
        )  # fmt: skip
        self.boundary = LineCollection([], colors=WHITE, linewidths=2.5)
        ax.add_collection(self.boundary)
        self.points = [self._scatter(ax, label) for label in (0, 1)]
        ax.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
        ax.grid(visible=False)

    def _scatter(self, ax: Axes, label: int) -> PathCollection:
        of = self.moons.y == label
        edges = np.where(self.moons.wrong[of], PALETTE[1], (WHITE, "black")[label])
        face, marker = (("#00204D", "o"), (YELLOW, "^"))[label]
        widths = np.where(self.moons.wrong[of], 2.0, 0.6)
        x, y = self.moons.x[of].T
        points = ax.scatter(x, y, s=34, c=face, marker=marker, edgecolors=edges)
        points.set_linewidth(widths.tolist())
        return points

    def move(self, values: np.ndarray) -> list[Artist]:
        """Shows another field, (points of the grid,)."""
        field = values.reshape(len(self.moons.y_axis), len(self.moons.x_axis))
        self.image.set_data(field)
        found = contour_generator(
            self.moons.x_axis, self.moons.y_axis, field, line_type=LineType.Separate
        )
        self.boundary.set_segments([np.asarray(line) for line in found.lines(self.level)])
        return [self.image, self.boundary]


def explore_boundaries(moons: Moons, bags: Mapping[str, Bagged]) -> Explorable:
    """The boundary of k bagged models, and the test accuracy over k; `bags` by model name."""
    figure = _Boundaries(moons, bags)
    largest = len(figure.counts)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"k": "members k"},
        play="k",
        model=list(bags),
        k=(1, largest, 1),
    )


class _Boundaries:
    def __init__(self, moons: Moons, bags: Mapping[str, Bagged]) -> None:
        self.bags = bags
        self.scores = {
            name: ((b.on_test > 0.5) == moons.y_test).mean(1) for name, b in bags.items()
        }
        self.counts = np.arange(1, len(next(iter(self.scores.values()))) + 1)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), width_ratios=(1.35, 1))
        self.field = Field(left, moons, low=0.0, high=1.0)
        self.title = left.set_title(" ")
        label_axes(left, x="orange rim: a training point with a wrong label")
        for scores in self.scores.values():
            right.plot(self.counts, scores, color="#BBBBBB", lw=1)
        (self.line,) = right.plot([], [], color=PALETTE[0])
        (self.dot,) = right.plot([], [], color=PALETTE[0], marker="o", ms=10)
        low = min(scores.min() for scores in self.scores.values())
        right.set(xlim=(0, self.counts[-1] + 1), ylim=(low - 0.02, 1))
        label_axes(right, x="members k (gray: the other models)", y="test accuracy (right labels)")
        self.score = right.set_title(" ")

    def update(self, model: str, k: int) -> list[Artist]:
        scores = self.scores[model]
        self.line.set_data(self.counts, scores)
        self.dot.set_data([k], [scores[k - 1]])
        self.title.set_text(f"{model}, {k} bagged: share of votes for triangles")
        self.score.set_text(f"Accuracy {scores[k - 1]:.3f}, one member {scores[0]:.3f}")
        moved = self.field.move(self.bags[model].on_grid[k - 1])
        return [*moved, self.line, self.dot, self.title, self.score]

    def alt(self, model: str, k: int) -> str:
        scores = self.scores[model]
        return (
            f"Two half moons with wrong labels; {k} bagged member{'s' * (k > 1)}, {model}: "
            f"test accuracy {scores[k - 1]:.3f}, with one member {scores[0]:.3f}, with all "
            f"{len(scores)} {scores[-1]:.3f}.{self._others(model)}"
        )

    def _others(self, model: str) -> str:
        """The gray lines in words."""
        found = [f"{n} {s[-1]:.3f}" for n, s in self.scores.items() if n != model]
        return f" Others with all: {', '.join(found)}." if found else ""


def explore_boosting(moons: Moons, boosted: Boosted) -> Explorable:
    """AdaBoost's boundary and the weights of its training points, round by round."""
    figure = _Boosting(moons, boosted)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"rounds": "rounds done"},
        play="rounds",
        rounds=(1, len(boosted.on_test), 1),
    )


class _Boosting:
    def __init__(self, moons: Moons, boosted: Boosted) -> None:
        self.moons, self.boosted = moons, boosted
        self.scores = ((boosted.on_test > 0) == moons.y_test).mean(1)
        self.wrong = boosted.weights[:, moons.wrong].sum(1)  # (T + 1,)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), width_ratios=(1.35, 1))
        self.field = Field(left, moons, low=-SURE, high=SURE)
        self.title = left.set_title(" ")
        label_axes(left, x="size: weight in the next round; orange rim: wrong label")
        rounds = np.arange(len(self.wrong))
        right.plot(rounds, self.wrong, color=PALETTE[1], ls="--")
        right.plot(rounds[1:], self.scores, color=PALETTE[0])
        right.text(rounds[-1], self.wrong[-5:].max() + 0.03, "weight on wrong labels",
                   color=PALETTE[1], ha="right", size=10)  # fmt: skip
        right.text(rounds[-1], 0.97, "test accuracy", color=PALETTE[0], ha="right", size=10)
        right.axhline(moons.wrong.mean(), color=GREY, lw=1, ls=":")
        right.text(rounds[-1], moons.wrong.mean() - 0.02, "their share of the points", color=GREY,
                   ha="right", va="top", size=10)  # fmt: skip
        self.now = right.axvline(1, color=GREY, lw=6, alpha=0.25, zorder=0)
        right.set(xlim=(0, rounds[-1] + 0.5), ylim=(0, 1.04))
        label_axes(right, x="rounds")
        self.score = right.set_title(" ")

    def update(self, rounds: int) -> list[Artist]:
        weights = self.boosted.weights[rounds]
        for label, points in enumerate(self.field.points):
            points.set_sizes(6 + 34 * len(weights) * weights[self.moons.y == label])
        self.now.set_xdata([rounds, rounds])
        self.title.set_text(f"After {rounds} round{'s' * (rounds > 1)}: the vote F(x)")
        share, score = self.wrong[rounds], self.scores[rounds - 1]
        self.score.set_text(f"Accuracy {score:.3f}, {100 * share:.0f} % of weight on wrong labels")
        moved = self.field.move(self.boosted.on_grid[rounds - 1])
        return [*moved, *self.field.points, self.now, self.title, self.score]

    def alt(self, rounds: int) -> str:
        return (
            f"AdaBoost after {rounds} round{'s' * (rounds > 1)} on two half moons: test accuracy "
            f"{self.scores[rounds - 1]:.3f}; wrongly labeled points are "
            f"{self.moons.wrong.mean():.2f} of the data and carry {self.wrong[rounds]:.2f} of "
            "the weight."
        )
