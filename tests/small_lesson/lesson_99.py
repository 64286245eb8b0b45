"""The exercises of the small lesson: a number, an array, and random masks."""

from dataclasses import replace

import numpy as np

from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises import lesson_04


def _he_std(fan_in: int) -> float:
    return float(np.sqrt(2 / fan_in))


def _standardize(x: np.ndarray, eps: float) -> np.ndarray:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)


HE_STD = Exercise(
    id="99.1",
    title="The standard deviation of He's scheme",
    function="he_std",
    points=2,
    oracle=_he_std,
    mistakes={
        "You returned the variance.": lambda n: 2 / n,
        "You forgot the 2.": lambda n: 1 / np.sqrt(n),
        "You multiplied by fan_in.": lambda n: np.sqrt(2 * n),
    },
    probes=lambda rng: {  # all different: an answer may remember the calls before
        "narrow": [(int(n),) for n in rng.choice(np.arange(2, 20), 3, replace=False)],
        "wide": [(int(n),) for n in rng.choice(np.arange(100, 2000), 3, replace=False)],
    },
)
STANDARDIZE = Exercise(
    id="99.2",
    title="Standardize a batch",
    function="standardize",
    points=4,
    oracle=_standardize,
    mistakes={
        "You forgot eps.": lambda x, eps: _standardize(x, 0.0),
        "You took the wrong axis.": lambda x, eps: _standardize(x.T, eps).T,
        "You did not subtract the mean.": lambda x, eps: x / np.sqrt(x.var(axis=0) + eps),
    },
    probes=lambda rng: [
        (rng.normal(2, 3, (int(rng.integers(3, 9)), 4)), float(e)) for e in (0.1, 0.01, 0.5)
    ],
)
LESSON = Lesson(
    number="99",
    name="small",
    title="A small lesson",
    minutes=5,
    exercises=(HE_STD, STANDARDIZE, replace(lesson_04.DROPOUT_MASK, id="99.3")),
    written=(Written(id="99.w", title="Why twice?", rubric={"half of the inputs are zero": 2}),),
)
