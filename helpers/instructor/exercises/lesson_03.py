"""Lesson 03, weight decay and L2: its exercises."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.compare import SINGLE
from helpers.instructor.exercise import Exercise, Lesson, Probe, Written
from helpers.instructor.exercises.lesson_03_more import (
    ADAM,
    GROUPS,
    STABLE,
    draw_array,
    draw_number,
)

Array = NDArray[np.float64]
CONVENTIONS = ("lambda", "lambda/2", "lambda/N", "lambda/2N", "C")


# 03.1 one step of gradient descent


def _torch_sgd(w: Array, grad: Array, lr: float, weight_decay: float) -> Array:
    """By autograd: the gradient of grad·w + (λ/2)‖w‖² at w."""
    point = torch.tensor(w, requires_grad=True)
    loss = (torch.tensor(grad) * point).sum() + weight_decay / 2 * point.square().sum()
    (slope,) = torch.autograd.grad(loss, point)
    return np.asarray((point - lr * slope).detach().numpy())


def _sgd_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(shape: tuple[int, ...], pull: float) -> Probe:
        w, grad = draw_array(rng, *shape), pull * draw_array(rng, *shape) + 0.0  # no −0
        return (w, grad, draw_number(rng, 0.1, 0.6), draw_number(rng, 0.1, 0.9))

    def draw_edge(lr: float, weight_decay: float) -> Probe:
        return (draw_array(rng, 3), draw_array(rng, 3), lr, weight_decay)

    shapes = ((4,), (1,), (2, 3), (3, 2), (2, 1, 2))
    return {
        "a gradient of zero": [draw(s, 0.0) for s in shapes[:3]],
        "gradient and decay together": [
            *(draw(s, 1.0) for s in shapes),
            draw_edge(draw_number(rng, 0.1, 0.6), 0.0),
            draw_edge(draw_number(rng, 0.8, 1.5), draw_number(rng, 1.5, 2.5)),  # w flips its sign
        ],
    }


SGD_STEP = Exercise(
    id="03.1",
    title="One step of SGD with weight decay",
    function="sgd_step",
    points=1,
    oracle=_torch_sgd,
    mistakes={
        "You decay twice as fast: the penalty is (λ/2)‖w‖², and its gradient λw has no 2.": (
            lambda w, g, lr, d: w - lr * (g + 2 * d * w)
        ),
        "You decay half as fast: the derivative of (λ/2)w² is λw, the 2 of the square cancels "
        "the ½.": lambda w, g, lr, d: w - lr * (g + d / 2 * w),
        "You decay the weight after the gradient step, and with it the step that was just made. "
        "The penalty's gradient is taken at the old w.": (
            lambda w, g, lr, d: (w - lr * g) * (1 - lr * d)
        ),
        "The decay has the wrong sign: you add to the weight what should be taken away, "
        "so that it grows.": (lambda w, g, lr, d: w - lr * (g - d * w)),
        "The decay is not multiplied by the learning rate: the penalty is part of the loss, "
        "so its gradient is scaled by η like the rest.": (lambda w, g, lr, d: w - d * w - lr * g),
        "Your step ignores weight_decay.": (lambda w, g, lr, d: w - lr * g),
        "You decay by λ times the sign of w: that is the gradient of an L1 penalty. L2's is λw.": (
            lambda w, g, lr, d: w - lr * (g + d * np.sign(w))
        ),
        "You stop the decay at 0. With ηλ above 1 the weight flips its sign: 1 − ηλ is negative.": (
            lambda w, g, lr, d: max(1 - lr * d, 0) * w - lr * g
        ),
        "You step uphill: the weights move against the sum of the two gradients, not along "
        "it.": lambda w, g, lr, d: w + lr * (g + d * w),
        "The gradient of the loss is missing: only the decay acts in your step.": (
            lambda w, g, lr, d: (1 - lr * d) * w
        ),
        "The learning rate is missing: η multiplies the whole step, the gradient of the loss and "
        "that of the penalty.": lambda w, g, lr, d: w - (g + d * w),
        "You add λ to the gradient, not λw: the penalty's gradient is larger for larger "
        "weights.": lambda w, g, lr, d: w - lr * (g + d),
        "You put the penalty (λ/2)w² itself into the step. Its gradient λw belongs there.": (
            lambda w, g, lr, d: w - lr * (g + d / 2 * w**2)
        ),
        "You returned the gradient with its decay. The weights after the step are asked for.": (
            lambda w, g, lr, d: g + d * w
        ),
    },
    probes=_sgd_probes,
    compare=SINGLE,
)


# 03.2 conventions


def _penalty_slope(convention: str, n: int) -> float:
    """The penalty's gradient at w = 1 for a strength of 1, by autograd ("C" apart)."""
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    penalties = {"lambda": w**2, "lambda/2": w**2 / 2, "lambda/N": w**2 / n}
    penalties |= {"lambda/2N": w**2 / (2 * n), "weight_decay": w**2 / 2, "C": w**2 / (2 * n)}
    (slope,) = torch.autograd.grad(penalties[convention], w)
    return float(slope)


