from tests.store.schema_dump import SCHEMA, dump


def test_the_schema_for_reading_is_current(dsn: str) -> None:
    """schema.sql is what the migrations make; after a change of them it is generated again."""
    assert SCHEMA.read_text() == dump(dsn)
