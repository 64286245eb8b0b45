"""The pictures of the README, drawn by the lessons' own figures.

`python -m helpers.instructor.pictures` writes them to `.github/pictures/`.
"""

from pathlib import Path

from helpers import initialization, plots
from helpers.explore import explore
from helpers.instructor.build import ROOT
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


def main(folder: Path = PICTURES) -> None:
    """Writes every picture of the README."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "initialization.png").write_bytes(draw_face())


if __name__ == "__main__":
    main()
