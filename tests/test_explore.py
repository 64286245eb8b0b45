"""explore: the quick picture is that of a plain full draw, and only the newest value is drawn."""

import asyncio
import base64
import gc
import io
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as W
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ipywidgets.widgets.widget import _instances
from matplotlib import pyplot as plt
from PIL import Image

from helpers import Log, explore
from helpers._canvas import CSS_DPI, Canvas, encode_png
from helpers.explore import Explorable, live, sweep

mpl.use("agg")

VIEW = "application/vnd.jupyter.widget-view+json"
BINS = np.linspace(-3, 3, 31)
Update = Callable[..., Any]


@pytest.fixture(autouse=True)
def plain_style() -> Iterator[None]:
    """matplotlib's own defaults, whatever the tests before have imported."""
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    for explorable in live():
        explorable.close()


def decode(png: bytes) -> npt.NDArray[np.int16]:
    image = Image.open(io.BytesIO(png))
    image.verify()  # checksums
    return np.asarray(Image.open(io.BytesIO(png))).astype(np.int16)


def saved(fig: Any, dpi: float = 2 * CSS_DPI) -> npt.NDArray[np.int16]:
    """The figure as savefig draws it: the picture that must come out."""
    file = io.BytesIO()
    animated = fig.findobj(lambda artist: artist.get_animated())
    for artist in animated:  # matplotlib leaves animated figure texts out of files
        artist.set_animated(False)
    fig.savefig(file, format="png", dpi=dpi)
    for artist in animated:
        artist.set_animated(True)
    return decode(file.getvalue())


def assert_plain(explorable: Explorable, fig: Any) -> None:
    """The pushed picture is savefig's, up to the rounding of half-transparent pixels."""
    quick, plain = decode(explorable.png), saved(fig)
    assert quick.shape == plain.shape
    assert np.abs(quick - plain).max() <= 3


def sine(**controls: Any) -> tuple[Explorable, Any]:
    fig, ax = plt.subplots(figsize=(3, 2))
    x = np.linspace(0, 6, 50)
    (line,) = ax.plot(x, np.sin(x))

    def update(f: float) -> Any:
        if f == 13:
            raise RuntimeError("thirteen <is> unlucky")
        line.set_ydata(np.sin(f * x))
        return line

    return explore(
        fig, update, alt=lambda f: f"sine of {f}x", **(controls or {"f": (1, 20, 2)})
    ), fig


# --- what is drawn ---------------------------------------------------------------------------


def lines(ax: Any) -> Update:
    (moving,) = ax.plot([0, 1], [0, 1], lw=6)
    ax.plot([0, 1], [1, 0], lw=6, alpha=0.5)  # still, over the moving one
    (top,) = ax.plot([0.5], [0.5], "o", ms=20)
    return lambda t: (moving.set_ydata([t, 1 - t]), top.set_ydata([t]), [moving, top])[-1]


def bars(ax: Any) -> Update:
    container = ax.bar(range(5), np.ones(5))
    ax.axhline(0.5, color="k")
    ax.set_ylim(0, 1)

    def update(t: float) -> Any:
        for i, bar in enumerate(container):
            bar.set_height(t * i / 5)
        return container

    return update


def histogram(ax: Any) -> Update:
    steps = ax.stairs(np.zeros(30), BINS, fill=True)
    ax.set(ylim=(0, 60), xlim=(-2, 2))
    ax.grid(True)
    data = np.random.default_rng(0).standard_normal(500)
    return lambda t: (steps.set_data(np.histogram(t * data, BINS)[0]), steps)[-1]


def filled(ax: Any) -> Update:
    band = ax.fill_between([0, 1], [0, 0], [1, 1], alpha=0.3)
    ax.plot([0, 1], [1, 0])
    return lambda t: (band.set_verts([[(0, 0), (1, t), (1, 0)]]), band)[-1]


def picture(ax: Any) -> Update:
    image = ax.imshow(np.zeros((8, 8)), vmin=0, vmax=1, cmap="cividis")
    ax.figure.colorbar(image)
    ax.plot([2, 5], [2, 5], color="w")
    pixels = np.random.default_rng(0).random((8, 8))
    return lambda t: (image.set_data(t * pixels), image)[-1]


def points(ax: Any) -> Update:
    dots = ax.scatter(np.arange(9) / 9, np.arange(9) / 9, s=90, alpha=0.5)
    ax.legend([dots], ["dots"])
    return lambda t: (dots.set_offsets(np.c_[np.arange(9) / 9, t * np.ones(9)]), dots)[-1]


