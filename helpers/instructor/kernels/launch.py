"""What the warm process does in a fork: the keeper of a box, and in it the kernel.

The keeper stays outside and watches; its child shuts itself in and becomes an IPython kernel.
"""

import json
import os
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path

from helpers.instructor.kernels import cgroup, keeper, system
from helpers.instructor.kernels.box import CONNECTION, Box, leave_namespaces, shut_in


def run_keeper(client: socket.socket, box: Box) -> None:
    """In the fork: becomes the keeper of a new kernel; never returns."""
    try:
        os.setsid()
        client.set_inheritable(False)
        connection = os.dup(client.fileno())
        os.dup2(connection, 3, inheritable=False)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(2):
            os.dup2(null, standard)
        os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        _keep(socket.socket(fileno=3), box)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _keep(connection: socket.socket, box: Box) -> None:
    try:
        user = leave_namespaces()
    except OSError as error:
        line = {"exit": 1, "reason": f"no box can be made here: {error}"}
        connection.sendall(json.dumps(line).encode() + b"\n")
        return
    system.die_with_parent()
    events = cgroup.watch(Path(box.group)) if box.group else None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _run_kernel(box, user, writer)
    os.close(writer)
    connection.sendall(json.dumps({"pid": child}).encode() + b"\n")
    excess = lambda: keeper.find_excess(box.limits, keeper.list_processes())  # noqa: E731

    def explain(code: int) -> str:
        if events is not None and cgroup.was_exceeded(events):
            return keeper.explain_memory(box.limits)
        return keeper.explain(code)

    keeper.keep(child, connection, excess, ready=reader, explain=explain)


def _run_kernel(box: Box, user: int, writer: int) -> None:
    """In the second fork: shuts itself in and becomes an IPython kernel; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if box.group:
            cgroup.join(Path(box.group))
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]  # the box has a lower limit
        shut_in(box, user, ready=lambda: _say_ready(writer))
        _close_files(most)
        _launch_kernel()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _close_files(most: int) -> None:
    """Nothing from outside stays open: not the owner's terminal, not the keeper's socket.

    Called when only failures of our own could have been told there, and no answer has run.
    """
    null = os.open(os.devnull, os.O_RDWR)  # the box's own
    for standard in range(3):
        os.dup2(null, standard)
    os.closerange(3, most)


def _say_ready(writer: int) -> None:
    os.write(writer, b"x")
    os.close(writer)


def reseed() -> None:
    """In a fork: random numbers of its own, or all kernels would draw what the first one draws."""
    import random

    import numpy as np
    import torch

    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.seed()


def _launch_kernel() -> None:
    from ipykernel.kernelapp import IPKernelApp

    reseed()
    sys.argv = ["ipykernel_launcher", "-f", CONNECTION]
    sys.path.insert(0, "")
    IPKernelApp.launch_instance(argv=["-f", CONNECTION, "--HistoryManager.enabled=False"])
