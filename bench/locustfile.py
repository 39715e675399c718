"""Load for a gateway, with locust: what callers do, in profiles that first check what came of it and then how long it took.

    locust -f bench/locustfile.py --headless --host https://staging.example.com -u 75 -r 75 Retry

Each profile is a user class of that name, and its tasks carry its name as a tag. The environment says who is calling:
PENSTOCK_API_KEY (all but RegisterBurst), PENSTOCK_ADMIN_KEY (RegisterBurst), MITTO_WEBHOOK_SECRET (Reports), and
PENSTOCK_OPS_URL where the counters of /metrics may be compared as well. Messages are really sent: point it at a gateway whose
provider is a simulator. Exits with 1 when a check failed, a request failed, or a p95 is over LOAD_P95_MS (200).
"""

import itertools
import os
import random
import re
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import uuid4

import gevent
from locust import FastHttpUser, between, constant, constant_throughput, events, tag, task
from locust.env import Environment
from locust.exception import RescheduleTask, StopUser

ENVIRONMENT = os.environ  # noqa: TID251 - locust has no options of ours
KEY = {"Authorization": f"Bearer {ENVIRONMENT.get('PENSTOCK_API_KEY', '')}"}
OPERATOR = {"Authorization": f"Bearer {ENVIRONMENT.get('PENSTOCK_ADMIN_KEY', '')}"}
PROVIDER = {"X-Webhook-Secret": ENVIRONMENT.get("MITTO_WEBHOOK_SECRET", ""), "Content-Type": "application/json"}
OPS_URL = ENVIRONMENT.get("PENSTOCK_OPS_URL", "")
MOST_P95_MS = float(ENVIRONMENT.get("LOAD_P95_MS", "200"))
SCALE = float(ENVIRONMENT.get("LOAD_SCALE", "1"))
"""Of the counts: 0.1 for a tenth of the requests."""
RUN = uuid4().hex[:12]
RECIPIENTS = 1_000
KEYS, CALLS_A_KEY = max(1, int(400 * SCALE)), 5
TENANTS = max(1, int(1_000 * SCALE))
REPORT_CALLS = max(1, int(5_000 * SCALE))
POLL_S = 0.25
NUMBERS = itertools.count(4_915_110_000_000)

checks: list[str] = []
"""What was found wrong, one sentence each."""


class Caller(FastHttpUser):
    """Common to all: one connection each, answers within a deadline."""

    abstract = True
    wait_time = constant(0)
    connection_timeout = 10.0
    network_timeout = 60.0

    def call(self, method: str, path: str, status: int, name: str, **sent: Any) -> Any:  # noqa: ANN401 - what JSON holds
        """One request that must be answered with `status`; the answer. Otherwise the task ends here and counts as failed."""
        with self.client.request(method, path, name=name, catch_response=True, **sent) as answer:
            if answer.status_code == status:
                return answer
            answer.failure(f"{answer.status_code} instead of {status}: {(answer.text or '')[:200]}")
        raise RescheduleTask


class Tally:
    """So many calls, dealt out to all users; when the last is over the run ends."""

    def __init__(self, calls: int) -> None:
        self._calls = iter(range(calls))
        self._left = calls

    @contextmanager
    def one(self, environment: Environment) -> Iterator[int]:
        """The next call's number; without one the user is done."""
        number = next(self._calls, None)
        if number is None:
            raise StopUser
        try:
            yield number
        finally:
            self._left -= 1
            if self._left == 0 and environment.runner is not None:
                gevent.spawn_later(0.1, environment.runner.quit)


