"""Bundled data: verified, reproducible. Splits: paired over seeds, noise exactly as asked for."""

import gzip
import hashlib
import shutil
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import data, downloads
from helpers.instructor import make_data

REPO_DATA = Path(__file__).resolve().parent.parent / "data"


# ---- bundled files


def test_digits_have_the_promised_shape_type_and_range() -> None:
    images, labels = data.digits()
    assert images.shape == (1797, 64)
    assert images.dtype == np.float64
    assert (images.min(), images.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(images * 16, np.round(images * 16))
    assert labels.shape == (1797,)
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_equal_scikit_learns_to_the_last_bit() -> None:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    np.testing.assert_array_equal(data.digits().images, bunch.data / 16)
    np.testing.assert_array_equal(data.digits().labels, bunch.target)


def test_a_change_to_what_load_returned_does_not_reach_the_next_call() -> None:
    data.load("digits")["images"][:] = 99
    data.digits().images[:] = 99
    assert data.load("digits")["images"].max() == 16
    assert data.digits().images.max() == 1


def test_every_listed_file_is_bundled_and_verifies() -> None:
    names = [name.removesuffix(".npz") for name in data.read_sums()]
    assert "digits" in names
    assert all(data.load(name) for name in names)


def test_a_file_is_verified_once_a_process(copied: Path) -> None:
    data.load("digits")
    (copied / "digits.npz").write_bytes(b"changed after it was verified")
    assert data.load("digits")["images"].shape == (1797, 64)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of data/ that a test may damage."""
    for name in ("digits.npz", "SHA256SUMS"):
        shutil.copy(REPO_DATA / name, tmp_path / name)
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    return tmp_path


def test_a_changed_byte_is_found_and_the_way_back_named(copied: Path) -> None:
    content = bytearray((copied / "digits.npz").read_bytes())
    content[5000] ^= 1
    (copied / "digits.npz").write_bytes(content)
    with pytest.raises(data.DataError) as raised:
        data.load("digits")
    message = str(raised.value)
    assert str(copied / "digits.npz") in message
    assert hashlib.sha256(content).hexdigest() in message
    assert data.read_sums()["digits.npz"] in message
    assert "git checkout -- data/digits.npz" in message
    assert "python -m helpers.instructor.make_data" in message


def test_a_damaged_file_can_be_restored_without_a_restart(copied: Path) -> None:
    (copied / "digits.npz").write_bytes(b"")
    with pytest.raises(data.DataError, match="found 0 bytes"):
        data.digits()
    shutil.copy(REPO_DATA / "digits.npz", copied / "digits.npz")
    assert len(data.digits().labels) == 1797


def test_a_missing_file_is_named(copied: Path) -> None:
    (copied / "digits.npz").unlink()
    with pytest.raises(data.DataError, match=r"digits\.npz cannot be read .*git checkout"):
        data.digits()


def test_a_missing_list_of_checksums_is_named(copied: Path) -> None:
    (copied / "SHA256SUMS").unlink()
    with pytest.raises(data.DataError, match="git checkout -- data/SHA256SUMS"):
        data.digits()


@pytest.mark.parametrize("content", ["one-word\n", "a b c\n", "ü  digits.npz\n"])
def test_a_damaged_list_of_checksums_is_named(copied: Path, content: str) -> None:
    (copied / "SHA256SUMS").write_text(content, encoding="utf-8")
    with pytest.raises(data.DataError, match="SHA256SUMS cannot be read"):
        data.digits()


@pytest.mark.parametrize("name", ["mnist", "", "../data/digits", "digits.npz"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"name is a bundled data set, one of .*digits.*; got"):
        data.load(name)


def test_make_data_writes_the_committed_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_data.main(tmp_path) == 0
    assert (tmp_path / "digits.npz").read_bytes() == (REPO_DATA / "digits.npz").read_bytes()
    assert data.read_sums(tmp_path)["digits.npz"] == data.read_sums()["digits.npz"]
    assert "117,275 bytes" in capsys.readouterr().out


def test_make_data_keeps_the_other_checksums(tmp_path: Path) -> None:
    make_data.write("other", {"a": np.arange(3)}, tmp_path)
    before = data.read_sums(tmp_path)["other.npz"]
    make_data.write("digits", {"a": np.arange(4)}, tmp_path)
    assert data.read_sums(tmp_path)["other.npz"] == before
    assert list(data.read_sums(tmp_path)) == ["digits.npz", "other.npz"]


def test_npz_bytes_can_be_read_by_numpy_and_do_not_depend_on_memory_order(tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(3, 4)
    assert make_data.npz_bytes({"a": array}) == make_data.npz_bytes({"a": np.asfortranarray(array)})
    (tmp_path / "a.npz").write_bytes(make_data.npz_bytes({"a": array}))
    with np.load(tmp_path / "a.npz") as archive:
        np.testing.assert_array_equal(archive["a"], array)


# ---- splits


def rows(*arrays: np.ndarray) -> np.ndarray:
    """All images (…, 64), sorted, so that two collections can be compared."""
    flat = np.concatenate([array.reshape(-1, 64) for array in arrays])
    return flat[np.lexsort(flat.T)]


def test_the_digits_differ_from_each_other() -> None:
    """So that the tests below may tell them apart by their pixels."""
    assert len(np.unique(data.digits().images, axis=0)) == 1797


@settings(max_examples=25, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=3),
    n_train=st.integers(1, 1500),
    n_val=st.integers(0, 297),
)
def test_a_split_uses_every_digit_once_with_its_own_label(
    seeds: list[int], n_train: int, n_val: int
) -> None:
    parts = data.splits(seeds, n_train=n_train, n_val=n_val)
    images, labels = data.digits()
    label_of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    n_test = 1797 - n_train - n_val
    for s in range(len(seeds)):
        np.testing.assert_array_equal(
            rows(parts.x_train[s], parts.x_val[s], parts.x_test[s]), rows(images)
        )
        for x, y, n in (
            (parts.x_train[s], parts.y_train[s], n_train),
            (parts.x_val[s], parts.y_val[s], n_val),
            (parts.x_test[s], parts.y_test[s], n_test),
        ):
            assert x.shape == (n, 64)
            assert y.tolist() == [label_of[image.tobytes()] for image in x]


def test_a_seed_gives_the_same_split_in_any_company() -> None:
    cut = partial(data.splits, n_train=100, n_val=50, n_test=200)
    alone = cut([3], label_noise=0.3, pixel_noise=0.2, standardize=True)
    company = cut([7, 3, 0], label_noise=0.3, pixel_noise=0.2, standardize=True)
    for one, many in zip(alone, company, strict=True):
        np.testing.assert_array_equal(one[0], many[1])
        assert one.shape[1:] == many.shape[1:]


def test_seeds_differ_and_are_not_the_generators_of_the_lessons() -> None:
    parts = data.splits(range(2), n_train=1797)
    assert not np.array_equal(parts.x_train[0], parts.x_train[1])
    plain = data.digits().images[np.random.default_rng(0).permutation(1797)]
    assert not np.array_equal(parts.x_train[0], plain)


def test_label_noise_leaves_images_and_clean_labels_as_they_were() -> None:
    cut = partial(data.splits, n_train=300, n_val=100, pixel_noise=0.1, standardize=True)
    clean = cut(range(2))
    noisy = cut(range(2), label_noise=0.4)
    for name in ("x_train", "x_val", "y_val", "x_test", "y_test", "y_train_clean"):
        np.testing.assert_array_equal(getattr(clean, name), getattr(noisy, name))
    np.testing.assert_array_equal(clean.y_train, noisy.y_train_clean)


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1), n_train=st.integers(1, 400), seed=st.integers(0, 1000))
def test_exactly_the_asked_share_of_labels_becomes_another_class(
    share: float, n_train: int, seed: int
) -> None:
    parts = data.splits([seed], n_train=n_train, n_test=0, label_noise=share)
    assert (parts.y_train != parts.y_train_clean).sum() == round(share * n_train)
    assert set(np.unique(parts.y_train)) <= set(range(10))


def test_flipped_labels_are_uniform_over_the_nine_other_classes() -> None:
    parts = data.splits(range(20), n_train=1797, label_noise=1.0)
    distance = (parts.y_train - parts.y_train_clean) % 10
    counts = np.bincount(distance.ravel(), minlength=10)
    n = counts.sum()
    assert counts[0] == 0
    assert np.all(np.abs(counts[1:] - n / 9) < 5 * np.sqrt(n * (1 / 9) * (8 / 9)))


def test_less_label_noise_flips_a_subset_in_the_same_way() -> None:
    some = data.splits([0], n_train=400, label_noise=0.2)
    more = data.splits([0], n_train=400, label_noise=0.5)
    flipped = some.y_train != some.y_train_clean
    np.testing.assert_array_equal(more.y_train[flipped], some.y_train[flipped])


def test_pixel_noise_has_its_std_in_every_set_and_is_not_clipped() -> None:
    cut = partial(data.splits, n_train=600, n_val=500, n_test=600)
    clean = cut(range(3))
    noisy = cut(range(3), pixel_noise=0.25)
    for name in ("x_train", "x_val", "x_test"):
        noise = getattr(noisy, name) - getattr(clean, name)
        assert abs(noise.std() / 0.25 - 1) < 5 / np.sqrt(2 * noise.size)
        assert abs(noise.mean()) < 5 * 0.25 / np.sqrt(noise.size)
        assert getattr(noisy, name).min() < 0
    assert not np.array_equal(noise[0], noise[1])


def test_a_larger_training_set_contains_the_smaller_and_meets_the_same_test() -> None:
    small = data.splits([5], n_train=100, n_val=50, n_test=400, pixel_noise=0.1)
    large = data.splits([5], n_train=800, n_val=50, n_test=400, pixel_noise=0.1)
    np.testing.assert_array_equal(small.x_train, large.x_train[:, :100])
    np.testing.assert_array_equal(small.x_val, large.x_val)
    np.testing.assert_array_equal(small.x_test, large.x_test)


def test_standardization_uses_the_training_set_alone() -> None:
    cut = partial(data.splits, n_train=200, n_val=100, pixel_noise=0.05)
    raw = cut(range(2))
    scaled = cut(range(2), standardize=True)
    for s in range(2):
        mean, std = raw.x_train[s].mean(0), raw.x_train[s].std(0)
        for name in ("x_train", "x_val", "x_test"):
            expected = (getattr(raw, name)[s] - mean) / (std + 0.1)
            np.testing.assert_allclose(getattr(scaled, name)[s], expected, rtol=1e-12, atol=1e-12)


def test_standardization_keeps_blank_and_nearly_blank_pixels_small() -> None:
    """The reason for std + 0.1: without it this is 0/0 or more than fifty."""
    raw = data.splits(range(5), n_train=100)
    std = raw.x_train.std(axis=1, keepdims=True)
    seen = np.broadcast_to(std > 0, raw.x_test.shape)
    centred = raw.x_test - raw.x_train.mean(axis=1, keepdims=True)
    assert (std == 0).any()
    assert np.abs(centred[seen] / np.broadcast_to(std, seen.shape)[seen]).max() > 50
    scaled = data.splits(range(5), n_train=100, standardize=True)
    assert np.abs(scaled.x_test).max() < 10


@pytest.mark.parametrize(
    ("share", "n_train", "flipped"), [(0.4, 7, 3), (0.4, 6, 2), (0.5, 1, 0), (0.35, 100, 35)]
)
def test_the_count_of_flipped_labels_is_rounded(share: float, n_train: int, flipped: int) -> None:
    parts = data.splits(range(3), n_train=n_train, label_noise=share)
    assert (parts.y_train != parts.y_train_clean).sum(axis=1).tolist() == [flipped] * 3


def test_the_parts_are_blocks_of_their_own() -> None:
    parts = data.splits([0], n_train=10, n_val=10, n_test=10)
    assert all(part.flags.owndata and part.flags.c_contiguous for part in parts)
    for i, one in enumerate(parts):
        assert not any(np.shares_memory(one, other) for other in parts[i + 1 :])


@pytest.mark.parametrize("seeds", [[], 3, [-1], [0.5], ["0"], None])
def test_seeds_must_be_non_negative_integers(seeds: list[int]) -> None:
    with pytest.raises(ValueError, match=r"seeds is a sequence .* such as range\(5\); got"):
        data.splits(seeds, n_train=10)


def test_numpy_integers_are_seeds_too() -> None:
    one, same = data.splits(np.arange(2), n_train=5), data.splits(range(2), n_train=5)
    np.testing.assert_array_equal(one.x_train, same.x_train)


@pytest.mark.parametrize(
    ("n_train", "n_val", "n_test"),
    [(0, 0, None), (1798, 0, None), (1000, 798, None), (1000, 500, 298), (10, -1, None),
     (10, 0, -1), (-5, 0, 0), (10.0, 0, None), (10, 0.5, None)],
)  # fmt: skip
def test_sizes_must_fit(n_train: int, n_val: int, n_test: int | None) -> None:
    with pytest.raises(ValueError, match=rf"share 1797 images; got n_train={n_train!r}"):
        data.splits([0], n_train=n_train, n_val=n_val, n_test=n_test)


@pytest.mark.parametrize("share", [-0.1, 1.01, 40, float("nan")])
def test_label_noise_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"label_noise is .* in \[0, 1\]; got"):
        data.splits([0], n_train=10, label_noise=share)


@pytest.mark.parametrize("std", [-0.1, float("inf"), float("nan")])
def test_pixel_noise_is_finite_and_not_negative(std: float) -> None:
    with pytest.raises(ValueError, match=r"pixel_noise is the std .* at least 0; got"):
        data.splits([0], n_train=10, pixel_noise=std)


# ---- downloads, from a server on loopback


class Server(ThreadingHTTPServer):
    """Serves `files`; may cut answers, ignore or misread Range, or stay silent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges: list[str | None] = []  # one entry a request
        self.cut: int | None = None  # bytes to send before the line goes dead
        self.knows_range = True
        self.range_shift = 0  # answers start this many bytes late
        self.tells_length = True
        self.always_elsewhere = False  # claims a range that nobody asked for

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        body = self.server.files.get(self.path.strip("/"))
        if body is None:
            return self.send_error(404)
        start = 0
        if asked and self.server.knows_range:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + self.server.range_shift
            if start >= len(body):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        if self.server.always_elsewhere:
            self.send_header("Content-Range", "bytes 5-9/10")
        if self.server.tells_length:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:][: self.server.cut])

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def dead_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


