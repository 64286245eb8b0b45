"""What dropout does to trained networks: cut units, averages over masks, turned images.

Everything is batched over S seeds, as in `helpers.nets`; accuracies are (S,) in [0, 1].
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from helpers import data, nets
from helpers.nets import History, MLPs

if TYPE_CHECKING:
    from helpers.plots.turned import Opinions

CLASSES = 10


@dataclass(frozen=True)
class Trained:
    """S trained networks, what was measured on the way, and their own test sets."""

    mlps: MLPs
    history: History
    x_test: Tensor
    y_test: Tensor


def train_on_digits(
    seeds: Sequence[int],
    *,
    n_train: int,
    steps: int,
    dropout: float,
    hidden: Sequence[int] = (64, 64),
    label_noise: float = 0.0,
    every: int = 50,
) -> Trained:
    """ReLU networks on digits, SGD 0.05 with momentum 0.9; `dropout` after each hidden layer.

    Each seed has its own split (200 clean validation, 500 test images) and weights. Runs with the
    same seeds see the same batches: with and without dropout they are paired.
    """
    x, y, x_val, y_val, x_test, y_test = _load_split(tuple(seeds), n_train, label_noise)
    mlps = nets.MLPs([x.shape[-1], *hidden, CLASSES], seeds=seeds, dropout=dropout)
    optimizer = nets.make_optimizer(mlps.parameters(), "sgd", lr=0.05, momentum=0.9)
    with tqdm(total=steps, desc=f"dropout {dropout}", file=sys.stdout, ncols=72) as bar:
        history = nets.train(
            mlps,
            x,
            y,
            steps=steps,
            optimizer=optimizer,
            generator=torch.Generator().manual_seed(seeds[0]),
            after_step=lambda _: bar.update() and None,
            measure=lambda: {
                "validation": nets.accuracy(mlps, x_val, y_val),
                "test": nets.accuracy(mlps, x_test, y_test),
            },
            every=every,
        )
    return Trained(mlps.eval(), history, x_test, y_test)


@lru_cache(maxsize=1)  # with and without dropout: the same images
def _load_split(seeds: tuple[int, ...], n_train: int, label_noise: float) -> tuple[Tensor, ...]:
    split = data.splits(seeds, n_train=n_train, n_val=200, n_test=500, label_noise=label_noise)
    return nets.tensors(*split[:6])


def stopped_early(history: History) -> np.ndarray:
    """Test accuracy at the step with the best validation accuracy, (S,): early stopping."""
    best = history["validation"].argmax(0)  # (S,), the first of equals
    return np.asarray(history["test"][best, np.arange(len(best))])


@torch.no_grad()
def thinned_probabilities(mlps: MLPs, x: Tensor, *, masks: int) -> Tensor:
    """Class probabilities in training mode, (masks, S, n, K): a new mask for every entry.

    Leaves the networks in eval mode.
    """
    mlps.train()
    drawn = torch.stack([mlps(x).softmax(-1) for _ in range(masks)])
    mlps.eval()
    return drawn


@torch.no_grad()
def probabilities(mlps: MLPs, x: Tensor) -> Tensor:
    """Class probabilities with weight scaling, (S, n, K): the networks in eval mode."""
    return mlps.eval()(x).softmax(-1)


def hits(probs: Tensor, labels: Tensor) -> np.ndarray:
    """Accuracy from probabilities (…, S, n, K) and labels (S, n): (…, S)."""
    return (probs.argmax(-1) == labels).double().mean(-1).numpy()


def log_loss(probs: Tensor, labels: Tensor) -> np.ndarray:
    """Mean negative log-likelihood in nats, (S,), from probabilities (S, n, K)."""
    picked = probs.double().gather(-1, labels[..., None]).squeeze(-1)  # (S, n)
    return -picked.log().mean(-1).numpy()


def confidence(probs: Tensor) -> np.ndarray:
    """Mean probability of the predicted class, (S,), from (S, n, K)."""
    return probs.max(-1).values.double().mean(-1).numpy()


@torch.no_grad()
def accuracy_after_cut(
    trained: Trained, *, share: float, generator: torch.Generator, repeats: int = 5
) -> np.ndarray:
    """Test accuracy with a share of the last hidden layer's units removed for good, (S,).

    The cut units are drawn anew `repeats` times; what is left is scaled by 1/(1 − share), so that
    the logits keep their size.
    """
    mlps, accuracies = trained.mlps, []
    h = mlps.layers(trained.x_test)[-2]  # (S, n, width)
    width = h.shape[-1]
    for _ in range(repeats):
        order = torch.rand(len(h), 1, width, generator=generator).argsort(-1).argsort(-1)
        kept = (order >= round(share * width)) / (1 - share)  # (S, 1, width)
        logits = torch.baddbmm(mlps.biases[-1], h * kept, mlps.weights[-1])
        accuracies.append(hits(logits, trained.y_test))
    return np.mean(accuracies, axis=0)


@torch.no_grad()
def mean_correlation(trained: Trained, layer: int) -> np.ndarray:
    """Mean |correlation| between pairs of a layer's units on the test set, (S,); dead units out."""
    found = []
    for h in trained.mlps.eval().layers(trained.x_test)[layer].double().numpy():  # (n, width)
        alive = h[:, h.std(0) > 1e-6]
        corner = np.triu_indices(alive.shape[1], k=1)
        found.append(np.abs(np.corrcoef(alive.T)[corner]).mean())
    return np.array(found)


