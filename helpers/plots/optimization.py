"""Explorables of lesson 10: six optimizers on a ravine, and a designer of schedules."""

from functools import lru_cache

import ipywidgets
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from helpers import noisy_bowl, rates, ravine
from helpers.explore import Explorable, Log, explore
from helpers.plots.style import PALETTE, STYLES, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY, PALE = "#666666", "#BBBBBB"
COLORS = (PALETTE[6], *PALETTE[:5])  # SGD is black
SHIFTS = {"best": 0, "best / 2": -ravine.DOUBLE, "best × 2": ravine.DOUBLE}
FAMILIES = {"all": range(6), "one rate for all": range(3), "a rate for each": range(3, 6)}
LEVELS = np.geomspace(0.05, 400, 9)
FLOOR = 1e-6  # of the losses drawn
LEGEND = 75  # steps as wide as the sample of a line, left of the bars
SIZES = (8, 8, 8, 14, 9, 8)  # AdaGrad and RMSProp often stand on one spot


def explore_race(races: list[ravine.Race]) -> Explorable:
    """Six optimizers on one ravine: step, condition, tilt, learning rates, which are shown."""
    figure = _Race(races)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"condition": "κ", "tilt": "tilt, degrees", "rate": "learning rates"},
        play="step",
        step=(1, ravine.STEPS, 20),
        condition=list(dict.fromkeys(int(r.condition) for r in races)),
        tilt=list(dict.fromkeys(int(r.tilt) for r in races)),
        rate=list(SHIFTS),
        shown=list(FAMILIES),
    )


