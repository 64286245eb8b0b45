"""The capstone: recipes and their refusals, the trainer, the lab book, and the five-seed proof."""

import json
import math
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers import capstone, data, judges, labbook, nets, treatments
from helpers.check import judge, load_task
from helpers.compare import Judged
from helpers.explore import sweep
from helpers.instructor import grade, hidden_test
from helpers.instructor.answers import unpack
from helpers.instructor.asking import call_completely, pack
from helpers.instructor.exercises.lesson_11 import REFERENCE
from helpers.instructor.hard_digits import LABEL_NOISE, bundled_arrays, parts
from helpers.instructor.make_data import digits_arrays
from helpers.instructor.solutions import load_solution
from helpers.judges import lesson_11
from helpers.judging import PASSED, WRONG, Verdict, judge_outcomes
from helpers.labbook import Entry, LabBook
from helpers.plots import capstone as figures
from helpers.recipe import (
    EPOCHS,
    FAMILIES,
    RULES,
    SICK,
    SIZES,
    RecipeError,
    changed,
    complete,
    describe,
    treated,
    without,
)
from helpers.tables import Table

SEEDS = range(5)
OPTIMIZATION = {
    "optimizer": "adamw", "learning_rate": 3e-3, "schedule": "cosine", "warmup": 1,
}  # fmt: skip
AUGMENTATION = {"rotate": 12, "shift": 1, "zoom": 0.1}
NORMALIZATION = {"inputs": "image", "norm": "batch"}
QUICK = {"batch_size": 500, "learning_rate": 0.05}  # two updates an epoch

# Measured at seeds 0 to 4 (validation accuracy): baseline 0.42 to 0.60; the best single change
# (Adam, 5e-3, batches of 8) 0.74 to 0.77; the reference 0.89 to 0.90. The bounds keep a margin.
SINGLE_CHANGES: dict[str, dict[str, Any]] = {
    "He weights": {"init": "he"},
    "batch normalization": {"norm": "batch"},
    "all of normalization": NORMALIZATION,
    "layer normalization of standardized images": {"inputs": "image", "norm": "layer"},
    "augmentation": AUGMENTATION,
    "weight decay": {"weight_decay": 0.03},
    "the best epoch": {"restore_best": True},
    "all of optimization": OPTIMIZATION,
    "Adam, tuned": {**OPTIMIZATION, "optimizer": "adam", "learning_rate": 8e-3},
    "Adam, batches of 8": {
        "optimizer": "adam", "learning_rate": 5e-3, "schedule": "cosine", "batch_size": 8,
    },
    "momentum": {"momentum": 0.9, "learning_rate": 0.01, "schedule": "cosine"},
}  # fmt: skip


# -- the proof -------------------------------------------------------------------------------------


def test_the_baseline_is_sick_in_every_seed() -> None:
    assert capstone.train({}, seeds=SEEDS).score.max() < 0.66


@pytest.mark.parametrize("name", SINGLE_CHANGES)
def test_no_single_change_reaches_80_percent_in_any_seed(name: str) -> None:
    run = capstone.train(SINGLE_CHANGES[name], seeds=SEEDS)
    assert run.score.max() < 0.79
    assert len(treated(run.settings)) == 1


def test_the_reference_reaches_85_percent_in_every_seed() -> None:
    _, _, test = parts()
    hidden = capstone.to_pixels(test.images)
    run = capstone.train(REFERENCE, seeds=SEEDS, extra=hidden)
    assert run.score.min() > 0.87
    assert (run.extra == test.labels).mean(1).min() > 0.86
    assert treated(run.settings) == list(FAMILIES)


def test_batch_normalization_alone_helps_optimization_to_memorize_and_not_to_generalize() -> None:
    """Said in the notebook; batch normalization of raw images, five seeds."""
    alone, more = (capstone.train({**OPTIMIZATION, "norm": n}, seeds=SEEDS)
                   for n in ("none", "batch"))  # fmt: skip
    assert more.train_accuracy[-1].min() > 0.99
    assert alone.train_accuracy[-1].max() < 0.9
    assert (more.score < alone.score).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_three_families_are_not_enough_for_all_points(family: str) -> None:
    """Without initialization a recipe may pass 85 %; the last point asks for all four anyway."""
    part = without(REFERENCE, family)
    found = lesson_11.judge_recipe(part, (0,), lesson_11.on_validation, "validation")
    last = [p for p in found if p.part == "85 %"]
    assert not all(p.holds for p in last)


