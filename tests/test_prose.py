"""One voice: every lesson opens, is divided, asks and ends in one form, and in one notation."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from helpers.instructor.build import find_sources
from helpers.instructor.exercise import Lesson
from helpers.instructor.exercises import load_lesson

TEXTS = {source.stem[:2]: source.read_text(encoding="utf-8") for source in find_sources()}
LESSONS = {number: load_lesson(number) for number in TEXTS}
CELL = re.compile(r"^# %%(?P<mark>[^\n]*)\n(?P<body>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)
GLOSSARY = "Words and symbols that are new to you: see the [glossary]"
ENDS = ["Summary", "Where textbooks disagree", "References"]
BRITISH = re.compile(
    r"\b\w*(?:colour|grey|behaviour|favour|neighbour|labell|modell|cancell|travell|centred|"
    r"(?:normal|regular|general|optim|initial|standard|memor|penal|recogn|organ|minim|maxim|real|"
    r"summar|stabil|random)is(?:e[ds]?|ing|ation)\b|analys(?:e[ds]?|ing)\b|millimetre|maths\b)\w*",
    re.IGNORECASE,
)


def prose(text: str) -> str:
    """The markdown cells' text, without the comment signs."""
    cells = [m["body"] for m in CELL.finditer(text) if m["mark"].startswith(" [markdown]")]
    return "\n\n".join(re.sub(r"^# ?", "", body, flags=re.MULTILINE) for body in cells)


