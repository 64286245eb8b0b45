"""New images of each class from its few: of a fitted Gaussian or PPCA, or of a transform."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.augmentation import CLASSES, Canvas, Policy
from helpers.augmented import Arm

Sampler = Callable[[Tensor, int, torch.Generator], Tensor]


def gaussian(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draws (count, D) from the normal distribution with the mean and covariance of (n, D).

    Random combinations of the n centered images have exactly that covariance.
    """
    mean, n = images.mean(0), len(images)
    weights = torch.randn(count, n, generator=generator) / (n - 1) ** 0.5
    return mean + weights @ (images - mean)


def ppca(kept: int) -> Sampler:
    """Probabilistic PCA: `kept` directions, the same variance in all others.

    Tipping & Bishop (1999), eqs. 7 and 8. Raises ValueError for a class of too few images.
    """

    def sample(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
        n, width = images.shape
        if not 0 < kept < n:
            raise ValueError(f"kept is below the number of images, {n}, and positive; got {kept}")
        mean = images.mean(0)
        _, sizes, directions = torch.linalg.svd(images - mean, full_matrices=False)
        variances = sizes**2 / n
        rest = variances[kept:].sum() / (width - kept)
        stds = (variances[:kept] - rest).clamp(min=0).sqrt()
        inside = torch.randn(count, kept, generator=generator) * stds
        noise = torch.randn(count, width, generator=generator)
        return mean + inside @ directions[:kept] + rest.sqrt() * noise

    return sample


def transformed(policy: Policy) -> Sampler:
    """No model: each of the images in turn, changed by the policy."""

    def sample(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return policy(images[torch.arange(count) % len(images)], generator)

    return sample


def half_generated(canvas: Canvas, sampler: Sampler, *, times: int, seed: int) -> Arm:
    """Each training image `times` times, and as many generated ones of the same class beside it."""
    generator = torch.Generator().manual_seed(seed)
    x, y = canvas.x_train, canvas.y_train
    new, labels = torch.empty_like(x).repeat(1, times, 1), y.repeat(1, times)
    for s in range(len(x)):
        for c in range(CLASSES):
            rows = (labels[s] == c).nonzero().squeeze(1)
            new[s, rows] = sampler(x[s][y[s] == c], len(rows), generator)
    return Arm(torch.cat([x.repeat(1, times, 1), new], 1), torch.cat([labels, labels], 1))
