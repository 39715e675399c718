"""What is stored, as it is shown: one function a view, no I/O."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, cast

import msgspec

from penstock.api import schemas
from penstock.domain.batch import BatchState
from penstock.domain.campaign import CampaignState
from penstock.domain.counter import POSSIBLE_DUPLICATES, RECEIVED, SKIPPED_PREFIX, skipped_total
from penstock.domain.ids import message_id
from penstock.domain.message import MessageState
from penstock.domain.quiet_hours import QuietHours
from penstock.domain.tenant import CallLimits, TenantSettings
from penstock.ingest.keys import MadeKey
from penstock.ingest.quote import Quote
from penstock.limits.demand import Standing
from penstock.limits.rules import TABLE, WINDOW_S
from penstock.reconcile.resolve import Resolution
from penstock.store.accounts import Account
from penstock.store.audit import RecordedAct
from penstock.store.campaigns import Campaign
from penstock.store.dead_letters import DeadLetter
from penstock.store.findings import RecordedFinding
from penstock.store.keys import ApiKey
from penstock.store.messages import Message
from penstock.store.tenants import Tenant
from penstock.store.unknown import DoubtfulBatch
from penstock.store.uploads import SkippedRow, Upload

# A finish that is further away says nothing; it would also not fit a date.
_FURTHEST_FINISH: Final = timedelta(days=30)


def counts(books: Mapping[str, int]) -> schemas.Counts:
    """The books under the names that the API promises."""
    by_reason = {name.removeprefix(SKIPPED_PREFIX): n for name, n in books.items() if name.startswith(SKIPPED_PREFIX) and n}
    states = {state.value: books.get(state.value, 0) for state in MessageState}
    return schemas.Counts(received=books.get(RECEIVED, 0), skipped=skipped_total(books), skipped_by_reason=by_reason, **states)


def summary(campaign: Campaign, books: Mapping[str, int]) -> schemas.CampaignSummary:
    """A campaign in a list."""
    return schemas.CampaignSummary(
        id=str(campaign.campaign_id), name=campaign.name, state=campaign.state, created_at=campaign.created_at,
        started_at=campaign.started_at, completed_at=campaign.completed_at, segments=campaign.segments, counts=counts(books),
    )  # fmt: skip


def whole(campaign: Campaign, books: Mapping[str, int], uploads: list[Upload], now: datetime) -> schemas.CampaignView:
    """A campaign by itself."""
    short = summary(campaign, books)
    # It completes when every report has come or the report window is over, so what is sent then has no report.
    silent = short.counts.sent if campaign.state is CampaignState.COMPLETED else 0
    return schemas.CampaignView(
        **msgspec.structs.asdict(short), text=campaign.text, sender=campaign.sender, default_region=campaign.default_region,
        countries=campaign.countries, max_parts=campaign.max_parts, validity_s=campaign.validity_s,
        expires_at=campaign.expires_at, send_at=campaign.send_at, pace=_pace(campaign), auto_pause=_auto_pause(campaign),
        quiet_hours=quiet_hours(campaign.quiet_hours),
        paused_at=campaign.paused_at, pause_reason=campaign.pause_reason, longest=campaign.longest,
        retry_of=None if campaign.retry_of is None else str(campaign.retry_of), sent_without_report=silent,
        resend_unknown_after_s=campaign.resend_unknown_after_s, possible_duplicates=books.get(POSSIBLE_DUPLICATES, 0),
        messages_dropped_at=campaign.messages_dropped_at,
        uploads=[upload(one) for one in uploads], progress=progress(campaign, short.counts, now),
    )  # fmt: skip


def quote(made: Quote) -> schemas.Quote:
    """A dry run."""
    books = counts(made.books)
    return schemas.Quote(
        recipients=books.received - books.skipped, skipped=books.skipped, skipped_by_reason=books.skipped_by_reason,
        segments=made.campaign.segments, longest=made.campaign.longest, encoding=made.encoding.name,
        forcing=made.encoding.forcing, expected_start_at=made.starts_at, expected_finish_at=made.finishes_at,
        would_send_now=not made.obstacles,
        why_not=[schemas.Obstacle(code=code, detail=detail) for code, detail in made.obstacles],
    )  # fmt: skip


def _pace(campaign: Campaign) -> schemas.Pace | None:
    return None if campaign.pace_s is None else schemas.Pace(over_s=campaign.pace_s)


def _auto_pause(campaign: Campaign) -> schemas.AutoPauseRule | None:
    rule = campaign.auto_pause
    return None if rule is None else schemas.AutoPauseRule(failed=rule.failed, unknown=rule.unknown, after=rule.after)


def quiet_hours(hours: QuietHours | None) -> schemas.QuietHours | None:
    """When nothing is sent."""
    return None if hours is None else schemas.QuietHours(start=hours.start, end=hours.end, days=list(hours.days))


def upload(stored: Upload) -> schemas.UploadView:
    """An upload as it stands."""
    return schemas.UploadView(
        upload_id=stored.upload_id, state=cast("Literal['open', 'complete']", stored.state), rows=stored.rows,
        line=stored.line, accepted=stored.accepted, skipped=stored.skipped, started_at=stored.started_at,
    )  # fmt: skip


def progress(campaign: Campaign, books: schemas.Counts, now: datetime) -> schemas.Progress | None:
    """How far sending has come, once it has begun."""
    if campaign.started_at is None:
        return None
    total = books.received - books.skipped
    handled = total - books.queued
    seconds = ((campaign.completed_at or now) - campaign.started_at).total_seconds()
    rate = handled / seconds if seconds > 0 else 0.0
    finish = None
    if rate > 0 and books.queued and campaign.state is CampaignState.SENDING:
        wait = timedelta(seconds=min(books.queued / rate, _FURTHEST_FINISH.total_seconds() * 2))
        finish = now + wait if wait <= _FURTHEST_FINISH else None
    return schemas.Progress(handled=handled, total=total, average_per_s=round(rate, 1), expected_finish_at=finish)


def skipped(row: SkippedRow, upload_ids: Mapping[int, str]) -> schemas.SkippedView:
    """A row that did not become a message."""
    return schemas.SkippedView(upload_id=upload_ids.get(row.upload_no, ""), line=row.line, reason=row.reason, detail=row.detail)


def message(campaign: Campaign, stored: Message) -> schemas.MessageView:
    """A recipient's message."""
    return schemas.MessageView(
        id=message_id(campaign.campaign_id, stored.seq), to=number(stored.msisdn), state=MessageState(stored.state),
        segments=stored.segments, sent_at=stored.sent_at, final_at=stored.final_at,
        report_closed_at=stored.report_closed_at, provider_id=stored.provider_id, error=stored.error,
    )  # fmt: skip


