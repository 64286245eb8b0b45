"""The experiments and figures of lesson 00, against direct loops and scikit-learn."""

import numpy as np
import pytest
import torch

from helpers import data, dead_units, scaling, zigzag
from helpers.check import judge
from helpers.explore import sweep
from helpers.judging import PASSED, WRONG
from helpers.plots import activations as pictures
from helpers.plots import scaling as figures


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(3, [1.0, 4.0, 0.5], (40, 3)), rng.normal(size=(40, 2))


def test_descent_is_gradient_descent(problem: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = problem
    ones = np.c_[x, np.ones(40)]
    hessian = ones.T @ ones / 40
    rate = 1 / np.linalg.eigvalsh(hessian)[-1]
    weights, losses = np.zeros((4, 2)), []
    for _ in range(31):
        losses.append(np.square(ones @ weights - y).sum() / 80)
        weights = weights - rate * ones.T @ (ones @ weights - y) / 40
    run = scaling.descend(x, y)
    np.testing.assert_allclose(run.outputs(x, 31), ones @ weights, atol=1e-12)
    lowest = np.square(ones @ np.linalg.lstsq(ones, y, rcond=None)[0] - y).sum() / 80
    wanted = (np.array(losses) - lowest) / (losses[0] - lowest)
    np.testing.assert_allclose([run.excess(t) for t in range(31)], wanted, atol=1e-12)
    assert run.condition == pytest.approx(np.linalg.cond(hessian))


def test_steps_to_is_the_first_step(problem: tuple[np.ndarray, np.ndarray]) -> None:
    run = scaling.descend(*problem)
    step = run.steps_to(0.01)
    assert run.excess(step) <= 0.01 < run.excess(step - 1)
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match=r"in \(0, 1\); got"):
            run.steps_to(share)


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 8, 1000])
def test_first_step(wanted: int) -> None:
    assert scaling.first_step(lambda t: t >= wanted) == wanted


def test_first_step_ends_where_nothing_is_reached() -> None:
    assert scaling.first_step(lambda t: False) >= scaling.FARTHEST


def test_flat_directions_are_left_out() -> None:
    x = np.c_[np.arange(6.0), np.zeros(6), 2 * np.arange(6.0)]
    assert len(scaling.descend(x, np.ones((6, 1))).curvatures) == 2


def test_homes_are_believable() -> None:
    homes, prices = scaling.draw_homes(20_000, np.random.default_rng(3))
    area, rooms = homes.T
    assert area.min() >= 20
    assert set(rooms) == set(range(1, int(rooms.max()) + 1))
    np.testing.assert_allclose(homes.mean(0), [80, 3], rtol=0.02)
    np.testing.assert_allclose(homes.std(0), [25, 1], rtol=0.03)
    assert 0.7 < np.corrcoef(area, rooms)[0, 1] < 0.8
    assert prices.shape == (20_000, 1)


def test_prepare_uses_the_training_set_only() -> None:
    split = data.splits([1], n_train=50, n_test=20, pixel_noise=0.1)
    train, test = split.x_train[0], split.x_test[0]
    versions = scaling.prepare(train, test)
    assert list(versions) == ["raw", "mean 0", "min–max", "standardized", "whitened"]
    for name, (a, b) in versions.items():
        alone = scaling.prepare(train, test[:1])[name]
        np.testing.assert_allclose(alone[0], a)
        np.testing.assert_allclose(alone[1], b[:1])
    np.testing.assert_allclose(versions["standardized"][0].std(0), 1)
    covariance = np.cov(versions["whitened"][0].T)
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=1e-9)


def test_compare_on_digits_has_the_shapes_it_names() -> None:
    found = scaling.compare_on_digits([0, 1], [1, 10, 100], n_train=80)
    for speed in found.values():
        assert speed.condition.shape == speed.arrival.shape == (2,)
        assert speed.excess.shape == speed.accuracy.shape == (3, 2)
        assert (np.diff(speed.excess, axis=0) <= 0).all()
    assert found["whitened"].arrival.tolist() == [1, 1]


def test_linear_fit_is_ridge() -> None:
    split = data.splits([2], n_train=100, n_test=100)
    x, y = split.x_train[0], split.y_train[0]
    mean, targets = x.mean(0), scaling.one_hot(y)
    weights = np.linalg.solve(
        (x - mean).T @ (x - mean) + 3 * np.eye(64), (x - mean).T @ (targets - targets.mean(0))
    )
    wanted = ((split.x_test[0] - mean) @ weights + targets.mean(0)).argmax(1)
    assert scaling.fit_linear(x, y, alpha=3.0)(split.x_test[0]).tolist() == wanted.tolist()


