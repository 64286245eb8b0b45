"""Frames of explorables for pages without a kernel; runs in the kernel, after the last cell.

Every control takes a few values while the others stay at their start. What fits into the page
after that goes into pairs (each button with each value of another control; all pairs where there
are two controls) and into finer sliders.
"""

import hashlib
import io
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.explore import Explorable, live
from helpers.instructor.site_controls import is_short, kind_of, slider_values, tell_values

if TYPE_CHECKING:
    from PIL.Image import Image

State = tuple[int, ...]  # an index for each control, into its values

VIEW = "application/vnd.jupyter.widget-view+json"
POINTS = (5, 9, 17)  # values of a slider; each holds the ones before
DENSITIES = (1.5, 1.25, 1.0)  # image pixels a CSS pixel; explorables draw 2
ROOM_FOR_MORE = 0.5  # of the budget, for the least that every control needs
QUALITY = 75  # of WebP, when lossless is not smaller
COLORS = 128  # of a lossless picture; line drawings have fewer


def save_frames(folder: Path, *, budget: int) -> None:
    """Writes WebP files of all live explorables, and frames.json, into a folder.

    budget: bytes of all files together; a page that needs more raises ValueError.
    frames.json: {model id of the view: what `Sweep.describe` tells}.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweeps = [Sweep(explorable) for explorable in live()]
    density = choose_density(sweeps, budget)
    encoder = Encoder(folder, density)
    for sweep in sweeps:
        sweep.encode(encoder, sweep.states(*sweep.levels[0]))
    if encoder.written > budget:
        raise ValueError(
            f"the frames of this page take {encoder.written:,} bytes at the least; "
            f"the budget is {budget:,}"
        )
    refine(sweeps, encoder, budget)
    told = {sweep.model_id: sweep.describe() for sweep in sweeps}
    encoder.drop_unused({name for t in told.values() for name, _ in t["frames"].values()})
    (folder / "frames.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


class Sweep:
    """One explorable: the values that its controls take, and the frames drawn so far."""

    def __init__(self, explorable: Explorable) -> None:
        data, metadata = explorable._repr_mimebundle_()
        self.explorable, self.model_id = explorable, data[VIEW]["model_id"]
        self.size = metadata["image/png"]["width"], metadata["image/png"]["height"]
        self.controls = explorable.controls
        can_cross = len(self.controls) > 1 and (self._is_pair or any(map(is_short, self._widgets)))
        more = POINTS if can_cross else POINTS[1:]
        self.levels = deque([(POINTS[0], False), *((points, can_cross) for points in more)])
        self.level = self.levels[0]
        self.lossless = suits_lossless(explorable.png)
        self._frames: dict[tuple[Any, ...], tuple[str, str]] = {}  # values -> file, alt text

    @property
    def _widgets(self) -> list[Any]:
        return list(self.controls.values())

    @property
    def _is_pair(self) -> bool:
        return len(self.controls) == 2

    def values(self, points: int) -> list[list[Any]]:
        """The values of each control, its start among them."""
        starts = self.explorable.start
        return [slider_values(w, starts[name], points) for name, w in self.controls.items()]

    def states(self, points: int, crossed: bool) -> dict[State, tuple[Any, ...]]:
        """The states of a level, the start first: each control alone, and pairs if crossed."""
        values = self.values(points)
        start = self.start(points)
        states = [start]
        for i, options in enumerate(values):
            states += [_replace(start, {i: k}) for k in range(len(options))]
        for i, j in combinations(range(len(values)), 2) if crossed else ():
            if self._is_pair or is_short(self._widgets[i]) or is_short(self._widgets[j]):
                pairs = product(range(len(values[i])), range(len(values[j])))
                states += [_replace(start, {i: k, j: m}) for k, m in pairs]
        return {s: tuple(v[k] for v, k in zip(values, s, strict=True)) for s in states}

    def start(self, points: int) -> State:
        """The indices of the start."""
        pairs = zip(self.values(points), self.explorable.start.values(), strict=True)
        return tuple(values.index(start) for values, start in pairs)

    def encode(self, encoder: "Encoder", states: Mapping[State, tuple[Any, ...]]) -> None:
        """Draw and encode the states that are not there yet; then put the controls back."""
        for values in states.values():
            if values not in self._frames:
                self.explorable.set(**dict(zip(self.controls, values, strict=True)))
                self._frames[values] = (
                    encoder.add(self.explorable.png, self.lossless),
                    self.explorable.text,
                )
        self.explorable.set(**self.explorable.start)

    def measure(self, density: float) -> int:
        """The bytes of a frame."""
        return len(encode_webp(self.explorable.png, density, lossless=self.lossless))

    def missing(self, level: tuple[int, bool]) -> int:
        """How many frames a level would add."""
        return sum(values not in self._frames for values in self.states(*level).values())

    def describe(self) -> dict[str, Any]:
        """Size, controls, and frames: "index,index" -> [file, alt text], for JSON."""
        points, _ = self.level
        columns = zip(self.controls.items(), self.values(points), self.start(points), strict=True)
        return {
            "width": self.size[0],
            "height": self.size[1],
            "controls": [
                {"name": name, "label": widget.description or name, "kind": kind_of(widget),
                 "values": tell_values(widget, values), "start": start}
                for (name, widget), values, start in columns
            ],
            "frames": {
                ",".join(map(str, state)): self._frames[values]
                for state, values in self.states(*self.level).items()
            },
        }  # fmt: skip


class Encoder:
    """Writes pictures as WebP files, equal ones once; `written` is their size in bytes."""

    def __init__(self, folder: Path, density: float) -> None:
        self.folder, self.density = folder, density
        self._sizes: dict[str, int] = {}

    @property
    def written(self) -> int:
        return sum(self._sizes.values())

    def add(self, png: bytes, lossless: bool) -> str:
        """The file's name, made from its content."""
        data = encode_webp(png, self.density, lossless=lossless)
        name = hashlib.sha256(data).hexdigest()[:12] + ".webp"
        if name not in self._sizes:
            (self.folder / name).write_bytes(data)
            self._sizes[name] = len(data)
        return name

    def drop_unused(self, used: Iterable[str]) -> None:
        """Remove the files of levels that were given up."""
        for name in set(self._sizes) - set(used):
            (self.folder / name).unlink()
            del self._sizes[name]


