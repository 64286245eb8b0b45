"""Lesson 09, noise, soft labels and flat minima: noise on inputs and weights, soft targets."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import logit

from helpers.instructor.exercise import Exercise, Lesson, Probe, Written
from helpers.instructor.exercises.lesson_09_more import CALIBRATION, SOFT_LOSS

Array = NDArray[np.float64]
REST, UNIFORM = "rest", "uniform"


# 09.1 noise on the inputs


def _augmented(X: Array, y: Array, sigma: float) -> Array:
    """Ridge as plain least squares: d more rows √n σ I, with targets zero."""
    n, d = X.shape
    rows = np.vstack([X, np.sqrt(n) * sigma * np.eye(d)])
    return np.asarray(np.linalg.lstsq(rows, np.r_[y, np.zeros(d)], rcond=None)[0])


def _ridge_with(strength: Callable[[int, int, float], float]) -> Callable[..., Array]:
    """Ridge with λ as a function of n, d, σ."""

    def solve(X: Array, y: Array, sigma: float) -> Array:
        n, d = X.shape
        gram = X.T @ X + strength(n, d, sigma) * np.eye(d)
        return np.asarray(np.linalg.lstsq(gram, X.T @ y, rcond=None)[0])

    return solve


def _solved(strength: Callable[[int, int, float], Array]) -> Callable[..., Array]:
    """np.linalg.solve with this added to XᵀX: where that is singular, it raises."""

    def solve(X: Array, y: Array, sigma: float) -> Array:
        n, d = X.shape
        gram = X.T @ X + strength(n, d, sigma)
        if np.linalg.matrix_rank(gram) < len(gram):  # rounding can hide it from solve
            raise np.linalg.LinAlgError("Singular matrix")
        return np.asarray(np.linalg.solve(gram, X.T @ y))

    return solve


def _one_copy(X: Array, y: Array, sigma: float) -> Array:
    noisy = X + sigma * np.random.default_rng(0).standard_normal(X.shape)
    return np.asarray(np.linalg.lstsq(noisy, y, rcond=None)[0])


def _everywhere(X: Array, y: Array, sigma: float) -> Array:
    gram = X.T @ X + len(y) * sigma**2  # broadcast to every entry
    return np.asarray(np.linalg.lstsq(gram, X.T @ y, rcond=None)[0])


def _ridge_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(n: int, d: int, sigma: float, blank: int = 0) -> Probe:
        """The last inputs are blank in all examples: without noise XᵀX is exactly singular."""
        X, y = np.round(rng.normal(0, 1.3, (n, d)), 3), np.round(rng.normal(0, 2, n), 3)
        return X * (np.arange(d) < d - blank), y, sigma

    return {
        "more examples than weights": [
            draw(9, 3, 0.3), draw(14, 4, 1.7), draw(7, 2, 0.8), draw(8, 3, 0.05), draw(6, 3, 3.5)
        ],
        "not more examples than weights, or one": [
            draw(3, 6, 0.6, 2), draw(2, 5, 1.4, 2), draw(1, 4, 0.7, 2), draw(5, 1, 0.4),
            draw(3, 3, 0.9),
        ],
    }  # fmt: skip


NOISE_RIDGE = Exercise(
    id="09.1",
    title="Noise on the inputs is ridge",
    function="noise_ridge",
    points=1,
    oracle=_augmented,
    mistakes={
        "Your λ is σ². The noise acts once in each of the n examples: the sum over the examples "
        "gives λ = nσ².": _ridge_with(lambda n, d, s: s**2),
        "Your λ is nσ. What the noise adds on average is a variance, σ², per example.": (
            _ridge_with(lambda n, d, s: n * s)
        ),
        "Your λ is dσ². The sum runs over the n examples; each weight meets its own noise n "
        "times.": _ridge_with(lambda n, d, s: d * s**2),
        "Your λ is nσ²/2. The squared error has no ½ in front here, so the penalty has none.": (
            _ridge_with(lambda n, d, s: n * s**2 / 2)
        ),
        "Your λ is 2nσ². The 2 of the gradient stands before both terms and cancels: the matrix is "
        "XᵀX + nσ²I.": _ridge_with(lambda n, d, s: 2 * n * s**2),
        "Your λ is σ²/n. The penalty is summed over the examples like the error, so it grows "
        "with n.": _ridge_with(lambda n, d, s: s**2 / n),
        "That is least squares without noise: σ must act on the solution.": _ridge_with(
            lambda n, d, s: 0.0
        ),
        "That is least squares without noise, and where n < d XᵀX has no inverse. The noise adds "
        "nσ² to the diagonal; then it has one.": _solved(lambda n, d, s: np.zeros((d, d))),
        "The penalty has the wrong sign: noise adds nσ²‖w‖² to the expected error.": _ridge_with(
            lambda n, d, s: -n * s**2
        ),
        "You fit one noisy copy of X. Asked is the minimum of the *expected* error, over all "
        "noise: a closed form without random numbers.": _one_copy,
        "You center X and y, or fit an intercept. Asked is a model without one: X and y as they "
        "are.": lambda X, y, s: _augmented(X - X.mean(0), y - y.mean(), s),
        "You add nσ² to every entry of XᵀX. Noises of two different inputs are independent: "
        "only the diagonal grows.": _everywhere,
        "You add nσ² to every entry of XᵀX, and where n < d that stays singular. Only the diagonal "
        "grows: nσ² times np.eye(d).": _solved(lambda n, d, s: np.full((d, d), n * s**2)),
    },
    probes=_ridge_probes,
)


# 09.2 noise on the weights


def _cubature(hessian: Array, sigma: float) -> float:
    """The mean of ½eᵀHe over e = ±σ√d along each axis: exact for quadratics."""
    steps = sigma * np.sqrt(len(hessian)) * np.vstack([np.eye(len(hessian)), -np.eye(len(hessian))])
    return float(np.mean([0.5 * e @ hessian @ e for e in steps]))


def _hessian_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(d: int, sigma: float, low: float) -> Probe:
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        values = rng.uniform(low, 4.0, d)
        if low < 0:
            values[0], values[-1] = -rng.uniform(0.5, 1.5), rng.uniform(2.5, 4.0)
        return np.round((turn * values) @ turn.T, 4), sigma

    def falling(d: int, sigma: float) -> Probe:
        """The negative eigenvalues are larger than the others: noise lowers the loss."""
        hessian, _ = draw(d, sigma, -1.0)
        return -hessian if np.trace(hessian) > 0 else hessian, sigma

    diagonal = np.diag(np.round(rng.uniform(0.5, 3.0, 3), 3))
    return {
        "minima": [
            draw(4, 0.3, 0.3), (diagonal, 1.7), draw(2, 0.05, 0.5), (np.array([[2.6]]), 0.4)
        ],
        "saddles": [
            draw(3, 0.7, -1.0), draw(5, 1.4, -1.0), (np.diag([3.0, -1.0]), 0.5), falling(3, 0.01)
        ],
    }  # fmt: skip


INCREASE = Exercise(
    id="09.2",
    title="What weight noise costs",
    function="expected_increase",
    points=1,
    oracle=_cubature,
    mistakes={
        "The ½ is missing: the loss is about L(w) + ½ eᵀHe.": lambda H, s: s**2 * np.trace(H),
        "You take σ once. The mean of e² is the variance, σ².": lambda H, s: s * np.trace(H) / 2,
        "You sum all entries of H. The noises of two weights are independent, so the mean of "
        "e₁e₂ is 0: only the diagonal remains.": lambda H, s: s**2 * H.sum() / 2,
        "You take the largest eigenvalue. Noise goes in all directions: all eigenvalues count, "
        "and their sum is the trace.": lambda H, s: s**2 * np.linalg.eigvalsh(H).max() / 2,
        "You take the determinant. The mean over directions adds the curvatures; it does not "
        "multiply them.": lambda H, s: s**2 * np.linalg.det(H) / 2,
        "You average the curvatures. Every weight has noise of its own, so they add up.": (
            lambda H, s: s**2 * np.mean(np.diag(H)) / 2
        ),
        "You add absolute curvatures. Along a direction that bends down, noise lowers the loss: "
        "negative eigenvalues count as negative.": (
            lambda H, s: s**2 * np.abs(np.linalg.eigvalsh(H)).sum() / 2
        ),
        "You take the absolute value of the trace. Where the negative eigenvalues win, noise "
        "lowers the loss: the answer is negative.": lambda H, s: s**2 * abs(np.trace(H)) / 2,
        "You cut off at 0. Where the negative eigenvalues win, noise lowers the loss: the answer "
        "is negative.": lambda H, s: s**2 * max(float(np.trace(H)), 0.0) / 2,
        "You leave out the negative eigenvalues. Along a direction that bends down, noise lowers "
        "the loss: they count as negative.": (
            lambda H, s: s**2 * np.maximum(np.linalg.eigvalsh(H), 0).sum() / 2
        ),
        "You leave out the negative entries of the diagonal. Along a direction that bends down, "
        "noise lowers the loss: they count as negative.": (
            lambda H, s: s**2 * np.maximum(np.diag(H), 0).sum() / 2
        ),
        "You add the absolute values of the diagonal. Along a direction that bends down, noise "
        "lowers the loss: such entries count as negative.": (
            lambda H, s: s**2 * np.abs(np.diag(H)).sum() / 2
        ),
        "You take the norm of H (root of the sum of squares). Asked is the plain sum of its "
        "diagonal.": lambda H, s: s**2 * np.linalg.norm(H) / 2,
        "Return one number: sum those of all weights.": lambda H, s: s**2 * np.diag(H) / 2,
    },
    probes=_hessian_probes,
)  # fmt: skip


# 09.3 soft labels


def _torch_soft(y: NDArray[np.int64], n_classes: int, epsilon: float, convention: str) -> Array:
    """Columns of a mixing matrix, looked up as an embedding."""
    share = epsilon / n_classes if convention == UNIFORM else epsilon / (n_classes - 1)
    table = torch.full((n_classes, n_classes), share, dtype=torch.float64)
    table.fill_diagonal_(1 - share * (n_classes - 1))
    return np.asarray(F.embedding(torch.from_numpy(y), table).numpy())


Entries = Callable[[int, float, str], tuple[float, float]]


def _soft_by(entries: Entries) -> Callable[..., Array]:
    """Targets from (entry of the label, entry of the others) as a function of K, ε, convention."""

    def make(y: NDArray[np.int64], n_classes: int, epsilon: float, convention: str) -> Array:
        own, other = entries(n_classes, epsilon, convention)
        return np.where(np.arange(n_classes) == y[:, None], own, other)

    return make


def _right(K: int, e: float, convention: str) -> tuple[float, float]:
    return (1 - e + e / K, e / K) if convention == UNIFORM else (1 - e, e / (K - 1))


def _swapped(K: int, e: float, convention: str) -> tuple[float, float]:
    return _right(K, e, REST if convention == UNIFORM else UNIFORM)


def _transposed(y: NDArray[np.int64], n_classes: int, epsilon: float, convention: str) -> Array:
    return np.asarray(_torch_soft(y, n_classes, epsilon, convention).T)


def _whole_columns(y: NDArray[np.int64], n_classes: int, epsilon: float, convention: str) -> Array:
    own, other = _right(n_classes, epsilon, convention)
    targets = np.full((len(y), n_classes), other)
    targets[:, y] = own
    return targets


def _counted(y: NDArray[np.int64], n_classes: int, epsilon: float, convention: str) -> Array:
    return _torch_soft(y, int(y.max()) + 1, epsilon, convention)


def _label_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    sizes = ((5, 3, 0.1), (7, 10, 0.25), (1, 4, 0.6), (4, 2, 0.3), (4, 3, 0.85), (2, 23, 0.05))

    def draw(convention: str) -> list[Probe]:
        """With many classes the last one has no example: K is told, and cannot be counted."""
        probes: list[Probe] = []
        near = [(n, k, round(e * float(rng.uniform(0.8, 1.15)), 3)) for n, k, e in sizes]
        for n, k, e in (*near, (3, 5, 0.0)):
            last, end = (k - 2, k - 2) if k > 3 else (k - 1, k)
            y = np.r_[rng.integers(0, end, n - 1), last]
            probes.append((y.astype(np.int64), k, e, convention))
        return probes

    return {f'convention "{c}"': draw(c) for c in (REST, UNIFORM)}


SMOOTH = Exercise(
    id="09.3",
    title="Label smoothing in two conventions",
    function="smooth_labels",
    points=2,
    oracle=_torch_soft,
    mistakes={
        "You have swapped the conventions: \"rest\" leaves 1 − ε to the label, \"uniform\" gives "
        "ε/K to every class, the label included.": _soft_by(_swapped),
        "Your rows sum to 1 − ε/K: with 1 − ε for the label the others share ε among K − 1 "
        "classes; ε/K goes with 1 − ε + ε/K.": _soft_by(lambda K, e, c: (1 - e, e / K)),
        "\"uniform\" is right; \"rest\" is not. There the label keeps 1 − ε, and the other K − 1 "
        "classes share ε.": _soft_by(lambda K, e, c: _right(K, e, UNIFORM)),
        "\"rest\" is right; \"uniform\" is not. There ε is spread over all K classes, so the label "
        "gets 1 − ε + ε/K.": _soft_by(lambda K, e, c: _right(K, e, REST)),
        "Every other class gets a whole ε in your rows; they must share it.": _soft_by(
            lambda K, e, c: (1 - e, e)
        ),
        "You lower the label's entry and forget the others: what it loses, the other classes "
        "get.": _soft_by(lambda K, e, c: (_right(K, e, c)[0], 0.0)),
        "These are hard labels: ε has no effect. The label gives a part of its 1 to the other "
        "classes.": _soft_by(lambda K, e, c: (1.0, 0.0)),
        "You raise the other classes but leave the label at 1: a row must sum to 1.": _soft_by(
            lambda K, e, c: (1.0, _right(K, e, c)[1])
        ),
        "Your ε is what the label keeps. It is what the label gives away: ε = 0 are hard "
        "labels.": _soft_by(lambda K, e, c: _right(K, 1 - e, c)),
        "\"rest\" is right; in \"uniform\" your rows sum to 1 − ε/K: the label is one of the K "
        "classes that share ε, and gets 1 − ε + ε/K.": _soft_by(
            lambda K, e, c: (1 - e, _right(K, e, c)[1])
        ),
        "You count the classes in y. A class may have no example there: use n_classes.": _counted,
        "Your array is transposed: rows are examples, columns are classes.": _transposed,
        "targets[:, y] writes whole columns: every row gets every label. Pair each row with its "
        "own label: targets[np.arange(n), y].": _whole_columns,
    },
    probes=_label_probes,
)  # fmt: skip


# 09.4 the best gap


def _gap_of_logits(epsilon: float, n_classes: int, convention: str) -> float:
    """From the label's log-odds: log(q/(1 − q)) + log(K − 1)."""
    own, _ = _right(n_classes, epsilon, convention)
    return float(logit(own) + np.log(n_classes - 1))


