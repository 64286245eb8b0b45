"""Lesson 01, initialization: its exercises."""

import math

import numpy as np
import torch

from helpers.instructor.exercise import Exercise, Lesson, Written


def _torch_std(scheme: str, fan_in: int, fan_out: int) -> float:
    if scheme == "xavier":
        return math.sqrt(2 / (fan_in + fan_out))
    gain = {"lecun": "linear", "he": "relu"}[scheme]
    return torch.nn.init.calculate_gain(gain) / math.sqrt(fan_in)


INIT_STD = Exercise(
    id="01.1",
    title="The standard deviation of each scheme",
    function="init_std",
    points=2,
    oracle=_torch_std,
    mistakes={
        "You returned the variance; its square root is the standard deviation.": lambda s, i, o: (
            _torch_std(s, i, o) ** 2
        ),
        "You swapped fan_in and fan_out.": lambda s, i, o: _torch_std(s, o, i),
        "For He you forgot the 2: half of a ReLU's inputs are zero.": lambda s, i, o: (
            _torch_std("lecun" if s == "he" else s, i, o)
        ),
    },
    probes=lambda rng: {
        scheme: [
            (scheme, int(rng.integers(2, 500)), int(rng.integers(2, 500))) for _ in range(4)
        ]
        for scheme in ("lecun", "xavier", "he")
    },
)

LESSON = Lesson(
    number="01",
    name="initialization",
    title="Initialization and activation histograms",
    minutes=75,
    exercises=(INIT_STD,),
    written=(Written(id="01.w", title="Which condition would you give up?", rubric={"x": 2}),),
)
