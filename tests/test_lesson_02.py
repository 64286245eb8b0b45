"""Lesson 02's helpers: geometry against search and torch, shapes of experiments, the judge."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, Ridge

from helpers import geometry, nets, overfitting, sparsity
from helpers.explore import Explorable, sweep
from helpers.judges import Call, Unfit
from helpers.judges.lesson_02 import axis_probability
from helpers.plots import geometry as plane_plots
from helpers.plots import overfitting as overfitting_plots
from helpers.plots import priors, shrinkage
from helpers.values import Seed


def search(hessian: np.ndarray, target: np.ndarray, budget: float, norm: int) -> float:
    """The least value on the boundary, by brute force: an upper bound of the true one."""
    circle = geometry.polar(1.0, np.linspace(0, 360, 20_001))
    boundary = budget * circle / np.linalg.norm(circle, norm, axis=1, keepdims=True)
    return float(geometry.quadratic(boundary, hessian, target).min())


problems = given(
    angle=st.floats(0, 360),
    condition=st.floats(1, 100),
    tilt=st.floats(0, 180),
    budget=st.floats(0.05, 1.9),
)


@problems
@settings(max_examples=60, deadline=None)
def test_optima_beat_a_search_and_keep_to_the_budget(
    angle: float, condition: float, tilt: float, budget: float
) -> None:
    hessian, target = geometry.hessians(condition, tilt), geometry.polar(2.0, angle)
    for norm, solve in ((1, geometry.optimum_on_diamond), (2, geometry.optimum_in_disc)):
        best = solve(hessian, target, budget)
        found = float(geometry.quadratic(best, hessian, target))
        assert np.linalg.norm(best, norm) == pytest.approx(budget, rel=1e-9)
        assert found <= search(hessian, target, budget, norm) + 1e-9
        assert found >= search(hessian, target, budget, norm) - 1e-3 * condition


def test_optima_inside_the_ball_are_the_target() -> None:
    target = np.array([0.3, -0.2])
    for solve in (geometry.optimum_on_diamond, geometry.optimum_in_disc):
        np.testing.assert_array_equal(solve(np.eye(2), target, 1.0), target)


def test_many_problems_at_once_are_the_single_ones() -> None:
    rng = np.random.default_rng(0)
    hessian = geometry.hessians(rng.uniform(1, 9, 5), rng.uniform(0, 180, 5))
    targets = geometry.polar(2.0, rng.uniform(0, 360, 5))
    for solve in (geometry.optimum_on_diamond, geometry.optimum_in_disc):
        together = solve(hessian, targets, np.array([[0.5], [1.0], [1.5]]))
        assert together.shape == (3, 5, 2)
        alone = solve(hessian[3], targets[3], 1.5)
        np.testing.assert_allclose(together[2, 3], alone, rtol=1e-12)


def test_corners_are_exact_and_the_disc_has_none() -> None:
    targets = geometry.polar(2.0, np.random.default_rng(1).uniform(0, 360, 4000))
    on_diamond = geometry.optimum_on_diamond(np.eye(2), targets, 1.0)
    share = geometry.lands_on_axis(on_diamond).mean()
    exact = 1 - 4 / np.pi * np.arcsin(1 / (np.sqrt(2) * 2))
    assert share == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / 4000))
    assert not geometry.lands_on_axis(geometry.optimum_in_disc(np.eye(2), targets, 1.0)).any()


def test_hessians_have_the_condition_and_the_flat_direction() -> None:
    hessian = geometry.hessians(7.0, 30.0)
    np.testing.assert_allclose(np.linalg.eigvalsh(hessian), [1, 7])
    flat = geometry.polar(1.0, 30.0)
    np.testing.assert_allclose(hessian @ flat, flat)
    with pytest.raises(ValueError, match="condition"):
        geometry.hessians(0.5, 0.0)


@pytest.mark.parametrize("budget", [0.0, -1.0, np.nan])
def test_budget_is_positive(budget: float) -> None:
    for solve in (geometry.optimum_on_diamond, geometry.optimum_in_disc):
        with pytest.raises(ValueError, match="budget"):
            solve(np.eye(2), np.ones(2), budget)


def test_zeros_after_projection_agree_with_bisection() -> None:
    points = np.random.default_rng(2).standard_normal((50, 6))
    points[0] *= 0.01  # inside the ball: nothing is set to zero
    counts = geometry.zeros_after_projection(points, 1.0)
    assert counts[0] == 0
    for point, count in zip(points[1:], counts[1:], strict=True):
        low, high = 0.0, float(np.abs(point).max())
        for _ in range(60):
            t = (low + high) / 2
            big = F.softshrink(torch.tensor(point), t).abs().sum() > 1
            low, high = (t, high) if big else (low, t)
        assert count == int((F.softshrink(torch.tensor(point), high) == 0).sum())


def test_polynomial_goes_through_its_points() -> None:
    x, y = overfitting.noisy_points(9, np.random.default_rng(3))
    assert np.all(np.diff(x) > 0)
    train, new = overfitting.rms_errors(x, y, range(9))
    assert train[8] < 1e-8
    assert np.all(np.diff(train) <= 1e-9)
    assert np.all(new > overfitting.NOISE)
    with pytest.raises(ValueError, match="degree"):
        overfitting.fit_polynomial(x, y, 9)


def test_network_curves_have_a_column_a_share_and_pair_the_seeds() -> None:
    steps, curves = overfitting.network_curves(
        [0.0, 0.9], seeds=[3, 4], n_train=60, width=16, steps=40, every=20
    )
    assert steps.tolist() == [0, 20, 40]
    assert {v.shape for v in curves.values()} == {(3, 2, 2)}
    assert np.isnan(curves["wrong acc"][:, 0]).all()
    stored = curves["wrong acc"][:, 1]
    assert stored[0].max() < 0.4  # before training, about one in ten
    wrong_at_most = 54 * stored + 6  # of 60 labels; 54 are wrong, all 6 others may be right
    assert (60 * curves["train acc"][:, 1] <= wrong_at_most + 1e-6).all()
    assert (60 * curves["train acc"][:, 1] >= 54 * stored - 1e-6).all()
    np.testing.assert_allclose(curves["val loss"][0, 0], curves["val loss"][0, 1], rtol=1e-5)
    fig = overfitting_plots.plot_network_curves(steps, curves, ["true", "random"])
    assert [ax.get_title(loc="left") for ax in fig.axes[:2]] == ["true", "random"]


def small_problem() -> sparsity.Regression:
    return sparsity.make_regression(40, 8, 2, np.random.default_rng(4), sizes=(1.0, 2.0))


def test_regression_has_its_true_coefficients_and_noise() -> None:
    problem = sparsity.make_regression(2000, 8, 3, np.random.default_rng(5), noise=0.5)
    assert (problem.w != 0).sum() == 3
    assert np.std(problem.y - problem.X @ problem.w) == pytest.approx(0.5, rel=0.1)
    assert problem.test_error(problem.w) == pytest.approx(0.25, rel=0.2)


def test_proximal_descent_finds_lasso_and_the_others_never_reach_zero() -> None:
    problem, start = small_problem(), np.full(8, 0.1)
    found = {
        method: sparsity.descend(
            problem.X, problem.y, lam=[0.2, 0.4], lr=[0.1, 0.1], method=method, steps=600,
            start=start, record=[0, 600],
        )
        for method in sparsity.METHODS
    }  # fmt: skip
    for name, path in found.items():
        assert path.shape == (2, 2, 8)
        np.testing.assert_array_equal(path[0], [start, start])
        assert (path[-1] == 0).any() == (name == "proximal")
    for lam, w in zip((0.2, 0.4), found["proximal"][-1], strict=True):
        exact = Lasso(alpha=lam, fit_intercept=False, tol=1e-12).fit(problem.X, problem.y).coef_
        np.testing.assert_allclose(w, exact, atol=1e-6)


def test_descend_refuses_an_unknown_method() -> None:
    problem = small_problem()
    with pytest.raises(ValueError, match="method is one of"):
        sparsity.descend(problem.X, problem.y, lam=[1.0], lr=[0.1], method="magic", steps=1,
                         start=np.zeros(8))  # fmt: skip


def test_shrink_is_torch_softshrink() -> None:
    w = torch.linspace(-2, 2, 41, dtype=torch.float64)[None].repeat(2, 1)
    expected = torch.stack([F.softshrink(w[0], 0.3), F.softshrink(w[1], 1.0)])
    sparsity.shrink(w, torch.tensor([[0.3], [1.0]], dtype=torch.float64))
    torch.testing.assert_close(w, expected)


def test_sparse_networks_pair_the_methods_and_only_proximal_has_zeros() -> None:
    measured = sparsity.sparse_networks([0.0, 0.03], seeds=[1, 2], n_train=60, steps=60)
    assert measured["proximal"]["accuracy"].shape == (2, 2)
    np.testing.assert_array_equal(
        measured["proximal"]["accuracy"][0], measured["subgradient"]["accuracy"][0]
    )
    assert measured["subgradient"]["zeros"].max() == 0
    assert measured["proximal"]["zeros"][1].min() > 0.3
    assert measured["proximal"]["zeros"][0].max() == 0
    shrinkage.plot_sparse_networks(measured, [0.0, 0.03])


def test_recovery_and_dense_comparison_shapes() -> None:
    found = sparsity.compare_recovery([0, 1])
    assert {v.shape for v in found.values()} == {(2, 3)}
    assert found["ridge, CV"][:, :2].sum(1).tolist() == [20, 20]
    shrinkage.plot_recovery(found, 20)
    assert sparsity.compare_dense([0]).shape == (1, 2)


def test_paths_are_lasso_and_ridge_of_scikit_learn() -> None:
    lams = np.array([0.05, 0.3, 2.0])
    found = sparsity.compare_paths([7, 8], lams, at=0.35)
    assert found.lasso.shape == found.ridge.shape == (2, 3)
    for i, seed in enumerate([7, 8]):
        problem = sparsity.make_regression(40, 20, 5, np.random.default_rng([seed, 52]), noise=1.0)
        X, y, right = problem.X, problem.y, problem.w != 0
        lasso = [Lasso(lam, fit_intercept=False, tol=1e-12).fit(X, y).coef_ for lam in lams]
        ridge = [Ridge(40 * lam, fit_intercept=False).fit(X, y).coef_ for lam in lams]
        for errors, ws in ((found.lasso[i], lasso), (found.ridge[i], ridge)):
            np.testing.assert_allclose(errors, [problem.test_error(w) for w in ws], rtol=1e-4)
        share = np.abs(lasso[1][right]).sum() / np.abs(problem.w[right]).sum()
        np.testing.assert_allclose(found.kept[i], share, rtol=1e-4)
        assert found.wrong[i] == (lasso[1][~right] != 0).sum()


def test_twins_are_lasso_and_ridge_of_scikit_learn() -> None:
    lams, seeds = [0.1, 1.0], (np.random.default_rng(6), np.random.default_rng(6))
    lasso, ridge = sparsity.twin_features(3, seeds[0], lams=lams, noise=0.5)
    assert lasso.shape == ridge.shape == (2, 3, 2)
    signal = seeds[1].standard_normal((50, 1))
    X = signal + 0.05 * seeds[1].standard_normal((50, 2))
    y = 2 * signal[:, 0] + 0.5 * seeds[1].standard_normal(50)
    for lam, one, two in zip(lams, lasso[:, 0], ridge[:, 0], strict=True):
        exact = Lasso(alpha=lam, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(X, y).coef_
        np.testing.assert_allclose(one, exact, atol=1e-4)
        np.testing.assert_allclose(two, Ridge(alpha=50 * lam, fit_intercept=False).fit(X, y).coef_)


def test_minimizer_is_the_proximal_step() -> None:
    for w in (-2.3, -0.4, 0.0, 0.9, 2.0):
        soft = float(F.softshrink(torch.tensor(w, dtype=torch.float64), 0.6))
        assert shrinkage.minimizer("L1", w, 0.6) == pytest.approx(soft, abs=5.1e-4)
        assert shrinkage.minimizer("L2", w, 0.6) == pytest.approx(w / 1.6, abs=5.1e-4)


def test_posterior_summary_is_the_conjugate_one_and_soft_thresholding() -> None:
    estimates = np.array([-2.0, 0.1, 1.5])
    mode, mean = priors.summarize("Gaussian", 0.5, estimates, 4)
    np.testing.assert_allclose(mean, estimates / 2, atol=1e-6)  # 4 / (4 + 1/0.25)
    np.testing.assert_allclose(mode, estimates / 2, atol=5.1e-3)
    mode, mean = priors.summarize("Laplace", 0.5, estimates, 4)
    soft = F.softshrink(torch.tensor(estimates), 1 / (4 * 0.5)).numpy()
    np.testing.assert_allclose(mode, soft, atol=5.1e-3)
    assert mode[1] == 0
    assert mean[1] != 0


def probability(radius: float, budget: float) -> float:
    return float(1 - 4 / np.pi * np.arcsin(min(budget / radius, 1) / np.sqrt(2)))


def paths_explorable() -> Explorable:
    problem, lams = small_problem(), np.geomspace(0.01, 10, 9)
    return shrinkage.explore_paths(
        problem, lams, {k: np.outer(1 / (1 + lams), problem.w) for k in ("ridge", "lasso")}
    )


def descent_explorable() -> Explorable:
    path = np.abs(np.random.default_rng(7).standard_normal((3, 2, 4)))
    path[-1, :, 0] = 0
    true = np.array([False, True, True, False])
    both = {"subgradient": path, "proximal": path}
    return shrinkage.explore_descent(np.array([1, 10, 100]), both, true, [0.01, 0.1], start=0.1)


EXPLORABLES: dict[str, Any] = {
    "balls": plane_plots.explore_balls,
    "probability": lambda: plane_plots.explore_probability(probability, seed=0),
    "polynomial": lambda: overfitting_plots.explore_polynomial(seed=0),
    "proximal": shrinkage.explore_proximal,
    "posterior": priors.explore_posterior,
    "paths": paths_explorable,
    "descent": descent_explorable,
}


@pytest.mark.parametrize("name", EXPLORABLES)
def test_every_control_of_every_explorable(name: str) -> None:
    explorable = EXPLORABLES[name]()
    try:
        assert sweep(explorable, points=2) >= 2
        assert len(explorable.text) > 40
    finally:
        explorable.close()


def test_balls_say_what_they_show() -> None:
    explorable = plane_plots.explore_balls()
    explorable.set(budget=0.5)
    assert "one exact zero; in the disc" in explorable.text
    explorable.set(budget=3.0)
    assert "exact zero" not in explorable.text
    explorable.close()


def test_axis_shares_match_the_formula_for_circles() -> None:
    shares = plane_plots.axis_shares(1, np.array([0.3, 0.9]), seed=3)
    exact = [probability(1, 0.3), probability(1, 0.9)]
    np.testing.assert_allclose(shares, exact, atol=5 * np.sqrt(0.25 / 4000))


Estimate = Callable[[float, np.random.Generator], float]


def test_judge_has_one_line_a_problem() -> None:
    arguments = [(2.0, s, 1000, Seed(seed)) for s in (1.0, 1.5) for seed in (0, *range(9))]
    exact = probability(2.0, 1.0)
    error = np.sqrt(exact * (1 - exact) / 9000)
    by_seed = [Call(a, 0.5 + a[3].value / 1000) for a in arguments]
    constant = [Call(a, 0.5) for a in arguments]  # ignores its generator: nine times one estimate
    for calls, standard_error in ((by_seed, error), (constant, 3 * error)):
        found = axis_probability(calls)
        lines = [p for p in found if p.name.startswith("probability")]
        assert [p.part for p in lines] == ["the probability"] * 2
        assert lines[0].tolerance == pytest.approx(5 * standard_error, rel=1e-6)


OWN = np.random.default_rng(5)  # not the call's: two estimates of one seed agree by chance only


def judged(estimate: Estimate) -> dict[str, bool]:
    """Which parts hold for 30 seeds, the first of them twice; `estimate` is told the formula's."""
    exact = 1 - 4 / np.pi * np.arcsin(0.5 / np.sqrt(2))
    arguments = [(2.0, 1.0, 1000, Seed(s)) for s in (0, *range(30))]
    called = [Call(a, estimate(exact, np.random.default_rng(a[3].value))) for a in arguments]
    parts: dict[str, bool] = {}
    for p in axis_probability(called):
        parts[p.part] = parts.get(p.part, True) and p.holds
    return parts


