"""What a recipe of the capstone may say, and what it may not: names, ranges, families.

A recipe is a dict of settings, plain numbers and words. The network, the data, the number of epochs
and the seeds are the trainer's, so a recipe is all that there is to hand in.
"""

import difflib
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

EPOCHS = 15
SIZES = (256, 256, 128, 64, 10)  # the network: ReLU between the layers
LAYERS = len(SIZES) - 1

SICK: dict[str, Any] = {
    "init": 0.2,
    "inputs": "raw",
    "norm": "none",
    "weight_decay": 0.0,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "label_smoothing": 0.0,
    "rotate": 0.0,
    "shift": 0.0,
    "zoom": 0.0,
    "pixel_noise": 0.0,
    "restore_best": False,
    "optimizer": "sgd",
    "learning_rate": 0.02,
    "momentum": 0.0,
    "batch_size": 32,
    "schedule": "constant",
    "warmup": 0,
}
FAMILIES: dict[str, tuple[str, ...]] = {
    "initialization": ("init",),
    "normalization": ("inputs", "norm"),
    "regularization": (
        "weight_decay", "dropout", "input_dropout", "label_smoothing",
        "rotate", "shift", "zoom", "pixel_noise", "restore_best",
    ),
    "optimization": (
        "optimizer", "learning_rate", "momentum", "batch_size", "schedule", "warmup",
    ),
}  # fmt: skip


class RecipeError(ValueError):
    """A recipe that the trainer does not take; the message says which setting, and why."""


@dataclass(frozen=True)
class Rule:
    """What a setting may be: one of `words`, a number in [low, high], or `count` such numbers."""

    meaning: str
    low: float = math.nan
    high: float = math.nan
    whole: bool = False
    words: tuple[str, ...] = ()
    count: int = 0
    single: bool = True
    flag: bool = False

    @property
    def allowed(self) -> str:
        """What may stand there, in words."""
        span = f"[{self.low:g}, {self.high:g}]"
        options = [", ".join(map(repr, self.words))] if self.words else []
        if self.flag:
            options.append("True or False")
        if self.takes_number:
            options.append(f"{'a whole number' if self.whole else 'a number'} in {span}")
        if self.count:
            options.append(f"a list of {self.count} numbers in {span}")
        return "; ".join(options)

    @property
    def takes_number(self) -> bool:
        """Whether one number may stand there."""
        return self.single and not math.isnan(self.low)


RULES: dict[str, Rule] = {
    "init": Rule(
        "how weights are drawn: a scheme, the std of all layers, or one std a layer",
        0.0, 2.0, words=("lecun", "xavier", "he", "orthogonal", "torch", "zeros"), count=LAYERS,
    ),
    "inputs": Rule(
        "pixels / 255 as they are; standardized pixel by pixel, or image by image",
        words=("raw", "pixel", "image"),
    ),
    "norm": Rule("normalization between linear layer and ReLU", words=("none", "batch", "layer")),
    "weight_decay": Rule("as in torch's optimizers, on weights only", 0.0, 2.0),
    "dropout": Rule("probability of dropping a hidden unit", 0.0, 0.9),
    "input_dropout": Rule("probability of dropping a pixel", 0.0, 0.9),
    "label_smoothing": Rule("share of the label spread over all classes", 0.0, 0.9),
    "rotate": Rule("turns every training image by up to ± so many degrees", 0.0, 45.0),
    "shift": Rule("moves it by up to ± so many pixels, along both axes", 0.0, 6.0),
    "zoom": Rule("scales it by a factor in 1 ± so much", 0.0, 0.5),
    "pixel_noise": Rule("std of fresh noise on pixels in [0, 1]", 0.0, 1.0),
    "restore_best": Rule("takes the epoch with the lowest validation loss", flag=True),
    "optimizer": Rule("torch's", words=("sgd", "adam", "adamw")),
    "learning_rate": Rule("the largest of the schedule", 0.0, 10.0),
    "momentum": Rule("of sgd", 0.0, 0.999),
    "batch_size": Rule("images an update", 8, 1000, whole=True),
    "schedule": Rule(
        "what the learning rate is multiplied by: a word, or one factor an epoch; step: 1, a tenth "
        "after epoch 8, a hundredth after epoch 12",
        0.0, 1.0, words=("constant", "cosine", "step"), count=EPOCHS, single=False,
    ),
    "warmup": Rule("epochs in which the learning rate rises from 0", 0, EPOCHS, whole=True),
}  # fmt: skip

_SHAPE = {
    "activation", "architecture", "cnn", "depth", "hidden", "hidden_sizes", "layers", "model",
    "net", "network", "sizes", "width", "widths",
}  # fmt: skip
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "augment": ("rotate", "shift", "zoom"),
    "augmentation": ("rotate", "shift", "zoom"),
    "batchnorm": ("norm",),
    "betas": ("optimizer",),
    "bs": ("batch_size",),
    "early_stopping": ("restore_best",),
    "eta": ("learning_rate",),
    "initialization": ("init",),
    "input_norm": ("inputs",),
    "keep_prob": ("dropout",),
    "l2": ("weight_decay",),
    "lambda": ("weight_decay",),
    "lr": ("learning_rate",),
    "mu": ("momentum",),
    "noise": ("pixel_noise",),
    "normalization": ("norm", "inputs"),
    "scheduler": ("schedule",),
    "smoothing": ("label_smoothing",),
    "standardize": ("inputs",),
    "std": ("init",),
    "weights": ("init",),
    "wd": ("weight_decay",),
}
_WORDS = {
    "glorot": "xavier",
    "kaiming": "he",
    "batchnorm": "batch",
    "bn": "batch",
    "layernorm": "layer",
    "ln": "layer",
}  # other names for a setting's words
_DATA = {"data", "images", "labels", "test", "train", "x", "x_train", "x_val", "y", "y_train"}


