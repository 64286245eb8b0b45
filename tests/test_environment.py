"""The two commands: `make lab` opens the course with its settings, or says clearly why not."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket  # of the package websocket-client, which Jupyter brings

from tests.lab import TOKEN, free_port, lab_command, lab_environment, start_lab
from tests.running import ROOT

PROBE = "--ServerApp.jpserver_extensions=tests.websocket_probe=True"
TOOLS = ("make", "sh", "cat", "cksum", "sed", "dirname", "basename", "rm", "tail", "awk")


def ask(url: str, *, method: str = "GET") -> Any:
    request = urllib.request.Request(
        url, method=method, headers={"Authorization": f"token {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def ask_defaults(address: str, plugin: str) -> dict[str, Any]:
    """What a JupyterLab plugin's settings are until a user changes them, by name."""
    settings = {s["id"]: s for s in ask(f"{address}/lab/api/settings")["settings"]}
    properties = settings[plugin]["schema"]["properties"]
    return {name: told.get("default") for name, told in properties.items()}


def ask_websocket(address: str) -> dict[str, float]:
    """How the websocket of a kernel is set that is started and connected to."""
    kernel = ask(f"{address}/api/kernels", method="POST")["id"]
    url = f"{address.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
    client = websocket.create_connection(url, header=[f"Authorization: token {TOKEN}"], timeout=30)
    try:
        client.recv()  # the kernel's first message: the connection is made
        (answer,) = ask(f"{address}/course/websockets")
        return dict(answer)
    finally:
        client.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("lab")
    with start_lab(folder, folder / "home", PROBE) as address:
        yield address


@pytest.fixture(scope="module")
def connection(lab: str) -> dict[str, float]:
    return ask_websocket(lab)


def test_make_lab_serves(lab: str) -> None:
    assert ask(f"{lab}/api/status")["started"]


def test_widget_state_is_saved_and_no_news_are_fetched(lab: str) -> None:
    widgets = ask_defaults(lab, "@jupyter-widgets/jupyterlab-manager:plugin")
    news = ask_defaults(lab, "@jupyterlab/apputils-extension:notification")
    assert widgets["saveState"] is True
    assert news["fetchNews"] == "false"
    assert news["checkForUpdates"] is False


def test_figures_are_drawn_in_the_main_thread(lab: str) -> None:
    """Matplotlib is not safe in two threads, and a subshell is a thread."""
    kernels = ask_defaults(lab, "@jupyterlab/apputils-extension:kernels-settings")
    assert kernels["commsOverSubshells"] == "disabled"


def test_all_cells_are_on_the_page(lab: str) -> None:
    """Cells that come one by one, while the browser is idle, move what is being read or dragged."""
    assert ask_defaults(lab, "@jupyterlab/notebook-extension:tracker")["windowingMode"] == "none"


def test_kernel_messages_are_sent_at_once(connection: dict[str, float]) -> None:
    assert connection["nodelay"] == 1


def test_a_kernel_stays_connected(connection: dict[str, float]) -> None:
    """A websocket that may not miss one ping is closed at the first look, before any answer.

    A figure then stood still for three seconds, and words of the kernel were lost.
    """
    assert connection["pings"] >= 2


def test_plain_jupyter_lab_works_without_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line for those who have no make; it also shows that TCP_NODELAY comes from ours."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the probe
    line = [sys.executable, "-m", "jupyter", "lab", "notebooks", "--no-browser", PROBE]
    options = [f"--IdentityProvider.token={TOKEN}", *(["--allow-root"] * (os.geteuid() == 0))]
    with start_lab(tmp_path, tmp_path / "home", *options, command=line) as address:
        names = [f["name"] for f in ask(f"{address}/api/contents")["content"]]
        assert "source" in names
        assert ask_websocket(address)["nodelay"] == 0


def test_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            lab_command(tmp_path, f"--port={port}", "--ServerApp.port_retries=0"),
            cwd=ROOT,
            env=lab_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert_says(done, f"port {port} is not available")


# What follows happens in a copy of the files that `make lab` needs, without a .venv.


