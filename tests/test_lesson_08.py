"""Lesson 08: transforms, training under them, figures, and judges that cheats do not pass."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from helpers import augmentation, augmented, class_models
from helpers.check import judge
from helpers.explore import Explorable, sweep
from helpers.instructor.solutions import load_solution
from helpers.plots import augmentation as figures
from helpers.plots import augmented_classes as class_figures

SEEDS = [0, 1]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def canvas() -> augmentation.Canvas:
    return augmentation.digits_on_canvas(SEEDS, per_class=4, n_val=30, n_test=80)


@pytest.fixture(scope="module")
def runs(canvas: augmentation.Canvas) -> augmented.Runs:
    policies = {"none": None, "±5°": augmentation.affine(5, 1), "¾": augmentation.affine(90, 1)}
    return augmented.train_policies(canvas, policies, seeds=SEEDS, steps=20, every=10)


@pytest.fixture
def swept() -> Iterator[Callable[[Explorable], int]]:
    made: list[Explorable] = []

    def run(explorable: Explorable) -> int:
        made.append(explorable)
        assert len(explorable.text) < 230
        return sweep(explorable, points=3)

    yield run
    for explorable in made:
        explorable.close()


def test_warp_against_scipy() -> None:
    images = torch.rand(3, 64, generator=generator())
    square = images.view(3, 8, 8).numpy()
    turned = ndimage.rotate(square, 30, axes=(2, 1), reshape=False, order=1, mode="grid-constant")
    ours = augmentation.warp(images, degrees=30).view(3, 8, 8).numpy()
    np.testing.assert_allclose(ours, turned, atol=1e-5)
    moved = augmentation.warp(images, right=2, down=-1).view(3, 8, 8).numpy()
    np.testing.assert_allclose(moved, ndimage.shift(square, (0, -1, 2), order=0), atol=1e-5)
    assert augmentation.warp(images, zoom=2.0).shape == images.shape


def test_policies_draw_within_their_amounts() -> None:
    images = torch.rand(50, 144, generator=generator())
    assert torch.allclose(augmentation.affine()(images, generator()), images, atol=1e-5)
    blank = augmentation.erased(3)(images + 0.1, generator()) == 0
    assert (blank.sum(1) == 9).all()
    assert len(np.unique(blank.numpy(), axis=0)) > 20
    turned = augmentation.turned_share(1.0, augmentation.affine())(images, generator())
    assert torch.allclose(turned, images.flip(1), atol=1e-5)
    noise = augmentation.pixel_noise(0.3)(images, generator()) - images
    assert noise.std() == pytest.approx(0.3, rel=0.05)
    mixed = augmentation.one_of_many(30, 3, 0.3, 0.5, 0.2)(images, generator())
    untouched = torch.isclose(mixed, images, atol=1e-5).all(1).sum()
    assert 0 < untouched < 25


def test_random_policies_treat_each_data_set_by_its_own_amounts() -> None:
    amounts, policies = augmentation.random_policies(np.random.default_rng(0), 4, sets=2)
    assert amounts.shape == (4, 2, 4)
    assert len(policies) == 4
    images = torch.zeros(800, 144)
    for (one, other), policy in zip(amounts, policies, strict=True):
        noise = policy(images, generator())  # of blank images nothing else is left
        assert noise[:400].std() == pytest.approx(one[3], rel=0.05)
        assert noise[400:].std() == pytest.approx(other[3], rel=0.05)


def test_canvas_splits_do_not_overlap_and_are_balanced(canvas: augmentation.Canvas) -> None:
    assert canvas.x_train.shape == (2, 40, 144)
    assert (torch.bincount(canvas.y_train[0]) == 4).all()
    rows = augmentation._draw(0, 4, 30, 80)
    assert len(set(rows.tolist())) == 150


def test_a_small_canvas_is_refused() -> None:
    with pytest.raises(ValueError, match="even number of pixels, at least 8; got 7"):
        augmentation.digits_on_canvas([0], per_class=1, side=7)


def test_arms_are_paired_and_measured(runs: augmented.Runs, canvas: augmentation.Canvas) -> None:
    assert runs.test.shape == (3, 3, 2)
    assert runs.test[0, 0] == pytest.approx(runs.test[0, 1])
    shares = runs.per_class("none")
    counts = np.stack([np.bincount(y, minlength=10) for y in canvas.y_test.numpy()])
    overall = np.nansum(shares * counts, 1) / counts.sum(1)
    np.testing.assert_allclose(overall, runs.of("none"))


def test_mixing_gives_the_loss_of_the_mixed_label() -> None:
    mixing = augmented.Mixing(1.0, generator())
    batch = torch.rand(2, 6, 5, generator=generator())
    labels = torch.tensor([[0, 1, 2, 3, 0, 1], [3, 2, 1, 0, 3, 2]])
    mixed = mixing.mix(batch)
    weight = mixing.weight[..., None]
    torch.testing.assert_close(mixed, weight * batch + (1 - weight) * batch[:, mixing.order])
    one_hot = torch.nn.functional.one_hot(labels, 4).float()
    wanted = weight * one_hot + (1 - weight) * one_hot[:, mixing.order]
    logits = torch.randn(2, 6, 4, generator=generator())
    by_hand = -(wanted * logits.log_softmax(-1)).sum(-1).mean(1)
    torch.testing.assert_close(mixing.loss(logits, labels), by_hand)


def test_enlarged_sets(canvas: augmentation.Canvas) -> None:
    arm = augmented.enlarged(canvas, augmentation.affine(10), copies=2, pool=4, seed=0)
    assert arm.x.shape == (2, 160, 144)
    assert torch.equal(arm.x[:, :40], canvas.x_train)
    assert torch.equal(arm.x[:, :80], arm.x[:, 80:])
    assert not torch.equal(arm.x[:, :40], arm.x[:, 40:80])
    with pytest.raises(ValueError, match="copies divides pool, 4; got 3"):
        augmented.enlarged(canvas, augmentation.affine(10), copies=3, pool=4, seed=0)


def test_views_begin_with_the_images_themselves(
    runs: augmented.Runs, canvas: augmentation.Canvas
) -> None:
    seen = augmented.views(
        runs.mlps, canvas.x_test, augmentation.affine(5), arms=3, count=2, seed=0
    )
    assert seen.shape == (3, 3, 2, 80, 10)
    np.testing.assert_allclose(seen.sum(-1), 1, rtol=1e-5)
    hits = (seen[0].argmax(-1) == canvas.y_test.numpy()).mean(-1)
    np.testing.assert_allclose(hits, runs.test[-1])


def test_gaussian_has_the_moments_of_its_class() -> None:
    images = torch.randn(6, 3, generator=generator())
    drawn = class_models.gaussian(images, 20_000, generator())
    torch.testing.assert_close(drawn.mean(0), images.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(images.T), atol=0.08, rtol=0)


def test_ppca_keeps_the_total_variance() -> None:
    images = torch.randn(8, 5, generator=generator())
    drawn = class_models.ppca(2)(images, 20_000, generator())
    total = images.var(0, correction=0).sum()
    assert drawn.var(0).sum() == pytest.approx(float(total), rel=0.05)
    with pytest.raises(ValueError, match="below the number of images, 8"):
        class_models.ppca(8)(images, 1, generator())


def test_transformed_takes_the_images_in_turn() -> None:
    images = torch.arange(6.0).view(3, 2)
    maker = class_models.transformed(lambda x, _: x + 10)
    made = maker(images, 4, generator())
    assert torch.equal(made, images[[0, 1, 2, 0]] + 10)


def test_half_generated_has_real_ones_first(canvas: augmentation.Canvas) -> None:
    arm = class_models.half_generated(canvas, class_models.gaussian, times=2, seed=0)
    assert torch.equal(arm.x[:, :40], canvas.x_train)
    assert arm.x.shape == (2, 160, 144)
    assert torch.equal(arm.y[:, :80], arm.y[:, 80:])


# --- figures


def test_static_figures(runs: augmented.Runs) -> None:
    rows = {name: runs.of(name) for name in runs.names}
    made = [
        figures.plot_policies(rows, title="t"),
        figures.plot_over_time(runs, list(rows)),
        figures.plot_rows({"a": np.zeros((3, 4, 4)), "b": np.ones((2, 4, 4))}),
        figures.plot_confusion({"none": runs.confused[0], "¾": runs.confused[2]}, (6, 9)),
    ]
    assert all(fig.axes for fig in made)
    assert figures.spoken(rows).startswith("none: test accuracy 0.")


def test_a_policy_looks_the_same_in_all_figures() -> None:
    assert figures.looks(["no augmentation", "a", "shift, turn", "b"]) == [0, 1, 2, 5]
    assert figures.looks(["a", "shift ±1.5 px", "online", "mixup"]) == [6, 1, 2, 5]
    assert sorted(figures.looks(list("abcdefg"))) == list(range(7))


def test_class_lines_leave_out_the_ends() -> None:
    apart = class_figures._Classes._apart(np.arange(5, dtype=float))
    np.testing.assert_array_equal(apart, [0, np.nan, 1, 2, 3, np.nan, 4])


def test_gallery_sweeps(
    swept: Callable[[Explorable], int], runs: augmented.Runs, canvas: augmentation.Canvas
) -> None:
    large = augmentation.digits_on_canvas([0], per_class=3, n_val=0, n_test=200)
    alone = augmented.train_policies(large, {"none": None}, seeds=[0], steps=5)
    assert swept(figures.explore_gallery(alone, large)) > 8
    steps = {len(transform.amounts) for transform in figures.TRANSFORMS.values()}
    assert steps == {figures.LEVELS + 1}


def test_classes_sweep(swept: Callable[[Explorable], int], runs: augmented.Runs) -> None:
    assert swept(class_figures.explore_classes(runs)) > 4


def test_triangle_sweeps_and_shows_the_network(
    swept: Callable[[Explorable], int], runs: augmented.Runs, canvas: augmentation.Canvas
) -> None:
    networks, arms = {"one": runs, "other": runs}, {"one": "none", "other": "¾"}
    images, labels = canvas.x_train[0], canvas.y_train[0]
    explorable = class_figures.explore_triangle(networks, arms, images, labels)
    assert swept(explorable) > 8
    triangle = class_figures._Triangle(networks, arms, images, labels)
    image, answer = triangle.read("other", "4 · 6 · 9", 0.0, 0.5)
    first = images[int((labels == 4).nonzero()[0])]
    np.testing.assert_allclose(image, first.numpy(), atol=1e-6)
    logits = runs.mlps(first[None])[runs.names.index("¾") * len(SEEDS), 0]
    np.testing.assert_allclose(answer, logits.softmax(0).detach().numpy(), atol=1e-6)


def test_barycentric_weights() -> None:
    weights = class_figures.barycentric(4)
    assert weights.shape == (15, 3)
    np.testing.assert_allclose(weights.sum(1), 1)


# --- judges: answers that cheat

Answer = Callable[..., Any]


def shift_by(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    moved = zip(images, pairs, strict=True)
    return np.stack([ndimage.shift(i, (dy, dx), order=0) for i, (dx, dy) in moved])


def fixed_counts(images: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """Each value equally often in every batch, in random order."""
    values = np.resize(np.arange(-m, m + 1), len(images))
    return shift_by(images, np.stack([rng.permutation(values), rng.permutation(values)], 1))


def own_entropy(images: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    return shift_by(images, np.random.default_rng().integers(-m, m + 1, (len(images), 2)))


def deterministic(images: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    drawn = np.random.default_rng(0).integers(-m, m + 1, (len(images), 2))
    return shift_by(images, drawn)


def again(n: int, draw: Callable[[int], np.ndarray]) -> np.ndarray:
    """The second half of the batch gets what the first one got."""
    return np.concatenate([draw(n - n // 2)] * 2)[:n]


def dependent(draw: Callable[[int], np.ndarray], n: int, how: str) -> np.ndarray:
    """Draws for n images of which each is right alone, but some depend on others."""
    if how == "halves":
        return again(n, draw)
    if how == "shuffled pairs":
        return np.random.default_rng(draw(1).sum() + 99).permutation(again(n, draw))
    if how == "every seventh":
        return np.resize(draw(7), (n, *draw(1).shape[1:]))
    drawn = draw(n)
    drawn[0] = 0  # a loop that begins at 1
    return drawn


DEPENDENT = ("halves", "shuffled pairs", "every seventh", "first")


@pytest.mark.parametrize("how", DEPENDENT)
def test_images_that_depend_on_each_other_are_refused(how: str) -> None:
    def moved(x: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
        return shift_by(x, dependent(lambda n: rng.integers(-m, m + 1, (n, 2)), len(x), how))

    def blanked(x: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        places = np.array(x.shape[1:]) - size + 1
        corners = dependent(lambda n: rng.integers(0, places, (n, 2)), len(x), how)
        return square_at(x, size, corners)

    def mixed(x: np.ndarray, y: np.ndarray, a: float, rng: np.random.Generator) -> Any:
        weight = dependent(lambda n: rng.beta(a, a, n), len(x), how)
        return mix_with(x, y, weight, rng.permutation(len(x)))

    wrong = {"08.2": moved, "08.5": blanked} | ({"08.6": mixed} if how == "halves" else {})
    for exercise, answer in wrong.items():
        verdict = judge(exercise, answer)
        assert verdict.state == "wrong", exercise
        assert verdict.passed > 0, f"{exercise}: each image is right alone"


@pytest.mark.parametrize(
    "answer",
    [
        fixed_counts,
        own_entropy,
        deterministic,
        lambda x, m, rng: shift_by(x, np.rint(rng.uniform(-m, m, (len(x), 2)))),
        lambda x, m, rng: shift_by(x, np.trunc((m > 0) * rng.uniform(-m - 1, m + 1, (len(x), 2)))),
        lambda x, m, rng: x + 1e-7 * rng.random(x.shape),
        lambda x, m, rng: x * (rng.random(x.shape) < 0.5),
        lambda x, m, rng: shift_by(x, rng.integers(-m, m + 1, (len(x), 2)))[::-1],
    ],
)
def test_random_shift_refuses(answer: Answer) -> None:
    assert judge("08.2", answer).state == "wrong"


def test_another_source_of_randomness_is_named() -> None:
    verdict = judge("08.2", own_entropy)
    assert "draw from `rng` only" in verdict.message
    assert "draw from `rng` only" not in judge("08.2", fixed_counts).message


def test_a_generator_of_its_own_with_one_seed_is_named() -> None:
    def moved(x: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
        return shift_by(x, np.random.default_rng(7).integers(-m, m + 1, (len(x), 2)))

    def blanked(x: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        places = np.array(x.shape[1:]) - size + 1
        return square_at(x, size, np.random.default_rng(7).integers(0, places, (len(x), 2)))

    def mixed(x: np.ndarray, y: np.ndarray, a: float, rng: np.random.Generator) -> Any:
        own = np.random.default_rng(7)
        return mix_with(x, y, own.beta(a, a, len(x)), own.permutation(len(x)))

    answers: dict[str, Answer] = {"08.2": moved, "08.5": blanked, "08.6": mixed}
    for exercise, answer in answers.items():
        verdict = judge(exercise, answer)
        assert "the same generator must give the same" in verdict.mistake, exercise
        assert verdict.passed == 0


def test_uniform_weights_follow_their_generator() -> None:
    verdict = judge(
        "08.6", lambda x, y, a, rng: mix_with(x, y, rng.random(len(x)), rng.permutation(len(x)))
    )
    assert verdict.mistake.startswith("Your λ is uniform")
    assert "follows rng" not in verdict.message


def square_at(images: np.ndarray, size: int, corners: np.ndarray) -> np.ndarray:
    out = images.copy()
    for image, (top, left) in zip(out, corners, strict=True):
        image[top : top + size, left : left + size] = 0
    return out


def even_corners(images: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Every place equally often in every batch, in random order."""
    n, h, w = images.shape
    places = np.stack(np.divmod(np.arange(n) % ((h - size + 1) * (w - size + 1)), w - size + 1), 1)
    return square_at(images, size, rng.permutation(places))


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, size, rng: square_at(x, size, np.zeros((len(x), 2), dtype=int)),
        lambda x, size, rng: x - 1e-9 * rng.random(x.shape),
        lambda x, size, rng: square_at(
            x, size, np.random.default_rng(5).integers(0, 2, (len(x), 2))
        ),
        lambda x, size, rng: np.zeros_like(x),
    ],
)
def test_cutout_refuses(answer: Answer) -> None:
    verdict = judge("08.5", answer)
    assert verdict.state == "wrong"
    assert verdict.passed == 0 or answer(np.ones((2, 4, 5)), 2, np.random.default_rng(0)).any()


