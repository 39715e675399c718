"""What will be reported about the messages of one request, and how: values only, which scenarios change.

The unchanged plan follows the settings: one final report per message after a delay.
"""

from dataclasses import dataclass, field
from typing import Literal

from penstock.simulator.settings import ReportKeys, ReportShape, SimulatorSettings

Kind = Literal["final", "sent", "again", "conflict", "stranger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Reports besides the final one, `lag_s` after it (negative: before)."""

    kind: Kind
    lag_s: float
    share: float = 1.0
    """Share of the messages they concern."""
    restamped: bool = False
    """Whether a repeated report carries its own time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The reports of one request."""

    shape: ReportShape
    keys: ReportKeys
    array: int
    delay_s: float
    jitter_s: float
    silent: float
    extras: tuple[Extra, ...] = ()
    final: str | None = None
    """Final state of all messages, instead of a drawn one."""
    description: str | None = None
    odd: bool = False
    """Whether values are unlike anything documented."""
    held: bool = False
    """Whether the reports wait to be asked for instead of for their time."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of the report requests."""


def usual_plan(settings: SimulatorSettings) -> Plan:
    """Return the plan the settings describe."""
    delay = settings.report_delay_ms / 1000
    secret = {} if settings.secret is None else {"X-Webhook-Secret": settings.secret}
    return Plan(
        shape=settings.report_shape,
        keys=settings.report_keys,
        array=settings.report_array,
        delay_s=delay,
        jitter_s=settings.report_jitter_ms / 1000,
        silent=settings.no_report,
        extras=(Extra(kind="sent", lag_s=-delay / 2),) if settings.intermediate else (),
        headers={**settings.headers, **secret},
    )
