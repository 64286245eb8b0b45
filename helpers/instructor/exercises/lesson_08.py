"""Lesson 08, data augmentation: transforms of given size, and what a class survives."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from scipy.stats import gmean, mode

from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises.lesson_08_more import CUTOUT, MIXUP, RANDOM_SHIFT

Array = np.ndarray
Rng = np.random.Generator


# 08.1 shift


def _scipy_shift(images: Array, dx: int, dy: int) -> Array:
    return np.asarray(ndimage.shift(images, (0, dy, dx), order=0))


def _repeated_edge(images: Array, dx: int, dy: int) -> Array:
    return np.asarray(ndimage.shift(images, (0, dy, dx), order=0, mode="nearest"))


def _flat_roll(images: Array, dx: int, dy: int) -> Array:
    """Rolls the flattened images: rows run into each other."""
    return np.roll(images.reshape(len(images), -1), dy * images.shape[2] + dx, 1).reshape(
        images.shape
    )


def _size_limited(images: Array, dx: int, dy: int) -> Array:
    """Slices of what stays: right until nothing stays."""
    h, w = images.shape[1:]
    out = np.zeros_like(images)
    kept = images[:, max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)]
    out[:, max(0, dy) : h + min(0, dy), max(0, dx) : w + min(0, dx)] = kept
    return out


def _shift_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, h: int, w: int, dx: int, dy: int) -> tuple[Any, ...]:
        return rng.integers(1, 10, (n, h, w)) / 10, dx, dy

    h, w = (int(size) for size in rng.integers(3, 5, 2))
    x, y = (int(rng.integers(1, size)) for size in (w, h))  # some of the image stays
    beyond = int(rng.integers(1, 3))  # by the whole image, and a little more
    return {
        "right and left": [probe(2, 3, 4, 2, 0), probe(1, 4, 3, -1, 0), probe(1, h, w, w - 1, 0)],
        "down and up": [probe(1, 4, 3, 0, 1), probe(1, 3, 2, 0, -2)],
        "both at once, or far away": [
            probe(1, 3, 4, 1, 2), probe(1, 4, 3, -1, -3), probe(1, h, w, x, -y),
            probe(1, h, w, -x, y), probe(1, 3, 4, 5, 0), probe(1, 3, 2, 1, -6),
            probe(1, 2, 3, 0, 0), probe(1, 2, w, w, 0), probe(1, h, 2, 0, h),
            probe(1, 2, w, -w - beyond, 0), probe(1, h, 2, 1, h + beyond),
            probe(1, h, 2, 0, -h - beyond),
        ],
    }  # fmt: skip


SHIFT = Exercise(
    id="08.1",
    title="Shift images, zeros behind",
    function="shift",
    points=1,
    oracle=_scipy_shift,
    probes=_shift_probes,
    mistakes={
        "What leaves on one side comes back on the other (np.roll). Behind the image there is "
        "nothing: fill with zeros.": lambda x, dx, dy: np.roll(x, (dy, dx), axis=(1, 2)),
        "You swapped the axes: dx moves along columns (the last axis), dy along rows.": (
            lambda x, dx, dy: _scipy_shift(x, dy, dx)
        ),
        "You shift the wrong way: a positive dx moves the ink to the right, a positive dy "
        "down.": lambda x, dx, dy: _scipy_shift(x, -dx, -dy),
        "A positive dy moves down: row 0 is the top one.": lambda x, dx, dy: _scipy_shift(
            x, dx, -dy
        ),
        "A positive dx moves to the right; yours moves to the left.": lambda x, dx, dy: (
            _scipy_shift(x, -dx, dy)
        ),
        "You repeat the edge pixels. What comes in from outside is 0.": _repeated_edge,
        "You shift the flattened image: what leaves a row enters the next one.": _flat_roll,
        "Your dy does nothing.": lambda x, dx, dy: _scipy_shift(x, dx, 0),
        "Your dx does nothing.": lambda x, dx, dy: _scipy_shift(x, 0, dy),
        "Shifted by its whole size or more, an image is all zeros; your slices fail there.": (
            _size_limited
        ),
        "You shift the images of the batch, too: axis 0 counts images, the picture lies in axes "
        "1 and 2.": lambda x, dx, dy: np.asarray(ndimage.shift(x, (dy, dx, 0), order=0)),
    },
)


# 08.3 rotate


def _scipy_rotate(images: Array, degrees: float) -> Array:
    turned = ndimage.rotate(
        images, degrees, axes=(2, 1), reshape=False, order=1, mode="grid-constant"
    )
    return np.asarray(turned)


def _around(
    *, middle: Callable[[int], float] = lambda size: (size - 1) / 2, order: int = 1, sign: int = 1
) -> Callable[[Array, float], Array]:
    """A rotation about another middle, or without interpolation."""

    def turned(images: Array, degrees: float) -> Array:
        a = sign * np.deg2rad(degrees)
        matrix = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        center = np.array([middle(size) for size in images.shape[1:]])
        offset = center - matrix @ center
        turn = [
            ndimage.affine_transform(i, matrix, offset, order=order, mode="grid-constant")
            for i in images
        ]
        return np.stack(turn)

    return turned


def _forward(images: Array, degrees: float) -> Array:
    """Sends every pixel to its nearest new place: holes stay, and pixels fall on each other."""
    h, w = images.shape[1:]
    rows, cols = np.mgrid[:h, :w]
    a = np.deg2rad(degrees)
    x, y = cols - (w - 1) / 2, rows - (h - 1) / 2
    new_x = np.rint(np.cos(a) * x + np.sin(a) * y + (w - 1) / 2).astype(int)
    new_y = np.rint(-np.sin(a) * x + np.cos(a) * y + (h - 1) / 2).astype(int)
    inside = (new_x >= 0) & (new_x < w) & (new_y >= 0) & (new_y < h)
    out = np.zeros(images.shape)
    out[:, new_y[inside], new_x[inside]] = images[:, rows[inside], cols[inside]]
    return out


def _edges_drop(images: Array, degrees: float) -> Array:
    """Zero as soon as one of the four neighbors is outside."""
    return np.asarray(
        ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1, mode="constant")
    )


def _clamped(images: Array, degrees: float) -> Array:
    return np.asarray(
        ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1, mode="nearest")
    )


def _bilinear(
    images: Array, degrees: float, *, whole: Callable[[Array], Array] = np.floor,
    far: bool = False, exchanged: bool = False,
) -> Array:  # fmt: skip
    """The four neighbors written out, with one thing wrong of three."""
    h, w = images.shape[1:]
    rows, cols = np.mgrid[:h, :w]
    a, (mid_y, mid_x) = np.deg2rad(degrees), ((h - 1) / 2, (w - 1) / 2)
    mid_y, mid_x = (mid_x, mid_y) if exchanged else (mid_y, mid_x)
    x, y = cols - mid_x, rows - mid_y
    from_x = x * np.cos(a) - y * np.sin(a) + mid_x
    from_y = x * np.sin(a) + y * np.cos(a) + mid_y
    left, top = (whole(place).astype(int) for place in (from_x, from_y))
    out = np.zeros(images.shape)
    for r, c in ((top + i, left + j) for i in (0, 1) for j in (0, 1)):
        u, v = np.abs(from_x - c), np.abs(from_y - r)
        weight = u * v if far else (1 - u) * (1 - v)
        inside = (r >= 0) & (r < h) & (c >= 0) & (c < w)
        out += inside * weight * images[:, r.clip(0, h - 1), c.clip(0, w - 1)]
    return out


def _upper_left(images: Array, degrees: float) -> Array:
    """The pixel at the rounded-down source, without interpolation."""
    (h, w), a = images.shape[1:], np.deg2rad(degrees)
    rows, cols = np.mgrid[:h, :w]
    x, y = cols - (w - 1) / 2, rows - (h - 1) / 2
    c = np.floor(x * np.cos(a) - y * np.sin(a) + (w - 1) / 2).astype(int)
    r = np.floor(x * np.sin(a) + y * np.cos(a) + (h - 1) / 2).astype(int)
    inside = (r >= 0) & (r < h) & (c >= 0) & (c < w)
    return np.asarray(inside * images[:, r.clip(0, h - 1), c.clip(0, w - 1)])


def _rotate_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def probe(n: int, h: int, w: int, degrees: float) -> tuple[Any, ...]:
        return rng.integers(1, 10, (n, h, w)) / 10, degrees

    def angle(low: float, high: float) -> float:
        return float(np.round(rng.uniform(low, high), 1))

    return {
        "quarter and half turns": [
            probe(2, 3, 3, 90.0), probe(1, 3, 3, -90.0), probe(1, 3, 4, 180.0),
            probe(1, 2, 4, 90.0), probe(1, 2, 3, 0.0),  # no source half-way between two pixels
        ],
        "any angle": [
            probe(1, 4, 5, angle(22, 43)), probe(1, 4, 3, angle(-80, -50)),
            probe(1, 3, 4, angle(100, 130)), probe(1, 3, 3, angle(200, 250)),
            probe(1, 3, 4, angle(140, 170)), probe(1, 3, 3, angle(280, 350)),
            probe(1, 4, 3, angle(-240, -100)),
            probe(1, 3, 3, angle(380, 700)),
        ],
    }  # fmt: skip


ROTATE = Exercise(
    id="08.3",
    title="Turn images about their center",
    function="rotate",
    points=2,
    oracle=_scipy_rotate,
    probes=_rotate_probes,
    mistakes={
        "You turn clockwise. Positive degrees turn counter-clockwise, seen with row 0 at the "
        "top.": _around(sign=-1),
        "You take the nearest pixel. Mix the four neighbors, each with its bilinear "
        "weight.": _around(order=0),
        "You take the pixel to the upper left of the source (np.floor, int). Mix the four "
        "neighbors, each with its bilinear weight.": _upper_left,
        "You turn about the corner (0, 0). Subtract the center first, and add it after.": _around(
            middle=lambda size: 0.0
        ),
        "Your center is (h/2, w/2). Pixels have whole coordinates from 0 to h − 1, so the middle "
        "is (h − 1)/2.": _around(middle=lambda size: size / 2),
        "You took degrees for radians: use np.deg2rad.": lambda x, degrees: _scipy_rotate(
            x, float(np.rad2deg(degrees))
        ),
        "You send each pixel to a new place: that leaves holes. Ask of every *output* pixel where "
        "it comes from.": _forward,
        "A pixel whose four neighbors are not all inside is 0 in your answer. Only the neighbors "
        "outside count as 0; the others keep their weights.": _edges_drop,
        "You repeat the edge pixels for what lies outside (clip). Outside is 0.": _clamped,
        "You turn in the plane of rows and images. The picture lies in axes 1 and 2, axis 0 counts "
        "images.": lambda x, degrees: np.asarray(
            ndimage.rotate(x, degrees, axes=(1, 0), reshape=False, order=1, mode="grid-constant")
        ),
        "You cut the decimals off (int, astype(int)). For source coordinates below 0 that rounds "
        "up: −0.4 gives 0. Use np.floor first.": lambda x, degrees: _bilinear(
            x, degrees, whole=np.trunc
        ),
        "Your weights are the wrong way round: the *near* neighbor has the large weight, "
        "(1 − u)(1 − v).": lambda x, degrees: _bilinear(x, degrees, far=True),
        "You exchanged the two halves of the center: subtract (w − 1)/2 from the columns and "
        "(h − 1)/2 from the rows.": lambda x, degrees: _bilinear(x, degrees, exchanged=True),
    },
)


# 08.4 which transforms keep a class: symbols by the places of their lit pixels

DIGITS = (
    "### #.# #.# #.# ###", "# # # # #", "### ..# ### #.. ###", "### ..# ### ..# ###",
    "#.# #.# ### ..# ..#", "### #.. ### ..# ###", "### #.. ### #.# ###", "### ..# ..# ..# ..#",
    "### #.# ### #.# ###", "### #.# ### ..# ###",
)  # fmt: skip
GAP = "### ... #.# ###"  # without its dark row it would look the same from below
AROUND = "#.## #.## #.##"  # looks the same in a mirror to who lets it leave and come back
SIGNS = {  # of row and column
    "shift": (1, 1), "mirror_left_right": (1, -1), "mirror_top_bottom": (-1, 1),
    "turn_180": (-1, -1),
}  # fmt: skip
KINDS = (  # what a symbol can survive; both mirrors, one after the other, are the turn
    ["shift"], ["shift", "mirror_left_right"], ["shift", "mirror_top_bottom"],
    ["shift", "turn_180"], list(SIGNS),
)  # fmt: skip


def _places(lit: Array) -> set[tuple[int, ...]]:
    return {tuple(place) for place in (lit - lit.min(0)).tolist()}


def _by_places(picture: Array) -> list[str]:
    lit = np.argwhere(picture)
    return [name for name, signs in SIGNS.items() if _places(lit * signs) == _places(lit)]


def _symbol(text: str) -> Array:
    return np.array([list(row) for row in text.split()]) == "#"


def _cut(picture: Array, axes: tuple[int, ...] = (0, 1)) -> Array:
    for axis in axes:
        lit = np.flatnonzero(picture.any(1 - axis))
        picture = picture.take(range(lit[0], lit[-1] + 1), axis)
    return picture


def _equal(*changed: Array, cut: Array) -> list[str]:
    """What an answer says that holds the symbol against these three, in the order of the names."""
    same = [np.array_equal(result, cut) for result in changed]
    return [name for name, keep in zip(SIGNS, [True, *same], strict=True) if keep]


def _mirrored(cut: Array) -> list[str]:
    return _equal(cut[:, ::-1], cut[::-1], cut[::-1, ::-1], cut=cut)


def _by_sums(picture: Array) -> list[str]:
    """Counts the lit pixels of each row and column instead of looking at them."""
    rows, columns = _cut(picture).sum(1), _cut(picture).sum(0)
    level, upright = (np.array_equal(sums, sums[::-1]) for sums in (columns, rows))
    kept = [True, level, upright, level and upright]
    return [name for name, keep in zip(SIGNS, kept, strict=True) if keep]


def _still_a_digit(picture: Array) -> list[str]:
    """Keeps what gives any digit, if another one."""
    cut = _cut(picture)
    digits = [cut, *map(_symbol, DIGITS)]
    changed = (cut, cut[:, ::-1], cut[::-1], cut[::-1, ::-1])
    return [
        name
        for name, result in zip(SIGNS, changed, strict=True)
        if any(np.array_equal(result, other) for other in digits)
    ]


def _turned_with_a_mirror(picture: Array) -> list[str]:
    kept = _by_places(picture)
    return [name for name in SIGNS if name in kept or (name == "turn_180" and len(kept) > 1)]


def _renamed(picture: Array, pairs: dict[str, str]) -> list[str]:
    found = {pairs.get(name, name) for name in _by_places(picture)}
    return [name for name in SIGNS if name in found]


def _symbol_of_kind(rng: Rng, kind: list[str]) -> Array:
    """A symbol that survives just these."""
    while True:
        cut = rng.random(rng.integers(3, 6, 2)) < 0.5
        for name in kind:
            down, right = SIGNS[name]
            cut = cut | cut[::down, ::right]
        if cut.any() and _by_places(cut) == kind:
            return _cut(cut)


def _place(rng: Rng, symbol: Array) -> Array:
    """The symbol on a larger canvas, in its middle one way, both ways or not at all."""
    above, left = rng.integers(0, 3, 2)
    below, right = np.array([above, left]) + rng.integers(0, 3, 2)
    return np.pad(symbol, ((above, below), (left, right)))


def _nearly(rng: Rng) -> Array:
    """A symbol of six rows that survives both mirrors, but for one pixel in its last row."""
    half = np.ones((3, 2), dtype=bool)
    half[1:] = rng.random((2, 2)) < 0.5
    symbol = np.block([[half, half[:, ::-1]], [half[::-1], half[::-1, ::-1]]])
    symbol[-1, rng.integers(4)] = False
    return symbol


def _symbol_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    drawn = [_symbol_of_kind(rng, kind) for kind in KINDS for _ in range(2)]
    drawn += [_symbol(GAP), _symbol(GAP).T, _nearly(rng)]
    drawn += [np.ones(size, dtype=bool) for size in ((1, 1), rng.integers(2, 5, 2))]
    wraps = _symbol(AROUND)
    return {
        "digits": [(_place(rng, _symbol(text)),) for text in DIGITS],
        "other symbols": [
            *((_place(rng, symbol),) for symbol in drawn), (wraps,),
            (np.ones((1, 1), dtype=bool),),
        ],
    }  # fmt: skip


SAFE = Exercise(
    id="08.4",
    title="Which transforms keep this class",
    function="safe_transforms",
    points=1,
    oracle=_by_places,
    probes=_symbol_probes,
    mistakes={
        "Where the symbol stands does not matter: cut it out of its canvas before you compare.": (
            lambda p: _mirrored(p)
        ),
        "You cut the columns only. Dark rows above or below do not matter either.": (
            lambda p: _mirrored(_cut(p, (1,)))
        ),
        "You cut the rows only. Dark columns at the left or right do not matter either.": (
            lambda p: _mirrored(_cut(p, (0,)))
        ),
        "You leave out every dark row and column. Those between lit ones belong to the symbol: cut "
        "from the first lit one to the last.": lambda p: _mirrored(p[np.ix_(p.any(1), p.any(0))]),
        "Another digit is not the same class: a 6 turned by 180° is a 9, and a 2 in a mirror is "
        "a 5.": _still_a_digit,
        "You swapped the mirrors. Left-right exchanges left and right, `[:, ::-1]`: a 3 then opens "
        "to the other side. Top-bottom leaves it a 3.": lambda p: _renamed(
            p,
            {
                "mirror_left_right": "mirror_top_bottom",
                "mirror_top_bottom": "mirror_left_right",
            },
        ),
        "You return the transforms that *break* the class; asked are those that keep it.": (
            lambda p: [name for name in SIGNS if name not in _by_places(p)]
        ),
        "A turn by 180° is both mirrors, one after the other. A symbol can survive it although it "
        "survives neither mirror, as 2 and 5 do.": lambda p: [
            name for name in _by_places(p) if name != "turn_180" or len(_by_places(p)) == 4
        ],
        "A symbol that survives one mirror does not survive the turn by 180°: a 3 then opens to "
        "the other side.": _turned_with_a_mirror,
        "`.T` exchanges rows and columns: that is a mirror at the diagonal. Left and right are "
        "exchanged by `[:, ::-1]`.": lambda p: _equal(
            _cut(p).T, _cut(p)[::-1], _cut(p)[::-1, ::-1], cut=_cut(p)
        ),
        "`np.rot90` turns by 90°. On its head a symbol stands after two of them.": lambda p: _equal(
            _cut(p)[:, ::-1], _cut(p)[::-1], np.rot90(_cut(p)), cut=_cut(p)
        ),
        "You compare how many pixels are lit in each row and column. A 2 and its mirror image have "
        "the same numbers, in other places: compare the pixels.": _by_sums,
        "You forgot that a shift keeps every class.": lambda p: _by_places(p)[1:],
        "Return the names in the order of the task; yours are in another order.": lambda p: (
            _by_places(p)[::-1]
        ),
    },
)


# 08.7 test-time augmentation


def _torch_average(probabilities: Array) -> Array:
    return torch.from_numpy(probabilities).mean(0).argmax(-1).numpy()


def _vote(probabilities: Array) -> Array:
    return np.asarray(mode(probabilities.argmax(-1), axis=0, keepdims=False).mode)


def _roots(probabilities: Array) -> Array:
    return np.asarray(np.sqrt(probabilities).mean(0).argmax(-1))


def _softmax_again(probabilities: Array) -> Array:
    return np.asarray(np.exp(probabilities).mean(0).argmax(-1))


def _draw_views(rng: Rng, shape: tuple[int, int, int]) -> Array:
    """Probabilities (T, n, K) of images whose answer no rounding decides."""
    views, images, classes = shape
    logits = rng.normal(size=(views, 10 * images, classes)) * rng.uniform(0.5, 3, (views, 1, 1))
    powers = np.exp(logits)
    probs = np.round(powers / powers.sum(-1, keepdims=True), 4)
    best = np.sort(probs.mean(0), -1)
    return np.asarray(probs[:, best[:, -1] - best[:, -2] > 1e-3])


def _tta_probes(rng: Rng) -> dict[str, list[tuple[Any, ...]]]:
    def wanted(probs: Array, others: Sequence[Callable[[Array], Array]], agree: bool) -> Array:
        """Of the images on which these say what the mean says, or on which not."""
        alike = [other(probs) == _torch_average(probs) for other in others]
        return probs[:, np.all(alike, 0) if agree else ~np.all(alike, 0)]

    def probes(agree: bool) -> list[tuple[Any, ...]]:
        shapes = ((3, 40, 4), (5, 40, 3), (4, 40, 6))
        drawn = [wanted(_draw_views(rng, shape), [_vote], agree) for shape in shapes]
        return [(probs[:, :n],) for probs, n in zip(drawn, (5, 6, 4), strict=True)]

    close = [_roots, _softmax_again]  # each differs from the mean on few images
    narrow = [(wanted(_draw_views(rng, (t, 400, k)), [near], False)[:, :6],)
              for near in close for t, k in ((3, 4),)]  # fmt: skip
    small = [(_draw_views(rng, shape)[:, : shape[1]],) for shape in ((1, 5, 3), (6, 1, 4))]
    pairs = (wanted(_draw_views(rng, (5, 40, 2)), [_vote], False)[:, :6],)
    return {
        "views that mostly agree": [*probes(True), *small],
        "views that do not": [*probes(False), pairs, *narrow],
    }


TTA = Exercise(
    id="08.7",
    title="One label from several views",
    function="predict_tta",
    points=1,
    oracle=_torch_average,
    probes=_tta_probes,
    mistakes={
        "You let each view vote (argmax first). Average the probabilities over the views, then "
        "decide once.": _vote,
        "You average the labels of the views: half of the views say 1, half say 7, and you answer "
        "4.": lambda p: np.rint(p.argmax(-1).mean(0)).astype(int),
        "You return averaged probabilities: take their argmax over the classes.": lambda p: p.mean(
            0
        ),
        "You follow the most certain view. Take the mean over the views, not the maximum.": (
            lambda p: p.max(0).argmax(-1)
        ),
        "You take the median over the views. Asked is their mean, in which a view that is sure "
        "counts more.": lambda p: np.median(p, 0).argmax(-1),
        "You multiply the views' probabilities (or average logarithms): then one view that is sure "
        "has a veto. Asked is the arithmetic mean.": lambda p: gmean(p, axis=0).argmax(-1),
        "You average over the images: axis 0 counts views, axis 1 images, axis 2 classes.": (
            lambda p: p.mean(1).argmax(-1)
        ),
        "You take the argmax over the images. The classes are the last axis.": lambda p: p.mean(
            0
        ).argmax(0),
        "You use the first view only.": lambda p: p[0].argmax(-1),
        "You take a softmax (or exp) of what are probabilities already, so that a sure view counts "
        "too much. Average them as they are.": _softmax_again,
    },
)

WRITTEN = Written(
    id="08.w",
    title="A rotation policy: better on average, worse for one class",
    rubric={
        "Says from the plot how much sixes and nines lose (against no augmentation, while the mean "
        "rises, and against ±5°) and explains it: a turned nine looks like a six, with the "
        "label 9. Sees that another class may lose more, which this does not explain.": 1,
        "Proposes a repair that follows from the explanation (a smaller angle, or another "
        "treatment of this class) and says how to check it per class, on validation images.": 1,
    },
)

LESSON = Lesson(
    number="08",
    name="data_augmentation",
    title="Data augmentation: new data from old",
    minutes=110,
    exercises=(SHIFT, RANDOM_SHIFT, ROTATE, SAFE, CUTOUT, MIXUP, TTA),
    written=(WRITTEN,),
)
