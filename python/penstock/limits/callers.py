"""How often callers may call: counted in Redis for all processes, by the script that counts provider requests.

What differs from the limiter of provider requests (limiter.py), because here to be open matters more than to be exact: an
empty Redis simply starts empty, and while it is away each process goes on by itself, with the whole of every limit and windows
that begin empty. So for that time as many processes as take calls may admit so many times the limit, and when Redis went, came
back or was emptied, what had been taken before is forgiven.

The windows of a tenant and its keys have one hash tag and are taken together, all or none. Those of an address come before, in
a call of their own where there are any: a call that is refused there costs its tenant nothing, one that its tenant's limits
refuse still counts at its address. A refusal says how long it lasts, and is repeated from memory until then: those who are over
their limits cost Redis nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar
from zlib import crc32

import structlog
from msgspec import Struct

from penstock import config
from penstock.clock import Clock
from penstock.domain.ids import KeyId, TenantId
from penstock.lifecycle import wait_for_halt
from penstock.limits.demand import Demand, Epoch, Standing, Verdict, WindowsAwayError
from penstock.limits.model import Ledger
from penstock.limits.presence import PROBE_EVERY_S, Presence
from penstock.limits.redis import RedisWindows
from penstock.limits.rules import ROUTES, Limit, OwnLimits, RuleBook, Subject, Tier
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

AT_ONCE: Final = 16
"""Calls to Redis, each with a connection of its own: a crowd of callers must not use up this process's open files."""
ADDRESS_SHARDS: Final = 256
"""Addresses share so many hash tags, so that each does not need an epoch of its own."""
MOST_REFUSALS: Final = 10_000
"""Remembered at a time."""
TRY_EVERY_S: Final = 1.0
"""From a barred address one unknown credential is tried in so long: it may be that of many, and theirs is right."""
MOST_WINDOWS: Final = 20_000
"""In this process's memory while Redis is away; past that they begin anew."""
_S: Final = 1_000_000
"""Microseconds."""
_IDENTITY: Final = "alone"
_OF_ADDRESS: Final[frozenset[Subject]] = frozenset({"address"})
_OF_TENANT: Final[frozenset[Subject]] = frozenset({"tenant", "key"})
_ONE: Final = {tier: frozenset({tier}) for tier in Tier}
_NOTHING: Final = Verdict()
_Key = TypeVar("_Key")


class CallersWindows(Protocol):
    """Where the windows of all processes are."""

    async def acquire(self, demands: Sequence[Demand], epoch: Epoch | None = None) -> Verdict:
        """Take what is demanded, or nothing. Raises WindowsAwayError soon when nobody answers."""

    async def aclose(self) -> None:
        """Let go of what is held open."""


class Who(Struct, frozen=True):
    """Whose call it is."""

    party: str
    """The address, or what stands for all of its owner's."""
    tenant_id: TenantId
    key_id: KeyId
    own: OwnLimits = None
    """The tenant's own limits."""


