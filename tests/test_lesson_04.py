"""Lesson 04: experiments, figures and judges of dropout."""

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.collections import PathCollection

from helpers import thinning
from helpers.explore import Explorable, sweep
from helpers.instructor.exercise import make_task
from helpers.instructor.exercises import load_lesson
from helpers.judges import Call, Property, Unfit, as_part
from helpers.judges.lesson_04 import dropout_forward, dropout_mask, inverted_dropout
from helpers.judging import Mistake, Task, Verdict, call_answer, judge_outcomes, properties_of
from helpers.plots import dropout as figures
from helpers.plots.sub_networks import (
    HIDDEN_LAYER,
    SOFTMAX_LAYER,
    Networks,
    _Triangle,
    sub_networks,
)
from helpers.plots.thinned import Layers, thinned_network
from helpers.plots.turned import turned_digit
from helpers.plots.unit_noise import INVERTED, ORIGINAL, noise_std, unit_noise
from helpers.values import Seed

LESSON = load_lesson("04")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained() -> thinning.Trained:
    """Two small networks, trained for a moment."""
    return thinning.train_on_digits(
        [0, 1], n_train=200, steps=150, dropout=0.1, hidden=(8, 6), every=50
    )


@pytest.fixture
def swept() -> Iterator[Callable[[Explorable], int]]:
    """Sweeps an explorable and closes it."""
    made: list[Explorable] = []

    def run(explorable: Explorable) -> int:
        made.append(explorable)
        assert explorable.text
        return sweep(explorable, points=2)

    yield run
    for explorable in made:
        explorable.close()


# --- experiments --------------------------------------------------------------------------------


def test_training_measures_and_ends_in_eval_mode(trained: thinning.Trained) -> None:
    assert trained.history.steps == [0, 50, 100, 150]
    assert trained.history["test"].shape == (4, 2)
    assert not trained.mlps.training
    assert trained.history["test"][-1].min() > 0.3


def test_stopped_early_takes_the_first_best_validation_step(trained: thinning.Trained) -> None:
    history = type(trained.history)()
    for step, (validation, test) in enumerate((([1, 5], [10, 20]), ([3, 5], [30, 40]))):
        history.add(step, {"validation": np.array(validation), "test": np.array(test)})
    assert thinning.stopped_early(history).tolist() == [30, 20]


def test_thinned_probabilities_draw_and_leave_eval_mode(trained: thinning.Trained) -> None:
    x = trained.x_test[:, :7]
    drawn = thinning.thinned_probabilities(trained.mlps, x, masks=3)
    assert drawn.shape == (3, 2, 7, 10)
    torch.testing.assert_close(drawn.sum(-1), torch.ones(3, 2, 7))
    assert not torch.equal(drawn[0], drawn[1])
    whole = thinning.probabilities(trained.mlps, x)
    assert torch.equal(whole, thinning.probabilities(trained.mlps, x))