def _gap_by(ratio: Callable[[float, float, int], float]) -> Callable[..., float]:
    def gap(epsilon: float, n_classes: int, convention: str) -> float:
        return float(ratio(*_right(n_classes, epsilon, convention), n_classes))

    return gap


def _gap_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(convention: str) -> list[Probe]:
        classes = [2, 3, int(rng.integers(4, 9)), 10, int(rng.integers(50, 200))]
        usual = [(float(np.round(rng.uniform(0.02, 0.4), 3)), k, convention) for k in classes]
        most = [(float(np.round(rng.uniform(0.75, 0.95), 3)), k, convention) for k in (2, 3)]
        return [*usual, *most, (float(f"{rng.uniform(1, 9) * 1e-6:.3g}"), 10, convention)]

    return {f'convention "{c}"': draw(c) for c in (REST, UNIFORM)}


GAP = Exercise(
    id="09.4",
    title="The gap of the logits that label smoothing wants",
    function="optimal_gap",
    points=1,
    oracle=_gap_of_logits,
    mistakes={
        "You have swapped the conventions (in \"uniform\" the label's target is 1 − ε + ε/K).": (
            lambda e, k, c: _gap_of_logits(e, k, REST if c == UNIFORM else UNIFORM)
        ),
        "\"rest\" is right; \"uniform\" is not. There the label's target is 1 − ε + ε/K, and any "
        "other one ε/K.": lambda e, k, c: _gap_of_logits(e, k, REST),
        "\"uniform\" is right; \"rest\" is not. There the label's target is 1 − ε, and any other "
        "one ε/(K − 1).": lambda e, k, c: _gap_of_logits(e, k, UNIFORM),
        "Your gap has the wrong sign: it is the label's logit less the other one, so the label's "
        "target stands above: log(own target / other target).": _gap_by(
            lambda own, other, k: np.log(other / own)
        ),
        "That is the log-odds of the label against all others together. The gap is to *one* "
        "other class: log(own target / one other target).": _gap_by(
            lambda own, other, k: np.log(own / (1 - own))
        ),
        "You take the absolute value. In \"rest\" with a large ε the label has the *smaller* "
        "target: the gap is negative.": _gap_by(lambda own, other, k: abs(np.log(own / other))),
        "You cut off at 0. In \"rest\" with a large ε the label has the *smaller* target: the gap "
        "is negative.": _gap_by(lambda own, other, k: max(np.log(own / other), 0.0)),
        "That is log((1 − ε)/ε), which gives a whole ε to one other class. In \"rest\" it has "
        "ε/(K − 1); in \"uniform\" it has ε/K, and the label 1 − ε + ε/K.": lambda e, k, c: float(
            logit(1 - e)
        ),
        "That is the difference of the probabilities. Logits are their logarithms.": _gap_by(
            lambda own, other, k: own - other
        ),
        "You forgot the logarithm: the softmax divides exponentials, so the *ratio* of two "
        "probabilities is e to the gap.": _gap_by(lambda own, other, k: own / other),
        "That is only the label's log-probability. The gap needs the other class's as well.": (
            _gap_by(lambda own, other, k: np.log(own))
        ),
        "You mix the conventions: with ε/K for the others the label has 1 − ε + ε/K, with 1 − ε "
        "the others have ε/(K − 1).": lambda e, k, c: float(np.log((1 - e) * k / e)),
        "\"rest\" is right. In \"uniform\" the label has 1 − ε + ε/K: it is one of the K classes "
        "that share ε.": lambda e, k, c: float(np.log((1 - e) / _right(k, e, c)[1])),
        "Use the natural logarithm: the softmax is made of powers of e.": _gap_by(
            lambda own, other, k: np.log2(own / other)
        ),
        "That is the logarithm to the base 10. Use the natural one: the softmax is made of powers "
        "of e.": _gap_by(lambda own, other, k: np.log10(own / other)),
    },
    probes=_gap_probes,
)  # fmt: skip

WRITTEN = Written(
    id="09.w",
    title="Crowd-sourced labels: which of these regularizers?",
    rubric={
        "Chooses a method for wrong labels and supports it with this lesson's figures at equal "
        "updates (accuracy gained), and says what the other methods gained or lost.": 1,
        "Says what the choice does to the probabilities (too modest after smoothing or wrong "
        "labels) and how they would be repaired and tested (a temperature, on clean validation "
        "labels), or names another limit of the experiment that matters here.": 1,
    },
)

LESSON = Lesson(
    number="09",
    name="noise",
    title="Noise, soft labels and flat minima",
    minutes=95,
    exercises=(NOISE_RIDGE, INCREASE, SMOOTH, GAP, SOFT_LOSS, CALIBRATION),
    written=(WRITTEN,),
)