class Campaign(Caller):
    """Create, upload, send, watch until the last message is sent."""

    weight = 1

    @tag("campaign", "mixed")
    @task
    def campaign(self) -> None:
        """One campaign from beginning to end."""
        new = {"name": f"load {RUN}", "text": "Hello {name}"}
        draft = self.call("POST", "/v1/campaigns", 201, "create a campaign", json=new, headers=KEY).json()
        path = f"/v1/campaigns/{draft['id']}"
        rows = "".join(f"+{next(NUMBERS)},Customer {row}\n" for row in range(RECIPIENTS))
        csv = {**KEY, "Content-Type": "text/csv"}
        taken = self.call("POST", f"{path}/recipients", 200, "upload 1,000", data=f"phone,name\n{rows}", headers=csv).json()
        once = {**KEY, "Idempotency-Key": str(uuid4())}
        self.call("POST", f"{path}/send", 202, "send", json={"expect_recipients": RECIPIENTS}, headers=once)
        counts: dict[str, int] = {"queued": 1}
        while counts.get("queued"):
            gevent.sleep(POLL_S)
            counts = self.call("GET", path, 200, "watch", headers=KEY).json()["counts"]
        self.check(taken, counts)

    def check(self, taken: dict[str, Any], counts: dict[str, int]) -> None:
        """Every recipient was taken, and the books balance."""
        found = sum(n for name, n in counts.items() if isinstance(n, int) and name not in ("received", "skipped"))
        if taken["accepted"] != RECIPIENTS or counts["received"] != RECIPIENTS or found != RECIPIENTS:
            checks.append(f"a campaign of {RECIPIENTS} took {taken['accepted']} and counts {counts}")


class Single(Caller):
    """Single messages, each to another number."""

    weight = 5
    wait_time = constant_throughput(4)
    seen: ClassVar = set[str]()

    @tag("single", "mixed")
    @task
    def single(self) -> None:
        """One message; its id is new."""
        message = {"to": f"+{next(NUMBERS)}", "text": "Your code is 123456"}
        one = self.call("POST", "/v1/messages", 201, "single message", json=message, headers=KEY).json()["id"]
        if one in self.seen:
            checks.append(f"the id {one} was given twice")
        self.seen.add(one)


class Retry(Caller):
    """The same requests again and again, several at a time: one effect and one answer for each key."""

    tally = Tally(KEYS * CALLS_A_KEY)
    firsts: ClassVar = Counter[int]()
    answers: ClassVar = defaultdict[int, set[bytes]](set)

    @tag("retry")
    @task
    def retry(self) -> None:
        """A message under a key that others are using at the same moment."""
        with self.tally.one(self.environment) as number:
            key = number // CALLS_A_KEY
            message = {"to": f"+{4_915_120_000_000 + key}", "text": "Once only"}
            headers = {**KEY, "Idempotency-Key": f"{RUN}-{key}"}
            answer = self.call("POST", "/v1/messages", 201, "message under a key", json=message, headers=headers)
            self.firsts[key] += answer.headers.get("X-Idempotency") == "MISS"
            self.answers[key].add(answer.content)

    @classmethod
    def verify(cls) -> Iterator[str]:
        """Exactly one first answer a key, and the same answer to all."""
        if set(cls.firsts.values()) != {1} or len(cls.firsts) != KEYS:
            yield f"first answers a key: {dict(Counter(cls.firsts.values()))}, expected 1 for {KEYS}"
        if any(len(answers) != 1 for answers in cls.answers.values()):
            yield "a repeated request was answered otherwise than the first"


class IngestDedup(Caller):
    """Events that arrive several times: one 201 each, 204 ever after, and the duplicates are counted."""

    tally = Tally(KEYS * CALLS_A_KEY)
    statuses: ClassVar = Counter[int]()
    source = f"load-{RUN}"

    @tag("ingest_dedup")
    @task
    def event(self) -> None:
        """An event that others report at the same moment."""
        with self.tally.one(self.environment) as number:
            key, path = number // CALLS_A_KEY, f"/v1/ingest/{self.source}"
            headers = {**KEY, "Idempotency-Key": f"{RUN}-{key}"}
            with self.client.post(path, name="event", json={"order": key}, headers=headers, catch_response=True) as answer:
                self.statuses[answer.status_code] += 1
                if answer.status_code not in (201, 204):
                    answer.failure(f"{answer.status_code}: {(answer.text or '')[:200]}")

    @classmethod
    def verify(cls) -> Iterator[str]:
        """As many 201 as keys, 204 for the others, and a counter that says the same."""
        expected = {201: KEYS, 204: KEYS * (CALLS_A_KEY - 1)}
        if dict(cls.statuses) != expected:
            yield f"events were answered {dict(cls.statuses)}, expected {expected}"
        if OPS_URL and (counted := counter("ingest_dedup_total", f'source="{cls.source}"')) != expected[204]:
            yield f"ingest_dedup_total says {counted:g}, expected {expected[204]}"


