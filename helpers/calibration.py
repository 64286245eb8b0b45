"""Experiments of lesson 09: label smoothing on two tasks, reliability, temperature scaling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, nets, optimizers
from helpers.flatness import smoothed_cross_entropy

Floats = NDArray[np.float64]
EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.2)
BINS = 10
N_VAL, N_TEST = 200, 600
TEMPERATURES = np.geomspace(0.25, 4, 41)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Digits to learn: how many, the std of pixel noise, the share of wrong labels, updates."""

    n_train: int
    pixel_noise: float
    label_noise: float
    steps: int


FEW_RIGHT = Task(n_train=300, pixel_noise=0.3, label_noise=0.0, steps=400)
MANY_WRONG = Task(n_train=900, pixel_noise=0.1, label_noise=0.2, steps=500)


@dataclass(frozen=True)
class Smoothed:
    """S networks a smoothing ε (E of them). `gaps` (E, S, n_train) is the logit of the label less
    the mean of the others, on the training images; logits (E, S, n, K) of validation and test."""

    gaps: Floats
    val_logits: Floats
    val_labels: NDArray[np.int64]
    test_logits: Floats
    test_labels: NDArray[np.int64]

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each test image was right, (E, S, n)."""
        return np.asarray(self.test_logits.argmax(-1) == self.test_labels)

    @cached_property
    def accuracy(self) -> Floats:
        """On test images, (E, S)."""
        return np.asarray(self.hits.mean(-1))

    def confidence(self, temperature: Floats | float = 1.0) -> Floats:
        """The largest probability of each test image with the logits divided by T, (E, S, n)."""
        return confidences(self.test_logits / np.asarray(temperature)[..., None, None])

    def error(self, temperature: Floats | float = 1.0) -> Floats:
        """The calibration error of each network on its test images, ten bins, (E, S)."""
        told = self.confidence(temperature)
        count, n = told[..., 0].size, told.shape[-1]
        missed = np.histogram2d(  # hits less what was told, summed: (E · S, bins)
            np.arange(count).repeat(n), told.ravel(), (count, BINS), ((0, count), (0, 1)),
            weights=(self.hits - told).ravel(),
        )[0]  # fmt: skip
        return np.asarray(np.abs(missed).sum(1).reshape(told.shape[:2]) / n)

    @cached_property
    def temperature(self) -> Floats:
        """The T of each network with the lowest validation loss, (E, S) (Guo et al. 2017)."""
        logits, labels = torch.from_numpy(self.val_logits), torch.from_numpy(self.val_labels)
        losses = [
            torch.stack([nets.cross_entropy(z / t, labels) for z in logits]) for t in TEMPERATURES
        ]
        return np.asarray(TEMPERATURES[torch.stack(losses).argmin(0).numpy()])


def confidences(logits: Floats) -> Floats:
    """The largest softmax probability over the last axis."""
    return np.asarray(torch.from_numpy(logits).softmax(-1).amax(-1).numpy())


class Reliability:
    """What a reliability diagram shows, from confidences (n,) and hits (n,): a value a bin.

    `share` of the images, their mean `confidence` and `accuracy` (NaN in an empty bin).
    """

    def __init__(self, confidence: Floats, hits: NDArray[np.bool_]) -> None:
        count, told, right = (
            np.histogram(confidence, BINS, (0, 1), weights=w)[0]
            for w in (None, confidence, hits.astype(float))
        )
        self.share = count / len(confidence)
        with np.errstate(invalid="ignore"):  # 0/0
            self.confidence, self.accuracy = told / count, right / count


def smooth_and_train(
    task: Task, *, seeds: Sequence[int], tick: Callable[[], None] | None = None
) -> Smoothed:
    """Trains 64-64-10 ReLU networks with Adam (lr 0.003, batches of 32) for every ε of EPSILONS.

    ε is torch's. All ε of a seed see the same data, start and batches.
    """
    split = data.splits(
        seeds, n_train=task.n_train, n_val=N_VAL, n_test=N_TEST,
        label_noise=task.label_noise, pixel_noise=task.pixel_noise,
    )  # fmt: skip
    copies = len(EPSILONS)
    x, y, x_val, x_test = (
        part.repeat(copies, *[1] * (part.dim() - 1))
        for part in nets.tensors(split.x_train, split.y_train, split.x_val, split.x_test)
    )
    model = nets.MLPs((64, 64, 10), seeds=[*seeds] * copies)
    smoothing = torch.tensor(EPSILONS).repeat_interleave(len(seeds))
    nets.train(
        model, x, y, steps=task.steps, batch_size=32, arms=copies,
        optimizer=optimizers.Adam(model.parameters(), lr=0.003, fused=True),
        generator=torch.Generator().manual_seed(seeds[0]),
        loss=lambda logits, labels: smoothed_cross_entropy(logits, labels, smoothing).mean(1),
        after_step=None if tick is None else lambda _: tick(),
    )  # fmt: skip

    def logits(images: Tensor) -> Floats:
        with torch.no_grad():
            z = model(images).double().numpy()
        return np.asarray(z.reshape(copies, len(seeds), *z.shape[1:]))

    known = logits(x)
    here = np.broadcast_to(split.y_train, known.shape[:-1])[..., None]
    own = np.take_along_axis(known, here, -1)[..., 0]  # (E, S, n): the label's logit
    others = (known.sum(-1) - own) / (known.shape[-1] - 1)
    return Smoothed(own - others, logits(x_val), split.y_val, logits(x_test), split.y_test)