def mix_with(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    weight = weight[:, None]
    return weight * x + (1 - weight) * x[order], weight * y + (1 - weight) * y[order]


def pairwise(n: int, rng: np.random.Generator) -> np.ndarray:
    """Two and two exchange their places: not any order, but those only."""
    one, other = np.array_split(rng.permutation(n), [n // 2])
    order = np.arange(n)
    order[one], order[other[: len(one)]] = other[: len(one)], one
    return order


def across(n: int, rng: np.random.Generator) -> np.ndarray:
    """Partners come from the other half of the batch."""
    half = n // 2
    kept = np.arange(2 * half, n)
    return np.concatenate([half + rng.permutation(half), rng.permutation(half), kept])


def opposite(n: int, alpha: float, rng: np.random.Generator) -> np.ndarray:
    weight = rng.beta(alpha, alpha, n - n // 2)
    return np.concatenate([weight, 1 - weight])[:n]


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, y, a, rng: (x + 1e-8 * rng.random(x.shape), y),
        lambda x, y, a, rng: mix_with(x, y, rng.beta(a, a, len(x)), np.arange(len(x))[::-1]),
        lambda x, y, a, rng: mix_with(
            x, y, np.random.default_rng().beta(a, a, len(x)), rng.permutation(len(x))
        ),
        lambda x, y, a, rng: mix_with(
            x, y, rng.permutation(np.linspace(0.1, 0.9, len(x))), rng.permutation(len(x))
        ),
        lambda x, y, a, rng: mix_with(
            x, y, np.full(len(x), rng.beta(a, a)) + 1e-3 * rng.random(len(x)),
            rng.permutation(len(x)),
        ),
        lambda x, y, a, rng: mix_with(
            x, y, rng.beta(max(a, 1), max(a, 1), len(x)), rng.permutation(len(x))
        ),
        lambda x, y, a, rng: mix_with(x, y, rng.beta(a, a, len(x)), pairwise(len(x), rng)),
        lambda x, y, a, rng: mix_with(x, y, rng.beta(a, a, len(x)), across(len(x), rng)),
        lambda x, y, a, rng: mix_with(x, y, opposite(len(x), a, rng), rng.permutation(len(x))),
        lambda x, y, a, rng: x,
        lambda x, y, a, rng: (x, y, a),
    ],
)  # fmt: skip
def test_mixup_refuses(answer: Answer) -> None:
    assert judge("08.6", answer).state == "wrong"


def test_right_answers_of_another_form_pass() -> None:
    def corners(x: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        _, h, w = x.shape
        drawn = [(rng.integers(h - size + 1), rng.integers(w - size + 1)) for _ in x]
        return square_at(x, size, np.array(drawn))

    def mixed(x: np.ndarray, y: np.ndarray, a: float, rng: np.random.Generator) -> Any:
        order = rng.permutation(len(x))
        return mix_with(x, y, rng.beta(a, a, len(x)), order)

    def short(x: np.ndarray, y: np.ndarray, a: float, rng: np.random.Generator) -> Any:
        weight = rng.beta(a, a, len(x)).astype(np.float32)
        return mix_with(x.astype(np.float32), y, weight, rng.permutation(len(x)))

    assert judge("08.6", short).state == "passed"
    assert judge("08.5", corners).state == "passed"
    assert judge("08.6", mixed).state == "passed"
    moved = judge("08.2", lambda x, m, rng: shift_by(x, rng.integers(-m, m + 1, (len(x), 2))))
    assert moved.state == "passed"


# --- answers that miss one edge of what the text promises


def except_where(exercise: str, here: Callable[..., Any], instead: Callable[..., Any]) -> Answer:
    """The solution, but for one kind of input."""
    solution = load_solution(exercise)
    return lambda *given: instead(*given) if here(*given) else solution(*given)


@pytest.mark.parametrize(
    ("exercise", "here", "instead"),
    [
        ("08.1", lambda x, dx, dy: dx > 0 > dy, lambda x, dx, dy: 0 * x),
        ("08.1", lambda x, dx, dy: dx < 0 < dy, lambda x, dx, dy: 0 * x),
        ("08.1", lambda x, dx, dy: dx >= x.shape[2] - 1, lambda x, dx, dy: 0 * x),
        ("08.1", lambda x, dx, dy: -dx >= x.shape[2], lambda x, dx, dy: np.roll(x, dx, 2)),
        ("08.1", lambda x, dx, dy: dx == x.shape[2], lambda x, dx, dy: x),
        ("08.1", lambda x, dx, dy: dy > x.shape[1], lambda x, dx, dy: np.roll(x, dy, 1)),
        ("08.3", lambda x, degrees: abs(degrees) > 270, lambda x, degrees: 0 * x),
        ("08.3", lambda x, degrees: degrees < -90, lambda x, degrees: 0 * x),
        ("08.3", lambda x, degrees: 130 < degrees < 180, lambda x, degrees: 0 * x),
        ("08.3", lambda x, degrees: degrees == 0, lambda x, degrees: 0 * x),
        ("08.3", lambda x, degrees: degrees > 360, lambda x, degrees: 0 * x),
        ("08.4", lambda p: p.sum() == 1, lambda p: ["shift"]),
        ("08.4", lambda p: p.shape == (1, 1), lambda p: ["shift"]),
        ("08.5", lambda x, size, rng: size == 1, lambda x, size, rng: x.copy()),
        ("08.5", lambda x, size, rng: size == x.shape[2], lambda x, size, rng: x.copy()),
        ("08.6", lambda x, y, a, rng: len(x) == 1, lambda x, y, a, rng: (0 * x, y)),
        ("08.6", lambda x, y, a, rng: y.shape[1] == 3, lambda x, y, a, rng: (x, y)),
        ("08.7", lambda p: len(p) == 1, lambda p: 0 * p[0].argmax(-1)),
        ("08.7", lambda p: p.shape[2] == 2, lambda p: (p[0, :, 1] > 0.5).astype(int)),
    ],
)
def test_edges_are_asked(exercise: str, here: Answer, instead: Answer) -> None:
    assert judge(exercise, except_where(exercise, here, instead)).state == "wrong"


def test_a_symbol_does_not_come_back_on_the_other_side_of_its_canvas() -> None:
    """An answer that rolls the canvas around instead of cutting the symbol out."""

    def rolled(picture: np.ndarray) -> list[str]:
        turns = {np.roll(picture, at, (0, 1)).tobytes() for at in np.ndindex(picture.shape)}
        kept = {
            "shift": picture,
            "mirror_left_right": picture[:, ::-1],
            "mirror_top_bottom": picture[::-1],
            "turn_180": picture[::-1, ::-1],
        }
        return [name for name, result in kept.items() if result.tobytes() in turns]

    assert judge("08.4", rolled).state == "wrong"
