"""What code cells have put out, as HTML for pages: pictures in files, explorables that move."""

import base64
import hashlib
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.instructor.site_formulas import keep_percent, replace_formulas
from helpers.instructor.site_frames import VIEW, encode_webp

FIGURE_DENSITY = 1.5
PROGRESS_BAR = re.compile(r"^.*\d%\|.*\|.*\[.*\][ ]*\n?", re.MULTILINE)
# A cell's kind: how a page shows it, see index.html.j2
KINDS = {"exercise": "exercise", "check": "check", "written": "written"}


class FigureError(ValueError):
    """A picture that cannot be put on a page, such as one without an alt text."""


def mark_cells(notebook: NotebookNode) -> None:
    """Give each cell a kind, in metadata.site: how the page shows it."""
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        kind = KINDS.get(name.partition("-")[0], "")
        if cell.cell_type == "code" and cell.metadata.get("jupyter", {}).get("source_hidden"):
            kind = "predict"
        if cell.cell_type == "code" and cell.source.startswith("progress("):
            kind = "progress"
        cell.metadata["site"] = kind


def place_outputs(notebook: NotebookNode, folder: Path) -> None:
    """Put HTML in the place of all pictures and live views; their files are in the folder."""
    frames = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for i, output in enumerate(cell.outputs):
            identity = f"figure-{cell.id}-{i}"
            if output.output_type == "stream":
                output.text = drop_bars(output.text)
            elif "data" in output:
                place_output(output, frames, folder, identity)
        cell.outputs = join_printed([o for o in cell.outputs if o.get("text", "x").strip()])


def place_output(
    output: NotebookNode, frames: Mapping[str, Any], folder: Path, identity: str
) -> None:
    """One output: an explorable, a picture, HTML with formulas, or left as it is."""
    view = output.data.pop(VIEW, {}).get("model_id")
    if view in frames:
        output.data = {"text/html": explorer(frames[view], folder.name, identity)}
    elif "image/png" in output.data:
        output.data = {"text/html": figure(output, folder)}
    elif "text/html" in output.data:
        output.data = {"text/html": replace_formulas(output.data["text/html"])}


def drop_bars(text: str) -> str:
    """Text without progress bars, whose lines are written over each other."""
    last = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    return PROGRESS_BAR.sub("", "\n".join(last))


def join_printed(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Outputs in which what is printed in a row is one block, however slowly it came."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def figure(output: NotebookNode, folder: Path) -> str:
    """A picture that does not move; raises FigureError when it has no alt text."""
    size = output.metadata.get("image/png", {})
    if not size.get("alt"):
        raise FigureError("a figure has no alt text: show it with plots.show(fig, alt=...)")
    data = encode_webp(base64.b64decode(output.data["image/png"]), FIGURE_DENSITY)
    name = hashlib.sha256(data).hexdigest()[:12] + ".webp"
    (folder / name).write_bytes(data)
    image = picture(f"{folder.name}/{name}", size["alt"], size["width"], size["height"])
    caption = html.escape(keep_percent(size["alt"]))
    return f'<figure class="still">{image}<p class="caption">{caption}</p></figure>'


def picture(address: str, alt: str, width: int, height: int) -> str:
    """An image that is loaded when it comes into view, and leaves room for itself before."""
    return (
        f'<div class="picture"><img src="{address}" alt="{html.escape(alt)}" width="{width}" '
        f'height="{height}" loading="lazy" decoding="async"></div>'
    )


def explorer(sweep: Mapping[str, Any], folder: str, identity: str) -> str:
    """Controls, the picture and its words; the page's script shows the frame of their values.

    sweep: what `site_frames.Sweep.describe` tells. folder: of the files, beside the page.
    """
    start = ",".join(str(control["start"]) for control in sweep["controls"])
    frames = {k: (name, keep_percent(text)) for k, (name, text) in sweep["frames"].items()}
    name, text = frames[start]
    controls = "".join(
        control_html(control, f"{identity}-{i}") for i, control in enumerate(sweep["controls"])
    )
    data = {"folder": folder, "start": start, "frames": frames,
            "values": [control["values"] for control in sweep["controls"]]}  # fmt: skip
    encoded = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    image = picture(f"{folder}/{name}", text, sweep["width"], sweep["height"])
    return (
        f'<figure class="explorer" id="{identity}"><div class="controls">{controls}</div>{image}'
        f'<p class="caption" role="status">{html.escape(text)}</p>'
        f'<p class="frames-note">{tell_limits(sweep)}</p>'
        f'<script type="application/json">{encoded}</script></figure>'
    )


def control_html(control: Mapping[str, Any], identity: str) -> str:
    """A slider, buttons, a menu or a box, with its name."""
    label, values, start = html.escape(control["label"]), control["values"], control["start"]
    shown = [html.escape(value) for value in values]
    if control["kind"] == "slider":
        return (
            f'<div class="control"><label for="{identity}">{label}</label>'
            f'<input type="range" id="{identity}" min="0" max="{len(values) - 1}" value="{start}"'
            f' aria-valuetext="{shown[start]}"><output for="{identity}">{shown[start]}</output>'
            "</div>"
        )
    if control["kind"] == "box":
        checked = " checked" if start else ""
        return f'<div class="control"><label><input type="checkbox"{checked}> {label}</label></div>'
    if control["kind"] == "menu":
        options = "".join(
            f"<option{' selected' if k == start else ''}>{value}</option>"
            for k, value in enumerate(shown)
        )
        return (
            f'<div class="control"><label for="{identity}">{label}</label>'
            f'<select id="{identity}">{options}</select></div>'
        )
    radios = "".join(
        f'<label><input type="radio" name="{identity}" value="{k}"'
        f"{' checked' if k == start else ''}> {value}</label>"
        for k, value in enumerate(shown)
    )
    return f'<fieldset class="control"><legend>{label}</legend>{radios}</fieldset>'


def tell_limits(sweep: Mapping[str, Any]) -> str:
    """What the frames cannot show, in one sentence."""
    count = len(sweep["controls"])
    alone = 1 + sum(len(control["values"]) - 1 for control in sweep["controls"])
    if count == 1:
        return f"Saved pictures at {alone} values; in the notebook the control moves freely."
    if len(sweep["frames"]) == math.prod(len(control["values"]) for control in sweep["controls"]):
        return "Saved pictures, at a few values of each control; in the notebook all move freely."
    if len(sweep["frames"]) == alone:
        return (
            "Saved pictures: when you move one control, the others go back to their start. "
            "In the notebook all move freely."
        )
    return (
        "Saved pictures, not for every combination: a control may go back to its start. "
        "In the notebook all move freely."
    )
