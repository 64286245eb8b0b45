"""Bundled data, verified by checksum, and the train/validation/test splits that lessons share."""

import functools
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.downloads import DataError

FOLDER = Path(__file__).resolve().parent.parent / "data"
SUMS = "SHA256SUMS"
SPLIT_STREAM = 0xDA7A  # keeps these draws apart from a lesson's own default_rng(seed)
N_CLASSES = 10
# Added to the standard deviation of each pixel. Border pixels are 0 in all, or all but a few,
# training images: with their own std alone, they would be 0/0, or one faint stroke in a test
# image would count as dozens of standard deviations.
STD_FLOOR = 0.1


class Digits(NamedTuple):
    """8×8 handwritten digits: images (1797, 64) float64 in [0, 1], labels (1797,) int64 0..9."""

    images: NDArray[np.float64]
    labels: NDArray[np.int64]


class Splits(NamedTuple):
    """One split a seed. S seeds; x float64 (S, n, 64), y int64 (S, n).

    y_train carries the label noise, y_train_clean does not; y_val and y_test are always clean.
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_val: NDArray[np.float64]
    y_val: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    y_train_clean: NDArray[np.int64]


def read_sums(folder: Path = FOLDER) -> dict[str, str]:
    """File name -> SHA-256 in hex, as listed in SHA256SUMS. Raises DataError without a list."""
    path = folder / SUMS
    try:
        lines = path.read_text(encoding="ascii").split("\n")
        return {name: digest for digest, name in (line.split() for line in lines if line)}
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({error}). Restore it with: git checkout -- data/{SUMS}"
        ) from error


@functools.cache
def _verified(name: str, folder: Path) -> dict[str, NDArray[Any]]:
    sums = read_sums(folder)
    file = f"{name}.npz"
    if file not in sums:
        known = ", ".join(sorted(item.removesuffix(".npz") for item in sums))
        raise ValueError(f"name is a bundled data set, one of {known}; got {name!r}")
    restore = (
        f"Restore it with: git checkout -- data/{file}\n"
        "or make it again with: python -m helpers.instructor.make_data"
    )
    try:
        content = (folder / file).read_bytes()
    except OSError as error:
        raise DataError(f"{folder / file} cannot be read ({error}). {restore}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sums[file]:
        raise DataError(
            f"{folder / file} is not the file that {SUMS} lists: found {len(content):,} bytes "
            f"with SHA-256 {found}, expected {sums[file]}. {restore}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def load(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of data/<name>.npz, verified once a process against data/SHA256SUMS.

    The arrays are copies: change them as you like.
    Raises ValueError for a name that is not listed, DataError for a missing or damaged file.
    """
    return {key: array.copy() for key, array in _verified(name, FOLDER).items()}


def digits() -> Digits:
    """The bundled 8×8 digits (data/README.md), pixels divided by 16. Raises DataError as `load`."""
    arrays = load("digits")
    return Digits(arrays["images"] / 16.0, arrays["labels"].astype(np.int64))


def splits(
    seeds: Iterable[int],
    *,
    n_train: int,
    n_val: int = 0,
    n_test: int | None = None,
    label_noise: float = 0.0,
    pixel_noise: float = 0.0,
    standardize: bool = False,
) -> Splits:
    """Digits, shuffled and cut once a seed: train from the front, test from the back."""
    images, labels = digits()
    seed_list = list(seeds)
    n_total = len(labels)
    n_test = n_total - n_train - n_val if n_test is None else n_test
    _check_arguments(seed_list, n_train, n_val, n_test, label_noise, pixel_noise)
    order = np.stack([_stream(seed, 0).permutation(n_total) for seed in seed_list])  # (S, N)
    x, y = images[order], labels[order]  # (S, N, 64), (S, N)
    if pixel_noise:
        noise = [_stream(seed, 1).standard_normal(images.shape) for seed in seed_list]
        x = x + pixel_noise * np.stack(noise)
    noisy = np.stack([_flip(row[:n_train], label_noise, s) for row, s in zip(y, seed_list)])
    train, test = slice(n_train), slice(n_total - n_test, n_total)
    val = slice(n_total - n_test - n_val, n_total - n_test)
    if standardize:
        mean = x[:, train].mean(axis=1, keepdims=True)  # (S, 1, 64)
        std = x[:, train].std(axis=1, keepdims=True)  # (S, 1, 64)
        x = (x - mean) / (std + STD_FLOOR)
    return Splits(
        x[:, train], noisy, x[:, val], y[:, val], x[:, test], y[:, test], y[:, train].copy()
    )


def _stream(seed: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng((seed, SPLIT_STREAM, purpose))


def _flip(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    rng = _stream(seed, 2)
    n = len(labels)
    chosen = rng.permutation(n)[: round(share * n)]
    noisy = labels.copy()
    noisy[chosen] = (labels[chosen] + rng.integers(1, N_CLASSES, len(chosen))) % N_CLASSES
    return noisy


def _check_arguments(
    seeds: list[int], n_train: int, n_val: int, n_test: int, label_noise: float, pixel_noise: float
) -> None:
    pass
