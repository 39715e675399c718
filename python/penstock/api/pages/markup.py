"""HTML from values: what is text is escaped, what is markup was made here."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; } section { margin: 2rem 0; border-top: 1px solid var(--line); }
code, pre { font: 0.9em/1.4 ui-monospace, monospace; } pre { background: var(--soft); padding: .75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
nav ul { list-style: none; padding-left: 1rem; } .method { font-weight: bold; }
"""

# The one style of every page, by its hash: nothing else is loaded, run, framed or sent anywhere.
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PARAGRAPH: Final = re.compile(r"\n\s*\n")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *inside: str, **attributes: str) -> Markup:
    """An element. Strings inside are escaped unless they are markup; `class_` and `for_` lose their underscore."""
    given = "".join(f' {key.rstrip("_")}="{html.escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{given}>{join(*inside)}</{name}>")


def join(*parts: str) -> Markup:
    """One after the other."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part) for part in parts))


def line(text: str) -> Markup:
    """Text in which `…` is code."""
    pieces = text.split("`")
    return join(*(tag("code", piece) if index % 2 else piece for index, piece in enumerate(pieces)))


def prose(text: str) -> Markup:
    """Paragraphs of such text."""
    return join(*(tag("p", line(paragraph)) for paragraph in _PARAGRAPH.split(text) if paragraph))


def table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Markup:
    """Rows under titles, or nothing where there are no rows."""
    if not rows:
        return Markup()
    head = tag("tr", *(tag("th", title) for title in titles))
    return tag("table", tag("thead", head), tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows)))


def listed(items: tuple[str, ...]) -> Markup:
    """A list of sentences."""
    return tag("ul", *(tag("li", line(item)) for item in items))


def page(title: str, *inside: str) -> bytes:
    """A whole page."""
    head = join(
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title), Markup(f"<style>{STYLE}</style>"),
    )  # fmt: skip
    body = tag("body", tag("h1", title), *inside)
    return f"<!doctype html>\n{tag('html', tag('head', head), body, lang='en')}\n".encode()
