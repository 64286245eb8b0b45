"""Lesson 10, optimization and search: its exercises on optimizers and schedules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import lr_scheduler

from helpers.compare import SINGLE
from helpers.instructor.exercise import Exercise, Lesson, Probe, Written
from helpers.instructor.exercises.lesson_10_more import (
    DIAGNOSE,
    INITIAL_LOSS,
    LOG_UNIFORM,
    REFINE_RANGE,
)

Array = NDArray[np.float64]


def _number(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 4)


# 10.1 momentum and Nesterov


def _torch_momentum(
    hessian: Array, start: Array, lr: float, momentum: float, nesterov: bool, steps: int
) -> Array:
    point, bowl = torch.tensor(start, requires_grad=True), torch.tensor(hessian)
    nesterov = nesterov and momentum > 0  # without momentum both are the same, and torch refuses
    sgd = torch.optim.SGD([point], lr=lr, momentum=momentum, nesterov=nesterov)
    path = [start]
    for _ in range(steps):
        sgd.zero_grad()
        (point @ bowl @ point / 2).backward()  # type: ignore[no-untyped-call]
        sgd.step()
        path.append(point.detach().numpy().copy())
    return np.stack(path)


def _momentum_by(
    *,
    gather: Callable[[Any, Any, float], Any] = lambda b, g, mu: mu * b + g,
    ahead: Callable[[Any, Any, float], Any] = lambda b, g, mu: g + mu * b,
    keeps: bool = True,
    old: bool = False,
    stores: bool = False,
    first: float = 0.0,
    slope: float = 1.0,
    flag: Callable[[bool], bool] = lambda nesterov: nesterov,
    cut: slice = slice(None),
) -> Callable[..., Array]:
    """A wrong walk: each argument is one place where learners go astray.

    `old`: the step uses the buffer from before this gradient. `stores`: the step is kept as the
    buffer. `first`: of the first gradient, in the buffer at the start. `slope`: times the gradient.
    """

    def walk(
        hessian: Array, start: Array, lr: float, momentum: float, nesterov: bool, steps: int
    ) -> Array:
        w, buffer, path = start, first * hessian @ start, [start]
        for _ in range(steps):
            gradient = slope * hessian @ w
            new = gather(buffer, gradient, momentum)
            used = buffer if old else new
            step = ahead(used, gradient, momentum) if flag(nesterov) else used
            w = w - lr * step
            buffer = (step if stores else new) if keeps else np.zeros_like(start)
            path.append(w)
        return np.stack(path)[cut]

    return walk


def _sutskever(
    hessian: Array, start: Array, lr: float, momentum: float, nesterov: bool, steps: int
) -> Array:
    """The gradient at the look-ahead point; the path is that of the other variable."""
    w, v, path = start, np.zeros_like(start), [start]
    for _ in range(steps):
        at = w + momentum * v if nesterov else w
        v = momentum * v - lr * hessian @ at
        w = w + v
        path.append(w)
    return np.stack(path)


def _rate_in_buffer(
    hessian: Array, start: Array, lr: float, momentum: float, nesterov: bool, steps: int
) -> Array:
    """The buffer gathers η·g, and Nesterov's step adds a whole g to it."""
    w, v, path = start, np.zeros_like(start), [start]
    for _ in range(steps):
        gradient = hessian @ w
        v = momentum * v + lr * gradient
        w = w - (gradient + momentum * v if nesterov else v)
        path.append(w)
    return np.stack(path)


def _one_gradient(
    hessian: Array, start: Array, lr: float, momentum: float, nesterov: bool, steps: int
) -> Array:
    """Takes the gradient once, before the loop."""
    w, buffer, path, gradient = start, np.zeros_like(start), [start], hessian @ start
    for _ in range(steps):
        buffer = momentum * buffer + gradient
        w = w - lr * (gradient + momentum * buffer if nesterov else buffer)
        path.append(w)
    return np.stack(path)


def _scalar_slope(
    hessian: Array, start: Array, lr: float, momentum: float, nesterov: bool, steps: int
) -> Array:
    """Takes the loss for its gradient."""
    w, buffer, path = start, np.zeros_like(start), [start]
    for _ in range(steps):
        loss = w @ hessian @ w / 2
        buffer = momentum * buffer + loss
        w = w - lr * (loss + momentum * buffer if nesterov else buffer)
        path.append(w)
    return np.stack(path)


