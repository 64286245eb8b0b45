"""Figures of lesson 06 that show errors: correlated errors, and the error of networks over k."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from scipy.stats import norm

from helpers.ensembles import SOURCES, Ensembles, errors_over_k, v_and_c
from helpers.explore import Explorable, explore
from helpers.plots.curves import curve
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes

GREY = "#666666"
BLUE, ORANGE, GREEN = PALETTE[:3]
DASHES = (0, (4, 2))


def explore_correlation(seed: int, *, largest: int = 40, draws: int = 4000) -> Explorable:
    """Histogram of an ensemble's error for k members of correlation c/v, and its variance."""
    figure = _Correlation(seed, largest, draws)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"k": "members k", "correlation": "correlation c/v"},
        k=(1, largest, 1),
        correlation=(0.0, 1.0, 0.0),
    )


class _Correlation:
    """Errors of variance 1: √ρ of what members have in common, √(1 − ρ) of their own."""

    def __init__(self, seed: int, largest: int, draws: int) -> None:
        rng = np.random.default_rng([seed, 60])
        self.common = rng.normal(size=draws)
        own = rng.normal(size=(largest, draws))
        self.counts = np.arange(1, largest + 1)
        self.own = own.cumsum(0) / self.counts[:, None]  # the mean of the first k, (K, draws)
        self.edges = np.linspace(-4, 4, 61)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.0), width_ratios=(1.15, 1))
        self._draw_histogram(left)
        self._draw_variance(right)

    def _draw_histogram(self, ax: Axes) -> None:
        alone, _ = np.histogram(self.own[0], self.edges, density=True)
        ax.stairs(alone, self.edges, color=GREY, lw=1)
        ax.text(-1.45, 0.23, "one member", size=10, color=GREY, ha="right")
        self.bars = ax.stairs(alone, self.edges, fill=True, color=BLUE, alpha=0.45)
        (self.bell,) = ax.plot([], [], color=ORANGE, lw=2)
        self.edge_note = ax.text(3.95, 0.96, "", size=10, color=ORANGE, ha="right", va="top",
                                 transform=ax.get_xaxis_transform())  # fmt: skip
        self.left = ax
        label_axes(ax, x="error of the ensemble", y="density")
        ax.set(xlim=(-4, 4), ylim=(0, 2.7))
        self.title = ax.set_title(" ")

    def _draw_variance(self, ax: Axes) -> None:
        ax.plot(self.counts, 1 / self.counts, color=GREY, lw=1, ls=DASHES)
        (self.theory,) = ax.plot([], [], color=ORANGE, lw=2)
        (self.limit,) = ax.plot([], [], color=ORANGE, lw=1, ls=":")
        (self.dots,) = ax.plot([], [], color=BLUE, marker="o", ls="", ms=4, alpha=0.7)
        (self.chosen,) = ax.plot([], [], color=BLUE, marker="o", ms=11, mfc="none", mew=2.5)
        self.limit_note = ax.text(self.counts[-1], 0, "", size=10, color=ORANGE, ha="right")
        told = "members k (dashed: v/k, of independent errors)"
        label_axes(ax, title="Variance: measured, and the formula", x=told)
        ax.set(xlim=(0, self.counts[-1] + 1), ylim=(0, 1.15))

    def _errors(self, correlation: float) -> np.ndarray:
        return np.sqrt(correlation) * self.common + np.sqrt(1 - correlation) * self.own

    def update(self, k: int, correlation: float) -> list[Artist]:
        errors = self._errors(correlation)  # (K, draws)
        expected = correlation + (1 - correlation) / self.counts
        heights, _ = np.histogram(errors[k - 1], self.edges, density=True)
        self.bars.set_data(heights)
        x = np.linspace(-4, 4, 241)
        self.bell.set_data(x, norm.pdf(x, scale=np.sqrt(expected[k - 1])))
        self.edge_note.set_text(f"formula: std {np.sqrt(expected[k - 1]):.2f}")
        variances = errors.var(1)
        self.dots.set_data(self.counts, variances)
        self.chosen.set_data([k], [variances[k - 1]])
        self.theory.set_data(self.counts, expected)
        self.limit.set_data([0, self.counts[-1] + 1], [correlation] * 2)
        self.limit_note.set(text=f"c = {correlation:.2f}", y=correlation - 0.055, va="top")
        self.limit_note.set_visible(correlation > 0.15)
        members = "1 member" if k == 1 else f"{k} members"
        self.title.set_text(f"{members}, correlation {correlation:.2f}")
        moved = [self.bars, self.bell, self.edge_note, self.dots, self.chosen, self.theory]
        return [*moved, self.limit, self.limit_note, self.title]

    def alt(self, k: int, correlation: float) -> str:
        measured = self._errors(correlation)[k - 1].var()
        expected = correlation + (1 - correlation) / k
        return (
            f"Histogram of the mean of {k} error{'s' * (k > 1)} of variance 1 and correlation "
            f"{correlation:.2f}: variance {measured:.3f}, by the formula {expected:.3f}; "
            f"independent errors would have {1 / k:.3f}."
        )


