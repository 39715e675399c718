"""`penstock migrate`: bring the database to this version."""

import asyncio

from penstock.cli.failure import clear_failures


def migrate() -> None:
    """Apply the migrations that the database lacks."""
    from penstock.cli.environment import read_settings, running_servers, say_if_embedded
    from penstock.runtime import migrate_database

    say_if_embedded(given := read_settings())
    with running_servers(given) as settings, clear_failures():
        assert settings.database.url is not None  # noqa: S101 - running_servers fills it in
        applied = asyncio.run(migrate_database(settings.database.url.reveal(), settings.mode))
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do: the database is at this version")
