"""Lesson 05: signals and gradients through deep random networks, and scale-invariant weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from helpers import nets
from helpers.normalization import BATCH, load_split

Array = NDArray[np.float64]
NORMS = ("none", "batch", "layer")


@dataclass(frozen=True)
class Signals:
    """log10 of the std of activations and of ∂loss/∂(layer's output), (L,), layers 1..L."""

    log_std: Array
    log_gradient: Array


def draw_stack(seed: int, *, samples: int, width: int, depth: int) -> tuple[Tensor, ...]:
    """Inputs, gradient at the top, (samples, width), and weights (depth, width, width): N(0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    inputs, top = torch.randn(2, samples, width, generator=generator, dtype=torch.float64)
    return inputs, top, torch.randn(depth, width, width, generator=generator, dtype=torch.float64)


def measure_signals(
    stack: tuple[Tensor, ...], *, activation: str, norm: str, std: float, depth: int
) -> Signals:
    """One pass forward and one back through h ← φ(norm(h W)), the weights' std being `std`.

    Raises ValueError for an unknown norm, or more layers than were drawn.
    """
    inputs, top, matrices = stack
    if norm not in NORMS:
        raise ValueError(f"norm is one of {', '.join(NORMS)}; got {norm!r}")
    if not 1 <= depth <= len(matrices):
        raise ValueError(f"depth is from 1 to {len(matrices)}, the layers drawn; got {depth}")
    phi, h, outputs = nets.ACTIVATIONS[activation], inputs.clone().requires_grad_(), []
    for weights in matrices[:depth]:
        z = h @ (std * weights)
        if norm == "batch":
            z = F.batch_norm(z, None, None, training=True)
        elif norm == "layer":
            z = F.layer_norm(z, z.shape[1:])
        h = phi(z)
        outputs.append(h)
    gradients = torch.autograd.grad(h, outputs, top)
    spread = [float(out.detach().std()) for out in outputs]
    size = [float(g.square().mean().sqrt()) for g in gradients]
    return Signals(np.log10(np.maximum(spread, 1e-300)), np.log10(np.maximum(size, 1e-300)))


def gradient_factor(activation: str, norm: str) -> float:
    """By what the gradient grows per layer on its way back, in wide random networks.

    √(E[φ′²] / Var[φ]) under batch normalization (large batches), √(E[φ′²] / E[φ²]) under layer
    normalization, over z ~ N(0, 1). At least 1 for "batch" (Yang et al. 2019; the bound is the
    Gaussian Poincaré inequality). Raises ValueError for another norm.
    """
    if norm not in ("batch", "layer"):
        raise ValueError(f"norm is 'batch' or 'layer'; got {norm!r}")
    z = torch.linspace(-9, 9, 18_001, dtype=torch.float64, requires_grad=True)
    out = nets.ACTIVATIONS[activation](z)
    (slope,) = torch.autograd.grad(out.sum(), z)
    weights = torch.exp(-(z.detach() ** 2) / 2)
    weights /= weights.sum()
    value = out.detach()
    second = float(weights @ value**2)
    spread = second - float(weights @ value) ** 2 if norm == "batch" else second
    return float(np.sqrt(float(weights @ slope**2) / spread))


def rescaled_twins(factor: float, *, seed: int, steps: int = 200) -> tuple[Array, Array]:
    """How far two networks with `factor`-times larger hidden weights stray from the first one.

    Largest difference of the logits on the test images after training, (2,): with the hidden
    learning rate times factor², and with the same rate; and the largest logit. All in float64,
    with batch normalization of ε ≈ 0.
    """
    x, y, x_test, _ = load_split((seed,) * 3)
    made = nets.MLPs([64, 16, 16, 10], seeds=[seed] * 3, norm="batch").double()
    for norm in made.norms:
        assert isinstance(norm, nets.Normalization)
        norm.eps = 1e-30  # torch refuses 0
    size = torch.tensor([1.0, factor, factor], dtype=torch.float64)[:, None, None]
    rate = torch.tensor([1.0, factor**2, 1.0], dtype=torch.float64)[:, None, None]
    for weights in list(made.weights)[:-1]:
        weights.data *= size
        weights.register_hook(lambda grad: rate * grad)
    optimizer = nets.make_optimizer(made.parameters(), "sgd", lr=0.1)
    picks = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = torch.randint(x.shape[1], (BATCH,), generator=picks)
        optimizer.zero_grad()
        nets.cross_entropy(made(x[:, batch].double()), y[:, batch]).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        logits = made(x_test.double())
    apart = (logits[1:] - logits[0]).abs().amax((1, 2))
    return apart.numpy(), logits[0].abs().max().numpy()


@dataclass(frozen=True)
class DecayRun:
    """Norm of the second layer's weights and its turn per step in radians, (T, decays), at `steps`.

    Means over seeds; `accuracy` is (decays, S), on the test images.
    """

    decays: tuple[float, ...]
    lr: float
    steps: Array
    norm: Array
    turn: Array
    accuracy: Array


def decay_run(
    decays: Sequence[float], *, seeds: Sequence[int], lr: float = 0.1, steps: int = 300
) -> DecayRun:
    """Trains 64-32-32-10 ReLU networks with batch normalization; only hidden weights decay.

    30 % of the labels are wrong: the gradients stay noisy to the end.
    """
    copies, count = len(decays), len(seeds)
    x, y, x_test, y_test = (part.repeat(copies, *[1] * (part.dim() - 1))
                            for part in load_split(tuple(seeds), label_noise=0.3))  # fmt: skip
    made = nets.MLPs([64, 32, 32, 10], seeds=[*seeds] * copies, norm="batch")
    decay = torch.tensor(np.repeat(decays, count), dtype=torch.float32)
    watched, notes = made.weights[1], []
    before = watched.detach().clone()

    def penalty() -> Tensor:
        hidden = [w.square().sum((1, 2)) for w in list(made.weights)[:-1]]
        return 0.5 * decay * torch.stack(hidden).sum(0)

    def note(step: int) -> None:
        now, last = watched.detach().flatten(1).double(), before.flatten(1).double()
        size = now.norm(dim=1)
        apart = (now / size[:, None] - last / last.norm(dim=1, keepdim=True)).norm(dim=1)
        notes.append((size.reshape(copies, count).mean(1), apart.reshape(copies, count).mean(1)))
        before.copy_(watched.detach())

    nets.train(
        made, x, y, steps=steps, optimizer=nets.make_optimizer(made.parameters(), "sgd", lr=lr),
        generator=torch.Generator().manual_seed(seeds[0]), batch_size=BATCH,
        penalty=penalty, after_step=note, arms=copies,
    )  # fmt: skip
    norm, turn = (torch.stack(part).numpy() for part in zip(*notes, strict=True))
    accuracy = nets.accuracy(made, x_test, y_test).reshape(copies, count)
    return DecayRun(tuple(decays), lr, np.arange(1, steps + 1.0), norm, turn, accuracy)
