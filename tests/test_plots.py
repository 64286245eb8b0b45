"""The standard figures: what they draw, what they refuse, and that the style is told apart."""

import base64
import struct
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.colors import to_hex, to_rgb

from helpers import plots
from helpers.plots.cells import Cells


@pytest.fixture
def ax() -> Any:
    return plt.subplots()[1]


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    import IPython.display

    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **more: calls.append((data, more)))
    return calls


# --- style


def test_colours_differ_and_so_do_markers_and_line_styles() -> None:
    assert len(set(plots.PALETTE)) == len(plots.PALETTE) == 8
    assert len(set(plots.MARKERS)) == 8
    assert len(set(plots.STYLES[:6])) == 6
    pairs = {(c, s) for c, s in zip(plots.PALETTE, plots.STYLES, strict=True)}
    assert len(pairs) == 8


def test_lines_are_dark_enough_on_white() -> None:
    """Contrast of at least 2 with white (WCAG's formula); yellow is last, for fills only."""

    def luminance(color: str) -> float:
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    contrasts = [1.05 / (luminance(c) + 0.05) for c in plots.PALETTE]
    assert min(contrasts[:7]) > 2
    assert np.argmin(contrasts) == 7


# What is seen of linear RGB without one kind of cones (Machado, Oliveira, Fernandes 2009, table 1)
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
          [0.0193339, 0.1191920, 0.9503041]]  # fmt: skip