def _all_last(path: Array) -> Array:
    """A list that holds one array many times: what `w -= …` does."""
    return np.repeat(path[-1:], len(path), axis=0)


def _momentum_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(d: int, nesterov: bool, steps: int, low: float = 0.5, high: float = 0.9) -> Probe:
        root = rng.normal(0, 1, (d, d))
        hessian = np.round(root @ root.T / d + 0.2 * np.eye(d), 2)
        rates = _number(rng, 0.05, 0.3), _number(rng, low, high)
        return (hessian, np.round(rng.normal(0, 2, d), 2), *rates, nesterov, steps)

    def walks(nesterov: bool) -> list[Probe]:
        """The last ones without momentum, with little, and with much."""
        ends = ((2, 3, 0, 0), (4, 8, 0.05, 0.4), (2, 6, 0.91, 0.99))
        usual = [draw(d, nesterov, t) for d, t in ((2, 5), (1, 1), (3, 4))]
        return [*usual, *(draw(d, nesterov, t, low, high) for d, t, low, high in ends)]

    return {"momentum": walks(False), "Nesterov": walks(True)}


MOMENTUM = Exercise(
    id="10.1",
    title="Momentum and Nesterov on a bowl",
    function="momentum_path",
    points=1,
    oracle=_torch_momentum,
    compare=SINGLE,
    mistakes={
        "You compute the gradient at the look-ahead point. That is the other way to write "
        "Nesterov: its w runs one μb behind. Here the gradient is taken at w, and the step is "
        "η(g + μb).": _sutskever,
        "Your buffer forgets: it is set back in every step. It must keep μ times its old "
        "value.": _momentum_by(keeps=False),
        "Your buffer is a running mean, μb + (1 − μ)g, as in Adam. Here the gradient enters whole: "
        "μb + g.": _momentum_by(gather=lambda b, g, mu: mu * b + (1 - mu) * g),
        "Your Nesterov step is plain momentum. With nesterov=True move by η(g + μb), where b is "
        "the new buffer (g + μ times the *old* one is the new buffer itself).": (
            _momentum_by(flag=lambda _: False)
        ),
        "Your step uses the buffer from before this gradient. First the new buffer, then the step "
        "with it: ηb, or η(g + μb).": _momentum_by(old=True),
        "All rows of your path are the last point: `w -= …` changes the array that is in your list "
        "already. Write `w = w - …`.": lambda *a: _all_last(_torch_momentum(*a)),
        "All rows of your path but the first are the last point: `w -= …` changes the array that "
        "is in your list already. Write `w = w - …`.": lambda *a: np.concatenate(
            [a[1][None], _all_last(_torch_momentum(*a))[1:]]
        ),
        "You take Nesterov's step in both cases; without it move by ηb.": _momentum_by(
            flag=lambda _: True
        ),
        "You swapped the two: Nesterov's step is the one for nesterov=True.": _momentum_by(
            flag=lambda nesterov: not nesterov
        ),
        "Your walk climbs: move against the gradient.": lambda hessian, *rest: _torch_momentum(
            -hessian, *rest
        ),
        "Nesterov's step is g + μb: the gradient, not the buffer, and μ times the new "
        "buffer.": _momentum_by(ahead=lambda b, g, mu: b + mu * b),
        "The rate is in your buffer already, and not in the g of Nesterov's step. Keep the rate "
        "out of b, and multiply the whole step by it.": _rate_in_buffer,
        "Nesterov's step is g + μb. You left out μ.": _momentum_by(ahead=lambda b, g, mu: g + b),
        "Nesterov's step is g + μb. You left out g.": _momentum_by(ahead=lambda b, g, mu: mu * b),
        "You take the gradient once, at the start. It is another one at every w: compute it in the "
        "loop.": _one_gradient,
        "You keep Nesterov's step as the buffer. The step is g + μb; the buffer stays "
        "b.": _momentum_by(stores=True),
        "Your buffer starts at the first gradient, which then counts twice. It starts at "
        "zero.": _momentum_by(first=1.0),
        "Your gradient is 2Hw. That of ½wᵀHw is Hw: the ½ takes the 2 away.": _momentum_by(
            slope=2.0
        ),
        "Your gradient is ½Hw. That of ½wᵀHw is Hw: the ½ takes away the 2 of the "
        "square.": _momentum_by(slope=0.5),
        "Your gradient is the loss ½wᵀHw, one number for all weights. The gradient is Hw, one "
        "number for each.": _scalar_slope,
        "The path begins with the start: steps + 1 rows. Yours leaves it out.": _momentum_by(
            cut=slice(1, None)
        ),
        "The last point is missing: the start and one row after each of the steps are steps + 1 "
        "rows.": _momentum_by(cut=slice(None, -1)),
        "Return the whole path, one row a step, not the last point only.": lambda *a: (
            _torch_momentum(*a)[-1]
        ),
    },
    probes=_momentum_probes,
)


