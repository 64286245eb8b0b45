"""The capstone's digits, made from scikit-learn's: moved, turned, dimmed, noisy, some mislabeled.

Training and validation parts are bundled as data/hard_digits.npz. The test part, images and labels,
is never written to a file: grading makes it again from the same seed.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from helpers.instructor.make_data import digits_arrays

RENDER_SEED = 12
N_TRAIN, N_VAL = 1000, 500  # the other 297 are the test part
SIDE, SOURCE_SIDE = 16, 8
LABEL_NOISE = 0.2  # of the training labels
ROTATE, SHIFT, ZOOM = 10.0, 1.25, (1.5, 1.8)  # degrees, pixels of 16, 8×8 to this many pixels each
LIGHT, CONTRAST, PIXEL_NOISE = 0.4, (0.4, 1.0), 0.09
ORDER, PLACE, LIGHTING, GRAIN, LABELS = range(5)  # one stream each: none shifts another's draws


class Part(NamedTuple):
    """Images (n, 16, 16) uint8 and labels (n,) uint8."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@cache
def parts(seed: int = RENDER_SEED) -> tuple[Part, Part, Part]:
    """Training, validation and test part; every source digit is in one of them, once.

    Only training labels are noisy: exactly LABEL_NOISE of them are another class.
    """
    arrays = digits_arrays()
    order = _rng(seed, ORDER).permutation(len(arrays["labels"]))
    images = _light(_place(arrays["images"][order] / 16.0, seed), seed)
    labels = arrays["labels"][order]
    cuts = (slice(N_TRAIN), slice(N_TRAIN, N_TRAIN + N_VAL), slice(N_TRAIN + N_VAL, None))
    train, val, test = (Part(images[cut].copy(), labels[cut].copy()) for cut in cuts)
    return Part(train.images, _mislabel(train.labels, seed)), val, test


def bundled_arrays() -> dict[str, NDArray[np.uint8]]:
    """What data/hard_digits.npz holds: training and validation part, nothing of the test part."""
    train, val, _ = parts()
    return {
        "x_train": train.images, "y_train": train.labels, "x_val": val.images, "y_val": val.labels,
    }  # fmt: skip


def _rng(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng((seed, stream))


def _place(flat: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Sources (n, 64) on a 16×16 canvas, each turned, enlarged and shifted: (n, 16, 16)."""
    rng, n = _rng(seed, PLACE), len(flat)
    angle = np.deg2rad(rng.uniform(-ROTATE, ROTATE, n))
    zoom = rng.uniform(*ZOOM, n)
    down, right = rng.uniform(-SHIFT, SHIFT, (2, n))
    middle = (SIDE - 1) / 2
    grid = np.arange(SIDE) - middle
    y = (grid[:, None] - down[:, None, None]) / zoom[:, None, None]  # (n, 16, 1)
    x = (grid[None, :] - right[:, None, None]) / zoom[:, None, None]  # (n, 1, 16)
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    rows = cos * y - sin * x + (SOURCE_SIDE - 1) / 2  # (n, 16, 16)
    columns = sin * y + cos * x + (SOURCE_SIDE - 1) / 2
    which = np.broadcast_to(np.arange(n)[:, None, None], rows.shape)
    sources = flat.reshape(n, SOURCE_SIDE, SOURCE_SIDE)
    placed = map_coordinates(sources, [which, rows, columns], order=1, mode="grid-constant")
    return np.asarray(placed)


def _light(images: NDArray[np.float64], seed: int) -> NDArray[np.uint8]:
    """Every image gets a contrast and a background of its own, every pixel its noise; uint8."""
    lighting, n = _rng(seed, LIGHTING), len(images)
    contrast = lighting.uniform(*CONTRAST, n)[:, None, None]
    background = lighting.uniform(0, LIGHT, n)[:, None, None]
    grain = PIXEL_NOISE * _rng(seed, GRAIN).standard_normal(images.shape)
    return np.rint(255 * np.clip(contrast * images + background + grain, 0, 1)).astype(np.uint8)


def _mislabel(labels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    rng = _rng(seed, LABELS)
    chosen = rng.permutation(len(labels))[: round(LABEL_NOISE * len(labels))]
    noisy = labels.copy()
    noisy[chosen] = (noisy[chosen] + rng.integers(1, 10, len(chosen))) % 10  # never its own class
    return noisy
