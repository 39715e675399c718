"""Writes sql/schema.sql, the whole schema for reading, from the migrations: `python -m tests.store.schema_dump`.

The program never runs that file. Message partitions are left out because they depend on the month.
"""

import asyncio
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from penstock.embedded.binaries import find_postgres
from tests.conftest import migrate_database
from tests.servers import private_postgres

SCHEMA = Path(str(files("penstock.store").joinpath("sql", "schema.sql")))
HEADER = """\
-- The whole schema, for reading: generated from the migrations by tests/store/schema_dump.py, never run by the program.
-- Message partitions, one a month, are made by premake_message_partitions.
"""
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE)


def pg_dump() -> Path:
    """The program beside the embedded server's."""
    found = find_postgres(None)
    return (found if isinstance(found, Path) else found.path).parent / "pg_dump"


def dump(dsn: str) -> str:
    """The schema of a migrated database."""
    options = [
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--exclude-table=message_2*",
        "--exclude-table=number_index_2*",
    ]
    text = subprocess.run([pg_dump(), *options, dsn], check=True, capture_output=True, text=True).stdout
    return HEADER + "\n" + re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", text)).strip() + "\n"


def main() -> int:
    """Write the file."""
    with private_postgres() as server:
        asyncio.run(migrate_database(server.dsn))
        SCHEMA.write_text(dump(server.dsn))
    return 0


if __name__ == "__main__":
    sys.exit(main())