def headings(text: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (?!#)(.+)$", prose(text), re.MULTILINE)


def check_opening(text: str, lesson: Lesson) -> Iterator[str]:
    """Title; why; minutes and what it builds on; what you will be able to do; the glossary."""
    first = next(CELL.finditer(text))["body"]
    title, why, minutes, aims, *rest = re.sub(r"^# ?", "", first, flags=re.M).strip().split("\n\n")
    if title != f"# {lesson.number} {lesson.title}":
        yield f"the title is {title!r}"
    if not 60 <= len(why) <= 420 or not why[0].isupper():
        yield "the second paragraph is not a short one that says why"
    if not minutes.startswith(f"*{lesson.minutes} minutes") or "Builds on " not in minutes:
        yield f"the third paragraph is not *{lesson.minutes} minutes. Builds on …*"
    if not minutes.endswith("*"):
        yield "the minutes are not in italics"
    first_aim, *more = aims.split("\n- ")
    if first_aim != "After this lesson you will be able to" or not 3 <= len(more) <= 6:
        yield "the aims are not three to six that complete 'After this lesson you will be able to'"
    if len(rest) != 1 or not rest[0].startswith(GLOSSARY):
        yield "the last paragraph is not the one about the glossary"


def check_sections(text: str, lesson: Lesson) -> Iterator[str]:
    """Numbered sections with minutes that add up, then the three endings, then progress."""
    found = headings(text, 2)
    numbered = [re.fullmatch(r"(\d+) \S.* · (\d+) minutes", h) for h in found]
    sections = [m for m in numbered if m]
    if [int(m[1]) for m in sections] != list(range(1, len(sections) + 1)):
        yield "the sections are not numbered 1, 2, 3, …"
    if sum(int(m[2]) for m in sections) != lesson.minutes:
        yield f"the sections' minutes do not sum to {lesson.minutes}"
    ends = found[len(sections) :]
    if ends[:3] != ENDS or ends[3:] not in ([], ["Glossary"]):
        yield f"after the sections come {ends}"
    if not text.rstrip().endswith(f'# %%\nprogress("{lesson.number}")'):
        yield f'the last cell is not progress("{lesson.number}")'


def check_tasks(text: str, lesson: Lesson) -> Iterator[str]:
    """Exercises and written questions by number, function and points; figures to explore."""
    found = headings(text, 3)
    tasks = [(f"Exercise {e.id} · `{e.function}`", e.points) for e in lesson.exercises]
    tasks += [(f"Written question {w.id}", w.points) for w in lesson.written]
    wanted = {f"{head} · {points} point{'s' * (points != 1)}" for head, points in tasks}
    given = [h for h in found if re.match(r"Exercise|Written", h)]
    yield from (f"no heading {h!r}" for h in sorted(wanted - set(given)))
    yield from (f"a heading of no task: {h!r}" for h in given if h not in wanted)
    if sum(h.startswith("Explore: ") for h in found) < 2:
        yield "fewer than two headings 'Explore: …'"
    late = re.findall(r"print\(f?\"(.*not attempted.*)\"", text)
    yield from (f"{p!r}" for p in late if not p.startswith("not attempted yet: "))


def check_hints(text: str, lesson: Lesson) -> Iterator[str]:
    """Right above each exercise three hints that open one after the other, none of them empty."""
    above = ""
    for cell in CELL.finditer(text):
        exercise = re.match(r'\s*exercise="(?P<id>[\d.]+)"', cell["mark"])
        if exercise:
            numbers = re.findall(r"<summary>Hint (\d)</summary>\n#\n# \S", above)
            if numbers != ["1", "2", "3"]:
                yield f"exercise {exercise['id']} has the hints {', '.join(numbers) or 'none'}"
        above = cell["body"]


def bullets(text: str, heading: str) -> list[str]:
    part = re.split(rf"^## {heading}$", prose(text), flags=re.MULTILINE)[1]
    part = re.split(r"^## ", part, flags=re.MULTILINE)[0]
    return [" ".join(b.split()) for b in re.split(r"^- ", part, flags=re.MULTILINE)[1:]]


def check_endings(text: str, lesson: Lesson) -> Iterator[str]:
    """Textbooks' sentences in italics, references as A. Author (year). Title. *Venue*."""
    told = bullets(text, "Where textbooks disagree")
    yield from (f"no quotation: {b[:50]}" for b in told if not re.match(r'\*[“"].+\*', b))
    listed = bullets(text, "References")
    shape = r"(?:[A-Z]\.(?:-[A-Z]\.)? ?)+\S.* \((?:19|20)\d\d\)\. .*(?:\*.+\*|arXiv:|Blog post)"
    yield from (f"not a reference: {b[:50]}" for b in listed if not re.match(shape, b))
    if len(told) < 3 or len(listed) < 3:
        yield "fewer than three textbooks' sentences or references"


def check_notation(text: str, lesson: Lesson) -> Iterator[str]:
    """One letter for one thing: \\varphi, \\mathbb E, the noise \\epsilon in 09; American."""
    said = prose(text)
    signs = {r"\phi": r"\\phi\b", "E for a mean": r"(?<!mathbb )(?<![\w\\^}])E(?=\[|\\lVert|\\Big)"}
    if lesson.number not in ("00", "09"):  # 00 holds the glossary
        signs[r"\epsilon"] = r"\\epsilon\b"
    yield from (f"{name} in a formula" for name, sign in signs.items() if re.search(sign, said))
    formulas = re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", said, re.DOTALL)
    yield from (f"as a tag on the web, write \\lt: {f}" for f in formulas if re.search("<[a-z]", f))
    yield from (f"British: {m[0]}" for m in BRITISH.finditer(said))


TABLE_HEAD = re.compile(r"^# \|(.*)\|\n# \|[-:| ]+\|$", re.MULTILINE)


def check_tables(text: str, lesson: Lesson) -> Iterator[str]:
    """Each column has a name: a screen reader says it with every cell."""
    for head in TABLE_HEAD.findall(text):
        if not all(name.strip() for name in head.split("|")):
            yield f"a column without a name: {head.strip()}"


CHECKS = (
    check_opening, check_sections, check_tasks, check_hints, check_endings, check_notation,
    check_tables,
)  # fmt: skip
Check = Callable[[str, Lesson], Iterator[str]]


@pytest.mark.parametrize("number", TEXTS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_a_lesson_has_the_form_of_all_lessons(check: Check, number: str) -> None:
    faults = list(check(TEXTS[number], LESSONS[number]))
    assert not faults, "\n".join(faults)


PLANTED = (
    (check_opening, "*85 minutes. Builds", "*80 minutes. Builds", "the third paragraph"),
    (check_opening, "Many texts use", "many texts use", "the second paragraph"),
    (check_opening, "*85 minutes. Builds", "*85 minutes. Needs", "the third paragraph"),
    (check_opening, "# After this lesson", "# **What**", "the aims"),
    (check_opening, "# 03 Weight", "# 03 On weight", "the title"),
    (check_opening, "# Words and symbols", "# See the", "the last paragraph"),
    (check_sections, "conventions · 15 minutes", "conventions (15 min)", "the sections"),
    (
        check_sections,
        "conventions · 15 minutes",
        "conventions · 20 minutes",
        "the sections' minutes",
    ),
    (check_sections, "# ## Summary", "# ## In short", "after the sections"),
    (check_sections, 'progress("03")', "progress()", "the last cell"),
    (check_tasks, "`sgd_step` · 1 point", "`sgd_step` · 2 points", "no heading 'Exercise 03.1"),
    (check_tasks, "### Exercise 03.2 · ", "### Exercise 03.2: ", "no heading 'Exercise 03.2"),
    (check_tasks, "### Written question 03.w · 2 points", "### Why?", "no heading 'Written"),
    (check_tasks, "### Explore: ", "### ", "fewer than two headings"),
    (check_hints, "<summary>Hint 3", "<summary>Hint 2", "exercise 03.1 has the hints 1, 2, 2"),
    (check_hints, "<summary>Hint 1</summary>", "Hint 1", "exercise 03.1 has the hints 2, 3"),
    (check_endings, '# - *"Weight decay is L2', '# - "Weight decay is L2', "no quotation"),
    (check_endings, "# - D. P. Kingma, J. Ba", "# - Kingma, Ba", "not a reference"),
    (check_notation, r"\nabla L", r"\phi L", r"\phi in"),
    (check_notation, r"\nabla L", r"E[L]", "E for a mean"),
    (check_notation, r"\nabla L", r"\epsilon", r"\epsilon in"),
    (check_notation, r"\nabla L", r"a<b", "as a tag on the web"),
    (check_notation, "regularization", "regularisation", "British: regularisation"),
    (check_notation, "gray", "grey", "British: grey"),
    (
        check_tables,
        "| optimizer | `weight_decay=λ` is",
        "| | `weight_decay=λ` is",
        "a column without",
    ),
)


@pytest.mark.parametrize(("check", "old", "new", "said"), PLANTED)
def test_a_planted_fault_is_found(check: Check, old: str, new: str, said: str) -> None:
    text = TEXTS["03"]
    assert old in text
    faults = list(check(text.replace(old, new), LESSONS["03"]))
    assert any(fault.startswith(said) for fault in faults), faults


# --- the glossary, at the end of lesson 00


def check_glossary(text: str) -> Iterator[str]:
    """A table of symbols, then one of terms for each lesson, with the Korean word; none twice."""
    part = text.split("# ## Glossary")[1]
    symbols, *tables = re.split(r"^# ### Terms of lesson ", part, flags=re.MULTILINE)
    if [table[:2] for table in tables] != list(TEXTS):
        yield f"terms of lessons {[table[:2] for table in tables]}"
    rows = [re.findall(r"^# \| (?!term|-|:)(.+) \|$", table, re.MULTILINE) for table in tables]
    terms = [row.split(" | ") for table in rows for row in table]
    yield from (f"no Korean word: {t[0]}" for t in terms if not re.search("[가-힣]|TTA", t[1]))
    names = sorted(term[0] for term in terms)
    yield from (f"twice: {a}" for a, b in pairwise(names) if a == b)
    for row in re.findall(r"^# \| (\$.+) \|$", symbols, re.MULTILINE):
        where = row.rsplit(" | ", 1)[1]
        if not re.fullmatch(r"all|\d\d(?:(?:, |; | to )\d\d)*", where):
            yield f"lessons of a symbol: {where}"


def test_the_glossary_has_every_lesson_and_no_term_twice() -> None:
    assert list(check_glossary(TEXTS["00"])) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("### Terms of lesson 07", "### Words of lesson 07", "terms of lessons"),
        ("| dropout | 드롭아웃 |", "| dropout | dropout |", "no Korean word: dropout"),
        ("| folding |", "| momentum |", "twice: momentum"),
        ("| learning rate (`lr`) | all |", "| learning rate (`lr`) | everywhere |", "lessons of a"),
    ],
)
def test_a_fault_in_the_glossary_is_found(old: str, new: str, said: str) -> None:
    assert old in TEXTS["00"]
    faults = list(check_glossary(TEXTS["00"].replace(old, new)))
    assert any(fault.startswith(said) for fault in faults), faults