BODY = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


def get(server: Server, path: Path) -> Path:
    return downloads.fetch(f"{server.url}/file", path, sha256=DIGEST)


def test_fetch_writes_the_file_and_asks_only_once(server: Server, tmp_path: Path) -> None:
    server.files["file"] = BODY
    path = tmp_path / "new" / "file"
    assert get(server, path) == get(server, path) == path
    assert path.read_bytes() == BODY
    assert server.ranges == [None]
    assert list(path.parent.iterdir()) == [path]


def test_fetch_works_when_the_server_does_not_tell_the_length(
    server: Server, tmp_path: Path
) -> None:
    server.files["file"], server.tells_length = BODY, False
    assert get(server, tmp_path / "file").read_bytes() == BODY


def test_fetch_resumes_after_a_cut(server: Server, tmp_path: Path) -> None:
    server.files["file"], server.cut = BODY, 100_000
    with pytest.raises(data.DataError, match=r"after 100,000 of 300,000 bytes; .*resume"):
        get(server, tmp_path / "file")
    assert not (tmp_path / "file").exists()
    server.cut = None
    assert get(server, tmp_path / "file").read_bytes() == BODY
    assert server.ranges == [None, "bytes=100000-"]


def test_fetch_starts_again_when_the_server_does_not_know_range(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:1000])
    server.files["file"], server.knows_range = BODY, False
    assert get(server, tmp_path / "file").read_bytes() == BODY


