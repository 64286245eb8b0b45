"""The judge of a Monte Carlo estimate: near the exact value, and really drawn."""

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np

from helpers.compare import name_type
from helpers.judges import Call, Property, Unfit, Z, as_part, exactly, spread_of


def axis_probability(calls: Sequence[Call]) -> list[Property]:
    """Judges `axis_probability(radius, budget, draws, rng)`: the share of exact zeros under L1.

    Calls that differ only in their seed must not all agree; calls that agree in it must. No part
    holds for a constant.
    """
    estimates = [_number(call.output) for call in calls]
    near = [_near(problem, values) for problem, values in _by_problem(calls, estimates)]
    counts = [got * c.arguments[2] for got, c in zip(estimates, calls, strict=True)]
    farthest = max(abs(count - round(count)) for count in counts)
    drawn = _follow_rng(calls, estimates)
    return [
        *as_part("the probability", *near, *drawn),
        *as_part(
            "the draws",
            exactly("the estimate times draws is a whole number, off by", farthest, 0.0,
                    tolerance=1e-6),
            *drawn,
        ),
    ]  # fmt: skip


def _follow_rng(calls: Sequence[Call], estimates: Sequence[float]) -> list[Property]:
    """One seed, one estimate; over the seeds, estimates scatter as shares of coins do."""
    by_seed: dict[Any, set[float]] = {}
    for call, got in zip(calls, estimates, strict=True):
        radius, budget, draws, seed = call.arguments
        by_seed.setdefault((radius, budget, draws, seed.value), set()).add(got)
    fixed = all(len(values) == 1 for values in by_seed.values())
    problems = _by_problem(calls, estimates)
    (_, _, draws), values = max(problems, key=lambda item: len(item[1]))
    drawn = len(set(values)) > 1
    estimated = np.array(values)
    share = np.clip(estimated.mean(), 1 / draws, 1 - 1 / draws)
    squares = np.sum((estimated - estimated.mean()) ** 2) / (share * (1 - share) / draws)
    return [
        exactly("the same generator gives the same estimate (1 is yes)", fixed, 1.0),
        exactly("another generator gives another estimate (1 is yes)", drawn, 1.0),
        spread_of("the estimates' scatter over many generators", squares, dof=len(values) - 1),
    ]


Problem = tuple[float, float, int]  # radius, budget, draws


def _by_problem(
    calls: Sequence[Call], estimates: Sequence[float]
) -> Iterator[tuple[Problem, list[float]]]:
    """Each problem with one estimate a seed; a seed that comes twice is counted once."""
    by_problem: dict[Problem, dict[int, float]] = {}
    for call, got in zip(calls, estimates, strict=True):
        radius, budget, draws, seed = call.arguments
        by_problem.setdefault((radius, budget, draws), {})[seed.value] = got
    for problem, by_seed in by_problem.items():
        yield problem, list(by_seed.values())


def _near(problem: Problem, estimates: Sequence[float]) -> Property:
    """1 − (4/π) asin(s / (√2 R)) while s < R, else 0, within z standard errors of the mean."""
    radius, budget, draws = problem
    exact = 1 - 4 / np.pi * np.arcsin(budget / radius / np.sqrt(2)) if budget < radius else 0.0
    independent = len(estimates) if len(set(estimates)) > 1 else 1  # one that ignores rng is one
    error = np.sqrt(exact * (1 - exact) / (draws * independent))
    name = f"probability at radius {radius:.2f}, budget {budget:.2f}, {draws} draws"
    return Property(name, float(np.mean(estimates)), float(exact), Z * float(error) + 1e-9)


def _number(output: Any) -> float:
    value = output.item() if isinstance(output, np.ndarray) and output.ndim == 0 else output
    if not isinstance(value, Real):
        missing = ": is a `return` missing?" if output is None else ""
        raise Unfit("type", f"got {name_type(output)}, expected a number{missing}")
    if not np.isfinite(float(value)):
        raise Unfit("non-finite", "the estimate is NaN or infinite")
    return float(value)
