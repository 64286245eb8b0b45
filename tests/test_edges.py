"""Lessons 05 to 07: probes ask for the edges that a text promises, whichever grading draws them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers.instructor.exercises import load_lesson

EDGES: list[tuple[str, str, Callable[..., Any]]] = [
    ("05.1", "one feature", lambda x, g, b, e: x.shape[1] == 1),
    ("05.1", "one example, a small ε", lambda x, g, b, e: len(x) == 1 and e < 1e-3),
    (
        "05.1",
        "a constant feature, a small ε",
        lambda x, g, b, e: len(x) > 1 and e < 1e-3 and (x == x[0]).all(0).any(),
    ),
    ("05.2", "momentum 1", lambda m, v, x, a: a == 1),
    ("05.2", "one feature", lambda m, v, x, a: x.shape[1] == 1),
    ("05.3", "a running variance of 0", lambda x, g, b, m, v, e: (v == 0).any()),
    ("05.3", "one feature", lambda x, *rest: len(x) > 1 and x.shape[1] == 1),
    ("05.4", "one feature", lambda g, x, w, e: x.shape[1] == 1),
    ("05.4", "a constant feature", lambda g, x, w, e: (x == x[0]).all(0).any()),
    ("05.5", "one group", lambda x, k, g, e: k == "group" and g == 1 < x.shape[1]),
    ("05.5", "a group each channel", lambda x, k, g, e: k == "group" and g == x.shape[1] > 1),
    ("05.6", "one unit", lambda W, *rest: W.shape[1] == 1),
    ("06.1", "c = v", lambda v, c, k: np.ndim(v) == 0 and v == c),
    ("06.1", "a negative c", lambda v, c, k: np.any(np.less(c, 0))),
    ("06.1", "whole numbers", lambda v, c, k: isinstance(v, int)),
    ("06.1", "two axes", lambda v, c, k: np.ndim(v) == 2),
    ("06.3", "one example", lambda e: e.shape[1] == 1),
    ("06.3", "a negative c", lambda e: len(e) == 2 and np.mean(e[0] * e[1]) < 0),
    ("06.4", "one example", lambda p: p.shape[1] == 1),
    ("06.4", "one member", lambda p: len(p) == 1),
    ("06.5", "one example", lambda labels, n: labels.shape[1] == 1),
    ("06.5", "one member", lambda labels, n: len(labels) == 1),
    (
        "06.5",
        "three that are level",
        lambda labels, n: (
            (np.sort(labels, 0)[::2].T == [1, 2, 4]).any() if len(labels) == 6 else False
        ),
    ),
    ("06.6", "half of the weight is wrong", lambda w, correct: w[correct].sum() == 0.5),
    ("07.1", "more patience than epochs", lambda x, p, d: p > len(x)),
    ("07.1", "a stop at epoch 1", lambda x, p, d: p == 1 and len(x) > 2 and x[1] >= x[0] - d),
    ("07.1", "negative losses", lambda x, p, d: x[0] > x.min() and x.max() < 0),
    ("07.1", "large losses", lambda x, p, d: x.min() > 1000),
    ("07.1", "two epochs", lambda x, p, d: len(x) == 2),
    ("07.2", "a window above 2n", lambda x, w: w > 2 * len(x)),
    ("07.2", "one epoch", lambda x, w: len(x) == 1),
    ("07.2", "a long window", lambda x, w: 10 < w < len(x)),
    ("07.3", "patience 1", lambda *a: a[6] == 1),
    ("07.3", "one example", lambda *a: len(a[1]) == len(a[3]) == 1),
    ("07.4", "directions that run away", lambda e, lr, t: (lr * e > 2).any()),
    ("07.4", "ηλ = 1", lambda e, lr, t: t > 0 and (lr * e == 1).any()),
    ("07.4", "one step", lambda e, lr, t: t == 1),
    ("07.4", "many steps", lambda e, lr, t: t >= 30),
    ("07.4", "η above 1", lambda e, lr, t: lr > 1),
    ("07.5", "a small α", lambda e, a: a < 0.01),
    ("07.5", "a large α", lambda e, a: a > 1),
    ("07.6", "η above 1", lambda lr, t: lr > 1),
    ("07.6", "many steps", lambda lr, t: t > 100),
]


@pytest.mark.parametrize(
    ("exercise", "edge", "holds"), EDGES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_edges_of_the_text_are_asked(exercise: str, edge: str, holds: Callable[..., Any]) -> None:
    """Otherwise an answer that is wrong at this edge only would pass."""
    for seed in range(3):
        drawn = load_lesson(exercise[:2]).find(exercise).probes(np.random.default_rng(seed))
        groups = drawn.values() if isinstance(drawn, dict) else [drawn]
        asked = [bool(holds(*probe)) for group in groups for probe in group]
        assert any(asked), f"{exercise}: no probe asks for {edge}"
