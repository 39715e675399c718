"""What the handlers share, in one struct."""

from dataclasses import dataclass

from penstock.simulator.accepted import AcceptedRequests
from penstock.simulator.journal import Journal
from penstock.simulator.reports import ReportSchedule
from penstock.simulator.rules import Rules
from penstock.simulator.settings import SimulatorSettings
from penstock.simulator.summary import Summary


@dataclass(slots=True, frozen=True, kw_only=True)
class Parts:
    """The running simulator's memory and switches."""

    settings: SimulatorSettings
    summary: Summary
    rules: Rules
    journal: Journal
    requests: AcceptedRequests
    schedule: ReportSchedule