def _convert(value: float, source: str, target: str, n: int) -> float:
    strength = 1 / value if source == "C" else value
    strength *= _penalty_slope(source, n) / _penalty_slope(target, n)
    return 1 / strength if target == "C" else strength


def _convert_by(factors: Callable[[int], Mapping[str, float]], *, inverse: bool = True) -> Any:
    """A wrong conversion: through wrong factors, or without the inverse that C needs."""

    def convert(value: float, source: str, target: str, n: int) -> float:
        table = factors(n)
        strength = 1 / value if source == "C" and inverse else value
        strength *= table[source] / table[target]
        return 1 / strength if target == "C" and inverse else strength

    return convert


def _factors(n: int, *, two: float = 2, over_n: bool = True, up: bool = False) -> dict[str, float]:
    share = (n if up else 1 / n) if over_n else 1.0
    return {
        "lambda": two, "lambda/2": two / 2, "lambda/N": two * share, "lambda/2N": two / 2 * share,
        "weight_decay": two / 2, "C": two / 2 * share,
    }  # fmt: skip


def _no_two(n: int) -> dict[str, float]:
    share = 1 / n
    ones = dict.fromkeys(("lambda", "lambda/2", "weight_decay"), 1.0)
    return ones | dict.fromkeys(("lambda/N", "lambda/2N", "C"), share)


def _n_upside_down(n: int) -> dict[str, float]:
    """λ/N and λ/2N multiplied by N, C as it should be."""
    return _factors(n) | {"lambda/N": 2.0 * n, "lambda/2N": float(n)}


def _two_inverted(n: int) -> dict[str, float]:
    return _no_two(n) | {"lambda": 0.5, "lambda/N": 0.5 / n}


def _decay_is_full(n: int) -> dict[str, float]:
    return _factors(n) | {"weight_decay": 2.0}


def _no_square(n: int) -> dict[str, float]:
    return _factors(n, two=1) | {"weight_decay": 1.0, "C": 1 / n}


def _with_c(front: Callable[[int], float]) -> Any:
    """A wrong number in front of w at C = 1, the other conventions right."""
    return _convert_by(lambda n: _factors(n) | {"C": front(n)})


def _swapped(value: float, source: str, target: str, n: int) -> float:
    """Divided where it is multiplied, and multiplied where it is divided; C is right."""
    table = _factors(n)
    weight_decay = 1 / (value * n) if source == "C" else value / table[source]
    return 1 / (weight_decay * n) if target == "C" else weight_decay * table[target]


def _multiplied(value: float, source: str, target: str, n: int) -> float:
    """To weight_decay correctly, and from there with the inverse of what is right."""
    weight_decay = _convert(value, source, "weight_decay", n)
    if target == "C":
        return 1 / (weight_decay * n)
    return weight_decay * _factors(n)[target]


def _n_above(value: float, source: str, target: str, n: int) -> float:
    right = _convert(value, source, target, n)
    return right * n**2 if target == "C" and source != "C" else right


