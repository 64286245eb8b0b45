"""Lesson 07, continued: best weights of a linear model, and the filters of descent and ridge."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.compare import SINGLE
from helpers.instructor.exercise import Exercise, Probe

Array = NDArray[np.float64]
Problem = tuple[Array, Array, Array, Array, float]


# 07.3 the best weights


def _path(X: Array, y: Array, lr: float, steps: int) -> Array:
    """The weights of gradient descent from zero in closed form: (steps + 1, d)."""
    values, vectors = np.linalg.eigh(X.T @ X / len(y))
    optimum = vectors.T @ np.linalg.lstsq(X, y, rcond=None)[0]
    left = (1 - lr * values) ** np.arange(steps + 1)[:, None]  # (steps + 1, d)
    return np.asarray((1 - left) * optimum @ vectors.T)


def _val_losses(path: Array, X_val: Array, y_val: Array) -> Array:
    return np.asarray(np.square(path @ X_val.T - y_val).mean(1))


def _stopped(
    X: Array, y: Array, X_val: Array, y_val: Array, lr: float, max_steps: int, patience: int
) -> Array:
    """The whole path at once; torch's counter says where patience runs out."""
    path = _path(X, y, lr, max_steps)
    losses = _val_losses(path, X_val, y_val)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        torch.optim.SGD([torch.zeros(1)], lr=1.0), patience=10**9, threshold=0.0,
        threshold_mode="abs",
    )  # fmt: skip
    for t, loss in enumerate(losses.tolist()):
        plateau.step(loss)
        if plateau.num_bad_epochs >= patience:
            return np.asarray(path[t - patience])
    return np.asarray(path[losses.argmin()])


def _fit_by(
    *,
    slope: Callable[[Array, Array, Array], Array] = lambda X, y, w: X.T @ (X @ w - y) / len(y),
    watched: Callable[..., tuple[Array, Array]] = lambda X, y, X_val, y_val: (X_val, y_val),
    size: Callable[[Array], Array] = np.square,
    over: Callable[[int, int], bool] = lambda waited, patience: waited >= patience,
    better: Callable[[float, float], Any] = lambda loss, lowest: loss < lowest,
    resets: bool = True,
    previous: bool = False,
    from_start: bool = True,
    last: bool = False,
    extra: int = 0,
) -> Callable[..., Array]:
    """A wrong fit: each argument is one place where learners go astray."""

    def fit(
        X: Array, y: Array, X_val: Array, y_val: Array, lr: float, max_steps: int, patience: int
    ) -> Array:
        A, b = watched(X, y, X_val, y_val)
        w = np.zeros(X.shape[1])
        lowest = size(A @ w - b).mean() if from_start else np.inf
        best, waited = w, 0
        for _ in range(max_steps + extra):
            w = w - lr * slope(X, y, w)
            loss = size(A @ w - b).mean()
            if better(loss, lowest):
                best, lowest, waited = w, loss, 0 if resets else waited
            else:
                waited += 1
            lowest = loss if previous else lowest
            if over(waited, patience):
                break
        return w if last else best

    return fit


def _learns_from_validation(
    X: Array, y: Array, X_val: Array, y_val: Array, lr: float, max_steps: int, patience: int
) -> Array:
    """Gradient and loss both on the validation examples."""
    return np.asarray(_fit_by()(X_val, y_val, X_val, y_val, lr, max_steps, patience))


def _with_intercept(
    X: Array, y: Array, X_val: Array, y_val: Array, lr: float, max_steps: int, patience: int
) -> Array:
    """A column of ones is learned, too; its weight is not returned."""
    X, X_val = (np.c_[a, np.ones(len(a))] for a in (X, X_val))
    return np.asarray(_fit_by()(X, y, X_val, y_val, lr, max_steps, patience)[:-1])