def test_choosing_on_all_data_leaks() -> None:
    leaky = [scaling.accuracy_on_noise(seed, leaky=True) for seed in range(3)]
    honest = [scaling.accuracy_on_noise(seed, leaky=False) for seed in range(3)]
    assert min(leaky) > 0.75
    assert max(honest) < 0.75


def test_walk_is_stochastic_gradient_descent() -> None:
    walks = zigzag.walk(0.5, batch_size=3, lr=2.0, seeds=[4, 9], steps=20)
    x = np.random.default_rng([9, 7]).random((20, 3, 2))  # seed 9's inputs, around 0.5
    w = torch.tensor(-zigzag.GOAL, requires_grad=True)
    goal = torch.tensor(zigzag.GOAL)
    for batch in torch.from_numpy(x):
        w.grad = None
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            batch @ w, torch.sigmoid(batch @ goal)
        )
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            w -= 2.0 * w.grad  # type: ignore[operator]
    np.testing.assert_allclose(walks.weights[-1, 1], w.detach().numpy(), atol=1e-10)


def test_walks_are_measured_up_to_their_arrival() -> None:
    path = np.array([[-1.5, 1.5], [1.5, 1.5], [1.5, -1.45], [9.0, 9.0]])[:, None]  # one seed
    walks = zigzag.Walks(path, np.array([[[1.0, 2.0]], [[-1.0, 1.0]], [[-3.0, -1.0]]]))
    assert walks.steps.tolist() == [2]
    assert walks.same_sign.tolist() == [0.5]
    straight = np.linalg.norm(path[2, 0] - path[0, 0])
    np.testing.assert_allclose(walks.detour, [(3 + 2.95) / straight])


def test_walks_that_never_arrive_take_all_steps() -> None:
    walks = zigzag.walk(0.0, batch_size=1, lr=1e-3, seeds=[0], steps=12)
    assert walks.steps.tolist() == [12]


def test_fastest_walk_is_the_fastest() -> None:
    tried = [zigzag.walk(0.5, batch_size=4, lr=lr, seeds=[0, 1, 2]) for lr in (1, 8)]
    found = zigzag.fastest_walk(0.5, batch_size=4, seeds=[0, 1, 2], rates=[1, 8])
    assert found.steps.mean() == min(walks.steps.mean() for walks in tried)


def test_backward_of_linear_slopes_is_predicted_exactly() -> None:
    """maxout passes every unit's gradient to one of its pieces: slope 1."""
    found = dead_units.backward_through("maxout, Xavier", [0, 1], depth=3, width=8, n=20)
    np.testing.assert_allclose(found.slopes, 1)
    np.testing.assert_allclose(found.expected, 1)
    assert found.norms.shape == (3, 2)


def test_backward_counts_open_relus() -> None:
    found = dead_units.backward_through("ReLU, He", [0, 1, 2], depth=4, width=64, n=50)
    assert (abs(found.slopes - 0.5) < 0.15).all()
    assert found.expected[-1] == 1
    steps = found.expected[:-1] / found.expected[1:]
    np.testing.assert_allclose(steps, np.sqrt(2 * found.slopes.mean(1))[:-1])


def test_backward_refuses_unknown_kinds() -> None:
    with pytest.raises(ValueError, match="kind is one of sigmoid, Xavier"):
        dead_units.backward_through("relu", [0])


@pytest.fixture(scope="module")
def arms() -> dict[str, dead_units.Trained]:
    return dead_units.train_arms([1e-6, 0.03], [0, 1], steps=15)


def test_arms_have_the_shapes_they_name(arms: dict[str, dead_units.Trained]) -> None:
    assert tuple(arms) == dead_units.ARMS
    for arm in arms.values():
        assert arm.active.shape == (2, 2, 128)
        assert arm.accuracy.shape == (2, 2)


def test_arms_start_as_named(arms: dict[str, dead_units.Trained]) -> None:
    """A rate of a millionth shows the start: the same weights, more units on with a bias."""
    plain, biased = (arms[name].active[0] for name in ("ReLU", "ReLU, bias 0.1"))
    assert (biased[:, :64] >= plain[:, :64] - 1e-2).all()
    assert biased.mean() > plain.mean() + 0.01
    np.testing.assert_allclose(arms["leaky ReLU"].active[0, :, :64], plain[:, :64], atol=1e-2)


def test_slope_is_autograds() -> None:
    x = np.linspace(-3, 3, 41)
    h, gradient = pictures.slope("ELU", x, 0.7)
    np.testing.assert_allclose(h, np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0))))
    np.testing.assert_allclose(gradient, np.where(x > 0, 1, 0.7 * np.exp(np.minimum(x, 0))))


