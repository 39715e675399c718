"""Recipients grouped by the clocks that count for them."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import Checkpoint, Chunk, CoreError, FormatError, PrefixChanged, Template, number_zones, payload_rows
from tests.reference import time_zones as reference
from tests.unit.core.parsing import messages, numbers, parse, problems

ZONES = {zone: zone for zones in reference.country_zones().values() for zone in zones} | {"UTC": "UTC"}
ALIKE = {**ZONES, "Europe/Paris": "Europe/Berlin", "Europe/Rome": "Europe/Berlin"}
BERLIN, PARIS, ATHENS, MOSCOW, NEW_YORK, NOWHERE = (
    4915100000001, 33612345678, 306900000001, 79161234567, 12125550123, 883510000000001,
)  # fmt: skip


def csv(*rows: str, header: str = "phone,timezone") -> bytes:
    """A file of these rows."""
    return "\n".join([header, *rows, ""]).encode()


def groups(chunks: Sequence[Chunk]) -> dict[str, list[int]]:
    """Numbers by the zones that count for them."""
    by_seq = {seq: number for seq, number, _ in messages(list(chunks))}
    ranges = [one for chunk in chunks for one in chunk.zone_groups]
    return {zones: [by_seq[seq] for seq in range(first, last + 1)] for zones, first, last, _ in ranges}


def test_numbers_are_grouped_by_their_zones() -> None:
    """Each group is a range, in the order of its zones; within it the order of the file stays."""
    rows = [f"+{number}," for number in (ATHENS, BERLIN, PARIS, BERLIN + 1, ATHENS + 1)]
    chunks = parse(csv(*rows), time_zones=ZONES, first_seq=7)
    assert chunks[0].zone_groups == [("Europe/Athens", 7, 8, 2), ("Europe/Berlin", 9, 10, 2), ("Europe/Paris", 11, 11, 1)]
    assert numbers(chunks) == [ATHENS, ATHENS + 1, BERLIN, BERLIN + 1, PARIS]


def test_zones_with_the_same_clock_are_one_group() -> None:
    """What stands for a clock stands for all numbers that live by it."""
    rows = [f"+{number}," for number in (PARIS, BERLIN, ATHENS)]
    assert groups(parse(csv(*rows), time_zones=ALIKE)) == {"Europe/Athens": [ATHENS], "Europe/Berlin": [PARIS, BERLIN]}


def test_a_number_of_several_zones_has_all_of_them() -> None:
    """A mobile number of Russia may be anywhere in it, a number of no country counts by UTC."""
    found = groups(parse(csv(f"+{MOSCOW},", f"+{NOWHERE},"), time_zones=ZONES))
    russian = next(iter(number_zones([MOSCOW])))
    assert len(russian) > 5
    assert found == {",".join(russian): [MOSCOW], "UTC": [NOWHERE]}


def test_the_column_counts_before_the_number() -> None:
    """A row's own zone counts, in any case of letters; where it names none, the number does."""
    rows = (f"+{BERLIN},america/new_york", f"+{PARIS},", f"+{MOSCOW}, Asia/Omsk ")
    found = groups(parse(csv(*rows), time_zones=ZONES))
    assert found == {"America/New_York": [BERLIN], "Asia/Omsk": [MOSCOW], "Europe/Paris": [PARIS]}


def test_a_zone_that_there_is_not_skips_its_row() -> None:
    """Nobody is woken for a slip of the pen: the row is listed with its line, behind the checks of its number."""
    rows = (f"+{BERLIN},Europe/Berlinn", f"+{PARIS},", f"+{PARIS},Nowhere", "+1,Nowhere")
    chunks = parse(csv(*rows), time_zones=ZONES)
    assert problems(chunks) == [(2, "invalid_zone"), (4, "duplicate"), (5, "invalid_number")]
    assert [detail for chunk in chunks for _, _, detail in chunk.problems(1)] == ["Europe/Berlinn"]


@pytest.mark.parametrize(("column", "is_read"), [("timezone", True), ("Time_Zone", True), ("zone", False), ("tz", False)])
def test_the_usual_names_of_the_column(column: str, *, is_read: bool) -> None:
    """A column of one of the usual names is read unasked; `zone` may be a part of a town."""
    data = csv(f"+{BERLIN},Europe/Athens", header=f"phone,{column}")
    assert groups(parse(data, time_zones=ZONES)) == {"Europe/Athens" if is_read else "Europe/Berlin": [BERLIN]}
    assert groups(parse(data, time_zones=ZONES, zone_column=column)) == {"Europe/Athens": [BERLIN]}


