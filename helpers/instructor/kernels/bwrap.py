"""The fallback box: an ordinary kernel inside bubblewrap, guarded by a process of its own.

For machines where only `bwrap` may make user namespaces (Ubuntu's AppArmor allows it by name).
`python -m helpers.instructor.kernels.bwrap FD FOLDER` is the guard: it speaks the zygote's
protocol on a socket, and watches the box as the keeper of a warm box does. The sockets are in a
small file system in memory inside the box; FOLDER holds a link to it. What differs: bubblewrap
cannot limit the number of files, so the guard counts them; started by root, the kernel stays root
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

LINK = "ipc"  # in the guard's folder: leads to the sockets' folder of the running box
_NOT_ROOT = 65_534


def make_ipc_folder() -> str:
    """A private folder for the link to a kernel's sockets; its path is short, as they demand."""
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


def bwrap_command(*, connection: int, filter_: int, limits: Limits) -> list[str]:
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
    command += ["--size", str(limits.ipc_bytes), "--tmpfs", IPC]
    command += ["--ro-bind-data", str(connection), CONNECTION]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]  # these two have no size
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


def _start_kernel(order: dict[str, object], folder: str) -> tuple[subprocess.Popen[bytes], int]:
    """Starts bubblewrap; returns its process, and the number of the first process in the box."""
    limits = Limits(**order["limits"])  # type: ignore[arg-type]
    fds = [_open_bytes(str(order["connection"]).encode()), _open_bytes(compile_filter())]
    reader, writer = os.pipe()
    command = bwrap_command(connection=fds[0], filter_=fds[1], limits=limits)
    command[1:1] = ["--info-fd", str(writer)]
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", CONNECTION]
    history = ["--HistoryManager.enabled=False"]

    def cap() -> None:
        set_limits(limits)
        if os.getuid() != 0:  # root is not counted; the guard counts
            cap_processes(limits)

    null = subprocess.DEVNULL  # the owner's terminal has no place in a box
    started = subprocess.Popen(
        command + kernel + history,
        pass_fds=[*fds, writer],
        stdin=null,
        stdout=null,
        stderr=null,
        preexec_fn=cap,
    )
    for fd in (*fds, writer):
        os.close(fd)
    with os.fdopen(reader, "rb") as stream:
        first = json.loads(stream.read() or b"{}").get("child-pid", 0)
    return started, first


def _root_of(first: int) -> str:
    """The root of a box, as it is seen from outside through its first process."""
    return f"/proc/{first}/root"


def _find_excess(pid: int, first: int, limits: Limits) -> str:
    """What a box uses too much of; it is that of process `pid`, bubblewrap itself."""
    try:
        inside = psutil.Process(pid).children(recursive=True)
        full = _find_full(_root_of(first), limits)
    except (psutil.NoSuchProcess, OSError):
        return ""  # it has ended
    return full or keeper.find_excess(limits, [Path(f"/proc/{p.pid}") for p in inside])


def _find_full(root: str, limits: Limits) -> str:
    if os.stat(root + "/tmp").st_dev == os.stat("/tmp").st_dev:
        return ""  # bubblewrap has not made the box yet: this is the machine's own folder
    most = {"/tmp": limits.scratch_files, "/dev/shm": limits.scratch_files, IPC: limits.ipc_files}
    for folder, files in most.items():
        status = os.statvfs(root + folder)
        if status.f_files - status.f_ffree > files:
            return f"it made more than {files} files in {folder}"
    return ""


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
            process, first = _start_kernel(order, folder)
            (Path(folder) / LINK).symlink_to(_root_of(first) + IPC)
            connection.sendall(json.dumps({"pid": process.pid}).encode() + b"\n")
            limits = Limits(**order["limits"])
            excess = lambda: _find_excess(process.pid, first, limits)  # noqa: B023, E731
            keeper.keep(process.pid, connection, excess, ready=ready)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