def _draw_problem(rng: np.random.Generator, targets: Array, scales: Array) -> Problem:
    """Data whose directions have these scales; validation wants `targets` times the optimum."""
    d = len(scales)
    n, n_val = int(rng.integers(2 * d + 2, 3 * d + 6)), int(rng.integers(d + 2, 2 * d + 4))
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]  # (d, d): directions
    frame = np.linalg.qr(rng.normal(size=(n, d)))[0] * np.sqrt(n)
    frame_val = np.linalg.qr(rng.normal(size=(n_val, d)))[0] * np.sqrt(n_val)
    X = frame * scales @ turn
    X_val = frame_val * rng.uniform(0.9, 1.1, d) @ turn
    wanted = rng.choice([-1.0, 1.0], d) * rng.uniform(0.9, 1.1, d)
    y, y_val = X @ turn.T @ wanted, X_val @ turn.T @ (targets * wanted)
    rate = float(np.round(0.2 / scales.max() ** 2, 4))
    X, y, X_val, y_val = (np.round(a, 4) for a in (X, y, X_val, y_val))
    return X, y, X_val, y_val, rate


def _longest_wait(problem: Problem, steps: int) -> tuple[int, NDArray[np.intp]]:
    """The most steps in a row before a new best came, and all steps that were a new best."""
    X, y, X_val, y_val, lr = problem
    losses = _val_losses(_path(X, y, lr, steps), X_val, y_val)
    lowest = np.minimum.accumulate(losses)
    bests = np.flatnonzero(np.r_[True, lowest[1:] < lowest[:-1]])
    return int(np.diff(bests).max(initial=0)) - 1, bests


def _two_dips(rng: np.random.Generator, fast: tuple[float, float], *, at_start: bool) -> Problem:
    """A fast direction overshoots what validation wants; a slow one pays for it much later.

    `fast` is the range of the share of the fast direction that validation wants; `at_start`
    requires that the wait begins at the start.
    """
    while True:
        scales = np.array([1.0, rng.uniform(0.3, 0.4), rng.uniform(0.28, 0.38)])
        problem = _draw_problem(rng, np.array([rng.uniform(*fast), 1.0, 1.0]), scales)
        wait, bests = _longest_wait(problem, 120)
        if 3 <= wait <= 40 and bests[-1] >= 60 and (bests[1] == wait + 1) == at_start:
            return problem


def _swinging(rng: np.random.Generator) -> Problem:
    """A step so long that every second one is worse, and those between them are new bests."""
    scales = np.array([1.0, rng.uniform(0.5, 0.6)])
    X, y, X_val, y_val, _ = _draw_problem(rng, np.array([rng.uniform(1.25, 1.35), 1.0]), scales)
    return X, y, X_val, y_val, 1.9


def _fit_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    stopped: list[Probe] = []
    for fast, at_start in (((0.35, 0.5), False), ((0.35, 0.5), False), ((-0.25, -0.08), True)):
        problem = _two_dips(rng, fast, at_start=at_start)
        wait, _ = _longest_wait(problem, 120)
        stopped += [(*problem, 120, wait), (*problem, 120, wait + 1)]
        stopped += [(*problem, 120, 2), (*problem, 120, 1)]
    for d in (1, 2, 4):
        scales = np.sort(rng.uniform(0.4, 1.0, d))
        stopped.append((*_draw_problem(rng, np.full(d, 0.6), scales), 90, 3))
    limited: list[Probe] = []
    for d in (2, 3):
        problem = _draw_problem(rng, np.full(d, 1.2), np.sort(rng.uniform(0.3, 1.0, d)))
        limited += [(*problem, int(rng.integers(4, 9)), 3), (*problem, 1, 2)]
    backward = _draw_problem(rng, np.full(3, -0.8), np.sort(rng.uniform(0.4, 1.0, 3)))
    limited.append((*backward, 30, 4))  # no step is better than the start
    X, y, X_val, y_val, lr = backward
    limited.append((X, y, np.zeros_like(X_val), y_val, lr, 9, 20))  # all steps are equally good
    swinging = _swinging(rng)
    stopped += [(*swinging, 60, 3), (*swinging, 60, 2), (*swinging, 60, 1)]
    slow = _draw_problem(rng, np.full(2, 1.3), np.array([1.0, 0.6]))
    limited.append((*slow, 100, 1))  # every step is better, in the end by very little
    one, other = np.round(rng.uniform(1, 2, 2), 2)
    single = np.array([[one]]), np.array([2 * one]), np.array([[other]]), np.array([1.3 * other])
    stopped.append((*single, 0.1, 40, 2))  # one example to learn from, one to watch
    return {
        "stopped by patience": stopped,
        "the limit of steps is reached, or the start is best": limited,
    }


