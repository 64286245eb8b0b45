"""Sanity checks of lesson 10: the loss before training, and ten images that must be learned.

Each bug is planted where it happens in practice: in the loss, in the labels, in the optimizer.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, nets, optimizers

Floats = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]
SIZES = (64, 64, 64, 10)
BUGS = (
    "none",
    "softmax twice",
    "ReLU on the logits",
    "labels shuffled",
    "no zero_grad",
    "rate 1e-6",
)
ONCE = "labels shuffled once"  # no bug that ten images show: they are learned by heart all the same


def initial_losses(seeds: Sequence[int], *, init: nets.Scheme, scale: float = 1.0) -> Floats:
    """The cross-entropy of untrained networks on 300 digits, (S,); pixels are in [0, scale]."""
    split = data.splits(seeds, n_train=300)
    x, y = nets.tensors(scale * split.x_train, split.y_train)
    return nets.loss_of(nets.MLPs(SIZES, seeds=seeds, init=init), x, y)


def overfit(bug: str, seeds: Sequence[int], *, n: int = 10, steps: int = 200) -> nets.History:
    """Networks that should learn n images by heart: `loss` and `accuracy` after each step.

    The loss is the one that is minimized, bug and all. SGD with momentum 0.9 and rate 0.05, all n
    images in every batch. Raises ValueError for a bug that is neither in BUGS nor ONCE.
    """
    if bug not in (*BUGS, ONCE):
        raise ValueError(f"bug is one of {', '.join((*BUGS, ONCE))}; got {bug!r}")
    split = data.splits(seeds, n_train=n)
    x, y = nets.tensors(split.x_train, split.y_train)
    model = nets.MLPs(SIZES, seeds=seeds)
    optimizer = optimizers.SGD(
        model.parameters(), lr=1e-6 if bug == "rate 1e-6" else 0.05, momentum=0.9
    )
    generator = torch.Generator().manual_seed(seeds[0])
    loss, wrong = _planted_loss(bug), partial(_wrong_labels, bug, generator)
    history = nets.History()
    for step in range(steps + 1):
        logits, labels = model(x), wrong(y)
        losses = loss(logits, labels)  # (S,)
        hits = (logits.argmax(-1) == y).double().mean(-1)
        history.add(step, {"loss": losses.detach().double().numpy(), "accuracy": hits.numpy()})
        if bug != "no zero_grad":
            optimizer.zero_grad()
        losses.sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return history


def _planted_loss(bug: str) -> Loss:
    if bug == "softmax twice":
        return lambda logits, labels: nets.cross_entropy(logits.softmax(-1), labels)
    if bug == "ReLU on the logits":
        return lambda logits, labels: nets.cross_entropy(logits.relu(), labels)
    return nets.cross_entropy


def _wrong_labels(bug: str, generator: torch.Generator, labels: Tensor) -> Tensor:
    """The labels as the loss sees them: shuffled anew in every step, always alike, or not."""
    if bug not in ("labels shuffled", ONCE):
        return labels
    if bug == ONCE:
        generator.manual_seed(generator.initial_seed())
    return labels[:, torch.randperm(labels.shape[1], generator=generator)]
