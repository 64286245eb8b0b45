"""Figures of lesson 03: three ways to add λ, decay under noise, stability, and accuracy over λ."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from helpers.decay import (
    OPTIMIZERS,
    WAYS,
    NoiseRun,
    growth_per_step,
    mean_field,
    pure_decay,
    three_ways,
)
from helpers.decay_sweep import Sweep
from helpers.environment import SEED
from helpers.explore import Explorable, Log, explore
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes

FLOOR = 1e-18  # where an exact zero is drawn on a log axis
GREY = "#666666"


def explore_ways() -> Explorable:
    """‖w‖ of three runs that differ in how λ enters, and how far they are apart."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    wide = ((7, "-"), (4, "--"), (2, "-"))
    norms = [
        left.plot([], [], color=PALETTE[i], lw=w, ls=s, label=WAYS[i], alpha=0.9)[0]
        for i, (w, s) in enumerate(wide)
    ]
    gaps = [
        right.plot([], [], color=PALETTE[i], lw=w, ls=s, label=WAYS[i])[0]
        for i, (w, s) in enumerate(wide) if i
    ]  # fmt: skip
    left.set(xlim=(0, 120), ylim=(0.25, 10), yscale="log")
    left.set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    left.yaxis.set_minor_locator(NullLocator())
    label_axes(left, x="step", y="‖w‖ / ‖w at the start‖")
    title = left.set_title(" ")
    left.legend(loc="upper left", title="how λ enters", alignment="left")
    right.set(xlim=(0, 120), ylim=(3e-19, 30), yscale="log")
    right.set_yticks(
        [FLOOR, 1e-16, 1e-12, 1e-8, 1e-4, 1], ["0", "1e−16", "1e−12", "1e−8", "1e−4", "1"]
    )
    right.yaxis.set_minor_locator(NullLocator())
    right.axhspan(3e-19, 1e-13, color="#EEEEEE", zorder=0)
    right.text(118, 3e-14, "rounding in float64", ha="right", va="center", color=GREY, fontsize=10)
    label_axes(right, title="Largest difference to the first run", x="step", y="max |difference|")
    right.legend(loc="center right")

    def run(optimizer: str, lr: float, weight_decay: float):  # type: ignore[no-untyped-def]
        return three_ways(optimizer, lr=lr, weight_decay=weight_decay, seed=SEED)

    def update(optimizer: str, lr: float, weight_decay: float) -> list[Artist]:
        found = run(optimizer, lr, weight_decay)
        steps = np.arange(len(found.norms))
        for line, norm in zip(norms, found.norms.T, strict=True):
            line.set_data(steps, norm / norm[0])
        for line, gap in zip(gaps, found.gaps.T, strict=True):
            line.set_data(steps, np.maximum(gap, FLOOR))
        title.set_text(f"{optimizer}, η = {lr:.2g}, λ = {weight_decay:.2g}")
        return [*norms, *gaps, title]

    def alt(optimizer: str, lr: float, weight_decay: float) -> str:
        by_argument, by_product = run(optimizer, lr, weight_decay).gaps.max(0)
        return (
            f"{optimizer}, learning rate {lr:.2g}, λ {weight_decay:.2g}: to the run with the "
            f"penalty in the loss, weight_decay differs by at most {by_argument:.1e}, "
            f"multiplying by 1 − ηλ by at most {by_product:.1e}."
        )

    names = {"weight_decay": "λ", "lr": "η"}
    return explore(
        fig, update, alt=alt, labels=names, optimizer=list(OPTIMIZERS),
        lr=Log(1e-3, 0.3, 0.1), weight_decay=Log(1e-4, 0.1, 1e-2),
    )  # fmt: skip