def report_line(stored: Message) -> schemas.ReportLine:
    """A recipient's message as a line of the report."""
    return schemas.ReportLine(
        to=number(stored.msisdn), state=MessageState(stored.state), segments=stored.segments, sent_at=stored.sent_at,
        final_at=stored.final_at, provider_id=stored.provider_id, error=stored.error,
    )  # fmt: skip


def number(msisdn: int) -> str:
    """A number as every answer writes it."""
    return f"+{msisdn}"


def tenant(stored: Tenant) -> schemas.TenantView:
    """A tenant with its settings."""
    return schemas.TenantView(
        id=stored.tenant_id, name=stored.name, state="active" if stored.deactivated_at is None else "deactivated",
        created_at=stored.created_at, deactivated_at=stored.deactivated_at,
        settings=_settings(stored.settings),
    )  # fmt: skip


def _own(limits: CallLimits | Literal["trial"] | None) -> schemas.OwnLimits | Literal["trial"] | None:
    return schemas.OwnLimits(**msgspec.structs.asdict(limits)) if isinstance(limits, CallLimits) else limits


def limit(standing: Standing) -> schemas.LimitView:
    """A limit of callers as it stands."""
    rule = TABLE[standing.scope]
    return schemas.LimitView(
        name=rule.name, counts=rule.counts, limit=standing.limit, window_s=WINDOW_S[rule.window],
        remaining=standing.remaining, resets_in_s=round(standing.reset_us / 1_000_000, 3),
    )  # fmt: skip


_OF_PROVIDER: Final = {
    "account": "requests of one traffic account", "tenant": "requests of one tenant",
    "segments": "segments of one traffic account",
}  # fmt: skip


