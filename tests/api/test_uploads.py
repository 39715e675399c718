"""Uploads over HTTP: formats, encodings, resuming, taking over."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest

from tests.api.conftest import CHUNK, Api, rows


def as_ndjson(n: int) -> bytes:
    """The recipients of `rows(n)` as NDJSON."""
    return b"".join(json.dumps({"to": f"+49151{i:08d}", "name": f"Name{i}"}).encode() + b"\n" for i in range(n))


def as_json(n: int) -> bytes:
    """The same as one JSON body."""
    return json.dumps({"recipients": [{"to": f"+49151{i:08d}", "name": f"Name{i}"} for i in range(n)]}).encode()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", rows(25)),
        ("text/csv; charset=utf-8", rows(25)),
        ("application/x-ndjson", as_ndjson(25)),
        ("application/jsonl", as_ndjson(25)),
        ("application/json", as_json(25)),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
async def test_every_format_gives_the_same_recipients(api: Api, kind: str, body: bytes, is_packed: bool) -> None:  # noqa: FBT001
    """CSV, NDJSON and JSON, plain or packed, become the same messages in the same order."""
    campaign = await api.create()
    packing = {"Content-Encoding": "gzip"} if is_packed else {}
    answer = await api.upload(campaign, gzip.compress(body) if is_packed else body, kind, **packing)
    assert answer.status == 200, answer.body
    assert (answer.json["rows"], answer.json["accepted"], answer.json["segments"]) == (25, 25, 25)
    assert await api.numbers(campaign) == [f"+49151{i:08d}" for i in range(25)]


async def test_answer_says_what_was_skipped_and_where(api: Api) -> None:
    """Problems carry the line in the file and the reason; all of them can be read page by page."""
    campaign = await api.create()
    body = rows(2) + b"none,Ann\n+4915100000000,Bob\n+4915177777777,\n"
    answer = await api.upload(campaign, body)
    assert answer.json["skipped"] == {"invalid_number": 1, "duplicate": 1, "missing_value": 1}
    assert [(row["line"], row["reason"]) for row in answer.json["problems"]] == [
        (4, "invalid_number"), (5, "duplicate"), (6, "missing_value"),
    ]  # fmt: skip
    first = (await api.call("GET", f"/v1/campaigns/{campaign}/skipped?limit=2")).json
    rest = (await api.call("GET", first["next"])).json
    assert [row["line"] for row in first["items"] + rest["items"]] == [4, 5, 6]
    assert {row["upload_id"] for row in first["items"]} == {answer.json["upload_id"]}


async def test_second_upload_knows_the_numbers_of_the_first(api: Api) -> None:
    """Numbers are unique within a campaign, over all its uploads, and segments are each upload's own."""
    campaign = await api.create()
    await api.upload(campaign, rows(15))
    answer = await api.upload(campaign, rows(15, start=10))
    assert (answer.json["accepted"], answer.json["skipped"], answer.json["segments"]) == (10, {"duplicate": 5}, 10)
    shown = await api.show(campaign)
    assert [upload["accepted"] for upload in shown["uploads"]] == [15, 10]
    assert shown["segments"] == 25


async def test_phone_column_can_be_named(api: Api) -> None:
    """`?phone_column=` chooses the column of the numbers."""
    campaign = await api.create("Hi")
    path = f"/v1/campaigns/{campaign}/recipients?phone_column=Kontakt"
    answer = await api.call("POST", path, data=b"phone,Kontakt\nx,+4915100000001\n", headers={"Content-Type": "text/csv"})
    assert answer.json["accepted"] == 1


async def test_repeated_complete_upload_answers_the_same_and_stores_nothing(api: Api) -> None:
    """The same id and body again is answered from what is stored, even after the campaign was sent."""
    campaign = await api.create()
    first = await api.upload(campaign, rows(25), upload_id="list-1")
    await api.call("POST", f"/v1/campaigns/{campaign}/send")
    again = await api.upload(campaign, rows(25), upload_id="list-1")
    assert (again.status, again.json) == (200, first.json)
    assert len(await api.numbers(campaign)) == 25


@pytest.mark.parametrize("body", [rows(26), rows(24), rows(25).replace(b"Name3", b"Mane3"), rows(25) + b"\n"])
async def test_repeated_upload_with_another_body_is_refused(api: Api, body: bytes) -> None:
    """The same id with a longer, shorter or changed body is 422 and changes nothing."""
    campaign = await api.create()
    await api.upload(campaign, rows(25), upload_id="list-1")
    answer = await api.upload(campaign, body, upload_id="list-1")
    assert answer.status == 422, answer.body
    assert len(await api.numbers(campaign)) == 25


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json"])
async def test_repeated_upload_of_other_formats(api: Api, kind: str) -> None:
    """Repeats are recognised, and changed bodies refused, in every format."""
    campaign = await api.create()
    make = as_json if kind == "application/json" else as_ndjson
    first = await api.upload(campaign, make(25), kind, upload_id="a")
    assert (await api.upload(campaign, make(25), kind, upload_id="a")).json == first.json
    assert (await api.upload(campaign, make(26), kind, upload_id="a")).status == 422


async def test_same_id_in_another_format_is_refused(api: Api) -> None:
    """An upload goes on in the format it was begun in."""
    campaign = await api.create()
    await api.upload(campaign, rows(5), upload_id="a")
    assert (await api.upload(campaign, as_ndjson(5), "application/x-ndjson", upload_id="a")).status == 422


