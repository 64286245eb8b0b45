"""Reading what is hidden, writing what is not theirs, and talking to the world."""

from tests.hostile.lab import Case, without

# What a case finds goes to its output; `hidden` words must not appear there. The words are put
# together at run time, so that the source itself does not contain them.
FIND_FILES = """
import os
found = []
for root in ("/home", "/root", "/srv", "/var", "/etc", "/tmp", "/run", "/work", "/proc/1/cwd"):
    for folder, folders, files in os.walk(root):
        if "site-packages" in folder or "/lib/python" in folder:
            folders.clear()
            continue
        for name in files:
            words = ("grade" + "book", "probe" + "-secret", "id_" + "rsa", "shadow", "oracle")
            if any(word in name for word in words):
                found.append(name)
import helpers
inside = os.listdir(os.path.join(os.path.dirname(helpers.__file__), "instructor"))
print("found:", found, "instructor's files:", inside)
"""
IMPORT_ORACLE = """
try:
    from helpers.instructor.exercises import load_lesson
    print("oracle:", "read" + "able")
except ImportError as error:
    print("no oracle")
"""
SEARCH_MEMORY = """
import gc, sys
names = sorted(m for m in sys.modules if "exercise" in m or "oracle" in m or "nbgrader" in m)
kinds = {(type(o).__module__, type(o).__name__) for o in gc.get_objects()}
kinds = {k for k in kinds if "instructor" in k[0] and k[1] in ("Exercise", "Lesson", "Written")}
print("modules:", names, "objects:", sorted(kinds))
"""
SEARCH_FRAMES = """
def he_std(fan_in):
    import sys, gc
    frame = sys._getframe()
    while frame is not None:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if name in ("expected", "oracle", "task", "tasks"):
                try:
                    return value(fan_in) if callable(value) else value[0]
                except Exception:
                    pass
        frame = frame.f_back
    for thing in gc.get_objects():
        if callable(thing) and getattr(thing, "__name__", "") == "_he_" + "std":
            return thing(fan_in)
    raise LookupError("nothing found")
"""
SEARCH_ENVIRONMENT = """
import os
wanted = ("SECRET", "TOKEN", "ZYGOTE", "NBGRADER")
words = [k for k in os.environ if any(w in k for w in wanted)]
try:
    with open("/proc/1/environ", "rb") as file:
        words += [x.decode() for x in file.read().split(b"\\0") if b"ZYGOTE" in x]
except OSError:
    pass
print("environment:", words)
"""
PARENT = """
import os
print("processes:", sorted(p for p in os.listdir("/proc") if p.isdigit()), "parent:", os.getppid())
reached = []
others = {p for p in os.listdir("/proc") if p.isdigit()} - {str(os.getpid())}
for pid in others | {str(os.getppid())}:
    for name in ("mem", "environ", "maps"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                file.read(10)
                reached.append(name)
        except OSError:
            pass
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print("reached:", reached, "ptrace:", libc.ptrace(16, 1, 0, 0))
"""
WRITE = """
import os, sqlite3
failed = 0
for path in {paths!r}:
    for target in (path, "/proc/1/root" + path):
        try:
            with open(target, "ab") as file:
                file.write(b"mine")
        except OSError:
            failed += 1
    try:
        sqlite3.connect(path).execute("update grade set manual_score = 100").connection.commit()
    except sqlite3.Error:
        failed += 1
import helpers
for path in (helpers.__file__, os.__file__, "/usr/bin/env", "/etc/passwd", "/new"):
    try:
        open(path, "ab").close()
        print("wro" + "te", path)
    except OSError:
        failed += 1
print("attempts done")
"""
NETWORK = """
import socket
reached = []
for address in (("127.0.0.1", {port}), ("1.1.1.1", 53), ("::1", {port})):
    kind = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        with socket.socket(kind) as s:
            s.settimeout(0.5)
            s.connect(address)
            reached.append(address)
    except OSError:
        pass
for name in ("\\0{abstract}", "/run/docker.sock", "/tmp/.X11-unix/X0"):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(name)
            reached.append(name)
    except OSError:
        pass
for kind in (17, 40, 38):  # packet, vsock, alg
    try:
        socket.socket(kind, socket.SOCK_RAW)
        reached.append(kind)
    except OSError:
        pass
print("reached:", reached)
"""
PRIVILEGES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
gained = [
    name for name, result in (
        ("unshare", libc.unshare(0x10000000)), ("umount", libc.umount2(b"/proc", 2)),
        ("mount", libc.mount(b"x", b"/tmp", b"tmpfs", 0, None)), ("setuid", libc.setuid(0)),
        ("chroot", libc.chroot(b"/tmp")), ("sethostname", libc.sethostname(b"x", 1)),
    ) if result == 0
]
caps = [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")]
print("gained:", gained, "capabilities:", set(caps), "root:", os.getuid() == 0)
"""

CASES = [
    Case(name="files of the instructor", about="not in the box", solved=True, first=FIND_FILES,
         earned=without(), shown=("found: [] instructor's files: []",)),
    Case(name="import of the oracle", about="not in the box", solved=True, first=IMPORT_ORACLE,
         earned=without(), shown=("no oracle",), hidden=("oracle: readable",)),
    Case(name="memory searched", about="no oracle was inherited", solved=True,
         first=SEARCH_MEMORY, earned=without(), shown=("modules: [] objects: []",)),
    Case(name="frames searched", about="the expected values are elsewhere",
         answers={"1": SEARCH_FRAMES}),
    Case(name="environment searched", about="nothing in it", solved=True,
         first=SEARCH_ENVIRONMENT, earned=without(), shown=("environment: []",)),
    Case(name="parent process", about="not visible", solved=True, first=PARENT,
         earned=without(), shown=("reached: []", "parent: 0"), hidden=("ptrace: 0",)),
    Case(name="privileges", about="none to be gained", solved=True, first=PRIVILEGES,
         earned=without(), shown=("gained: []", "{'0000000000000000'}", "root: False")),
]  # fmt: skip
