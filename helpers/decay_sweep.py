"""Experiments of lesson 03 on digits: accuracy over λ, and which parameters decay.

All values of λ train at once. Each network's λw is added to its gradient, as torch's SGD does with
its one `weight_decay` for all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from helpers import data, nets

Floats = NDArray[np.float64]


class Repeated(nn.Module):
    """L copies of S networks in one MLPs: every copy gets the same S inputs.

    So that `nets.train` gives all copies the same batches, whatever differs between them.
    """

    def __init__(self, copies: nets.MLPs, count: int) -> None:
        super().__init__()
        self.copies, self.count = copies, count

    def forward(self, x: Tensor) -> Tensor:
        """Logits (L·S, n, K) for inputs (S, n, D)."""
        logits: Tensor = self.copies(x.repeat(self.count, 1, 1))
        return logits

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy of each network, (L·S,)."""
        return nets.cross_entropy(logits, labels.repeat(self.count, 1))

    def accuracy(self, x: Tensor, labels: Tensor) -> Floats:
        """The accuracy of each network, (L, S)."""
        found = nets.accuracy(self, x, labels.repeat(self.count, 1))
        return found.reshape(self.count, -1)


@dataclass(frozen=True)
class Sweep:
    """Digits over λ: `test`, `train` (λ, 2, S, time) and `norm` (λ, 2, S); 2: clean, noisy."""

    decays: tuple[float, ...]
    noise: float
    steps: list[int]
    train: Floats
    test: Floats
    norm: Floats


def sweep_decay(
    decays: Sequence[float],
    *,
    seeds: Sequence[int],
    noise: float = 0.4,
    n_train: int = 300,
    steps: int = 500,
    tick: Callable[[], object] | None = None,
) -> Sweep:
    """Trains 64-64-10 networks for every λ, on clean labels and with a share of them wrong.

    A seed's networks share data, initial weights and batches over all λ. SGD, lr 0.05,
    momentum 0.9, batches of 64; λ acts on the weight matrices.
    `tick` is called after every 50 steps.
    """
    shares = (0.0, noise)
    cut = [data.splits(seeds, n_train=n_train, n_test=700, label_noise=s) for s in shares]
    x, y = nets.tensors(*(np.concatenate([getattr(c, f) for c in cut]) for f in _TRAIN))
    x_test, y_test = nets.tensors(*(np.concatenate([getattr(c, f) for c in cut]) for f in _TEST))
    copies = nets.MLPs((64, 64, 10), seeds=[*seeds] * (2 * len(decays)))
    model = Repeated(copies, len(decays))
    strengths = torch.tensor(decays).repeat_interleave(2 * len(seeds))  # (λ · 2 · S,)
    optimizer = nets.make_optimizer(copies.parameters(), "sgd", lr=0.05, momentum=0.9)
    _pull(optimizer, strengths, copies.weights)

    def measure() -> dict[str, Floats]:
        _call(tick)
        return {"train": model.accuracy(x, y), "test": model.accuracy(x_test, y_test)}

    history = nets.train(
        model, x, y, steps=steps, optimizer=optimizer,
        generator=torch.Generator().manual_seed(seeds[0]), loss=model.loss, measure=measure,
    )  # fmt: skip
    shape = (len(decays), 2, len(seeds))
    curves = {k: np.moveaxis(history[k], 0, -1).reshape(*shape, -1) for k in ("train", "test")}
    norms = nets.weight_norm(copies).reshape(shape)
    return Sweep(tuple(decays), noise, history.steps, norm=norms, **curves)


_TRAIN, _TEST = ("x_train", "y_train"), ("x_test", "y_test")


def _pull(optimizer: torch.optim.Optimizer, decays: Tensor, tensors: Iterable[Tensor]) -> None:
    """Adds λw to the gradient of each tensor (networks, ·, ·) before a step; `decays`: (networks,).

    The gradient of (λ/2)‖w‖² in the loss is the same, and takes a third longer.
    """
    decayed, strengths = list(tensors), decays[:, None, None]

    @torch.no_grad()
    def add(*_: object) -> None:
        for w in decayed:
            assert w.grad is not None
            w.grad.addcmul_(strengths, w)

    optimizer.register_step_pre_hook(add)


DECAYED = ("γ, β, biases only", "W only", "everything")


