"""Commit to a prediction, then see the answer."""

from collections.abc import Sequence
from typing import Any


class Prediction:
    def __init__(self, question: str, options: Sequence[str], answer: int, because: str) -> None:
        self.question, self.options, self.answer, self.because = question, options, answer, because

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": "\n".join([self.question, *self.options])}


def predict(question: str, options: Sequence[str], *, answer: int, because: str) -> Prediction:
    """Ask for a prediction before the lesson goes on."""
    return Prediction(question, list(options), answer, because)