def test_fetch_starts_again_when_the_answer_starts_elsewhere(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:1000])
    server.files["file"], server.range_shift = BODY, 7
    assert get(server, tmp_path / "file").read_bytes() == BODY
    assert server.ranges == ["bytes=1000-", None]


def test_fetch_gives_up_on_a_server_that_never_starts_at_the_start(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:1000])
    server.files["file"], server.knows_range, server.always_elsewhere = BODY[5:], False, True
    with pytest.raises(data.DataError, match="not the file that was expected"):
        get(server, tmp_path / "file")
    assert server.ranges == ["bytes=1000-", None]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", [BODY + b"more", b"x" * len(BODY)], ids=["longer", "other"])
def test_fetch_starts_again_when_the_part_is_too_long(
    server: Server, tmp_path: Path, part: bytes
) -> None:
    (tmp_path / "file.part").write_bytes(part)
    server.files["file"] = BODY
    assert get(server, tmp_path / "file").read_bytes() == BODY
    assert server.ranges == [f"bytes={len(part)}-", None]


def test_fetch_takes_a_complete_part_without_asking(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY)
    assert get(server, tmp_path / "file").read_bytes() == BODY
    assert server.ranges == []


def test_fetch_rejects_a_wrong_checksum_and_keeps_nothing(server: Server, tmp_path: Path) -> None:
    server.files["file"] = BODY[:-1] + b"?"
    with pytest.raises(data.DataError, match=f"instead of {DIGEST}.*deleted"):
        get(server, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_fetch_replaces_a_damaged_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"damaged")
    server.files["file"] = BODY
    assert get(server, tmp_path / "file").read_bytes() == BODY


