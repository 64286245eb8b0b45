"""The figure of priors: prior × likelihood → posterior, and the mode as a shrinkage curve."""

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from helpers.explore import Explorable, Log, explore
from helpers.plots.style import PALETTE

Array = NDArray[np.float64]
BLUE, _, GREEN, PINK = PALETTE[:4]
NOISE_VAR = 1.0  # of one observation, in the explorable of priors
ESTIMATES = np.linspace(-3, 3, 121)
WIDE = np.linspace(-8, 8, 1601)  # contains 0 exactly


def log_prior(kind: str, w: Array, scale: float) -> Array:
    """Up to a constant: −w²/(2 scale²) for "Gaussian", −|w|/scale for "Laplace"."""
    return -(w**2) / (2 * scale**2) if kind == "Gaussian" else -np.abs(w) / scale


def log_posterior(kind: str, w: Array, scale: float, estimate: float | Array, n: int) -> Array:
    """Up to a constant, when n observations of variance 1 have the mean `estimate`."""
    return log_prior(kind, w, scale) - n * (w - estimate) ** 2 / (2 * NOISE_VAR)


def explore_posterior() -> Explorable:
    """Prior × likelihood → posterior with its mode and mean; right, the mode for any estimate."""
    figure = _Posterior()
    return explore(
        figure.fig, figure.update, alt=figure.alt, prior=["Laplace", "Gaussian"],
        scale=Log(0.1, 3, 0.3), estimate=(-2.5, 2.5, 0.6), n=(1, 30, 4),
        labels={"scale": "scale of the prior", "estimate": "mean of data", "n": "observations"},
    )  # fmt: skip


class _Posterior:
    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.6))
        self._draw_densities(left)
        self._draw_shrinkage(right)

    def _draw_densities(self, ax: Axes) -> None:
        looks = {"prior": (GREEN, "-."), "likelihood": (PINK, ":"), "posterior": (BLUE, "-")}
        self.lines = {
            k: ax.plot([], [], style, color=c, label=k)[0] for k, (c, style) in looks.items()
        }
        (self.shade,) = ax.fill([], [], color=BLUE, alpha=0.12)
        top = 1.1 / 1.3  # of the axis: the lines end below the legend
        self.mode_mark = ax.axvline(0, ymax=top, color=BLUE, linewidth=1.5)
        self.mean_mark = ax.axvline(
            0, ymax=top, color="#666666", linewidth=1.5, linestyle=(0, (4, 2))
        )
        self.words: list[Any] = [
            ax.text(0, 1.03, text, color=c, ha=ha)
            for text, c, ha in ((" mode ", BLUE, "right"), (" mean ", "#666666", "left"))
        ]
        ax.set(xlim=(-3, 3), ylim=(0, 1.3), xlabel="weight w", ylabel="density (highest point = 1)")
        ax.legend(loc="upper center", ncols=3, columnspacing=1)
        self.title = ax.set_title(" ")

    def _draw_shrinkage(self, ax: Axes) -> None:
        ax.plot([-3, 3], [-3, 3], color="#BBBBBB", linewidth=1)
        (self.modes,) = ax.plot([], [], color=BLUE, label="posterior mode")
        (self.means,) = ax.plot([], [], color="#666666", linestyle="--", label="posterior mean")
        (self.dot,) = ax.plot([], [], "*", color=BLUE, markersize=16, markeredgecolor="white")
        ax.set(
            xlim=(-3, 3), ylim=(-3, 3), xlabel="estimate without a prior", ylabel="with the prior"
        )
        ax.legend(loc="upper left")

    def update(self, prior: str, scale: float, estimate: float, n: int) -> list[Any]:
        self._move_densities(prior, scale, estimate, n)
        mode, mean = summarize(prior, scale, np.array([estimate]), n)[:, 0]
        self._move_marks(mode, mean)
        self.title.set_text(f"{prior} prior: mode {_plain(mode)}, mean {mean:z.2f}")
        found = summarize(prior, scale, ESTIMATES, n)
        for line, values in zip((self.modes, self.means), found, strict=True):
            line.set_data(ESTIMATES, values)
        self.dot.set_data([estimate], [mode])
        return [
            *self.lines.values(), self.shade, self.mode_mark, self.mean_mark, *self.words,
            self.title, self.modes, self.means, self.dot,
        ]  # fmt: skip

    def _move_densities(self, prior: str, scale: float, estimate: float, n: int) -> None:
        logs = {
            "prior": log_prior(prior, WIDE, scale),
            "likelihood": -n * (WIDE - estimate) ** 2 / (2 * NOISE_VAR),
            "posterior": log_posterior(prior, WIDE, scale, estimate, n),
        }
        for k, values in logs.items():
            self.lines[k].set_data(WIDE, np.exp(values - values.max()))
        heights = np.pad(self.lines["posterior"].get_ydata(), 1)  # down to the axis at both ends
        self.shade.set_xy(np.column_stack([np.pad(WIDE, 1, mode="edge"), heights]))

    def _move_marks(self, mode: float, mean: float) -> None:
        self.mode_mark.set_xdata([mode, mode])
        self.mean_mark.set_xdata([mean, mean])
        for word, at, ha in zip(self.words, (mode, mean), _sides(mode, mean), strict=True):
            word.set_x(at)
            word.set_ha(ha)

    def alt(self, prior: str, scale: float, estimate: float, n: int) -> str:
        mode, mean = summarize(prior, scale, np.array([estimate]), n)[:, 0]
        return (
            f"{prior} prior of scale {scale:.2g}; {n} observation{'s' * (n > 1)} with mean "
            f"{estimate:.2f}. "
            f"The posterior has its mode at {_plain(mode)} and its mean at {mean:z.2f}."
        )


def summarize(kind: str, scale: float, estimates: Array, n: int) -> Array:
    """Posterior mode and mean for each estimate, (2, len(estimates)), on the grid WIDE."""
    logs = log_posterior(kind, WIDE[:, None], scale, estimates, n)  # (grid, estimates)
    weights = np.exp(logs - logs.max(0))
    mean = (weights * WIDE[:, None]).sum(0) / weights.sum(0)
    return np.stack([WIDE[logs.argmax(0)], mean])


def _plain(value: float) -> str:
    return "0 exactly" if value == 0 else f"{value:.2f}"


def _sides(mode: float, mean: float) -> tuple[str, str]:
    """The smaller of the two has its word to the left of its line."""
    return ("right", "left") if mode <= mean else ("left", "right")
