"""Named statements: `-- name: verb_object` in sql/<module>.sql, loaded once, so that a wrong name fails at import.

Not a query builder: the text in the file is the text that is sent.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: ([a-z0-9_]+)\n", re.MULTILINE)


def query(name: str) -> str:
    """The statement `module.verb_object`. Raises KeyError when there is none."""
    module, _, statement = name.partition(".")
    return _module(module)[statement]


def all_queries() -> dict[str, str]:
    """Every statement by its full name; tests prepare each of them."""
    names = sorted(
        file.name.removesuffix(".sql") for file in files("penstock.store").joinpath("sql").iterdir() if file.is_file()
    )
    return {f"{module}.{name}": text for module in names if module != "schema" for name, text in _module(module).items()}


def row_count(tag: str) -> int:
    """How many rows a statement touched, from its command tag: `UPDATE 5000` → 5000."""
    return int(tag.rpartition(" ")[2])


@cache
def _module(module: str) -> Mapping[str, str]:
    text = files("penstock.store").joinpath("sql", f"{module}.sql").read_text()
    _, *parts = _NAME.split(text)
    statements = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    if len(statements) * 2 != len(parts):
        raise KeyError(f"{module}.sql names a statement twice")
    return statements
