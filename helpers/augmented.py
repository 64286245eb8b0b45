"""Networks trained under augmentation: arms of one experiment, mixup, enlarged training sets."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from helpers import nets, optimizers
from helpers.augmentation import CLASSES, Canvas, Policy

Floats = NDArray[np.float64]
HIDDEN, BATCH, RATE = 64, 16, 0.01


class Arm(NamedTuple):
    """One treatment: images (S, n, D), labels (S, n), and what is done to each batch, if any."""

    x: Tensor
    y: Tensor
    policy: Policy | None = None


@dataclass(frozen=True)
class Runs:
    """Networks after training: A arms of S seeds.

    `test` (T, A, S) is the accuracy after `steps` updates, `per_class` (A, S, 10) at the end,
    `val` (A, S), `confused` (A, S, 10, 10) the test guesses as shares of each true class.
    """

    names: tuple[str, ...]
    steps: list[int]
    test: Floats
    val: Floats
    confused: Floats
    mlps: nets.MLPs

    def of(self, name: str) -> Floats:
        """The test accuracy of an arm at the end, (S,)."""
        return np.asarray(self.test[-1, self.names.index(name)])

    def per_class(self, name: str) -> Floats:
        """The share of each class that is recognized, (S, 10)."""
        return np.asarray(np.diagonal(self.confused[self.names.index(name)], axis1=1, axis2=2))


def train_arms(
    arms: Mapping[str, Arm],
    canvas: Canvas,
    *,
    seeds: Sequence[int],
    steps: int,
    every: int | None = None,
    mixed: "Mixing | None" = None,
    desc: str | None = None,
) -> Runs:
    """Trains D-64-10 networks with Adam, all arms at once and for as many updates each.

    The arms of a seed start from the same weights and are tested on the same images; arms with
    equal numbers of images see the same batches. `mixed` is mixup for all arms. With `desc` a bar
    shows the progress.
    """
    count, names = len(seeds), tuple(arms)
    model = nets.MLPs((canvas.x_train.shape[2], HIDDEN, CLASSES), seeds=[*seeds] * len(names))
    x = torch.cat([arm.x for arm in arms.values()])
    y = torch.cat([arm.y for arm in arms.values()])
    generators = [torch.Generator().manual_seed(seeds[0] + 1000 * i) for i in range(len(names))]

    def augment(batch: Tensor, _: torch.Generator) -> Tensor:
        parts = torch.split(batch, count)
        out = [
            part if arm.policy is None else arm.policy(part.flatten(0, 1), g).view_as(part)
            for part, arm, g in zip(parts, arms.values(), generators, strict=True)
        ]
        return mixed.mix(torch.cat(out)) if mixed else torch.cat(out)

    bar = tqdm(total=steps, desc=desc, file=sys.stdout, mininterval=1, disable=desc is None)
    wide = (len(names), 1, 1)
    test_x, test_y = canvas.x_test.repeat(*wide), canvas.y_test.repeat(*wide[:2])
    history = nets.train(
        model, x, y, steps=steps, every=every or steps, batch_size=BATCH, arms=len(names),
        optimizer=optimizers.Adam(model.parameters(), lr=RATE, fused=True),
        generator=torch.Generator().manual_seed(seeds[0]), augment=augment,
        loss=mixed.loss if mixed else nets.cross_entropy,
        measure=lambda: {"test": nets.accuracy(model, test_x, test_y)},
        after_step=lambda _: bar.update() and None,
    )  # fmt: skip
    bar.close()
    val = nets.accuracy(model, canvas.x_val.repeat(*wide), canvas.y_val.repeat(*wide[:2]))
    shape = (len(names), count)
    confused = confusion(model, test_x, test_y).reshape(*shape, CLASSES, CLASSES)
    test = history["test"].reshape(-1, *shape)
    return Runs(names, history.steps, test, val.reshape(shape), confused, model)


def train_policies(
    canvas: Canvas,
    policies: Mapping[str, Policy | None],
    *,
    seeds: Sequence[int],
    steps: int,
    every: int | None = None,
    mixed: "Mixing | None" = None,
    desc: str | None = None,
) -> Runs:
    """`train_arms` on the training images, one arm a policy."""
    arms = {name: Arm(canvas.x_train, canvas.y_train, p) for name, p in policies.items()}
    return train_arms(arms, canvas, seeds=seeds, steps=steps, every=every, mixed=mixed, desc=desc)


@torch.no_grad()
def confusion(model: nets.MLPs, x: Tensor, y: Tensor) -> Floats:
    """Guesses as shares of each true class, (S, true, guessed); NaN for a class that is absent."""
    guessed, true = F.one_hot(model(x).argmax(-1), CLASSES), F.one_hot(y, CLASSES)
    counts = (true.transpose(1, 2).double() @ guessed.double()).numpy()
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum(2, keepdims=True))


class Mixing:
    """Mixup for all networks: inputs are mixed, and losses by the same weight (Zhang et al. 2018).

    For cross-entropy that is the loss of the mixed one-hot label.
    """

    def __init__(self, alpha: float, generator: torch.Generator) -> None:
        self.alpha, self.generator = alpha, generator

    def mix(self, batch: Tensor) -> Tensor:
        """Each network's batch (S, B, D) mixed with itself in another order."""
        size = batch.shape[:2]
        gamma = torch._standard_gamma(torch.full((2, *size), self.alpha), generator=self.generator)
        self.weight = gamma[0] / gamma.sum(0)  # (S, B), of Beta(alpha, alpha)
        self.order = torch.randperm(size[1], generator=self.generator)
        return torch.lerp(batch[:, self.order], batch, self.weight[..., None])

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of each network, (S,)."""
        other, own = (
            F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
            for wanted in (labels[:, self.order], labels)
        )
        return torch.lerp(other, own, self.weight.flatten()).view(labels.shape).mean(1)


def enlarged(canvas: Canvas, policy: Policy, *, copies: int, pool: int, seed: int) -> Arm:
    """A fixed training set: each image once as it is and copies − 1 times transformed.

    The set is repeated until it has pool · n images, so that arms of all sizes fit together.
    Raises ValueError unless copies divides pool.
    """
    if pool % copies:
        raise ValueError(f"copies divides pool, {pool}; got {copies}")
    generator, x = torch.Generator().manual_seed(seed), canvas.x_train
    new = [policy(x.flatten(0, 1), generator).view_as(x) for _ in range(copies - 1)]
    times = pool // copies
    return Arm(torch.cat([x, *new], 1).repeat(1, times, 1), canvas.y_train.repeat(1, pool))


@torch.no_grad()
def probabilities(mlps: nets.MLPs, x: Tensor, arms: int) -> Floats:
    """The softmax outputs for images (S, n, D) of A arms of S networks: (A, S, n, K)."""
    found = mlps(x.repeat(arms, 1, 1)).softmax(-1).double()
    return np.asarray(found.view(arms, len(x), *found.shape[1:]).numpy())


def views(
    mlps: nets.MLPs, x: Tensor, policy: Policy, *, arms: int, count: int, seed: int
) -> Floats:
    """Probabilities for the images and for `count` transformed copies: (1 + count, A, S, n, K)."""
    generator = torch.Generator().manual_seed(seed)
    seen = [x, *(policy(x.flatten(0, 1), generator).view_as(x) for _ in range(count))]
    return np.stack([probabilities(mlps, view, arms) for view in seen])
