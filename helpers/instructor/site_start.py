"""The start page: the table of lessons, a picture, and a search over headings and summaries."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from helpers.instructor.site_frames import encode_webp
from helpers.instructor.site_pages import TEMPLATES, Page

TITLE = "Initialization and regularization of neural networks"
DESCRIPTION = (
    "A course on how to start a neural network, and how to keep it from learning too much: "
    "lessons with figures that move, predictions, exercises, and measured claims."
)
PICTURE = re.compile(r"!\[(?P<alt>[^\]]+)\]\((?P<path>[^)]+\.png)\)")
ROW = re.compile(r"\(notebooks/(?P<stem>\w+)\.ipynb\)\s*\|\s*\d+\s*\|\s*(?P<summary>.*?)\s*\|\s*$")


def write_start(folder: Path, pages: Sequence[Page], *, readme: Path, link: str) -> Path:
    """Writes index.html, and the picture of the README beside it; returns the page's path.

    link: the address of the README for those who read the page.
    """
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    html = environment.get_template("start.html.j2").render(
        title=TITLE,
        description=DESCRIPTION,
        pages=pages,
        picture=_place_picture(folder, readme),
        readme=link,
        index=Markup(make_index(pages)),
    )
    path = folder / "index.html"
    path.write_text(html, encoding="utf-8")
    return path


def make_index(pages: Sequence[Page]) -> str:
    """JSON of what the search looks through: each heading with its address, each summary."""
    places = [
        {
            "text": page.title if heading.level == 1 else heading.text,
            "lesson": page.title,
            "about": page.summary if heading.level == 1 else "",
            "address": page.address + ("" if heading.level == 1 else f"#{heading.anchor}"),
        }
        for page in pages
        for heading in page.headings
    ]
    return json.dumps(places, ensure_ascii=False).replace("<", "\\u003c")


def read_summaries(readme: Path) -> dict[str, str]:
    """What each lesson is about, by its file's stem, from the README's table of lessons."""
    rows = (ROW.search(line) for line in readme.read_text(encoding="utf-8").splitlines())
    return {row["stem"]: row["summary"] for row in rows if row}


def _place_picture(folder: Path, readme: Path) -> dict[str, Any] | None:
    """The README's first picture as WebP, its alt text and size; None when there is none."""
    from PIL import Image

    found = PICTURE.search(readme.read_text(encoding="utf-8"))
    if found is None:
        return None
    source = readme.parent / found["path"]
    with Image.open(source) as image:
        width, height = image.size
    shown = min(1000, width)  # CSS pixels
    file = folder / "start.webp"
    file.write_bytes(encode_webp(source.read_bytes(), min(2.0, 3.0 * shown / width)))
    return {"file": file.name, "alt": found["alt"], "width": shown,
            "height": round(height * shown / width)}  # fmt: skip
