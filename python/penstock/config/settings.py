"""Every setting, on one page: its name, type, bounds, default and meaning.

A setting is reached by the name in `KNOWN_NAMES` (names that users already have) or by `PENSTOCK_<SECTION>__<FIELD>`. Secrets
may also come from a file: `MITTO_API_KEY_FILE=/run/secrets/mitto`. How texts become these values is in load.py.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from penstock.redact import Secret

Positive = Annotated[int, Meta(ge=1)]
Most = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Role = Literal["all", "api", "dispatch", "receipts", "jobs"]
Mode = Literal["mock", "real"]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of settings that one part of the program receives whole."""


class General(Section, frozen=True, kw_only=True):
    """The process itself."""

    mode: Mode | None = None
    """`mock` (provider is the simulator) or `real`; worked out by `load` when not given."""
    role: Role = "all"
    """Which services this process runs."""
    data_dir: Path | None = None
    """Embedded servers, spool and journal live here. Default: /var/lib/penstock as root, else $XDG_DATA_HOME/penstock."""
    safe_mode: bool = False
    """Accept and store everything, send nothing."""
    drain: timedelta = timedelta(seconds=30)
    """How long a stopping process may finish what it holds."""


class Http(Section, frozen=True, kw_only=True):
    """The doors."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every one of this machine."""
    port: Port = 8080
    """Callers and the provider's delivery reports."""
    ops_port: Port = 8081
    """Probes and metrics, apart from the callers' traffic."""
    max_json_bytes: Positive = 10_000_000
    """Largest JSON body."""
    max_upload_bytes: Positive = 5_000_000_000
    """Largest upload in CSV or NDJSON, as sent and unpacked; uploads are streamed, so memory does not depend on it."""
    head_timeout: timedelta = timedelta(seconds=15)
    """The head of a request must have arrived so long after its first byte, the first one of a connection after its opening."""
    body_timeout: timedelta = timedelta(seconds=30)
    """A JSON body must have arrived by then; an upload may not pause longer than this."""
    least_bytes_per_s: Annotated[int, Meta(ge=0)] = 500
    """An upload that brings less than this over 10 seconds of waiting for it is ended, and can be continued; 0: any rate."""
    connections: Positive = 900
    """Open connections, at most, so that 1,024 open files suffice; the ops port has its own."""
    connections_per_ip: Positive = 450
    """Of them from one address (of IPv6: one /64), at most; those of trusted proxies do not count."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the proxies in front (10.0.0.0/8, 2001:db8::/32), whose X-Forwarded-For or Forwarded says who calls."""
    admin_key: Secret | None = None
    """Opens the operator's API under /admin; at least 16 characters. Not set: that API does not exist."""
    idempotency_kept: timedelta = timedelta(days=7)
    """How long a request with an Idempotency-Key is answered alike; at least a day."""


class Database(Section, frozen=True, kw_only=True):
    """PostgreSQL: the only truth."""

    url: Secret | None = None
    """Not set: an embedded server (mock mode only)."""
    api_pool: Positive = 10
    """Connections for callers' requests, at most."""
    engine_pool: Positive = 12
    """Connections for sending, reports and uploads, at most; more than the batches in flight."""
    statement_timeout: timedelta = timedelta(seconds=60)
    """A statement that takes longer is ended by the server."""
    lock_timeout: timedelta = timedelta(seconds=10)
    """A statement waits for a lock this long."""


class Redis(Section, frozen=True, kw_only=True):
    """Redis or Valkey: limiter windows and nothing else."""

    url: Secret | None = None
    """Not set: an embedded server (mock mode only)."""
    timeout: timedelta = timedelta(milliseconds=100)
    """A call ends after this; while Redis is away each process keeps to a share of its own."""


class Mitto(Section, frozen=True, kw_only=True):
    """The provider."""

    api_base: str | None = None
    """Not set: Mitto's own address in real mode, a simulator started beside the gateway in mock mode."""
    api_key: Secret | None = None
    """From Mitto's customer portal."""
    traffic_account_id: str | None = None
    """The account that sends and is billed; a GUID."""
    sender_name: str | None = None
    """Sender of campaigns that name none: 3 to 11 characters with a letter among them, or 3 to 14 digits."""
    webhook_secret: Secret | None = None
    """Expected on delivery reports, in X-Webhook-Secret or ?token=."""
    max_segments_per_s: Positive | Literal["unlimited"] | None = None
    """What the account may send; must be given in real mode."""
    reference: bool | None = None
    """Send each message's id with it, as `reference`: where GET shows it again it decides about unknown outcomes. Not set: 1 in
    mock mode, 0 in real mode, because Mitto does not document whether it takes it: `penstock check --probe-reference` tells."""
    connections: Positive = 16
    """Open connections to Mitto, at most; one for each sender: three more than PENSTOCK_DISPATCH__IN_FLIGHT."""
    connect_timeout: timedelta = timedelta(seconds=10)
    """Deadline for DNS, connection and TLS; nothing was sent when it passes."""
    timeout: timedelta = timedelta(seconds=60)
    """Deadline of one call from the first byte out to the last byte in; less than the attempt lease of 120 s."""


