"""Experiments of lesson 09: noise in training, SAM and batch sizes, and how flat the minimum is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from helpers import data, nets

Floats = NDArray[np.float64]
SIZES = (64, 64, 10)
N_TRAIN, N_TEST, RATE = 200, 600, 0.2


@torch.no_grad()
def hessian_trace(model: nets.MLPs, x: Tensor, labels: Tensor) -> Floats:
    """tr H of the mean cross-entropy over all weights and biases of each network, (S,).

    Networks with one hidden layer, "relu" or "tanh"; x (S, n, D), labels (S, n). For an output
    weight the second derivative is h²p(1 − p). For a hidden one it is x²(φ′² uᵀ(diag p − ppᵀ)u +
    φ″ uᵀ(p − y)), u the unit's output weights. Raises ValueError for other networks.
    """
    if len(model.weights) != 2 or model.activation not in (torch.relu, torch.tanh):
        raise ValueError("hessian_trace needs one hidden layer, with activation relu or tanh")
    hidden, logits = model.layers(x)
    probs = logits.softmax(-1)  # (S, n, K)
    errors = probs - F.one_hot(labels, probs.shape[-1])
    out = model.weights[1].transpose(1, 2)  # (S, K, H)
    spread = probs @ out.square() - (probs @ out).square()  # (S, n, H): uᵀ(diag p − ppᵀ)u
    if model.activation is torch.relu:
        each = (hidden > 0) * spread  # φ″ is zero wherever it exists
    else:
        slope = 1 - hidden.square()
        each = slope.square() * spread - 2 * hidden * slope * (errors @ out)
    outer = (hidden.square().sum(-1) + 1) * (probs * (1 - probs)).sum(-1)  # 1: the biases
    inner = (x.square().sum(-1) + 1) * each.sum(-1)  # (S, n)
    return np.asarray((outer + inner).mean(1).double().numpy())


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to train: standard deviations of the noise on inputs, hidden units and weights,
    ε of label smoothing (torch's), radius ρ of SAM, batch size. Plain SGD with the defaults."""

    input_noise: float = 0.0
    hidden_noise: float = 0.0
    weight_noise: float = 0.0
    smoothing: float = 0.0
    sam: float = 0.0
    batch_size: int = 16


@dataclass(frozen=True)
class Runs:
    """S seeds of every method, each (T, methods, S): accuracy on test images, and on the training
    images (their labels as they are, no noise) tr H and the mean loss."""

    names: tuple[str, ...]
    steps: NDArray[np.int64]
    accuracy: Floats
    trace: Floats
    loss: Floats

    def after(self, step: int, name: str) -> tuple[Floats, Floats]:
        """Test accuracy and tr H of a method, each (S,). Raises ValueError where none is."""
        if name not in self.names or step not in self.steps:
            raise ValueError(
                f"methods are {', '.join(self.names)}, steps {self.steps.tolist()}; "
                f"got {name!r} and {step}"
            )
        at = list(self.steps).index(step), self.names.index(name)
        return self.accuracy[at], self.trace[at]


class NoisyMLPs(nets.MLPs):
    """One hidden layer; inputs and hidden units get fresh Gaussian noise while they train."""

    input_noise: Tensor  # (S,): standard deviations
    hidden_noise: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Logits (S, n, K), as of `nets.MLPs`; without noise in eval mode."""
        if not self.training:
            return super().forward(x)
        h = self.activation(
            torch.baddbmm(self.biases[0], self.shake(x, self.input_noise), self.weights[0])
        )
        return torch.baddbmm(self.biases[1], self.shake(h, self.hidden_noise), self.weights[1])

    def shake(self, h: Tensor, std: Tensor) -> Tensor:
        """Adds noise of each network's own standard deviation to h (S, n, width)."""
        rows = std.nonzero()[:, 0]
        if len(rows) == 0:
            return h
        noise = torch.randn(len(rows), *h.shape[1:], generator=self.generator)
        return h.index_add(0, rows, std[rows, None, None] * noise)


