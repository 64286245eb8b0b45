"""The experiments, figures and judge of lesson 10, against torch, closed forms and cheats."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import loguniform

from helpers import data, geometry, nets, noisy_bowl, rates, ravine, sanity, search
from helpers.check import judge, load_task
from helpers.explore import sweep
from helpers.instructor.exercises import load_lesson
from helpers.instructor.solutions import load_solution
from helpers.judges import Call, Unfit
from helpers.judges.lesson_10 import log_uniform
from helpers.plots import learning_curves, optimization
from helpers.plots import search as search_figures
from helpers.values import Seed
from tests.test_exercises import fresh_task, verdict_on

Answer = Callable[[float, float, int, np.random.Generator], Any]


@pytest.fixture(scope="module")
def races() -> list[ravine.Race]:
    return ravine.race([(100, 0), (100, 45)])


@pytest.fixture(scope="module")
def land() -> search.Landscape:
    return search.measure_landscape([5], shape=(5, 3), seed=0)


# the ravine


@pytest.mark.parametrize("method", ravine.METHODS)
def test_a_rate_is_a_change_of_variables(method: str) -> None:
    """The walk equals torch's own optimizer at that rate, ravine by ravine."""
    hessians = geometry.hessians(np.array([3.0, 20.0]), np.array([10.0, 30.0]))
    starts, chosen = np.array([[1.0, -2.0], [0.5, 1.5]]), np.array([0.07, 0.02])
    found = ravine.walk(method, hessians, starts, chosen, steps=12)
    for i, rate in enumerate(chosen):
        point = torch.tensor(starts[i])
        optimizer = ravine.make_optimizer(method, point)
        optimizer.param_groups[0]["lr"] = float(rate)
        for step in range(12):
            point.grad = torch.tensor(hessians[i]) @ point
            optimizer.step()
            np.testing.assert_allclose(found[step + 1, i], point.numpy(), rtol=1e-4, atol=1e-6)


def test_a_race_is_finished_when_the_loss_stays_low() -> None:
    losses = np.array([[[1, 1e-5, 1, 1e-5, 1e-5], [1, np.nan, np.nan, np.nan, np.nan]]])
    race = ravine.Race(1, 0, losses, np.zeros((1, 2, 5, 2), np.float32))
    assert race.finish().tolist() == [[3, 5]]
    assert race.best().tolist() == [0]


def test_plain_descent_does_not_see_a_turn(races: list[ravine.Race]) -> None:
    upright, turned = races
    np.testing.assert_allclose(upright.losses[0, :10], turned.losses[0, :10], rtol=1e-8)
    assert upright.paths.shape == (6, len(ravine.RATES), ravine.STEPS + 1, 2)
    assert (upright.losses[:, :, 0] == 1).all()


def test_momentum_steps_are_those_of_the_race() -> None:
    (found,) = ravine.race([(10, 0)])
    expected = found.finish()[ravine.METHODS.index("momentum")].min()
    assert ravine.momentum_steps(10, momentum=0.9) == expected
    assert ravine.momentum_steps(10, momentum=0.3) < expected / 2


def test_a_race_from_another_start(races: list[ravine.Race]) -> None:
    near, turned = ravine.race([(100, 0), (100, 45)], start=(-3.0, 3.0))
    np.testing.assert_allclose(near.paths[:, :, 0], np.broadcast_to([-3, 3], (6, 41, 2)))
    np.testing.assert_allclose(near.losses[0, :10], turned.losses[0, :10], rtol=1e-8)
    assert near.finish()[0].min() < races[0].finish()[0].min()


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match=r"method is one of SGD, .*; got 'Adamax'"):
        ravine.make_optimizer("Adamax", torch.zeros(2))


# schedules