def _c_or_c(value: float, source: str, target: str, n: int) -> float:
    """Two branches for C that exclude each other: in the first, the target must not be C."""
    if source == "C":
        return 1 / (value * n) / _factors(n)[target]
    return _convert(value, source, target, n)


def _c_not_turned(value: float, source: str, target: str, n: int) -> float:
    """Into C without the last inverse."""
    right = _convert(value, source, target, n)
    return 1 / right if target == "C" and source != "C" else right


def _convert_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(source: str, target: str) -> Probe:
        return (draw_number(rng, 0.01, 2.0), source, target, int(rng.integers(20, 900)))

    same = ("weight_decay", "weight_decay")
    return {
        "to weight_decay": [*(draw(c, "weight_decay") for c in CONVENTIONS), draw(*same)],
        "from weight_decay": [draw("weight_decay", c) for c in CONVENTIONS],
        "between two others": [draw(a, b) for a, b in product(CONVENTIONS, CONVENTIONS)],
    }


CONVERT = Exercise(
    id="03.2",
    title="From one convention to another",
    function="convert_lambda",
    points=2,
    oracle=_convert,
    mistakes={
        "The factor 2 is lost: λ‖w‖² has the gradient 2λw, (λ/2)‖w‖² has λw.": (
            _convert_by(_no_two)
        ),
        "The 2 is on the wrong side: λ‖w‖² pulls twice as hard as (λ/2)‖w‖² with the same λ.": (
            _convert_by(_two_inverted)
        ),
        "The number of examples is lost: λ/N and λ/2N divide the strength by N, "
        "and in C the sum over N losses stands against one penalty.": (
            _convert_by(lambda n: _factors(n, over_n=False))
        ),
        "You multiply by N where it divides: a strength written under N is weaker.": (
            _convert_by(lambda n: _factors(n, up=True))
        ),
        "You convert in the opposite direction: from target to source.": (
            lambda value, source, target, n: _convert(value, target, source, n)
        ),
        "C is not a strength but its inverse: a large C means a weak penalty, λ = 1/(C·N).": (
            _convert_by(_factors, inverse=False)
        ),
        "The 2 of the square is missing: the gradient of λw² is 2λw, so that in (λ/2)‖w‖² the ½ "
        "goes and λ stands in front of w.": _convert_by(_no_square),
        "You multiplied by the target's factor. From weight_decay to the target you divide by it: "
        "a convention that pulls twice as hard needs half the value.": _multiplied,
        "You have n/weight_decay for C. The number in front of w is 1/(C·N); solved for C "
        "that is 1/(N · weight_decay).": _n_above,
        "Your number for C is half of what it is: the penalty ‖w‖²/(2CN) has the gradient w/(CN), "
        "the 2 of the square cancels the ½.": _with_c(lambda n: 0.5 / n),
        "For C the N is missing: the penalty is ‖w‖²/(2CN), so that 1/(C·N) stands in front of w, "
        "not 1/C.": _with_c(lambda n: 1.0),
        "For C your N is upside down: 1/(C·N) stands in front of w, not N/C.": _with_c(float),
        "You convert the wrong way at both ends: multiply by the source's factor to come to "
        "weight_decay, and divide by the target's.": _swapped,
        "You take PyTorch's weight_decay for the λ of λ‖w‖². It adds weight_decay·w to the "
        "gradient, which belongs to (λ/2)‖w‖².": (_convert_by(_decay_is_full)),
        "N is on the wrong side in λ/N and λ/2N: the strength is divided by N, so 2λ/N and λ/N "
        "stand in front of w.": _convert_by(_n_upside_down),
        "You stop at weight_decay: the value in the convention `target` is asked for.": (
            lambda value, source, target, n: _convert(value, source, "weight_decay", n)
        ),
        "Your answer is `value` itself: the same number means another strength in another "
        "convention.": lambda value, source, target, n: value,
        "Into C your number is upside down: weight_decay·N is 1/C; turn it over.": _c_not_turned,
        "In λ/N and λ/2N the 2 of the square is missing: their gradients are 2λw/N and λw/N.": (
            _convert_by(lambda n: _factors(n) | {"lambda/N": 1 / n, "lambda/2N": 0.5 / n})
        ),
        "In λ/N and λ/2N the N is missing: the strength is divided by N.": _convert_by(
            lambda n: _factors(n) | {"lambda/N": 2.0, "lambda/2N": 1.0}
        ),
        "From C to C your function stops: the branch for the source C takes every target for one "
        "with a factor. Go to weight_decay first, from there to the target.": _c_or_c,
    },
    probes=_convert_probes,
)


