"""Small tables of text that a notebook shows as HTML and a terminal as lines."""

import html
from dataclasses import dataclass

SHORT = 24  # characters


@dataclass(frozen=True)
class Table:
    """Rows of text under a header: text in a terminal, HTML in a notebook."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    caption: str = ""

    def __repr__(self) -> str:
        every = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in every) for i in range(len(self.header))]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in every
        ]
        return "\n".join([*lines, *([self.caption] if self.caption else [])])

    def _repr_html_(self) -> str:
        head = "".join(_html_cell("th", text) for text in self.header)
        body = "".join(
            "<tr>" + "".join(_html_cell("td", text) for text in row) + "</tr>" for row in self.rows
        )
        note = f"<p>{html.escape(self.caption)}</p>" if self.caption else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _html_cell(tag: str, text: str) -> str:
    """A cell of a table; short ones stay on one line."""
    wrap = ";white-space:nowrap" if len(text) <= SHORT else ""
    style = f"text-align:left;padding:.2em .8em .2em 0;vertical-align:top{wrap}"
    return f'<{tag} style="{style}">{html.escape(text)}</{tag}>'
