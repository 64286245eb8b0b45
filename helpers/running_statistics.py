"""Lesson 05: running statistics of several momenta at once, and how far they lag behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from helpers import data, nets
from helpers.normalization import BATCH, WIDTH, batch_accuracy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lag:
    """Test accuracy in training, means over seeds, at `steps`.

    `running` (M, T): in eval mode, by momentum. `batch` (T,): with the test set's own statistics.
    """

    momenta: tuple[float, ...]
    steps: list[int]
    running: Array
    batch: Array


class Shadows:
    """Other running statistics for the same networks: layers that share γ and β with the first."""

    def __init__(self, model: nets.MLPs, momentum: float) -> None:
        self.model, self.originals = model, list(model.norms)
        self.layers = [nets.Normalization("batch", *_sizes(n), momentum=momentum)
                       for n in self.originals]  # fmt: skip
        for layer, original in zip(self.layers, self.originals, strict=True):
            assert isinstance(original, nets.Normalization)
            layer.gamma, layer.beta = original.gamma, original.beta

    def watch(self) -> None:
        """From now on every training batch updates these statistics, too."""
        for layer, original in zip(self.layers, self.originals, strict=True):
            original.register_forward_pre_hook(partial(_see, layer))

    def measure(self, x: Tensor, labels: Tensor, *, own_statistics: bool = False) -> float:
        """The mean accuracy with these statistics, or with those of x itself."""
        self.model.norms = nn.ModuleList(self.layers)
        try:
            if own_statistics:
                return float(batch_accuracy(self.model, x, labels, size=x.shape[1]).mean())
            return float(nets.accuracy(self.model, x, labels).mean())
        finally:
            self.model.norms = nn.ModuleList(self.originals)


def _sizes(norm: nn.Module) -> tuple[int, int]:
    assert isinstance(norm, nets.Normalization)
    count, _, width = norm.gamma.shape
    return count, width


@torch.no_grad()
def _see(layer: nn.Module, watched: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    if watched.training:
        layer.train()
        layer(*inputs)


def run_lag(
    momenta: Sequence[float], *, seeds: Sequence[int], steps: int = 150, every: int = 15
) -> Lag:
    """Trains 64-32-32-32-10 ReLU networks on raw pixels, 0 to 16, once for all momenta."""
    split = data.splits(seeds, n_train=1000, n_test=700)
    x, y, x_test, y_test = nets.tensors(
        16 * split.x_train, split.y_train, 16 * split.x_test, split.y_test
    )
    made = nets.MLPs([64, WIDTH, WIDTH, WIDTH, 10], seeds=seeds, norm="batch")
    shadows = [Shadows(made, m) for m in momenta]
    for shadow in shadows:
        shadow.watch()

    def measure() -> dict[str, np.ndarray]:
        running = [shadow.measure(x_test, y_test) for shadow in shadows]
        own = Shadows(made, 0.1).measure(x_test, y_test, own_statistics=True)
        return {"running": np.array(running), "batch": np.array(own)}

    history = nets.train(
        made, x, y, steps=steps, optimizer=nets.make_optimizer(made.parameters(), "sgd", lr=0.1),
        generator=torch.Generator().manual_seed(seeds[0]), batch_size=BATCH,
        measure=measure, every=every,
    )  # fmt: skip
    return Lag(tuple(momenta), history.steps, history["running"].T, history["batch"])
