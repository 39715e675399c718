"""Callers' limits as callers see them: headers, the problem, who is counted together, and what is never limited."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from penstock.api import ops, webhooks
from penstock.api.app import TENANT_ROUTES, make_app
from penstock.api.server import WebServer
from penstock.clock import SystemClock
from penstock.config import Callers, Http, Redis
from penstock.domain.keys import Scope
from penstock.health import Health
from penstock.limits.callers import CallerLimits
from penstock.limits.rules import Tier
from penstock.redact import Secret
from penstock.telemetry.metrics import Metrics
from tests.api.conftest import Answer, Api
from tests.api.test_bad_input import check_problem
from tests.api.test_keys import with_scopes

ITEM = re.compile(r'"(\w+)"((?:;\w+=\d+)+)')
MESSAGE = {"to": "+4915100000001", "text": "Hi"}


@pytest.fixture
def caller_settings() -> Callers:
    """Few calls in an hour, so that the clock does not matter."""
    return Callers(key_per_s=0, tenant_per_s=0, key_per_hour=5, tenant_per_hour=8, refused_per_hour=3)


def read_limits(answer: Answer, header: str) -> dict[str, dict[str, int]]:
    """A list of policies with parameters, as RFC 9651 writes it."""
    items = answer.headers[header].split(", ")
    assert all(ITEM.fullmatch(item) for item in items), answer.headers[header]
    found = [ITEM.fullmatch(item) for item in items]
    return {one[1]: {name: int(n) for name, n in (pair.split("=") for pair in one[2][1:].split(";"))} for one in found if one}


async def call(api: Api, path: str = "/v1/campaigns", **headers: str) -> Answer:
    """Look at something."""
    return await api.call("GET", path, headers=headers)


class TestHeaders:
    """What every answer says."""

    async def test_success_says_the_limits_and_what_remains(self, api: Api) -> None:
        """Name, quota and window of each; what remains goes down by one with each call, and lasts no longer than the window."""
        for n in range(1, 4):
            answer = await call(api)
            assert answer.status == 200
            assert read_limits(answer, "RateLimit-Policy") == {
                "tenant_hour": {"q": 8, "w": 3600}, "key_hour": {"q": 5, "w": 3600},
            }  # fmt: skip
            remaining = read_limits(answer, "RateLimit")
            assert {name: one["r"] for name, one in remaining.items()} == {"tenant_hour": 8 - n, "key_hour": 5 - n}
            assert all(0 < one["t"] <= 3672 for one in remaining.values())

    async def test_errors_say_them_too(self, api: Api) -> None:
        """A call that failed for another reason has counted."""
        await call(api)
        answer = await call(api, f"/v1/campaigns/{uuid4()}")
        assert (answer.status, read_limits(answer, "RateLimit")["key_hour"]["r"]) == (404, 3)

    async def test_a_refusal_is_a_problem_with_a_time_to_come_back(self, api: Api) -> None:
        """429 with Retry-After; RateLimit agrees with it; the detail names the limit and nothing of the caller."""
        for _ in range(5):
            await call(api)
        answer = await call(api)
        check_problem(answer, 429, "limit_reached")
        assert answer.json["detail"] == "There may be no more than 5 calls with one key in any hour."
        assert answer.json["retryable"] is True
        wait = int(answer.headers["Retry-After"])
        assert 3500 < wait <= 3672
        assert read_limits(answer, "RateLimit")["key_hour"] == {"r": 0, "t": wait}
        assert (await call(api, answer.json["type"])).status == 200
        again = await call(api)
        assert (again.status, read_limits(again, "RateLimit")["key_hour"]["r"]) == (429, 0)
        name = "penstock_api_limited_total"
        assert api.parts.callers._metrics.registry.get_sample_value(name, {"scope": "key_hour"}) == 2.0

    async def test_a_refused_call_did_nothing(self, api: Api) -> None:
        """It is not processed: no message, no stored answer for its key; sent again when it may be, it is done."""
        for _ in range(5):
            await call(api)
        sent: dict[str, Any] = {"json": MESSAGE, "headers": {"Idempotency-Key": "once"}}
        answer = await api.call("POST", "/v1/messages", **sent)
        check_problem(answer, 429, "limit_reached")
        assert "X-Idempotency" not in answer.headers
        async with api.parts.store.engine() as connection:
            assert await connection.fetchval("SELECT count(*) FROM idempotency_key") == 0
            assert await connection.fetchval("SELECT count(*) FROM message") == 0
        await set_limits(api, {"calls_per_hour": 100})
        answer = await (await with_scopes(api, *Scope)).call("POST", "/v1/messages", **sent)
        assert (answer.status, answer.headers["X-Idempotency"]) == (201, "MISS")


async def set_limits(api: Api, limits: Any) -> Answer:
    """As the operator gives them to the tenant."""
    operator = Api(api.session, api.url, "the-key-of-an-operator", api.tenant_id, api.parts)
    answer = await operator.call("PATCH", f"/admin/v1/tenants/{api.tenant_id}", json={"settings": {"limits": limits}})
    assert answer.status == 200, answer.body
    return answer


class TestApart:
    """Who is counted together, and who is not."""

    async def test_a_key_that_is_used_up_leaves_the_tenants_others(self, api: Api) -> None:
        """Each key has its own limit, and all of them the tenant's."""
        second = await with_scopes(api, *Scope)
        assert [(await call(api)).status for _ in range(6)] == [200] * 5 + [429]
        answers = [await call(second) for _ in range(5)]
        assert [one.status for one in answers] == [200] * 3 + [429] * 2
        assert answers[-1].json["detail"] == "There may be no more than 8 calls of one tenant in any hour."

    async def test_twins_do_not_feel_each_other(self, api: Api, other: Api) -> None:
        """Whatever one tenant uses up, the other sees all of its own."""
        for _ in range(20):
            await call(api)
        answer = await call(other)
        assert answer.status == 200
        assert {name: one["r"] for name, one in read_limits(answer, "RateLimit").items()} == {"tenant_hour": 7, "key_hour": 4}

    async def test_the_operator_is_not_limited(self, operator: Api) -> None:
        """Neither counted nor told of limits."""
        for _ in range(12):
            answer = await operator.call("GET", "/admin/v1/tenants")
            assert answer.status == 200
            assert "RateLimit" not in answer.headers

    async def test_probes_and_pages_are_not_limited(self, api: Api) -> None:
        """They answer whoever calls how often."""
        app = make_app(api.parts, ops.routes(Health(started=True), api.parts.metrics))
        server, halt = WebServer("more", app, api.parts.http, 0, api.parts.metrics), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(server.run(halt))
            await server.listening.wait()
            for path in ("/livez", "/health/ready", "/metrics", "/openapi.json", "/docs"):
                for _ in range(12):
                    async with api.session.get(f"http://127.0.0.1:{server.port}{path}") as response:
                        assert response.status == 200
                        assert "RateLimit" not in response.headers
            halt.set()


