"""What jupyter_client calls to start a boxed kernel: `warm-box` (forked) and `bwrap-box` (cold).

A kernelspec names its provisioner; see specs/. Limits may be set there:
`"metadata": {"kernel_provisioner": {"provisioner_name": "warm-box", "config": {"memory_mb": 512}}}`
"""

import asyncio
import json
import select
import signal
import socket
import subprocess
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Int, Unicode

from helpers.instructor.kernels.box import IPC
from helpers.instructor.kernels.bwrap import LINK, make_ipc_folder, start_guard
from helpers.instructor.kernels.limits import Limits
from helpers.instructor.kernels.warm import NoBox, zygote_address

_START_SECONDS = 30


class BoxProvisioner(LocalProvisioner):
    """What both kinds of box share: limits from the kernelspec, and the reason of the end."""

    memory_mb = Int(Limits.memory >> 20, help="memory of the whole box, MB").tag(config=True)
    cpu_seconds = Int(Limits.cpu_seconds, help="processor seconds a process").tag(config=True)
    processes = Int(Limits.processes, help="processes and threads").tag(config=True)
    reason = Unicode("", help="why the kernel ended, in words")

    @property
    def limits(self) -> Limits:
        """The limits of this kernel's box."""
        return replace(
            Limits(),
            memory=self.memory_mb << 20,
            cpu_seconds=self.cpu_seconds,
            processes=self.processes,
        )

    def use_sockets(self, folder: str) -> None:
        """The kernel's channels are Unix sockets in this folder; there is no network."""
        manager = self.parent
        manager.transport, manager.cache_ports = "ipc", False
        manager.ip = f"{folder}/k"
        for number, channel in enumerate(("shell", "iopub", "stdin", "hb", "control"), start=1):
            setattr(manager, f"{channel}_port", number)

    def boxed_connection(self) -> str:
        """The connection file as the kernel sees it."""
        info: dict[str, Any] = dict(self.connection_info)
        info |= {"ip": f"{IPC}/k", "key": info["key"].decode()}
        return json.dumps(info)

    connection: socket.socket | None = None
    _pending = b""
    _exit: int | None = None

    async def open_box(self) -> None:
        """Connects to what will keep the box, and calls `use_sockets`."""
        raise NotImplementedError

    def order(self) -> dict[str, Any]:
        """What the keeper needs to know to start the kernel."""
        return {"connection": self.boxed_connection(), "limits": asdict(self.limits)}

    @property
    def has_process(self) -> bool:
        return self.connection is not None and self._exit is None and bool(self.pid)

    async def pre_launch(self, **arguments: Any) -> dict[str, Any]:
        if self.connection is None:
            await self.open_box()
        return await super().pre_launch(**arguments)

    async def launch_kernel(self, cmd: list[str], **arguments: Any) -> Any:
        self._exit, self.reason = None, ""
        self._say({"start": self.order()})
        answer = await asyncio.to_thread(self._hear)
        if "pid" not in answer:
            raise NoBox(answer["reason"])
        self.pid = answer["pid"]
        return self.connection_info

    async def poll(self) -> int | None:
        if self.connection is None or not self.pid:
            return 0
        if self._exit is None and select.select([self.connection], [], [], 0)[0]:
            self._note_end(self._hear())
        return self._exit

    async def wait(self) -> int | None:
        while await self.poll() is None:
            await asyncio.sleep(0.005)
        return self._exit

    async def send_signal(self, signum: int) -> None:
        if await self.poll() is None:
            self._say({"signal": int(signum)})

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """The first process of a box ignores SIGTERM, and has nothing to save."""
        await self.kill(restart=restart)

    async def cleanup(self, restart: bool = False) -> None:
        if self.connection is not None and not restart:
            self.connection.close()
            self.connection = None

    def _note_end(self, message: dict[str, Any]) -> None:
        self._exit, self.reason = message.get("exit", -9), message.get("reason", "")

    def _say(self, message: dict[str, Any]) -> None:
        assert self.connection
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except ConnectionError as error:
            raise NoBox("the keeper of the box has ended") from error

    def _hear(self) -> dict[str, Any]:
        """The next line of the keeper; an end when it is gone."""
        assert self.connection
        self.connection.settimeout(_START_SECONDS)
        while b"\n" not in self._pending:
            received = self.connection.recv(4096)
            if not received:
                return {"exit": -9, "reason": "the keeper of the box has ended"}
            self._pending += received
        line, self._pending = self._pending.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message


class WarmBoxProvisioner(BoxProvisioner):
    """Asks the warm process to fork a kernel into a box."""

    async def open_box(self) -> None:
        address = await asyncio.to_thread(zygote_address)
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(address)
        self._say({"box": True})
        number = (await asyncio.to_thread(self._hear))["box"]
        self.use_sockets(str(Path(address).with_name(f"box-{number}")))


class BwrapBoxProvisioner(BoxProvisioner):
    """Starts an ordinary kernel inside bubblewrap: seconds slower, where forking is not allowed."""

    guard: subprocess.Popen[bytes] | None = None

    async def open_box(self) -> None:
        folder = make_ipc_folder()
        self.connection, theirs = socket.socketpair()
        with theirs:
            self.guard = start_guard(theirs, folder)
        self.use_sockets(f"{folder}/{LINK}")

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart=restart)
        if self.guard and not restart:  # it ends when the connection closes
            await asyncio.to_thread(self.guard.wait, _START_SECONDS)
            self.guard = None