def seen_as(color: str, blindness: str) -> np.ndarray:
    """A color as CIELAB (L*, a*, b*) of what is seen of it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(BLINDNESS[blindness]) @ linear, 0, 1)
    x, y, z = np.cbrt(np.maximum(xyz / [0.95047, 1, 1.08883], (6 / 29) ** 3))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colors: Sequence[str], blindness: str) -> float:
    """The smallest distance between two of the colors; about 2 can just be told apart."""
    seen = [seen_as(color, blindness) for color in colors]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colors_are_told_apart_with_color_blindness(blindness: str) -> None:
    assert nearest(plots.PALETTE, blindness) > 15


def test_colors_that_are_confused_are_found() -> None:
    pair = ("tab:red", "tab:green")
    assert nearest(pair, "none") > 100
    assert nearest(pair, "deuteranopia") < 8


def test_style_is_set_on_import_and_can_be_set_again() -> None:
    with mpl.rc_context():
        mpl.rcdefaults()
        assert mpl.rcParams["axes.spines.top"]
        plots.use_style()
        assert not mpl.rcParams["axes.spines.top"]
        assert mpl.rcParams["font.size"] >= 11
        assert mpl.rcParams["image.cmap"] == plots.FIELD_MAP == "cividis"


def test_label_axes_sets_what_it_is_given(ax: Any) -> None:
    plots.label_axes(ax, title="T", x="depth")
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("T", "depth", "")


def test_label_axes_leaves_out_what_is_empty(ax: Any) -> None:
    ax.set(xlabel="kept", ylabel="kept too")
    plots.label_axes(ax, y="new")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("kept", "new")


def test_show_displays_a_png_once_and_closes_the_figure(
    displayed: list[tuple[Any, dict[str, Any]]],
) -> None:
    fig, _ = plt.subplots(figsize=(4, 2.5))
    plots.show(fig, alt="An empty figure")
    ((data, more),) = displayed
    picture = base64.b64decode(data["image/png"])
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">2I", picture[16:24]) == (800, 500)  # twice the density
    assert data["text/plain"] == "An empty figure"
    assert more["metadata"]["image/png"] == {"width": 400, "height": 250, "alt": "An empty figure"}
    assert more["raw"] is True
    assert not plt.fignum_exists(fig.number)


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_show_refuses_an_empty_alt(alt: str, displayed: list[Any], ax: Any) -> None:
    with pytest.raises(ValueError, match="alt says in words"):
        plots.show(ax.figure, alt=alt)
    assert not displayed


# --- curves


def test_curve_draws_mean_and_one_std(ax: Any) -> None:
    runs = np.array([[1.0, 3.0], [2.0, 6.0], [5.0, 5.0]])  # (3 places, 2 seeds)
    line: Any = plots.curve(ax, [0, 1, 2], runs, label="loss", index=1, marker=True)
    np.testing.assert_array_equal(line.get_ydata(), [2, 4, 5])
    assert (line.get_label(), line.get_color()) == ("loss", plots.PALETTE[1])
    assert (line.get_marker(), line.get_linestyle()) == (plots.MARKERS[1], "--")
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert {tuple(map(float, c)) for c in corners} >= {(0, 1), (0, 3), (1, 2), (1, 6), (2, 5)}
    assert to_hex(band.get_facecolor()[0]).upper() == plots.PALETTE[1]


def test_curve_s_styles_come_round_again(ax: Any) -> None:
    first, ninth = (plots.curve(ax, [0], np.ones((1, 3)), label="", index=k) for k in (0, 8))
    assert first.get_color() == ninth.get_color()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 3, 2)])
def test_curve_refuses_other_shapes(ax: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"runs has shape \(len\(x\), seeds\) = \(3, S\)"):
        plots.curve(ax, [0, 1, 2], np.ones(shape), label="")


def test_reference_line_lies_at_its_value_with_its_text(ax: Any) -> None:
    flat: Any = plots.reference_line(ax, 0.5, "chance")
    steep: Any = plots.reference_line(ax, 2.0, "step", horizontal=False)
    assert list(flat.get_ydata()) == [0.5, 0.5]
    assert list(steep.get_xdata()) == [2.0, 2.0]
    assert [t.get_text() for t in ax.texts] == ["chance", "step"]
    assert ax.texts[0].xy[1] == 0.5
    assert ax.texts[1].xy[0] == 2.0


def test_paired_dots_show_every_seed_and_the_means(ax: Any) -> None:
    values = np.array([[0.1, 0.3], [0.4, 0.8]])  # (2 treatments, 2 seeds)
    plots.paired_dots(ax, ["none", "dropout"], values, unit="accuracy")
    assert [list(line.get_ydata()) for line in ax.lines] == [[0.1, 0.4], [0.3, 0.8]]
    dots = [c for c in ax.collections if hasattr(c, "get_sizes") and len(c.get_offsets()) == 2]
    assert [c.get_offsets()[:, 1].tolist() for c in dots] == [[0.1, 0.3], [0.4, 0.8]]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["none", "dropout"]
    assert ax.get_ylabel() == "accuracy"
    means = [c.get_segments()[0][0][1] for c in ax.collections if hasattr(c, "get_segments")]
    np.testing.assert_allclose(means, [0.2, 0.6])


@pytest.mark.parametrize("shape", [(3, 2), (2,)])
def test_paired_dots_refuse_other_shapes(ax: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"values has shape \(names, seeds\) = \(2, S\)"):
        plots.paired_dots(ax, ["a", "b"], np.ones(shape))


# --- cells


def _picture(draw: Callable[[Any], Any]) -> npt.NDArray[np.int_]:
    """What `draw` puts on new axes, in pixels, without ticks."""
    fig, ax = plt.subplots(figsize=(4, 3), dpi=100)
    draw(ax)
    ax.set_axis_off()
    fig.canvas.draw()
    pixels = np.asarray(fig.canvas.buffer_rgba(), int)
    plt.close(fig)
    return pixels


SPREAD = {"aspect": "auto", "extent": (-2, 3, -1, 4)}


@pytest.mark.parametrize("looks", [{}, SPREAD, {**SPREAD, "origin": "lower"}, {"alpha": 0.85}])
def test_cells_are_the_picture_of_imshow(looks: dict[str, Any]) -> None:
    """But for borders between cells, which may be a pixel to the side."""
    values = np.random.default_rng(0).standard_normal((5, 7))
    values[1, 2] = np.nan
    cells = _picture(lambda ax: Cells(ax, values, **looks, clim=(-1, 1)))
    image = _picture(
        lambda ax: ax.imshow(values, interpolation="nearest", **looks, vmin=-1, vmax=1)
    )
    assert (np.abs(cells - image).max(2) > 3).mean() < 0.01


def test_other_cells_come_in_the_same_place() -> None:
    few, many = np.eye(3), np.kron(np.eye(3), np.ones((4, 4)))
    before = _picture(lambda ax: Cells(ax, few))
    after = _picture(lambda ax: Cells(ax, np.zeros((3, 3)), clim=(0, 1)).set_data(many))
    assert (np.abs(before - after).max(2) > 3).mean() < 0.01
