# ruff: noqa: INP001 - a program of one file, not a package
"""Print env.example: every setting of config/settings.py with its explanation and its default.

    python deploy/make_env_example.py > deploy/env.example

The explanations are the texts under the fields there. They do not exist at run time, so they are read from the source.
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Final, Literal, get_args, get_origin

import msgspec

from penstock import config
from penstock.cli.setting_text import write_setting
from penstock.config import settings
from penstock.redact import Secret

HEADER: Final = """\
# Every setting of Penstock, with its default. Made from python/penstock/config/settings.py by deploy/make_env_example.py.
#
# Nothing needs to be set to try it: with no DATABASE_URL, no REDIS_URL and no MITTO_* it runs in mock mode, with servers
# of its own and a simulated provider. For real mode give the names marked "required in real mode".
# Durations are written as 250ms, 30s, 5m, 72h or 3d. A secret may also come from a file: MITTO_API_KEY_FILE=/run/secrets/mitto
"""
REQUIRED: Final = frozenset(config.REAL_NEEDS)
WIDTH: Final = 120


def main() -> None:
    """Write to standard output."""
    sys.stdout.write("\n".join(lines()) + "\n")


def lines() -> Iterator[str]:
    """The file, line by line."""
    yield HEADER.rstrip()
    explanations = read_explanations(inspect.getsource(settings))
    for section in msgspec.structs.fields(config.Settings):
        title = (section.type.__doc__ or "").partition("\n")[0]
        yield ""
        yield f"# ---- {title}"
        for field in msgspec.structs.fields(section.type):
            yield ""
            yield from _setting(section.name, field, explanations.get((section.type.__name__, field.name), ""))


def read_explanations(source: str) -> dict[tuple[str, str], str]:
    """(class, field) → the text right under the field."""
    found: dict[tuple[str, str], str] = {}
    for kind in ast.parse(source).body:
        if not isinstance(kind, ast.ClassDef):
            continue
        for field, after in zip(kind.body, kind.body[1:], strict=False):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[kind.name, name] = " ".join(text.split())
    return found


def _setting(section: str, field: msgspec.structs.FieldInfo, explanation: str) -> Iterator[str]:
    """A setting is a comment even with its default: a file copied as it is changes nothing."""
    name = config.environment_name(section, field.name)
    notes = [explanation, _choices(field.type), "Secret." if Secret in get_args(field.type) else ""]
    if name in REQUIRED:
        notes.append("Required in real mode.")
    yield from _wrap(" ".join(note for note in notes if note))
    yield f"#{name}={write_setting(field.default) or ''}"


def _choices(kind: object) -> str:
    """The words that a setting takes, where it takes words."""
    words = [str(word) for part in (kind, *get_args(kind)) if get_origin(part) is Literal for word in get_args(part)]
    if not words:
        return ""
    numbers = "A number, or " if len(words) == 1 else "One of "
    return f"{numbers}{', '.join(words)}."


def _wrap(text: str) -> Iterable[str]:
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    if line != "#":
        yield line


if __name__ == "__main__":
    main()
