"""The codes of errors as pages: one for all, and one for each, at the address that an error's `type` gives."""

from http import HTTPStatus

from penstock.api.pages.explained import EXPLAINED
from penstock.api.pages.markup import Markup, line, listed, page, table, tag
from penstock.api.problems import ROWS, Row


def render_all() -> bytes:
    """Every code, by status."""
    rows = sorted(ROWS.values(), key=lambda row: (row.status, row.code))
    return page(
        "Codes of errors",
        tag(
            "p",
            "Every error is a problem document (RFC 9457) with one of these codes. Programs look at the code, not at texts.",
        ),
        table(("Status", "Code", "", "Try again?"), [_row(row) for row in rows]),
        _way_back(),
    )


def render_one(code: str) -> bytes:
    """What a code means, why it happens, what to do."""
    row, explained = ROWS[code], EXPLAINED[code]
    return page(
        code,
        tag("p", tag("strong", row.title), f" {row.status} {HTTPStatus(row.status).phrase}."),
        tag("p", line(explained.meaning)),
        tag("h2", "Causes"),
        listed(explained.causes),
        tag("h2", "What to do"),
        listed(explained.remedies),
        tag("p", _try_again(row)),
        _way_back(),
    )


def _row(row: Row) -> tuple[str, ...]:
    link = tag("a", tag("code", row.code), href=f"/docs/errors/{row.code}")
    return str(row.status), link, row.title, "yes" if row.is_retryable else "no"


def _try_again(row: Row) -> str:
    if row.is_retryable:
        return "The same request may succeed later: the error says so in retryable."
    return "The same request would be refused again: the error says so in retryable."


def _way_back() -> Markup:
    return tag("p", tag("a", "All codes", href="/docs/errors/"), " · ", tag("a", "Reference", href="/docs"))