def test_valley_is_descent() -> None:
    valley = figures.find_valley("raw", 5.0, 0.4, 1.3)
    np.testing.assert_allclose(valley.hessian, [[25, 2], [2, 1]])
    position, rate = figures.START, 1.3 / np.linalg.eigvalsh(valley.hessian)[-1]
    for _ in range(9):
        position = position - rate * valley.hessian @ position
    np.testing.assert_allclose(valley.at(np.array([9]))[0], position, atol=1e-12)
    arrival = valley.arrival
    assert arrival is not None
    far = valley.far(np.array([arrival - 1, arrival]))
    assert far[1] <= figures.LEFT < far[0]


@pytest.mark.parametrize("rate", [2.0, 2.1])
def test_valley_beyond_the_edge_never_arrives(rate: float) -> None:
    assert figures.find_valley("standardized", 3.0, 0.2, rate).arrival is None


def test_versions_of_a_valley() -> None:
    assert figures.find_valley("standardized", 9.0, 0.5, 1.0).condition == pytest.approx(3)
    assert figures.find_valley("whitened", 9.0, 0.5, 1.0).condition == pytest.approx(1)


def test_explorables_sweep() -> None:
    valley, gallery = figures.explore_valley(), pictures.explore_gallery(seed=0)
    assert sweep(valley, points=4) == 3 + 3 * 4
    assert sweep(gallery, points=4) == 8 + 3 * 4
    valley.set(rate=2.1)
    assert "never arrives" in valley.text
    gallery.set(activation="sigmoid", layers=10)
    assert "sigmoid" in gallery.text
    valley.close()
    gallery.close()


def test_figures_show_what_they_are_given(arms: dict[str, dead_units.Trained]) -> None:
    found = scaling.compare_on_digits([0, 1], [1, 10], n_train=80)
    labels = figures.plot_speed([1, 10], found).axes[0].get_legend_handles_labels()[1]
    assert labels[-1] == "whitened (there in one step)"
    bars = figures.plot_statistics({"a": np.array([0.2, 0.4]), "b": np.array([0.9, 0.9])})
    assert [t.get_text() for t in bars.axes[0].texts] == ["0.30", "0.90"]
    walks = zigzag.walk(0.5, batch_size=2, lr=2.0, seeds=[0, 1])
    panels = figures.plot_walks({"one": walks, "two": walks}, seed=1)
    drawn = np.array(panels.axes[0].lines[0].get_data(), dtype=float).T
    np.testing.assert_allclose(drawn, walks.weights[: walks.steps[1] + 1, 1])
    dead = pictures.plot_dead([1e-6, 0.03], arms)
    assert len(dead.axes[0].lines) == len(dead_units.ARMS) - 1  # the leaky one cannot die
    kinds = ("ReLU, He", "tanh, Xavier")
    depth = {k: dead_units.backward_through(k, [0, 1], depth=3, n=20) for k in kinds}
    assert len(pictures.plot_gradients(depth).axes[0].lines) == 4


@pytest.mark.parametrize(
    "turn",
    ["pca", "zca", "cholesky", "mirrored"],
)
def test_every_whitening_passes(turn: str) -> None:
    def whiten(x: np.ndarray) -> np.ndarray:
        d = x - x.mean(0)
        values, vectors = np.linalg.eigh(d.T @ d / len(d))
        pca = d @ vectors / np.sqrt(values)
        if turn == "cholesky":
            return np.asarray(np.linalg.solve(np.linalg.cholesky(d.T @ d / len(d)), d.T).T)
        return {"pca": pca, "zca": pca @ vectors.T, "mirrored": -pca[:, ::-1]}[turn]

    assert judge("00.3", whiten).state == PASSED


def test_white_noise_is_no_whitening() -> None:
    """An output with the right covariance that has nothing to do with x earns nothing."""

    def fake(x: np.ndarray) -> np.ndarray:
        q = np.linalg.qr(np.c_[np.ones(len(x)), np.random.default_rng(0).normal(size=x.shape)])[0]
        return q[:, 1:] * np.sqrt(len(x))

    verdict = judge("00.3", fake)
    assert (verdict.state, verdict.passed) == (WRONG, 0)
    assert "lost" in verdict.message


def test_zeros_are_no_whitening() -> None:
    verdict = judge("00.3", lambda x: np.zeros(x.shape))
    assert (verdict.state, verdict.passed) == (WRONG, 0)


def test_wrong_shape_is_told() -> None:
    assert "got shape" in judge("00.3", lambda x: x[:, :1]).message.lower()
