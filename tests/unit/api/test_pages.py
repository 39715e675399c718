"""The pages: complete, whole by themselves, and safe whatever text is put into them."""

import re
from html.parser import HTMLParser

import pytest

from penstock.api.app import SECTIONS
from penstock.api.open_routes import OPEN_ROUTES
from penstock.api.openapi import document
from penstock.api.pages import errors, reference
from penstock.api.pages.explained import EXPLAINED
from penstock.api.pages.markup import Markup, line, page, tag
from penstock.api.problems import ROWS

DOCUMENT = document(SECTIONS, OPEN_ROUTES)
EMPTY = {"meta", "br", "hr"}


class Outline(HTMLParser):
    """What is in a page, and whether everything that opens closes."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links |= {value or "" for name, value in attrs if name == "href"}
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must be the last that was opened."""
        assert self.open.pop() == tag


def outlines() -> dict[str, Outline]:
    """Every page."""
    pages = {"reference": reference.render(DOCUMENT), "codes": errors.render_all()}
    pages |= {code: errors.render_one(code) for code in ROWS}
    return {name: Outline(text) for name, text in pages.items()}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    """The table of texts and the table of errors have the same codes."""
    assert set(EXPLAINED) == set(ROWS)


@pytest.mark.parametrize("code", sorted(EXPLAINED))
def test_a_code_is_explained_in_sentences(code: str) -> None:
    """What it means, why, and what to do: nothing is empty, and the page shows all of it."""
    explained = EXPLAINED[code]
    assert explained.causes
    assert explained.remedies
    for text in (explained.meaning, *explained.causes, *explained.remedies):
        assert re.fullmatch(r"[A-Z].{15,}[.:]|[A-Z].{15,}`\.", text), text
        assert line(text).encode() in errors.render_one(code)


@pytest.mark.parametrize(("name", "outline"), outlines().items(), ids=lambda one: one if isinstance(one, str) else "")
def test_a_page_is_whole_and_loads_nothing(name: str, outline: Outline) -> None:
    """Everything closes, there is no script, no style of an element and nothing from elsewhere."""
    assert name
    assert outline.open == []
    assert not outline.tags & {"script", "img", "link", "iframe", "form", "object"}
    assert not {name for name in outline.attributes if name.startswith("on")} | (outline.attributes & {"style", "src"})
    assert all(link.startswith(("/", "#")) for link in outline.links)
    assert len(set(outline.ids)) == len(outline.ids)


def test_links_lead_somewhere() -> None:
    """Each link is to a place on its page, to an address of ours or to a code that is there."""
    known = {route.path for route in OPEN_ROUTES} | {f"/docs/errors/{code}" for code in ROWS}
    for outline in outlines().values():
        assert outline.links <= known | {f"#{name}" for name in outline.ids}


def test_the_reference_shows_every_route_parameter_and_type() -> None:
    """Nothing of the document is left out."""
    text = reference.render(DOCUMENT).decode()
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            assert f'id="{operation["operationId"]}"' in text
            assert path in text
            assert all(f"<code>{one['name']}</code>" in text for one in operation["parameters"] if "name" in one)
    assert all(f'id="type-{name}"' in text for name in DOCUMENT["components"]["schemas"])


def test_text_is_never_markup() -> None:
    """Text is escaped wherever it stands, once."""
    evil = '<script>alert("1")</script>&amp;\''
    text = page(evil, tag("p", evil, class_=evil), line(f"`{evil}` {evil}")).decode()
    assert "<script" not in text
    assert text.count("&amp;amp;") == 6
    assert tag("b", Markup("<i>x</i>")) == "<b><i>x</i></b>"
