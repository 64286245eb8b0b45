"""Lesson 05's experiments: networks with and without normalization, many at a time."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from helpers import data, nets

Array = NDArray[np.float64]

VARIANTS = ("none", "before", "after", "noisy", "layer")
BATCH_VARIANTS = VARIANTS[:4]  # where batch normalization is; with noise behind it
NOISE_SHIFT, NOISE_STRETCH, NOISE_EACH = 0.5, 0.25, 0.1
WIDTH, BATCH, WATCHED = 32, 32, 100
HIDDEN, LR, N_TRAIN, STEPS, EVERY = 4, 0.1, 1000, 120, 10  # unless an experiment varies them
INITS = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}


class ShiftingNoise(nn.Module):
    """Noise whose distribution changes at every step, for every unit (Santurkar et al. 2018, §2.1).

    While training, each unit's output is stretched by 1 to 1.25 and shifted by −0.5 to 0.5, both
    drawn anew a step and the same for the whole batch; then N(0, 0.1²) is added to every entry.
    With several arms (see `nets.train`) a seed's networks get the same noise.
    """

    def __init__(self, seed: int, *, arms: int = 1) -> None:
        super().__init__()
        self.generator, self.arms = torch.Generator().manual_seed(seed), arms

    def forward(self, z: Tensor) -> Tensor:
        """Noise on (S, n, width) in training mode; in eval mode z as it is."""
        if not self.training:
            return z
        count, n, width = z.shape
        one = count // self.arms  # the networks of one arm
        shift, stretch = torch.rand(2, one, 1, width, generator=self.generator, dtype=z.dtype)
        each = torch.randn(one, n, width, generator=self.generator, dtype=z.dtype)
        shifts = NOISE_SHIFT * (2 * shift - 1) + NOISE_EACH * each  # (one, n, width)
        stretches = (1 + NOISE_STRETCH * stretch).repeat(self.arms, 1, 1)
        return torch.addcmul(shifts.repeat(self.arms, 1, 1), z, stretches)


@dataclass(frozen=True)
class Run:
    """S trained networks: test accuracy (S,), training loss (T, S) at `steps`, mean drift (S,).

    Drift: how far the mean input of the third hidden layer moves from one note to the next, over
    the standard deviation of that input (both root mean squares over its units, on 100 images).
    """

    nets: nets.MLPs
    accuracy: Array
    steps: list[int]
    loss: Array
    drift: Array


@cache
def load_split(
    seeds: tuple[int, ...], *, n_train: int = N_TRAIN, label_noise: float = 0.0
) -> tuple[Tensor, ...]:
    """Standardized digits: training images, their labels, test images (700), their labels."""
    split = data.splits(
        seeds, n_train=n_train, n_test=700, standardize=True, label_noise=label_noise
    )
    return nets.tensors(split.x_train, split.y_train, split.x_test, split.y_test)


def make_variant(
    variant: str, sizes: Sequence[int], *, activation: str, seeds: Sequence[int], arms: int = 1
) -> nets.MLPs:
    """Untrained networks: none, batch norm before or after the activation, noise behind it, LN.

    `arms`: treatments of a seed that get the same noise. Raises ValueError for another variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant is one of {', '.join(VARIANTS)}; got {variant!r}")
    made = nets.MLPs(
        sizes,
        seeds=seeds,
        activation=activation,
        init=INITS[activation],
        norm={"none": None, "layer": "layer"}.get(variant, "batch"),
        norm_after=variant == "after",
    )
    if variant == "noisy":
        for i, norm in enumerate(made.norms):
            made.norms[i] = nn.Sequential(norm, ShiftingNoise(1000 * seeds[0] + i, arms=arms))
    return made


def train_variant(
    variant: str,
    activation: str,
    *,
    seeds: Sequence[int],
    hidden: int = HIDDEN,
    lr: float = LR,
    n_train: int = N_TRAIN,
    steps: int = STEPS,
    width: int = WIDTH,
    every: int = EVERY,
) -> Run:
    """Trains 64-width-…-width-10 networks with plain SGD, batches of 32.

    Loss and means are noted after `every` steps.
    """
    made = make_variant(variant, [64, *[width] * hidden, 10], activation=activation, seeds=seeds)
    (run,) = _train([made], made, lr=lr, n_train=n_train, steps=steps, every=every)
    return run


def train_abreast(variant: str, activations: Sequence[str], *, seeds: Sequence[int]) -> list[Run]:
    """`train_variant` for each activation, all in one batch of networks: the same runs, sooner."""
    sizes = [64, *[WIDTH] * HIDDEN, 10]
    blocks = [make_variant(variant, sizes, activation=a, seeds=seeds) for a in activations]
    arms = len(blocks)
    whole = make_variant(variant, sizes, activation="relu", seeds=[*seeds] * arms, arms=arms)
    whole.activation = lambda z: torch.cat(
        [block.activation(part) for block, part in zip(blocks, z.chunk(arms), strict=True)]
    )
    return _train(blocks, whole, lr=LR, n_train=N_TRAIN, steps=STEPS, every=EVERY)