def test_fetch_names_a_missing_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=r"/file could not be downloaded .*404"):
        get(server, tmp_path / "file")


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:1x/"])
def test_fetch_names_a_bad_address(tmp_path: Path, url: str) -> None:
    with pytest.raises(data.DataError, match="could not be downloaded"):
        downloads.fetch(url, tmp_path / "file", sha256=DIGEST)


def test_fetch_does_not_hang_on_a_silent_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(data.DataError, match="timed out"):
            downloads.fetch(url, tmp_path / "file", sha256=DIGEST, timeout=0.2)


def test_fetch_says_that_a_file_is_there_but_damaged(dead_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"damaged")
    with pytest.raises(data.DataError, match=r"\(file is there, but damaged\)"):
        downloads.fetch(f"{dead_url}/file", tmp_path / "file", sha256=DIGEST)
    assert (tmp_path / "file").read_bytes() == b"damaged"


def test_fetch_names_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(data.DataError, match="could not be downloaded"):
        get(server, tmp_path / "taken" / "file")


# ---- IDX files and Fashion-MNIST


def idx(array: np.ndarray) -> bytes:
    """The bytes of `array` (uint8) in IDX format, not compressed."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


@settings(max_examples=30, deadline=None)
@given(shape=st.lists(st.integers(0, 6), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_read_idx_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], seed: int
) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    path.write_bytes(packed(idx(array)))
    read = downloads.read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == np.uint8
    assert read.flags.writeable


def packed(content: bytes) -> bytes:
    """Gzip without a clock in it."""
    return gzip.compress(content, mtime=0)


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not gzip at all", "not a complete gzip file"),
        (b"", "not an IDX file of unsigned bytes: it starts with nothing"),
        (packed(GOOD)[:-9], "not a complete gzip file"),
        (packed(GOOD)[:12] + b"\xff\xff" + packed(GOOD)[14:], "not a complete gzip"),
        (packed(b"\x00\x00\x0d\x02" + GOOD[4:]), "starts with 00 00 0d 02"),
        (packed(b"\x89PNG" + GOOD[4:]), "starts with 89 50 4e 47"),
        (packed(b"\x00\x00\x08\x00"), "starts with 00 00 08 00"),
        (packed(b"\x00\x00"), "starts with 00 00,"),
        (packed(b"\x00\x00\x08\x05" + bytes(20)), "starts with 00 00 08 05"),
        (packed(GOOD[:-1]), r"holds 17 bytes, .* shape \(2, 3\) promises 18"),
        (packed(GOOD + b"\x00"), r"holds 19 bytes, .* shape \(2, 3\) promises 18"),
        (packed(GOOD[:9]), "holds 9 bytes"),
        (packed(GOOD[:4] + b"\xff" * 8), "promises 18,446,744,065,119,617,037"),
    ],
    ids=range(13),
)
def test_read_idx_names_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.gz"
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=message) as raised:
        downloads.read_idx(path)
    assert str(path) in str(raised.value)
    assert "delete it" in str(raised.value)


@pytest.fixture
def small_fashion(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Four small files under the real names, on the server, with their checksums."""
    rng = np.random.default_rng(0)
    shapes = {"images-idx3": (28, 28), "labels-idx1": ()}
    arrays = {
        f"{part}-{kind}-ubyte.gz": rng.integers(0, 10, (n, *shape), dtype=np.uint8)
        for part, n in (("train", 6), ("t10k", 3))
        for kind, shape in shapes.items()
    }
    server.files = {name: packed(idx(array)) for name, array in arrays.items()}
    sums = {name: hashlib.sha256(body).hexdigest() for name, body in server.files.items()}
    assert sums.keys() == data.FASHION_SHA256.keys()
    monkeypatch.setattr(data, "FASHION_SHA256", {name: sums[name] for name in data.FASHION_SHA256})
    return arrays