def titles(ax: Any) -> Update:
    note = ax.text(0.5, 0.5, "", ha="center")
    head = ax.figure.suptitle("above")
    arrow = ax.annotate("", (0.2, 0.2), (0.5, 0.5), arrowprops={"arrowstyle": "->"})

    def update(t: float) -> Any:
        ax.set_title(f"title {t:.2f}")
        note.set_text(f"note {t:.2f}")
        head.set_text(f"above {t:.2f}")
        arrow.xy = (t, t)
        return [note, [ax.title, head], arrow]

    return update


def limits(ax: Any) -> Update:
    (line,) = ax.plot([0, 1], [0, 1])
    return lambda t: (ax.set_ylim(0, 1 + round(t)), line.set_ydata([t, 1]), line)[-1]


def forgotten(ax: Any) -> Update:
    (line,) = ax.plot([0, 1], [0, 1])
    (other,) = ax.plot([0, 1], [1, 0])
    return lambda t: (line.set_ydata([t, 1]), other.set_ydata([1, t]), line)[-1]


def twins(ax: Any) -> Update:
    (low,) = ax.plot([0, 1], [0, 1], lw=5, color="C0")
    right = ax.twinx()
    (high,) = right.plot([0, 1], [1, 0], lw=5, color="C1")
    inset = ax.inset_axes((0.6, 0.1, 0.3, 0.3))
    (small,) = inset.plot([0, 1], [0, 1])

    def update(t: float) -> Any:
        for line in (low, high, small):
            line.set_ydata([t, 1 - t])
        return low, high, small

    return update


def hidden(ax: Any) -> Update:
    (line,) = ax.plot([0, 1], [0, 1])
    return lambda t: (line.set_visible(t > 0.5), line)[-1]


def renewed(ax: Any) -> Update:
    """Takes artists away and makes new ones, as contour plots must."""
    axis = np.linspace(-1, 1, 20)
    field = axis**2 + axis[:, None] ** 2
    kept: list[Any] = []

    def update(t: float) -> Any:
        while kept:
            kept.pop().remove()
        kept.append(ax.contour(axis, axis, field, [0.1 + t]))
        return kept

    return update


def whole(ax: Any) -> Update:
    (line,) = ax.plot([0, 1], [0, 1])
    ax.plot([0, 1], [1, 0])
    return lambda t: (line.set_ydata([t, 1]), ax.set_xlim(0, 1 + t), [line, ax])[-1]


def nothing(ax: Any) -> Update:
    (line,) = ax.plot([0, 1], [0, 1])
    return lambda t: line.set_ydata([t, 1])


KINDS = [
    lines, bars, histogram, filled, picture, points, titles, limits, forgotten, twins, hidden,
    renewed, whole, nothing,
]  # fmt: skip


@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_that_of_a_full_draw(kind: Callable[[Any], Update], layout: Any) -> None:
    fig, ax = plt.subplots(figsize=(4, 3), layout=layout)
    explorable = explore(fig, kind(ax), alt="x", t=(0.0, 1.0, 0.3))
    seen = {explorable.png}
    for t in (0.0, 0.9, 0.4, 1.0):
        explorable.set(t=t)
        assert_plain(explorable, fig)
        seen.add(explorable.png)
    assert len(seen) >= 2  # it did move