class _Race:
    def __init__(self, races: list[ravine.Race]) -> None:
        self.races = {(r.condition, r.tilt): r for r in races}
        self.finish = {key: r.finish() for key, r in self.races.items()}
        self.best = {key: r.best() for key, r in self.races.items()}
        self.fig, axes = plt.subplots(1, 3, figsize=(10, 4.3), width_ratios=(1.25, 1, 0.75))
        self._draw_plane(axes[0])
        self._draw_losses(axes[1])
        self._draw_bars(axes[2])

    def _draw_plane(self, ax: Axes) -> None:
        self.contours = [Ellipse((0, 0), 1, 1, fill=False, ec=PALE, lw=0.9) for _ in LEVELS]
        for patch in self.contours:
            ax.add_patch(patch)
        self.paths = [
            ax.plot([], [], color=c, ls=s, lw=1.5)[0] for c, s in zip(COLORS, STYLES, strict=False)
        ]
        self.points = [
            ax.plot([], [], "o", color=c, mec="white", ms=size)[0]
            for c, size in zip(COLORS, SIZES, strict=True)
        ]
        ax.plot(0, 0, "*", color="black", ms=13, zorder=1)
        ax.set(xlim=(-8, 5), ylim=(-6, 5), aspect="equal")
        ax.grid(visible=False)
        label_axes(ax, x="first weight", y="second weight")
        self.title = ax.set_title(" ")

    def _draw_losses(self, ax: Axes) -> None:
        self.losses = [
            ax.plot([], [], color=c, ls=s, lw=1.6)[0] for c, s in zip(COLORS, STYLES, strict=False)
        ]
        self.now = ax.axvline(1, color=GREY, lw=1)
        ax.axhline(ravine.SMALL, color=GREY, lw=1, ls=(0, (2, 2)))
        ax.annotate("finish", (1, ravine.SMALL), (4, 0), xycoords=ax.get_yaxis_transform(),
                    textcoords="offset points", va="center", size=9, color="#444444")  # fmt: skip
        ax.set(yscale="log", ylim=(FLOOR, 10), xlim=(0, ravine.STEPS))
        ax.minorticks_off()
        label_axes(ax, title="Loss / loss at the start", x="step")

    def _draw_bars(self, ax: Axes) -> None:
        places = np.arange(len(ravine.METHODS))
        self.bars = ax.barh(places, np.ones(len(places)), color=COLORS, height=0.55)
        self.counts = [ax.text(0, float(y), "", va="center", size=10) for y in places]
        for y, color, style in zip(places, COLORS, STYLES, strict=False):  # a bar may be too short
            ax.plot([-LEGEND, -0.15 * LEGEND], [y, y], color=color, ls=style, lw=2)
        ax.axvline(0, color=GREY, lw=1)
        ax.set_yticks(places, ravine.METHODS)
        ax.set(ylim=(5.6, -0.6), xlim=(-1.15 * LEGEND, 1.55 * ravine.STEPS))
        ax.set_xticks([0, 100, 200])
        ax.grid(visible=False, axis="y")
        label_axes(ax, title="Steps to the finish", x="steps")

    def _chosen(self, condition: int, tilt: int, rate: str) -> NDArray[np.int64]:
        last = len(ravine.RATES) - 1
        return np.clip(self.best[condition, tilt] + SHIFTS[rate], 0, last)

    def _steps(self, condition: int, tilt: int, rate: str) -> NDArray[np.int64]:
        chosen = self._chosen(condition, tilt, rate)
        return self.finish[condition, tilt][np.arange(len(chosen)), chosen]

    def update(self, step: int, condition: int, tilt: int, rate: str, shown: str) -> list[Artist]:
        found, chosen = self.races[condition, tilt], self._chosen(condition, tilt, rate)
        for patch, level in zip(self.contours, LEVELS, strict=True):
            width = 2 * np.sqrt(2 * level)
            patch.set(width=width, height=width / np.sqrt(condition), angle=tilt)
        for m, k in enumerate(chosen):
            seen = m in FAMILIES[shown]
            path = found.paths[m, k, : step + 1]
            self.paths[m].set_data(*path.T)
            self.points[m].set_data(path[-1:, 0], path[-1:, 1])
            self.losses[m].set_data(np.arange(ravine.STEPS + 1), found.losses[m, k])
            for artist in (self.paths[m], self.points[m], self.losses[m]):
                artist.set_visible(seen)
        self.now.set_xdata([step, step])
        self.title.set_text(f"Step {step}, κ = {condition}, tilt {tilt}°")
        self._update_bars(self._steps(condition, tilt, rate), FAMILIES[shown])
        return [*self.contours, *self.paths, *self.points, *self.losses, self.now, self.title,
                *self.bars, *self.counts]  # fmt: skip

    def _update_bars(self, steps: NDArray[np.int64], shown: range) -> None:
        for m, (bar, text, count) in enumerate(zip(self.bars, self.counts, steps, strict=True)):
            there = count <= ravine.STEPS
            bar.set_width(float(count))
            bar.set_alpha((1.0 if there else 0.35) if m in shown else 0.08)
            text.set(x=count + 6, text=f"{count}" if there else "not yet")

    def alt(self, step: int, condition: int, tilt: int, rate: str, shown: str) -> str:
        steps = self._steps(condition, tilt, rate)
        told = [
            f"{name} {count if count <= ravine.STEPS else f'>{ravine.STEPS}'}"
            for m, (name, count) in enumerate(zip(ravine.METHODS, steps, strict=True))
            if m in FAMILIES[shown]
        ]
        return (
            f"Paths up to step {step}. Steps to stay below 1/10000 of the loss, rates {rate}: "
            f"{', '.join(told)}."
        )


DESIGNS = (*rates.SHAPES, "plateau")
NOISES = {"0.3": 0.3, "1": 1.0, "none": 0.0}
STARTS = {"as later": False, "sharp": True}
LOWEST = 2e-4  # of the losses drawn


def explore_schedules() -> Explorable:
    """A schedule and the expected loss that it gives on a noisy bowl."""
    figure = _Designer()
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"peak": "peak rate", "warmup": "warm-up steps", "start": "curvature at the start"},
        shape=ipywidgets.Dropdown(options=DESIGNS, value="cosine", description="shape"),
        peak=Log(0.02, 3.0, 0.6),
        warmup=(0, 150, 0),
        noise=list(NOISES),
        start=list(STARTS),
    )


@lru_cache(maxsize=1024)
def _schedule(shape: str, peak: float, warmup: int, noise: float, sharp: bool) -> Floats:
    if shape == "plateau":
        return noisy_bowl.plateau_rates(peak, warmup=warmup, noise=noise, sharp=sharp)
    return peak * rates.factors(shape, steps=noisy_bowl.STEPS, warmup=warmup)