def choose_density(sweeps: Sequence[Sweep], budget: int) -> float:
    """The greatest density at which the first level of all explorables leaves room for more."""
    for density in DENSITIES[:-1]:
        expected = sum(s.measure(density) * s.missing(s.level) for s in sweeps)
        if expected <= ROOM_FOR_MORE * budget:
            return density
    return DENSITIES[-1]


def refine(sweeps: Sequence[Sweep], encoder: Encoder, budget: int) -> None:
    """Take explorables to their next levels while the budget lasts, the cheapest step first."""
    open_sweeps = [sweep for sweep in sweeps if len(sweep.levels) > 1]
    while open_sweeps:
        sweep = min(open_sweeps, key=lambda s: s.missing(s.levels[1]))
        level = sweep.levels[1]
        more = 1.1 * sweep.measure(encoder.density) * sweep.missing(level)
        fits = encoder.written + more <= budget
        if fits:
            sweep.encode(encoder, sweep.states(*level))
            fits = encoder.written <= budget
        if fits:
            sweep.levels.popleft()
            sweep.level = level
        if not fits or len(sweep.levels) == 1:
            open_sweeps.remove(sweep)


def encode_webp(png: bytes, density: float, *, lossless: bool | None = None) -> bytes:
    """A picture drawn at density 2, as WebP.

    lossless: of few colors but exact, which suits line drawings; or lossy; by default the smaller.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    size = (round(picture.width * density / 2), round(picture.height * density / 2))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    if lossless is None:
        return min(_lossless(picture), _lossy(picture), key=len)
    return _lossless(picture) if lossless else _lossy(picture)


def suits_lossless(png: bytes) -> bool:
    """Whether a picture takes less room lossless; others of the same figure are alike."""
    return len(encode_webp(png, 1.0, lossless=True)) < len(encode_webp(png, 1.0, lossless=False))


def _lossy(picture: "Image") -> bytes:
    return _save(picture, quality=QUALITY, method=4)


def _lossless(picture: "Image") -> bytes:
    from PIL import Image

    few = picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    return _save(few.convert("RGB"), lossless=True, quality=30, method=3)


def _save(picture: "Image", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", **options)
    return file.getvalue()


def _replace(state: State, changes: Mapping[int, int]) -> State:
    return tuple(changes.get(i, k) for i, k in enumerate(state))