def explore_sources(runs: Mapping[str, Ensembles]) -> Explorable:
    """Brier error over k for a source of diversity, with the curve predicted from few members.

    `runs` maps what the labels are, such as "right labels", to its ensembles.
    """
    figure = _Sources(runs)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={
            "labels_are": "trained on",
            "source": "members differ in",
            "data": "v, c from",
        },
        labels_are=list(runs),
        source=list(SOURCES),
        members=(2, figure.largest, min(5, figure.largest)),
        data=["validation", "test"],
    )


class _Sources:
    def __init__(self, runs: Mapping[str, Ensembles]) -> None:
        self.runs = runs
        first = next(iter(runs.values()))
        self.largest = len(first.test["all three"])
        self.counts = np.arange(1, self.largest + 1)
        self.moments = {
            (name, source): v_and_c(run.test[source], run.y_test).mean(1)
            for name, run in runs.items()
            for source in SOURCES
        }
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), width_ratios=(1.5, 1))
        self._draw_curves(left)
        self._draw_bars(right)

    def _draw_curves(self, ax: Axes) -> None:
        self.band = ax.fill_between([], [], color=BLUE, alpha=0.15, lw=0)
        (self.actual,) = ax.plot([], [], color=BLUE, marker="o", ls="", label="actual, test images")
        (self.predicted,) = ax.plot([], [], color=ORANGE, label="c + (v − c)/k, predicted")
        (self.limit,) = ax.plot([], [], color=ORANGE, ls=":", lw=1.5, label="c, its limit")
        (self.naive,) = ax.plot([], [], color=GREY, ls=DASHES, lw=1, label="v/k")
        ax.set(xlim=(0.5, self.largest + 0.5), ylim=(0, 1.05))
        ax.legend(loc="upper right", ncols=2)
        label_axes(ax, x="members k", y="Brier error, mean of seeds ± 1 std")
        self.title = ax.set_title(" ")

    def _draw_bars(self, ax: Axes) -> None:
        places = np.arange(len(SOURCES))[::-1]
        self.whole = ax.barh(places, [0.5] * len(places), height=0.62, color=PALETTE[5], alpha=0.7)
        self.shared = ax.barh(places, [0.4] * len(places), height=0.62, color=BLUE)
        self.marks = [ax.text(0.02, p, name, va="center", color="white", size=10)
                      for name, p in zip(SOURCES, places, strict=True)]  # fmt: skip
        self.sums = [ax.text(0, p, "", va="center", size=10) for p in places]
        ax.set(xlim=(0, 0.95), yticks=[])
        ax.grid(visible=False, axis="y")
        ax.spines["left"].set_visible(False)
        label_axes(ax, x="Brier error", title="On test: c (dark), v (dark and light)")

    def _prediction(
        self, run: Ensembles, source: str, members: int, data: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """v and c, (2, S), from the first members on the chosen set; and the errors, (K, S)."""
        probs, labels = (run.val, run.y_val) if data == "validation" else (run.test, run.y_test)
        moments = v_and_c(probs[source][:members], labels)
        return moments, errors_over_k(run.test[source], run.y_test)

    def update(self, labels_are: str, source: str, members: int, data: str) -> list[Artist]:
        (v, c), errors = self._prediction(self.runs[labels_are], source, members, data)
        curves = c + (v - c) / self.counts[:, None]  # (K, S)
        mean, std = errors.mean(1), errors.std(1)
        self.actual.set_data(self.counts, mean)
        self.band.set_data(self.counts, mean - std, mean + std)
        self.predicted.set_data(self.counts, curves.mean(1))
        self.limit.set_data([0.5, self.largest + 0.5], [c.mean()] * 2)
        self.naive.set_data(self.counts, v.mean() / self.counts)
        off = abs(curves[-1] - errors[-1]).mean()
        self.title.set_text(
            f"From {members} members: a seed is off by {_tell(off)} on average (k = {self.largest})"
        )
        return [self.band, self.actual, self.predicted, self.limit, self.naive, self.title,
                *self._move_bars(labels_are, source)]  # fmt: skip

    def _move_bars(self, labels_are: str, chosen: str) -> list[Artist]:
        for i, source in enumerate(SOURCES):
            v, c = self.moments[labels_are, source]
            self.whole[i].set_width(v)
            self.shared[i].set_width(c)
            for bar in (self.whole[i], self.shared[i]):
                bar.set_edgecolor("black" if source == chosen else "none")
                bar.set_linewidth(2)
            self.sums[i].set(x=v + 0.015, text=f"c/v {c / v:.2f}")
        return [*self.whole, *self.shared, *self.marks, *self.sums]

    def alt(self, labels_are: str, source: str, members: int, data: str) -> str:
        (v, c), errors = self._prediction(self.runs[labels_are], source, members, data)
        off = abs(c + (v - c) / self.largest - errors[-1]).mean()
        v, c = v.mean(), c.mean()
        return (
            f"{labels_are}, members differ in {source}: with v {v:.3f} and c {c:.3f} from "
            f"{members} members on {data}, {self.largest} members should have the error "
            f"{c + (v - c) / self.largest:.3f}; they have {errors[-1].mean():.3f} on test. "
            f"These are means of {errors.shape[1]} seeds; the prediction of one seed is off by "
            f"{_tell(off)} on average."
        )


def _tell(value: float) -> str:
    return f"{value:.0e}" if value < 1e-3 else f"{value:.3f}"


def draw_votes(ax: Axes, counts: Sequence[int], votes: Mapping[str, np.ndarray]) -> None:
    """Accuracy over k, a curve with spread for each way to vote: arrays (len(counts), S)."""
    for i, (name, runs) in enumerate(votes.items()):
        curve(ax, counts, runs, label=name, index=i, marker=True)
    ax.legend(loc="lower right")
    label_axes(ax, x="members k", y="test accuracy")


def draw_comparison(axes: Sequence[Axes], scores: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """One panel a task: each method's accuracies as dots, (S,), and their mean as a line.

    The methods are four members, four committees of them, committees of trees, and a single model.
    """
    for ax, (task, methods) in zip(axes, scores.items(), strict=True):
        places = np.arange(len(methods))[::-1]
        for i, (place, values) in enumerate(zip(places, methods.values(), strict=True)):
            group = (i > 3) + (i > 7) + (i == len(methods) - 1)
            color, marker = (*PALETTE[:3], "black")[group], MARKERS[group]
            ax.plot(values, [place] * len(values), color=color, marker=marker, ls="", alpha=0.7)
            ax.vlines(values.mean(), place - 0.35, place + 0.35, color=color, lw=3)
            ax.text(values.min() - 0.015, place, f"{values.mean():.2f}", ha="right", va="center",
                    size=9, color=color, bbox={"color": "white", "pad": 0.5})  # fmt: skip
        best = max(values.mean() for values in list(methods.values())[:4])
        ax.axvline(best, color=GREY, lw=1, ls=STYLES[1], zorder=1)
        ax.text(best - 0.01, -0.95, "best of the four members", size=9, color=GREY, ha="right",
                va="center")  # fmt: skip
        ax.set_yticks(places, list(methods))
        ax.set(xlim=(0.25, 1), ylim=(-1.4, len(methods) - 0.4))
        label_axes(ax, title=task, x="test accuracy")
