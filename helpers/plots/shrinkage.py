"""Figures of shrinkage: the proximal step, descent on a kink, coefficient paths, networks."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
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
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4))
    bowls = {k: left.plot([], [], DASHES[k], color=c, label=k)[0] for k, c in COLORS.items()}
    lows = {k: left.plot([], [], "*" if k == "L1" else "o", color=c, markersize=14,
                         markeredgecolor="white")[0] for k, c in COLORS.items()}  # fmt: skip
    left.set(xlim=(-3.2, 3.2), ylim=(-0.2, 5), xlabel="z", ylabel="½ (z − w)² + t · penalty(z)")
    title = left.set_title(" ")
    right.plot([-3, 3], [-3, 3], color="#BBBBBB", linewidth=1)
    right.annotate("unchanged", (2.2, 2.2), xytext=(-8, 6), textcoords="offset points",
                   ha="right", color="#777777")  # fmt: skip
    maps = {k: right.plot([], [], DASHES[k], color=c)[0] for k, c in COLORS.items()}
    here = {k: right.plot([], [], "*" if k == "L1" else "o", color=c, markersize=14,
                          markeredgecolor="white")[0] for k, c in COLORS.items()}  # fmt: skip
    right.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), xlabel="w before the step",
              ylabel="w after the step")  # fmt: skip
    right.legend([*maps.values()], list(maps), loc="lower right")
    sweep = np.linspace(-3, 3, 121)

    def update(w: float, t: float) -> list[Any]:
        best = {k: minimizer(k, w, t) for k in COLORS}
        for k in COLORS:
            values = 0.5 * (COARSE - w) ** 2 + t * PENALTIES[k](COARSE)
            bowls[k].set_data(COARSE, values)
            low = 0.5 * (best[k] - w) ** 2 + t * PENALTIES[k](np.array(best[k]))
            lows[k].set_data([best[k]], [low])
            maps[k].set_data(sweep, shrunk(k, t))
            here[k].set_data([w], [best[k]])
        title.set_text(told(w, t))
        return [*bowls.values(), *lows.values(), *maps.values(), *here.values(), title]

    def shrunk(penalty: str, t: float) -> Array:
        cost = 0.5 * (COARSE[:, None] - sweep) ** 2 + t * PENALTIES[penalty](COARSE)[:, None]
        found: Array = COARSE[cost.argmin(0)]
        return found

    def told(w: float, t: float) -> str:
        one, two = minimizer("L1", w, t), minimizer("L2", w, t)
        return f"w = {w:.2f} goes to {one:.2f} (L1), {two:.2f} (L2)"

    def alt(w: float, t: float) -> str:
        return f"Threshold t = {t:.2f}: {told(w, t)}. L1 sends all of [−{t:.2f}, {t:.2f}] to zero."

    return explore(fig, update, alt=alt, w=(-3.0, 3.0, 0.8), t=(0.0, 2.0, 1.0),
                   labels={"t": "threshold t"})  # fmt: skip


FLOOR = 1e-8  # where an exact zero is drawn on a logarithmic axis


def explore_descent(
    steps: NDArray[np.int64],
    paths: Mapping[str, Array],
    true: NDArray[np.bool_],
    rates: list[float],
) -> Explorable:
    """Every |wⱼ| over the steps on a log axis: subgradient beside proximal steps, by learning rate.

    paths: for "subgradient" and "proximal" the coefficients (T, len(rates), d).
    true: (d,), which coefficients are not zero in the truth.
    """
    fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.8), sharey=True)
    lines, titles = {}, {}
    for ax, name in zip(axes, ("subgradient", "proximal"), strict=True):
        ax.axhspan(FLOOR / 5, FLOOR * 5, color=GREEN, alpha=0.15, linewidth=0)
        ax.text(
            0.97 * steps[-1], 2.2 * FLOOR, "exactly 0 ", color="#00664B", va="center", ha="right"
        )
        looks = ((~true, BLUE, 0.7, 0.7), (true, ORANGE, 2, 1))
        lines[name] = [
            (ax.plot([], [], color=color, linewidth=width, alpha=alpha)[0], which)
            for which, color, width, alpha in looks
        ]
        ax.set(xscale="log", yscale="log", xlim=(1, steps[-1]), ylim=(FLOOR / 5, 5), xlabel="step")
        ax.set_yticks([1, 1e-2, 1e-4, 1e-6, FLOOR], ["1", "0.01", "0.0001", "0.000001", "0"])
        ax.minorticks_off()
        titles[name] = ax.set_title(" ")
    axes[0].set_ylabel("|wⱼ|")
    axes[0].text(1.3, 1.6, "non-zero in truth", color=ORANGE, va="center")
    axes[0].text(1.3, 2e-5, "zero in truth", color=BLUE, va="center")

    def update(lr: float) -> list[Any]:
        chosen = rates.index(lr)
        for name, group in lines.items():
            sizes = np.abs(paths[name][:, chosen])  # (T, d)
            for line, which in group:
                line.set_data(*_joined(steps, np.maximum(sizes[:, which], FLOOR)))
            zeros = (sizes[-1] == 0).sum()
            titles[name].set_text(f"{name}: {zeros} of {len(true)} exactly 0")
        return [[line for line, _ in group] for group in lines.values()] + [*titles.values()]

    def alt(lr: float) -> str:
        last = {name: path[-1, rates.index(lr)] for name, path in paths.items()}
        off = np.abs(last["subgradient"][~true])
        return (
            f"Learning rate {lr}: after {steps[-1]} steps subgradient descent has "
            f"{(last['subgradient'] == 0).sum()} exact zeros and leaves the others at about "
            f"{np.median(off):.1g}; proximal steps have {(last['proximal'] == 0).sum()}."
        )

    return explore(fig, update, alt=alt, lr=rates, labels={"lr": "learning rate"})


def _joined(x: NDArray[np.int64], curves: Array) -> tuple[Array, Array]:
    """Many curves (T, k) over one x as a single line with NaN between them: it draws faster."""
    ends = np.full((1, curves.shape[1]), np.nan)
    return np.tile(np.append(x, x[-1]), curves.shape[1]), np.vstack([curves, ends]).T.ravel()


def explore_paths(problem: Regression, lams: Array, paths: Mapping[str, Array]) -> Explorable:
    """Coefficients over λ for ridge and lasso, and below them the coefficients at one λ.

    paths: for "ridge" and "lasso" the coefficients (len(lams), d).
    """
    fig, axes = plt.subplots(2, 2, figsize=(9.6, 6.4), sharey="row",
                             height_ratios=(3, 2))  # fmt: skip
    true, moved = problem.w != 0, {}
    order = np.argsort(-np.abs(problem.w))
    places = np.arange(len(order))
    for column, name in enumerate(("ridge", "lasso")):
        upper, lower = axes[:, column]
        _draw_paths(upper, lams, paths[name], true)
        _mark_best(upper, lams, [problem.test_error(w) for w in paths[name]])
        here = upper.axvline(lams[0], color="black", linewidth=1.5)
        lower.plot(places, problem.w[order], "_", color="#888888", markersize=13, markeredgewidth=2)
        stems = lower.vlines(places, 0, places, color=[ORANGE if t else BLUE for t in true[order]],
                             linewidth=2)  # fmt: skip
        (full,) = lower.plot([], [], "o", color="black", markersize=5)
        (zero,) = lower.plot([], [], "o", color="black", markersize=5, fillstyle="none")
        lower.axhline(0, color="#999999", linewidth=1)
        lower.set(xlabel="coefficient, by true size", xticks=[], ylim=(-2.4, 2.4))
        moved[name] = (here, stems, full, zero, upper.set_title(" "))
    axes[0, 0].set_ylabel("coefficients")
    axes[1, 0].set_ylabel("at this λ (– truth)")

    def update(lam: float) -> list[Any]:
        for name, (here, stems, full, zero, title) in moved.items():
            w = at(name, lam)
            here.set_xdata([lam, lam])
            stems.set_segments([[(i, 0), (i, v)] for i, v in zip(places, w[order], strict=True)])
            nothing = w[order] == 0
            full.set_data(places[~nothing], w[order][~nothing])
            zero.set_data(places[nothing], w[order][nothing])
            title.set_text(told(name, w))
        return [artist for group in moved.values() for artist in group]

    def at(name: str, lam: float) -> Array:
        found: Array = paths[name][int(np.abs(np.log(lams / lam)).argmin())]
        return found

    def told(name: str, w: Array) -> str:
        error = problem.test_error(w)
        return f"{name}: {(w == 0).sum()} of {w.size} exactly 0, test error {error:.2f}"

    def alt(lam: float) -> str:
        both = "; ".join(told(name, at(name, lam)) for name in ("ridge", "lasso"))
        return f"At λ = {lam:.3g}, {both}."

    start = float(lams[len(lams) // 2])
    return explore(fig, update, alt=alt, lam=Log(float(lams[0]), float(lams[-1]), start),
                   labels={"lam": "λ"})  # fmt: skip


def _draw_paths(ax: Axes, lams: Array, path: Array, true: NDArray[np.bool_]) -> None:
    for j, important in enumerate(true):
        ax.plot(lams, path[:, j], "-", color=ORANGE if important else BLUE,
                linewidth=2 if important else 0.9, alpha=1 if important else 0.6)  # fmt: skip
    ax.axhline(0, color="#999999", linewidth=1)
    ax.set(xscale="log", xlabel="λ", xlim=(lams[0], lams[-1]))
    ax.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    ax.text(0.98, 0.95, "non-zero in truth", color=ORANGE, ha="right", transform=ax.transAxes)
    ax.text(0.98, 0.88, "zero in truth", color=BLUE, ha="right", transform=ax.transAxes)


def _mark_best(ax: Axes, lams: Array, errors: list[float]) -> None:
    best = int(np.argmin(errors))
    ax.axvline(lams[best], color="#444444", linewidth=1.5, linestyle=":")
    ax.text(0.98, 0.04, f"dotted: lowest test error, {errors[best]:.2f}", ha="right",
            color="#444444", transform=ax.transAxes)  # fmt: skip


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