class RegisterBurst(Caller):
    """Many tenants at once, each with a key that works: a user makes one when it arrives, and another ten seconds later."""

    wait_time = constant_throughput(0.1)
    tally = Tally(TENANTS)

    def on_start(self) -> None:
        """The users of a second are made at once; people come one by one."""
        gevent.sleep(random.random())  # noqa: S311 - not a secret

    @tag("register_burst")
    @task
    def register(self) -> None:
        """A tenant, its key, and its first request."""
        with self.tally.one(self.environment) as number:
            new = {"name": f"load {RUN} {number}"}
            tenant = self.call("POST", "/admin/v1/tenants", 201, "new tenant", json=new, headers=OPERATOR).json()
            path = f"/admin/v1/tenants/{tenant['id']}/keys"
            key = self.call("POST", path, 201, "its key", json={"label": "load", "scopes": ["manage"]}, headers=OPERATOR).json()
            own = {"Authorization": f"Bearer {key['key']}"}
            seen = self.call("GET", "/v1/tenant", 200, "its first request", headers=own).json()
            if seen["id"] != tenant["id"]:
                checks.append(f"the key of tenant {tenant['id']} opens {seen['id']}")


class Reports(Caller):
    """A flood of delivery reports, one a request; nobody knows their messages, so they are kept for later."""

    tally = Tally(REPORT_CALLS)
    stored_before = 0.0

    @tag("reports")
    @task
    def report(self) -> None:
        """One report, stored when it is answered."""
        with self.tally.one(self.environment) as number:
            body = {"messageId": f"{RUN}-{number}", "deliveryStatus": "Delivered", "updatedAt": "2026-01-02T03:04:05Z"}
            self.call("POST", "/webhooks/mitto/dlr", 202, "delivery report", json=body, headers=PROVIDER)

    @classmethod
    def verify(cls) -> Iterator[str]:
        """Every answered report is on record."""
        stored = counter("webhook_events_processed_total") - cls.stored_before if OPS_URL else REPORT_CALLS
        if stored < REPORT_CALLS:
            yield f"{stored:g} reports were counted, {REPORT_CALLS} were answered"


class Reader(Caller):
    """People who look: lists and searches between the others' work."""

    weight = 2
    wait_time = between(0.2, 1)

    @tag("mixed")
    @task
    def look(self) -> None:
        """The newest campaigns."""
        self.call("GET", "/v1/campaigns?limit=20", 200, "list campaigns", headers=KEY)

    @tag("mixed")
    @task
    def search(self) -> None:
        """A number that nobody has written to."""
        self.call("POST", "/v1/messages/search", 200, "search", json={"number": "+4915199999999"}, headers=KEY)


def counter(name: str, labels: str = "") -> float:
    """The sum of a counter's series with these labels, as the gateway shows it now."""
    with urllib.request.urlopen(f"{OPS_URL}/metrics", timeout=10) as answer:  # noqa: S310 - the operator's own address
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if re.match(rf"{name}(\{{|\s)", line) and labels in line]
    return sum(float(line.rpartition(" ")[2]) for line in found)


@events.test_start.add_listener
def note(environment: Environment, **_: object) -> None:
    """What was counted before anybody asked."""
    if OPS_URL and Reports in environment.user_classes:
        Reports.stored_before = counter("webhook_events_processed_total")


@events.user_error.add_listener
def remember(exception: Exception, **_: object) -> None:
    """A defect in a profile is a failed run, not a line in a log."""
    checks.append(f"{type(exception).__name__}: {exception}")


@events.quitting.add_listener
def judge(environment: Environment, **_: object) -> None:
    """Correctness first, then time."""
    for user in environment.user_classes:
        if hasattr(user, "verify"):
            checks.extend(user.verify())
    stats = environment.stats
    if not stats.total.num_requests:
        checks.append("nothing was asked")
    checks.extend(f"{error.occurrences} × {error.method} {error.name}: {error.error}" for error in stats.errors.values())
    for entry in stats.entries.values():
        # What an upload takes depends on its size and on the caller's line.
        p95 = entry.get_response_time_percentile(0.95) or 0
        if p95 > MOST_P95_MS and entry.name != "upload 1,000":
            checks.append(f"{entry.name}: p95 {p95:g} ms, at most {MOST_P95_MS:g}")
    for sentence in dict.fromkeys(checks):
        print(f"FAILED {sentence}")
    environment.process_exit_code = 1 if checks else 0
