"""Lesson 01, initialization: its exercises. Those on many layers are in `lesson_01_more.py`."""

import math

import numpy as np
import torch

from helpers.instructor.exercise import Exercise, Lesson, Written
from helpers.instructor.exercises.lesson_01_more import EXERCISES as MORE

SCHEMES = ("lecun", "xavier", "he")


def _torch_std(scheme: str, fan_in: int, fan_out: int) -> float:
    """LeCun and He from PyTorch's gains, Xavier from Glorot & Bengio 2010, eq. 12."""
    if scheme == "xavier":
        return math.sqrt(2 / (fan_in + fan_out))
    gain = torch.nn.init.calculate_gain("relu" if scheme == "he" else "linear")
    return gain / math.sqrt(fan_in)


def _probe_schemes(rng: np.random.Generator) -> dict[str, list[tuple[str, int, int]]]:
    """Each scheme is a part: wide and narrow layers, an odd sum of fans, a single unit."""

    def draw(scheme: str) -> list[tuple[str, int, int]]:
        sizes = [(int(a), int(b)) for a, b in rng.integers(2, 500, (2, 2))]
        odd, few, many = (int(v) for v in rng.integers((2, 2, 3), (250, 9, 60)))
        sizes += [(2 * odd, 2 * odd - 1), (1, few), (many, 1)]
        return [(scheme, a, b + (a == b)) for a, b in sizes]

    return {scheme: draw(scheme) for scheme in SCHEMES}


INIT_STD = Exercise(
    id="01.1",
    title="The standard deviation of each scheme",
    function="init_std",
    points=2,
    oracle=_torch_std,
    mistakes={
        "You returned the variance; the standard deviation is its square root.": lambda s, i, o: (
            _torch_std(s, i, o) ** 2
        ),
        "You swapped fan_in and fan_out: LeCun and He count the inputs of a unit.": (
            lambda s, i, o: _torch_std(s, o, i)
        ),
        "Your He counts fan_out; the forward condition counts the inputs of a unit, fan_in.": (
            lambda s, i, o: _torch_std(s, o, i) if s == "he" else _torch_std(s, i, o)
        ),
        "For He you forgot the 2: a ReLU passes on half of the mean square, and the 2 makes up "
        "for it.": lambda s, i, o: _torch_std("lecun" if s == "he" else s, i, o),
        "Your Xavier uses fan_in only, which is He's formula; Xavier's denominator is "
        "fan_in + fan_out.": lambda s, i, o: _torch_std("he" if s == "xavier" else s, i, o),
        "The 2 of Xavier and He belongs under the square root: it is a factor of the variance.": (
            lambda s, i, o: _torch_std(s, i, o) * (1 if s == "lecun" else math.sqrt(2))
        ),
        "Your Xavier is √(1/(fan_in + fan_out)); the variance is 2/(fan_in + fan_out), one over "
        "the mean of the two fans.": lambda s, i, o: (
            _torch_std(s, i, o) / (math.sqrt(2) if s == "xavier" else 1)
        ),
        "Your Xavier is √(6/(fan_in + fan_out)), the bound a of its uniform version U[−a, a]. The "
        "std is a/√3, √(2/(fan_in + fan_out)).": lambda s, i, o: (
            _torch_std(s, i, o) * (math.sqrt(3) if s == "xavier" else 1)
        ),
        "You returned the bounds a of the uniform versions U[−a, a], √3 times the std.": (
            lambda s, i, o: _torch_std(s, i, o) * math.sqrt(3)
        ),
    },
    probes=_probe_schemes,
)


def _bound(scheme: str, fan_in: int, fan_out: int) -> float:
    """Glorot & Bengio 2010, eq. 16; He et al. 2015, section 2.2; LeCun et al. 2012, section 4.6."""
    terms = {"lecun": (3, fan_in), "xavier": (6, fan_in + fan_out), "he": (6, fan_in)}
    numerator, denominator = terms[scheme]
    return math.sqrt(numerator / denominator)


UNIFORM_BOUND = Exercise(
    id="01.2",
    title="The uniform version of each scheme",
    function="uniform_bound",
    points=1,
    oracle=_bound,
    mistakes={
        "You returned the std itself. U[−a, a] has the variance a²/3: its std is smaller than a.": (
            lambda s, i, o: _bound(s, i, o) / math.sqrt(3)
        ),
        "For LeCun you used √(1/fan_in), a common misprint: U[−a, a] then has the variance "
        "1/(3·fan_in), a third of what it should be.": lambda s, i, o: (
            _bound(s, i, o) / (math.sqrt(3) if s == "lecun" else 1)
        ),
        "You used a²/12, the variance of an interval of length a; [−a, a] has the length 2a.": (
            lambda s, i, o: _bound(s, i, o) * 2
        ),
        "The 3 belongs under the square root: a = √3·std, not 3·std.": lambda s, i, o: (
            _bound(s, i, o) * math.sqrt(3)
        ),
        "You turned the relation round: a²/3 is the variance, so a = √(3·variance), not "
        "√(variance/3). The bound is larger than the std.": lambda s, i, o: _bound(s, i, o) / 3,
        "You swapped fan_in and fan_out.": lambda s, i, o: _bound(s, o, i),
    },
    probes=_probe_schemes,
)


def _measure_ratio(scheme: str, fan_in: int, fan_out: int) -> tuple[float, float]:
    """Exact for one matrix whose entries all have the scheme's size: its two Gram diagonals."""
    w = np.full((fan_in, fan_out), _bound(scheme, fan_in, fan_out) / math.sqrt(3))
    return float((w**2).sum(0)[0]), float((w**2).sum(1)[0])


VARIANCE_RATIO = Exercise(
    id="01.3",
    title="What one layer does to the variance, forward and backward",
    function="variance_ratio",
    points=1,
    oracle=_measure_ratio,
    mistakes={
        "You returned (backward, forward); forward comes first.": lambda s, i, o: _measure_ratio(
            s, i, o
        )[::-1],
        "These are factors of the std; square them to get those of the variance.": (
            lambda s, i, o: tuple(math.sqrt(r) for r in _measure_ratio(s, i, o))
        ),
        "You used fan_in for both ways. Backward, a unit's gradient is a sum over the fan_out "
        "units that it feeds.": lambda s, i, o: (_measure_ratio(s, i, o)[0],) * 2,
        "You took ReLU's half into account. Asked is the linear layer alone, z = hW.": (
            lambda s, i, o: tuple(r / (2 if s == "he" else 1) for r in _measure_ratio(s, i, o))
        ),
        "You multiplied the fans by a std; the formulas need the weights' variance.": (
            lambda s, i, o: (i * _torch_std(s, i, o), o * _torch_std(s, i, o))
        ),
        "You returned how large the variance is, without the number of terms in the sum: "
        "multiply by the fan.": lambda s, i, o: (_torch_std(s, i, o) ** 2,) * 2,
    },
    probes=_probe_schemes,
)

LESSON = Lesson(
    number="01",
    name="initialization",
    title="Initialization and activation histograms",
    minutes=100,
    exercises=(INIT_STD, UNIFORM_BOUND, VARIANCE_RATIO, *MORE),
    written=(
        Written(
            id="01.w",
            title="fan_in differs from fan_out: which condition would you give up?",
            rubric={
                "names what happens to the other direction, with the factor fan_out/fan_in": 1,
                "chooses for a stated reason and says when the choice hardly matters": 1,
            },
        ),
    ),
)
