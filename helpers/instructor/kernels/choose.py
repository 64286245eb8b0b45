"""Which box this machine can make, and if none, why not."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from helpers.instructor.kernels.limits import Limits
from helpers.instructor.kernels.seccomp import ARCHITECTURES, supported
from helpers.instructor.kernels.warm import NoBox, zygote_environment

WARM, BWRAP, OPEN = "warm-box", "bwrap-box", "open"
_SPECS = Path(__file__).parent / "specs"
_SECONDS = 20
_TRY_NAMESPACES = """
import os
from helpers.instructor.kernels import system, zygote, box
zygote.enter_private_run()
box.leave_namespaces()
child = os.fork()
if child == 0:
    try:
        system.mount(None, "/", None, system.RECURSIVE | system.PRIVATE)
        system.mount("proc", "/proc", "proc", system.NO_SUID | system.NO_DEVICES | system.NO_EXEC)
        os._exit(0)
    except OSError as error:
        print(error)
        os._exit(1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def kernel_specs() -> KernelSpecManager:
    """Finds the kernelspecs of this package, and no others: nothing has to be installed."""
    return KernelSpecManager(kernel_dirs=[str(_SPECS)], ensure_native_kernel=False)


def choose_box(*, trust: bool = False) -> str:
    """The name of the best kernelspec that works here; `open` (no box) only if told to trust.

    Raises `NoBox` that says what was tried.
    """
    if trust:
        return OPEN
    tried = {}
    for name, why_not in ((WARM, why_not_warm), (BWRAP, why_not_bwrap)):
        tried[name] = why_not()
        if not tried[name]:
            return name
    raise NoBox(
        "answers cannot be run safely on this machine:\n"
        f"  a box of our own: {tried[WARM]}\n  bubblewrap: {tried[BWRAP]}\n"
        "Grade on Linux where user namespaces are allowed, or install bubblewrap. "
        "--trust-submissions runs every answer as you, without any box."
    )


def why_not_warm() -> str:
    """Why no box can be made by this process, or ""."""
    reason = _why_not_linux()
    if reason:
        return reason
    return _try([sys.executable, "-c", _TRY_NAMESPACES])


def why_not_bwrap() -> str:
    """Why bubblewrap cannot make a box, or ""."""
    reason = _why_not_linux()
    if reason:
        return reason
    if not shutil.which("bwrap"):
        return "it is not installed (apt install bubblewrap, dnf install bubblewrap)"
    from helpers.instructor.kernels.bwrap import bwrap_command

    inputs = ["/dev/null", "/dev/null"]
    with open(inputs[0], "rb") as connection, open(inputs[1], "rb") as empty:
        fds = [connection.fileno(), empty.fileno()]
        command = bwrap_command(connection=fds[0], filter_=fds[1], limits=Limits())
        at = command.index("--seccomp")
        del command[at : at + 2]
        return _try([*command, "true"], fds)


def _why_not_linux() -> str:
    if sys.platform != "linux":
        return f"boxes need Linux; this is {platform.system()}"
    if not supported():
        known = " and ".join(ARCHITECTURES)
        return f"boxes are made on {known}; this machine is {platform.machine()}"
    return ""


def _try(command: list[str], fds: list[int] | None = None) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        pass_fds=fds or [],
        env=zygote_environment(),  # one thread: others could not enter a user namespace
        check=False,
    )
    lines = (done.stdout + done.stderr).strip().splitlines()
    return "" if done.returncode == 0 else (lines or ["it failed without a word"])[-1]