class Sms(Section, frozen=True, kw_only=True):
    """The size of a batch."""

    batch_size: Annotated[int, Meta(ge=1, le=50_000)] = 5000
    """Messages in one request to Mitto, at most."""
    batch_max_bytes: Annotated[int, Meta(ge=2_000, le=100_000_000)] = 1_000_000
    """Bytes of its body, at most."""


class RateLimit(Section, frozen=True, kw_only=True):
    """Requests to the provider per sliding window."""

    traffic_account_max: Positive = 100
    """Requests of one traffic account."""
    traffic_account_window_ms: Annotated[int, Meta(ge=100)] = 1000
    """In any window of so many milliseconds."""
    tenant_max: Positive = 50
    """Requests of one tenant."""
    tenant_window_ms: Annotated[int, Meta(ge=100)] = 1000
    """In any window of so many milliseconds."""
    global_max: Positive = 200
    """Requests of everybody together."""
    global_window_ms: Annotated[int, Meta(ge=100)] = 1000
    """In any window of so many milliseconds."""


class Callers(Section, frozen=True, kw_only=True):
    """Calls to the API in any second, hour and day; 0: no limit. A tenant may have limits of its own."""

    key_per_s: Most = 5_000
    """Calls with one key."""
    key_per_hour: Most = 0
    """Calls with one key."""
    key_per_day: Most = 0
    """Calls with one key."""
    tenant_per_s: Most = 10_000
    """Calls of one tenant."""
    tenant_per_hour: Most = 0
    """Calls of one tenant."""
    tenant_per_day: Most = 0
    """Calls of one tenant."""
    address_per_s: Most = 0
    """Calls from one address (of IPv6: one /64). None by itself: behind a proxy that is not named, all callers have one."""
    address_per_hour: Most = 0
    """Calls from one address."""
    address_per_day: Most = 0
    """Calls from one address."""
    sends_per_hour: Most = 0
    """Calls that send, with one key."""
    trial_sends_per_hour: Most = 60
    """The same for a tenant whose limits are `trial`."""
    new_keys_per_hour: Most = 5
    """Keys that tenants make from one address."""
    new_keys_per_day: Most = 10
    """Keys that one tenant makes."""
    refused_per_hour: Most = 1_000
    """Calls from one address whose key or secret is wrong; then keys that were not in use are tried one a second from there."""


class Dispatch(Section, frozen=True, kw_only=True):
    """Rows become sends."""

    in_flight: Annotated[int, Meta(ge=1, le=64)] = 4
    """Batches of one tenant on the way to the provider at the same time, in this process; of one traffic account one more, and
    of all together three more, so that nobody waits for slow answers to another."""
    poll: timedelta = timedelta(milliseconds=200)
    """How often idle senders look for due work."""


class Receipts(Section, frozen=True, kw_only=True):
    """The provider's word becomes states."""

    flush_reports: Positive = 5000
    """Reports applied in one transaction, at most."""
    poll: timedelta = timedelta(milliseconds=200)
    """How often stored reports are looked for when there were none."""
    report_window: timedelta = timedelta(hours=72)
    """A sent message without a report is closed after this; a later report still applies."""


class LookUp(Section, frozen=True, kw_only=True):
    """Questions to the provider about single messages: unknown outcomes first, then samples, then silent messages."""

    per_s: Annotated[int, Meta(ge=0, le=1000)] = 10
    """At most so many in any second, over all processes; 0: none, and what is unknown waits for an operator."""
    after: timedelta = timedelta(seconds=5)
    """A message is not asked about before: the provider may not show it at once."""


class Retention(Section, frozen=True, kw_only=True):
    """How long messages are kept."""

    days: Annotated[int, Meta(ge=0, le=36_500)] = 400
    """After their campaign has ended, numbers, texts and reports are dropped with all others of the same month; counts stay. By
    default a year and a month, for bills and for comparing with the year before. 0: kept for ever; else at least 30."""


class Log(Section, frozen=True, kw_only=True):
    """What the program says about itself."""

    private_fields: tuple[str, ...] = ()
    """Names of fields to be masked in log lines beside the usual ones, parted by commas."""