def turned(images: Tensor, degrees: float) -> Tensor:
    """8×8 images (S, n, 64) turned counterclockwise about their center, zeros around them."""
    from scipy.ndimage import rotate

    stack = images.reshape(-1, 8, 8).numpy()
    out = rotate(stack, degrees, axes=(2, 1), reshape=False, order=1)
    return torch.tensor(out, dtype=images.dtype).reshape(images.shape)


def original_against_inverted(
    *, keep_prob: float, rate_factor: float, seed: int, steps: int = 50, rate: float = 0.05
) -> float:
    """Trains one hidden layer with both forms of dropout, under the same masks, in float64.

    Both start as the same function at test time; the inverted one's output weights learn at
    rate · rate_factor. Returns the largest difference of their test outputs after the steps.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = partial(torch.randn, generator=generator, dtype=torch.float64)
    x, y, first, second = draw(64, 5), draw(64, 1), draw(5, 20) / 5**0.5, draw(20, 1) / 20**0.5
    original = [first.clone().requires_grad_(), second.clone().requires_grad_()]
    inverted = [first.clone().requires_grad_(), (keep_prob * second).requires_grad_()]
    for _ in range(steps):
        mask = (torch.rand(64, 20, generator=generator, dtype=torch.float64) < keep_prob) * 1.0
        for (a, b), scale, factor in ((original, 1, 1.0), (inverted, keep_prob, rate_factor)):
            loss = (torch.tanh(x @ a) * mask / scale @ b - y).square().mean()
            grads = torch.autograd.grad(loss, (a, b))
            with torch.no_grad():
                a -= rate * grads[0]
                b -= rate * factor * grads[1]
    outputs = [
        torch.tanh(x @ a) * scale @ b for (a, b), scale in ((original, keep_prob), (inverted, 1))
    ]
    return float((outputs[0] - outputs[1]).detach().abs().max())


def typical_examples(trained: Trained, *, network: int = 0, target: float = 0.7) -> np.ndarray:
    """One test image of each class, (10,) indices: its class has a probability near `target`."""
    probs, labels = probabilities(trained.mlps, trained.x_test)[network], trained.y_test[network]
    own = probs.gather(-1, labels[:, None]).squeeze(-1)  # (n,)
    away = [torch.where(labels == k, (own - target).abs(), 2.0) for k in range(CLASSES)]
    return torch.stack(away).argmin(-1).numpy()


def opinions_on_turned(
    trained: Trained, examples: np.ndarray, *, angles: Sequence[int], masks: int, n_images: int
) -> "Opinions":
    """What masks and weight scaling say of turned test images: see `plots.turned.Opinions`.

    `examples` are images of the first network's test set that are followed one by one.
    """
    from helpers.plots.turned import Opinions

    x, y = trained.x_test[:, :n_images], trained.y_test[:, :n_images]
    chosen = trained.x_test[:1, examples].expand(len(x), -1, -1)  # (S, digits, 64)
    images, single, accuracies, thinned, scaled, split = [], [], [], [], [], []
    for angle in angles:
        both = turned(torch.cat([chosen, x], 1), angle)
        drawn = thinned_probabilities(trained.mlps, both, masks=masks)  # (M, S, digits + n, K)
        votes = drawn[:, :, len(examples) :]  # (M, S, n, K)
        rest = votes.mean(0)
        images.append(both[0, : len(examples)].numpy())
        single.append(drawn[:, 0, : len(examples)].numpy())
        accuracies.append(hits(rest, y))
        thinned.append(confidence(rest))
        split.append(1 - hits(votes, rest.argmax(-1)).mean(0))
        scaled.append(confidence(probabilities(trained.mlps, both[:, len(examples) :])))
    return Opinions(
        angles=list(angles),
        labels=trained.y_test[0, examples].tolist(),
        images=np.stack(images, 1),  # (digits, A, 64)
        masks=np.stack(single).transpose(2, 0, 1, 3),  # (digits, A, M, K)
        accuracy=np.stack(accuracies),  # (A, S)
        thinned=np.stack(thinned),
        scaled=np.stack(scaled),
        disagreement=np.stack(split),
        n_images=n_images,
    )
