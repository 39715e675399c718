"""Running counts of what the simulator saw and did."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Summary:
    """Counts since start."""

    requests: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    accepted: int = 0
    finals: Counter[str] = field(default_factory=Counter)
    reports_sent: int = 0
    reports_failed: int = 0
    report_requests: int = 0
    reports_waiting: int = 0

    def render(self) -> dict[str, Any]:
        """Return the counts as the admin API shows them; reports count single reports, not HTTP requests."""
        return {
            "requests": self.requests,
            "refused": {str(status): count for status, count in self.refused.items()},
            "accepted": self.accepted,
            "finals": dict(self.finals),
            "open": self.accepted - self.finals.total(),
            "reports": {
                "sent": self.reports_sent,
                "failed": self.reports_failed,
                "waiting": self.reports_waiting,
                "requests": self.report_requests,
            },
        }