class Elsewhere:
    """Takes the gradient at w + e instead of w: e is noise, or SAM's step uphill.

    SAM (Foret et al. 2021): e = ρ g/‖g‖. Hooks for `nets.train` with plain SGD, whose step is the
    same wherever it starts: move to w + e, step from there, go back by e.
    """

    def __init__(self, model: NoisyMLPs, weight_noise: Tensor, sam: Tensor) -> None:
        self.model, self.parameters = model, list(model.parameters())
        self.noisy, self.climbing = (s.nonzero()[:, 0] for s in (weight_noise, sam))
        self.std, self.radius = weight_noise[self.noisy], sam[self.climbing]
        self.needed = len(self.noisy) + len(self.climbing) > 0
        self.moves: list[Tensor] = []

    def go(self, losses: Tensor) -> None:
        """Moves the weights to w + e; losses (S,) are those at w."""
        self.moves = [torch.zeros_like(p) for p in self.parameters]
        if len(self.climbing):
            found = torch.autograd.grad(losses[self.climbing].sum(), self.parameters)
            slopes = [g[self.climbing] for g in found]
            norm = torch.stack([g.square().sum((1, 2)) for g in slopes]).sum(0).sqrt()
            for move, g in zip(self.moves, slopes, strict=True):
                move[self.climbing] = (self.radius / (norm + 1e-12))[:, None, None] * g
        if len(self.noisy):
            for move in self.moves:
                shape = (len(self.noisy), *move.shape[1:])
                drawn = torch.randn(shape, generator=self.model.generator)
                move[self.noisy] = self.std[:, None, None] * drawn
        self._add(1)

    def back(self, _: int) -> None:
        """Takes the weights back by e, after the step."""
        if self.needed:
            self._add(-1)

    @torch.no_grad()
    def _add(self, sign: int) -> None:
        for p, move in zip(self.parameters, self.moves, strict=True):
            p.add_(move, alpha=sign)


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: Tensor) -> Tensor:
    """Cross-entropy of every example, (S, n), with torch's label smoothing, ε (S,) a network."""
    log_probs = logits.log_softmax(-1)
    hard = -log_probs.gather(2, labels[..., None])[..., 0]  # (S, n)
    soft = -log_probs.mean(-1)
    return hard + smoothing[:, None] * (soft - hard)


class Training:
    """The loss of `compare`'s networks, each with its own method."""

    def __init__(self, methods: Mapping[str, Method], seeds: Sequence[int]) -> None:
        def each(name: str) -> Tensor:
            values = torch.tensor([getattr(m, name) for m in methods.values()])
            return values.repeat_interleave(len(seeds))  # (methods · S,)

        self.model = NoisyMLPs(SIZES, seeds=[*seeds] * len(methods))
        self.model.input_noise, self.model.hidden_noise = each("input_noise"), each("hidden_noise")
        self.elsewhere = Elsewhere(self.model, each("weight_noise"), each("sam"))
        self.smoothing, sizes = each("smoothing"), each("batch_size")[:, None]
        self.largest = int(sizes.max())
        self.share = (torch.arange(self.largest) < sizes) / sizes  # (methods · S, largest)
        self.batch = torch.empty(0)

    def keep(self, batch: Tensor, _: torch.Generator) -> Tensor:
        """Remembers the batch: its loss is needed a second time, at w + e."""
        self.batch = batch
        return batch

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of each network on its share of the batch, at w + e where a method asks."""
        if self.elsewhere.needed:
            self.elsewhere.go(self._mean(logits, labels))
            logits = self.model(self.batch)
        return self._mean(logits, labels)

    def _mean(self, logits: Tensor, labels: Tensor) -> Tensor:
        return (self.share * smoothed_cross_entropy(logits, labels, self.smoothing)).sum(1)


def compare(
    methods: Mapping[str, Method],
    *,
    seeds: Sequence[int],
    steps: int,
    every: int,
    tick: Callable[[], object] | None = None,
) -> Runs:
    """Trains 64-64-10 ReLU networks on 200 digits, 20 % of the labels wrong, lr 0.2.

    All methods of a seed see the same data, start and batches (a smaller batch is the first part of
    the largest one), and make the same number of updates. `tick` is called at every measurement.
    """
    x, y, x_test, y_test = _digits(seeds, len(methods))
    training = Training(methods, seeds)
    model = training.model

    def measure() -> dict[str, Floats]:
        if tick:
            tick()
        return {
            "accuracy": nets.accuracy(model, x_test, y_test), "trace": hessian_trace(model, x, y),
            "loss": nets.loss_of(model, x, y),
        }  # fmt: skip

    history = nets.train(
        model, x, y, steps=steps, every=every, arms=len(methods), batch_size=training.largest,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=RATE), loss=training.loss,
        generator=torch.Generator().manual_seed(seeds[0]), augment=training.keep,
        after_step=training.elsewhere.back, measure=measure,
    )  # fmt: skip
    shape = (-1, len(methods), len(seeds))
    found = (history[name].reshape(shape) for name in ("accuracy", "trace", "loss"))
    return Runs(tuple(methods), np.array(history.steps), *found)


def _digits(seeds: Sequence[int], copies: int) -> list[Tensor]:
    split = data.splits(seeds, n_train=N_TRAIN, n_test=N_TEST, label_noise=0.2, pixel_noise=0.2)
    parts = nets.tensors(split.x_train, split.y_train, split.x_test, split.y_test)
    return [part.repeat(copies, *[1] * (part.dim() - 1)) for part in parts]


def rescale(model: nets.MLPs, factor: float) -> None:
    """Multiplies the hidden layer by a factor > 0 and divides the output weights by it, in place.

    A ReLU network computes the same as before (Dinh et al. 2017). Raises ValueError for others.
    """
    if factor <= 0 or model.activation is not torch.relu or len(model.weights) != 2:
        raise ValueError(f"factor is above 0, for one hidden ReLU layer; got {factor}")
    with torch.no_grad():
        model.weights[0].mul_(factor)
        model.biases[0].mul_(factor)
        model.weights[1].div_(factor)
