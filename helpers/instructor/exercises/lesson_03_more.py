"""Lesson 03, continued: stability, Adam, what decays, and the draws that all probes share."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.compare import SINGLE
from helpers.instructor.exercise import Exercise, Probe

Array = NDArray[np.float64]
Triple = tuple[Any, Any, Any]


def draw_array(rng: np.random.Generator, *shape: int) -> Array:
    """Normal numbers with three digits."""
    return np.round(rng.normal(0, 1, shape), 3)


def draw_number(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform number with four digits."""
    return round(float(rng.uniform(low, high)), 4)


# 03.4 stability


def _bisected_limit(lr: float, momentum: float) -> float:
    """The largest λ at which the eigenvalues of (w, buffer) ↦ its next value stay within 1."""

    def radius(decay: float) -> float:
        step = np.array([[1 - lr * decay, -lr * momentum], [decay, momentum]])
        return float(np.abs(np.linalg.eigvals(step)).max())

    low, high = 1e-3 / lr, 8 / lr
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if radius(middle) < 1 else (low, middle)
    return low


def _limit_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def rates() -> float:
        return float(f"{10 ** rng.uniform(-3, 1):.3g}")

    return {
        "without momentum": [(rates(), 0.0) for _ in range(3)],
        "with momentum": [(rates(), draw_number(rng, 0.2, 0.95)) for _ in range(5)],
    }


STABLE = Exercise(
    id="03.4",
    title="The largest stable decay",
    function="largest_stable_decay",
    points=1,
    oracle=_bisected_limit,
    mistakes={
        "The limit 2/η holds without momentum. With it the weight remembers its last step, and "
        "the limit moves: set z = −1 in the quadratic equation.": lambda lr, mu: 2 / lr,
        "You have 1 − μ where 1 + μ belongs: momentum widens the stable range, "
        "since it brakes a weight that flips its sign.": lambda lr, mu: 2 * (1 - mu) / lr,
        "2/(η(1 − μ)) treats momentum as a larger learning rate. That is right for slow, smooth "
        "movement; at the limit the weight flips its sign every step.": (
            lambda lr, mu: 2 / (lr * (1 - mu))
        ),
        "1 + μ belongs into the numerator: momentum widens the stable range.": (
            lambda lr, mu: 2 / (lr * (1 + mu))
        ),
        "That is the limit of the product ηλ; the exercise asks for λ itself: divide by η.": (
            lambda lr, mu: 2 * (1 + mu)
        ),
        "At (1 + μ)/η the weight swings, but it still shrinks; the limit is where |w| stops "
        "shrinking.": lambda lr, mu: (1 + mu) / lr,
        "At (1 − √μ)²/η the two roots become one, √μ. There the weight only begins to swing; the "
        "limit is where a root reaches z = −1.": lambda lr, mu: (1 - np.sqrt(mu)) ** 2 / lr,
        "At (1 + √μ)²/η the two roots become one, −√μ, and the weight still "
        "shrinks. The limit is where a root reaches z = −1.": lambda lr, mu: (
            (1 + np.sqrt(mu)) ** 2 / lr
        ),
        "That limit is for μ = 0.9 only, as in the figure: yours must hold for every momentum.": (
            lambda lr, mu: 3.8 / lr
        ),
        "A decay below 0 makes a weight grow; look at the signs when you solve for ηλ.": (
            lambda lr, mu: -2 * (1 + mu) / lr
        ),
        "You multiply by η. The limit of the product ηλ is a fixed number for each μ: solved for "
        "λ, it is divided by η.": lambda lr, mu: 2 * (1 + mu) * lr,
        "Only a part of the limit is divided by η: the whole limit of ηλ is.": (
            lambda lr, mu: 2 + 2 * mu / lr
        ),
        "Your limit of ηλ is 2 + μ. With z = −1 two terms of the quadratic equation hold a μ: the "
        "middle one, and the last.": lambda lr, mu: (2 + mu) / lr,
    },
    probes=_limit_probes,
)


# 03.5 Adam