def test_fashion_mnist_downloads_once_and_then_needs_no_server(
    server: Server, dead_url: str, tmp_path: Path, small_fashion: dict[str, np.ndarray]
) -> None:
    first = data.fashion_mnist(str(tmp_path), url=server.url + "/")
    again = data.fashion_mnist(tmp_path, url=dead_url)
    assert len(server.ranges) == 4
    expected = [
        small_fashion["train-images-idx3-ubyte.gz"].reshape(6, 784),
        small_fashion["train-labels-idx1-ubyte.gz"],
        small_fashion["t10k-images-idx3-ubyte.gz"].reshape(3, 784),
        small_fashion["t10k-labels-idx1-ubyte.gz"],
    ]
    for one, two, right in zip(first, again, expected, strict=True):
        np.testing.assert_array_equal(one, right)
        np.testing.assert_array_equal(two, right)
    assert first.y_train.dtype == first.y_test.dtype == np.int64


def test_fashion_mnist_without_a_network_says_which_files_go_where(
    dead_url: str, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "FASHION_URL", dead_url)
    with pytest.raises(data.DataError, match="Without a network: put") as raised:
        data.fashion_mnist()
    assert str(copied / "fashion-mnist") in str(raised.value)
    assert all(name in str(raised.value) for name in data.FASHION_SHA256)