def test_a_named_column_must_be_there() -> None:
    """In a CSV file, whose header says what it has."""
    with pytest.raises(FormatError, match="no column 'tz' for the time zone"):
        parse(csv(f"+{BERLIN},x"), time_zones=ZONES, zone_column="tz")


@pytest.mark.parametrize("kind", ["ndjson", "json"])
def test_items_name_their_zone(kind: Any) -> None:
    """As a member; null and nothing leave it to the number, a list is malformed."""
    items = [
        {"phone": f"+{BERLIN}", "timezone": "Europe/Athens"}, {"phone": f"+{PARIS}", "timezone": None},
        {"phone": f"+{ATHENS}", "time_zone": "UTC"}, {"phone": f"+{MOSCOW}", "timezone": []},
    ]  # fmt: skip
    lines = "".join(json.dumps(item) + "\n" for item in items)
    body = lines if kind == "ndjson" else json.dumps({"recipients": items})
    chunks = parse(body.encode(), kind, time_zones=ZONES)
    assert groups(chunks) == {"Europe/Athens": [BERLIN], "Europe/Paris": [PARIS], "UTC": [ATHENS]}
    assert problems(chunks) == [(4, "malformed")]


def test_without_zones_nothing_is_grouped() -> None:
    """The order of the file stays, and a column of that name is not looked at."""
    chunks = parse(csv(f"+{BERLIN},nonsense", f"+{ATHENS},"))
    assert (numbers(chunks), [chunk.zone_groups for chunk in chunks]) == ([BERLIN, ATHENS], [[]])


def test_zones_need_one_for_nowhere() -> None:
    """Without UTC a number of no country would have no clock."""
    with pytest.raises(CoreError, match="UTC"):
        parse(b"phone\n", time_zones={"Europe/Berlin": "Europe/Berlin"})


def test_values_stay_with_their_message() -> None:
    """Reordering moves number, segments and values together."""
    rows = [f"+{BERLIN + i},{'x' * i},{('Europe/Athens', 'Asia/Omsk')[i % 2]}" for i in range(1, 200)]
    (chunk,) = parse(csv(*rows, header="phone,name,timezone"), text="{name}", time_zones=ZONES)
    lines = payload_rows(chunk.payload, Template("{name}"), range(199), "+", ("+zone", "UTC")).splitlines()
    for row in map(json.loads, lines):
        assert len(row["name"]) == int(row["+"]) - BERLIN
        assert row["+zone"] == "UTC"
    by_number = {number: segments for _, number, segments in messages([chunk])}
    assert all(segments == (1 if number - BERLIN <= 160 else 2) for number, segments in by_number.items())
    assert sum(segments for *_, segments in chunk.zone_groups) == chunk.segments


@given(
    st.lists(st.sampled_from([BERLIN, PARIS, ATHENS, MOSCOW, NEW_YORK]), max_size=30),
    st.lists(st.sampled_from(["", "Asia/Omsk", "Nowhere"]), min_size=30, max_size=30),
    st.integers(1, 7), st.integers(0, 40),
)  # fmt: skip
def test_a_resumed_upload_gives_the_same_chunks(kinds: list[int], cells: list[str], size: int, at: int) -> None:
    """From any checkpoint the rest is grouped as it was, whatever the file was cut into."""
    rows = [f"+{kind + 1000 * i},{cell}" for i, (kind, cell) in enumerate(zip(kinds, cells, strict=False))]
    data = csv(*rows)
    settings: dict[str, Any] = {"time_zones": ALIKE, "chunk_messages": size}
    whole = parse(data, **settings)
    assert show(parse(data, piece=11, **settings)) == show(whole)
    if not whole:
        return
    stop = at % len(whole)
    seq = whole[stop].first_seq + whole[stop].messages
    rest = parse(data, **settings, first_seq=seq, resume=whole[stop].end)
    assert show(rest) == show(whole[stop + 1 :])


def show(chunks: list[Chunk]) -> list[Any]:
    """All that is stored of them."""
    return [(chunk.payload, chunk.zone_groups, chunk.problems(1000)) for chunk in chunks]


def test_a_checkpoint_knows_the_column() -> None:
    """An upload goes on with the column that its header named, and not where zones do not count any more."""
    (chunk, *_) = parse(csv(f"+{BERLIN},Asia/Omsk", f"+{PARIS},Asia/Omsk"), time_zones=ZONES, chunk_messages=1)
    end = chunk.end
    assert end.header == "csv 44 2 0 zone 1"
    again = Checkpoint(offset=end.offset, line=end.line, rows=end.rows, digest=end.digest, header=end.header)
    with pytest.raises(PrefixChanged):
        parse(csv(f"+{BERLIN},Asia/Omsk"), resume=again)
