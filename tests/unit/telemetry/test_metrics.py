import ast
import inspect
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import penstock
from penstock.dispatch.settle import Gains
from penstock.domain.message import MessageState
from penstock.telemetry.metrics import KEPT_NAMES, Metrics

NAMES = {
    "build": "info",
    "http_request_duration_ms": "histogram",
    "penstock_http_connections_refused": "counter",
    "penstock_api_limited": "counter",
    "penstock_api_limits_alone": "gauge",
    "db_query_duration_seconds": "histogram",
    "penstock_recipients": "counter",
    "penstock_single_messages": "counter",
    "penstock_single_commits": "counter",
    "penstock_single_messages_waiting": "gauge",
    "penstock_provider_calls": "counter",
    "penstock_provider_call_duration_seconds": "histogram",
    "penstock_messages": "counter",
    "penstock_segments_sent": "counter",
    "retry_attempts": "counter",
    "penstock_auto_pauses": "counter",
    "penstock_schedule_drift_seconds": "histogram",
    "penstock_batches_in_flight": "gauge",
    "penstock_limiter_waits": "counter",
    "penstock_limiter_local": "gauge",
    "penstock_reports": "counter",
    "penstock_look_ups": "counter",
    "penstock_unknown_resolved": "counter",
    "penstock_order_checks": "counter",
    "penstock_references": "counter",
    "webhook_events_processed": "counter",
    "webhook_events_failed": "counter",
    "webhook_events_duplicate": "counter",
    "reconciliation_jobs_completed": "gauge",
    "penstock_reconciliation_findings": "counter",
    "penstock_reconciliation_jobs_failed": "counter",
    "ingest_dedup": "counter",
}
LABELS = {
    "http_request_duration_ms": {"method", "route", "status"},
    "penstock_http_connections_refused": {"reason"},
    "penstock_api_limited": {"scope"},
    "db_query_duration_seconds": {"stage"},
    "penstock_recipients": {"result"},
    "penstock_single_messages": {"result"},
    "penstock_provider_calls": {"outcome"},
    "penstock_messages": {"state"},
    "penstock_schedule_drift_seconds": {"kind"},
    "penstock_reports": {"result"},
    "penstock_look_ups": {"kind", "result"},
    "penstock_unknown_resolved": {"by"},
    "penstock_order_checks": {"result"},
    "penstock_references": {"result"},
    "penstock_reconciliation_findings": {"kind"},
    "penstock_reconciliation_jobs_failed": {"name"},
    "ingest_dedup": {"tenant", "source"},
}
LEADER_NAMES = {
    "campaigns_total", "campaigns_stuck",
    "queue_sms_waiting", "queue_campaign_waiting", "penstock_batches_unknown", "penstock_batches_dead",
    "penstock_reports_waiting", "penstock_reports_parked", "penstock_accounts_held", "penstock_accounts_failing",
    "penstock_messages_unknown", "penstock_look_ups_waiting", "penstock_look_ups_expected_seconds",
}  # fmt: skip


def test_names_and_kinds_are_exact() -> None:
    """The declared metrics are these: dashboards and alerts know them by name."""
    assert {family.name: family.type for family in Metrics("1").registry.collect()} == NAMES


def test_labels_are_exact() -> None:
    """Each metric has these labels and no others: none that a customer could fill without end."""
    metrics = Metrics("1")
    declared = {
        collector._name: set(collector._labelnames)
        for collector in metrics.registry._collector_to_names
        if getattr(collector, "_labelnames", ())
    }
    assert declared == LABELS


def test_every_metric_has_a_help_text() -> None:
    """Each family says in a sentence what it counts."""
    assert all(family.documentation.endswith(".") for family in Metrics("1").registry.collect())


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_exposition_follows_what_the_scraper_accepts(accept: str) -> None:
    """The text is in the format asked for and carries the program's version."""
    body, kind = Metrics("1.2.3").render(accept)
    assert kind.startswith(accept.partition(";")[0])
    assert b'build_info{version="1.2.3"} 1.0' in body
    assert body.endswith(b"# EOF\n") == ("openmetrics" in accept)


def test_the_plain_exposition_can_be_parsed() -> None:
    """What is rendered is read back by a parser, leader gauges included."""
    metrics = Metrics("1")
    metrics.leader.campaigns = {"sending": 2}
    metrics.leader.look_ups = {"unknown": 4}
    metrics.leader.values = dict.fromkeys(LEADER_NAMES - {"campaigns_total", "penstock_look_ups_waiting"}, 3)
    families = {family.name for family in text_string_to_metric_families(metrics.render("")[0].decode())}
    assert families >= LEADER_NAMES


def test_only_the_leader_shows_gauges_of_the_database() -> None:
    """A process that is not the leader shows none of them, and one that was stops showing them."""
    metrics = Metrics("1")
    metrics.leader.campaigns, metrics.leader.values = {"sending": 2}, {"queue_sms_waiting": 1}
    metrics.leader.look_ups = {"order": 1}
    metrics.leader.clear()
    shown = {family.name for family in metrics.registry.collect()}
    assert not shown & LEADER_NAMES


def test_totals_are_the_counters_that_moved() -> None:
    """Each by its name, by its label where it has one, and without those that stand still."""
    metrics = Metrics("1")
    assert metrics.totals() == {}
    metrics.segments_sent.inc(5)
    metrics.messages.labels("sent").inc(3)
    metrics.messages.labels("unknown").inc(2)
    metrics.count_duplicate_event(1, "shop")
    metrics.count_duplicate_event(2, "shop")
    metrics.in_flight.inc()
    assert metrics.totals() == {
        "penstock_segments_sent": 5, "penstock_messages": {"sent": 3, "unknown": 2}, "ingest_dedup": 2,
    }  # fmt: skip


def test_two_services_in_one_process_do_not_mix() -> None:
    """Each Metrics has a registry of its own."""
    first, second = Metrics("1"), Metrics("1")
    first.segments_sent.inc(5)
    assert second.registry.get_sample_value("penstock_segments_sent_total") == 0


def test_names_follow_the_naming_rules_or_are_listed() -> None:
    """A gauge that ends in _total or a metric in milliseconds is one of the kept names, and no other is kept."""
    odd = {name for name, kind in NAMES.items() if name.endswith("_ms")}
    odd |= {name for name in LEADER_NAMES if name.endswith("_total")}
    assert odd == KEPT_NAMES


def test_label_values_are_from_closed_sets() -> None:
    """Outside the HTTP middleware a label is a literal, a state, a reason, an outcome's name or one of a counted few."""
    assert Gains == dict[MessageState, int]  # whose keys are the label `state`
    allowed = {"state", "type(outcome).__name__.lower()", "reason", "route, status", "*pair", "finding.kind", "kind"}
    allowed |= {"done.method", "PATH", "done.route", "verdict.blocker"}  # the road past the application, and a limit's name
    allowed |= {"look_up.kind", "result or 'again'", "found.by", "mapping", "_returned(seen, sample, look_up.seq)"}  # enums
    allowed |= {"job.name"}  # of those in the composition root
    found = set()
    for path in Path(inspect.getfile(penstock)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "labels":
                found |= {ast.unparse(value) for value in node.args if not isinstance(value, ast.Constant)}
    assert {text for text in found if not re.match(r"(request\.)?(method|route|status)|str\(|handler", text)} <= allowed | set(
        MessageState
    )
