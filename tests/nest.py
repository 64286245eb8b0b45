"""A warm process for runs under nbval: imports once, then forks a pytest and its kernel for each.

Most of a run's start is imports: pytest, nbval, IPython, matplotlib, torch. What a lesson imports
of this project is not among them. Started by `open_nest`; it ends when its input closes. One line
of JSON a message: {"arguments": [...], "environment": {...}, "log": path} in, {"exit": n} out.
"""

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
POSSIBLE = sys.platform == "linux"
SERVE = "from tests.nest import serve; serve()"
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger's import prints a warning
    "PYTHONPATH": str(ROOT / "tests" / "offline"),
}
FOR_PYTEST = ("pytest", "nbval.plugin", "nbformat", "jupyter_client.blocking", "tests.nbval_strict")


class Nest:
    """The warm process as its owner sees it. `seconds`: CPU that a kernel's imports took in it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=ROOT,
            env={**os.environ, **SETTINGS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seconds: float = self._read()["seconds"]

    def run(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """Pytest's exit code; what it and the kernel print goes to `log`."""
        order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        assert self.process.stdin
        with suppress(BrokenPipeError):  # said by what is read
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        return int(self._read()["exit"])

    def stop(self) -> None:
        """Ends the warm process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()
        self.process.wait(timeout=20)

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError("the warm process of the notebook runs ended; its words are above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@functools.cache
def open_nest() -> Nest:
    """This process's own, started when it is first asked for."""
    nest = Nest()
    atexit.register(nest.stop)
    return nest


def serve() -> None:
    """The warm process: reads orders until its input closes."""
    from helpers.instructor.kernels.preload import MODULES, preload

    sys.path.remove("")  # a learner's kernel does not have this folder
    path = list(sys.path)
    sys.path.insert(0, str(ROOT))
    preload([name for name in MODULES if not name.startswith("helpers")])
    seconds = time.process_time()
    for name in FOR_PYTEST:
        import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # only answers go to the owner
    print(json.dumps({"seconds": seconds}), file=answers, flush=True)
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            answers.close()
            _leave(_run_pytest, json.loads(line), path)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"exit": code}), file=answers, flush=True)


def _leave(function: Any, *arguments: Any) -> None:
    """Call it and end this process, a fork, with its result as exit code."""
    code = 1
    try:
        code = function(*arguments) or 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_pytest(order: dict[str, Any], path: list[str]) -> int:
    import pytest

    os.environ.clear()
    os.environ.update(order["environment"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, standard in enumerate((null, log, log)):
        os.dup2(standard, number)
    kernel = _hatch(path)
    local: Any = import_module("jupyter_client.provisioning.local_provisioner")
    start = local.launch_kernel

    def launch_kernel(command: list[str], **options: Any) -> Any:
        """The first is forked already; another, should one be asked for, starts as always."""
        return kernel.begin(command, **options) if not kernel.begun else start(command, **options)

    local.launch_kernel = launch_kernel
    return int(pytest.main(order["arguments"]))


class ForkedKernel:
    """What jupyter_client uses of a subprocess.Popen, for a fork that waits to become a kernel."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, orders: int) -> None:
        self.pid, self.orders, self.begun = pid, orders, False
        self.returncode: int | None = None

    def begin(self, command: list[str], **options: Any) -> "ForkedKernel":
        """Tell the fork its arguments, environment and folder."""
        order = {"argv": command[command.index("-f") :], "cwd": options["cwd"]}
        with os.fdopen(self.orders, "w") as pipe:
            json.dump(order | {"environment": options["env"]}, pipe)
        self.begun = True
        return self

    def poll(self) -> int | None:
        return self.returncode if self.returncode is not None else self._wait(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int | None:
        return self.returncode if self.returncode is not None else self._wait(0)

    def _wait(self, options: int) -> int | None:
        pid, status = os.waitpid(self.pid, options)
        self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _hatch(path: list[str]) -> ForkedKernel:
    """A fork that waits for its orders; made before pytest has state of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _leave(_become_kernel, reader, path)
    os.close(reader)
    return ForkedKernel(child, writer)


def _become_kernel(reader: int, path: list[str]) -> None:
    from ipykernel.kernelapp import IPKernelApp

    from helpers.instructor.kernels.launch import reseed
    from helpers.instructor.kernels.system import die_with_parent

    die_with_parent()
    os.setsid()  # jupyter_client signals a kernel's whole group
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    if not text:  # no kernel was asked for
        return
    order = json.loads(text)
    for name in [n for n in sys.modules if n.split(".")[0] in ("helpers", "tests")]:
        del sys.modules[name]
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    reseed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["ipykernel_launcher", *order["argv"]]
    IPKernelApp.launch_instance(argv=order["argv"])
