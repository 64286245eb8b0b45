"""Figures of lesson 03 that show finished runs: decay under noise, and accuracy over λ."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from helpers.decay import NoiseRun, mean_field
from helpers.decay_sweep import DECAYED, Choices, Sweep
from helpers.explore import Explorable, explore
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes

GREY = "#666666"
DASHES = (0, (4, 2))


def explore_noise(run: NoiseRun) -> Explorable:
    """A weight under gradients of one scale, and what is left of it over all scales."""
    figure = _Noise(run)
    options = [(f"{c:.2g}", float(c)) for c in run.scales]
    start = float(run.scales[len(run.scales) // 3])
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"weight_decay": "λ"},
        scale=ipywidgets.SelectionSlider(
            options=options, value=start, description="gradient std c"
        ),
        weight_decay=list(run.decays),
    )


class _Noise:
    def __init__(self, run: NoiseRun) -> None:
        self.run = run
        self.fields = {decay: mean_field(run, decay) for decay in run.decays}
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
        self._draw_paths(left)
        self._draw_ends(right)

    def _draw_paths(self, ax: Axes) -> None:
        names = list(enumerate(self.run.optimizers))
        self.bands = [ax.fill_between([], [], color=PALETTE[i], alpha=0.2, lw=0) for i, _ in names]
        self.means = [
            ax.plot([], [], color=PALETTE[i], ls=STYLES[i], lw=2.5, label=name,
                    markevery=(10, 20), **_mark(i))[0]
            for i, name in names
        ]  # fmt: skip
        (self.expected,) = ax.plot([], [], color="black", lw=1, ls=DASHES, label="theory for Adam")
        ax.set(xlim=(0, self.run.steps[-1]), ylim=(-0.15, 1.2))
        label_axes(ax, x="step", y="weight, mean ± 1 std of 100")
        self.title = ax.set_title(" ")
        ax.legend(loc="lower left", ncols=2)

    def _draw_ends(self, ax: Axes) -> None:
        self.ends = [
            ax.plot([], [], color=PALETTE[i], ls="", **_mark(i))[0]
            for i in range(len(self.run.optimizers))
        ]
        (self.curve,) = ax.plot([], [], color="black", lw=1, ls=DASHES)
        (self.level,) = ax.plot([], [], color="black", lw=1)
        self.chosen = ax.axvline(1, ymin=0.15 / 1.35, color=GREY, lw=8, alpha=0.2, zorder=0)
        self.note = ax.text(self.run.scales[0], 0, "", size=10, color=GREY, va="bottom")
        formula = "theory for Adam: −ηλw / √(mean of c² + λ²w²) a step"
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        ax.text(self.run.scales[0], -0.03, formula, size=10, color=GREY, va="top", bbox=ground)
        ax.set(xscale="log", xlim=(self.run.scales[0] / 1.5, self.run.scales[-1] * 1.5))
        title = f"What is left after {self.run.steps[-1]} steps"
        label_axes(ax, title=title, x="std c of the weight's gradient")

    def _find(self, scale: float, weight_decay: float) -> tuple[int, int, float]:
        """The indices of the scale and of λ, and what pure decay leaves."""
        at = int(np.argmin(np.abs(self.run.scales - scale)))
        ideal = (1 - self.run.lr * weight_decay) ** int(self.run.steps[-1])
        return at, self.run.decays.index(weight_decay), ideal

    def update(self, scale: float, weight_decay: float) -> list[Artist]:
        run, (at, which, ideal) = self.run, self._find(scale, weight_decay)
        for i in range(len(run.optimizers)):
            mean, std = run.mean[i, which, :, at], run.std[i, which, :, at]
            self.means[i].set_data(run.steps, mean)
            self.bands[i].set_data(run.steps, mean - std, mean + std)
            self.ends[i].set_data(run.scales, run.mean[i, which, -1])
        self.expected.set_data(run.steps, self.fields[weight_decay][:, at])
        self.curve.set_data(run.scales, self.fields[weight_decay][-1])
        self.level.set_data(run.scales[[0, -1]], [ideal, ideal])
        self.note.set(text=f"(1 − ηλ)ᵗ = {ideal:.2f}", y=ideal + 0.03)
        self.chosen.set_xdata([run.scales[at]] * 2)
        self.title.set_text(f"Gradients of pure noise, std {scale:.2g}; η = {run.lr:g}")
        moved = (self.expected, self.curve, self.level, self.note, self.chosen, self.title)
        return [*self.bands, *self.means, *self.ends, *moved]

    def alt(self, scale: float, weight_decay: float) -> str:
        at, which, ideal = self._find(scale, weight_decay)
        ends = zip(self.run.optimizers, self.run.mean[:, which, -1, at], strict=True)
        return (
            f"Weights that start at 1, noise of std {scale:.2g}, λ {weight_decay}: after "
            f"{self.run.steps[-1]} steps {', '.join(f'{name} {w:.2f}' for name, w in ends)}; "
            f"pure decay leaves {ideal:.2f}."
        )


def _mark(optimizer: int) -> dict[str, Any]:
    """The first is a ring around the others: SGD and AdamW coincide."""
    ring: dict[str, Any] = {"mfc": "none"} if optimizer == 0 else {}
    return {"marker": MARKERS[optimizer], "ms": (10, 6, 6)[optimizer], "mew": 1.5, **ring}


def explore_sweep(sweep: Sweep) -> Explorable:
    """Test accuracy and ‖w‖ over λ, clean and noisy labels, and the curves of one λ."""
    figure = _Sweep(sweep)
    options = [(f"{d:g}", d) for d in sweep.decays]
    slider = ipywidgets.SelectionSlider(options=options, value=sweep.decays[0], description="λ")
    return explore(figure.fig, figure.update, alt=figure.alt, weight_decay=slider)


class _Sweep:
    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.labels = ("clean labels", f"{100 * sweep.noise:.0f} % wrong labels")
        self.fig, (accuracy, norm, learning) = plt.subplots(1, 3, figsize=(10, 4.0))
        self._draw_over_decay(accuracy, sweep.test[..., -1], top=1.02, title="Test accuracy")
        self._draw_over_decay(norm, sweep.norm, top=None, title="‖w‖ at the end")
        accuracy.legend(loc="lower left")
        self.picks = [  # above the lines, which stay where they are; on the left above the legend
            ax.axvline(0, ymin=low, color=GREY, lw=10, alpha=0.2, zorder=5)
            for ax, low in ((accuracy, 0.24), (norm, 0))
        ]
        self._draw_learning(learning)

    def _draw_over_decay(
        self, ax: Axes, values: np.ndarray, *, top: float | None, title: str
    ) -> None:
        """A thin line a seed and their mean with markers; `values` is (λ, 2, S)."""
        x = self.sweep.decays
        for i, label in enumerate(self.labels):
            color = PALETTE[i]
            ax.plot(x, values[:, i], color=color, lw=0.7, alpha=0.5)
            mean = values[:, i].mean(1)
            ax.plot(x, mean, color=color, ls=STYLES[i], marker=MARKERS[i], label=label)
        _set_log_with_zero(ax, x)
        ax.set_ylim(0, top)
        label_axes(ax, title=title, x="λ")

    def _draw_learning(self, ax: Axes) -> None:
        names = {"training, as labeled": ":", "test": "--"}
        self.curves = [
            ax.plot([], [], color=PALETTE[1], ls=style, lw=2.2, label=name)[0]
            for name, style in names.items()
        ]
        last, right = self.sweep.steps[-1], 1 - self.sweep.noise
        ax.axhline(right, color=GREY, lw=1, ls=(0, (2, 2)), zorder=1)
        ax.text(last, right - 0.03, "share of right labels", size=9, color=GREY, ha="right",
                va="top")  # fmt: skip
        ax.set(xlim=(0, last), ylim=(0, 1.02))
        ax.legend(loc="lower right")
        label_axes(ax, x="step")
        self.title = ax.set_title(" ")

    def update(self, weight_decay: float) -> list[Artist]:
        at = self.sweep.decays.index(weight_decay)
        records = (self.sweep.train, self.sweep.test)
        for line, record in zip(self.curves, records, strict=True):
            line.set_data(self.sweep.steps, record[at, 1].mean(0))
        for pick in self.picks:
            pick.set_xdata([weight_decay] * 2)
        self.title.set_text(f"Accuracy, wrong labels, λ = {weight_decay:g}")
        return [*self.curves, *self.picks, self.title]

    def alt(self, weight_decay: float) -> str:
        sweep, parts = self.sweep, []
        at = sweep.decays.index(weight_decay)
        for i, label in enumerate(self.labels):
            test = sweep.test[at, i, :, -1]
            gain = test - sweep.test[0, i, :, -1]
            against = (
                f"{gain.mean():+.3f} against λ = {sweep.decays[0]:g}, better for "
                f"{(gain > 0).sum()} of {gain.size} seeds, "
            )
            parts.append(
                f"{label}: test accuracy {test.mean():.3f}, {against if at else ''}"
                f"‖w‖ {sweep.norm[at, i].mean():.1f}"
            )
        test, train = sweep.test[at, 1].mean(0), sweep.train[at, 1].mean(0)
        highest = int(test.argmax())
        return (
            f"λ {weight_decay:g}. {'; '.join(parts)}. With wrong labels the test accuracy is "
            f"highest at step {sweep.steps[highest]}, {test[highest]:.2f}, and {test[-1]:.2f} at "
            f"the end; the training accuracy ends at {train[-1]:.2f}."
        )


def _set_log_with_zero(ax: Axes, decays: Sequence[float]) -> None:
    """A log axis for λ with a place for 0 and a tick at each; close ones are labelled lower."""
    positive = sorted(d for d in decays if d > 0)
    low, high = positive[0], positive[-1]
    ax.set_xscale("symlog", linthresh=low, linscale=0.2)
    close = [d for a, d in pairwise(positive) if d < 1.99 * a]
    ticks = [0.0, *positive]
    ax.set_xticks(ticks, ["\n" * (d in close) + f"{d:g}" for d in ticks], size=10)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-0.25 * low, 1.4 * high)


def draw_choices(ax: Axes, choices: Choices) -> list[Artist]:
    """Test accuracy over λ for every choice of what decays, its best λ ringed; the lines drawn."""
    lines: list[Artist] = []
    for i, (name, values) in enumerate(zip(DECAYED, choices.test, strict=True)):  # (λ, S)
        ax.plot(choices.decays, values, color=PALETTE[i], lw=0.7, alpha=0.4)
        style: dict[str, Any] = {"color": PALETTE[i], "ls": STYLES[i], "marker": MARKERS[i]}
        mean = values.mean(1)
        lines += ax.plot(choices.decays, mean, lw=2.5, label=name, **style)
        best = choices.best[i]
        ax.plot(choices.decays[best], mean[best], "o", ms=17, mfc="none", mec=PALETTE[i], mew=2)
    level = choices.nothing.mean()
    lines.append(ax.axhline(level, color=GREY, lw=1.5, ls=DASHES, label="nothing"))
    ax.set(xscale="log", ylim=(0, 0.9))
    ax.set_xticks(choices.decays, [f"{d:g}" for d in choices.decays])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(loc="lower left", title="what decays (best λ: ring)", alignment="left")
    return lines
