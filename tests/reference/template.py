"""Templates by regular expression."""

import re

TOKEN = re.compile(r"(?P<open>\{\{)|(?P<close>\}\})|\{(?P<name>[^}]*)\}|(?P<text>[^{}]+)|(?P<stray>.)", re.DOTALL)


class Refused(Exception):  # noqa: N818 - it is the word for it
    """The template cannot be compiled."""


def compile_template(text: str) -> tuple[list[str], list[str | int]]:
    """Names in order of first use, and the pieces: literals and indexes of names."""
    names: list[str] = []
    pieces: list[str | int] = []
    for token in TOKEN.finditer(text):
        if token["stray"] is not None:
            raise Refused(text)
        if token["name"] is None:
            pieces.append(token["text"] or token[0][0])
            continue
        name = _checked(token["name"]).lower()
        if name not in names:
            names.append(name)
        pieces.append(names.index(name))
    if len(names) > 32:
        raise Refused(text)
    return names, pieces


def render(pieces: list[str | int], values: list[str]) -> str:
    """The text for one recipient."""
    return "".join(values[piece] if isinstance(piece, int) else piece for piece in pieces)


def _checked(name: str) -> str:
    is_legal = all(character.isalnum() or character in "_-. " for character in name)
    if not 1 <= len(name) <= 64 or not is_legal or name != name.strip(" "):
        raise Refused(name)
    return name