def test_scores_against_torch() -> None:
    logits = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[0, 1, 2, 3, 0], [3, 3, 1, 0, 2]])
    loss = [float(F.cross_entropy(z, y)) for z, y in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(thinning.log_loss(logits.softmax(-1), labels), loss, rtol=1e-6)
    hits = [(z.argmax(1) == y).double().mean() for z, y in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(thinning.hits(logits, labels), hits)
    assert thinning.confidence(torch.tensor([[[0.2, 0.8], [0.6, 0.4]]])) == pytest.approx([0.7])


def test_cutting_nothing_changes_nothing(trained: thinning.Trained) -> None:
    generator = torch.Generator().manual_seed(0)
    whole = thinning.hits(thinning.probabilities(trained.mlps, trained.x_test), trained.y_test)
    uncut = thinning.accuracy_after_cut(trained, share=0, generator=generator)
    np.testing.assert_allclose(uncut, whole)
    cut = thinning.accuracy_after_cut(trained, share=5 / 6, generator=generator)
    assert (cut < whole).all()


def test_mean_correlation_against_numpy(trained: thinning.Trained) -> None:
    found = thinning.mean_correlation(trained, 0)
    h = trained.mlps.layers(trained.x_test)[0][0].detach().double().numpy()
    h = h[:, h.std(0) > 1e-6]
    pairs = [abs(np.corrcoef(h[:, i], h[:, j])[0, 1]) for i in range(h.shape[1]) for j in range(i)]
    assert found[0] == pytest.approx(np.mean(pairs))


def test_turning_by_90_degrees_is_rot90() -> None:
    image = torch.arange(64.0).reshape(1, 1, 64)
    back = thinning.turned(thinning.turned(image, 90), -90)
    torch.testing.assert_close(back, image)
    quarter = thinning.turned(image, 90).reshape(8, 8).numpy()
    np.testing.assert_allclose(quarter, np.rot90(image.reshape(8, 8).numpy()), atol=1e-4)


def test_both_forms_are_one_with_the_right_rate() -> None:
    for keep_prob in (0.3, 0.8):
        factor = keep_prob**2
        same = thinning.original_against_inverted(keep_prob=keep_prob, rate_factor=factor, seed=0)
        other = thinning.original_against_inverted(keep_prob=keep_prob, rate_factor=1.0, seed=0)
        assert same < 1e-12
        assert other > 1e-3


def test_typical_examples_are_one_of_each_class(trained: thinning.Trained) -> None:
    examples = thinning.typical_examples(trained)
    assert trained.y_test[0, examples].tolist() == list(range(10))


# --- figures ------------------------------------------------------------------------------------


def test_layers_run_as_the_network(trained: thinning.Trained) -> None:
    x = trained.x_test[1, :5].numpy().astype(np.float64)
    ours = Layers.of(trained.mlps, network=1).run(x, (1, 1))[-1]
    theirs = thinning.probabilities(trained.mlps, trained.x_test)[1, :5]
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)


def test_with_keep_prob_1_only_the_whole_network_is_a_dot() -> None:
    picture = _Triangle(Networks.draw(rng(), 4))
    dots = picture.update(4, 1.0, SOFTMAX_LAYER)[0]
    assert isinstance(dots, PathCollection)
    assert (dots.get_sizes() > 0).tolist() == [False] * 15 + [True]
    picture.update(4, 0.9, SOFTMAX_LAYER)
    assert (dots.get_sizes() > 0).all()
    plt.close(picture.fig)


def test_which_mean_is_nearer_depends_on_the_relu_network() -> None:
    networks = Networks.draw(np.random.default_rng([0, 3]), 10)
    assert networks.average(1, 0.5, HIDDEN_LAYER).gaps[1] < 1e-12
    gaps = np.array([networks.average(n, 0.5, HIDDEN_LAYER).gaps for n in range(2, 11)])
    assert gaps.min() > 1e-3
    assert gaps[4, 0] < gaps[4, 1]  # 6 inputs: the arithmetic mean
    assert gaps[8, 1] < gaps[8, 0]  # 10: the geometric one


@pytest.mark.parametrize("variant", [INVERTED, ORIGINAL])
def test_noise_std_is_that_of_all_masks(variant: str) -> None:
    a, q = np.array([0.5, 0.2, 0.3]), 0.7
    masks = (np.arange(8)[:, None] >> np.arange(3)) & 1
    likely = np.prod(np.where(masks, q, 1 - q), axis=1)
    sums = masks @ a / (q if variant == INVERTED else 1)
    variance = likely @ sums**2 - (likely @ sums) ** 2
    assert noise_std(a, q, variant) == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("keep_prob", [0.1, 0.5, 1.0])
def test_geometric_mean_is_weight_scaling_for_a_softmax_layer_only(keep_prob: float) -> None:
    networks = Networks.draw(rng(), 6)
    arithmetic, geometric = networks.average(6, keep_prob, SOFTMAX_LAYER).gaps
    assert geometric < 1e-14
    if keep_prob == 1:
        assert arithmetic < 1e-14
    else:
        assert arithmetic > 1e-3
        assert networks.average(6, keep_prob, HIDDEN_LAYER).gaps[1] > 1e-4


def test_averages_are_probabilities() -> None:
    found = Networks.draw(rng(), 5).average(5, 0.3, HIDDEN_LAYER)
    assert found.probs.shape == (32, 3)
    assert found.likely.sum() == pytest.approx(1)
    for mean in (found.arithmetic, found.geometric, found.scaled):
        assert mean.sum() == pytest.approx(1)


def test_live_figures(trained: thinning.Trained, swept: Callable[[Explorable], int]) -> None:
    examples = thinning.typical_examples(trained)
    images = trained.x_test[0, examples].numpy().astype(np.float64)
    labels = trained.y_test[0, examples].numpy()
    assert swept(thinned_network(trained.mlps, images, labels, rng=rng(), masks=20)) > 4
    assert swept(unit_noise(rng=rng(), draws=200)) > 4
    assert swept(sub_networks(rng=rng(), most=5)) > 4
    opinions = thinning.opinions_on_turned(
        trained, examples, angles=[0, 45, 90], masks=4, n_images=20
    )
    assert opinions.masks.shape == (10, 3, 4, 10)
    assert opinions.accuracy.shape == opinions.disagreement.shape == (3, 2)
    assert 0 < opinions.disagreement.mean() < 0.9
    assert swept(turned_digit(opinions)) > 4


def test_thinned_network_says_what_it_shows(trained: thinning.Trained) -> None:
    images = trained.x_test[0, :1].numpy().astype(np.float64)
    shown = thinned_network(trained.mlps, images, trained.y_test[0, :1].numpy(), rng=rng())
    try:
        shown.set(keep_prob=1.0, mask=3)
        assert "keeps 14 of 14 units" in shown.text
        mean, whole = (shown.text.split(name)[1][:5] for name in ("3 masks", "weight scaling"))
        assert mean == whole
    finally:
        shown.close()


def test_static_figures() -> None:
    runs = rng().uniform(0.3, 0.9, (4, 3))
    drawn = [
        figures.repeated_calls(runs[0], runs),
        figures.averages_compared({"a": runs[:2], "b": runs[2:]}),
        figures.headline([0, 1, 2, 3], runs, runs, {"x": runs[0], "y": runs[1]}),
        figures.cut_curves([0, 0.2, 0.4, 0.6], runs, runs),
    ]
    for fig in drawn:
        fig.draw_without_rendering()
        assert all(ax.get_ylabel() for ax in fig.axes)


# --- judges -------------------------------------------------------------------------------------

JUDGES = {"04.1": dropout_mask, "04.2": dropout_forward, "04.3": inverted_dropout}
RANDOM = [LESSON.find(exercise_id) for exercise_id in JUDGES]


def verdict_on(task: Task, answer: Callable[..., Any]) -> Verdict:
    outcomes = [call_answer(answer, probe) for probe in task.probes]
    return judge_outcomes(task, outcomes, [f"a{i}" for i in range(len(task.probes[0]))])


@pytest.mark.parametrize("exercise", RANDOM, ids=lambda e: e.id)
def test_mistakes_are_told_apart_on_fresh_probes(exercise: Any) -> None:
    for seed in range(6):
        task = make_task(exercise, np.random.default_rng(5000 + seed))
        for message, wrong in exercise.mistakes.items():
            verdict = verdict_on(task, wrong)
            assert verdict.mistake == message, f"seed {seed}: {verdict.message}"


@pytest.mark.parametrize("exercise", RANDOM, ids=lambda e: e.id)
def test_a_part_is_right_only_when_all_of_it_is(exercise: Any) -> None:
    task = make_task(exercise, rng())
    outcomes = [call_answer(exercise.oracle, probe) for probe in task.probes]
    found = properties_of(task, outcomes)
    parts = {p.part for p in found}
    assert "" not in parts
    assert len(parts) == {"04.1": 2, "04.2": 3, "04.3": 4}[exercise.id]
    assert all(p.holds for p in found)


FIXED = np.random.default_rng(5).random(10_000)


def _shuffled(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
    """As many as expected, or one more or fewer."""
    size = int(np.prod(shape))
    return (rng.permutation(size) < round(q * size) + rng.integers(-1, 2)).reshape(shape)


def _fixed(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
    return FIXED[: int(np.prod(shape))].reshape(shape) < q


def _flipped(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
    mask = _fixed(shape, q, rng)
    mask.flat[rng.integers(mask.size)] ^= True
    return mask


def _rolled(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
    mask = _fixed(shape, q, rng)
    return np.roll(mask, rng.integers(mask.size))


def _own(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
    return np.random.default_rng().random(shape) < q


Mask = Callable[[tuple[int, ...], float, np.random.Generator], np.ndarray]


def verdict_on_mask(exercise_id: str, mask: Mask) -> Verdict:
    """The verdict on an answer that is right but for how it draws its mask."""

    def original(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> np.ndarray:
        return x * mask(x.shape, q, rng) if training else x * q

    def inverted(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> Any:
        kept = mask(x.shape, q, rng) * 1 if training else np.ones_like(x)
        return x * kept / (q if training else 1), kept

    def drawn(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
        return np.ones(shape) if q == 1 else mask(shape, q, rng) * 1

    answers: dict[str, Any] = {"04.1": drawn, "04.2": original, "04.3": inverted}
    return verdict_on(make_task(LESSON.find(exercise_id), rng()), answers[exercise_id])


@pytest.mark.parametrize("exercise_id", JUDGES)
@pytest.mark.parametrize("mask", [_fixed, _flipped, _own], ids=["fixed", "flipped", "own"])
def test_masks_that_do_not_follow_rng_earn_nothing(exercise_id: str, mask: Mask) -> None:
    verdict = verdict_on_mask(exercise_id, mask)
    assert not any(verdict.parts.values())
    assert (mask is _own) == verdict.message.startswith("Two calls with equal generators gave")


@pytest.mark.parametrize("exercise_id", JUDGES)
@pytest.mark.parametrize("mask", [_shuffled, _rolled], ids=["shuffled", "rolled"])
def test_masks_without_coins_do_not_pass(exercise_id: str, mask: Mask) -> None:
    assert verdict_on_mask(exercise_id, mask).parts["a coin for every entry"] is False


def test_outputs_that_are_no_pair_are_unfit() -> None:
    x = np.ones((2, 3))
    for output in (None, x, (x,), (x, x, x), [x]):
        with pytest.raises(Unfit, match="expected the two arrays"):
            inverted_dropout([Call((x, 0.5, Seed(1), True), output)])
    with pytest.raises(Unfit, match="for the mask"):
        inverted_dropout([Call((x, 0.5, Seed(1), True), (x, x[:1]))])


def test_an_unfit_output_is_shown_with_its_own_call() -> None:
    task = make_task(LESSON.find("04.3"), rng(), mistakes=False)
    known = make_task(LESSON.find("04.3"), rng())

    def no_mask(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> Any:
        return (x * (x > 0), (x > 0) * 1) if training else (x, None)

    message = verdict_on(task, no_mask).message
    assert "Got None for the mask" in message
    assert "a3=False" in message
    assert verdict_on(known, no_mask).mistake.startswith("With training=False you return None")


def test_only_a_division_by_the_share_dropped_is_told_so() -> None:
    task = make_task(LESSON.find("04.3"), rng())

    def by(factor: Callable[[Any], Any]) -> Verdict:
        def answer(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> Any:
            mask = (rng.random(x.shape) < (q if training else 1)) * 1.0
            return (x * mask * factor(np.float64(q)) if training else x), mask

        return verdict_on(task, answer)

    assert by(lambda q: 1 / (1 - q)).mistake.startswith("You divide out by 1 − keep_prob")
    for other in (lambda q: np.nan, lambda q: q / (1 - q), lambda q: 0 / (1 - q)):
        assert by(other).message.startswith("Out has entries that are NaN or infinite")


def test_an_error_is_shown_beside_the_mistake_that_is_taken_for_its_cause() -> None:
    """The same error can have another cause; its line tells."""

    def by_dropped(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> Any:
        return x * (1 / (1 - q)), x

    verdict = verdict_on(make_task(LESSON.find("04.3"), rng()), by_dropped)
    assert verdict.mistake.startswith("You divide by 1 − keep_prob")
    assert "raised ZeroDivisionError" in verdict.message

    def singular(X: np.ndarray, y: np.ndarray, p: float) -> Any:
        return np.linalg.solve(X.T @ X, X.T @ y)

    verdict = verdict_on(make_task(LESSON.find("04.6"), rng()), singular)
    assert verdict.mistake.startswith("Your matrix is singular")
    assert "raised LinAlgError" in verdict.message


PENALTIES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "times 1 − p": lambda gram, p: p / (1 - p) * gram,
    "p has no effect": lambda gram, p: np.zeros_like(gram),
}


@pytest.mark.parametrize("told", PENALTIES)
@pytest.mark.parametrize("inverse", [np.linalg.inv, np.linalg.pinv])
def test_penalties_that_are_none_are_named_however_they_are_solved(
    told: str, inverse: Callable[[np.ndarray], np.ndarray]
) -> None:
    """A scaled least squares and a penalty with the whole XᵀX are one formula, so one message."""

    def answer(X: np.ndarray, y: np.ndarray, p: float) -> np.ndarray:
        gram = X.T @ X
        return inverse(gram + PENALTIES[told](gram, p)) @ X.T @ y

    for seed in range(5):
        verdict = verdict_on(make_task(LESSON.find("04.6"), np.random.default_rng(seed)), answer)
        assert told in verdict.mistake
        assert ("singular" in verdict.mistake) == (inverse is np.linalg.inv)


@pytest.mark.parametrize("exercise_id", JUDGES)
def test_one_mask_for_all_rows_is_not_said_to_ignore_rng(exercise_id: str) -> None:
    def shared(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> np.ndarray:
        return np.broadcast_to(rng.random(shape[-1]) < q, shape)

    verdict = verdict_on_mask(exercise_id, shared)
    assert verdict.parts["a coin for every entry"] is False
    assert "every seed has a mask of its own" not in verdict.message


def test_as_part_names_all_of_them() -> None:
    named = as_part("both", Property("a", 1, 1, 0), Property("b", 2, 1, 0))
    assert [p.part for p in named] == ["both", "both"]
    assert [p.holds for p in named] == [True, False]


def test_a_mistake_that_scatters_is_recognized_within_its_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exact for a right answer, random for the mistake: only its own spread can tell it."""
    found: list[Property] = []
    monkeypatch.setattr("helpers.judging.properties_of", lambda task, outcomes: found)
    exercise = LESSON.find("04.1")
    known = Mistake("You drop at test time.", properties=(0.5,), spreads=(0.02,))
    task = Task("04.1", "f", 1, exercise.compare, ((1,),), ("all",), mistakes=(known,))
    for got, told in ((0.55, known.message), (0.3, ""), (1.0, "")):
        found[:] = [Property("share", got, 1.0, 1e-9)]
        assert verdict_on(task, lambda _: None).mistake == told


def _one_for_all_blocks(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    return np.broadcast_to(rng.random(shape[-2:]) < q, shape).astype(float)


def _half_twice(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    half = rng.random(((shape[0] + 1) // 2, *shape[1:]))
    return (np.concatenate([half, half])[: shape[0]] < q).astype(float)


def _half_mirrored(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    half = rng.random(((shape[0] + 1) // 2, *shape[1:]))
    return (np.concatenate([half, 1 - half])[: shape[0]] < q).astype(float)


def _half_fixed(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    fixed = np.random.default_rng(7)
    same = fixed.random(shape) < 0.5
    return (np.where(same, fixed.random(shape), rng.random(shape)) < q).astype(float)


@pytest.mark.parametrize("wrong", [_one_for_all_blocks, _half_twice, _half_mirrored, _half_fixed])
@pytest.mark.parametrize("seed", range(3))
def test_masks_that_hang_together_are_no_coins(wrong: Callable[..., Any], seed: int) -> None:
    """Neighbors that are free of each other are not enough."""
    exercise = LESSON.find("04.1")
    task = make_task(exercise, np.random.default_rng(seed), mistakes=False)
    outcomes = [call_answer(wrong, probe) for probe in task.probes]
    verdict = judge_outcomes(task, outcomes, ["shape", "keep_prob", "rng"])
    assert not verdict.parts["a coin for every entry"]


def _third_axis(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    free = rng.random(shape[:2])[..., None] if len(shape) == 3 else rng.random(shape)
    return np.broadcast_to(free < q, shape)


def _of_a_stock(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    return np.random.default_rng(rng.integers(40)).random(shape) < q


def _across_the_center(shape: tuple[int, ...], q: float, rng: np.random.Generator) -> Any:
    flat = rng.random(int(np.prod(shape)))
    half = len(flat) // 2
    flat[len(flat) - half :] = flat[:half][::-1]
    return flat.reshape(shape) < q


@pytest.mark.parametrize("exercise_id", JUDGES)
@pytest.mark.parametrize("mask", [_third_axis, _of_a_stock, _across_the_center])
def test_coins_are_free_in_every_axis_and_from_seed_to_seed(exercise_id: str, mask: Mask) -> None:
    assert verdict_on_mask(exercise_id, mask).parts["a coin for every entry"] is False


def _forward_by(change: Callable[..., Any]) -> Callable[..., Any]:
    def forward(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> Any:
        right = x * (rng.random(x.shape) < q) if training else x * q
        return change(right, x, q)

    return forward


@pytest.mark.parametrize(
    "change",
    [
        lambda right, x, q: right * 0 if q == 1 else right,
        lambda right, x, q: np.atleast_2d(right),
        lambda right, x, q: right.reshape(right.shape[0], -1),
    ],
    ids=["keep_prob 1", "one axis", "three axes"],
)
def test_forward_holds_at_keep_prob_1_and_in_any_shape(change: Callable[..., Any]) -> None:
    task = make_task(LESSON.find("04.2"), rng(), mistakes=False)
    assert verdict_on(task, _forward_by(lambda right, x, q: right)).state == "passed"
    assert verdict_on(task, _forward_by(change)).state == "wrong"


def test_answers_in_float32_and_lists_are_right() -> None:
    def inverted(x: np.ndarray, q: float, rng: np.random.Generator, training: bool) -> Any:
        kept = (rng.random(x.shape) < (q if training else 1)).astype(np.float32)
        return [x * (kept / q) if training else x, kept]

    forward = _forward_by(lambda right, x, q: right.astype(np.float32))
    for exercise_id, answer in (("04.2", forward), ("04.3", inverted)):
        verdict = verdict_on(make_task(LESSON.find(exercise_id), rng(), mistakes=False), answer)
        assert verdict.state == "passed", verdict.message