@lru_cache(maxsize=16)
def best_constant(noise: float, sharp: bool) -> tuple[float, float]:
    """The constant rate with the lowest expected loss at the end, and that loss."""
    tried = np.geomspace(0.02, 3, 60)
    last = [
        noisy_bowl.expected_loss(np.full(noisy_bowl.STEPS, rate), noise=noise, sharp=sharp)[-1]
        for rate in tried
    ]
    return float(tried[np.nanargmin(last)]), float(np.nanmin(last))


class _Designer:
    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
        steps = noisy_bowl.STEPS
        (self.rate,) = left.plot([], [], color=BLUE)
        (self.limit,) = left.plot([], [], color=GREY, lw=1, ls=(0, (4, 2)))
        left.text(steps, 2.12, "above: unstable", ha="right", size=9, color="#444444")
        left.set(yscale="log", ylim=(1e-3, 6), xlim=(0, steps))
        left.minorticks_off()
        label_axes(left, title="Learning rate", x="step")
        (self.plain,) = right.plot([], [], color=PALE, lw=2, label="constant, same peak")
        (self.loss,) = right.plot([], [], color=BLUE, label="your schedule")
        self.bar = right.axhline(1, color=ORANGE, lw=1.5, ls="--", label="best constant rate, end")
        (self.end,) = right.plot([], [], "o", color=BLUE, ms=8, clip_on=False)
        self.below = right.text(8, 1.4 * LOWEST, "best constant rate: lower", size=10,
                                color="#444444")  # fmt: skip
        right.set(yscale="log", ylim=(LOWEST, 100), xlim=(0, steps))
        right.minorticks_off()
        right.legend(loc="upper right")
        label_axes(right, x="step", y="expected loss / loss at the start")
        self.title = right.set_title(" ")

    def _losses(self, shape: str, peak: float, warmup: int, noise: str, start: str) -> Floats:
        sigma, sharp = NOISES[noise], STARTS[start]
        rate = _schedule(shape, peak, warmup, sigma, sharp)
        return noisy_bowl.expected_loss(rate, noise=sigma, sharp=sharp)

    def update(self, shape: str, peak: float, warmup: int, noise: str, start: str) -> list[Artist]:
        sigma, sharp = NOISES[noise], STARTS[start]
        steps = np.arange(noisy_bowl.STEPS + 1)
        losses = self._losses(shape, peak, warmup, noise, start)
        self.rate.set_data(steps[:-1], _schedule(shape, peak, warmup, sigma, sharp))
        self.limit.set_data(steps[:-1], 2 / noisy_bowl.sharpness(noisy_bowl.STEPS, sharp=sharp))
        self.plain.set_data(steps, self._losses("constant", peak, 0, noise, start))
        self.loss.set_data(steps, np.maximum(losses, LOWEST))
        self.end.set_data(steps[-1:], np.maximum(losses[-1:], LOWEST))
        lowest = best_constant(sigma, sharp)[1]
        self.title.set_text(f"{self._verdict(losses)}; best constant {lowest:.2g}")
        self.bar.set_ydata([lowest, lowest])
        self.bar.set_visible(lowest >= LOWEST)
        self.below.set_visible(lowest < LOWEST)
        return [self.rate, self.limit, self.plain, self.loss, self.bar, self.end, self.below,
                self.title]  # fmt: skip

    @staticmethod
    def _verdict(losses: Floats) -> str:
        if np.isnan(losses[-1]):
            return f"Diverged at step {np.isnan(losses).argmax()}"
        return f"Loss at the end {losses[-1]:.2g}"

    def alt(self, shape: str, peak: float, warmup: int, noise: str, start: str) -> str:
        rate, lowest = best_constant(NOISES[noise], STARTS[start])
        losses = self._losses(shape, peak, warmup, noise, start)
        return (
            f"{shape.capitalize()} from {peak:.2g}, {warmup} steps of warm-up. "
            f"{self._verdict(losses)}. The best constant rate, {rate:.2g}, reaches {lowest:.2g}."
        )