def test_judge_of_monte_carlo() -> None:
    right = judged(lambda exact, rng: rng.binomial(1000, exact) / 1000)
    assert right == {"the probability": True, "the draws": True}
    uncounted = judged(lambda exact, rng: rng.normal(exact, 0.015))
    assert uncounted == {"the probability": True, "the draws": False}
    biased = judged(lambda exact, rng: rng.binomial(1000, exact + 0.15) / 1000)
    assert biased == {"the probability": False, "the draws": True}


@pytest.mark.parametrize(
    "cheat",
    [
        lambda exact, rng: exact,
        lambda exact, rng: round(1000 * exact) / 1000,
        lambda exact, rng: (round(1000 * exact) + rng.integers(-1, 2)) / 1000,
        lambda exact, rng: exact + 1e-9 * rng.normal(),
        lambda exact, rng: OWN.binomial(1000, exact) / 1000,
        lambda exact, rng: np.random.default_rng(0).binomial(1000, exact) / 1000,
        lambda exact, rng: rng.random(),
    ],
    ids=["formula", "rounded", "off by one", "jitter", "own generator", "own seed", "noise"],
)
def test_judge_of_monte_carlo_gives_nothing_for_cheats(cheat: Estimate) -> None:
    assert not any(judged(cheat).values())


