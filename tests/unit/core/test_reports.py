"""Delivery reports against the vectors and the reference."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import FormatError, Reports, read_reports
from tests.reference import loose
from tests.reference import reports as reference
from tests.unit.core.vectors import FOLDER, cases

KEYS = ["messageId", "msgid", "id", "Id", "_id", "ID", "deliveryStatus", "status", "Status", "updatedAt", "sendtimestamp"]
KEYS += ["sendtime", "timestamp", "createdAt", "CreatedAt", "errorcode", "description", "error", "other"]
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(946_684_800 - 5, 4_102_444_800 + 5),
    st.text("a\0 é0", max_size=3),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S")),
    st.from_regex(reference.SHAPE, fullmatch=True),
    st.lists(st.integers(), max_size=1),
)
items = st.one_of(values, st.dictionaries(st.sampled_from(KEYS), values, max_size=6))


def columns(reports: Reports) -> tuple[object, ...]:
    """Everything that reports say, without the lines."""
    return (reports.ids, reports.statuses, reports.times_us, reports.errors, reports.unreadable)


@pytest.mark.parametrize("case", cases("reports"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """Every vector reads as written."""
    if case["ids"] is None:
        with pytest.raises(FormatError):
            read_reports(case["body"].encode(), case["content_type"])
        return
    found = read_reports(case["body"].encode(), case["content_type"])
    assert columns(found) == tuple(case[name] for name in ("ids", "statuses", "times_us", "errors", "unreadable"))


@pytest.mark.parametrize(
    "sample",
    json.loads((FOLDER / "mitto_reports.json").read_text(encoding="utf-8"))["samples"],
    ids=lambda sample: sample["name"],
)
def test_provider_samples(sample: dict[str, Any]) -> None:
    """Every shape the provider is known to send gives its ids and statuses."""
    data, kind = (sample["body"], sample["content_type"]) if sample["body"] else (sample["query"], "")
    found = read_reports(data.encode(), kind)
    assert [list(pair) for pair in zip(found.ids, found.statuses, strict=True)] == sample["reports"]


@given(st.lists(items, max_size=5), st.sampled_from([None, 2]))
def test_reference(sent: list[Any], indent: int | None) -> None:
    """The core reads any list as the reference does, however it is laid out."""
    body = json.dumps(sent, indent=indent)
    loaded = loose.load(body)
    assert isinstance(loaded, list)
    assert columns(read_reports(body.encode(), "application/json")) == reference.read_reports(loaded)


@given(st.one_of(st.lists(items, max_size=5), st.dictionaries(st.sampled_from(KEYS), values)), st.sampled_from([None, 2]))
def test_lines_round_trip(sent: Any, indent: int | None) -> None:
    """The kept lines read to the same columns and the same lines."""
    first = read_reports(json.dumps(sent, indent=indent, ensure_ascii=False).encode(), "application/json")
    again = read_reports(first.lines, "application/x-ndjson")
    assert columns(again) == columns(first)
    assert again.lines == first.lines


@given(st.binary(max_size=60))
def test_foreign_lines_round_trip(data: bytes) -> None:
    """Lines that are no JSON are kept, and stay unreadable."""
    first = read_reports(data, "application/x-ndjson")
    again = read_reports(first.lines, "application/x-ndjson")
    assert (columns(again), again.lines) == (columns(first), first.lines)


@given(st.dictionaries(st.sampled_from(KEYS), st.text(st.characters(codec="utf-8"), max_size=5), min_size=1))
def test_forms(form: dict[str, str]) -> None:
    """A form says the same as the JSON object with its texts."""
    as_form = read_reports(urlencode(form).encode(), "application/x-www-form-urlencoded")
    as_object = read_reports(json.dumps(form).encode(), "application/json")
    assert columns(as_form) == columns(as_object)


@given(st.binary(max_size=60), st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "text/plain"]))
def test_foreign_bytes(data: bytes, content_type: str) -> None:
    """Foreign bytes give reports or FormatError and nothing else."""
    try:
        read_reports(data, content_type)
    except FormatError:
        return


def test_depth() -> None:
    """JSON nested 128 deep is read; one level more is none, and costs a line of NDJSON no other line."""
    deepest, beyond = (b'{"id":"a","x":' + b"[" * deep + b"]" * deep + b"}" for deep in (127, 128))
    assert read_reports(deepest, "application/json").ids == ["a"]
    with pytest.raises(FormatError, match="from byte 141 on"):
        read_reports(beyond, "application/json")
    with pytest.raises(FormatError):
        read_reports(b"[" * 200_000, "application/json")
    lines = read_reports(beyond + b"\n" + deepest, "application/x-ndjson")
    assert (lines.ids, lines.unreadable) == (["a"], 1)


def test_long_texts() -> None:
    """A status is cut to 64 characters, an error to 200, and an id over 200 is none."""
    sent = [{"id": "é" * 200, "status": "é" * 64, "error": "é" * 200}, {"id": "b", "status": "é" * 65, "error": "é" * 201}]
    found = read_reports(json.dumps([*sent, {"id": "é" * 201}]).encode(), "application/json")
    assert (found.ids, found.statuses, found.errors) == (["é" * 200, "b"], ["é" * 64] * 2, ["é" * 200] * 2)
    assert found.unreadable == 1


def test_many_members() -> None:
    """An object of a hundred thousand members is read like any other."""
    members = b",".join(b'"k%d":{}' % index for index in range(100_000))
    assert read_reports(b"{" + members + b',"id":"a"}', "application/json").ids == ["a"]


def test_lone_surrogates() -> None:
    """Half a surrogate pair is no id, and does no harm in a name or a value that nobody reads."""
    body = rb'[{"id":"\ud800"},{"\ud800":1,"id":"a","x":"\udc00","status":"\ud800"}]'
    found = read_reports(body, "application/json")
    assert columns(found) == (["a"], [""], [None], [None], 1)
    assert columns(read_reports(found.lines, "application/x-ndjson")) == columns(found)


SPELLINGS = [
    {"id": ["messageId", "msgid", "id", "Id", "_id", "ID", "MessageID", "MsgId"]},
    {"status": ["deliveryStatus", "status", "DeliveryStatus", "STATUS"]},
    {"time": ["updatedAt", "sendtimestamp", "sendtime", "timestamp", "createdAt", "SendTime"]},
    {"error": ["errorcode", "description", "error", "ErrorCode"]},
]


@pytest.mark.parametrize("shape", ["object", "array", "form", "query"])
@pytest.mark.parametrize(("column", "name"), [(c, name) for entry in SPELLINGS for c, names in entry.items() for name in names])
def test_every_name_in_every_shape(shape: str, column: str, name: str) -> None:
    """Each name a customer's template may use is found, whatever carries it."""
    names = {"id": "msgid", "status": "status", "time": "sendtime", "error": "errorcode"} | {column: name}
    report = {names["id"]: "a", names["status"]: "Sent", names["time"]: "1767225600", names["error"]: "438"}
    body, content_type = {
        "object": (json.dumps(report), "application/json"),
        "array": (json.dumps([report]), "text/json; charset=utf-8"),
        "form": (urlencode(report), "application/x-www-form-urlencoded"),
        "query": (urlencode(report), ""),
    }[shape]
    found = read_reports(body.encode(), content_type)
    assert columns(found) == (["a"], ["Sent"], [1_767_225_600_000_000], ["438"], 0)
