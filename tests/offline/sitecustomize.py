"""Python runs this at start-up when the folder is on PYTHONPATH: no way out of this machine.

An audit hook sees every connection of Python's sockets, also those of libraries.
"""

import sys
from typing import Any

EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
NAMES = {"socket.getaddrinfo", "socket.gethostbyname"}


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name in (None, "", "localhost", "::1", "0.0.0.0") or str(name).startswith("127.")


def _block(event: str, arguments: tuple[Any, ...]) -> None:
    if event in EVENTS:
        address = arguments[1]  # (host, port, ...), or a path for a Unix socket
        host = address[0] if isinstance(address, tuple) else None
    elif event in NAMES:
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise ConnectionRefusedError(f"the network is blocked in tests; tried to reach {host!r}")


sys.addaudithook(_block)
