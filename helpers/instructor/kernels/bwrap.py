"""The fallback box: an ordinary kernel inside bubblewrap, guarded by a process of its own.

For machines where only `bwrap` may make user namespaces (Ubuntu's AppArmor allows it by name).
`python -m helpers.instructor.kernels.bwrap FD FOLDER` is the guard: it speaks the zygote's
protocol on a socket, and watches the box as the keeper of a warm box does. What differs: the
folder of sockets is on the host, watched and not limited; started by root, the kernel stays root
without any privilege.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from helpers.instructor.kernels import keeper
from helpers.instructor.kernels.box import BOX_ENVIRONMENT, CONNECTION, IPC, WORK
from helpers.instructor.kernels.limits import Limits, cap_processes, set_limits
from helpers.instructor.kernels.seccomp import compile_filter
from helpers.instructor.kernels.warm import hidden_paths, readable_paths

_NOT_ROOT = 65_534


def make_ipc_folder() -> str:
    """A private folder for a kernel's sockets; its path is short, as sockets demand."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    private = runtime if runtime and Path(runtime).is_dir() else None
    return tempfile.mkdtemp(prefix="box-", dir=private)


def start_guard(connection: socket.socket, folder: str) -> subprocess.Popen[bytes]:
    """Starts the guard of one box; it ends, and removes the folder, when the socket closes."""
    fd = connection.fileno()
    command = [sys.executable, "-m", "helpers.instructor.kernels.bwrap", str(fd), folder]
    return subprocess.Popen(
        command, pass_fds=[fd], stdin=subprocess.DEVNULL, start_new_session=True
    )


def bwrap_command(*, ipc: str, connection: int, filter_: int, limits: Limits) -> list[str]:
    """The command line of bubblewrap up to the program; two open files are passed by number."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--cap-drop", "ALL", "--hostname", "box"]
    if os.getuid() == 0:
        command += ["--uid", str(_NOT_ROOT), "--gid", str(_NOT_ROOT)]
    scratch = str(limits.scratch_bytes)
    # first: the checkout may itself be below /tmp
    command += ["--size", scratch, "--tmpfs", "/tmp", "--dir", WORK, "--dir", "/tmp/home"]
    for path in readable_paths():
        if Path(path).is_symlink():
            command += ["--symlink", os.readlink(path), path]
        else:
            command += ["--ro-bind", path, path]
    for path in filter(os.path.isdir, hidden_paths()):
        if any(path.startswith(shown + "/") for shown in readable_paths()):
            command += ["--size", "65536", "--tmpfs", path, "--remount-ro", path]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", scratch, "--tmpfs", "/dev/shm"]
    command += ["--bind", ipc, IPC, "--ro-bind-data", str(connection), CONNECTION]
    command += ["--seccomp", str(filter_), "--chdir", WORK]
    environment = BOX_ENVIRONMENT | {"PATH": os.environ.get("PATH", os.defpath)}
    for name, value in environment.items():
        command += ["--setenv", name, value]
    return [*command, "--"]


def _open_bytes(content: bytes) -> int:
    """A file descriptor to read these bytes from."""
    fd = os.memfd_create("content")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _start_kernel(order: dict[str, object], folder: str) -> subprocess.Popen[bytes]:
    limits = Limits(**order["limits"])  # type: ignore[arg-type]
    fds = [_open_bytes(str(order["connection"]).encode()), _open_bytes(compile_filter())]
    command = bwrap_command(ipc=folder, connection=fds[0], filter_=fds[1], limits=limits)
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", CONNECTION]
    history = ["--HistoryManager.enabled=False"]

    def cap() -> None:
        set_limits(limits)
        if os.getuid() != 0:  # root is not counted; the guard counts
            cap_processes(limits)

    null = subprocess.DEVNULL  # the owner's terminal has no place in a box
    started = subprocess.Popen(
        command + kernel + history,
        pass_fds=fds,
        stdin=null,
        stdout=null,
        stderr=null,
        preexec_fn=cap,
    )
    for fd in fds:
        os.close(fd)
    return started


def _find_excess(pid: int, folder: str, limits: Limits) -> str:
    files = list(os.scandir(folder))
    if len(files) > limits.ipc_files or _size(files) > limits.ipc_bytes:
        return "it filled the folder of its sockets"
    try:
        inside = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return ""
    return keeper.find_excess(limits, [Path(f"/proc/{p.pid}") for p in inside])


def _size(files: list[os.DirEntry[str]]) -> int:
    try:
        return sum(f.stat(follow_symlinks=False).st_size for f in files)
    except OSError:  # one is gone meanwhile
        return 0


def guard(connection: socket.socket, folder: str) -> None:
    """Starts a kernel whenever the client asks, keeps it to its end, until the client leaves."""
    ready, writer = os.pipe()
    os.write(writer, b"x")
    try:
        while received := connection.recv(1 << 20):
            order = json.loads(received).get("start")
            if order is None:  # a signal to a kernel that has just ended
                continue
            for name in os.listdir(folder):
                (Path(folder) / name).unlink()
            process = _start_kernel(order, folder)
            connection.sendall(json.dumps({"pid": process.pid}).encode() + b"\n")
            limits = Limits(**order["limits"])
            excess = lambda: _find_excess(process.pid, folder, limits)  # noqa: B023, E731
            keeper.keep(process.pid, connection, excess, ready=ready)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
