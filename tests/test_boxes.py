"""Boxes: which one a machine can make, what it shows, what it holds, and how it ends.

What hostile answers do in a warm box is in tests/test_hostile.py.
"""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
import time
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from jupyter_client.manager import AsyncKernelManager

from helpers.instructor.contain import Blown, run_contained
from helpers.instructor.kernels import bwrap, choose, keeper, seccomp
from helpers.instructor.kernels.limits import Limits
from helpers.instructor.kernels.warm import NoBox
from helpers.instructor.session import Ended, Session
from tests.hostile.resources import MANY_SMALL_BOMBS


def test_no_box_no_grading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(NoBox, match=r"boxes need Linux; this is Darwin(.|\n)*--trust-submissions"):
        choose.choose_box()
    assert choose.choose_box(trust=True) == choose.OPEN


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(NoBox, match="x86_64 and aarch64; this machine is riscv64"):
        choose.choose_box()
    with pytest.raises(ValueError, match="this machine is riscv64"):
        seccomp.compile_filter()


def test_bubblewrap_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "apt install bubblewrap" in choose.why_not_bwrap()


def test_the_filter_of_each_machine() -> None:
    """Every number that is known is in the program, and the programs differ."""
    programs = {m: seccomp.compile_filter(m) for m in seccomp.ARCHITECTURES}
    assert len(set(programs.values())) == 2
    for machine, (_, column) in seccomp.ARCHITECTURES.items():
        words = {programs[machine][i + 4 : i + 8] for i in range(0, len(programs[machine]), 8)}
        for name, numbers in seccomp.DENIED.items():
            number = numbers[column]
            if number is not None:
                assert number.to_bytes(4, "little") in words, (machine, name)


@pytest.mark.parametrize("kernel", [choose.WARM, choose.BWRAP])
def test_a_boxed_kernel_interrupts_and_restarts(kernel: str, tmp_path: Path) -> None:
    reason = choose.why_not_warm() if kernel == choose.WARM else choose.why_not_bwrap()
    assert reason == "", f"{kernel} does not work here: {reason}"
    assert asyncio.run(_interrupt_and_restart(kernel)) == ["KeyboardInterrupt", "NameError", "ok"]


async def _interrupt_and_restart(kernel: str) -> list[str]:
    manager = AsyncKernelManager(kernel_name=kernel, kernel_spec_manager=choose.kernel_specs())
    await manager.start_kernel()
    client = manager.client()
    client.start_channels(hb=False)
    ends = []
    try:
        await client.wait_for_ready(timeout=60)
        loop = asyncio.ensure_future(
            client.execute_interactive("x = 1\nwhile True: pass", output_hook=lambda m: None)
        )
        await asyncio.sleep(1)
        await manager.interrupt_kernel()
        ends.append((await asyncio.wait_for(loop, 20))["content"]["ename"])
        started = time.monotonic()
        await manager.restart_kernel(now=True)
        await client.wait_for_ready(timeout=60)
        assert time.monotonic() - started < 30
        for code in ("x", "2 + 2"):
            reply = await client.execute_interactive(code, output_hook=lambda m: None, timeout=20)
            ends.append(reply["content"].get("ename", reply["content"]["status"]))
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    return ends


def test_the_files_of_the_machine_are_not_those_of_a_box() -> None:
    """The guard may look before bubblewrap has made the box; it then sees the machine's /tmp."""
    limits = replace(Limits(), scratch_files=0)
    assert bwrap._find_full("/proc/self/root", limits) == ""


LIST_FILES = """
import os, sys
sys.stderr = sys.stdout  # the file behind stderr stays the terminal
from helpers.instructor.session import Session
with Session(sys.argv[1], seconds=30, total=60) as session:
    result = session.run(
        "import os, stat\\n"
        "for n in os.listdir('/proc/self/fd'):\\n"
        "    try:\\n"
        "        print(n, os.isatty(int(n)), os.readlink(f'/proc/self/fd/{n}'))\\n"
        "    except OSError:\\n"
        "        pass"
    )
os.write(1, result.outputs[0]["text"].encode())
"""


@pytest.mark.parametrize("kernel", [choose.WARM, choose.BWRAP])
def test_no_file_of_the_owner_is_open_in_a_box(kernel: str) -> None:
    """The owner works at a terminal; an answer must neither write to it nor read from it."""
    controller, terminal = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "COURSE_ZYGOTE"}
    done = subprocess.run(
        [sys.executable, "-c", LIST_FILES, kernel], stdin=terminal, stderr=terminal,
        stdout=subprocess.PIPE, env=environment, text=True, timeout=120, check=False,
    )  # fmt: skip
    os.close(terminal)
    os.close(controller)
    assert done.returncode == 0, done.stdout
    opened = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert len(opened) > 3
    assert [line for line in opened if line[1] != "False"] == []
    paths = {path for _, _, path in opened if path.startswith("/")}
    assert paths == {"/dev/null"}


AS_NOBODY = """
mount --make-rprivate / && mkdir -p {hold} && mount --bind {base} {hold}
case {base} in /root/*) mount -t tmpfs -o mode=755 tmpfs /root && mkdir -p {base} &&
    mount --bind {hold} {base};; esac
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
    env HOME=/tmp OMP_NUM_THREADS=1 {python} -c '{code}'
"""
RUN_ONE_CELL = """
import os
from helpers.instructor.session import Session
with Session("{kernel}", seconds=30, total=90) as session:
    result = session.run("import os, torch; print(os.getuid(), os.getpid(), os.listdir(os.sep))")
print(os.getuid(), result.outputs[0]["text"])
"""


