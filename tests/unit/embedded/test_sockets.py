"""A socket's path always fits, and every process computes the same one."""

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.embedded.sockets import LONGEST_PATH_BYTES, choose_socket_folder

NAME = ".s.PGSQL.5432"
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(database=None)  # the suite may run from a tree that it cannot write to
@given(st.lists(names, min_size=1, max_size=4))
def test_the_path_fits_the_kernel(parts: list[str]) -> None:
    """Whatever the data folder is called, the path has at most 107 bytes."""
    chosen = choose_socket_folder(Path("/", *parts), NAME)
    assert len(os.fsencode(chosen / NAME)) <= LONGEST_PATH_BYTES


def test_two_long_folders_do_not_share_a_socket() -> None:
    """Different data folders get different short folders."""
    one, two = (choose_socket_folder(Path("/", "x" * 100, name), NAME) for name in "ab")
    assert one != two


def test_a_comma_never_reaches_a_client() -> None:
    """A data folder whose name an address could not carry gets its socket elsewhere."""
    assert "," not in str(choose_socket_folder(Path("/srv/a,b"), NAME))


def test_a_short_folder_keeps_its_socket_inside() -> None:
    """Where the path fits, everything of a server is in one place."""
    assert choose_socket_folder(Path("/var/lib/penstock/postgres"), NAME) == Path("/var/lib/penstock/postgres/run")