def _train(
    blocks: Sequence[nets.MLPs],
    whole: nets.MLPs,
    *,
    lr: float,
    n_train: int,
    steps: int,
    every: int,
) -> list[Run]:
    """Trains `whole`, all blocks in one, from their weights; puts the results into the blocks."""
    arms, seeds = len(blocks), blocks[0].seeds
    one = load_split(tuple(seeds), n_train=n_train)
    x, y = one[0].repeat(arms, 1, 1), one[1].repeat(arms, 1)
    means: list[tuple[Tensor, Tensor]] = []

    def measure() -> dict[str, np.ndarray]:
        with frozen_buffers(whole), torch.no_grad():
            outputs = whole.layers(x[:, :WATCHED])
        if len(outputs) > 3:
            means.append((outputs[1].mean(1), outputs[1].std(1)))
        return {"loss": nets.cross_entropy(outputs[-1], y[:, :WATCHED]).numpy()}

    _gather(blocks, whole)
    history = nets.train(
        whole,
        x,
        y,
        steps=steps,
        optimizer=nets.make_optimizer(whole.parameters(), "sgd", lr=lr),
        generator=torch.Generator().manual_seed(seeds[0]),
        batch_size=BATCH,
        measure=measure,
        every=every,
        arms=arms,
    )
    _scatter(whole, blocks)
    losses = np.split(history["loss"], arms, axis=1)  # (T, S) each
    drifts = np.split(_drift(means), arms) if means else [np.zeros(0)] * arms
    return [
        Run(block, nets.accuracy(block, *one[2:]), history.steps, loss, drift)
        for block, loss, drift in zip(blocks, losses, drifts, strict=True)
    ]


def _gather(blocks: Sequence[nets.MLPs], whole: nets.MLPs) -> None:
    """Writes the blocks' weights and running statistics into `whole`, one block after the other."""
    states = [block.state_dict().values() for block in blocks]
    for target, *parts in zip(whole.state_dict().values(), *states, strict=True):
        target.copy_(torch.cat(parts))


def _scatter(whole: nets.MLPs, blocks: Sequence[nets.MLPs]) -> None:
    """The way back of `_gather`."""
    states = [block.state_dict().values() for block in blocks]
    for source, *parts in zip(whole.state_dict().values(), *states, strict=True):
        for part, values in zip(parts, source.chunk(len(parts)), strict=True):
            part.copy_(values)


def _drift(means: list[tuple[Tensor, Tensor]]) -> Array:
    moves = [
        ((mean - old).square().sum(-1) / std.square().sum(-1)).sqrt()
        for (old, std), (mean, _) in pairwise(means)
    ]
    return torch.stack(moves).mean(0).double().numpy() if moves else np.zeros(0)


def train_variants(
    activations: Sequence[str], *, seeds: Sequence[int]
) -> dict[tuple[str, str], Run]:
    """All BATCH_VARIANTS of networks with four hidden layers, by (activation, variant)."""
    runs: dict[tuple[str, str], Run] = {}
    count = len(activations) * len(seeds)
    text = f"{len(BATCH_VARIANTS)} × {count} networks"
    for variant in tqdm(BATCH_VARIANTS, desc=text, file=sys.stdout, leave=False, ncols=72):
        abreast = train_abreast(variant, activations, seeds=seeds)
        runs |= {(a, variant): run for a, run in zip(activations, abreast, strict=True)}
    return runs


@contextmanager
def frozen_buffers(model: nn.Module) -> Iterator[None]:
    """Training mode without consequences: running statistics are put back afterwards."""
    was_training, kept = model.training, [b.clone() for b in model.buffers()]
    model.train()
    try:
        yield
    finally:
        model.train(was_training)
        for buffer, old in zip(model.buffers(), kept, strict=True):
            buffer.copy_(old)


@torch.no_grad()
def batch_accuracy(model: nets.MLPs, x: Tensor, labels: Tensor, *, size: int) -> Array:
    """The accuracy of each network, (S,), when it is left in training mode at test time.

    The images (S, n, D) are taken in their order, in batches of `size`; a last, smaller one is
    left out.
    """
    whole = x.shape[1] // size * size
    hits = []
    with frozen_buffers(model):
        for start in range(0, whole, size):
            batch = slice(start, start + size)
            hits.append((model(x[:, batch]).argmax(-1) == labels[:, batch]).double())
    return torch.cat(hits, 1).mean(1).numpy()


def sort_by_class(x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Each network's images (S, n, D) and labels (S, n), all zeros first, then all ones, …"""
    order = labels.argsort(dim=1, stable=True)
    return torch.take_along_dim(x, order[..., None], 1), torch.take_along_dim(labels, order, 1)
