"""The static pages in a browser: no kernel, no network, and everybody can use them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from helpers.instructor.site import Made, build_site
from tests.lab import start_browser
from tests.running import ROOT
from tests.site_lessons import install

pytestmark = pytest.mark.browser

SCREENSHOTS = ROOT / "tests" / "screenshots" / "site"
AXE = {"preload": False}  # it would ask for the style sheet, which a page from a file may not
MATH = "http://www.w3.org/1998/Math/MathML"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Made]]:
    """The site of the two lessons: its folder, and what the build tells of the pages."""
    home = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch)
        return home / "out", build_site(home / "out")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_browser() as context:
        yield context.browser


@pytest.fixture
def visit(browser: Any, made: tuple[Path, list[Made]]) -> Iterator[Any]:
    """Opens a page of the site without a network; whatever it asks for elsewhere fails the test."""
    problems: list[str] = []
    contexts = []

    def ask(route: Any) -> None:
        if route.request.url.startswith((made[0].as_uri(), "data:")):
            route.continue_()
        else:
            problems.append(route.request.url)
            route.abort()

    def open_page(name: str, *, width: int = 1280, theme: str = "light", **more: Any) -> Any:
        size = {"width": width, "height": 900}
        contexts.append(
            browser.new_context(viewport=size, color_scheme=theme, offline=True, **more)
        )
        contexts[-1].route("**/*", ask)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text))
        page.goto((made[0] / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def soup(made: tuple[Path, list[Made]], name: str) -> BeautifulSoup:
    return BeautifulSoup((made[0] / name).read_text(encoding="utf-8"), "html.parser")


def state(page: Any) -> tuple[str, str, list[str]]:
    """The explorable's picture, its words, and what its controls say."""
    figure = page.locator(".explorer")
    image, words = figure.locator("img"), figure.locator("[role=status]").inner_text()
    assert image.get_attribute("alt") == words
    controls = figure.locator(".control").evaluate_all(
        """all => all.map(c => c.querySelector('output')?.textContent
            ?? c.querySelector('select')?.selectedOptions[0].textContent
            ?? c.querySelector('input:checked')?.parentNode.textContent.trim() ?? 'no')"""
    )
    return image.get_attribute("src"), words, controls


def wait_for_words(page: Any, words: str) -> None:
    page.wait_for_function(
        "words => document.querySelector('.explorer [role=status]').textContent === words",
        arg=words, timeout=5000,
    )  # fmt: skip
    assert page.locator(".explorer img").evaluate("i => i.decode().then(() => i.naturalWidth)") > 0


def test_slider_by_mouse(visit: Any) -> None:
    page = visit("98_studio.html")
    slider = page.get_by_label("its height")
    slider.scroll_into_view_if_needed()
    before = state(page)
    assert before[1:] == ("A solid blue line up to 0.5.", ["0.50", "blue", "solid", "no"])
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    wait_for_words(page, "A solid blue line up to 1.")
    assert state(page)[0] != before[0]
    assert slider.get_attribute("aria-valuetext") == "1.00"


def test_every_control_by_keyboard(visit: Any) -> None:
    page = visit("98_studio.html")
    reached: list[str] = []
    pressed = {"range": "Home", "radio": "ArrowRight", "select-one": "End", "checkbox": "Space"}
    for _ in range(60):
        page.keyboard.press("Tab")
        kind = page.evaluate("document.activeElement.closest('.control') && "
                             "document.activeElement.type")  # fmt: skip
        if kind and kind not in reached:
            reached.append(kind)
            before = state(page)[1]
            page.keyboard.press(pressed[kind])
            page.wait_for_function(
                "b => document.querySelector('.explorer [role=status]').textContent !== b",
                arg=before, timeout=5000,
            )  # fmt: skip
    assert reached == ["range", "radio", "select-one", "checkbox"]


