"""Optional downloads: resumed when cut, verified, never half written under the final name."""

import gzip
import hashlib
import http.client
import os
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIMEOUT = 30.0  # seconds without a byte, not for the whole file
CHUNK = 1 << 16
IDX_UINT8 = 0x08  # the IDX code for unsigned bytes, the only type that MNIST-like files use
MAX_AXES = 4


class DataError(RuntimeError):
    """A data file is missing, damaged or out of reach; the message says how to mend that."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(url: str, path: Path, *, sha256: str, timeout: float = TIMEOUT) -> Path:
    """The file at `path`, downloaded from `url` unless it is there already; returns `path`.

    What arrives is kept in `path`.part. If the transfer is cut, the next call asks for the rest
    (HTTP Range); a server that does not know Range sends all of it again. The file gets its name
    only after its SHA-256 was right. `timeout` is in seconds without an answer.
    Raises DataError: no server, an HTTP error, a transfer that was cut, or a wrong checksum.
    """
    part = path.with_name(path.name + ".part")
    try:
        if path.exists() and sha256_of(path) == sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (part.exists() and sha256_of(part) == sha256):
            _transfer(url, part, timeout)
    except (OSError, http.client.HTTPException, ValueError) as error:
        damaged = f" ({path.name} is there, but damaged)" if path.is_file() else ""
        raise DataError(
            f"{url} could not be downloaded to {path.parent}{damaged}: {error}"
        ) from error
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise DataError(
            f"{url} is not the file that was expected: SHA-256 {found} instead of {sha256}. "
            "It was deleted; try again, or take the file from another source"
        )
    os.replace(part, path)
    return path


def _transfer(url: str, part: Path, timeout: float) -> None:
    """Appends the missing bytes of `url` to `part`; OSError when the connection ends early."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        part.unlink()  # as many bytes here as there, or more: not a part of this file
        return _transfer(url, part, timeout)
    with response:
        span = response.headers.get("Content-Range")  # "bytes 100-199/200"; None: all of it
        if not have or span is None or span.startswith(f"bytes {have}-"):
            return _save(response, part, have if span else 0)
    part.unlink(missing_ok=True)  # the answer starts elsewhere: ask for all of it
    return _transfer(url, part, timeout)


def _save(response: Any, part: Path, have: int) -> None:
    from tqdm.auto import tqdm

    length = response.headers.get("Content-Length")
    total = have + int(length) if length is not None else None
    bar = tqdm(
        total=total, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=total == have
    )
    with bar, part.open("ab" if have else "wb") as file:
        while chunk := response.read(CHUNK):
            file.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
    if total is not None and have < total:
        raise ConnectionError(
            f"the connection ended after {have:,} of {total:,} bytes; call again to resume"
        )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in a gzipped IDX file of unsigned bytes (MNIST's format), writable.

    IDX: two zero bytes, the type, the number of axes, each axis as a big-endian uint32, the data.
    Raises DataError naming the file when it is not gzip, not IDX of bytes, or the wrong length.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a complete gzip file ({error}); delete it") from error
    magic, n_axes = content[:3], int.from_bytes(content[3:4], "big")
    if magic != bytes([0, 0, IDX_UINT8]) or not 1 <= n_axes <= MAX_AXES:
        raise DataError(
            f"{path} is not an IDX file of unsigned bytes: it starts with "
            f"{content[:4].hex(' ') or 'nothing'}, expected 00 00 08 and the number of axes; "
            "delete it"
        )
    start = 4 + 4 * n_axes
    header = content[4:start]
    shape = tuple(np.frombuffer(header[: len(header) // 4 * 4], dtype=">u4").tolist())
    expected = start + int(np.prod(shape, dtype=object))
    if len(shape) != n_axes or len(content) != expected:
        raise DataError(
            f"{path} holds {len(content):,} bytes, its IDX header for shape {shape} "
            f"promises {expected:,}; delete it"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
