"""Recipient files: formats, reasons, chunks, checkpoints."""

import csv
import gzip
import hashlib
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock._core import Checkpoint, CoreError, FormatError, PrefixChanged
from tests.reference import recipients as reference
from tests.unit.core.parsing import CAMPAIGN, copy_rows, messages, numbers, pack, parse, parser, problems

ANNA, BERT, CARL = 4915100000001, 4915100000002, 4915100000003


def test_plain_csv() -> None:
    """Rows become messages in order, with sequence numbers from the first."""
    chunks = parse(b"phone,name\n+4915100000001,Anna\n+4915100000002,Bert\n", text="Hi {name}", first_seq=7)
    assert messages(chunks) == [(7, ANNA, 1), (8, BERT, 1)]
    assert [(chunk.first_seq, chunk.messages, chunk.rows, chunk.segments) for chunk in chunks] == [(7, 2, 2, 2)]
    assert chunks[0].skipped == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_dialects(delimiter: str, ending: str, mark: str) -> None:
    """Delimiter, line ends and byte order mark are found out, and column names are trimmed and folded."""
    rows = [["Name", " PHONE "], ["Anna", "+4915100000001"], ["Bert", "+4915100000002"]]
    data = mark + ending.join(delimiter.join(row) for row in rows)
    assert numbers(parse(data.encode(), text="{NAME}")) == [ANNA, BERT]


def test_quotes() -> None:
    """Quoted cells hold delimiters, line ends and doubled quotes, and later lines keep their numbers."""
    data = b'"na""me","phone"\n"A, ""x""\n\nb","+4915100000001"\nB,+1\n'
    chunks = parse(data)
    assert numbers(chunks) == [ANNA]
    assert problems(chunks) == [(5, "invalid_number")]


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (b"+4915100000001,\xff", "not UTF-8"),
        (b"+4915100000001,\0", "NUL character"),
        (b"+4915100000001,a,b", "more cells than columns"),
        (b"+4915100000001", "fewer cells than columns"),
        (b'+4915100000001,"a"b', "text behind a closing quote"),
    ],
)
def test_malformed_rows(row: bytes, detail: str) -> None:
    """A bad row is skipped with what is wrong, and the file goes on."""
    chunks = parse(b"phone,name\n" + row + b"\n+4915100000002,B\n", text="{name}")
    assert numbers(chunks) == [BERT]
    assert chunks[0].problems(10) == [(2, "malformed", detail)]


def test_short_rows() -> None:
    """Cells may be missing behind the needed ones, and empty ones may follow the last."""
    assert numbers(parse(b"phone,note\n+4915100000001\n+4915100000002,a,,\n")) == [ANNA, BERT]


def test_unclosed_quote() -> None:
    """An unclosed quote costs its own line only, at the end of the file and 64 KiB before it."""
    short = parse(b'phone,a\n+1,"\n+4915100000001,x\n')
    assert (numbers(short), problems(short)) == ([ANNA], [(2, "malformed")])
    rows = b"".join(b"+49151%08d,x\n" % index for index in range(10_000))
    long = parse(b'phone,a\n+1,"\n' + rows)
    assert len(numbers(long)) == 10_000
    assert problems(long) == [(2, "malformed")]


def test_overlong_line() -> None:
    """A line over 64 KiB is one malformed row, however long it is."""
    data = b"phone,a\n+4915100000001," + b"x" * 300_000 + b"\n+4915100000002,y\n+3,z\n"
    chunks = parse(data, piece=1000)
    assert numbers(chunks) == [BERT]
    assert problems(chunks) == [(2, "malformed"), (4, "invalid_number")]
    assert numbers(parse(b"phone,a\n+4915100000001," + b"x" * 65_521 + b"\n")) == []
    assert numbers(parse(b"phone,a\n+4915100000001," + b"x" * 65_520 + b"\n")) == [ANNA]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name,city\nA,B\n", "no column for the number. It has 'name', 'city'"),
        (b"phone,city\nA,B\n", r"uses \{name\}, but the header has no such column"),
        (b"phone,name,Name\nA,B,C\n", "two columns named 'name'"),
        (b"phone," + b"a," * 200 + b"name\n", "202 columns"),
        (b'phone,"name\n', "unclosed quote"),
        (b"phone,\xff\n", "not UTF-8"),
        (b"phone," + b"x" * 70_000, "64 KiB"),
    ],
)
def test_unreadable_files(data: bytes, match: str) -> None:
    """A file without a usable header is refused with what was found and what to do."""
    with pytest.raises(FormatError, match=match):
        parse(data, text="{name}")