# 10.2 Adam over many steps


def _torch_adam(grads: Array, lr: float, beta1: float, beta2: float, eps: float) -> Array:
    point = torch.zeros(grads.shape[1], dtype=torch.float64)
    adam = torch.optim.Adam([point], lr=lr, betas=(beta1, beta2), eps=eps)
    path = []
    for gradient in grads:
        point.grad = torch.tensor(gradient)
        adam.step()
        path.append(point.numpy().copy())
    return np.stack(path)


def _adam_by(
    *,
    power: Callable[[int], float] = lambda t: t,
    correct: tuple[bool, bool] = (True, True),
    stored: bool = False,
    first: Callable[[Any, Any, float], Any] = lambda m, g, b: b * m + (1 - b) * g,
    second: Callable[[Any, Any, float], Any] = lambda v, g, b: b * v + (1 - b) * g**2,
    root: Callable[[Any, float], Any] = lambda v, eps: np.sqrt(v) + eps,
    swap: bool = False,
    sign: float = -1.0,
    bias: Callable[[float, float], float] = lambda b, t: 1 - b**t,
    shared: bool = False,
) -> Callable[..., Array]:
    """A wrong Adam: each argument is one place where learners go astray."""

    def walk(grads: Array, lr: float, beta1: float, beta2: float, eps: float) -> Array:
        one, two = (beta2, beta1) if swap else (beta1, beta2)
        w, m, v = np.zeros((3, grads.shape[1]))
        path = []
        for t, g in enumerate(grads, 1):
            m, v = first(m, g, one), second(v, g, two)
            m_hat = m / bias(one, power(t)) if correct[0] else m
            v_hat = v / bias(one if shared else two, power(t)) if correct[1] else v
            if stored:
                m, v = m_hat, v_hat
            w = w + sign * lr * m_hat / root(v_hat, eps)
            path.append(w)
        return np.stack(path)

    return walk


