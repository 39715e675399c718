from pathlib import Path

from penstock.embedded.binaries import find_valkey


def test_a_program_keeps_the_name_it_is_called_by(tmp_path: Path) -> None:
    """Debian's redis-server is a link to a program that does what its name says: the link's name, not the file's."""
    program = tmp_path / "redis-check-rdb"
    program.touch(0o755)
    (tmp_path / "redis-server").symlink_to(program.name)
    assert find_valkey(tmp_path) == tmp_path.resolve() / "redis-server"
