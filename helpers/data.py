"""Bundled data, verified by checksum; the splits that lessons share; an optional download."""

import functools
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.downloads import DataError, fetch, read_idx

__all__ = ["DataError", "Digits", "Fashion", "Splits", "digits", "fashion_mnist", "load", "splits"]

FOLDER = Path(__file__).resolve().parent.parent / "data"
SUMS = "SHA256SUMS"
N_CLASSES = 10

# Added to every pixel's standard deviation. Border pixels are blank in all or nearly all training
# images: alone, their own std would give 0/0, or count one faint stroke in a test image as 50 and
# more standard deviations. 0.1 is small beside the std of a pixel that carries ink (0.2 to 0.4).
STD_FLOOR = 0.1

SPLIT_STREAM = 0xDA7A  # keeps these draws apart from a lesson's own default_rng(seed)
ORDER, PIXEL_NOISE, LABEL_NOISE = range(3)  # one stream each: none shifts another's draws

FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
FASHION_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}


class Digits(NamedTuple):
    """8×8 handwritten digits: images (1797, 64) float64 in [0, 1], labels (1797,) int64 0..9."""

    images: NDArray[np.float64]
    labels: NDArray[np.int64]


class Splits(NamedTuple):
    """One split a seed, for S seeds: x float64 (S, n, 64), y int64 (S, n).

    y_train carries the label noise, y_train_clean does not; y_val and y_test are always clean.
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_val: NDArray[np.float64]
    y_val: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    y_train_clean: NDArray[np.int64]


class Fashion(NamedTuple):
    """28×28 clothes: x (60000 or 10000, 784) uint8 in 0..255, y int64 0..9."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


def read_sums(folder: Path = FOLDER) -> dict[str, str]:
    """File name -> SHA-256 in hex, as listed in SHA256SUMS. Raises DataError without a list."""
    path = folder / SUMS
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return {name: digest for digest, name in (line.split() for line in lines if line)}
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({error}). Restore it with: git checkout -- data/{SUMS}"
        ) from error


@functools.cache
def _verified(name: str, folder: Path) -> dict[str, NDArray[Any]]:
    sums, file = read_sums(folder), f"{name}.npz"
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
    """The digits, shuffled anew by every seed and cut into training, validation and test sets.

    n_test: None takes all that is left. The training set comes from the front of the shuffled
        digits, the test set from the end: with n_val and n_test fixed, a larger training set
        contains the smaller one and is tested on the same images.
    label_noise: share of the training labels, in [0, 1], that become another class, each of the
        nine equally likely: exactly round(share * n_train) of them. Less noise: a subset of them.
    pixel_noise: std of Gaussian noise added to all sets, in pixel units ([0, 1]); not clipped.
    standardize: subtract the training set's mean, divide by its std + 0.1 (pixel by pixel).
    A seed gives the same split whatever the other seeds are, the same images with or without
    label noise, and an image keeps its pixel noise whatever the sizes are: runs are paired.
    Raises ValueError for sizes or shares out of range, DataError as `load`.
    """
    images, labels = digits()
    seeds = _checked_seeds(seeds)
    n_test = _checked_test_size(len(labels), n_train, n_val, n_test)
    _check_noise(label_noise, pixel_noise)
    order = np.stack([_rng(seed, ORDER).permutation(len(labels)) for seed in seeds])  # (S, N)
    x, y = images[order], labels[order]  # (S, N, 64), (S, N)
    if pixel_noise > 0:
        noise = [_rng(seed, PIXEL_NOISE).standard_normal(images.shape) for seed in seeds]
        x += pixel_noise * np.stack(noise)
    x_train, x_val, x_test = _cut(x, n_train, n_val, n_test)
    y_train, y_val, y_test = _cut(y, n_train, n_val, n_test)
    if standardize:
        mean = x_train.mean(axis=1, keepdims=True)  # (S, 1, 64)
        scale = x_train.std(axis=1, keepdims=True) + STD_FLOOR  # (S, 1, 64)
        x_train, x_val, x_test = ((part - mean) / scale for part in (x_train, x_val, x_test))
    noisy = np.stack([_flip(y, label_noise, s) for y, s in zip(y_train, seeds, strict=True)])
    return Splits(x_train, noisy, x_val, y_val, x_test, y_test, y_train)


def _rng(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng((seed, SPLIT_STREAM, stream))


def _cut(
    array: NDArray[Any], n_train: int, n_val: int, n_test: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Training from the front, validation and test from the end, each a block of its own."""
    n = array.shape[1]
    val, test = slice(n - n_test - n_val, n - n_test), slice(n - n_test, n)
    return array[:, :n_train].copy(), array[:, val].copy(), array[:, test].copy()


def _flip(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Labels (n,) of which round(share * n) are another class; the draws do not depend on share."""
    rng, n = _rng(seed, LABEL_NOISE), len(labels)
    chosen = rng.permutation(n)[: round(share * n)]
    others = (labels + rng.integers(1, N_CLASSES, n)) % N_CLASSES  # never the class itself
    noisy = labels.copy()
    noisy[chosen] = others[chosen]
    return noisy


def _checked_seeds(seeds: Iterable[int]) -> list[int]:
    listed = list(seeds) if isinstance(seeds, Iterable) else []
    if not listed or any(not isinstance(s, int | np.integer) or s < 0 for s in listed):
        raise ValueError(
            f"seeds is a sequence of one or more integers >= 0, such as range(5); got {seeds!r}"
        )
    return [int(seed) for seed in listed]


def _checked_test_size(total: int, n_train: int, n_val: int, n_test: int | None) -> int:
    sizes = [n_train, n_val, 0 if n_test is None else n_test]
    whole = all(isinstance(size, int | np.integer) for size in sizes)
    if not whole or n_train < 1 or min(sizes) < 0 or sum(sizes) > total:
        raise ValueError(
            f"n_train (at least 1), n_val and n_test (at least 0) are counts that share {total} "
            f"images; got n_train={n_train!r}, n_val={n_val!r}, n_test={n_test!r}"
        )
    return total - n_train - n_val if n_test is None else n_test


def _check_noise(label_noise: float, pixel_noise: float) -> None:
    if not 0 <= label_noise <= 1:
        raise ValueError(
            f"label_noise is the share of training labels to change, in [0, 1]; got {label_noise}"
        )
    if not 0 <= pixel_noise < np.inf:
        raise ValueError(
            f"pixel_noise is the std of the added noise, finite and at least 0; got {pixel_noise}"
        )


def fashion_mnist(folder: Path | str | None = None, *, url: str | None = None) -> Fashion:
    """Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747), downloaded once: 31 MB.

    No lesson needs it. folder: where its four files are or go (default data/fashion-mnist).
    url: another place that serves them. Checked by SHA-256, resumed when the transfer was cut.
    Raises DataError that says which files to put where when there is no network.
    """
    target = FOLDER / "fashion-mnist" if folder is None else Path(folder)
    base = FASHION_URL if url is None else url.rstrip("/")
    try:
        paths = [fetch(f"{base}/{f}", target / f, sha256=s) for f, s in FASHION_SHA256.items()]
    except DataError as error:
        raise DataError(
            f"{error}.\nWithout a network: put {', '.join(FASHION_SHA256)} into {target}"
        ) from error
    x_train, y_train, x_test, y_test = (read_idx(path) for path in paths)
    return Fashion(
        x_train.reshape(len(x_train), -1), y_train.astype(np.int64),
        x_test.reshape(len(x_test), -1), y_test.astype(np.int64),
    )  # fmt: skip
