"""Quiet hours on a real database: what is cut, what waits, what the claim sees, and what a quote says."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from penstock.clock import SystemClock
from penstock.config import Sms
from penstock.domain.estimate import Speeds
from penstock.domain.quiet_hours import QuietHours, next_allowed
from penstock.ingest import control, steering
from penstock.ingest.audience import Intake
from penstock.ingest.quote import Quote, Surroundings, make_quote
from penstock.ingest.retry import Retries
from penstock.ingest.time_zones import time_zones
from penstock.ingest.upload import UploadRequest
from penstock.store import campaigns
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import POLL_S, Rig, Scene, make_draft, new_id, refusal

BERLIN, ATHENS, TOKYO = 4915100000000, 306900000000, 819012345000
_STANDS_FOR = time_zones(SystemClock().now())
ZONES = {BERLIN: _STANDS_FOR["Europe/Berlin"], ATHENS: _STANDS_FOR["Europe/Athens"], TOKYO: _STANDS_FOR["Asia/Tokyo"]}
"""What stands for the clock of each country."""
IN_ORDER = sorted(ZONES, key=lambda country: ZONES[country])
DUE = "SELECT zone_group, due_at > now() AS is_later FROM batch WHERE state = 'pending' ORDER BY first_seq"


@pytest.fixture
def rig(store: Store, tmp_path: Path) -> Rig:
    """A dispatcher whose provider says what it is told."""
    return Rig(store, tmp_path)


def now() -> datetime:
    """The present."""
    return SystemClock().now()


def hours_around(at: datetime, zone_hours: int, *, length: int = 2) -> QuietHours:
    """Quiet hours that have begun an hour ago on a clock so many hours east of Greenwich."""
    local = at.astimezone(UTC) + timedelta(hours=zone_hours - 1)
    return QuietHours(start=f"{local:%H:%M}", end=f"{local + timedelta(hours=length):%H:%M}")


def quiet_in_tokyo() -> QuietHours:
    """Quiet there now, and neither in Berlin nor in Athens, which are seven or eight hours away."""
    return hours_around(now(), 9)


def intake(store: Store, **sms: int) -> Intake:
    """An intake."""
    return Intake(store, Sms(**sms), Metrics("test"), clock=SystemClock(), random=os.urandom)


async def upload(scene: Scene, rows: list[str], *, chunk: int = 5000, **request: Any) -> None:
    """Fill a draft."""

    async def source() -> AsyncIterator[bytes]:
        yield "\n".join(["phone,name,tz", *rows, ""]).encode()

    given = UploadRequest(**{"format": "csv", "zone_column": "tz", **request})
    await intake(scene.store, batch_size=chunk).receive(*scene.key, given, source())


async def start(scene: Scene) -> None:
    """Send it, as the API does."""
    async with scene.store.tenant(scene.tenant_id) as connection, connection.transaction():
        await control.start_sending(connection, *scene.key, None, now())


async def make_quiet(store: Store, hours: QuietHours | None, *, each: int = 2, chunk: int = 5000, **fields: Any) -> Scene:
    """A draft with recipients in three countries, mixed."""
    scene = await make_draft(store, quiet_hours=hours, **fields)
    await upload(scene, [f"+{country + i},A," for i in range(each) for country in (TOKYO, BERLIN, ATHENS)], chunk=chunk)
    return scene


async def set_hours(scene: Scene, hours: QuietHours | None) -> None:
    """Let it be quiet at another time."""
    text = None if hours is None else msgspec.json.encode(hours).decode()
    await scene.execute("UPDATE campaign SET quiet_hours = $1::text::jsonb", text)


async def test_a_chunk_is_cut_by_zone_group(store: Store) -> None:
    """Each batch is for one clock; messages, segments and numbers of the chunk are in them, once."""
    scene = await make_quiet(store, QuietHours(start="21:00", end="08:00"), each=3)
    batches = await scene.fetch("SELECT * FROM batch ORDER BY first_seq")
    assert [(b["zone_group"], b["first_seq"], b["last_seq"], b["segments"]) for b in batches] == [
        (ZONES[country], 3 * i, 3 * i + 2, 3) for i, country in enumerate(IN_ORDER)
    ]
    numbers = await scene.column("SELECT msisdn FROM message ORDER BY seq")
    assert numbers == [country + i for country in IN_ORDER for i in range(3)]
    assert await scene.states() == {"queued": 9}


async def test_a_campaign_without_quiet_hours_is_not_cut(store: Store, rig: Rig) -> None:
    """Its chunk is one batch in the order of the file, and a column of zones is not looked at."""
    scene = await make_draft(store)
    await upload(scene, [f"+{TOKYO},A,nonsense", f"+{BERLIN},B,"])
    await start(scene)
    assert await scene.column("SELECT zone_group FROM batch") == [None]
    await rig.drain()
    assert rig.script.destinations == [f"+{TOKYO}", f"+{BERLIN}"]


async def test_what_is_quiet_waits_and_the_rest_goes(store: Store, rig: Rig) -> None:
    """Where it is quiet at the start nothing is claimed before it is over; then it goes out too."""
    hours = quiet_in_tokyo()
    scene = await make_quiet(store, hours)
    await start(scene)
    assert [tuple(row) for row in await scene.fetch(DUE)] == [(ZONES[country], country == TOKYO) for country in IN_ORDER]
    await rig.drain()
    assert await scene.states() == {"sent": 4, "queued": 2}
    (due_at,) = await scene.column("SELECT due_at FROM batch WHERE state = 'pending'")
    assert timedelta(minutes=58) < due_at - now() <= timedelta(hours=1)
    assert f"{due_at + timedelta(hours=9):%H:%M:%S}" == f"{hours.end}:00"
    await set_hours(scene, hours_around(now(), 0))
    await scene.release_account()
    await rig.drain()
    assert await scene.states() == {"sent": 6}


async def test_a_zone_that_this_machine_does_not_know_stops_no_start(store: Store) -> None:
    """The machine that took the upload knew it. The campaign starts, and the claim says which batch it cannot send."""
    scene = await make_quiet(store, quiet_in_tokyo())
    await scene.execute("UPDATE batch SET zone_group = 'No/Where' WHERE zone_group = $1", ZONES[BERLIN])
    await start(scene)
    later = {row["zone_group"]: row["is_later"] for row in await scene.fetch(DUE)}
    assert later == {"No/Where": False, ZONES[ATHENS]: False, ZONES[TOKYO]: True}


async def test_what_becomes_quiet_between_choice_and_claim_is_not_sent(store: Store, rig: Rig) -> None:
    """The claim asks the clock again: the whole group waits from then on, at the cost of one claim."""
    scene = await make_quiet(store, hours_around(now(), 0), each=6, chunk=6)
    await start(scene)
    lane = await rig.chooser.next_lane()
    assert lane is not None
    await set_hours(scene, quiet_in_tokyo())
    await rig.drain()
    assert await scene.states() == {"sent": 12, "queued": 6}
    assert {d for d in rig.script.destinations if d.startswith("+81")} == set()
    assert [tuple(row) for row in await scene.fetch(DUE)] == [(ZONES[TOKYO], True)] * 3
    assert await rig.dispatcher.run_once() == POLL_S


async def test_a_number_that_may_be_in_several_zones_waits_for_all(store: Store, rig: Rig) -> None:
    """A mobile number of Indonesia may be seven to nine hours ahead: it is quiet while it is quiet at any end."""
    scene = await make_draft(store, quiet_hours=quiet_in_tokyo())
    await upload(scene, ["+628123456789,A,", "+6281234567890,B,Asia/Jakarta"])
    await start(scene)
    await rig.drain()
    assert await scene.states() == {"sent": 1, "queued": 1}
    assert await scene.column("SELECT state::text FROM message ORDER BY msisdn") == ["queued", "sent"]


async def test_parts_of_a_batch_keep_its_zones(store: Store, tmp_path: Path) -> None:
    """What a small permit or a refused size leaves over is for the same clocks."""
    from tests.builders import OpenBrake  # noqa: PLC0415

    rig = Rig(store, tmp_path, brake=OpenBrake(4))
    scene = await make_draft(store, quiet_hours=hours_around(now(), 9))
    await upload(scene, [f"+{BERLIN + i},A," for i in range(10)])
    await start(scene)
    rig.says(refusal(413))
    await rig.drain()
    assert await scene.states() == {"sent": 10}
    batches = await scene.column("SELECT zone_group FROM batch")
    assert len(batches) > 3
    assert set(batches) == {ZONES[BERLIN]}


async def test_a_batch_without_zones_is_placed_by_its_numbers(store: Store, rig: Rig) -> None:
    """One that was made to mend a loss is for all the zones that its numbers may be in, and waits while one is quiet."""
    scene = await make_quiet(store, hours_around(now(), 0))
    await start(scene)
    await scene.execute("UPDATE batch SET zone_group = NULL, due_at = now()")
    await set_hours(scene, quiet_in_tokyo())
    await rig.drain()
    assert await scene.states() == {"sent": 4, "queued": 2}
    assert await scene.column("SELECT zone_group FROM batch WHERE state = 'pending'") == ["Asia/Tokyo"]


async def test_a_zone_that_this_machine_does_not_know_fails_its_batch_only(store: Store, rig: Rig) -> None:
    """It is tried again later and then dead, in sight; the sender and the other batches go on."""
    scene = await make_quiet(store, hours_around(now(), 0))
    await start(scene)
    await scene.execute("UPDATE batch SET zone_group = 'Mars/Olympus', due_at = now() WHERE zone_group = $1", ZONES[TOKYO])
    await rig.drain()
    assert await scene.states() == {"sent": 4, "queued": 2}
    assert await scene.column("SELECT attempts FROM batch WHERE zone_group = 'Mars/Olympus'") == [1]


async def test_resuming_at_night_waits_for_the_morning(store: Store, rig: Rig) -> None:
    """A campaign that is resumed where it is quiet claims nothing there."""
    scene = await make_quiet(store, None)
    await start(scene)
    await scene.execute("UPDATE batch SET zone_group = 'Asia/Tokyo'")
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        await steering.pause(connection, *scene.key, None)
    await set_hours(scene, quiet_in_tokyo())
    async with store.tenant(scene.tenant_id) as connection, connection.transaction():
        await steering.resume(connection, *scene.key, now())
    assert [row["is_later"] for row in await scene.fetch(DUE)] == [True]
    await rig.drain()
    assert await scene.states() == {"queued": 6}


async def test_a_retry_keeps_hours_and_zones(store: Store, rig: Rig) -> None:
    """The campaign that tries again is quiet at the same time, and where its rows said, not where their numbers say."""
    scene = await make_draft(store, quiet_hours=quiet_in_tokyo())
    await upload(scene, [f"+{BERLIN},A,Asia/Tokyo", f"+{ATHENS},B,", "+628123456789,C,"])
    await start(scene)
    await scene.execute("UPDATE campaign SET state = 'canceled', completed_at = now()")
    await scene.execute("UPDATE message SET state = 'canceled'")
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *scene.key, {"queued": -3, "canceled": 3})
    before = await scene.column("SELECT zone_group FROM batch ORDER BY zone_group")
    retry_id = await Retries(store, intake(store)).prepare(*scene.key, new_id())
    assert retry_id is not None
    retry = Scene(store, scene.tenant_id, retry_id)
    after = await retry.column("SELECT zone_group FROM batch WHERE campaign_id = $1 ORDER BY zone_group", retry_id)
    assert after == before
    await start(retry)
    await rig.drain()
    assert rig.script.destinations == [f"+{ATHENS}"]


async def quote(scene: Scene, at: datetime, *, requests: float = 100) -> Quote:
    """What sending would come to then."""
    async with scene.store.tenant(scene.tenant_id) as connection:
        around = Surroundings(now=at, speeds=Speeds(requests=requests), safe_mode=False)
        return await make_quote(connection, *scene.key, around)


async def test_a_quote_knows_of_the_night(store: Store) -> None:
    """The start is when the first may be written to, the finish when the last; all of them quiet is what stands in the way."""
    scene = await make_quiet(store, QuietHours(start="21:00", end="08:00"))
    day = await quote(scene, datetime(2027, 1, 15, 9, tzinfo=UTC))
    assert (day.starts_at, day.obstacles) == (datetime(2027, 1, 15, 9, tzinfo=UTC), [])
    night = await quote(scene, datetime(2027, 1, 15, 22, tzinfo=UTC))
    assert night.starts_at == datetime(2027, 1, 15, 23, tzinfo=UTC)
    assert night.finishes_at == datetime(2027, 1, 16, 7, tzinfo=UTC) + timedelta(seconds=0.01)
    assert [code for code, _ in night.obstacles] == ["quiet_hours"]


async def test_a_quote_spends_allowed_time_only(store: Store) -> None:
    """What a day is too short for goes on the day after."""
    scene = await make_draft(store, quiet_hours=QuietHours(start="21:00", end="08:00"))
    await upload(scene, [f"+{BERLIN},A,"])
    slow = await quote(scene, datetime(2027, 1, 15, 19, tzinfo=UTC), requests=1 / 7200)
    assert slow.finishes_at == datetime(2027, 1, 16, 8, tzinfo=UTC)


async def test_a_paced_campaign_is_quiet_too(store: Store, rig: Rig) -> None:
    """Its line goes on at night; what fell due waits for the morning, the rest for its turn."""
    scene = await make_quiet(store, quiet_in_tokyo(), pace_s=3600)
    await start(scene)
    await rig.drain()
    assert await scene.states() == {"sent": 1, "queued": 5}
    (tokyo,) = await scene.column("SELECT due_at FROM batch WHERE zone_group = $1", ZONES[TOKYO])
    (hours,) = [one.quiet_hours for one in [await read(scene)]]
    assert hours is not None
    assert tokyo == next_allowed(tokyo, [_tokyo()], hours)


async def read(scene: Scene) -> campaigns.Campaign:
    """The campaign as it is now."""
    async with scene.store.engine() as connection:
        found = await campaigns.get_campaign(connection, *scene.key)
    assert found is not None
    return found


def _tokyo() -> Any:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return ZoneInfo("Asia/Tokyo")