def test_factors_are_the_formulas() -> None:
    t = np.arange(40)
    np.testing.assert_allclose(rates.factors("constant", steps=40), 1)
    np.testing.assert_allclose(
        rates.factors("cosine", steps=40), (1 + np.cos(np.pi * t / 40)) / 2, atol=1e-12
    )
    np.testing.assert_allclose(rates.factors("linear", steps=40), 1 - t / 40, atol=1e-12)
    np.testing.assert_allclose(rates.factors("exponential", steps=40), 0.01 ** (t / 40))
    assert sorted({round(f, 6) for f in rates.factors("step", steps=40)}) == [0.01, 0.1, 1.0]


@pytest.mark.parametrize("shape", rates.SHAPES)
def test_warmup_rises_to_the_peak(shape: str) -> None:
    found = rates.factors(shape, steps=30, warmup=6)
    np.testing.assert_allclose(found[:6], np.arange(1, 7) / 6)
    np.testing.assert_allclose(found[6:], rates.factors(shape, steps=24), atol=1e-9)


def test_factors_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match=r"shape is one of .*; got 'zigzag'"):
        rates.factors("zigzag", steps=10)
    with pytest.raises(ValueError, match="warmup is a number of steps, from 0 to 9; got 10"):
        rates.factors("cosine", steps=10, warmup=10)


def test_expected_loss_is_the_mean_of_many_runs() -> None:
    steps, count, noise = 30, 20_000, 0.7
    plan = np.linspace(0.8, 0.1, steps)
    rng = np.random.default_rng(0)
    w = np.ones((count, len(noisy_bowl.CURVATURES)))
    for rate in plan:
        kick = noise * np.sqrt(noisy_bowl.CURVATURES) * rng.standard_normal(w.shape)
        w = w - rate * (noisy_bowl.CURVATURES * w + kick)
    sampled = (w**2 @ noisy_bowl.CURVATURES).mean() / noisy_bowl.CURVATURES.sum()
    found = noisy_bowl.expected_loss(plan, noise=noise, sharp=False)
    assert found[0] == 1
    assert found[-1] == pytest.approx(sampled, rel=0.05)


def test_a_sharp_start_loses_a_high_rate() -> None:
    plan = np.full(60, 0.6)
    assert np.isfinite(noisy_bowl.expected_loss(plan, noise=0.1, sharp=False)).all()
    assert np.isnan(noisy_bowl.expected_loss(plan, noise=0.1, sharp=True)[-1])
    assert noisy_bowl.sharpness(60, sharp=True)[0] == noisy_bowl.SHARPER
    assert noisy_bowl.sharpness(60, sharp=True)[-1] == 1


def test_plateau_only_ever_lowers_the_rate_after_the_warmup() -> None:
    plan = noisy_bowl.plateau_rates(0.5, warmup=20, noise=1.0, sharp=False)
    np.testing.assert_allclose(plan[:20], 0.5 * np.arange(1, 21) / 20)
    assert (np.diff(plan[20:]) <= 0).all()
    assert plan[-1] < 0.5


def test_arms_are_runs_of_their_own() -> None:
    """Scaling the loss is scaling the rate; an arm does not depend on those beside it."""
    plans = np.stack([np.full(12, 0.1), 0.3 * rates.factors("cosine", steps=12)])
    ticks: list[int] = []
    both = rates.run_arms(plans, [3, 4], n_train=60, every=6, tick=lambda: ticks.append(1))
    alone = rates.run_arms(plans[1:], [3, 4], n_train=60, every=6)
    np.testing.assert_allclose(both.train[:, 1], alone.train[:, 0], rtol=1e-4)
    assert both.val.shape == both.accuracy.shape == (3, 2, 2)
    assert len(ticks) == 12


def test_range_test_and_warmup_have_one_value_a_seed() -> None:
    tried, losses = rates.range_test([1, 2], steps=15)
    assert losses.shape == (15, 2)
    assert (tried[0], tried[-1]) == pytest.approx((1e-3, 10))
    assert rates.deep_warmup(2, [1, 2], depth=2, steps=6).shape == (2,)


# sanity checks


