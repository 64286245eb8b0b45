"""The experiments, figures and judge of lesson 06, against scikit-learn and closed forms."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.tree import DecisionTreeClassifier

from helpers import committees, data, ensembles
from helpers.explore import Explorable, sweep
from helpers.instructor.exercises import load_lesson
from helpers.judges import Call, Property, Unfit
from helpers.judges.lesson_06 import bootstrap
from helpers.plots import committees as moon_figures
from helpers.plots import ensembles as figures
from helpers.values import Seed

Answer = Callable[[int, np.random.Generator], Any]


@pytest.fixture(scope="module")
def small() -> ensembles.Ensembles:
    return ensembles.train_ensembles([3, 4], k=3, label_noise=0.2, steps=12)


@pytest.fixture(scope="module")
def moons() -> committees.Moons:
    return committees.make_noisy_moons(1)


def test_ensembles_have_the_shapes_they_name(small: ensembles.Ensembles) -> None:
    assert set(small.test) == set(small.val) == set(ensembles.SOURCES)
    assert small.test["bootstrap"].shape == (3, 2, ensembles.N_TEST, 10)
    assert small.val["bootstrap"].shape == (3, 2, ensembles.N_VAL, 10)
    np.testing.assert_allclose(small.test["all three"].sum(-1), 1, atol=1e-6)


def test_members_differ_in_every_source(small: ensembles.Ensembles) -> None:
    for source, probs in small.test.items():
        for one, other in combinations(probs, 2):
            assert np.abs(one - other).max() > 1e-3, source


def test_what_a_source_does_not_vary_is_shared() -> None:
    """Without a step only the weights count: own where the source varies them, else the same."""
    start = ensembles.train_ensembles([3], k=2, label_noise=0.0, steps=0)
    for source, (own_init, _, _) in ensembles.SOURCES.items():
        one, other = start.test[source]
        assert np.array_equal(one, other) != own_init, source


def test_sources_are_paired(small: ensembles.Ensembles) -> None:
    """A source trains the same networks whatever sources are trained beside it."""
    alone = ensembles.train_ensembles(
        [3, 4], k=3, label_noise=0.2, steps=12, sources=["init + batches"]
    )
    expected = small.test["init + batches"]
    np.testing.assert_allclose(alone.test["init + batches"], expected, atol=1e-5)


def test_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match=r"some of batches, .*; got luck"):
        ensembles.train_ensembles([0], k=2, label_noise=0.0, sources=["luck"])


def test_ticks_count_all_networks() -> None:
    done: list[int] = []
    ensembles.train_ensembles([0], k=2, label_noise=0.0, steps=1, tick=done.append)
    assert sum(done) == 2 * len(ensembles.SOURCES)


def test_brier_is_that_of_scikit_learn(small: ensembles.Ensembles) -> None:
    probs, labels = small.test["all three"][0, 1], small.y_test[1]
    expected = brier_score_loss(labels, probs / probs.sum(1, keepdims=True), scale_by_half=False)
    assert ensembles.brier(probs, labels) == pytest.approx(expected, rel=1e-5)


def test_v_and_c_are_means_of_products(small: ensembles.Ensembles) -> None:
    probs, labels = small.val["bootstrap"], small.y_val
    errors = probs - np.eye(10)[labels]
    pairs = [(one * other).sum(-1).mean(-1) for one, other in combinations(errors, 2)]
    v, c = ensembles.v_and_c(probs, labels)
    np.testing.assert_allclose(v, (errors**2).sum(-1).mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(c, np.mean(pairs, axis=0), rtol=1e-10)


def test_errors_over_k_follow_the_formula(small: ensembles.Ensembles) -> None:
    probs, labels = small.test["all three"], small.y_test
    (v, c), errors = ensembles.v_and_c(probs, labels), ensembles.errors_over_k(probs, labels)
    assert errors.shape == (3, 2)
    np.testing.assert_allclose(errors[0], ensembles.brier(probs[0], labels))
    np.testing.assert_allclose(errors[-1], c + (v - c) / 3, rtol=1e-12)


def test_moons_have_the_wrong_labels_they_name(moons: committees.Moons) -> None:
    assert moons.wrong.sum() == 24
    right = committees.make_noisy_moons(1, label_noise=0.0)
    assert (moons.x == right.x).all()
    assert ((moons.y != right.y) == moons.wrong).all()
    assert moons.grid.shape == (89 * 59, 2)


def test_bagged_votes_are_shares(moons: committees.Moons) -> None:
    bagged = committees.bag(LogisticRegression(), moons, k=4, seed=0)
    assert bagged.on_test.shape == (4, 1000)
    assert set(np.unique(bagged.on_test[0])) == {0.0, 1.0}
    np.testing.assert_allclose(bagged.on_test[3] * 4 % 1, 0, atol=1e-12)


def test_boosted_weights_are_those_of_the_rounds(moons: committees.Moons) -> None:
    """The closed form exp(−yF), against the multiplicative rule, round by round."""
    boosted = committees.boost(moons, rounds=6, depth=1, seed=0)
    weights = np.full(len(moons.y), 1 / len(moons.y))
    for before, right in zip(boosted.weights, boosted.correct, strict=False):
        np.testing.assert_allclose(weights, before, rtol=1e-9)
        error = weights[~right].sum()
        weights = weights / np.where(right, 2 * (1 - error), 2 * error)
    np.testing.assert_allclose(boosted.weights.sum(1), 1)


def test_comparisons_have_one_score_a_seed() -> None:
    ticks: list[int] = []
    found = committees.compare_methods([0], label_noise=0.1, tick=lambda: ticks.append(1))
    assert list(found)[:4] == list(committees.MEMBERS)
    assert len(ticks) == len(found) == 12
    assert all(scores.shape == (1,) and 0.1 < scores[0] <= 1 for scores in found.values())


def test_members_of_a_bag_are_asked_about_the_digits_of_the_comparison() -> None:
    probs, labels = committees.bagged_probs("one tree", [0, 1], k=3)
    assert probs.shape == (3, 2, 700, 10)
    assert labels.shape == (2, 700)
    assert set(np.unique(probs)) == {0.0, 1.0}  # grown trees
    with pytest.raises(KeyError):
        committees.bagged_probs("a bush", [0], k=2)


@pytest.mark.parametrize(("noise", "low", "high"), [(0.0, 0.01, 0.06), (0.2, -0.16, -0.04)])
def test_many_rounds_overtake_bagging_with_right_labels_only(
    noise: float, low: float, high: float
) -> None:
    """What section 7 says of 60 deeper trees: too slow for the notebook."""
    split = data.splits(range(3), n_train=300, n_test=700, label_noise=noise, pixel_noise=0.25)
    gaps = []
    for i in range(3):
        tree = DecisionTreeClassifier(max_depth=8)
        boosted, bagged = (
            model.fit(split.x_train[i], split.y_train[i]).score(split.x_test[i], split.y_test[i])
            for model in (
                AdaBoostClassifier(tree, n_estimators=60, random_state=i),
                BaggingClassifier(n_estimators=60, random_state=i),
            )
        )
        gaps.append(boosted - bagged)
    assert low < np.mean(gaps) < high


def test_out_of_bag_and_linear_scores() -> None:
    scores = committees.out_of_bag_scores([0], k=25)
    assert scores["training"] > scores["new"]
    wrong = committees.out_of_bag_scores([0], k=25, label_noise=0.2)
    assert wrong["out of bag"] < wrong["new"] - 0.1  # judged by wrong labels, and by right ones
    gain = committees.bagging_gains(LogisticRegression(), [0, 1], k=3)
    assert gain.shape == (2,)
    linear = committees.bagged_linear([0], C=1.0, k=2)
    assert set(linear) == {"single", "bagged"}


def test_bagged_trees_repeat_wrong_labels() -> None:
    tree = committees.repeated_errors(DecisionTreeClassifier(random_state=0), [0, 1], k=9)
    assert tree.shape == (2, 2)
    assert (tree[:, 0] > 0.55).all()  # a member has seen 63 % of them
    assert (tree[:, 1] > tree[:, 0]).all()
    line = committees.repeated_errors(LogisticRegression(), [0, 1], k=9)
    assert (line < 0.4).all()


def judged(answer: Answer) -> dict[str, bool]:
    """Which parts hold for an answer, over many sizes and seeds."""
    sizes = [*[5] * 40, *[23] * 25, *[300] * 15]
    probes = [(n, Seed(1000 + i)) for i, n in enumerate(sizes)] + [(300, Seed(1079)), (1, Seed(7))]
    calls = [Call((n, seed), answer(n, np.random.default_rng(seed.value))) for n, seed in probes]
    parts: dict[str, bool] = {}
    found: list[Property] = bootstrap(calls)
    for p in found:
        parts[p.part] = parts.get(p.part, True) and p.holds
    return parts


def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    indices = rng.choice(n, n)
    return indices, np.setdiff1d(np.arange(n), indices)


def test_judge_passes_any_right_sample() -> None:
    assert judged(draw) == {"drawn with replacement": True, "out of bag": True}
    backwards = judged(lambda n, rng: tuple(array[::-1] for array in draw(n, rng)))
    assert all(backwards.values())  # any order is right


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (lambda n, rng: (rng.permutation(n), np.arange(0)), "drawn with replacement"),
        (lambda n, rng: (rng.permutation(n), np.arange(0)), "out of bag"),
        (lambda n, rng: draw(n, np.random.default_rng(2)), "drawn with replacement"),
        (lambda n, rng: (draw(n, rng)[0], np.arange(0)), "out of bag"),
        (lambda n, rng: (draw(n, rng)[0], np.repeat(draw(n, rng)[1], 2)), "out of bag"),
        (lambda n, rng: ((rng.random(n) ** 1.3 * n).astype(int), np.arange(0)),
         "drawn with replacement"),
    ],
)  # fmt: skip
def test_judge_refuses_what_is_no_bootstrap(answer: Answer, part: str) -> None:
    assert judged(answer)[part] is False


def rest(n: int, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return indices, np.setdiff1d(np.arange(n), indices)


ONCE = {n: np.random.default_rng(3).integers(0, n, n) for n in (1, 5, 23, 300)}


@pytest.mark.parametrize(
    "cheat",
    [
        lambda n, rng: rest(n, np.zeros(n, dtype=int)),
        lambda n, rng: rest(n, ONCE[n]),
        lambda n, rng: rest(n, np.repeat(rng.integers(n, size=1), n)),
    ],
    ids=["zeros", "one sample", "one index"],
)
def test_judge_gives_nothing_for_cheats(cheat: Answer) -> None:
    assert not any(judged(cheat).values())


def test_judge_tells_of_draws_from_elsewhere() -> None:
    with pytest.raises(Unfit, match="two calls with equal generators gave different results"):
        judged(lambda n, rng: draw(n, np.random.default_rng()))


def test_judge_sees_that_the_number_left_out_hardly_varies() -> None:
    assert not judged(lambda n, rng: rest(n, rng.permutation(np.arange(n))[ONCE[n]]))[
        "drawn with replacement"
    ]


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (None, "got None, expected two arrays"),
        (np.arange(3), "got an array, expected two arrays"),
        ((np.arange(3),), "a tuple of 1 item,"),
        (([0, 1, 2], np.arange(0)), "got a list for indices"),
        ((np.zeros(3), np.arange(0)), "dtype float64 for indices, expected integers"),
        ((np.arange(3), np.zeros(3, bool)), "dtype bool for out_of_bag"),
        ((np.arange(2), np.arange(1)), "indices has fewer than n entries"),
        ((np.arange(4), np.arange(1)), "indices has more than n entries"),
        ((np.arange(1), np.arange(3)), "the two are swapped"),
        ((np.zeros((3, 1), int), np.arange(1)), "got 2 axes for indices"),
    ],
)
def test_judge_says_what_does_not_fit(output: Any, told: str) -> None:
    with pytest.raises(Unfit, match=told):
        bootstrap([Call((3, Seed(0)), output)])


def test_judge_takes_an_empty_list_of_nothing_left_out() -> None:
    """np.array([]) is of floats; for a sample that leaves nothing out it is right."""
    calls = [Call((1, Seed(0)), (np.array([0]), np.array([]))), *[
        Call((23, Seed(s)), draw(23, np.random.default_rng(s))) for s in range(30)]]  # fmt: skip
    assert [p.name for p in bootstrap(calls) if not p.holds and p.part == "out of bag"] == []


@pytest.fixture
def explorables(small: ensembles.Ensembles, moons: committees.Moons) -> Iterator[list[Explorable]]:
    bags = {"line": committees.bag(LogisticRegression(), moons, k=3, seed=0)}
    made = [
        figures.explore_correlation(0, largest=5, draws=300),
        figures.explore_sources({"right labels": small, "wrong labels": small}),
        moon_figures.explore_boundaries(moons, bags),
        moon_figures.explore_boosting(moons, committees.boost(moons, rounds=4, depth=2, seed=0)),
    ]
    yield made
    for explorable in made:
        explorable.close()


def test_explorables_move_over_their_whole_range(explorables: list[Explorable]) -> None:
    assert all(sweep(explorable, points=2) >= 2 for explorable in explorables)


def test_texts_tell_what_the_pictures_show(explorables: list[Explorable]) -> None:
    correlation, sources, boundaries, boosting = explorables
    correlation.set(k=4, correlation=0.2)
    assert "by the formula 0.400" in correlation.text
    sources.set(source="all three", members=3, data="test")
    promised, actual = sources.text.split("should have the error ")[1].split("; they have ")
    assert promised == actual.split(" ")[0]  # the identity
    assert "the prediction of one seed is off by" in sources.text
    correlation.set(k=1)
    assert "the mean of 1 error of" in correlation.text
    boosting.set(rounds=1)
    assert "after 1 round on" in boosting.text
    assert "with one member" in boundaries.text
    assert "carry" in boosting.text


def _mirrored_draws(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    half = rng.integers(0, n, (n + 1) // 2)
    return rest(n, np.concatenate([half, n - 1 - half])[:n])


def _runs_of_three(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    starts = rng.integers(0, n, (n + 2) // 3)
    return rest(n, ((starts[:, None] + np.arange(3)) % n).ravel()[:n])


@pytest.mark.parametrize("answer", [_mirrored_draws, _runs_of_three])
def test_draws_that_hang_together_are_no_bootstrap(answer: Answer) -> None:
    assert judged(answer)["drawn with replacement"] is False


def test_a_sorted_sample_in_a_list_is_right() -> None:
    def drawn(n: int, rng: np.random.Generator) -> Any:
        indices = np.repeat(np.arange(n), rng.multinomial(n, np.full(n, 1 / n)))
        return list(rest(n, indices))

    assert all(judged(drawn).values())


@pytest.mark.parametrize(
    "nearly",
    [
        lambda p: (p**1.2).mean(0).argmax(-1),
        lambda p: np.round(p, 1).mean(0).argmax(-1),
        lambda p: np.exp(p).mean(0).argmax(-1),
        lambda p: (p.mean(0) - 0.2 * p.std(0)).argmax(-1),
    ],
    ids=["powers", "rounded", "exponentials", "less the spread"],
)
def test_rules_that_are_nearly_the_mean_are_told_apart(nearly: Callable[..., Any]) -> None:
    exercise = load_lesson("06").find("06.4")
    for seed in range(5):
        groups = exercise.probes(np.random.default_rng(seed))
        assert isinstance(groups, dict)
        probes = [p for (p,) in groups["majority agrees"] + groups["majority does not"]]
        assert any((nearly(p) != exercise.oracle(p)).any() for p in probes)