FIT = Exercise(
    id="07.3",
    title="A linear model with its best weights",
    function="fit_early_stopping",
    points=2,
    oracle=_stopped,
    compare=SINGLE,
    mistakes={
        "You return the last weights, not the best. Either you return w itself, or `best` is "
        "another name for the array that `w -= …` keeps changing: copy it when it is best.": (
            _fit_by(last=True)
        ),
        "Your fit does not stop when patience runs out: it finds a better step that training "
        "should never have reached.": _fit_by(over=lambda waited, patience: False),
        "You stop one step late: stop when the number of steps since the best one has reached "
        "patience.": _fit_by(over=lambda waited, patience: waited > patience),
        "You stop one step early: patience 2 allows one step that is not better, and stops at "
        "the second.": _fit_by(over=lambda waited, patience: waited >= patience - 1 > 0),
        "You watch the training loss. It falls and falls; only data that the gradient has not "
        "seen can say when to stop.": _fit_by(watched=lambda X, y, X_val, y_val: (X, y)),
        "Your gradient is that of the validation examples. They only say when to stop: who learns "
        "from them has nothing left to be warned by. Step on X and y.": _learns_from_validation,
        "Your validation loss is the mean absolute error. Asked is the mean of the squares; the "
        "two are lowest at different steps.": _fit_by(size=np.abs),
        "You learn an intercept, too. The model is Xw, without one; with one the other weights "
        "go elsewhere.": _with_intercept,
        "Your gradient is a sum over the examples: divide by their number.": _fit_by(
            slope=lambda X, y, w: X.T @ (X @ w - y)
        ),
        "Your steps are twice as long: the loss is the mean of ½(error)², its gradient has "
        "no 2.": _fit_by(slope=lambda X, y, w: 2 * X.T @ (X @ w - y) / len(y)),
        "The start counts, too: the weights of zero may be the best. Compute their validation "
        "loss before the first step.": _fit_by(from_start=False),
        "Two things: you return the last weights (w itself, or another name for the array that "
        "`w -= …` keeps changing), and the start does not count as the first best.": _fit_by(
            last=True, from_start=False
        ),
        "Your counter is never set back to zero when a step is better: asked are `patience` "
        "steps *in a row*.": _fit_by(resets=False),
        "You compare with the step before. A step is better when its loss is below the lowest "
        "so far.": _fit_by(previous=True),
        "A tie counts as better in your rule (<=). A step must be strictly below the best.": (
            _fit_by(better=lambda loss, lowest: loss <= lowest)
        ),
        "You walk uphill: the step goes against the gradient, w − η·gradient.": _fit_by(
            slope=lambda X, y, w: X.T @ (y - X @ w) / len(y)
        ),
        "You make one step too many: at most max_steps updates.": _fit_by(extra=1),
        "You make one step too few: max_steps updates are allowed.": _fit_by(extra=-1),
    },
    probes=_fit_probes,
)


# 07.4 to 07.6 the filters


def _stepped(eigenvalues: Array, lr: float, steps: int) -> Array:
    """Descends on ½λ(w − 1)² from zero, step by step."""
    w = np.zeros_like(eigenvalues)
    for _ in range(steps):
        w = w + lr * eigenvalues * (1 - w)
    return w


def _filter_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(d: int, low: float, high: float, steps: int) -> Probe:
        """Eigenvalues whose product with the learning rate is between low and high."""
        lr = round(float(rng.uniform(0.2, 0.7)), 3)
        return (np.round(rng.uniform(low, high, d) / lr, 3), lr, steps)

    still = np.append(np.round(rng.uniform(0.3, 1.2, 3), 3), 0.0)
    return {
        "directions that creep": [
            *(draw(d, 0.02, 0.6, t) for d, t in ((3, 2), (1, 5), (4, 13), (3, 1))),
            draw(3, 0.01, 0.05, int(rng.integers(30, 60))),
            (np.round(rng.uniform(0.02, 0.5, 3), 3), 1.6, 4),
        ],
        "directions that swing or run away, λ = 0, no steps": [
            *(draw(d, 1.1, 1.9, t) for d, t in ((3, 2), (2, 3), (4, 7))),
            draw(3, 2.1, 2.6, 3),
            draw(2, 2.1, 2.6, 4),
            (np.array([2.0, 4.0, 0.5]), 0.5, int(rng.integers(3, 8))),  # ηλ of 1 and 2
            (np.array([2.0, 4.0]), 0.5, 0),
            (still, 0.4, 6),
            (still[:3], 0.3, 0),
        ],
    }


