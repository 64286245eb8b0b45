"""Figures of shrinkage: the proximal step, descent on a kink, coefficient paths, networks."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ipywidgets import ToggleButtons
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from helpers.explore import Explorable, Log, explore
from helpers.plots.curves import paired_dots
from helpers.plots.style import PALETTE
from helpers.sparsity import Regression

Array = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
PENALTIES: dict[str, Callable[[Array], Array]] = {"L1": np.abs, "L2": lambda z: 0.5 * z**2}
COLORS = {"L1": BLUE, "L2": ORANGE}
DASHES = {"L1": "-", "L2": "--"}
FINE = np.linspace(-3, 3, 6001)  # contains 0 exactly: index 3000
COARSE = FINE[::5]


def minimizer(penalty: str, w: float, t: float) -> float:
    """The z of FINE with the least ½ (z − w)² + t · penalty(z): by search, within 0.0005."""
    return float(FINE[np.argmin(0.5 * (FINE - w) ** 2 + t * PENALTIES[penalty](FINE))])


def explore_proximal() -> Explorable:
    """Left, the function that a proximal step minimizes; right, where it sends every weight."""
    figure = _Proximal()
    return explore(figure.fig, figure.update, alt=figure.alt, w=(-3.0, 3.0, 0.8), t=(0.0, 2.0, 1.0),
                   labels={"t": "threshold t"})  # fmt: skip


class _Proximal:
    sweep = np.linspace(-3, 3, 121)

    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4))
        self._draw_bowls(left)
        self._draw_maps(right)

    def _draw_bowls(self, ax: Axes) -> None:
        self.bowls = {k: ax.plot([], [], DASHES[k], color=c, label=k)[0] for k, c in COLORS.items()}
        self.lows = _draw_marks(ax)
        ax.set(xlim=(-3.2, 3.2), ylim=(-0.2, 5), xlabel="z", ylabel="½ (z − w)² + t · penalty(z)")
        self.title = ax.set_title(" ")

    def _draw_maps(self, ax: Axes) -> None:
        ax.plot([-3, 3], [-3, 3], color="#BBBBBB", linewidth=1)
        ax.annotate("unchanged", (2.2, 2.2), xytext=(-8, 6), textcoords="offset points",
                    ha="right", color="#777777")  # fmt: skip
        self.maps = {k: ax.plot([], [], DASHES[k], color=c)[0] for k, c in COLORS.items()}
        self.here = _draw_marks(ax)
        ax.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), xlabel="w before the step",
               ylabel="w after the step")  # fmt: skip
        ax.legend([*self.maps.values()], list(self.maps), loc="lower right")

    def update(self, w: float, t: float) -> list[Any]:
        best = {k: minimizer(k, w, t) for k in COLORS}
        for k in COLORS:
            values = 0.5 * (COARSE - w) ** 2 + t * PENALTIES[k](COARSE)
            self.bowls[k].set_data(COARSE, values)
            low = 0.5 * (best[k] - w) ** 2 + t * PENALTIES[k](np.array(best[k]))
            self.lows[k].set_data([best[k]], [low])
            self.maps[k].set_data(self.sweep, self._shrunk(k, t))
            self.here[k].set_data([w], [best[k]])
        self.title.set_text(self._told(w, t))
        groups = (self.bowls, self.lows, self.maps, self.here)
        return [*(artist for group in groups for artist in group.values()), self.title]

    def _shrunk(self, penalty: str, t: float) -> Array:
        cost = 0.5 * (COARSE[:, None] - self.sweep) ** 2 + t * PENALTIES[penalty](COARSE)[:, None]
        found: Array = COARSE[cost.argmin(0)]
        return found

    @staticmethod
    def _told(w: float, t: float) -> str:
        one, two = minimizer("L1", w, t), minimizer("L2", w, t)
        return f"w = {w:.2f} goes to {one:.2f} (L1), {two:.2f} (L2)"

    def alt(self, w: float, t: float) -> str:
        told = self._told(w, t)
        return f"Threshold t = {t:.2f}: {told}. L1 sends all of [−{t:.2f}, {t:.2f}] to zero."


def _draw_marks(ax: Axes) -> dict[str, Line2D]:
    return {
        k: ax.plot([], [], "*" if k == "L1" else "o", color=c, markersize=14,
                   markeredgecolor="white")[0] for k, c in COLORS.items()
    }  # fmt: skip


FLOOR = 1e-8  # where an exact zero is drawn on a logarithmic axis


def explore_descent(
    steps: NDArray[np.int64],
    paths: Mapping[str, Array],
    true: NDArray[np.bool_],
    rates: list[float],
    *,
    start: float,
) -> Explorable:
    """Every |wⱼ| over the steps on a log axis: subgradient beside proximal steps, by learning rate.

    paths: for "subgradient" and "proximal" the coefficients (T, len(rates), d).
    true: (d,), which coefficients are not zero in the truth.
    start: the rate, one of `rates`, that is shown first.
    """
    figure = _Descent(steps, paths, true, rates)
    buttons = ToggleButtons(
        options=rates, value=start, description="learning rate", style={"button_width": "auto"}
    )
    return explore(figure.fig, figure.update, alt=figure.alt, lr=buttons)


class _Descent:
    def __init__(
        self,
        steps: NDArray[np.int64],
        paths: Mapping[str, Array],
        true: NDArray[np.bool_],
        rates: list[float],
    ) -> None:
        self.steps, self.paths, self.true, self.rates = steps, paths, true, rates
        self.fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.8), sharey=True)
        self.lines, self.titles = {}, {}
        for ax, name in zip(axes, ("subgradient", "proximal"), strict=True):
            self.lines[name] = self._draw_lines(ax)
            self.titles[name] = ax.set_title(" ")
        axes[0].set_ylabel("|wⱼ|")
        axes[0].text(1.3, 1.6, "non-zero in truth", color=ORANGE, va="center")
        axes[0].text(1.3, 2e-5, "zero in truth", color=BLUE, va="center")

    def _draw_lines(self, ax: Axes) -> list[tuple[Line2D, NDArray[np.bool_]]]:
        last = self.steps[-1]
        ax.axhspan(FLOOR / 5, FLOOR * 5, color=GREEN, alpha=0.15, linewidth=0)
        ax.text(0.97 * last, 2.2 * FLOOR, "exactly 0 ", color="#00664B", va="center", ha="right")
        looks = ((~self.true, BLUE, 0.7, 0.7), (self.true, ORANGE, 2, 1))
        lines = [
            (ax.plot([], [], color=color, linewidth=width, alpha=alpha)[0], which)
            for which, color, width, alpha in looks
        ]
        ax.set(xscale="log", yscale="log", xlim=(1, last), ylim=(FLOOR / 5, 5), xlabel="step")
        ax.set_yticks([1, 1e-2, 1e-4, 1e-6, FLOOR], ["1", "0.01", "0.0001", "0.000001", "0"])
        ax.minorticks_off()
        return lines

    def update(self, lr: float) -> list[Any]:
        chosen = self.rates.index(lr)
        for name, group in self.lines.items():
            sizes = np.abs(self.paths[name][:, chosen])  # (T, d)
            for line, which in group:
                line.set_data(*_joined(self.steps, np.maximum(sizes[:, which], FLOOR)))
            zeros = (sizes[-1] == 0).sum()
            self.titles[name].set_text(f"{name}: {zeros} of {len(self.true)} exactly 0")
        lines = [[line for line, _ in group] for group in self.lines.values()]
        return [*lines, *self.titles.values()]

    def alt(self, lr: float) -> str:
        last = {name: path[-1, self.rates.index(lr)] for name, path in self.paths.items()}
        off = np.abs(last["subgradient"][~self.true])
        return (
            f"Learning rate {lr}: after {self.steps[-1]} steps subgradient descent has "
            f"{(last['subgradient'] == 0).sum()} exact zeros and leaves the others at about "
            f"{np.median(off):.1g}; proximal steps have {(last['proximal'] == 0).sum()}."
        )


def _joined(x: NDArray[np.int64], curves: Array) -> tuple[Array, Array]:
    """Many curves (T, k) over one x as a single line with NaN between them: it draws faster."""
    ends = np.full((1, curves.shape[1]), np.nan)
    return np.tile(np.append(x, x[-1]), curves.shape[1]), np.vstack([curves, ends]).T.ravel()


def explore_paths(problem: Regression, lams: Array, paths: Mapping[str, Array]) -> Explorable:
    """Coefficients over λ for ridge and lasso, and below them the coefficients at one λ.

    paths: for "ridge" and "lasso" the coefficients (len(lams), d).
    """
    figure = _Paths(problem, lams, paths)
    start = float(lams[len(lams) // 2])
    return explore(figure.fig, figure.update, alt=figure.alt,
                   lam=Log(float(lams[0]), float(lams[-1]), start),
                   labels={"lam": "λ"})  # fmt: skip


class _Paths:
    def __init__(self, problem: Regression, lams: Array, paths: Mapping[str, Array]) -> None:
        self.problem, self.lams, self.paths = problem, lams, paths
        self.order = np.argsort(-np.abs(problem.w))
        self.places = np.arange(len(self.order))
        self.fig, axes = plt.subplots(2, 2, figsize=(9.6, 6.4), sharey="row",
                                      height_ratios=(3, 2))  # fmt: skip
        self.moved = {
            name: self._draw_column(upper, lower, name)
            for name, upper, lower in zip(("ridge", "lasso"), *axes, strict=True)
        }
        looks = (("non-zero in truth", ORANGE, 2, "-"), ("zero in truth", BLUE, 0.9, "-"),
                 ("lowest test error", "#444444", 1.5, ":"))  # fmt: skip
        keys = [Line2D([], [], color=c, linewidth=lw, ls=ls, label=t) for t, c, lw, ls in looks]
        self.fig.legend(handles=keys, loc="outside upper center", ncols=3)
        axes[0, 0].set_ylabel("coefficients")
        axes[1, 0].set_ylabel("at this λ (– truth)")

    def _draw_column(self, upper: Axes, lower: Axes, name: str) -> tuple[Any, ...]:
        true, path = self.problem.w != 0, self.paths[name]
        _draw_paths(upper, self.lams, path, true)
        _mark_best(upper, self.lams, [self.problem.test_error(w) for w in path])
        here = upper.axvline(self.lams[0], color="black", linewidth=1.5)
        lower.plot(self.places, self.problem.w[self.order], "_", color="#888888", markersize=13,
                   markeredgewidth=2)  # fmt: skip
        stems = lower.vlines(self.places, 0, self.places, linewidth=2,
                             color=[ORANGE if t else BLUE for t in true[self.order]])  # fmt: skip
        (full,) = lower.plot([], [], "o", color="black", markersize=5)
        (zero,) = lower.plot([], [], "o", color="black", markersize=5, fillstyle="none")
        lower.axhline(0, color="#999999", linewidth=1)
        lower.set(xlabel="coefficient, by true size", xticks=[], ylim=(-2.4, 2.4))
        return here, stems, full, zero, upper.set_title(" ")

    def update(self, lam: float) -> list[Any]:
        for name, (here, stems, full, zero, title) in self.moved.items():
            w = self._at(name, lam)
            heights = w[self.order]
            here.set_xdata([lam, lam])
            stems.set_segments(
                [[(i, 0), (i, v)] for i, v in zip(self.places, heights, strict=True)]
            )
            nothing = heights == 0
            full.set_data(self.places[~nothing], heights[~nothing])
            zero.set_data(self.places[nothing], heights[nothing])
            title.set_text(self._told(name, w))
        return [artist for group in self.moved.values() for artist in group]

    def _at(self, name: str, lam: float) -> Array:
        found: Array = self.paths[name][int(np.abs(np.log(self.lams / lam)).argmin())]
        return found

    def _told(self, name: str, w: Array) -> str:
        error = self.problem.test_error(w)
        return f"{name}: {(w == 0).sum()} of {w.size} exactly 0, test error {error:.2f}"

    def alt(self, lam: float) -> str:
        both = "; ".join(self._told(name, self._at(name, lam)) for name in ("ridge", "lasso"))
        return f"At λ = {lam:.3g}, {both}."


def _draw_paths(ax: Axes, lams: Array, path: Array, true: NDArray[np.bool_]) -> None:
    for j, important in enumerate(true):
        ax.plot(lams, path[:, j], "-", color=ORANGE if important else BLUE,
                linewidth=2 if important else 0.9, alpha=1 if important else 0.6)  # fmt: skip
    ax.axhline(0, color="#999999", linewidth=1)
    ax.set(xscale="log", xlabel="λ", xlim=(lams[0], lams[-1]))
    ax.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])


def _mark_best(ax: Axes, lams: Array, errors: list[float]) -> None:
    best = int(np.argmin(errors))
    ax.axvline(lams[best], color="#444444", linewidth=1.5, linestyle=":")
    ax.set_xlabel(f"λ (lowest test error: {errors[best]:.2f})")


def plot_sparse_networks(measured: Mapping[str, Mapping[str, Array]], lams: list[float]) -> Figure:
    """Left, the share of weights at zero over λ by two methods; right, the accuracies, paired."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.2))
    places = np.arange(len(lams))
    looks = (("subgradient", "zeros", "s--", ORANGE, "subgradient: exactly 0"),
             ("subgradient", "small", "s:", "#E69F00", "subgradient: |w| < 0.001"),
             ("proximal", "zeros", "o-", BLUE, "proximal: exactly 0"))  # fmt: skip
    for method, what, look, color, label in looks:
        left.plot(places, measured[method][what].mean(1), look, color=color, label=label)
    left.set_xticks(places, [f"{lam:g}" for lam in lams])
    left.set(xlabel="λ", ylabel="share of weights", ylim=(-0.03, 1))
    left.legend(loc="upper left")
    left.set_title("Zeros need the proximal step")
    paired_dots(right, [f"{lam:g}" for lam in lams], measured["proximal"]["accuracy"],
                unit="test accuracy")  # fmt: skip
    right.set_xlabel("λ")
    right.set_title("Accuracy, one line a seed (proximal)")
    return fig