def provider_limit(standing: Standing, window_s: float) -> schemas.ProviderLimitView:
    """A limit of requests to the provider as it stands."""
    return schemas.ProviderLimitView(
        name=cast("Literal['account', 'tenant', 'segments']", standing.scope), counts=_OF_PROVIDER[standing.scope],
        limit=standing.limit, window_s=window_s, remaining=standing.remaining,
        resets_in_s=round(standing.reset_us / 1_000_000, 3),
    )  # fmt: skip


def _settings(stored: TenantSettings) -> schemas.SettingsView:
    shown = {"quiet_hours": quiet_hours(stored.quiet_hours), "limits": _own(stored.limits)}
    return schemas.SettingsView(**{**msgspec.structs.asdict(stored), **shown})


def key(stored: ApiKey, now: datetime) -> schemas.KeyView:
    """A key, by what may be shown of it."""
    return schemas.KeyView(
        id=stored.key_id, prefix=stored.prefix, label=stored.label, scopes=sorted(stored.scopes), state=stored.state(now),
        created_at=stored.created_at, expires_at=stored.expires_at, last_used_at=stored.last_used_at,
        revoked_at=stored.revoked_at,
    )  # fmt: skip


def shown_key(made: MadeKey, now: datetime) -> schemas.ShownKey:
    """The same with the key itself, this once."""
    return schemas.ShownKey(**msgspec.structs.asdict(key(made.key, now)), key=made.new.text)


def act(stored: RecordedAct) -> schemas.ActView:
    """A row of the audit log."""
    return schemas.ActView(
        id=stored.audit_id, at=stored.at, actor=stored.actor, action=stored.action, tenant_id=stored.tenant_id,
        subject=stored.subject, detail=stored.detail,
    )  # fmt: skip


def doubtful_batch(stored: DoubtfulBatch) -> schemas.DoubtfulBatchView:
    """A batch that somebody should look at."""
    order = cast("Literal['sampled', 'confirmed', 'contradicted', 'unproven'] | None", stored.mapping)
    return schemas.DoubtfulBatchView(
        id=stored.batch_id, tenant_id=stored.tenant_id, campaign_id=str(stored.campaign_id), state=stored.state,
        account_id=stored.account_id, messages=stored.messages, unknown=stored.unknown, reason=stored.reason, order=order,
        sent_at=stored.started_at, since=stored.since,
    )  # fmt: skip


def resolution(made: Resolution) -> schemas.ResolutionView:
    """What an operator's word settled."""
    return schemas.ResolutionView(
        id=made.batch_id, tenant_id=made.tenant_id, campaign_id=str(made.campaign_id), outcome=made.claim,
        messages=made.messages, state=made.batch,
    )  # fmt: skip


def account(stored: Account) -> schemas.AccountView:
    """A traffic account."""
    return schemas.AccountView(
        id=stored.account_id, state="open" if stored.held_until is None else "held", held_until=stored.held_until,
        held_reason=stored.held_reason, failures_in_a_row=stored.backoff_step, learned_batch_size=stored.learned_batch_size,
        requests_max=stored.requests_max, segments_per_s=stored.segments_per_s,
    )  # fmt: skip


def dead_letter(stored: DeadLetter) -> schemas.DeadLetterView:
    """A dead batch, or what became of one."""
    return schemas.DeadLetterView(
        batch_id=stored.batch_id, state=BatchState(stored.state), tenant_id=stored.tenant_id,
        campaign_id=str(stored.campaign_id), campaign_state=CampaignState(stored.campaign_state), first_seq=stored.first_seq,
        last_seq=stored.last_seq, messages=stored.messages, failures=stored.failures, failure=stored.failure,
        failed_at=stored.failed_at,
    )  # fmt: skip


def finding(stored: RecordedFinding) -> schemas.FindingView:
    """What reconciliation came upon."""
    return schemas.FindingView(
        id=stored.finding_id, kind=stored.kind, subject=stored.subject, tenant_id=stored.tenant_id,
        campaign_id=None if stored.campaign_id is None else str(stored.campaign_id), is_repaired=stored.is_repaired,
        detail=stored.detail, times=stored.times, found_at=stored.found_at, seen_at=stored.seen_at,
    )  # fmt: skip
