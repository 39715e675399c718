"""Files that nobody should send: each is refused or skipped for what it is, and the rest of the file is read."""

import json
from typing import Any

import pytest

from penstock._core import FormatError
from tests.unit.core.parsing import numbers, parse, parser, problems

ANNA, BERT = 4915100000001, 4915100000002


@pytest.mark.parametrize("rows", [1, 10_000])
@pytest.mark.parametrize("piece", [100, 1 << 20])
def test_carriage_returns_alone(rows: int, piece: int) -> None:
    """Lines that end in CR alone are one long header: the error says so and shows no number."""
    data = b"phone,name\r" + b"+4915100000001,Anna\r" * rows
    with pytest.raises(FormatError, match="ends in CR alone; save the file with lines that end in LF or CRLF") as caught:
        parse(data, piece=piece)
    assert "4915" not in str(caught.value)


def test_carriage_returns_in_cells() -> None:
    """A CR inside a row belongs to its cell; one at a cell's end is trimmed."""
    assert numbers(parse(b"phone,name\r\n+4915100000001\r,a\rb\r\r\n", text="{name}")) == [ANNA]


@pytest.mark.parametrize("kind", ["ndjson", "json"])
def test_items_in_one_line(kind: Any) -> None:
    """Items with nothing but CR between them are no lines, and no list."""
    data = b'{"phone":"+4915100000001"}\r{"phone":"+4915100000002"}'
    if kind == "ndjson":
        assert problems(parse(data, kind)) == [(1, "malformed")]
        return
    with pytest.raises(FormatError):
        parse(b'{"recipients":[' + data + b"]}", kind)


@pytest.mark.parametrize("cell", [b"x" * 1_000_000, b'"' + b"x" * 1_000_000 + b'"'])
@pytest.mark.parametrize("piece", [4096, 1 << 22])
def test_megabyte_cells(cell: bytes, piece: int) -> None:
    """A cell of a megabyte, quoted or not, costs its row only."""
    data = b"phone,a\n+4915100000001," + cell + b"\n+4915100000002,y\n"
    chunks = parse(data, piece=piece)
    assert (numbers(chunks), problems(chunks)) == ([BERT], [(2, "malformed")])


def test_megabyte_value() -> None:
    """A value of a megabyte in a JSON body costs its item only."""
    body = {"recipients": [{"phone": "+4915100000001", "a": "x" * 1_000_000}, {"phone": "+4915100000002", "a": "y"}]}
    chunks = parse(json.dumps(body).encode(), "json", "{a}")
    assert (numbers(chunks), chunks[0].problems(9)) == ([BERT], [(1, "malformed", "row over 64 KiB")])


@pytest.mark.parametrize("endless", [b"a", b"a,", b'"', b"\xff", b" ", b'"a', b"\0"])
def test_endless_header(endless: bytes) -> None:
    """A header that never ends is refused once it is over its bound, not held."""
    open_parser = parser()
    block = endless * (65_536 // len(endless))
    assert open_parser.feed(block[: 1 << 15]) == []
    with pytest.raises(FormatError, match="header"):
        open_parser.feed(block + block)


def test_endless_blank_lines() -> None:
    """Blank lines before the header are passed over, however many."""
    assert numbers(parse(b"\r\n" * 1_000_000 + b"phone\n+4915100000001\n")) == [ANNA]


def test_columns_twice() -> None:
    """A wanted name that is there twice is refused, whatever its case and place; another may be there several times."""
    for header in (b"phone,phone", b"Phone, PHONE ", b"phone,x,phone"):
        with pytest.raises(FormatError, match="two columns named 'phone'"):
            parse(header + b"\n+4915100000001,+4915100000002\n")
    with pytest.raises(FormatError, match="two columns named 'name'"):
        parse(b"name,phone,NAME\nA,+4915100000001,B\n", text="{name}")
    assert numbers(parse(b"x,x,phone,X\n1,2,+4915100000001,3\n")) == [ANNA]
    assert numbers(parse(b"phone,mobile\n+4915100000001,+4915100000002\n")) == [ANNA]


@pytest.mark.parametrize(
    "members",
    ['"phone":"+4915100000001","phone":"+4915100000002"', '"phone":"+4915100000001","PHONE":null', '"name":"a"," Name":"b"'],
)
def test_members_twice(members: str) -> None:
    """An item with a wanted name twice is malformed: nobody knows which one is meant."""
    chunks = parse(("{" + members + "}\n" + '{"phone":"+4915100000003","x":1,"x":2,"name":"c"}').encode(), "ndjson", "{name}")
    assert numbers(chunks) == [4915100000003]
    assert chunks[0].problems(9) == [(1, "malformed", "a name is there twice")]


def test_number_as_value() -> None:
    """The number's column can be a value as well."""
    assert numbers(parse(b"phone\n+4915100000001\n", text="{phone}")) == [ANNA]
    assert numbers(parse(b'{"phone":"+4915100000001"}', "ndjson", "{phone}")) == [ANNA]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_byte_order_marks(mark: bytes) -> None:
    """A mark at the start is no part of JSON; in CSV one is passed over and a second one spoils the first name."""
    assert numbers(parse(mark + b'{"phone":"+4915100000001"}', "ndjson")) == [ANNA]
    if len(mark) == 3:
        assert numbers(parse(mark + b"phone\n+4915100000001\n")) == [ANNA]
        assert numbers(parse(mark + b'{"recipients":["+4915100000001"]}', "json", piece=1)) == [ANNA]
        return
    with pytest.raises(FormatError, match="no column for the number"):
        parse(mark + b"phone\n+4915100000001\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_other_encodings(encoding: str, kind: Any) -> None:
    """A file in another encoding is refused, not read as rubbish."""
    text = "phone\n+4915100000001\n" if kind == "csv" else '{"recipients":["+4915100000001"]}'
    with pytest.raises(FormatError):
        parse(text.encode(encoding), kind)


def test_nul_and_half_characters() -> None:
    """NUL, half a surrogate pair and bad UTF-8 cost their rows only, in every format."""
    bad = ['{"phone":"+4915100000001","name":"\\u0000"}', '{"phone":"+4915100000001","name":"\\ud800"}', '"+4915\\u0000"']
    lines = [
        *map(str.encode, bad),
        b'{"phone":"\xff"}',
        b'{"phone":"\0"}',
        b'{"phone":"+4915100000002","name":"b","\\ud800":1}',
    ]
    chunks = parse(b"\n".join(lines), "ndjson", "{name}")
    assert (numbers(chunks), [reason for _, reason in problems(chunks)]) == (
        [BERT],
        ["malformed", "malformed", "invalid_number", "malformed", "malformed"],
    )
