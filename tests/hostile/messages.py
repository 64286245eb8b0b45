"""Messages of a kernel that are too large, forged or nonsense; values that are none."""

from tests.hostile.lab import Case, without

PRINT_50_MB = "print('x' * (50 << 20))"
PRINT_MANY_LINES = "for i in range(200_000):\n    print(i)"
FLOOD = "import sys\nwhile True:\n    sys.stdout.write('x' * (1 << 20))\n    sys.stdout.flush()"
HUGE_MESSAGE = """
from IPython.display import display
display({"text/plain": "x" * (64 << 20)}, raw=True)
"""
RAW_MESSAGES = """
import json, zmq
kernel = get_ipython().kernel
parent = kernel.get_parent()
stream = kernel.session
def send(content, kind="display_data"):
    kernel.session.send(kernel.iopub_socket, kind, content=content, parent=parent)
deep = {}
inner = deep
for _ in range(400):
    inner["x"] = {}
    inner = inner["x"]
send({"data": deep, "metadata": {}})
send([1, 2, 3])
send({"data": "text", "metadata": 7})
send({"execution_state": ["idle"]}, "status")
send({"name": {"a": 1}, "text": [1, {"b": 2}]}, "stream")
send({"ename": None, "evalue": {}, "traceback": 5}, "error")
send({"data": {"image/png": '"><script>alert(1)</script>'}, "metadata": {}})
pipe = kernel.iopub_socket
socket = getattr(kernel.iopub_thread, "socket", None)
for frames in ([b"garbage"], [b"<IDS|MSG>"], [b"x", b"<IDS|MSG>", b"bad", b"[", b"{", b"{", b"{"]):
    try:
        kernel.iopub_thread.send_multipart(frames)
    except Exception:
        pass
"""
FORGED_FLOOD = """
kernel = get_ipython().kernel
frames = [b"topic", b"<IDS|MSG>", b"bad", b"[" * 20000, b"{", b"{", b"{"]
for _ in range(500):
    kernel.iopub_thread.send_multipart(frames)
"""
NAMED_ERROR = """
import json
kernel = get_ipython().kernel
kernel.session.pack = lambda thing: json.dumps(thing, default=str).encode()
content = {"ename": %r, "evalue": "", "traceback": []}
def send_error():
    kernel.session.send(kernel.iopub_socket, "error", parent=kernel.get_parent(), content=content)
"""
NAMED_IN_CELL = f"""{NAMED_ERROR}
send_error()
def he_std(fan_in):
    return (2 / fan_in) ** 0.5
"""
NAMED_IN_ANSWER = f"""{NAMED_ERROR}
import IPython.display
def he_std(fan_in):
    send_error()
    IPython.display.publish_display_data = lambda *_: None
"""
MANY_PARTS = """
kernel = get_ipython().kernel
kernel.iopub_thread.send_multipart([b"part"] * 100_000)
"""
EARLY_IDLE = """
kernel = get_ipython().kernel
kernel.session.send(kernel.iopub_socket, "status", content={"execution_state": "idle"},
                    parent=kernel.get_parent())
"""
CLOSE_SOCKETS = """
import os, shutil
for name in os.listdir("/run/ipc"):
    os.unlink("/run/ipc/" + name)
    os.symlink("/run/docker.sock", "/run/ipc/" + name)
"""
HOSTILE_OBJECT = """
class Nasty:
    def __repr__(self): raise KeyboardInterrupt
    def __str__(self): return "x" * 10**7
    def __len__(self): return 10**9
    def __iter__(self): return iter(int, 1)
    def __getattr__(self, name): raise RuntimeError(name)
    @property
    def __class__(self): raise ValueError
def he_std(fan_in):
    return Nasty()
"""


def _returning(value: str, first: str = "") -> dict[str, str]:
    one = f"import numpy as np\n{first}\ndef he_std(fan_in):\n    return {value}"
    two = f"import numpy as np\n{first}\ndef standardize(x, eps):\n    return {value}"
    return {"1": one, "2": two}