def _early_epsilon(grads: Array, lr: float, beta1: float, beta2: float, eps: float) -> Array:
    """Adds ε to the root of the uncorrected v, and corrects afterwards."""
    w, m, v = np.zeros((3, grads.shape[1]))
    path = []
    for t, g in enumerate(grads, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        size = (np.sqrt(v) + eps) / np.sqrt(1 - beta2**t)
        w = w - lr * m / (1 - beta1**t) / size
        path.append(w)
    return np.stack(path)


def _fading_betas(grads: Array, lr: float, beta1: float, beta2: float, eps: float) -> Array:
    """Raises the βs of the running means to the power t, and corrects nothing."""
    w, m, v = np.zeros((3, grads.shape[1]))
    path = []
    for t, g in enumerate(grads, 1):
        one, two = beta1**t, beta2**t
        m, v = one * m + (1 - one) * g, two * v + (1 - two) * g**2
        w = w - lr * m / (np.sqrt(v) + eps)
        path.append(w)
    return np.stack(path)


def _with_start(*arguments: Any) -> Array:
    path = _torch_adam(*arguments)
    return np.concatenate([np.zeros_like(path[:1]), path])


def _updates(*arguments: Any) -> Array:
    path = _torch_adam(*arguments)
    return np.diff(path, axis=0, prepend=0)


def _adam_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(steps: int, d: int, eps: float) -> Probe:
        grads = np.round(rng.normal(0.3, 1, (steps, d)), 2)
        grads[grads == 0] = 0.01
        rates = _number(rng, 0.1, 0.5), _number(rng, 0.6, 0.8), _number(rng, 0.85, 0.95)
        return (grads, *rates, eps)

    def at_rest() -> Probe:
        """One weight has no gradient, and one has none at first: the former stays at 0."""
        grads, *rates = draw(5, 3, 1e-8)
        grads[:, 0], grads[0, 1] = 0, 0
        return (grads, *rates)

    def swapped() -> Probe:
        """beta1 above beta2, and far from where they usually are."""
        grads, rate, _, _, eps = draw(12, 2, _number(rng, 0.1, 0.3))
        return (grads, rate, _number(rng, 0.96, 0.99), _number(rng, 0.2, 0.5), eps)

    return {
        "one or two steps": [
            draw(2, 3, 1e-8), draw(2, 1, _number(rng, 0.1, 0.3)), draw(1, 2, _number(rng, 0.1, 0.3))
        ],
        "many steps": [
            draw(9, 2, 1e-8), draw(6, 4, _number(rng, 0.1, 0.3)), at_rest(), swapped()
        ],
    }  # fmt: skip


ADAM = Exercise(
    id="10.2",
    title="Adam over many steps",
    function="adam_path",
    points=2,
    oracle=_torch_adam,
    compare=SINGLE,
    mistakes={
        "You store the corrected m̂ and v̂ as the new m and v, so that each step corrects what was "
        "corrected before. Keep m and v as they are; correct copies.": _adam_by(stored=True),
        "The bias correction is missing: m and v start at zero and are too small at "
        "first.": _adam_by(correct=(False, False)),
        "Only m is corrected; v starts at zero, too.": _adam_by(correct=(True, False)),
        "Only v is corrected; m starts at zero, too.": _adam_by(correct=(False, True)),
        "Your t counts from 0: in the first step 1 − β⁰ is 0 and you divide by it. The first "
        "step has t = 1.": _adam_by(power=lambda t: t - 1),
        "Your correction is one step ahead: in the first step t is 1.": _adam_by(
            power=lambda t: t + 1
        ),
        "You divide by 1 − β in every step. The correction fades: 1 − βᵗ, with t the number of "
        "this step.": _adam_by(power=lambda t: 1),
        "Your v adds up all squares: that is AdaGrad (and it never forgets). Adam's v is a running "
        "mean, β₂v + (1 − β₂)g².": _adam_by(second=lambda v, g, b: v + g**2),
        "v is the running mean of g², not of |g|.": _adam_by(
            second=lambda v, g, b: b * v + (1 - b) * np.abs(g)
        ),
        "You put ε inside the root; it is added to √v̂.": _adam_by(
            root=lambda v, eps: np.sqrt(v + eps)
        ),
        "You add ε to √v and correct afterwards. Correct v first: ε is added to √v̂.": (
            _early_epsilon
        ),
        "All rows of your path are the last point: `w -= …` changes the array that is in your list "
        "already. Write `w = w - …`.": lambda *a: _all_last(_torch_adam(*a)),
        "You divide by v̂ itself; Adam divides by its root.": _adam_by(root=lambda v, eps: v + eps),
        "You swapped β₁ and β₂: β₁ belongs to m, β₂ to v.": _adam_by(swap=True),
        "Your steps climb: w moves against the gradient.": _adam_by(sign=1.0),
        "Your ε is missing: it is added to √v̂.": _adam_by(root=lambda v, eps: np.sqrt(v)),
        "Your correction is 1 − β·t. The t is an exponent: 1 − βᵗ.": _adam_by(
            bias=lambda b, t: 1 - b * t
        ),
        "Your m and v miss their factors 1 − β: m is β₁m + (1 − β₁)g, and v likewise with "
        "g².": _adam_by(first=lambda m, g, b: b * m + g, second=lambda v, g, b: b * v + g**2),
        "You correct v with β₁. v̂ is v / (1 − β₂ᵗ).": _adam_by(shared=True),
        "You multiply by 1 − βᵗ. m and v are too small at first: divide by it.": _adam_by(
            bias=lambda b, t: 1 / (1 - b**t)
        ),
        "Your v gathers g, not g²: it becomes negative, and its root NaN.": _adam_by(
            second=lambda v, g, b: b * v + (1 - b) * g
        ),
        "The power t stands at the wrong β: m and v are running means with β itself, and only the "
        "correction has βᵗ.": _fading_betas,
        "You keep one v for all weights. Each weight has its own: g² entry by entry.": _adam_by(
            second=lambda v, g, b: b * v + (1 - b) * (g @ g)
        ),
        "Your path begins with the start. Asked is w after each step: as many rows as "
        "grads.": _with_start,
        "You note w before the step. Asked is w after it.": lambda *a: _with_start(*a)[:-1],
        "You return the last point only. Asked is w after each step, one row a step.": lambda *a: (
            _torch_adam(*a)[-1]
        ),
        "You return the steps. Asked is where w is after each of them: their running "
        "sum.": _updates,
    },
    probes=_adam_probes,
)


# 10.3 warm-up and cosine


def _torch_schedule(step: int, total: int, warmup: int, peak: float, floor: float) -> float:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=peak)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, total - warmup, eta_min=floor)
    schedule: lr_scheduler.LRScheduler = cosine
    if warmup > 1:
        rise = lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
        schedule = lr_scheduler.SequentialLR(optimizer, [rise, cosine], milestones=[warmup])
    for _ in range(step if warmup != 1 else max(step - 1, 0)):  # one step at the peak is no rise
        optimizer.step()
        schedule.step()
    return float(optimizer.param_groups[0]["lr"])


