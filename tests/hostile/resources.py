"""Time, memory, processes, exits: what must be contained, with the rest of the answers judged."""

from tests.hostile.lab import QUICK, Case, without

IGNORE_SIGNALS = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
"""
SWALLOW_INTERRUPTS = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
MANY_SMALL_BOMBS = """
import os, time
for _ in range(8):  # each below the limit of a process, together above that of the box
    if os.fork() == 0:
        ballast = bytearray(400 << 20)
        for i in range(0, len(ballast), 4096):
            ballast[i] = 1
        time.sleep(30)
        os._exit(0)
time.sleep(30)
"""
ONE_BOMB = """
ballast = []
while True:
    ballast.append(bytearray(64 << 20))
"""
FORK_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
DAEMONS = """
import os, time
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import signal
            for number in range(1, 32):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            time.sleep(600)
        os._exit(0)
"""
THREADS = """
import threading, time
started = 0
try:
    for _ in range(5000):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print("threads:", "bounded" if started < 100 else started)
time.sleep(1.5)
"""
FILL_DISK = """
written = 0
for folder in ("/tmp", "/dev/shm", "/run/ipc", "."):
    try:
        for number in range(100):
            with open(f"{folder}/fill-{number}", "wb") as file:
                for _ in range(16):
                    file.write(bytes(1 << 20))
                    file.flush()
                    written += 1
    except OSError:
        pass
print("wrote", "less than 300 MB" if written < 300 else written)
"""
MANY_SOCKETS = """
import socket
kept = []
pairs = 0
import os
for _ in range(20):
    if os.fork() == 0:
        try:
            while True:
                kept.append(socket.socketpair())
        except OSError:
            import time
            time.sleep(30)
        os._exit(0)
import time
time.sleep(3)
"""
HE = "def he_std(fan_in):\n    return (2 / fan_in) ** 0.5"
HIDDEN_MEMORY = """
import ctypes, os
tried = []
for number in (319, 447, 29):  # memfd_create, memfd_secret, shmget on x86_64
    ctypes.set_errno(0)
    libc = ctypes.CDLL(None, use_errno=True)
    tried.append(libc.syscall(number, b"x", 0, 0) >= 0)
# a pipe that is given one byte of a huge page keeps all its 2 MB, also when nobody maps it any more
page, (reader, writer) = ctypes.create_string_buffer(1), os.pipe()
vector = (ctypes.c_void_p * 2)(ctypes.addressof(page), 1)
tried.append(libc.vmsplice(writer, vector, 1, 0) >= 0)
print("memory that counts for nobody:", any(tried))
"""

CASES = [
    Case(name="endless loop", about="its exercise gets 0, the others count", solved=True,
         answers={"1": "while True:\n    pass"}, earned=without("99.1"),
         review=True, reason="stopped after", seconds=QUICK),
    Case(name="loop that ignores signals", about="killed, left out, the others count", solved=True,
         answers={"1": IGNORE_SIGNALS}, earned=without("99.1"),
         review=True, reason="would not stop", seconds=QUICK),
    Case(name="loop that swallows interrupts", about="killed, the others count", solved=True,
         answers={"2": SWALLOW_INTERRUPTS}, earned=without("99.2"),
         review=True, reason="would not stop", seconds=QUICK),
    Case(name="endless answer", about="its exercise gets 0, the others count", solved=True,
         answers={"1": "def he_std(fan_in):\n    while True:\n        pass"},
         earned=without("99.1"), review=True, seconds=QUICK),
    Case(name="endless extra cell", about="costs no point", solved=True,
         last="while True:\n    pass", earned=without(), review=True, reason="stopped after",
         seconds=QUICK),
    Case(name="endless recursion", about="an ordinary error", solved=True,
         answers={"1": "def he_std(fan_in):\n    return he_std(fan_in)"},
         earned=without("99.1"), review=False),
    Case(name="memory bomb", about="a MemoryError in its cell", solved=True,
         answers={"1": ONE_BOMB}, earned=without("99.1")),
    Case(name="memory bomb in many processes", about="the whole box is bounded", solved=True,
         answers={"1": MANY_SMALL_BOMBS}, earned=without("99.1"), review=True,
         reason="more than 1536 MB of memory"),
    Case(name="fork bomb", about="bounded, ended, nothing is left", solved=True,
         answers={"1": FORK_BOMB}, earned=without("99.1"), review=True, seconds=QUICK),
    Case(name="daemons", about="end with their box", solved=True, first=DAEMONS,
         earned=without()),
    Case(name="threads", about="bounded", solved=True, first=THREADS, earned=without(),
         shown=("threads: bounded",)),
    Case(name="full disk", about="only its own small disk", solved=True, first=FILL_DISK,
         earned=without(), shown=("less than 300 MB",)),
    Case(name="sockets without end", about="ended, the others count", solved=True,
         answers={"1": MANY_SOCKETS}, earned=without("99.1"), review=True, reason="sockets"),
    Case(name="memory that counts for nobody", about="cannot be had", solved=True,
         first=HIDDEN_MEMORY, earned=without(), shown=("nobody: False",)),
    Case(name="sys.exit in a cell", about="an error in that cell", solved=True,
         answers={"1": "import sys\nsys.exit(0)"}, earned=without("99.1")),
    Case(name="sys.exit in an answer", about="a wrong answer", solved=True,
         answers={"1": "import sys\ndef he_std(fan_in):\n    sys.exit(0)"},
         earned=without("99.1")),
    Case(name="os._exit in a cell", about="left out, the others count", solved=True,
         answers={"1": "import os\nos._exit(0)"}, earned=without("99.1"), review=True,
         reason="exit code 0"),
    Case(name="os._exit in an answer", about="a wrong answer, the others count", solved=True,
         answers={"2": "import os\ndef standardize(x, eps):\n    os._exit(0)"},
         earned=without("99.2"), review=True),
    Case(name="quit()", about="costs no point", solved=True, last="quit()", earned=without()),
    Case(name="exit() in two cells", about="costs no point, also beside a loop", solved=True,
         answers={"1": f"{HE}\nexit()", "3": "exit()\nwhile True: pass"}, seconds=QUICK,
         earned=without("99.3"), review=True, reason="exercise 99.3"),
    Case(name="commands of a shell", about="are not run, and cost no point", solved=True,
         answers={"1": f"!pip install scipy\nfound = !ls\nassert found == []\n{HE}"},
         first="%pip install seaborn", earned=without(), review=False,
         shown=("not run while grading: !pip install scipy",)),
]  # fmt: skip
