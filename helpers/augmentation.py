"""Digits on a canvas, and random transforms as policies, on the batches of all seeds at once.

The geometry is torch's own: an affine grid, sampled bilinearly.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from helpers import data

Policy = Callable[[Tensor, torch.Generator], Tensor]
SIDE, CLASSES = 12, 10


class Canvas(NamedTuple):
    """Images (S, n, side²) and labels (S, n) for training, validation and test."""

    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor
    x_test: Tensor
    y_test: Tensor


@functools.cache
def _coordinates(side: int) -> Tensor:
    """What six numbers of an affine map are multiplied with to give all source points."""
    line = (2 * torch.arange(side) + 1) / side - 1  # pixel centers
    points = torch.stack([line.repeat(side), line.repeat_interleave(side), torch.ones(side**2)])
    basis = torch.zeros(6, side**2, 2)
    basis[:3, :, 0], basis[3:, :, 1] = points, points
    return basis.view(6, -1)


def warp(
    images: Tensor,
    *,
    degrees: Tensor | float = 0.0,
    right: Tensor | float = 0.0,
    down: Tensor | float = 0.0,
    zoom: Tensor | float = 1.0,
) -> Tensor:
    """Turned counter-clockwise about the center, enlarged, then shifted by pixels.

    images: (N, side²); every amount is a number or (N,). Bilinear, zero outside.
    """
    count, side = len(images), round(images.shape[1] ** 0.5)
    angle, dx, dy, scale = (
        torch.as_tensor(amount, dtype=torch.float32).expand(count)
        for amount in (degrees, right, down, zoom)
    )
    cos, sin = (f(torch.deg2rad(angle)) / scale for f in (torch.cos, torch.sin))  # (N,)
    dx, dy = 2 * dx / side, 2 * dy / side  # in torch's units: the image is 2 wide
    rows = [cos, -sin, sin * dy - cos * dx, sin, cos, -sin * dx - cos * dy]
    source = torch.stack(rows, 1) @ _coordinates(side)  # (N, 2 · side²)
    sampled = F.grid_sample(
        images.view(count, 1, side, side), source.view(count, side, side, 2), align_corners=False
    )
    return sampled.view(count, -1)


def affine(
    degrees: float | Tensor = 0.0, pixels: float | Tensor = 0.0, zoom: float | Tensor = 0.0
) -> Policy:
    """Turns, shifts and zooms each image by amounts uniform within ± the given ones.

    Each is a number, or a tensor with one for every image.
    """

    def policy(images: Tensor, generator: torch.Generator) -> Tensor:
        drawn = 2 * torch.rand(4, len(images), generator=generator) - 1
        return warp(
            images, degrees=degrees * drawn[0], right=pixels * drawn[1], down=pixels * drawn[2],
            zoom=1 + zoom * drawn[3],
        )  # fmt: skip

    return policy


def turned_share(share: float, then: Policy) -> Policy:
    """Turns this share of the images by 180°, then applies another policy to all."""

    def policy(images: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(len(images), 1, generator=generator) < share
        return then(torch.where(chosen, images.flip(1), images), generator)

    return policy


def pixel_noise(std: float | Tensor) -> Policy:
    """Adds normal noise of this std, a number or (N, 1), to every pixel."""
    return lambda images, g: images + std * torch.randn(images.shape, generator=g)


@functools.cache
def _squares(side: int, size: int) -> Tensor:
    """A mask for every place of a square, (places, side²): 0 inside, 1 outside."""
    places = (side - size + 1) ** 2
    spots = torch.eye(places).view(places, 1, side - size + 1, -1)
    inside = F.conv_transpose2d(spots, torch.ones(1, 1, size, size))  # (places, 1, side, side)
    return 1 - inside.view(places, -1)


def erased(size: int) -> Policy:
    """Blanks a square somewhere inside each image (DeVries & Taylor 2017)."""

    def policy(images: Tensor, generator: torch.Generator) -> Tensor:
        masks = _squares(round(images.shape[1] ** 0.5), size)
        drawn = torch.randint(len(masks), (len(images),), generator=generator)
        return images * masks[drawn]

    return policy


def in_turn(*policies: Policy) -> Policy:
    """One policy after the other."""

    def policy(images: Tensor, generator: torch.Generator) -> Tensor:
        for one in policies:
            images = one(images, generator)
        return images

    return policy


def one_of_many(degrees: float, pixels: float, zoom: float, contrast: float, std: float) -> Policy:
    """One transform an image, of random strength (TrivialAugment; Müller & Hutter 2021).

    Nothing, a turn, a shift to the side, a shift up or down, a zoom, a contrast or noise.
    """

    def policy(images: Tensor, generator: torch.Generator) -> Tensor:
        count = len(images)
        chosen = F.one_hot(torch.randint(7, (count,), generator=generator), 7).float()
        strength = chosen * (2 * torch.rand(count, 1, generator=generator) - 1)  # (N, 7)
        out = warp(
            images, degrees=degrees * strength[:, 1], right=pixels * strength[:, 2],
            down=pixels * strength[:, 3], zoom=1 + zoom * strength[:, 4],
        )  # fmt: skip
        noise = torch.randn(images.shape, generator=generator)
        return out * (1 + contrast * strength[:, 5:6]) + std * strength[:, 6:7].abs() * noise

    return policy


def random_policies(
    rng: np.random.Generator, count: int, *, sets: int
) -> tuple[NDArray[np.float64], list[Policy]]:
    """Policies of random strength: turns to 45°, shifts to 3.5 px, zoom to 40 %, noise to 0.3.

    Every one of the data sets draws its own: a policy takes the images of all, set after set, as
    many of each. Returns the amounts (count, sets, 4) and the policies.
    """
    amounts = rng.uniform(0, (45, 3.5, 0.4, 0.3), (count, sets, 4))
    return amounts, [_of_its_set(torch.tensor(drawn, dtype=torch.float32)) for drawn in amounts]


def _of_its_set(amounts: Tensor) -> Policy:
    def policy(images: Tensor, generator: torch.Generator) -> Tensor:
        turn, shift, zoom, std = amounts.repeat_interleave(len(images) // len(amounts), 0).T
        both = in_turn(affine(turn, shift, zoom), pixel_noise(std[:, None]))
        return both(images, generator)

    return policy


def digits_on_canvas(
    seeds: Sequence[int],
    *,
    per_class: int,
    side: int = SIDE,
    degrees: float = 15.0,
    pixels: float = 1.5,
    noise: float = 0.05,
    n_val: int = 200,
    n_test: int = 600,
) -> Canvas:
    """Digits on a square of `side` pixels, each turned and shifted once, with noisy pixels.

    Training has `per_class` images of every class. With side 8 and the rest zero these are the
    centered originals. Raises ValueError for a side below 8.
    """
    if side < 8 or side % 2:
        raise ValueError(f"side is an even number of pixels, at least 8; got {side}")
    policy = in_turn(affine(degrees, pixels), pixel_noise(noise))
    parts = [_draw(seed, per_class, n_val, n_test) for seed in seeds]
    images, labels = data.digits()
    margin, blocks = (side - 8) // 2, []
    for seed, rows in zip(seeds, parts, strict=True):
        square = torch.tensor(images[rows], dtype=torch.float32).view(-1, 8, 8)
        generator = torch.Generator().manual_seed(seed)
        blocks.append(policy(F.pad(square, [margin] * 4).flatten(1), generator))
    x, y = torch.stack(blocks), torch.tensor(labels[np.stack(parts)])
    cuts = [CLASSES * per_class, n_val, n_test]
    (a, b, c), (u, v, w) = torch.split(x, cuts, 1), torch.split(y, cuts, 1)
    return Canvas(a, u, b, v, c, w)


def _draw(seed: int, per_class: int, n_val: int, n_test: int) -> NDArray[np.int64]:
    """Rows of the digits: per_class of each class, then validation, then test."""
    labels = data.digits().labels
    order = np.random.default_rng([seed, 8]).permutation(len(labels))
    train = np.concatenate([order[labels[order] == c][:per_class] for c in range(CLASSES)])
    rest = order[~np.isin(order, train)]
    return np.concatenate([train, rest[: n_val + n_test]])
