"""Runs a function in a process of its own, bounded in memory and time: a fuse.

What reads a hostile kernel's messages may be brought to its end by them (ZeroMQ aborts when memory
is short). Then this process ends, and neither the batch nor its other submissions.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any

MEMORY = 1 << 30  # bytes on top of what the process has when it starts
ANSWER = 64 << 20  # bytes


class Blown(RuntimeError):
    """The process ended without an answer; the message says how."""


def run_contained(function: Callable[[], Any], *, seconds: float, memory: int = MEMORY) -> Any:
    """What `function` returns (plain JSON data), from a forked process.

    Raises Blown when that process ends without an answer, or runs longer than `seconds`.
    """
    if not hasattr(os, "fork"):  # Windows, where all submissions are trusted
        return function()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(function, writer, memory)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = _read(stream.fileno(), seconds)
    if answer is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if answer is None:
        raise Blown(f"it was not done after {seconds:g} s")
    if not answer:
        code = os.waitstatus_to_exitcode(status)
        raise Blown(f"its reader ended ({signal.Signals(-code).name if code < 0 else code})")
    return json.loads(answer)


def _work(function: Callable[[], Any], writer: int, memory: int) -> None:
    """In the child: never returns."""
    code = 1
    try:
        if sys.platform == "linux":
            _bound(memory)
        with os.fdopen(writer, "wb") as stream:
            # in no context: an event loop that Jupyter keeps in it is the parent's
            stream.write(json.dumps(Context().run(function)).encode())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _bound(memory: int) -> None:
    import resource

    from helpers.instructor.kernels import system

    system.die_with_parent()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _read(fd: int, seconds: float) -> bytes | None:
    """All that is written to a pipe; None when its end does not come in time, or is too far."""
    until = time.monotonic() + seconds
    parts: list[bytes] = []
    size = 0
    while True:
        left = until - time.monotonic()
        if left <= 0 or size > ANSWER or not select.select([fd], [], [], left)[0]:
            return None
        part = os.read(fd, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
