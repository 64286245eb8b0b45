"""Asks an answer in a box for its outputs on fresh probes, and judges them out here.

What comes back is hostile input: it is bounded before it is parsed, decoded into plain values, and
whatever a judge stumbles over is an answer that could not be judged.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from helpers.instructor.sanitize import clean_text, one_line
from helpers.instructor.session import NoAnswer, Session
from helpers.judging import WRONG, Outcome, Task, Verdict, judge_outcomes
from helpers.values import Seed, decode, encode, same

MAX_DIGITS = 20  # of an integer that comes back
MAX_NAMES = 20
_LINE_END = re.compile(r"\r\n?|[\n\x85\u2028\u2029]")
_UNDEFINED = re.compile(r"name '(\w{1,100})' is not defined")


@dataclass
class Finding:
    """What was found out about one exercise. `review` says why a person should look, or "".

    `missing`: there was no function to ask. `undefined`: the names that were not defined when it
    was called, read from its errors alone: a message also tells what is right. `judged`: outputs
    came back.
    """

    verdict: Verdict
    review: str = ""
    missing: bool = False
    undefined: set[str] = field(default_factory=set)
    judged: bool = True


def not_judged(task: Task, reason: str) -> Finding:
    """Nothing earned, and a person is told why."""
    endless = reason.startswith("no answer came back (stopped")
    message = f"Your answer could not be judged: {reason}."
    message += " Perhaps it has a loop that never ends." * endless
    return Finding(Verdict(WRONG, 0, task.total, message), reason, judged=False)


def no_function(task: Task, error: str) -> Finding:
    """There is no function, since its cell ended with this error."""
    verdict = Verdict(WRONG, 0, task.total, f"Your cell does not run: {error}")
    undefined = find_undefined(error) if error.startswith("NameError") else set()
    return Finding(verdict, missing=True, undefined=undefined)


def find_undefined(error: str) -> set[str]:
    """The names that the text of a NameError says are not defined."""
    return set(_UNDEFINED.findall(error))


def ask(session: Session, task: Task, seed: int) -> Finding:
    """Sends the probes in an order of their own, one of them twice, and judges what comes back."""
    order = np.random.default_rng(seed).permutation(len(task.probes)).tolist()
    order.append(order[0])
    try:
        text = session.ask(task.function, [encode(list(task.probes[i])) for i in order])
        reply = _parse(text)
    except (NoAnswer, ValueError, RecursionError) as error:
        return not_judged(task, str(error)[:200])
    if isinstance(reply.get("missing"), str):
        told = _tell_missing(reply["missing"], task.function)
        return Finding(Verdict(WRONG, 0, task.total, told), missing=True)
    try:
        return _judge(task, reply, order)
    except Exception as error:  # the outputs are hostile: a judge may stumble over them in any way
        told = f"the outputs could not be read ({type(error).__name__})"
        return replace(not_judged(task, told), judged=True)


def _tell_missing(text: str, function: str) -> str:
    """What `asking` says of a name that is no function; the learner's own words are not told."""
    known = re.fullmatch(rf"`{function}` is (None|an? \w{{1,80}}), not a function", text)
    return f"{text}." if known else f"The notebook defines no `{function}`."


def _parse(text: str) -> dict[str, Any]:
    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise ValueError("an integer of too many digits came back")
        return int(digits)

    def constant(name: str) -> float:
        raise ValueError(f"{name} is not written so in JSON")

    reply = json.loads(text, parse_int=integer, parse_constant=constant)
    if not isinstance(reply, dict):
        raise ValueError("what came back is no answer")
    return reply


def _judge(task: Task, reply: Mapping[str, Any], order: Sequence[int]) -> Finding:
    packed = reply["outcomes"]
    if len(packed) != len(order):
        raise ValueError("there is not one outcome a probe")
    names = [one_line(n, 40) for n in reply["names"][:MAX_NAMES]]
    got = [unpack(p, task, i) for p, i in zip(packed, order, strict=True)]
    outcomes = [got[order.index(i)] for i in range(len(task.probes))]
    verdict = judge_outcomes(task, outcomes, names)
    changed = [got[-1] if i == order[0] else o for i, o in enumerate(outcomes)]
    again = judge_outcomes(task, changed, names)
    review = ""
    if not _repeats(got[0], got[-1]):
        review = "it gave two different outputs for the same input"
    worse = again if again.passed < verdict.passed else verdict
    told = replace(worse, message=clean_text(worse.message, 4000))
    named = [find_undefined(o.error_text) for o in got if o.error == "NameError"]
    return Finding(told, review, undefined=set().union(*named))


def _repeats(first: Outcome, again: Outcome) -> bool:
    if first.error or again.error:
        return first.error == again.error
    try:
        return type(first.output) is type(again.output) and same(first.output, again.output)
    except Exception:  # outputs that cannot even be compared
        return False


def unpack(packed: Mapping[str, Any], task: Task, index: int) -> Outcome:
    """An outcome as it came back, in plain values; one that is unreadable gets a name, no value.

    Of its own words none begins a line of the message, as the grader's do.
    """
    error = clean_text(packed.get("error", ""), 100)
    if error:
        text = clean_text(packed.get("error_text", ""), 2000)
        return Outcome(error=error, error_text=_LINE_END.sub("\n  ", text))
    changed = one_line(packed.get("changed", ""), 100)
    if "kind" in packed:
        module, name = (one_line(part, 80) for part in packed["kind"])
        return Outcome(output=stand_in(module, name), changed_input=changed)
    try:
        output = decode(packed["output"])
    except Exception:  # hostile: any form of nonsense
        output = stand_in("builtins", "value that cannot be read")
    if isinstance(output, Seed):
        output = stand_in("builtins", "Seed")
    return Outcome(output=output, changed_input=changed)


def stand_in(module: str, name: str) -> Any:
    """An object whose type has this name: what a message says of an output that was not sent."""
    return type(name or "object", (), {"__module__": module})()
