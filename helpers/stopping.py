"""Experiments of lesson 07: validation curves of noisy runs, stopping rules, distance walked.

Which epoch counts as better is asked of torch's ReduceLROnPlateau, seen from outside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, nets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DEEP = (64, 64, 64, 64, 64, 10)
N_TRAIN, N_VAL, N_TEST, BATCH = 300, 300, 400, 16
STEPS_PER_EPOCH = round(N_TRAIN / BATCH)
NEVER = 10**9  # a patience that no run exhausts


@dataclass(frozen=True)
class Runs:
    """S networks after each epoch, T of them; epoch 0 is the start.

    `val` (T, S, n_val) is the loss of every validation image, `val_hits` whether it was right;
    `train`, `test`, `accuracy` (on test images) and `distance` (from the start) are (T, S).
    `learned` and `memorized` (T, S) are about the training images whose label is wrong: the share
    where the network names the digit shown, and where it names the wrong label (NaN without any).
    """

    val: Floats
    val_hits: Floats
    train: Floats
    test: Floats
    accuracy: Floats
    distance: Floats
    learned: Floats
    memorized: Floats

    def curves(self, n_val: int) -> Floats:
        """The validation loss on the first n_val images, (T, S). Raises ValueError beyond them."""
        if not 1 <= n_val <= self.val.shape[2]:
            raise ValueError(f"n_val is 1 to {self.val.shape[2]} images; got {n_val}")
        return np.asarray(self.val[:, :, :n_val].mean(2), dtype=float)

    def part(self, chosen: slice) -> "Runs":
        """Some of the networks."""
        return Runs(*(getattr(self, name)[:, chosen] for name in self.__dataclass_fields__))


def deep_runs(
    seeds: Sequence[int],
    *,
    epochs: int,
    n_clean: int,
    tick: Callable[[], object] | None = None,
) -> tuple[Runs, Runs]:
    """Trains five-layer ReLU networks on 300 digits with noisy pixels: (noisy, clean).

    `noisy` has a network for every seed, 30 % of its training labels wrong; `clean` has one for
    each of the first n_clean seeds, on the same images with right labels. All validation and test
    labels are right. SGD, lr 0.05, batches of 16; an epoch is 19 updates. `tick` is called once an
    epoch and before the first.
    """
    x, y, x_val, y_val, x_test, y_test, shown = _noisy_then_clean(seeds, n_clean)
    model = nets.MLPs(DEEP, seeds=[*seeds, *seeds[:n_clean]], init="lecun")
    images, labels = torch.cat([x_val, x_test, x], 1), torch.cat([y_val, y_test, y], 1)
    measure = partial(_measure, model, distance_meter(model), images, labels, shown, tick)
    history = nets.train(
        model, x, y, steps=epochs * STEPS_PER_EPOCH, every=STEPS_PER_EPOCH, batch_size=BATCH,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=0.05),
        generator=torch.Generator().manual_seed(seeds[0]), measure=measure,
    )  # fmt: skip
    losses, hits = history["losses"].astype(float), history["hits"].astype(float)
    runs = Runs(
        losses[..., :N_VAL], hits[..., :N_VAL], history["train"], losses[..., N_VAL:].mean(2),
        hits[..., N_VAL:].mean(2), history["distance"], history["learned"], history["memorized"],
    )  # fmt: skip
    return runs.part(slice(len(seeds))), runs.part(slice(len(seeds), None))


def _noisy_then_clean(seeds: Sequence[int], n_clean: int) -> tuple[Tensor, ...]:
    """x, y of training, validation and test, then the digits that the training images show.

    All seeds, then the first ones with right labels.
    """
    split = data.splits(seeds, n_train=N_TRAIN, n_val=N_VAL, n_test=N_TEST,
                        label_noise=0.3, pixel_noise=0.2)  # fmt: skip
    right = split._replace(y_train=split.y_train_clean)
    pairs = zip(split, right, strict=True)
    return nets.tensors(*(np.concatenate([a, b[:n_clean]]) for a, b in pairs))


def distance_meter(model: nets.MLPs) -> Callable[[], Floats]:
    """A function that gives ‖w − w₀‖₂ of each network, (S,), where w₀ are the weights of now."""
    start = [p.detach().clone() for p in model.parameters()]

    def distance() -> Floats:
        pairs = zip(model.parameters(), start, strict=True)
        squares = [(p.detach() - s).double().square().sum((1, 2)) for p, s in pairs]
        return np.asarray(torch.stack(squares).sum(0).sqrt().numpy())

    return distance


@torch.no_grad()
def _measure(
    model: nets.MLPs,
    distance: Callable[[], Floats],
    images: Tensor,
    labels: Tensor,
    shown: Tensor,
    tick: Callable[[], object] | None,
) -> dict[str, Floats]:
    """One pass over validation, test and training images (S, n, 64), in this order."""
    if tick:
        tick()
    logits = model(images)  # (S, n, 10)
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    losses, guesses = losses.view(labels.shape), logits.argmax(2)
    hits, unseen = guesses == labels, N_VAL + N_TEST
    wrong = labels[:, unseen:] != shown  # (S, n_train)
    count = wrong.sum(1).double()
    return {
        "losses": losses[:, :unseen].numpy(),
        "hits": hits[:, :unseen].numpy(),
        "train": losses[:, unseen:].double().mean(1).numpy(),
        "distance": distance(),
        "learned": (((guesses[:, unseen:] == shown) & wrong).sum(1) / count).numpy(),
        "memorized": ((hits[:, unseen:] & wrong).sum(1) / count).numpy(),
    }


def waiting(losses: Floats, min_delta: float = 0.0) -> Ints:
    """How many epochs in a row brought no new best, after each epoch: (T, S) for (T, S).

    torch's own counter; a loss counts as better when it is below the best minus min_delta. The
    scheduler itself would act one epoch later than the lesson's rule: when the count is *above* its
    patience, which is why it is kept from acting here.
    """
    counts = np.zeros(losses.shape, dtype=np.int64)
    for column, curve in zip(counts.T, losses.T, strict=True):
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            nets.make_optimizer([torch.zeros(1)], "sgd", lr=1.0),
            patience=NEVER, threshold=min_delta, threshold_mode="abs",
        )  # fmt: skip
        for t, loss in enumerate(curve.tolist()):
            plateau.step(loss)
            column[t] = plateau.num_bad_epochs
    return counts


def decide(waited: Ints, patience: int) -> tuple[Ints, Ints]:
    """Where a rule stops and which epoch was best by then, each (S,), from `waiting`'s counts.

    Raises ValueError for a patience below 1.
    """
    if patience < 1:
        raise ValueError(f"patience is a number of epochs, at least 1; got {patience}")
    over = waited >= patience
    stop = np.where(over.any(0), over.argmax(0), len(waited) - 1)
    return stop, stop - waited[stop, np.arange(waited.shape[1])]


@dataclass(frozen=True)
class Outcome:
    """What a rule did on S runs, each (S,): epochs, test accuracies, and the regret.

    `regret` is the best test accuracy of the run in hindsight less the accuracy restored.
    """

    stop: Ints
    best: Ints
    restored: Floats
    last: Floats
    regret: Floats


def judge_rule(runs: Runs, losses: Floats, *, patience: int, min_delta: float = 0.0) -> Outcome:
    """Applies patience and min_delta to curves (T, S) of the runs and looks at the test images."""
    stop, best = decide(waiting(losses, min_delta), patience)
    here = np.arange(losses.shape[1])
    restored, last = runs.accuracy[best, here], runs.accuracy[stop, here]
    return Outcome(stop, best, restored, last, runs.accuracy.max(0) - restored)


@dataclass(frozen=True)
class Walks:
    """Runs at several learning rates: `distance` and `accuracy` (time, rates, S)."""

    rates: tuple[float, ...]
    steps: Ints
    distance: Floats
    accuracy: Floats


def walk(rates: Sequence[float], *, seeds: Sequence[int], steps: int, every: int = 25) -> Walks:
    """Networks 64-64-10 on 300 digits, 30 % wrong labels, batches of 16, plain SGD.

    A seed has the same data, start and batches at every rate: rate/max(rates) scales the loss.
    """
    split = data.splits(seeds, n_train=N_TRAIN, n_test=N_TEST, label_noise=0.3, pixel_noise=0.2)
    x, y, x_test, y_test = (
        part.repeat(len(rates), *[1] * (part.dim() - 1))
        for part in nets.tensors(split.x_train, split.y_train, split.x_test, split.y_test)
    )
    model = nets.MLPs((64, 64, 10), seeds=[*seeds] * len(rates))
    scale = (torch.tensor(rates) / max(rates)).repeat_interleave(len(seeds))  # (rates · S,)
    distance = distance_meter(model)
    history = nets.train(
        model, x, y, steps=steps, every=every, batch_size=BATCH, arms=len(rates),
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=max(rates)),
        generator=torch.Generator().manual_seed(seeds[0]),
        loss=lambda logits, labels: scale * nets.cross_entropy(logits, labels),
        measure=lambda: {
            "distance": distance(), "accuracy": nets.accuracy(model, x_test, y_test)
        },
    )  # fmt: skip
    shape = (-1, len(rates), len(seeds))
    return Walks(
        tuple(rates), np.array(history.steps), history["distance"].reshape(shape),
        history["accuracy"].reshape(shape),
    )  # fmt: skip
