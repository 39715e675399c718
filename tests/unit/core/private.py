"""Secrets to be planted in tests, each with the parts of it that must not be seen again, and what they are planted in."""

import json
from typing import NamedTuple

from hypothesis import strategies as st


class Planted(NamedTuple):
    """A private text, and what would give it away."""

    text: str
    traces: tuple[str, ...]


# These are found wherever they stand, also glued to letters and digits.
ANYWHERE = [
    Planted("+4915100007321", ("151000073", "7321")),
    Planted("+49 151 0000 7321", ("151", "0000", "7321")),
    Planted("%2B4915100007321", ("151000073", "7321")),
    Planted("jane.doe@example.org", ("jane", "ane.doe")),
    Planted("redis://:hush-hush@cache:6379", ("hush",)),
    Planted("postgresql://magpie:p@ss-word@db/x", ("magpie", "p@ss", "ss-word")),
    Planted("c0ffee00" * 4, ("ffee00c0",)),
]
# These begin and end where words do.
AS_WORDS = [
    Planted("(650) 555-0173", ("0173", "555")),
    Planted("0151-0000-7321", ("0000-", "7321")),
    Planted("0049 151 00007321", ("00007321",)),
    Planted("650-555-0173", ("555-01", "0173")),
    Planted("Bearer magpie-hush-1", ("magpie", "hush")),
    Planted("basic bWFncGllOmh1c2g=", ("bWFncGll",)),
    Planted("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWdwaWUifQ.c2lnbmF0dXJl", ("hbGci", "zdWIi", "c2lnb")),
    Planted("pk_magpie-hush-hush", ("magpie", "hush")),
    Planted("whsec_bWFncGllaHVzaA", ("bWFncGll",)),
    Planted("ghp_magpie0123456789", ("magpie",)),
    Planted("AKIAIOSFODNN7EXAMPLE", ("IOSFODNN",)),
    Planted("Zx9Qa7Lm2Tk8Wp4Rv6Yb1Nc5Hd3Jf0Gs-eU_iXoAqMw", ("Zx9Qa7", "Jf0Gs")),
    Planted("4111 1111 1111 1111", ("1111",)),
    Planted("token=magpie-hush", ("magpie", "hush")),
    Planted("X-Webhook-Secret: magpie", ("magpie",)),
    Planted("{'text': 'magpie said hush', 'n': 1}", ("magpie", "hush")),
    Planted("Struct(phone=4915100007321, body=b'magpie')", ("49151", "magpie")),
]
NOISE = [
    "sent", "batch_sent", "the provider's answer", "x", "5000", "99.9%", "12.5 s", "v1.2.3", "2026-11-22T13:24:05.123456Z",
    "2026-11-22 13:24:05", "127.0.0.1:8080", "01926f3a-7b1c-7def-8abc-0123456789ab", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "Größe 5 €",
    "日本語", "🎉", "/var/lib/penstock", "penstock.store:123", "", "…", "-", "#",
]  # fmt: skip
PARTING = [" ", ", ", "; ", "\n", "\\n", " (", ") ", "> <", " | "]

noise = st.lists(st.sampled_from(NOISE), max_size=4).map(" ".join)
parting = st.sampled_from(PARTING)


@st.composite
def planted(draw: st.DrawFn) -> Planted:
    """A secret within noise."""
    if draw(st.booleans()):
        secret = draw(st.sampled_from(ANYWHERE))
        glue = st.sampled_from(["", "x", "Z", "_", "é", "/", ":", "=", '"'])
        text = draw(noise) + draw(glue) + secret.text + draw(glue)
    else:
        secret = draw(st.sampled_from(AS_WORDS))
        text = draw(noise) + draw(parting) + secret.text
    return Planted(text + draw(parting) + draw(noise), secret.traces)


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """One of the ways in which JSON can write a text."""
    if draw(st.booleans()):
        return json.dumps(text, ensure_ascii=draw(st.booleans()))
    every = draw(st.integers(1, 4))
    return '"' + "".join(_escaped(c) if n % every == 0 else json.dumps(c)[1:-1] for n, c in enumerate(text)) + '"'


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02X}" for n in range(0, len(units), 2)) if character != "/" else "\\/"


@st.composite
def planted_json(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    """A document with a secret somewhere in it: in a string, in a name, or as the value of a private field."""
    place = draw(st.sampled_from(["string", "name", "field"]))
    if place == "field":
        name = draw(st.sampled_from(["to", "apiKey", "API-KEY", "access_token", "Set-Cookie", "phoneNumber", "tax_id"]))
        value = draw(
            st.sampled_from(['"magpie"', '["magpie", {"a": "magpie"}]', '{"magpie": 1}', "4915100007321", '"a\\"magpie"'])
        )
        document, traces = f"{{{draw(spelled(name))}: {value}}}", ("magpie", "4915100007321")
    else:
        secret = draw(planted())
        text = draw(spelled(secret.text))
        document, traces = (text if place == "string" else f"{{{text}: 1}}"), secret.traces
    for around in draw(st.lists(st.sampled_from(["[1, %s]", '{"a": %s}', '[{"b": [%s, "x"]}]', " %s\n"]), max_size=4)):
        document = around.replace("%s", document)
    return document, traces