@dataclass(frozen=True)
class Choices:
    """Test accuracy for what decays, over λ: `test` (choice, λ, S) in the order of DECAYED, and
    `nothing` (S,) without any decay. `apart` (choice, λ, S): the largest difference of a logit
    between two test images; 0 where the network looks at its input no longer."""

    decays: tuple[float, ...]
    nothing: Floats
    test: Floats
    apart: Floats

    @property
    def best(self) -> NDArray[np.int64]:
        """Where in `decays` each choice has its highest mean, (choice,)."""
        return self.test.mean(2).argmax(1)

    @property
    def at_best(self) -> Floats:
        """The accuracy of each choice at its own best λ, (choice, S)."""
        return self.test[np.arange(len(DECAYED)), self.best]


def batch_norm_choices(
    decays: Sequence[float],
    *,
    seeds: Sequence[int],
    n_train: int = 600,
    steps: int = 300,
    tick: Callable[[], object] | None = None,
) -> Choices:
    """Trains 64-64-64-10 networks with batch normalization for every choice of DECAYED and λ.

    The choice says what λ acts on. 40 % of the training labels are wrong. A seed's
    networks share data, initial weights and batches. SGD, lr 0.05, momentum 0.9, batches of 64.
    `tick` is called after every step.
    """
    rules: list[Rule] = [lambda name: not _is_matrix(name), _is_matrix, lambda _: True]
    arms = [(_is_matrix, 0.0), *((rule, decay) for rule in rules for decay in decays)]
    test, apart = _train_normalized(arms, seeds=seeds, n_train=n_train, steps=steps, tick=tick)
    shape = (len(DECAYED), len(decays), len(seeds))
    return Choices(tuple(decays), test[0], test[1:].reshape(shape), apart[1:].reshape(shape))


def decay_of_the_last_pair(
    decay: float, *, seeds: Sequence[int], n_train: int = 600, steps: int = 300
) -> Floats:
    """How far apart two images' outputs are, (2, S), as in `Choices.apart`.

    First where nothing decays but the output layer's W and the γ, β before it; then where all but
    that W decays.
    """
    rules: list[Rule] = [
        lambda name: name == "weights.2" or name.startswith("norms.1"),
        lambda name: name != "weights.2",
    ]
    arms = [(rule, decay) for rule in rules]
    return _train_normalized(arms, seeds=seeds, n_train=n_train, steps=steps)[1]


Rule = Callable[[str], bool]  # whether the parameter of this name decays


def _is_matrix(name: str) -> bool:
    return name.startswith("weights")


def _train_normalized(
    arms: Sequence[tuple[Rule, float]],
    *,
    seeds: Sequence[int],
    n_train: int,
    steps: int,
    tick: Callable[[], object] | None = None,
) -> tuple[Floats, Floats]:
    """Test accuracy, and how far apart images' outputs are, both (arms, S).

    An arm is the rule that says what decays, and λ.
    """
    cut = data.splits(seeds, n_train=n_train, n_test=700, label_noise=0.4, standardize=True)
    x, y, x_test, y_test = nets.tensors(cut.x_train, cut.y_train, cut.x_test, cut.y_test)
    copies = nets.MLPs((64, 64, 64, 10), seeds=[*seeds] * len(arms), norm="batch")
    model = Repeated(copies, len(arms))
    optimizer = nets.make_optimizer(copies.parameters(), "sgd", lr=0.05, momentum=0.9)
    for name, parameter in copies.named_parameters():
        strengths = torch.tensor([decay * rule(name) for rule, decay in arms])
        _pull(optimizer, strengths.repeat_interleave(len(seeds)), [parameter])
    nets.train(
        model, x, y, steps=steps, optimizer=optimizer,
        generator=torch.Generator().manual_seed(seeds[0]), loss=model.loss,
        after_step=lambda _: _call(tick),
    )  # fmt: skip
    model.eval()
    test = model.accuracy(x_test, y_test)
    with torch.no_grad():
        logits = model(x_test)  # (arms · S, n, K)
    apart = (logits.amax(1) - logits.amin(1)).amax(1).reshape(test.shape)
    return test, apart.numpy().astype(np.float64)


def _call(tick: Callable[[], object] | None) -> None:
    if tick:
        tick()
