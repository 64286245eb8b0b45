"""A memory limit of the Linux kernel's own for each box, where one may be set: cgroup v2.

The keeper adds up what a box's processes hold, twenty times a second. A cgroup holds at any moment,
and counts what is in no process: files in memory, and what sockets and pipes keep. A process may
divide its cgroup when that is delegated to it and nobody else is in it, as in a scope that
`systemd-run` makes (see `warm.scope_command`), or when it is root's own at the top.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.instructor.kernels.limits import Limits

_PROCESSES, _CONTROL, _EVENTS = "cgroup.procs", "cgroup.subtree_control", "memory.events"


@dataclass(frozen=True)
class Groups:
    """The cgroups of the boxes of one warm process, below `base`."""

    base: Path

    def make(self, box: int, limits: Limits) -> Path:
        """The cgroup of a box, empty. Raises OSError where it cannot be made."""
        group = self.base / f"box-{box}"
        self.remove(group)  # of an earlier kernel of this box
        group.mkdir()
        (group / "memory.max").write_text(str(limits.memory))
        (group / "memory.oom.group").write_text("1")  # all of the box ends, or nothing
        with suppress(FileNotFoundError):  # a machine without swap
            (group / "memory.swap.max").write_text("0")
        return group

    def remove(self, group: Path) -> None:
        """Removes a cgroup whose processes have ended, if it is there."""
        with suppress(OSError):
            group.rmdir()


def open_groups(proc: Path = Path("/proc/self")) -> Groups | None:
    """Makes room for the boxes' cgroups below this process's own; None where it may not."""
    home = find_home(proc)
    if home is None:
        return None
    try:
        if (home / _PROCESSES).read_text().split() == [str(os.getpid())]:
            join(_make(home / "warm"))  # a cgroup is divided, or has processes
        _divide(home)
        base = _make(home / f"boxes-{os.getpid()}")
        _divide(base)
    except OSError:
        return None
    return Groups(base)


def _make(group: Path) -> Path:
    group.mkdir(exist_ok=True)
    return group


def _divide(group: Path) -> None:
    (group / _CONTROL).write_text("+memory")


def find_home(proc: Path = Path("/proc/self")) -> Path | None:
    """The folder of this process's cgroup if memory can be limited there, else None."""
    own = re.search(r"^0::(/.*)$", (proc / "cgroup").read_text(), re.MULTILINE)
    mounts = (proc / "mountinfo").read_text()
    mounted = re.search(r"^\S+ \S+ \S+ (\S+) (\S+) .* - cgroup2 ", mounts, re.MULTILINE)
    if not own or not mounted:
        return None
    shown, point = mounted.groups()
    home = Path(point) / os.path.relpath(own[1], shown)
    with suppress(OSError):
        if "memory" in (home / "cgroup.controllers").read_text().split():
            return home
    return None


def join(group: Path) -> None:
    """Moves the calling process into a cgroup. Raises OSError."""
    (group / _PROCESSES).write_text("0")


def watch(group: Path) -> int:
    """A file descriptor that `was_exceeded` reads; it works when the path is out of sight."""
    return os.open(group / _EVENTS, os.O_RDONLY | os.O_CLOEXEC)


def was_exceeded(events: int) -> bool:
    """Whether a process was ended since the cgroup's memory was used up."""
    text = os.pread(events, 4096, 0).decode()
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return bool(found and int(found[1]))
