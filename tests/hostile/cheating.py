"""Attempts at points without an answer: all deserve what their honest answers deserve."""

from tests.hostile.lab import Case, Document, checks, marks, without

PATCH_NUMPY = """
import numpy as np, numpy.testing
true = lambda *a, **k: True
np.allclose = np.isclose = np.array_equal = true
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
np.asarray = lambda x, *a, **k: x
"""
PATCH_COURSE = """
import sys, helpers, helpers.check, helpers.judging, helpers.values, helpers.compare
passed = helpers.judging.Verdict("passed", 9, 9, "Right.")
for module in list(sys.modules.values()):
    if getattr(module, "__name__", "").startswith("helpers"):
        for name in ("check", "judge", "judge_outcomes", "find_problem", "_judge_values"):
            if hasattr(module, name):
                setattr(module, name, lambda *a, **k: passed)
class Everything(dict):
    def __eq__(self, other): return True
    def __getitem__(self, key): return passed
helpers.check.load_bank = lambda *a: Everything()
check = lambda *a, **k: None
"""
SHADOW_BUILTINS = """
import builtins
for name in ("all", "any", "isinstance", "len", "abs", "AssertionError"):
    pass
builtins.all = builtins.any = lambda *a: True
builtins.abs = lambda x: 0
AssertionError = Exception
class Quiet(Exception): pass
assert_ = None
"""
TRANSFORM_INPUT = """
shell = get_ipython()
shell.input_transformers_cleanup.append(
    lambda lines: ["1\\n"] if any("check(" in line for line in lines) else lines)
"""
DISPLAY_HOOK = """
import sys
from IPython.core import displayhook
def show(self, value=None):
    self.shell.display_pub.publish({"text/plain": "100"})
get_ipython().display_formatter.format = lambda *a, **k: ({"text/plain": "100"}, {})
get_ipython().run_cell("100")
100
"""
FORGE_ANSWER = """
import json
from IPython.core import displaypub
publish = displaypub.DisplayPublisher.publish
shell_publisher = get_ipython().display_pub
original = type(shell_publisher).publish
MIME = "application/vnd.course.outcomes"
def forged(self, data, *arguments, **named):
    if MIME in data:
        told = json.loads(data[MIME])
        count = len(told.get("outcomes", [])) or 7
        outcomes = [{"output": True, "passed": True, "error": ""}] * count
        told = {"names": ["x"], "passed": 99, "state": "passed", "outcomes": outcomes}
        data = {MIME: json.dumps(told)}
    return original(self, data, *arguments, **named)
type(shell_publisher).publish = forged
"""
KNOW_THE_BANK = """
import json, pathlib, helpers
import numpy as np
# the published probes of all lessons are public: their answers help with no other probe
folder = pathlib.Path(helpers.__file__).parent / "checks"
banks = [json.loads(path.read_text()) for path in folder.glob("*.json")]
table = {}
for bank in banks:
    for exercise in bank["exercises"].values():
        for probe, expected in zip(exercise["probes"], exercise["expected"]):
            table[json.dumps(probe)] = expected
first = next(iter(table.values()), 0.5)
def he_std(fan_in):
    return first if isinstance(first, float) else 0.5
"""
ALWAYS_EQUAL = """
import numpy as np
class Equal(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __array__(self, dtype=None, copy=None): return np.array(np.nan)
def he_std(fan_in):
    return Equal(0.5)
def standardize(x, eps):
    class Same(np.ndarray):
        def __array_function__(self, *a, **k): return True
        def __array_ufunc__(self, *a, **k): return np.zeros(1)
        def __eq__(self, other): return True
    return x.view(Same)
"""
CHANGES_INPUT = """
import numpy as np
def standardize(x, eps):
    x -= x.mean(axis=0)
    x /= np.sqrt(x.var(axis=0) + eps)
    return x
"""
REMEMBERS = """
seen = []
def he_std(fan_in):
    seen.append(fan_in)
    return (2 / seen[0]) ** 0.5
"""
FORGETS_ITSELF = """
done = set()
def he_std(fan_in):
    if fan_in in done:
        return 0.0
    done.add(fan_in)
    return (2 / fan_in) ** 0.5
"""
KNOWS_IT_IS_PROBED = """
import sys
def he_std(fan_in):
    frame, names = sys._getframe(), []
    while frame:
        names.append(frame.f_code.co_filename)
        for value in frame.f_locals.values():
            if type(value).__name__ in ("Task", "Verdict", "Exercise"):
                return value.expected[0]
            if isinstance(value, dict) and "expected" in value:
                return value["expected"][0]
        frame = frame.f_back
    return 0.5 if any("probes" in name for name in names) else (2 / fan_in) ** 0.5
"""
PUT_IN_PLACE = """
import gc
def he_std(fan_in):
    return 0.0
for thing in gc.get_objects():
    if isinstance(thing, dict) and thing.get("99.1") is not None:
        thing["99.1"] = "passed"
"""


