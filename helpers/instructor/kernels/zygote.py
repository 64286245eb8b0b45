"""The warm process: imports once, then forks a boxed kernel for each client that asks.

Started by `warm.start_zygote` with a listening socket. It lives as long as its standard input is
open, so it ends with its owner, however that ends. It mounts a file system in memory at /run, in a
mount namespace of its own: the sockets of all boxes are there, and no file is left on a disk.

One line of JSON a message. Client: {"box": true}, then {"start": {...}}, then {"signal": 2} …
Zygote: {"box": n}, then {"pid": n}, then {"exit": code, "reason": "..."}; then a new start.
"""

import json
import os
import selectors
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from helpers.instructor.kernels import system
from helpers.instructor.kernels.box import Box, map_user
from helpers.instructor.kernels.cgroup import Groups, open_groups
from helpers.instructor.kernels.launch import run_keeper
from helpers.instructor.kernels.limits import Limits
from helpers.instructor.kernels.preload import preload

FOLDER = Path("/run")
SOCKET = FOLDER / "zygote"
_MESSAGE_BYTES = 1 << 20


@dataclass
class Client:
    """A connected client: its socket, the number of its box, and the keeper that now serves it."""

    connection: socket.socket
    box: int
    keeper: int = 0
    pending: bytes = b""

    @property
    def folder(self) -> Path:
        """The box's folder of sockets, a small file system in memory."""
        return FOLDER / f"box-{self.box}"


class Zygote:
    """Serves clients one event at a time; never a thread, since it forks."""

    def __init__(
        self,
        server: socket.socket,
        *,
        readable: list[str],
        hidden: list[str],
        groups: Groups | None = None,
    ) -> None:
        self.server, self.readable, self.hidden = server, tuple(readable), tuple(hidden)
        self.groups = groups
        self.selector = selectors.DefaultSelector()
        self.selector.register(server, selectors.EVENT_READ, self._accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._end)
        self.boxes = 0

    def serve(self) -> None:
        """Handles events until standard input closes."""
        while True:
            for key, _ in self.selector.select():
                key.data()

    def _end(self) -> None:
        if not os.read(0, 1):
            os._exit(0)  # the keepers, and with them the kernels, die with this process

    def _accept(self) -> None:
        connection, _ = self.server.accept()
        self.boxes += 1
        client = Client(connection, self.boxes)
        self._listen(client)

    def _listen(self, client: Client) -> None:
        handle = lambda: self._read(client)  # noqa: E731
        self.selector.register(client.connection, selectors.EVENT_READ, handle)

    def _read(self, client: Client) -> None:
        try:
            received = client.connection.recv(_MESSAGE_BYTES)
        except ConnectionError:
            received = b""
        if not received:
            self._forget(client)
            return
        client.pending += received
        while b"\n" in client.pending:
            line, client.pending = client.pending.split(b"\n", 1)
            self._answer(client, json.loads(line))

    def _answer(self, client: Client, message: dict[str, object]) -> None:
        if "box" in message:
            self._reply(client, {"box": client.box})
        elif "start" in message:
            self._start(client, message["start"])  # type: ignore[arg-type]

    def _reply(self, client: Client, message: dict[str, object]) -> None:
        client.connection.sendall(json.dumps(message).encode() + b"\n")

    def _start(self, client: Client, order: dict[str, object]) -> None:
        limits = Limits(**order["limits"])  # type: ignore[arg-type]
        self._make_folder(client, limits)
        box = Box(
            readable=self.readable,
            hidden=self.hidden,
            ipc=str(client.folder),
            connection=str(order["connection"]),
            limits=limits,
            group=str(self.groups.make(client.box, limits)) if self.groups else "",
        )
        self.selector.unregister(client.connection)
        child = os.fork()
        if child == 0:
            run_keeper(client.connection, box)
        client.keeper = child
        ended = os.pidfd_open(child)
        self.selector.register(ended, selectors.EVENT_READ, lambda: self._reap(client, ended))

    def _make_folder(self, client: Client, limits: Limits) -> None:
        if client.folder.exists():  # a restart: nothing of the last kernel stays
            system.unmount(str(client.folder))
        client.folder.mkdir(exist_ok=True)
        system.mount_tmpfs(
            str(client.folder), size=limits.ipc_bytes, files=limits.ipc_files, mode="755"
        )

    def _reap(self, client: Client, ended: int) -> None:
        self.selector.unregister(ended)
        os.close(ended)
        os.waitpid(client.keeper, 0)
        client.keeper = 0
        if self.groups:
            self.groups.remove(self.groups.base / f"box-{client.box}")
        self._listen(client)  # it may start another kernel, or leave

    def _forget(self, client: Client) -> None:
        self.selector.unregister(client.connection)
        client.connection.close()
        if client.folder.exists():
            system.unmount(str(client.folder))
            shutil.rmtree(client.folder)


def enter_private_run() -> None:
    """A mount namespace in which /run is this process's own. Raises OSError where not allowed."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        system.unshare(system.NEW_MOUNT)
    else:
        system.unshare(system.NEW_MOUNT | system.NEW_USER)
        map_user(user, group)
        system.stay_visible()
    system.mount(None, "/", None, system.RECURSIVE | system.PRIVATE)
    system.mount_tmpfs(str(FOLDER), size=4 << 20, files=4096, mode="755")


def main() -> None:
    """Reads {"readable": [...], "hidden": [...]} from standard input, then serves."""
    order = json.loads(sys.stdin.buffer.readline())
    enter_private_run()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(SOCKET))
    os.chmod(SOCKET, 0o600)
    server.listen(128)
    preload()
    zygote = Zygote(
        server, readable=order["readable"], hidden=order["hidden"], groups=open_groups()
    )
    print("ready", flush=True)
    zygote.serve()