def test_phone_column() -> None:
    """The number's column can be named, and then nothing else will do."""
    assert numbers(parse(b"phone,Tel. 1\n+1,+4915100000001\n", phone_column="tel. 1")) == [ANNA]
    with pytest.raises(FormatError, match="no column 'tel'"):
        parse(b"phone\n+4915100000001\n", phone_column="tel")


def test_best_column() -> None:
    """Of several number columns the first in the promised order is taken."""
    assert numbers(parse(b"mobile,msisdn,to\n+1,+2,+4915100000001\n")) == [ANNA]


def test_reasons_in_order() -> None:
    """Of several reasons the first in the promised order counts, and a skipped row reserves no number."""
    rows = [
        ("x", "", "invalid_number"),
        ("+12025550100", "a", "country"),
        ("+4915100000001", "", "opted_out"),
        ("+4915100000002", "", "missing_value"),
        ("+4915100000002", "a" * 161, "too_long"),
        ("+4915100000002", "a", None),
        ("+4915100000002", "", "duplicate"),
        ("+4915100000003", "a", "duplicate"),
    ]
    data = "phone,name\n" + "".join(f"{phone},{name}\n" for phone, name, _ in rows)
    open_parser = parser(text="{name}", countries=["DE", "AT"], max_parts=1)
    open_parser.exclude(pack(ANNA))
    open_parser.remember(pack(CARL))
    chunks = open_parser.feed(data.encode()) + open_parser.finish()
    assert problems(chunks) == [(line, reason) for line, (_, _, reason) in enumerate(rows, 2) if reason]
    assert numbers(chunks) == [BERT]
    assert chunks[0].problems(4)[3] == (5, "missing_value", "name")
    assert sum(chunks[0].skipped.values()) == 7


def test_shared_calling_codes() -> None:
    """Countries that share a calling code are told apart, and an unplaced number counts for the main one."""
    data = b"phone\n+12042340100\n+12015550123\n+15550000100\n"
    assert numbers(parse(data, countries=["CA"])) == [12042340100]
    assert numbers(parse(data, countries=["US"])) == [12015550123, 15550000100]


def test_details_are_cut() -> None:
    """A detail has at most 64 characters and no NUL."""
    detail = parse(json.dumps({"phone": "é" * 100}).encode(), "ndjson")[0].problems(1)[0][2]
    assert detail == "é" * 64


def test_ndjson() -> None:
    """Lines are objects or bare numbers; values are texts, numbers or booleans as written."""
    lines = [
        '{"Phone":"+4915100000001","NAME":9.90,"x":[{"y":1}]}',
        "",
        '{"to":null,"mobile":"+4915100000002","name":true}',
        '"+4915100000003"',
        '{"phone":"+4915100000004","name":null}',
        '{"phone":"+4915100000004","name":[1]}',
        '{"phone":["+4915100000004"],"name":1}',
        '{"name":"A"}',
        "[1]",
        '{"phone":"+4915100000004","name":"\\u0000"}',
        '{"phone":"+4915100000004","name":"\\ud800"}',
        '{"phone":"+4915100000004","name":"é\\n"} x',
    ]
    chunks = parse("\n".join(lines).encode(), "ndjson", "{name}")
    assert numbers(chunks) == [ANNA, BERT]
    reasons = ["missing_value", "missing_value"] + ["malformed"] * 7
    assert problems(chunks) == list(zip(range(4, 13), reasons, strict=True))