# -- recipes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (None, r"^a recipe is a dict of settings; got None: is a `return` missing\?$"),
        (np.zeros(297, int), "Predictions, weights and fitted classifiers do not count"),
        ([("init", "he")], "a recipe is a dict of settings; got a value of type list"),
        ({1: 2}, "the names of settings are text; got 1"),
        ({"widths": [1024, 512]}, "256-256-128-64-10 with ReLU: a network of another shape"),
        ({"sizes": SIZES}, "a network of another shape"),
        ({"activation": "tanh"}, "same for everybody"),
        ({"epochs": 60}, "the budget is 15 epochs"),
        ({"epochs": 15.5}, "the budget is 15 epochs"),
        ({"epochs": True}, "the budget is 15 epochs"),
        ({"seed": 3}, "seeds of grading are secret"),
        ({"x_train": np.zeros((9, 256))}, "the data are the same for everybody"),
        ({"learning_rat": 0.1}, "did you mean 'learning_rate'"),
        ({"zzz": 1}, "there are: init, inputs"),
        ({"lr": 0.1}, r"no setting 'lr'; did you mean 'learning_rate'\?"),
        ({"Weight-Decay": 0.1}, r"did you mean 'weight_decay'\?"),
        ({"augmentation": True}, r"did you mean 'rotate', 'shift' or 'zoom'\?"),
        ({"early_stopping": True}, "did you mean 'restore_best'"),
        ({"init": "He"}, "got 'He'; write 'he'$"),
        ({"init": "kaiming"}, "got 'kaiming'; write 'he'$"),
        ({"optimizer": "AdamW"}, "write 'adamw'$"),
        ({"optimizer": "rmsprop"}, "got 'rmsprop'$"),
        ({"init": "kaiming"}, "the setting init is 'lecun', 'xavier'"),
        ({"init": np.zeros((256, 256))}, "a list of 4 numbers"),
        ({"init": [0.1, 0.1]}, "a list of 4 numbers"),
        ({"init": -0.1}, "got -0.1"),
        ({"norm": None}, "norm is 'none', 'batch', 'layer'; got None"),
        ({"dropout": 1.0}, r"dropout is a number in \[0, 0.9\]; got 1.0"),
        ({"dropout": math.nan}, "got nan"),
        ({"learning_rate": math.inf}, "got inf"),
        ({"learning_rate": "0.1"}, "got '0.1'"),
        ({"learning_rate": True}, "got True"),
        ({"batch_size": 7}, "a whole number in"),
        ({"batch_size": 32.5}, "a whole number in"),
        ({"restore_best": 1}, "True or False; got 1"),
        ({"schedule": 0.5}, "a list of 15 numbers"),
        ({"schedule": [1.0] * 16}, "a list of 15 numbers"),
        ({"schedule": [1.0] * 14 + [2.0]}, "a list of 15 numbers"),
        ({"learning_rate": lambda step: 1}, "got a value of type function"),
        ({"optimizer": "adam", "momentum": 0.9}, "momentum is for optimizer 'sgd'"),
    ],
)
def test_what_is_no_recipe_is_refused(recipe: Any, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        complete(recipe)


def test_a_long_value_is_not_repeated_in_full() -> None:
    with pytest.raises(RecipeError) as caught:
        complete({"norm": "x" * 10_000, "zoom": 0})
    assert len(str(caught.value)) < 300


def test_a_recipe_is_completed_with_what_is_sick() -> None:
    assert complete({}) == SICK
    settings = complete({"zoom": np.float32(0.5), "batch_size": np.int64(16), "epochs": EPOCHS})
    assert settings == SICK | {"zoom": 0.5, "batch_size": 16}
    assert type(settings["batch_size"]) is int
    assert complete({"init": np.full(4, 0.5)})["init"] == [0.5] * 4
    assert list(settings) == list(SICK) == list(RULES)


def test_families_cover_all_settings_once() -> None:
    names = [name for family in FAMILIES.values() for name in family]
    assert sorted(names) == sorted(SICK)


def test_what_is_changed_and_treated() -> None:
    recipe = {"init": "he", "rotate": 0, "norm": "batch", "learning_rate": 0.02}
    assert changed(recipe) == {"init": "he", "norm": "batch"}
    assert treated(recipe) == ["initialization", "normalization"]
    assert without(recipe, "initialization") == {"norm": "batch"}
    assert describe(recipe) == "init=he, norm=batch"
    assert describe({"init": [0.1, 0.2, 0.3, 0.4]}) == "init=[0.1, 0.2, 0.3, 0.4]"
    assert describe({}) == "the sick baseline"
    with pytest.raises(ValueError, match="family is one of initialization"):
        without(recipe, "luck")


# -- data ------------------------------------------------------------------------------------------


def test_the_bundled_digits_are_made_again_to_the_last_bit() -> None:
    bundled, made = data.load("hard_digits"), bundled_arrays()
    assert sorted(bundled) == ["x_train", "x_val", "y_train", "y_val"]
    for name, array in made.items():
        np.testing.assert_array_equal(bundled[name], array)
    assert (data.FOLDER / "hard_digits.npz").stat().st_size < 2_000_000


def test_every_source_digit_is_in_one_part() -> None:
    train, val, test = parts()
    assert [len(p.labels) for p in (train, val, test)] == [1000, 500, 297]
    sources = np.bincount(digits_arrays()["labels"], minlength=10)
    rest = sources - np.bincount(val.labels, minlength=10) - np.bincount(test.labels, minlength=10)
    assert rest.min() > 50
    noisy = np.bincount(train.labels, minlength=10)
    assert np.abs(noisy - rest).max() < 40  # a fifth of the labels moved elsewhere


def test_one_training_label_in_five_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    from helpers.instructor import hard_digits

    noisy = parts()[0].labels
    monkeypatch.setattr(hard_digits, "LABEL_NOISE", 0.0)
    clean = hard_digits.parts.__wrapped__()[0].labels
    assert (noisy != clean).sum() == round(LABEL_NOISE * len(clean))


def test_nothing_of_the_test_part_is_in_a_learners_file() -> None:
    test = parts()[2]
    arrays = data.load("hard_digits")
    given = {image.tobytes() for name in ("x_train", "x_val") for image in arrays[name]}
    assert not given & {image.tobytes() for image in test.images}
    labels = test.labels.tobytes()
    texts = [labels, test.labels.astype("i8").tobytes(), json.dumps(test.labels.tolist()).encode()]
    for folder in ("data", "helpers", "notebooks"):
        for path in (data.FOLDER.parent / folder).rglob("*"):
            if path.is_file() and path.suffix in {".npz", ".json", ".py", ".ipynb"}:
                content = path.read_bytes()
                assert not any(text in content for text in texts), path


# -- the trainer -----------------------------------------------------------------------------------


def test_curves_have_a_row_before_the_first_epoch_and_one_after_each() -> None:
    run = capstone.train(QUICK, seeds=[3, 4], extra=torch.rand(7, 256))
    for curve in (run.train_loss, run.train_accuracy, run.val_loss, run.val_accuracy):
        assert curve.shape == (EPOCHS + 1, 2)
    assert run.guesses.shape == (2, 500)
    assert run.extra.shape == (2, 7)
    np.testing.assert_allclose(run.score, run.val_accuracy[-1])
    assert run.seconds > 0


def test_a_run_repeats_to_the_last_bit_and_seeds_differ() -> None:
    recipe = {**QUICK, **AUGMENTATION, "dropout": 0.1, "pixel_noise": 0.05}
    one, again = (capstone.train(recipe, seeds=[3, 4]) for _ in range(2))
    np.testing.assert_array_equal(one.val_loss, again.val_loss)
    assert (one.val_loss[-1, 0] != one.val_loss[-1, 1]).all()


@pytest.mark.parametrize(("size", "updates"), [(500, 2), (300, 4), (1000, 1), (111, 9), (999, 1)])
def test_fifteen_epochs_and_no_more(
    size: int, updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every image once an epoch, but for a last batch of one, which cannot be normalized."""
    seen: list[int] = []
    update = capstone._Trainer.update

    def count(self: Any, images: torch.Tensor, labels: torch.Tensor, epoch: int) -> None:
        seen.append(images.shape[1])
        update(self, images, labels, epoch)

    monkeypatch.setattr(capstone._Trainer, "update", count)
    capstone.train({**QUICK, "batch_size": size, "norm": "batch"})
    assert len(seen) == EPOCHS * updates
    assert sum(seen) == EPOCHS * (1000 - (1000 % size == 1))


def test_a_loss_that_is_not_finite_is_told_at_once() -> None:
    recipe = {"learning_rate": 10.0, "init": 1.0}
    with pytest.raises(capstone.Diverged) as caught:
        capstone.train(recipe, seeds=[7])
    text = str(caught.value)
    assert re.search(r"the loss is (nan|inf) at step \d+ of 480 \(epoch 1, seed 7; before: ", text)
    assert "Look at: init=1.0, norm=none, optimizer=sgd, learning_rate=10.0" in text


def test_a_network_that_does_not_learn_is_told() -> None:
    assert "has not learned" in capstone.train({**QUICK, "init": "zeros"}).remarks[0]
    assert capstone.train({**QUICK, "init": "he"}).remarks == []


def test_the_bar_is_shown_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    capstone.train(QUICK, bar=True)
    shown = capfd.readouterr()
    assert "15/15" in shown.out
    assert "validation 0." in shown.out
    assert shown.err == ""


def test_the_best_epoch_is_that_of_the_lowest_validation_loss() -> None:
    recipe = {"batch_size": 250, "learning_rate": 0.1}
    last, best = (
        capstone.train({**recipe, "restore_best": b}, seeds=[0, 1]) for b in (False, True)
    )
    np.testing.assert_array_equal(last.val_loss, best.val_loss)
    chosen = best.val_loss.argmin(0)
    np.testing.assert_allclose(best.score, best.val_accuracy[chosen, [0, 1]])
    assert (chosen < EPOCHS).any()


def factors(**settings: Any) -> list[float]:
    factor = treatments.make_schedule(complete(settings), 4)
    return [factor(step) for step in range(4 * EPOCHS)]


def test_schedules() -> None:
    assert factors() == [1.0] * 60
    weights = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    expected = []
    for _ in range(60):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    np.testing.assert_allclose(factors(schedule="cosine"), expected, atol=1e-12)
    np.testing.assert_allclose(factors(schedule="step")[::4], [1] * 8 + [0.1] * 4 + [0.01] * 3)
    own = [0.5**epoch for epoch in range(EPOCHS)]
    assert factors(schedule=own)[::4] == own
    np.testing.assert_allclose(factors(warmup=2)[:9], [*np.arange(1, 9) / 8, 1])


@pytest.mark.parametrize("kind", ["raw", "pixel", "image"])
def test_inputs(kind: str) -> None:
    x = capstone.load_data().x_train
    scaled = treatments.input_scaler(kind, x)(x)
    axis = {"pixel": 0, "image": 1}.get(kind)
    if axis is None:
        assert torch.equal(scaled, x)
    else:
        assert scaled.mean(axis).abs().max() < 1e-4
        assert 0.8 < scaled.std(axis).min() <= scaled.std(axis).max() <= 1


def test_weights_are_drawn_as_the_recipe_says() -> None:
    stds = [0.1, 0.2, 0.3, 0.4]
    own = treatments.make_models(complete({"init": stds}), [0, 1])
    drawn = [float(w.detach().std()) for w in own.weights]
    np.testing.assert_allclose(drawn, stds, rtol=0.1)
    he = treatments.make_models(complete({"init": "he", "norm": "layer"}), [0])
    assert torch.equal(he.weights[0], nets.MLPs(SIZES, seeds=[0], init="he").weights[0])
    assert [tuple(w.shape[1:]) for w in he.weights] == list(pairwise(SIZES))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_an_update_is_torchs_and_decays_weights_only(optimizer: str) -> None:
    settings = complete({"optimizer": optimizer, "weight_decay": 0.1, "norm": "layer"})
    models = [treatments.make_models(settings, [0]) for _ in range(2)]
    ours = treatments.make_optimizer(settings, models[0])
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    rest = [*models[1].biases, *models[1].norms.parameters()]
    groups = [{"params": list(models[1].weights)}, {"params": rest, "weight_decay": 0.0}]
    plain = kind(groups, lr=settings["learning_rate"], weight_decay=0.1)
    x = capstone.load_data().x_train[:64]
    for model, step in zip(models, (ours, plain), strict=True):
        for _ in range(3):
            step.zero_grad()
            model(x).square().mean().backward()
            step.step()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_augmentation_moves_images_as_it_says() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(50, 256)
    assert torch.equal(treatments.augment(images, SICK, generator), images)
    spot = torch.zeros(400, 16, 16)
    spot[:, 8, 8] = 1
    moved = treatments.augment(spot.reshape(400, -1), complete({"shift": 3}), generator)
    place = moved.argmax(1)
    assert (place // 16).min() == 5
    assert (place // 16).max() == 11
    assert (place % 16).min() == 5
    assert (place % 16).max() == 11
    bar = torch.zeros(400, 16, 16)
    bar[:, :, 7:9] = 1
    turned = treatments.augment(bar.reshape(400, -1), complete({"rotate": 20}), generator)
    top, low = (
        turned.reshape(-1, 16, 16)[:, 1].argmax(1),
        turned.reshape(-1, 16, 16)[:, 14].argmax(1),
    )
    lean = (top - low).abs().max()
    assert 3 <= lean <= 6  # 13 rows times tan 20° is 4.7
    noisy = treatments.augment(images, complete({"pixel_noise": 0.2}), generator) - images
    assert float(noisy.std()) == pytest.approx(0.2, rel=0.05)


def test_smoothed_cross_entropy_is_torchs() -> None:
    logits, labels = torch.randn(3, 8, 10), torch.randint(10, (3, 8))
    ours = treatments.smooth_cross_entropy(logits, labels, complete({"label_smoothing": 0.2}))
    torchs = torch.nn.CrossEntropyLoss(label_smoothing=0.2)
    expected = [torchs(z, y) for z, y in zip(logits, labels, strict=True)]
    torch.testing.assert_close(ours, torch.stack(expected))


# -- the judges ------------------------------------------------------------------------------------


def test_the_baseline_earns_nothing_and_the_solution_everything() -> None:
    sick = judge("11.2", dict)
    assert (sick.state, sick.passed) == (WRONG, 0)
    assert sick.message.count("validation accuracy: got") == 1
    assert re.search(r"expected at least 0\.7\n", sick.message)
    assert "not yet: initialization, normalization, regularization, optim" in sick.message
    full = judge("11.2", load_solution("11.2"))
    assert (full.state, full.passed) == (PASSED, 6)
    assert full.measured["validation accuracy"] > 0.86


@pytest.mark.parametrize(
    ("accuracy", "points"), [(0.0, 0), (0.6999, 0), (0.7, 1), (0.8, 4), (1, 6)]
)
def test_a_point_for_each_threshold(accuracy: float, points: int) -> None:
    found = lesson_11.judge_recipe(REFERENCE, (1,), lambda settings, seeds: accuracy, "test")
    names = list(dict.fromkeys(p.part for p in found))
    right = [all(p.holds for p in found if p.part == name) for name in names]
    assert sum(right) == points
    assert len(names) == load_task("11.2").points == 6


def test_the_last_point_asks_for_all_families() -> None:
    recipe = without(REFERENCE, "initialization")
    found = lesson_11.judge_recipe(recipe, (1,), lambda settings, seeds: 0.99, "test")
    assert [p.part for p in found if not p.holds] == ["85 %"]
    (name,) = (p.name for p in found if not p.holds)
    assert name == "families treated, for the last point (not yet: initialization)"


def test_any_change_is_a_treatment_and_the_task_says_so() -> None:
    """A std of one's own may be as good as He's; what it is worth the ablation tells."""
    assert treated({"init": 0.21}) == treated({"init": 0.1}) == ["initialization"]
    source = Path(capstone.__file__).parents[1] / "notebooks" / "source" / "11_capstone.py"
    assert "There any change counts" in source.read_text(encoding="utf-8")


def test_nan_reaches_no_threshold() -> None:
    assert not judges.at_least("accuracy", math.nan, 0.0).holds


def test_trusted_judges_are_found_by_their_full_name() -> None:
    assert judges.find_judge("helpers.instructor.hidden_test.recipe") is hidden_test.recipe
    with pytest.raises(ValueError, match="no judge"):
        judges.find_judge("helpers.instructor.hidden_test.nothing")


def test_grading_uses_secret_seeds_and_hidden_images() -> None:
    one, other = (grade.draw_tasks("11", secret)["11.2"].compare for secret in (b"a", b"b"))
    assert isinstance(one, Judged)
    assert isinstance(other, Judged)
    assert one.name == "helpers.instructor.hidden_test.recipe"
    assert len(one.seeds) == grade.GRADING_SEEDS
    assert one.seeds != other.seeds
    assert load_task("11.2").compare == Judged("lesson_11.recipe")


# -- cheats: what a box may send back instead of a recipe ------------------------------------------


def graded(answer: Callable[[], Any]) -> Verdict:
    """The verdict of the grader on an answer, by way of what a box sends back."""
    task = grade.draw_tasks("11", b"secret")["11.2"]
    packed = json.loads(json.dumps(pack(call_completely(answer, ()))))
    return judge_outcomes(task, [unpack(packed, task, 0)], [])


def predictions_of_a_classifier() -> Any:
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    digits = load_digits()
    return KNeighborsClassifier(1).fit(digits.data, digits.target).predict(digits.data[:297])


def classifier() -> Any:
    from sklearn.svm import SVC

    return SVC()


class Forged(dict[str, Any]):
    """A dict that shows good settings to a check and others to a reader."""

    def items(self) -> Any:
        return {"init": "he", "epochs": 60}.items()


CHEATS: dict[str, tuple[Callable[[], Any], str]] = {
    "more epochs": (lambda: {**REFERENCE, "epochs": 60}, "Fifteen epochs are all"),
    "a wider network": (
        lambda: {**REFERENCE, "widths": [1024, 512]},
        "the same one, 256-",
    ),
    "a convolutional network": (lambda: {**REFERENCE, "cnn": True}, "another shape"),
    "a classifier of scikit-learn": (classifier, "a fitted classifier of scikit-learn"),
    "predictions from load_digits": (predictions_of_a_classifier, "hand in predictions"),
    "hidden labels as predictions": (lambda: parts()[2].labels, "hand in predictions"),
    "trained weights": (lambda: {"init": [np.zeros((256, 256))] * 4}, "setting init is "),
    "training images of its own": (lambda: {"x_train": parts()[2].images}, "data are the same"),
    "a seed of its own": (lambda: {**REFERENCE, "seeds": [5]}, "seeds of grading are secret"),
    "a function for a setting": (lambda: {"schedule": lambda epoch: 1.0}, "dict of settings"),
    "a forged dict": (lambda: Forged(REFERENCE), "Fifteen epochs are all"),
    "a network": (lambda: nets.MLPs(SIZES, seeds=[0]), "do not count"),
    "a claimed score": (lambda: {"validation accuracy": 1.0}, "here is no setting"),
    "endless schedule": (lambda: {"schedule": [1.0] * 600}, "a list of 15 numbers"),
    "not a number": (lambda: {"learning_rate": math.nan}, "got nan"),
    "a loss that blows up": (lambda: {"learning_rate": 10.0, "init": 2.0}, "at step"),
    "leaving Python": (lambda: exit(0), "asked Python to exit"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_earns_nothing_and_is_told_why(name: str) -> None:
    answer, told = CHEATS[name]
    verdict = graded(answer)
    assert (verdict.state, verdict.passed) == (WRONG, 0)
    assert told in verdict.message


# -- the lab book ----------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path: Path) -> LabBook:
    return LabBook(tmp_path / "deep" / "book.jsonl")


def refuse(*arguments: Any, **options: Any) -> Any:
    raise AssertionError("it was trained again")


def test_a_run_is_written_with_all_that_repeats_it(book: LabBook) -> None:
    entry = book.run("quick", QUICK, seeds=[0, 1], bar=False)
    assert (entry.number, entry.name, entry.recipe) == (1, "quick", QUICK)
    assert entry.seeds == [0, 1]
    assert entry.curve("val_accuracy").shape == (EPOCHS + 1, 2)
    assert np.sum(entry.confusion) == 1000
    right = np.trace(entry.confusion) / 1000
    assert right == pytest.approx(entry.mean)
    assert re.match(r"run 1, quick: validation accuracy 0\.\d{3} ± 0\.\d{3} \(2 seeds", repr(entry))
    assert "1 seed," in repr(book.run("one", QUICK, seeds=[0], bar=False))


def test_the_book_survives_a_restart(
    book: LabBook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = book.run("quick", QUICK, seeds=[0, 1], bar=False)
    again = LabBook(book.path)  # what a new kernel does
    assert again.entries == [entry]
    monkeypatch.setattr(capstone, "train", refuse)
    assert again.run("quick", QUICK, seeds=[0, 1]) == entry
    assert "already" not in capsys.readouterr().out
    assert again.run("other name", dict(QUICK), seeds=[0, 1]) == entry
    assert capsys.readouterr().out == "'other name' is in the book already: run 1, 'quick'.\n"
    with pytest.raises(AssertionError, match="trained again"):
        again.run("other seeds", QUICK, seeds=[0, 2])


def test_two_notebooks_write_one_book(book: LabBook) -> None:
    other = LabBook(book.path)
    book.run("first", QUICK, bar=False)
    entry = other.run("second", {**QUICK, "init": "he"}, bar=False)
    assert entry.number == 2
    assert [e.name for e in LabBook(book.path).entries] == ["first", "second"]


def test_a_damaged_line_is_named_and_left_out(
    book: LabBook, capsys: pytest.CaptureFixture[str]
) -> None:
    book.run("first", QUICK, bar=False)
    assert book.path is not None
    with book.path.open("a") as file:
        file.write('{"number": 2}\nnonsense\n{"cut o')
    again = LabBook(book.path)
    assert [e.name for e in again.entries] == ["first"]
    told = capsys.readouterr().out
    assert all(f"Line {n} of" in told for n in (2, 3, 4))
    again.run("second", {**QUICK, "init": "he"}, bar=False)
    assert [e.name for e in LabBook(book.path).entries] == ["first", "second"]


def test_a_book_that_cannot_be_written_is_kept_in_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    book = LabBook(tmp_path / "file" / "book.jsonl")
    book.run("first", QUICK, bar=False)
    book.run("second", {**QUICK, "init": "he"}, bar=False)
    assert [e.number for e in book.entries] == [1, 2]
    assert capsys.readouterr().out.count("not saved") == 1


def test_a_run_that_could_not_be_saved_is_saved_with_the_next(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("no folder")
    book = LabBook(blocked / "book.jsonl")
    book.run("first", QUICK, bar=False)
    blocked.unlink()  # what frees a full disk does as much
    book.run("second", {**QUICK, "init": "he"}, bar=False)
    book.run("third", {**QUICK, "init": "orthogonal"}, bar=False)
    assert LabBook(book.path).entries == book.entries
    assert [e.name for e in book.entries] == ["first", "second", "third"]


@pytest.mark.parametrize(
    "damage",
    [
        (b'"first"', b'"\xe9"'),
        (b'"number": 1', b'"number": "1"'),
        (b'"seeds": [0]', b'"seeds": null'),
        (b'"train_accuracy"', b'"accuracy"'),
    ],
)
def test_a_line_that_was_changed_by_hand_hides_no_other(
    book: LabBook, damage: tuple[bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    book.run("first", QUICK, bar=False)
    book.run("second", {**QUICK, "init": "he"}, bar=False)
    assert book.path is not None
    written = book.path.read_bytes()
    book.path.write_bytes(written.replace(*damage, 1))
    assert book.path.read_bytes() != written
    assert [e.name for e in LabBook(book.path).entries] == ["second"]
    assert "Line 1 of" in capsys.readouterr().out


def test_a_run_that_fails_is_not_in_the_book(book: LabBook) -> None:
    with pytest.raises(capstone.Diverged):
        book.run("too fast", {"learning_rate": 10.0, "init": 2.0}, bar=False)
    with pytest.raises(RecipeError):
        book.run("no recipe", {"epochs": 60}, bar=False)
    assert book.entries == []


def test_a_network_that_does_not_learn_is_told_by_the_book(
    book: LabBook, capsys: pytest.CaptureFixture[str]
) -> None:
    book.run("zeros", {**QUICK, "init": "zeros"}, bar=False)
    assert "zeros: the training loss ends at 2.30" in capsys.readouterr().out


def test_where_the_book_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    assert labbook.default_path() == tmp_path / labbook.FILE
    monkeypatch.setenv("COURSE_LABBOOK", str(tmp_path / "mine.jsonl"))
    assert labbook.default_path() == tmp_path / "mine.jsonl"
    monkeypatch.delenv("COURSE_LABBOOK")
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setenv("STRICT_CHECKS", "1")
    assert labbook.default_path() is None


def test_the_table_of_runs(book: LabBook) -> None:
    assert "empty" in repr(book.table())
    book.run("a <b>name</b>", {**QUICK, "init": "he"}, seeds=[0, 1], bar=False)
    table = book.table()
    assert table.rows[0][:2] == ("1", "a <b>name</b>")
    assert table.rows[0][3] == "IO"
    assert "&lt;b&gt;" in table._repr_html_()
    assert book.find(1).name == "a <b>name</b>"
    with pytest.raises(ValueError, match="there is no run 2"):
        book.find(2)


def test_the_ablation_is_of_paired_differences(book: LabBook) -> None:
    recipe = {**QUICK, "init": "he"}
    table = book.ablation(recipe, seeds=[0, 1], bar=False)
    scores = {describe(e.recipe): e.scores for e in book.entries}
    assert [row[0] for row in table.rows] == [
        "sick baseline", "initialization", "optimization", "whole recipe",
    ]  # fmt: skip
    alone = scores["init=he"] - scores["the sick baseline"]
    assert table.rows[1][2] == f"{alone.mean():+.3f} ± {alone.std(ddof=1):.3f}"
    lost = scores[describe(QUICK)] - scores[describe(recipe)]
    assert table.rows[1][3] == f"{lost.mean():+.3f} ± {lost.std(ddof=1):.3f}"
    whole = scores[describe(recipe)]
    assert table.rows[3][1] == f"{whole.mean():.3f} ± {whole.std(ddof=1):.3f}"
    assert [row[4] for row in table.rows] == ["1", "3, 4", "4, 3", "2"]
    names = ["sick baseline", "whole recipe", "run 2, only initialization",
             "run 2, without initialization"]  # fmt: skip
    assert [e.name for e in book.entries] == names  # alone is the other left out
    book.ablation({**QUICK, "init": "lecun"}, seeds=[0, 1], bar=False)
    names += ["whole recipe 2", "run 5, only initialization"]
    assert [e.name for e in book.entries] == names
    with pytest.raises(ValueError, match="nothing to ablate"):
        book.ablation({}, bar=False)


def test_a_part_that_diverges_is_a_row_of_the_ablation(
    book: LabBook, capsys: pytest.CaptureFixture[str]
) -> None:
    """Large steps may need normalization: that is a finding, and the other rows are still there."""
    recipe = {"init": 2.0, "norm": "batch", "learning_rate": 10.0}
    table = book.ablation(recipe, bar=False)
    cells = {row[0]: row for row in table.rows}
    assert cells["normalization"][3:] == ("diverged", "4, –")
    assert "run 2, without normalization diverged: the loss is" in capsys.readouterr().out
    with pytest.raises(capstone.Diverged):
        book.ablation({"init": 2.0, "learning_rate": 10.0}, bar=False)


def test_tables_are_aligned() -> None:
    text = repr(Table(("a", "long header"), [("wide cell", "1"), ("x", "22")], "note"))
    assert text.splitlines() == ["a          long header", "wide cell  1", "x          22", "note"]


# -- figures ---------------------------------------------------------------------------------------


def test_every_control_moves_its_picture(book: LabBook) -> None:
    book.run("a name that is longer than a figure has room for", QUICK, seeds=[0, 1], bar=False)
    book.run("he", {**QUICK, "init": "he"}, bar=False)
    moves: dict[Callable[[LabBook], Any], dict[str, Any]] = {
        figures.explore_book: {"run": 2, "second": 1, "measure": "loss"},
        figures.explore_confusion: {"run": 2, "true": 3},
    }
    for make, values in moves.items():
        explorable = make(book)
        assert set(explorable.controls) == set(values)
        start, before = explorable.values, explorable.png
        for name, value in values.items():
            explorable.set(**{**start, name: value})
            assert explorable.png != before, name
        assert sweep(explorable, points=3) > 0
        explorable.close()


def test_the_book_opens_at_the_runs_that_are_asked_for(book: LabBook) -> None:
    for size in (500, 250, 1000):
        book.run(f"batches of {size}", {"batch_size": size}, bar=False)
    for asked, shown in (({}, (1, 3)), ({"run": 2, "second": 1}, (2, 1))):
        explorable = figures.explore_book(book, **asked)
        assert (explorable.values["run"], explorable.values["second"]) == shown
        explorable.close()
    with pytest.raises(ValueError, match="there is no run 9"):
        figures.explore_book(book, second=9)


def test_error_shares_are_percent_of_the_true_class(book: LabBook) -> None:
    entry = book.run("quick", QUICK, bar=False)
    shares = figures._error_shares(entry)
    assert np.diagonal(shares).sum() == 0
    counts = np.array(entry.confusion)
    assert shares[3, 5] == pytest.approx(100 * counts[3, 5] / counts[3].sum())


def test_an_empty_book_has_no_figures(book: LabBook) -> None:
    for make in (figures.explore_book, figures.explore_confusion):
        with pytest.raises(ValueError, match="empty"):
            make(book)
    with pytest.raises(ValueError, match="empty"):
        figures.plot_runs([])


def test_static_figures(book: LabBook) -> None:
    digits = data.load("hard_digits")
    fig = figures.plot_images(digits["x_train"][:13], digits["y_train"][:13])
    assert [len(ax.images) for ax in fig.axes] == [1] * 13 + [0] * 7
    entry: Entry = book.run("quick", QUICK, seeds=[0, 1], bar=False)
    fig = figures.plot_runs([entry] * 30)
    assert len(fig.axes[0].get_yticks()) == 20
    fig = figures.plot_cures({"one": np.array([0.1, 0.2]), "two": np.array([0.0, -0.1])})
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["one", "two"]
    assert "a bar the mean" in fig.axes[0].get_title(loc="left")
