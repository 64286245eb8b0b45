"""Lesson 05: accuracy over learning rates, weights and batch sizes, all networks in one batch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import nets
from helpers.normalization import BATCH, WIDTH, load_split

Array = NDArray[np.float64]


def train_copies(
    factors: Sequence[float],
    apply: Callable[[nets.MLPs, Tensor], dict[str, Callable[..., Tensor]]],
    *,
    norm: str | None,
    seeds: Sequence[int],
    lr: float = 1.0,
    steps: int = 100,
) -> Array:
    """Test accuracy (len(factors), S) of ReLU networks that differ in one factor, in one batch.

    `apply(nets, factors)` gets the networks and one factor for each, (copies · S,); it may change
    the weights, and gives what `nets.train` shall use, such as {"loss": …}. A seed's data is the
    same in all copies.
    """
    copies, count = len(factors), len(seeds)
    x, y, x_test, y_test = (part.repeat(copies, *[1] * (part.dim() - 1))
                            for part in load_split(tuple(seeds)))  # fmt: skip
    made = nets.MLPs([64, *[WIDTH] * 4, 10], seeds=[*seeds] * copies, norm=norm)
    each = torch.tensor(np.repeat(factors, count), dtype=torch.float32)
    optimizer = nets.make_optimizer(made.parameters(), "sgd", lr=lr)
    generator = torch.Generator().manual_seed(seeds[0])
    settings = apply(made, each)
    nets.train(
        made, x, y, steps=steps, optimizer=optimizer, generator=generator, batch_size=BATCH,
        arms=copies, **settings,  # type: ignore[arg-type]
    )  # fmt: skip
    return nets.accuracy(made, x_test, y_test).reshape(copies, count)


def sweep_rates(rates: Sequence[float], norm: str | None, *, seeds: Sequence[int]) -> Array:
    """Test accuracy (rates, S) after 100 steps with each learning rate.

    The rate multiplies the loss of its network; SGD cannot tell that from a learning rate.
    """

    def scale_loss(_: nets.MLPs, rate: Tensor) -> dict[str, Callable[..., Tensor]]:
        return {"loss": lambda logits, labels: rate * nets.cross_entropy(logits, labels)}

    return train_copies(rates, scale_loss, norm=norm, seeds=seeds)


def scale_hidden(made: nets.MLPs, std: Tensor) -> None:
    """Gives the hidden weights of He's networks these stds, (S,).

    The output layer has no normalization behind it: it keeps He's weights.
    """
    with torch.no_grad():
        for weights in list(made.weights)[:-1]:
            weights *= std[:, None, None] / (2 / weights.shape[1]) ** 0.5


def sweep_stds(stds: Sequence[float], norm: str | None, *, seeds: Sequence[int]) -> Array:
    """Test accuracy (stds, S) after 100 steps of rate 0.1 from hidden weights of each std."""

    def scale_weights(made: nets.MLPs, std: Tensor) -> dict[str, Callable[..., Tensor]]:
        scale_hidden(made, std)
        return {}

    return train_copies(stds, scale_weights, norm=norm, seeds=seeds, lr=0.1)


def grow_in_one_step(std: float, *, seeds: Sequence[int]) -> Array:
    """By what the norms of the hidden layers' weights grow in the first step, (4, S): batch norm.

    The networks and the learning rate are those of `sweep_stds`.
    """
    x, y, _, _ = load_split(tuple(seeds))
    made = nets.MLPs([64, *[WIDTH] * 4, 10], seeds=seeds, norm="batch")
    scale_hidden(made, torch.full((len(seeds),), std))
    norms = [torch.stack([w.detach().norm(dim=(1, 2)) for w in list(made.weights)[:-1]])]
    optimizer = nets.make_optimizer(made.parameters(), "sgd", lr=0.1)
    generator = torch.Generator().manual_seed(seeds[0])
    nets.train(made, x, y, steps=1, optimizer=optimizer, generator=generator, batch_size=BATCH)
    norms.append(torch.stack([w.detach().norm(dim=(1, 2)) for w in list(made.weights)[:-1]]))
    return (norms[1] / norms[0]).double().numpy()


def sweep_batch_sizes(
    sizes: Sequence[int], norm: str | None, *, seeds: Sequence[int], steps: int = 120
) -> Array:
    """Test accuracy (sizes, S) of ReLU networks after as many updates with each batch size."""
    x, y, x_test, y_test = load_split(tuple(seeds))
    found = []
    for size in sizes:
        made = nets.MLPs([64, WIDTH, WIDTH, WIDTH, 10], seeds=seeds, norm=norm)
        optimizer = nets.make_optimizer(made.parameters(), "sgd", lr=0.05)
        generator = torch.Generator().manual_seed(seeds[0])
        nets.train(
            made, x, y, steps=steps, optimizer=optimizer, generator=generator, batch_size=size
        )
        found.append(nets.accuracy(made, x_test, y_test))
    return np.array(found)