GD_FILTER = Exercise(
    id="07.4",
    title="How far gradient descent has come",
    function="gd_filter",
    points=1,
    oracle=_stepped,
    compare=SINGLE,
    mistakes={
        "That is what is still missing, (1 − ηλ)ᵗ. The filter is the share that is reached: "
        "1 minus it.": lambda e, lr, t: (1 - lr * e) ** t,
        "1 − exp(−ηλt) is the limit of infinitely small steps. For steps of size η use "
        "(1 − ηλ)ᵗ: it can swing, the exponential cannot.": lambda e, lr, t: -np.expm1(-lr * e * t),
        "ηλt is the very beginning only: later steps are shorter, since less is left.": (
            lambda e, lr, t: lr * e * t
        ),
        "There is no 2: the bowl is ½λ(w − w*)², so its gradient is λ(w − w*) and one step leaves "
        "1 − ηλ.": lambda e, lr, t: 1 - (1 - 2 * lr * e) ** t,
        "You cut 1 − ηλ at 0. Where ηλ is above 1 it is negative: the step jumps over the optimum, "
        "and what is missing changes its sign.": (
            lambda e, lr, t: 1 - np.maximum(1 - lr * e, 0) ** t
        ),
        "The learning rate is missing: one step leaves 1 − ηλ.": (
            lambda e, lr, t: 1 - (1 - e) ** t
        ),
        "Your count of steps is one too high.": lambda e, lr, t: 1 - (1 - lr * e) ** (t + 1),
        "Your count of steps is one too low.": lambda e, lr, t: 1 - (1 - lr * e) ** (t - 1),
        "You cut the share at 1. Where ηλ is above 1 a step jumps over the optimum, and a share "
        "above 1 is right.": lambda e, lr, t: np.clip(1 - (1 - lr * e) ** t, 0, 1),
        "The sign of 1 − ηλ counts, not its size only: where ηλ is above 1, an odd number of "
        "steps ends beyond the optimum.": lambda e, lr, t: 1 - np.abs(1 - lr * e) ** t,
        "Where ηλ is above 1 you take the logarithm of a negative number: NaN. Use `**`, which "
        "takes them.": lambda e, lr, t: 1 - np.exp(t * np.log(1 - lr * e)),
        "The sign is wrong: a step shrinks what is missing by 1 − ηλ, it does not grow.": (
            lambda e, lr, t: 1 - (1 + lr * e) ** t
        ),
        "You multiply by t: 1 − ηλ is left after each step, so after t steps its power.": (
            lambda e, lr, t: 1 - (1 - lr * e) * t
        ),
        "You raised ηλ to the power t. What is multiplied again each step is 1 − ηλ.": (
            lambda e, lr, t: 1 - (lr * e) ** t
        ),
    },
    probes=_filter_probes,
)


def _solved(eigenvalues: Array, alpha: float) -> Array:
    """Minimizes ½λ(w − 1)² + (α/2)w² by solving its normal equations."""
    system = np.diag(eigenvalues) + alpha * np.eye(len(eigenvalues))
    return np.asarray(np.linalg.solve(system, eigenvalues))


def _ridge_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(d: int, low: float, high: float) -> Probe:
        alpha = round(float(rng.uniform(0.2, 0.8)), 3)
        return (np.round(alpha * rng.uniform(low, high, d), 4), alpha)

    def scaled(factor: float) -> Probe:
        eigenvalues, alpha = draw(3, 0.3, 4.0)
        return (eigenvalues * factor, alpha * factor)

    still = np.append(np.round(rng.uniform(0.3, 1.2, 2), 3), 0.0)
    return {
        "eigenvalues above α": [draw(3, 1.2, 6.0), draw(1, 1.5, 4.0)],
        "eigenvalues below α, and 0": [draw(4, 0.05, 0.8), draw(2, 0.1, 0.6), (still, 0.37)],
        "a small and a large α": [scaled(0.01), scaled(32.0)],
    }


