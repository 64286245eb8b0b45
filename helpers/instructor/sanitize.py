"""What a learner wrote or printed, made harmless for the pages of formgrader and feedback.

Both pages show notebooks as HTML and trust them. Outputs keep three kinds of data: text, pictures
that are pictures, and HTML cleaned by bleach. In markdown no HTML is left.
"""

import base64
import binascii
import io
import re
import warnings
from collections.abc import Mapping
from typing import Any

import bleach
from PIL import Image

MAX_TEXT = 100_000  # characters of one text
MAX_MARKDOWN = 20_000  # pages take a second for this (8 s the worst known); it grows as the square
MAX_PICTURE = 4 << 20  # characters of base64
MAX_PIXELS = 20_000_000  # a browser unpacks all of them, four bytes each
_TAGS = frozenset({
    "b", "blockquote", "br", "caption", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "i",
    "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th",
    "thead", "tr", "u", "ul", "details", "summary",
})  # fmt: skip


def _allowed(tag: str, name: str, value: str) -> bool:
    """Cells of a table over at most 99 others: of 1000 each, browsers take half a minute."""
    spans = name in ("colspan", "rowspan") and re.fullmatch(r"[1-9][0-9]?", value) is not None
    return spans or (tag == "th" and name == "scope")


_ATTRIBUTES = {"td": _allowed, "th": _allowed}
_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
# MathJax turns these into links, scripts or styles, or draws with them over other cells
_MACROS = re.compile(
    r"\\(href|url|require|style|class|cssId|unicode|html\w*|data|mmlToken|csname"
    r"|raise|lower|move(?:left|right)|smash|[rl]lap|[rR]ule|Space|kern|mkern|[hm]skip|[hm]space"
    r"|uproot|leftroot|def|let|(?:re)?newcommand|(?:re)?newenvironment)(?![A-Za-z])"
)
_BACK = re.compile(r"(?:\\!\s*){4,}")  # many small steps back are a large one
_NESTED = re.compile(r"\\(?:begin|(?:display|text|script|scriptscript)style)(?![A-Za-z])")
_NESTING = 30  # braces within braces: with 200, MathJax brings the page down
_ENTITY = re.compile(r"&(?=#?[^\s<&#;]{1,32};)")  # not that of a matrix: 1 & 0, a &= b
# where the address of a link, or of a definition, begins, unless it is one of the web
_LINK = re.compile(r"(?i)\](?=[(:])(?!.[ \t\n]*(?:https?://|mailto:|#))")
_IMAGE = re.compile(r"!(?=\[)")
_START = r"^[ \t>*+\-:.)\d]*+"  # of a line: the marks of lists and quotes around what it holds
# pages color a block of code by its language, in some for half a minute
_LANGUAGE = re.compile(
    rf"({_START}(?:`{{3,}}+(?=[^`\n]*$)|~{{3,}}+))(?![ \t]*(?:python|py)?[ \t]*$).*$", re.MULTILINE
)
# a heading becomes an id, and by their ids formgrader finds the fields for points
_HEADING = re.compile(rf"({_START}#+)", re.MULTILINE)
_UNDERLINED = re.compile(
    rf"({_START}(?!(?:`{{3,}}|~{{3,}})\w*$)(?=.*\w).*+)(?=\n[ \t>*+\-:.)\d]*[=-]+[ \t]*$)",
    re.MULTILINE,
)
_JOINER = "\u2060"  # of no width
_OPENING = re.compile(r"\\\\(?=[\[(])")
_OPENINGS = 100  # of formulas: for each, a page looks for its end in all of the text
_COLOR = re.compile("\x1b(?:\\[[^@-~\n\x1b]*[@-~]?)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff]")


def clean_text(text: Any, limit: int = MAX_TEXT) -> str:
    """Text without control characters (those of colors stay), cut at `limit` characters."""
    whole = "".join(text) if isinstance(text, list) else str(text)
    kept = _CONTROL.sub("", whole[: limit + 1])
    return kept if len(whole) <= limit else kept[:limit] + "\n[… cut here]"


