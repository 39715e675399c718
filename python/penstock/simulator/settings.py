"""Every switch of the simulator, on one page.

Where Mitto's messaging API leaves a question open, both readings are a switch here; the default is the reading that is
harder for a client.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
Span = Annotated[float, Meta(ge=0)]
ReportShape = Literal["array", "object", "form", "query"]
ReportKeys = Literal["messaging", "fallback", "classic"]


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the simulator is told at start; times are milliseconds (`_ms`) or seconds (`_s`)."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8090
    """Port to listen on; 0 takes a free one."""
    keys: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: {"simulator-key": ()})
    """API key → traffic accounts it may use; an empty tuple allows any."""
    foreign_account_status: Literal[403, 400] = 403
    """Answer to a traffic account the key may not use."""
    seed: int = 1
    """Makes ids, final states and delays repeatable."""
    journal: Path | None = None
    """The ground truth, appended to; without it a file in a temporary folder, removed at the end."""
    references: Literal["shown", "ignored", "refused"] = "shown"
    """Whether a message's `reference` is shown by a look-up, taken and forgotten, or not taken."""
    early_404_s: Span = 0.0
    """How long after its acceptance a message is not yet found by GET."""

    finals: Mapping[str, Span] = msgspec.field(default_factory=lambda: {"Delivered": 0.97, "Failure": 0.03})
    """Final status → relative weight; any text is allowed."""
    callback: str | None = None
    """Where delivery reports are sent; without it none are."""
    secret: str | None = None
    """Value of the header `X-Webhook-Secret` on every report."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Further static headers on every report, as a registered webhook has them."""
    report_shape: ReportShape = "array"
    """A JSON array, one JSON object, one form or one query string per request."""
    report_keys: ReportKeys = "messaging"
    """Which of the key names seen in public clients the reports use."""
    report_array: Positive = 500
    """Reports in one array at most."""
    report_delay_ms: Span = 500.0
    """Mean time from acceptance to the final state."""
    report_jitter_ms: Span = 250.0
    """Greatest distance from that mean."""
    report_rate: Span = 0.0
    """Reports per second at most; 0 is unlimited."""
    report_concurrency: Positive = 4
    """Report requests in flight at most."""
    report_timeout_s: Annotated[float, Meta(gt=0)] = 10.0
    """How long the receiver may take to answer."""
    report_attempts: Positive = 1
    """Tries per report request; Mitto documents no retry, so the default is one."""
    report_retry_gap_s: Span = 1.0
    """Wait before the second try; doubles each time."""
    report_retry_longest_s: Span = 3600.0
    """But no longer than this."""
    report_reference: bool = False
    """Whether reports repeat the message's `reference`."""
    report_recipient: bool = False
    """Whether reports name the recipient, as the object that a look-up shows does."""
    intermediate: bool = False
    """Whether `Sent` is reported half-way to the final state."""
    no_report: Share = 0.0
    """Share of messages that reach a final state without a report."""

    scenarios: tuple[str, ...] = ()
    """Rules active from the start, as `T4:next=1` or `P1:every=10,share=0.2`."""

    def __repr__(self) -> str:
        """Name the place only: keys and secrets stay out of logs."""
        return f"SimulatorSettings(host={self.host!r}, port={self.port})"
