"""The capstone's trainer: one network, one data set, fifteen epochs, whatever the recipe says.

It trains a network for each of S seeds at once. There is no argument for epochs, layers or data:
what is not in the recipe cannot be changed, and grading runs this very trainer again.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from helpers import data, nets, treatments
from helpers.recipe import EPOCHS, complete

GUESSING = math.log(10)  # the loss of a network that gives every class a tenth


class Diverged(ArithmeticError):
    """Training that blew up; the message says at which step, and what to look at."""


class Data(NamedTuple):
    """Images (n, 256) float32 in [0, 1] and labels (n,) int64; training labels are noisy."""

    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor


@dataclass(frozen=True)
class Run:
    """What a training gave. Curves are (16, S): before the first epoch and after each.

    `train_loss` and `train_accuracy` are on the (noisy) training labels in eval mode; `guesses` and
    `extra` are the classes given to the validation images, (S, 500), and to images that the caller
    gave, (S, m), at the end (or at the best epoch, if the recipe restores it).
    """

    settings: dict[str, Any]
    seeds: tuple[int, ...]
    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]
    guesses: NDArray[np.int64]
    extra: NDArray[np.int64]
    seconds: float
    remarks: list[str] = field(default_factory=list)

    @property
    def score(self) -> NDArray[np.float64]:
        """Validation accuracy of each seed's final network, (S,)."""
        return np.asarray((self.guesses == load_data().y_val.numpy()).mean(1))


@cache
def load_data() -> Data:
    """The bundled hard digits as tensors. Raises DataError for a damaged file."""
    arrays = data.load("hard_digits")
    x_train, x_val = (to_pixels(arrays[name]) for name in ("x_train", "x_val"))
    y_train, y_val = (torch.tensor(arrays[name].astype("i8")) for name in ("y_train", "y_val"))
    return Data(x_train, y_train, x_val, y_val)


def to_pixels(images: NDArray[np.uint8]) -> Tensor:
    """Images (n, 16, 16) uint8 as (n, 256) float32 in [0, 1]."""
    return torch.tensor(images.reshape(len(images), -1) / np.float32(255), dtype=torch.float32)


def train(
    recipe: Mapping[str, Any],
    *,
    seeds: Sequence[int] = (0,),
    extra: Tensor | None = None,
    bar: bool = False,
) -> Run:
    """Trains the capstone's network by a recipe, 15 epochs, for all seeds at once.

    `extra` are further images, (m, 256) in [0, 1], to be classified; `bar` shows the progress.
    Raises RecipeError for what is no recipe, Diverged when a loss is not finite.
    """
    settings = complete(recipe)
    started = time.perf_counter()
    with tqdm(total=EPOCHS, file=sys.stdout, disable=not bar, unit="epoch") as shown:
        trainer = _Trainer(settings, tuple(seeds), load_data(), extra)

        def tell(accuracy: float) -> None:
            shown.set_postfix_str(f"validation {accuracy:.3f}", refresh=False)
            shown.update()

        records = trainer.run(tell)
    return _summarize(trainer, records, time.perf_counter() - started)


def _summarize(trainer: "_Trainer", records: dict[str, list[Tensor]], seconds: float) -> Run:
    curves = {k: torch.stack(v).double().numpy() for k, v in records.items() if v[0].dim() == 1}
    best = curves["val_loss"].argmin(0) if trainer.settings["restore_best"] else None
    guesses, extra = (_final(records[name], best) for name in ("guesses", "extra"))
    remarks = []
    if curves["train_loss"][-1].min() > GUESSING - 0.05:
        remarks.append(
            f"the training loss ends at {curves['train_loss'][-1].min():.2f}; guessing gives "
            "ln 10 = 2.30. The network has not learned: look at init, norm and learning_rate"
        )
    return Run(
        trainer.settings, trainer.seeds, **curves,
        guesses=guesses, extra=extra, seconds=seconds, remarks=remarks,
    )  # fmt: skip


