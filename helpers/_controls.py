"""The controls of an explorable: from a short description to an ipywidget, and its values."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

MOST_BUTTONS, LONGEST_BUTTONS = 4, 40  # more options, or more letters, become a menu
TWO_DIGITS = ".2r"  # in the browser's own format: 200, where ".2g" is 2.0e+2


@dataclass(frozen=True)
class Log:
    """A slider whose steps multiply: `Log(lo, hi, start)`, with 0 < lo <= start <= hi."""

    lo: float
    hi: float
    start: float

    def __post_init__(self) -> None:
        if not (0 < self.lo < self.hi < math.inf and self.lo <= self.start <= self.hi):
            raise ValueError(
                f"Log(lo, hi, start) needs 0 < lo <= start <= hi and lo < hi; got {self}"
            )


def make_control(name: str, spec: Any, label: str) -> Any:
    """The ipywidget for `spec`; see `helpers.explore.explore` for what it can be.

    Raises ValueError when spec describes no control.
    """
    import ipywidgets as W

    if isinstance(spec, W.Widget):
        return spec
    if isinstance(spec, bool):
        return W.Checkbox(value=spec, description=label)
    if isinstance(spec, Log):
        return _log_slider(spec, label)
    if isinstance(spec, tuple):
        return _slider(name, spec, label)
    if isinstance(spec, list) and spec:
        return _choice(spec, label)
    raise ValueError(
        f"{name} is a control: (lo, hi, start), Log(lo, hi, start), a list of options, "
        f"True, False or an ipywidget; got {spec!r}"
    )


def is_integer_range(spec: Any) -> bool:
    """Whether a description is (lo, hi, start) of integers, or an integer slider."""
    if isinstance(spec, tuple):
        return all(isinstance(x, Integral) for x in spec)
    return _limits(spec) is not None and isinstance(spec.value, int)


def _slider(name: str, spec: tuple[Any, ...], label: str) -> Any:
    import ipywidgets as W

    real = len(spec) == 3 and all(isinstance(x, Real) and not isinstance(x, bool) for x in spec)
    if not (real and spec[0] < spec[1] < math.inf and spec[0] <= spec[2] <= spec[1]):
        raise ValueError(
            f"{name}=(lo, hi, start) needs three numbers, lo <= start <= hi and lo < hi; got {spec}"
        )
    lo, hi, start = spec
    if is_integer_range(spec):
        return W.IntSlider(int(start), int(lo), int(hi), description=label)
    step = 10.0 ** math.floor(math.log10((hi - lo) / 50))  # 50 to 500 steps
    digits = max(0, -round(math.log10(step)))
    return W.FloatSlider(
        float(start), min=lo, max=hi, step=step, description=label, readout_format=f".{digits}f"
    )


def _log_slider(spec: Log, label: str) -> Any:
    import ipywidgets as W

    lo, hi = math.log10(spec.lo), math.log10(spec.hi)
    step = 0.02 if hi - lo <= 2 else 0.05  # parts of a decade: powers of ten are on the grid
    return W.FloatLogSlider(
        float(spec.start), min=lo, max=hi, step=step, description=label, readout_format=TWO_DIGITS
    )


def _choice(options: list[Any], label: str) -> Any:
    import ipywidgets as W

    letters = sum(len(str(option)) for option in options)
    if len(options) <= MOST_BUTTONS and letters <= LONGEST_BUTTONS:
        return W.ToggleButtons(options=options, description=label, style={"button_width": "auto"})
    return W.Dropdown(options=options, description=label)


def assign(name: str, widget: Any, value: Any) -> None:
    """Set a control to a value; ValueError when the value is not one that it can take."""
    from traitlets import TraitError

    try:
        if not _within_limits(widget, value):  # a slider would silently take the nearest value
            raise TraitError
        widget.value = value
    except TraitError:
        raise ValueError(f"{name} is {_describe(widget)}; got {value!r}") from None


def is_slider(widget: Any) -> bool:
    """Whether a control has a lowest and a highest value."""
    return _limits(widget) is not None


def sweep_values(widget: Any, points: int) -> list[Any]:
    """Values of a control over its whole range: both ends of a slider, every option, on and off.

    A control of another kind has no range: its present value only.
    """
    limits = _limits(widget)
    if limits is None:
        if isinstance(widget.value, bool):
            return [False, True]
        return list(getattr(widget, "_options_values", [widget.value]))
    if _is_log(widget):
        return [float(x) for x in np.geomspace(*limits, points)]
    steps = np.linspace(*limits, points)
    if isinstance(widget.value, int):
        return sorted({round(x) for x in steps})
    return [float(x) for x in steps]


def _within_limits(widget: Any, value: Any) -> bool:
    limits = _limits(widget)
    if limits is None:
        return True
    kind = Integral if isinstance(widget.value, int) else Real
    slack = 1e-9 * max(map(abs, limits))  # 10 ** log10(x) is not quite x
    return isinstance(value, kind) and limits[0] - slack <= value <= limits[1] + slack


def _is_log(widget: Any) -> bool:
    return hasattr(widget, "base")


def _limits(widget: Any) -> tuple[Any, Any] | None:
    """The lowest and highest value of a slider; None for controls without a range."""
    if not (hasattr(widget, "min") and isinstance(widget.value, Real)):
        return None
    if _is_log(widget):
        return widget.base**widget.min, widget.base**widget.max
    return widget.min, widget.max


def _describe(widget: Any) -> str:
    limits = _limits(widget)
    if limits is not None:
        kind = "an integer" if isinstance(widget.value, int) else "a number"
        return f"{kind} from {limits[0]:.6g} to {limits[1]:.6g}"
    if hasattr(widget, "_options_values"):
        return "one of " + ", ".join(map(repr, widget._options_values))
    return "True or False" if isinstance(widget.value, bool) else f"the value of a {widget!r}"