def test_json() -> None:
    """A JSON body is read whole, its problems numbered by item."""
    body = {"x": 1, "recipients": ["+4915100000001", {"phone": "+4915100000002"}, 5, "+1"]}
    chunks = parse(json.dumps(body, indent=1).encode(), "json", piece=3)
    assert numbers(chunks) == [ANNA, BERT]
    assert problems(chunks) == [(3, "malformed"), (4, "invalid_number")]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"recipients":{}}', b'{"recipients":[}', b'{"recipients":[]} x', b"\xff"]
)
def test_bad_json(body: bytes) -> None:
    """A body of another shape is refused."""
    with pytest.raises(FormatError):
        parse(body, "json")


def test_big_json() -> None:
    """A JSON body over ten megabytes is refused before its end."""
    open_parser = parser("json")
    open_parser.feed(b" " * 10_000_000)
    with pytest.raises(FormatError, match="send more recipients as CSV"):
        open_parser.feed(b" ")
    with pytest.raises(FormatError, match="send more recipients as CSV"):
        open_parser.finish()


@pytest.mark.parametrize(
    "setting", [{"region": "XX"}, {"countries": ["Germany"]}, {"max_parts": 0}, {"max_parts": 256}, {"chunk_messages": 0}]
)
def test_bad_settings(setting: dict[str, Any]) -> None:
    """A setting out of range is refused at once."""
    with pytest.raises(CoreError):
        parser(**setting)


def test_chunks_by_count() -> None:
    """A chunk ends with its last allowed message, and its checkpoint is there."""
    rows = [b"+49151%08d\n" % index for index in range(5)]
    data = b"phone\n" + b"".join(rows)
    chunks = parse(data, chunk_messages=2)
    assert [(chunk.first_seq, chunk.messages) for chunk in chunks] == [(0, 2), (2, 2), (4, 1)]
    for chunk in chunks:
        end = chunk.end
        assert end.digest == hashlib.sha256(data[: end.offset]).digest()
        assert (end.line, end.rows) == (chunk.first_seq + chunk.messages + 1, chunk.first_seq + chunk.messages)
    assert chunks[-1].end.offset == len(data)


def test_chunks_by_skipped_rows() -> None:
    """A file of skipped rows still moves its checkpoint every 50,000 rows."""
    chunks = parse(b"phone\n" + b"+1\n" * 120_000)
    assert [(chunk.messages, chunk.rows) for chunk in chunks] == [(0, 50_000), (0, 50_000), (0, 20_000)]


def test_header_alone() -> None:
    """A file with no rows is one empty chunk that moves the checkpoint."""
    chunks = parse(b"phone\n")
    assert [(chunk.messages, chunk.rows, chunk.end.offset) for chunk in chunks] == [(0, 0, 6)]


def test_copy_streams() -> None:
    """The COPY streams hold every message and every skipped row with its fields in binary form."""
    chunk = parse(b"phone\n+4915100000001\nx\n")[0]
    assert copy_rows(chunk.copy_messages(5, CAMPAIGN)) == [
        [CAMPAIGN, (5).to_bytes(4), (0).to_bytes(4), ANNA.to_bytes(8), (1).to_bytes(2)]
    ]
    assert copy_rows(chunk.copy_skipped(5, CAMPAIGN, 3)) == [
        [CAMPAIGN, (5).to_bytes(4), (3).to_bytes(4), (3).to_bytes(8), b"invalid_number", b"x"]
    ]
    with pytest.raises(CoreError, match="campaign_id has 16 bytes"):
        chunk.copy_messages(5, b"short")


def test_packed_numbers() -> None:
    """Packed numbers of a wrong length are refused, and ones that nobody can have are ignored."""
    open_parser = parser()
    with pytest.raises(CoreError, match="eight bytes"):
        open_parser.remember(b"1234567")
    open_parser.remember(pack(-1, 0, 2**62))
    assert open_parser.feed(b"phone\n") == []