def explore_noise(run: NoiseRun) -> Explorable:
    """A weight under gradients of one scale, and what is left of it over all scales."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
    bands = [
        left.fill_between([], [], color=PALETTE[i], alpha=0.2, lw=0)
        for i in range(len(run.optimizers))
    ]
    means = [
        left.plot([], [], color=PALETTE[i], ls=STYLES[i], lw=2.5, label=name)[0]
        for i, name in enumerate(run.optimizers)
    ]
    left.set(xlim=(0, run.steps[-1]), ylim=(-0.15, 1.2))
    label_axes(left, x="step", y="weight, mean ± 1 std of 100")
    title = left.set_title(" ")
    (theory_left,) = left.plot([], [], color="black", lw=1, ls=(0, (4, 2)), label="theory")
    left.legend(loc="lower left", ncols=2)
    ends = [
        right.plot(
            [],
            [],
            color=PALETTE[i],
            ls="",
            marker=MARKERS[i],
            ms=10 if i == 0 else 6,
            mfc="none" if i == 0 else None,
            mew=1.5,
            label=name,
        )[0]
        for i, name in enumerate(run.optimizers)
    ]
    theory = [right.plot([], [], color="black", lw=1, ls=s)[0] for s in ((0, (4, 2)), "-")]
    chosen = right.axvline(1, color=GREY, lw=8, alpha=0.2, zorder=0)
    right.set(xscale="log", xlim=(run.scales[0] / 1.5, run.scales[-1] * 1.5))
    label_axes(
        right, title=f"What is left after {run.steps[-1]} steps", x="std c of the weight's gradient"
    )
    notes = [
        right.text(0, 0, "", fontsize=10, color=GREY, ha="left", va="bottom"),
        right.text(0.013, 0.0, "", fontsize=10, color=GREY, ha="left", va="top"),
    ]
    fields = {decay: mean_field(run, decay) for decay in run.decays}
    artists: list[Artist] = [*bands, *means, theory_left, *ends, *theory, chosen, *notes]

    def update(scale: float, weight_decay: float) -> list[Artist]:
        at, which = int(np.argmin(np.abs(run.scales - scale))), run.decays.index(weight_decay)
        for i in range(len(run.optimizers)):
            mean, std = run.mean[i, which, :, at], run.std[i, which, :, at]
            means[i].set_data(run.steps, mean)
            bands[i].set_data(run.steps, mean - std, mean + std)
            ends[i].set_data(run.scales, run.mean[i, which, -1])
        ideal = (1 - run.lr * weight_decay) ** run.steps[-1]
        theory_left.set_data(run.steps, fields[weight_decay][:, at])
        theory[0].set_data(run.scales, fields[weight_decay][-1])
        theory[1].set_data(run.scales[[0, -1]], [ideal, ideal])
        notes[0].set(text=f"(1 − ηλ)ᵗ = {ideal:.2f}", position=(run.scales[0], ideal + 0.02))
        notes[1].set(text="Adam's theory: −ηλw / √(c² + λ²w²) a step", position=(0.013, -0.03))
        chosen.set_xdata([run.scales[at]] * 2)
        title.set_text(f"Gradients of pure noise, std {scale:.2g}; η = {run.lr:g}")
        return [*artists, title]

    def alt(scale: float, weight_decay: float) -> str:
        at, which = int(np.argmin(np.abs(run.scales - scale))), run.decays.index(weight_decay)
        left_over = ", ".join(
            f"{name} {run.mean[i, which, -1, at]:.2f}" for i, name in enumerate(run.optimizers)
        )
        ideal = (1 - run.lr * weight_decay) ** run.steps[-1]
        return (
            f"Weights that start at 1, noise of std {scale:.2g}, λ {weight_decay}: after "
            f"{run.steps[-1]} steps {left_over}; pure decay leaves {ideal:.2f}."
        )

    options = [(f"{c:.2g}", float(c)) for c in run.scales]
    start = float(run.scales[len(run.scales) // 3])
    scale = ipywidgets.SelectionSlider(options=options, value=start, description="gradient std c")
    return explore(
        fig, update, alt=alt, labels={"weight_decay": "λ"}, scale=scale,
        weight_decay=list(run.decays),
    )  # fmt: skip


def explore_stability() -> Explorable:
    """A weight without any gradient, and the map of how it grows or shrinks a step."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    products, momenta = np.linspace(0.01, 4.4, 220), np.linspace(0, 0.99, 100)
    growth = growth_per_step(products[None, :], momenta[:, None])  # (momenta, products)
    field = right.pcolormesh(products, momenta, growth, vmin=0, vmax=2, cmap="cividis")
    field.set_rasterized(True)
    right.grid(False)
    right.set(xlim=(0, 4.4), ylim=(0, 0.99))
    label_axes(right, title="Factor by which |w| grows a step", x="ηλ", y="momentum μ")
    right.contour(products, momenta, growth, levels=[1.0], colors="white", linewidths=2.5)
    right.text(2.45, 0.4, "limit", color="white", rotation=62, ha="center", va="center")
    right.text(0.6, 0.1, "shrinks", color="white", ha="left", va="center")
    right.text(3.5, 0.1, "diverges", color="black", ha="center", va="center")
    fig.colorbar(field, ax=right, pad=0.02)
    (dot,) = right.plot([], [], "o", color=PALETTE[1], mec="white", mew=1.5, ms=10, clip_on=False)
    (path,) = left.plot([], [], color=PALETTE[0], marker="o", ms=4, lw=1.2)
    left.axhline(0, color=GREY, lw=1)
    left.set(xlim=(-1, 40), ylim=(-3, 3))
    label_axes(left, x="step", y="w, from 1, gradient 0")
    title = left.set_title(" ")

    def update(product: float, momentum: float) -> list[Artist]:
        weights = pure_decay(product, momentum=momentum, steps=40)
        path.set_data(np.arange(41), np.clip(weights, -10, 10))
        dot.set_data([product], [momentum])
        title.set_text(f"ηλ = {product:.2f}, μ = {momentum:.2f}: {_fate(product, momentum)}")
        return [path, dot, title]

    def alt(product: float, momentum: float) -> str:
        factor = float(growth_per_step(product, momentum))
        return (
            f"ηλ {product:.2f}, momentum {momentum:.2f}: the weight {_fate(product, momentum)}; "
            f"in the long run |w| changes by the factor {factor:.3f} a step."
        )

    names = {"product": "ηλ", "momentum": "μ"}
    return explore(
        fig, update, alt=alt, labels=names, product=(0.05, 4.35, 0.5), momentum=(0.0, 0.98, 0.0)
    )


