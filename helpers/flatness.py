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
    images (their labels as they are, no noise) tr H and the mean loss. `model` holds the networks
    after the last step, method by method, `examples` their training images and labels."""

    names: tuple[str, ...]
    steps: NDArray[np.int64]
    accuracy: Floats
    trace: Floats
    loss: Floats
    model: nets.MLPs
    examples: tuple[Tensor, Tensor]

    def after(self, step: int, name: str) -> tuple[Floats, Floats]:
        """Test accuracy and tr H of a method, each (S,). Raises ValueError where none is."""
        if name not in self.names or step not in self.steps:
            raise ValueError(
                f"methods are {', '.join(self.names)}, steps {self.steps.tolist()}; "
                f"got {name!r} and {step}"
            )
        at = list(self.steps).index(step), self.names.index(name)
        return self.accuracy[at], self.trace[at]

    @torch.no_grad()
    def doubt(self) -> Floats:
        """Σ p(1 − p) over the classes, mean over the training images, at the end: (methods, S)."""
        probs = nets.MLPs.forward(self.model, self.examples[0]).double().softmax(-1)
        found = (probs * (1 - probs)).sum(-1).mean(1).numpy()
        return np.asarray(found.reshape(self.accuracy.shape[1:]))


class NoisyMLPs(nets.MLPs):
    """One hidden ReLU layer; inputs, hidden units and weights get fresh Gaussian noise in training.

    The gradient is then that at the shaken weights; the weights themselves stay as they are.
    """

    input_noise: Tensor  # (S,): standard deviations
    hidden_noise: Tensor
    weight_noise: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Logits (S, n, K), as of `nets.MLPs`; without noise in eval mode."""
        if not self.training:
            return super().forward(x)
        w1, w2, b1, b2 = (self.shake(p, self.weight_noise) for p in self.parameters())
        h = torch.baddbmm(b1, self.shake(x, self.input_noise), w1).relu()
        return torch.baddbmm(b2, self.shake(h, self.hidden_noise), w2)

    def shake(self, h: Tensor, std: Tensor) -> Tensor:
        """Adds noise of each network's own standard deviation to h (S, n, width)."""
        rows = std.nonzero()[:, 0]
        if len(rows) == 0:
            return h
        noise = torch.randn(len(rows), *h.shape[1:], generator=self.generator)
        return h.index_add(0, rows, std[rows, None, None] * noise)


def sam_logits(
    parameters: Sequence[Tensor], radius: Tensor, x: Tensor, loss: Callable[[Tensor], Tensor]
) -> Tensor:
    """Logits at w + ρ g/‖g‖, the worst point nearby (Foret et al. 2021, eq. 2).

    parameters: the weights of two layers, then their biases, each (R, …); radius ρ (R,); x
    (R, n, D). loss: (R,) from logits (R, n, K). The gradient flows to w as if the step were fixed.
    """

    def logits(w1: Tensor, w2: Tensor, b1: Tensor, b2: Tensor) -> Tensor:
        return torch.baddbmm(b2, torch.baddbmm(b1, x, w1).relu(), w2)

    here = [p.detach().requires_grad_() for p in parameters]
    slopes = torch.autograd.grad(loss(logits(*here)).sum(), here)
    norm = torch.stack([g.square().sum((1, 2)) for g in slopes]).sum(0).sqrt()  # (R,)
    length = (radius / (norm + 1e-12))[:, None, None]
    return logits(*(p + length * g for p, g in zip(parameters, slopes, strict=True)))


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: Tensor) -> Tensor:
    """Cross-entropy of every example, (S, n), with torch's label smoothing, ε (S,) a network."""
    log_probs = logits.log_softmax(-1)
    hard = -log_probs.gather(2, labels[..., None])[..., 0]  # (S, n)
    soft = -log_probs.mean(-1)
    return hard + smoothing[:, None] * (soft - hard)


class Training:
    """The loss of `compare`'s networks, each with its own method.

    Raises ValueError for SAM together with noise.
    """

    def __init__(self, methods: Mapping[str, Method], seeds: Sequence[int]) -> None:
        def each(name: str) -> Tensor:
            values = torch.tensor([getattr(m, name) for m in methods.values()])
            return values.repeat_interleave(len(seeds))  # (methods · S,)

        self.model = NoisyMLPs(SIZES, seeds=[*seeds] * len(methods))
        noises = [each(f"{place}_noise") for place in ("input", "hidden", "weight")]
        self.model.input_noise, self.model.hidden_noise, self.model.weight_noise = noises
        self.radius, self.smoothing, sizes = each("sam"), each("smoothing"), each("batch_size")
        if any((self.radius * std).any() for std in noises):
            raise ValueError("SAM's step uphill is for networks without noise; got both")
        self.climbing = self.radius.nonzero()[:, 0]
        self.largest = int(sizes.max())
        self.share = (torch.arange(self.largest) < sizes[:, None]) / sizes[:, None]  # of the batch
        self.batch = torch.empty(0)

    def keep(self, batch: Tensor, _: torch.Generator) -> Tensor:
        """Remembers the batch: SAM needs it twice."""
        self.batch = batch
        return batch

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of each network on its share of the batch, (S,), uphill for SAM's networks."""
        rows = self.climbing
        if len(rows):
            uphill = sam_logits(
                [p[rows] for p in self.model.parameters()], self.radius[rows], self.batch[rows],
                lambda found: self._mean(found, labels[rows], rows),
            )  # fmt: skip
            logits = logits.index_copy(0, rows, uphill)
        return self._mean(logits, labels, slice(None))

    def _mean(self, logits: Tensor, labels: Tensor, rows: Tensor | slice) -> Tensor:
        losses = smoothed_cross_entropy(logits, labels, self.smoothing[rows])
        return (self.share[rows] * losses).sum(1)


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
        measure=measure,
    )  # fmt: skip
    shape = (-1, len(methods), len(seeds))
    accuracy, trace, loss = (history[name].reshape(shape) for name in ("accuracy", "trace", "loss"))
    steps_noted = np.array(history.steps)
    return Runs(tuple(methods), steps_noted, accuracy, trace, loss, model, (x, y))


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