def calls(outputs: list[Any]) -> list[Call]:
    arguments = [(2.0, 1.0, 1000, Seed(s)) for s in (1, 1, 2)]
    return [Call(a, o) for a, o in zip(arguments, outputs, strict=True)]


@pytest.mark.parametrize("wrong", [None, "text", np.nan, np.zeros(2)])
def test_judge_refuses_what_is_no_number(wrong: Any) -> None:
    with pytest.raises(Unfit):
        axis_probability(calls([wrong, 0.5, 0.5]))


def train_two_arms(arms: int = 1) -> list[np.ndarray]:
    """Two seeds twice: the final weights of all four networks."""
    model = nets.MLPs([3, 4, 2], seeds=[0, 1, 0, 1])
    x = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1)
    nets.train(
        model, x, (x[..., 0] > 0).long(), steps=5, batch_size=4,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=0.1),
        generator=torch.Generator().manual_seed(1), arms=arms,
    )  # fmt: skip
    return list(model.weights[0].detach().numpy())


def test_arms_see_the_same_batches() -> None:
    a, b, again_a, again_b = train_two_arms(2)
    np.testing.assert_allclose(a, again_a, rtol=1e-6)
    np.testing.assert_allclose(b, again_b, rtol=1e-6)
    a, _, again_a, _ = train_two_arms()
    assert np.abs(a - again_a).max() > 1e-4


@pytest.mark.parametrize("arms", [0, 3])
def test_arms_divide_the_networks(arms: int) -> None:
    with pytest.raises(ValueError, match="arms divides"):
        train_two_arms(arms)
