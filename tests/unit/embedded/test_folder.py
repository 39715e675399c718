"""Where the data goes, for each kind of user and environment."""

from pathlib import Path

import pytest

from penstock.embedded import DataFolder, EmbeddedError
from penstock.embedded.account import ourselves
from penstock.embedded.folder import make_private_folder, require_private_folder

USER = 1000


@pytest.mark.parametrize(
    ("environment", "uid", "root"),
    [
        ({"PENSTOCK_DATA_DIR": "/srv/x", "HOME": "/home/a", "XDG_DATA_HOME": "/d"}, USER, "/srv/x"),
        ({"PENSTOCK_DATA_DIR": "/srv/x"}, 0, "/srv/x"),
        ({"HOME": "/root", "XDG_DATA_HOME": "/d"}, 0, "/var/lib/penstock"),
        ({"HOME": "/home/a", "XDG_DATA_HOME": "/d"}, USER, "/d/penstock"),
        ({"HOME": "/home/a", "XDG_DATA_HOME": "relative"}, USER, "/home/a/.local/share/penstock"),
        ({"HOME": "/home/a", "PENSTOCK_DATA_DIR": ""}, USER, "/home/a/.local/share/penstock"),
    ],
)
def test_the_first_place_that_is_set_wins(environment: dict[str, str], uid: int, root: str) -> None:
    """The explicit folder comes first, then the system's place for root, then the user's data folder."""
    assert DataFolder.choose(environment, uid=uid).root == Path(root)


def test_no_place_at_all_is_one_clear_line() -> None:
    """A user without a home is told which variable to set."""
    with pytest.raises(EmbeddedError, match="set PENSTOCK_DATA_DIR"):
        DataFolder.choose({}, uid=USER)


def test_a_private_folder_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    """The mode is exactly 0700, also for a folder of ours that stood open."""
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    make_private_folder(folder, ourselves())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_open_folder_is_no_place_to_connect(tmp_path: Path) -> None:
    """A server found behind a folder that others may enter is not trusted."""
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(EmbeddedError, match="not a private folder"):
        require_private_folder(folder, ourselves())


def test_a_link_is_not_a_private_folder(tmp_path: Path) -> None:
    """Links are refused even when they lead to a folder of ours."""
    (tmp_path / "run").symlink_to(tmp_path)
    with pytest.raises(EmbeddedError, match="not a private folder"):
        make_private_folder(tmp_path / "run", ourselves())
