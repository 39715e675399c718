"""Campaigns during which something is killed again and again, and the table of what became of their messages.

`make torture KILLS=1000`: so many kills of the gateway at random moments, and a twentieth as many of each other kind.
Ends with 0 only if nothing was lost or sent twice, every rule of the checker holds, and each message in doubt is listed.
Ctrl-C or SIGTERM ends it early with the table of what was checked until then.
"""

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from penstock.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.conftest import migrate_database
from tests.e2e.checker import Books, Wire, check
from tests.e2e.customer import Customer
from tests.e2e.deaths import DEATHS, House, house
from tests.e2e.evidence import FIRST_NUMBER, read_wire, wait_until
from tests.servers import Databases, private_folder, private_postgres

SETTINGS = {"SMS_BATCH_SIZE": "250", "PENSTOCK_MITTO__TIMEOUT": "5s"}
LONGEST_PAUSE_S = 0.3
END_S = 120.0
OTHERS = 20
"""Of each other kind one for so many kills of the gateway."""


@dataclass
class Row:
    """One kind of death: how often, and what became of the messages."""

    name: str
    wanted: int
    runs: int = 0
    checked: int = 0
    """Of the runs, those whose campaign was held against the journal."""
    campaigns: int = 0
    lost: int = 0
    twice: int = 0
    unknown: int = 0
    unlisted: int = 0
    problems: list[str] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    """From the moment that what was killed is back, or begins to start, to the next message on the wire."""

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.twice or self.unlisted or self.problems)

    @property
    def is_done(self) -> bool:
        """Whether enough was done, or too much found."""
        return self.checked >= self.wanted or bool(self.problems)

    def count(self, promised: frozenset[int], wire: Wire, books: Books, listed: int) -> None:
        """Add what one campaign came to."""
        there = {message.number for message in books.messages}
        sends = [number for _, number in wire.accepted]
        unknown = sum(message.state == "unknown" for message in books.messages)
        self.lost += len(promised - there)
        self.twice += len(sends) - len(set(sends))
        self.unknown += unknown
        self.unlisted += abs(unknown - listed)
        self.problems += check(promised, wire, books)
        self.campaigns += 1
        self.checked = self.runs


@dataclass(frozen=True)
class Servers:
    """What all campaigns share, one after the other."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    databases: Databases


@contextmanager
def servers() -> Iterator[Servers]:
    """Start them."""
    with private_postgres() as postgres, private_folder() as folder:
        valkey = EmbeddedValkey(folder / "valkey")
        with valkey:
            yield Servers(postgres, valkey, Databases(postgres))


async def torment(shared: Servers, row: Row, recipients: int, dice: random.Random) -> None:
    """One campaign, struck until it is sent or enough is done; then everything is held against the journal."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            shared.databases.clone("schema", migrate_database) as dsn,
            house(dsn, shared.postgres, shared.valkey, Path(folder), dice, **SETTINGS) as home,
        ):
            key = await home.at.database.make_key("tormented", b"tormented")
            async with Customer(home.at.process.url, key) as customer:
                campaign = await customer.start_campaign(recipients, FIRST_NUMBER)
                await _strike(home, row)
                await _end(home)
                listed = await customer.count_messages(campaign, "unknown")
            row.count(customer.promised, await read_wire(home.at.simulator.url), await home.at.database.books(), listed)


async def _strike(home: House, row: Row) -> None:
    while row.runs < row.wanted:
        await asyncio.sleep(home.dice.uniform(0, LONGEST_PAUSE_S))
        if await home.at.database.is_sent():
            return
        row.back_s.append(await home.strike(DEATHS[row.name]))
        row.runs += 1


async def _end(home: House) -> None:
    """Nothing is on its way any more; what had to wait for its time has it now."""
    home.network.heal()
    await home.at.database.lapse()
    await wait_until(home.at.database.is_settled_at_once, "the campaign is settled", END_S)


def show(rows: list[Row]) -> str:
    """The table."""
    head = ("fault", "runs", "checked", "campaigns", "lost", "twice", "unknown", "unlisted", "back: median", "slowest")
    lines = [head]
    for row in rows:
        back = (f"{median(row.back_s):.2f} s", f"{max(row.back_s):.2f} s") if row.back_s else ("–", "–")
        counts = (row.runs, row.checked, row.campaigns, row.lost, row.twice, row.unknown, row.unlisted)
        lines.append((row.name, *map(str, counts), *back))
    table = [f"{line[0]:<29}" + "".join(f"{cell:>14}" for cell in line[1:]) for line in lines]
    return "\n".join([*table, *(f"{row.name}: {problem}" for row in rows for problem in row.problems)])


def tell(rows: list[Row], row: Row, began: float) -> None:
    """How far the run is, and when it will be over if it goes on like this."""
    done, wanted = sum(row.checked for row in rows), sum(row.wanted for row in rows)
    each_s = (time.monotonic() - began) / max(1, done)
    end = datetime.now().astimezone() + timedelta(seconds=each_s * (wanted - done))  # noqa: TID251 - for people
    said = f"{row.name}: {row.checked} of {row.wanted}; all: {done} of {wanted}, {each_s:.2f} s each, done at {end:%H:%M}"
    print(f"{said:<100}", end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


async def run(rows: list[Row], recipients: int, seed: int) -> None:
    """Every kind in turn."""
    dice, began = random.Random(seed), time.monotonic()  # noqa: S311 - a seed to repeat it
    with servers() as shared:
        for row in rows:
            while not row.is_done:
                try:
                    await torment(shared, row, recipients, dice)
                except AssertionError as error:
                    row.problems.append(f"after {row.runs} runs: {error}")
                tell(rows, row, began)


def main() -> None:
    """Print the table, also when it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "1000")))  # noqa: TID251 - started by make
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable()  # the simulator's word on every connection that is cut
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows = [Row(name, given.kills if not place else max(1, given.kills // OTHERS)) for place, name in enumerate(DEATHS)]
    try:
        asyncio.run(run(rows, given.recipients, given.seed))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        print(f"\n{show(rows)}")
    sys.exit(0 if all(row.is_good and row.checked >= row.wanted for row in rows) else 1)


if __name__ == "__main__":
    main()