class TestByAddress:
    """Callers behind a trusted proxy, each with an address of its own."""

    @pytest.fixture
    def caller_settings(self) -> Callers:
        """Few calls from an address."""
        return Callers(address_per_hour=3, refused_per_hour=2)

    @pytest.fixture
    def http_settings(self) -> Http:
        """Every connection of the tests comes through the proxy."""
        return Http(trusted_proxies=("127.0.0.1",))

    async def test_addresses_are_counted_apart(self, api: Api, other: Api) -> None:
        """Of whichever tenant; one of IPv6 is a whole /64."""
        one, two = "203.0.113.7", "2001:db8:1:2::1"
        statuses = [(await call(who, **{"X-Forwarded-For": one})).status for who in (api, other, api, other)]
        assert statuses == [200, 200, 200, 429]
        assert (await call(api, **{"X-Forwarded-For": two})).status == 200
        assert (await call(api, Forwarded='for="[2001:db8:1:2:ffff::9]:1"')).status == 200
        assert (await call(api, **{"X-Forwarded-For": "2001:db8:1:3::1"})).status == 200
        answer = await call(api, **{"X-Forwarded-For": f"{two}, {one}"})
        check_problem(answer, 429, "limit_reached")
        assert "calls from one address" in answer.json["detail"]
        assert one not in answer.body.decode()

    async def test_guessing_is_limited_by_address(self, api: Api) -> None:
        """After some refused calls an address hears 429, for callers' and the operator's keys alike; other addresses do not."""
        stranger = Api(api.session, api.url, "pk_stranger_0123456789", api.tenant_id, api.parts)
        guesser, honest = {"X-Forwarded-For": "203.0.113.8"}, {"X-Forwarded-For": "203.0.113.9"}
        answers = [await call(stranger, **guesser) for _ in range(4)]
        assert [one.status for one in answers] == [401, 401, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) > 60
        operator = Api(api.session, api.url, "the-key-of-an-operator", api.tenant_id, api.parts)
        check_problem(await operator.call("GET", "/admin/v1/tenants", headers=guesser), 429, "limit_reached")
        assert (await operator.call("GET", "/admin/v1/tenants", headers=honest)).status == 200
        assert (await call(stranger, **honest)).status == 401

    async def test_a_key_in_use_opens_also_from_there(self, api: Api) -> None:
        """An office with one forgotten client goes on; right keys that nobody has used lately open one a second."""
        stranger = Api(api.session, api.url, "pk_stranger_0123456789", api.tenant_id, api.parts)
        new, address = await with_scopes(api, *Scope), {"X-Forwarded-For": "203.0.113.8"}
        assert (await call(api, **address)).status == 200
        for _ in range(4):
            await call(stranger, **address)
        assert (await call(api, **address)).status == 200
        barred = await call(new, **address)
        check_problem(barred, 429, "limit_reached")
        assert barred.headers["Retry-After"] == "1"
        api.parts.callers._next_try.clear()  # a second later
        assert (await call(new, **address)).status == 200
        assert (await call(new, **{"X-Forwarded-For": "203.0.113.9"})).status == 200