def _final(classes: list[Tensor], best: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """The classes (S, n) given at the last epoch, or at each seed's best one."""
    every = torch.stack(classes).numpy()  # (16, S, n)
    chosen = every[-1] if best is None else every[best, np.arange(every.shape[1])]
    return np.asarray(chosen)


class _Trainer:
    """One training: the networks, the optimizer, and the images as the recipe wants them."""

    def __init__(
        self, settings: dict[str, Any], seeds: tuple[int, ...], parts: Data, extra: Tensor | None
    ) -> None:
        self.settings, self.seeds, self.parts = settings, seeds, parts
        self.models = treatments.make_models(settings, seeds)
        self.optimizer = treatments.make_optimizer(settings, self.models)
        self.draws = [torch.Generator().manual_seed(nets._mix([seed], 2)) for seed in seeds]
        self.scale = treatments.input_scaler(settings["inputs"], parts.x_train)
        self.clean, self.val = self.scale(parts.x_train), self.scale(parts.x_val)
        self.extra = None if extra is None else self.scale(extra)
        n, size = len(parts.x_train), settings["batch_size"]
        self.batches = [(i, min(i + size, n)) for i in range(0, n, size) if n - i > 1]
        self.factor = treatments.make_schedule(settings, len(self.batches))
        self.step, self.last = 0, torch.zeros(len(seeds))

    def run(self, tell: Callable[[float], None]) -> dict[str, list[Tensor]]:
        """All epochs; returns what was measured before the first and after each."""
        records: dict[str, list[Tensor]] = {}
        for epoch in range(EPOCHS + 1):
            if epoch:
                self.run_epoch(epoch)
            measured = self.measure()
            for name, value in measured.items():
                records.setdefault(name, []).append(value)
            if epoch:
                tell(float(measured["val_accuracy"].mean()))
        return records

    def run_epoch(self, epoch: int) -> None:
        """One pass over the training images, in an order of each seed's own."""
        self.models.train()
        n = len(self.parts.x_train)
        order = torch.stack([torch.randperm(n, generator=g) for g in self.draws])  # (S, n)
        images = self.parts.x_train[order]  # (S, n, 256)
        moved = torch.stack(
            [
                treatments.augment(x, self.settings, g)
                for x, g in zip(images, self.draws, strict=True)
            ]
        )
        images, labels = self.scale(moved), self.parts.y_train[order]
        for start, stop in self.batches:
            self.update(images[:, start:stop], labels[:, start:stop], epoch)

    def update(self, images: Tensor, labels: Tensor, epoch: int) -> None:
        """One update of all networks. Raises Diverged when a loss is not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings["learning_rate"] * self.factor(self.step)
        self.step += 1
        losses = treatments.smooth_cross_entropy(self.models(images), labels, self.settings)  # (S,)
        if not bool(losses.isfinite().all()):
            raise Diverged(self.explain(losses.detach(), epoch))
        self.last = losses.detach()
        self.optimizer.zero_grad()
        losses.sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def explain(self, losses: Tensor, epoch: int) -> str:
        """Where a training blew up, and what to look at."""
        first = int((~losses.isfinite()).int().argmax())
        before = (
            "it was so from the start"
            if self.step == 1
            else f"before: {float(self.last[first]):.3g}"
        )
        names = ("init", "norm", "optimizer", "learning_rate", "schedule", "warmup")
        told = ", ".join(f"{name}={self.settings[name]}" for name in names)
        return (
            f"the loss is {float(losses[first])} at step {self.step} of "
            f"{EPOCHS * len(self.batches)} (epoch {epoch}, seed {self.seeds[first]}; {before}). "
            f"Steps that are too large for this start do that. Look at: {told}"
        )

    @torch.no_grad()
    def measure(self) -> dict[str, Tensor]:
        """Losses and accuracies (S,), and classes given, in eval mode on images as they are."""
        self.models.eval()
        logits = self.models(self.clean), self.models(self.val)
        extra = logits[1][:, :0, 0] if self.extra is None else self.models(self.extra).argmax(-1)
        labels = self.parts.y_train, self.parts.y_val
        losses = [nets.cross_entropy(z, y) for z, y in zip(logits, labels, strict=True)]
        right = [(z.argmax(-1) == y).double().mean(1) for z, y in zip(logits, labels, strict=True)]
        return {
            "train_loss": losses[0], "val_loss": losses[1],
            "train_accuracy": right[0], "val_accuracy": right[1],
            "guesses": logits[1].argmax(-1), "extra": extra,
        }  # fmt: skip
