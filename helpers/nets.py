"""The small networks that every lesson shares, and the one loop that trains them.

Everything is batched over seeds: S networks of one shape are trained at once with batched matrix
products, so that ten seeds cost little more than one. Weights are (S, fan_in, fan_out).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers import optimizers

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}
torch.set_num_threads(1)  # the products are small: a second thread costs more than it gives
Scheme = str | float
SCHEMES = ("lecun", "xavier", "he", "orthogonal", "torch", "zeros")


def draw_weights(
    fan_in: int, fan_out: int, scheme: Scheme, *, generator: torch.Generator, gain: float = 1.0
) -> Tensor:
    """One weight matrix, (fan_in, fan_out) float32, so that a layer computes x @ W.

    `scheme` is one of SCHEMES, or a number: the std of a normal distribution. "torch" is the
    default of `nn.Linear` (LeCun et al. 2012; Glorot & Bengio 2010, eq. 16; He et al. 2015, eq. 10;
    Saxe et al. 2014). Raises ValueError for another scheme.
    """
    weights = torch.empty(fan_out, fan_in)  # torch's layout, so that its fans are ours
    if scheme == "lecun":
        nn.init.kaiming_normal_(weights, nonlinearity="linear", generator=generator)
    elif scheme == "xavier":
        nn.init.xavier_normal_(weights, generator=generator)
    elif scheme == "he":
        nn.init.kaiming_normal_(weights, nonlinearity="relu", generator=generator)
    elif scheme == "orthogonal":
        nn.init.orthogonal_(weights, generator=generator)
    elif scheme == "torch":
        nn.init.kaiming_uniform_(weights, a=5**0.5, generator=generator)
    elif scheme == "zeros":
        nn.init.zeros_(weights)
    elif isinstance(scheme, int | float):
        nn.init.normal_(weights, 0.0, float(scheme), generator=generator)
    else:
        raise ValueError(f"scheme is one of {', '.join(SCHEMES)} or a std; got {scheme!r}")
    return gain * weights.T.contiguous()  # (fan_in, fan_out)


class MLPs(nn.Module):
    """S multilayer perceptrons of one shape, one a seed; logits come without a softmax.

    `sizes` are the widths from input to logits. A seed's weights do not depend on which other seeds
    are trained beside it. Dropout and batch statistics act between the layers while training:
    linear → normalization → activation → dropout.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        seeds: Sequence[int],
        activation: str = "relu",
        init: Scheme = "he",
        gain: float = 1.0,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        norm: str | None = None,
        norm_after: bool = False,
    ) -> None:
        """Raises ValueError for an unknown activation, scheme or norm ("batch", "layer", None).

        `norm_after` puts the normalization behind the activation instead of before it.
        `dropout` and `input_dropout` are probabilities of dropping, in [0, 1), as in torch.
        """
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        for p in (dropout, input_dropout):
            if not 0 <= p < 1:
                raise ValueError(f"dropout is the probability of dropping, in [0, 1); got {p}")
        self.activation, self.seeds = ACTIVATIONS[activation], list(seeds)
        self.dropout, self.input_dropout, self.norm_after = dropout, input_dropout, norm_after
        self.generator = torch.Generator().manual_seed(_mix(seeds, 1))  # draws dropout masks
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        generators = [torch.Generator().manual_seed(_mix([seed], 0)) for seed in seeds]
        for fan_in, fan_out in pairwise(sizes):
            drawn = [
                draw_weights(fan_in, fan_out, init, generator=g, gain=gain) for g in generators
            ]
            self.weights.append(nn.Parameter(torch.stack(drawn)))  # (S, fan_in, fan_out)
            self.biases.append(nn.Parameter(torch.zeros(len(seeds), 1, fan_out)))
        self.norms = nn.ModuleList(make_norm(norm, len(seeds), width) for width in sizes[1:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Logits (S, n, K) for inputs (S, n, D), or (n, D) given to all networks."""
        return self.layers(x)[-1]

    def layers(self, x: Tensor) -> list[Tensor]:
        """The outputs of all layers, each (S, n, width): hidden activations, then the logits."""
        h = x.expand(len(self.seeds), *x.shape) if x.dim() == 2 else x
        h = self.drop(h, self.input_dropout)
        outputs = []
        last = len(self.weights) - 1
        for i, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(biases, h, weights)  # (S, n, fan_out)
            if i < last:
                steps = (self.activation, self.norms[i])
                first, then = steps if self.norm_after else steps[::-1]
                h = then(first(h))
            outputs.append(h)
            h = self.drop(h, self.dropout) if i < last else h
        return outputs

    def drop(self, h: Tensor, p: float) -> Tensor:
        """Inverted dropout while training: zero with probability p, else scaled by 1/(1 − p)."""
        if p == 0 or not self.training:
            return h
        coins = torch.rand(h.shape, generator=self.generator, dtype=h.dtype)
        return h * coins.ge_(p).div_(1 - p)  # in place: 0 or 1/(1 − p), in two thirds of the time


def make_norm(kind: str | None, count: int, width: int) -> nn.Module:
    """A normalization layer for (S, n, width): "batch", "layer" or None for none."""
    if kind is None:
        return nn.Identity()
    if kind in {"batch", "layer"}:
        return Normalization(kind, count, width)
    raise ValueError(f"norm is 'batch', 'layer' or None; got {kind!r}")


class Normalization(nn.Module):
    """Batch or layer normalization of S networks at once, with torch's conventions.

    `momentum` is the weight of the new batch, the running variance is the unbiased one
    (Ioffe & Szegedy 2015, algorithms 1 and 2; Ba et al. 2016, eq. 4).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, kind: str, count: int, width: int, *, momentum: float = 0.1, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.kind, self.momentum, self.eps = kind, momentum, eps
        self.gamma = nn.Parameter(torch.ones(count, 1, width))
        self.beta = nn.Parameter(torch.zeros(count, 1, width))
        self.register_buffer("running_mean", torch.zeros(count, 1, width))
        self.register_buffer("running_var", torch.ones(count, 1, width))

    def forward(self, z: Tensor) -> Tensor:
        """Normalizes (S, n, width): over n ("batch") or over the width ("layer").

        Raises ValueError, as torch does, for a batch of one in training mode ("batch").
        """
        count, n, width = z.shape
        if self.kind == "layer":
            return self.gamma * F.layer_norm(z, (width,), eps=self.eps) + self.beta
        flat = z.transpose(0, 1).reshape(n, count * width)  # every unit of every network a feature
        out = F.batch_norm(
            flat,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.gamma.view(-1),
            self.beta.view(-1),
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )
        return out.view(n, count, width).transpose(0, 1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of each network, (S,), from logits (S, n, K) and labels (S, n)."""
    count, n, classes = logits.shape
    labels = labels.expand(count, n)
    each = F.cross_entropy(logits.reshape(-1, classes), labels.reshape(-1), reduction="none")
    return each.reshape(count, n).mean(1)


@torch.no_grad()
def accuracy(nets: nn.Module, x: Tensor, labels: Tensor) -> np.ndarray:
    """The accuracy of each network in eval mode, (S,) in [0, 1]; the mode is put back after."""
    was_training = nets.training
    nets.eval()
    hits = (nets(x).argmax(-1) == labels).double().mean(-1)
    nets.train(was_training)
    return hits.numpy()


@torch.no_grad()
def loss_of(nets: nn.Module, x: Tensor, labels: Tensor) -> np.ndarray:
    """The cross-entropy of each network in eval mode, (S,); the mode is put back after."""
    was_training = nets.training
    nets.eval()
    losses = cross_entropy(nets(x), labels).double()
    nets.train(was_training)
    return losses.numpy()


@torch.no_grad()
def weight_norm(nets: MLPs) -> np.ndarray:
    """‖w‖₂ of each network over all its weight matrices (no biases), (S,)."""
    squares = torch.stack([w.double().square().sum((1, 2)) for w in nets.weights])  # (layers, S)
    return squares.sum(0).sqrt().numpy()


def tensors(*arrays: np.ndarray) -> tuple[Tensor, ...]:
    """NumPy arrays as tensors: floats become float32, integers int64 (copies)."""
    return tuple(
        torch.tensor(a, dtype=torch.float32 if a.dtype.kind == "f" else torch.int64) for a in arrays
    )


OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": optimizers.SGD,
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
}


def make_optimizer(
    parameters: Iterable[Any],
    name: str,
    *,
    lr: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """torch's optimizer "sgd" (with momentum), "adam" or "adamw" over parameters or groups.

    Raises ValueError for another name, and for a momentum with Adam.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer is one of {', '.join(OPTIMIZERS)}; got {name!r}")
    if name == "sgd":
        return optimizers.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)
    if momentum:
        raise ValueError(f"momentum is for optimizer 'sgd'; {name!r} has its own betas")
    return OPTIMIZERS[name](parameters, lr=lr, weight_decay=weight_decay)  # type: ignore[call-arg]


@dataclass
class History:
    """What was measured during training: `steps`, and per name an array (len(steps), S)."""

    steps: list[int] = field(default_factory=list)
    records: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, step: int, measured: dict[str, np.ndarray]) -> None:
        """Notes what was measured after a step."""
        self.steps.append(step)
        for name, values in measured.items():
            self.records.setdefault(name, []).append(np.asarray(values))

    def __getitem__(self, name: str) -> np.ndarray:
        """The values of a name, (len(steps), S). Raises KeyError naming what was measured."""
        if name not in self.records:
            raise KeyError(f"{name!r} was not measured; there is: {', '.join(self.records)}")
        return np.stack(self.records[name])


def train(
    nets: nn.Module,
    x: Tensor,
    labels: Tensor,
    *,
    steps: int,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    batch_size: int = 64,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
    penalty: Callable[[], Tensor] | None = None,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    schedule: Callable[[int], float] | None = None,
    after_step: Callable[[int], None] | None = None,
    measure: Callable[[], dict[str, np.ndarray]] | None = None,
    every: int = 50,
    arms: int = 1,
) -> History:
    """Trains S networks on x (S, n, D) and labels (S, n) for a number of updates.

    Each step draws batch_size examples with replacement for every seed from `generator`: runs that
    share its seed see the same batches (paired comparisons). `loss` gives (S,) from logits and
    labels, `penalty` () -> (S,) is added to it; `augment` changes a batch (S, B, D); `schedule`
    gives the factor of the learning rate at a step; `after_step` runs after each update, with the
    number of updates made; `measure` is noted before the first step and after `every` steps.
    `arms`: the S networks are this many treatments of S/arms seeds, one treatment after the other;
    the treatments of a seed see the same batches. Raises ValueError when S/arms is no whole number.
    A loss that is not finite does not stop the other seeds: its seed's record shows NaN.
    """
    history, batches = History(), _Batches(x, labels, batch_size, arms, generator)
    base_rates = [group["lr"] for group in optimizer.param_groups]
    nets.train()
    if measure:
        history.add(0, measure())
    for step in range(steps):
        if schedule:
            for group, rate in zip(optimizer.param_groups, base_rates, strict=True):
                group["lr"] = rate * schedule(step)
        batch, targets = batches.draw()
        batch = augment(batch, generator) if augment else batch
        optimizer.zero_grad()
        total = loss(nets(batch), targets)
        (total + penalty() if penalty else total).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if after_step:
            after_step(step + 1)
        if measure and ((step + 1) % every == 0 or step + 1 == steps):
            history.add(step + 1, measure())
    return history


class _Batches:
    """Minibatches (S, B, D) and their labels (S, B), drawn with replacement; arms draw the same."""

    def __init__(
        self, x: Tensor, labels: Tensor, size: int, arms: int, generator: torch.Generator
    ) -> None:
        count, self.n = x.shape[:2]
        if arms < 1 or count % arms:
            raise ValueError(f"arms divides the number of networks, {count}; got {arms}")
        self.shape, self.arms, self.generator = (count // arms, size), arms, generator
        self.flat = x.flatten(0, 1), labels.flatten(0, 1)  # (S·n, D), (S·n,)
        self.first = self.n * torch.arange(count)[:, None]  # (S, 1): where a seed begins in `flat`

    def draw(self) -> list[Tensor]:
        picked = torch.randint(self.n, self.shape, generator=self.generator)
        picked = picked.repeat(self.arms, 1)  # (S, B)
        index = (self.first + picked).flatten()  # whole rows, faster than x[seeds, picked]
        return [f.index_select(0, index).view(picked.shape + f.shape[1:]) for f in self.flat]


def _mix(seeds: Sequence[int], stream: int) -> int:
    """A seed for torch from course seeds and a stream number, well spread over 63 bits."""
    words = np.random.SeedSequence([*seeds, stream]).generate_state(2)
    return int(words[0]) << 31 | int(words[1]) >> 1
