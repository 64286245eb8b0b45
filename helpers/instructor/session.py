"""A boxed kernel as the grader uses it: run a cell, ask a question, and believe nothing.

The learner's code holds the key that signs messages, so each message may be forged. What is read
is bounded in size, in number and in time, before it is parsed.
"""

import inspect
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import zmq
from jupyter_client.manager import KernelManager

from helpers.instructor import asking
from helpers.instructor.kernels.choose import OPEN, kernel_specs
from helpers.instructor.kernels.warm import NoBox, has_sockets
from helpers.instructor.sanitize import clean_output, one_line

MESSAGE_BYTES = 16 << 20  # one frame; ZeroMQ itself hangs up on a larger one
MESSAGE_FRAMES = 64
READ_BYTES = 128 << 20  # of all messages of a session
KEPT_BYTES = 1 << 20  # of the outputs that are shown
KEPT_OUTPUTS = 200
FORGED = 50  # unreadable messages, until the session ends
_START_SECONDS = 60
_SEND_SECONDS = 5  # where nobody listens any more, a request would wait for ever
_GRACE_SECONDS = 2.0  # between asking a cell to stop and ending its kernel; busy machines are slow
_OUTPUTS = ("stream", "display_data", "execute_result", "error")


class Ended(RuntimeError):
    """The kernel is gone, or had to go; the message says why, in words for the learner."""


