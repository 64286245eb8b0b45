"""The frames of explorables: which values they show, and what they may take."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import IntSlider, SelectionSlider
from matplotlib import pyplot as plt
from PIL import Image

from helpers.explore import Explorable, Log, explore, live
from helpers.instructor import site_frames
from helpers.instructor.site_controls import slider_values, tell_values
from helpers.instructor.site_frames import Sweep, encode_webp, save_frames


@pytest.fixture(autouse=True)
def only_own() -> Iterator[None]:
    """No explorable of another test is alive."""
    for explorable in live():
        explorable.close()
    yield
    for explorable in live():
        explorable.close()


def make(**controls: Any) -> Explorable:
    """A bar that is as high as the first control says, however the others stand."""
    fig, ax = plt.subplots(figsize=(3, 1))
    (line,) = ax.plot([0, 1], [0, 1])

    def update(**values: Any) -> Any:
        first = next(iter(values.values()))
        line.set_ydata([0, first if isinstance(first, int | float) else len(str(first)) / 9])
        return line

    return explore(fig, update, alt=lambda **values: f"The values are {values}.", **controls)


def read(folder: Path) -> dict[str, Any]:
    (told,) = json.loads((folder / "frames.json").read_text(encoding="utf-8")).values()
    return dict(told)


@pytest.mark.parametrize(
    ("spec", "points", "expected"),
    [
        ((0.0, 1.0, 0.3), 5, [0, 0.3, 0.5, 0.75, 1]),
        ((0.0, 1.0, 0.0), 5, [0, 0.25, 0.5, 0.75, 1]),
        ((0.0, 1.0, 0.98), 5, [0, 0.25, 0.5, 0.98, 1]),
        ((0, 3, 1), 5, [0, 1, 2, 3]),
        (Log(1e-4, 1.0, 3e-3), 5, [1e-4, 3e-3, 1e-2, 1e-1, 1]),
        (Log(1e-4, 1.0, 1e-4), 5, [1e-4, 1e-3, 1e-2, 1e-1, 1]),
        (IntSlider(0, 0, 400, step=40), 5, [0, 120, 200, 320, 400]),
        (["a", "b"], 5, ["a", "b"]),
        (True, 5, [False, True]),
        (SelectionSlider(options=[1, 5, 25]), 5, [1, 5, 25]),
    ],
)
def test_values_of_a_control(spec: Any, points: int, expected: list[Any]) -> None:
    explorable = make(x=spec)
    values = slider_values(explorable.controls["x"], explorable.start["x"], points)
    assert values == pytest.approx(expected) if isinstance(spec, tuple | Log) else expected
    assert explorable.start["x"] in values
    for value in values:
        explorable.set(x=value)  # every value is one that the control can take


def test_all_frames_of_two_controls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_frames, "POINTS", (3, 5))
    explorable = make(x=(0.0, 1.0, 0.5), y=(0.0, 1.0, 0.5))
    explorable.set(x=0.9)
    save_frames(tmp_path, budget=10_000_000)
    told = read(tmp_path)
    counts = [len(control["values"]) for control in told["controls"]]
    assert counts == [5, 5]
    assert len(told["frames"]) == 25
    assert len(list(tmp_path.glob("*.webp"))) == 5  # y changes nothing: one file each
    assert explorable.values == explorable.start
    start = ",".join(str(control["start"]) for control in told["controls"])
    assert told["frames"][start][1] == "The values are {'x': 0.5, 'y': 0.5}."


def test_a_small_budget_keeps_five_values_of_each_control_alone(tmp_path: Path) -> None:
    make(x=(0.0, 1.0, 0.5), y=["a", "b"])
    save_frames(tmp_path / "all", budget=10_000_000)
    needed = sum(file.stat().st_size for file in (tmp_path / "all").glob("*.webp"))
    save_frames(tmp_path / "few", budget=needed // 3)
    few = read(tmp_path / "few")
    assert [len(control["values"]) for control in few["controls"]] == [5, 2]
    files = {file.name for file in (tmp_path / "few").glob("*.webp")}
    assert files == {name for name, _ in few["frames"].values()}  # nothing is left over
    assert sum((tmp_path / "few" / name).stat().st_size for name in files) <= needed // 3
    assert len(read(tmp_path / "all")["frames"]) == 17 * 2 > len(few["frames"])


def test_a_budget_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    make(x=(0.0, 1.0, 0.5))
    with pytest.raises(ValueError, match=r"take [\d,]+ bytes at the least; the budget is 100"):
        save_frames(tmp_path, budget=100)


def test_only_short_choices_are_crossed_with_many_controls() -> None:
    explorable = make(x=(0.0, 1.0, 0.5), y=(0.0, 1.0, 0.5), z=["a", "b", "c"])
    states = set(Sweep(explorable).states(5, True))
    assert len(states) == 1 + 4 + 4 + 2 + 2 * (2 * 4)
    assert (0, 0, 0) not in states  # two sliders away from their start
    assert {(0, 2, 1), (2, 4, 2)} <= states


def test_kinds_and_words_of_controls() -> None:
    explorable = make(x=(0.0, 1.0, 0.5), y=[f"option {i}" for i in range(9)], z=True, w=[1, 2])
    told = Sweep(explorable)
    told.encode(_Encoder(), told.states(*told.level))  # type: ignore[arg-type]
    controls = told.describe()["controls"]
    assert [c["kind"] for c in controls] == ["slider", "menu", "box", "buttons"]
    assert controls[0]["values"][2] == "0.50"
    assert controls[2]["start"] == 1
    assert controls[3]["values"] == ["1", "2"]


def test_a_log_slider_tells_no_exponents() -> None:
    widget = make(x=Log(1e-4, 1e4, 200.0)).controls["x"]
    told = tell_values(widget, [1e-4, 0.056, 1.0, 200.0, 1e4])
    assert told == ["0.0001", "0.056", "1", "200", "10000"]
    assert widget.readout_format == ".2r"  # d3: decimals, where ".2g" has 2.0e+2


class _Encoder:
    """Names every picture the same."""

    def add(self, png: bytes, lossless: bool) -> str:
        return "same.webp"


def test_line_drawings_stay_exactly_white() -> None:
    explorable = make(x=(0.0, 1.0, 0.5))
    shown = Image.open(io.BytesIO(encode_webp(explorable.png, 1.0)))
    assert shown.size == (300, 100)
    assert shown.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
