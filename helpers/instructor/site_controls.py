"""Controls of explorables on pages: which values they show, and what stands for them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers._controls import TWO_DIGITS, sweep_values

FEW = 5  # options that are crossed with the other controls


def slider_values(widget: Any, start: Any, points: int) -> list[Any]:
    """Values over a control's range, on the slider's grid; the start replaces its neighbor."""
    values = sweep_values(widget, points)
    if is_choice(widget):
        return values
    values = sorted({_on_grid(widget, value) for value in values})
    nearest = min(range(len(values)), key=lambda i: abs(values[i] - start))
    if not math.isclose(values[nearest], start, rel_tol=1e-9, abs_tol=1e-12):
        nearest = min(max(nearest, 1), len(values) - 2)  # both ends stay
    values[nearest] = start
    return sorted(values)


def _on_grid(widget: Any, value: Any) -> Any:
    """The nearest value that the slider itself would stop at."""
    step = getattr(widget, "step", None)
    if not step:
        return value
    if hasattr(widget, "base"):
        exponent = math.log(value, widget.base)
        grid = widget.min + round((exponent - widget.min) / step) * step
        return float(widget.base ** min(grid, widget.max))
    value = widget.min + round((value - widget.min) / step) * step
    return min(round(value, 10), widget.max)


def is_choice(widget: Any) -> bool:
    """Whether a control offers options, or yes and no, instead of a range."""
    return hasattr(widget, "_options_values") or isinstance(widget.value, bool)


def is_short(widget: Any) -> bool:
    """Whether a control has so few options that they are crossed with the other controls."""
    return is_choice(widget) and len(sweep_values(widget, 2)) <= FEW


def kind_of(widget: Any) -> str:
    """What stands for a control on a page: "slider", "box", "buttons" or "menu"."""
    if isinstance(widget.value, bool):
        return "box"
    if "Slider" in type(widget).__name__:
        return "slider"
    return "menu" if type(widget).__name__ == "Dropdown" or not is_choice(widget) else "buttons"


def tell_values(widget: Any, values: Sequence[Any]) -> list[str]:
    """The values as the live control shows them."""
    if hasattr(widget, "_options_labels"):
        return list(widget._options_labels)
    if isinstance(widget.value, bool):
        return ["no", "yes"]
    spec = getattr(widget, "readout_format", "")
    if spec == TWO_DIGITS:  # Python has no such format
        return [np.format_float_positional(float(f"{v:.2g}"), trim="-") for v in values]
    return [format(value, spec) for value in values]
