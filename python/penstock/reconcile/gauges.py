"""Gauges over the whole database, read by the leader only, so that replicas do not count everything twice."""

from datetime import timedelta

from penstock.domain.look_up import LookUpKind
from penstock.reconcile.stuck import MOST_STUCK, STUCK_AFTER
from penstock.store import accounts, campaigns, look_ups, recounts, reports, samples, system, unknown
from penstock.store.pool import Store
from penstock.telemetry.metrics import LeaderGauges


async def read_gauges(store: Store, gauges: LeaderGauges, look_ups_per_s: int, silent_after: timedelta) -> None:
    """Read them afresh. Silent messages that are no questions yet are counted among these, as many as there may be at most."""
    async with store.engine() as connection:
        by_state = await campaigns.count_by_state(connection)
        queue = await system.count_queue(connection)
        waiting, parked = await reports.count_waiting(connection)
        unknown_messages = await unknown.count_unknown(connection)
        questions = await look_ups.count_waiting(connection)
        questions[LookUpKind.SILENT] += await samples.count_unasked(connection, silent_after)
        stuck = await recounts.list_stuck(connection, STUCK_AFTER, MOST_STUCK)
        not_sending = await accounts.count_not_sending(connection)
    gauges.campaigns = by_state
    gauges.look_ups = {kind.value: n for kind, n in questions.items()}
    gauges.values = {
        "queue_sms_waiting": queue.waiting,
        "queue_campaign_waiting": by_state.get("sending", 0),
        "penstock_messages_unknown": unknown_messages,
        "campaigns_stuck": len(stuck),
        "penstock_batches_unknown": queue.unknown_batches,
        "penstock_batches_dead": queue.dead_batches,
        "penstock_accounts_held": not_sending.held,
        "penstock_accounts_failing": not_sending.failing,
        "penstock_reports_waiting": waiting,
        "penstock_reports_parked": parked,
        "penstock_look_ups_expected_seconds": sum(questions.values()) // max(1, look_ups_per_s),
    }
