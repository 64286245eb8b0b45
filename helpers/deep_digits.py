"""Lesson 01 on real inputs: what deep random layers keep of the digits, and how well they train."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from helpers import data, nets

Stats = NDArray[np.float64]

WIDTH, TRAINING_WIDTH = 100, 64
EXAMINED = (1, 10, 50)  # layers
TRAIN, TEST = 800, 400


@torch.no_grad()
def examine_digits(
    seeds: Sequence[int], *, activation: str, scheme: nets.Scheme, layers: Sequence[int] = EXAMINED
) -> Stats:
    """Four numbers of random layers' features of standardized digits, (seeds, layers, 4).

    Std over everything; std across inputs (root mean square over units); mean cosine of two
    digits; test accuracy of a linear probe (ridge). Features are float32, as in a real network.
    """
    splits = data.splits(seeds, n_train=TRAIN, n_test=TEST, standardize=True)
    (x,) = nets.tensors(np.concatenate([splits.x_train, splits.x_test], axis=1))  # (S, n, 64)
    sizes = [64, *[WIDTH] * max(layers), 10]
    networks = nets.MLPs(sizes, seeds=seeds, activation=activation, init=scheme)
    outputs = networks.layers(x)
    features = np.stack([outputs[layer - 1].double().numpy() for layer in layers], axis=1)
    labels = np.concatenate([splits.y_train, splits.y_test], axis=1)
    return np.array([
        [_describe(h, y) for h in of_seed] for of_seed, y in zip(features, labels, strict=True)
    ])  # fmt: skip


def _describe(h: Stats, labels: NDArray[np.int64]) -> tuple[float, float, float, float]:
    some = h[:200] / np.linalg.norm(h[:200], axis=1, keepdims=True)
    cosine = ((some @ some.T).sum() - 200) / (200 * 199)  # without the pairs (i, i)
    return float(h.std()), float(np.sqrt(h.var(0).mean())), float(cosine), _probe(h, labels)


def _probe(h: Stats, labels: NDArray[np.int64]) -> float:
    """Standardized features, so that a probe can also read what differs in the last digits."""
    from sklearn.linear_model import RidgeClassifier

    z = (h - h[:TRAIN].mean(0)) / (h[:TRAIN].std(0) + 1e-30)
    probe = RidgeClassifier(alpha=1.0).fit(z[:TRAIN], labels[:TRAIN])
    return float(probe.score(z[TRAIN:], labels[TRAIN:]))


@dataclass(frozen=True)
class Training:
    """`loss` (T, S) on 200 training images at `steps` (T,); `accuracy` (S,) on the test images."""

    steps: list[int]
    loss: Stats
    accuracy: Stats


def train_digits(
    seeds: Sequence[int],
    *,
    activation: str,
    scheme: nets.Scheme,
    layers: int,
    lr: float,
    steps: int,
    optimizer: str = "sgd",
    gain: float = 1.0,
) -> Training:
    """Trains networks of `layers` hidden layers on standardized digits.

    Runs with the same seeds see the same images in the same batches.
    """
    splits = data.splits(seeds, n_train=1000, n_test=500, standardize=True)
    x, y, x_test, y_test = nets.tensors(
        splits.x_train, splits.y_train, splits.x_test, splits.y_test
    )
    sizes = [64, *[TRAINING_WIDTH] * layers, 10]
    networks = nets.MLPs(sizes, seeds=seeds, activation=activation, init=scheme, gain=gain)
    history = nets.train(
        networks, x, y, steps=steps, every=20,
        optimizer=nets.make_optimizer(networks.parameters(), optimizer, lr=lr),
        generator=torch.Generator().manual_seed(seeds[0]),
        measure=lambda: {"loss": nets.loss_of(networks, x[:, :200], y[:, :200])},
    )  # fmt: skip
    return Training(history.steps, history["loss"], nets.accuracy(networks, x_test, y_test))
