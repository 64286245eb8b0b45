"""System calls that Python 3.11 lacks: mount, unshare, pivot_root, prctl, capset. For Linux."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
from functools import cache
from pathlib import Path

NEW_MOUNT, NEW_UTS, NEW_IPC = 0x20000, 0x4000000, 0x8000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000

READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18
_LOCKED = NO_SUID | NO_DEVICES | NO_EXEC  # flags of a mount that a user namespace cannot clear
_DETACH = 2

_PR_PARENT_DEATH, _PR_DUMPABLE, _PR_SECCOMP = 1, 4, 22
_PR_DROP_BOUNDING, _PR_NO_NEW_PRIVILEGES, _PR_AMBIENT = 24, 38, 47
_CAPABILITY_VERSION = 0x20080522
_IF_UP, _SIOCSIFFLAGS = 1, 0x8914


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _require(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leaves the namespaces named by the NEW_… flags for new ones. Raises OSError."""
    _require(_libc().unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mounts a file system, binds a path or changes a mount's flags. Raises OSError."""
    texts = [t.encode() if t is not None else None for t in (source, target, kind)]
    result = _libc().mount(*texts, ctypes.c_ulong(flags), data.encode() or None)
    _require(result, f"mount {kind or ''} {source} on {target}")


def mount_tmpfs(target: str, *, size: int, files: int, mode: str) -> None:
    """A file system in memory, of at most `size` bytes and `files` files."""
    options = f"size={size},nr_inodes={files},mode={mode}"
    mount("tmpfs", target, "tmpfs", NO_SUID | NO_DEVICES, options)


def bind(source: str, target: str, *, writable: bool = False) -> None:
    """Shows `source` (a file or a folder) at `target`, which is made; read-only by default."""
    make_target(source, target)
    mount(source, target, None, BIND)
    kept = os.statvfs(target).f_flag & _LOCKED
    device = source.startswith("/dev/")
    flags = kept | NO_SUID | (0 if device else NO_DEVICES) | (0 if writable else READ_ONLY)
    mount(None, target, None, BIND | REMOUNT | flags)


def make_target(source: str, target: str) -> None:
    """An empty folder or file at `target`, of the kind of `source`, for a mount to cover."""
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()


def unmount(target: str) -> None:
    """Takes a mount away, also one that is still in use. Raises OSError."""
    _require(_libc().umount2(target.encode(), _DETACH), f"umount {target}")


def change_root(folder: str) -> None:
    """Makes a mounted folder the root of this mount namespace; the old root is gone."""
    old = Path(folder) / ".old"
    old.mkdir()
    _require(_libc().pivot_root(folder.encode(), str(old).encode()), "pivot_root")
    os.chdir("/")
    unmount("/.old")
    Path("/.old").rmdir()


def die_with_parent() -> None:
    """This process is killed when its parent ends. A change of user clears it: call it after."""
    _libc().prctl(_PR_PARENT_DEATH, int(signal.SIGKILL), 0, 0, 0)


def stay_visible() -> None:
    """/proc/<pid>/root of this process stays open to its user after entering a user namespace."""
    _libc().prctl(_PR_DUMPABLE, 1, 0, 0, 0)


def forbid_privileges() -> None:
    """No capability can be gained by running another program; to be called while one has them."""
    libc = _libc()
    _require(libc.prctl(_PR_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    for capability in range(64):  # the kernel refuses those that it does not know
        libc.prctl(_PR_DROP_BOUNDING, capability, 0, 0, 0)


def drop_privileges() -> None:
    """No capability is left."""
    libc = _libc()
    libc.prctl(_PR_AMBIENT, 4, 0, 0, 0)  # 4: clear all
    header = struct.pack("II", _CAPABILITY_VERSION, 0)
    _require(libc.capset(header, bytes(24)), "capset")


def install_filter(program: bytes) -> None:
    """Installs a compiled seccomp filter (8 bytes an instruction). Raises OSError."""
    code = ctypes.create_string_buffer(program)
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    buffer = ctypes.create_string_buffer(head)
    _require(_libc().prctl(_PR_SECCOMP, 2, buffer, 0, 0), "seccomp")


def raise_loopback() -> None:
    """Brings up `lo` in a new network namespace: all the network that a box has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IF_UP))
