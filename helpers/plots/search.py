"""Figures of lesson 10: searches on a measured landscape, what they pick, and optimism."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.explore import Explorable, explore
from helpers.plots.curves import curve
from helpers.plots.style import FIELD_MAP, MARKERS, PALETTE, STYLES, label_axes
from helpers.search import METHODS, SPACE, Landscape, Searches, repeat_search

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#666666"
BUDGETS = (9, 4, 16, 25)
SCALES = ("log", "linear")
DRAWS, REPEATS = 20, 1000
LEAST = 0.03  # gap that has room for an arrow
RATES = (0.001, 0.01, 0.1, 1, 10)  # ticks
DECAYS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def explore_search(land: Landscape, *, seed: int) -> Explorable:
    """Grid, random and coarse-to-fine search on a landscape: budget, scale, method, which draw."""
    figure = _Search(land, seed)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"shown": "search shown", "scale": "spread evenly over"},
        budget=list(BUDGETS),
        shown=list(METHODS),
        scale=list(SCALES),
        draw=(1, DRAWS, 1),
    )


class _Search:
    def __init__(self, land: Landscape, seed: int) -> None:
        rng = np.random.default_rng([seed, 10])
        self.found: dict[tuple[int, str, str], Searches] = {
            (budget, method, scale): repeat_search(
                land, method, budget, repeats=REPEATS, rng=rng, scale=scale
            )
            for budget in BUDGETS
            for method in METHODS
            for scale in SCALES
        }
        self.fig, (left, right) = plt.subplots(
            1, 2, figsize=(10, 4.4), width_ratios=(1.35, 1), gridspec_kw={"wspace": 0.08}
        )
        self._draw_landscape(left, land)
        self._draw_outcomes(right)

    def _draw_landscape(self, ax: Axes, land: Landscape) -> None:
        fine = np.stack(np.meshgrid(np.linspace(0, 1, 160), np.linspace(0, 1, 80)), axis=-1)
        shown = ax.imshow(
            land.at(fine), origin="lower", extent=(0, 1, 0, 1), aspect="auto", cmap=FIELD_MAP
        )
        self.fig.colorbar(shown, ax=ax, label="accuracy, measured", pad=0.02)
        (self.points,) = ax.plot([], [], "o", color="white", mec="black", ms=7, clip_on=False)
        (self.rug,) = ax.plot([], [], "|", color=ORANGE, ms=13, mew=2, clip_on=False)
        (self.best,) = ax.plot([], [], "*", color=ORANGE, mec="black", ms=18, clip_on=False)
        rate, decay = SPACE["learning rate"], SPACE["weight decay"]
        ax.set_xticks(rate.cdf(RATES), [f"{r:g}" for r in RATES])
        ax.set_yticks(decay.cdf(DECAYS), [f"$10^{{{np.log10(d):.0f}}}$" for d in DECAYS])
        ax.set(xlim=(0, 1), ylim=(-0.06, 1.02))
        ax.grid(visible=False)
        label_axes(ax, x="learning rate", y="weight decay")
        self.title = ax.set_title(" ")

    def _draw_outcomes(self, ax: Axes) -> None:
        self.lines = [
            ax.plot([], [], color=c, ls=s, label=m)[0]
            for c, s, m in zip(PALETTE, STYLES, METHODS, strict=False)
        ]
        (self.here,) = ax.plot([], [], "*", color=ORANGE, mec="black", ms=16, clip_on=False)
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.legend(loc="upper left", title=f"{REPEATS} searches each")
        label_axes(ax, x="share of the searches", y="accuracy of what was picked")
        self.outcome = ax.set_title(" ")

    def update(self, budget: int, shown: str, scale: str, draw: int) -> list[Artist]:
        found = self.found[budget, shown, scale]
        points = found.points[draw - 1]
        pick = points[found.best[draw - 1]]
        self.points.set_data(*points.T)
        self.best.set_data(pick[:1], pick[1:])
        self.rug.set_data(points[:, 0], np.full(budget, -0.03))
        self.title.set_text(f"{len(np.unique(points[:, 0].round(9)))} learning rates tried")
        share = (np.arange(REPEATS) + 0.5) / REPEATS
        for line, method in zip(self.lines, METHODS, strict=True):
            line.set_data(share, np.sort(self.found[budget, method, scale].accuracy))
            line.set_alpha(1.0 if method == shown else 0.45)
        rank = np.mean(found.accuracy < found.accuracy[draw - 1])
        self.here.set_data([rank], [found.accuracy[draw - 1]])
        self.outcome.set_text(f"{shown}: mean {found.accuracy.mean():.2f}")
        return [self.points, self.best, self.rug, self.title, *self.lines, self.here, self.outcome]

    def alt(self, budget: int, shown: str, scale: str, draw: int) -> str:
        told = ", ".join(
            f"{method} {self.found[budget, method, scale].accuracy.mean():.2f}"
            for method in METHODS
        )
        picked = self.found[budget, shown, scale].accuracy[draw - 1]
        return (
            f"{budget} trials, {scale} scale. Mean accuracy picked: {told}. Shown is search {draw} "
            f"by {shown}: {picked:.2f}."
        )


def plot_four(picked: Mapping[str, Floats]) -> Figure:
    """Test accuracy of what each search picked: a dot a search, sorted, with the mean as a line."""
    fig, ax = plt.subplots(figsize=(9.6, 3.9))
    for i, (name, values) in enumerate(picked.items()):
        share = (np.arange(len(values)) + 0.5) / len(values)
        ax.plot(share, np.sort(values), marker=MARKERS[i], ms=6, lw=1, ls=STYLES[i],
                color=PALETTE[i], label=f"{name}: mean {values.mean():.2f}")  # fmt: skip
        ax.axhline(values.mean(), color=PALETTE[i], lw=1, ls=(0, (2, 2)))
    ax.set(ylim=(0, 0.85), xlim=(0, 1))
    ax.legend(loc="lower right")
    label_axes(ax, title="Four hyper-parameters, 16 trials: what the searches picked, worst first",
               x="share of the searches", y="test accuracy")  # fmt: skip
    return fig


def plot_optimism(counts: Sequence[int], columns: Mapping[int, tuple[Floats, Floats]]) -> Figure:
    """The best validation score of k trials and its accuracy on other images, over k."""
    fig, axes = plt.subplots(1, len(columns), figsize=(9.6, 3.9), sharey=True)
    for ax, (n_val, (scores, honest)) in zip(axes, columns.items(), strict=True):
        curve(ax, counts, scores, label="its validation score", index=1)
        curve(ax, counts, honest, label="its accuracy on other images", index=0)
        gap = scores[-1].mean() - honest[-1].mean()
        if gap > LEAST:
            ax.annotate("", (counts[-1], scores[-1].mean()), (counts[-1], honest[-1].mean()),
                        arrowprops={"arrowstyle": "<->", "color": GREY})  # fmt: skip
        ax.set(xscale="log", ylim=(0, 0.95))
        label_axes(ax, title=f"{n_val} validation images: gap {gap:.2f}", x="trials")
    axes[0].set_ylabel("accuracy of the best trial")
    axes[-1].legend(loc="lower right", borderaxespad=0.1)  # where the bands leave most room
    return fig