class CallerLimits:
    """The limits of callers; also the service that looks whether Redis is back."""

    name = "callers"

    def __init__(self, shared: CallersWindows, book: RuleBook, *, metrics: Metrics, clock: Clock) -> None:
        self._shared = shared
        self._book = book
        self._metrics = metrics
        self._clock = clock
        self._presence = Presence()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._alone = Ledger(0)
        self._refusals: dict[Demand, float] = {}
        self._next_try: dict[str, float] = {}

    @classmethod
    def open(cls, redis: config.Redis, limits: config.Callers, *, metrics: Metrics, clock: Clock) -> "CallerLimits":
        """Limits of these settings; nothing is connected yet."""
        shared = RedisWindows(redis, _epoch("callers"), clock=clock)
        return cls(shared, RuleBook(limits), metrics=metrics, clock=clock)

    @property
    def is_alone(self) -> bool:
        """Whether this process counts by itself, because Redis is away."""
        return self._presence.is_away

    async def admit(self, who: Who, tier: Tier) -> Verdict:
        """Count one call, or say what stands in its way."""
        first = await self._take(_address_tag(who.party), self._of_address(who.party, _ONE[tier], units=1))
        if first.blocker is not None:
            return first
        second = await self._take(_tenant_tag(who.tenant_id), self._of_tenant(who, _ONE[tier], units=1))
        return Verdict(first.standings + second.standings, second.blocker, second.wait_us)

    async def look(self, who: Who) -> tuple[Standing, ...]:
        """How every limit of this caller stands, without taking anything."""
        address = await self._count(_address_tag(who.party), self._of_address(who.party, ROUTES, units=0))
        tenant = await self._count(_tenant_tag(who.tenant_id), self._of_tenant(who, ROUTES, units=0))
        return address.standings + tenant.standings

    async def refuse(self, party: str) -> Verdict:
        """Count one call without a valid credential, or say how long the address is barred."""
        return await self._take(_address_tag(party), self._of_refused(party))

    def barred(self, party: str) -> Verdict:
        """Whether the address had too many such calls, as far as this process knows: it learns it at the next one.

        Now and then a call is let through all the same; the others are told to wait for the next such moment.
        """
        refusal = self._still_refused(self._of_refused(party))
        if refusal is None:
            return _NOTHING
        now = self._clock.monotonic()
        until = self._next_try.pop(party, now)
        if until <= now:
            _keep(self._next_try, party, now + TRY_EVERY_S)
            return _NOTHING
        self._next_try[party] = until
        return Verdict(refusal.standings, refusal.blocker, int((until - now) * _S) + 1)

    async def run(self, halt: asyncio.Event) -> None:
        """Look for Redis while it is away."""
        while not await wait_for_halt(halt, PROBE_EVERY_S):
            await self.run_once()

    async def run_once(self) -> None:
        """If Redis is away, try it once; if it answers, count there again."""
        if not self._presence.is_away:
            return
        try:
            await self._shared.acquire(())
        except WindowsAwayError:
            return
        self._presence.note_return()
        self._alone = Ledger(0)
        self._refusals.clear()
        self._metrics.api_limits_alone.set(0)
        log.info("callers_counted_together_again")

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        await self._shared.aclose()

    def _of_address(self, party: str, tiers: frozenset[Tier], *, units: int) -> list[Demand]:
        limits = self._book.limits_for(tiers, _OF_ADDRESS, None)
        tag = _tag(_address_tag(party)) if limits else ""
        return [_demand(limit, f"{tag}{limit.rule.name}:{party}", units) for limit in limits]

    def _of_tenant(self, who: Who, tiers: frozenset[Tier], *, units: int) -> list[Demand]:
        tag, names = _tag(_tenant_tag(who.tenant_id)), {"tenant": "", "key": f":{who.key_id}"}
        return [
            _demand(limit, f"{tag}{limit.rule.name}{names[limit.rule.subject]}", units)
            for limit in self._book.limits_for(tiers, _OF_TENANT, who.own)
        ]

    def _of_refused(self, party: str) -> list[Demand]:
        return self._of_address(party, _ONE[Tier.REFUSED], units=1)

    async def _take(self, tag: str, demands: list[Demand]) -> Verdict:
        """Count, unless it is known that there is no room, and remember where there is none."""
        known = self._still_refused(demands)
        verdict = known or await self._count(tag, demands)
        if verdict.blocker is not None:
            self._metrics.api_limited.labels(verdict.blocker).inc()
            if known is None:
                self._remember(demands, verdict)
        return verdict

    async def _count(self, tag: str, demands: list[Demand]) -> Verdict:
        if not demands:
            return _NOTHING
        async with self._turns:
            verdict = await self._count_together(tag, demands)
        return verdict or self._count_alone(demands)

    async def _count_together(self, tag: str, demands: list[Demand]) -> Verdict | None:
        """In Redis; None while it is away, which whoever waited for a turn learns from those before."""
        if self._presence.is_away:
            return None
        try:
            verdict = await self._shared.acquire(demands, _epoch(tag))
        except WindowsAwayError as error:
            self._note_failure(str(error))
            return None
        self._presence.note_answer()
        return verdict

    def _count_alone(self, demands: list[Demand]) -> Verdict:
        """In windows of this process."""
        if len(self._alone) > MOST_WINDOWS:
            self._alone = Ledger(0)
        return self._alone.acquire(int(self._clock.monotonic() * _S), _IDENTITY, demands)

    def _note_failure(self, kind: str) -> None:
        if self._presence.note_failure(self._clock.monotonic()):
            self._metrics.api_limits_alone.set(1)
            log.warning("callers_counted_alone", reason=kind)

    def _still_refused(self, demands: list[Demand]) -> Verdict | None:
        """The refusal that holds for one of these, if one is known. A limit that was changed since is another demand."""
        now = self._clock.monotonic()
        for demand in demands:
            until = self._refusals.get(demand)
            if until is not None and until > now:
                wait_us = int((until - now) * _S) + 1
                standing = Standing(demand.scope, demand.quota.limit, 0, 0, wait_us, wait_us)
                return Verdict((standing,), demand.scope, wait_us)
        return None

    def _remember(self, demands: list[Demand], verdict: Verdict) -> None:
        (demand,) = (one for one in demands if one.scope == verdict.blocker)
        _keep(self._refusals, demand, self._clock.monotonic() + verdict.wait_us / _S)


def _keep(times: dict[_Key, float], what: _Key, until: float) -> None:
    """The oldest goes where there are too many."""
    times.pop(what, None)
    if len(times) >= MOST_REFUSALS:
        times.pop(next(iter(times)))
    times[what] = until


def _demand(limit: Limit, key: str, units: int) -> Demand:
    return Demand(limit.rule.name, key, limit.quota, units, units)


def _address_tag(party: str) -> str:
    return f"callers:address:{crc32(party.encode()) % ADDRESS_SHARDS}"


def _tenant_tag(tenant_id: TenantId) -> str:
    return f"callers:tenant:{tenant_id}"


def _tag(name: str) -> str:
    """The beginning of the keys that lie on one node of a cluster."""
    return f"penstock:{{{name}}}:"


def _epoch(tag: str) -> Epoch:
    """One that lets grants begin at once; the buckets' widths never change, so there is nothing to stamp."""
    return Epoch(f"{_tag(tag)}epoch", "callers", 0)
