"""Every bound on recipients and templates, at the bound and one past it. Those on reports and answers are with them."""

import json
from typing import Any

import pytest

from penstock._core import CoreError, FormatError, Template, TemplateError
from tests.unit.core.parsing import numbers, parse, parser, problems

ANNA, BERT = 4915100000001, 4915100000002
ROW_BYTES = 65_536


@pytest.mark.parametrize(("over", "accepted"), [(0, [ANNA, BERT]), (1, [BERT])])
@pytest.mark.parametrize("piece", [1000, 1 << 20])
def test_csv_row(over: int, accepted: list[int], piece: int) -> None:
    """A row of 64 KiB with its line end is read; a byte more is one malformed row."""
    row = b"+4915100000001,".ljust(ROW_BYTES - 1 + over, b"x") + b"\n"
    chunks = parse(b"phone,a\n" + row + b"+4915100000002,y\n", piece=piece)
    assert numbers(chunks) == accepted
    assert [chunk.problems(9) for chunk in chunks] == [[(2, "malformed", "row over 64 KiB")] * over]


@pytest.mark.parametrize(("over", "accepted"), [(0, [ANNA, BERT]), (1, [BERT])])
def test_ndjson_row(over: int, accepted: list[int]) -> None:
    """The same for a line of NDJSON."""
    line = b'{"phone":"+4915100000001","x":"'.ljust(ROW_BYTES - 3 + over, b"x") + b'"}\n'
    chunks = parse(line + b'"+4915100000002"', "ndjson")
    assert numbers(chunks) == accepted
    assert problems(chunks) == [(1, "malformed")] * over


@pytest.mark.parametrize(("over", "accepted"), [(0, [ANNA, BERT]), (1, [BERT])])
def test_json_item(over: int, accepted: list[int]) -> None:
    """The same for an item of a JSON body, which has no line end."""
    item = b'{"phone":"+4915100000001","x":"'.ljust(ROW_BYTES - 2 + over, b"x") + b'"}'
    chunks = parse(b'{"recipients":[' + item + b',"+4915100000002"]}', "json")
    assert numbers(chunks) == accepted
    assert problems(chunks) == [(1, "malformed")] * over


def test_columns() -> None:
    """A header of 200 columns is read and one of 201 is not, however far it goes on."""
    names = [f"c{index}" for index in range(199)]
    assert numbers(parse(",".join([*names, "phone"]).encode() + b"\n" + b"," * 199 + b"+4915100000001\n")) == [ANNA]
    with pytest.raises(FormatError, match="201 columns; at most 200"):
        parse(",".join([*names, "x", "phone"]).encode())
    with pytest.raises(FormatError, match="64 KiB"):
        parse(b"phone," + b"a," * 100_000)


def test_cells_of_a_row() -> None:
    """A row may have empty cells behind the last column, as many as fit; one with a text is malformed."""
    chunks = parse(b"phone\n+4915100000001" + b"," * 60_000 + b"\n+4915100000002" + b"," * 50_000 + b"x\n")
    assert numbers(chunks) == [ANNA]
    assert chunks[0].problems(9) == [(3, "malformed", "more cells than columns")]


@pytest.mark.parametrize("kind", ["ndjson", "json"])
def test_members(kind: Any) -> None:
    """An item of 200 members is read and one of 201 is malformed."""
    items = [{f"c{index}": {} for index in range(n)} | {"phone": f"+491510000000{n % 10}"} for n in (199, 200)]
    data = json.dumps({"recipients": items}) if kind == "json" else "\n".join(map(json.dumps, items))
    chunks = parse(data.encode(), kind)
    assert numbers(chunks) == [4915100000009]
    assert chunks[0].problems(9) == [(2, "malformed", "more than 200 members")]


def test_depth() -> None:
    """An item nested 128 deep is read; one level more is malformed, and so is a tower that fills the row."""
    deep = [json.dumps({"phone": "+4915100000001"})[:-1] + f',"x":{"[" * n}{"]" * n}}}' for n in (127, 128, 32_000)]
    chunks = parse("\n".join(deep).encode(), "ndjson")
    assert problems(chunks) == [(2, "malformed"), (3, "malformed")]
    assert sum(chunk.messages for chunk in chunks) == 1


def test_depth_of_a_body() -> None:
    """A JSON body nested 128 deep is read; one level more is refused."""
    body = '{"recipients":["+4915100000001",%s]}'
    assert numbers(parse((body % ("[" * 126 + "]" * 126)).encode(), "json")) == [ANNA]
    with pytest.raises(FormatError, match="malformed from byte"):
        parse((body % ("[" * 127 + "]" * 127)).encode(), "json")


def test_body() -> None:
    """A JSON body of ten megabytes is read and one byte more is refused, in one piece or in two."""
    body = b'{"recipients":["+4915100000001"]}'.ljust(10_000_000)
    assert numbers(parse(body, "json")) == [ANNA]
    for piece in (1 << 30, 10_000_000):
        with pytest.raises(FormatError, match="at most 10000000 bytes"):
            parse(body + b" ", "json", piece=piece)


def test_rows_of_a_chunk() -> None:
    """A chunk ends with its 50,000th row, whatever became of the rows."""
    assert [chunk.rows for chunk in parse(b"phone\n" + b"x\n" * 50_000)] == [50_000]
    assert [chunk.rows for chunk in parse(b"phone\n" + b"x\n" * 50_001)] == [50_000, 1]


def test_sequence_numbers() -> None:
    """The last sequence number is 2^31 - 1; a campaign that needs another is refused."""
    last = 2**31 - 1
    assert parse(b"phone\n+4915100000001\n", first_seq=last)[0].first_seq == last
    with pytest.raises(FormatError, match="more messages than there are sequence numbers"):
        parse(b"phone\n+4915100000001\n+4915100000002\n", first_seq=last)
    with pytest.raises(CoreError, match="first_seq"):
        parser(first_seq=last + 1)


def test_details() -> None:
    """A detail of 64 characters is whole, a longer one is cut."""
    chunks = parse(("phone\n" + "é" * 64 + "\n" + "é" * 65 + "\n").encode())
    assert [detail for _, _, detail in chunks[0].problems(9)] == ["é" * 64] * 2


def test_template() -> None:
    """A template of 64 KiB is compiled and a byte more is not; the bytes count, not the characters."""
    assert Template("é" * (1 << 15)).names == ()
    with pytest.raises(TemplateError, match="at most 64 KiB"):
        Template("é" * (1 << 15) + "x")


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(("character", "units"), [("a", 153), ("é", 153), ("€", 76), ("ж", 67), ("😀", 33)])
def test_longest_text(character: str, units: int, over: int) -> None:
    """A text of 255 full parts is a message, in either alphabet, and one character more is too long."""
    half = 255 * units // 2
    value = character * (255 * units - half + over)
    data = f"phone,a\n+4915100000001,{value}\n".encode()
    chunks = parse(data, text=character * half + "{a}", max_parts=255, chunk_bytes=10**9)
    assert problems(chunks) == [(2, "too_long")] * over
    assert sum(chunk.segments for chunk in chunks) == 255 * (1 - over)


def test_texts_that_grow() -> None:
    """A short template that repeats a long value thousands of times is refused without being rendered."""
    text = "{a}" * 20_000
    chunks = parse(b"phone,a\n+4915100000001," + b"x" * 60_000 + b"\n+4915100000002,x\n", text=text, max_parts=255)
    assert numbers(chunks) == [BERT]
    assert chunks[0].problems(9) == [(2, "too_long", "over 255 segments")]