def complete(recipe: Any) -> dict[str, Any]:
    """All settings of a recipe, in order: those that it leaves out are the sick ones.

    Raises RecipeError for anything but a dict of known settings in their ranges.
    """
    if recipe is None:
        raise RecipeError("a recipe is a dict of settings; got None: is a `return` missing?")
    if not isinstance(recipe, Mapping):
        raise RecipeError(
            f"a recipe is a dict of settings; got {_kind(recipe)}. Predictions, weights and fitted "
            "classifiers do not count: the trainer trains its own network from your recipe"
        )
    for name in recipe:
        _refuse_unknown(name, recipe[name])
    given = {name: _checked(name, recipe[name]) for name in SICK if name in recipe}
    settings = SICK | given
    if settings["momentum"] and settings["optimizer"] != "sgd":
        raise RecipeError(
            f"momentum is for optimizer 'sgd'; {settings['optimizer']!r} has its own: leave it out"
        )
    return settings


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__[:40]}"


def _refuse_unknown(name: Any, value: Any) -> None:
    if not isinstance(name, str):
        raise RecipeError(f"the names of settings are text; got {_brief(name)}")
    shape = "-".join(map(str, SIZES))
    if name in _SHAPE:
        raise RecipeError(
            f"the network is the same for everybody, {shape} with ReLU: a network of another shape "
            f"is not accepted. Leave out {name!r}"
        )
    if name == "epochs" and not (type(value) is int and value == EPOCHS):
        raise RecipeError(f"the budget is {EPOCHS} epochs, no more and no less. Leave out 'epochs'")
    if name in {"seed", "seeds"}:
        raise RecipeError(f"the seeds of grading are secret. Leave out {name!r}")
    if name in _DATA:
        raise RecipeError(f"the data are the same for everybody. Leave out {name!r}")
    if name not in RULES and name != "epochs":
        raise RecipeError(f"there is no setting {_brief(name)}; {_hint(name[:40])}")


def _hint(name: str) -> str:
    """What a learner may have meant by a name that is no setting."""
    plain = name.lower().replace("-", "_").replace(" ", "_")
    near = _SYNONYMS.get(plain) or difflib.get_close_matches(plain, RULES, 1)
    if not near:
        return f"there are: {', '.join(RULES)}"
    return f"did you mean {', '.join(map(repr, near[:-1]))}{' or ' * (len(near) > 1)}{near[-1]!r}?"


def _checked(name: str, value: Any) -> Any:
    """The value in plain Python. Raises RecipeError."""
    rule = RULES[name]
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if rule.flag and isinstance(value, bool):
        return value
    if isinstance(value, str) and value in rule.words:
        return value
    if rule.takes_number and _is_number(value, rule):
        return int(value) if rule.whole else float(value)
    listed = rule.count and isinstance(value, list | tuple) and len(value) == rule.count
    if listed and all(_is_number(v, rule) for v in value):
        return [float(v) for v in value]
    got = f"got {_brief(value)}{_meant(value, rule)}"
    raise RecipeError(f"the setting {name} is {rule.allowed}; {got}")


def _meant(value: Any, rule: Rule) -> str:
    """The word that a learner may have meant: another case, or another name of the same thing."""
    plain = value[:40].lower() if isinstance(value, str) else ""
    word = _WORDS.get(plain, plain)
    return f"; write {word!r}" if word in rule.words else ""


def _is_number(value: Any, rule: Rule) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    inside = rule.low <= value <= rule.high  # NaN is in no range
    return inside and (not rule.whole or value == int(value))


def _brief(value: Any) -> str:
    if value is None or isinstance(value, str | bool | int | float | list | tuple | dict):
        return reprlib.repr(value)[:80]
    return _kind(value)


def changed(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the sick baseline. Raises RecipeError as `complete`."""
    return {name: v for name, v in complete(recipe).items() if v != SICK[name]}


def treated(recipe: Mapping[str, Any]) -> list[str]:
    """The families of which at least one setting differs from the sick baseline."""
    names = changed(recipe)
    return [family for family, own in FAMILIES.items() if any(name in names for name in own)]


def without(recipe: Mapping[str, Any], family: str) -> dict[str, Any]:
    """The recipe with one family as in the sick baseline: what an ablation compares it with.

    Raises ValueError naming the families when there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family is one of {', '.join(FAMILIES)}; got {family!r}")
    return {k: v for k, v in changed(recipe).items() if k not in FAMILIES[family]}


def describe(recipe: Mapping[str, Any]) -> str:
    """The changed settings in one line: "init=he, norm=batch", or "the sick baseline"."""
    items = changed(recipe).items()
    return ", ".join(f"{name}={_short(v)}" for name, v in items) or "the sick baseline"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(f"{v:.3g}" for v in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
