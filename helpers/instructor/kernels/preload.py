"""What the warm process imports once, so that no kernel has to.

A region of OpenMP, a `backward()` or any thread before the fork would hang the children: modules
are imported here, and nothing is computed.
"""

import gc
import io
import json
import os
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

MODULES = (
    "numpy", "torch", "torch.optim", "matplotlib", "matplotlib.pyplot", "ipywidgets", "sklearn",
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.subshell_manager",
    "ipykernel.shellchannel", "IPython.core.completer", "jupyter_client.session", "zmq.asyncio",
    "helpers", "helpers.data", "helpers.nets", "helpers.plots", "helpers.judging", "helpers.values",
)  # fmt: skip


def preload(modules: Sequence[str] = MODULES) -> None:
    """Imports what lessons use. Raises RuntimeError when that started a thread."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for name in modules:
        import_module(name)
    _warm_optimizer()
    _warm_figure()
    _import_what_a_kernel_imports()
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"{threads} threads run before the first fork; kernels would hang")
    gc.collect()
    gc.freeze()  # the collector of a child writes to no page of these objects


def _warm_optimizer() -> None:
    """The first optimizer imports torch._dynamo, for a second."""
    import torch

    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def _warm_figure() -> None:
    """The first figure reads the fonts. No pyplot: its state would be inherited."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    FigureCanvasAgg(figure)
    figure.add_subplot().set_title("x")
    figure.savefig(io.BytesIO())


def _import_what_a_kernel_imports() -> None:
    """Starts a throw-away kernel in a fork, and imports here the modules that it came to need."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _report_modules(writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        names = json.loads(stream.read() or "[]")
    os.waitpid(child, 0)
    for name in names:
        # this one looks for an IPython shell when it is imported, and there is none yet
        if "backend_inline" not in name and not name.startswith("__"):
            _try_import(name)


def _try_import(name: str) -> None:
    try:
        import_module(name)
    except Exception:  # some need a running kernel; it imports them itself
        return


def _report_modules(writer: int) -> None:
    import sys

    from ipykernel.kernelapp import IPKernelApp

    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    before = set(sys.modules)
    with tempfile.TemporaryDirectory() as folder:
        app = IPKernelApp.instance()
        app.initialize(["-f", str(Path(folder) / "k.json"), "--HistoryManager.enabled=False"])
        os.write(writer, json.dumps(sorted(set(sys.modules) - before)).encode())