def _torch_adam(
    w: Array, grad: Array, m: Array, v: Array, t: int, lr: float, beta1: float, beta2: float,
    eps: float, weight_decay: float, decoupled: bool,
) -> Triple:  # fmt: skip
    point = torch.tensor(w)
    point.grad = torch.tensor(grad)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    adam = kind([point], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    state = {"step": torch.tensor(float(t - 1))}
    state |= {"exp_avg": torch.tensor(m), "exp_avg_sq": torch.tensor(v)}
    adam.state[point] = state
    adam.step()
    return point.numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()


def _adam_by(
    *,
    coupled: Callable[[bool], bool] = lambda decoupled: not decoupled,
    shift: int = 0,
    corrected: bool = True,
    root: Callable[[Any, float], Any] = lambda v, eps: np.sqrt(v) + eps,
    shrink: Callable[[Any, float, float], Any] = lambda w, lr, decay: w * (1 - lr * decay),
    after: bool = False,
    second: Callable[[Any], Any] = np.square,
) -> Callable[..., Triple]:
    """A wrong Adam: each argument is one place where learners go astray."""

    def step(
        w: Array, grad: Array, m: Array, v: Array, t: int, lr: float, beta1: float, beta2: float,
        eps: float, weight_decay: float, decoupled: bool,
    ) -> Triple:  # fmt: skip
        if coupled(decoupled):
            grad = grad + weight_decay * w
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * second(grad)
        power = t + shift
        m_hat = m / (1 - beta1**power) if corrected else m
        v_hat = v / (1 - beta2**power) if corrected else v
        if decoupled and not coupled(decoupled) and not after:
            w = shrink(w, lr, weight_decay)
        w = w - lr * m_hat / root(v_hat, eps)
        if decoupled and after:
            w = shrink(w, lr, weight_decay)
        return w, m, v

    return step


def _root_of_signed(v: Any, eps: float) -> Any:
    with np.errstate(invalid="ignore"):
        return np.sqrt(v) + eps


def _with_flag(flag: Callable[[bool], bool]) -> Callable[..., Triple]:
    """Adam with another value of its last argument, `decoupled`."""

    def step(*arguments: Any) -> Triple:
        return _torch_adam(*[*arguments[:-1], flag(arguments[-1])])

    return step


def _corrected_moments(*arguments: Any) -> Triple:
    w, m, v = _torch_adam(*arguments)
    t, beta1, beta2 = arguments[4], arguments[6], arguments[7]
    return w, m / (1 - beta1**t), v / (1 - beta2**t)


def _no_decay(*arguments: Any) -> Triple:
    return _torch_adam(*[*arguments[:-2], 0.0, arguments[-1]])


def _swapped_betas(*arguments: Any) -> Triple:
    w, grad, m, v, t, lr, beta1, beta2, *rest = arguments
    eps, weight_decay, decoupled = rest
    return _torch_adam(w, grad, m, v, t, lr, beta2, beta1, eps, weight_decay, decoupled)


def _twice(*arguments: Any) -> Triple:
    """Decoupled, with λw in the gradient as well."""
    w, grad, *rest, weight_decay, decoupled = arguments
    pulled = grad + weight_decay * w if decoupled else grad
    return _torch_adam(*[w, pulled, *rest, weight_decay, decoupled])


def _only_in_m(*arguments: Any) -> Triple:
    """Coupled, with λw in the first moment but not in the second: v stays as without decay."""
    w, grad, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled = arguments
    if decoupled:
        return _torch_adam(*arguments)
    m = beta1 * m + (1 - beta1) * (grad + weight_decay * w)
    v = beta2 * v + (1 - beta2) * grad**2
    root = np.sqrt(v / (1 - beta2**t)) + eps
    return w - lr * m / (1 - beta1**t) / root, m, v


def _early_eps(*arguments: Any) -> Triple:
    """(√v + ε) divided by the correction's root: ε is corrected, too."""
    *before, eps, weight_decay, decoupled = arguments
    t, beta2 = arguments[4], arguments[7]
    return _torch_adam(*[*before, eps / np.sqrt(1 - beta2**t), weight_decay, decoupled])


def _v_uncorrected(*arguments: Any) -> Triple:
    """The root of the second moment without its correction, m̂ with it."""
    w, _, _, _, t, lr, beta1, _, eps, weight_decay, decoupled = arguments
    _, m, v = _torch_adam(*arguments)
    start = (1 - lr * weight_decay) * w if decoupled else w
    return start - lr * m / (1 - beta1**t) / (np.sqrt(v) + eps), m, v


def _divided_decay(*arguments: Any) -> Triple:
    w, _, _, _, t, lr, _, beta2, eps, weight_decay, decoupled = arguments
    moved, m, v = _no_decay(*arguments) if decoupled else _torch_adam(*arguments)
    shrink = lr * weight_decay * w / (np.sqrt(v / (1 - beta2**t)) + eps)
    return (moved - shrink if decoupled else moved), m, v


def _shrunk_always(*arguments: Any) -> Triple:
    w, lr, weight_decay, decoupled = (arguments[i] for i in (0, 5, 9, 10))
    moved, m, v = _torch_adam(*arguments)
    return (moved if decoupled else moved - lr * weight_decay * w), m, v


def _without_decay_if(mode: bool) -> Callable[..., Triple]:
    return lambda *arguments: (
        _no_decay(*arguments) if arguments[-1] == mode else _torch_adam(*arguments)
    )


def _only_in_v(*arguments: Any) -> Triple:
    """Coupled, with λw in the second moment but not in the first."""
    w, grad, m, _, t, lr, beta1, beta2, eps, _, decoupled = arguments
    if decoupled:
        return _torch_adam(*arguments)
    _, _, v = _torch_adam(*arguments)
    m = beta1 * m + (1 - beta1) * grad
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def _m_uncorrected(*arguments: Any) -> Triple:
    w, _, _, _, t, lr, _, beta2, eps, weight_decay, decoupled = arguments
    _, m, v = _torch_adam(*arguments)
    start = (1 - lr * weight_decay) * w if decoupled else w
    return start - lr * m / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def _uphill(*arguments: Any) -> Triple:
    w, lr, weight_decay, decoupled = (arguments[i] for i in (0, 5, 9, 10))
    moved, m, v = _torch_adam(*arguments)
    start = (1 - lr * weight_decay) * w if decoupled else w
    return 2 * start - moved, m, v


def _without_rate(*arguments: Any) -> Triple:
    w, lr, weight_decay, decoupled = (arguments[i] for i in (0, 5, 9, 10))
    moved, m, v = _torch_adam(*arguments)
    start = (1 - lr * weight_decay) * w if decoupled else w
    return start + (moved - start) / lr, m, v


def _adam_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(
        shape: tuple[int, ...], t: int, decoupled: bool, decay: bool = True, betas: Any = (1, 1)
    ) -> Probe:
        w, grad = draw_array(rng, *shape), draw_array(rng, *shape)
        past = 0.0 if t == 1 else 1.0
        m, v = past * draw_array(rng, *shape) + 0.0, past * draw_array(rng, *shape) ** 2
        rates = draw_number(rng, 0.1, 0.5), draw_number(rng, 0.6, 0.8), draw_number(rng, 0.85, 0.95)
        strength = draw_number(rng, 0.2, 0.9) if decay else 0.0
        rates = (rates[0], betas[0] * rates[1], betas[1] * rates[2])
        return (w, grad, m, v, t, *rates, draw_number(rng, 0.02, 0.2), strength, decoupled)

    shapes, late, far = ((3,), (1,), (2, 3)), int(rng.integers(12, 25)), int(rng.integers(101, 999))
    steps = (1, 2, 7)
    coupled, decoupled = (
        [draw(shape, t, kind) for shape, t in zip(shapes, steps, strict=True)]
        for kind in (False, True)
    )
    return {
        "without decay": [draw((2, 3), 1, False, False), draw((4,), 3, True, False)],
        "coupled (Adam)": [*coupled, draw((2,), late, False)],
        "decoupled (AdamW)": [*decoupled, draw((2,), far, True)],
        "a β of 0": [draw((2,), 2, False, betas=(0, 1)), draw((2,), 3, True, betas=(1, 0))],
    }


ADAM = Exercise(
    id="03.5",
    title="Adam and AdamW",
    function="adam_step",
    points=2,
    oracle=_torch_adam,
    mistakes={
        "The bias correction is missing: m and v start at zero, so that they are too small by "
        "1 − β₁ᵗ and 1 − β₂ᵗ.": _adam_by(corrected=False),
        "Your bias correction is one step ahead: t counts from 1 and includes this step, "
        "so that the first step divides by 1 − β.": _adam_by(shift=1),
        "You put ε inside the root; it is added to √v̂.": (
            _adam_by(root=lambda v, eps: np.sqrt(v + eps))
        ),
        "Your decoupled decay still goes through the gradient, so the second moment divides it. "
        "With decoupled=True λw must touch neither m nor v.": _adam_by(coupled=lambda _: True),
        "You decay directly in both cases. With decoupled=False λw belongs to the gradient, "
        "before m and v.": (_with_flag(lambda _: True)),
        "You have decoupled the wrong way round: decoupled=True is AdamW.": (
            _with_flag(lambda decoupled: not decoupled)
        ),
        "Your decoupled decay is not multiplied by η; in PyTorch's AdamW w shrinks by 1 − ηλ.": (
            _adam_by(shrink=lambda w, lr, decay: w * (1 - decay))
        ),
        "You shrink w after the step, and the step with it. AdamW shrinks the old w.": (
            _adam_by(after=True)
        ),
        "You returned the corrected moments. m̂ and v̂ are for this step only; "
        "return m and v as they are carried on.": _corrected_moments,
        "weight_decay has no effect in your step, neither coupled nor decoupled.": _no_decay,
        "The second moment averages the squared gradient, not its size.": _adam_by(second=np.abs),
        "You average g instead of g² in v. Where g is negative v is, too, and its root is NaN.": (
            _adam_by(second=np.positive, root=_root_of_signed)
        ),
        "You decay twice: with decoupled=True w shrinks, and λw goes into the gradient as well. "
        "Leave it out of the gradient there.": _twice,
        "Your coupled λw is in m, but not in v. It belongs to the gradient before both.": (
            _only_in_m
        ),
        "You add ε to √v before the bias correction, so that ε is corrected, too. "
        "It is added to √v̂.": _early_eps,
        "You correct m, but not v: the step divides by √v̂ + ε.": _v_uncorrected,
        "Your decoupled decay is divided by √v̂ + ε like the gradient. In AdamW w loses ηλw, "
        "undivided.": _divided_decay,
        "You shrink w by 1 − ηλ in both modes. With decoupled=False λw is in the gradient, and "
        "nothing else shrinks w.": _shrunk_always,
        "With decoupled=False your step ignores weight_decay: there λw is added to the "
        "gradient.": _without_decay_if(False),
        "With decoupled=True your step ignores weight_decay: there w shrinks by 1 − ηλ.": (
            _without_decay_if(True)
        ),
        "Your coupled λw is in v, but not in m. It belongs to the gradient before both.": (
            _only_in_v
        ),
        "You correct v, but not m: the step goes along m̂.": _m_uncorrected,
        "Your bias correction is one step behind: t is the number of this step, 1 for the "
        "first.": _adam_by(shift=-1),
        "You step uphill: the weights move against m̂.": _uphill,
        "The learning rate is missing: η multiplies m̂/(√v̂ + ε).": _without_rate,
        "The root is missing: m̂ is divided by √v̂ + ε, not by v̂ + ε.": (
            _adam_by(root=lambda v, eps: v + eps)
        ),
        "You swapped β₁ and β₂: β₁ belongs to m, β₂ to v.": _swapped_betas,
    },
    probes=_adam_probes,
    compare=SINGLE,
)


# 03.6 what decays

Shapes = Mapping[str, tuple[int, ...]]


def _decaying(parameters: Shapes) -> list[str]:
    made = {name: torch.empty(shape) for name, shape in parameters.items()}
    return [name for name, tensor in made.items() if tensor.dim() > 1]


def _names_where(rule: Callable[[str, tuple[int, ...]], bool]) -> Callable[[Shapes], list[str]]:
    return lambda parameters: [name for name, shape in parameters.items() if rule(name, shape)]


def _tells_norm(name: str) -> bool:
    return any(word in name for word in ("norm", "bn", "bias"))


def _group_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def width() -> int:
        return int(rng.integers(2, 90))

    def plain(layers: int) -> dict[str, tuple[int, ...]]:
        widths = [width() for _ in range(layers + 1)]
        found: dict[str, tuple[int, ...]] = {}
        for i in range(layers):
            found[f"layers.{2 * i}.weight"] = (widths[i + 1], widths[i])
            found[f"layers.{2 * i}.bias"] = (widths[i + 1],)
        return found

    def normalized() -> dict[str, tuple[int, ...]]:
        d, h = width(), width()
        return {
            "conv1.weight": (h, 3, 5, 5), "bn1.weight": (h,), "bn1.bias": (h,),
            "fc.weight": (d, h), "fc.bias": (d,), "norm.weight": (d,), "norm.bias": (d,),
            "head.weight": (1, d), "head.bias": (1,),
        }  # fmt: skip

    def misleading() -> dict[str, tuple[int, ...]]:
        d, h = width(), width()
        return {
            "0.weight": (h, d), "0.bias": (h,), "1.weight": (h,), "1.bias": (h,),
            "normal_head.weight": (d, h), "bias_net.weight": (h, 1), "scale": (),
            "gain": (1,), "kernel": (h, d, 3), "embedding": (h, d), "gate": (1, 1),
            "conv3d": (h, 2, 3, 3, 3),
        }  # fmt: skip

    def frozen() -> dict[str, tuple[int, ...]]:
        return {"bn.weight": (width(),), "temperature": (), "0.bias": (width(),)}

    return {
        "linear layers only": [(plain(k),) for k in (1, 2, 3)],
        "with normalization layers": [(normalized(),), (normalized(),), (frozen(),)],
        "names that mislead": [(misleading(),), (misleading(),)],
    }


GROUPS = Exercise(
    id="03.6",
    title="What decays",
    function="decay_groups",
    points=1,
    oracle=_decaying,
    mistakes={
        "You leave out the biases, but the gains γ of the normalization layers still decay: "
        "their names end in .weight, too. Look at the shape.": (
            _names_where(lambda name, _: "bias" not in name)
        ),
        "You go by names that hold norm, bn or bias. In nn.Sequential a normalization layer "
        "is called 1.weight, and normal_head.weight is a matrix. Look at the shape.": (
            _names_where(lambda name, _: not _tells_norm(name))
        ),
        "You go by names with the word weight: a normalization layer's γ has it, "
        "and a kernel need not. Look at the shape.": (
            _names_where(lambda name, _: name.endswith("weight"))
        ),
        "You returned all names. Vectors and scalars do not decay.": _names_where(lambda *_: True),
        "You ask for two axes and for the word weight: a kernel or an embedding need not have it. "
        "The shape alone decides.": _names_where(lambda name, s: len(s) > 1 and "weight" in name),
        "The names are right, their order is not: keep that of `parameters`.": (
            lambda parameters: _decaying(parameters)[::-1]
        ),
        "You return after the first name: the `return` stands inside of the loop.": (
            lambda parameters: _decaying(parameters)[:1]
        ),
        "You returned the names that do not decay.": _names_where(lambda _, s: len(s) < 2),
        "You leave out kernels: those of convolutions have more than two axes. Matrices are not "
        "all that decays.": _names_where(lambda _, s: len(s) == 2),
        "Only tensors with more than two axes decay in your answer; "
        "matrices, with two, are left out.": _names_where(lambda _, s: len(s) > 2),
        "Your answer also lets vectors decay: biases, β and γ have one axis.": (
            _names_where(lambda _, s: len(s) > 0)
        ),
        "You left out a matrix that has only one row or one column: count the axes, "
        "whatever their lengths.": (_names_where(lambda _, s: len([n for n in s if n > 1]) > 1)),
        "You look at the shape and at the name: bias_net.weight and normal_head.weight are "
        "matrices. The shape alone decides.": (
            _names_where(lambda name, s: len(s) > 1 and not _tells_norm(name))
        ),
        "All but names that end in bias decay in your answer. The gains γ and scalars do not end "
        "so, and are vectors or less. Look at the shape.": (
            _names_where(lambda name, _: not name.endswith("bias"))
        ),
    },
    probes=_group_probes,
)