# 03.3 momentum


def _torch_momentum(
    w: Array, grad: Array, buffer: Array, lr: float, momentum: float, weight_decay: float
) -> tuple[Array, Array]:
    """PyTorch keeps no buffer when momentum is 0; the least number above 0 makes it keep one."""
    point = torch.tensor(w)
    point.grad = torch.tensor(grad)
    momentum = max(momentum, float(np.nextafter(0, 1)))
    sgd = torch.optim.SGD([point], lr=lr, momentum=momentum, weight_decay=weight_decay)
    sgd.state[point]["momentum_buffer"] = torch.tensor(buffer)
    sgd.step()
    return point.numpy(), sgd.state[point]["momentum_buffer"].numpy()


def _momentum_by(rule: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """A mistake written with the full gradient g + λw as `h`."""
    return lambda w, g, b, lr, mu, d: rule(w, g, b, lr, mu, d, g + d * w)


def _outside(w: Array, g: Array, b: Array, lr: float, mu: float, d: float) -> tuple[Array, Array]:
    new = mu * b + g
    return (1 - lr * d) * w - lr * new, new


def _skip_buffer(
    w: Array, g: Array, b: Array, lr: float, mu: float, d: float
) -> tuple[Array, Array]:
    """Without momentum a step of its own, which leaves the buffer as it was."""
    new = mu * b + g + d * w
    return w - lr * new, new if mu else b


def _momentum_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(
        shape: tuple[int, ...], started: float, *, momentum: float = 1, decay: float = 1
    ) -> Probe:
        w, grad, buffer = (draw_array(rng, *shape) for _ in range(3))
        lr, mu, strength = (draw_number(rng, low, low + 0.5) for low in (0.1, 0.4, 0.2))
        return (w, grad, started * buffer + 0.0, lr, momentum * mu, decay * strength)

    shapes = ((3,), (1,), (2, 3))
    return {
        "the first step, the buffer is zero": [draw(s, 0.0) for s in shapes],
        "later steps": [draw(s, 1.0) for s in (*shapes, (3, 2))],
        "momentum or decay of 0": [draw((3,), 1.0, momentum=0.0), draw((3,), 1.0, decay=0.0)],
    }


MOMENTUM = Exercise(
    id="03.3",
    title="Momentum with coupled decay",
    function="momentum_step",
    points=1,
    oracle=_torch_momentum,
    mistakes={
        "Your decay stays outside of the buffer. PyTorch's SGD adds λw to the gradient first, "
        "so that the decay has momentum, too.": _outside,
        "You scale the new gradient by 1 − μ (dampening). PyTorch's default adds it whole.": (
            _momentum_by(
                lambda w, g, b, lr, mu, d, h: (
                    w - lr * (mu * b + (1 - mu) * h),
                    mu * b + (1 - mu) * h,
                )
            )
        ),
        "You put the learning rate into the buffer. PyTorch's buffer sums gradients; "
        "η multiplies it only when w moves.": (
            _momentum_by(lambda w, g, b, lr, mu, d, h: (w - (mu * b + lr * h), mu * b + lr * h))
        ),
        "Your buffer has the opposite sign. PyTorch's buffer sums gradients, "
        "and w moves against it.": (
            _momentum_by(lambda w, g, b, lr, mu, d, h: (w + lr * (mu * b - h), mu * b - h))
        ),
        "Your buffer holds the step itself, −η times the gradients. PyTorch's buffer sums "
        "gradients without η, and w moves by −η times it.": (
            _momentum_by(lambda w, g, b, lr, mu, d, h: (w + mu * b - lr * h, mu * b - lr * h))
        ),
        "You moved w with the old buffer; first renew the buffer, then move.": (
            _momentum_by(lambda w, g, b, lr, mu, d, h: (w - lr * b, mu * b + h))
        ),
        "You swapped the two results: return the new weights first, then the new buffer.": (
            _momentum_by(lambda w, g, b, lr, mu, d, h: (mu * b + h, w - lr * (mu * b + h)))
        ),
        "That is Nesterov's step: it looks ahead by another μ times the buffer. "
        "Here w moves by the buffer itself.": (
            _momentum_by(
                lambda w, g, b, lr, mu, d, h: (w - lr * (h + mu * (mu * b + h)), mu * b + h)
            )
        ),
        "The decay enters the buffer twice as strong: the gradient of (λ/2)‖w‖² is λw.": (
            _momentum_by(
                lambda w, g, b, lr, mu, d, h: (w - lr * (mu * b + h + d * w), mu * b + h + d * w)
            )
        ),
        "Your μ multiplies the new gradient, too. It shrinks the old buffer only; gradient and "
        "decay are added whole.": _momentum_by(
            lambda w, g, b, lr, mu, d, h: (w - lr * mu * (b + h), mu * (b + h))
        ),
        "Your step ignores weight_decay.": lambda w, g, b, lr, mu, d: (
            w - lr * (mu * b + g),
            mu * b + g,
        ),
        "The decay has the wrong sign: λw is added to the gradient, which is subtracted.": (
            lambda w, g, b, lr, mu, d: (w - lr * (mu * b + g - d * w), mu * b + g - d * w)
        ),
        "The decay enters the buffer half as strong: the gradient of (λ/2)‖w‖² is λw, the 2 of "
        "the square cancels the ½.": lambda w, g, b, lr, mu, d: (
            w - lr * (mu * b + g + d / 2 * w),
            mu * b + g + d / 2 * w,
        ),
        "Your buffer keeps all of the past: μ shrinks the old buffer first.": _momentum_by(
            lambda w, g, b, lr, mu, d, h: (w - lr * (b + h), b + h)
        ),
        "The learning rate is missing: w moves by −η times the new buffer.": _momentum_by(
            lambda w, g, b, lr, mu, d, h: (w - (mu * b + h), mu * b + h)
        ),
        "You step uphill: w moves against the new buffer.": _momentum_by(
            lambda w, g, b, lr, mu, d, h: (w + lr * (mu * b + h), mu * b + h)
        ),
        "You returned the old buffer. The next step needs the new one.": _momentum_by(
            lambda w, g, b, lr, mu, d, h: (w - lr * (mu * b + h), b)
        ),
        "You decay twice: λw is in the buffer, and w is multiplied by 1 − ηλ as well.": (
            _momentum_by(
                lambda w, g, b, lr, mu, d, h: ((1 - lr * d) * w - lr * (mu * b + h), mu * b + h)
            )
        ),
        "Without momentum you leave the buffer as it was. The formula holds for μ = 0, too: the "
        "new buffer is the gradient with its decay.": _skip_buffer,
    },
    probes=_momentum_probes,
    compare=SINGLE,
)


WRITTEN = Written(
    id="03.w",
    title="From SGD to AdamW: which λ to start from",
    rubric={
        "Says why λ cannot be kept: in AdamW the shrink per step is ηλ, with η about 100 times "
        "smaller, and no momentum acts on it.": 1,
        "Computes a start from equal shrink per step (ηλ, or ηλ/(1 − μ) for the coupled momentum "
        "of SGD), and says that it is a start of a search in log space, not the answer.": 1,
    },
)

LESSON = Lesson(
    number="03",
    name="weight_decay",
    title="Weight decay and L2: when they are the same",
    minutes=85,
    exercises=(SGD_STEP, CONVERT, MOMENTUM, STABLE, ADAM, GROUPS),
    written=(WRITTEN,),
)
