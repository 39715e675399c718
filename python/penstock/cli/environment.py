"""What every command that touches the servers needs: the settings, and servers that run. The only reader of the environment."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from penstock import config
from penstock.cli.failure import CommandError, clear_failures
from penstock.config import Settings
from penstock.embedded import DataFolder, EmbeddedPostgres, EmbeddedValkey
from penstock.redact import Secret
from penstock.store.pool import Store


def environment() -> dict[str, str]:
    """The process's environment."""
    return dict(os.environ)  # noqa: TID251 - the command line is where the environment is read


def read_settings() -> Settings:
    """The settings in force; CommandError with every problem when they do not hold together."""
    with clear_failures():
        return config.load(environment())


def data_folder(settings: Settings) -> DataFolder:
    """Where embedded servers, spool and journal live."""
    if settings.general.data_dir is not None:
        return DataFolder(settings.general.data_dir.absolute())
    with clear_failures():
        return DataFolder.choose(environment())


@contextmanager
def running_servers(settings: Settings) -> Iterator[Settings]:
    """The settings with the address of every server filled in; embedded ones are started (or shared) where none is given."""
    if settings.mode == "real" and (settings.database.url is None or settings.redis.url is None):
        raise CommandError("DATABASE_URL and REDIS_URL are required in real mode")
    folder = data_folder(settings)
    with ExitStack() as servers, clear_failures():
        database, redis = settings.database, settings.redis
        if database.url is None:
            url = servers.enter_context(EmbeddedPostgres(folder.postgres))
            database = msgspec.structs.replace(database, url=Secret(url))
        if redis.url is None:
            url = servers.enter_context(EmbeddedValkey(folder.valkey))
            redis = msgspec.structs.replace(redis, url=Secret(url))
        yield msgspec.structs.replace(settings, database=database, redis=redis)


def spool_folder(settings: Settings) -> Path:
    """Where answers of the provider wait for the database."""
    return data_folder(settings).root / "spool"


def say_if_embedded(settings: Settings) -> None:
    """Name the embedded database: whoever forgot the gateway's environment would take what is empty for all being well."""
    if settings.database.url is None:
        folder = data_folder(settings).postgres
        print(f"mock mode: the embedded database in {folder} (DATABASE_URL is not set)", file=sys.stderr)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """A migrated store, for commands that work on the database directly."""
    from penstock.runtime import migrate_database

    say_if_embedded(settings)
    with running_servers(settings) as running:
        assert running.database.url is not None  # noqa: S101 - running_servers fills it in
        dsn = running.database.url.reveal()
        await migrate_database(dsn, running.mode)
        async with Store.open(dsn, running.database) as store:
            yield store
