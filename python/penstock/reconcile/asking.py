"""Whatever asks the provider about messages, put together as the jobs of one office: one process, one queue, one budget."""

from collections.abc import Callable
from datetime import timedelta

from penstock import config
from penstock.clock import Clock
from penstock.domain.look_up import LookUpKind
from penstock.providers.port import Provider
from penstock.reconcile import silent
from penstock.reconcile.leader import Job
from penstock.reconcile.look_up import LookUps, Reader, drop_answers
from penstock.reconcile.order import OrderJudge, queue_samples
from penstock.reconcile.unknown import EvidenceFinder, Resolver
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics


def asking_jobs(  # noqa: PLR0913 - they are what the three kinds of questions need
    store: Store, provider: Provider, read: Reader, settings: config.LookUp, report_window: timedelta, *,
    clock: Clock, metrics: Metrics, random: Callable[[], float],
) -> list[Job]:  # fmt: skip
    """Find what is to be asked, ask it, and forget the answers in the end."""
    finder = EvidenceFinder(store, settings.after)
    judges = {
        LookUpKind.UNKNOWN: Resolver(metrics).judge,
        LookUpKind.ORDER: OrderJudge(metrics).judge,
        LookUpKind.SILENT: silent.judge,
    }
    look_ups = LookUps(store, provider, read, judges, clock=clock, metrics=metrics, per_s=settings.per_s)
    return [
        Job("find_evidence", 1.0, finder.find),
        Job("queue_samples", 1.0, lambda: queue_samples(store, random, settings.after)),
        Job("queue_silent", 5.0, lambda: silent.queue_silent(store, silent.silent_after(report_window))),
        Job("ask", 0.0, look_ups.ask),
        Job("drop_answers", 3600.0, lambda: drop_answers(store, report_window)),
    ]