class Settings(Section, frozen=True, kw_only=True):
    """The whole tree. A part receives its own section, never this."""

    general: General = General()
    http: Http = Http()
    database: Database = Database()
    redis: Redis = Redis()
    mitto: Mitto = Mitto()
    sms: Sms = Sms()
    rate_limit: RateLimit = RateLimit()
    callers: Callers = Callers()
    dispatch: Dispatch = Dispatch()
    receipts: Receipts = Receipts()
    look_up: LookUp = LookUp()
    retention: Retention = Retention()
    log: Log = Log()

    @property
    def mode(self) -> Mode:
        """The mode in force; `load` always fills it in."""
        return self.general.mode or "mock"

    @property
    def has_references(self) -> bool:
        """Whether messages carry their ids to the provider."""
        return self.mode == "mock" if self.mitto.reference is None else self.mitto.reference


Place = tuple[str, str]
"""Section and field."""

LEAST_KEPT: Final = timedelta(days=1)
"""Clients may repeat a request as long as this after it failed on their side."""

SENDERS_BESIDES: Final = 3
"""So many senders there are besides those that one tenant may use: two spare ones, and one for single messages alone."""

SHORTEST_RETENTION: Final = 30
"""Days: drafts are finished by then, and no report comes any more."""

SHORTEST_ADMIN_KEY: Final = 16
"""Characters; it opens everything."""

LONGEST_CALL: Final = timedelta(seconds=120)
"""An attempt's lease: a call to the provider must have ended before."""

KNOWN_NAMES: Final[Mapping[str, Place]] = {
    "DATABASE_URL": ("database", "url"),
    "REDIS_URL": ("redis", "url"),
    "MITTO_API_BASE": ("mitto", "api_base"),
    "MITTO_API_KEY": ("mitto", "api_key"),
    "MITTO_TRAFFIC_ACCOUNT_ID": ("mitto", "traffic_account_id"),
    "MITTO_SENDER_NAME": ("mitto", "sender_name"),
    "MITTO_WEBHOOK_SECRET": ("mitto", "webhook_secret"),
    "MITTO_MAX_SEGMENTS_PER_S": ("mitto", "max_segments_per_s"),
    "SMS_BATCH_SIZE": ("sms", "batch_size"),
    "SMS_BATCH_MAX_BYTES": ("sms", "batch_max_bytes"),
    "RATE_LIMIT_TRAFFIC_ACCOUNT_MAX": ("rate_limit", "traffic_account_max"),
    "RATE_LIMIT_TRAFFIC_ACCOUNT_WINDOW_MS": ("rate_limit", "traffic_account_window_ms"),
    "RATE_LIMIT_TENANT_MAX": ("rate_limit", "tenant_max"),
    "RATE_LIMIT_TENANT_WINDOW_MS": ("rate_limit", "tenant_window_ms"),
    "RATE_LIMIT_GLOBAL_MAX": ("rate_limit", "global_max"),
    "RATE_LIMIT_GLOBAL_WINDOW_MS": ("rate_limit", "global_window_ms"),
    "RL_CLAIM_PER_HOUR": ("callers", "trial_sends_per_hour"),
    "RL_REGISTER_PER_HOUR": ("callers", "new_keys_per_hour"),
    "RL_REGISTER_PER_DAY_WALLET": ("callers", "new_keys_per_day"),
    "SAFE_MODE": ("general", "safe_mode"),
    "PENSTOCK_MODE": ("general", "mode"),
    "PENSTOCK_ROLE": ("general", "role"),
    "PENSTOCK_DATA_DIR": ("general", "data_dir"),
    "PENSTOCK_HTTP_HOST": ("http", "host"),
    "PENSTOCK_HTTP_PORT": ("http", "port"),
    "PENSTOCK_OPS_PORT": ("http", "ops_port"),
    "PENSTOCK_ADMIN_KEY": ("http", "admin_key"),
    "PENSTOCK_TRUSTED_PROXIES": ("http", "trusted_proxies"),
    "PENSTOCK_REPORT_WINDOW": ("receipts", "report_window"),
}

OUR_PREFIXES: Final = ("PENSTOCK_", "MITTO_", "SMS_", "RATE_LIMIT_", "RL_REGISTER_", "RL_CLAIM_")
REAL_NEEDS: Final = (
    "DATABASE_URL",
    "REDIS_URL",
    "MITTO_API_KEY",
    "MITTO_TRAFFIC_ACCOUNT_ID",
    "MITTO_SENDER_NAME",
    "MITTO_WEBHOOK_SECRET",
    "MITTO_MAX_SEGMENTS_PER_S",
)
# What the simulator expects when nothing else is said; worthless anywhere else.
MOCK_MITTO: Final[Mapping[str, str]] = {
    "api_key": "mock-mitto-key",
    "traffic_account_id": "00000000-0000-4000-8000-000000000001",
    "sender_name": "Penstock",
    "webhook_secret": "mock-webhook-secret",
    "max_segments_per_s": "unlimited",
}


def environment_name(section: str, field: str) -> str:
    """The name under which a setting is given."""
    for name, path in KNOWN_NAMES.items():
        if path == (section, field):
            return name
    return f"PENSTOCK_{section.upper()}__{field.upper()}"