RIDGE_FILTER = Exercise(
    id="07.5",
    title="How far ridge lets a direction go",
    function="ridge_filter",
    points=1,
    oracle=_solved,
    compare=SINGLE,
    mistakes={
        "That is what ridge takes away, α/(λ + α). The filter is what is left.": (
            lambda e, a: a / (e + a)
        ),
        "The eigenvalue is missing above the line: λw* is the right side of the equation.": (
            lambda e, a: 1 / (e + a)
        ),
        "You squared λ. It is used as it is: only singular values of X are squared, and λ is "
        "such a square already.": lambda e, a: e**2 / (e**2 + a),
        "The penalty is (α/2)‖w‖²: its gradient is αw, without a 2.": lambda e, a: e / (e + 2 * a),
        "The penalty is (α/2)‖w‖²: in its gradient αw the half is gone.": (
            lambda e, a: e / (e + a / 2)
        ),
        "Python divides before it adds: `eigenvalues / eigenvalues + alpha` is 1 + α (and NaN at "
        "λ = 0). Put λ + α in brackets.": (lambda e, a: e / e + a),
        "You divide λ by α; the equation is (λ + α)w = λw*.": lambda e, a: e / a,
        "You multiply α by the number of directions; each one has α as it is.": lambda e, a: (
            e / (e + len(e) * a)
        ),
        "α stands beside λ, not beside 1: the equation is (λ + α)w = λw*.": (
            lambda e, a: e / (1 + a)
        ),
        "The sign of α is wrong: a penalty shrinks.": lambda e, a: e / (e - a),
    },
    probes=_ridge_probes,
)


def _alpha_by_slopes(lr: float, steps: int) -> float:
    """Equal slopes at λ = 0: autograd's for descent; that of λ/(λ + α) is 1/α."""
    eigenvalue = torch.zeros((), dtype=torch.float64, requires_grad=True)
    w = torch.zeros((), dtype=torch.float64)
    for _ in range(steps):
        w = w + lr * eigenvalue * (1 - w)
    (slope,) = torch.autograd.grad(w, eigenvalue)
    return 1 / float(slope)


def _alpha_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(steps: int) -> Probe:
        return (round(float(10 ** rng.uniform(-2, -0.2)), 4), steps)

    many = [draw(int(rng.integers(3, 90))) for _ in range(5)]
    many += [draw(int(rng.integers(150, 300))), (round(float(rng.uniform(1.2, 2)), 3), 7)]
    return {"a single step": [draw(1), draw(1)], "many steps": many}


ALPHA = Exercise(
    id="07.6",
    title="The α that matches a number of steps",
    function="equivalent_alpha",
    points=1,
    oracle=_alpha_by_slopes,
    mistakes={
        "It is the other way round: more steps mean less penalty, so α falls with ηt.": (
            lambda lr, t: lr * t
        ),
        "The learning rate is missing: small steps go less far, as if the penalty were larger.": (
            lambda lr, t: 1 / t
        ),
        "η is on the wrong side: with a larger learning rate the same steps go farther, so α "
        "is smaller.": lambda lr, t: lr / t,
        "The number of steps is on the wrong side: more steps mean a smaller α. (`1 / lr * steps` "
        "is (1/lr)·steps: put lr * steps in brackets.)": (lambda lr, t: t / lr),
        "Your count of steps is one too high: after one step the filter is ηλ, so α is 1/η.": (
            lambda lr, t: 1 / (lr * (t + 1))
        ),
        "Your count of steps is one too low: after one step the filter is ηλ, so α is 1/η.": (
            lambda lr, t: 1 / (lr * (t - 1))
        ),
        "The number of steps is missing.": lambda lr, t: 1 / lr,
        "There is no 2: the penalty is (α/2)‖w‖², the loss ½λ(w − w*)².": (
            lambda lr, t: 1 / (2 * lr * t)
        ),
        "Your α is twice too large: the 2 of (α/2)‖w‖² is gone in the gradient αw, as that of the "
        "loss is. Near λ = 0 the filters are ηλt and λ/α.": lambda lr, t: 2 / (lr * t),
    },
    probes=_alpha_probes,
)