@given(path=st.lists(st.sampled_from(range(8)), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_picture_depends_on_the_values_alone(path: list[int]) -> None:
    fig, axes = plt.subplots(1, 2, figsize=(4, 2))
    movers = [lines(axes[0]), histogram(axes[1])]
    explorable = explore(fig, lambda t: [move(t / 7) for move in movers], alt="x", t=(0, 7, 3))
    for t in path:
        explorable.set(t=t)
    assert_plain(explorable, fig)
    first = explorable.png
    explorable.set(t=7 - path[-1])
    explorable.set(t=path[-1])
    assert explorable.png == first
    explorable.close()


def test_moving_artists_alone_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    explorable, fig = sine()
    drawn: list[str] = []
    monkeypatch.setattr(fig, "draw", lambda *_: drawn.append("figure"))
    explorable.set(f=5)
    assert drawn == []


def test_pyplot_draws_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook pyplot is interactive: it would draw at every change that is not animated."""
    drawn: list[Any] = []
    with plt.rc_context({"interactive": True}):
        fig, ax = plt.subplots()
        explorable = explore(fig, forgotten(ax), alt="x", t=(0.0, 1.0, 0.3))
        draw = fig.draw

        def counted(renderer: Any) -> None:
            drawn.append(renderer)
            draw(renderer)

        monkeypatch.setattr(fig, "draw", counted)
        explorable.set(t=1.0)
    assert len(drawn) == 1


def test_artists_stay_where_the_layout_put_them() -> None:
    fig, ax = plt.subplots(layout="constrained")
    before: list[Any] = []
    explorable = explore(
        fig, lambda lines: ax.set_title("a\n" * lines + "b"), alt="x", lines=(0, 5, 0)
    )
    before = ax.get_position().bounds
    explorable.set(lines=5)
    assert ax.get_position().bounds == before


def test_first_layout_knows_the_first_values() -> None:
    fig, ax = plt.subplots(layout="constrained")
    explore(fig, lambda lines: ax.set_title("a\n" * lines + "b"), alt="x", lines=(0, 5, 5))
    top = ax.title.get_window_extent().y1
    assert top <= fig.bbox.height


def test_a_see_through_figure_becomes_white() -> None:
    fig, ax = plt.subplots()
    fig.patch.set_alpha(0)
    explorable = explore(fig, lines(ax), alt="x", t=(0.0, 1.0, 0.3))
    assert (decode(explorable.png)[..., 3] == 255).all()


def test_picture_is_twice_as_dense_as_the_page() -> None:
    explorable, _ = sine()
    assert decode(explorable.png).shape == (400, 600, 4)
    _, metadata = explorable._repr_mimebundle_()
    assert metadata["image/png"]["width"] == 300


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))))
def test_png_holds_every_pixel(rgba: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(decode(encode_png(rgba)), rgba)


def test_what_is_no_artist_is_refused() -> None:
    fig, _ = plt.subplots()
    with pytest.raises(TypeError, match="returns the artists that it changed; got 'line'"):
        explore(fig, lambda t: ["line"], alt="x", t=(0, 1, 0))


# --- controls --------------------------------------------------------------------------------


def everything() -> Explorable:
    fig, ax = plt.subplots(figsize=(3, 2))
    text = ax.text(0, 0, "")
    return explore(
        fig,
        lambda **values: (text.set_text(str(values)), text)[-1],
        alt=lambda **values: str(values),
        labels={"std": "weight std"},
        play="depth",
        std=(0.0, 2.0, 0.5),
        depth=(1, 10, 3),
        rate=Log(1e-4, 1.0, 0.1),
        scheme=["He", "Xavier"],
        layer=[1, 2, 3, 4, 5],
        bias=True,
        own=W.Text("a"),
    )


def test_each_description_makes_its_control() -> None:
    kinds = {name: type(widget).__name__ for name, widget in everything().controls.items()}
    assert kinds == {
        "std": "FloatSlider", "depth": "IntSlider", "rate": "FloatLogSlider",
        "scheme": "ToggleButtons", "layer": "Dropdown", "bias": "Checkbox", "own": "Text",
    }  # fmt: skip


def test_controls_start_where_they_should() -> None:
    explorable = everything()
    values = {
        "std": 0.5, "depth": 3, "rate": 0.1, "scheme": "He", "layer": 1, "bias": True, "own": "a",
    }  # fmt: skip
    assert explorable.values == values
    assert explorable.text == str(values)


def test_labels_name_controls_on_the_page() -> None:
    controls = everything().controls
    assert controls["std"].description == "weight std"
    assert controls["depth"].description == "depth"


def test_long_options_become_a_menu() -> None:
    fig, _ = plt.subplots()
    words = ["a" * 30, "b" * 30]
    explorable = explore(fig, lambda t: None, alt="x", t=words)
    assert isinstance(explorable.controls["t"], W.Dropdown)


def test_play_drives_its_slider() -> None:
    row = everything()._page.controls.children[1]
    slider, button = row.children
    assert isinstance(button, W.Play)
    assert (button.min, button.max, slider.description) == (1, 10, "depth")
    assert button.link.source == (button, "value")
    assert button.link.target == (slider, "value")


@pytest.mark.parametrize(
    ("name", "value"),
    [("std", 2.0), ("std", 0), ("depth", 10), ("rate", 1e-4), ("rate", 1.0), ("scheme", "Xavier"),
     ("layer", 5), ("bias", False), ("own", "b")],
)  # fmt: skip
def test_set_takes_the_whole_range(name: str, value: Any) -> None:
    explorable = everything()
    explorable.set(**{name: value})
    assert explorable.values[name] == (pytest.approx(value) if name == "rate" else value)
    assert explorable.text == str(explorable.values)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("std", 2.1, "std is a number from 0 to 2; got 2.1"),
        ("std", "a", "std is a number from 0 to 2; got 'a'"),
        ("std", np.nan, "got nan"),
        ("depth", 0, "depth is an integer from 1 to 10; got 0"),
        ("depth", 2.5, "depth is an integer from 1 to 10; got 2.5"),
        ("rate", 1.1, "rate is a number from 0.0001 to 1; got 1.1"),
        ("scheme", "LeCun", "scheme is one of 'He', 'Xavier'; got 'LeCun'"),
        ("layer", 6, "layer is one of 1, 2, 3, 4, 5; got 6"),
        ("bias", 7, "bias is True or False; got 7"),
        ("own", 7, "own is the value of a Text"),
        ("stdd", 1, "the controls are std, depth, rate, scheme, layer, bias, own; got 'stdd'"),
    ],
)
def test_set_refuses_and_says_why(name: str, value: Any, message: str) -> None:
    explorable = everything()
    before = explorable.png
    with pytest.raises(ValueError, match=name) as caught:
        explorable.set(**{name: value})
    assert message in str(caught.value)
    assert explorable.png == before
    assert explorable.values == explorable.start


def test_set_is_all_or_nothing() -> None:
    explorable = everything()
    with pytest.raises(ValueError, match="depth is an integer"):
        explorable.set(std=1.0, depth=99)
    assert explorable.values == explorable.start


@pytest.mark.parametrize(
    "spec",
    [(0, 1), (0, 1, 2), (1, 0, 0), (0, 0, 0), ("a", "b", "c"), (0.0, np.inf, 1.0), (0, np.nan, 0),
     (False, True, False), [], "He", 3, None, {"a": 1}],
)  # fmt: skip
def test_refuses_what_describes_no_control(spec: Any) -> None:
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match=r"t is a control|t=\(lo, hi, start\)"):
        explore(fig, lambda t: None, alt="x", t=spec)


@pytest.mark.parametrize("ends", [(0, 1, 0.5), (-1, 1, 1), (1, 1, 1), (1, 2, 3), (1, np.inf, 2)])
def test_log_needs_a_positive_range(ends: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < lo <= start <= hi"):
        Log(*ends)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": {"u": "x"}}, "labels and play name controls: t; got 'u'"),
        ({"play": "u"}, "labels and play name controls: t; got 'u'"),
        ({"play": "t", "t": True}, "play names an integer slider; got t="),
        ({"play": "t", "t": (0.0, 1.0, 0.0)}, "play names an integer slider; got t="),
        ({"alt": ""}, "alt says what the picture shows"),
        ({"alt": lambda t: None}, "alt says what the picture shows"),
    ],
)
def test_refuses_what_names_nothing(changed: dict[str, Any], message: str) -> None:
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match=message):
        explore(fig, lambda t: None, **({"alt": "x", "t": (0, 1, 0)} | changed))


def test_needs_a_control() -> None:
    fig, _ = plt.subplots()
    with pytest.raises(ValueError, match="at least one control"):
        explore(fig, lambda: None, alt="x")


# --- following sliders -----------------------------------------------------------------------


def test_a_slider_moves_the_picture() -> None:
    explorable, fig = sine()
    before = explorable.png
    explorable.controls["f"].value = 9
    assert explorable.png != before
    assert explorable._page.picture.value == explorable.png
    assert explorable.text == "sine of 9x"
    assert "sine of 9x" in explorable._page.note.value
    assert_plain(explorable, fig)


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never happened")


def test_only_the_newest_value_is_drawn() -> None:
    drawn: list[int] = []
    fig, _ = plt.subplots(figsize=(2, 1))
    explorable = explore(fig, lambda t: drawn.append(t), alt="x", t=(0, 500, 0))
    drawn.clear()

    async def drag() -> None:
        for t in range(1, 121):  # as a front end that does not throttle sends them
            explorable.controls["t"].value = t
        await _until(lambda: 120 in drawn)

    asyncio.run(drag())
    assert drawn == [1, 120]  # the first at once: nobody knows that others follow


def test_events_of_several_turns_of_the_loop_become_one_picture() -> None:
    drawn: list[int] = []
    fig, _ = plt.subplots(figsize=(2, 1))
    explorable = explore(fig, lambda t: drawn.append(t), alt="x", t=(0, 500, 0))
    drawn.clear()

    async def drag() -> None:
        for t in range(1, 121):
            explorable.controls["t"].value = t
            await asyncio.sleep(0)
        await _until(lambda: 120 in drawn)

    asyncio.run(drag())
    assert drawn[-1] == 120
    assert len(drawn) <= 12


def test_endless_events_do_not_freeze_the_picture() -> None:
    drawn: list[int] = []
    fig, _ = plt.subplots(figsize=(2, 1))
    explorable = explore(fig, lambda t: drawn.append(t), alt="x", t=(0, 10**6, 0))
    drawn.clear()

    async def drag() -> None:
        t = 0
        while len(drawn) < 3:  # never a pause
            t += 1
            explorable.controls["t"].value = t
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(drag(), timeout=60))
    assert drawn == sorted(drawn)


def test_sliders_work_from_another_thread() -> None:
    explorable, fig = sine()

    def move() -> None:
        explorable.controls["f"].value = 7

    thread = threading.Thread(target=move)
    thread.start()
    thread.join()
    assert explorable.text == "sine of 7x"
    assert_plain(explorable, fig)


def test_a_slider_shows_an_error_in_the_note_and_keeps_the_picture() -> None:
    explorable, _ = sine()
    before = explorable.png
    explorable.controls["f"].value = 13
    note = explorable._page.note.value
    assert "RuntimeError: thirteen &lt;is&gt; unlucky" in note
    assert 'role="alert"' in note
    assert "raise RuntimeError" in note  # the line of update
    assert "Traceback" not in note
    assert explorable._page.picture.value == before
    explorable.controls["f"].value = 12
    assert 'role="status"' in explorable._page.note.value
    assert explorable.png != before


def test_the_note_names_the_line_of_update_not_of_a_library() -> None:
    fig, ax = plt.subplots()
    explorable = explore(
        fig, lambda n: ax.set_title(str(np.histogram([1], bins=n))), alt="x", n=(-3, 1, 1)
    )
    explorable.controls["n"].value = -2
    assert "ValueError: `bins` must be positive" in explorable._page.note.value
    assert "np.histogram([1], bins=n)" in explorable._page.note.value


def test_an_error_in_a_callback_has_no_line_but_is_told() -> None:
    fig, _ = plt.subplots()
    code = "def update(t):\n    return [None] * (1 // t)"
    scope: dict[str, Any] = {}
    exec(compile(code, "<gone>", "exec"), scope)
    explorable = explore(fig, scope["update"], alt="x", t=(0, 2, 2))
    explorable.controls["t"].value = 0
    assert "ZeroDivisionError" in explorable._page.note.value


def test_set_and_the_first_call_raise() -> None:
    explorable, _ = sine()
    with pytest.raises(RuntimeError, match="unlucky"):
        explorable.set(f=13)
    with pytest.raises(RuntimeError, match="unlucky"):
        sine(f=(1, 20, 13))
    assert live() == [explorable]


# --- output, life and sweep ------------------------------------------------------------------


def test_one_output_holds_view_picture_and_text() -> None:
    explorable, _ = sine()
    data, metadata = explorable._repr_mimebundle_()
    assert set(data) == {VIEW, "image/png", "text/plain"}
    assert data[VIEW]["model_id"] == explorable._page.box.model_id
    assert base64.b64decode(data["image/png"]) == explorable.png
    assert data["text/plain"] == "sine of 2x"
    assert metadata["image/png"] == {"width": 300, "height": 200, "alt": "sine of 2x"}


def test_the_status_line_and_the_image_say_what_it_shows() -> None:
    fig, _ = plt.subplots()
    page = explore(fig, lambda t: None, alt="σ < 1", t=(0, 1, 0))._page
    assert 'role="status"' in page.note.value
    assert "σ &lt; 1" in page.note.value
    assert page.picture.tooltip == "σ < 1"


def test_pyplot_does_not_show_the_figure_again() -> None:
    explorables = [sine()[0] for _ in range(25)]  # pyplot warns at 20 open figures
    assert plt.get_fignums() == []
    assert live() == explorables


def test_closing_frees_figure_and_widgets() -> None:
    before = len(_instances)
    explorable, fig = sine()
    kept = weakref.ref(fig)
    explorable.close()
    explorable.close()  # a second time is no harm
    assert live() == []
    del explorable, fig
    gc.collect()
    assert kept() is None
    assert len(_instances) == before


def test_running_a_cell_again_closes_its_earlier_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    message = {"metadata": {"cellId": "a"}, "header": {"msg_id": "1"}}
    shell = types.SimpleNamespace(kernel=types.SimpleNamespace(get_parent=lambda _: message))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    old = [sine()[0], sine()[0]]
    assert live() == old  # two in one cell
    message = {"metadata": {"cellId": "b"}, "header": {"msg_id": "2"}}
    other, _ = sine()
    message = {"metadata": {"cellId": "a"}, "header": {"msg_id": "3"}}
    new = [sine()[0], sine()[0]]
    assert live() == [other, *new]


def test_sweep_visits_every_control_and_both_ends() -> None:
    seen: list[dict[str, Any]] = []
    fig, _ = plt.subplots(figsize=(2, 1))
    explorable = explore(
        fig,
        lambda **values: seen.append(values),
        alt="x",
        a=(0.0, 1.0, 0.5),
        b=(1, 3, 2),
        c=Log(0.01, 1.0, 0.1),
        d=["x", "y"],
        e=False,
        f=W.Text("hm"),
    )
    seen.clear()
    assert sweep(explorable, points=5) == 5 + 3 + 5 + 2 + 2 + 1
    start = {"a": 0.5, "b": 2, "c": 0.1, "d": "x", "e": False, "f": "hm"}
    moved = {
        name: [s[name] for s in seen[:-1] if all(s[k] == start[k] for k in start if k != name)]
        for name in start
    }
    assert set(moved["a"]) == {0, 0.25, 0.5, 0.75, 1}
    assert set(moved["b"]) == {1, 2, 3}
    assert min(moved["c"]) == pytest.approx(0.01)
    assert max(moved["c"]) == pytest.approx(1)
    assert set(moved["d"]) == {"x", "y"}
    assert set(moved["e"]) == {True, False}
    assert seen[-1] == start


def test_sweep_starts_from_the_start_and_puts_the_present_back() -> None:
    explorable = everything()
    explorable.set(std=1.5)
    text = explorable.text
    sweep(explorable, points=3)
    assert explorable.text == text
    assert explorable.values["std"] == 1.5


def test_sweep_raises_and_still_puts_back() -> None:
    explorable, _ = sine()
    with pytest.raises(RuntimeError, match="unlucky"):
        sweep(explorable, points=20)
    assert explorable.values == {"f": 2}
    assert explorable.text == "sine of 2x"


def test_sweep_finds_a_picture_that_a_full_draw_contradicts() -> None:
    fig, ax = plt.subplots()
    (line,) = ax.plot([0, 1], [0, 1])
    (other,) = ax.plot([0, 1], [1, 0])

    def update(t: float) -> Any:
        other._path.vertices[0, 1] = t  # in place: matplotlib cannot know
        return line

    explorable = explore(fig, update, alt="x", t=(0.0, 1.0, 0.5))
    with pytest.raises(RuntimeError, match="pixels differ from a full draw"):
        sweep(explorable)


def test_sweep_checks_the_ends_of_sliders_and_every_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fig, _ = plt.subplots(figsize=(2, 1))
    explorable = explore(fig, lambda **_: (), alt="x", a=(0.0, 1.0, 0.5), d=["x", "y", "z"])
    checked: list[dict[str, Any]] = []
    monkeypatch.setattr(explorable, "check_picture", lambda: checked.append(explorable.values))
    assert sweep(explorable, points=4) == 7
    ends, options = [{"a": a, "d": "x"} for a in (0, 1)], [{"a": 0.5, "d": d} for d in "xyz"]
    assert checked == ends + options


def test_sweep_finds_options_that_are_seen_and_not_heard() -> None:
    explorable, _ = sine(f=[1, 2, 3])
    assert sweep(explorable) == 3
    explorable._alt = lambda f: "a fast sine" if f > 1 else "a slow sine"
    with pytest.raises(RuntimeError, match="says the same of two pictures, the later at f=3: who"):
        sweep(explorable)
    assert explorable.values == {"f": 1}


@pytest.mark.parametrize("points", [1, 0])
def test_sweep_needs_both_ends(points: int) -> None:
    explorable, _ = sine()
    with pytest.raises(ValueError, match="points is at least 2"):
        sweep(explorable, points)


def test_import_is_cheap() -> None:
    code = (
        "import sys, helpers\n"
        "heavy = {'torch', 'ipywidgets', 'sklearn', 'matplotlib', 'scipy', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_canvas_says_its_size_on_the_page() -> None:
    fig = plt.figure(figsize=(6.4, 4.81))
    canvas = Canvas(fig)
    assert (canvas.width, canvas.height) == (640, 481)