def _fate(product: float, momentum: float) -> str:
    growth = float(growth_per_step(product, momentum))
    if growth > 1 - 1e-9:
        return "diverges" if growth > 1 + 1e-9 else "flips for ever"
    swings = (1 + momentum - product) ** 2 < 4 * momentum or product > 1 + momentum
    return "swings and shrinks" if swings else "shrinks"


def explore_sweep(sweep: Sweep) -> Explorable:
    """Test accuracy and ‖w‖ over λ, clean and noisy labels, and the curves of one λ."""
    fig, axes = plt.subplots(1, 3, figsize=(10, 4.0), layout="constrained")
    places = np.arange(len(sweep.decays))
    labels = ("clean labels", f"{sweep.noise:.0%} wrong labels")
    for i, label in enumerate(labels):
        _seed_lines(axes[0], places, sweep.test[:, i, :, -1], index=i, label=label)
        _seed_lines(axes[1], places, sweep.norm[:, i], index=i, label=label)
    for ax in axes[:2]:
        ax.set_xticks(places, [f"{d:g}" for d in sweep.decays], fontsize=9)
    axes[0].set(ylim=(0, 1.02))
    axes[0].legend(loc="lower left")
    axes[1].set(ylim=(0, None))
    label_axes(axes[0], title="Test accuracy", x="λ")
    label_axes(axes[1], title="‖w‖", x="λ")
    picks = [ax.axvline(0, color=GREY, lw=10, alpha=0.2, zorder=0) for ax in axes[:2]]
    curves = [
        axes[2].plot([], [], color=PALETTE[1], ls=style, lw=2.2, label=name)[0]
        for name, style in (("training, as labeled", ":"), ("test", "--"))
    ]
    truth = axes[2].axhline(1 - sweep.noise, color=GREY, lw=1, ls=(0, (2, 2)))
    truth.set_zorder(1)
    axes[2].text(sweep.steps[-1], 1 - sweep.noise - 0.015, "share of right labels", fontsize=9,
                 color=GREY, ha="right", va="top")  # fmt: skip
    axes[2].set(xlim=(0, sweep.steps[-1]), ylim=(0, 1.02))
    axes[2].legend(loc="lower right")
    label_axes(axes[2], x="step")
    title = axes[2].set_title(" ")

    def update(weight_decay: float) -> list[Artist]:
        at = sweep.decays.index(weight_decay)
        for line, record in zip(curves, (sweep.train, sweep.test), strict=True):
            line.set_data(sweep.steps, record[at, 1].mean(0))
        for pick in picks:
            pick.set_xdata([at, at])
        title.set_text(f"Accuracy, wrong labels, λ = {weight_decay:g}")
        return [*curves, *picks, title]

    def alt(weight_decay: float) -> str:
        at, parts = sweep.decays.index(weight_decay), []
        for i, label in enumerate(labels):
            gain = sweep.test[at, i, :, -1] - sweep.test[0, i, :, -1]
            parts.append(
                f"{label}: test accuracy {sweep.test[at, i, :, -1].mean():.3f}, "
                f"{gain.mean():+.3f} against λ = {sweep.decays[0]:g}, better for "
                f"{(gain > 0).sum()} of {gain.size} seeds, ‖w‖ {sweep.norm[at, i].mean():.1f}"
            )
        return f"λ {weight_decay:g}. {'; '.join(parts)}."

    options = [(f"{d:g}", d) for d in sweep.decays]
    slider = ipywidgets.SelectionSlider(options=options, value=sweep.decays[0], description="λ")
    return explore(fig, update, alt=alt, weight_decay=slider)


def _seed_lines(
    ax: Axes, x: np.ndarray, values: np.ndarray, *, index: int, label: str
) -> list[Line2D]:
    """A thin line a seed and their mean with markers; `values` is (len(x), S)."""
    color = PALETTE[index]
    thin = ax.plot(x, values, color=color, lw=0.7, alpha=0.5)
    mean = ax.plot(
        x, values.mean(1), color=color, ls=STYLES[index], marker=MARKERS[index], label=label
    )
    return [*thin, *mean]
