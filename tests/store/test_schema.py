import asyncpg
import pytest

from tests.store.schema_dump import SCHEMA, dump

UNINDEXED = """
SELECT c.conname FROM pg_constraint c
WHERE c.contype = 'f' AND c.confrelid = $1::text::regclass AND NOT EXISTS (
    SELECT FROM pg_index i
    WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
      AND (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(c.conkey)] @> c.conkey
)
"""
"""Foreign keys to a table that no index of the referring table begins with."""


def test_the_schema_for_reading_is_current(dsn: str) -> None:
    """schema.sql is what the migrations make; after a change of them it is generated again."""
    assert SCHEMA.read_text() == dump(dsn)


@pytest.mark.parametrize("table", ["chunk", "batch"])
async def test_what_is_joined_and_goes_is_looked_up_by_an_index(dsn: str, table: str) -> None:
    """Claims delete rows of these one by one, and each time every foreign key to them is checked."""
    connection = await asyncpg.connect(dsn)
    try:
        assert await connection.fetch(UNINDEXED, table) == []
    finally:
        await connection.close()
