"""Every metric, declared in one place. Labels come from closed sets only: never a number, a name or a key of a customer.

Names without the `penstock_` prefix are those that dashboards of this field already scrape; they stay as they are.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

# Names that `promtool check metrics` objects to and that stay because others scrape them (counters without `_total`,
# milliseconds). A test holds this list to be exact.
KEPT_NAMES: Final = frozenset({"campaigns_total", "http_request_duration_ms"})

MOST_EVENT_SOURCES: Final = 500
"""Series of one metric, at most."""

DURATION_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DRIFT_BUCKETS_S: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
DURATION_BUCKETS_MS: Final = tuple(bound * 1000 for bound in DURATION_BUCKETS_S)


# A second series for every counter and histogram, which no dashboard of ours reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The process's metrics, with a registry of their own so that two services in one process do not mix."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self.build = Info("build", "Version of the running program.", registry=self.registry)
        self.build.info({"version": version})
        self._declare_http()
        self._declare_stages()
        self._declare_jobs()
        self._declare_evidence()
        self._declare_ingest()
        self._declare_gauges()

    def _declare_http(self) -> None:
        self.http_duration = Histogram(
            "http_request_duration_ms", "Time to answer a request, in milliseconds.", ["method", "route", "status"],
            buckets=DURATION_BUCKETS_MS, registry=self.registry,
        )  # fmt: skip
        self.connections_refused = Counter(
            "penstock_http_connections_refused_total", "Connections turned away, by reason.",
            ["reason"], registry=self.registry,
        )  # fmt: skip
        self.api_limited = Counter(
            "penstock_api_limited_total", "Calls refused because a limit of callers was reached, by limit.",
            ["scope"], registry=self.registry,
        )  # fmt: skip
        self.api_limits_alone = Gauge(
            "penstock_api_limits_alone", "1 while Redis is away and this process counts its callers by itself.",
            registry=self.registry,
        )  # fmt: skip
        self.db_duration = Histogram(
            "db_query_duration_seconds", "Time of a database transaction of a stage.", ["stage"],
            buckets=DURATION_BUCKETS_S, registry=self.registry,
        )  # fmt: skip

    def _declare_stages(self) -> None:
        self.recipients = Counter(
            "penstock_recipients_total", "Rows of uploads, by what became of them.", ["result"], registry=self.registry
        )
        self.singles = Counter(
            "penstock_single_messages_total", "Single messages asked for, by what became of them.", ["result"],
            registry=self.registry,
        )  # fmt: skip
        self.single_commits = Counter(
            "penstock_single_commits_total", "Transactions that stored single messages.", registry=self.registry
        )
        self.singles_waiting = Gauge(
            "penstock_single_messages_waiting", "Single messages that wait to be stored.", registry=self.registry
        )
        self.calls = Counter(
            "penstock_provider_calls_total", "Calls to the provider, by outcome.", ["outcome"], registry=self.registry
        )
        self.call_duration = Histogram(
            "penstock_provider_call_duration_seconds", "Time of one call to the provider.",
            buckets=DURATION_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self.messages = Counter(
            "penstock_messages_total", "Messages, by the state a stage moved them to.", ["state"], registry=self.registry
        )
        self.segments_sent = Counter(
            "penstock_segments_sent_total", "Segments of requests that the provider accepted.", registry=self.registry
        )
        self.retries = Counter(
            "retry_attempts_total", "Batches that go back to be tried again, for whatever reason.", registry=self.registry
        )
        self.auto_pauses = Counter(
            "penstock_auto_pauses_total", "Campaigns that paused by their own rule.", registry=self.registry
        )
        self.schedule_drift = Histogram(
            "penstock_schedule_drift_seconds", "From the time asked for to the start of a campaign or message.",
            ["kind"], buckets=DRIFT_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self.in_flight = Gauge("penstock_batches_in_flight", "Batches between claim and settlement.", registry=self.registry)
        self.limited = Counter("penstock_limiter_waits_total", "Times a sender waited for the limiter.", registry=self.registry)
        self.limiter_local = Gauge(
            "penstock_limiter_local", "1 while Redis is away and this process keeps a local share.", registry=self.registry
        )
        self.reports = Counter(
            "penstock_reports_total", "Delivery reports, by what became of them.", ["result"], registry=self.registry
        )
        self.webhooks_processed = Counter("webhook_events_processed_total", "Webhook calls stored.", registry=self.registry)
        self.webhooks_failed = Counter("webhook_events_failed_total", "Webhook calls refused.", registry=self.registry)
        self.webhooks_duplicate = Counter(
            "webhook_events_duplicate_total", "Delivery reports that repeated what was known.", registry=self.registry
        )

    def _declare_jobs(self) -> None:
        # A gauge by type, because a counter would get `_total` behind the name that others already scrape; it only rises.
        self.reconciled = Gauge(
            "reconciliation_jobs_completed", "Runs of the periodic jobs that ended well.", registry=self.registry
        )
        self.jobs_failed = Counter(
            "penstock_reconciliation_jobs_failed_total", "Runs of periodic jobs that failed and come again, by the job's name.",
            ["name"], registry=self.registry,
        )  # fmt: skip
        self.findings = Counter(
            "penstock_reconciliation_findings_total", "What reconciliation came upon, by kind.", ["kind"],
            registry=self.registry,
        )  # fmt: skip

    def _declare_evidence(self) -> None:
        self.look_ups = Counter(
            "penstock_look_ups_total", "Questions to the provider about single messages, by what they were for and what they "
            "came to.", ["kind", "result"], registry=self.registry,
        )  # fmt: skip
        self.unknown_resolved = Counter(
            "penstock_unknown_resolved_total", "Messages whose outcome was unknown, by what ended that.",
            ["by"], registry=self.registry,
        )  # fmt: skip
        self.order_checks = Counter(
            "penstock_order_checks_total", "Messages that look-ups and reports showed, held against the order of their "
            "answer, by result.", ["result"], registry=self.registry,
        )  # fmt: skip
        self.references = Counter(
            "penstock_references_total", "Messages sent with a reference and looked up, by what became of it.", ["result"],
            registry=self.registry,
        )  # fmt: skip

    def _declare_ingest(self) -> None:
        self._duplicate_events = Counter(
            "ingest_dedup_total", "Events that were known already.", ["tenant", "source"], registry=self.registry
        )
        self._event_sources: set[tuple[str, str]] = set()

    def count_duplicate_event(self, tenant_id: int, source: str) -> None:
        """A source beyond the first few hundred counts as `other`: its name is the caller's to choose."""
        pair = (str(tenant_id), source)
        if pair not in self._event_sources and len(self._event_sources) >= MOST_EVENT_SOURCES:
            pair = ("other", "other")
        self._event_sources.add(pair)
        self._duplicate_events.labels(*pair).inc()

    def _declare_gauges(self) -> None:
        """Read from the database by the leader; other processes leave them unset."""
        self.leader = LeaderGauges()
        self.registry.register(self.leader)

    def totals(self) -> dict[str, float | dict[str, float]]:
        """Every counter that has moved: its number, by label where it has one. What a process did, for its last log line."""
        moved: dict[str, float | dict[str, float]] = {}
        for family in self.registry.collect():
            samples = [sample for sample in family.samples if family.type == "counter" and sample.value]
            if samples and len(samples[0].labels) == 1:
                moved[family.name] = {next(iter(sample.labels.values())): sample.value for sample in samples}
            elif samples:
                moved[family.name] = sum(sample.value for sample in samples)
        return moved

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition text and its content type, in OpenMetrics where the scraper asks for it."""
        if "application/openmetrics-text" in accept:
            text: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return text, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self.registry), "text/plain; version=0.0.4; charset=utf-8"


class LeaderGauges:
    """Gauges over the whole database; shown only while this process is the leader."""

    _HELP: Final = {
        "campaigns_total": "Campaigns by state.",
        "queue_sms_waiting": "Messages in batches that wait to be claimed.",
        "queue_campaign_waiting": "Campaigns that have started and are not complete.",
        "campaigns_stuck": "Sending campaigns in which nothing has moved for 15 minutes, though something should.",
        "penstock_messages_unknown": "Messages whose outcome nobody knows yet.",
        "penstock_batches_unknown": "Batches whose outcome nobody knows yet.",
        "penstock_batches_dead": "Batches that failed too often by themselves.",
        "penstock_accounts_held": "Traffic accounts that are held and send nothing.",
        "penstock_accounts_failing": "Traffic accounts whose last call to the provider failed.",
        "penstock_reports_waiting": "Delivery reports stored but not applied.",
        "penstock_reports_parked": "Delivery reports whose message is not known yet.",
        "penstock_look_ups_waiting": "Questions to the provider about single messages that wait, by what they are for.",
        "penstock_look_ups_expected_seconds": "Time to work through all of them within the budget.",
    }

    def __init__(self) -> None:
        self.campaigns: dict[str, int] | None = None
        self.look_ups: dict[str, int] | None = None
        self.values: dict[str, int] = {}

    def clear(self) -> None:
        """This process is the leader no more."""
        self.campaigns = None
        self.look_ups = None
        self.values = {}

    def collect(self) -> list[GaugeMetricFamily]:
        """Called by the registry at every scrape."""
        families = [
            *self._labelled("campaigns_total", "status", self.campaigns),
            *self._labelled("penstock_look_ups_waiting", "kind", self.look_ups),
        ]
        families += [GaugeMetricFamily(name, self._HELP[name], value=n) for name, n in self.values.items()]
        return families

    def _labelled(self, name: str, label: str, values: dict[str, int] | None) -> list[GaugeMetricFamily]:
        if values is None:
            return []
        family = GaugeMetricFamily(name, self._HELP[name], labels=[label])
        for value, n in values.items():
            family.add_metric([value], n)
        return [family]
