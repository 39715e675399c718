"""What a tenant does to a campaign that was told to send: pause it, resume it, cancel it.

Each works in a transaction that its caller opens, under the campaign's lock: a claim that is running commits before it, and
the next one finds the new state. Asking for the state that a campaign is in already changes nothing and is no error: whoever
presses stop twice wants to see that it has stopped.
"""

from datetime import datetime

from msgspec import Struct

from penstock.domain.campaign import CampaignEvent, CampaignState, next_state
from penstock.domain.errors import StateConflictError
from penstock.domain.ids import CampaignId, TenantId
from penstock.ingest.control import keep_quiet, open_batches, read_campaign
from penstock.ingest.opening import lock_or_refuse
from penstock.store import control
from penstock.store.campaigns import Campaign
from penstock.store.control import Standing
from penstock.store.pool import Connection


class Canceled(Struct, frozen=True, kw_only=True):
    """A campaign that will send nothing more, and where its messages were at that instant; the five make up all of them."""

    campaign: Campaign
    stopped: int
    """Not sent and not going to be: those that waited, and those left out before."""
    in_flight: int
    """In requests that had left: each ends as sent, unknown, or stopped after all."""
    sent: int
    """Accepted by the provider, whatever became of them."""
    unknown: int
    refused: int
    """Rejected by the provider, or out of validity before they were sent."""


async def pause(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, reason: str | None) -> Campaign:
    """Claim nothing more of it; before its time has come: do not start it. Requests that have left are answered for."""
    campaign = await lock_or_refuse(connection, tenant_id, campaign_id)
    if campaign.state is not CampaignState.PAUSED:
        _check(campaign, CampaignEvent.PAUSE, "be paused")
        await control.pause_campaign(connection, tenant_id, campaign_id, reason)
    return await read_campaign(connection, tenant_id, campaign_id)


async def resume(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId, now: datetime) -> Campaign:
    """Go on where it was paused. One that had not begun waits for its time, or begins now where that has passed."""
    campaign = await lock_or_refuse(connection, tenant_id, campaign_id)
    if campaign.state in (CampaignState.SENDING, CampaignState.SCHEDULED):
        return campaign
    _check(campaign, CampaignEvent.RESUME, "be resumed")
    if campaign.started_at is not None:
        await control.resume_campaign(connection, tenant_id, campaign_id)
        await control.pace_batches(connection, tenant_id, campaign_id)
        await keep_quiet(connection, campaign)
    elif campaign.send_at is not None and campaign.send_at > now:
        await control.schedule_campaign(connection, tenant_id, campaign_id)
    else:
        await open_batches(connection, campaign)
    return await read_campaign(connection, tenant_id, campaign_id)


async def cancel(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Canceled:
    """End it. What is queued becomes canceled behind (reconcile/canceled.py); what may have left keeps its own fate."""
    campaign = await lock_or_refuse(connection, tenant_id, campaign_id)
    if campaign.state is not CampaignState.CANCELED:
        _check(campaign, CampaignEvent.CANCEL, "be canceled")
        await control.cancel_campaign(connection, tenant_id, campaign_id)
    standing = await control.get_standing(connection, tenant_id, campaign_id)
    return _canceled(await read_campaign(connection, tenant_id, campaign_id), standing)


def _canceled(campaign: Campaign, standing: Standing) -> Canceled:
    return Canceled(
        campaign=campaign,
        stopped=standing.queued - standing.in_flight + standing.canceled,
        in_flight=standing.in_flight,
        sent=standing.accepted + standing.expired - standing.expired_unsent,
        unknown=standing.unknown,
        refused=standing.rejected + standing.expired_unsent,
    )


def _check(campaign: Campaign, event: CampaignEvent, what: str) -> None:
    if next_state(campaign.state, event) is None:
        raise StateConflictError(f"A campaign that is {campaign.state} cannot {what}.")
