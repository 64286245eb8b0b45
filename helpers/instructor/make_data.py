"""Writes the bundled data sets, byte for byte the same on every machine.

    python -m helpers.instructor.make_data

Source: scikit-learn's `load_digits` (see data/README.md).
"""

import hashlib
import io
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.data import FOLDER, SUMS, read_sums
from helpers.downloads import DataError

EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's own zero: no clock in the file


def npz_bytes(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """An uncompressed .npz of `arrays`: stored, because compressed bytes differ between zlibs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.create_system = 3  # Windows writes 0 here
            payload = io.BytesIO()
            np.lib.format.write_array(payload, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(entry, payload.getvalue())
    return buffer.getvalue()


def digits_arrays() -> dict[str, NDArray[np.uint8]]:
    """The digits as they come: images (1797, 64) in 0..16 and labels (1797,), both uint8."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return {
        "images": bunch.data.astype("u1"),  # (1797, 64)
        "labels": bunch.target.astype("u1"),  # (1797,)
    }


def write(name: str, arrays: Mapping[str, NDArray[np.generic]], folder: Path = FOLDER) -> Path:
    """Writes `folder`/`name`.npz and its line in SHA256SUMS; other lines stay. Returns the path."""
    folder.mkdir(parents=True, exist_ok=True)
    content = npz_bytes(arrays)
    path = folder / f"{name}.npz"
    path.write_bytes(content)
    sums = read_sums(folder) if (folder / SUMS).exists() else {}
    sums[path.name] = hashlib.sha256(content).hexdigest()
    lines = "".join(f"{digest}  {file}\n" for file, digest in sorted(sums.items()))
    (folder / SUMS).write_text(lines, encoding="ascii", newline="\n")
    return path


def main(folder: Path = FOLDER) -> int:
    """Writes every data set that this module makes, and says where."""
    from helpers.instructor.hard_digits import bundled_arrays  # it builds on digits_arrays

    for name, arrays in (("digits", digits_arrays()), ("hard_digits", bundled_arrays())):
        path = write(name, arrays, folder)
        print(f"wrote {path} ({path.stat().st_size:,} bytes) and its line in {SUMS}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DataError as error:
        sys.exit(str(error))
