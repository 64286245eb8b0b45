"""The judge of lesson 11: a recipe is trained again, and earns the thresholds that it reaches.

Here on the validation images with published seeds; grading does the same with secret seeds, on
images that are not in the learner's package (helpers/instructor/hidden_test.py).
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from helpers.judges import Call, Property, Unfit, as_part, at_least
from helpers.recipe import FAMILIES, RecipeError, complete, treated

THRESHOLDS = (0.70, 0.74, 0.77, 0.80, 0.83, 0.85)
PUBLISHED_SEEDS = (0, 1, 2)
Settings = dict[str, Any]
Score = Callable[[Settings, tuple[int, ...]], float]


def recipe(calls: Sequence[Call]) -> list[Property]:
    """Mean validation accuracy of a recipe over the published seeds, against each threshold."""
    return judge_recipe(calls[0].output, PUBLISHED_SEEDS, on_validation, "validation")


def judge_recipe(answer: Any, seeds: tuple[int, ...], score: Score, images: str) -> list[Property]:
    """The properties of a recipe by a score in [0, 1]; `images` are "validation" or "test".

    Raises Unfit when it is no recipe, or when its training diverges.
    """
    try:
        settings = complete(answer)
        accuracy = score(settings, seeds)
    except RecipeError as error:
        raise Unfit("value", str(error)) from error
    except ArithmeticError as error:
        raise Unfit("non-finite", str(error)) from error
    found = []
    for threshold in THRESHOLDS:
        reached = [at_least(f"{images} accuracy", accuracy, threshold)]
        if threshold == THRESHOLDS[-1]:
            reached.append(_all_families(treated(settings)))
        found += as_part(f"{100 * threshold:.0f} %", *reached)
    return found


def _all_families(found: Sequence[str]) -> Property:
    """Whether all families are treated; its name says which are not."""
    left = [family for family in FAMILIES if family not in found]
    told = f" (not yet: {', '.join(left)})" if left else ""
    return at_least(f"families treated, for the last point{told}", len(found), len(FAMILIES))


def on_validation(settings: Settings, seeds: tuple[int, ...]) -> float:
    """The mean accuracy on the bundled validation images."""
    return _trained(json.dumps(settings), seeds)


@lru_cache(maxsize=32)
def _trained(settings: str, seeds: tuple[int, ...]) -> float:
    from helpers.capstone import train  # torch: only when a recipe is there to be trained

    return float(np.mean(train(json.loads(settings), seeds=seeds).score))
