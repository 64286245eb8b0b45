"""JupyterLab as `make lab` starts it, and a Chromium that drives it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.running import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_TIMEOUT = 60  # seconds
TOKEN = "course"
EXPOSE_APP = "--LabApp.expose_app_in_browser=True"  # as window.jupyterapp: NotebookPage asks it
EXPLORABLE = ".jp-OutputArea-output .widget-vbox:has(> .widget-image)"  # a figure on the page
CHANGING = ("COURSE_", "JUPYTER", "MAKE", "MFLAGS", "STRICT_CHECKS", "NBGRADER", "MPLBACKEND")
WINDOW = {"width": 1400, "height": 1000}  # pixels
QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lab_command(folder: Path, *arguments: str) -> list[str]:
    """`make lab` for a folder of notebooks, without a browser."""
    passed_on = " ".join(["--no-browser", f"--IdentityProvider.token={TOKEN}", *arguments])
    return ["make", "--no-print-directory", "lab", f"LAB_DIR={folder}", f"LAB_ARGS={passed_on}"]


def lab_environment(home: Path) -> dict[str, str]:
    """This process's, with every place where Jupyter keeps things moved into home."""
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(CHANGING)}
    return (
        kept
        | {f"JUPYTER_{place}": str(home / place.lower()) for place in places}
        | {
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
            "COURSE_PROGRESS": str(home / "progress.json"),
            "OMP_NUM_THREADS": "1",
        }
    )


@contextlib.contextmanager
def start_lab(
    folder: Path, home: Path, *arguments: str, command: Sequence[str] | None = None
) -> Iterator[str]:
    """JupyterLab at folder, its state in home; yields its address, ends it afterwards.

    command: what starts it instead of `make lab`; the arguments and a port are added to it.
    """
    port = free_port()
    options = [f"--port={port}", "--ServerApp.port_retries=0", *arguments]
    log = home / "server.log"
    home.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, *options] if command else lab_command(folder, *options),
            cwd=ROOT,
            env=lab_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # make, its shell and Jupyter end together
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api/status?token={TOKEN}", server, log)
        yield address
    finally:
        _end(server)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while time.monotonic() < give_up and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


def _end(server: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def find_chromium() -> str:
    """The browser's path: CHROMIUM in the environment, or the first that is installed."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(
            "the browser tests need Chromium: sudo apt-get install chromium "
            "(or say where it is: CHROMIUM=/path/to/chromium)"
        )
    return found


def take_hold(page: Any, handle: Any, tries: int = 5) -> tuple[float, float]:
    """Press the mouse's button on a slider's handle; returns where the mouse is.

    On a busy machine the page at times moves, late, between the mouse's arrival and its press.
    Raises AssertionError when the handle is not held after so many tries, half a second apart.
    """
    for _ in range(tries):
        handle.hover()  # waits until it stands still and nothing lies over it
        box = handle.bounding_box()
        page.mouse.down()
        if handle.evaluate("e => e.classList.contains('noUi-active')"):
            return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.up()
        page.wait_for_timeout(500)
    raise AssertionError(f"{tries} presses of the mouse did not take hold of the slider's handle")


@contextlib.contextmanager
def start_browser() -> Iterator[Any]:
    """A playwright browser context with a laptop's window, at double pixel density."""
    from playwright.sync_api import sync_playwright

    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*QUIET, *root])
        yield browser.new_context(viewport=WINDOW, device_scale_factor=2)
        browser.close()


class NotebookPage:
    """One notebook open in JupyterLab.

    It takes over the page of a notebook before it that was closed: JupyterLab need not load again.
    """

    IDLE = """() => {
        const w = window.jupyterapp?.shell?.currentWidget, k = w?.sessionContext?.session?.kernel;
        return k?.status === 'idle' && w.content?.widgets?.length > 0 && w.content.widgets.every(
            c => c.model.type !== 'code' || c.model.executionState !== 'running');
    }"""
    EMPTY = """() => {  // but for the launcher, which comes when the last notebook goes
        const widget = window.jupyterapp?.shell?.currentWidget;
        return !widget || widget.id.startsWith('launcher');
    }"""
    DISMISS = """async () => {
        const notebook = window.jupyterapp.shell.currentWidget;
        await notebook.sessionContext.shutdown();
        notebook.dispose();
    }"""
    ABSENT = """() => {  // the first cell of which an output that is a widget is not on the page
        const view = 'application/vnd.jupyter.widget-view+json';
        const content = window.jupyterapp.shell.currentWidget.content;
        return content.widgets.findIndex(c => c.model.type === 'code' &&
            c.model.outputs.toJSON().filter(o => o.data?.[view]).length >
            c.node.querySelectorAll('.jp-OutputArea-output > .jupyter-widgets').length);
    }"""
    ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets
        .filter(c => c.model.type === 'code').flatMap((c, i) => c.model.outputs.toJSON()
        .filter(o => o.output_type === 'error' || o.name === 'stderr')
        .map(o => `code cell ${i}: ${o.ename ?? 'stderr'}: ${o.evalue ?? o.text}`))"""

    def __init__(self, context: Any, address: str, name: str) -> None:
        self.problems: list[str] = []  # what the page's own scripts raised
        self.page = self._take_over(context, address) or context.new_page()
        self.page.on("pageerror", self._note)
        if self.page.url.startswith(address):
            self.page.set_viewport_size(WINDOW)
            self.command("docmanager:open", path=name)
        else:
            self.page.goto(f"{address}/lab/tree/{name}?reset&token={TOKEN}")
        self.wait_idle()

    def _take_over(self, context: Any, address: str) -> Any:
        """The page of a JupyterLab at this address with nothing open; other pages are closed."""
        for page in context.pages:
            if page.url.startswith(address) and page.evaluate(self.EMPTY):
                return page
            page.close()  # of a test that failed
        return None

    def _note(self, error: Any) -> None:
        self.problems.append(str(error))

    def wait_idle(self, seconds: float = 120) -> None:
        self.page.wait_for_function(self.IDLE, timeout=1000 * seconds, polling=100)

    def command(self, name: str, **arguments: str) -> None:
        """Run one of JupyterLab's commands, such as notebook:run-all-cells."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")
        self.wait_idle(180)
        self.wait_rendered()

    def wait_rendered(self, seconds: float = 60) -> None:
        """Until all widgets are on the page. AssertionError names a cell without its own."""
        give_up = time.monotonic() + seconds
        while (cell := self.page.evaluate(self.ABSENT)) >= 0:
            told = f"the widget of cell {cell} is not on the page; {self.problems}"
            assert time.monotonic() < give_up, told
            self.page.wait_for_timeout(200)

    def errors(self) -> list[str]:
        found: list[str] = self.page.evaluate(self.ERRORS)
        return found

    def close(self) -> None:
        """End the kernel; nothing is saved. The page stays for the next notebook."""
        self.page.evaluate(self.DISMISS)
        self.page.remove_listener("pageerror", self._note)
