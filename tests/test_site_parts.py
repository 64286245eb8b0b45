"""The parts that static pages are made of, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from helpers.instructor import site
from helpers.instructor.__main__ import main
from helpers.instructor.site import SiteError, build_site, describe
from helpers.instructor.site_formulas import (
    FormulaError,
    keep_together,
    make_mathml,
    replace_formulas,
)
from helpers.instructor.site_outputs import (
    FigureError,
    drop_bars,
    explorer,
    join_printed,
    mark_cells,
    place_output,
)
from helpers.instructor.site_pages import TEMPLATES, Page, convert, read_headings
from helpers.instructor.site_start import make_index
from tests.running import NOTEBOOKS
from tests.site_lessons import install


def test_a_page_that_is_too_big_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(notebook: Any, folder: Path) -> Any:
        folder.mkdir()
        (folder / "frames.json").write_text("{}")
        (folder / "large.webp").write_bytes(bytes(3_000_000))
        return notebook

    install(monkeypatch)
    monkeypatch.setattr(site, "execute", execute)
    with pytest.raises(SiteError, match=r"99_glossary: the page takes [\d,]+ bytes, more than 3,0"):
        build_site(tmp_path / "out", lessons=["99"])


def test_a_lesson_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "99_glossary.py").write_text("# %% [markdown]\n# # The end\n# %%\n1 / 0\n")
    install(monkeypatch, tmp_path)
    assert main(["site", "--lessons", "99", "--out", str(tmp_path / "out")]) == 1
    assert re.search(r"lesson 99 does not run: [\s\S]*ZeroDivisionError", capsys.readouterr().err)


def test_unknown_lesson_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "--lessons", "77", "--out", str(tmp_path)]) == 1
    assert "no lesson 77" in capsys.readouterr().err


def cell_page(*cells: Any) -> BeautifulSoup:
    """The page of a notebook that was run: these cells."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    mark_cells(notebook)
    page = Page("98_studio", "98", "A studio", 5)
    return BeautifulSoup(convert(notebook, page, [page]), "html.parser")


def test_exercises_are_shown_and_their_checks_folded() -> None:
    new = nbformat.v4.new_code_cell
    told = nbformat.v4.new_output("display_data", {"text/html": "<b>To do</b>"})
    stub = new("def f():\n    raise NotImplementedError()")
    stub.metadata["nbgrader"] = {"grade_id": "exercise-98-1"}
    check = new('check("98.1", f)', outputs=[told])
    check.metadata["nbgrader"] = {"grade_id": "check-98-1"}
    done = new('progress("98")', outputs=[told])
    guess = new("predict('its answer')", outputs=[told])
    guess.metadata["jupyter"] = {"source_hidden": True}
    page = cell_page(stub, check, done, guess)
    assert "Yours to write" in page.select_one(".exercise").text
    assert [d.summary.text for d in page.select("main details.cell")] == [
        "The check of this exercise runs in the notebook",
        "What you have done so far: in the notebook",
    ]
    assert all(d.get("open") is None for d in page.select("main details"))
    assert "its answer" not in page.text


def test_headings_with_the_same_words_have_their_own_anchors() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A\n\n## B\n\n## B")]
    )
    assert [h.anchor for h in read_headings(notebook)[0]] == ["A", "B", "B-2"]


def test_figure_without_words_is_refused(tmp_path: Path) -> None:
    output = nbformat.v4.new_output("display_data", {"image/png": ""})
    with pytest.raises(FigureError, match="has no alt text"):
        place_output(output, {}, tmp_path, "x")


def test_progress_bars_are_left_out() -> None:
    bar = "\r9 nets:   0%|     | 0/9 [00:00<?, ?it/s]\r9 nets: 100%|███| 9/9 [00:01<00:00, 9it/s]"
    assert drop_bars(f"before\n{bar}\nafter 5%\n") == "before\nafter 5%\n"


def test_what_is_printed_in_a_row_is_one_block() -> None:
    new = nbformat.v4.new_output
    picture = new("display_data", {"text/html": "<img>"})
    outputs = [new("stream", text=text) for text in ("a\n", "b\n", "c\n")]
    joined = join_printed([*outputs[:2], picture, outputs[2]])
    assert [output.get("text") for output in joined] == ["a\nb\n", None, "c\n"]


@pytest.mark.parametrize("latex", [r"\nosuchcommand x", r"a^b^c", r"\mathfrak F"])
def test_formula_that_cannot_be_shown_is_refused(latex: str) -> None:
    with pytest.raises(FormulaError, match="no MathML for"):
        make_mathml(latex)


@pytest.mark.parametrize(
    ("latex", "letter"),
    [(r"\mathbb E\,L", 0x1D53C), (r"\mathbb{E}[z]", 0x1D53C), (r"\mathcal N(0, 1)", 0x1D4A9)],
)
def test_a_letter_in_another_style_is_a_letter_of_its_own(latex: str, letter: int) -> None:
    assert f"<mi>&#x{letter:X};</mi>" in make_mathml(latex)


def test_dollars_that_are_no_formula_stay() -> None:
    html = "<code>$x$</code> costs 5$ or 6$, and $x_1 &lt; 2$"
    shown = replace_formulas(html)
    assert shown.startswith("<code>$x$</code> costs 5$ or 6$, and <math")
    assert shown.count("<math") == 1


def test_no_line_breaks_between_a_formula_and_its_comma() -> None:
    x = make_mathml("x")
    together = f'<span class="word">({x},</span>'
    assert keep_together(f"<p>a ({x}, b {x} c</p>") == f"<p>a {together} b {x} c</p>"
    assert keep_together(f"<li>{x}</li>") == f"<li>{x}</li>"
    assert keep_together(f"{x}/{x}.") == f'<span class="word">{x}/{x}.</span>'
    text = cell_page(nbformat.v4.new_markdown_cell("# A\n\nAll $n$, at most."))
    assert text.select_one(".word").text == "n,"


def test_a_percent_sign_stays_with_its_number() -> None:
    page = cell_page(nbformat.v4.new_markdown_cell("# A\n\nIt is 20 % of `5 % 2`."))
    assert "20\N{NO-BREAK SPACE}% of 5 % 2." in page.text


def test_a_percent_sign_stays_with_its_number_in_what_figures_say() -> None:
    frames = {"0": ("a.webp", "20 % wrong"), "1": ("b.webp", "30 % wrong")}
    control = {"label": "share", "kind": "slider", "values": ["20", "30"], "start": 0}
    swept = {"width": 9, "height": 9, "controls": [control], "frames": frames}
    found = explorer(swept, "figures", "one")
    assert "20\N{NO-BREAK SPACE}% wrong</p>" in found
    assert "30\N{NO-BREAK SPACE}% wrong" in found


def test_the_search_finds_what_it_proposes() -> None:
    start = (TEMPLATES / "start.html.j2").read_text(encoding="utf-8")
    proposed = re.findall(r'placeholder="(.+?)"', start)[0].split(", ")
    pages = [describe(path.stem, nbformat.read(path, as_version=4)) for path in NOTEBOOKS]
    places = [" ".join(place.values()).lower() for place in json.loads(make_index(pages))]
    assert len(proposed) > 2
    assert [word for word in proposed if not any(word.lower() in p for p in places)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_formula_of_the_lessons_is_understood(path: Path) -> None:
    headings, first = read_headings(nbformat.read(path, as_version=4))
    assert headings[0].level == 1
    assert first