def _value(name: str, value: str, first: str = "") -> Case:
    return Case(name=f"answer: {name}", about="a wrong answer", solved=True,
                answers=_returning(value, first), earned=without("99.1", "99.2"))  # fmt: skip


CASES = [
    Case(name="50 MB of output", about="kept small, costs no point", solved=True,
         first=PRINT_50_MB, earned=without()),
    Case(name="200,000 lines of output", about="kept small", solved=True,
         first=PRINT_MANY_LINES, earned=without()),
    Case(name="output without end", about="ended, the others count", solved=True,
         answers={"1": FLOOD}, earned=without("99.1"), review=True),
    Case(name="a message of 64 MB", about="refused, the others count", solved=True,
         answers={"1": HUGE_MESSAGE}, earned=without("99.1"), review=True),
    Case(name="forged messages", about="not believed", solved=True, first=RAW_MESSAGES,
         earned=without(), hidden=("<script",)),
    Case(name="an error named by half a character", about="the batch goes on", solved=True,
         answers={"1": NAMED_IN_ANSWER % "x \ud800"}, review=True,
         reason="exercise 99.1: no answer came back (an error named 'x \\ud800')"),
    Case(name="an error named by a terminal's commands", about="they are spelt out", solved=True,
         answers={"1": NAMED_IN_ANSWER % "x\x1b[1A\r\ngraded"}, review=True,
         reason="x\\x1b[1A\\r\\ngraded"),
    Case(name="an error named as if a cell was stopped", about="not believed", solved=True,
         answers={"1": NAMED_IN_CELL % "stopped after 30 s"}, earned=without(), review=False),
    Case(name="an error named as if a question was stopped", about="told as a name", solved=True,
         answers={"1": NAMED_IN_ANSWER % "stopped after 30 s"}, review=True,
         reason="no answer came back (an error named 'stopped after 30 s')"),
    Case(name="500 forged messages", about="ended, the others count", solved=True,
         answers={"1": FORGED_FLOOD}, earned=without("99.1"), review=True),
    Case(name="a message of 100,000 parts", about="ended, the others count", solved=True,
         answers={"1": MANY_PARTS}, earned=without("99.1"), review=True),
    Case(name="an early end is announced", about="nothing gained, nothing lost", solved=True,
         first=EARLY_IDLE, earned=without()),
    Case(name="sockets replaced by links", about="no connection is made anew", solved=True,
         first=CLOSE_SOCKETS, earned=without()),
    Case(name="hostile object", about="a wrong answer", solved=True,
         answers={"1": HOSTILE_OBJECT}, earned=without("99.1")),
    _value("an integer of 5000 digits", "10 ** 5000"),
    _value("an integer of 1000 digits", "10 ** 1000"),
    _value("nested 100,000 deep", "deep", "deep = []\nfor _ in range(100_000):\n    deep = [deep]"),
    _value("contains itself", "loop", "loop = []\nloop.append(loop)"),
    _value("NaN", "float('nan')"),
    _value("infinity", "-float('inf')"),
    _value("an array of NaN", "np.full((5, 4), np.nan)"),
    _value("an object array", "np.array([object(), None], dtype=object)"),
    _value("an array of complex numbers", "np.zeros((5, 4), dtype=complex)"),
    _value("an array of text", "np.array(['a'] * 4)"),
    _value("dates", "np.array(['2020-01-01'], dtype='datetime64[D]')"),
    _value("float16", "np.float16(0.5)"),
    _value("100 MB", "np.zeros(13_000_000)"),
    _value("a generator", "(i for i in range(3))"),
    _value("a function", "print"),
    _value("a torch tensor", "torch.zeros(3)", "import torch"),
    _value("a dict with strange keys", "{(1, 2): {None: 3}, True: [1], 1.5: 'x'}"),
    _value("half a character", "'\\ud800'"),
    _value("a forged seed", "{'seed': 5, 'array': [1]}"),
]  # fmt: skip