@dataclass
class Result:
    """What a cell gave. `error` is the name of the exception that ended it, or "".

    The learner's code may give an exception any name; `stopped` is the grader's own word.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    stopped: str = ""  # "stopped after 30 s" when the time was up
    answer: str = ""  # the reply to a question


class Session:
    """One kernel. `seconds` bounds each cell, `total` the whole session."""

    def __init__(self, kernel: str, *, seconds: float, total: float) -> None:
        self.kernel, self.seconds = kernel, seconds
        self.deadline = time.monotonic() + total
        self.read = self.kept = self.forged = 0

    def __enter__(self) -> "Session":
        self.context = zmq.Context()
        # a kernel could put a link to another socket in the place of its own, so: no reconnection
        for option, value in (
            (zmq.RECONNECT_IVL, -1), (zmq.MAXMSGSIZE, MESSAGE_BYTES), (zmq.RCVHWM, 64),
            (zmq.LINGER, 0), (zmq.IPV6, 0), (zmq.SNDTIMEO, 1000 * _SEND_SECONDS),
        ):  # fmt: skip
            if not (self.kernel == OPEN and option == zmq.RECONNECT_IVL):
                self.context.setsockopt(option, value)
        self.folder = tempfile.TemporaryDirectory(prefix="grading-")
        self.manager = KernelManager(
            kernel_name=self.kernel,
            kernel_spec_manager=kernel_specs(),
            context=self.context,
            connection_file=str(Path(self.folder.name) / "kernel.json"),
        )
        try:
            self._connect()
        except BaseException as error:
            self._close()
            if isinstance(error, Exception):  # no line of the learner has run: not their doing
                raise NoBox(f"the kernel did not start: {error}") from error
            raise
        return self

    def _connect(self) -> None:
        quiet = {"stdout": -3, "stderr": -3} if self.kernel == OPEN else {}
        self.manager.start_kernel(cwd=self.folder.name, **quiet)
        if self.kernel != OPEN:
            self._await_sockets()
        self.client = self.manager.client(context=self.context)  # ours: its limits
        self.client.start_channels(hb=False)
        self.client.wait_for_ready(timeout=_START_SECONDS)
        settled = self.run(_SETTLING)
        if settled.error or settled.stopped:
            raise NoBox(f"it could not be set up: {settled.error or settled.stopped}")

    def _await_sockets(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while not has_sockets(self.manager.get_connection_info()):
            if not self.manager.is_alive():
                raise NoBox(self._reason())
            if time.monotonic() > until:
                raise NoBox("its sockets did not appear")
            time.sleep(0.005)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if hasattr(self, "client"):
            self.client.stop_channels()
        if self.manager.provisioner:  # also when the kernel has ended: its box is to be left
            self.manager.shutdown_kernel(now=True)
        self.context.destroy(linger=0)
        self.folder.cleanup()

    def _reason(self) -> str:
        self.manager.is_alive()
        return getattr(self.manager.provisioner, "reason", "") or "the kernel ended"

    def ask(self, function: str, probes: Sequence[Any]) -> str:
        """The outcomes of calling a function on encoded probes, as the text that came back."""
        question = json.dumps(json.dumps(probes))
        code = (
            "__import__('builtins').exec(__import__('builtins').compile("
            f"{_ASKING!r}, '<probes>', 'exec'), _course := {{'__name__': 'probes'}})\n"
            f"_course = _course['answer_probes'](get_ipython().user_ns, {function!r}, {question})\n"
            "__import__('IPython').display.publish_display_data("
            f"{{'{asking.MIME}': __import__('builtins').globals().pop('_course')}})"
        )
        result = self.run(code)
        if not result.answer:
            named = f"an error named '{result.error}'" if result.error else ""
            why = result.stopped or named
            raise NoAnswer("no answer came back" + (f" ({why})" if why else ""))
        return result.answer

    def run(self, code: str) -> Result:
        """Runs a cell to its end; an endless one is interrupted, and `stopped`.

        Raises `Ended` when the kernel died, would not stop, or flooded its reader.
        """
        message = self._send(code)
        result = Result()
        until = time.monotonic() + self.seconds
        stopping = False
        while True:
            now = time.monotonic()
            if now > min(until, self.deadline):
                if stopping or now > self.deadline:
                    raise Ended(f"it ran longer than {self.seconds:g} s and would not stop")
                self.manager.interrupt_kernel()
                stopping, until = True, now + _GRACE_SECONDS
            received = self._receive(message)
            if received is None:
                continue
            kind, content = received
            if kind == "idle":
                break
            self._take(kind, content, result)
        if stopping:
            result.stopped = f"stopped after {self.seconds:g} s"
        return result

    def _send(self, code: str) -> str:
        """Asks the kernel to run this; the request's id. Raises `Ended` when it has left before."""
        try:
            if self.manager.is_alive():
                message: str = self.client.execute(code, store_history=False, allow_stdin=False)
                return message
        except zmq.Again as error:
            raise Ended("it closed its sockets") from error
        raise Ended(self._reason())

    def _receive(self, request: str) -> tuple[str, dict[str, Any]] | None:
        """The next output of this request, ("idle", {}) at its end, None when there is none."""
        socket = self.client.iopub_channel.socket
        if not socket.poll(100):
            if not self.manager.is_alive():
                raise Ended(self._reason())
            return None
        frames = self._read_frames(socket)
        try:
            _, rest = self.client.session.feed_identities(frames)
            message = self.client.session.deserialize(rest)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != request:
                return None
            if kind == "status":
                return ("idle", {}) if content.get("execution_state") == "idle" else None
            return (kind, dict(content)) if kind in _OUTPUTS else None
        except Exception as error:  # a forged message may break the parser in any way
            self.forged += 1
            if self.forged > FORGED:
                raise Ended("it sent messages that are none") from error
            return None

    def _read_frames(self, socket: zmq.Socket[bytes]) -> list[bytes]:
        frames = [socket.recv()]
        while socket.getsockopt(zmq.RCVMORE):
            frames.append(socket.recv())
            if len(frames) > MESSAGE_FRAMES:
                raise Ended("it sent a message of too many parts")
        self.read += sum(map(len, frames))
        if self.read > READ_BYTES:
            raise Ended(f"it wrote more than {READ_BYTES >> 20} MB of output")
        return frames

    def _take(self, kind: str, content: dict[str, Any], result: Result) -> None:
        if kind == "display_data" and isinstance(content.get("data"), dict):
            answer = content["data"].get(asking.MIME)
            if isinstance(answer, str):
                result.answer = answer
                return
        if kind == "error":
            result.error = one_line(content.get("ename"), 100) or "an error"
        with suppress(ValueError):  # not what an output looks like
            output = clean_output(kind, content)
            self.kept += len(json.dumps(output))
            if self.kept <= KEPT_BYTES and len(result.outputs) < KEPT_OUTPUTS:
                result.outputs.append(output)


class NoAnswer(RuntimeError):
    """A question was run to its end, and nothing came back."""


_ASKING = inspect.getsource(asking)
# `exit()` ends a kernel some time after its cell, and whatever runs then would be blamed for it;
# a box has no terminal for `!pip install …`, which fails there and works at home.
_SETTLING = """
def _settle(shell):
    def tell(command):
        print("not run while grading: !" + command)
    def tell_output(command, *_, **__):
        tell(command)
        return []
    shell.ask_exit = lambda: print("exit() is not followed while grading")
    shell.system = shell.system_raw = shell.system_piped = tell
    shell.getoutput = tell_output
_settle(get_ipython())
del _settle
"""
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
