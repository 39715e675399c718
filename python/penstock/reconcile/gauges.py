"""Gauges over the whole database, read by the leader only, so that replicas do not count everything twice."""

from penstock.reconcile.stuck import MOST_STUCK, STUCK_AFTER
from penstock.store import accounts, campaigns, recounts, reports, system
from penstock.store.pool import Store
from penstock.telemetry.metrics import LeaderGauges


async def read_gauges(store: Store, gauges: LeaderGauges) -> None:
    """Read them afresh."""
    async with store.engine() as connection:
        by_state = await campaigns.count_by_state(connection)
        queue = await system.count_queue(connection)
        waiting, parked = await reports.count_waiting(connection)
        stuck = await recounts.list_stuck(connection, STUCK_AFTER, MOST_STUCK)
        not_sending = await accounts.count_not_sending(connection)
    gauges.campaigns = by_state
    gauges.values = {
        "queue_sms_waiting": queue.waiting,
        "queue_campaign_waiting": by_state.get("sending", 0),
        "campaigns_stuck": len(stuck),
        "penstock_batches_unknown": queue.unknown_batches,
        "penstock_batches_dead": queue.dead_batches,
        "penstock_accounts_held": not_sending.held,
        "penstock_accounts_failing": not_sending.failing,
        "penstock_reports_waiting": waiting,
        "penstock_reports_parked": parked,
    }
