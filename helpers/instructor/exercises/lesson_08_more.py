"""Lesson 08, data augmentation: the random transforms, judged by what they did to each image."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from helpers.compare import Judged
from helpers.instructor.exercise import Exercise
from helpers.values import Seed

Array = np.ndarray
Rng = np.random.Generator


def _torch_generator(rng: Rng) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def _told_apart(n: int, h: int, w: int) -> Array:
    """Images without a zero and without a value twice."""
    return (1 + np.arange(n * h * w).reshape(n, h, w)) / 100


def _inked(n: int, h: int, w: int) -> Array:
    """Images without a zero, in few digits."""
    return (1 + np.arange(n * h * w).reshape(n, h, w) % 9) / 10


# 08.2 random_shift


def _torch_random_shift(images: Array, max_shift: int, rng: Rng) -> Array:
    drawn = torch.randint(
        -max_shift, max_shift + 1, (len(images), 2), generator=_torch_generator(rng)
    )
    moved = [
        F.pad(torch.from_numpy(image), (dx, -dx, dy, -dy))
        for image, (dx, dy) in zip(images, drawn.tolist(), strict=True)
    ]
    return torch.stack(moved).numpy()


def _moved(draw: Callable[[int, int, Rng], Array], mode: str = "zero") -> Callable[..., Array]:
    """Shifts by (dx, dy) as drawn: (n, 2) from n, max_shift and rng. Mode zero, wrap or edge."""

    def shifted(images: Array, max_shift: int, rng: Rng) -> Array:
        n, h, w = images.shape
        dx, dy = draw(n, max_shift, rng).T[:, :, None]  # (n, 1) each
        rows, cols = np.arange(h) - dy, np.arange(w) - dx
        inside = ((rows >= 0) & (rows < h))[:, :, None] & ((cols >= 0) & (cols < w))[:, None]
        rows, cols = (
            (rows % h, cols % w) if mode == "wrap" else (rows.clip(0, h - 1), cols.clip(0, w - 1))
        )
        taken = images[np.arange(n)[:, None, None], rows[:, :, None], cols[:, None]]
        return taken * inside if mode == "zero" else taken

    return shifted


def _whole(n: int, m: int, rng: Rng) -> Array:
    return rng.integers(-m, m + 1, (n, 2))


def _one_direction(n: int, m: int, rng: Rng) -> Array:
    return rng.integers(0, m + 1, (n, 2))


def _one_for_all(n: int, m: int, rng: Rng) -> Array:
    return np.tile(rng.integers(-m, m + 1, (1, 2)), (n, 1))


def _rounded(n: int, m: int, rng: Rng) -> Array:
    return np.rint(rng.uniform(-m, m, (n, 2))).astype(int)


def _own_draw(n: int, m: int, rng: Rng) -> Array:
    return _whole(n, m, np.random.default_rng(0))


def _extremes(n: int, m: int, rng: Rng) -> Array:
    return m * (2 * rng.integers(0, 2, (n, 2)) - 1)


def _shift_probes(rng: Rng) -> list[tuple[Any, ...]]:
    seed = int(rng.integers(1_000_000))
    wide, tall = _told_apart(120, 2, 2), _told_apart(20, 4, 3)
    ones = [(wide, 1, Seed(seed + i)) for i in range(7)]  # 840 images: ends that come half as often
    twos = [(tall, 2, Seed(seed + 100 + i)) for i in range(6)]
    return [*ones, *twos, ones[0], twos[0], (wide[:2], 0, Seed(seed + 200))]


RANDOM_SHIFT = Exercise(
    id="08.2",
    title="A random shift for every image",
    function="random_shift",
    points=1,
    oracle=_torch_random_shift,
    compare=Judged("lesson_08.random_shift"),
    probes=_shift_probes,
    mistakes={
        "All images of a batch get the same shift. Draw a dx and a dy for every image.": _moved(
            _one_for_all
        ),
        "A shift of +max_shift never comes: rng.integers leaves out its upper end. (Or do you "
        "shift to the left and up only?)": _moved(
            lambda n, m, rng: rng.integers(-m, max(m, 1 - m), (n, 2))
        ),
        "dx and dy are always equal in your answer: the images move along a diagonal only. Draw "
        "them apart.": _moved(lambda n, m, rng: np.tile(rng.integers(-m, m + 1, (n, 1)), (1, 2))),
        "A shift of −max_shift never comes: your window never begins at row 2 * max_shift, as "
        "rng.integers leaves out its upper end.": _moved(
            lambda n, m, rng: rng.integers(min(1 - m, m), m + 1, (n, 2))
        ),
        "You shift to the right and down only: dx and dy run from −max_shift to "
        "+max_shift.": _moved(_one_direction),
        "You shift by max_shift always. All whole numbers from −max_shift to +max_shift come "
        "equally often, 0 among them.": _moved(_extremes),
        "What leaves on one side comes back on the other. Fill with zeros.": _moved(
            _whole, mode="wrap"
        ),
        "You repeat the edge pixels. What comes in from outside is 0.": _moved(_whole, mode="edge"),
        "Your shifts do not come from `rng`: the same generator must give the same shifts, and "
        "another one others.": _moved(_own_draw),
        "Not all of your shifts are equally likely. Did you round rng.uniform (the two ends come "
        "half as often) or cut off its decimals (0 comes twice as often)? Use "
        "rng.integers.": _moved(_rounded),
        "You shift sideways only: draw a dy, too.": _moved(
            lambda n, m, rng: _whole(n, m, rng) * [1, 0]
        ),
        "You shift up and down only: draw a dx, too.": _moved(
            lambda n, m, rng: _whole(n, m, rng) * [0, 1]
        ),
    },
)


# 08.5 cutout


def _torch_cutout(images: Array, size: int, rng: Rng) -> Array:
    n, h, w = images.shape
    rows, cols = h - size + 1, w - size + 1
    at = torch.randint(rows * cols, (n,), generator=_torch_generator(rng))
    spots = F.one_hot(at, rows * cols).double().view(n, 1, rows, cols)
    square = F.conv_transpose2d(spots, torch.ones(1, 1, size, size, dtype=torch.double))
    return np.where(square[:, 0].numpy() > 0.5, 0.0, images)


def _blanked(
    draw: Callable[[int, int, int, Rng], Array],
    *,
    fill: float = 0.0,
    extent: Callable[[int], tuple[int, int]] = lambda size: (size, size),
) -> Callable[..., Array]:
    """Blanks rectangles at the corners drawn, (n, 2) from n, the free rows, columns and rng."""

    def blanked(images: Array, size: int, rng: Rng) -> Array:
        out, (tall, wide) = images.copy(), extent(size)
        n, h, w = images.shape
        for image, (top, left) in zip(out, draw(n, h - size + 1, w - size + 1, rng), strict=True):
            image[max(top, 0) : top + tall, max(left, 0) : left + wide] = fill
        return out

    return blanked


def _corners(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return np.stack([rng.integers(0, rows, n), rng.integers(0, cols, n)], 1)


def _one_corner(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return np.tile(_corners(1, rows, cols, rng), (n, 1))


def _from_the_shorter(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return rng.integers(0, min(rows, cols), (n, 2))


def _from_the_height(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return rng.integers(0, rows, (n, 2))


def _never_last(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return _corners(n, max(rows - 1, 1), max(cols - 1, 1), rng)


def _on_the_diagonal(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return np.tile(rng.integers(0, min(rows, cols), (n, 1)), (1, 2))


def _on_a_long_diagonal(n: int, rows: int, cols: int, rng: Rng) -> Array:
    return np.tile(rng.integers(0, rows, (n, 1)), (1, 2))


def _square_kept(images: Array, size: int, rng: Rng) -> Array:
    """Blanks all but the square."""
    return images - _torch_cutout(images, size, rng)


def _own_cutout(images: Array, size: int, rng: Rng) -> Array:
    return _torch_cutout(images, size, np.random.default_rng(1))


def _scattered(images: Array, size: int, rng: Rng) -> Array:
    """As many single pixels as the square would have."""
    out = images.copy()
    for image in out:
        image.flat[rng.permutation(image.size)[: size**2]] = 0
    return out


def _rescaled(images: Array, size: int, rng: Rng) -> Array:
    """Makes up for the lost ink, as dropout does."""
    kept = 1 - size**2 / images[0].size
    return _torch_cutout(images, size, rng) / kept


def _in_place(images: Array, size: int, rng: Rng) -> Array:
    images[...] = _torch_cutout(images, size, rng)
    return images


def _from_any_pixel(images: Array, size: int, rng: Rng) -> Array:
    """Upper left corners anywhere: squares are cut off below and at the right."""
    out, (_, h, w) = images.copy(), images.shape
    for image in out:
        top, left = rng.integers(h), rng.integers(w)
        image[top : top + size, left : left + size] = 0
    return out


def _cutout_probes(rng: Rng) -> list[tuple[Any, ...]]:
    seed, images = int(rng.integers(1_000_000)), _inked(20, 5, 6)
    twos = [(images, 2, Seed(seed + i)) for i in range(9)]
    ends = [  # one pixel, and as much as there is
        (_inked(9, 6, 3), 1, Seed(seed + 200)), (images[:3], 5, Seed(seed + 201)),
        (_inked(3, 6, 4), 4, Seed(seed + 202)), (_inked(2, 4, 4), 4, Seed(seed + 203)),
    ]  # fmt: skip
    return [*twos, twos[0], (images[:9], 3, Seed(seed + 100)), *ends]


CUTOUT = Exercise(
    id="08.5",
    title="Cut-out",
    function="cutout",
    points=1,
    oracle=_torch_cutout,
    compare=Judged("lesson_08.cutout"),
    probes=_cutout_probes,
    mistakes={
        "All images of a batch are blanked at the same place. Draw a place for every "
        "image.": _blanked(_one_corner),
        "Your square never touches the lower and the right border: there are h − size + 1 places "
        "for its top row, and rng.integers leaves out its upper end.": _blanked(_never_last),
        "Your top row and left column are the same number: the square stays on the diagonal. Draw "
        "them apart.": _blanked(_on_the_diagonal),
        "Your top row and left column are the same number, drawn from the height alone: the square "
        "stays on the diagonal. Draw them apart.": _blanked(_on_a_long_diagonal),
        "You draw rows and columns from min(h, w) − size + 1 places, so that the far end of the "
        "longer side is never blanked. Rows have h − size + 1 places, columns "
        "w − size + 1.": _blanked(_from_the_shorter),
        "You draw both from h − size + 1 places. Those for the left column are "
        "w − size + 1.": _blanked(_from_the_height),
        "You keep the square and blank all the rest. It is the other way round.": _square_kept,
        "Your square can stick out over the border, so that less is blanked. It lies wholly "
        "inside: h − size + 1 rows and w − size + 1 columns can begin it.": _from_any_pixel,
        "You blank one row and one column too many.": _blanked(
            _corners, extent=lambda size: (size + 1, size + 1)
        ),
        "You blank single pixels. A square of size × size is asked.": _scattered,
        "You blank whole rows: limit the columns, too.": _blanked(
            lambda n, rows, cols, rng: _corners(n, rows, cols, rng) * [1, 0],
            extent=lambda size: (size, 100),
        ),
        "You blank whole columns: limit the rows, too.": _blanked(
            lambda n, rows, cols, rng: _corners(n, rows, cols, rng) * [0, 1],
            extent=lambda size: (100, size),
        ),
        "Your square has no right end: it runs from its left column to the border. Limit the "
        "columns to left : left + size.": _blanked(_corners, extent=lambda size: (size, 100)),
        "Your square is not 0. Fill it with 0, which is paper; not with 1 (full ink) or a "
        "mean.": _blanked(_corners, fill=1.0),
        "You blank one row and one column too few.": _blanked(
            _corners, extent=lambda size: (size - 1, size - 1)
        ),
        "You exchanged height and width: the top row is one of 0 … h − size, the left column one "
        "of 0 … w − size.": _blanked(lambda n, rows, cols, rng: _corners(n, cols, rows, rng)),
        "You change the image outside of the square, too (do you divide by the share that is "
        "kept, as in dropout?). Leave it as it is.": _rescaled,
        "Your places do not come from `rng`: the same generator must give the same places, and "
        "another one others.": _own_cutout,
    },
)


# 08.6 mixup


def _torch_mixup(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
    generator = _torch_generator(rng)
    gamma = torch._standard_gamma(
        torch.full((2, len(x), 1), alpha, dtype=torch.double), generator=generator
    )
    weight = gamma[0] / gamma.sum(0)
    order = torch.randperm(len(x), generator=generator)
    both = [torch.from_numpy(a).double() for a in (x, y)]
    mixed_x, mixed_y = (torch.lerp(a[order], a, weight).numpy() for a in both)
    return mixed_x, mixed_y


def _mixed(
    *,
    weights: Callable[[int, float, Rng], tuple[Array, Array]] | None = None,
    partners: Callable[[int, Rng], tuple[Array, Array]] | None = None,
) -> Callable[..., tuple[Array, Array]]:
    """Mixup with its weights (for x, for y) and its partners (for x, for y) drawn otherwise."""

    def mix(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
        n, one = len(x), rng.beta(alpha, alpha, len(x))
        a, b = weights(n, alpha, rng) if weights else (one, one)
        order = rng.permutation(n)
        p, q = partners(n, rng) if partners else (order, order)
        a, b = a[:, None], b[:, None]
        return a * x + (1 - a) * x[p], b * y + (1 - b) * y[q]

    return mix


def _twice(array: Array) -> tuple[Array, Array]:
    return array, array


def _x_only(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
    return _torch_mixup(x, y, alpha, rng)[0], y.copy()


def _hard_labels(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
    """The label of whoever has the larger weight."""
    weight, order = rng.beta(alpha, alpha, (len(x), 1)), rng.permutation(len(x))
    mixed = weight * x + (1 - weight) * x[order]
    return mixed, np.where(weight >= 0.5, y, y[order])


def _along_classes(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
    """The weight meets the columns of y, as (n,) does when n classes happen to fit."""
    weight, order = rng.beta(alpha, alpha, len(x)), rng.permutation(len(x))
    columns = np.resize(weight, y.shape[1])
    side = weight[:, None]
    return side * x + (1 - side) * x[order], columns * y + (1 - columns) * y[order]


def _each_pixel(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
    a, b = rng.beta(alpha, alpha, x.shape), rng.beta(alpha, alpha, y.shape)
    order = rng.permutation(len(x))
    return a * x + (1 - a) * x[order], b * y + (1 - b) * y[order]


def _each_pixel_and_their_mean(x: Array, y: Array, alpha: float, rng: Rng) -> tuple[Array, Array]:
    a = rng.beta(alpha, alpha, x.shape)
    b = a.mean(1, keepdims=True)
    order = rng.permutation(len(x))
    return a * x + (1 - a) * x[order], b * y + (1 - b) * y[order]


def _mixup_probes(rng: Rng) -> list[tuple[Any, ...]]:
    seed, n = int(rng.integers(1_000_000)), 10

    def batch(size: int) -> Array:
        return np.round(rng.uniform(0, 1, (size, 5)), 2)

    x, y = batch(n), np.eye(n)
    drawn = [(x, y, 2.0, Seed(seed + i)) for i in range(16)]
    drawn += [(x, y, 0.2, Seed(seed + 100 + i)) for i in range(10)]
    labels = np.eye(3)[rng.integers(0, 3, 7)]  # fewer classes than images
    small = [(batch(7), labels, 1.0, Seed(seed + 300 + i)) for i in range(4)]
    small.append((batch(1), np.eye(2)[:1], 1.0, Seed(seed + 310)))
    return [*drawn, drawn[0], drawn[-1], *small]


MIXUP = Exercise(
    id="08.6",
    title="Mixup",
    function="mixup",
    points=1,
    oracle=_torch_mixup,
    compare=Judged("lesson_08.mixup"),
    probes=_mixup_probes,
    mistakes={
        "x and y get different weights (two draws, or λ and 1 − λ exchanged). A mixed label must "
        "say how the image was mixed: use the same λ for both.": _mixed(
            weights=lambda n, a, rng: (rng.beta(a, a, n), rng.beta(a, a, n))
        ),
        "x and y get partners of their own: the label then tells of another image. Draw the "
        "order once.": _mixed(partners=lambda n, rng: (rng.permutation(n), rng.permutation(n))),
        "Every image is mixed with itself: nothing changes. Draw a random order of the batch for "
        "the partners.": _mixed(partners=lambda n, rng: _twice(np.arange(n))),
        "The labels stay as they were. Mix the one-hot labels with the same λ and the same "
        "partner.": _x_only,
        "You return one of the two labels. The label is mixed as the image is: λ of the one and "
        "1 − λ of the other.": _hard_labels,
        "All images of the batch share one λ. That is common, too, but here every image draws its "
        "own.": _mixed(weights=lambda n, a, rng: _twice(np.full(n, rng.beta(a, a)))),
        "Your λ is uniform. It comes from Beta(alpha, alpha): rng.beta.": _mixed(
            weights=lambda n, a, rng: _twice(rng.uniform(size=n))
        ),
        "Your λ is never below ½. Beta(alpha, alpha) is symmetric about ½; use it as it is "
        "drawn.": _mixed(weights=lambda n, a, rng: _twice(0.5 + np.abs(rng.beta(a, a, n) - 0.5))),
        "Your λ comes from Beta(alpha, 1). Both parameters are alpha: rng.beta(alpha, alpha, …).": (
            _mixed(weights=lambda n, a, rng: _twice(rng.beta(a, 1, n)))
        ),
        "Your λ is ½ always: draw it.": _mixed(weights=lambda n, a, rng: _twice(np.full(n, 0.5))),
        "The partner is always the next image of the batch. Draw a random order.": _mixed(
            partners=lambda n, rng: _twice(np.roll(np.arange(n), -1))
        ),
        "The batch in reversed order is not random: draw the partners with "
        "rng.permutation.": _mixed(partners=lambda n, rng: _twice(np.arange(n)[::-1])),
        "You draw partners with replacement. Use rng.permutation: every image is a partner "
        "once.": _mixed(partners=lambda n, rng: _twice(rng.integers(0, n, n))),
        "Nothing comes from `rng`: the same generator must give the same mix, and another one "
        "another mix.": lambda x, y, a, rng: _torch_mixup(x, y, a, np.random.default_rng(2)),
        "You draw a λ for every pixel. Draw one for every image, of shape (n, 1), and use it for "
        "all of its pixels and its label.": _each_pixel,
        "You draw a λ for every pixel, and mix the label by another one, such as their mean. Draw "
        "one λ for every image, of shape (n, 1), for its pixels and its "
        "label.": _each_pixel_and_their_mean,
        "λ of shape (n,) runs along the classes of y. Give it the shape (n, 1), one value a "
        "row.": _along_classes,
    },
)
