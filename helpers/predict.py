"""Commit to a prediction, then see the answer."""

import html
import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase
from typing import Any

from helpers.records import record, recorded

FEWEST, MOST = 2, 6  # options

_STYLE = """<style>
.course-predict { max-width: 760px; padding: 8px 16px 12px; margin: 4px 0; overflow: visible;
  border: 1px solid var(--jp-border-color2, #ccc); border-radius: 4px;
  border-left: 4px solid var(--jp-brand-color1, #1976d2);
  background: var(--jp-layout-color1, white); color: var(--jp-content-font-color1, black); }
.course-predict .widget-html, .course-predict .widget-htmlmath, .course-predict
  .widget-html-content { height: auto; overflow: visible; color: inherit; line-height: 1.5;
  font-size: var(--jp-content-font-size1, 14px); white-space: normal; }
.course-predict .widget-radio, .course-predict .widget-radio-box { width: 100%; height: auto;
  max-height: none; margin: 0; }
.course-predict .widget-radio-box label { display: flex; align-items: baseline; gap: 8px;
  height: auto; width: auto; padding: 3px 0; line-height: 1.4; white-space: normal;
  color: inherit; font-size: var(--jp-content-font-size1, 14px); cursor: pointer; }
.course-predict .widget-radio-box input { margin: 0; float: none; flex: none; order: -1;
  align-self: center; accent-color: var(--jp-brand-color1, #1976d2); }
.course-predict .widget-radio-box label:has(input:disabled) { cursor: default; opacity: 0.75; }
.course-predict .widget-radio-box label:has(input:checked) { font-weight: 600; opacity: 1; }
.course-predict code { background: var(--jp-layout-color2, #eee); padding: 0 3px; }
</style>"""


def predict(question: str, options: Sequence[str], *, answer: int, because: str) -> "Prediction":
    """A question to commit to before the lesson goes on; the answer shows after the commitment.

    options: 2 to 6 different texts; answer: the index of the right one, from 0.
    because: why it is right. It and the question may use `code`, **bold**, *stress* and $math$.
    The choice is kept in the progress file: the cell shows it again when it is run again.
    Raises ValueError when question, options, answer or because are none of these.
    """
    if isinstance(options, str) or not FEWEST <= len(options) <= MOST:
        raise ValueError(f"options are {FEWEST} to {MOST} texts; got {options!r}")
    texts = [question, because, *options]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"question, options and because are texts with words in them; got {texts}")
    if len(set(options)) < len(options):
        raise ValueError(f"options differ from each other; got {list(options)}")
    if not isinstance(answer, int) or not 0 <= answer < len(options):
        raise ValueError(f"answer is an index from 0 to {len(options) - 1}; got {answer!r}")
    return Prediction(question, options, answer=answer, because=because)


class Prediction:
    """One question. `choice` is None until something is committed, then its index for good."""

    def __init__(self, question: str, options: Sequence[str], *, answer: int, because: str) -> None:
        self.question, self.options = question, list(options)
        self.answer, self.because = answer, because
        self._key = " ".join(question.split())
        earlier = recorded()["prediction"].get(self._key, {}).get("choice")
        self.choice = self.options.index(earlier) if earlier in self.options else None
        self._view: Any = None

    def commit(self, choice: int) -> None:
        """Commit to options[choice]; the progress file keeps it.

        Raises ValueError when there is no such option, RuntimeError after an earlier commitment.
        """
        if not isinstance(choice, int) or not 0 <= choice < len(self.options):
            raise ValueError(f"choice is from 0 to {len(self.options) - 1}; got {choice!r}")
        if self.choice is not None:
            raise RuntimeError(f"already committed to {self.options[self.choice]!r}")
        self.choice = choice
        record(
            "prediction",
            self._key,
            {"choice": self.options[choice], "correct": choice == self.answer},
        )
        if self._view is not None:
            self._view.reveal(choice, self._verdict())

    def _verdict(self) -> str:
        right = _markup(self.options[self.answer])
        color, word = ("#009E73", "✓ Yes:") if self.choice == self.answer else ("#D55E00", "✗ No:")
        return (
            f'<div role="status" style="margin-top: 6px; padding-left: 12px; '
            f'border-left: 4px solid {color}">'
            f"<b>{word}</b> {right}<br>{_markup(self.because)}</div>"
        )

    def _fallback(self) -> str:
        """For pages without a kernel: the reader decides, then opens the answer."""
        items = "".join(f"<li>{_markup(option)}</li>" for option in self.options)
        return (
            f"<p><b>Predict.</b> {_markup(self.question)}</p>"
            f'<ol type="A">{items}</ol>'
            f"<details><summary>You have decided? Open the answer.</summary>"
            f"<p><b>{ascii_uppercase[self.answer]}. {_markup(self.options[self.answer])}</b><br>"
            f"{_markup(self.because)}</p></details>"
        )

    def __repr__(self) -> str:
        letters = zip(ascii_uppercase, self.options, strict=False)
        lines = [f"  {letter}. {option}" for letter, option in letters]
        answer = f"Answer: {ascii_uppercase[self.answer]}. {self.because}"
        return "\n".join([f"Predict. {self.question}", *lines, "", answer])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The live question, and HTML and text for pages without a kernel, in one output."""
        if self._view is None:
            self._view = _View(self.question, self.options, self.commit)
            if self.choice is not None:
                self._view.reveal(self.choice, self._verdict())
        view = {"version_major": 2, "version_minor": 0, "model_id": self._view.box.model_id}
        return {
            "application/vnd.jupyter.widget-view+json": view,
            "text/html": self._fallback(),
            "text/plain": repr(self),
        }


class _View:
    """The widgets: options and a button, and, after the commitment, the verdict."""

    def __init__(
        self, question: str, options: Sequence[str], commit: Callable[[int], None]
    ) -> None:
        import ipywidgets as W

        title = W.HTMLMath(f"{_STYLE}<b>Predict.</b> {_markup(question)}")
        self.options = W.RadioButtons(options=options, index=None)
        self.button = W.Button(description="Commit", button_style="primary", disabled=True)
        self.button.tooltip = "Your choice is final; then the answer shows"
        self.verdict = W.HTMLMath()
        self.box = W.VBox([title, self.options, self.button])
        self.box.add_class("course-predict")
        self.options.observe(self._chosen, "index")
        self.button.on_click(lambda _: commit(self.options.index))

    def _chosen(self, _: Any) -> None:
        self.button.disabled = self.options.index is None

    def reveal(self, choice: int, verdict: str) -> None:
        """Lock the choice and show the verdict in the button's place."""
        self.options.index, self.options.disabled = choice, True
        self.verdict.value = verdict
        self.box.children = [*self.box.children[:2], self.verdict]


def _markup(text: str) -> str:
    """HTML of a text with `code`, **bold** and *stress*; everything else stands as it is."""
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", html.escape(text, quote=False))
    for i, part in enumerate(parts):
        if part.startswith("`"):
            parts[i] = f"<code>{part[1:-1]}</code>"
        elif not part.startswith("$"):  # a star within a formula is not markup
            part = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", part)
            parts[i] = re.sub(r"(?<![\w*])\*(\S.*?)\*(?!\w)", r"<em>\1</em>", part)
    return "".join(parts)
