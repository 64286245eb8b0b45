"""What a box may use: per process by rlimits, in all by the keeper."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource


@dataclass(frozen=True)
class Limits:
    """Limits of one box; sizes in bytes.

    `memory` holds for the whole box (the sum over its processes, pages that they share counted
    once) and again for each process. `cpu_seconds` is per process.
    """

    memory: int = 1536 << 20
    cpu_seconds: int = 300
    processes: int = 64
    sockets: int = 256
    open_files: int = 256
    file_bytes: int = 32 << 20
    scratch_bytes: int = 64 << 20
    scratch_files: int = 4096
    ipc_bytes: int = 64 << 10
    ipc_files: int = 32


def set_limits(limits: Limits) -> None:
    """Sets the limits of the calling process, which it cannot raise again."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    inherited = pages * os.sysconf("SC_PAGE_SIZE")  # of the warm process: libraries, mostly
    _cap(resource.RLIMIT_AS, inherited + limits.memory)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    _cap(resource.RLIMIT_FSIZE, limits.file_bytes)
    _cap(resource.RLIMIT_NOFILE, limits.open_files)
    _cap(resource.RLIMIT_CORE, 0)
    _cap(resource.RLIMIT_MSGQUEUE, 0)
    _cap(resource.RLIMIT_MEMLOCK, 1 << 16)


def cap_processes(limits: Limits) -> None:
    """Caps the processes and threads of the user; to be called as the box's own user."""
    _cap(resource.RLIMIT_NPROC, limits.processes)


def _cap(what: int, value: int) -> None:
    resource.setrlimit(what, (value, value))