async def test_forged_webhooks_are_limited_and_real_ones_are_not(api: Api) -> None:
    """Forged calls hear 429 after a few; a report with the secret is always taken, also from the same address."""

    async def accept(_: bytes, __: str) -> int:
        return 1

    app = make_app(api.parts, webhooks.routes(accept, Secret("right"), api.parts.metrics))
    server, halt = WebServer("more", app, api.parts.http, 0, api.parts.metrics), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(halt))
        await server.listening.wait()

        async def report(secret: str) -> int:
            path = f"http://127.0.0.1:{server.port}/webhooks/mitto/dlr"
            async with api.session.post(path, json={}, headers={"X-Webhook-Secret": secret}) as response:
                return response.status

        assert [await report("forged") for _ in range(5)] == [401] * 3 + [429] * 2
        assert [await report("right") for _ in range(20)] == [202] * 20
        halt.set()


class TestTiers:
    """What costs more than a call."""

    @pytest.fixture
    def caller_settings(self) -> Callers:
        """As they are by default."""
        return Callers()

    def test_every_route_names_its_tier(self) -> None:
        """What makes messages go out sends, what makes a key registers, all else is a call."""
        of = {tier: {route.name for route in TENANT_ROUTES if route.tier is tier} for tier in Tier}
        assert of[Tier.SEND] == {
            "POST /v1/campaigns/{campaign_id}/send", "POST /v1/campaigns/{campaign_id}/retry-failed",
            "POST /v1/campaigns/{campaign_id}/test", "POST /v1/messages", "POST /v1/ingest/{source}",
        }  # fmt: skip
        assert of[Tier.REGISTER] == {"POST /v1/keys"}
        assert of[Tier.REFUSED] == set()

    async def test_five_keys_an_hour_are_made_from_one_address(self, api: Api, other: Api) -> None:
        """Whichever tenant asks; replacing one is always possible, and so is everything else."""
        made = [await who.call("POST", "/v1/keys", json={"scopes": ["read"]}) for who in (api, other, api, other, api, other)]
        assert [one.status for one in made] == [201] * 5 + [429]
        assert made[-1].json["detail"] == "There may be no more than 5 new keys from one address in any hour."
        assert (await api.call("POST", f"/v1/keys/{made[0].json['id']}/rotate")).status == 201
        assert (await call(api)).status == 200

    async def test_a_trial_sends_sixty_times_an_hour(self, api: Api) -> None:
        """With each key; the operator says who is on trial, and another tenant is not touched."""
        await set_limits(api, "trial")
        bodies = [api.call("POST", "/v1/messages", json={**MESSAGE, "to": f"+49151000{n:05d}"}) for n in range(70)]
        statuses = sorted(one.status for one in await asyncio.gather(*bodies))
        assert statuses == [201] * 60 + [429] * 10
        assert (await call(api)).status == 200
        assert (await (await with_scopes(api, *Scope)).call("POST", "/v1/messages", json=MESSAGE)).status == 201
        await set_limits(api, None)
        assert (await api.call("POST", "/v1/messages", json=MESSAGE)).status == 201

    async def test_explicit_limits_are_in_force_within_a_second(self, api: Api) -> None:
        """And are shown as they were given; the tenant itself cannot change them."""
        answer = await set_limits(api, {"sends_per_hour": 1, "calls_per_day": 1000})
        assert answer.json["settings"]["limits"] == {
            "calls_per_s": None, "calls_per_hour": None, "calls_per_day": 1000, "sends_per_hour": 1,
        }  # fmt: skip
        assert [(await api.call("POST", "/v1/messages", json=MESSAGE)).status for _ in range(2)] == [201, 429]
        mine = await api.call("PATCH", "/v1/tenant", json={"settings": {"limits": None}})
        check_problem(mine, 400, "malformed_request")

    async def test_ordinary_use_meets_no_limit(self, api: Api) -> None:
        """A burst of a thousand calls on one key from one address."""
        statuses = [one.status for _ in range(10) for one in await asyncio.gather(*(call(api) for _ in range(100)))]
        assert statuses == [200] * 1000


