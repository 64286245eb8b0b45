"""Starts the warm process of this machine, and says where it is."""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import helpers

ADDRESS = "COURSE_ZYGOTE"  # environment: the socket of a zygote that another process owns
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache")
_SETTINGS = ("/etc/localtime", "/etc/fonts", "/etc/alternatives", "/nix/store")
_BOOTED = Path("/run/systemd/system")  # there when systemd is the first process
_BUS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # what systemd-run --user needs
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
# not "-m": a kernel takes the place of the module __main__
_START = "from helpers.instructor.kernels.zygote import main; main()"
_PACKAGE = Path(helpers.__file__).resolve().parent


class NoBox(RuntimeError):
    """No box can be made on this machine; the message says why and what to do."""


class WarmProcess:
    """The zygote as its owner sees it: `address` is its socket, `stop` ends it and its kernels."""

    def __init__(self) -> None:
        scope = scope_command()
        bus = {k: os.environ[k] for k in _BUS if k in os.environ} if scope else {}
        self.process = subprocess.Popen(
            [*scope, sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=zygote_environment() | bus,
        )
        self.address = f"/proc/{self.process.pid}/root/run/zygote"
        order = {"readable": readable_paths(), "hidden": hidden_paths()}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        if self.process.stdout.readline().strip() != b"ready":
            self.stop()
            raise NoBox("the warm process did not start; its message is above")

    def stop(self) -> None:
        """Ends the zygote, its kernels with it."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()
        self.process.wait(timeout=10)


def zygote_environment() -> dict[str, str]:
    """The zygote's environment: its kernels can read all of it in /proc, so it holds little."""
    kept = {k: os.environ[k] for k in _KEPT if k in os.environ}
    return {
        **kept,
        "HOME": "/nonexistent",
        "MPLCONFIGDIR": "/run/matplotlib",
        "IPYTHONDIR": "/run/ipython",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger's import prints a warning
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(_PACKAGE.parent),
    }


def scope_command() -> list[str]:
    """What to put before the warm process's command: systemd's scope, a cgroup of its own.

    In it each box gets a memory limit of the kernel's. Empty where systemd does not serve us. The
    second half takes away again what `systemd-run` alone needs.
    """
    if not _BOOTED.is_dir() or not shutil.which("systemd-run"):
        return []
    whose = [] if os.getuid() == 0 else ["--user"]
    scope = ["--scope", "--quiet", "--collect", "--no-ask-password", "--property=Delegate=yes"]
    clean = ["env", "-i", *(f"{k}={v}" for k, v in zygote_environment().items())]
    command = ["systemd-run", *whose, *scope, "--", *clean]
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        return []
    return command if tried.returncode == 0 else []


def readable_paths() -> list[str]:
    """What a box may read: the system, this Python, the learner's package and the data."""
    own = [sys.prefix, sys.base_prefix, str(_PACKAGE), str(_PACKAGE.parent / "data")]
    found: list[str] = []
    for path in [*_SYSTEM, *_SETTINGS, *own]:
        inside = any(path == p or path.startswith(p + "/") for p in found)
        if Path(path).exists() and not inside:
            found.append(path)
    return found


def hidden_paths() -> list[str]:
    """What no box may see, also where the course lies inside a readable folder."""
    course = [_PACKAGE.parent / name for name in ("notebooks", "tests", ".git")]
    return [str(_PACKAGE / "instructor"), *map(str, course)]


_lock = threading.Lock()
_own: WarmProcess | None = None


def zygote_address() -> str:
    """The socket of a running zygote: the one in $COURSE_ZYGOTE, else this process's own."""
    global _own
    if ADDRESS in os.environ:
        return os.environ[ADDRESS]
    with _lock:
        if _own is None or _own.process.poll() is not None:
            _own = WarmProcess()
            atexit.register(_own.stop)
        return _own.address


def has_sockets(connection: Mapping[str, object]) -> bool:
    """Whether the kernel listens on all its sockets; then a client can connect, once and for all.

    `connection` is Jupyter's connection information. To be asked before any code is run: later
    the paths may lead anywhere.
    """
    channels = ("shell", "iopub", "stdin", "control")
    return all(_listens(f"{connection['ip']}-{connection[f'{c}_port']}") for c in channels)


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0