def plot_recovery(results: Mapping[str, Array], n_true: int) -> Figure:
    """True and false features found by each method, and its test error; rows (seeds, 3)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6), width_ratios=(3, 2))
    places = np.arange(len(results))
    told = {"lasso": "lasso, rule", "ridge, CV": "ridge, CV\n(20 largest)"}
    names = [told.get(name, name) for name in results]
    for i, found in enumerate(results.values()):
        right_ones, false_ones = found[:, 0].mean(), found[:, 1].mean()
        left.barh(i, right_ones, color=GREEN, height=0.6)
        left.barh(i, false_ones, left=right_ones, color="#BBBBBB", hatch="//", height=0.6,
                  edgecolor="white")  # fmt: skip
        total, spread = right_ones + false_ones, found[:, :2].sum(1).std()
        left.errorbar(total, i, xerr=spread, color="black", capsize=3)
        left.text(total + spread + 2, i, f"{right_ones:.1f} true, {false_ones:.1f} false",
                  va="center")  # fmt: skip
    left.axvline(n_true, color="black", linewidth=1, linestyle=":")
    left.set(yticks=places, yticklabels=names, xlim=(0, 130), xlabel="features kept")
    left.invert_yaxis()
    left.grid(axis="y", visible=False)
    left.set_title(f"{n_true} of 200 features matter")
    paired_dots(right, [name.split("\n")[0] for name in names],
                np.array([r[:, 2] for r in results.values()]),
                unit="test error (log)")  # fmt: skip
    right.set_yscale("log")
    return fig
