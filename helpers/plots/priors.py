"""The figure of priors: prior × likelihood → posterior, and the mode as a shrinkage curve."""

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
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
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.6))
    looks = {"prior": (GREEN, "-."), "likelihood": (PINK, ":"), "posterior": (BLUE, "-")}
    lines = {k: left.plot([], [], style, color=c, label=k)[0] for k, (c, style) in looks.items()}
    (shade,) = left.fill([], [], color=BLUE, alpha=0.12)
    top = 1.1 / 1.3  # of the axis: the lines end below the legend
    mode_mark = left.axvline(0, ymax=top, color=BLUE, linewidth=1.5)
    mean_mark = left.axvline(0, ymax=top, color="#666666", linewidth=1.5, linestyle=(0, (4, 2)))
    words = [left.text(0, 1.03, text, color=c, ha=ha) for text, c, ha in
             ((" mode ", BLUE, "right"), (" mean ", "#666666", "left"))]  # fmt: skip
    left.set(xlim=(-3, 3), ylim=(0, 1.3), xlabel="weight w", ylabel="density (highest point = 1)")
    left.legend(loc="upper center", ncols=3, columnspacing=1)
    title = left.set_title(" ")
    right.plot([-3, 3], [-3, 3], color="#BBBBBB", linewidth=1)
    (modes,) = right.plot([], [], color=BLUE, label="posterior mode")
    (means,) = right.plot([], [], color="#666666", linestyle="--", label="posterior mean")
    (dot,) = right.plot([], [], "*", color=BLUE, markersize=16, markeredgecolor="white")
    right.set(
        xlim=(-3, 3), ylim=(-3, 3), xlabel="estimate without a prior", ylabel="with the prior"
    )
    right.legend(loc="upper left")

    def update(prior: str, scale: float, estimate: float, n: int) -> list[Any]:
        logs = {
            "prior": log_prior(prior, WIDE, scale),
            "likelihood": -n * (WIDE - estimate) ** 2 / (2 * NOISE_VAR),
            "posterior": log_posterior(prior, WIDE, scale, estimate, n),
        }
        for k, values in logs.items():
            lines[k].set_data(WIDE, np.exp(values - values.max()))
        heights = np.pad(lines["posterior"].get_ydata(), 1)  # down to the axis at both ends
        shade.set_xy(np.column_stack([np.pad(WIDE, 1, mode="edge"), heights]))
        mode, mean = summarize(prior, scale, np.array([estimate]), n)[:, 0]
        mode_mark.set_xdata([mode, mode])
        mean_mark.set_xdata([mean, mean])
        for word, at, ha in zip(words, (mode, mean), _sides(mode, mean), strict=True):
            word.set_x(at)
            word.set_ha(ha)
        title.set_text(told(prior, mode, mean))
        for line, values in zip((modes, means), summarize(prior, scale, ESTIMATES, n), strict=True):
            line.set_data(ESTIMATES, values)
        dot.set_data([estimate], [mode])
        return [*lines.values(), shade, mode_mark, mean_mark, *words, title, modes, means, dot]

    def told(prior: str, mode: float, mean: float) -> str:
        return f"{prior} prior: mode {_plain(mode)}, mean {mean:z.2f}"

    def alt(prior: str, scale: float, estimate: float, n: int) -> str:
        mode, mean = summarize(prior, scale, np.array([estimate]), n)[:, 0]
        return (
            f"{prior} prior of scale {scale:.2g}; {n} observations with mean {estimate:.2f}. "
            f"The posterior has its mode at {_plain(mode)} and its mean at {mean:z.2f}."
        )

    return explore(
        fig, update, alt=alt, prior=["Laplace", "Gaussian"], scale=Log(0.1, 3, 0.3),
        estimate=(-2.5, 2.5, 0.6), n=(1, 30, 4),
        labels={"scale": "scale of the prior", "estimate": "mean of data", "n": "observations"},
    )  # fmt: skip


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
