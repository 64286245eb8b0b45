"""The experiments and figures of lesson 07, against direct loops and closed forms."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from helpers import data, descent, nets, stopping
from helpers.check import judge
from helpers.explore import Explorable, sweep
from helpers.judging import PASSED, WRONG
from helpers.plots import descent as path_figures
from helpers.plots import stopping as figures


@pytest.fixture(scope="module")
def runs() -> tuple[stopping.Runs, stopping.Runs]:
    return stopping.deep_runs([3, 4, 5], epochs=3, n_clean=2)


@pytest.fixture(scope="module")
def walks() -> stopping.Walks:
    return stopping.walk((0.04, 0.01), seeds=[1, 2], steps=80, every=20)


def noisy_curves(shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.round(rng.uniform(0, 2, shape) * 32) / 32  # exact sums, with ties


def test_runs_have_the_shapes_they_name(runs: tuple[stopping.Runs, stopping.Runs]) -> None:
    noisy, clean = runs
    assert noisy.val.shape == noisy.val_hits.shape == (4, 3, stopping.N_VAL)
    assert clean.test.shape == clean.accuracy.shape == clean.train.shape == (4, 2)
    assert (noisy.distance[0] == 0).all()
    assert (np.diff(noisy.distance, axis=0) > 0).all()
    np.testing.assert_allclose(noisy.curves(7), noisy.val[:, :, :7].mean(2))


def test_clean_runs_are_the_first_seeds_with_right_labels(
    runs: tuple[stopping.Runs, stopping.Runs],
) -> None:
    """At the start the networks and the validation images are the same, the labels are not."""
    noisy, clean = runs
    np.testing.assert_allclose(noisy.val[0, :2], clean.val[0], rtol=1e-5)
    assert (noisy.train[0, :2] != clean.train[0]).all()


def test_learned_and_memorized_are_about_wrong_labels_only(
    runs: tuple[stopping.Runs, stopping.Runs],
) -> None:
    """At the start, by the same networks asked directly about the 90 images."""
    noisy, clean = runs
    split = data.splits([3, 4, 5], n_train=stopping.N_TRAIN, n_val=stopping.N_VAL,
                        n_test=stopping.N_TEST, label_noise=0.3, pixel_noise=0.2)  # fmt: skip
    model = nets.MLPs(stopping.DEEP, seeds=[3, 4, 5], init="lecun")
    guesses = model(*nets.tensors(split.x_train)).argmax(2).numpy()
    for s in range(3):
        wrong = split.y_train[s] != split.y_train_clean[s]
        assert wrong.sum() == 90
        learned = (guesses[s] == split.y_train_clean[s])[wrong].mean()
        memorized = (guesses[s] == split.y_train[s])[wrong].mean()
        assert noisy.learned[0, s] == pytest.approx(learned)
        assert noisy.memorized[0, s] == pytest.approx(memorized)
    assert (noisy.learned + noisy.memorized <= 1).all()
    assert np.isnan(clean.learned).all()
    assert np.isnan(clean.memorized).all()


def test_runs_measure_what_nets_measures() -> None:
    found, _ = stopping.deep_runs([6], epochs=1, n_clean=0)
    split = data.splits([6], n_train=stopping.N_TRAIN, n_val=stopping.N_VAL,
                        n_test=stopping.N_TEST, label_noise=0.3, pixel_noise=0.2)  # fmt: skip
    model = nets.MLPs(stopping.DEEP, seeds=[6], init="lecun")
    x_val, y_val, x_test, y_test = nets.tensors(*split[2:6])
    np.testing.assert_allclose(found.curves(300)[0], nets.loss_of(model, x_val, y_val), rtol=1e-5)
    np.testing.assert_allclose(found.accuracy[0], nets.accuracy(model, x_test, y_test))
    np.testing.assert_allclose(found.test[0], nets.loss_of(model, x_test, y_test), rtol=1e-5)


def test_ticks_come_once_an_epoch() -> None:
    ticks: list[int] = []
    stopping.deep_runs([0], epochs=2, n_clean=0, tick=lambda: ticks.append(1))
    assert len(ticks) == 3


@pytest.mark.parametrize("n_val", [0, stopping.N_VAL + 1])
def test_curves_refuse_images_that_are_not_there(
    runs: tuple[stopping.Runs, stopping.Runs], n_val: int
) -> None:
    with pytest.raises(ValueError, match=f"n_val is 1 to .*; got {n_val}"):
        runs[0].curves(n_val)


@pytest.mark.parametrize("min_delta", [0.0, 0.25])
def test_waiting_counts_epochs_since_the_best(min_delta: float) -> None:
    losses = noisy_curves((20, 6))
    counts = stopping.waiting(losses, min_delta)
    for curve, column in zip(losses.T, counts.T, strict=True):
        best = 0
        for t, loss in enumerate(curve):
            best = t if loss < curve[best] - min_delta else best
            assert column[t] == t - best


def test_decide_stops_where_patience_runs_out() -> None:
    waited = np.array([[0, 0, 0], [1, 0, 1], [2, 1, 0], [3, 0, 0]])
    stop, best = stopping.decide(waited, 2)
    assert stop.tolist() == [2, 3, 3]
    assert best.tolist() == [0, 3, 3]
    with pytest.raises(ValueError, match="at least 1; got 0"):
        stopping.decide(waited, 0)


def test_judged_rule_restores_the_best_epoch(runs: tuple[stopping.Runs, stopping.Runs]) -> None:
    noisy, _ = runs
    losses = np.array([[3.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 3.0, 0.5], [0.5, 0.2, 0.1]])
    outcome = stopping.judge_rule(noisy, losses, patience=1)
    assert outcome.stop.tolist() == [3, 1, 1]
    assert outcome.best.tolist() == [3, 0, 0]
    assert outcome.restored.tolist() == [noisy.accuracy[e, s] for s, e in enumerate((3, 0, 0))]
    assert outcome.last.tolist() == [noisy.accuracy[e, s] for s, e in enumerate((3, 1, 1))]
    assert (outcome.regret >= 0).all()
    part = stopping.judge_rule(noisy.part(slice(1, 2)), losses[:, 1:2], patience=1)
    assert part.restored.tolist() == outcome.restored[1:2].tolist()


def test_walks_are_runs_at_their_learning_rate(walks: stopping.Walks) -> None:
    """Scaling the loss is scaling the rate: the distance of a run of its own."""
    alone = stopping.walk((0.01,), seeds=[1, 2], steps=80, every=20)
    np.testing.assert_allclose(walks.distance[:, 1], alone.distance[:, 0], rtol=2e-3, atol=1e-6)
    assert walks.steps.tolist() == [0, 20, 40, 60, 80]
    assert (walks.distance[1:, 0] > walks.distance[1:, 1]).all()
    assert (walks.accuracy[0, 0] == walks.accuracy[0, 1]).all()


def test_descent_and_ridge_have_their_closed_forms() -> None:
    values, optimum = np.array([1.0, 0.2]), np.array([2.0, -1.0])
    path = descent.descend(np.diag(values), optimum, lr=0.5, steps=9)
    np.testing.assert_allclose(path[9], (1 - (1 - 0.5 * values) ** 9) * optimum)
    ridge = descent.ridge_path(np.diag(values), optimum, np.array([0.0, 0.3]))
    np.testing.assert_allclose(ridge, [optimum, values / (values + 0.3) * optimum])
    assert descent.nearest_alpha(np.diag(values), optimum, ridge[1]) == pytest.approx(0.3, rel=0.02)


def test_path_gaps_are_relative_distances() -> None:
    gaps = descent.path_gaps(4, lr=0.5, steps=3)
    assert gaps.shape == (3, 2)
    values = np.array([1.0, 0.25])
    for t in (1, 2, 3):
        walked = 1 - (1 - 0.5 * values) ** t  # shares of the optimum, whose two entries are equal
        solved = values / (values + 1 / (0.5 * t))
        expected = np.linalg.norm(walked - solved) / np.linalg.norm(walked)
        assert gaps[t - 1, 0] == pytest.approx(expected)
    assert (gaps[:, 1] <= gaps[:, 0]).all()
    round_bowl = descent.path_gaps(1, lr=0.5, steps=3)
    assert (round_bowl[:, 0] > 0.2).all()
    assert (round_bowl[:, 1] < 0.01).all()  # the same line: some α is as far
    with pytest.raises(ValueError, match=r"condition is λ₁/λ₂, at least 1; got 0\.5"):
        descent.path_gaps(0.5, lr=0.5, steps=3)


@pytest.fixture(scope="module")
def task() -> tuple[descent.Task, data.Splits]:
    split = data.splits([2, 3], n_train=80, n_test=50)
    return descent.make_task(split.x_train, split.y_train), split


def test_doubling_is_stepping(task: tuple[descent.Task, data.Splits]) -> None:
    found, _ = task
    steps, weights = descent.descend_far(found, 3)
    assert steps.tolist() == [1, 2, 4, 8]
    w = np.zeros((2, 64, 10))
    for _ in range(8):
        w = w - found.lr[:, None, None] * (found.hessian @ w - found.moment)
    np.testing.assert_allclose(weights[3], w, atol=1e-12)


def test_ridge_is_scikit_learn_s(task: tuple[descent.Task, data.Splits]) -> None:
    from sklearn.linear_model import Ridge

    found, split = task
    solved = descent.solve_ridge(found, np.array([[0.1, 0.3]]))
    for seed, alpha in enumerate((0.1, 0.3)):
        fit = Ridge(alpha=alpha * 80).fit(split.x_train[seed], np.eye(10)[split.y_train[seed]])
        np.testing.assert_allclose(solved[0, seed], fit.coef_.T, atol=1e-9)
        outputs = found.outputs(solved, split.x_test)[seed, :, 0]
        np.testing.assert_allclose(outputs, fit.predict(split.x_test[seed]), atol=1e-9)


def test_scores_are_means_over_images(task: tuple[descent.Task, data.Splits]) -> None:
    found, split = task
    weights = descent.descend_far(found, 2)[1]
    outputs = found.outputs(weights, split.x_test)  # (S, n, T, 10)
    first = outputs[1, :, 2]
    right = split.y_test[1]
    assert descent.hits(found, weights, split.x_test, split.y_test)[2, 1] == pytest.approx(
        (first.argmax(1) == right).mean()
    )
    expected = np.square(first - np.eye(10)[right]).sum(1).mean()
    assert descent.errors(found, weights, split.x_test, split.y_test)[2, 1] == pytest.approx(
        expected
    )


def small_twins() -> descent.Twins:
    return descent.compare_paths([0, 1], n_train=60, label_noise=0.0, pixel_noise=0.0, doublings=5)


def test_twins_meet_their_shapes_and_lead() -> None:
    twins = small_twins()
    assert twins.gap.shape == twins.same.shape == twins.accuracy[1].shape == (6, 2)
    assert ((twins.same > 0.5) & (twins.same <= 1)).all()
    for by_error, (ours, theirs) in ((True, twins.error), (False, twins.val_accuracy)):
        sign = 1 if by_error else -1
        best = [(sign * s).argmin(0) for s in (ours, theirs)]
        expected = twins.accuracy[0][best[0], [0, 1]] - twins.accuracy[1][best[1], [0, 1]]
        np.testing.assert_allclose(twins.lead(by_error=by_error), expected)


def test_price_of_validation_has_its_order() -> None:
    price = descent.price_of_validation((0.1, 0.6), seeds=[0, 1, 2], n=100, doublings=8)
    assert price.stopped.shape == price.retrained.shape == (2, 3)
    assert price.to_the_end.shape == (3,)
    assert (price.hindsight >= price.stopped).all()
    assert price.retrained[1].mean() > price.stopped[1].mean()


@pytest.mark.parametrize("name", ["rule", "walk", "paths"])
def test_explorables_move_over_their_whole_range(
    name: str, runs: tuple[stopping.Runs, stopping.Runs], walks: stopping.Walks
) -> None:
    makers: dict[str, Callable[[], Explorable]] = {
        "rule": lambda: figures.explore_rule(runs[0]),
        "walk": lambda: figures.explore_walk(walks),
        "paths": path_figures.explore_paths,
    }
    explorable = makers[name]()
    try:
        assert sweep(explorable, points=2) >= 3
    finally:
        explorable.close()


def test_alt_texts_tell_what_is_to_be_seen(walks: stopping.Walks) -> None:
    paths = path_figures.explore_paths()
    paths.set(step=1, product=1.0, condition=1)
    assert "is at (0.39, 1.06)" in paths.text  # one step with ηλ = 1 is at the optimum
    assert "α = 1" in paths.text
    walked = figures.explore_walk(walks)
    walked.set(allowed=float(walked.controls["allowed"].max))
    assert "η 0.01 never" in walked.text
    for explorable in (paths, walked):
        explorable.close()


def test_static_figures_have_their_panels(runs: tuple[stopping.Runs, stopping.Runs]) -> None:
    noisy, clean = runs
    outcomes = {p: stopping.judge_rule(noisy, noisy.curves(100), patience=p) for p in (1, 2)}
    price = descent.price_of_validation((0.1, 0.6), seeds=[0, 1], n=60, doublings=4)
    made = [
        (figures.plot_u({"noisy": noisy, "clean": clean}, 100), 4),
        (figures.plot_memory(noisy), 1),
        (figures.plot_patience(outcomes), 2),
        (figures.plot_price(price), 1),
        (path_figures.plot_twins({"clean": small_twins(), "again": small_twins()}), 3),
    ]
    for fig, panels in made:
        assert len(fig.axes) == panels
        fig.canvas.draw()


def test_dots_of_a_strip_lie_side_by_side() -> None:
    """Equal values must not hide each other: no two dots of a rule share a place."""
    same = np.full(20, 0.5)
    outcome = stopping.Outcome(np.full(20, 3), np.full(20, 2), same, same, np.zeros(20))
    fig = figures.plot_patience({1: outcome, 5: outcome})
    dots = fig.axes[0].lines[0].get_xydata()
    assert len(np.unique(np.round(np.asarray(dots), 6), axis=0)) == 40
    fig.canvas.draw()


# --- slips as learners write them are told what is wrong


def whole_curve(losses: np.ndarray, patience: int, min_delta: float) -> tuple[int, int]:
    best = int(np.argmin(losses))
    return min(best + patience, len(losses) - 1), best


def right_stop_whole_best(losses: np.ndarray, patience: int, min_delta: float) -> tuple[int, int]:
    best = 0
    for t, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = t
        elif t - best >= patience:
            return t, int(np.argmin(losses))
    return len(losses) - 1, int(np.argmin(losses))


def wrapped(losses: np.ndarray, window: int) -> np.ndarray:
    return np.array([losses[t - window + 1 : t + 1].mean() for t in range(len(losses))])


def wrapped_means(losses: np.ndarray, window: int) -> np.ndarray:
    out = np.zeros(len(losses))
    for t in range(len(out)):
        out[t] = np.mean(losses[t + 1 - window : t + 1])
    return out


def lowest_seen(losses: np.ndarray, patience: int, min_delta: float) -> tuple[int, int]:
    best, lowest = 0, losses[0]
    for t in range(1, len(losses)):
        if losses[t] < lowest - min_delta:
            best = t
        elif t - best >= patience:
            return t, best
        lowest = min(lowest, losses[t])
    return len(losses) - 1, best


def number_of_epochs(losses: np.ndarray, patience: int, min_delta: float) -> tuple[int, int]:
    best = 0
    for t, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = t
        elif t - best >= patience:
            return t + 1, best
    return len(losses), best


def best_loss_of_zero(losses: np.ndarray, patience: int, min_delta: float) -> tuple[int, int]:
    best, best_loss = 0, 0.0
    for t, loss in enumerate(losses):
        if loss < best_loss - min_delta:
            best, best_loss = t, loss
        elif t - best >= patience:
            return t, best
    return len(losses) - 1, best


def counter_of_zero(losses: np.ndarray, patience: int, min_delta: float) -> tuple[int, int]:
    best, best_loss, bad = 0, 0.0, 0
    for t, loss in enumerate(losses):
        if loss < best_loss - min_delta:
            best, best_loss, bad = t, loss, 0
        else:
            bad += 1
        if bad >= patience:
            return t, best
    return len(losses) - 1, best


def both_sides(losses: np.ndarray, window: int) -> np.ndarray:
    half = window // 2
    return np.array([losses[max(0, t - half) : t + half + 1].mean() for t in range(len(losses))])


def full_windows(losses: np.ndarray, window: int) -> np.ndarray:
    out = np.full(len(losses), np.nan)
    for t in range(window - 1, len(losses)):
        out[t] = losses[t - window + 1 : t + 1].mean()
    return out


def fit(
    X: np.ndarray,
    y: np.ndarray,
    X_val: np.ndarray,
    y_val: np.ndarray,
    lr: float,
    max_steps: int,
    patience: int,
    slip: str = "",
) -> np.ndarray:
    def loss_of(w: np.ndarray, b: float) -> float:
        missed = X_val @ w + b - y_val
        return float(np.abs(missed).mean() if slip == "absolute" else (missed**2).mean())

    w, b, waited = np.zeros(X.shape[1]), 0.0, 0
    best, best_loss = w.copy(), loss_of(w, b)
    data, labels = (X_val, y_val) if slip == "validation" else (X, y)
    for _ in range(max_steps):
        error = data @ w + b - labels
        w = w - lr * data.T @ error / len(labels)
        b = b - lr * error.mean() if slip == "intercept" else 0.0
        loss = loss_of(w, b)
        waited += 1
        if loss < best_loss:
            best, best_loss, waited = w.copy(), loss, 0
        if waited == patience:
            break
    return best


def slipped(slip: str) -> Callable[..., np.ndarray]:
    return lambda X, y, X_val, y_val, lr, max_steps, patience: fit(
        X, y, X_val, y_val, lr, max_steps, patience, slip
    )


def test_the_fit_that_slips_is_right_without_a_slip() -> None:
    assert judge("07.3", slipped("")).state == PASSED


@pytest.mark.parametrize(
    ("exercise", "answer", "told"),
    [
        ("07.1", whole_curve, "lowest loss of the whole curve. A rule must decide while"),
        ("07.1", right_stop_whole_best, "Epochs behind the stop never happen"),
        ("07.1", lowest_seen, "Compare with the loss of the best epoch"),
        ("07.1", number_of_epochs, "not the number of epochs"),
        ("07.1", best_loss_of_zero, "no positive loss is below that"),
        ("07.1", counter_of_zero, "even epoch 0 counts as a bad one"),
        ("07.2", both_sides, "as far ahead of the epoch as back"),
        ("07.2", full_windows, "The first epochs are NaN"),
        ("07.3", slipped("validation"), "gradient is that of the validation examples"),
        ("07.3", slipped("absolute"), "mean absolute error"),
        ("07.3", slipped("intercept"), "The model is Xw, without one"),
        ("07.4", lambda e, lr, t: 1 - (1 - 2 * lr * e) ** t, "There is no 2"),
        ("07.4", lambda e, lr, t: 1 - np.clip(1 - lr * e, 0, 1) ** t, "You cut 1 − ηλ at 0"),
        ("07.6", lambda lr, steps: 1 / (lr * (steps + 1)), "one too high"),
        ("07.6", lambda lr, steps: 1 / (lr * (steps - 1)), "one too low"),
        ("07.2", wrapped, r"Begin at max\(0, t - window \+ 1\)"),
        ("07.2", wrapped_means, r"Begin at max\(0, t - window \+ 1\)"),
        ("07.6", lambda lr, steps: 2 / (lr * steps), "Near λ = 0 the filters are ηλt and λ/α"),
    ],
)
def test_slips_are_recognized(exercise: str, answer: Callable[..., object], told: str) -> None:
    verdict = judge(exercise, answer)
    assert verdict.state == WRONG
    assert re.search(told, verdict.message)
