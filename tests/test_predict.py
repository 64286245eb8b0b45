"""predict: asks, locks, reveals; the same in one output for pages without a kernel."""

import json
from pathlib import Path
from typing import Any

import pytest

from helpers import predict as exported
from helpers.predict import Prediction, predict
from helpers.records import recorded

VIEW = "application/vnd.jupyter.widget-view+json"
OPTIONS = ["it grows", "it shrinks", "it stays < 1"]


@pytest.fixture(autouse=True)
def progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return path


def ask() -> Prediction:
    return predict("What does `std` do?", OPTIONS, answer=1, because="Because of **fan_in**.")


def shown(prediction: Prediction) -> Any:
    """The widgets, made as a notebook would make them."""
    prediction._repr_mimebundle_()
    return prediction._view


def words(view: Any) -> str:
    return "".join(getattr(child, "value", None) or "" for child in view.box.children)


def test_is_what_the_lessons_import() -> None:
    assert exported is predict


def test_one_output_holds_view_html_and_text() -> None:
    bundle = ask()._repr_mimebundle_()
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert bundle[VIEW]["model_id"]


def test_fallback_hides_the_answer_in_details() -> None:
    before, after = ask()._repr_mimebundle_()["text/html"].split("<details>")
    assert "What does <code>std</code> do?" in before
    assert "<li>it stays &lt; 1</li>" in before
    assert "fan_in" not in before
    assert "<b>B. it shrinks</b>" in after
    assert "Because of <b>fan_in</b>." in after


def test_text_carries_question_options_and_answer() -> None:
    text = ask()._repr_mimebundle_()["text/plain"]
    assert text.splitlines() == [
        "Predict. What does `std` do?",
        "  A. it grows",
        "  B. it shrinks",
        "  C. it stays < 1",
        "",
        "Answer: B. Because of **fan_in**.",
    ]


def test_nothing_is_chosen_or_told_before_the_commitment() -> None:
    prediction = ask()
    view = shown(prediction)
    assert prediction.choice is None
    assert view.options.index is None
    assert view.button.disabled
    assert "fan_in" not in words(view)


def test_choosing_unlocks_the_button() -> None:
    view = shown(ask())
    view.options.index = 0
    assert not view.button.disabled


@pytest.mark.parametrize(("choice", "verdict"), [(1, "✓ Yes:"), (0, "✗ No:")])
def test_button_locks_and_reveals(choice: int, verdict: str) -> None:
    prediction = ask()
    view = shown(prediction)
    view.options.index = choice
    view.button.click()
    assert prediction.choice == choice
    assert view.options.disabled
    assert view.button not in view.box.children
    assert f"<b>{verdict}</b> it shrinks" in words(view)
    assert "Because of <b>fan_in</b>." in words(view)


def test_commitment_is_recorded(progress_file: Path) -> None:
    ask().commit(1)
    entry = json.loads(progress_file.read_text())["prediction"]["What does `std` do?"]
    assert entry == {"choice": "it shrinks", "correct": True}


def test_wrong_commitment_is_recorded_as_wrong() -> None:
    ask().commit(2)
    assert recorded()["prediction"]["What does `std` do?"]["correct"] is False


def test_running_again_shows_the_earlier_choice() -> None:
    ask().commit(0)
    again = ask()
    assert again.choice == 0
    view = shown(again)
    assert view.options.index == 0
    assert view.options.disabled
    assert "✗ No:" in words(view)


def test_an_option_that_is_gone_frees_the_choice() -> None:
    ask().commit(0)
    options = ["it doubles", *OPTIONS[1:]]
    assert predict("What does `std` do?", options, answer=1, because="x").choice is None


def test_a_second_commitment_is_refused() -> None:
    prediction = ask()
    prediction.commit(0)
    with pytest.raises(RuntimeError, match="already committed to 'it grows'"):
        prediction.commit(1)
    assert prediction.choice == 0


@pytest.mark.parametrize("choice", [-1, 3, None, 1.0])
def test_refuses_a_choice_that_is_not_there(choice: Any) -> None:
    with pytest.raises(ValueError, match="from 0 to 2"):
        ask().commit(choice)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"options": ["only one"]}, "2 to 6 texts"),
        ({"options": list("abcdefg")}, "2 to 6 texts"),
        ({"options": "yes"}, "2 to 6 texts"),
        ({"options": ["a", "a"]}, "differ"),
        ({"options": ["a", 1]}, "texts with words"),
        ({"options": ["a", " "]}, "texts with words"),
        ({"question": ""}, "texts with words"),
        ({"because": ""}, "texts with words"),
        ({"answer": 2}, "index from 0 to 1"),
        ({"answer": -1}, "index from 0 to 1"),
        ({"answer": "a"}, "index from 0 to 1"),
    ],
)
def test_refuses_what_is_no_question(changed: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"question": "Why?", "options": ["a", "b"], "answer": 0, "because": "c"}
    good |= changed
    question, options = good.pop("question"), good.pop("options")
    with pytest.raises(ValueError, match=message):
        predict(question, options, **good)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<b> & *stress*", "&lt;b&gt; &amp; <em>stress</em>"),
        ("2*3*4 and a * b * c", "2*3*4 and a * b * c"),
        ("`a*b*c` is **x**", "<code>a*b*c</code> is <b>x</b>"),
        ("$a*b*c$ is $\\sigma^2$", "$a*b*c$ is $\\sigma^2$"),
    ],
)
def test_markup(text: str, html: str) -> None:
    bundle = predict(text, ["a", "b"], answer=0, because="c")._repr_mimebundle_()
    assert f"</b> {html}</p>" in bundle["text/html"]