def copy_bare(place: Path) -> Path:
    """The course as it is before the first `make lab`, needing nothing that must be downloaded."""
    copy = place / "the course"  # with a space, as in many a home folder
    (copy / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", copy)
    shutil.copy(ROOT / ".ci" / "env", copy / ".ci")
    (copy / "pyproject.toml").write_text("[tool.ruff]\n")
    (copy / "requirements.txt").write_text("# nothing\n")
    (copy / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return copy


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    return copy_bare(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course after `make env`. Making a .venv takes seconds: tests share it, or copy it."""
    copy = copy_bare(tmp_path_factory.mktemp("made"))
    assert make(copy, "env", f"PYTHON={sys.executable}").returncode == 0
    return copy


def make(copy: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=copy, env=kept | environment,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip


def offline() -> dict[str, str]:
    """An environment in which pip finds nothing: an index that nobody serves."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple",
        "PIP_RETRIES": "0",
    }


def fake_python(folder: Path, body: str) -> Path:
    program = folder / "fake-python"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


def assert_says(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    """It failed, said the sentence, and showed no traceback."""
    assert done.returncode != 0
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_make_alone_lists_the_targets(bare: Path) -> None:
    done = make(bare)
    assert done.returncode == 0
    for target in ("lab", "env", "test", "build", "seeds", "site", "lint", "clean"):
        assert f"make {target} " in done.stdout
    assert not (bare / ".venv").exists()


def test_old_python_is_said(bare: Path) -> None:
    old = fake_python(bare, '[ "$1" = --version ] && echo Python 3.9.2 && exit 0; exit 1')
    done = make(bare, "lab", f"PYTHON={old}")
    assert_says(done, f"needs Python 3.11 or newer. {old} is Python 3.9.2.")
    assert not (bare / ".venv").exists()


def test_missing_python_is_said(bare: Path) -> None:
    tools = bare / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name) or name)
    done = make(bare, "lab", PATH=str(tools))
    assert_says(done, "needs Python 3.11 or newer. Of python3.13 python3.12 python3.11 python3")
    done = make(bare, "lab", f"PYTHON={bare}/nowhere")
    assert_says(done, f"Of {bare}/nowhere none is here or runs.")
    assert not (bare / ".venv").exists()


def test_missing_venv_module_is_said_and_nothing_is_left(bare: Path) -> None:
    half = fake_python(bare, '[ "$2" != venv ] && exit 0; mkdir .venv; echo no ensurepip; exit 1')
    done = make(bare, "lab", f"PYTHON={half}")
    assert_says(done, "cannot make a virtual environment: no ensurepip")
    assert "apt-get install python3-venv" in done.stderr
    assert not (bare / ".venv").exists()


def test_broken_network_is_said_and_the_next_run_works(bare: Path) -> None:
    (bare / "requirements.txt").write_text("numpy==2.4.6\n")
    nowhere = offline()
    for _ in range(2):  # the second finds the .venv of the first
        done = make(bare, "lab", f"PYTHON={sys.executable}", **nowhere)
        assert_says(done, "Could not install requirements.txt")
        assert "run the same command again" in done.stderr
    (bare / "requirements.txt").write_text("# nothing\n")
    assert make(bare, "learner").returncode == 0


def test_nothing_is_installed_twice(made: Path) -> None:
    for target in ("env", "learner"):  # the instructor's environment is enough for a learner
        again = make(made, target, **offline())
        assert (again.returncode, again.stdout) == (0, "")


def test_changed_requirements_and_a_moved_folder_are_installed_again(
    made: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(made, tmp_path / "moved", symlinks=True)
    assert "Installing requirements.txt" in make(moved, "learner").stdout
    (moved / "pyproject.toml").write_text("[project]\n[tool.ruff]\n")
    assert "Installing requirements.txt" in make(moved, "learner").stdout
    (moved / "pyproject.toml").write_text("[project]\n[tool.ruff]\nline-length = 99\n")
    assert make(moved, "learner").stdout == ""  # no matter for an installation
    (moved / "requirements.txt").write_text("numpy==2.4.6\n")
    assert_says(make(moved, "learner", **offline()), "Could not install requirements.txt")


def test_half_made_environment_is_made_again(bare: Path) -> None:
    (bare / ".venv" / "bin").mkdir(parents=True)
    (bare / ".venv" / "pyvenv.cfg").write_text("")
    assert make(bare, "learner", f"PYTHON={sys.executable}").returncode == 0
    assert (bare / ".venv" / "bin" / "python").exists()


def test_a_file_named_venv_is_left_alone(bare: Path) -> None:
    (bare / ".venv").write_text("mine")
    assert_says(make(bare, "lab", f"PYTHON={sys.executable}"), "is not a virtual environment")
    assert (bare / ".venv").read_text() == "mine"