def test_initial_losses_are_those_of_torch() -> None:
    found = sanity.initial_losses([7], init=0.3, scale=2.0)
    split = data.splits([7], n_train=300)
    x, y = nets.tensors(2 * split.x_train, split.y_train)
    logits = nets.MLPs(sanity.SIZES, seeds=[7], init=0.3)(x)[0]
    expected = torch.nn.functional.cross_entropy(logits, y[0]).item()
    assert found[0] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("bug", sanity.BUGS)
def test_a_bug_is_the_only_difference(bug: str) -> None:
    history = sanity.overfit(bug, [1, 2], steps=25)
    assert history["loss"].shape == history["accuracy"].shape == (26, 2)
    learned = history["accuracy"][-1].min() == 1
    assert learned == (bug == "none") or bug == "softmax twice"
    plain = sanity.overfit("none", [1, 2], steps=0)
    np.testing.assert_allclose(history["accuracy"][0], plain["accuracy"][0])


def test_labels_shuffled_once_are_the_same_in_every_step() -> None:
    """They are learned by heart: the loss falls, the true labels are not met."""
    history = sanity.overfit(sanity.ONCE, [1, 2], steps=60)
    assert history["loss"][-1].max() < 0.02
    assert history["accuracy"][-1].max() < 0.7
    assert sanity.overfit("labels shuffled", [1, 2], steps=60)["loss"][-1].min() > 1


def test_an_unknown_bug_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bug is one of none, .*; got 'typo'"):
        sanity.overfit("typo", [1])


# the search


def test_values_of_points() -> None:
    found = search.to_values(np.array([[0.0, 1.0], [0.5, 0.0]]))
    np.testing.assert_allclose(found[0], [1e-3, 1e-1, 0.1, 1.0])
    np.testing.assert_allclose(found[1, :2], [0.1, 1e-5])


def test_label_smoothing_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 10, generator=generator)
    labels = torch.randint(10, (2, 5), generator=generator)
    found = search.smoothed(logits, labels, torch.tensor([0.0, 0.15]))
    for i, smoothing in enumerate((0.0, 0.15)):
        expected = torch.nn.functional.cross_entropy(
            logits[i], labels[i], label_smoothing=smoothing
        )
        assert float(found[i]) == pytest.approx(float(expected), rel=1e-5)


def test_grids_are_shifted_grids() -> None:
    points = search.grid(3, 2, np.random.default_rng(0))
    assert points.shape == (9, 2)
    assert ((points >= 0) & (points <= 1)).all()
    steps = np.diff(np.unique(points[:, 0].round(12)))
    np.testing.assert_allclose(steps, 1 / 3)
    other = search.grid(3, 2, np.random.default_rng(1))
    assert not np.allclose(points, other)


def test_trials_stand_in_the_order_of_their_points() -> None:
    points = np.array([[0.6], [0.0], [0.6], [1.0]])
    mixed = search.run_trials(points, [3, 4, 4, 3], seed=10)
    alone = search.run_trials(points[2:3], [4], seed=12)
    assert (mixed.hits[2] == alone.hits[0]).all()
    assert mixed.val.shape == mixed.test.shape == (4,)
    assert mixed.test[0] > 0.4 > mixed.test[3]


def test_searches_pick_from_their_points(land: search.Landscape) -> None:
    for method in search.METHODS:
        for scale in ("log", "linear"):
            rng = np.random.default_rng(0)
            found = search.repeat_search(land, method, 9, repeats=6, rng=rng, scale=scale)
            picked = found.points[np.arange(6), found.best]
            np.testing.assert_allclose(land.at(picked), found.accuracy)
            assert ((found.points >= 0) & (found.points <= 1)).all()
    places = np.stack(np.meshgrid(*land.places, indexing="ij"), axis=-1)
    np.testing.assert_allclose(land.at(places), land.accuracy)


def test_a_linear_spread_crowds_the_high_end(land: search.Landscape) -> None:
    found = search.repeat_search(
        land, "random", 100, repeats=5, rng=np.random.default_rng(0), scale="linear"
    )
    assert (found.points[:, :, 0] > 0.5).mean() > 0.95


