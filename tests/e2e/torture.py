"""Campaigns during which something is killed again and again, and the table of what became of their messages.

`make torture KILLS=1000`: so many kills of the gateway at random moments, and a twentieth as many of each other kind.
Ends with 0 only if nothing was lost or sent twice, every rule of the checker holds, and each message in doubt is listed.
"""

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    lines = [("fault", "runs", "campaigns", "lost", "twice", "unknown", "unlisted", "back: median", "slowest")]
    for row in rows:
        back = (f"{median(row.back_s):.2f} s", f"{max(row.back_s):.2f} s") if row.back_s else ("–", "–")
        counts = (row.runs, row.campaigns, row.lost, row.twice, row.unknown, row.unlisted)
        lines.append((row.name, *map(str, counts), *back))
    table = [f"{line[0]:<29}" + "".join(f"{cell:>14}" for cell in line[1:]) for line in lines]
    return "\n".join([*table, *(f"{row.name}: {problem}" for row in rows for problem in row.problems)])


async def run(kills: int, recipients: int, seed: int) -> bool:
    """Every kind in turn; whether all went well."""
    dice = random.Random(seed)  # noqa: S311 - a seed to repeat it
    rows = [Row(name, kills if not place else max(1, kills // OTHERS)) for place, name in enumerate(DEATHS)]
    with servers() as shared:
        for row in rows:
            while row.runs < row.wanted and not row.problems:
                try:
                    await torment(shared, row, recipients, dice)
                except AssertionError as error:
                    row.problems.append(f"after {row.runs} runs: {error}")
                print(f"\r{row.name}: {row.runs} of {row.wanted}", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
    print(show(rows))
    return all(row.is_good for row in rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", "1000")))  # noqa: TID251 - started by make
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable()  # the simulator's word on every connection that is cut
    sys.exit(0 if asyncio.run(run(given.kills, given.recipients, given.seed)) else 1)


if __name__ == "__main__":
    main()
