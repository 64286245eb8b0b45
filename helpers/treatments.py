"""What each setting of the capstone's recipe does: draws, optimizer, schedule, inputs, loss."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers import nets
from helpers.recipe import EPOCHS, LAYERS, SIZES

SIDE = 16
PIXEL_FLOOR = 0.01  # added to the std that divides: constant pixels and blank images stay small
STEP_EPOCHS = (8, 12)  # schedule "step": a tenth of the learning rate after each of these


def make_models(settings: Mapping[str, Any], seeds: Sequence[int]) -> nets.MLPs:
    """The networks, drawn as settings["init"] says: one scheme or std for all layers, or a list."""
    norm = None if settings["norm"] == "none" else settings["norm"]
    models = nets.MLPs(
        SIZES, seeds=seeds, init="zeros", norm=norm,
        dropout=settings["dropout"], input_dropout=settings["input_dropout"],
    )  # fmt: skip
    init = settings["init"]
    schemes = init if isinstance(init, list) else [init] * LAYERS
    for index, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(nets._mix([seed], 0))
        for weights, scheme in zip(models.weights, schemes, strict=True):
            _, fan_in, fan_out = weights.shape
            drawn = nets.draw_weights(fan_in, fan_out, scheme, generator=generator)
            weights.data[index] = drawn  # (fan_in, fan_out)
    return models


def make_optimizer(settings: Mapping[str, Any], models: nets.MLPs) -> torch.optim.Optimizer:
    """torch's optimizer; weight decay acts on weight matrices, not on biases, gains and shifts.

    "fused" is torch's own kernel for the whole update: the same formula in a third of the time.
    """
    weights = list(models.weights)
    known = {id(w) for w in weights}
    rest = [p for p in models.parameters() if id(p) not in known]
    groups = [
        {"params": weights, "weight_decay": settings["weight_decay"], "fused": True},
        {"params": rest, "weight_decay": 0.0, "fused": True},
    ]
    return nets.make_optimizer(
        groups, settings["optimizer"], lr=settings["learning_rate"], momentum=settings["momentum"]
    )


def make_schedule(settings: Mapping[str, Any], steps: int) -> Callable[[int], float]:
    """The factor of the learning rate at a step, counted from 0; an epoch has `steps` of them."""
    shape, total = settings["schedule"], EPOCHS * steps
    warm = settings["warmup"] * steps

    def factor(step: int) -> float:
        epoch = step // steps
        if shape == "cosine":
            value = (1 + math.cos(math.pi * step / total)) / 2
        elif shape == "step":
            value = 0.1 ** sum(epoch >= e for e in STEP_EPOCHS)
        else:
            value = 1.0 if shape == "constant" else shape[epoch]
        return float(value * min(1.0, (step + 1) / warm)) if warm else float(value)

    return factor


def input_scaler(kind: str, x_train: Tensor) -> Callable[[Tensor], Tensor]:
    """What is done to pixels (…, 256): nothing ("raw"), or standardize by "pixel" or by "image"."""
    mean, std = x_train.mean(0), x_train.std(0)

    def by_image(x: Tensor) -> Tensor:
        centered = x - x.mean(-1, keepdim=True)
        return centered / (x.std(-1, keepdim=True) + PIXEL_FLOOR)

    if kind == "image":
        return by_image
    if kind == "pixel":
        return lambda x: (x - mean) / (std + PIXEL_FLOOR)
    return lambda x: x


def augment(images: Tensor, settings: Mapping[str, Any], generator: torch.Generator) -> Tensor:
    """Images (n, 256), each turned, moved, zoomed and made noisy at random, within ± settings.

    Pixels from outside are those of the border.
    """
    n = len(images)
    if any(settings[name] for name in ("rotate", "shift", "zoom")):
        around = [2 * torch.rand(n, generator=generator) - 1 for _ in range(4)]  # in [−1, 1)
        angle = around[0] * math.radians(settings["rotate"])
        zoom = 1 + around[1] * settings["zoom"]
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        right, down = (a * settings["shift"] * 2 / SIDE for a in around[2:])
        rows = torch.stack([cos, -sin, right]), torch.stack([sin, cos, down])
        maps = torch.stack(rows).permute(2, 0, 1)  # (n, 2, 3)
        grid = F.affine_grid(maps, [n, 1, SIDE, SIDE], align_corners=False)
        square = images.reshape(n, 1, SIDE, SIDE)
        images = F.grid_sample(square, grid, padding_mode="border", align_corners=False)
        images = images.reshape(n, -1)
    if settings["pixel_noise"]:
        images = images + settings["pixel_noise"] * torch.randn(images.shape, generator=generator)
    return images


def smooth_cross_entropy(logits: Tensor, labels: Tensor, settings: Mapping[str, Any]) -> Tensor:
    """The mean cross-entropy of each network, (S,), with smoothed labels (Szegedy et al. 2016)."""
    smoothing = settings["label_smoothing"]
    count, n, classes = logits.shape
    flat, wanted = logits.reshape(-1, classes), labels.reshape(-1)
    each = F.cross_entropy(flat, wanted, reduction="none", label_smoothing=smoothing)
    return each.reshape(count, n).mean(1)
