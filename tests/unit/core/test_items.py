"""Recipients as JSON objects, against the reference."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import recipients as reference
from tests.unit.core.parsing import messages, pack, parser, problems

TEXT = "{name}" * 20 + "{other name}"
NAMES = ["phone", "Phone", " to ", "mobile", "name", "NAME", "other name", "Ωther", "x"]
phones = st.integers(0, 5).map(lambda digit: f"+4915100{digit:06d}")
values = st.one_of(
    phones,
    st.text('ab1"\\\n é😀\0', max_size=6),
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(NAMES), st.none(), max_size=2),
)
others = st.tuples(st.sampled_from(NAMES), values)
usual = st.tuples(phones, st.text("ab é", max_size=4)).map(lambda row: [("phone", row[0]), ("name", row[1]), ("other name", 1)])
objects = st.one_of(usual, st.lists(others, max_size=5), st.tuples(usual, others).map(lambda pair: [*pair[0], pair[1]]))
lines = st.one_of(
    st.tuples(objects, st.booleans()).map(lambda pair: as_object(pair[0], is_ascii=pair[1])),
    phones.map(json.dumps),
    st.sampled_from(
        ["", " \t", "[]", "5", "null", "{", '{"phone":"+4915100000001"} x', '"\\ud800"', '{"\\ud800":1}', "\ufeff{}"]
    ),
)


def as_object(members: list[tuple[str, object]], *, is_ascii: bool) -> str:
    """An object with its members in order, also those of the same name."""
    return "{" + ", ".join(f"{json.dumps(n)} : {json.dumps(v, ensure_ascii=is_ascii)}" for n, v in members) + "}"


@settings(max_examples=300)
@given(st.lists(lines, max_size=10), st.sampled_from(["\n", "\r\n"]), st.integers(1, 60))
def test_reference(sent: list[str], ending: str, piece: int) -> None:
    """Any lines are read as the reference reads them, in pieces of any size."""
    text = "".join(line + ending for line in sent)
    expected = reference.read_ndjson(text, TEXT, region=None, max_parts=1, opted_out={4915100000005})
    open_parser = parser("ndjson", TEXT, max_parts=1, chunk_messages=2)
    open_parser.exclude(pack(4915100000005))
    data = text.encode()
    chunks = [chunk for at in range(0, len(data), piece) for chunk in open_parser.feed(data[at : at + piece])]
    chunks += open_parser.finish()
    assert [found[1:] for found in messages(chunks)] == [(message.number, message.segments) for message in expected.messages]
    assert problems(chunks) == expected.skipped


@settings(max_examples=100)
@given(st.lists(lines.filter(lambda line: line.strip(" \t\ufeff") not in {"", "{"} and not line.endswith(" x")), max_size=8))
def test_a_body_is_its_lines(sent: list[str]) -> None:
    """A JSON body gives what its items would have given as lines."""
    items = [line.strip("\ufeff") for line in sent]
    as_lines, as_body = parser("ndjson", TEXT), parser("json", TEXT)
    from_lines = as_lines.feed("\n".join(items).encode()) + as_lines.finish()
    body = f'{{"x":[{{}}], "recipients" : [{",".join(items)}]}}'
    from_body = as_body.feed(body.encode()) + as_body.finish()
    assert messages(from_body) == messages(from_lines)
    assert problems(from_body) == problems(from_lines)
