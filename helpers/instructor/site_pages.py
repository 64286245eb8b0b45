"""An executed notebook to an HTML page: nbconvert with the course's own template."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets.config import Config

from helpers.instructor.site_formulas import keep_percent, keep_together, make_mathml

TEMPLATES = Path(__file__).with_name("site_templates")
KOREAN = re.compile(r"[가-힣]+(?: [가-힣]+)*")  # the glossary's; a screen reader has to know


@dataclass(frozen=True)
class Heading:
    """A heading of a page: level 1 to 6, its anchor, its text without markup."""

    level: int
    anchor: str
    text: str


@dataclass
class Page:
    """One lesson on the site: `stem` names its file, as in "01_initialization"."""

    stem: str
    number: str
    title: str
    minutes: int
    summary: str = ""  # what it is about, in a line
    description: str = ""  # its first paragraph
    headings: list[Heading] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.stem}.html"


class Renderer(IPythonRenderer):  # type: ignore[misc]
    """Markdown to HTML with MathML, anchors at headings, and links to pages for notebooks."""

    def __init__(self) -> None:
        super().__init__(escape=False)
        self.headings: list[Heading] = []

    def heading(self, text: str, level: int, **_: Any) -> str:
        plain = re.sub(r"\s+", " ", BeautifulSoup(text, "html.parser").get_text()).strip()
        anchor = wanted = plain.replace(" ", "-")  # as JupyterLab makes them
        taken = {heading.anchor for heading in self.headings}
        count = 1
        while anchor in taken:
            count += 1
            anchor = f"{wanted}-{count}"
        self.headings.append(Heading(level, anchor, plain))
        escaped = anchor.replace('"', "&quot;")
        link = f'<a class="anchor" href="#{escaped}" aria-label="Link to this section">#</a>'
        return f'<h{level} id="{escaped}">{text} {link}</h{level}>\n'

    def text(self, text: str) -> str:
        kept = keep_percent(super().text(text))
        return KOREAN.sub(r'<span lang="ko">\g<0></span>', kept)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        shown: str = super().link(text, re.sub(r"^([\w-]+)\.ipynb(?=#|$)", r"\1.html", url), title)
        return shown

    def block_math(self, body: str) -> str:
        return f'<span class="formula">{make_mathml(body, block=True)}</span>'

    def inline_math(self, body: str) -> str:
        return make_mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")


class PageExporter(HTMLExporter):  # type: ignore[misc]
    """nbconvert's HTML exporter with one renderer a page, which collects the headings."""

    def __init__(self, renderer: Renderer) -> None:
        settings = Config()
        settings.NbConvertBase.display_data_priority = ["text/html", "text/plain"]
        super().__init__(
            config=settings,
            template_name=TEMPLATES.name,
            extra_template_basedirs=[str(TEMPLATES.parent)],
        )
        self.renderer = renderer

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        html = keep_together(MarkdownWithMath(renderer=self.renderer).render(source))
        return html.replace("<table>", '<div class="table"><table>').replace(
            "</table>", "</table></div>"
        )


def read_headings(notebook: NotebookNode) -> tuple[list[Heading], str]:
    """The headings of a notebook, and its first paragraph as plain text."""
    renderer = Renderer()
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    shown = [MarkdownWithMath(renderer=renderer).render(source) for source in sources]
    first = BeautifulSoup(shown[0], "html.parser").find("p") if shown else None
    return renderer.headings, " ".join(first.get_text().split()) if first else ""


def convert(notebook: NotebookNode, page: Page, pages: Sequence[Page], *, readme: str = "") -> str:
    """The HTML of a page; its neighbors in `pages` are linked as previous and next.

    notebook: executed, with `site_outputs.place_outputs` done. readme: the README's address, or "".
    Raises FormulaError for a formula that cannot be shown.
    """
    at = next(i for i, other in enumerate(pages) if other.stem == page.stem)
    resources = {
        "page": page,
        "previous": pages[at - 1] if at else None,
        "next": pages[at + 1] if at + 1 < len(pages) else None,
        "readme": readme,
    }
    html, _ = PageExporter(Renderer()).from_notebook_node(notebook, resources=resources)
    return str(html)
