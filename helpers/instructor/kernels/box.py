"""Shuts a freshly forked process in: own mounts, processes, network and user, no way back.

As root the kernel becomes a throw-away user; as a normal user it lives in a user namespace of its
own. Either way it sees a root file system in memory with the Python installation, read-only.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers.instructor.kernels import system
from helpers.instructor.kernels.limits import Limits, cap_processes, set_limits
from helpers.instructor.kernels.seccomp import compile_filter

ROOT = "/run/root"  # where the box's root is put together, in its own mount namespace
IPC = "/run/ipc"  # the sockets' folder, as the kernel sees it
CONNECTION = "/run/connection.json"
WORK = "/tmp/work"
_FIRST_USER, _USERS = 60_000, 5_000  # the throw-away users that root chooses from
_DEVICES = ("null", "zero", "full", "random", "urandom")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
_EMPTY_BYTES = 64 << 10  # of a file system that only covers something


@dataclass(frozen=True)
class Box:
    """What a box shows: folders to read, those of them to hide, its sockets' folder, its limits.

    `connection` is the text of Jupyter's connection file; `group` its cgroup, "" without one.
    """

    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    ipc: str
    connection: str
    limits: Limits
    group: str = ""


def leave_namespaces() -> int:
    """Step one, in the keeper: new namespaces for this process and its children.

    Returns the user that the kernel shall become. Raises OSError where this is not allowed.
    """
    user = os.getuid()
    flags = system.NEW_MOUNT | system.NEW_PID | system.NEW_NET | system.NEW_IPC | system.NEW_UTS
    if user == 0:
        system.unshare(flags)
        return _FIRST_USER + os.getpid() % _USERS
    group = os.getgid()
    system.unshare(flags | system.NEW_USER)
    map_user(user, group)
    return user


def map_user(user: int, group: int) -> None:
    """In a new user namespace: this user and group stay what they are, others do not exist."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def shut_in(box: Box, user: int, *, ready: Callable[[], None]) -> None:
    """Step two, in the first process of the new namespaces: returns as a prisoner.

    `ready` is called while the process is still free of the filter, before the limits hold.
    """
    system.raise_loopback()
    system.mount(None, "/", None, system.RECURSIVE | system.PRIVATE)
    _furnish(box, user)
    system.change_root(ROOT)
    flags = system.REMOUNT | system.BIND | system.READ_ONLY | system.NO_SUID | system.NO_DEVICES
    system.mount(None, "/", None, flags)
    os.chdir(WORK)
    ready()
    set_limits(box.limits)
    system.forbid_privileges()
    _become(user)
    cap_processes(box.limits)
    system.die_with_parent()
    system.drop_privileges()
    system.install_filter(compile_filter())
    _clean_environment()


def _furnish(box: Box, user: int) -> None:
    """Puts the new root together: a small file system in memory, and what is bound into it."""
    Path(ROOT).mkdir(exist_ok=True)
    system.mount_tmpfs(ROOT, size=1 << 20, files=1024, mode="755")
    _scratch(ROOT + "/tmp", box.limits)  # first: the checkout may itself be below /tmp
    for folder in (WORK, "/tmp/home"):
        Path(ROOT + folder).mkdir()
        os.chmod(ROOT + folder, 0o777)
    for path in box.readable:
        _show(path)
    for path in box.hidden:
        if Path(ROOT + path).is_dir():
            system.mount_tmpfs(ROOT + path, size=_EMPTY_BYTES, files=1, mode="555")
    _furnish_devices(box.limits)
    Path(ROOT + "/proc").mkdir()
    locked = system.NO_SUID | system.NO_DEVICES | system.NO_EXEC
    system.mount("proc", ROOT + "/proc", "proc", locked)
    system.bind(box.ipc, ROOT + IPC, writable=True)
    os.chown(ROOT + IPC, user, -1)
    Path(ROOT + CONNECTION).write_text(box.connection)


def _show(path: str) -> None:
    if Path(path).is_symlink():  # /lib -> usr/lib
        Path(ROOT + path).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(os.readlink(path), ROOT + path)
    elif Path(path).exists():
        system.bind(path, ROOT + path)


def _furnish_devices(limits: Limits) -> None:
    for name in _DEVICES:
        system.bind(f"/dev/{name}", f"{ROOT}/dev/{name}", writable=True)
    os.symlink("/proc/self/fd", f"{ROOT}/dev/fd")
    _scratch(f"{ROOT}/dev/shm", limits)


def _scratch(path: str, limits: Limits) -> None:
    Path(path).mkdir()
    system.mount_tmpfs(path, size=limits.scratch_bytes, files=limits.scratch_files, mode="1777")


def _become(user: int) -> None:
    if os.getuid() == 0 and user != 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _clean_environment() -> None:
    kept = {k: os.environ[k] for k in _KEPT if k in os.environ}
    os.environ.clear()
    os.environ.update(kept, **BOX_ENVIRONMENT)


BOX_ENVIRONMENT = {
    "HOME": "/tmp/home",
    "USER": "learner",
    "LOGNAME": "learner",
    "IPYTHONDIR": "/tmp/home/.ipython",
    "MPLCONFIGDIR": "/tmp/home/.matplotlib",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "COURSE_PROGRESS": "/tmp/home/progress.json",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