async def test_file_broken_in_the_middle_keeps_what_was_stored(api: Api) -> None:
    """A gzip stream that breaks off answers where it stopped; the whole file continues there."""
    campaign = await api.create()
    packed = gzip.compress(rows(2_000), compresslevel=1)
    cut = await api.upload(campaign, packed[: len(packed) // 2], upload_id="big", **{"Content-Encoding": "gzip"})
    assert cut.status == 400
    stopped = cut.json["upload"]
    assert stopped["upload_id"] == "big"
    assert 0 < stopped["rows"] < 2_000
    assert stopped["rows"] % CHUNK == 0
    assert (await api.show(campaign))["uploads"][0]["state"] == "open"
    done = await api.upload(campaign, packed, upload_id="big", **{"Content-Encoding": "gzip"})
    assert (done.status, done.json["accepted"], done.json["skipped"]) == (200, 2_000, {})


async def test_continued_upload_with_a_changed_prefix_is_refused(api: Api) -> None:
    """What is stored must be the beginning of the body that continues it."""
    campaign = await api.create()
    await _cut_upload(api, campaign, "x")
    answer = await api.upload(
        campaign, rows(2_000).replace(b"Name1,", b"Nobody,").replace(b"Name1\n", b"Other\n"), upload_id="x"
    )
    assert answer.status == 422
    assert answer.json["upload"]["upload_id"] == "x"


async def test_another_upload_while_one_is_open_is_told_how_to_go_on(api: Api) -> None:
    """A second upload, and send, are conflicts that name the open upload; discarding ends it."""
    campaign = await api.create()
    await _cut_upload(api, campaign, "first-list")
    for answer in (await api.upload(campaign, rows(5)), await api.call("POST", f"/v1/campaigns/{campaign}/send")):
        assert answer.status == 409
        assert "Upload-Id: first-list" in answer.json["detail"]
    await api.call("DELETE", f"/v1/campaigns/{campaign}/recipients")
    assert (await api.upload(campaign, rows(5))).json["accepted"] == 5


@pytest.mark.parametrize(
    ("body", "kind", "packing"),
    [
        (b"", "text/csv", {}),
        (b"name,city\nA,B\n", "text/csv", {}),
        (b"not gzip at all", "text/csv", {"Content-Encoding": "gzip"}),
        (b"", "text/csv", {"Content-Encoding": "gzip"}),
        (gzip.compress(rows(5))[:-9], "text/csv", {"Content-Encoding": "gzip"}),
        (b'{"recipients":[{]}', "application/json", {}),
        (b"[]", "application/json", {}),
    ],
    ids=["empty", "no number column", "not gzip", "empty gzip", "cut gzip", "broken json", "json array"],
)
async def test_upload_that_stored_nothing_leaves_nothing_behind(
    api: Api, body: bytes, kind: str, packing: dict[str, str]
) -> None:
    """A file that cannot be read is 400, and the corrected one is uploaded without ceremony."""
    campaign = await api.create()
    answer = await api.upload(campaign, body, kind, **packing)
    assert answer.status == 400, answer.body
    assert answer.json["code"] == "malformed_request"
    assert (await api.show(campaign))["uploads"] == []
    assert (await api.upload(campaign, rows(5))).status == 200


async def test_gzip_in_several_members(api: Api) -> None:
    """Concatenated gzip files are one stream."""
    campaign = await api.create()
    body = gzip.compress(rows(5)) + gzip.compress(rows(5, start=5).removeprefix(b"phone,name\n"))
    answer = await api.upload(campaign, body, **{"Content-Encoding": "gzip"})
    assert answer.json["accepted"] == 10


async def test_gzip_made_to_hurt_is_refused_while_it_unpacks(api: Api) -> None:
    """A small body that unpacks to a huge one is 413, in uploads and in JSON."""
    campaign = await api.create()
    bomb = gzip.compress(b"\n" * 100_000_000)
    packing = {"Content-Encoding": "gzip"}
    assert (await api.upload(campaign, bomb, **packing)).status == 413
    assert (await api.upload(campaign, bomb, "application/json", **packing)).status == 413
    headers = {"Content-Type": "application/json", **packing}
    assert (await api.call("POST", "/v1/campaigns", data=bomb, headers=headers)).status == 413


async def test_later_connection_takes_an_upload_over(api: Api) -> None:
    """The earlier connection fails at its next chunk; nothing is stored twice."""
    campaign = await api.create()
    body = rows(2_000)
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield body[:20_000]
        begun.set()
        await finish.wait()
        yield body[20_000:]

    async with asyncio.TaskGroup() as group:
        earlier = group.create_task(api.upload(campaign, slow(), upload_id="u"))
        await begun.wait()
        await _until_stored(api, campaign)
        later = await api.upload(campaign, body, upload_id="u")
        finish.set()
    assert (later.status, later.json["accepted"], later.json["skipped"]) == (200, 2_000, {})
    assert earlier.result().status == 409
    assert (await api.show(campaign))["counts"]["queued"] == 2_000


async def test_opted_out_numbers_are_skipped(api: Api) -> None:
    """A number on the tenant's list is never a message of a later upload."""
    await api.call("POST", "/v1/opt-outs", json={"numbers": ["+4915100000003"]})
    campaign = await api.create()
    answer = await api.upload(campaign, rows(5))
    assert (answer.json["accepted"], answer.json["skipped"]) == (4, {"opted_out": 1})


async def _cut_upload(api: Api, campaign: str, upload_id: str) -> None:
    """Leave an upload open with some chunks stored."""
    packed = gzip.compress(rows(2_000), compresslevel=1)
    answer = await api.upload(campaign, packed[: len(packed) * 3 // 4], upload_id=upload_id, **{"Content-Encoding": "gzip"})
    assert answer.json["upload"]["rows"] > 0


async def _until_stored(api: Api, campaign: str) -> None:
    while not (await api.show(campaign))["counts"]["queued"]:
        pass
