"""Lessons 00 to 03: answers that miss one edge of what a text promises, and unusual right ones.

Known mistakes of the exercises are tested in test_exercises.py; these are too rare to be named.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers.instructor.exercises import load_exercises
from helpers.instructor.solutions import load_solution
from helpers.judging import PASSED, WRONG
from tests.test_exercises import fresh_task, verdict_on

EXERCISES = {exercise.id: exercise for exercise in load_exercises()}
Answer = Callable[..., Any]


def standardize_first_constant(train: Any, test: Any) -> Any:
    std = train.std(0)
    std[np.flatnonzero(std == 0)[:1]] = 1
    return (train - train.mean(0)) / std, (test - train.mean(0)) / std


def whiten_above(floor: float) -> Answer:
    def whiten(x: Any) -> Any:
        centered = x - x.mean(0)
        values, vectors = np.linalg.eigh(centered.T @ centered / len(x))
        return centered @ vectors / np.sqrt(np.where(values < floor, 1, values))

    return whiten


def cut_tails(name: str, x: Any, alpha: float) -> Any:
    right = load_solution("00.4")
    far = (np.abs(x) > 4) & (name in ("silu", "elu"))
    return np.where(far, np.where(x > 0, x, 0 if name == "silu" else -alpha), right(name, x, alpha))


def maxout_from(start: float) -> Answer:
    def maxout(x: Any, weights: Any, biases: Any) -> Any:
        best = np.full((len(x), weights.shape[2]), start)
        for w, b in zip(weights, biases, strict=True):
            best = np.maximum(best, x @ w + b)
        return best

    return maxout


def penalty_of(counts: Callable[[int, Any], bool]) -> Answer:
    def penalty(parameters: Any, kind: str) -> float:
        weights = [p for i, p in enumerate(parameters) if counts(i, p)]
        return float(sum(np.abs(w).sum() if kind == "l1" else (w * w).sum() / 2 for w in weights))

    return penalty


def but(exercise_id: str, change: Callable[..., tuple[Any, ...]]) -> Answer:
    """The solution, asked with other arguments."""
    return lambda *arguments: load_solution(exercise_id)(*change(*arguments))


def squeezed(exercise_id: str) -> Answer:
    def answer(*arguments: Any) -> Any:
        found = load_solution(exercise_id)(*arguments)
        return (np.squeeze(found[0]), *found[1:]) if type(found) is tuple else np.squeeze(found)

    return answer


def lasso_unsorted(which: int) -> Answer:
    def lasso(X: Any, y: Any, lam: float, steps: int) -> Any:
        n, w = len(y), np.zeros(X.shape[1])
        step = 1 / np.linalg.eigvals(X.T @ X / n)[which]
        for _ in range(steps):
            z = w - step * X.T @ (X @ w - y) / n
            w = np.sign(z) * np.maximum(np.abs(z) - lam * step, 0)
        return w

    return lasso


def forward_in_place(x: Any, weights: Any, activation: str) -> Any:
    """Where the widths are equal, every layer is written into the same array."""
    outputs = load_solution("01.4")(x, weights, activation)
    return [outputs[-1] if h.shape == outputs[-1].shape else h for h in outputs]


def half_sum(scheme: str, fan_in: int, fan_out: int) -> float:
    if scheme == "xavier":
        return float((1 / ((fan_in + fan_out) // 2)) ** 0.5)
    return float(load_solution("01.1")(scheme, fan_in, fan_out))


MISSED: dict[str, Answer] = {
    "00.1 floor": lambda train, test: tuple(
        (x - train.min(0)) / np.maximum(np.ptp(train, 0), 1e-3) for x in (train, test)
    ),
    "00.2 one constant feature": standardize_first_constant,
    "00.3 floor of the variances": whiten_above(1e-3),
    "00.4 cut tails": cut_tails,
    "00.4 two axes at most": lambda name, x, a: (
        load_solution("00.4")(name, x, a) if x.ndim < 3 else x
    ),
    "00.6 starts at -999": maxout_from(-999.0),
    "00.6 one unit": squeezed("00.6"),
    "00.7 nearly 0": lambda z: float((z <= 1e-6).all(0).mean()),
    "00.7 none dead": lambda z: float((z <= 0).all(0).mean() or 1.0),
    "00.7 all dead": lambda z: float((z <= 0).all(0).mean()) % 1,
    "01.1 halved sum": half_sum,
    "01.1 one output": but("01.1", lambda scheme, i, o: (scheme, i, max(o, 2))),
    "01.4 three layers": but("01.4", lambda x, weights, name: (x, weights[:3], name)),
    "01.4 one array": forward_in_place,
    "02.1 by place": penalty_of(lambda i, p: i in (0, 2, 3)),
    "02.1 by size": penalty_of(lambda i, p: p.size > 8),
    "02.1 two or four axes": penalty_of(lambda i, p: p.ndim in (2, 4)),
    "02.4 one feature": squeezed("02.4"),
    "02.5 one feature": squeezed("02.5"),
    "02.5 last eigenvalue": lasso_unsorted(-1),
    "02.5 first eigenvalue": lasso_unsorted(0),
    "03.1 no decay": but("03.1", lambda w, grad, lr, decay: (w, grad, lr, decay or 0.01)),
    "03.2 weight_decay to itself": lambda value, source, target, n: (
        load_solution("03.2")(value, source, target, n)
        if {source, target} != {"weight_decay"}
        else n
    ),
    "03.3 no decay": but("03.3", lambda *a: (*a[:-1], a[-1] or 0.01)),
    "03.3 no momentum": but("03.3", lambda *a: (*a[:-2], a[-2] or 0.9, a[-1])),
    "03.5 late steps": but("03.5", lambda *a: (*a[:4], min(a[4], 10), *a[5:])),
    "03.5 first beta 0": but("03.5", lambda *a: (*a[:6], a[6] or 0.9, *a[7:])),
    "03.5 second beta 0": but("03.5", lambda *a: (*a[:7], a[7] or 0.999, *a[8:])),
    "03.6 nothing decays": lambda p: [k for k in p if len(p[k]) > 1] or list(p),
    "03.6 four axes at most": lambda p: [k for k in p if len(p[k]) in (2, 3, 4)],
    "03.6 one entry": lambda p: [k for k in p if len(p[k]) > 1 and np.prod(p[k]) > 1],
}


@pytest.mark.parametrize("name", MISSED)
def test_an_answer_that_misses_an_edge_never_passes(name: str) -> None:
    for seed in range(8):
        verdict = verdict_on(fresh_task(EXERCISES[name[:4]], 300 + seed), MISSED[name])
        assert verdict.state == WRONG, f"seed {seed} passed"


def in_float32(exercise_id: str) -> Answer:
    """The solution on inputs of single precision, as torch.Tensor and float32 layers make them."""

    def lower(value: Any) -> Any:
        if isinstance(value, list):
            return [lower(item) for item in value]
        return value.astype(np.float32) if isinstance(value, np.ndarray) else value

    return lambda *arguments: load_solution(exercise_id)(*map(lower, arguments))


def standardize_by_moments(train: Any, test: Any) -> Any:
    mean = train.sum(0) / len(train)
    std = np.sqrt(np.maximum((train**2).mean(0) - mean**2, 0))
    std[std == 0] = 1
    return [(train - mean) * (1 / std), (test - mean) * (1 / std)]


def whiten_by_cholesky(x: Any) -> Any:
    centered = x - x.mean(0)
    return np.linalg.solve(np.linalg.cholesky(np.cov(x.T, bias=True)), centered.T).T


def orthogonal_with_coins(rows: int, cols: int, gain: float, rng: Any) -> Any:
    """Fair signs do as well as those of R: the columns' signs are then independent of all else."""
    q = np.linalg.qr(rng.standard_normal((max(rows, cols), min(rows, cols))))[0]
    q = q * rng.choice([-1, 1], q.shape[1])
    return gain * (q if rows >= cols else q.T)


def orthogonal_by_polar(rows: int, cols: int, gain: float, rng: Any) -> Any:
    u, _, vt = np.linalg.svd(rng.standard_normal((rows, cols)), full_matrices=False)
    return gain * u @ vt


RIGHT: dict[str, Answer] = {
    "00.2 by moments": standardize_by_moments,
    "00.3 Cholesky": whiten_by_cholesky,
    "01.6 coins": orthogonal_with_coins,
    "01.6 polar": orthogonal_by_polar,
    "02.3 clip": lambda w, t: w - np.clip(w, -t, t),
}
RIGHT |= {
    f"{name} in float32": in_float32(name)
    for name in ("00.1", "00.2", "00.4", "00.6", "01.4", "01.5", "03.1", "03.3", "03.5")
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_unusual_right_answer_passes(name: str) -> None:
    for seed in range(20):
        verdict = verdict_on(fresh_task(EXERCISES[name[:4]], 300 + seed), RIGHT[name])
        assert verdict.state == PASSED, f"seed {seed}: {verdict.message}"
