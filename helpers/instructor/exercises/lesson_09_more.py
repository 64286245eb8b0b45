"""Lesson 09, continued: cross-entropy with soft targets, and the calibration error."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from helpers.compare import close
from helpers.instructor.exercise import Exercise, Probe

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


# 09.5 cross-entropy with soft targets


def _torch_loss(logits: Array, targets: Array) -> float:
    return float(F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets)))


def _overflowing(logits: Array, targets: Array) -> float:
    powers = np.exp(logits)
    return float(-(targets * np.log(powers / powers.sum(1, keepdims=True))).sum(1).mean())


def _unstable_log(logits: Array, targets: Array) -> float:
    return float(-(targets * np.log(softmax(logits, axis=1))).sum(1).mean())


def _with_epsilon(logits: Array, targets: Array) -> float:
    return float(-(targets * np.log(softmax(logits, axis=1) + 1e-12)).sum(1).mean())


def _clipped(logits: Array, targets: Array) -> float:
    probs = np.clip(softmax(logits, axis=1), 1e-15, 1)
    return float(-(targets * np.log(probs)).sum(1).mean())


def _maximum_inside(logits: Array, targets: Array) -> float:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return float(-(targets * (logits - np.log(powers.sum(1, keepdims=True)))).sum(1).mean())


def _one_maximum(logits: Array, targets: Array) -> float:
    z = logits - logits.max()
    return float(-(targets * (z - np.log(np.exp(z).sum(1, keepdims=True)))).sum(1).mean())


def _loss_by(combine: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    return lambda logits, targets: float(combine(log_softmax(logits, axis=1), targets))


def _hard(log_probs: Array, targets: Array) -> float:
    return float(-np.take_along_axis(log_probs, targets.argmax(1)[:, None], 1).mean())


def _loss_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(n: int, k: int, scale: float) -> Probe:
        logits = np.round(rng.normal(0, scale, (n, k)), 3)
        targets = rng.dirichlet(np.full(k, 1.5), n)
        return logits, targets / targets.sum(1, keepdims=True)

    def far(n: int, k: int) -> Probe:
        """Rows that lie thousands apart, and one logit that leads by a thousand."""
        logits, targets = draw(n, k, 2.0)
        logits += rng.permutation(np.arange(n) * 2000.0 - 1500.0)[:, None]
        logits[0, -1] += 1200.0
        return logits, targets

    def some_hard(probe: Probe) -> Probe:
        """The first target is a hard label, not of a leading class; the second lacks a class."""
        logits, targets = probe
        targets[0] = np.eye(targets.shape[1])[rng.integers(targets.shape[1] - 1)]
        targets[1, 0] = 0
        return logits, targets / targets.sum(1, keepdims=True)

    return {
        "logits of moderate size": [
            draw(4, 3, 1.5), draw(6, 10, 2.5), draw(1, 5, 1.0), some_hard(draw(4, 3, 1.5))
        ],
        "logits in the thousands": [far(3, 4), far(5, 2), far(2, 7), some_hard(far(3, 4))],
    }  # fmt: skip


SOFT_LOSS = Exercise(
    id="09.5",
    title="Cross-entropy with soft targets",
    function="soft_cross_entropy",
    points=1,
    oracle=_torch_loss,
    compare=close(rtol=1e-5),  # float32 will do
    mistakes={
        "np.exp overflows where a logit is above 709. Subtract each row's maximum first: the "
        "softmax does not change.": _overflowing,
        "Your softmax is stable, its logarithm is not: a probability that rounds to 0 gives "
        "log 0 = −∞. Compute log softmax directly: z − max − log Σ exp(z − max).": _unstable_log,
        "A small number inside the logarithm, or a clip, hides the trouble and bounds the loss. "
        "Compute log softmax directly: z − max − log Σ exp(z − max).": _with_epsilon,
        "Clipping the probabilities hides the trouble and bounds the loss. Compute log softmax "
        "directly: z − max − log Σ exp(z − max).": _clipped,
        "You subtract the maximum inside the exponential only. It must also leave the logit in "
        "front: z − max − log Σ exp(z − max).": _maximum_inside,
        "You subtract one maximum for all rows: a row that lies far below it underflows. Every "
        "row needs its own.": _one_maximum,
        "You sum over the rows. Asked is their mean.": _loss_by(lambda lp, q: -(lp * q).sum()),
        "You average over all entries. Sum over the classes, then average over the examples.": (
            _loss_by(lambda lp, q: -(lp * q).mean())
        ),
        "The minus is missing: a cross-entropy is not below 0.": _loss_by(
            lambda lp, q: (lp * q).sum(1).mean()
        ),
        "You use the largest target only, as with hard labels. Every class counts with its "
        "target.": _loss_by(_hard),
        "Your softmax runs over the examples (axis 0). Each example's classes sum to 1: "
        "axis 1.": lambda z, q: float(-(q * log_softmax(z, axis=0)).sum(1).mean()),
        "You multiply with probabilities instead of their logarithms.": _loss_by(
            lambda lp, q: -(np.exp(lp) * q).sum(1).mean()
        ),
        "Return the mean over the examples, one number.": lambda z, q: (
            -(q * log_softmax(z, axis=1)).sum(1)
        ),
        "That is the Kullback–Leibler divergence: it lacks the entropy of the targets. The "
        "cross-entropy is −Σ q log p.": _loss_by(
            lambda lp, q: (q * (np.log(q) - lp)).sum(1).mean()
        ),
    },
    probes=_loss_probes,
)  # fmt: skip


# 09.6 calibration


def _bins_of(confidence: Array, bins: int) -> NDArray[np.intp]:
    """Bin b holds b/bins < confidence <= (b + 1)/bins."""
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, confidence, side="left")


def _counted(probs: Array, labels: Labels, bins: int) -> float:
    """ECE as |Σ (hit − confidence)| per bin, over n: no means, so no empty bins."""
    confidence = probs.max(1)
    gained = (probs.argmax(1) == labels) - confidence
    return float(np.abs(np.bincount(_bins_of(confidence, bins), gained)).sum() / len(labels))


def _table(probs: Array, labels: Labels, bins: int) -> tuple[Array, Array]:
    """Share and signed gap (accuracy − confidence) of every bin; the gap of an empty one is 0."""
    confidence = probs.max(1)
    gained, at = (probs.argmax(1) == labels) - confidence, _bins_of(confidence, bins)
    counts = np.bincount(at, minlength=bins)
    return counts / len(labels), np.bincount(at, gained, bins) / np.maximum(counts, 1)


def _ece_by(combine: Callable[[Array, Array], float]) -> Callable[..., float]:
    return lambda probs, labels, bins: float(combine(*_table(probs, labels, bins)))


def _own_class(probs: Array, labels: Labels, bins: int) -> float:
    """The probability of the true class in the place of the largest one."""
    own = probs[np.arange(len(labels)), labels]
    gained = (probs.argmax(1) == labels) - own
    return float(np.abs(np.bincount(_bins_of(own, bins), gained)).sum() / len(labels))


def _every_class(probs: Array, labels: Labels, bins: int) -> float:
    hits = np.arange(probs.shape[1]) == labels[:, None]
    at = _bins_of(probs.ravel(), bins)
    return float(np.abs(np.bincount(at, (hits - probs).ravel())).sum() / hits.size)


def _left_closed(probs: Array, labels: Labels, bins: int) -> float:
    """b/bins <= confidence < (b + 1)/bins: a confidence of exactly 1 belongs nowhere."""
    confidence = probs.max(1)
    gained = (probs.argmax(1) == labels) - confidence
    at = np.floor(confidence * bins + 1e-12).astype(int)
    return float(np.abs(np.bincount(at, gained, bins + 1)[:bins]).sum() / len(labels))


def _floor(probs: Array, labels: Labels, bins: int) -> float:
    confidence = probs.max(1)
    gained = (probs.argmax(1) == labels) - confidence
    at = np.minimum(np.floor(confidence * bins + 1e-12).astype(int), bins - 1)
    return float(np.abs(np.bincount(at, gained)).sum() / len(labels))


def _middles(probs: Array, labels: Labels, bins: int) -> float:
    """The middle of each bin in the place of its mean confidence."""
    at = _bins_of(probs.max(1), bins)
    gained = (probs.argmax(1) == labels) - (at + 0.5) / bins
    return float(np.abs(np.bincount(at, gained)).sum() / len(labels))


def _from_least(probs: Array, labels: Labels, bins: int) -> float:
    """Equal bins between the least and the largest confidence, as np.histogram makes them."""
    confidence = probs.max(1)
    gained = (probs.argmax(1) == labels) - confidence
    return float(np.abs(np.histogram(confidence, bins, weights=gained)[0]).sum() / len(labels))


def _empty_nan(probs: Array, labels: Labels, bins: int) -> float:
    confidence, hits = probs.max(1), probs.argmax(1) == labels
    at, total = _bins_of(confidence, bins), 0.0
    with np.errstate(invalid="ignore"):
        for b in range(bins):
            size = np.float64((at == b).sum())
            gap = hits[at == b].sum() / size - confidence[at == b].sum() / size
            total += size / len(labels) * abs(gap)
    return float(total)


def _calibration_probes(rng: np.random.Generator) -> dict[str, list[Probe]]:
    def draw(confidence: Array, k: int, bins: int, missed: Array | None = None) -> Probe:
        """Probabilities with these largest entries; two thirds right, or all but the missed."""
        n = len(confidence)
        best, probs = rng.integers(0, k, n), np.zeros((n, k))
        for row, c, b in zip(probs, confidence, best, strict=True):
            rest = rng.dirichlet(np.full(k - 1, 30.0)) * (1 - c)
            row[:] = np.insert(rest, b, c)
        wrong = rng.random(n) < 0.35 if missed is None else missed > 0
        wrong[:2] = True, False
        labels = (best + wrong * rng.integers(1, k, n)) % k
        return probs, labels.astype(np.int64), bins

    def inside(n: int, low: float, bins: int) -> Array:
        """Confidences in the middle of the bins, away from their edges."""
        first = int(np.ceil(low * bins))
        places = rng.integers(first, bins, n) + rng.uniform(0.1, 0.9, n)
        return np.round(places / bins, 4)

    def spread(n: int, k: int, bins: int, low: float = 0.5) -> Probe:
        return draw(inside(n, low, bins), k, bins)

    def modest() -> Probe:
        """Eight classes and three bins, so that some confidences lie in the first one."""
        return draw(np.append(np.round(rng.uniform(0.25, 0.33, 8), 4), inside(12, 0.34, 3)), 8, 3)

    on_edges = np.array([0.75, 0.6, 0.65, 0.9, 0.95, 0.5, 0.75, 0.55])
    missed = np.array([1, 0, 0, 0, 0, 1, 1, 0])  # moving an edge turns the sign of a bin
    sure = np.r_[np.ones(3), inside(9, 0.5, 10)]
    one_bin = draw(np.round(rng.uniform(0.55, 0.95, 12), 4), 2, 1)
    few = np.array([0.93, 0.97, 0.62, 0.65, 0.95, 0.91, 0.98])
    return {
        "many examples": [spread(60, 4, 10), spread(45, 3, 5), one_bin, spread(50, 5, 15),
                          spread(40, 6, 30, low=0.35), modest()],
        "empty bins, confidences on an edge or exactly 1": [
            draw(on_edges, 3, 8, missed), draw(sure, 4, 10), draw(few, 3, 10),
            draw(on_edges, 4, 4, missed),
        ],
    }  # fmt: skip


CALIBRATION = Exercise(
    id="09.6",
    title="The expected calibration error",
    function="calibration_error",
    points=2,
    oracle=_counted,
    mistakes={
        "You average over the bins that are not empty, each with the same weight. Weigh a bin by "
        "its share of the examples.": _ece_by(lambda share, gap: np.abs(gap)[share > 0].mean()),
        "You average over all bins with the same weight. Weigh a bin by its share of the "
        "examples.": _ece_by(lambda share, gap: np.abs(gap).mean()),
        "You sum the gaps without weights. Weigh a bin by its share of the examples.": _ece_by(
            lambda share, gap: np.abs(gap).sum()
        ),
        "You take the probability of the true class. Confidence is the largest probability: what "
        "the network says without knowing the label.": _own_class,
        "You bin the probabilities of all classes. Here only the largest probability of each "
        "example counts.": _every_class,
        "You take the largest gap of all bins (the maximum calibration error). Asked is the "
        "weighted mean.": _ece_by(lambda share, gap: np.abs(gap).max()),
        "The absolute value is missing: too sure in one bin must not cancel too modest in "
        "another.": _ece_by(lambda share, gap: (share * gap).sum()),
        "You sum confidence − accuracy with its sign. Take the absolute value: too sure in one bin "
        "must not cancel too modest in another.": _ece_by(lambda share, gap: -(share * gap).sum()),
        "That is |accuracy − mean confidence| of all examples together: too sure in one bin "
        "cancels too modest in another. Take the absolute value bin by bin.": _ece_by(
            lambda share, gap: abs((share * gap).sum())
        ),
        "You average |hit − confidence| over single examples. Compare means: in each bin the "
        "accuracy with the mean confidence.": lambda probs, labels, bins: float(
            np.abs((probs.argmax(1) == labels) - probs.max(1)).mean()
        ),
        "You square the gaps. The ECE averages their absolute values.": _ece_by(
            lambda share, gap: (share * gap**2).sum()
        ),
        "A confidence of exactly 1 falls out of your last bin. Bin b holds "
        "b/bins < confidence ≤ (b + 1)/bins.": _left_closed,
        "A confidence on an edge belongs to the bin below it: b/bins < confidence ≤ "
        "(b + 1)/bins.": _floor,
        "You compare the accuracy with the middle of the bin. Compare it with the mean confidence "
        "of the examples in the bin.": _middles,
        "Your bins run from the smallest confidence to the largest. They divide (0, 1], whatever "
        "the data are: bin b ends at (b + 1)/bins.": _from_least,
        "An empty bin gives 0/0 in your sum. Leave empty bins out.": _empty_nan,
        "That is the error rate. Asked is the gap between accuracy and confidence, bin by bin.": (
            lambda probs, labels, bins: float((probs.argmax(1) != labels).mean())
        ),
    },
    probes=_calibration_probes,
)
