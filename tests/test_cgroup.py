"""The memory limit of a whole box as a cgroup: what is read and written, and when it is left alone.

The files are plain ones here, since few machines let a test divide a cgroup; that the watcher
bounds a box without any is in tests/test_hostile.py and tests/test_boxes.py.
"""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from helpers.instructor.kernels import cgroup, keeper, warm
from helpers.instructor.kernels.limits import Limits

MOUNT = "30 23 0:26 {shown} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
ONLY_ONE = "31 23 0:27 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
SYSTEMD_RUN = """#!/bin/sh
echo "$@" > {log}
while [ "$1" != -- ]; do shift; done
shift
{end}
"""


def make_proc(folder: Path, *, mounts: str, own: str = "0::/user/app\n") -> Path:
    """A process's folder of /proc, as far as it is read."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(own)
    (proc / "mountinfo").write_text(mounts)
    return proc


def make_home(folder: Path, controllers: str, processes: list[int]) -> Path:
    """The folder of a cgroup."""
    home = folder / "fs" / "user" / "app"
    home.mkdir(parents=True)
    (home / "cgroup.controllers").write_text(controllers)
    (home / "cgroup.procs").write_text("".join(f"{p}\n" for p in processes))
    (home / "cgroup.subtree_control").write_text("")
    return home


def test_boxes_get_a_cgroup_each(tmp_path: Path) -> None:
    home = make_home(tmp_path, "cpu memory pids\n", [os.getpid()])
    proc = make_proc(tmp_path, mounts=ONLY_ONE + MOUNT.format(shown="/", point=tmp_path / "fs"))
    groups = cgroup.open_groups(proc)
    assert groups is not None
    assert groups.base == home / f"boxes-{os.getpid()}"
    assert (home / "warm" / "cgroup.procs").read_text() == "0"  # out of the way: itself
    for divided in (home, groups.base):
        assert (divided / "cgroup.subtree_control").read_text() == "+memory"
    group = groups.make(7, Limits(memory=300 << 20))
    written = {path.name: path.read_text() for path in group.iterdir()}
    assert written == {
        "memory.max": str(300 << 20), "memory.oom.group": "1", "memory.swap.max": "0",
    }  # fmt: skip
    cgroup.join(group)
    assert (group / "cgroup.procs").read_text() == "0"


def test_a_removed_cgroup_is_gone(tmp_path: Path) -> None:
    groups = cgroup.Groups(tmp_path)
    (tmp_path / "box-1").mkdir()
    groups.remove(tmp_path / "box-1")
    assert not (tmp_path / "box-1").exists()
    groups.remove(tmp_path / "box-1")  # it was not there


@pytest.mark.parametrize("controllers", ["hugetlb\n", "\n"])
def test_without_the_memory_controller(controllers: str, tmp_path: Path) -> None:
    """As where version 1 has it."""
    make_home(tmp_path, controllers, [os.getpid()])
    mounts = ONLY_ONE + MOUNT.format(shown="/", point=tmp_path / "fs")
    assert cgroup.open_groups(make_proc(tmp_path, mounts=mounts)) is None


@pytest.mark.parametrize(
    ("mounts", "own"),
    [(ONLY_ONE, "4:memory:/x\n"), (MOUNT.format(shown="/", point="/nowhere"), "0::/x\n")],
)
def test_without_version_two(mounts: str, own: str, tmp_path: Path) -> None:
    assert cgroup.open_groups(make_proc(tmp_path, mounts=mounts, own=own)) is None


def test_a_cgroup_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Its control file cannot be written to (here it is none): nothing is moved, nothing made."""
    home = make_home(tmp_path, "memory\n", [1, os.getpid()])
    (home / "cgroup.subtree_control").unlink()
    (home / "cgroup.subtree_control").mkdir()
    mounts = MOUNT.format(shown="/", point=tmp_path / "fs")
    before = sorted(home.iterdir())
    assert cgroup.open_groups(make_proc(tmp_path, mounts=mounts)) is None
    assert sorted(home.iterdir()) == before


def test_a_mount_that_shows_a_part_only(tmp_path: Path) -> None:
    """As in a container: what is mounted begins at the container's own cgroup."""
    home = make_home(tmp_path, "memory\n", [])
    mounts = MOUNT.format(shown="/docker/abc", point=home.parents[1])
    proc = make_proc(tmp_path, mounts=mounts, own="0::/docker/abc/user/app\n")
    found = cgroup.find_home(proc)
    assert found is not None
    assert found.resolve() == home.resolve()


@pytest.mark.parametrize(("kills", "exceeded"), [(0, False), (3, True)])
def test_the_end_by_memory_is_seen(kills: int, exceeded: bool, tmp_path: Path) -> None:
    text = f"low 0\nhigh 0\nmax 12\noom 2\noom_kill {kills}\noom_group_kill 1\n"
    (tmp_path / "memory.events").write_text(text)
    events = cgroup.watch(tmp_path)
    assert cgroup.was_exceeded(events) == exceeded
    os.close(events)


def test_the_keeper_tells_why() -> None:
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    client, theirs = socket.socketpair()
    ready, writer = os.pipe()
    with client, theirs:
        told = keeper.keep(
            child, theirs, lambda: "", ready=ready,
            explain=lambda code: keeper.explain_memory(Limits(memory=5 << 20)),
        )  # fmt: skip
        message = json.loads(client.recv(4096))
    os.close(ready)
    os.close(writer)
    assert told == -signal.SIGKILL
    assert message["reason"] == "it used more than 5 MB of memory"
    assert keeper.explain(-signal.SIGKILL) == "it was ended by SIGKILL"


@pytest.mark.parametrize("works", [True, False])
def test_a_scope_of_systemd(works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    program = tmp_path / "systemd-run"
    program.write_text(SYSTEMD_RUN.format(log=log, end='exec "$@"' if works else "exit 1"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    monkeypatch.setattr(warm, "_BOOTED", tmp_path)
    command = warm.scope_command()
    assert bool(command) == works
    assert "--property=Delegate=yes" in log.read_text()
    assert ("--user" in log.read_text()) == (os.getuid() != 0)
    assert "XDG_RUNTIME_DIR" not in " ".join(command)  # no kernel is to read it


def test_no_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_BOOTED", tmp_path / "nowhere")
    assert warm.scope_command() == []