def test_pairs_are_there_and_a_third_control_goes_back(visit: Any) -> None:
    page = visit("98_studio.html")
    page.get_by_label("red").check()
    page.get_by_label("its height").press("End")
    wait_for_words(page, "A solid red line up to 1.")
    page.get_by_label("style").select_option("dashed")
    wait_for_words(page, "A dashed red line up to 0.5.")
    assert state(page)[2] == ["0.50", "red", "dashed", "no"]
    assert page.locator(".control.went-back").count() == 1
    assert "may go back" in page.locator(".frames-note").inner_text()
    page.get_by_label("thick").check()
    page.wait_for_function("document.querySelector('.explorer img').alt.endsWith('thick.')")


def test_every_frame_is_there(visit: Any, made: tuple[Path, list[Made]]) -> None:
    page = visit("98_studio.html")
    data = page.evaluate("JSON.parse(document.querySelector('.explorer script').textContent)")
    assert [len(values) for values in data["values"]] == [17, 2, 6, 2]
    files = {name for name, _ in data["frames"].values()}
    still = {Path(i["src"]).name for i in soup(made, "98_studio.html").select(".still img")}
    assert files | still == {file.name for file in (made[0] / "98_studio").iterdir()}
    alone = {(i, k) for i, values in enumerate(data["values"]) for k in range(len(values))}
    start = [int(k) for k in data["start"].split(",")]
    for i, k in alone:
        key = ",".join(str(k if i == j else s) for j, s in enumerate(start))
        assert key in data["frames"]


def test_formulas_are_mathml(visit: Any, made: tuple[Path, list[Made]]) -> None:
    page = visit("98_studio.html")
    drawn = page.locator("main math").evaluate_all(
        f"all => all.filter(m => m.namespaceURI === '{MATH}' && m.querySelector('*')).length"
    )
    assert drawn == 10  # 6 in the text, one of them in a heading; 4 in the prediction
    page.locator("pre, script, code").evaluate_all("all => all.forEach(e => e.remove())")
    assert "$" not in page.locator("body").inner_text()


def test_widths_and_themes(visit: Any) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    colors = set()
    for theme in ("light", "dark"):
        for width in (1280, 800):
            for name in ("98_studio", "index"):
                page = visit(f"{name}.html", width=width, theme=theme)
                page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{width}.png")
                assert page.evaluate("document.documentElement.scrollWidth") == width
        colors.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colors == {"rgb(255, 255, 255)", "rgb(21, 24, 28)"}


def test_figures_keep_a_white_card_in_the_dark(visit: Any) -> None:
    page = visit("98_studio.html", theme="dark")
    cards = page.locator("figure img").evaluate_all(
        "all => all.map(i => getComputedStyle(i)).map(s => [s.backgroundColor, s.borderRadius])"
    )
    assert cards == [["rgb(255, 255, 255)", "8px"]] * 2


def test_a_phone_can_read_a_figure_and_move_a_slider(visit: Any) -> None:
    page = visit("98_studio.html", width=390, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    image = page.locator(".still img")
    assert image.bounding_box()["width"] == 720  # of 800: its labels can be read
    scroller = page.locator(".still .picture")
    assert scroller.get_attribute("tabindex") == "0"
    assert scroller.evaluate("e => { e.scrollLeft = 99; return e.scrollLeft; }") == 99
    targets = page.locator(".control input[type=range], .control label:has(input), select")
    heights = [target.bounding_box()["height"] for target in targets.all()]
    assert len(heights) == 5
    assert min(heights) >= 44


def test_paper_is_white_and_nothing_is_cut_off(visit: Any) -> None:
    page = visit("98_studio.html", width=680)
    for _ in ("light", "dark"):
        page.get_by_role("button", name="Theme").click()
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 33, 38)"
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert page.locator("pre, .picture").evaluate_all(cut) == 0


def test_without_scripts_nothing_is_offered_that_needs_them(visit: Any) -> None:
    page = visit("98_studio.html", java_script_enabled=False)
    assert page.locator(".explorer img").is_visible()
    assert page.locator(".explorer [role=status]").is_visible()
    assert not page.locator(".controls").is_visible()
    start = visit("index.html", java_script_enabled=False)
    assert start.get_by_role("link", name="A studio").is_visible()
    assert not start.get_by_label("Search").is_visible()