def _schedule_by(
    *,
    rise: Callable[[int, int], float] = lambda t, w: (t + 1) / w,
    share: Callable[[int, int, int], float] = lambda t, n, w: (t - w) / (n - w),
    angle: float = np.pi,
    blend: Callable[[float, float, float], float] = lambda c, p, f: f + (p - f) * c,
    first: Callable[[int, int], bool] = lambda t, w: t < w,
) -> Callable[..., float]:
    """A wrong schedule: each argument is one place where learners go astray."""

    def rate(step: int, total: int, warmup: int, peak: float, floor: float) -> float:
        if first(step, warmup):
            return float(peak * rise(step, warmup))
        part = share(step, total, warmup)
        return float(blend((1 + np.cos(angle * part)) / 2, peak, floor))

    return rate


def _straight(step: int, total: int, warmup: int, peak: float, floor: float) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    return floor + (peak - floor) * (total - step) / (total - warmup)


def _falls_at_once(step: int, total: int, warmup: int, peak: float, floor: float) -> float:
    """A cosine over all steps, times the warm-up."""
    whole = floor + (peak - floor) * (1 + np.cos(np.pi * step / total)) / 2
    return float(whole * min(1.0, (step + 1) / max(warmup, 1)))


def _schedule_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(step: int, total: int, warmup: int, *, floor: bool = True) -> Probe:
        peak = _number(rng, 0.2, 2)
        return (step, total, warmup, peak, _number(rng, 0.02, 0.1) if floor else 0.0)

    w, n = int(rng.integers(4, 9)), int(rng.integers(20, 40))
    return {
        "warm-up": [
            *(draw(t, n, w) for t in (0, 1, w - 2, w - 1)), draw(0, n, 1),
            draw(2, n, w, floor=False), draw(n - 3, n, n - 1),
        ],
        "cosine": [
            *(draw(t, n, w) for t in (w, w + 1, (n + w) // 2, n - 2, n - 1)),
            draw(0, n, 0), draw(n // 3, n, 0, floor=False), draw(1, n, 1), draw(2, 3, 2),
            draw(0, 1, 0), draw(n - 1, n, 0), draw(n - 2, n, n - 4),
        ],
    }  # fmt: skip


COSINE_WARMUP = Exercise(
    id="10.3",
    title="Warm-up and cosine",
    function="cosine_warmup",
    points=1,
    oracle=_torch_schedule,
    mistakes={
        "Your warm-up begins at rate 0, so that the first update does nothing, and it does not "
        "reach the peak in its last step: use step + 1.": _schedule_by(rise=lambda t, w: t / w),
        "Your cosine ends one step early: it reaches the floor in the last step, total − 1, "
        "instead of after it.": _schedule_by(
            share=lambda t, n, w: (t - w) / (n - w - 1) if n - w > 1 else 0.0
        ),
        "Your cosine ends one step early, and where one step is left you divide by zero. Divide by "
        "total − warmup: s would be 1 one step *after* the last.": _schedule_by(
            share=lambda t, n, w: (t - w) / (n - w - 1)
        ),
        "Your cosine begins one step late or early: at step = warmup its share is 0, and the rate "
        "is the peak.": _schedule_by(share=lambda t, n, w: (t + 1 - w) / (n - w)),
        "Your cosine runs over all steps and ignores that the warm-up took some: it does not "
        "begin at the peak.": _schedule_by(share=lambda t, n, w: t / n),
        "Your cosine counts from the end of the warm-up, but divides by all steps, so that it "
        "stops short of the floor.": _schedule_by(share=lambda t, n, w: (t - w) / n),
        "Half a cosine wave goes from peak to floor: cos runs from 0 to π. Yours runs to "
        "π/2.": _schedule_by(angle=np.pi / 2),
        "That is a quarter of a wave, cos(πs/2). Asked is half a wave, from 1 to −1, halved: "
        "(1 + cos πs)/2.": _schedule_by(blend=lambda c, p, f: f + (p - f) * c**0.5),
        "Your cosine goes through a whole wave, and ends near the peak again. Half a wave is "
        "π times the share.": _schedule_by(angle=2 * np.pi),
        "Your angle is in degrees. cos takes radians: π times the share.": _schedule_by(angle=180),
        "You multiply the warm-up by a cosine that falls from step 0 on. It begins at the peak, at "
        "step = warmup.": _falls_at_once,
        "Your share is step / (total − warmup). Count the steps since the warm-up: "
        "step − warmup.": _schedule_by(share=lambda t, n, w: t / (n - w)),
        "You add the floor on top: the rate then starts at peak + floor. Scale the cosine by "
        "peak − floor.": _schedule_by(blend=lambda c, p, f: f + p * c),
        "You cut the rate off at the floor. The cosine reaches it smoothly: "
        "floor + (peak − floor)·….": _schedule_by(blend=lambda c, p, f: max(f, p * c)),
        "Your schedule ignores the floor.": _schedule_by(blend=lambda c, p, f: p * c),
        "Your warm-up takes one step more: step = warmup belongs to the cosine "
        "already.": _schedule_by(first=lambda t, w: t <= w, rise=lambda t, w: (t + 1) / max(w, 1)),
        "Your warm-up rises from the floor. Asked is a line through zero: "
        "peak·(step + 1)/warmup.": lambda t, n, w, p, f: (
            f + (p - f) * (t + 1) / w if t < w else _torch_schedule(t, n, w, p, f)
        ),
        "cos takes radians: half a wave is π times the share.": _schedule_by(angle=1.0),
        "The cosine is between −1 and 1: halve 1 + cos, or the rate begins above the "
        "peak.": _schedule_by(blend=lambda c, p, f: f + (p - f) * 2 * c),
        "Your cosine rises from floor to peak: it is 1 + cos, not 1 − cos.": _schedule_by(
            blend=lambda c, p, f: f + (p - f) * (1 - c)
        ),
        "That is a straight line from peak to floor. Asked is half a cosine wave.": _straight,
        "Your warm-up divides by warmup + 1, and its last step does not reach the "
        "peak.": _schedule_by(rise=lambda t, w: (t + 1) / (w + 1)),
        "Your warm-up is missing: in its steps the rate is peak·(step + 1)/warmup.": (
            _schedule_by(rise=lambda t, w: 1.0)
        ),
    },
    probes=_schedule_probes,
)

WRITTEN = Written(
    id="10.w",
    title="One schedule, and a run that shows when it wins",
    rubric={
        "Says what the schedule does and why it should help in a stated case (noise of the "
        "batches, a sharp start, a rate chosen too high), and names a case where it should not.": 1,
        "Shows a run: the schedule against a constant rate, same data and number of updates, "
        "several paired seeds with their spread, and a conclusion that the figures support "
        "(also when it does not win).": 1,
    },
)

LESSON = Lesson(
    number="10",
    name="optimization",
    title="Optimization and the search for hyper-parameters",
    minutes=130,
    exercises=(MOMENTUM, ADAM, COSINE_WARMUP, INITIAL_LOSS, DIAGNOSE, LOG_UNIFORM, REFINE_RANGE),
    written=(WRITTEN,),
)
