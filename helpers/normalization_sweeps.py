"""Lesson 05: accuracy over learning rates, weights and batch sizes, all networks in one batch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers import nets
from helpers.normalization import BATCH, WIDTH, batch_accuracy, load_split

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


def grow_in_one_step(std: float, *, norm: str = "batch", seeds: Sequence[int]) -> Array:
    """By what the norms of the hidden layers' weights grow in the first step, (4, S).

    The networks and the learning rate are those of `sweep_stds`.
    """
    before, after = _around_one_step(std, norm, _hidden_norms, seeds)
    return (after / before).double().numpy()


def share_between_images(std: float, *, norm: str, seeds: Sequence[int]) -> Array:
    """How much of the last hidden layer's mean square differs between images, from 0 to 1.

    Before and after the first step, (2, S), with the first 100 training images; the networks and
    the learning rate are those of `sweep_stds`.
    """
    x = load_split(tuple(seeds))[0][:, :100]

    @torch.no_grad()
    def measure(made: nets.MLPs) -> Tensor:
        made.train()
        last = made.layers(x)[-2]  # (S, 100, WIDTH)
        return last.var(1, correction=0).mean(-1) / last.square().mean((1, 2))

    return torch.stack(_around_one_step(std, norm, measure, seeds)).double().numpy()


def _hidden_norms(made: nets.MLPs) -> Tensor:
    return torch.stack([w.detach().norm(dim=(1, 2)) for w in list(made.weights)[:-1]])


def _around_one_step(
    std: float, norm: str, measure: Callable[[nets.MLPs], Tensor], seeds: Sequence[int]
) -> list[Tensor]:
    """What is measured of fresh networks, and again after one step of rate 0.1."""
    x, y, _, _ = load_split(tuple(seeds))
    made = nets.MLPs([64, *[WIDTH] * 4, 10], seeds=seeds, norm=norm)
    scale_hidden(made, torch.full((len(seeds),), std))
    found = [measure(made)]
    optimizer = nets.make_optimizer(made.parameters(), "sgd", lr=0.1)
    generator = torch.Generator().manual_seed(seeds[0])
    nets.train(made, x, y, steps=1, optimizer=optimizer, generator=generator, batch_size=BATCH)
    return [*found, measure(made)]


def sweep_batch_sizes(
    sizes: Sequence[int], norm: str | None, *, seeds: Sequence[int], steps: int = 120
) -> Array:
    """Test accuracy (sizes, S) of ReLU networks after as many updates with each batch size."""
    x_test, y_test = load_split(tuple(seeds))[2:]
    made = [train_in_batches(size, norm, seeds=seeds, steps=steps) for size in sizes]
    return np.array([nets.accuracy(networks, x_test, y_test) for networks in made])


def train_in_batches(
    size: int, norm: str | None, *, seeds: Sequence[int], steps: int = 120
) -> nets.MLPs:
    """64-32-32-32-10 ReLU networks after SGD of rate 0.05 in batches of `size`."""
    x, y = load_split(tuple(seeds))[:2]
    made = nets.MLPs([64, WIDTH, WIDTH, WIDTH, 10], seeds=seeds, norm=norm)
    optimizer = nets.make_optimizer(made.parameters(), "sgd", lr=0.05)
    generator = torch.Generator().manual_seed(seeds[0])
    nets.train(made, x, y, steps=steps, optimizer=optimizer, generator=generator, batch_size=size)
    return made


def look_into_batches(size: int, *, seeds: Sequence[int]) -> tuple[Array, Array]:
    """Networks with batch norm after training in batches of `size`: two numbers of each, (S,).

    By what the norm of the first layer's weights grew, and the test accuracy with the statistics
    of all test images in place of the running ones.
    """
    made = train_in_batches(size, "batch", seeds=seeds)
    fresh = train_in_batches(size, "batch", seeds=seeds, steps=0)
    grown = _hidden_norms(made)[0] / _hidden_norms(fresh)[0]
    x_test, y_test = load_split(tuple(seeds))[2:]
    own = batch_accuracy(made, x_test, y_test, size=x_test.shape[1])
    return grown.double().numpy(), own