class TestSeconds:
    """A limit that is free again soon."""

    @pytest.fixture
    def caller_settings(self) -> Callers:
        """Few calls a second."""
        return Callers(key_per_s=3)

    async def test_retry_after_obeyed_passes(self, api: Api) -> None:
        """Whoever waits as told is served."""
        async with asyncio.timeout(30):
            while (answer := await call(api)).status == 200:
                pass
        check_problem(answer, 429, "limit_reached")
        await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=int(answer.headers["Retry-After"]))
        assert (await call(api)).status == 200

    async def test_the_rest_of_a_flood_is_refused_quickly(self, api: Api) -> None:
        """Hundreds of calls beyond the limit are answered at once, and the other tenant's is served meanwhile."""
        started = time.perf_counter()
        answers = await asyncio.gather(*(call(api) for _ in range(500)))
        seconds = time.perf_counter() - started
        passed = sum(one.status == 200 for one in answers)
        assert 3 <= passed <= 3 * (seconds + 2)
        assert {one.status for one in answers} == {200, 429}


async def test_every_limit_is_shown(api: Api) -> None:
    """Of calls as they stand for this key and address, and of what is sent to the provider."""
    await call(api)
    answer = await call(api, "/v1/limits")
    assert answer.status == 200
    assert answer.json["counted"] == "together"
    shown = {one["name"]: (one["limit"], one["window_s"], one["remaining"]) for one in answer.json["calls"]}
    assert shown == {
        "new_keys_hour": (5, 3600, 5), "tenant_hour": (8, 3600, 6), "key_hour": (5, 3600, 3), "new_keys_day": (10, 86400, 10),
    }  # fmt: skip
    for one in answer.json["calls"]:
        assert 0 < one["resets_in_s"] <= 3672 if one["remaining"] < one["limit"] else one["resets_in_s"] == 0
    shown = {one["name"]: (one["limit"], one["window_s"]) for one in answer.json["provider"]}
    assert shown == {"account": (100, 1.0), "tenant": (50, 1.0), "segments": (500, 1.0)}


class TestWithoutRedis:
    """While the server of the windows is away."""

    @pytest.fixture
    async def callers(self, caller_settings: Callers) -> AsyncIterator[CallerLimits]:
        """Limits at an address where nobody listens."""
        nowhere = Redis(url=Secret("unix:///nonexistent/valkey.sock"))
        limits = CallerLimits.open(nowhere, caller_settings, metrics=Metrics("test"), clock=SystemClock())
        yield limits
        await limits.aclose()

    async def test_the_api_stays_open_and_limits_go_on(self, api: Api) -> None:
        """Every call is answered and counted by this process alone, and what it cannot tell it does not tell."""
        answer = await call(api, "/v1/limits")
        remaining = {one["name"]: one["remaining"] for one in answer.json["calls"]}
        assert (answer.status, remaining["tenant_hour"], remaining["key_hour"]) == (200, 7, 4)
        assert [(await call(api)).status for _ in range(5)] == [200] * 4 + [429]