def _skip_tags(document: Document) -> None:
    for cell in checks(document):
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception", "remove-cell"]


def _edit_checks(document: Document) -> None:
    for cell in checks(document):
        cell["source"] = "print('passed')\n100"


def _delete_checks(document: Document) -> None:
    document["cells"] = [c for c in document["cells"] if c not in checks(document)]


def _raise_points(document: Document) -> None:
    for cell in checks(document):
        cell["metadata"]["nbgrader"] |= {"points": 1000, "checksum": "0" * 32}
    marks(document, "written-99-w")["metadata"]["nbgrader"] |= {"points": 1000, "grade": True}


def _take_over_grade_id(document: Document) -> None:
    """The check cells become solution cells, and print a score."""
    for cell in checks(document):
        cell["metadata"]["nbgrader"] |= {"solution": True, "locked": False}
        cell["source"] = "2"


def _duplicate_answer(document: Document) -> None:
    cell = marks(document, "exercise-99-1")
    wrong = dict(cell, source="def he_std(fan_in):\n    return 0.0", id="another")
    document["cells"].insert(document["cells"].index(cell), wrong)


def _duplicate_checks(document: Document) -> None:
    """Stock nbgrader ends its whole batch at a grade_id that is there twice."""
    document["cells"] += [dict(cell, id=f"again-{i}") for i, cell in enumerate(checks(document))]


def _duplicate_stub(document: Document) -> None:
    cell = marks(document, "exercise-99-1")
    empty = 'def he_std(fan_in):\n    """The standard deviation of He\'s weights."""\n'
    stub = dict(cell, source=empty + "    # YOUR CODE HERE\n    raise NotImplementedError()")
    document["cells"].append(stub)


def _delete_answer(document: Document) -> None:
    document["cells"].remove(marks(document, "exercise-99-1"))


