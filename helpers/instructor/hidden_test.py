"""How a recipe of the capstone is graded: trained again here, with secret seeds, on hidden images.

Nothing of this runs where a learner's code runs. The test part is made from scikit-learn's digits
when it is needed, and is in no file.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from helpers.instructor.hard_digits import parts
from helpers.judges import Call, Property
from helpers.judges.lesson_11 import judge_recipe


def recipe(calls: Sequence[Call], seeds: tuple[int, ...]) -> list[Property]:
    """Mean accuracy of a recipe on the hidden test images, against each threshold."""
    return judge_recipe(calls[0].output, seeds, on_test, "test")


def on_test(settings: dict[str, Any], seeds: tuple[int, ...]) -> float:
    """The mean accuracy over the seeds on the hidden test images."""
    return float(np.mean(test_scores(json.dumps(settings), seeds)))


@lru_cache(maxsize=32)
def test_scores(settings: str, seeds: tuple[int, ...]) -> tuple[float, ...]:
    """The accuracy of each seed's network on the hidden test images; settings are JSON."""
    from helpers import capstone

    _, _, test = parts()
    run = capstone.train(json.loads(settings), seeds=seeds, extra=capstone.to_pixels(test.images))
    scores = (run.extra == test.labels).mean(1)  # (S,)
    return tuple(float(score) for score in scores)
