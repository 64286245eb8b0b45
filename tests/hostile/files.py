"""Files that are no notebook, or not where one should be; scripts for whoever reads them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from tests.hostile.lab import Case, Document, make_notebook, marks, without
from tests.small_lesson import NAME

FILE = f"{NAME}.ipynb"
SCRIPT = "<script>document.title='hacked'</script>"
PAYLOADS = [
    SCRIPT,
    "<img src=x onerror=\"document.title='hacked'\">",
    "<svg onload=\"document.title='hacked'\"></svg>",
    "<iframe srcdoc=\"<script>top.document.title='hacked'</script>\">",
    "[click](javascript:document.title='hacked')",
    '<a href="jav&#x09;ascript:alert(1)">x</a>',
    "$$\\href{javascript:document.title='hacked'}{x}$$",
    "![x](data:text/html,<script>alert(1)</script>)",
    "<style>body{display:none}</style>",
    "</textarea></script><script>document.title='hacked'</script>",
]
HTML_OUTPUT = f"""
from IPython.display import HTML, Javascript, Markdown, display
for payload in {PAYLOADS!r}:
    display(HTML(payload))
    display(Markdown(payload))
    print(payload)
display(Javascript("document.title='hacked'"))
script = "</script><script>document.title='hacked'</script>"
for kind, data in (
    ("image/svg+xml", f"<svg xmlns='http://www.w3.org/2000/svg'>{{script}}</svg>"),
    ("image/png", f'">{{script}}'),
    ("application/vnd.jupyter.widget-view+json", {{"model_id": script}}),
    ("text/latex", script),
):
    display({{kind: data, "text/plain": "x"}}, raw=True)
"""
RAISE_HTML = f"def he_std(fan_in):\n    raise ValueError({SCRIPT!r})"


def _bytes(content: bytes) -> Callable[[Path], None]:
    def place(folder: Path) -> None:
        (folder / FILE).write_bytes(content)

    return place


def _json(document: object) -> Callable[[Path], None]:
    return _bytes(json.dumps(document).encode())


def _folder(folder: Path) -> None:
    (folder / FILE).mkdir()


def _nothing(folder: Path) -> None:
    (folder / "notes.txt").write_text("I forgot.")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / FILE)


def _link_out(folder: Path) -> None:
    """A link to the solved notebook of the instructor."""
    course = folder.parents[2]
    (folder / FILE).symlink_to(course / "source" / NAME / FILE)


def _link_folder(folder: Path) -> None:
    """The whole folder is a link to another student's."""
    folder.rmdir()
    folder.symlink_to(folder.parents[2] / "source" / NAME)


def _other_name(folder: Path) -> None:
    document = make_notebook(Case(name="", about="", solved=True))
    (folder / "My homework (final).ipynb").write_text(json.dumps(document))


def _no_text_name(folder: Path) -> None:
    """A name that is no text: Linux takes any bytes."""
    document = make_notebook(Case(name="", about="", solved=True))
    (folder / os.fsdecode(b"caf\xe9\x1b[1A.ipynb")).write_text(json.dumps(document))


def _two_names(folder: Path) -> None:
    document = make_notebook(Case(name="", about="", solved=True))
    for name in ("a.ipynb", "b.ipynb"):
        (folder / name).write_text(json.dumps(document))


def _broken_cells(document: Document) -> None:
    document["cells"] += [
        None, 5, "text", [], {}, {"cell_type": "code"}, {"cell_type": 7, "source": 8},
        {"cell_type": "code", "source": ["a", 1], "metadata": []},
        {"cell_type": "code", "source": "x = 1", "metadata": {"nbgrader": {"grade_id": [1]}}},
        {"cell_type": "code", "source": "y = 1", "metadata": {"nbgrader": "x"}, "id": {"a": 1}},
    ]  # fmt: skip


def _bad_metadata(document: Document) -> None:
    document["metadata"] = ["nothing", {"kernelspec": None}]
    document["nbformat"] = "4"
    document["nbformat_minor"] = -1


def write_scripts(document: Document) -> None:
    cell = marks(document, "written-99-w")
    cell["source"] = "\n\n".join(["Half of the inputs are zero.", *PAYLOADS])


def _scripts_in_names(document: Document) -> None:
    for cell in document["cells"]:
        cell["id"] = SCRIPT
        cell["metadata"].setdefault("tags", []).append(SCRIPT)


BOMB = b'{"cells": [{"cell_type": "code", "source": ' + b"[" * 100_000
UNREADABLE = [
    ("invalid JSON", _bytes(b'{"cells": [') , "not valid JSON"),
    ("text that is not UTF-8", _bytes(b"\xff\xfe\x00caf\xe9"), "UTF-8"),
    ("an empty file", _bytes(b""), "empty"),
    ("a file of 30 MB", _bytes(b" " * (30 << 20)), "larger than"),
    ("JSON nested 100,000 deep", _bytes(BOMB), "not valid JSON"),
    ("a list in place of a notebook", _json([1, 2]), "not a notebook"),
    ("cells that are no list", _json({"cells": {"a": 1}, "nbformat": 4}), "not a notebook"),
    ("a notebook of format 3", _json({"worksheets": [], "nbformat": 3}), "not a notebook"),
    ("an integer of 5000 digits", _bytes(b'{"cells": [], "x": ' + b"9" * 5000 + b"}"), "JSON"),
    ("a picture", _bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256))), "UTF-8"),
    ("a folder in place of the file", _folder, "folder"),
    ("a missing file", _nothing, "no notebook"),
    ("a pipe", _pipe, "folder or a device"),
    ("a link out", _link_out, "cannot be opened"),
    ("a folder that is a link", _link_folder, "link"),
    ("two files with other names", _two_names, "2 other notebooks"),
]  # fmt: skip

CASES = [
    *(
        Case(name=name, about="scored 0, with the reason", place=place, review=True, reason=reason)
        for name, place, reason in UNREADABLE
    ),
    Case(name="a file with another name", about="taken, a person is told", place=_other_name,
         earned=without(), review=True, reason="named"),
    Case(name="a file whose name is no text", about="taken, a person is told", place=_no_text_name,
         earned=without(), review=True, reason="caf\\udce9\\x1b[1A.ipynb"),
    Case(name="cells that are none", about="left out", solved=True, change=_broken_cells,
         earned=without()),
    Case(name="metadata that is none", about="dropped", solved=True, change=_bad_metadata,
         earned=without()),
    Case(name="scripts in outputs", about="harmless in feedback and formgrader", solved=True,
         first=HTML_OUTPUT, earned=without()),
    Case(name="scripts in a written answer", about="harmless", solved=True,
         change=write_scripts, earned=without()),
    Case(name="scripts in names", about="dropped", solved=True, change=_scripts_in_names,
         earned=without()),
    Case(name="scripts in an error", about="harmless", solved=True, answers={"1": RAISE_HTML},
         earned=without("99.1")),
]  # fmt: skip
