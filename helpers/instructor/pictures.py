"""The pictures of the README, drawn by the lessons' own figures.

`python -m helpers.instructor.pictures` writes them to `.github/pictures/`.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from helpers import initialization, plots
from helpers.explore import Explorable, explore
from helpers.instructor.build import ROOT
from helpers.plots.descent import explore_paths
from helpers.plots.geometry import explore_balls
from helpers.plots.initialization import signal_figure

PICTURES = ROOT / ".github" / "pictures"


def draw_face() -> bytes:
    """The face of the course as PNG bytes: ten sigmoid layers whose healthy histograms hide that
    all inputs have become alike."""
    plots.use_style()
    fig, update, alt = signal_figure(initialization.draw(0))
    figure = explore(
        fig,
        update,
        alt=alt,
        activation=["tanh", "relu", "sigmoid"],
        scheme=list(initialization.WEIGHT_VARS),
        gain=(0.5, 3.0, 1.0),
        depth=(6, 30, 10),
    )
    figure.set(activation="sigmoid", scheme="Xavier (= LeCun here)")
    picture = figure.png
    figure.close()
    return picture


def draw_paths() -> bytes:
    """Lesson 07 as PNG bytes: gradient descent's way on the contours, beside ridge's."""
    plots.use_style()
    figure = explore_paths()
    file = io.BytesIO()
    _small(figure.png, width=1200, colors=64).save(file, "PNG", optimize=True)
    figure.close()
    return file.getvalue()


def draw_balls() -> bytes:
    """Lesson 02 as an animated GIF: the optimum on the diamond and in the disc, the target
    turning once around the origin."""
    plots.use_style()
    figure = explore_balls()
    frames = [_small(frame) for frame in _turned(figure)]
    figure.close()
    file = io.BytesIO()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=180, loop=0, optimize=True
    )
    return file.getvalue()


def _turned(figure: Explorable) -> Iterator[bytes]:
    for angle in np.arange(28, 28 + 360, 15) % 360:
        figure.set(angle=int(angle))
        yield figure.png


def _small(png: bytes, *, width: int = 600, colors: int = 32) -> Image.Image:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    height = round(picture.height * width / picture.width)
    return picture.resize((width, height), Image.Resampling.LANCZOS).quantize(
        colors, dither=Image.Dither.NONE
    )


def main(folder: Path = PICTURES) -> None:
    """Writes every picture of the README."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "initialization.png").write_bytes(draw_face())
    (folder / "l1_l2.gif").write_bytes(draw_balls())
    (folder / "early_stopping.png").write_bytes(draw_paths())


if __name__ == "__main__":
    main()
