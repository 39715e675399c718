"""The periodic jobs: what runs how often, and in which of the three offices that one process holds at a time."""

import random
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from penstock.clock import Clock
from penstock.config import Settings
from penstock.ingest.scheduler import start_scheduled
from penstock.lifecycle import Service
from penstock.providers.mitto.client import MittoClient
from penstock.providers.mitto.message import read_message
from penstock.reconcile.asking import asking_jobs
from penstock.reconcile.attempts import give_up_lapsed_attempts
from penstock.reconcile.auto_pause import pause_failing
from penstock.reconcile.books import fold_counts
from penstock.reconcile.canceled import sweep_canceled
from penstock.reconcile.completion import close_silent_campaigns, complete_campaigns
from penstock.reconcile.expired import expire_unsent
from penstock.reconcile.findings import Findings, sweep_findings
from penstock.reconcile.gauges import read_gauges
from penstock.reconcile.idempotency import drop_expired_keys
from penstock.reconcile.leader import Job, Leader
from penstock.reconcile.numbers import forget_days, index_numbers
from penstock.reconcile.partitions import premake_partitions
from penstock.reconcile.processes import sweep_processes
from penstock.reconcile.recount import recount_campaigns
from penstock.reconcile.resend import resend_unknown
from penstock.reconcile.retention import drop_aged, drop_months
from penstock.reconcile.silent import silent_after
from penstock.reconcile.stuck import mend_stuck_campaigns
from penstock.reconcile.transactions import end_stale_transactions
from penstock.reconcile.uploads import look_after_uploads
from penstock.store.pool import Store
from penstock.store.system import LOOK_UP_KEY, RECONCILER_KEY
from penstock.telemetry.metrics import Metrics

RECONCILE_S: Final = 600.0
"""How often everything is held against everything else; the first time at the start."""

RECONCILER_PATIENCE: Final = timedelta(minutes=2)
"""Longer than a single one of its jobs takes, so that it keeps its office meanwhile."""


def leaders(dsn: str, store: Store, settings: Settings, clock: Clock, metrics: Metrics) -> list[Service]:
    """The one for quick jobs, and the one whose jobs may take a while."""
    window, days, findings = settings.receipts.report_window, settings.retention.days, Findings(metrics)
    quick = [
        Job("fold_counts", 1.0, lambda: fold_counts(store)),
        Job("pause_failing", 1.0, lambda: pause_failing(store, metrics)),
        Job("start_scheduled", 0.5, lambda: start_scheduled(store, metrics)),
        Job("expire_unsent", 1.0, lambda: expire_unsent(store)),
        Job("complete_campaigns", 1.0, lambda: complete_campaigns(store)),
        Job("sweep_canceled", 0.5, lambda: sweep_canceled(store)),
        Job("read_gauges", 5.0, lambda: read_gauges(store, metrics.leader, settings.look_up.per_s, silent_after(window))),
        Job("index_numbers", 0.5, lambda: index_numbers(store)),
        Job("end_stale_transactions", 5.0, lambda: end_stale_transactions(store, findings)),
        Job("give_up_lapsed_attempts", 1.0, lambda: give_up_lapsed_attempts(store, findings)),
        Job("resend_unknown", 5.0, lambda: resend_unknown(store, metrics)),
        Job("close_silent_campaigns", 60.0, lambda: close_silent_campaigns(store, window)),
        Job("premake_partitions", 3600.0, lambda: premake_partitions(store)),
        Job("forget_days", 3600.0, lambda: forget_days(store)),
        Job("drop_expired_keys", 60.0, lambda: drop_expired_keys(store)),
        Job("sweep_processes", 60.0, lambda: sweep_processes(store)),
    ]
    thorough = [
        Job("mend_stuck_campaigns", RECONCILE_S, lambda: mend_stuck_campaigns(store, findings)),
        Job("recount_campaigns", RECONCILE_S, lambda: recount_campaigns(store, findings)),
        Job("drop_months", RECONCILE_S, lambda: drop_months(store, findings, days)),
        Job("drop_aged", RECONCILE_S, lambda: drop_aged(store, days)),
        Job("look_after_uploads", RECONCILE_S, lambda: look_after_uploads(store, findings)),
        Job("sweep_findings", 3600.0, lambda: sweep_findings(store)),
    ]
    return [
        Leader(dsn, quick, clock, metrics),
        Leader(dsn, thorough, clock, metrics, name="reconciler", key=RECONCILER_KEY, patience=RECONCILER_PATIENCE),
    ]


async def look_ups(  # noqa: PLR0913 - a composition root takes everything
    stack: AsyncExitStack, dsn: str, store: Store, settings: Settings, *, clock: Clock, metrics: Metrics
) -> Service:
    """Whoever asks the provider about messages, with connections of its own: no send waits for one of them."""
    provider = await stack.enter_async_context(MittoClient(settings.mitto))
    jobs = asking_jobs(
        store, provider, read_message, settings.look_up, settings.receipts.report_window,
        clock=clock, metrics=metrics, random=random.random,
    )  # fmt: skip
    return Leader(dsn, jobs, clock, metrics, name="look_up", key=LOOK_UP_KEY)
