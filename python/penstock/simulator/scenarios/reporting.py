"""Delivery reports that come twice, late, early, never, contradicting, or in another form."""
# ruff: noqa: ARG002 - a scenario is offered more than it needs

from dataclasses import replace

import msgspec
from aiohttp import web

from penstock.simulator.plan import Extra, Plan
from penstock.simulator.scenarios.base import Call, Scenario
from penstock.simulator.settings import Positive, ReportKeys, ReportShape, Share, Span


class DuplicateReports(Scenario):
    """Reports come again, identical or with another time."""

    times: Positive = 1
    gap_s: Span = 0.1
    restamped: bool = False
    share: Share = 1.0

    def plan(self, plan: Plan) -> Plan:
        """Add repetitions."""
        again = (
            Extra(kind="again", lag_s=self.gap_s * (number + 1), share=self.share, restamped=self.restamped)
            for number in range(self.times)
        )
        return replace(plan, extras=(*plan.extras, *again))


class OutOfOrderReports(Scenario):
    """The final report first, then `Sent`."""

    lag_s: Span = 0.1

    def plan(self, plan: Plan) -> Plan:
        """Put `Sent` behind the final state."""
        others = tuple(extra for extra in plan.extras if extra.kind != "sent")
        return replace(plan, extras=(*others, Extra(kind="sent", lag_s=self.lag_s)))


class LateReports(Scenario):
    """The final state comes after so many seconds."""

    seconds: Span = 172_800.0

    def plan(self, plan: Plan) -> Plan:
        """Delay."""
        return replace(plan, delay_s=self.seconds, jitter_s=0.0)


class EarlyReports(Scenario):
    """Reports arrive before the answer to the request that caused them."""

    def plan(self, plan: Plan) -> Plan:
        """Hold the reports for `answer`."""
        return replace(plan, held=True, delay_s=0.0, jitter_s=0.0)

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Report, then let the answer go."""
        if call.accepted:
            await call.report_now(call.accepted)
        return None


class StrangeReports(Scenario):
    """Reports for ids that were never issued, every second one malformed, beside the true ones."""

    share: Share = 1.0

    def plan(self, plan: Plan) -> Plan:
        """Add strangers."""
        return replace(plan, extras=(*plan.extras, Extra(kind="stranger", lag_s=0.0, share=self.share)))


class ConflictingReports(Scenario):
    """A second final state contradicts the first."""

    lag_s: Span = 0.1
    share: Share = 1.0

    def plan(self, plan: Plan) -> Plan:
        """Add the contradiction."""
        extra = Extra(kind="conflict", lag_s=self.lag_s, share=self.share, restamped=True)
        return replace(plan, extras=(*plan.extras, extra))


class OddReports(Scenario):
    """Unknown statuses, missing members, numbers instead of text, huge error codes, null ids."""

    def plan(self, plan: Plan) -> Plan:
        """Distort."""
        return replace(plan, odd=True)


class ReportForm(Scenario):
    """Another body shape (array, object, form, query) or other key names (messaging, fallback, classic)."""

    body: ReportShape = msgspec.field(default="form", name="shape")
    keys: ReportKeys = "classic"

    def plan(self, plan: Plan) -> Plan:
        """Change the form."""
        return replace(plan, shape=self.body, keys=self.keys)


class WrongSecret(Scenario):
    """Reports with a wrong secret, or with none if `value` is empty."""

    value: str = "not-the-secret"

    def plan(self, plan: Plan) -> Plan:
        """Replace the secret."""
        others = {name: value for name, value in plan.headers.items() if name != "X-Webhook-Secret"}
        return replace(plan, headers=others | ({"X-Webhook-Secret": self.value} if self.value else {}))


class NoReports(Scenario):
    """A share of the messages is never reported."""

    share: Share = 1.0

    def plan(self, plan: Plan) -> Plan:
        """Silence."""
        return replace(plan, silent=self.share)


class LateFailure(Scenario):
    """Accepted, then a final failure with a description."""

    status: str = "Failure"
    description: str = "Insufficient balance"

    def plan(self, plan: Plan) -> Plan:
        """Fail all of them."""
        return replace(plan, final=self.status, description=self.description)