def lose_marks(document: Document) -> None:
    """As an editor does that knows neither ids nor metadata, with cells in another order."""
    for cell in document["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    document["cells"].reverse()


def _reverse(document: Document) -> None:
    document["cells"] = document["cells"][::-1]


def _use_extra_cell(document: Document) -> None:
    """An answer that needs a function from a cell that the learner added further down."""
    marks(document, "exercise-99-1")["source"] = "def he_std(fan_in):\n    return helper(fan_in)"


def _old_schema(document: Document) -> None:
    for cell in document["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["schema_version"] = 1


def _other_kernel(document: Document) -> None:
    document["metadata"]["kernelspec"] = {"name": "../../evil", "display_name": "R", "language": 5}
    document["metadata"]["language_info"] = {"name": ["x"]}


def _duplicate_ids(document: Document) -> None:
    for cell in document["cells"]:
        cell["id"] = "same"


def _forge_outputs(document: Document) -> None:
    for cell in checks(document):
        data = {"text/plain": "100"}
        cell["outputs"] = [
            {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
        ]


CASES = [
    Case(name="patched NumPy", about="judged in another process", first=PATCH_NUMPY),
    Case(name="patched modules of the course", about="judged elsewhere", first=PATCH_COURSE),
    Case(name="shadowed builtins", about="judged elsewhere", first=SHADOW_BUILTINS),
    Case(name="input transformer", about="check cells never enter the kernel",
         first=TRANSFORM_INPUT),
    Case(name="display-hook score", about="scores are not read from outputs", first=DISPLAY_HOOK),
    Case(name="forged answer", about="only values that are right count", first=FORGE_ANSWER),
    Case(name="skip-execution tags", about="tags are dropped", change=_skip_tags),
    Case(name="edited checks", about="the original counts, a person is told", change=_edit_checks,
         review=True, reason="changed"),
    Case(name="deleted checks", about="put back", change=_delete_checks),
    Case(name="deleted checks, honest answers", about="put back, judged", solved=True,
         change=_delete_checks, earned=without()),
    Case(name="raised points", about="the release's points count", solved=True,
         change=_raise_points, earned=without()),
    Case(name="checks made into answers", about="the release's marks count",
         change=_take_over_grade_id),
    Case(name="forged outputs", about="outputs are dropped", change=_forge_outputs),
    Case(name="published probes learnt by heart", about="probes are fresh",
         answers={"1": KNOW_THE_BANK}),
    Case(name="objects equal to everything", about="plain values are compared",
         answers={"1": ALWAYS_EQUAL}),
    Case(name="answer that changes its input", about="is told so, gets 0", solved=True,
         answers={"2": CHANGES_INPUT}, earned=without("99.2")),
    Case(name="answer that remembers calls", about="gets 0", solved=True,
         answers={"1": REMEMBERS}, earned=without("99.1")),
    Case(name="answer right only once", about="one part lost, a person is told", solved=True,
         answers={"1": FORGETS_ITSELF}, earned=without() | {"99.1": 1.0}, review=True,
         reason="two different outputs"),
    Case(name="answer that knows it is probed", about="finds nothing to return", solved=True,
         answers={"1": KNOWS_IT_IS_PROBED}, earned=without("99.1")),
    Case(name="verdicts put in place", about="they are not in its process",
         answers={"1": PUT_IN_PLACE}),
    Case(name="answer there twice", about="the last counts, a person is told", solved=True,
         change=_duplicate_answer, earned=without(), review=True, reason="2 times"),
    Case(name="checks there twice", about="judged once", solved=True,
         change=_duplicate_checks, earned=without(), review=False),
    Case(name="empty copy of an answer", about="does not overwrite it", solved=True,
         change=_duplicate_stub, earned=without()),
    Case(name="deleted answer", about="gets 0, a person is told", solved=True,
         change=_delete_answer, earned=without("99.1"), review=True, reason="deleted"),
    Case(name="cells without marks", about="found by their functions, a person is told",
         solved=True, change=lose_marks, earned=without(), review=True, reason="lost its mark"),
    Case(name="cells in reverse order", about="judged in the release's order", solved=True,
         change=_reverse, earned=without()),
    Case(name="helper function further down", about="extra cells are run", solved=True,
         change=_use_extra_cell, last="def helper(fan_in):\n    return (2 / fan_in) ** 0.5",
         earned=without()),
    Case(name="answer in an extra cell only", about="extra cells are never judged",
         last="def he_std(fan_in):\n    return (2 / fan_in) ** 0.5"),
    Case(name="old schema", about="no matter", solved=True, change=_old_schema, earned=without()),
    Case(name="wrong kernelspec", about="no matter", solved=True, change=_other_kernel,
         earned=without()),
    Case(name="duplicate cell ids", about="no matter", solved=True, change=_duplicate_ids,
         earned=without()),
]  # fmt: skip