def test_a_phone_shows_the_whole_table_of_lessons(visit: Any) -> None:
    page = visit("index.html", width=390)
    page.locator(".lessons td:last-child").evaluate_all(
        "all => all.forEach(td => { td.textContent = 'what it is about, '.repeat(4); })"
    )
    rows = [row.bounding_box() for row in page.locator(".lessons tbody tr").all()]
    assert max(row["x"] + row["width"] for row in rows) <= 390
    assert max(row["height"] for row in rows) < 130  # three lines or four, not ten


def test_theme_can_be_chosen_and_is_kept(visit: Any) -> None:
    page = visit("98_studio.html")
    background = "getComputedStyle(document.body).backgroundColor"
    button = page.get_by_role("button", name="Theme")
    button.press("Enter")
    assert button.inner_text() == "Theme: light"
    button.press("Enter")
    assert button.inner_text() == "Theme: dark"
    assert page.evaluate(background) == "rgb(21, 24, 28)"
    page.reload()
    assert page.evaluate(background) == "rgb(21, 24, 28)"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "98_studio.html"])
def test_axe_finds_nothing_serious(visit: Any, name: str, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(name, theme=theme, width=800)
    for details in page.locator("details").all():
        details.evaluate("d => { d.open = true }")
    found = Axe().run(page, options=AXE).response
    serious = [f"{v['id']}: {v['nodes'][0]['html']}" for v in found["violations"]
               if v["impact"] in ("serious", "critical")]  # fmt: skip
    assert serious == []
    assert len(found["passes"]) > 15


def test_axe_would_find_something(visit: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit("98_studio.html")
    page.locator(".explorer img").evaluate("i => i.removeAttribute('alt')")
    page.locator(".explorer label").first.evaluate("l => l.remove()")
    found = {v["id"] for v in Axe().run(page, options=AXE).response["violations"]}
    assert {"image-alt", "label"} <= found


def test_search(visit: Any) -> None:
    page = visit("index.html")
    page.get_by_label("Search").fill("Glóssary")
    assert page.locator("#found").inner_text() == "1 place"
    page.get_by_role("link", name="Glossary").click()
    assert page.url.endswith("99_glossary.html#Glossary")
    page.go_back()
    page.get_by_label("Search").fill("no such words")
    assert page.locator("#found").inner_text() == "0 places"


def test_links_lead_somewhere(made: tuple[Path, list[Made]]) -> None:
    pages = {
        name: soup(made, name) for name in ("index.html", "98_studio.html", "99_glossary.html")
    }
    for name, page in pages.items():
        for link in page.select("a[href]"):
            file, _, anchor = link["href"].partition("#")
            if "README" in file:
                assert (made[0] / file).resolve() == ROOT / "README.md"
                continue
            target = pages[file or name]
            assert not anchor or target.find(id=anchor), f"{name}: {link['href']}"
    rels = [
        pages["98_studio.html"].select("[rel=next]"),
        pages["99_glossary.html"].select("[rel=prev]"),
    ]
    assert [{a["href"] for a in links} for links in rels] == [
        {"99_glossary.html"}, {"98_studio.html"},
    ]  # fmt: skip


def test_heads_and_images(made: tuple[Path, list[Made]]) -> None:
    page = soup(made, "98_studio.html")
    assert page.html["lang"] == "en"
    assert page.title.text == "98 A studio"
    assert page.find("meta", {"name": "description"})["content"].startswith("The first paragraph")
    assert page.find("link", rel="icon")["href"].startswith("data:")
    assert all(i["loading"] == "lazy" and i["alt"] and i["width"] for i in page.select("main img"))
    assert page.select("h2")[1]["id"] == "Tables"
    assert not page.select("script[src^=http], link[href^=http], img[src^=http]")


def test_pages_are_small(made: tuple[Path, list[Made]], monkeypatch: pytest.MonkeyPatch) -> None:
    out, pages = made
    page = pages[0]
    files = [
        out / "98_studio.html",
        out / "site.css",
        out / "site.js",
        *(out / "98_studio").iterdir(),
    ]
    assert page.bytes == sum(file.stat().st_size for file in files) < 3_000_000
    assert page.pictures == len(files) - 3
