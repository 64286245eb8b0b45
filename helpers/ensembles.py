"""Ensembles of networks whose members differ in chosen ways: all of them trained at once.

A source of diversity is what makes members differ: their initial weights, their batches, their
training sets. Probabilities are (k, S, n, 10): k members for each of S seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import pdist
from torch import Tensor

from helpers import data, nets

SOURCES = {  # name: (own initial weights, own batches, own bootstrap sample)
    "batches": (False, True, False),
    "initialization": (True, False, False),
    "init + batches": (True, True, False),
    "bootstrap": (False, False, True),
    "all three": (True, True, True),
}
N_TRAIN, N_VAL, N_TEST, CLASSES = 150, 300, 600, 10
SIZES = (64, 32, CLASSES)
MEMBER_SEEDS = 1_000_003  # far more than a course seed: no two members share initial weights


@dataclass(frozen=True)
class Ensembles:
    """Probabilities of a source's members on both sets, (k, S, n, 10) each; labels (S, n)."""

    val: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    y_val: np.ndarray
    y_test: np.ndarray
    label_noise: float


def train_ensembles(
    seeds: Sequence[int],
    *,
    k: int,
    label_noise: float,
    sources: Sequence[str] = tuple(SOURCES),
    steps: int = 240,
    tick: Callable[[int], object] = lambda _: None,
) -> Ensembles:
    """Trains k networks a source and seed on 150 noisy digits: SGD 0.1 with momentum 0.9.

    All sources of a seed share its data; where a source does not vary something, its members have
    it in common. `tick` is called with the number of networks done. Validation and test labels
    are right. Raises ValueError for an unknown source.
    """
    unknown = [source for source in sources if source not in SOURCES]
    if unknown:
        raise ValueError(f"sources are some of {', '.join(SOURCES)}; got {', '.join(unknown)}")
    split = data.splits(
        seeds, n_train=N_TRAIN, n_val=N_VAL, n_test=N_TEST,
        label_noise=label_noise, pixel_noise=0.3,
    )  # fmt: skip
    x, y, x_val, x_test = nets.tensors(split.x_train, split.y_train, split.x_val, split.x_test)
    drawn = torch.randint(N_TRAIN, (k, *y.shape), generator=_generator(seeds, 0))  # (k, S, n)
    val: dict[str, np.ndarray] = {}
    test: dict[str, np.ndarray] = {}
    for own_batches in (False, True):
        group = [source for source in sources if SOURCES[source][1] == own_batches]
        if not group:
            continue
        model = _train_group(group, seeds, x, y, drawn, steps=steps)
        for images, found in ((x_val, val), (x_test, test)):
            probs = predict_members(model, images, copies=len(group) * k)
            found.update(zip(group, np.split(probs, len(group)), strict=True))
        tick(len(model.seeds))
    return Ensembles(val, test, split.y_val, split.y_test, label_noise)


def _train_group(
    group: Sequence[str], seeds: Sequence[int], x: Tensor, y: Tensor, drawn: Tensor, *, steps: int
) -> nets.MLPs:
    """Trains sources that have own batches, or that share them: (source, member, seed) in one."""
    k, count, n = drawn.shape
    rows, plain = torch.arange(count)[:, None], torch.arange(n).expand(count, n)
    inputs, labels, weight_seeds = [], [], []
    for own_init, _, own_sample in (SOURCES[source] for source in group):
        for member in range(k):
            picked = drawn[member] if own_sample else plain
            inputs.append(x[rows, picked])
            labels.append(y[rows, picked])
            weight_seeds += [seed + MEMBER_SEEDS * member * own_init for seed in seeds]
    own_batches = SOURCES[group[0]][1]
    model = nets.MLPs(SIZES, seeds=weight_seeds)
    nets.train(
        model, torch.cat(inputs), torch.cat(labels), steps=steps, batch_size=16,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=0.1, momentum=0.9),
        generator=_generator(seeds, 1),
        arms=len(group) if own_batches else len(group) * k,  # arms see the same batches
    )  # fmt: skip
    return model


def _generator(seeds: Sequence[int], stream: int) -> torch.Generator:
    return torch.Generator().manual_seed(1_000 * seeds[0] + stream)


@torch.no_grad()
def predict_members(model: nets.MLPs, x: Tensor, *, copies: int) -> np.ndarray:
    """Probabilities (copies, S, n, K) of copies·S networks; each seed's share its x (S, n, D)."""
    logits = model.eval()(x.repeat(copies, 1, 1))
    return logits.softmax(-1).double().reshape(copies, *x.shape[:2], -1).numpy()


def brier(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Squared error of probabilities (…, n, K) against labels (…, n), summed over classes.

    The mean over the n examples, (…), from 0 (sure and right) to 2 (sure and wrong): Brier 1950.
    """
    errors = probs - np.eye(probs.shape[-1])[labels]  # (…, n, K)
    return np.asarray((errors**2).sum(-1).mean(-1))


def disagreement(probs: np.ndarray) -> float:
    """Half the mean squared distance between two members' probabilities (k, n, K): no labels."""
    k, n = probs.shape[:2]
    return float(pdist(probs.reshape(k, -1), "sqeuclidean").mean() / (2 * n))


def v_and_c(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """v and c of each seed, (2, S), from probabilities (k, S, n, K) and labels (S, n).

    v is the members' mean Brier error, c is v less their disagreement (Krogh & Vedelsby 1995).
    """
    v = brier(probs, labels).mean(0)  # (S,)
    apart = [disagreement(probs[:, s]) for s in range(probs.shape[1])]
    return np.stack([v, v - apart])


def errors_over_k(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Brier error of the average of the first 1, 2, …, k members: (k, S)."""
    counts = np.arange(1, len(probs) + 1)[:, None, None, None]
    return brier(probs.cumsum(0) / counts, labels)


def hits(choices: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Accuracy of class choices (…, n) against labels (…, n): (…) in [0, 1]."""
    return np.asarray((choices == labels).mean(-1))