def test_a_linear_refinement_is_even_over_the_values(land: search.Landscape) -> None:
    """Its box is 0.3 of the range of the values, or what the border leaves of it."""
    found = search.repeat_search(
        land, "coarse to fine", 100, repeats=20, rng=np.random.default_rng(0), scale="linear"
    )
    values = search.to_values(found.points[:, 50:].reshape(-1, 2))[:, 0].reshape(20, 50)
    widths = np.ptp(values, axis=1) / 10  # rates go up to 10
    assert widths.min() > 0.13
    assert widths.max() < 0.3


@pytest.mark.parametrize(("method", "scale"), [("best", "log"), ("grid", "cubic")])
def test_unknown_searches_are_refused(land: search.Landscape, method: str, scale: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="method is one of grid, random, coarse to fine, scale"):
        search.repeat_search(land, method, 4, repeats=1, rng=rng, scale=scale)


def test_optimism_of_equal_trials_is_their_luck() -> None:
    rng = np.random.default_rng(0)
    coins = search.Trials(rng.random((200, 600)) < 0.5)
    scores, honest = search.optimism(coins, n_val=50, counts=[1, 100], repeats=60, rng=rng)
    assert scores[0].mean() == pytest.approx(0.5, abs=0.05)
    assert scores[1].mean() == pytest.approx(0.5 + 2.5 * 0.5 / 50**0.5, abs=0.03)
    assert honest[1].mean() == pytest.approx(0.5, abs=0.02)
    with pytest.raises(ValueError, match="counts are at most 200, n_val below 600"):
        search.optimism(coins, n_val=600, counts=[1], repeats=1, rng=rng)


# figures


def test_explorables_sweep(races: list[ravine.Race], land: search.Landscape) -> None:
    for figure in (
        optimization.explore_race(races),
        optimization.explore_schedules(),
        search_figures.explore_search(land, seed=0),
    ):
        assert sweep(figure, points=2) >= 8
        assert len(figure.text) < 210
        figure.close()


def test_static_figures_show_what_they_are_given(land: search.Landscape) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(4)
    curves = learning_curves.Curves(steps, rng.random((4, 3)), rng.random((4, 3)), rng.random(3))
    figure = learning_curves.plot_gallery({"one": curves, "two": curves})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["one", "two"]
    bugs = {bug: sanity.overfit(bug, [1], steps=1) for bug in sanity.BUGS}
    figure = learning_curves.plot_bugs(bugs)
    assert "softmax twice" in figure.axes[1].get_title(loc="left")
    gains = {"step": rng.random((2, 3)), "cosine": rng.random((2, 3))}
    assert len(learning_curves.plot_gains([0.1, 1], gains).axes[0].lines) == 3
    figure = learning_curves.plot_range_test(
        np.array([0.1, 1]), rng.random((2, 3)), {"here": 0.5}, np.array([0.1, 1]),
        rng.random((2, 3)),
    )  # fmt: skip
    assert len(figure.axes) == 2
    figure = search_figures.plot_four({"grid": rng.random(5), "random": rng.random(5)})
    assert len(figure.axes[0].lines) == 4
    pair = search.optimism(land.trials, n_val=30, counts=[1, 5], repeats=3, rng=rng)
    assert "30 validation images" in search_figures.plot_optimism(
        [1, 5], {30: pair, 60: pair}
    ).axes[0].get_title(loc="left")


# the judge


def judged(answer: Answer) -> dict[str, bool]:
    """Which parts hold for an answer, over many seeds."""
    probes = [(1e-3, 2.0, 80, Seed(50 + i)) for i in range(24)]
    probes += [(0.5, 3.0, 40, Seed(90 + i)) for i in range(12)]
    probes += [probes[0], (0.5, 3.0, 1, Seed(3))]
    calls = [Call(p, answer(*p[:3], np.random.default_rng(p[3].value))) for p in probes]
    parts: dict[str, bool] = {}
    for p in log_uniform(calls):
        parts[p.part] = parts.get(p.part, True) and p.holds
    return parts