def resumed(data: bytes, kind: Any, end: Checkpoint, **settings: Any) -> Any:
    """A parser behind a checkpoint that came back from the store."""
    copy = Checkpoint(offset=end.offset, line=end.line, rows=end.rows, digest=end.digest, header=end.header)
    return parse(data, kind, resume=copy, **settings)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_resume(kind: str, piece: int) -> None:
    """From every checkpoint the same bytes give the same later chunks."""
    rows = [{"name": f"N{index}", "phone": f"+49151{index:08d}" if index % 3 else "x"} for index in range(20)]
    data = {
        "csv": "Name;Phone\r\n" + "".join(f'"{row["name"]}\n";{row["phone"]}\r\n' for row in rows),
        "ndjson": "".join(json.dumps(row) + "\n\n" for row in rows),
        "json": json.dumps({"recipients": rows}),
    }[kind].encode()
    settings = {"text": "{name}", "chunk_messages": 4}
    whole = parse(data, kind, **settings)
    for done in range(1, len(whole) + 1):
        end = whole[done - 1].end
        first_seq = whole[done - 1].first_seq + whole[done - 1].messages
        rest = resumed(data, kind, end, piece=piece, first_seq=first_seq, **settings)
        assert [chunk.payload for chunk in rest] == [chunk.payload for chunk in whole[done:]]
        assert problems(rest) == problems(whole[done:])
        assert [(chunk.end.digest, chunk.end.line, chunk.end.rows) for chunk in rest] == [
            (chunk.end.digest, chunk.end.line, chunk.end.rows) for chunk in whole[done:]
        ]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_changed_prefix(kind: str) -> None:
    """Other bytes, or fewer, before the checkpoint are refused."""
    rows = [f"+49151{index:08d}" for index in range(4)]
    data = json.dumps({"recipients": rows}) if kind == "json" else "\n".join(["phone", *rows, ""])
    end = parse(data.encode(), kind, chunk_messages=2)[0].end
    with pytest.raises(PrefixChanged):
        resumed(data.replace("151", "152").encode(), kind, end)
    with pytest.raises(PrefixChanged):
        resumed(data[:30].encode(), kind, end)
    with pytest.raises(PrefixChanged):
        resumed(data.encode(), "ndjson", end)


cells = st.text('ab1,;\t"\n é😀', max_size=6)
phones = st.one_of(st.integers(0, 5).map(lambda digit: f"+4915100{digit:06d}"), cells)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(phones, cells, cells), max_size=12),
    st.sampled_from(",;\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 40),
)
def test_reference(rows: list[tuple[str, str, str]], delimiter: str, quoting: Any, ending: str, piece: int) -> None:
    """Any file that the csv module writes is read as the reference reads it, in pieces of any size."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ending)
    writer.writerow(["phone", "name", "note"])
    writer.writerows(rows)
    text = "{name}" * 20
    expected = reference.read_csv(
        out.getvalue(), text, delimiter=delimiter, region=None, max_parts=1, opted_out={4915100000005}
    )
    open_parser = parser(text=text, max_parts=1, chunk_messages=2)
    open_parser.exclude(pack(4915100000005))
    data = out.getvalue().encode()
    chunks = [chunk for at in range(0, len(data), piece) for chunk in open_parser.feed(data[at : at + piece])]
    chunks += open_parser.finish()
    assert [found[1:] for found in messages(chunks)] == [(message.number, message.segments) for message in expected.messages]
    assert problems(chunks) == expected.skipped


@given(st.binary(max_size=200), st.sampled_from(["csv", "ndjson", "json"]))
def test_foreign_bytes(data: bytes, kind: str) -> None:
    """Foreign bytes give chunks or FormatError and nothing else."""
    try:
        parse(data, kind)
    except FormatError:
        return


def test_compressed_bytes() -> None:
    """A compressed body that nobody unpacked is refused, not read as rows."""
    with pytest.raises(FormatError):
        parse(gzip.compress(b"phone\n+4915100000001\n"))
