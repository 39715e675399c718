"""One truth a thing: every error, setting and statement is in its table and says what it is for."""

import ast
import importlib
import inspect
import pkgutil
import re

import msgspec
import pytest

import penstock
from penstock import config
from penstock.api.problems import TABLE
from penstock.config import KNOWN_NAMES, Settings, environment_name
from penstock.domain.errors import GatewayError
from penstock.store.queries import all_queries

SECTIONS = msgspec.structs.fields(Settings)
TOUCHES_MESSAGE = re.compile(r"\b(FROM|JOIN|UPDATE) message\b")
SAYS_HOW = re.compile(r"[Rr]ides on|[Jj]oined as|[Rr]eads (every|past)")


def every_error() -> set[type[GatewayError]]:
    """Every kind of broken rule, wherever it is declared."""
    for module in pkgutil.walk_packages(penstock.__path__, "penstock."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, new = set(), {GatewayError}
    while new:
        new = {kind for parent in new for kind in parent.__subclasses__()}
        found |= new
    return found


def test_every_error_has_a_row_and_a_title() -> None:
    """A rule that can be broken has one row, with its status and a title from its docstring."""
    assert every_error() == set(TABLE)
    assert not [kind for kind in TABLE if not (kind.__doc__ or "").strip()]
    assert all(row.title.endswith(".") and 400 <= row.status < 600 for row in TABLE.values())


def test_codes_are_distinct() -> None:
    """A code means one thing: it is the label that callers and dashboards switch on."""
    assert len({row.code for row in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("section", SECTIONS, ids=[section.name for section in SECTIONS])
def test_every_section_and_setting_is_described(section: msgspec.structs.FieldInfo) -> None:
    """A section says what it is for, and each of its settings is typed and has a default."""
    assert (section.type.__doc__ or "").strip()
    for field in msgspec.structs.fields(section.type):
        assert field.type is not object
        assert not field.required


def test_every_optional_setting_says_what_none_means() -> None:
    """A setting that may be absent has a sentence beside it, or it is one of the seven that real mode asks for."""
    tree = ast.parse(inspect.getsource(config.settings))
    silent = set()
    for section in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for field, after in zip(section.body, [*section.body[1:], None], strict=True):
            is_optional = isinstance(field, ast.AnnAssign) and ast.unparse(field.annotation).endswith("| None")
            is_told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if is_optional and not is_told:
                silent.add(environment_name(section.name.lower(), field.target.id))  # type: ignore[union-attr]
    assert silent <= set(config.REAL_NEEDS)


def test_known_names_lead_to_settings() -> None:
    """Each short name leads to a setting that exists, and no two to the same."""
    paths = {(section.name, field.name) for section in SECTIONS for field in msgspec.structs.fields(section.type)}
    assert set(KNOWN_NAMES.values()) <= paths
    assert len(set(KNOWN_NAMES.values())) == len(KNOWN_NAMES)


@pytest.mark.parametrize("name", sorted(name for name, text in all_queries().items() if TOUCHES_MESSAGE.search(text)))
def test_a_statement_on_messages_says_what_it_rides_on(name: str) -> None:
    """The message table is the large one: each statement on it says by which index it finds its rows, or that it reads all."""
    comment = "".join(line for line in all_queries()[name].splitlines() if line.startswith("--"))
    assert SAYS_HOW.search(comment), comment or "no comment"