@pytest.mark.parametrize("kernel", [choose.WARM, choose.BWRAP])
def test_a_normal_user_has_boxes_too(kernel: str) -> None:
    """Root runs this as nobody, with no privilege; anybody else is a normal user already."""
    code = RUN_ONE_CELL.format(kernel=kernel)
    if os.getuid() == 0:
        script = AS_NOBODY.format(
            hold="/mnt/python", base=sys.base_prefix, python=sys.executable,
            code=code.replace("'", '"'),
        )  # fmt: skip
        command = ["unshare", "-m", "sh", "-ec", script]
    else:
        command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    user, inside, first, *root = done.stdout.split(maxsplit=3)
    assert user != "0"
    assert inside == user
    assert int(first) < 3  # bubblewrap itself is the first process of its box
    assert "home" not in root[0]


FILL = """
def fill(folder):
    written = 0
    try:
        for number in range(8):
            with open(f"{folder}/fill-{number}", "wb", buffering=0) as file:
                for _ in range(256):
                    written += file.write(bytes(65536))
    except OSError:
        pass
    return written
print([fill(folder) for folder in FOLDERS])
"""
MANY_FILES = """
import time
for number in range(100):
    open(f"/run/ipc/file-{number}", "wb").close()
time.sleep(20)
"""


def test_the_fallback_box_holds() -> None:
    """Bubblewrap's own folders are read-only, all others have a size, and memory is counted."""
    with Session(choose.BWRAP, seconds=60, total=300) as session:
        host = Path(session.manager.get_connection_info()["ip"]).parents[1]
        assert [path.name for path in host.iterdir()] == ["ipc"]
        closed = "['/', '/run', '/dev', '/etc', '/usr', '/proc', '/dev/pts']"
        assert _told(session, FILL.replace("FOLDERS", closed)) == str([0] * 7)
        sizes = _told(session, FILL.replace("FOLDERS", "['/run/ipc', '/tmp', '/dev/shm']"))
        limits = Limits()
        most = [limits.ipc_bytes, limits.scratch_bytes, limits.scratch_bytes]
        assert eval(sizes) == pytest.approx(most, rel=0.05)
        assert os.path.islink(host / "ipc")  # nothing of it is on the host's disk
        with pytest.raises(Ended, match="more than 32 files in /run/ipc"):
            session.run(MANY_FILES)
    assert not host.exists()


def test_a_kernel_that_left_between_two_cells_is_not_waited_for() -> None:
    """No cell is left that could be asked to stop: a request would wait for its reader for ever."""
    leave = "import os, threading; threading.Timer(0.1, os._exit, [3]).start()"
    with Session(choose.choose_box(), seconds=60, total=300) as session:
        session.run(leave)
        time.sleep(1)
        with pytest.raises(Ended, match="it ended Python with exit code 3"):
            session.run("print(1)")


def test_a_request_that_nobody_reads_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(choose.choose_box(), seconds=60, total=300) as session:
        assert session.context.getsockopt(zmq.SNDTIMEO) == 5000

        def execute(*_: object, **__: object) -> str:
            raise zmq.Again

        monkeypatch.setattr(session.client, "execute", execute)
        with pytest.raises(Ended, match="it closed its sockets"):
            session.run("print(1)")


def test_the_fallback_box_counts_all_its_memory() -> None:
    with (
        Session(choose.BWRAP, seconds=60, total=300) as session,
        pytest.raises(Ended, match="more than 1536 MB of memory"),
    ):
        session.run(MANY_SMALL_BOMBS)


def _told(session: Session, code: str) -> str:
    return "".join(o.get("text", "") for o in session.run(code).outputs).strip()


def test_the_keeper_counts_the_whole_box(tmp_path: Path) -> None:
    """Pages that processes share are counted once; limits are on the sum."""
    page = os.sysconf("SC_PAGE_SIZE")
    for pid in ("11", "12", "13"):
        (tmp_path / pid / "net").mkdir(parents=True)
        (tmp_path / pid / "statm").write_text(f"9999 {(600 << 20) // page} 5 1 0 9 0\n")
        (tmp_path / pid / "smaps_rollup").write_text(f"Rss: 1 kB\nPss:  {200 << 10} kB\n")
        (tmp_path / pid / "net" / "sockstat").write_text("sockets: used 12\nTCP: inuse 0\n")
    processes = keeper.list_processes(tmp_path)
    assert len(processes) == 3
    assert keeper.find_excess(Limits(memory=700 << 20), processes) == ""
    assert "500 MB of memory" in keeper.find_excess(Limits(memory=500 << 20), processes)
    assert "2 processes" in keeper.find_excess(Limits(processes=2), processes)
    assert "11 sockets" in keeper.find_excess(Limits(sockets=11), processes)
    (tmp_path / "11" / "smaps_rollup").unlink()  # hidden from us: all of it is charged
    assert "950 MB" in keeper.find_excess(Limits(memory=950 << 20), processes)


def test_a_contained_function_has_no_context_of_the_parent() -> None:
    """Jupyter keeps its event loop there; the parent's would not run in the child."""
    kept = ContextVar("kept", default="nothing")
    kept.set("the parent's")
    assert run_contained(kept.get, seconds=10) == "nothing"


def test_the_fuse() -> None:
    assert run_contained(lambda: {"x": [1.5]}, seconds=10) == {"x": [1.5]}
    with pytest.raises(Blown, match=r"its reader ended \(SIGKILL\)"):
        run_contained(lambda: os.kill(os.getpid(), 9), seconds=10)
    with pytest.raises(Blown, match="not done after"):
        run_contained(lambda: time.sleep(60), seconds=0.2)
