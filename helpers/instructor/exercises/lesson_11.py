"""Lesson 11, the capstone: interactions of treatments, and a recipe that is trained again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from helpers.compare import Judged
from helpers.instructor.exercise import Exercise, Lesson, Probe, Written
from helpers.judges.lesson_11 import THRESHOLDS

Array = NDArray[np.float64]

# 11.1 do two treatments help each other


def _by_regression(neither: Array, first: Array, second: Array, both: Array) -> tuple[float, float]:
    """The coefficient of the product in a saturated linear model, seed by seed."""
    design = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]], dtype=float)
    outcomes = np.stack([neither, first, second, both])  # (4, S)
    effect = np.linalg.lstsq(design, outcomes, rcond=None)[0][3]  # (S,)
    return float(effect.mean()), float(stats.sem(effect))


def _interaction(n: Array, f: Array, s: Array, b: Array) -> Array:
    return np.asarray(b - f - s + n)


def _told(effect: Array, error: Any = stats.sem) -> tuple[float, float]:
    return float(effect.mean()), float(error(effect))


def _unpaired(n: Array, f: Array, s: Array, b: Array) -> tuple[float, float]:
    variance = sum(x.var(ddof=1) for x in (n, f, s, b))
    return float(_interaction(n, f, s, b).mean()), float(np.sqrt(variance / len(n)))


def _draw_scores(rng: np.random.Generator, seeds: int, *, shared: float) -> Probe:
    """Four scores of the same seeds; `shared` is how much of the spread a seed has in all four."""
    luck = rng.normal(0, shared, seeds)
    centers = rng.uniform(0.45, 0.85, 4)
    return tuple(np.round(c + luck + rng.normal(0, 0.03, seeds), 3) for c in centers)


def _interaction_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    sizes = [3, *rng.integers(4, 16, 5).tolist()]
    return {
        "two seeds": [_draw_scores(rng, 2, shared=0.05) for _ in range(3)],
        "more seeds": [_draw_scores(rng, n, shared=0.01) for n in sizes[:3]],
        "lucky and unlucky seeds": [_draw_scores(rng, n, shared=0.1) for n in sizes[3:]],
    }


INTERACTION = Exercise(
    id="11.1",
    title="Do two treatments help each other?",
    function="interaction",
    points=2,
    oracle=_by_regression,
    mistakes={
        "You compare both treatments with none. That is their total effect; asked is what is left "
        "of it after each treatment's own effect is taken away.": (lambda n, f, s, b: _told(b - n)),
        "That is the effect of the second treatment with the first. The interaction takes away its "
        "effect without it: second − neither.": lambda n, f, s, b: _told(b - f),
        "That is the effect of the first treatment with the second. The interaction takes away its "
        "effect without it: first − neither.": lambda n, f, s, b: _told(b - s),
        "You take away the scores of the single treatments, not their effects: `neither` is "
        "missing, so the baseline is taken away twice and added once only.": (
            lambda n, f, s, b: _told(b - f - s)
        ),
        "You take away `neither`; its sign is wrong. Each effect is a score minus `neither`: who "
        "takes two of them away from a third takes `neither` away once and gives it back twice.": (
            lambda n, f, s, b: _told(b - f - s - n)
        ),
        "You take the two effects away from the score of both, not from its effect: `neither` is "
        "given back twice, and not taken away once.": lambda n, f, s, b: _told(b - f - s + 2 * n),
        "You add the two effects of the second treatment, with the first one and without it. The "
        "interaction is their difference.": lambda n, f, s, b: _told(b - f + s - n),
        "You add the two effects of the first treatment, with the second one and without it. The "
        "interaction is their difference.": lambda n, f, s, b: _told(b + f - s - n),
        "That is minus the sum of the two effects of the second treatment, with the first one and "
        "without it. The interaction is a difference: the one with it minus the one without.": (
            lambda n, f, s, b: _told(f - b + n - s)
        ),
        "That is minus the sum of the two effects of the first treatment, with the second one and "
        "without it. The interaction is a difference: the one with it minus the one without.": (
            lambda n, f, s, b: _told(s - b + n - f)
        ),
        "You compare both treatments with the mean of the single ones. The interaction compares "
        "effects, scores minus `neither`, and takes away both.": (
            lambda n, f, s, b: _told(b - (f + s) / 2)
        ),
        "You compare both treatments with the better one of each seed. The interaction compares "
        "effects, scores minus `neither`, and takes away both.": (
            lambda n, f, s, b: _told(b - np.maximum(f, s))
        ),
        "Your two values are half as large as asked, as where the interaction is a mean of two "
        "differences. Here it is one difference of two effects.": (
            lambda n, f, s, b: _told(_interaction(n, f, s, b) / 2)
        ),
        "Your sign is reversed: two treatments that do more together than their effects add up "
        "to have a positive interaction.": lambda n, f, s, b: _told(-_interaction(n, f, s, b)),
        "Your second value is the standard deviation over seeds. The standard error of the mean "
        "is smaller by the root of the number of seeds.": (
            lambda n, f, s, b: _told(_interaction(n, f, s, b), lambda e: e.std(ddof=1))
        ),
        "Your standard deviation divides by S. With few seeds that is too small: divide by "
        "S − 1 (ddof=1).": (
            lambda n, f, s, b: _told(_interaction(n, f, s, b), lambda e: stats.sem(e, ddof=0))
        ),
        "Your standard error treats the four runs of a seed as if they had different seeds. They "
        "are paired: form the interaction of each seed first, then look how it scatters.": (
            _unpaired
        ),
        "You divide by the number of seeds, not by its root.": (
            lambda n, f, s, b: _told(_interaction(n, f, s, b), lambda e: e.std(ddof=1) / len(e))
        ),
        "ddof=1 divides by S − 1 already; the root under s is that of S.": (
            lambda n, f, s, b: _told(
                _interaction(n, f, s, b), lambda e: e.std(ddof=1) / np.sqrt(len(e) - 1)
            )
        ),
        "You swapped the two results: return the mean first, then its standard error.": (
            lambda n, f, s, b: _told(_interaction(n, f, s, b))[::-1]
        ),
        "You return the interaction of each seed. Return two numbers: the mean over the seeds, and "
        "the standard error of that mean.": _interaction,
        "You return the mean only. Return a tuple: mean and standard error.": (
            lambda n, f, s, b: float(_interaction(n, f, s, b).mean())
        ),
    },
    probes=_interaction_probes,
)

# 11.2 the recipe


REFERENCE = {
    "init": "he",
    "inputs": "image",
    "norm": "layer",
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "warmup": 1,
    "rotate": 12,
    "shift": 1,
    "zoom": 0.1,
    "label_smoothing": 0.1,
}


class Entry:
    """Stands for what `book.run` returns: told apart by the name of its type."""


def _classifier() -> Any:
    from sklearn.svm import SVC

    return SVC()


RECIPE = Exercise(
    id="11.2",
    title="The recipe that you hand in",
    function="recipe",
    points=len(THRESHOLDS),
    oracle=lambda: dict(REFERENCE),
    mistakes={
        "Fifteen epochs are all there is, for everybody. The trainer has no argument for more, "
        "and grading trains your recipe again.": lambda: {"epochs": 60},
        "A wider network is another patient. Everybody mends the same one, 256-256-128-64-10: "
        "leave out the widths.": lambda: {**REFERENCE, "widths": [1024, 512]},
        "You hand in a fitted classifier of scikit-learn. What counts is a recipe for the "
        "course's own network: a dict of settings.": _classifier,
        "You hand in predictions or weights. What counts is a recipe, a dict of settings: "
        "grading trains the network itself.": lambda: np.zeros(297, dtype=int),
        "You hand in a run. Return its settings: the dict that you gave to book.run.": Entry,
    },
    probes=lambda rng: [()],
    compare=Judged("lesson_11.recipe"),
    graded_by="helpers.instructor.hidden_test.recipe",
    open_ended=True,
)

CONCLUSION = Written(
    id="11.conclusion",
    title="What was wrong with the patient, and how you know",
    rubric={
        "Says what was tried, also what failed, with figures from the lab book (half a point), "
        "and draws from the ablation only conclusions that its differences and their spread "
        "over seeds support, with what remains uncertain (half a point).": 1,
    },
)
METHOD = Written(
    id="11.method",
    title="Half a page on a method that is not in the lessons",
    rubric={
        "Names a method that the lessons do not treat, with its source, and says how it works in "
        "a formula or steps (half a point); says why it should narrow the gap between training "
        "and generalization error, when it should not, and which run would test it here "
        "(half a point).": 1,
    },
)

LESSON = Lesson(
    number="11",
    name="capstone",
    title="Capstone: mend a sick network",
    minutes=120,
    exercises=(INTERACTION, RECIPE),
    written=(CONCLUSION, METHOD),
)
