"""Watches a box from outside: its memory, its processes, its sockets, and the wish of its client.

The keeper is the parent of the kernel. It owns the connection to the client while the kernel
lives, and it is the only one that the client asks for a signal, so no process number can be stale.
"""

import json
import os
import re
import select
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from helpers.instructor.kernels.limits import Limits

_INTERVAL = 0.05  # seconds between two looks
_PAGE = os.sysconf("SC_PAGE_SIZE")


def explain(code: int) -> str:
    """Why a process ended by itself, from its exit code."""
    if code == -signal.SIGXCPU:
        return "it used all of its processor time"
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended Python with exit code {code}"


def explain_memory(limits: Limits) -> str:
    """Why a box was ended that used too much memory."""
    return f"it used more than {limits.memory >> 20} MB of memory"


def keep(
    child: int,
    client: socket.socket,
    find: Callable[[], str],
    *,
    ready: int,
    explain: Callable[[int], str] = explain,
) -> int:
    """Watches process `child` to its end; tells the client why it ended. Returns the exit code.

    `find` says what the box uses too much of, in words, or "". It is asked again and again from
    when `ready`, a pipe, becomes readable. `explain` says why it ended by itself.
    """
    exit_watch = os.pidfd_open(child)
    watched: list[int] = [exit_watch, client.fileno(), ready]
    measuring, reason = False, ""
    while True:
        found, _, _ = select.select(watched, [], [], _INTERVAL if measuring else None)
        if exit_watch in found:
            break
        if ready in found:
            watched.remove(ready)
            measuring = True
        if client.fileno() in found and not _obey(client, child):
            watched.remove(client.fileno())
            reason = "the client left"
        if measuring and not reason:
            reason = find()
        if reason:
            signal.pidfd_send_signal(exit_watch, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    _tell(client, {"exit": code, "reason": reason or explain(code)})
    return code


def _obey(client: socket.socket, child: int) -> bool:
    """Passes the signals that the client asks for on; False when the client is gone."""
    try:
        received = client.recv(4096)
    except ConnectionError:
        return False
    for line in received.splitlines():
        os.kill(child, json.loads(line)["signal"])
    return bool(received)


def _tell(client: socket.socket, message: dict[str, object]) -> None:
    try:
        client.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        return  # the client left first; nobody is there to be told


def list_processes(proc: Path = Path("/proc")) -> list[Path]:
    """The processes that a /proc shows: in the keeper of a warm box, those of the box alone."""
    return [proc / name for name in os.listdir(proc) if name.isdigit()]


def find_excess(limits: Limits, processes: Sequence[Path]) -> str:
    """What a box of these processes (folders of /proc) uses too much of, in words, or ""."""
    if len(processes) > limits.processes:
        return f"it ran more than {limits.processes} processes"
    if _count_sockets(processes) > limits.sockets:
        return f"it opened more than {limits.sockets} sockets"
    if sum(map(_resident, processes)) <= limits.memory:  # an upper bound, cheap to read
        return ""
    if sum(map(_charged, processes)) > limits.memory:
        return explain_memory(limits)
    return ""


def _resident(process: Path) -> int:
    """Bytes in memory, those shared with other processes included."""
    try:
        return int((process / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):  # it ended meanwhile
        return 0


def _charged(process: Path) -> int:
    """Bytes in memory, a shared page divided by its users (PSS); all of it where not told."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", (process / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) << 10 if found else _resident(process)


def _count_sockets(processes: Sequence[Path]) -> int:
    """Of their network namespace, which they share."""
    for process in processes:
        try:
            text = (process / "net" / "sockstat").read_text()
        except OSError:
            continue
        found = re.search(r"sockets: used (\d+)", text)
        return int(found[1]) if found else 0
    return 0