def draw(low: float, high: float, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(loguniform(low, high).rvs(n, random_state=rng))


def stratified(low: float, high: float, n: int, rng: np.random.Generator) -> np.ndarray:
    places = (rng.permutation(n) + rng.random(n)) / n
    return np.asarray(low * (high / low) ** places)


def beside(n: int, rng: np.random.Generator) -> np.ndarray:
    """Places of which the second half stands half a range beside the first one."""
    half = rng.random(n - n // 2)
    return np.concatenate([half, (half + 0.5) % 1])[:n]


def on_points(n: int, rng: np.random.Generator) -> np.ndarray:
    """Places near three points, with the mean, variance and sixth moment of even ones."""
    far, often = 0.38295, 0.28412  # 2·often·far² = 1/12
    places = rng.choice([0.5 - far, 0.5, 0.5 + far], n, p=[often, 1 - 2 * often, often])
    return np.asarray(places + 1e-6 * rng.random(n))


def on_grid(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray((rng.integers(0, 50, n) + 0.5) / 50 + 1e-6 * rng.random(n))


def first_low(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.append(0.0, rng.random(n - 1))


def placed(places: Callable[[int, np.random.Generator], np.ndarray]) -> Answer:
    return lambda low, high, n, rng: low * (high / low) ** places(n, rng)


def linear_where(here: Callable[[float, float], bool]) -> Answer:
    """Draws evenly between the ends themselves, for some ends."""
    return lambda low, high, n, rng: (
        rng.uniform(low, high, n) if here(low, high) else draw(low, high, n, rng)
    )


@pytest.mark.parametrize(
    "answer",
    [
        placed(beside),
        placed(on_points),
        placed(on_grid),
        placed(first_low),
        linear_where(lambda low, high: low >= 1),
        linear_where(lambda low, high: high < 10 * low),
    ],
)
def test_nearly_uniform_logarithms_are_refused(answer: Answer) -> None:
    assert judge("10.6", answer).state == "wrong"


@pytest.mark.parametrize(
    ("exercise", "here", "instead"),
    [
        ("10.1", lambda *a: a[3] == 0 and not a[4], lambda *a: np.tile(a[1], (a[5] + 1, 1))),
        ("10.1", lambda *a: a[3] == 0 and a[4], lambda *a: np.tile(a[1], (a[5] + 1, 1))),
        ("10.1", lambda *a: a[3] > 0.9, lambda *a: np.tile(a[1], (a[5] + 1, 1))),
        ("10.2", lambda grads, *a: len(grads) == 1, lambda grads, *a: 0 * grads),
        ("10.2", lambda grads, *a: (grads == 0).all(0).any(), lambda grads, *a: np.nan * grads),
        ("10.2", lambda grads, lr, one, two, eps: one > two, lambda grads, *a: 0 * grads),
        ("10.3", lambda t, n, w, peak, floor: n == 1, lambda *a: 0.0),
        ("10.3", lambda t, n, w, peak, floor: t == 0 and w == 1, lambda *a: 0.0),
        ("10.3", lambda t, n, w, peak, floor: w == 0 and t == n - 1 > 0, lambda *a: 0.0),
        ("10.5", lambda train, val: len(train) == 2, lambda train, val: "good"),
        ("10.5", lambda train, val: len(train) == 3, lambda train, val: "good"),
        ("10.5", lambda train, val: np.isnan(train[0]), lambda train, val: "good"),
        ("10.5", lambda train, val: np.isneginf(train).any(), lambda train, val: "good"),
        ("10.7", lambda results, keep: len(results) == 1, lambda results, keep: (0.0, 0.0)),
        ("10.7", lambda results, keep: (results[:, 1] < -100).any(),
         lambda results, keep: (0.0, 0.0)),
    ],
)  # fmt: skip
def test_edges_are_asked(exercise: str, here: Any, instead: Any) -> None:
    solution = load_solution(exercise)
    wrong = judge(exercise, lambda *a: instead(*a) if here(*a) else solution(*a))
    assert wrong.state == "wrong"


def test_curves_looked_up_among_the_published_earn_nothing() -> None:
    """Who takes the answer of the nearest published probe is right on most, but in no part."""
    published = load_task("10.5")

    def nearest(train: np.ndarray, val: np.ndarray) -> Any:
        told = [
            np.nan_to_num(np.array(probe), nan=50, posinf=90, neginf=-90)
            for probe in published.probes
        ]
        asked = np.nan_to_num(np.array([train, val]), nan=50, posinf=90, neginf=-90)
        ends = [np.abs(t[:, [0, -1]] - asked[:, [0, -1]]).sum() for t in told]
        far = [
            np.square(t - asked).sum() if t.shape == asked.shape else 100 + end
            for t, end in zip(told, ends, strict=True)
        ]
        return published.expected[int(np.argmin(far))]

    assert judge("10.5", nearest).state == "passed"
    exercise = load_lesson("10").find("10.5")
    earned = [verdict_on(fresh_task(exercise, seed), nearest).passed for seed in range(30)]
    assert np.mean(earned) < 0.1


def test_adam_in_float32_passes() -> None:
    def path(grads: np.ndarray, lr: float, beta1: float, beta2: float, eps: float) -> np.ndarray:
        point = torch.zeros(grads.shape[1])
        adam = torch.optim.Adam([point], lr=lr, betas=(beta1, beta2), eps=eps)
        rows = []
        for gradient in grads:
            point.grad = torch.tensor(gradient, dtype=torch.float32)
            adam.step()
            rows.append(point.numpy().copy())
        return np.stack(rows)

    exercise = load_lesson("10").find("10.2")
    for seed in range(20):
        verdict = verdict_on(fresh_task(exercise, seed), path)
        assert verdict.state == "passed", verdict.message


def test_judge_passes_right_draws() -> None:
    assert all(judged(draw).values())
    powers = judged(lambda low, high, n, rng: 2 ** rng.uniform(np.log2(low), np.log2(high), n))
    assert all(powers.values())


GEOMETRIC = "spread evenly over the decades"
FREE = "independent draws"


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (lambda low, high, n, rng: np.geomspace(low, high, n), (GEOMETRIC, FREE)),
        (lambda low, high, n, rng: rng.permutation(np.geomspace(low, high, n)), (FREE,)),
        (lambda low, high, n, rng: np.geomspace(low, high, n) * (1 + 1e-9 * rng.random(n)),
         (FREE,)),
        (stratified, (FREE,)),
        (lambda low, high, n, rng: np.full(n, draw(low, high, 1, rng)[0]), (GEOMETRIC, FREE)),
        (lambda low, high, n, rng: np.repeat(draw(low, high, n, rng), 2)[:n], (FREE,)),
        (lambda low, high, n, rng: rng.uniform(low, high, n), (GEOMETRIC,)),
        (lambda low, high, n, rng: np.zeros(n), (GEOMETRIC, FREE)),
        (lambda low, high, n, rng: np.full(n, (low * high) ** 0.5) * (1 + 1e-3 * rng.random(n)),
         (GEOMETRIC, FREE)),
    ],
)  # fmt: skip
def test_judge_refuses_what_is_no_log_uniform_draw(answer: Answer, parts: tuple[str, ...]) -> None:
    found = judged(answer)
    assert [name for name in parts if found[name]] == []


def test_another_source_of_draws_is_named() -> None:
    own = judge("10.6", lambda low, high, n, rng: draw(low, high, n, np.random.default_rng()))
    assert own.passed == 0
    assert own.message.startswith("Two calls with equal generators gave different results")
    fixed = judge("10.6", lambda low, high, n, rng: draw(low, high, n, np.random.default_rng(1)))
    assert fixed.passed == 0
    assert fixed.mistake.startswith("You do not draw from the rng")


def test_judge_says_what_does_not_fit() -> None:
    for output, told in ((None, "got None"), (1.0, "got a float"), (np.zeros(2), "got shape")):
        with pytest.raises(Unfit, match=told):
            log_uniform([Call((0.1, 1.0, 3, Seed(0)), output)])