def without_colors(value: Any) -> Any:
    """An output, or a text of one, without the codes of colors."""
    if isinstance(value, Mapping):
        return {name: without_colors(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_colors(part) for part in value]
    return _COLOR.sub("", value) if isinstance(value, str) else value


def one_line(text: Any, limit: int) -> str:
    """At most `limit` characters for a list, a table or a terminal: no line ends, no commands.

    What cannot be printed (half a character, an escape, a change of direction) is spelt out.
    """
    spelt = (c if c.isprintable() else ascii(c)[1:-1] for c in str(text)[:limit])
    return "".join(spelt)[:limit]


def clean_html(html: str) -> str:
    """HTML with harmless tags and no attribute that links, styles or runs anything."""
    cleaned: str = bleach.clean(
        clean_text(html), tags=_TAGS, attributes=_ATTRIBUTES, strip=True, strip_comments=True
    )
    return _tame_formulas(cleaned)


def clean_markdown(source: str) -> str:
    """Markdown in which no HTML is left, links lead to the web or down the page, images are text.

    Formulas stay formulas. Blocks of code have no language but Python, headings no id of the page.
    """
    lines = re.sub("\r\n?", "\n", clean_text(source, MAX_MARKDOWN))  # as renderers read them
    harmless = _tame_formulas(lines)
    if len(_OPENING.findall(harmless)) > _OPENINGS:
        harmless = _OPENING.sub(rf"\g<0>{_JOINER}", harmless)
    # renderers decode entities, some twice, so what decides is how an address is written
    escaped = _ENTITY.sub("&amp;", harmless).replace("<", "&lt;")
    texts = _IMAGE.sub("! ", _LINK.sub("] ", escaped))
    plain = _LANGUAGE.sub(r"\1", re.sub(r"(?i)(javascript|vbscript)\s*:", r"\1 :", texts))
    return _UNDERLINED.sub(rf"\1{_JOINER}", _HEADING.sub(rf"\1{_JOINER}", plain))


def _tame_formulas(text: str) -> str:
    """Text whose formulas neither run nor draw beyond their place, nor bring the page down.

    Without the braces that are nested too deeply, and without dozens of what may be.
    """
    text = _BACK.sub(r"\\!", _MACROS.sub(r"\\text", text))
    if len(_NESTED.findall(text)) > _NESTING:
        text = _NESTED.sub(r"\\text", text)
    kept, depth = [], 0
    for part in re.split(r"([{}])", text):
        depth += (part == "{") - (part == "}" and depth > 0)
        deep = depth > _NESTING if part == "{" else depth >= _NESTING
        kept.append("" if part in ("{", "}") and deep else part)
    return "".join(kept)


def clean_output(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a cell, built anew from a kernel's message. Raises ValueError if it is none."""
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": clean_text(content.get("text", ""))}
    if kind == "error":
        trace = content.get("traceback")
        lines = trace[:100] if isinstance(trace, list) else []
        return {
            "output_type": "error",
            "ename": clean_text(content.get("ename"), 200),
            "evalue": clean_text(content.get("evalue"), 2000),
            "traceback": [clean_text(line, 4000) for line in lines],
        }
    data = content.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, Mapping):
        raise ValueError(f"not an output: {kind[:20]!r}")
    return {"output_type": "display_data", "data": clean_data(data), "metadata": {}}


def clean_data(data: Mapping[str, Any]) -> dict[str, str]:
    """The forms of a displayed value that may be shown."""
    kept = {"text/plain": clean_text(data.get("text/plain", ""), 20_000)}
    if isinstance(data.get("text/html"), str):
        kept["text/html"] = clean_html(data["text/html"])
    for mime, start in _PICTURES.items():
        if isinstance(data.get(mime), str) and _is_picture(data[mime], start):
            kept[mime] = data[mime].strip()
    return kept


def _is_picture(text: str, start: bytes) -> bool:
    """Whether a text is base64, which no quote can leave, of a picture that starts like this."""
    if len(text) > MAX_PICTURE:
        return False
    try:
        content = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return content.startswith(start) and 0 < _count_pixels(content) <= MAX_PIXELS


def _count_pixels(content: bytes) -> int:
    """Of a PNG or a JPEG, as its head says; nothing is unpacked. 0 when it cannot be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pictures that are too large: they are left out
        try:
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
                return picture.width * picture.height
        except Exception:  # hostile: any form of nonsense
            return 0
